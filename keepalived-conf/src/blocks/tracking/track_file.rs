//! `track_file`: a file whose number moves a priority or a weight.

use std::sync::LazyLock;

use crate::blocks::Config;
use crate::diagnostic::{Class, Code, Diagnostic};
use crate::schema::{Again, Block, Node, Seen, Shape, int, kw};
use crate::value::Args;

pub const NO_FILE: Code = Code::new("KC100", "a tracked file without a path");

#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct TrackFile {
    pub name: String,
    pub path: String,
    pub weight: i16,
    pub reverse: bool,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub seen: Seen,
}

impl Node for TrackFile {
    fn seen(&mut self) -> &mut Seen {
        &mut self.seen
    }
}

pub static BLOCK: LazyLock<Block<TrackFile>> = LazyLock::new(|| {
    Block::new(
        "track_file",
        vec![
            kw("file")
                .arg(Shape::Word("PATH"))
                .doc("File to watch. Its first number is the value; an empty or absent file counts as 0.")
                .since("2.1.0")
                .again(Again::First)
                .set(|track, args| {
                    if let Some(path) = args.text() {
                        track.path = path;
                    }
                }),
            kw("weight")
                .arg(int(-254, 254))
                .opt(Shape::Choice(&["reverse"]))
                .default("1")
                .otherwise("1 is used")
                .doc("Multiplier of the value; with 0 a value other than 0 means FAULT.")
                .since("2.1.0")
                .set(|track, args| {
                    track.weight = args.num_or(1);
                    track.reverse = args.given() && args.choice().is_some();
                }),
        ],
    )
});

pub(crate) fn open(_: &mut Config, args: &mut Args<'_, '_>) -> Option<TrackFile> {
    let name = args.text()?;
    Some(TrackFile { name, path: String::new(), weight: 1, reverse: false, seen: Seen::default() })
}

pub(crate) fn close(config: &mut Config, track: TrackFile, args: &mut Args<'_, '_>) {
    if track.path.is_empty() {
        let finding = Diagnostic::error(NO_FILE, format!("track file `{}` has no `file`", track.name))
            .class(Class::General)
            .at(track.seen.head, "left out");
        args.push(finding);
        return;
    }
    config.tracking.files.push(track);
}

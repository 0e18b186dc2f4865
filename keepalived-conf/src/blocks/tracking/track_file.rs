// SPDX-License-Identifier: MIT OR Apache-2.0
//! `track_file`: a file whose number moves a priority or a weight.

use std::sync::LazyLock;

use super::{BAD_OPTION, UNWATCHABLE};
use crate::blocks::Config;
use crate::diagnostic::{Class, Code, Diagnostic};
use crate::environment::{Answer, InodeKind};
use crate::interpret::WRITTEN_TWICE;
use crate::schema::{Again, Block, Keyword, Node, Seen, Setting, Shape, int, kw};
use crate::source::Host;
use crate::value::{Args, OUT_OF_RANGE};

pub const NO_FILE: Code = Code::new("KC100", "a tracked file without a path");

#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct TrackFile {
    pub name: String,
    pub path: String,
    pub weight: Setting<i16>,
    pub reverse: bool,
    /// The file is made at start when it is not there.
    pub init: Option<InitFile>,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub seen: Seen,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct InitFile {
    pub value: i32,
    /// Written even when the file is there.
    pub overwrite: bool,
}

impl Node for TrackFile {
    fn seen(&mut self) -> &mut Seen {
        &mut self.seen
    }
}

/// The weight of a file that says nothing about it.
const WEIGHT: i16 = 1;

/// `track_file`.
pub static BLOCK: LazyLock<Block<TrackFile>> = LazyLock::new(|| Block::new("track_file", rows("2.1.0")));

/// `vrrp_track_file`, the older spelling.
pub static OLD_BLOCK: LazyLock<Block<TrackFile>> = LazyLock::new(|| Block::new("vrrp_track_file", rows("2.0.0")));

fn rows(since: &'static str) -> Vec<Keyword<TrackFile>> {
    vec![
        kw("file")
            .arg(Shape::Word("PATH"))
            .doc("File to watch. Its first number is the value; an empty or absent file counts as 0.")
            .since(since)
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
            .doc("Multiplier of the value; with 0 a value other than 0 means FAULT, with `reverse` a 0 does.")
            .since(since)
            .set(|track, args| {
                if *track.weight != WEIGHT {
                    let span = args.span();
                    args.reject(WRITTEN_TWICE, Class::General, span, "the first weight counts");
                    let _ = args.rest();
                    return;
                }
                track.weight.set(args.num_or(WEIGHT));
                track.reverse = super::reverse(args);
            }),
        kw("init_file")
            .opt(Shape::Word("VALUE"))
            .opt(Shape::Choice(&["overwrite"]))
            .default("not made")
            .otherwise("0 is written")
            .doc("At start make the file with this value, or 0; with `overwrite` also when it is there. In any order.")
            .note("Not done at a reload.")
            .since(since)
            .set(init_file),
    ]
}

pub(crate) fn open(_: &mut Config, args: &mut Args<'_, '_>) -> Option<TrackFile> {
    let name = args.text()?;
    Some(TrackFile {
        name,
        path: String::new(),
        weight: Setting::new(WEIGHT),
        reverse: false,
        init: None,
        seen: Seen::default(),
    })
}

pub(crate) fn close(config: &mut Config, track: TrackFile, args: &mut Args<'_, '_>) {
    if track.path.is_empty() {
        let finding = Diagnostic::error(NO_FILE, format!("track file `{}` has no `file`", track.name))
            .at(track.seen.head, "left out");
        args.push(finding);
        return;
    }
    if let Some(why) = unwatchable(&track, args.cx.host) {
        let finding = Diagnostic::error(UNWATCHABLE, format!("track file `{}` cannot be watched", track.name))
            .at(track.seen.span_or_head("file"), why)
            .note("the track file is left out");
        args.push(finding);
        return;
    }
    config.tracking.files.push(track);
}

/// Why changes of the file could not be seen.
fn unwatchable(track: &TrackFile, host: &dyn Host) -> Option<String> {
    if !track.path.starts_with('/') {
        return None;
    }
    let directory = match track.path.rsplit_once('/') {
        Some(("", _)) | None => "/",
        Some((directory, _)) => directory,
    };
    match host.file_system(directory) {
        Answer::Absent => return Some(format!("there is no directory {directory}")),
        Answer::Found(system) => {
            if let Some(kind) = system.unwatchable {
                return Some(format!("{directory} is on {kind}, which reports no changes"));
            }
            if system.read_only {
                return Some(format!("{directory} is on a file system that cannot be written"));
            }
        }
        Answer::Unknown => {}
    }
    let overwrites = track.init.is_some_and(|init| init.overwrite);
    match host.inode(&track.path) {
        Answer::Found(inode) if overwrites && !matches!(inode.kind, InodeKind::File) => {
            Some("not a plain file, so it is not overwritten".to_owned())
        }
        Answer::Found(_) | Answer::Absent | Answer::Unknown => None,
    }
}

fn init_file(track: &mut TrackFile, args: &mut Args<'_, '_>) {
    let mut init = InitFile::default();
    while let Some(word) = args.next_word() {
        if word.text == "overwrite" {
            init.overwrite = true;
        } else if word.text.starts_with(|c: char| c.is_ascii_digit() || c == '-' || c == '+') {
            let value = args.number_of(word, i64::from(i32::MIN), i64::from(i32::MAX), true);
            let value = value.and_then(|value| i32::try_from(value).ok()).unwrap_or(0);
            if !(-254..=254).contains(&value) {
                let finding = Diagnostic::warning(OUT_OF_RANGE, format!("`init_file {value}` is beyond any priority"))
                    .class(Class::General)
                    .at(word.span, "expected -254 to 254; used all the same");
                args.push(finding);
            }
            init.value = value;
        } else {
            args.reject(BAD_OPTION, Class::General, word.span, "expected a number or `overwrite`");
        }
    }
    track.init = Some(init);
}

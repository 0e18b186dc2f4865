// SPDX-License-Identifier: MIT OR Apache-2.0
//! `FILE_CHECK`: the number in a tracked file.

use std::sync::LazyLock;

use super::check::Checker;
use super::codes::NO_FILE;
use super::real_server::RealServer;
use crate::diagnostic::Diagnostic;
use crate::schema::{Block, Node, Seen, Setting, Shape, int, kw};
use crate::span::Name;
use crate::value::Args;

#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct FileCheck {
    pub track_file: Name,
    /// The value times this is added to the real server's weight; 0 means that a value other than 0 is failure.
    pub weight: Setting<i32>,
    pub reverse: Setting<bool>,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub seen: Seen,
}

impl Node for FileCheck {
    fn seen(&mut self) -> &mut Seen {
        &mut self.seen
    }
}

pub static BLOCK: LazyLock<Block<FileCheck>> = LazyLock::new(|| {
    Block::new(
        "FILE_CHECK",
        vec![
            kw("track_file")
                .must(Shape::Word("NAME"))
                .default("must be given")
                .otherwise("the check is left out")
                .doc("The `track_file` block to follow.")
                .note("May stand before that block; keepalived wants the block first.")
                .since("2.1.0")
                .set(|check: &mut FileCheck, args| {
                    if let Some(word) = args.word() {
                        check.track_file = Name::new(word.text, word.span);
                    }
                }),
            kw("weight")
                .arg(int(-(i32::MAX as i64), i32::MAX as i64))
                .opt(Shape::Choice(&["reverse", "noreverse"]))
                .default("the track file's")
                .otherwise("the line is ignored")
                .doc("Multiplier of the value, which is then added to the weight of the real server.")
                .note("With 0 a value other than 0 is failure, or 0 itself with `reverse`.")
                .since("2.1.0")
                .set(|check: &mut FileCheck, args| {
                    let Some(weight) = args.num() else {
                        args.rest();
                        return;
                    };
                    if args.given() {
                        let Some(reverse) = args.choice() else { return };
                        check.reverse.set(reverse == "reverse");
                    }
                    check.weight.set(weight);
                }),
        ],
    )
});

pub(crate) fn open(_: &mut RealServer, _: &mut Args<'_, '_>) -> Option<FileCheck> {
    Some(FileCheck {
        track_file: Name::default(),
        weight: Setting::new(1),
        reverse: Setting::new(false),
        seen: Seen::default(),
    })
}

pub(crate) fn close(server: &mut RealServer, check: FileCheck, args: &mut Args<'_, '_>) {
    if check.track_file.is_empty() {
        let finding = Diagnostic::error(NO_FILE, "`FILE_CHECK` without `track_file`")
            .at(check.seen.head, "left out")
            .note("then: without another check the server always counts as up");
        args.push(finding);
        return;
    }
    server.checkers.push(Checker::File(Box::new(check)));
}

#[cfg(test)]
mod tests;

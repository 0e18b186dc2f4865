// SPDX-License-Identifier: MIT OR Apache-2.0
//! `BFD_CHECK`: the state of a BFD session.

use std::sync::LazyLock;

use super::check::Checker;
use super::codes::{NO_BFD, ONE_WORD, TWICE_BFD};
use super::defaults::BOOL;
use super::real_server::RealServer;
use crate::diagnostic::{Class, Diagnostic};
use crate::schema::{Again, Block, Node, Seen, Setting, Shape, kw};
use crate::span::Name;
use crate::value::Args;

#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct BfdCheck {
    pub name: Name,
    pub alpha: Setting<bool>,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub seen: Seen,
}

impl Node for BfdCheck {
    fn seen(&mut self) -> &mut Seen {
        &mut self.seen
    }
}

pub static BLOCK: LazyLock<Block<BfdCheck>> = LazyLock::new(|| {
    Block::new(
        "BFD_CHECK",
        vec![
            kw("name")
                .arg(Shape::Word("NAME"))
                .default("must be given")
                .otherwise("the check is left out")
                .doc("The `bfd_instance` to follow; one that is not limited to VRRP.")
                .note("May stand before that block; keepalived wants the block first.")
                .since("2.0.0")
                .again(Again::First)
                .set(|check: &mut BfdCheck, args| {
                    let Some(word) = args.word() else { return };
                    if let Some(second) = args.next_word() {
                        args.rest();
                        args.reject(ONE_WORD, Class::General, second.span, "one word too many");
                        return;
                    }
                    check.name = Name::new(word.text, word.span);
                }),
            kw("alpha")
                .opt(BOOL)
                .default("the real server's")
                .otherwise("the line is ignored")
                .doc("The check counts as failed until the session is up.")
                .since("2.0.0")
                .set(|check: &mut BfdCheck, args| {
                    if let Some(on) = args.bool() {
                        check.alpha.set(on);
                    }
                }),
        ],
    )
});

pub(crate) fn open(_: &mut RealServer, _: &mut Args<'_, '_>) -> Option<BfdCheck> {
    Some(BfdCheck { name: Name::default(), alpha: Setting::new(false), seen: Seen::default() })
}

pub(crate) fn close(server: &mut RealServer, check: BfdCheck, args: &mut Args<'_, '_>) {
    if check.name.is_empty() {
        let finding = Diagnostic::error(NO_BFD, "`BFD_CHECK` without `name`")
            .at(check.seen.head, "left out")
            .note("then: without another check the server always counts as up");
        args.push(finding);
        return;
    }
    let before = server.checkers.iter().find_map(|checker| match checker {
        Checker::Bfd(other) if other.name == check.name => Some(other),
        _ => None,
    });
    if let Some(before) = before {
        let finding =
            Diagnostic::error(TWICE_BFD, format!("this server follows BFD instance `{}` already", &*check.name))
                .at(check.name.span(), "left out")
                .at(before.name.span(), "followed here");
        args.push(finding);
        return;
    }
    server.checkers.push(Checker::Bfd(Box::new(check)));
}

#[cfg(test)]
mod tests;

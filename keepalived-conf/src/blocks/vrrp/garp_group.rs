// SPDX-License-Identifier: MIT OR Apache-2.0
//! `garp_group`: how close announcements may follow each other on some interfaces.

use std::sync::LazyLock;
use std::time::Duration;

use super::entry::{TWICE, interface_name};
use super::instance::put;
use crate::blocks::Config;
use crate::diagnostic::{Class, Code, Diagnostic, Severity};
use crate::schema::{Again, Block, Node, Seen, Setting, Shape, kw, seconds};
use crate::span::Name;
use crate::syntax::Word;
use crate::value::Args;

pub const NO_INTERVAL: Code = Code::new("KC171", "a garp_group without an interval");
pub const NO_INTERFACES: Code = Code::new("KC172", "a garp_group without interfaces");
pub const LONG_INTERVAL: Code = Code::new("KC173", "announcements with long gaps");

#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct GarpGroup {
    /// Least time between two gratuitous ARPs.
    pub garp_interval: Setting<Duration>,
    /// Least time between two unsolicited neighbour advertisements.
    pub gna_interval: Setting<Duration>,
    pub interfaces: Vec<Name>,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub seen: Seen,
}

impl Node for GarpGroup {
    fn seen(&mut self) -> &mut Seen {
        &mut self.seen
    }
}

pub static BLOCK: LazyLock<Block<GarpGroup>> = LazyLock::new(|| {
    Block::new(
        "garp_group",
        vec![
            kw("garp_interval")
                .must(seconds(6, 0.0, 4_294.967_295))
                .otherwise("ignored")
                .doc("Least seconds between two gratuitous ARPs on these interfaces.")
                .since("<2.0")
                .set(|group, args| put(&mut group.garp_interval, interval(args))),
            kw("gna_interval")
                .must(seconds(6, 0.0, 4_294.967_295))
                .otherwise("ignored")
                .doc("Least seconds between two unsolicited neighbour advertisements on these interfaces.")
                .since("<2.0")
                .set(|group, args| put(&mut group.gna_interval, interval(args))),
            kw("interface")
                .must(Shape::Interface)
                .doc("An interface of the group.")
                .since("<2.0")
                .again(Again::Adds)
                .set(|group, args| {
                    if let Some(word) = args.word() {
                        add(group, args, word);
                    }
                }),
            kw("interfaces").doc("Interfaces that share one spacing.").since("<2.0").again(Again::Adds).words(
                "IFACE...",
                |group, args| {
                    if let Some(word) = args.next_word() {
                        add(group, args, word);
                    }
                },
            ),
        ],
    )
});

fn interval(args: &mut Args<'_, '_>) -> Option<Duration> {
    let span = args.peek().map(|word| word.span);
    let interval = args.time()?;
    if interval >= Duration::from_secs(1) {
        let finding =
            Diagnostic::warning(LONG_INTERVAL, format!("`{}` of a second or more delays a takeover", args.keyword))
                .class(Class::Logged)
                .severity(Severity::Note)
                .at(span.unwrap_or_else(|| args.span()), "one address after the other has to wait this long");
        args.push(finding);
    }
    Some(interval)
}

fn add(group: &mut GarpGroup, args: &mut Args<'_, '_>, word: Word<'_>) {
    let Some(name) = interface_name(args, word) else { return };
    if group.interfaces.contains(&name) {
        args.reject(TWICE, Class::General, word.span, "ignored: it is in the group already");
        return;
    }
    group.interfaces.push(name);
}

pub(crate) fn open(_: &mut Config, args: &mut Args<'_, '_>) -> Option<GarpGroup> {
    args.rest();
    Some(GarpGroup::default())
}

pub(crate) fn close(config: &mut Config, group: GarpGroup, args: &mut Args<'_, '_>) {
    if !group.garp_interval.given() && !group.gna_interval.given() {
        let finding = Diagnostic::error(NO_INTERVAL, "a `garp_group` wants an interval")
            .at(group.seen.head, "left out")
            .hint("add `garp_interval SECONDS` or `gna_interval SECONDS`");
        args.push(finding);
        return;
    }
    if group.interfaces.is_empty() {
        let class = if group.seen.has("interfaces") { Class::General } else { Class::Ours };
        let finding = Diagnostic::error(NO_INTERFACES, "a `garp_group` without interfaces does nothing")
            .class(class)
            .at(group.seen.head, "")
            .hint("add `interface NAME` or `interfaces { ... }`");
        args.push(finding);
    }
    config.vrrp.garp_groups.push(group);
}

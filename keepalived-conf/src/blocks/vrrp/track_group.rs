// SPDX-License-Identifier: MIT OR Apache-2.0
//! `track_group`: instances that suffer when a static address, route or rule is lost.

use std::sync::LazyLock;

use super::instance::{block_name, defined_twice};
use super::sync_group::no_members;
use crate::blocks::Config;
use crate::diagnostic::Class;
use crate::schema::{Again, Block, Node, Seen, kw};
use crate::span::Name;
use crate::value::Args;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct TrackGroup {
    pub name: String,
    /// Names of instances; after resolving, only those that exist.
    pub group: Vec<Name>,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub seen: Seen,
}

impl Node for TrackGroup {
    fn seen(&mut self) -> &mut Seen {
        &mut self.seen
    }
}

pub static BLOCK: LazyLock<Block<TrackGroup>> = LazyLock::new(|| {
    Block::new(
        "track_group",
        vec![
            kw("group")
                .doc("Instances that go to FAULT when what names this group is lost.")
                .since("2.0.3")
                .again(Again::First)
                .words("INSTANCE...", |group, args| {
                    if let Some(word) = args.next_word() {
                        group.group.push(Name::new(word.text, word.span));
                    }
                }),
        ],
    )
});

pub(crate) fn open(config: &mut Config, args: &mut Args<'_, '_>) -> Option<TrackGroup> {
    let name = block_name(args)?;
    if let Some(first) = config.vrrp.track_groups.named(&name.text) {
        defined_twice(args, &name, first.seen.head);
        return None;
    }
    Some(TrackGroup { name: name.text, ..TrackGroup::default() })
}

pub(crate) fn close(config: &mut Config, group: TrackGroup, args: &mut Args<'_, '_>) {
    if group.group.is_empty() {
        no_members(args, "track group", &group.name, group.seen.head, Class::General);
        return;
    }
    config.vrrp.track_groups.push(group);
}

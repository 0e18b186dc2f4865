// SPDX-License-Identifier: MIT OR Apache-2.0
//! `vrrp_sync_group`: instances that change state together.

use std::sync::LazyLock;

use super::entry::track::{INTERFACE_SYNTAX, Kind, SYNTAX, Tracks};
use super::instance::{block_name, defined_twice, put};
use crate::blocks::Config;
use crate::diagnostic::{Class, Code, Diagnostic};
use crate::schema::{Again, Block, Keyword, Node, Seen, Setting, Shape, Status, kw};
use crate::script::Script;
use crate::script::settle::{Role, Visit, retain};
use crate::span::{Name, Span};
use crate::value::Args;

pub const NO_MEMBERS: Code = Code::new("KC170", "a group without members");

#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct SyncGroup {
    pub name: String,
    /// Names of instances; after resolving, only those that exist and are in no other group.
    pub group: Vec<Name>,
    pub tracks: Tracks,
    pub notify_backup: Option<Script>,
    pub notify_master: Option<Script>,
    pub notify_fault: Option<Script>,
    pub notify_stop: Option<Script>,
    pub notify: Option<Script>,
    pub smtp_alert: Setting<bool>,
    pub sync_group_tracking_weight: bool,
    pub notify_priority_changes: Setting<bool>,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub seen: Seen,
}

impl SyncGroup {
    pub fn new(name: impl Into<String>) -> SyncGroup {
        SyncGroup {
            name: name.into(),
            group: Vec::new(),
            tracks: Tracks::default(),
            notify_backup: None,
            notify_master: None,
            notify_fault: None,
            notify_stop: None,
            notify: None,
            smtp_alert: Setting::new(false),
            sync_group_tracking_weight: false,
            notify_priority_changes: Setting::new(false),
            seen: Seen::default(),
        }
    }

    /// Every script.
    pub fn scripts(&self) -> impl Iterator<Item = &Script> {
        [&self.notify_backup, &self.notify_master, &self.notify_fault, &self.notify_stop, &self.notify]
            .into_iter()
            .flatten()
    }

    /// Every place that holds a script.
    pub fn visit_scripts(&mut self, visit: &mut Visit<'_>) {
        let SyncGroup { notify_backup, notify_master, notify_fault, notify_stop, notify, .. } = self;
        for place in [notify_backup, notify_master, notify_fault, notify_stop, notify] {
            retain(place, Role::Other, visit);
        }
    }
}

impl Node for SyncGroup {
    fn seen(&mut self) -> &mut Seen {
        &mut self.seen
    }
}

pub static BLOCK: LazyLock<Block<SyncGroup>> = LazyLock::new(|| {
    let mut rows: Vec<Keyword<SyncGroup>> = vec![
        kw("group")
            .doc("The members, by name. They may be defined before or after the group.")
            .since("<2.0")
            .again(Again::First)
            .words("INSTANCE...", |group, args| {
                if let Some(word) = args.next_word() {
                    group.group.push(Name::new(word.text, word.span));
                }
            }),
    ];
    rows.extend(track_rows());
    rows.extend(notify_rows());
    rows.extend(other_rows());
    Block::new("vrrp_sync_group", rows)
});

fn track_rows() -> Vec<Keyword<SyncGroup>> {
    vec![
        kw("track_interface")
            .doc("Interfaces that every member tracks.")
            .since("2.0.0")
            .again(Again::Adds)
            .lines(INTERFACE_SYNTAX, |group, args| group.tracks.read(args, Kind::Interface)),
        kw("track_script")
            .doc("Scripts that every member tracks.")
            .since("2.0.0")
            .again(Again::Adds)
            .lines(SYNTAX, |group, args| group.tracks.read(args, Kind::Script)),
        kw("track_file")
            .doc("Files that every member tracks.")
            .since("2.0.0")
            .again(Again::Adds)
            .lines(SYNTAX, |group, args| group.tracks.read(args, Kind::File)),
        kw("track_process")
            .doc("Processes that every member tracks.")
            .since("2.0.11")
            .again(Again::Adds)
            .lines(SYNTAX, |group, args| group.tracks.read(args, Kind::Process)),
        kw("track_bfd")
            .doc("BFD sessions that every member tracks.")
            .since("2.0.0")
            .again(Again::Adds)
            .lines(SYNTAX, |group, args| group.tracks.read(args, Kind::Bfd)),
    ]
}

fn notify_rows() -> Vec<Keyword<SyncGroup>> {
    vec![
        kw("notify_backup")
            .must(Shape::Script)
            .doc("Run when the group becomes backup.")
            .since("<2.0")
            .again(Again::First)
            .set(|group, args| group.notify_backup = args.script()),
        kw("notify_master")
            .must(Shape::Script)
            .doc("Run when the group becomes master.")
            .since("<2.0")
            .again(Again::First)
            .set(|group, args| group.notify_master = args.script()),
        kw("notify_fault")
            .must(Shape::Script)
            .doc("Run when the group enters FAULT.")
            .since("<2.0")
            .again(Again::First)
            .set(|group, args| group.notify_fault = args.script()),
        kw("notify_stop")
            .must(Shape::Script)
            .doc("Run when VRRP stops.")
            .since("2.0.0")
            .again(Again::First)
            .set(|group, args| group.notify_stop = args.script()),
        kw("notify")
            .must(Shape::Script)
            .doc("Run on every change, with GROUP, the name, the state and the priority as further arguments.")
            .since("<2.0")
            .again(Again::First)
            .set(|group, args| group.notify = args.script()),
    ]
}

fn other_rows() -> Vec<Keyword<SyncGroup>> {
    vec![
        kw("smtp_alert")
            .opt(Shape::Bool)
            .default("`smtp_alert_vrrp`, else `smtp_alert`, else off")
            .otherwise("ignored")
            .doc("Send mail when the group changes state.")
            .since("<2.0")
            .set(|group, args| put(&mut group.smtp_alert, args.bool())),
        kw("sync_group_tracking_weight")
            .default("off")
            .doc("Members may track with weights, so that their priorities may differ.")
            .note("Without it a weight is taken away: what is tracked so leads to FAULT or is not tracked.")
            .since("2.0.0")
            .set(|group, args| {
                args.rest();
                group.sync_group_tracking_weight = true;
            }),
        kw("global_tracking")
            .default("off")
            .doc("The former spelling of `sync_group_tracking_weight`.")
            .note("keepalived counts it as an error.")
            .since("<2.0")
            .status(Status::Deprecated("track on the group, or write `sync_group_tracking_weight`"))
            .graded(Class::General)
            .set(|group, args| {
                args.rest();
                group.sync_group_tracking_weight = true;
            }),
        kw("notify_priority_changes")
            .opt(Shape::Bool)
            .default("`vrrp_notify_priority_changes`")
            .otherwise("ignored")
            .doc("What members use that say nothing themselves.")
            .since("2.2.0")
            .set(|group, args| put(&mut group.notify_priority_changes, args.bool())),
    ]
}

pub(crate) fn open(config: &mut Config, args: &mut Args<'_, '_>) -> Option<SyncGroup> {
    let name = block_name(args)?;
    if let Some(first) = config.vrrp.sync_groups.named(&name.text) {
        defined_twice(args, &name, first.seen.head);
        return None;
    }
    Some(SyncGroup::new(name.text))
}

pub(crate) fn close(config: &mut Config, group: SyncGroup, args: &mut Args<'_, '_>) {
    if group.group.is_empty() {
        no_members(args, "sync group", &group.name, group.seen.head, Class::General);
        return;
    }
    config.vrrp.sync_groups.push(group);
}

pub(super) fn no_members(args: &mut Args<'_, '_>, what: &str, name: &str, head: Span, class: Class) {
    let finding = Diagnostic::error(NO_MEMBERS, format!("{what} `{name}` has no members"))
        .class(class)
        .at(head, "left out")
        .hint("list the members in `group { ... }`");
    args.push(finding);
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whom to tell about changes.

use super::{VrrpInstance, put};
use crate::blocks::vrrp::entry::interface_name;
use crate::diagnostic::Class;
use crate::schema::{Again, Keyword, Shape, Status, kw};
use crate::script::Script;
use crate::script::settle::{Role, Visit, retain};
use crate::value::Args;

/// Scripts to run on changes of state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Notify {
    pub backup: Option<Script>,
    pub master: Option<Script>,
    pub fault: Option<Script>,
    pub stop: Option<Script>,
    /// `notify_deleted`: an instance that a reload removes is reported as deleted, not as faulty.
    pub says_deleted: bool,
    pub deleted: Option<Script>,
    /// `notify`: on any change, after the others.
    pub any: Option<Script>,
    pub master_rx_lower_pri: Option<Script>,
}

impl Notify {
    /// Every script.
    pub fn scripts(&self) -> impl Iterator<Item = &Script> {
        let Notify { backup, master, fault, stop, says_deleted: _, deleted, any, master_rx_lower_pri } = self;
        [backup, master, fault, stop, deleted, any, master_rx_lower_pri].into_iter().flatten()
    }

    /// Every place that holds a script.
    pub fn visit_scripts(&mut self, visit: &mut Visit<'_>) {
        let Notify { backup, master, fault, stop, says_deleted: _, deleted, any, master_rx_lower_pri } = self;
        for place in [backup, master, fault, stop, deleted, any, master_rx_lower_pri] {
            retain(place, Role::Other, visit);
        }
    }
}

pub(super) fn rows() -> Vec<Keyword<VrrpInstance>> {
    let mut rows: Vec<Keyword<VrrpInstance>> = vec![
        kw("notify_backup")
            .must(Shape::Script)
            .doc("Run on becoming backup.")
            .since("<2.0")
            .again(Again::First)
            .set(|instance, args| instance.notify.backup = args.script()),
        kw("notify_master")
            .must(Shape::Script)
            .doc("Run on becoming master.")
            .since("<2.0")
            .again(Again::First)
            .set(|instance, args| instance.notify.master = args.script()),
        kw("notify_fault")
            .must(Shape::Script)
            .doc("Run on entering FAULT.")
            .since("<2.0")
            .again(Again::First)
            .set(|instance, args| instance.notify.fault = args.script()),
        kw("notify_stop")
            .must(Shape::Script)
            .doc("Run when VRRP stops.")
            .since("<2.0")
            .again(Again::First)
            .set(|instance, args| instance.notify.stop = args.script()),
        kw("notify_deleted")
            .opt(Shape::Script)
            .default("off")
            .doc("Report an instance that a reload removes as DELETED instead of FAULT, and run the script.")
            .since("2.1.0")
            .again(Again::First)
            .set(|instance, args| {
                instance.notify.says_deleted = true;
                if args.given() {
                    instance.notify.deleted = args.script();
                }
            }),
        kw("notify")
            .must(Shape::Script)
            .doc("Run on every change, with INSTANCE, the name, the state and the priority as further arguments.")
            .since("<2.0")
            .again(Again::First)
            .set(|instance, args| instance.notify.any = args.script()),
        kw("notify_master_rx_lower_pri")
            .must(Shape::Script)
            .doc("Run when a master hears an advert of lower priority.")
            .since("2.0.6")
            .again(Again::First)
            .set(|instance, args| instance.notify.master_rx_lower_pri = args.script()),
    ];
    rows.extend(other_rows());
    rows
}

fn other_rows() -> Vec<Keyword<VrrpInstance>> {
    vec![
        kw("smtp_alert")
            .opt(Shape::Bool)
            .default("`smtp_alert_vrrp`, else `smtp_alert`, else off")
            .otherwise("ignored")
            .doc("Send mail on changes of state.")
            .since("<2.0")
            .set(|instance, args| put(&mut instance.smtp_alert, args.bool())),
        kw("notify_priority_changes")
            .opt(Shape::Bool)
            .default("that of the sync group, else `vrrp_notify_priority_changes`")
            .otherwise("ignored")
            .doc("Write changes of priority to the notification pipes.")
            .since("2.0.16")
            .set(|instance, args| put(&mut instance.notify_priority_changes, args.bool())),
        kw("lvs_sync_daemon_interface")
            .must(Shape::Interface)
            .doc("Tie the kernel's connection synchronisation on this interface to the instance.")
            .note("keepalived counts it as an error.")
            .since("<2.0")
            .again(Again::Adds)
            .status(Status::Deprecated("write `lvs_sync_daemon INTERFACE INSTANCE` in `global_defs`"))
            .graded(Class::General)
            .set(lvs_sync_daemon),
    ]
}

fn lvs_sync_daemon(instance: &mut VrrpInstance, args: &mut Args<'_, '_>) {
    let Some(word) = args.word() else { return };
    if instance.lvs_sync_daemon_interface.is_none() {
        instance.lvs_sync_daemon_interface = interface_name(args, word);
    }
}

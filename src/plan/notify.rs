// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who is told what about VRRP: scripts of instances and groups, named pipes.

use std::collections::BTreeMap;
use std::time::Duration;

use keepalived_conf::Config;
use keepalived_conf::blocks::global::fifo::Fifo;
use keepalived_conf::blocks::global::mail::SmtpServer;
use keepalived_conf::script::{RunAs, Script};

use super::vrrp::VrrpPlan;
use crate::proto::vrrp::{GroupId, InstanceId};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NotifyPlan {
    pub instances: BTreeMap<InstanceId, Hooks>,
    pub groups: BTreeMap<GroupId, Hooks>,
    /// Lines go to every one of them.
    pub pipes: Vec<Pipe>,
    /// `None` sends no mail.
    pub mail: Option<MailPlan>,
    /// FAULT is not mailed.
    pub no_fault_mails: bool,
    /// After a reload every state is written to the pipes again.
    pub states_on_reload: bool,
}

/// The scripts of an instance or a group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hooks {
    pub name: String,
    pub master: Option<Script>,
    pub backup: Option<Script>,
    pub fault: Option<Script>,
    pub stop: Option<Script>,
    pub deleted: Option<Script>,
    /// A removal is called DELETED and not FAULT.
    pub says_deleted: bool,
    /// Called on every change, with what changed as arguments.
    pub any: Option<Script>,
    pub master_rx_lower_pri: Option<Script>,
    pub priority_changes: bool,
    /// Changes of state are mailed.
    pub mails: bool,
}

/// Where mail goes, and from whom to whom. What is `None` is this machine's own name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailPlan {
    pub server: SmtpServer,
    pub timeout: Duration,
    pub recipients: Vec<String>,
    pub router: Option<String>,
    pub from: Option<String>,
    pub helo: Option<String>,
}

impl MailPlan {
    /// Nothing where there is no server, or nobody to write to.
    pub fn compile(config: &Config) -> Option<MailPlan> {
        let mail = &config.global.mail;
        let server = mail.server.clone().filter(|_| !mail.recipients.is_empty())?;
        Some(MailPlan {
            server,
            timeout: *mail.connect_timeout,
            recipients: mail.recipients.clone(),
            router: mail.router_id.clone(),
            from: mail.from.clone(),
            helo: mail.helo.clone(),
        })
    }
}

/// A named pipe, whom it belongs to, and what reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pipe {
    pub path: String,
    pub owner: Option<RunAs>,
    pub script: Option<Script>,
}

impl NotifyPlan {
    /// For the instances and groups of `plan`.
    pub fn compile(config: &Config, plan: &VrrpPlan) -> NotifyPlan {
        let mut notify = NotifyPlan { states_on_reload: config.global.vrrp.states_on_reload, ..NotifyPlan::default() };
        notify.mail = MailPlan::compile(config);
        notify.no_fault_mails = config.global.mail.no_faults;
        let fifos = &config.global.fifo;
        notify.pipes = [&fifos.all, &fifos.vrrp].into_iter().filter_map(pipe).collect();
        for (id, name) in &plan.instances {
            let Some(instance) = config.vrrp.instance(name) else { continue };
            let scripts = &instance.notify;
            let hooks = Hooks {
                name: name.clone(),
                master: scripts.master.clone(),
                backup: scripts.backup.clone(),
                fault: scripts.fault.clone(),
                stop: scripts.stop.clone(),
                deleted: scripts.deleted.clone(),
                says_deleted: scripts.says_deleted,
                any: scripts.any.clone(),
                master_rx_lower_pri: scripts.master_rx_lower_pri.clone(),
                priority_changes: *instance.notify_priority_changes,
                mails: *instance.smtp_alert,
            };
            notify.instances.insert(*id, hooks);
        }
        for (id, name) in &plan.groups {
            let Some(group) = config.vrrp.sync_groups.iter().find(|group| group.name == *name) else { continue };
            let hooks = Hooks {
                name: name.clone(),
                master: group.notify_master.clone(),
                backup: group.notify_backup.clone(),
                fault: group.notify_fault.clone(),
                stop: group.notify_stop.clone(),
                any: group.notify.clone(),
                mails: *group.smtp_alert,
                ..Hooks::default()
            };
            notify.groups.insert(*id, hooks);
        }
        notify
    }
}

pub(super) fn pipe(written: &Fifo) -> Option<Pipe> {
    let path = written.path.clone()?;
    Some(Pipe { path, owner: written.owner.clone(), script: written.script.clone() })
}

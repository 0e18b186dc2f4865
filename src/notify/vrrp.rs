// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the outside is told of VRRP: which scripts an event runs, which line it writes to the pipes, and which mail it
//! sends. The words and their order are keepalived's, because other programs read them.

mod mail;

use std::collections::BTreeMap;

use self::mail::{Mails, Whose};
use super::Notifier;
use super::smtp::Alert;
use crate::kernel::child::Command;
use crate::proto::vrrp::{Event, GroupId, InstanceId, Phase};

/// The commands of an instance or a group, ready to run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hooks {
    pub name: String,
    pub master: Option<Command>,
    pub backup: Option<Command>,
    pub fault: Option<Command>,
    pub stop: Option<Command>,
    pub deleted: Option<Command>,
    /// A removal is called DELETED and not FAULT.
    pub says_deleted: bool,
    /// Run on every change, with what changed as further arguments.
    pub any: Option<Command>,
    pub master_rx_lower_pri: Option<Command>,
    /// Changes of priority are written to the pipes.
    pub priority_changes: bool,
    /// Changes of state are mailed.
    pub mails: bool,
}

/// All hooks of a configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Book {
    pub instances: BTreeMap<InstanceId, Hooks>,
    pub groups: BTreeMap<GroupId, Hooks>,
    /// FAULT is not mailed.
    pub no_fault_mails: bool,
    /// After a reload the pipes get the state of everything.
    pub states_on_reload: bool,
}

impl Book {
    /// Whether some event runs a program.
    pub fn runs_anything(&self) -> bool {
        self.instances.values().chain(self.groups.values()).any(|hooks| {
            let Hooks { master, backup, fault, stop, deleted, any, master_rx_lower_pri, .. } = hooks;
            [master, backup, fault, stop, deleted, any, master_rx_lower_pri].into_iter().any(Option::is_some)
        })
    }
}

/// One thing to be done about an event.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Call {
    /// In order with everything else of this name.
    Script(String, Command),
    Line(String),
    Mail(Alert),
}

/// Turns events into scripts, lines and mails. Knows the last priority of every instance, which STOP and DELETED repeat.
#[derive(Debug, Default)]
pub struct Herald {
    book: Book,
    priorities: BTreeMap<InstanceId, u8>,
    /// What was told last, or would have been.
    states: BTreeMap<InstanceId, Phase>,
    group_states: BTreeMap<GroupId, Phase>,
    mails: Mails,
}

impl Herald {
    pub fn new(book: Book) -> Herald {
        Herald { book, ..Herald::default() }
    }

    /// Uses other hooks from now on. Those of names that are gone stay until their removal has been told. The pipes get
    /// the state of those that stay, if that is wanted.
    pub fn turn_to(&mut self, book: Book, notifier: &mut Notifier) {
        for line in self.standing(&book) {
            notifier.line(&line);
        }
        for (id, hooks) in book.instances {
            self.book.instances.insert(id, hooks);
        }
        for (id, hooks) in book.groups {
            self.book.groups.insert(id, hooks);
        }
        self.book.no_fault_mails = book.no_fault_mails;
    }

    /// The lines about everything that was there before and stays, groups first.
    fn standing(&self, next: &Book) -> Vec<String> {
        if !next.states_on_reload {
            return Vec::new();
        }
        let groups = next
            .groups
            .iter()
            .filter_map(|(id, hooks)| Some(line("GROUP", &hooks.name, word(*self.group_states.get(id)?)?, 0)));
        let instances = next.instances.iter().filter_map(|(id, hooks)| {
            Some(line("INSTANCE", &hooks.name, word(*self.states.get(id)?)?, *self.priorities.get(id)?))
        });
        groups.chain(instances).collect()
    }

    pub fn tell(&mut self, event: &Event, notifier: &mut Notifier) {
        for call in self.calls(event) {
            match call {
                Call::Script(name, command) => notifier.script(&name, command),
                Call::Line(line) => notifier.line(&line),
                Call::Mail(alert) => notifier.mail(alert),
            }
        }
    }

    fn calls(&mut self, event: &Event) -> Vec<Call> {
        match event {
            Event::Entered { instance, to, priority, notify, .. } => {
                self.priorities.insert(*instance, *priority);
                self.states.insert(*instance, *to);
                let Some(word) = word(*to).filter(|_| *notify) else { return Vec::new() };
                self.instance(*instance, word, |hooks| hooks.of(*to))
            }
            Event::PriorityChanged { instance, to, phase, .. } => {
                self.priorities.insert(*instance, *to);
                let word = if *phase == Phase::Master { "MASTER_PRIORITY" } else { "BACKUP_PRIORITY" };
                match self.book.instances.get(instance).filter(|hooks| hooks.priority_changes) {
                    Some(hooks) => vec![Call::Line(line("INSTANCE", &hooks.name, word, *to))],
                    None => Vec::new(),
                }
            }
            Event::OtherMaster { instance, .. } => self.other_master(*instance),
            Event::Stopped { instance, .. } => self.instance(*instance, "STOP", |hooks| hooks.stop.as_ref()),
            Event::Removed { instance, from } => self.removed(*instance, *from),
            Event::GroupEntered { group, to } => {
                self.group_states.insert(*group, *to);
                match word(*to) {
                    Some(word) => self.group(*group, word, |hooks| hooks.of(*to)),
                    None => Vec::new(),
                }
            }
            Event::GroupStopped { group } => self.group(*group, "STOP", |hooks| hooks.stop.as_ref()),
            Event::GroupRemoved { group } => {
                self.book.groups.remove(group);
                self.group_states.remove(group);
                self.mails.forget(Whose::Group(*group));
                Vec::new()
            }
            // Nobody outside is told of the rest; it is in the log and in the counters.
            Event::Tracked { .. }
            | Event::FaultRaised { .. }
            | Event::FaultCleared { .. }
            | Event::Refused { .. }
            | Event::IntervalDiffers { .. }
            | Event::AddressesDiffer { .. }
            | Event::ClockSkew { .. }
            | Event::MasterChanged { .. }
            | Event::Preempting { .. }
            | Event::PreemptDelayStarted { .. }
            | Event::OtherMasterGone { .. }
            | Event::AddressClash { .. }
            | Event::AddressClaimed { .. }
            | Event::TwoOwners { .. }
            | Event::HandingOver { .. }
            | Event::HandedOver { .. }
            | Event::HoldingsRefused { .. }
            | Event::HoldingLost { .. }
            | Event::Slept { .. }
            | Event::Retuned { .. }
            | Event::Stands { .. }
            | Event::Finished => Vec::new(),
        }
    }

    fn instance(&mut self, id: InstanceId, word: &'static str, own: impl Fn(&Hooks) -> Option<&Command>) -> Vec<Call> {
        let Some(hooks) = self.book.instances.get(&id) else { return Vec::new() };
        let priority = self.priorities.get(&id).copied().unwrap_or(0);
        let mut calls = hooks.calls("INSTANCE", word, priority, own(hooks));
        calls.extend(self.mails.about(Whose::Instance(id), hooks, word, self.book.no_fault_mails).map(Call::Mail));
        calls
    }

    fn group(&mut self, id: GroupId, word: &'static str, own: impl Fn(&Hooks) -> Option<&Command>) -> Vec<Call> {
        let Some(hooks) = self.book.groups.get(&id) else { return Vec::new() };
        let mut calls = hooks.calls("GROUP", word, 0, own(hooks));
        calls.extend(self.mails.about(Whose::Group(id), hooks, word, self.book.no_fault_mails).map(Call::Mail));
        calls
    }

    fn other_master(&self, id: InstanceId) -> Vec<Call> {
        let Some(hooks) = self.book.instances.get(&id) else { return Vec::new() };
        let priority = self.priorities.get(&id).copied().unwrap_or(0);
        let script = hooks.master_rx_lower_pri.clone().map(|command| Call::Script(hooks.name.clone(), command));
        let line = Call::Line(line("INSTANCE", &hooks.name, "MASTER_RX_LOWER_PRI", priority));
        script.into_iter().chain([line]).collect()
    }

    /// Without `notify_deleted` a removal is told as FAULT, but not to the fault script, and not at all when the
    /// instance was in FAULT already.
    fn removed(&mut self, id: InstanceId, from: Phase) -> Vec<Call> {
        let calls = match self.book.instances.get(&id) {
            None => Vec::new(),
            Some(hooks) if hooks.says_deleted => self.instance(id, "DELETED", |hooks| hooks.deleted.as_ref()),
            Some(_) if from == Phase::Fault => Vec::new(),
            Some(_) => self.instance(id, "FAULT", |_| None),
        };
        self.book.instances.remove(&id);
        self.priorities.remove(&id);
        self.states.remove(&id);
        self.mails.forget(Whose::Instance(id));
        calls
    }
}

impl Hooks {
    fn of(&self, phase: Phase) -> Option<&Command> {
        match phase {
            Phase::Init => None,
            Phase::Backup => self.backup.as_ref(),
            Phase::Master => self.master.as_ref(),
            Phase::Fault => self.fault.as_ref(),
        }
    }

    /// The script of the state, then the one for every change, then the line.
    fn calls(&self, kind: &str, word: &str, priority: u8, own: Option<&Command>) -> Vec<Call> {
        let any = self.any.clone().map(|mut command| {
            command.argv.extend([kind, &self.name, word].map(str::to_owned));
            command.argv.push(priority.to_string());
            command
        });
        let scripts = own.cloned().into_iter().chain(any);
        scripts
            .map(|command| Call::Script(self.name.clone(), command))
            .chain([Call::Line(line(kind, &self.name, word, priority))])
            .collect()
    }
}

fn line(kind: &str, name: &str, word: &str, priority: u8) -> String {
    format!("{kind} \"{name}\" {word} {priority}\n")
}

fn word(phase: Phase) -> Option<&'static str> {
    match phase {
        Phase::Init => None,
        Phase::Backup => Some("BACKUP"),
        Phase::Master => Some("MASTER"),
        Phase::Fault => Some("FAULT"),
    }
}

#[cfg(test)]
mod tests;

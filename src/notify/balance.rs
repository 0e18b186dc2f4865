// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the outside is told of load balancing: which scripts an event runs, which line it writes to the pipes, and which
//! mail is sent. The words are keepalived's, because other programs read them.

mod mail;

use std::collections::BTreeMap;

use super::Notifier;
use super::smtp::Alert;
use crate::kernel::child::Command;
use crate::plan::lvs::{Check, LvsPlan, Server, Service};
use crate::proto::health::{CheckerId, Engine, Event, ServerId, ServiceId};

/// Numbers as the operator knows them: by the configuration that counts, or for what is gone by the one before.
#[derive(Clone, Copy, Debug)]
pub struct Names<'a> {
    pub now: &'a LvsPlan,
    pub before: Option<&'a LvsPlan>,
}

impl<'a> Names<'a> {
    pub fn look<T>(self, find: impl Fn(&'a LvsPlan) -> Option<T>) -> Option<T> {
        find(self.now).or_else(|| self.before.and_then(find))
    }

    pub fn service(self, id: ServiceId) -> Option<&'a Service> {
        self.look(|plan| plan.services.get(&id))
    }

    pub fn server(self, id: ServerId) -> Option<&'a Server> {
        self.look(|plan| plan.servers.get(&id))
    }

    pub fn check(self, id: CheckerId) -> Option<&'a Check> {
        self.look(|plan| plan.checkers.get(&id))
    }

    pub fn service_of(self, id: ServerId) -> Option<ServiceId> {
        self.look(|plan| plan.setup.servers.get(&id).map(|server| server.service))
    }

    pub fn service_name(self, id: ServiceId) -> String {
        self.service(id).map_or_else(|| format!("virtual server {}", id.0), |service| service.name.clone())
    }

    pub fn server_name(self, id: ServerId) -> String {
        self.server(id).map_or_else(|| format!("real server {}", id.0), |server| server.name.clone())
    }

    /// Of the virtual server that a real server is in.
    pub fn service_name_of(self, id: ServerId) -> String {
        self.service_of(id).map(|id| self.service_name(id)).unwrap_or_default()
    }
}

/// The commands of a virtual server or a real server, ready to run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hooks {
    pub up: Option<Command>,
    pub down: Option<Command>,
}

/// All hooks of a configuration; whoever has none is not in here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Book {
    pub services: BTreeMap<ServiceId, Hooks>,
    pub servers: BTreeMap<ServerId, Hooks>,
}

impl Book {
    pub fn is_empty(&self) -> bool {
        self.services.is_empty() && self.servers.is_empty()
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

/// Turns events into scripts, lines and mail.
#[derive(Debug, Default)]
pub struct Herald {
    book: Book,
    /// Those before the last reload, for what is gone.
    old: Book,
}

impl Herald {
    /// Uses other hooks from now on.
    pub fn turn_to(&mut self, book: Book) {
        self.old = std::mem::replace(&mut self.book, book);
    }

    /// `engine`: as it is after the event; `why`: what the check behind it said.
    pub fn tell(&self, event: &Event, names: Names<'_>, engine: &Engine, why: &str, notifier: &mut Notifier) {
        let is_up = |id| engine.server(id).is_some_and(|server| server.up);
        for call in self.calls(event, names, is_up, why) {
            match call {
                Call::Script(name, command) => notifier.script(&name, command),
                Call::Line(line) => notifier.line(&line),
                Call::Mail(alert) => notifier.mail(alert),
            }
        }
    }

    fn calls(&self, event: &Event, names: Names<'_>, is_up: impl Fn(ServerId) -> bool, why: &str) -> Vec<Call> {
        let mut calls = match event {
            Event::Server { server, up, notify: true, cause: _ } => self.server(*server, *up, names),
            Event::Quorum { service, up, .. } => self.service(*service, *up, names),
            // Of the rest, scripts and pipes know nothing.
            Event::Server { notify: false, .. }
            | Event::Checker { .. }
            | Event::CheckFailed { .. }
            | Event::NotChecked { .. }
            | Event::CheckedAgain { .. }
            | Event::Weight { .. }
            | Event::Sorry { .. }
            | Event::Suspended { .. }
            | Event::Resumed { .. }
            | Event::TableRefused { .. }
            | Event::TableUnavailable
            | Event::TableSettled
            | Event::TableDrifted
            | Event::Answered { .. }
            | Event::WishOver { .. }
            | Event::Finished => Vec::new(),
        };
        calls.extend(mail::about(event, names, is_up, why).map(Call::Mail));
        calls
    }

    fn server(&self, id: ServerId, up: bool, names: Names<'_>) -> Vec<Call> {
        let hooks = self.book.servers.get(&id).or_else(|| self.old.servers.get(&id));
        let (name, of) = (names.server_name(id), names.service_name_of(id));
        // The same server may stand in several virtual servers.
        calls(hooks, &format!("{name} of {of}"), up, format!("RS {name} {of}"))
    }

    fn service(&self, id: ServiceId, up: bool, names: Names<'_>) -> Vec<Call> {
        let hooks = self.book.services.get(&id).or_else(|| self.old.services.get(&id));
        let name = names.service_name(id);
        calls(hooks, &name, up, format!("VS {name}"))
    }
}

/// The script, then the line, which ends in a newline and a zero octet as keepalived's does.
fn calls(hooks: Option<&Hooks>, name: &str, up: bool, line: String) -> Vec<Call> {
    let script = hooks.and_then(|hooks| if up { hooks.up.clone() } else { hooks.down.clone() });
    let script = script.map(|command| Call::Script(name.to_owned(), command));
    let word = if up { "UP" } else { "DOWN" };
    script.into_iter().chain([Call::Line(format!("{line} {word}\n\0"))]).collect()
}

#[cfg(test)]
mod tests;

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Events in words. They read as keepalived's log does, because people and programs watch for those lines; everything it
//! does not say is in words of our own.

use std::collections::BTreeMap;
use std::time::Duration;

use keepalived_conf::blocks::lvs::check::Checker;

use crate::channel::Happened;
use crate::notify::balance::Names;
use crate::observe::log::Level;
use crate::plan::lvs::LvsPlan;
use crate::proto::health::{Cause, CheckerId, Engine, Event, ServerId, ServiceId};

/// Checkers that begin or end with one reload and are named one by one; of more, only the number is told.
const NAMED_MAX: usize = 64;

/// What the log says of an event. `whys`: why the last check did not succeed.
pub(super) fn lines(
    event: &Event,
    names: Names<'_>,
    engine: &Engine,
    whys: &BTreeMap<CheckerId, String>,
) -> Vec<(Level, String)> {
    let words = Words(names);
    let why = |checker: &CheckerId| whys.get(checker).map(|why| format!(" ({why})")).unwrap_or_default();
    let one = |level, text: String| vec![(level, text)];
    match event {
        Event::Checker { checker, up, first: _, failures } => {
            let text = if *up { words.well(*checker) } else { words.unwell(*checker, *failures) + &why(checker) };
            one(Level::Info, text)
        }
        Event::CheckFailed { checker, left } => one(
            Level::Info,
            format!("{} failed{}, {left} more attempts before it counts", words.check(*checker), why(checker)),
        ),
        Event::NotChecked { checker } => one(
            Level::Warning,
            format!(
                "{} could not be made{}; that says nothing about the server and is tried again",
                words.check(*checker),
                why(checker)
            ),
        ),
        Event::CheckedAgain { checker, missed } => {
            one(Level::Notice, format!("{} is made again after {missed} that could not be made", words.check(*checker)))
        }
        Event::Server { server, up, cause, notify: _ } => {
            words.server_moved(*server, *up, *cause).map(|text| (Level::Info, text)).into_iter().collect()
        }
        Event::Weight { server, from, to } => {
            let active = if engine.server(*server).is_some_and(|server| server.up) { "" } else { "in" };
            one(Level::Info, format!("Changing weight from {from} to {to} for {active}active {}", words.of(*server)))
        }
        Event::Quorum { service, up, cause, weight, quorum, hysteresis } => {
            let name = names.service_name(*service);
            let (quorum, hysteresis) = (u64::from(*quorum), u64::from(*hysteresis));
            one(
                Level::Info,
                if *up {
                    format!("Gained quorum {quorum}+{hysteresis}={} <= {weight} for VS {name}", quorum + hysteresis)
                } else {
                    let words = if *cause == Cause::Start { "Starting with quorum down" } else { "Lost quorum" };
                    format!(
                        "{words} {quorum}-{hysteresis}={} > {weight} for VS {name}",
                        quorum.saturating_sub(hysteresis)
                    )
                },
            )
        }
        Event::Sorry { service, used } => {
            words.sorry(*service, *used).into_iter().map(|text| (Level::Info, text)).collect()
        }
        Event::Suspended { service } => {
            one(Level::Info, format!("Suspending healthcheckers for VS {}", names.service_name(*service)))
        }
        Event::Resumed { service } => {
            one(Level::Info, format!("Activating healthcheckers for VS {}", names.service_name(*service)))
        }
        Event::TableRefused { fronts } => {
            let services = fronts.iter().filter_map(|front| names.now.setup.fronts.get(front));
            let mut services: Vec<String> =
                services.flat_map(|front| &front.services).map(|service| names.service_name(*service)).collect();
            services.dedup();
            one(
                Level::Error,
                format!("the kernel's table is not as wanted for VS {}; it is tried again", services.join(", VS ")),
            )
        }
        Event::TableSettled => one(Level::Notice, "the kernel's table is as wanted again".to_owned()),
        Event::WishOver { server } => {
            one(Level::Notice, format!("what an operator wished for {} is over", words.of(*server)))
        }
        // The director says these with what it knows of them.
        Event::TableUnavailable | Event::TableDrifted => Vec::new(),
        // Whoever gave the order is told.
        Event::Answered { .. } => Vec::new(),
        Event::Finished => one(Level::Debug, "nothing is balanced any more".to_owned()),
    }
}

/// A line of the log as an event.
pub(super) fn happened(event: &Event, names: Names<'_>, level: Level, text: &str, wall: Duration) -> Happened {
    let about = match event {
        Event::Checker { checker, .. }
        | Event::CheckFailed { checker, .. }
        | Event::NotChecked { checker }
        | Event::CheckedAgain { checker, .. } => Some(Words(names).server_of(*checker)),
        Event::Server { server, .. } | Event::Weight { server, .. } | Event::WishOver { server } => {
            Some(names.server_name(*server))
        }
        Event::Quorum { service, .. }
        | Event::Sorry { service, .. }
        | Event::Suspended { service }
        | Event::Resumed { service } => Some(names.service_name(*service)),
        Event::TableRefused { .. }
        | Event::TableUnavailable
        | Event::TableSettled
        | Event::TableDrifted
        | Event::Answered { .. }
        | Event::Finished => None,
    };
    let state = match event {
        Event::Checker { up, .. } | Event::Server { up, .. } | Event::Quorum { up, .. } => Some(*up),
        _ => None,
    };
    Happened {
        at_ms: u64::try_from(wall.as_millis()).unwrap_or(u64::MAX),
        about,
        level: level.word().to_owned(),
        text: text.to_owned(),
        state: state.map(|up| if up { "UP" } else { "DOWN" }.to_owned()),
        ..Happened::default()
    }
}

/// What a reload begins and ends with.
pub(super) fn changes(before: &LvsPlan, now: &LvsPlan) -> Vec<String> {
    let names = Names { now, before: Some(before) };
    let words = Words(names);
    let gone_services = before.setup.services.keys().filter(|id| !now.setup.services.contains_key(id));
    let gone_servers = before.setup.servers.keys().filter(|id| !now.setup.servers.contains_key(id));
    let new = now.setup.checkers.iter().filter(|(id, _)| !before.setup.checkers.contains_key(id));
    let gone: Vec<String> = (gone_services.map(|id| names.service_name(*id)))
        .chain(gone_servers.map(|id| names.server_name(*id)))
        .map(|name| format!("service {name} no longer exist"))
        .collect();
    let new: Vec<String> = new
        .map(|(_, checker)| {
            format!("Activating healthchecker for {}", words.of(checker.server).replace(" of VS ", " for VS "))
        })
        .collect();
    let many = |lines: Vec<String>, what: &str| {
        if lines.len() > NAMED_MAX { vec![format!("{} {what}", lines.len())] } else { lines }
    };
    [many(gone, "virtual and real servers no longer exist"), many(new, "healthcheckers activated")].concat()
}

/// Names in the phrases they stand in.
#[derive(Clone, Copy)]
struct Words<'a>(Names<'a>);

impl Words<'_> {
    /// `service RS of VS VS`.
    fn of(self, id: ServerId) -> String {
        format!("service {} of VS {}", self.0.server_name(id), self.0.service_name_of(id))
    }

    fn server_of(self, id: CheckerId) -> String {
        self.0.check(id).map(|check| self.0.server_name(check.server)).unwrap_or_default()
    }

    fn service_of(self, id: CheckerId) -> String {
        self.0.check(id).map(|check| self.0.service_name_of(check.server)).unwrap_or_default()
    }

    fn kind(self, id: CheckerId) -> Option<&'static str> {
        self.0.check(id).map(|check| word(&check.check))
    }

    /// `TCP_CHECK on service RS`.
    fn check(self, id: CheckerId) -> String {
        format!("{} on service {}", self.kind(id).unwrap_or("check"), self.server_of(id))
    }

    /// What the log says of the first success, and of a recovery.
    fn well(self, id: CheckerId) -> String {
        let name = self.server_of(id);
        match self.0.check(id).map(|check| check.check.as_ref()) {
            Some(Checker::Tcp(_)) => format!("TCP connection to {name} success."),
            Some(Checker::Udp(_)) => format!("UDP connection to {name} success."),
            Some(Checker::Ping(_)) => format!("ICMP connection to {name} success."),
            Some(Checker::Http(_)) => format!("Remote Web server {name} succeed on service."),
            Some(Checker::Smtp(_)) => format!("Remote SMTP server {name} succeed on service."),
            Some(Checker::Misc(check)) => {
                let service = self.service_of(id);
                format!("Misc check for [{name} VS {service}] by [{}] succeeded.", check_program(check))
            }
            Some(Checker::Dns(_) | Checker::File(_) | Checker::Bfd(_)) | None => {
                format!("{} succeed.", self.check(id))
            }
        }
    }

    /// What it says of the failure that counts.
    fn unwell(self, id: CheckerId, failures: u32) -> String {
        let after = match failures.saturating_sub(1) {
            0 => String::new(),
            retries => format!(" after {retries} retries"),
        };
        match self.0.check(id).map(|check| check.check.as_ref()) {
            Some(Checker::Misc(check)) => {
                let (name, service) = (self.server_of(id), self.service_of(id));
                format!("Misc check for [{name} VS {service}] by [{}] failed{after}.", check_program(check))
            }
            _ => format!("{} failed{after}.", self.check(id)),
        }
    }

    fn server_moved(self, id: ServerId, up: bool, cause: Cause) -> Option<String> {
        let inhibits = self.0.look(|plan| plan.setup.servers.get(&id)).is_some_and(|server| server.inhibit);
        let (verb, word) = match (up, cause, inhibits) {
            // It was never there.
            (false, Cause::NeverUp(_), _) => return None,
            (false, Cause::Stop, _) => ("Shutting down", "from"),
            (true, _, true) => ("Enabling", "to"),
            (false, _, true) if cause != Cause::Removed => ("Disabling", "from"),
            (true, _, false) => ("Adding", "to"),
            (false, _, _) => ("Removing", "from"),
        };
        Some(format!("{verb} service {} {word} VS {}", self.0.server_name(id), self.0.service_name_of(id)))
    }

    fn sorry(self, id: ServiceId, used: bool) -> [String; 2] {
        let name = self.0.service_name(id);
        let sorry = self.0.look(|plan| plan.setup.services.get(&id)?.sorry.as_ref());
        let inhibits = sorry.is_some_and(|sorry| sorry.inhibit);
        let server = self.0.service(id).and_then(|service| service.sorry.clone()).unwrap_or_default();
        if used {
            let verb = if inhibits { "Enabling" } else { "Adding" };
            [
                format!("Removing alive servers from the pool for VS {name}"),
                format!("{verb} sorry server {server} to VS {name}"),
            ]
        } else {
            let verb = if inhibits { "Disabling" } else { "Removing" };
            [
                format!("{verb} sorry server {server} from VS {name}"),
                format!("Adding alive servers to the pool for VS {name}"),
            ]
        }
    }
}

/// What keepalived's log calls a check.
fn word(checker: &Checker) -> &'static str {
    match checker {
        Checker::Http(_) => "HTTP_CHECK",
        Checker::Ping(_) => "ICMP CHECK",
        Checker::Tcp(_)
        | Checker::Udp(_)
        | Checker::Smtp(_)
        | Checker::Dns(_)
        | Checker::Misc(_)
        | Checker::File(_)
        | Checker::Bfd(_) => checker.keyword(),
    }
}

fn check_program(check: &keepalived_conf::blocks::lvs::check_misc::MiscCheck) -> String {
    check.script.argv.join(" ")
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! How long servers were up and down, and how long checks took, for whoever asks later.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::kernel::clock;
use crate::observe::snapshot::lvs::{BOUNDS, Kind, Record};
use crate::proto::health::{Cause, CheckerId, Engine, Event, ServerId, ServiceId};

/// A moment on the clock of deadlines, and on the wall. It is read once for all that happens in it: there are systems on
/// which reading a clock is a call of the kernel.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    at: u64,
    pub(super) wall: Duration,
}

impl Moment {
    pub(super) fn now() -> Moment {
        Moment { at: clock::now(), wall: clock::wall() }
    }
}

#[derive(Debug)]
pub(super) struct Annals {
    /// When the worker began, on the wall clock.
    started: f64,
    servers: BTreeMap<ServerId, Span>,
    services: BTreeMap<ServiceId, Span>,
    /// How long the last check took.
    took: BTreeMap<CheckerId, Duration>,
    kinds: BTreeMap<&'static str, Kind>,
}

/// The past of one server.
#[derive(Debug)]
struct Span {
    up: bool,
    /// On the clock of deadlines, and on the wall.
    at: u64,
    since: f64,
    up_for: Duration,
    down_for: Duration,
    failures: u64,
    repairs: u64,
}

impl Span {
    fn new(up: bool, now: Moment) -> Span {
        let (at, since) = (now.at, now.wall.as_secs_f64());
        Span { up, at, since, up_for: Duration::ZERO, down_for: Duration::ZERO, failures: 0, repairs: 0 }
    }

    fn turn(&mut self, up: bool, now: Moment) {
        if self.up == up {
            return;
        }
        let lasted = Duration::from_nanos(now.at.saturating_sub(self.at));
        if self.up {
            self.up_for += lasted;
            self.failures += 1;
        } else {
            self.down_for += lasted;
            self.repairs += 1;
        }
        (self.up, self.at, self.since) = (up, now.at, now.wall.as_secs_f64());
    }

    fn record(&self) -> Record {
        let lasts = Duration::from_nanos(clock::now().saturating_sub(self.at));
        let (up, down) = if self.up { (lasts, Duration::ZERO) } else { (Duration::ZERO, lasts) };
        Record {
            since: self.since,
            up_seconds: (self.up_for + up).as_secs_f64(),
            down_seconds: (self.down_for + down).as_secs_f64(),
            failures: self.failures,
            repairs: self.repairs,
        }
    }
}

impl Annals {
    pub(super) fn new() -> Annals {
        Annals {
            started: clock::wall().as_secs_f64(),
            servers: BTreeMap::new(),
            services: BTreeMap::new(),
            took: BTreeMap::new(),
            kinds: BTreeMap::new(),
        }
    }

    pub(super) fn started(&self) -> f64 {
        self.started
    }

    pub(super) fn note(&mut self, event: &Event, now: Moment) {
        match event {
            Event::Server { server, cause: Cause::Removed, .. } => {
                self.servers.remove(server);
            }
            Event::Quorum { service, cause: Cause::Removed, .. } => {
                self.services.remove(service);
            }
            Event::Server { server, up, .. } => {
                self.servers.entry(*server).or_insert_with(|| Span::new(*up, now)).turn(*up, now);
            }
            Event::Quorum { service, up, .. } => {
                self.services.entry(*service).or_insert_with(|| Span::new(*up, now)).turn(*up, now);
            }
            Event::Checker { .. }
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
            | Event::Finished => {}
        }
    }

    /// What there is from now on, as it stands.
    pub(super) fn follow(&mut self, engine: &Engine, now: Moment) {
        for id in engine.servers() {
            let up = engine.server(id).is_some_and(|server| server.up);
            self.servers.entry(id).or_insert_with(|| Span::new(up, now));
        }
        for id in engine.services() {
            let up = engine.service(id).is_some_and(|service| service.up);
            self.services.entry(id).or_insert_with(|| Span::new(up, now));
        }
        self.servers.retain(|id, _| engine.server(*id).is_some());
        self.services.retain(|id, _| engine.service(*id).is_some());
        self.took.retain(|id, _| engine.checker(*id).is_some());
    }

    /// A check of this kind took so long.
    pub(super) fn timed(&mut self, checker: CheckerId, kind: &'static str, took: Duration) {
        self.took.insert(checker, took);
        let all = self.kinds.entry(kind).or_insert_with(|| Kind {
            kind: kind.to_owned(),
            within: vec![0; BOUNDS.len()],
            ..Kind::default()
        });
        all.count += 1;
        all.seconds += took.as_secs_f64();
        for (bound, within) in BOUNDS.iter().zip(&mut all.within) {
            *within += u64::from(took.as_secs_f64() <= *bound);
        }
    }

    pub(super) fn server(&self, id: ServerId) -> Record {
        self.servers.get(&id).map(Span::record).unwrap_or_else(|| self.nothing())
    }

    pub(super) fn service(&self, id: ServiceId) -> Record {
        self.services.get(&id).map(Span::record).unwrap_or_else(|| self.nothing())
    }

    /// Of what has not changed since the start.
    fn nothing(&self) -> Record {
        Record { since: self.started, ..Record::default() }
    }

    pub(super) fn took(&self, checker: CheckerId) -> Option<f64> {
        self.took.get(&checker).map(Duration::as_secs_f64)
    }

    pub(super) fn kinds(&self) -> Vec<Kind> {
        self.kinds.values().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(up: bool, cause: Cause) -> Event {
        Event::Server { server: ServerId(1), up, cause, notify: true }
    }

    #[test]
    fn failures_and_repairs_are_counted_and_a_server_that_is_gone_is_forgotten() {
        let mut annals = Annals::new();
        for up in [true, true, false, true, false] {
            annals.note(&server(up, Cause::Check(CheckerId(1))), Moment::now());
        }
        let record = annals.server(ServerId(1));
        assert_eq!((record.failures, record.repairs), (2, 1));
        assert!(record.between_failures().is_some() && record.up_seconds >= 0.0);
        annals.note(&server(false, Cause::Removed), Moment::now());
        assert_eq!(annals.server(ServerId(1)).failures, 0);
    }

    #[test]
    fn durations_fall_within_every_longer_bound() {
        let mut annals = Annals::new();
        annals.timed(CheckerId(1), "TCP_CHECK", Duration::from_millis(30));
        annals.timed(CheckerId(2), "TCP_CHECK", Duration::from_secs(60));
        let kinds = annals.kinds();
        let within: Vec<u64> = kinds.iter().flat_map(|kind| kind.within.clone()).collect();
        assert_eq!(within, [0, 0, 0, 1, 1, 1, 1, 1, 1, 1]);
        assert_eq!(kinds.first().map(|kind| kind.count), Some(2));
        assert_eq!(annals.took(CheckerId(2)), Some(60.0));
        // What the engine does not know is gone.
        annals.follow(&Engine::new(0), Moment::now());
        assert_eq!(annals.took(CheckerId(2)), None);
    }
}

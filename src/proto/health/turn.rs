// SPDX-License-Identifier: MIT OR Apache-2.0
//! One turn: what an answer, an address or the kernel says, and what is said at the end.

use std::net::IpAddr;

use super::checker::{Decided, Judgement};
use super::io::{Cause, Effect, Event, Outcome};
use super::params::AtStop;
use super::server::Sum;
use super::types::{CheckerId, ServerId, ServiceId, Ticket, Verdict};
use super::{Engine, Owner};
use crate::proto::Instant;

impl Engine {
    /// The time of a checker has come.
    pub(super) fn ask(&mut self, now: Instant, id: CheckerId) {
        if self.stopping || self.is_suspended(id) {
            return;
        }
        let Some(checker) = self.checkers.get_mut(&id) else { return };
        if let Some(step) = checker.ask(now) {
            self.probes.push((id, step));
        }
    }

    pub(super) fn is_suspended(&self, id: CheckerId) -> bool {
        let service = self.checkers.get(&id).and_then(|checker| self.service_of(checker.params.server));
        service.and_then(|service| self.services.get(&service)).is_some_and(|service| service.suspended)
    }

    pub(super) fn service_of(&self, server: ServerId) -> Option<ServiceId> {
        self.servers.get(&server).map(|server| server.params.service)
    }

    pub(super) fn probed(&mut self, now: Instant, id: CheckerId, verdict: Verdict) {
        if self.stopping {
            return;
        }
        let suspended = self.is_suspended(id);
        let Some(checker) = self.checkers.get_mut(&id) else { return };
        if suspended {
            checker.disregard();
        }
        let Some((judgement, next)) = checker.answered(now, verdict) else { return };
        self.schedule(Owner::Checker(id), (!suspended).then_some(next));
        self.judged(id, judgement);
    }

    pub(super) fn reading(&mut self, id: CheckerId, verdict: Verdict) {
        if self.stopping {
            return;
        }
        let Some(checker) = self.checkers.get_mut(&id) else { return };
        if checker.timing().is_none() {
            let judgement = checker.told(verdict);
            self.judged(id, judgement);
        }
    }

    /// Tells what an answer came to, and looks at the server.
    fn judged(&mut self, id: CheckerId, judgement: Judgement) {
        self.tell(id, judgement);
        let Some(checker) = self.checkers.get(&id) else { return };
        let (up, server, alpha) = (checker.up, checker.params.server, checker.params.alpha);
        let moved = self.look_at(server, Cause::Check(id), true);
        // A server that waits for its first success is told of when that fails, though it was never up.
        let never = judgement.decided.is_some_and(|decided| decided.first && !decided.changed && !up);
        if never && !moved && alpha {
            self.events.push(Event::Server { server, up: false, cause: Cause::NeverUp(id), notify: true });
        }
    }

    /// A checker that is told and what was known of it while the configuration was read; its server is looked at later.
    pub(super) fn read(&mut self, id: CheckerId, verdict: Verdict) -> Option<ServerId> {
        let checker = self.checkers.get_mut(&id).filter(|checker| checker.timing().is_none())?;
        let server = checker.params.server;
        let judgement = checker.told(verdict);
        self.tell(id, judgement);
        Some(server)
    }

    fn tell(&mut self, id: CheckerId, judgement: Judgement) {
        let Some(checker) = self.checkers.get(&id) else { return };
        let Judgement { decided, attempts_left, shortage, shortage_over } = judgement;
        if shortage {
            self.events.push(Event::NotChecked { checker: id });
        }
        if let Some(missed) = shortage_over {
            self.events.push(Event::CheckedAgain { checker: id, missed });
        }
        if let Some(left) = attempts_left.filter(|_| checker.params.log_all_failures) {
            self.events.push(Event::CheckFailed { checker: id, left });
        }
        if let Some(Decided { first, failures, .. }) = decided {
            self.events.push(Event::Checker { checker: id, up: checker.up, first, failures });
        }
    }

    /// Finds out whether a server is up and what weight it has; tells whether it came or went.
    pub(super) fn look_at(&mut self, id: ServerId, cause: Cause, notify: bool) -> bool {
        let Some(server) = self.servers.get(&id) else { return false };
        let checkers = server.checkers.iter().filter_map(|checker| self.checkers.get(checker));
        let up = checkers.clone().all(|checker| checker.up);
        let weight = server.weight_with(checkers.filter_map(super::Checker::weight));
        let service = server.params.service;
        let (was_up, before) = (server.up, server.weight);
        if (up, weight) == (was_up, before) {
            return false;
        }
        if let Some(server) = self.servers.get_mut(&id) {
            server.up = up;
            server.weight = weight;
        }
        if weight != before {
            self.events.push(Event::Weight { server: id, from: before, to: weight });
        }
        if up != was_up && (notify || cause != Cause::Start) {
            self.events.push(Event::Server { server: id, up, cause, notify });
        }
        self.touched.entry(service).or_insert(cause);
        up != was_up
    }

    pub(super) fn present(&mut self, now: Instant, address: IpAddr, there: bool) {
        let changed = if there { self.present.insert(address) } else { self.present.remove(&address) };
        if !changed || self.stopping {
            return;
        }
        for service in self.followers.clone() {
            let follows = self.services.get(&service).and_then(|service| service.params.follows.as_ref());
            if follows.is_some_and(|ranges| ranges.iter().any(|(first, last)| (*first..=*last).contains(&address))) {
                self.follow(now, service);
            }
        }
    }

    /// Suspends or resumes the checks of a virtual server, as its addresses are here or not.
    pub(super) fn follow(&mut self, now: Instant, id: ServiceId) {
        let Some(service) = self.services.get_mut(&id) else { return };
        let follows = service.params.follows.as_ref();
        let suspended = follows.is_some_and(|ranges| {
            let here = |first, last| first <= last && self.present.range(first..=last).next().is_some();
            !ranges.iter().any(|(first, last)| here(*first, *last))
        });
        if std::mem::replace(&mut service.suspended, suspended) == suspended {
            return;
        }
        let servers = service.params.servers.clone();
        self.events.push(if suspended { Event::Suspended { service: id } } else { Event::Resumed { service: id } });
        let checkers: Vec<CheckerId> = servers
            .iter()
            .filter_map(|server| self.servers.get(server))
            .flat_map(|server| server.checkers.clone())
            .collect();
        for checker in checkers {
            if suspended {
                self.schedule(Owner::Checker(checker), None);
            } else {
                self.arm(now, checker);
            }
        }
    }

    /// Lets a checker begin, or begin again, somewhere within its warm-up.
    pub(super) fn arm(&mut self, from: Instant, id: CheckerId) {
        if self.is_suspended(id) {
            return;
        }
        let Some(checker) = self.checkers.get(&id).filter(|checker| !checker.is_asked()) else { return };
        let Some(timing) = checker.timing() else { return };
        let most = if checker.has_run() { timing.warmup.min(timing.delay_loop) } else { timing.warmup };
        let at = self.spread(from, most);
        self.schedule(Owner::Checker(id), Some(at));
    }

    pub(super) fn settled(&mut self, now: Instant, ticket: Ticket, outcome: Outcome) {
        let news = self.fronts.landed(now, ticket, outcome);
        if !news.refused.is_empty() {
            self.events.push(Event::TableRefused { fronts: news.refused });
        }
        if news.unavailable {
            self.events.push(Event::TableUnavailable);
        }
        if news.settled {
            self.events.push(Event::TableSettled);
        }
        let retry = self.fronts.retry;
        self.schedule(Owner::Table, retry);
    }

    pub(super) fn drifted(&mut self) {
        if self.stopping {
            return;
        }
        self.events.push(Event::TableDrifted);
        self.fronts.mark_all();
    }

    pub(super) fn stop(&mut self, out: &mut Vec<Effect>) {
        if std::mem::replace(&mut self.stopping, true) {
            return;
        }
        self.due.clear();
        self.scheduled.clear();
        self.farewell();
        match self.globals.at_stop {
            AtStop::Remove | AtStop::RemoveServices => self.fronts.leave(),
            AtStop::Flush => {
                self.fronts.forget();
                out.push(Effect::Flush(self.fronts.launch_alone()));
            }
            AtStop::Keep => self.fronts.forget(),
        }
    }

    /// Tells the end of virtual servers with `omega` as if everything failed.
    fn farewell(&mut self) {
        let tells_servers = match self.globals.at_stop {
            AtStop::Remove | AtStop::Keep => true,
            AtStop::RemoveServices | AtStop::Flush => false,
        };
        let leaving: Vec<ServiceId> =
            self.services.iter().filter(|(_, service)| service.params.omega).map(|(id, _)| *id).collect();
        for id in leaving {
            let servers = self.services.get(&id).map(|service| service.params.servers.clone()).unwrap_or_default();
            for server in servers.into_iter().filter(|_| tells_servers) {
                if self.servers.get(&server).is_some_and(|server| server.up) {
                    self.events.push(Event::Server { server, up: false, cause: Cause::Stop, notify: true });
                }
            }
            self.quorum_ends(id, Cause::Stop);
        }
    }

    /// Tells that a virtual server is down if it was told to be up.
    pub(super) fn quorum_ends(&mut self, id: ServiceId, cause: Cause) {
        let Some(service) = self.services.get_mut(&id) else { return };
        if service.told == Some(true) {
            service.told = Some(false);
            let (quorum, hysteresis) = (service.params.quorum, service.params.hysteresis);
            self.events.push(Event::Quorum { service: id, up: false, cause, weight: 0, quorum, hysteresis });
        }
    }

    /// Looks at the quorum of a virtual server, and whether its sorry server is needed.
    fn judge_service(&mut self, id: ServiceId, cause: Cause) {
        let Some(service) = self.services.get(&id) else { return };
        let servers = service.params.servers.iter().filter_map(|server| self.servers.get(server));
        let sum = servers.fold(Sum::default(), |sum, server| Sum {
            in_service: sum.in_service + if server.up { u64::from(server.weight) } else { 0 },
            configured: sum.configured + u64::from(server.params.weight),
        });
        let Some(service) = self.services.get_mut(&id) else { return };
        service.judge(sum);
        let sorry = service.params.sorry.is_some() && !service.up;
        let used = std::mem::replace(&mut service.sorry, sorry);
        // Without a sorry server nothing was there to lose at the start.
        let tells = service.told != Some(service.up) && (service.told.is_some() || service.up || sorry);
        if tells {
            service.told = Some(service.up);
            self.events.push(Event::Quorum {
                service: id,
                up: service.up,
                cause,
                weight: sum.in_service,
                quorum: service.params.quorum,
                hysteresis: service.params.hysteresis,
            });
        }
        if used != sorry {
            self.events.push(Event::Sorry { service: id, used: sorry });
        }
        for front in &service.fronts {
            self.fronts.mark(*front);
        }
    }

    /// What remains to be done and said at the end of every call: the table first, then what happened, then the checks.
    pub(super) fn end_turn(&mut self, out: &mut Vec<Effect>) {
        for (service, cause) in std::mem::take(&mut self.touched) {
            self.judge_service(service, cause);
        }
        if let Some((ticket, fronts)) = self.fronts.launch() {
            let mut wanted = Vec::new();
            for id in fronts {
                if let Some(front) = self.fronts.all.get(&id) {
                    self.wanted(id, front, &mut wanted);
                }
            }
            out.push(Effect::Balance(ticket, wanted));
        }
        if self.stopping && !self.finished && self.fronts.is_idle() {
            self.finished = true;
            self.events.push(Event::Finished);
        }
        out.extend(self.events.drain(..).map(Effect::Report));
        out.extend(self.probes.drain(..).map(|(checker, step)| Effect::Probe(checker, step)));
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Building and rebuilding the engine from a difference. What the difference does not name stays as it is.

use std::collections::{BTreeMap, BTreeSet};

use super::checker::Checker;
use super::io::{Cause, Effect, Event};
use super::params::{Changes, CheckerParams, How, ServiceParams};
use super::server::{Server, Service};
use super::types::{CheckerId, ServerId, ServiceId, Verdict};
use super::{Change, Engine, FIRST_CHECK, Owner};
use crate::proto::Instant;

/// What the change of a checker asks for.
enum Asks {
    Nothing,
    /// A first check, as after a start.
    First,
    /// The next check not later than its new interval.
    Sooner,
}

impl Engine {
    pub(super) fn reconfigure(&mut self, now: Instant, changes: Changes, out: &mut Vec<Effect>) {
        if self.stopping || (changes.is_empty() && self.started) {
            return;
        }
        let starting = !std::mem::replace(&mut self.started, true);
        let cause = if starting { Cause::Start } else { Cause::Reload };
        let Changes { globals, services, servers, checkers, fronts, mut readings } = changes;
        if let Some(globals) = globals {
            self.globals = globals;
        }
        if starting && self.globals.flush_at_start {
            out.push(Effect::Flush(self.fronts.launch_alone()));
        }
        let mut looked: BTreeSet<ServerId> = BTreeSet::new();
        let mut new: BTreeSet<ServerId> = BTreeSet::new();
        let mut judged: BTreeSet<ServiceId> = BTreeSet::new();
        let mut asks: Vec<(CheckerId, Asks)> = Vec::new();
        self.take_out(&services, &servers, &checkers, &mut looked);
        for (id, change) in services {
            if let Change::Set(params) = change {
                self.set_service(id, params);
                judged.insert(id);
            }
        }
        for (id, change) in servers {
            let Change::Set(params) = change else { continue };
            looked.insert(id);
            judged.insert(params.service);
            match self.servers.get_mut(&id) {
                Some(server) => server.params = params,
                None => {
                    self.servers.insert(id, Server::new(params));
                    new.insert(id);
                }
            }
        }
        for (id, change) in checkers {
            let Change::Set(params) = change else { continue };
            looked.insert(params.server);
            let ask = self.set_checker(id, params, &mut readings, &new);
            asks.push((id, ask));
        }
        for (id, change) in fronts {
            match change {
                Change::Set(params) => self.fronts.change(id, Some(params)),
                Change::Removed => self.fronts.change(id, None),
            }
        }
        self.fronts.keep_used();
        self.index();
        for (id, verdict) in readings {
            looked.extend(self.read(id, verdict));
        }
        let followed: Vec<ServiceId> = judged.iter().copied().collect();
        for id in followed {
            self.follow(now, id);
        }
        for id in looked {
            self.settle_server(id, cause, new.contains(&id));
        }
        for id in judged.into_iter().filter(|id| self.services.contains_key(id)) {
            self.touched.entry(id).or_insert(cause);
        }
        for (id, ask) in asks {
            self.begin(now, id, &ask);
        }
    }

    /// Takes out what is gone, and tells of what was up.
    fn take_out(
        &mut self,
        services: &BTreeMap<ServiceId, Change<ServiceParams>>,
        servers: &BTreeMap<ServerId, Change<super::ServerParams>>,
        checkers: &BTreeMap<CheckerId, Change<CheckerParams>>,
        looked: &mut BTreeSet<ServerId>,
    ) {
        for id in removed(checkers) {
            if let Some(checker) = self.checkers.remove(&id) {
                looked.insert(checker.params.server);
            }
            self.schedule(Owner::Checker(id), None);
        }
        for id in removed(servers) {
            looked.remove(&id);
            self.schedule(Owner::Wish(id), None);
            if self.servers.remove(&id).is_some_and(|server| server.up) {
                let event = Event::Server { server: id, up: false, cause: Cause::Removed, notify: true };
                self.events.push(event);
            }
        }
        for id in removed(services) {
            self.quorum_ends(id, Cause::Removed);
            self.services.remove(&id);
        }
    }

    fn set_service(&mut self, id: ServiceId, params: ServiceParams) {
        match self.services.get_mut(&id) {
            Some(service) => service.params = params,
            None => {
                self.services.insert(id, Service::new(params));
            }
        }
    }

    /// A new checker counts as good, unless it must earn that first. One that looks at something else from now on stays
    /// what it is until it has looked.
    fn set_checker(
        &mut self,
        id: CheckerId,
        params: CheckerParams,
        readings: &mut BTreeMap<CheckerId, Verdict>,
        new: &BTreeSet<ServerId>,
    ) -> Asks {
        if let Some(known) = self.checkers.get_mut(&id) {
            let another = known.params.revision != params.revision || told(&known.params) != told(&params);
            known.retune(params);
            if another {
                known.begin_anew();
                return Asks::First;
            }
            return Asks::Sooner;
        }
        let serves = !new.contains(&params.server) && self.servers.get(&params.server).is_some_and(|server| server.up);
        let asked = !told(&params);
        let mut checker = Checker::new(params.clone(), !params.alpha || serves);
        if let Some(verdict) = readings.remove(&id).filter(|_| !asked) {
            let _ = checker.told(verdict);
        }
        self.checkers.insert(id, checker);
        if asked { Asks::First } else { Asks::Nothing }
    }

    /// Which checker belongs to which server, which front to which virtual server, and who follows which address.
    fn index(&mut self) {
        for server in self.servers.values_mut() {
            server.checkers.clear();
        }
        for (id, checker) in &self.checkers {
            if let Some(server) = self.servers.get_mut(&checker.params.server) {
                server.checkers.push(*id);
            }
        }
        for service in self.services.values_mut() {
            service.fronts.clear();
        }
        for (id, front) in &self.fronts.all {
            for service in front.params.iter().flat_map(|params| &params.services) {
                if let Some(service) = self.services.get_mut(service) {
                    service.fronts.push(*id);
                }
            }
        }
        let follows = |service: &Service| service.params.follows.is_some();
        let followers = self.services.iter().filter(|(_, service)| follows(service));
        self.followers = followers.map(|(id, _)| *id).collect();
    }

    /// A server that is there from the start, or comes with a reload, is told of only where that is wanted.
    fn settle_server(&mut self, id: ServerId, cause: Cause, is_new: bool) {
        let notify = !is_new || self.globals.notify_at_start;
        self.look_at(id, cause, notify);
    }

    fn begin(&mut self, now: Instant, id: CheckerId, ask: &Asks) {
        match ask {
            Asks::Nothing => {}
            Asks::First => {
                self.schedule(Owner::Checker(id), None);
                self.arm(now + FIRST_CHECK, id);
            }
            Asks::Sooner => {
                let Some(interval) = self.checkers.get(&id).and_then(Checker::timing).map(|timing| timing.delay_loop)
                else {
                    return;
                };
                if self.scheduled.get(&Owner::Checker(id)).is_some_and(|at| *at > now + interval) {
                    let at = self.spread(now, interval);
                    self.schedule(Owner::Checker(id), Some(at));
                }
            }
        }
    }
}

fn told(params: &CheckerParams) -> bool {
    match params.how {
        How::Told => true,
        How::Asked(_) => false,
    }
}

fn removed<K: Copy + Ord, V>(changes: &BTreeMap<K, Change<V>>) -> Vec<K> {
    changes.iter().filter(|(_, change)| matches!(change, Change::Removed)).map(|(id, _)| *id).collect()
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Worlds of load balancing drawn from a seed.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use super::layout::{Act, Health, Layout, Mood, Step};
use crate::proto::health::{
    AtStop, CheckerId, CheckerParams, Family, FrontId, FrontParams, How, Key, Manner, Method, Protocol, ServerId,
    ServerParams, ServiceId, ServiceParams, Setup, SorryParams, Spec, Thresholds, Timing, Verb, Weight,
};
use crate::sim::random::{Chance, Random};

const MILLI: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

/// The mark that virtual servers may share.
pub(super) const SHARED_MARK: u32 = 5;

/// The world of a seed.
pub fn draw(seed: u64) -> Layout {
    let mut drawing = Drawing { random: Random::stream(seed, 77), next: 0 };
    let timeout = drawing.random.time(SECOND / 5, SECOND * 3);
    let mut setups = vec![drawing.setup()];
    for _ in 0..drawing.random.below(5) {
        let last = setups.last().cloned().unwrap_or_default();
        let next = drawing.changed(last);
        setups.push(next);
    }
    let rests_at = drawing.random.time(SECOND * 60, SECOND * 200);
    let slow = drawing.random.one_in(3);
    let mut layout = Layout {
        seed,
        steps: Vec::new(),
        timeout,
        settle: if slow { (MILLI * 10, SECOND * 2) } else { (MILLI / 20, MILLI * 5) },
        late: if drawing.random.one_in(4) { SECOND / 2 } else { MILLI * 2 },
        rests_at,
        setups,
    };
    drawing.steps(&mut layout);
    layout
}

struct Drawing {
    random: Random,
    next: u32,
}

impl Drawing {
    fn number(&mut self) -> u32 {
        self.next += 1;
        self.next
    }

    fn setup(&mut self) -> Setup {
        let mut setup = Setup::default();
        setup.globals.notify_at_start = self.random.one_in(3);
        setup.globals.flush_at_start = self.random.one_in(8);
        setup.globals.at_stop =
            self.random.pick(&[AtStop::Remove, AtStop::RemoveServices, AtStop::Flush, AtStop::Keep]);
        for _ in 0..self.random.between(1, 3) {
            self.add_service(&mut setup);
        }
        self.share(&mut setup);
        setup
    }

    fn add_service(&mut self, setup: &mut Setup) {
        let id = ServiceId(self.number());
        let servers = (0..self.random.between(1, 5)).map(|_| self.add_server(setup, id)).collect();
        let params = ServiceParams {
            servers,
            quorum: 1,
            hysteresis: 0,
            sorry: None,
            follows: self.random.one_in(6).then(|| Arc::from([(vip(id, 0), vip(id, 3))])),
            omega: self.random.one_in(2),
        };
        setup.services.insert(id, params);
        self.quorum(setup, id);
        self.sorry(setup, id);
        let keys = (0..self.random.between(1, 3)).map(|nth| key(id, nth as u8)).collect();
        let front = FrontParams { keys, spec: spec("rr"), port: 80, services: vec![id] };
        setup.fronts.insert(FrontId(self.number()), front);
    }

    fn add_server(&mut self, setup: &mut Setup, service: ServiceId) -> ServerId {
        let id = ServerId(self.number());
        let params = ServerParams {
            service,
            address: IpAddr::V4(Ipv4Addr::new(10, 1, (id.0 >> 8) as u8, id.0 as u8)),
            port: 8080,
            weight: if self.random.one_in(12) { 0 } else { self.random.between(1, 4) as u32 },
            method: if self.random.one_in(2) { Method::Nat } else { Method::Dr },
            thresholds: Thresholds::default(),
            inhibit: self.random.one_in(4),
        };
        setup.servers.insert(id, params);
        let count = self.random.pick(&[0, 1, 1, 1, 1, 2, 2, 3]);
        for _ in 0..count {
            self.add_checker(setup, id);
        }
        id
    }

    fn add_checker(&mut self, setup: &mut Setup, server: ServerId) {
        let id = CheckerId(self.number());
        let is_told = self.random.one_in(6);
        let how = if is_told { How::Told } else { How::Asked(Arc::new(self.timing())) };
        let alpha = self.random.one_in(5);
        let params = CheckerParams { server, how, alpha, log_all_failures: self.random.one_in(2), revision: 0 };
        setup.checkers.insert(id, params);
    }

    fn timing(&mut self) -> Timing {
        let count = self.random.between(1, 3) as u16;
        let manner = match self.random.below(6) {
            0 => Manner::FromStart,
            1 => Manner::Stubborn,
            2 | 3 => Manner::Pages { count, fast: self.random.one_in(2) },
            _ => Manner::Plain,
        };
        Timing {
            delay_loop: self.random.time(SECOND / 2, SECOND * 12),
            retry: self.random.below(4) as u32,
            delay_before_retry: self.random.time(Duration::ZERO, SECOND * 3),
            warmup: self.random.time(Duration::ZERO, SECOND * 12),
            manner,
        }
    }

    fn quorum(&mut self, setup: &mut Setup, id: ServiceId) {
        let total: u32 = setup.servers.values().filter(|server| server.service == id).map(|server| server.weight).sum();
        if let Some(service) = setup.services.get_mut(&id) {
            service.quorum = if self.random.one_in(2) { 1 } else { self.random.between(1, 6) as u32 }.min(total);
            let most = u64::from(service.quorum.saturating_sub(1));
            service.hysteresis = self.random.below(most + 1) as u32;
        }
    }

    fn sorry(&mut self, setup: &mut Setup, id: ServiceId) {
        let own = IpAddr::V4(Ipv4Addr::new(10, 2, 0, id.0 as u8));
        let of_server = setup.servers.values().find(|server| server.service == id).filter(|_| self.random.one_in(5));
        let sorry = SorryParams {
            address: of_server.map_or(own, |server| server.address),
            port: 8080,
            method: of_server.map_or(Method::Nat, |server| server.method),
            inhibit: of_server.map_or_else(|| self.random.one_in(3), |server| server.inhibit),
        };
        let wanted = self.random.one_in(2);
        if let Some(service) = setup.services.get_mut(&id) {
            service.sorry = wanted.then_some(sorry);
        }
    }

    /// Two virtual servers behind one mark.
    fn share(&mut self, setup: &mut Setup) {
        let services: Vec<ServiceId> = setup.services.keys().copied().take(2).collect();
        if services.len() == 2 && self.random.one_in(3) {
            let keys = Arc::from([Key::Fwmark { family: Family::V4, mark: SHARED_MARK }]);
            let front = FrontParams { keys, spec: spec("wlc"), port: 0, services: services.clone() };
            setup.fronts.insert(FrontId(self.number()), front);
            // A server that both have.
            let mut firsts = services.iter().filter_map(|id| setup.services.get(id)?.servers.first().copied());
            if let (Some(one), Some(other)) = (firsts.next(), firsts.next())
                && let Some(address) = setup.servers.get(&one).map(|server| server.address)
                && let Some(other) = setup.servers.get_mut(&other)
            {
                other.address = address;
            }
        }
    }

    /// Another configuration, some of it as before.
    fn changed(&mut self, mut setup: Setup) -> Setup {
        for _ in 0..self.random.below(5) {
            self.change(&mut setup);
        }
        let ids: Vec<ServiceId> = setup.services.keys().copied().collect();
        for id in ids {
            if self.random.one_in(4) {
                self.quorum(&mut setup, id);
            } else {
                clamp(&mut setup, id);
            }
        }
        setup
    }

    fn change(&mut self, setup: &mut Setup) {
        let services: Vec<ServiceId> = setup.services.keys().copied().collect();
        let servers: Vec<ServerId> = setup.servers.keys().copied().collect();
        let checkers: Vec<CheckerId> = setup.checkers.keys().copied().collect();
        let service = services.get(self.random.below(services.len() as u64) as usize).copied();
        let server = servers.get(self.random.below(servers.len() as u64) as usize).copied();
        let checker = checkers.get(self.random.below(checkers.len() as u64) as usize).copied();
        match (self.random.below(11), service, server, checker) {
            (0, ..) if services.len() < 4 => self.add_service(setup),
            (1, Some(id), ..) if services.len() > 1 => remove_service(setup, id),
            (2, Some(id), ..) => {
                let server = self.add_server(setup, id);
                if let Some(service) = setup.services.get_mut(&id) {
                    service.servers.push(server);
                }
            }
            (3, _, Some(id), _) => remove_server(setup, id),
            (4, _, Some(id), _) => {
                let (weight, inhibit) = (self.random.between(1, 4) as u32, self.random.one_in(3));
                if let Some(server) = setup.servers.get_mut(&id) {
                    server.weight = weight;
                    server.inhibit = inhibit;
                }
            }
            (5, _, _, Some(id)) => {
                if let Some(checker) = setup.checkers.get_mut(&id) {
                    checker.revision += 1;
                }
            }
            (6, _, _, Some(id)) => {
                let timing = Arc::new(self.timing());
                if let Some(checker) = setup.checkers.get_mut(&id)
                    && matches!(checker.how, How::Asked(_))
                {
                    checker.revision += 1;
                    checker.how = How::Asked(timing);
                }
            }
            (7, _, _, Some(id)) => {
                setup.checkers.remove(&id);
            }
            (8, _, Some(id), _) => self.add_checker(setup, id),
            (9, Some(id), ..) => self.sorry(setup, id),
            (_, Some(id), ..) => {
                let keys = (0..self.random.between(1, 3)).map(|nth| key(id, nth as u8)).collect();
                let own = setup.fronts.values_mut().find(|front| front.services == [id] && front.port == 80);
                if let Some(front) = own {
                    front.keys = keys;
                }
            }
            (_, None, ..) => {}
        }
    }

    fn steps(&mut self, layout: &mut Layout) {
        let mut steps = Vec::new();
        let all: Vec<CheckerId> = every(layout, |setup| &setup.checkers);
        let servers: Vec<ServerId> = every(layout, |setup| &setup.servers);
        let services: Vec<ServiceId> = every(layout, |setup| &setup.services);
        let busy = self.random.between(5, 60);
        for _ in 0..busy {
            let at = self.random.time(Duration::ZERO, layout.rests_at);
            let checker = all.get(self.random.below(all.len() as u64) as usize).copied().unwrap_or(CheckerId(0));
            let server = servers.get(self.random.below(servers.len() as u64) as usize).copied().unwrap_or(ServerId(0));
            let service =
                services.get(self.random.below(services.len() as u64) as usize).copied().unwrap_or(ServiceId(0));
            let act = match self.random.below(20) {
                0..=8 => Act::Becomes(checker, self.health()),
                9 | 10 => Act::Says(checker, self.says()),
                11 | 12 => Act::Present(vip(service, self.random.below(5) as u8), self.random.one_in(2)),
                13 => Act::Kernel(self.mood(layout)),
                14 | 15 => Act::Meddles(self.random.draw()),
                16 | 17 => Act::Asks(self.verb(server)),
                18 => Act::Reload(usize::MAX),
                _ => Act::Stalls(self.random.time(MILLI, SECOND * 20)),
            };
            steps.push(Step { at, act });
        }
        // What is gone comes back under another number, so later configurations come later.
        let mut reloads: Vec<Duration> =
            (1..layout.setups.len()).map(|_| self.random.time(Duration::ZERO, layout.rests_at)).collect();
        reloads.sort_unstable();
        for (nth, at) in reloads.into_iter().enumerate() {
            steps.push(Step { at, act: Act::Reload(nth + 1) });
        }
        steps.sort_by_key(|step| step.at);
        self.rest(layout, &mut steps, &all, &services);
        layout.steps = steps;
    }

    /// What stays: every check finds something definite, the kernel works.
    fn rest(&mut self, layout: &Layout, steps: &mut Vec<Step>, all: &[CheckerId], services: &[ServiceId]) {
        let at = layout.rests_at;
        steps.push(Step { at, act: Act::Kernel(Mood::Works) });
        for checker in all {
            let health = self.random.pick(&[Health::Well, Health::Well, Health::Well, Health::Refuses, Health::Hangs]);
            steps.push(Step { at, act: Act::Becomes(*checker, health) });
        }
        for service in services {
            if !self.random.happens(Chance::percent(10)) {
                steps.push(Step { at, act: Act::Present(vip(*service, 0), true) });
            }
        }
    }

    fn health(&mut self) -> Health {
        let page = self.random.below(3) as u16;
        self.random.pick(&[
            Health::Well,
            Health::Well,
            Health::Well,
            Health::Refuses,
            Health::Refuses,
            Health::Hangs,
            Health::BadPage(page),
            Health::Lies,
            Health::Short,
        ])
    }

    fn says(&mut self) -> Option<Weight> {
        match self.random.below(4) {
            0 => None,
            1 | 2 => Some(Weight::Exactly(self.random.below(10) as u32)),
            _ => Some(Weight::Plus(self.random.below(12) as i32 - 6)),
        }
    }

    fn mood(&mut self, layout: &Layout) -> Mood {
        let fronts: Vec<FrontId> = layout.setups.iter().flat_map(|setup| setup.fronts.keys().copied()).collect();
        match self.random.below(3) {
            0 => Mood::Works,
            1 => Mood::Gone,
            _ => Mood::Refuses(fronts.into_iter().filter(|_| self.random.one_in(2)).collect()),
        }
    }

    fn verb(&mut self, server: ServerId) -> Verb {
        let lasts = self.random.one_in(2).then(|| self.random.time(SECOND, SECOND * 60));
        let force = self.random.one_in(2);
        match self.random.below(4) {
            0 => Verb::Drain { server, lasts, force },
            1 => Verb::Weight { server, weight: self.random.below(6) as u32, lasts, force },
            2 => Verb::Restore { server },
            _ => Verb::Check { server },
        }
    }
}

/// What is in any of the configurations.
fn every<K: Copy + Ord, V>(layout: &Layout, part: impl Fn(&Setup) -> &BTreeMap<K, V>) -> Vec<K> {
    let all: BTreeSet<K> = layout.setups.iter().flat_map(|setup| part(setup).keys().copied()).collect();
    all.into_iter().collect()
}

fn vip(service: ServiceId, nth: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(192, 0, service.0 as u8, nth))
}

fn key(service: ServiceId, nth: u8) -> Key {
    Key::Address { protocol: Protocol::Tcp, ip: vip(service, nth), port: 80 }
}

fn spec(scheduler: &'static str) -> Arc<Spec> {
    Arc::new(Spec { scheduler, flags: 0, persistence: None })
}

/// As reading a configuration does: neither quorum nor hysteresis can be out of reach.
fn clamp(setup: &mut Setup, id: ServiceId) {
    let total: u32 = setup.servers.values().filter(|server| server.service == id).map(|server| server.weight).sum();
    if let Some(service) = setup.services.get_mut(&id) {
        service.quorum = service.quorum.min(total);
        service.hysteresis = service.hysteresis.min(service.quorum.saturating_sub(1));
    }
}

fn remove_server(setup: &mut Setup, id: ServerId) {
    let Some(server) = setup.servers.get(&id) else { return };
    let service = server.service;
    if setup.services.get(&service).is_some_and(|service| service.servers.len() < 2) {
        return;
    }
    setup.servers.remove(&id);
    setup.checkers.retain(|_, checker| checker.server != id);
    if let Some(service) = setup.services.get_mut(&service) {
        service.servers.retain(|server| *server != id);
    }
}

fn remove_service(setup: &mut Setup, id: ServiceId) {
    if let Some(service) = setup.services.remove(&id) {
        for server in service.servers {
            setup.servers.remove(&server);
            setup.checkers.retain(|_, checker| checker.server != server);
        }
    }
    setup.fronts.retain(|_, front| {
        front.services.retain(|service| *service != id);
        !front.services.is_empty()
    });
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! A world of one engine: a virtual server with a few real servers, and what came out.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use super::super::*;
use crate::proto::{Instant, Machine};

pub(super) const SECOND: Duration = Duration::from_secs(1);

pub(super) fn address(last: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(10, 0, 0, last))
}

pub(super) fn vip(last: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, last))
}

pub(super) fn timing() -> Timing {
    Timing {
        delay_loop: SECOND * 10,
        retry: 2,
        delay_before_retry: SECOND,
        warmup: Duration::ZERO,
        manner: Manner::Plain,
    }
}

pub(super) fn spec() -> Arc<Spec> {
    Arc::new(Spec { scheduler: "rr", flags: 0, persistence: None })
}

pub(super) fn sorry(last: u8) -> SorryParams {
    SorryParams { address: address(last), port: 80, method: Method::Nat, inhibit: false }
}

/// Virtual server 0 at 192.0.2.1 port 80 with real servers 1 to `count`, each with a checker of its number.
pub(super) fn setup(count: u32) -> Setup {
    let mut setup = Setup::default();
    add_service(&mut setup, 0, 1..=count);
    setup
}

/// Virtual server `id` at 192.0.2.(id + 1) with these real servers.
pub(super) fn add_service(setup: &mut Setup, id: u32, servers: impl Iterator<Item = u32>) {
    let servers: Vec<ServerId> = servers.map(ServerId).collect();
    let key = Key::Address { protocol: Protocol::Tcp, ip: vip(id as u8 + 1), port: 80 };
    setup.fronts.insert(
        FrontId(id),
        FrontParams { keys: Arc::from([key]), spec: spec(), port: 80, services: vec![ServiceId(id)] },
    );
    for server in &servers {
        setup.servers.insert(
            *server,
            ServerParams {
                service: ServiceId(id),
                address: address(server.0 as u8),
                port: 80,
                weight: 1,
                method: Method::Nat,
                thresholds: Thresholds::default(),
                inhibit: false,
            },
        );
        add_checker(setup, server.0, server.0, timing());
    }
    let params = ServiceParams { servers, quorum: 1, hysteresis: 0, sorry: None, follows: None, omega: false };
    setup.services.insert(ServiceId(id), params);
}

pub(super) fn add_checker(setup: &mut Setup, id: u32, server: u32, timing: Timing) {
    let params = CheckerParams {
        server: ServerId(server),
        how: How::Asked(Arc::new(timing)),
        alpha: false,
        log_all_failures: false,
        revision: 0,
    };
    setup.checkers.insert(CheckerId(id), params);
}

/// An engine, its clock, and everything it said.
pub(super) struct World {
    pub(super) engine: Engine,
    pub(super) now: Instant,
    pub(super) setup: Setup,
    /// What the kernel is told, answered at once unless `slow`.
    pub(super) table: std::collections::BTreeMap<Key, Content>,
    pub(super) asked: std::collections::BTreeMap<CheckerId, u16>,
    pub(super) events: Vec<Event>,
    pub(super) balances: Vec<Vec<Wanted>>,
    pub(super) flushes: usize,
    pub(super) slow: bool,
    pub(super) open: Vec<Ticket>,
}

impl World {
    pub(super) fn new(setup: Setup) -> World {
        let mut world = World::empty();
        world.reload(setup);
        world
    }

    pub(super) fn empty() -> World {
        World {
            engine: Engine::new(7),
            now: Instant::from_nanos(1_000_000_000_000),
            setup: Setup::default(),
            table: Default::default(),
            asked: Default::default(),
            events: Vec::new(),
            balances: Vec::new(),
            flushes: 0,
            slow: false,
            open: Vec::new(),
        }
    }

    pub(super) fn reload(&mut self, setup: Setup) {
        let changes = Changes::between(&self.setup, &setup);
        self.setup = setup;
        self.input(Input::Reconfigure(changes));
    }

    pub(super) fn input(&mut self, input: Input) {
        let mut out = Vec::new();
        self.engine.handle(self.now, input, &mut out);
        self.take(out);
    }

    fn take(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Probe(checker, step) => {
                    assert!(self.asked.insert(checker, step).is_none(), "{checker:?} is asked while it is being asked");
                }
                Effect::Balance(ticket, wanted) => {
                    for wanted in &wanted {
                        for key in wanted.keys.iter() {
                            match &wanted.content {
                                Some(content) => self.table.insert(*key, content.clone()),
                                None => self.table.remove(key),
                            };
                        }
                    }
                    self.balances.push(wanted);
                    self.answer(ticket);
                }
                Effect::Flush(ticket) => {
                    self.table.clear();
                    self.flushes += 1;
                    self.answer(ticket);
                }
                Effect::Report(event) => self.events.push(event),
            }
        }
    }

    fn answer(&mut self, ticket: Ticket) {
        if self.slow {
            self.open.push(ticket);
        } else {
            self.input(Input::Settled(ticket, Outcome::Done));
        }
    }

    /// Lets time pass up to here, with everything that becomes due; answers to checks are not given.
    pub(super) fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(at) = self.engine.deadline().map(|deadline| deadline.at).filter(|at| *at <= until) {
            self.now = self.now.max(at);
            let mut out = Vec::new();
            self.engine.expire(self.now, &mut out);
            self.take(out);
        }
        self.now = until;
    }

    /// Waits until this checker is asked, answers, and tells how long that took.
    pub(super) fn answered(&mut self, checker: u32, verdict: Verdict) -> Duration {
        let from = self.now;
        for _ in 0..10_000 {
            if self.asked.remove(&CheckerId(checker)).is_some() {
                self.input(Input::Probed(CheckerId(checker), verdict));
                return self.now - from;
            }
            let deadline = self.engine.deadline().expect("something is due");
            let wait = deadline.at.since(self.now);
            self.pass(wait);
        }
        panic!("checker {checker} is never asked");
    }

    pub(super) fn good(&mut self, checker: u32) -> Duration {
        self.answered(checker, Verdict::Good(None))
    }

    pub(super) fn bad(&mut self, checker: u32) -> Duration {
        self.answered(checker, Verdict::Bad)
    }

    /// Address (last part) and weight of what the kernel has for virtual server `id`.
    pub(super) fn table(&self, id: u8) -> Vec<(u8, u32)> {
        let key = Key::Address { protocol: Protocol::Tcp, ip: vip(id + 1), port: 80 };
        let Some(content) = self.table.get(&key) else { return Vec::new() };
        let last = |address: IpAddr| match address {
            IpAddr::V4(ip) => ip.octets()[3],
            IpAddr::V6(ip) => ip.octets()[15],
        };
        content.destinations.iter().map(|to| (last(to.address), to.weight)).collect()
    }

    pub(super) fn told(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }
}

/// An up or down of a server that is told.
pub(super) fn server(id: u32, up: bool, cause: Cause) -> Event {
    Event::Server { server: ServerId(id), up, cause, notify: true }
}

/// The ups and downs of servers and quorums among the events, in order: `r1+`, `r1-`, `v0+`, `v0-`.
pub(super) fn moves(events: &[Event]) -> String {
    let sign = |up: bool| if up { '+' } else { '-' };
    let told = events.iter().filter_map(|event| match event {
        Event::Server { server, up, notify: true, .. } => Some(format!("r{}{}", server.0, sign(*up))),
        Event::Quorum { service, up, .. } => Some(format!("v{}{}", service.0, sign(*up))),
        _ => None,
    });
    told.collect::<Vec<_>>().join(" ")
}

/// The setup of `count` servers after a change.
pub(super) fn with(count: u32, change: impl FnOnce(&mut Setup)) -> Setup {
    let mut setup = setup(count);
    change(&mut setup);
    setup
}

pub(super) fn retime(setup: &mut Setup, checker: u32, change: impl FnOnce(&mut Timing)) {
    let params = setup.checkers.get_mut(&CheckerId(checker)).expect("a checker");
    let How::Asked(timing) = &mut params.how else { panic!("is told") };
    change(Arc::make_mut(timing));
}

pub(super) fn alpha(setup: &mut Setup, checker: u32) {
    setup.checkers.get_mut(&CheckerId(checker)).expect("a checker").alpha = true;
}

pub(super) fn service(setup: &mut Setup, id: u32) -> &mut ServiceParams {
    setup.services.get_mut(&ServiceId(id)).expect("a virtual server")
}

pub(super) fn real(setup: &mut Setup, id: u32) -> &mut ServerParams {
    setup.servers.get_mut(&ServerId(id)).expect("a real server")
}

pub(super) fn told(setup: &mut Setup, id: u32, server: u32) {
    let params =
        CheckerParams { server: ServerId(server), how: How::Told, alpha: false, log_all_failures: false, revision: 0 };
    setup.checkers.insert(CheckerId(id), params);
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! One node under test, its peers' packets, and effects as short words.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use crate::proto::track::{Reading, TrackParams};
use crate::proto::vrrp::auth::{AuthState, Envelope, seal};
use crate::proto::vrrp::wire::{Addresses, Advert, ChecksumForm, GROUP_V4, GROUP_V6};
use crate::proto::vrrp::{
    AnnounceParams, Auth, Cause, Changes, Checksum, Counters, Datagram, Effect, Engine, Event, Family, HeldAddress,
    Holdings, Input, InstanceId, Link, OnLoss, OtherAddresses, Outcome, Params, Peer, Phase, PortId, Preempt, Raw,
    Reach, Setup, TrackId, TrackUse, Version, WallTime,
};
use crate::proto::{Deadline, Instant, Machine};

pub(super) const VI: InstanceId = InstanceId(1);
pub(super) const PORT: PortId = PortId(1);
/// The source address of the node under test, and those of a lower and a higher neighbour.
pub(super) const OURS: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 10));
pub(super) const LOWER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 9));
pub(super) const HIGHER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 11));
pub(super) const VIP: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 1));
pub(super) const OURS_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0xa));
pub(super) const HIGHER_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0xb));
pub(super) const VIP_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1));
/// The wall clock when the node starts.
pub(super) const EPOCH: Duration = Duration::from_secs(1_700_000_000);

pub(super) fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(super) fn held(ip: IpAddr) -> HeldAddress {
    HeldAddress { ip, prefix: 24, link: None, detail: None, tracked: true }
}

pub(super) fn holding(addresses: &[IpAddr]) -> Arc<Holdings> {
    Arc::new(Holdings { addresses: addresses.iter().copied().map(held).collect(), ..Holdings::default() })
}

/// Version 3 over IPv4 multicast, one second, preempting, one VIP, announced once at once, no handover.
pub(super) fn params(priority: u8) -> Params {
    Params {
        vrid: 51,
        version: Version::V3,
        family: Family::V4,
        port: PORT,
        priority,
        interval: ms(1000),
        down_timer_adverts: 3,
        preempt: Preempt::Yes { delay: Duration::ZERO },
        reach: Reach::Multicast { group: GROUP_V4.into() },
        source: None,
        auth: Auth::None,
        checksum: Checksum::default(),
        track_primary: true,
        tracks: Vec::new(),
        holdings: holding(&[VIP]),
        announce: AnnounceParams {
            repeat: 1,
            delay: Duration::ZERO,
            lower_prio_repeat: 1,
            lower_prio_delay: Duration::ZERO,
            ..AnnounceParams::default()
        },
        lower_prio_no_advert: false,
        higher_prio_send_advert: false,
        owner_ignore_adverts: false,
        skip_check_adv_addr: false,
        other_addresses: OtherAddresses::Report,
        on_loss: OnLoss::Restore,
        handover: false,
        broken: false,
    }
}

pub(super) fn params_v6(priority: u8) -> Params {
    Params {
        family: Family::V6,
        reach: Reach::Multicast { group: GROUP_V6.into() },
        holdings: holding(&[VIP_V6]),
        ..params(priority)
    }
}

pub(super) fn unicast(peers: &[IpAddr]) -> Reach {
    let peers = peers.iter().map(|ip| Peer { ip: *ip, hop_limits: None }).collect();
    Reach::Unicast { peers, check_source: false, ttl: None }
}

pub(super) fn setup(instances: impl IntoIterator<Item = (InstanceId, Params)>) -> Setup {
    let instances = instances.into_iter().collect();
    Setup { instances, ..Setup::default() }
}

/// What a peer's advert is made of.
#[derive(Clone, Debug)]
pub(super) struct Said {
    pub(super) from: IpAddr,
    pub(super) to: IpAddr,
    pub(super) port: PortId,
    pub(super) version: Version,
    pub(super) vrid: u8,
    pub(super) priority: u8,
    pub(super) interval: Duration,
    pub(super) addresses: Vec<IpAddr>,
    pub(super) auth: Auth,
    pub(super) hop_limit: u8,
    pub(super) form: ChecksumForm,
}

/// An advert that fits `params`.
pub(super) fn said(params: &Params, from: IpAddr, priority: u8) -> Said {
    let to = match &params.reach {
        Reach::Multicast { group } => *group,
        Reach::Unicast { .. } => match params.family {
            Family::V4 => OURS,
            Family::V6 => OURS_V6,
        },
    };
    Said {
        from,
        to,
        port: params.port,
        version: params.version,
        vrid: params.vrid,
        priority,
        interval: params.interval,
        addresses: params.holdings.addresses.iter().map(|held| held.ip).collect(),
        auth: params.auth.clone(),
        hop_limit: 255,
        form: ChecksumForm::Standard,
    }
}

impl Said {
    /// As it arrives; `memory` is what the sender remembers of its own numbers.
    pub(super) fn datagram(&self, memory: &mut AuthState, wall: WallTime) -> Datagram {
        let addresses = Addresses::collect(Family::of(self.from), self.addresses.iter().copied()).unwrap();
        let advert = Advert::new(self.version, self.vrid, self.priority, self.interval, addresses).unwrap();
        let stamp = memory.stamp(&self.auth, wall);
        let mut envelope = Envelope::new(self.from, self.to, 1);
        envelope.hop_limit = self.hop_limit;
        envelope.checksum = self.form;
        let mut bytes = Vec::new();
        seal(&advert, &envelope, &self.auth, stamp, &mut bytes).unwrap();
        let raw = match (self.from, self.to) {
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                Raw::V6 { source, destination, hop_limit: Some(self.hop_limit), payload: bytes }
            }
            _ => Raw::V4(bytes),
        };
        Datagram { port: self.port, raw, truncated: false, wall }
    }
}

/// One node: the engine, its clock, and a kernel that says yes at once when told to.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) engine: Engine,
    pub(super) now: Instant,
    pub(super) setup: Setup,
    /// Answers every `Hold` with `Ok` in the same turn.
    pub(super) obliging: bool,
    /// What the peers remember of the numbers they signed with.
    pub(super) peers: AuthState,
}

impl Node {
    /// Started with link and source known, so instances take part at once.
    pub(super) fn start(setup: Setup) -> (Node, Vec<String>) {
        let mut node = Node::idle();
        let effects = node.reload(setup);
        (node, effects)
    }

    /// A node whose ports work, without configuration.
    pub(super) fn idle() -> Node {
        let mut node = Node {
            engine: Engine::new(7),
            now: Instant::ZERO + ms(10_000),
            setup: Setup::default(),
            obliging: true,
            peers: AuthState::default(),
        };
        node.give(Input::Clock(node.wall()));
        for port in 1..=4 {
            node.give(Input::Link(PortId(port), Link::Up));
            node.give(Input::Source(PortId(port), Family::V4, Some(OURS)));
            node.give(Input::Source(PortId(port), Family::V6, Some(OURS_V6)));
        }
        node
    }

    /// One instance, as [`VI`].
    pub(super) fn with(params: Params) -> Node {
        Node::start(setup([(VI, params)])).0
    }

    /// One instance that has become Master by waiting.
    pub(super) fn master(params: Params) -> Node {
        let mut node = Node::with(params);
        node.wait_for(Phase::Master);
        node
    }

    pub(super) fn wall(&self) -> WallTime {
        WallTime(EPOCH + self.now.since(Instant::ZERO))
    }

    pub(super) fn give(&mut self, input: Input) -> Vec<String> {
        words(&self.raw(input))
    }

    /// The effects themselves; the kernel's answers follow in the same turn.
    pub(super) fn raw(&mut self, input: Input) -> Vec<Effect> {
        let mut out = Vec::new();
        self.engine.handle(self.now, input, &mut out);
        self.oblige(&mut out);
        out
    }

    fn oblige(&mut self, out: &mut Vec<Effect>) {
        let mut done = 0;
        while self.obliging && done < out.len() {
            if let Effect::Hold(ticket, ..) = out[done] {
                self.engine.handle(self.now, Input::Settled(ticket, Outcome::Ok), out);
            }
            done += 1;
        }
    }

    pub(super) fn reload(&mut self, setup: Setup) -> Vec<String> {
        let changes = Changes::between(&self.setup, &setup);
        self.setup = setup;
        self.give(Input::Reconfigure(changes))
    }

    /// Changes the parameters of one instance.
    pub(super) fn retune(&mut self, id: InstanceId, change: impl FnOnce(&mut Params)) -> Vec<String> {
        let mut setup = self.setup.clone();
        change(setup.instances.get_mut(&id).unwrap());
        self.reload(setup)
    }

    pub(super) fn params(&self, id: InstanceId) -> Params {
        self.setup.instances[&id].clone()
    }

    pub(super) fn hear(&mut self, from: IpAddr, priority: u8) -> Vec<String> {
        let said = said(&self.params(VI), from, priority);
        self.hear_said(&said)
    }

    pub(super) fn hear_said(&mut self, said: &Said) -> Vec<String> {
        let wall = self.wall();
        let datagram = said.datagram(&mut self.peers, wall);
        self.give(Input::Received(datagram))
    }

    /// Lets time pass; everything due on the way happens at its own time.
    pub(super) fn pass(&mut self, time: Duration) -> Vec<String> {
        words(&self.pass_raw(time))
    }

    pub(super) fn pass_raw(&mut self, time: Duration) -> Vec<Effect> {
        let end = self.now + time;
        let mut all = Vec::new();
        while let Some(Deadline { at, .. }) = self.engine.deadline().filter(|deadline| deadline.at <= end) {
            self.now = self.now.max(at);
            all.extend(self.expire());
        }
        self.now = end;
        all
    }

    pub(super) fn expire(&mut self) -> Vec<Effect> {
        let mut out = Vec::new();
        self.engine.expire(self.now, &mut out);
        self.oblige(&mut out);
        out
    }

    /// The time is over and nothing was done about it yet: the driver was late.
    pub(super) fn oversleep(&mut self, time: Duration) {
        self.now += time;
    }

    pub(super) fn wait_for(&mut self, phase: Phase) {
        for _ in 0..1000 {
            if self.phase() == phase {
                return;
            }
            self.pass(ms(100));
        }
        panic!("never {phase:?}");
    }

    pub(super) fn phase(&self) -> Phase {
        self.engine.phase(VI).unwrap()
    }

    pub(super) fn counters(&self) -> Counters {
        self.engine.counters(VI).unwrap().clone()
    }

    /// How long until the engine wants to be woken, and why.
    pub(super) fn next(&self) -> (Duration, &'static str) {
        let deadline = self.engine.deadline().unwrap();
        (deadline.at.since(self.now), deadline.why)
    }
}

pub(super) fn track(id: u32, weight: i32) -> TrackUse {
    TrackUse { track: TrackId(id), weight, reverse: false }
}

/// Adds a tracked address, the plainest kind, and lets the instance use it.
pub(super) fn tracking(mut setup: Setup, id: u32, weight: i32) -> Setup {
    setup.tracks.insert(TrackId(id), TrackParams::Address);
    for params in setup.instances.values_mut() {
        params.tracks.push(track(id, weight));
    }
    setup
}

pub(super) fn reading(id: u32, up: bool) -> Input {
    Input::Track(TrackId(id), Reading::Up(up))
}

/// Effects in words. Instances are named by their number only where there are several.
pub(super) fn words(effects: &[Effect]) -> Vec<String> {
    effects.iter().map(word).collect()
}

fn word(effect: &Effect) -> String {
    match effect {
        Effect::Send(sent) => match sent.packets.len() {
            1 => format!("send {}", of(sent.instance, &sent.priority.to_string())),
            copies => format!("send {} to {copies}", of(sent.instance, &sent.priority.to_string())),
        },
        Effect::Hold(_, id, holdings) if holdings.is_empty() => of(*id, "release"),
        Effect::Hold(_, id, holdings) => of(*id, &format!("hold {}", holdings.every_address().count())),
        Effect::Announce(id, announcements) => of(
            *id,
            &format!("announce {:?} {}x{}", announcements.why, announcements.rounds, announcements.addresses.len()),
        ),
        Effect::Report(Event::Entered { instance, to, cause, notify, .. }) => {
            let silent = if *notify { "" } else { " (silent)" };
            let cause = match cause {
                Cause::HigherPriority(_) => "HigherPriority".to_owned(),
                cause => format!("{cause:?}"),
            };
            of(*instance, &format!("{to:?} by {cause}{silent}"))
        }
        Effect::Report(Event::GroupEntered { to, .. }) => format!("group {to:?}"),
        Effect::Report(event) => {
            let debug = format!("{event:?}");
            let name = debug.split([' ', '{']).next().unwrap_or_default().to_owned();
            match event {
                Event::Refused { refusal, .. } => format!("Refused {refusal:?}"),
                Event::PriorityChanged { to, .. } => format!("PriorityChanged {to}"),
                Event::HandedOver { successor, .. } => format!("HandedOver {}", successor.is_some()),
                Event::HoldingLost { restored, .. } => format!("HoldingLost restored={restored}"),
                Event::TwoOwners { yielding, .. } => format!("TwoOwners yielding={yielding}"),
                _ => name,
            }
        }
    }
}

fn of(id: InstanceId, what: &str) -> String {
    if id == VI { what.to_owned() } else { format!("{}: {what}", id.0) }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! A simulated world: the same engines as in the daemon, under a clock, a network and kernels that misbehave on
//! purpose, and a judge who watches what was promised. Pure: one seed gives one run.
//!
//! [`Layout`] says what there is and what happens; [`World::run`] plays it. Time is a number, events wait in one queue,
//! and whatever is left to chance comes from streams of the layout's seed.

pub mod cluster;
pub mod health;
pub mod host;
pub mod layout;
#[cfg(feature = "model")]
pub mod model;
pub mod net;
pub mod node;
pub mod oracle;
pub mod parts;
pub mod random;
pub mod saved;
pub mod scenario;
pub mod script;
pub mod shrink;
pub mod swarm;
pub mod timeline;

mod act;

use std::cmp::Reverse;
use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::hash::{Hash, Hasher};
use std::net::IpAddr;
use std::time::Duration;

use crate::proto::vrrp::{
    Announcements, Datagram, Effect, Event as Told, Input, InstanceId, Phase, PortId, Raw, TrackId, Transmission,
};
use crate::proto::{Instant, Machine};
use host::{Clock, Kernel, Neighbours};
use layout::{Layout, Router};
use net::{Fate, Frame, Link, Network, Packet, Said, Segment, Station};
use node::{Node, Power};
use oracle::{Oracle, Promise, Violation};
use random::Random;
use script::Cast;
use timeline::{Deed, Names, Timeline};

/// How many events one world may take; a world that needs more does not come to rest.
pub const EVENTS_MAX: u64 = 20_000_000;

/// Octets of an IPv4 header without options.
const IPV4_HEADER: usize = 20;

/// How often clients try to reach the addresses.
const CLIENT_EVERY: Duration = Duration::from_millis(200);

/// The purposes of the streams of chance.
mod stream {
    pub(super) const NETWORK: u64 = 1;
    pub(super) const TURNS: u64 = 2;
    pub(super) const JUNK: u64 = 3;
    pub(super) const CLOCK: u64 = 1 << 8;
    pub(super) const KERNEL: u64 = 2 << 8;
    pub(super) const ENGINE: u64 = 3 << 8;
}

/// Something that happens at its time.
#[derive(Clone, Debug)]
enum Event {
    Deliver(Frame),
    /// A node's turn, if it still plans it for this time.
    Turn(Station),
    /// A kernel has carried out a request of this life of the node.
    Settle(Station, u32),
    /// A node starts for the first time.
    Start(Station),
    /// Who is master is noted.
    Sample,
    /// A stall or a sleep is over.
    Resume(Station),
    /// A tracked object is looked at again.
    Look(Station, u32, usize),
    Step(usize),
    Junk {
        segment: Segment,
        every: Duration,
        until: Instant,
    },
    Clients,
    /// The judge looks whether a quiet network is as it should be.
    Check,
}

/// An event in the queue; of events at one time, the one put in first is first.
#[derive(Debug)]
struct Queued {
    at: Instant,
    number: u64,
    event: Event,
}

impl PartialEq for Queued {
    fn eq(&self, other: &Queued) -> bool {
        (self.at, self.number) == (other.at, other.number)
    }
}

impl Eq for Queued {}

impl PartialOrd for Queued {
    fn partial_cmp(&self, other: &Queued) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Queued {
    fn cmp(&self, other: &Queued) -> std::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

/// How a run ended.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub violation: Option<Violation>,
    /// Equal for equal runs.
    pub fingerprint: u64,
    pub events: u64,
    /// How often a quiet network was found as it should be.
    pub checks: u64,
    pub score: oracle::Score,
    pub timeline: Timeline,
    /// Who was master of each virtual router at the moments asked for.
    pub samples: Vec<Vec<Vec<Station>>>,
}

/// A world while it runs.
#[derive(Debug)]
pub struct World {
    layout: Layout,
    cast: Cast,
    routers: Vec<Router>,
    now: Instant,
    queue: BinaryHeap<Reverse<Queued>>,
    queued: u64,
    nodes: Vec<Node>,
    network: Network,
    caches: Vec<Neighbours>,
    oracle: Oracle,
    timeline: Timeline,
    fingerprint: DefaultHasher,
    turns: Random,
    junk: Random,
    /// The last advert seen on each segment, from which junk is made.
    overheard: BTreeMap<Segment, Packet>,
    lives: u64,
    samples: Vec<Vec<Vec<Station>>>,
}

impl World {
    /// Plays a layout to its end, or to the first broken promise.
    pub fn run(layout: &Layout, traced: bool) -> Outcome {
        let mut world = World::new(layout.clone(), traced);
        let events = world.play();
        world.outcome(events)
    }

    fn new(layout: Layout, traced: bool) -> World {
        let seed = layout.seed;
        let routers = layout.routers();
        let nodes: Vec<Node> = layout
            .nodes
            .iter()
            .enumerate()
            .map(|(at, plan)| {
                let at = at as u64;
                let mut chance = Random::stream(seed, stream::CLOCK + at);
                let clock = Clock::new(Instant::from_nanos(chance.below(1 << 40)), plan.drift);
                let kernel = Kernel::new(layout.settle, Random::stream(seed, stream::KERNEL + at));
                Node::new(plan.clone(), clock, kernel)
            })
            .collect();
        World {
            cast: layout.cast(),
            now: Instant::ZERO,
            queue: BinaryHeap::new(),
            queued: 0,
            network: Network::new(layout.delay.0, layout.delay.1, Random::stream(seed, stream::NETWORK)),
            caches: vec![Neighbours::default(); layout.clients.len()],
            oracle: Oracle::new(&layout, &routers),
            timeline: Timeline::new(traced),
            fingerprint: DefaultHasher::new(),
            turns: Random::stream(seed, stream::TURNS),
            junk: Random::stream(seed, stream::JUNK),
            overheard: BTreeMap::new(),
            lives: 0,
            samples: Vec::new(),
            nodes,
            routers,
            layout,
        }
    }

    /// Runs the queue empty, or to the end of the layout's time; gives the number of events.
    fn play(&mut self) -> u64 {
        for at in 0..self.layout.steps.len() {
            let Some(step) = self.layout.steps.get(at) else { break };
            self.queue_at(Instant::ZERO + step.at, Event::Step(at));
        }
        for at in 0..self.nodes.len() {
            let late = self.turns.time(Duration::ZERO, self.layout.stagger);
            self.queue_at(self.now + late, Event::Start(station(at)));
        }
        for at in self.layout.samples.clone() {
            self.queue_at(Instant::ZERO + at, Event::Sample);
        }
        if !self.caches.is_empty() {
            self.queue_at(self.now, Event::Clients);
        }
        self.queue_at(self.now, Event::Check);
        let end = Instant::ZERO + self.layout.lasts;
        let mut events = 0;
        while let Some(Reverse(next)) = self.queue.pop() {
            if next.at > end || (self.oracle.violation().is_some() && !self.layout.lenient) {
                break;
            }
            events += 1;
            if events > EVENTS_MAX {
                self.oracle.break_promise(Promise::Bounded, next.at, "the world does not come to rest".to_owned());
                break;
            }
            self.now = next.at;
            self.happen(next.event);
        }
        if self.layout.rests && self.oracle.violation().is_none() {
            self.now = end;
            oracle::quiet::must_rest(self);
        }
        events
    }

    fn outcome(mut self, events: u64) -> Outcome {
        let end = if self.oracle.violation().is_some() && !self.layout.lenient {
            self.now
        } else {
            Instant::ZERO + self.layout.lasts
        };
        let score = self.oracle.score(end);
        let violation = self.oracle.violation().cloned();
        if let Some(violation) = violation.as_ref().filter(|_| !self.layout.lenient) {
            let states = timeline::states(&self.routers, &self.nodes);
            self.timeline.note(self.now, states, format!("! {violation}"));
        }
        let checks = self.oracle.checks();
        Outcome {
            violation,
            fingerprint: self.fingerprint.finish(),
            events,
            checks,
            score,
            timeline: self.timeline,
            samples: self.samples,
        }
    }

    fn queue_at(&mut self, at: Instant, event: Event) {
        self.queued += 1;
        self.queue.push(Reverse(Queued { at: at.max(self.now), number: self.queued, event }));
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Deliver(frame) => self.deliver(frame),
            Event::Turn(at) => {
                if self.node(at).is_some_and(|node| node.wake_at == Some(self.now) && node.is_running()) {
                    self.turn(at);
                }
            }
            Event::Settle(at, life) => self.settle(at, life),
            Event::Start(at) => {
                // A script may have started it before.
                if self.node(at).is_some_and(|node| node.life == 0 && node.power == Power::Off) {
                    self.start(at);
                    self.disturb();
                }
            }
            Event::Sample => self.samples.push(self.oracle.masters().to_vec()),
            Event::Resume(at) => self.resume(at),
            Event::Look(at, life, track) => self.look(at, life, track),
            Event::Step(step) => {
                if let Some(action) = self.layout.steps.get(step).map(|step| step.action) {
                    self.act(&action);
                }
            }
            Event::Junk { segment, every, until } => self.throw_junk(segment, every, until),
            Event::Clients => {
                self.try_clients();
                self.queue_at(self.now + CLIENT_EVERY, Event::Clients);
            }
            Event::Check => {
                if let Some(next) = oracle::check(self) {
                    self.queue_at(next, Event::Check);
                }
            }
        }
    }

    fn node(&self, at: Station) -> Option<&Node> {
        self.nodes.get(usize::from(at.0))
    }

    fn node_mut(&mut self, at: Station) -> Option<&mut Node> {
        self.nodes.get_mut(usize::from(at.0))
    }

    /// One turn of a node's loop.
    fn turn(&mut self, at: Station) {
        let now = self.now;
        let Some(node) = self.nodes.get_mut(usize::from(at.0)) else { return };
        node.wake_at = None;
        let local = node.clock.local(now);
        let (inputs, expire) = node.gather(now);
        let Some(engine) = node.engine.as_mut() else { return };
        let mut effects = Vec::new();
        self.oracle.turn_begins(now, at, local);
        for (input, said) in inputs {
            let handed = self.oracle.before(engine, &input, said);
            let first = effects.len();
            engine.handle(local, input, &mut effects);
            self.oracle.handled(handed, engine, effects.get(first..).unwrap_or_default());
        }
        if expire {
            let first = effects.len();
            engine.expire(local, &mut effects);
            self.oracle.expired(effects.get(first..).unwrap_or_default());
        }
        self.oracle.turn_ends(engine, expire);
        let finished = engine.is_finished();
        (at, now, &effects).hash(&mut self.fingerprint);
        self.carry_out(at, effects);
        if finished {
            self.finish(at);
        }
        self.plan_next(at);
        self.oracle.phases_changed(now);
    }

    /// Plans the next turn for when the engine wants it, or at once if inputs still wait.
    fn plan_next(&mut self, at: Station) {
        let Some(node) = self.node(at) else { return };
        let waiting = !node.sockets.is_empty() || !node.errands.is_empty();
        match node.wants_turn() {
            _ if waiting => self.plan_turn(at, self.now),
            Some(wanted) => self.plan_turn(at, wanted.max(self.now)),
            None => {}
        }
    }

    /// Plans a turn at `wanted` plus the time the host takes to get to it, unless an earlier one is planned.
    fn plan_turn(&mut self, at: Station, wanted: Instant) {
        let soon = wanted + self.turns.time(self.layout.turn.0, self.layout.turn.1);
        let Some(node) = self.node_mut(at) else { return };
        if !node.is_running() || node.wake_at.is_some_and(|planned| planned <= soon) {
            return;
        }
        node.wake_at = Some(soon);
        self.queue_at(soon, Event::Turn(at));
    }

    fn carry_out(&mut self, at: Station, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Send(transmission) => self.send(at, &transmission),
                Effect::Hold(ticket, instance, wanted) => {
                    let now = self.now;
                    let Some(node) = self.node_mut(at) else { continue };
                    node.kernel.ask(now, ticket, instance, wanted);
                    self.await_kernel(at);
                }
                Effect::Announce(instance, announcements) => self.announce(at, instance, &announcements),
                Effect::Report(told) => self.report(at, &told),
            }
        }
    }

    fn await_kernel(&mut self, at: Station) {
        let Some((due, life)) = self.node(at).and_then(|node| Some((node.kernel.due()?, node.life))) else { return };
        self.queue_at(due, Event::Settle(at, life));
    }

    fn settle(&mut self, at: Station, life: u32) {
        let now = self.now;
        let Some(node) = self.node_mut(at) else { return };
        if node.life != life || node.kernel.due().is_none_or(|due| due > now) {
            return;
        }
        if let Power::Asleep(until) = node.power {
            return self.queue_at(until, Event::Settle(at, life));
        }
        if let Some((ticket, _, outcome)) = node.kernel.settle(now) {
            let refused = matches!(outcome, crate::proto::vrrp::Outcome::Refused(_));
            if node.engine.is_some() {
                node.errands.push_back(Input::Settled(ticket, outcome));
            }
            self.plan_turn(at, now);
            if refused {
                self.disturb();
            }
        }
        self.await_kernel(at);
        self.try_clients();
    }

    fn send(&mut self, at: Station, transmission: &Transmission) {
        let Some((node, port)) = self.node(at).and_then(|node| Some((node, node.plan.port(transmission.port)?))) else {
            return;
        };
        let segment = port.segment;
        let up = node.link_up(transmission.port);
        let interval =
            transmission.packets.first().and_then(|packet| written_interval(transmission.source, &packet.bytes));
        let router = self.oracle.router_of(at, transmission.instance);
        self.timeline.keep(self.now, at, Deed::Sent(transmission.instance, transmission.priority));
        let said = router.zip(interval).map(|(router, interval)| Said {
            by: at,
            router,
            priority: transmission.priority,
            source: transmission.source,
            interval,
        });
        if !up {
            return;
        }
        for packet in transmission.packets.iter() {
            let advert = Packet::Advert {
                source: transmission.source,
                destination: packet.destination,
                hop_limit: packet.hop_limit,
                bytes: packet.bytes.clone(),
                said,
            };
            self.overheard.insert(segment, advert.clone());
            for to in self.reached(at, segment, packet.destination) {
                let frame = Frame { link: Link { segment, from: at, to }, packet: advert.clone() };
                let fate = self.network.send(self.now, frame);
                self.travel(fate, router);
            }
        }
    }

    /// Who a packet to this destination is meant for: everybody else on the segment, or the owner of the address.
    fn reached(&self, from: Station, segment: Segment, destination: IpAddr) -> Vec<Station> {
        let group = destination.is_multicast();
        let plugged = |node: &Node| {
            node.plan
                .ports
                .iter()
                .any(|port| if group { port.segment == segment } else { port.addresses.contains(&destination) })
        };
        let others = self.nodes.iter().enumerate().filter(|(_, node)| plugged(node)).map(|(at, _)| station(at));
        others.filter(|to| *to != from).collect()
    }

    fn travel(&mut self, fate: Fate, router: Option<usize>) {
        match fate {
            Fate::Arrives { at, frame } => self.queue_at(at, Event::Deliver(frame)),
            Fate::Copied { at: [first, second], frame } => {
                self.queue_at(first, Event::Deliver(frame.clone()));
                self.queue_at(second, Event::Deliver(frame));
            }
            Fate::Disturbed { at, frame } => {
                self.oracle.disturb(at, router);
                self.queue_at(at, Event::Deliver(frame));
            }
            Fate::Lost => self.oracle.disturb(self.now, router),
            Fate::Barred => {}
        }
    }

    fn deliver(&mut self, frame: Frame) {
        let Frame { link, packet } = frame;
        match packet {
            Packet::Claim { address } => {
                let client = usize::from(link.to.0).checked_sub(self.nodes.len());
                if let Some(cache) = client.and_then(|at| self.caches.get_mut(at)) {
                    cache.claim(address, link.from);
                    self.try_clients();
                }
            }
            Packet::Advert { source, destination, hop_limit, bytes, said } => {
                let now = self.now;
                let router = said.map(|said| said.router);
                let Some(node) = self.nodes.get_mut(usize::from(link.to.0)) else { return };
                let mut ports: BTreeSet<PortId> = node.plan.hearing(link.segment, destination).collect();
                // An instance that was removed is heard for as long as it hands over.
                let first = self.layout.nodes.get(usize::from(link.to.0)).filter(|_| node.has_leavers());
                ports.extend(first.into_iter().flat_map(|plan| plan.hearing(link.segment, destination)));
                for port in ports {
                    if !node.takes_frames() || !node.link_up(port) {
                        continue;
                    }
                    let raw = raw(source, destination, hop_limit, &bytes);
                    let datagram = Datagram { port, raw, truncated: false, wall: node.wall(now) };
                    if node.engine.is_some() && !node.receive(datagram, said) {
                        self.oracle.disturb(now, router);
                    }
                }
                self.plan_turn(link.to, now);
            }
        }
    }

    fn announce(&mut self, at: Station, instance: InstanceId, announcements: &Announcements) {
        let Some(segment) = self.segment_of(at, instance) else { return };
        let clients: Vec<Station> = self.layout.clients_on(segment).collect();
        let router = self.oracle.router_of(at, instance);
        self.oracle.announced(self.now, at, instance, announcements);
        self.timeline.keep(self.now, at, Deed::Announced(instance, announcements.why));
        for _ in 0..announcements.rounds {
            for announced in &announcements.addresses {
                for to in &clients {
                    let packet = Packet::Claim { address: announced.ip };
                    let frame = Frame { link: Link { segment, from: at, to: *to }, packet };
                    match self.network.send(self.now, frame) {
                        Fate::Lost => self.oracle.claim_lost(self.now, router),
                        Fate::Disturbed { at, frame } => {
                            self.oracle.claim_lost(at, router);
                            self.queue_at(at, Event::Deliver(frame));
                        }
                        fate @ (Fate::Arrives { .. } | Fate::Copied { .. } | Fate::Barred) => self.travel(fate, None),
                    }
                }
            }
        }
    }

    fn segment_of(&self, at: Station, instance: InstanceId) -> Option<Segment> {
        let plan = &self.node(at)?.plan;
        Some(plan.port(plan.setup.instances.get(&instance)?.port)?.segment)
    }

    /// Keeps what an engine tells for the timeline. An instance that starts and is not master gives up what an earlier
    /// life of the daemon left in the kernel, as the worker does.
    fn report(&mut self, at: Station, told: &Told) {
        if let Told::Entered { instance, from: Phase::Init, to: Phase::Backup | Phase::Fault, .. } = told
            && let Some(node) = self.node_mut(at)
        {
            node.kernel.drop_leftovers(*instance);
        }
        let Some(plan) = self.nodes.get(usize::from(at.0)).map(|node| &node.plan) else { return };
        if !self.timeline.is_on() {
            return;
        }
        let track = |id: &TrackId| plan.tracks.get(id).map(|track| track.name.clone());
        let names = Names { instances: &plan.instances, groups: &plan.groups, track: &track };
        let node = self.cast.stations().nth(usize::from(at.0)).unwrap_or("?");
        let text = timeline::words(&names, told).map(|text| format!("{node}: {text}"));
        self.timeline.keep(self.now, at, Deed::Told(told.clone()));
        if let Some(text) = text {
            self.note(text);
        }
    }

    fn note(&mut self, text: String) {
        let states = timeline::states(&self.routers, &self.nodes);
        self.timeline.note(self.now, states, text);
    }

    /// Every client tries every address; the judge keeps how long it is not served.
    fn try_clients(&mut self) {
        for (at, client) in self.layout.clients.iter().enumerate() {
            let to = station(self.nodes.len() + at);
            for (router, shape) in
                self.routers.iter().enumerate().filter(|(_, router)| router.segment == client.segment)
            {
                for address in &shape.addresses {
                    let answers = self.answering(to, client.segment, *address);
                    let Some(cache) = self.caches.get_mut(at) else { continue };
                    let served = cache.reach(self.now, *address, &answers);
                    self.oracle.client(self.now, at, router, *address, served);
                }
            }
        }
    }

    /// The hosts that have an address on the segment and whose answers get through.
    fn answering(&self, client: Station, segment: Segment, address: IpAddr) -> Vec<Station> {
        let there = |at: Station, node: &Node| {
            let awake = !matches!(node.power, Power::Asleep(_));
            let plugged = node.plan.ports.iter().any(|port| port.segment == segment && node.link_up(port.id));
            awake
                && plugged
                && node.kernel.holds(address)
                && self.network.open(Link { segment, from: at, to: client })
                && self.network.open(Link { segment, from: client, to: at })
        };
        self.nodes
            .iter()
            .enumerate()
            .map(|(at, node)| (station(at), node))
            .filter(|(at, node)| there(*at, node))
            .map(|(at, _)| at)
            .collect()
    }

    /// Something went wrong: the network is not quiet.
    fn disturb(&mut self) {
        self.oracle.disturb(self.now, None);
    }

    /// The phase of an instance, as far as its daemon runs.
    fn phase(&self, at: Station, instance: InstanceId) -> Option<Phase> {
        self.node(at)?.engine.as_ref()?.phase(instance)
    }
}

fn station(at: usize) -> Station {
    Station(u8::try_from(at).unwrap_or(u8::MAX))
}

/// The interval an advert carries: what the sender means is not always what it is configured to by now.
fn written_interval(source: IpAddr, bytes: &[u8]) -> Option<Duration> {
    let message = if source.is_ipv4() { bytes.get(IPV4_HEADER..)? } else { bytes };
    match message {
        // Version 3 counts hundredths of a second in twelve bits; version 2, with or without the authentication header
        // before it, whole seconds, and every member has the same.
        [0x31, _, _, _, high, low, ..] => {
            Some(Duration::from_millis(10) * u32::from(u16::from_be_bytes([high & 0x0f, *low])))
        }
        [0x21, _, _, _, _, seconds, ..] => Some(Duration::from_secs(u64::from(*seconds))),
        _ => Some(Duration::ZERO),
    }
}

fn raw(source: IpAddr, destination: IpAddr, hop_limit: u8, bytes: &[u8]) -> Raw {
    match (source, destination) {
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            Raw::V6 { source, destination, hop_limit: Some(hop_limit), payload: bytes.to_vec() }
        }
        (IpAddr::V4(_), _) | (IpAddr::V6(_), IpAddr::V4(_)) => Raw::V4(bytes.to_vec()),
    }
}

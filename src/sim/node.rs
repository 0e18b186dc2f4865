// SPDX-License-Identifier: MIT OR Apache-2.0
//! One node: what it is told to be, and the loop that drives its engine as the daemon's does. Inputs that came
//! meanwhile are handed over first, adverts before anything else; then what is due is done; then the effects leave.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

use super::host::{Clock, Kernel};
use super::net::{Said, Segment};
use crate::proto::track::{Reading, TrackParams};
use crate::proto::vrrp::{
    Changes, Datagram, Engine, Family, GroupId, Input, InstanceId, Link, PortId, Reach, Setup, TrackId, WallTime,
};
use crate::proto::{Instant, Machine};

/// How many inputs one turn takes before it lets timers run.
pub const TURN_INPUTS_MAX: usize = 256;

/// How many turns in a row may put off the timers because inputs are still waiting.
pub const DEFER_MAX: u8 = 4;

/// How many adverts wait in the sockets of one node; more are lost.
pub const SOCKET_ADVERTS_MAX: usize = 512;

/// A turn later than this after its deadline tells the engine so.
pub const LATE_LEAST: Duration = Duration::from_millis(100);

/// What the wall clocks show when the world begins, since the Unix epoch.
const EPOCH: Duration = Duration::from_secs(1_800_000_000);

/// A node as configured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodePlan {
    pub name: String,
    pub setup: Setup,
    pub ports: Vec<PortPlan>,
    pub instances: BTreeMap<InstanceId, String>,
    pub groups: BTreeMap<GroupId, String>,
    pub tracks: BTreeMap<TrackId, TrackPlan>,
    /// Millionths by which the node's clock runs fast.
    pub drift: i32,
    /// Seconds by which the node's wall clock is ahead.
    pub wall: i16,
}

/// A port: where it is plugged in, and the node's own addresses there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortPlan {
    pub id: PortId,
    pub name: String,
    pub segment: Segment,
    pub addresses: Vec<IpAddr>,
}

/// A tracked object: its name, and what it reads until a script says otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrackPlan {
    pub name: String,
    pub reading: Reading,
    /// How often it is looked at again, as a script is; `None`: only changes are told.
    pub every: Option<Duration>,
    /// The interface whose link is meant, when it is one.
    pub interface: Option<String>,
}

impl NodePlan {
    pub fn instance_at(&self, at: usize) -> Option<InstanceId> {
        self.instances.keys().nth(at).copied()
    }

    pub fn track_at(&self, at: usize) -> Option<TrackId> {
        self.tracks.keys().nth(at).copied()
    }

    pub fn port(&self, id: PortId) -> Option<&PortPlan> {
        self.ports.iter().find(|port| port.id == id)
    }

    /// The ports that hear a packet to this destination on this segment.
    pub fn hearing(&self, segment: Segment, destination: IpAddr) -> impl Iterator<Item = PortId> {
        let hears = move |port: &&PortPlan| {
            port.segment == segment
                && self.setup.instances.values().filter(|params| params.port == port.id).any(|params| {
                    match &params.reach {
                        Reach::Multicast { group } => *group == destination,
                        Reach::Unicast { .. } => {
                            params.source == Some(destination) || port.addresses.contains(&destination)
                        }
                    }
                })
        };
        self.ports.iter().filter(hears).map(|port| port.id)
    }
}

/// Whether a node runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Power {
    /// No daemon runs.
    Off,
    Running,
    /// The daemon gets no processor time until then.
    Stalled(Instant),
    /// The whole host is suspended until then.
    Asleep(Instant),
}

/// An advert that waits in a socket, and what its sender meant.
pub type Heard = (Datagram, Option<Said>);

#[derive(Clone, Debug)]
pub struct Node {
    pub plan: NodePlan,
    pub power: Power,
    pub engine: Option<Engine>,
    pub clock: Clock,
    pub kernel: Kernel,
    pub links: BTreeMap<PortId, bool>,
    pub sources: BTreeMap<PortId, bool>,
    pub readings: BTreeMap<TrackId, Reading>,
    pub sockets: VecDeque<Heard>,
    pub errands: VecDeque<Input>,
    /// When the next turn is planned, by the world's clock.
    pub wake_at: Option<Instant>,
    /// Raised at every start, so that what was meant for an earlier life is recognised.
    pub life: u32,
    deferred: u8,
}

impl Node {
    pub fn new(plan: NodePlan, clock: Clock, kernel: Kernel) -> Node {
        let on = plan.ports.iter().map(|port| (port.id, true));
        Node {
            power: Power::Off,
            engine: None,
            clock,
            kernel,
            links: on.clone().collect(),
            sources: on.collect(),
            readings: plan.tracks.iter().map(|(id, track)| (*id, track.reading)).collect(),
            sockets: VecDeque::new(),
            errands: VecDeque::new(),
            wake_at: None,
            life: 0,
            deferred: 0,
            plan,
        }
    }

    /// Starts the daemon: a new engine, and everything it has to be told.
    pub fn start(&mut self, seed: u64) {
        self.power = Power::Running;
        self.life += 1;
        self.engine = Some(Engine::new(seed));
        self.sockets.clear();
        self.errands.clear();
        self.errands.push_back(Input::Reconfigure(Changes::between(&Setup::default(), &self.plan.setup)));
        for port in &self.plan.ports {
            let up = self.links.get(&port.id).copied().unwrap_or(true);
            self.errands.push_back(Input::Link(port.id, link(up)));
        }
        let sources: Vec<Input> = self.plan.ports.iter().flat_map(|port| self.source_inputs(port)).collect();
        self.errands.extend(sources);
        self.errands.extend(self.readings.iter().map(|(id, reading)| Input::Track(*id, *reading)));
    }

    /// What a port's addresses are, as told to the engine.
    pub fn source_inputs(&self, port: &PortPlan) -> [Input; 2] {
        let there = self.sources.get(&port.id).copied().unwrap_or(true);
        [Family::V4, Family::V6].map(|family| {
            let address = port.addresses.iter().copied().find(|address| there && Family::of(*address) == family);
            Input::Source(port.id, family, address)
        })
    }

    /// Ends the daemon without a word.
    pub fn end(&mut self) {
        self.power = Power::Off;
        self.engine = None;
        self.sockets.clear();
        self.errands.clear();
        self.wake_at = None;
        self.kernel.forget_requests();
    }

    pub fn is_running(&self) -> bool {
        matches!(self.power, Power::Running)
    }

    /// Whether the host takes frames at all.
    pub fn takes_frames(&self) -> bool {
        matches!(self.power, Power::Running | Power::Stalled(_))
    }

    /// Whether the engine still has instances that the configuration no longer names.
    pub fn has_leavers(&self) -> bool {
        let configured = &self.plan.setup.instances;
        self.engine.as_ref().is_some_and(|engine| engine.instances().any(|id| !configured.contains_key(&id)))
    }

    pub fn link_up(&self, port: PortId) -> bool {
        self.links.get(&port).copied().unwrap_or(false)
    }

    /// Puts an advert in the socket of a port; false if there is no room.
    pub fn receive(&mut self, datagram: Datagram, said: Option<Said>) -> bool {
        let room = self.sockets.len() < SOCKET_ADVERTS_MAX;
        if room {
            self.sockets.push_back((datagram, said));
        }
        room
    }

    pub fn wall(&self, now: Instant) -> WallTime {
        let seconds = EPOCH.as_secs().saturating_add_signed(i64::from(self.plan.wall));
        WallTime(Duration::from_secs(seconds) + Duration::from_nanos(now.as_nanos()))
    }

    /// The inputs of one turn in their order, and whether timers run at its end.
    pub fn gather(&mut self, now: Instant) -> (Vec<(Input, Option<Said>)>, bool) {
        let local = self.clock.local(now);
        let mut inputs = Vec::new();
        let Some(engine) = &self.engine else { return (inputs, false) };
        if let Some(deadline) = engine.deadline() {
            let late_by = local.since(deadline.at);
            if late_by >= LATE_LEAST {
                inputs.push((Input::Woke { late_by }, None));
            }
        }
        // The first configuration may bring instances that number their adverts by the time.
        let configures = self.errands.iter().any(|errand| matches!(errand, Input::Reconfigure(_)));
        if engine.wants_clock() || configures {
            inputs.push((Input::Clock(self.wall(now)), None));
        }
        // Before its first configuration an engine has nobody to hear an advert.
        if engine.instances().next().is_none() {
            inputs.extend(self.errands.pop_front().map(|errand| (errand, None)));
        }
        while inputs.len() < TURN_INPUTS_MAX {
            if let Some((datagram, said)) = self.sockets.pop_front() {
                inputs.push((Input::Received(datagram), said));
            } else if let Some(errand) = self.errands.pop_front() {
                inputs.push((errand, None));
            } else {
                break;
            }
        }
        let drained = self.sockets.is_empty() && self.errands.is_empty();
        let expire = drained || self.deferred >= DEFER_MAX;
        self.deferred = if expire { 0 } else { self.deferred + 1 };
        (inputs, expire)
    }

    /// When the engine wants its next turn, by the world's clock.
    pub fn wants_turn(&self) -> Option<Instant> {
        let engine = self.engine.as_ref()?;
        engine.deadline().map(|deadline| self.clock.world(deadline.at))
    }
}

pub fn link(up: bool) -> Link {
    if up { Link::Up } else { Link::Down }
}

/// What `up` and `down` mean for a tracked object of this kind.
pub fn reading(params: &TrackParams, observed: super::script::Observed) -> Reading {
    use super::script::Observed;
    match (params, observed) {
        (TrackParams::File, Observed::Up) => Reading::Value(0),
        (TrackParams::File, Observed::Down) => Reading::Value(1),
        (TrackParams::File, Observed::Value(value)) => Reading::Value(value),
        (TrackParams::Process { quorum, .. }, Observed::Up) => count(*quorum),
        (TrackParams::Process { .. }, Observed::Down) => count(0),
        (TrackParams::Process { .. }, Observed::Value(value)) => count(u32::try_from(value).unwrap_or(0)),
        (
            TrackParams::Script { .. }
            | TrackParams::Interface { .. }
            | TrackParams::Bfd
            | TrackParams::Address
            | TrackParams::Route,
            observed,
        ) => Reading::Up(matches!(observed, Observed::Up | Observed::Value(1..))),
    }
}

fn count(running: u32) -> Reading {
    Reading::Count { running, at_once: false }
}

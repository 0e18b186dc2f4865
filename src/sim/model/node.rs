// SPDX-License-Identifier: MIT OR Apache-2.0
//! One node of a small world: its engine, its kernel, and what a naive reference must know of each instance.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::promises::Deed;
use super::{Frame, NOW};
use crate::proto::Machine;
use crate::proto::track::Reading;
use crate::proto::vrrp::{
    Announced, Changes, Datagram, Effect, Engine, Family, Holdings, Input, InstanceId, Link, Outcome, Params, Phase,
    Preempt, Raw, Setup, Ticket, TrackId, WallTime,
};
use crate::sim::node::NodePlan;

/// One `Hold` that waits for its answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Job {
    age: Duration,
    ticket: Ticket,
    instance: InstanceId,
    wanted: Arc<Holdings>,
}

/// What the naive reference knows of one instance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Watch {
    /// As Master: how long it has said nothing.
    silent: Duration,
    /// As Backup: how long it has not heard a master it must respect, as far as it matters. Ample once the master
    /// said that it leaves.
    unheard: Duration,
    /// As Backup that heard priority 0 and nothing since: how long it may still wait.
    must_take: Option<Duration>,
    /// As Master: how long a better master and this one could hear each other.
    outranked: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Node {
    pub(super) engine: Option<Engine>,
    stopping: bool,
    jobs: VecDeque<Job>,
    held: BTreeMap<InstanceId, BTreeSet<IpAddr>>,
    tracks: BTreeMap<TrackId, bool>,
    watches: BTreeMap<InstanceId, Watch>,
}

impl Node {
    pub(super) fn new(plan: &NodePlan) -> Node {
        Node {
            engine: None,
            stopping: false,
            jobs: VecDeque::new(),
            held: BTreeMap::new(),
            tracks: plan.tracks.keys().map(|track| (*track, true)).collect(),
            watches: BTreeMap::new(),
        }
    }

    /// Starts the daemon: a new engine, and everything it has to be told.
    pub(super) fn start(&mut self, plan: &NodePlan) -> Vec<Effect> {
        let mut engine = Engine::new(0);
        let mut effects = Vec::new();
        let mut give = |input| engine.handle(NOW, input, &mut effects);
        give(Input::Reconfigure(Changes::between(&Setup::default(), &plan.setup)));
        for port in &plan.ports {
            give(Input::Link(port.id, Link::Up));
            for family in [Family::V4, Family::V6] {
                let source = port.addresses.iter().copied().find(|address| Family::of(*address) == family);
                give(Input::Source(port.id, family, source));
            }
        }
        for (track, up) in &self.tracks {
            give(Input::Track(*track, Reading::Up(*up)));
        }
        self.engine = Some(engine);
        self.stopping = false;
        self.watches = plan.setup.instances.keys().map(|id| (*id, Watch::default())).collect();
        effects
    }

    /// Ends the daemon without a word. What it holds stays where it is.
    pub(super) fn end(&mut self) {
        self.engine = None;
        self.stopping = false;
        self.jobs.clear();
        self.watches.clear();
    }

    pub(super) fn stop(&mut self) -> Vec<Effect> {
        self.stopping = true;
        self.give(Input::Stop)
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stopping
    }

    pub(super) fn tracks(&self) -> impl Iterator<Item = (TrackId, bool)> {
        self.tracks.iter().map(|(track, up)| (*track, *up))
    }

    pub(super) fn is_up(&self, track: TrackId) -> bool {
        self.tracks.get(&track).copied().unwrap_or(false)
    }

    pub(super) fn track(&mut self, track: TrackId, up: bool) -> Vec<Effect> {
        self.tracks.insert(track, up);
        // The wait moves with the priority; nothing exact is asked of it.
        self.watches.values_mut().for_each(|watch| watch.must_take = None);
        self.give(Input::Track(track, Reading::Up(up)))
    }

    fn give(&mut self, input: Input) -> Vec<Effect> {
        let mut effects = Vec::new();
        if let Some(engine) = &mut self.engine {
            engine.handle(NOW, input, &mut effects);
        }
        effects
    }

    /// Hands over a frame, as the bytes it is.
    pub(super) fn receive(&mut self, plan: &NodePlan, frame: &Frame) -> Vec<Effect> {
        let raw = Raw::V4(frame.bytes.to_vec());
        let effects =
            self.give(Input::Received(Datagram { port: frame.port, raw, truncated: false, wall: WallTime::default() }));
        let id = frame.instance;
        // Counters are cleared after every step, so whatever was counted was this frame.
        let taken = self.engine.as_ref().and_then(|engine| engine.counters(id)).is_some_and(|c| c.adverts_received > 0);
        if taken && self.phase(id) == Some(Phase::Backup) {
            self.heard(plan, id, frame.priority);
        }
        effects
    }

    /// As Backup (RFC 9568 §6.4.2).
    fn heard(&mut self, plan: &NodePlan, id: InstanceId, said: u8) {
        let ours = priority(plan, self, id);
        let (Some(params), Some(watch)) = (plan.setup.instances.get(&id), self.watches.get_mut(&id)) else { return };
        if said == 0 {
            watch.unheard = ample(params);
            watch.must_take = Some(params.interval * (256 - u32::from(ours)) / 256);
        } else if said >= ours || !preempts(params) {
            watch.unheard = Duration::ZERO;
            watch.must_take = None;
        }
    }

    pub(super) fn ask(&mut self, ticket: Ticket, instance: InstanceId, wanted: Arc<Holdings>) {
        self.jobs.push_back(Job { age: Duration::ZERO, ticket, instance, wanted });
    }

    pub(super) fn oldest_job(&self) -> Option<Duration> {
        self.jobs.iter().map(|job| job.age).max()
    }

    /// The kernel carries out what it was asked first, and says so.
    pub(super) fn settle(&mut self) -> Vec<Effect> {
        let Some(job) = self.jobs.pop_front() else { return Vec::new() };
        self.held.insert(job.instance, job.wanted.every_address().map(|address| address.ip).collect());
        self.give(Input::Settled(job.ticket, Outcome::Ok))
    }

    pub(super) fn has_in_place(&self, instance: InstanceId, addresses: &[Announced]) -> bool {
        let held = self.held.get(&instance);
        addresses.iter().all(|address| held.is_some_and(|held| held.contains(&address.ip)))
    }

    pub(super) fn has_sent(&mut self, instance: InstanceId) {
        if let Some(watch) = self.watches.get_mut(&instance) {
            watch.silent = Duration::ZERO;
        }
    }

    /// Once nothing is asked of the kernel any more: is what it holds what the engine wants, and does the engine want
    /// it for a reason?
    pub(super) fn holds_what_it_should(&self) -> bool {
        let Some(engine) = self.engine.as_ref().filter(|_| self.jobs.is_empty()) else { return true };
        engine.instances().all(|id| {
            let wanted: BTreeSet<IpAddr> =
                engine.holdings(id).into_iter().flat_map(Holdings::every_address).map(|address| address.ip).collect();
            let for_a_reason = engine.phase(id) == Some(Phase::Master) || engine.is_handing_over(id);
            for_a_reason != wanted.is_empty() && self.held.get(&id).cloned().unwrap_or_default() == wanted
        })
    }

    pub(super) fn phase(&self, id: InstanceId) -> Option<Phase> {
        self.engine.as_ref()?.phase(id)
    }

    /// Follows an instance into another state; tells if it had no right to it.
    pub(super) fn entered(&mut self, plan: &NodePlan, id: InstanceId, from: Phase, to: Phase) -> Option<Deed> {
        // The worker gives up what an earlier life of the daemon left behind.
        if from == Phase::Init && to != Phase::Master {
            self.held.remove(&id);
        }
        let params = plan.setup.instances.get(&id)?;
        let watch = self.watches.insert(id, Watch::default())?;
        (to == Phase::Master && watch.unheard < ample(params)).then_some(Deed::Theft)
    }

    pub(super) fn disturb(&mut self) {
        self.watches.values_mut().for_each(|watch| watch.outranked = Duration::ZERO);
    }

    /// Time passes; tells which promises that breaks.
    pub(super) fn elapse(
        &mut self,
        plan: &NodePlan,
        by: Duration,
        transit: Duration,
        outranked: impl Fn(InstanceId) -> bool,
    ) -> BTreeSet<Deed> {
        self.jobs.iter_mut().for_each(|job| job.age += by);
        let mut deeds = BTreeSet::new();
        let Some(engine) = &mut self.engine else { return deeds };
        engine.rebase(by);
        // It is NOW again, and everything was so much earlier.
        for (id, watch) in &mut self.watches {
            let Some(params) = plan.setup.instances.get(id) else { continue };
            match engine.phase(*id) {
                Some(Phase::Master) => {
                    watch.silent += by;
                    watch.outranked = if outranked(*id) { watch.outranked + by } else { Duration::ZERO };
                    if watch.silent > params.interval {
                        deeds.insert(Deed::Silence);
                    }
                    if watch.outranked > params.interval + transit {
                        deeds.insert(Deed::LateYield);
                    }
                }
                Some(Phase::Backup) => {
                    watch.unheard = (watch.unheard + by).min(ample(params));
                    let alone = plan.setup.groups.values().all(|group| !group.members.contains(id));
                    match watch.must_take.map(|left| left.checked_sub(by)) {
                        Some(Some(left)) => watch.must_take = Some(left),
                        Some(None) if alone => {
                            deeds.insert(Deed::LateSuccession);
                        }
                        Some(None) | None => watch.must_take = None,
                    }
                }
                Some(Phase::Init | Phase::Fault) | None => {}
            }
        }
        deeds
    }

    /// After each step: what decides nothing is forgotten, and a daemon that is finished ends.
    pub(super) fn tidy(&mut self) -> Option<Deed> {
        let engine = self.engine.as_mut()?;
        engine.clear_counters();
        engine.forget_numbers();
        if !engine.is_finished() {
            return None;
        }
        self.end();
        self.held.values().any(|held| !held.is_empty()).then_some(Deed::LeftBehind)
    }
}

/// How long a Backup must hear nothing before it may take over, if nobody says that he leaves.
fn ample(params: &Params) -> Duration {
    params.interval * u32::from(params.down_timer_adverts)
}

pub(super) fn preempts(params: &Params) -> bool {
    matches!(params.preempt, Preempt::Yes { .. })
}

/// The priority by configuration and tracking, as the reference sees it.
pub(super) fn priority(plan: &NodePlan, node: &Node, id: InstanceId) -> u8 {
    let Some(params) = plan.setup.instances.get(&id) else { return 0 };
    let moved: i32 = params
        .tracks
        .iter()
        .map(|used| match (used.weight, node.is_up(used.track)) {
            (1.., true) | (..=-1, false) => used.weight,
            (1.., false) | (..=-1, true) | (0, _) => 0,
        })
        .sum();
    u8::try_from((i32::from(params.priority) + moved).clamp(1, 254)).unwrap_or(1)
}

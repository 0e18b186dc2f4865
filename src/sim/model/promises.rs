// SPDX-License-Identifier: MIT OR Apache-2.0
//! What must hold in every state of a small world, and what must be seen to happen. The numbers of the promises are
//! those of [`Promise`](crate::sim::oracle::Promise).

use std::collections::BTreeSet;
use std::time::Duration;

use stateright::Property;

use super::node::{Node, preempts, priority};
use super::{State, World};
use crate::proto::vrrp::{Cause, Event, InstanceId, Params, Phase};
use crate::sim::layout::source_of;
use crate::sim::node::NodePlan;

/// What a step did that a promise or the judgement of a world is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Deed {
    /// A Backup took over from a master that fell silent.
    TakeOver,
    /// A Backup took over from a master that ranks below it.
    Preemption,
    /// A Backup took over because the master said that it leaves.
    Succession,
    /// A Master gave way to a better one.
    Yield,
    /// A Master offered its addresses, or keeps them for its successor.
    Offer,
    /// The successor was heard by who kept the addresses for it.
    HandOver,
    /// A sync group became Master.
    GroupMaster,
    /// A sync group is in Fault, by one of its members.
    GroupFault,

    /// An instance changed its state in a network at rest.
    MovedAtRest,
    /// A Backup became Master although it had heard its master in time.
    Theft,
    /// A Backup that heard priority 0 and nothing since waited longer than its skew.
    LateSuccession,
    /// A Master that hears a better one is Master still.
    LateYield,
    /// A Master said nothing for more than its interval.
    Silence,
    /// An address was announced that is not in place.
    EarlyAnnouncement,
    /// A daemon that was told to stop has ended and left addresses behind.
    LeftBehind,
}

pub(super) fn deed_of(event: &Event, node: &Node) -> Option<Deed> {
    match event {
        Event::Entered { instance, to: Phase::Master, cause, .. } => {
            let followed = node.engine.as_ref().and_then(|engine| engine.followed(*instance));
            match cause {
                Cause::MasterDown if followed.is_some() => Some(Deed::TakeOver),
                Cause::Preempt => Some(Deed::Preemption),
                Cause::PriorityZero => Some(Deed::Succession),
                _ => None,
            }
        }
        Event::Entered { to: Phase::Backup, cause: Cause::HigherPriority(_), .. } => Some(Deed::Yield),
        Event::HandingOver { .. } => Some(Deed::Offer),
        Event::HandedOver { successor: Some(_), .. } => Some(Deed::HandOver),
        Event::GroupEntered { to: Phase::Master, .. } => Some(Deed::GroupMaster),
        Event::GroupEntered { to: Phase::Fault, .. } => Some(Deed::GroupFault),
        _ => None,
    }
}

impl World {
    /// How long the network may take to come to rest: the longest wait for a master once, and once more for each rank
    /// where not everybody hears everybody, and for each member of a sync group, which must all want to be Master.
    pub(super) fn bound(&self, state: &State) -> Duration {
        let waits = |params: &Params| params.interval * (u32::from(params.down_timer_adverts) + 1);
        let longest = self.plans.iter().flat_map(|plan| plan.setup.instances.values()).map(waits).max();
        let ranks = if state.cut.is_empty() { 1 } else { self.plans.len() };
        let members = self.plans.iter().flat_map(|plan| plan.setup.groups.values()).map(|group| group.members.len());
        let rounds = u32::try_from(ranks * members.max().unwrap_or(1)).unwrap_or(u32::MAX);
        (longest.unwrap_or_default() + self.transit * 2) * rounds + self.transit
    }

    pub(super) fn rests(&self, state: &State) -> bool {
        state.calm >= self.bound(state)
    }

    fn instances(&self) -> BTreeSet<InstanceId> {
        self.plans.iter().flat_map(|plan| plan.setup.instances.keys().copied()).collect()
    }

    /// The masters of a virtual router, as they see themselves.
    fn masters(state: &State, id: InstanceId) -> impl Iterator<Item = usize> {
        let master = move |(at, node): (usize, &Node)| (node.phase(id) == Some(Phase::Master)).then_some(at);
        state.nodes.iter().enumerate().filter_map(master)
    }

    /// What decides between two masters.
    fn rank(&self, state: &State, at: usize, id: InstanceId) -> Option<(u8, std::net::IpAddr)> {
        let (plan, node) = (self.plans.get(at)?, state.nodes.get(at)?);
        let params = plan.setup.instances.get(&id)?;
        Some((priority(plan, node, id), source_of(params, plan.port(params.port)?)?))
    }

    /// Masters that could hear, and be heard by, a better one.
    pub(super) fn outranked(&self, state: &State) -> BTreeSet<(usize, InstanceId)> {
        let mut found = BTreeSet::new();
        for id in self.instances() {
            for at in World::masters(state, id) {
                let better = |other: usize| {
                    let open = !state.cut.contains(&(other, at)) && !state.cut.contains(&(at, other));
                    open && self.rank(state, other, id) > self.rank(state, at, id)
                };
                if World::masters(state, id).any(better) {
                    found.insert((at, id));
                }
            }
        }
        found
    }

    /// P1, for one instance at rest: out of the election it is in Fault; as Master it hears no better master; as Backup
    /// it hears one that it must put up with.
    fn stands_right(&self, state: &State, at: usize, id: InstanceId) -> bool {
        let (Some(plan), Some(node)) = (self.plans.get(at), state.nodes.get(at)) else { return true };
        let Some(params) = plan.setup.instances.get(&id) else { return true };
        if node.engine.is_none() || node.is_stopping() {
            return true;
        }
        let heard: Vec<usize> =
            World::masters(state, id).filter(|other| *other != at && !state.cut.contains(&(*other, at))).collect();
        let ours = self.rank(state, at, id);
        let respected = |other: &usize| {
            let theirs = self.rank(state, *other, id);
            !preempts(params) || theirs.map(|(priority, _)| priority) >= ours.map(|(priority, _)| priority)
        };
        match node.phase(id) {
            Some(Phase::Master) => {
                is_fit(plan, node, id) && heard.iter().all(|other| self.rank(state, *other, id) < ours)
            }
            Some(Phase::Backup) => is_fit(plan, node, id) && heard.iter().any(respected),
            Some(Phase::Fault) => !is_fit(plan, node, id),
            Some(Phase::Init) | None => false,
        }
    }

    /// P1 said once more, for a network in which everybody hears everybody: one master, if anybody can be.
    fn has_one_master(&self, state: &State, id: InstanceId) -> bool {
        let able = self.plans.iter().zip(&state.nodes).any(|(plan, node)| {
            plan.setup.instances.contains_key(&id)
                && node.engine.is_some()
                && !node.is_stopping()
                && is_fit(plan, node, id)
        });
        World::masters(state, id).count() == usize::from(able)
    }
}

/// Nothing that counts as a fault has failed, for the instance or another member of its group.
fn is_fit(plan: &NodePlan, node: &Node, id: InstanceId) -> bool {
    let group = plan.setup.groups.values().find(|group| group.members.contains(&id));
    let whole = group.map_or_else(|| vec![id], |group| group.members.clone());
    let tracks = whole.iter().filter_map(|id| plan.setup.instances.get(id)).flat_map(|params| &params.tracks);
    tracks.filter(|used| used.weight == 0).all(|used| node.is_up(used.track))
}

fn p1(world: &World, state: &State) -> bool {
    if !world.rests(state) {
        return true;
    }
    let ids = world.instances();
    let one = !state.cut.is_empty() || ids.iter().all(|id| world.has_one_master(state, *id));
    one && (0..world.plans.len()).all(|at| ids.iter().all(|id| world.stands_right(state, at, *id)))
}

fn p2(_: &World, state: &State) -> bool {
    let wrong = [Deed::EarlyAnnouncement, Deed::LeftBehind];
    state.nodes.iter().all(Node::holds_what_it_should) && !wrong.iter().any(|deed| state.deeds.contains(deed))
}

/// After every step, not only at rest: the engine settles a group within the turn.
fn p3(world: &World, state: &State) -> bool {
    world.plans.iter().zip(&state.nodes).all(|(plan, node)| {
        node.is_stopping()
            || plan.setup.groups.values().all(|group| {
                let phases: BTreeSet<Option<Phase>> = group.members.iter().map(|id| node.phase(*id)).collect();
                phases.len() <= 1
            })
    })
}

fn p4(_: &World, state: &State) -> bool {
    !state.deeds.contains(&Deed::MovedAtRest)
}

fn p5(_: &World, state: &State) -> bool {
    !state.deeds.contains(&Deed::Silence)
}

fn p6(_: &World, state: &State) -> bool {
    !state.deeds.contains(&Deed::LateSuccession) && !state.deeds.contains(&Deed::LateYield)
}

fn p9(_: &World, state: &State) -> bool {
    !state.deeds.contains(&Deed::Theft)
}

/// Two masters at once: without them the promises about them say nothing.
fn two_masters(world: &World, state: &State) -> bool {
    world.instances().into_iter().any(|id| World::masters(state, id).count() > 1)
}

pub(super) fn properties(shows: &[Deed]) -> Vec<Property<World>> {
    let promises = [
        Property::always("P1: at rest one master, the best that is heard", p1),
        Property::always("P2: a master holds its addresses, nobody else does", p2),
        Property::always("P3: a sync group moves as one", p3),
        Property::always("P4: no changes at rest", p4),
        Property::always("P5: a master is heard every interval", p5),
        Property::always("P6: a backup takes over in time, a lesser master yields in time", p6),
        Property::always("P9: nobody takes over while the master is heard", p9),
        Property::sometimes("a network at rest", |world, state| world.rests(state)),
        Property::sometimes("two masters", two_masters),
    ];
    promises.into_iter().chain(shows.iter().copied().filter_map(shown)).collect()
}

fn shown(deed: Deed) -> Option<Property<World>> {
    macro_rules! seen {
        ($name:literal, $deed:expr) => {
            Property::sometimes($name, |_: &World, state: &State| state.deeds.contains(&$deed))
        };
    }
    Some(match deed {
        Deed::TakeOver => seen!("a takeover", Deed::TakeOver),
        Deed::Preemption => seen!("a preemption", Deed::Preemption),
        Deed::Succession => seen!("a succession", Deed::Succession),
        Deed::Yield => seen!("a master that yields", Deed::Yield),
        Deed::Offer => seen!("an offer", Deed::Offer),
        Deed::HandOver => seen!("a handover", Deed::HandOver),
        Deed::GroupMaster => seen!("a sync group that becomes master", Deed::GroupMaster),
        Deed::GroupFault => seen!("a sync group in fault", Deed::GroupFault),
        Deed::MovedAtRest
        | Deed::Theft
        | Deed::LateSuccession
        | Deed::LateYield
        | Deed::Silence
        | Deed::EarlyAnnouncement
        | Deed::LeftBehind => return None,
    })
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Model checking: small worlds of the same engines as in the daemon, in every order of events within bounds.
//!
//! A state is the engines of two or three nodes with their clocks moved to one moment, their kernels' pending answers
//! and the frames in flight, as the bytes that would be on the wire. An action is one delivery, one loss, one answer
//! of a kernel, one node's timers, one step of time to the next moment at which something is due, or one fault out of
//! a small budget. The promises are checked in every state that can be reached; where the simulator tries many large
//! worlds by chance, this tries all of a small one.
//!
//! Time has no end here: engines are compared as if all had happened at the same moment, so a network at rest comes
//! back to states it had, and the search ends when nothing new is left. Promises that take time are therefore bounded
//! in time and must hold always; "eventually" is not asked, because the search does not see what never ends.

mod node;
mod promises;
#[cfg(test)]
mod tests;
mod worlds;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use stateright::{Model, Property};

use super::net::Segment;
use super::node::NodePlan;
use crate::proto::vrrp::{Effect, Engine, Event, InstanceId, PortId, TrackId, Transmission};
use crate::proto::{Instant, Machine};
use node::Node;

pub use promises::Deed;
pub use worlds::worlds;

/// The moment every engine believes it is. Longer after the origin than any engine looks back.
const NOW: Instant = Instant::from_nanos(6_000_000_000);

/// How long a frame or a kernel's answer may take in most worlds. Longer than the skews of close priorities differ.
pub const TRANSIT: Duration = Duration::from_millis(50);

/// How often each fault may happen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Faults {
    /// Frames lost.
    pub losses: u8,
    /// Ways from one node to another that close.
    pub cuts: u8,
    /// Pairs of nodes that hear each other no more.
    pub splits: u8,
    /// Daemons that end without a word; what they hold stays.
    pub crashes: u8,
    /// Daemons that are told to stop.
    pub stops: u8,
    /// Tracked objects that fail.
    pub tracks: u8,
}

/// A small world: what is plugged together, and what may happen to it.
#[derive(Clone, Debug)]
pub struct World {
    pub name: &'static str,
    /// All on one segment.
    pub plans: Vec<NodePlan>,
    pub faults: Faults,
    /// How long a frame or a kernel's answer may take; zero: time stands still until everything has arrived.
    pub transit: Duration,
    /// Time advances by no more than this at once, so that faults meet moments at which nothing else happens.
    pub quantum: Option<Duration>,
    /// What must be seen to happen, so that the world is not empty.
    pub shows: &'static [Deed],
    /// Too large for the ordinary run.
    pub large: bool,
}

/// A frame in flight.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Frame {
    from: usize,
    to: usize,
    port: PortId,
    /// What the sender means; the receiver learns it from the bytes alone.
    instance: InstanceId,
    priority: u8,
    age: Duration,
    bytes: Arc<[u8]>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    nodes: Vec<Node>,
    /// In order, so that what differs in nothing but the order in which it was sent is one state.
    air: Vec<Frame>,
    cut: BTreeSet<(usize, usize)>,
    left: Faults,
    /// For how long nothing went wrong, as far as it matters.
    calm: Duration,
    /// What the last step did.
    deeds: BTreeSet<Deed>,
}

/// What may happen. Nodes and frames by their place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Deliver(usize),
    Lose(usize),
    /// A kernel carries out what it was asked first.
    Settle(usize),
    /// A node does what is due.
    Fire(usize),
    /// Time passes until something is due.
    Elapse,
    Cut(usize, usize),
    Split(usize, usize),
    /// Every way is open again.
    Heal,
    Crash(usize),
    Stop(usize),
    Restart(usize),
    Track(usize, TrackId, bool),
}

impl World {
    fn start(&self) -> State {
        let mut state = State {
            nodes: self.plans.iter().map(Node::new).collect(),
            air: Vec::new(),
            cut: BTreeSet::new(),
            left: self.faults,
            calm: Duration::ZERO,
            deeds: BTreeSet::new(),
        };
        for at in 0..self.plans.len() {
            self.restart(&mut state, at);
        }
        state.deeds.clear();
        state
    }

    fn restart(&self, state: &mut State, at: usize) {
        let (Some(plan), Some(node)) = (self.plans.get(at), state.nodes.get_mut(at)) else { return };
        let effects = node.start(plan);
        self.carry_out(state, at, effects);
    }

    /// Gives one engine something to do and carries out what comes of it.
    fn engage(&self, state: &mut State, at: usize, act: impl FnOnce(&mut Engine, &mut Vec<Effect>)) {
        let mut effects = Vec::new();
        if let Some(engine) = state.nodes.get_mut(at).and_then(|node| node.engine.as_mut()) {
            act(engine, &mut effects);
        }
        self.carry_out(state, at, effects);
    }

    fn carry_out(&self, state: &mut State, at: usize, effects: Vec<Effect>) {
        let rests = self.rests(state);
        for effect in effects {
            match effect {
                Effect::Send(sent) => {
                    self.send(state, at, &sent);
                    if let Some(node) = state.nodes.get_mut(at) {
                        node.has_sent(sent.instance);
                    }
                }
                Effect::Hold(ticket, instance, wanted) => {
                    if let Some(node) = state.nodes.get_mut(at) {
                        node.ask(ticket, instance, wanted);
                    }
                }
                Effect::Announce(instance, announcements) => {
                    let there = |node: &Node| node.has_in_place(instance, &announcements.addresses);
                    if !state.nodes.get(at).is_some_and(there) {
                        state.deeds.insert(Deed::EarlyAnnouncement);
                    }
                }
                Effect::Report(event) => self.note(state, at, &event, rests),
            }
        }
        if let Some(node) = state.nodes.get_mut(at) {
            state.deeds.extend(node.tidy());
        }
        let State { air, nodes, .. } = state;
        air.retain(|frame| nodes.get(frame.to).is_some_and(|node| node.engine.is_some()));
        air.sort();
    }

    fn send(&self, state: &mut State, from: usize, sent: &Transmission) {
        let Transmission { instance, priority, .. } = *sent;
        for packet in sent.packets.iter() {
            let bytes: Arc<[u8]> = packet.bytes.clone().into();
            for (to, plan) in self.plans.iter().enumerate() {
                if to == from || state.cut.contains(&(from, to)) {
                    continue;
                }
                for port in plan.hearing(Segment::default(), packet.destination) {
                    let bytes = Arc::clone(&bytes);
                    state.air.push(Frame { from, to, port, instance, priority, age: Duration::ZERO, bytes });
                }
            }
        }
    }

    fn note(&self, state: &mut State, at: usize, event: &Event, rests: bool) {
        let (Some(plan), Some(node)) = (self.plans.get(at), state.nodes.get_mut(at)) else { return };
        if let Event::Entered { instance, from, to, .. } = event {
            state.deeds.extend(node.entered(plan, *instance, *from, *to));
            if rests {
                state.deeds.insert(Deed::MovedAtRest);
            }
        }
        state.deeds.extend(promises::deed_of(event, node));
    }

    fn deliver(&self, state: &mut State, frame: &Frame) {
        let (Some(plan), Some(node)) = (self.plans.get(frame.to), state.nodes.get_mut(frame.to)) else { return };
        let effects = node.receive(plan, frame);
        self.carry_out(state, frame.to, effects);
    }

    /// How long time passes until something is due; `None` while something is due now, or nothing ever will be.
    fn next(&self, state: &State) -> Option<Duration> {
        let ages = state.air.iter().map(|frame| frame.age);
        let ages = ages.chain(state.nodes.iter().filter_map(Node::oldest_job));
        let limits = ages.map(|age| self.transit.saturating_sub(age));
        let deadlines = state.nodes.iter().filter_map(|node| node.engine.as_ref()?.deadline());
        let due = deadlines.map(|deadline| deadline.at.since(NOW)).chain(limits).min();
        let unrest = self.bound(state).saturating_sub(state.calm);
        let next = due.unwrap_or(unrest);
        let next = self.quantum.map_or(next, |quantum| next.min(quantum));
        (!next.is_zero()).then_some(next)
    }

    fn elapse(&self, state: &mut State, by: Duration) {
        let outranked = self.outranked(state);
        state.calm = (state.calm + by).min(self.bound(state));
        state.air.iter_mut().for_each(|frame| frame.age += by);
        for (at, (node, plan)) in state.nodes.iter_mut().zip(&self.plans).enumerate() {
            state.deeds.extend(node.elapse(plan, by, self.transit, |instance| outranked.contains(&(at, instance))));
        }
    }

    /// A fault, or its end: nothing is promised of the network as a whole for a while.
    fn disturb(&self, state: &mut State) {
        state.calm = Duration::ZERO;
        state.nodes.iter_mut().for_each(Node::disturb);
    }

    fn close(&self, state: &mut State, ways: &[(usize, usize)]) {
        state.cut.extend(ways);
        state.air.retain(|frame| !ways.contains(&(frame.from, frame.to)));
        self.disturb(state);
    }

    fn step(&self, state: &mut State, action: Action) -> Option<()> {
        state.deeds.clear();
        match action {
            Action::Deliver(at) => {
                let frame = state.air.remove(at);
                self.deliver(state, &frame);
            }
            Action::Lose(at) => {
                state.air.remove(at);
                state.left.losses = state.left.losses.checked_sub(1)?;
                self.disturb(state);
            }
            Action::Settle(at) => {
                let effects = state.nodes.get_mut(at)?.settle();
                self.carry_out(state, at, effects);
            }
            Action::Fire(at) => self.engage(state, at, |engine, out| engine.expire(NOW, out)),
            Action::Elapse => {
                let by = self.next(state)?;
                self.elapse(state, by);
            }
            Action::Cut(from, to) => {
                state.left.cuts = state.left.cuts.checked_sub(1)?;
                self.close(state, &[(from, to)]);
            }
            Action::Split(one, other) => {
                state.left.splits = state.left.splits.checked_sub(1)?;
                self.close(state, &[(one, other), (other, one)]);
            }
            Action::Heal => {
                state.cut.clear();
                self.disturb(state);
            }
            Action::Crash(at) => {
                state.left.crashes = state.left.crashes.checked_sub(1)?;
                state.nodes.get_mut(at)?.end();
                state.air.retain(|frame| frame.to != at);
                self.disturb(state);
            }
            Action::Stop(at) => {
                state.left.stops = state.left.stops.checked_sub(1)?;
                self.disturb(state);
                let effects = state.nodes.get_mut(at)?.stop();
                self.carry_out(state, at, effects);
            }
            Action::Restart(at) => {
                self.disturb(state);
                self.restart(state, at);
            }
            Action::Track(at, track, up) => {
                if !up {
                    state.left.tracks = state.left.tracks.checked_sub(1)?;
                }
                self.disturb(state);
                let effects = state.nodes.get_mut(at)?.track(track, up);
                self.carry_out(state, at, effects);
            }
        }
        Some(())
    }

    fn faults(&self, state: &State, actions: &mut Vec<Action>) {
        let left = state.left;
        for at in 0..state.nodes.len() {
            let Some(node) = state.nodes.get(at) else { continue };
            if node.engine.is_none() {
                actions.push(Action::Restart(at));
                continue;
            }
            if left.crashes > 0 {
                actions.push(Action::Crash(at));
            }
            if left.stops > 0 && !node.is_stopping() {
                actions.push(Action::Stop(at));
            }
            for (track, up) in node.tracks() {
                if !up || left.tracks > 0 {
                    actions.push(Action::Track(at, track, !up));
                }
            }
            for other in (0..state.nodes.len()).filter(|other| *other != at) {
                if left.cuts > 0 && !state.cut.contains(&(at, other)) {
                    actions.push(Action::Cut(at, other));
                }
                if left.splits > 0 && other > at && !state.cut.contains(&(at, other)) {
                    actions.push(Action::Split(at, other));
                }
            }
        }
        if !state.cut.is_empty() {
            actions.push(Action::Heal);
        }
    }
}

impl Model for World {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![self.start()]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for (at, frame) in state.air.iter().enumerate() {
            // Of equal frames, one is as good as another.
            if at > 0 && state.air.get(at - 1) == Some(frame) {
                continue;
            }
            actions.push(Action::Deliver(at));
            if state.left.losses > 0 {
                actions.push(Action::Lose(at));
            }
        }
        for (at, node) in state.nodes.iter().enumerate() {
            if node.oldest_job().is_some() {
                actions.push(Action::Settle(at));
            }
            if node.engine.as_ref().and_then(Machine::deadline).is_some_and(|deadline| deadline.at <= NOW) {
                actions.push(Action::Fire(at));
            }
        }
        if self.next(state).is_some() {
            actions.push(Action::Elapse);
        }
        self.faults(state, actions);
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        self.step(&mut state, action)?;
        Some(state)
    }

    fn properties(&self) -> Vec<Property<World>> {
        promises::properties(self.shows)
    }
}

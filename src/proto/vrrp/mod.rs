// SPDX-License-Identifier: MIT OR Apache-2.0
//! VRRP: the engine, its wire formats and its timing.
//!
//! [`Engine`] is all virtual routers of one worker. Every input goes to the instances it concerns, each of which
//! decides alone (`instance`); then the sync groups are settled (`group`), within the same turn. The engine owns the
//! routing, the order of deadlines and the tickets; it decides nothing itself.

mod accept;
mod announce;
pub mod auth;
mod changes;
mod counters;
mod group;
mod instance;
mod instances;
mod io;
mod params;
mod port;
mod receive;
mod reconfigure;
mod record;
mod show;
mod stand;
pub mod timing;
mod turn;
mod types;
mod view;
pub mod wire;

#[cfg(test)]
mod tests;

pub use accept::Heard;
pub use changes::{Change, Changes, Setup};
pub use counters::{Counters, Strays};
pub use instance::{HOLD_RETRY, Pending, RESTORE_WINDOW, RESTORES_MAX, UNHELD_PAUSE};
pub use io::{
    AnnounceWhy, Announced, Announcements, Cause, Datagram, Effect, Event, Fault, Input, Item, Link, Outcome, Packet,
    Phase, Raw, Refusal, Transmission,
};
pub use params::{
    AnnounceParams, Auth, Checksum, Globals, GroupParams, HeldAddress, HeldDetail, Holdings, OWNER_PRIORITY,
    OldUnicast, OnLoss, OtherAddresses, Params, Peer, PortParams, Preempt, Reach, TrackUse,
};
pub use receive::{Judgement, Stray};
pub use record::{BEATS_MAX, Beat, Cue, Recorder, Stretch};
pub use show::{Shown, ShownTrack, Term};
pub use stand::{Stand, StandCourse};
pub use types::{DetailId, Family, GroupId, InstanceId, LinkId, PortId, Ticket, TrackId, Version, WallTime};

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use super::track::{Reading, Track};
use super::{Deadline, Instant, Machine, Purpose};
use group::Group;
use instance::Instance;
use instances::Instances;
use port::Port;
use turn::{Noise, Tickets, Turn};

/// One call of `expire` handles at most so many timers of each thing that has timers. Every timer arms its successor
/// in the future, so the limit is met only when the driver comes back after a very long time; the rest is due at once.
const EXPIRIES_PER_OWNER: usize = 16;

/// From so many instances on their adverts are spread over the interval.
const CROWD: usize = 64;

/// Whose deadline it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "daemon", derive(serde::Serialize, serde::Deserialize))]
enum Owner {
    Port(PortId),
    Track(TrackId),
    /// The operator's word on this instance ends.
    Stand(InstanceId),
    Instance(InstanceId),
}

/// All virtual routers of one worker.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "daemon", derive(serde::Serialize, serde::Deserialize))]
pub struct Engine {
    globals: Globals,
    ports: BTreeMap<PortId, Port>,
    tracks: BTreeMap<TrackId, Track>,
    instances: Instances,
    groups: BTreeMap<GroupId, Group>,
    membership: BTreeMap<InstanceId, GroupId>,
    /// What the operator wants of instances, and until when.
    stands: BTreeMap<InstanceId, (Stand, Option<Instant>)>,
    listeners: BTreeSet<(PortId, u8, InstanceId)>,
    /// Removed instances that still hold something.
    leaving: BTreeSet<InstanceId>,
    due: BTreeSet<(Instant, Owner)>,
    #[cfg_attr(feature = "daemon", serde(with = "crate::proto::pairs"))]
    scheduled: BTreeMap<Owner, Instant>,
    tickets: Tickets,
    noise: Noise,
    strays: Strays,
    /// The wall clock, and when it was told.
    clock: Option<(Instant, WallTime)>,
    started: Option<Instant>,
    /// Some instance signs with the time. Remembered, since it is asked for each turn.
    signs: bool,
    stopping: bool,
    finished: bool,
}

impl Engine {
    /// An engine without instances; the first `Input::Reconfigure` brings them. The seed feeds the few places that
    /// spread work in time.
    pub fn new(seed: u64) -> Engine {
        Engine {
            globals: Globals::default(),
            ports: BTreeMap::new(),
            tracks: BTreeMap::new(),
            instances: Instances::default(),
            groups: BTreeMap::new(),
            membership: BTreeMap::new(),
            stands: BTreeMap::new(),
            listeners: BTreeSet::new(),
            leaving: BTreeSet::new(),
            due: BTreeSet::new(),
            scheduled: BTreeMap::new(),
            tickets: Tickets::default(),
            noise: Noise::new(seed),
            strays: Strays::default(),
            clock: None,
            started: None,
            signs: false,
            stopping: false,
            finished: false,
        }
    }

    /// Where waiting begins: now, or the end of the start delay.
    fn waits_from(&self, now: Instant) -> Instant {
        self.started.map_or(now, |started| now.max(started + self.globals.startup_delay))
    }

    fn wall_at(&self, now: Instant) -> WallTime {
        self.clock.map_or(WallTime::default(), |(at, wall)| WallTime(wall.0.saturating_add(now.since(at))))
    }

    /// Lets one instance act, and keeps its deadline.
    fn step<R>(
        &mut self,
        now: Instant,
        id: InstanceId,
        out: &mut Vec<Effect>,
        act: impl FnOnce(&mut Instance, &mut Turn<'_>) -> R,
    ) -> Option<R> {
        let (from, wall) = (self.waits_from(now), self.wall_at(now));
        let group = self.membership.get(&id).and_then(|group| self.group_phase(*group));
        let crowded = self.instances.len() >= CROWD;
        let instance = self.instances.get_mut(&id)?;
        let mut turn =
            Turn { now, from, wall, crowded, group, tickets: &mut self.tickets, noise: &mut self.noise, out };
        let result = act(instance, &mut turn);
        let due = instance.deadline().map(|(at, _)| at);
        self.schedule(Owner::Instance(id), due);
        Some(result)
    }

    /// Lets one instance act and settles what follows from it.
    fn change(
        &mut self,
        now: Instant,
        id: InstanceId,
        out: &mut Vec<Effect>,
        act: impl FnOnce(&mut Instance, &mut Turn<'_>),
    ) {
        if let Some(before) = self.phase(id) {
            self.step(now, id, out, act);
            self.settle(now, id, before, out);
        }
    }

    /// Lets several instances act, and settles only when all have: what happens to all at once is one thing to their
    /// sync groups.
    fn change_all(
        &mut self,
        now: Instant,
        ids: &[InstanceId],
        out: &mut Vec<Effect>,
        act: impl Fn(&mut Instance, &mut Turn<'_>),
    ) {
        let before: Vec<Option<Phase>> = ids.iter().map(|id| self.phase(*id)).collect();
        for id in ids {
            self.step(now, *id, out, &act);
        }
        for (id, before) in ids.iter().zip(before) {
            if let Some(before) = before {
                self.settle(now, *id, before, out);
            }
        }
    }

    fn schedule(&mut self, owner: Owner, at: Option<Instant>) {
        let before = match at {
            Some(at) => self.scheduled.insert(owner, at),
            None => self.scheduled.remove(&owner),
        };
        if before != at {
            if let Some(before) = before {
                self.due.remove(&(before, owner));
            }
            if let Some(at) = at {
                self.due.insert((at, owner));
            }
        }
    }

    fn on_port(&self, port: PortId) -> Vec<InstanceId> {
        let on_port = self.instances.iter().filter(|(_, instance)| instance.params().port == port);
        on_port.map(|(id, _)| *id).collect()
    }

    fn down_delay_limit(&self, ids: &[InstanceId]) -> Option<Duration> {
        ids.iter().filter_map(|id| self.instances.get(id)).map(Instance::down_delay_limit).min()
    }

    fn link(&mut self, now: Instant, id: PortId, link: Link, out: &mut Vec<Effect>) {
        let limit = self.down_delay_limit(&self.on_port(id));
        let port = self.ports.entry(id).or_default();
        let changed = port.observe(now, link, limit);
        let due = port.due();
        self.schedule(Owner::Port(id), due);
        if changed {
            self.link_changed(now, id, out);
        }
    }

    fn link_changed(&mut self, now: Instant, id: PortId, out: &mut Vec<Effect>) {
        if let Some(link) = self.ports.get(&id).and_then(Port::link) {
            self.change_all(now, &self.on_port(id), out, |instance, turn| instance.set_link(turn, link));
        }
    }

    fn source_changed(
        &mut self,
        now: Instant,
        port: PortId,
        family: Family,
        source: Option<IpAddr>,
        out: &mut Vec<Effect>,
    ) {
        self.ports.entry(port).or_default().set_source(family, source);
        self.change_all(now, &self.on_port(port), out, |instance, turn| {
            if instance.params().family == family {
                instance.set_source(turn, source);
            }
        });
    }

    fn observe(&mut self, now: Instant, id: TrackId, reading: Reading, out: &mut Vec<Effect>) {
        let limit = self.down_delay_limit(&self.using(id));
        let Some(track) = self.tracks.get_mut(&id) else {
            return;
        };
        let changed = track.observe(now, reading, limit);
        let due = track.due();
        self.schedule(Owner::Track(id), due);
        if changed {
            self.track_changed(now, id, out);
        }
    }

    fn track_changed(&mut self, now: Instant, id: TrackId, out: &mut Vec<Effect>) {
        if let Some(up) = self.track(id) {
            out.push(Effect::Report(Event::Tracked { track: id, up }));
        }
        self.track_again(now, &self.using(id), out);
    }

    fn using(&self, track: TrackId) -> Vec<InstanceId> {
        let uses = |instance: &Instance| instance.params().tracks.iter().any(|used| used.track == track);
        self.instances.iter().filter(|(_, instance)| uses(instance)).map(|(id, _)| *id).collect()
    }

    fn woke(&mut self, now: Instant, late_by: Duration, out: &mut Vec<Effect>) {
        out.push(Effect::Report(Event::Slept { late_by }));
        let ids: Vec<InstanceId> = self.instances.keys().copied().collect();
        self.change_all(now, &ids, out, |instance, turn| instance.woke(turn, late_by));
    }

    fn stop(&mut self, now: Instant, out: &mut Vec<Effect>) {
        if std::mem::replace(&mut self.stopping, true) {
            return;
        }
        let ids: Vec<InstanceId> = self.instances.keys().copied().collect();
        for id in ids {
            if !self.leaving.contains(&id) {
                self.step(now, id, out, |instance, turn| instance.stop(turn, false));
            }
        }
        out.extend(self.groups.keys().map(|group| Effect::Report(Event::GroupStopped { group: *group })));
    }

    /// What remains to be done at the end of every call.
    fn end_turn(&mut self, out: &mut Vec<Effect>) {
        if !self.leaving.is_empty() && !self.stopping {
            self.sweep();
        }
        let free = || self.instances.values().all(|instance| instance.held().is_free());
        if self.stopping && !self.finished && self.tickets.is_idle() && free() {
            self.finished = true;
            out.push(Effect::Report(Event::Finished));
        }
    }
}

impl Machine for Engine {
    type Input = Input;
    type Effect = Effect;

    fn handle(&mut self, now: Instant, input: Input, out: &mut Vec<Effect>) {
        match input {
            Input::Received(datagram) => self.receive(now, &datagram, out),
            Input::Link(port, link) => self.link(now, port, link, out),
            Input::Source(port, family, source) => self.source_changed(now, port, family, source, out),
            Input::Track(track, reading) => self.observe(now, track, reading, out),
            Input::Settled(ticket, outcome) => {
                if let Some(id) = self.tickets.holder(ticket) {
                    self.change(now, id, out, |instance, turn| instance.settled(turn, ticket, outcome));
                }
            }
            Input::Lost(id, item) => self.change(now, id, out, |instance, turn| {
                if instance.lost(turn, item) {
                    instance.bounce(turn, Cause::HoldingLost);
                }
            }),
            Input::Announce(id) => {
                self.step(now, id, out, |instance, turn| instance.announce_asked(turn));
            }
            Input::CountAnew => self.count_anew(),
            Input::Stand(id, stand) => self.stand(now, id, stand, out),
            Input::Clock(wall) => self.clock = Some((now, wall)),
            Input::Woke { late_by } => self.woke(now, late_by, out),
            Input::Reconfigure(changes) => self.reconfigure(now, changes, out),
            Input::Stop => self.stop(now, out),
        }
        self.end_turn(out);
    }

    fn expire(&mut self, now: Instant, out: &mut Vec<Effect>) {
        let owners = self.ports.len() + self.tracks.len() + self.stands.len() + self.instances.len();
        for _ in 0..owners * EXPIRIES_PER_OWNER {
            let Some((at, owner)) = self.due.first().copied() else {
                break;
            };
            if at > now {
                break;
            }
            match owner {
                Owner::Port(id) => {
                    let changed = self.ports.get_mut(&id).is_some_and(|port| port.expire(now));
                    self.schedule(owner, None);
                    if changed {
                        self.link_changed(now, id, out);
                    }
                }
                Owner::Track(id) => {
                    let changed = self.tracks.get_mut(&id).is_some_and(|track| track.expire(now));
                    self.schedule(owner, None);
                    if changed {
                        self.track_changed(now, id, out);
                    }
                }
                Owner::Stand(id) => self.stand(now, id, None, out),
                Owner::Instance(id) => {
                    let permit = self.group_permits(id);
                    self.change(now, id, out, |instance, turn| {
                        instance.expire(turn, permit);
                    });
                }
            }
        }
        self.end_turn(out);
    }

    fn deadline(&self) -> Option<Deadline> {
        let (at, owner) = self.due.first().copied()?;
        let why = match owner {
            Owner::Port(_) => "link delay",
            Owner::Track(_) => "track delay",
            Owner::Stand(_) => "end of the operator's word",
            Owner::Instance(id) => {
                let due = self.instances.get(&id).and_then(Instance::deadline);
                due.map_or("instance", |(_, purpose)| purpose.why())
            }
        };
        Some(Deadline { at, why })
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a script can do to a world.

use std::time::Duration;

use super::net::{Frame, Link, Packet, Rule, Segment, Station, Stations, damage};
use super::node::{Power, link, reading};
use super::parts;
use super::random::Random;
use super::script::{Action, Manner, write};
use super::{Event, World, station, stream};
use crate::proto::Instant;
use crate::proto::track::Reading;
use crate::proto::vrrp::{Changes, Input, Params, PortId, Setup, TrackId};

impl World {
    pub(super) fn act(&mut self, action: &Action) {
        if self.timeline.is_on() {
            self.note(write::action(action, &self.cast));
        }
        // Junk and a reload that changes nothing must not be noticed by anybody.
        if !matches!(action, Action::Junk { .. } | Action::Reload(_)) {
            self.disturb();
        }
        match *action {
            Action::Fault(rule) => {
                self.network.add(rule);
            }
            Action::Heal { from, to, segment } => self.heal(from, to, segment),
            Action::Crash(at) => {
                if let Some(node) = self.node_mut(at) {
                    node.end();
                    node.kernel.lose_everything();
                }
                self.oracle.ended(self.now, at);
            }
            Action::Kill(at) => {
                if let Some(node) = self.node_mut(at) {
                    node.end();
                    // What was kept for a successor when the configuration had lost it is kept for nobody now, and no
                    // later daemon can know of it.
                    node.kernel.keep_only(&node.plan.setup.instances);
                }
                self.oracle.ended(self.now, at);
            }
            Action::Start(at) => {
                if self.node(at).is_some_and(|node| node.power == Power::Off) {
                    self.start(at);
                }
            }
            Action::Stop(at) => self.tell(at, Input::Stop),
            Action::Stall(at, lasts) => self.pause(at, lasts, Power::Stalled),
            Action::Sleep(at, lasts) => self.pause(at, lasts, Power::Asleep),
            Action::Leap(at, by) => {
                let now = self.now;
                if let Some(node) = self.node_mut(at) {
                    node.clock.leap(now, by);
                }
                self.plan_turn(at, now);
            }
            Action::Track(at, track, observed) => self.track(at, track, observed),
            Action::Port(at, port, up) => self.plug(at, port, up),
            Action::Source(at, port, there) => self.source(at, port, there),
            Action::Priority(at, instance, priority) => self.retune(at, instance, |params| params.priority = priority),
            Action::Interval(at, instance, interval) => self.retune(at, instance, |params| params.interval = interval),
            Action::Address(at, instance, more) => self.retune(at, instance, |params| one_more_address(params, more)),
            Action::Member(at, instance, back) => self.member(at, instance, back),
            Action::Reload(at) => {
                if let Some(setup) = self.node(at).map(|node| node.plan.setup.clone()) {
                    self.reconfigure(at, setup);
                }
            }
            Action::Kernel(at, manner) => {
                let before = self.node_mut(at).map(|node| std::mem::replace(&mut node.kernel.manner, manner));
                // What it has begun still takes its time.
                if let Some(Manner::Slow(by)) = before {
                    self.oracle.disturb(self.now + by, None);
                }
            }
            Action::Snatch(at, instance) => self.snatch(at, instance),
            Action::Replay { segment } => {
                if let Some(packet) = self.overheard.get(&segment).cloned() {
                    self.give_to_all(segment, &packet);
                }
            }
            Action::Junk { segment, every, lasts } => {
                self.queue_at(self.now, Event::Junk { segment, every, until: self.now + lasts });
            }
        }
        self.oracle.phases_changed(self.now);
        self.try_clients();
    }

    pub(super) fn start(&mut self, at: Station) {
        self.lives += 1;
        let seed = Random::stream(self.layout.seed, stream::ENGINE + self.lives).draw();
        let Some(node) = self.node_mut(at) else { return };
        node.start(seed);
        let life = node.life;
        let looks: Vec<(usize, Duration)> =
            node.plan.tracks.values().enumerate().filter_map(|(at, track)| Some((at, track.every?))).collect();
        let plan = node.plan.clone();
        self.oracle.started(at, &plan);
        for (track, every) in looks {
            self.queue_at(self.now + every, Event::Look(at, life, track));
        }
        self.plan_turn(at, self.now);
    }

    /// The daemon has ended in good order.
    pub(super) fn finish(&mut self, at: Station) {
        let Some(node) = self.node_mut(at) else { return };
        node.power = Power::Off;
        node.engine = None;
        node.wake_at = None;
        self.oracle.ended(self.now, at);
        self.disturb();
    }

    /// Hands an input to a node that runs (or will run again).
    fn tell(&mut self, at: Station, input: Input) {
        let now = self.now;
        let Some(node) = self.node_mut(at) else { return };
        if node.engine.is_some() {
            node.errands.push_back(input);
        }
        self.plan_turn(at, now);
    }

    fn heal(&mut self, from: Stations, to: Stations, segment: Option<Segment>) {
        let healed = |rule: &Rule| {
            from.covers(rule.from) && to.covers(rule.to) && (segment.is_none() || segment == rule.segment)
        };
        for fate in self.network.remove_where(self.now, healed) {
            self.travel(fate, None);
        }
        // Rules that reach further than what is healed stay, but no longer decide for these links.
        if self.network.rules().any(|rule| rule.touches(from, to, segment)) {
            let fault = super::net::Fault::Pass;
            self.network.add(Rule { segment, from, to, fault });
        }
    }

    fn pause(&mut self, at: Station, lasts: Duration, how: fn(Instant) -> Power) {
        let until = self.now + lasts;
        let Some(node) = self.node_mut(at) else { return };
        if !node.is_running() {
            return;
        }
        node.power = how(until);
        node.wake_at = None;
        self.oracle.paused(at, matches!(how(until), Power::Asleep(_)));
        self.queue_at(until, Event::Resume(at));
    }

    pub(super) fn resume(&mut self, at: Station) {
        let now = self.now;
        let Some(node) = self.node_mut(at) else { return };
        match node.power {
            Power::Stalled(until) | Power::Asleep(until) if until <= now => node.power = Power::Running,
            Power::Stalled(_) | Power::Asleep(_) | Power::Off | Power::Running => return,
        }
        self.oracle.resumed(at);
        self.disturb();
        if self.timeline.is_on() {
            let name = self.cast.stations().nth(usize::from(at.0)).unwrap_or("?").to_owned();
            self.note(format!("{name} runs again"));
        }
        self.plan_turn(at, now);
        self.oracle.phases_changed(now);
        self.try_clients();
    }

    fn track(&mut self, at: Station, track: usize, observed: super::script::Observed) {
        let Some(node) = self.node_mut(at) else { return };
        let Some(id) = node.plan.track_at(track) else { return };
        let Some(params) = node.plan.setup.tracks.get(&id) else { return };
        let reading = reading(params, observed);
        node.readings.insert(id, reading);
        self.tell(at, Input::Track(id, reading));
    }

    pub(super) fn look(&mut self, at: Station, life: u32, track: usize) {
        let Some(node) = self.node(at).filter(|node| node.life == life && node.engine.is_some()) else { return };
        let Some((id, plan)) = node.plan.tracks.iter().nth(track) else { return };
        let (id, every) = (*id, plan.every);
        let reading = node.readings.get(&id).copied().unwrap_or(plan.reading);
        if node.is_running() {
            self.tell(at, Input::Track(id, reading));
        }
        if let Some(every) = every {
            self.queue_at(self.now + every, Event::Look(at, life, track));
        }
    }

    /// An interface loses or regains its link: every port on it, and whatever follows the interface.
    fn plug(&mut self, at: Station, port: usize, up: bool) {
        let Some(node) = self.node(at) else { return };
        let Some(name) = node.plan.ports.get(port).map(|port| port.name.clone()) else { return };
        let same = node.plan.ports.iter().filter(|port| port.name == name);
        let ports: Vec<PortId> = same.map(|port| port.id).collect();
        let following = node.plan.tracks.iter().filter(|(_, track)| track.interface.as_ref() == Some(&name));
        let tracks: Vec<TrackId> = following.map(|(id, _)| *id).collect();
        for id in ports {
            if let Some(node) = self.node_mut(at) {
                node.links.insert(id, up);
            }
            self.tell(at, Input::Link(id, link(up)));
        }
        for id in tracks {
            if let Some(node) = self.node_mut(at) {
                node.readings.insert(id, Reading::Up(up));
            }
            self.tell(at, Input::Track(id, Reading::Up(up)));
        }
    }

    fn source(&mut self, at: Station, port: usize, there: bool) {
        let Some(node) = self.node_mut(at) else { return };
        let Some(port) = node.plan.ports.get(port).cloned() else { return };
        node.sources.insert(port.id, there);
        for input in node.source_inputs(&port) {
            self.tell(at, input);
        }
    }

    fn retune(&mut self, at: Station, instance: usize, change: impl FnOnce(&mut Params)) {
        let Some(node) = self.node(at) else { return };
        let mut setup = node.plan.setup.clone();
        let id = node.plan.instance_at(instance);
        if let Some(params) = id.and_then(|id| setup.instances.get_mut(&id)) {
            change(params);
        }
        self.reconfigure(at, setup);
    }

    /// Takes an instance out of the configuration, or puts it back as it was at first.
    fn member(&mut self, at: Station, instance: usize, back: bool) {
        let Some(node) = self.node(at) else { return };
        let first = self.layout.nodes.get(usize::from(at.0));
        let Some(id) = node.plan.instance_at(instance) else { return };
        let mut setup = node.plan.setup.clone();
        match first.and_then(|plan| plan.setup.instances.get(&id)).filter(|_| back) {
            Some(params) => setup.instances.insert(id, params.clone()),
            None => setup.instances.remove(&id),
        };
        // No later daemon can know what a killed one had that its own configuration does not name: that is for whoever
        // took it out of the configuration meanwhile.
        if !back && let Some(node) = self.node_mut(at).filter(|node| node.engine.is_none()) {
            node.kernel.drop_leftovers(id);
        }
        self.reconfigure(at, setup);
    }

    fn reconfigure(&mut self, at: Station, setup: Setup) {
        let Some(node) = self.node_mut(at) else { return };
        let changes = Changes::between(&node.plan.setup, &setup);
        node.plan.setup = setup;
        // Without a daemon the new configuration is what the next one reads.
        if node.engine.is_some() {
            let plan = node.plan.clone();
            self.oracle.reconfigured(at, &plan);
        }
        self.tell(at, Input::Reconfigure(changes));
    }

    fn snatch(&mut self, at: Station, instance: usize) {
        let Some(node) = self.node_mut(at) else { return };
        let Some(id) = node.plan.instance_at(instance) else { return };
        let Some(address) = node
            .plan
            .setup
            .instances
            .get(&id)
            .and_then(|params| params.holdings.every_address().next().map(|held| held.ip))
        else {
            return;
        };
        if node.kernel.snatch(id, address) {
            self.tell(at, Input::Lost(id, crate::proto::vrrp::Item::Address(address)));
        }
    }

    /// A stranger on the segment, close to everybody, sends this.
    fn give_to_all(&mut self, segment: Segment, packet: &Packet) {
        for to in (0..self.nodes.len()).map(station) {
            self.deliver(Frame { link: Link { segment, from: to, to }, packet: packet.clone() });
        }
    }

    /// Sends a damaged copy of the last advert overheard on a segment to everybody there.
    pub(super) fn throw_junk(&mut self, segment: Segment, every: Duration, until: Instant) {
        let overheard = self.overheard.get(&segment).cloned();
        if let Some(Packet::Advert { source, destination, mut hop_limit, mut bytes, .. }) = overheard {
            let header = if source.is_ipv4() { 20 } else { 0 };
            if destination.is_multicast() && self.junk.one_in(4) {
                hop_limit = 254;
                if let Some(ttl) = bytes.get_mut(8).filter(|_| source.is_ipv4()) {
                    *ttl = hop_limit;
                }
            } else {
                damage(&mut bytes, header, &mut self.junk);
            }
            self.give_to_all(segment, &Packet::Advert { source, destination, hop_limit, bytes, said: None });
        }
        if self.now + every <= until {
            self.queue_at(self.now + every, Event::Junk { segment, every, until });
        }
    }
}

/// An address nobody else has, after the others; or not any more.
fn one_more_address(params: &mut Params, more: bool) {
    let extra = parts::virtual_address(params.family, params.vrid, 7);
    let mut held = params.holdings.as_ref().clone();
    held.addresses.retain(|address| address.ip != extra);
    if more {
        held.addresses.extend(parts::holdings(&[extra]).addresses.iter().cloned());
    }
    params.holdings = held.into();
}

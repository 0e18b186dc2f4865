// SPDX-License-Identifier: MIT OR Apache-2.0
//! Building and rebuilding the engine from a difference. What the difference does not name stays as it is.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::changes::{Change, Changes};
use super::group::Group;
use super::instance::{Instance, Tracked};
use super::io::{Effect, Event, Phase};
use super::params::{Auth, Globals, GroupParams, Params, PortParams, Reach};
use super::types::{GroupId, InstanceId, PortId, TrackId};
use super::{Engine, Owner};
use crate::proto::Instant;
use crate::proto::track::{Contribution, Track, TrackParams, effective_priority};

impl Engine {
    pub(super) fn reconfigure(&mut self, now: Instant, changes: Changes, out: &mut Vec<Effect>) {
        if self.stopping || (changes.is_empty() && self.started.is_some()) {
            return;
        }
        let starting = self.started.is_none();
        self.started.get_or_insert(now);
        let Changes { globals, ports, tracks, instances, groups } = changes;
        if let Some(globals) = globals {
            self.change_globals(now, globals, out);
        }
        for (id, change) in ports {
            self.change_port(id, change);
        }
        for (id, change) in tracks {
            self.change_track(id, change, starting);
        }
        for (id, change) in groups {
            self.change_group(id, change, out);
        }
        let (removed, set): (Vec<_>, Vec<_>) =
            instances.into_iter().partition(|(_, change)| matches!(change, Change::Removed));
        for (id, change) in removed.into_iter().chain(set) {
            match change {
                Change::Removed => self.remove_instance(now, id, out),
                Change::Set(params) => self.set_instance(now, id, params, out),
            }
        }
        // Those that leave count too.
        self.signs = self.instances.values().any(|instance| match instance.params().auth {
            Auth::Header(_) | Auth::Keyed(_) => true,
            Auth::None | Auth::Password(_) => false,
        });
        let ids: Vec<InstanceId> = self.instances.keys().copied().collect();
        self.track_again(now, &ids, out);
    }

    fn change_globals(&mut self, now: Instant, globals: Globals, out: &mut Vec<Effect>) {
        let before = self.waits_from(now);
        self.globals = globals;
        let after = self.waits_from(now);
        let ids: Vec<InstanceId> = self.instances.keys().copied().collect();
        for id in ids {
            self.step(now, id, out, |instance, _| instance.move_start(before.since(after), after.since(before)));
        }
    }

    fn change_port(&mut self, id: PortId, change: Change<PortParams>) {
        match change {
            Change::Set(params) => self.ports.entry(id).or_default().retune(params),
            Change::Removed => {
                self.ports.remove(&id);
                self.schedule(Owner::Port(id), None);
            }
        }
    }

    fn change_track(&mut self, id: TrackId, change: Change<TrackParams>, starting: bool) {
        match change {
            Change::Set(params) => match self.tracks.entry(id) {
                Entry::Occupied(mut known) => known.get_mut().retune(params),
                Entry::Vacant(new) => {
                    new.insert(Track::new(params, starting));
                }
            },
            Change::Removed => {
                self.tracks.remove(&id);
            }
        }
        let due = self.tracks.get(&id).and_then(Track::due);
        self.schedule(Owner::Track(id), due);
    }

    fn change_group(&mut self, id: GroupId, change: Change<GroupParams>, out: &mut Vec<Effect>) {
        self.membership.retain(|_, group| *group != id);
        match change {
            Change::Set(params) => {
                self.membership.extend(params.members.iter().map(|member| (*member, id)));
                match self.groups.entry(id) {
                    Entry::Occupied(mut known) => known.get_mut().params = params,
                    Entry::Vacant(new) => {
                        new.insert(Group { params, phase: Phase::Init });
                    }
                }
            }
            Change::Removed => {
                self.groups.remove(&id);
                out.push(Effect::Report(Event::GroupRemoved { group: id }));
            }
        }
    }

    fn set_instance(&mut self, now: Instant, id: InstanceId, params: Params, out: &mut Vec<Effect>) {
        let mut params = params;
        params.auth = params.auth.in_effect(params.version, params.family);
        let known = self.instances.get(&id).filter(|instance| !instance.is_leaving());
        if known.is_some_and(|instance| same_router(instance.params(), &params)) {
            let tracked = self.tracked(id, &params);
            let of_port = self.ports.get(&params.port).and_then(|port| port.source(params.family)).flatten();
            self.change(now, id, out, |instance, turn| instance.retune(turn, params, &tracked, of_port));
            return;
        }
        if self.instances.contains_key(&id) {
            // The successor of its own id: nothing can be kept meanwhile.
            self.remove_instance(now, id, out);
            self.step(now, id, out, |instance, turn| instance.abandon(turn));
            self.forget(id);
        }
        self.listeners.insert((params.port, params.vrid, id));
        let wall = self.clock.map(|_| self.wall_at(now));
        let port = self.ports.get(&params.port);
        let (link, source) = (port.and_then(super::port::Port::link), port.and_then(|port| port.source(params.family)));
        let fixed = params.source.is_some();
        self.instances.insert(id, Instance::new(id, params, wall));
        // The group need not have changed for it to belong to it again.
        let group = self.groups.iter().find(|(_, group)| group.params.members.contains(&id));
        self.membership.extend(group.map(|(group, _)| (id, *group)));
        self.step(now, id, out, |instance, turn| {
            if let Some(link) = link {
                instance.set_link(turn, link);
            }
            if fixed || source.is_some() {
                instance.set_source(turn, source.flatten());
            }
        });
    }

    fn remove_instance(&mut self, now: Instant, id: InstanceId, out: &mut Vec<Effect>) {
        if self.instances.get(&id).is_none_or(Instance::is_leaving) {
            return;
        }
        self.step(now, id, out, |instance, turn| instance.stop(turn, true));
        self.membership.remove(&id);
        self.leaving.insert(id);
        self.sweep();
    }

    /// Drops the removed instances that hold nothing any more.
    pub(super) fn sweep(&mut self) {
        let free = |id: &InstanceId| self.instances.get(id).is_none_or(|instance| instance.held().is_free());
        let done: Vec<InstanceId> = self.leaving.iter().copied().filter(free).collect();
        for id in done {
            self.forget(id);
        }
    }

    fn forget(&mut self, id: InstanceId) {
        self.leaving.remove(&id);
        if let Some(instance) = self.instances.remove(&id) {
            self.listeners.remove(&(instance.params().port, instance.params().vrid, id));
        }
        self.tickets.forget(id);
        self.stands.remove(&id);
        self.schedule(Owner::Stand(id), None);
        self.schedule(Owner::Instance(id), None);
    }

    /// Looks at everything these instances track, and settles what follows from it.
    pub(super) fn track_again(&mut self, now: Instant, ids: &[InstanceId], out: &mut Vec<Effect>) {
        let known = ids.iter().filter_map(|id| self.instances.get(id).map(|instance| (id, instance)));
        let staying = known.filter(|(_, instance)| !instance.is_leaving());
        let tracked: BTreeMap<InstanceId, Tracked> =
            staying.map(|(id, instance)| (*id, self.tracked(*id, instance.params()))).collect();
        let ids: Vec<InstanceId> = tracked.keys().copied().collect();
        self.change_all(now, &ids, out, |instance, turn| {
            if let Some(tracked) = tracked.get(&instance.id()) {
                instance.set_tracked(turn, tracked);
            }
        });
    }

    fn tracked(&self, id: InstanceId, params: &Params) -> Tracked {
        let mut tracked = Tracked::default();
        let mut contributions = Vec::new();
        for used in &params.tracks {
            let Some(track) = self.tracks.get(&used.track) else {
                continue;
            };
            match track.effect(used.weight, used.reverse) {
                Contribution::Pending => {
                    tracked.pending.insert(used.track);
                }
                Contribution::Fault => {
                    tracked.faults.insert(used.track);
                }
                Contribution::Priority(contribution) => contributions.push(contribution),
            }
        }
        tracked.priority = match self.stands.get(&id) {
            Some((stand, _)) if !params.is_owner() => stand.priority(contributions),
            Some(_) | None => effective_priority(params.priority, contributions),
        };
        tracked
    }
}

/// Whether these are parameters of the same virtual router; otherwise the old one leaves and a new one starts.
fn same_router(old: &Params, new: &Params) -> bool {
    let multicast = |params: &Params| match params.reach {
        Reach::Multicast { group } => Some(group),
        Reach::Unicast { .. } => None,
    };
    old.vrid == new.vrid && old.family == new.family && old.port == new.port && multicast(old) == multicast(new)
}

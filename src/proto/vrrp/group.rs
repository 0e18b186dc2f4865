// SPDX-License-Identifier: MIT OR Apache-2.0
//! Settling: after anything moved, an instance and its sync group are brought to states that agree, within the turn.
//!
//! Invariants of a group once settled: while a member has a fault all are in Fault; while a member waits for its first
//! readings those that have not started wait with it; one becomes Master only when all others want it, and then all
//! are; when one leaves Master all do. Each pass visits every member at most twice.

use super::Engine;
use super::instance::Instance;
use super::io::{Cause, Effect, Event, Phase};
use super::params::GroupParams;
use super::types::{GroupId, InstanceId};
use crate::proto::Instant;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "daemon", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Group {
    pub(super) params: GroupParams,
    pub(super) phase: Phase,
}

impl Engine {
    /// `before` is the state in which the instance was before it moved.
    pub(super) fn settle(&mut self, now: Instant, moved: InstanceId, before: Phase, out: &mut Vec<Effect>) {
        if self.stopping || self.instances.get(&moved).is_none_or(Instance::is_leaving) {
            return;
        }
        match self.membership.get(&moved).copied() {
            None => self.settle_alone(now, moved, out),
            Some(group) => self.settle_group(now, group, moved, before, out),
        }
    }

    fn settle_alone(&mut self, now: Instant, id: InstanceId, out: &mut Vec<Effect>) {
        let Some(instance) = self.instances.get(&id) else {
            return;
        };
        if let Some(fault) = instance.faults().first().copied() {
            self.step(now, id, out, |instance, turn| instance.enter_fault(turn, Cause::Fault(fault)));
        } else if !instance.is_pending() {
            self.step(now, id, out, |instance, turn| instance.take_part(turn, true));
        }
    }

    fn settle_group(&mut self, now: Instant, group: GroupId, moved: InstanceId, before: Phase, out: &mut Vec<Effect>) {
        let members = self.members(group, moved);
        if self.any(&members, |member| !member.faults().is_empty()) {
            self.fail_group(now, group, &members, out);
            return;
        }
        let idle = self.those(&members, |member| matches!(member.phase(), Phase::Init | Phase::Fault));
        if !idle.is_empty() {
            if self.any(&members, Instance::is_pending) {
                return;
            }
            self.start_members(now, group, &members, &idle, out);
        }
        let phase = self.instances.get(&moved).map(Instance::phase);
        let led_or_joined = before == Phase::Master || self.joined_too_late(group, moved);
        if phase == Some(Phase::Master) && self.group_phase(group) != Some(Phase::Master) {
            for id in self.those(&members, |member| member.phase() != Phase::Master) {
                self.step(now, id, out, |instance, turn| instance.enter_master(turn, Cause::Group));
            }
        } else if phase == Some(Phase::Backup) && led_or_joined {
            let bounced = self.instances.get(&moved).is_some_and(Instance::has_bounced);
            let to_higher = self.instances.get(&moved).is_some_and(Instance::follows_higher_address);
            for id in self.those(&members, |member| member.phase() == Phase::Master) {
                self.step(now, id, out, |instance, turn| {
                    if bounced {
                        instance.bounce(turn, Cause::Group);
                    } else {
                        instance.follow_group(turn, to_higher);
                    }
                });
            }
        }
        for phase in [Phase::Backup, Phase::Master] {
            if members.iter().all(|id| self.phase(*id) == Some(phase)) {
                self.set_group_phase(group, phase, out);
            }
        }
    }

    /// Whether it joined when the others were Master, and has heard a better one already.
    fn joined_too_late(&self, group: GroupId, member: InstanceId) -> bool {
        self.group_phase(group) == Some(Phase::Master)
            && self.instances.get(&member).is_some_and(Instance::follows_another)
    }

    /// Those with a fault of their own first, so that each says its own reason.
    fn fail_group(&mut self, now: Instant, group: GroupId, members: &[InstanceId], out: &mut Vec<Effect>) {
        if self.group_phase(group) == Some(Phase::Init) {
            self.set_group_phase(group, Phase::Fault, out);
        }
        let (faulty, others): (Vec<InstanceId>, Vec<InstanceId>) =
            members.iter().partition(|id| self.instances.get(id).is_some_and(|member| !member.faults().is_empty()));
        for id in faulty.into_iter().chain(others) {
            let fault = self.instances.get(&id).and_then(|member| member.faults().first().copied());
            let cause = fault.map_or(Cause::Group, Cause::Fault);
            self.step(now, id, out, |instance, turn| instance.enter_fault(turn, cause));
        }
        self.set_group_phase(group, Phase::Fault, out);
    }

    /// Only a group of owners may be Master at once: any other member would first have to learn whether it may.
    fn start_members(
        &mut self,
        now: Instant,
        group: GroupId,
        members: &[InstanceId],
        idle: &[InstanceId],
        out: &mut Vec<Effect>,
    ) {
        let owners = !self.any(members, |member| !member.params().is_owner());
        if !owners && self.group_phase(group) == Some(Phase::Init) {
            self.set_group_phase(group, Phase::Backup, out);
        }
        for id in idle {
            self.step(now, *id, out, |instance, turn| instance.take_part(turn, owners));
        }
    }

    /// Whether the sync group lets this instance become Master: it is Master, or all others want to be.
    pub(super) fn group_permits(&self, id: InstanceId) -> bool {
        let Some(group) = self.membership.get(&id) else {
            return true;
        };
        let others = self.members(*group, id).into_iter().filter(|member| *member != id);
        self.group_phase(*group) == Some(Phase::Master)
            || others.into_iter().all(|other| self.instances.get(&other).is_some_and(Instance::wants_master))
    }

    /// The members that exist, this one first.
    pub(super) fn members(&self, group: GroupId, first: InstanceId) -> Vec<InstanceId> {
        let Some(group) = self.groups.get(&group) else {
            return Vec::new();
        };
        let exists = |id: &InstanceId| self.instances.get(id).is_some_and(|member| !member.is_leaving());
        let others = group.params.members.iter().copied().filter(|id| *id != first);
        std::iter::once(first).chain(others).filter(exists).collect()
    }

    pub(super) fn group_phase(&self, group: GroupId) -> Option<Phase> {
        self.groups.get(&group).map(|group| group.phase)
    }

    fn set_group_phase(&mut self, id: GroupId, to: Phase, out: &mut Vec<Effect>) {
        if let Some(group) = self.groups.get_mut(&id).filter(|group| group.phase != to) {
            group.phase = to;
            out.push(Effect::Report(Event::GroupEntered { group: id, to }));
        }
    }

    fn any(&self, members: &[InstanceId], test: impl Fn(&Instance) -> bool) -> bool {
        members.iter().filter_map(|id| self.instances.get(id)).any(test)
    }

    fn those(&self, members: &[InstanceId], test: impl Fn(&Instance) -> bool) -> Vec<InstanceId> {
        members.iter().copied().filter(|id| self.instances.get(id).is_some_and(&test)).collect()
    }
}

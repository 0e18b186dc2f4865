// SPDX-License-Identifier: MIT OR Apache-2.0
//! What can be asked of an engine, and what makes two of them comparable. Nothing here decides anything.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use super::Engine;
use super::counters::{Counters, Ledger, Strays};
use super::instance::Instance;
use super::io::{Fault, Phase, Transmission};
use super::params::Holdings;
use super::types::{GroupId, InstanceId, TrackId, WallTime};

impl Engine {
    /// Whether the driver should hand in `Input::Clock` at the start of each turn: some instance signs with the time.
    pub fn wants_clock(&self) -> bool {
        self.signs
    }

    /// After `Stop`: nothing is held and nothing is awaited any more.
    pub fn is_finished(&self) -> bool {
        self.finished
    }

    pub fn instances(&self) -> impl Iterator<Item = InstanceId> + '_ {
        self.instances.keys().copied()
    }

    pub fn phase(&self, instance: InstanceId) -> Option<Phase> {
        self.instances.get(&instance).map(Instance::phase)
    }

    pub fn group(&self, group: GroupId) -> Option<Phase> {
        self.group_phase(group)
    }

    /// The effective priority, after tracking.
    pub fn priority(&self, instance: InstanceId) -> Option<u8> {
        self.instances.get(&instance).map(Instance::priority)
    }

    pub fn faults(&self, instance: InstanceId) -> Option<&BTreeSet<Fault>> {
        self.instances.get(&instance).map(Instance::faults)
    }

    /// The address our adverts leave with.
    pub fn source(&self, instance: InstanceId) -> Option<IpAddr> {
        self.instances.get(&instance)?.source()
    }

    /// The master that is or was followed last, and its priority.
    pub fn followed(&self, instance: InstanceId) -> Option<(IpAddr, u8)> {
        self.instances.get(&instance)?.followed()
    }

    /// Another master of lower priority that this Master hears.
    pub fn other_master(&self, instance: InstanceId) -> Option<IpAddr> {
        self.instances.get(&instance)?.other_master()
    }

    /// The advert that would tell the segment that this Master is gone, as it would be sent now; `None` unless it is
    /// Master. Signed adverts carry numbers, so it is good until the next advert is sent.
    pub fn farewell(&self, instance: InstanceId, wall: WallTime) -> Option<Transmission> {
        self.instances.get(&instance)?.farewell(wall)
    }

    /// What the kernel was last asked to hold for an instance.
    pub fn holdings(&self, instance: InstanceId) -> Option<&Holdings> {
        self.instances.get(&instance).map(|instance| instance.held().wanted())
    }

    /// Whether an instance that is not Master keeps the addresses for a successor.
    pub fn is_handing_over(&self, instance: InstanceId) -> bool {
        self.instances.get(&instance).is_some_and(Instance::is_handing_over)
    }

    /// Whether a tracked object counts as good; `None` before its first reading.
    pub fn track(&self, track: TrackId) -> Option<bool> {
        self.tracks.get(&track)?.is_up()
    }

    pub fn counters(&self, instance: InstanceId) -> Option<&Counters> {
        self.instances.get(&instance).map(|instance| &instance.ledger().counters)
    }

    /// Datagrams that belong to no instance.
    pub fn strays(&self) -> &Strays {
        &self.strays
    }

    /// Forgets what was counted and told. Decisions do not depend on it, so engines that differ in nothing else
    /// behave alike.
    pub fn clear_counters(&mut self) {
        self.strays = Strays::default();
        self.instances.values_mut().for_each(|instance| *instance.ledger_mut() = Ledger::default());
    }

    /// Forgets how far the numbers are that only tell things apart: what adverts are numbered with in the IP header,
    /// and the last ticket once none is open. For comparing engines; not with the authentication header, which covers
    /// the former.
    pub fn forget_numbers(&mut self) {
        self.instances.values_mut().for_each(Instance::forget_numbers);
        self.tickets.forget_numbers();
    }

    /// Shifts every moment by `by` towards the origin: the engine as it would be had all happened so much earlier.
    /// Moments before the origin become the origin. For comparing engines at different times.
    pub fn rebase(&mut self, by: Duration) {
        self.instances.values_mut().for_each(|instance| instance.rebase(by));
        self.tracks.values_mut().for_each(|track| track.rebase(by));
        self.ports.values_mut().for_each(|port| port.rebase(by));
        self.scheduled.values_mut().for_each(|at| *at = at.back(by));
        self.due = self.scheduled.iter().map(|(owner, at)| (*at, *owner)).collect();
        self.stands.values_mut().for_each(|(_, until)| *until = until.map(|at| at.back(by)));
        self.clock = self.clock.map(|(at, wall)| (at.back(by), wall));
        self.started = self.started.map(|at| at.back(by));
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! What an engine shows of itself to people: read only, and nothing here decides anything.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use super::Engine;
use super::counters::Counters;
use super::instance::{Instance, Pending};
use super::io::{Fault, Phase};
use super::params::{Params, TrackUse};
use super::stand::Stand;
use super::types::{InstanceId, TrackId};
use crate::proto::track::{Contribution, Track};
use crate::proto::{Deadline, Instant, Purpose};

/// One virtual router as it stands.
#[derive(Clone, Debug)]
pub struct Shown<'a> {
    pub params: &'a Params,
    pub phase: Phase,
    /// The state it would be in but for its sync group.
    pub wants: Phase,
    /// The effective priority.
    pub priority: u8,
    /// The operator's word, and until when it counts.
    pub stand: Option<(Stand, Option<Instant>)>,
    /// What tracking adds to the base priority, use by use.
    pub terms: Vec<Term>,
    pub faults: &'a BTreeSet<Fault>,
    /// What it still waits for before it starts.
    pub waits_for: &'a BTreeSet<Pending>,
    /// The master it follows, or followed last, and that one's priority.
    pub followed: Option<(IpAddr, u8)>,
    pub other_master: Option<IpAddr>,
    pub source: Option<IpAddr>,
    /// The advert interval as the version can say it.
    pub interval: Duration,
    /// The interval the master down time is counted in: in version 3 that of the master.
    pub master_interval: Duration,
    pub master_down_time: Duration,
    /// What happens next by itself.
    pub next: Option<Deadline>,
    /// Everything it holds is in the kernel.
    pub in_place: bool,
    /// It is no longer Master and keeps the addresses for a successor.
    pub handing_over: bool,
    pub counters: &'a Counters,
}

/// What one tracked object comes to for an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Term {
    pub used: TrackUse,
    pub comes_to: Contribution,
}

/// A tracked object as it stands.
#[derive(Clone, Debug)]
pub struct ShownTrack<'a> {
    pub track: &'a Track,
    pub used_by: Vec<(InstanceId, TrackUse)>,
}

impl Engine {
    pub fn show(&self, id: InstanceId) -> Option<Shown<'_>> {
        let instance = self.instances.get(&id)?;
        let terms = instance.params().tracks.iter().filter_map(|used| {
            let track = self.tracks.get(&used.track)?;
            Some(Term { used: *used, comes_to: track.effect(used.weight, used.reverse) })
        });
        Some(Shown { stand: self.stands.get(&id).copied(), ..instance.show(terms.collect()) })
    }

    pub fn show_track(&self, id: TrackId) -> Option<ShownTrack<'_>> {
        let track = self.tracks.get(&id)?;
        let uses = self.instances.iter().flat_map(|(instance, known)| {
            let of_this = known.params().tracks.iter().filter(|used| used.track == id);
            of_this.map(|used| (*instance, *used))
        });
        Some(ShownTrack { track, used_by: uses.collect() })
    }

    /// Sets every statistic back to zero.
    pub(super) fn count_anew(&mut self) {
        self.strays = super::Strays::default();
        self.instances.values_mut().for_each(|instance| instance.ledger_mut().counters = Counters::default());
    }
}

impl Instance {
    fn show(&self, terms: Vec<Term>) -> Shown<'_> {
        let phase = self.phase();
        Shown {
            params: self.params(),
            phase,
            wants: if self.wants_master() { Phase::Master } else { phase },
            priority: self.priority(),
            stand: None,
            terms,
            faults: self.faults(),
            waits_for: self.pending(),
            followed: self.followed(),
            other_master: self.other_master(),
            source: self.source(),
            interval: self.own_interval(),
            master_interval: self.interval(),
            master_down_time: self.master_down_time(),
            next: self.deadline().map(|(at, purpose): (Instant, _)| Deadline { at, why: purpose.why() }),
            in_place: self.is_in_place(),
            handing_over: self.is_handing_over(),
            counters: &self.ledger().counters,
        }
    }
}

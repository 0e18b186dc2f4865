// SPDX-License-Identifier: MIT OR Apache-2.0
//! What changes while an instance lives: its priority by tracking, its parameters by a reload, what it learnt from an
//! advert.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::hold::{Farewell, Keep};
use super::send::LastSealed;
use super::{Instance, Pending, Purpose, State, listed};
use crate::proto::vrrp::accept::{Heard, Listener, interval_differs};
use crate::proto::vrrp::announce;
use crate::proto::vrrp::counters::Told;
use crate::proto::vrrp::io::{AnnounceWhy, Cause, Event, Fault, Phase};
use crate::proto::vrrp::params::Params;
use crate::proto::vrrp::turn::Turn;
use crate::proto::vrrp::types::{TrackId, Version};
use crate::proto::vrrp::wire::ChecksumForm;

/// What the tracked objects of an instance come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::proto::vrrp) struct Tracked {
    pub(in crate::proto::vrrp) faults: BTreeSet<TrackId>,
    pub(in crate::proto::vrrp) pending: BTreeSet<TrackId>,
    pub(in crate::proto::vrrp) priority: u8,
}

impl Instance {
    /// What decides whether an advert is taken.
    pub(in crate::proto::vrrp) fn listener(&self, source: IpAddr) -> Listener<'_> {
        let follows = self.followed.is_some_and(|(followed, _)| followed == source);
        Listener {
            params: &self.params,
            own_interval: self.own_interval,
            listed: &self.listed,
            auth: &self.auth,
            source: self.source,
            own_priorities: [self.priority, self.last_priority],
            owner: self.is_owner(),
            check_addresses: self.phase() == Phase::Master || !(self.params.skip_check_adv_addr && follows),
        }
    }

    /// What every advert that was taken leaves behind, in any state.
    pub(super) fn remember(&mut self, heard: &Heard) {
        self.auth.remember(&heard.pass);
        let answered_otherwise = match heard.form {
            ChecksumForm::Group(_) => self.old_peers.insert(heard.source),
            ChecksumForm::Standard | ChecksumForm::AsV2 => self.old_peers.remove(&heard.source),
        };
        if answered_otherwise {
            self.last_sealed = LastSealed::default();
        }
        let counters = &mut self.ledger.counters;
        counters.adverts_received += 1;
        counters.priority_zero_received += u64::from(heard.priority == 0);
        counters.address_list += u64::from(heard.addresses_differ);
    }

    /// What is odd about an advert that was taken; said after it was acted on, once per master.
    pub(super) fn remark(&mut self, turn: &mut Turn<'_>, heard: &Heard) {
        let (instance, source) = (self.id, heard.source);
        let ledger = &mut self.ledger;
        if heard.addresses_differ && ledger.first_time(Told::Addresses) {
            turn.report(Event::AddressesDiffer { instance, source });
        }
        let (ours, theirs) = (self.own_interval, heard.interval);
        if interval_differs(self.params.version, ours, theirs) && ledger.first_time(Told::Interval) {
            turn.report(Event::IntervalDiffers { instance, source, ours, theirs });
        }
        if let Some(skew) = heard.pass.skew().filter(|_| ledger.first_time(Told::ClockSkew)) {
            let skew = Duration::from_secs(skew.seconds.unsigned_abs().into());
            turn.report(Event::ClockSkew { instance, source, skew });
        }
    }

    /// Takes what tracking comes to. Faults are only noted; the engine settles them.
    pub(in crate::proto::vrrp) fn set_tracked(&mut self, turn: &mut Turn<'_>, tracked: &Tracked) {
        let before: BTreeSet<TrackId> = self.faults.iter().filter_map(track_of).collect();
        for track in tracked.faults.difference(&before) {
            self.raise_fault(turn, Fault::Track(*track));
        }
        for track in before.difference(&tracked.faults) {
            self.clear_fault(turn, Fault::Track(*track));
        }
        self.pending.retain(|pending| match pending {
            Pending::Track(track) => tracked.pending.contains(track),
            Pending::Link | Pending::Source => true,
        });
        if self.phase() == Phase::Init {
            self.pending.extend(tracked.pending.iter().map(|track| Pending::Track(*track)));
        }
        if !self.humbled {
            self.set_priority(turn, tracked.priority);
        }
    }

    fn set_priority(&mut self, turn: &mut Turn<'_>, to: u8) {
        let (from, wait, phase) = (self.priority, self.wait(), self.phase());
        if from == to {
            return;
        }
        self.priority = to;
        if phase == Phase::Init {
            return;
        }
        turn.report(Event::PriorityChanged { instance: self.id, from, to, phase });
        match phase {
            Phase::Backup => self.shift_master_down(wait),
            Phase::Master if !self.faults.is_empty() => {}
            Phase::Master if to < from => self.offer(turn),
            Phase::Master => self.take_back_offer(turn),
            Phase::Init | Phase::Fault => {}
        }
    }

    /// Other parameters for the same virtual router. The state stays, and so does what authentication remembers.
    pub(in crate::proto::vrrp) fn retune(
        &mut self,
        turn: &mut Turn<'_>,
        params: Params,
        tracked: &Tracked,
        of_port: Option<IpAddr>,
    ) {
        let wait = self.wait();
        let old = std::mem::replace(&mut self.params, Arc::new(params));
        let old_interval = self.own_interval;
        self.own_interval = self.params.version.nearest_interval(self.params.interval);
        self.listed = listed(&self.params);
        if self.params.version == Version::V2 || self.interval == old_interval || self.phase() == Phase::Master {
            self.interval = self.own_interval;
        }
        if !self.params.is_owner() {
            self.humbled = false;
        }
        turn.report(Event::Retuned { instance: self.id });
        self.set_broken(turn);
        if self.params.holdings != old.holdings {
            self.clear_fault(turn, Fault::Unheld);
        }
        if self.params.source != old.source {
            self.set_source(turn, of_port);
        }
        if let Some(link) = self.link {
            self.set_link(turn, link);
        }
        if self.phase() == Phase::Backup {
            self.shift_master_down(wait);
        }
        self.set_tracked(turn, tracked);
        if self.phase() == Phase::Master {
            self.retune_master(turn, &old);
        }
    }

    fn retune_master(&mut self, turn: &mut Turn<'_>, old: &Params) {
        if self.params.announce != old.announce {
            let params = Arc::clone(&self.params);
            announce::rearm(&params.announce, turn.now, &mut self.timers);
        }
        if self.params.holdings != old.holdings {
            self.change_holdings(turn, &old.holdings);
        }
        if !self.is_yielding() && on_the_wire(&self.params) != on_the_wire(old) {
            self.advertise(turn);
        }
    }

    /// Leaves Master because a holding was removed, here or in the sync group, and stands again after the skew time.
    pub(in crate::proto::vrrp) fn bounce(&mut self, turn: &mut Turn<'_>, cause: Cause) {
        self.leave_for_backup(turn, cause, Farewell::PriorityZero, Keep::Nothing);
        if let State::Backup(backup) = &mut self.state {
            backup.bounced = true;
            let skew = self.skew();
            self.timers.set(Purpose::MasterDown, turn.now + skew);
        }
    }

    pub(in crate::proto::vrrp) fn has_bounced(&self) -> bool {
        matches!(&self.state, State::Backup(backup) if backup.bounced)
    }

    /// Follows its sync group out of Master. Whose group lost to a higher address waits an interval longer: of two
    /// groups that each win with one member and lose with another, both would come back and fall together for ever.
    pub(in crate::proto::vrrp) fn follow_group(&mut self, turn: &mut Turn<'_>, to_higher: bool) {
        self.leave_for_backup(turn, Cause::Group, Farewell::PriorityZero, Keep::UntilSuccessor);
        if to_higher && let Some(at) = self.timers.get(Purpose::MasterDown) {
            self.timers.set(Purpose::MasterDown, at + self.own_interval);
        }
    }

    /// The node slept. Tells whether the state changed.
    pub(in crate::proto::vrrp) fn woke(&mut self, turn: &mut Turn<'_>, late_by: Duration) {
        match self.phase() {
            Phase::Backup => self.backup_woke(turn.now, late_by),
            Phase::Master => {
                if self.expired(turn.now, late_by) {
                    // Who took over may never have heard this router, and has clients to bring back from it.
                    self.leave_for_backup(turn, Cause::TimerExpired, Farewell::PriorityZero, Keep::Nothing);
                } else if self.was_given_up(turn.now) {
                    // With what is due, after the adverts that came meanwhile: they may tell that we are no longer it.
                    self.announce_again_at(turn.now);
                }
            }
            Phase::Init | Phase::Fault => {}
        }
    }

    /// The end: by `Stop`, or because the configuration does not name it any more.
    pub(in crate::proto::vrrp) fn stop(&mut self, turn: &mut Turn<'_>, removed: bool) {
        let (instance, from) = (self.id, self.phase());
        if from == Phase::Master {
            self.step_down(turn, Farewell::PriorityZero, Keep::UntilSuccessor);
        }
        self.state = State::Init;
        self.timers.keep_only(&[Purpose::Handover]);
        self.leaving = true;
        turn.report(if removed { Event::Removed { instance, from } } else { Event::Stopped { instance, from } });
    }

    /// Gives up at once what is kept for a successor.
    pub(in crate::proto::vrrp) fn abandon(&mut self, turn: &mut Turn<'_>) {
        self.release(turn);
    }

    /// An operator wants the addresses announced once more.
    pub(in crate::proto::vrrp) fn announce_asked(&mut self, turn: &mut Turn<'_>) {
        if self.phase() == Phase::Master {
            self.announce(turn, (AnnounceWhy::Asked, 1));
        }
    }

    /// Moves the end of the start delay for an instance that still waits for it.
    pub(in crate::proto::vrrp) fn move_start(&mut self, earlier_by: Duration, later_by: Duration) {
        if let (Phase::Backup, Some(at)) = (self.phase(), self.timers.get(Purpose::MasterDown)) {
            self.timers.set(Purpose::MasterDown, at.back(earlier_by) + later_by);
        }
    }
}

fn track_of(fault: &Fault) -> Option<TrackId> {
    match fault {
        Fault::Track(track) => Some(*track),
        Fault::Configuration | Fault::LinkDown | Fault::LinkGone | Fault::NoSource | Fault::Unheld => None,
    }
}

/// What of the parameters other routers see.
fn on_the_wire(params: &Params) -> impl PartialEq + '_ {
    let addresses: Vec<_> = params.holdings.addresses.iter().map(|held| held.ip).collect();
    (
        (params.version, params.priority, params.interval, addresses),
        (&params.auth, &params.checksum, &params.reach, params.source),
    )
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Master: adverts on time, and what to do about another master (RFC 9568 §6.4.3).

use std::cmp::Ordering;
use std::net::IpAddr;

use super::hold::{Farewell, Keep};
use super::{Instance, Master, Other, OwnerConflict, Purpose, State};
use crate::proto::Instant;
use crate::proto::vrrp::accept::Heard;
use crate::proto::vrrp::announce;
use crate::proto::vrrp::auth::Authentication;
use crate::proto::vrrp::counters::Told;
use crate::proto::vrrp::io::{Cause, Event, Phase};
use crate::proto::vrrp::params::{OWNER_PRIORITY, Preempt};
use crate::proto::vrrp::timing;
use crate::proto::vrrp::turn::Turn;
use crate::proto::vrrp::types::Version;
use std::time::Duration;

/// An owner tells another owner so many times that it should yield before it begins to doubt.
const OWNER_CONFLICT_ADVERTS: u8 = 2;
/// Then it gives the other this many tenths of an interval.
const OWNER_CONFLICT_TENTHS: u32 = 12;
/// With which priority an owner stands that gave way.
const HUMBLED_PRIORITY: u8 = OWNER_PRIORITY - 1;
/// Below this interval the skews of two neighbours lie closer together than packets travel, so offering the addresses
/// would let chance decide; waiting for the master down time is short anyway.
const OFFER_INTERVAL_MIN: Duration = Duration::from_millis(250);

/// An interval has so many places for adverts when there are many instances: each costs a turn, here and at every peer.
const PLACES: u32 = 32;
/// And so many of them are taken: no second advert follows at once.
const PLACES_TAKEN: u32 = 24;
/// Neighbours in the configuration are not neighbours in time. It shares no factor with them, so that every place is taken.
const PLACES_APART: u32 = 7;

impl Instance {
    /// The advert leaves before the addresses are added, so that the old master gives them up first.
    pub(in crate::proto::vrrp) fn enter_master(&mut self, turn: &mut Turn<'_>, cause: Cause) {
        let from = self.phase();
        let preempted = match &self.state {
            State::Backup(backup) => backup.preempting.map(|source| (source, turn.now + self.own_interval)),
            State::Init | State::Master(_) | State::Fault => None,
        };
        if self.humbled {
            self.stand_up_again();
        }
        self.ledger.forget();
        self.ledger.counters.became_master += 1;
        self.interval = self.own_interval;
        self.timers.keep_only(&[]);
        self.state = State::Master(Master {
            last_sent: turn.now,
            yielding: false,
            preempted,
            other: None,
            conflict: OwnerConflict::None,
        });
        self.advertise(turn);
        if turn.crowded {
            self.take_a_place_of_its_own(turn);
        }
        let in_place = self.hold_everything(turn);
        self.entered(turn, from, cause);
        if in_place {
            self.announce_all(turn);
        }
    }

    /// Sends the advert that was due at `due`. One that is a little late does not make the next one late.
    pub(super) fn advertise_in_step(&mut self, turn: &mut Turn<'_>, due: Instant) {
        self.advertise(turn);
        let next = self.next_in_step(due, turn.now);
        // However late: many instances that were late together do not go on together.
        let is_kept = turn.crowded || turn.now.since(due) < self.own_interval / 2;
        if is_kept && self.timers.get(Purpose::Advert).is_some() {
            self.timers.set(Purpose::Advert, next);
        }
    }

    /// The first moment after `now` that is whole intervals after `due`.
    fn next_in_step(&self, due: Instant, now: Instant) -> Instant {
        let interval = u64::try_from(self.own_interval.as_nanos()).unwrap_or(u64::MAX).max(1);
        let late = now.as_nanos().saturating_sub(due.as_nanos());
        now + Duration::from_nanos(interval - late % interval)
    }

    /// Many instances became Master at one moment. The second advert of each comes earlier than it must, and from then on
    /// they come spread over the interval, some together: neither all at once nor each with a turn of its own.
    fn take_a_place_of_its_own(&mut self, turn: &Turn<'_>) {
        let place = self.id.0.wrapping_mul(PLACES_APART) % PLACES_TAKEN;
        self.timers.set(Purpose::Advert, turn.now + self.own_interval * (PLACES - place) / PLACES);
    }

    /// Sends an advert. Nothing else moves the time of the next one.
    pub(super) fn advertise(&mut self, turn: &mut Turn<'_>) {
        self.send(turn, self.priority);
        self.timers.set(Purpose::Advert, turn.now + self.own_interval);
        let State::Master(master) = &mut self.state else {
            return;
        };
        master.last_sent = turn.now;
        master.yielding = false;
        if let OwnerConflict::Telling { adverts_left, wait } = &mut master.conflict {
            *adverts_left = adverts_left.saturating_sub(1);
            if *adverts_left == 0 {
                self.timers.set(Purpose::OwnerConflict, turn.now + *wait);
                master.conflict = OwnerConflict::Watching;
            }
        }
    }

    pub(super) fn master_hears(&mut self, turn: &mut Turn<'_>, heard: &Heard) {
        if heard.priority == 0 {
            // Whoever waits for a successor learns at once that there is one. Who leaves was Master too, and clients may
            // have learnt its way.
            self.advertise(turn);
            self.announce_again_at(turn.now + self.own_interval);
            return;
        }
        let ours = self.source;
        if Some(heard.source) == ours && self.ledger.first_time(Told::AddressClash) {
            turn.report(Event::AddressClash { instance: self.id, source: heard.source });
        }
        if heard.priority == OWNER_PRIORITY && self.is_owner() {
            self.meet_owner(turn, heard);
        }
        match (heard.priority, Some(heard.source)).cmp(&(self.priority, ours)) {
            Ordering::Greater => {
                if self.params.higher_prio_send_advert || self.may_be_unknown() {
                    self.advertise(turn);
                }
                self.yield_to(turn, heard);
            }
            Ordering::Less => self.meet_lower(turn, heard),
            Ordering::Equal => {}
        }
    }

    /// Whom we yield to may have been Master all along, out of hearing, and cannot know that we were one too. Clients
    /// may have learnt our way: one last advert tells it to announce again. Not while nobody can have learnt anything,
    /// and not when we offered the addresses ourselves.
    fn may_be_unknown(&self) -> bool {
        !self.is_yielding() && self.held.is_in_place()
    }

    fn yield_to(&mut self, turn: &mut Turn<'_>, heard: &Heard) {
        self.step_down(turn, Farewell::Silent, Keep::Nothing);
        if self.params.version == Version::V3 {
            self.interval = heard.interval;
        }
        self.enter_backup(turn, Cause::HigherPriority(heard.source), self.down_time());
        let changed = self.followed.is_none_or(|(source, _)| source != heard.source);
        self.follow(turn, heard, changed);
    }

    /// Two Masters whose AH numbers go in step refuse each other for ever. The one with the higher address leaves
    /// numbers out, so that the other one hears it.
    pub(in crate::proto::vrrp) fn break_tie(&mut self, source: IpAddr) {
        if let (Phase::Master, Some(IpAddr::V4(own))) = (self.phase(), self.source.filter(|own| *own > source)) {
            self.auth.header.leave_out(own);
        }
    }

    /// Another master that ranks below us. We answer, so that it yields, and announce, because clients may have
    /// learnt its way; once per interval at most, so that nobody can make us flood the segment.
    fn meet_lower(&mut self, turn: &mut Turn<'_>, heard: &Heard) {
        if let Authentication::Header(_) = self.params.auth {
            self.auth.header.answer_lower_priority();
        }
        if !self.params.lower_prio_no_advert {
            self.advertise(turn);
        }
        let interval = self.own_interval.max(heard.interval);
        let State::Master(master) = &mut self.state else {
            return;
        };
        let farewell = |(source, until)| source == heard.source && turn.now <= until;
        if master.preempted.take().is_some_and(farewell) {
            // It was Master before us and has just learnt that it is no longer: no second master, a farewell.
            return;
        }
        let known = master.other.as_ref().is_some_and(|other| other.source == heard.source);
        let announce = master.other.as_ref().is_none_or(|other| turn.now.since(other.announced) >= self.own_interval);
        let announced = match &master.other {
            Some(other) if !announce => other.announced,
            Some(_) | None => turn.now,
        };
        master.other = Some(Other { source: heard.source, announced });
        let silent = interval.saturating_mul(u32::from(self.params.down_timer_adverts));
        self.timers.set(Purpose::OtherMaster, turn.now + silent);
        if !known {
            let (instance, source, priority) = (self.id, heard.source, heard.priority);
            turn.report(Event::OtherMaster { instance, source, priority });
        }
        if announce {
            self.announce_after_other_master(turn);
        } else {
            self.announce_again_at(announced + self.own_interval);
        }
    }

    /// What the other master makes clients believe after our announcement is put right no later than this.
    pub(super) fn announce_again_at(&mut self, at: Instant) {
        let later = self.timers.get(Purpose::AnnounceOther).is_none_or(|planned| planned > at);
        if later && self.params.announce.lower_prio_repeat > 0 {
            self.timers.set(Purpose::AnnounceOther, at);
        }
    }

    /// Whether this turn met another master and announced because of it, so that the sync group must too.
    pub(in crate::proto::vrrp) fn announced_other_at(&self, now: Instant) -> bool {
        match &self.state {
            State::Master(master) => master.other.as_ref().is_some_and(|other| other.announced == now),
            State::Init | State::Backup(_) | State::Fault => false,
        }
    }

    pub(in crate::proto::vrrp) fn announce_after_other_master(&mut self, turn: &mut Turn<'_>) {
        if self.phase() != Phase::Master {
            return;
        }
        let params = self.params.clone();
        let block = announce::other_master(&params.announce, turn.now, &mut self.timers);
        self.announce(turn, block);
    }

    /// The segment has one master again. What clients learnt from the other one meanwhile is put right.
    pub(super) fn other_master_is_silent(&mut self, turn: &mut Turn<'_>) {
        let State::Master(master) = &mut self.state else {
            return;
        };
        if let Some(other) = master.other.take() {
            turn.report(Event::OtherMasterGone { instance: self.id, source: other.source });
            self.announce_after_other_master(turn);
        }
    }

    /// Two owners. The one with the lower address yields as any router of equal priority does; the other one insists,
    /// and if that does not help, gives way itself: two masters for ever would be worse.
    fn meet_owner(&mut self, turn: &mut Turn<'_>, heard: &Heard) {
        let yielding = Some(heard.source) > self.source;
        if self.ledger.first_time(Told::TwoOwners) {
            turn.report(Event::TwoOwners { instance: self.id, source: heard.source, yielding });
        }
        if yielding {
            return;
        }
        let wait = self.own_interval.max(heard.interval).saturating_mul(OWNER_CONFLICT_TENTHS) / 10;
        let State::Master(master) = &mut self.state else {
            return;
        };
        match master.conflict {
            OwnerConflict::None => {
                master.conflict = OwnerConflict::Telling { adverts_left: OWNER_CONFLICT_ADVERTS, wait };
            }
            OwnerConflict::Telling { .. } => {}
            OwnerConflict::Watching => {
                master.conflict = OwnerConflict::None;
                self.humbled = true;
                self.priority = HUMBLED_PRIORITY;
            }
        }
    }

    pub(super) fn other_owner_is_silent(&mut self) {
        if let State::Master(master) = &mut self.state {
            master.conflict = OwnerConflict::None;
        }
    }

    /// An owner that gave way is an owner again.
    pub(super) fn stand_up_again(&mut self) {
        self.humbled = false;
        self.priority = self.params.priority;
    }

    /// The priority of a Master fell by tracking. It offers the addresses with priority 0: every Backup then waits its
    /// own skew time only, and so does this router, still holding them. Whoever ranks highest speaks first.
    pub(super) fn offer(&mut self, turn: &mut Turn<'_>) {
        let (down, skew) = (self.down_time(), self.skew());
        let recently = self.offered.is_some_and(|at| turn.now.since(at) < down);
        let State::Master(master) = &mut self.state else {
            return;
        };
        if !self.params.handover || recently || self.own_interval < OFFER_INTERVAL_MIN {
            return;
        }
        master.yielding = true;
        self.offered = Some(turn.now);
        self.send(turn, 0);
        self.timers.set(Purpose::Advert, turn.now + skew);
        turn.report(Event::HandingOver { instance: self.id, limit: skew });
    }

    /// The priority rose again while it was offered.
    pub(super) fn take_back_offer(&mut self, turn: &mut Turn<'_>) {
        if self.is_yielding() {
            self.advertise(turn);
        }
    }

    pub(super) fn is_yielding(&self) -> bool {
        matches!(self.state, State::Master(Master { yielding: true, .. }))
    }

    /// Slept for so long that another router must have taken over: with `timer_expired_backup` it keeps what it has.
    pub(super) fn expired(&self, now: Instant, late_by: Duration) -> bool {
        let (State::Master(master), Some(skew)) = (&self.state, self.expiry_skew()) else {
            return false;
        };
        let silent = now.since(master.last_sent);
        late_by > self.own_interval * 2 + skew && silent > self.own_interval * 3 + skew
    }

    /// Silent for so long that another router may have been Master meanwhile, and clients may have learnt its way.
    pub(super) fn was_given_up(&self, now: Instant) -> bool {
        let patience = self.own_interval.saturating_mul(u32::from(self.params.down_timer_adverts));
        matches!(&self.state, State::Master(master) if now.since(master.last_sent) >= patience)
    }

    fn expiry_skew(&self) -> Option<Duration> {
        match self.params.preempt {
            Preempt::No { timer_expired_backup: Some(value) } => {
                Some(timing::skew(self.params.version, value, self.own_interval))
            }
            Preempt::No { timer_expired_backup: None } | Preempt::Yes { .. } => None,
        }
    }

    /// Leaves Master for Backup because of something other than an advert.
    pub(super) fn leave_for_backup(&mut self, turn: &mut Turn<'_>, cause: Cause, farewell: Farewell, keep: Keep) {
        if self.phase() != Phase::Master {
            return;
        }
        self.step_down(turn, farewell, keep);
        self.enter_backup(turn, cause, self.down_time());
    }

    pub(in crate::proto::vrrp) fn other_master(&self) -> Option<IpAddr> {
        match &self.state {
            State::Master(master) => master.other.as_ref().map(|other| other.source),
            State::Init | State::Backup(_) | State::Fault => None,
        }
    }
}

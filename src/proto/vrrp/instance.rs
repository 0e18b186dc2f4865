// SPDX-License-Identifier: MIT OR Apache-2.0
//! One virtual router.
//!
//! Invariants: while `faults` has a reason the state is Fault, as soon as the engine has settled the turn. Only
//! [`Instance::advertise`] moves the time of the next advert, so nothing a stranger sends can silence a Master. What
//! the kernel holds for the instance is known by `held`, whatever the state is.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::accept::Heard;
use super::auth::AuthState;
use super::counters::Ledger;
use super::io::{Cause, Event, Fault, Link, Phase};
use super::params::{OWNER_PRIORITY, Params};
use super::timing;
use super::turn::Turn;
use super::types::{InstanceId, TrackId, WallTime};
use super::wire::{Addresses, Family};
use crate::proto::{Instant, Timers, Why};

mod backup;
mod fault;
mod hold;
mod master;
mod retune;
mod send;

pub(super) use hold::Held;
pub use hold::{HOLD_RETRY, RESTORE_WINDOW, RESTORES_MAX, UNHELD_PAUSE};
pub(super) use retune::Tracked;

/// What the timers of an instance are for, in the order in which those due together fire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "daemon", derive(serde::Serialize, serde::Deserialize))]
pub(super) enum Purpose {
    /// Give up the addresses although no successor was heard.
    Handover,
    /// The other owner has been silent long enough.
    OwnerConflict,
    /// The other master has been silent long enough.
    OtherMaster,
    MasterDown,
    Advert,
    /// Ask the kernel again for what it refused.
    HoldRetry,
    /// Try again after the kernel refused everything.
    FaultPause,
    AnnounceAgain,
    AnnounceOther,
    AnnounceRefresh,
    AnnounceExtra,
}

impl crate::proto::Purpose for Purpose {
    fn why(self) -> Why {
        match self {
            Purpose::Handover => "handover",
            Purpose::OwnerConflict => "owner conflict",
            Purpose::OtherMaster => "other master",
            Purpose::MasterDown => "master down",
            Purpose::Advert => "advert",
            Purpose::HoldRetry => "holdings retry",
            Purpose::FaultPause => "fault pause",
            Purpose::AnnounceAgain => "second announcement",
            Purpose::AnnounceOther => "second announcement after another master",
            Purpose::AnnounceRefresh => "announcement refresh",
            Purpose::AnnounceExtra => "announcement on extra interfaces",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "daemon", derive(serde::Serialize, serde::Deserialize))]
pub(super) enum State {
    Init,
    Backup(Backup),
    Master(Master),
    Fault,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "daemon", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Backup {
    /// Would be Master but for its sync group.
    pub(super) wants_master: bool,
    /// A master was heard, and is waited for.
    follows: bool,
    /// When `preempt_delay` is over; `None` until a master of lower priority was heard.
    preempt_at: Option<Instant>,
    /// The master said it leaves.
    heard_zero: bool,
    /// A master of lower priority that was heard and is not waited for.
    preempting: Option<IpAddr>,
    /// Left Master because a holding was removed, to stand again after the skew time.
    pub(super) bounced: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "daemon", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Master {
    last_sent: Instant,
    /// Priority 0 was sent because the priority fell; until the next advert a better router may take over.
    yielding: bool,
    /// The master whose place we took because it ranks below us, and until when its last advert may be on the way.
    preempted: Option<(IpAddr, Instant)>,
    /// Another master of lower priority.
    other: Option<Other>,
    conflict: OwnerConflict,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "daemon", derive(serde::Serialize, serde::Deserialize))]
struct Other {
    source: IpAddr,
    announced: Instant,
}

/// Another router that owns the addresses too, and has the lower address, so it should yield.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "daemon", derive(serde::Serialize, serde::Deserialize))]
enum OwnerConflict {
    None,
    /// It gets to hear this many more adverts of ours first.
    Telling {
        adverts_left: u8,
        wait: Duration,
    },
    /// If it is heard again before the timer runs out, we yield.
    Watching,
}

/// Why an instance has not started: what was not told yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "daemon", derive(serde::Serialize, serde::Deserialize))]
pub enum Pending {
    Link,
    Source,
    Track(TrackId),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "daemon", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Instance {
    id: InstanceId,
    #[cfg_attr(feature = "daemon", serde(with = "crate::proto::shared"))]
    params: Arc<Params>,
    /// The addresses an advert lists.
    listed: Addresses,
    state: State,
    timers: Timers<Purpose>,
    faults: BTreeSet<Fault>,
    pending: BTreeSet<Pending>,
    /// The effective priority, after tracking.
    priority: u8,
    /// An owner that gave way to another owner stands with 254 for now.
    humbled: bool,
    /// `advert_int` as the version can say it.
    own_interval: Duration,
    /// The interval the master down time is counted in: in version 3 that of the master we follow.
    interval: Duration,
    link: Option<Link>,
    source: Option<IpAddr>,
    /// The source of the last advert, for the last one after it is gone.
    last_source: Option<IpAddr>,
    last_priority: u8,
    #[cfg_attr(feature = "daemon", serde(skip))]
    last_sealed: send::LastSealed,
    /// Of the last advert with an authentication header, which covers it. The kernel fills in that of others.
    identification: u16,
    #[cfg_attr(feature = "daemon", serde(skip))]
    auth: AuthState,
    /// Unicast peers that form the checksum the old way.
    old_peers: BTreeSet<IpAddr>,
    /// The master we follow, or followed last.
    followed: Option<(IpAddr, u8)>,
    held: Held,
    /// When a fall in priority last made us offer the addresses.
    offered: Option<Instant>,
    /// Whether a state was ever notified.
    notified: bool,
    /// Removed from the configuration; goes once nothing is held any more.
    leaving: bool,
    ledger: Ledger,
}

impl Instance {
    pub(super) fn new(id: InstanceId, params: Params, wall: Option<WallTime>) -> Instance {
        let own_interval = params.version.nearest_interval(params.interval);
        let mut faults = BTreeSet::new();
        if params.broken {
            faults.insert(Fault::Configuration);
        }
        Instance {
            id,
            listed: listed(&params),
            state: State::Init,
            timers: Timers::default(),
            faults,
            pending: BTreeSet::from([Pending::Link, Pending::Source]),
            priority: params.priority,
            humbled: false,
            own_interval,
            interval: own_interval,
            link: None,
            source: None,
            last_source: None,
            last_priority: 0,
            last_sealed: send::LastSealed::default(),
            identification: 0,
            auth: AuthState::starting(wall),
            old_peers: BTreeSet::new(),
            followed: None,
            held: Held::default(),
            offered: None,
            notified: false,
            leaving: false,
            ledger: Ledger::default(),
            params: Arc::new(params),
        }
    }

    pub(super) fn id(&self) -> InstanceId {
        self.id
    }

    pub(super) fn params(&self) -> &Params {
        &self.params
    }

    pub(super) fn phase(&self) -> Phase {
        match self.state {
            State::Init => Phase::Init,
            State::Backup(_) => Phase::Backup,
            State::Master(_) => Phase::Master,
            State::Fault => Phase::Fault,
        }
    }

    /// Would become Master if its sync group let it, or is.
    pub(super) fn wants_master(&self) -> bool {
        match &self.state {
            State::Backup(backup) => backup.wants_master,
            State::Master(_) => true,
            State::Init | State::Fault => false,
        }
    }

    pub(super) fn priority(&self) -> u8 {
        self.priority
    }

    pub(super) fn faults(&self) -> &BTreeSet<Fault> {
        &self.faults
    }

    pub(super) fn is_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    pub(super) fn pending(&self) -> &BTreeSet<Pending> {
        &self.pending
    }

    pub(super) fn own_interval(&self) -> Duration {
        self.own_interval
    }

    pub(super) fn interval(&self) -> Duration {
        self.interval
    }

    pub(super) fn master_down_time(&self) -> Duration {
        self.down_time()
    }

    /// Master, and the kernel has everything.
    pub(super) fn is_in_place(&self) -> bool {
        self.phase() == Phase::Master && self.held.is_in_place()
    }

    pub(super) fn is_leaving(&self) -> bool {
        self.leaving
    }

    pub(super) fn source(&self) -> Option<IpAddr> {
        self.source
    }

    /// Whether it is Backup, and has heard a better master since.
    pub(super) fn follows_another(&self) -> bool {
        matches!(&self.state, State::Backup(backup) if backup.follows)
    }

    /// Whether it is Backup of a master whose address is above its own.
    pub(super) fn follows_higher_address(&self) -> bool {
        let master = self.followed.filter(|_| self.follows_another()).map(|(master, _)| master);
        master.is_some_and(|master| self.source.is_some_and(|own| master > own))
    }

    pub(super) fn followed(&self) -> Option<(IpAddr, u8)> {
        self.followed
    }

    pub(super) fn held(&self) -> &Held {
        &self.held
    }

    pub(super) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    pub(super) fn ledger_mut(&mut self) -> &mut Ledger {
        &mut self.ledger
    }

    pub(super) fn deadline(&self) -> Option<(Instant, Purpose)> {
        self.timers.earliest()
    }

    /// How long the interface may be down unnoticed.
    pub(super) fn down_delay_limit(&self) -> Duration {
        timing::down_delay_limit(self.params.down_timer_adverts, self.interval)
    }

    fn down_time(&self) -> Duration {
        timing::master_down(self.params.version, self.params.down_timer_adverts, self.priority, self.interval)
    }

    fn skew(&self) -> Duration {
        timing::skew(self.params.version, self.priority, self.interval)
    }

    /// Owns the addresses, and has not given way to another owner.
    fn is_owner(&self) -> bool {
        self.priority == OWNER_PRIORITY
    }

    /// An advert that passed every test.
    pub(super) fn on_advert(&mut self, turn: &mut Turn<'_>, heard: &Heard) {
        self.remember(heard);
        if heard.priority > 0 {
            self.hand_over_to(turn, heard.source);
        }
        match self.state {
            State::Backup(_) => self.backup_hears(turn, heard),
            State::Master(_) => self.master_hears(turn, heard),
            State::Init | State::Fault => {}
        }
        self.remark(turn, heard);
    }

    /// The next timer that is due; `permit` tells whether the sync group lets this instance become Master.
    /// `false` when nothing is due any more.
    pub(super) fn expire(&mut self, turn: &mut Turn<'_>, permit: bool) -> bool {
        let advert = self.timers.get(Purpose::Advert);
        let Some(purpose) = self.timers.take_due(turn.now) else {
            return false;
        };
        match purpose {
            Purpose::Handover => self.end_handover(turn, None),
            Purpose::OwnerConflict => self.other_owner_is_silent(),
            Purpose::OtherMaster => self.other_master_is_silent(turn),
            Purpose::MasterDown => self.master_is_down(turn, permit),
            Purpose::Advert => self.advertise_in_step(turn, advert.unwrap_or(turn.now)),
            Purpose::HoldRetry => self.hold_again(turn),
            Purpose::FaultPause => self.clear_fault(turn, Fault::Unheld),
            Purpose::AnnounceAgain | Purpose::AnnounceOther | Purpose::AnnounceRefresh | Purpose::AnnounceExtra => {
                self.announce_due(turn, purpose)
            }
        }
        true
    }

    /// Tells that a state was entered.
    fn entered(&mut self, turn: &mut Turn<'_>, from: Phase, cause: Cause) {
        let to = self.phase();
        let notify = !(self.notified && turn.group == Some(to));
        self.notified = true;
        turn.report(Event::Entered { instance: self.id, from, to, cause, priority: self.priority, notify });
    }

    pub(super) fn forget_numbers(&mut self) {
        self.identification = 0;
    }

    /// Shifts every moment so that `by` later is the old now. For comparing engines at different times.
    pub(super) fn rebase(&mut self, by: Duration) {
        self.timers.rebase(by);
        self.offered = self.offered.map(|at| at.back(by));
        self.held.rebase(by);
        match &mut self.state {
            State::Backup(backup) => backup.preempt_at = backup.preempt_at.map(|at| at.back(by)),
            State::Master(master) => {
                master.last_sent = master.last_sent.back(by);
                if let Some(other) = &mut master.other {
                    other.announced = other.announced.back(by);
                }
            }
            State::Init | State::Fault => {}
        }
    }
}

/// What adverts of an instance list: the VIPs of its own family, as many as an advert can carry.
fn listed(params: &Params) -> Addresses {
    let ours = params.holdings.addresses.iter().map(|held| held.ip).filter(|ip| Family::of(*ip) == params.family);
    let empty = match params.family {
        Family::V4 => Addresses::V4(Vec::new()),
        Family::V6 => Addresses::V6(Vec::new()),
    };
    Addresses::collect(params.family, ours.take(super::wire::ADDRESSES_MAX)).unwrap_or(empty)
}

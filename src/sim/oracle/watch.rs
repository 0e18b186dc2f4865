// SPDX-License-Identifier: MIT OR Apache-2.0
//! The naive reference of one instance: what it was handed, and so when it must become master and when it must not.
//!
//! It knows the rules of RFC 9568 §6.4 and the settings that bend them, and nothing of how the engine keeps its timers.

use std::net::IpAddr;
use std::time::Duration;

use super::{Promise, Seen, preempts};
use crate::proto::vrrp::{
    Auth, Cause, Effect, Engine, Event, Fault, InstanceId, OtherAddresses, Params, Phase, Preempt, Reach, Version,
};
use crate::proto::{Instant, Machine};
use crate::sim::net::Said;

/// What is known of one instance.
#[derive(Clone, Debug)]
pub(super) struct Watch {
    pub(super) params: Params,
    pub(super) phase: Phase,
    priority: u8,
    /// The interval of the master last accepted, or its own.
    pub(super) interval: Duration,
    /// When the wait for the master began, and whether it is only the skew.
    base: Instant,
    skew_only: bool,
    /// Until when a master of lower priority is put up with.
    delay_until: Option<Instant>,
    /// When it woke from a sleep: it may wait for one more advert.
    woke: Option<Instant>,
    /// It woke and then its interval changed: how long it may wait is left open until it hears somebody.
    open: bool,
    /// When the last advert left as master, and until when it offers the addresses to a better router.
    sent: Option<Instant>,
    offers_until: Option<Instant>,
    holds: bool,
    /// It has just begun and not moved since; a group it joins need not wait for it.
    fresh: bool,
    grouped: bool,
    stopping: bool,
}

/// How things stood before an advert was handed over.
#[derive(Clone, Debug)]
pub(super) struct Before {
    phase: Phase,
    must_take: bool,
    /// As master: whether the sender ranks above, below, or (a clash) neither.
    rank: Rank,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rank {
    Above,
    Below,
    Neither,
}

fn skew(version: Version, interval: Duration, priority: u8) -> Duration {
    let whole = match version {
        Version::V2 => Duration::from_secs(1),
        Version::V3 => interval,
    };
    whole * (256 - u32::from(priority)) / 256
}

impl Watch {
    fn new(params: Params, local: Instant, grouped: bool) -> Watch {
        Watch {
            phase: Phase::Init,
            priority: params.priority,
            interval: params.version.nearest_interval(params.interval),
            base: local,
            skew_only: false,
            delay_until: None,
            woke: None,
            open: false,
            sent: None,
            offers_until: None,
            holds: false,
            fresh: true,
            grouped,
            stopping: false,
            params,
        }
    }

    /// When the wait for the master is over.
    fn deadline(&self) -> Instant {
        let adverts = if self.skew_only { 0 } else { u32::from(self.params.down_timer_adverts) };
        self.base + self.interval * adverts + skew(self.params.version, self.interval, self.priority)
    }

    /// Takes what an advert means for the wait; called before its effects are followed.
    pub(super) fn before_advert(
        &mut self,
        local: Instant,
        said: &Said,
        sender: Option<&Params>,
        source: Option<IpAddr>,
        taken: bool,
        listening: bool,
    ) -> Before {
        let before = Before {
            phase: self.phase,
            must_take: listening && sender.is_some_and(|sender| self.must_take(said, sender)),
            rank: self.rank(said, source),
        };
        if taken && self.phase == Phase::Backup {
            self.hear(local, said);
        }
        if taken && self.phase == Phase::Master && self.params.version == Version::V3 {
            // Kept for the case that this advert ends the mastership.
            self.interval = said.interval;
        }
        before
    }

    /// As Backup (RFC 9568 §6.4.2).
    fn hear(&mut self, local: Instant, said: &Said) {
        let longest = match self.params.version {
            Version::V2 => self.own_interval(),
            Version::V3 => said.interval,
        };
        if said.priority == 0 {
            self.base = local;
            self.skew_only = true;
            return;
        }
        if said.priority >= self.priority {
            self.delay_until = None;
        } else if preempts(&self.params) {
            let Preempt::Yes { delay } = self.params.preempt else { return };
            if delay.is_zero() || self.params.is_owner() {
                return;
            }
            let until = *self.delay_until.get_or_insert(local + delay);
            if local >= until {
                return;
            }
        }
        self.open = false;
        self.woke = None;
        self.interval = longest;
        self.base = local;
        self.skew_only = false;
    }

    fn rank(&self, said: &Said, source: Option<IpAddr>) -> Rank {
        let ours = (self.priority, source);
        let theirs = (said.priority, Some(said.source));
        if said.priority == 0 || source == Some(said.source) || (said.priority == 255 && self.priority == 255) {
            Rank::Neither
        } else if theirs > ours {
            Rank::Above
        } else {
            Rank::Below
        }
    }

    /// Whether nothing allows this intact advert to be refused.
    fn must_take(&self, said: &Said, sender: &Params) -> bool {
        let params = &self.params;
        let authentic = matches!(params.auth, Auth::None | Auth::Password(_)) && params.auth == sender.auth;
        let known = match &params.reach {
            Reach::Multicast { .. } => true,
            Reach::Unicast { peers, check_source, .. } => {
                (!check_source && peers.iter().all(|peer| peer.hop_limits.is_none()))
                    || peers.iter().any(|peer| peer.ip == said.source && peer.hop_limits.is_none())
            }
        };
        let timed = params.version == Version::V3 || params.interval == sender.interval;
        // What a list was when the advert left is not known here.
        let listed = params.other_addresses == OtherAddresses::Report;
        let listens = !(params.is_owner() && params.owner_ignore_adverts);
        matches!(self.phase, Phase::Backup | Phase::Master)
            && params.version == sender.version
            && params.checksum == sender.checksum
            && authentic
            && known
            && timed
            && listed
            && listens
            && !self.stopping
    }

    /// What must have come of it.
    pub(super) fn after_advert(
        &self,
        before: &Before,
        said: &Said,
        taken: bool,
        effects: &[Effect],
        instance: InstanceId,
    ) -> Option<(Promise, String)> {
        if before.must_take && !taken {
            return Some((Promise::NoTheft, format!("refused a good advert of priority {}", said.priority)));
        }
        let acted = effects.iter().any(|effect| !matches!(effect, Effect::Report(_)));
        if !taken {
            return acted.then(|| (Promise::NoTheft, "acted on an advert it refused".to_owned()));
        }
        if before.phase != Phase::Master || self.stopping {
            return None;
        }
        let answered = effects.iter().any(|effect| matches!(effect, Effect::Send(sent) if sent.instance == instance));
        match before.rank {
            Rank::Above if self.phase == Phase::Master => {
                Some((Promise::TakeOver, format!("stays master though it hears priority {}", said.priority)))
            }
            Rank::Below if self.phase != Phase::Master => {
                Some((Promise::NoTheft, format!("yields to priority {} with its own {}", said.priority, self.priority)))
            }
            Rank::Below if !answered && !self.params.lower_prio_no_advert => {
                Some((Promise::TakeOver, "does not answer a lesser master".to_owned()))
            }
            Rank::Neither if said.priority == 0 && !answered && self.phase == Phase::Master => {
                Some((Promise::TakeOver, "does not answer a master that leaves".to_owned()))
            }
            Rank::Above | Rank::Below | Rank::Neither => None,
        }
    }

    fn entered(
        &mut self,
        local: Instant,
        from: Phase,
        to: Phase,
        cause: Cause,
        bounced: bool,
    ) -> Option<(Promise, String)> {
        let waited = matches!(cause, Cause::MasterDown | Cause::Preempt | Cause::PriorityZero);
        let early = to == Phase::Master && from == Phase::Backup && waited && local < self.deadline();
        let found = early.then(|| {
            let by = self.deadline().since(local);
            (Promise::NoTheft, format!("takes over {by:?} before its wait is over"))
        });
        self.phase = to;
        self.fresh = from == Phase::Init && to == Phase::Backup;
        match to {
            Phase::Backup => {
                self.base = local;
                self.skew_only = bounced;
                self.delay_until = None;
                self.woke = None;
                self.open = false;
                self.sent = None;
                if !matches!(cause, Cause::HigherPriority(_)) || self.params.version == Version::V2 {
                    self.interval = self.own_interval();
                }
            }
            // The first advert left before the change was told.
            Phase::Master => self.interval = self.own_interval(),
            Phase::Init | Phase::Fault => self.sent = None,
        }
        found
    }
}

/// Follows one effect of a node.
pub(super) fn follow(seen: &mut Seen, local: Instant, effect: &Effect) -> Option<(Promise, String)> {
    match effect {
        Effect::Send(sent) => {
            if let Some(watch) = seen.watches.get_mut(&sent.instance) {
                watch.sent = Some(local);
                watch.offers_until = watch.offers_until.filter(|_| sent.priority == 0);
            }
            None
        }
        Effect::Hold(_, instance, wanted) => {
            if let Some(watch) = seen.watches.get_mut(instance) {
                watch.holds = !wanted.is_empty();
            }
            None
        }
        Effect::Announce(instance, announcements) => {
            let own_source = matches!(announcements.why, crate::proto::vrrp::AnnounceWhy::OwnSource);
            let master = seen.watches.get(instance).is_some_and(|watch| watch.phase == Phase::Master);
            (!master && !own_source).then(|| (Promise::Holdings, "announces addresses without being master".to_owned()))
        }
        Effect::Report(event) => told(seen, local, event),
    }
}

fn told(seen: &mut Seen, local: Instant, event: &Event) -> Option<(Promise, String)> {
    match event {
        Event::Entered { instance, from, to, cause, priority, .. } => {
            let name = seen.plan.instances.get(instance).cloned().unwrap_or_default();
            seen.bounced |= *to == Phase::Backup && matches!(cause, Cause::HoldingLost);
            let watch = seen.watches.get_mut(instance)?;
            watch.priority = *priority;
            let wait_from = if *to == Phase::Backup { local.max(seen.free_at) } else { local };
            watch
                .entered(wait_from, *from, *to, *cause, seen.bounced)
                .map(|(promise, text)| (promise, format!("{name} {text}")))
        }
        Event::PriorityChanged { instance, to, .. } => {
            if let Some(watch) = seen.watches.get_mut(instance) {
                watch.priority = *to;
            }
            None
        }
        Event::HandingOver { instance, limit } => {
            if let Some(watch) = seen.watches.get_mut(instance).filter(|watch| watch.phase == Phase::Master) {
                watch.offers_until = Some(local + *limit);
            }
            seen.offered.push((*instance, *limit));
            None
        }
        // The kernel refuses, or may be asked again: the network is not at rest until that is settled.
        Event::FaultRaised { fault: Fault::Unheld, .. } | Event::FaultCleared { fault: Fault::Unheld, .. } => {
            seen.moved = true;
            None
        }
        // A removed instance ended its handover: the kernel takes its time from now on.
        Event::HandedOver { instance, .. } if !seen.watches.contains_key(instance) => {
            seen.moved = true;
            None
        }
        Event::HoldingsRefused { .. } => {
            seen.refused = true;
            None
        }
        Event::Stopped { instance, .. } | Event::Removed { instance, .. } => {
            seen.watches.remove(instance);
            None
        }
        _ => None,
    }
}

/// After a configuration: a new instance begins, another keeps what it knows and counts with the new numbers.
pub(super) fn retune(seen: &mut Seen, local: Instant) {
    for (instance, params) in &seen.plan.setup.instances {
        seen.watches.entry(*instance).or_insert_with(|| Watch::new(params.clone(), local, false));
    }
    for (instance, watch) in &mut seen.watches {
        if let Some(params) = seen.plan.setup.instances.get(instance) {
            watch.open |= watch.woke.is_some() && watch.params.interval != params.interval;
            let followed_own = watch.interval == watch.own_interval() || watch.phase == Phase::Master;
            watch.params = params.clone();
            if followed_own || params.version == Version::V2 {
                watch.interval = watch.own_interval();
            }
        }
        watch.grouped = seen.plan.setup.groups.values().any(|group| group.members.contains(instance));
    }
}

/// Whether effects of a reload take away an address the new configuration still wants.
pub(super) fn dropped(seen: &Seen, effects: &[Effect]) -> Option<(Promise, String)> {
    for effect in effects {
        let Effect::Hold(_, instance, wanted) = effect else { continue };
        let Some((watch, params)) = seen.watches.get(instance).zip(seen.plan.setup.instances.get(instance)) else {
            continue;
        };
        if joined_by_new(seen, *instance) {
            continue;
        }
        let kept = params
            .holdings
            .every_address()
            .filter(|held| watch.holds && watch.params.holdings.every_address().any(|before| before.ip == held.ip));
        for held in kept {
            if !wanted.every_address().any(|now| now.ip == held.ip) {
                return Some((Promise::Reload, format!("a reload drops {}", held.ip)));
            }
        }
    }
    None
}

/// Whether a reload brings its sync group a new member: a fault of that one is theirs from now on.
fn joined_by_new(seen: &Seen, instance: InstanceId) -> bool {
    let mut groups = seen.plan.setup.groups.values().filter(|group| group.members.contains(&instance));
    groups.any(|group| group.members.iter().any(|member| !seen.watches.contains_key(member)))
}

/// Time slept is not time listened: a backup that woke late may wait for one more advert.
pub(super) fn woke(seen: &mut Seen, local: Instant) {
    for watch in seen.watches.values_mut().filter(|watch| watch.phase == Phase::Backup) {
        watch.woke = Some(local);
    }
}

/// The daemon ends in good order: nothing it does from now on is a wait for a master.
pub(super) fn stop(seen: &mut Seen) {
    seen.watches.values_mut().for_each(|watch| watch.stopping = true);
}

/// What must hold whenever a turn is over.
pub(super) fn turn_ends(seen: &Seen, local: Instant, engine: &Engine, expired: bool) -> Option<(Promise, String)> {
    let mut latest: Option<(Instant, String)> = None;
    for (instance, watch) in &seen.watches {
        let name = seen.plan.instances.get(instance).map_or("?", String::as_str);
        let keeps = engine.is_handing_over(*instance);
        let found = watch.stands(local, engine.phase(*instance), keeps, expired);
        if let Some((promise, text)) = found {
            return Some((promise, format!("{name} {text}")));
        }
        if let Some(due) = watch.due().filter(|due| latest.as_ref().is_none_or(|(at, _)| due < at)) {
            latest = Some((due, name.to_owned()));
        }
    }
    if let Some(found) = groups_agree(seen) {
        return Some(found);
    }
    let planned = engine.deadline().map(|deadline| deadline.at);
    let (due, name) = latest?;
    planned.is_none_or(|planned| planned > due).then(|| {
        let late = planned.map_or("never".to_owned(), |planned| format!("{:?} late", planned.since(due)));
        (Promise::TakeOver, format!("{name} will act {late}"))
    })
}

/// The members of a group are all masters or none is, and all in fault or none is.
fn groups_agree(seen: &Seen) -> Option<(Promise, String)> {
    for (id, group) in &seen.plan.setup.groups {
        for phase in [Phase::Master, Phase::Fault] {
            let settled =
                group.members.iter().filter_map(|member| seen.watches.get(member)).filter(|watch| !watch.fresh);
            let phases: Vec<Phase> = settled.map(|watch| watch.phase).collect();
            let some = phases.contains(&phase);
            if some && phases.iter().any(|other| *other != phase) {
                let name = seen.plan.groups.get(id).map_or("?", String::as_str);
                return Some((Promise::Group, format!("group {name} is torn: {phases:?}")));
            }
        }
    }
    None
}

impl Watch {
    /// By when the instance must act by itself.
    fn due(&self) -> Option<Instant> {
        if self.stopping {
            return None;
        }
        match self.phase {
            Phase::Backup if !self.grouped && !self.open => {
                let skew = skew(self.params.version, self.interval, self.priority);
                let grace = self.woke.map(|woke| woke + self.interval + skew);
                Some(self.deadline().max(grace.unwrap_or_default()))
            }
            Phase::Master => {
                self.sent.map(|sent| (sent + self.own_interval()).max(self.offers_until.unwrap_or_default()))
            }
            Phase::Backup | Phase::Init | Phase::Fault => None,
        }
    }

    fn own_interval(&self) -> Duration {
        self.params.version.nearest_interval(self.params.interval)
    }

    fn stands(&self, local: Instant, phase: Option<Phase>, keeps: bool, expired: bool) -> Option<(Promise, String)> {
        if phase.is_some_and(|phase| phase != self.phase) {
            return Some((Promise::Bounded, format!("is in {phase:?} but told {:?}", self.phase)));
        }
        let overdue = expired && self.due().is_some_and(|due| due <= local);
        match self.phase {
            Phase::Master if self.sent.is_none() => {
                Some((Promise::Heard, "became master without an advert".to_owned()))
            }
            Phase::Master if overdue => Some((Promise::Heard, "is silent longer than its interval".to_owned())),
            Phase::Master if !self.holds && !self.params.holdings.is_empty() => {
                Some((Promise::Holdings, "is master and holds nothing".to_owned()))
            }
            Phase::Backup if overdue => {
                let by = self.due().map_or(Duration::ZERO, |due| local.since(due));
                Some((Promise::TakeOver, format!("waits {by:?} longer than the master-down time")))
            }
            Phase::Backup | Phase::Init | Phase::Fault if self.holds && !keeps => {
                Some((Promise::Holdings, "holds addresses without being master".to_owned()))
            }
            Phase::Master | Phase::Backup | Phase::Init | Phase::Fault => None,
        }
    }
}

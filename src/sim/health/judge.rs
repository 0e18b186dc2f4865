// SPDX-License-Identifier: MIT OR Apache-2.0
//! The judge of a world of load balancing. It follows every checker with the plainest counts there are and knows nothing
//! of how the engine comes to its decisions.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::layout::{Health, Layout};
use super::pages;
use crate::proto::Instant;
use crate::proto::health::{
    Cause, Change, Changes, CheckerId, CheckerParams, Effect, Engine, Event, How, Manner, ServerId, ServiceId, Setup,
    Timing, Verb, Verdict,
};

/// What is promised; docs/promises.md says it at length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Promise {
    /// H1: a server whose check fails is out in time.
    OutInTime,
    /// H2: a server whose checks are well is back in time.
    BackInTime,
    /// H3: at rest the table is what configuration and health say.
    Table,
    /// H4: what is told of a quorum, and of a server, alternates.
    Alternates,
    /// H5: no server goes or comes without a cause, least of all for a shortage of our own.
    Cause,
    /// H6: at rest nothing happens.
    Calm,
    /// H7: a reload that changes nothing does nothing.
    Reload,
    /// H8: work is bounded: one check at a time, one batch a turn.
    Bounded,
    /// H9: a stop leaves what was wanted, and nothing else.
    Stop,
}

impl Promise {
    pub fn number(self) -> usize {
        self as usize + 1
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    pub promise: Promise,
    pub at: Instant,
    pub text: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.at.as_nanos() as f64 / 1e9 - 1.0;
        write!(out, "H{} broken at {at:.3} s: {}", self.promise.number(), self.text)
    }
}

/// What is known of one checker, by what it was answered.
#[derive(Clone, Debug, Default)]
struct Record {
    /// Failures in a row.
    bad: u32,
    last: Option<bool>,
    /// It has told a result.
    told: bool,
    asked: Option<Asked>,
    /// It was answered since it was last armed.
    answered: bool,
    /// Since when it is definite what it finds, and what.
    since: Option<Since>,
}

#[derive(Clone, Copy, Debug)]
struct Since {
    at: Instant,
    good: bool,
    health: Health,
    /// It was asked regularly then, and not waiting for its first check.
    running: bool,
}

#[derive(Clone, Copy, Debug)]
struct Asked {
    stale: bool,
}

/// What an operator wants of a server.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wished {
    pub(super) weight: u32,
    pub(super) drain: bool,
}

#[derive(Debug)]
pub(super) struct Judge {
    pub(super) violation: Option<Violation>,
    pub(super) calm: bool,
    pub(super) stopping: bool,
    records: BTreeMap<CheckerId, Record>,
    servers: BTreeMap<ServerId, bool>,
    pub(super) services: BTreeMap<ServiceId, bool>,
    pub(super) wishes: BTreeMap<ServerId, Wished>,
    timeout: Duration,
    late: Duration,
    looked: Instant,
}

/// How often the judge looks whether servers are where they belong.
const LOOKS_EVERY: Duration = Duration::from_secs(1);

impl Judge {
    pub(super) fn new(layout: &Layout) -> Judge {
        Judge {
            violation: None,
            calm: false,
            stopping: false,
            records: BTreeMap::new(),
            servers: BTreeMap::new(),
            services: BTreeMap::new(),
            wishes: BTreeMap::new(),
            timeout: layout.timeout,
            late: layout.late,
            looked: Instant::ZERO,
        }
    }

    pub(super) fn break_promise(&mut self, at: Instant, promise: Promise, text: String) {
        self.violation.get_or_insert(Violation { promise, at, text });
    }

    /// What a check finds is another thing from now on.
    pub(super) fn becomes(&mut self, now: Instant, id: CheckerId, health: Health, setup: &Setup) {
        let Some(params) = setup.checkers.get(&id) else { return };
        let record = self.records.entry(id).or_default();
        record.since = definite(health, params).map(|good| match record.since {
            // Pages are asked for one after another: when another page goes bad, none that is bad may have been met.
            Some(since) if since.good == good && !(is_page(health) && since.health != health) => {
                Since { health, ..since }
            }
            Some(_) | None => Since { at: now, good, health, running: record.answered },
        });
    }

    /// Something went on that makes everything take longer.
    pub(super) fn disturbed(&mut self, now: Instant) {
        for record in self.records.values_mut() {
            record.answered = false;
            record.since = record.since.map(|since| Since { at: since.at.max(now), running: false, ..since });
        }
    }

    pub(super) fn reloaded(
        &mut self,
        now: Instant,
        old: &Setup,
        new: &Setup,
        changes: &Changes,
        truth: &BTreeMap<CheckerId, Health>,
    ) {
        for (id, change) in &changes.checkers {
            let Change::Set(params) = change else {
                self.records.remove(id);
                continue;
            };
            let record = self.records.entry(*id).or_default();
            let another = old.checkers.get(id).is_some_and(|old| old.revision != params.revision);
            if another {
                record.bad = 0;
                if let Some(asked) = &mut record.asked {
                    asked.stale = true;
                }
                if params.alpha {
                    record.told = false;
                    record.last = None;
                }
            }
            record.answered = false;
            let health = truth.get(id).copied().unwrap_or_default();
            record.since = definite(health, params).map(|good| Since { at: now, good, health, running: false });
            if let Some(verdict) = changes.readings.get(id) {
                self.told(*id, *verdict);
            }
        }
        if changes.services.is_empty() && changes.servers.is_empty() {
            return;
        }
        // What was down already goes without a word, and is another one when it comes again.
        self.services.retain(|id, up| *up || new.services.contains_key(id));
        self.servers.retain(|id, up| *up || new.servers.contains_key(id));
        self.disturbed(now);
        self.wishes.retain(|id, _| new.servers.contains_key(id));
    }

    pub(super) fn asked(&mut self, now: Instant, id: CheckerId, page: u16, setup: &Setup) {
        let Some(params) = setup.checkers.get(&id) else {
            self.break_promise(now, Promise::Bounded, format!("checker {} is asked, and does not exist", id.0));
            return;
        };
        let record = self.records.entry(id).or_default();
        let twice = record.asked.replace(Asked { stale: false }).is_some();
        let count = match &params.how {
            How::Asked(timing) => pages(timing.manner),
            How::Told => 0,
        };
        if twice || page >= count || self.stopping {
            let text = format!("checker {} is asked for page {page} of {count}, twice: {twice}", id.0);
            self.break_promise(now, Promise::Bounded, text);
        }
    }

    pub(super) fn answered(&mut self, _: Instant, id: CheckerId, verdict: Verdict, engine: &Engine, setup: &Setup) {
        let Some(params) = setup.checkers.get(&id) else { return };
        let service = setup.servers.get(&params.server).map(|server| server.service);
        let rests = service.and_then(|id| engine.service(id)).is_some_and(|service| service.suspended);
        let Some(record) = self.records.get_mut(&id) else { return };
        let Some(asked) = record.asked.take() else { return };
        if asked.stale || rests {
            return;
        }
        record.take(verdict);
    }

    pub(super) fn told(&mut self, id: CheckerId, verdict: Verdict) {
        let record = self.records.entry(id).or_default();
        record.take(verdict);
    }

    /// The work of one turn.
    pub(super) fn counts(&mut self, now: Instant, effects: &[Effect], setup: &Setup) {
        let batches = effects.iter().filter(|effect| matches!(effect, Effect::Balance(..))).count();
        let most = 16 + 8 * (setup.checkers.len() + setup.servers.len() + setup.services.len()) + 64;
        if batches > 1 || effects.len() > most {
            let text = format!("{} effects and {batches} batches in one turn", effects.len());
            self.break_promise(now, Promise::Bounded, text);
        }
        let twice = effects.iter().any(|effect| match effect {
            Effect::Balance(_, wanted) => wanted.iter().filter_map(|wanted| wanted.content.as_ref()).any(|content| {
                let mut known: Vec<_> = content.destinations.iter().map(|to| (to.address, to.port)).collect();
                known.sort_unstable();
                known.windows(2).any(|pair| pair.first() == pair.last())
            }),
            Effect::Probe(..) | Effect::Flush(_) | Effect::Report(_) => false,
        });
        if twice {
            self.break_promise(now, Promise::Table, "a destination stands twice".to_owned());
        }
    }

    pub(super) fn event(&mut self, now: Instant, event: &Event, verb: Option<Verb>, setup: &Setup) {
        match event {
            Event::Checker { checker, up, .. } => self.decided(now, *checker, *up, setup),
            Event::Server { server, up, cause, .. } => self.moved(now, *server, *up, *cause, setup),
            Event::Quorum { service, up, cause, .. } => {
                let before = self.services.insert(*service, *up);
                if before == Some(*up) {
                    let text = format!("virtual server {} is told to be up: {up} twice", service.0);
                    self.break_promise(now, Promise::Alternates, text);
                }
                if *cause == Cause::Removed {
                    self.services.remove(service);
                }
            }
            Event::WishOver { server } => {
                self.wishes.remove(server);
            }
            Event::Answered { .. } => self.order(verb),
            Event::CheckFailed { .. }
            | Event::NotChecked { .. }
            | Event::CheckedAgain { .. }
            | Event::Weight { .. }
            | Event::Sorry { .. }
            | Event::Suspended { .. }
            | Event::Resumed { .. }
            | Event::TableRefused { .. }
            | Event::TableUnavailable
            | Event::TableSettled
            | Event::TableDrifted
            | Event::Finished => {}
        }
        // Further attempts of a check that never gives up are logged, and change nothing.
        if self.calm && !matches!(event, Event::CheckFailed { .. }) {
            self.break_promise(now, Promise::Calm, format!("at rest something happens: {event:?}"));
        }
    }

    fn order(&mut self, verb: Option<Verb>) {
        match verb {
            Some(Verb::Drain { server, .. }) => {
                self.wishes.insert(server, Wished { weight: 0, drain: true });
            }
            Some(Verb::Weight { server, weight, .. }) => {
                self.wishes.insert(server, Wished { weight, drain: false });
            }
            Some(Verb::Restore { server }) => {
                self.wishes.remove(&server);
            }
            Some(Verb::Check { .. }) | None => {}
        }
    }

    fn decided(&mut self, now: Instant, id: CheckerId, up: bool, setup: &Setup) {
        let Some(params) = setup.checkers.get(&id) else { return };
        let record = self.records.entry(id).or_default();
        let needed = record.needed(params);
        record.told = true;
        let right = record.last == Some(up) && (up || record.bad >= needed);
        let text =
            format!("checker {} is up: {up} after {} failures of {needed}, last {:?}", id.0, record.bad, record.last);
        if !right {
            self.break_promise(now, Promise::Cause, text);
        }
    }

    fn moved(&mut self, now: Instant, id: ServerId, up: bool, cause: Cause, setup: &Setup) {
        let never = matches!(cause, Cause::NeverUp(_));
        let before = if never { None } else { self.servers.insert(id, up) };
        if before == Some(up) {
            self.break_promise(now, Promise::Alternates, format!("server {} is told to be up: {up} twice", id.0));
        }
        match cause {
            Cause::Removed => {
                self.servers.remove(&id);
            }
            Cause::Check(checker) | Cause::NeverUp(checker) => {
                let last = self.records.get(&checker).and_then(|record| record.last);
                let failed = |(id, params): (&CheckerId, &CheckerParams)| {
                    let record = self.records.get(id);
                    record.is_some_and(|record| record.last == Some(false) && record.bad >= record.needed(params))
                };
                let mut all = setup.checkers.iter().filter(|(_, params)| params.server == id);
                let right = last == Some(up) && !(up && all.any(failed));
                if !right {
                    let text = format!("server {} is up: {up}, and its checks say otherwise", id.0);
                    self.break_promise(now, Promise::Cause, text);
                }
            }
            Cause::Operator => {
                self.break_promise(now, Promise::Cause, format!("an operator moved server {}", id.0));
            }
            Cause::Start | Cause::Reload | Cause::Stop => {}
        }
    }

    /// Looks whether servers whose checks have been definite for long enough are where they belong.
    pub(super) fn look(&mut self, now: Instant, engine: &Engine, setup: &Setup, _: &Layout) {
        if now - self.looked < LOOKS_EVERY || self.stopping {
            return;
        }
        self.looked = now;
        for (id, params) in &setup.servers {
            let rests = engine.service(params.service).is_some_and(|service| service.suspended);
            let Some(view) = engine.server(*id).filter(|_| !rests) else { continue };
            let checkers = || setup.checkers.iter().filter(|(_, checker)| checker.server == *id);
            let out = checkers().any(|(id, params)| self.lasts(now, *id, params, false));
            let back = checkers().all(|(id, params)| self.lasts(now, *id, params, true));
            if out && view.up {
                self.break_promise(now, Promise::OutInTime, format!("server {} is still in", id.0));
            }
            if back && !view.up {
                self.break_promise(now, Promise::BackInTime, format!("server {} is still out", id.0));
            }
        }
    }

    /// Whether a check has found the same for as long as its bound.
    fn lasts(&self, now: Instant, id: CheckerId, params: &CheckerParams, good: bool) -> bool {
        let Some(record) = self.records.get(&id) else { return false };
        let Some(since) = record.since else { return false };
        let How::Asked(timing) = &params.how else { return since.good == good };
        let bound = bound_of(timing, self.timeout, self.late, good, since.running);
        since.good == good && now - since.at > bound
    }
}

impl Record {
    /// How many failures in a row make it fail.
    fn needed(&self, params: &CheckerParams) -> u32 {
        match &params.how {
            How::Told => 1,
            How::Asked(timing) => match timing.manner {
                Manner::Stubborn => timing.retry + 1,
                Manner::Plain | Manner::FromStart | Manner::Pages { .. } if self.told => timing.retry + 1,
                Manner::Plain | Manner::FromStart | Manner::Pages { .. } => 1,
            },
        }
    }

    fn take(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::Good(_) => {
                self.bad = 0;
                self.last = Some(true);
            }
            Verdict::Bad => {
                self.bad += 1;
                self.last = Some(false);
            }
            Verdict::NotChecked => return,
        }
        self.answered = true;
    }
}

fn is_page(health: Health) -> bool {
    matches!(health, Health::BadPage(_))
}

/// Whether a check will always find the same, and what.
fn definite(health: Health, params: &CheckerParams) -> Option<bool> {
    let count = match &params.how {
        How::Asked(timing) => pages(timing.manner),
        How::Told => 1,
    };
    match health {
        Health::Well => Some(true),
        Health::Refuses | Health::Hangs => Some(false),
        Health::BadPage(page) => Some(page >= count),
        Health::Lies | Health::Short => None,
    }
}

/// The longest until a checker knows: the check under way, an interval for each page, the further attempts or the
/// recovery, each with the time a check may take.
pub(super) fn bound_of(timing: &Timing, timeout: Duration, late: Duration, good: bool, running: bool) -> Duration {
    let one = timeout + late;
    let all = u32::from(pages(timing.manner));
    let wait = timing.delay_loop.max(timing.delay_before_retry) + Duration::from_secs(1);
    let begin = if running { Duration::ZERO } else { timing.warmup + Duration::from_secs(1) + late };
    let attempts = (timing.delay_before_retry + one) * (timing.retry + 1);
    let passes = if good { 2 } else { 1 };
    begin + one + (wait + one) * (all * passes) + attempts
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! One checker: when it is asked, and what its answers come to.

use std::time::Duration;

use super::params::{CheckerParams, How};
use super::types::{Manner, Timing, Verdict, Weight};
use crate::proto::Instant;

/// After a check that could not be made for a shortage of our own the next try is at least this far, so that we do not
/// add to the shortage; but never further than the interval between checks.
pub const SHORTAGE_PAUSE: Duration = Duration::from_secs(1);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Checker {
    pub(super) params: CheckerParams,
    pub(super) up: bool,
    /// It has given a result since it is what it is.
    ran: bool,
    /// In a row.
    failures: u32,
    /// The page to ask for.
    step: u16,
    /// While down: the page that failed is well again, and all of them are asked for once more.
    recovering: bool,
    /// What the last good result said about the weight.
    weight: Option<Weight>,
    /// The check that is under way.
    asked: Option<Asked>,
    /// Checks in a row that could not be made.
    missed: u32,
    pub(super) counters: Counters,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Asked {
    at: Instant,
    /// Its answer is about something that is not looked at any more.
    stale: bool,
}

/// What became of the checks of one checker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Counters {
    pub good: u64,
    pub bad: u64,
    /// Could not be made for a shortage of our own.
    pub not_checked: u64,
    /// Answers that came too late to matter: the check was changed, or suspended, meanwhile.
    pub stale: u64,
}

/// What an answer comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Judgement {
    /// The first result, or another one than before.
    pub(super) decided: Option<Decided>,
    /// A failure that does not count yet, and how many attempts are left.
    pub(super) attempts_left: Option<u32>,
    /// The first of some checks that could not be made.
    pub(super) shortage: bool,
    /// The first that could be made again, after so many.
    pub(super) shortage_over: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Decided {
    pub(super) first: bool,
    pub(super) changed: bool,
    pub(super) failures: u32,
}

impl Checker {
    pub(super) fn new(params: CheckerParams, up: bool) -> Checker {
        Checker {
            params,
            up,
            ran: false,
            failures: 0,
            step: 0,
            recovering: false,
            weight: None,
            asked: None,
            missed: 0,
            counters: Counters::default(),
        }
    }

    pub(super) fn timing(&self) -> Option<&Timing> {
        match &self.params.how {
            How::Asked(timing) => Some(timing),
            How::Told => None,
        }
    }

    /// What it adds to the weight of its server.
    pub(super) fn weight(&self) -> Option<Weight> {
        self.weight.filter(|_| self.up)
    }

    pub(super) fn is_asked(&self) -> bool {
        self.asked.is_some()
    }

    pub(super) fn failures(&self) -> u32 {
        self.failures
    }

    pub(super) fn page(&self) -> u16 {
        self.step
    }

    pub(super) fn has_run(&self) -> bool {
        self.ran
    }

    /// Begins a check; which page it is about. Nothing while one is under way.
    pub(super) fn ask(&mut self, now: Instant) -> Option<u16> {
        if self.asked.is_some() || self.timing().is_none() {
            return None;
        }
        self.asked = Some(Asked { at: now, stale: false });
        Some(self.step)
    }

    /// The answer that is under way does not matter any more.
    pub(super) fn disregard(&mut self) {
        if let Some(asked) = &mut self.asked {
            asked.stale = true;
        }
    }

    /// From now on something else is looked at: the state stays until that is known, unless it must be earned first.
    pub(super) fn begin_anew(&mut self) {
        self.disregard();
        self.failures = 0;
        self.step = 0;
        self.recovering = !self.up;
        if self.params.alpha {
            self.up = false;
            self.ran = false;
        }
    }

    /// Takes other parameters; what is looked at is the same.
    pub(super) fn retune(&mut self, params: CheckerParams) {
        self.params = params;
        self.step = self.step.min(self.pages().saturating_sub(1));
    }

    /// Takes the answer to a check; when the next one is due. `None` where the answer answers nothing.
    pub(super) fn answered(&mut self, now: Instant, verdict: Verdict) -> Option<(Judgement, Instant)> {
        let asked = self.asked.take()?;
        let timing = self.timing()?.clone();
        if asked.stale {
            self.counters.stale += 1;
            return Some((Judgement::default(), now));
        }
        let base = match timing.manner {
            Manner::FromStart => asked.at,
            Manner::Plain | Manner::Stubborn | Manner::Pages { .. } => now,
        };
        let mut judgement = Judgement::default();
        let wait = match verdict {
            Verdict::NotChecked => {
                self.counters.not_checked += 1;
                judgement.shortage = self.missed == 0;
                self.missed = self.missed.saturating_add(1);
                return Some((judgement, now + shortage_pause(&timing)));
            }
            Verdict::Good(weight) => self.good(weight, &timing, &mut judgement),
            Verdict::Bad => self.bad(&timing, &mut judgement),
        };
        judgement.shortage_over = self.shortage_over();
        Some((judgement, (base + wait).max(now)))
    }

    /// Takes what a checker that is told was told.
    pub(super) fn told(&mut self, verdict: Verdict) -> Judgement {
        let mut judgement = Judgement::default();
        match verdict {
            Verdict::NotChecked => {
                self.counters.not_checked += 1;
                judgement.shortage = self.missed == 0;
                self.missed = self.missed.saturating_add(1);
                return judgement;
            }
            Verdict::Good(weight) => {
                self.counters.good += 1;
                self.weight = weight;
                self.decide(true, &mut judgement);
            }
            Verdict::Bad => {
                self.counters.bad += 1;
                self.failures = 1;
                self.decide(false, &mut judgement);
            }
        }
        judgement.shortage_over = self.shortage_over();
        judgement
    }

    fn shortage_over(&mut self) -> Option<u32> {
        let missed = std::mem::take(&mut self.missed);
        (missed > 0).then_some(missed)
    }

    fn pages(&self) -> u16 {
        match self.timing().map(|timing| timing.manner) {
            Some(Manner::Pages { count, .. }) => count.max(1),
            Some(Manner::Plain | Manner::FromStart | Manner::Stubborn) | None => 1,
        }
    }

    fn good(&mut self, weight: Option<Weight>, timing: &Timing, judgement: &mut Judgement) -> Duration {
        self.counters.good += 1;
        self.failures = 0;
        if let Manner::Pages { fast, .. } = timing.manner {
            let hurry = fast && !(self.up && self.ran);
            // The page that had failed is well again: now all of them, from the first.
            let again = !self.up && self.ran && !self.recovering;
            self.recovering |= again;
            self.step = if again { 0 } else { self.step.saturating_add(1) };
            if again || self.step < self.pages() {
                return if hurry { Duration::ZERO } else { timing.delay_loop };
            }
            self.step = 0;
            self.recovering = false;
        }
        self.weight = weight;
        self.decide(true, judgement);
        timing.delay_loop
    }

    fn bad(&mut self, timing: &Timing, judgement: &mut Judgement) -> Duration {
        self.counters.bad += 1;
        self.failures = self.failures.saturating_add(1);
        self.recovering = false;
        let (tries, down_pause) = match timing.manner {
            Manner::Stubborn => (true, timing.delay_loop),
            Manner::Plain | Manner::FromStart => (self.up && self.ran, timing.delay_loop),
            Manner::Pages { .. } => (self.up && self.ran, timing.delay_loop.max(timing.delay_before_retry)),
        };
        if tries && self.failures <= timing.retry {
            judgement.attempts_left = Some(timing.retry - self.failures);
            return timing.delay_before_retry;
        }
        self.decide(false, judgement);
        self.failures = 0;
        down_pause
    }

    fn decide(&mut self, up: bool, judgement: &mut Judgement) {
        let (first, changed) = (!self.ran, self.up != up);
        self.ran = true;
        self.up = up;
        if !up {
            self.weight = None;
        }
        if first || changed {
            judgement.decided = Some(Decided { first, changed, failures: self.failures });
        }
    }
}

fn shortage_pause(timing: &Timing) -> Duration {
    timing.delay_before_retry.max(SHORTAGE_PAUSE).min(timing.delay_loop)
}

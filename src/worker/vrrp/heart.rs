// SPDX-License-Identifier: MIT OR Apache-2.0
//! The sign of life: how long our silence may last, and when to break it. Pure; moments are nanoseconds.

use std::time::Duration;

use crate::proto::vrrp::timing::least_skew;
use crate::proto::vrrp::{Params, Setup};

/// Whoever is silent for this part of the time the quickest peer waits is hung: what it holds must be gone before that
/// peer takes over.
const PATIENCE_PARTS: (u32, u32) = (3, 4);

/// A machine may be busy for as long without anybody being hung, however short the intervals are.
pub(super) const PATIENCE_LEAST: Duration = Duration::from_millis(250);

/// Long enough for the slowest virtual router; also how long we take at most to leave.
pub(super) const PATIENCE_MOST: Duration = Duration::from_secs(10);

/// Signs of life are so far apart at least, however many turns there are to give them in.
const PAUSE: Duration = Duration::from_millis(5);

/// How much of that time may pass before a turn is made only to give one.
const REST_PARTS: (u32, u32) = (3, 5);

/// So long before the end of that time a turn is made at the latest: a machine that is busy takes its time.
const MARGIN: Duration = Duration::from_millis(150);

#[derive(Debug)]
pub(super) struct Heart {
    patience: Duration,
    last: Option<u64>,
}

impl Heart {
    pub(super) fn new() -> Heart {
        Heart { patience: PATIENCE_MOST, last: None }
    }

    /// Other instances from now on: the next sign of life says so at once.
    pub(super) fn follow(&mut self, setup: &Setup) {
        let patience = patience(setup);
        if patience != self.patience {
            self.patience = patience;
            self.last = None;
        }
    }

    /// When a turn is needed for the sake of a sign of life, if none comes before for another reason. Adverts come often
    /// enough to spare it.
    pub(super) fn due(&self) -> u64 {
        let (part, of) = REST_PARTS;
        let long = (self.patience * part / of).min(self.patience.saturating_sub(MARGIN));
        self.last.map_or(0, |last| last.saturating_add(nanos(long)))
    }

    /// The patience to ask for, when it is time to.
    pub(super) fn beat(&mut self, now: u64) -> Option<Duration> {
        if self.last.is_some_and(|last| now < last.saturating_add(nanos(PAUSE))) {
            return None;
        }
        self.last = Some(now);
        Some(self.patience)
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn patience(setup: &Setup) -> Duration {
    patience_before(setup.instances.values().map(peers_wait).min())
}

/// With the quickest peer waiting for so long.
fn patience_before(shortest: Option<Duration>) -> Duration {
    let (part, of) = PATIENCE_PARTS;
    shortest.map_or(PATIENCE_MOST, |wait| (wait.saturating_mul(part) / of).clamp(PATIENCE_LEAST, PATIENCE_MOST))
}

/// How long the quickest possible peer of an instance waits for an advert.
fn peers_wait(params: &Params) -> Duration {
    let adverts = u32::from(params.down_timer_adverts);
    params.interval.saturating_mul(adverts).saturating_add(least_skew(params.version, params.interval))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_gives_a_sign_of_life_unless_there_was_one_just_now() {
        let mut heart = Heart::new();
        assert_eq!(heart.beat(1_000_000), Some(PATIENCE_MOST));
        assert_eq!(heart.beat(1_000_001), None);
        assert_eq!(heart.beat(1_000_000 + nanos(PAUSE)), Some(PATIENCE_MOST));
    }

    #[test]
    fn adverts_of_a_second_need_no_other_turns() {
        let mut heart = Heart { patience: patience_before(Some(Duration::from_secs(3))), last: None };
        assert_eq!(heart.due(), 0);
        assert!(heart.beat(1).is_some());
        assert!(heart.due() > nanos(Duration::from_millis(1200)));
    }

    #[test]
    fn a_short_patience_leaves_time_for_a_busy_machine() {
        let mut heart = Heart { patience: patience_before(Some(Duration::from_millis(30))), last: None };
        assert_eq!(heart.beat(1), Some(PATIENCE_LEAST));
        assert!(heart.due() <= 1 + nanos(PATIENCE_LEAST - MARGIN));
    }

    #[test]
    fn adverts_of_a_tenth_of_a_second_need_no_other_turns_either() {
        let mut heart = Heart { patience: patience_before(Some(Duration::from_millis(300))), last: None };
        assert!(heart.beat(1).is_some());
        assert!(heart.due() > nanos(Duration::from_millis(100)));
    }

    #[test]
    fn without_instances_nobody_is_in_a_hurry() {
        assert_eq!(patience(&Setup::default()), PATIENCE_MOST);
    }
}

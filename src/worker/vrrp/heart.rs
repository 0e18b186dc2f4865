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

/// So many signs of life in the time silence is borne.
const BEATS: u32 = 5;

#[derive(Debug)]
pub(super) struct Heart {
    patience: Duration,
    next: u64,
}

impl Heart {
    pub(super) fn new() -> Heart {
        Heart { patience: PATIENCE_MOST, next: 0 }
    }

    /// Other instances from now on: the next sign of life says so at once.
    pub(super) fn follow(&mut self, setup: &Setup) {
        let patience = patience(setup);
        if patience != self.patience {
            self.patience = patience;
            self.next = 0;
        }
    }

    /// How long until the next sign of life.
    pub(super) fn rest(&self, now: u64) -> Duration {
        Duration::from_nanos(self.next.saturating_sub(now))
    }

    /// The patience to ask for, when it is time to.
    pub(super) fn beat(&mut self, now: u64) -> Option<Duration> {
        if now < self.next {
            return None;
        }
        let pause = u64::try_from((self.patience / BEATS).as_nanos()).unwrap_or(u64::MAX);
        self.next = now.saturating_add(pause);
        Some(self.patience)
    }
}

fn patience(setup: &Setup) -> Duration {
    let (part, of) = PATIENCE_PARTS;
    let shortest = setup.instances.values().map(peers_wait).min();
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
    fn there_are_several_signs_of_life_within_the_patience() {
        let mut heart = Heart::new();
        assert_eq!(heart.beat(1_000_000), Some(PATIENCE_MOST));
        assert_eq!(heart.beat(1_000_001), None);
        assert_eq!(heart.rest(1_000_000), PATIENCE_MOST / BEATS);
    }

    #[test]
    fn without_instances_nobody_is_in_a_hurry() {
        assert_eq!(patience(&Setup::default()), PATIENCE_MOST);
    }
}

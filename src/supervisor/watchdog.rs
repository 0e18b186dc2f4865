// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whether a worker still goes round its loop. Pure; moments are nanoseconds of the boot-time clock.

use std::time::Duration;

use crate::kernel::pulse::PATIENCE_MAX;

/// How long a worker may take to read its configuration and prepare what it works with.
const START_PATIENCE: Duration = Duration::from_secs(30);

/// So much longer for each octet of it: a slow machine that does other things too reads 50 kB in a second.
const OCTET_PATIENCE: Duration = Duration::from_micros(20);

/// A silence that was too long is looked at again after this: where the whole machine stood still, the worker runs when we do.
const GRACE: Duration = Duration::from_millis(20);

/// How often in a row a silence is forgiven because we ourselves looked too late: the whole machine stood still then.
pub(super) const FORGIVEN_MAX: u32 = 4;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Watchdog {
    /// The last sign of life.
    last: u64,
    patience: u64,
    due: u64,
    forgiven: u32,
    /// The second look is the last.
    warned: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing to do before the next moment.
    Wait,
    /// It is hung.
    Hung,
}

impl Watchdog {
    /// A worker begins that has so many octets to read.
    pub(super) fn new(now: u64, octets: u64) -> Watchdog {
        let patience = nanos(START_PATIENCE).saturating_add(nanos(OCTET_PATIENCE).saturating_mul(octets));
        Watchdog { last: now, patience, due: now.saturating_add(patience), forgiven: 0, warned: false }
    }

    /// The worker lived at this moment, and said how long it may be silent. An older sign of life than the last says nothing.
    pub(super) fn heard(&mut self, at: u64, patience: Duration) {
        if at <= self.last {
            return;
        }
        self.last = at;
        self.patience = nanos(patience.min(PATIENCE_MAX));
        self.due = at.saturating_add(self.patience);
        (self.forgiven, self.warned) = (0, false);
    }

    /// When to look again.
    pub(super) fn due(&self) -> u64 {
        self.due
    }

    /// To be asked after everything the worker said was heard.
    pub(super) fn look(&mut self, now: u64) -> Verdict {
        if now < self.due {
            return Verdict::Wait;
        }
        // We slept through the moment ourselves, so the silence says nothing about the worker.
        let late = now - self.due > self.patience / 2;
        if late && self.forgiven < FORGIVEN_MAX {
            self.forgiven += 1;
            self.due = now.saturating_add(self.patience);
            return Verdict::Wait;
        }
        if !self.warned {
            self.warned = true;
            self.due = now.saturating_add(nanos(GRACE));
            return Verdict::Wait;
        }
        Verdict::Hung
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn heard_at_ten() -> Watchdog {
        let mut watchdog = Watchdog::new(0, 0);
        watchdog.heard(10 * SECOND, Duration::from_secs(2));
        watchdog
    }

    /// It is looked at then and once more.
    fn is_hung_at(watchdog: &mut Watchdog, at: u64) -> bool {
        let first = watchdog.look(at);
        first == Verdict::Wait
            && watchdog.due() == at + nanos(GRACE)
            && watchdog.look(watchdog.due() - 1) == Verdict::Wait
            && watchdog.look(watchdog.due()) == Verdict::Hung
    }

    #[test]
    fn a_start_may_take_longer_and_one_with_much_to_read_longer_still() {
        assert_eq!(Watchdog::new(5 * SECOND, 0).due(), 5 * SECOND + nanos(START_PATIENCE));
        assert_eq!(Watchdog::new(0, 5_000_000).due(), 100 * SECOND + nanos(START_PATIENCE));
    }

    #[test]
    fn silence_longer_than_its_patience_is_a_hang() {
        let mut watchdog = heard_at_ten();
        assert_eq!(watchdog.due(), 12 * SECOND);
        assert_eq!(watchdog.look(12 * SECOND - 1), Verdict::Wait);
        assert_eq!(watchdog.due(), 12 * SECOND);
        assert!(is_hung_at(&mut watchdog, 12 * SECOND));
    }

    #[test]
    fn a_sign_of_life_at_the_last_moment_counts() {
        let mut watchdog = heard_at_ten();
        assert_eq!(watchdog.look(12 * SECOND), Verdict::Wait);
        watchdog.heard(12 * SECOND + 1, Duration::from_secs(2));
        assert_eq!(watchdog.due(), 14 * SECOND + 1);
        assert!(is_hung_at(&mut watchdog, 14 * SECOND + 1));
    }

    #[test]
    fn a_sign_of_life_that_was_seen_before_prolongs_nothing() {
        let mut watchdog = heard_at_ten();
        watchdog.heard(10 * SECOND, Duration::from_secs(50));
        watchdog.heard(9 * SECOND, Duration::from_secs(50));
        assert!(is_hung_at(&mut watchdog, 12 * SECOND));
    }

    #[test]
    fn whoever_looks_too_late_looks_again() {
        let mut watchdog = heard_at_ten();
        assert_eq!(watchdog.look(20 * SECOND), Verdict::Wait);
        assert_eq!(watchdog.due(), 22 * SECOND);
        assert!(is_hung_at(&mut watchdog, 22 * SECOND));
    }

    #[test]
    fn forgiving_ends() {
        let mut watchdog = heard_at_ten();
        let mut now = 20 * SECOND;
        for _ in 0..FORGIVEN_MAX {
            assert_eq!(watchdog.look(now), Verdict::Wait);
            now = watchdog.due() + 10 * SECOND;
        }
        assert!(is_hung_at(&mut watchdog, now));
    }

    #[test]
    fn no_worker_can_ask_for_endless_patience() {
        let mut watchdog = Watchdog::new(0, 0);
        watchdog.heard(1, Duration::from_secs(86_400));
        assert_eq!(watchdog.due(), 1 + nanos(PATIENCE_MAX));
    }
}

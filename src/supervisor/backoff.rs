// SPDX-License-Identifier: MIT OR Apache-2.0
//! How long to wait before a worker that died is started again; what keepalived waits. Pure.

use std::time::Duration;

/// A worker that lived as long as this died of something else than its start.
pub(super) const LONG_LIFE: Duration = Duration::from_secs(60);

/// Seconds before each start after a short life; the last one stays.
const DELAYS: [u64; 8] = [0, 1, 2, 4, 8, 16, 32, 60];

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Backoff {
    short_lives: usize,
}

impl Backoff {
    /// A worker died that had lived this long.
    pub(super) fn after(&mut self, life: Duration) -> Duration {
        if life >= LONG_LIFE {
            self.short_lives = 0;
            return Duration::ZERO;
        }
        let delay = DELAYS.get(self.short_lives).or(DELAYS.last()).copied().unwrap_or_default();
        self.short_lives = self.short_lives.saturating_add(1).min(DELAYS.len());
        Duration::from_secs(delay)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_lives_are_followed_by_longer_and_longer_waits() {
        let mut backoff = Backoff::default();
        let waits: Vec<u64> = (0..10).map(|_| backoff.after(Duration::from_secs(1)).as_secs()).collect();
        assert_eq!(waits, [0, 1, 2, 4, 8, 16, 32, 60, 60, 60]);
    }

    #[test]
    fn after_a_long_life_it_starts_at_once_and_counts_anew() {
        let mut backoff = Backoff::default();
        for _ in 0..5 {
            backoff.after(Duration::ZERO);
        }
        assert_eq!(backoff.after(LONG_LIFE), Duration::ZERO);
        assert_eq!(backoff.after(Duration::ZERO), Duration::ZERO);
        assert_eq!(backoff.after(Duration::ZERO), Duration::from_secs(1));
    }
}

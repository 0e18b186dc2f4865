// SPDX-License-Identifier: MIT OR Apache-2.0
//! The only source of chance in a simulated world: a 64-bit counter stepped by a fixed odd number and scrambled.
//!
//! Equal seeds give equal worlds on every machine and in every build. Every part of a world draws from a stream of its
//! own, so that one part which draws once more or once less does not change what another part sees.

use std::time::Duration;

/// An odd constant close to 2^64 divided by the golden ratio: successive states are spread evenly.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// A seeded stream of numbers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Random {
    state: u64,
}

impl Random {
    pub fn new(seed: u64) -> Random {
        Random { state: scramble(seed ^ STEP) }
    }

    /// A stream for one purpose, independent of the streams for other purposes.
    pub fn stream(seed: u64, purpose: u64) -> Random {
        Random { state: scramble(seed).wrapping_add(scramble(purpose.wrapping_mul(STEP))) }
    }

    pub fn draw(&mut self) -> u64 {
        self.state = self.state.wrapping_add(STEP);
        scramble(self.state)
    }

    /// A number below `limit`; zero when the limit is zero.
    pub fn below(&mut self, limit: u64) -> u64 {
        // The high half of a 128-bit product: free of the bias towards small numbers that a remainder has.
        u64::try_from((u128::from(self.draw()) * u128::from(limit)) >> 64).unwrap_or(0)
    }

    /// A number from `least` to `most`, both included.
    pub fn between(&mut self, least: u64, most: u64) -> u64 {
        least.saturating_add(self.below(most.saturating_sub(least).saturating_add(1)))
    }

    /// A time from `least` to `most`.
    pub fn time(&mut self, least: Duration, most: Duration) -> Duration {
        Duration::from_nanos(self.between(nanos(least), nanos(most)))
    }

    /// True in `chance` cases of [`Chance::CERTAIN`].
    pub fn happens(&mut self, chance: Chance) -> bool {
        self.below(u64::from(Chance::CERTAIN.0)) < u64::from(chance.0)
    }

    /// True in one of `many` cases.
    pub fn one_in(&mut self, many: u64) -> bool {
        self.below(many) == 0
    }

    /// One of the values; the default value when there are none.
    pub fn pick<T: Copy + Default>(&mut self, values: &[T]) -> T {
        let at = usize::try_from(self.below(values.len() as u64)).unwrap_or(0);
        values.get(at).copied().unwrap_or_default()
    }
}

/// A probability in parts of ten thousand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Chance(pub u16);

impl Chance {
    pub const NEVER: Chance = Chance(0);
    pub const CERTAIN: Chance = Chance(10_000);

    pub const fn percent(percent: u16) -> Chance {
        Chance(percent * 100)
    }
}

impl std::fmt::Display for Chance {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.0 / 100, self.0 % 100) {
            (whole, 0) => write!(out, "{whole}%"),
            (whole, part) => write!(out, "{whole}.{part:02}%"),
        }
    }
}

fn scramble(mut value: u64) -> u64 {
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Timers as data: at most one moment per purpose. Nothing is cancelled, so nothing can fire late.

use std::time::Duration;

use super::{Instant, Why};

/// What a timer is for. The order of the purposes is the order in which timers due together fire.
pub trait Purpose: Copy + Ord {
    fn why(self) -> Why;
}

/// The timers of one thing. There are few, so they stand beside each other, the first purpose first.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Timers<P> {
    at: Vec<(P, Instant)>,
}

impl<P> Default for Timers<P> {
    fn default() -> Timers<P> {
        Timers { at: Vec::new() }
    }
}

impl<P: Purpose> Timers<P> {
    pub fn set(&mut self, purpose: P, at: Instant) {
        let place = self.at.partition_point(|(set, _)| *set < purpose);
        match self.at.get_mut(place) {
            Some((set, until)) if *set == purpose => *until = at,
            _ => self.at.insert(place, (purpose, at)),
        }
    }

    pub fn clear(&mut self, purpose: P) {
        self.at.retain(|(set, _)| *set != purpose);
    }

    /// Keeps only the timers of these purposes.
    pub fn keep_only(&mut self, purposes: &[P]) {
        self.at.retain(|(purpose, _)| purposes.contains(purpose));
    }

    pub fn get(&self, purpose: P) -> Option<Instant> {
        self.at.iter().find(|(set, _)| *set == purpose).map(|(_, at)| *at)
    }

    /// Shifts every timer so that it is as far from `by` earlier as it was from now.
    pub fn rebase(&mut self, by: Duration) {
        for (_, at) in &mut self.at {
            *at = at.back(by);
        }
    }

    /// The earliest timer; of several at the same moment the first purpose.
    pub fn earliest(&self) -> Option<(Instant, P)> {
        self.at.iter().map(|(purpose, at)| (*at, *purpose)).min()
    }

    /// Takes out the earliest timer that is due.
    pub fn take_due(&mut self, now: Instant) -> Option<P> {
        let (at, purpose) = self.earliest()?;
        if at > now {
            return None;
        }
        self.clear(purpose);
        Some(purpose)
    }
}

#[cfg(feature = "daemon")]
impl<P: serde::Serialize> serde::Serialize for Timers<P> {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.at.iter().map(|(purpose, at)| (purpose, at)))
    }
}

#[cfg(feature = "daemon")]
impl<'de, P: serde::Deserialize<'de> + Ord> serde::Deserialize<'de> for Timers<P> {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Timers<P>, D::Error> {
        let read = std::collections::BTreeMap::<P, Instant>::deserialize(from)?;
        Ok(Timers { at: read.into_iter().collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
    enum Meal {
        Breakfast,
        Dinner,
    }

    impl Purpose for Meal {
        fn why(self) -> Why {
            match self {
                Meal::Breakfast => "breakfast",
                Meal::Dinner => "dinner",
            }
        }
    }

    fn at(nanos: u64) -> Instant {
        Instant::from_nanos(nanos)
    }

    #[test]
    fn due_timers_come_in_order_of_time_and_then_of_purpose() {
        let mut timers = Timers::default();
        timers.set(Meal::Dinner, at(5));
        timers.set(Meal::Breakfast, at(5));
        assert_eq!(timers.take_due(at(4)), None);
        assert_eq!(timers.take_due(at(5)), Some(Meal::Breakfast));
        assert_eq!(timers.take_due(at(5)), Some(Meal::Dinner));
        assert_eq!(timers.take_due(at(5)), None);
    }

    #[test]
    fn setting_again_moves_a_timer() {
        let mut timers = Timers::default();
        timers.set(Meal::Dinner, at(5));
        timers.set(Meal::Dinner, at(9));
        assert_eq!(timers.earliest(), Some((at(9), Meal::Dinner)));
        timers.clear(Meal::Dinner);
        assert_eq!(timers.earliest(), None);
    }
}

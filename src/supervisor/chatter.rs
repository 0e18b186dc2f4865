// SPDX-License-Identifier: MIT OR Apache-2.0
//! How much is logged, where an operator wants it otherwise than the command line does. It outlives reloads and workers,
//! and ends with the daemon. Pure: the time is a parameter.

use std::time::Duration;

use crate::channel::LogLevel;
use crate::observe::log::Level;
use crate::observe::snapshot::Logging;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Chatter(Option<Wish>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Wish {
    level: LogLevel,
    until: Option<u64>,
}

impl Chatter {
    /// The operator wants this from now on, for so many seconds or until further notice.
    pub(super) fn want(&mut self, level: LogLevel, seconds: Option<u32>, now: u64) {
        let until = seconds.map(|seconds| now.saturating_add(u64::from(seconds) * 1_000_000_000));
        self.0 = (level != LogLevel::Default).then_some(Wish { level, until });
    }

    /// What counts.
    pub(super) fn level(&self) -> LogLevel {
        self.0.map_or(LogLevel::Default, |wish| wish.level)
    }

    /// When the command line counts again.
    pub(super) fn until(&self) -> Option<u64> {
        self.0.and_then(|wish| wish.until)
    }

    /// Whether the time of the wish is over; then it is forgotten.
    pub(super) fn is_over(&mut self, now: u64) -> bool {
        let over = self.until().is_some_and(|until| until <= now);
        if over {
            self.0 = None;
        }
        over
    }

    /// `usual`: what the command line says.
    pub(super) fn shown(&self, usual: Level, now: u64) -> Logging {
        let usual = if usual == Level::Debug { LogLevel::Detail } else { LogLevel::Normal };
        let level = match self.level() {
            LogLevel::Default => usual,
            other => other,
        };
        let left = |until: u64| Duration::from_nanos(until.saturating_sub(now)).as_secs_f64();
        Logging { level: word(level).to_owned(), usual: word(usual).to_owned(), ends_in: self.until().map(left) }
    }
}

pub(super) fn word(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Default => "default",
        LogLevel::Quiet => "quiet",
        LogLevel::Normal => "normal",
        LogLevel::Detail => "detail",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_counts_until_its_time_is_over_or_it_is_taken_back() {
        let mut chatter = Chatter::default();
        let shown = |chatter: &Chatter, now| {
            let Logging { level, usual, ends_in } = chatter.shown(Level::Info, now);
            (level, usual, ends_in)
        };
        let normal = ("normal".to_owned(), "normal".to_owned(), None);
        assert_eq!(shown(&chatter, 0), normal);
        chatter.want(LogLevel::Detail, Some(10), 1_000_000_000);
        assert_eq!(shown(&chatter, 3_000_000_000), ("detail".to_owned(), "normal".to_owned(), Some(8.0)));
        assert!(!chatter.is_over(10_999_999_999) && chatter.is_over(11_000_000_000));
        assert_eq!(shown(&chatter, 0), normal);
        chatter.want(LogLevel::Quiet, None, 0);
        assert!(!chatter.is_over(u64::MAX) && chatter.level() == LogLevel::Quiet);
        chatter.want(LogLevel::Default, Some(5), 0);
        assert_eq!((chatter.until(), shown(&chatter, 0)), (None, normal));
    }
}

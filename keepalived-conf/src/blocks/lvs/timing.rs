// SPDX-License-Identifier: MIT OR Apache-2.0
//! When a checker checks: the settings and rows of all checkers that check by themselves.

use std::sync::LazyLock;

use super::defaults::{BOOL, CONNECT_TIMEOUT, DELAY_LOOP};
use super::shared::Shared;
use crate::schema::{Keyword, Node, Setting, int, kw, long_seconds};
use std::time::Duration;

/// When a checker checks, and what counts.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Timing {
    pub delay_loop: Setting<Duration>,
    /// Not used by MISC_CHECK.
    pub connect_timeout: Setting<Duration>,
    pub retry: Setting<u32>,
    pub delay_before_retry: Setting<Duration>,
    pub warmup: Setting<Duration>,
    pub alpha: Setting<bool>,
    pub log_all_failures: Setting<bool>,
}

static BUILT_IN: LazyLock<Shared<Timing>> = LazyLock::new(|| {
    Shared::new(Timing {
        delay_loop: Setting::new(DELAY_LOOP),
        connect_timeout: Setting::new(CONNECT_TIMEOUT),
        retry: Setting::new(1),
        delay_before_retry: Setting::new(Duration::from_secs(1)),
        warmup: Setting::new(DELAY_LOOP),
        alpha: Setting::new(false),
        log_all_failures: Setting::new(false),
    })
});

impl Timing {
    /// Nothing written yet, kept once.
    pub(crate) fn built_in() -> Shared<Timing> {
        BUILT_IN.clone()
    }

    /// Takes over what was written in `other`.
    pub(crate) fn take_given(&mut self, other: &Timing) {
        fn take<T: Copy>(own: &mut Setting<T>, other: &Setting<T>) {
            if other.given() {
                own.set(*other.get());
            }
        }
        take(&mut self.delay_loop, &other.delay_loop);
        take(&mut self.connect_timeout, &other.connect_timeout);
        take(&mut self.retry, &other.retry);
        take(&mut self.delay_before_retry, &other.delay_before_retry);
        take(&mut self.warmup, &other.warmup);
        take(&mut self.alpha, &other.alpha);
        take(&mut self.log_all_failures, &other.log_all_failures);
    }

    /// Equal, and written in the same places too.
    pub(crate) fn same(&self, other: &Timing) -> bool {
        let given = |timing: &Timing| {
            (
                timing.delay_loop.given(),
                timing.connect_timeout.given(),
                timing.retry.given(),
                timing.delay_before_retry.given(),
                timing.warmup.given(),
                timing.alpha.given(),
                timing.log_all_failures.given(),
            )
        };
        given(self) == given(other) && self == other
    }
}

/// A block with the keywords of [`Timing`].
pub(crate) trait Timed: Node {
    fn timing(&mut self) -> &mut Timing;
}

/// The words that differ between the checkers' rows.
#[derive(Clone, Copy)]
pub(crate) struct Common {
    pub(crate) since: &'static str,
    pub(crate) since_log_all_failures: &'static str,
    pub(crate) retry: &'static str,
    pub(crate) delay_before_retry: &'static str,
}

impl Common {
    pub(crate) const OLD: Common = Common {
        since: "<2.0",
        since_log_all_failures: "2.0.11",
        retry: "the real server's, else 1",
        delay_before_retry: "the real server's, else 1",
    };
    /// Checkers that came with 2.1.0.
    pub(crate) const NEWER: Common = Common { since: "2.1.0", since_log_all_failures: "2.1.0", ..Common::OLD };
}

/// The rows of [`Timing`] without `connect_timeout`.
pub(crate) fn timing_rows<T: Timed>(common: &Common) -> Vec<Keyword<T>> {
    let row = |name| kw(name).since(common.since).otherwise("the line is ignored");
    vec![
        row("retry")
            .must(int(0, u32::MAX as i64))
            .default(common.retry)
            .doc("Further attempts before a failure counts; 0 for none.")
            .note("The first check after the start has no further attempt, except for SMTP_CHECK.")
            .set(|check: &mut T, args| {
                if let Some(retry) = args.num() {
                    check.timing().retry.set(retry);
                }
            }),
        row("delay_before_retry")
            .must(long_seconds(0.0))
            .default(common.delay_before_retry)
            .doc("Wait before a further attempt.")
            .set(|check: &mut T, args| {
                if let Some(wait) = args.time() {
                    check.timing().delay_before_retry.set(wait);
                }
            }),
        row("warmup")
            .must(long_seconds(0.0))
            .default("the real server's, else delay_loop")
            .doc("Longest random wait before the first check; 0 for none.")
            .note("The first check is never sooner than one second after the start.")
            .set(|check: &mut T, args| {
                if let Some(wait) = args.time() {
                    check.timing().warmup.set(wait);
                }
            }),
        row("delay_loop")
            .must(long_seconds(0.000_001))
            .default("the real server's")
            .doc("Interval between checks.")
            .set(|check: &mut T, args| {
                if let Some(interval) = args.time() {
                    check.timing().delay_loop.set(interval);
                }
            }),
        row("alpha").opt(BOOL).default("the real server's").doc("The check counts as failed until it succeeds.").set(
            |check: &mut T, args| {
                if let Some(on) = args.bool() {
                    check.timing().alpha.set(on);
                }
            },
        ),
        row("log_all_failures")
            .opt(BOOL)
            .default("off, or on where `checker_log_all_failures` is")
            .doc("Log every failure, even while attempts are left.")
            .since(common.since_log_all_failures)
            .set(|check: &mut T, args| {
                if let Some(on) = args.bool() {
                    check.timing().log_all_failures.set(on);
                }
            }),
    ]
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! What virtual servers hand down to real servers, and these to their checkers.

use std::sync::LazyLock;
use std::time::Duration;

use super::shared::Shared;
use crate::schema::{Keyword, Node, Setting, Shape, kw, long_seconds, seconds, strict_int};

pub(crate) const DELAY_LOOP: Duration = Duration::from_secs(60);
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest connection timeout, as a counter of microseconds with 32 bits holds it.
pub(crate) const CONNECT_TIMEOUT_MAX: f64 = 4294.967295;

/// Settings of a virtual or real server that its checkers take over. `None` means that each checker has a value of
/// its own kind.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Defaults {
    pub delay_loop: Setting<Duration>,
    pub connect_timeout: Setting<Duration>,
    pub retry: Setting<Option<u32>>,
    pub delay_before_retry: Setting<Option<Duration>>,
    pub warmup: Setting<Option<Duration>>,
    pub alpha: Setting<bool>,
    pub inhibit_on_failure: Setting<bool>,
}

impl Default for Defaults {
    fn default() -> Defaults {
        Defaults {
            delay_loop: Setting::new(DELAY_LOOP),
            connect_timeout: Setting::new(CONNECT_TIMEOUT),
            retry: Setting::new(None),
            delay_before_retry: Setting::new(None),
            warmup: Setting::new(None),
            alpha: Setting::new(false),
            inhibit_on_failure: Setting::new(false),
        }
    }
}

static BUILT_IN: LazyLock<Shared<Defaults>> = LazyLock::new(|| Shared::new(Defaults::default()));

impl Defaults {
    /// The built-in ones, kept once.
    pub(crate) fn built_in() -> Shared<Defaults> {
        BUILT_IN.clone()
    }

    pub(crate) fn is_built_in(defaults: &Shared<Defaults>) -> bool {
        defaults.is(&BUILT_IN)
    }

    /// The same values, none of them written by the operator at this level.
    pub(crate) fn handed_down(&self) -> Defaults {
        Defaults {
            delay_loop: Setting::new(*self.delay_loop),
            connect_timeout: Setting::new(*self.connect_timeout),
            retry: Setting::new(*self.retry),
            delay_before_retry: Setting::new(*self.delay_before_retry),
            warmup: Setting::new(*self.warmup),
            alpha: Setting::new(*self.alpha),
            inhibit_on_failure: Setting::new(*self.inhibit_on_failure),
        }
    }

    pub(crate) fn inherit(&mut self, from: &Defaults) {
        self.delay_loop.inherit(&from.delay_loop);
        self.connect_timeout.inherit(&from.connect_timeout);
        self.retry.inherit(&from.retry);
        self.delay_before_retry.inherit(&from.delay_before_retry);
        self.warmup.inherit(&from.warmup);
        self.alpha.inherit(&from.alpha);
        self.inhibit_on_failure.inherit(&from.inhibit_on_failure);
    }
}

/// A block with these settings.
pub(crate) trait HandsDown: Node {
    fn defaults(&mut self) -> &mut Defaults;
}

/// What stands in the rows of one level.
pub(crate) struct Level {
    pub(crate) retry: &'static str,
    pub(crate) delay_before_retry: &'static str,
    pub(crate) warmup: &'static str,
    pub(crate) connect_timeout: &'static str,
    pub(crate) delay_loop: &'static str,
    pub(crate) whose: &'static str,
}

/// `retry`, `delay_before_retry`, `warmup`, `connect_timeout` and `delay_loop` of a virtual or real server.
pub(crate) fn rows<T: HandsDown>(level: &Level) -> Vec<Keyword<T>> {
    let Level { retry, delay_before_retry, warmup, connect_timeout, delay_loop, whose } = *level;
    vec![
        kw("retry")
            .must(strict_int(1, u32::MAX as i64))
            .default(retry)
            .otherwise("the value stays as it was")
            .doc("Further attempts of a checker before a failure counts.")
            .note(whose)
            .since("<2.0")
            .set(|server: &mut T, args| {
                if let Some(retry) = args.num() {
                    server.defaults().retry.set(Some(retry));
                }
            }),
        kw("delay_before_retry")
            .must(long_seconds(0.0))
            .default(delay_before_retry)
            .otherwise("the value stays as it was")
            .doc("Wait before a further attempt.")
            .note(whose)
            .since("<2.0")
            .set(|server: &mut T, args| {
                if let Some(wait) = args.time() {
                    server.defaults().delay_before_retry.set(Some(wait));
                }
            }),
        kw("warmup")
            .must(long_seconds(0.0))
            .default(warmup)
            .otherwise("the value stays as it was")
            .doc("Longest random wait before the first check; 0 for none.")
            .note(whose)
            .since("<2.0")
            .set(|server: &mut T, args| {
                if let Some(wait) = args.time() {
                    server.defaults().warmup.set(Some(wait));
                }
            }),
        kw("connect_timeout")
            .must(seconds(6, 0.000_001, CONNECT_TIMEOUT_MAX))
            .default(connect_timeout)
            .otherwise("the value stays as it was")
            .doc("Time a checker allows for a connection, and for each answer.")
            .note(whose)
            .since("2.0.13")
            .set(|server: &mut T, args| {
                if let Some(timeout) = args.time() {
                    server.defaults().connect_timeout.set(timeout);
                }
            }),
        kw("delay_loop")
            .must(long_seconds(0.000_001))
            .default(delay_loop)
            .otherwise("the value stays as it was")
            .doc("Interval between checks.")
            .note(whose)
            .since("<2.0")
            .set(|server: &mut T, args| {
                if let Some(interval) = args.time() {
                    server.defaults().delay_loop.set(interval);
                }
            }),
    ]
}

/// A flag of a checked thing that may be switched off again.
pub(crate) const BOOL: Shape = Shape::Bool;

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Metrics of routes: sizes, windows, and times with their units.

use std::time::Duration;

use super::{BAD_VALUE, value_of};
use crate::diagnostic::{Class, Diagnostic};
use crate::syntax::Word;
use crate::value::{Args, NOT_A_NUMBER, OUT_OF_RANGE};

/// What the kernel is told about a path. `None` leaves it to the kernel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Metrics {
    pub mtu: Option<Metric<u32>>,
    pub advmss: Option<Metric<u32>>,
    pub reordering: Option<Metric<u32>>,
    pub cwnd: Option<Metric<u32>>,
    pub ssthresh: Option<Metric<u32>>,
    pub rtt: Option<Metric<Duration>>,
    pub rttvar: Option<Metric<Duration>>,
    pub rto_min: Option<Metric<Duration>>,
    pub window: Option<u32>,
    pub initcwnd: Option<u32>,
    pub initrwnd: Option<u32>,
    pub hoplimit: Option<u8>,
    /// `features ecn`.
    pub ecn: bool,
    pub quickack: Option<bool>,
    pub fastopen_no_cookie: Option<bool>,
    pub congctl: Option<Metric<String>>,
}

/// A value that the kernel must not change when it is locked.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Metric<T> {
    pub value: T,
    pub locked: bool,
}

/// Times outside these are brought back to them.
pub const TIME_MIN: Duration = Duration::from_millis(200);
pub const TIME_MAX: Duration = Duration::from_secs(120);

/// The options this file reads.
pub(super) const OPTIONS: &[&str] = &[
    "mtu",
    "advmss",
    "reordering",
    "cwnd",
    "ssthresh",
    "rtt",
    "rttvar",
    "rto_min",
    "window",
    "initcwnd",
    "initrwnd",
    "hoplimit",
    "features",
    "quickack",
    "fastopen_no_cookie",
    "congctl",
];

impl Metrics {
    /// Reads the value of one of [`OPTIONS`]. `None` leaves the entry out.
    pub(super) fn option<'s>(&mut self, args: &mut Args<'s, '_>, option: Word<'s>) -> Option<()> {
        match option.text {
            "mtu" => self.mtu = Some(lockable(args, option)?),
            "advmss" => self.advmss = Some(lockable(args, option)?),
            "reordering" => self.reordering = Some(lockable(args, option)?),
            "cwnd" => self.cwnd = Some(lockable(args, option)?),
            "ssthresh" => self.ssthresh = Some(lockable(args, option)?),
            "rtt" => self.rtt = Some(time(args, option, 8)?),
            "rttvar" => self.rttvar = Some(time(args, option, 4)?),
            "rto_min" => self.rto_min = Some(time(args, option, 1)?),
            "congctl" => {
                let (word, locked) = perhaps_locked(args, option)?;
                self.congctl = Some(Metric { value: word.text.to_owned(), locked });
            }
            _ => {
                let value = value_of(args, option, Class::MissingRequired)?;
                self.plain(args, option, value)?;
            }
        }
        Some(())
    }

    /// The options without `lock`.
    fn plain<'s>(&mut self, args: &mut Args<'s, '_>, option: Word<'s>, value: Word<'s>) -> Option<()> {
        let max = i64::from(u32::MAX);
        match option.text {
            "window" => self.window = Some(number(args, value, max)?),
            "initcwnd" => self.initcwnd = Some(number(args, value, max)?),
            "initrwnd" => self.initrwnd = Some(number(args, value, max)?),
            "hoplimit" => self.hoplimit = Some(number(args, value, 255)?),
            "quickack" => self.quickack = Some(number::<u8>(args, value, 1)? == 1),
            "fastopen_no_cookie" => self.fastopen_no_cookie = Some(number::<u8>(args, value, 1)? == 1),
            _ if value.text == "ecn" => self.ecn = true,
            _ => args.reject(BAD_VALUE, Class::General, value.span, "ignored: the only feature is `ecn`"),
        }
        Some(())
    }
}

fn number<'s, N: TryFrom<i64>>(args: &mut Args<'s, '_>, value: Word<'s>, max: i64) -> Option<N> {
    args.number_of(value, 0, max, true).and_then(|number| N::try_from(number).ok())
}

/// `[lock] VALUE`.
fn perhaps_locked<'s>(args: &mut Args<'s, '_>, option: Word<'s>) -> Option<(Word<'s>, bool)> {
    let word = value_of(args, option, Class::MissingRequired)?;
    if word.text != "lock" {
        return Some((word, false));
    }
    Some((value_of(args, word, Class::MissingRequired)?, true))
}

fn lockable<'s>(args: &mut Args<'s, '_>, option: Word<'s>) -> Option<Metric<u32>> {
    let (word, locked) = perhaps_locked(args, option)?;
    Some(Metric { value: number(args, word, i64::from(u32::MAX))?, locked })
}

/// A time with a unit; without one it counts in the kernel's own, of which `per_ms` make a millisecond.
fn time<'s>(args: &mut Args<'s, '_>, option: Word<'s>, per_ms: u32) -> Option<Metric<Duration>> {
    let (word, locked) = perhaps_locked(args, option)?;
    let start = word.text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(word.text.len());
    let (text, unit) = word.text.split_at(start);
    let number = Word { text, ..word };
    let value = match unit.to_ascii_lowercase().as_str() {
        "s" | "sec" | "secs" => args.decimal_of(number, 3, 3, true).map(Duration::from_millis),
        "ms" | "msec" | "msecs" => args.decimal_of(number, 0, 0, true).map(Duration::from_millis),
        "" => args
            .decimal_of(number, 0, 0, true)
            .map(|raw| Duration::from_micros(raw.saturating_mul(1000) / u64::from(per_ms))),
        _ => {
            args.reject(NOT_A_NUMBER, Class::General, word.span, "expected a number with s or ms after it");
            None
        }
    }?;
    let limit = if unit.is_empty() { TIME_MAX } else { TIME_MAX * per_ms };
    let finding = Diagnostic::error(OUT_OF_RANGE, format!("`{} {}` is out of range", option.text, word.text));
    let finding = finding.at(word.span, "expected a time from 200 ms to 120 s");
    if value > limit {
        args.push(finding.class(Class::InvalidNumber).note("then: the route is left out"));
        return None;
    }
    let bounded = value.clamp(TIME_MIN, TIME_MAX);
    if bounded != value {
        args.push(finding.note(format!("then: {bounded:?} is used")));
    }
    Some(Metric { value: bounded, locked })
}

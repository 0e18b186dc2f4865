// SPDX-License-Identifier: MIT OR Apache-2.0
//! A reload at a time that a file names: `reload_time_file`.
//!
//! The time of day counts, whatever happens to the clock meanwhile: nobody waits for longer than `LOOK_EVERY` without
//! looking at it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::house::Reloading;
use crate::kernel::clock::{self, Civil};
use crate::kernel::files;
use crate::kernel::inotify::Folder;
use crate::observe::log::Log;

/// A clock may step by so much before somebody notices.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// The folder of the file is tried again after this long when it cannot be watched.
const FOLDER_RETRY: Duration = Duration::from_secs(5);
/// The longest first line that can be a time.
const LINE_MAX: usize = 64;

#[derive(Debug)]
pub(super) struct Appointment {
    file: Option<PathBuf>,
    repeat: bool,
    folder: Option<Folder>,
    next: Option<When>,
    log: Log,
}

/// What the file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct When {
    at: Duration,
    /// Without a date: today, or tomorrow, and every day with `reload_repeat`.
    daily: bool,
}

impl Appointment {
    pub(super) fn of(reloading: &Reloading, log: &Log) -> Appointment {
        let mut appointment = Appointment { file: None, repeat: false, folder: None, next: None, log: log.clone() };
        appointment.follow(reloading);
        appointment
    }

    /// The file that counts from now on.
    pub(super) fn follow(&mut self, reloading: &Reloading) {
        self.repeat = reloading.repeat;
        if self.file != reloading.time_file {
            self.file.clone_from(&reloading.time_file);
            self.folder = None;
        }
        self.look();
    }

    /// Waits until it is time. Dropping the future loses nothing.
    pub(super) async fn kept(&mut self) {
        let Some(file) = self.file.clone() else { return std::future::pending().await };
        loop {
            if self.folder.is_none() {
                self.folder = Folder::watch(file.parent().unwrap_or(Path::new("/"))).ok();
                // What changed before it was watched.
                self.look();
            }
            let wall = clock::wall();
            if let Some(when) = self.next.filter(|when| when.at <= wall) {
                self.over(&file, when);
                return;
            }
            let rest = self.next.map_or(LOOK_EVERY, |when| (when.at - wall).min(LOOK_EVERY));
            match &mut self.folder {
                Some(folder) => tokio::select! {
                    changed = folder.changed() => match changed {
                        Ok(names) => {
                            if names.iter().any(|name| name.as_deref().is_none_or(|name| file.file_name() == Some(name))) {
                                self.look();
                            }
                        }
                        Err(_) => self.folder = None,
                    },
                    () = tokio::time::sleep(rest) => {}
                },
                None => tokio::time::sleep(rest.min(FOLDER_RETRY)).await,
            }
        }
    }

    fn over(&mut self, file: &Path, when: When) {
        self.next = None;
        if when.daily && self.repeat {
            self.look();
        } else if let Err(error) = files::remove(file) {
            self.log.warning(format_args!("{} cannot be removed: {error}", file.display()));
        }
    }

    fn look(&mut self) {
        let before = self.next.take();
        let Some(file) = &self.file else { return };
        let Ok(bytes) = files::read_start(file, LINE_MAX) else { return };
        let text = String::from_utf8_lossy(&bytes);
        let line = text.lines().next().unwrap_or_default();
        self.next = when(line, clock::wall());
        match self.next {
            None => {
                self.log.warning(format_args!("{} names no time: expected [[YY]YY-MM-DD ]HH:MM:SS[Z]", file.display()))
            }
            Some(_) if self.next == before => {}
            Some(when) => self.log.info(format_args!("reload at {}", clock::local_stamp(when.at))),
        }
    }
}

/// `HH:MM:SS`, `YY-MM-DD HH:MM:SS` or `YYYY-MM-DD HH:MM:SS`, with `Z` at its end for UTC. A time without a date that is
/// past means tomorrow's.
fn when(line: &str, now: Duration) -> Option<When> {
    let line = line.trim_end();
    let (line, utc) = line.strip_suffix('Z').map_or((line, false), |line| (line, true));
    let (date, time) = line.split_once(' ').map_or((None, line), |(date, time)| (Some(date), time));
    let [hour, minute, second] = numbers(time, ':', [2, 2, 2])?;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let today = clock::civil(now, utc);
    let small = |number: u16| u8::try_from(number).unwrap_or(u8::MAX);
    let at = |day: Civil| {
        let civil = Civil { hour: small(hour), minute: small(minute), second: small(second), ..day };
        clock::wall_of(civil, utc)
    };
    let Some(date) = date else {
        let at_today = at(today)?;
        let tomorrow = Civil { day: today.day + 1, ..today };
        return Some(When { at: if at_today > now { at_today } else { at(tomorrow)? }, daily: true });
    };
    let short = numbers(date, '-', [2, 2, 2]).map(|[year, month, day]| [year + 2000, month, day]);
    let [year, month, day] = short.or_else(|| numbers(date, '-', [4, 2, 2]))?;
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let at = at(Civil { year: year.into(), month: small(month), day: small(day), ..today })?;
    (at > now).then_some(When { at, daily: false })
}

/// Three numbers of exactly so many digits.
fn numbers(text: &str, between: char, digits: [usize; 3]) -> Option<[u16; 3]> {
    let mut parts = text.split(between);
    let mut numbers = [0; 3];
    for (number, digits) in numbers.iter_mut().zip(digits) {
        let part = parts.next().filter(|part| part.len() == digits && part.bytes().all(|c| c.is_ascii_digit()))?;
        *number = part.parse().ok()?;
    }
    parts.next().is_none().then_some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-29 12:00:00 UTC.
    const NOW: Duration = Duration::from_secs(1_795_953_600);
    const DAY: Duration = Duration::from_secs(86_400);

    fn seconds_from_now(line: &str) -> Option<(i64, bool)> {
        when(line, NOW).map(|when| (when.at.as_secs().cast_signed() - NOW.as_secs().cast_signed(), when.daily))
    }

    #[test]
    fn times_with_and_without_a_date_are_understood() {
        let table = [
            ("12:00:30Z", Some((30, true))),
            ("11:59:59Z\n", Some((DAY.as_secs().cast_signed() - 1, true))),
            ("26-11-29 12:01:00Z", Some((60, false))),
            ("2026-11-30 12:00:00Z", Some((86_400, false))),
            ("2026-12-01 00:00:00Z", Some((129_600, false))),
            ("2026-11-29 11:00:00Z", None),
            ("24:00:00Z", None),
            ("1:00:00Z", None),
            ("12:00Z", None),
            ("2026-13-01 00:00:00Z", None),
            ("soon", None),
            ("", None),
        ];
        for (line, expected) in table {
            assert_eq!(seconds_from_now(line), expected, "{line}");
        }
    }

    #[test]
    fn a_time_at_the_end_of_a_month_is_in_the_next_one() {
        let last_day = Duration::from_secs(1_796_040_000);
        let next = when("00:00:01Z", last_day).expect("a time");
        assert!(next.at > last_day && next.at - last_day < DAY);
    }
}

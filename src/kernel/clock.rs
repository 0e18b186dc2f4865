// SPDX-License-Identifier: MIT OR Apache-2.0
//! The clocks, and the alarm that wakes a worker.
//!
//! Deadlines are counted on the boot-time clock: it never steps back and it keeps running while the machine is suspended,
//! so a node that slept through its master's silence sees that it did.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::time::{TimeSpec, TimeValLike};
use nix::sys::timerfd::{ClockId as TimerClock, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use nix::time::{ClockId, clock_gettime};
use tokio::io::unix::AsyncFd;

use super::{Owner, watch};

/// Nanoseconds since the machine started, suspended time included.
pub fn now() -> u64 {
    nanoseconds(ClockId::CLOCK_BOOTTIME)
}

/// The moment so long after another one of that clock.
pub fn after(moment: u64, wait: Duration) -> u64 {
    moment.saturating_add(u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX))
}

/// Time since the Unix epoch; for logs and keyed adverts, never for deadlines.
pub fn wall() -> Duration {
    Duration::from_nanos(nanoseconds(ClockId::CLOCK_REALTIME))
}

/// Waits; for commands, never for the daemon.
pub fn pause(time: Duration) {
    std::thread::sleep(time);
}

/// A wall-clock time as log lines carry it, in the local time zone: `Sat Nov 21 12:00:00 2026`.
pub fn local_stamp(wall: Duration) -> String {
    let parts = local_parts(wall);
    format!(
        "{} {} {:2} {:02}:{:02}:{:02} {}",
        name_of(&DAYS, parts.tm_wday),
        name_of(&MONTHS, parts.tm_mon),
        parts.tm_mday,
        parts.tm_hour,
        parts.tm_min,
        parts.tm_sec,
        parts.tm_year.saturating_add(1900),
    )
}

/// A wall-clock time as mail carries it (RFC 5322 section 3.3), in the local time zone.
pub fn mail_stamp(wall: Duration) -> String {
    let parts = local_parts(wall);
    let ahead = parts.tm_gmtoff / 60;
    format!(
        "{}, {:02} {} {} {:02}:{:02}:{:02} {}{:02}{:02}",
        name_of(&DAYS, parts.tm_wday),
        parts.tm_mday,
        name_of(&MONTHS, parts.tm_mon),
        parts.tm_year.saturating_add(1900),
        parts.tm_hour,
        parts.tm_min,
        parts.tm_sec,
        if ahead < 0 { '-' } else { '+' },
        ahead.abs() / 60,
        ahead.abs() % 60,
    )
}

const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

fn name_of(names: &[&'static str], at: i32) -> &'static str {
    usize::try_from(at).ok().and_then(|at| names.get(at).copied()).unwrap_or("???")
}

#[allow(unsafe_code)]
fn local_parts(wall: Duration) -> libc::tm {
    let seconds = i64::try_from(wall.as_secs()).unwrap_or(i64::MAX);
    // SAFETY: a `tm` of zeros is a valid value of the plain C struct.
    let mut parts: libc::tm = unsafe { std::mem::zeroed() };
    // SAFETY: both pointers are to values that live for the call; nothing else reads the result.
    unsafe { libc::localtime_r(&raw const seconds, &raw mut parts) };
    parts
}

/// A day and a time of it, as calendars and clocks on walls show them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Civil {
    pub year: i32,
    pub month: u8,
    pub day: u8,
    pub hour: u8,
    pub minute: u8,
    pub second: u8,
}

/// What clocks show at a time: those here, or those of UTC.
#[allow(unsafe_code)]
pub fn civil(wall: Duration, utc: bool) -> Civil {
    let seconds = i64::try_from(wall.as_secs()).unwrap_or(i64::MAX);
    // SAFETY: a `tm` of zeros is a valid value of the plain C struct.
    let mut parts: libc::tm = unsafe { std::mem::zeroed() };
    let convert = if utc { libc::gmtime_r } else { libc::localtime_r };
    // SAFETY: both pointers are to values that live for the call; nothing else reads the result.
    unsafe { convert(&raw const seconds, &raw mut parts) };
    let small = |number: i32| u8::try_from(number).unwrap_or(0);
    Civil {
        year: parts.tm_year.saturating_add(1900),
        month: small(parts.tm_mon + 1),
        day: small(parts.tm_mday),
        hour: small(parts.tm_hour),
        minute: small(parts.tm_min),
        second: small(parts.tm_sec),
    }
}

/// When clocks show this. Days beyond the end of their month are those of the next one.
#[allow(unsafe_code)]
pub fn wall_of(civil: Civil, utc: bool) -> Option<Duration> {
    // SAFETY: a `tm` of zeros is a valid value of the plain C struct.
    let mut parts: libc::tm = unsafe { std::mem::zeroed() };
    parts.tm_year = civil.year.checked_sub(1900)?;
    parts.tm_mon = i32::from(civil.month) - 1;
    parts.tm_mday = civil.day.into();
    parts.tm_hour = civil.hour.into();
    parts.tm_min = civil.minute.into();
    parts.tm_sec = civil.second.into();
    // Whether clocks were put forward that day is for the library to say.
    parts.tm_isdst = -1;
    let convert = if utc { libc::timegm } else { libc::mktime };
    // SAFETY: the value lives for the call.
    let seconds = unsafe { convert(&raw mut parts) };
    u64::try_from(seconds).ok().map(Duration::from_secs)
}

fn nanoseconds(clock: ClockId) -> u64 {
    // Neither clock can fail on Linux, and neither is negative on a machine that works.
    clock_gettime(clock).map_or(0, |time| u64::try_from(time.num_nanoseconds()).unwrap_or(0))
}

/// A time no timer lives to see: in more than a century, and within what the library takes.
const FAR: i64 = i64::MAX / 2;

/// The one timer of a worker. tokio's own timers round up to the millisecond and add one; this one does not.
#[derive(Debug)]
pub struct Alarm {
    timer: AsyncFd<Timer>,
    set: Option<u64>,
}

impl Alarm {
    /// Needs a tokio runtime with I/O enabled.
    pub fn new() -> io::Result<Alarm> {
        let timer = TimerFd::new(TimerClock::CLOCK_BOOTTIME, TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC)?;
        Ok(Alarm { timer: watch(Timer(timer))?, set: None })
    }

    /// Rings once at `at` (nanoseconds of `now`), at once when that is past, never for `None`.
    pub fn set(&mut self, at: Option<u64>) -> io::Result<()> {
        if self.set == at {
            return Ok(());
        }
        match at {
            Some(at) => self.timer.get_ref().ring_at(at)?,
            None => self.timer.get_ref().0.unset()?,
        }
        self.set = at;
        Ok(())
    }

    /// Waits until the alarm rings. Dropping the future loses nothing.
    pub async fn rung(&mut self) -> io::Result<()> {
        loop {
            let mut guard = self.timer.readable().await?;
            let rung = self.timer.get_ref().0.wait();
            // It has rung once, and tells anew when it rings again.
            guard.clear_ready();
            if rung != Err(Errno::EAGAIN) {
                self.set = None;
                return Ok(rung?);
            }
        }
    }
}

impl AsFd for Alarm {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.timer.get_ref().0.as_fd()
    }
}

/// The alarm of another process, which we put off: it rings there when we have not done so for too long.
#[derive(Debug)]
pub struct Remote(Timer);

impl Remote {
    /// The one that was inherited.
    #[allow(unsafe_code)]
    pub fn from_inherited(descriptor: OwnedFd) -> Remote {
        // SAFETY: nothing is read or written through it but times, and the kernel refuses them where it is no timer.
        Remote(Timer(unsafe { TimerFd::from_owned_fd(descriptor) }))
    }

    /// It rings at `at` instead (nanoseconds of `now`).
    pub fn put_off(&self, at: u64) -> io::Result<()> {
        self.0.ring_at(at)
    }
}

/// The wall clock moved by less than this without anybody having set it: a leap second, or a machine that was suspended.
const STEP_LEAST: u64 = 2_000_000_000;

/// How the wall clock was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Forward(Duration),
    Back(Duration),
}

/// Notices when somebody sets the wall clock. The kernel tells at once, so nobody has to look from time to time.
#[derive(Debug)]
pub struct Setting {
    timer: AsyncFd<Timer>,
    /// The wall clock when the machine started, as both clocks said last. Slewing moves both alike.
    origin: i64,
}

impl Setting {
    /// Needs a tokio runtime with I/O enabled.
    pub fn watch() -> io::Result<Setting> {
        let timer = TimerFd::new(TimerClock::CLOCK_REALTIME, TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC)?;
        let never = Expiration::OneShot(TimeSpec::nanoseconds(FAR));
        timer.set(never, TimerSetTimeFlags::TFD_TIMER_ABSTIME | TimerSetTimeFlags::TFD_TIMER_CANCEL_ON_SET)?;
        Ok(Setting { timer: watch(Timer(timer))?, origin: origin() })
    }

    /// Waits until the wall clock was set. Dropping the future loses nothing.
    pub async fn stepped(&mut self) -> io::Result<Step> {
        loop {
            let mut guard = self.timer.readable().await?;
            // A timer that is cancelled by the clock reads as if it had rung, and waits for the next time.
            let told = guard.try_io(|timer| match timer.get_ref().0.wait() {
                Ok(()) => Ok(()),
                Err(Errno::EAGAIN) => Err(io::ErrorKind::WouldBlock.into()),
                Err(errno) => Err(errno.into()),
            });
            let Ok(told) = told else { continue };
            told?;
            let before = std::mem::replace(&mut self.origin, origin());
            if let Some(step) = step(before, self.origin) {
                return Ok(step);
            }
        }
    }
}

fn origin() -> i64 {
    let wall = nanoseconds(ClockId::CLOCK_REALTIME);
    wall.cast_signed().wrapping_sub(now().cast_signed())
}

fn step(before: i64, after: i64) -> Option<Step> {
    let by = after.wrapping_sub(before);
    let much = Duration::from_nanos(by.unsigned_abs());
    match by {
        _ if by.unsigned_abs() < STEP_LEAST => None,
        1.. => Some(Step::Forward(much)),
        _ => Some(Step::Back(much)),
    }
}

/// `AsyncFd` asks for the raw descriptor, which nix's timer does not show.
#[derive(Debug)]
struct Timer(TimerFd);

impl Timer {
    fn ring_at(&self, at: u64) -> io::Result<()> {
        // A time of zero would disarm the timer.
        let at = TimeSpec::nanoseconds(i64::try_from(at.max(1)).unwrap_or(FAR).min(FAR));
        Ok(self.0.set(Expiration::OneShot(at), TimerSetTimeFlags::TFD_TIMER_ABSTIME)?)
    }
}

impl Owner for Timer {}

impl AsRawFd for Timer {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::{Alarm, Remote, Setting, Step, mail_stamp, now, step, wall};
    use std::os::fd::AsFd;
    use std::time::Duration;

    #[test]
    fn boot_time_does_not_step_back() {
        let first = now();
        assert!(first > 0);
        assert!(now() >= first);
        assert!(wall() > Duration::from_secs(1_700_000_000));
    }

    #[test]
    fn mail_has_the_date_of_rfc_5322() {
        // In whatever zone this runs, it is one of these days.
        let stamp = mail_stamp(Duration::from_secs(1_795_953_600));
        let (date, zone) = stamp.rsplit_once(' ').unwrap();
        assert!(date.starts_with("Sun, 29 Nov 2026 ") || date.starts_with("Mon, 30 Nov 2026 "), "{stamp}");
        assert!(zone.len() == 5 && zone.starts_with(['+', '-']), "{stamp}");
    }

    #[tokio::test(flavor = "current_thread")]
    async fn whoever_has_an_alarms_descriptor_puts_it_off_or_brings_it_forward() {
        let mut alarm = Alarm::new().unwrap();
        let remote = Remote::from_inherited(alarm.as_fd().try_clone_to_owned().unwrap());
        let begun = now();
        alarm.set(Some(begun + 20_000_000)).unwrap();
        remote.put_off(begun + 60_000_000).unwrap();
        alarm.rung().await.unwrap();
        assert!(now() >= begun + 60_000_000);
        alarm.set(Some(now() + 3_600_000_000_000)).unwrap();
        remote.put_off(now() + 1_000_000).unwrap();
        alarm.rung().await.unwrap();
    }

    #[tokio::test(flavor = "current_thread")]
    async fn alarm_rings_at_its_time_and_not_before() {
        let mut alarm = Alarm::new().unwrap();
        let at = now() + 2_000_000;
        alarm.set(Some(at)).unwrap();
        alarm.rung().await.unwrap();
        assert!(now() >= at);
    }

    #[tokio::test(flavor = "current_thread")]
    async fn alarm_set_in_the_past_rings_at_once_each_time() {
        let mut alarm = Alarm::new().unwrap();
        for at in [0, 1, now()] {
            alarm.set(Some(at)).unwrap();
            alarm.rung().await.unwrap();
        }
    }

    #[tokio::test(flavor = "current_thread")]
    async fn alarm_moved_forward_takes_the_earlier_time() {
        let mut alarm = Alarm::new().unwrap();
        alarm.set(Some(u64::MAX)).unwrap();
        alarm.set(Some(now() + 1_000_000)).unwrap();
        alarm.rung().await.unwrap();
    }

    #[test]
    fn a_clock_that_was_set_is_told_from_one_that_was_corrected_a_little() {
        let second = 1_000_000_000;
        assert_eq!(step(0, second), None);
        assert_eq!(step(5 * second, 4 * second), None);
        assert_eq!(step(-second, 3599 * second), Some(Step::Forward(Duration::from_secs(3600))));
        assert_eq!(step(3600 * second, 0), Some(Step::Back(Duration::from_secs(3600))));
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_clock_that_nobody_sets_is_not_told_of() {
        let mut setting = Setting::watch().unwrap();
        let waited = tokio::time::timeout(Duration::from_millis(20), setting.stepped()).await;
        assert!(waited.is_err());
    }
}

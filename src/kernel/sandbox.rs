// SPDX-License-Identifier: MIT OR Apache-2.0
//! How the kernel treats this process: when it may run, whether its memory may be taken away, and what it may do.
//!
//! Programs we start are none of this: they run as the daemon was started, see [`Original`].

use std::io;
use std::sync::OnceLock;
use std::time::Duration;

use caps::{CapSet, Capability, CapsHashSet};
use nix::errno::Errno;
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit, setrlimit};
use nix::unistd::Pid;

/// Descriptors a worker may open: two sockets for each of some thousand instances, and as many probes.
const DESCRIPTORS_MAX: u64 = 65_536;

/// The priorities of SCHED_RR on Linux.
pub const REALTIME_MIN: u8 = 1;
pub const REALTIME_MAX: u8 = 99;

/// How a process is to be scheduled and kept in memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schedule {
    pub nice: i8,
    /// SCHED_RR at this priority; goes before `nice`.
    pub realtime: Option<u8>,
    /// How long it may compute without a pause under SCHED_RR.
    pub realtime_limit: Option<Duration>,
    /// Nothing of its memory is swapped out once it was used.
    pub locked: bool,
    /// The processors it may use; empty for all.
    pub processors: Vec<u16>,
    /// A process that is late gives itself one step more, up to this priority.
    pub raised_to: Option<u8>,
    /// How late it must be for that.
    pub late: Duration,
}

/// A setting the kernel refused.
#[derive(Debug)]
pub struct Unmet {
    pub what: &'static str,
    pub error: io::Error,
}

impl Schedule {
    /// Applies what differs from `before`; without it, what differs from how a process starts.
    pub fn apply(&self, before: Option<&Schedule>) -> Vec<Unmet> {
        let usual = Schedule::default();
        let before = before.unwrap_or(&usual);
        let mut unmet = Vec::new();
        let mut demand = |what, met: io::Result<()>| {
            if let Err(error) = met {
                unmet.push(Unmet { what, error });
            }
        };
        original();
        if self.processors != before.processors {
            demand("the processors it may use", use_processors(&self.processors));
        }
        if self.nice != before.nice {
            demand("its nice value", set_nice(self.nice.into()));
        }
        if self.realtime != before.realtime {
            demand("its real-time priority", set_realtime(self.realtime));
        }
        let limit = |schedule: &Schedule| schedule.realtime_limit.filter(|_| schedule.is_realtime());
        if limit(self) != limit(before) {
            demand("the limit of its real-time computing", set_realtime_limit(limit(self)));
        }
        if self.locked != before.locked {
            demand("keeping its memory from being swapped out", lock_memory(self.locked));
        }
        unmet
    }

    fn is_realtime(&self) -> bool {
        self.realtime.is_some() || self.raised_to.is_some()
    }

    /// One step up for a process that was late by `by`; the new priority, when there is one.
    pub fn raise(&mut self, by: Duration) -> Option<io::Result<u8>> {
        let most = self.raised_to.filter(|_| by >= self.late)?;
        let next = self.realtime.map_or(REALTIME_MIN, |now| now.saturating_add(1));
        if next > most {
            return None;
        }
        Some(set_realtime(Some(next)).map(|()| {
            self.realtime = Some(next);
            next
        }))
    }
}

fn result(answer: libc::c_int) -> io::Result<()> {
    if answer == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

fn use_processors(processors: &[u16]) -> io::Result<()> {
    let Some(original) = &original().processors else { return Ok(()) };
    if processors.is_empty() {
        return Ok(sched_setaffinity(Pid::from_raw(0), original)?);
    }
    let mut set = CpuSet::new();
    for processor in processors {
        set.set(usize::from(*processor))?;
    }
    Ok(sched_setaffinity(Pid::from_raw(0), &set)?)
}

#[allow(unsafe_code)]
fn set_nice(nice: i32) -> io::Result<()> {
    // SAFETY: numbers only.
    result(unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, nice) })
}

/// SCHED_RR, or the ordinary class again. What we start is ordinary in any case.
#[allow(unsafe_code)]
fn set_realtime(priority: Option<u8>) -> io::Result<()> {
    let class = if priority.is_some() { libc::SCHED_RR } else { libc::SCHED_OTHER };
    let class = libc::c_long::from(class | libc::SCHED_RESET_ON_FORK);
    // All that the kernel reads of the parameters.
    let priority = libc::c_int::from(priority.unwrap_or(0));
    // The kernel's own call: the function of this name always refuses in musl.
    // SAFETY: the number lives for the call.
    match unsafe { libc::syscall(libc::SYS_sched_setscheduler, 0_u32, class, &raw const priority) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// A warning signal, which is logged by nobody here, comes at half of it; the end at all of it.
fn set_realtime_limit(limit: Option<Duration>) -> io::Result<()> {
    let most = limit.map_or(RLIM_INFINITY, |limit| u64::try_from(limit.as_micros()).unwrap_or(u64::MAX));
    let soft = if limit.is_some() { most / 2 } else { most };
    Ok(setrlimit(Resource::RLIMIT_RTTIME, soft, most)?)
}

#[allow(unsafe_code)]
fn lock_memory(locked: bool) -> io::Result<()> {
    if !locked {
        // SAFETY: no arguments.
        return result(unsafe { libc::munlockall() });
    }
    // SAFETY: numbers only.
    let gently = result(unsafe { libc::mlockall(libc::MCL_CURRENT | libc::MCL_FUTURE | libc::MCL_ONFAULT) });
    // Kernels before 4.4 know only the eager form.
    gently.or_else(|_| {
        // SAFETY: numbers only.
        result(unsafe { libc::mlockall(libc::MCL_CURRENT | libc::MCL_FUTURE) })
    })
}

/// How this process was started, and how programs we start are to run again.
#[derive(Clone, Debug)]
pub struct Original {
    nice: i32,
    processors: Option<CpuSet>,
    /// Soft and hard.
    limits: Vec<(Resource, u64, u64)>,
}

/// Taken before the first change, and kept.
#[allow(unsafe_code)]
pub fn original() -> &'static Original {
    static ORIGINAL: OnceLock<Original> = OnceLock::new();
    ORIGINAL.get_or_init(|| {
        let limits = [Resource::RLIMIT_RTTIME, Resource::RLIMIT_CORE, Resource::RLIMIT_NOFILE];
        Original {
            // SAFETY: numbers only.
            nice: unsafe { libc::getpriority(libc::PRIO_PROCESS, 0) },
            processors: sched_getaffinity(Pid::from_raw(0)).ok(),
            limits: limits
                .into_iter()
                .filter_map(|which| getrlimit(which).ok().map(|(soft, hard)| (which, soft, hard)))
                .collect(),
        }
    })
}

impl Original {
    /// Gives a process that was just forked from this one back what it would have had. Makes system calls only, so it may
    /// run between fork and exec.
    #[allow(unsafe_code)]
    pub fn restore(&self) {
        // Whatever is refused was not changed by us either: it takes the same rights both ways.
        if let Some(processors) = &self.processors {
            let _ = sched_setaffinity(Pid::from_raw(0), processors);
        }
        // SAFETY: numbers only.
        if unsafe { libc::getpriority(libc::PRIO_PROCESS, 0) } != self.nice {
            let _ = set_nice(self.nice);
        }
        for (which, soft, hard) in &self.limits {
            let _ = setrlimit(*which, *soft, *hard);
        }
    }
}

/// Lets this process open as many files as the system allows it to, within reason, and says how many that is. Programs it
/// starts have the limit it was started with.
pub fn raise_descriptor_limit() -> io::Result<u64> {
    original();
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    let wanted = hard.min(DESCRIPTORS_MAX).max(soft);
    if wanted > soft {
        setrlimit(Resource::RLIMIT_NOFILE, wanted, hard)?;
    }
    Ok(wanted)
}

/// Lets this process and its workers leave core files of any size.
pub fn allow_core_files() -> io::Result<()> {
    original();
    Ok(setrlimit(Resource::RLIMIT_CORE, RLIM_INFINITY, RLIM_INFINITY)?)
}

/// The kernel's pattern for the names of core files, changed until this is dropped.
#[derive(Debug)]
pub struct CorePattern {
    before: Vec<u8>,
}

const CORE_PATTERN: &str = "/proc/sys/kernel/core_pattern";
/// The kernel keeps 128 octets.
const CORE_PATTERN_MAX: u64 = 256;

impl CorePattern {
    pub fn set(pattern: &str) -> io::Result<CorePattern> {
        let before = super::files::read(CORE_PATTERN.as_ref(), CORE_PATTERN_MAX)?;
        std::fs::write(CORE_PATTERN, pattern)?;
        Ok(CorePattern { before })
    }
}

impl Drop for CorePattern {
    fn drop(&mut self) {
        let _ = std::fs::write(CORE_PATTERN, &self.before);
    }
}

/// What a worker may have to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Deeds {
    /// Addresses, routes, links, filters, the IPVS table, and packets of its own making.
    pub network: bool,
    /// Programs under other accounts.
    pub programs: bool,
    /// Files of other accounts, and pipes that are made for them.
    pub files: bool,
    /// Another schedule, and memory that stays.
    pub schedule: bool,
    /// Command lines of all processes.
    pub processes: bool,
    /// Sockets in another network namespace.
    pub elsewhere: bool,
}

impl Deeds {
    fn capabilities(self) -> CapsHashSet {
        let network = [Capability::CAP_NET_ADMIN, Capability::CAP_NET_RAW, Capability::CAP_NET_BIND_SERVICE];
        let programs = [Capability::CAP_SETUID, Capability::CAP_SETGID, Capability::CAP_KILL];
        let files = [Capability::CAP_CHOWN, Capability::CAP_DAC_OVERRIDE, Capability::CAP_FOWNER];
        let schedule = [Capability::CAP_SYS_NICE, Capability::CAP_IPC_LOCK, Capability::CAP_SYS_RESOURCE];
        let processes = [Capability::CAP_SYS_PTRACE, Capability::CAP_DAC_READ_SEARCH];
        let elsewhere = [Capability::CAP_SYS_ADMIN];
        let parts: [(bool, &[Capability]); 6] = [
            (self.network, &network),
            (self.programs, &programs),
            (self.files, &files),
            (self.schedule, &schedule),
            (self.processes, &processes),
            (self.elsewhere, &elsewhere),
        ];
        parts.into_iter().filter(|(needed, _)| *needed).flat_map(|(_, some)| some.iter().copied()).collect()
    }

    /// Puts out of force every capability these deeds do not take, and gives up for good those that `ever` does not take.
    /// Programs that are started as root have theirs. Holds for the thread that calls this, and those it starts.
    pub fn limit_ourselves(self, ever: Deeds) -> io::Result<()> {
        let had = caps::read(None, CapSet::Permitted).map_err(io::Error::other)?;
        let kept = |deeds: Deeds| -> CapsHashSet { had.intersection(&deeds.capabilities()).copied().collect() };
        // What is in force must be among what is permitted at every moment.
        caps::set(None, CapSet::Effective, &kept(self)).map_err(io::Error::other)?;
        caps::set(None, CapSet::Permitted, &kept(ever)).map_err(io::Error::other)
    }
}

/// Whether an error means that a right is missing.
pub fn is_about_rights(error: &io::Error) -> bool {
    matches!(error.raw_os_error().map(Errno::from_raw), Some(Errno::EPERM | Errno::EACCES))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ordinary_schedule_asks_for_nothing() {
        assert!(Schedule::default().apply(None).is_empty());
    }

    #[test]
    fn a_process_that_is_late_rises_no_further_than_it_may() {
        let mut schedule = Schedule { raised_to: Some(0), late: Duration::from_secs(1), ..Schedule::default() };
        assert!(schedule.raise(Duration::from_secs(2)).is_none(), "it may not rise at all");
        schedule.raised_to = Some(5);
        assert!(schedule.raise(Duration::from_millis(999)).is_none(), "it was not late enough");
        schedule.realtime = Some(5);
        assert!(schedule.raise(Duration::from_secs(2)).is_none(), "it is there already");
    }

    #[test]
    fn deeds_take_what_they_need_and_nothing_else() {
        let network = Deeds { network: true, ..Deeds::default() }.capabilities();
        assert!(network.contains(&Capability::CAP_NET_RAW) && !network.contains(&Capability::CAP_SETUID));
        let all =
            Deeds { network: true, programs: true, files: true, schedule: true, processes: true, elsewhere: false };
        let all = all.capabilities();
        assert!(!all.contains(&Capability::CAP_SYS_ADMIN) && !all.contains(&Capability::CAP_SYS_MODULE));
        assert!(Deeds::default().capabilities().is_empty());
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Names, priorities and limits of the daemon's processes.

use std::time::Duration;

use super::umask::umask;
use super::{Global, NAME_TOO_LONG};
use crate::diagnostic::Class;
use crate::environment::Answer;
use crate::schema::{Keyword, Setting, Shape, Status, int, kw, strict_int};
use crate::value::{Args, OUT_OF_RANGE};

/// The longest name the kernel keeps for a process.
pub const PROCESS_NAME_MAX: usize = 15;

/// The highest SCHED_RR priority on Linux.
pub const RT_PRIORITY_MAX: u8 = 99;

/// The largest number of processors a set can name.
const PROCESSORS_MAX: i64 = 1024;

#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Processes {
    /// The children get names of their own.
    pub named: bool,
    pub supervisor_name: Setting<String>,
    pub vrrp: Process,
    pub checker: Process,
    pub bfd: Process,
    /// The highest real-time priority a process gives itself when it finds itself late; 0 never, -1 never and no hint.
    pub max_auto_priority: Setting<i8>,
    /// How late it must be for that.
    pub min_auto_priority_delay: Setting<Duration>,
    pub umask: Setting<u32>,
    pub random_seed: Option<u32>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Process {
    pub name: Setting<String>,
    pub nice: i8,
    pub no_swap: bool,
    /// SCHED_RR at this priority.
    pub rt_priority: Option<u8>,
    /// The processors it may use, in order; empty for all.
    pub processors: Vec<u16>,
    /// How long it may compute without a pause under real-time scheduling.
    pub rt_time_limit: Setting<Option<Duration>>,
}

impl Default for Process {
    fn default() -> Process {
        Process {
            name: Setting::new("keepalived".to_owned()),
            nice: 0,
            no_swap: false,
            rt_priority: None,
            processors: Vec::new(),
            rt_time_limit: Setting::new(Some(Duration::from_millis(10))),
        }
    }
}

impl Default for Processes {
    fn default() -> Processes {
        Processes {
            named: false,
            supervisor_name: Setting::new("keepalived".to_owned()),
            vrrp: Process::default(),
            checker: Process::default(),
            bfd: Process::default(),
            max_auto_priority: Setting::new(0),
            min_auto_priority_delay: Setting::new(Duration::from_secs(1)),
            umask: Setting::new(0o177),
            random_seed: None,
        }
    }
}

/// The rows that exist once for each process.
macro_rules! scheduling {
    (
        $process:ident, $what:literal, priority $priority:literal, no_swap $no_swap:literal,
        rt_priority $rt_priority:literal, affinity $affinity:literal, rttime $rttime:literal, rtime $rtime:literal,
        since [$priority_since:literal, $affinity_since:literal]
    ) => {
        [
            kw($priority)
                .arg(int(-20, 19))
                .default("0")
                .otherwise("0 is used")
                .doc(concat!("Nice value of the ", $what, " process."))
                .since($priority_since)
                .set(|global: &mut Global, args| global.process.$process.nice = args.num_or(0)),
            kw($no_swap)
                .default("off")
                .doc(concat!("Lock the ", $what, " process in memory."))
                .since($priority_since)
                .set(|global: &mut Global, _| global.process.$process.no_swap = true),
            kw($rt_priority)
                .arg(int(1, 99))
                .default("off")
                .otherwise("the nearest end of the range is used")
                .doc(concat!(
                    "Run the ",
                    $what,
                    " process under SCHED_RR at this priority. Goes before the nice value."
                ))
                .since("2.0.0")
                .set(|global: &mut Global, args| rt_priority(&mut global.process.$process, args)),
            kw($affinity)
                .arg(int(0, PROCESSORS_MAX - 1))
                .default("all")
                .otherwise("the whole set is dropped")
                .doc(concat!("Processors the ", $what, " process may use; any number of them."))
                .since($affinity_since)
                .set(|global: &mut Global, args| processors(&mut global.process.$process, args)),
            kw($rttime)
                .must(int(1, 4_294_967_295))
                .default("10000")
                .otherwise("no limit")
                .doc(concat!(
                    "Microseconds the ",
                    $what,
                    " process may compute without a pause under real-time scheduling; \
                     a warning comes at half of it."
                ))
                .since("2.1.0")
                .set(|global: &mut Global, args| rt_time_limit(&mut global.process.$process, args)),
            kw($rtime)
                .must(int(1, 4_294_967_295))
                .otherwise("no limit")
                .doc(concat!("Same as `", $rttime, "`."))
                .since("2.0.0")
                .status(Status::Deprecated(concat!("write `", $rttime, "`")))
                .graded(Class::Logged)
                .set(|global: &mut Global, args| rt_time_limit(&mut global.process.$process, args)),
        ]
    };
}

pub(super) fn rows() -> Vec<Keyword<Global>> {
    let mut rows = names();
    rows.extend(scheduling!(
        vrrp, "VRRP", priority "vrrp_priority", no_swap "vrrp_no_swap", rt_priority "vrrp_rt_priority",
        affinity "vrrp_cpu_affinity", rttime "vrrp_rlimit_rttime", rtime "vrrp_rlimit_rtime", since ["<2.0", "2.0.17"]
    ));
    rows.extend(scheduling!(
        checker, "checker", priority "checker_priority", no_swap "checker_no_swap", rt_priority "checker_rt_priority",
        affinity "checker_cpu_affinity", rttime "checker_rlimit_rttime", rtime "checker_rlimit_rtime",
        since ["<2.0", "2.0.17"]
    ));
    rows.extend(scheduling!(
        bfd, "BFD", priority "bfd_priority", no_swap "bfd_no_swap", rt_priority "bfd_rt_priority",
        affinity "bfd_cpu_affinity", rttime "bfd_rlimit_rttime", rtime "bfd_rlimit_rtime", since ["2.0.0", "2.0.17"]
    ));
    rows.extend(common());
    rows
}

fn names() -> Vec<Keyword<Global>> {
    vec![
        kw("process_names")
            .default("off")
            .doc("Call the children `keepalived_vrrp`, `keepalived_lvs` and `keepalived_bfd`.")
            .since("2.0.16")
            .set(|global, _| global.process.named = true),
        kw("process_name")
            .must(Shape::Word("NAME"))
            .default("keepalived")
            .otherwise("cut to 15 characters")
            .doc("Name the kernel shows for the first process.")
            .since("2.0.16")
            .set(|global, args| name(&mut global.process.supervisor_name, args)),
        kw("vrrp_process_name")
            .must(Shape::Word("NAME"))
            .default("keepalived")
            .otherwise("cut to 15 characters")
            .doc("Name of the VRRP process.")
            .since("2.0.16")
            .set(|global, args| name(&mut global.process.vrrp.name, args)),
        kw("checker_process_name")
            .must(Shape::Word("NAME"))
            .default("keepalived")
            .otherwise("cut to 15 characters")
            .doc("Name of the checker process.")
            .since("2.2.0")
            .set(|global, args| name(&mut global.process.checker.name, args)),
        kw("lvs_process_name")
            .must(Shape::Word("NAME"))
            .otherwise("cut to 15 characters")
            .doc("Same as `checker_process_name`.")
            .since("2.0.16")
            .status(Status::Deprecated("write `checker_process_name`"))
            .graded(Class::Logged)
            .set(|global, args| name(&mut global.process.checker.name, args)),
        kw("bfd_process_name")
            .must(Shape::Word("NAME"))
            .default("keepalived")
            .otherwise("cut to 15 characters")
            .doc("Name of the BFD process.")
            .since("2.0.16")
            .set(|global, args| name(&mut global.process.bfd.name, args)),
    ]
}

fn common() -> Vec<Keyword<Global>> {
    vec![
        kw("max_auto_priority")
            .opt(int(-1, 99))
            .default("0")
            .otherwise("the value before stays")
            .doc(
                "Highest real-time priority a process gives itself step by step when it runs late; without a number \
                 99. 0: never. -1: never, and no hint at start that it might help.",
            )
            .since("2.1.0")
            .set(|global, args| {
                if !args.given() {
                    global.process.max_auto_priority.set(99);
                } else if let Some(priority) = args.num() {
                    global.process.max_auto_priority.set(priority);
                }
            }),
        kw("min_auto_priority_delay")
            .arg(int(1, 10_000_000))
            .default("1000000")
            .otherwise("the value before stays")
            .doc("Microseconds a process must be late before it raises its own priority by one step.")
            .since("2.1.0")
            .set(|global, args| {
                if let Some(micros) = args.num() {
                    global.process.min_auto_priority_delay.set(Duration::from_micros(micros));
                }
            }),
        kw("umask")
            .must(Shape::Syntax("NUMBER or BITS"))
            .default("0177")
            .otherwise("the value before stays")
            .doc(
                "Permissions new files do not get. A number (octal with a leading 0), or names such as \
                 `IRGRP|IWGRP|IRWXO` joined by `|`.",
            )
            .note("Option -u goes before it.")
            .example("umask 022")
            .since("2.0.9")
            .set(umask),
        kw("random_seed")
            .must(strict_int(0, 4_294_967_295))
            .default("time based")
            .otherwise("ignored")
            .doc("Meant to make `${_RANDOM}` repeatable.")
            .since("2.0.15")
            .status(Status::NoEffect("keepalived seeds its generator before it reads this"))
            .set(|global, args| global.process.random_seed = args.num()),
    ]
}

fn name(setting: &mut Setting<String>, args: &mut Args<'_, '_>) {
    let Some(word) = args.word() else { return };
    if word.text.len() <= PROCESS_NAME_MAX {
        setting.set(word.text.to_owned());
        return;
    }
    let mut end = PROCESS_NAME_MAX;
    while !word.text.is_char_boundary(end) {
        end -= 1;
    }
    let kept = &word.text[..end];
    args.reject(NAME_TOO_LONG, Class::General, word.span, format!("the kernel keeps `{kept}`"));
    setting.set(kept.to_owned());
}

fn rt_priority(process: &mut Process, args: &mut Args<'_, '_>) {
    let Some(word) = args.word() else { return };
    let Some(wanted) = args.number_of(word, i64::from(i32::MIN), i64::from(i32::MAX), false) else { return };
    let taken = wanted.clamp(1, i64::from(RT_PRIORITY_MAX));
    if taken != wanted {
        args.reject(OUT_OF_RANGE, Class::InvalidNumber, word.span, format!("{taken} is used"));
    }
    process.rt_priority = u8::try_from(taken).ok();
}

fn processors(process: &mut Process, args: &mut Args<'_, '_>) {
    let count = match args.cx.host.processors() {
        Answer::Found(count) => i64::from(count),
        Answer::Unknown | Answer::Absent => PROCESSORS_MAX,
    };
    process.processors.clear();
    let Some(mut word) = args.word() else { return };
    loop {
        let number = args.number_of(word, 0, count - 1, false).and_then(|number| u16::try_from(number).ok());
        let Some(number) = number else {
            process.processors.clear();
            let _ = args.rest();
            return;
        };
        process.processors.push(number);
        match args.next_word() {
            Some(next) => word = next,
            None => break,
        }
    }
    process.processors.sort_unstable();
    process.processors.dedup();
}

fn rt_time_limit(process: &mut Process, args: &mut Args<'_, '_>) {
    // Half of it, the soft limit, must not be 0.
    let limit = args.num::<u64>().map(|micros| Duration::from_micros(micros.max(2)));
    process.rt_time_limit.set(limit);
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! How a worker stands among the processes of the machine: its name, its log, its schedule, and what it may do.

use std::time::Duration;

use keepalived_conf::Config;
use keepalived_conf::blocks::global::process::Process;
use keepalived_conf::blocks::global::top::Top;

use crate::kernel::offspring::call_this_process;
use crate::kernel::sandbox::{self, Deeds, Schedule};
use crate::observe::log::{Format, Log};

/// What the command line settles for workers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Habits {
    /// At the end everything stays as it is, and nobody is told (`--dont-release-vrrp`).
    pub leaves_everything: bool,
    /// At the end the load balancer's table stays as it is (`--dont-release-ipvs`).
    pub leaves_table: bool,
    /// The checkers may run in a process of their own.
    pub beside_checkers: bool,
    /// The configuration is written to the log at start and after a reload (`--dump-conf`).
    pub tells_configuration: bool,
    /// Every address that comes or goes is worth a line (`--address-monitoring`).
    pub tells_addresses: bool,
    /// The network namespace we were started in.
    pub namespace: Option<String>,
}

/// Whose process it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Vrrp,
    Checker,
    Bfd,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// A name of its own in lists of processes.
    name: Option<String>,
    /// What is added to its name in the log.
    mark: String,
    format: Format,
    schedule: Schedule,
    /// What it does by this configuration, and what another one may ask of it.
    deeds: Deeds,
    ever: Deeds,
}

impl Standing {
    /// `runs_programs`: the configuration names some.
    pub fn of(config: &Config, kind: Kind, habits: &Habits, runs_programs: bool) -> Standing {
        let processes = &config.global.process;
        let (process, usual_name): (&Process, _) = match kind {
            Kind::Vrrp => (&processes.vrrp, "keepalived_vrrp"),
            Kind::Checker => (&processes.checker, "keepalived_lvs"),
            Kind::Bfd => (&processes.bfd, "keepalived_bfd"),
        };
        let own_name = process.name.given().then(|| process.name.to_string());
        let highest = u8::try_from(*processes.max_auto_priority).ok().filter(|highest| *highest > 0);
        let schedule = Schedule {
            nice: process.nice,
            realtime: process.rt_priority,
            realtime_limit: *process.rt_time_limit,
            locked: process.no_swap,
            processors: process.processors.clone(),
            raised_to: highest,
            late: *processes.min_auto_priority_delay,
        };
        let top = &config.global.top;
        let namespace = habits.namespace.as_ref().or(top.net_namespace.as_ref());
        let ever =
            Deeds { network: true, programs: true, files: true, schedule: true, processes: true, elsewhere: true };
        let (ever, deeds) = match kind {
            Kind::Vrrp => (ever, vrrp_deeds(config, &schedule, runs_programs, namespace.is_some())),
            Kind::Checker => {
                (ever, Deeds { elsewhere: top.net_namespace_ipvs.is_some(), programs: runs_programs, ..ever })
            }
            Kind::Bfd => {
                let ever = Deeds { programs: false, processes: false, elsewhere: false, ..ever };
                (ever, Deeds { schedule: is_special(&schedule), ..ever })
            }
        };
        Standing {
            name: own_name.or_else(|| processes.named.then(|| usual_name.to_owned())),
            mark: mark(namespace, top),
            format: Format::of(config),
            schedule,
            deeds,
            ever,
        }
    }

    /// Takes it, at the start or in place of what was `before`. What the kernel refuses is told and does without.
    pub fn take(&self, before: Option<&Standing>, log: &Log) {
        log.form(self.format);
        if before.is_none() {
            log.mark(&self.mark);
            if let Err(error) = sandbox::raise_descriptor_limit() {
                log.warning(format_args!("no more files may be open than before: {error}"));
            }
        }
        if let Some(name) = &self.name {
            call_this_process(name.as_ref());
        }
        // First what takes rights, then the rights go; in between nothing comes from a network.
        if self.deeds != self.ever
            && let Err(error) = self.ever.limit_ourselves(self.ever)
        {
            log.debug(format_args!("capabilities stay as they are: {error}"));
        }
        for unmet in self.schedule.apply(before.map(|before| &before.schedule)) {
            log.warning(format_args!("the kernel does not grant {}: {}", unmet.what, unmet.error));
        }
        if let Err(error) = self.deeds.limit_ourselves(self.ever) {
            log.warning(format_args!("capabilities that are not needed are kept: {error}"));
        }
    }

    /// The process was so much too late.
    pub fn is_late(&mut self, by: Duration, log: &Log) {
        match self.schedule.raise(by) {
            None => {}
            Some(Ok(priority)) => log.notice(format_args!(
                "{} ms late: real-time priority {priority} from now on (max_auto_priority)",
                by.as_millis()
            )),
            Some(Err(error)) => {
                log.warning(format_args!("a higher real-time priority is not granted: {error}"));
                self.schedule.raised_to = None;
            }
        }
    }
}

/// `_NAMESPACE_INSTANCE`, as far as there are any.
fn mark(namespace: Option<&String>, top: &Top) -> String {
    namespace.into_iter().chain(&top.instance).map(|part| format!("_{part}")).collect()
}

fn vrrp_deeds(config: &Config, schedule: &Schedule, programs: bool, is_elsewhere: bool) -> Deeds {
    let tracks_processes = !config.tracking.processes.is_empty();
    Deeds {
        network: true,
        programs,
        // What is dumped may replace what somebody else left there.
        files: true,
        schedule: is_special(schedule),
        processes: tracks_processes,
        // The kernel tells of processes in its first namespace only.
        elsewhere: tracks_processes && is_elsewhere,
    }
}

fn is_special(schedule: &Schedule) -> bool {
    *schedule != Schedule { realtime_limit: schedule.realtime_limit, late: schedule.late, ..Schedule::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(text: &str) -> Standing {
        let host = keepalived_conf::source::MemoryHost::new();
        let config = keepalived_conf::load_str(&host, text, true).config;
        Standing::of(&config, Kind::Vrrp, &Habits::default(), false)
    }

    #[test]
    fn names_and_schedule_are_the_configured_ones() {
        let text = "instance red\nglobal_defs {\n process_names\n vrrp_rt_priority 50\n vrrp_no_swap\n max_auto_priority 60\n}\n";
        let found = standing(text);
        assert_eq!((found.name.as_deref(), found.mark.as_str()), (Some("keepalived_vrrp"), "_red"));
        let expected = Schedule { realtime: Some(50), locked: true, raised_to: Some(60), ..found.schedule.clone() };
        assert_eq!(found.schedule, expected);
        assert_eq!(standing("global_defs {\n vrrp_process_name v\n}\n").name.as_deref(), Some("v"));
        assert_eq!(standing("").name, None);
    }

    #[test]
    fn rights_follow_from_what_there_is_to_do() {
        let instance = |more: &str| format!("vrrp_instance A {{\n interface eth0\n virtual_router_id 1\n {more}\n}}\n");
        assert_eq!(standing(&instance("")).deeds, Deeds { network: true, files: true, ..Deeds::default() });
        assert!(standing(&format!("global_defs {{\n vrrp_priority -5\n}}\n{}", instance(""))).deeds.schedule);
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! What of the load balancer is set once for all services: how long idle connections are remembered, and the threads that
//! exchange connections with other directors. What was set is put back at the end. Pure.

use std::time::Duration;

use keepalived_conf::blocks::global::lvs::Timeouts as Configured;

use crate::kernel::clock;
use crate::kernel::ipvs::{Answer, Asked, Change, Daemon, Timeouts};

/// How long until what the kernel refused is tried again: the interface of a sync daemon may come later.
const RETRY: Duration = Duration::from_secs(10);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Settings {
    timeouts: Option<Configured>,
    /// The kernel's own, before we changed them.
    original: Option<Timeouts>,
    in_force: Option<Timeouts>,
    daemons: Vec<Daemon>,
    /// Those we started.
    running: Vec<Daemon>,
    /// An answer is awaited.
    busy: bool,
    retry_at: Option<u64>,
}

impl Settings {
    /// A time of 0 is left to the kernel.
    pub(super) fn remember_for(&mut self, timeouts: Configured) {
        self.timeouts = Some(timeouts).filter(|timeouts| *timeouts != Configured::default());
    }

    pub(super) fn exchange(&mut self, daemons: Vec<Daemon>) {
        self.daemons = daemons;
        self.retry_at = None;
    }

    /// Whether the load balancer is needed for these.
    pub(super) fn is_any(&self) -> bool {
        self.timeouts.is_some() || !self.daemons.is_empty()
    }

    /// How long until something is to be tried again.
    pub(super) fn retry_at(&self) -> Option<u64> {
        self.retry_at
    }

    /// What is to be asked of the kernel now, if anything.
    pub(super) fn next(&mut self, now: u64) -> Option<Asked> {
        if self.busy || self.retry_at.is_some_and(|at| now < at) {
            return None;
        }
        self.retry_at = None;
        if self.timeouts.is_some() && self.original.is_none() {
            self.busy = true;
            return Some(Asked::Timeouts);
        }
        let changes: Vec<Change> = self.time().into_iter().chain(self.threads()).collect();
        if changes.is_empty() {
            return None;
        }
        self.busy = true;
        Some(Asked::Apply(changes))
    }

    fn time(&mut self) -> Option<Change> {
        let original = self.original?;
        let wanted = self.timeouts.map_or(original, |configured| {
            let choose = |configured, original| if configured == 0 { original } else { configured };
            Timeouts {
                tcp: choose(configured.tcp, original.tcp),
                tcp_fin: choose(configured.tcp_fin, original.tcp_fin),
                udp: choose(configured.udp, original.udp),
            }
        });
        let differs = self.in_force.unwrap_or(original) != wanted;
        self.in_force = Some(wanted);
        if self.timeouts.is_none() {
            (self.original, self.in_force) = (None, None);
        }
        differs.then_some(Change::SetTimeouts(wanted))
    }

    fn threads(&mut self) -> Vec<Change> {
        let leaving = self.running.iter().filter(|daemon| !self.daemons.contains(daemon));
        let mut changes: Vec<Change> = leaving.map(|daemon| Change::StopDaemon(daemon.role, daemon.id)).collect();
        for daemon in self.daemons.iter().filter(|daemon| !self.running.contains(daemon)) {
            // One that a former life left running has other settings perhaps.
            let stop = Change::StopDaemon(daemon.role, daemon.id);
            if !changes.contains(&stop) {
                changes.push(stop);
            }
            changes.push(Change::StartDaemon(daemon.clone()));
        }
        self.running.clone_from(&self.daemons);
        changes
    }

    pub(super) fn answered(&mut self, answer: &Answer, now: u64) {
        self.busy = false;
        let retry = clock::after(now, RETRY);
        match answer {
            Answer::Timeouts(Ok(timeouts)) => self.original = Some(*timeouts),
            Answer::Timeouts(Err(_)) => self.retry_at = Some(retry),
            Answer::Applied(refused) => {
                for (_, change, _) in refused {
                    match change {
                        Change::StartDaemon(daemon) => self.running.retain(|running| running != daemon),
                        Change::SetTimeouts(_) => self.in_force = None,
                        _ => {}
                    }
                    self.retry_at = Some(retry);
                }
            }
            Answer::Table(_) | Answer::Services(_) | Answer::Stats(_) | Answer::Daemons(_) => {}
        }
    }

    /// The load balancer is another one from now on, or none.
    pub(super) fn forget(&mut self) {
        (self.original, self.in_force, self.busy, self.retry_at) = (None, None, false, None);
        self.running.clear();
    }

    /// What puts everything back.
    pub(super) fn undo(&mut self) -> Vec<Change> {
        self.timeouts = None;
        self.daemons.clear();
        self.time().into_iter().chain(self.threads()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::ipvs::Role;

    const KERNELS: Timeouts = Timeouts { tcp: 900, tcp_fin: 120, udp: 300 };

    fn daemon(role: Role) -> Daemon {
        Daemon { role, interface: "eth0".to_owned(), id: 7, max_length: None, group: None, port: None, ttl: None }
    }

    #[test]
    fn timeouts_that_are_not_configured_stay_the_kernels_and_all_are_put_back() {
        let mut settings = Settings::default();
        settings.remember_for(Configured { tcp: 60, tcp_fin: 0, udp: 0 });
        assert_eq!(settings.next(0), Some(Asked::Timeouts));
        assert_eq!(settings.next(0), None, "one question at a time");
        settings.answered(&Answer::Timeouts(Ok(KERNELS)), 0);
        let set = Timeouts { tcp: 60, ..KERNELS };
        assert_eq!(settings.next(0), Some(Asked::Apply(vec![Change::SetTimeouts(set)])));
        settings.answered(&Answer::Applied(Vec::new()), 0);
        assert_eq!(settings.next(0), None);
        assert_eq!(settings.undo(), [Change::SetTimeouts(KERNELS)]);
    }

    #[test]
    fn a_reload_without_the_keyword_restores_the_kernels_timeouts() {
        let mut settings = Settings::default();
        settings.remember_for(Configured { tcp: 60, tcp_fin: 0, udp: 0 });
        settings.next(0);
        settings.answered(&Answer::Timeouts(Ok(KERNELS)), 0);
        settings.next(0);
        settings.answered(&Answer::Applied(Vec::new()), 0);
        settings.remember_for(Configured::default());
        assert_eq!(settings.next(0), Some(Asked::Apply(vec![Change::SetTimeouts(KERNELS)])));
        settings.answered(&Answer::Applied(Vec::new()), 0);
        assert_eq!((settings.next(0), settings.undo()), (None, Vec::new()));
    }

    #[test]
    fn a_sync_daemon_changes_its_half_with_the_instance_and_ends_with_us() {
        let mut settings = Settings::default();
        settings.exchange(vec![daemon(Role::Backup)]);
        let start = |role| [Change::StopDaemon(role, 7), Change::StartDaemon(daemon(role))];
        assert_eq!(settings.next(0), Some(Asked::Apply(start(Role::Backup).to_vec())));
        settings.answered(&Answer::Applied(Vec::new()), 0);
        settings.exchange(vec![daemon(Role::Master)]);
        let turn = [vec![Change::StopDaemon(Role::Backup, 7)], start(Role::Master).to_vec()].concat();
        assert_eq!(settings.next(0), Some(Asked::Apply(turn)));
        settings.answered(&Answer::Applied(Vec::new()), 0);
        assert_eq!(settings.undo(), [Change::StopDaemon(Role::Master, 7)]);
    }

    #[test]
    fn a_sync_daemon_the_kernel_refuses_is_tried_again_later() {
        let mut settings = Settings::default();
        settings.exchange(vec![daemon(Role::Master)]);
        settings.next(0);
        let refused = (1, Change::StartDaemon(daemon(Role::Master)), crate::kernel::netlink::Refusal::new(19));
        settings.answered(&Answer::Applied(vec![refused]), 0);
        assert_eq!(settings.next(1), None);
        let at = settings.retry_at().expect("a moment");
        assert!(matches!(settings.next(at), Some(Asked::Apply(_))));
    }
}

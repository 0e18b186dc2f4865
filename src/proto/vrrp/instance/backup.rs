// SPDX-License-Identifier: MIT OR Apache-2.0
//! Backup: who we follow, whom we do not wait for, and when the master counts as gone (RFC 9568 §6.4.2).

use super::{Backup, Instance, State};
use crate::proto::Instant;
use crate::proto::vrrp::accept::Heard;
use crate::proto::vrrp::counters::Told;
use crate::proto::vrrp::io::{Cause, Event};
use crate::proto::vrrp::params::{OWNER_PRIORITY, Preempt};
use crate::proto::vrrp::turn::Turn;
use crate::proto::vrrp::types::Version;
use std::time::Duration;

use super::Purpose;

/// What a Backup makes of an advert with a priority.
enum Verdict {
    /// It is the master.
    Follow,
    /// It ranks below us, and we take over when its time is up, as if it were silent.
    Ignore,
}

impl Instance {
    /// Waits as Backup, from now or from the end of the start delay.
    pub(super) fn enter_backup(&mut self, turn: &mut Turn<'_>, cause: Cause, down: Duration) {
        let from = self.phase();
        self.state = State::Backup(Backup::default());
        self.timers.keep_only(&[Purpose::Handover]);
        self.timers.set(Purpose::MasterDown, turn.from + down);
        self.entered(turn, from, cause);
    }

    pub(super) fn backup_hears(&mut self, turn: &mut Turn<'_>, heard: &Heard) {
        if heard.priority == 0 {
            self.timers.set(Purpose::MasterDown, turn.from + self.skew());
            if let State::Backup(backup) = &mut self.state {
                backup.heard_zero = true;
            }
            return;
        }
        let changed = self.followed.is_none_or(|(source, _)| source != heard.source);
        if self.humbled && (changed || heard.priority != OWNER_PRIORITY) {
            self.stand_up_again();
        }
        match self.judge(turn, heard) {
            Verdict::Follow => self.follow(turn, heard, changed),
            Verdict::Ignore => {
                if self.ledger.first_time(Told::Preempting) {
                    let (instance, master, priority) = (self.id, heard.source, heard.priority);
                    turn.report(Event::Preempting { instance, master, priority });
                }
            }
        }
    }

    fn judge(&mut self, turn: &mut Turn<'_>, heard: &Heard) -> Verdict {
        let (instance, ranks_below) = (self.id, heard.priority < self.priority);
        let State::Backup(backup) = &mut self.state else {
            return Verdict::Follow;
        };
        let delay = match self.params.preempt {
            Preempt::No { .. } => return Verdict::Follow,
            Preempt::Yes { delay } => delay,
        };
        if !ranks_below {
            backup.preempt_at = None;
            return Verdict::Follow;
        }
        if delay > Duration::ZERO && backup.preempt_at.is_none() {
            backup.preempt_at = Some(turn.from + delay);
            turn.report(Event::PreemptDelayStarted { instance, until: delay });
        }
        if backup.preempt_at.is_some_and(|at| turn.now < at) {
            return Verdict::Follow;
        }
        backup.preempting = Some(heard.source);
        Verdict::Ignore
    }

    /// Takes the sender as master and waits for its next adverts.
    pub(super) fn follow(&mut self, turn: &mut Turn<'_>, heard: &Heard, changed: bool) {
        if self.params.version == Version::V3 {
            self.interval = heard.interval;
        }
        self.followed = Some((heard.source, heard.priority));
        self.timers.set(Purpose::MasterDown, turn.from + self.down_time());
        if let State::Backup(backup) = &mut self.state {
            backup.follows = true;
            backup.wants_master = false;
            backup.heard_zero = false;
            backup.bounced = false;
            backup.preempting = None;
        }
        if changed {
            self.ledger.forget();
            let (instance, master, priority) = (self.id, heard.source, heard.priority);
            turn.report(Event::MasterChanged { instance, master, priority });
        }
    }

    /// No advert for the whole time. In a sync group that is not Master the others must be ready too.
    pub(super) fn master_is_down(&mut self, turn: &mut Turn<'_>, permit: bool) {
        let (down, owner) = (self.down_time(), self.is_owner());
        let State::Backup(backup) = &mut self.state else {
            return;
        };
        if !permit {
            backup.wants_master = true;
            self.timers.set(Purpose::MasterDown, turn.now + down);
            return;
        }
        let cause = if owner {
            Cause::Owner
        } else if backup.heard_zero {
            Cause::PriorityZero
        } else if backup.preempting.is_some() {
            Cause::Preempt
        } else {
            Cause::MasterDown
        };
        self.enter_master(turn, cause);
    }

    /// Time slept is not time listened: the master may have spoken all the while. It gets as long again to be heard,
    /// but no longer than a living master needs: one interval, and the skew.
    pub(super) fn backup_woke(&mut self, now: Instant, late_by: Duration) {
        let grace = late_by.min(self.interval + self.skew());
        if let Some(at) = self.timers.get(Purpose::MasterDown) {
            self.timers.set(Purpose::MasterDown, at.max(now + grace));
        }
    }

    /// What a Backup waits for in all: the master down time, or the skew alone after priority 0 or a bounce.
    pub(super) fn wait(&self) -> Duration {
        match &self.state {
            State::Backup(backup) if backup.heard_zero || backup.bounced => self.skew(),
            State::Init | State::Backup(_) | State::Master(_) | State::Fault => self.down_time(),
        }
    }

    /// The deadline moves by as much as the wait became longer or shorter.
    pub(super) fn shift_master_down(&mut self, before: Duration) {
        let after = self.wait();
        if let Some(at) = self.timers.get(Purpose::MasterDown) {
            let moved = if after > before { at + (after - before) } else { at.back(before - after) };
            self.timers.set(Purpose::MasterDown, moved);
        }
    }
}

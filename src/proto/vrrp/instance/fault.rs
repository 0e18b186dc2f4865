// SPDX-License-Identifier: MIT OR Apache-2.0
//! Init and Fault: reasons not to take part, and the way back. An instance takes part once nothing is pending and no
//! fault is left; with several faults the last one to go decides.

use std::net::IpAddr;

use super::hold::{Farewell, Keep};
use super::{Instance, Pending, Purpose, State};
use crate::proto::vrrp::io::{AnnounceWhy, Announced, Cause, Event, Fault, Link, Phase};
use crate::proto::vrrp::params::Reach;
use crate::proto::vrrp::timing;
use crate::proto::vrrp::turn::Turn;
use std::time::Duration;

impl Instance {
    pub(in crate::proto::vrrp) fn raise_fault(&mut self, turn: &mut Turn<'_>, fault: Fault) {
        if self.faults.insert(fault) {
            turn.report(Event::FaultRaised { instance: self.id, fault });
        }
    }

    pub(in crate::proto::vrrp) fn clear_fault(&mut self, turn: &mut Turn<'_>, fault: Fault) {
        if self.faults.remove(&fault) {
            turn.report(Event::FaultCleared { instance: self.id, fault });
        }
    }

    fn set_fault(&mut self, turn: &mut Turn<'_>, fault: Fault, present: bool) {
        if present {
            self.raise_fault(turn, fault);
        } else {
            self.clear_fault(turn, fault);
        }
    }

    pub(in crate::proto::vrrp) fn set_link(&mut self, turn: &mut Turn<'_>, link: Link) {
        self.link = Some(link);
        self.pending.remove(&Pending::Link);
        self.set_fault(turn, Fault::LinkGone, link == Link::Gone);
        self.set_fault(turn, Fault::LinkDown, link == Link::Down && self.params.track_primary);
    }

    /// The port has this address, or none. It matters only while the configuration names none.
    pub(in crate::proto::vrrp) fn set_source(&mut self, turn: &mut Turn<'_>, of_port: Option<IpAddr>) {
        self.source = self.params.source.or(of_port);
        self.pending.remove(&Pending::Source);
        self.set_fault(turn, Fault::NoSource, self.source.is_none());
    }

    pub(in crate::proto::vrrp) fn set_broken(&mut self, turn: &mut Turn<'_>) {
        self.set_fault(turn, Fault::Configuration, self.params.broken);
    }

    /// Leaves the election, as Master with one priority 0, so that the others need not wait.
    pub(in crate::proto::vrrp) fn enter_fault(&mut self, turn: &mut Turn<'_>, cause: Cause) {
        let from = self.phase();
        match from {
            Phase::Fault => return,
            Phase::Master => {
                let keep = if self.can_still_serve() { Keep::UntilSuccessor } else { Keep::Nothing };
                self.step_down(turn, Farewell::PriorityZero, keep);
            }
            Phase::Init | Phase::Backup => {}
        }
        self.state = State::Fault;
        self.timers.keep_only(&[Purpose::Handover, Purpose::FaultPause]);
        self.entered(turn, from, cause);
    }

    /// The addresses are of use until a successor is heard: only something tracked failed, here or in the sync group.
    fn can_still_serve(&self) -> bool {
        self.faults.iter().all(|fault| match fault {
            Fault::Track(_) => true,
            Fault::Configuration | Fault::LinkDown | Fault::LinkGone | Fault::NoSource | Fault::Unheld => false,
        })
    }

    /// Takes part: from Init or Fault. An owner need not wait (RFC 9568 §6.4.1), if its sync group permits.
    pub(in crate::proto::vrrp) fn take_part(&mut self, turn: &mut Turn<'_>, group_permits: bool) {
        let cause = match self.state {
            State::Init => Cause::Start,
            State::Fault => Cause::Recovered,
            State::Backup(_) | State::Master(_) => return,
        };
        self.interval = self.own_interval;
        let at_once = self.is_owner() && group_permits;
        if at_once && turn.from <= turn.now {
            self.enter_master(turn, Cause::Owner);
            return;
        }
        let down = if at_once {
            Duration::ZERO
        } else if self.is_owner() {
            self.own_interval + timing::least_skew(self.params.version, self.own_interval)
        } else {
            self.down_time()
        };
        self.enter_backup(turn, cause, down);
        if cause == Cause::Recovered {
            self.announce_own_source(turn);
        }
    }

    /// Peers that send to our own address must find it again.
    fn announce_own_source(&mut self, turn: &mut Turn<'_>) {
        let unicast = match self.params.reach {
            Reach::Unicast { .. } => true,
            Reach::Multicast { .. } => false,
        };
        if let (true, true, Some(ip)) = (unicast, self.params.announce.own_source, self.source) {
            self.push_announcements(turn, (AnnounceWhy::OwnSource, 1), vec![Announced { ip, link: None }]);
        }
    }
}

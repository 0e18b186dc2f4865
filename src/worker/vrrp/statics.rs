// SPDX-License-Identifier: MIT OR Apache-2.0
//! Static addresses, routes and rules: there from the first turn to the last, whoever is master.
//!
//! They are held like those of an instance, under a number that no instance has. What somebody else removes is put back;
//! what the kernel refused, or lost without a word because its interface was down, is asked for again when an interface
//! comes up. Asking for what is there is harmless.

use std::time::Duration;

use super::Worker;
use super::apply::Place;
use crate::kernel::clock;
use crate::kernel::rtnl::Link;
use crate::proto::vrrp::{DetailId, Holdings, Input, InstanceId, Item, Ticket};

/// Who holds them. Instances are numbered from below.
pub(super) const OWNER: InstanceId = InstanceId(u32::MAX);

/// Tickets of theirs start here; the engine's start from below.
const TICKETS: u64 = 1 << 63;

/// Put back at once, and then not again for so long: whoever keeps removing them cannot keep us busy.
const PAUSE: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
pub(super) struct Statics {
    wanted: Holdings,
    tickets: u64,
    /// When everything is asked for next, on the clock of deadlines.
    due: Option<u64>,
    /// Before this it is not.
    paused_until: u64,
}

impl Statics {
    /// Whether the ticket is not one of the engine's.
    pub(super) fn issued(ticket: Ticket) -> bool {
        ticket.0 >= TICKETS
    }

    pub(super) fn want(&mut self, wanted: Holdings, now: u64) {
        self.wanted = wanted;
        self.due = Some(now);
    }

    /// Something of them may be missing.
    pub(super) fn ask_again(&mut self, now: u64) {
        if !self.wanted.is_empty() {
            self.due = self.due.or(Some(now.max(self.paused_until)));
        }
    }

    /// Somebody removed this. What is not tracked is let go; the rest is put back.
    pub(super) fn lost(&mut self, item: Item, now: u64) {
        self.wanted.addresses.retain(|held| held.tracked || item != Item::Address(held.ip));
        self.wanted.routes.retain(|held| held.tracked || item != Item::Route(held.detail));
        self.wanted.rules.retain(|held| held.tracked || item != Item::Rule(held.detail));
        self.ask_again(now);
    }

    /// What to hold now, if it is time.
    pub(super) fn take(&mut self, now: u64) -> Option<(Ticket, Holdings)> {
        if self.due.is_none_or(|due| now < due) {
            return None;
        }
        self.due = None;
        let pause = u64::try_from(PAUSE.as_nanos()).unwrap_or(u64::MAX);
        self.paused_until = now.saturating_add(pause);
        self.tickets += 1;
        Some((Ticket(TICKETS + self.tickets), self.wanted.clone()))
    }

    pub(super) fn rest(&self, now: u64) -> Option<Duration> {
        self.due.map(|due| Duration::from_nanos(due.saturating_sub(now)))
    }
}

/// Whether one of them is described by `detail`.
pub(super) fn names(statics: &Holdings, detail: DetailId) -> bool {
    statics.routes.iter().chain(&statics.rules).any(|held| held.detail == detail)
}

/// For the log.
pub(super) fn noun(item: Item) -> String {
    match item {
        Item::Address(ip) => format!("address ({ip})"),
        Item::Route(_) => "route".to_owned(),
        Item::Rule(_) => "rule".to_owned(),
        Item::Filter => "packet filter".to_owned(),
    }
}

impl Worker<'_> {
    /// What is held no longer, because of somebody else: the engine hears of what is an instance's.
    pub(super) fn lost(&mut self, lost: Vec<(InstanceId, Item)>) {
        for (instance, item) in lost {
            if instance == OWNER {
                self.statics.lost(item, clock::now());
            } else {
                self.pending.push_back(Input::Lost(instance, item));
            }
        }
    }

    /// The kernel takes routes over an interface only while it is up.
    pub(super) fn statics_over(&mut self, link: &Link) {
        let before = self.interfaces.link(link.index).is_some_and(|before| before.is_up());
        if link.is_up() && !before {
            self.statics.ask_again(clock::now());
        }
    }

    pub(super) fn hold_statics(&mut self) {
        if let Some((ticket, wanted)) = self.statics.take(clock::now()) {
            let place = Place { plan: &self.plan, interfaces: &self.interfaces, home: None };
            // What cannot be had now is asked for again when an interface comes up.
            let _ = self.holder.hold((ticket, OWNER), &wanted, place, |job| self.writer.submit(job));
        }
    }

    pub(super) fn release_statics(&mut self) {
        self.statics.want(Holdings::default(), clock::now());
        self.hold_statics();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::vrrp::{HeldAddress, HeldDetail};

    const SECOND: u64 = 1_000_000_000;

    fn holdings() -> Holdings {
        let address = |ip: &str, tracked| {
            let ip = ip.parse().expect("an address");
            HeldAddress { ip, prefix: 24, link: None, detail: None, tracked }
        };
        Holdings {
            addresses: vec![address("10.0.0.1", true), address("10.0.0.2", false)],
            routes: vec![HeldDetail { detail: DetailId(1), tracked: false }],
            rules: vec![HeldDetail { detail: DetailId(2), tracked: true }],
            ..Holdings::default()
        }
    }

    #[test]
    fn what_is_lost_is_asked_for_at_once_and_then_after_a_pause() {
        let mut statics = Statics::default();
        statics.want(holdings(), 5);
        let (first, _) = statics.take(5).expect("at once");
        assert!(Statics::issued(first) && statics.take(5).is_none());
        statics.lost(Item::Rule(DetailId(2)), 6);
        assert_eq!(statics.rest(5 + SECOND), Some(Duration::ZERO));
        assert!(statics.take(6).is_none());
        let (second, wanted) = statics.take(5 + SECOND).expect("after the pause");
        assert_ne!(first, second);
        assert_eq!(wanted, holdings());
        statics.lost(Item::Rule(DetailId(2)), 9 * SECOND);
        assert!(statics.take(9 * SECOND).is_some());
    }

    #[test]
    fn what_is_not_tracked_stays_away_once_removed() {
        let mut statics = Statics::default();
        statics.want(holdings(), 0);
        statics.lost(Item::Address("10.0.0.2".parse().expect("an address")), 0);
        statics.lost(Item::Route(DetailId(1)), 0);
        let (_, wanted) = statics.take(0).expect("due");
        assert_eq!((wanted.addresses.len(), wanted.routes.len(), wanted.rules.len()), (1, 0, 1));
    }

    #[test]
    fn nothing_wanted_is_never_asked_for() {
        let mut statics = Statics::default();
        statics.ask_again(0);
        assert_eq!(statics.rest(0), None);
    }
}

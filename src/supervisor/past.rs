// SPDX-License-Identifier: MIT OR Apache-2.0
//! What happened, numbered: kept here, so that it outlives every worker.

use std::collections::{BTreeMap, VecDeque};

use super::keeper::Keeper;
use super::role::Role;
use crate::channel::{Happened, Message, Posted};
use crate::kernel::clock;
use crate::observe::snapshot::Daemon;

/// Events that are kept; older ones make room.
const PAST_MAX: usize = 1024;
/// Webhooks that are remembered, those of former configurations too; who is farthest behind is forgotten first.
const HOOKS_MAX: usize = 256;

#[derive(Debug)]
pub(super) struct Past {
    last: u64,
    kept: VecDeque<Happened>,
    started: f64,
    reloads: u64,
    refused: u64,
    deaths: BTreeMap<Role, u64>,
    /// How far webhooks are: whoever comes after a status worker goes on there.
    posted: Posted,
}

impl Default for Past {
    fn default() -> Past {
        Past {
            last: 0,
            kept: VecDeque::new(),
            started: clock::wall().as_secs_f64(),
            reloads: 0,
            refused: 0,
            deaths: Role::ALL.into_iter().map(|role| (role, 0)).collect(),
            posted: Posted::default(),
        }
    }
}

impl Past {
    /// Gives an event its number and keeps it.
    pub(super) fn add(&mut self, happened: Happened) -> Happened {
        self.last += 1;
        let numbered = Happened { number: self.last, ..happened };
        if self.kept.len() >= PAST_MAX {
            self.kept.pop_front();
        }
        self.kept.push_back(numbered.clone());
        numbered
    }

    pub(super) fn reloaded(&mut self, refused: bool) {
        *(if refused { &mut self.refused } else { &mut self.reloads }) += 1;
        if !refused {
            // A webhook that comes with it hears of nothing older.
            self.posted.others = self.last;
        }
    }

    /// A webhook is done with the events up to this one.
    pub(super) fn posted(&mut self, hook: u64, number: u64) {
        self.posted.hooks.insert(hook, number);
        if self.posted.hooks.len() > HOOKS_MAX {
            let least = self.posted.hooks.iter().min_by_key(|(_, number)| **number).map(|(hook, _)| *hook);
            least.map(|hook| self.posted.hooks.remove(&hook));
        }
    }

    pub(super) fn died(&mut self, role: Role) {
        *self.deaths.entry(role).or_default() += 1;
    }

    /// How the daemon itself did so far.
    pub(super) fn daemon(&self, epoch: u64) -> Daemon {
        Daemon {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started: self.started,
            epoch,
            reloads: self.reloads,
            refused: self.refused,
            events: self.last,
            deaths: self.deaths.iter().map(|(role, count)| (role.word().to_owned(), *count)).collect(),
            ..Daemon::default()
        }
    }

    /// Tells a status worker that has just started; the others have no use for it.
    pub(super) fn tell(&self, keeper: &Keeper<'_>) {
        if keeper.role == Role::Status {
            let events = self.kept.iter().cloned().collect();
            keeper.tell(&Message::Past { events, posted: self.posted.clone() });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_numbered_and_old_ones_make_room() {
        let mut past = Past::default();
        for _ in 0..PAST_MAX + 3 {
            past.add(Happened::default());
        }
        assert_eq!(past.kept.len(), PAST_MAX);
        assert_eq!(past.kept.front().map(|event| event.number), Some(4));
        assert_eq!(past.add(Happened::default()).number, PAST_MAX as u64 + 4);
    }

    #[test]
    fn a_webhook_goes_on_where_it_was_and_a_new_one_begins_with_the_reload_that_brings_it() {
        let mut past = Past::default();
        (0..5).for_each(|_| drop(past.add(Happened::default())));
        assert_eq!(past.posted, Posted::default());
        past.posted(7, 3);
        past.reloaded(true);
        assert_eq!(past.posted, Posted { hooks: [(7, 3)].into(), others: 0 });
        past.reloaded(false);
        assert_eq!(past.posted, Posted { hooks: [(7, 3)].into(), others: 5 });
        (0..HOOKS_MAX as u64).for_each(|hook| past.posted(1000 + hook, 10 + hook));
        assert_eq!((past.posted.hooks.len(), past.posted.hooks.get(&7)), (HOOKS_MAX, None));
    }

    #[test]
    fn reloads_and_deaths_are_counted() {
        let mut past = Past::default();
        [true, false, false].into_iter().for_each(|refused| past.reloaded(refused));
        past.died(Role::Checker);
        let daemon = past.daemon(3);
        assert_eq!((daemon.reloads, daemon.refused, daemon.epoch), (2, 1, 3));
        assert_eq!((daemon.deaths.get("checker"), daemon.deaths.get("vrrp")), (Some(&1), Some(&0)));
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Fronts: which of them differ from what the kernel was told, and what is on its way.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::io::Outcome;
use super::params::FrontParams;
use super::table::Key;
use super::types::{FrontId, Ticket};
use crate::proto::Instant;

/// The wait before what the kernel refused is tried again: doubled every time, up to the longest.
pub const REFUSED_PAUSE: Duration = Duration::from_secs(1);
pub const REFUSED_PAUSE_MAX: Duration = Duration::from_secs(60);

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Front {
    /// `None` once it is gone from the configuration.
    pub(super) params: Option<FrontParams>,
    /// Services of the kernel that are no longer wanted.
    pub(super) leaving: BTreeSet<Key>,
    flying: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Fronts {
    pub(super) all: BTreeMap<FrontId, Front>,
    /// What is wanted of these may differ from what the kernel was told.
    dirty: BTreeSet<FrontId>,
    /// The kernel did not do what it was told last.
    refused: BTreeSet<FrontId>,
    last: u64,
    flights: BTreeMap<Ticket, Vec<FrontId>>,
    pub(super) unavailable: bool,
    /// When what was refused is tried again.
    pub(super) retry: Option<Instant>,
    pause: Duration,
    troubled: bool,
    pub(super) refusals: u64,
}

/// What the answer of the kernel changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct News {
    pub(super) refused: Vec<FrontId>,
    pub(super) unavailable: bool,
    pub(super) settled: bool,
}

impl Fronts {
    pub(super) fn mark(&mut self, front: FrontId) {
        if self.all.contains_key(&front) {
            self.dirty.insert(front);
        }
    }

    pub(super) fn mark_all(&mut self) {
        self.dirty.extend(self.all.keys());
    }

    /// Takes other keys and servers for a front, or takes it out. Keys it no longer has are to leave the kernel, unless
    /// another front has them: [`Fronts::keep_used`].
    pub(super) fn change(&mut self, id: FrontId, params: Option<FrontParams>) {
        let front = self.all.entry(id).or_default();
        let old: Vec<Key> = front.params.as_ref().map(|params| params.keys.to_vec()).unwrap_or_default();
        front.leaving.extend(old);
        front.params = params;
        self.dirty.insert(id);
    }

    /// What some front has does not leave.
    pub(super) fn keep_used(&mut self) {
        if self.all.values().all(|front| front.leaving.is_empty()) {
            return;
        }
        let used: BTreeSet<Key> = self
            .all
            .values()
            .filter_map(|front| front.params.as_ref())
            .flat_map(|params| params.keys.to_vec())
            .collect();
        for front in self.all.values_mut() {
            front.leaving.retain(|key| !used.contains(key));
        }
    }

    /// Those that are to be told to the kernel now, under one ticket.
    pub(super) fn launch(&mut self) -> Option<(Ticket, Vec<FrontId>)> {
        if self.unavailable {
            return None;
        }
        let flies = |id: &FrontId| self.all.get(id).is_some_and(|front| front.flying);
        let ready: Vec<FrontId> = self.dirty.iter().filter(|id| !flies(id)).copied().collect();
        if ready.is_empty() {
            return None;
        }
        for id in &ready {
            self.dirty.remove(id);
            if let Some(front) = self.all.get_mut(id) {
                front.flying = true;
            }
        }
        let ticket = self.ticket();
        self.flights.insert(ticket, ready.clone());
        Some((ticket, ready))
    }

    pub(super) fn ticket(&mut self) -> Ticket {
        self.last += 1;
        Ticket(self.last)
    }

    /// A ticket that concerns no front.
    pub(super) fn launch_alone(&mut self) -> Ticket {
        let ticket = self.ticket();
        self.flights.insert(ticket, Vec::new());
        ticket
    }

    pub(super) fn landed(&mut self, now: Instant, ticket: Ticket, outcome: Outcome) -> News {
        let mut news = News::default();
        let Some(flown) = self.flights.remove(&ticket) else {
            return news;
        };
        // The last answer says whether there is a table: one that came after an empty-handed one counts.
        let was_unavailable = std::mem::replace(&mut self.unavailable, outcome == Outcome::Unavailable);
        news.unavailable = self.unavailable && !was_unavailable;
        let refused: BTreeSet<FrontId> = match outcome {
            Outcome::Done => BTreeSet::new(),
            Outcome::Refused(fronts) => fronts.into_iter().collect(),
            Outcome::Unavailable => flown.iter().copied().collect(),
        };
        for id in flown {
            let Some(front) = self.all.get_mut(&id) else { continue };
            front.flying = false;
            if refused.contains(&id) {
                if self.refused.insert(id) && !self.unavailable {
                    news.refused.push(id);
                }
                continue;
            }
            self.refused.remove(&id);
            if self.dirty.contains(&id) {
                continue;
            }
            front.leaving.clear();
            if front.params.is_none() {
                self.all.remove(&id);
            }
        }
        let failed = self.unavailable || !refused.is_empty();
        self.refusals += u64::from(failed);
        self.after(now, failed, &mut news);
        news
    }

    fn after(&mut self, now: Instant, failed: bool, news: &mut News) {
        self.troubled |= failed;
        if failed {
            self.pause = if self.pause.is_zero() { REFUSED_PAUSE } else { (self.pause * 2).min(REFUSED_PAUSE_MAX) };
            self.retry.get_or_insert(now + self.pause);
        } else if self.troubled && self.refused.is_empty() {
            self.troubled = false;
            self.retry = None;
            self.pause = Duration::ZERO;
            news.settled = true;
        }
    }

    /// Tries what was refused once more.
    pub(super) fn try_again(&mut self) {
        self.retry = None;
        self.unavailable = false;
        self.dirty.extend(&self.refused);
    }

    /// Nothing is under way, and nothing waits but what was refused.
    pub(super) fn is_idle(&self) -> bool {
        self.flights.is_empty() && (self.unavailable || self.dirty.is_empty())
    }

    /// Whether the kernel has said yes to everything wanted.
    pub(super) fn is_settled(&self) -> bool {
        self.flights.is_empty() && self.dirty.is_empty() && self.refused.is_empty()
    }

    /// Nothing is wanted, and nothing awaited, any more.
    pub(super) fn forget(&mut self) {
        self.all.clear();
        self.dirty.clear();
        self.refused.clear();
        self.flights.clear();
    }

    /// Every front is to be gone.
    pub(super) fn leave(&mut self) {
        let ids: Vec<FrontId> = self.all.keys().copied().collect();
        for id in ids {
            self.change(id, None);
        }
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! A kernel with a table: slow, refusing, without a table at times, and open to others.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::layout::Mood;
use crate::proto::Instant;
use crate::proto::health::{Content, FrontId, Key, Outcome, Ticket, Wanted};
use crate::sim::random::Random;

#[derive(Clone, Debug)]
pub(super) struct Kernel {
    pub(super) table: BTreeMap<Key, Content>,
    pub(super) mood: Mood,
    jobs: VecDeque<(Ticket, Job)>,
    /// The last answer given out for later; requests are carried out in order.
    busy_until: Instant,
    settle: (Duration, Duration),
    random: Random,
}

#[derive(Clone, Debug)]
enum Job {
    Balance(Vec<Wanted>),
    Flush,
}

impl Kernel {
    pub(super) fn new(settle: (Duration, Duration), random: Random) -> Kernel {
        Kernel {
            table: BTreeMap::new(),
            mood: Mood::Works,
            jobs: VecDeque::new(),
            busy_until: Instant::ZERO,
            settle,
            random,
        }
    }

    /// Takes a request; when it will be carried out.
    pub(super) fn take(&mut self, now: Instant, ticket: Ticket, wanted: Vec<Wanted>) -> Instant {
        self.queue(now, ticket, Job::Balance(wanted))
    }

    pub(super) fn take_flush(&mut self, now: Instant, ticket: Ticket) -> Instant {
        self.queue(now, ticket, Job::Flush)
    }

    fn queue(&mut self, now: Instant, ticket: Ticket, job: Job) -> Instant {
        self.jobs.push_back((ticket, job));
        let takes = self.random.time(self.settle.0, self.settle.1);
        self.busy_until = self.busy_until.max(now) + takes;
        self.busy_until
    }

    /// Carries out the request that waited longest.
    pub(super) fn work(&mut self) -> Option<(Ticket, Outcome)> {
        let (ticket, job) = self.jobs.pop_front()?;
        let refuses = match &self.mood {
            Mood::Works => Default::default(),
            Mood::Refuses(fronts) => fronts.clone(),
            Mood::Gone => return Some((ticket, Outcome::Unavailable)),
        };
        let mut refused: Vec<FrontId> = Vec::new();
        match job {
            Job::Flush => self.table.clear(),
            Job::Balance(all) => {
                for wanted in all {
                    if refuses.contains(&wanted.front) {
                        refused.push(wanted.front);
                        continue;
                    }
                    for key in wanted.keys.iter() {
                        match &wanted.content {
                            Some(content) => self.table.insert(*key, content.clone()),
                            None => self.table.remove(key),
                        };
                    }
                }
            }
        }
        Some((ticket, if refused.is_empty() { Outcome::Done } else { Outcome::Refused(refused) }))
    }

    pub(super) fn turn(&mut self, mood: Mood) {
        if mood == Mood::Gone {
            self.table.clear();
        }
        self.mood = mood;
    }

    /// Somebody changes an entry of ours, or empties the table.
    pub(super) fn meddle(&mut self, choice: u64, foreign: Key) {
        let keys: Vec<Key> = self.table.keys().copied().filter(|key| *key != foreign).collect();
        let at = usize::try_from(choice / 4 % (keys.len() as u64).max(1)).unwrap_or(0);
        let Some(key) = keys.get(at) else { return };
        match choice % 4 {
            0 => {
                self.table.retain(|key, _| *key == foreign);
            }
            1 => {
                self.table.remove(key);
            }
            2 => {
                if let Some(content) = self.table.get_mut(key) {
                    content.destinations.pop();
                }
            }
            _ => {
                let first = self.table.get_mut(key).and_then(|content| content.destinations.first_mut());
                if let Some(to) = first {
                    to.weight = to.weight.saturating_add(7);
                }
            }
        }
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The operator's word on how an instance stands in the election. It moves the priority only: faults count as before, the
//! election stays an election, and the word ends by itself where a time was given.

use std::time::Duration;

use super::instance::Instance;
use super::io::{Cause, Effect, Event, Phase};
use super::turn::Turn;
use super::types::InstanceId;
use super::{Engine, Owner};
use crate::proto::Instant;
use crate::proto::track::{PRIORITY_MAX, PRIORITY_MIN, effective_priority};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "daemon", derive(serde::Serialize, serde::Deserialize))]
pub struct Stand {
    pub course: StandCourse,
    /// After this the configuration counts again; without it, until the operator says so.
    pub lasts: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "daemon", derive(serde::Serialize, serde::Deserialize))]
pub enum StandCourse {
    /// Become Master at once, with the highest priority that tracking can reach.
    Take,
    /// Give way to every other router, with the lowest: the addresses are served on while nobody else is there.
    Release,
    /// This base priority instead of the configured one.
    Base(u8),
}

impl Stand {
    pub(super) fn priority(&self, contributions: Vec<i64>) -> u8 {
        let fixed = |priority: i64| u8::try_from(priority).unwrap_or(1);
        match self.course {
            StandCourse::Take => fixed(PRIORITY_MAX),
            StandCourse::Release => fixed(PRIORITY_MIN),
            StandCourse::Base(base) => effective_priority(base, contributions),
        }
    }
}

impl Engine {
    pub(super) fn stand(&mut self, now: Instant, id: InstanceId, stand: Option<Stand>, out: &mut Vec<Effect>) {
        let known = self.instances.get(&id).is_some_and(|instance| !instance.is_leaving());
        if self.stopping || !known || (stand.is_none() && !self.stands.contains_key(&id)) {
            self.schedule(Owner::Stand(id), None);
            return;
        }
        let until = stand.and_then(|stand| stand.lasts).map(|lasts| now + lasts);
        match stand {
            Some(stand) => self.stands.insert(id, (stand, until)),
            None => self.stands.remove(&id),
        };
        self.schedule(Owner::Stand(id), until);
        out.push(Effect::Report(Event::Stands { instance: id, stand }));
        self.track_again(now, &[id], out);
        if stand.is_some_and(|stand| stand.course == StandCourse::Take) {
            self.change(now, id, out, Instance::take_over);
        }
    }
}

impl Instance {
    /// Does not wait for the master's silence: that one yields to the higher priority.
    fn take_over(&mut self, turn: &mut Turn<'_>) {
        if self.phase() == Phase::Backup {
            self.enter_master(turn, Cause::Operator);
        }
    }
}

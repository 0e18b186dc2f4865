// SPDX-License-Identifier: MIT OR Apache-2.0
//! What an instance is given for the time of one step: the moment, and where its effects go.

use std::collections::BTreeMap;

use super::io::{Effect, Event, Phase};
use super::types::{InstanceId, Ticket, WallTime};
use crate::proto::Instant;
pub(super) use crate::proto::noise::Noise;

pub(super) struct Turn<'a> {
    pub(super) now: Instant,
    /// Where waiting begins: now, or the end of the start delay.
    pub(super) from: Instant,
    pub(super) wall: WallTime,
    /// There are so many instances that their adverts are spread over the interval.
    pub(super) crowded: bool,
    /// The state of the sync group the instance is in.
    pub(super) group: Option<Phase>,
    pub(super) tickets: &'a mut Tickets,
    pub(super) noise: &'a mut Noise,
    pub(super) out: &'a mut Vec<Effect>,
}

impl Turn<'_> {
    pub(super) fn report(&mut self, event: Event) {
        self.out.push(Effect::Report(event));
    }
}

/// Which `Hold` waits for its answer, and whose it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "daemon", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Tickets {
    last: u64,
    open: BTreeMap<Ticket, InstanceId>,
}

impl Tickets {
    /// A ticket that replaces the one the instance still waits for.
    pub(super) fn open(&mut self, instance: InstanceId, replaces: Option<Ticket>) -> Ticket {
        if let Some(old) = replaces {
            self.open.remove(&old);
        }
        self.last += 1;
        let ticket = Ticket(self.last);
        self.open.insert(ticket, instance);
        ticket
    }

    pub(super) fn holder(&self, ticket: Ticket) -> Option<InstanceId> {
        self.open.get(&ticket).copied()
    }

    pub(super) fn close(&mut self, ticket: Ticket) {
        self.open.remove(&ticket);
    }

    /// Nobody waits for the answers to this instance any more.
    pub(super) fn forget(&mut self, instance: InstanceId) {
        self.open.retain(|_, holder| *holder != instance);
    }

    /// Begins again with the first ticket, if none is open.
    pub(super) fn forget_numbers(&mut self) {
        if self.is_idle() {
            self.last = 0;
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.open.is_empty()
    }
}

//! What an instance is given for the time of one step: the moment, and where its effects go.

use std::collections::BTreeMap;

use super::io::{Effect, Event, Phase};
use super::types::{InstanceId, Ticket, WallTime};
use crate::proto::Instant;

pub(super) struct Turn<'a> {
    pub(super) now: Instant,
    /// Where waiting begins: now, or the end of the start delay.
    pub(super) from: Instant,
    pub(super) wall: WallTime,
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

/// Spreads in time what several nodes would otherwise do in step. Fed by the seed alone (the generator is SplitMix64).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Noise(u64);

impl Noise {
    pub(super) fn new(seed: u64) -> Noise {
        Noise(seed)
    }

    /// Somewhere from 0 to `most`, both included.
    pub(super) fn up_to(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        match most.checked_add(1) {
            Some(count) => mixed % count,
            None => mixed,
        }
    }
}

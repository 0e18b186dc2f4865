// SPDX-License-Identifier: MIT OR Apache-2.0
//! Health of real servers: the engine that says what is to be checked and what the kernel's table should be.
//!
//! A [`checker`] turns answers into up or down. A [`server`] is up when all its checkers are. A virtual server has its
//! quorum, or its sorry server serves. What follows for the table is said as a whole, for every [`front`] that may have
//! changed, at the end of the turn ([`balance`]); whoever carries it out compares it with what is there.

mod balance;
mod checker;
mod front;
mod io;
mod operator;
mod params;
mod reconfigure;
mod server;
mod table;
mod turn;
mod types;
mod view;

#[cfg(test)]
mod tests;

pub use balance::SORRY_WEIGHT;
pub use checker::{Counters, SHORTAGE_PAUSE};
pub use front::{REFUSED_PAUSE, REFUSED_PAUSE_MAX};
pub use io::{Cause, Effect, Event, Input, Outcome, Refusal, Verb};
pub use params::{
    AtStop, Changes, CheckerParams, FrontParams, Globals, How, ServerParams, ServiceParams, Setup, SorryParams,
};
pub use server::Wish;
pub use table::{
    Checksum, Content, Destination, Key, Method, Persistence, Protocol, Spec, Thresholds, Tunnel, Wanted, Whose,
};
pub use types::{CheckerId, FrontId, Manner, Order, ServerId, ServiceId, Ticket, Timing, Verdict, WEIGHT_MAX, Weight};
pub use view::{CheckerView, ServerView, ServiceView};

pub use super::change::Change;
pub use super::family::Family;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use super::noise::Noise;
use super::{Deadline, Instant, Machine};
use checker::Checker;
use front::Fronts;
use server::{Server, Service};

/// No check is made in the first second, so that servers and network may come up together with us.
pub const FIRST_CHECK: Duration = Duration::from_secs(1);

/// One call of `expire` asks for at most so many checks; the others are due at once, after what came in meanwhile.
const PROBES_PER_TURN: usize = 1024;

/// Whose deadline it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Owner {
    Checker(CheckerId),
    /// The end of what an operator wished for a server.
    Wish(ServerId),
    /// What the kernel refused is to be tried again.
    Table,
}

/// All virtual servers of one worker.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Engine {
    globals: Globals,
    services: BTreeMap<ServiceId, Service>,
    servers: BTreeMap<ServerId, Server>,
    checkers: BTreeMap<CheckerId, Checker>,
    fronts: Fronts,
    present: BTreeSet<IpAddr>,
    /// Virtual servers whose checks depend on an address.
    followers: Vec<ServiceId>,
    due: BTreeSet<(Instant, Owner)>,
    scheduled: BTreeMap<Owner, Instant>,
    noise: Noise,
    started: bool,
    stopping: bool,
    finished: bool,
    /// What this turn has to tell, and which virtual servers it has to look at when everything is known.
    events: Vec<Event>,
    probes: Vec<(CheckerId, u16)>,
    touched: BTreeMap<ServiceId, Cause>,
}

impl Engine {
    /// An engine without virtual servers; the first `Input::Reconfigure` brings them. The seed spreads the checks.
    pub fn new(seed: u64) -> Engine {
        Engine {
            globals: Globals::default(),
            services: BTreeMap::new(),
            servers: BTreeMap::new(),
            checkers: BTreeMap::new(),
            fronts: Fronts::default(),
            present: BTreeSet::new(),
            followers: Vec::new(),
            due: BTreeSet::new(),
            scheduled: BTreeMap::new(),
            noise: Noise::new(seed),
            started: false,
            stopping: false,
            finished: false,
            events: Vec::new(),
            probes: Vec::new(),
            touched: BTreeMap::new(),
        }
    }

    fn schedule(&mut self, owner: Owner, at: Option<Instant>) {
        let before = match at {
            Some(at) => self.scheduled.insert(owner, at),
            None => self.scheduled.remove(&owner),
        };
        if let Some(before) = before {
            self.due.remove(&(before, owner));
        }
        if let Some(at) = at {
            self.due.insert((at, owner));
        }
    }

    /// Somewhere within `most` from `from`.
    fn spread(&mut self, from: Instant, most: Duration) -> Instant {
        let most = u64::try_from(most.as_nanos()).unwrap_or(u64::MAX);
        from + Duration::from_nanos(self.noise.up_to(most))
    }
}

impl Machine for Engine {
    type Input = Input;
    type Effect = Effect;

    fn handle(&mut self, now: Instant, input: Input, out: &mut Vec<Effect>) {
        match input {
            Input::Probed(checker, verdict) => self.probed(now, checker, verdict),
            Input::Reading(checker, verdict) => self.reading(checker, verdict),
            Input::Present(address, there) => self.present(now, address, there),
            Input::Settled(ticket, outcome) => self.settled(now, ticket, outcome),
            Input::Drifted => self.drifted(),
            Input::Reconfigure(changes) => self.reconfigure(now, changes, out),
            Input::Operator(order, verb) => self.operator(now, order, verb),
            Input::Stop => self.stop(out),
        }
        self.end_turn(out);
    }

    fn expire(&mut self, now: Instant, out: &mut Vec<Effect>) {
        while let Some((at, owner)) = self.due.first().copied() {
            if at > now || self.probes.len() >= PROBES_PER_TURN {
                break;
            }
            self.schedule(owner, None);
            match owner {
                Owner::Checker(id) => self.ask(now, id),
                Owner::Wish(id) => self.wish_over(id),
                Owner::Table => self.fronts.try_again(),
            }
        }
        self.end_turn(out);
    }

    fn deadline(&self) -> Option<Deadline> {
        let (at, owner) = self.due.first().copied()?;
        let why = match owner {
            Owner::Checker(_) => "check",
            Owner::Wish(_) => "end of an operator's wish",
            Owner::Table => "another try at the table",
        };
        Some(Deadline { at, why })
    }
}

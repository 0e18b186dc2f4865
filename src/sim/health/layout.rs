// SPDX-License-Identifier: MIT OR Apache-2.0
//! What there is in a world of load balancing, and what happens in it.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use crate::proto::health::{CheckerId, FrontId, Setup, Verb, Weight};

/// One world: everything that is not chance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    pub seed: u64,
    /// The configurations, the first of which the daemon starts with.
    pub setups: Vec<Setup>,
    pub steps: Vec<Step>,
    /// The longest a check may take; one that hangs takes exactly that.
    pub timeout: Duration,
    /// How long the kernel takes for a request.
    pub settle: (Duration, Duration),
    /// How late a turn may be.
    pub late: Duration,
    /// When nothing happens any more, and everything must come to rest.
    pub rests_at: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub at: Duration,
    pub act: Act,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// What a check finds from now on.
    Becomes(CheckerId, Health),
    /// What a good result says about the weight.
    Says(CheckerId, Option<Weight>),
    Present(IpAddr, bool),
    /// The daemon reads this configuration.
    Reload(usize),
    Kernel(Mood),
    /// Somebody else changes the table; the number chooses what.
    Meddles(u64),
    Asks(Verb),
    /// The daemon gets no processor time.
    Stalls(Duration),
}

/// What a check finds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Health {
    #[default]
    Well,
    /// It says no at once.
    Refuses,
    /// It says nothing until the time is over.
    Hangs,
    /// One page is broken.
    BadPage(u16),
    /// It says now this, now that.
    Lies,
    /// We cannot look, for a shortage of our own.
    Short,
}

/// What the kernel does with requests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Mood {
    #[default]
    Works,
    /// It refuses whatever concerns these.
    Refuses(BTreeSet<FrontId>),
    /// It has no table (any more).
    Gone,
}

impl fmt::Display for Act {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Act::Becomes(checker, health) => write!(out, "checker {} becomes {health:?}", checker.0),
            Act::Says(checker, weight) => write!(out, "checker {} says {weight:?}", checker.0),
            Act::Present(address, true) => write!(out, "{address} comes"),
            Act::Present(address, false) => write!(out, "{address} leaves"),
            Act::Reload(setup) => write!(out, "reload of configuration {setup}"),
            Act::Kernel(mood) => write!(out, "the kernel: {mood:?}"),
            Act::Meddles(_) => write!(out, "somebody changes the table"),
            Act::Asks(verb) => write!(out, "an operator: {verb:?}"),
            Act::Stalls(time) => write!(out, "no processor time for {time:?}"),
        }
    }
}

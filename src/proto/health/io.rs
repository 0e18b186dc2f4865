// SPDX-License-Identifier: MIT OR Apache-2.0
//! What goes into the engine and what comes out of it.

use std::net::IpAddr;
use std::time::Duration;

use super::params::Changes;
use super::table::Wanted;
use super::types::{CheckerId, FrontId, Order, ServerId, ServiceId, Ticket, Verdict};

/// One input.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Input {
    /// The answer to the `Probe` of this checker. Every `Probe` has one answer.
    Probed(CheckerId, Verdict),
    /// A checker that is told: what was read. May come at any time.
    Reading(CheckerId, Verdict),
    /// An address came to this host, or left it. Told of every address at the start; only what virtual servers with
    /// `ha_suspend` follow matters.
    Present(IpAddr, bool),
    /// The answer to the `Balance` or `Flush` of this ticket.
    Settled(Ticket, Outcome),
    /// The table is not what was wanted: somebody else changed it.
    Drifted,
    /// The wanted configuration changed. The first one builds everything.
    Reconfigure(Changes),
    Operator(Order, Verb),
    /// Leave. Over when [`Engine::is_finished`](super::Engine::is_finished).
    Stop,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The table is as wanted.
    Done,
    /// The kernel refused something of these fronts; everything else is as wanted.
    Refused(Vec<FrontId>),
    /// There is no table to change (no IPVS in this kernel).
    Unavailable,
}

/// What an operator can ask for. Wishes last until their end, until they are taken back or until the server is gone; a
/// reload keeps them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Verb {
    /// Weight 0: no new connections. Refused for the last server in service unless forced.
    Drain { server: ServerId, lasts: Option<Duration>, force: bool },
    /// This weight instead of the configured one.
    Weight { server: ServerId, weight: u32, lasts: Option<Duration>, force: bool },
    /// What an operator wished for this server is over.
    Restore { server: ServerId },
    /// Every check of this server, now.
    Check { server: ServerId },
}

/// Why an order was not carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Refusal {
    NoSuchServer,
    /// No server of the virtual server would be left in service, and there is no sorry server.
    LastServer,
    /// Above [`WEIGHT_MAX`](super::WEIGHT_MAX).
    WeightTooLarge,
    /// Nothing was wished for this server.
    NothingToRestore,
    /// The server has no check that can be made on demand.
    NothingToCheck,
    /// Its checks are suspended while the address of the virtual server is elsewhere.
    Suspended,
    Stopping,
}

/// One effect.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Make this check; the number is the page to ask for, 0 where there are no pages.
    Probe(CheckerId, u16),
    /// What these services of the kernel are to be from now on.
    Balance(Ticket, Vec<Wanted>),
    /// Empty the whole table.
    Flush(Ticket),
    Report(Event),
}

/// Something happened that an operator, a notification or a counter may want to know. Of one turn, what causes comes
/// before what it causes: checker, server, quorum.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// A checker gave its first result or changed its mind. `failures`: how many in a row led to it.
    Checker {
        checker: CheckerId,
        up: bool,
        first: bool,
        failures: u32,
    },
    /// A check failed, and so many further attempts are left; with `log_all_failures` only.
    CheckFailed {
        checker: CheckerId,
        left: u32,
    },
    /// A check could not be made, for a shortage of our own; told once until one can be made again.
    NotChecked {
        checker: CheckerId,
    },
    CheckedAgain {
        checker: CheckerId,
        missed: u32,
    },
    /// A real server came into service or left it. `notify` is false where keepalived stays silent.
    Server {
        server: ServerId,
        up: bool,
        cause: Cause,
        notify: bool,
    },
    /// The weight a server has while it is in service.
    Weight {
        server: ServerId,
        from: u32,
        to: u32,
    },
    /// A virtual server gained its quorum or lost it. These always alternate.
    Quorum {
        service: ServiceId,
        up: bool,
        cause: Cause,
        weight: u64,
        quorum: u32,
        hysteresis: u32,
    },
    /// The sorry server serves from now on, or no longer.
    Sorry {
        service: ServiceId,
        used: bool,
    },
    /// The checks of a virtual server rest while its address is elsewhere.
    Suspended {
        service: ServiceId,
    },
    Resumed {
        service: ServiceId,
    },
    /// The kernel refused something of these; told once until all of it is as wanted.
    TableRefused {
        fronts: Vec<FrontId>,
    },
    /// There is no table; told once until there is one.
    TableUnavailable,
    /// All refusals are over.
    TableSettled,
    /// The table was found changed by somebody else, and is repaired.
    TableDrifted,
    Answered {
        order: Order,
        answer: Result<(), Refusal>,
    },
    /// What an operator wished for this server is over by itself.
    WishOver {
        server: ServerId,
    },
    /// Nothing is left to do after `Stop`.
    Finished,
}

/// Why a real or virtual server is up or down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// The daemon starts.
    Start,
    /// A result of this checker.
    Check(CheckerId),
    /// The first check failed of a server that waits for its first success: it was never up.
    NeverUp(CheckerId),
    /// The configuration changed.
    Reload,
    /// It is not in the configuration any more.
    Removed,
    Operator,
    /// The daemon ends.
    Stop,
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! One check of one server: what was found out, and why. Each kind is a file with one function; the only `match` over
//! the kinds is here.
//!
//! Every check ends by itself within its `connect_timeout`, or twice that where a connection is followed by an answer.

mod dns;
pub mod exchange;
mod http;
mod judge;
mod misc;
mod ping;
mod programs;
mod smtp;
mod ssl;
mod tcp;
#[cfg(test)]
mod testing;
mod udp;

use std::sync::atomic::AtomicU16;

use keepalived_conf::blocks::lvs::check::Checker;

use crate::dial::{DialError, Dialer, Target};
use crate::proto::health::{Verdict, Weight};
use crate::worker::check::web::Web;
pub use programs::{PROGRAMS_MAX, Programs};

/// What a check found out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub verdict: Verdict,
    /// One line for the log; empty when all is well.
    pub why: String,
}

impl Finding {
    pub fn good() -> Finding {
        Finding { verdict: Verdict::Good(None), why: String::new() }
    }

    /// Well, and this is the weight it wants.
    pub fn weighed(weight: Weight) -> Finding {
        Finding { verdict: Verdict::Good(Some(weight)), why: String::new() }
    }

    pub fn bad(why: impl Into<String>) -> Finding {
        Finding { verdict: Verdict::Bad, why: why.into() }
    }

    pub fn not_checked(why: impl Into<String>) -> Finding {
        Finding { verdict: Verdict::NotChecked, why: why.into() }
    }
}

impl From<DialError> for Finding {
    fn from(error: DialError) -> Finding {
        if error.is_ours() { Finding::not_checked(error.to_string()) } else { Finding::bad(error.to_string()) }
    }
}

/// Packets that are no answer, after which an answer is not waited for any more.
const STRANGERS_MAX: usize = 1000;

/// Room for what comes; without memory for it nothing can be said about the server.
fn room(length: usize) -> Result<Vec<u8>, Finding> {
    let mut room = Vec::new();
    match room.try_reserve_exact(length) {
        Ok(()) => Ok(room),
        Err(_) => Err(Finding::not_checked("there is no memory for an answer")),
    }
}

/// What checks are made with.
#[derive(Debug)]
pub struct Tools {
    pub dialer: Dialer,
    pub patterns: judge::Patterns,
    pub programs: Programs,
    pub web: Web,
    /// The sequence number of the next ping; every ping has its own.
    pings: AtomicU16,
}

impl Tools {
    pub fn new(dialer: Dialer) -> Tools {
        let (patterns, programs, web) = (judge::Patterns::default(), Programs::default(), Web::new(None));
        Tools { dialer, patterns, programs, web, pings: AtomicU16::new(1) }
    }
}

/// Checks once. `step` says which of the urls of an HTTP check is asked for; it is 0 for all others. Needs a tokio
/// runtime with I/O and time enabled. Dropping the future ends the check.
pub async fn probe(checker: &Checker, step: u16, tools: &Tools) -> Finding {
    let dialer = &tools.dialer;
    // A check is as large as the largest kind that stands here: the many are to be small, so the few have a place of
    // their own.
    match checker {
        Checker::Tcp(check) => tcp::probe(check, &Target::of(&check.connection), dialer).await,
        Checker::Http(check) if check.tls => {
            Box::pin(ssl::probe(check, step, &Target::of(&check.connection), tools)).await
        }
        Checker::Http(check) => http::probe(check, step, &Target::of(&check.connection), tools).await,
        Checker::Smtp(check) => Box::pin(smtp::probe(check, &Target::of(&check.connection), dialer)).await,
        Checker::Dns(check) => Box::pin(dns::probe(check, &Target::of(&check.connection), dialer)).await,
        Checker::Udp(check) => Box::pin(udp::probe(check, &Target::of(&check.connection), dialer)).await,
        Checker::Ping(check) => Box::pin(ping::probe(check, &Target::of(&check.connection), tools)).await,
        Checker::Misc(check) => Box::pin(misc::probe(check, tools)).await,
        // They are told how their server is.
        Checker::File(_) | Checker::Bfd(_) => {
            Finding::not_checked(format!("{} is told and not asked", checker.keyword()))
        }
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The protocol machines, pure: no clock, no socket, no randomness, no log.
//!
//! Every machine keeps one contract: one input and the time go in, an ordered list of effects comes out. Whoever
//! drives it (the daemon, the simulator, `simulate`, the model checker) carries the effects out in that order before
//! it hands over the next input.

pub mod change;
pub mod exchange;
pub mod family;
pub mod health;
mod noise;
#[cfg(feature = "daemon")]
mod pairs;
#[cfg(feature = "daemon")]
mod shared;
pub mod time;
pub mod timers;
pub mod track;
pub mod vrrp;

pub use time::{Deadline, Instant, Why};
pub use timers::{Purpose, Timers};

/// A pure state machine.
pub trait Machine {
    type Input;
    type Effect;

    /// Takes one input. Effects are appended to `out` in the order in which they must be carried out.
    fn handle(&mut self, now: Instant, input: Self::Input, out: &mut Vec<Self::Effect>);

    /// Does what is due at `now`. Call it after pending inputs were handed over, so that an advert that waits in a
    /// queue beats a timer that ran out meanwhile.
    fn expire(&mut self, now: Instant, out: &mut Vec<Self::Effect>);

    /// When `expire` wants to be called next, and why.
    fn deadline(&self) -> Option<Deadline>;
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The parent of everything: configuration, signals, and the life of the workers.
//!
//! It reads the configuration once for all, starts the workers, listens to them, and does in their place what a worker
//! that died can no longer do. It parses nothing that comes from a network.

mod appointment;
mod backoff;
mod chatter;
pub mod daemon;
mod execute;
mod forecast;
mod house;
mod keeper;
mod past;
mod premises;
pub mod role;
mod signals;
mod source;
mod watchdog;
mod will;
mod workers;

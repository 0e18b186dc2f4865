// SPDX-License-Identifier: MIT OR Apache-2.0
//! The status worker: shows what the others say to whoever asks, over a Unix socket and over HTTP.
//!
//! It listens first and then gives up every right it has. It only ever holds snapshots; what it asks of the others goes
//! through the supervisor, at a bounded rate, so that no number of askers reaches the protocol.

pub mod control;
mod desk;
pub mod http;
pub mod role;

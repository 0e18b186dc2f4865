// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the daemon tells: its log, and its state in the forms other programs read.

pub mod dump;
pub mod log;
pub mod metrics;
pub mod page;
pub mod peers;
pub mod recording;
pub mod snapshot;

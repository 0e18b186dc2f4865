// SPDX-License-Identifier: MIT OR Apache-2.0
//! Steadfast keeps a service's address alive.
//!
//! `proto`, `plan` and `sim` are pure and build without the feature `daemon`, for any target. Everything else talks to
//! the operating system through `kernel`.

#[cfg(feature = "daemon")]
pub mod channel;
#[cfg(feature = "daemon")]
pub mod cli;
#[cfg(feature = "daemon")]
pub mod dial;
#[cfg(feature = "daemon")]
pub mod kernel;
#[cfg(feature = "daemon")]
pub mod notify;
#[cfg(feature = "daemon")]
pub mod observe;
pub mod plan;
pub mod proto;
#[cfg(feature = "daemon")]
pub mod render;
pub mod sim;
#[cfg(feature = "daemon")]
pub mod supervisor;
#[cfg(feature = "daemon")]
pub mod watch;
#[cfg(feature = "daemon")]
pub mod worker;

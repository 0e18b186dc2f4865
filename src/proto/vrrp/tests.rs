// SPDX-License-Identifier: MIT OR Apache-2.0
//! The engine as a whole, driven as the daemon drives it: inputs and time in, effects out.

mod elections;
mod groups;
mod handover;
mod holdings;
mod kit;
mod packets;
mod properties;
mod record;
mod reload;
mod sleep;
mod tracking;
mod transitions;

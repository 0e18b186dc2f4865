// SPDX-License-Identifier: MIT OR Apache-2.0
//! The workers: one loop each around one machine. They never import each other.

pub mod check;
pub mod drive;
pub mod process;
pub mod standing;
pub mod status;
pub mod vrrp;

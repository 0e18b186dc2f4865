// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a configuration means on this host: values only, nothing is done here.

pub mod lvs;
pub mod notify;
pub mod vrrp;

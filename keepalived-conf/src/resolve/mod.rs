// SPDX-License-Identifier: MIT OR Apache-2.0
//! Across blocks: inherited defaults, references, clashes. Every part has its own file.

pub mod global;
pub mod lvs;
pub mod tracking;
pub mod vrrp;

use crate::blocks::Config;
use crate::value::Cx;

/// Fills in defaults and checks what needs the whole configuration.
pub fn resolve(config: &mut Config, cx: &mut Cx<'_>) {
    global::resolve(config, cx);
    vrrp::resolve(config, cx);
    lvs::resolve(config, cx);
    tracking::resolve(config, cx);
}

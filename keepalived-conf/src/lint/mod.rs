// SPDX-License-Identifier: MIT OR Apache-2.0
//! Mistakes that cause outages: each is legal, and each was made by somebody. Lints look at resolved configurations and
//! change nothing. Every lint has a code and a paragraph in `docs/lints.md`.

pub mod lvs;
pub mod vrrp;

use crate::blocks::Config;
use crate::diagnostic::{Diagnostic, Diagnostics};

/// What is suspicious in one configuration.
pub fn lint(config: &Config) -> Diagnostics {
    let mut findings = Diagnostics::new();
    vrrp::lint(config, &mut findings);
    lvs::lint(&config.lvs, &mut findings);
    findings
}

/// What does not fit between nodes that are to work together. Each finding comes with the number of the node whose
/// text it points at.
pub fn across(nodes: &[&Config]) -> Vec<(usize, Diagnostic)> {
    vrrp::across(nodes)
}

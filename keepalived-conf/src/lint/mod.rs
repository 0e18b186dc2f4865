//! What is legal, but hardly meant. Lints look at a resolved configuration and change nothing.
//!
//! Every lint has a code and a paragraph in `docs/lints.md`.

pub mod lvs;

use crate::blocks::Config;
use crate::diagnostic::Diagnostics;

/// All lints, over a configuration that has been resolved.
pub fn lint(config: &Config) -> Diagnostics {
    let mut findings = Diagnostics::new();
    lvs::lint(&config.lvs, &mut findings);
    findings
}

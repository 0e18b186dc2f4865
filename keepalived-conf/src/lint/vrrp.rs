//! Lints on VRRP.

use crate::blocks::Config;
use crate::diagnostic::{Diagnostic, Diagnostics};

pub(super) fn lint(_: &Config, _: &mut Diagnostics) {}

pub(super) fn across(_: &[&Config]) -> Vec<(usize, Diagnostic)> {
    Vec::new()
}

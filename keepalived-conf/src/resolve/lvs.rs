//! Provisional.

use crate::blocks::Config;
use crate::value::Cx;

pub(super) fn resolve(_: &mut Config, _: &mut Cx<'_>) {}

//! Process-wide settings: `global_defs` and the settings that stand at top level.

use super::Config;
use crate::schema::Keyword;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Global {}

/// The rows this part adds to the top level.
pub(super) fn rows() -> Vec<Keyword<Config>> {
    Vec::new()
}

//! Load balancing: virtual servers, real servers and their checkers.

use super::Config;
use crate::schema::Keyword;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Lvs {}

/// The rows this part adds to the top level.
pub(super) fn rows() -> Vec<Keyword<Config>> {
    Vec::new()
}

//! VRRP: instances, sync groups, static addresses, routes and rules.

use super::Config;
use crate::schema::Keyword;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Vrrp {}

/// The rows this part adds to the top level.
pub(super) fn rows() -> Vec<Keyword<Config>> {
    Vec::new()
}

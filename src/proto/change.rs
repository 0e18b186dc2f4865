// SPDX-License-Identifier: MIT OR Apache-2.0
//! Differences between two sets of parameters: what a reload says to a machine.

use std::collections::BTreeMap;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "daemon", derive(serde::Serialize, serde::Deserialize))]
pub enum Change<T> {
    /// New, or different from before.
    Set(T),
    Removed,
}

/// What turns `old` into `new`. What is not named is unchanged.
pub(super) fn difference<K: Ord + Copy, V: Clone + PartialEq>(
    old: &BTreeMap<K, V>,
    new: &BTreeMap<K, V>,
) -> BTreeMap<K, Change<V>> {
    let removed = old.keys().filter(|key| !new.contains_key(key)).map(|key| (*key, Change::Removed));
    let set = new
        .iter()
        .filter(|(key, value)| old.get(key) != Some(value))
        .map(|(key, value)| (*key, Change::Set(value.clone())));
    removed.chain(set).collect()
}

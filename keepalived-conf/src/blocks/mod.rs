// SPDX-License-Identifier: MIT OR Apache-2.0
//! The tables of all blocks, in the order of the manual, and the configuration they fill.
//!
//! Four parts: what is global, what is tracked, VRRP, and load balancing. Each part has a struct, the rows it adds to
//! the top level, and one file a block.

pub mod global;
pub mod lvs;
pub mod tracking;
pub mod vrrp;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::diagnostic::Class;
use crate::schema::{self, Block, Entry, Node, Seen};

/// Everything the operator wrote, typed. After resolving, every setting holds the value in force.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Config {
    pub global: global::Global,
    pub tracking: tracking::Tracking,
    pub vrrp: vrrp::Vrrp,
    pub lvs: lvs::Lvs,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub seen: Seen,
}

impl Node for Config {
    fn seen(&mut self) -> &mut Seen {
        &mut self.seen
    }
}

/// The top level.
pub static ROOT: LazyLock<Block<Config>> = LazyLock::new(|| {
    let parts = [global::rows(), tracking::rows(), vrrp::rows(), lvs::rows()];
    Block::new("", parts.into_iter().flatten().collect())
});

/// What concerns the whole daemon.
pub static GLOBAL: LazyLock<Block<Config>> = LazyLock::new(|| Block::new("", global::rows()));

/// Every row with its path.
pub fn entries() -> &'static [Entry] {
    static ENTRIES: LazyLock<Vec<Entry>> = LazyLock::new(|| schema::entries(&ROOT));
    &ENTRIES
}

/// How keepalived grades a missing `{` after the last of these keywords, each in the block of the one before; nothing
/// when it takes no block.
pub(crate) fn opens(path: &[&str]) -> Option<Class> {
    static OPENS: LazyLock<BTreeMap<Vec<&'static str>, Class>> = LazyLock::new(|| {
        let lists = entries().iter().filter(|entry| !entry.row.entry.is_empty());
        let lists = lists.map(|entry| ([entry.path.as_slice(), &[entry.row.name]].concat(), Class::Logged));
        let blocks = entries().iter().filter(|entry| !entry.path.is_empty());
        lists.chain(blocks.map(|entry| (entry.path.clone(), Class::MissingOpen))).collect()
    });
    let opens: &BTreeMap<Vec<&str>, Class> = &OPENS;
    opens.get(path).copied()
}

/// In which blocks each keyword stands.
pub(crate) fn places() -> &'static BTreeMap<&'static str, Vec<String>> {
    static PLACES: LazyLock<BTreeMap<&'static str, Vec<String>>> = LazyLock::new(|| schema::places(entries()));
    &PLACES
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Dumps as keepalived writes them: exporters, liveness probes and web front ends read these files by their labels,
//! indentation and keys, so the layout is a contract.

pub mod check;
pub mod data;
pub mod json;
pub mod place;
pub mod stats;
mod words;

#[cfg(test)]
mod tests;

use keepalived_conf::blocks::global::Global;
use keepalived_conf::blocks::tracking::Tracking;
use keepalived_conf::blocks::vrrp::entry::track::{Kind, Track};
use keepalived_conf::blocks::vrrp::{Vrrp, VrrpInstance};

/// What of the configuration a dump repeats.
#[derive(Clone, Debug, Default)]
pub struct Written {
    pub global: Global,
    pub tracking: Tracking,
    pub vrrp: Vrrp,
}

impl Written {
    /// What an instance tracks by itself: what it has from its sync group is told of the group.
    fn own_tracks<'a>(&'a self, instance: &'a VrrpInstance, kind: Kind) -> impl Iterator<Item = &'a Track> + use<'a> {
        let group = self.vrrp.sync_groups.iter().find(|group| Some(&group.name) == instance.sync_group.as_ref());
        let of_group = move |track: &Track| {
            group.is_some_and(|group| group.tracks.of(kind).iter().any(|one| one.name.text == track.name.text))
        };
        instance.tracks.of(kind).iter().filter(move |track| !of_group(track))
    }
}

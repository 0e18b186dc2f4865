// SPDX-License-Identifier: MIT OR Apache-2.0
//! Numbers for names. A name keeps its number from plan to plan; a number is never given to another name.

use std::collections::BTreeMap;

use super::{Detail, Port};
use crate::proto::vrrp::{DetailId, GroupId, InstanceId, LinkId, PortId, TrackId};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Numbers {
    instances: BTreeMap<String, InstanceId>,
    groups: BTreeMap<String, GroupId>,
    ports: BTreeMap<Port, PortId>,
    links: BTreeMap<String, LinkId>,
    tracks: BTreeMap<(&'static str, String), TrackId>,
    /// What a detail says has no order of its own; its text has.
    details: BTreeMap<String, DetailId>,
}

/// The number of `key`: the one it has, or the next.
fn number<K: Ord, N: Copy>(map: &mut BTreeMap<K, N>, key: K, wrap: fn(u32) -> N) -> N {
    // Numbers are given in order and never taken back, so the count is the next one.
    let next = wrap(u32::try_from(map.len()).unwrap_or(u32::MAX));
    *map.entry(key).or_insert(next)
}

impl Numbers {
    pub(super) fn instance(&mut self, name: &str) -> InstanceId {
        number(&mut self.instances, name.to_owned(), InstanceId)
    }

    pub(super) fn known_instance(&self, name: &str) -> Option<InstanceId> {
        self.instances.get(name).copied()
    }

    pub(super) fn group(&mut self, name: &str) -> GroupId {
        number(&mut self.groups, name.to_owned(), GroupId)
    }

    pub(super) fn port(&mut self, port: &Port) -> PortId {
        number(&mut self.ports, port.clone(), PortId)
    }

    pub(super) fn link(&mut self, name: &str) -> LinkId {
        number(&mut self.links, name.to_owned(), LinkId)
    }

    pub(super) fn track(&mut self, kind: &'static str, name: &str) -> TrackId {
        number(&mut self.tracks, (kind, name.to_owned()), TrackId)
    }

    pub(super) fn detail(&mut self, detail: &Detail) -> DetailId {
        number(&mut self.details, format!("{detail:?}"), DetailId)
    }
}

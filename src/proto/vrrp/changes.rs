// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a reload changes. What is not named is unchanged and yields no effect at all.

use std::collections::BTreeMap;

use super::params::{Globals, GroupParams, Params, PortParams};
use super::types::{GroupId, InstanceId, PortId, TrackId};
use crate::proto::change::difference;
use crate::proto::track::TrackParams;

pub use crate::proto::change::Change;

/// A whole wanted configuration of the engine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Setup {
    pub globals: Globals,
    pub ports: BTreeMap<PortId, PortParams>,
    pub tracks: BTreeMap<TrackId, TrackParams>,
    pub instances: BTreeMap<InstanceId, Params>,
    pub groups: BTreeMap<GroupId, GroupParams>,
}

/// The difference between two of them. The engine finds out itself whether an instance it has is merely retuned or
/// holds something else from now on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "daemon", derive(serde::Serialize, serde::Deserialize))]
pub struct Changes {
    pub globals: Option<Globals>,
    pub ports: BTreeMap<PortId, Change<PortParams>>,
    pub tracks: BTreeMap<TrackId, Change<TrackParams>>,
    pub instances: BTreeMap<InstanceId, Change<Params>>,
    pub groups: BTreeMap<GroupId, Change<GroupParams>>,
}

impl Changes {
    pub fn between(old: &Setup, new: &Setup) -> Changes {
        Changes {
            globals: (old.globals != new.globals).then(|| new.globals.clone()),
            ports: difference(&old.ports, &new.ports),
            tracks: difference(&old.tracks, &new.tracks),
            instances: difference(&old.instances, &new.instances),
            groups: difference(&old.groups, &new.groups),
        }
    }

    pub fn is_empty(&self) -> bool {
        let Changes { globals, ports, tracks, instances, groups } = self;
        globals.is_none() && ports.is_empty() && tracks.is_empty() && instances.is_empty() && groups.is_empty()
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The small values everything else in VRRP is said with: ids, family, version, wall-clock time.

use std::time::Duration;

pub use crate::proto::family::Family;

/// What an instance sends from and receives on: a pair of sockets the worker prepared, with the interface (real,
/// VMAC or ipvlan), the group or the unicast source they belong to. Several instances may share one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "daemon", derive(serde::Serialize, serde::Deserialize))]
pub struct PortId(pub u32);

/// A `vrrp_instance`. The plan numbers them in configuration order and keeps the number over a reload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "daemon", derive(serde::Serialize, serde::Deserialize))]
pub struct InstanceId(pub u32);

/// A `vrrp_sync_group`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "daemon", derive(serde::Serialize, serde::Deserialize))]
pub struct GroupId(pub u32);

/// A tracked object: script, file, process, interface, BFD session, address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "daemon", derive(serde::Serialize, serde::Deserialize))]
pub struct TrackId(pub u32);

/// A network interface named by an address; the plan knows its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "daemon", derive(serde::Serialize, serde::Deserialize))]
pub struct LinkId(pub u32);

/// A row of a table only the plan and the kernel side read: how an address is labelled and scoped, or a route or a
/// rule. The machine compares it and never looks behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "daemon", derive(serde::Serialize, serde::Deserialize))]
pub struct DetailId(pub u32);

/// Names one `Hold`; its `Settled` brings it back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "daemon", derive(serde::Serialize, serde::Deserialize))]
pub struct Ticket(pub u64);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "daemon", derive(serde::Serialize, serde::Deserialize))]
pub enum Version {
    V2,
    V3,
}

/// Time since the Unix epoch. Comes in with the input; no machine reads a clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "daemon", derive(serde::Serialize, serde::Deserialize))]
pub struct WallTime(pub Duration);

// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the VRRP worker is to do: the engine's setup, and what stands behind the numbers in it.
//!
//! Numbers mean the same over a reload: an instance, port, link, detail or track that is in the old plan and in the new
//! one keeps its number, and one whose content differs gets another (a changed label is another detail). The engine and
//! the worker compare numbers only.

mod compile;
mod details;
mod encap;
mod instance;
mod numbers;
pub mod surroundings;
mod tracks;
mod virtuals;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use keepalived_conf::blocks::tracking::vrrp_track_process::TrackProcess;
use keepalived_conf::script::Script;

use self::surroundings::Surroundings;
use crate::proto::vrrp::{DetailId, Family, GroupId, Holdings, InstanceId, LinkId, PortId, Setup, TrackId};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VrrpPlan {
    pub setup: Setup,
    pub instances: BTreeMap<InstanceId, String>,
    pub groups: BTreeMap<GroupId, String>,
    pub tracks: BTreeMap<TrackId, Tracked>,
    pub ports: BTreeMap<PortId, Port>,
    /// Interfaces that addresses name.
    pub links: BTreeMap<LinkId, String>,
    /// Virtual MACs that are there for addresses alone.
    pub address_vmacs: Vec<AddressVmac>,
    pub details: BTreeMap<DetailId, Detail>,
    /// Static addresses, routes and rules, held whoever is master.
    pub statics: Holdings,
    pub spacing: Spacing,
    pub filter: FilterPlan,
    /// `vrrp_vip_lease`, in seconds: addresses vanish by themselves unless they are renewed.
    pub lease: Option<u32>,
    /// How readings of tracks that the worker is told come about.
    pub told: BTreeMap<TrackId, Told>,
    pub around: Surroundings,
    /// What could not be planned, in words for the log.
    pub troubles: Vec<String>,
    numbers: numbers::Numbers,
}

/// The packet filter of addresses that are not accepted. What stands here counts from the first use on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FilterPlan {
    pub table: String,
    pub priority: i32,
    pub counters: bool,
    /// `nftables_ifindex`: interfaces are known by their index even where another may take their place.
    pub by_index: bool,
}

/// How close announcements may follow each other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spacing {
    /// On each interface that is in no group.
    pub everywhere: Gaps,
    /// Each `garp_group`: its interfaces share the gaps.
    pub groups: Vec<SpacingGroup>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SpacingGroup {
    pub gaps: Gaps,
    pub interfaces: BTreeSet<String>,
}

/// The least time between two gratuitous ARPs and between two neighbour advertisements; zero is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gaps {
    pub arp: Duration,
    pub advert: Duration,
}

/// A tracked object: its name, and where readings come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tracked {
    pub name: String,
    pub source: TrackSource,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrackSource {
    /// Whether this interface is up and running. The worker sees that itself.
    Interface(String),
    /// Whether this interface has this address.
    Address(String, IpAddr),
    /// Scripts, files, processes and sessions: readings are handed to the worker.
    Told,
}

/// A tracked object that somebody looks at for the worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    Script {
        command: Script,
        interval: Duration,
        timeout: Duration,
    },
    File {
        path: String,
    },
    Process(Box<TrackProcess>),
    /// The BFD worker says.
    Bfd,
}

/// What adverts of one family and protocol go through on one interface. Instances with equal ports share one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Port {
    pub family: Family,
    /// IP authentication headers (protocol 51) instead of plain VRRP (112).
    pub authenticated: bool,
    /// The configured interface. Unicast instances may have none.
    pub interface: Option<String>,
    /// The VRF of a unicast instance without an interface.
    pub vrf: Option<String>,
    /// The virtual interface adverts and addresses belong to instead.
    pub over: Option<Over>,
    pub hears: Hears,
}

/// Where adverts come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hears {
    Group(IpAddr),
    /// The unicast source; `None` is the one the interface has.
    Address(Option<IpAddr>),
}

/// An interface made for virtual routers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Over {
    pub name: String,
    pub kind: OverKind,
    /// `vmac_xmit_base`: adverts leave and come in by the interface beneath.
    pub transmit_base: bool,
    /// The interface group; `None` copies the one of the interface beneath.
    pub group: Option<u32>,
    /// IPv6: whether the kernel may speak it there at all.
    pub ipv6: bool,
    /// IPv6 instances: the link-local address it gets; `None` copies the one of the interface beneath.
    pub link_local: Option<Ipv6Addr>,
}

/// `use_vmac` of an address: the interface is shared by all addresses of one virtual router id and family on one base.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressVmac {
    pub base: String,
    pub family: Family,
    pub over: Over,
}

impl VrrpPlan {
    /// Every virtual interface: the one beneath, the family of its router, itself.
    pub fn virtuals(&self) -> impl Iterator<Item = (&str, Family, &Over)> {
        let of_ports =
            self.ports.values().filter_map(|port| Some((port.interface.as_deref()?, port.family, port.over.as_ref()?)));
        of_ports.chain(self.address_vmacs.iter().map(|vmac| (vmac.base.as_str(), vmac.family, &vmac.over)))
    }
}

impl Over {
    pub fn is_vmac(&self) -> bool {
        matches!(self.kind, OverKind::Vmac(_))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OverKind {
    Vmac([u8; 6]),
    Ipvlan { mode: IpvlanMode, address: Option<(IpAddr, u8)> },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum IpvlanMode {
    Bridge,
    Private,
    Vepa,
}

/// A row the engine never looks behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Detail {
    Address(AddressDetail),
    Route(Box<Route>),
    Rule(Box<Rule>),
}

/// How an address differs from a plain one.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct AddressDetail {
    pub scope: Option<u8>,
    pub broadcast: Option<Broadcast>,
    pub label: Option<String>,
    pub peer: Option<(IpAddr, u8)>,
    pub home: bool,
    /// Look for duplicates first (`-nodad`).
    pub dad: bool,
    pub mngtmpaddr: bool,
    pub noprefixroute: bool,
    pub autojoin: bool,
    /// Seconds; `None` is the default: 0 for an IPv6 address of 128 bits, else for ever.
    pub preferred: Option<Lifetime>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Broadcast {
    Is(Ipv4Addr),
    /// `+`: all ones after the prefix.
    Ones,
    /// `-`: all zeros after the prefix.
    Zeros,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lifetime {
    Seconds(u32),
    Forever,
}

/// A virtual route; numbers are the kernel's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route {
    pub family: Family,
    pub insert: Insert,
    /// `None` is the default route.
    pub destination: Option<(IpAddr, u8)>,
    pub source: Option<(IpAddr, u8)>,
    pub tos: u8,
    pub table: u32,
    pub protocol: u8,
    pub scope: u8,
    pub kind: u8,
    pub hops: Vec<Hop>,
    pub preferred_source: Option<IpAddr>,
    pub metric: Option<u32>,
    /// The kernel's number, the value, and whether it is locked.
    pub metrics: Vec<(u16, u32, bool)>,
    pub congestion: Option<String>,
    pub preference: Option<u8>,
    pub expires: Option<u32>,
    /// Whether the TTL of a packet goes into the tunnel's header.
    pub ttl_propagate: Option<bool>,
}

/// What adding does when a route to the same destination is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Insert {
    /// `add`: refuse.
    Exclusive,
    /// `append`: go behind it.
    Append,
    /// `prepend`, or no word: go before it.
    Prepend,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hop {
    pub via: Option<IpAddr>,
    pub interface: Option<String>,
    pub onlink: bool,
    /// 1 to 256.
    pub weight: u16,
    pub realms: Option<u32>,
    pub encap: Option<Encap>,
}

/// A light-weight tunnel that a route goes into: its type, and what the kernel wants to know.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Encap {
    pub kind: u16,
    pub attributes: Vec<(u16, Vec<u8>)>,
}

/// A virtual rule; numbers are the kernel's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rule {
    pub family: Family,
    pub action: u8,
    pub table: u32,
    pub invert: bool,
    pub from: Option<(IpAddr, u8)>,
    pub to: Option<(IpAddr, u8)>,
    pub tos: u8,
    pub priority: Option<u32>,
    pub mark: Option<u32>,
    pub mask: Option<u32>,
    pub input: Option<String>,
    pub output: Option<String>,
    pub goto: Option<u32>,
    pub realms: Option<u32>,
    pub tunnel: Option<u64>,
    pub suppress_group: Option<u32>,
    pub suppress_prefix: Option<u32>,
    pub l3mdev: bool,
    pub users: Option<(u32, u32)>,
    pub protocol: u8,
    pub ip_protocol: Option<u8>,
    pub source_ports: Option<(u16, u16)>,
    pub destination_ports: Option<(u16, u16)>,
}

#[cfg(test)]
mod tests;

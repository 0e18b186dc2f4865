// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the kernel's table should be.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use super::types::{FrontId, ServerId, ServiceId};
use crate::proto::family::Family;

/// What is wanted of some services of the kernel, as a whole: whoever carries it out compares it with what is there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Wanted {
    pub front: FrontId,
    pub keys: Arc<[Key]>,
    /// The content of each of these services; `None` is that there are to be no such services.
    pub content: Option<Content>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Content {
    pub spec: Arc<Spec>,
    /// In the order of the configuration; no address and port stands twice.
    pub destinations: Vec<Destination>,
}

/// What the kernel knows a service by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    Address {
        protocol: Protocol,
        ip: IpAddr,
        /// 0 is every port.
        port: u16,
    },
    Fwmark {
        family: Family,
        mark: u32,
    },
}

impl Key {
    pub fn family(self) -> Family {
        match self {
            Key::Address { ip, .. } => Family::of(ip),
            Key::Fwmark { family, .. } => family,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    Tcp,
    Udp,
    Sctp,
}

impl Protocol {
    /// The number in an IP header.
    pub fn number(self) -> u8 {
        match self {
            Protocol::Tcp => 6,
            Protocol::Udp => 17,
            Protocol::Sctp => 132,
        }
    }
}

/// How a service chooses its destinations.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Spec {
    /// The kernel's name.
    pub scheduler: &'static str,
    /// The kernel's flags without the one for persistence: 0x04 one packet, 0x08, 0x10 and 0x20 the scheduler's.
    pub flags: u32,
    pub persistence: Option<Persistence>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Persistence {
    pub timeout: Duration,
    /// Which part of a client's address counts: for services of IPv4, and of IPv6.
    pub mask: Ipv4Addr,
    pub prefix: u8,
    /// The kernel's name of the persistence engine.
    pub engine: Option<Arc<str>>,
}

/// One destination of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Destination {
    pub whose: Whose,
    pub address: IpAddr,
    pub port: u16,
    /// At most [`WEIGHT_MAX`](super::WEIGHT_MAX).
    pub weight: u32,
    pub method: Method,
    pub thresholds: Thresholds,
}

/// What stands behind a destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Whose {
    Real(ServerId),
    Sorry(ServiceId),
}

/// Numbers of connections; 0 is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Thresholds {
    pub upper: u32,
    pub lower: u32,
}

/// How packets reach a destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Method {
    Nat,
    Dr,
    Tunnel(Tunnel),
}

impl Method {
    /// Only address translation can send packets to another port than they came to.
    pub fn translates_port(self) -> bool {
        match self {
            Method::Nat => true,
            Method::Dr | Method::Tunnel(_) => false,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tunnel {
    Ipip,
    Gue { port: u16, checksum: Checksum },
    Gre { checksum: Checksum },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Checksum {
    None,
    Full,
    Remote,
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Routes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::kernel::Family;
use crate::kernel::netlink::{
    APPEND, Attribute, Attributes, CREATE, EXCLUSIVE, Message, REPLACE, Request, u16_at, u32_at,
};

const HEADER: usize = 12;
const NEXTHOP_HEADER: usize = 8;

const RTA_DST: u16 = 1;
const RTA_SRC: u16 = 2;
const RTA_OIF: u16 = 4;
const RTA_GATEWAY: u16 = 5;
const RTA_PRIORITY: u16 = 6;
const RTA_PREFSRC: u16 = 7;
const RTA_METRICS: u16 = 8;
const RTA_MULTIPATH: u16 = 9;
const RTA_FLOW: u16 = 11;
const RTA_TABLE: u16 = 15;
const RTA_VIA: u16 = 18;
const RTA_PREF: u16 = 20;
const RTA_ENCAP_TYPE: u16 = 21;
const RTA_ENCAP: u16 = 22;
const RTA_EXPIRES: u16 = 23;
const RTA_TTL_PROPAGATE: u16 = 26;
const RTAX_LOCK: u16 = 1;
const RTAX_CC_ALGO: u16 = 16;
const METRICS_MAX: u16 = 17;

const ONLINK: u32 = 4;

/// The main routing table.
pub const TABLE_MAIN: u32 = 254;
/// What the kernel gives an IPv6 route that names none.
const IPV6_PRIORITY: u32 = 1024;
/// A type of route: an ordinary one.
pub const UNICAST: u8 = 1;

/// Addresses that share their first bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix {
    pub address: IpAddr,
    pub length: u8,
}

/// A light-weight tunnel, as the kernel numbers types and attributes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encap {
    pub kind: u16,
    pub attributes: Vec<(u16, Vec<u8>)>,
}

/// One way a route may take.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NextHop {
    pub via: Option<IpAddr>,
    pub interface: Option<u32>,
    /// The gateway is reachable on the interface although no route says so.
    pub onlink: bool,
    /// Share among several, 1 to 256; the kernel stores one less in an octet.
    pub weight: u16,
    pub realms: Option<u32>,
    pub encap: Option<Encap>,
}

/// One of the route's numbers for TCP and friends, by the kernel's number for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    pub kind: u16,
    pub value: u32,
    /// The kernel must not adapt it.
    pub locked: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    pub family: Family,
    /// `None` is the default route.
    pub destination: Option<Prefix>,
    pub source: Option<Prefix>,
    pub tos: u8,
    pub table: u32,
    pub protocol: u8,
    pub scope: u8,
    /// Unicast, blackhole, prohibit and so on, by the kernel's number.
    pub kind: u8,
    /// One is the ordinary case; several share the traffic; none for blackholes and their kin.
    pub hops: Vec<NextHop>,
    pub preferred_source: Option<IpAddr>,
    pub priority: Option<u32>,
    pub metrics: Vec<Metric>,
    pub congestion: Option<String>,
    pub preference: Option<u8>,
    pub expires: Option<u32>,
    /// Whether the TTL of a packet goes into the header of a tunnel.
    pub ttl_propagate: Option<bool>,
}

/// What adding does when a route to the same destination is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Insert {
    /// Refuse.
    Exclusive,
    /// Go behind it.
    Append,
    /// Go before it.
    Prepend,
    /// Take its place.
    Replace,
}

impl Route {
    /// A unicast route in the main table.
    pub fn new(family: Family) -> Route {
        Route {
            family,
            destination: None,
            source: None,
            tos: 0,
            table: TABLE_MAIN,
            protocol: super::PROTOCOL,
            scope: 0,
            kind: UNICAST,
            hops: Vec::new(),
            preferred_source: None,
            priority: None,
            metrics: Vec::new(),
            congestion: None,
            preference: None,
            expires: None,
            ttl_propagate: None,
        }
    }

    pub fn add(&self, insert: Insert) -> Request {
        let flags = match insert {
            Insert::Exclusive => CREATE | EXCLUSIVE,
            Insert::Append => CREATE | APPEND,
            Insert::Prepend => CREATE,
            Insert::Replace => CREATE | REPLACE,
        };
        self.request(libc::RTM_NEWROUTE, flags).harmless(&[libc::EEXIST])
    }

    /// A route whose interface went down or away is gone already.
    pub fn remove(&self) -> Request {
        self.request(libc::RTM_DELROUTE, 0).harmless(&[libc::ESRCH, libc::ENODEV])
    }

    /// Whether `seen`, read from the kernel, is this route. What was left to the kernel may have any value there.
    pub fn is_seen_as(&self, seen: &Route) -> bool {
        let priority = |route: &Route| match route.family {
            Family::V4 => route.priority.unwrap_or(0),
            Family::V6 => route.priority.unwrap_or(IPV6_PRIORITY),
        };
        let same_hop = |hop: &NextHop, seen: &NextHop| {
            hop.via == seen.via && (hop.interface.is_none() || hop.interface == seen.interface)
        };
        self.family == seen.family
            && self.destination == seen.destination
            && self.source == seen.source
            && self.tos == seen.tos
            && self.table == seen.table
            && self.kind == seen.kind
            && priority(self) == priority(seen)
            && (self.hops.is_empty() || self.hops.len() == seen.hops.len())
            && self.hops.iter().zip(&seen.hops).all(|(hop, seen)| same_hop(hop, seen))
    }

    pub fn dump() -> Request {
        Request::new(libc::RTM_GETROUTE, 0, &[0; HEADER])
    }

    /// Only what a routing protocol of this number has put there: the kernel looks through a table of the whole world's
    /// routes much quicker than it tells it.
    pub fn dump_of(family: Family, protocol: u8) -> Request {
        let mut header = [0; HEADER];
        (header[0], header[5]) = (family.number(), protocol);
        Request::new(libc::RTM_GETROUTE, 0, &header)
    }

    fn request(&self, kind: u16, flags: u16) -> Request {
        let length = |prefix: Option<Prefix>| prefix.map_or(0, |prefix| prefix.length);
        let mut header = [0; HEADER];
        header[..8].copy_from_slice(&[
            self.family.number(),
            length(self.destination),
            length(self.source),
            self.tos,
            // Tables beyond an octet stand in an attribute only.
            u8::try_from(self.table).unwrap_or(0),
            self.protocol,
            self.scope,
            self.kind,
        ]);
        if let [NextHop { onlink: true, .. }] = self.hops[..] {
            header[8..].copy_from_slice(&ONLINK.to_ne_bytes());
        }
        let mut request = Request::new(kind, flags, &header);
        if self.table > u8::MAX.into() {
            request.u32(RTA_TABLE, self.table);
        }
        if let Some(prefix) = self.destination {
            request.address(RTA_DST, prefix.address);
        }
        if let Some(prefix) = self.source {
            request.address(RTA_SRC, prefix.address);
        }
        if let Some(address) = self.preferred_source {
            request.address(RTA_PREFSRC, address);
        }
        if let Some(priority) = self.priority {
            request.u32(RTA_PRIORITY, priority);
        }
        self.request_hops(&mut request);
        self.request_metrics(&mut request);
        if let Some(preference) = self.preference {
            request.u8(RTA_PREF, preference);
        }
        if let Some(expires) = self.expires {
            request.u32(RTA_EXPIRES, expires);
        }
        if let Some(propagate) = self.ttl_propagate {
            request.u8(RTA_TTL_PROPAGATE, propagate.into());
        }
        request
    }

    fn request_hops(&self, request: &mut Request) {
        match &self.hops[..] {
            [] => {}
            [hop] => {
                if let Some(interface) = hop.interface {
                    request.u32(RTA_OIF, interface);
                }
                self.request_hop(hop, request);
            }
            [..] => {
                request.nested(RTA_MULTIPATH, |request| {
                    for hop in &self.hops {
                        let mut attributes = Request::new(0, 0, &[]);
                        self.request_hop(hop, &mut attributes);
                        let length = (NEXTHOP_HEADER + attributes.body().len()) as u16;
                        let mut header = [0; NEXTHOP_HEADER];
                        header[..2].copy_from_slice(&length.to_ne_bytes());
                        header[2] = if hop.onlink { ONLINK as u8 } else { 0 };
                        header[3] = u8::try_from(hop.weight.saturating_sub(1)).unwrap_or(u8::MAX);
                        header[4..].copy_from_slice(&hop.interface.unwrap_or(0).to_ne_bytes());
                        request.raw(&header).raw(attributes.body());
                    }
                });
            }
        }
    }

    /// What is said alike of the only way and of one among several.
    fn request_hop(&self, hop: &NextHop, request: &mut Request) {
        if let Some(via) = hop.via {
            gateway(request, self.family, via);
        }
        if let Some(realms) = hop.realms {
            request.u32(RTA_FLOW, realms);
        }
        if let Some(encap) = &hop.encap {
            request.u16(RTA_ENCAP_TYPE, encap.kind);
            request.nested(RTA_ENCAP, |request| {
                for (kind, value) in &encap.attributes {
                    request.attribute(*kind, value);
                }
            });
        }
    }

    fn request_metrics(&self, request: &mut Request) {
        if self.metrics.is_empty() && self.congestion.is_none() {
            return;
        }
        let locked = self.metrics.iter().filter(|metric| metric.locked && metric.kind < 32);
        let lock = locked.fold(0, |mask, metric| mask | 1_u32 << metric.kind);
        request.nested(RTA_METRICS, |request| {
            if lock != 0 {
                request.u32(RTAX_LOCK, lock);
            }
            for metric in &self.metrics {
                request.u32(metric.kind, metric.value);
            }
            if let Some(name) = &self.congestion {
                request.text(RTAX_CC_ALGO, name);
            }
        });
    }

    /// The route in a message about one.
    pub fn parse(message: &Message<'_>) -> Option<Route> {
        let [family, destination, source, tos, table, protocol, scope, kind] = *message.body.get(..8)?.first_chunk()?;
        let flags = u32_at(message.body, 8)?;
        let family = Family::from_number(family)?;
        let mut route = Route { tos, table: table.into(), protocol, scope, kind, ..Route::new(family) };
        let mut hop = NextHop { onlink: flags & ONLINK != 0, weight: 1, ..NextHop::default() };
        let mut single = false;
        for attribute in message.attributes(HEADER) {
            let address = || attribute.address().or_else(|| short_address(family, attribute.value));
            match attribute.kind {
                RTA_DST if destination > 0 => {
                    route.destination = address().map(|address| Prefix { address, length: destination });
                }
                RTA_SRC if source > 0 => route.source = address().map(|address| Prefix { address, length: source }),
                RTA_PREFSRC => route.preferred_source = attribute.address(),
                RTA_PRIORITY => route.priority = attribute.u32(),
                RTA_TABLE => route.table = attribute.u32().unwrap_or(route.table),
                RTA_PREF => route.preference = attribute.u8(),
                RTA_EXPIRES => route.expires = attribute.u32(),
                RTA_METRICS => route.parse_metrics(attribute.attributes()),
                RTA_MULTIPATH => route.hops = parse_hops(attribute.value),
                _ => single |= parse_hop(&mut hop, &attribute),
            }
        }
        if single {
            route.hops.push(hop);
        }
        Some(route)
    }

    fn parse_metrics(&mut self, attributes: Attributes<'_>) {
        let lock =
            attributes.clone().find(|attribute| attribute.kind == RTAX_LOCK).and_then(|lock| lock.u32()).unwrap_or(0);
        for attribute in attributes.filter(|attribute| attribute.kind <= METRICS_MAX) {
            match (attribute.kind, attribute.u32()) {
                (RTAX_LOCK, _) => {}
                (RTAX_CC_ALGO, _) => self.congestion = attribute.text().map(str::to_owned),
                (kind, Some(value)) => self.metrics.push(Metric { kind, value, locked: lock & (1 << kind) != 0 }),
                (_, None) => {}
            }
        }
    }
}

/// A gateway of the other family has an attribute of its own.
fn gateway(request: &mut Request, family: Family, via: IpAddr) {
    if Family::of(via) == family {
        request.address(RTA_GATEWAY, via);
        return;
    }
    let mut value = u16::from(Family::of(via).number()).to_ne_bytes().to_vec();
    match via {
        IpAddr::V4(address) => value.extend(address.octets()),
        IpAddr::V6(address) => value.extend(address.octets()),
    }
    request.attribute(RTA_VIA, &value);
}

/// Whether the attribute was part of a hop.
fn parse_hop(hop: &mut NextHop, attribute: &Attribute<'_>) -> bool {
    match attribute.kind {
        RTA_GATEWAY => hop.via = attribute.address(),
        RTA_VIA => {
            hop.via = attribute.value.get(2..).and_then(|value| Attribute { kind: RTA_VIA, value }.address());
        }
        RTA_OIF => hop.interface = attribute.u32(),
        RTA_FLOW => hop.realms = attribute.u32(),
        _ => return false,
    }
    true
}

fn parse_hops(mut bytes: &[u8]) -> Vec<NextHop> {
    let mut hops = Vec::new();
    while let Some(length) = u16_at(bytes, 0).map(usize::from)
        && let Some(attributes) = bytes.get(NEXTHOP_HEADER..length)
        && let Some([_, _, flags, less_one, ..]) = bytes.get(..NEXTHOP_HEADER)
    {
        let mut hop = NextHop {
            interface: u32_at(bytes, 4).filter(|index| *index != 0),
            onlink: u32::from(*flags) & ONLINK != 0,
            weight: u16::from(*less_one) + 1,
            ..NextHop::default()
        };
        for attribute in Attributes::new(attributes) {
            parse_hop(&mut hop, &attribute);
        }
        hops.push(hop);
        bytes = bytes.get((length + 3) & !3..).unwrap_or_default();
    }
    hops
}

/// Some kernels leave out the zero octets at the end of a prefix.
fn short_address(family: Family, bytes: &[u8]) -> Option<IpAddr> {
    match family {
        Family::V4 => {
            let mut octets = [0; 4];
            octets.get_mut(..bytes.len())?.copy_from_slice(bytes);
            Some(Ipv4Addr::from(octets).into())
        }
        Family::V6 => {
            let mut octets = [0; 16];
            octets.get_mut(..bytes.len())?.copy_from_slice(bytes);
            Some(Ipv6Addr::from(octets).into())
        }
    }
}

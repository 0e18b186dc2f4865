// SPDX-License-Identifier: MIT OR Apache-2.0
//! From the plan's and the engine's values to the kernel's.

use std::net::{IpAddr, Ipv4Addr};

use super::interfaces::Interfaces;
use crate::kernel::netlink::Room;
use crate::kernel::rtnl::address::{Lifetimes, flag};
use crate::kernel::rtnl::route::{Metric, NextHop, Prefix};
use crate::kernel::rtnl::{self, Address, PROTOCOL};
use crate::kernel::{self, Mac};
use crate::plan::vrrp::{
    AddressDetail, Broadcast, Hop, Insert, IpvlanMode, Lifetime, OverKind, Route, Rule, surroundings,
};
use crate::proto::vrrp::{Family, HeldAddress};

pub(super) fn family(family: Family) -> kernel::Family {
    match family {
        Family::V4 => kernel::Family::V4,
        Family::V6 => kernel::Family::V6,
    }
}

/// An address as it is put on an interface. IPv6 addresses work at once, without looking for duplicates: another router
/// had it a moment ago. One of 128 bits is deprecated, so that nothing on this host picks it as a source by itself.
pub(super) fn address(interface: u32, held: &HeldAddress, detail: Option<&AddressDetail>) -> Address {
    let mut address = Address { protocol: Some(PROTOCOL), ..Address::new(interface, held.ip, held.prefix) };
    let is_v6 = held.ip.is_ipv6();
    if is_v6 && !detail.is_some_and(|detail| detail.dad) {
        address.flags |= flag::NODAD;
    }
    if is_v6 && held.prefix == 128 {
        address.lifetimes.preferred = 0;
    }
    let Some(detail) = detail else { return address };
    let AddressDetail { scope, broadcast, label, peer, home, dad: _, mngtmpaddr, noprefixroute, autojoin, preferred } =
        detail;
    address.scope = scope.unwrap_or(0);
    address.broadcast = broadcast.and_then(|broadcast| broadcast_of(broadcast, held.ip, held.prefix));
    address.label.clone_from(label);
    if let Some((ip, prefix)) = *peer {
        address.peer = Some(ip);
        // The prefix belongs to the peer's side then.
        address.prefix = prefix;
    }
    for (wanted, flag) in [
        (home, flag::HOME),
        (mngtmpaddr, flag::MNGTMPADDR),
        (noprefixroute, flag::NOPREFIXROUTE),
        (autojoin, flag::AUTOJOIN),
    ] {
        if *wanted {
            address.flags |= flag;
        }
    }
    match preferred {
        Some(Lifetime::Seconds(seconds)) => address.lifetimes.preferred = *seconds,
        Some(Lifetime::Forever) => address.lifetimes.preferred = Lifetimes::FOREVER,
        None => {}
    }
    address
}

fn broadcast_of(broadcast: Broadcast, ip: IpAddr, prefix: u8) -> Option<Ipv4Addr> {
    let IpAddr::V4(ip) = ip else { return None };
    let host = u32::MAX.checked_shr(prefix.into()).unwrap_or(0);
    Some(match broadcast {
        Broadcast::Is(address) => address,
        Broadcast::Ones => Ipv4Addr::from_bits(ip.to_bits() | host),
        Broadcast::Zeros => Ipv4Addr::from_bits(ip.to_bits() & !host),
    })
}

fn prefix((address, length): (IpAddr, u8)) -> Prefix {
    Prefix { address, length }
}

/// A route; `None` when an interface it names does not exist.
pub(super) fn route(route: &Route, interfaces: &Interfaces) -> Option<rtnl::Route> {
    let Route {
        family: route_family,
        insert: _,
        destination,
        source,
        tos,
        table,
        protocol,
        scope,
        kind,
        hops,
        preferred_source,
        metric,
        metrics,
        congestion,
        preference,
        expires,
        ttl_propagate,
    } = route;
    Some(rtnl::Route {
        family: family(*route_family),
        destination: destination.map(prefix),
        source: source.map(prefix),
        tos: *tos,
        table: *table,
        protocol: *protocol,
        scope: *scope,
        kind: *kind,
        hops: hops.iter().map(|hop| next_hop(hop, interfaces)).collect::<Option<_>>()?,
        preferred_source: *preferred_source,
        priority: *metric,
        metrics: metrics
            .iter()
            .map(|(kind, value, locked)| Metric { kind: *kind, value: *value, locked: *locked })
            .collect(),
        congestion: congestion.clone(),
        preference: *preference,
        expires: *expires,
        ttl_propagate: *ttl_propagate,
    })
}

fn next_hop(hop: &Hop, interfaces: &Interfaces) -> Option<NextHop> {
    let Hop { via, interface, onlink, weight, realms, encap } = hop;
    let interface = match interface {
        Some(name) => Some(interfaces.named(name)?.index),
        None => None,
    };
    let encap =
        encap.as_ref().map(|encap| rtnl::route::Encap { kind: encap.kind, attributes: encap.attributes.clone() });
    Some(NextHop { via: *via, interface, onlink: *onlink, weight: *weight, realms: *realms, encap })
}

pub(super) fn insert(insert: Insert) -> rtnl::route::Insert {
    match insert {
        Insert::Exclusive => rtnl::route::Insert::Exclusive,
        Insert::Append => rtnl::route::Insert::Append,
        Insert::Prepend => rtnl::route::Insert::Prepend,
    }
}

pub(super) fn rule(rule: &Rule) -> rtnl::Rule {
    let Rule {
        family: rule_family,
        action,
        table,
        invert,
        from,
        to,
        tos,
        priority,
        mark,
        mask,
        input,
        output,
        goto,
        realms,
        tunnel,
        suppress_group,
        suppress_prefix,
        l3mdev,
        users,
        protocol,
        ip_protocol,
        source_ports,
        destination_ports,
    } = rule;
    rtnl::Rule {
        family: family(*rule_family),
        action: *action,
        table: *table,
        invert: *invert,
        from: from.map(prefix),
        to: to.map(prefix),
        tos: *tos,
        priority: *priority,
        mark: *mark,
        mask: *mask,
        input: input.clone(),
        output: output.clone(),
        goto: *goto,
        realms: *realms,
        tunnel: *tunnel,
        suppress_group: *suppress_group,
        suppress_prefix: *suppress_prefix,
        l3mdev: *l3mdev,
        users: *users,
        protocol: *protocol,
        ip_protocol: *ip_protocol,
        source_ports: *source_ports,
        destination_ports: *destination_ports,
    }
}

pub(super) fn over_kind(kind: OverKind) -> rtnl::link::VirtualKind {
    match kind {
        OverKind::Vmac(mac) => rtnl::link::VirtualKind::Macvlan(Mac(mac)),
        OverKind::Ipvlan { mode, .. } => rtnl::link::VirtualKind::Ipvlan(match mode {
            IpvlanMode::Bridge => rtnl::link::Ipvlan::Bridge,
            IpvlanMode::Private => rtnl::link::Ipvlan::Private,
            IpvlanMode::Vepa => rtnl::link::Ipvlan::Vepa,
        }),
    }
}

pub(super) fn room(room: surroundings::Room) -> Room {
    Room { octets: usize::try_from(room.octets).unwrap_or(usize::MAX), force: room.force }
}

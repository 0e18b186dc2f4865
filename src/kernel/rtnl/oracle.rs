// SPDX-License-Identifier: MIT OR Apache-2.0
//! Any value of ours, encoded by us, decoded and encoded again by another implementation, must be read as the same value;
//! and that implementation must have understood every attribute in it.

use std::net::IpAddr;

use netlink_packet_core::NetlinkMessage;
use netlink_packet_route::RouteNetlinkMessage;
use proptest::option;
use proptest::prelude::*;

use super::address::{Lifetimes, flag};
use super::link::VirtualKind;
use super::route::{Insert, Metric, NextHop, Prefix};
use super::tests::{encoded, vmac};
use super::{Address, Link, Route, Rule, rule};
use crate::kernel::netlink::{Messages, Request};
use crate::kernel::{Family, Mac};

/// The request as the other implementation writes it after reading it.
fn through_oracle(request: &Request) -> Vec<u8> {
    let decoded = NetlinkMessage::<RouteNetlinkMessage>::deserialize(&encoded(request)).expect("decodes");
    let shown = format!("{decoded:?}");
    assert!(!shown.contains("Other("), "not understood: {shown}");
    let mut bytes = vec![0; decoded.buffer_len()];
    decoded.serialize(&mut bytes);
    bytes
}

fn address_of(family: Family) -> BoxedStrategy<IpAddr> {
    match family {
        Family::V4 => any::<[u8; 4]>().prop_map(IpAddr::from).boxed(),
        Family::V6 => any::<[u8; 16]>().prop_map(IpAddr::from).boxed(),
    }
}

fn families() -> impl Strategy<Value = Family> {
    prop_oneof![Just(Family::V4), Just(Family::V6)]
}

fn prefixes(family: Family) -> impl Strategy<Value = Prefix> {
    (address_of(family), 1..=family.width()).prop_map(|(address, length)| Prefix { address, length })
}

fn names() -> impl Strategy<Value = String> {
    "[a-z][a-z0-9.-]{0,14}"
}

prop_compose! {
    fn addresses()(family in families())(
        family in Just(family),
        interface in 1_u32..=i32::MAX as u32,
        address in address_of(family),
        prefix in 0..=family.width(),
        broadcast in option::of(any::<[u8; 4]>()),
        // A scope with a name is shown by it; any other is a bare number.
        scope in prop::sample::select(vec![0_u8, 200, 253, 254, 255]),
        label in option::of(names()),
        flags in prop::bits::u32::masked(flag::SETTABLE),
        preferred in any::<u32>(),
        valid in any::<u32>(),
    ) -> Address {
        let broadcast = broadcast.filter(|_| family == Family::V4).map(Into::into);
        let label = label.filter(|_| family == Family::V4);
        Address {
            broadcast,
            scope,
            label,
            flags,
            lifetimes: Lifetimes { preferred, valid },
            ..Address::new(interface, address, prefix)
        }
    }
}

fn hops(family: Family) -> impl Strategy<Value = NextHop> {
    (option::of(address_of(family)), 1_u32..1000, any::<bool>(), 1_u16..=256, option::of(any::<u32>())).prop_map(
        |(via, interface, onlink, weight, realms)| NextHop {
            via,
            interface: Some(interface),
            onlink,
            weight,
            realms,
            encap: None,
        },
    )
}

prop_compose! {
    fn routes()(family in families())(
        family in Just(family),
        destination in option::of(prefixes(family)),
        source in option::of(prefixes(family)),
        table in prop_oneof![1_u32..=252, 256_u32..],
        scope in prop::sample::select(vec![0_u8, 200, 253, 254]),
        hops in proptest::collection::vec(hops(family), 0..4),
        preferred_source in option::of(address_of(family)),
        priority in option::of(any::<u32>()),
        metrics in proptest::collection::btree_map(2_u16..=8, (any::<u32>(), any::<bool>()), 0..5),
        congestion in option::of("[a-z]{1,10}"),
        preference in option::of(prop::sample::select(vec![0_u8, 1, 3])),
    ) -> Route {
        let mut hops = hops;
        if let [only] = &mut hops[..] {
            only.weight = 1;
        }
        let metrics = metrics.into_iter().map(|(kind, (value, locked))| Metric { kind, value, locked }).collect();
        Route {
            destination, source, table, scope, hops, preferred_source, priority, metrics, congestion, preference,
            ..Route::new(family)
        }
    }
}

prop_compose! {
    fn rules()(family in families())(
        family in Just(family),
        from in option::of(prefixes(family)),
        to in option::of(prefixes(family)),
        table in prop_oneof![1_u32..=252, 256_u32..],
        numbers in [option::of(any::<u32>()), option::of(any::<u32>()), option::of(any::<u32>()), option::of(any::<u32>())],
        (suppress_group, suppress_prefix) in (option::of(0_u32..1000), option::of(0_u32..128)),
        (input, output) in (option::of(names()), option::of(names())),
        users in option::of(any::<(u32, u32)>()),
        (source_ports, destination_ports) in (option::of(any::<(u16, u16)>()), option::of(any::<(u16, u16)>())),
        ip_protocol in option::of(prop::sample::select(vec![1_u8, 6, 17])),
        invert in any::<bool>(),
    ) -> Rule {
        let [priority, mark, mask, realms] = numbers;
        Rule {
            action: rule::action::TABLE,
            from, to, priority, mark, mask, realms, suppress_group, suppress_prefix, input, output, users, source_ports,
            destination_ports, ip_protocol, invert,
            ..Rule::new(family, table)
        }
    }
}

proptest! {
    #[test]
    fn addresses_mean_the_same_to_another_implementation(address in addresses()) {
        let bytes = through_oracle(&address.add());
        prop_assert_eq!(Address::parse(&Messages::new(&bytes).next().unwrap()), Some(address));
    }

    #[test]
    fn routes_mean_the_same_to_another_implementation(route in routes()) {
        let bytes = through_oracle(&route.add(Insert::Replace));
        prop_assert_eq!(Route::parse(&Messages::new(&bytes).next().unwrap()), Some(route));
    }

    #[test]
    fn rules_mean_the_same_to_another_implementation(rule in rules()) {
        let bytes = through_oracle(&rule.add());
        prop_assert_eq!(Rule::parse(&Messages::new(&bytes).next().unwrap()), Some(rule));
    }

    #[test]
    fn virtual_links_mean_the_same_to_another_implementation(mac in any::<[u8; 6]>(), name in names(), group in option::of(any::<u32>())) {
        let mut wanted = vmac();
        (wanted.kind, wanted.name, wanted.group) = (VirtualKind::Macvlan(Mac(mac)), name.clone(), group);
        let bytes = through_oracle(&wanted.create());
        let link = Link::parse(&Messages::new(&bytes).next().unwrap()).unwrap();
        prop_assert_eq!(link.ethernet(), Some(Mac(mac)));
        prop_assert_eq!((link.name, link.group, link.is_private), (name, group.unwrap_or(0), true));
    }
}

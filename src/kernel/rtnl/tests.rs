// SPDX-License-Identifier: MIT OR Apache-2.0
//! Our requests against those iproute2 sends for the same wish, and our readers against our requests.

use std::net::IpAddr;

use super::address::{Lifetimes, flag};
use super::link::{Ipv4Setting, Virtual, VirtualKind};
use super::route::{Insert, Metric, NextHop, Prefix};
use super::{Address, Link, Route, Rule, link, rule};
use crate::kernel::netlink::{Messages, Request};
use crate::kernel::{Family, Mac};

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn prefix(text: &str) -> Prefix {
    let (address, length) = text.split_once('/').unwrap();
    Prefix { address: ip(address), length: length.parse().unwrap() }
}

pub(super) fn encoded(request: &Request) -> Vec<u8> {
    let mut bytes = Vec::new();
    request.encode(1, true, &mut bytes);
    bytes
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

/// What a message means to the kernel, which does not care for the order of attributes.
#[derive(Debug, PartialEq)]
struct Meaning {
    kind: u16,
    flags: u16,
    header: Vec<u8>,
    attributes: Vec<(u16, Vec<u8>)>,
}

fn meaning(bytes: &[u8], header: usize) -> Meaning {
    let message = Messages::new(bytes).next().unwrap();
    let mut attributes: Vec<(u16, Vec<u8>)> =
        message.attributes(header).map(|attribute| (attribute.kind, attribute.value.to_vec())).collect();
    attributes.sort();
    Meaning { kind: message.kind, flags: message.flags, header: message.body[..header].to_vec(), attributes }
}

fn same(request: &Request, header: usize, captured: &str) {
    assert_eq!(meaning(&encoded(request), header), meaning(&unhex(captured), header), "{captured}");
}

fn labelled() -> Address {
    Address {
        broadcast: Some("192.0.2.255".parse().unwrap()),
        label: Some("va:1".into()),
        scope: 200,
        ..Address::new(3, ip("192.0.2.10"), 24)
    }
}

fn peered() -> Address {
    Address { peer: Some(ip("198.51.100.2")), flags: flag::NOPREFIXROUTE, ..Address::new(3, ip("198.51.100.1"), 32) }
}

fn short_lived() -> Address {
    Address {
        flags: flag::NODAD | flag::HOME,
        lifetimes: Lifetimes { preferred: 0, valid: 60 },
        ..Address::new(3, ip("2001:db8::10"), 64)
    }
}

#[test]
fn addresses_are_asked_for_as_iproute2_does() {
    let cases = [
        // ip addr add 192.0.2.10/24 dev va brd 192.0.2.255 label va:1 scope site
        (
            labelled().add(),
            "3c00000014000506f886016b00000000021800c80300000008000200c000020a08000400c00002ff0900030076613a310000000008000100c000020a",
        ),
        // ip addr add 198.51.100.1/32 peer 198.51.100.2/32 dev va noprefixroute
        (
            peered().add(),
            "3000000014000506f886016b00000000022000000300000008000200c633640108000100c63364020800080000020000",
        ),
        // ip addr add 2001:db8::10/64 dev va nodad home valid_lft 60 preferred_lft 0
        (
            short_lived().add(),
            "5400000014000506f886016b000000000a401200030000001400020020010db80000000000000000000000101400010020010db800000000000000000000001014000600000000003c0000000000000000000000",
        ),
    ];
    for (request, captured) in cases {
        same(&request, 8, captured);
    }
    // ip addr del 192.0.2.10/24 dev va: the rest of what is known of the address does not matter.
    let plain = Address { scope: 0, ..labelled() };
    same(&plain.remove(), 8, "2800000015000500f886016b00000000021800000300000008000200c000020a08000100c000020a");
}

#[test]
fn an_address_is_read_back_as_it_was_asked_for() {
    let marked = Address { protocol: Some(super::PROTOCOL), ..labelled() };
    for address in [labelled(), peered(), short_lived(), marked] {
        let bytes = encoded(&address.add());
        assert_eq!(Address::parse(&Messages::new(&bytes).next().unwrap()), Some(address));
    }
}

#[test]
fn tentative_addresses_are_not_usable_unless_detection_is_off() {
    for (flags, usable) in [
        (0, true),
        (flag::TENTATIVE, false),
        (flag::TENTATIVE | flag::NODAD, true),
        (flag::DADFAILED, false),
        (flag::NODAD, true),
    ] {
        assert_eq!(Address { flags, ..short_lived() }.is_usable(), usable, "{flags:#x}");
    }
}

fn hop(via: Option<&str>) -> NextHop {
    NextHop { via: via.map(ip), interface: Some(3), weight: 1, ..NextHop::default() }
}

fn multipath() -> Route {
    let hops = [("192.0.2.1", 3), ("192.0.2.2", 1)];
    let hops = hops.map(|(via, weight)| NextHop { onlink: true, weight, ..hop(Some(via)) });
    Route { destination: Some(prefix("203.0.113.128/25")), hops: hops.into(), ..Route::new(Family::V4) }
}

fn default_via() -> Route {
    Route { hops: vec![hop(Some("fe80::1"))], ..Route::new(Family::V6) }
}

fn expiring() -> Route {
    Route {
        destination: Some(prefix("2001:db8:1::/48")),
        protocol: 3,
        preference: Some(1),
        expires: Some(100),
        ..default_via()
    }
}

fn blackhole() -> Route {
    Route { destination: Some(prefix("203.0.113.7/32")), kind: 6, ..Route::new(Family::V4) }
}

fn with_metrics() -> Route {
    Route {
        table: 1000,
        priority: Some(7),
        preferred_source: Some(ip("192.0.2.11")),
        hops: vec![NextHop { realms: Some(9), ..hop(Some("2001:db8::1")) }],
        metrics: vec![Metric { kind: 2, value: 1400, locked: true }, Metric { kind: 8, value: 1300, locked: false }],
        congestion: Some("cubic".into()),
        ..Route::new(Family::V4)
    }
}

#[test]
fn routes_are_asked_for_as_iproute2_does() {
    let cases = [
        // ip route append 203.0.113.128/25 proto 18 nexthop via 192.0.2.1 dev va weight 3 onlink nexthop via 192.0.2.2 dev va onlink
        (
            multipath().add(Insert::Append),
            "480000001800050cf886016b0000000002190000fe1200010000000008000100cb00718024000900100004020300000008000500c0000201100004000300000008000500c0000202",
        ),
        // ip route add default via inet6 fe80::1 dev va proto 18
        (
            default_via().add(Insert::Exclusive),
            "3800000018000506f886016b000000000a000000fe1200010000000014000500fe8000000000000000000000000000010800040003000000",
        ),
        // ip -6 route add 2001:db8:1::/48 via fe80::1 dev va pref high expires 100
        (
            expiring().add(Insert::Exclusive),
            "5c00000018000506f886016b000000000a300000fe030001000000001400010020010db800010000000000000000000014000500fe800000000000000000000000000001050014000100000008001700640000000800040003000000",
        ),
        // ip route add blackhole 203.0.113.7/32 proto 18
        (
            blackhole().add(Insert::Exclusive),
            "2400000018000506f886016b0000000002200000fe1200060000000008000100cb007107",
        ),
    ];
    for (request, captured) in cases {
        same(&request, 12, captured);
    }
}

#[test]
fn a_route_is_read_back_as_it_was_asked_for() {
    for route in [multipath(), default_via(), expiring(), blackhole(), with_metrics()] {
        let bytes = encoded(&route.add(Insert::Exclusive));
        assert_eq!(Route::parse(&Messages::new(&bytes).next().unwrap()), Some(route));
    }
}

fn full_rule() -> Rule {
    Rule {
        invert: true,
        from: Some(prefix("192.0.2.0/24")),
        to: Some(prefix("203.0.113.0/24")),
        tos: 0x10,
        mark: Some(1),
        mask: Some(0xff),
        input: Some("va".into()),
        output: Some("vb".into()),
        priority: Some(100),
        ..Rule::new(Family::V4, 1000)
    }
}

fn port_rule() -> Rule {
    Rule {
        from: Some(prefix("2001:db8::/32")),
        source_ports: Some((10, 20)),
        destination_ports: Some((30, 40)),
        ip_protocol: Some(6),
        users: Some((5, 6)),
        suppress_prefix: Some(8),
        priority: Some(101),
        ..Rule::new(Family::V6, 254)
    }
}

fn goto_rule() -> Rule {
    Rule { action: rule::action::GOTO, goto: Some(103), priority: Some(102), ..Rule::new(Family::V4, 0) }
}

#[test]
fn rules_are_asked_for_as_iproute2_does() {
    let cases = [
        // ip rule add not from 192.0.2.0/24 to 203.0.113.0/24 tos 0x10 fwmark 0x1/0xff iif va oif vb priority 100 table 1000 protocol 18
        (
            full_rule().add(),
            "6400000020000506f886016b0000000002181810000000010200000008000200c000020008000100cb00710008000a000100000008001000ff00000007000300766100000700110076620000080006006400000008000f00e80300000500150012000000",
        ),
        // ip -6 rule add from 2001:db8::/32 sport 10-20 dport 30-40 ipproto tcp uidrange 5-6 suppress_prefixlength 8 priority 101 lookup main protocol 18
        (
            port_rule().add(),
            "6c00000020000506f886016b000000000a002000fe000001000000001400020020010db8000000000000000000000000080017000a001400080018001e00280005001600060000000c001400050000000600000008000e000800000008000600650000000500150012000000",
        ),
        // ip rule add priority 102 goto 103 protocol 18
        (
            goto_rule().add(),
            "3400000020000506f886016b00000000020000000000000200000000080006006600000008000400670000000500150012000000",
        ),
    ];
    for (request, captured) in cases {
        same(&request, 12, captured);
    }
}

#[test]
fn a_rule_is_read_back_as_it_was_asked_for() {
    let rare = Rule {
        l3mdev: true,
        tunnel: Some(0x0102_0304_0506_0708),
        realms: Some(0x0001_0002),
        suppress_group: Some(4),
        ..Rule::new(Family::V4, 0)
    };
    for rule in [full_rule(), port_rule(), goto_rule(), rare] {
        let bytes = encoded(&rule.add());
        assert_eq!(Rule::parse(&Messages::new(&bytes).next().unwrap()), Some(rule));
    }
}

pub(super) fn vmac() -> Virtual {
    Virtual {
        name: "vrrp.7".into(),
        parent: 3,
        kind: VirtualKind::Macvlan(Mac([0, 0, 0x5e, 0, 1, 7])),
        group: None,
        master: None,
    }
}

#[test]
fn virtual_links_are_made_and_removed_as_iproute2_does() {
    let cases = [
        // ip link add link va name vrrp.7 address 00:00:5e:00:01:07 type macvlan mode private
        (
            vmac().create(),
            "5c00000010000506f886016b00000000000000000000000000000000000000000a00010000005e000107000008000500030000000b000300767272702e3700001c0012000b0001006d6163766c616e000c0002000800010001000000",
        ),
        // ip link set vrrp.7 up
        (link::set_up(4, true), "2000000010000500f886016b0000000000000000040000000100000001000000"),
        // ip link set vrrp.7 addrgenmode none
        (
            link::no_generated_address(4),
            "3000000010000500f886016b000000000000000004000000000000000000000010001a000c000a000500080001000000",
        ),
        // ip link del vrrp.7
        (link::remove(4), "2000000011000500f886016b0000000000000000040000000000000000000000"),
    ];
    for (request, captured) in cases {
        same(&request, 16, captured);
    }
}

#[test]
fn a_virtual_link_is_read_back_with_its_kind_and_mode() {
    let mut request = vmac();
    request.group = Some(9);
    request.master = Some(2);
    let bytes = encoded(&request.create());
    let link = Link::parse(&Messages::new(&bytes).next().unwrap()).unwrap();
    assert_eq!(
        (link.name.as_str(), link.kind.as_deref(), link.parent, link.master),
        ("vrrp.7", Some("macvlan"), Some(3), Some(2))
    );
    assert_eq!(link.ethernet(), Some(Mac([0, 0, 0x5e, 0, 1, 7])));
    assert!(link.is_private && !link.is_up());
    assert_eq!(link.group, 9);
}

#[test]
fn ipv4_settings_of_a_link_are_nested_by_number() {
    let request = link::set_ipv4(4, &[(Ipv4Setting::ArpIgnore, 1), (Ipv4Setting::RpFilter, 0)]);
    let bytes = encoded(&request);
    let message = Messages::new(&bytes).next().unwrap();
    let spec = message.attributes(16).next().unwrap();
    let inet = spec.attributes().next().unwrap();
    let conf = inet.attributes().next().unwrap();
    let values: Vec<(u16, Option<u32>)> = conf.attributes().map(|value| (value.kind, value.u32())).collect();
    assert_eq!((spec.kind, inet.kind, conf.kind), (26, 2, 1));
    assert_eq!(values, [(19, Some(1)), (8, Some(0))]);
}

/// The kernel of the machine the tests run on; reading needs no rights.
#[test]
fn the_loopback_interface_and_its_address_are_found() {
    let mut asker = super::Asker::open().unwrap();
    let links = asker.links().unwrap();
    let loopback = links.iter().find(|link| link.name == "lo").expect("every namespace has lo");
    assert_eq!((loopback.hardware, loopback.kind.as_deref()), (772, None));
    for address in asker.addresses().unwrap() {
        assert!(links.iter().any(|link| link.index == address.interface), "{address:?} is on a link");
    }
    asker.routes().unwrap();
    let rules = asker.rules().unwrap();
    assert!(rules.iter().any(|rule| rule.family == Family::V4 && rule.table == 254), "the rule for the main table");
}

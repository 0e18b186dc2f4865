// SPDX-License-Identifier: MIT OR Apache-2.0
//! `steadfast::kernel` against a real kernel, with iproute2 and the segment as witnesses.

use std::net::IpAddr;
use std::time::Duration;

use nix::sys::socket::SockProtocol;
use steadfast::kernel::files::Setting;
use steadfast::kernel::netlink::{Job, Request, Room, Writer};
use steadfast::kernel::raw::frame::{Announcement, Announcer};
use steadfast::kernel::raw::vrids::Vrids;
use steadfast::kernel::raw::{Bytes, DATAGRAM_MAX, Interface, Listen, Outgoing, Protocol, Receiver, Sender};
use steadfast::kernel::ready::Ready;
use steadfast::kernel::rtnl::address::{Lifetimes, flag};
use steadfast::kernel::rtnl::link::{Ipv4Setting, Virtual, VirtualKind};
use steadfast::kernel::rtnl::monitor::{Interest, Notice};
use steadfast::kernel::rtnl::route::{Insert, NextHop, Prefix};
use steadfast::kernel::rtnl::{Address, Asker, Event, Link, Monitor, Route, Rule, link};
use steadfast::kernel::{Family, Mac};

use crate::journal::PATIENCE;
use crate::node::Node;
use crate::topology::Lab;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn prefix(text: &str) -> Prefix {
    let (address, length) = text.split_once('/').unwrap();
    Prefix { address: ip(address), length: length.parse().unwrap() }
}

/// Runs a future on a runtime of a worker's kind, in the node's network.
fn inside<T: Send>(node: &Node, future: impl AsyncFnOnce() -> T + Send) -> T {
    node.namespace().enter(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async { tokio::time::timeout(PATIENCE, future()).await.expect("ended in time") })
    })
}

fn link_named(name: &str) -> Link {
    Asker::open().unwrap().links().unwrap().into_iter().find(|link| link.name == name).expect("the link exists")
}

fn interface(name: &str) -> Interface {
    Interface { index: link_named(name).index, name: name.into() }
}

#[track_caller]
fn ask(requests: &[Request]) {
    let verdicts = Asker::open().unwrap().request(requests);
    assert!(verdicts.iter().all(Result::is_ok), "{verdicts:?}");
}

#[test]
fn a_job_of_a_thousand_addresses_names_exactly_the_refused_ones() {
    let Some(mut lab) = Lab::new("a_job_of_a_thousand_addresses_names_exactly_the_refused_ones") else { return };
    let lan = lab.segment("lan");
    let a = lab.node_on(&lan, "a", &[]);
    let (refused, next) = inside(&a, async || {
        let index = link_named("eth0").index;
        let (writer, mut answers) = Writer::start(SockProtocol::NetlinkRoute, "writer").unwrap();
        let address = |number: u16| {
            let [high, low] = number.to_be_bytes();
            // Every hundredth goes to an interface that does not exist.
            let interface = if number % 100 == 7 { 9999 } else { index };
            Address::new(interface, IpAddr::from([10, 0, high, low]), 32)
        };
        writer.submit(Job { ticket: 1, requests: (0..1000).map(|number| address(number).add()).collect() }).unwrap();
        // What is there already is no error, whoever put it there.
        writer.submit(Job { ticket: 2, requests: (0..3).map(|number| address(number).add()).collect() }).unwrap();
        let first = answers.recv().await.unwrap();
        let second = answers.recv().await.unwrap();
        drop(writer);
        assert_eq!(answers.recv().await, None, "the thread ends with its writer");
        (first, second)
    });
    let places: Vec<usize> = refused.refused.iter().map(|(place, _)| *place).collect();
    assert_eq!(places, (0..10).map(|hundred| hundred * 100 + 7).collect::<Vec<_>>());
    assert!(refused.refused.iter().all(|(_, refusal)| refusal.errno == libc::ENODEV));
    assert_eq!((refused.ticket, next.ticket, next.refused), (1, 2, vec![]));
    assert_eq!(a.run("ip -4 -o addr show dev eth0").lines().count(), 990);
}

#[test]
fn addresses_are_on_the_interface_as_asked_and_gone_when_removed() {
    let Some(mut lab) = Lab::new("addresses_are_on_the_interface_as_asked_and_gone_when_removed") else { return };
    let lan = lab.segment("lan");
    let a = lab.node_on(&lan, "a", &[]);
    let addresses = a.namespace().enter(|| {
        let index = link_named("eth0").index;
        let addresses = [
            Address {
                broadcast: Some([10, 1, 0, 255].into()),
                label: Some("eth0:vip".into()),
                protocol: Some(18),
                ..Address::new(index, ip("10.1.0.1"), 24)
            },
            Address { scope: 253, flags: flag::NOPREFIXROUTE, ..Address::new(index, ip("10.2.0.1"), 24) },
            Address { peer: Some(ip("10.3.0.2")), ..Address::new(index, ip("10.3.0.1"), 32) },
            Address {
                flags: flag::NODAD | flag::HOME,
                lifetimes: Lifetimes { preferred: 0, valid: Lifetimes::FOREVER },
                ..Address::new(index, ip("fd00::9"), 128)
            },
        ];
        ask(&addresses.each_ref().map(Address::add));
        addresses
    });
    let shown = a.run("ip -o -d addr show dev eth0");
    for line in [
        "inet 10.1.0.1/24 brd 10.1.0.255 scope global eth0:vip",
        "inet 10.2.0.1/24 scope link noprefixroute eth0",
        "inet 10.3.0.1 peer 10.3.0.2/32 scope global eth0",
        "inet6 fd00::9/128 scope global nodad home deprecated",
    ] {
        assert!(shown.contains(line), "`{line}` in\n{shown}");
    }
    a.namespace().enter(|| {
        let seen = Asker::open().unwrap().addresses().unwrap();
        for address in &addresses {
            assert!(seen.iter().any(|seen| seen.is_same(address)), "{address:?} among {seen:?}");
        }
        ask(&addresses.each_ref().map(Address::remove));
        // Removing what is gone is no error.
        ask(&addresses.each_ref().map(Address::remove));
    });
    assert!(!a.run("ip -o addr show dev eth0").contains(" 10."));
}

#[test]
fn a_finite_lifetime_lets_the_kernel_take_an_address_away() {
    let Some(mut lab) = Lab::new("a_finite_lifetime_lets_the_kernel_take_an_address_away") else { return };
    let lan = lab.segment("lan");
    let a = lab.node_on(&lan, "a", &[]);
    a.namespace().enter(|| {
        let index = link_named("eth0").index;
        let leased = |address, seconds| {
            let lifetimes = Lifetimes { preferred: seconds, valid: seconds };
            Address { lifetimes, ..Address::new(index, ip(address), 32) }
        };
        ask(&[leased("10.1.0.1", 1).add(), leased("10.1.0.2", 1).add()]);
        // Renewing one keeps it.
        ask(&[leased("10.1.0.2", 3600).renew()]);
    });
    lab.journal
        .until("the lease ran out", |seen| seen.holders("10.1.0.1").is_empty() && seen.most_holders("10.1.0.1") == 1);
    assert!(a.has("10.1.0.2"));
}

#[test]
fn routes_and_rules_are_in_the_tables_as_asked_and_gone_when_removed() {
    let Some(mut lab) = Lab::new("routes_and_rules_are_in_the_tables_as_asked_and_gone_when_removed") else { return };
    let lan = lab.segment("lan");
    let a = lab.node_on(&lan, "a", &["10.0.0.1/24", "fd00::1/64"]);
    let (routes, rules) = a.namespace().enter(|| {
        let index = link_named("eth0").index;
        let hop = |via: &str| NextHop { via: Some(ip(via)), interface: Some(index), weight: 1, ..NextHop::default() };
        let routes = [
            Route {
                destination: Some(prefix("10.5.0.0/16")),
                table: 1000,
                priority: Some(7),
                preferred_source: Some(ip("10.0.0.1")),
                hops: vec![hop("10.0.0.2")],
                ..Route::new(Family::V4)
            },
            Route {
                destination: Some(prefix("10.6.0.0/16")),
                hops: vec![NextHop { weight: 3, ..hop("10.0.0.2") }, hop("10.0.0.3")],
                ..Route::new(Family::V4)
            },
            Route { destination: Some(prefix("10.7.0.0/16")), kind: 6, ..Route::new(Family::V4) },
            Route { destination: Some(prefix("10.8.0.0/16")), hops: vec![hop("fd00::2")], ..Route::new(Family::V4) },
            Route { priority: Some(1024), hops: vec![hop("fd00::2")], ..Route::new(Family::V6) },
        ];
        let rules = [
            Rule { from: Some(prefix("10.5.0.0/16")), priority: Some(100), ..Rule::new(Family::V4, 1000) },
            Rule { mark: Some(5), invert: true, priority: Some(101), ..Rule::new(Family::V6, 254) },
        ];
        let added = routes.iter().map(|route| route.add(Insert::Exclusive)).chain(rules.iter().map(Rule::add));
        ask(&added.collect::<Vec<_>>());
        (routes, rules)
    });
    let shown =
        a.run("ip route show table all") + &a.run("ip -6 route show") + &a.run("ip rule") + &a.run("ip -6 rule");
    let shown: String = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    for line in [
        "10.5.0.0/16 via 10.0.0.2 dev eth0 table 1000 proto keepalived src 10.0.0.1 metric 7",
        "10.6.0.0/16 proto keepalived nexthop via 10.0.0.2 dev eth0 weight 3 nexthop via 10.0.0.3 dev eth0 weight 1",
        "blackhole 10.7.0.0/16 proto keepalived",
        "10.8.0.0/16 via inet6 fd00::2 dev eth0 proto keepalived",
        "default via fd00::2 dev eth0 proto keepalived metric 1024",
        "100: from 10.5.0.0/16 lookup 1000 proto keepalived",
        "101: not from all fwmark 0x5 lookup main proto keepalived",
    ] {
        assert!(shown.contains(line), "`{line}` in\n{shown}");
    }
    a.namespace().enter(|| {
        let mut asker = Asker::open().unwrap();
        let (seen_routes, seen_rules) = (asker.routes().unwrap(), asker.rules().unwrap());
        for route in &routes {
            assert!(seen_routes.iter().any(|seen| route.is_seen_as(seen)), "{route:?} among {seen_routes:?}");
        }
        for rule in &rules {
            assert!(seen_rules.iter().any(|seen| rule.is_seen_as(seen)), "{rule:?} among {seen_rules:?}");
        }
        for _ in 0..2 {
            ask(&routes.each_ref().map(Route::remove));
            ask(&rules.each_ref().map(Rule::remove));
        }
    });
    let left = a.run("ip route show table all") + &a.run("ip -6 route show") + &a.run("ip rule") + &a.run("ip -6 rule");
    assert!(!left.contains("keepalived"), "{left}");
}

#[test]
fn a_vmac_carries_its_mac_and_settings_and_can_be_removed() {
    let Some(mut lab) = Lab::new("a_vmac_carries_its_mac_and_settings_and_can_be_removed") else { return };
    let lan = lab.segment("lan");
    let a = lab.node_on(&lan, "a", &[]);
    let mac = Mac([0, 0, 0x5e, 0, 1, 51]);
    a.namespace().enter(|| {
        let parent = link_named("eth0").index;
        let kind = VirtualKind::Macvlan(mac);
        ask(&[Virtual { name: "vrrp.51".into(), parent, kind, group: None, master: None }.create()]);
        let made = link_named("vrrp.51");
        assert_eq!((made.ethernet(), made.parent, made.kind.as_deref()), (Some(mac), Some(parent), Some("macvlan")));
        assert!(made.is_private && !made.is_up());
        ask(&[
            link::no_generated_address(made.index),
            link::set_ipv4(made.index, &[(Ipv4Setting::ArpIgnore, 1), (Ipv4Setting::AcceptLocal, 1)]),
            link::set_up(made.index, true),
        ]);
        assert_eq!(Setting::ipv4("vrrp.51", "arp_ignore").read().unwrap(), 1);
        assert_eq!(Setting::ipv4("vrrp.51", "accept_local").read().unwrap(), 1);
    });
    let shown = a.run("ip addr show vrrp.51") + &a.run("ip -d link show vrrp.51");
    assert!(shown.contains("macvlan mode private") && shown.contains("addrgenmode none"), "{shown}");
    assert!(shown.contains("LOWER_UP") && !shown.contains("fe80"), "{shown}");
    a.namespace().enter(|| {
        let index = link_named("vrrp.51").index;
        ask(&[link::remove(index), link::remove(index)]);
    });
    assert!(!a.run("ip link").contains("vrrp.51"));
}

#[test]
fn the_monitor_tells_what_changed_and_whose_doing_it_was() {
    let Some(mut lab) = Lab::new("the_monitor_tells_what_changed_and_whose_doing_it_was") else { return };
    let lan = lab.segment("lan");
    let a = lab.node_on(&lan, "a", &["10.0.0.1/24"]);
    inside(&a, async || {
        let mut monitor = Monitor::start(Interest { routes: true, rules: true, room: None }).unwrap();
        let (writer, mut answers) = Writer::start(SockProtocol::NetlinkRoute, "writer").unwrap();
        let address = Address::new(link_named("eth0").index, ip("10.9.0.1"), 32);
        writer.submit(Job { ticket: (), requests: vec![address.add()] }).unwrap();
        answers.recv().await.unwrap();
        let mine = until(&mut monitor, |event| matches!(event, Event::Address(seen) if seen.is_same(&address))).await;
        assert_eq!(mine.port, writer.port());
        a.run("ip addr del 10.9.0.1/32 dev eth0");
        let theirs =
            until(&mut monitor, |event| matches!(event, Event::AddressGone(seen) if seen.is_same(&address))).await;
        assert_ne!(theirs.port, writer.port());
        a.run("ip rule add priority 50 lookup main");
        until(&mut monitor, |event| matches!(event, Event::Rule(rule) if rule.priority == Some(50))).await;
        a.run("ip route add 10.8.0.0/16 via 10.0.0.2");
        let to = Some(prefix("10.8.0.0/16"));
        until(&mut monitor, |event| matches!(event, Event::Route(route) if route.destination == to)).await;
        lab.unplug(&a, &lan);
        until(&mut monitor, |event| matches!(event, Event::Link(link) if link.name == "eth0" && !link.is_up())).await;
        a.run("ip link del eth0");
        until(&mut monitor, |event| matches!(event, Event::LinkGone(link) if link.name == "eth0")).await;
    });
}

async fn until(monitor: &mut Monitor, wanted: impl Fn(&Event) -> bool) -> Notice {
    let mut notices = Vec::new();
    loop {
        monitor.wait().await.unwrap();
        monitor.take(&mut notices).unwrap();
        if let Some(notice) = notices.drain(..).find(|notice| wanted(&notice.event)) {
            return notice;
        }
    }
}

#[test]
fn a_monitor_that_was_not_read_in_time_says_that_it_lost_events() {
    let Some(mut lab) = Lab::new("a_monitor_that_was_not_read_in_time_says_that_it_lost_events") else { return };
    let lan = lab.segment("lan");
    let a = lab.node_on(&lan, "a", &[]);
    inside(&a, async || {
        let room = Some(Room { octets: 4096, force: false });
        let mut monitor = Monitor::start(Interest { room, ..Interest::default() }).unwrap();
        let index = link_named("eth0").index;
        let mut asker = Asker::open().unwrap();
        let address = |number: u16| {
            let [high, low] = number.to_be_bytes();
            Address::new(index, IpAddr::from([10, 0, high, low]), 32)
        };
        // Far more than the queue has room for.
        asker.request(&(0..500).map(|number| address(number).add()).collect::<Vec<_>>());
        asker.request(&(0..500).map(|number| address(number).remove()).collect::<Vec<_>>());
        until(&mut monitor, |event| *event == Event::Lost).await;
        // It goes on afterwards.
        while !{
            let mut notices = Vec::new();
            monitor.take(&mut notices).unwrap();
            notices.is_empty()
        } {}
        asker.request(&[address(1).add()]);
        until(&mut monitor, |event| matches!(event, Event::Address(seen) if seen.is_same(&address(1)))).await;
    });
}

/// A version 3 advert of virtual router 51 without addresses; IPv6 checksums are the kernel's work.
const ADVERT: [u8; 8] = [0x31, 51, 100, 0, 0, 100, 0, 0];

fn ipv4_advert(source: [u8; 4], destination: [u8; 4]) -> Vec<u8> {
    let mut bytes = vec![0x45, 0xc0, 0, 28, 0, 1, 0, 0, 255, 112, 0, 0];
    bytes.extend(source);
    bytes.extend(destination);
    bytes.extend(ADVERT);
    bytes
}

/// What one node receives when another sends; both sockets on `eth0`.
fn exchange(from: &Node, to: &Node, listen: impl Fn(Interface) -> Listen + Send + Sync, outgoing: Outgoing<'_>) -> Got {
    let family = Family::of(outgoing.destination);
    let receiver =
        to.namespace().enter(|| Receiver::open(&listen(interface("eth0")), Protocol::Vrrp, None, &Vrids::All).unwrap());
    let sender = from.namespace().enter(|| Sender::open(family, Protocol::Vrrp, Some(&interface("eth0"))).unwrap());
    inside(to, async || {
        let mut receiver = receiver;
        let ready = Ready::new().unwrap();
        ready.add(&receiver, 1).unwrap();
        let (mut got, mut buffer) = (None, vec![0; DATAGRAM_MAX]);
        while got.is_none() {
            sender.send(&outgoing).unwrap();
            // The first frames of a new link may be lost; adverts are repeated too.
            let _ = tokio::time::timeout(Duration::from_millis(100), ready.wait()).await;
            receiver.receive(&mut buffer, |datagram| got = Some(Got::from(datagram))).unwrap();
        }
        got.unwrap()
    })
}

#[derive(Debug, PartialEq)]
struct Got {
    on_the_interface: bool,
    source: IpAddr,
    destination: IpAddr,
    hop_limit: u8,
    payload: Vec<u8>,
}

impl From<steadfast::kernel::raw::Received<'_>> for Got {
    fn from(received: steadfast::kernel::raw::Received<'_>) -> Got {
        assert!(!received.truncated);
        let on_the_interface = received.interface == link_named("eth0").index;
        match received.bytes {
            Bytes::V4(bytes) => Got {
                on_the_interface,
                source: IpAddr::from(<[u8; 4]>::try_from(&bytes[12..16]).unwrap()),
                destination: IpAddr::from(<[u8; 4]>::try_from(&bytes[16..20]).unwrap()),
                hop_limit: bytes[8],
                payload: bytes[20..].to_vec(),
            },
            Bytes::V6 { source, destination, hop_limit, payload } => Got {
                on_the_interface,
                source: source.into(),
                destination: destination.into(),
                hop_limit: hop_limit.unwrap(),
                payload: payload.to_vec(),
            },
        }
    }
}

#[test]
fn ipv4_adverts_reach_the_group_from_the_source_they_name() {
    let Some(mut lab) = Lab::new("ipv4_adverts_reach_the_group_from_the_source_they_name") else { return };
    let lan = lab.segment("lan");
    let a = lab.node_on(&lan, "a", &["10.0.0.1/24"]);
    let b = lab.node_on(&lan, "b", &["10.0.0.2/24"]);
    // The sender need not have the source, nor any route.
    let bytes = ipv4_advert([10, 9, 9, 9], [224, 0, 0, 18]);
    let (source, destination) = (ip("10.9.9.9"), ip("224.0.0.18"));
    let outgoing = Outgoing { source, destination, hop_limit: None, bytes: &bytes };
    let got = exchange(&a, &b, |interface| Listen::Group(destination, interface), outgoing);
    assert_eq!(got, Got { on_the_interface: true, source, destination, hop_limit: 255, payload: ADVERT.to_vec() });
}

#[test]
fn ipv4_unicast_adverts_reach_the_address_bound_to() {
    let Some(mut lab) = Lab::new("ipv4_unicast_adverts_reach_the_address_bound_to") else { return };
    let lan = lab.segment("lan");
    let a = lab.node_on(&lan, "a", &["10.0.0.1/24"]);
    let b = lab.node_on(&lan, "b", &["10.0.0.2/24"]);
    let bytes = ipv4_advert([10, 0, 0, 1], [10, 0, 0, 2]);
    let (source, destination) = (ip("10.0.0.1"), ip("10.0.0.2"));
    let outgoing = Outgoing { source, destination, hop_limit: None, bytes: &bytes };
    let got = exchange(&a, &b, |_| Listen::Address(destination, None), outgoing);
    assert_eq!(got, Got { on_the_interface: true, source, destination, hop_limit: 255, payload: ADVERT.to_vec() });
}

#[test]
fn ipv6_adverts_carry_hop_limit_and_a_checksum_the_kernel_made() {
    let Some(mut lab) = Lab::new("ipv6_adverts_carry_hop_limit_and_a_checksum_the_kernel_made") else { return };
    let lan = lab.segment("lan");
    let a = lab.node_on(&lan, "a", &["fd00::1/64"]);
    let b = lab.node_on(&lan, "b", &["fd00::2/64"]);
    let group = ip("ff02::12");
    let link_local = ip("fe80::ff:fe00:101");
    let multicast = Outgoing { source: link_local, destination: group, hop_limit: None, bytes: &ADVERT };
    let got = exchange(&a, &b, |interface| Listen::Group(group, interface), multicast);
    assert_eq!((got.source, got.destination, got.hop_limit), (link_local, group, 255));
    assert!(got.on_the_interface && got.payload[6..] != [0, 0], "{got:?}");
    let unicast = Outgoing { source: ip("fd00::1"), destination: ip("fd00::2"), hop_limit: Some(77), bytes: &ADVERT };
    let got = exchange(&a, &b, |interface| Listen::Address(ip("fd00::2"), Some(interface)), unicast);
    assert_eq!((got.source, got.destination, got.hop_limit), (ip("fd00::1"), ip("fd00::2"), 77));
}

#[test]
fn announcements_pass_the_segment() {
    let Some(mut lab) = Lab::new("announcements_pass_the_segment") else { return };
    let lan = lab.segment("lan");
    let a = lab.node_on(&lan, "a", &[]);
    for address in ["10.0.0.100", "fd00::100"] {
        a.namespace().enter(|| {
            let link = link_named("eth0");
            let announcement = Announcement {
                interface: link.index,
                mac: link.ethernet().unwrap(),
                broadcast: Mac::BROADCAST,
                address: ip(address),
                router: false,
            };
            Announcer::open().unwrap().announce(&[announcement], |_, error| panic!("{error}"));
        });
        lab.journal.until("the announcement", |seen| seen.frames().any(|frame| frame.announces(address)));
    }
}

/// Sends what `waits` says until it has come, in whatever company.
fn until_it_comes(
    sender: &Sender,
    receiver: &mut Receiver,
    outgoing: &Outgoing<'_>,
    mut each: impl FnMut(&[u8]) -> bool,
) {
    let (start, mut buffer, mut came) = (std::time::Instant::now(), vec![0; DATAGRAM_MAX], false);
    while !came {
        assert!(start.elapsed() < PATIENCE, "it never came");
        sender.send(outgoing).unwrap();
        std::thread::sleep(Duration::from_millis(1));
        let take = |datagram: steadfast::kernel::raw::Received<'_>| match datagram.bytes {
            Bytes::V4(bytes) => came |= each(&bytes[20..]),
            Bytes::V6 { payload, .. } => came |= each(payload),
        };
        receiver.receive(&mut buffer, take).unwrap();
    }
}

#[test]
fn adverts_sent_together_come_in_order_and_one_that_cannot_leave_stops_none() {
    let Some(mut lab) = Lab::new("adverts_sent_together_come_in_order_and_one_that_cannot_leave_stops_none") else {
        return;
    };
    let lan = lab.segment("lan");
    let a = lab.node_on(&lan, "a", &["10.0.0.1/24", "fd00::1/64"]);
    let b = lab.node_on(&lan, "b", &["10.0.0.2/24", "fd00::2/64"]);
    let on_eth0 = |node: &Node| node.namespace().enter(|| interface("eth0"));
    for (source, destination, elsewhere) in [
        ("10.0.0.1", "224.0.0.18", "10.0.0.2"),
        ("10.0.0.1", "10.0.0.2", "224.0.0.18"),
        ("fe80::ff:fe00:101", "ff02::12", "fd00::2"),
        ("fd00::1", "fd00::2", "ff02::12"),
    ] {
        let (source, destination, elsewhere) = (ip(source), ip(destination), ip(elsewhere));
        let listen = match destination.is_multicast() {
            true => Listen::Group(destination, on_eth0(&b)),
            false => Listen::Address(destination, Some(on_eth0(&b))),
        };
        let from = on_eth0(&a);
        let sender =
            a.namespace().enter(|| Sender::open(Family::of(destination), Protocol::Vrrp, Some(&from)).unwrap());
        let open = || Receiver::open(&listen, Protocol::Vrrp, None, &Vrids::All).unwrap();
        let mut receiver = b.namespace().enter(open);
        let message = |number: u8, to: IpAddr| match (source, to) {
            (IpAddr::V4(source), IpAddr::V4(to)) => {
                let mut bytes = ipv4_advert(source.octets(), to.octets());
                bytes[20..23].copy_from_slice(&[0x31, 51, number]);
                bytes
            }
            _ => vec![0x31, 51, number, 0, 0, 100, 0, 0],
        };
        let outgoing = |to, bytes| Outgoing { source, destination: to, hop_limit: Some(255), bytes };
        let numbered: Vec<Vec<u8>> = (0..=120).map(|number| message(number, destination)).collect();
        until_it_comes(&sender, &mut receiver, &outgoing(destination, &numbered[0]), |payload| payload[2] == 0);
        let others = message(250, elsewhere);
        let mut all: Vec<Outgoing<'_>> = numbered.iter().map(|bytes| outgoing(destination, bytes)).collect();
        all.insert(80, outgoing(elsewhere, &others));
        let other_family = if source.is_ipv4() { ip("fd00::2") } else { ip("10.0.0.2") };
        all.insert(50, outgoing(other_family, &others));
        let mut refused = Vec::new();
        sender.send_all(&all, |which, _| refused.push(which.destination));
        assert_eq!(refused, [other_family], "{destination}");
        let (start, mut buffer, mut came) = (std::time::Instant::now(), vec![0; DATAGRAM_MAX], Vec::new());
        while came.last() != Some(&120) {
            assert!(start.elapsed() < PATIENCE, "{destination}: came so far: {came:?}");
            let take = |datagram: steadfast::kernel::raw::Received<'_>| match datagram.bytes {
                Bytes::V4(bytes) => came.push(bytes[22]),
                Bytes::V6 { payload, .. } => came.push(payload[2]),
            };
            receiver.receive(&mut buffer, take).unwrap();
        }
        came.retain(|number| *number != 0);
        assert_eq!(came, (1..=120).collect::<Vec<u8>>(), "{destination}");
    }
}

#[test]
fn only_adverts_of_known_routers_come_in_whatever_way_they_travel() {
    let Some(mut lab) = Lab::new("only_adverts_of_known_routers_come_in_whatever_way_they_travel") else { return };
    let lan = lab.segment("lan");
    let a = lab.node_on(&lan, "a", &["10.0.0.1/24", "fd00::1/64"]);
    let b = lab.node_on(&lan, "b", &["10.0.0.2/24", "fd00::2/64"]);
    let on_eth0 = |node: &Node| node.namespace().enter(|| interface("eth0"));
    for (source, destination) in [
        ("10.0.0.1", "224.0.0.18"),
        ("10.0.0.1", "10.0.0.2"),
        ("fe80::ff:fe00:101", "ff02::12"),
        ("fd00::1", "fd00::2"),
    ] {
        let (source, destination) = (ip(source), ip(destination));
        let listen = match destination.is_multicast() {
            true => Listen::Group(destination, on_eth0(&b)),
            false => Listen::Address(destination, Some(on_eth0(&b))),
        };
        let family = Family::of(destination);
        let these = |vrids: &[u8]| Vrids::These(vrids.iter().copied().collect());
        let open = || Receiver::open(&listen, Protocol::Vrrp, None, &these(&[51])).unwrap();
        let mut receiver = b.namespace().enter(open);
        let from = on_eth0(&a);
        let sender = a.namespace().enter(|| Sender::open(family, Protocol::Vrrp, Some(&from)).unwrap());
        let advert = |vrid: u8, number: u16| {
            let [high, low] = number.to_be_bytes();
            let message = [0x31, vrid, 100, 0, high & 0x0f, low, 0, 0];
            match (source, destination) {
                (IpAddr::V4(source), IpAddr::V4(destination)) => {
                    let mut bytes = ipv4_advert(source.octets(), destination.octets());
                    bytes.splice(20.., message);
                    bytes
                }
                _ => message.to_vec(),
            }
        };
        let outgoing = |bytes: &'static [u8]| Outgoing { source, destination, hop_limit: Some(255), bytes };
        let (ours, strange): (&[u8], &[u8]) = (advert(51, 1).leak(), advert(52, 1).leak());
        // A stranger's goes before each of ours.
        let mut seen = Vec::new();
        for _ in 0..3 {
            sender.send(&outgoing(strange)).unwrap();
            until_it_comes(&sender, &mut receiver, &outgoing(ours), |payload| {
                seen.push(payload[1]);
                payload[1] == 51
            });
        }
        assert!(seen.iter().all(|vrid| *vrid == 51), "{destination}: {seen:?}");
        // While the filter changes to and fro, none of ours is missed.
        let mut numbers = std::collections::BTreeSet::new();
        for number in 2..300 {
            receiver.hear_of(&if number % 2 == 0 { these(&[51, 52]) } else { these(&[51]) }).unwrap();
            sender.send(&outgoing(advert(51, number).leak())).unwrap();
            receiver.hear_of(&Vrids::All).unwrap();
            let mut buffer = vec![0; DATAGRAM_MAX];
            let take = |datagram: steadfast::kernel::raw::Received<'_>| {
                let payload = match datagram.bytes {
                    Bytes::V4(bytes) => &bytes[20..],
                    Bytes::V6 { payload, .. } => payload,
                };
                numbers.insert(u16::from_be_bytes([payload[4], payload[5]]));
            };
            receiver.receive(&mut buffer, take).unwrap();
        }
        until_it_comes(&sender, &mut receiver, &outgoing(advert(51, 300).leak()), |payload| {
            numbers.insert(u16::from_be_bytes([payload[4], payload[5]]));
            payload[4..6] == 300_u16.to_be_bytes()
        });
        assert!((2..=300).all(|number| numbers.contains(&number)), "{destination}: {numbers:?}");
        // And a stranger that has become known comes in.
        until_it_comes(&sender, &mut receiver, &outgoing(strange), |payload| payload[1] == 52);
    }
}

#[test]
fn announcements_by_the_hundred_leave_in_order_and_the_refused_ones_are_named() {
    let test = "announcements_by_the_hundred_leave_in_order_and_the_refused_ones_are_named";
    let Some(mut lab) = Lab::new(test) else { return };
    let lan = lab.segment("lan");
    let a = lab.node_on(&lan, "a", &[]);
    let refused = a.namespace().enter(|| {
        let link = link_named("eth0");
        let (mac, broadcast) = (link.ethernet().unwrap(), Mac::BROADCAST);
        let of = |number: u8| {
            // Of two interfaces that are not there, one amid others, one at the end.
            let interface = if matches!(number, 100 | 200) { 4711 } else { link.index };
            Announcement { interface, mac, broadcast, address: ip(&format!("10.0.0.{number}")), router: false }
        };
        let mut refused = Vec::new();
        let all: Vec<_> = (1..=200).map(of).collect();
        Announcer::open().unwrap().announce(&all, |announcement, _| refused.push(announcement.address.to_string()));
        refused
    });
    assert_eq!(refused, ["10.0.0.100", "10.0.0.200"]);
    let announced = |seen: &crate::journal::Reading| -> Vec<String> {
        let of = |frame: &crate::capture::Frame| match frame {
            crate::capture::Frame::Announcement { address, .. } if address.is_ipv4() => Some(address.to_string()),
            _ => None,
        };
        seen.frames().filter_map(of).collect()
    };
    let seen = lab.journal.until("the last one", |seen| announced(seen).len() == 198);
    let expected: Vec<_> = (1..200).filter(|number| *number != 100).map(|number| format!("10.0.0.{number}")).collect();
    assert_eq!(announced(&seen), expected);
}

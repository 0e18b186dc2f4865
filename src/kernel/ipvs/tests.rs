// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is written is read back, and what a refusal means.

mod captured;

use std::net::IpAddr;

use proptest::prelude::*;

use super::wire::{self, Wire};
use super::{
    Change, Checksum, Daemon, Destination, DestinationKey, Forwarding, Granularity, Persistence, Role, Service,
    ServiceKey, Subject, Timeouts, Tunnel, flag, readings,
};
use crate::kernel::Family;
use crate::kernel::netlink::{Messages, Refusal, Request};

const WIRE: Wire = Wire { family: 0x1c };

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn tcp(address: &str, port: u16) -> ServiceKey {
    ServiceKey::Address { protocol: 6, address: ip(address), port }
}

fn place(address: &str, port: u16) -> DestinationKey {
    DestinationKey { address: ip(address), port }
}

fn service(scheduler: &str) -> Service {
    Service { scheduler: scheduler.to_owned(), flags: 0, persistence: None }
}

fn nat(weight: u32) -> Destination {
    Destination { forwarding: Forwarding::Nat, weight, upper: 0, lower: 0 }
}

fn encoded(request: &Request) -> Vec<u8> {
    let mut bytes = Vec::new();
    request.encode(1, true, &mut bytes);
    bytes
}

/// What `read` makes of the request for `change`.
fn echoed<T>(change: &Change, read: impl Fn(&crate::kernel::netlink::Message<'_>) -> Option<T>) -> Option<T> {
    let bytes = encoded(&WIRE.change(change));
    let message = Messages::new(&bytes).next().unwrap();
    read(&message)
}

fn sticky(scheduler: &str, timeout: u32, granularity: Option<Granularity>, engine: Option<&str>) -> Service {
    let persistence = Some(Persistence { timeout, granularity, engine: engine.map(str::to_owned) });
    Service { persistence, ..service(scheduler) }
}

#[test]
fn services_are_read_as_they_were_written() {
    let cases = [
        (tcp("192.0.2.1", 80), service("wlc")),
        (tcp("2001:db8::1", 443), Service { flags: flag::SCHEDULER_1 | flag::SCHEDULER_2, ..service("sh") }),
        (
            ServiceKey::Address { protocol: 17, address: ip("192.0.2.1"), port: 53 },
            Service { flags: flag::ONE_PACKET, ..service("rr") },
        ),
        (ServiceKey::Mark { family: Family::V6, mark: u32::MAX }, service("mh")),
        (tcp("192.0.2.1", 0), sticky("rr", 360, None, None)),
        (tcp("192.0.2.1", 80), sticky("rr", 60, Some(Granularity::Mask("255.0.255.0".parse().unwrap())), Some("sip"))),
        (tcp("2001:db8::1", 80), sticky("rr", 60, Some(Granularity::Prefix(64)), None)),
    ];
    for (key, service) in cases {
        let change = Change::AddService(key, service.clone());
        assert_eq!(echoed(&change, wire::service), Some((key, service)));
    }
}

#[test]
fn destinations_are_read_as_they_were_written() {
    let tunnels = [
        Tunnel::Ipip,
        Tunnel::Gue { port: 6080, checksum: Checksum::Remote },
        Tunnel::Gre { checksum: Checksum::Full },
        Tunnel::Gre { checksum: Checksum::None },
    ];
    let methods = [Forwarding::Nat, Forwarding::Direct].into_iter().chain(tunnels.map(Forwarding::Tunnel));
    for forwarding in methods {
        for place in [place("198.51.100.1", 8080), place("2001:db8::2", 0)] {
            let destination = Destination { forwarding, weight: 7, upper: 200, lower: 100 };
            let change = Change::AddDestination(tcp("192.0.2.1", 80), place, destination);
            let read = echoed(&change, |message| wire::destination(message, Family::V4));
            assert_eq!(read, Some((place, destination)));
        }
    }
}

#[test]
fn sync_daemons_and_timeouts_are_read_as_they_were_written() {
    let plain = Daemon {
        role: Role::Backup,
        interface: "eth0".to_owned(),
        id: 0,
        max_length: None,
        group: None,
        port: None,
        ttl: None,
    };
    let full = Daemon {
        role: Role::Master,
        id: 255,
        max_length: Some(1400),
        group: Some(ip("ff05::81")),
        port: Some(8849),
        ttl: Some(3),
        ..plain.clone()
    };
    for daemon in [plain, full] {
        assert_eq!(echoed(&Change::StartDaemon(daemon.clone()), wire::daemon), Some(daemon));
    }
    let timeouts = Timeouts { tcp: 900, tcp_fin: 120, udp: 300 };
    assert_eq!(echoed(&Change::SetTimeouts(timeouts), wire::timeouts), Some(timeouts));
}

#[test]
fn a_table_that_was_not_as_expected_is_led_to_the_same_end() {
    let (key, at) = (tcp("192.0.2.1", 80), place("198.51.100.1", 80));
    let refusal = |errno| Refusal::new(errno);
    let cases = [
        (Change::AddService(key, service("rr")), libc::EEXIST, Some(Change::SetService(key, service("rr")))),
        (Change::SetService(key, service("rr")), libc::ESRCH, Some(Change::AddService(key, service("rr")))),
        (Change::AddDestination(key, at, nat(1)), libc::EEXIST, Some(Change::SetDestination(key, at, nat(1)))),
        (Change::SetDestination(key, at, nat(1)), libc::ENOENT, Some(Change::AddDestination(key, at, nat(1)))),
        (Change::AddDestination(key, at, nat(1)), libc::ESRCH, None),
        (Change::AddService(key, service("rr")), libc::ENOENT, None),
    ];
    for (change, errno, expected) in cases {
        assert_eq!(change.instead(&refusal(errno)), expected, "{change} refused with {errno}");
    }
}

#[test]
fn a_refusal_says_what_is_missing() {
    let (key, at) = (tcp("192.0.2.1", 80), place("198.51.100.1", 80));
    let cases = [
        (
            Change::AddService(key, service("twos")),
            libc::ENOENT,
            "the kernel has no scheduler twos (module ip_vs_twos)",
        ),
        (Change::AddDestination(key, at, nat(1)), libc::ESRCH, "the kernel has no virtual server tcp 192.0.2.1:80"),
        (
            Change::AddDestination(key, at, nat(1)),
            libc::EPERM,
            "the kernel refuses: the daemon lacks the capability CAP_NET_ADMIN",
        ),
        (
            Change::AddDestination(key, at, nat(1)),
            libc::EINVAL,
            "the kernel takes no such real server: 198.51.100.1 is no host's address there (where no interface is up, none \
             is), or only a tunnel leads to it from the other family",
        ),
        (Change::Flush, libc::ENOMEM, "out of memory"),
    ];
    for (change, errno, expected) in cases {
        assert_eq!(change.explain(&Refusal::new(errno)), expected);
    }
}

#[test]
fn changes_name_what_they_are_about() {
    let (key, at) = (tcp("2001:db8::1", 80), place("2001:db8::2", 8080));
    let add = Change::AddDestination(key, at, nat(1));
    assert_eq!(add.to_string(), "adding real server [2001:db8::2]:8080 to tcp [2001:db8::1]:80");
    assert_eq!(add.subject(), Change::RemoveDestination(key, at).subject());
    assert_ne!(add.subject(), Subject::Service(key));
    let mark = ServiceKey::Mark { family: Family::V4, mark: 7 };
    assert_eq!(Change::RemoveService(mark).to_string(), "removing virtual server fwmark 7");
}

fn any_key() -> impl Strategy<Value = ServiceKey> {
    let address = (any::<u8>(), any::<IpAddr>(), any::<u16>())
        .prop_map(|(protocol, address, port)| ServiceKey::Address { protocol, address, port });
    let family = prop::sample::select(vec![Family::V4, Family::V6]);
    prop_oneof![address, (family, 1..u32::MAX).prop_map(|(family, mark)| ServiceKey::Mark { family, mark })]
}

fn any_forwarding() -> impl Strategy<Value = Forwarding> {
    let checksum = prop::sample::select(vec![Checksum::None, Checksum::Full, Checksum::Remote]);
    prop_oneof![
        Just(Forwarding::Nat),
        Just(Forwarding::Direct),
        Just(Forwarding::Tunnel(Tunnel::Ipip)),
        (any::<u16>(), checksum.clone())
            .prop_map(|(port, checksum)| Forwarding::Tunnel(Tunnel::Gue { port, checksum })),
        checksum.prop_map(|checksum| Forwarding::Tunnel(Tunnel::Gre { checksum })),
    ]
}

proptest! {
    #[test]
    fn no_octets_make_the_readers_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = readings(&bytes);
    }

    /// Headers and nests that are right let the random part reach every field.
    #[test]
    fn no_attributes_make_the_readers_panic(
        nest in 0_u16..8,
        attributes in proptest::collection::vec((0_u16..16, proptest::collection::vec(any::<u8>(), 0..40)), 0..16),
    ) {
        let mut request = WIRE.services();
        request.nested(nest, |nest| {
            for (kind, value) in &attributes {
                nest.attribute(*kind, value);
            }
        });
        for (kind, value) in &attributes {
            request.attribute(*kind, value);
        }
        let _ = readings(&encoded(&request));
    }

    #[test]
    fn any_service_and_destination_is_read_as_it_was_written(
        key in any_key(),
        scheduler in "[a-z]{1,15}",
        address in any::<IpAddr>(),
        (port, weight, upper, lower) in any::<(u16, u32, u32, u32)>(),
        forwarding in any_forwarding(),
    ) {
        let service = service(&scheduler);
        prop_assert_eq!(echoed(&Change::AddService(key, service.clone()), wire::service), Some((key, service)));
        let at = DestinationKey { address, port };
        let destination = Destination { forwarding, weight, upper, lower };
        let read = echoed(&Change::AddDestination(key, at, destination), |message| wire::destination(message, key.family()));
        prop_assert_eq!(read, Some((at, destination)));
    }
}

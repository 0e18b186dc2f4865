// SPDX-License-Identifier: MIT OR Apache-2.0
use std::net::IpAddr;

use super::frame::Announcement;
use super::vrids::Vrids;
use super::{Listen, OpenError, Protocol, Receiver, Step};
use crate::kernel::Mac;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn announcement(address: &str, mac: [u8; 6]) -> Announcement {
    Announcement {
        interface: 3,
        mac: Mac(mac),
        broadcast: Mac::BROADCAST,
        address: address.parse::<IpAddr>().unwrap(),
        router: false,
    }
}

#[test]
fn a_gratuitous_arp_is_a_request_for_and_from_the_address() {
    let frame = announcement("192.0.2.100", [0, 0, 0x5e, 0, 1, 0x33]).frame().unwrap();
    assert_eq!(
        hex(&frame),
        "ffffffffffff00005e000133080600010800060400010000\
         5e000133c0000264ffffffffffffc0000264"
    );
}

#[test]
fn an_unsolicited_neighbour_advert_overrides_and_comes_from_the_address_itself() {
    let frame = announcement("fe80::52", [0, 0, 0x5e, 0, 2, 0x34]).frame().unwrap();
    assert_eq!(
        hex(&frame),
        "33330000000100005e00023486dd6000000000203aff\
         fe800000000000000000000000000052ff020000000000000000000000000001\
         8800f8c520000000fe800000000000000000000000000052020100005e000234"
    );
}

#[test]
fn a_router_says_so_in_its_neighbour_adverts() {
    let host = announcement("2001:db8::1", [2, 0, 0, 0, 0, 1]);
    let router = Announcement { router: true, ..host };
    assert_eq!(host.frame().unwrap()[58], 0x20);
    assert_eq!(router.frame().unwrap()[58], 0xa0);
}

#[test]
fn the_step_that_failed_is_named() {
    let listen = Listen::Group(
        "224.0.0.18".parse().unwrap(),
        super::Interface { index: u32::MAX, name: "no-such-device".into() },
    );
    let error: OpenError = Receiver::open(&listen, Protocol::Vrrp, None, &Vrids::All).unwrap_err();
    // Without the right to raw sockets it fails one step earlier.
    assert!(matches!(error.step, Step::BindInterface | Step::Create), "{error}");
    assert!(error.errno().is_some());
    assert!(error.to_string().contains(" failed: "), "{error}");
}

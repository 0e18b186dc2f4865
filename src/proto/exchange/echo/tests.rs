// SPDX-License-Identifier: MIT OR Apache-2.0
use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use super::*;

const V4: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const V6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

fn reply(echo: &Echo, kind: u8) -> Vec<u8> {
    let mut bytes = echo.bytes().to_vec();
    bytes[0] = kind;
    bytes
}

#[test]
fn request_is_as_long_as_keepaliveds_and_carries_its_phrase() {
    let echo = Echo::new(V4, Some(7), 1);
    assert_eq!(echo.bytes().len(), 136);
    assert!(echo.bytes().ends_with(b"keepalived check - keepalived check - keepalived check"[..].get(..14).unwrap()));
    assert_eq!(&echo.bytes()[8..46], b"keepalived check - keepalived check - ");
    assert_eq!(checksum(echo.bytes()), 0, "the sum over a message with its checksum is zero");
}

#[test]
fn reply_to_this_request_is_taken_in_both_families() {
    for (target, kind) in [(V4, 0), (V6, 129)] {
        let echo = Echo::new(target, Some(7), 3);
        assert_eq!(echo.judge(&reply(&echo, kind), false), Answer::Reply);
    }
}

#[test]
fn header_of_a_raw_socket_is_passed_over() {
    let echo = Echo::new(V4, Some(7), 3);
    for words in [5_u8, 15] {
        let mut packet = vec![0; usize::from(words) * 4];
        packet[0] = 0x40 | words;
        packet.extend(reply(&echo, 0));
        assert_eq!(echo.judge(&packet, true), Answer::Reply);
        assert!(packet.len() <= PACKET_MAX);
    }
}

#[test]
fn other_sequence_identifier_or_kind_is_waited_past() {
    let echo = Echo::new(V4, Some(7), 3);
    assert_eq!(echo.judge(&reply(&Echo::new(V4, Some(7), 2), 0), false), Answer::Foreign);
    assert_eq!(echo.judge(&reply(&Echo::new(V4, Some(8), 3), 0), false), Answer::Foreign);
    // Our own request, seen on loopback, and an unreachable that carries it.
    assert_eq!(echo.judge(echo.bytes(), false), Answer::Foreign);
    assert_eq!(echo.judge(&reply(&echo, 3), false), Answer::Foreign);
}

#[test]
fn identifier_the_kernel_chose_is_not_compared() {
    let echo = Echo::new(V4, None, 3);
    assert_eq!(echo.judge(&reply(&Echo::new(V4, Some(999), 3), 0), false), Answer::Reply);
}

#[test]
fn reply_with_other_text_is_told_apart() {
    let echo = Echo::new(V4, Some(7), 3);
    let mut changed = reply(&echo, 0);
    changed[100] ^= 1;
    assert_eq!(echo.judge(&changed, false), Answer::Changed);
    assert_eq!(echo.judge(&reply(&echo, 0)[..135], false), Answer::Changed);
    assert_eq!(echo.judge(&reply(&echo, 0)[..7], false), Answer::Foreign);
}

proptest! {
    #[test]
    fn any_packet_is_judged(packet in proptest::collection::vec(any::<u8>(), 0..300), header in any::<bool>()) {
        for target in [V4, V6] {
            let _ = Echo::new(target, Some(7), 3).judge(&packet, header);
        }
    }
}

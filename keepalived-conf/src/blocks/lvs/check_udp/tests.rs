// SPDX-License-Identifier: MIT OR Apache-2.0
use super::super::check::Checker;
use super::super::testing::{Read, in_checker, read};
use super::UdpCheck;

fn check(read: &Read) -> &UdpCheck {
    match read.checker() {
        Checker::Udp(check) => check,
        other => panic!("{other:?}"),
    }
}

#[test]
fn digits_pair_up_within_a_word() {
    for (line, bytes) in [
        ("payload 01 2 abc", &[0x01, 0x02, 0xab, 0x0c][..]),
        ("payload 0123456789abcdefABCDEF", &[0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0xab, 0xcd, 0xef]),
    ] {
        let read = read(&in_checker("UDP_CHECK", line));
        assert_eq!(check(&read).payload.as_deref(), Some(bytes), "{line}");
        assert!(read.codes.is_empty(), "{}", read.told);
    }
}

#[test]
fn an_answer_is_compared_under_its_mask() {
    let read = read(&in_checker("UDP_CHECK", "require_reply 0x 12 X"));
    let reply = check(&read).reply.as_deref().expect("a pattern");
    assert_eq!((reply.bytes.as_slice(), reply.mask.as_slice()), (&[0, 0x12, 0][..], &[0xf0, 0xff, 0][..]));
    for (answer, matches) in [
        (&[0x0f, 0x12, 0x77][..], true),
        (&[0x1f, 0x12, 0x77], false),
        (&[0x0f, 0x13], false),
        (&[0x0f], true),
        (&[], true),
        (&[0x0f, 0x12, 0x77, 0x99], true),
    ] {
        assert_eq!(reply.matches(answer), matches, "{answer:?}");
    }
}

#[test]
fn lines_are_held_to_their_rules() {
    for (line, required, codes, status) in [
        ("", false, &[][..], 0),
        ("require_reply", true, &[], 0),
        ("require_reply zz", true, &["KC293"], 5),
        ("payload", false, &["KC050"], 5),
        ("payload xyz", false, &["KC293"], 5),
        ("payload 0x", false, &["KC293"], 5),
        ("min_reply_length 65535\nmax_reply_length 65535", false, &[], 0),
        ("min_reply_length 65536", false, &["KC052"], 5),
        ("max_reply_length 1x", false, &["KC053"], 5),
        ("min_reply_length 10\nmax_reply_length 5", false, &["KC294"], 5),
        ("min_reply_length 256", false, &["KC294"], 5),
    ] {
        let read = read(&in_checker("UDP_CHECK", line));
        assert_eq!(check(&read).require_reply, required, "{line}");
        assert_eq!((read.codes.as_slice(), read.status), (codes, status), "{line}\n{}", read.told);
    }
}

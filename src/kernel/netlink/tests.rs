// SPDX-License-Identifier: MIT OR Apache-2.0
use super::{Attributes, Messages, Refusal, Request};
use crate::kernel::rtnl::{Address, Link, Route, Rule};
use proptest::prelude::*;

fn encoded(request: &Request) -> Vec<u8> {
    let mut bytes = Vec::new();
    request.encode(7, true, &mut bytes);
    bytes
}

#[test]
fn a_request_is_laid_out_header_first_and_every_attribute_padded() {
    let mut request = Request::new(20, 0x600, &[2, 32, 0, 0, 9, 0, 0, 0]);
    request.text(3, "ab").nested(18, |inner| {
        inner.u8(1, 5);
    });
    #[rustfmt::skip]
    let expected = [
        // length, type, flags (request, acknowledge and those given), sequence, sender
        44, 0, 0, 0,  20, 0,  5, 6,  7, 0, 0, 0,  0, 0, 0, 0,
        2, 32, 0, 0, 9, 0, 0, 0,
        7, 0, 3, 0,  b'a', b'b', 0, 0,
        12, 0, 18, 0,  5, 0, 1, 0,  5, 0, 0, 0,
    ];
    assert_eq!(encoded(&request), expected);
}

#[test]
fn what_was_built_is_read_back() {
    let mut request = Request::new(20, 0, &[0; 8]);
    request.u16(1, 0x1234).nested(2, |inner| {
        inner.u32(3, 99).text(4, "name");
    });
    let bytes = encoded(&request);
    let message = Messages::new(&bytes).next().unwrap();
    assert_eq!((message.kind, message.sequence), (20, 7));
    let [first, second] = message.attributes(8).collect::<Vec<_>>()[..] else { panic!("two attributes") };
    assert_eq!((first.kind, first.u16()), (1, Some(0x1234)));
    let [number, name] = second.attributes().collect::<Vec<_>>()[..] else { panic!("two inner attributes") };
    assert_eq!((number.kind, number.u32()), (3, Some(99)));
    assert_eq!((name.kind, name.text()), (4, Some("name")));
}

#[test]
fn an_attribute_too_long_for_its_length_field_marks_the_request() {
    let mut request = Request::new(20, 0, &[]);
    request.attribute(1, &vec![0; 65_531]);
    assert!(!request.is_overlong());
    request.attribute(1, &vec![0; 65_532]);
    assert!(request.is_overlong());
    let mut request = Request::new(20, 0, &[]);
    request.nested(1, |inner| {
        inner.attribute(1, &vec![0; 40_000]).attribute(2, &vec![0; 40_000]);
    });
    assert!(request.is_overlong());
}

/// A verdict as the kernel lays it out.
fn verdict(kind: u16, flags: u16, body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend((16 + body.len() as u32).to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(flags.to_ne_bytes());
    bytes.extend([0; 8]);
    bytes.extend(body);
    bytes
}

#[test]
fn verdicts_carry_the_error_and_the_kernels_sentence() {
    let exists = (-libc::EEXIST).to_ne_bytes();
    let sentence = [&[10, 0, 1, 0][..], b"taken\0\0\0"].concat();
    let echoed = [&40_u32.to_ne_bytes()[..], &[0; 36]].concat();
    let refusal = |text: Option<&str>| Some(Err(Refusal { errno: libc::EEXIST, text: text.map(str::to_owned) }));
    let cases = [
        (verdict(2, 0, &[&[0; 4][..], &[0; 16]].concat()), Some(Ok(()))),
        (verdict(2, 0, &[&exists[..], &[0; 16]].concat()), refusal(None)),
        (verdict(2, 0x300, &[&exists[..], &[0; 16], &sentence].concat()), refusal(Some("taken"))),
        (verdict(2, 0x200, &[&exists[..], &echoed, &sentence].concat()), refusal(Some("taken"))),
        (verdict(3, 0x202, &[&exists[..], &sentence].concat()), refusal(Some("taken"))),
        (verdict(3, 2, &[0; 4]), Some(Ok(()))),
        (verdict(20, 2, &[0; 8]), None),
    ];
    for (bytes, expected) in cases {
        assert_eq!(Messages::new(&bytes).next().unwrap().verdict(), expected, "{bytes:?}");
    }
}

#[test]
fn a_refusal_reads_as_a_sentence_without_a_full_stop() {
    assert_eq!(Refusal::new(libc::EPERM).to_string(), "operation not permitted");
    let refusal = Refusal { errno: libc::EINVAL, text: Some("Invalid scope".into()) };
    assert_eq!(refusal.to_string(), "invalid argument (Invalid scope)");
}

#[test]
fn reading_ends_at_the_first_thing_that_does_not_parse() {
    let mut bytes = encoded(&Request::new(20, 0, &[0; 8]));
    bytes.extend_from_slice(&[15, 0, 0, 0, 1, 1, 1, 1]);
    assert_eq!(Messages::new(&bytes).count(), 1);
    for junk in [&[3, 0, 1, 0][..], &[0; 4], &[9, 0, 1, 0, 0], &[4, 0, 1]] {
        assert_eq!(Attributes::new(junk).count(), 0, "{junk:?}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_the_readers_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        for message in Messages::new(&bytes) {
            let _ = (message.verdict(), Link::parse(&message), Address::parse(&message));
            let _ = (Route::parse(&message), Rule::parse(&message));
        }
    }

    /// Headers that are right let the random part reach the inner readers.
    #[test]
    fn no_attributes_make_the_readers_panic(
        kind in prop::sample::select(vec![2_u16, 3, 16, 20, 24, 32]),
        flags in any::<u16>(),
        head in proptest::collection::vec(any::<u8>(), 16),
        family in prop::sample::select(vec![0_u8, 2, 10]),
        attributes in proptest::collection::vec((0_u16..40, proptest::collection::vec(any::<u8>(), 0..40)), 0..12),
    ) {
        let mut head = head;
        head[0] = family;
        let length = match kind { 16 => 16, 20 => 8, 24 | 32 => 12, _ => 4 };
        let mut request = Request::new(kind, 0, &head[..length]);
        for (kind, value) in &attributes {
            request.attribute(*kind, value);
        }
        let bytes = verdict(kind, flags, request.body());
        for message in Messages::new(&bytes) {
            let _ = (message.verdict(), Link::parse(&message), Address::parse(&message));
            let _ = (Route::parse(&message), Rule::parse(&message));
        }
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
use proptest::prelude::*;

use super::*;

const A: u16 = 1;
const SOA: u16 = 6;

fn query() -> Query {
    Query::new(0x1234, "www.example.org", A).expect("a good name")
}

/// An answer to `query` with these flags, counts of answers and what follows the question.
fn answer(query: &Query, flags: u8, code: u8, answers: u8, rest: &[u8]) -> Vec<u8> {
    let mut bytes = query.bytes().to_vec();
    bytes[2] |= RESPONSE | flags;
    bytes[3] = code;
    bytes[7] = answers;
    bytes.extend_from_slice(rest);
    bytes
}

/// An address record whose name is the two bytes given.
fn record(name: [u8; 2]) -> Vec<u8> {
    [&name[..], &[0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1]].concat()
}

const QUESTION_NAME: [u8; 2] = [0xc0, 12];

#[test]
fn query_stands_on_the_wire_as_keepalived_writes_it() {
    let expected = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03www\x07example\x03org\x00\x00\x01\x00\x01";
    assert_eq!(query().bytes(), expected);
}

#[test]
fn empty_name_and_a_dot_ask_for_the_root() {
    let expected = b"\x00\x07\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x06\x00\x01";
    for name in ["", "."] {
        assert_eq!(Query::new(7, name, SOA).expect("the root").bytes(), expected);
    }
}

#[test]
fn one_character_labels_and_the_last_dot_are_fine() {
    assert_eq!(Query::new(1, "x.test.", A), Query::new(1, "x.test", A));
    assert!(Query::new(1, "x.test", A).is_ok());
}

#[test]
fn names_that_cannot_be_asked_for_are_refused() {
    assert_eq!(Query::new(1, "a..b", A), Err(NameFault::EmptyLabel));
    assert_eq!(Query::new(1, &"a".repeat(64), A), Err(NameFault::LongLabel));
    assert_eq!(Query::new(1, &"a".repeat(300), A), Err(NameFault::LongLabel));
    let long = vec!["a".repeat(63); 4].join(".");
    assert_eq!(Query::new(1, &long, A), Err(NameFault::LongName));
    assert!(Query::new(1, &long[..253], A).is_ok());
}

#[test]
fn answers_are_good_with_and_without_records() {
    let query = query();
    for (answers, rest) in [(0, Vec::new()), (1, record(QUESTION_NAME)), (2, record(QUESTION_NAME).repeat(2))] {
        assert_eq!(query.judge(&answer(&query, 0, 0, answers, &rest)), Answer::Good);
    }
}

#[test]
fn answer_in_other_letters_is_ours() {
    let query = query();
    let mut bytes = answer(&query, 0, 0, 0, &[]);
    bytes[13..16].copy_from_slice(b"WwW");
    assert_eq!(query.judge(&bytes), Answer::Good);
}

#[test]
fn answer_without_question_is_ours_by_its_id() {
    assert_eq!(query().judge(&[0x12, 0x34, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0]), Answer::Good);
    assert_eq!(query().judge(&[0x12, 0x34, 0x80, 5, 0, 0, 0, 0, 0, 0, 0, 0]), Answer::Refused(5));
}

#[test]
fn every_other_code_is_a_refusal() {
    let query = query();
    for code in 1..=15 {
        assert_eq!(query.judge(&answer(&query, 0, code, 0, &[])), Answer::Refused(code));
    }
}

#[test]
fn what_answers_something_else_is_waited_past() {
    let query = query();
    let good = answer(&query, 0, 0, 0, &[]);
    let mut other_id = good.clone();
    other_id[0] ^= 1;
    let mut other_question = good.clone();
    other_question[13] = b'x';
    let mut other_type = good.clone();
    let last = other_type.len() - 3;
    other_type[last] = 28;
    let cases: [(&[u8], Foreign); 6] = [
        (b"", Foreign::Short),
        (&good[..11], Foreign::Short),
        (&other_id, Foreign::Id),
        (query.bytes(), Foreign::NoResponse),
        (&other_question, Foreign::Question),
        (&other_type, Foreign::Question),
    ];
    for (bytes, why) in cases {
        assert_eq!(query.judge(bytes), Answer::Foreign(why), "{bytes:x?}");
    }
}

#[test]
fn names_that_refer_to_themselves_or_forward_end() {
    let query = query();
    let own = u8::try_from(query.bytes().len()).expect("a short query");
    // To itself, to what follows, and two that refer to one another.
    for rest in [record([0xc0, own]), record([0xc0, own + 2]), [&[1, b'a', 0xc0, own][..], &[0; 10]].concat()] {
        assert_eq!(query.judge(&answer(&query, 0, 0, 1, &rest)), Answer::Malformed(Flaw::Loop));
    }
}

#[test]
fn pointers_may_lead_to_pointers_further_back() {
    let query = query();
    let first = u8::try_from(query.bytes().len()).expect("a short query");
    let rest = [record(QUESTION_NAME), record([0xc0, first])].concat();
    assert_eq!(query.judge(&answer(&query, 0, 0, 2, &rest)), Answer::Good);
}

#[test]
fn answer_may_end_early_only_when_it_says_so() {
    let query = query();
    let whole = record(QUESTION_NAME);
    for length in 0..whole.len() {
        let cut = &whole[..length];
        assert_eq!(query.judge(&answer(&query, 0, 0, 1, cut)), Answer::Malformed(Flaw::CutOff));
        assert_eq!(query.judge(&answer(&query, TRUNCATED, 0, 1, cut)), Answer::Good);
    }
    // The question itself must be there all the same.
    let bytes = answer(&query, TRUNCATED, 0, 0, &[]);
    assert_eq!(query.judge(&bytes[..20]), Answer::Malformed(Flaw::CutOff));
}

#[test]
fn names_with_unknown_labels_and_endless_names_are_refused() {
    let query = query();
    assert_eq!(query.judge(&answer(&query, 0, 0, 1, &[0x40, 0])), Answer::Malformed(Flaw::Label));
    let endless = [&[63][..], &[b'a'; 63]].concat().repeat(5);
    assert_eq!(query.judge(&answer(&query, 0, 0, 1, &endless)), Answer::Malformed(Flaw::LongName));
}

#[test]
fn as_many_records_as_a_header_can_promise_are_walked_in_bounds() {
    let query = query();
    let mut bytes = answer(&query, 0, 0, 0, &[]);
    bytes[6..12].fill(0xff);
    assert_eq!(query.judge(&bytes), Answer::Malformed(Flaw::CutOff));
}

proptest! {
    #[test]
    fn any_bytes_are_judged(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let _ = query().judge(&bytes);
    }

    #[test]
    fn any_bytes_behind_the_right_header_are_judged(rest in proptest::collection::vec(any::<u8>(), 0..600), flags in any::<u8>(), code in any::<u8>(), count in any::<u8>()) {
        let query = query();
        let _ = query.judge(&answer(&query, flags, code, count, &rest));
    }

    #[test]
    fn names_that_can_be_asked_for_come_back_as_good(labels in proptest::collection::vec("[a-z0-9_-]{1,63}", 0..4), id in any::<u16>(), kind in any::<u16>()) {
        let name = labels.join(".");
        prop_assume!(name.len() <= 253);
        let query = Query::new(id, &name, kind).expect("a name within the limits");
        prop_assert_eq!(query.judge(&answer(&query, 0, 0, 0, &[])), Answer::Good);
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
use super::super::check::Checker;
use super::super::testing::{in_checker, read};
use super::{QueryType, TYPES};
use std::time::Duration;

fn asked(lines: &str) -> (String, Vec<&'static str>, u8) {
    let read = read(&in_checker("DNS_CHECK", lines));
    let Checker::Dns(check) = read.checker() else { panic!("no DNS check") };
    (format!("{} {}", check.query, check.name), read.codes, read.status)
}

#[test]
fn type_and_name_are_read_and_have_their_defaults() {
    for (lines, shown, codes, status) in [
        ("", "SOA ", &[][..], 0),
        ("type a\nname www.example", "A www.example", &[], 0),
        ("type AAAA\nname example.com.", "AAAA example.com", &[], 0),
        ("name .", "SOA ", &[], 0),
        ("name localhost", "SOA localhost", &[], 0),
        ("name x", "SOA x", &[], 0),
        ("name x.test", "SOA x.test", &["KC296"], 5),
        ("type foo", "SOA ", &["KC295"], 5),
        ("type", "SOA ", &["KC050"], 2),
        ("name", "SOA ", &["KC050"], 2),
        ("name a..b", "SOA ", &["KC296"], 5),
        ("name .a", "SOA ", &["KC296"], 5),
        ("name ab..cd", "SOA ", &["KC296"], 5),
        ("name aa.test\nname bb.test", "SOA aa.test", &["KC063"], 5),
    ] {
        assert_eq!(asked(lines), (shown.to_owned(), codes.to_vec(), status), "{lines}");
    }
}

#[test]
fn a_name_that_no_query_can_hold_is_refused() {
    for name in [format!("{}.example", "a".repeat(64)), "ab.".repeat(100)] {
        assert_eq!(asked(&format!("name {name}")).1, ["KC296"], "{name}");
    }
    assert!(asked(&format!("name {}.example", "a".repeat(63))).1.is_empty());
}

#[test]
fn every_type_has_its_name_and_number() {
    for (query, name, number) in TYPES {
        assert_eq!((query.to_string().as_str(), query.number()), (name, number));
        assert_eq!(asked(&format!("type {}", name.to_lowercase())).0, format!("{name} "));
    }
    assert_eq!(QueryType::default(), QueryType::Soa);
}

#[test]
fn it_tries_again_after_its_interval() {
    let read = read(&in_checker("DNS_CHECK", "delay_loop 9"));
    let timing = read.checker().timing().expect("is timed");
    assert_eq!((*timing.retry, *timing.delay_before_retry), (3, Duration::from_secs(9)));
}

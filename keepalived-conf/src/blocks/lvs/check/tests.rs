// SPDX-License-Identifier: MIT OR Apache-2.0
use std::time::Duration;

use super::super::testing::{in_checker, in_real_server, read, virtual_server};

/// Checkers with all common keywords, and a line that makes each of them complete.
const CONNECTING: [(&str, &str); 7] = [
    ("SMTP_CHECK", ""),
    ("TCP_CHECK", ""),
    ("PING_CHECK", ""),
    ("UDP_CHECK", ""),
    ("HTTP_GET", "url {\npath /\n}"),
    ("SSL_GET", "url {\npath /\n}"),
    ("DNS_CHECK", ""),
];

#[test]
fn common_keywords_are_read_alike_in_every_checker() {
    for (keyword, rest) in CONNECTING {
        let lines = format!(
            "connect_ip 10.0.0.7\nconnect_port 8080\nbindto 10.0.0.1\nbind_port 1024\nbind_if eth0\n\
             connect_timeout 2.5\nfwmark 9\nretry 0\ndelay_before_retry 4\nwarmup 0\ndelay_loop 7\nalpha\n\
             log_all_failures yes\n{rest}"
        );
        let read = read(&in_checker(keyword, &lines));
        assert!(read.codes.is_empty(), "{keyword}\n{}", read.told);
        let connection = read.checker().connection().expect("connects");
        assert_eq!(connection.connect_ip.to_string(), "10.0.0.7", "{keyword}");
        assert_eq!(*connection.connect_port, 8080);
        let source = connection.source.as_deref().expect("a source");
        assert_eq!(source.bindto.map(|source| source.to_string()).as_deref(), Some("10.0.0.1"));
        assert_eq!((source.bind_port, source.bind_if.as_deref()), (Some(1024), Some("eth0")));
        assert_eq!(source.fwmark, 9);
        let timing = read.checker().timing().expect("is timed");
        assert_eq!(*timing.connect_timeout, Duration::from_millis(2500));
        assert_eq!((*timing.retry, *timing.alpha, *timing.log_all_failures), (0, true, true));
        assert_eq!(*timing.delay_before_retry, Duration::from_secs(4));
        assert_eq!((*timing.warmup, *timing.delay_loop), (Duration::ZERO, Duration::from_secs(7)));
    }
}

#[test]
fn common_keywords_are_held_to_their_rules() {
    for (line, codes, status) in [
        ("connect_ip", &["KC050"][..], 2),
        ("connect_ip x", &["KC055"], 5),
        ("connect_ip 10.0.0.5/24", &["KC053"], 0),
        ("connect_ip 2001:db8::1", &[], 0),
        ("connect_ip 2001:db8::1\nbindto 2001:db8::2", &[], 0),
        ("bindto 2001:db8::1", &["KC281"], 5),
        ("bindto 10.0.0.1\nconnect_ip 2001:db8::2", &["KC281"], 5),
        ("bindto x", &["KC055"], 5),
        ("connect_port 0", &["KC052"], 5),
        ("connect_port 65536", &["KC052"], 5),
        ("connect_port x", &["KC051"], 5),
        ("connect_port", &["KC050"], 2),
        ("bind_port 0", &["KC052"], 5),
        ("bind_if abcdefghijklmno", &[], 0),
        ("bind_if abcdefghijklmnop", &["KC282"], 5),
        ("bind_if", &["KC050"], 2),
        ("connect_timeout 0", &["KC052"], 5),
        ("fwmark x", &["KC051"], 5),
        ("fwmark 0x10", &["KC053"], 5),
        ("fwmark 4294967295", &[], 0),
        ("retry 1x", &["KC053"], 5),
        ("retry 1\nretry 2", &["KC063"], 0),
        ("alpha foo", &["KC054"], 5),
        ("log_all_failures foo", &["KC054"], 5),
        ("delay_loop 0", &["KC052"], 5),
        ("foo", &["KC060"], 5),
    ] {
        let read = read(&in_checker("TCP_CHECK", line));
        assert_eq!((read.codes.as_slice(), read.status), (codes, status), "{line}\n{}", read.told);
    }
}

#[test]
fn a_link_local_target_needs_an_interface() {
    for (keyword, rest) in CONNECTING {
        let bare = read(&in_checker(keyword, &format!("connect_ip fe80::1\n{rest}")));
        assert_eq!((bare.codes.as_slice(), bare.real().checkers.len()), (&["KC283"][..], 0), "{keyword}");
        let bound = read(&in_checker(keyword, &format!("connect_ip fe80::1\nbind_if eth0\n{rest}")));
        assert_eq!((bound.codes.len(), bound.real().checkers.len()), (0, 1), "{keyword}");
    }
    let lines = "lvs_sched rr\nlvs_method NAT\nprotocol TCP";
    let read = read(&virtual_server("2001:db8::1 80", lines, "real_server fe80::1 80 {\nTCP_CHECK {\n}\n}"));
    assert_eq!(read.codes, ["KC283"], "the real server's own address counts too");
}

#[test]
fn a_server_has_any_number_of_checkers_of_any_kind() {
    let read =
        read(&in_real_server("TCP_CHECK {\n}\nPING_CHECK {\n}\nTCP_CHECK {\nconnect_port 81\n}\nDNS_CHECK {\n}"));
    let kinds: Vec<&str> = read.real().checkers.iter().map(|checker| checker.keyword()).collect();
    assert_eq!(kinds, ["TCP_CHECK", "PING_CHECK", "TCP_CHECK", "DNS_CHECK"]);
    assert!(read.codes.is_empty(), "{}", read.told);
}

// SPDX-License-Identifier: MIT OR Apache-2.0
use std::time::Duration;

use super::super::method::{Checksum, Method, Tunnel, TunnelKind};
use super::super::scheduler::{Protocol, Scheduler};
use super::super::testing::{in_real_server, read, virtual_server, with_line};
use super::Granularity;
use crate::family::Family;

/// A line of a virtual server, the codes it is answered with, and the exit status of keepalived's own test.
type Case = (&'static str, &'static [&'static str], u8);

fn check(cases: &[Case]) {
    for (line, codes, status) in cases {
        let read = read(&with_line(line));
        assert_eq!(read.codes, *codes, "{line}\n{}", read.told);
        assert_eq!(read.status, *status, "{line}\n{}", read.told);
    }
}

#[test]
fn a_plain_virtual_server_is_without_findings() {
    check(&[("", &[], 0)]);
}

#[test]
fn times_and_counts_are_held_within_their_ranges() {
    check(&[
        ("retry 1", &[], 0),
        ("retry 4294967295", &[], 0),
        ("retry 0", &["KC052"], 5),
        ("retry 4294967296", &["KC052"], 5),
        ("retry 1x", &["KC053"], 5),
        ("retry", &["KC050"], 2),
        ("delay_before_retry 0", &[], 0),
        ("delay_before_retry -1", &["KC051"], 5),
        ("warmup 0", &[], 0),
        ("warmup 0.25", &[], 0),
        ("connect_timeout 0.000001", &[], 0),
        ("connect_timeout 4294.967295", &[], 0),
        ("connect_timeout 4294.967296", &["KC052"], 5),
        ("connect_timeout 0", &["KC052"], 5),
        ("delay_loop 0", &["KC052"], 5),
        ("delay_loop 1.1234567", &["KC056"], 5),
        ("delay_loop abc", &["KC051"], 5),
        ("delay_loop", &["KC050"], 2),
        ("quorum 0", &["KC052"], 5),
        ("quorum 1x", &["KC053"], 5),
        ("hysteresis x", &["KC051"], 5),
        ("hysteresis 4294967296", &["KC052"], 5),
        ("weight 0", &["KC052"], 5),
        ("weight 2147483647", &[], 0),
        ("weight 2147483648", &["KC052"], 5),
        ("persistence_timeout", &[], 0),
        ("persistence_timeout 2678400", &[], 0),
        ("persistence_timeout 2678401", &["KC052"], 5),
        ("persistence_timeout 0", &["KC052"], 5),
    ]);
}

#[test]
fn words_are_taken_from_their_lists() {
    check(&[
        ("ip_family inet", &[], 0),
        ("ip_family foo", &["KC054"], 5),
        ("ip_family inet6", &["KC261"], 5),
        ("lb_algo xx", &["KC262"], 5),
        ("lb_kind DR", &[], 0),
        ("lb_kind tun", &["KC265"], 5),
        ("lb_kind", &["KC050"], 2),
        ("protocol foo", &["KC063", "KC268"], 5),
        ("persistence_engine sip", &[], 0),
        ("persistence_engine sipsipsipsipsipsipsip", &["KC272"], 5),
        ("persistence_granularity a.b", &["KC304"], 5),
        ("persistence_granularity 255.255.255.0", &[], 0),
        ("smtp_alert", &[], 0),
        ("smtp_alert foo", &["KC054"], 5),
        ("virtualhost", &["KC050"], 5),
        ("snmp_name", &["KC050"], 5),
        ("snmp_name a", &[], 0),
        ("snmp_name a b", &["KC280"], 5),
        ("quorum_up", &["KC050"], 2),
        ("unknown_thing 4", &["KC060"], 5),
        ("alpha\nomega\nha_suspend\ninhibit_on_failure\nflag-1\nflag-2\nflag-3", &[], 0),
        ("alpha off", &["KC057"], 0),
    ]);
}

#[test]
fn scheduler_flags_want_their_scheduler() {
    check(&[
        ("lvs_sched sh\nsh-port\nsh-fallback", &["KC063"], 0),
        ("lvs_sched mh\nmh-port\nmh-fallback", &["KC063"], 0),
        ("sh-port", &["KC264"], 5),
        ("mh-port", &["KC264"], 5),
        ("lvs_sched mh\nsh-port", &["KC063", "KC264"], 0),
        ("lvs_sched sh\nmh-fallback", &["KC063", "KC264"], 0),
        ("hashed", &["KC065", "KC264"], 5),
        ("lvs_sched sh\nhashed", &["KC063", "KC065"], 0),
    ]);
    let text = virtual_server(
        "192.0.2.1 80",
        "sh-port\nlvs_sched sh\nlvs_method NAT\nprotocol TCP",
        "real_server 10.0.0.2 80 {\n}",
    );
    let read = read(&text);
    assert_eq!(read.codes, ["KC303"], "keepalived ignores a flag before its scheduler");
    assert_eq!(read.server().flags.bits(), 0x10, "but it counts here");
}

#[test]
fn every_scheduler_is_known_by_its_name() {
    for scheduler in Scheduler::ALL {
        let text = with_line("").replace("lvs_sched rr", &format!("lvs_sched {scheduler}"));
        let read = read(&text);
        assert_eq!((*read.server().scheduler, read.codes.len()), (scheduler, 0), "{}", read.told);
    }
}

#[test]
fn forwarding_methods_take_the_options_of_their_tunnel() {
    let tunnel = |kind, checksum| Method::Tun(Tunnel { kind, checksum });
    let plain = tunnel(TunnelKind::Ipip, Checksum::Nocsum);
    let gue = TunnelKind::Gue { port: 6080 };
    for (line, method, codes, status) in [
        ("NAT", Method::Nat, &[][..], 0),
        ("DR", Method::Dr, &[], 0),
        ("TUN", plain, &[], 0),
        ("TUN type ipip", plain, &[], 0),
        ("TUN type ipip nocsum", plain, &[], 0),
        ("TUN type gre", tunnel(TunnelKind::Gre, Checksum::Nocsum), &[], 0),
        ("TUN type gre csum", tunnel(TunnelKind::Gre, Checksum::Csum), &[], 0),
        ("TUN type gue port 6080", tunnel(gue, Checksum::Nocsum), &[], 0),
        ("TUN port 6080 remcsum type gue", tunnel(gue, Checksum::Remcsum), &[], 0),
        ("TUN type gue", plain, &["KC267"], 5),
        ("TUN type ipip port 5", plain, &["KC267"], 5),
        ("TUN type gue port 0", plain, &["KC052"], 5),
        ("TUN type gue port 70000x", plain, &["KC053"], 5),
        ("TUN type gue port", plain, &["KC267"], 5),
        ("TUN type", plain, &["KC267"], 5),
        ("TUN type foo", plain, &["KC267"], 5),
        ("TUN csum", plain, &["KC267"], 5),
        ("TUN type gre remcsum", plain, &["KC267"], 5),
        ("TUN foo", plain, &["KC267"], 5),
        ("DR foo", Method::Dr, &["KC267"], 5),
        ("DR port 5", Method::Dr, &["KC267"], 5),
        ("DR csum", Method::Dr, &["KC267"], 5),
        ("DR type ipip", Method::Dr, &["KC267"], 0),
        ("NAT nocsum", Method::Nat, &["KC267"], 0),
    ] {
        let read = read(&in_real_server(&format!("lvs_method {line}")));
        assert_eq!((*read.real().method, read.status), (method, status), "{line}\n{}", read.told);
        assert_eq!(read.codes, codes, "{line}\n{}", read.told);
    }
}

#[test]
fn protocols_are_taken_in_any_letter_case() {
    for (word, protocol) in
        [("TCP", Protocol::Tcp), ("tcp", Protocol::Tcp), ("Udp", Protocol::Udp), ("sctp", Protocol::Sctp)]
    {
        let read = read(&with_line("").replace("protocol TCP", &format!("protocol {word}")));
        assert_eq!((*read.server().protocol, read.codes.len()), (Some(protocol), 0), "{word}");
    }
}

#[test]
fn a_granularity_is_read_as_the_c_library_reads_masks() {
    let mask = |a, b, c, d| Some(Granularity::Mask([a, b, c, d].into()));
    for (word, expected, codes) in [
        ("255.255.255.0", mask(255, 255, 255, 0), &[][..]),
        ("0.0.0.0", mask(0, 0, 0, 0), &[]),
        ("0xffffff00", mask(255, 255, 255, 0), &[]),
        ("255.0.255.0", mask(255, 0, 255, 0), &["KC304"]),
        ("24", mask(0, 0, 0, 24), &["KC304"]),
        ("1.2", mask(1, 0, 0, 2), &["KC304"]),
        ("256.0.0.0", None, &["KC304"]),
        ("1.2.3.4.5", None, &["KC304"]),
        ("", None, &["KC304"]),
    ] {
        let read = read(&with_line(&format!("persistence_granularity \"{word}\"")));
        let server = read.server();
        assert_eq!(server.persistence_granularity, expected, "{word}");
        assert_eq!(server.persistence_timeout, expected.map(|_| Duration::from_secs(360)), "{word}");
        assert_eq!(read.codes, codes, "{word}\n{}", read.told);
    }
    let six = |word: &str| {
        let lines = format!("lvs_sched rr\nlvs_method NAT\nprotocol TCP\npersistence_granularity {word}");
        read(&virtual_server("2001:db8::1 80", &lines, "real_server 2001:db8::2 80 {\n}"))
    };
    assert_eq!(six("64").server().persistence_granularity, Some(Granularity::Prefix(64)));
    for (word, code) in [("129", "KC052"), ("0", "KC052"), ("24x", "KC053"), ("255.255.255.0", "KC053")] {
        assert_eq!((six(word).codes, six(word).status), (vec![code], 5), "{word}");
    }
}

#[test]
fn a_granularity_tells_the_family_of_a_mark() {
    for (word, family) in [("64", Family::V6), ("255.255.255.0", Family::V4)] {
        let server = if family == Family::V4 { "10.0.0.2" } else { "2001:db8::2" };
        let lines = format!("lvs_sched rr\nlvs_method NAT\npersistence_granularity {word}");
        let read = read(&virtual_server("fwmark 1", &lines, &format!("real_server {server} 80 {{\n}}")));
        assert_eq!((*read.server().family, read.codes.len()), (Some(family), 0), "{}", read.told);
    }
}

#[test]
fn a_sorry_server_is_read_with_what_follows_it() {
    check(&[
        ("sorry_server 10.0.0.9", &[], 0),
        ("sorry_server 10.0.0.9 81", &[], 0),
        ("sorry_server x", &["KC055"], 5),
        ("sorry_server 10.0.0.9 99999", &["KC052"], 5),
        ("sorry_server 2001:db8::9", &["KC261"], 5),
        ("sorry_server_inhibit", &["KC279"], 5),
        ("sorry_server_lvs_method DR", &["KC279"], 5),
        ("sorry_server 10.0.0.9 80\nsorry_server 10.0.0.8 80", &["KC063"], 0),
    ]);
    let read = read(&with_line("sorry_server 10.0.0.9 81\nsorry_server_inhibit\nsorry_server_lvs_method NAT"));
    let sorry = read.server().sorry_server.as_deref().expect("a sorry server");
    assert_eq!((sorry.address.to_string().as_str(), *sorry.port, sorry.inhibit), ("10.0.0.9", 81, true));
}

#[test]
fn the_head_is_an_address_a_mark_or_a_group() {
    let real = "real_server 10.0.0.2 80 {\n}";
    let lines = "lvs_sched rr\nlvs_method NAT\nprotocol TCP\npersistence_timeout 9";
    let marked = "lvs_sched rr\nlvs_method NAT";
    for (head, lines, shown, codes, status) in [
        ("192.0.2.1 80", lines, "192.0.2.1 80", &[][..], 0),
        ("192.0.2.1", lines, "192.0.2.1", &[], 0),
        ("192.0.2.1 0", lines, "192.0.2.1", &[], 0),
        ("192.0.2.1 000", lines, "192.0.2.1", &[], 0),
        ("192.0.2.1/24 80", lines, "192.0.2.1 80", &["KC053"], 0),
        ("fwmark 7", marked, "fwmark 7", &[], 0),
        ("fwmark 4294967295", marked, "fwmark 4294967295", &[], 0),
        ("192.0.2.1 70000", lines, "", &["KC052"], 5),
        ("192.0.2.1 http", lines, "", &["KC051"], 5),
        ("192.0.2.1 80x", lines, "", &["KC053"], 5),
        ("192.0.2.1x 80", lines, "", &["KC055"], 5),
        ("", lines, "", &["KC050"], 2),
        ("fwmark x", marked, "", &["KC051"], 5),
        ("fwmark 0", marked, "", &["KC052"], 5),
        ("fwmark", marked, "", &["KC258"], 5),
        ("group", marked, "", &["KC258"], 5),
    ] {
        let read = read(&virtual_server(head, lines, real));
        let address = read.lvs.servers.first().map(|server| server.address.to_string()).unwrap_or_default();
        assert_eq!(address, shown, "{head}\n{}", read.told);
        assert_eq!((read.codes.as_slice(), read.status), (codes, status), "{head}\n{}", read.told);
    }
}

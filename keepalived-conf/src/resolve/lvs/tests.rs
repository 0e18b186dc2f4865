// SPDX-License-Identifier: MIT OR Apache-2.0
use std::time::Duration;

use crate::blocks::lvs::check::Checker;
use crate::blocks::lvs::scheduler::Protocol;
use crate::blocks::lvs::testing::{Read, read, virtual_server};
use crate::family::Family;

const NAT: &str = "lvs_sched rr\nlvs_method NAT\nprotocol TCP";
const DR: &str = "lvs_sched rr\nlvs_method DR\nprotocol TCP";
const TUN: &str = "lvs_sched rr\nlvs_method TUN\nprotocol TCP";
const MARK_NAT: &str = "lvs_sched rr\nlvs_method NAT";
const MARK_DR: &str = "lvs_sched rr\nlvs_method DR";
const MARK_TUN: &str = "lvs_sched rr\nlvs_method TUN";

/// Real servers, each written as its head.
fn reals(heads: &[&str]) -> String {
    heads.iter().map(|head| format!("real_server {head} {{\n}}\n")).collect()
}

fn serve(head: &str, lines: &str, heads: &[&str]) -> Read {
    read(&virtual_server(head, lines, &reals(heads)))
}

/// A virtual server of a group with these entries.
fn group(entries: &str, lines: &str, heads: &[&str]) -> Read {
    read(&format!("virtual_server_group g {{\n{entries}\n}}\n{}", virtual_server("group g", lines, &reals(heads))))
}

/// Address and port of every real server that is left.
fn left(read: &Read) -> Vec<String> {
    let servers = read.lvs.servers.iter().flat_map(|server| &server.real_servers);
    servers.map(|real| format!("{} {}", real.address, *real.port)).collect()
}

#[track_caller]
fn expect(read: &Read, codes: &[&str], status: u8, servers: &[&str]) {
    assert_eq!(read.codes, codes, "{}", read.told);
    assert_eq!(read.status, status, "{}", read.told);
    assert_eq!(left(read), servers, "{}", read.told);
}

#[test]
fn only_nat_leaves_a_real_server_its_port() {
    for (head, lines, real, shown, codes) in [
        ("192.0.2.1 80", NAT, "10.0.0.2 81", "10.0.0.2 81", &[][..]),
        ("192.0.2.1 80", NAT, "10.0.0.2", "10.0.0.2 80", &[]),
        ("192.0.2.1 80", DR, "10.0.0.2", "10.0.0.2 80", &[]),
        ("192.0.2.1 80", DR, "10.0.0.2 81", "10.0.0.2 80", &["KC277"]),
        ("192.0.2.1 80", TUN, "10.0.0.2 81", "10.0.0.2 80", &["KC277"]),
        ("fwmark 1", MARK_NAT, "10.0.0.2 81", "10.0.0.2 81", &[]),
        ("fwmark 1", MARK_NAT, "10.0.0.2", "10.0.0.2 0", &[]),
        ("fwmark 1", MARK_DR, "10.0.0.2", "10.0.0.2 0", &[]),
        ("fwmark 1", MARK_DR, "10.0.0.2 81", "10.0.0.2 0", &["KC277"]),
    ] {
        let status = if codes.is_empty() { 0 } else { 5 };
        expect(&serve(head, lines, &[real]), codes, status, &[shown]);
    }
}

#[test]
fn ports_of_a_group_are_compared_but_stay() {
    for (entries, lines, real, shown, codes) in [
        ("192.0.2.1 80", DR, "10.0.0.2 80", "10.0.0.2 80", &[][..]),
        ("192.0.2.1 80", DR, "10.0.0.2 81", "10.0.0.2 81", &["KC277"]),
        ("192.0.2.1 80\n192.0.2.1 81", DR, "10.0.0.2 80", "10.0.0.2 80", &["KC277"]),
        ("192.0.2.1 80\n192.0.2.1 81", DR, "10.0.0.2", "10.0.0.2 0", &[]),
        ("192.0.2.1 80\n192.0.2.1 81", NAT, "10.0.0.2", "10.0.0.2 0", &[]),
        ("fwmark 1", MARK_DR, "10.0.0.2 80", "10.0.0.2 80", &["KC277"]),
        ("fwmark 1", MARK_DR, "10.0.0.2", "10.0.0.2 0", &[]),
    ] {
        let status = if codes.is_empty() { 0 } else { 5 };
        expect(&group(entries, lines, &[real]), codes, status, &[shown]);
    }
}

#[test]
fn the_port_of_a_sorry_server_follows_its_own_method() {
    for (lines, port, codes) in [
        ("sorry_server 10.0.0.9", 0, &[][..]),
        ("sorry_server 10.0.0.9 81", 81, &[]),
        ("sorry_server 10.0.0.9\nsorry_server_lvs_method DR", 80, &[]),
        ("sorry_server 10.0.0.9 81\nsorry_server_lvs_method DR", 80, &["KC277"]),
    ] {
        let read = serve("192.0.2.1 80", &format!("{NAT}\n{lines}"), &["10.0.0.2 80"]);
        let sorry = read.server().sorry_server.as_deref().expect("a sorry server");
        assert_eq!((*sorry.port, read.codes.as_slice()), (port, codes), "{lines}\n{}", read.told);
    }
}

#[test]
fn what_a_virtual_server_lacks_is_filled_in() {
    for (head, lines, codes, protocol, persistence) in [
        ("192.0.2.1 80", "lvs_method DR\nprotocol TCP", &["KC263"][..], Some(Protocol::Tcp), None),
        ("192.0.2.1 80", "lvs_sched rr\nprotocol TCP", &["KC266"], Some(Protocol::Tcp), None),
        ("192.0.2.1 80", MARK_NAT, &["KC269"], Some(Protocol::Udp), None),
        ("192.0.2.1", NAT, &["KC273"], Some(Protocol::Tcp), Some(360)),
        (
            "192.0.2.1",
            "lvs_sched rr\nlvs_method NAT\nprotocol TCP\npersistence_timeout 50",
            &[],
            Some(Protocol::Tcp),
            Some(50),
        ),
        ("fwmark 1", NAT, &["KC270"], None, None),
    ] {
        let read = serve(head, lines, &["10.0.0.2 80"]);
        let server = read.server();
        assert_eq!(read.codes, codes, "{head} {lines}\n{}", read.told);
        assert_eq!(*server.protocol, protocol, "{head} {lines}");
        assert_eq!(server.persistence_timeout, persistence.map(Duration::from_secs), "{head} {lines}");
        assert_eq!(read.status, if codes.is_empty() { 0 } else { 5 });
    }
}

#[test]
fn a_method_for_every_server_needs_none_for_all() {
    let lines = "lvs_sched rr\nprotocol TCP";
    let with_method = "real_server 10.0.0.2 80 {\nlvs_method DR\n}\n";
    for (lines, servers, codes) in [
        (lines.to_owned(), with_method.to_owned(), &[][..]),
        (lines.to_owned(), format!("{with_method}{}", reals(&["10.0.0.3 80"])), &["KC266"]),
        (format!("{lines}\nsorry_server 10.0.0.9 80"), with_method.to_owned(), &["KC266"]),
        (format!("{lines}\nsorry_server 10.0.0.9 80\nsorry_server_lvs_method DR"), with_method.to_owned(), &[]),
    ] {
        let read = read(&virtual_server("192.0.2.1 80", &lines, &servers));
        assert_eq!(read.codes, codes, "{lines}\n{}", read.told);
    }
}

#[test]
fn groups_are_seen_for_what_they_hold() {
    for (entries, lines, codes, status) in [
        ("192.0.2.1 80", NAT, &[][..], 0),
        ("192.0.2.1", NAT, &["KC273"], 5),
        ("192.0.2.1 80\n192.0.2.2", NAT, &["KC273"], 5),
        ("192.0.2.1 80", MARK_NAT, &["KC269"], 5),
        ("192.0.2.1 80\nfwmark 1", MARK_NAT, &["KC269"], 5),
        ("192.0.2.1 80\nfwmark 1", NAT, &[], 0),
        ("fwmark 1", NAT, &["KC270"], 5),
        ("fwmark 1", MARK_NAT, &[], 0),
        ("fwmark 1", "lvs_sched rr\nlvs_method NAT\nha_suspend", &["KC274"], 5),
        ("192.0.2.1 80", "lvs_sched rr\nlvs_method NAT\nprotocol TCP\nha_suspend", &[], 0),
        ("fwmark 1", "lvs_sched rr\nlvs_method NAT\nops", &[], 0),
        ("192.0.2.1 80", "lvs_sched rr\nlvs_method NAT\nprotocol TCP\nops", &["KC271"], 5),
        ("192.0.2.1 80", "lvs_sched rr\nlvs_method NAT\nprotocol UDP\nops", &[], 0),
    ] {
        let read = group(entries, lines, &["10.0.0.2 80"]);
        assert_eq!((read.codes.as_slice(), read.status), (codes, status), "{entries} {lines}\n{}", read.told);
    }
}

#[test]
fn a_group_is_found_wherever_it_stands() {
    let server = virtual_server("group g", NAT, &reals(&["10.0.0.2 80"]));
    let entries = "virtual_server_group g {\n192.0.2.1 80\n}\n";
    expect(&read(&format!("{server}{entries}")), &[], 0, &["10.0.0.2 80"]);
    expect(&read(&server), &["KC256"], 0, &[]);
    expect(&read(&format!("{entries}{entries}{server}")), &["KC257"], 0, &["10.0.0.2 80"]);
    let misspelt =
        read(&format!("virtual_server_group grp1 {{\n192.0.2.1 80\n}}\n{}", server.replace(" g ", " grp2 ")));
    assert!(misspelt.told.contains("did you mean `grp1`"), "{}", misspelt.told);
}

#[test]
fn families_must_fit_unless_a_tunnel_leads_there() {
    let six = "2001:db8::2 80";
    for (head, lines, heads, codes, servers) in [
        ("192.0.2.1 80", NAT, &[six, "10.0.0.2 80"][..], &["KC261"][..], &["10.0.0.2 80"][..]),
        ("192.0.2.1 80", NAT, &[six], &["KC261", "KC259"], &[]),
        ("192.0.2.1 80", TUN, &[six], &[], &[six]),
        ("fwmark 1", MARK_NAT, &["10.0.0.2 80", six], &["KC261"], &["10.0.0.2 80"]),
        ("fwmark 1", MARK_NAT, &[six], &[], &[six]),
        ("fwmark 1", MARK_TUN, &["10.0.0.2", "2001:db8::2"], &[], &["10.0.0.2 0", "2001:db8::2 0"]),
        ("fwmark 1", "ip_family inet6\nlvs_sched rr\nlvs_method NAT", &["10.0.0.2 80"], &["KC261", "KC259"], &[]),
    ] {
        let status = if codes.is_empty() { 0 } else { 5 };
        expect(&serve(head, lines, heads), codes, status, servers);
    }
    let late = "real_server 2001:db8::2 80 {\n}\nlvs_method TUN";
    let read = read(&virtual_server("192.0.2.1 80", "lvs_sched rr\nprotocol TCP", late));
    expect(&read, &["KC303"], 5, &[six]);
}

#[test]
fn a_mark_gets_the_family_of_its_servers() {
    for (lines, heads, family) in [
        (MARK_NAT, &["2001:db8::2 80"][..], Family::V6),
        (MARK_TUN, &["2001:db8::2"], Family::V6),
        (MARK_TUN, &["2001:db8::2", "10.0.0.2"], Family::V4),
        (MARK_TUN, &["10.0.0.2"], Family::V4),
        ("lvs_sched rr\nlvs_method TUN\nip_family inet6", &["10.0.0.2"], Family::V6),
    ] {
        assert_eq!(*serve("fwmark 1", lines, heads).server().family, Some(family), "{lines} {heads:?}");
    }
}

#[test]
fn a_group_of_another_family_is_left_out_with_its_virtual_server() {
    let both = "192.0.2.1 80\n2001:db8::1 80";
    let pinned = "lvs_sched rr\nlvs_method TUN\nprotocol TCP\nip_family inet";
    for (entries, lines, heads, codes, servers) in [
        ("192.0.2.1 80", NAT, &["2001:db8::2 80"][..], &["KC261"][..], &[][..]),
        ("192.0.2.1 80", TUN, &["2001:db8::2 80"], &[], &["2001:db8::2 80"]),
        (both, TUN, &["10.0.0.2 80", "2001:db8::2 80"], &[], &["10.0.0.2 80", "2001:db8::2 80"]),
        (both, NAT, &["10.0.0.2 80"], &["KC261"], &[]),
        (both, pinned, &["10.0.0.2 80"], &["KC261"], &[]),
        ("fwmark 1 inet", MARK_NAT, &["2001:db8::2 80"], &["KC261"], &[]),
    ] {
        expect(&group(entries, lines, heads), codes, 0, servers);
    }
    assert_eq!(*group(both, TUN, &["10.0.0.2 80"]).server().family, None, "both families");
}

#[test]
fn a_real_server_counts_once() {
    let two = &["10.0.0.2 80"][..];
    for (lines, heads, codes, status, servers) in [
        (NAT, &["10.0.0.2 80", "10.0.0.2 80"][..], &["KC278"][..], 5, two),
        (NAT, &["10.0.0.2 80", "10.0.0.2 80", "10.0.0.2 80"], &["KC278", "KC278"], 5, two),
        (NAT, &["10.0.0.2", "10.0.0.2 80"], &["KC278"], 0, two),
        (DR, &["10.0.0.2 81", "10.0.0.2 82"], &["KC277", "KC277", "KC278"], 5, two),
        (NAT, &["10.0.0.2 80", "10.0.0.2 81"], &[], 0, &["10.0.0.2 80", "10.0.0.2 81"]),
        (
            NAT,
            &["10.0.0.3 80", "10.0.0.2 80", "10.0.0.3 80", "10.0.0.1 80"],
            &["KC278"],
            5,
            &["10.0.0.3 80", "10.0.0.2 80", "10.0.0.1 80"],
        ),
    ] {
        expect(&serve("192.0.2.1 80", lines, heads), codes, status, servers);
    }
}

#[test]
fn two_virtual_servers_of_one_service_are_told() {
    let server = |head: &str, lines: &str| virtual_server(head, lines, &reals(&["10.0.0.2 80"]));
    let udp = NAT.replace("TCP", "UDP");
    for (text, codes) in [
        (format!("{}{}", server("192.0.2.1 80", NAT), server("192.0.2.1 80", NAT)), &["KC260"][..]),
        (format!("{}{}", server("192.0.2.1 80", NAT), server("192.0.2.1 80", &udp)), &[]),
        (format!("{}{}", server("192.0.2.1 80", NAT), server("192.0.2.1 81", NAT)), &[]),
        (format!("{}{}", server("fwmark 1", MARK_NAT), server("fwmark 1", MARK_NAT)), &["KC260"]),
        (format!("{}{}", server("fwmark 1", MARK_NAT), server("fwmark 2", MARK_NAT)), &[]),
    ] {
        let read = read(&text);
        assert_eq!((read.codes.as_slice(), read.status, read.lvs.servers.len()), (codes, 0, 2), "{text}");
    }
}

#[test]
fn quorum_and_hysteresis_are_held_below_the_total_weight() {
    for (lines, weights, quorum, hysteresis, codes) in [
        ("", &[1][..], 1, 0, &[][..]),
        ("quorum 7", &[3, 4], 7, 0, &[]),
        ("quorum 8", &[3, 4], 7, 0, &["KC275"]),
        ("quorum 5", &[1], 1, 0, &["KC275"]),
        ("hysteresis 1", &[1], 1, 0, &["KC276"]),
        ("quorum 2\nhysteresis 1", &[2], 2, 1, &[]),
        ("quorum 2\nhysteresis 5", &[2], 2, 1, &["KC276"]),
        ("", &[0], 0, 0, &["KC275"]),
        ("quorum 3\nhysteresis 2", &[0], 0, 0, &["KC275", "KC276"]),
        ("quorum 4294967295", &[2_147_483_647, 2_147_483_647, 2_147_483_647], 4_294_967_295, 0, &[]),
    ] {
        let servers: String = weights
            .iter()
            .enumerate()
            .map(|(at, weight)| format!("real_server 10.0.0.{} 80 {{\nweight {weight}\n}}\n", at + 2))
            .collect();
        let read = read(&virtual_server("192.0.2.1 80", &format!("{NAT}\n{lines}"), &servers));
        let server = read.server();
        assert_eq!((*server.quorum, *server.hysteresis), (quorum, hysteresis), "{lines} {weights:?}");
        assert_eq!(read.codes, codes, "{lines} {weights:?}\n{}", read.told);
    }
}

#[test]
fn a_weight_is_the_virtual_servers_unless_told_wherever_it_is_written() {
    let text = virtual_server(
        "192.0.2.1 80",
        &format!("{NAT}\nquorum 12"),
        "real_server 10.0.0.2 80 {\n}\nreal_server 10.0.0.3 80 {\nweight 4\n}\nweight 8",
    );
    let read = read(&text);
    let weights: Vec<u32> = read.server().real_servers.iter().map(|real| *real.weight).collect();
    assert_eq!((weights.as_slice(), read.codes.len()), (&[8, 4][..], 0), "{}", read.told);
}

/// The timing in force: delay_loop, retry, delay_before_retry, warmup and connect_timeout in seconds.
fn timing(virtual_lines: &str, real_lines: &str, keyword: &str, lines: &str) -> (u64, u32, u64, u64, u64) {
    let text = virtual_server(
        "192.0.2.1 80",
        &format!("{NAT}\n{virtual_lines}"),
        &format!("real_server 10.0.0.2 80 {{\n{real_lines}\n{keyword} {{\n{lines}\n}}\n}}"),
    );
    let read = read(&text);
    assert!(read.codes.is_empty(), "{}", read.told);
    let timing = read.checker().timing().expect("is timed");
    (
        timing.delay_loop.as_secs(),
        *timing.retry,
        timing.delay_before_retry.as_secs(),
        timing.warmup.as_secs(),
        timing.connect_timeout.as_secs(),
    )
}

#[test]
fn every_kind_of_checker_has_its_own_defaults() {
    for (keyword, lines, expected) in [
        ("TCP_CHECK", "", (60, 1, 1, 60, 5)),
        ("UDP_CHECK", "", (60, 1, 1, 60, 5)),
        ("PING_CHECK", "", (60, 1, 1, 60, 5)),
        ("SMTP_CHECK", "", (60, 1, 1, 60, 5)),
        ("HTTP_GET", "url {\npath /\n}", (60, 1, 3, 60, 5)),
        ("SSL_GET", "url {\npath /\n}", (60, 1, 3, 60, 5)),
        ("DNS_CHECK", "", (60, 3, 60, 60, 5)),
        ("MISC_CHECK", "misc_path /bin/check", (60, 0, 1, 60, 5)),
    ] {
        assert_eq!(timing("", "", keyword, lines), expected, "{keyword}");
    }
}

#[test]
fn the_nearest_setting_counts() {
    let all =
        |n: u32| format!("delay_loop {n}1\nretry {n}2\ndelay_before_retry {n}3\nwarmup {n}4\nconnect_timeout {n}5");
    let of = |n: u64| (n * 10 + 1, (n * 10 + 2) as u32, n * 10 + 3, n * 10 + 4, n * 10 + 5);
    let (one, two, three) = (all(1), all(2), all(3));
    assert_eq!(timing(&one, "", "DNS_CHECK", ""), of(1));
    assert_eq!(timing(&one, &two, "DNS_CHECK", ""), of(2));
    assert_eq!(timing(&one, &two, "DNS_CHECK", &three), of(3));
    assert_eq!(timing(&one, "delay_loop 9", "DNS_CHECK", "retry 0"), (9, 0, 13, 14, 15));
    assert_eq!(timing("delay_loop 9", "", "DNS_CHECK", "delay_loop 4"), (4, 3, 4, 4, 5));
    let late = "real_server 10.0.0.2 80 {\nSMTP_CHECK {\n}\n}\nconnect_timeout 9";
    let read = read(&virtual_server("192.0.2.1 80", NAT, late));
    assert_eq!(read.checker().timing().map(|timing| timing.connect_timeout.as_secs()), Some(9), "wherever it stands");
}

#[test]
fn alpha_inhibit_and_mail_are_handed_down() {
    let text = |global: &str, lines: &str, real: &str| {
        let server = format!("real_server 10.0.0.2 80 {{\n{real}\nTCP_CHECK {{\n}}\n}}");
        format!("{global}{}", virtual_server("192.0.2.1 80", &format!("{NAT}\n{lines}"), &server))
    };
    for (lines, real, alpha, inhibit) in [
        ("", "", false, false),
        ("alpha\ninhibit_on_failure", "", true, true),
        ("alpha\ninhibit_on_failure", "alpha off\ninhibit_on_failure off", false, false),
        ("", "alpha\ninhibit_on_failure", true, true),
    ] {
        let read = read(&text("", lines, real));
        let found = read.real();
        assert_eq!((*found.defaults.alpha, *found.defaults.inhibit_on_failure), (alpha, inhibit), "{lines} {real}");
        assert_eq!(read.checker().timing().map(|timing| *timing.alpha), Some(alpha));
    }
    for (global, lines, real, expected) in [
        ("", "", "", (false, true)),
        ("global_defs {\nsmtp_alert off\n}\n", "", "", (false, false)),
        ("global_defs {\nsmtp_alert\n}\n", "", "", (true, true)),
        ("global_defs {\nsmtp_alert off\nsmtp_alert_checker\n}\n", "", "", (true, true)),
        ("global_defs {\nsmtp_alert_checker off\n}\n", "smtp_alert", "smtp_alert", (true, true)),
        ("", "smtp_alert", "smtp_alert off", (true, false)),
    ] {
        let read = read(&text(global, lines, real));
        assert_eq!((*read.server().smtp_alert, *read.real().smtp_alert), expected, "{global} {lines} {real}");
    }
    let read = read(&text("global_defs {\nchecker_log_all_failures\n}\n", "", ""));
    assert_eq!(read.checker().timing().map(|timing| *timing.log_all_failures), Some(true));
}

#[test]
fn a_server_without_a_port_is_checked_where_packets_are_sent() {
    let check = |entries: Option<&str>, head: &str, lines: &str, real: &str, check: &str| {
        let group = entries.map(|entries| format!("virtual_server_group g {{\n{entries}\n}}\n")).unwrap_or_default();
        let server = format!("real_server {real} {{\nTCP_CHECK {{\n{check}\n}}\n}}");
        let read = read(&format!("{group}{}", virtual_server(head, lines, &server)));
        read.checker().connection().map(|connection| *connection.connect_port)
    };
    assert_eq!(check(None, "192.0.2.1 80", NAT, "10.0.0.2", ""), Some(80));
    assert_eq!(check(None, "192.0.2.1 80", NAT, "10.0.0.2 81", ""), Some(81));
    assert_eq!(check(None, "192.0.2.1 80", DR, "10.0.0.2 81", ""), Some(81), "as it is written");
    assert_eq!(check(None, "192.0.2.1 80", NAT, "10.0.0.2", "connect_port 82"), Some(82));
    assert_eq!(check(None, "fwmark 1", MARK_DR, "10.0.0.2 81", ""), Some(81));
    assert_eq!(check(None, "fwmark 1", MARK_DR, "10.0.0.2", ""), Some(0));
    assert_eq!(check(Some("192.0.2.1 80\n192.0.2.2 80"), "group g", NAT, "10.0.0.2", ""), Some(80));
    assert_eq!(check(Some("192.0.2.1 80\n192.0.2.2 81"), "group g", NAT, "10.0.0.2", ""), Some(0));
}

#[test]
fn the_nearest_virtual_host_is_asked_for() {
    for (lines, real, check, url, host) in [
        ("", "", "", "", None),
        ("virtualhost v", "", "", "", Some("v")),
        ("virtualhost v", "virtualhost r", "", "", Some("r")),
        ("virtualhost v", "virtualhost r", "virtualhost c", "", Some("c")),
        ("virtualhost v", "virtualhost r", "virtualhost c", "virtualhost u", Some("u")),
        ("", "", "", "virtualhost u", Some("u")),
    ] {
        let server =
            format!("real_server 10.0.0.2 80 {{\n{real}\nHTTP_GET {{\n{check}\nurl {{\npath /\n{url}\n}}\n}}\n}}");
        let read = read(&virtual_server("192.0.2.1 80", &format!("{NAT}\n{lines}"), &server));
        let Checker::Http(found) = read.checker() else { panic!("no HTTP check") };
        assert_eq!(found.urls[0].virtualhost.as_deref(), host, "{lines} {real} {check} {url}");
    }
}

#[test]
fn a_sorry_server_that_is_a_real_server_is_inhibited_like_it() {
    for (lines, real, inhibit) in [
        ("sorry_server 10.0.0.2 80", "inhibit_on_failure", true),
        ("sorry_server 10.0.0.2 80\nsorry_server_inhibit", "", false),
        ("sorry_server 10.0.0.3 80\nsorry_server_inhibit", "", true),
    ] {
        let server = format!("real_server 10.0.0.2 80 {{\n{real}\n}}");
        let read = read(&virtual_server("192.0.2.1 80", &format!("{NAT}\n{lines}"), &server));
        let sorry = read.server().sorry_server.as_deref().expect("a sorry server");
        assert_eq!(sorry.inhibit, inhibit, "{lines} {real}");
    }
}

#[test]
fn a_range_too_long_for_the_kernel_is_left_out_unless_it_is_one_rule() {
    let server = virtual_server("group g", NAT, &reals(&["10.0.0.2 80"]));
    let group = "virtual_server_group g {\n10.0.0.0/15 80\n192.0.2.1 80\n}\n";
    let told = read(&format!("{group}{server}"));
    assert_eq!((told.codes.as_slice(), told.lvs.groups[0].members.len(), told.status), (&["KC255"][..], 1, 0));
    let one_rule = read(&format!("global_defs {{\nnftables_ipvs\n}}\n{group}{server}"));
    assert_eq!((one_rule.codes.len(), one_rule.lvs.groups[0].members.len()), (0, 2), "{}", one_rule.told);
    assert!(read(&format!("{}{server}", group.replace("/15", "/16"))).codes.is_empty());
    let alone = read(&format!("{}{server}", group.replace("192.0.2.1 80\n", "")));
    assert_eq!((alone.codes.as_slice(), alone.lvs.servers.len()), (&["KC255"][..], 0), "{}", alone.told);
}

#[test]
fn thousands_of_equal_servers_are_no_more_than_a_list() {
    let heads: String =
        (0..20_000).map(|n: u32| format!("real_server 10.{}.{}.1 80 {{\n}}\n", n / 250 % 100, n % 250)).collect();
    let read = read(&virtual_server("192.0.2.1 80", NAT, &heads));
    assert_eq!(left(&read).len(), 20_000);
    let again = crate::blocks::lvs::testing::read(&virtual_server("192.0.2.1 80", NAT, &heads.repeat(2)));
    assert_eq!(left(&again).len(), 20_000, "every second one is taken out");
}

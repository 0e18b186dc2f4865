// SPDX-License-Identifier: MIT OR Apache-2.0
use super::CODES;
use crate::blocks::lvs::testing::{in_checker, in_real_server, virtual_server};
use crate::source::MemoryHost;

/// The codes of the lints for a text that has no other findings but those named.
fn lints(text: &str) -> Vec<&'static str> {
    let loaded = crate::load_str(&MemoryHost::default(), text, false);
    let lints = crate::lint::lint(&loaded.config);
    assert_eq!(lints.exit_status(), 0, "a lint is never an error of keepalived's");
    lints.iter().map(|finding| finding.code.id).collect()
}

/// A virtual server with these lines, its real servers checked well.
fn serve(head: &str, lines: &str, heads: &[&str]) -> String {
    let check = "TCP_CHECK {\ndelay_loop 10\n}";
    let reals: String = heads.iter().map(|head| format!("real_server {head} {{\n{check}\n}}\n")).collect();
    virtual_server(head, lines, &reals)
}

const TCP: &str = "lvs_sched wrr\nlvs_method NAT\nprotocol TCP";
const UDP: &str = "lvs_sched wrr\nlvs_method NAT\nprotocol UDP";

fn one(lines: &str) -> String {
    serve("192.0.2.1 80", &format!("{TCP}\n{lines}"), &["10.0.0.2 80"])
}

#[test]
fn a_sound_virtual_server_has_no_lints() {
    assert_eq!(lints(&one("")), [""; 0]);
    assert_eq!(lints(&in_checker("TCP_CHECK", "")), [""; 0], "nor have the defaults");
    assert_eq!(lints(&in_checker("MISC_CHECK", "misc_path /bin/check")), [""; 0]);
    assert_eq!(lints(&in_checker("HTTP_GET", "url {\npath /\nstatus_code 200\n}")), [""; 0]);
}

#[test]
fn a_quorum_beyond_reach_is_told() {
    let two = |lines: &str| serve("192.0.2.1 80", &format!("{TCP}\n{lines}"), &["10.0.0.2 80", "10.0.0.3 80"]);
    assert_eq!(lints(&two("quorum 2\nhysteresis 1")), ["KL101"]);
    assert_eq!(lints(&two("quorum 2")), [""; 0]);
}

#[test]
fn persistence_and_single_packets_exclude_each_other() {
    let check = "real_server 10.0.0.2 80 {\nUDP_CHECK {\ndelay_loop 10\n}\n}";
    for (lines, expected) in
        [("ops\npersistence_timeout 9", &["KL102"][..]), ("ops", &[]), ("persistence_timeout 9", &[])]
    {
        let text = virtual_server("192.0.2.1 80", &format!("{UDP}\n{lines}"), check);
        assert_eq!(lints(&text), expected, "{lines}");
    }
}

#[test]
fn weights_are_looked_at_or_told() {
    let weighed = |scheduler: &str, one: u32, two: u32| {
        let real = |last: u32, weight: u32| {
            format!("real_server 10.0.0.{last} 80 {{\nweight {weight}\nTCP_CHECK {{\ndelay_loop 10\n}}\n}}\n")
        };
        let lines = TCP.replace("wrr", scheduler);
        virtual_server("192.0.2.1 80", &lines, &(real(2, one) + &real(3, two)))
    };
    assert_eq!(lints(&weighed("wrr", 0, 0)), ["KL103"]);
    assert_eq!(lints(&weighed("rr", 1, 5)), ["KL118"]);
    assert_eq!(lints(&weighed("rr", 1, 0)), [""; 0], "weight 0 counts for every scheduler");
    assert_eq!(lints(&weighed("rr", 3, 3)), [""; 0]);
    assert_eq!(lints(&weighed("wrr", 1, 5)), [""; 0]);
}

#[test]
fn checks_that_notice_late_are_told() {
    for (lines, expected) in [
        ("delay_loop 3", &["KL104"][..]),
        ("delay_loop 3\nconnect_timeout 3", &[]),
        ("delay_loop 90", &["KL105"]),
        ("delay_loop 30\nretry 4\ndelay_before_retry 10", &["KL105"]),
        ("delay_loop 30\nretry 3\ndelay_before_retry 10", &[]),
    ] {
        assert_eq!(lints(&in_checker("TCP_CHECK", lines)), expected, "{lines}");
    }
    assert_eq!(lints(&in_checker("DNS_CHECK", "")), ["KL105"], "its defaults take four minutes");
    for (lines, expected) in [
        ("misc_timeout 10\ndelay_loop 10", &["KL111"][..]),
        ("delay_loop 10", &["KL111"]),
        ("misc_timeout 9\ndelay_loop 10", &[]),
    ] {
        assert_eq!(lints(&in_checker("MISC_CHECK", &format!("misc_path /bin/check\n{lines}"))), expected, "{lines}");
    }
}

#[test]
fn a_real_server_is_not_the_virtual_address() {
    assert_eq!(lints(&serve("192.0.2.1 80", TCP, &["192.0.2.1 80"])), ["KL106"]);
    let group = |entry: &str| {
        let server = serve("group g", TCP, &["192.0.2.7 80"]);
        format!("virtual_server_group g {{\n{entry} 80\n}}\n{server}")
    };
    assert_eq!(lints(&group("192.0.2.1-9")), ["KL106"]);
    assert_eq!(lints(&group("192.0.2.1-6")), [""; 0]);
}

#[test]
fn udp_wants_more_than_a_check_over_tcp() {
    let with = |checks: &str| virtual_server("192.0.2.1 53", UDP, &format!("real_server 10.0.0.2 53 {{\n{checks}\n}}"));
    let tcp = "TCP_CHECK {\ndelay_loop 10\n}\n";
    assert_eq!(lints(&with(tcp)), ["KL107"]);
    assert_eq!(lints(&with(&format!("{tcp}UDP_CHECK {{\ndelay_loop 10\n}}"))), [""; 0]);
}

#[test]
fn an_http_check_says_what_it_wants() {
    for (keyword, lines, expected) in [
        ("HTTP_GET", "url {\npath /\n}", &["KL108"][..]),
        ("HTTP_GET", "url {\npath /\nregex ok\n}", &[]),
        ("HTTP_GET", "url {\npath /\ndigest 000102030405060708090a0b0c0d0e0f\n}", &[]),
        ("HTTP_GET", "url {\npath /\nstatus_code 200\nvirtualhost a\n}\nurl {\npath /\nstatus_code 200\n}", &["KL109"]),
        ("HTTP_GET", "virtualhost b\nurl {\npath /\nstatus_code 200\n}\nurl {\npath /\nstatus_code 200\n}", &[]),
        ("SSL_GET", "enable_sni\nurl {\npath /\nstatus_code 200\n}", &["KL110"]),
        ("SSL_GET", "enable_sni\nvirtualhost a\nurl {\npath /\nstatus_code 200\n}", &[]),
        ("SSL_GET", "sni_name a\nurl {\npath /\nstatus_code 200\n}", &[]),
    ] {
        assert_eq!(lints(&in_checker(keyword, lines)), expected, "{keyword} {lines}");
    }
}

#[test]
fn the_sorry_server_should_be_another_one() {
    assert_eq!(lints(&one("sorry_server 10.0.0.2 80")), ["KL112"]);
    assert_eq!(lints(&one("sorry_server 10.0.0.9 80")), [""; 0]);
}

#[test]
fn a_server_without_a_check_never_leaves() {
    assert_eq!(lints(&in_real_server("")), ["KL114"]);
    assert_eq!(lints(&in_real_server("alpha")), ["KL114", "KL113"]);
    assert_eq!(lints(&in_real_server("alpha\nPING_CHECK {\n}")), [""; 0]);
}

#[test]
fn leftovers_are_told() {
    assert_eq!(lints("virtual_server_group g {\n192.0.2.1 80\n}\n"), ["KL115"]);
    assert_eq!(lints(&in_checker("TCP_CHECK", "bind_port 1024")), ["KL116"]);
    assert_eq!(lints(&in_checker("TCP_CHECK", "bind_port 1024\nbindto 10.0.0.1")), [""; 0]);
    assert_eq!(lints(&in_real_server("uthreshold 5\nlthreshold 9\nPING_CHECK {\n}")), ["KL119"]);
    assert_eq!(lints(&in_real_server("uthreshold 9\nlthreshold 5\nPING_CHECK {\n}")), [""; 0]);
}

#[test]
fn a_check_has_a_port() {
    let mark = "lvs_sched wrr\nlvs_method DR";
    assert_eq!(lints(&serve("fwmark 1", mark, &["10.0.0.2"])), ["KL117"]);
    let ping = virtual_server("fwmark 1", mark, "real_server 10.0.0.2 {\nPING_CHECK {\n}\n}");
    assert_eq!(lints(&ping), [""; 0]);
}

#[test]
fn one_virtual_server_is_told_once() {
    let heads: Vec<String> = (2..52).map(|last| format!("real_server 10.0.0.{last} 80 {{\n}}\n")).collect();
    let loaded = crate::load_str(&MemoryHost::default(), &virtual_server("192.0.2.1 80", TCP, &heads.concat()), false);
    let lints = crate::lint::lint(&loaded.config);
    let notes: Vec<&String> = lints.iter().flat_map(|finding| &finding.notes).collect();
    assert_eq!((lints.len(), notes.len()), (1, 1), "{lints:?}");
    assert!(notes[0].contains("49 more"), "{notes:?}");
}

#[test]
fn every_lint_has_its_paragraph() {
    let document = include_str!("../../../../docs/lints.md");
    for code in CODES {
        assert!(document.contains(&format!("### {}: {}\n", code.id, code.title)), "{} is not described", code.id);
    }
}

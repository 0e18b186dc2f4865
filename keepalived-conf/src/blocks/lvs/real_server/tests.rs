// SPDX-License-Identifier: MIT OR Apache-2.0
use super::super::testing::{in_real_server, read, virtual_server};

#[test]
fn lines_of_a_real_server_are_held_to_their_rules() {
    for (line, codes, status) in [
        ("", &[][..], 0),
        ("weight 5", &[], 0),
        ("weight 2147483647", &[], 0),
        ("weight -1", &["KC052"], 5),
        ("weight 1x", &["KC053"], 5),
        ("weight", &["KC050"], 2),
        ("lb_kind DR", &["KC060"], 5),
        ("uthreshold 10\nlthreshold 5", &[], 0),
        ("uthreshold x", &["KC051"], 5),
        ("uthreshold", &["KC050"], 2),
        ("inhibit_on_failure", &[], 0),
        ("inhibit_on_failure off", &[], 0),
        ("inhibit_on_failure foo", &["KC054"], 5),
        ("alpha", &[], 0),
        ("alpha foo", &["KC054"], 5),
        ("retry 0", &["KC052"], 5),
        ("notify_up", &["KC050"], 2),
        ("smtp_alert off", &[], 0),
        ("virtualhost", &["KC050"], 5),
        ("virtualhost a b", &["KC057"], 0),
        ("snmp_name a", &[], 0),
        ("snmp_name a b", &["KC280"], 5),
        ("foo", &["KC060"], 5),
        ("TCP_CHECK", &["KC062"], 5),
    ] {
        let read = read(&in_real_server(line));
        assert_eq!((read.codes.as_slice(), read.status), (codes, status), "{line}\n{}", read.told);
    }
}

#[test]
fn the_head_is_an_address_with_an_optional_port() {
    for (head, port, codes, status) in [
        ("10.0.0.2 81", Some(81), &[][..], 0),
        ("10.0.0.2", Some(80), &[], 0),
        ("10.0.0.2 0", Some(80), &[], 0),
        ("10.0.0.2/24 81", Some(81), &["KC053"], 0),
        ("10.0.0.2-5 81", Some(81), &["KC053"], 0),
        ("10.0.0.2 99999", None, &["KC052", "KC259"], 5),
        ("10.0.0.2 -1", None, &["KC052", "KC259"], 5),
        ("10.0.0.2.5 80", None, &["KC055", "KC259"], 5),
        ("", None, &["KC050", "KC259"], 2),
    ] {
        let lines = "lvs_sched rr\nlvs_method NAT\nprotocol TCP";
        let read = read(&virtual_server("192.0.2.1 80", lines, &format!("real_server {head} {{\n}}")));
        let found = read.lvs.servers.first().map(|server| *server.real_servers[0].port);
        assert_eq!(found, port, "{head}\n{}", read.told);
        assert_eq!((read.codes.as_slice(), read.status), (codes, status), "{head}\n{}", read.told);
    }
}

#[test]
fn a_real_server_on_one_line_is_read_as_written() {
    let lines = "lvs_sched rr\nlvs_method NAT\nprotocol TCP";
    let read = read(&virtual_server("192.0.2.1 80", lines, "real_server 10.0.0.2 80 { TCP_CHECK { } }"));
    assert!(read.codes.is_empty(), "{}", read.told);
    assert_eq!(read.checker().keyword(), "TCP_CHECK");
}

#[test]
fn equal_checks_of_one_virtual_server_are_kept_once() {
    let real = |last| format!("real_server 10.0.0.{last} 80 {{\nTCP_CHECK {{\nconnect_timeout 3\n}}\n}}\n");
    let text = virtual_server(
        "192.0.2.1 80",
        "lvs_sched rr\nlvs_method NAT\nprotocol TCP",
        &(2..5).map(real).collect::<String>(),
    );
    let read = read(&text);
    let timings: Vec<_> =
        read.server().real_servers.iter().filter_map(|real| real.checkers.first()?.timing()).collect();
    assert_eq!(timings.len(), 3);
    assert!(timings.iter().all(|timing| timing.is(timings[0])), "one allocation for all");
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! `nftables_ipvs`: packets to groups of addresses get marks. The kernel of the host balances nothing, but its packet
//! filter is real, and `nft` and packets are witnesses. (The kernel of the guests balances, and was built without packet
//! filters for IPv4 and IPv6; there, marks are given otherwise.)

use std::net::{TcpStream, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use crate::journal::PATIENCE;
use crate::node::Program;
use crate::site::Site;

const GROUPS: &str = "virtual_server_group vg {\n 10.66.0.1 80\n 10.66.0.10-12 81\n 10.66.2.0/24 82\n}\n\
    virtual_server_group vg6 {\n 10.66.0.20 90\n fd66::20 90\n fd66::30-3f 91\n}\n";

fn group(name: &str, method: &str, protocol: &str) -> String {
    format!(
        "virtual_server group {name} {{\n lvs_sched rr\n lvs_method {method}\n protocol {protocol}\n \
         real_server 10.66.9.1 80 {{\n }}\n}}\n"
    )
}

fn configuration(globals: &str) -> String {
    let servers = [group("vg", "DR", "TCP"), group("vg", "NAT", "UDP"), group("vg6", "TUN", "TCP")].concat();
    format!("global_defs {{\n nftables_ipvs\n nftables_ipvs_start_fwmark 2000\n{globals}}}\n{GROUPS}{servers}")
}

#[track_caller]
fn until_listed(site: &Site, wanted: &str) {
    let start = Instant::now();
    loop {
        let listed = site.inside("nft list ruleset");
        if listed == wanted {
            return;
        }
        assert!(start.elapsed() < PATIENCE, "{listed}\n{}", site.lab.journal.read());
        thread::sleep(Duration::from_millis(50));
    }
}

const LISTING: &str = "table ip keepalived_ipvs {
	map tcp_map {
		type ipv4_addr . inet_service : mark
		flags interval
		elements = { 10.66.0.1 . 80 : 0x000007d0,
			     10.66.0.10-10.66.0.12 . 81 : 0x000007d0,
			     10.66.2.0/24 . 82 : 0x000007d0,
			     10.66.0.20 . 90 : 0x000007d2 }
	}

	map udp_map {
		type ipv4_addr . inet_service : mark
		flags interval
		elements = { 10.66.0.1 . 80 : 0x000007d1,
			     10.66.0.10-10.66.0.12 . 81 : 0x000007d1,
			     10.66.2.0/24 . 82 : 0x000007d1 }
	}

	chain in {
		type filter hook input priority filter - 1; policy accept;
		meta mark set ip daddr . tcp dport map @tcp_map return
		meta mark set ip daddr . udp dport map @udp_map return
	}
}
table ip6 keepalived_ipvs {
	map tcp_map {
		type ipv6_addr . inet_service : mark
		flags interval
		elements = { fd66::20 . 90 : 0x000007d2,
			     fd66::30/124 . 91 : 0x000007d2 }
	}

	chain in {
		type filter hook input priority filter - 1; policy accept;
		meta mark set ip6 daddr . tcp dport map @tcp_map return
	}
}
";

#[test]
fn groups_become_marks_as_keepalived_makes_them_and_leave_nothing_behind() {
    let Some(site) = Site::new("groups_become_marks_as_keepalived_makes_them_and_leave_nothing_behind") else { return };
    let daemon = site.start(&configuration(""));
    until_listed(&site, LISTING);

    site.lab.journal.deed("somebody empties the packet filter");
    site.inside("nft flush ruleset");
    site.until_since("empties", "the table keepalived_ipvs of the packet filter was removed by somebody else");
    until_listed(&site, LISTING);

    site.lab.journal.deed("one group is left");
    site.a.reconfigure(&format!(
        "global_defs {{\n nftables_ipvs\n nftables_ipvs_start_fwmark 2000\n}}\n{GROUPS}{}",
        group("vg", "NAT", "UDP")
    ));
    daemon.signal("HUP");
    until_listed(
        &site,
        "table ip keepalived_ipvs {
	map udp_map {
		type ipv4_addr . inet_service : mark
		flags interval
		elements = { 10.66.0.1 . 80 : 0x000007d1,
			     10.66.0.10-10.66.0.12 . 81 : 0x000007d1,
			     10.66.2.0/24 . 82 : 0x000007d1 }
	}

	chain in {
		type filter hook input priority filter - 1; policy accept;
		meta mark set ip daddr . udp dport map @udp_map return
	}
}
",
    );
    assert!(daemon.stop().success());
    until_listed(&site, "");
}

#[test]
fn marks_stay_where_the_table_is_left_behind() {
    let Some(site) = Site::new("marks_stay_where_the_table_is_left_behind") else { return };
    let daemon = site.a.start_with(Program::Steadfast, "--check --dont-release-ipvs", &configuration(""));
    until_listed(&site, LISTING);
    assert!(daemon.stop().success());
    assert_eq!(site.inside("nft list ruleset"), LISTING);
    let daemon = site.start(&configuration(""));
    site.until_since("start Steadfast", "Gained quorum 1+0=1 <= 1 for VS [vg6]:0");
    until_listed(&site, LISTING);
    assert!(daemon.stop().success());
    until_listed(&site, "");
}

/// Sends a datagram, twice.
fn send(site: &Site, to: &str) {
    let from = if to.starts_with('[') { "[::]:0" } else { "0.0.0.0:0" };
    let socket = site.a.namespace().enter(|| UdpSocket::bind(from)).expect("a socket");
    for _ in 0..2 {
        // The refusal of the one before is told to the next.
        let _ = socket.send_to(b"x", to);
    }
}

/// Asks for a connection that nobody takes.
fn knock(site: &Site, to: &str) {
    let to = to.parse().expect("an address");
    let refused = site.a.namespace().enter(|| TcpStream::connect_timeout(&to, PATIENCE));
    assert!(refused.is_err(), "nobody listens at {to}");
}

#[test]
fn packets_to_a_group_carry_its_mark_and_others_none() {
    let Some(site) = Site::new("packets_to_a_group_carry_its_mark_and_others_none") else { return };
    let daemon = site.start(&configuration("nftables_counters\n"));
    // Behind the marks: what carries one is counted.
    site.inside("nft add table inet t");
    site.inside("nft add chain inet t in '{ type filter hook input priority 10 ; }'");
    for mark in 2000..2003 {
        site.inside(&format!("nft add rule inet t in meta mark {mark} counter"));
    }
    let own = ["10.66.0.1/32", "10.66.0.11/32", "10.66.2.77/32", "10.66.0.13/32", "fd66::20/128", "fd66::35/128"];
    for address in own {
        site.inside(&format!("ip addr add {address} dev lo"));
    }
    site.until("the servers", "Gained quorum 1+0=1 <= 1 for VS [vg6]:0");
    let start = Instant::now();
    while !site.inside("nft list ruleset").contains("udp_map counter packets 0") {
        assert!(start.elapsed() < PATIENCE, "{}", site.inside("nft list ruleset"));
        thread::sleep(Duration::from_millis(20));
    }
    // How many packets carried each mark so far.
    let marked = || {
        let listed = site.inside("nft list table inet t");
        [2000, 2001, 2002].map(|mark| {
            let of = format!("mark {mark:#010x} counter");
            let line = listed.lines().find(|line| line.contains(&of)).unwrap_or_else(|| panic!("{listed}"));
            let mut words = line.split_whitespace().skip_while(|word| *word != "packets");
            words.nth(1).and_then(|packets| packets.parse::<u32>().ok()).expect("a number")
        })
    };
    let udp: [(&str, [bool; 3]); 4] = [
        ("10.66.0.11:81", [false, true, false]),
        ("10.66.2.77:82", [false, true, false]),
        ("10.66.0.13:81", [false; 3]),
        ("10.66.0.11:80", [false; 3]),
    ];
    let tcp: [(&str, [bool; 3]); 5] = [
        ("10.66.0.1:80", [true, false, false]),
        ("10.66.0.11:81", [true, false, false]),
        ("10.66.0.13:81", [false; 3]),
        ("[fd66::20]:90", [false, false, true]),
        ("[fd66::35]:91", [false, false, true]),
    ];
    let mut before = marked();
    let mut came = |what: &str, to: &str, expected: [bool; 3]| {
        let after = marked();
        let more = [0, 1, 2].map(|at: usize| after[at] > before[at]);
        assert_eq!(more, expected, "{what} to {to}\n{}", site.inside("nft list ruleset"));
        before = after;
    };
    for (to, expected) in udp {
        send(&site, to);
        came("UDP", to, expected);
    }
    for (to, expected) in tcp {
        knock(&site, to);
        came("TCP", to, expected);
    }
    assert!(daemon.stop().success());
    assert!(!site.inside("nft list ruleset").contains("keepalived_ipvs"), "the other table stays alone");
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Checks of servers over real networks: what a router says about a host that is gone, packets under a mark and through
//! an interface, and ICMP sockets of both kinds.

use std::net::{IpAddr, UdpSocket};
use std::path::Path;
use std::thread;

use keepalived_conf::Options;
use keepalived_conf::source::MemoryHost;
use steadfast::dial::Dialer;
use steadfast::proto::health::Verdict;
use steadfast::worker::check::probe::{Finding, Tools, probe};

use crate::node::Node;
use crate::topology::Lab;

const PORT: u16 = 9000;

/// What this check finds out on a node about a server at this address.
fn found(node: &Node, check: &str, server: &str) -> Finding {
    let server: IpAddr = server.parse().expect("an address");
    let service = if server.is_ipv4() { "192.0.2.1" } else { "2001:db8::1" };
    let text = format!(
        "virtual_server {service} 80 {{\n lvs_sched rr\n lvs_method NAT\n protocol TCP\n real_server {server} {PORT} \
         {{\n{check}\n}}\n}}\n"
    );
    let host = MemoryHost::new().file("/k.conf", &text);
    let loaded = keepalived_conf::load(&host, Path::new("/k.conf"), &Options::default());
    let checker = loaded.config.lvs.servers[0].real_servers[0].checkers[0].clone();
    node.namespace().enter(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(probe(&checker, 0, &Tools::new(Dialer::new(8))))
    })
}

/// A checker's block with these lines.
fn check(keyword: &str, lines: &str) -> String {
    format!("{keyword} {{\n connect_timeout 2\n{lines}\n}}")
}

/// `a`, and `b` behind which networks could be.
fn pair(test: &str) -> Option<(Lab, Node, Node)> {
    let mut lab = Lab::new(test)?;
    let lan = lab.segment("lan");
    let a = lab.node_on(&lan, "a", &["10.0.0.1/24", "fd00::1/64"]);
    let b = lab.node_on(&lan, "b", &["10.0.0.2/24", "fd00::2/64"]);
    for address in ["10.0.0.2", "fd00::2"] {
        a.wait_to_reach(address);
    }
    Some((lab, a, b))
}

/// Answers datagrams on a node's port in one family.
fn echo(node: &Node, bind: &str) {
    let socket = node.namespace().enter(|| UdpSocket::bind((bind, PORT)).expect("a free port"));
    // It ends with the test's process: nothing of it outlives the namespace but a socket nobody reaches.
    thread::spawn(move || {
        let mut bytes = [0; 2048];
        while let Ok((length, from)) = socket.recv_from(&mut bytes) {
            let _ = socket.send_to(&bytes[..length], from);
        }
    });
}

#[test]
fn pings_go_over_datagram_sockets_where_they_may_and_over_raw_ones_else() {
    let Some((_lab, a, _b)) = pair("pings_go_over_datagram_sockets_where_they_may_and_over_raw_ones_else") else {
        return;
    };
    for range in ["1 0", "0 2147483647"] {
        // The file is of the network of whoever opens it.
        a.namespace().enter(|| std::fs::write("/proc/sys/net/ipv4/ping_group_range", range).expect("a sysctl"));
        for address in ["10.0.0.2", "fd00::2"] {
            assert_eq!(found(&a, &check("PING_CHECK", ""), address), Finding::good(), "{address} with {range}");
        }
    }
}

#[test]
fn what_a_router_says_about_a_host_that_is_gone_fails_every_check_at_once() {
    let Some((_lab, a, b)) = pair("what_a_router_says_about_a_host_that_is_gone_fails_every_check_at_once") else {
        return;
    };
    b.run("sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1");
    // Routers say so about once a second; this one says it every time.
    b.run("sysctl -qw net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0");
    b.run("ip route add unreachable 10.9.9.0/24");
    b.run("ip -6 route add unreachable fd09::/64");
    a.run("ip route add 10.9.9.0/24 via 10.0.0.2");
    a.run("ip -6 route add fd09::/64 via fd00::2");
    for keyword in ["PING_CHECK", "UDP_CHECK", "DNS_CHECK", "TCP_CHECK", "SMTP_CHECK"] {
        for address in ["10.9.9.9", "fd09::9"] {
            let Finding { verdict, why } = found(&a, &check(keyword, ""), address);
            assert_eq!(verdict, Verdict::Bad, "{keyword} {address}: {why}");
            let words = if address.contains(':') { "network is unreachable" } else { "no route to host" };
            assert_eq!(why, words, "{keyword} {address}");
        }
    }
}

#[test]
fn host_that_does_not_answer_fails_in_time_except_where_silence_is_well() {
    let Some((_lab, a, b)) = pair("host_that_does_not_answer_fails_in_time_except_where_silence_is_well") else {
        return;
    };
    b.run("nft add table inet t");
    b.run("nft add chain inet t in { type filter hook input priority 0 ; }");
    b.run("nft add rule inet t in meta l4proto { icmp, udp, tcp } drop");
    let silent = |keyword: &str, lines: &str| {
        let Finding { verdict, why } =
            found(&a, &format!("{keyword} {{\n connect_timeout 0.3\n{lines}\n}}"), "10.0.0.2");
        (verdict, why)
    };
    assert_eq!(silent("PING_CHECK", ""), (Verdict::Bad, "no reply within 300ms".to_owned()));
    assert_eq!(silent("DNS_CHECK", ""), (Verdict::Bad, "no answer within 300ms".to_owned()));
    assert_eq!(silent("TCP_CHECK", ""), (Verdict::Bad, "no connection within 300ms".to_owned()));
    assert_eq!(silent("UDP_CHECK", "require_reply"), (Verdict::Bad, "no answer within 300ms".to_owned()));
    assert_eq!(silent("UDP_CHECK", ""), (Verdict::Good(None), String::new()));
}

#[test]
fn mark_and_interface_are_obeyed_by_all_that_connect() {
    let Some((_lab, a, b)) = pair("mark_and_interface_are_obeyed_by_all_that_connect") else { return };
    echo(&b, "10.0.0.2");
    // Only marked packets leave: a packet filter of our own says nothing about the server.
    a.run("nft add table inet t");
    a.run("nft add chain inet t out { type filter hook output priority 0 ; }");
    a.run("nft add rule inet t out ip daddr 10.0.0.2 meta mark != 7 drop");
    for (keyword, lines) in [("PING_CHECK", ""), ("UDP_CHECK", "require_reply")] {
        assert_eq!(found(&a, &check(keyword, &format!("{lines}\nfwmark 7")), "10.0.0.2"), Finding::good(), "{keyword}");
        let unmarked = found(&a, &check(keyword, lines), "10.0.0.2");
        assert_eq!(unmarked.verdict, Verdict::NotChecked, "{keyword}: {}", unmarked.why);
        let elsewhere = found(&a, &check(keyword, &format!("{lines}\nfwmark 7\nbind_if nowhere0")), "10.0.0.2");
        assert_eq!(elsewhere.verdict, Verdict::NotChecked, "{keyword}: {}", elsewhere.why);
        assert!(elsewhere.why.contains("interface nowhere0"), "{keyword}: {}", elsewhere.why);
        let through =
            found(&a, &check(keyword, &format!("{lines}\nfwmark 7\nbind_if eth0\nbindto 10.0.0.1")), "10.0.0.2");
        assert_eq!(through, Finding::good(), "{keyword}");
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Routes with all their options.

use super::describe::route;
use super::{check, check_all, join, with};
use crate::blocks::vrrp::Vrrp;

/// Checks single entries of `virtual_routes`.
fn check_entries(table: &[(&str, &str, &[&str])]) {
    for (entry, expected, codes) in table {
        let lines = format!("virtual_routes {{\n{entry}\n}}");
        check(|instance| join(instance.virtual_routes.iter().map(route)), &[(&lines, expected, codes)]);
    }
}

#[test]
fn destinations_and_types() {
    check_entries(&[
        ("10.0.0.0/8 dev eth0", "10.0.0.0/8 dev eth0", &[]),
        ("10.0.0.1 dev eth0", "10.0.0.1/32 dev eth0", &[]),
        ("to 10.0.0.0/8 dev eth0", "10.0.0.0/8 dev eth0", &[]),
        ("dev eth0 to 10.0.0.0/8", "10.0.0.0/8 dev eth0", &[]),
        ("unicast 10.0.0.0/8 dev eth0", "10.0.0.0/8 dev eth0", &[]),
        ("local 10.0.0.0/8", "type 2 10.0.0.0/8", &[]),
        ("broadcast 10.0.0.0/8", "type 3 10.0.0.0/8", &[]),
        ("brd 10.0.0.0/8", "type 3 10.0.0.0/8", &[]),
        ("anycast 10.0.0.0/8", "type 4 10.0.0.0/8", &[]),
        ("multicast 10.0.0.0/8", "type 5 10.0.0.0/8", &[]),
        ("blackhole 10.0.0.0/8", "type 6 10.0.0.0/8", &[]),
        ("unreachable 10.0.0.0/8", "type 7 10.0.0.0/8", &[]),
        ("prohibit default", "type 8 0.0.0.0/0", &[]),
        ("throw default", "type 9 0.0.0.0/0", &[]),
        ("nat 10.0.0.0/8", "type 10 10.0.0.0/8", &[]),
        ("xresolve 10.0.0.0/8", "type 11 10.0.0.0/8", &[]),
        ("7 10.0.0.0/8", "type 7 10.0.0.0/8", &[]),
        ("300 10.0.0.0/8", "", &["KC153"]),
        ("to blackhole 10.0.0.0/8", "", &["KC153"]),
        ("unicast to 10.0.0.0/8", "", &["KC153"]),
        ("blackhole", "", &["KC150"]),
        ("foo", "", &["KC153"]),
        ("via 192.0.2.9", "", &["KC160"]),
        ("default dev eth0", "0.0.0.0/0 dev eth0", &[]),
        ("any via 192.0.2.9", "0.0.0.0/0 via 192.0.2.9", &[]),
        ("all via fe80::1 dev eth0", "::/0 via fe80::1 dev eth0", &[]),
        ("default6 dev eth0", "::/0 dev eth0", &["KC066"]),
        ("10.0.0.0/33 dev eth0", "10.0.0.0/32 dev eth0", &["KC152"]),
        ("10.0.0.0/abc dev eth0", "", &["KC152"]),
        ("10.0.0.0/8 10.1.0.0/16 dev eth0", "10.1.0.0/16 dev eth0", &[]),
    ]);
}

#[test]
fn gateways_and_families() {
    check_entries(&[
        ("10.0.0.0/8 via 192.0.2.9 onlink", "10.0.0.0/8 via 192.0.2.9 onlink", &[]),
        ("10.0.0.0/8 via inet 192.0.2.9", "10.0.0.0/8 via 192.0.2.9", &[]),
        ("10.0.0.0/8 via inet6 fe80::1", "", &["KC154"]),
        ("10.0.0.0/8 via inet fe80::1", "", &["KC154"]),
        ("10.0.0.0/8 via fe80::1", "", &["KC154"]),
        ("10.0.0.0/8 via 192.0.2.9/24", "", &["KC055"]),
        ("10.0.0.0/8 gw 192.0.2.9", "10.0.0.0/8 via 192.0.2.9", &["KC066"]),
        ("10.0.0.0/8 via 192.0.2.9 or 192.0.2.8", "10.0.0.0/8 nexthop via 192.0.2.9 nexthop via 192.0.2.8", &["KC066"]),
        (
            "10.0.0.0/8 via 192.0.2.9 or 192.0.2.8 or 192.0.2.7",
            "10.0.0.0/8 nexthop via 192.0.2.9 nexthop via 192.0.2.8",
            &["KC066", "KC066", "KC155"],
        ),
        ("10.0.0.0/8 src 192.0.2.1 dev eth0", "10.0.0.0/8 src 192.0.2.1 dev eth0", &[]),
        ("10.0.0.0/8 src fe80::1 dev eth0", "", &["KC154"]),
        ("10.0.0.0/8 src foo dev eth0", "", &["KC055"]),
        ("10.0.0.0/8 from 10.0.0.0/8 dev eth0", "", &["KC156"]),
        ("2001:db8::/32 from default dev eth0", "", &["KC156"]),
        ("2001:db8::/32 from fe80::/64 dev eth0", "2001:db8::/32 from fe80::/64 dev eth0", &[]),
        ("default via 192.0.2.9 inet", "0.0.0.0/0 via 192.0.2.9", &[]),
        ("default via 192.0.2.9 inet6", "", &["KC154"]),
        // keepalived would lose the word after `inet6`.
        ("inet6 default dev eth0", "::/0 dev eth0", &["KC158"]),
        ("10.0.0.0/8 dev eth9", "", &["KC199"]),
        ("10.0.0.0/8 oif eth1", "10.0.0.0/8 dev eth1", &[]),
        ("10.0.0.0/8 dev", "", &["KC150"]),
    ]);
}

#[test]
fn tables_and_names() {
    check_entries(&[
        ("10.0.0.0/8 table 99", "10.0.0.0/8 table 99", &[]),
        ("10.0.0.0/8 table 4294967295", "10.0.0.0/8 table 4294967295", &[]),
        ("10.0.0.0/8 table 4294967296", "", &["KC151"]),
        ("10.0.0.0/8 table 99999999999", "", &["KC151"]),
        ("10.0.0.0/8 table -1", "", &["KC151"]),
        ("10.0.0.0/8 table main", "10.0.0.0/8", &[]),
        ("10.0.0.0/8 table local", "10.0.0.0/8 table 255", &[]),
        ("10.0.0.0/8 table five", "10.0.0.0/8 table 5", &[]),
        ("10.0.0.0/8 table sixteen", "10.0.0.0/8 table 16", &[]),
        ("10.0.0.0/8 table six", "10.0.0.0/8 table 6", &[]),
        ("10.0.0.0/8 table ten", "10.0.0.0/8 table 10", &[]),
        // A line with more words, a file that is not *.conf, a file that another one goes before.
        ("10.0.0.0/8 table seven", "", &["KC151"]),
        ("10.0.0.0/8 table eight", "", &["KC151"]),
        ("10.0.0.0/8 table nine", "", &["KC151"]),
        ("10.0.0.0/8 table eleven", "", &["KC151"]),
        ("10.0.0.0/8 vrf vrf9", "10.0.0.0/8 table 900", &[]),
        ("10.0.0.0/8 vrf eth0", "", &["KC201"]),
        ("10.0.0.0/8 vrf eth9", "", &["KC201"]),
        ("10.0.0.0/8 tos lowdelay", "10.0.0.0/8 tos 16", &[]),
        ("10.0.0.0/8 dsfield 255", "10.0.0.0/8 tos 255", &[]),
        ("10.0.0.0/8 tos 256", "", &["KC151"]),
        ("10.0.0.0/8 scope link", "10.0.0.0/8 scope 253", &[]),
        ("10.0.0.0/8 scope foo", "", &["KC151"]),
        ("10.0.0.0/8 protocol 18", "10.0.0.0/8", &[]),
        ("10.0.0.0/8 protocol static", "10.0.0.0/8", &["KC159"]),
        ("10.0.0.0/8 protocol static no_track", "10.0.0.0/8 protocol 4 no_track", &[]),
        ("10.0.0.0/8 protocol 256 no_track", "", &["KC151"]),
        ("10.0.0.0/8 realms 5", "10.0.0.0/8 realms 5", &[]),
        ("10.0.0.0/8 realms 5/cosmos", "10.0.0.0/8 realms 327683", &[]),
        ("10.0.0.0/8 realms 256", "", &["KC151"]),
        ("10.0.0.0/8 realms toobig", "", &["KC151"]),
        ("2001:db8::/32 realms 5", "", &["KC156"]),
        ("10.0.0.0/8 metric 4294967295", "10.0.0.0/8 metric 4294967295", &[]),
        ("10.0.0.0/8 priority 4294967296", "", &["KC052"]),
        ("10.0.0.0/8 preference -1", "", &["KC052"]),
    ]);
}

#[test]
fn metrics_and_their_ranges() {
    check_entries(&[
        ("10.0.0.0/8 mtu 1400", "10.0.0.0/8 mtu 1400", &[]),
        ("10.0.0.0/8 mtu lock 1400", "10.0.0.0/8 mtu lock 1400", &[]),
        ("10.0.0.0/8 mtu lock", "", &["KC150"]),
        ("10.0.0.0/8 mtu foo", "", &["KC051"]),
        (
            "10.0.0.0/8 advmss 1 reordering 2 cwnd 3 ssthresh 4",
            "10.0.0.0/8 advmss 1 reordering 2 cwnd 3 ssthresh 4",
            &[],
        ),
        ("10.0.0.0/8 window 4294967295", "10.0.0.0/8 window 4294967295", &[]),
        ("10.0.0.0/8 window 4294967296", "", &["KC052"]),
        ("10.0.0.0/8 window lock 6", "", &["KC051"]),
        ("10.0.0.0/8 initcwnd 7 initrwnd 8", "10.0.0.0/8 initcwnd 7 initrwnd 8", &[]),
        ("10.0.0.0/8 hoplimit 255", "10.0.0.0/8 hoplimit 255", &[]),
        ("10.0.0.0/8 hoplimit 256", "", &["KC052"]),
        ("10.0.0.0/8 features ecn", "10.0.0.0/8 ecn", &[]),
        ("10.0.0.0/8 features foo", "10.0.0.0/8", &["KC151"]),
        ("10.0.0.0/8 quickack 1 fastopen_no_cookie 0", "10.0.0.0/8 quickack true fastopen_no_cookie false", &[]),
        ("10.0.0.0/8 quickack 2", "", &["KC052"]),
        ("10.0.0.0/8 congctl lock cubic", "10.0.0.0/8 congctl lock cubic", &[]),
        ("10.0.0.0/8 congctl", "", &["KC150"]),
        ("2001:db8::/32 expires 5", "2001:db8::/32 expires 5", &[]),
        ("10.0.0.0/8 expires 5", "", &["KC156"]),
        ("2001:db8::/32 pref low", "2001:db8::/32 pref 3", &[]),
        ("2001:db8::/32 pref medium", "2001:db8::/32 pref 0", &[]),
        ("2001:db8::/32 pref high", "2001:db8::/32 pref 1", &[]),
        ("2001:db8::/32 pref 256", "", &["KC052"]),
        ("10.0.0.0/8 pref low", "", &["KC156"]),
        ("10.0.0.0/8 ttl-propagate disabled", "10.0.0.0/8 ttl_propagate false", &[]),
        ("10.0.0.0/8 ttl-propagate foo", "10.0.0.0/8", &["KC151"]),
        ("10.0.0.0/8 as to 10.0.0.1 dev eth0", "10.0.0.0/8 dev eth0", &["KC151"]),
        ("10.0.0.0/8 add", "add 10.0.0.0/8", &[]),
        ("10.0.0.0/8 append", "append 10.0.0.0/8", &[]),
        ("10.0.0.0/8 append prepend", "10.0.0.0/8", &[]),
        ("10.0.0.0/8 no_track", "10.0.0.0/8 no_track", &[]),
    ]);
}

#[test]
fn times_have_units() {
    check_entries(&[
        ("10.0.0.0/8 rtt 1.5s", "10.0.0.0/8 rtt 1.5s", &[]),
        ("10.0.0.0/8 rtt 5SECS", "10.0.0.0/8 rtt 5s", &[]),
        ("10.0.0.0/8 rtt lock 300ms", "10.0.0.0/8 rtt lock 300ms", &[]),
        ("10.0.0.0/8 rttvar 300msec rto_min 400msecs", "10.0.0.0/8 rttvar 300ms rto_min 400ms", &[]),
        ("10.0.0.0/8 rtt 1.5555s", "10.0.0.0/8 rtt 1.556s", &["KC056"]),
        ("10.0.0.0/8 rtt 300.5ms", "10.0.0.0/8 rtt 301ms", &["KC056"]),
        // Without a unit in the kernel's own: eighths, quarters and whole milliseconds.
        ("10.0.0.0/8 rtt 2400", "10.0.0.0/8 rtt 300ms", &[]),
        ("10.0.0.0/8 rttvar 1200", "10.0.0.0/8 rttvar 300ms", &[]),
        ("10.0.0.0/8 rto_min 300", "10.0.0.0/8 rto_min 300ms", &[]),
        ("10.0.0.0/8 rtt 199ms", "10.0.0.0/8 rtt 200ms", &["KC052"]),
        ("10.0.0.0/8 rtt 121s", "10.0.0.0/8 rtt 120s", &["KC052"]),
        ("10.0.0.0/8 rtt 961s", "", &["KC052"]),
        ("10.0.0.0/8 rto_min 121s", "", &["KC052"]),
        ("10.0.0.0/8 rtt 1e3", "", &["KC051"]),
        ("10.0.0.0/8 rtt 5x", "", &["KC051"]),
        ("10.0.0.0/8 rtt foo", "", &["KC051"]),
    ]);
}

#[test]
fn encapsulations() {
    check_entries(&[
        (
            "10.0.0.0/8 encap ip id 5 dst 10.0.0.1 src 10.0.0.2 tos 4 ttl 255 flags 65535 dev eth0",
            "10.0.0.0/8 dev eth0 encap Ip(Tunnel { id: Some(5), dst: Some(10.0.0.1), src: Some(10.0.0.2), \
             tos: Some(4), ttl: Some(255), flags: Some(65535) })",
            &[],
        ),
        (
            "10.0.0.0/8 encap ip6 dst fe80::1 tc 4 hoplimit 9 dev eth0",
            "10.0.0.0/8 dev eth0 encap Ip6(Tunnel { id: None, dst: Some(fe80::1), src: None, tos: Some(4), \
             ttl: Some(9), flags: None })",
            &[],
        ),
        ("10.0.0.0/8 encap mpls 100/0x10", "10.0.0.0/8 encap Mpls([100, 16])", &[]),
        ("10.0.0.0/8 encap mpls 1048575", "10.0.0.0/8 encap Mpls([1048575])", &[]),
        ("10.0.0.0/8 encap mpls 1048576", "", &["KC151"]),
        ("10.0.0.0/8 encap mpls 1/2/3", "", &["KC151"]),
        ("10.0.0.0/8 encap mpls foo", "", &["KC151"]),
        ("10.0.0.0/8 encap ila 1:2:3:ffff", "10.0.0.0/8 encap Ila(281483566907391)", &[]),
        ("10.0.0.0/8 encap ila 1:2:3", "", &["KC151"]),
        ("10.0.0.0/8 encap ila 1:2:3:g", "", &["KC151"]),
        ("10.0.0.0/8 encap ila 1:2:3:10000", "", &["KC151"]),
        ("10.0.0.0/8 encap ip ttl 5", "", &["KC151"]),
        ("10.0.0.0/8 encap ip id 5 ttl 256", "", &["KC151"]),
        ("10.0.0.0/8 encap ip id 5 flags 65536", "", &["KC151"]),
        ("10.0.0.0/8 encap ip id 5 tos foo", "", &["KC151"]),
        ("10.0.0.0/8 encap ip dst fe80::1", "", &["KC151"]),
        ("10.0.0.0/8 encap ip6 dst 10.0.0.1", "", &["KC151"]),
        ("10.0.0.0/8 encap ip id", "", &["KC150"]),
        ("10.0.0.0/8 encap foo 4", "", &["KC151"]),
        ("10.0.0.0/8 dev eth0 encap", "10.0.0.0/8 dev eth0", &["KC150"]),
    ]);
}

#[test]
fn groups_of_next_hops() {
    check_entries(&[
        (
            "10.0.0.0/8 nexthop via 192.0.2.9 dev eth0 weight 256 onlink nexthop dev eth1 realms 4",
            "10.0.0.0/8 nexthop via 192.0.2.9 dev eth0 weight 256 onlink nexthop dev eth1 realms 4",
            &[],
        ),
        ("10.0.0.0/8 nexthop via 192.0.2.9 encap mpls 5", "10.0.0.0/8 nexthop via 192.0.2.9 encap", &[]),
        (
            "10.0.0.0/8 nexthop via 192.0.2.9 nexthop dev eth1 weight 257",
            "10.0.0.0/8 nexthop via 192.0.2.9",
            &["KC052"],
        ),
        ("10.0.0.0/8 nexthop via 192.0.2.9 nexthop weight 0", "10.0.0.0/8 nexthop via 192.0.2.9", &["KC052"]),
        ("10.0.0.0/8 nexthop via 192.0.2.9 nexthop via fe80::1", "10.0.0.0/8 nexthop via 192.0.2.9", &["KC154"]),
        ("10.0.0.0/8 nexthop via 192.0.2.9 nexthop metric 5", "10.0.0.0/8 nexthop via 192.0.2.9", &["KC153"]),
        ("10.0.0.0/8 nexthop dev eth9", "", &["KC199"]),
        ("2001:db8::/32 nexthop dev eth0 realms 4", "2001:db8::/32", &["KC156"]),
        ("10.0.0.0/8 via 192.0.2.9 or 192.0.2.8 nexthop dev eth0", "", &["KC066", "KC157"]),
    ]);
}

#[test]
fn static_routes_may_name_a_track_group() {
    let statics = |vrrp: &Vrrp| join(vrrp.static_routes.iter().map(route));
    let group = "track_group g {\ngroup {\nVI\n}\n}\n";
    for (entry, expected, codes) in [
        ("10.0.0.0/8 dev eth0 track_group g", "10.0.0.0/8 dev eth0 track_group g", &[][..]),
        ("10.0.0.0/8 via 192.0.2.9 track_group g", "10.0.0.0/8 via 192.0.2.9", &["KC159"]),
        ("10.0.0.0/8 dev eth0 track_group h", "10.0.0.0/8 dev eth0", &["KC195"]),
    ] {
        let text = format!("{group}static_routes {{\n{entry}\n}}\n{}", with(""));
        check_all(statics, &[(&text, expected, codes)]);
    }
    check_entries(&[("10.0.0.0/8 dev eth0 track_group g", "", &["KC153"])]);
}

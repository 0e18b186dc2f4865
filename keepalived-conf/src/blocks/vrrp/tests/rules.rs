// SPDX-License-Identifier: MIT OR Apache-2.0
//! Policy rules with all their options.

use super::describe::rule;
use super::{check, check_all, join, with};
use crate::blocks::vrrp::Vrrp;

/// Checks single entries of `virtual_rules`.
fn check_entries(table: &[(&str, &str, &[&str])]) {
    for (entry, expected, codes) in table {
        let lines = format!("virtual_rules {{\n{entry}\n}}");
        check(|instance| join(instance.virtual_rules.iter().map(rule)), &[(&lines, expected, codes)]);
    }
}

#[test]
fn selectors() {
    check_entries(&[
        ("from 10.0.0.0/8 table 5 priority 6", "from 10.0.0.0/8 6 table 5", &[]),
        ("from 10.0.0.0/8 to 10.1.0.0/16 table 5 priority 6", "from 10.0.0.0/8 to 10.1.0.0/16 6 table 5", &[]),
        ("from 10.0.0.0/8 to fe80::/64 table 5 priority 6", "", &["KC154"]),
        ("from all to any table 5 priority 6", "from 0.0.0.0/0 to 0.0.0.0/0 6 table 5", &[]),
        ("from all to fe80::/64 table 5 priority 6", "v6 from ::/0 to fe80::/64 6 table 5", &[]),
        ("from default6 table 5 priority 6", "v6 from ::/0 6 table 5", &["KC066"]),
        ("from foo table 5 priority 6", "", &["KC055"]),
        ("from 10.0.0.0/abc table 5 priority 6", "", &["KC152"]),
        ("not from 10.0.0.0/8 table 5 priority 6", "not from 10.0.0.0/8 6 table 5", &[]),
        ("tos 0x10 table 5 priority 6", "tos 16 6 table 5", &[]),
        ("dsfield lowdelay table 5 priority 6", "tos 16 6 table 5", &[]),
        ("tos 256 table 5 priority 6", "", &["KC151"]),
        ("fwmark 1 table 5 priority 6", "fwmark 1/ffffffff 6 table 5", &[]),
        ("fwmark 0x10/0xff table 5 priority 6", "fwmark 10/ff 6 table 5", &[]),
        ("fwmark 0x100000000 table 5 priority 6", "", &["KC151"]),
        ("fwmark 1/foo table 5 priority 6", "", &["KC151"]),
        ("iif eth1 oif wan table 5 priority 6", "iif eth1 oif wan 6 table 5", &[]),
        ("dev eth1 table 5 priority 6", "iif eth1 6 table 5", &[]),
        ("dev eth9 table 5 priority 6", "", &["KC199"]),
        ("uidrange 5-6 table 5 priority 6", "uid 5-6 6 table 5", &[]),
        ("uidrange 5 table 5 priority 6", "", &["KC151"]),
        ("uidrange 6-5 table 5 priority 6", "", &[]),
        ("tunnel-id 18446744073709551615 table 5 priority 6", "tunnel-id 18446744073709551615 6 table 5", &[]),
        ("tunnel-id 18446744073709551616 table 5 priority 6", "", &["KC151"]),
        ("table 5 priority 6 inet6", "v6 6 table 5", &[]),
        ("inet6 table 5 priority 6", "v6 6 table 5", &["KC158"]),
        ("from 10.0.0.0/8 table 5 priority 6 inet6", "", &["KC154"]),
        ("foo table 5 priority 6", "", &["KC153"]),
        ("from", "", &["KC150"]),
    ]);
}

#[test]
fn protocols_and_ports() {
    check_entries(&[
        ("ipproto tcp table 5 priority 6", "ipproto 6 6 table 5", &[]),
        ("ipproto TCP table 5 priority 6", "ipproto 6 6 table 5", &[]),
        ("ipproto udp table 5 priority 6", "ipproto 17 6 table 5", &[]),
        ("ipproto odd table 5 priority 6", "ipproto 200 6 table 5", &[]),
        ("ipproto 127 table 5 priority 6", "ipproto 127 6 table 5", &[]),
        ("ipproto 128 table 5 priority 6", "6 table 5", &["KC151"]),
        ("ipproto foo table 5 priority 6", "6 table 5", &["KC151"]),
        ("sport 5-6 dport 0-65535 table 5 priority 6", "sport 5-6 dport 0-65535 6 table 5", &[]),
        // keepalived ignores a single port.
        ("sport 5 table 5 priority 6", "sport 5-5 6 table 5", &["KC151"]),
        ("dport 5-65536 table 5 priority 6", "6 table 5", &["KC151"]),
        ("dport 6-5 table 5 priority 6", "6 table 5", &["KC151"]),
    ]);
}

#[test]
fn a_rule_has_one_action() {
    check_entries(&[
        ("lookup main priority 6", "6 table 254", &[]),
        ("table five priority 6", "6 table 5", &[]),
        ("table 0 priority 6", "", &["KC151"]),
        ("table foo priority 6", "", &["KC151"]),
        ("table 4294967296 priority 6", "", &["KC151"]),
        ("l3mdev priority 6", "6 l3mdev", &[]),
        ("goto 7 priority 6", "6 goto 7", &[]),
        ("goto 6 priority 6", "", &["KC151"]),
        ("goto 7", "", &["KC162"]),
        ("goto foo priority 6", "", &["KC051"]),
        ("nop priority 6", "6 nop", &[]),
        ("blackhole priority 6", "6 blackhole", &[]),
        ("unreachable priority 6", "6 unreachable", &[]),
        ("prohibit priority 6", "6 prohibit", &[]),
        ("type prohibit priority 6", "6 prohibit", &[]),
        ("type goto 7 priority 6", "6 goto 7", &[]),
        ("type foo priority 6", "", &["KC151"]),
        ("table 5 table 6 priority 6", "", &["KC157"]),
        ("nop l3mdev priority 6", "", &["KC157"]),
        ("from 10.0.0.0/8 priority 6", "", &["KC161"]),
    ]);
}

#[test]
fn what_goes_with_a_table_only() {
    check_entries(&[
        ("table 5 priority 6 realms 1/cosmos", "6 table 5 realms 65539", &[]),
        ("table 5 priority 6 realms foo", "", &["KC151"]),
        ("from fe80::/64 table 5 priority 6 realms 1", "", &["KC156"]),
        ("nop priority 6 realms 1", "", &["KC157"]),
        ("table 5 priority 6 suppress_prefixlength 2147483647", "6 table 5 sup_pl 2147483647", &[]),
        ("table 5 priority 6 sup_pl 2147483648", "", &["KC052"]),
        ("nop priority 6 sup_pl 0", "", &["KC157"]),
        ("table 5 priority 6 suppress_ifgroup edge", "6 table 5 sup_group 42", &[]),
        ("table 5 priority 6 sup_group foo", "", &["KC151"]),
    ]);
}

#[test]
fn preferences_are_given_or_count_down_in_each_family() {
    check_entries(&[
        ("table 5 preference 0x10", "16 table 5", &[]),
        ("table 5 order 4294967295", "4294967295 table 5", &[]),
        ("table 5 priority 4294967296", "", &["KC151"]),
        ("table 5 priority -1", "", &["KC151"]),
        (
            "table 5\ntable 6\nfrom fe80::/64 table 7",
            "16384 table 5 16383 table 6 v6 from fe80::/64 16384 table 7",
            &["KC162", "KC162", "KC162"],
        ),
    ]);
}

#[test]
fn tracked_rules_are_known_by_their_protocol() {
    check_entries(&[
        ("table 5 priority 6 protocol 18", "6 table 5", &[]),
        ("table 5 priority 6 protocol 5", "6 table 5", &["KC159"]),
        ("table 5 priority 6 protocol 5 no_track", "6 table 5 protocol 5 no_track", &[]),
        ("table 5 priority 6 protocol 256 no_track", "", &["KC052"]),
        ("table 5 priority 6 protocol static no_track", "", &["KC051"]),
        ("table 5 priority 6 track_group g", "", &["KC153"]),
    ]);
    let statics = |vrrp: &Vrrp| join(vrrp.static_rules.iter().map(rule));
    let group = "track_group g {\ngroup {\nVI\n}\n}\n";
    for (entry, expected, codes) in [
        ("iif eth0 table 5 priority 6 track_group g", "iif eth0 6 table 5 track_group g", &[][..]),
        ("table 5 priority 6 track_group g", "6 table 5", &["KC159"]),
        ("iif eth0 table 5 priority 6 track_group h", "iif eth0 6 table 5", &["KC195"]),
    ] {
        let text = format!("{group}static_rules {{\n{entry}\n}}\n{}", with(""));
        check_all(statics, &[(&text, expected, codes)]);
    }
}

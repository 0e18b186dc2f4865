// SPDX-License-Identifier: MIT OR Apache-2.0
//! Virtual, excluded and static addresses with all their options.

use super::describe::address;
use super::{check_all, codes, join, read, with};
use crate::blocks::vrrp::Vrrp;

/// Checks entries of `virtual_ipaddress`; the instance has none but them.
fn check_entries(table: &[(&str, &str, &[&str])]) {
    for (entries, expected, expected_codes) in table {
        let text = format!(
            "vrrp_instance VI {{\ninterface eth0\nvirtual_router_id 51\nversion 2\nvirtual_ipaddress {{\n{entries}\n}}\n}}\n"
        );
        let loaded = read(&text);
        let list = &loaded.config.vrrp.instance("VI").unwrap().virtual_ipaddress;
        let found = list.iter().map(address).collect::<Vec<_>>().join("; ");
        assert_eq!(found, *expected, "{entries}: {:#?}", loaded.diagnostics);
        assert_eq!(&codes(&loaded), expected_codes, "{entries}: {:#?}", loaded.diagnostics);
    }
}

#[test]
fn a_prefix_length_is_never_made_wider() {
    check_entries(&[
        ("192.0.2.1", "192.0.2.1/32", &[]),
        ("192.0.2.1/0", "192.0.2.1/0", &[]),
        ("192.0.2.1/32", "192.0.2.1/32", &[]),
        ("192.0.2.1/", "192.0.2.1/32", &[]),
        ("192.0.2.1/33", "192.0.2.1/32", &["KC152"]),
        ("192.0.2.1/-1", "192.0.2.1/32", &["KC152"]),
        ("192.0.2.1/24x", "192.0.2.1/24", &["KC152"]),
        ("192.0.2.1/abc\n192.0.2.2", "192.0.2.2/32", &["KC152"]),
        ("192.0.2.1/abc", "", &["KC152", "KC183"]),
        ("fe80::1/128", "fe80::1/128 preferred 0", &[]),
        ("fe80::1/129", "fe80::1/128 preferred 0", &["KC152"]),
        ("fe80::1/x\nfe80::2/64", "fe80::2/64", &["KC152"]),
    ]);
}

#[test]
fn what_is_no_address_is_left_out() {
    check_entries(&[
        ("foo", "", &["KC055", "KC183"]),
        ("default", "", &["KC055", "KC183"]),
        ("192.0.2.256", "", &["KC055", "KC183"]),
        ("192.0.2", "", &["KC055", "KC183"]),
        ("fe80:::1\n192.0.2.1", "192.0.2.1/32", &["KC055"]),
    ]);
}

#[test]
fn options_of_ipv4() {
    check_entries(&[
        ("192.0.2.1/24 dev eth1", "192.0.2.1/24 dev eth1", &[]),
        ("192.0.2.1/24 dev eth1 dev eth0", "", &["KC155", "KC183"]),
        ("192.0.2.1/24 dev", "", &["KC150", "KC183"]),
        ("192.0.2.1/24 dev abcdefghijklmnop", "", &["KC151", "KC183"]),
        ("192.0.2.1/24 dev eth9", "", &["KC199", "KC183"]),
        ("192.0.2.1/24 scope link", "192.0.2.1/24 scope 253", &[]),
        ("192.0.2.1/24 scope 0x10", "192.0.2.1/24 scope 16", &[]),
        ("192.0.2.1/24 scope 255", "192.0.2.1/24 scope 255", &[]),
        ("192.0.2.1/24 scope 256", "192.0.2.1/24", &["KC151"]),
        ("192.0.2.1/24 scope foo", "192.0.2.1/24", &["KC151"]),
        ("192.0.2.1/24 brd 192.0.2.200", "192.0.2.1/24 brd 192.0.2.200", &[]),
        ("192.0.2.1/24 broadcast +", "192.0.2.1/24 brd 192.0.2.255", &[]),
        ("192.0.2.1/24 brd -", "192.0.2.1/24 brd 192.0.2.0", &[]),
        ("192.0.2.1/30 brd +", "192.0.2.1/30 brd 192.0.2.3", &[]),
        ("192.0.2.1/31 brd +", "192.0.2.1/31", &["KC151"]),
        ("192.0.2.1/0 brd +", "192.0.2.1/0 brd 255.255.255.255", &[]),
        ("192.0.2.1/24 brd fe80::1", "", &["KC151", "KC183"]),
        ("192.0.2.1/24 brd foo", "", &["KC151", "KC183"]),
        ("192.0.2.1/24 label eth0:vip", "192.0.2.1/24 label eth0:vip", &[]),
        ("192.0.2.1/24 label 123456789012345", "192.0.2.1/24 label 123456789012345", &[]),
        ("192.0.2.1/24 label 1234567890123456", "", &["KC151", "KC183"]),
        ("192.0.2.1 peer 192.0.2.2", "192.0.2.1/32 peer 192.0.2.2", &[]),
        ("192.0.2.1/24 peer 192.0.2.2", "192.0.2.1/32 peer 192.0.2.2", &["KC157"]),
        ("192.0.2.1 peer 192.0.2.2/24", "192.0.2.1/32", &["KC151"]),
        ("192.0.2.1 peer fe80::1", "192.0.2.1/32", &["KC154"]),
        ("192.0.2.1 peer 192.0.2.2 peer 192.0.2.3", "192.0.2.1/32 peer 192.0.2.2", &["KC155"]),
        ("192.0.2.1 peer 192.0.2.2 brd 192.0.2.3", "192.0.2.1/32 peer 192.0.2.2", &["KC157"]),
    ]);
}

#[test]
fn options_of_ipv6() {
    check_entries(&[
        ("fe80::1/64 scope link", "fe80::1/64", &["KC156"]),
        ("fe80::1/64 label x", "fe80::1/64", &["KC156"]),
        ("fe80::1/64 brd +\nfe80::2/64", "fe80::2/64", &["KC156"]),
        ("fe80::1 peer fe80::2", "fe80::1/128 peer fe80::2 preferred 0", &[]),
        ("fe80::1 preferred_lft forever", "fe80::1/128 forever", &[]),
        ("fe80::1/64 preferred_lft 0", "fe80::1/64 preferred 0", &[]),
        ("fe80::1/64 preferred_lft 4294967295", "fe80::1/64 forever", &[]),
        ("fe80::1/64 preferred_lft 4294967296", "fe80::1/64", &["KC052"]),
        ("fe80::1/64 preferred_lft foo", "fe80::1/64", &["KC051"]),
        ("fe80::1/64 preferred_lft\nfe80::2/64", "fe80::2/64", &["KC150"]),
    ]);
}

#[test]
fn flags_and_unknown_options() {
    check_entries(&[
        (
            "192.0.2.1 home -nodad mngtmpaddr noprefixroute autojoin no_track use_vmac",
            "192.0.2.1/32 home dad mngtmpaddr noprefixroute autojoin no_track use_vmac",
            &[],
        ),
        ("192.0.2.1 nodad dev eth1", "192.0.2.1/32 dev eth1", &["KC153"]),
        ("192.0.2.1 foo bar", "192.0.2.1/32", &["KC153", "KC153"]),
        ("192.0.2.1 track_group g", "192.0.2.1/32", &["KC153", "KC153"]),
    ]);
}

#[test]
fn the_first_address_decides_the_family() {
    check_entries(&[
        ("192.0.2.1\nfe80::1", "192.0.2.1/32", &["KC166"]),
        ("fe80::1/64\n192.0.2.1", "fe80::1/64", &["KC166"]),
    ]);
}

#[test]
fn excluded_addresses_may_be_of_both_families() {
    let loaded = read(&with("virtual_ipaddress_excluded {\nfe80::1/64\n192.0.2.9\n}"));
    let list = &loaded.config.vrrp.instance("VI").unwrap().virtual_ipaddress_excluded;
    assert_eq!(list.iter().map(address).collect::<Vec<_>>(), ["fe80::1/64", "192.0.2.9/32"]);
    assert!(codes(&loaded).is_empty());
}

#[test]
fn static_addresses_have_a_default_interface_and_track_groups() {
    let statics = |vrrp: &Vrrp| join(vrrp.static_ipaddress.iter().map(address));
    let group = "track_group g {\ngroup {\nVI\n}\n}\n";
    let of = |before: &str, entry: &str| format!("{before}static_ipaddress {{\n{entry}\n}}\n{}", with(""));
    for (before, entry, expected, expected_codes) in [
        ("", "192.0.2.7/24", "192.0.2.7/24 dev eth0", &[][..]),
        ("global_defs {\ndefault_interface wan\n}\n", "192.0.2.7", "192.0.2.7/32 dev wan", &[]),
        ("global_defs {\ndefault_interface eth9\n}\n", "192.0.2.7", "", &["KC199"]),
        ("", "192.0.2.7 dev eth9", "", &["KC199"]),
        ("global_defs {\ndynamic_interfaces\n}\n", "192.0.2.7 dev eth9", "192.0.2.7/32 dev eth9", &[]),
        (group, "192.0.2.7 dev eth1 track_group g", "192.0.2.7/32 dev eth1 track_group g", &[]),
        (group, "192.0.2.7 dev eth1 track_group h", "192.0.2.7/32 dev eth1", &["KC195"]),
        (group, "192.0.2.7 dev eth1 track_group g no_track", "192.0.2.7/32 dev eth1 no_track", &["KC157"]),
        ("", "192.0.2.7 dev eth1 use_vmac", "192.0.2.7/32 dev eth1", &["KC153"]),
    ] {
        check_all(statics, &[(&of(before, entry), expected, expected_codes)]);
    }
    let later = format!("static_ipaddress {{\n192.0.2.7 dev eth1 track_group g\n}}\n{group}{}", with(""));
    check_all(statics, &[(&later, "192.0.2.7/32 dev eth1 track_group g", &["KC191"])]);
}

// SPDX-License-Identifier: MIT OR Apache-2.0
use super::super::testing::read;
use super::{Member, range};
use crate::family::Family;

fn members(lines: &str) -> (Vec<String>, Vec<&'static str>, u8) {
    let read = read(&format!("virtual_server_group web {{\n{lines}\n}}\n"));
    let shown = read.lvs.groups.iter().flat_map(|group| &group.members).map(|member| match member {
        Member::Addresses { first, last, port, .. } if first == last => format!("{first} {port}"),
        Member::Addresses { first, last, port, .. } => format!("{first}-{last} {port}"),
        Member::Fwmark { mark, family: None, .. } => format!("mark {mark}"),
        Member::Fwmark { mark, family: Some(family), .. } => format!("mark {mark} {family}"),
    });
    (shown.collect(), read.codes, read.status)
}

#[test]
fn every_form_of_an_entry_is_read() {
    for (line, shown) in [
        ("192.0.2.1", "192.0.2.1 0"),
        ("192.0.2.1 80", "192.0.2.1 80"),
        ("192.0.2.1 0", "192.0.2.1 0"),
        ("192.0.2.1-5 80", "192.0.2.1-192.0.2.5 80"),
        ("192.0.2.1-192.0.2.9 80", "192.0.2.1-192.0.2.9 80"),
        ("192.0.2.9-192.0.2.9 80", "192.0.2.9 80"),
        ("192.0.2.250-192.0.3.2 443", "192.0.2.250-192.0.3.2 443"),
        ("192.0.2.0/24 80", "192.0.2.0-192.0.2.255 80"),
        ("192.0.2.7/32", "192.0.2.7 0"),
        ("2001:db8::1 80", "2001:db8::1 80"),
        ("2001:db8::1-ff 80", "2001:db8::1-2001:db8::ff 80"),
        ("2001:db8::fff0-2001:db8::1:9 80", "2001:db8::fff0-2001:db8::1:9 80"),
        ("2001:db8::/112 80", "2001:db8::-2001:db8::ffff 80"),
        ("fwmark 1", "mark 1"),
        ("fwmark 4294967295 inet", "mark 4294967295 IPv4"),
        ("fwmark 1 inet6", "mark 1 IPv6"),
    ] {
        let (found, codes, status) = members(line);
        assert_eq!((found, codes.len(), status), (vec![shown.to_owned()], 0, 0), "{line}");
    }
}

#[test]
fn an_entry_that_cannot_be_read_is_left_out() {
    for (line, code, status) in [
        ("192.0.2.5-5 80", "KC252", 5),
        ("192.0.2.5-3 80", "KC252", 5),
        ("192.0.2.1-256 80", "KC252", 5),
        ("192.0.2.1-x 80", "KC252", 5),
        ("192.0.2.1-5-6 80", "KC252", 5),
        ("192.0.2.1- 80", "KC252", 5),
        ("192.0.2.9-192.0.2.1 80", "KC252", 5),
        ("192.0.2.1-2001:db8::1 80", "KC252", 5),
        ("192.0.2.1/24 80", "KC252", 5),
        ("192.0.2.0/0 80", "KC252", 5),
        ("192.0.2.0/33 80", "KC252", 5),
        ("192.0.2.0/x 80", "KC252", 5),
        ("192.0.2.0/+24 80", "KC252", 5),
        ("2001:db8::/129", "KC252", 5),
        ("2001:db8::5-3", "KC252", 5),
        ("2001:db8::1-fffff", "KC252", 5),
        ("192.0.2 80", "KC252", 5),
        ("web", "KC252", 5),
        ("192.0.2.1 70000", "KC052", 5),
        ("192.0.2.1 http", "KC051", 5),
        ("fwmark x", "KC051", 5),
        ("fwmark 0", "KC052", 5),
        ("fwmark", "KC252", 2),
        ("fwmark 1 foo", "KC252", 5),
    ] {
        let (found, codes, found_status) = members(line);
        assert_eq!((found.len(), codes, found_status), (0, vec![code, "KC253"], status), "{line}");
        let (found, codes, _) = members(&format!("{line}\n198.51.100.1 80"));
        assert_eq!((found.len(), codes), (1, vec![code]), "the other entry stays: {line}");
    }
}

#[test]
fn a_group_wants_entries_and_families_that_fit() {
    assert_eq!(members("").1, ["KC253"]);
    assert_eq!(members("192.0.2.1 80\n2001:db8::1 80\nfwmark 1").1, ["KC254"]);
    assert_eq!(members("192.0.2.1 80\n2001:db8::1 80\nfwmark 1 inet").1, [""; 0]);
}

#[test]
fn a_range_across_the_last_part_of_an_address_ends() {
    let (first, last) = range("10.27.3.250-10.27.4.2").expect("a range");
    let member = Member::Addresses { first, last, port: 443, place: Default::default() };
    let shown: Vec<String> = member.addresses().map(|address| address.to_string()).collect();
    assert_eq!(
        shown,
        [
            "10.27.3.250",
            "10.27.3.251",
            "10.27.3.252",
            "10.27.3.253",
            "10.27.3.254",
            "10.27.3.255",
            "10.27.4.0",
            "10.27.4.1",
            "10.27.4.2"
        ]
    );
    assert_eq!(member.count(), 9);
}

#[test]
fn the_last_address_there_is_ends_a_range() {
    let top = |text| {
        let (first, last) = range(text).expect("a range");
        let member = Member::Addresses { first, last, port: 0, place: Default::default() };
        (member.count(), member.addresses().last().map(|address| address.to_string()))
    };
    assert_eq!(top("255.255.255.254-255"), (2, Some("255.255.255.255".to_owned())));
    let six = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
    assert_eq!(top(&format!("{six}/128")), (1, Some(six.to_owned())));
    assert_eq!(Member::Fwmark { mark: 1, family: Some(Family::V4), place: Default::default() }.addresses().count(), 0);
}

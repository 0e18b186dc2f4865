// SPDX-License-Identifier: MIT OR Apache-2.0
//! Interfaces, VMACs, sources, unicast: what goes together, and what an instance cannot do without.

use super::{Vrrp, VrrpInstance, check, check_all, codes, host, join, read};
use crate::environment::{Facts, Link};

const VIP: &str = "virtual_ipaddress {\n192.0.2.1/24\n}";

/// An instance with these lines and nothing else.
fn bare(lines: &str) -> String {
    format!("vrrp_instance VI {{\nvirtual_router_id 51\n{lines}\n}}\n")
}

fn faults(vrrp: &Vrrp) -> String {
    format!("{:?}", vrrp.instances[0].faults)
}

#[test]
fn an_instance_wants_an_interface_or_a_source_for_unicast() {
    let peers = "unicast_peer {\n192.0.2.9\n}";
    let of = |lines: &str| bare(&format!("{VIP}\n{lines}"));
    check_all(
        faults,
        &[
            (&of("interface eth0"), "[]", &[]),
            (&of(""), "[NoInterface]", &["KC179"]),
            (&of("interface lo"), "[NoInterface]", &["KC200", "KC179"]),
            (&of("interface eth9"), "[InterfaceMissing]", &["KC199"]),
            (&of("interface abcdefghijklmnop"), "[NoInterface]", &["KC151", "KC179"]),
            (&format!("global_defs {{\ndynamic_interfaces\n}}\n{}", of("interface eth9")), "[]", &[]),
            (&of(peers), "[NoSource]", &["KC179"]),
            (&of(&format!("{peers}\nunicast_src_ip 192.0.2.8")), "[]", &[]),
            (&of(&format!("{peers}\nunicast_src_ip 192.0.2.8\nvrf vrf9")), "[]", &[]),
            (&of("use_vmac"), "[VmacWithoutInterface]", &["KC179"]),
            (&of(&format!("interface eth0\nstrict_mode\n{peers}")), "[StrictUnicast]", &["KC177"]),
            (
                &bare("virtual_ipaddress {\nfe80::1/64\n}\nunicast_peer {\nfe80::9\n}\nunicast_src_ip fe80::8"),
                "[LinkLocalWithoutInterface]",
                &["KC179"],
            ),
        ],
    );
}

#[test]
fn strict_mode_allows_unicast_where_there_is_no_multicast() {
    let host = host().with_facts(Facts::default().link("eth0", Link { multicast: false, ..Link::default() }));
    let text = bare(&format!("interface eth0\nstrict_mode\n{VIP}\nunicast_peer {{\n192.0.2.9\n}}"));
    let loaded = crate::load_str(&host, &text, false);
    assert_eq!(faults(&loaded.config.vrrp), "[]");
    assert!(codes(&loaded).is_empty());
}

#[test]
fn without_addresses_version_2_is_warned_and_version_3_cannot_run() {
    let excluded = "virtual_ipaddress_excluded {\n192.0.2.1\n}";
    check_all(
        faults,
        &[
            (&bare("interface eth0"), "[]", &["KC183"]),
            (&bare(&format!("interface eth0\n{excluded}")), "[]", &["KC183"]),
            (&bare("interface eth0\nversion 3"), "[NoAddresses]", &["KC183"]),
            (&bare("interface eth0\nstrict_mode"), "[NoAddresses]", &["KC183"]),
            (&bare("interface eth0\nversion 3\nno_virtual_ipaddress"), "[]", &[]),
            (&bare("interface eth0\nstrict_mode\nno_virtual_ipaddress"), "[NoAddresses]", &["KC183", "KC183"]),
        ],
    );
}

fn unicast(instance: &VrrpInstance) -> String {
    let unicast = &instance.unicast;
    let peers = unicast.peers.iter().map(|peer| match peer.ttl_range() {
        Some((min, max)) => format!("{}({min}-{max})", peer.ip),
        None => peer.ip.to_string(),
    });
    format!(
        "{} | check={} ttl={:?} {:?} group={} source={}",
        join(peers),
        *unicast.check_source,
        unicast.ttl,
        unicast.old_checksum,
        instance.mcast_dst_ip.map_or("-".to_owned(), |group| group.to_string()),
        instance.source.map_or("-".to_owned(), |source| source.to_string()),
    )
}

#[test]
fn peers_and_their_options() {
    let of = |entry: &str| format!("unicast_peer {{\n{entry}\n}}");
    for (entry, expected, expected_codes) in [
        ("192.0.2.9", "192.0.2.9 | check=false", &[][..]),
        ("192.0.2.9\n192.0.2.8", "192.0.2.9 192.0.2.8 | check=false", &[]),
        ("192.0.2.9\n192.0.2.9", "192.0.2.9 | check=false", &["KC155"]),
        ("192.0.2.9/24", "192.0.2.9 | check=false", &[]),
        ("192.0.2.9-12", "192.0.2.9 | check=false", &[]),
        ("192.0.2.9 min_ttl 254", "192.0.2.9(254-255) | check=true", &[]),
        ("192.0.2.9 max_ttl 255 min_ttl 0", "192.0.2.9(0-255) | check=true", &[]),
        ("192.0.2.9 min_ttl 256", "192.0.2.9 | check=false", &["KC052"]),
        ("192.0.2.9 min_ttl", "192.0.2.9 | check=false", &["KC150"]),
        ("192.0.2.9 min_ttl 9 max_ttl 8", "192.0.2.9(9-8) | check=true", &["KC151"]),
        ("192.0.2.9 ttl 9", "192.0.2.9 | check=false", &["KC153"]),
        ("192.0.2.9\nfe80::1", "192.0.2.9 | check=false", &["KC166"]),
        ("192.0.2.9\nfoo", "192.0.2.9 | check=false", &["KC055"]),
    ] {
        check(unicast, &[(&of(entry), &format!("{expected} ttl=None Detect group=- source=-"), expected_codes)]);
    }
}

#[test]
fn unicast_keywords_without_peers_are_multicast_with_a_warning() {
    let rest = "group=224.0.0.18 source=-";
    check(
        unicast,
        &[
            ("unicast_peer {\n}", &format!(" | check=false ttl=None Detect {rest}"), &["KC180"]),
            ("check_unicast_src", &format!(" | check=true ttl=None Detect {rest}"), &["KC180"]),
            ("old_unicast_checksum", &format!(" | check=false ttl=None Always {rest}"), &["KC180"]),
            ("unicast_ttl 9", &format!(" | check=false ttl=None Detect {rest}"), &["KC176", "KC180"]),
            (
                "unicast_src_ip 192.0.2.8",
                " | check=false ttl=None Detect group=224.0.0.18 source=192.0.2.8",
                &["KC180"],
            ),
            ("unicast_fault_no_peer", " | check=false ttl=None Detect group=- source=-", &[]),
        ],
    );
}

#[test]
fn sources_groups_and_the_rest_of_unicast() {
    let peers = "unicast_peer {\n192.0.2.9\n}\n";
    let with_peers = |line: &str| format!("{peers}{line}");
    let multicast = |group: &str, source: &str| format!(" | check=false ttl=None Detect group={group} source={source}");
    let table = [
        (
            with_peers("unicast_ttl 255"),
            "192.0.2.9 | check=false ttl=Some(255) Detect group=- source=-".to_owned(),
            &[][..],
        ),
        (
            with_peers("unicast_ttl 256"),
            "192.0.2.9 | check=false ttl=None Detect group=- source=-".to_owned(),
            &["KC052"],
        ),
        (
            with_peers("old_unicast_checksum never"),
            "192.0.2.9 | check=false ttl=None Never group=- source=-".to_owned(),
            &[],
        ),
        (
            with_peers("old_unicast_checksum x"),
            "192.0.2.9 | check=false ttl=None Detect group=- source=-".to_owned(),
            &["KC054"],
        ),
        (
            with_peers("mcast_dst_ip 224.0.0.9"),
            "192.0.2.9 | check=false ttl=None Detect group=- source=-".to_owned(),
            &["KC176"],
        ),
        ("mcast_dst_ip 224.0.0.9".to_owned(), multicast("224.0.0.9", "-"), &[]),
        ("mcast_dst_ip 192.0.2.9".to_owned(), multicast("224.0.0.18", "-"), &["KC151"]),
        ("mcast_dst_ip ff02::9".to_owned(), multicast("224.0.0.18", "-"), &["KC166"]),
        ("mcast_dst_ip ff05::9".to_owned(), multicast("224.0.0.18", "-"), &["KC151"]),
        ("mcast_dst_ip foo".to_owned(), multicast("224.0.0.18", "-"), &["KC055"]),
        ("mcast_src_ip 192.0.2.8".to_owned(), multicast("224.0.0.18", "192.0.2.8"), &[]),
        ("mcast_src_ip fe80::8".to_owned(), multicast("224.0.0.18", "-"), &["KC166"]),
        ("mcast_src_ip foo".to_owned(), multicast("224.0.0.18", "-"), &["KC055"]),
        ("vrf vrf9".to_owned(), multicast("224.0.0.18", "-"), &["KC063"]),
    ];
    for (lines, expected, expected_codes) in &table {
        check(unicast, &[(lines, expected, expected_codes)]);
    }
    let globals =
        format!("global_defs {{\nvrrp_mcast_group4 224.0.0.7\n}}\n{}", bare(&format!("interface eth0\n{VIP}")));
    check_all(|vrrp| unicast(&vrrp.instances[0]), &[(&globals, &multicast("224.0.0.7", "-"), &[])]);
}

fn own(instance: &VrrpInstance) -> String {
    let mut text = String::new();
    if let Some(vmac) = &instance.vmac {
        let mac = vmac.mac.map_or("-".to_owned(), |mac| join(mac.octets));
        let name = vmac.name.as_deref().unwrap_or("-");
        text += &format!("vmac {name} {mac} {} {:?}", vmac.netlink_notify_msg, vmac.group);
    }
    if let Some(ipvlan) = &instance.ipvlan {
        let address = ipvlan.address.map_or("-".to_owned(), |(ip, bits)| format!("{ip}/{bits}"));
        let name = ipvlan.name.as_deref().unwrap_or("-");
        text += &format!("ipvlan {name} {address} {:?} {:?}", ipvlan.mode, ipvlan.group);
    }
    if instance.vmac_xmit_base {
        text += " base";
    }
    text
}

#[test]
fn vmacs_in_all_their_forms() {
    check(
        own,
        &[
            ("use_vmac", "vmac - - false None", &[]),
            ("use_vmac vv", "vmac vv - false None", &[]),
            ("use_vmac name group", "vmac group - false None", &[]),
            ("use_vmac mv0", "vmac mv0 - false None", &[]),
            ("use_vmac eth1", "vmac - - false None", &["KC202"]),
            ("use_vmac a b", "vmac a - false None", &["KC155"]),
            ("use_vmac abcdefghijklmnop", "vmac - - false None", &["KC151"]),
            ("use_vmac vv 02:00:00:00:00:01 netlink_notify_msg group 9", "vmac vv 2 0 0 0 0 1 true Some(9)", &[]),
            ("use_vmac group edge", "vmac - - false Some(42)", &[]),
            ("use_vmac group foo", "vmac - - false None", &["KC151"]),
            ("use_vmac group", "vmac - - false None", &["KC150"]),
            ("use_vmac 2:0:0:0:0", "vmac - 2 0 0 0 0 51 false None", &[]),
            ("use_vmac 2:0:0:0:0:", "vmac - 2 0 0 0 0 51 false None", &[]),
            ("use_vmac 01:00:00:00:00:01", "vmac - - false None", &["KC151"]),
            ("use_vmac 00:00:5e:00:01:05", "vmac - - false None", &["KC151"]),
            ("use_vmac 00:00:5e:00:02:05", "vmac - - false None", &["KC151"]),
            ("use_vmac 00:00:5e:00:03:05", "vmac - 0 0 94 0 3 5 false None", &[]),
            ("use_vmac 2:0:0:0", "vmac - - false None", &["KC151"]),
            ("use_vmac 2:0:0:0:0:0:0", "vmac - - false None", &["KC151"]),
            ("use_vmac 2:0:0:0:0:100", "vmac - - false None", &["KC151"]),
            ("use_vmac 02:00:00:00:00:01\nstrict_mode", "vmac - - false None", &["KC177"]),
            ("use_vmac\nvmac_xmit_base", "vmac - - false None base", &[]),
            ("use_vmac\nvmac_xmit_base\nstrict_mode", "vmac - - false None", &["KC177"]),
            ("vmac_xmit_base", "", &["KC176"]),
            ("use_vmac\nunicast_peer {\n192.0.2.9\n}", "vmac - - false None base", &["KC176"]),
            ("use_vmac\nvmac_xmit_base\nunicast_peer {\n192.0.2.9\n}", "vmac - - false None base", &[]),
            ("use_vmac\npromote_secondaries", "vmac - - false None", &["KC176"]),
        ],
    );
    let no_interface = bare(&format!("{VIP}\nuse_vmac\nunicast_peer {{\n192.0.2.9\n}}\nunicast_src_ip 192.0.2.8"));
    check_all(|vrrp| own(&vrrp.instances[0]), &[(&no_interface, "", &["KC176"])]);
}

#[test]
fn ipvlans_in_all_their_forms() {
    check(
        |instance| format!("{} {:?}", own(instance), instance.faults),
        &[
            ("use_ipvlan 192.0.2.5/24", "ipvlan - 192.0.2.5/24 Bridge None []", &[]),
            ("use_ipvlan iv private 192.0.2.5 group 9", "ipvlan iv 192.0.2.5/32 Private Some(9) []", &[]),
            ("use_ipvlan name vepa vepa 192.0.2.5", "ipvlan vepa 192.0.2.5/32 Vepa None []", &[]),
            ("use_ipvlan", "ipvlan - - Bridge None [IpvlanAddress]", &["KC179"]),
            ("use_ipvlan\nmcast_src_ip 192.0.2.5", "ipvlan - - Bridge None []", &[]),
            ("use_ipvlan fe80::5", "ipvlan - - Bridge None [IpvlanAddress]", &["KC166", "KC179"]),
            ("use_ipvlan 192.0.2.5\nuse_ipvlan 192.0.2.6", "ipvlan - 192.0.2.5/32 Bridge None []", &["KC155"]),
        ],
    );
    let loaded = read(&bare(&format!("interface eth0\n{VIP}\nuse_ipvlan")));
    assert!(!loaded.config.vrrp.stops_keepalived(), "keepalived starts and keeps the instance in FAULT");
}

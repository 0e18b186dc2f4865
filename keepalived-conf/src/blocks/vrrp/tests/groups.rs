// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sync groups, track groups, and what two instances must not share.

use super::{Vrrp, check_all, codes, join, read};

/// An instance of this name, number and further lines.
fn instance(name: &str, vrid: u8, lines: &str) -> String {
    format!(
        "vrrp_instance {name} {{\ninterface eth0\nvirtual_router_id {vrid}\nvirtual_ipaddress {{\n192.0.2.{vrid}\n}}\n\
         {lines}\n}}\n"
    )
}

fn pair() -> String {
    instance("A", 1, "") + &instance("B", 2, "")
}

fn group(name: &str, members: &str, lines: &str) -> String {
    format!("vrrp_sync_group {name} {{\ngroup {{\n{members}\n}}\n{lines}\n}}\n")
}

fn groups(vrrp: &Vrrp) -> String {
    join(vrrp.sync_groups.iter().map(|group| {
        let members = group.group.iter().map(|name| name.text.as_str()).collect::<Vec<_>>().join(",");
        format!("{}={members}", group.name)
    }))
}

#[test]
fn members_exist_and_are_in_one_group() {
    check_all(
        groups,
        &[
            (&(pair() + &group("G", "A B", "")), "G=A,B", &[]),
            (&(group("G", "A\nB", "") + &pair()), "G=A,B", &[]),
            (&(pair() + &group("G", "A", "")), "G=A", &["KC189"]),
            (&(pair() + &group("G", "A B C", "")), "G=A,B", &["KC187"]),
            (&(pair() + &group("G", "C", "")), "", &["KC187", "KC170"]),
            (&(pair() + &group("G", "", "")), "", &["KC170"]),
            (&(pair() + "vrrp_sync_group G {\n}\n"), "", &["KC170"]),
            (&(pair() + &group("G", "A A B", "")), "G=A,B", &["KC188"]),
            (&(pair() + &group("G", "A B", "") + &group("H", "B A", "")), "G=A,B", &["KC188", "KC188", "KC170"]),
            (&(pair() + &group("G", "A B", "") + &group("G", "A B", "")), "G=A,B", &["KC164"]),
            (&(pair() + &group("G H", "A B", "")), "", &["KC163"]),
            (&(pair() + &group("G", "A B", "group {\nA\n}")), "G=A,B", &["KC063"]),
        ],
    );
}

#[test]
fn members_know_their_group_and_what_it_says() {
    let text = "global_defs {\nsmtp_alert\n}\n".to_owned()
        + &pair()
        + &instance("C", 3, "notify_priority_changes off")
        + &group("G", "A C", "notify_priority_changes\nsmtp_alert off\nnotify_master /m\nnotify /n");
    let loaded = read(&text);
    let vrrp = &loaded.config.vrrp;
    let of = |name: &str| {
        let instance = vrrp.instance(name).unwrap();
        (instance.sync_group.as_deref(), *instance.notify_priority_changes, *instance.smtp_alert)
    };
    assert_eq!(of("A"), (Some("G"), true, true));
    assert_eq!(of("B"), (None, false, true));
    assert_eq!(of("C"), (Some("G"), false, true));
    assert!(!*vrrp.sync_groups[0].smtp_alert);
    assert_eq!(vrrp.sync_groups[0].scripts().count(), 2);
}

#[test]
fn a_group_starts_as_master_together_or_not_at_all() {
    let states = |vrrp: &Vrrp| join(vrrp.instances.iter().map(|instance| format!("{:?}", *instance.state)));
    let owner = "priority 255";
    let of = |a: &str, b: &str| instance("A", 1, a) + &instance("B", 2, b) + &group("G", "A B", "");
    check_all(
        states,
        &[
            (&of(owner, owner), "Master Master", &[]),
            (&of(owner, ""), "Backup Backup", &[]),
            (&of("state MASTER\npriority 150", "state MASTER\npriority 150"), "Backup Backup", &[]),
        ],
    );
}

#[test]
fn track_groups_name_instances_that_exist() {
    let value = |vrrp: &Vrrp| {
        join(vrrp.track_groups.iter().map(|group| {
            format!(
                "{}={}",
                group.name,
                group.group.iter().map(|name| name.text.as_str()).collect::<Vec<_>>().join(",")
            )
        }))
    };
    check_all(
        value,
        &[
            (&("track_group g {\ngroup {\nA B\n}\n}\n".to_owned() + &pair()), "g=A,B", &[]),
            (&("track_group g {\ngroup {\nA C\n}\n}\n".to_owned() + &pair()), "g=A", &["KC187"]),
            (&("track_group g {\n}\n".to_owned() + &pair()), "", &["KC170"]),
            (
                &("track_group g {\ngroup {\nA\n}\n}\ntrack_group g {\ngroup {\nB\n}\n}\n".to_owned() + &pair()),
                "g=A",
                &["KC164"],
            ),
        ],
    );
    let unknown = read(&("track_group g {\ngroup {\nA C\n}\n}\n".to_owned() + &pair()));
    assert_eq!(unknown.diagnostics.exit_status(), 0);
}

#[test]
fn a_virtual_router_is_there_once_on_a_segment() {
    let faults = |vrrp: &Vrrp| join(vrrp.instances.iter().map(|instance| format!("{:?}", instance.faults)));
    let peers = |ip: &str| format!("unicast_peer {{\n{ip}\n}}");
    let of = |name: &str, vip: &str, lines: &str| {
        format!(
            "vrrp_instance {name} {{\ninterface eth0\nvirtual_router_id 7\nvirtual_ipaddress {{\n{vip}\n}}\n{lines}\n}}\n"
        )
    };
    let a = |lines: &str| of("A", "192.0.2.1", lines);
    let b = |lines: &str| of("B", "192.0.2.2", lines);
    check_all(
        faults,
        &[
            (&(a("") + &b("")), "[] [SameVirtualRouter]", &["KC196"]),
            (&(a("") + &b("interface eth1")), "[] []", &[]),
            (&(a("") + &b("mcast_dst_ip 224.0.0.9")), "[] []", &[]),
            (&(a("") + &b(&peers("192.0.2.9"))), "[] []", &[]),
            (&(a(&peers("192.0.2.8")) + &b(&peers("192.0.2.9"))), "[] []", &[]),
            (&(a(&peers("192.0.2.9")) + &b(&peers("192.0.2.9"))), "[] [SameVirtualRouter]", &["KC196"]),
            (&(a("") + &of("B", "fe80::1/64", "")), "[] []", &[]),
        ],
    );
}

#[test]
fn vmac_names_are_taken_once() {
    let names = |vrrp: &Vrrp| {
        join(
            vrrp.instances
                .iter()
                .map(|instance| instance.vmac.as_ref().and_then(|vmac| vmac.name.as_deref()).unwrap_or("-").to_owned()),
        )
    };
    let text = instance("A", 1, "use_vmac vv") + &instance("B", 2, "use_vmac vv");
    check_all(names, &[(&text, "vv -", &["KC197"])]);
    let on_vmac = instance("A", 1, "use_vmac vv\nvirtual_ipaddress_excluded {\n192.0.2.50 dev vv\n}");
    check_all(names, &[(&on_vmac, "vv", &["KC199"])]);
}

#[test]
fn an_address_is_there_once() {
    let value = |vrrp: &Vrrp| {
        join(vrrp.instances.iter().map(|instance| {
            format!("{}+{}", instance.virtual_ipaddress.len(), instance.virtual_ipaddress_excluded.len())
        }))
    };
    let of = |name: &str, vrid: u8, vips: &str, excluded: &str| {
        format!(
            "vrrp_instance {name} {{\ninterface eth0\nvirtual_router_id {vrid}\nvirtual_ipaddress {{\n{vips}\n}}\n\
             virtual_ipaddress_excluded {{\n{excluded}\n}}\n}}\n"
        )
    };
    check_all(
        value,
        &[
            (&of("A", 1, "192.0.2.1\n192.0.2.1/24", ""), "1+0", &["KC184"]),
            (&of("A", 1, "192.0.2.1", "192.0.2.1"), "1+0", &["KC184"]),
            (&of("A", 1, "192.0.2.1\n192.0.2.1 dev eth0", ""), "1+0", &["KC184"]),
            (&of("A", 1, "192.0.2.1\n192.0.2.1 dev eth1", ""), "2+0", &[]),
        ],
    );
    let two = read(&(of("A", 1, "192.0.2.1", "") + &of("B", 2, "192.0.2.1", "")));
    assert!(codes(&two).is_empty());
    assert!(two.diagnostics.iter().any(|finding| finding.code.id == "KC198"));
}

#[test]
fn addresses_that_do_not_fit_in_an_advert_are_excluded() {
    let many = |count: u32, first: &str| -> String {
        let rest = (0..count).map(|n| match first {
            "" => format!("10.0.{}.{}", n / 200, n % 200 + 1),
            _ => format!("2001:db8::{n:x}"),
        });
        std::iter::once(first.to_owned()).chain(rest).filter(|entry| !entry.is_empty()).collect::<Vec<_>>().join("\n")
    };
    let of = |vips: &str, lines: &str| {
        format!(
            "vrrp_instance A {{\ninterface eth0\nvirtual_router_id 1\n{lines}\nvirtual_ipaddress {{\n{vips}\n}}\n}}\n"
        )
    };
    let value = |vrrp: &Vrrp| {
        let instance = &vrrp.instances[0];
        let first =
            instance.virtual_ipaddress_excluded.first().map_or("-".to_owned(), |address| address.ip.to_string());
        format!("{}+{} {first}", instance.virtual_ipaddress.len(), instance.virtual_ipaddress_excluded.len())
    };
    let ah = "authentication {\nauth_type AH\nauth_pass x\n}";
    check_all(
        value,
        &[
            (&of(&many(255, ""), ""), "255+0 -", &[]),
            (&of(&many(300, ""), ""), "255+45 10.0.1.56", &["KC185"]),
            (&of(&many(300, ""), ah), "255+45 10.0.1.56", &["KC185"]),
            // (1500 - 48) / 16, and 14 octets less in keepalived.
            (&of(&many(99, "fe80::1"), ""), "90+10 2001:db8::59", &["KC185"]),
            (&of(&many(89, "fe80::1"), ""), "90+0 -", &["KC185"]),
            (&of(&many(88, "fe80::1"), ""), "89+0 -", &[]),
        ],
    );
}

#[test]
fn the_first_address_of_ipv6_is_link_local() {
    let of = |lines: &str| {
        format!(
            "vrrp_instance A {{\ninterface eth0\nvirtual_router_id 1\n{lines}\nvirtual_ipaddress {{\n2001:db8::1/64\n}}\n}}\n"
        )
    };
    let (loose, strict) = (read(&of("")), read(&of("strict_mode")));
    assert_eq!((codes(&loose), loose.diagnostics.exit_status()), (vec!["KC186"], 0));
    assert_eq!((codes(&strict), strict.diagnostics.exit_status()), (vec!["KC186"], 5));
}

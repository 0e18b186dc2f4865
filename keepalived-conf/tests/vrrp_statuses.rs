// SPDX-License-Identifier: MIT OR Apache-2.0
//! Exit statuses of the configuration test for lines of VRRP, as measured with keepalived.

#![allow(clippy::expect_used)]

use keepalived_conf::environment::{Facts, Link};
use keepalived_conf::load_str;
use keepalived_conf::source::MemoryHost;

/// What the machine had on which keepalived was asked.
fn host() -> MemoryHost {
    let facts = Facts::default()
        .link("eth0", Link::default())
        .link("eth1", Link::default())
        .link("ens1", Link::default())
        .link("lo", Link { loopback: true, ..Link::default() });
    MemoryHost::new().with_facts(facts).file("/etc/iproute2/group", "0 default\n")
}

/// A sound instance with the line in its place.
fn configuration(place: &str, line: &str) -> String {
    let line = line.replace(" ; ", "\n");
    let vip = "virtual_ipaddress {\n192.168.200.17/24\n}";
    let body = match place {
        "instance" => format!("{vip}\n{line}"),
        "vip" => format!("virtual_ipaddress {{\n{line}\n}}"),
        "route" => format!("{vip}\nvirtual_routes {{\n{line}\n}}"),
        _ => format!("{vip}\nvirtual_rules {{\n{line}\n}}"),
    };
    format!("vrrp_instance VI_1 {{\ninterface eth0\nvirtual_router_id 51\n{body}\n}}\n")
}

#[test]
fn statuses_are_those_of_keepalived_or_have_a_reason() {
    let host = host();
    let mut wrong = Vec::new();
    let mut count = 0;
    for row in include_str!("vrrp-statuses.txt").lines().filter(|row| !row.starts_with('#')) {
        let columns: Vec<&str> = row.split('\t').collect();
        let [place, status, ours, line] = columns.as_slice() else { panic!("not four columns: {row}") };
        let expected = ours.split_once(": ").map_or(*status, |(status, _)| status);
        let loaded = load_str(&host, &configuration(place, line), false);
        let found = loaded.diagnostics.exit_status().to_string();
        if found != expected {
            wrong.push(format!("{place}: {line}: {found} instead of {expected}: {:#?}", loaded.diagnostics));
        }
        count += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 500, "only {count} rows");
}

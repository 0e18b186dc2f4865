// SPDX-License-Identifier: MIT OR Apache-2.0
//! What single keywords promise, each with the daemon itself and a real kernel.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::journal::PATIENCE;
use crate::node::{Node, Program};
use crate::topology::Lab;

/// Waits until what a command prints is as wanted.
#[track_caller]
fn until(node: &Node, line: &str, promise: &str, holds: impl Fn(&str) -> bool) {
    let start = std::time::Instant::now();
    loop {
        let printed = node.run(line);
        if holds(&printed) {
            return;
        }
        assert!(start.elapsed() < PATIENCE, "`{line}` on {}: never {promise}:\n{printed}", node.name());
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

const STATICS: &str = "static_ipaddress {\n 10.1.0.1/24 dev eth0\n 10.2.0.1/24 dev eth0 no_track\n}\n\
    static_routes {\n 192.0.2.0/24 via 10.1.0.9 dev eth0\n}\n\
    static_rules {\n from 10.1.0.0/24 table 100 priority 5000\n}\n";

const ADDRESSES: &str = "ip -o -4 addr show dev eth0";
const ROUTES: &str = "ip route show 192.0.2.0/24";
const RULES: &str = "ip rule show";

#[test]
fn static_entries_are_there_from_start_to_stop_and_put_back_when_removed() {
    let test = "static_entries_are_there_from_start_to_stop_and_put_back_when_removed";
    let Some(mut lab) = Lab::new(test) else { return };
    let lan = lab.segment("lan");
    let a = lab.node_on(&lan, "a", &["10.0.0.1/24"]);
    let daemon = a.start(Program::Steadfast, STATICS);
    until(&a, ADDRESSES, "both addresses", |text| text.contains("10.1.0.1/24") && text.contains("10.2.0.1/24"));
    until(&a, ROUTES, "the route", |text| text.contains("via 10.1.0.9"));
    until(&a, RULES, "the rule", |text| text.contains("5000:"));

    a.operator("ip addr del 10.2.0.1/24 dev eth0");
    a.operator("ip rule del priority 5000");
    until(&a, RULES, "the rule again", |text| text.contains("5000:"));
    a.operator("ip addr del 10.1.0.1/24 dev eth0");
    until(&a, ADDRESSES, "the address again", |text| text.contains("10.1.0.1/24"));
    // It went with the address, and the kernel may not have said so.
    until(&a, ROUTES, "the route again", |text| text.contains("via 10.1.0.9"));
    assert!(!a.has("10.2.0.1"), "nobody asked for this one to be put back");

    // The kernel drops routes over an interface that goes down without telling.
    a.operator("ip link set eth0 down");
    until(&a, ROUTES, "no route", str::is_empty);
    a.operator("ip link set eth0 up");
    until(&a, ROUTES, "the route again", |text| text.contains("via 10.1.0.9"));

    assert!(daemon.stop().success());
    assert!(!a.has("10.1.0.1") && a.has("10.0.0.1"));
    assert!(a.run(ROUTES).is_empty() && !a.run(RULES).contains("5000:"));
}

#[test]
fn a_reload_changes_only_the_static_entries_that_differ() {
    let Some(mut lab) = Lab::new("a_reload_changes_only_the_static_entries_that_differ") else { return };
    let lan = lab.segment("lan");
    let a = lab.node_on(&lan, "a", &["10.0.0.1/24"]);
    let daemon = a.start(Program::Steadfast, STATICS);
    until(&a, RULES, "the rule", |text| text.contains("5000:"));
    a.reconfigure(&STATICS.replace("10.2.0.1/24 dev eth0 no_track", "10.3.0.1/24 dev eth0").replace("5000", "5001"));
    daemon.signal("HUP");
    until(&a, ADDRESSES, "the new address alone", |text| text.contains("10.3.0.1/24") && !text.contains("10.2.0.1"));
    until(&a, RULES, "the new rule alone", |text| text.contains("5001:") && !text.contains("5000:"));
    let seen = lab.journal.read().since("HUP");
    assert!(!seen.to_string().contains("10.1.0.1"), "what stays is not touched\n{seen}");
    assert!(a.has("10.1.0.1") && a.run(ROUTES).contains("via 10.1.0.9"));
}

#[test]
fn an_instance_of_a_track_group_fails_with_the_interface_of_a_static_entry() {
    let test = "an_instance_of_a_track_group_fails_with_the_interface_of_a_static_entry";
    let Some(mut lab) = Lab::new(test) else { return };
    let (lan, wan) = (lab.segment("lan"), lab.segment("wan"));
    let mut a = lab.node_on(&lan, "a", &["10.0.0.1/24"]);
    lab.connect(&mut a, &wan, &[]);
    let configuration = "track_group G {\n group {\n VI_1\n }\n}\n\
        static_ipaddress {\n 10.1.0.1/24 dev eth1 track_group G\n}\n\
        vrrp_instance VI_1 {\n interface eth0\n version 3\n advert_int 0.1\n virtual_router_id 51\n \
        virtual_ipaddress {\n 10.0.0.100\n }\n}\n";
    let _daemon = a.start(Program::Steadfast, configuration);
    lab.journal.until("a is master", |seen| seen.holds_alone("a", "10.0.0.100"));
    lab.unplug(&a, &wan);
    lab.journal.until("a gave up", |seen| seen.holders("10.0.0.100").is_empty());
    lab.plug(&a, &wan);
    lab.journal.until("a is back", |seen| seen.holds_alone("a", "10.0.0.100"));
}

#[test]
fn spaced_announcements_of_many_addresses_all_leave_in_turn() {
    let Some(mut lab) = Lab::new("spaced_announcements_of_many_addresses_all_leave_in_turn") else { return };
    let lan = lab.segment("lan");
    let a = lab.node_on(&lan, "a", &["10.0.0.1/24"]);
    let configuration = "global_defs {\n vrrp_garp_master_delay 0\n}\n\
        garp_group {\n garp_interval 0.05\n interface eth0\n}\n\
        vrrp_instance VI_1 {\n interface eth0\n version 3\n advert_int 0.1\n virtual_router_id 51\n \
        garp_master_repeat 2\n virtual_ipaddress {\n 10.0.0.100\n 10.0.0.101\n 10.0.0.102\n }\n}\n";
    let _daemon = a.start(Program::Steadfast, configuration);
    let announced = |seen: &crate::journal::Reading| -> Vec<u8> {
        let last = |frame: &crate::capture::Frame| {
            [100, 101, 102].into_iter().find(|last| frame.announces(&format!("10.0.0.{last}")))
        };
        seen.frames().filter_map(last).collect()
    };
    let seen = lab.journal.until("all are announced twice", |seen| announced(seen).len() == 6);
    assert_eq!(announced(&seen), [100, 101, 102, 100, 101, 102], "{seen}");
}

#[test]
fn addresses_that_are_not_accepted_are_held_and_do_not_answer() {
    let Some(mut lab) = Lab::new("addresses_that_are_not_accepted_are_held_and_do_not_answer") else { return };
    let lan = lab.segment("lan");
    let a = lab.node_on(&lan, "a", &["10.0.0.1/24"]);
    let b = lab.node_on(&lan, "b", &["10.0.0.2/24"]);
    let configuration = |accept: &str| {
        format!(
            "global_defs {{\n nftables vips\n nftables_counters\n}}\nvrrp_instance VI_1 {{\n interface eth0\n \
             version 3\n advert_int 0.1\n virtual_router_id 51\n {accept}\n virtual_ipaddress {{\n 10.0.0.100\n }}\n}}\n"
        )
    };
    let daemon = a.start(Program::Steadfast, &configuration("no_accept"));
    lab.journal.until("a is master", |seen| seen.holds_alone("a", "10.0.0.100"));
    // What is held is filtered already: nobody has to wait for it.
    let table = a.run("nft list table ip vips");
    assert!(table.contains("10.0.0.100") && table.contains("counter"), "{table}");
    b.wait_to_reach("10.0.0.1");
    assert!(!b.reaches("10.0.0.100"));

    a.reconfigure(&configuration("accept"));
    daemon.signal("HUP");
    b.wait_to_reach("10.0.0.100");
    a.reconfigure(&configuration("no_accept"));
    daemon.signal("HUP");
    until(&a, "nft list table ip vips", "filtered again", |text| text.contains("10.0.0.100"));

    assert!(daemon.stop().success());
    assert!(!a.has("10.0.0.100") && !a.run("nft list tables").contains("vips"));
}

#[test]
fn an_instance_follows_the_process_it_tracks() {
    let Some(mut lab) = Lab::new("an_instance_follows_the_process_it_tracks") else { return };
    let lan = lab.segment("lan");
    let a = lab.node_on(&lan, "a", &["10.0.0.1/24"]);
    // No other process of this machine has these words.
    let configuration = "vrrp_track_process chk {\n process sleep 98765.25\n}\n\
        vrrp_instance VI_1 {\n interface eth0\n version 3\n advert_int 0.1\n virtual_router_id 51\n \
        track_process {\n chk\n }\n virtual_ipaddress {\n 10.0.0.100\n }\n}\n";
    let _daemon = a.start(Program::Steadfast, configuration);
    lab.journal.until("a has nothing to serve", |seen| seen.said("a", "Entering FAULT"));
    let mut shell = a.namespace().command("sh");
    let mut tracked =
        shell.args(["-c", "echo $$; exec sleep 98765.25"]).stdout(Stdio::piped()).spawn().expect("sh runs");
    let mut pid = String::new();
    BufReader::new(tracked.stdout.take().expect("its output")).read_line(&mut pid).expect("its number");
    lab.journal.until("a is master", |seen| seen.holds_alone("a", "10.0.0.100"));
    let killed = a.namespace().command("kill").arg(pid.trim()).status().expect("kill runs");
    assert!(killed.success());
    let _ = tracked.wait();
    lab.journal.until("a gave up", |seen| seen.holders("10.0.0.100").is_empty());
}

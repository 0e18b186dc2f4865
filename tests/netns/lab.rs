// SPDX-License-Identifier: MIT OR Apache-2.0
//! The harness keeps its own promises.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use crate::journal::Reading;
use crate::node::{Node, Program};
use crate::topology::Lab;

#[test]
fn addresses_and_announcements_are_seen_where_they_happen() {
    let Some(mut lab) = Lab::new("addresses_and_announcements_are_seen_where_they_happen") else { return };
    let lan = lab.segment("lan");
    let a = lab.node_on(&lan, "a", &["10.0.0.1/24", "fd00::1/64"]);
    a.operator("ip addr add 10.0.0.9/32 dev eth0");
    lab.journal.until("a has the address", |seen| seen.holds_alone("a", "10.0.0.9"));
    a.operator("sysctl -qw net.ipv4.conf.eth0.arp_notify=1");
    a.operator("ip link set eth0 address 02:00:00:00:07:07");
    let announced = |seen: &Reading| seen.since("02:00:00:00:07:07").frames().any(|frame| frame.announces("10.0.0.9"));
    lab.journal.until("its kernel announces the new link address", announced);
    a.operator("ip addr del 10.0.0.9/32 dev eth0");
    lab.journal.until("nobody has it", |seen| seen.holders("10.0.0.9").is_empty());
    assert!(a.has("fd00::1") && !a.has("10.0.0.9"));
}

#[test]
fn cables_can_be_unplugged_cut_muted_deafened_and_healed() {
    let Some(mut lab) = Lab::new("cables_can_be_unplugged_cut_muted_deafened_and_healed") else { return };
    let lan = lab.segment("lan");
    let a = lab.node_on(&lan, "a", &["10.0.0.1/24"]);
    let b = lab.node_on(&lan, "b", &["10.0.0.2/24"]);
    a.wait_to_reach("10.0.0.2");
    lab.cut(&a, &lan);
    assert!(!a.reaches("10.0.0.2") && carrier_of(&a));
    lab.heal(&a, &lan);
    a.wait_to_reach("10.0.0.2");
    lab.mute(&a, &lan);
    assert!(!b.reaches("10.0.0.1"));
    lab.unmute(&a, &lan);
    lab.deafen(&a, &lan);
    assert!(!b.reaches("10.0.0.1"));
    lab.undeafen(&a, &lan);
    b.wait_to_reach("10.0.0.1");
    lab.unplug(&a, &lan);
    assert!(!carrier_of(&a));
    lab.plug(&a, &lan);
    b.wait_to_reach("10.0.0.1");
}

/// The reference against itself: what the tests of our daemon ask of the harness holds for it.
#[test]
fn two_keepaliveds_elect_one_master_and_the_journal_shows_it() {
    let Some(mut lab) = Lab::new("two_keepaliveds_elect_one_master_and_the_journal_shows_it") else { return };
    let lan = lab.segment("lan");
    let a = lab.node_on(&lan, "a", &["10.0.0.1/24"]);
    let b = lab.node_on(&lan, "b", &["10.0.0.2/24"]);
    let configuration = |priority| {
        format!(
            "vrrp_instance A {{\n interface eth0\n version 3\n advert_int 0.1\n virtual_router_id 1\n \
             priority {priority}\n virtual_ipaddress {{\n 10.0.0.100\n }}\n}}\n"
        )
    };
    let first = a.start(Program::Keepalived, &configuration(200));
    let second = b.start(Program::Keepalived, &configuration(100));
    lab.journal.until("a is master", |seen| seen.holds_alone("a", "10.0.0.100") && seen.said("a", "MASTER"));
    let seen = lab.journal.beats(3, |frame| frame.is_advert("10.0.0.1", 200));
    assert!(seen.frames().any(|frame| frame.announces("10.0.0.100")), "{seen}");
    assert!(first.stop().success());
    let seen = lab.journal.until("b is master", |seen| seen.holds_alone("b", "10.0.0.100"));
    assert!(seen.since("TERM").frames().any(|frame| frame.is_advert("10.0.0.1", 0)), "a said goodbye\n{seen}");
    second.kill();
    b.crash();
    assert!(!a.has("10.0.0.100"));
}

fn carrier_of(node: &Node) -> bool {
    !node.run("ip link show eth0").contains("NO-CARRIER")
}

#[test]
fn nothing_is_left_of_a_lab_even_after_a_panic() {
    let mut holder = None;
    let _ = catch_unwind(AssertUnwindSafe(|| {
        let Some(mut lab) = Lab::new("nothing_is_left_of_a_lab_even_after_a_panic") else { return };
        let lan = lab.segment("lan");
        let a = lab.node_on(&lan, "a", &["10.0.0.1/24"]);
        holder = Some(a.namespace().path(""));
        let configuration = "vrrp_instance A {\n interface eth0\n virtual_router_id 1\n}\n";
        let _daemon = a.start(Program::Keepalived, configuration);
        lab.journal.until("it speaks", |seen| seen.logs("a").next().is_some());
        panic!("on purpose");
    }));
    if let Some(holder) = holder {
        assert!(!Path::new(&holder).exists(), "the namespace's first process is gone, and with it all the others");
    }
}

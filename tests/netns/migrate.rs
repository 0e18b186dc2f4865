// SPDX-License-Identifier: MIT OR Apache-2.0
//! From a running keepalived pair to ours and back, one node at a time, with the same file and the same command line.

use std::collections::BTreeSet;

use crate::journal::Reading;
use crate::node::{Daemon, Node, Program};
use crate::topology::Lab;

mod manual;

const ADDRESS: &str = "10.0.0.100";

/// What a site would have: a password, an address beyond the advertised ones, a route and a rule.
fn configuration(node: u8) -> String {
    let (state, priority) = if node == 1 { ("MASTER", 200) } else { ("BACKUP", 100) };
    format!(
        "global_defs {{\n router_id node{node}\n}}\n\
         vrrp_instance VI_1 {{\n state {state}\n interface eth0\n virtual_router_id 51\n priority {priority}\n advert_int 1\n \
         authentication {{\n auth_type PASS\n auth_pass secret\n }}\n \
         virtual_ipaddress {{\n {ADDRESS}/24 dev eth0\n }}\n \
         virtual_ipaddress_excluded {{\n fd00::100/64\n }}\n \
         virtual_routes {{\n 10.5.0.0/16 via 10.0.0.254 dev eth0 table 100\n }}\n \
         virtual_rules {{\n from 10.5.0.0/16 table 100 priority 50\n }}\n}}\n"
    )
}

fn lab(test: &str) -> Option<(Lab, [Node; 2])> {
    let mut lab = Lab::new(test)?;
    let lan = lab.segment("lan");
    let a = lab.node_on(&lan, "a", &["10.0.0.1/24", "fd00::1/64"]);
    let b = lab.node_on(&lan, "b", &["10.0.0.2/24", "fd00::2/64"]);
    Some((lab, [a, b]))
}

#[track_caller]
fn a_leads(lab: &Lab, after: &str) -> Reading {
    let promise = format!("a alone is master after `{after}`");
    lab.journal.until(&promise, |seen| {
        let since = seen.since(after);
        let heard: Vec<_> = since.frames().filter(|frame| frame.advert().is_some()).collect();
        let alone = heard.len() >= 3 && heard.iter().rev().take(3).all(|frame| frame.is_advert("10.0.0.1", 200));
        alone && [ADDRESS, "fd00::100"].iter().all(|address| seen.holds_alone("a", address))
    })
}

/// What a kernel holds besides interfaces and IPv6 routes, which come and go with links.
pub fn holdings(node: &Node) -> BTreeSet<String> {
    let questions = ["ip -4 -o addr", "ip -4 route show table all", "ip -4 rule", "ip -6 rule"];
    questions.iter().flat_map(|question| node.run(question).lines().map(str::to_owned).collect::<Vec<_>>()).collect()
}

/// The programs that run on a node, apart from what holds its namespace and what asks.
fn programs(node: &Node) -> BTreeSet<String> {
    let output = node.namespace().command("ps").args(["-eo", "stat=,comm="]).output().expect("ps runs");
    let all = String::from_utf8_lossy(&output.stdout).into_owned();
    let living =
        all.lines().filter_map(|line| line.trim().split_once(' ')).filter(|(state, _)| !state.starts_with('Z'));
    living.map(|(_, name)| name.trim().to_owned()).filter(|name| name != "sleep" && name != "ps").collect()
}

#[track_caller]
fn moves_node_by_node(test: &str, from: Program, to: Program) {
    let Some((lab, [a, b])) = lab(test) else { return };
    let before = [holdings(&a), holdings(&b)];
    let on_b = b.start(from, &configuration(2));
    let on_a = a.start(from, &configuration(1));
    a_leads(&lab, "start");

    // The backup first: nobody notices.
    lab.journal.deed("the backup's turn");
    assert!(on_b.stop().success());
    let on_b = b.start(to, &configuration(2));
    lab.journal.until("b listens", |seen| seen.since("backup's turn").said("b", "Entering BACKUP STATE"));
    let seen = a_leads(&lab, "start");
    assert!(seen.since("backup's turn").holders_over_time(ADDRESS).is_empty(), "the address did not move\n{seen}");

    // Then the master, which says goodbye, so that the other takes over without waiting for its silence.
    lab.journal.deed("the master's turn");
    assert!(on_a.stop().success());
    let seen = lab.journal.until("b took over", |seen| seen.holds_alone("b", ADDRESS));
    assert!(seen.since("master's turn").frames().any(|frame| frame.is_advert("10.0.0.1", 0)), "{seen}");
    let on_a = a.start(to, &configuration(1));
    let seen = a_leads(&lab, "start");
    // The address moved twice: each time it may have been nobody's for the length of the handover, and never else.
    let over_time = seen.since("master's turn").holders_over_time(ADDRESS);
    let gaps = over_time.iter().filter(|(_, holders)| holders.is_empty()).count();
    assert!(gaps <= 2, "{over_time:?}\n{seen}");

    nothing_is_left_of(from, [&a, &b]);
    for daemon in [on_b, on_a] {
        assert!(daemon.stop().success());
    }
    assert_eq!([holdings(&a), holdings(&b)], before, "nothing is left of any of them");
}

#[track_caller]
fn nothing_is_left_of(program: Program, nodes: [&Node; 2]) {
    for node in nodes {
        let running = programs(node);
        let is_its = |name: &String| name.contains("keepalived") == (program == Program::Keepalived);
        assert!(!running.iter().any(is_its), "{running:?} on {}", node.name());
        // Whoever a pid file names is there.
        let line = "for file in /run/*.pid; do [ ! -e $file ] || [ -e /proc/$(cat $file) ] || echo $file; done";
        let output = node.namespace().command("sh").args(["-c", line]).output().expect("sh runs");
        assert_eq!(String::from_utf8_lossy(&output.stdout), "", "stale pid files on {}", node.name());
    }
}

#[test]
fn a_keepalived_pair_becomes_ours_one_node_at_a_time() {
    let test = "a_keepalived_pair_becomes_ours_one_node_at_a_time";
    moves_node_by_node(test, Program::Keepalived, Program::Steadfast);
}

#[test]
fn our_pair_becomes_keepalived_again_one_node_at_a_time() {
    let test = "our_pair_becomes_keepalived_again_one_node_at_a_time";
    moves_node_by_node(test, Program::Steadfast, Program::Keepalived);
}

/// Its supervisor and its VRRP process, as when the machine runs out of memory: addresses, route and rule stay.
#[test]
fn what_a_killed_keepalived_left_is_ours_to_keep_or_to_remove() {
    let Some((lab, [a, b])) = lab("what_a_killed_keepalived_left_is_ours_to_keep_or_to_remove") else { return };
    let before = [holdings(&a), holdings(&b)];
    let on_b: Daemon = b.start(Program::Keepalived, &configuration(2));
    let on_a = a.start(Program::Keepalived, &configuration(1));
    a_leads(&lab, "start");
    a.crash();
    drop(on_a);
    lab.journal.until("both have it", |seen| seen.holders(ADDRESS) == ["a", "b"]);
    let on_a = a.start(Program::Steadfast, &configuration(1));
    a_leads(&lab, "start Steadfast");
    let rules = a.run("ip rule").lines().filter(|line| line.contains("10.5.0.0")).count();
    assert_eq!(rules, 1, "{}", a.run("ip rule"));
    for daemon in [on_b, on_a] {
        assert!(daemon.stop().success());
    }
    assert_eq!([holdings(&a), holdings(&b)], before, "nothing is left of any of them");
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! What wants links and clocks that not every machine has to give: VLANs, routing domains, dummies, a network that
//! loses frames, a clock that is set. Played on the host where its kernel can, and in a guest kernel by the suite of
//! guests, which has them all.

use crate::journal::Reading;
use crate::node::{Node, Program};
use crate::site::eventually;
use crate::topology::{Lab, Segment, tool};

/// Name, what it needs besides the common ground as a kind of link, and the test.
pub type Test = (&'static str, Option<&'static str>, fn(&str));

pub const ANYWHERE: [Test; 4] = [
    ("addresses_move_between_two_routers_on_a_vlan", Some("vlan id 7"), on_a_vlan),
    ("addresses_move_between_two_routers_in_a_routing_domain", Some("vrf table 7"), in_a_routing_domain),
    ("an_address_on_a_dummy_comes_and_goes_with_its_router", Some("dummy"), on_a_dummy),
    (
        "a_network_that_loses_and_delays_frames_has_one_router_again_when_it_is_mended",
        Some("netem"),
        through_a_bad_network,
    ),
];

/// What must never be done to the machine others work on.
#[allow(dead_code)]
pub const IN_A_GUEST_ONLY: [Test; 1] =
    [("a_clock_that_is_set_by_an_hour_either_way_moves_nothing", None, with_a_clock_that_is_set)];

struct Pair {
    lab: Lab,
    lan: Segment,
    a: Node,
    b: Node,
}

fn pair(test: &str) -> Option<Pair> {
    let mut lab = Lab::new(test)?;
    let lan = lab.segment("lan");
    let a = lab.node_on(&lan, "a", &["10.0.0.1/24"]);
    let b = lab.node_on(&lan, "b", &["10.0.0.2/24"]);
    Some(Pair { lab, lan, a, b })
}

fn instance(interface: &str, priority: u8, address: &str, more: &str) -> String {
    format!(
        "vrrp_instance A {{\n interface {interface}\n version 3\n virtual_router_id 1\n priority {priority}\n \
         advert_int 1\n {more}\n virtual_ipaddress {{\n {address}\n }}\n}}\n"
    )
}

/// The better one leads, the other stands in for it, and it comes back.
#[track_caller]
fn they_move(pair: &Pair, interface: &str, address: &str, written: &str) {
    let text = |priority| instance(interface, priority, written, "");
    let b = pair.b.start(Program::Steadfast, &text(100));
    let a = pair.a.start(Program::Steadfast, &text(200));
    pair.lab.journal.until("a leads", |seen| seen.holds_alone("a", address));
    assert!(a.stop().success());
    pair.lab.journal.until("b stands in", |seen| seen.holds_alone("b", address));
    let a = pair.a.start(Program::Steadfast, &text(200));
    pair.lab.journal.until("a leads again", |seen| seen.holds_alone("a", address));
    assert!(a.stop().success() && b.stop().success());
    assert!(!pair.a.has(address) && !pair.b.has(address), "nothing is left behind");
}

fn on_a_vlan(test: &str) {
    let Some(pair) = pair(test) else { return };
    for (node, number) in [(&pair.a, 1), (&pair.b, 2)] {
        node.run("ip link add link eth0 name eth0.7 type vlan id 7");
        node.run(&format!("ip addr add 10.7.0.{number}/24 dev eth0.7"));
        node.run("ip link set eth0.7 up");
    }
    they_move(&pair, "eth0.7", "10.7.0.100", "10.7.0.100/24");
    // What is beneath it is what it stands on.
    let a = pair.a.start(Program::Steadfast, &instance("eth0.7", 200, "10.7.0.100/24", ""));
    pair.lab.journal.until("a leads", |seen| seen.holds_alone("a", "10.7.0.100"));
    pair.lab.unplug(&pair.a, &pair.lan);
    pair.lab.journal.until("a gave up", |seen| seen.holders("10.7.0.100").is_empty());
    pair.lab.plug(&pair.a, &pair.lan);
    pair.lab.journal.until("a leads again", |seen| seen.holds_alone("a", "10.7.0.100"));
    assert!(a.stop().success());
}

fn in_a_routing_domain(test: &str) {
    let Some(pair) = pair(test) else { return };
    for (node, number) in [(&pair.a, 1), (&pair.b, 2)] {
        node.run("ip link add red type vrf table 7");
        node.run("ip link set red up");
        node.run("ip link set eth0 master red");
        node.run(&format!("ip addr replace 10.0.0.{number}/24 dev eth0"));
    }
    they_move(&pair, "eth0", "10.0.0.100", "10.0.0.100/24");
}

fn on_a_dummy(test: &str) {
    let Some(pair) = pair(test) else { return };
    for node in [&pair.a, &pair.b] {
        node.run("ip link add dum0 type dummy");
        node.run("ip link set dum0 up");
    }
    they_move(&pair, "eth0", "192.0.2.1", "192.0.2.1/32 dev dum0");
}

fn through_a_bad_network(test: &str) {
    let Some(pair) = pair(test) else { return };
    let text = |priority| instance("eth0", priority, "10.0.0.100", "");
    let b = pair.b.start(Program::Steadfast, &text(100));
    let a = pair.a.start(Program::Steadfast, &text(200));
    pair.lab.journal.until("a leads", |seen| seen.holds_alone("a", "10.0.0.100"));
    for node in [&pair.a, &pair.b] {
        node.operator("tc qdisc add dev eth0 root netem delay 100ms 80ms loss 40% duplicate 20%");
    }
    pair.lab.journal.beats(10, |frame| frame.is_advert("10.0.0.1", 200));
    for node in [&pair.a, &pair.b] {
        node.operator("tc qdisc del dev eth0 root");
    }
    let settled = |seen: &Reading| {
        let seen_since = seen.since("qdisc del");
        let adverts: Vec<_> = seen_since.frames().filter(|frame| frame.advert().is_some()).collect();
        let last = adverts.iter().rev().take(5);
        adverts.len() >= 5
            && last.clone().all(|frame| frame.is_advert("10.0.0.1", 200))
            && seen.holds_alone("a", "10.0.0.100")
    };
    pair.lab.journal.until("a alone leads", settled);
    assert!(a.stop().success() && b.stop().success());
}

fn with_a_clock_that_is_set(test: &str) {
    let machine = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    assert!(machine.contains("User Mode Linux"), "only a guest's clock may be set");
    let Some(pair) = pair(test) else { return };
    let b = pair.b.start(Program::Steadfast, &kept_by_time(100));
    let a = pair.a.start(Program::Steadfast, &kept_by_time(200));
    pair.lab
        .journal
        .until("a leads", |seen| seen.holds_alone("a", "10.0.0.100") && seen.holds_alone("a", "10.0.0.101"));
    let leads = |frame: &crate::capture::Frame| frame.is_advert("10.0.0.1", 205);
    pair.lab.journal.beats(2, leads);
    let before = pair.lab.journal.read().holders_over_time("10.0.0.100").len();
    let runs = || std::fs::read(pair.a.namespace().path("root/run/runs")).map_or(0, |lines| lines.len());
    for (step, told) in
        [("+1 hour", "set forward by 3"), ("-2 hours", "set back by 7"), ("+1 hour", "set forward by 3")]
    {
        pair.lab.journal.deed(format!("the clock is set by {step}"));
        let runs_before = runs();
        // The words of a command line are split at blanks.
        let set = pair.a.namespace().command("date").arg("-s").arg(step).output().expect("nsenter runs");
        assert!(set.status.success(), "{}", String::from_utf8_lossy(&set.stderr));
        pair.lab.journal.until("both say so", |seen| {
            let seen = seen.since("the clock is set by");
            seen.said("a", told) && seen.said("b", told)
        });
        // Longer than what a signature may be old, and than a master may be silent.
        pair.lab.journal.beats(8, leads);
        eventually("the tracked script runs on", || runs() >= runs_before + 3);
    }
    let seen = pair.lab.journal.read();
    // A renewed lease is a change of the address too, but not of who has it.
    let later = seen.holders_over_time("10.0.0.100").split_off(before);
    assert!(later.iter().all(|(_, holders)| holders.iter().eq(["a"])), "nothing moved\n{seen}");
    let since = seen.since("set by +1 hour");
    assert!(!since.frames().any(|frame| frame.is_advert("10.0.0.2", 105)), "b was silent\n{seen}");
    let moved = |node| since.logs(node).filter(|line| line.contains("Entering")).count();
    assert_eq!((moved("a"), moved("b")), (0, 0), "no state changed\n{seen}");
    assert!(a.stop().success() && b.stop().success());
}

/// What looks at clocks: a lease, a script, and signatures of both kinds, one by the time and one by a number that grows.
fn kept_by_time(priority: u8) -> String {
    let keyed = |more: &str| {
        format!(
            "auth_hmac {{\n key 1 0123456789abcdef0123456789abcdef\n active_key 1\n {more}\n }}\n track_script {{\n S weight 5\n }}"
        )
    };
    let by_number = instance("eth0", priority, "10.0.0.101", &keyed("anti_replay monotonic"));
    let by_number = by_number
        .replace("advert_int 1", "advert_int 2")
        .replace("instance A", "instance B")
        .replace("virtual_router_id 1", "virtual_router_id 2");
    format!(
        "global_defs {{\n enable_script_security\n script_user root\n vrrp_vip_lease 20\n}}\nvrrp_script S {{\n \
         script \"/bin/sh -c 'printf . >>/run/runs'\"\n interval 1\n timeout 100\n fall 10\n}}\n{}{by_number}",
        instance("eth0", priority, "10.0.0.100", &keyed("anti_replay time")).replace("advert_int 1", "advert_int 2")
    )
}

/// What this machine's kernel lacks for a test, if anything.
pub fn lacks(needed: Option<&str>) -> Option<String> {
    let needed = needed?;
    let line = match needed {
        "netem" => "ip link add eth0 type veth && tc qdisc add dev eth0 root netem delay 1ms".to_owned(),
        kind => format!("ip link add eth0 type veth && ip link add probe {} type {kind}", link_of(kind)),
    };
    let output = tool("unshare").args(["--net", "sh", "-c", &line]).output().expect("unshare runs");
    let why = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    (!output.status.success()).then(|| format!("this kernel has no {needed}: {why}"))
}

/// What a VLAN stands on.
fn link_of(kind: &str) -> &str {
    if kind.starts_with("vlan") { "link eth0" } else { "" }
}

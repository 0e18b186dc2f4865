// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is too much, or is not heard in time: strangers on the segment, pipes that nobody reads, changes that find no room,
//! addresses by the thousand.

use std::collections::BTreeSet;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::time::Duration;

use steadfast::kernel::Family;
use steadfast::kernel::raw::{Interface, Outgoing, Protocol, Sender};
use steadfast::kernel::rtnl::link::index_of;

use crate::node::{Node, Program};
use crate::site::{Pair, Site, eventually};
use crate::topology::skipped;

const VIP: &str = "10.0.0.100";

fn instance(name: &str, vrid: u8, priority: u8, interval: &str, more: &str) -> String {
    format!(
        "vrrp_instance {name} {{\n interface eth0\n version 3\n virtual_router_id {vrid}\n priority {priority}\n \
         advert_int {interval}\n {more}\n}}\n"
    )
}

fn with_address(name: &str, vrid: u8, priority: u8, interval: &str, vip: &str) -> String {
    instance(name, vrid, priority, interval, &format!("virtual_ipaddress {{\n {vip}\n }}"))
}

/// How often the worker had to wait until now, which it does once a turn.
fn turns(node: &Node) -> u64 {
    let line = "awk '/^voluntary/ { print $2 }' /proc/$(cat /run/vrrp.pid)/status";
    node.inside(line).parse().expect("how often it waited")
}

/// Adverts that a stranger sends, and how many turns they may cost at most. Our own adverts, signs of life and whatever else
/// are some few in a second.
const STRANGE: usize = 5000;
const TURNS_MAX: u64 = 500;

#[test]
fn adverts_of_strangers_wake_nobody_until_somebody_wants_to_hear_of_them() {
    let test = "adverts_of_strangers_wake_nobody_until_somebody_wants_to_hear_of_them";
    let Some(pair) = Pair::with(test, &["10.0.0.1/24"], &["10.0.0.2/24"]) else { return };
    let ours = with_address("A", 1, 100, "1", VIP);
    let a = pair.a.start(Program::Steadfast, &ours);
    pair.until("a leads", |seen| seen.holds_alone("a", VIP));
    // VRID 77, from an address nobody has.
    let stranger = [
        &[0x45, 0xc0, 0, 28, 0, 1, 0, 0, 255, 112, 0, 0, 10, 0, 0, 66, 224, 0, 0, 18][..],
        &[0x31, 77, 200, 0, 0, 100, 0, 0],
    ]
    .concat();
    let sender = pair.b.namespace().enter(|| {
        let eth0 = Interface { index: index_of("eth0").expect("eth0"), name: "eth0".to_owned() };
        Sender::open(Family::V4, Protocol::Vrrp, Some(&eth0)).expect("a sender")
    });
    let (source, destination) = ("10.0.0.66".parse().expect("ours"), "224.0.0.18".parse().expect("the group"));
    let outgoing = Outgoing { source, destination, hop_limit: None, bytes: &stranger };
    let before = turns(&pair.a);
    for _ in 0..STRANGE {
        sender.send(&outgoing).expect("it leaves");
        std::thread::sleep(Duration::from_micros(200));
    }
    let cost = turns(&pair.a) - before;
    assert!(cost < TURNS_MAX, "{STRANGE} adverts of a stranger cost {cost} turns");
    assert!(!pair.lab.journal.read().said("a", "VRID 77"));

    pair.a.reconfigure(&format!("global_defs {{\n log_unknown_vrids\n}}\n{ours}"));
    a.signal("HUP");
    pair.until("the reload", |seen| seen.said("a", "Reload 2 complete"));
    let told = "advert of 10.0.0.66 for VRID 77, which no instance here has";
    eventually("a tells of the stranger", || {
        sender.send(&outgoing).expect("it leaves");
        pair.lab.journal.read().said("a", told)
    });

    // One that becomes ours with a reload is heard from the first moment on.
    let theirs = |priority| with_address("B", 77, priority, "0.2", "10.0.0.177");
    let b = pair.b.start(Program::Steadfast, &theirs(200));
    pair.until("b leads its own", |seen| seen.holds_alone("b", "10.0.0.177"));
    pair.a.reconfigure(&format!("{ours}{}", theirs(100)));
    a.signal("HUP");
    pair.until("the reload", |seen| seen.said("a", "Reload 3 complete"));
    let seen = pair.lab.journal.beats(20, |frame| frame.is_advert("10.0.0.2", 200));
    assert_eq!(seen.most_holders("10.0.0.177"), 1, "a hears b\n{seen}");
    let status = pair.a.inside(&format!("{} status", env!("CARGO_BIN_EXE_steadfast")));
    assert!(status.contains("10.0.0.2"), "{status}");
    assert!(b.stop().success());
    pair.until("a stands in", |seen| seen.holds_alone("a", "10.0.0.177") && seen.holds_alone("a", VIP));
    assert!(a.stop().success());
}

/// As many as there can be on one interface.
const ROUTERS: usize = 255;

#[test]
fn a_notify_pipe_that_overflows_costs_lines_that_are_told_and_nothing_else() {
    let test = "a_notify_pipe_that_overflows_costs_lines_that_are_told_and_nothing_else";
    let Some(site) = Site::new(test) else { return };
    let pipe = "global_defs {\n vrrp_notify_fifo /run/pipe\n fifo_write_vrrp_states_on_reload\n}\n";
    // One that leads, and many that would not before the test is over.
    let many: String = (2..=ROUTERS).map(|id| instance(&format!("V{id}"), id as u8, 100, "40", "")).collect();
    let daemon = site.lead("--vrrp", &format!("{pipe}{}{many}", with_address("V1", 1, 100, "0.2", VIP)));
    // Nobody reads, and there is not even room in the pipe.
    let path = site.a.namespace().path("root/run/pipe");
    let mut full = std::fs::OpenOptions::new()
        .write(true)
        .custom_flags(nix::libc::O_NONBLOCK)
        .open(path)
        .expect("the pipe is there");
    let line = format!("{}\n", "x".repeat(99));
    loop {
        match full.write_all(line.as_bytes()) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => panic!("{error}"),
        }
    }
    let told = "a notify pipe is full and nobody reads it; lines dropped so far: ";
    let mut reloads = 1;
    let mut reload = || {
        daemon.signal("HUP");
        reloads += 1;
        let done = format!("Reload {reloads} complete");
        site.lab.journal.until(&done, |seen| seen.said("a", &done));
    };
    // Each tells of every router: what waits for the pipe is bounded.
    for _ in 0..4096 / ROUTERS + 2 {
        reload();
    }
    site.lab.journal.until("it is told", |seen| seen.said("a", told));
    // Neither the protocol nor the address cares.
    let seen = site.lab.journal.beats(3, |frame| frame.is_advert("10.0.0.1", 100));
    assert!(seen.holds_alone("a", VIP) && seen.logs("a").filter(|line| line.contains(told)).count() < 20, "{seen}");

    // A reader that comes finds whole lines, and from then on all of them.
    site.a.inside("cat /run/pipe >/run/lines 2>/dev/null &");
    site.shows("[ $(grep -c INSTANCE /run/lines) -ge 4096 ] && echo read", "read");
    reload();
    let last = format!("tail -n {ROUTERS} /run/lines | grep -E '^INSTANCE \"V[0-9]+\" [A-Z]+ 100$' | sort -u | wc -l");
    site.shows(&last, &ROUTERS.to_string());
    assert!(daemon.stop().success());
    site.shows("ls /run/pipe 2>/dev/null", "");
}

#[test]
fn what_was_removed_while_nobody_listened_is_found_and_put_back() {
    let Some(site) = Site::new("what_was_removed_while_nobody_listened_is_found_and_put_back") else { return };
    let before = "global_defs {\n vrrp_netlink_monitor_rcv_bufs 4096\n vrrp_repair restore\n}\n";
    let held = "virtual_ipaddress {\n 10.0.0.100\n }\n virtual_routes {\n 10.5.0.0/16 via 10.0.0.254 dev eth0 table 100\n }\n \
        virtual_rules {\n from 10.5.0.0/16 table 100 priority 50\n }";
    // A hang is noticed after ten seconds only, and an owner need not wait for silence.
    let text = format!("{before}{}", instance("A", 1, 255, "10", held));
    let daemon = site.a.start(Program::Steadfast, &text);
    let is_there = "{ ip -o -4 addr show dev eth0; ip route show table 100; ip rule; } | \
        grep -oE '10\\.0\\.0\\.100/|^10\\.5\\.0\\.0/16|^50:' | tr '\\n' ' '";
    site.shows(is_there, "10.0.0.100/ 10.5.0.0/16 50:");
    let worker = site.a.inside("cat /run/vrrp.pid");
    site.a.script(
        "flood",
        "kill -STOP $(cat /run/vrrp.pid)\n\
         for what in add del; do\n for i in $(seq 1 250); do echo addr $what 10.9.0.$i/32 dev lo; done\ndone | ip -batch -\n\
         ip route del 10.5.0.0/16 table 100\nip rule del priority 50\nip addr del 10.0.0.100/32 dev eth0\n\
         kill -CONT $(cat /run/vrrp.pid)",
    );
    site.lab.journal.deed("the flood");
    site.a.inside("/run/flood");
    site.shows(is_there, "10.0.0.100/ 10.5.0.0/16 50:");
    // On a machine that took ten seconds for this, the worker was taken for hung and another one is there.
    eventually("it says so", || {
        let seen = site.lab.journal.read().since("the flood");
        seen.said("a", "faster than they could be read") || site.a.inside("cat /run/vrrp.pid") != worker
    });
    site.shows(is_there, "10.0.0.100/ 10.5.0.0/16 50:");
    assert!(daemon.stop().success());
    site.shows(is_there, "");
}

/// Sends that a thousand removals may take: they leave 64 at a time, and some few for what is not an address.
const SENDS_MAX: usize = 20;

#[test]
fn a_thousand_addresses_go_down_in_a_few_system_calls() {
    let test = "a_thousand_addresses_go_down_in_a_few_system_calls";
    let Some(site) = Site::new(test) else { return };
    if site.a.inside("command -v strace").is_empty() {
        skipped(test, "there is no strace to count system calls with; the writer's own tests count its sends");
        return;
    }
    let many: String = (0..1000).map(|number| format!("10.9.{}.{}\n", number / 250, number % 250 + 1)).collect();
    let more = format!("virtual_ipaddress {{\n {VIP}\n }}\n virtual_ipaddress_excluded {{\n{many}}}");
    let daemon = site.a.start(Program::Steadfast, &instance("A", 1, 100, "1", &more));
    let held = "ip -4 -o addr show dev eth0 | wc -l";
    site.shows(held, "1002");
    site.a.inside("strace -f -qq -e trace=sendto,sendmsg -o /run/calls -p $(cat /run/vrrp.pid) >/dev/null 2>&1 &");
    let watched = "cat /proc/$(cat /run/vrrp.pid)/task/*/status | awk '/^TracerPid:/ { print ($2 > 0) }' | sort -u";
    site.shows(watched, "1");
    assert!(daemon.stop().success());
    assert_eq!(site.a.inside(held), "1");
    // Nobody collects the dead of a node.
    site.shows("ps -C strace -o stat= | grep -vc Z", "0");
    let calls: BTreeSet<String> = site.a.inside("grep RTM_DELADDR /run/calls").lines().map(str::to_owned).collect();
    assert!((16..=SENDS_MAX).contains(&calls.len()), "1001 addresses went in {} sends: {calls:#?}", calls.len());
}

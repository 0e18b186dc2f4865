// SPDX-License-Identifier: MIT OR Apache-2.0
//! Processes that die or hang: whoever is left keeps the promises in their place.

use std::io::Write;
use std::thread;
use std::time::Duration;

use super::{Pair, V3_SLOW, Way};
use crate::journal::{Entry, Reading, What};
use crate::node::{Node, Program};
use crate::site::eventually;

const WAY: Way = V3_SLOW;

fn worker_of(node: &Node) -> String {
    node.inside("cat /run/vrrp.pid")
}

fn is_alive(node: &Node, pid: &str) -> bool {
    // A process that nobody has waited for yet is as dead as any.
    !node.inside(&format!("grep '^State:' /proc/{pid}/status | grep -v Z")).is_empty()
}

impl Pair {
    fn signal_worker_of_a(&self, name: &str) {
        self.lab.journal.deed(format!("signal {name} to the worker on a"));
        self.a.inside(&format!("kill -s {name} {}", worker_of(&self.a)));
    }
}

/// How long after the deed the farewell was on the wire and the last address gone, for whoever reads the output: told and
/// not judged, since the machine may be busy.
fn tell(test: &str, seen: &Reading) {
    let entries = seen.entries();
    let deed = entries.iter().rfind(|entry| matches!(&entry.what, What::Deed(text) if text.contains("to the worker")));
    let after = entries.iter().filter(|entry| deed.is_some_and(|deed| entry.at >= deed.at));
    let since = |entry: &Entry| deed.map_or(f64::NAN, |deed| (entry.at - deed.at).as_secs_f64() * 1000.0);
    let farewell = after
        .clone()
        .find(|entry| matches!(&entry.what, What::Frame { frame, .. } if frame.is_advert(&WAY.source(1), 0)));
    let gone =
        after.filter(|entry| matches!(&entry.what, What::Address { node, held: false, .. } if node == "a")).take(2);
    let line = format!(
        "MEASURED {test}: farewell after {:.0} ms, last address gone after {:.0} ms\n",
        farewell.map_or(f64::NAN, since),
        gone.last().map_or(f64::NAN, since)
    );
    // Not captured by the test runner.
    let _ = std::io::stderr().write_all(line.as_bytes());
}

/// The worker is lost in this way; the supervisor says goodbye in its place, the peer takes over, and the worker comes
/// back.
#[track_caller]
fn the_supervisor_steps_in(test: &str, signal: &str) {
    let Some(pair) = Pair::new(test) else { return };
    let (a, b) = pair.elect_a(WAY, Program::Steadfast, Program::Steadfast);
    let first = worker_of(&pair.a);
    pair.signal_worker_of_a(signal);
    let seen = pair.until("b took over", |seen| {
        let seen = seen.since("to the worker");
        let let_go = |address| !seen.holders_over_time(address).is_empty();
        seen.frames().any(|frame| frame.is_advert(&WAY.source(2), 100)) && let_go(WAY.vip()) && let_go(WAY.second_vip())
    });
    tell(test, &seen);
    let seen = seen.since("to the worker");
    let farewell = seen.frames().position(|frame| frame.is_advert(&WAY.source(1), 0));
    let successor = seen.frames().position(|frame| frame.is_advert(&WAY.source(2), 100));
    assert!(
        farewell.is_some() && farewell < successor,
        "b heard that a is gone, and did not find out by waiting\n{seen}"
    );
    for address in [WAY.vip(), WAY.second_vip()] {
        let gone = seen.holders_over_time(address);
        let first = gone.first().map(|(_, holders)| holders.contains("b") || holders.contains("a"));
        assert_eq!(first, Some(false), "a's kernel let go of {address} before b had it\n{seen}");
    }
    pair.until("another worker leads again", |seen| {
        seen.holds_alone("a", WAY.vip()) && seen.since("to the worker").said("a", "Entering MASTER")
    });
    let second = worker_of(&pair.a);
    assert!(first != second && is_alive(&pair.a, &second), "worker {first} was replaced, not revived: {second}");
    assert!(a.stop().success() && b.stop().success());
    assert!(!pair.a.has(WAY.vip()) && !pair.a.has(WAY.second_vip()), "nothing is left behind");
}

#[test]
fn a_killed_worker_hands_over_and_is_replaced() {
    the_supervisor_steps_in("a_killed_worker_hands_over_and_is_replaced", "KILL");
}

#[test]
fn a_hung_worker_hands_over_and_is_replaced() {
    the_supervisor_steps_in("a_hung_worker_hands_over_and_is_replaced", "STOP");
}

#[test]
fn a_worker_leaves_in_good_order_when_its_supervisor_is_killed() {
    let Some(pair) = Pair::new("a_worker_leaves_in_good_order_when_its_supervisor_is_killed") else { return };
    let (a, _b) = pair.elect_a(WAY, Program::Steadfast, Program::Steadfast);
    let worker = worker_of(&pair.a);
    a.kill();
    pair.until("b took over", |seen| {
        let seen_now = seen.since("KILL");
        let goodbye = seen_now.frames().any(|frame| frame.is_advert(&WAY.source(1), 0));
        goodbye && seen.holds_alone("b", WAY.vip()) && seen.holds_alone("b", WAY.second_vip())
    });
    eventually("the worker is gone", || !is_alive(&pair.a, &worker));
    assert!(!pair.a.has(WAY.vip()) && !pair.a.has(WAY.second_vip()), "nothing is left behind");
}

#[test]
fn signals_that_ask_for_something_end_nobody() {
    let Some(pair) = Pair::new("signals_that_ask_for_something_end_nobody") else { return };
    let (mut a, _b) = pair.elect_a(WAY, Program::Steadfast, Program::Steadfast);
    let worker = worker_of(&pair.a);
    for name in ["HUP", "USR1", "USR2", "INT", "PIPE", "36", "63"] {
        pair.signal_worker_of_a(name);
    }
    for name in ["USR1", "USR2", "PIPE", "36", "63"] {
        a.signal(name);
    }
    let seen = pair.lab.journal.beats(2, |frame| frame.is_advert(&WAY.source(1), 200)).since("signal HUP");
    assert!(a.is_running() && is_alive(&pair.a, &worker) && worker_of(&pair.a) == worker);
    assert!(!seen.frames().any(|frame| frame.is_advert(&WAY.source(1), 0)), "it went on as before\n{seen}");
    assert!(pair.a.has(WAY.vip()));
}

#[test]
fn each_process_has_its_pid_file_and_a_second_copy_is_refused() {
    let Some(pair) = Pair::new("each_process_has_its_pid_file_and_a_second_copy_is_refused") else { return };
    let (a, _b) = pair.elect_a(WAY, Program::Steadfast, Program::Steadfast);
    let (supervisor, worker) = (pair.a.inside("cat /run/keepalived.pid"), worker_of(&pair.a));
    assert!(is_alive(&pair.a, &supervisor) && is_alive(&pair.a, &worker) && supervisor != worker);
    let parent = pair.a.inside(&format!("awk '/^PPid:/ {{ print $2 }}' /proc/{worker}/status"));
    assert_eq!(parent, supervisor);
    let mut second = pair.a.start(Program::Steadfast, &WAY.configuration(1, 250, ""));
    let told = format!("already running: process {supervisor} holds /run/keepalived.pid; stop it, or give");
    eventually("the second copy gives up", || pair.lab.journal.read().said("a", &told));
    while second.is_running() {
        thread::sleep(Duration::from_millis(20));
    }
    let after = (pair.a.inside("cat /run/keepalived.pid"), worker_of(&pair.a));
    assert_eq!(after, (supervisor, worker), "the first copy is undisturbed");
    assert!(a.stop().success());
    let left = pair.a.inside("ls /run/keepalived.pid /run/vrrp.pid");
    assert_eq!(left, "", "the files are gone with the daemon");
}

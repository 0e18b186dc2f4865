// SPDX-License-Identifier: MIT OR Apache-2.0
//! Processes that die or hang: whoever is left keeps the promises in their place.

use std::thread;
use std::time::Duration;

use super::{Pair, V3_SLOW, Way};
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
        seen.frames().any(|frame| frame.is_advert(&WAY.source(2), 100))
    });
    let seen = seen.since("to the worker");
    let farewell = seen.frames().position(|frame| frame.is_advert(&WAY.source(1), 0));
    let successor = seen.frames().position(|frame| frame.is_advert(&WAY.source(2), 100));
    assert!(
        farewell.is_some() && farewell < successor,
        "b heard that a is gone, and did not find out by waiting\n{seen}"
    );
    let gone = seen.holders_over_time(WAY.vip());
    assert!(gone.first().is_some_and(|(_, holders)| !holders.contains("a")), "a's kernel let go first\n{seen}");
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
    eventually("the second copy gives up", || pair.lab.journal.read().said("a", "already running"));
    while second.is_running() {
        thread::sleep(Duration::from_millis(20));
    }
    let after = (pair.a.inside("cat /run/keepalived.pid"), worker_of(&pair.a));
    assert_eq!(after, (supervisor, worker), "the first copy is undisturbed");
    assert!(a.stop().success());
    let left = pair.a.inside("ls /run/keepalived.pid /run/vrrp.pid");
    assert_eq!(left, "", "the files are gone with the daemon");
}

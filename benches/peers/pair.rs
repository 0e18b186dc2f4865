// SPDX-License-Identifier: MIT OR Apache-2.0
//! Two nodes and a client on a segment, once with our daemon and once with theirs.

use std::thread;
use std::time::Duration;

use crate::journal::Reading;
use crate::node::{Daemon, Node, Program};
use crate::probe::Probe;
use crate::topology::{Lab, Segment};

pub const VIP: &str = "10.0.0.100";

/// One virtual router, as both daemons read it.
#[derive(Clone, Copy, Debug)]
pub struct Router {
    pub version: u8,
    /// Of adverts, in milliseconds.
    pub interval: u32,
    /// What else stands in each instance.
    pub more: &'static str,
}

/// Priorities of the two nodes.
pub const FIRST: u8 = 200;
pub const SECOND: u8 = 100;

impl Router {
    pub fn configuration(&self, priority: u8) -> String {
        format!(
            "vrrp_instance A {{\n interface eth0\n version {}\n advert_int {}\n virtual_router_id 1\n priority {priority}\n {}\n \
             virtual_ipaddress {{\n {VIP}/24\n }}\n}}\n",
            self.version,
            f64::from(self.interval) / 1000.0,
            self.more,
        )
    }

    /// How long the second node waits for adverts, in milliseconds.
    pub fn down_time(&self) -> f64 {
        let interval = f64::from(self.interval);
        let skew = f64::from(256 - i32::from(SECOND)) / 256.0 * if self.version == 2 { 1000.0 } else { interval };
        3.0 * interval + skew
    }
}

#[derive(Debug)]
pub struct Pair {
    // Daemons die before their nodes, nodes before the lab.
    pub first: Option<Daemon>,
    pub second: Option<Daemon>,
    pub probe: Probe,
    pub a: Node,
    pub b: Node,
    _client: Node,
    pub segment: Segment,
    pub lab: Lab,
    pub program: Program,
    router: Router,
}

impl Pair {
    pub fn new(program: Program, router: Router) -> Pair {
        let mut lab = Lab::new("the benchmark").expect("a lab, as the first one");
        let segment = lab.segment("lan");
        let a = lab.node_on(&segment, "a", &["10.0.0.1/24"]);
        let b = lab.node_on(&segment, "b", &["10.0.0.2/24"]);
        let client = lab.node_on(&segment, "client", &["10.0.0.9/24"]);
        // What an announcement says counts also for a neighbour that has been given up meanwhile.
        client.run("sysctl -qw net.ipv4.conf.all.arp_accept=1 net.ipv4.conf.eth0.arp_accept=1");
        let probe = Probe::start(&client, VIP);
        let mut pair = Pair { first: None, second: None, probe, a, b, _client: client, segment, lab, program, router };
        pair.start();
        pair
    }

    /// Starts what does not run and waits until the first node is master.
    pub fn start(&mut self) {
        if self.second.is_none() {
            self.second = Some(self.b.start_silent(self.program, &self.router.configuration(SECOND)));
        }
        if self.first.is_none() {
            self.first = Some(self.a.start_silent(self.program, &self.router.configuration(FIRST)));
        }
        self.rest();
    }

    pub fn start_first(&mut self) {
        self.first = Some(self.a.start_silent(self.program, &self.router.configuration(FIRST)));
    }

    /// The first node goes on with this priority.
    pub fn reload_first(&self, priority: u8) {
        self.a.reconfigure(&self.router.configuration(priority));
        self.reload();
    }

    /// The first node goes on with these lines before its others.
    pub fn reload_first_with(&self, before: &str) {
        self.a.reconfigure(&format!("{before}{}", self.router.configuration(FIRST)));
        self.reload();
    }

    fn reload(&self) {
        if let Some(daemon) = &self.first {
            daemon.signal("HUP");
        }
    }

    /// Waits until the first node alone holds the address and the client is answered.
    pub fn rest(&self) {
        self.lab.journal.rests_when("the first node is master", |seen| seen.holds_alone("a", VIP));
        self.lab.journal.beats(2, |frame| frame.is_advert("10.0.0.1", FIRST));
        self.probe.steady(100);
        self.probe.forget();
    }

    pub fn until_second_holds(&self) -> Reading {
        self.lab
            .journal
            .rests_when("the second node is master", |seen| seen.holders(VIP).iter().any(|node| node == "b"))
    }
}

/// Where adverts come as often, a takeover in one lab would be felt in the other.
const APART: u32 = 100;

/// The labs of both sides; each round is played in both at the same time, so that whatever else the machine does falls on
/// both; by turns where adverts come often. What a round took, ours first. For rounds that wait more than they work.
pub fn together<T: Send>(router: Router, rounds: usize, round: impl Fn(&mut Pair, bool) -> T + Sync) -> Vec<[T; 2]> {
    let mut ours = Pair::new(Program::Steadfast, router);
    let mut theirs = Pair::new(Program::Keepalived, router);
    let played = (0..rounds).map(|number| {
        // Another moment between two adverts each time.
        thread::sleep(Duration::from_millis(u64::from(router.interval) * (number as u64 * 37 % 100) / 100));
        if router.interval <= APART {
            if number % 2 == 0 {
                let first = round(&mut ours, true);
                return [first, round(&mut theirs, false)];
            }
            let first = round(&mut theirs, false);
            return [round(&mut ours, true), first];
        }
        thread::scope(|scope| {
            let other = scope.spawn(|| round(&mut theirs, false));
            let took = round(&mut ours, true);
            [took, other.join().expect("their round")]
        })
    });
    played.collect()
}

/// The labs of both sides; rounds are played by turns, so that whatever else the machine does falls on both.
pub fn alternate(router: Router, rounds: usize, mut round: impl FnMut(&mut Pair, bool)) {
    let mut ours = Pair::new(Program::Steadfast, router);
    let mut theirs = Pair::new(Program::Keepalived, router);
    for number in 0..rounds {
        // Another moment between two adverts each time.
        thread::sleep(Duration::from_millis(u64::from(router.interval) * (number as u64 * 37 % 100) / 100));
        if number % 2 == 0 {
            round(&mut ours, true);
            round(&mut theirs, false);
        } else {
            round(&mut theirs, false);
            round(&mut ours, true);
        }
    }
}

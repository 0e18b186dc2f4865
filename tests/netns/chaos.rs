// SPDX-License-Identifier: MIT OR Apache-2.0
//! Three nodes whose processes are killed at random and started again, as an init system would. Whatever happened on the
//! way: at the end exactly one has the addresses, and nothing is left anywhere.
//!
//! `make chaos SECONDS=300 SEED=1` runs it longer, and with a seed of choice.

use std::io::Write;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::capture::Frame;
use crate::journal::{PATIENCE, Reading};
use crate::migrate::holdings;
use crate::node::{Daemon, Node, Program};
use crate::topology::Lab;

/// How long the ordinary suite kills.
const SHORT: Duration = Duration::from_secs(10);
const ADDRESSES: [&str; 4] = ["10.0.0.100", "10.0.0.101", "10.0.0.102", "fd00::100"];
const PRIORITIES: [u8; 3] = [200, 150, 100];

/// A sequence that its seed repeats.
struct Dice(u64);

impl Dice {
    /// A number below `sides`.
    fn roll(&mut self, sides: usize) -> usize {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % sides as u64) as usize
    }
}

/// Whatever an instance can hold: addresses of both families, a route, a rule, a link and a packet filter.
fn configuration(priority: u8) -> String {
    format!(
        "vrrp_instance VI_2 {{\n interface eth0\n use_vmac vmac52\n no_accept\n version 3\n advert_int 0.2\n \
         virtual_router_id 52\n priority {priority}\n virtual_ipaddress {{\n 10.0.0.102\n }}\n}}\n\
         vrrp_instance VI_1 {{\n interface eth0\n version 3\n advert_int 0.2\n virtual_router_id 51\n priority {priority}\n \
         virtual_ipaddress {{\n 10.0.0.100\n 10.0.0.101\n }}\n virtual_ipaddress_excluded {{\n fd00::100\n }}\n \
         virtual_routes {{\n 10.5.0.0/16 via 10.0.0.254 dev eth0 table 100\n }}\n \
         virtual_rules {{\n from 10.5.0.0/16 table 100 priority 50\n }}\n}}\n"
    )
}

/// A node and the service on it.
struct Guest {
    node: Node,
    daemon: Option<Daemon>,
    priority: u8,
}

impl Guest {
    fn is_running(&mut self) -> bool {
        self.daemon.as_mut().is_some_and(Daemon::is_running)
    }

    /// Some init systems sweep up what the service left running, others do not.
    fn restart(&mut self, sweeps: bool) {
        self.daemon = None;
        if sweeps {
            self.node.crash();
        }
        self.daemon = Some(self.node.start(Program::Steadfast, &configuration(self.priority)));
    }

    /// The living processes of the service, in the node's own numbers.
    fn processes(&self) -> Vec<(String, String)> {
        let output = self.node.namespace().command("ps").args(["-eo", "pid=,stat=,comm="]).output().expect("ps runs");
        let all = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut found = Vec::new();
        for line in all.lines() {
            let words: Vec<_> = line.split_whitespace().collect();
            let [pid, state, name, ..] = words.as_slice() else { continue };
            // The namespace's first process does not collect the dead.
            let dead = state.starts_with('Z');
            if !dead && *pid != "1" && !["ps", "sh", "sleep", "nsenter"].contains(name) {
                found.push(((*pid).to_owned(), (*name).to_owned()));
            }
        }
        found
    }

    fn kill_one(&self, lab: &Lab, dice: &mut Dice) {
        let processes = self.processes();
        if processes.is_empty() {
            return;
        }
        let (pid, name) = &processes[dice.roll(processes.len())];
        lab.journal.deed(format!("kill {name} {pid} of {} on {}", processes.len(), self.node.name()));
        // It may have ended by itself meanwhile.
        let _ = self.node.namespace().command("sh").args(["-c", &format!("kill -KILL {pid} 2>/dev/null")]).status();
    }

    /// What is neither an IPv4 address nor a route or rule: links, addresses of IPv6, tables of nftables.
    fn further_holdings(&self) -> (String, String, String) {
        let links = self.node.run("ip -o link show type macvlan");
        let addresses = self.node.run("ip -6 -o addr show scope global");
        let tables = self.node.run("nft list tables");
        (links, addresses, tables)
    }

    /// How often the route and the rule are there.
    fn extras(&self) -> (usize, usize) {
        let count = |question: &str| self.node.run(question).matches("10.5.0.0/16").count();
        (count("ip route show table all"), count("ip rule"))
    }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().filter(|text| !text.is_empty()).map(|text| text.parse().expect("a number"))
}

#[track_caller]
fn comes_true(lab: &Lab, promise: &str, holds: impl Fn() -> Result<(), String>) {
    let start = Instant::now();
    while let Err(why) = holds() {
        assert!(start.elapsed() < PATIENCE, "never came: {promise}: {why}\n{}", lab.journal.read());
        thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn after_random_kills_one_node_has_the_addresses_and_nothing_is_left_over() {
    let test = "after_random_kills_one_node_has_the_addresses_and_nothing_is_left_over";
    let Some(mut lab) = Lab::new(test) else { return };
    let seconds = number("STEADFAST_CHAOS_SECONDS").map_or(SHORT, Duration::from_secs);
    let clock = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64 % 1_000_000);
    let seed = number("STEADFAST_CHAOS_SEED").unwrap_or(clock);
    let line =
        format!("CHAOS: {} s with seed {seed}; `make chaos SECONDS=300 SEED={seed}` for more\n", seconds.as_secs());
    // Not captured by the test runner.
    let _ = std::io::stderr().write_all(line.as_bytes());

    let lan = lab.segment("lan");
    let mut guests: Vec<Guest> = Vec::new();
    for ((name, priority), number) in ["a", "b", "c"].into_iter().zip(PRIORITIES).zip(1..) {
        let node = lab.node_on(&lan, name, &[&format!("10.0.0.{number}/24"), &format!("fd00::{number}/64")]);
        guests.push(Guest { node, daemon: None, priority });
    }
    let found = |guest: &Guest| (holdings(&guest.node), guest.further_holdings());
    let before: Vec<_> = guests.iter().map(found).collect();
    for guest in &mut guests {
        guest.restart(false);
    }
    lab.journal.until("a leads", one_leads);
    kill_and_restart(&lab, &mut guests, &mut Dice(seed), seconds);

    lab.journal.deed("peace");
    let start = Instant::now();
    // An init system keeps looking: the last victims may not have been dead yet when it looked first.
    while !settled(&lab.journal.read()) {
        assert!(start.elapsed() < PATIENCE, "never came: a alone leads\n{}", lab.journal.read());
        for guest in &mut guests {
            if !guest.is_running() {
                guest.restart(false);
            }
        }
        thread::sleep(Duration::from_millis(100));
    }
    comes_true(&lab, "a alone has the route and the rule, once", || {
        let found: Vec<_> = guests.iter().map(Guest::extras).collect();
        if found == [(1, 1), (0, 0), (0, 0)] { Ok(()) } else { Err(format!("routes and rules: {found:?}")) }
    });
    for guest in guests.iter_mut().rev() {
        let stopped = guest.daemon.take().map(Daemon::stop);
        assert!(stopped.is_some_and(|status| status.success()), "{} stops\n{}", guest.node.name(), lab.journal.read());
    }
    comes_true(&lab, "nothing is left anywhere", || {
        let after: Vec<_> = guests.iter().map(found).collect();
        let processes: Vec<_> = guests.iter().map(Guest::processes).collect();
        let clean = after == before && processes.iter().all(Vec::is_empty);
        if clean { Ok(()) } else { Err(format!("{after:#?} instead of {before:#?}; running: {processes:?}")) }
    });
}

fn kill_and_restart(lab: &Lab, guests: &mut [Guest], dice: &mut Dice, seconds: Duration) {
    let start = Instant::now();
    while start.elapsed() < seconds {
        thread::sleep(Duration::from_millis(100 + dice.roll(500) as u64));
        let victim = dice.roll(guests.len());
        guests[victim].kill_one(lab, dice);
        for guest in guests.iter_mut() {
            // Not always at once: others get the time to take over.
            let (soon, sweeps) = (dice.roll(3) > 0, dice.roll(2) == 0);
            if soon && !guest.is_running() {
                guest.restart(sweeps);
            }
        }
    }
}

fn settled(seen: &Reading) -> bool {
    one_leads(&seen.since("peace")) && ADDRESSES.iter().all(|address| seen.holds_alone("a", address))
}

/// The best node is the only one that speaks, for both routers.
fn one_leads(seen: &Reading) -> bool {
    [51, 52].iter().all(|vrid| {
        let of = |frame: &&Frame| frame.advert().is_some_and(|advert| advert.vrid == *vrid);
        let heard: Vec<_> = seen.frames().filter(of).collect();
        heard.len() >= 5 && heard.iter().rev().take(5).all(|frame| frame.is_advert("10.0.0.1", PRIORITIES[0]))
    })
}

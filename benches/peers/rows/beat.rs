// SPDX-License-Identifier: MIT OR Apache-2.0
//! Row 5: how regular adverts are, and what sending and hearing them costs.

use std::collections::BTreeMap;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::figures::{Figures, head, quantile};
use crate::node::{Daemon, Node, Program};
use crate::processes::{self, Cost};
use crate::topology::Lab;

/// Virtual routers of one segment: their numbers are an octet.
const ROUTERS_OF_A_SEGMENT: usize = 250;

#[derive(Clone, Copy)]
struct Load {
    routers: usize,
    /// In milliseconds.
    interval: u32,
    trouble: Trouble,
}

/// What goes on beside the adverts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trouble {
    Nothing,
    /// The master reads its configuration again, each second.
    Reloads,
    /// Somebody adds so many addresses to the master's interface.
    Addresses,
    /// Another program would use both cores alone.
    Busy,
}

const ADDRESSES: usize = 4000;

/// Daemons with many routers go on announcing for a moment after they became master.
const SETTLING: Duration = Duration::from_secs(3);

/// Announced once and no more: otherwise that would go on for five seconds.
const GLOBALS: &str = "global_defs {\n vrrp_garp_master_repeat 1\n vrrp_garp_master_delay 0\n}\n";

const fn calm(routers: usize, interval: u32) -> Load {
    Load { routers, interval, trouble: Trouble::Nothing }
}

const fn troubled(trouble: Trouble) -> Load {
    Load { routers: 100, interval: 100, trouble }
}

impl Load {
    fn name(&self) -> String {
        let trouble = match self.trouble {
            Trouble::Nothing => "",
            Trouble::Reloads => ", a reload each second",
            Trouble::Addresses => ", 4,000 addresses added meanwhile",
            Trouble::Busy => ", both cores loaded",
        };
        format!("{} routers, {} ms{trouble}", self.routers, self.interval)
    }
}

fn configuration(load: &Load, priority: u8) -> String {
    let routers: String = (0..load.routers)
        .map(|number| {
            let (segment, vrid) = (number / ROUTERS_OF_A_SEGMENT, number % ROUTERS_OF_A_SEGMENT + 1);
            format!(
                "vrrp_instance R{number} {{\n interface eth{segment}\n version 3\n advert_int {}\n virtual_router_id {vrid}\n \
                 priority {priority}\n virtual_ipaddress {{\n 10.{segment}.1.{vrid}/16\n }}\n}}\n",
                f64::from(load.interval) / 1000.0
            )
        })
        .collect();
    format!("{GLOBALS}{routers}")
}

struct Side {
    daemons: Vec<Daemon>,
    a: Node,
    b: Node,
    lab: Lab,
}

struct Taken {
    late_half: f64,
    late_99: f64,
    late_most: f64,
    master: Cost,
    backup: Cost,
}

impl Side {
    fn new(program: Program, load: &Load) -> Side {
        let mut lab = Lab::new("the benchmark").expect("a lab, as the first one");
        let (mut a, mut b) = (lab.node("a"), lab.node("b"));
        for segment in 0..load.routers.div_ceil(ROUTERS_OF_A_SEGMENT) {
            let lan = lab.segment(&format!("lan{segment}"));
            lab.connect(&mut a, &lan, &[&format!("10.{segment}.0.1/16")]);
            lab.connect(&mut b, &lan, &[&format!("10.{segment}.0.2/16")]);
        }
        let first = a.start_silent(program, &configuration(load, 200));
        let last = format!(
            "10.{}.1.{}",
            (load.routers - 1) / ROUTERS_OF_A_SEGMENT,
            (load.routers - 1) % ROUTERS_OF_A_SEGMENT + 1
        );
        lab.journal.rests_when("the first node is master", |seen| seen.holds_alone("a", &last));
        let second = b.start_silent(program, &configuration(load, 100));
        thread::sleep(SETTLING);
        Side { daemons: vec![first, second], a, b, lab }
    }

    fn take(&self, load: &Load, time: Duration) -> Taken {
        let (a, b) = (processes::cost(&self.a), processes::cost(&self.b));
        let begun = self.lab.journal.now();
        self.pass(load.trouble, time);
        let (master, backup) = (processes::cost(&self.a).since(a), processes::cost(&self.b).since(b));
        let seen = self.lab.journal.read();
        let mut last: BTreeMap<(String, u8), Duration> = BTreeMap::new();
        let mut off = Vec::new();
        for (at, segment, advert) in seen.adverts_after(begun) {
            if let Some(before) = last.insert((segment.to_owned(), advert.vrid), at) {
                let apart = (at - before).as_secs_f64() * 1000.0;
                off.push((apart - f64::from(load.interval)).abs());
            }
        }
        Taken {
            late_half: quantile(&off, 0.5),
            late_99: quantile(&off, 0.99),
            late_most: quantile(&off, 1.0),
            master,
            backup,
        }
    }
}

impl Side {
    /// Lets the time pass, and what is to go on meanwhile.
    fn pass(&self, trouble: Trouble, time: Duration) {
        let until = Instant::now() + time;
        match trouble {
            Trouble::Nothing => {}
            Trouble::Reloads => {
                while Instant::now() + Duration::from_secs(1) < until {
                    self.daemons[0].signal("HUP");
                    thread::sleep(Duration::from_secs(1));
                }
            }
            Trouble::Addresses => {
                let address = |number: usize| format!("10.0.{}.{}", 100 + number / 250, number % 250 + 1);
                let lines: String =
                    (0..ADDRESSES).map(|number| format!("addr add {}/16 dev eth0\n", address(number))).collect();
                let file = self.a.namespace().path("root/run/batch");
                std::fs::write(&file, lines).expect("a file");
                self.a.run(&format!("ip -batch {file}"));
            }
            Trouble::Busy => {
                let line = format!("timeout {} sh -c 'while :; do :; done'", time.as_secs());
                let spin = || Command::new("sh").args(["-c", &line]).spawn().expect("a shell");
                for mut busy in [spin(), spin()] {
                    let _ = busy.wait();
                }
            }
        }
        thread::sleep(until.saturating_duration_since(Instant::now()));
    }
}

pub fn run(quick: bool) {
    let loads: &[Load] = if quick {
        &[calm(1, 100), calm(1000, 100)]
    } else {
        &[
            calm(1, 1000),
            calm(100, 1000),
            calm(1000, 1000),
            calm(1, 100),
            calm(100, 100),
            calm(1000, 100),
            calm(100, 10),
            troubled(Trouble::Reloads),
            troubled(Trouble::Addresses),
            troubled(Trouble::Busy),
        ]
    };
    let (rounds, time) = if quick { (1, Duration::from_secs(3)) } else { (2, Duration::from_secs(8)) };
    head(rounds);
    for load in loads {
        let name = load.name();
        let minute = 60.0 / time.as_secs_f64();
        let names = ["p50", "p99", "most"];
        let mut off: [Figures; 3] = Default::default();
        let (mut sending, mut hearing, mut memory) = (Figures::default(), Figures::default(), Figures::default());
        // One side at a time: both at once would disturb each other.
        for round in 0..rounds {
            let order = [Program::Steadfast, Program::Keepalived];
            let order = if round % 2 == 0 { order } else { [order[1], order[0]] };
            for program in order {
                let taken = Side::new(program, load).take(load, time);
                let ours = program == Program::Steadfast;
                let put = |figures: &mut Figures, value| {
                    if ours { figures.ours.push(value) } else { figures.theirs.push(value) }
                };
                for (figures, value) in off.iter_mut().zip([taken.late_half, taken.late_99, taken.late_most]) {
                    put(figures, value);
                }
                put(&mut sending, taken.master.cpu * minute);
                put(&mut hearing, taken.backup.cpu * minute);
                put(&mut memory, taken.master.pss / 1024.0);
            }
        }
        for (figures, part) in off.iter().zip(names) {
            figures.line(&format!("{name}: off the interval, {part}"), "ms", "0");
        }
        sending.line(&format!("{name}: CPU of the master"), "s a minute", "-");
        hearing.line(&format!("{name}: CPU of the backup"), "s a minute", "-");
        memory.line(&format!("{name}: memory of the master (PSS)"), "MB", "-");
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Row 4: a router with many addresses takes over and gives back.

use std::time::{Duration, Instant};

use crate::figures::{Figures, head};
use crate::journal::Reading;
use crate::node::{Node, Program};
use crate::topology::{Lab, Segment};

/// The router's own address, which the adverts carry; the others are excluded from them, as their number demands.
fn configuration(priority: u8, count: usize) -> String {
    let mut text = format!(
        "global_defs {{\n vrrp_garp_master_repeat 1\n vrrp_garp_master_delay 0\n}}\nvrrp_instance A {{\n interface eth0\n \
         version 3\n advert_int 0.1\n virtual_router_id 1\n priority {priority}\n virtual_ipaddress {{\n 10.0.0.100/8\n }}\n \
         virtual_ipaddress_excluded {{\n"
    );
    for number in 1..count {
        text.push_str(&format!("  {}/8\n", address(number)));
    }
    text.push_str(" }\n}\n");
    text
}

fn address(number: usize) -> String {
    format!("10.1.{}.{}", number / 250, number % 250 + 1)
}

struct Side {
    a: Node,
    _b: Node,
    _daemons: Vec<crate::node::Daemon>,
    segment: Segment,
    lab: Lab,
    count: usize,
}

/// What a takeover took, in milliseconds from the first advert of the new master.
struct Took {
    first_held: f64,
    last_held: f64,
    last_announced: f64,
}

impl Side {
    fn new(program: Program, count: usize) -> Side {
        let mut lab = Lab::new("the benchmark").expect("a lab, as the first one");
        let segment = lab.segment("lan");
        let a = lab.node_on(&segment, "a", &["10.0.0.1/8"]);
        let b = lab.node_on(&segment, "b", &["10.0.0.2/8"]);
        let daemons = vec![
            b.start_silent(program, &configuration(100, count)),
            a.start_silent(program, &configuration(200, count)),
        ];
        let side = Side { a, _b: b, _daemons: daemons, segment, lab, count };
        side.rest();
        side
    }

    fn rest(&self) {
        let count = self.count;
        self.lab.journal.rests_when("the first node holds everything", |seen| {
            seen.held_by("a") >= count && seen.held_by("b") <= 1 && seen.holds_alone("a", "10.0.0.100")
        });
        self.lab.journal.beats(5, |frame| frame.is_advert("10.0.0.1", 200));
    }

    fn take_over(&self) -> Took {
        let begun = self.lab.journal.now();
        self.lab.cut(&self.a, &self.segment);
        let count = self.count;
        let seen = self.lab.journal.rests_when("the second node holds everything", |seen| {
            seen.held_by("b") >= count && seen.announced_since(begun) >= count
        });
        let took = times(&seen, begun);
        self.lab.heal(&self.a, &self.segment);
        self.rest();
        took
    }
}

fn times(seen: &Reading, begun: Duration) -> Took {
    let decided = seen.first_advert_after(begun, "10.0.0.2").unwrap_or(begun);
    let since = |at: Option<Duration>| at.map_or(f64::NAN, |at| at.saturating_sub(decided).as_secs_f64() * 1000.0);
    let held = seen.gained_after(begun, "b");
    Took {
        first_held: since(held.first().copied()),
        last_held: since(held.last().copied()),
        last_announced: since(seen.announcements_after(begun).last().copied()),
    }
}

/// The kernel's own limit: the same addresses in one batch of `ip`.
fn bare_add(count: usize) -> f64 {
    let mut lab = Lab::new("the benchmark").expect("a lab, as the first one");
    let segment = lab.segment("lan");
    let node = lab.node_on(&segment, "bare", &["10.0.0.1/8"]);
    let lines: String = (0..count).map(|number| format!("addr add {}/8 dev eth0\n", address(number))).collect();
    let file = node.namespace().path("root/run/batch");
    std::fs::write(&file, lines).expect("a file");
    let begun = Instant::now();
    node.run(&format!("ip -batch {file}"));
    begun.elapsed().as_secs_f64() * 1000.0
}

pub fn run(quick: bool) {
    let counts: &[usize] = if quick { &[1, 1000] } else { &[1, 100, 1000, 4000] };
    let rounds = if quick { 1 } else { 5 };
    head(rounds);
    for count in counts {
        let (ours, theirs) = (Side::new(Program::Steadfast, *count), Side::new(Program::Keepalived, *count));
        let (mut first, mut last, mut announced) = (Figures::default(), Figures::default(), Figures::default());
        for round in 0..rounds {
            let order =
                if round % 2 == 0 { [(&ours, true), (&theirs, false)] } else { [(&theirs, false), (&ours, true)] };
            for (side, is_ours) in order {
                let took = side.take_over();
                let put = |figures: &mut Figures, value| {
                    if is_ours { figures.ours.push(value) } else { figures.theirs.push(value) }
                };
                put(&mut first, took.first_held);
                put(&mut last, took.last_held);
                put(&mut announced, took.last_announced);
            }
        }
        drop((ours, theirs));
        let bare = format!("{:.2} (`ip -batch`)", bare_add(*count));
        first.line(&format!("{count} addresses: first advert to first address"), "ms", "0");
        last.line(&format!("{count} addresses: to the last address"), "ms", &bare);
        announced.line(&format!("{count} addresses: to the last announcement"), "ms", "-");
    }
}

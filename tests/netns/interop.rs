// SPDX-License-Identifier: MIT OR Apache-2.0
//! Our daemon beside another implementation of the protocol: every combination of what a pair can be told, in both roles.
//!
//! The ordinary suite runs rows that cover every pair of settings. `make interop` runs all of them, prints the table and
//! writes it to `docs/interop.md`.

mod frr;
mod table;

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};
use std::thread;

use crate::journal::Reading;
use crate::node::{Daemon, Node, Program};
use crate::topology::{Lab, Segment};

/// Daemons mostly wait, so rows overlap far beyond the number of processors.
const ROWS_AT_ONCE: usize = 12;
/// More than a backup waits before it takes over, counted in adverts: a node that would move has moved.
const STEADY: usize = 5;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Authentication {
    None,
    Pass,
    Ah,
}

/// One combination. The leader has priority 200, the follower 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Row {
    version: u8,
    ipv6: bool,
    unicast: bool,
    authentication: Authentication,
    nopreempt: bool,
    group: bool,
    we_lead: bool,
}

/// What came of a row: the steps that were made, and what went wrong in the last of them.
#[derive(Debug)]
struct Outcome {
    steps: Vec<&'static str>,
    failure: Option<String>,
}

impl Row {
    /// Every combination that the protocol has: passwords and AH are of version 2 over IPv4.
    fn all() -> Vec<Row> {
        let mut rows = Vec::new();
        let protocols = [
            (2, false, Authentication::None),
            (2, false, Authentication::Pass),
            (2, false, Authentication::Ah),
            (2, true, Authentication::None),
            (3, false, Authentication::None),
            (3, true, Authentication::None),
        ];
        for (version, ipv6, authentication) in protocols {
            for bits in 0..16 {
                let bit = |number: u8| bits >> number & 1 == 1;
                let (unicast, nopreempt, group, we_lead) = (bit(3), bit(2), bit(1), !bit(0));
                rows.push(Row { version, ipv6, unicast, authentication, nopreempt, group, we_lead });
            }
        }
        rows
    }

    /// Rows in which every pair of values occurs that occurs anywhere: each time the one with most pairs not seen yet.
    fn pairwise() -> Vec<Row> {
        let all = Row::all();
        let mut wanted: Vec<Pair> = all.iter().flat_map(|row| row.pairs()).collect();
        let mut chosen = Vec::new();
        while !wanted.is_empty() {
            let gain = |row: &Row| row.pairs().iter().filter(|pair| wanted.contains(pair)).count();
            // The first of equals, so that the choice is the same everywhere.
            let best = *all.iter().rev().max_by_key(|row| gain(row)).expect("there are rows");
            wanted.retain(|pair| !best.pairs().contains(pair));
            chosen.push(best);
        }
        chosen
    }

    fn pairs(self) -> Vec<Pair> {
        let values = [
            self.version,
            self.ipv6.into(),
            self.unicast.into(),
            self.authentication as u8,
            self.nopreempt.into(),
            self.group.into(),
            self.we_lead.into(),
        ];
        let mut pairs = Vec::new();
        for (first, one) in values.iter().enumerate() {
            for (second, other) in values.iter().enumerate().skip(first + 1) {
                pairs.push((first, *one, second, *other));
            }
        }
        pairs
    }

    fn members(self) -> u8 {
        if self.group { 2 } else { 1 }
    }

    fn addresses(self, member: u8) -> Vec<String> {
        if self.ipv6 {
            vec![format!("fe80::{member}:100"), format!("fd00:{member}::100")]
        } else {
            vec![format!("10.{member}.0.100")]
        }
    }

    /// All addresses of all members.
    fn all_addresses(self) -> Vec<String> {
        (1..=self.members()).flat_map(|member| self.addresses(member)).collect()
    }

    /// The address that adverts of a node leave with.
    fn source(self, member: u8, node: u8) -> String {
        match (self.ipv6, self.unicast) {
            (false, _) => format!("10.{member}.0.{node}"),
            (true, false) => format!("fe80::ff:fe00:{member}0{node}"),
            (true, true) => format!("fd00:{member}::{node}"),
        }
    }

    /// Once a second where a stall of the machine must not look like a dead master, and where nothing else can be said.
    fn interval(self) -> &'static str {
        if self.version == 3 && !self.nopreempt { "0.2" } else { "1" }
    }

    fn configuration(self, node: u8) -> String {
        let members: String = (1..=self.members()).map(|member| self.instance(node, member)).collect();
        if self.group { members + "vrrp_sync_group G {\n group {\n VI_1\n VI_2\n }\n}\n" } else { members }
    }

    fn instance(self, node: u8, member: u8) -> String {
        let Row { version, unicast, nopreempt, .. } = self;
        let mut more = String::new();
        if nopreempt {
            more += " nopreempt\n";
        }
        if unicast {
            let (own, peer) = (self.source(member, node), self.source(member, 3 - node));
            more += &format!(" unicast_src_ip {own}\n unicast_peer {{\n {peer}\n }}\n");
        }
        more += match self.authentication {
            Authentication::None => "",
            Authentication::Pass => " authentication {\n auth_type PASS\n auth_pass secret\n }\n",
            Authentication::Ah => " authentication {\n auth_type AH\n auth_pass secret\n }\n",
        };
        let addresses = self.addresses(member).join("\n ");
        format!(
            "vrrp_instance VI_{member} {{\n interface eth{}\n version {version}\n advert_int {}\n virtual_router_id {}\n \
             priority {}\n{more} virtual_ipaddress {{\n {addresses}\n }}\n}}\n",
            member - 1,
            self.interval(),
            50 + member,
            priority(node),
        )
    }
}

/// Two settings with their values: the place and the value of each.
type Pair = (usize, u8, usize, u8);

fn priority(node: u8) -> u8 {
    if node == 1 { 200 } else { 100 }
}

/// A row's world: `a` has priority 200, `b` 100.
struct Stage<'a> {
    row: Row,
    lab: Lab,
    segments: Vec<Segment>,
    nodes: [Node; 2],
    steps: &'a Mutex<Vec<&'static str>>,
}

const A: usize = 0;
const B: usize = 1;

impl<'a> Stage<'a> {
    fn new(test: &str, row: Row, steps: &'a Mutex<Vec<&'static str>>) -> Option<Stage<'a>> {
        let mut lab = Lab::new(test)?;
        let segments: Vec<_> = (1..=row.members()).map(|member| lab.segment(&format!("lan{member}"))).collect();
        let mut nodes = ["a", "b"].map(|name| lab.node(name));
        for (number, node) in nodes.iter_mut().enumerate().map(|(at, node)| (at + 1, node)) {
            for (member, segment) in segments.iter().enumerate().map(|(at, segment)| (at + 1, segment)) {
                let addresses = [format!("10.{member}.0.{number}/24"), format!("fd00:{member}::{number}/64")];
                lab.connect(node, segment, &addresses.each_ref().map(String::as_str));
            }
        }
        Some(Stage { row, lab, segments, nodes, steps })
    }

    fn step(&self, what: &'static str) {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner).push(what);
        self.lab.journal.deed(what);
    }

    fn start(&self, node: usize) -> Daemon {
        let program = if (node == A) == self.row.we_lead { Program::Steadfast } else { Program::Keepalived };
        self.nodes[node].start(program, &self.row.configuration(node as u8 + 1))
    }

    /// Starts a node that another master is there for: it listens first.
    #[track_caller]
    fn join(&self, node: usize) -> Daemon {
        let daemon = self.start(node);
        self.listens(node);
        daemon
    }

    #[track_caller]
    fn listens(&self, node: usize) {
        let name = self.nodes[node].name();
        let step = self.last_step();
        let promise = format!("{name} listens");
        self.lab.journal.until(&promise, |seen| seen.since(step).said(name, "Entering BACKUP STATE"));
    }

    fn last_step(&self) -> &'static str {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner).last().copied().unwrap_or_default()
    }

    /// Waits until all agree that this node is the only master: it alone has every address, and it alone has spoken
    /// for `beats` adverts of each virtual router.
    #[track_caller]
    fn settles_on(&self, node: usize, beats: usize) {
        let name = self.nodes[node].name();
        let agreed = |seen: &Reading| {
            let alone = self.row.all_addresses().iter().all(|address| seen.holds_alone(name, address));
            alone && (1..=self.row.members()).all(|member| self.speaks_alone(seen, member, node as u8 + 1, beats))
        };
        self.lab.journal.until(&format!("{name} alone is master: {}", self.last_step()), agreed);
    }

    fn speaks_alone(&self, seen: &Reading, member: u8, node: u8, beats: usize) -> bool {
        let since = seen.since(self.last_step());
        let heard: Vec<_> = since
            .frames()
            .filter(|frame| frame.advert().is_some_and(|advert| advert.vrid == 50 + member))
            .map(|frame| frame.is_advert(&self.row.source(member, node), priority(node)))
            .collect();
        heard.len() >= beats && heard.iter().rev().take(beats).all(|from_it| *from_it)
    }

    /// Stops a master: it says goodbye for every virtual router and keeps nothing.
    #[track_caller]
    fn stop(&self, daemon: Daemon, node: usize) {
        assert!(daemon.stop().success(), "{} stops", self.nodes[node].name());
        for member in 1..=self.row.members() {
            let source = self.row.source(member, node as u8 + 1);
            self.lab.journal.until(&format!("{source} says goodbye"), |seen| {
                seen.since(self.last_step()).frames().any(|frame| frame.is_advert(&source, 0))
            });
        }
        for address in self.row.all_addresses() {
            assert!(!self.nodes[node].has(&address), "{address} is left behind on {}", self.nodes[node].name());
        }
    }

    /// One interface is enough: a group leaves with its first member.
    fn unplug(&self, node: usize) {
        self.lab.unplug(&self.nodes[node], &self.segments[0]);
    }

    fn plug(&self, node: usize) {
        self.lab.plug(&self.nodes[node], &self.segments[0]);
    }

    /// Who is better leads whenever it is there.
    fn play_preempt(&self) {
        self.step("election");
        let b = self.start(B);
        let a = self.start(A);
        self.settles_on(A, 3);
        self.step("stop");
        self.stop(a, A);
        self.settles_on(B, 3);
        self.step("return");
        let a = self.join(A);
        self.settles_on(A, 3);
        self.step("link loss");
        self.unplug(A);
        self.settles_on(B, 3);
        self.step("link back");
        self.plug(A);
        self.settles_on(A, 3);
        self.step("follower leaves");
        assert!(b.stop().success());
        self.settles_on(A, 3);
        self.step("follower joins");
        let b = self.join(B);
        self.settles_on(A, STEADY);
        self.step("end");
        self.stop(a, A);
        self.settles_on(B, 1);
        self.stop(b, B);
    }

    /// Who leads goes on leading.
    fn play_nopreempt(&self) {
        self.step("election");
        let b = self.start(B);
        self.settles_on(B, 1);
        self.step("better joins");
        let a = self.join(A);
        self.settles_on(B, STEADY);
        self.step("stop");
        self.stop(b, B);
        self.settles_on(A, 3);
        self.step("return");
        let b = self.join(B);
        self.settles_on(A, 3);
        self.step("link loss");
        self.unplug(A);
        self.settles_on(B, 3);
        self.step("link back");
        self.plug(A);
        self.listens(A);
        self.settles_on(B, STEADY);
        self.step("stop again");
        self.stop(b, B);
        self.settles_on(A, 3);
        self.step("return again");
        let b = self.join(B);
        self.step("end");
        self.stop(a, A);
        self.settles_on(B, 1);
        self.stop(b, B);
    }
}

/// Plays one row; what a check finds wrong becomes its outcome.
fn play(row: Row) -> Option<Outcome> {
    outcome(|steps| {
        let stage = Stage::new(&format!("interop {row:?}"), row, steps)?;
        if row.nopreempt {
            stage.play_nopreempt()
        } else {
            stage.play_preempt()
        }
        Some(())
    })
}

/// `None` where no lab can be made.
fn outcome(scenario: impl Fn(&Mutex<Vec<&'static str>>) -> Option<()>) -> Option<Outcome> {
    let steps = Mutex::new(Vec::new());
    let played = catch_unwind(AssertUnwindSafe(|| scenario(&steps)));
    let steps = steps.into_inner().unwrap_or_else(PoisonError::into_inner);
    match played {
        Ok(done) => done.map(|()| Outcome { steps, failure: None }),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without words");
            // The journal follows in the panic's own output.
            let failure = text.lines().next().unwrap_or_default().to_owned();
            Some(Outcome { steps, failure: Some(failure) })
        }
    }
}

/// Plays rows side by side and returns their outcomes in order, as far as labs can be made.
fn play_all<R: Copy + Send + Sync>(rows: &[R], play: impl Fn(R) -> Option<Outcome> + Sync) -> Vec<(R, Outcome)> {
    let next = Mutex::new(rows.iter().copied().enumerate());
    let done = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..ROWS_AT_ONCE.min(rows.len()) {
            scope.spawn(|| {
                loop {
                    let taken = next.lock().unwrap_or_else(PoisonError::into_inner).next();
                    let Some((at, row)) = taken else { break };
                    let Some(outcome) = play(row) else { break };
                    done.lock().unwrap_or_else(PoisonError::into_inner).push((at, row, outcome));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(at, _, _)| *at);
    done.into_iter().map(|(_, row, outcome)| (row, outcome)).collect()
}

/// A line that the test runner does not capture.
fn loudly(line: &str) {
    let _ = std::io::stderr().write_all(format!("{line}\n").as_bytes());
}

fn all_is_asked_for() -> bool {
    std::env::var_os("STEADFAST_INTEROP").is_some()
}

#[test]
fn the_chosen_rows_hold_every_pair_of_settings() {
    let chosen: Vec<Pair> = Row::pairwise().into_iter().flat_map(Row::pairs).collect();
    assert!(Row::all().into_iter().flat_map(Row::pairs).all(|pair| chosen.contains(&pair)));
    assert!(Row::pairwise().len() <= 12, "{}", Row::pairwise().len());
}

#[test]
fn we_and_keepalived_agree_whatever_a_pair_is_told() {
    let (all, asked) = (Row::all(), all_is_asked_for());
    let rows = if asked { all.clone() } else { Row::pairwise() };
    let outcomes = play_all(&rows, play);
    if !asked && !outcomes.is_empty() {
        loudly(&format!("INTEROP: {} of {} combinations; `make interop` runs all", outcomes.len(), all.len()));
    }
    table::keep("keepalived", &table::keepalived(&outcomes), asked);
    table::judge(&outcomes);
}

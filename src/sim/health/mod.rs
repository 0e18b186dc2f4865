// SPDX-License-Identifier: MIT OR Apache-2.0
//! A simulated world of load balancing: the daemon's own engine, servers that fail, lie, hang and return, a kernel that
//! is slow, refuses and is meddled with, reloads in the middle, and a judge who watches what was promised.
//!
//! [`swarm::draw`] makes a [`Layout`] of a seed, [`World::run`] plays it: first anything may happen, then everything is
//! definite and must come to rest, then nothing may happen any more, and then the daemon stops.

mod judge;
mod kernel;
pub mod layout;
mod rest;
pub mod shrink;
pub mod swarm;

#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::hash::{Hash, Hasher};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use super::random::Random;
use crate::proto::health::{
    AtStop, Change, Changes, CheckerId, Content, Effect, Engine, Event, How, Input, Key, Manner, Order, Protocol,
    Setup, Spec, Ticket, Verb, Verdict, Weight,
};
use crate::proto::{Instant, Machine};
use judge::Judge;
pub use judge::{Promise, Violation};
use kernel::Kernel;
use layout::{Act, Health, Layout, Mood};

/// How many events one world may take.
pub const EVENTS_MAX: u64 = 3_000_000;

/// How long nothing may happen once everything has come to rest.
const CALM: Duration = Duration::from_secs(120);

/// How long the daemon may take to stop.
const STOP_MAX: Duration = Duration::from_secs(30);

/// The longest until somebody notices that the table was changed.
const NOTICE_MAX: Duration = Duration::from_secs(3);

mod stream {
    pub(super) const ANSWERS: u64 = 101;
    pub(super) const KERNEL: u64 = 102;
    pub(super) const TURNS: u64 = 103;
    pub(super) const ENGINE: u64 = 104;
}

#[derive(Clone, Debug)]
enum Happening {
    Step(usize),
    Answer(CheckerId, Verdict),
    Settle,
    Notice,
    /// Everything must be at rest.
    Rest,
    Stop,
    End,
}

#[derive(Debug)]
struct Queued {
    at: Instant,
    number: u64,
    what: Happening,
}

impl PartialEq for Queued {
    fn eq(&self, other: &Queued) -> bool {
        (self.at, self.number) == (other.at, other.number)
    }
}

impl Eq for Queued {}

impl PartialOrd for Queued {
    fn partial_cmp(&self, other: &Queued) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Queued {
    fn cmp(&self, other: &Queued) -> std::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    pub violation: Option<Violation>,
    pub events: u64,
    /// Of every effect and when it was.
    pub fingerprint: u64,
    pub timeline: Vec<String>,
    pub seen: BTreeSet<&'static str>,
}

/// A world while it runs.
#[derive(Debug)]
pub struct World<'l> {
    layout: &'l Layout,
    engine: Engine,
    now: Instant,
    queue: BinaryHeap<Reverse<Queued>>,
    number: u64,
    /// For which deadline a turn is planned, and when.
    turn: Option<(Instant, Instant)>,
    kernel: Kernel,
    setup: Setup,
    truth: BTreeMap<CheckerId, Health>,
    says: BTreeMap<CheckerId, Weight>,
    orders: BTreeMap<Order, Verb>,
    stalled_until: Instant,
    answers: Random,
    turns: Random,
    judge: Judge,
    fingerprint: DefaultHasher,
    timeline: Option<Vec<String>>,
    seen: BTreeSet<&'static str>,
}

/// A service of somebody else's.
fn foreign() -> Key {
    Key::Address { protocol: Protocol::Udp, ip: IpAddr::V4(Ipv4Addr::new(203, 0, 113, 1)), port: 53 }
}

impl World<'_> {
    /// Plays a layout to its end, or to the first broken promise.
    pub fn run(layout: &Layout, tells: bool) -> Outcome {
        let mut world = World {
            layout,
            engine: Engine::new(layout.seed ^ stream::ENGINE),
            now: Instant::from_nanos(1_000_000_000),
            queue: BinaryHeap::new(),
            number: 0,
            turn: None,
            kernel: Kernel::new(layout.settle, Random::stream(layout.seed, stream::KERNEL)),
            setup: Setup::default(),
            truth: BTreeMap::new(),
            says: BTreeMap::new(),
            orders: BTreeMap::new(),
            stalled_until: Instant::ZERO,
            answers: Random::stream(layout.seed, stream::ANSWERS),
            turns: Random::stream(layout.seed, stream::TURNS),
            judge: Judge::new(layout),
            fingerprint: DefaultHasher::new(),
            timeline: tells.then(Vec::new),
            seen: BTreeSet::new(),
        };
        let begun = world.now;
        let spec = std::sync::Arc::new(Spec { scheduler: "rr", flags: 0, persistence: None });
        world.kernel.table.insert(foreign(), Content { spec, destinations: Vec::new() });
        for (at, step) in layout.steps.iter().enumerate() {
            world.push(begun + step.at, Happening::Step(at));
        }
        let rest = begun + layout.rests_at + rest::bound(layout);
        world.push(rest, Happening::Rest);
        world.push(rest + CALM, Happening::Stop);
        world.reload(layout.setups.first().cloned().unwrap_or_default());
        let events = world.play();
        Outcome {
            violation: world.judge.violation.take(),
            events,
            fingerprint: world.fingerprint.finish(),
            timeline: world.timeline.take().unwrap_or_default(),
            seen: world.seen,
        }
    }

    fn push(&mut self, at: Instant, what: Happening) {
        self.number += 1;
        self.queue.push(Reverse(Queued { at, number: self.number, what }));
    }

    fn play(&mut self) -> u64 {
        let mut events = 0;
        while self.judge.violation.is_none() {
            events += 1;
            if events > EVENTS_MAX {
                self.judge.break_promise(self.now, Promise::Bounded, "the world does not come to its end".to_owned());
                break;
            }
            self.plan_turn();
            let turn = self.turn.map(|(_, when)| when);
            let next = self.queue.peek().map(|Reverse(queued)| queued.at);
            match (next, turn) {
                (Some(at), Some(when)) if when < at => self.take_turn(when),
                (Some(_), _) => {
                    let Some(Reverse(queued)) = self.queue.pop() else { break };
                    self.now = self.now.max(queued.at);
                    if matches!(queued.what, Happening::End) {
                        break;
                    }
                    self.happen(queued.what);
                }
                (None, Some(when)) => self.take_turn(when),
                (None, None) => break,
            }
            self.judge.look(self.now, &self.engine, &self.setup, self.layout);
        }
        events
    }

    /// Decides when the daemon's loop comes round for the next deadline.
    fn plan_turn(&mut self) {
        let Some(at) = self.engine.deadline().map(|deadline| deadline.at) else {
            self.turn = None;
            return;
        };
        if self.turn.is_none_or(|(planned, _)| planned != at) {
            let late = self.turns.time(Duration::ZERO, self.layout.late);
            self.turn = Some((at, at.max(self.now) + late));
        }
        if let Some((_, when)) = &mut self.turn {
            *when = (*when).max(self.stalled_until);
        }
    }

    fn take_turn(&mut self, when: Instant) {
        self.now = self.now.max(when);
        self.turn = None;
        let mut out = Vec::new();
        self.engine.expire(self.now, &mut out);
        self.carry_out(out);
    }

    fn happen(&mut self, what: Happening) {
        let reaches_daemon = match &what {
            Happening::Answer(..) | Happening::Settle | Happening::Notice | Happening::Stop | Happening::Rest => true,
            Happening::Step(at) => self.layout.steps.get(*at).is_some_and(|step| match step.act {
                Act::Reload(_) | Act::Asks(_) | Act::Present(..) => true,
                Act::Becomes(..) | Act::Says(..) | Act::Kernel(_) | Act::Meddles(_) | Act::Stalls(_) => false,
            }),
            Happening::End => false,
        };
        if reaches_daemon && self.now < self.stalled_until {
            self.push(self.stalled_until, what);
            return;
        }
        match what {
            Happening::Step(at) => {
                if let Some(step) = self.layout.steps.get(at) {
                    self.act(&step.act);
                }
            }
            Happening::Answer(checker, verdict) => {
                self.judge.answered(self.now, checker, verdict, &self.engine, &self.setup);
                self.input(Input::Probed(checker, verdict));
            }
            Happening::Settle => {
                if let Some((ticket, outcome)) = self.kernel.work() {
                    self.input(Input::Settled(ticket, outcome));
                }
            }
            Happening::Notice => self.input(Input::Drifted),
            Happening::Rest => {
                rest::check(self);
                self.judge.calm = true;
                self.seen.insert("rest");
            }
            Happening::Stop => self.stop(),
            Happening::End => {}
        }
    }

    fn stop(&mut self) {
        self.judge.calm = false;
        self.judge.stopping = true;
        self.note("the daemon is told to stop".to_owned());
        let ours: Vec<Key> = self.kernel.table.keys().copied().filter(|key| *key != foreign()).collect();
        self.input(Input::Stop);
        let until = self.now + STOP_MAX;
        while !self.engine.is_finished() && self.queue.peek().is_some_and(|Reverse(queued)| queued.at <= until) {
            let Some(Reverse(queued)) = self.queue.pop() else { break };
            self.now = self.now.max(queued.at);
            if matches!(queued.what, Happening::Settle) {
                self.happen(queued.what);
            }
        }
        let left: Vec<Key> = self.kernel.table.keys().copied().filter(|key| *key != foreign()).collect();
        let (expected, gone) = match self.setup.globals.at_stop {
            AtStop::Remove | AtStop::RemoveServices => (Vec::new(), self.setup.globals.flush_at_start),
            AtStop::Flush => (Vec::new(), true),
            AtStop::Keep => (ours, self.setup.globals.flush_at_start),
        };
        if !self.engine.is_finished() {
            self.judge.break_promise(self.now, Promise::Stop, "the daemon does not stop".to_owned());
        } else if left != expected {
            let text = format!("after the stop the table has {left:?}, not {expected:?}");
            self.judge.break_promise(self.now, Promise::Stop, text);
        } else if !gone && !self.kernel.table.contains_key(&foreign()) && !self.kernel_was_gone() {
            self.judge.break_promise(self.now, Promise::Stop, "an entry of somebody else is gone".to_owned());
        }
        self.push(self.now, Happening::End);
    }

    fn kernel_was_gone(&self) -> bool {
        self.layout.steps.iter().any(|step| step.act == Act::Kernel(Mood::Gone))
            || self.layout.setups.iter().any(|setup| setup.globals.flush_at_start)
    }

    fn act(&mut self, act: &Act) {
        self.note(act.to_string());
        match act {
            Act::Becomes(checker, health) => {
                self.truth.insert(*checker, *health);
                self.judge.becomes(self.now.max(self.stalled_until), *checker, *health, &self.setup);
                self.read(*checker);
            }
            Act::Says(checker, weight) => {
                match weight {
                    Some(weight) => self.says.insert(*checker, *weight),
                    None => self.says.remove(checker),
                };
                self.read(*checker);
            }
            Act::Present(address, there) => {
                self.input(Input::Present(*address, *there));
                self.judge.disturbed(self.now);
            }
            Act::Reload(usize::MAX) => self.reload_the_same(),
            Act::Reload(at) => {
                if let Some(setup) = self.layout.setups.get(*at) {
                    self.reload(setup.clone());
                }
            }
            Act::Kernel(mood) => {
                let emptied = self.kernel.mood == Mood::Gone || *mood == Mood::Gone;
                self.kernel.turn(mood.clone());
                if emptied {
                    self.notice();
                }
            }
            Act::Meddles(choice) => {
                if self.kernel.mood == Mood::Works {
                    self.kernel.meddle(*choice, foreign());
                    self.notice();
                    self.seen.insert("meddling");
                }
            }
            Act::Asks(verb) => {
                self.number += 1;
                let order = Order(self.number);
                self.orders.insert(order, verb.clone());
                self.input(Input::Operator(order, verb.clone()));
            }
            Act::Stalls(time) => {
                self.stalled_until = self.stalled_until.max(self.now + *time);
                self.judge.disturbed(self.stalled_until);
            }
        }
    }

    /// Whoever watches the table will see that it was changed.
    fn notice(&mut self) {
        let wait = self.turns.time(Duration::ZERO, NOTICE_MAX);
        self.push(self.now + wait, Happening::Notice);
    }

    /// A checker that is told hears at once what there is to hear.
    fn read(&mut self, checker: CheckerId) {
        if self.setup.checkers.get(&checker).is_some_and(|params| params.how == How::Told) {
            let verdict = self.verdict(checker, 0);
            self.judge.told(checker, verdict);
            self.input(Input::Reading(checker, verdict));
        }
    }

    fn verdict(&mut self, checker: CheckerId, page: u16) -> Verdict {
        let good = Verdict::Good(self.says.get(&checker).copied());
        match self.truth.get(&checker).copied().unwrap_or_default() {
            Health::Well => good,
            Health::Refuses | Health::Hangs => Verdict::Bad,
            Health::BadPage(bad) if bad == page => Verdict::Bad,
            Health::BadPage(_) => good,
            Health::Lies if self.answers.one_in(2) => Verdict::Bad,
            Health::Lies => good,
            Health::Short => Verdict::NotChecked,
        }
    }

    fn reload_the_same(&mut self) {
        let before = self.engine.clone();
        let mut out = Vec::new();
        let changes = Changes::between(&self.setup, &self.setup.clone());
        self.engine.handle(self.now, Input::Reconfigure(changes), &mut out);
        if !out.is_empty() || self.engine != before {
            let text = format!("a reload that changes nothing does something: {out:?}");
            self.judge.break_promise(self.now, Promise::Reload, text);
        }
    }

    fn reload(&mut self, setup: Setup) {
        let mut changes = Changes::between(&self.setup, &setup);
        let told = changes.checkers.iter().filter_map(|(id, change)| match change {
            Change::Set(params) if params.how == How::Told => Some(*id),
            Change::Set(_) | Change::Removed => None,
        });
        for id in told.collect::<Vec<_>>() {
            let verdict = self.verdict(id, 0);
            changes.readings.insert(id, verdict);
        }
        self.judge.reloaded(self.now, &self.setup, &setup, &changes, &self.truth);
        self.setup = setup;
        self.seen.insert("reload");
        self.input(Input::Reconfigure(changes));
    }

    fn input(&mut self, input: Input) {
        let mut out = Vec::new();
        self.engine.handle(self.now, input, &mut out);
        self.carry_out(out);
    }

    fn carry_out(&mut self, effects: Vec<Effect>) {
        self.judge.counts(self.now, &effects, &self.setup);
        for effect in effects {
            (self.now, &effect).hash(&mut self.fingerprint);
            match effect {
                Effect::Probe(checker, page) => self.probe(checker, page),
                Effect::Balance(ticket, wanted) => {
                    let at = self.kernel.take(self.now, ticket, wanted);
                    self.push(at, Happening::Settle);
                }
                Effect::Flush(ticket) => self.flush(ticket),
                Effect::Report(event) => self.told(&event),
            }
        }
    }

    fn flush(&mut self, ticket: Ticket) {
        let at = self.kernel.take_flush(self.now, ticket);
        self.push(at, Happening::Settle);
    }

    fn probe(&mut self, checker: CheckerId, page: u16) {
        self.judge.asked(self.now, checker, page, &self.setup);
        let health = self.truth.get(&checker).copied().unwrap_or_default();
        let verdict = self.verdict(checker, page);
        let quick = self.answers.time(Duration::from_micros(100), self.layout.timeout / 4);
        let takes = match health {
            Health::Hangs => self.layout.timeout,
            Health::Lies if self.answers.one_in(2) => self.layout.timeout,
            Health::Well | Health::Refuses | Health::BadPage(_) | Health::Lies | Health::Short => quick,
        };
        self.push(self.now + takes, Happening::Answer(checker, verdict));
    }

    fn told(&mut self, event: &Event) {
        self.note(format!("{event:?}"));
        self.seen.insert(match event {
            Event::Server { up: true, .. } => "server up",
            Event::Server { up: false, .. } => "server down",
            Event::Quorum { up: true, .. } => "quorum gained",
            Event::Quorum { up: false, .. } => "quorum lost",
            Event::Sorry { .. } => "sorry server",
            Event::Suspended { .. } => "suspended",
            Event::TableRefused { .. } => "table refused",
            Event::TableUnavailable => "no table",
            Event::TableSettled => "table settled",
            Event::NotChecked { .. } => "not checked",
            Event::Answered { .. } => "operator",
            Event::WishOver { .. } => "wish over",
            Event::Checker { .. }
            | Event::CheckFailed { .. }
            | Event::CheckedAgain { .. }
            | Event::Weight { .. }
            | Event::Resumed { .. }
            | Event::TableDrifted
            | Event::Finished => "else",
        });
        let verb = match event {
            Event::Answered { order, answer: Ok(()) } => self.orders.remove(order),
            _ => None,
        };
        self.judge.event(self.now, event, verb, &self.setup);
    }

    fn note(&mut self, text: String) {
        if let Some(timeline) = &mut self.timeline {
            timeline.push(format!("{:>12.6} {text}", self.now.as_nanos() as f64 / 1e9 - 1.0));
        }
    }
}

/// How many pages a check has.
fn pages(manner: Manner) -> u16 {
    match manner {
        Manner::Pages { count, .. } => count.max(1),
        Manner::Plain | Manner::FromStart | Manner::Stubborn => 1,
    }
}

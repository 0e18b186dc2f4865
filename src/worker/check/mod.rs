// SPDX-License-Identifier: MIT OR Apache-2.0
//! The checker worker: watches real servers and balances over those that live.
//!
//! `role` is its process: it connects the loop with the supervisor and with everything that is told.
//!
//! Tasks: the loop of `drive` around `Worker`; one task for each check that is under way; one for each file that is
//! followed; and the thread that speaks to the kernel's load balancer. The loop may be dropped at any await: findings,
//! readings and answers that were received and not yet handed on are kept for the next look.

mod annals;
mod answers;
mod balance;
mod director;
mod dumps;
mod marks;
mod meaning;
mod presence;
pub mod probe;
mod probes;
mod report;
pub mod role;
mod settings;
mod show;
mod told;
pub mod web;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::Receiver;
use tokio::sync::oneshot;

use crate::channel::Happened;
use crate::dial::Dialer;
use crate::kernel::ipvs::{self, Daemon};
use crate::kernel::{clock, memory, sandbox};
use crate::notify::balance::Names;
use crate::observe::log::{Level, Log};
use crate::observe::snapshot::lvs::Lvs;
use crate::plan::lvs::LvsPlan;
use crate::proto::health::{AtStop, Cause, Changes, CheckerId, Effect, Engine, Event, Input, Setup, Verdict};
use crate::worker::drive::{self, Effects, Inputs, World};
use crate::worker::process;
use annals::{Annals, Moment};
use answers::Wishes;
use director::{Director, News};
use marks::Marking;
use meaning::Meaning;
use presence::Presence;
use probe::{Finding, Tools};
use probes::{Found, Probes};
use told::Told;

/// How long the loop may seem not to go round before it counts as hung.
const PATIENCE: Duration = Duration::from_secs(10);

/// So much longer for each real server, while a table is made of a configuration.
const PATIENCE_PER_SERVER: Duration = Duration::from_millis(1);

/// Checks that are due within so much of each other begin together.
const GRAIN: Duration = Duration::from_millis(5);

/// So many signs of life in this time.
const BEATS: u32 = 2;

/// After so many effects it is looked whether a sign of life is due.
const EFFECTS_PER_BEAT: usize = 64;

/// What every system allows.
const DESCRIPTORS_ASSUMED: u64 = 1024;

/// How often it is tried again to follow the addresses of this host.
const PRESENCE_RETRY: Duration = Duration::from_secs(5);

/// What the worker is told from outside.
#[derive(Debug)]
enum Order {
    /// Do this from now on.
    Reload(Arc<Meaning>),
    /// A VRRP instance is master, or no longer.
    Instance { name: String, is_master: bool },
    /// A BFD session is up, down, or nobody knows.
    Session { name: String, is_up: Option<bool> },
    /// Say how everything stands, and what the kernel has counted.
    Tell(oneshot::Sender<Box<Lvs>>),
    /// The operator wants this of a real server.
    Operate(answers::Wanted, oneshot::Sender<answers::Answer>),
    /// Say how everything stands.
    Show(oneshot::Sender<dumps::State>),
    /// Leave everything in good order, and end.
    Stop,
}

/// What the worker is connected to.
struct Outside<'a> {
    log: Log,
    orders: Receiver<Order>,
    /// Is told every event, in order, with what the check behind it said.
    told: &'a mut dyn FnMut(&Event, Names<'_>, &Engine, &str),
    /// Is told of every event as it stands in the log.
    happened: &'a mut dyn FnMut(Happened),
    /// Is told of another configuration before anything happens by it.
    turned: &'a mut dyn FnMut(&Meaning),
    /// Is told that the loop goes round, and how long it may seem not to.
    alive: &'a mut dyn FnMut(Duration),
}

impl fmt::Debug for Outside<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Outside { log, orders, told: _, happened: _, turned: _, alive: _ } = self;
        out.debug_struct("Outside").field("log", log).field("orders", orders).finish()
    }
}

/// Checks and balances until told to stop. Needs a tokio runtime with I/O and time enabled, and a local set.
async fn run(meaning: Arc<Meaning>, outside: Outside<'_>) -> io::Result<()> {
    let mut engine = Engine::new(clock::now());
    let mut worker = Worker::start(meaning, outside);
    let driven = drive::drive(&mut engine, &mut worker).await;
    // What follows has no loop that could say so.
    (worker.outside.alive)(PATIENCE);
    let stays = worker.setup().globals.at_stop == AtStop::Keep;
    worker.director.end().await;
    worker.marking.end(stays).await;
    driven
}

struct Worker<'a> {
    meaning: Arc<Meaning>,
    /// Before the last reload: what is gone is told of by its old name.
    before: Option<Arc<LvsPlan>>,
    /// A table is made of a configuration that was read: until the kernel has it, everything may take longer.
    is_building: bool,
    patience: Duration,
    outside: Outside<'a>,
    director: Director,
    marking: Marking,
    probes: Probes,
    /// Only when some virtual server follows an address.
    presence: Option<Presence>,
    presence_at: Option<u64>,
    told: Told,
    /// Why the last check of these servers did not succeed.
    whys: BTreeMap<CheckerId, String>,
    /// The VRRP instances that are master.
    masters: BTreeMap<String, bool>,
    annals: Annals,
    wishes: Wishes,
    /// Who waits for a snapshot. No more than orders fit into a turn.
    asked: Vec<oneshot::Sender<Box<Lvs>>>,
    /// Inputs that are ready to be handed in.
    pending: VecDeque<Input>,
    ordered: Option<Order>,
    beat_at: u64,
}

impl<'a> Worker<'a> {
    fn start(meaning: Arc<Meaning>, outside: Outside<'a>) -> Worker<'a> {
        let log = outside.log.clone();
        let descriptors = sandbox::raise_descriptor_limit().unwrap_or_else(|error| {
            log.warning(format_args!("how many files may be open is not known: {error}"));
            DESCRIPTORS_ASSUMED
        });
        let tools = Tools::new(Dialer::within(descriptors));
        let mut worker = Worker {
            director: Director::new(meaning.namespace.clone(), log.clone()),
            marking: Marking::new(meaning.namespace.clone(), log.clone()),
            told: Told::new(log),
            meaning: Arc::default(),
            before: None,
            is_building: false,
            patience: PATIENCE,
            outside,
            probes: Probes::new(tools),
            presence: None,
            presence_at: None,
            whys: BTreeMap::new(),
            masters: BTreeMap::new(),
            annals: Annals::new(),
            wishes: Wishes::default(),
            asked: Vec::new(),
            pending: VecDeque::new(),
            ordered: None,
            beat_at: 0,
        };
        worker.adopt(meaning);
        worker
    }

    /// Lives by another configuration.
    fn adopt(&mut self, next: Arc<Meaning>) {
        (self.outside.turned)(&next);
        let is_another = !Arc::ptr_eq(&self.meaning.plan, &next.plan);
        let mut changes = Changes::default();
        if is_another {
            let servers = u32::try_from(next.plan.setup.servers.len()).unwrap_or(u32::MAX);
            self.patience = PATIENCE.saturating_add(PATIENCE_PER_SERVER.saturating_mul(servers));
            (self.is_building, self.beat_at) = (true, 0);
            self.beat();
            changes = Changes::between(&self.meaning.plan.setup, &next.plan.setup);
            for line in report::changes(&self.meaning.plan, &next.plan) {
                self.outside.log.info(line);
            }
        }
        for (checker, finding) in told::read_now(&next.files) {
            changes.readings.insert(checker, finding.verdict);
        }
        for (checker, finding) in self.told.follow(&next.sessions) {
            let verdict = self.understand(checker, finding);
            changes.readings.insert(checker, verdict);
        }
        self.told.turn_to(&next.files);
        self.probes.turn_to(&next.plan);
        let room = self.meaning.room;
        self.before = is_another.then(|| self.meaning.plan.clone());
        self.meaning = next;
        if self.meaning.room != room
            && let Some(presence) = &mut self.presence
            && let Err(error) = presence.make_room(self.meaning.room)
        {
            self.outside.log.warning(format_args!("the buffer for news about addresses stays as it is: {error}"));
        }
        if !self.follows_addresses() {
            (self.presence, self.presence_at) = (None, None);
        } else if self.presence.is_none() {
            self.presence_at.get_or_insert(0);
        }
        let timeouts = self.meaning.plan.timeouts;
        self.director.set(|settings| settings.remember_for(timeouts));
        self.exchange();
        self.marking.turn_to(self.meaning.plan.marks.as_ref());
        self.pending.push_back(Input::Reconfigure(changes));
    }

    fn setup(&self) -> &Setup {
        &self.meaning.plan.setup
    }

    fn follows_addresses(&self) -> bool {
        self.setup().services.values().any(|service| service.follows.is_some())
    }

    /// Sync daemons, as the instance they follow is master or not.
    fn exchange(&mut self) {
        let sync = self.meaning.sync();
        let daemons = sync.map(|(daemon, instance)| daemons(&daemon, instance, &self.masters)).unwrap_or_default();
        self.director.set(|settings| settings.exchange(daemons));
    }

    fn obey(&mut self, order: Order, engine: &Engine) {
        match order {
            Order::Reload(next) => self.adopt(next),
            Order::Instance { name, is_master } => {
                if self.masters.insert(name, is_master) != Some(is_master) {
                    self.exchange();
                }
            }
            Order::Session { name, is_up } => {
                for (checker, finding) in self.told.session(name, is_up) {
                    let verdict = self.understand(checker, finding);
                    self.pending.push_back(Input::Reading(checker, verdict));
                }
            }
            Order::Tell(to) => {
                self.asked.push(to);
                self.director.count();
            }
            Order::Operate(wanted, to) => self.pending.extend(self.wishes.begin(wanted, &self.meaning.plan, to)),
            Order::Show(to) => {
                let (engine, plan, ipvs) = (engine.clone(), self.meaning.plan.clone(), self.director.version());
                // Nobody waits any more when the worker ends.
                let _ = to.send(dumps::State { engine, plan, ipvs });
            }
            Order::Stop => self.pending.push_back(Input::Stop),
        }
    }

    /// Which addresses came and went.
    fn look_at_addresses(&mut self) {
        let now = clock::now();
        if self.presence.is_none() && self.presence_at.is_some_and(|at| at <= now) {
            match Presence::start(self.meaning.room, self.outside.log.clone()) {
                Ok(presence) => (self.presence, self.presence_at) = (Some(presence), None),
                Err(error) => self.blind(&error),
            }
        }
        match self.presence.as_mut().map(Presence::take) {
            None => {}
            Some(Ok(news)) => {
                self.pending.extend(news.into_iter().map(|(address, there)| Input::Present(address, there)));
            }
            Some(Err(error)) => self.blind(&error),
        }
    }

    fn blind(&mut self, error: &io::Error) {
        self.outside.log.error(format_args!("the addresses of this host cannot be followed: {error}"));
        let pause = u64::try_from(PRESENCE_RETRY.as_nanos()).unwrap_or(u64::MAX);
        (self.presence, self.presence_at) = (None, Some(clock::now().saturating_add(pause)));
    }

    fn carry_out(&mut self, engine: &Engine, effect: Effect, now: Moment) {
        match effect {
            Effect::Probe(id, step) => match self.meaning.plan.checkers.get(&id) {
                Some(check) => self.probes.start(id, step, check.check.clone()),
                // It left with the reload that this turn began with; whoever asks gets an answer.
                None => self.pending.push_back(Input::Probed(id, Verdict::NotChecked)),
            },
            Effect::Balance(ticket, wanted) => self.director.balance(ticket, wanted),
            Effect::Flush(ticket) => self.director.flush(ticket),
            Effect::Report(event) => self.report(engine, &event, now),
        }
    }

    fn report(&mut self, engine: &Engine, event: &Event, now: Moment) {
        let names = Names { now: &self.meaning.plan, before: self.before.as_deref() };
        self.annals.note(event, now);
        let mut lines = report::lines(event, names, engine, &self.whys);
        if let Event::Answered { order, answer } = event {
            lines.extend(self.wishes.answered(*order, *answer).map(|line| (Level::Notice, line)));
        }
        let asked = if let Event::Checker { checker, .. } | Event::Server { cause: Cause::Check(checker), .. } = event {
            self.whys.get(checker)
        } else {
            None
        };
        for (level, line) in lines {
            let mut happened = report::happened(event, names, level, &line, now.wall);
            happened.why = asked.filter(|_| happened.state.as_deref() == Some("DOWN")).cloned();
            self.outside.log.write_about(level, line, process::facts(&happened));
            (self.outside.happened)(happened);
        }
        (self.outside.told)(event, names, engine, asked.map_or("", String::as_str));
    }

    /// Keeps why a check did not succeed until that is told.
    fn understand(&mut self, checker: CheckerId, finding: Finding) -> Verdict {
        if finding.why.is_empty() {
            self.whys.remove(&checker);
        } else {
            self.whys.insert(checker, finding.why);
        }
        finding.verdict
    }

    fn next_beat(&self) -> Duration {
        Duration::from_nanos(self.beat_at.saturating_sub(clock::now()))
    }

    fn beat(&mut self) {
        let now = clock::now();
        if now >= self.beat_at {
            let pause = u64::try_from((self.patience / BEATS).as_nanos()).unwrap_or(u64::MAX);
            self.beat_at = now.saturating_add(pause);
            (self.outside.alive)(self.patience);
        }
    }
}

impl World for Worker<'_> {
    type Machine = Engine;

    const GRAIN: Duration = GRAIN;

    async fn wait(&mut self) -> io::Result<()> {
        if !self.pending.is_empty() {
            return Ok(());
        }
        let beat = self.next_beat();
        let presence = self.presence_at.map(|at| Duration::from_nanos(at.saturating_sub(clock::now())));
        tokio::select! {
            () = self.director.wait() => Ok(()),
            () = self.marking.wait() => Ok(()),
            () = self.probes.wait() => Ok(()),
            () = self.told.wait() => Ok(()),
            // An error shows when the addresses are looked at.
            _ = addresses(&mut self.presence) => Ok(()),
            Some(order) = self.outside.orders.recv() => {
                self.ordered = Some(order);
                Ok(())
            }
            () = tokio::time::sleep(presence.unwrap_or_default()), if presence.is_some() => Ok(()),
            () = tokio::time::sleep(beat) => Ok(()),
        }
    }

    fn gather(&mut self, engine: &Engine, limit: usize, inputs: &mut Inputs<Self>) -> io::Result<bool> {
        self.beat();
        while let Some(order) = self.ordered.take().or_else(|| self.outside.orders.try_recv().ok()) {
            self.obey(order, engine);
        }
        inputs.extend(self.pending.drain(..));
        for news in self.director.take(&self.meaning.plan.setup) {
            inputs.push(match news {
                News::Settled(ticket, outcome) => Input::Settled(ticket, outcome),
                News::Drifted => Input::Drifted,
            });
        }
        self.marking.turn();
        self.look_at_addresses();
        inputs.extend(self.pending.drain(..));
        for (checker, finding) in self.told.take() {
            let verdict = self.understand(checker, finding);
            inputs.push(Input::Reading(checker, verdict));
        }
        let mut more = true;
        while inputs.len() < limit {
            let Some(Found { checker, kind, finding, took }) = self.probes.take() else {
                more = false;
                break;
            };
            self.annals.timed(checker, kind, took);
            let verdict = self.understand(checker, finding);
            inputs.push(Input::Probed(checker, verdict));
        }
        Ok(more)
    }

    fn apply(&mut self, engine: &Engine, effects: &mut Effects<Self>) -> io::Result<()> {
        let now = Moment::now();
        for (done, effect) in effects.drain(..).enumerate() {
            self.carry_out(engine, effect, now);
            // Thousands of servers that come and go at once are work, not a hang.
            if done.is_multiple_of(EFFECTS_PER_BEAT) {
                self.beat();
            }
        }
        // What is gone has been told of.
        if self.before.take().is_some() {
            self.annals.follow(engine, now);
        }
        if self.is_building && self.director.rests() {
            (self.is_building, self.patience, self.beat_at) = (false, PATIENCE, 0);
            memory::give_back();
        }
        if let Some(counted) = self.director.counted().filter(|_| !self.asked.is_empty()) {
            let seen = self.show(engine, counted);
            for to in std::mem::take(&mut self.asked) {
                // Whoever asked may have lost patience.
                let _ = to.send(Box::new(seen.clone()));
            }
        }
        Ok(())
    }

    /// A check that is late is made late: nobody elsewhere depends on its moment.
    fn late(_: Duration) -> Option<Input> {
        None
    }

    fn is_over(&self, engine: &Engine) -> bool {
        engine.is_finished()
    }
}

async fn addresses(presence: &mut Option<Presence>) -> io::Result<()> {
    match presence {
        Some(presence) => presence.wait().await,
        None => std::future::pending().await,
    }
}

/// Without an instance both halves run; with one, its state decides which.
fn daemons(daemon: &Daemon, instance: Option<&str>, masters: &BTreeMap<String, bool>) -> Vec<Daemon> {
    let half = |role| Daemon { role, ..daemon.clone() };
    match instance.map(|name| masters.get(name)) {
        None => vec![half(ipvs::Role::Master), half(ipvs::Role::Backup)],
        Some(Some(true)) => vec![half(ipvs::Role::Master)],
        Some(Some(false)) => vec![half(ipvs::Role::Backup)],
        Some(None) => Vec::new(),
    }
}

#[cfg(test)]
mod tests;

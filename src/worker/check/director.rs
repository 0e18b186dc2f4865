// SPDX-License-Identifier: MIT OR Apache-2.0
//! The kernel's load balancer as the worker's loop sees it: wishes go in, answers come out, and nobody waits.
//!
//! It is opened on a thread of its own, since that may load a module, and spoken to through the thread of
//! `kernel::ipvs::Keeper`. It may be absent: then wishes are answered so, and the next wish tries again. What the kernel
//! has is looked at again and again, so that what somebody else changed is noticed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::mpsc::Receiver;

use super::balance::{Balance, Drift, service_key};
use super::settings::Settings;
use crate::kernel::beside::{self, Beside};
use crate::kernel::clock;
use crate::kernel::ipvs::{Answer, Asked, Change, Done, Ipvs, Keeper, OpenError, Order, ServiceKey, Stats, Subject};
use crate::kernel::netlink::Refusal;
use crate::observe::log::Log;
use crate::proto::health::{FrontId, Outcome, Setup, Ticket, Wanted};

/// How often it is looked whether every service is still there.
const LOOK: Duration = Duration::from_secs(2);

/// Looking at every destination too may take this part of the time at most: a large table is looked at less often.
const LOOK_COST: u32 = 50;

/// But so often in any case.
const LOOK_MAX: Duration = Duration::from_secs(30);

/// Refusals of one answer that are logged one by one; of the others only the number.
const REFUSALS_TOLD_MAX: usize = 5;

/// What an order to the thread was for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Errand {
    /// To know what is there before anything is changed, or after something was refused.
    Read,
    /// To see whether somebody changed something. The number is that of the last change made before.
    Look {
        since: u64,
        asked_at: u64,
    },
    Balance(Ticket, BTreeMap<ServiceKey, FrontId>),
    Flush(Ticket),
    /// Timeouts and sync daemons.
    Settings,
    /// To know what it has counted.
    Count,
}

type Opened = io::Result<Result<Ipvs, OpenError>>;

#[derive(Debug)]
enum State {
    Closed,
    Opening(Beside<Result<Ipvs, OpenError>>),
    Open(Keeper<Errand>, Receiver<Done<Errand>>),
}

#[derive(Debug)]
enum Wish {
    Balance(Vec<Wanted>),
    Flush,
}

/// What the worker has to know.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum News {
    Settled(Ticket, Outcome),
    Drifted,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// The kernel's table was found changed by somebody else.
    pub(super) drifts: u64,
    /// Changes that were asked for, and those the kernel refused.
    pub(super) changes: u64,
    pub(super) refused: u64,
    /// The kernel had no load balancing when it was needed.
    pub(super) unavailable: u64,
}

#[derive(Debug)]
pub(super) struct Director {
    log: Log,
    /// Where the load balancer is, if not in our own network namespace.
    namespace: Option<PathBuf>,
    state: State,
    balance: Balance,
    settings: Settings,
    /// The image is the kernel's.
    known: bool,
    reading: bool,
    waiting: VecDeque<(Ticket, Wish)>,
    news: VecDeque<News>,
    answered: VecDeque<Done<Errand>>,
    opened: Option<Opened>,
    /// Orders that change something.
    made: u64,
    /// Of these, those without an answer yet; and the wishes they are for.
    flying: u64,
    flights: BTreeSet<Ticket>,
    look_at: Option<u64>,
    look_closely_at: u64,
    /// What was said about its absence, so that it is said once.
    complaint: Option<String>,
    version: Option<(u32, u32, u32)>,
    counts: Counts,
    /// What the table had counted when it was asked last; and whether the answer is still to come.
    counted: Stats,
    counting: bool,
}

impl Director {
    pub(super) fn new(namespace: Option<PathBuf>, log: Log) -> Director {
        Director {
            log,
            namespace,
            state: State::Closed,
            balance: Balance::default(),
            settings: Settings::default(),
            known: false,
            reading: false,
            waiting: VecDeque::new(),
            news: VecDeque::new(),
            answered: VecDeque::new(),
            opened: None,
            made: 0,
            flying: 0,
            flights: BTreeSet::new(),
            look_at: None,
            look_closely_at: 0,
            complaint: None,
            version: None,
            counts: Counts::default(),
            counted: Stats::new(),
            counting: false,
        }
    }

    /// Asks what the table has counted. Without a table there is nothing to ask.
    pub(super) fn count(&mut self) {
        if matches!(self.state, State::Open(..)) && !std::mem::replace(&mut self.counting, true) {
            self.order(Errand::Count, Asked::Stats);
        }
    }

    /// What the table has counted; nothing while that is being asked.
    pub(super) fn counted(&self) -> Option<(&Stats, Counts)> {
        (!self.counting).then_some((&self.counted, self.counts))
    }

    /// Of the kernel's load balancer, once it was found.
    pub(super) fn version(&self) -> Option<(u32, u32, u32)> {
        self.version
    }

    /// Nothing is wished that has not been answered.
    pub(super) fn rests(&self) -> bool {
        self.waiting.is_empty() && self.flights.is_empty()
    }

    /// Makes the table as wanted. The answer comes as news.
    pub(super) fn balance(&mut self, ticket: Ticket, wanted: Vec<Wanted>) {
        self.waiting.push_back((ticket, Wish::Balance(wanted)));
        self.advance();
    }

    /// Empties the table. The answer comes as news.
    pub(super) fn flush(&mut self, ticket: Ticket) {
        self.waiting.push_back((ticket, Wish::Flush));
        self.advance();
    }

    /// Other timeouts and sync daemons from now on.
    pub(super) fn set(&mut self, change: impl FnOnce(&mut Settings)) {
        change(&mut self.settings);
        if self.settings.is_any() || !matches!(self.state, State::Closed) {
            self.advance();
        }
    }

    /// Waits until there may be news. Dropping the future loses nothing.
    pub(super) async fn wait(&mut self) {
        if !self.news.is_empty() || !self.answered.is_empty() || self.opened.is_some() {
            return;
        }
        let at = self.look_at.into_iter().chain(self.settings.retry_at()).min();
        let at = at.filter(|_| matches!(self.state, State::Open(..)));
        let look = at.map(|at| Duration::from_nanos(at.saturating_sub(clock::now())));
        tokio::select! {
            () = next(&mut self.state, &mut self.answered, &mut self.opened) => {}
            () = tokio::time::sleep(look.unwrap_or_default()), if look.is_some() => {}
        }
    }

    /// What happened since the last call.
    pub(super) fn take(&mut self, setup: &Setup) -> Vec<News> {
        self.finish_opening();
        while let Some(done) = self.next_answer() {
            self.hear(done, setup);
        }
        self.advance();
        self.look();
        self.news.drain(..).collect()
    }

    fn next_answer(&mut self) -> Option<Done<Errand>> {
        if let Some(done) = self.answered.pop_front() {
            return Some(done);
        }
        match &mut self.state {
            State::Open(_, answers) => answers.try_recv().ok(),
            State::Closed | State::Opening(_) => None,
        }
    }

    /// Goes on with what is wished, as far as it goes without waiting.
    fn advance(&mut self) {
        match &self.state {
            State::Closed => {
                let namespace = self.namespace.clone();
                if !self.waiting.is_empty() || self.settings.is_any() {
                    let open = move || namespace.map_or_else(Ipvs::open, |path| Ipvs::open_in(&path));
                    self.state = State::Opening(beside::run(open));
                }
            }
            State::Opening(_) => {}
            State::Open(..) if !self.known => {
                if !std::mem::replace(&mut self.reading, true) {
                    self.order(Errand::Read, Asked::Table);
                }
            }
            State::Open(..) => {
                self.carry_out_settings();
                while let Some((ticket, wish)) = self.waiting.pop_front() {
                    self.carry_out(ticket, wish);
                }
            }
        }
    }

    fn carry_out_settings(&mut self) {
        if let Some(asked) = self.settings.next(clock::now()) {
            self.order(Errand::Settings, asked);
        }
    }

    fn carry_out(&mut self, ticket: Ticket, wish: Wish) {
        let (errand, changes) = match wish {
            Wish::Flush => {
                self.balance.flushed();
                self.flights.insert(ticket);
                (Errand::Flush(ticket), vec![Change::Flush])
            }
            Wish::Balance(wanted) => {
                let changes = self.balance.changes(&wanted);
                if changes.is_empty() {
                    self.news.push_back(News::Settled(ticket, Outcome::Done));
                    return;
                }
                let fronts =
                    wanted.iter().flat_map(|wanted| wanted.keys.iter().map(|key| (service_key(*key), wanted.front)));
                self.flights.insert(ticket);
                (Errand::Balance(ticket, fronts.collect()), changes)
            }
        };
        self.log.debug(format_args!("{} changes to the load balancer's table", changes.len()));
        self.counts.changes += changes.len() as u64;
        self.look_at.get_or_insert(clock::now().saturating_add(nanos(LOOK)));
        self.order(errand, Asked::Apply(changes));
    }

    fn order(&mut self, errand: Errand, asked: Asked) {
        let State::Open(keeper, _) = &self.state else { return };
        if let Asked::Apply(_) = asked {
            self.made += 1;
            self.flying += 1;
        }
        if let Err(Order { ticket, asked }) = keeper.order(Order { ticket: errand, asked }) {
            // As if the kernel had been too busy for all of it.
            self.log.warning("the load balancer is too busy to be told anything more");
            let busy = |(place, change)| (place, change, Refusal::new(libc::EBUSY));
            match asked {
                Asked::Apply(changes) => {
                    let refused = changes.into_iter().enumerate().map(busy).collect();
                    self.answered.push_back(Done { ticket, answer: Answer::Applied(refused) });
                }
                Asked::Stats => self.counting = false,
                Asked::Table | Asked::Services | Asked::Timeouts | Asked::Daemons => {
                    self.reading = false;
                }
            }
        }
    }

    fn finish_opening(&mut self) {
        let Some(opened) = self.opened.take() else { return };
        let opened = opened.unwrap_or_else(|error| Err(OpenError::Refused(error)));
        self.state = State::Closed;
        self.known = false;
        self.reading = false;
        let started = opened.map_err(|error| error.to_string()).and_then(|ipvs| {
            let (major, minor, patch) = ipvs.info().version;
            self.version = Some((major.into(), minor.into(), patch.into()));
            self.log.info(format_args!("load balancing by IPVS {major}.{minor}.{patch}"));
            Keeper::start(ipvs).map_err(|error| format!("no thread for load balancing: {error}"))
        });
        match started {
            Ok((keeper, answers)) => {
                self.complaint = None;
                self.state = State::Open(keeper, answers);
            }
            Err(why) => self.be_without(why),
        }
    }

    /// There is no load balancer: everybody who waits is told so.
    fn be_without(&mut self, why: String) {
        self.state = State::Closed;
        self.counts.unavailable += 1;
        self.look_at = None;
        if self.complaint.as_ref() != Some(&why) {
            self.log.error(format_args!("{why}; servers are checked meanwhile, and this is tried again"));
            self.complaint = Some(why);
        }
        self.settings.forget();
        let waiting = std::mem::take(&mut self.waiting);
        self.news.extend(waiting.into_iter().map(|(ticket, _)| News::Settled(ticket, Outcome::Unavailable)));
    }

    fn hear(&mut self, done: Done<Errand>, setup: &Setup) {
        match (done.ticket, done.answer) {
            (Errand::Read, Answer::Table(Ok(table))) => {
                self.reading = false;
                self.balance.adopt(table, setup);
                self.known = true;
            }
            (Errand::Look { since, asked_at }, Answer::Table(Ok(table))) => {
                let took = Duration::from_nanos(clock::now().saturating_sub(asked_at));
                self.look_closely_at = clock::now().saturating_add(nanos((took * LOOK_COST).clamp(LOOK, LOOK_MAX)));
                if self.is_still(since) {
                    let drift = self.balance.compare(&table);
                    self.judge(drift);
                }
            }
            (Errand::Look { since, .. }, Answer::Services(Ok(services))) => {
                if self.is_still(since) {
                    let drift = self.balance.compare_services(&services);
                    self.judge(drift);
                }
            }
            (Errand::Balance(ticket, fronts), Answer::Applied(refused)) => {
                self.landed(ticket);
                let outcome = self.outcome(&fronts, &refused);
                self.news.push_back(News::Settled(ticket, outcome));
            }
            (Errand::Flush(ticket), Answer::Applied(refused)) => {
                self.landed(ticket);
                self.tell(&refused);
                self.news.push_back(News::Settled(ticket, Outcome::Done));
            }
            (Errand::Settings, answer) => {
                if let Answer::Applied(refused) = &answer {
                    self.flying = self.flying.saturating_sub(1);
                    self.tell(refused);
                }
                self.settings.answered(&answer, clock::now());
            }
            (Errand::Count, answer) => {
                self.counting = false;
                if let Answer::Stats(Ok(stats)) = answer {
                    self.counted = stats;
                }
            }
            // It changed all the time while it was read.
            (Errand::Read | Errand::Look { .. }, Answer::Table(Err(error)) | Answer::Services(Err(error)))
                if error.kind() == io::ErrorKind::ResourceBusy =>
            {
                self.reading = false;
            }
            (Errand::Read | Errand::Look { .. }, Answer::Table(Err(error)) | Answer::Services(Err(error))) => {
                self.lose(&error);
            }
            // Each errand has an answer of its kind.
            (
                Errand::Read | Errand::Look { .. } | Errand::Balance(..) | Errand::Flush(_),
                Answer::Applied(_)
                | Answer::Table(_)
                | Answer::Services(_)
                | Answer::Stats(_)
                | Answer::Timeouts(_)
                | Answer::Daemons(_),
            ) => {}
        }
    }

    fn landed(&mut self, ticket: Ticket) {
        self.flying = self.flying.saturating_sub(1);
        self.flights.remove(&ticket);
    }

    /// Nothing was changed by us since.
    fn is_still(&self, since: u64) -> bool {
        self.made == since && self.flying == 0
    }

    fn outcome(&mut self, fronts: &BTreeMap<ServiceKey, FrontId>, refused: &[(usize, Change, Refusal)]) -> Outcome {
        if refused.is_empty() {
            return Outcome::Done;
        }
        self.tell(refused);
        self.balance.refused(refused.iter().map(|(_, change, refusal)| (change, refusal)));
        // The next wish finds out what is there.
        self.known = false;
        let mut concerned: Vec<FrontId> = Vec::new();
        for (_, change, _) in refused {
            let (Subject::Service(key) | Subject::Destination(key, _)) = change.subject() else { continue };
            concerned.extend(fronts.get(&key).filter(|front| !concerned.contains(front)));
        }
        Outcome::Refused(concerned)
    }

    fn tell(&mut self, refused: &[(usize, Change, Refusal)]) {
        self.counts.refused += refused.len() as u64;
        for (_, change, refusal) in refused.iter().take(REFUSALS_TOLD_MAX) {
            self.log.error(format_args!("{change} failed: {}", change.explain(refusal)));
        }
        if let Some(more @ 1..) = refused.len().checked_sub(REFUSALS_TOLD_MAX) {
            self.log.error(format_args!("{more} more changes to the load balancer's table failed"));
        }
    }

    fn judge(&mut self, drift: Option<Drift>) {
        let Some(drift) = drift else { return };
        self.counts.drifts += 1;
        let before = match self.counts.drifts {
            1 => String::new(),
            times => format!(", as {} times before", times - 1),
        };
        self.log
            .warning(format_args!("somebody else changed the load balancer's table: {drift}; it is put right{before}"));
        self.news.push_back(News::Drifted);
    }

    /// The kernel's load balancer is gone: its module was unloaded.
    fn lose(&mut self, error: &io::Error) {
        self.log.error(format_args!("the kernel's load balancer does not answer any more: {error}"));
        self.state = State::Closed;
        self.known = false;
        self.reading = false;
        self.counting = false;
        self.counted = Stats::new();
        self.flying = 0;
        self.balance = Balance::default();
        self.settings.forget();
        let lost = std::mem::take(&mut self.flights);
        self.news.extend(lost.into_iter().map(|ticket| News::Settled(ticket, Outcome::Unavailable)));
        self.news.push_back(News::Drifted);
    }

    /// Looks at the table when it is time to.
    fn look(&mut self) {
        let now = clock::now();
        let State::Open(..) = self.state else { return };
        if self.look_at.is_none_or(|at| now < at) {
            return;
        }
        self.look_at = Some(now.saturating_add(nanos(LOOK)));
        if !self.known || self.flying > 0 || !self.balance.is_in_charge() {
            return;
        }
        let asked = if now >= self.look_closely_at { Asked::Table } else { Asked::Services };
        self.order(Errand::Look { since: self.made, asked_at: now }, asked);
    }

    /// Puts back what was set, and finishes what was ordered.
    pub(super) async fn end(mut self) {
        let Counts { changes, refused, drifts, unavailable } = self.counts;
        self.log.debug(format_args!(
            "the load balancer's table: {changes} changes, {refused} of them refused; changed by others {drifts} times, \
             absent {unavailable} times"
        ));
        let changes = self.settings.undo();
        if !changes.is_empty() {
            self.order(Errand::Settings, Asked::Apply(changes));
        }
        let State::Open(keeper, mut answers) = self.state else { return };
        drop(keeper);
        while answers.recv().await.is_some() {}
    }
}

/// Waits for the end of opening, or for an answer.
async fn next(state: &mut State, answered: &mut VecDeque<Done<Errand>>, opened: &mut Option<Opened>) {
    match state {
        State::Closed => std::future::pending().await,
        State::Opening(opening) => *opened = Some(opening.await),
        State::Open(_, answers) => match answers.recv().await {
            Some(done) => answered.push_back(done),
            // The thread ends only with its keeper.
            None => std::future::pending().await,
        },
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Mail about changes: handed in to one mail server, one after the other, and never holding anything up.
//!
//! Alerts wait in a bounded queue for one task. What waits together goes over one connection; when very many do, as when
//! a rack of servers fails at once, they go as one mail that lists them. A mail server that does not take them is tried
//! again for a while. Whatever goes wrong is one line in the log.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::rc::Rc;
use std::time::Duration;

use keepalived_conf::blocks::global::mail::{MailHost, SmtpServer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Notify;
use tokio::task::spawn_local;
use tokio::time::timeout;

use crate::dial::{self, DialError, Dialer, Stream, Target};
use crate::kernel::{beside, clock, names};
use crate::observe::log::Log;
pub use crate::plan::notify::MailPlan as Post;
use crate::proto::exchange::smtp::Turn;
use crate::proto::exchange::smtp::mail::{Delivery, Letter, Outcome};

/// Alerts that may wait; further ones are dropped, counted and logged.
pub const ALERTS_WAITING_MAX: usize = 1000;

/// Alerts that go as mails of their own when they wait together; more go as one mail.
pub const SINGLE_MAX: usize = 20;

/// How long an alert waits for others of the same moment.
pub const GATHER: Duration = Duration::from_millis(50);

/// How often a mail server that does not take them is tried, and the longest pause between.
pub const ATTEMPTS_MAX: u32 = 10;
pub const PAUSE_FIRST: Duration = Duration::from_secs(2);
pub const PAUSE_MAX: Duration = Duration::from_secs(60);

/// Addresses of a mail server's name that are tried.
const ADDRESSES_MAX: usize = 8;

/// What is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// Without the name of the machine in brackets, which is put before it.
    pub subject: String,
    pub body: String,
}

/// Sends alerts. Needs a tokio `LocalSet`. Dropping it ends its task; what waited is lost.
#[derive(Debug)]
pub struct Mailer {
    shared: Rc<Shared>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Mailer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What became of alerts.
#[derive(Debug, Default)]
pub struct Counts {
    pub sent: Cell<u64>,
    /// No room to wait.
    pub dropped: Cell<u64>,
    /// Refused by the server, or given up.
    pub failed: Cell<u64>,
}

#[derive(Debug)]
struct Shared {
    log: Log,
    post: RefCell<Option<Rc<Post>>>,
    waiting: RefCell<VecDeque<(Duration, Alert)>>,
    /// Alerts that neither wait nor are settled.
    under_way: Cell<usize>,
    news: Notify,
    /// Nothing is gathered any more: we are about to end.
    hurry: Cell<bool>,
    counts: Counts,
}

impl Mailer {
    /// `None` sends nothing.
    pub fn new(post: Option<Post>, log: Log) -> Mailer {
        let shared = Rc::new(Shared {
            log,
            post: RefCell::new(post.map(Rc::new)),
            waiting: RefCell::default(),
            under_way: Cell::new(0),
            news: Notify::new(),
            hurry: Cell::new(false),
            counts: Counts::default(),
        });
        let task = spawn_local(work(Rc::clone(&shared)));
        Mailer { shared, task }
    }

    /// Sends what is told from now on, and what still waits, to somebody else.
    pub fn turn_to(&self, post: Option<Post>) {
        self.shared.post.replace(post.map(Rc::new));
        self.shared.news.notify_one();
    }

    pub fn counts(&self) -> &Counts {
        &self.shared.counts
    }

    pub fn send(&self, alert: Alert) {
        let shared = &self.shared;
        if shared.post.borrow().is_none() {
            return;
        }
        let mut waiting = shared.waiting.borrow_mut();
        if waiting.len() < ALERTS_WAITING_MAX {
            waiting.push_back((clock::wall(), alert));
            shared.news.notify_one();
            return;
        }
        let dropped = add(&shared.counts.dropped, 1);
        // Told at 1, 2, 4, 8, ...: a mail server that is gone for good must not fill the log.
        if dropped.is_power_of_two() {
            shared.log.warning(format_args!(
                "{ALERTS_WAITING_MAX} mails wait for the mail server already: {dropped} were dropped so far"
            ));
        }
    }

    /// What waits is sent now, and what cannot be sent is given up.
    pub fn hurry(&self) {
        self.shared.hurry.set(true);
        self.shared.news.notify_one();
    }

    /// Waits until everything is sent or given up, but no longer than `limit`.
    pub async fn finish(&self, limit: Duration) {
        self.hurry();
        let step = Duration::from_millis(5);
        let mut waited = Duration::ZERO;
        while self.shared.left() > 0 && waited < limit {
            tokio::time::sleep(step).await;
            waited += step;
        }
        let left = self.shared.left();
        if left > 0 {
            self.shared.log.warning(format_args!("{left} mails were not sent before the end"));
        }
    }
}

impl Shared {
    fn left(&self) -> usize {
        self.waiting.borrow().len() + self.under_way.get()
    }

    /// What the task does next; waits for it.
    async fn batch(&self) -> Vec<(Duration, Alert)> {
        loop {
            let waits = !self.waiting.borrow().is_empty();
            if waits && !self.hurry.get() {
                tokio::time::sleep(GATHER).await;
            }
            let batch: Vec<_> = self.waiting.borrow_mut().drain(..).collect();
            if !batch.is_empty() {
                self.under_way.set(batch.len());
                return batch;
            }
            self.news.notified().await;
        }
    }
}

fn add(counter: &Cell<u64>, number: usize) -> u64 {
    counter.set(counter.get() + u64::try_from(number).unwrap_or(u64::MAX));
    counter.get()
}

async fn work(shared: Rc<Shared>) {
    loop {
        let batch = shared.batch().await;
        let number = batch.len();
        let post = shared.post.borrow().clone();
        if let Some(post) = post {
            deliver(&post, &batch, &shared).await;
        }
        shared.under_way.set(shared.under_way.get().saturating_sub(number));
    }
}

/// Hands a batch in, in as many attempts as it takes or is given.
async fn deliver(post: &Post, batch: &[(Duration, Alert)], shared: &Shared) {
    let names = names_of(post).await;
    let mut letters = letters(post, &names, batch);
    let server = named(&post.server);
    let mut pause = PAUSE_FIRST;
    for attempt in 1..=ATTEMPTS_MAX {
        let messages = letters.iter().map(|(_, message)| message.clone()).collect();
        let mut delivery = Delivery::new(&names.helo, &names.from, &post.recipients, messages);
        let ended = hand_in(post, &mut delivery).await;
        for outcome in delivery.outcomes() {
            let (alerts, _) = letters.remove(0);
            settle(outcome, alerts, shared);
        }
        let Err(trouble) = ended else { return };
        if letters.is_empty() {
            return;
        }
        let alerts: usize = letters.iter().map(|(alerts, _)| alerts).sum();
        // Told once, and once more when it is given up.
        if attempt == 1 {
            shared.log.warning(format_args!("mail server {server} does not take mail: {trouble}; {alerts} wait"));
        }
        if attempt == ATTEMPTS_MAX || shared.hurry.get() {
            add(&shared.counts.failed, alerts);
            if attempt > 1 {
                shared.log.warning(format_args!(
                    "mail server {server} did not take {alerts} mails in {attempt} attempts; they are given up: {trouble}"
                ));
            }
            return;
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = hurried(shared) => {}
        }
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

/// Waits until there is no time to wait.
async fn hurried(shared: &Shared) {
    while !shared.hurry.get() {
        shared.news.notified().await;
    }
}

fn settle(outcome: &Outcome, alerts: usize, shared: &Shared) {
    match outcome {
        Outcome::Taken(refused) => {
            add(&shared.counts.sent, alerts);
            for (recipient, words) in refused {
                shared.log.warning(format_args!("the mail server refuses recipient {recipient}: \"{words}\""));
            }
        }
        Outcome::Refused(words) => {
            add(&shared.counts.failed, alerts);
            shared.log.warning(format_args!("the mail server refuses a mail: \"{words}\""));
        }
    }
}

/// What this machine is called in mails.
#[derive(Clone, Debug, Default)]
struct Names {
    router: String,
    from: String,
    helo: String,
}

/// Asked for only where the configuration does not say it, and beside us, because the answer may come from elsewhere.
async fn names_of(post: &Post) -> Names {
    let mut names = Names {
        router: post.router.clone().unwrap_or_default(),
        from: post.from.clone().unwrap_or_default(),
        helo: post.helo.clone().unwrap_or_default(),
    };
    if post.router.is_some() && post.from.is_some() && post.helo.is_some() {
        return names;
    }
    let ask = beside::run(|| (names::canonical_host(), names::own_account()));
    let (host, account) = match timeout(post.timeout, ask).await {
        Ok(Ok(found)) => found,
        Ok(Err(_)) | Err(_) => ("localhost".to_owned(), "root".to_owned()),
    };
    if post.router.is_none() {
        names.router.clone_from(&host);
    }
    if post.from.is_none() {
        names.from = format!("{account}@{host}");
    }
    if post.helo.is_none() {
        names.helo = host;
    }
    names
}

/// The messages of a batch, and how many alerts each stands for.
fn letters(post: &Post, names: &Names, batch: &[(Duration, Alert)]) -> Vec<(usize, Vec<u8>)> {
    let compose = |at: Duration, subject: &str, body: &str| {
        let subject = format!("[{}] {subject}", names.router);
        let date = clock::mail_stamp(at);
        Letter { date: &date, from: &names.from, subject: &subject, to: &post.recipients, body }.compose()
    };
    if batch.len() <= SINGLE_MAX {
        return batch.iter().map(|(at, alert)| (1, compose(*at, &alert.subject, &alert.body))).collect();
    }
    let line = |(at, alert): &(Duration, Alert)| format!("{}  {}\n", clock::local_stamp(*at), alert.subject);
    let body: String = batch.iter().map(line).collect();
    let last = batch.last().map_or(Duration::ZERO, |(at, _)| *at);
    vec![(batch.len(), compose(last, &format!("{} changes", batch.len()), &body))]
}

/// Why a delivery ended before everything had an outcome.
#[derive(Debug)]
enum Trouble {
    /// Its name leads nowhere.
    Name(io::Error),
    Connection(DialError),
    Closed(&'static str),
    Silent(&'static str, Duration),
    Words(String),
}

async fn hand_in(post: &Post, delivery: &mut Delivery) -> Result<(), Trouble> {
    let dialer = Dialer::new(1);
    let mut stream = connect(post, &dialer).await?;
    let ended = converse(delivery, &mut stream, post.timeout).await;
    dialer.part(stream).await;
    ended
}

async fn connect(post: &Post, dialer: &Dialer) -> Result<Stream, Trouble> {
    let port = post.server.port;
    let addresses = match &post.server.host {
        MailHost::Address(address) => vec![SocketAddr::new(*address, port)],
        MailHost::Name(name) => looked_up(name.clone(), port, post.timeout).await.map_err(Trouble::Name)?,
    };
    let mut last = None;
    for address in addresses.into_iter().take(ADDRESSES_MAX) {
        match dialer.connect(&Target::new(address), post.timeout).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = Some(error),
        }
    }
    Err(last.map_or_else(|| Trouble::Name(io::ErrorKind::NotFound.into()), Trouble::Connection))
}

async fn looked_up(name: String, port: u16, limit: Duration) -> io::Result<Vec<SocketAddr>> {
    let ask = beside::run(move || Ok((name.as_str(), port).to_socket_addrs()?.collect()));
    match timeout(limit, ask).await {
        Ok(Ok(found)) => found,
        Ok(Err(error)) => Err(error),
        Err(_) => Err(io::ErrorKind::TimedOut.into()),
    }
}

/// Talks until everything is settled. Each reply must be whole within `limit`, so a server that drips ends it too.
async fn converse(delivery: &mut Delivery, stream: &mut Stream, limit: Duration) -> Result<(), Trouble> {
    let mut words = Vec::new();
    loop {
        let awaited = delivery.awaited();
        let turn = timeout(limit, exchange(delivery, stream, &words)).await;
        match turn.map_err(|_| Trouble::Silent(awaited, limit))?? {
            Turn::Done => return Ok(()),
            Turn::Say(next) => words = next,
            Turn::Listen => words.clear(),
        }
    }
}

/// Says something and hears the whole reply.
async fn exchange(delivery: &mut Delivery, stream: &mut Stream, words: &[u8]) -> Result<Turn, Trouble> {
    let broken = |error| Trouble::Connection(DialError::judge("talking to the mail server", error));
    stream.write_all(words).await.map_err(broken)?;
    let mut bytes = [0; 2048];
    loop {
        let length = stream.read(&mut bytes).await.map_err(broken)?;
        if length == 0 {
            return Err(Trouble::Closed(delivery.awaited()));
        }
        match delivery.hear(bytes.get(..length).unwrap_or_default()) {
            Ok(Turn::Listen) => {}
            Ok(turn) => return Ok(turn),
            Err(fault) => return Err(Trouble::Words(fault.to_string())),
        }
    }
}

/// A mail server as a log names it.
fn named(server: &SmtpServer) -> String {
    match &server.host {
        MailHost::Address(address) => SocketAddr::new(*address, server.port).to_string(),
        MailHost::Name(name) => format!("{name}:{}", server.port),
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::Name(error) => write!(out, "its name is not found: {}", dial::words(error)),
            Trouble::Connection(error) => error.fmt(out),
            Trouble::Closed(awaited) => write!(out, "it closes instead of its {awaited}"),
            Trouble::Silent(awaited, limit) => write!(out, "no {awaited} within {limit:?}"),
            Trouble::Words(words) => out.write_str(words),
        }
    }
}

#[cfg(test)]
mod tests;

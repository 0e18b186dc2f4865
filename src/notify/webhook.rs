// SPDX-License-Identifier: MIT OR Apache-2.0
//! Webhooks: each event, as JSON, to every address that `notify_webhook` names, in order.
//!
//! Connections are made and TLS is spoken by steadfast-web, a process without rights, which is started at once and
//! again after it ended. What is not taken is tried again with growing pauses, and given up after `ATTEMPTS_MAX`. While one
//! event is on its way the others wait, `WAITING_MAX` at the most; then the oldest of them goes, chatter before changes of
//! state. Needs a tokio `LocalSet`.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use keepalived_conf::blocks::global::webhook::Webhook;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::sync::{Notify, oneshot};
use tokio::time::{sleep, timeout};

use crate::channel::{Happened, Posted};
use crate::kernel::offspring::{self, Offspring};
use crate::kernel::seqpacket::{End, Line};
use crate::observe::log::Log;
use crate::observe::snapshot::Hook;

/// Events that wait for one address.
pub const WAITING_MAX: usize = 256;
/// How often one event is tried.
pub const ATTEMPTS_MAX: u32 = 10;
/// From the name of the host to the status of the answer.
pub const LIMIT: Duration = Duration::from_secs(10);
/// The first pause before another attempt; each one doubles it.
pub const PAUSE_FIRST: Duration = Duration::from_secs(1);
pub const PAUSE_MAX: Duration = Duration::from_secs(60);
/// How much longer than the limit we wait for steadfast-web to say what became of it.
const PATIENCE: Duration = Duration::from_secs(10);
/// The version of the body.
pub const VERSION: u32 = 1;
/// The program beside our own.
const PROGRAM: &str = "steadfast-web";
/// The word before the number of its line, when it is started to post.
pub const POSTING: &str = "post";

/// To steadfast-web: post this.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    pub id: u64,
    pub url: String,
    pub body: String,
    pub limit_ms: u64,
}

/// From steadfast-web: the status of the answer, or why there is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    pub id: u64,
    pub outcome: Result<u16, String>,
}

/// How long to wait for what; others in tests.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    pub limit: Duration,
    pub first: Duration,
    pub most: Duration,
}

impl Default for Times {
    fn default() -> Times {
        Times { limit: LIMIT, first: PAUSE_FIRST, most: PAUSE_MAX }
    }
}

/// Every address, and what waits for it.
#[derive(Debug, Default)]
pub struct Webhooks {
    node: String,
    hooks: Vec<Rc<Queue>>,
    /// Some hook is farther than before.
    moved: Rc<Notify>,
}

#[derive(Debug)]
struct Queue {
    hook: Webhook,
    waiting: RefCell<VecDeque<Waiting>>,
    filled: Notify,
    seen: RefCell<Hook>,
    /// The last event it is done with, and the last one that was told of.
    done: Cell<Option<u64>>,
    told: Cell<Option<u64>>,
    moved: Rc<Notify>,
}

#[derive(Debug)]
struct Waiting {
    number: u64,
    body: String,
    changes: bool,
}

impl Webhooks {
    /// `node` is what this machine is called in every body.
    pub fn new(addresses: &[Webhook], node: String, program: Option<PathBuf>, times: Times, log: &Log) -> Webhooks {
        let poster =
            Rc::new(Poster { program: program.unwrap_or_else(|| offspring::beside(PROGRAM)), ..Poster::default() });
        let moved = Rc::new(Notify::new());
        let mut hooks: Vec<Rc<Queue>> = Vec::new();
        for address in addresses {
            // Two may differ only in what is not shown.
            let same = hooks.iter().filter(|other| other.hook.place() == address.place()).count();
            hooks.push(Rc::new(Queue::new(address.clone(), same, moved.clone())));
        }
        if !hooks.is_empty() {
            // While we have every right: another user may not reach the program. What fails here is told with the first event.
            let _ = poster.link();
        }
        for hook in &hooks {
            let (hook, poster, log) = (hook.clone(), poster.clone(), log.clone());
            tokio::task::spawn_local(async move { hook.serve(&poster, times, &log).await });
        }
        Webhooks { node, hooks, moved }
    }

    pub fn tell(&self, happened: &Happened) {
        if self.hooks.is_empty() {
            return;
        }
        let body = body(happened, &self.node);
        for hook in &self.hooks {
            hook.add(waiting(happened, &body));
        }
    }

    /// Takes up what another process has left, which told how far it was.
    pub fn go_on(&self, events: &[Happened], posted: &Posted) {
        for hook in &self.hooks {
            let from = posted.hooks.get(&hook.key()).copied().unwrap_or(posted.others);
            hook.is_done_with(from);
            for happened in events.iter().filter(|happened| happened.number > from) {
                hook.add(waiting(happened, &body(happened, &self.node)));
            }
        }
    }

    /// Waits until hooks are farther than before: which, and how far. Dropping the future loses nothing.
    pub async fn posted(&self) -> Vec<(u64, u64)> {
        loop {
            let news: Vec<(u64, u64)> = self.hooks.iter().filter_map(|hook| hook.news()).collect();
            if !news.is_empty() {
                return news;
            }
            self.moved.notified().await;
        }
    }

    /// How each address does. An address may hold a secret, so only its beginning is shown.
    pub fn seen(&self) -> Vec<Hook> {
        let seen =
            |hook: &Rc<Queue>| Hook { waiting: hook.waiting.borrow().len() as u64, ..hook.seen.borrow().clone() };
        self.hooks.iter().map(seen).collect()
    }
}

fn waiting(happened: &Happened, body: &str) -> Waiting {
    Waiting { number: happened.number, body: body.to_owned(), changes: happened.state.is_some() }
}

/// The body of a post. What is added to it later does not change what is here.
pub fn body(happened: &Happened, node: &str) -> String {
    let Happened { number, at_ms, from, about, level, text, state, why, priority } = happened;
    json!({
        "version": VERSION, "node": node, "number": number, "at_ms": at_ms, "from": from, "about": about, "level": level,
        "text": text, "state": state, "why": why, "priority": priority,
    })
    .to_string()
}

/// What an answer means.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Taken,
    /// Another attempt may do better.
    Later(String),
    /// It would end the same way.
    Never(String),
}

fn verdict(outcome: Result<u16, String>) -> Verdict {
    match outcome {
        Ok(200..=299) => Verdict::Taken,
        Ok(status @ (408 | 425 | 429 | 500..=599)) => Verdict::Later(format!("status {status}")),
        Ok(status) => Verdict::Never(format!("status {status}")),
        Err(why) => Verdict::Later(why),
    }
}

impl Queue {
    /// `same`: how many before it look the same.
    fn new(hook: Webhook, same: usize, moved: Rc<Notify>) -> Queue {
        let place = if same == 0 { hook.place().to_owned() } else { format!("{} ({})", hook.place(), same + 1) };
        Queue {
            hook,
            waiting: RefCell::default(),
            filled: Notify::new(),
            seen: RefCell::new(Hook { place, ..Hook::default() }),
            done: Cell::new(None),
            told: Cell::new(None),
            moved,
        }
    }

    /// Stands for the address where it is not to be seen.
    fn key(&self) -> u64 {
        let digest = Sha256::digest(self.hook.expose().as_bytes());
        digest.iter().take(8).fold(0, |key, octet| key << 8 | u64::from(*octet))
    }

    fn is_done_with(&self, number: u64) {
        self.done.set(self.done.get().max(Some(number)));
        self.moved.notify_one();
    }

    /// How far it is, where that was not told yet.
    fn news(&self) -> Option<(u64, u64)> {
        let done = self.done.get();
        let is_news = self.told.replace(done) != done;
        done.filter(|_| is_news).map(|done| (self.key(), done))
    }

    fn add(&self, new: Waiting) {
        let mut waiting = self.waiting.borrow_mut();
        if waiting.len() >= WAITING_MAX {
            // The first is on its way.
            let goes = waiting.iter().skip(1).position(|one| !one.changes).map_or(1, |at| at + 1);
            waiting.remove(goes);
            self.seen.borrow_mut().dropped += 1;
        }
        waiting.push_back(new);
        self.filled.notify_one();
    }

    async fn serve(&self, poster: &Poster, times: Times, log: &Log) {
        loop {
            let first = self.waiting.borrow().front().map(|one| (one.number, one.body.clone()));
            let Some((number, body)) = first else {
                self.filled.notified().await;
                continue;
            };
            self.deliver(&body, poster, times, log).await;
            self.waiting.borrow_mut().pop_front();
            self.is_done_with(number);
        }
    }

    async fn deliver(&self, body: &str, poster: &Poster, times: Times, log: &Log) {
        let mut pause = times.first;
        for attempt in 1..=ATTEMPTS_MAX {
            let verdict = verdict(poster.post(self.hook.expose(), body, times.limit).await);
            if !self.note(verdict, attempt < ATTEMPTS_MAX, log) {
                return;
            }
            sleep(pause).await;
            pause = (pause * 2).min(times.most);
        }
    }

    /// Counts what came of an attempt; says whether there is to be another one.
    fn note(&self, verdict: Verdict, may_try: bool, log: &Log) -> bool {
        let seen = &mut *self.seen.borrow_mut();
        let (again, why) = match verdict {
            Verdict::Taken => {
                if seen.failing.take().is_some() {
                    log.notice(format_args!("webhook {}: events are taken again", seen.place));
                }
                seen.posted += 1;
                return false;
            }
            Verdict::Later(why) => (may_try, why),
            Verdict::Never(why) => (false, why),
        };
        *(if again { &mut seen.retried } else { &mut seen.failed }) += 1;
        tell_trouble(seen, why, log);
        again
    }
}

/// Once, until it is over.
fn tell_trouble(seen: &mut Hook, why: String, log: &Log) {
    if seen.failing.is_none() {
        log.warning(format_args!("webhook {}: {why}", seen.place));
    }
    seen.failing = Some(why);
}

/// The way to steadfast-web.
#[derive(Debug, Default)]
struct Poster {
    program: PathBuf,
    link: RefCell<Option<Rc<Link>>>,
}

/// One life of it.
#[derive(Debug)]
struct Link {
    line: Line,
    last: RefCell<u64>,
    asked: RefCell<BTreeMap<u64, oneshot::Sender<Result<u16, String>>>>,
    unwanted: Notify,
}

impl Poster {
    async fn post(&self, url: &str, body: &str, limit: Duration) -> Result<u16, String> {
        let link = self.link().map_err(|error| format!("{} cannot be started: {error}", self.program.display()))?;
        let id = link.next();
        let limit_ms = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
        let task = Task { id, url: url.to_owned(), body: body.to_owned(), limit_ms };
        let packet = serde_json::to_vec(&task).map_err(|error| error.to_string())?;
        let (tell, told) = oneshot::channel();
        link.asked.borrow_mut().insert(id, tell);
        let asking = async {
            send(&link.line, &packet).await.map_err(|error| format!("{PROGRAM}: {error}"))?;
            told.await.unwrap_or_else(|_| Err(format!("{PROGRAM} ended")))
        };
        let outcome = timeout(limit + PATIENCE, asking).await;
        link.asked.borrow_mut().remove(&id);
        outcome.unwrap_or_else(|_| {
            link.unwanted.notify_one();
            Err(format!("{PROGRAM} does not answer"))
        })
    }

    fn link(&self) -> io::Result<Rc<Link>> {
        let mut known = self.link.borrow_mut();
        if let Some(link) = known.as_ref().filter(|link| Rc::strong_count(link) > 1) {
            return Ok(link.clone());
        }
        let (own, theirs) = End::pair()?;
        let arguments = [OsString::from(POSTING), OsString::from(theirs.as_raw_fd().to_string())];
        let process = Offspring::start_other(&self.program, PROGRAM.as_ref(), &arguments, &[], &[theirs.as_fd()])?;
        let link = Rc::new(Link {
            line: own.watched()?,
            last: RefCell::default(),
            asked: RefCell::default(),
            unwanted: Notify::new(),
        });
        tokio::task::spawn_local(attend(link.clone(), process));
        *known = Some(link.clone());
        Ok(link)
    }
}

impl Link {
    fn next(&self) -> u64 {
        let mut last = self.last.borrow_mut();
        *last += 1;
        *last
    }
}

/// Hands outcomes to those who wait for them until the process ends. As long as this runs the link counts as alive.
async fn attend(link: Rc<Link>, mut process: Offspring) {
    loop {
        tokio::select! {
            packet = link.line.receive() => {
                let done = packet.ok().flatten().and_then(|packet| serde_json::from_slice::<Done>(&packet.bytes).ok());
                let Some(Done { id, outcome }) = done else { break };
                if let Some(tell) = link.asked.borrow_mut().remove(&id) {
                    let _ = tell.send(outcome);
                }
            }
            () = link.unwanted.notified() => break,
        }
    }
    process.kill();
    let _ = timeout(PATIENCE, process.ended()).await;
    link.asked.borrow_mut().clear();
}

async fn send(line: &Line, packet: &[u8]) -> io::Result<()> {
    loop {
        match line.end().send(packet, None) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => line.writable().await?,
            other => return other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_taken_tried_again_or_given_up() {
        assert_eq!(verdict(Ok(204)), Verdict::Taken);
        for status in [408, 429, 500, 503] {
            assert_eq!(verdict(Ok(status)), Verdict::Later(format!("status {status}")));
        }
        for status in [301, 400, 404] {
            assert_eq!(verdict(Ok(status)), Verdict::Never(format!("status {status}")));
        }
        assert_eq!(verdict(Err("refused".into())), Verdict::Later("refused".into()));
    }

    #[test]
    fn of_too_many_that_wait_chatter_goes_before_changes_of_state_and_is_counted() {
        let queue = Queue::new(Webhook::read("http://h/").unwrap(), 0, Rc::default());
        let event = |changes: bool| Waiting { number: 0, body: String::new(), changes };
        for number in 0..WAITING_MAX {
            queue.add(event(number % 2 == 0));
        }
        (0..WAITING_MAX / 2).for_each(|_| queue.add(event(true)));
        assert!(queue.waiting.borrow().iter().all(|one| one.changes));
        queue.add(event(true));
        assert_eq!(queue.waiting.borrow().len(), WAITING_MAX);
        assert_eq!(queue.seen.borrow().dropped, WAITING_MAX as u64 / 2 + 1);
    }

    #[tokio::test(flavor = "current_thread")]
    async fn what_another_process_has_left_is_taken_up_where_it_was() {
        let moved = Rc::new(Notify::new());
        let queue = |url: &str| Rc::new(Queue::new(Webhook::read(url).unwrap(), 0, moved.clone()));
        let (known, new) = (queue("http://h/known"), queue("http://h/new"));
        let hooks = Webhooks { node: "a".into(), hooks: vec![known.clone(), new.clone()], moved: moved.clone() };
        let events: Vec<Happened> = (5..=9).map(|number| Happened { number, ..Happened::default() }).collect();
        let posted = Posted { hooks: [(known.key(), 6)].into(), others: 8 };
        hooks.go_on(&events, &posted);
        let waits = |queue: &Queue| queue.waiting.borrow().iter().map(|one| one.number).collect::<Vec<_>>();
        assert_eq!((waits(&known), waits(&new)), (vec![7, 8, 9], vec![9]));
        // Who comes next goes on there, even if nothing is posted meanwhile.
        let told = hooks.posted().await;
        assert_eq!(told, [(known.key(), 6), (new.key(), 8)]);
        known.is_done_with(7);
        assert_eq!(hooks.posted().await, [(known.key(), 7)]);
        assert_eq!(known.news(), None);
    }
}

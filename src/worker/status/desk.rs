// SPDX-License-Identifier: MIT OR Apache-2.0
//! What askers share: open questions, the last snapshot, and the events.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::mpsc::Sender;
use tokio::sync::{Notify, oneshot};

use crate::channel::{Ask, Happened, Posted};
use crate::kernel::clock;
use crate::notify::webhook::Webhooks;
use crate::observe::snapshot::{Daemon, Door, Seen};

/// Questions on their way.
pub(super) const QUESTIONS_MAX: usize = 32;
/// Events that are kept for those who ask later.
const EVENTS_MAX: usize = 1024;
/// Whoever has not answered by then does not.
const ANSWER_LIMIT: Duration = Duration::from_secs(2);
/// A snapshot is shown to others for so long, so that the loop of the protocol is asked twice a second at most.
const FRESH: Duration = Duration::from_millis(500);

#[derive(Debug)]
pub(super) struct Desk {
    questions: Sender<(u64, Ask)>,
    last: Cell<u64>,
    open: RefCell<BTreeMap<u64, oneshot::Sender<String>>>,
    not_asked: Cell<u64>,
    seen: RefCell<Option<(u64, Rc<Seen>)>>,
    looking: tokio::sync::Mutex<()>,
    events: RefCell<VecDeque<Rc<Happened>>>,
    news: Notify,
    webhooks: Webhooks,
    pub(super) http: Counted,
    pub(super) control: Counted,
}

/// Counts at one door.
pub(super) type Counted = RefCell<Door>;

impl Desk {
    pub(super) fn new(questions: Sender<(u64, Ask)>, webhooks: Webhooks) -> Desk {
        Desk {
            questions,
            last: Cell::new(0),
            open: RefCell::default(),
            not_asked: Cell::new(0),
            seen: RefCell::default(),
            looking: tokio::sync::Mutex::new(()),
            events: RefCell::default(),
            news: Notify::new(),
            webhooks,
            http: RefCell::default(),
            control: RefCell::default(),
        }
    }

    /// Asks whoever knows. What cannot be had comes back in words.
    pub(super) async fn ask(&self, ask: Ask) -> Result<Value, String> {
        let id = self.last.get() + 1;
        self.last.set(id);
        let (to, answer) = oneshot::channel();
        self.open.borrow_mut().insert(id, to);
        let answered = match self.questions.try_send((id, ask)) {
            Ok(()) => tokio::time::timeout(ANSWER_LIMIT, answer).await,
            Err(_) => {
                self.open.borrow_mut().remove(&id);
                self.not_asked.set(self.not_asked.get() + 1);
                return Err("too many questions at once; ask again".to_owned());
            }
        };
        self.open.borrow_mut().remove(&id);
        let Ok(Ok(body)) = answered else {
            return Err(format!(
                "no answer within {} s: the worker is busy, hangs, or is gone",
                ANSWER_LIMIT.as_secs()
            ));
        };
        let value: Value = serde_json::from_str(&body).map_err(|error| format!("an answer that is none: {error}"))?;
        match value.get("error").and_then(Value::as_str) {
            Some(error) if value.get("idle").is_none() => Err(error.to_owned()),
            Some(_) | None => Ok(value),
        }
    }

    /// What one worker knows; nothing of one that has nothing to do here.
    async fn part<T: DeserializeOwned>(&self, ask: Ask) -> Result<Option<T>, String> {
        let value = self.ask(ask).await?;
        if value.get("idle").is_some() {
            return Ok(None);
        }
        serde_json::from_value(value).map(Some).map_err(|error| format!("an answer that is none: {error}"))
    }

    /// How everything stands, never older than it may seem: it says itself when it was taken.
    pub(super) async fn look(&self) -> Rc<Seen> {
        let _one_at_a_time = self.looking.lock().await;
        let fresh = |(at, _): &&(u64, Rc<Seen>)| Duration::from_nanos(clock::now().saturating_sub(*at)) < FRESH;
        if let Some((_, seen)) = self.seen.borrow().as_ref().filter(fresh) {
            return seen.clone();
        }
        let (daemon, vrrp, lvs) =
            tokio::join!(self.part::<Daemon>(Ask::Daemon), self.part(Ask::Status), self.part(Ask::Balance));
        let doors = [("control", &self.control), ("http", &self.http)];
        let doors = doors.map(|(name, counted)| (name.to_owned(), *counted.borrow())).into();
        let daemon = daemon.ok().flatten().map(|daemon| Daemon {
            webhooks: self.webhooks.seen(),
            doors,
            questions_refused: self.not_asked.get(),
            ..daemon
        });
        let seen = Rc::new(Seen { daemon, vrrp, lvs });
        self.seen.replace(Some((clock::now(), seen.clone())));
        seen
    }

    /// What was seen may be different now.
    pub(super) fn forget(&self) {
        self.seen.replace(None);
    }

    pub(super) fn answered(&self, id: u64, body: String) {
        if let Some(to) = self.open.borrow_mut().remove(&id) {
            let _ = to.send(body);
        }
    }

    /// As it happens: who is told over the network hears of it once.
    pub(super) fn tell(&self, happened: &Happened) {
        self.webhooks.tell(happened);
    }

    /// What happened before this process was there: of the events nobody has posted yet, webhooks hear now.
    pub(super) fn past(&self, events: Vec<Happened>, posted: &Posted) {
        self.webhooks.go_on(&events, posted);
        events.into_iter().for_each(|happened| self.happened(happened));
    }

    /// Which webhooks are farther than before, and how far.
    pub(super) async fn posted(&self) -> Vec<(u64, u64)> {
        self.webhooks.posted().await
    }

    pub(super) fn happened(&self, happened: Happened) {
        let mut events = self.events.borrow_mut();
        if events.back().is_some_and(|last| last.number >= happened.number) {
            return;
        }
        if events.len() >= EVENTS_MAX {
            events.pop_front();
        }
        events.push_back(Rc::new(happened));
        self.news.notify_waiters();
    }

    /// The events from this number on, as far as they are kept.
    pub(super) fn events(&self, from: u64) -> Vec<Rc<Happened>> {
        self.events.borrow().iter().filter(|event| event.number >= from).cloned().collect()
    }

    /// Waits until there is one of this number or later.
    pub(super) async fn wait_for(&self, number: u64) {
        loop {
            let news = self.news.notified();
            if self.events.borrow().back().is_some_and(|last| last.number >= number) {
                return;
            }
            news.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(number: u64) -> Happened {
        Happened { number, ..Happened::default() }
    }

    #[test]
    fn events_are_kept_once_in_order_and_not_for_ever() {
        let (questions, _asked) = tokio::sync::mpsc::channel(1);
        let desk = Desk::new(questions, Webhooks::default());
        for number in (1..=EVENTS_MAX as u64 + 5).chain([7, 3]) {
            desk.happened(event(number));
        }
        let kept = desk.events(0);
        assert_eq!(kept.len(), EVENTS_MAX);
        assert_eq!(kept.first().map(|event| event.number), Some(6));
        assert_eq!(desk.events(EVENTS_MAX as u64 + 4).len(), 2);
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_question_is_refused_when_too_many_are_on_their_way() {
        let (questions, _asked) = tokio::sync::mpsc::channel(1);
        let desk = Desk::new(questions.clone(), Webhooks::default());
        questions.try_send((0, Ask::Status)).unwrap();
        let refused = desk.ask(Ask::Status).await.unwrap_err();
        assert!(refused.contains("too many"), "{refused}");
        assert!(desk.open.borrow().is_empty() && desk.not_asked.get() == 1);
    }
}

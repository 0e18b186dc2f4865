// SPDX-License-Identifier: MIT OR Apache-2.0
//! Messages on their way out of a process that must not wait.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::io;

use tokio::sync::Notify;

use super::{Channel, Deposit, Dump, Happened, Message};
use crate::kernel::seqpacket::PACKET_MAX;

/// So many messages may wait before those that may be lost are.
pub(super) const WAITING_MAX: usize = 1024;

/// What says that something changed its state finds so much room more, however much chatter waits.
pub(super) const SPARED_MAX: usize = 4096;

/// So many events go in one message.
const TOGETHER_MAX: usize = 64;

/// Octets an event takes in a message besides its texts, more or less.
const EVENT_OVERHEAD: usize = 512;

/// What a message is about: of two on the same matter only the newer one counts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Matter {
    Undo(u32),
    Farewell(u32),
    Instance(String),
    Session(String),
    Reload,
    Stop,
    Alive,
    LogLevel,
    Dump(Dump),
    Ask(u64),
    Answer(u64),
    Past,
    Posted(u64),
}

impl Matter {
    /// Nothing of events: each counts.
    fn of(message: &Message) -> Option<Matter> {
        Some(match message {
            Message::Will(Deposit::Undo { instance, .. }) => Matter::Undo(*instance),
            Message::Will(Deposit::Farewell { instance, .. }) => Matter::Farewell(*instance),
            Message::Reload { .. } | Message::Reloaded { .. } => Matter::Reload,
            Message::Alive { .. } | Message::Beside => Matter::Alive,
            Message::Instance { name, .. } => Matter::Instance(name.clone()),
            Message::Session { name, .. } => Matter::Session(name.clone()),
            Message::Stop => Matter::Stop,
            Message::LogLevel(_) => Matter::LogLevel,
            Message::Dump(dump) => Matter::Dump(*dump),
            Message::Ask { id, .. } => Matter::Ask(*id),
            Message::Answer { id, .. } => Matter::Answer(*id),
            Message::Past { .. } => Matter::Past,
            Message::Posted { hook, .. } => Matter::Posted(*hook),
            Message::Happened(_) => return None,
        })
    }
}

/// Sends at once what can be sent at once, and keeps the rest: at most one message for each matter.
#[derive(Debug)]
pub struct Outbox {
    channel: Channel,
    pub(super) waiting: RefCell<BTreeMap<Matter, Message>>,
    /// What happened goes together, and after everything else.
    pub(super) events: RefCell<VecDeque<Happened>>,
    filled: Notify,
    /// Messages that nobody depends on and that found too many before them.
    lost: Cell<u64>,
}

impl Outbox {
    pub fn new(channel: Channel) -> Outbox {
        Outbox {
            channel,
            waiting: RefCell::default(),
            events: RefCell::default(),
            filled: Notify::new(),
            lost: Cell::new(0),
        }
    }

    pub fn lost(&self) -> u64 {
        self.lost.get()
    }

    pub fn channel(&self) -> &Channel {
        &self.channel
    }

    pub fn post(&self, message: Message) {
        let mut waiting = self.waiting.borrow_mut();
        let was_empty = waiting.is_empty();
        let Some(matter) = Matter::of(&message) else {
            drop(waiting);
            if let Message::Happened(events) = message {
                events.into_iter().for_each(|happened| self.tell(happened));
            }
            return;
        };
        let may_be_lost = matches!(message, Message::Ask { .. } | Message::Answer { .. });
        if may_be_lost && waiting.len() >= WAITING_MAX {
            self.lost.set(self.lost.get().saturating_add(1));
            return;
        }
        waiting.insert(matter, message);
        drop(waiting);
        // Behind a message that waits, everything waits for its turn.
        if was_empty && !self.flush() {
            self.filled.notify_one();
        }
    }

    /// It goes together with what happens until this process rests.
    fn tell(&self, happened: Happened) {
        let mut events = self.events.borrow_mut();
        let room = if happened.state.is_some() { WAITING_MAX + SPARED_MAX } else { WAITING_MAX };
        if events.len() >= room {
            self.lost.set(self.lost.get().saturating_add(1));
            return;
        }
        events.push_back(happened);
        let is_much = events.len().is_multiple_of(TOGETHER_MAX);
        drop(events);
        if !is_much || !self.flush() {
            self.filled.notify_one();
        }
    }

    /// Sends what can be sent; says whether nothing is left. Nobody reads what is sent to a channel that is closed.
    fn flush(&self) -> bool {
        let mut waiting = self.waiting.borrow_mut();
        while let Some(entry) = waiting.first_entry() {
            match self.channel.try_send(entry.get(), None) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return false,
                Ok(()) | Err(_) => drop(entry.remove()),
            }
        }
        let mut events = self.events.borrow_mut();
        while !events.is_empty() {
            let together = together(&events);
            let message = Message::Happened(events.iter().take(together).cloned().collect());
            match self.channel.try_send(&message, None) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return false,
                Ok(()) | Err(_) => drop(events.drain(..together)),
            }
        }
        true
    }

    /// Sends what waits, whenever there is room; returns when nothing is left. Dropping the future loses nothing.
    pub async fn drain(&self) -> io::Result<()> {
        while !self.flush() {
            self.channel.writable().await?;
        }
        Ok(())
    }

    /// Never ends but with an error of the runtime.
    pub async fn run(&self) -> io::Result<()> {
        loop {
            self.filled.notified().await;
            self.drain().await?;
        }
    }
}

/// How many of these fit into one packet; one that is longer goes alone.
fn together(events: &VecDeque<Happened>) -> usize {
    let mut octets = 0;
    let fits = |happened: &&Happened| {
        octets += EVENT_OVERHEAD + happened.text.len() + happened.why.as_ref().map_or(0, String::len);
        octets <= PACKET_MAX
    };
    events.iter().take(TOGETHER_MAX).take_while(fits).count().max(1)
}

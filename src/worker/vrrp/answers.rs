// SPDX-License-Identifier: MIT OR Apache-2.0
//! Answers to the questions and wishes of operators, beside the loop: it is never waited for by the loop.

use std::io;
use std::time::Duration;

use serde_json::json;
use tokio::sync::mpsc::{Receiver, Sender};
use tokio::sync::oneshot;

use super::Order;
use super::show::{self, Wanted};
use crate::channel::{Ask, Course, Message, Outbox};
use crate::kernel::{beside, memory};
use crate::observe::snapshot::{Instance, State, Vrrp};
use crate::proto::vrrp::{OWNER_PRIORITY, Stand, StandCourse};
use crate::watch::Busy;

/// Questions that may wait.
pub(super) const QUESTIONS_MAX: usize = 32;

/// A question and the number its answer carries.
pub(super) type Question = (u64, Ask);

#[derive(Debug)]
pub(super) struct Answerer<'a> {
    pub(super) orders: Sender<Order>,
    pub(super) outbox: &'a Outbox,
    pub(super) busy: Busy,
}

impl Answerer<'_> {
    pub(super) async fn serve(&self, mut asked: Receiver<Question>) -> io::Result<()> {
        while let Some((id, ask)) = asked.recv().await {
            let answer = match ask {
                Ask::Record => self.record().await,
                other => self.answer(other).await.map(|answer| answer.to_string()),
            };
            // A loop that says nothing has ended.
            let Some(body) = answer else { continue };
            self.outbox.post(Message::Answer { id, body });
        }
        std::future::pending().await
    }

    async fn answer(&self, ask: Ask) -> Option<serde_json::Value> {
        match ask {
            Ask::Status => self.look().await.and_then(|seen| serde_json::to_value(seen).ok()),
            Ask::Announce { name } => self.announce(&name).await,
            Ask::Stand { name, stand } => self.stand(&name, stand).await,
            Ask::Record
            | Ask::Reload
            | Ask::Daemon
            | Ask::LogLevel { .. }
            | Ask::Plan { .. }
            | Ask::Balance
            | Ask::Server { .. } => Some(json!({"error": "the VRRP worker was asked what it does not know"})),
        }
    }

    /// A recording may be megabytes: the loop goes on while it becomes text.
    async fn record(&self) -> Option<String> {
        let (to, answer) = oneshot::channel();
        self.orders.send(Order::Record(to)).await.ok()?;
        let Some(recording) = answer.await.ok()? else {
            return Some(json!({"error": "nothing has happened yet"}).to_string());
        };
        let text = beside::run(move || serde_json::to_string(&recording)).await.ok()?;
        memory::give_back();
        Some(match text {
            Ok(text) => format!("{{\"recording\":{text}}}"),
            Err(error) => json!({"error": format!("the recording cannot be written: {error}")}).to_string(),
        })
    }

    async fn look(&self) -> Option<Vrrp> {
        let seen = show::ask(&self.orders, &self.busy, Wanted::State).await?;
        Some(Vrrp { lost: self.outbox.lost(), ..*seen })
    }

    async fn announce(&self, name: &str) -> Option<serde_json::Value> {
        let seen = self.look().await?;
        let Some(instance) = named(&seen, name) else { return Some(unknown(&seen, name)) };
        if instance.state != State::Master {
            return Some(json!({"error": format!("{name} is {}: only a master announces", instance.state.word())}));
        }
        self.orders.send(Order::Announce(instance.id())).await.ok()?;
        Some(json!({"announced": name}))
    }

    async fn stand(&self, name: &str, stand: Option<crate::channel::Stand>) -> Option<serde_json::Value> {
        let seen = self.look().await?;
        let Some(instance) = named(&seen, name) else { return Some(unknown(&seen, name)) };
        if let Some(refusal) = stand.and_then(|stand| refusal(instance, stand.course)) {
            return Some(json!({"error": refusal}));
        }
        let wanted = stand.map(|stand| Stand {
            course: match stand.course {
                Course::Take => StandCourse::Take,
                Course::Release => StandCourse::Release,
                Course::Priority(priority) => StandCourse::Base(priority),
            },
            lasts: stand.seconds.map(|seconds| Duration::from_secs(seconds.into())),
        });
        self.orders.send(Order::Stand(instance.id(), wanted)).await.ok()?;
        let after = self.look().await?;
        Some(json!({"instance": named(&after, name)}))
    }
}

/// Why a wish cannot be granted, and what to do instead.
fn refusal(instance: &Instance, course: Course) -> Option<String> {
    let name = &instance.name;
    let owner = instance.base_priority == OWNER_PRIORITY;
    match (course, instance.state) {
        (_, State::Init) => Some(format!("{name} has not started: it waits for {}", instance.waits_for.join(", "))),
        (Course::Take, State::Fault) => {
            Some(format!("{name} is in FAULT: {}; mend that first", instance.faults.join(", ")))
        }
        (Course::Release | Course::Priority(_), _) if owner => {
            Some(format!("{name} owns its addresses (priority 255); stop the daemon, or reload with another priority"))
        }
        (Course::Take, _) if instance.master.as_ref().is_some_and(|master| master.priority == OWNER_PRIORITY) => {
            Some(format!("the master of {name} owns the addresses (priority 255) and would take them back at once"))
        }
        (Course::Priority(0 | OWNER_PRIORITY), _) => Some("a priority is from 1 to 254".to_owned()),
        (Course::Take | Course::Release | Course::Priority(_), State::Backup | State::Master | State::Fault) => None,
    }
}

fn named<'a>(seen: &'a Vrrp, name: &str) -> Option<&'a Instance> {
    seen.instances.iter().find(|instance| instance.name == name)
}

fn unknown(seen: &Vrrp, name: &str) -> serde_json::Value {
    let names: Vec<&str> = seen.instances.iter().map(|instance| instance.name.as_str()).collect();
    json!({"error": format!("no instance `{name}`; there are {}", names.join(", "))})
}

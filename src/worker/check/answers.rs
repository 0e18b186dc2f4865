// SPDX-License-Identifier: MIT OR Apache-2.0
//! Answers to the questions and wishes of operators, beside the loop: it is never waited for by the loop.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc::{Receiver, Sender};
use tokio::sync::oneshot;

use super::Order;
use crate::channel::{Ask, Message, Outbox, ServerVerb};
use crate::notify::balance::Names;
use crate::observe::snapshot::lvs::is_called;
use crate::plan::lvs::LvsPlan;
use crate::proto::health::{self, Input, Refusal, ServerId, Verb, WEIGHT_MAX};

/// Questions that may wait.
pub(super) const QUESTIONS_MAX: usize = 32;

/// Names that are listed to whoever asks for one that is not there.
const NAMED_MAX: usize = 20;

/// A question and the number its answer carries.
pub(super) type Question = (u64, Ask);

#[derive(Debug)]
pub(super) struct Answerer<'a> {
    pub(super) orders: Sender<Order>,
    pub(super) outbox: &'a Outbox,
}

impl Answerer<'_> {
    pub(super) async fn serve(&self, mut asked: Receiver<Question>) -> io::Result<()> {
        while let Some((id, ask)) = asked.recv().await {
            let answer = match ask {
                Ask::Balance => self.look().await,
                Ask::Server { name, of, verb, seconds, force } => {
                    self.operate(Wanted { name, of, verb, seconds, force }).await
                }
                Ask::Status
                | Ask::Announce { .. }
                | Ask::Stand { .. }
                | Ask::Record
                | Ask::Reload
                | Ask::Daemon
                | Ask::LogLevel { .. }
                | Ask::Plan { .. } => Some(json!({"error": "the checker worker was asked what it does not know"})),
            };
            // A loop that says nothing has ended.
            let Some(answer) = answer else { continue };
            self.outbox.post(Message::Answer { id, body: answer.to_string() });
        }
        std::future::pending().await
    }

    async fn look(&self) -> Option<Value> {
        let (to, answer) = oneshot::channel();
        self.orders.send(Order::Tell(to)).await.ok()?;
        serde_json::to_value(answer.await.ok()?).ok()
    }

    async fn operate(&self, wanted: Wanted) -> Option<Value> {
        let (to, answer) = oneshot::channel();
        self.orders.send(Order::Operate(wanted, to)).await.ok()?;
        Some(match answer.await.ok()? {
            Ok(done) => json!({"done": done}),
            Err(refusal) => json!({"error": refusal}),
        })
    }
}

/// What an operator wants of a real server, in every virtual server it is in or in one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) name: String,
    pub(super) of: Option<String>,
    pub(super) verb: ServerVerb,
    pub(super) seconds: Option<u32>,
    pub(super) force: bool,
}

impl Wanted {
    fn verb(&self, server: ServerId) -> Verb {
        let lasts = self.seconds.map(|seconds| Duration::from_secs(seconds.into()));
        match self.verb {
            ServerVerb::Drain => Verb::Drain { server, lasts, force: self.force },
            ServerVerb::Weight(weight) => Verb::Weight { server, weight, lasts, force: self.force },
            ServerVerb::Normal => Verb::Restore { server },
            ServerVerb::Check => Verb::Check { server },
        }
    }

    /// As the log tells it.
    fn words(&self) -> String {
        let lasts = self.seconds.map(|seconds| format!(" for {seconds} s")).unwrap_or_default();
        match self.verb {
            ServerVerb::Drain => format!("drain{lasts}"),
            ServerVerb::Weight(weight) => format!("weight {weight}{lasts}"),
            ServerVerb::Normal => "as configured".to_owned(),
            ServerVerb::Check => "check now".to_owned(),
        }
    }
}

/// What became of a wish: a line for each server, or why nothing was done for some.
pub(super) type Answer = Result<Vec<String>, String>;

/// Wishes the engine has not answered yet.
#[derive(Debug, Default)]
pub(super) struct Wishes {
    last: u64,
    /// By order: the wish it belongs to, and the server as people call it.
    orders: BTreeMap<u64, (u64, String)>,
    open: BTreeMap<u64, Open>,
}

#[derive(Debug)]
struct Open {
    wanted: Wanted,
    left: usize,
    done: Vec<String>,
    refused: Vec<String>,
    to: oneshot::Sender<Answer>,
}

impl Wishes {
    /// What the engine is to be told.
    pub(super) fn begin(&mut self, wanted: Wanted, plan: &LvsPlan, to: oneshot::Sender<Answer>) -> Vec<Input> {
        let servers = named(plan, &wanted.name, wanted.of.as_deref());
        if servers.is_empty() {
            // Whoever asked may have lost patience.
            let _ = to.send(Err(unknown(plan, &wanted)));
            return Vec::new();
        }
        let wish = self.last + 1;
        let names = Names { now: plan, before: None };
        let mut inputs = Vec::new();
        for server in &servers {
            self.last += 1;
            let name = format!("{} of VS {}", names.server_name(*server), names.service_name_of(*server));
            self.orders.insert(self.last, (wish, name));
            inputs.push(Input::Operator(health::Order(self.last), wanted.verb(*server)));
        }
        let open = Open { left: servers.len(), wanted, done: Vec::new(), refused: Vec::new(), to };
        self.open.insert(wish, open);
        inputs
    }

    /// The engine's answer to one order; a line for the log when something was done.
    pub(super) fn answered(&mut self, order: health::Order, answer: Result<(), Refusal>) -> Option<String> {
        let (wish, name) = self.orders.remove(&order.0)?;
        let open = self.open.get_mut(&wish)?;
        open.left -= 1;
        let told = match answer {
            Ok(()) => {
                let line = format!("{name}: {}", open.wanted.words());
                open.done.push(line.clone());
                Some(format!("operator: {line}"))
            }
            Err(refusal) => {
                open.refused.push(format!("{name}: {}", words(refusal)));
                None
            }
        };
        if open.left == 0
            && let Some(open) = self.open.remove(&wish)
        {
            let answer = if open.refused.is_empty() { Ok(open.done) } else { Err(open.refused.join("; ")) };
            let _ = open.to.send(answer);
        }
        told
    }
}

fn words(refusal: Refusal) -> String {
    match refusal {
        Refusal::NoSuchServer => "it is not there any more".to_owned(),
        Refusal::LastServer => "nobody would serve any more: it is the last server in service, and there is no sorry \
                                server; with --force it is done all the same"
            .to_owned(),
        Refusal::WeightTooLarge => format!("a weight is {WEIGHT_MAX} at most"),
        Refusal::NothingToRestore => "nothing was wished for it".to_owned(),
        Refusal::NothingToCheck => "it has no check that can be made on demand".to_owned(),
        Refusal::Suspended => "its checks rest while the address of the virtual server is elsewhere".to_owned(),
        Refusal::Stopping => "the daemon is stopping".to_owned(),
    }
}

/// The servers an operator means: `[10.0.0.1]:tcp:80` as the log prints it, `10.0.0.1:80`, or `10.0.0.1` for all ports.
fn named(plan: &LvsPlan, name: &str, of: Option<&str>) -> Vec<ServerId> {
    let names = Names { now: plan, before: None };
    let all = plan.servers.iter().filter(|(_, server)| is_called(&server.name, name)).map(|(id, _)| *id);
    all.filter(|id| of.is_none_or(|of| is_called(&names.service_name_of(*id), of))).collect()
}

fn unknown(plan: &LvsPlan, wanted: &Wanted) -> String {
    let mut names: Vec<&str> = plan.servers.values().map(|server| server.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let more = names.len().saturating_sub(NAMED_MAX);
    names.truncate(NAMED_MAX);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let of = wanted.of.as_ref().map(|of| format!(" of `{of}`")).unwrap_or_default();
    format!("no real server `{}`{of}; there are {}{more}", wanted.name, names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_is_answered_when_all_its_servers_are_and_every_refusal_is_told() {
        let (to, mut answer) = oneshot::channel();
        let wanted =
            Wanted { name: "10.0.0.1".into(), of: None, verb: ServerVerb::Drain, seconds: Some(60), force: false };
        let mut wishes = Wishes::default();
        wishes.orders.extend([(1, (1, "A".to_owned())), (2, (1, "B".to_owned()))]);
        wishes.open.insert(1, Open { wanted, left: 2, done: Vec::new(), refused: Vec::new(), to });
        assert_eq!(wishes.answered(health::Order(1), Ok(())).as_deref(), Some("operator: A: drain for 60 s"));
        assert!(answer.try_recv().is_err());
        assert_eq!(wishes.answered(health::Order(2), Err(Refusal::LastServer)), None);
        let refused = answer.try_recv().unwrap().unwrap_err();
        assert!(refused.starts_with("B: nobody would serve any more") && refused.contains("--force"), "{refused}");
        assert_eq!(wishes.answered(health::Order(2), Ok(())), None);
    }

    #[test]
    fn one_that_is_not_there_is_told_with_those_that_are() {
        let (to, mut answer) = oneshot::channel();
        let wanted = Wanted { name: "x".into(), of: None, verb: ServerVerb::Check, seconds: None, force: false };
        assert!(Wishes::default().begin(wanted, &LvsPlan::default(), to).is_empty());
        assert!(answer.try_recv().unwrap().unwrap_err().starts_with("no real server `x`; there are "));
    }
}

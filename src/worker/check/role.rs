// SPDX-License-Identifier: MIT OR Apache-2.0
//! The process of the checker worker: the loop, and beside it what it is told by its supervisor and what it tells the
//! outside. It ends in good order when it is told to, and when its supervisor is gone.

use std::cell::RefCell;
use std::ffi::OsStr;
use std::io;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;

use tokio::sync::mpsc::{Sender, channel};

use super::answers::{self, Answerer, Question};
use super::dumps::{self, Dumper};
use super::meaning::Meaning;
use super::{Order, Outside};
use crate::channel::{Message, Outbox};
use crate::kernel::beside;
use crate::kernel::bundle::Bundle;
use crate::notify::balance::Herald;
use crate::notify::{self, Notifier};
use crate::observe::log::{Level, Log};
use crate::worker::process::{self, Inherited, Lifeline, Remarked};
use crate::worker::standing::{Habits, Standing};

/// Orders that may wait for a loop that is busy.
const ORDERS_MAX: usize = 64;

/// Runs the worker until it is told to stop; the answer is the exit status.
pub fn run(name: &OsStr, inherited: Inherited, habits: Habits, log: &Log) -> u8 {
    process::run(name, inherited, log, async |lifeline, text| live(lifeline, text, &habits, log).await)
}

async fn live(lifeline: &Lifeline, text: String, habits: &Habits, log: &Log) -> io::Result<()> {
    let outbox = lifeline.outbox();
    let (orders, ordered) = channel(ORDERS_MAX);
    let (wishes, wished) = channel(dumps::WAITING_MAX);
    let wishing = wishes.clone();
    process::obey_signals(&orders, || Order::Stop, move |dump| dumps::wish(&wishing, dump))?;
    let dumper = Dumper::new(lifeline.configuration()?, log.clone());
    let asking = orders.clone();
    let (first, remarks) = Meaning::of(text, None, habits);
    let mut remarked = Remarked::default();
    remarked.tell(remarks, log);
    let notifier = Notifier::new(log.clone());
    let notifier = Rc::new(RefCell::new(notifier));
    let herald = RefCell::new(Herald::default());
    let first = Arc::new(first);
    let current = (lifeline.configuration().ok(), first.clone());
    let standing = RefCell::new(None::<Standing>);
    let (questions, questioned) = channel(answers::QUESTIONS_MAX);
    let answerer = Answerer { orders: orders.clone(), outbox };
    let ended = {
        let outside = Outside {
            log: log.clone(),
            orders: ordered,
            told: &mut |event, names, engine, why| {
                herald.borrow().tell(event, names, engine, why, &mut notifier.borrow_mut());
            },
            happened: &mut |happened| outbox.post(Message::Happened(vec![happened])),
            turned: &mut |meaning| {
                if let Some(next) = &meaning.standing {
                    next.take(standing.borrow().as_ref(), log);
                    standing.replace(Some(next.clone()));
                }
                herald.borrow_mut().turn_to(meaning.book.clone());
                notifier.borrow_mut().turn_to(&meaning.pipes);
                notifier.borrow_mut().mail_by(meaning.mail.clone());
            },
            alive: &mut |patience| lifeline.alive(patience),
        };
        tokio::select! {
            ended = super::run(first, outside) => ended,
            never = answerer.serve(questioned) => never,
            failed = obey(outbox, (orders, questions, wishes), (current, remarked), (habits, &dumper), log) => failed,
            failed = dumper.serve(wished, asking) => failed,
            failed = outbox.run() => failed,
        }
    };
    notify::finish(&notifier, log).await;
    ended
}

/// What the supervisor says. Ends only with an error.
async fn obey(
    outbox: &Outbox,
    (orders, questions, wishes): (Sender<Order>, Sender<Question>, Sender<()>),
    (mut current, mut remarked): (Read, Remarked),
    (habits, dumper): (&Habits, &Dumper),
    log: &Log,
) -> io::Result<()> {
    loop {
        match process::told(outbox, log).await {
            Ok(Some((Message::Reload { epoch }, Some(bundle)))) => {
                let [ours, dumpers] = [bundle.try_clone(), bundle.try_clone()];
                let refused = match understand(bundle, &current, habits).await {
                    Ok((next, remarks)) => {
                        remarked.tell(remarks, log);
                        let next = Arc::new(next);
                        current = (ours.ok(), next.clone());
                        if let Ok(copy) = dumpers {
                            dumper.turn_to(copy);
                        }
                        let _ = orders.send(Order::Reload(next)).await;
                        None
                    }
                    Err(error) => Some(error.to_string()),
                };
                outbox.post(Message::Reloaded { epoch, refused });
            }
            Ok(Some((Message::Instance { name, is_master }, _))) => {
                let _ = orders.send(Order::Instance { name, is_master }).await;
            }
            Ok(Some((Message::Session { name, is_up }, _))) => {
                let _ = orders.send(Order::Session { name, is_up }).await;
            }
            Ok(Some((Message::Ask { id, ask }, _))) => {
                // Whoever asks faster than we answer asks again.
                let _ = questions.try_send((id, ask));
            }
            Ok(Some((Message::Dump(dump), _))) => dumps::wish(&wishes, dump),
            Ok(Some((Message::Stop, _))) => {
                // A loop that takes no more orders has ended; the other half of the select sees that.
                let _ = orders.send(Order::Stop).await;
            }
            Ok(Some((other, _))) => log.warning(format_args!("the supervisor said what is not understood: {other:?}")),
            Ok(None) | Err(_) => {
                log.error("the supervisor is gone: leaving in good order");
                let _ = orders.send(Order::Stop).await;
                return std::future::pending().await;
            }
        }
    }
}

/// What a text means, and the text, if there is a descriptor for it.
type Read = (Option<OwnedFd>, Arc<Meaning>);

/// Reads a configuration beside the loop, which must go on meanwhile. The very text that was read before is not read again,
/// as far as that is possible.
async fn understand(bundle: OwnedFd, before: &Read, habits: &Habits) -> io::Result<(Meaning, Vec<(Level, String)>)> {
    let (text, meaning) = before;
    let is_same = text.as_ref().is_some_and(|text| Bundle::is_same(text, &bundle));
    let (before, habits) = (meaning.clone(), habits.clone());
    let read = move || {
        if let Some(again) = is_same.then(|| before.again()).flatten() {
            return Ok(again);
        }
        process::text_of(bundle).map(|text| Meaning::of(text, Some(&before.plan), &habits))
    };
    beside::run(read).await?
}

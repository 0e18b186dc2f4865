// SPDX-License-Identifier: MIT OR Apache-2.0
//! The process of the VRRP worker: the loop, and beside it what it is told by its supervisor and what it tells the
//! outside. It ends in good order when it is told to, and when its supervisor is gone.

use std::cell::RefCell;
use std::ffi::OsStr;
use std::io;
use std::os::fd::OwnedFd;
use std::rc::Rc;

use tokio::sync::mpsc::{Sender, channel};

use super::answers::{self, Answerer, Question};
use super::dumps::{self, Dumper, Wish};
use super::meaning::{Meaning, Remarks};
use super::watches::Watches;
use super::{Order, Outside, report};
use crate::channel::{Deposit, Message, Outbox};
use crate::kernel::{beside, memory};
use crate::notify::vrrp::Herald;
use crate::notify::{self, Notifier};
use crate::observe::log::Log;
use crate::plan::vrrp::VrrpPlan;
use crate::proto::vrrp::{Event, Phase};
use crate::worker::process::{self, Inherited, Lifeline, Remarked};
use crate::worker::standing::{Habits, Standing};

/// Orders that may wait for a loop that is busy.
const ORDERS_MAX: usize = 16;
/// Readings of tracked objects that may wait.
const READINGS_MAX: usize = 256;

/// Runs the worker until it is told to stop; the answer is the exit status.
pub fn run(name: &OsStr, inherited: Inherited, habits: Habits, log: &Log) -> u8 {
    process::run(name, inherited, log, async |lifeline, text| live(lifeline, text, &habits, log).await)
}

async fn live(lifeline: &Lifeline, text: String, habits: &Habits, log: &Log) -> io::Result<()> {
    let outbox = lifeline.outbox();
    let (orders, ordered) = channel(ORDERS_MAX);
    let (readings, read) = channel(READINGS_MAX);
    let (wishes, wished) = channel(dumps::WAITING_MAX);
    let wishing = wishes.clone();
    process::obey_signals(&orders, || Order::Stop, move |dump| dumps::wish(&wishing, Wish::File(dump)))?;
    let (first, remarks) = Meaning::of(text, None, habits);
    first.standing.take(None, log);
    let mut remarked = Remarked::default();
    remarked.tell(remarks, log);
    let mut notifier = Notifier::new(log.clone());
    notifier.turn_to(&first.pipes);
    notifier.mail_by(first.mail.clone());
    let notifier = Rc::new(RefCell::new(notifier));
    let herald = Rc::new(RefCell::new(Herald::new(first.book.clone())));
    let mut watches = Watches::new(readings, log.clone());
    watches.make_room(first.plan.around.process_notices.map(super::convert::room));
    watches.turn_to(&first.watches);
    let standing = RefCell::new(first.standing.clone());
    let plan = first.plan.clone();
    let dumper = Dumper::new(first.written.clone(), watches.busy(), log.clone());
    let asking = orders.clone();
    let (questions, questioned) = channel(answers::QUESTIONS_MAX);
    let answerer = Answerer { orders: orders.clone(), outbox, busy: watches.busy() };
    if habits.tells_configuration {
        dumps::wish(&wishes, Wish::Lines);
    }
    memory::give_back();
    let ended = {
        let mut told = |event: &_, plan: &VrrpPlan| {
            news_of(event, plan).into_iter().for_each(|news| outbox.post(news));
            herald.borrow_mut().tell(event, &mut notifier.borrow_mut());
            for happened in report::happened(event, plan) {
                outbox.post(Message::Happened(vec![happened]));
            }
        };
        let mut will = |deposit: Deposit| outbox.post(Message::Will(deposit));
        let mut alive = |patience| lifeline.alive(patience);
        let mut late = |by| standing.borrow_mut().is_late(by, log);
        let outside = Outside {
            log: log.clone(),
            orders: ordered,
            readings: read,
            habits: habits.clone(),
            told: &mut told,
            will: &mut will,
            alive: &mut alive,
            late: &mut late,
        };
        let turning = Turning {
            herald: &herald,
            notifier: &notifier,
            dumper: &dumper,
            standing: &standing,
            watches: &mut watches,
            remarked: &mut remarked,
        };
        tokio::select! {
            ended = super::run(plan, outside) => ended,
            never = answerer.serve(questioned) => never,
            failed = obey(outbox, (orders, wishes, questions), (first, habits), turning, log) => failed,
            failed = dumper.serve(wished, asking) => failed,
            failed = outbox.run() => failed,
        }
    };
    drop(watches);
    notify::finish(&notifier, log).await;
    ended
}

/// What others have to know of an event: whether an instance is master.
fn news_of(event: &Event, plan: &VrrpPlan) -> Option<Message> {
    let (instance, is_master) = match event {
        Event::Entered { instance, to, .. } => (instance, *to == Phase::Master),
        Event::Stopped { instance, .. } | Event::Removed { instance, .. } => (instance, false),
        _ => return None,
    };
    plan.instances.get(instance).map(|name| Message::Instance { name: name.clone(), is_master })
}

/// What a reload turns to another configuration, besides the loop itself.
struct Turning<'a> {
    herald: &'a RefCell<Herald>,
    notifier: &'a RefCell<Notifier>,
    dumper: &'a Dumper,
    standing: &'a RefCell<Standing>,
    watches: &'a mut Watches,
    remarked: &'a mut Remarked,
}

/// What the supervisor says. Ends only with an error.
async fn obey(
    outbox: &Outbox,
    (orders, wishes, questions): (Sender<Order>, Sender<Wish>, Sender<Question>),
    (mut current, habits): (Meaning, &Habits),
    Turning { herald, notifier, dumper, standing, watches, remarked }: Turning<'_>,
    log: &Log,
) -> io::Result<()> {
    loop {
        match process::told(outbox, log).await {
            Ok(Some((Message::Reload { epoch }, Some(bundle)))) => {
                let refused = match understand(bundle, current.plan.clone(), habits.clone()).await {
                    Ok((next, remarks)) => {
                        remarked.tell(remarks, log);
                        // A raise of the priority that was earned meanwhile does not outlive the reload.
                        next.standing.take(Some(&standing.borrow()), log);
                        standing.replace(next.standing.clone());
                        notifier.borrow_mut().turn_to(&next.pipes);
                        herald.borrow_mut().turn_to(next.book.clone(), &mut notifier.borrow_mut());
                        watches.make_room(next.plan.around.process_notices.map(super::convert::room));
                        notifier.borrow_mut().mail_by(next.mail.clone());
                        watches.turn_to(&next.watches);
                        dumper.turn_to(next.written.clone());
                        let _ = orders.send(Order::Reload(Box::new(next.plan.clone()))).await;
                        if habits.tells_configuration {
                            dumps::wish(&wishes, Wish::Lines);
                        }
                        current = next;
                        memory::give_back();
                        None
                    }
                    Err(error) => Some(error.to_string()),
                };
                outbox.post(Message::Reloaded { epoch, refused });
            }
            Ok(Some((Message::Dump(dump), _))) => dumps::wish(&wishes, Wish::File(dump)),
            Ok(Some((Message::Ask { id, ask }, _))) => {
                // Whoever asks faster than we answer asks again.
                let _ = questions.try_send((id, ask));
            }
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

/// Reads a configuration beside the loop, which must go on meanwhile.
async fn understand(bundle: OwnedFd, before: VrrpPlan, habits: Habits) -> io::Result<(Meaning, Remarks)> {
    let read = move || process::text_of(bundle).map(|text| Meaning::of(text, Some(&before), &habits));
    beside::run(read).await?
}

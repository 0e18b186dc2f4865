//! The process of the VRRP worker: the loop, and beside it what it is told by its supervisor and what it tells the
//! outside. It ends in good order when it is told to, and when its supervisor is gone.

use std::cell::RefCell;
use std::ffi::OsStr;
use std::io;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{Sender, channel};
use tokio::task::LocalSet;

use super::meaning::{Meaning, Remarks};
use super::watches::Watches;
use super::{Order, Outside};
use crate::channel::{Channel, Deposit, Message, Outbox};
use crate::kernel::bundle::Bundle;
use crate::kernel::offspring;
use crate::kernel::seqpacket::End;
use crate::notify::vrrp::Herald;
use crate::notify::{Notifier, STOP_LIMIT};
use crate::observe::log::Log;
use crate::plan::vrrp::VrrpPlan;

/// Orders that may wait for a loop that is busy.
const ORDERS_MAX: usize = 16;
/// Readings of tracked objects that may wait.
const READINGS_MAX: usize = 256;
/// How long the supervisor may take to read our last messages.
const LAST_WORDS_LIMIT: Duration = Duration::from_millis(200);

/// Exit statuses. The first two end the daemon; after the last one the worker is started again.
mod exit {
    pub(super) const FINE: u8 = 0;
    pub(super) const FATAL: u8 = 1;
    pub(super) const PERMISSION: u8 = 4;
    pub(super) const SOFTWARE: u8 = 70;
}

/// Runs the worker until it is told to stop; the answer is the exit status. `channel` and `bundle` are the numbers of
/// the descriptors it inherited.
pub fn run(name: &OsStr, (channel, bundle): (i32, i32), log: &Log) -> u8 {
    offspring::call_this_process(name);
    let inherited = offspring::inherited(channel).and_then(|channel| Ok((channel, offspring::inherited(bundle)?)));
    let first = inherited.and_then(|(channel, bundle)| Ok((channel, text_of(bundle)?)));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let (runtime, (channel, text)) = match runtime.and_then(|runtime| Ok((runtime, first?))) {
        Ok(all) => all,
        Err(error) => {
            log.error(format_args!("cannot start: {error}"));
            return exit::FATAL;
        }
    };
    let begun = RefCell::new(false);
    match LocalSet::new().block_on(&runtime, live(channel, text, &begun, log)) {
        Ok(()) => exit::FINE,
        Err(error) => {
            log.error(format_args!("cannot go on: {error}"));
            match error.kind() {
                _ if begun.take() => exit::SOFTWARE,
                io::ErrorKind::PermissionDenied => exit::PERMISSION,
                _ => exit::FATAL,
            }
        }
    }
}

fn text_of(bundle: OwnedFd) -> io::Result<String> {
    String::from_utf8(Bundle::read(bundle)?).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

async fn live(channel_end: OwnedFd, text: String, begun: &RefCell<bool>, log: &Log) -> io::Result<()> {
    let outbox = Outbox::new(Channel::new(End::from_inherited(channel_end))?);
    let (orders, ordered) = channel(ORDERS_MAX);
    let (readings, read) = channel(READINGS_MAX);
    obey_signals(&orders)?;
    let (first, remarks) = Meaning::of(text, None);
    tell(remarks, log);
    let mut notifier = Notifier::new(log.clone());
    for pipe in &first.pipes {
        if let Err(error) = notifier.open(pipe) {
            log.warning(format_args!("notify pipe {} cannot be used: {error}", pipe.path.display()));
        }
    }
    let notifier = Rc::new(RefCell::new(notifier));
    let herald = Rc::new(RefCell::new(Herald::new(first.book.clone())));
    let mut watches = Watches::new(readings, log.clone());
    watches.turn_to(&first.watches);
    let plan = first.plan.clone();
    let ended = {
        let mut told = |event: &_, _: &VrrpPlan| herald.borrow_mut().tell(event, &mut notifier.borrow_mut());
        let mut will = |deposit: Deposit| outbox.post(Message::Will(deposit));
        let mut alive = |patience: Duration| {
            begun.replace(true);
            outbox.post(Message::Alive { patience_ms: u64::try_from(patience.as_millis()).unwrap_or(u64::MAX) });
        };
        let outside = Outside {
            log: log.clone(),
            orders: ordered,
            readings: read,
            told: &mut told,
            will: &mut will,
            alive: &mut alive,
        };
        tokio::select! {
            ended = super::run(plan, outside) => ended,
            failed = obey(&outbox, orders, first, &herald, &mut watches, log) => failed,
            failed = outbox.run() => failed,
        }
    };
    drop(watches);
    let mut last = notifier.replace(Notifier::new(log.clone()));
    last.finish(STOP_LIMIT).await;
    // A supervisor that is gone, or hangs, reads nothing any more.
    let _ = tokio::time::timeout(LAST_WORDS_LIMIT, outbox.drain()).await;
    ended
}

fn tell(remarks: Remarks, log: &Log) {
    for (level, line) in remarks {
        log.write(level, line);
    }
}

/// What the supervisor says. Ends only with an error.
async fn obey(
    outbox: &Outbox,
    orders: Sender<Order>,
    mut current: Meaning,
    herald: &RefCell<Herald>,
    watches: &mut Watches,
    log: &Log,
) -> io::Result<()> {
    loop {
        match outbox.channel().receive().await {
            Ok(Some((Message::Reload { epoch }, Some(bundle)))) => {
                let refused = match understand(bundle, current.plan.clone()).await {
                    Ok((next, remarks)) => {
                        tell(remarks, log);
                        herald.borrow_mut().turn_to(next.book.clone());
                        watches.turn_to(&next.watches);
                        let _ = orders.send(Order::Reload(Box::new(next.plan.clone()))).await;
                        if next.pipes != current.pipes {
                            log.warning("other notify pipes count from the next start on");
                        }
                        current = next;
                        None
                    }
                    Err(error) => Some(error.to_string()),
                };
                outbox.post(Message::Reloaded { epoch, refused });
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
async fn understand(bundle: OwnedFd, before: VrrpPlan) -> io::Result<(Meaning, Remarks)> {
    let read = move || text_of(bundle).map(|text| Meaning::of(text, Some(&before)));
    tokio::task::spawn_blocking(read).await.map_err(io::Error::other)?
}

/// SIGTERM is what the kernel sends when the supervisor dies. The others are the supervisor's affair: they reach us when
/// they are sent to all processes of one name, or to the whole terminal.
fn obey_signals(orders: &Sender<Order>) -> io::Result<()> {
    let mut stop = signal(SignalKind::terminate())?;
    let orders = orders.clone();
    tokio::task::spawn_local(async move {
        while stop.recv().await.is_some() {
            if orders.send(Order::Stop).await.is_err() {
                return;
            }
        }
    });
    let others = [
        SignalKind::interrupt(),
        SignalKind::hangup(),
        SignalKind::user_defined1(),
        SignalKind::user_defined2(),
        SignalKind::pipe(),
        // Dumps: as JSON, and of statistics that begin anew.
        SignalKind::from_raw(36),
        SignalKind::from_raw(37),
        SignalKind::from_raw(63),
    ];
    for kind in others {
        let mut ignored = signal(kind)?;
        tokio::task::spawn_local(async move { while ignored.recv().await.is_some() {} });
    }
    Ok(())
}

//! The daemon in the foreground: reads the configuration, runs the VRRP worker, tells the outside what happened, and
//! obeys signals. A reload is all or nothing: a configuration with an error changes nothing.

use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use keepalived_conf::Options;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::LocalSet;

use super::meaning::Meaning;
use super::watches::Watches;
use crate::kernel::pidfile::{PidFile, PidFileError};
use crate::notify::vrrp::Herald;
use crate::notify::{Notifier, STOP_LIMIT};
use crate::observe::log::Log;
use crate::plan::vrrp::VrrpPlan;
use crate::worker::vrrp::{self, Order, Outside};

/// Orders that may wait for a worker that is busy.
const ORDERS_MAX: usize = 16;
/// Readings of tracked objects that may wait.
const READINGS_MAX: usize = 256;

/// Exit statuses; those of keepalived, which init systems know.
pub mod exit {
    pub const FINE: u8 = 0;
    pub const FATAL: u8 = 1;
    pub const PERMISSION: u8 = 4;
    pub const NO_CONFIGURATION: u8 = 6;
}

/// What the command line settles before there is a configuration.
#[derive(Clone, Debug)]
pub struct Settings {
    pub file: PathBuf,
    pub options: Options,
    pub foreground: bool,
    /// Supervisor, VRRP worker, checker worker: other programs want all of them to be there.
    pub pid_files: Vec<PathBuf>,
    pub ignore_interrupt: bool,
}

/// Runs until told to stop; the answer is the exit status.
pub fn run(settings: &Settings, log: &Log) -> u8 {
    let first = match Meaning::read(settings, None, log) {
        Ok(meaning) => meaning,
        Err(refusal) => {
            log.error(refusal);
            return exit::NO_CONFIGURATION;
        }
    };
    if !settings.foreground
        && let Err(error) = crate::kernel::daemonize::daemonize()
    {
        log.error(format_args!("cannot leave the terminal: {error}"));
        return exit::FATAL;
    }
    let mut held = Vec::new();
    for path in &settings.pid_files {
        match PidFile::take(path).and_then(|mut file| file.write().map(|()| file).map_err(PidFileError::Io)) {
            Ok(file) => held.push(file),
            Err(PidFileError::Held) => {
                log.error(format_args!("already running: another process holds {}", path.display()));
                return exit::FINE;
            }
            Err(PidFileError::Io(error)) => log.warning(format_args!("no PID file {}: {error}", path.display())),
        }
    }
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            log.error(format_args!("cannot start: {error}"));
            return exit::FATAL;
        }
    };
    match LocalSet::new().block_on(&runtime, live(first, settings, log)) {
        Ok(()) => exit::FINE,
        Err(error) => {
            log.error(format_args!("the VRRP worker ended: {error}"));
            if error.kind() == std::io::ErrorKind::PermissionDenied { exit::PERMISSION } else { exit::FATAL }
        }
    }
}

/// The worker, and beside it the signals.
async fn live(first: Meaning, settings: &Settings, log: &Log) -> std::io::Result<()> {
    let (orders, ordered) = channel(ORDERS_MAX);
    let (readings, read) = channel(READINGS_MAX);
    let mut notifier = Notifier::new(log.clone());
    open_pipes(&mut notifier, &first, log);
    let notifier = Rc::new(RefCell::new(notifier));
    let herald = Rc::new(RefCell::new(Herald::new(first.book.clone())));
    let mut watches = Watches::new(readings, log.clone());
    watches.turn_to(&first.watches);
    let (told_herald, told_notifier) = (Rc::clone(&herald), Rc::clone(&notifier));
    let mut told = move |event: &_, _: &VrrpPlan| {
        told_herald.borrow_mut().tell(event, &mut told_notifier.borrow_mut());
    };
    let plan = first.plan.clone();
    let outside = Outside { log: log.clone(), orders: ordered, readings: read, told: &mut told };
    let ended = tokio::select! {
        ended = vrrp::run(plan, outside) => ended,
        failed = obey(orders, first, &herald, &mut watches, settings, log) => failed,
    };
    drop(watches);
    let mut last = notifier.replace(Notifier::new(log.clone()));
    last.finish(STOP_LIMIT).await;
    log.info("stopped");
    ended
}

fn open_pipes(notifier: &mut Notifier, meaning: &Meaning, log: &Log) {
    for pipe in &meaning.pipes {
        if let Err(error) = notifier.open(pipe) {
            log.warning(format_args!("notify pipe {} cannot be used: {error}", pipe.path.display()));
        }
    }
}

/// Ends only when signals cannot be had.
async fn obey(
    orders: Sender<Order>,
    mut current: Meaning,
    herald: &RefCell<Herald>,
    watches: &mut Watches,
    settings: &Settings,
    log: &Log,
) -> std::io::Result<()> {
    let mut signals = signals(settings.ignore_interrupt)?;
    while let Some(signal) = signals.recv().await {
        match signal {
            Signal::Stop => {
                log.notice("Stopping");
                // A worker that takes no more orders has ended; the other half of the select sees that.
                let _ = orders.send(Order::Stop).await;
            }
            Signal::Reload => match Meaning::read(settings, Some(&current), log) {
                Err(refusal) => log.error(format_args!("reload refused, nothing changed: {refusal}")),
                Ok(next) => {
                    log.notice("Reloading");
                    herald.borrow_mut().turn_to(next.book.clone());
                    watches.turn_to(&next.watches);
                    let _ = orders.send(Order::Reload(Box::new(next.plan.clone()))).await;
                    if next.pipes != current.pipes {
                        log.warning("other notify pipes count from the next start on");
                    }
                    current = next;
                }
            },
        }
    }
    // Without signals there is nothing to obey; the worker goes on.
    std::future::pending().await
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Signal {
    Stop,
    Reload,
}

/// All signals as one stream.
fn signals(ignore_interrupt: bool) -> std::io::Result<Receiver<Signal>> {
    let (sender, receiver) = channel(ORDERS_MAX);
    let mut wanted = vec![(SignalKind::terminate(), Some(Signal::Stop)), (SignalKind::hangup(), Some(Signal::Reload))];
    wanted.push((SignalKind::interrupt(), (!ignore_interrupt).then_some(Signal::Stop)));
    // They would end the process; dumps on these signals are not written yet.
    wanted.extend([
        (SignalKind::user_defined1(), None),
        (SignalKind::user_defined2(), None),
        (SignalKind::pipe(), None),
    ]);
    for (kind, meaning) in wanted {
        let mut stream = signal(kind)?;
        let sender = sender.clone();
        tokio::task::spawn_local(async move {
            while stream.recv().await.is_some() {
                if let Some(meaning) = meaning
                    && sender.send(meaning).await.is_err()
                {
                    return;
                }
            }
        });
    }
    Ok(receiver)
}

/// How long a planned stop may take at most, for whoever waits for us.
pub const STOP_MAX: Duration = Duration::from_secs(5);

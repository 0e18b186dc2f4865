// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the processes of all workers have in common: what they inherit, how they say that they live, how they end, and
//! which signals reach them.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::Sender;
use tokio::task::LocalSet;

use crate::channel::{Channel, Dump, Happened, LogLevel, Message, Outbox};
use crate::kernel::bundle::Bundle;
use crate::kernel::clock::{self, Remote};
use crate::kernel::memory;
use crate::kernel::offspring;
use crate::kernel::pulse::{PATIENCE_MAX, Pulse};
use crate::kernel::sandbox;
use crate::kernel::seqpacket::End;
use crate::observe::log::{Facts, Level, Log};

/// How long the supervisor may take to read our last messages.
const LAST_WORDS_LIMIT: Duration = Duration::from_millis(200);

/// Exit statuses. The first two after `FINE` say that another start would end the same way.
mod exit {
    pub(super) const FINE: u8 = 0;
    pub(super) const FATAL: u8 = 1;
    pub(super) const PERMISSION: u8 = 4;
    pub(super) const SOFTWARE: u8 = 70;
}

/// A worker's connection with its supervisor.
#[derive(Debug)]
pub struct Lifeline {
    outbox: Outbox,
    pulse: Pulse,
    /// Wakes the supervisor when we were silent for too long.
    silence: Remote,
    /// The patience that was asked for last; none before the first sign of life.
    patience: Cell<Option<Duration>>,
    /// The configuration that was inherited.
    bundle: OwnedFd,
}

impl Lifeline {
    pub fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// The configuration this process began with, to be read again.
    pub fn configuration(&self) -> io::Result<OwnedFd> {
        self.bundle.try_clone()
    }

    /// Says that the loop goes round, and how long it may seem not to. The supervisor is woken only by another patience
    /// than before.
    pub fn alive(&self, patience: Duration) {
        let (now, patience) = (clock::now(), patience.min(PATIENCE_MAX));
        let is_written =
            self.pulse.beat(now, patience).and_then(|()| self.silence.put_off(clock::after(now, patience))).is_ok();
        if self.patience.replace(Some(patience)) != Some(patience) || !is_written {
            self.outbox.post(Message::Alive { patience_ms: u64::try_from(patience.as_millis()).unwrap_or(u64::MAX) });
        }
    }
}

/// The numbers of the descriptors a worker inherits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inherited {
    pub channel: i32,
    pub bundle: i32,
    pub pulse: i32,
    pub silence: i32,
}

/// What stands behind them.
struct Inheritance {
    channel: OwnedFd,
    bundle: OwnedFd,
    pulse: Pulse,
    silence: Remote,
    text: String,
}

impl Inherited {
    fn take(self) -> io::Result<Inheritance> {
        let channel = offspring::inherited(self.channel)?;
        let bundle = offspring::inherited(self.bundle)?;
        let pulse = Pulse::from_inherited(offspring::inherited(self.pulse)?);
        let silence = Remote::from_inherited(offspring::inherited(self.silence)?);
        let text = text_of(bundle.try_clone()?)?;
        Ok(Inheritance { channel, bundle, pulse, silence, text })
    }
}

/// What was said about the configuration in force, so that a reload says only what is new.
#[derive(Debug, Default)]
pub struct Remarked(BTreeSet<String>);

impl Remarked {
    pub fn tell(&mut self, remarks: Vec<(Level, String)>, log: &Log) {
        let mut now = BTreeSet::new();
        for (level, line) in remarks {
            if !self.0.contains(&line) && !now.contains(&line) {
                log.write(level, &line);
            }
            now.insert(line);
        }
        self.0 = now;
    }
}

/// Runs a worker's process until `live` is done; the answer is the exit status. `live` gets the text of the configuration,
/// in which everything is written out.
pub fn run<F>(name: &OsStr, inherited: Inherited, log: &Log, live: F) -> u8
where
    F: AsyncFnOnce(&Lifeline, String) -> io::Result<()>,
{
    memory::be_frugal();
    // How programs are to run that we start, before anything here is changed.
    sandbox::original();
    offspring::call_this_process(name);
    let inheritance = inherited.take();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let (runtime, Inheritance { channel, bundle, pulse, silence, text }) =
        match runtime.and_then(|runtime| Ok((runtime, inheritance?))) {
            Ok(all) => all,
            Err(error) => {
                log.error(format_args!("cannot start: {error}"));
                return exit::FATAL;
            }
        };
    let begun = Cell::new(false);
    let ended = LocalSet::new().block_on(&runtime, async {
        let outbox = Outbox::new(Channel::new(End::from_inherited(channel))?);
        let lifeline = Lifeline { outbox, pulse, silence, patience: Cell::new(None), bundle };
        let ended = live(&lifeline, text).await;
        begun.set(lifeline.patience.get().is_some());
        // A supervisor that is gone, or hangs, reads nothing any more.
        let _ = tokio::time::timeout(LAST_WORDS_LIMIT, lifeline.outbox.drain()).await;
        ended
    });
    // What runs on threads beside the loop and hangs in the kernel does not keep us.
    runtime.shutdown_background();
    match ended {
        Ok(()) => exit::FINE,
        Err(error) => {
            log.error(format_args!("cannot go on: {error}{}", advice(&error)));
            match error.kind() {
                _ if begun.get() => exit::SOFTWARE,
                io::ErrorKind::PermissionDenied => exit::PERMISSION,
                _ => exit::FATAL,
            }
        }
    }
}

fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            "; start it as root, or with the capabilities that `steadfast doctor` names for this configuration"
        }
        _ => "",
    }
}

/// The next thing the supervisor says that this worker must see to; what all of them obey alike is done.
/// Dropping the future loses nothing.
pub async fn told(outbox: &Outbox, log: &Log) -> io::Result<Option<(Message, Option<OwnedFd>)>> {
    loop {
        match outbox.channel().receive().await? {
            Some((Message::LogLevel(level), _)) => log.limit(least(level)),
            other => return Ok(other),
        }
    }
}

/// What an event is about, for the log.
pub fn facts(happened: &Happened) -> Facts<'_> {
    Facts {
        about: happened.about.as_deref(),
        state: happened.state.as_deref(),
        why: happened.why.as_deref(),
        priority: happened.priority,
    }
}

/// The least that is logged; nothing where the command line says so.
pub fn least(level: LogLevel) -> Option<Level> {
    match level {
        LogLevel::Default => None,
        LogLevel::Quiet => Some(Level::Notice),
        LogLevel::Normal => Some(Level::Info),
        LogLevel::Detail => Some(Level::Debug),
    }
}

/// The configuration that was handed over.
pub fn text_of(bundle: OwnedFd) -> io::Result<String> {
    String::from_utf8(Bundle::read(bundle)?).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// Orders `stop` on SIGTERM, which is what the kernel sends when the supervisor dies, and `dump`s when asked directly.
/// Stopping by other signals and reloading are the supervisor's affair: such signals reach us when they are sent to all
/// processes of one name, or to the whole terminal.
pub fn obey_signals<T: 'static>(
    orders: &Sender<T>,
    stop: fn() -> T,
    dump: impl Fn(Dump) + Clone + 'static,
) -> io::Result<()> {
    let mut told = signal(SignalKind::terminate())?;
    let orders = orders.clone();
    tokio::task::spawn_local(async move {
        while told.recv().await.is_some() {
            if orders.send(stop()).await.is_err() {
                return;
            }
        }
    });
    let others = [
        (SignalKind::interrupt(), None),
        (SignalKind::hangup(), None),
        (SignalKind::pipe(), None),
        (SignalKind::user_defined1(), Some(Dump::Data)),
        (SignalKind::user_defined2(), Some(Dump::Stats)),
        // keepalived's numbers; the second is the first one's where the C library is musl.
        (SignalKind::from_raw(36), Some(Dump::Json)),
        (SignalKind::from_raw(37), Some(Dump::Json)),
        (SignalKind::from_raw(63), Some(Dump::StatsAnew)),
    ];
    for (kind, wanted) in others {
        let (mut received, dump) = (signal(kind)?, dump.clone());
        tokio::task::spawn_local(async move {
            while received.recv().await.is_some() {
                wanted.into_iter().for_each(&dump);
            }
        });
    }
    Ok(())
}

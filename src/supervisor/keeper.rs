// SPDX-License-Identifier: MIT OR Apache-2.0
//! The life of one worker: started, listened to, watched, buried, started again.
//!
//! Whatever ends a worker, its last will is carried out before another one starts, and nothing it said before is missed.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::Duration;

use super::backoff::Backoff;
use super::daemon::Settings;
use super::execute::execute;
use super::role::Role;
use super::source::Source;
use super::watchdog::{Verdict, Watchdog};
use super::will::Will;
use crate::channel::{Channel, Dump, Message};
use crate::kernel::clock::{self, Alarm};
use crate::kernel::offspring::{End, Offspring};
use crate::kernel::pidfile::PidFile;
use crate::kernel::pulse::Pulse;
use crate::kernel::seqpacket;
use crate::observe::log::Log;

/// How long a killed worker may take to be gone before its will is carried out all the same: one that hangs in the
/// kernel may never be.
const KILL_WAIT: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub(super) struct Keeper<'a> {
    pub(super) role: Role,
    settings: &'a Settings,
    pid_file: Option<&'a PidFile>,
    log: &'a Log,
    life: Life,
    backoff: Backoff,
    /// What one that is gone still said to others.
    rest: Vec<Message>,
}

#[derive(Debug)]
enum Life {
    /// There is nothing to do for a worker.
    Idle,
    /// It is started again at this moment.
    Waiting(u64),
    Running(Box<Worker>),
}

#[derive(Debug)]
struct Worker {
    offspring: Offspring,
    /// `None` after its end was closed.
    channel: Option<Channel>,
    /// Where it writes that it lives.
    pulse: Pulse,
    /// Rings when it has been silent for too long: it puts the alarm off itself, so that a sign of life wakes nobody.
    silence: Alarm,
    /// Rings when it was to be gone.
    alarm: Alarm,
    will: Will,
    /// What it is to know and found no room for yet; of each matter the newest.
    unsaid: BTreeMap<String, Message>,
    started: u64,
    awaited: Awaited,
    /// It lives by its configuration.
    begun: bool,
    /// It was handed another one.
    reloaded: bool,
}

/// What must happen by when.
#[derive(Debug)]
enum Awaited {
    /// It says that it lives.
    Word(Watchdog),
    /// It leaves in good order.
    Leaving(u64),
    /// It is gone, having been killed.
    Gone(u64),
    /// Nothing more can be done to it.
    Nothing,
}

/// The next thing that concerns a worker.
#[derive(Debug)]
pub(super) enum Happening {
    /// It is time to start it.
    Due,
    Said(Message),
    Silent,
    Ended(End),
}

/// What is left to whoever looks after all workers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Nothing,
    /// It is time to start it.
    Due,
    /// It lives by this configuration, or goes on as before.
    Reloaded(u64),
    /// It says that a VRRP instance is master, or no longer.
    Instance {
        name: String,
        is_master: bool,
    },
    /// It says how a BFD session is.
    Session {
        name: String,
        is_up: Option<bool>,
    },
    /// It is gone, and its will is carried out.
    Gone(End),
    /// It left in good order so that another one takes its place, at once: it has no right to do what the new configuration
    /// wants.
    MadeRoom,
    /// It said something that is for somebody else.
    Relay(Message),
}

impl<'a> Keeper<'a> {
    pub(super) fn new(role: Role, settings: &'a Settings, pid_file: Option<&'a PidFile>, log: &'a Log) -> Self {
        Keeper { role, settings, pid_file, log, life: Life::Idle, backoff: Backoff::default(), rest: Vec::new() }
    }

    pub(super) fn take_rest(&mut self) -> Vec<Message> {
        std::mem::take(&mut self.rest)
    }

    /// Nobody has asked for this worker yet.
    pub(super) fn is_idle(&self) -> bool {
        matches!(self.life, Life::Idle)
    }

    pub(super) fn is_running(&self) -> bool {
        matches!(self.life, Life::Running(_))
    }

    /// Whether this process is the worker, whose end is waited for here.
    pub(super) fn waits_for(&self, pid: u32) -> bool {
        matches!(&self.life, Life::Running(worker) if worker.offspring.pid() == pid)
    }

    /// Says something that may be lost; whether it was not.
    pub(super) fn tell(&self, message: &Message) -> bool {
        let Life::Running(worker) = &self.life else { return false };
        worker.channel.as_ref().is_some_and(|channel| channel.try_send(message, None).is_ok())
    }

    /// Asks the worker to write a file about itself.
    pub(super) fn dump(&self, dump: Dump) {
        if let Life::Running(worker) = &self.life
            && let Some(channel) = &worker.channel
            && let Err(error) = channel.try_send(&Message::Dump(dump), None)
        {
            self.log.warning(format_args!("the {} was not asked for its {dump:?}: {error}", self.role));
        }
    }

    /// It does what it is there for, or there is nothing for it to do.
    pub(super) fn is_at_work(&self) -> bool {
        match &self.life {
            Life::Idle => true,
            Life::Waiting(_) => false,
            Life::Running(worker) => worker.begun,
        }
    }

    pub(super) fn start(&mut self, source: &Source) {
        let role = self.role;
        match self.spawn(source) {
            Ok(worker) => {
                let pid = worker.offspring.pid();
                self.log.notice(format_args!("Starting {} child process, pid={pid}", role.child()));
                self.name_in_pid_file(pid);
                self.life = Life::Running(Box::new(worker));
            }
            Err(error) => {
                let wait = self.backoff.after(Duration::ZERO).max(Duration::from_secs(1));
                self.log.error(format_args!("the {role} cannot be started: {error}"));
                self.life = Life::Waiting(clock::after(clock::now(), wait));
            }
        }
    }

    fn spawn(&self, source: &Source) -> io::Result<Worker> {
        let (ours, theirs) = seqpacket::End::pair()?;
        let pulse = Pulse::new()?;
        let silence = Alarm::new()?;
        let inherited = [theirs.as_fd(), source.bundle.as_fd(), pulse.as_fd(), silence.as_fd()];
        let mut arguments: Vec<OsString> = vec!["--role".into(), self.role.word().into()];
        arguments.extend(inherited.iter().map(|descriptor| descriptor.as_raw_fd().to_string().into()));
        arguments.extend(self.settings.arguments.iter().cloned());
        let offspring = Offspring::start(&self.settings.program, &arguments, &inherited)?;
        let started = clock::now();
        Ok(Worker {
            offspring,
            channel: Some(Channel::new(ours)?),
            pulse,
            silence,
            alarm: Alarm::new()?,
            will: Will::default(),
            unsaid: BTreeMap::new(),
            started,
            awaited: Awaited::Word(Watchdog::new(started, source.bundle.octets())),
            begun: false,
            reloaded: false,
        })
    }

    /// Waits for the next thing to happen to the worker. Dropping the future loses nothing.
    pub(super) async fn next(&mut self) -> Happening {
        match &mut self.life {
            Life::Idle => std::future::pending().await,
            Life::Waiting(until) => {
                sleep_until(*until).await;
                Happening::Due
            }
            Life::Running(worker) => worker.next(self.role, self.log).await,
        }
    }

    /// Deals with what happened.
    pub(super) fn handle(&mut self, happening: Happening) -> Outcome {
        let (role, log) = (self.role, self.log);
        match (&mut self.life, happening) {
            (_, Happening::Due) => Outcome::Due,
            (Life::Running(worker), Happening::Said(message)) => worker.hear(message, role, log),
            (Life::Running(worker), Happening::Silent) => {
                worker.lose_patience(role, log);
                Outcome::Nothing
            }
            (Life::Running(_), Happening::Ended(end)) => {
                if self.bury(end) {
                    Outcome::MadeRoom
                } else {
                    Outcome::Gone(end)
                }
            }
            (Life::Idle | Life::Waiting(_), Happening::Said(_) | Happening::Silent | Happening::Ended(_)) => {
                Outcome::Nothing
            }
        }
    }

    /// The worker is gone: what it leaves undone is done, and it is settled when another one starts. Says whether it left for
    /// that.
    fn bury(&mut self, end: End) -> bool {
        let Life::Running(mut worker) = std::mem::replace(&mut self.life, Life::Idle) else { return false };
        self.rest = worker.hear_the_rest(self.role, self.log);
        if end != End::Status(0) {
            execute(&worker.will.orders(), self.log);
        }
        self.name_in_pid_file(std::process::id());
        let makes_room = self.role == Role::Status
            && worker.reloaded
            && end == End::Status(0)
            && matches!(worker.awaited, Awaited::Word(_));
        let lived = Duration::from_nanos(clock::now().saturating_sub(worker.started));
        let wait = if makes_room { Duration::ZERO } else { self.backoff.after(lived) };
        self.life = Life::Waiting(clock::after(clock::now(), wait));
        makes_room
    }

    /// How long until it is started again.
    pub(super) fn wait(&self) -> Duration {
        match self.life {
            Life::Waiting(until) => Duration::from_nanos(until.saturating_sub(clock::now())),
            Life::Idle | Life::Running(_) => Duration::ZERO,
        }
    }

    /// Asks the worker to leave; one that waits for its start has left.
    /// One that has not left after `wait` is ended.
    pub(super) fn stop(&mut self, wait: Duration) {
        match &mut self.life {
            Life::Idle => {}
            Life::Waiting(_) => self.life = Life::Idle,
            Life::Running(worker) => worker.stop(self.role, wait),
        }
    }

    /// Hands over another configuration; says whether the worker will answer.
    pub(super) fn reload(&mut self, epoch: u64, source: &Source) -> bool {
        let Life::Running(worker) = &mut self.life else { return false };
        match worker.reload(epoch, source) {
            Ok(()) => {
                worker.reloaded = true;
                true
            }
            Err(error) => {
                self.log.error(format_args!("the {} does not hear of the reload: {error}", self.role));
                false
            }
        }
    }

    /// Tells the worker what it is to know on a matter.
    pub(super) fn say(&mut self, matter: &str, message: Message) {
        if let Life::Running(worker) = &mut self.life {
            worker.unsaid.insert(matter.to_owned(), message);
            worker.flush();
        }
    }

    fn name_in_pid_file(&self, pid: u32) {
        if let Some(file) = self.pid_file
            && let Err(error) = file.write_for(pid)
        {
            self.log.warning(format_args!("the PID file of the {} cannot be written: {error}", self.role));
        }
    }
}

impl Worker {
    /// What it said comes before its death, and both before any judgement on its silence.
    async fn next(&mut self, role: Role, log: &Log) -> Happening {
        // Without an alarm one looks at once, which is no error: looking changes nothing before its time.
        let until = self.awaited.until();
        // Setting it again to what it was set to leaves it where the worker has put it off to.
        let mut is_set = self.awaited.alarm(&mut self.silence, &mut self.alarm).set(until);
        loop {
            let alarm = self.awaited.alarm(&mut self.silence, &mut self.alarm);
            let channel = self.channel.as_ref();
            tokio::select! {
                biased;
                received = receive(channel) => match received {
                    Ok(Some((message, _))) => return Happening::Said(message),
                    Ok(None) => self.channel = None,
                    Err(error) => {
                        log.error(format_args!("the {role} cannot be understood and is ended: {error}"));
                        self.channel = None;
                        self.offspring.kill();
                    }
                },
                () = room(channel, !self.unsaid.is_empty()) => self.flush(),
                ended = self.offspring.ended() => return Happening::Ended(ended.unwrap_or(End::Signal(0))),
                rung = ring(alarm, &mut is_set) => {
                    if let Err(error) = rung {
                        log.warning(format_args!("the {role} is watched without an alarm: {error}"));
                        tokio::time::sleep(Duration::from_secs(1)).await;
                    }
                    return Happening::Silent;
                }
            }
        }
    }

    /// Says what there is room for.
    fn flush(&mut self) {
        while let (Some(channel), Some(entry)) = (&self.channel, self.unsaid.first_entry()) {
            match channel.try_send(entry.get(), None) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // Whoever takes the place of one that is gone is told everything anew.
                Ok(()) | Err(_) => drop(entry.remove()),
            }
        }
    }

    fn hear(&mut self, message: Message, role: Role, log: &Log) -> Outcome {
        match message {
            Message::Will(deposit) => self.will.deposit(deposit),
            Message::Alive { patience_ms } => {
                self.begun = true;
                if let Awaited::Word(watchdog) = &mut self.awaited {
                    watchdog.heard(clock::now(), Duration::from_millis(patience_ms));
                }
            }
            Message::Reloaded { epoch, refused } => {
                if let Some(why) = refused {
                    log.error(format_args!("the {role} refused reload {epoch} and goes on as before: {why}"));
                }
                return Outcome::Reloaded(epoch);
            }
            Message::Instance { name, is_master } => return Outcome::Instance { name, is_master },
            Message::Session { name, is_up } => return Outcome::Session { name, is_up },
            Message::Ask { .. } | Message::Answer { .. } | Message::Happened(_) | Message::Posted { .. } => {
                return Outcome::Relay(message);
            }
            Message::Reload { .. }
            | Message::Stop
            | Message::LogLevel(_)
            | Message::Dump(_)
            | Message::Past { .. }
            | Message::Beside => {
                log.warning(format_args!("the {role} said what only its supervisor says"));
            }
        }
        Outcome::Nothing
    }

    /// What it said before it died and nobody has read yet; what of it is for somebody else.
    fn hear_the_rest(&mut self, role: Role, log: &Log) -> Vec<Message> {
        let mut rest = Vec::new();
        // A channel holds only so much, and nobody writes to it any more.
        while let Some(channel) = &self.channel {
            match channel.try_receive() {
                Ok(Some((message, _))) => {
                    if let Outcome::Relay(message) = self.hear(message, role, log) {
                        rest.push(message);
                    }
                }
                Ok(None) | Err(_) => break,
            }
        }
        rest
    }

    fn lose_patience(&mut self, role: Role, log: &Log) {
        let now = clock::now();
        match &mut self.awaited {
            Awaited::Word(watchdog) => {
                if let Some((at, patience)) = self.pulse.last() {
                    // Nobody lives on ahead of time.
                    watchdog.heard(at.min(now), patience);
                }
                match watchdog.look(now) {
                    Verdict::Wait => return,
                    Verdict::Hung => log.error(format_args!("the {role} does not go on: it is ended")),
                }
            }
            Awaited::Leaving(_) => log.error(format_args!("the {role} does not leave: it is ended")),
            Awaited::Gone(_) => {
                execute(&self.will.orders(), log);
                self.awaited = Awaited::Nothing;
                return;
            }
            Awaited::Nothing => return,
        }
        self.offspring.kill();
        self.awaited = Awaited::Gone(clock::after(now, KILL_WAIT));
    }

    fn stop(&mut self, role: Role, wait: Duration) {
        match self.awaited {
            Awaited::Word(_) => self.awaited = Awaited::Leaving(clock::after(clock::now(), wait)),
            Awaited::Leaving(_) | Awaited::Gone(_) | Awaited::Nothing => return,
        }
        let is_told = self.channel.as_ref().is_some_and(|channel| channel.try_send(&Message::Stop, None).is_ok());
        // A signal overtakes all that waits to be read. Whoever only looks on may be far behind with that.
        if !is_told || role == Role::Status {
            self.offspring.terminate();
        }
    }

    fn reload(&self, epoch: u64, source: &Source) -> io::Result<()> {
        match &self.channel {
            Some(channel) => channel.try_send(&Message::Reload { epoch }, Some(source.bundle.as_fd())),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }
}

impl Awaited {
    fn until(&self) -> Option<u64> {
        match self {
            Awaited::Word(watchdog) => Some(watchdog.due()),
            Awaited::Leaving(at) | Awaited::Gone(at) => Some(*at),
            Awaited::Nothing => None,
        }
    }

    /// The alarm that rings then.
    fn alarm<'a>(&self, silence: &'a mut Alarm, own: &'a mut Alarm) -> &'a mut Alarm {
        if matches!(self, Awaited::Word(_)) { silence } else { own }
    }
}

type Received = io::Result<Option<(Message, Option<OwnedFd>)>>;

async fn receive(channel: Option<&Channel>) -> Received {
    match channel {
        Some(channel) => channel.receive().await,
        None => std::future::pending().await,
    }
}

/// Waits until there may be room to say something that waits.
async fn room(channel: Option<&Channel>, is_waiting: bool) {
    match channel.filter(|_| is_waiting) {
        // A channel that is broken shows when it is read.
        Some(channel) => drop(channel.writable().await),
        None => std::future::pending().await,
    }
}

async fn ring(alarm: &mut Alarm, is_set: &mut io::Result<()>) -> io::Result<()> {
    std::mem::replace(is_set, Ok(()))?;
    alarm.rung().await
}

async fn sleep_until(at: u64) {
    tokio::time::sleep(Duration::from_nanos(at.saturating_sub(clock::now()))).await;
}

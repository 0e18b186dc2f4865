//! The life of the VRRP worker: started, listened to, watched, buried, started again.
//!
//! Whatever ends a worker, its last will is carried out before another one starts, and nothing it said before is missed.

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

use super::backoff::Backoff;
use super::daemon::{Settings, exit};
use super::execute::execute;
use super::source::Source;
use super::watchdog::{Verdict, Watchdog};
use super::will::Will;
use crate::channel::{Channel, Message};
use crate::kernel::clock;
use crate::kernel::offspring::{End, Offspring};
use crate::kernel::pidfile::PidFile;
use crate::kernel::seqpacket;
use crate::observe::log::Log;

/// How long a worker may take to leave in good order; whoever waits for us waits five seconds.
const STOP_WAIT: Duration = Duration::from_millis(4500);

/// How long a killed worker may take to be gone before its will is carried out all the same: one that hangs in the
/// kernel may never be.
const KILL_WAIT: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub(super) struct Keeper<'a> {
    settings: &'a Settings,
    pid_file: Option<&'a PidFile>,
    log: &'a Log,
    source: Source,
    epoch: u64,
    life: Life,
    backoff: Backoff,
    stopping: bool,
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
    will: Will,
    started: u64,
    awaited: Awaited,
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

enum Happening {
    Said(Message),
    Silent,
    Ended(End),
}

impl<'a> Keeper<'a> {
    pub(super) fn new(source: Source, settings: &'a Settings, pid_file: Option<&'a PidFile>, log: &'a Log) -> Self {
        let (life, backoff) = (Life::Idle, Backoff::default());
        Keeper { settings, pid_file, log, source, epoch: 1, life, backoff, stopping: false }
    }

    /// Starts the worker if there is something for it to do.
    pub(super) fn begin(&mut self) {
        if self.settings.vrrp_pid_file.is_some() && self.source.vrrp {
            self.start();
        } else {
            self.log.warning("the configuration has nothing to run; a reload may bring it");
        }
    }

    /// Waits for the next thing to happen to the worker and deals with it; a status ends the daemon. Dropping the future
    /// loses nothing.
    pub(super) async fn turn(&mut self) -> Option<u8> {
        match &mut self.life {
            Life::Idle => std::future::pending().await,
            Life::Waiting(until) => {
                sleep_until(*until).await;
                self.start();
                None
            }
            Life::Running(worker) => match worker.next(self.log).await {
                Happening::Said(message) => {
                    worker.hear(message, self.log);
                    None
                }
                Happening::Silent => {
                    worker.lose_patience(self.log);
                    None
                }
                Happening::Ended(end) => self.bury(end),
            },
        }
    }

    /// Asks the worker to leave; the status when there is nobody to wait for.
    pub(super) fn stop(&mut self) -> Option<u8> {
        if !std::mem::replace(&mut self.stopping, true) {
            self.log.notice("Stopping");
        }
        match &mut self.life {
            Life::Idle | Life::Waiting(_) => Some(exit::FINE),
            Life::Running(worker) => {
                worker.stop();
                None
            }
        }
    }

    /// Reads the configuration again; one that has errors changes nothing.
    pub(super) fn reload(&mut self) {
        let next = match Source::read(self.settings, true, self.log) {
            Ok(next) => next,
            Err(refusal) => {
                self.log.error(format_args!("reload refused, nothing changed: {refusal}"));
                return;
            }
        };
        self.log.notice("Reloading");
        self.source = next;
        self.epoch += 1;
        match &self.life {
            Life::Idle => self.begin(),
            // It will start with what counts then.
            Life::Waiting(_) => {}
            Life::Running(worker) => {
                if let Err(error) = worker.reload(self.epoch, &self.source) {
                    self.log.error(format_args!("the VRRP worker does not hear of the reload: {error}"));
                }
            }
        }
    }

    fn start(&mut self) {
        match self.spawn() {
            Ok(worker) => {
                let pid = worker.offspring.pid();
                self.log.notice(format_args!("Starting VRRP child process, pid={pid}"));
                self.name_in_pid_file(pid);
                self.life = Life::Running(Box::new(worker));
            }
            Err(error) => {
                let wait = self.backoff.after(Duration::ZERO).max(Duration::from_secs(1));
                self.log.error(format_args!("the VRRP worker cannot be started: {error}"));
                self.life = Life::Waiting(after(clock::now(), wait));
            }
        }
    }

    fn spawn(&self) -> io::Result<Worker> {
        let (ours, theirs) = seqpacket::End::pair()?;
        let inherited = [theirs.as_fd(), self.source.bundle.as_fd()];
        let mut arguments: Vec<OsString> = vec!["--role".into(), "vrrp".into()];
        arguments.extend(inherited.iter().map(|descriptor| descriptor.as_raw_fd().to_string().into()));
        arguments.extend(self.settings.arguments.iter().cloned());
        let offspring = Offspring::start(&self.settings.program, &arguments, &inherited)?;
        let started = clock::now();
        Ok(Worker {
            offspring,
            channel: Some(Channel::new(ours)?),
            will: Will::default(),
            started,
            awaited: Awaited::Word(Watchdog::new(started)),
        })
    }

    /// The worker is gone: what it leaves undone is done, and then it is settled what follows.
    fn bury(&mut self, end: End) -> Option<u8> {
        let Life::Running(mut worker) = std::mem::replace(&mut self.life, Life::Idle) else { return None };
        worker.hear_the_rest(self.log);
        if end != End::Status(0) {
            execute(&worker.will.orders(), self.log);
        }
        self.name_in_pid_file(std::process::id());
        if self.stopping {
            return Some(exit::FINE);
        }
        let lived = Duration::from_nanos(clock::now().saturating_sub(worker.started));
        match end {
            End::Status(status @ (exit::FATAL | exit::CONFIGURATION | exit::PERMISSION)) => {
                self.log.error(format_args!("the VRRP worker cannot go on (status {status}); stopping"));
                return Some(status);
            }
            End::Status(status) => self.log.error(format_args!("the VRRP worker ended with status {status}")),
            End::Signal(signal) => self.log.error(format_args!("the VRRP worker was ended by signal {signal}")),
        }
        if self.settings.dont_respawn {
            self.log.error("a worker that died is not started again (--dont-respawn); stopping");
            return Some(exit::FINE);
        }
        let wait = self.backoff.after(lived);
        self.log.notice(format_args!("starting the VRRP worker again in {} s", wait.as_secs()));
        self.life = Life::Waiting(after(clock::now(), wait));
        None
    }

    fn name_in_pid_file(&self, pid: u32) {
        if let Some(file) = self.pid_file
            && let Err(error) = file.write_for(pid)
        {
            self.log.warning(format_args!("the PID file of the VRRP worker cannot be written: {error}"));
        }
    }
}

impl Worker {
    /// What it said comes before its death, and both before any judgement on its silence.
    async fn next(&mut self, log: &Log) -> Happening {
        let until = self.awaited.until();
        loop {
            let channel = self.channel.as_ref();
            tokio::select! {
                biased;
                received = receive(channel) => match received {
                    Ok(Some((message, _))) => return Happening::Said(message),
                    Ok(None) => self.channel = None,
                    Err(error) => {
                        log.error(format_args!("the VRRP worker cannot be understood and is ended: {error}"));
                        self.channel = None;
                        self.offspring.kill();
                    }
                },
                ended = self.offspring.ended() => return Happening::Ended(ended.unwrap_or(End::Signal(0))),
                () = ring(until) => return Happening::Silent,
            }
        }
    }

    fn hear(&mut self, message: Message, log: &Log) {
        match message {
            Message::Will(deposit) => self.will.deposit(deposit),
            Message::Alive { patience_ms } => {
                if let Awaited::Word(watchdog) = &mut self.awaited {
                    watchdog.heard(clock::now(), Duration::from_millis(patience_ms));
                }
            }
            Message::Reloaded { epoch, refused: None } => log.notice(format_args!("Reload {epoch} complete")),
            Message::Reloaded { epoch, refused: Some(why) } => {
                log.error(format_args!("the VRRP worker refused reload {epoch} and goes on as before: {why}"));
            }
            Message::Reload { .. } | Message::Stop | Message::Beside => {
                log.warning("the VRRP worker said what only its supervisor says");
            }
        }
    }

    /// What it said before it died and nobody has read yet.
    fn hear_the_rest(&mut self, log: &Log) {
        while let Some(channel) = &self.channel {
            match channel.try_receive() {
                Ok(Some((message, _))) => self.hear(message, log),
                Ok(None) | Err(_) => return,
            }
        }
    }

    fn lose_patience(&mut self, log: &Log) {
        let now = clock::now();
        match &mut self.awaited {
            Awaited::Word(watchdog) => match watchdog.look(now) {
                Verdict::Wait => return,
                Verdict::Hung => log.error("the VRRP worker does not go on: it is ended"),
            },
            Awaited::Leaving(_) => log.error("the VRRP worker does not leave: it is ended"),
            Awaited::Gone(_) => {
                execute(&self.will.orders(), log);
                self.awaited = Awaited::Nothing;
                return;
            }
            Awaited::Nothing => return,
        }
        self.offspring.kill();
        self.awaited = Awaited::Gone(after(now, KILL_WAIT));
    }

    fn stop(&mut self) {
        match self.awaited {
            Awaited::Word(_) => self.awaited = Awaited::Leaving(after(clock::now(), STOP_WAIT)),
            Awaited::Leaving(_) | Awaited::Gone(_) | Awaited::Nothing => return,
        }
        // One that cannot be told is ended when it was waited for long enough.
        if let Some(channel) = &self.channel {
            let _ = channel.try_send(&Message::Stop, None);
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
}

type Received = io::Result<Option<(Message, Option<std::os::fd::OwnedFd>)>>;

async fn receive(channel: Option<&Channel>) -> Received {
    match channel {
        Some(channel) => channel.receive().await,
        None => std::future::pending().await,
    }
}

async fn ring(at: Option<u64>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

async fn sleep_until(at: u64) {
    tokio::time::sleep(Duration::from_nanos(at.saturating_sub(clock::now()))).await;
}

fn after(now: u64, wait: Duration) -> u64 {
    now.saturating_add(u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX))
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who is told what: scripts, named pipes and mail, strictly in order, never holding the protocol up.
//!
//! One task for each name (an instance, a sync group, a real server): its scripts run one after the other, so a script
//! for BACKUP never overtakes the one for MASTER before it. One task for each pipe: lines wait in a bounded queue while
//! the pipe is full. One task for all mail. They may be dropped at any moment; scripts they had started go on by
//! themselves.

pub mod balance;
pub mod command;
pub mod smtp;
pub mod vrrp;
pub mod webhook;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::mpsc::{self, Receiver, Sender, error::TrySendError};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, spawn_local};

use self::smtp::{Alert, Mailer, Post};
use crate::kernel::child::{self, Command, Exit};
use crate::kernel::fifo::{self, Fifo};
use crate::observe::log::Log;

/// Scripts that may wait for one name; further ones are dropped, counted and logged.
pub const SCRIPTS_WAITING_MAX: usize = 64;

/// Lines that may wait for a pipe whose reader does not read.
pub const LINES_WAITING_MAX: usize = 4096;

/// A script that runs longer than this goes on, but the next one no longer waits for it.
pub const ORDER_HELD_MAX: Duration = Duration::from_secs(60);

/// How often a full pipe is tried again.
const FIFO_RETRY: Duration = Duration::from_millis(50);

/// How long a pipe may take to be closed: several tries.
const CLOSE_LIMIT: Duration = Duration::from_millis(500);

/// How long scripts that were waiting when we stop may still take together.
const STOP_LIMIT: Duration = Duration::from_secs(1);

/// Scripts and pipes of one worker. Needs a tokio `LocalSet`.
#[derive(Debug)]
pub struct Notifier {
    log: Log,
    scripts: BTreeMap<String, Sender<Command>>,
    pipes: Vec<OpenPipe>,
    /// Who writes to them, until they are closed.
    closing: Vec<JoinHandle<()>>,
    mailer: Option<Mailer>,
    counts: Rc<Counts>,
}

/// What could not be told.
#[derive(Debug, Default)]
pub struct Counts {
    pub scripts_dropped: Cell<u64>,
    pub lines_dropped: Cell<u64>,
    pub scripts_failed: Cell<u64>,
    waiting: Cell<u64>,
}

impl Counts {
    /// How many were dropped so far.
    fn drop_lines(&self, more: u64) -> u64 {
        let dropped = self.lines_dropped.get() + more;
        self.lines_dropped.set(dropped);
        dropped
    }
}

/// A named pipe and the program that reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pipe {
    pub path: PathBuf,
    pub owner: Option<(u32, u32)>,
    /// Started when the pipe is there, with the pipe's path as its last argument.
    pub script: Option<Command>,
}

/// A pipe that is written to.
#[derive(Debug)]
struct OpenPipe {
    /// As it is wanted now.
    pipe: Rc<RefCell<Pipe>>,
    words: Sender<Word>,
    /// We made it.
    ours: bool,
    reader: Rc<RefCell<Reader>>,
}

/// What a pipe is given.
#[derive(Debug)]
enum Word {
    Line(String),
    /// Nothing more before this is over: who reads now is told to end, and would take lines with him.
    Wait(oneshot::Receiver<()>),
}

/// The program that reads a pipe. It ends by itself when the pipe is closed for good.
#[derive(Debug)]
enum Reader {
    Nobody,
    /// Its group, and who waits for its end.
    Runs(i32, JoinHandle<Exit>),
    /// One is about to end, and who is wanted then will begin.
    Changes,
}

impl Notifier {
    pub fn new(log: Log) -> Notifier {
        Notifier {
            log,
            scripts: BTreeMap::new(),
            pipes: Vec::new(),
            closing: Vec::new(),
            mailer: None,
            counts: Rc::default(),
        }
    }

    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Writes to these pipes from now on. Those that stay are not touched: their readers read on. Where only the reader is
    /// another one the pipe and what waits in it stay too.
    pub fn turn_to(&mut self, pipes: &[Pipe]) {
        self.pipes.retain(|open| pipes.iter().any(|pipe| pipe.path == open.pipe.borrow().path));
        for pipe in pipes {
            let turned = match self.pipes.iter().find(|open| open.pipe.borrow().path == pipe.path) {
                Some(open) if *open.pipe.borrow() == *pipe => Ok(()),
                Some(open) => open.turn_to(pipe, &self.log),
                None => self.open(pipe),
            };
            if let Err(error) = turned {
                self.log.warning(format_args!("notify pipe {} cannot be used: {error}", pipe.path.display()));
            }
        }
    }

    /// Opens a pipe. One that cannot be opened is an error of its own and stops nothing else.
    pub fn open(&mut self, pipe: &Pipe) -> io::Result<()> {
        // A reader that finds no pipe would end at once.
        let fifo = Fifo::open(&pipe.path, pipe.owner)?;
        let reader = Rc::new(RefCell::new(pipe.read(&self.log)));
        let (words, waiting) = mpsc::channel(LINES_WAITING_MAX);
        let pipe = Rc::new(RefCell::new(pipe.clone()));
        self.pipes.push(OpenPipe { pipe, words, ours: fifo.is_ours(), reader });
        self.closing.retain(|written| !written.is_finished());
        self.closing.push(spawn_local(write_lines(fifo, waiting, self.log.clone(), Rc::clone(&self.counts))));
        Ok(())
    }

    /// Writes a line, which ends in a newline, to every pipe.
    pub fn line(&mut self, line: &str) {
        for open in &self.pipes {
            if let Err(TrySendError::Full(_)) = open.words.try_send(Word::Line(line.to_owned())) {
                let dropped = self.counts.drop_lines(1);
                // Told at 1, 2, 4, 8, ...: a reader that is gone for good must not fill the log.
                if dropped.is_power_of_two() {
                    self.log.warning(format_args!(
                        "a notify pipe is full and nobody reads it; lines dropped so far: {dropped}"
                    ));
                }
            }
        }
    }

    /// Sends mail from now on as this says; `None` sends none.
    pub fn mail_by(&mut self, post: Option<Post>) {
        match (&self.mailer, post) {
            (None, None) => {}
            (None, Some(post)) => self.mailer = Some(Mailer::new(Some(post), self.log.clone())),
            (Some(mailer), post) => mailer.turn_to(post),
        }
    }

    /// Mails an alert, if anybody is to get mail.
    pub fn mail(&self, alert: Alert) {
        if let Some(mailer) = &self.mailer {
            mailer.send(alert);
        }
    }

    /// Runs a script after everything that was asked for `name` before.
    pub fn script(&mut self, name: &str, command: Command) {
        if self.scripts.get(name).is_none_or(Sender::is_closed) {
            let (sender, receiver) = mpsc::channel(SCRIPTS_WAITING_MAX);
            self.scripts.insert(name.to_owned(), sender);
            spawn_local(run_scripts(name.to_owned(), receiver, self.log.clone(), Rc::clone(&self.counts)));
        }
        let Some(queue) = self.scripts.get(name) else { return };
        self.counts.waiting.set(self.counts.waiting.get() + 1);
        if let Err(TrySendError::Full(command) | TrySendError::Closed(command)) = queue.try_send(command) {
            self.counts.waiting.set(self.counts.waiting.get().saturating_sub(1));
            self.counts.scripts_dropped.set(self.counts.scripts_dropped.get() + 1);
            self.log.warning(format_args!(
                "({name}) {SCRIPTS_WAITING_MAX} scripts wait already: {} was dropped",
                command.program.display()
            ));
        }
    }

    /// Waits until every script has ended and every mail is sent, but no longer than `limit`.
    pub async fn finish(&mut self, limit: Duration) {
        if let Some(mailer) = &self.mailer {
            mailer.hurry();
        }
        // Closing the queues lets each task end after what it still holds.
        self.scripts.clear();
        self.pipes.clear();
        let step = Duration::from_millis(5);
        let mut waited = Duration::ZERO;
        while self.counts.waiting.get() > 0 && waited < limit {
            tokio::time::sleep(step).await;
            waited += step;
        }
        if let Some(mailer) = self.mailer.take() {
            mailer.finish(limit.saturating_sub(waited)).await;
        }
        // A full pipe is closed within a few moments, and removed.
        for written in self.closing.drain(..) {
            let _ = tokio::time::timeout(CLOSE_LIMIT, written).await;
        }
    }
}

/// The end of a worker: what waits is told, and every program it started and gave up is gone.
pub async fn finish(notifier: &RefCell<Notifier>, log: &Log) {
    let mut last = notifier.replace(Notifier::new(log.clone()));
    last.finish(STOP_LIMIT).await;
    child::end_leaving(STOP_LIMIT).await;
}

impl Pipe {
    /// Starts the program that reads it.
    fn read(&self, log: &Log) -> Reader {
        let Some(mut script) = self.script.clone() else { return Reader::Nobody };
        script.argv.push(self.path.display().to_string());
        match script.start() {
            Ok(running) => match running.id() {
                Some(group) => Reader::Runs(group, spawn_local(running.wait(None))),
                None => Reader::Nobody,
            },
            Err(error) => {
                log.warning(format_args!("cannot start {}: {error}", script.program.display()));
                Reader::Nobody
            }
        }
    }
}

impl OpenPipe {
    /// Another owner, another reader, or none, for the same pipe.
    fn turn_to(&self, pipe: &Pipe, log: &Log) -> io::Result<()> {
        let before = self.pipe.replace(pipe.clone());
        if self.ours && before.owner != pipe.owner {
            fifo::give(&pipe.path, pipe.owner)?;
        }
        if before.script != pipe.script {
            let reader = self.reader.replace(Reader::Changes);
            match reader {
                Reader::Runs(group, ended) if !ended.is_finished() => self.replace(group, ended, log),
                Reader::Runs(..) | Reader::Nobody => drop(self.reader.replace(pipe.read(log))),
                Reader::Changes => {}
            }
        }
        Ok(())
    }

    /// Two readers would share the lines between them: one begins when the other has ended.
    fn replace(&self, group: i32, ended: JoinHandle<Exit>, log: &Log) {
        child::end(group);
        let (over, wait) = oneshot::channel();
        // Where there is no room nothing is written either.
        let _ = self.words.try_send(Word::Wait(wait));
        let (reader, pipe, log) = (Rc::clone(&self.reader), Rc::clone(&self.pipe), log.clone());
        spawn_local(async move {
            let _ = ended.await;
            let next = pipe.borrow().read(&log);
            reader.replace(next);
            drop(over);
        });
    }
}

async fn run_scripts(name: String, mut queue: Receiver<Command>, log: Log, counts: Rc<Counts>) {
    while let Some(command) = queue.recv().await {
        match command.start() {
            Ok(running) => {
                let end = spawn_local(running.wait(None));
                match tokio::time::timeout(ORDER_HELD_MAX, end).await {
                    Ok(Ok(exit)) => report(&name, &command, &exit, &log, &counts),
                    Ok(Err(_)) => {}
                    Err(_) => log.warning(format_args!(
                        "({name}) {} still runs after {} s; the next script no longer waits for it",
                        command.program.display(),
                        ORDER_HELD_MAX.as_secs()
                    )),
                }
            }
            Err(error) => report(&name, &command, &Exit::NotStarted(error), &log, &counts),
        }
        counts.waiting.set(counts.waiting.get().saturating_sub(1));
    }
}

fn report(name: &str, command: &Command, exit: &Exit, log: &Log, counts: &Counts) {
    let program = command.program.display();
    let problem = match exit {
        Exit::Status(0) => return,
        Exit::Status(status) => format!("ended with status {status}"),
        Exit::Signal(signal) => format!("was ended by signal {signal}"),
        Exit::TimedOut => "took too long".to_owned(),
        Exit::NotStarted(error) => format!("could not be started: {error}"),
    };
    counts.scripts_failed.set(counts.scripts_failed.get() + 1);
    log.info(format_args!("({name}) notify script {program} {problem}"));
}

/// Ends when nobody can write any more. What nobody read until then is lost, counted and told.
async fn write_lines(mut fifo: Fifo, mut queue: Receiver<Word>, log: Log, counts: Rc<Counts>) {
    let mut lost = 0;
    while let Some(word) = queue.recv().await {
        let line = match word {
            Word::Line(line) => line,
            Word::Wait(over) => {
                // It is over when nobody is there any more to say so.
                let _ = over.await;
                continue;
            }
        };
        while let Err(error) = fifo.write(&line) {
            if error.kind() != io::ErrorKind::WouldBlock || queue.is_closed() {
                lost += 1;
                break;
            }
            tokio::time::sleep(FIFO_RETRY).await;
        }
    }
    if lost > 0 {
        let dropped = counts.drop_lines(lost);
        log.warning(format_args!(
            "a notify pipe was full when it was closed; lines lost with it: {lost}, dropped so far: {dropped}"
        ));
    }
    // The pipe may be gone already; then there is nothing to remove.
    let _ = fifo.close();
}

#[cfg(test)]
mod tests;

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The way to steadfast-web, the process that speaks TLS for checks. It is started when the first check needs it, and
//! again, with growing pauses, when it ends; meanwhile checks are not carried out, which says nothing about servers.

pub mod talk;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::net::TcpStream;
use std::os::fd::{AsFd, AsRawFd};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use genhash::Fetched;
use keepalived_conf::blocks::lvs::ssl::Ssl;
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, timeout};

use crate::kernel::offspring::{self, Offspring};
use crate::kernel::seqpacket::{End, Line};
use talk::{Ask, Credentials, Fault, Meaning, Task, asked, understand};

/// The program, beside our own.
pub const PROGRAM: &str = "steadfast-web";

/// Who lived so long did not fail.
const LIFE_LEAST: Duration = Duration::from_secs(60);

/// The longest pause before it is started again.
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// How much longer than the exchange may take we wait for its outcome.
const PATIENCE: Duration = Duration::from_secs(2);

/// The way to steadfast-web.
#[derive(Debug)]
pub struct Web {
    program: PathBuf,
    state: Arc<Mutex<State>>,
    counts: Counts,
}

/// How often something happened.
#[derive(Debug, Default)]
pub struct Counts {
    pub started: AtomicU64,
    /// Exchanges that were not carried out for a lack on our side.
    pub ours: AtomicU64,
}

#[derive(Debug)]
struct State {
    credentials: Credentials,
    link: Option<Arc<Link>>,
    /// How often it ended early, one time after the other.
    failures: u32,
    not_before: Instant,
    /// Why it ended.
    why: String,
}

/// One life of the process.
#[derive(Debug)]
struct Link {
    line: Line,
    waiting: Mutex<BTreeMap<u64, oneshot::Sender<Result<Fetched, Fault>>>>,
    next: AtomicU64,
    born: Instant,
    /// It is no longer wanted.
    unwanted: Notify,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that is done under a lock can leave it half done.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Web {
    /// Nothing is started yet. Without a program, the one beside our own is meant.
    pub fn new(program: Option<&Path>) -> Web {
        let program = program.map_or_else(|| offspring::beside(PROGRAM), Path::to_owned);
        let state = State {
            credentials: Credentials::default(),
            link: None,
            failures: 0,
            not_before: Instant::now(),
            why: String::new(),
        };
        Web { program, state: Arc::new(Mutex::new(state)), counts: Counts::default() }
    }

    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// What the `SSL` block says now. When that is something new, or no check needs TLS any more (`wanted` is false), the
    /// process ends; the next check starts another.
    pub fn configure(&self, ssl: Option<&Ssl>, wanted: bool) {
        let credentials = ssl.map(|ssl| Credentials {
            password: ssl.password.as_ref().map(|password| password.expose().to_vec()),
            ca: ssl.ca.clone(),
            certificate: ssl.certificate.clone(),
            key: ssl.key.clone(),
        });
        let credentials = credentials.unwrap_or_default();
        let mut state = lock(&self.state);
        if wanted && state.credentials == credentials {
            return;
        }
        state.credentials = credentials;
        state.failures = 0;
        state.not_before = Instant::now();
        if let Some(link) = state.link.take() {
            link.unwanted.notify_one();
        }
    }

    /// One exchange over a connection that is made. The number in `task` is given here. Needs a tokio runtime.
    pub async fn fetch(&self, connection: TcpStream, task: Task) -> Result<Fetched, Fault> {
        let fetched = self.attempt(connection, task).await;
        if matches!(fetched, Err(Fault::Ours(_))) {
            self.counts.ours.fetch_add(1, Ordering::Relaxed);
        }
        fetched
    }

    async fn attempt(&self, connection: TcpStream, mut task: Task) -> Result<Fetched, Fault> {
        let link = self.link().map_err(Fault::Ours)?;
        task.id = link.next.fetch_add(1, Ordering::Relaxed);
        let id = task.id;
        let limit = Duration::from_millis(task.handshake_ms.saturating_add(task.answer_ms)).saturating_add(PATIENCE);
        let packet = asked(&Ask::Fetch(task)).map_err(|error| Fault::Ours(error.to_string()))?;
        let (tell, told) = oneshot::channel();
        lock(&link.waiting).insert(id, tell);
        let asking = async {
            send(&link.line, &packet, &connection).await.map_err(|error| Fault::Ours(gone(&error.to_string())))?;
            // It has a connection of its own now, and ours must not keep the server waiting for its end.
            drop(connection);
            told.await.unwrap_or_else(|_| Err(Fault::Ours(gone("it ended"))))
        };
        let outcome = timeout(limit, asking).await;
        lock(&link.waiting).remove(&id);
        outcome.unwrap_or_else(|_| {
            link.unwanted.notify_one();
            Err(Fault::Ours(gone("it does not answer")))
        })
    }

    /// The process as it runs, started if need be.
    fn link(&self) -> Result<Arc<Link>, String> {
        let mut state = lock(&self.state);
        if let Some(link) = &state.link {
            return Ok(Arc::clone(link));
        }
        let now = Instant::now();
        if now < state.not_before {
            let seconds = (state.not_before - now).as_secs() + 1;
            return Err(format!("{}; it is started again in {seconds} s", state.why));
        }
        match self.start(&state.credentials) {
            Ok(link) => {
                state.link = Some(Arc::clone(&link));
                Ok(link)
            }
            Err(error) => {
                let why = format!("{} cannot be started: {error}", self.program.display());
                state.failed(why.clone());
                Err(why)
            }
        }
    }

    fn start(&self, credentials: &Credentials) -> io::Result<Arc<Link>> {
        let (own, theirs) = End::pair()?;
        let arguments = [OsString::from(theirs.as_raw_fd().to_string())];
        // Whatever the system's configuration of OpenSSL forbids, servers may still speak it.
        let variables = [("OPENSSL_CONF", "/dev/null")];
        let process =
            Offspring::start_other(&self.program, PROGRAM.as_ref(), &arguments, &variables, &[theirs.as_fd()])?;
        self.counts.started.fetch_add(1, Ordering::Relaxed);
        drop(theirs);
        own.send(&asked(&Ask::Present(credentials.clone()))?, None)?;
        let link = Arc::new(Link {
            line: own.watched()?,
            waiting: Mutex::default(),
            next: AtomicU64::new(0),
            born: Instant::now(),
            unwanted: Notify::new(),
        });
        tokio::spawn(attend(Arc::clone(&link), process, Arc::clone(&self.state)));
        Ok(link)
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        if let Some(link) = lock(&self.state).link.take() {
            link.unwanted.notify_one();
        }
    }
}

impl State {
    /// It ended early, or was not even started.
    fn failed(&mut self, why: String) {
        let pause = Duration::from_secs(1).saturating_mul(1_u32 << self.failures.min(6)).min(PAUSE_MAX);
        self.failures = self.failures.saturating_add(1);
        self.not_before = Instant::now() + pause;
        self.why = why;
    }
}

/// Hands answers to those who wait for them, until the process ends or is not wanted any more.
async fn attend(link: Arc<Link>, mut process: Offspring, state: Arc<Mutex<State>>) {
    let why = loop {
        tokio::select! {
            packet = link.line.receive() => match packet.and_then(|packet| packet.map(understand).transpose()) {
                Ok(Some(Meaning::Done(id, outcome))) => {
                    if let Some(tell) = lock(&link.waiting).remove(&id) {
                        // Who waited may have given up.
                        let _ = tell.send(outcome);
                    }
                }
                Ok(Some(Meaning::Unpresentable(why))) => break why,
                Ok(None) => break "it ended".to_owned(),
                Err(error) => break format!("it said something strange: {error}"),
            },
            () = link.unwanted.notified() => break "it is not wanted any more".to_owned(),
        }
    };
    process.kill();
    // A process that the kernel cannot end must not keep us.
    let _ = timeout(PATIENCE, process.ended()).await;
    let why = gone(&why);
    {
        let mut state = lock(&state);
        if state.link.as_ref().is_some_and(|current| Arc::ptr_eq(current, &link)) {
            state.link = None;
            if link.born.elapsed() >= LIFE_LEAST {
                state.failures = 0;
            }
            state.failed(why.clone());
        }
    }
    for (_, tell) in std::mem::take(&mut *lock(&link.waiting)) {
        let _ = tell.send(Err(Fault::Ours(why.clone())));
    }
}

fn gone(why: &str) -> String {
    format!("{PROGRAM}: {why}")
}

async fn send(line: &Line, packet: &[u8], connection: &TcpStream) -> io::Result<()> {
    loop {
        match line.end().send(packet, Some(connection.as_fd())) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => line.writable().await?,
            other => return other,
        }
    }
}

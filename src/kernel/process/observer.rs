// SPDX-License-Identifier: MIT OR Apache-2.0
//! The thread that watches processes: it hears the connector, reads /proc, and tells a follower what it finds.
//!
//! The follower lives on the thread. Where there is no connector the thread looks at every process each second instead.
//! When the `Observer` is dropped the thread ends as soon as it is not inside /proc; nobody waits for it.

use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::{Connector, Event, Process, look, scan};

/// Without a connector: from the end of one scan to the beginning of the next.
const POLL_EVERY: Duration = Duration::from_secs(1);
/// After lost events, or a scan that failed: the soonest next scan.
const SCAN_PAUSE: Duration = Duration::from_secs(1);
/// Events taken before commands are looked at again.
const EVENTS_MAX: usize = 1024;
/// With all memory locked, every page of a stack is resident.
const STACK: usize = 256 * 1024;

/// What the thread tells its follower.
#[derive(Debug)]
pub enum Notice {
    /// Everything that runs. What was known before is void.
    Scanned(Vec<Process>),
    Forked {
        parent: u32,
        child: u32,
    },
    /// A process runs another program now.
    Executed(Process),
    Renamed {
        pid: u32,
        name: Vec<u8>,
    },
    Exited(u32),
    /// Events were lost. There is room for more of them now (octets), and a scan follows.
    Lost {
        room: usize,
    },
    /// /proc could not be read; it is tried again.
    Unreadable(io::Error),
    /// The connector broke; from now on /proc is read each second.
    Broken(io::Error),
}

/// Who is told, on the observer's thread.
pub trait Follow: Send + 'static {
    /// What may be asked of it from outside.
    type Command: Send + 'static;

    fn command(&mut self, command: Self::Command);

    /// How many octets of a command line it compares; 0 when it looks at names only.
    fn command_max(&self) -> usize;

    /// `false` ends the thread.
    fn notice(&mut self, notice: Notice) -> bool;
}

/// A handle on the thread.
#[derive(Debug)]
pub struct Observer<C> {
    commands: Sender<C>,
    bell: UnixStream,
}

impl<C: Send + 'static> Observer<C> {
    /// Starts with a scan.
    pub fn start(connector: Option<Connector>, follower: impl Follow<Command = C>) -> io::Result<Observer<C>> {
        let (bell, door) = UnixStream::pair()?;
        bell.set_nonblocking(true)?;
        door.set_nonblocking(true)?;
        let (commands, queue) = mpsc::channel();
        let now = Instant::now();
        let watch = Watch { connector, follower, queue, door, due: Some(now), last: None, lost: false, drained: true };
        thread::Builder::new().name("processes".to_owned()).stack_size(STACK).spawn(move || watch.run())?;
        Ok(Observer { commands, bell })
    }

    /// Hands a command to the follower; a scan follows it.
    pub fn command(&self, command: C) {
        // Neither fails while the thread lives, and a bell that rings already is heard.
        let _ = self.commands.send(command);
        let _ = (&self.bell).write(&[1]);
    }
}

struct Watch<F: Follow> {
    connector: Option<Connector>,
    follower: F,
    queue: Receiver<F::Command>,
    door: UnixStream,
    /// When to scan next, and when the last scan ended.
    due: Option<Instant>,
    last: Option<Instant>,
    /// Events were lost since the last scan that is sure to have seen everything.
    lost: bool,
    /// All events that were there have been taken. Before, the kernel does not say when it loses others.
    drained: bool,
}

impl<F: Follow> Watch<F> {
    fn run(mut self) {
        while self.scan_when_due() && self.wait() && self.answer_door() && self.hear() {}
    }

    fn scan_when_due(&mut self) -> bool {
        if self.due.is_none_or(|due| due > Instant::now()) {
            return true;
        }
        if self.lost {
            let room = self.connector.as_mut().map_or(0, Connector::grow);
            if !self.follower.notice(Notice::Lost { room }) {
                return false;
            }
        }
        let scanned = scan(self.follower.command_max());
        let ended = Instant::now();
        self.last = Some(ended);
        self.lost &= !self.drained;
        self.due = match (&scanned, &self.connector) {
            (Ok(_), Some(_)) => self.lost.then_some(ended + SCAN_PAUSE),
            (Ok(_), None) => Some(ended + POLL_EVERY),
            (Err(_), _) => Some(ended + SCAN_PAUSE),
        };
        self.follower.notice(scanned.map_or_else(Notice::Unreadable, Notice::Scanned))
    }

    fn wait(&mut self) -> bool {
        let timeout = match self.due {
            None => PollTimeout::NONE,
            Some(due) => {
                // Rounded up, so that what is due is due when it wakes.
                let left = due.saturating_duration_since(Instant::now()) + Duration::from_millis(1);
                PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX)
            }
        };
        let mut waited = vec![PollFd::new(self.door.as_fd(), PollFlags::POLLIN)];
        waited.extend(self.connector.as_ref().map(|connector| PollFd::new(connector.as_fd(), PollFlags::POLLIN)));
        match poll(&mut waited, timeout) {
            Ok(_) | Err(Errno::EINTR) => true,
            Err(_) => false,
        }
    }

    /// Takes commands; `false` when nobody can send any more.
    fn answer_door(&mut self) -> bool {
        let mut rings = [0; 64];
        match self.door.read(&mut rings) {
            Ok(0) => return false,
            Ok(_) => {}
            Err(error) => return matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted),
        }
        while let Ok(command) = self.queue.try_recv() {
            self.follower.command(command);
            self.due = Some(Instant::now());
        }
        true
    }

    /// Takes events that are there.
    fn hear(&mut self) -> bool {
        for _ in 0..EVENTS_MAX {
            let Some(connector) = &mut self.connector else { return true };
            let notice = match connector.receive() {
                Ok(Event::Fork { parent, child }) => Notice::Forked { parent, child },
                Ok(Event::Exec(pid)) => match look(pid, self.follower.command_max()) {
                    Some(process) => Notice::Executed(process),
                    // It is gone already.
                    None => Notice::Exited(pid),
                },
                Ok(Event::Renamed { pid, name }) => Notice::Renamed { pid, name },
                Ok(Event::Exit(pid)) => Notice::Exited(pid),
                Ok(Event::Rescan) => {
                    (self.lost, self.drained) = (true, false);
                    self.scan_soon();
                    continue;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.drained = true;
                    return true;
                }
                Err(error) => {
                    (self.connector, self.lost) = (None, false);
                    self.scan_soon();
                    Notice::Broken(error)
                }
            };
            if !self.follower.notice(notice) {
                return false;
            }
        }
        true
    }

    fn scan_soon(&mut self) {
        let now = Instant::now();
        let soonest = self.last.map_or(now, |last| now.max(last + SCAN_PAUSE));
        self.due = Some(self.due.map_or(soonest, |due| due.min(soonest)));
    }
}

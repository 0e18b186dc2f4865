// SPDX-License-Identifier: MIT OR Apache-2.0
//! The process connector: the kernel's own word on every fork, exec, renaming and exit.
//!
//! A filter in the kernel lets only whole processes through, so that a program that makes threads all day wakes nobody.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::sockopt::{RcvBuf, RcvBufForce};
use nix::sys::socket::{MsgFlags, NetlinkAddr, bind, getsockname, recv, send, setsockopt};
use socket2::{Domain, Protocol, SockFilter, Socket, Type};

use crate::kernel::netlink::{Message, Messages, Request, Room, u16_at, u32_at};

/// The connector's name for process events, and their group.
const INDEX: u32 = 1;
const VALUE: u32 = 1;
const GROUP: u32 = 1;
const LISTEN: u32 = 1;
const IGNORE: u32 = 2;
/// Connector messages are all of one netlink type, the one that elsewhere ends dumps.
const MESSAGE: u16 = 3;

/// What an event is, by the kernel's numbers.
const WHAT_NONE: u32 = 0;
const WHAT_FORK: u32 = 1;
const WHAT_EXEC: u32 = 2;
const WHAT_COMM: u32 = 0x200;
const WHAT_EXIT: u32 = 0x8000_0000;

/// Offsets: the connector's header behind netlink's, then the event, then what belongs to its kind.
const NETLINK_HEADER: usize = 16;
const EVENT: usize = 20;
const DETAIL: usize = EVENT + 16;

/// Room for events: the kernel counts about a kilobyte for each, so some thousand between two reads.
pub const ROOM: Room = Room { octets: 4 * 1024 * 1024, force: true };
/// Losses double the room up to this.
const BUFFER_MAX: usize = 64 * 1024 * 1024;
/// One event is 76 octets.
const DATAGRAM_MAX: usize = 1024;
/// The kernel answers within the send; this bounds the wait where nobody answers at all.
const ANSWER_WAIT: Duration = Duration::from_millis(500);

/// What became of a process. Threads are left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    Fork {
        parent: u32,
        child: u32,
    },
    /// It runs another program now; the kernel does not say which.
    Exec(u32),
    /// It gave itself another name.
    Renamed {
        pid: u32,
        name: Vec<u8>,
    },
    Exit(u32),
    /// Some events found no room. What is known may be wrong: scan again.
    Rescan,
}

/// Why there is no word from the kernel.
#[derive(Debug)]
pub enum OpenError {
    /// No such socket: the kernel was built without the connector, or may not be asked.
    Socket(io::Error),
    /// It refused: the daemon may not listen, or runs in a network namespace of its own.
    Listen(io::Error),
    /// Nobody answered: the kernel was built without process events, or the daemon runs in a process namespace.
    Silent,
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OpenError::Socket(error) => write!(f, "the kernel has no connector for processes: {error}"),
            OpenError::Listen(error) => write!(f, "the kernel refuses to tell of processes: {error}"),
            OpenError::Silent => f.write_str(
                "the kernel does not tell of processes, either because it was built without CONFIG_PROC_EVENTS or \
                 because the daemon runs in a container",
            ),
        }
    }
}

impl std::error::Error for OpenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            OpenError::Socket(error) | OpenError::Listen(error) => Some(error),
            OpenError::Silent => None,
        }
    }
}

/// A socket that is told of processes, all of this machine.
#[derive(Debug)]
pub struct Connector {
    socket: Socket,
    token: u32,
    room: Room,
    /// Events were lost before anybody could be told.
    lost: bool,
    buffer: Vec<u8>,
}

impl Connector {
    /// Must be called in the first network namespace: elsewhere nobody answers. A connector that was opened there
    /// goes on working when the process moves on. `room` is the receive buffer, see [`ROOM`].
    pub fn open(room: Room) -> Result<Connector, OpenError> {
        let protocol = Protocol::from(libc::NETLINK_CONNECTOR);
        let socket =
            Socket::new(Domain::from(libc::AF_NETLINK), Type::DGRAM, Some(protocol)).map_err(OpenError::Socket)?;
        let failed = |error: io::Error| OpenError::Listen(error);
        socket.set_nonblocking(true).map_err(failed)?;
        socket.attach_filter(&filter()).map_err(failed)?;
        bind(socket.as_raw_fd(), &NetlinkAddr::new(0, GROUP)).map_err(|errno| failed(errno.into()))?;
        let own = getsockname::<NetlinkAddr>(socket.as_raw_fd()).map_err(|errno| failed(errno.into()))?;
        // Answers go to all who listen. The socket's own number, which nobody else has, tells ours from theirs.
        let mut connector = Connector { socket, token: own.pid(), room, lost: false, buffer: vec![0; DATAGRAM_MAX] };
        connector.set_room(room).map_err(failed)?;
        connector.ask(LISTEN).map_err(failed)?;
        connector.await_answer()?;
        Ok(connector)
    }

    fn set_room(&mut self, room: Room) -> io::Result<()> {
        self.room = room;
        // Without the capability the ordinary limit of the system holds.
        if !room.force || setsockopt(&self.socket, RcvBufForce, &room.octets).is_err() {
            setsockopt(&self.socket, RcvBuf, &room.octets)?;
        }
        Ok(())
    }

    /// Doubles the room for events, after some were lost. Gives the new room.
    pub fn grow(&mut self) -> usize {
        let now = self.room.octets;
        let room = Room { octets: now.saturating_mul(2).min(BUFFER_MAX).max(now), ..self.room };
        // Where more is not to be had, what there was goes on serving.
        let _ = self.set_room(room);
        self.room.octets
    }

    fn ask(&self, what: u32) -> io::Result<()> {
        let mut header = Vec::with_capacity(DETAIL);
        for number in [INDEX, VALUE, 0, self.token] {
            header.extend_from_slice(&number.to_ne_bytes());
        }
        let operation = what.to_ne_bytes();
        header.extend_from_slice(&(operation.len() as u16).to_ne_bytes());
        header.extend_from_slice(&[0, 0]);
        header.extend_from_slice(&operation);
        let mut bytes = Vec::new();
        Request::new(MESSAGE, 0, &header).encode(0, false, &mut bytes);
        send(self.socket.as_raw_fd(), &bytes, MsgFlags::empty())?;
        Ok(())
    }

    fn await_answer(&mut self) -> Result<(), OpenError> {
        let deadline = Instant::now() + ANSWER_WAIT;
        loop {
            match self.next() {
                Ok(Said::Answer { token, errno: 0 }) if token == self.token => return Ok(()),
                Ok(Said::Answer { token, errno }) if token == self.token => {
                    return Err(OpenError::Listen(io::Error::from_raw_os_error(errno)));
                }
                // Whatever else comes is older than the first scan.
                Ok(Said::Answer { .. } | Said::Event(_) | Said::Nothing) => {}
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => self.lost = true,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    let mut waited = [PollFd::new(self.socket.as_fd(), PollFlags::POLLIN)];
                    let _ = poll(&mut waited, PollTimeout::try_from(left).unwrap_or(PollTimeout::ZERO));
                }
                Err(error) => return Err(OpenError::Listen(error)),
            }
            if Instant::now() >= deadline {
                return Err(OpenError::Silent);
            }
        }
    }

    /// The next event, without waiting; `WouldBlock` when there is none. After a `Rescan` the kernel tells of no other
    /// loss, and delivers nothing, until `WouldBlock` was seen: only a scan that begins after that is sure.
    pub fn receive(&mut self) -> io::Result<Event> {
        if std::mem::take(&mut self.lost) {
            return Ok(Event::Rescan);
        }
        loop {
            match self.next() {
                Ok(Said::Event(event)) => return Ok(event),
                Ok(Said::Answer { .. } | Said::Nothing) => continue,
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => return Ok(Event::Rescan),
                Err(error) => return Err(error),
            }
        }
    }

    fn next(&mut self) -> io::Result<Said> {
        let length = loop {
            match recv(self.socket.as_raw_fd(), &mut self.buffer, MsgFlags::empty()) {
                Err(Errno::EINTR) => continue,
                other => break other?,
            }
        };
        Ok(read(self.buffer.get(..length).unwrap_or_default()))
    }
}

impl AsFd for Connector {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Drop for Connector {
    fn drop(&mut self) {
        // Old kernels count listeners by what they said and not by their sockets, and go on making events for nobody.
        let _ = self.ask(IGNORE);
    }
}

/// What a datagram says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    Event(Event),
    /// To somebody's request.
    Answer {
        token: u32,
        errno: i32,
    },
    /// A thread, another kind of event, or not to be understood.
    Nothing,
}

pub fn read(datagram: &[u8]) -> Said {
    Messages::new(datagram).next().and_then(|message| said(&message)).unwrap_or(Said::Nothing)
}

fn said(message: &Message<'_>) -> Option<Said> {
    let body = message.body;
    if (u32_at(body, 0)?, u32_at(body, 4)?) != (INDEX, VALUE) {
        return None;
    }
    // What the header calls the length of the event must be there.
    body.get(EVENT..)?.get(..usize::from(u16_at(body, 16)?))?;
    let detail = |place: usize| u32_at(body, DETAIL + 4 * place);
    // Whole processes only: the thread's number is the group's.
    let process = |at: usize| detail(at).filter(|pid| detail(at + 1) == Some(*pid));
    let event = match u32_at(body, EVENT)? {
        WHAT_NONE => {
            let errno = i32::try_from(detail(0)?).unwrap_or(libc::EINVAL);
            // Newer kernels number answers like events; what was sent as acknowledged comes back one higher.
            return Some(Said::Answer { token: u32_at(body, 12)?.wrapping_sub(1), errno });
        }
        WHAT_FORK => Event::Fork { parent: detail(1)?, child: process(2)? },
        WHAT_EXEC => Event::Exec(process(0)?),
        WHAT_COMM => {
            let name = body.get(DETAIL + 8..)?.split(|octet| *octet == 0).next()?;
            Event::Renamed { pid: process(0)?, name: name.get(..super::NAME_MAX).unwrap_or(name).to_vec() }
        }
        WHAT_EXIT => Event::Exit(process(0)?),
        _ => return None,
    };
    Some(Said::Event(event))
}

/// Lets through answers, and events of whole processes. The filter reads numbers in network order, the kernel writes
/// them in the machine's own. Jumps count from the next line on.
pub(super) fn filter() -> [SockFilter; 16] {
    let line = |code: u32, yes: u8, no: u8, value: u32| SockFilter::new(code as u16, yes, no, value);
    let load = |at: usize| line(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, at as u32);
    let keep = || line(libc::BPF_MISC | libc::BPF_TAX, 0, 0, 0);
    let is = |what: u32, yes: u8, no: u8| line(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, yes, no, what.to_be());
    let is_kept = |yes: u8, no: u8| line(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_X, yes, no, 0);
    let give = |octets: u32| line(libc::BPF_RET | libc::BPF_K, 0, 0, octets);
    let (what, first) = (NETLINK_HEADER + EVENT, NETLINK_HEADER + DETAIL);
    [
        load(what),
        is(WHAT_NONE, 12, 0),
        is(WHAT_FORK, 7, 0),
        is(WHAT_EXEC, 2, 0),
        is(WHAT_COMM, 1, 0),
        is(WHAT_EXIT, 0, 9),
        // Exec, renaming, exit: the process itself.
        load(first),
        keep(),
        load(first + 4),
        is_kept(4, 5),
        // Fork: the child.
        load(first + 8),
        keep(),
        load(first + 12),
        is_kept(0, 1),
        give(u32::MAX),
        give(0),
    ]
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! A netlink socket: batches of requests with their verdicts, dumps, and the notifications of groups.

mod transaction;

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::socket::sockopt::{RcvBuf, RcvBufForce, ReceiveTimeout};
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, getsockname, recv, send, setsockopt,
    socket,
};
use nix::sys::time::TimeVal;

use super::{DUMP, Message, Messages, Refusal, Request};
use crate::kernel::Owner;
use crate::kernel::sockopt::{NetlinkCapAck, NetlinkExtendedAck, NetlinkStrictCheck};

/// Requests per send. The kernel does the work inside the send, so a longer one would only delay the first answers.
pub const SEND_MAX: usize = 64;
/// A dump that changed underneath is taken again, so often at most.
const DUMP_TRIES: usize = 5;
/// Datagrams read for one send: every request of it refused in a datagram of its own, twice over.
const ANSWERS_MAX: usize = 2 * SEND_MAX;
/// Datagrams read for one question. A table of the whole world's routes takes some ten thousand.
const CONVERSATION_MAX: usize = 1 << 20;
/// The kernel answers within the send; this only bounds the wait for an answer that was lost.
const ANSWER_WAIT: Duration = Duration::from_secs(2);
/// The kernel fills dumps up to 32 KiB; single messages of cards with many functions are longer.
const DATAGRAM_MAX: usize = 256 * 1024;
/// Room for notifications: some ten thousand changes between two reads.
const MONITOR_BUFFER: usize = 8 * 1024 * 1024;

pub use transaction::Refused;

/// The size of a receive buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    pub octets: usize,
    /// It may exceed the system's limit.
    pub force: bool,
}

impl Default for Room {
    fn default() -> Room {
        Room { octets: MONITOR_BUFFER, force: true }
    }
}

/// What became of one request.
pub type Verdict = Result<(), Refusal>;

#[derive(Debug)]
pub struct Socket {
    descriptor: OwnedFd,
    port: u32,
    sequence: u32,
    buffer: Vec<u8>,
}

impl Socket {
    /// A socket for requests.
    pub fn open(protocol: SockProtocol) -> io::Result<Socket> {
        let socket = Socket::bound(protocol, SockFlag::SOCK_CLOEXEC, 0)?;
        let seconds = i64::try_from(ANSWER_WAIT.as_secs()).unwrap_or(1);
        setsockopt(&socket.descriptor, ReceiveTimeout, &TimeVal::new(seconds, 0))?;
        // All three are refinements; an old kernel without them answers in the older form.
        let _ = setsockopt(&socket.descriptor, NetlinkExtendedAck, &true);
        let _ = setsockopt(&socket.descriptor, NetlinkCapAck, &true);
        let _ = setsockopt(&socket.descriptor, NetlinkStrictCheck, &true);
        Ok(socket)
    }

    /// A socket that is told of changes. Reading from it never waits.
    pub fn listen(protocol: SockProtocol, groups: u32, room: Room) -> io::Result<Socket> {
        let socket = Socket::bound(protocol, SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK, groups)?;
        // Without the capability the ordinary limit of the system holds.
        if !room.force || setsockopt(&socket.descriptor, RcvBufForce, &room.octets).is_err() {
            setsockopt(&socket.descriptor, RcvBuf, &room.octets)?;
        }
        Ok(socket)
    }

    fn bound(protocol: SockProtocol, flags: SockFlag, groups: u32) -> io::Result<Socket> {
        let descriptor = socket(AddressFamily::Netlink, SockType::Raw, flags, protocol)?;
        bind(descriptor.as_raw_fd(), &NetlinkAddr::new(0, groups))?;
        let port = getsockname::<NetlinkAddr>(descriptor.as_raw_fd())?.pid();
        Ok(Socket { descriptor, port, sequence: 0, buffer: vec![0; DATAGRAM_MAX] })
    }

    /// This socket's number; notifications of changes it asked for carry it.
    pub fn port(&self) -> u32 {
        self.port
    }

    /// Carries out `requests` in order and says of each what became of it. One that is refused does not stop the rest.
    pub fn request(&mut self, requests: &[Request]) -> Vec<Verdict> {
        requests.chunks(SEND_MAX).flat_map(|chunk| self.request_chunk(chunk)).collect()
    }

    /// At most `SEND_MAX` requests in one send.
    pub fn request_chunk(&mut self, chunk: &[Request]) -> Vec<Verdict> {
        let all: Vec<&Request> = chunk.iter().collect();
        self.exchange(&all).unwrap_or_else(|_lost| {
            // Some answer never came, so nobody knows what was done. Every request is safe to repeat: alone, each has
            // an acknowledgement of its own.
            all.iter()
                .map(|request| match self.exchange(&[request]) {
                    Ok(mut verdicts) => verdicts.pop().unwrap_or(Ok(())),
                    Err(errno) => Err(Refusal::new(errno as i32)),
                })
                .collect()
        })
    }

    /// One send, one acknowledgement asked for the last request; errors name their request by its sequence number.
    /// Fails when the answers are incomplete.
    fn exchange(&mut self, requests: &[&Request]) -> Result<Vec<Verdict>, Errno> {
        let mut verdicts: Vec<Verdict> = vec![Ok(()); requests.len()];
        let first = self.sequence.wrapping_add(1);
        let mut bytes = Vec::with_capacity(requests.len() * 128);
        let sendable = requests.iter().rposition(|request| !request.is_overlong());
        for (index, (request, verdict)) in requests.iter().zip(&mut verdicts).enumerate() {
            self.sequence = self.sequence.wrapping_add(1);
            if request.is_overlong() {
                *verdict = Err(Refusal::new(libc::EMSGSIZE));
            } else {
                request.encode(self.sequence, Some(index) == sendable, &mut bytes);
            }
        }
        let Some(last) = sendable else { return Ok(verdicts) };
        if let Err(errno) = self.send(&bytes) {
            return Ok(vec![Err(Refusal::new(errno as i32)); requests.len()]);
        }
        for _ in 0..ANSWERS_MAX {
            for message in Messages::new(self.receive_wait()?) {
                let index = message.sequence.wrapping_sub(first) as usize;
                let (Some(request), Some(slot)) = (requests.get(index), verdicts.get_mut(index)) else { continue };
                let Some(verdict) = message.verdict() else { continue };
                *slot = verdict.or_else(|refusal| if request.tolerates(refusal.errno) { Ok(()) } else { Err(refusal) });
                if index == last {
                    return Ok(verdicts);
                }
            }
        }
        Err(Errno::ENOBUFS)
    }

    /// What `each` makes of the messages of a dump. A dump the kernel marks as torn is taken again.
    pub fn dump<T>(&mut self, request: &Request, each: impl Fn(&Message<'_>) -> Option<T>) -> io::Result<Vec<T>> {
        for _ in 0..DUMP_TRIES {
            let mut found = Vec::new();
            if self.dump_once(request, |message| found.extend(each(message)))? {
                return Ok(found);
            }
        }
        Err(io::Error::new(
            io::ErrorKind::ResourceBusy,
            format!("the kernel's table changed during each of {DUMP_TRIES} reads"),
        ))
    }

    /// What `each` makes of the answer to a question that has one.
    pub fn ask<T>(&mut self, request: &Request, each: impl Fn(&Message<'_>) -> Option<T>) -> io::Result<Option<T>> {
        let mut found = None;
        self.converse(request, true, |message| found = found.take().or_else(|| each(message)))?;
        Ok(found)
    }

    /// Whether the dump is whole.
    fn dump_once(&mut self, request: &Request, each: impl FnMut(&Message<'_>)) -> io::Result<bool> {
        let mut request = request.clone();
        request.flags |= DUMP;
        self.converse(&request, false, each)
    }

    /// One request and all that is said to it, up to the verdict. Whether it is whole.
    fn converse(
        &mut self,
        request: &Request,
        acknowledge: bool,
        mut each: impl FnMut(&Message<'_>),
    ) -> io::Result<bool> {
        self.sequence = self.sequence.wrapping_add(1);
        let sequence = self.sequence;
        let mut bytes = Vec::new();
        request.encode(sequence, acknowledge, &mut bytes);
        self.send(&bytes)?;
        let mut whole = true;
        for _ in 0..CONVERSATION_MAX {
            for message in Messages::new(self.receive_wait()?) {
                if message.sequence != sequence {
                    continue;
                }
                whole &= !message.was_interrupted();
                match message.verdict() {
                    Some(Err(refusal)) => return Err(io::Error::from_raw_os_error(refusal.errno)),
                    Some(Ok(())) if message.ends_dump() || !message.is_part() => return Ok(whole),
                    Some(Ok(())) => {}
                    None => each(&message),
                }
            }
        }
        Err(io::Error::from_raw_os_error(libc::ENOBUFS))
    }

    /// One datagram of notifications; `WouldBlock` when there is none, ENOBUFS when some were lost.
    pub fn receive(&mut self) -> io::Result<Messages<'_>> {
        let length = loop {
            match recv(self.descriptor.as_raw_fd(), &mut self.buffer, MsgFlags::MSG_TRUNC) {
                Err(Errno::EINTR) => continue,
                other => break other?,
            }
        };
        // A notification longer than the buffer is as lost as one that found no room.
        match self.buffer.get(..length) {
            Some(datagram) => Ok(Messages::new(datagram)),
            None => Err(io::Error::from_raw_os_error(libc::ENOBUFS)),
        }
    }

    fn receive_wait(&mut self) -> Result<&[u8], Errno> {
        loop {
            match recv(self.descriptor.as_raw_fd(), &mut self.buffer, MsgFlags::MSG_TRUNC) {
                Err(Errno::EINTR) => continue,
                Err(errno) => return Err(errno),
                Ok(length) => return self.buffer.get(..length).ok_or(Errno::EMSGSIZE),
            }
        }
    }

    fn send(&self, bytes: &[u8]) -> Result<(), Errno> {
        loop {
            match send(self.descriptor.as_raw_fd(), bytes, MsgFlags::empty()) {
                Err(Errno::EINTR) => continue,
                other => return other.map(drop),
            }
        }
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

impl Owner for Socket {}

impl AsRawFd for Socket {
    fn as_raw_fd(&self) -> RawFd {
        self.descriptor.as_raw_fd()
    }
}

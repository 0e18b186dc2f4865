// SPDX-License-Identifier: MIT OR Apache-2.0
//! Transactions: many requests of which the kernel carries out all or none. They leave in one send, however long.

use std::fmt;

use nix::errno::Errno;
use nix::sys::socket::sockopt::{SndBuf, SndBufForce};
use nix::sys::socket::{MsgFlags, getsockopt, recv, setsockopt};
use std::os::fd::AsRawFd;

use super::{ANSWERS_MAX, Socket};
use crate::kernel::netlink::{Messages, Refusal, Request};

/// The longest transaction, in octets: some hundred thousand addresses.
const TRANSACTION_MAX: usize = 16 * 1024 * 1024;
/// What the kernel wants to have left of the send buffer.
const SEND_SPARE: usize = 32;

/// Why nothing of a transaction was done, and which of its messages was refused first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    pub place: usize,
    pub refusal: Refusal,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "message {} of a transaction was refused: {}", self.place, self.refusal)
    }
}

impl std::error::Error for Refused {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.refusal)
    }
}

impl Refused {
    fn new(place: usize, errno: i32) -> Refused {
        Refused { place, refusal: Refusal::new(errno) }
    }
}

impl Socket {
    /// Carries out all of `messages` or none. The first opens the transaction and the last closes it.
    pub fn transact(&mut self, messages: &[Request]) -> Result<(), Refused> {
        // Closing is not acknowledged by every kernel, so the message before it is.
        let Some(last) = messages.len().checked_sub(2) else { return Ok(()) };
        if let Some(place) = messages.iter().position(Request::is_overlong) {
            return Err(Refused::new(place, libc::EMSGSIZE));
        }
        let first = self.sequence.wrapping_add(1);
        let mut bytes = Vec::with_capacity(messages.len() * 128);
        for (place, message) in messages.iter().enumerate() {
            self.sequence = self.sequence.wrapping_add(1);
            message.encode(self.sequence, place == last, &mut bytes);
        }
        if bytes.len() > TRANSACTION_MAX {
            return Err(Refused::new(0, libc::EMSGSIZE));
        }
        self.make_room(bytes.len());
        self.forget_answers();
        self.send(&bytes).map_err(|errno| Refused::new(0, errno as i32))?;
        self.outcome(first, last)
    }

    /// Room to send so many octets at once; a send that has too little is refused.
    fn make_room(&self, octets: usize) {
        let wanted = octets.saturating_add(SEND_SPARE);
        if getsockopt(&self.descriptor, SndBuf).is_ok_and(|room| room >= wanted) {
            return;
        }
        // Without the capability the ordinary limit of the system holds, and the send itself says so.
        if setsockopt(&self.descriptor, SndBufForce, &wanted).is_err() {
            let _ = setsockopt(&self.descriptor, SndBuf, &wanted);
        }
    }

    /// Answers to an earlier transaction that nobody waited for; while they lie there the kernel may deliver no others.
    fn forget_answers(&mut self) {
        loop {
            match recv(self.descriptor.as_raw_fd(), &mut self.buffer, MsgFlags::MSG_DONTWAIT) {
                Ok(_) | Err(Errno::EINTR | Errno::ENOBUFS) => {}
                Err(_nothing) => return,
            }
        }
    }

    /// Errors come in the order of the messages, and the first is the reason of the others. An error of the message that
    /// opened the transaction is about all of it, and no more need follow.
    fn outcome(&mut self, first: u32, last: usize) -> Result<(), Refused> {
        let mut found: Option<Refused> = None;
        let mut lost = false;
        for _ in 0..ANSWERS_MAX.saturating_add(last) {
            let datagram = match self.receive_wait() {
                Ok(datagram) => datagram,
                // More errors than there is room for: those that fitted say enough.
                Err(Errno::ENOBUFS) => {
                    lost = true;
                    continue;
                }
                Err(Errno::EAGAIN) => return Err(found.unwrap_or(Refused::new(0, libc::ETIMEDOUT))),
                Err(errno) => return Err(found.unwrap_or(Refused::new(0, errno as i32))),
            };
            for message in Messages::new(datagram) {
                let place = message.sequence.wrapping_sub(first) as usize;
                let Some(verdict) = message.verdict().filter(|_| place <= last + 1) else { continue };
                if let (Err(refusal), None) = (&verdict, &found) {
                    found = Some(Refused { place, refusal: refusal.clone() });
                }
                if place == last || (verdict.is_err() && (place == 0 || lost)) {
                    return found.map_or(Ok(()), Err);
                }
            }
        }
        Err(found.unwrap_or(Refused::new(0, libc::ENOBUFS)))
    }
}

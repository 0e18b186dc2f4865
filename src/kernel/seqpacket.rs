// SPDX-License-Identifier: MIT OR Apache-2.0
//! A line between two of our processes: what is sent as one packet arrives as one, with a descriptor beside it or without.

use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::sync::{Mutex, PoisonError};

use nix::cmsg_space;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::sockopt::{SndBuf, SndBufForce};
use nix::sys::socket::{
    AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType, UnixAddr, recvmsg, sendmsg,
    setsockopt, socketpair,
};
use tokio::io::unix::AsyncFd;

use super::{Owner, watch};

/// The longest packet, in bytes; well within what a line takes in one piece.
pub const PACKET_MAX: usize = 64 * 1024;

/// Bytes that may wait in a line before sending has to wait.
const LINE_BUFFER: usize = 1 << 20;

/// One end of a line.
#[derive(Debug)]
pub struct End {
    socket: OwnedFd,
    /// Where packets arrive. It is kept: so large a piece of memory comes from the kernel and goes back to it each time.
    room: Mutex<Vec<u8>>,
}

/// A packet that arrived.
#[derive(Debug)]
pub struct Packet {
    pub bytes: Vec<u8>,
    pub beside: Option<OwnedFd>,
}

impl End {
    /// A new line. Neither end is inherited by programs unless its starter says so.
    pub fn pair() -> io::Result<(End, End)> {
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let (one, other) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, flags)?;
        for end in [&one, &other] {
            // Without the right to exceed the system's limit, the limit it is.
            if setsockopt(end, SndBufForce, &LINE_BUFFER).is_err() {
                setsockopt(end, SndBuf, &LINE_BUFFER)?;
            }
        }
        Ok((End::from_inherited(one), End::from_inherited(other)))
    }

    /// The end that was inherited.
    pub fn from_inherited(descriptor: OwnedFd) -> End {
        End { socket: descriptor, room: Mutex::default() }
    }

    /// Lets the runtime watch it. Needs a tokio runtime with I/O enabled.
    pub fn watched(self) -> io::Result<Line> {
        Ok(Line(watch(self)?))
    }

    /// Never waits: `WouldBlock` when the line is full, `BrokenPipe` when nobody is at its other end.
    pub fn send(&self, bytes: &[u8], beside: Option<BorrowedFd<'_>>) -> io::Result<()> {
        let descriptors: Vec<RawFd> = beside.iter().map(AsRawFd::as_raw_fd).collect();
        let rights = [ControlMessage::ScmRights(&descriptors)];
        let controls: &[ControlMessage<'_>] = if descriptors.is_empty() { &[] } else { &rights };
        let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
        loop {
            match sendmsg::<UnixAddr>(self.socket.as_raw_fd(), &[IoSlice::new(bytes)], controls, flags, None) {
                Err(Errno::EINTR) => continue,
                other => return Ok(other.map(drop)?),
            }
        }
    }

    /// Never waits: `WouldBlock` when there is nothing. `None`: nobody is at the other end any more.
    #[allow(unsafe_code)]
    pub fn receive(&self) -> io::Result<Option<Packet>> {
        let mut bytes = self.room.lock().unwrap_or_else(PoisonError::into_inner);
        bytes.resize(PACKET_MAX, 0);
        let mut control = cmsg_space!([RawFd; 1]);
        let mut parts = [IoSliceMut::new(&mut bytes)];
        let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_CMSG_CLOEXEC;
        let mut reset = false;
        let message = loop {
            match recvmsg::<UnixAddr>(self.socket.as_raw_fd(), &mut parts, Some(&mut control), flags) {
                Err(Errno::EINTR) => continue,
                // The other end went away with packets unread. The kernel says so once, before it gives out what that
                // end had still said.
                Err(Errno::ECONNRESET) if !reset => reset = true,
                Err(Errno::ECONNRESET) => return Ok(None),
                other => break other?,
            }
        };
        let (length, truncated) = (message.bytes, message.flags.contains(MsgFlags::MSG_TRUNC));
        let mut beside = None;
        for control in message.cmsgs()? {
            if let ControlMessageOwned::ScmRights(descriptors) = control {
                for descriptor in descriptors {
                    // SAFETY: the kernel made this descriptor for us with this packet; nobody else knows its number.
                    beside = Some(unsafe { OwnedFd::from_raw_fd(descriptor) });
                }
            }
        }
        if truncated {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a packet longer than any we send"));
        }
        if length == 0 {
            return Ok(None);
        }
        Ok(Some(Packet { bytes: bytes.get(..length).unwrap_or_default().to_vec(), beside }))
    }
}

impl AsFd for End {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl AsRawFd for End {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

impl Owner for End {}

/// An end the runtime watches.
#[derive(Debug)]
pub struct Line(AsyncFd<End>);

impl Line {
    /// The end itself, for what must not wait.
    pub fn end(&self) -> &End {
        self.0.get_ref()
    }

    /// Waits for a packet. Dropping the future loses nothing.
    pub async fn receive(&self) -> io::Result<Option<Packet>> {
        loop {
            let mut guard = self.0.readable().await?;
            match guard.try_io(|end| end.get_ref().receive()) {
                Ok(received) => return received,
                Err(_nothing) => continue,
            }
        }
    }

    /// Waits until there is room. Dropping the future loses nothing.
    pub async fn writable(&self) -> io::Result<()> {
        let mut guard = self.0.writable().await?;
        // The kernel says when room comes back; between the two it must be asked, or a full line would look writable.
        let mut polled = [PollFd::new(self.0.get_ref().as_fd(), PollFlags::POLLOUT)];
        if poll(&mut polled, PollTimeout::ZERO)? == 0 {
            guard.clear_ready();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_words_are_heard_though_the_speaker_left_a_packet_unread() {
        let (one, other) = End::pair().unwrap();
        one.send(b"unread", None).unwrap();
        other.send(b"first", None).unwrap();
        other.send(b"last", None).unwrap();
        drop(other);
        let heard: Vec<Vec<u8>> = std::iter::from_fn(|| one.receive().unwrap()).map(|packet| packet.bytes).collect();
        assert_eq!(heard, [b"first".to_vec(), b"last".to_vec()]);
        assert!(one.receive().unwrap().is_none());
    }
}

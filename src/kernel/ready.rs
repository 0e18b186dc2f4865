// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which of many sockets have something to read: one descriptor the runtime waits on, however many sockets there are.

use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use tokio::io::unix::AsyncFd;

use super::{Owner, watch};

/// Tokens one call of `Ready::take` hands out at most; the rest come with the next call.
pub const READY_MAX: usize = 64;

/// A set of descriptors, each known by the caller's token.
#[derive(Debug)]
pub struct Ready {
    set: AsyncFd<Set>,
}

impl Ready {
    /// Needs a tokio runtime with I/O enabled.
    pub fn new() -> io::Result<Ready> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        Ok(Ready { set: watch(Set(epoll))? })
    }

    /// Watches `descriptor` for input. It leaves the set by itself when it is closed.
    pub fn add(&self, descriptor: impl AsFd, token: u64) -> io::Result<()> {
        Ok(self.set.get_ref().0.add(descriptor, EpollEvent::new(EpollFlags::EPOLLIN, token))?)
    }

    pub fn remove(&self, descriptor: impl AsFd) -> io::Result<()> {
        Ok(self.set.get_ref().0.delete(descriptor)?)
    }

    /// Waits until some descriptor has input. Dropping the future loses nothing.
    pub async fn wait(&self) -> io::Result<()> {
        loop {
            let mut guard = self.set.readable().await?;
            let mut events = [EpollEvent::empty(); 1];
            // The outer wait is told once per change; only an empty inner set makes it wait again.
            match guard.try_io(|set| set.get_ref().peek(&mut events)) {
                Ok(result) => return result.map(drop),
                Err(_nothing) => continue,
            }
        }
    }

    /// Appends the tokens of the descriptors that have input now, without waiting.
    pub fn take(&self, tokens: &mut Vec<u64>) -> io::Result<()> {
        let mut events = [EpollEvent::empty(); READY_MAX];
        match self.set.get_ref().peek(&mut events) {
            Ok(found) => tokens.extend(events.iter().take(found).map(EpollEvent::data)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

#[derive(Debug)]
struct Set(Epoll);

impl Set {
    fn peek(&self, events: &mut [EpollEvent]) -> io::Result<usize> {
        match self.0.wait(events, EpollTimeout::ZERO) {
            Ok(0) | Err(Errno::EINTR) => Err(io::ErrorKind::WouldBlock.into()),
            Ok(found) => Ok(found),
            Err(errno) => Err(errno.into()),
        }
    }
}

impl Owner for Set {}

impl AsRawFd for Set {
    fn as_raw_fd(&self) -> RawFd {
        self.0.0.as_raw_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::Ready;
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;

    #[tokio::test(flavor = "current_thread")]
    async fn only_sockets_with_input_are_named() {
        let ready = Ready::new().unwrap();
        let pairs: Vec<(UnixStream, UnixStream)> = (0..3).map(|_| UnixStream::pair().unwrap()).collect();
        for (token, (inner, _)) in (0..).zip(&pairs) {
            ready.add(inner, token).unwrap();
        }
        (&pairs[1].1).write_all(b"x").unwrap();
        ready.wait().await.unwrap();
        let mut tokens = Vec::new();
        ready.take(&mut tokens).unwrap();
        assert_eq!(tokens, [1]);
    }

    #[tokio::test(flavor = "current_thread")]
    async fn input_left_unread_is_named_again() {
        let ready = Ready::new().unwrap();
        let (inner, mut outer) = UnixStream::pair().unwrap();
        ready.add(&inner, 7).unwrap();
        outer.write_all(b"ab").unwrap();
        for _ in 0..2 {
            ready.wait().await.unwrap();
            let mut tokens = Vec::new();
            ready.take(&mut tokens).unwrap();
            assert_eq!(tokens, [7]);
            (&inner).read_exact(&mut [0]).unwrap();
        }
        let mut tokens = Vec::new();
        ready.take(&mut tokens).unwrap();
        assert!(tokens.is_empty());
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_removed_socket_is_silent() {
        let ready = Ready::new().unwrap();
        let (inner, mut outer) = UnixStream::pair().unwrap();
        ready.add(&inner, 7).unwrap();
        ready.remove(&inner).unwrap();
        outer.write_all(b"a").unwrap();
        let mut tokens = Vec::new();
        ready.take(&mut tokens).unwrap();
        assert!(tokens.is_empty());
    }
}

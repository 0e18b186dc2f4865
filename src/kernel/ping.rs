// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sockets for ICMP echo: datagram sockets where the kernel lets our group use them (net.ipv4.ping_group_range), and raw
//! ones where we may have those.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsRawFd, RawFd};

use nix::errno::Errno;
use nix::sys::socket::sockopt::{Ipv4RecvErr, Ipv6RecvErr};
use nix::sys::socket::{MsgFlags, recv, send, setsockopt};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::outgoing::{Failed, Origin, place, scoped};
use super::{Owner, random, watch};

/// A socket for echo requests to one target and the replies from it.
#[derive(Debug)]
pub struct Ping {
    socket: AsyncFd<Handle>,
    /// What tells our replies from those of others on a raw socket; the kernel does it on a datagram socket.
    identifier: Option<u16>,
}

#[derive(Debug)]
struct Handle(Socket);

impl Owner for Handle {}

impl AsRawFd for Handle {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

impl Ping {
    /// Connected to `target`; what ICMP says about the requests is reported by the next call. Needs a tokio runtime
    /// with I/O enabled.
    pub fn open(target: IpAddr, origin: &Origin) -> Result<Ping, Failed> {
        let to = scoped(SocketAddr::new(target, 0), origin.interface.as_deref())?;
        let (socket, raw) = opened(to).map_err(|error| Failed {
            doing: "opening an ICMP socket (net.ipv4.ping_group_range must allow it, or CAP_NET_RAW)".to_owned(),
            error,
        })?;
        let failed = |doing: &str| {
            let doing = doing.to_owned();
            |error: io::Error| Failed { doing, error }
        };
        match to {
            SocketAddr::V4(_) => setsockopt(&socket, Ipv4RecvErr, &true),
            SocketAddr::V6(_) => setsockopt(&socket, Ipv6RecvErr, &true),
        }
        .map_err(|errno| failed("asking for errors")(errno.into()))?;
        // An echo has no port.
        place(&socket, to, &Origin { port: None, ..origin.clone() })?;
        socket.connect(&to.into()).map_err(failed("finding a way to the server"))?;
        let socket = watch(Handle(socket)).map_err(failed("watching the socket"))?;
        Ok(Ping { socket, identifier: raw.then(|| random::number() as u16) })
    }

    /// What the requests must carry; `None` where the kernel puts it in.
    pub fn identifier(&self) -> Option<u16> {
        self.identifier
    }

    /// Whether an IP header stands before what is received, if the target is an IPv4 address.
    pub fn with_header(&self) -> bool {
        self.identifier.is_some()
    }

    pub async fn send(&self, bytes: &[u8]) -> io::Result<()> {
        loop {
            let mut guard = self.socket.writable().await?;
            let sent =
                guard.try_io(|socket| send(socket.as_raw_fd(), bytes, MsgFlags::MSG_NOSIGNAL).map_err(io::Error::from));
            match sent {
                Ok(result) => return result.map(drop),
                Err(_not_yet) => continue,
            }
        }
    }

    pub async fn receive(&self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            // What ICMP reported makes a socket ready for nothing but its error.
            let mut guard = self.socket.ready(Interest::READABLE | Interest::ERROR).await?;
            match recv(self.socket.as_raw_fd(), into, MsgFlags::empty()) {
                Err(Errno::EAGAIN) => guard.clear_ready(),
                received => return received.map_err(io::Error::from),
            }
        }
    }
}

/// A socket, and whether it is a raw one.
fn opened(to: SocketAddr) -> io::Result<(Socket, bool)> {
    let protocol = if to.is_ipv4() { Protocol::ICMPV4 } else { Protocol::ICMPV6 };
    let open = |kind: Type| Socket::new(Domain::for_address(to), kind.nonblocking(), Some(protocol));
    match open(Type::DGRAM) {
        Ok(socket) => Ok((socket, false)),
        Err(refused) => match refused.raw_os_error().map(Errno::from_raw) {
            // The group may not; or the kernel has no such sockets.
            Some(Errno::EACCES | Errno::EPERM | Errno::EPROTONOSUPPORT | Errno::ESOCKTNOSUPPORT) => {
                open(Type::RAW).map(|socket| (socket, true))
            }
            _ => Err(refused),
        },
    }
}

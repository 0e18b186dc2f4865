// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sockets that connect to somebody: from which address and port, through which interface, under which mark.

use std::io;
use std::net::{IpAddr, SocketAddr};

use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::{IpBindAddressNoPort, Ipv4RecvErr, Ipv6RecvErr};
use socket2::{Domain, Protocol, Socket, Type};

/// Where packets come from, as far as it is not left to the kernel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    pub address: Option<IpAddr>,
    /// Counts only together with an address.
    pub port: Option<u16>,
    pub interface: Option<Box<str>>,
    /// 0 is no mark.
    pub mark: u32,
}

/// Why there is no socket: what was being done, and what the kernel said to it.
#[derive(Debug)]
pub struct Failed {
    pub doing: String,
    pub error: io::Error,
}

/// What is sent over a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Tcp,
    Udp,
}

/// A socket that never waits and is ready to be connected to `to`. What ICMP says about a datagram is reported by the
/// next call.
pub fn socket(kind: Kind, to: SocketAddr, origin: &Origin) -> Result<Socket, Failed> {
    let (of, protocol) = match kind {
        Kind::Tcp => (Type::STREAM, Protocol::TCP),
        Kind::Udp => (Type::DGRAM, Protocol::UDP),
    };
    let socket =
        Socket::new(Domain::for_address(to), of.nonblocking(), Some(protocol)).map_err(failed("opening a socket"))?;
    if kind == Kind::Udp {
        match to {
            SocketAddr::V4(_) => setsockopt(&socket, Ipv4RecvErr, &true),
            SocketAddr::V6(_) => setsockopt(&socket, Ipv6RecvErr, &true),
        }
        .map_err(|errno| failed("asking for errors")(errno.into()))?;
    }
    place(&socket, to, origin)?;
    Ok(socket)
}

/// Gives a socket its mark, interface, address and port.
pub(super) fn place(socket: &Socket, to: SocketAddr, origin: &Origin) -> Result<(), Failed> {
    let Origin { address, port, interface, mark } = origin;
    if *mark != 0 {
        socket.set_mark(*mark).map_err(|error| Failed { doing: format!("setting mark {mark}"), error })?;
    }
    if let Some(name) = interface {
        socket
            .bind_device(Some(name.as_bytes()))
            .map_err(|error| Failed { doing: format!("binding to interface {name}"), error })?;
    }
    let Some(address) = address else { return Ok(()) };
    if port.is_none() {
        // The port is chosen when the other end is known. Chosen by bind, it has to be free towards everybody, which
        // takes milliseconds to find when many connections wait for their end.
        setsockopt(socket, IpBindAddressNoPort, &true)
            .map_err(|errno| failed("leaving the port open")(errno.into()))?;
    } else {
        // What a closed connection leaves behind must not keep the next check from the only port it may use.
        socket.set_reuse_address(true).map_err(failed("sharing the port"))?;
    }
    let from = scoped(SocketAddr::new(*address, port.unwrap_or(0)), interface.as_deref())?;
    let doing = || match port {
        Some(port) => format!("binding to {address} port {port}"),
        None => format!("binding to {address}"),
    };
    socket.bind(&from.into()).map_err(|error| Failed { doing: doing(), error })?;
    debug_assert!(to.is_ipv4() == from.is_ipv4(), "the configuration allows one family only");
    Ok(())
}

/// The address with the interface that a link-local one needs.
pub fn scoped(address: SocketAddr, interface: Option<&str>) -> Result<SocketAddr, Failed> {
    let (SocketAddr::V6(mut v6), Some(name)) = (address, interface) else { return Ok(address) };
    if v6.scope_id() != 0 || !v6.ip().is_unicast_link_local() {
        return Ok(address);
    }
    let index = nix::net::if_::if_nametoindex(name)
        .map_err(|errno| Failed { doing: format!("looking for interface {name}"), error: errno.into() })?;
    v6.set_scope_id(index);
    Ok(SocketAddr::V6(v6))
}

fn failed(doing: &'static str) -> impl FnOnce(io::Error) -> Failed {
    move |error| Failed { doing: doing.to_owned(), error }
}

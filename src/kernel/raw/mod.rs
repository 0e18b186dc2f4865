// SPDX-License-Identifier: MIT OR Apache-2.0
//! Raw sockets for VRRP adverts, one pair per interface, family and protocol; `frame` holds the packet socket that
//! announces addresses.
//!
//! Receivers deliver to the caller's closure and never wait. Senders fail at once when the interface cannot send; an
//! advert that is late is worth less than the next one, so nothing is queued.

pub mod claims;
pub mod frame;
pub mod vrids;

#[cfg(test)]
mod tests;

use std::fmt;
use std::io::{self, IoSlice, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

use nix::cmsg_space;
use nix::errno::Errno;
use nix::sys::socket::sockopt::{Ipv4PacketInfo, Ipv6RecvPacketInfo};
use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, MultiHeaders, SockaddrIn, SockaddrIn6, SockaddrStorage, recvmsg,
    sendmmsg, sendmsg, setsockopt,
};
use socket2::{Domain, InterfaceIndexOrAddress, Protocol as IpProtocol, SockAddr, SockFilter, Socket, Type};

use super::Family;
use super::sockopt::{Ipv4MulticastInterface, Ipv6Checksum};
use vrids::Vrids;

/// Datagrams that one call receives at most, and frames that one call sends.
pub const BATCH_MAX: usize = 64;
/// As long as a datagram can be.
pub const DATAGRAM_MAX: usize = 65_535;
/// Internetwork control, in the IPv4 type of service and the IPv6 traffic class alike.
const TRAFFIC_CLASS: u8 = 0xc0;
/// The queue for control traffic on the host itself.
const QUEUE_PRIORITY: u32 = 6;
/// Where the checksum stands in a VRRP advert.
const CHECKSUM_OFFSET: usize = 6;

/// The IP protocol of adverts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    Vrrp,
    /// IP authentication header around VRRP.
    Ah,
}

impl Protocol {
    pub const fn number(self) -> u8 {
        match self {
            Protocol::Vrrp => 112,
            Protocol::Ah => 51,
        }
    }
}

/// An interface as sockets need it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Interface {
    pub index: u32,
    pub name: String,
}

/// Whom a receiver listens to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Listen {
    /// A group, on one interface.
    Group(IpAddr, Interface),
    /// An address of ours, on one interface or on any.
    Address(IpAddr, Option<Interface>),
}

/// What could not be done while a socket was made.
#[derive(Debug)]
pub struct OpenError {
    pub step: Step,
    source: io::Error,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Create,
    BindInterface,
    JoinGroup,
    BindAddress,
    SetOption,
    Watch,
}

impl OpenError {
    /// For `map_err` and, read so, for people: `joining the group failed: no such device`.
    fn at(step: Step) -> impl Fn(io::Error) -> OpenError {
        move |source| OpenError { step, source }
    }

    /// The runtime did not take the socket.
    pub fn watching(source: io::Error) -> OpenError {
        OpenError { step: Step::Watch, source }
    }

    pub fn errno(&self) -> Option<i32> {
        self.source.raw_os_error()
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let doing = match self.step {
            Step::Create => "opening a raw socket",
            Step::BindInterface => "binding to the interface",
            Step::JoinGroup => "joining the multicast group",
            Step::BindAddress => "binding to the address",
            Step::SetOption => "setting a socket option",
            Step::Watch => "watching the socket",
        };
        write!(out, "{doing} failed: {}", self.source)
    }
}

impl std::error::Error for OpenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

/// One datagram as it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received<'a> {
    /// The interface it came in by; 0 when the kernel did not say.
    pub interface: u32,
    /// It was longer than the buffer; the rest is lost.
    pub truncated: bool,
    pub bytes: Bytes<'a>,
}

/// What a raw socket of each family delivers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bytes<'a> {
    /// From the IP header on.
    V4(&'a [u8]),
    /// The payload, and what the kernel says about the header.
    V6 { source: Ipv6Addr, destination: Ipv6Addr, hop_limit: Option<u8>, payload: &'a [u8] },
}

/// A socket adverts come in by.
#[derive(Debug)]
pub struct Receiver {
    socket: Socket,
    family: Family,
    protocol: Protocol,
    control: Vec<u8>,
}

impl Receiver {
    /// `buffer` is the size of the kernel's queue in bytes; `None` leaves the system's. Adverts of other routers than
    /// `of` are dropped by the kernel.
    pub fn open(listen: &Listen, protocol: Protocol, buffer: Option<usize>, of: &Vrids) -> Result<Receiver, OpenError> {
        let (address, interface) = match listen {
            Listen::Group(group, interface) => (*group, Some(interface)),
            Listen::Address(address, interface) => (*address, interface.as_ref()),
        };
        let family = Family::of(address);
        let socket = raw(family, protocol)?;
        let option = OpenError::at(Step::SetOption);
        // Until it is bound, it is given what comes in anywhere.
        socket.attach_filter(&vrids::closed()).map_err(&option)?;
        if let Some(bytes) = buffer {
            socket.set_recv_buffer_size(bytes).map_err(&option)?;
        }
        if let Some(interface) = interface {
            bind_interface(&socket, interface)?;
        }
        match family {
            Family::V4 => setsockopt(&socket, Ipv4PacketInfo, &true).map_err(io::Error::from).map_err(&option)?,
            Family::V6 => {
                setsockopt(&socket, Ipv6RecvPacketInfo, &true).map_err(io::Error::from).map_err(&option)?;
                socket.set_recv_hoplimit_v6(true).map_err(&option)?;
                verify_checksum(&socket, protocol)?;
            }
        }
        match listen {
            Listen::Group(group, interface) => join(&socket, *group, interface.index)?,
            Listen::Address(IpAddr::V4(_), _) => socket.set_freebind_v4(true).map_err(&option)?,
            Listen::Address(IpAddr::V6(_), _) => socket.set_freebind_v6(true).map_err(&option)?,
        }
        let scope = interface.map_or(0, |interface| interface.index);
        socket.bind(&socket_address(address, scope)).map_err(OpenError::at(Step::BindAddress))?;
        let control = cmsg_space!(libc::in6_pktinfo, libc::c_int);
        let mut receiver = Receiver { socket, family, protocol, control };
        // What slipped in before the filter; an interface that is down says so here, and is no obstacle.
        let _ = receiver.receive(&mut [0; 1], |_| ());
        receiver.hear_of(of).map_err(&option)?;
        Ok(receiver)
    }

    /// Only adverts of these routers from now on. The kernel changes its filter between two datagrams.
    pub fn hear_of(&self, vrids: &Vrids) -> io::Result<()> {
        self.socket.attach_filter(&vrids.filter(self.family, self.protocol))
    }

    /// Hands at most `BATCH_MAX` waiting datagrams to `each`; says whether more may wait. Many receivers share one
    /// `buffer`; what does not fit into it is cut.
    pub fn receive(&mut self, buffer: &mut [u8], mut each: impl FnMut(Received<'_>)) -> io::Result<bool> {
        for _ in 0..BATCH_MAX {
            match self.receive_one(buffer, &mut each) {
                Ok(()) | Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => return Ok(false),
                Err(errno) => return Err(errno.into()),
            }
        }
        Ok(true)
    }

    fn receive_one(&mut self, buffer: &mut [u8], each: &mut impl FnMut(Received<'_>)) -> Result<(), Errno> {
        let mut parts = [IoSliceMut::new(buffer)];
        let message = recvmsg::<SockaddrStorage>(
            self.socket.as_raw_fd(),
            &mut parts,
            Some(&mut self.control),
            MsgFlags::MSG_DONTWAIT,
        )?;
        let (length, truncated) = (message.bytes, message.flags.contains(MsgFlags::MSG_TRUNC));
        let mut note = Note { source: message.address.as_ref().and_then(v6_of), ..Note::default() };
        for control in message.cmsgs()? {
            note.take(&control);
        }
        let bytes = buffer.get(..length).unwrap_or_default();
        let bytes = match (self.family, note.source, note.destination) {
            (Family::V4, ..) => Bytes::V4(bytes),
            (Family::V6, Some(source), Some(destination)) => {
                Bytes::V6 { source, destination, hop_limit: note.hop_limit, payload: bytes }
            }
            // Without both there is nothing to answer to.
            (Family::V6, ..) => return Ok(()),
        };
        each(Received { interface: note.interface, truncated, bytes });
        Ok(())
    }
}

impl AsFd for Receiver {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl AsRawFd for Receiver {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

/// What the kernel says about a datagram beside its bytes.
#[derive(Clone, Copy, Debug, Default)]
struct Note {
    interface: u32,
    source: Option<Ipv6Addr>,
    destination: Option<Ipv6Addr>,
    hop_limit: Option<u8>,
}

impl Note {
    fn take(&mut self, control: &ControlMessageOwned) {
        match control {
            ControlMessageOwned::Ipv4PacketInfo(info) => self.interface = u32::try_from(info.ipi_ifindex).unwrap_or(0),
            ControlMessageOwned::Ipv6PacketInfo(info) => {
                self.interface = info.ipi6_ifindex;
                self.destination = Some(Ipv6Addr::from(info.ipi6_addr.s6_addr));
            }
            ControlMessageOwned::Ipv6HopLimit(limit) => self.hop_limit = u8::try_from(*limit).ok(),
            _ => {}
        }
    }
}

/// How an advert leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outgoing<'a> {
    pub source: IpAddr,
    pub destination: IpAddr,
    /// IPv6 only: `None` is 255 for multicast and the kernel's own choice for unicast. IPv4 has it in its header.
    pub hop_limit: Option<u8>,
    /// IPv4: from the IP header on; the kernel fills in its checksum. IPv6: the payload; the kernel fills in the advert's.
    pub bytes: &'a [u8],
}

impl Outgoing<'_> {
    /// Groups are always on the link; no route has to say so.
    fn flags(&self) -> MsgFlags {
        let direct = if self.source.is_ipv4() && self.destination.is_multicast() { libc::MSG_DONTROUTE } else { 0 };
        MsgFlags::from_bits_retain(direct) | MsgFlags::MSG_DONTWAIT
    }

    /// Whether one call can send both: what is said once for all of them is the same.
    fn goes_with(&self, other: &Outgoing<'_>) -> bool {
        self.flags() == other.flags()
            && self.destination.is_ipv4() == other.destination.is_ipv4()
            && (self.source.is_ipv4() || (self.source, self.hop_limit) == (other.source, other.hop_limit))
    }
}

/// A socket adverts leave by.
#[derive(Debug)]
pub struct Sender {
    socket: Socket,
    family: Family,
    interface: u32,
}

impl Sender {
    /// With an interface, everything leaves by it; without one, the routing table decides.
    pub fn open(family: Family, protocol: Protocol, interface: Option<&Interface>) -> Result<Sender, OpenError> {
        let socket = raw(family, protocol)?;
        let option = OpenError::at(Step::SetOption);
        // It receives nothing: every copy the kernel would queue is dropped by a filter of one instruction.
        socket.attach_filter(&[SockFilter::new((libc::BPF_RET | libc::BPF_K) as u16, 0, 0, 0)]).map_err(&option)?;
        socket.set_recv_buffer_size(0).map_err(&option)?;
        let index = interface.map_or(0, |interface| interface.index);
        if let Some(interface) = interface {
            bind_interface(&socket, interface)?;
        }
        match family {
            Family::V4 => {
                socket.set_header_included_v4(true).map_err(&option)?;
                socket.set_multicast_loop_v4(false).map_err(&option)?;
                let wanted = libc::ip_mreqn {
                    imr_multiaddr: libc::in_addr { s_addr: 0 },
                    imr_address: libc::in_addr { s_addr: 0 },
                    imr_ifindex: i32::try_from(index).unwrap_or(0),
                };
                setsockopt(&socket, Ipv4MulticastInterface, &wanted).map_err(io::Error::from).map_err(&option)?;
            }
            Family::V6 => {
                socket.set_multicast_if_v6(index).map_err(&option)?;
                socket.set_multicast_hops_v6(255).map_err(&option)?;
                socket.set_multicast_loop_v6(false).map_err(&option)?;
                socket.set_tclass_v6(TRAFFIC_CLASS.into()).map_err(&option)?;
                verify_checksum(&socket, protocol)?;
            }
        }
        // After the traffic class, which sets a priority of its own.
        socket.set_priority(QUEUE_PRIORITY).map_err(&option)?;
        Ok(Sender { socket, family, interface: index })
    }

    /// Sends them in order, as many with one call as can go together; `refused` is told which the kernel did not take.
    pub fn send_all(&self, all: &[Outgoing<'_>], refused: impl FnMut(&Outgoing<'_>, io::Error)) {
        send_in_order(all, |left| self.send_some(left), refused);
    }

    pub fn send(&self, outgoing: &Outgoing<'_>) -> io::Result<()> {
        let parts = [IoSlice::new(outgoing.bytes)];
        let flags = outgoing.flags();
        let sent = match (self.family, outgoing.source, outgoing.destination) {
            (Family::V4, _, IpAddr::V4(to)) => {
                sendmsg(self.socket.as_raw_fd(), &parts, &[], flags, Some(&self.address_v4(to)))
            }
            (Family::V6, IpAddr::V6(source), IpAddr::V6(to)) => {
                let (info, limit) = self.controls_v6(source, outgoing.hop_limit);
                let controls = controls(&info, limit.as_ref());
                sendmsg(self.socket.as_raw_fd(), &parts, &controls, flags, Some(&self.address_v6(to)))
            }
            _ => return Err(other_family()),
        };
        sent.map(drop).map_err(io::Error::from)
    }

    /// Those that can go with the first: says how many the kernel took; an error is that of the first.
    fn send_some(&self, left: &[Outgoing<'_>]) -> io::Result<usize> {
        let Some(first) = left.first() else { return Ok(0) };
        let together = left.iter().take(BATCH_MAX).take_while(|next| next.goes_with(first)).count();
        let row = left.get(..together).unwrap_or_default();
        if together == 1 {
            return self.send(first).map(|()| 1);
        }
        let parts: Vec<[IoSlice<'_>; 1]> = row.iter().map(|one| [IoSlice::new(one.bytes)]).collect();
        let socket = self.socket.as_raw_fd();
        let sent = match (self.family, first.source) {
            (Family::V4, IpAddr::V4(_)) => {
                let to = row.iter().map(|one| match one.destination {
                    IpAddr::V4(to) => Some(self.address_v4(to)),
                    IpAddr::V6(_) => None,
                });
                let to: Vec<Option<SockaddrIn>> = to.collect();
                let mut headers = MultiHeaders::preallocate(row.len(), None);
                sendmmsg(socket, &mut headers, &parts, &to, [], first.flags())?.count()
            }
            (Family::V6, IpAddr::V6(source)) => {
                let to = row.iter().map(|one| match one.destination {
                    IpAddr::V6(to) => Some(self.address_v6(to)),
                    IpAddr::V4(_) => None,
                });
                let to: Vec<Option<SockaddrIn6>> = to.collect();
                let (info, limit) = self.controls_v6(source, first.hop_limit);
                let controls = controls(&info, limit.as_ref());
                let mut headers =
                    MultiHeaders::preallocate(row.len(), Some(cmsg_space!(libc::in6_pktinfo, libc::c_int)));
                sendmmsg(socket, &mut headers, &parts, &to, &controls, first.flags())?.count()
            }
            _ => return Err(other_family()),
        };
        Ok(sent)
    }

    fn address_v4(&self, to: Ipv4Addr) -> SockaddrIn {
        SockaddrIn::from(SocketAddrV4::new(to, 0))
    }

    fn address_v6(&self, to: Ipv6Addr) -> SockaddrIn6 {
        let scope = if to.is_multicast() || to.is_unicast_link_local() { self.interface } else { 0 };
        SockaddrIn6::from(SocketAddrV6::new(to, 0, 0, scope))
    }

    fn controls_v6(&self, source: Ipv6Addr, hop_limit: Option<u8>) -> (libc::in6_pktinfo, Option<libc::c_int>) {
        let source = libc::in6_addr { s6_addr: source.octets() };
        (libc::in6_pktinfo { ipi6_addr: source, ipi6_ifindex: self.interface }, hop_limit.map(libc::c_int::from))
    }
}

fn controls<'a>(info: &'a libc::in6_pktinfo, limit: Option<&'a libc::c_int>) -> Vec<ControlMessage<'a>> {
    let info = ControlMessage::Ipv6PacketInfo(info);
    std::iter::once(info).chain(limit.map(ControlMessage::Ipv6HopLimit)).collect()
}

/// Sends all of them. `send` says how many of the first ones left, or why the first one did not; `refused` is told of those.
fn send_in_order<T>(all: &[T], send: impl Fn(&[T]) -> io::Result<usize>, mut refused: impl FnMut(&T, io::Error)) {
    let mut left = all;
    while let Some((first, others)) = left.split_first() {
        left = match send(left) {
            Ok(sent) => left.get(sent.max(1)..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => left,
            Err(error) => {
                refused(first, error);
                others
            }
        };
    }
}

fn other_family() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "address of another family than the socket's")
}

fn raw(family: Family, protocol: Protocol) -> Result<Socket, OpenError> {
    let domain = match family {
        Family::V4 => Domain::IPV4,
        Family::V6 => Domain::IPV6,
    };
    let kind = Type::RAW.nonblocking().cloexec();
    Socket::new(domain, kind, Some(IpProtocol::from(i32::from(protocol.number())))).map_err(OpenError::at(Step::Create))
}

fn bind_interface(socket: &Socket, interface: &Interface) -> Result<(), OpenError> {
    socket.bind_device(Some(interface.name.as_bytes())).map_err(OpenError::at(Step::BindInterface))
}

/// The kernel fills the checksum in when sending and drops what fails it when receiving.
fn verify_checksum(socket: &Socket, protocol: Protocol) -> Result<(), OpenError> {
    match protocol {
        Protocol::Vrrp => setsockopt(socket, Ipv6Checksum, &CHECKSUM_OFFSET)
            .map_err(io::Error::from)
            .map_err(OpenError::at(Step::SetOption)),
        Protocol::Ah => Ok(()),
    }
}

fn join(socket: &Socket, group: IpAddr, index: u32) -> Result<(), OpenError> {
    // Only what this socket joined, not what other sockets of the host did.
    let joined = match group {
        IpAddr::V4(group) => socket
            .set_multicast_all_v4(false)
            .and_then(|()| socket.join_multicast_v4_n(&group, &InterfaceIndexOrAddress::Index(index))),
        IpAddr::V6(group) => {
            // Kernels before 4.20 lack the option; binding to the group filters there too.
            let _ = socket.set_multicast_all_v6(false);
            socket.join_multicast_v6(&group, index)
        }
    };
    joined.map_err(OpenError::at(Step::JoinGroup))
}

fn socket_address(address: IpAddr, index: u32) -> SockAddr {
    match address {
        IpAddr::V4(address) => SocketAddrV4::new(address, 0).into(),
        IpAddr::V6(address) => {
            let scope = if address.is_multicast() || address.is_unicast_link_local() { index } else { 0 };
            SocketAddrV6::new(address, 0, 0, scope).into()
        }
    }
}

fn v6_of(address: &SockaddrStorage) -> Option<Ipv6Addr> {
    address.as_sockaddr_in6().map(|address| address.ip())
}

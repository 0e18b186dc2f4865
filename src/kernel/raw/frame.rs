// SPDX-License-Identifier: MIT OR Apache-2.0
//! Frames that tell the segment where an address lives: gratuitous ARP requests and unsolicited neighbour adverts.

use std::io;
use std::mem;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::AsRawFd;

use pnet_base::MacAddr;
use pnet_packet::arp::{ArpHardwareTypes, ArpOperations, MutableArpPacket};
use pnet_packet::ethernet::{EtherTypes, MutableEthernetPacket};
use pnet_packet::icmpv6::ndp::{MutableNeighborAdvertPacket, NdpOptionTypes};
use pnet_packet::icmpv6::{Icmpv6Code, Icmpv6Packet, Icmpv6Types, checksum};
use pnet_packet::ip::IpNextHeaderProtocols;
use pnet_packet::ipv6::MutableIpv6Packet;
use socket2::{Domain, Protocol, SockAddr, SockAddrStorage, SockFilter, Socket, Type};

use super::claims::Probe;
use super::{BATCH_MAX, send_in_order};
use crate::kernel::Mac;

pub(super) const ETHERNET: usize = 14;
pub(super) const ARP: usize = 28;
pub(super) const IPV6: usize = 40;
/// Advert, target and the option with the link address.
const ADVERT: usize = 32;

const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
const ALL_NODES_MAC: Mac = Mac([0x33, 0x33, 0, 0, 0, 1]);

const FLAG_ROUTER: u8 = 0x80;
const FLAG_OVERRIDE: u8 = 0x20;

/// One address to announce from one interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Announcement {
    pub interface: u32,
    /// The MAC of the interface that holds the address.
    pub mac: Mac,
    /// The interface's broadcast MAC.
    pub broadcast: Mac,
    pub address: IpAddr,
    /// Whether this host forwards IPv6.
    pub router: bool,
}

impl Announcement {
    /// The frame as it goes on the wire. Nothing only if the packet library found its own buffer too short.
    pub fn frame(&self) -> Option<Vec<u8>> {
        match self.address {
            IpAddr::V4(address) => self.arp(address),
            IpAddr::V6(address) => self.advert(address),
        }
    }

    fn arp(&self, address: Ipv4Addr) -> Option<Vec<u8>> {
        let mut frame = vec![0; ETHERNET + ARP];
        let mut ethernet = MutableEthernetPacket::new(&mut frame)?;
        ethernet.set_destination(mac(self.broadcast));
        ethernet.set_source(mac(self.mac));
        ethernet.set_ethertype(EtherTypes::Arp);
        let mut arp = MutableArpPacket::new(frame.get_mut(ETHERNET..)?)?;
        arp.set_hardware_type(ArpHardwareTypes::Ethernet);
        arp.set_protocol_type(EtherTypes::Ipv4);
        arp.set_hw_addr_len(6);
        arp.set_proto_addr_len(4);
        arp.set_operation(ArpOperations::Request);
        arp.set_sender_hw_addr(mac(self.mac));
        arp.set_sender_proto_addr(address);
        arp.set_target_hw_addr(mac(self.broadcast));
        arp.set_target_proto_addr(address);
        Some(frame)
    }

    fn advert(&self, address: Ipv6Addr) -> Option<Vec<u8>> {
        let mut frame = vec![0; ETHERNET + IPV6 + ADVERT];
        let mut ethernet = MutableEthernetPacket::new(&mut frame)?;
        ethernet.set_destination(mac(ALL_NODES_MAC));
        ethernet.set_source(mac(self.mac));
        ethernet.set_ethertype(EtherTypes::Ipv6);
        let mut ip = MutableIpv6Packet::new(frame.get_mut(ETHERNET..)?)?;
        ip.set_version(6);
        ip.set_payload_length(ADVERT as u16);
        ip.set_next_header(IpNextHeaderProtocols::Icmpv6);
        ip.set_hop_limit(255);
        ip.set_source(address);
        ip.set_destination(ALL_NODES);
        let body = frame.get_mut(ETHERNET + IPV6..)?;
        let mut advert = MutableNeighborAdvertPacket::new(body)?;
        advert.set_icmpv6_type(Icmpv6Types::NeighborAdvert);
        advert.set_icmpv6_code(Icmpv6Code(0));
        advert.set_flags(if self.router { FLAG_ROUTER | FLAG_OVERRIDE } else { FLAG_OVERRIDE });
        advert.set_target_addr(address);
        advert.get_options_raw_mut().copy_from_slice(&target_option(self.mac));
        let sum = checksum(&Icmpv6Packet::new(body)?, &address, &ALL_NODES);
        MutableNeighborAdvertPacket::new(body)?.set_checksum(sum);
        Some(frame)
    }
}

/// The target's link address: type, length in units of eight octets, address.
fn target_option(mac: Mac) -> [u8; 8] {
    let [a, b, c, d, e, f] = mac.0;
    [NdpOptionTypes::TargetLLAddr.0, 1, a, b, c, d, e, f]
}

fn mac(mac: Mac) -> MacAddr {
    MacAddr::from(mac.0)
}

/// The socket announcements leave by; it receives nothing.
#[derive(Debug)]
pub struct Announcer(Socket);

impl Announcer {
    pub fn open() -> io::Result<Announcer> {
        // Protocol 0 takes no frames in.
        let socket = Socket::new(Domain::PACKET, Type::RAW.nonblocking().cloexec(), Some(Protocol::from(0)))?;
        socket.attach_filter(&[SockFilter::new((libc::BPF_RET | libc::BPF_K) as u16, 0, 0, 0)])?;
        Ok(Announcer(socket))
    }

    /// Sends what announces them, in order and `BATCH_MAX` with one call; `refused` is told which the kernel did not take.
    pub fn announce(&self, announcements: &[Announcement], mut refused: impl FnMut(&Announcement, io::Error)) {
        let mut frames = Vec::with_capacity(announcements.len());
        for announcement in announcements {
            match (announcement.frame(), link_address(announcement.interface, 0)) {
                (Some(frame), Ok(to)) => frames.push((announcement, frame, to)),
                (None, _) => refused(announcement, io::ErrorKind::InvalidData.into()),
                (_, Err(error)) => refused(announcement, error),
            }
        }
        send_in_order(&frames, |left| self.send_some(left), |(announcement, ..), error| refused(announcement, error));
    }

    pub fn ask(&self, probe: &Probe) -> io::Result<()> {
        let Some(frame) = probe.frame() else { return Err(io::ErrorKind::InvalidData.into()) };
        self.0.send_to(&frame, &link_address(probe.interface, 0)?).map(drop)
    }

    /// Says how many of them the kernel took; an error is that of the first.
    #[allow(unsafe_code)]
    fn send_some(&self, frames: &[(&Announcement, Vec<u8>, SockAddr)]) -> io::Result<usize> {
        let frames = frames.get(..BATCH_MAX).unwrap_or(frames);
        let part = |bytes: &Vec<u8>| libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
        let mut parts: Vec<libc::iovec> = frames.iter().map(|(_, bytes, _)| part(bytes)).collect();
        let headers = frames.iter().zip(&mut parts).map(|((_, _, to), part)| {
            // SAFETY: all zero bits are a header of a message without address, parts or control messages.
            let mut header: libc::mmsghdr = unsafe { mem::zeroed() };
            header.msg_hdr.msg_name = to.as_ptr().cast_mut().cast();
            header.msg_hdr.msg_namelen = to.len();
            header.msg_hdr.msg_iov = part;
            header.msg_hdr.msg_iovlen = 1;
            header
        });
        let mut headers: Vec<libc::mmsghdr> = headers.collect();
        let count = headers.len() as libc::c_uint;
        let flags = libc::MSG_DONTWAIT;
        // SAFETY: there are `count` headers; the addresses, parts and frames they point to outlive the call, which only
        // reads them.
        let sent = unsafe { libc::sendmmsg(self.0.as_raw_fd(), headers.as_mut_ptr(), count, flags as _) };
        usize::try_from(sent).map_err(|_| io::Error::last_os_error())
    }
}

/// Where a frame leaves; the frame itself says to whom. For a socket that takes frames in, also which. Neither nix nor
/// socket2 makes link addresses.
#[allow(unsafe_code)]
pub(super) fn link_address(interface: u32, protocol: u16) -> io::Result<SockAddr> {
    let index = i32::try_from(interface).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    let length = mem::size_of::<libc::sockaddr_ll>();
    let mut storage = SockAddrStorage::zeroed();
    // SAFETY: the storage is larger than, and aligned for, every socket address, and all zero bits are a valid
    // `sockaddr_ll`.
    let address = unsafe { storage.view_as::<libc::sockaddr_ll>() };
    address.sll_family = libc::AF_PACKET as u16;
    address.sll_ifindex = index;
    address.sll_protocol = protocol.to_be();
    // SAFETY: the storage holds the family written above and the length that belongs to it.
    Ok(unsafe { SockAddr::new(storage, length as libc::socklen_t) })
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Frames on a segment, taken off a packet socket and read by a decoder of the tests' own, so that a mistake of the daemon
//! is not read back as right by the same mistake.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::AsRawFd;
use std::thread;
use std::time::Duration;

use nix::errno::Errno;
use nix::net::if_::if_nametoindex;
use nix::sys::socket::{LinkAddr, recvfrom};
use socket2::{Domain, Protocol, Socket, Type};

use crate::journal::{Journal, What};

const ETHERTYPE_ALL: u16 = 3;
const FRAME_MAX: usize = 65_536;

/// A frame, as far as these tests care.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    Advert(Advert),
    /// A gratuitous ARP request or an unsolicited neighbour advert.
    Announcement {
        mac: [u8; 6],
        address: IpAddr,
    },
    Other(Vec<u8>),
}

/// A VRRP advert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advert {
    pub mac: [u8; 6],
    pub source: IpAddr,
    pub destination: IpAddr,
    pub hop_limit: u8,
    pub version: u8,
    pub vrid: u8,
    pub priority: u8,
    pub addresses: Vec<IpAddr>,
    /// In the version's own unit: seconds or hundredths.
    pub interval: u16,
    /// The whole IP payload.
    pub bytes: Vec<u8>,
}

impl Frame {
    pub fn advert(&self) -> Option<&Advert> {
        match self {
            Frame::Advert(advert) => Some(advert),
            Frame::Announcement { .. } | Frame::Other(_) => None,
        }
    }

    /// Whether it is an advert from this address with this priority.
    pub fn is_advert(&self, from: &str, priority: u8) -> bool {
        self.advert().is_some_and(|advert| advert.source.to_string() == from && advert.priority == priority)
    }

    pub fn announces(&self, wanted: &str) -> bool {
        matches!(self, Frame::Announcement { address, .. } if address.to_string() == wanted)
    }

    pub fn decode(bytes: &[u8]) -> Frame {
        decode(bytes).unwrap_or_else(|| Frame::Other(bytes.to_vec()))
    }
}

impl fmt::Display for Frame {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Frame::Advert(Advert { source, destination, version, vrid, priority, interval, .. }) => {
                write!(
                    out,
                    "advert v{version} vrid {vrid} priority {priority} interval {interval} {source} > {destination}"
                )
            }
            Frame::Announcement { mac, address } => write!(out, "{address} is at {mac:02x?}"),
            Frame::Other(bytes) => write!(out, "{} other octets", bytes.len()),
        }
    }
}

fn decode(bytes: &[u8]) -> Option<Frame> {
    let mac = bytes.get(6..12)?.try_into().ok()?;
    let body = bytes.get(14..)?;
    match bytes.get(12..14)? {
        [0x08, 0x06] => {
            let (sender, target) = (body.get(14..18)?, body.get(24..28)?);
            let address = Ipv4Addr::from(<[u8; 4]>::try_from(sender).ok()?).into();
            (sender == target && body.get(6..8)? == [0, 1]).then_some(Frame::Announcement { mac, address })
        }
        [0x08, 0x00] => {
            let header = usize::from(body.first()? & 0xf) * 4;
            let total = usize::from(u16::from_be_bytes(body.get(2..4)?.try_into().ok()?));
            let address = |at: usize| Some(IpAddr::from(<[u8; 4]>::try_from(body.get(at..at + 4)?).ok()?));
            // An authentication header stands before the advert.
            let skip = if *body.get(9)? == 51 { 24 } else { 0 };
            let known = matches!(body.get(9)?, 112 | 51);
            let payload = body.get(header..total)?;
            known.then_some(Frame::Advert(advert(mac, address(12)?, address(16)?, *body.get(8)?, skip, payload)?))
        }
        [0x86, 0xdd] => {
            let address = |at: usize| Some(IpAddr::from(<[u8; 16]>::try_from(body.get(at..at + 16)?).ok()?));
            let payload = body.get(40..40 + usize::from(u16::from_be_bytes(body.get(4..6)?.try_into().ok()?)))?;
            match body.get(6)? {
                112 => Some(Frame::Advert(advert(mac, address(8)?, address(24)?, *body.get(7)?, 0, payload)?)),
                58 if payload.first() == Some(&136) && payload.get(4)? & 0x40 == 0 => {
                    let target = Ipv6Addr::from(<[u8; 16]>::try_from(payload.get(8..24)?).ok()?);
                    Some(Frame::Announcement { mac, address: target.into() })
                }
                _ => None,
            }
        }
        _ => None,
    }
}

fn advert(
    mac: [u8; 6],
    source: IpAddr,
    destination: IpAddr,
    hop_limit: u8,
    skip: usize,
    payload: &[u8],
) -> Option<Advert> {
    let &[kind, vrid, priority, count, high, low, ..] = payload.get(skip..)? else { return None };
    let version = kind >> 4;
    let interval = if version == 2 { low.into() } else { u16::from_be_bytes([high & 0x0f, low]) };
    let width = if source.is_ipv4() { 4 } else { 16 };
    let addresses = payload.get(skip + 8..skip + 8 + usize::from(count) * width)?.chunks(width);
    let addresses = addresses.filter_map(|octets| match octets.len() {
        4 => Some(IpAddr::from(<[u8; 4]>::try_from(octets).ok()?)),
        _ => Some(IpAddr::from(<[u8; 16]>::try_from(octets).ok()?)),
    });
    Some(Advert {
        mac,
        source,
        destination,
        hop_limit,
        version,
        vrid,
        priority,
        addresses: addresses.collect(),
        interval,
        bytes: payload.to_vec(),
    })
}

/// A packet socket that looks at one bridge.
#[derive(Debug)]
pub struct Capture {
    socket: Socket,
    bridge: usize,
}

impl Capture {
    /// To be called in the bridge's namespace.
    pub fn open(bridge: &str) -> Capture {
        let protocol = i32::from(ETHERTYPE_ALL.to_be());
        let socket = Socket::new(Domain::PACKET, Type::RAW, Some(Protocol::from(protocol))).expect("a packet socket");
        socket.set_recv_buffer_size(16 * 1024 * 1024).expect("a receive buffer");
        // Short enough that the thread ends soon after its lab.
        socket.set_read_timeout(Some(Duration::from_millis(200))).expect("a time limit");
        let bridge = if_nametoindex(bridge).expect("the bridge exists") as usize;
        Capture { socket, bridge }
    }

    /// Keeps the frames of a segment in the journal until the lab ends.
    pub fn keep(self, segment: String, journal: Journal) {
        thread::spawn(move || {
            let mut buffer = vec![0; FRAME_MAX];
            while !journal.has_ended() {
                match recvfrom::<LinkAddr>(self.socket.as_raw_fd(), &mut buffer) {
                    // The socket sees the ports too.
                    Ok((length, Some(from))) if from.ifindex() == self.bridge => {
                        let frame = Frame::decode(buffer.get(..length).unwrap_or_default());
                        if !matches!(frame, Frame::Other(_)) {
                            journal.note(What::Frame { segment: segment.clone(), frame });
                        }
                    }
                    Ok(_) | Err(Errno::EAGAIN | Errno::EINTR) => {}
                    Err(_gone) => break,
                }
            }
        });
    }
}

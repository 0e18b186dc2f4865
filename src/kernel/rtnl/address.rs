// SPDX-License-Identifier: MIT OR Apache-2.0
//! Interface addresses.

use std::net::{IpAddr, Ipv4Addr};

use crate::kernel::Family;
use crate::kernel::netlink::{CREATE, EXCLUSIVE, Message, REPLACE, Request, u32_at};

const HEADER: usize = 8;

const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
const IFA_LABEL: u16 = 3;
const IFA_BROADCAST: u16 = 4;
const IFA_CACHEINFO: u16 = 6;
const IFA_FLAGS: u16 = 8;
const IFA_PROTO: u16 = 11;

/// The kernel's flags of an address.
pub mod flag {
    pub const NODAD: u32 = 0x02;
    pub const DADFAILED: u32 = 0x08;
    pub const HOME: u32 = 0x10;
    pub const TENTATIVE: u32 = 0x40;
    pub const MNGTMPADDR: u32 = 0x100;
    pub const NOPREFIXROUTE: u32 = 0x200;
    pub const AUTOJOIN: u32 = 0x400;

    /// Those an operator may ask for; the others are the kernel's own remarks.
    pub const SETTABLE: u32 = NODAD | HOME | MNGTMPADDR | NOPREFIXROUTE | AUTOJOIN;
}

/// How long an address lives, in seconds; `FOREVER` is the kernel's word for no end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lifetimes {
    pub preferred: u32,
    pub valid: u32,
}

impl Lifetimes {
    pub const FOREVER: u32 = u32::MAX;
}

impl Default for Lifetimes {
    fn default() -> Self {
        Lifetimes { preferred: Lifetimes::FOREVER, valid: Lifetimes::FOREVER }
    }
}

/// One address on one interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    pub interface: u32,
    pub address: IpAddr,
    pub prefix: u8,
    /// The other end of a point-to-point address; the prefix is the peer's then.
    pub peer: Option<IpAddr>,
    pub broadcast: Option<Ipv4Addr>,
    pub scope: u8,
    pub label: Option<String>,
    pub flags: u32,
    pub lifetimes: Lifetimes,
    /// Who put it there.
    pub protocol: Option<u8>,
}

impl Address {
    /// An address that lives for ever, without any of the rest.
    pub fn new(interface: u32, address: IpAddr, prefix: u8) -> Address {
        Address {
            interface,
            address,
            prefix,
            peer: None,
            broadcast: None,
            scope: 0,
            label: None,
            flags: 0,
            lifetimes: Lifetimes::default(),
            protocol: None,
        }
    }

    pub fn family(&self) -> Family {
        Family::of(self.address)
    }

    /// Whether both name the same address of the kernel: interface, address, prefix length and peer.
    pub fn is_same(&self, other: &Address) -> bool {
        self.interface == other.interface
            && self.address == other.address
            && self.prefix == other.prefix
            && self.peer == other.peer
    }

    /// Whether packets can be sent from it: not while the kernel still looks for duplicates, nor when it found one.
    pub fn is_usable(&self) -> bool {
        self.flags & (flag::TENTATIVE | flag::DADFAILED) == 0 || self.flags & flag::NODAD != 0
    }

    pub fn add(&self) -> Request {
        self.request(libc::RTM_NEWADDR, CREATE | EXCLUSIVE).harmless(&[libc::EEXIST])
    }

    /// Adds the address or gives the one that is there new lifetimes.
    pub fn renew(&self) -> Request {
        self.request(libc::RTM_NEWADDR, CREATE | REPLACE)
    }

    /// An interface that is gone has taken its addresses along.
    pub fn remove(&self) -> Request {
        self.request(libc::RTM_DELADDR, 0).harmless(&[libc::EADDRNOTAVAIL, libc::ENODEV])
    }

    pub fn dump() -> Request {
        Request::new(libc::RTM_GETADDR, 0, &[0; HEADER])
    }

    fn request(&self, kind: u16, flags: u16) -> Request {
        let mut header = [0; HEADER];
        let wanted = self.flags & flag::SETTABLE;
        header[..4].copy_from_slice(&[self.family().number(), self.prefix, wanted as u8, self.scope]);
        header[4..].copy_from_slice(&self.interface.to_ne_bytes());
        let mut request = Request::new(kind, flags, &header);
        request.address(IFA_LOCAL, self.address);
        request.address(IFA_ADDRESS, self.peer.unwrap_or(self.address));
        if kind == libc::RTM_DELADDR {
            return request;
        }
        if let Some(broadcast) = self.broadcast {
            request.address(IFA_BROADCAST, broadcast.into());
        }
        if let Some(label) = &self.label {
            request.text(IFA_LABEL, label);
        }
        if wanted > 0xff {
            request.u32(IFA_FLAGS, wanted);
        }
        if self.lifetimes != Lifetimes::default() {
            let mut info = [0; 16];
            info[..4].copy_from_slice(&self.lifetimes.preferred.to_ne_bytes());
            info[4..8].copy_from_slice(&self.lifetimes.valid.to_ne_bytes());
            request.attribute(IFA_CACHEINFO, &info);
        }
        if let Some(protocol) = self.protocol {
            request.u8(IFA_PROTO, protocol);
        }
        request
    }

    /// The address in a message about one.
    pub fn parse(message: &Message<'_>) -> Option<Address> {
        let [family, prefix, flags, scope] = *message.body.get(..4)?.first_chunk()?;
        Family::from_number(family)?;
        let (mut local, mut remote) = (None, None);
        let mut parsed = Address {
            scope,
            flags: flags.into(),
            ..Address::new(u32_at(message.body, 4)?, Ipv4Addr::UNSPECIFIED.into(), prefix)
        };
        for attribute in message.attributes(HEADER) {
            match attribute.kind {
                IFA_ADDRESS => remote = attribute.address(),
                IFA_LOCAL => local = attribute.address(),
                IFA_LABEL => parsed.label = attribute.text().map(str::to_owned),
                IFA_BROADCAST => parsed.broadcast = attribute.bytes::<4>().map(Ipv4Addr::from),
                IFA_FLAGS => parsed.flags = attribute.u32().unwrap_or(parsed.flags),
                IFA_PROTO => parsed.protocol = attribute.u8(),
                IFA_CACHEINFO => {
                    if let (Some(preferred), Some(valid)) = (u32_at(attribute.value, 0), u32_at(attribute.value, 4)) {
                        parsed.lifetimes = Lifetimes { preferred, valid };
                    }
                }
                _ => {}
            }
        }
        parsed.address = local.or(remote)?;
        parsed.peer = remote.filter(|peer| *peer != parsed.address);
        Some(parsed)
    }
}

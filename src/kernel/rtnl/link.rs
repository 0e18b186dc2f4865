// SPDX-License-Identifier: MIT OR Apache-2.0
//! Network interfaces: reading them, and making the virtual ones that carry a router's own MAC.

use std::io;

use nix::net::if_::if_nametoindex;

use crate::kernel::netlink::{CREATE, EXCLUSIVE, Message, Request, u16_at, u32_at};
use crate::kernel::{Family, Mac};

const HEADER: usize = 16;

const IFLA_ADDRESS: u16 = 1;
const IFLA_BROADCAST: u16 = 2;
const IFLA_IFNAME: u16 = 3;
const IFLA_MTU: u16 = 4;
const IFLA_LINK: u16 = 5;
const IFLA_MASTER: u16 = 10;
const IFLA_LINKINFO: u16 = 18;
const IFLA_AF_SPEC: u16 = 26;
const IFLA_GROUP: u16 = 27;
const IFLA_EXT_MASK: u16 = 29;
const IFLA_LINK_NETNSID: u16 = 37;
const INFO_KIND: u16 = 1;
const INFO_DATA: u16 = 2;
const MACVLAN_MODE: u16 = 1;
const MACVLAN_PRIVATE: u32 = 1;
const VRF_TABLE: u16 = 1;
const IPVLAN_MODE: u16 = 1;
const IPVLAN_FLAGS: u16 = 2;
const IPVLAN_L2: u16 = 0;
const INET_CONF: u16 = 1;
const INET6_ADDR_GEN_MODE: u16 = 8;
const ADDR_GEN_NONE: u8 = 1;
const SKIP_STATISTICS: u32 = 8;

const UP: u32 = 0x1;
const RUNNING: u32 = 0x40;
const NOARP: u32 = 0x80;
const MULTICAST: u32 = 0x1000;

/// Hardware type of Ethernet.
pub const ETHERNET: u16 = 1;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    pub index: u32,
    pub name: String,
    pub hardware: u16,
    pub flags: u32,
    /// Six octets on Ethernet, other lengths elsewhere.
    pub mac: Vec<u8>,
    pub broadcast: Vec<u8>,
    pub mtu: u32,
    /// The interface beneath a virtual one; not when that is in another network namespace.
    pub parent: Option<u32>,
    /// The bridge, bond or VRF it belongs to.
    pub master: Option<u32>,
    pub group: u32,
    /// `macvlan`, `vlan`, `veth` and so on; nothing for hardware.
    pub kind: Option<String>,
    /// Whether it is a macvlan in private mode.
    pub is_private: bool,
    /// The routing table of a VRF.
    pub vrf_table: Option<u32>,
}

impl Link {
    /// Administratively up and with a carrier: able to send and receive.
    pub fn is_up(&self) -> bool {
        self.flags & (UP | RUNNING) == UP | RUNNING
    }

    /// What somebody who asked the interface itself says about its carrier.
    pub fn set_running(&mut self, running: bool) {
        self.flags = if running { self.flags | RUNNING } else { self.flags & !RUNNING };
    }

    pub fn has_multicast(&self) -> bool {
        self.flags & MULTICAST != 0
    }

    pub fn has_arp(&self) -> bool {
        self.flags & NOARP == 0
    }

    /// The Ethernet address, where there is one.
    pub fn ethernet(&self) -> Option<Mac> {
        Some(Mac(self.mac.as_slice().try_into().ok()?))
    }

    pub fn dump() -> Request {
        let mut request = Request::new(libc::RTM_GETLINK, 0, &[0; HEADER]);
        request.u32(IFLA_EXT_MASK, SKIP_STATISTICS);
        request
    }

    /// The link in a message about one.
    pub fn parse(message: &Message<'_>) -> Option<Link> {
        if message.body.len() < HEADER || message.body.first() != Some(&0) {
            // Bridges send messages of their own family about their ports; those say nothing about the link itself.
            return None;
        }
        let mut link = Link {
            index: u32_at(message.body, 4)?,
            name: String::new(),
            hardware: u16_at(message.body, 2)?,
            flags: u32_at(message.body, 8)?,
            mac: Vec::new(),
            broadcast: Vec::new(),
            mtu: 0,
            parent: None,
            master: None,
            group: 0,
            kind: None,
            is_private: false,
            vrf_table: None,
        };
        let mut elsewhere = false;
        for attribute in message.attributes(HEADER) {
            match attribute.kind {
                IFLA_IFNAME => link.name = attribute.text()?.to_owned(),
                IFLA_ADDRESS => link.mac = attribute.value.to_vec(),
                IFLA_BROADCAST => link.broadcast = attribute.value.to_vec(),
                IFLA_MTU => link.mtu = attribute.u32()?,
                IFLA_LINK => link.parent = attribute.u32(),
                IFLA_MASTER => link.master = attribute.u32(),
                IFLA_GROUP => link.group = attribute.u32()?,
                IFLA_LINK_NETNSID => elsewhere = true,
                IFLA_LINKINFO => {
                    for info in attribute.attributes() {
                        match info.kind {
                            INFO_KIND => link.kind = info.text().map(str::to_owned),
                            INFO_DATA if link.kind.as_deref() == Some("macvlan") => {
                                let mode = info.attributes().find(|data| data.kind == MACVLAN_MODE);
                                link.is_private = mode.and_then(|mode| mode.u32()) == Some(MACVLAN_PRIVATE);
                            }
                            INFO_DATA if link.kind.as_deref() == Some("vrf") => {
                                let table = info.attributes().find(|data| data.kind == VRF_TABLE);
                                link.vrf_table = table.and_then(|table| table.u32());
                            }
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
        if elsewhere {
            link.parent = None;
        }
        Some(link)
    }
}

/// The interface beneath, the name and the surroundings of a virtual link to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Virtual {
    pub name: String,
    pub parent: u32,
    pub kind: VirtualKind,
    pub group: Option<u32>,
    /// The VRF of the interface beneath.
    pub master: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VirtualKind {
    /// A private macvlan with a MAC of its own.
    Macvlan(Mac),
    /// An ipvlan in layer-2 mode; shares the parent's MAC.
    Ipvlan(Ipvlan),
}

/// Who may talk to whom among ipvlans of one parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ipvlan {
    Bridge,
    Private,
    Vepa,
}

impl Virtual {
    /// Not harmless when the name is taken: somebody else's interface may have it.
    pub fn create(&self) -> Request {
        let mut request = Request::new(libc::RTM_NEWLINK, CREATE | EXCLUSIVE, &[0; HEADER]);
        request.u32(IFLA_LINK, self.parent).text(IFLA_IFNAME, &self.name);
        if let Some(group) = self.group {
            request.u32(IFLA_GROUP, group);
        }
        if let Some(master) = self.master {
            request.u32(IFLA_MASTER, master);
        }
        match self.kind {
            VirtualKind::Macvlan(mac) => {
                request.attribute(IFLA_ADDRESS, &mac.0);
                request.nested(IFLA_LINKINFO, |info| {
                    info.attribute(INFO_KIND, b"macvlan").nested(INFO_DATA, |data| {
                        data.u32(MACVLAN_MODE, MACVLAN_PRIVATE);
                    });
                });
            }
            VirtualKind::Ipvlan(kind) => {
                let flags = match kind {
                    Ipvlan::Bridge => 0,
                    Ipvlan::Private => 1,
                    Ipvlan::Vepa => 2,
                };
                request.nested(IFLA_LINKINFO, |info| {
                    info.attribute(INFO_KIND, b"ipvlan").nested(INFO_DATA, |data| {
                        data.u16(IPVLAN_MODE, IPVLAN_L2).u16(IPVLAN_FLAGS, flags);
                    });
                });
            }
        }
        request
    }
}

/// The index of a link by its name.
pub fn index_of(name: &str) -> io::Result<u32> {
    Ok(if_nametoindex(name)?)
}

/// Removes a virtual link; one that is gone is no error.
pub fn remove(index: u32) -> Request {
    Request::new(libc::RTM_DELLINK, 0, &header(index, 0, 0)).harmless(&[libc::ENODEV])
}

pub fn set_up(index: u32, up: bool) -> Request {
    Request::new(libc::RTM_NEWLINK, 0, &header(index, if up { UP } else { 0 }, UP))
}

/// No address of the kernel's own making: it would answer for a router that is not us.
pub fn no_generated_address(index: u32) -> Request {
    let mut request = Request::new(libc::RTM_NEWLINK, 0, &header(index, 0, 0));
    request.nested(IFLA_AF_SPEC, |spec| {
        spec.nested(Family::V6.number().into(), |inet6| {
            inet6.u8(INET6_ADDR_GEN_MODE, ADDR_GEN_NONE);
        });
    });
    request
}

/// IPv4 settings of an interface, by the kernel's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ipv4Setting {
    RpFilter = 8,
    ArpFilter = 13,
    ArpIgnore = 19,
    PromoteSecondaries = 20,
    AcceptLocal = 23,
}

/// Changes IPv4 settings of one interface in one message; the link is named by index, so a rename meanwhile does no harm.
pub fn set_ipv4(index: u32, settings: &[(Ipv4Setting, u32)]) -> Request {
    let mut request = Request::new(libc::RTM_NEWLINK, 0, &header(index, 0, 0));
    request.nested(IFLA_AF_SPEC, |spec| {
        spec.nested(Family::V4.number().into(), |inet| {
            inet.nested(INET_CONF, |conf| {
                for (setting, value) in settings {
                    conf.u32(*setting as u16, *value);
                }
            });
        });
    });
    request
}

fn header(index: u32, flags: u32, change: u32) -> [u8; HEADER] {
    let mut bytes = [0; HEADER];
    bytes[4..8].copy_from_slice(&index.to_ne_bytes());
    bytes[8..12].copy_from_slice(&flags.to_ne_bytes());
    bytes[12..].copy_from_slice(&change.to_ne_bytes());
    bytes
}

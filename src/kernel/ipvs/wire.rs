// SPDX-License-Identifier: MIT OR Apache-2.0
//! The load balancer's generic netlink messages.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{
    Change, Checksum, Daemon, Destination, DestinationKey, Forwarding, Granularity, Info, Persistence, Role, Service,
    ServiceKey, Timeouts, Tunnel, flag,
};
use crate::kernel::Family;
use crate::kernel::netlink::{Attribute, Attributes, Message, Request};

/// Command, version and two octets of nothing.
pub(super) const HEADER: usize = 4;
const VERSION: u8 = 1;

const NEW_SERVICE: u8 = 1;
const SET_SERVICE: u8 = 2;
const DEL_SERVICE: u8 = 3;
const GET_SERVICE: u8 = 4;
const NEW_DEST: u8 = 5;
const SET_DEST: u8 = 6;
const DEL_DEST: u8 = 7;
const GET_DEST: u8 = 8;
const NEW_DAEMON: u8 = 9;
const DEL_DAEMON: u8 = 10;
const GET_DAEMON: u8 = 11;
const SET_CONFIG: u8 = 12;
const GET_CONFIG: u8 = 13;
const GET_INFO: u8 = 15;
const ZERO: u8 = 16;
const FLUSH: u8 = 17;

const SERVICE: u16 = 1;
const DEST: u16 = 2;
const DAEMON: u16 = 3;
const TIMEOUT_TCP: u16 = 4;
const TIMEOUT_TCP_FIN: u16 = 5;
const TIMEOUT_UDP: u16 = 6;

const INFO_VERSION: u16 = 1;
const INFO_CONNECTIONS: u16 = 2;

const SVC_AF: u16 = 1;
const SVC_PROTOCOL: u16 = 2;
const SVC_ADDR: u16 = 3;
const SVC_PORT: u16 = 4;
const SVC_FWMARK: u16 = 5;
const SVC_SCHEDULER: u16 = 6;
const SVC_FLAGS: u16 = 7;
const SVC_TIMEOUT: u16 = 8;
const SVC_NETMASK: u16 = 9;
const SVC_ENGINE: u16 = 11;

const DEST_ADDR: u16 = 1;
const DEST_PORT: u16 = 2;
const DEST_METHOD: u16 = 3;
const DEST_WEIGHT: u16 = 4;
const DEST_UPPER: u16 = 5;
const DEST_LOWER: u16 = 6;
const DEST_FAMILY: u16 = 11;
const DEST_TUNNEL_TYPE: u16 = 13;
const DEST_TUNNEL_PORT: u16 = 14;
const DEST_TUNNEL_FLAGS: u16 = 15;

const DAEMON_STATE: u16 = 1;
const DAEMON_INTERFACE: u16 = 2;
const DAEMON_ID: u16 = 3;
const DAEMON_MAX_LENGTH: u16 = 4;
const DAEMON_GROUP: u16 = 5;
const DAEMON_GROUP6: u16 = 6;
const DAEMON_PORT: u16 = 7;
const DAEMON_TTL: u16 = 8;

const PERSISTENT: u32 = 0x01;
const METHOD_MASK: u32 = 0x07;
const METHOD_NAT: u32 = 0;
const METHOD_TUNNEL: u32 = 2;
const METHOD_DIRECT: u32 = 3;
const TUNNEL_IPIP: u8 = 0;
const TUNNEL_GUE: u8 = 1;
const TUNNEL_GRE: u8 = 2;
const CHECKSUM_FULL: u16 = 1;
const CHECKSUM_REMOTE: u16 = 2;
const STATE_MASTER: u32 = 1;
const STATE_BACKUP: u32 = 2;

/// Nobody is sent to this place, or it was not there: removing it leads to the same.
const GONE: &[i32] = &[libc::ENOENT, libc::ESRCH];

/// Makes requests; the number of the family is the kernel's choice at each start.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wire {
    pub(super) family: u16,
}

impl Wire {
    fn request(self, command: u8) -> Request {
        Request::new(self.family, 0, &[command, VERSION, 0, 0])
    }

    pub(super) fn change(self, change: &Change) -> Request {
        match change {
            Change::AddService(key, service) => self.service(NEW_SERVICE, key, service),
            Change::SetService(key, service) => self.service(SET_SERVICE, key, service),
            Change::RemoveService(key) => self.about(DEL_SERVICE, key).harmless(GONE),
            Change::AddDestination(key, place, to) => self.destination(NEW_DEST, key, place, to),
            Change::SetDestination(key, place, to) => self.destination(SET_DEST, key, place, to),
            Change::RemoveDestination(key, place) => {
                let mut request = self.about(DEL_DEST, key).harmless(GONE);
                request.nested(DEST, |nest| write_place(nest, place));
                request
            }
            Change::StartDaemon(daemon) => self.start_daemon(daemon),
            Change::StopDaemon(role, id) => self.stop_daemon(*role, *id),
            Change::SetTimeouts(timeouts) => {
                let mut request = self.request(SET_CONFIG);
                request.u32(TIMEOUT_TCP, timeouts.tcp);
                request.u32(TIMEOUT_TCP_FIN, timeouts.tcp_fin);
                request.u32(TIMEOUT_UDP, timeouts.udp);
                request
            }
            Change::Flush => self.request(FLUSH),
            Change::Zero(key) => self.about(ZERO, key),
        }
    }

    fn about(self, command: u8, key: &ServiceKey) -> Request {
        let mut request = self.request(command);
        request.nested(SERVICE, |nest| write_key(nest, key));
        request
    }

    fn service(self, command: u8, key: &ServiceKey, service: &Service) -> Request {
        let mut request = self.request(command);
        request.nested(SERVICE, |nest| {
            write_key(nest, key);
            nest.text(SVC_SCHEDULER, &service.scheduler);
            let mut flags = service.flags & flag::WANTED;
            let mut timeout = 0;
            let mut granularity = None;
            if let Some(persistence) = &service.persistence {
                flags |= PERSISTENT;
                timeout = persistence.timeout;
                granularity = persistence.granularity;
                if let Some(engine) = &persistence.engine {
                    nest.text(SVC_ENGINE, engine);
                }
            }
            // The flags, and which of them are meant.
            let [flags, all] = [flags.to_ne_bytes(), u32::MAX.to_ne_bytes()];
            nest.attribute(SVC_FLAGS, &[flags, all].concat());
            nest.u32(SVC_TIMEOUT, timeout);
            nest.attribute(SVC_NETMASK, &netmask(key.family(), granularity));
        });
        request
    }

    fn destination(self, command: u8, key: &ServiceKey, place: &DestinationKey, to: &Destination) -> Request {
        let mut request = self.about(command, key);
        request.nested(DEST, |nest| {
            write_place(nest, place);
            nest.u32(DEST_METHOD, method(to.forwarding));
            nest.u32(DEST_WEIGHT, to.weight);
            if let Forwarding::Tunnel(tunnel) = to.forwarding {
                write_tunnel(nest, tunnel);
            }
            nest.u32(DEST_UPPER, to.upper);
            nest.u32(DEST_LOWER, to.lower);
        });
        request
    }

    fn start_daemon(self, daemon: &Daemon) -> Request {
        let mut request = self.request(NEW_DAEMON);
        request.nested(DAEMON, |nest| {
            nest.u32(DAEMON_STATE, state(daemon.role));
            nest.text(DAEMON_INTERFACE, &daemon.interface);
            nest.u32(DAEMON_ID, u32::from(daemon.id));
            if let Some(octets) = daemon.max_length {
                nest.u16(DAEMON_MAX_LENGTH, octets);
            }
            if let Some(port) = daemon.port {
                nest.u16(DAEMON_PORT, port);
            }
            if let Some(hops) = daemon.ttl {
                nest.u8(DAEMON_TTL, hops);
            }
            match daemon.group {
                Some(group @ IpAddr::V4(_)) => drop(nest.address(DAEMON_GROUP, group)),
                Some(group @ IpAddr::V6(_)) => drop(nest.address(DAEMON_GROUP6, group)),
                None => {}
            }
        });
        request
    }

    fn stop_daemon(self, role: Role, id: u8) -> Request {
        // The kernel answers ESRCH when there is none.
        let mut request = self.request(DEL_DAEMON).harmless(&[libc::ESRCH]);
        request.nested(DAEMON, |nest| {
            nest.u32(DAEMON_STATE, state(role));
            nest.u32(DAEMON_ID, u32::from(id));
        });
        request
    }

    pub(super) fn services(self) -> Request {
        self.request(GET_SERVICE)
    }

    pub(super) fn destinations(self, key: &ServiceKey) -> Request {
        self.about(GET_DEST, key)
    }

    pub(super) fn daemons(self) -> Request {
        self.request(GET_DAEMON)
    }

    pub(super) fn timeouts(self) -> Request {
        self.request(GET_CONFIG)
    }

    pub(super) fn info(self) -> Request {
        self.request(GET_INFO)
    }
}

fn write_key(nest: &mut Request, key: &ServiceKey) {
    nest.u16(SVC_AF, u16::from(key.family().number()));
    match *key {
        ServiceKey::Mark { mark, .. } => {
            nest.u32(SVC_FWMARK, mark);
        }
        ServiceKey::Address { protocol, address, port } => {
            nest.u16(SVC_PROTOCOL, u16::from(protocol));
            nest.attribute(SVC_ADDR, &wide(address));
            nest.attribute(SVC_PORT, &port.to_be_bytes());
        }
    }
}

fn write_place(nest: &mut Request, place: &DestinationKey) {
    nest.u16(DEST_FAMILY, u16::from(Family::of(place.address).number()));
    nest.attribute(DEST_ADDR, &wide(place.address));
    nest.attribute(DEST_PORT, &place.port.to_be_bytes());
}

fn write_tunnel(nest: &mut Request, tunnel: Tunnel) {
    let checksum = match tunnel {
        Tunnel::Ipip => {
            nest.u8(DEST_TUNNEL_TYPE, TUNNEL_IPIP);
            return;
        }
        Tunnel::Gue { port, checksum } => {
            nest.u8(DEST_TUNNEL_TYPE, TUNNEL_GUE);
            nest.attribute(DEST_TUNNEL_PORT, &port.to_be_bytes());
            checksum
        }
        Tunnel::Gre { checksum } => {
            nest.u8(DEST_TUNNEL_TYPE, TUNNEL_GRE);
            checksum
        }
    };
    let flags = match checksum {
        Checksum::None => 0,
        Checksum::Full => CHECKSUM_FULL,
        Checksum::Remote => CHECKSUM_REMOTE,
    };
    nest.u16(DEST_TUNNEL_FLAGS, flags);
}

/// An address in the sixteen octets of either family.
fn wide(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, d] = address.octets();
            [a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        }
        IpAddr::V6(address) => address.octets(),
    }
}

fn narrow(bytes: [u8; 16], family: Family) -> IpAddr {
    match family {
        Family::V4 => {
            let [a, b, c, d, ..] = bytes;
            IpAddr::V4(Ipv4Addr::new(a, b, c, d))
        }
        Family::V6 => IpAddr::V6(Ipv6Addr::from(bytes)),
    }
}

/// IPv4 has a mask in network order, IPv6 a length in the machine's own.
fn netmask(family: Family, granularity: Option<Granularity>) -> [u8; 4] {
    match (family, granularity) {
        (_, Some(Granularity::Mask(mask))) => mask.octets(),
        (_, Some(Granularity::Prefix(length))) => u32::from(length).to_ne_bytes(),
        (Family::V4, None) => [0xff; 4],
        (Family::V6, None) => u32::from(Family::V6.width()).to_ne_bytes(),
    }
}

fn granularity(bytes: [u8; 4], family: Family) -> Option<Granularity> {
    match family {
        _ if bytes == netmask(family, None) => None,
        Family::V4 => Some(Granularity::Mask(Ipv4Addr::from(bytes))),
        Family::V6 => u8::try_from(u32::from_ne_bytes(bytes)).ok().map(Granularity::Prefix),
    }
}

fn method(forwarding: Forwarding) -> u32 {
    match forwarding {
        Forwarding::Nat => METHOD_NAT,
        Forwarding::Tunnel(_) => METHOD_TUNNEL,
        Forwarding::Direct => METHOD_DIRECT,
        Forwarding::Other(method) => method,
    }
}

fn state(role: Role) -> u32 {
    match role {
        Role::Master => STATE_MASTER,
        Role::Backup => STATE_BACKUP,
    }
}

fn nest<'a>(message: &Message<'a>, kind: u16) -> Option<Attributes<'a>> {
    message.attributes(HEADER).find(|attribute| attribute.kind == kind).map(|attribute| attribute.attributes())
}

pub(super) fn service_attributes<'a>(message: &Message<'a>) -> Option<Attributes<'a>> {
    nest(message, SERVICE)
}

pub(super) fn destination_attributes<'a>(message: &Message<'a>) -> Option<Attributes<'a>> {
    nest(message, DEST)
}

/// The bytes of an attribute of one kind.
fn value<const N: usize>(attributes: &Attributes<'_>, kind: u16) -> Option<[u8; N]> {
    find(attributes, kind)?.bytes()
}

fn find<'a>(attributes: &Attributes<'a>, kind: u16) -> Option<Attribute<'a>> {
    attributes.clone().find(|attribute| attribute.kind == kind)
}

fn number(attributes: &Attributes<'_>, kind: u16) -> Option<u32> {
    value(attributes, kind).map(u32::from_ne_bytes)
}

pub(super) fn service(message: &Message<'_>) -> Option<(ServiceKey, Service)> {
    let all = service_attributes(message)?;
    let family = value(&all, SVC_AF).map(u16::from_ne_bytes)?;
    let family = Family::from_number(u8::try_from(family).ok()?)?;
    let key = match number(&all, SVC_FWMARK) {
        Some(mark) => ServiceKey::Mark { family, mark },
        None => ServiceKey::Address {
            protocol: u8::try_from(value(&all, SVC_PROTOCOL).map(u16::from_ne_bytes)?).ok()?,
            address: narrow(value(&all, SVC_ADDR)?, family),
            port: value(&all, SVC_PORT).map(u16::from_be_bytes)?,
        },
    };
    let scheduler = find(&all, SVC_SCHEDULER).and_then(|name| name.text()).unwrap_or_default().to_owned();
    let [a, b, c, d, ..] = value::<8>(&all, SVC_FLAGS)?;
    let flags = u32::from_ne_bytes([a, b, c, d]);
    let persistence = (flags & PERSISTENT != 0).then(|| Persistence {
        timeout: number(&all, SVC_TIMEOUT).unwrap_or(0),
        granularity: value(&all, SVC_NETMASK).and_then(|bytes| granularity(bytes, family)),
        engine: find(&all, SVC_ENGINE).and_then(|name| name.text()).map(str::to_owned),
    });
    Some((key, Service { scheduler, flags: flags & flag::WANTED, persistence }))
}

/// `family` is the service's: kernels before 3.18 do not say the destination's, which then is the same.
pub(super) fn destination(message: &Message<'_>, family: Family) -> Option<(DestinationKey, Destination)> {
    let all = destination_attributes(message)?;
    let family = match value(&all, DEST_FAMILY).map(u16::from_ne_bytes) {
        Some(number) => Family::from_number(u8::try_from(number).ok()?)?,
        None => family,
    };
    let key = DestinationKey {
        address: narrow(value(&all, DEST_ADDR)?, family),
        port: value(&all, DEST_PORT).map(u16::from_be_bytes)?,
    };
    let destination = Destination {
        forwarding: forwarding(number(&all, DEST_METHOD)? & METHOD_MASK, &all),
        weight: number(&all, DEST_WEIGHT)?,
        upper: number(&all, DEST_UPPER).unwrap_or(0),
        lower: number(&all, DEST_LOWER).unwrap_or(0),
    };
    Some((key, destination))
}

fn forwarding(method: u32, all: &Attributes<'_>) -> Forwarding {
    match method {
        METHOD_NAT => Forwarding::Nat,
        METHOD_DIRECT => Forwarding::Direct,
        METHOD_TUNNEL => tunnel(all).map_or(Forwarding::Other(method), Forwarding::Tunnel),
        other => Forwarding::Other(other),
    }
}

/// A tunnel of a kind that cannot be wanted here is none. Kernels that do not say the kind know only the first.
fn tunnel(all: &Attributes<'_>) -> Option<Tunnel> {
    let checksum = match value(all, DEST_TUNNEL_FLAGS).map_or(0, u16::from_ne_bytes) {
        flags if flags & CHECKSUM_REMOTE != 0 => Checksum::Remote,
        flags if flags & CHECKSUM_FULL != 0 => Checksum::Full,
        _ => Checksum::None,
    };
    match find(all, DEST_TUNNEL_TYPE).and_then(|kind| kind.u8()).unwrap_or(TUNNEL_IPIP) {
        TUNNEL_IPIP => Some(Tunnel::Ipip),
        TUNNEL_GUE => Some(Tunnel::Gue { port: value(all, DEST_TUNNEL_PORT).map_or(0, u16::from_be_bytes), checksum }),
        TUNNEL_GRE => Some(Tunnel::Gre { checksum }),
        _ => None,
    }
}

pub(super) fn daemon(message: &Message<'_>) -> Option<Daemon> {
    let all = nest(message, DAEMON)?;
    let role = match number(&all, DAEMON_STATE)? {
        STATE_MASTER => Role::Master,
        STATE_BACKUP => Role::Backup,
        _ => return None,
    };
    Some(Daemon {
        role,
        interface: find(&all, DAEMON_INTERFACE)?.text()?.to_owned(),
        id: u8::try_from(number(&all, DAEMON_ID)?).ok()?,
        max_length: value(&all, DAEMON_MAX_LENGTH).map(u16::from_ne_bytes),
        group: find(&all, DAEMON_GROUP).or_else(|| find(&all, DAEMON_GROUP6)).and_then(|group| group.address()),
        port: value(&all, DAEMON_PORT).map(u16::from_ne_bytes),
        ttl: find(&all, DAEMON_TTL).and_then(|hops| hops.u8()),
    })
}

pub(super) fn timeouts(message: &Message<'_>) -> Option<Timeouts> {
    let all = message.attributes(HEADER);
    Some(Timeouts {
        tcp: number(&all, TIMEOUT_TCP)?,
        tcp_fin: number(&all, TIMEOUT_TCP_FIN)?,
        udp: number(&all, TIMEOUT_UDP)?,
    })
}

pub(super) fn info(message: &Message<'_>) -> Option<Info> {
    let all = message.attributes(HEADER);
    let version = number(&all, INFO_VERSION)?;
    Some(Info {
        // Three octets of one number.
        version: ((version >> 16) as u8, (version >> 8) as u8, version as u8),
        connections: number(&all, INFO_CONNECTIONS)?,
    })
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The kernel's load balancer: its table as plain values, changes to it, and the table, counters and settings read back.
//!
//! [`Ipvs`] asks and waits. [`Keeper`] does so on a thread of its own, for a loop that must not wait. Changes leave many in
//! one send, and each has its own verdict.
//!
//! A change says what is wanted afterwards. What is to be added and is there already gets the wanted attributes; what is
//! to be changed and is gone is added; removing what is not there is a success.

mod change;
mod keeper;
mod open;
mod stats;
mod wire;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr};

pub use change::{Change, Subject};
pub use keeper::{Answer, Asked, Done, Keeper, Order};
pub use open::{Info, OpenError};
pub use stats::{Counters, DestinationStats, Rates, ServiceStats, Stats};

use super::Family;
use super::netlink::socket::{SEND_MAX, Verdict};
use super::netlink::{Messages, Socket};
use wire::Wire;

/// Flags of a service that its scheduler reads, and the one that makes every packet a connection.
pub mod flag {
    pub const ONE_PACKET: u32 = 0x04;
    /// Fallback of `sh` and `mh`.
    pub const SCHEDULER_1: u32 = 0x08;
    /// Port of `sh` and `mh`.
    pub const SCHEDULER_2: u32 = 0x10;
    pub const SCHEDULER_3: u32 = 0x20;

    /// What of a service's flags can be wanted; the kernel has others of its own.
    pub(super) const WANTED: u32 = ONE_PACKET | SCHEDULER_1 | SCHEDULER_2 | SCHEDULER_3;
}

/// What tells one service from all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ServiceKey {
    Address { protocol: u8, address: IpAddr, port: u16 },
    Mark { family: Family, mark: u32 },
}

impl ServiceKey {
    pub fn family(&self) -> Family {
        match self {
            ServiceKey::Address { address, .. } => Family::of(*address),
            ServiceKey::Mark { family, .. } => *family,
        }
    }
}

impl fmt::Display for ServiceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            ServiceKey::Address { protocol, address, port } => {
                match i32::from(protocol) {
                    libc::IPPROTO_TCP => f.write_str("tcp ")?,
                    libc::IPPROTO_UDP => f.write_str("udp ")?,
                    libc::IPPROTO_SCTP => f.write_str("sctp ")?,
                    _ => write!(f, "protocol {protocol} ")?,
                }
                endpoint(address, port, f)
            }
            ServiceKey::Mark { family: Family::V4, mark } => write!(f, "fwmark {mark}"),
            ServiceKey::Mark { family: Family::V6, mark } => write!(f, "fwmark {mark} of IPv6"),
        }
    }
}

fn endpoint(address: IpAddr, port: u16, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match address {
        IpAddr::V4(address) => write!(f, "{address}:{port}"),
        IpAddr::V6(address) => write!(f, "[{address}]:{port}"),
    }
}

/// How a service spreads its connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    pub scheduler: String,
    /// Of [`flag`].
    pub flags: u32,
    pub persistence: Option<Persistence>,
}

/// A client is sent to the server it had before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Persistence {
    /// For so many seconds.
    pub timeout: u32,
    /// Clients that this makes equal are one; without it each address is a client.
    pub granularity: Option<Granularity>,
    /// What else of a packet tells clients apart, such as `sip`.
    pub engine: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Granularity {
    /// IPv4; its bits need not be contiguous.
    Mask(Ipv4Addr),
    /// IPv6: the length of a prefix.
    Prefix(u8),
}

/// What tells one destination from the others of its service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DestinationKey {
    pub address: IpAddr,
    pub port: u16,
}

impl fmt::Display for DestinationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        endpoint(self.address, self.port, f)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Destination {
    pub forwarding: Forwarding,
    pub weight: u32,
    /// No new connections above so many; 0 is no limit.
    pub upper: u32,
    /// New ones again below so many.
    pub lower: u32,
}

/// How packets reach a destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forwarding {
    Nat,
    Direct,
    Tunnel(Tunnel),
    /// A method that cannot be wanted here, by the kernel's number.
    Other(u32),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tunnel {
    Ipip,
    Gue { port: u16, checksum: Checksum },
    Gre { checksum: Checksum },
}

/// What of a tunnel's packets is checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Checksum {
    #[default]
    None,
    Full,
    /// Remote checksum offload.
    Remote,
}

/// A service with its destinations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub service: Service,
    pub destinations: BTreeMap<DestinationKey, Destination>,
}

pub type Table = BTreeMap<ServiceKey, Entry>;

/// How long idle connections are remembered, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    pub tcp: u32,
    pub tcp_fin: u32,
    pub udp: u32,
}

/// Which half of connection synchronisation a kernel thread does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// It tells others of connections.
    Master,
    /// It listens.
    Backup,
}

/// A thread that exchanges connections with other directors. What is `None` is left to the kernel; read back it is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Daemon {
    pub role: Role,
    pub interface: String,
    pub id: u8,
    /// Octets in one datagram.
    pub max_length: Option<u16>,
    pub group: Option<IpAddr>,
    pub port: Option<u16>,
    pub ttl: Option<u8>,
}

/// Talks to the kernel's load balancer and waits for its answers.
#[derive(Debug)]
pub struct Ipvs {
    socket: Socket,
    wire: Wire,
    info: Info,
}

impl Ipvs {
    /// What the kernel said of itself at the start.
    pub fn info(&self) -> Info {
        self.info
    }

    /// Carries out `changes` in order and says of each what became of it. One that is refused does not stop the rest. A
    /// service or destination is to be named once in one call.
    pub fn apply(&mut self, changes: &[Change]) -> Vec<Verdict> {
        // Of a large table no more requests are written at once than are sent at once.
        changes.chunks(SEND_MAX).flat_map(|chunk| self.apply_together(chunk)).collect()
    }

    fn apply_together(&mut self, changes: &[Change]) -> Vec<Verdict> {
        let requests: Vec<_> = changes.iter().map(|change| self.wire.change(change)).collect();
        let mut verdicts = self.socket.request(&requests);
        // Somebody else was there first: the wanted attributes win.
        let again: Vec<(usize, Change)> = (changes.iter().zip(&verdicts).enumerate())
            .filter_map(|(place, (change, verdict))| Some((place, change.instead(verdict.as_ref().err()?)?)))
            .collect();
        let requests: Vec<_> = again.iter().map(|(_, change)| self.wire.change(change)).collect();
        for ((place, _), verdict) in again.iter().zip(self.socket.request(&requests)) {
            if let Some(slot) = verdicts.get_mut(*place) {
                *slot = verdict;
            }
        }
        verdicts
    }

    /// The whole table, whoever made its entries.
    pub fn table(&mut self) -> io::Result<Table> {
        let mut table = Table::new();
        for (key, service) in self.services()? {
            let destinations = self.destinations(&key)?;
            table.insert(key, Entry { service, destinations });
        }
        Ok(table)
    }

    /// The services alone: one question, however many there are.
    pub fn services(&mut self) -> io::Result<BTreeMap<ServiceKey, Service>> {
        Ok(self.socket.dump(&self.wire.services(), wire::service)?.into_iter().collect())
    }

    /// The destinations of one service; none when there is no such service.
    pub fn destinations(&mut self, key: &ServiceKey) -> io::Result<BTreeMap<DestinationKey, Destination>> {
        let request = self.wire.destinations(key);
        let found = self.socket.dump(&request, |message| wire::destination(message, key.family()))?;
        Ok(found.into_iter().collect())
    }

    /// What every service and destination has counted.
    pub fn stats(&mut self) -> io::Result<Stats> {
        let mut stats = Stats::new();
        for (key, counters) in self.socket.dump(&self.wire.services(), stats::service)? {
            let request = self.wire.destinations(&key);
            let found = self.socket.dump(&request, |message| stats::destination(message, key.family()))?;
            stats.insert(key, ServiceStats { counters, destinations: found.into_iter().collect() });
        }
        Ok(stats)
    }

    pub fn timeouts(&mut self) -> io::Result<Timeouts> {
        let found = self.socket.ask(&self.wire.timeouts(), wire::timeouts)?;
        found.ok_or_else(|| io::Error::other("the kernel's answer about timeouts says none"))
    }

    /// The threads that exchange connections now.
    pub fn daemons(&mut self) -> io::Result<Vec<Daemon>> {
        self.socket.dump(&self.wire.daemons(), wire::daemon)
    }
}

/// How many of a datagram's messages say something, whatever was asked: services, destinations and what they counted,
/// sync daemons, timeouts, and the load balancer itself. For trials of the readers with any octets.
pub fn readings(datagram: &[u8]) -> usize {
    let mut found = 0;
    for message in Messages::new(datagram) {
        for family in [Family::V4, Family::V6] {
            found += usize::from(wire::destination(&message, family).is_some());
            found += usize::from(stats::destination(&message, family).is_some());
        }
        found += usize::from(wire::service(&message).is_some()) + usize::from(stats::service(&message).is_some());
        found += usize::from(wire::daemon(&message).is_some()) + usize::from(wire::timeouts(&message).is_some());
        found += usize::from(wire::info(&message).is_some());
    }
    found
}

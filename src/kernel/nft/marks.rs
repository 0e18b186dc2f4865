// SPDX-License-Identifier: MIT OR Apache-2.0
//! Packets to groups of addresses get marks, by which the load balancer knows them: one mark for a group instead of a
//! service for each address.
//!
//! A family's table is replaced as a whole, in one transaction: packets meet the old one or the new one.

use std::io;
use std::net::IpAddr;
use std::path::Path;

use nix::sys::socket::SockProtocol;

use super::wire::{Base, Element, Expression, Hook, Key, Meta, Register, Set, Table, Verdict};
use super::{FAMILIES, Refused, Transaction, delete, named};
use crate::kernel::Family;
use crate::kernel::namespace;
use crate::kernel::netlink::Socket;

/// The list of elements is one attribute of 64 KiB at most, and a range over IPv6 takes 72 octets.
const ELEMENTS_MAX: usize = 800;
const CHAIN: &str = "in";
/// Protocols that have ports, and their maps.
const MAPS: [(u8, &str); 3] = [(6, "tcp_map"), (17, "udp_map"), (132, "sctp_map")];

/// What the tables hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marks {
    pub table: String,
    pub priority: i32,
    /// Every rule counts what it acts on.
    pub counters: bool,
    /// No two of one protocol have an address and a port in common: the kernel refuses that.
    pub entries: Vec<Entry>,
}

/// Packets to these addresses and ports get this mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub protocol: u8,
    pub first: IpAddr,
    pub last: IpAddr,
    /// First and last.
    pub ports: (u16, u16),
    pub mark: u32,
}

/// A way to the packet filter.
#[derive(Debug)]
pub struct Marker {
    socket: Socket,
}

impl Marker {
    /// Of this network namespace, or of that which a file stands for.
    pub fn open(elsewhere: Option<&Path>) -> io::Result<Marker> {
        let open = || Socket::open(SockProtocol::NetlinkNetFilter);
        let socket = match elsewhere {
            Some(path) => namespace::within(path, open)??,
            None => open()?,
        };
        Ok(Marker { socket })
    }

    /// Makes the tables as wanted. A family in which nothing is marked has none.
    pub fn set(&mut self, marks: &Marks) -> Result<(), Refused> {
        for family in FAMILIES {
            let outcome = marks.transaction(family).commit(&mut self.socket);
            // A kernel that knows nothing of a family has no table of it.
            if marks.entries_of(family).next().is_some() {
                outcome?;
            }
        }
        Ok(())
    }

    /// Whether every table is there still.
    pub fn is_whole(&mut self, marks: &Marks) -> io::Result<bool> {
        for family in FAMILIES {
            if marks.entries_of(family).next().is_none() {
                continue;
            }
            match self.socket.ask(&marks.of(family).exists(), |_| Some(())) {
                Ok(_) => {}
                Err(error) if error.raw_os_error() == Some(libc::ENOENT) => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }
}

impl Marks {
    fn of(&self, family: Family) -> Table<'_> {
        Table { family, name: &self.table }
    }

    fn entries_of(&self, family: Family) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(move |entry| Family::of(entry.first) == family)
    }

    fn transaction(&self, family: Family) -> Transaction {
        let table = self.of(family);
        let mut transaction = Transaction::default();
        delete(table, &mut transaction);
        if self.entries_of(family).next().is_none() {
            return transaction;
        }
        transaction.push(table.create(), || named(table, "", ""));
        for (id, (protocol, map)) in (1..).zip(MAPS) {
            let elements: Vec<Element> =
                self.entries_of(family).filter(|entry| entry.protocol == protocol).map(element).collect();
            if elements.is_empty() {
                continue;
            }
            let key = match family {
                Family::V4 => Key::Ipv4AndPort,
                Family::V6 => Key::Ipv6AndPort,
            };
            let set = Set { name: map, key, to: Some(Key::PacketMark), constant: false, ranges: true };
            transaction.push(table.set(&set, id), || named(table, "map ", map));
            for chunk in elements.chunks(ELEMENTS_MAX) {
                let about = || format!("{} elements of {}", chunk.len(), named(table, "map ", map));
                transaction.push(table.add(map, chunk), about);
            }
        }
        transaction.push(table.base_chain(CHAIN, Hook::Input, self.priority), || named(table, "chain ", CHAIN));
        for (protocol, map) in MAPS {
            if self.entries_of(family).any(|entry| entry.protocol == protocol) {
                let rule = table.rule(CHAIN, &rule(family, protocol, map, self.counters));
                transaction.push(rule, || format!("a rule of {}", named(table, "chain ", CHAIN)));
            }
        }
        transaction
    }
}

fn element(entry: &Entry) -> Element {
    let key = |address: IpAddr, port: u16| {
        let mut key = match address {
            IpAddr::V4(address) => address.octets().to_vec(),
            IpAddr::V6(address) => address.octets().to_vec(),
        };
        key.extend(port.to_be_bytes());
        // Each part of a joined key takes whole words.
        key.extend([0, 0]);
        key
    };
    Element {
        key: key(entry.first, entry.ports.0),
        end: Some(key(entry.last, entry.ports.1)),
        data: Some(entry.mark.to_ne_bytes().to_vec()),
    }
}

/// Marks a packet by its destination; one that is not in the map goes on as it is.
fn rule(family: Family, protocol: u8, map: &'static str, counters: bool) -> Vec<Expression> {
    let (offset, length, port) = match family {
        Family::V4 => (16, 4, Register::FirstRest),
        Family::V6 => (24, 16, Register::Second),
    };
    let mut rule = vec![
        Expression::Meta { what: Meta::Protocol, to: Register::First },
        Expression::Equals { from: Register::First, value: vec![protocol] },
        Expression::Payload { base: Base::Network, offset, length, to: Register::First },
        Expression::Payload { base: Base::Transport, offset: 2, length: 2, to: port },
        Expression::Map { from: Register::First, map, to: Register::First },
        Expression::SetMeta { what: Meta::Mark, from: Register::First },
    ];
    if counters {
        rule.push(Expression::Count);
    }
    rule.push(Expression::Verdict(Verdict::Return));
    rule
}

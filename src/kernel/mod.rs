// SPDX-License-Identifier: MIT OR Apache-2.0
//! The only code that talks to Linux. It knows nothing of protocols, plans or configuration: what comes in are indices,
//! addresses and bytes, what goes out are typed answers.
//!
//! Who owns which effect: `clock` reads clocks, `raw` sends and receives packets, `rtnl` changes addresses, routes,
//! rules and links, `ipvs` balances load, `files` touches files and kernel settings, `process` watches processes,
//! `machine` looks at what there is, `memory` keeps the allocator small, `nft` filters packets, `confine` shuts a
//! process in, `beside` has threads for what takes long, `terminal` shows and hears a person. `netlink` is the codec, the socket
//! and the writer thread beneath `rtnl`, `ipvs` and `nft`.
//!
//! Everything the purity fence forbids elsewhere (clocks, files, threads) is allowed below this line and nowhere else.
#![allow(clippy::disallowed_methods)]

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::os::fd::AsRawFd;

use tokio::io::unix::AsyncFd;

pub mod beside;
pub mod bundle;
pub mod child;
pub mod clock;
pub mod confine;
pub mod daemonize;
pub mod fifo;
pub mod files;
pub mod host;
pub mod inotify;
pub mod ipvs;
pub mod journal;
pub mod linkbeat;
pub mod logfile;
pub mod machine;
pub mod memory;
pub mod names;
pub mod namespace;
pub mod netlink;
pub mod nft;
pub mod nobody;
pub mod offspring;
pub mod orphans;
pub mod outgoing;
pub mod pattern;
pub mod pidfile;
pub mod ping;
pub mod process;
pub mod pulse;
pub mod random;
pub mod raw;
pub mod ready;
pub mod rights;
pub mod rtnl;
pub mod sandbox;
pub mod seqpacket;
pub mod service;
mod sockopt;
pub mod syslog;
pub mod terminal;

/// Address family of a socket, an address, a route or a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    V4,
    V6,
}

impl Family {
    pub fn of(address: IpAddr) -> Family {
        match address {
            IpAddr::V4(_) => Family::V4,
            IpAddr::V6(_) => Family::V6,
        }
    }

    /// The kernel's number, as it stands in netlink headers.
    pub const fn number(self) -> u8 {
        match self {
            Family::V4 => 2,
            Family::V6 => 10,
        }
    }

    pub const fn from_number(number: u8) -> Option<Family> {
        match number {
            2 => Some(Family::V4),
            10 => Some(Family::V6),
            _ => None,
        }
    }

    /// Bits in an address of this family.
    pub const fn width(self) -> u8 {
        match self {
            Family::V4 => 32,
            Family::V6 => 128,
        }
    }
}

/// An Ethernet address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mac(pub [u8; 6]);

impl Mac {
    pub const BROADCAST: Mac = Mac([0xff; 6]);
}

impl fmt::Display for Mac {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, f] = self.0;
        write!(out, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}")
    }
}

/// A type that owns its descriptor: the descriptor is open and stays the same while the value lives.
trait Owner: AsRawFd {}

/// Lets the runtime watch a descriptor. Needs a tokio runtime with I/O enabled.
#[allow(unsafe_code)]
fn watch<T: Owner>(owner: T) -> io::Result<AsyncFd<T>> {
    // SAFETY: every `Owner` keeps one descriptor open, and the same one, for as long as it lives.
    Ok(unsafe { AsyncFd::register(owner) }?)
}

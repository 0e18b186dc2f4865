// SPDX-License-Identifier: MIT OR Apache-2.0
//! Addresses, routes, rules and links as plain values, their requests and their notifications.
//!
//! Every kind has the same four verbs: `add` and `remove` make requests for the writer, `parse` reads a message, `dump`
//! asks for all of them. Requests to add what is there, or to remove what is not, are successes.

pub mod address;
pub mod link;
pub mod monitor;
pub mod route;
pub mod rule;

#[cfg(test)]
mod oracle;
#[cfg(test)]
mod tests;

use std::io;

use nix::sys::socket::SockProtocol;

use super::Family;
use super::netlink::Socket;
pub use address::Address;
pub use link::Link;
pub use monitor::{Event, Monitor};
pub use route::Route;
pub use rule::Rule;

/// The protocol number that marks addresses, routes and rules as ours; it is the one iproute2 knows as `keepalived`.
pub const PROTOCOL: u8 = 18;

/// Asks the kernel and waits: for start-up and resync, where there is nothing else to do.
#[derive(Debug)]
pub struct Asker(Socket);

impl Asker {
    pub fn open() -> io::Result<Asker> {
        Ok(Asker(Socket::open(SockProtocol::NetlinkRoute)?))
    }

    pub fn links(&mut self) -> io::Result<Vec<Link>> {
        self.0.dump(&Link::dump(), Link::parse)
    }

    pub fn addresses(&mut self) -> io::Result<Vec<Address>> {
        self.0.dump(&Address::dump(), Address::parse)
    }

    pub fn routes(&mut self) -> io::Result<Vec<Route>> {
        self.0.dump(&Route::dump(), Route::parse)
    }

    /// The routes of one family and one routing protocol's number.
    pub fn routes_of(&mut self, family: Family, protocol: u8) -> io::Result<Vec<Route>> {
        let of = |route: &Route| (route.family, route.protocol) == (family, protocol);
        // An old kernel tells all.
        self.0.dump(&Route::dump_of(family, protocol), |message| Route::parse(message).filter(of))
    }

    pub fn rules(&mut self) -> io::Result<Vec<Rule>> {
        self.0.dump(&Rule::dump(), Rule::parse)
    }

    /// Carries out requests one send after another and waits for all verdicts.
    pub fn request(&mut self, requests: &[super::netlink::Request]) -> Vec<super::netlink::socket::Verdict> {
        self.0.request(requests)
    }
}

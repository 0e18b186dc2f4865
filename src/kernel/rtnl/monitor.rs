// SPDX-License-Identifier: MIT OR Apache-2.0
//! What changes underneath: links, addresses, routes and rules, as the kernel tells it.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

use nix::sys::socket::SockProtocol;
use tokio::io::unix::AsyncFd;

use super::{Address, Link, Route, Rule};
use crate::kernel::netlink::{Message, Room, Socket};
use crate::kernel::watch;

/// Groups by their bit in the socket's address.
const GROUP_LINK: u32 = 1;
const GROUP_ADDRESS: u32 = 0x10 | 0x100;
const GROUP_ROUTE: u32 = 0x40 | 0x400;
const GROUP_RULE: u32 = 0x80 | 1 << (19 - 1);

/// Datagrams one call of `take` reads at most.
pub const DATAGRAMS_MAX: usize = 64;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A link appeared or changed.
    Link(Link),
    LinkGone(Link),
    Address(Address),
    AddressGone(Address),
    Route(Route),
    RouteGone(Route),
    Rule(Rule),
    RuleGone(Rule),
    /// Some events found no room. What is known may be wrong: ask for everything again.
    Lost,
}

/// An event, and whose request caused it (`Writer::port` tells our own changes from others').
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    pub event: Event,
    pub port: u32,
}

/// Which kinds of change to be told of, besides those of links and addresses, and how many may wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Interest {
    pub routes: bool,
    pub rules: bool,
    pub room: Option<Room>,
}

#[derive(Debug)]
pub struct Monitor {
    socket: AsyncFd<Socket>,
}

impl Monitor {
    /// Needs a tokio runtime with I/O enabled. Start it before the first dump, or changes fall between the two.
    pub fn start(interest: Interest) -> io::Result<Monitor> {
        let mut groups = GROUP_LINK | GROUP_ADDRESS;
        if interest.routes {
            groups |= GROUP_ROUTE;
        }
        if interest.rules {
            groups |= GROUP_RULE;
        }
        Ok(Monitor {
            socket: watch(Socket::listen(SockProtocol::NetlinkRoute, groups, interest.room.unwrap_or_default())?)?,
        })
    }

    /// Waits for something to read. Dropping the future loses nothing.
    pub async fn wait(&mut self) -> io::Result<()> {
        self.socket.readable().await.map(|mut guard| guard.retain_ready())
    }

    /// Appends the events that are there now, without waiting.
    pub fn take(&mut self, notices: &mut Vec<Notice>) -> io::Result<()> {
        for _ in 0..DATAGRAMS_MAX {
            // The kernel is asked, and not the runtime: that knows what was there when it last waited, which is long ago
            // when this process did not run meanwhile.
            let read = match receive(self.socket.get_mut(), notices) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.socket.try_io_mut(tokio::io::Interest::READABLE, |socket| receive(socket, notices))
                }
                read => read,
            };
            match read {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => {
                    notices.push(Notice { event: Event::Lost, port: 0 });
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

impl AsFd for Monitor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.get_ref().as_fd()
    }
}

impl AsRawFd for Monitor {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.get_ref().as_raw_fd()
    }
}

fn receive(socket: &mut Socket, notices: &mut Vec<Notice>) -> io::Result<()> {
    notices.extend(socket.receive()?.filter_map(|message| notice(&message)));
    Ok(())
}

fn notice(message: &Message<'_>) -> Option<Notice> {
    let event = match message.kind {
        libc::RTM_NEWLINK => Event::Link(Link::parse(message)?),
        libc::RTM_DELLINK => Event::LinkGone(Link::parse(message)?),
        libc::RTM_NEWADDR => Event::Address(Address::parse(message)?),
        libc::RTM_DELADDR => Event::AddressGone(Address::parse(message)?),
        libc::RTM_NEWROUTE => Event::Route(Route::parse(message)?),
        libc::RTM_DELROUTE => Event::RouteGone(Route::parse(message)?),
        libc::RTM_NEWRULE => Event::Rule(Rule::parse(message)?),
        libc::RTM_DELRULE => Event::RuleGone(Rule::parse(message)?),
        _ => return None,
    };
    Some(Notice { event, port: message.port })
}

//! Announcements: what the engine wants announced, turned into frames on the interfaces that hold the addresses.

use std::net::IpAddr;

use super::interfaces::Interfaces;
use crate::kernel::Mac;
use crate::kernel::files::Setting;
use crate::kernel::raw::frame::{Announcement, Announcer};
use crate::kernel::rtnl::Link;
use crate::observe::log::Log;
use crate::plan::vrrp::VrrpPlan;
use crate::proto::vrrp::{Announced, Announcements};

#[derive(Debug)]
pub(super) struct Announcing {
    announcer: Announcer,
    /// Frames the kernel did not take.
    pub(super) unsent: u64,
}

impl Announcing {
    pub(super) fn new() -> std::io::Result<Announcing> {
        Ok(Announcing { announcer: Announcer::open()?, unsent: 0 })
    }

    /// Round after round, every address in order. `home` is the interface of the instance's port, `base` the one beneath.
    pub(super) fn announce(
        &mut self,
        wanted: &Announcements,
        (home, base): (Option<u32>, Option<&Link>),
        (plan, interfaces): (&VrrpPlan, &Interfaces),
        log: &Log,
    ) {
        let link_of = |announced: &Announced| match announced.link {
            Some(link) => interfaces.named(plan.links.get(&link)?),
            None => interfaces.link(home?),
        };
        let is_v6 = wanted.addresses.iter().any(|announced| announced.ip.is_ipv6());
        let router = is_v6 && base.is_some_and(forwards_ipv6);
        let frames: Vec<Announcement> =
            wanted.addresses.iter().filter_map(|announced| frame(announced.ip, link_of(announced)?, router)).collect();
        for frame in &frames {
            log.debug(format_args!("announcing {} on interface {}", frame.address, frame.interface));
        }
        for _ in 0..wanted.rounds {
            for frame in &frames {
                if let Err(error) = self.announcer.announce(frame) {
                    self.unsent += 1;
                    log.debug(format_args!("{} was not announced: {error}", frame.address));
                }
            }
        }
    }
}

/// Nothing for interfaces that do no address resolution, or have no Ethernet address.
fn frame(address: IpAddr, link: &Link, router: bool) -> Option<Announcement> {
    let mac = link.ethernet().filter(|_| link.has_arp())?;
    let broadcast = link.broadcast.as_slice().try_into().map_or(Mac::BROADCAST, Mac);
    Some(Announcement { interface: link.index, mac, broadcast, address, router })
}

/// Read each time: an operator may switch it at any moment, and hosts that learn we are a router without our being one
/// would send their traffic here.
fn forwards_ipv6(link: &Link) -> bool {
    Setting::ipv6(&link.name, "forwarding").read().is_ok_and(|value| value != 0)
}

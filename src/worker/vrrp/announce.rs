// SPDX-License-Identifier: MIT OR Apache-2.0
//! Announcements: what the engine wants announced, turned into frames on the interfaces that hold the addresses, at the
//! pace they may leave with.

use std::net::IpAddr;
use std::time::Duration;

use super::interfaces::Interfaces;
use super::pace::Pace;
use crate::kernel::clock;
use crate::kernel::files::Setting;
use crate::kernel::raw::frame::{Announcement, Announcer};
use crate::kernel::rtnl::Link;
use crate::kernel::{Family, Mac};
use crate::observe::log::Log;
use crate::plan::vrrp::{Spacing, VrrpPlan};
use crate::proto::vrrp::{AnnounceWhy, Announced, Announcements, Holdings, InstanceId};

#[derive(Debug)]
pub(super) struct Announcing {
    announcer: Announcer,
    pace: Pace,
    /// Frames the kernel did not take.
    pub(super) unsent: u64,
}

impl Announcing {
    pub(super) fn new() -> std::io::Result<Announcing> {
        Ok(Announcing { announcer: Announcer::open()?, pace: Pace::default(), unsent: 0 })
    }

    /// Round after round, every address in order. `home` is the interface of the instance's port, `base` the one beneath.
    pub(super) fn announce(
        &mut self,
        (instance, wanted): (InstanceId, &Announcements),
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
        let mut at_once = Vec::new();
        for announced in &wanted.addresses {
            let Some(link) = link_of(announced) else { continue };
            let Some(frame) = frame(announced.ip, link, router) else { continue };
            log.debug(format_args!("announcing {} on interface {}", frame.address, frame.interface));
            let lane = self.pace.lane(beneath(link, interfaces), Family::of(frame.address));
            match lane.filter(|_| wanted.why != AnnounceWhy::OwnSource) {
                Some(lane) => self.pace.enqueue(lane, instance, frame, wanted.rounds),
                None => at_once.push(frame),
            }
        }
        for _ in 0..wanted.rounds {
            send(&self.announcer, &at_once, &mut self.unsent, log);
        }
        self.serve(log);
    }

    /// Other gaps from now on.
    pub(super) fn follow(&mut self, spacing: &Spacing) {
        self.pace.follow(spacing);
    }

    /// Sends what may leave by now.
    pub(super) fn serve(&mut self, log: &Log) {
        let Announcing { announcer, pace, unsent } = self;
        let before = pace.dropped;
        pace.serve(clock::now(), |frame| send(announcer, std::slice::from_ref(frame), unsent, log));
        *unsent += pace.dropped - before;
    }

    /// How long until something may leave that waits for its turn.
    pub(super) fn rest(&self) -> Option<Duration> {
        self.pace.rest(clock::now())
    }

    /// An instance holds these from now on: what waits for others is not sent.
    pub(super) fn holds(&mut self, instance: InstanceId, holdings: &Holdings) {
        self.pace.retain(instance, |frame| holdings.every_address().any(|held| held.ip == frame.address));
    }
}

fn send(announcer: &Announcer, frames: &[Announcement], unsent: &mut u64, log: &Log) {
    announcer.announce(frames, |frame, error| {
        *unsent += 1;
        log.debug(format_args!("{} was not announced: {error}", frame.address));
    });
}

/// The interface whose wire a frame leaves by: the one beneath an interface made for a virtual router.
fn beneath<'a>(link: &'a Link, interfaces: &'a Interfaces) -> &'a Link {
    let is_virtual = matches!(link.kind.as_deref(), Some("macvlan" | "ipvlan"));
    link.parent.filter(|_| is_virtual).and_then(|parent| interfaces.link(parent)).unwrap_or(link)
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

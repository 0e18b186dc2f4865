// SPDX-License-Identifier: MIT OR Apache-2.0
//! What changes underneath, as the kernel tells it: who has lost what, which ports look different, and what is worth a line.

use std::io;

use super::Worker;
use crate::kernel::clock;
use crate::kernel::rtnl::Event as Change;
use crate::kernel::rtnl::monitor::Notice;
use crate::plan::vrrp::{TrackSource, Tracked};

impl Worker<'_> {
    /// What changed underneath, as inputs.
    pub(super) fn notice(&mut self, Notice { event, port }: Notice) -> io::Result<()> {
        if event == Change::Lost {
            self.outside
                .log
                .warning("changes of the network came faster than they could be read: reading everything anew");
            self.interfaces = self.interfaces.read_again(&mut self.asker)?;
            self.statics.ask_again(clock::now());
            (self.unsure, self.stale) = (true, true);
            return Ok(());
        }
        let event = match event {
            Change::Link(link) => Change::Link(self.interfaces.with_carrier(&link)),
            other => other,
        };
        self.tell_link(&event);
        self.tell_address(&event);
        match &event {
            Change::Link(link) => self.statics_over(link),
            Change::LinkGone(link) => self.virtuals.gone(link.index),
            Change::Address(_) | Change::AddressGone(_) | Change::Lost => {}
            Change::Route(_) | Change::RouteGone(_) | Change::Rule(_) | Change::RuleGone(_) => {}
        }
        let changed = self.interfaces.note(&event);
        self.stale |= changed && self.concerns_ports(&event);
        if port != self.writer.port() {
            let lost = self.holder.note(&event);
            self.lost(lost);
        }
        Ok(())
    }

    /// Virtual addresses come and go without any port looking different.
    fn concerns_ports(&self, event: &Change) -> bool {
        match event {
            Change::Address(address) | Change::AddressGone(address) => {
                let tracked = |track: &Tracked| matches!(track.source, TrackSource::Address(..));
                !self.virtual_addresses.contains(&address.address) || self.plan.tracks.values().any(tracked)
            }
            Change::Link(_) | Change::LinkGone(_) | Change::Lost => true,
            Change::Route(_) | Change::RouteGone(_) | Change::Rule(_) | Change::RuleGone(_) => false,
        }
    }

    /// Links going up and down are worth a line.
    fn tell_link(&self, event: &Change) {
        let Change::Link(link) = event else { return };
        let used = self.plan.ports.values().any(|port| port.interface.as_ref() == Some(&link.name));
        let before = self.interfaces.link(link.index).map(|link| link.is_up());
        if used && before.is_some_and(|before| before != link.is_up()) {
            let state = if link.is_up() { "up" } else { "down" };
            self.outside.log.notice(format_args!("Netlink reports {} {state}", link.name));
        }
    }

    /// Addresses that come and go, for who asked for it.
    fn tell_address(&self, event: &Change) {
        let (address, what) = match event {
            Change::Address(address) if self.outside.habits.tells_addresses => (address, "added"),
            Change::AddressGone(address) if self.outside.habits.tells_addresses => (address, "removed"),
            _ => return,
        };
        let link = self.interfaces.link(address.interface).map_or("?", |link| link.name.as_str());
        self.outside.log.info(format_args!("Netlink reports address {} {what} on {link}", address.address));
    }

    /// Asks interfaces that do not tell whether they have a carrier.
    pub(super) fn ask_interfaces(&mut self) -> io::Result<()> {
        for (name, up) in self.beats.ask(&self.plan.around.polled, clock::now()) {
            if let Some(link) = self.interfaces.carries(&name, up) {
                self.notice(Notice { event: Change::Link(link), port: 0 })?;
            }
        }
        Ok(())
    }
}

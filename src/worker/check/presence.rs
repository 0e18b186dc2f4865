// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which addresses this host has: servers of a virtual server with `ha_suspend` are checked only while its address is here.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::IpAddr;

use crate::kernel::netlink::Room;
use crate::kernel::rtnl::monitor::Interest;
use crate::kernel::rtnl::{Address, Asker, Event, Monitor};
use crate::observe::log::Log;

#[derive(Debug)]
pub(super) struct Presence {
    monitor: Monitor,
    log: Log,
    /// The interfaces that have each address.
    held: BTreeMap<IpAddr, BTreeSet<u32>>,
    /// What was told.
    told: BTreeSet<IpAddr>,
    stale: bool,
}

impl Presence {
    /// Needs a tokio runtime with I/O enabled.
    pub(super) fn start(room: Option<Room>, log: Log) -> io::Result<Presence> {
        // Listening comes before the first look, so that no change falls between the two.
        let monitor = Monitor::start(Interest { room, ..Interest::default() })?;
        Ok(Presence { monitor, log, held: BTreeMap::new(), told: BTreeSet::new(), stale: true })
    }

    /// Hears by another socket. What came and went meanwhile shows when everything is read again.
    pub(super) fn make_room(&mut self, room: Option<Room>) -> io::Result<()> {
        self.monitor = Monitor::start(Interest { room, ..Interest::default() })?;
        self.stale = true;
        Ok(())
    }

    /// Waits until there may be news. Dropping the future loses nothing.
    pub(super) async fn wait(&mut self) -> io::Result<()> {
        if self.stale {
            return Ok(());
        }
        self.monitor.wait().await
    }

    /// Which addresses came and went since the last call; at first, all that are there.
    pub(super) fn take(&mut self) -> io::Result<Vec<(IpAddr, bool)>> {
        if std::mem::take(&mut self.stale) {
            self.held.clear();
            for address in Asker::open()?.addresses()? {
                self.note(&address, true);
            }
        }
        let mut notices = Vec::new();
        self.monitor.take(&mut notices)?;
        for notice in notices {
            match notice.event {
                Event::Address(address) => self.note(&address, true),
                Event::AddressGone(address) => self.note(&address, false),
                Event::LinkGone(link) => self.held.values_mut().for_each(|on| on.retain(|index| *index != link.index)),
                Event::Lost => {
                    self.log.warning("addresses changed faster than they could be read: reading them anew");
                    self.stale = true;
                }
                Event::Link(_) | Event::Route(_) | Event::RouteGone(_) | Event::Rule(_) | Event::RuleGone(_) => {}
            }
        }
        self.held.retain(|_, on| !on.is_empty());
        let now: BTreeSet<IpAddr> = self.held.keys().copied().collect();
        let gone = self.told.difference(&now).map(|address| (*address, false));
        let come = now.difference(&self.told).map(|address| (*address, true));
        let news = gone.chain(come).collect();
        self.told = now;
        Ok(news)
    }

    /// An address whose uniqueness is not known yet is not here yet.
    fn note(&mut self, address: &Address, there: bool) {
        let on = self.held.entry(address.address).or_default();
        if there && address.is_usable() {
            on.insert(address.interface);
        } else {
            on.remove(&address.interface);
        }
    }
}

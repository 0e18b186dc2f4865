// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the kernel has: links and their addresses, kept up to date from its notices.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::IpAddr;

use crate::kernel::Family;
use crate::kernel::rtnl::{Address, Asker, Event, Link};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Interfaces {
    links: BTreeMap<u32, Link>,
    names: BTreeMap<String, u32>,
    /// By link, in the kernel's order: the first is the one others know us by.
    addresses: BTreeMap<u32, Vec<Address>>,
    /// What interfaces themselves say about their carrier, where they are asked.
    carriers: BTreeMap<String, bool>,
}

impl Interfaces {
    /// Everything as it is now.
    pub(super) fn read(asker: &mut Asker) -> io::Result<Interfaces> {
        Interfaces::default().read_again(asker)
    }

    /// Everything as it is now; what was found out by asking interfaces stays.
    pub(super) fn read_again(&self, asker: &mut Asker) -> io::Result<Interfaces> {
        let mut interfaces = Interfaces { carriers: self.carriers.clone(), ..Interfaces::default() };
        for link in asker.links()? {
            interfaces.note(&Event::Link(link));
        }
        for address in asker.addresses()? {
            interfaces.note(&Event::Address(address));
        }
        Ok(interfaces)
    }

    /// Takes a notice; says whether it changed anything.
    pub(super) fn note(&mut self, event: &Event) -> bool {
        match event {
            Event::Link(link) => {
                let link = &self.with_carrier(link);
                let before = self.links.insert(link.index, link.clone());
                if let Some(before) = &before {
                    self.unname(before);
                }
                self.names.insert(link.name.clone(), link.index);
                before.as_ref() != Some(link)
            }
            Event::LinkGone(link) => {
                self.addresses.remove(&link.index);
                let before = self.links.remove(&link.index);
                if let Some(before) = &before {
                    self.unname(before);
                }
                before.is_some()
            }
            Event::Address(address) => {
                let on_link = self.addresses.entry(address.interface).or_default();
                match on_link.iter_mut().find(|known| known.is_same(address)) {
                    Some(known) if known == address => false,
                    Some(known) => {
                        known.clone_from(address);
                        true
                    }
                    None => {
                        on_link.push(address.clone());
                        true
                    }
                }
            }
            Event::AddressGone(address) => {
                let Some(on_link) = self.addresses.get_mut(&address.interface) else { return false };
                let before = on_link.len();
                on_link.retain(|known| !known.is_same(address));
                on_link.len() != before
            }
            Event::Route(_) | Event::RouteGone(_) | Event::Rule(_) | Event::RuleGone(_) | Event::Lost => false,
        }
    }

    /// A link as the interface itself describes it.
    pub(super) fn with_carrier(&self, link: &Link) -> Link {
        let mut link = link.clone();
        if let Some(up) = self.carriers.get(&link.name) {
            link.set_running(*up);
        }
        link
    }

    /// Notes what an interface said about its carrier; gives its link when that is news.
    pub(super) fn carries(&mut self, name: &str, up: bool) -> Option<Link> {
        if self.carriers.insert(name.to_owned(), up) == Some(up) {
            return None;
        }
        self.named(name).map(|link| self.with_carrier(link))
    }

    /// Only these interfaces are asked from now on.
    pub(super) fn ask_only(&mut self, asked: impl Fn(&str) -> bool) {
        self.carriers.retain(|name, _| asked(name));
    }

    /// Another link may have taken the name already.
    fn unname(&mut self, link: &Link) {
        if self.names.get(&link.name) == Some(&link.index) {
            self.names.remove(&link.name);
        }
    }

    pub(super) fn named(&self, name: &str) -> Option<&Link> {
        self.links.get(self.names.get(name)?)
    }

    pub(super) fn link(&self, index: u32) -> Option<&Link> {
        self.links.get(&index)
    }

    pub(super) fn links(&self) -> impl Iterator<Item = &Link> {
        self.links.values()
    }

    pub(super) fn addresses(&self, index: u32) -> impl Iterator<Item = &Address> {
        self.addresses.get(&index).into_iter().flatten()
    }

    pub(super) fn has(&self, index: u32, ip: IpAddr) -> bool {
        self.addresses(index).any(|address| address.address == ip)
    }

    /// The address adverts of a family leave a link with: the first IPv4 address or the first usable link-local IPv6
    /// address. A virtual address is never one: it may move to another router at any moment.
    pub(super) fn source(&self, index: u32, family: Family, virtual_addresses: &BTreeSet<IpAddr>) -> Option<IpAddr> {
        let mut candidates = self
            .addresses(index)
            .filter(|address| address.family() == family && address.is_usable())
            .map(|address| address.address)
            .filter(|ip| !virtual_addresses.contains(ip));
        match family {
            Family::V4 => candidates.next(),
            Family::V6 => candidates.find(|ip| matches!(ip, IpAddr::V6(ip) if ip.is_unicast_link_local())),
        }
    }
}

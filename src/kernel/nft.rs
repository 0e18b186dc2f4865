// SPDX-License-Identifier: MIT OR Apache-2.0
//! The packet filter of virtual addresses, in nf_tables: what is sent to an address that is held but not accepted is
//! dropped, and what VMACs would tell the segment of groups is told by their base interface.
//!
//! [`Filter`] knows what the kernel was told last and answers every wish with the [`Transaction`] that brings it there:
//! all of it happens or nothing. When one is refused, the next makes everything anew, so that nobody need know what went
//! wrong in between. [`Keeper`] does all that on a thread of its own.
//!
//! Tables, chains and sets bear the names keepalived gives them, so that what operators look at stays where it was.

mod keeper;
pub mod marks;
mod rules;
pub mod wire;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv6Addr};

use nix::sys::socket::SockProtocol;

use super::Family;
use super::netlink::{Refusal, Request, Socket};
pub use keeper::{Done, Keeper, Order, Wish};
use rules::Parts;
use wire::{ELEMENTS_MAX, Element, NAME_LEN, Table};

/// The kernel asks to try again when somebody else changed its tables meanwhile.
const COMMIT_TRIES: usize = 3;
const FAMILIES: [Family; 2] = [Family::V4, Family::V6];

/// How the tables are made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    pub table: String,
    /// Where among other filters this one acts.
    pub priority: i32,
    /// Every rule counts what it acts on.
    pub counters: bool,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings { table: "keepalived".to_owned(), priority: -1, counters: false }
    }
}

/// An address that is held and not accepted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unaccepted {
    /// On whatever interface a packet comes or goes.
    Anywhere(IpAddr),
    /// A link-local address: other links may have the same.
    On(Ipv6Addr, Place),
}

/// An interface, by its index or, where it may be replaced by another of the same name, by that.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    Index(u32),
    Name(String),
}

impl Unaccepted {
    /// `place` is where the address is held.
    pub fn new(address: IpAddr, place: Place) -> Unaccepted {
        match address {
            IpAddr::V6(address) if address.is_unicast_link_local() => Unaccepted::On(address, place),
            IpAddr::V4(_) | IpAddr::V6(_) => Unaccepted::Anywhere(address),
        }
    }

    fn family(&self) -> Family {
        match self {
            Unaccepted::Anywhere(address) => Family::of(*address),
            Unaccepted::On(..) => Family::V6,
        }
    }

    fn element(&self) -> (&'static str, Element) {
        let (set, key) = match self {
            Unaccepted::Anywhere(IpAddr::V4(address)) => (rules::VIPS, address.octets().to_vec()),
            Unaccepted::Anywhere(IpAddr::V6(address)) => (rules::VIPS, address.octets().to_vec()),
            Unaccepted::On(address, Place::Index(index)) => {
                (rules::VIPS_LINK_LOCAL, [&address.octets()[..], &index.to_ne_bytes()].concat())
            }
            Unaccepted::On(address, Place::Name(name)) => {
                (rules::VIPS_LINK_LOCAL_NAME, address_and_name(*address, name))
            }
        };
        (set, Element { key, end: None, data: None })
    }
}

/// A virtual MAC interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vmac {
    pub name: String,
    /// The interface beneath.
    pub base: u32,
    /// Which families speak on it.
    pub ipv4: bool,
    pub ipv6: bool,
    /// The link-local address it shares with the interface beneath.
    pub shared_link_local: Option<Ipv6Addr>,
}

fn address_and_name(address: Ipv6Addr, name: &str) -> Vec<u8> {
    let mut key = address.octets().to_vec();
    // The kernel's own names are shorter by the closing zero.
    key.extend(name.bytes().take(NAME_LEN - 1));
    key.resize(address.octets().len() + NAME_LEN, 0);
    key
}

/// The elements of the sets that change, by the name of their set.
type Elements = BTreeMap<&'static str, BTreeSet<Element>>;

/// Whether elements come or go.
#[derive(Clone, Copy, Debug)]
enum Way {
    In,
    Out,
}

/// One family's table, as wanted or as told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Content {
    parts: Parts,
    elements: Elements,
}

/// Removes what an earlier life left under these names, before anything is wanted. Waits for the kernel.
pub fn clear(settings: Settings) -> io::Result<()> {
    let mut socket = Socket::open(SockProtocol::NetlinkNetFilter)?;
    let filter = Filter::new(settings);
    for family in FAMILIES {
        // A kernel that knows nothing of a family has no table of it.
        let _ = filter.sweep(family).commit(&mut socket);
    }
    Ok(())
}

/// The tables of both families.
#[derive(Clone, Debug)]
pub struct Filter {
    settings: Settings,
    /// Who holds which addresses.
    held: BTreeMap<u32, BTreeSet<Unaccepted>>,
    vmacs: BTreeMap<u32, Vmac>,
    /// What the kernel was told last; `None` when nobody knows what it has.
    told: BTreeMap<Family, Option<Content>>,
}

impl Filter {
    /// Whatever the kernel has under these names from an earlier life goes with the first transaction.
    pub fn new(settings: Settings) -> Filter {
        Filter { settings, held: BTreeMap::new(), vmacs: BTreeMap::new(), told: BTreeMap::new() }
    }

    /// From now on these addresses, and no others, are held and not accepted by `holder`. An address goes when its last
    /// holder gave it up. To be committed before the addresses are added, and after they were removed.
    pub fn hold(&mut self, holder: u32, addresses: BTreeSet<Unaccepted>) -> Transaction {
        if addresses.is_empty() {
            self.held.remove(&holder);
        } else {
            self.held.insert(holder, addresses);
        }
        self.catch_up()
    }

    /// From now on these are the virtual MAC interfaces, by their index.
    pub fn keep_vmacs(&mut self, vmacs: BTreeMap<u32, Vmac>) -> Transaction {
        self.vmacs = vmacs;
        self.catch_up()
    }

    /// The transaction was refused, or somebody else changed the tables: the next one makes them anew.
    pub fn forget(&mut self) {
        self.told.values_mut().for_each(|told| *told = None);
    }

    /// Removes the tables. Wishes begin from nothing again.
    pub fn remove(&mut self) -> Transaction {
        let mut transaction = Transaction::default();
        for family in std::mem::take(&mut self.told).into_keys() {
            self.delete(family, &mut transaction);
        }
        self.held.clear();
        self.vmacs.clear();
        transaction
    }

    /// Removes the table of a family that an earlier life may have left behind.
    pub fn sweep(&self, family: Family) -> Transaction {
        let mut transaction = Transaction::default();
        self.delete(family, &mut transaction);
        transaction
    }

    fn catch_up(&mut self) -> Transaction {
        let mut transaction = Transaction::default();
        for family in FAMILIES {
            let mut wanted = self.wanted(family);
            match self.told.get(&family) {
                None if wanted.parts.is_none() => continue,
                Some(None) if wanted.parts.is_none() => {
                    self.delete(family, &mut transaction);
                    self.told.remove(&family);
                    continue;
                }
                Some(Some(told)) if told.parts.cover(wanted.parts) => {
                    // A part that is not needed any more stays, empty, until all goes.
                    wanted.parts = told.parts;
                    self.change(family, told, &wanted, &mut transaction);
                }
                None | Some(None | Some(_)) => self.make(family, &wanted, &mut transaction),
            }
            self.told.insert(family, Some(wanted));
        }
        transaction
    }

    fn wanted(&self, family: Family) -> Content {
        let mut content = Content::default();
        let mut add = |set: &'static str, element: Element| {
            content.elements.entry(set).or_default().insert(element);
        };
        for address in self.held.values().flatten().filter(|address| address.family() == family) {
            let (set, element) = address.element();
            content.parts.vips = true;
            add(set, element);
        }
        for (index, vmac) in &self.vmacs {
            let speaks = match family {
                Family::V4 => vmac.ipv4,
                Family::V6 => vmac.ipv6,
            };
            if !speaks {
                continue;
            }
            content.parts.vmacs = true;
            let key = index.to_ne_bytes().to_vec();
            let base = Some(vmac.base.to_ne_bytes().to_vec());
            add(rules::VMAC_MAP, Element { key: key.clone(), end: None, data: base });
            if family == Family::V6 {
                add(rules::VMAC_SET, Element { key, end: None, data: None });
                if let Some(address) = vmac.shared_link_local {
                    let key = address_and_name(address, &vmac.name);
                    add(rules::PARENT_LINK_LOCAL, Element { key, end: None, data: None });
                }
            }
        }
        content
    }

    fn table(&self, family: Family) -> Table<'_> {
        Table { family, name: &self.settings.table }
    }

    fn delete(&self, family: Family, transaction: &mut Transaction) {
        delete(self.table(family), transaction);
    }

    /// The whole table in place of the one that may be there.
    fn make(&self, family: Family, content: &Content, transaction: &mut Transaction) {
        self.delete(family, transaction);
        let table = self.table(family);
        transaction.push(table.create(), || named(table, "", ""));
        for (id, (set, constants)) in (1..).zip(rules::sets(family, content.parts)) {
            transaction.push(table.set(&set, id), || named(table, "set ", set.name));
            let constants: Vec<Element> =
                constants.iter().map(|one| Element { key: vec![*one], end: None, data: None }).collect();
            let changing = content.elements.get(set.name).into_iter().flatten().cloned();
            let elements: Vec<Element> = constants.into_iter().chain(changing).collect();
            self.elements(family, set.name, &elements, Way::In, transaction);
        }
        for (chain, hook) in rules::chains(family, content.parts) {
            let request = match hook {
                Some(hook) => table.base_chain(chain, hook, self.settings.priority),
                None => table.chain(chain),
            };
            transaction.push(request, || named(table, "chain ", chain));
        }
        for (number, (chain, expressions)) in (1..).zip(rules::rules(family, content.parts, self.settings.counters)) {
            transaction.push(table.rule(chain, &expressions), || {
                format!("rule {number} of {}, in chain {chain}", named(table, "", ""))
            });
        }
    }

    /// The elements that came and went.
    fn change(&self, family: Family, told: &Content, wanted: &Content, transaction: &mut Transaction) {
        let none = BTreeSet::new();
        let sets: BTreeSet<&'static str> = told.elements.keys().chain(wanted.elements.keys()).copied().collect();
        for set in sets {
            let before = told.elements.get(set).unwrap_or(&none);
            let after = wanted.elements.get(set).unwrap_or(&none);
            // What leads elsewhere from now on must go before it comes back.
            let gone: Vec<Element> = before.difference(after).cloned().collect();
            self.elements(family, set, &gone, Way::Out, transaction);
            let new: Vec<Element> = after.difference(before).cloned().collect();
            self.elements(family, set, &new, Way::In, transaction);
        }
    }

    fn elements(&self, family: Family, set: &str, elements: &[Element], way: Way, transaction: &mut Transaction) {
        let table = self.table(family);
        for chunk in elements.chunks(ELEMENTS_MAX) {
            let request = match way {
                Way::In => table.add(set, chunk),
                Way::Out => table.remove(set, chunk),
            };
            transaction
                .push(request, || format!("a change of {} elements of {}", chunk.len(), named(table, "set ", set)));
        }
    }
}

/// Makes it first, because there is no way to delete only what is there.
fn delete(table: Table<'_>, transaction: &mut Transaction) {
    transaction.push(table.create(), || named(table, "", ""));
    transaction.push(table.delete(), || format!("the removal of {}", named(table, "", "")));
}

fn named(table: Table<'_>, kind: &str, name: &str) -> String {
    let family = match table.family {
        Family::V4 => "ip",
        Family::V6 => "ip6",
    };
    let of = if name.is_empty() { "" } else { " of " };
    format!("{kind}{name}{of}table {family} {}", table.name)
}

/// Changes that happen all or not at all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transaction {
    requests: Vec<Request>,
    /// What each is about, in words.
    about: Vec<String>,
}

/// What was refused, so that nothing of a transaction was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    pub what: String,
    pub refusal: Refusal,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the kernel refused {}: {}", self.what, self.refusal)
    }
}

impl std::error::Error for Refused {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.refusal)
    }
}

impl Transaction {
    fn push(&mut self, request: Request, about: impl FnOnce() -> String) {
        self.requests.push(request);
        self.about.push(about());
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }

    /// As it is sent: opened, and closed.
    pub fn messages(&self) -> Vec<Request> {
        let mut messages = vec![wire::begin()];
        messages.extend(self.requests.iter().cloned());
        messages.push(wire::end());
        messages
    }

    /// Carries it out and waits. The socket is one of netfilter's.
    pub fn commit(&self, socket: &mut Socket) -> Result<(), Refused> {
        if self.is_empty() {
            return Ok(());
        }
        let messages = self.messages();
        let mut tries = 1;
        loop {
            match socket.transact(&messages) {
                Err(refused) if refused.refusal.errno == libc::EAGAIN && tries < COMMIT_TRIES => tries += 1,
                Err(refused) => {
                    // The message that opens stands for all of them.
                    let about = refused.place.checked_sub(1).and_then(|place| self.about.get(place));
                    let what = about.cloned().unwrap_or_else(|| "a change of the packet filter".to_owned());
                    return Err(Refused { what, refusal: refused.refusal });
                }
                Ok(()) => return Ok(()),
            }
        }
    }
}

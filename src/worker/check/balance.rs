// SPDX-License-Identifier: MIT OR Apache-2.0
//! From what is wanted of the kernel's table to the fewest changes that lead there. Pure: it keeps an image of what the
//! kernel has, compares, and says what to ask for.
//!
//! Only what the configuration names is ours. Services and destinations of others are left alone, also a destination
//! somebody put into a service of ours.

use std::collections::BTreeMap;
use std::fmt;

use crate::kernel::netlink::Refusal;
use crate::kernel::{Family, ipvs};
use crate::proto::health::{self, Content, Key, Method, Setup, Wanted};
use ipvs::{Change, DestinationKey, Entry, ServiceKey};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Balance {
    image: BTreeMap<ServiceKey, Known>,
}

/// A service the kernel has.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Known {
    /// `None`: it is there, and how it is made is not known.
    service: Option<ipvs::Service>,
    destinations: BTreeMap<DestinationKey, Place>,
    /// We made it, or were to make it.
    ours: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    /// `None`: it is there, and how it is made is not known.
    destination: Option<ipvs::Destination>,
    ours: bool,
}

/// How far the kernel's table was from what we had made of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Drift {
    pub(super) services_gone: usize,
    pub(super) services_changed: usize,
    pub(super) servers_gone: usize,
    pub(super) servers_changed: usize,
    first: Option<String>,
}

impl Balance {
    /// The kernel's table as it is. What of it the configuration names is ours from now on, whoever put it there: a
    /// former life of this daemon, in most cases.
    pub(super) fn adopt(&mut self, table: ipvs::Table, setup: &Setup) {
        let before = std::mem::take(&mut self.image);
        self.image = table.into_iter().map(|(key, entry)| (key, known(entry, before.get(&key)))).collect();
        for front in setup.fronts.values() {
            for key in front.keys.iter().map(|key| service_key(*key)) {
                let Some(known) = self.image.get_mut(&key) else { continue };
                known.ours = true;
                for place in configured(setup, front) {
                    if let Some(place) = known.destinations.get_mut(&place) {
                        place.ours = true;
                    }
                }
            }
        }
    }

    /// The changes that lead to what is wanted. The image counts them as done; see [`Balance::refused`].
    pub(super) fn changes(&mut self, wanted: &[Wanted]) -> Vec<Change> {
        let mut changes = Vec::new();
        for wanted in wanted {
            for key in wanted.keys.iter().map(|key| service_key(*key)) {
                match &wanted.content {
                    Some(content) => self.make(key, content, &mut changes),
                    None => {
                        if self.image.remove(&key).is_some() {
                            changes.push(Change::RemoveService(key));
                        }
                    }
                }
            }
        }
        changes
    }

    fn make(&mut self, key: ServiceKey, content: &Content, changes: &mut Vec<Change>) {
        let service = service(key, content);
        let known = self.image.entry(key).or_insert_with(|| {
            changes.push(Change::AddService(key, service.clone()));
            Known { service: Some(service.clone()), destinations: BTreeMap::new(), ours: true }
        });
        known.ours = true;
        if known.service.as_ref() != Some(&service) {
            changes.push(Change::SetService(key, service.clone()));
            known.service = Some(service);
        }
        let wanted: BTreeMap<DestinationKey, ipvs::Destination> =
            content.destinations.iter().map(destination).collect();
        // Whoever comes is there before others leave.
        for destination in &content.destinations {
            let (place, destination) = self::destination(destination);
            let before = known.destinations.insert(place, Place { destination: Some(destination), ours: true });
            match before {
                None => changes.push(Change::AddDestination(key, place, destination)),
                Some(Place { destination: before, .. }) if before != Some(destination) => {
                    changes.push(Change::SetDestination(key, place, destination));
                }
                Some(_) => {}
            }
        }
        known.destinations.retain(|place, found| {
            let leaves = found.ours && !wanted.contains_key(place);
            if leaves {
                changes.push(Change::RemoveDestination(key, *place));
            }
            !leaves
        });
    }

    /// Everything is gone.
    pub(super) fn flushed(&mut self) {
        self.image.clear();
    }

    /// What the kernel did not do: the next comparison asks for it again.
    pub(super) fn refused<'a>(&mut self, refused: impl IntoIterator<Item = (&'a Change, &'a Refusal)>) {
        for (change, _) in refused {
            match change {
                Change::AddService(key, _) => drop(self.image.remove(key)),
                Change::SetService(key, _) => {
                    if let Some(known) = self.image.get_mut(key) {
                        known.service = None;
                    }
                }
                Change::RemoveService(key) => {
                    let known = Known { service: None, destinations: BTreeMap::new(), ours: true };
                    self.image.entry(*key).or_insert(known);
                }
                Change::AddDestination(key, place, _) => {
                    if let Some(known) = self.image.get_mut(key) {
                        known.destinations.remove(place);
                    }
                }
                Change::SetDestination(key, place, _) | Change::RemoveDestination(key, place) => {
                    if let Some(known) = self.image.get_mut(key) {
                        known.destinations.insert(*place, Place { destination: None, ours: true });
                    }
                }
                Change::StartDaemon(_)
                | Change::StopDaemon(..)
                | Change::SetTimeouts(_)
                | Change::Flush
                | Change::Zero(_) => {}
            }
        }
    }

    /// Whether some service of ours is to be there.
    pub(super) fn is_in_charge(&self) -> bool {
        self.image.values().any(|known| known.ours)
    }

    /// Takes the kernel's table for what it is, and says how far what is ours was from it.
    pub(super) fn compare(&mut self, table: &ipvs::Table) -> Option<Drift> {
        let mut drift = Drift::default();
        for (key, known) in self.image.iter_mut().filter(|(_, known)| known.ours) {
            let entry = table.get(key);
            drift.service(*key, known.service.as_ref(), entry.map(|entry| &entry.service));
            let Some(entry) = entry else { continue };
            known.service = Some(entry.service.clone());
            for (place, found) in known.destinations.iter().filter(|(_, found)| found.ours) {
                drift.server(*key, *place, found.destination.as_ref(), entry.destinations.get(place));
            }
            let places = entry.destinations.iter().map(|(place, destination)| {
                let ours = known.destinations.get(place).is_some_and(|found| found.ours);
                (*place, Place { destination: Some(*destination), ours })
            });
            known.destinations = places.collect();
        }
        self.image.retain(|key, _| table.contains_key(key));
        drift.if_any()
    }

    /// The same of the services alone, which is a question of one message however many there are.
    pub(super) fn compare_services(&mut self, services: &BTreeMap<ServiceKey, ipvs::Service>) -> Option<Drift> {
        let mut drift = Drift::default();
        for (key, known) in self.image.iter_mut().filter(|(_, known)| known.ours) {
            drift.service(*key, known.service.as_ref(), services.get(key));
            known.service = services.get(key).cloned();
        }
        self.image.retain(|key, _| services.contains_key(key));
        drift.if_any()
    }
}

impl Drift {
    /// What was not known cannot have drifted.
    fn service(&mut self, key: ServiceKey, ours: Option<&ipvs::Service>, found: Option<&ipvs::Service>) {
        let (count, verb) = match (ours, found) {
            (_, None) => (&mut self.services_gone, "gone"),
            (Some(ours), Some(found)) if ours != found => (&mut self.services_changed, "changed"),
            (Some(_) | None, Some(_)) => return,
        };
        *count += 1;
        self.first.get_or_insert_with(|| format!("{key} {verb}"));
    }

    fn server(
        &mut self,
        key: ServiceKey,
        place: DestinationKey,
        ours: Option<&ipvs::Destination>,
        found: Option<&ipvs::Destination>,
    ) {
        let (count, verb) = match (ours, found) {
            (_, None) => (&mut self.servers_gone, "gone"),
            (Some(ours), Some(found)) if ours != found => (&mut self.servers_changed, "changed"),
            (Some(_) | None, Some(_)) => return,
        };
        *count += 1;
        self.first.get_or_insert_with(|| format!("{place} of {key} {verb}"));
    }

    fn if_any(self) -> Option<Drift> {
        (self != Drift::default()).then_some(self)
    }
}

impl fmt::Display for Drift {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Drift { services_gone, services_changed, servers_gone, servers_changed, first } = self;
        let counts = [
            (services_gone, "virtual", "gone"),
            (services_changed, "virtual", "changed"),
            (servers_gone, "real", "gone"),
            (servers_changed, "real", "changed"),
        ];
        let parts: Vec<String> = (counts.iter().filter(|(count, ..)| **count > 0))
            .map(|(count, kind, verb)| format!("{count} {kind} server{} {verb}", if **count == 1 { "" } else { "s" }))
            .collect();
        out.write_str(&parts.join(", "))?;
        match first {
            Some(first) => write!(out, " (the first: {first})"),
            None => Ok(()),
        }
    }
}

fn known(entry: Entry, before: Option<&Known>) -> Known {
    let was_ours =
        |place: &DestinationKey| before.and_then(|known| known.destinations.get(place)).is_some_and(|found| found.ours);
    let places = entry.destinations.into_iter();
    let places =
        places.map(|(place, found)| (place, Place { destination: Some(found), ours: was_ours(&place) })).collect();
    Known { service: Some(entry.service), destinations: places, ours: before.is_some_and(|known| known.ours) }
}

/// Every destination that may stand in a front, whether it serves or not.
fn configured<'a>(setup: &'a Setup, front: &'a health::FrontParams) -> impl Iterator<Item = DestinationKey> + 'a {
    let place = |address, method: Method, own| {
        let port = if method.translates_port() { own } else { front.port };
        DestinationKey { address, port }
    };
    let services = front.services.iter().filter_map(|id| setup.services.get(id));
    services.flat_map(move |service| {
        let servers = service.servers.iter().filter_map(|id| setup.servers.get(id));
        let servers = servers.map(move |server| place(server.address, server.method, server.port));
        let sorry = service.sorry.iter().map(move |sorry| place(sorry.address, sorry.method, sorry.port));
        servers.chain(sorry)
    })
}

pub(super) fn service_key(key: Key) -> ServiceKey {
    match key {
        Key::Address { protocol, ip, port } => ServiceKey::Address { protocol: protocol.number(), address: ip, port },
        Key::Fwmark { family, mark } => ServiceKey::Mark { family: family_of(family), mark },
    }
}

fn family_of(family: health::Family) -> Family {
    match family {
        health::Family::V4 => Family::V4,
        health::Family::V6 => Family::V6,
    }
}

fn service(key: ServiceKey, content: &Content) -> ipvs::Service {
    let spec = &content.spec;
    let persistence = spec.persistence.as_ref().map(|persistence| ipvs::Persistence {
        timeout: u32::try_from(persistence.timeout.as_secs()).unwrap_or(u32::MAX),
        granularity: granularity(key.family(), persistence),
        engine: persistence.engine.as_deref().map(str::to_owned),
    });
    ipvs::Service { scheduler: spec.scheduler.to_owned(), flags: spec.flags, persistence }
}

/// Each client for itself is what the kernel does anyway.
fn granularity(family: Family, persistence: &health::Persistence) -> Option<ipvs::Granularity> {
    match family {
        Family::V4 if u32::from(persistence.mask) == u32::MAX => None,
        Family::V4 => Some(ipvs::Granularity::Mask(persistence.mask)),
        Family::V6 if persistence.prefix == Family::V6.width() => None,
        Family::V6 => Some(ipvs::Granularity::Prefix(persistence.prefix)),
    }
}

fn destination(wanted: &health::Destination) -> (DestinationKey, ipvs::Destination) {
    let destination = ipvs::Destination {
        forwarding: forwarding(wanted.method),
        weight: wanted.weight,
        upper: wanted.thresholds.upper,
        lower: wanted.thresholds.lower,
    };
    (DestinationKey { address: wanted.address, port: wanted.port }, destination)
}

fn forwarding(method: Method) -> ipvs::Forwarding {
    match method {
        Method::Nat => ipvs::Forwarding::Nat,
        Method::Dr => ipvs::Forwarding::Direct,
        Method::Tunnel(tunnel) => ipvs::Forwarding::Tunnel(match tunnel {
            health::Tunnel::Ipip => ipvs::Tunnel::Ipip,
            health::Tunnel::Gue { port, checksum } => ipvs::Tunnel::Gue { port, checksum: checksum_of(checksum) },
            health::Tunnel::Gre { checksum } => ipvs::Tunnel::Gre { checksum: checksum_of(checksum) },
        }),
    }
}

fn checksum_of(checksum: health::Checksum) -> ipvs::Checksum {
    match checksum {
        health::Checksum::None => ipvs::Checksum::None,
        health::Checksum::Full => ipvs::Checksum::Full,
        health::Checksum::Remote => ipvs::Checksum::Remote,
    }
}

#[cfg(test)]
mod tests;

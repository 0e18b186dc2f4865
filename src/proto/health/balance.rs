// SPDX-License-Identifier: MIT OR Apache-2.0
//! From what is known of the servers to what the kernel's table should be.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::Engine;
use super::front::Front;
use super::params::FrontParams;
use super::server::Service;
use super::table::{Content, Destination, Key, Method, Thresholds, Wanted, Whose};
use super::types::{FrontId, ServiceId};

/// The weight of a sorry server while it serves.
pub const SORRY_WEIGHT: u32 = 1;

impl Engine {
    /// What is wanted of a front: its content, and that what it no longer has is gone.
    pub(super) fn wanted(&self, id: FrontId, front: &Front, into: &mut Vec<Wanted>) {
        if let Some(params) = &front.params {
            let content = Content { spec: params.spec.clone(), destinations: self.destinations(params) };
            into.push(Wanted { front: id, keys: params.keys.clone(), content: Some(content) });
        }
        if !front.leaving.is_empty() {
            let keys: Arc<[Key]> = front.leaving.iter().copied().collect();
            into.push(Wanted { front: id, keys, content: None });
        }
    }

    fn destinations(&self, front: &FrontParams) -> Vec<Destination> {
        let mut list = List::default();
        for id in &front.services {
            if let Some(service) = self.services.get(id) {
                self.of_service(*id, service, front.port, &mut list);
                list.end_service();
            }
        }
        list.finish()
    }

    fn of_service(&self, id: ServiceId, service: &Service, port: u16, list: &mut List) {
        for server_id in &service.params.servers {
            let Some(server) = self.servers.get(server_id) else { continue };
            let params = &server.params;
            let serves = server.up && !service.sorry;
            let to = Destination {
                whose: Whose::Real(*server_id),
                address: params.address,
                port: port_of(params.method, params.port, port),
                weight: if serves { server.weight } else { 0 },
                method: params.method,
                thresholds: params.thresholds,
            };
            // Connections that a drained server has may end, whoever serves new ones.
            let drains = server.up && server.wish.is_some_and(|wish| wish.drain);
            list.add(to, serves || drains || params.inhibit);
        }
        if let Some(sorry) = &service.params.sorry {
            let to = Destination {
                whose: Whose::Sorry(id),
                address: sorry.address,
                port: port_of(sorry.method, sorry.port, port),
                weight: if service.sorry { SORRY_WEIGHT } else { 0 },
                method: sorry.method,
                thresholds: Thresholds::default(),
            };
            list.add(to, service.sorry || sorry.inhibit);
        }
    }
}

/// Packets keep the port they came to unless addresses are translated.
fn port_of(method: Method, own: u16, front: u16) -> u16 {
    if method.translates_port() { own } else { front }
}

/// Destinations in order. The kernel knows one by its address and port, so what is said of it twice must be brought
/// together. Within a virtual server (a sorry server that is a real server too) what serves more counts. Between virtual
/// servers behind one front, what serves less: packets of all of them go there, and one has found that they do not
/// arrive.
#[derive(Default)]
struct List {
    entries: Vec<Entry>,
    known: BTreeMap<(IpAddr, u16), usize>,
    /// What the virtual server says that is being read. All it says is known before it is compared with the others.
    said: Vec<Entry>,
    said_of: BTreeMap<(IpAddr, u16), usize>,
}

struct Entry {
    to: Destination,
    there: bool,
}

impl Entry {
    /// How much it serves.
    fn serves(&self) -> (bool, u32) {
        (self.there, self.to.weight)
    }
}

impl List {
    fn add(&mut self, to: Destination, there: bool) {
        let entry = Entry { to, there };
        let at = *self.said_of.entry((to.address, to.port)).or_insert(self.said.len());
        match self.said.get_mut(at) {
            Some(known) if entry.serves() > known.serves() => *known = entry,
            Some(_) => {}
            None => self.said.push(entry),
        }
    }

    fn end_service(&mut self) {
        self.said_of.clear();
        for entry in self.said.drain(..) {
            let at = *self.known.entry((entry.to.address, entry.to.port)).or_insert(self.entries.len());
            let Some(known) = self.entries.get_mut(at) else {
                self.entries.push(entry);
                continue;
            };
            let both_real = [&known.to.whose, &entry.to.whose].iter().all(|whose| matches!(whose, Whose::Real(_)));
            let counts = if both_real { entry.serves() < known.serves() } else { entry.serves() > known.serves() };
            if counts {
                *known = entry;
            }
        }
    }

    fn finish(self) -> Vec<Destination> {
        self.entries.into_iter().filter(|entry| entry.there).map(|entry| entry.to).collect()
    }
}

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
                list.next_service();
                self.of_service(*id, service, front.port, &mut list);
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
    service: usize,
}

struct Entry {
    to: Destination,
    there: bool,
    /// Which of the virtual servers said so last.
    service: usize,
}

impl List {
    fn next_service(&mut self) {
        self.service += 1;
    }

    fn add(&mut self, to: Destination, there: bool) {
        let next = self.entries.len();
        let at = *self.known.entry((to.address, to.port)).or_insert(next);
        let Some(known) = self.entries.get_mut(at) else {
            self.entries.push(Entry { to, there, service: self.service });
            return;
        };
        let of_another = known.service != self.service;
        let both_real = [known.to.whose, to.whose].iter().all(|whose| matches!(whose, Whose::Real(_)));
        let more = (there, to.weight) > (known.there, known.to.weight);
        let less = (there, to.weight) < (known.there, known.to.weight);
        let replaces = if of_another && both_real { less } else { more };
        if replaces {
            known.to = to;
            known.there = there;
        }
        known.service = self.service;
    }

    fn finish(self) -> Vec<Destination> {
        self.entries.into_iter().filter(|entry| entry.there).map(|entry| entry.to).collect()
    }
}

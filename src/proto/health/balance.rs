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
            }
        }
        list.destinations
    }

    fn of_service(&self, id: ServiceId, service: &Service, port: u16, list: &mut List) {
        for server_id in &service.params.servers {
            let Some(server) = self.servers.get(server_id) else { continue };
            let params = &server.params;
            let serves = server.up && !service.sorry;
            if !serves && !params.inhibit {
                continue;
            }
            list.add(Destination {
                whose: Whose::Real(*server_id),
                address: params.address,
                port: port_of(params.method, params.port, port),
                weight: if serves { server.weight } else { 0 },
                method: params.method,
                thresholds: params.thresholds,
            });
        }
        if let Some(sorry) = &service.params.sorry
            && (service.sorry || sorry.inhibit)
        {
            list.add(Destination {
                whose: Whose::Sorry(id),
                address: sorry.address,
                port: port_of(sorry.method, sorry.port, port),
                weight: if service.sorry { SORRY_WEIGHT } else { 0 },
                method: sorry.method,
                thresholds: Thresholds::default(),
            });
        }
    }
}

/// Packets keep the port they came to unless addresses are translated.
fn port_of(method: Method, own: u16, front: u16) -> u16 {
    if method.translates_port() { own } else { front }
}

/// Destinations in order. The kernel knows one by address and port: of two, the one that serves more counts, and the
/// earlier one of equals.
#[derive(Default)]
struct List {
    destinations: Vec<Destination>,
    known: BTreeMap<(IpAddr, u16), usize>,
}

impl List {
    fn add(&mut self, destination: Destination) {
        let next = self.destinations.len();
        let at = *self.known.entry((destination.address, destination.port)).or_insert(next);
        match self.destinations.get_mut(at) {
            None => self.destinations.push(destination),
            Some(known) if known.weight < destination.weight => *known = destination,
            Some(_) => {}
        }
    }
}

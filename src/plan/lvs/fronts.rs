// SPDX-License-Identifier: MIT OR Apache-2.0
//! From what virtual servers balance to the kernel's services: groups opened, equal ones brought together.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use keepalived_conf::Config;
use keepalived_conf::blocks::lvs::group::{Group, Member};
use keepalived_conf::blocks::lvs::server_address::VirtualAddress;
use keepalived_conf::blocks::lvs::virtual_server::{Granularity, VirtualServer};
use keepalived_conf::family::Family as WrittenFamily;

use super::numbers::{FrontKey, Numbering};
use super::{Mark, Marks};
use crate::proto::health::{Family, FrontId, FrontParams, Key, Persistence, Protocol, ServiceId, Spec};

/// Who stands behind each service of the kernel.
pub(super) struct Fronts<'c> {
    config: &'c Config,
    /// The first of each name.
    groups: BTreeMap<&'c str, &'c Group>,
    /// Marks that stand in the configuration.
    written: BTreeSet<u32>,
    /// In the order of the configuration.
    order: Vec<Key>,
    users: BTreeMap<Key, Vec<ServiceId>>,
    specs: BTreeMap<ServiceId, Arc<Spec>>,
    /// Virtual servers that follow each other are mostly balanced alike.
    last: Option<Arc<Spec>>,
    elements: Vec<Mark>,
}

impl<'c> Fronts<'c> {
    pub(super) fn new(config: &'c Config) -> Fronts<'c> {
        let groups = config.lvs.groups.iter().rev().map(|group| (group.name.as_str(), group));
        Fronts {
            config,
            groups: groups.collect(),
            written: written_marks(config).collect(),
            order: Vec::new(),
            users: BTreeMap::new(),
            specs: BTreeMap::new(),
            last: None,
            elements: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, id: ServiceId, server: &VirtualServer, numbers: &mut Numbering<'_>) {
        let spec = spec(server);
        let known = self.last.take().filter(|last| **last == spec).unwrap_or_else(|| Arc::new(spec));
        self.specs.insert(id, known.clone());
        self.last = Some(known);
        let protocol = server.protocol.map(protocol_of);
        match &server.address {
            VirtualAddress::Address { ip, port } => {
                if let Some(protocol) = protocol {
                    self.key(Key::Address { protocol, ip: *ip, port: *port }, id);
                }
            }
            VirtualAddress::Fwmark(mark) => {
                let family = server.family.map_or(Family::V4, family_of);
                self.key(Key::Fwmark { family, mark: *mark }, id);
            }
            VirtualAddress::Group(name) => {
                if let Some(group) = self.groups.get(name.text.as_str()) {
                    self.group(id, server, group, numbers);
                }
            }
        }
    }

    /// The addresses whose presence a virtual server with `ha_suspend` waits for.
    pub(super) fn follows(&self, server: &VirtualServer) -> Option<Arc<[(IpAddr, IpAddr)]>> {
        if !server.ha_suspend {
            return None;
        }
        match &server.address {
            VirtualAddress::Address { ip, .. } => Some(Arc::from([(*ip, *ip)])),
            VirtualAddress::Fwmark(_) => None,
            VirtualAddress::Group(name) => {
                let members = self.groups.get(name.text.as_str()).into_iter().flat_map(|group| &group.members);
                let ranges = members.filter_map(|member| match member {
                    Member::Addresses { first, last, .. } => Some((*first, *last)),
                    Member::Fwmark { .. } => None,
                });
                Some(ranges.collect())
            }
        }
    }

    /// Addresses first, then marks.
    fn group(&mut self, id: ServiceId, server: &VirtualServer, group: &Group, numbers: &mut Numbering<'_>) {
        let protocol = server.protocol.map(protocol_of);
        let only_addresses = group.members.iter().all(|member| matches!(member, Member::Addresses { .. }));
        if let Some(protocol) = protocol.filter(|_| only_addresses && self.config.global.lvs.marks.is_some()) {
            self.marked(id, protocol, group, numbers);
            return;
        }
        for member in &group.members {
            if let (Member::Addresses { port, .. }, Some(protocol)) = (member, protocol) {
                for ip in member.addresses() {
                    self.key(Key::Address { protocol, ip, port: *port }, id);
                }
            }
        }
        for member in &group.members {
            if let Member::Fwmark { mark, family, .. } = member {
                let family = family.or(*server.family).map_or(Family::V4, family_of);
                self.key(Key::Fwmark { family, mark: *mark }, id);
            }
        }
    }

    /// `nftables_ipvs`: one mark for all addresses.
    fn marked(&mut self, id: ServiceId, protocol: Protocol, group: &Group, numbers: &mut Numbering<'_>) {
        let first = *self.config.global.lvs.first_mark;
        let mark = numbers.mark(&group.name, protocol, first, &self.written);
        let mut families = BTreeSet::new();
        for member in &group.members {
            let Member::Addresses { first, last, port, .. } = member else { continue };
            families.insert(Family::of(*first));
            let element = Mark { protocol, first: *first, last: *last, port: *port, mark };
            if !self.elements.contains(&element) {
                self.elements.push(element);
            }
        }
        for family in families {
            self.key(Key::Fwmark { family, mark }, id);
        }
    }

    fn key(&mut self, key: Key, id: ServiceId) {
        let users = self.users.entry(key).or_insert_with(|| {
            self.order.push(key);
            Vec::new()
        });
        if !users.contains(&id) {
            users.push(id);
        }
    }

    pub(super) fn marks(&mut self) -> Option<Marks> {
        let global = &self.config.global;
        Some(Marks {
            table: global.lvs.marks.as_ref()?.table.clone(),
            priority: *global.lvs.marks_priority,
            counters: global.filter.counters,
            elements: std::mem::take(&mut self.elements),
        })
    }

    /// Brings together what always has the same content. Of several virtual servers of one service the first says how
    /// it balances.
    pub(super) fn finish(self, numbers: &mut Numbering<'_>) -> BTreeMap<FrontId, FrontParams> {
        let mut keys: BTreeMap<FrontKey, Vec<Key>> = BTreeMap::new();
        for key in self.order {
            let services = self.users.get(&key).cloned().unwrap_or_default();
            let (port, marks) = match key {
                Key::Address { port, .. } => (port, false),
                Key::Fwmark { .. } => (0, true),
            };
            keys.entry(FrontKey { services, port, marks }).or_default().push(key);
        }
        let mut fronts = BTreeMap::new();
        for (front, keys) in keys {
            let Some(spec) = front.services.first().and_then(|first| self.specs.get(first)).cloned() else { continue };
            let (services, port) = (front.services.clone(), front.port);
            fronts.insert(numbers.front(front), FrontParams { keys: keys.into(), spec, port, services });
        }
        fronts
    }
}

/// Marks that stand in the configuration.
fn written_marks(config: &Config) -> impl Iterator<Item = u32> + '_ {
    let of_servers = config.lvs.servers.iter().filter_map(|server| match server.address {
        VirtualAddress::Fwmark(mark) => Some(mark),
        VirtualAddress::Address { .. } | VirtualAddress::Group(_) => None,
    });
    let of_groups = config.lvs.groups.iter().flat_map(|group| &group.members).filter_map(|member| match member {
        Member::Fwmark { mark, .. } => Some(*mark),
        Member::Addresses { .. } => None,
    });
    of_servers.chain(of_groups)
}

fn spec(server: &VirtualServer) -> Spec {
    let (mask, prefix) = match server.persistence_granularity {
        Some(Granularity::Mask(mask)) => (mask, 128),
        Some(Granularity::Prefix(prefix)) => (Ipv4Addr::BROADCAST, prefix),
        None => (Ipv4Addr::BROADCAST, 128),
    };
    let persistence = server.persistence_timeout.map(|timeout| Persistence {
        timeout,
        mask,
        prefix,
        engine: server.persistence_engine.as_deref().filter(|name| !name.is_empty()).map(Arc::from),
    });
    Spec { scheduler: server.scheduler.name(), flags: server.flags.bits(), persistence }
}

pub(super) fn family_of(family: WrittenFamily) -> Family {
    match family {
        WrittenFamily::V4 => Family::V4,
        WrittenFamily::V6 => Family::V6,
    }
}

pub(super) fn protocol_of(protocol: keepalived_conf::blocks::lvs::scheduler::Protocol) -> Protocol {
    use keepalived_conf::blocks::lvs::scheduler::Protocol as Written;
    match protocol {
        Written::Tcp => Protocol::Tcp,
        Written::Udp => Protocol::Udp,
        Written::Sctp => Protocol::Sctp,
    }
}

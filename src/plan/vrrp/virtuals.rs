// SPDX-License-Identifier: MIT OR Apache-2.0
//! Virtual interfaces: which are made for instances and for single addresses, and what they are called.

use std::collections::{BTreeMap, BTreeSet};

use keepalived_conf::Config;
use keepalived_conf::blocks::vrrp::instance::{Ipvlan, IpvlanMode as WrittenMode, Vmac, VrrpInstance};

use super::{AddressVmac, IpvlanMode, Over, OverKind, Port, VrrpPlan, instance};
use crate::proto::vrrp::{Family, InstanceId};

impl VrrpPlan {
    /// Gives a virtual interface without a name one that is free.
    pub(super) fn named(&self, config: &Config, instance: &VrrpInstance, mut port: Port) -> Port {
        let kind = port.over.as_ref().map(|over| over.kind);
        let same = self.ports.values().find(|other| {
            other.family == port.family
                && other.interface == port.interface
                && other.over.as_ref().map(|over| over.kind) == kind
        });
        let family = port.family;
        if let Some(over) = port.over.as_mut().filter(|over| over.name.is_empty()) {
            let shared = same.and_then(|same| same.over.as_ref()).map(|over| over.name.clone());
            over.name = shared
                .or_else(|| self.free_name(&config.global.vrrp.vmac_prefix, family, instance))
                .unwrap_or_default();
        }
        port
    }

    fn free_name(&self, prefix: &str, family: Family, instance: &VrrpInstance) -> Option<String> {
        let is_free = |name: &String| self.virtuals().all(|(_, _, over)| over.name != *name);
        candidates(prefix, family, instance.virtual_router_id.unwrap_or(0)).find(is_free)
    }

    /// The name of the virtual MAC an address of this family has on that interface: one for the virtual router id.
    pub(super) fn address_vmac(
        &mut self,
        config: &Config,
        instance: &VrrpInstance,
        base: &str,
        family: Family,
    ) -> Option<String> {
        let kind = OverKind::Vmac(virtual_mac(family, instance.virtual_router_id.unwrap_or(0)));
        let shared = self.virtuals().find(|(on, _, over)| *on == base && over.kind == kind);
        if let Some((_, _, over)) = shared {
            return Some(over.name.clone());
        }
        let name = self.free_name(&config.global.vrrp.vmac_addr_prefix, family, instance)?;
        let over = Over {
            name: name.clone(),
            kind,
            transmit_base: false,
            group: None,
            ipv6: family == Family::V6,
            link_local: None,
        };
        self.address_vmacs.push(AddressVmac { base: base.to_owned(), family, over });
        Some(name)
    }

    /// Instances that may have different masters cannot have addresses with one MAC: the later one does not take part.
    pub(super) fn part_strangers(&mut self) {
        let vmacs: BTreeSet<&str> = self.virtuals().map(|(_, _, over)| over.name.as_str()).collect();
        let mut users: BTreeMap<&str, BTreeSet<InstanceId>> = BTreeMap::new();
        for (id, params) in &self.setup.instances {
            let links = params.holdings.every_address().filter_map(|held| self.links.get(&held.link?));
            for name in links.map(String::as_str).filter(|name| vmacs.contains(name)) {
                users.entry(name).or_default().insert(*id);
            }
        }
        for (name, users) in &mut users {
            let owners = self.setup.instances.iter().filter(|(_, params)| {
                let over = self.ports.get(&params.port).and_then(|port| port.over.as_ref());
                over.is_some_and(|over| over.name == *name)
            });
            users.extend(owners.map(|(id, _)| *id));
        }
        let together = |one: InstanceId, other: InstanceId| {
            one == other
                || self.setup.groups.values().any(|group| [one, other].iter().all(|id| group.members.contains(id)))
        };
        let mut parted = BTreeMap::new();
        for (name, users) in users {
            let Some(first) = users.first().copied() else { continue };
            for later in users.into_iter().filter(|later| !together(first, *later)) {
                parted.insert(later, (first, name.to_owned()));
            }
        }
        for (later, (first, name)) in parted {
            let of = |id| self.instances.get(&id).map_or("?", String::as_str);
            self.troubles.push(format!(
                "({}) has the virtual MAC of addresses of {} ({name}) and is in no sync group with it; the instance stays in \
                 FAULT",
                of(later),
                of(first)
            ));
            if let Some(params) = self.setup.instances.get_mut(&later) {
                params.broken = true;
            }
        }
    }
}

/// An interface with the virtual router's own MAC address, or the one that is configured.
pub(super) fn vmac_over(instance: &VrrpInstance, vmac: &Vmac, family: Family, vrid: u8) -> Over {
    let octets = vmac.mac.as_ref().map_or(virtual_mac(family, vrid), |mac| {
        let [a, b, c, d, e, f] = mac.octets;
        [a, b, c, d, e, if mac.ends_in_vrid { vrid } else { f }]
    });
    Over {
        name: vmac.name.as_ref().map(|name| name.text.clone()).unwrap_or_default(),
        kind: OverKind::Vmac(octets),
        transmit_base: instance.vmac_xmit_base,
        group: vmac.group,
        ipv6: speaks_ipv6(instance),
        link_local: None,
    }
}

/// RFC 9568 section 7.3.
fn virtual_mac(family: Family, vrid: u8) -> [u8; 6] {
    let fifth = match family {
        Family::V4 => 1,
        Family::V6 => 2,
    };
    [0x00, 0x00, 0x5e, 0x00, fifth, vrid]
}

pub(super) fn ipvlan_over(instance: &VrrpInstance, ipvlan: &Ipvlan) -> Over {
    let mode = match ipvlan.mode {
        WrittenMode::Bridge => IpvlanMode::Bridge,
        WrittenMode::Private => IpvlanMode::Private,
        WrittenMode::Vepa => IpvlanMode::Vepa,
    };
    Over {
        name: ipvlan.name.as_ref().map(|name| name.text.clone()).unwrap_or_default(),
        kind: OverKind::Ipvlan { mode, address: ipvlan.address },
        transmit_base: instance.vmac_xmit_base,
        group: ipvlan.group,
        ipv6: speaks_ipv6(instance),
        link_local: None,
    }
}

/// The names a virtual interface without one may get, best first: the prefix, a dot and the virtual router id; when that
/// is taken, a number after the prefix, 6 first for IPv6.
fn candidates(prefix: &str, family: Family, vrid: u8) -> impl Iterator<Item = String> {
    let numbers: Vec<u8> = match family {
        Family::V4 => (1..=u8::MAX).collect(),
        Family::V6 => std::iter::once(6).chain((1..=u8::MAX).filter(|number| *number != 6)).collect(),
    };
    let prefix = prefix.to_owned();
    std::iter::once(format!("{prefix}.{vrid}"))
        .chain(numbers.into_iter().map(move |number| format!("{prefix}{number}.{vrid}")))
}

fn speaks_ipv6(instance: &VrrpInstance) -> bool {
    instance::family_of(*instance.family) == Family::V6
        || instance.addresses().any(|address| address.ip.is_ipv6() && address.dev.is_none())
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! What may be there only once: virtual routers on a segment, names of VMACs, addresses.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::broken;
use crate::blocks::Config;
use crate::blocks::vrrp::VrrpInstance;
use crate::blocks::vrrp::instance::Fault;
use crate::diagnostic::{Code, Diagnostic};
use crate::span::Span;
use crate::value::Cx;

pub const SAME_VIRTUAL_ROUTER: Code = Code::new("KC196", "two instances are one virtual router");
pub const SAME_VMAC_NAME: Code = Code::new("KC197", "two VMACs of one name");
pub const SAME_ADDRESS: Code = Code::new("KC198", "one address in two instances");

pub(super) fn resolve(config: &mut Config, cx: &mut Cx<'_>) {
    virtual_routers(config, cx);
    vmac_names(config, cx);
    addresses(config, cx);
}

/// Whether a router could not tell the adverts of the two apart.
fn same_virtual_router(one: &VrrpInstance, other: &VrrpInstance) -> bool {
    let same_place = one.virtual_router_id.is_some()
        && one.virtual_router_id == other.virtual_router_id
        && *one.family == *other.family
        && one.interface == other.interface
        && one.vrf == other.vrf;
    let same_reach = match (one.unicast.in_use(), other.unicast.in_use()) {
        (false, false) => *one.mcast_dst_ip == *other.mcast_dst_ip,
        (true, true) => {
            let peers = &other.unicast.peers;
            one.unicast.peers.iter().any(|peer| peers.iter().any(|known| known.ip == peer.ip))
        }
        (true, false) | (false, true) => false,
    };
    same_place && same_reach
}

fn virtual_routers(config: &mut Config, cx: &mut Cx<'_>) {
    let instances = &mut config.vrrp.instances;
    let mut by_vrid: BTreeMap<u8, Vec<usize>> = BTreeMap::new();
    for index in 0..instances.len() {
        let (before, rest) = instances.split_at_mut(index);
        let Some(instance) = rest.first_mut() else { continue };
        let Some(vrid) = instance.virtual_router_id else { continue };
        let earlier = by_vrid.entry(vrid).or_default();
        let clash =
            earlier.iter().filter_map(|index| before.get(*index)).find(|other| same_virtual_router(instance, other));
        if let Some(other) = clash {
            let message = format!(
                "`{}` and `{}` are both virtual router {vrid} of {} on {}",
                other.name,
                instance.name,
                *instance.family,
                instance.interface.as_ref().map_or("no interface", |name| name.text.as_str())
            );
            let finding = Diagnostic::error(SAME_VIRTUAL_ROUTER, message)
                .at(instance.seen.span_or_head("virtual_router_id"), "the instance cannot run")
                .at(other.seen.span_or_head("virtual_router_id"), "taken here")
                .hint("give one of them another `virtual_router_id`, on all routers");
            broken(instance, Fault::SameVirtualRouter, finding, cx);
        }
        earlier.push(index);
    }
}

fn vmac_names(config: &mut Config, cx: &mut Cx<'_>) {
    let mut taken: BTreeMap<String, Span> = BTreeMap::new();
    for instance in &mut config.vrrp.instances {
        let of_vmac = instance.vmac.as_mut().map(|vmac| &mut vmac.name);
        let of_ipvlan = instance.ipvlan.as_mut().map(|ipvlan| &mut ipvlan.name);
        for place in of_vmac.into_iter().chain(of_ipvlan) {
            let Some(name) = place.clone() else { continue };
            let Some(first) = taken.get(&name.text) else {
                taken.insert(name.text.clone(), name.span());
                continue;
            };
            let finding =
                Diagnostic::error(SAME_VMAC_NAME, format!("another instance has an interface `{}`", name.text))
                    .at(name.span(), "a name is made up")
                    .at(*first, "taken here");
            cx.diagnostics.push(finding);
            *place = None;
        }
    }
}

/// One address that two instances hold moves twice, or is taken away by one while the other still has it.
fn addresses(config: &Config, cx: &mut Cx<'_>) {
    let mut first: BTreeMap<IpAddr, (&str, Span)> = BTreeMap::new();
    for instance in &config.vrrp.instances {
        for address in instance.addresses() {
            let here = (instance.name.as_str(), address.place.0);
            let (other, place) = *first.entry(address.ip).or_insert(here);
            if other == instance.name {
                continue;
            }
            let message = format!("{} is an address of `{other}` and of `{}`", address.ip, instance.name);
            let finding = Diagnostic::lint(SAME_ADDRESS, message)
                .at(address.place.0, "here")
                .at(place, "and here")
                .note("an instance that leaves takes the address away, though the other still holds it");
            cx.diagnostics.push(finding);
        }
    }
}

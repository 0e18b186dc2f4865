// SPDX-License-Identifier: MIT OR Apache-2.0
//! Nodes that are to work together: which instances belong together, and what is on one node only.

use std::collections::{BTreeMap, BTreeSet};

use super::{ALONE, DIFFERENT_GROUPS, DIFFERENT_ROUTER, pair};
use crate::blocks::Config;
use crate::blocks::vrrp::VrrpInstance;
use crate::diagnostic::{Diagnostic, Severity};
use crate::family::Family;

/// Findings with the node each points at.
pub(super) type Found = Vec<(usize, Diagnostic)>;

pub(super) fn lint(nodes: &[&Config]) -> Found {
    let mut found = Found::new();
    for (first, one) in nodes.iter().enumerate() {
        for (second, other) in nodes.iter().enumerate().skip(first + 1) {
            for instance in &other.vrrp.instances {
                match partner(instance, one) {
                    Partner::Same(partner) => {
                        let context = pair::Context { first, second };
                        pair::lint(&context, partner, instance, &mut found);
                    }
                    Partner::Stranger(stranger) => found.push((second, different_router(first, stranger, instance))),
                    Partner::None => {}
                }
            }
            groups(first, one, second, other, &mut found);
        }
    }
    alone(nodes, &mut found);
    found
}

enum Partner<'n> {
    /// The same virtual router.
    Same(&'n VrrpInstance),
    /// The same number on an interface of the same name, with nothing else in common.
    Stranger(&'n VrrpInstance),
    None,
}

/// The number and the family make a virtual router; its addresses or its name tell it from one of another segment.
fn partner<'n>(instance: &VrrpInstance, node: &'n Config) -> Partner<'n> {
    let mut stranger = Partner::None;
    for other in &node.vrrp.instances {
        let same_number = other.virtual_router_id.is_some()
            && other.virtual_router_id == instance.virtual_router_id
            && *other.family == *instance.family;
        if !same_number {
            continue;
        }
        let shares_address = instance.addresses().any(|address| other.addresses().any(|held| held.ip == address.ip));
        if other.name == instance.name || shares_address {
            return Partner::Same(other);
        }
        let multicast = !other.unicast.in_use() && !instance.unicast.in_use();
        if multicast && other.interface.is_some() && other.interface == instance.interface {
            stranger = Partner::Stranger(other);
        }
    }
    stranger
}

/// How a node is called: files are counted as they were given.
pub(super) fn node(index: usize) -> String {
    format!("file {}", index + 1)
}

fn different_router(first: usize, stranger: &VrrpInstance, instance: &VrrpInstance) -> Diagnostic {
    let message = format!(
        "`{}` has the virtual router id of `{}` in {} and nothing else in common with it",
        instance.name,
        stranger.name,
        node(first)
    );
    Diagnostic::lint(DIFFERENT_ROUTER, message)
        .at(instance.seen.span_or_head("virtual_router_id"), "")
        .note("on one segment they take each other for the other router: one of them never becomes master")
        .hint("give every virtual router of a segment its own number")
}

/// Groups of one name have the same members.
fn groups(first: usize, one: &Config, second: usize, other: &Config, found: &mut Found) {
    for group in &other.vrrp.sync_groups {
        let Some(twin) = one.vrrp.sync_groups.named(&group.name) else { continue };
        let numbers = |config: &Config, group: &crate::blocks::vrrp::SyncGroup| -> BTreeSet<(Option<u8>, Family)> {
            let members = group.group.iter().filter_map(|name| config.vrrp.instance(name));
            members.map(|instance| (instance.virtual_router_id, *instance.family)).collect()
        };
        if numbers(one, twin) == numbers(other, group) {
            continue;
        }
        let message = format!("sync group `{}` has other members in {}", group.name, node(first));
        let finding = Diagnostic::lint(DIFFERENT_GROUPS, message)
            .at(group.seen.span_or_head("group"), "")
            .note("one router moves instances together that the other moves apart")
            .hint("list the same virtual routers on all nodes");
        found.push((second, finding));
    }
}

/// Instances of one virtual router with the file each is in.
type Places<'n> = Vec<(usize, &'n VrrpInstance)>;

/// A virtual router without a second router is no redundancy.
fn alone(nodes: &[&Config], found: &mut Found) {
    if nodes.len() < 2 {
        return;
    }
    let mut places: BTreeMap<(Option<u8>, Family), Places<'_>> = BTreeMap::new();
    for (index, config) in nodes.iter().enumerate() {
        for instance in &config.vrrp.instances {
            places.entry((instance.virtual_router_id, *instance.family)).or_default().push((index, instance));
        }
    }
    for list in places.values() {
        let on: BTreeSet<usize> = list.iter().map(|(index, _)| *index).collect();
        let (Some((index, instance)), 1) = (list.first(), on.len()) else { continue };
        let finding = Diagnostic::lint(ALONE, format!("`{}` is in no other file", instance.name))
            .severity(Severity::Note)
            .at(instance.seen.span_or_head("virtual_router_id"), "nobody takes over")
            .hint("add an instance of this number to another node");
        found.push((*index, finding));
    }
}

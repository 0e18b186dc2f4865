// SPDX-License-Identifier: MIT OR Apache-2.0
//! Configurations of several nodes, put together: which ports share a segment, and which addresses the nodes have.
//!
//! A configuration says little about the network around it. Ports are on one segment when their interfaces have the
//! same name or carry the same virtual router; what a node's own addresses are is taken from its configuration, from
//! the peers' lists, or made up.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use super::layout::Layout;
use super::net::Segment;
use super::node::{NodePlan, PortPlan, TrackPlan};
use super::parts;
use crate::plan::vrrp::{Told, TrackSource, VrrpPlan};
use crate::proto::track::{Reading, TrackParams};
use crate::proto::vrrp::{Family, Params, PortId, Reach, TrackId};

/// More nodes than this are not simulated together.
pub const NODES_MAX: usize = 16;

/// Nodes by name, each with what its configuration comes to.
pub fn layout(nodes: &[(String, VrrpPlan)]) -> Layout {
    let segments = Segments::of(nodes);
    let known = Known::of(nodes);
    let plans = nodes.iter().enumerate().map(|(at, (name, plan))| node(at, name, plan, &segments, &known));
    Layout { stagger: Duration::from_secs(1), ..Layout::of(plans.collect(), segments.names) }
}

fn node(at: usize, name: &str, plan: &VrrpPlan, segments: &Segments, known: &Known) -> NodePlan {
    let ports = plan.ports.iter().map(|(id, port)| {
        let segment = segments.place(at, *id);
        let name = port.interface.clone().unwrap_or_else(|| "any".to_owned());
        PortPlan { id: *id, name, segment, addresses: known.addresses(at, plan, *id, segment) }
    });
    let tracks = plan.setup.tracks.iter().map(|(id, params)| (*id, track(plan, *id, params)));
    NodePlan {
        name: name.to_owned(),
        setup: plan.setup.clone(),
        ports: ports.collect(),
        instances: plan.instances.clone(),
        groups: plan.groups.clone(),
        tracks: tracks.collect(),
        drift: 0,
        wall: 0,
    }
}

/// A tracked object begins well.
fn track(plan: &VrrpPlan, id: TrackId, params: &TrackParams) -> TrackPlan {
    let tracked = plan.tracks.get(&id);
    let name = tracked.map_or_else(|| format!("track{}", id.0), |tracked| tracked.name.clone());
    let interface = match tracked.map(|tracked| &tracked.source) {
        Some(TrackSource::Interface(interface)) => Some(interface.clone()),
        Some(TrackSource::Address(..) | TrackSource::Told) | None => None,
    };
    let every = match plan.told.get(&id) {
        Some(Told::Script { interval, .. }) => Some(*interval),
        Some(Told::File { .. } | Told::Process(_) | Told::Bfd) | None => None,
    };
    let reading = match params {
        TrackParams::File => Reading::Value(0),
        TrackParams::Process { quorum, .. } => Reading::Count { running: *quorum, at_once: true },
        TrackParams::Script { .. }
        | TrackParams::Interface { .. }
        | TrackParams::Bfd
        | TrackParams::Address
        | TrackParams::Route => Reading::Up(true),
    };
    TrackPlan { name, reading, every, interface }
}

/// Which port of which node is where.
struct Segments {
    names: Vec<String>,
    places: BTreeMap<(usize, PortId), Segment>,
}

impl Segments {
    fn of(nodes: &[(String, VrrpPlan)]) -> Segments {
        let mut parts: Vec<Part> = Vec::new();
        for (at, (_, plan)) in nodes.iter().enumerate() {
            for (id, port) in &plan.ports {
                let here = plan.setup.instances.values().filter(|params| params.port == *id);
                let part = Part {
                    ports: vec![(at, *id)],
                    interfaces: port.interface.iter().cloned().collect(),
                    routers: here.filter_map(router).collect(),
                };
                join(&mut parts, part);
            }
        }
        let mut found = Segments { names: Vec::new(), places: BTreeMap::new() };
        for part in parts {
            let segment = Segment(u8::try_from(found.names.len()).unwrap_or(u8::MAX));
            let names: Vec<String> = part.interfaces.into_iter().collect();
            found.names.push(if names.is_empty() { "any".to_owned() } else { names.join("/") });
            found.places.extend(part.ports.into_iter().map(|port| (port, segment)));
        }
        found
    }

    fn place(&self, node: usize, port: PortId) -> Segment {
        self.places.get(&(node, port)).copied().unwrap_or_default()
    }
}

/// Ports that are known to be together.
struct Part {
    ports: Vec<(usize, PortId)>,
    interfaces: BTreeSet<String>,
    routers: BTreeSet<(u8, IpAddr)>,
}

/// The number and first address by which two nodes mean the same virtual router.
fn router(params: &Params) -> Option<(u8, IpAddr)> {
    params.holdings.every_address().next().map(|held| (params.vrid, held.ip))
}

fn join(parts: &mut Vec<Part>, mut part: Part) {
    let (same, other): (Vec<Part>, Vec<Part>) = std::mem::take(parts).into_iter().partition(|known| {
        !known.interfaces.is_disjoint(&part.interfaces) || !known.routers.is_disjoint(&part.routers)
    });
    *parts = other;
    for known in same {
        part.ports = known.ports.into_iter().chain(part.ports).collect();
        part.interfaces.extend(known.interfaces);
        part.routers.extend(known.routers);
    }
    parts.push(part);
}

/// The addresses configurations tell about: their own, and those of their peers.
struct Known {
    /// Of each node.
    own: Vec<BTreeSet<IpAddr>>,
    /// Of the peers each node lists for a router number.
    listed: Vec<BTreeMap<u8, BTreeSet<IpAddr>>>,
}

impl Known {
    fn of(nodes: &[(String, VrrpPlan)]) -> Known {
        let own = |plan: &VrrpPlan| plan.setup.instances.values().filter_map(|params| params.source).collect();
        let listed = |plan: &VrrpPlan| {
            let mut listed: BTreeMap<u8, BTreeSet<IpAddr>> = BTreeMap::new();
            for params in plan.setup.instances.values() {
                if let Reach::Unicast { peers, .. } = &params.reach {
                    listed.entry(params.vrid).or_default().extend(peers.iter().map(|peer| peer.ip));
                }
            }
            listed
        };
        Known {
            own: nodes.iter().map(|(_, plan)| own(plan)).collect(),
            listed: nodes.iter().map(|(_, plan)| listed(plan)).collect(),
        }
    }

    /// The node's own addresses on a port: configured, or the one all others list and nobody has, or made up.
    fn addresses(&self, at: usize, plan: &VrrpPlan, port: PortId, segment: Segment) -> Vec<IpAddr> {
        let here: Vec<&Params> = plan.setup.instances.values().filter(|params| params.port == port).collect();
        let mut addresses: Vec<IpAddr> = here.iter().filter_map(|params| params.source).collect();
        let missing = here.iter().filter(|params| params.source.is_none());
        addresses.extend(missing.filter_map(|params| self.listed_by_others(at, params)));
        let made_up = parts::own_addresses(segment, at);
        let lacks = |family: Family| !addresses.iter().any(|address| Family::of(*address) == family);
        let filled: Vec<IpAddr> = made_up.into_iter().filter(|address| lacks(Family::of(*address))).collect();
        addresses.extend(filled);
        addresses
    }

    fn listed_by_others(&self, at: usize, params: &Params) -> Option<IpAddr> {
        let mine = self.listed.get(at)?.get(&params.vrid)?;
        let others = self.listed.iter().enumerate().filter(|(other, _)| *other != at);
        let mut lists = others.filter_map(|(_, listed)| listed.get(&params.vrid));
        let first = lists.next()?.clone();
        let common: BTreeSet<IpAddr> = lists.fold(first, |common, list| common.intersection(list).copied().collect());
        common.into_iter().find(|ip| !mine.contains(ip) && !self.own.iter().any(|own| own.contains(ip)))
    }
}

#[cfg(test)]
mod tests;

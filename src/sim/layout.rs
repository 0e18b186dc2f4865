// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a world consists of and what will happen to it. A layout and nothing else decides how a run goes.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use super::net::{Segment, Station};
use super::node::{NodePlan, PortPlan};
use super::script::{Cast, CastNode, Step};
use super::station;
use crate::proto::vrrp::{Family, InstanceId, Params, Reach};

/// Links delay by this much unless a layout says otherwise.
pub const DELAY: (Duration, Duration) = (Duration::from_micros(100), Duration::from_millis(1));
/// A host gets to a turn within this time.
pub const TURN: (Duration, Duration) = (Duration::from_micros(10), Duration::from_micros(200));
/// A kernel answers within this time.
pub const SETTLE: (Duration, Duration) = (Duration::from_micros(100), Duration::from_millis(2));

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    pub seed: u64,
    pub segments: Vec<String>,
    pub nodes: Vec<NodePlan>,
    pub clients: Vec<Client>,
    /// The delay of a link without faults, least and most.
    pub delay: (Duration, Duration),
    /// How long a host takes to get to a turn.
    pub turn: (Duration, Duration),
    /// How long a kernel takes to carry out a request.
    pub settle: (Duration, Duration),
    pub steps: Vec<Step>,
    pub lasts: Duration,
    /// Within this time after the beginning each node starts.
    pub stagger: Duration,
    /// When to note who is master.
    pub samples: Vec<Duration>,
    /// A broken promise is noted and does not end the run.
    pub lenient: bool,
    /// Whether every virtual router must have come to rest when the time is over.
    pub rests: bool,
}

/// A station that uses the addresses on one segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    pub name: String,
    pub segment: Segment,
}

/// A virtual router: the instances of several nodes that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Router {
    pub name: String,
    pub segment: Segment,
    pub vrid: u8,
    pub family: Family,
    pub members: Vec<(Station, InstanceId)>,
    /// What any member would hold, in the client's family or not.
    pub addresses: Vec<IpAddr>,
}

impl Default for Layout {
    fn default() -> Layout {
        Layout {
            seed: 1,
            segments: vec!["lan".to_owned()],
            nodes: Vec::new(),
            clients: Vec::new(),
            delay: DELAY,
            turn: TURN,
            settle: SETTLE,
            steps: Vec::new(),
            lasts: Duration::from_secs(60),
            stagger: Duration::ZERO,
            samples: Vec::new(),
            lenient: false,
            rests: false,
        }
    }
}

impl Layout {
    /// A layout of these nodes, with one client on each segment they are plugged in.
    pub fn of(nodes: Vec<NodePlan>, segments: Vec<String>) -> Layout {
        let clients = segments.iter().enumerate().map(|(at, name)| Client {
            name: if segments.len() == 1 { "client".to_owned() } else { format!("client-{name}") },
            segment: Segment(u8::try_from(at).unwrap_or(0)),
        });
        Layout { clients: clients.collect(), nodes, segments, ..Layout::default() }
    }

    pub fn cast(&self) -> Cast {
        let node = |plan: &NodePlan| CastNode {
            name: plan.name.clone(),
            ports: plan.ports.iter().map(|port| port.name.clone()).collect(),
            instances: plan.instances.values().cloned().collect(),
            tracks: plan.tracks.values().map(|track| track.name.clone()).collect(),
        };
        Cast {
            nodes: self.nodes.iter().map(node).collect(),
            segments: self.segments.clone(),
            clients: self.clients.iter().map(|client| client.name.clone()).collect(),
        }
    }

    /// The stations of the clients on a segment.
    pub fn clients_on(&self, segment: Segment) -> impl Iterator<Item = Station> {
        let nodes = self.nodes.len();
        let here = move |(_, client): &(usize, &Client)| client.segment == segment;
        self.clients.iter().enumerate().filter(here).map(move |(at, _)| station(nodes + at))
    }

    /// Instances of one segment, router number, family and kind of delivery are one virtual router.
    pub fn routers(&self) -> Vec<Router> {
        let mut found: BTreeMap<(Segment, u8, Family, bool), Router> = BTreeMap::new();
        for (at, plan) in self.nodes.iter().enumerate() {
            for (id, params) in &plan.setup.instances {
                let Some(port) = plan.port(params.port) else { continue };
                let unicast = matches!(params.reach, Reach::Unicast { .. });
                let router =
                    found.entry((port.segment, params.vrid, params.family, unicast)).or_insert_with(|| Router {
                        name: plan.instances.get(id).cloned().unwrap_or_else(|| format!("vrid{}", params.vrid)),
                        segment: port.segment,
                        vrid: params.vrid,
                        family: params.family,
                        members: Vec::new(),
                        addresses: Vec::new(),
                    });
                router.members.push((station(at), *id));
                for held in params.holdings.every_address() {
                    if !router.addresses.contains(&held.ip) {
                        router.addresses.push(held.ip);
                    }
                }
            }
        }
        found.into_values().collect()
    }
}

/// The address adverts of an instance leave from.
pub fn source_of(params: &Params, port: &PortPlan) -> Option<IpAddr> {
    params.source.or_else(|| port.addresses.iter().copied().find(|address| Family::of(*address) == params.family))
}

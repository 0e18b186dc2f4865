// SPDX-License-Identifier: MIT OR Apache-2.0
//! The parts layouts are made of, with the defaults of the configuration language.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use super::net::Segment;
use super::node::{NodePlan, PortPlan, TrackPlan};
use crate::proto::track::{Reading, TrackParams};
use crate::proto::vrrp::auth::{AntiReplay, HmacKey, HmacMode, HmacPolicy, Password};
use crate::proto::vrrp::wire::{ChecksumPolicy, GROUP_V4, GROUP_V6};
use crate::proto::vrrp::{
    AnnounceParams, Auth, Family, GroupId, GroupParams, HeldAddress, Holdings, InstanceId, OnLoss, OtherAddresses,
    Params, Peer, PortId, PortParams, Preempt, Reach, TrackId, Version,
};

/// The secrets of simulated worlds. They keep nothing safe.
const SECRET: &[u8] = b"simulate";
const KEY: [u8; 32] = [0x5a; 32];

/// An instance with nothing set but what must be.
pub fn params(vrid: u8, version: Version, family: Family, priority: u8) -> Params {
    Params {
        vrid,
        version,
        family,
        port: PortId(0),
        priority,
        interval: Duration::from_secs(1),
        down_timer_adverts: 3,
        preempt: Preempt::Yes { delay: Duration::ZERO },
        reach: multicast(family),
        source: None,
        auth: Auth::None,
        checksum: ChecksumPolicy::default(),
        track_primary: true,
        tracks: Vec::new(),
        holdings: Arc::default(),
        announce: AnnounceParams::default(),
        lower_prio_no_advert: false,
        higher_prio_send_advert: false,
        owner_ignore_adverts: false,
        skip_check_adv_addr: false,
        other_addresses: OtherAddresses::Report,
        on_loss: OnLoss::Restore,
        handover: true,
        broken: false,
    }
}

pub fn multicast(family: Family) -> Reach {
    let group = match family {
        Family::V4 => IpAddr::V4(GROUP_V4),
        Family::V6 => IpAddr::V6(GROUP_V6),
    };
    Reach::Multicast { group }
}

pub fn unicast(peers: &[IpAddr]) -> Reach {
    let peers = peers.iter().map(|ip| Peer { ip: *ip, hop_limits: None }).collect();
    Reach::Unicast { peers, check_source: false, ttl: None }
}

pub fn holdings(addresses: &[IpAddr]) -> Arc<Holdings> {
    let held = |ip: &IpAddr| {
        let prefix = if ip.is_ipv4() { 24 } else { 64 };
        HeldAddress { ip: *ip, prefix, link: None, detail: None, tracked: true }
    };
    Arc::new(Holdings { addresses: addresses.iter().map(held).collect(), ..Holdings::default() })
}

/// How adverts are authenticated, by name.
pub fn auth(kind: &str) -> Option<Auth> {
    match kind {
        "none" => Some(Auth::None),
        "password" => Password::new(SECRET).map(Auth::Password),
        "header" => Password::new(SECRET).map(Auth::Header),
        "keyed" => {
            let keys = BTreeMap::from([(1, HmacKey::new(&KEY).ok()?)]);
            HmacPolicy::new(keys, 1, HmacMode::Enforce, AntiReplay::Time, 30).ok().map(Auth::Keyed)
        }
        _ => None,
    }
}

pub fn auth_name(auth: &Auth) -> &'static str {
    match auth {
        Auth::None => "none",
        Auth::Password(_) => "password",
        Auth::Header(_) => "header",
        Auth::Keyed(_) => "keyed",
    }
}

/// The addresses of a node on a segment, one of each family.
pub fn own_addresses(segment: Segment, node: usize) -> Vec<IpAddr> {
    let host = u8::try_from(node + 1).unwrap_or(1);
    vec![
        IpAddr::V4(Ipv4Addr::new(10, 0, segment.0, host)),
        IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, u16::from(segment.0), u16::from(host))),
    ]
}

/// A virtual address.
pub fn virtual_address(family: Family, vrid: u8, number: u8) -> IpAddr {
    match family {
        Family::V4 => IpAddr::V4(Ipv4Addr::new(192, 0, 2, vrid.wrapping_mul(8).wrapping_add(number))),
        Family::V6 => IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, u16::from(vrid), u16::from(number))),
    }
}

/// The letters nodes are called by.
pub fn node_name(at: usize) -> String {
    char::from(b'a' + u8::try_from(at % 26).unwrap_or(0)).to_string()
}

impl NodePlan {
    /// A node without instances, plugged into the first segments by a port each.
    pub fn named(at: usize, segments: u8) -> NodePlan {
        let mut plan = NodePlan { name: node_name(at), ..NodePlan::default() };
        for segment in (0..segments).map(Segment) {
            let id = PortId(u32::from(segment.0));
            plan.setup.ports.insert(id, PortParams::default());
            let name = format!("eth{}", segment.0);
            plan.ports.push(PortPlan { id, name, segment, addresses: own_addresses(segment, at) });
        }
        plan
    }

    pub fn with_instance(mut self, name: &str, params: Params) -> NodePlan {
        let id = InstanceId(u32::try_from(self.instances.len()).unwrap_or(0));
        self.instances.insert(id, name.to_owned());
        self.setup.instances.insert(id, params);
        self
    }

    /// A group of the instances with these places.
    pub fn with_group(mut self, name: &str, members: &[u32]) -> NodePlan {
        let id = GroupId(u32::try_from(self.groups.len()).unwrap_or(0));
        self.groups.insert(id, name.to_owned());
        let members = members.iter().map(|member| InstanceId(*member)).collect();
        self.setup.groups.insert(id, GroupParams { members });
        self
    }

    pub fn with_track(
        mut self,
        name: &str,
        params: TrackParams,
        reading: Reading,
        every: Option<Duration>,
    ) -> NodePlan {
        let id = TrackId(u32::try_from(self.tracks.len()).unwrap_or(0));
        self.setup.tracks.insert(id, params);
        self.tracks.insert(id, TrackPlan { name: name.to_owned(), reading, every, interface: None });
        self
    }
}

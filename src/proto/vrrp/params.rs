// SPDX-License-Identifier: MIT OR Apache-2.0
//! What an instance, a sync group and the engine are told to be. The plan fills these in: defaults, strict mode and
//! clashes between keywords are decided before they get here.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::types::{DetailId, Family, InstanceId, LinkId, PortId, TrackId, Version};

pub use super::auth::Authentication as Auth;
pub use super::wire::{ChecksumPolicy as Checksum, OldUnicast};

/// One `vrrp_instance`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "daemon", derive(serde::Serialize, serde::Deserialize))]
pub struct Params {
    pub vrid: u8,
    pub version: Version,
    pub family: Family,
    pub port: PortId,
    /// 1..=255; 255 owns the addresses.
    pub priority: u8,
    /// `advert_int`.
    pub interval: Duration,
    /// `down_timer_adverts`.
    pub down_timer_adverts: u8,
    pub preempt: Preempt,
    pub reach: Reach,
    /// `mcast_src_ip` / `unicast_src_ip`; `None` uses what the port has.
    pub source: Option<IpAddr>,
    /// In no recording.
    #[cfg_attr(feature = "daemon", serde(skip))]
    pub auth: Auth,
    pub checksum: Checksum,
    /// False with `dont_track_primary`: a link that is down is no fault (one that is gone still is).
    pub track_primary: bool,
    pub tracks: Vec<TrackUse>,
    #[cfg_attr(feature = "daemon", serde(with = "crate::proto::shared"))]
    pub holdings: Arc<Holdings>,
    pub announce: AnnounceParams,
    /// `lower_prio_no_advert`: do not answer a master that ranks below us.
    pub lower_prio_no_advert: bool,
    /// `higher_prio_send_advert`: send one last advert before we yield.
    pub higher_prio_send_advert: bool,
    pub owner_ignore_adverts: bool,
    /// `skip_check_adv_addr`.
    pub skip_check_adv_addr: bool,
    pub other_addresses: OtherAddresses,
    pub on_loss: OnLoss,
    /// Keep the addresses at a planned handover until the successor is heard.
    pub handover: bool,
    /// Never leaves Fault: the plan found the instance unable to work.
    pub broken: bool,
}

impl Params {
    /// The owner of the addresses never changes its priority and never waits.
    pub fn is_owner(&self) -> bool {
        self.priority == OWNER_PRIORITY
    }
}

pub const OWNER_PRIORITY: u8 = 255;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "daemon", derive(serde::Serialize, serde::Deserialize))]
pub enum Preempt {
    /// Take over from a master of lower priority, this long after it was first heard.
    Yes { delay: Duration },
    /// `nopreempt`; with `timer_expired_backup` and its priority.
    No { timer_expired_backup: Option<u8> },
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "daemon", derive(serde::Serialize, serde::Deserialize))]
pub enum Reach {
    Multicast { group: IpAddr },
    Unicast { peers: Vec<Peer>, check_source: bool, ttl: Option<u8> },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "daemon", derive(serde::Serialize, serde::Deserialize))]
pub struct Peer {
    pub ip: IpAddr,
    /// `min_ttl` and `max_ttl`, when either is given.
    pub hop_limits: Option<(u8, u8)>,
}

/// What a tracked object means for one instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "daemon", derive(serde::Serialize, serde::Deserialize))]
pub struct TrackUse {
    pub track: TrackId,
    /// 0 makes a failure a fault.
    pub weight: i32,
    pub reverse: bool,
}

/// Everything a Master holds in the kernel.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "daemon", derive(serde::Serialize, serde::Deserialize))]
pub struct Holdings {
    /// `virtual_ipaddress`: advertised, in this order.
    pub addresses: Vec<HeldAddress>,
    /// `virtual_ipaddress_excluded`, and what did not fit into an advert.
    pub excluded: Vec<HeldAddress>,
    pub routes: Vec<HeldDetail>,
    pub rules: Vec<HeldDetail>,
    /// `no_accept`: packets to the addresses are filtered.
    pub filter: bool,
}

impl Holdings {
    pub fn is_empty(&self) -> bool {
        let Holdings { addresses, excluded, routes, rules, filter } = self;
        addresses.is_empty() && excluded.is_empty() && routes.is_empty() && rules.is_empty() && !filter
    }

    /// VIPs, then excluded ones: the order in which they are added and announced.
    pub fn every_address(&self) -> impl Iterator<Item = &HeldAddress> {
        self.addresses.iter().chain(&self.excluded)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "daemon", derive(serde::Serialize, serde::Deserialize))]
pub struct HeldAddress {
    pub ip: IpAddr,
    pub prefix: u8,
    /// `None` is the interface of the instance's port.
    pub link: Option<LinkId>,
    /// Label, scope, broadcast and the rest, as far as they differ from the default.
    pub detail: Option<DetailId>,
    /// False with `no_track`: its loss is ignored.
    pub tracked: bool,
}

/// A virtual route or rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "daemon", derive(serde::Serialize, serde::Deserialize))]
pub struct HeldDetail {
    pub detail: DetailId,
    pub tracked: bool,
}

/// When to announce the addresses. A zero duration or count means never.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "daemon", derive(serde::Serialize, serde::Deserialize))]
pub struct AnnounceParams {
    /// `garp_master_repeat`, `garp_master_delay`.
    pub repeat: u32,
    pub delay: Duration,
    /// `garp_master_refresh`, `garp_master_refresh_repeat`.
    pub refresh: Duration,
    pub refresh_repeat: u32,
    /// `garp_lower_prio_repeat`, `garp_lower_prio_delay`.
    pub lower_prio_repeat: u32,
    pub lower_prio_delay: Duration,
    /// `garp_extra_if`: every so often, these (one address per interface).
    pub extra_interval: Duration,
    pub extra: Vec<super::io::Announced>,
    /// The port has an interface, so a unicast instance that leaves Fault announces its own source on it.
    pub own_source: bool,
}

impl Default for AnnounceParams {
    fn default() -> AnnounceParams {
        AnnounceParams {
            repeat: 5,
            delay: Duration::from_secs(5),
            refresh: Duration::ZERO,
            refresh_repeat: 1,
            lower_prio_repeat: 5,
            lower_prio_delay: Duration::from_secs(5),
            extra_interval: Duration::ZERO,
            extra: Vec::new(),
            own_source: false,
        }
    }
}

/// An advert that lists other addresses than ours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "daemon", derive(serde::Serialize, serde::Deserialize))]
pub enum OtherAddresses {
    /// Counts as a sign of life and is reported.
    #[default]
    Report,
    /// Is refused (RFC 9568 §7.1 allows it).
    Refuse,
}

/// What to do when somebody else removes a holding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "daemon", derive(serde::Serialize, serde::Deserialize))]
pub enum OnLoss {
    /// Put it back and announce it.
    #[default]
    Restore,
    /// Leave Master with priority 0 and stand again after the skew time, with the whole sync group.
    Bounce,
}

/// One `vrrp_sync_group`, members in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "daemon", derive(serde::Serialize, serde::Deserialize))]
pub struct GroupParams {
    pub members: Vec<InstanceId>,
}

/// One port. Whether its link is usable comes as an input.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "daemon", derive(serde::Serialize, serde::Deserialize))]
pub struct PortParams {
    /// `interface_up_down_delays` of the interface behind it.
    pub down_delay: Duration,
    pub up_delay: Duration,
}

/// What holds for all instances.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "daemon", derive(serde::Serialize, serde::Deserialize))]
pub struct Globals {
    /// `vrrp_startup_delay`.
    pub startup_delay: Duration,
}

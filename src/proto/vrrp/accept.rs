// SPDX-License-Identifier: MIT OR Apache-2.0
//! Is this datagram an advert, is it authentic, and is it meant for this instance?
//!
//! The tests run in one fixed order and the first that fails names the reason. Nothing is changed here: a datagram
//! that is refused leaves no trace but a counter, whatever of it was right.

use std::net::IpAddr;
use std::time::Duration;

use super::auth::{AuthState, Pass};
use super::params::{OtherAddresses, Params, Reach};
use super::types::{Version, WallTime};
use super::wire::{Addresses, ChecksumForm, Measured, Parsed, Refusal};

/// What of an instance decides whether it takes an advert.
pub(super) struct Listener<'a> {
    pub(super) params: &'a Params,
    pub(super) own_interval: Duration,
    /// What our own adverts list.
    pub(super) listed: &'a Addresses,
    pub(super) auth: &'a AuthState,
    pub(super) source: Option<IpAddr>,
    /// Priorities our own adverts carry or carried.
    pub(super) own_priorities: [u8; 2],
    /// Owns the addresses and has not given way to another owner.
    pub(super) owner: bool,
    pub(super) check_addresses: bool,
}

/// An advert that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "daemon", derive(serde::Serialize, serde::Deserialize))]
pub struct Heard {
    pub(super) source: IpAddr,
    pub(super) priority: u8,
    pub(super) interval: Duration,
    pub(super) form: ChecksumForm,
    pub(super) pass: Pass,
    /// It lists other addresses than we do.
    pub(super) addresses_differ: bool,
}

impl Heard {
    pub fn source(&self) -> IpAddr {
        self.source
    }

    pub fn priority(&self) -> u8 {
        self.priority
    }

    /// The advert interval it names.
    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// It lists other addresses than we do.
    pub fn addresses_differ(&self) -> bool {
        self.addresses_differ
    }
}

impl Listener<'_> {
    pub(super) fn accept(&self, parsed: Parsed<'_>, wall: WallTime) -> Result<Heard, Refusal> {
        let params = self.params;
        parsed.check_protocol(params.auth.uses_header())?;
        let packet = parsed.measure(params.auth.trailer_possible())?;
        let parsed = *packet.parsed();
        if let Reach::Multicast { .. } = params.reach {
            parsed.check_hop_limit()?;
        }
        parsed.check_version(params.version)?;
        let pass = self.authenticate(&packet, wall)?;
        packet.check_interval(self.own_interval)?;
        packet.check_type()?;
        let form = packet.verify_checksum(&params.checksum)?;
        self.check_destination(&parsed)?;
        if self.owner && params.owner_ignore_adverts {
            return Err(Refusal::OwnerIgnores);
        }
        self.check_reflection(&parsed)?;
        self.check_peer(&parsed)?;
        let addresses_differ = self.check_addresses && !same_set(self.listed, &packet.addresses());
        if addresses_differ && params.other_addresses == OtherAddresses::Refuse {
            return Err(Refusal::AddressList);
        }
        Ok(Heard {
            source: parsed.source(),
            priority: parsed.priority(),
            interval: parsed.interval(),
            form,
            pass,
            addresses_differ,
        })
    }

    fn authenticate(&self, packet: &Measured<'_>, wall: WallTime) -> Result<Pass, Refusal> {
        let peers: Option<Vec<IpAddr>> = match &self.params.reach {
            Reach::Multicast { .. } => None,
            Reach::Unicast { peers, .. } => Some(peers.iter().map(|peer| peer.ip).collect()),
        };
        self.auth.check(&self.params.auth, packet, peers.as_deref(), wall)
    }

    /// Multicast and unicast routers of the same VRID are different routers.
    fn check_destination(&self, parsed: &Parsed<'_>) -> Result<(), Refusal> {
        let multicast = match self.params.reach {
            Reach::Multicast { .. } => true,
            Reach::Unicast { .. } => false,
        };
        if parsed.is_multicast() == multicast { Ok(()) } else { Err(Refusal::Destination) }
    }

    /// A loop in the network, or somebody who replays what we said, must not make us believe in another master.
    fn check_reflection(&self, parsed: &Parsed<'_>) -> Result<(), Refusal> {
        let priority = parsed.priority();
        let ours = self.source == Some(parsed.source());
        if ours && (priority == 0 || self.own_priorities.contains(&priority)) {
            return Err(Refusal::Reflected);
        }
        Ok(())
    }

    fn check_peer(&self, parsed: &Parsed<'_>) -> Result<(), Refusal> {
        let Reach::Unicast { peers, check_source, .. } = &self.params.reach else {
            return Ok(());
        };
        if !check_source && peers.iter().all(|peer| peer.hop_limits.is_none()) {
            return Ok(());
        }
        let peer = peers.iter().find(|peer| peer.ip == parsed.source()).ok_or(Refusal::UnknownPeer)?;
        let within = match (peer.hop_limits, parsed.hop_limit()) {
            (Some((least, most)), Some(hop_limit)) => (least..=most).contains(&hop_limit),
            (None, _) | (_, None) => true,
        };
        if within { Ok(()) } else { Err(Refusal::PeerHopLimit) }
    }
}

/// Version 3 lets every router have an interval of its own; a difference is worth a remark.
pub(super) fn interval_differs(version: Version, ours: Duration, theirs: Duration) -> bool {
    version == Version::V3 && ours != theirs
}

/// The lists name the same addresses, in any order.
fn same_set(ours: &Addresses, theirs: &Addresses) -> bool {
    ours == theirs || (ours.len() == theirs.len() && ours.iter().all(|address| theirs.contains(address)))
}

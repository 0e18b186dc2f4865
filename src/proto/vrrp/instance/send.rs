// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sending: one advert, one copy per destination.

use std::hash::{Hash, Hasher};
use std::net::IpAddr;
use std::sync::Arc;

use super::Instance;
use crate::proto::vrrp::auth::{Envelope, Stamp, seal};
use crate::proto::vrrp::io::{Effect, Packet, Phase, Transmission};
use crate::proto::vrrp::params::{Params, Reach};
use crate::proto::vrrp::turn::Turn;
use crate::proto::vrrp::types::{Family, WallTime};
use crate::proto::vrrp::wire::{Advert, ChecksumForm, HOP_LIMIT, OldUnicast, next_identification};

/// The copies of the last advert, and what else they depend on. Follows from the rest of an instance's state and is no
/// part of it: two instances that differ in it alone are the same.
#[derive(Clone, Debug, Default)]
pub(super) struct LastSealed(Option<Sealed>);

#[derive(Clone, Debug)]
struct Sealed {
    params: Arc<Params>,
    source: IpAddr,
    priority: u8,
    packets: Arc<[Packet]>,
}

impl LastSealed {
    fn of(&self, params: &Arc<Params>, source: IpAddr, priority: u8) -> Option<Arc<[Packet]>> {
        let last = self.0.as_ref()?;
        let same = Arc::ptr_eq(&last.params, params) && last.source == source && last.priority == priority;
        same.then(|| Arc::clone(&last.packets))
    }
}

impl PartialEq for LastSealed {
    fn eq(&self, _: &LastSealed) -> bool {
        true
    }
}

impl Eq for LastSealed {}

impl Hash for LastSealed {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

impl Instance {
    /// Sends an advert with this priority. An address that is gone is used a last time, to say so.
    pub(super) fn send(&mut self, turn: &mut Turn<'_>, priority: u8) {
        let Some(source) = self.source.or(self.last_source) else {
            self.ledger.counters.unsendable += 1;
            return;
        };
        let packets = self.sealed(source, priority, turn.wall);
        if packets.is_empty() {
            self.ledger.counters.unsendable += 1;
            return;
        }
        self.last_source = Some(source);
        self.ledger.counters.adverts_sent += 1;
        if priority == 0 {
            self.ledger.counters.priority_zero_sent += 1;
        } else {
            self.last_priority = priority;
        }
        let (instance, port) = (self.id, self.params.port);
        turn.out.push(Effect::Send(Transmission { instance, port, priority, source, packets }));
    }

    /// The copies of an advert. Without a number or a time in it they are those of the last one, while that said the same.
    fn sealed(&mut self, source: IpAddr, priority: u8, wall: WallTime) -> Arc<[Packet]> {
        let alike = self.params.auth.seals_alike();
        if let Some(last) = self.last_sealed.of(&self.params, source, priority).filter(|_| alike) {
            return last;
        }
        self.identification = self.next_identification();
        let stamp = self.auth.stamp(&self.params.auth, wall);
        let packets: Arc<[Packet]> = self.packets(source, priority, self.identification, stamp).into();
        if alike {
            let params = Arc::clone(&self.params);
            self.last_sealed = LastSealed(Some(Sealed { params, source, priority, packets: Arc::clone(&packets) }));
        }
        packets
    }

    /// Only the authentication header covers the identification; the kernel fills it in for zero.
    fn next_identification(&self) -> u16 {
        if self.params.auth.uses_header() { next_identification(self.identification) } else { 0 }
    }

    /// What would be sent next to say that this Master is gone. Nothing changes: somebody else may have to say it.
    pub(in crate::proto::vrrp) fn farewell(&self, wall: WallTime) -> Option<Transmission> {
        let source = self.source.or(self.last_source)?;
        if self.phase() != Phase::Master {
            return None;
        }
        let identification = self.next_identification();
        let stamp = self.auth.clone().stamp(&self.params.auth, wall);
        let packets: Arc<[Packet]> = self.packets(source, 0, identification, stamp).into();
        let (instance, port) = (self.id, self.params.port);
        (!packets.is_empty()).then_some(Transmission { instance, port, priority: 0, source, packets })
    }

    fn packets(&self, source: IpAddr, priority: u8, identification: u16, stamp: Stamp) -> Vec<Packet> {
        let params = &self.params;
        let listed = self.listed.clone();
        let Ok(advert) = Advert::new(params.version, params.vrid, priority, self.own_interval, listed) else {
            return Vec::new();
        };
        let (destinations, ttl): (Vec<IpAddr>, Option<u8>) = match &params.reach {
            Reach::Multicast { group } => (vec![*group], None),
            Reach::Unicast { peers, ttl, .. } => (peers.iter().map(|peer| peer.ip).collect(), *ttl),
        };
        let hop_limit = ttl.unwrap_or(HOP_LIMIT);
        let copies = destinations.into_iter().filter_map(|destination| {
            let mut envelope = Envelope::new(source, destination, identification);
            envelope.hop_limit = hop_limit;
            envelope.checksum = self.checksum_for(destination);
            let mut bytes = Vec::new();
            seal(&advert, &envelope, &params.auth, stamp, &mut bytes).ok()?;
            Some(Packet { destination, hop_limit, bytes })
        });
        copies.collect()
    }

    /// A peer that forms the checksum the old way is answered the old way.
    fn checksum_for(&self, destination: IpAddr) -> ChecksumForm {
        let policy = &self.params.checksum;
        let answers_old = policy.old_unicast == OldUnicast::Adapt
            && !policy.v3_as_v2
            && self.params.family == Family::V4
            && self.old_peers.contains(&destination);
        if answers_old { ChecksumForm::Group(policy.group) } else { policy.sent_to(destination) }
    }
}

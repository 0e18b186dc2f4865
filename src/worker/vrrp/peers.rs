// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whose adverts an instance took, and when: for whoever asks who else is there. Only masters speak in VRRP, so a peer that
//! is silent may be in the best of health, and nothing follows from what stands here.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use crate::observe::peers::MISSED_MAX;
use crate::observe::snapshot::Peer;
use crate::proto::Instant;
use crate::proto::vrrp::{Heard, InstanceId, Reach, WallTime};

/// Peers of one instance that are remembered; whoever was silent for longest makes room.
const PEERS_MAX: usize = 64;

#[derive(Debug, Default)]
pub(super) struct Peers {
    of: BTreeMap<InstanceId, Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// Almost always one, or a few.
    heard: Vec<(IpAddr, Last)>,
    forgotten: u64,
}

/// The last advert of a peer, and what came before it.
#[derive(Debug, Default)]
struct Last {
    at: u64,
    /// On the wall clock.
    wall: f64,
    priority: u8,
    interval: Duration,
    /// It lists other addresses than we do.
    differs: bool,
    adverts: u64,
    /// The longest time between two of its adverts while it was master.
    gap: Duration,
}

impl Known {
    fn meet(&mut self, source: IpAddr, first: Last) {
        if self.heard.len() >= PEERS_MAX {
            let oldest = self.heard.iter().enumerate().min_by_key(|(_, (_, last))| last.at).map(|(place, _)| place);
            oldest.map(|place| self.heard.swap_remove(place));
            self.forgotten += 1;
        }
        self.heard.push((source, first));
    }
}

impl Peers {
    /// An advert was taken.
    pub(super) fn heard(&mut self, (now, wall): (Instant, WallTime), instance: InstanceId, heard: &Heard) {
        let last = Last {
            at: now.as_nanos(),
            wall: wall.0.as_secs_f64(),
            priority: heard.priority(),
            interval: heard.interval(),
            differs: heard.addresses_differ(),
            ..Last::default()
        };
        self.note(instance, heard.source(), last);
    }

    fn note(&mut self, instance: InstanceId, source: IpAddr, new: Last) {
        let known = self.of.entry(instance).or_default();
        let Some((_, last)) = known.heard.iter_mut().find(|(address, _)| *address == source) else {
            known.meet(source, Last { adverts: 1, ..new });
            return;
        };
        let silent = Duration::from_nanos(new.at.saturating_sub(last.at));
        let was_master = last.priority > 0 && silent < new.interval.saturating_mul(MISSED_MAX);
        let gap = if was_master { last.gap.max(silent) } else { last.gap };
        *last = Last { adverts: last.adverts + 1, gap, ..new };
    }

    pub(super) fn retain(&mut self, wanted: impl Fn(InstanceId) -> bool) {
        self.of.retain(|instance, _| wanted(*instance));
    }

    /// Whoever was heard and whoever is expected, and how many were forgotten.
    pub(super) fn of(&self, instance: InstanceId, reach: &Reach) -> (Vec<Peer>, u64) {
        let mut peers: BTreeMap<IpAddr, Peer> = BTreeMap::new();
        if let Reach::Unicast { peers: expected, .. } = reach {
            for peer in expected {
                let silent = Peer { address: peer.ip.to_string(), expected: true, ..Peer::default() };
                peers.insert(peer.ip, silent);
            }
        }
        let known = self.of.get(&instance);
        for (address, last) in known.into_iter().flat_map(|known| &known.heard) {
            let expected = peers.contains_key(address);
            let peer = Peer {
                address: address.to_string(),
                expected,
                heard: Some(last.wall),
                priority: Some(last.priority),
                interval: last.interval.as_secs_f64(),
                differs: last.differs,
                adverts: last.adverts,
                gap: last.gap.as_secs_f64(),
            };
            peers.insert(*address, peer);
        }
        (peers.into_values().collect(), known.map_or(0, |known| known.forgotten))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VI: InstanceId = InstanceId(0);
    const MULTICAST: Reach = Reach::Multicast { group: IpAddr::V4(std::net::Ipv4Addr::new(224, 0, 0, 18)) };

    fn address(last: u8) -> IpAddr {
        std::net::Ipv4Addr::new(10, 0, 0, last).into()
    }

    /// An advert of a master of one a second, so many milliseconds after the beginning.
    fn advert(at_ms: u64, priority: u8) -> Last {
        let wall = at_ms as f64 / 1000.0;
        Last { at: at_ms * 1_000_000, wall, priority, interval: Duration::from_secs(1), ..Last::default() }
    }

    /// Address, last advert and its priority, adverts and the longest gap of each.
    fn known(peers: &Peers) -> Vec<String> {
        let known = peers.of(VI, &MULTICAST).0.into_iter();
        let line = |peer: Peer| {
            let (heard, priority) = (peer.heard.unwrap_or_default(), peer.priority.unwrap_or_default());
            format!("{} {heard} {priority} {} {}", peer.address, peer.adverts, peer.gap)
        };
        known.map(line).collect()
    }

    #[test]
    fn of_each_peer_the_last_advert_and_the_longest_gap_while_it_was_master_are_known() {
        let mut peers = Peers::default();
        for (at, priority) in [(1000, 100), (2000, 100), (3500, 100), (4000, 0), (6000, 100), (60_000, 90)] {
            peers.note(VI, address(2), advert(at, priority));
        }
        peers.note(VI, address(3), advert(5000, 50));
        assert_eq!(known(&peers), ["10.0.0.2 60 90 6 1.5", "10.0.0.3 5 50 1 0"]);
        peers.retain(|instance| instance != VI);
        assert!(known(&peers).is_empty());
    }

    #[test]
    fn unicast_peers_that_never_spoke_are_shown_as_such() {
        let mut peers = Peers::default();
        peers.note(VI, address(2), advert(1000, 100));
        let expected = [2, 3].map(|last| crate::proto::vrrp::Peer { ip: address(last), hop_limits: None });
        let reach = Reach::Unicast { peers: expected.to_vec(), check_source: false, ttl: None };
        let (seen, forgotten) = peers.of(VI, &reach);
        let seen: Vec<(&str, bool, bool)> =
            seen.iter().map(|peer| (&*peer.address, peer.expected, peer.heard.is_some())).collect();
        assert_eq!((seen, forgotten), (vec![("10.0.0.2", true, true), ("10.0.0.3", true, false)], 0));
    }

    #[test]
    fn of_too_many_peers_the_one_that_was_silent_for_longest_makes_room_and_is_counted() {
        let mut peers = Peers::default();
        for number in 0..PEERS_MAX as u64 + 3 {
            peers.note(VI, address(number as u8 + 1), advert(number * 10, 100));
            peers.note(VI, address(1), advert(number * 10 + 1, 100));
        }
        let (seen, forgotten) = peers.of(VI, &MULTICAST);
        assert_eq!((seen.len(), forgotten), (PEERS_MAX, 3));
        assert!(seen.iter().any(|peer| peer.address == "10.0.0.1"));
        assert!(seen.iter().all(|peer| peer.address != "10.0.0.2"));
    }
}

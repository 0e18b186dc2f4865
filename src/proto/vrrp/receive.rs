// SPDX-License-Identifier: MIT OR Apache-2.0
//! From a datagram to the one instance it is for.
//!
//! A datagram that belongs to nobody or is refused leaves a counter behind and nothing else. One exception: an AH
//! number that is authentic but not new makes a Master leave out one number of its own, see `Instance::break_tie`.

use super::accept::Heard;
use super::counters::Told;
use super::instance::Instance;
use super::io::{Datagram, Effect, Event, Phase, Raw};
use super::params::Reach;
use super::types::{InstanceId, PortId};
use super::wire::{Parsed, Refusal, parse_v4, parse_v6};
use super::{Engine, Owner};
use crate::proto::Instant;
use std::net::IpAddr;
use std::time::Duration;

/// What a datagram comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "daemon", derive(serde::Serialize, serde::Deserialize))]
pub enum Judgement {
    Stray(Stray),
    /// Its instance does not listen now.
    Ignored(InstanceId),
    Heard(InstanceId, Heard),
    Refused(InstanceId, Refusal, IpAddr),
}

/// Why a datagram belongs to nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "daemon", derive(serde::Serialize, serde::Deserialize))]
pub enum Stray {
    Truncated,
    Malformed,
    UnknownVrid,
}

impl Judgement {
    /// The advert that was taken, and by whom.
    pub fn heard(&self) -> Option<(InstanceId, Heard)> {
        match self {
            Judgement::Heard(id, heard) => Some((*id, heard.clone())),
            Judgement::Stray(_) | Judgement::Ignored(_) | Judgement::Refused(..) => None,
        }
    }
}

impl Engine {
    pub(super) fn receive(&mut self, now: Instant, datagram: &Datagram, out: &mut Vec<Effect>) {
        let judgement = self.judge(now, datagram);
        self.take(now, &judgement, out);
    }

    /// As [`Machine::handle`](crate::proto::Machine::handle) does with a datagram that was judged already.
    pub fn act_on(&mut self, now: Instant, judgement: &Judgement, out: &mut Vec<Effect>) {
        self.take(now, judgement, out);
        self.end_turn(out);
    }

    /// Whose a datagram is, and whether it is taken. Changes nothing.
    pub fn judge(&self, now: Instant, datagram: &Datagram) -> Judgement {
        if datagram.truncated {
            return Judgement::Stray(Stray::Truncated);
        }
        let parsed = match &datagram.raw {
            Raw::V4(bytes) => parse_v4(bytes),
            Raw::V6 { source, destination, hop_limit, payload } => parse_v6(*source, *destination, *hop_limit, payload),
        };
        let Ok(parsed) = parsed else { return Judgement::Stray(Stray::Malformed) };
        let addressee = self.addressee(datagram.port, &parsed);
        let Some((id, instance)) = addressee.and_then(|id| Some((id, self.instances.get(&id)?))) else {
            return Judgement::Stray(Stray::UnknownVrid);
        };
        let started = self.waits_from(now) == now;
        let listening = match instance.phase() {
            Phase::Backup | Phase::Master => started,
            Phase::Init | Phase::Fault => instance.is_handing_over(),
        };
        if !listening {
            return Judgement::Ignored(id);
        }
        let source = parsed.source();
        match instance.listener(source).accept(parsed, datagram.wall) {
            Ok(heard) => Judgement::Heard(id, heard),
            Err(refusal) => Judgement::Refused(id, refusal, source),
        }
    }

    fn take(&mut self, now: Instant, judgement: &Judgement, out: &mut Vec<Effect>) {
        match judgement {
            Judgement::Stray(Stray::Truncated) => self.strays.truncated += 1,
            Judgement::Stray(Stray::Malformed) => self.strays.malformed += 1,
            Judgement::Stray(Stray::UnknownVrid) => self.strays.unknown_vrid += 1,
            Judgement::Ignored(id) => {
                if let Some(instance) = self.instances.get_mut(id) {
                    instance.ledger_mut().counters.ignored += 1;
                }
            }
            Judgement::Heard(id, heard) => self.hear(now, *id, heard, out),
            Judgement::Refused(id, refusal, source) => {
                let Some(instance) = self.instances.get_mut(id) else { return };
                if *refusal == Refusal::AhReplay {
                    instance.break_tie(*source);
                }
                refuse(instance, *id, *refusal, *source, out);
            }
        }
    }

    fn hear(&mut self, now: Instant, id: InstanceId, heard: &Heard, out: &mut Vec<Effect>) {
        let Some(instance) = self.instances.get(&id) else { return };
        let (announced, limit) = (instance.announced_other_at(now), instance.down_delay_limit());
        self.change(now, id, out, |instance, turn| instance.on_advert(turn, heard));
        if !announced && self.instances.get(&id).is_some_and(|met| met.announced_other_at(now)) {
            self.announce_siblings(now, id, out);
        }
        self.shorten_delays(now, id, limit);
    }

    /// Which instance a VRID on a port means. Unicast instances may share one: then whoever follows the sender is
    /// meant, or else whoever lists it as a peer.
    fn addressee(&self, port: PortId, parsed: &Parsed<'_>) -> Option<InstanceId> {
        let (vrid, source) = (parsed.vrid(), parsed.source());
        let first = (port, vrid, InstanceId(0));
        let last = (port, vrid, InstanceId(u32::MAX));
        let rank = |instance: &Instance| {
            let params = instance.params();
            let (multicast, peer) = match &params.reach {
                Reach::Multicast { .. } => (true, false),
                Reach::Unicast { peers, .. } => (false, peers.iter().any(|peer| peer.ip == source)),
            };
            let follows = instance.followed().is_some_and(|(followed, _)| followed == source);
            (multicast == parsed.is_multicast(), !instance.is_leaving(), follows, peer)
        };
        let candidates = self.listeners.range(first..=last).map(|(_, _, id)| *id);
        let candidates = candidates.filter_map(|id| self.instances.get(&id).map(|instance| (id, instance)));
        let candidates = candidates.filter(|(_, instance)| instance.params().family == parsed.family());
        // Of equals the first: `max_by_key` gives the last, so the order is turned round.
        candidates.rev().max_by_key(|(_, instance)| rank(instance)).map(|(id, _)| id)
    }

    /// The master speaks more often than before, so the peers would miss us sooner: an interface that is going down
    /// may not wait as long as it meant to.
    fn shorten_delays(&mut self, now: Instant, id: InstanceId, before: Duration) {
        let Some(instance) = self.instances.get(&id).filter(|instance| instance.down_delay_limit() < before) else {
            return;
        };
        let (until, params) = (now + instance.down_delay_limit(), instance.params());
        let (port, tracks): (PortId, Vec<_>) = (params.port, params.tracks.iter().map(|used| used.track).collect());
        if let Some(known) = self.ports.get_mut(&port) {
            known.shorten(until);
            let due = known.due();
            self.schedule(Owner::Port(port), due);
        }
        for track in tracks {
            if let Some(known) = self.tracks.get_mut(&track) {
                known.shorten(until);
                let due = known.due();
                self.schedule(Owner::Track(track), due);
            }
        }
    }

    /// The rest of the sync group announces too: its clients may have followed the other master as well.
    fn announce_siblings(&mut self, now: Instant, met: InstanceId, out: &mut Vec<Effect>) {
        let Some(group) = self.membership.get(&met).copied() else {
            return;
        };
        for id in self.members(group, met).into_iter().filter(|id| *id != met) {
            self.step(now, id, out, |instance, turn| instance.announce_after_other_master(turn));
        }
    }
}

fn refuse(instance: &mut Instance, id: InstanceId, refusal: Refusal, source: IpAddr, out: &mut Vec<Effect>) {
    let ledger = instance.ledger_mut();
    ledger.counters.refused(refusal);
    if ledger.first_time(Told::Refused(refusal)) {
        out.push(Effect::Report(Event::Refused { instance: id, refusal, source }));
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the table must be at rest, computed from configuration and health alone.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use super::judge::{Promise, bound_of};
use super::layout::{Health, Layout};
use super::{World, foreign};
use crate::proto::health::{
    FrontParams, How, Method, REFUSED_PAUSE_MAX, SORRY_WEIGHT, ServerId, ServiceId, ServiceParams, WEIGHT_MAX, Weight,
};

/// The longest an operator's wish lasts.
const WISH_MAX: Duration = Duration::from_secs(60);

/// How long everything may take to come to rest.
pub(super) fn bound(layout: &Layout) -> Duration {
    let checkers = layout.setups.iter().flat_map(|setup| setup.checkers.values());
    let longest = checkers.filter_map(|checker| match &checker.how {
        How::Asked(timing) => Some(bound_of(timing, layout.timeout, layout.late, true, false)),
        How::Told => None,
    });
    let stalls = Duration::from_secs(60);
    longest.max().unwrap_or_default() + REFUSED_PAUSE_MAX + WISH_MAX + layout.settle.1 * 64 + stalls
}

type Entries = BTreeMap<(IpAddr, u16), (u32, Method)>;

/// What one virtual server says of each destination: its weight, unless it is not to be there; how it is reached; and
/// whether it is a real server.
type Opinions = BTreeMap<(IpAddr, u16), (Option<u32>, Method, bool)>;

pub(super) fn check(world: &mut World<'_>) {
    let fronts: Vec<FrontParams> = world.setup.fronts.values().cloned().collect();
    let mut keys = Vec::new();
    for front in fronts {
        keys.extend(front.keys.iter().copied());
        if front.services.iter().any(|id| world.engine.service(*id).is_none_or(|service| service.suspended)) {
            continue;
        }
        let expected = entries(world, &front);
        for key in front.keys.iter() {
            let found = world.kernel.table.get(key).map(|content| {
                let entries = content.destinations.iter().map(|to| ((to.address, to.port), (to.weight, to.method)));
                (content.spec.clone(), entries.collect::<Entries>())
            });
            if found.as_ref() != Some(&(front.spec.clone(), expected.clone())) {
                let text = format!("{key:?} is {:?}, and should be {expected:?}", found.map(|(_, entries)| entries));
                world.judge.break_promise(world.now, Promise::Table, text);
            }
        }
    }
    let strange = world.kernel.table.keys().find(|key| !keys.contains(key) && **key != foreign()).copied();
    if let Some(strange) = strange {
        world.judge.break_promise(
            world.now,
            Promise::Table,
            format!("{strange:?} is in the table, and nobody wants it"),
        );
    }
    if !world.engine.is_settled() {
        world.judge.break_promise(world.now, Promise::Table, "the kernel has not confirmed the table".to_owned());
    }
}

/// What a front should have. Of what several virtual servers say of one address the least counts.
fn entries(world: &World<'_>, front: &FrontParams) -> Entries {
    let mut said: Vec<Opinions> = Vec::new();
    for id in &front.services {
        if let Some(service) = world.setup.services.get(id) {
            said.push(of_service(world, *id, service, front.port));
        }
    }
    let mut all: Entries = Entries::new();
    let places: Vec<(IpAddr, u16)> = said.iter().flat_map(|said| said.keys().copied()).collect();
    for place in places {
        let opinions: Vec<_> = said.iter().filter_map(|said| said.get(&place)).collect();
        let real = opinions.iter().all(|(.., real)| *real);
        let chosen = if real {
            opinions.iter().min_by_key(|(weight, ..)| *weight)
        } else {
            opinions.iter().rev().max_by_key(|(weight, ..)| *weight)
        };
        if let Some((Some(weight), method, _)) = chosen {
            all.insert(place, (*weight, *method));
        }
    }
    all
}

fn of_service(world: &World<'_>, id: ServiceId, service: &ServiceParams, port: u16) -> Opinions {
    let alive: BTreeMap<ServerId, bool> =
        service.servers.iter().map(|server| (*server, is_well(world, *server))).collect();
    let weights: BTreeMap<ServerId, u32> =
        service.servers.iter().map(|server| (*server, weight(world, *server))).collect();
    let sum: u64 = alive.iter().filter(|(_, up)| **up).map(|(id, _)| u64::from(weights[id])).sum();
    let configured: u64 = service
        .servers
        .iter()
        .filter_map(|id| world.setup.servers.get(id))
        .map(|server| u64::from(server.weight))
        .sum();
    let (quorum, band) = (u64::from(service.quorum), u64::from(service.hysteresis));
    let up = if sum == 0 || sum < quorum.saturating_sub(band) {
        false
    } else if sum >= (quorum + band).min(configured.max(quorum)) {
        true
    } else {
        // Within the band it stays what it was.
        world.judge.services.get(&id).copied().unwrap_or(false)
    };
    let sorry_serves = service.sorry.is_some() && !up;
    let mut said = Opinions::new();
    for server in &service.servers {
        let Some(params) = world.setup.servers.get(server) else { continue };
        let serves = alive[server] && !sorry_serves;
        let drains = alive[server] && world.judge.wishes.get(server).is_some_and(|wish| wish.drain);
        let weight = match (serves, drains || params.inhibit) {
            (true, _) => Some(weights[server]),
            (false, true) => Some(0),
            (false, false) => None,
        };
        let place = (params.address, if params.method == Method::Nat { params.port } else { port });
        said.insert(place, (weight, params.method, true));
    }
    if let Some(sorry) = &service.sorry {
        let weight = if sorry_serves { Some(SORRY_WEIGHT) } else { sorry.inhibit.then_some(0) };
        let place = (sorry.address, if sorry.method == Method::Nat { sorry.port } else { port });
        let (known, ..) = said.get(&place).copied().unwrap_or((None, sorry.method, true));
        if weight > known || !said.contains_key(&place) {
            said.insert(place, (weight, sorry.method, false));
        }
    }
    said
}

fn is_well(world: &World<'_>, server: ServerId) -> bool {
    let mut checkers = world.setup.checkers.iter().filter(|(_, checker)| checker.server == server);
    checkers.all(|(id, _)| world.truth.get(id).copied().unwrap_or_default() == Health::Well)
}

fn weight(world: &World<'_>, server: ServerId) -> u32 {
    if let Some(wish) = world.judge.wishes.get(&server) {
        return wish.weight;
    }
    let own = world.setup.servers.get(&server).map_or(0, |server| i64::from(server.weight));
    let checkers = world.setup.checkers.iter().filter(|(_, checker)| checker.server == server);
    let added = checkers.filter_map(|(id, _)| world.says.get(id)).map(|weight| match weight {
        Weight::Exactly(weight) => i64::from(*weight) - own,
        Weight::Plus(more) => i64::from(*more),
    });
    (own + added.sum::<i64>()).clamp(0, i64::from(WEIGHT_MAX)) as u32
}

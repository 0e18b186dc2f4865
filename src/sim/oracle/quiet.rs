// SPDX-License-Identifier: MIT OR Apache-2.0
//! What must hold once nothing has disturbed the network for long enough: one master each, the best one; its addresses
//! where they belong; groups agreed; clients on their way to it. How long is long enough follows from the parameters.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{Promise, preempts};
use crate::proto::Instant;
use crate::proto::track::{Reading, TrackParams};
use crate::proto::vrrp::{
    Fault, GroupId, InstanceId, OWNER_PRIORITY, OtherAddresses, Params, Phase, Preempt, Reach, TrackUse, Version,
};
use crate::sim::layout::{Layout, Router, source_of};
use crate::sim::net::{Link, Station, Stations};
use crate::sim::node::{Node, Power};
use crate::sim::script::Manner;
use crate::sim::{World, station};

/// What is known about the calm of each virtual router.
#[derive(Clone, Debug)]
pub(super) struct Progress {
    /// Virtual routers that share a sync group are one scope: what disturbs one disturbs all.
    scopes: Vec<usize>,
    settled: Vec<bool>,
    /// At rest, and free to change its mind: see [`one_way_numbers`].
    fickle: Vec<bool>,
    /// Whether the clients were looked at since the last disturbance.
    followed: Vec<bool>,
    /// How often each kind of check found a quiet network; a run that never did proves little.
    pub(super) checks: u64,
}

impl Progress {
    pub(super) fn new(layout: &Layout, routers: &[Router]) -> Progress {
        let mut scopes: Vec<usize> = (0..routers.len()).collect();
        for (at, plan) in layout.nodes.iter().enumerate() {
            for group in plan.setup.groups.values() {
                let inside = |router: &Router| {
                    router.members.iter().any(|(member, id)| *member == station(at) && group.members.contains(id))
                };
                let joined: Vec<usize> =
                    routers.iter().enumerate().filter(|(_, router)| inside(router)).map(|(at, _)| at).collect();
                let names: Vec<usize> = joined.iter().filter_map(|at| scopes.get(*at).copied()).collect();
                let first = names.iter().min().copied();
                for scope in &mut scopes {
                    if names.contains(scope) {
                        *scope = first.unwrap_or(*scope);
                    }
                }
            }
        }
        let none = vec![false; routers.len()];
        Progress { scopes, settled: none.clone(), fickle: none.clone(), followed: none, checks: 0 }
    }

    pub(super) fn scope(&self, router: usize) -> usize {
        self.scopes.get(router).copied().unwrap_or(router)
    }

    pub(super) fn is_settled(&self, router: usize) -> bool {
        self.settled.get(router).copied().unwrap_or(false)
    }

    /// Whether its masters must stay who they are.
    pub(super) fn must_stay(&self, router: usize) -> bool {
        self.is_settled(router) && !self.fickle.get(router).copied().unwrap_or(false)
    }

    pub(super) fn unsettle(&mut self, router: usize) {
        for states in [&mut self.settled, &mut self.followed] {
            if let Some(state) = states.get_mut(router) {
                *state = false;
            }
        }
    }
}

/// Looks at every virtual router that has been quiet for its bound. Gives the time of the next look.
pub fn check(world: &mut World) -> Option<Instant> {
    let mut next: Option<Instant> = None;
    let mut shortest = LOOK_AGAIN;
    for router in 0..world.routers.len() {
        let (bound, follow) = bounds(world, router);
        shortest = shortest.min(bound);
        let since = world.oracle.quiet_since.get(router).copied().unwrap_or_default();
        let settled = world.oracle.quiet.is_settled(router);
        let followed = world.oracle.quiet.followed.get(router).copied().unwrap_or(true);
        let due = if !settled { since + bound } else { since + bound + follow };
        if world.now < due {
            next = Some(next.map_or(due, |next| next.min(due)));
            continue;
        }
        if !settled {
            settle(world, router);
            next = Some(next.map_or(due + follow, |next| next.min(due + follow)));
        } else if !followed {
            clients_follow(world, router);
        }
    }
    // A later disturbance moves the moment; looking again now and then finds the new one.
    let again = world.now + shortest;
    Some(next.map_or(again, |next| next.min(again)).max(world.now + LOOK_LEAST))
}

/// At the end of a world that was healed: everything must have come to rest, and been looked at.
pub fn must_rest(world: &mut World) {
    if world.network.is_noisy() {
        return;
    }
    let restless = (0..world.routers.len()).find(|router| !world.oracle.quiet.is_settled(*router));
    if let Some(router) = restless {
        let since = world.oracle.quiet_since.get(router).copied().unwrap_or_default();
        let name = world.routers.get(router).map_or("?", |router| router.name.as_str());
        let (bound, _) = bounds(world, router);
        let text = format!("{name} was never looked at: quiet since {since:?}, bound {bound:?}");
        world.oracle.break_promise(Promise::OneMaster, world.now, text);
    }
}

const LOOK_AGAIN: Duration = Duration::from_secs(5);
const LOOK_LEAST: Duration = Duration::from_millis(1);

/// What an instance may have asked of the kernel when things come to rest: to hold and to give up, half by half.
const REQUESTS_EACH: u32 = 4;

/// In how many intervals masters whose AH numbers go in step come apart, however many they are.
const TIE_ADVERTS: u32 = 8;

/// How long a virtual router may take to come to rest, and how long its clients may take on top.
fn bounds(world: &World, router: usize) -> (Duration, Duration) {
    let scope = world.oracle.quiet.scope(router);
    let mut down = Duration::ZERO;
    let mut wait = Duration::ZERO;
    let mut settle = Duration::ZERO;
    let mut announce = Duration::ZERO;
    let mut members = Stations::NONE;
    let mut grouped = 1;
    for (at, shape) in world.routers.iter().enumerate() {
        if world.oracle.quiet.scope(at) != scope {
            continue;
        }
        for (member, id) in &shape.members {
            let Some(node) = world.node(*member) else { continue };
            // The kernel takes its time, also for what was removed, and does one thing after the other.
            let requests = u32::try_from(node.plan.setup.instances.len().max(1)).unwrap_or(1) * REQUESTS_EACH;
            settle = settle.max(node.kernel.longest() * requests);
            let Some(params) = node.plan.setup.instances.get(id) else { continue };
            members = members.with(*member);
            down = down.max(longest_wait(world, scope, params, learned(world, *member, *id)));
            wait = wait.max(extra_wait(node, params));
            announce = announce.max(params.announce.lower_prio_delay.max(params.announce.delay));
            let group = node.plan.setup.groups.values().find(|group| group.members.contains(id));
            grouped = grouped.max(group.map_or(1, |group| 1 + group.members.len()));
        }
    }
    let rounds = u32::try_from(grouped).unwrap_or(1) * ranks(world, router, members);
    let turns = world.layout.turn.1 + world.network.slowest();
    let bound = down * rounds + wait + settle + turns * 6;
    // Clocks differ a little.
    let slack = bound / 200 + Duration::from_millis(1);
    (bound + slack, down + announce + settle + turns * 4)
}

/// The longest master-down time of an instance, when any member of its scope may be the master it counts by.
fn longest_wait(world: &World, scope: usize, params: &Params, learned: Duration) -> Duration {
    let mut interval = params.interval.max(learned);
    if params.version == Version::V3 {
        let inside = |(at, _): &(usize, &Router)| world.oracle.quiet.scope(*at) == scope;
        for (_, shape) in world.routers.iter().enumerate().filter(inside) {
            for (member, id) in &shape.members {
                let theirs = world.node(*member).and_then(|node| node.plan.setup.instances.get(id));
                interval = interval.max(theirs.map_or(interval, |theirs| theirs.interval));
            }
        }
    }
    let step = if params.version == Version::V2 { Duration::from_secs(1) } else { interval };
    interval * u32::from(params.down_timer_adverts) + step
}

/// The interval an instance learnt from the master it follows or followed.
fn learned(world: &World, at: Station, id: InstanceId) -> Duration {
    let watch = world.oracle.seen.get(usize::from(at.0)).and_then(|seen| seen.watches.get(&id));
    watch.map_or(Duration::ZERO, |watch| watch.interval)
}

/// What else an instance may wait for.
fn extra_wait(node: &Node, params: &Params) -> Duration {
    let preempt = match params.preempt {
        Preempt::Yes { delay } if !delay.is_zero() => {
            delay + params.interval * (1 + u32::from(params.down_timer_adverts))
        }
        Preempt::Yes { .. } | Preempt::No { .. } => Duration::ZERO,
    };
    // Masters whose AH numbers are equal need some more adverts to hear each other.
    let tie = if params.auth.uses_header() { params.interval * TIE_ADVERTS } else { Duration::ZERO };
    let port = node.plan.setup.ports.get(&params.port).map(|port| port.down_delay.max(port.up_delay));
    let tracks = params.tracks.iter().filter_map(|used| {
        let every = node.plan.tracks.get(&used.track)?.every.unwrap_or_default();
        Some(match node.plan.setup.tracks.get(&used.track)? {
            TrackParams::Script { rise, fall, .. } => every * (rise.max(fall) + 1),
            TrackParams::Process { up_delay, down_delay, .. } | TrackParams::Interface { up_delay, down_delay } => {
                *up_delay.max(down_delay)
            }
            TrackParams::File | TrackParams::Bfd | TrackParams::Address | TrackParams::Route => Duration::ZERO,
        })
    });
    let tracked = tracks.max().unwrap_or_default();
    node.plan.setup.globals.startup_delay + preempt + tie + port.unwrap_or_default() + tracked
}

/// How many times in a row a wait may have to run out: once when everybody hears everybody, otherwise once per rank.
fn ranks(world: &World, router: usize, members: Stations) -> u32 {
    let Some(shape) = world.routers.get(router) else { return 1 };
    let all: Vec<Station> = (0..world.nodes.len()).map(station).filter(|at| members.holds(*at)).collect();
    let heard = |from: Station, to: Station| world.network.open(Link { segment: shape.segment, from, to });
    let mutual = all.iter().all(|a| all.iter().all(|b| a == b || heard(*a, *b) == heard(*b, *a)));
    let transitive = all
        .iter()
        .all(|a| all.iter().all(|b| all.iter().all(|c| a == c || !(heard(*a, *b) && heard(*b, *c)) || heard(*a, *c))));
    if mutual && transitive { 1 } else { u32::try_from(all.len()).unwrap_or(1) }
}

/// One member of a virtual router, as the naive reference sees it.
#[derive(Clone, Debug)]
struct Stand {
    at: Station,
    eligible: bool,
    phase: Option<Phase>,
    priority: u8,
    source: Option<std::net::IpAddr>,
    preempts: bool,
    /// Adverts carry the numbers of the authentication header.
    numbered: bool,
    group: Option<GroupId>,
}

fn settle(world: &mut World, router: usize) {
    let found = judge(world, router);
    let fickle = one_way_numbers(world, router);
    let now = world.now;
    world.oracle.quiet.checks += 1;
    if let Some(slot) = world.oracle.quiet.fickle.get_mut(router) {
        *slot = fickle;
    }
    match found {
        Some((promise, text)) => world.oracle.break_promise(promise, now, text),
        None => {
            if let Some(settled) = world.oracle.quiet.settled.get_mut(router) {
                *settled = true;
            }
        }
    }
}

/// The numbers of AH are common to all. Who is heard and hears nothing may be behind, or in step, with another master
/// until their clocks have drifted apart; then it is heard, and that one yields.
fn one_way_numbers(world: &World, router: usize) -> bool {
    let Some(shape) = world.routers.get(router) else { return false };
    let stands: Vec<Stand> = shape.members.iter().filter_map(|(at, id)| stand(world, *at, *id)).collect();
    stands.iter().filter(|stand| stand.numbered).any(|one| {
        stands.iter().any(|other| hears(world, router, one.at, other.at) != hears(world, router, other.at, one.at))
    })
}

fn judge(world: &World, router: usize) -> Option<(Promise, String)> {
    let shape = world.routers.get(router)?;
    let stands: Vec<Stand> = shape.members.iter().filter_map(|(at, id)| stand(world, *at, *id)).collect();
    for stand in &stands {
        let name = world.node(stand.at).map_or("?", |node| node.plan.name.as_str());
        if let Some((promise, text)) = misplaced(world, router, stand, &stands) {
            return Some((promise, format!("{name}: {} {text}", shape.name)));
        }
    }
    for stand in &stands {
        if let Some(found) = torn(world, stand) {
            return Some(found);
        }
    }
    for (at, id) in &shape.members {
        if let Some(found) = holdings(world, *at, *id) {
            return Some(found);
        }
    }
    None
}

fn stand(world: &World, at: Station, id: InstanceId) -> Option<Stand> {
    let node = world.node(at)?;
    let params = node.plan.setup.instances.get(&id)?;
    let port = node.plan.port(params.port)?;
    let groups = &node.plan.setup.groups;
    let group = groups.iter().find(|(_, group)| group.members.contains(&id)).map(|(id, _)| *id);
    let whole = match group.and_then(|group| groups.get(&group)) {
        Some(group) => group.members.iter().copied().filter(|id| node.plan.setup.instances.contains_key(id)).collect(),
        None => vec![id],
    };
    Some(Stand {
        at,
        eligible: whole.iter().all(|id| eligible(node, *id) && !unheld(node, *id)),
        phase: world.phase(at, id),
        priority: priority(node, params),
        source: source_of(params, port),
        preempts: preempts(params),
        numbered: params.auth.uses_header(),
        group,
    })
}

/// Whether an instance can take part, from what the world knows alone.
fn eligible(node: &Node, id: InstanceId) -> bool {
    let Some(params) = node.plan.setup.instances.get(&id) else { return false };
    let Some(port) = node.plan.port(params.port) else { return false };
    let linked = node.link_up(params.port) || !params.track_primary;
    let sourced = params.source.is_some()
        || (node.sources.get(&params.port).copied().unwrap_or(false) && source_of(params, port).is_some());
    let sound = params.tracks.iter().all(|used| contribution(node, used).is_some());
    matches!(node.power, Power::Running) && !params.broken && linked && sourced && sound
}

/// Whether an instance waits because its kernel refused every address.
fn unheld(node: &Node, id: InstanceId) -> bool {
    let faults = node.engine.as_ref().and_then(|engine| engine.faults(id));
    faults.is_some_and(|faults| faults.contains(&Fault::Unheld))
}

/// What a tracked object adds to the priority; `None` is a fault.
fn contribution(node: &Node, used: &TrackUse) -> Option<i64> {
    let reading = node.readings.get(&used.track).copied()?;
    let weight = i64::from(used.weight);
    let sign = if used.reverse { -1 } else { 1 };
    let up = match (reading, node.plan.setup.tracks.get(&used.track)?) {
        (Reading::Value(value), _) if used.weight == 0 => return ((value == 0) != used.reverse).then_some(0),
        (Reading::Value(value), _) => {
            let sum = value.saturating_mul(weight) * sign;
            return (sum > -254).then_some(sum.min(253));
        }
        (Reading::Count { running, .. }, TrackParams::Process { quorum, quorum_max, .. }) => {
            running >= *quorum && quorum_max.is_none_or(|most| running <= most)
        }
        (Reading::Count { .. }, _) => false,
        (Reading::Up(up), _) => up,
    };
    match weight {
        0 => (up != used.reverse).then_some(0),
        1.. if up => Some(weight * sign),
        ..=-1 if !up => Some(weight * sign),
        _ => Some(0),
    }
}

/// Base priority and tracking, kept between 1 and 254; an owner's never moves.
fn priority(node: &Node, params: &Params) -> u8 {
    if params.priority == OWNER_PRIORITY {
        return OWNER_PRIORITY;
    }
    let sum: i64 = params.tracks.iter().filter_map(|used| contribution(node, used)).sum();
    u8::try_from((i64::from(params.priority) + sum).clamp(1, 254)).unwrap_or(254)
}

/// Whether this member should be something else than it is.
fn misplaced(world: &World, router: usize, stand: &Stand, all: &[Stand]) -> Option<(Promise, String)> {
    let node = world.node(stand.at)?;
    if node.engine.is_none() || !node.is_running() || refuses(node) {
        return None;
    }
    if !stand.eligible {
        let out = matches!(stand.phase, Some(Phase::Fault | Phase::Init) | None);
        return (!out).then(|| (Promise::OneMaster, format!("cannot take part and is {:?}", stand.phase)));
    }
    match stand.phase {
        Some(Phase::Master) => {
            let better = all.iter().find(|other| {
                hears(world, router, stand.at, other.at)
                    // The numbers of AH are common to all: whoever is heard and hears nothing may fall behind for good.
                    && (!stand.numbered || hears(world, router, other.at, stand.at))
                    && other.phase == Some(Phase::Master)
                    && (other.priority, other.source) > (stand.priority, stand.source)
            })?;
            let text = format!("is master with {} and hears a master with {}", stand.priority, better.priority);
            Some((Promise::OneMaster, text))
        }
        Some(Phase::Backup) if stand.group.is_some() => group_follows(world, stand),
        Some(Phase::Backup) => {
            let followed = all.iter().any(|other| {
                hears(world, router, stand.at, other.at)
                    && other.phase == Some(Phase::Master)
                    && (other.priority >= stand.priority || !stand.preempts)
            });
            (!followed).then(|| {
                (Promise::OneMaster, format!("is backup with {} and hears no master to follow", stand.priority))
            })
        }
        phase => Some((Promise::OneMaster, format!("can take part and is {phase:?}"))),
    }
}

/// A group may stay backup while one member has a master to follow.
fn group_follows(world: &World, stand: &Stand) -> Option<(Promise, String)> {
    let node = world.node(stand.at)?;
    let members = node.plan.setup.groups.get(&stand.group?)?.members.clone();
    let follows = members.iter().any(|id| {
        let Some(router) = world.oracle.router_of(stand.at, *id) else { return false };
        let Some(own) = self::stand(world, stand.at, *id) else { return false };
        let Some(shape) = world.routers.get(router) else { return false };
        shape.members.iter().filter_map(|(at, id)| self::stand(world, *at, *id)).any(|other| {
            hears(world, router, stand.at, other.at)
                && other.phase == Some(Phase::Master)
                && (other.priority >= own.priority || !own.preempts)
        })
    });
    (!follows).then(|| (Promise::Group, "is backup and no member of its group hears a master to follow".to_owned()))
}

/// The members of a group are in one state.
fn torn(world: &World, stand: &Stand) -> Option<(Promise, String)> {
    let node = world.node(stand.at)?;
    let group = node.plan.setup.groups.get(&stand.group?)?;
    let phases: BTreeSet<Phase> = group.members.iter().filter_map(|id| world.phase(stand.at, *id)).collect();
    let split = phases.len() > 1 && node.is_running();
    split.then(|| (Promise::Group, format!("{}: the members of a group are {phases:?}", node.plan.name)))
}

fn refuses(node: &Node) -> bool {
    node.kernel.manner == Manner::Refuses
}

/// Whether adverts of one node reach another.
fn hears(world: &World, router: usize, to: Station, from: Station) -> bool {
    let Some(shape) = world.routers.get(router) else { return false };
    let plugged = |at: Station| {
        let member = shape.members.iter().find(|(member, _)| *member == at)?;
        let node = world.node(at)?;
        let params = node.plan.setup.instances.get(&member.1)?;
        (node.is_running() && node.link_up(params.port)).then_some((node, params))
    };
    let (Some((_, params)), Some((sender, theirs))) = (plugged(to), plugged(from)) else { return false };
    let source = sender.plan.port(theirs.port).and_then(|port| source_of(theirs, port));
    let addressed = match (&theirs.reach, world.node(to).and_then(|node| node.plan.port(params.port))) {
        (Reach::Multicast { .. }, _) => true,
        (Reach::Unicast { peers, .. }, Some(port)) => peers.iter().any(|peer| Some(peer.ip) == source_of(params, port)),
        (Reach::Unicast { .. }, None) => false,
    };
    let listed =
        params.other_addresses == OtherAddresses::Report || params.holdings.addresses == theirs.holdings.addresses;
    to != from
        && source.is_some()
        && addressed
        && listed
        && world.network.open(Link { segment: shape.segment, from, to })
}

/// Whether a kernel has what it should.
fn holdings(world: &World, at: Station, id: InstanceId) -> Option<(Promise, String)> {
    let node = world.node(at)?;
    node.engine.as_ref()?;
    if !node.is_running() || refuses(node) {
        return None;
    }
    let hands_over = node.engine.as_ref().is_some_and(|engine| engine.is_handing_over(id));
    if hands_over || world.oracle.seen.get(usize::from(at.0)).is_some_and(|seen| seen.asked_again > world.now) {
        return None;
    }
    let held = node.kernel.held(id);
    let wanted = match (world.phase(at, id), node.plan.setup.instances.get(&id)) {
        (Some(Phase::Master), Some(params)) => params.holdings.every_address().map(|held| held.ip).collect(),
        (Some(Phase::Init | Phase::Backup | Phase::Fault | Phase::Master) | None, _) => BTreeSet::new(),
    };
    (held != wanted)
        .then(|| (Promise::Holdings, format!("{}: has {held:?} and should have {wanted:?}", node.plan.name)))
}

/// Whether clients know the way to a master that appeared, or remained alone, since the network is quiet.
fn clients_follow(world: &mut World, router: usize) {
    let found = astray(world, router);
    let now = world.now;
    if let Some(text) = found {
        world.oracle.break_promise(Promise::Clients, now, text);
    }
    if let Some(followed) = world.oracle.quiet.followed.get_mut(router) {
        *followed = true;
    }
}

fn astray(world: &World, router: usize) -> Option<String> {
    let shape = world.routers.get(router)?;
    let oracle = &world.oracle;
    let moved = oracle.moved.get(router).copied().unwrap_or_default();
    let quiet = oracle.quiet_since.get(router).copied().unwrap_or_default();
    let lost = oracle.claim_lost.get(router).copied().unwrap_or_default();
    let &[master] = oracle.masters.get(router)?.as_slice() else { return None };
    if moved < quiet || lost >= moved {
        return None;
    }
    let node = world.node(master)?;
    let (_, id) = shape.members.iter().find(|(at, _)| *at == master)?;
    let params = node.plan.setup.instances.get(id)?;
    // Who refuses another list of addresses may never hear of the master it has to announce against.
    let deaf = params.other_addresses == OtherAddresses::Refuse;
    if params.announce.repeat == 0 || params.announce.lower_prio_repeat == 0 || refuses(node) || deaf {
        return None;
    }
    for (at, client) in world.layout.clients.iter().enumerate().filter(|(_, client)| client.segment == shape.segment) {
        let to = station(world.nodes.len() + at);
        let open = |from: Station, to: Station| world.network.open(Link { segment: shape.segment, from, to });
        if !open(master, to) || !open(to, master) {
            continue;
        }
        let cache = world.caches.get(at)?;
        // What the kernel refused and was not asked for again yet is with nobody.
        let there = node.kernel.held(*id);
        for held in params.holdings.every_address().filter(|held| there.contains(&held.ip)) {
            let who = cache.who(held.ip);
            // A master that hears nothing of another one cannot know that it must announce again.
            let knows = |who| open(who, master) && oracle.knows_of(router, master, who);
            if who != Some(master) && who.is_none_or(knows) {
                let way = who.and_then(|who| world.cast.stations().nth(usize::from(who.0)).map(str::to_owned));
                let way = way.unwrap_or_else(|| "nobody".to_owned());
                return Some(format!(
                    "{} takes {} for the master of {}, not {}",
                    client.name, way, held.ip, node.plan.name
                ));
            }
        }
    }
    None
}

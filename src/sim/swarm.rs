// SPDX-License-Identifier: MIT OR Apache-2.0
//! One seed, one world: everything about it is drawn, so that each seed is a different kind of world and not only a
//! different run of one.
//!
//! First anything may happen (*safety*). Then a core of nodes is healed, the rest stays broken, and the core has to
//! come to rest within its bound (*liveness*).

use std::net::IpAddr;
use std::time::Duration;

use super::layout::Layout;
use super::net::{Fault, Rule, Segment, Station, Stations};
use super::node::NodePlan;
use super::parts;
use super::random::{Chance, Random};
use super::script::{Action, Manner, Observed, Step};
use super::station;
use crate::proto::track::{Reading, TrackParams};
use crate::proto::vrrp::{
    Auth, Family, OWNER_PRIORITY, OnLoss, OtherAddresses, Params, PortParams, Preempt, Reach, TrackId, TrackUse,
    UNHELD_PAUSE, Version,
};

/// More nodes than this are not drawn.
pub const NODES_MAX: u64 = 7;

const DRAW: u64 = 1 << 20;

/// What the nodes of one world have in common.
#[derive(Clone, Debug)]
struct Style {
    segments: u8,
    routers: Vec<Shape>,
    grouped: bool,
    adverts: u8,
    interval: Duration,
    delay_preempt: Duration,
    auth: &'static str,
    unicast: bool,
    announce_refresh: Duration,
    tracks: u64,
    startup: Duration,
    bounce: bool,
    slow_ports: bool,
    checked_peers: bool,
    checked_lists: u64,
    blind: bool,
    handover: bool,
    lower_quiet: bool,
    higher_speaks: bool,
}

/// What the members of one virtual router have in common.
#[derive(Clone, Copy, Debug)]
struct Shape {
    segment: Segment,
    vrid: u8,
    version: Version,
    family: Family,
    addresses: u8,
    owned: bool,
}

/// Draws a world.
pub fn draw(seed: u64) -> Layout {
    let mut random = Random::stream(seed, DRAW);
    let style = style(&mut random);
    let count = match random.below(10) {
        0..=3 => 2,
        4..=7 => 3,
        _ => random.between(4, NODES_MAX),
    };
    let nodes: Vec<NodePlan> =
        (0..usize::try_from(count).unwrap_or(2)).map(|at| node(&mut random, &style, at, count)).collect();
    let segments = (0..style.segments).map(|at| if at == 0 { "lan".to_owned() } else { "wan".to_owned() }).collect();
    let mut layout = Layout::of(nodes, segments);
    layout.seed = seed;
    // Packets have to be much faster than the timers, or the protocol itself cannot work.
    let pace = style.interval / 50;
    layout.delay = (pace / 20, random.pick(&[pace / 10, pace / 4, pace]));
    layout.turn =
        (Duration::from_micros(5), random.pick(&[pace / 50, pace / 10, pace / 2]).max(Duration::from_micros(5)));
    layout.settle =
        (Duration::from_micros(50), random.pick(&[pace / 10, pace, pace * 5]).max(Duration::from_micros(50)));
    let late = random.pick(&[0, 1, 3]);
    layout.stagger = style.interval * late;
    layout.rests = true;
    script(&mut random, &style, &mut layout);
    layout
}

fn style(random: &mut Random) -> Style {
    let family = if random.one_in(3) { Family::V6 } else { Family::V4 };
    let version = if family == Family::V4 && random.one_in(3) { Version::V2 } else { Version::V3 };
    let millis = match version {
        Version::V2 => random.pick(&[1_000, 1_000, 2_000, 3_000]),
        Version::V3 => random.pick(&[100, 200, 300, 500, 1_000, 1_000, 2_000]),
    };
    let segments = if random.one_in(4) { 2 } else { 1 };
    let count = random.pick(&[1, 1, 1, 2, 2, 3]);
    let owned = random.one_in(12);
    let routers = (0..count).map(|at: u8| Shape {
        segment: Segment(at % segments),
        vrid: 51 + at,
        version,
        // Both families side by side share router numbers in real networks too.
        family: if version == Version::V3 && random.one_in(5) { Family::V6 } else { family },
        addresses: random.pick(&[1, 1, 2, 4]),
        owned: owned && at == 0,
    });
    let routers: Vec<Shape> = routers.collect();
    let interval = Duration::from_millis(millis);
    let auths: &[&str] = match version {
        Version::V2 if family == Family::V4 => &["none", "none", "password", "header", "keyed"],
        Version::V2 | Version::V3 => &["none", "none", "none", "keyed"],
    };
    Style {
        segments,
        grouped: routers.len() > 1 && random.one_in(2),
        routers,
        adverts: random.pick(&[3, 3, 3, 3, 2, 4, 5]),
        interval,
        delay_preempt: if random.one_in(6) { interval * random.pick(&[2, 5]) } else { Duration::ZERO },
        auth: auths.get(usize::try_from(random.below(auths.len() as u64)).unwrap_or(0)).copied().unwrap_or("none"),
        unicast: random.one_in(4),
        announce_refresh: if random.one_in(6) { interval * 10 } else { Duration::ZERO },
        tracks: random.pick(&[0, 0, 1, 2]),
        startup: if random.one_in(10) { interval * 2 } else { Duration::ZERO },
        bounce: random.one_in(4),
        slow_ports: random.one_in(8),
        checked_peers: random.one_in(2),
        checked_lists: random.below(8),
        blind: random.one_in(10),
        handover: !random.one_in(4),
        lower_quiet: random.one_in(8),
        higher_speaks: random.one_in(8),
    }
}

fn node(random: &mut Random, style: &Style, at: usize, count: u64) -> NodePlan {
    let mut plan = NodePlan::named(at, style.segments);
    plan.drift = i32::try_from(random.below(401)).unwrap_or(0) - 200;
    plan.wall = i16::try_from(random.below(11)).unwrap_or(0) - 5;
    plan.setup.globals.startup_delay = style.startup;
    if style.slow_ports {
        for port in plan.setup.ports.values_mut() {
            *port = PortParams { down_delay: style.interval / 2, up_delay: style.interval };
        }
    }
    for number in 0..style.tracks {
        plan = track(random, style, plan, number);
    }
    // Members of a group share a rank more often than not; one group that pulls both ways is drawn too.
    let rank = priority(random);
    let nopreempt = random.one_in(4);
    for (number, shape) in style.routers.iter().enumerate() {
        let own = if style.grouped && !random.one_in(8) { rank } else { priority(random) };
        let mut params = parts::params(shape.vrid, shape.version, shape.family, own);
        if shape.owned && at == 0 {
            params.priority = OWNER_PRIORITY;
        }
        instance(random, style, shape, &mut params, (at, count), nopreempt);
        if !params.is_owner() {
            let uses = plan.tracks.keys().map(|track| used(random, *track));
            params.tracks = uses.collect();
        }
        plan = plan.with_instance(&format!("VI_{}", number + 1), params);
    }
    if style.grouped {
        let members: Vec<u32> = (0..u32::try_from(style.routers.len()).unwrap_or(0)).collect();
        plan = plan.with_group("G", &members);
    }
    plan
}

/// Often from a handful, so that equal priorities happen.
fn priority(random: &mut Random) -> u8 {
    match random.below(3) {
        0 => random.pick(&[50, 100, 100, 150, 200]),
        _ => u8::try_from(random.between(1, 254)).unwrap_or(100),
    }
}

fn instance(
    random: &mut Random,
    style: &Style,
    shape: &Shape,
    params: &mut Params,
    (at, count): (usize, u64),
    nopreempt: bool,
) {
    params.port = crate::proto::vrrp::PortId(u32::from(shape.segment.0));
    params.interval = style.interval;
    if shape.version == Version::V3 && random.one_in(10) {
        params.interval = style.interval * 2;
    }
    params.down_timer_adverts = style.adverts;
    params.preempt = match (params.is_owner(), nopreempt) {
        (true, _) => Preempt::Yes { delay: Duration::ZERO },
        (false, true) => Preempt::No { timer_expired_backup: random.one_in(3).then_some(254) },
        (false, false) => Preempt::Yes { delay: style.delay_preempt },
    };
    let addresses: Vec<IpAddr> =
        (0..shape.addresses).map(|number| parts::virtual_address(shape.family, shape.vrid, number)).collect();
    params.holdings = parts::holdings(&addresses);
    params.auth = parts::auth(style.auth).unwrap_or(Auth::None).in_effect(shape.version, shape.family);
    params.announce.delay = style.interval * 5;
    params.announce.lower_prio_delay = style.interval * 5;
    params.announce.refresh = style.announce_refresh;
    params.on_loss = if style.bounce { OnLoss::Bounce } else { OnLoss::Restore };
    params.handover = style.handover;
    params.lower_prio_no_advert = style.lower_quiet;
    params.higher_prio_send_advert = style.higher_speaks;
    if style.unicast {
        let peers = (0..usize::try_from(count).unwrap_or(0)).filter(|other| *other != at);
        let ips: Vec<IpAddr> = peers
            .flat_map(|other| parts::own_addresses(shape.segment, other))
            .filter(|ip| Family::of(*ip) == shape.family)
            .collect();
        params.reach = parts::unicast(&ips);
        if let Reach::Unicast { check_source, .. } = &mut params.reach {
            *check_source = style.checked_peers;
        }
    }
    params.skip_check_adv_addr = style.checked_lists == 0;
    params.other_addresses = if style.checked_lists == 1 { OtherAddresses::Refuse } else { OtherAddresses::Report };
    params.track_primary = !style.blind;
}

fn track(random: &mut Random, style: &Style, plan: NodePlan, number: u64) -> NodePlan {
    let name = format!("t{}", number + 1);
    let every = style.interval;
    match random.below(5) {
        0 => plan.with_track(&name, TrackParams::File, Reading::Value(0), None),
        1 => plan.with_track(&name, TrackParams::Bfd, Reading::Up(true), None),
        2 => {
            let params =
                TrackParams::Process { quorum: 1, quorum_max: None, up_delay: every, down_delay: Duration::ZERO };
            plan.with_track(&name, params, Reading::Count { running: 1, at_once: true }, None)
        }
        _ => {
            let rise = random.pick(&[1, 1, 2]);
            let params = TrackParams::Script { rise, fall: random.pick(&[1, 2, 3]), init_fail: false };
            plan.with_track(&name, params, Reading::Up(true), Some(every))
        }
    }
}

fn used(random: &mut Random, track: TrackId) -> TrackUse {
    let weight = match random.below(3) {
        0 => 0,
        1 => i32::try_from(random.between(1, 100)).unwrap_or(1),
        _ => -i32::try_from(random.between(1, 100)).unwrap_or(1),
    };
    TrackUse { track, weight, reverse: false }
}

/// Draws what happens: faults that come and go, and a healed core at the end.
fn script(random: &mut Random, style: &Style, layout: &mut Layout) {
    let down = style.interval * (u32::from(style.adverts) + 2);
    let safety = down * u32::try_from(random.between(3, 12)).unwrap_or(3);
    let mut steps = Vec::new();
    noise(random, &mut steps, style.interval);
    let kinds = Kinds::drawn(random);
    let count = random.pick(&[0, 1, 2, 4, 8, 16]);
    for _ in 0..count {
        let at = whole(random.time(Duration::ZERO, safety));
        let longest = down * random.pick(&[1, 1, 3]);
        let lasts = whole(random.time(style.interval / 10, longest));
        trouble(random, &kinds, layout, style, (at, (at + lasts).min(safety)), &mut steps);
    }
    heal(random, layout, safety, &mut steps);
    steps.sort_by_key(|step| step.at);
    layout.steps = steps;
    let rest = rest(style, layout);
    let refused = steps_refuse(layout);
    // Who was refused everything waits before it stands again, and then everything has to come to rest once more.
    let again = if refused { UNHELD_PAUSE * 2 + rest } else { Duration::ZERO };
    layout.lasts = safety + rest + again;
}

fn steps_refuse(layout: &Layout) -> bool {
    layout.steps.iter().any(|step| matches!(step.action, Action::Kernel(_, Manner::Refuses)))
}

/// Long enough for the core to come to rest and for its clients to follow.
fn rest(style: &Style, layout: &Layout) -> Duration {
    let set = |step: &Step| if let Action::Interval(_, _, interval) = step.action { Some(interval) } else { None };
    let changed = layout.steps.iter().filter_map(set);
    let slowest = changed.max().unwrap_or_default().max(style.interval * 2);
    let down = slowest * (u32::from(style.adverts) + 1);
    let group = if style.grouped { u32::try_from(style.routers.len()).unwrap_or(1) + 1 } else { 1 };
    let chain = u32::try_from(layout.nodes.len()).unwrap_or(2);
    down * group * chain + style.delay_preempt + down + style.startup + style.interval * 30 + layout.settle.1 * 20
}

/// What the links do all the time.
fn noise(random: &mut Random, steps: &mut Vec<Step>, interval: Duration) {
    let chance = |random: &mut Random| Chance(u16::try_from(random.pick(&[10, 100, 500, 2_000])).unwrap_or(10));
    for kind in 0..4 {
        if !random.one_in(4) {
            continue;
        }
        let chance = chance(random);
        let fault = match kind {
            0 => Fault::Loss(chance),
            1 => Fault::Copy(chance),
            2 => Fault::Late(chance, interval * random.pick(&[1, 3])),
            _ => Fault::Corrupt(chance),
        };
        let rule = Rule { segment: None, from: Stations::ALL, to: Stations::ALL, fault };
        steps.push(Step { at: Duration::ZERO, action: Action::Fault(rule) });
    }
}

/// Which kinds of trouble a world knows; most worlds know only some.
struct Kinds(Vec<u64>);

const KINDS: u64 = 21;

impl Kinds {
    fn drawn(random: &mut Random) -> Kinds {
        let picked: Vec<u64> = (0..KINDS).filter(|_| random.one_in(2)).collect();
        Kinds(if picked.is_empty() { (0..KINDS).collect() } else { picked })
    }
}

/// One fault, from a moment to another.
fn trouble(
    random: &mut Random,
    kinds: &Kinds,
    layout: &Layout,
    style: &Style,
    (from, to): (Duration, Duration),
    steps: &mut Vec<Step>,
) {
    let count = layout.nodes.len() as u64;
    let node = |random: &mut Random| station(usize::try_from(random.below(count)).unwrap_or(0));
    let one = node(random);
    let other = node(random);
    let mut both = |begin: Action, end: Option<Action>| {
        steps.push(Step { at: from, action: begin });
        steps.extend(end.map(|action| Step { at: to, action }));
    };
    let plan = layout.nodes.get(usize::from(one.0));
    let instance = usize::try_from(random.below(style.routers.len() as u64)).unwrap_or(0);
    let segment = if style.segments > 1 && random.one_in(2) { Some(Segment(1)) } else { None };
    let lasts = to.saturating_sub(from).max(Duration::from_millis(1));
    let links = |from: Stations, to: Stations, fault: Fault| {
        (Action::Fault(Rule { segment, from, to, fault }), Some(Action::Heal { from, to, segment }))
    };
    let (a, b) = (Stations::one(one), Stations::one(other));
    let kind = kinds.0.get(usize::try_from(random.below(kinds.0.len() as u64)).unwrap_or(0)).copied().unwrap_or(0);
    match kind {
        0 => {
            let (cut, heal) = links(a, b, Fault::Cut);
            both(cut, heal);
        }
        1 => {
            let some: Stations = (0..layout.nodes.len()).map(station).filter(|_| random.one_in(2)).collect();
            let left = some.with(one);
            let right = Stations::ALL.without(left);
            for (from, to) in [(left, right), (right, left)] {
                let (cut, heal) = links(from, to, Fault::Cut);
                both(cut, heal);
            }
        }
        2 => {
            let (clog, heal) = links(a, Stations::ALL, Fault::Clog);
            both(clog, heal);
        }
        3 => {
            let (slow, heal) = links(a, b, Fault::Delay(style.interval / 10, style.interval / 2));
            both(slow, heal);
        }
        4 => both(Action::Crash(one), Some(Action::Start(one))),
        5 => both(Action::Kill(one), Some(Action::Start(one))),
        6 => both(Action::Stop(one), Some(Action::Start(one))),
        7 => both(Action::Stall(one, lasts), None),
        8 => both(Action::Sleep(one, lasts), None),
        9 => both(Action::Leap(one, lasts), None),
        10 => {
            if let Some(track) = plan.and_then(|plan| pick(random, plan.tracks.len())) {
                both(Action::Track(one, track, Observed::Down), Some(Action::Track(one, track, Observed::Up)));
            }
        }
        11 => {
            let port = pick(random, usize::from(style.segments)).unwrap_or(0);
            both(Action::Port(one, port, false), Some(Action::Port(one, port, true)));
        }
        12 => {
            let port = pick(random, usize::from(style.segments)).unwrap_or(0);
            both(Action::Source(one, port, false), Some(Action::Source(one, port, true)));
        }
        13 => {
            let id = plan.and_then(|plan| plan.instance_at(instance));
            let owner = plan.zip(id).and_then(|(plan, id)| plan.setup.instances.get(&id)).is_some_and(Params::is_owner);
            if !owner {
                both(Action::Priority(one, instance, priority(random)), Some(Action::Reload(one)));
            }
        }
        14 => {
            let manner = if random.one_in(2) { Manner::Refuses } else { Manner::Slow(style.interval) };
            both(Action::Kernel(one, manner), Some(Action::Kernel(one, Manner::Well)));
        }
        15 => both(Action::Snatch(one, instance), None),
        17 if style.routers.first().is_some_and(|router| router.version == Version::V3) => {
            let (other, first) = (style.interval * random.pick(&[2, 3]), style.interval);
            both(Action::Interval(one, instance, other), Some(Action::Interval(one, instance, first)));
        }
        18 => both(Action::Address(one, instance, true), Some(Action::Address(one, instance, false))),
        19 => both(Action::Member(one, instance, false), Some(Action::Member(one, instance, true))),
        16 => both(Action::Replay { segment: segment.unwrap_or(Segment(0)) }, None),
        _ => {
            let every = (style.interval / 20).max(Duration::from_millis(1));
            both(Action::Junk { segment: segment.unwrap_or(Segment(0)), every, lasts }, None);
        }
    }
}

/// Whole milliseconds read better.
fn whole(time: Duration) -> Duration {
    Duration::from_millis(u64::try_from(time.as_millis()).unwrap_or(u64::MAX)).max(Duration::from_millis(1))
}

fn pick(random: &mut Random, of: usize) -> Option<usize> {
    (of > 0).then(|| usize::try_from(random.below(of as u64)).unwrap_or(0))
}

/// Heals a core and leaves the rest broken for good: gone, or cut off in one direction or both.
fn heal(random: &mut Random, layout: &Layout, at: Duration, steps: &mut Vec<Step>) {
    let mut act = |action: Action| steps.push(Step { at, action });
    act(Action::Heal { from: Stations::ALL, to: Stations::ALL, segment: None });
    let count = layout.nodes.len();
    let broken = if random.one_in(3) { random.below(count as u64) } else { 0 };
    for (place, plan) in layout.nodes.iter().enumerate() {
        let node = station(place);
        if (place as u64) >= broken {
            mend(plan, node, &mut act);
            continue;
        }
        let (this, rest) = (Stations::one(node), Stations::ALL.without(Stations::one(node)));
        let cut = |from: Stations, to: Stations| Action::Fault(Rule { segment: None, from, to, fault: Fault::Cut });
        match random.below(4) {
            0 => act(Action::Crash(node)),
            1 => act(cut(this, rest)),
            2 => act(cut(rest, this)),
            _ => {
                act(cut(this, rest));
                act(cut(rest, this));
            }
        }
    }
}

/// Everything about a node is well again.
fn mend(plan: &NodePlan, node: Station, act: &mut impl FnMut(Action)) {
    act(Action::Kernel(node, Manner::Well));
    for port in 0..plan.ports.len() {
        act(Action::Port(node, port, true));
        act(Action::Source(node, port, true));
    }
    for track in 0..plan.tracks.len() {
        act(Action::Track(node, track, Observed::Up));
    }
    act(Action::Start(node));
}

#[cfg(test)]
mod tests;

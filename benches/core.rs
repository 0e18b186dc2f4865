// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the VRRP machine itself costs: `make bench-core` prints a table of times with the aim beside each.
//!
//! Nothing here fails because something is slow. A row is the median of several rounds, with the fastest and the
//! slowest round beside it; every round does the same work on a copy of the same machine. Words after `--` choose rows:
//! `cargo bench --bench core -- keyed`.

#![allow(clippy::disallowed_methods, clippy::expect_used, clippy::print_stdout)]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use steadfast::proto::vrrp::auth::{
    AntiReplay, AuthState, Envelope, HmacKey, HmacMode, HmacPolicy, Keys, Password, seal,
};
use steadfast::proto::vrrp::wire::{Addresses, Advert, GROUP_V4, GROUP_V6};
use steadfast::proto::vrrp::{
    AnnounceParams, Auth, Changes, Checksum, Datagram, Effect, Engine, Family, HeldAddress, Holdings, Input,
    InstanceId, Link, OnLoss, OtherAddresses, Params, Phase, PortId, Preempt, Raw, Reach, Setup, Version, WallTime,
};
use steadfast::proto::{Instant, Machine};

/// Rounds before the clock counts, and rounds that count.
const WARM_UP: usize = 5;
const ROUNDS: usize = 31;
/// Adverts handled, or sealed, in one round.
const BATCH: usize = 2000;

/// Of the simulated minute: so many instances, each hearing so many adverts a second.
const INSTANCES: u32 = 1000;
const ADVERTS_A_SECOND: u32 = 10;
const MINUTE: Duration = Duration::from_secs(60);
const MINUTE_ROUNDS: usize = 9;

const AIM_PLAIN: Duration = Duration::from_micros(1);
const AIM_KEYED: Duration = Duration::from_micros(5);
/// Of one core.
const AIM_SHARE: f64 = 0.01;

/// The wall clock at the start of every round.
const EPOCH: Duration = Duration::from_secs(1_700_000_000);

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let wants = |name: &str| wanted.is_empty() || wanted.iter().any(|word| name.contains(word.as_str()));
    let kinds: Vec<Kind> = Kind::all().into_iter().filter(|kind| wants(kind.name)).collect();
    if !kinds.is_empty() {
        head("one advert, decoded, accepted and handled by a Backup");
        kinds.iter().for_each(|kind| each_row(kind, rounds(ROUNDS, || hear(kind))));
        head("one advert, encoded and sealed");
        kinds.iter().for_each(|kind| each_row(kind, rounds(ROUNDS, || say(kind))));
    }
    if wants("minute") {
        head(&format!(
            "{INSTANCES} instances, {ADVERTS_A_SECOND} adverts a second each: a minute of it, share of a core"
        ));
        share_row("as Backup: heard and handled", rounds(MINUTE_ROUNDS, || minute(Phase::Backup)));
        share_row("as Master: timed, built and sealed", rounds(MINUTE_ROUNDS, || minute(Phase::Master)));
    }
}

/// The times of the rounds that count, sorted.
fn rounds(count: usize, mut round: impl FnMut() -> Duration) -> Vec<Duration> {
    for _ in 0..WARM_UP {
        black_box(round());
    }
    let mut times: Vec<Duration> = (0..count).map(|_| round()).collect();
    times.sort();
    times
}

fn timed(work: impl FnOnce()) -> Duration {
    let start = std::time::Instant::now();
    work();
    start.elapsed()
}

fn head(what: &str) {
    println!("\n{what}\n{:<36}{:>12}{:>12}{:>12}   aim", "", "median", "fastest", "slowest");
}

/// Median, fastest and slowest.
fn marks(times: &[Duration]) -> [f64; 3] {
    let at = |place: usize| times.get(place).map_or(0.0, Duration::as_secs_f64);
    [at(times.len() / 2), at(0), at(times.len().saturating_sub(1))]
}

fn each_row(kind: &Kind, times: Vec<Duration>) {
    let [median, fastest, slowest] = marks(&times).map(|seconds| seconds * 1e9 / BATCH as f64);
    let met = if median < kind.aim.as_nanos() as f64 { "met" } else { "MISSED" };
    println!(
        "{:<36}{median:>9.0} ns{fastest:>9.0} ns{slowest:>9.0} ns   < {} µs: {met}",
        kind.name,
        kind.aim.as_micros()
    );
}

fn share_row(name: &str, times: Vec<Duration>) {
    let shares = marks(&times).map(|seconds| seconds / MINUTE.as_secs_f64());
    let met = if shares[0] < AIM_SHARE { "met" } else { "MISSED" };
    let [median, fastest, slowest] = shares.map(|share| share * 100.0);
    println!("{name:<36}{median:>10.2} %{fastest:>10.2} %{slowest:>10.2} %   < {:.0} %: {met}", AIM_SHARE * 100.0);
}

/// One way to send an advert.
struct Kind {
    name: &'static str,
    version: Version,
    family: Family,
    auth: Auth,
    aim: Duration,
}

impl Kind {
    fn all() -> Vec<Kind> {
        let kind = |name, version, family, auth, aim| Kind { name, version, family, auth, aim };
        let password = || Password::new(b"secret").expect("a password");
        vec![
            kind("version 2, IPv4, no authentication", Version::V2, Family::V4, Auth::None, AIM_PLAIN),
            kind("version 3, IPv4, no authentication", Version::V3, Family::V4, Auth::None, AIM_PLAIN),
            kind("version 3, IPv6, no authentication", Version::V3, Family::V6, Auth::None, AIM_PLAIN),
            kind("version 2, IPv4, PASS", Version::V2, Family::V4, Auth::Password(password()), AIM_PLAIN),
            kind("version 2, IPv4, AH", Version::V2, Family::V4, Auth::Header(password()), AIM_KEYED),
            kind("version 2, IPv4, auth_hmac (keyed)", Version::V2, Family::V4, keyed(), AIM_KEYED),
            kind("version 3, IPv4, auth_hmac (keyed)", Version::V3, Family::V4, keyed(), AIM_KEYED),
            kind("version 3, IPv6, auth_hmac (keyed)", Version::V3, Family::V6, keyed(), AIM_KEYED),
        ]
    }

    /// Backups of this kind, all with the same VIP and the same neighbour.
    fn params(&self, vrid: u8, port: PortId, interval: Duration) -> Params {
        let address = HeldAddress { ip: vip(self.family), prefix: 24, link: None, detail: None, tracked: true };
        let group = match self.family {
            Family::V4 => GROUP_V4.into(),
            Family::V6 => GROUP_V6.into(),
        };
        Params {
            vrid,
            version: self.version,
            family: self.family,
            port,
            priority: 100,
            interval,
            down_timer_adverts: 3,
            preempt: Preempt::Yes { delay: Duration::ZERO },
            reach: Reach::Multicast { group },
            source: None,
            auth: self.auth.clone(),
            checksum: Checksum::default(),
            track_primary: true,
            tracks: Vec::new(),
            holdings: Arc::new(Holdings { addresses: vec![address], ..Holdings::default() }),
            announce: AnnounceParams::default(),
            lower_prio_no_advert: false,
            higher_prio_send_advert: false,
            owner_ignore_adverts: false,
            skip_check_adv_addr: false,
            other_addresses: OtherAddresses::Report,
            on_loss: OnLoss::Restore,
            handover: false,
            broken: false,
        }
    }

    fn interval(&self) -> Duration {
        Duration::from_secs(1)
    }
}

fn keyed() -> Auth {
    let key = HmacKey::new(b"0123456789abcdef0123456789abcdef").expect("a key");
    let policy = HmacPolicy::new(Keys::from([(1, key)]), 1, HmacMode::Enforce, AntiReplay::Time, 5);
    Auth::Keyed(policy.expect("a policy"))
}

fn ours(family: Family) -> IpAddr {
    match family {
        Family::V4 => Ipv4Addr::new(192, 0, 2, 10).into(),
        Family::V6 => Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0xa).into(),
    }
}

fn neighbour(family: Family) -> IpAddr {
    match family {
        Family::V4 => Ipv4Addr::new(192, 0, 2, 11).into(),
        Family::V6 => Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0xb).into(),
    }
}

fn vip(family: Family) -> IpAddr {
    match family {
        Family::V4 => Ipv4Addr::new(203, 0, 113, 1).into(),
        Family::V6 => Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into(),
    }
}

/// The neighbour's advert as a value, and around it.
fn advert(params: &Params) -> (Advert, Envelope) {
    let addresses = Addresses::collect(params.family, [vip(params.family)]).expect("one address");
    let advert = Advert::new(params.version, params.vrid, 200, params.interval, addresses).expect("an advert");
    let group = match params.family {
        Family::V4 => GROUP_V4.into(),
        Family::V6 => GROUP_V6.into(),
    };
    (advert, Envelope::new(neighbour(params.family), group, 1))
}

/// The neighbour's advert as it arrives.
fn datagram(params: &Params, memory: &mut AuthState, wall: WallTime) -> Datagram {
    let (advert, envelope) = advert(params);
    let stamp = memory.stamp(&params.auth, wall);
    let mut bytes = Vec::new();
    seal(&advert, &envelope, &params.auth, stamp, &mut bytes).expect("a datagram");
    let raw = match (envelope.source, envelope.destination) {
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            Raw::V6 { source, destination, hop_limit: Some(255), payload: bytes }
        }
        _ => Raw::V4(bytes),
    };
    Datagram { port: params.port, raw, truncated: false, wall }
}

/// An engine whose instances are Backups, and the moment at which it is.
fn engine(instances: BTreeMap<InstanceId, Params>) -> (Engine, Instant) {
    let now = Instant::ZERO + Duration::from_secs(10);
    let mut engine = Engine::new(7);
    let mut out = Vec::new();
    engine.handle(now, Input::Clock(WallTime(EPOCH)), &mut out);
    let mut ports: Vec<PortId> = instances.values().map(|params| params.port).collect();
    ports.dedup();
    for port in ports {
        engine.handle(now, Input::Link(port, Link::Up), &mut out);
        for family in [Family::V4, Family::V6] {
            engine.handle(now, Input::Source(port, family, Some(ours(family))), &mut out);
        }
    }
    let setup = Setup { instances, ..Setup::default() };
    engine.handle(now, Input::Reconfigure(Changes::between(&Setup::default(), &setup)), &mut out);
    (engine, now)
}

/// A round of `BATCH` adverts to one Backup, as a driver hands them in: every one an interval later, and every one a
/// turn of its own.
fn hear(kind: &Kind) -> Duration {
    let id = InstanceId(1);
    let params = kind.params(51, PortId(1), kind.interval());
    let (mut engine, start) = engine(BTreeMap::from([(id, params.clone())]));
    let mut memory = AuthState::default();
    let turns: Vec<(Instant, Datagram)> = (1..=BATCH as u32)
        .map(|turn| {
            let passed = kind.interval() * turn;
            (start + passed, datagram(&params, &mut memory, WallTime(EPOCH + passed)))
        })
        .collect();
    let mut out: Vec<Effect> = Vec::with_capacity(64);
    let time = timed(|| {
        for (now, datagram) in turns {
            engine.handle(now, Input::Received(datagram), &mut out);
            black_box(engine.deadline());
            out.clear();
        }
    });
    assert_eq!(engine.phase(id), Some(Phase::Backup));
    assert_eq!(engine.counters(id).map(|counters| counters.adverts_received), Some(BATCH as u64));
    time
}

/// A round of `BATCH` adverts made into datagrams.
fn say(kind: &Kind) -> Duration {
    let params = kind.params(51, PortId(1), kind.interval());
    let (advert, envelope) = advert(&params);
    let mut memory = AuthState::default();
    let walls: Vec<WallTime> = (1..=BATCH as u32).map(|turn| WallTime(EPOCH + kind.interval() * turn)).collect();
    timed(|| {
        for wall in walls {
            let stamp = memory.stamp(&params.auth, wall);
            let mut bytes = Vec::new();
            black_box(seal(black_box(&advert), &envelope, &params.auth, stamp, &mut bytes)).expect("a datagram");
            black_box(bytes);
        }
    })
}

/// A minute of adverts without authentication, to or from every instance; only the machine's turns count.
fn minute(role: Phase) -> Duration {
    let kind = Kind { name: "", version: Version::V3, family: Family::V4, auth: Auth::None, aim: AIM_PLAIN };
    let interval = Duration::from_secs(1) / ADVERTS_A_SECOND;
    // A VRID may come once per port.
    let instances: BTreeMap<InstanceId, Params> = (0..INSTANCES)
        .map(|number| {
            let vrid = u8::try_from(number % 250 + 1).expect("at most 250");
            (InstanceId(number), kind.params(vrid, PortId(number / 250), interval))
        })
        .collect();
    let adverts: Vec<Datagram> =
        instances.values().map(|params| datagram(params, &mut AuthState::default(), WallTime(EPOCH))).collect();
    let (mut engine, mut now) = engine(instances);
    let mut out: Vec<Effect> = Vec::with_capacity(1 << 14);
    if role == Phase::Master {
        // The kernel's answers are left out, so nothing is announced: that has its own pace.
        now += interval * 4;
        engine.expire(now, &mut out);
        out.clear();
    }
    let mut total = Duration::ZERO;
    for _ in 0..MINUTE.as_secs() * u64::from(ADVERTS_A_SECOND) {
        now += interval;
        let inputs: Vec<Datagram> = match role {
            Phase::Backup => adverts.clone(),
            Phase::Init | Phase::Master | Phase::Fault => Vec::new(),
        };
        total += timed(|| {
            for datagram in inputs {
                engine.handle(now, Input::Received(datagram), &mut out);
            }
            engine.expire(now, &mut out);
            black_box(engine.deadline());
        });
        out.clear();
    }
    let (in_role, worked) = engine.instances().fold((0, 0), |(in_role, worked), id| {
        let counters = engine.counters(id).expect("counters");
        let one = u32::from(engine.phase(id) == Some(role));
        (in_role + one, worked + counters.adverts_received + counters.adverts_sent)
    });
    assert_eq!(in_role, INSTANCES);
    assert!(worked >= u64::from(INSTANCES * ADVERTS_A_SECOND) * MINUTE.as_secs());
    total
}

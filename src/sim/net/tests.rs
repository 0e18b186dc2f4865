// SPDX-License-Identifier: MIT OR Apache-2.0
use super::*;

const A: Station = Station(0);
const B: Station = Station(1);
const C: Station = Station(2);
const LAN: Segment = Segment(0);
const MS: Duration = Duration::from_millis(1);

fn network() -> Network {
    Network::new(MS, 3 * MS, Random::new(1))
}

fn frame(from: Station, to: Station, octet: u8) -> Frame {
    let packet = Packet::Advert {
        source: [192, 0, 2, 1].into(),
        destination: [224, 0, 0, 18].into(),
        hop_limit: 255,
        bytes: vec![octet; 40],
        said: None,
    };
    Frame { link: Link { segment: LAN, from, to }, packet }
}

fn rule(from: Stations, to: Stations, fault: Fault) -> Rule {
    Rule { segment: None, from, to, fault }
}

fn arrival(fate: Fate) -> Option<Instant> {
    match fate {
        Fate::Arrives { at, .. } | Fate::Disturbed { at, .. } => Some(at),
        Fate::Copied { at, .. } => Some(at[0]),
        Fate::Lost | Fate::Barred => None,
    }
}

#[test]
fn a_plain_link_keeps_the_order_and_its_delay() {
    let mut network = network();
    let mut last = Instant::ZERO;
    for sent in 0..200_u8 {
        let now = Instant::ZERO + u32::from(sent) * MS / 4;
        let at = arrival(network.send(now, frame(A, B, sent))).expect("arrives");
        assert!(at >= last && at.since(now) <= 3 * MS);
        last = at;
    }
}

#[test]
fn a_cut_is_one_way_until_it_is_removed() {
    let mut network = network();
    let cut = network.add(rule(Stations::one(A), Stations::one(B), Fault::Cut));
    assert_eq!(network.send(Instant::ZERO, frame(A, B, 0)), Fate::Barred);
    assert!(arrival(network.send(Instant::ZERO, frame(B, A, 0))).is_some());
    assert!(!network.open(Link { segment: LAN, from: A, to: B }));
    assert!(network.open(Link { segment: LAN, from: B, to: A }));
    network.remove(Instant::ZERO, cut);
    assert!(arrival(network.send(Instant::ZERO, frame(A, B, 0))).is_some());
}

#[test]
fn a_partition_separates_two_sides_and_nobody_else() {
    let mut network = network();
    let left = Stations::one(A);
    let right = Stations::ALL.without(left);
    network.add(rule(left, right, Fault::Cut));
    network.add(rule(right, left, Fault::Cut));
    for (from, to, open) in [(A, B, false), (B, A, false), (C, A, false), (B, C, true), (C, B, true)] {
        assert_eq!(network.open(Link { segment: LAN, from, to }), open, "{from:?} {to:?}");
    }
}

#[test]
fn the_rule_said_last_decides_first() {
    let mut network = network();
    network.add(rule(Stations::ALL, Stations::ALL, Fault::Cut));
    network.add(rule(Stations::one(A), Stations::one(B), Fault::Pass));
    assert!(arrival(network.send(Instant::ZERO, frame(A, B, 0))).is_some());
    assert_eq!(network.send(Instant::ZERO, frame(A, C, 0)), Fate::Barred);
}

#[test]
fn a_clog_delivers_in_order_when_it_opens_and_holds_a_bounded_number() {
    let mut network = network();
    let clog = network.add(rule(Stations::ALL, Stations::ALL, Fault::Clog));
    for sent in 0..300_u16 {
        assert_eq!(network.send(Instant::ZERO, frame(A, B, sent as u8)), Fate::Barred);
    }
    let released = network.remove(Instant::ZERO + 100 * MS, clog);
    assert_eq!(released.len(), CLOGGED_FRAMES_MAX);
    let arrivals: Vec<Instant> = released.into_iter().filter_map(arrival).collect();
    assert!(arrivals.is_sorted());
    assert!(arrivals.first().is_some_and(|first| *first > Instant::ZERO + 100 * MS));
}

#[test]
fn loss_copies_and_late_frames_come_at_the_rate_asked_for() {
    let count = |fault: Fault, pick: fn(&Fate) -> bool| {
        let mut network = network();
        network.add(rule(Stations::ALL, Stations::ALL, fault));
        (0..10_000).filter(|_| pick(&network.send(Instant::ZERO, frame(A, B, 0)))).count()
    };
    let tenth = Chance::percent(10);
    for (what, seen) in [
        ("loss", count(Fault::Loss(tenth), |fate| matches!(fate, Fate::Lost))),
        ("copy", count(Fault::Copy(tenth), |fate| matches!(fate, Fate::Copied { .. }))),
        ("late", count(Fault::Late(tenth, 50 * MS), |fate| matches!(fate, Fate::Disturbed { .. }))),
        ("corrupt", count(Fault::Corrupt(tenth), |fate| matches!(fate, Fate::Disturbed { .. }))),
    ] {
        assert!((850..1_150).contains(&seen), "{what}: {seen}");
    }
}

#[test]
fn a_late_frame_is_overtaken() {
    let mut network = network();
    let late = network.add(rule(Stations::ALL, Stations::ALL, Fault::Late(Chance::CERTAIN, 500 * MS)));
    let first = arrival(network.send(Instant::ZERO, frame(A, B, 1))).expect("arrives");
    network.remove(Instant::ZERO, late);
    let second = arrival(network.send(Instant::ZERO + MS, frame(A, B, 2))).expect("arrives");
    assert!(second < first);
    assert_eq!(network.slowest(), 3 * MS);
}

#[test]
fn corruption_changes_the_bytes_of_an_advert() {
    let mut network = network();
    network.add(rule(Stations::ALL, Stations::ALL, Fault::Corrupt(Chance::CERTAIN)));
    for _ in 0..100 {
        let sent = frame(A, B, 0x31);
        let Fate::Disturbed { frame: seen, .. } = network.send(Instant::ZERO, sent.clone()) else {
            panic!("not disturbed")
        };
        assert_ne!(seen.packet, sent.packet);
    }
}

#[test]
fn a_link_that_is_cut_and_then_slowed_stays_cut() {
    let mut network = network();
    let (from, to) = (Stations::one(A), Stations::one(B));
    let cut = network.add(rule(from, to, Fault::Cut));
    network.add(rule(from, to, Fault::Delay(40 * MS, 50 * MS)));
    assert_eq!(network.send(Instant::ZERO, frame(A, B, 0)), Fate::Barred);
    network.remove(Instant::ZERO, cut);
    let at = arrival(network.send(Instant::ZERO, frame(A, B, 0))).expect("arrives");
    assert!(at.since(Instant::ZERO) >= 40 * MS, "{at:?}");
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! What strangers send: every datagram that is refused moves one counter and nothing else.

use std::net::IpAddr;

use super::kit::{HIGHER, HIGHER_V6, LOWER, Node, OURS, PORT, Said, VI, ms, params, params_v6, said, setup, unicast};
use crate::proto::vrrp::auth::{AntiReplay, AuthState, HmacKey, HmacMode, HmacPolicy, Password};
use crate::proto::vrrp::wire::ChecksumForm;
use crate::proto::vrrp::{
    Auth, Datagram, Effect, Engine, Input, InstanceId, Params, Peer, Phase, PortId, Raw, Reach, Version, WallTime,
};

/// The counters that differ, as `name +n`, of the instance and of the strays.
fn moved(before: &Engine, after: &Engine) -> Vec<String> {
    let fields = |engine: &Engine| {
        let text = format!("{:?} {:?}", engine.counters(VI).unwrap(), engine.strays());
        let words: Vec<String> = text.split(['{', '}', ',']).map(|word| word.trim().to_owned()).collect();
        let pairs = words.iter().filter_map(|word| word.split_once(": "));
        pairs.map(|(name, value)| (name.to_owned(), value.parse::<i64>().unwrap())).collect::<Vec<_>>()
    };
    let (before, after) = (fields(before), fields(after));
    let differ = before.iter().zip(&after).filter(|(old, new)| old != new);
    differ.map(|(old, new)| format!("{} +{}", old.0, new.1 - old.1)).collect()
}

/// Gives a datagram that must be refused, and tells which counter moved. Nothing else may.
fn refused(node: &mut Node, datagram: Datagram) -> Vec<String> {
    let before = node.engine.clone();
    let effects = node.give(Input::Received(datagram));
    assert!(effects.len() <= 1 && effects.iter().all(|effect| effect.starts_with("Refused")), "{effects:?}");
    let moved = moved(&before, &node.engine);
    let (mut before, mut after) = (before, node.engine.clone());
    before.clear_counters();
    after.clear_counters();
    assert_eq!(before, after, "a refused datagram changed more than a counter");
    moved
}

fn key(octet: u8) -> HmacKey {
    HmacKey::new(&[octet; 32]).unwrap()
}

fn hmac(octet: u8) -> Auth {
    let keys = [(1, key(octet))].into_iter().collect();
    Auth::Keyed(HmacPolicy::new(keys, 1, HmacMode::Enforce, AntiReplay::Time, 5).unwrap())
}

fn password(text: &str) -> Password {
    Password::new(text.as_bytes()).unwrap()
}

fn signed(priority: u8) -> Params {
    Params { auth: hmac(1), ..params(priority) }
}

fn v2(auth: Auth) -> Params {
    Params { version: Version::V2, auth, ..params(100) }
}

fn bytes(datagram: &mut Datagram) -> &mut Vec<u8> {
    match &mut datagram.raw {
        Raw::V4(bytes) => bytes,
        Raw::V6 { payload, .. } => payload,
    }
}

/// The instance, what is wrong with an otherwise fine advert of priority 150, and the counter.
type Case = (&'static str, Params, fn(&mut Said), fn(&mut Datagram), &'static str);

fn as_is(_: &mut Datagram) {}

fn unsaid(_: &mut Said) {}

/// Cuts or fills an IPv4 datagram and makes the total length agree.
fn resize(datagram: &mut Datagram, by: isize) {
    let Raw::V4(bytes) = &mut datagram.raw else {
        return;
    };
    let length = bytes.len().checked_add_signed(by).unwrap();
    bytes.resize(length, 0);
    bytes[2..4].copy_from_slice(&u16::try_from(length).unwrap().to_be_bytes());
}

#[rustfmt::skip]
fn cases() -> Vec<Case> {
    let peers = |check_source, hop_limits| Params {
        reach: Reach::Unicast { peers: vec![Peer { ip: HIGHER, hop_limits }], check_source, ttl: None },
        ..params(100)
    };
    vec![
        ("truncated by the buffer", params(100), unsaid, |datagram| datagram.truncated = true, "truncated +1"),
        ("cut inside the header", params(100), unsaid, |datagram| bytes(datagram).truncate(25), "malformed +1"),
        ("empty", params(100), unsaid, |datagram| bytes(datagram).clear(), "malformed +1"),
        ("IPv6 cut inside the header", params_v6(100), |said| said.from = HIGHER_V6, |datagram| bytes(datagram).truncate(7), "malformed +1"),
        ("cut behind the header", params(100), unsaid, |datagram| resize(datagram, -2), "packet_length +1"),
        ("length field too long", params(100), unsaid, |datagram| { bytes(datagram).truncate(30); }, "packet_length +1"),
        ("padded", params(100), unsaid, |datagram| resize(datagram, 8), "packet_length +1"),
        ("IPv6 padded", params_v6(100), |said| said.from = HIGHER_V6, |datagram| bytes(datagram).extend([0; 4]), "packet_length +1"),
        ("over a router", params(100), |said| said.hop_limit = 254, as_is, "hop_limit +1"),
        ("IPv6 over a router", params_v6(100), |said| { said.from = HIGHER_V6; said.hop_limit = 64; }, as_is, "hop_limit +1"),
        ("wrong VRID", params(100), |said| said.vrid = 52, as_is, "unknown_vrid +1"),
        ("VRID zero", params(100), unsaid, |datagram| bytes(datagram)[21] = 0, "unknown_vrid +1"),
        ("wrong port", params(100), |said| said.port = PortId(3), as_is, "unknown_vrid +1"),
        ("wrong family", params(100), |said| { *said = super::kit::said(&params_v6(100), HIGHER_V6, 150); }, as_is, "unknown_vrid +1"),
        ("wrong version", params(100), |said| said.version = Version::V2, as_is, "version +1"),
        ("wrong type", v2(Auth::None), unsaid, |datagram| bytes(datagram)[20] = 0x22, "invalid_type +1"),
        ("wrong checksum", params(100), unsaid, |datagram| bytes(datagram)[27] ^= 1, "checksum +1"),
        ("priority changed on the way", params(100), unsaid, |datagram| bytes(datagram)[22] = 254, "checksum +1"),
        ("IPv6 wrong checksum", params_v6(100), |said| said.from = HIGHER_V6, |datagram| bytes(datagram)[7] ^= 1, "checksum +1"),
        ("interval zero", params(100), unsaid, |datagram| bytes(datagram)[24..26].copy_from_slice(&[0, 0]), "interval +1"),
        ("version 2 with another interval", v2(Auth::None), |said| said.interval = ms(3000), as_is, "interval +1"),
        ("unicast for multicast", params(100), |said| said.to = OURS, as_is, "destination +1"),
        ("multicast for unicast", Params { reach: unicast(&[HIGHER]), ..params(100) }, |said| said.to = "224.0.0.18".parse().unwrap(), as_is, "destination +1"),
        ("unknown peer", peers(true, None), |said| said.from = LOWER, as_is, "unknown_peer +1"),
        ("unknown peer by hop limits", peers(false, Some((254, 255))), |said| said.from = LOWER, as_is, "unknown_peer +1"),
        ("peer too far away", peers(false, Some((254, 255))), |said| said.hop_limit = 253, as_is, "hop_limit +1"),
        ("reflected", params(100), |said| { said.from = OURS; said.priority = 100; }, as_is, "reflected +1"),
        ("reflected farewell", params(100), |said| { said.from = OURS; said.priority = 0; }, as_is, "reflected +1"),
        ("no password", v2(Auth::Password(password("secret"))), |said| said.auth = Auth::None, as_is, "auth_type_mismatch +1"),
        ("wrong password", v2(Auth::Password(password("secret"))), |said| said.auth = Auth::Password(password("guess")), as_is, "auth_failure +1"),
        ("a password where none is configured", v2(Auth::None), |said| said.auth = Auth::Password(password("guess")), as_is, "auth_type_mismatch +1"),
        ("an unknown kind of authentication", v2(Auth::None), unsaid, |datagram| bytes(datagram)[24] = 3, "invalid_auth_type +1"),
        ("no authentication header", v2(Auth::Header(password("secret"))), |said| said.auth = Auth::None, as_is, "auth_type_mismatch +1"),
        ("an authentication header out of the blue", v2(Auth::None), |said| said.auth = Auth::Header(password("guess")), as_is, "auth_type_mismatch +1"),
        ("an authentication header of another key", v2(Auth::Header(password("secret"))), |said| said.auth = Auth::Header(password("guess")), as_is, "auth_failure +1"),
        ("spoofed without signature", signed(100), |said| said.auth = Auth::None, as_is, "hmac_missing +1"),
        ("spoofed with another key", signed(100), |said| said.auth = hmac(2), as_is, "hmac_invalid +1"),
        ("signed and then changed", signed(100), unsaid, |datagram| bytes(datagram)[22] = 254, "hmac_invalid +1"),
        ("signed long ago", signed(100), unsaid, |datagram| datagram.wall = WallTime(datagram.wall.0 + ms(9000)), "hmac_stale +1"),
        ("signed where nobody can verify it", params(100), |said| said.auth = hmac(1), as_is, "packet_length +1"),
        ("an address list that is refused", Params { other_addresses: crate::proto::vrrp::OtherAddresses::Refuse, ..params(100) }, |said| said.addresses = vec![HIGHER], as_is, "address_list +1"),
        ("an owner that ignores adverts", Params { owner_ignore_adverts: true, ..params(255) }, unsaid, as_is, "ignored +1"),
    ]
}

#[test]
fn a_refused_datagram_puts_no_takeover_off() {
    let params = params(100);
    let mut node = Node::with(params.clone());
    let (left, _) = node.next();
    node.pass(left - ms(1));
    let mut routed = said(&params, HIGHER, 150);
    routed.hop_limit = 254;
    let datagram = routed.datagram(&mut AuthState::default(), node.wall());
    assert_eq!(refused(&mut node, datagram), ["hop_limit +1"]);
    node.pass(ms(1));
    assert_eq!(node.phase(), Phase::Master);
}

#[test]
fn a_refused_datagram_moves_one_counter_and_nothing_else() {
    for phase in [Phase::Backup, Phase::Master] {
        for (name, params, say, damage, counter) in cases() {
            if params.priority == 255 && phase == Phase::Backup {
                continue;
            }
            let mut node = Node::with(params.clone());
            node.wait_for(phase);
            node.pass(ms(300));
            let mut wrong = said(&params, HIGHER, 150);
            say(&mut wrong);
            let mut datagram = wrong.datagram(&mut node.peers.clone(), node.wall());
            damage(&mut datagram);
            assert_eq!(refused(&mut node, datagram), [counter], "{name} as {phase:?}");
        }
    }
}

#[test]
fn a_replayed_advert_is_refused_in_every_state_also_after_a_reload() {
    for auth in [hmac(1), Auth::Header(password("secret"))] {
        let rule = Params { version: Version::V2, auth, ..params(100) };
        let counter = if matches!(rule.auth, Auth::Keyed(_)) { "hmac_replay +1" } else { "auth_failure +1" };
        let mut node = Node::with(rule.clone());
        let wall = node.wall();
        let recorded = said(&rule, HIGHER, 150).datagram(&mut node.peers, wall);
        assert_eq!(node.give(Input::Received(recorded.clone())), ["MasterChanged"]);
        assert_eq!(refused(&mut node, recorded.clone()), [counter]);
        node.retune(VI, |params| params.priority = 120);
        assert_eq!(refused(&mut node, recorded.clone()), [counter]);
        node.wait_for(Phase::Master);
        let later = Datagram { wall: node.wall(), ..recorded };
        assert_eq!(refused(&mut node, later).len(), 1);
    }
}

#[test]
fn the_numbers_we_sign_with_go_on_after_a_reload() {
    let rule = Params { version: Version::V2, auth: Auth::Header(password("secret")), ..params(100) };
    let mut node = Node::master(rule.clone());
    let mut peer = Node::with(Params { priority: 50, ..rule });
    let mut sent = Vec::new();
    for round in 0..6 {
        if round == 3 {
            node.retune(VI, |params| params.priority = 110);
        }
        sent.extend(node.pass_raw(ms(1000)));
    }
    for effect in sent {
        if let Effect::Send(transmission) = effect {
            let raw = Raw::V4(transmission.packets[0].bytes.clone());
            let datagram = Datagram { port: PORT, raw, truncated: false, wall: node.wall() };
            peer.give(Input::Received(datagram));
        }
    }
    assert_eq!(peer.counters().auth_failure, 0);
    assert_eq!(peer.counters().adverts_received, 6);
}

/// The AH number of the next advert.
fn next_number(node: &mut Node) -> u32 {
    let effects = node.pass_raw(ms(1000));
    let Effect::Send(sent) = &effects[0] else { panic!("{effects:?}") };
    u32::from_be_bytes(sent.packets[0].bytes[28..32].try_into().unwrap())
}

#[test]
fn of_two_masters_whose_numbers_go_in_step_the_higher_address_leaves_some_out() {
    let rule = Params { version: Version::V2, auth: Auth::Header(password("secret")), ..params(100) };
    for (source, steps) in [(LOWER, 2..=9), (HIGHER, 1..=1)] {
        let mut node = Node::master(rule.clone());
        let wall = node.wall();
        let mut others = AuthState::starting(Some(WallTime(ms(1_000_000))));
        let old = said(&rule, source, 50).datagram(&mut others, wall);
        let before = next_number(&mut node);
        for _ in 0..3 {
            node.give(Input::Received(old.clone()));
        }
        assert_eq!(node.counters().auth_failure, 3);
        let after = next_number(&mut node);
        assert!(steps.contains(&(after - before)), "{source}: {before}, {after}");
        assert_eq!(next_number(&mut node), after + 1);
    }
}

#[test]
fn nothing_a_stranger_sends_delays_a_masters_adverts() {
    let mut node = Node::master(signed(100));
    let mut adverts = 0;
    for _ in 0..50 {
        let mut spoofed = said(&params(100), HIGHER, 254);
        spoofed.hop_limit = 255;
        node.hear_said(&spoofed);
        adverts += node.pass(ms(100)).iter().filter(|effect| effect.starts_with("send")).count();
    }
    assert_eq!(adverts, 5);
    assert_eq!(node.counters().hmac_missing, 50);
    assert_eq!(node.phase(), Phase::Master);
}

#[test]
fn a_refusal_is_reported_once_until_the_master_changes() {
    let mut node = Node::with(params(100));
    let mut wrong = said(&params(100), HIGHER, 150);
    wrong.hop_limit = 1;
    assert_eq!(node.hear_said(&wrong), ["Refused HopLimit"]);
    assert_eq!(node.hear_said(&wrong), [""; 0]);
    node.hear(HIGHER, 150);
    assert_eq!(node.hear_said(&wrong), ["Refused HopLimit"]);
    assert_eq!(node.counters().hop_limit, 3);
}

#[test]
fn a_unicast_peer_that_sums_the_old_way_is_answered_the_old_way() {
    let rule = Params { reach: unicast(&[HIGHER, LOWER]), ..params(100) };
    let mut node = Node::master(rule.clone());
    let mut old = said(&rule, HIGHER, 50);
    old.form = ChecksumForm::Group("224.0.0.18".parse().unwrap());
    let datagram = old.datagram(&mut node.peers.clone(), node.wall());
    let effects = node.raw(Input::Received(datagram));
    let Effect::Send(answer) = &effects[0] else { panic!("{effects:?}") };
    let sums: Vec<&[u8]> = answer.packets.iter().map(|packet| &packet.bytes[26..28]).collect();
    assert_eq!(answer.packets[0].destination, HIGHER);
    assert_ne!(sums[0], sums[1]);
    // Both are right for their reader.
    for (packet, form) in answer.packets.iter().zip([old.form, ChecksumForm::Standard]) {
        let mut same = said(&rule, OURS, 100);
        (same.to, same.form) = (packet.destination, form);
        let Raw::V4(expected) = same.datagram(&mut node.peers.clone(), node.wall()).raw else { panic!() };
        assert_eq!(packet.bytes[20..], expected[20..]);
    }
}

#[test]
fn unicast_routers_may_share_a_vrid_when_their_peers_differ() {
    let other = InstanceId(2);
    let first = Params { reach: unicast(&[HIGHER]), ..params(100) };
    let second = Params { reach: unicast(&[LOWER]), ..params(100) };
    let (mut node, _) = Node::start(setup([(VI, first.clone()), (other, second)]));
    node.hear_said(&said(&first, LOWER, 150));
    assert_eq!(node.engine.followed(VI), None);
    assert_eq!(node.engine.followed(other), Some((LOWER, 150)));
    node.hear_said(&said(&first, HIGHER, 150));
    assert_eq!(node.engine.followed(VI), Some((HIGHER, 150)));
}

#[test]
fn one_advert_to_several_peers_is_one_advert() {
    let peers: Vec<IpAddr> = vec![HIGHER, LOWER];
    let mut node = Node::master(Params { reach: unicast(&peers), ..params(100) });
    let before = node.counters().adverts_sent;
    let effects = node.pass_raw(ms(1000));
    let Effect::Send(sent) = &effects[0] else { panic!("{effects:?}") };
    assert_eq!(sent.packets.iter().map(|packet| packet.destination).collect::<Vec<_>>(), peers);
    let identifications: Vec<&[u8]> = sent.packets.iter().map(|packet| &packet.bytes[4..6]).collect();
    assert_eq!(identifications[0], identifications[1]);
    assert_eq!(node.counters().adverts_sent, before + 1);
}

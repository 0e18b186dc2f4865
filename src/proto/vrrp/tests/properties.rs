// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whatever comes in: no panic, few effects, and no change of state by what is not legal and authentic.

use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest};

use super::kit::{HIGHER, HIGHER_V6, Node, OURS, PORT, VI, ms, params, params_v6, reading, said, setup, tracking};
use crate::proto::vrrp::auth::{AntiReplay, HmacKey, HmacMode, HmacPolicy};
use crate::proto::vrrp::{Auth, Datagram, Family, Input, Item, Link, Outcome, Params, Phase, Raw, Ticket};

/// More effects than this no datagram may cause in a lone instance: an advert, the holdings, a state, remarks.
const EFFECTS_MAX: usize = 8;

fn signed(params: Params) -> Params {
    let keys = [(1, HmacKey::new(&[1; 32]).unwrap())].into_iter().collect();
    let policy = HmacPolicy::new(keys, 1, HmacMode::Enforce, AntiReplay::Time, 5).unwrap();
    Params { auth: Auth::Keyed(policy), ..params }
}

fn in_phase(params: Params, phase: Phase) -> Node {
    let (mut node, _) = Node::start(tracking(setup([(VI, params)]), 1, 0));
    if phase == Phase::Init {
        return node;
    }
    node.give(reading(1, phase != Phase::Fault));
    node.wait_for(phase);
    node
}

fn phases() -> impl Strategy<Value = Phase> {
    prop_oneof![Just(Phase::Init), Just(Phase::Backup), Just(Phase::Master), Just(Phase::Fault)]
}

fn raw(family: Family, bytes: Vec<u8>) -> Raw {
    let (source, destination) = ("fe80::b".parse().unwrap(), "ff02::12".parse().unwrap());
    match family {
        Family::V4 => Raw::V4(bytes),
        Family::V6 => Raw::V6 { source, destination, hop_limit: Some(255), payload: bytes },
    }
}

/// Gives a datagram. When it was not taken as an advert, nothing but counters may have changed.
fn give(node: &mut Node, raw: Raw) -> (bool, usize) {
    let before = node.engine.clone();
    let received = node.counters().adverts_received;
    let datagram = Datagram { port: PORT, raw, truncated: false, wall: node.wall() };
    let effects = node.raw(Input::Received(datagram)).len();
    let taken = node.counters().adverts_received > received;
    if !taken {
        let (mut before, mut after) = (before, node.engine.clone());
        before.clear_counters();
        after.clear_counters();
        assert_eq!(before, after);
    }
    (taken, effects)
}

proptest! {
    #[test]
    fn any_bytes_in_any_state(bytes in vec(any::<u8>(), 0..120), phase in phases(), v6 in any::<bool>()) {
        let (family, rule) = if v6 { (Family::V6, params_v6(100)) } else { (Family::V4, params(100)) };
        let mut node = in_phase(rule, phase);
        let (_, effects) = give(&mut node, raw(family, bytes));
        prop_assert!(effects <= EFFECTS_MAX);
    }

    #[test]
    fn an_advert_with_some_octets_changed(
        changes in vec((any::<proptest::sample::Index>(), any::<u8>()), 0..4),
        priority in any::<u8>(), phase in phases(), v6 in any::<bool>(), auth in any::<bool>(),
    ) {
        let (family, rule, from) =
            if v6 { (Family::V6, params_v6(100), HIGHER_V6) } else { (Family::V4, params(100), HIGHER) };
        let rule = if auth { signed(rule) } else { rule };
        let mut node = in_phase(rule.clone(), phase);
        let datagram = said(&rule, from, priority).datagram(&mut node.peers.clone(), node.wall());
        let intact = match datagram.raw { Raw::V4(bytes) => bytes, Raw::V6 { payload, .. } => payload };
        let mut bytes = intact.clone();
        for (index, octet) in changes {
            let at = index.index(bytes.len());
            bytes[at] = octet;
        }
        let changed = bytes != intact;
        // What IP may change on the way, and what only it reads, is not signed.
        let message = if v6 { 0 } else { 20 };
        let signed_part_changed = bytes[message..] != intact[message..];
        let (taken, effects) = give(&mut node, raw(family, bytes));
        prop_assert!(effects <= EFFECTS_MAX);
        if auth && signed_part_changed {
            prop_assert!(!taken, "taken although altered");
        }
        if !changed {
            prop_assert_eq!(taken, matches!(phase, Phase::Backup | Phase::Master));
        }
    }

    #[test]
    fn any_sequence_of_inputs(steps in vec((0u8..14, any::<u8>()), 1..60), handover in any::<bool>()) {
        let rule = Params { handover, ..params(100) };
        let mut node = in_phase(rule, Phase::Init);
        node.obliging = false;
        for (kind, value) in steps {
            let ticket = Ticket(u64::from(value % 8));
            let effects = match kind {
                0 | 1 => node.hear(HIGHER, value).len(),
                2 => node.hear(OURS, value).len(),
                3 => node.give(Input::Link(PORT, [Link::Up, Link::Down, Link::Gone][usize::from(value % 3)])).len(),
                4 => node.give(Input::Source(PORT, Family::V4, (value % 2 == 0).then_some(OURS))).len(),
                5 => node.give(reading(1, value % 2 == 0)).len(),
                6 => node.give(Input::Settled(ticket, Outcome::Ok)).len(),
                7 => node.give(Input::Settled(ticket, Outcome::Refused(vec![Item::Address(super::kit::VIP)]))).len(),
                8 => node.give(Input::Settled(ticket, Outcome::Progress { addresses: value.into() })).len(),
                9 => node.give(Input::Lost(VI, Item::Address(super::kit::VIP))).len(),
                10 => node.give(Input::Woke { late_by: ms(u64::from(value) * 50) }).len(),
                11 => node.retune(VI, |params| params.priority = value.max(1)).len(),
                12 => { node.oversleep(ms(u64::from(value) * 100)); node.expire().len() }
                _ => { node.pass(ms(u64::from(value) * 20)); 0 }
            };
            prop_assert!(effects <= 2 * EFFECTS_MAX, "{} effects", effects);
            let phase = node.engine.phase(VI).unwrap();
            let faults = node.engine.faults(VI).unwrap();
            prop_assert!(faults.is_empty() || phase == Phase::Fault, "{phase:?} with {faults:?}");
            let holds = !node.engine.holdings(VI).unwrap().is_empty();
            prop_assert_eq!(holds, phase == Phase::Master || node.engine.is_handing_over(VI));
        }
        node.give(Input::Stop);
        node.obliging = true;
        node.pass(ms(5000));
        prop_assert!(node.engine.holdings(VI).unwrap().is_empty(), "a stop releases everything");
    }
}

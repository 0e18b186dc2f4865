// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reconfiguration: what did not change has no effect, what changed keeps as much as it can.

use std::time::Duration;

use super::kit::{HIGHER, Node, PORT, VI, holding, ms, params, setup, unicast};
use crate::proto::track::TrackParams;
use crate::proto::vrrp::{
    AnnounceParams, Changes, Input, InstanceId, Item, Link, Outcome, Params, Phase, PortId, PortParams, Preempt,
    Ticket, TrackId, Version,
};

const SECOND: InstanceId = InstanceId(2);

fn second(priority: u8) -> Params {
    Params { vrid: 52, ..params(priority) }
}

#[test]
fn an_identical_configuration_has_no_effect_at_all() {
    for phase in [Phase::Backup, Phase::Master] {
        let mut node = Node::with(params(100));
        node.wait_for(phase);
        let before = node.engine.clone();
        assert!(Changes::between(&node.setup, &node.setup).is_empty());
        assert_eq!(node.reload(node.setup.clone()), [""; 0]);
        assert_eq!(node.engine, before);
    }
}

#[test]
fn a_longer_interval_does_not_hold_up_who_takes_over_from_a_master_that_left() {
    let mut node = Node::with(params(100));
    node.hear(HIGHER, 0);
    node.retune(VI, |params| params.interval = ms(2000));
    assert_eq!(node.next().0, Duration::from_nanos(1_218_750_000), "the skew of the new interval");
}

#[test]
fn what_concerns_one_instance_leaves_the_others_alone() {
    let (mut node, _) = Node::start(setup([(VI, params(100)), (SECOND, second(100))]));
    node.wait_for(Phase::Master);
    let effects = node.retune(SECOND, |params| params.priority = 110);
    assert_eq!(effects, ["Retuned", "PriorityChanged 110", "send 2: 110"]);
}

/// A change, and what it does to a Master and to a Backup that waits.
#[test]
fn retuning_keeps_the_state() {
    type Row = (&'static str, fn(&mut Params), &'static [&'static str], Duration);
    let micros = Duration::from_micros;
    let table: [Row; 9] = [
        ("priority up", |p| p.priority = 200, &["Retuned", "PriorityChanged 200", "send 200"], micros(3_218_750)),
        ("priority down", |p| p.priority = 50, &["Retuned", "PriorityChanged 50", "send 50"], micros(3_804_687)),
        ("interval", |p| p.interval = ms(2000), &["Retuned", "send 100"], micros(7_218_750)),
        ("down timer", |p| p.down_timer_adverts = 5, &["Retuned"], micros(5_609_375)),
        ("preempt", |p| p.preempt = Preempt::No { timer_expired_backup: None }, &["Retuned"], micros(3_609_375)),
        ("version", |p| p.version = Version::V2, &["Retuned", "send 100"], micros(3_609_375)),
        ("announce", |p| p.announce = AnnounceParams::default(), &["Retuned"], micros(3_609_375)),
        ("handover", |p| p.handover = true, &["Retuned"], micros(3_609_375)),
        ("source", |p| p.source = Some(HIGHER), &["Retuned", "send 100"], micros(3_609_375)),
    ];
    for (name, change, effects, waits) in table {
        let mut node = Node::master(params(100));
        assert_eq!(node.retune(VI, change), effects, "{name} as Master");
        assert_eq!(node.phase(), Phase::Master, "{name}");
        let mut node = Node::with(params(100));
        node.retune(VI, change);
        assert_eq!(node.phase(), Phase::Backup, "{name}");
        assert_eq!(node.next().0.as_micros(), waits.as_micros(), "{name} as Backup");
    }
}

#[test]
fn other_holdings_are_asked_for_as_a_whole_and_only_additions_are_announced() {
    let more = holding(&["203.0.113.1".parse().unwrap(), "203.0.113.2".parse().unwrap()]);
    let mut node = Node::master(params(100));
    let effects = node.retune(VI, |params| params.holdings = more);
    assert_eq!(effects, ["Retuned", "hold 2", "send 100", "announce Entered 1x2"]);
    let effects = node.retune(VI, |params| params.holdings = holding(&["203.0.113.2".parse().unwrap()]));
    assert_eq!(effects, ["Retuned", "hold 1", "send 100"]);
    let mut node = Node::with(params(100));
    let effects = node.retune(VI, |params| params.holdings = holding(&[]));
    assert_eq!(effects, ["Retuned"], "a Backup holds nothing");
}

#[test]
fn an_added_instance_starts_and_a_removed_one_says_goodbye() {
    let mut node = Node::master(params(100));
    let mut wanted = node.setup.clone();
    wanted.instances.insert(SECOND, second(255));
    let effects = node.reload(wanted.clone());
    assert_eq!(effects, ["send 2: 255", "2: hold 1", "2: Master by Owner", "2: announce Entered 1x1"]);
    wanted.instances.remove(&VI);
    assert_eq!(node.reload(wanted), ["send 0", "release", "Removed"]);
    assert_eq!(node.engine.phase(VI), None);
    assert!(node.engine.counters(VI).is_none());
}

#[test]
fn a_removed_instance_may_hand_over_and_is_gone_afterwards() {
    let mut node = Node::master(Params { handover: true, ..params(100) });
    let mut wanted = node.setup.clone();
    let rule = wanted.instances.remove(&VI).unwrap();
    assert_eq!(node.reload(wanted), ["send 0", "HandingOver", "Removed"]);
    assert!(node.engine.is_handing_over(VI));
    let successor = super::kit::said(&rule, HIGHER, 50);
    assert_eq!(node.hear_said(&successor), ["release", "HandedOver true"]);
    assert_eq!(node.engine.phase(VI), None);
}

#[test]
fn what_makes_it_another_router_leaves_and_starts_anew() {
    let changes: [fn(&mut Params); 3] =
        [|p| p.vrid = 99, |p| p.port = PortId(2), |p| p.reach = unicast(&[super::kit::LOWER])];
    for change in changes {
        let mut node = Node::master(params(100));
        let effects = node.retune(VI, change);
        assert_eq!(effects, ["send 0", "release", "Removed", "Backup by Start"]);
    }
}

#[test]
fn answers_to_a_router_that_was_replaced_are_nobodys() {
    let mut node = Node::master(params(100));
    node.obliging = false;
    node.retune(VI, |params| params.vrid = 99);
    let before = node.engine.clone();
    assert_eq!(node.give(Input::Settled(Ticket(2), Outcome::Ok)), [""; 0]);
    assert_eq!(node.engine, before);
    assert_eq!(node.give(Input::Stop), ["Stopped", "Finished"]);
}

#[test]
fn other_holdings_are_tried_at_once_although_the_kernel_refused_the_old_ones() {
    let mut node = Node::with(params(100));
    node.obliging = false;
    node.wait_for(Phase::Master);
    let refused = Outcome::Refused(vec![Item::Address(super::kit::VIP)]);
    node.give(Input::Settled(Ticket(1), refused));
    assert_eq!(node.phase(), Phase::Fault);
    let effects = node.retune(VI, |params| params.holdings = holding(&["203.0.113.9".parse().unwrap()]));
    assert_eq!(effects, ["Retuned", "FaultCleared", "Backup by Recovered"]);
}

#[test]
fn unicast_peers_come_and_go_without_a_change_of_state() {
    let mut node = Node::master(Params { reach: unicast(&[HIGHER]), ..params(100) });
    let effects = node.retune(VI, |params| params.reach = unicast(&[HIGHER, super::kit::LOWER]));
    assert_eq!(effects, ["Retuned", "send 100 to 2"]);
}

#[test]
fn counters_and_the_followed_master_survive() {
    let mut node = Node::with(params(100));
    node.hear(HIGHER, 150);
    node.retune(VI, |params| params.priority = 90);
    assert_eq!(node.counters().adverts_received, 1);
    assert_eq!(node.engine.followed(VI), Some((HIGHER, 150)));
}

#[test]
fn an_unchanged_script_keeps_its_result_and_a_retuned_one_too() {
    let mut wanted = setup([(VI, params(100))]);
    let script = |fall| TrackParams::Script { rise: 1, fall, init_fail: false };
    wanted.tracks.insert(TrackId(1), script(1));
    wanted.instances.get_mut(&VI).unwrap().tracks.push(super::kit::track(1, 20));
    let (mut node, _) = Node::start(wanted.clone());
    node.give(super::kit::reading(1, true));
    assert_eq!(node.engine.priority(VI), Some(120));
    wanted.tracks.insert(TrackId(1), script(5));
    assert_eq!(node.reload(wanted), [""; 0]);
    assert_eq!(node.engine.priority(VI), Some(120));
}

#[test]
fn a_port_that_is_forgotten_takes_its_delays_along() {
    let mut node = Node::master(params(100));
    let mut wanted = node.setup.clone();
    let delays = PortParams { down_delay: ms(1000), up_delay: ms(0) };
    wanted.ports.insert(PORT, delays);
    assert_eq!(node.reload(wanted), [""; 0]);
    node.give(Input::Link(PORT, Link::Down));
    assert_eq!(node.phase(), Phase::Master);
    node.give(Input::Link(PORT, Link::Up));
    assert_eq!(node.phase(), Phase::Master);
}

#[test]
fn after_a_stop_nothing_starts_any_more() {
    let mut node = Node::master(params(100));
    node.give(Input::Stop);
    let mut wanted = node.setup.clone();
    wanted.instances.insert(SECOND, second(255));
    assert_eq!(node.reload(wanted), [""; 0]);
    assert_eq!(node.pass(ms(60_000)), [""; 0]);
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Faults and priorities that follow tracked objects, links and source addresses.

use std::time::Duration;

use super::kit::{HIGHER, LOWER, Node, OURS, PORT, VI, ms, params, reading, said, setup, track, tracking, unicast};
use crate::proto::track::{Reading, TrackParams};
use crate::proto::vrrp::{
    AnnounceParams, Changes, Family, Fault, Input, InstanceId, Link, Params, Phase, PortId, PortParams, TrackId,
};

fn micros(value: u64) -> Duration {
    Duration::from_micros(value)
}

/// One instance of priority 100 that tracks an address of this weight, which is there.
fn tracked(weight: i32) -> Node {
    let (mut node, _) = Node::start(tracking(setup([(VI, params(100))]), 1, weight));
    node.give(reading(1, true));
    node
}

#[test]
fn weights_move_the_priority_and_the_deadline_of_a_backup() {
    let mut node = tracked(20);
    assert_eq!(node.engine.priority(VI), Some(120));
    node.pass(ms(1000));
    let waits = node.next().0;
    assert_eq!(waits, ms(2000) + micros(531_250));
    assert_eq!(node.give(reading(1, false)), ["Tracked", "PriorityChanged 100"]);
    assert_eq!(node.next().0, ms(2000) + micros(609_375));
    node.give(reading(1, true));
    assert_eq!(node.next().0, waits);
}

#[test]
fn a_master_advertises_its_new_priority_with_the_next_advert() {
    let mut node = tracked(20);
    node.wait_for(Phase::Master);
    let (next, _) = node.next();
    assert_eq!(node.give(reading(1, false)), ["Tracked", "PriorityChanged 100"]);
    assert_eq!(node.next().0, next);
    assert_eq!(node.pass(next), ["send 100"]);
}

#[test]
fn the_priority_stays_between_1_and_254_and_an_owners_does_not_move() {
    for (base, weight, expected) in [(100, 253, 254), (100, -253, 1), (255, -253, 255), (254, 1, 254)] {
        let (mut node, _) = Node::start(tracking(setup([(VI, params(base))]), 1, weight));
        node.give(reading(1, weight > 0));
        assert_eq!(node.engine.priority(VI), Some(expected), "{base} {weight}");
    }
}

#[test]
fn every_reason_must_be_gone_before_an_instance_takes_part_again() {
    let (mut node, _) = Node::start(tracking(tracking(setup([(VI, params(100))]), 1, 0), 2, 0));
    node.give(reading(1, true));
    node.give(reading(2, true));
    node.give(reading(1, false));
    node.give(reading(2, false));
    node.give(Input::Link(PORT, Link::Down));
    node.give(Input::Source(PORT, Family::V4, None));
    let expected = [Fault::LinkDown, Fault::NoSource, Fault::Track(TrackId(1)), Fault::Track(TrackId(2))];
    assert!(node.engine.faults(VI).unwrap().iter().eq(&expected));
    node.give(reading(1, true));
    node.give(Input::Link(PORT, Link::Up));
    node.give(Input::Source(PORT, Family::V4, Some(OURS)));
    assert_eq!(node.phase(), Phase::Fault, "one tracked object is still down");
    assert_eq!(node.give(reading(2, true)), ["Tracked", "FaultCleared", "Backup by Recovered"]);
    assert_eq!(node.next().0, micros(3_609_375));
}

#[test]
fn a_script_that_fails_takes_its_fall_and_rise() {
    let mut wanted = setup([(VI, params(100))]);
    wanted.tracks.insert(TrackId(1), TrackParams::Script { rise: 2, fall: 3, init_fail: false });
    wanted.instances.get_mut(&VI).unwrap().tracks.push(track(1, 0));
    let (mut node, effects) = Node::start(wanted);
    assert_eq!(effects, [""; 0], "nothing before the first result");
    assert_eq!(node.give(reading(1, true)), ["Tracked", "Backup by Start"]);
    node.give(reading(1, false));
    node.give(reading(1, false));
    assert_eq!(node.phase(), Phase::Backup);
    node.give(reading(1, false));
    assert_eq!(node.phase(), Phase::Fault);
    node.give(reading(1, true));
    assert_eq!(node.phase(), Phase::Fault);
    node.give(reading(1, true));
    assert_eq!(node.phase(), Phase::Backup);
}

#[test]
fn a_script_whose_first_result_is_bad_faults_without_having_started() {
    let mut wanted = setup([(VI, params(100))]);
    wanted.tracks.insert(TrackId(1), TrackParams::Script { rise: 1, fall: 3, init_fail: false });
    wanted.instances.get_mut(&VI).unwrap().tracks.push(track(1, 0));
    let (mut node, _) = Node::start(wanted);
    let effects = node.give(reading(1, false));
    assert_eq!(effects, ["Tracked", "FaultRaised", "Fault by Fault(Track(TrackId(1)))"]);
}

#[test]
fn a_script_that_comes_with_a_reload_holds_nobody_up() {
    let mut node = Node::master(params(100));
    let mut wanted = node.setup.clone();
    wanted.tracks.insert(TrackId(1), TrackParams::Script { rise: 1, fall: 1, init_fail: false });
    wanted.instances.get_mut(&VI).unwrap().tracks.push(track(1, 0));
    assert_eq!(node.reload(wanted), ["Retuned"]);
    assert_eq!(node.phase(), Phase::Master);
    node.give(reading(1, false));
    assert_eq!(node.phase(), Phase::Fault);
}

#[test]
fn a_file_moves_the_priority_by_its_number_and_faults_far_below() {
    let mut wanted = setup([(VI, params(100))]);
    wanted.tracks.insert(TrackId(1), TrackParams::File);
    wanted.instances.get_mut(&VI).unwrap().tracks.push(track(1, 2));
    let (mut node, _) = Node::start(wanted);
    let mut read = |value| {
        node.give(Input::Track(TrackId(1), Reading::Value(value)));
        (node.engine.priority(VI).unwrap(), node.phase())
    };
    assert_eq!(read(10), (120, Phase::Backup));
    assert_eq!(read(-20), (60, Phase::Backup));
    assert_eq!(read(-127).1, Phase::Fault);
    assert_eq!(read(0), (100, Phase::Backup));
}

#[test]
fn dont_track_primary_ignores_a_link_that_is_down_but_not_one_that_is_gone() {
    let mut node = Node::with(Params { track_primary: false, ..params(100) });
    assert_eq!(node.give(Input::Link(PORT, Link::Down)), [""; 0]);
    assert_eq!(node.give(Input::Link(PORT, Link::Gone)), ["FaultRaised", "Fault by Fault(LinkGone)"]);
    assert_eq!(node.give(Input::Link(PORT, Link::Up)), ["FaultCleared", "Backup by Recovered"]);
}

#[test]
fn a_link_that_flaps_shorter_than_its_delay_is_not_noticed() {
    let mut wanted = setup([(VI, params(100))]);
    wanted.ports.insert(PORT, PortParams { down_delay: ms(500), up_delay: ms(300) });
    let (mut node, _) = Node::start(wanted);
    assert_eq!(node.give(Input::Link(PORT, Link::Down)), [""; 0]);
    node.pass(ms(499));
    assert_eq!(node.give(Input::Link(PORT, Link::Up)), [""; 0]);
    node.pass(ms(600));
    assert_eq!(node.phase(), Phase::Backup);
    node.give(Input::Link(PORT, Link::Down));
    assert_eq!(node.pass(ms(500)), ["FaultRaised", "Fault by Fault(LinkDown)"]);
    node.give(Input::Link(PORT, Link::Up));
    assert_eq!(node.pass(ms(300)), ["FaultCleared", "Backup by Recovered"]);
}

#[test]
fn no_link_may_be_down_unnoticed_until_the_peers_take_over() {
    let mut wanted = setup([(VI, Params { interval: ms(100), ..params(100) })]);
    wanted.ports.insert(PORT, PortParams { down_delay: ms(9000), up_delay: ms(0) });
    let (mut node, _) = Node::start(wanted);
    node.give(Input::Link(PORT, Link::Down));
    let (first, why) = node.next();
    assert_eq!((first, why), (ms(200) - Duration::from_nanos(390_625), "link delay"));
}

#[test]
fn a_master_that_speaks_more_often_shortens_the_delay_of_a_link_that_is_going_down() {
    let mut wanted = setup([(VI, params(100))]);
    wanted.ports.insert(PORT, PortParams { down_delay: ms(9000), up_delay: ms(0) });
    let (mut node, _) = Node::start(wanted);
    node.give(Input::Link(PORT, Link::Down));
    node.pass(ms(500));
    let mut quick = said(&params(100), HIGHER, 150);
    quick.interval = ms(100);
    node.hear_said(&quick);
    assert_eq!(node.next(), (ms(200) - Duration::from_nanos(390_625), "link delay"));
}

#[test]
fn a_master_without_source_says_so_with_the_address_it_had() {
    let mut node = Node::master(params(100));
    let effects = node.give(Input::Source(PORT, Family::V4, None));
    assert_eq!(effects, ["FaultRaised", "send 0", "release", "Fault by Fault(NoSource)"]);
    node.give(Input::Source(PORT, Family::V4, Some(LOWER)));
    assert_eq!(node.phase(), Phase::Backup);
    assert_eq!(node.engine.source(VI), Some(LOWER));
}

#[test]
fn a_configured_source_does_not_depend_on_the_ports() {
    let mut node = Node::with(Params { source: Some(HIGHER), ..params(100) });
    node.give(Input::Source(PORT, Family::V4, None));
    assert_eq!(node.phase(), Phase::Backup);
    assert_eq!(node.engine.source(VI), Some(HIGHER));
}

#[test]
fn an_instance_starts_once_link_and_source_of_its_port_are_known() {
    let mut node = Node::idle();
    let port = PortId(9);
    let wanted = setup([(VI, Params { port, ..params(100) })]);
    assert_eq!(node.reload(wanted), [""; 0]);
    assert_eq!(node.give(Input::Link(port, Link::Up)), [""; 0]);
    assert_eq!(node.give(Input::Source(port, Family::V4, Some(OURS))), ["Backup by Start"]);
}

#[test]
fn a_link_that_is_down_at_the_start_is_a_fault_at_once() {
    let mut node = Node::idle();
    let port = PortId(9);
    node.give(Input::Link(port, Link::Down));
    let effects = node.reload(setup([(VI, Params { port, ..params(255) })]));
    assert_eq!(effects, ["FaultRaised", "Fault by Fault(LinkDown)"]);
}

#[test]
fn an_instance_that_cannot_work_stays_in_fault_until_a_reload() {
    let mut node = Node::with(Params { broken: true, ..params(100) });
    assert_eq!(node.phase(), Phase::Fault);
    node.give(Input::Link(PORT, Link::Down));
    node.give(Input::Link(PORT, Link::Up));
    assert_eq!(node.phase(), Phase::Fault);
    node.retune(VI, |params| params.broken = false);
    assert_eq!(node.phase(), Phase::Backup);
}

#[test]
fn a_unicast_instance_that_recovers_announces_its_own_address() {
    let announce = AnnounceParams { own_source: true, ..params(100).announce };
    let mut node = Node::with(Params { reach: unicast(&[HIGHER]), announce, ..params(100) });
    node.give(Input::Link(PORT, Link::Down));
    let effects = node.give(Input::Link(PORT, Link::Up));
    assert_eq!(effects, ["FaultCleared", "Backup by Recovered", "announce OwnSource 1x1"]);
}

#[test]
fn what_nobody_knows_changes_nothing() {
    let mut node = Node::with(params(100));
    let before = node.engine.clone();
    assert_eq!(node.give(reading(77, false)), [""; 0]);
    assert_eq!(node.give(Input::Announce(InstanceId(77))), [""; 0]);
    assert_eq!(node.give(Input::Reconfigure(Changes::default())), [""; 0]);
    assert_eq!(node.engine, before);
}

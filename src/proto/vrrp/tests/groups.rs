// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sync groups: members move together, in one turn.

use super::kit::{HIGHER, LOWER, Node, PORT, VI, VIP, holding, ms, params, reading, said, setup, tracking};
use std::time::Duration;

use crate::proto::vrrp::{GroupId, GroupParams, Input, InstanceId, Item, Link, OnLoss, Params, Phase, PortId, Setup};

const SECOND: InstanceId = InstanceId(2);
const GROUP: GroupId = GroupId(1);

fn second(priority: u8) -> Params {
    let second = PortId(2);
    Params { port: second, holdings: holding(&["203.0.113.2".parse().unwrap()]), ..params(priority) }
}

fn pair(first: Params, other: Params) -> Setup {
    let mut wanted = setup([(VI, first), (SECOND, other)]);
    wanted.groups.insert(GROUP, GroupParams { members: vec![VI, SECOND] });
    wanted
}

fn started() -> Node {
    Node::start(pair(params(100), second(100))).0
}

fn masters() -> Node {
    let mut node = started();
    node.wait_for(Phase::Master);
    node
}

fn phases(node: &Node) -> (Option<Phase>, Option<Phase>, Option<Phase>) {
    (node.engine.phase(VI), node.engine.phase(SECOND), node.engine.group(GROUP))
}

fn all(phase: Phase) -> (Option<Phase>, Option<Phase>, Option<Phase>) {
    (Some(phase), Some(phase), Some(phase))
}

/// Only the effects that say who moved where.
fn moves(effects: &[String]) -> Vec<&str> {
    let moves = [" by ", "group", "hold", "release", "send"];
    effects.iter().map(String::as_str).filter(|effect| moves.iter().any(|word| effect.contains(word))).collect()
}

#[test]
fn a_group_starts_as_backup_and_says_so_first() {
    let (node, effects) = Node::start(pair(params(100), second(100)));
    assert_eq!(effects, ["group Backup", "Backup by Start", "2: Backup by Start"]);
    assert_eq!(phases(&node), all(Phase::Backup));
}

#[test]
fn owners_start_as_masters_only_when_all_are_owners() {
    let (node, effects) = Node::start(pair(params(255), second(255)));
    assert_eq!(
        moves(&effects),
        ["send 255", "hold 1", "Master by Owner", "send 2: 255", "2: hold 1", "2: Master by Owner", "group Master"]
    );
    assert_eq!(phases(&node), all(Phase::Master));
    let (node, _) = Node::start(pair(params(255), second(100)));
    assert_eq!(phases(&node), all(Phase::Backup));
    let waits = node.next().0;
    assert_eq!(waits, ms(1000) + std::time::Duration::from_nanos(3_906_250), "an interval and the least skew");
}

#[test]
fn the_last_member_that_wants_it_takes_all_along() {
    let mut node = started();
    node.pass(ms(2000));
    node.hear_said(&said(&second(100), HIGHER, 150));
    let effects = node.pass(ms(3000));
    assert_eq!(effects, [""; 0], "the first member only wants");
    assert_eq!(phases(&node), all(Phase::Backup));
    let effects = node.pass(ms(700));
    assert_eq!(
        moves(&effects),
        [
            "send 2: 100",
            "2: hold 1",
            "2: Master by MasterDown",
            "send 100",
            "hold 1",
            "Master by Group",
            "group Master"
        ]
    );
}

#[test]
fn a_member_that_hears_a_better_master_holds_the_group_back() {
    let mut node = started();
    for _ in 0..20 {
        node.hear_said(&said(&second(100), HIGHER, 150));
        node.pass(ms(1000));
        assert_eq!(phases(&node), all(Phase::Backup));
    }
}

#[test]
fn when_one_yields_all_do_and_the_others_say_that_they_leave() {
    let mut node = masters();
    let effects = node.hear(HIGHER, 150);
    assert_eq!(
        moves(&effects),
        [
            "send 100",
            "release",
            "Backup by HigherPriority",
            "send 2: 0",
            "2: release",
            "2: Backup by Group",
            "group Backup"
        ]
    );
    assert_eq!(phases(&node), all(Phase::Backup));
}

#[test]
fn a_group_that_lost_to_a_higher_address_comes_back_an_interval_later() {
    let [after_higher, after_lower] = [HIGHER, LOWER].map(|winner| {
        let mut node = masters();
        node.hear(winner, 150);
        let begun = node.now;
        while node.engine.phase(SECOND) != Some(Phase::Master) {
            let (next, _) = node.next();
            node.pass(next.max(Duration::from_nanos(1)));
        }
        node.now.since(begun)
    });
    assert_eq!(after_higher, after_lower + ms(1000));
}

#[test]
fn the_first_fault_takes_all_along_and_the_last_recovery_brings_all_back() {
    let mut node = masters();
    let effects = node.give(Input::Link(PORT, Link::Down));
    assert_eq!(
        moves(&effects),
        [
            "send 0",
            "release",
            "Fault by Fault(LinkDown)",
            "send 2: 0",
            "2: release",
            "2: Fault by Group",
            "group Fault"
        ]
    );
    assert_eq!(node.counters().priority_zero_sent, 1);
    assert_eq!(moves(&node.give(Input::Link(PortId(2), Link::Down))), [""; 0]);
    assert_eq!(moves(&node.give(Input::Link(PORT, Link::Up))), [""; 0]);
    assert_eq!(phases(&node), all(Phase::Fault));
    let effects = node.give(Input::Link(PortId(2), Link::Up));
    assert_eq!(moves(&effects), ["2: Backup by Recovered", "Backup by Recovered", "group Backup"]);
}

#[test]
fn a_member_that_enters_what_its_group_is_in_already_does_not_notify() {
    let mut node = masters();
    node.give(Input::Link(PORT, Link::Down));
    let mut wanted = node.setup.clone();
    wanted.groups.insert(GROUP, GroupParams { members: vec![VI, SECOND, InstanceId(3)] });
    wanted.instances.insert(InstanceId(3), Params { vrid: 53, ..params(100) });
    let effects = node.reload(wanted);
    assert!(effects.contains(&"3: Fault by Fault(LinkDown)".to_owned()), "its first state is told: {effects:?}");
}

#[test]
fn a_script_still_to_report_holds_the_whole_group_in_init() {
    let mut wanted = pair(params(100), second(100));
    let script = crate::proto::track::TrackParams::Script { rise: 1, fall: 1, init_fail: false };
    wanted.tracks.insert(crate::proto::vrrp::TrackId(1), script);
    wanted.instances.get_mut(&SECOND).unwrap().tracks.push(super::kit::track(1, 0));
    let (mut node, effects) = Node::start(wanted);
    assert_eq!(effects, [""; 0]);
    assert_eq!(phases(&node), all(Phase::Init));
    let effects = node.give(reading(1, true));
    assert_eq!(moves(&effects), ["group Backup", "2: Backup by Start", "Backup by Start"]);
}

#[test]
fn a_lost_holding_bounces_the_group_and_the_group_says_so() {
    let bouncing = |params: Params| Params { on_loss: OnLoss::Bounce, ..params };
    let (mut node, _) = Node::start(pair(bouncing(params(100)), bouncing(second(100))));
    node.wait_for(Phase::Master);
    let effects = node.give(Input::Lost(VI, Item::Address(VIP)));
    assert_eq!(
        moves(&effects),
        ["send 0", "release", "Backup by HoldingLost", "send 2: 0", "2: release", "2: Backup by Group", "group Backup"]
    );
    node.pass(ms(650));
    assert_eq!(phases(&node), all(Phase::Master), "back after the skew time");
}

#[test]
fn another_master_on_one_segment_makes_every_member_announce() {
    let mut node = masters();
    let effects = node.hear(LOWER, 50);
    assert_eq!(effects, ["send 100", "OtherMaster", "announce OtherMaster 1x1", "2: announce OtherMaster 1x1"]);
}

#[test]
fn a_tracked_object_of_all_members_fails_them_in_one_turn() {
    let (mut node, _) = Node::start(tracking(pair(params(100), second(100)), 1, 0));
    node.give(reading(1, true));
    node.wait_for(Phase::Master);
    let effects = node.give(reading(1, false));
    assert_eq!(effects.iter().filter(|effect| effect.starts_with("send")).count(), 2);
    assert_eq!(phases(&node), all(Phase::Fault));
    node.give(reading(1, true));
    assert_eq!(phases(&node), all(Phase::Backup));
}

#[test]
fn a_group_that_is_dissolved_leaves_each_member_to_itself() {
    let mut node = masters();
    node.give(Input::Link(PORT, Link::Down));
    let mut wanted = node.setup.clone();
    wanted.groups.clear();
    let effects = node.reload(wanted);
    assert_eq!(effects, ["GroupRemoved", "2: Backup by Recovered"]);
    assert_eq!(node.phase(), Phase::Fault);
}

#[test]
fn a_member_added_to_a_group_of_masters_listens_first_and_then_joins() {
    let mut node = masters();
    let mut wanted = node.setup.clone();
    wanted.groups.insert(GROUP, GroupParams { members: vec![VI, SECOND, InstanceId(3)] });
    wanted.instances.insert(InstanceId(3), Params { vrid: 53, ..params(100) });
    let effects = node.reload(wanted);
    assert_eq!(effects, ["3: Backup by Start"]);
    node.pass(ms(3700));
    assert_eq!(node.engine.phase(InstanceId(3)), Some(Phase::Master));
    assert_eq!(phases(&node), all(Phase::Master));
}

#[test]
fn a_member_added_to_a_group_of_masters_that_hears_a_better_master_takes_all_along() {
    let mut node = masters();
    let third = Params { vrid: 53, ..params(100) };
    let mut wanted = node.setup.clone();
    wanted.groups.insert(GROUP, GroupParams { members: vec![VI, SECOND, InstanceId(3)] });
    wanted.instances.insert(InstanceId(3), third.clone());
    node.reload(wanted);
    node.hear_said(&said(&third, LOWER, 50));
    assert_eq!(phases(&node), all(Phase::Master), "it would take over from this one");
    node.hear_said(&said(&third, HIGHER, 150));
    assert_eq!(phases(&node), all(Phase::Backup));
    assert_eq!(node.engine.phase(InstanceId(3)), Some(Phase::Backup));
}

#[test]
fn a_member_with_another_router_number_stays_in_its_group() {
    let mut node = masters();
    node.retune(SECOND, |params| params.vrid = 61);
    node.pass(ms(3700));
    assert_eq!(phases(&node), all(Phase::Master));
    node.give(Input::Link(PortId(2), Link::Down));
    assert_eq!(phases(&node), all(Phase::Fault));
}

#[test]
fn a_large_group_moves_within_one_turn() {
    let ids: Vec<InstanceId> = (1..=50).map(InstanceId).collect();
    let member = |id: &InstanceId| (*id, Params { vrid: u8::try_from(id.0).unwrap(), ..params(100) });
    let mut wanted = setup(ids.iter().map(member));
    wanted.groups.insert(GROUP, GroupParams { members: ids.clone() });
    let (mut node, _) = Node::start(wanted);
    node.wait_for(Phase::Master);
    assert!(ids.iter().all(|id| node.engine.phase(*id) == Some(Phase::Master)));
    let mut better = said(&params(100), HIGHER, 150);
    better.vrid = 17;
    let effects = node.hear_said(&better);
    assert!(ids.iter().all(|id| node.engine.phase(*id) == Some(Phase::Backup)));
    assert!(effects.len() <= 6 * ids.len());
}

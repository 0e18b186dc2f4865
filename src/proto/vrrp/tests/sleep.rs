// SPDX-License-Identifier: MIT OR Apache-2.0
//! Late drivers and nodes that slept.

use super::kit::{HIGHER, Node, VI, ms, params, setup};
use crate::proto::vrrp::{Effect, Input, InstanceId, Params, Phase, Preempt};
use std::time::Duration;

fn words(effects: &[Effect]) -> Vec<String> {
    super::kit::words(effects)
}

#[test]
fn a_queued_advert_beats_a_timer_that_ran_out_meanwhile() {
    let mut node = Node::with(params(100));
    node.hear(HIGHER, 150);
    node.oversleep(ms(60_000));
    node.hear(HIGHER, 150);
    assert_eq!(words(&node.expire()), [""; 0]);
    assert_eq!(node.phase(), Phase::Backup);
    assert_eq!(node.next().0, Duration::from_micros(3_609_375));
}

#[test]
fn who_slept_listens_for_an_interval_before_it_takes_over() {
    let mut node = Node::with(params(100));
    node.hear(HIGHER, 150);
    node.oversleep(ms(60_000));
    assert_eq!(node.give(Input::Woke { late_by: ms(56_000) }), ["Slept"]);
    assert_eq!(words(&node.expire()), [""; 0], "the master may have spoken all the while");
    assert_eq!(node.next().0, Duration::from_micros(1_609_375), "an interval and the skew");
    node.pass(ms(900));
    assert_eq!(node.hear(HIGHER, 150), [""; 0]);
    assert_eq!(node.next().0, Duration::from_micros(3_609_375));
}

#[test]
fn a_short_lateness_costs_no_more_than_as_much_again() {
    let mut node = Node::with(params(100));
    node.hear(HIGHER, 150);
    let (down, _) = node.next();
    node.oversleep(down + ms(20));
    node.give(Input::Woke { late_by: ms(20) });
    assert_eq!(words(&node.expire()), [""; 0]);
    assert_eq!(node.pass(ms(20))[0], "send 100");
}

#[test]
fn a_master_that_overslept_sends_one_advert_and_goes_on() {
    let mut node = Node::master(params(100));
    node.oversleep(ms(30_000));
    assert_eq!(node.give(Input::Woke { late_by: ms(29_000) }), ["Slept"]);
    let due = words(&node.expire());
    assert_eq!(due, ["send 100", "announce OtherMasterDelayed 1x1"], "another router may have been Master meanwhile");
    assert_eq!(node.next(), (ms(1000), "advert"));
}

#[test]
fn an_advert_that_is_a_little_late_does_not_make_the_next_one_late() {
    let mut node = Node::master(params(100));
    let (rest, _) = node.next();
    node.oversleep(rest + ms(30));
    node.expire();
    assert_eq!(node.next(), (ms(970), "advert"));
    node.oversleep(ms(970) + ms(600));
    node.expire();
    assert_eq!(node.next(), (ms(1000), "advert"), "two adverts never follow each other at once");
}

/// Hundreds of adverts at one moment would come late, and to peers in bursts.
#[test]
fn adverts_of_many_instances_are_spread_over_the_interval() {
    let many = (1..=200).map(|id| (InstanceId(id), Params { vrid: u8::try_from(id).unwrap(), ..params(100) }));
    let (mut node, _) = Node::start(setup(many));
    let at_once = |effects: &[Effect]| effects.iter().filter(|effect| matches!(effect, Effect::Send(_))).count();
    let (down, _) = node.next();
    assert_eq!(at_once(&node.pass_raw(down)), 200, "all become Master at one moment");
    assert_eq!(at_once(&node.pass_raw(ms(1000))), 200, "each follows within an interval, once");
    let each: Vec<usize> = (0..100).map(|_| at_once(&node.pass_raw(ms(10)))).collect();
    assert_eq!(each.iter().sum::<usize>(), 200, "and then once an interval");
    assert!(each.iter().all(|count| *count <= 10), "{each:?}");
    node.oversleep(ms(700));
    node.expire();
    node.pass(ms(1000));
    let after = (0..100).map(|_| at_once(&node.pass_raw(ms(10)))).max();
    assert!(after <= Some(10), "being late together once does not bring them together: {after:?}");
}

#[test]
fn a_master_that_overslept_hears_first_who_is_master_now() {
    let mut node = Node::master(params(100));
    node.oversleep(ms(30_000));
    node.give(Input::Woke { late_by: ms(29_000) });
    let heard = node.hear(super::kit::HIGHER, 150);
    assert_eq!(heard[1..3], ["release", "Backup by HigherPriority"]);
    assert_eq!(words(&node.expire()), [""; 0]);
}

#[test]
fn with_timer_expired_backup_a_master_that_overslept_leaves_the_others_what_they_took() {
    let rule = Params { preempt: Preempt::No { timer_expired_backup: Some(254) }, ..params(100) };
    let skew = Duration::from_micros(7_812) + Duration::from_nanos(500);
    for (silent, leaves) in [(ms(3000) + skew, false), (ms(3001) + skew, true)] {
        let mut node = Node::master(rule.clone());
        let (next, _) = node.next();
        node.pass(next);
        node.oversleep(silent);
        let effects = node.give(Input::Woke { late_by: silent - ms(1000) });
        let expected: &[&str] =
            if leaves { &["Slept", "send 0", "release", "Backup by TimerExpired"] } else { &["Slept"] };
        assert_eq!(effects, expected, "silent for {silent:?}");
        let told = u64::from(leaves);
        assert_eq!(node.counters().priority_zero_sent, told, "who has the addresses brings the clients back");
    }
}

#[test]
fn everything_due_together_happens_in_one_turn_and_is_bounded() {
    let ids: Vec<InstanceId> = (1..=200).map(InstanceId).collect();
    let wanted = setup(ids.iter().map(|id| (*id, Params { vrid: u8::try_from(id.0).unwrap(), ..params(100) })));
    let (mut node, _) = Node::start(wanted);
    node.oversleep(ms(3_600_000));
    let effects = node.expire();
    assert_eq!(effects.len(), 4 * ids.len(), "advert, holdings, report, announcement");
    assert!(ids.iter().all(|id| node.engine.phase(*id) == Some(Phase::Master)));
    assert_eq!(node.engine.phase(VI), Some(Phase::Master));
}

#[test]
fn an_engine_moved_in_time_behaves_as_before() {
    let mut node = Node::master(Params { handover: true, ..params(100) });
    node.hear(super::kit::LOWER, 50);
    let mut moved = node.clone();
    moved.engine.rebase(ms(5000));
    moved.now = moved.now.back(ms(5000));
    assert_ne!(moved.engine, node.engine);
    assert_eq!(moved.pass(ms(20_000)), node.pass(ms(20_000)));
    moved.engine.rebase(ms(0));
}

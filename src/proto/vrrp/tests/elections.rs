// SPDX-License-Identifier: MIT OR Apache-2.0
//! Start, election, preemption, owners.

use std::time::Duration;

use super::kit::{HIGHER, LOWER, Node, OURS, VI, ms, params, said, setup};
use crate::proto::vrrp::{Globals, Holdings, OtherAddresses, Params, Phase, Preempt, Version};

fn micros(value: u64) -> Duration {
    Duration::from_micros(value)
}

fn nopreempt(priority: u8) -> Params {
    Params { preempt: Preempt::No { timer_expired_backup: None }, ..params(priority) }
}

#[test]
fn a_router_that_hears_nobody_becomes_master_after_the_master_down_time() {
    let (mut node, effects) = Node::start(setup([(VI, params(100))]));
    assert_eq!(effects, ["Backup by Start"]);
    assert_eq!(node.next(), (micros(3_609_375), "master down"));
    let effects = node.pass(ms(3700));
    assert_eq!(effects, ["send 100", "hold 1", "Master by MasterDown", "announce Entered 1x1"]);
    assert_eq!(node.pass(ms(2000)), ["send 100", "send 100"]);
}

#[test]
fn an_owner_is_master_at_once() {
    let (node, effects) = Node::start(setup([(VI, params(255))]));
    assert_eq!(effects, ["send 255", "hold 1", "Master by Owner", "announce Entered 1x1"]);
    assert_eq!(node.phase(), Phase::Master);
}

#[test]
fn an_owner_that_recovers_does_not_wait_either() {
    let mut node = Node::with(params(255));
    node.give(crate::proto::vrrp::Input::Link(super::kit::PORT, crate::proto::vrrp::Link::Down));
    let effects = node.give(crate::proto::vrrp::Input::Link(super::kit::PORT, crate::proto::vrrp::Link::Up));
    assert_eq!(effects, ["FaultCleared", "send 255", "hold 1", "Master by Owner", "announce Entered 1x1"]);
}

#[test]
fn an_instance_without_addresses_takes_part_and_holds_nothing() {
    let mut node = Node::with(Params { holdings: Holdings::default().into(), ..params(100) });
    assert_eq!(node.pass(ms(3700)), ["send 100", "Master by MasterDown"]);
    assert_eq!(node.hear(LOWER, 200), ["Backup by HigherPriority", "MasterChanged"]);
}

#[test]
fn during_the_start_delay_nothing_is_heard_and_waiting_begins_at_its_end() {
    for (priority, waits) in [(100, micros(3_609_375)), (255, Duration::ZERO)] {
        let mut wanted = setup([(VI, params(priority))]);
        wanted.globals = Globals { startup_delay: ms(5000) };
        let (mut node, effects) = Node::start(wanted);
        assert_eq!(effects, ["Backup by Start"]);
        assert_eq!(node.next().0, ms(5000) + waits);
        node.pass(ms(4000));
        assert_eq!(node.hear(HIGHER, 200), [""; 0]);
        assert_eq!(node.counters().ignored, 1);
        assert_eq!(node.next().0, ms(1000) + waits);
        assert!(node.pass(ms(1000) + waits).contains(&format!("send {priority}")));
    }
}

#[test]
fn a_reload_may_shorten_or_lengthen_the_start_delay() {
    let mut wanted = setup([(VI, params(100))]);
    wanted.globals = Globals { startup_delay: ms(5000) };
    let (mut node, _) = Node::start(wanted.clone());
    node.pass(ms(2000));
    wanted.globals = Globals { startup_delay: ms(9000) };
    node.reload(wanted.clone());
    assert_eq!(node.next().0, ms(7000) + micros(3_609_375));
    wanted.globals = Globals { startup_delay: ms(1000) };
    node.reload(wanted);
    assert_eq!(node.next().0, micros(3_609_375));
}

#[test]
fn a_better_master_is_followed_for_as_long_as_it_speaks() {
    let mut node = Node::with(params(100));
    for _ in 0..10 {
        node.hear(HIGHER, 150);
        assert_eq!(node.next().0, micros(3_609_375));
        assert_eq!(node.pass(ms(1000)), [""; 0]);
    }
    assert_eq!(node.engine.followed(VI), Some((HIGHER, 150)));
    assert!(node.pass(ms(3000)).contains(&"Master by MasterDown".to_owned()));
}

#[test]
fn version_3_counts_in_the_interval_of_the_master_and_forgets_it_as_master() {
    let mut node = Node::with(params(100));
    let mut slow = said(&params(100), HIGHER, 150);
    slow.interval = ms(4000);
    assert_eq!(node.hear_said(&slow), ["MasterChanged", "IntervalDiffers"]);
    assert_eq!(node.next().0, ms(12_000) + micros(2_437_500));
    node.wait_for(Phase::Master);
    node.hear(HIGHER, 0);
    assert_eq!(node.next(), (ms(1000), "advert"));
    node.give(crate::proto::vrrp::Input::Link(super::kit::PORT, crate::proto::vrrp::Link::Down));
    node.give(crate::proto::vrrp::Input::Link(super::kit::PORT, crate::proto::vrrp::Link::Up));
    assert_eq!(node.next().0, micros(3_609_375));
}

/// The priority heard, and whether a Backup of priority 100 follows it (its timer begins anew).
#[test]
fn a_backup_follows_whom_the_table_says() {
    let delayed = Params { preempt: Preempt::Yes { delay: ms(60_000) }, ..params(100) };
    let table = [
        // (rule, priority heard, timer afterwards)
        (params(100), 101, micros(3_609_375)),
        (params(100), 100, micros(3_609_375)),
        (params(100), 99, micros(2_609_375)),
        (params(100), 0, micros(609_375)),
        (nopreempt(100), 101, micros(3_609_375)),
        (nopreempt(100), 99, micros(3_609_375)),
        (nopreempt(100), 0, micros(609_375)),
        (delayed.clone(), 99, micros(3_609_375)),
        (delayed, 0, micros(609_375)),
    ];
    for (rule, priority, timer) in table {
        let preempt = rule.preempt;
        let mut node = Node::with(rule);
        node.pass(ms(1000));
        node.hear(LOWER, priority);
        assert_eq!(node.next().0, timer, "{preempt:?} hears {priority}");
        assert_eq!(node.phase(), Phase::Backup);
    }
}

#[test]
fn a_lower_master_is_taken_over_within_one_master_down_time() {
    let mut node = Node::with(params(100));
    let mut effects = Vec::new();
    for _ in 0..4 {
        effects.extend(node.hear(LOWER, 50));
        effects.extend(node.pass(ms(1000)));
    }
    let expected = ["Preempting", "send 100", "hold 1", "Master by Preempt", "announce Entered 1x1"];
    assert_eq!(effects, expected);
}

#[test]
fn a_preempt_delay_starts_with_the_first_lower_advert_and_ends_with_a_better_master() {
    let mut node = Node::with(Params { preempt: Preempt::Yes { delay: ms(10_000) }, ..params(100) });
    assert_eq!(node.hear(LOWER, 50), ["PreemptDelayStarted", "MasterChanged"]);
    for _ in 0..9 {
        node.pass(ms(1000));
        assert_eq!(node.hear(LOWER, 50), [""; 0]);
    }
    // A better master comes and goes: the delay begins anew.
    node.hear(HIGHER, 150);
    assert_eq!(node.hear(LOWER, 50), ["PreemptDelayStarted", "MasterChanged"]);
    for _ in 0..10 {
        node.pass(ms(1000));
        node.hear(LOWER, 50);
        assert_eq!(node.phase(), Phase::Backup);
    }
    // Since the delay is over the lower master is no longer waited for.
    let effects = node.pass(ms(2700));
    assert!(effects.contains(&"Master by Preempt".to_owned()), "{effects:?}");
}

#[test]
fn priority_zero_brings_the_backup_in_after_its_skew() {
    let mut node = Node::with(params(200));
    node.hear(HIGHER, 250);
    node.hear(HIGHER, 0);
    assert_eq!(node.next().0, micros(218_750));
    assert_eq!(node.pass(ms(219))[..3], ["send 200", "hold 1", "Master by PriorityZero"]);
    let counters = node.counters();
    assert_eq!((counters.priority_zero_received, counters.became_master), (1, 1));
}

#[test]
fn a_master_answers_priority_zero_at_once() {
    let mut node = Node::master(params(100));
    node.pass(ms(400));
    assert_eq!(node.hear(LOWER, 0), ["send 100"]);
    assert_eq!(node.next(), (ms(1000), "advert"));
}

/// What a Master of priority 100 with our address does about another master.
#[test]
fn a_master_ranks_by_priority_and_then_by_address() {
    let yields = ["send 100", "release", "Backup by HigherPriority", "MasterChanged"];
    let insists = ["send 100", "OtherMaster", "announce OtherMaster 1x1"];
    let table = [
        (LOWER, 101, &yields[..]),
        (HIGHER, 101, &yields[..]),
        (HIGHER, 100, &yields[..]),
        (LOWER, 100, &insists[..]),
        (LOWER, 99, &insists[..]),
        (HIGHER, 99, &insists[..]),
    ];
    for (source, priority, expected) in table {
        let mut node = Node::master(params(100));
        assert_eq!(node.hear(source, priority), expected, "{source} {priority}");
    }
}

#[test]
fn nopreempt_does_not_keep_a_master_from_yielding() {
    let mut node = Node::master(nopreempt(100));
    assert_eq!(node.hear(HIGHER, 101), ["send 100", "release", "Backup by HigherPriority", "MasterChanged"]);
    assert_eq!(node.next().0, micros(3_609_375));
}

#[test]
fn a_last_advert_before_yielding_and_silence_towards_lower_masters_are_switches() {
    let mut node = Node::with(Params { higher_prio_send_advert: true, ..params(100) });
    node.obliging = false;
    node.wait_for(Phase::Master);
    assert_eq!(node.hear(HIGHER, 101)[0], "send 100");
    let mut node = Node::master(Params { lower_prio_no_advert: true, ..params(100) });
    node.pass(ms(400));
    let (next, _) = node.next();
    assert_eq!(node.hear(LOWER, 50), ["OtherMaster", "announce OtherMaster 1x1"]);
    assert_eq!(node.next().0, next);
}

#[test]
fn another_master_that_loses_is_reported_once_and_announced_against_once_per_interval() {
    let mut node = Node::master(params(100));
    node.pass(ms(100));
    assert_eq!(node.hear(LOWER, 50), ["send 100", "OtherMaster", "announce OtherMaster 1x1"]);
    for _ in 0..9 {
        node.pass(ms(100));
        assert_eq!(node.hear(LOWER, 50), ["send 100"]);
    }
    node.pass(ms(100));
    assert_eq!(node.hear(LOWER, 50), ["send 100", "announce OtherMaster 1x1"]);
    assert_eq!(node.engine.other_master(VI), Some(LOWER));
}

#[test]
fn the_last_advert_of_the_master_that_was_preempted_is_no_second_master() {
    let mut node = Node::with(params(100));
    for _ in 0..4 {
        node.hear(LOWER, 50);
        node.pass(ms(1000));
    }
    assert_eq!(node.phase(), Phase::Master);
    assert_eq!(node.hear(LOWER, 50), ["send 100"]);
    assert_eq!(node.hear(LOWER, 50)[1], "OtherMaster", "unless it goes on");
}

#[test]
fn the_preempted_master_that_was_out_of_hearing_is_a_second_one() {
    let mut node = Node::with(params(100));
    for _ in 0..4 {
        node.hear(LOWER, 50);
        node.pass(ms(1000));
    }
    assert_eq!(node.phase(), Phase::Master);
    node.pass(ms(1000));
    assert_eq!(node.hear(LOWER, 50)[1], "OtherMaster", "a farewell would have come within an interval");
}

#[test]
fn who_yields_says_so_once_clients_can_have_learnt_its_way() {
    let silent = ["release", "Backup by HigherPriority", "MasterChanged"];
    let mut node = Node::with(params(100));
    node.obliging = false;
    node.wait_for(Phase::Master);
    assert_eq!(node.hear(HIGHER, 150), silent, "nothing is in place yet");
    let mut node = Node::master(params(100));
    assert_eq!(node.hear(HIGHER, 150)[0], "send 100");
    assert_eq!(node.phase(), Phase::Backup);
}

#[test]
fn when_a_split_heals_the_remaining_master_says_so_and_announces_again() {
    let mut node = Node::master(params(100));
    node.hear(LOWER, 50);
    let effects = node.pass(ms(3050));
    assert_eq!(effects, ["send 100", "send 100", "OtherMasterGone", "announce OtherMaster 1x1", "send 100"]);
    assert_eq!(node.engine.other_master(VI), None);
    assert_eq!(node.hear(LOWER, 50)[1], "OtherMaster", "a new split is a new event");
}

#[test]
fn our_own_address_with_another_priority_is_a_clash() {
    let mut node = Node::master(params(100));
    assert_eq!(node.hear(OURS, 50)[0], "AddressClash");
    assert_eq!(node.hear(OURS, 150)[2], "Backup by HigherPriority");
}

#[test]
fn of_two_owners_the_lower_address_yields() {
    let mut node = Node::with(params(255));
    assert_eq!(
        node.hear(HIGHER, 255),
        ["TwoOwners yielding=true", "send 255", "release", "Backup by HigherPriority", "MasterChanged"]
    );
}

#[test]
fn an_owner_that_is_not_heeded_gives_way_in_the_end() {
    let mut node = Node::with(params(255));
    assert_eq!(
        node.hear(LOWER, 255),
        ["TwoOwners yielding=false", "send 255", "OtherMaster", "announce OtherMaster 1x1"]
    );
    node.pass(ms(500));
    assert_eq!(node.hear(LOWER, 255), ["send 255"], "the second telling");
    node.pass(ms(500));
    let effects = node.hear(LOWER, 255);
    assert_eq!(effects, ["send 254", "release", "Backup by HigherPriority", "MasterChanged"]);
    assert_eq!(node.engine.priority(VI), Some(254));
    // It is the owner again once the other one leaves, or stops being an owner.
    node.hear(LOWER, 100);
    assert_eq!(node.engine.priority(VI), Some(255));
}

#[test]
fn an_owner_that_is_heeded_stays() {
    let mut node = Node::with(params(255));
    node.hear(LOWER, 255);
    node.hear(LOWER, 255);
    let effects = node.pass(ms(1300));
    assert!(!effects.iter().any(|effect| effect.contains("Backup")));
    assert_eq!(node.hear(LOWER, 255)[0], "send 255", "the doubts are forgotten");
}

#[test]
fn an_owner_may_ignore_adverts_altogether() {
    let mut node = Node::with(Params { owner_ignore_adverts: true, ..params(255) });
    assert_eq!(node.hear(HIGHER, 255), ["Refused OwnerIgnores"]);
    assert_eq!(node.phase(), Phase::Master);
}

#[test]
fn a_peer_with_other_addresses_is_alive_all_the_same_unless_that_is_refused() {
    for (rule, effects, timer) in [
        (OtherAddresses::Report, ["MasterChanged", "AddressesDiffer"].as_slice(), 3_609_375),
        (OtherAddresses::Refuse, ["Refused AddressList"].as_slice(), 2_609_375),
    ] {
        let mut node = Node::with(Params { other_addresses: rule, ..params(100) });
        node.pass(ms(1000));
        let mut other = said(&params(100), HIGHER, 150);
        other.addresses = vec!["203.0.113.77".parse().unwrap()];
        assert_eq!(node.hear_said(&other), effects);
        assert_eq!(node.next().0, micros(timer));
        assert_eq!(node.counters().address_list, 1);
    }
}

#[test]
fn address_lists_are_sets_and_may_be_skipped_for_the_master_that_is_followed() {
    let two = super::kit::holding(&["203.0.113.1".parse().unwrap(), "203.0.113.2".parse().unwrap()]);
    let rule = Params { holdings: two, skip_check_adv_addr: true, ..params(100) };
    let mut node = Node::with(rule.clone());
    let mut turned = said(&rule, HIGHER, 150);
    turned.addresses.reverse();
    assert_eq!(node.hear_said(&turned), ["MasterChanged"]);
    turned.addresses.pop();
    assert_eq!(node.hear_said(&turned), [""; 0], "the same master is not looked at twice");
    turned.from = LOWER;
    assert_eq!(node.hear_said(&turned), ["MasterChanged", "AddressesDiffer"]);
    assert_eq!(node.hear_said(&turned), [""; 0], "said once per master");
}

#[test]
fn version_2_waits_in_whole_seconds_and_takes_no_other_interval() {
    let rule = Params { version: Version::V2, interval: ms(2400), ..params(100) };
    let mut node = Node::with(rule.clone());
    assert_eq!(node.next().0, ms(6000) + micros(609_375));
    let mut other = said(&rule, HIGHER, 150);
    other.interval = ms(3000);
    assert_eq!(node.hear_said(&other), ["Refused Interval"]);
    assert_eq!(node.counters().interval, 1);
    other.interval = ms(2000);
    assert_eq!(node.hear_said(&other), ["MasterChanged"]);
}

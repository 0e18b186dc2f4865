// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reloads.

use super::super::*;
use super::kit::*;

#[test]
fn a_reload_of_the_same_has_no_effect() {
    let mut world = World::new(setup(3));
    world.good(1);
    world.bad(2);
    world.told();
    let (engine, writes) = (world.engine.clone(), world.balances.len());
    world.reload(setup(3));
    assert_eq!((world.engine.clone(), world.balances.len(), world.told()), (engine, writes, vec![]));
}

#[test]
fn what_is_not_named_keeps_its_state_and_its_times() {
    let mut world = World::new(setup(2));
    world.good(1);
    world.bad(2);
    world.pass(SECOND * 4);
    world.reload(setup(3));
    assert_eq!(world.table(0), [(1, 1), (3, 1)]);
    assert_eq!(world.good(1), SECOND * 6);
}

#[test]
fn a_failed_server_stays_out_when_its_check_changes_until_that_succeeds() {
    let mut world = World::new(setup(2));
    world.good(2);
    world.bad(1);
    world.told();
    world.reload(with(2, |setup| setup.checkers.get_mut(&CheckerId(1)).expect("a checker").revision = 1));
    assert_eq!((world.table(0), moves(&world.told())), (vec![(2, 1)], String::new()));
    assert_eq!(world.bad(1), SECOND, "it is asked soon");
    assert_eq!(world.table(0), [(2, 1)]);
    world.good(1);
    assert_eq!(world.table(0), [(1, 1), (2, 1)]);
}

#[test]
fn a_live_server_whose_check_changes_stays_in_and_has_all_its_attempts() {
    let mut world = World::new(setup(1));
    world.good(1);
    world.bad(1);
    world.bad(1);
    world.told();
    world.reload(with(1, |setup| setup.checkers.get_mut(&CheckerId(1)).expect("a checker").revision = 1));
    assert_eq!((world.table(0), moves(&world.told())), (vec![(1, 1)], String::new()));
    assert_eq!(world.bad(1), SECOND);
    world.bad(1);
    assert_eq!(world.table(0), [(1, 1)]);
    world.bad(1);
    assert_eq!(world.table(0), []);
}

#[test]
fn with_alpha_a_changed_check_must_be_earned_again() {
    let mut world = World::new(with(1, |setup| alpha(setup, 1)));
    world.good(1);
    world.told();
    world.reload(with(1, |setup| {
        alpha(setup, 1);
        setup.checkers.get_mut(&CheckerId(1)).expect("a checker").revision = 1;
    }));
    assert_eq!((world.table(0), moves(&world.told())), (vec![], "r1- v0-".to_owned()));
    world.good(1);
    assert_eq!(world.table(0), [(1, 1)]);
}

#[test]
fn a_new_check_of_a_live_server_does_not_take_it_out_even_with_alpha() {
    let mut world = World::new(setup(1));
    world.good(1);
    world.told();
    world.reload(with(1, |setup| {
        add_checker(setup, 2, 1, timing());
        alpha(setup, 2);
    }));
    assert_eq!((world.table(0), moves(&world.told())), (vec![(1, 1)], String::new()));
    world.bad(2);
    assert_eq!(world.table(0), [], "its first failure counts at once");
}

#[test]
fn an_answer_to_what_is_not_asked_any_more_does_not_count() {
    let mut world = World::new(setup(1));
    world.good(1);
    world.pass(SECOND * 10);
    assert_eq!(world.asked.len(), 1);
    for revision in 1..=3 {
        world.reload(with(1, |setup| setup.checkers.get_mut(&CheckerId(1)).expect("a checker").revision = revision));
    }
    world.asked.clear();
    world.input(Input::Probed(CheckerId(1), Verdict::Bad));
    assert_eq!(world.bad(1), std::time::Duration::ZERO, "asked again at once");
    world.bad(1);
    assert_eq!(world.table(0), [(1, 1)], "two failures, not three");
    assert_eq!(world.engine.checker(CheckerId(1)).expect("a checker").counters.stale, 1);
}

#[test]
fn a_shorter_interval_counts_at_once() {
    let mut world = World::new(with(1, |setup| retime(setup, 1, |timing| timing.delay_loop = SECOND * 1000)));
    world.good(1);
    world.reload(setup(1));
    assert!(world.good(1) <= SECOND * 10);
}

#[test]
fn servers_that_come_with_a_reload_are_in_at_once_and_not_told_of_unless_wanted() {
    for (wanted, told) in [(false, ""), (true, "r3+")] {
        let mut world = World::new(with(2, |setup| setup.globals.notify_at_start = wanted));
        assert_eq!(moves(&world.told()), if wanted { "r1+ r2+ v0+" } else { "v0+" });
        world.reload(with(3, |setup| setup.globals.notify_at_start = wanted));
        assert_eq!((world.table(0), moves(&world.told()).as_str()), (vec![(1, 1), (2, 1), (3, 1)], told));
    }
}

#[test]
fn servers_that_are_gone_are_told_of_if_they_were_up() {
    let mut world = World::new(setup(3));
    world.bad(2);
    world.told();
    let mut left = setup(1);
    service(&mut left, 0).servers = vec![ServerId(1)];
    world.reload(left);
    assert_eq!((world.table(0), moves(&world.told())), (vec![(1, 1)], "r3-".to_owned()));
}

#[test]
fn when_all_servers_are_replaced_the_virtual_server_stays_up() {
    let mut world = World::new(setup(2));
    world.told();
    let mut other = Setup::default();
    add_service(&mut other, 0, 5..=6);
    world.reload(other);
    assert_eq!((world.table(0), moves(&world.told())), (vec![(5, 1), (6, 1)], "r1- r2-".to_owned()));
}

#[test]
fn a_virtual_server_that_is_gone_says_so_and_leaves_the_table() {
    let mut both = setup(1);
    add_service(&mut both, 1, 3..=3);
    let mut world = World::new(both);
    world.told();
    world.reload(setup(1));
    assert_eq!((world.table.len(), moves(&world.told())), (1, "r3- v1-".to_owned()));
    assert_eq!(world.balances.len(), 2);
    assert_eq!(world.balances[1].len(), 1, "the other is not touched");
}

#[test]
fn a_failed_server_without_its_failed_check_comes_back() {
    let mut world = World::new(with(1, |setup| add_checker(setup, 2, 1, timing())));
    world.bad(2);
    world.told();
    world.reload(setup(1));
    assert_eq!((world.table(0), moves(&world.told())), (vec![(1, 1)], "r1+ v0+".to_owned()));
}

#[test]
fn weights_thresholds_and_inhibit_reach_the_table() {
    let mut world = World::new(setup(2));
    world.bad(2);
    world.reload(with(2, |setup| {
        real(setup, 1).weight = 7;
        real(setup, 2).inhibit = true;
    }));
    assert_eq!(world.table(0), [(1, 7), (2, 0)]);
    world.reload(with(2, |setup| {
        real(setup, 1).thresholds = Thresholds { upper: 9, lower: 3 };
    }));
    let content = world.table.values().next().expect("a service");
    assert_eq!(content.destinations.len(), 1);
    assert_eq!(content.destinations[0].thresholds, Thresholds { upper: 9, lower: 3 });
}

#[test]
fn a_weight_that_a_script_says_outlives_another_configured_one() {
    let mut world = World::new(setup(1));
    world.answered(1, Verdict::Good(Some(Weight::Exactly(20))));
    world.reload(with(1, |setup| real(setup, 1).weight = 5));
    assert_eq!(world.table(0), [(1, 20)]);
    world.good(1);
    assert_eq!(world.table(0), [(1, 5)]);
}

#[test]
fn quorum_and_sorry_server_are_looked_at_with_the_new_numbers() {
    let mut world = World::new(setup(2));
    world.told();
    world.reload(with(2, |setup| {
        service(setup, 0).sorry = Some(sorry(9));
        service(setup, 0).quorum = 2;
    }));
    assert_eq!(world.table(0), [(1, 1), (2, 1)]);
    world.bad(1);
    assert_eq!((world.table(0), moves(&world.told())), (vec![(9, 1)], "r1- v0-".to_owned()));
    world.reload(with(2, |setup| {
        service(setup, 0).sorry = Some(sorry(8));
        service(setup, 0).quorum = 2;
    }));
    assert_eq!((world.table(0), moves(&world.told())), (vec![(8, 1)], String::new()), "told once");
    world.reload(setup(2));
    assert_eq!((world.table(0), moves(&world.told())), (vec![(2, 1)], "v0+".to_owned()));
}

#[test]
fn an_entry_that_moves_to_another_front_does_not_leave_the_kernel() {
    let mut world = World::new(setup(1));
    let moved = with(1, |setup| {
        let front = setup.fronts.remove(&FrontId(0)).expect("a front");
        setup.fronts.insert(FrontId(9), front);
    });
    world.reload(moved);
    assert_eq!(world.table(0), [(1, 1)]);
    assert!(world.balances[1].iter().all(|wanted| wanted.content.is_some()), "{:?}", world.balances[1]);
}

#[test]
fn entries_that_are_gone_leave_the_kernel() {
    let two = |keep: bool| {
        with(1, |setup| {
            let key = |last| Key::Address { protocol: Protocol::Tcp, ip: vip(last), port: 80 };
            let keys = if keep { vec![key(1), key(2)] } else { vec![key(1)] };
            setup.fronts.get_mut(&FrontId(0)).expect("a front").keys = keys.into();
        })
    };
    let mut world = World::new(two(true));
    assert_eq!(world.table.len(), 2);
    world.reload(two(false));
    assert_eq!((world.table.len(), world.table(0)), (1, vec![(1, 1)]));
    world.bad(1);
    assert_eq!(world.balances.last().map(Vec::len), Some(1), "what is gone is not said again");
}

#[test]
fn what_a_reload_reads_and_what_it_changes_is_looked_at_together() {
    let both = |revision: u32| {
        with(1, |setup| {
            alpha(setup, 1);
            told(setup, 5, 1);
            for checker in setup.checkers.values_mut() {
                checker.revision = revision;
            }
        })
    };
    let mut world = World::new(both(0));
    world.good(1);
    world.told();
    let mut changes = Changes::between(&both(0), &both(1));
    changes.readings.insert(CheckerId(5), Verdict::Good(None));
    world.input(Input::Reconfigure(changes));
    assert!(world.told().contains(&server(1, false, Cause::Reload)), "the reload, and not the reading, took it out");
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! When checkers ask, and what their answers come to.

use std::time::Duration;

use super::super::*;
use super::kit::*;

#[test]
fn a_failure_counts_at_once_the_first_time_and_later_after_the_further_attempts() {
    let mut world = World::new(setup(2));
    assert_eq!(world.bad(1), SECOND, "no check in the first second");
    assert_eq!(world.table(0), [(2, 1)]);
    world.good(2);
    assert_eq!(world.bad(2), SECOND * 10);
    assert_eq!(world.bad(2), SECOND);
    assert_eq!(world.table(0), [(2, 1)], "one attempt is left");
    world.told();
    assert_eq!(world.bad(2), SECOND);
    assert_eq!(world.table(0), []);
    assert_eq!(
        world.told()[..2],
        [
            Event::Checker { checker: CheckerId(2), up: false, first: false, failures: 3 },
            server(2, false, Cause::Check(CheckerId(2)))
        ]
    );
    assert_eq!(world.bad(2), SECOND * 10, "while it is down there are no further attempts");
    world.good(2);
    assert_eq!(world.table(0), [(2, 1)], "one success is enough");
}

#[test]
fn a_success_between_failures_begins_the_count_again() {
    let mut world = World::new(setup(1));
    world.good(1);
    for _ in 0..4 {
        world.bad(1);
        world.bad(1);
        assert_eq!(world.good(1), SECOND);
    }
    assert_eq!(world.table(0), [(1, 1)]);
}

#[test]
fn a_server_is_up_when_all_its_checkers_are() {
    let mut world = World::new(with(1, |setup| add_checker(setup, 2, 1, timing())));
    world.told();
    world.bad(1);
    world.bad(2);
    assert_eq!((world.table(0), moves(&world.told())), (vec![], "r1- v0-".to_owned()));
    world.good(1);
    assert_eq!((world.table(0), moves(&world.told())), (vec![], String::new()));
    world.good(2);
    assert_eq!((world.table(0), moves(&world.told())), (vec![(1, 1)], "r1+ v0+".to_owned()));
}

#[test]
fn first_checks_are_spread_over_the_warm_up() {
    let count = 100;
    let mut world = World::new(with(count, |setup| {
        for checker in 1..=count {
            retime(setup, checker, |timing| timing.warmup = SECOND * 10);
        }
    }));
    let begun = world.now;
    let mut by_second = [0; 11];
    while world.asked.len() < count as usize {
        let before = world.asked.len();
        let wait = world.engine.deadline().expect("a check").at.since(world.now);
        world.pass(wait);
        let second = (world.now - begun).saturating_sub(SECOND).as_secs() as usize;
        by_second[second] += world.asked.len() - before;
    }
    assert!(world.now - begun >= SECOND && world.now - begun <= SECOND * 11);
    assert!(by_second[..10].iter().all(|checks| (3..=20).contains(checks)), "{by_second:?}");
    let again = {
        let mut world = World::new(world.setup.clone());
        world.pass(SECOND * 5);
        world.asked.keys().copied().collect::<Vec<_>>()
    };
    let mut other = World::new(world.setup.clone());
    other.pass(SECOND * 5);
    assert_eq!(again, other.asked.keys().copied().collect::<Vec<_>>(), "the same seed, the same spread");
}

#[test]
fn alpha_waits_for_the_first_success_and_tells_the_first_failure() {
    let mut world = World::new(with(1, |setup| alpha(setup, 1)));
    assert_eq!((world.table(0), world.told()), (vec![], vec![]));
    world.bad(1);
    let never = server(1, false, Cause::NeverUp(CheckerId(1)));
    let first = Event::Checker { checker: CheckerId(1), up: false, first: true, failures: 1 };
    assert_eq!(world.told(), [first, never]);
    world.bad(1);
    assert_eq!(world.told(), []);
    world.good(1);
    assert_eq!((world.table(0), moves(&world.told())), (vec![(1, 1)], "r1+ v0+".to_owned()));
}

#[test]
fn a_server_without_a_check_is_up_whatever_becomes_of_others() {
    let mut world = World::new(with(2, |setup| drop(setup.checkers.remove(&CheckerId(2)))));
    assert_eq!(world.table(0), [(1, 1), (2, 1)]);
    world.bad(1);
    world.pass(SECOND * 1000);
    assert_eq!(world.table(0), [(2, 1)]);
}

#[test]
fn a_check_that_could_not_be_made_counts_neither_way_and_is_made_again_soon() {
    let mut world = World::new(setup(1));
    world.told();
    world.answered(1, Verdict::NotChecked);
    assert_eq!(world.table(0), [(1, 1)], "a live server stays");
    assert_eq!(world.told(), [Event::NotChecked { checker: CheckerId(1) }]);
    assert_eq!(world.answered(1, Verdict::NotChecked), SECOND);
    assert_eq!(world.told(), [], "told once");
    assert_eq!(world.bad(1), SECOND);
    assert_eq!(world.table(0), [], "that was the first check");
    assert!(world.told().contains(&Event::CheckedAgain { checker: CheckerId(1), missed: 2 }));
    for _ in 0..5 {
        world.answered(1, Verdict::NotChecked);
    }
    assert_eq!(world.table(0), [], "and a dead one stays out");
    let counters = world.engine.checker(CheckerId(1)).expect("a checker").counters;
    assert_eq!((counters.not_checked, counters.bad), (7, 1));
}

#[test]
fn a_shortage_does_not_use_up_attempts() {
    let mut world = World::new(setup(1));
    world.good(1);
    world.bad(1);
    world.answered(1, Verdict::NotChecked);
    world.bad(1);
    world.answered(1, Verdict::NotChecked);
    assert_eq!(world.table(0), [(1, 1)]);
    world.bad(1);
    assert_eq!(world.table(0), []);
}

#[test]
fn a_stubborn_checker_makes_all_attempts_every_time() {
    let stubborn = with(1, |setup| retime(setup, 1, |timing| timing.manner = Manner::Stubborn));
    let mut world = World::new(stubborn);
    assert_eq!([world.bad(1), world.bad(1)], [SECOND, SECOND]);
    assert_eq!(world.table(0), [(1, 1)], "even the first time");
    world.bad(1);
    assert_eq!(world.table(0), []);
    assert_eq!([world.bad(1), world.bad(1), world.bad(1), world.bad(1)], [SECOND * 10, SECOND, SECOND, SECOND * 10]);
}

#[test]
fn a_script_begins_an_interval_after_it_began_before() {
    let script = with(1, |setup| retime(setup, 1, |timing| timing.manner = Manner::FromStart));
    let mut world = World::new(script);
    let answer_after = |world: &mut World, seconds: u32, verdict| {
        let mut waited = Duration::ZERO;
        while world.asked.is_empty() {
            world.pass(SECOND);
            waited += SECOND;
        }
        world.asked.clear();
        world.pass(SECOND * seconds);
        world.input(Input::Probed(CheckerId(1), verdict));
        waited.as_secs()
    };
    answer_after(&mut world, 4, Verdict::Good(None));
    assert_eq!(answer_after(&mut world, 25, Verdict::Good(None)), 6, "four of ten seconds are over");
    assert_eq!(answer_after(&mut world, 0, Verdict::Good(None)), 1, "it took longer than the interval");
}

#[test]
fn single_failures_are_told_where_that_is_wanted() {
    let mut world = World::new(with(1, |setup| {
        setup.checkers.get_mut(&CheckerId(1)).expect("a checker").log_all_failures = true;
    }));
    world.good(1);
    world.told();
    world.bad(1);
    world.bad(1);
    let left = |left| Event::CheckFailed { checker: CheckerId(1), left };
    assert_eq!(world.told(), [left(1), left(0)]);
}

#[test]
fn what_is_told_counts_when_it_is_told() {
    let mut world = World::new(with(1, |setup| {
        setup.checkers.clear();
        told(setup, 5, 1);
    }));
    world.told();
    assert_eq!(world.engine.deadline(), None);
    world.input(Input::Reading(CheckerId(5), Verdict::Bad));
    assert_eq!((world.table(0), moves(&world.told())), (vec![], "r1- v0-".to_owned()));
    world.input(Input::Reading(CheckerId(5), Verdict::Good(None)));
    assert_eq!((world.table(0), moves(&world.told())), (vec![(1, 1)], "r1+ v0+".to_owned()));
}

#[test]
fn a_server_whose_reading_is_bad_from_the_start_never_gets_in() {
    let setup = with(1, |setup| told(setup, 5, 1));
    let mut world = World::empty();
    let mut changes = Changes::between(&Setup::default(), &setup);
    changes.readings.insert(CheckerId(5), Verdict::Bad);
    world.input(Input::Reconfigure(changes));
    assert_eq!(world.balances.len(), 1);
    assert_eq!((world.table(0), world.told()), (vec![], vec![]));
}

#[test]
fn an_answer_nobody_waits_for_changes_nothing() {
    let mut world = World::new(setup(1));
    world.told();
    world.input(Input::Probed(CheckerId(1), Verdict::Bad));
    world.input(Input::Probed(CheckerId(77), Verdict::Bad));
    world.input(Input::Reading(CheckerId(1), Verdict::Bad));
    world.input(Input::Reading(CheckerId(77), Verdict::Bad));
    world.input(Input::Settled(Ticket(99), Outcome::Unavailable));
    assert_eq!((world.table(0), world.told()), (vec![(1, 1)], vec![]));
}

#[test]
fn a_driver_that_comes_late_is_not_asked_for_everything_at_once() {
    let count = 3000;
    let mut world = World::new(with(count, |_| {}));
    let mut out = Vec::new();
    world.now += SECOND * 5;
    world.engine.expire(world.now, &mut out);
    let first = out.len();
    world.engine.expire(world.now, &mut out);
    world.engine.expire(world.now, &mut out);
    assert_eq!((first, out.len()), (PROBES_PER_TURN, count as usize));
}

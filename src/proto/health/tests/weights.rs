// SPDX-License-Identifier: MIT OR Apache-2.0
//! Weights that checkers say.

use super::super::*;
use super::kit::*;

fn two_checkers() -> World {
    World::new(with(1, |setup| {
        real(setup, 1).weight = 5;
        add_checker(setup, 2, 1, timing());
    }))
}

fn exactly(weight: u32) -> Verdict {
    Verdict::Good(Some(Weight::Exactly(weight)))
}

fn plus(more: i32) -> Verdict {
    Verdict::Good(Some(Weight::Plus(more)))
}

#[test]
fn one_checker_says_the_weight() {
    let mut world = two_checkers();
    world.answered(1, exactly(20));
    assert_eq!(world.table(0), [(1, 20)]);
    world.answered(1, exactly(0));
    assert_eq!(world.table(0), [(1, 0)], "it stays, with no new connections");
    world.answered(1, Verdict::Good(None));
    assert_eq!(world.table(0), [(1, 5)]);
}

#[test]
fn what_several_say_adds_up_and_stays_within_bounds() {
    let mut world = two_checkers();
    world.answered(1, exactly(15));
    world.answered(2, exactly(25));
    assert_eq!(world.table(0), [(1, 35)], "5 + 10 + 20");
    world.answered(2, plus(-100));
    assert_eq!(world.table(0), [(1, 0)]);
    world.answered(2, plus(i32::MAX));
    assert_eq!(world.table(0), [(1, WEIGHT_MAX)]);
    world.answered(1, plus(i32::MIN));
    assert_eq!(world.table(0), [(1, 4)]);
}

#[test]
fn a_failure_takes_back_what_was_said() {
    let mut world = two_checkers();
    world.answered(1, exactly(15));
    world.answered(2, exactly(25));
    for _ in 0..3 {
        world.bad(1);
    }
    assert_eq!(world.table(0), []);
    world.answered(1, Verdict::Good(None));
    assert_eq!(world.table(0), [(1, 25)], "what the other says stands");
}

#[test]
fn a_weight_of_zero_loses_the_quorum_and_is_told() {
    let mut world = two_checkers();
    world.told();
    world.answered(1, exactly(0));
    let told = world.told();
    assert!(told.contains(&Event::Weight { server: ServerId(1), from: 5, to: 0 }));
    assert_eq!(moves(&told), "v0-");
    world.answered(1, exactly(7));
    assert_eq!(moves(&world.told()), "v0+");
}

#[test]
fn a_weight_that_stays_writes_nothing() {
    let mut world = two_checkers();
    world.answered(1, exactly(20));
    let writes = world.balances.len();
    for _ in 0..5 {
        world.answered(1, exactly(20));
    }
    assert_eq!(world.balances.len(), writes);
}

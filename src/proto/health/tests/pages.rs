// SPDX-License-Identifier: MIT OR Apache-2.0
//! Checkers that ask for several pages (HTTP_GET, SSL_GET).

use std::time::Duration;

use super::super::*;
use super::kit::*;

fn pages(count: u16, fast: bool, alpha: bool) -> World {
    World::new(with(1, |setup| {
        retime(setup, 1, |timing| timing.manner = Manner::Pages { count, fast });
        if alpha {
            super::kit::alpha(setup, 1);
        }
    }))
}

/// Plays answers; the pages asked for, the waits before them in seconds, and the table after each.
fn play(world: &mut World, answers: &str) -> Vec<(u16, u64, bool)> {
    let each = answers.chars().map(|answer| {
        let from = world.now;
        while world.asked.is_empty() {
            let wait = world.engine.deadline().expect("a check").at.since(world.now);
            world.pass(wait);
        }
        let page = *world.asked.get(&CheckerId(1)).expect("the checker");
        let waited = (world.now - from).as_secs();
        let verdict = if answer == '+' { Verdict::Good(None) } else { Verdict::Bad };
        assert_eq!(world.answered(1, verdict), Duration::ZERO);
        (page, waited, !world.table(0).is_empty())
    });
    each.collect()
}

#[test]
fn one_page_follows_the_other_an_interval_later() {
    let mut world = pages(2, false, false);
    assert_eq!(play(&mut world, "++++"), [(0, 1, true), (1, 10, true), (0, 10, true), (1, 10, true)]);
}

#[test]
fn the_page_that_failed_is_tried_again_and_then_remembered() {
    let mut world = pages(2, false, false);
    play(&mut world, "+++");
    assert_eq!(
        play(&mut world, "----"),
        [(1, 10, true), (1, 1, true), (1, 1, false), (1, 10, false)],
        "after two further attempts it is down"
    );
}

#[test]
fn on_recovery_all_pages_must_be_well_again_after_the_one_that_failed() {
    let mut world = pages(2, false, false);
    play(&mut world, "++");
    play(&mut world, "---");
    assert_eq!(play(&mut world, "+++"), [(0, 10, false), (0, 10, false), (1, 10, true)]);
    let mut one = pages(1, false, false);
    play(&mut one, "-");
    assert_eq!(play(&mut one, "++"), [(0, 10, false), (0, 10, true)], "also where there is one page");
}

#[test]
fn a_page_that_fails_during_recovery_is_the_one_to_wait_for() {
    let mut world = pages(2, false, false);
    play(&mut world, "-");
    assert_eq!(
        play(&mut world, "++--+++"),
        [(0, 10, false), (0, 10, false), (1, 10, false), (1, 10, false), (1, 10, false), (0, 10, false), (1, 10, true)]
    );
}

#[test]
fn fast_recovery_does_not_wait_between_pages_at_the_start_and_on_recovery() {
    let mut world = pages(3, true, true);
    assert_eq!(play(&mut world, "+++"), [(0, 1, false), (1, 0, false), (2, 0, true)]);
    assert_eq!(play(&mut world, "++"), [(0, 10, true), (1, 10, true)], "while it is up it waits");
    play(&mut world, "---");
    assert_eq!(play(&mut world, "++++"), [(2, 10, false), (0, 0, false), (1, 0, false), (2, 0, true)]);
}

#[test]
fn in_the_first_pass_any_page_that_fails_counts_at_once() {
    let mut world = pages(2, false, false);
    assert_eq!(play(&mut world, "+-"), [(0, 1, true), (1, 10, false)]);
    let mut alpha = pages(2, false, true);
    assert_eq!(play(&mut alpha, "++"), [(0, 1, false), (1, 10, true)]);
}

#[test]
fn with_alpha_a_first_pass_that_fails_is_told_like_that_of_any_other_check() {
    let mut world = pages(2, false, true);
    assert_eq!(play(&mut world, "+-"), [(0, 1, false), (1, 10, false)]);
    let first = Event::Checker { checker: CheckerId(1), up: false, first: true, failures: 1 };
    assert_eq!(world.told(), [first, server(1, false, Cause::NeverUp(CheckerId(1)))]);
}

#[test]
fn while_down_the_longer_of_interval_and_wait_before_retry_counts() {
    let mut world = World::new(with(1, |setup| {
        retime(setup, 1, |timing| {
            timing.manner = Manner::Pages { count: 1, fast: false };
            timing.delay_before_retry = SECOND * 30;
        });
    }));
    assert_eq!(play(&mut world, "--"), [(0, 1, false), (0, 30, false)]);
}

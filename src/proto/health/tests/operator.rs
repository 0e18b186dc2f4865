// SPDX-License-Identifier: MIT OR Apache-2.0
//! What operators ask for.

use std::time::Duration;

use super::super::*;
use super::kit::*;

fn ask(world: &mut World, verb: Verb) -> Result<(), Refusal> {
    world.told();
    world.input(Input::Operator(Order(5), verb));
    match world.events.first() {
        Some(Event::Answered { order: Order(5), answer }) => *answer,
        other => panic!("no answer but {other:?}"),
    }
}

fn drain(server: u32, lasts: Option<Duration>, force: bool) -> Verb {
    Verb::Drain { server: ServerId(server), lasts, force }
}

#[test]
fn a_drained_server_has_weight_zero_until_it_is_restored() {
    let mut world = World::new(setup(2));
    assert_eq!(ask(&mut world, drain(1, None, false)), Ok(()));
    assert_eq!(world.table(0), [(1, 0), (2, 1)]);
    world.good(1);
    assert_eq!(world.table(0), [(1, 0), (2, 1)]);
    assert_eq!(ask(&mut world, Verb::Restore { server: ServerId(1) }), Ok(()));
    assert_eq!(world.table(0), [(1, 1), (2, 1)]);
    assert_eq!(ask(&mut world, Verb::Restore { server: ServerId(1) }), Err(Refusal::NothingToRestore));
}

#[test]
fn a_wish_ends_when_its_time_is_over() {
    let mut world = World::new(setup(2));
    let weight = Verb::Weight { server: ServerId(1), weight: 9, lasts: Some(SECOND * 30), force: false };
    assert_eq!(ask(&mut world, weight), Ok(()));
    world.pass(SECOND * 29);
    assert_eq!(world.table(0), [(1, 9), (2, 1)]);
    world.told();
    world.pass(SECOND);
    assert_eq!(world.table(0), [(1, 1), (2, 1)]);
    assert!(world.told().contains(&Event::WishOver { server: ServerId(1) }));
}

#[test]
fn the_last_server_is_drained_by_force_only() {
    let mut world = World::new(setup(2));
    world.bad(2);
    assert_eq!(ask(&mut world, drain(1, None, false)), Err(Refusal::LastServer));
    let zero = Verb::Weight { server: ServerId(1), weight: 0, lasts: None, force: false };
    assert_eq!(ask(&mut world, zero), Err(Refusal::LastServer));
    assert_eq!(ask(&mut world, drain(2, None, false)), Ok(()), "it serves nobody");
    assert_eq!(ask(&mut world, drain(1, None, true)), Ok(()));
    assert_eq!(world.table(0), [(1, 0)]);
    let mut sorry_world = World::new(with(1, |setup| service(setup, 0).sorry = Some(sorry(9))));
    assert_eq!(ask(&mut sorry_world, drain(1, None, false)), Ok(()));
    assert_eq!(sorry_world.table(0), [(1, 0), (9, 1)], "connections it has may end");
}

#[test]
fn a_wish_stays_over_a_reload_and_goes_with_the_server() {
    let mut world = World::new(setup(2));
    ask(&mut world, drain(1, Some(SECOND * 60), false)).expect("drains");
    world.reload(setup(3));
    assert_eq!(world.table(0), [(1, 0), (2, 1), (3, 1)]);
    let without = with(3, |setup| {
        setup.servers.remove(&ServerId(1));
        setup.checkers.remove(&CheckerId(1));
        service(setup, 0).servers.retain(|server| *server != ServerId(1));
    });
    world.reload(without);
    world.reload(setup(3));
    assert_eq!(world.table(0), [(1, 1), (2, 1), (3, 1)]);
    world.told();
    world.pass(SECOND * 60);
    assert!(!world.told().contains(&Event::WishOver { server: ServerId(1) }));
}

#[test]
fn a_check_is_made_at_once_when_it_is_asked_for() {
    let mut world = World::new(setup(1));
    world.good(1);
    assert_eq!(ask(&mut world, Verb::Check { server: ServerId(1) }), Ok(()));
    assert_eq!(world.asked.len(), 1);
    assert_eq!(ask(&mut world, Verb::Check { server: ServerId(1) }), Ok(()), "it is being asked already");
    assert_eq!(world.good(1), Duration::ZERO);
    assert_eq!(world.good(1), SECOND * 10, "the next one an interval later");
}

#[test]
fn orders_that_cannot_be_carried_out_are_refused_with_the_reason() {
    let mut world = World::new(with(2, |setup| {
        setup.checkers.remove(&CheckerId(2));
        told(setup, 5, 2);
    }));
    let too_large = Verb::Weight { server: ServerId(1), weight: WEIGHT_MAX + 1, lasts: None, force: true };
    for (verb, refusal) in [
        (drain(77, None, true), Refusal::NoSuchServer),
        (Verb::Restore { server: ServerId(77) }, Refusal::NoSuchServer),
        (Verb::Check { server: ServerId(77) }, Refusal::NoSuchServer),
        (too_large, Refusal::WeightTooLarge),
        (Verb::Check { server: ServerId(2) }, Refusal::NothingToCheck),
    ] {
        assert_eq!(ask(&mut world, verb), Err(refusal));
    }
    let mut resting = World::new(with(1, |setup| service(setup, 0).follows = Some([(vip(1), vip(1))].into())));
    assert_eq!(ask(&mut resting, Verb::Check { server: ServerId(1) }), Err(Refusal::Suspended));
    world.input(Input::Stop);
    assert_eq!(ask(&mut world, drain(1, None, true)), Err(Refusal::Stopping));
}

#[test]
fn a_server_of_weight_zero_that_is_no_longer_drained_leaves_its_place_to_the_sorry_server() {
    let mut world = World::new(with(2, |setup| {
        real(setup, 1).weight = 0;
        service(setup, 0).sorry = Some(sorry(9));
    }));
    ask(&mut world, drain(1, Some(SECOND * 60), false)).expect("drains");
    world.bad(2);
    assert_eq!(world.table(0), [(1, 0), (9, 1)]);
    world.pass(SECOND * 60);
    assert_eq!(world.table(0), [(9, 1)]);
}

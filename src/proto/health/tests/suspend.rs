// SPDX-License-Identifier: MIT OR Apache-2.0
//! Checks that rest while the address of their virtual server is elsewhere (`ha_suspend`).

use std::sync::Arc;

use super::super::*;
use super::kit::*;

fn follows(first: u8, last: u8) -> Setup {
    with(1, |setup| service(setup, 0).follows = Some(Arc::from([(vip(first), vip(last))])))
}

#[test]
fn checks_rest_until_the_address_comes_and_when_it_leaves() {
    let mut world = World::new(follows(1, 1));
    assert_eq!(world.table(0), [(1, 1)], "the table is as ever");
    assert_eq!(world.engine.deadline(), None);
    world.input(Input::Present(vip(2), true));
    assert_eq!(world.engine.deadline(), None, "another address");
    world.input(Input::Present(vip(1), true));
    world.bad(1);
    assert_eq!(world.table(0), []);
    world.input(Input::Present(vip(1), false));
    world.pass(SECOND * 1000);
    assert!(world.asked.is_empty());
    assert_eq!(world.table(0), [], "what is known stays");
    world.input(Input::Present(vip(1), true));
    world.good(1);
    assert_eq!(world.table(0), [(1, 1)]);
}

#[test]
fn any_address_of_a_group_is_enough() {
    let mut world = World::new(follows(10, 20));
    world.input(Input::Present(vip(15), true));
    world.input(Input::Present(vip(20), true));
    world.told();
    world.input(Input::Present(vip(15), false));
    assert_eq!(world.told(), []);
    world.good(1);
    world.told();
    world.input(Input::Present(vip(20), false));
    assert_eq!(world.told(), [Event::Suspended { service: ServiceId(0) }]);
    assert_eq!(world.engine.deadline(), None);
}

#[test]
fn addresses_may_be_told_before_the_configuration() {
    let mut world = World::empty();
    world.input(Input::Present(vip(1), true));
    world.reload(follows(1, 1));
    assert!(!world.told().contains(&Event::Suspended { service: ServiceId(0) }));
    world.bad(1);
    assert_eq!(world.table(0), []);
}

#[test]
fn an_answer_that_comes_while_checks_rest_does_not_count() {
    let mut world = World::new(follows(1, 1));
    world.input(Input::Present(vip(1), true));
    world.pass(SECOND);
    assert_eq!(world.asked.len(), 1);
    world.input(Input::Present(vip(1), false));
    world.input(Input::Probed(CheckerId(1), Verdict::Bad));
    assert_eq!(world.table(0), [(1, 1)]);
    world.asked.clear();
    world.input(Input::Present(vip(1), true));
    world.bad(1);
    assert_eq!(world.table(0), []);
}

#[test]
fn checks_begin_and_rest_with_a_reload_too() {
    let mut world = World::new(setup(1));
    world.good(1);
    world.reload(follows(1, 1));
    world.pass(SECOND * 100);
    assert!(world.asked.is_empty());
    world.reload(setup(1));
    world.good(1);
}

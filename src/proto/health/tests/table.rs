// SPDX-License-Identifier: MIT OR Apache-2.0
//! The kernel: slow, refusing, absent, and changed by others.

use std::sync::Arc;
use std::time::Duration;

use super::super::*;
use super::kit::*;

#[test]
fn one_turn_is_one_batch_and_says_only_what_may_have_changed() {
    let mut both = setup(2);
    add_service(&mut both, 1, 3..=4);
    let mut world = World::new(both);
    assert_eq!((world.balances.len(), world.balances[0].len()), (1, 2));
    world.bad(3);
    assert_eq!(world.balances.len(), 2);
    assert_eq!(world.balances[1].iter().map(|wanted| wanted.front).collect::<Vec<_>>(), [FrontId(1)]);
}

#[test]
fn while_the_kernel_is_at_it_changes_are_gathered() {
    let mut world = World::new(setup(3));
    world.slow = true;
    world.bad(1);
    world.bad(2);
    world.bad(3);
    assert_eq!(world.open.len(), 1);
    assert!(!world.engine.is_settled());
    let ticket = world.open.remove(0);
    world.input(Input::Settled(ticket, Outcome::Done));
    assert_eq!((world.open.len(), world.table(0)), (1, vec![]));
    let ticket = world.open.remove(0);
    world.input(Input::Settled(ticket, Outcome::Done));
    assert!(world.engine.is_settled() && world.open.is_empty());
}

#[test]
fn what_the_kernel_refused_is_tried_again_less_and_less_often() {
    let mut world = World::empty();
    world.slow = true;
    world.reload(with(1, |setup| setup.checkers.clear()));
    world.told();
    let mut waits = Vec::new();
    for _ in 0..9 {
        let ticket = world.open.remove(0);
        world.input(Input::Settled(ticket, Outcome::Refused(vec![FrontId(0)])));
        let from = world.now;
        let wait = world.engine.deadline().expect("another try").at.since(world.now);
        world.pass(wait);
        waits.push((world.now - from).as_secs());
    }
    assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
    assert_eq!(world.told(), [Event::TableRefused { fronts: vec![FrontId(0)] }], "told once");
    assert_eq!(world.engine.refusals(), 9);
    let ticket = world.open.remove(0);
    world.input(Input::Settled(ticket, Outcome::Done));
    assert_eq!(world.told(), [Event::TableSettled]);
    assert_eq!(world.engine.deadline(), None);
}

#[test]
fn without_a_table_checks_go_on_and_everything_is_said_once_there_is_one() {
    let mut world = World::empty();
    world.slow = true;
    world.reload(setup(2));
    let ticket = world.open.remove(0);
    world.input(Input::Settled(ticket, Outcome::Unavailable));
    assert_eq!(world.told().last(), Some(&Event::TableUnavailable));
    world.slow = false;
    world.table.clear();
    let wrote = world.balances.len();
    assert_eq!(world.engine.deadline().map(|deadline| deadline.at.since(world.now)), Some(REFUSED_PAUSE));
    world.now += Duration::from_millis(1);
    world.input(Input::Drifted);
    assert_eq!(world.balances.len(), wrote, "nothing is asked of a kernel without a table");
    world.bad(1);
    assert_eq!(world.table(0), [(2, 1)]);
    assert!(world.told().contains(&Event::TableSettled));
}

#[test]
fn a_table_that_appears_right_after_it_could_not_be_emptied_is_used() {
    let mut world = World::empty();
    world.slow = true;
    world.reload(with(2, |setup| setup.globals.flush_at_start = true));
    let [flush, balance] = world.open[..] else { panic!("{:?}", world.open) };
    world.slow = false;
    world.input(Input::Settled(flush, Outcome::Unavailable));
    world.input(Input::Settled(balance, Outcome::Done));
    assert!(world.told().ends_with(&[Event::TableUnavailable, Event::TableSettled]));
    world.bad(1);
    assert_eq!(world.table(0), [(2, 1)]);
}

#[test]
fn without_anything_to_say_a_table_that_is_not_there_is_asked_for_again() {
    let mut world = World::empty();
    world.slow = true;
    let mut bare = Setup::default();
    bare.globals.flush_at_start = true;
    world.reload(bare);
    let [flush] = world.open[..] else { panic!("{:?}", world.open) };
    world.slow = false;
    world.input(Input::Settled(flush, Outcome::Unavailable));
    world.pass(REFUSED_PAUSE);
    world.reload(setup(1));
    assert_eq!(world.table(0), [(1, 1)]);
}

#[test]
fn a_table_somebody_changed_is_said_as_a_whole() {
    let mut both = setup(1);
    add_service(&mut both, 1, 3..=3);
    let mut world = World::new(both);
    let whole = world.table.clone();
    world.table.clear();
    world.told();
    world.input(Input::Drifted);
    assert_eq!(world.table, whole);
    assert_eq!(world.told(), [Event::TableDrifted]);
}

fn shared() -> Setup {
    let mut setup = setup(2);
    add_service(&mut setup, 1, 3..=4);
    let mark = Key::Fwmark { family: Family::V4, mark: 5 };
    let services = vec![ServiceId(0), ServiceId(1)];
    let front = FrontParams { keys: Arc::from([mark]), spec: spec(), port: 0, services };
    setup.fronts.insert(FrontId(7), front);
    real(&mut setup, 3).address = address(1);
    setup
}

fn behind_mark(world: &World) -> Vec<std::net::IpAddr> {
    let content = &world.table[&Key::Fwmark { family: Family::V4, mark: 5 }];
    content.destinations.iter().map(|to| to.address).collect()
}

#[test]
fn behind_a_shared_mark_a_server_serves_while_all_that_have_it_say_so() {
    let mut world = World::new(shared());
    assert_eq!(behind_mark(&world), [address(1), address(2), address(4)]);
    world.bad(1);
    assert_eq!((world.table(0), world.table(1)), (vec![(2, 1)], vec![(1, 1), (4, 1)]));
    assert_eq!(behind_mark(&world), [address(2), address(4)]);
    world.good(1);
    assert_eq!(behind_mark(&world), [address(1), address(2), address(4)]);
    world.bad(3);
    world.bad(1);
    world.bad(1);
    world.bad(1);
    world.good(1);
    assert_eq!(behind_mark(&world), [address(2), address(4)], "whoever came back, the other has not");
}

#[test]
fn behind_a_shared_mark_an_idle_sorry_server_does_not_bring_back_what_another_took_out() {
    let mut setup = shared();
    let waiting = SorryParams { inhibit: true, ..sorry(1) };
    setup.services.get_mut(&ServiceId(1)).expect("a service").sorry = Some(waiting);
    let mut world = World::new(setup);
    assert_eq!(behind_mark(&world), [address(1), address(2), address(4)]);
    world.bad(1);
    assert_eq!(behind_mark(&world), [address(2), address(4)]);
}

#[test]
fn only_address_translation_leads_to_another_port() {
    let mut world = World::new(with(2, |setup| {
        real(setup, 1).port = 8080;
        real(setup, 2).port = 8080;
        real(setup, 2).method = Method::Dr;
    }));
    let content = world.table.values().next().expect("a service");
    assert_eq!(content.destinations.iter().map(|to| to.port).collect::<Vec<_>>(), [8080, 80]);
    world.input(Input::Stop);
}

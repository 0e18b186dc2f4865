// SPDX-License-Identifier: MIT OR Apache-2.0
//! The end.

use super::super::*;
use super::kit::*;

fn ending(at_stop: AtStop, omega: bool) -> World {
    let mut world = World::new(with(2, |setup| {
        setup.globals.at_stop = at_stop;
        service(setup, 0).omega = omega;
    }));
    world.bad(2);
    world.told();
    world.input(Input::Stop);
    world
}

#[test]
fn our_entries_are_taken_out() {
    for at_stop in [AtStop::Remove, AtStop::RemoveServices] {
        let mut world = ending(at_stop, false);
        assert!(world.table.is_empty() && world.engine.is_finished());
        assert_eq!((world.told(), world.flushes), (vec![Event::Finished], 0));
    }
}

#[test]
fn the_whole_table_is_emptied_where_that_is_wanted() {
    let world = ending(AtStop::Flush, false);
    assert!(world.engine.is_finished());
    assert_eq!(world.flushes, 1);
}

#[test]
fn everything_stays_where_that_is_wanted() {
    let world = ending(AtStop::Keep, false);
    assert!(world.engine.is_finished());
    assert_eq!(world.table(0), [(1, 1)]);
}

#[test]
fn omega_tells_the_end_of_what_is_up() {
    assert_eq!(moves(&ending(AtStop::Remove, true).events), "r1- v0-");
    assert_eq!(moves(&ending(AtStop::Keep, true).events), "r1- v0-");
    assert_eq!(moves(&ending(AtStop::RemoveServices, true).events), "v0-");
    assert_eq!(moves(&ending(AtStop::Flush, true).events), "v0-");
}

#[test]
fn the_end_waits_for_the_kernel() {
    let mut world = World::new(setup(1));
    world.slow = true;
    world.input(Input::Stop);
    assert!(!world.engine.is_finished());
    let ticket = world.open[0];
    world.input(Input::Settled(ticket, Outcome::Done));
    assert!(world.engine.is_finished());
}

#[test]
fn the_end_does_not_wait_for_a_kernel_that_refuses() {
    for outcome in [Outcome::Refused(vec![FrontId(0)]), Outcome::Unavailable] {
        let mut world = World::new(setup(1));
        world.slow = true;
        world.input(Input::Stop);
        let ticket = world.open[0];
        world.input(Input::Settled(ticket, outcome));
        assert!(world.engine.is_finished());
    }
}

#[test]
fn after_the_end_nothing_happens_any_more() {
    let mut world = World::new(setup(1));
    world.pass(SECOND);
    world.input(Input::Stop);
    world.told();
    world.input(Input::Probed(CheckerId(1), Verdict::Bad));
    world.input(Input::Stop);
    world.input(Input::Drifted);
    world.input(Input::Present(vip(1), true));
    world.reload(setup(3));
    world.pass(SECOND * 100);
    assert!(world.table.is_empty() && world.told().is_empty());
}

#[test]
fn an_emptied_table_comes_before_the_first_entry() {
    let mut world = World::empty();
    let before = Key::Address { protocol: Protocol::Tcp, ip: vip(77), port: 1 };
    world.table.insert(before, Content { spec: spec(), destinations: Vec::new() });
    world.reload(with(1, |setup| setup.globals.flush_at_start = true));
    assert_eq!((world.table.len(), world.table(0)), (1, vec![(1, 1)]));
    world.reload(with(2, |setup| setup.globals.flush_at_start = true));
    assert_eq!(world.flushes, 1, "never by a reload");
}

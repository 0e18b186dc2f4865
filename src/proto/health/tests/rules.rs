//! One rule, one test.

use super::super::*;
use super::kit::*;

#[test]
fn servers_are_in_from_the_start_and_the_quorum_is_told() {
    let mut world = World::new(setup(2));
    assert_eq!(world.table(0), [(1, 1), (2, 1)]);
    let told = world.told();
    assert_eq!(
        told,
        [Event::Quorum { service: ServiceId(0), up: true, cause: Cause::Start, weight: 2, quorum: 1, hysteresis: 0 }]
    );
}

#[test]
fn a_server_that_fails_its_first_check_is_out_at_once_and_later_after_its_attempts() {
    let mut world = World::new(setup(2));
    assert_eq!(world.bad(1), SECOND, "the first check");
    assert_eq!(world.table(0), [(2, 1)]);
    world.good(2);
    assert_eq!(world.bad(2), SECOND * 10);
    assert_eq!(world.table(0), [(2, 1)], "two attempts are left");
    assert_eq!(world.bad(2), SECOND);
    assert_eq!(world.bad(2), SECOND);
    assert_eq!(world.table(0), []);
    world.good(1);
    assert_eq!(world.table(0), [(1, 1)]);
}

#[test]
fn the_sorry_server_serves_while_no_other_does() {
    let mut world = World::empty();
    let mut setup = setup(1);
    if let Some(service) = setup.services.get_mut(&ServiceId(0)) {
        service.sorry = Some(sorry(9));
    }
    world.reload(setup);
    world.bad(1);
    assert_eq!(world.table(0), [(9, 1)]);
    world.good(1);
    assert_eq!(world.table(0), [(1, 1)]);
}

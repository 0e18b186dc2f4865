// SPDX-License-Identifier: MIT OR Apache-2.0
//! Quorum, hysteresis and sorry servers.

use super::super::*;
use super::kit::*;

/// Servers come and go one by one; the virtual server tells.
fn play(quorum: u32, hysteresis: u32, count: u32, answers: &[(u32, bool)]) -> Vec<String> {
    let mut world = World::new(with(count, |setup| {
        service(setup, 0).quorum = quorum;
        service(setup, 0).hysteresis = hysteresis;
        for checker in 1..=count {
            retime(setup, checker, |timing| timing.retry = 0);
        }
    }));
    let mut told = vec![moves(&world.told())];
    for (checker, good) in answers {
        if *good {
            world.good(*checker);
        } else {
            world.bad(*checker);
        }
        told.push(moves(&world.told()));
    }
    told
}

#[test]
fn quorum_is_lost_below_the_band_and_gained_above_it() {
    let down = |checker| (checker, false);
    let up = |checker| (checker, true);
    assert_eq!(
        play(3, 1, 5, &[down(1), down(2), down(3), down(4), up(1), up(2), up(3)]),
        ["v0+", "r1-", "r2-", "r3-", "r4- v0-", "r1+", "r2+", "r3+ v0+"]
    );
    assert_eq!(play(1, 0, 2, &[down(1), down(2), up(2)]), ["v0+", "r1-", "r2- v0-", "r2+ v0+"]);
}

#[test]
fn a_band_that_reaches_above_all_weights_ends_there() {
    assert_eq!(
        play(2, 1, 2, &[(1, false), (2, false), (1, true), (2, true)]),
        ["v0+", "r1-", "r2- v0-", "r1+", "r2+ v0+"]
    );
}

#[test]
fn without_weight_there_is_no_quorum() {
    let mut world = World::new(with(1, |setup| {
        real(setup, 1).weight = 0;
        service(setup, 0).quorum = 0;
    }));
    assert_eq!((world.table(0), moves(&world.told())), (vec![(1, 0)], String::new()));
    world.bad(1);
    world.good(1);
    assert_eq!(moves(&world.told()), "r1- r1+");
}

#[test]
fn the_last_weight_takes_the_quorum_with_it_whatever_was_asked_for() {
    let mut world = World::new(with(1, |setup| {
        real(setup, 1).weight = 0;
        service(setup, 0).quorum = 0;
    }));
    world.answered(1, Verdict::Good(Some(Weight::Exactly(3))));
    assert_eq!(moves(&world.told()), "v0+");
    world.answered(1, Verdict::Good(None));
    assert_eq!((world.table(0), moves(&world.told())), (vec![(1, 0)], "v0-".to_owned()));
}

#[test]
fn the_sorry_server_serves_alone_while_the_quorum_is_lost() {
    let mut world = World::new(with(3, |setup| {
        service(setup, 0).quorum = 2;
        service(setup, 0).sorry = Some(sorry(9));
    }));
    world.bad(1);
    world.bad(2);
    assert_eq!(world.table(0), [(9, 1)], "the third is up, but not enough");
    world.told();
    world.bad(3);
    assert_eq!((world.table(0), moves(&world.told())), (vec![(9, 1)], "r3-".to_owned()));
    world.good(3);
    assert_eq!(world.table(0), [(9, 1)]);
    world.good(1);
    assert_eq!((world.table(0), moves(&world.told())), (vec![(1, 1), (3, 1)], "r3+ r1+ v0+".to_owned()));
}

#[test]
fn a_sorry_server_that_is_inhibited_stays_with_weight_zero() {
    let mut world = World::new(with(1, |setup| {
        let sorry = SorryParams { inhibit: true, ..sorry(9) };
        service(setup, 0).sorry = Some(sorry);
        real(setup, 1).inhibit = true;
    }));
    assert_eq!(world.table(0), [(1, 1), (9, 0)]);
    world.bad(1);
    assert_eq!(world.table(0), [(1, 0), (9, 1)]);
}

#[test]
fn a_live_server_with_inhibit_stays_with_weight_zero_beside_the_sorry_server() {
    let mut world = World::new(with(2, |setup| {
        service(setup, 0).quorum = 2;
        service(setup, 0).sorry = Some(sorry(9));
        real(setup, 1).inhibit = true;
    }));
    world.bad(2);
    assert_eq!(world.table(0), [(1, 0), (9, 1)]);
}

#[test]
fn a_sorry_server_keeps_its_own_way_of_forwarding() {
    let mut world = World::new(with(1, |setup| {
        service(setup, 0).sorry = Some(SorryParams { method: Method::Dr, port: 8080, ..sorry(9) });
    }));
    world.bad(1);
    let content = world.table.values().next().expect("a service");
    let to = content.destinations[0];
    assert_eq!(
        (to.whose, to.method, to.port),
        (Whose::Sorry(ServiceId(0)), Method::Dr, 80),
        "without NAT no other port"
    );
}

#[test]
fn a_sorry_server_that_is_a_real_server_stands_once() {
    for inhibit in [false, true] {
        let mut world = World::new(with(2, |setup| {
            service(setup, 0).sorry = Some(SorryParams { inhibit, ..sorry(2) });
            real(setup, 2).inhibit = inhibit;
        }));
        assert_eq!(world.table(0), [(1, 1), (2, 1)]);
        world.bad(2);
        assert_eq!(world.table(0), if inhibit { vec![(1, 1), (2, 0)] } else { vec![(1, 1)] });
        world.bad(1);
        assert_eq!(world.table(0), [(2, 1)], "in use, whatever its checks say");
        world.good(2);
        assert_eq!(world.table(0), [(2, 1)]);
    }
}

#[test]
fn with_a_sorry_server_alpha_tells_that_the_start_is_down() {
    let mut world = World::new(with(1, |setup| {
        alpha(setup, 1);
        service(setup, 0).sorry = Some(sorry(9));
    }));
    assert_eq!((world.table(0), moves(&world.told())), (vec![(9, 1)], "v0-".to_owned()));
    world.bad(1);
    assert_eq!(moves(&world.told()), "r1-");
    world.good(1);
    assert_eq!((world.table(0), moves(&world.told())), (vec![(1, 1)], "r1+ v0+".to_owned()));
}

#[test]
fn an_inhibited_server_stays_with_weight_zero_and_does_not_count() {
    let mut world = World::new(with(2, |setup| {
        real(setup, 1).inhibit = true;
        service(setup, 0).quorum = 2;
    }));
    world.told();
    world.bad(1);
    assert_eq!((world.table(0), moves(&world.told())), (vec![(1, 0), (2, 1)], "r1- v0-".to_owned()));
    world.good(1);
    assert_eq!((world.table(0), moves(&world.told())), (vec![(1, 1), (2, 1)], "r1+ v0+".to_owned()));
}

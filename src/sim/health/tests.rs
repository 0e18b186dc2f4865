// SPDX-License-Identifier: MIT OR Apache-2.0
use std::time::Duration;

use super::*;

#[test]
fn a_world_runs_alike_twice() {
    for seed in 0..4 {
        let layout = swarm::draw(seed);
        let (one, other) = (World::run(&layout, false), World::run(&layout, true));
        assert_eq!((one.fingerprint, one.events), (other.fingerprint, other.events), "seed {seed}");
    }
}

#[test]
fn the_judge_sees_a_table_that_is_not_what_it_should_be() {
    let mut layout = swarm::draw(1);
    let end = layout.rests_at + rest::bound(&layout);
    // Nobody notices in time.
    layout.steps.push(layout::Step { at: end - Duration::from_nanos(1), act: Act::Meddles(0) });
    let broken = World::run(&layout, false).violation.expect("a broken promise");
    assert_eq!(broken.promise, Promise::Table, "{broken}");
}

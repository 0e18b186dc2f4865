// SPDX-License-Identifier: MIT OR Apache-2.0
//! Worlds of load balancing by the hundred.

use std::collections::BTreeSet;

use steadfast::sim::health::layout::Layout;
use steadfast::sim::health::{World, shrink, swarm};

use super::{TWICE_EVERY, first_seed, number};

/// Fewer than of the others: one takes longer, and an ordinary test must not.
const SEEDS: u64 = 40;

/// Among so many, every occasion must have been.
const ENOUGH: u64 = 500;

fn story(layout: &Layout) -> String {
    let (small, outcome) = shrink::shrink(layout);
    let broken = outcome.violation.map(|violation| violation.to_string()).unwrap_or_default();
    format!(
        "{broken}\nplay it again: HEALTH_SEED={} cargo test --test sim one_health_seed -- --nocapture\n\n\
         --- the smallest world found that breaks it\n{:#?}\n{:#?}\n--- what happens in it\n{}",
        layout.seed,
        small.setups.first(),
        small.steps,
        outcome.timeline.join("\n")
    )
}

#[test]
fn fresh_worlds_of_load_balancing_keep_every_promise() {
    let (first, count) = (first_seed(), number("SEEDS").unwrap_or(SEEDS));
    println!("worlds {first} to {}", first + count - 1);
    let mut seen = BTreeSet::new();
    for seed in first..first + count {
        let layout = swarm::draw(seed);
        let outcome = World::run(&layout, false);
        if let Some(violation) = &outcome.violation {
            panic!("world {seed} breaks a promise: {violation}\n{}", story(&layout));
        }
        if (seed - first).is_multiple_of(TWICE_EVERY) {
            let again = World::run(&layout, false);
            assert_eq!(
                (outcome.fingerprint, outcome.events),
                (again.fingerprint, again.events),
                "world {seed} does not run alike twice"
            );
        }
        seen.extend(outcome.seen);
    }
    if count >= ENOUGH {
        for occasion in [
            "rest",
            "reload",
            "meddling",
            "server up",
            "server down",
            "quorum gained",
            "quorum lost",
            "sorry server",
            "suspended",
            "table refused",
            "no table",
            "table settled",
            "not checked",
            "operator",
            "wish over",
        ] {
            assert!(seen.contains(occasion), "no world had the occasion: {occasion}");
        }
    }
}

#[test]
fn one_health_seed() {
    let Some(seed) = number("HEALTH_SEED") else { return };
    let layout = swarm::draw(seed);
    println!("{:#?}", layout.setups.first());
    let outcome = World::run(&layout, true);
    println!("{}", outcome.timeline.join("\n"));
    if outcome.violation.is_some() {
        panic!("world {seed} breaks a promise: {}", story(&layout));
    }
    println!("{} events, fingerprint {:016x}, every promise kept", outcome.events, outcome.fingerprint);
}

// SPDX-License-Identifier: MIT OR Apache-2.0
use std::collections::BTreeSet;

use super::*;
use crate::sim::saved;

#[test]
fn equal_seeds_draw_equal_worlds() {
    for seed in 0..50 {
        assert_eq!(saved::write(&draw(seed)), saved::write(&draw(seed)));
    }
}

#[test]
fn the_swarm_reaches_every_kind_of_world() {
    let worlds: Vec<Layout> = (0..400).map(draw).collect();
    let counts: BTreeSet<usize> = worlds.iter().map(|world| world.nodes.len()).collect();
    assert_eq!(counts.into_iter().collect::<Vec<_>>(), [2, 3, 4, 5, 6, 7]);
    let some = |what: &str, holds: fn(&Layout) -> bool| assert!(worlds.iter().any(holds), "no world with {what}");
    some("groups", |world| world.nodes.iter().any(|node| !node.groups.is_empty()));
    some("two segments", |world| world.segments.len() == 2);
    some("tracking", |world| world.nodes.iter().any(|node| !node.tracks.is_empty()));
    some("an owner", |world| world.nodes.iter().any(|node| node.setup.instances.values().any(Params::is_owner)));
    for auth in ["none", "password", "header", "keyed"] {
        let used = |world: &&Layout| {
            world
                .nodes
                .iter()
                .any(|node| node.setup.instances.values().any(|params| parts::auth_name(&params.auth) == auth))
        };
        assert!(worlds.iter().any(|world| used(&world)), "no world with {auth}");
    }
    let verbs: BTreeSet<String> = worlds
        .iter()
        .flat_map(|world| world.steps.iter().map(|step| crate::sim::script::write::action(&step.action, &world.cast())))
        .filter_map(|text| text.split(' ').next().map(str::to_owned))
        .collect();
    for verb in [
        "cut", "clog", "loss", "copy", "late", "corrupt", "delay", "heal", "crash", "kill", "start", "stop", "stall",
        "sleep", "leap", "track", "link", "source", "priority", "reload", "kernel", "snatch", "junk",
    ] {
        assert!(verbs.contains(verb), "nothing ever does {verb}");
    }
}

/// In this world an interval becomes three times as long while a group of four nodes hears one way only.
#[test]
fn a_world_lasts_until_its_slowest_interval_has_come_to_rest() {
    let outcome = crate::sim::World::run(&draw(815_818_061_210), false);
    assert!(outcome.violation.is_none(), "{:?}", outcome.violation.map(|violation| violation.to_string()));
}

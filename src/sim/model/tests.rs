// SPDX-License-Identifier: MIT OR Apache-2.0
//! - `cargo test --features model model` searches the small worlds.
//! - `make model` searches all of them, with optimisation and `LARGE=1`.
//! - `WORLD=text` searches only worlds with this text in their names.

#![allow(clippy::disallowed_methods, clippy::print_stdout)]

use std::time::Instant;

use stateright::{Checker, Model};

use super::{World, worlds};

/// Searches a world to its end and tells how much there was.
fn search(world: World) {
    let (name, threads) = (world.name, std::thread::available_parallelism().map_or(1, usize::from));
    let begun = Instant::now();
    let checker = world.checker().threads(threads).spawn_bfs().join();
    println!(
        "{name}: {} states, {} steps, depth {}, {:.1} s",
        checker.unique_state_count(),
        checker.state_count(),
        checker.max_depth(),
        begun.elapsed().as_secs_f64()
    );
    checker.assert_properties();
}

#[test]
fn worlds_keep_every_promise() {
    let (large, only) = (std::env::var("LARGE").is_ok(), std::env::var("WORLD").unwrap_or_default());
    for world in worlds().into_iter().filter(|world| (large || !world.large) && world.name.contains(&only)) {
        search(world);
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Worlds by the thousand, and the saved ones that once broke a promise.
//!
//! - `SEEDS=N` fresh worlds are drawn (2,000 unless told otherwise), from `SEED_START` on, or from a seed of the moment
//!   that is printed. Every 100th runs twice and must run alike.
//! - `SEED=N cargo test --test sim one_seed -- --nocapture` plays one world and prints its timeline.
//! - Worlds of load balancing have their own: `HEALTH_SEED=N cargo test --test sim one_health_seed -- --nocapture`.
//! - A world that breaks a promise is made smaller and printed; put the text in `tests/seeds/NAME.world` to keep it.

#![allow(clippy::disallowed_methods, clippy::print_stdout, clippy::panic, clippy::expect_used)]

mod behaviour;
mod health;

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime};

use steadfast::sim::layout::Layout;
use steadfast::sim::{World, saved, shrink, swarm};

const SEEDS: u64 = 2_000;

/// Every so many seeds a world runs twice.
const TWICE_EVERY: u64 = 100;

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.replace('_', "").parse().unwrap_or_else(|_| panic!("{name}={text}: a number is expected")))
}

/// The first seed: the one asked for, or one of the moment.
fn first_seed() -> u64 {
    number("SEED_START").unwrap_or_else(|| {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a clock after 1970");
        u64::try_from(now.as_nanos() % 1_000_000_007).expect("small") * 1_000
    })
}

/// What somebody needs who wants to see a broken promise: what it is, how it came about, and how to have it again.
fn story(layout: &Layout, again: &str) -> String {
    let (small, outcome) = shrink::shrink(layout);
    let broken = outcome.violation.map(|violation| violation.to_string()).unwrap_or_default();
    let text = saved::write(&small);
    format!(
        "{broken}\nplay it again: {again}\n\n--- the smallest world found that breaks it (save as tests/seeds/NAME.world)\n{text}\n--- what happens in it\n{}",
        outcome.timeline
    )
}

#[test]
fn fresh_worlds_keep_every_promise() {
    let first = first_seed();
    let count = number("SEEDS").unwrap_or(SEEDS);
    println!(
        "worlds {first} to {} (again: SEED_START={first} SEEDS={count} cargo test --test sim fresh)",
        first + count - 1
    );
    let begun = Instant::now();
    let next = AtomicU64::new(0);
    let broken = Mutex::new(None);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    if at >= count || broken.lock().expect("no panic elsewhere").is_some() {
                        return;
                    }
                    if !keeps(first + at, at.is_multiple_of(TWICE_EVERY)) {
                        *broken.lock().expect("no panic elsewhere") = Some(first + at);
                    }
                }
            });
        }
    });
    if let Some(seed) = broken.into_inner().expect("no panic elsewhere") {
        let again = format!("SEED={seed} cargo test --test sim one_seed -- --nocapture");
        panic!("world {seed} breaks a promise: {}", story(&swarm::draw(seed), &again));
    }
    let seconds = begun.elapsed().as_secs_f64();
    println!("{count} worlds in {seconds:.1} s, {:.0} a minute", 60.0 * count as f64 / seconds);
}

/// Plays one world, or two of the same; false if a promise is broken.
fn keeps(seed: u64, twice: bool) -> bool {
    let layout = swarm::draw(seed);
    let outcome = World::run(&layout, false);
    if twice {
        let again = World::run(&layout, false);
        assert_eq!(
            (outcome.fingerprint, outcome.events),
            (again.fingerprint, again.events),
            "world {seed} does not run alike twice"
        );
    }
    outcome.violation.is_none()
}

#[test]
fn one_seed() {
    let Some(seed) = number("SEED") else { return };
    let layout = swarm::draw(seed);
    println!("{}", saved::write(&layout));
    let outcome = World::run(&layout, true);
    println!("{}", outcome.timeline);
    if outcome.violation.is_some() {
        panic!("world {seed} breaks a promise: {}", story(&layout, &format!("SEED={seed}")));
    }
    println!("{} events, fingerprint {:016x}, every promise kept", outcome.events, outcome.fingerprint);
}

fn saved_worlds() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/seeds");
    let entries = std::fs::read_dir(folder).expect("tests/seeds");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "world"));
    files.sort();
    files
}

#[test]
fn saved_worlds_keep_every_promise() {
    for file in saved_worlds() {
        let text = std::fs::read_to_string(&file).expect("a saved world");
        let layout = saved::read::read(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let outcome = World::run(&layout, false);
        if outcome.violation.is_some() {
            panic!("{}: {}", file.display(), story(&layout, "cargo test --test sim saved"));
        }
    }
}

#[test]
fn a_saved_world_runs_like_the_drawn_one() {
    for seed in (0..4_000).step_by(200) {
        let drawn = swarm::draw(seed);
        let read = saved::read::read(&saved::write(&drawn)).expect("reads back");
        let (one, other) = (World::run(&drawn, false), World::run(&read, true));
        assert_eq!((one.fingerprint, one.events), (other.fingerprint, other.events), "seed {seed}");
    }
}

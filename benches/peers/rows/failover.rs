// SPDX-License-Identifier: MIT OR Apache-2.0
//! Row 1: the master's cable is cut without its noticing.

use std::thread;
use std::time::Instant;

use crate::figures::{Figures, head};
use crate::pair::{Router, VIP, together};

const ROUTERS: &[(&str, Router)] = &[
    ("version 2, 1 s", Router { version: 2, interval: 1000, more: "" }),
    ("version 3, 1 s", Router { version: 3, interval: 1000, more: "" }),
    ("version 3, 100 ms", Router { version: 3, interval: 100, more: "" }),
    ("version 3, 10 ms", Router { version: 3, interval: 10, more: "" }),
];

/// What a client felt, and how far beyond the protocol's own time.
type Felt = (f64, f64);

pub fn run(quick: bool) {
    let rounds = if quick { 1 } else { 20 };
    head(rounds);
    // Those that wait for seconds wait at the same time; the others have the machine to themselves.
    let (slow, fast): (Vec<_>, Vec<_>) = ROUTERS.iter().copied().partition(|(_, router)| router.interval >= 1000);
    let slow: Vec<_> = thread::scope(|scope| {
        let playing: Vec<_> =
            slow.into_iter().map(|(name, router)| (name, router, scope.spawn(move || play(router, rounds)))).collect();
        playing.into_iter().map(|(name, router, played)| (name, router, played.join().expect("its rounds"))).collect()
    });
    slow.into_iter().for_each(|(name, router, played)| print(name, router, &played));
    fast.into_iter().for_each(|(name, router)| print(name, router, &play(router, rounds)));
}

fn play(router: Router, rounds: usize) -> Vec<[Felt; 2]> {
    together(router, rounds, |pair, _| {
        let cut = Instant::now();
        let begun = pair.lab.journal.now();
        pair.lab.cut(&pair.a, &pair.segment);
        let seen = pair.until_second_holds();
        pair.probe.steady(100);
        let gap = pair.probe.longest_silence(cut);
        // The time that the protocol itself takes begins with the last advert that passed, which may have been after we
        // began to cut.
        let again = pair.probe.answered_again(cut).map(|at| begun + at.saturating_duration_since(cut));
        let again = again.unwrap_or(begun);
        let heard = seen.last_advert_before(again, "10.0.0.1");
        let since = again.saturating_sub(heard).as_secs_f64() * 1000.0;
        pair.lab.heal(&pair.a, &pair.segment);
        pair.lab.journal.rests_when("the second node has given way", |seen| seen.holds_alone("a", VIP));
        pair.rest();
        (gap, since - router.down_time())
    })
}

fn print(name: &str, router: Router, played: &[[Felt; 2]]) {
    let (gaps, past) = (Figures::of(played, |took| took.0), Figures::of(played, |took| took.1));
    // How long ago the last advert was when the cable was cut is chance, on both sides.
    gaps.chance(&format!("{name}: longest silence"), "ms", &format!("at most {:.2}", router.down_time()));
    past.line(&format!("{name}: beyond three intervals and the skew"), "ms", "0");
}

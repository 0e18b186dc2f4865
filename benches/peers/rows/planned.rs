// SPDX-License-Identifier: MIT OR Apache-2.0
//! Row 3: moves that somebody wants.

use std::time::Instant;

use crate::figures::{Figures, head};
use crate::pair::{Router, SECOND, VIP, together};

const ROUTER: Router = Router { version: 3, interval: 1000, more: "" };

pub fn run(quick: bool) {
    let rounds = if quick { 1 } else { 8 };
    head(rounds);
    let played = together(ROUTER, rounds, |pair, _| {
        let at = Instant::now();
        if let Some(daemon) = pair.first.take() {
            daemon.stop();
        }
        pair.until_second_holds();
        pair.probe.steady(200);
        let stop = pair.probe.longest_silence(at);

        pair.probe.forget();
        let at = Instant::now();
        pair.start_first();
        pair.lab.journal.rests_when("the first node is back", |seen| seen.holds_alone("a", VIP));
        pair.probe.steady(200);
        let back = pair.probe.longest_silence(at);

        pair.rest();
        let at = Instant::now();
        pair.reload_first(SECOND / 2);
        pair.lab.journal.rests_when("the second node is better", |seen| seen.holds_alone("b", VIP));
        pair.probe.steady(200);
        let lower = pair.probe.longest_silence(at);

        pair.probe.forget();
        let at = Instant::now();
        pair.reload_first(crate::pair::FIRST);
        pair.lab.journal.rests_when("the first node is better", |seen| seen.holds_alone("a", VIP));
        pair.probe.steady(200);
        let higher = pair.probe.longest_silence(at);
        pair.rest();
        [stop, back, lower, higher]
    });
    let moves = [
        "graceful stop: longest silence",
        "start, and preemption",
        "reload with a lower priority",
        "reload with the old priority: preemption",
    ];
    for (number, name) in moves.into_iter().enumerate() {
        Figures::of(&played, |took| took[number]).line(name, "ms", "0");
    }
}

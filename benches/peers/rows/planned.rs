//! Row 3: moves that somebody wants.

use std::time::Instant;

use crate::figures::{Figures, head};
use crate::pair::{Router, SECOND, VIP, alternate};

const ROUTER: Router = Router { version: 3, interval: 1000, more: "" };

pub fn run(quick: bool) {
    let rounds = if quick { 2 } else { 8 };
    head(rounds);
    let (mut stop, mut back, mut lower, mut higher) =
        (Figures::default(), Figures::default(), Figures::default(), Figures::default());
    let put = |figures: &mut Figures, ours: bool, value| {
        if ours { figures.ours.push(value) } else { figures.theirs.push(value) }
    };
    alternate(ROUTER, rounds, |pair, ours| {
        let at = Instant::now();
        if let Some(daemon) = pair.first.take() {
            daemon.stop();
        }
        pair.until_second_holds();
        pair.probe.steady(200);
        put(&mut stop, ours, pair.probe.longest_silence(at));

        pair.probe.forget();
        let at = Instant::now();
        pair.start_first();
        pair.lab.journal.rests_when("the first node is back", |seen| seen.holds_alone("a", VIP));
        pair.probe.steady(200);
        put(&mut back, ours, pair.probe.longest_silence(at));

        pair.rest();
        let at = Instant::now();
        pair.reload_first(SECOND / 2);
        pair.lab.journal.rests_when("the second node is better", |seen| seen.holds_alone("b", VIP));
        pair.probe.steady(200);
        put(&mut lower, ours, pair.probe.longest_silence(at));

        pair.probe.forget();
        let at = Instant::now();
        pair.reload_first(crate::pair::FIRST);
        pair.lab.journal.rests_when("the first node is better", |seen| seen.holds_alone("a", VIP));
        pair.probe.steady(200);
        put(&mut higher, ours, pair.probe.longest_silence(at));
        pair.rest();
    });
    stop.line("graceful stop: longest silence", "ms", "0");
    back.line("start, and preemption", "ms", "0");
    lower.line("reload with a lower priority", "ms", "0");
    higher.line("reload with the old priority: preemption", "ms", "0");
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Row 8: a pair that has nothing to do.

use std::thread;
use std::time::Duration;

use crate::figures::{Figures, head};
use crate::pair::{Router, alternate};
use crate::processes;

const ROUTER: Router = Router { version: 3, interval: 1000, more: "" };

pub fn run(quick: bool) {
    let (rounds, time) = if quick { (1, Duration::from_secs(3)) } else { (3, Duration::from_secs(10)) };
    head(rounds);
    let (mut pss, mut private, mut sleeps, mut start) =
        (Figures::default(), Figures::default(), Figures::default(), Figures::default());
    alternate(ROUTER, rounds, |pair, ours| {
        let put =
            |figures: &mut Figures, value| if ours { figures.ours.push(value) } else { figures.theirs.push(value) };
        let before = processes::cost(&pair.a);
        thread::sleep(time);
        let cost = processes::cost(&pair.a);
        put(&mut pss, cost.pss / 1024.0);
        put(&mut private, cost.private / 1024.0);
        put(&mut sleeps, cost.since(before).sleeps / time.as_secs_f64());
        if let Some(daemon) = pair.first.take() {
            daemon.stop();
        }
        pair.until_second_holds();
        pair.lab.journal.beats(2, |frame| frame.is_advert("10.0.0.2", crate::pair::SECOND));
        // With the other one down, the first advert comes after the start and one master-down time.
        if let Some(daemon) = pair.second.take() {
            daemon.stop();
        }
        let begun = pair.lab.journal.now();
        pair.start_first();
        let seen = pair.lab.journal.beats(1, |frame| frame.is_advert("10.0.0.1", crate::pair::FIRST));
        let first = seen.first_advert_after(begun, "10.0.0.1").unwrap_or(begun);
        let skew = f64::from(256 - i32::from(crate::pair::FIRST)) / 256.0 * 1000.0;
        put(&mut start, (first - begun).as_secs_f64() * 1000.0 - 3000.0 - skew);
        pair.start();
    });
    pss.line("memory of all processes (PSS)", "MB", "-");
    private.line("private memory of all processes", "MB", "-");
    sleeps.line("wake-ups of the master", "a second", "1");
    start.line("start to first advert, without the master-down time", "ms", "0");
    let size = |path: &str| std::fs::metadata(path).map_or(f64::NAN, |data| data.len() as f64 / 1024.0 / 1024.0);
    let figures =
        Figures { ours: vec![size(env!("CARGO_BIN_EXE_steadfast"))], theirs: vec![size("/usr/sbin/keepalived")] };
    figures.line("size of the binary", "MB", "-");
}

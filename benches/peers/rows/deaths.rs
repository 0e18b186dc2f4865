// SPDX-License-Identifier: MIT OR Apache-2.0
//! Row 2: processes of the master are killed or stopped.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::figures::{Figures, head};
use crate::pair::{Pair, Router, VIP, together};
use crate::processes;

const ROUTER: Router = Router { version: 3, interval: 1000, more: "" };

/// What happens to which processes.
#[derive(Clone, Copy)]
struct Death {
    name: &'static str,
    signal: &'static str,
    victims: Victims,
    leased: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Victims {
    Worker,
    Supervisor,
    All,
}

const DEATHS: &[Death] = &[
    Death { name: "VRRP worker killed", signal: "KILL", victims: Victims::Worker, leased: false },
    Death { name: "supervisor killed", signal: "KILL", victims: Victims::Supervisor, leased: false },
    Death { name: "all killed", signal: "KILL", victims: Victims::All, leased: false },
    Death { name: "all killed, ours with a lease of 2 s", signal: "KILL", victims: Victims::All, leased: true },
    Death { name: "VRRP worker stopped", signal: "STOP", victims: Victims::Worker, leased: false },
    Death { name: "all stopped, ours with a lease of 2 s", signal: "STOP", victims: Victims::All, leased: true },
];

/// Two masters are looked for during this time after the death.
const LOOK: Duration = Duration::from_secs(7);

pub fn run(quick: bool) {
    let rounds = if quick { 1 } else { 2 };
    head(rounds);
    // A quick run plays the first.
    for death in DEATHS.iter().take(if quick { 1 } else { DEATHS.len() }) {
        let played = together(ROUTER, rounds, |pair, ours| {
            prepare(pair, death, ours);
            let at = Instant::now();
            let begun = pair.lab.journal.now();
            strike(pair, *death);
            std::thread::sleep(LOOK);
            pair.probe.steady(100);
            let seen = pair.lab.journal.read();
            let both = held_by_both(&seen.holders_over_time(VIP), begun, begun + LOOK);
            let silence = pair.probe.longest_silence(at);
            let left = pair.a.has(VIP) && !answers_for_it(pair);
            recover(pair);
            (silence, both.as_secs_f64() * 1000.0, left)
        });
        let (silent, double) = (Figures::of(&played, |took| took.0), Figures::of(&played, |took| took.1));
        let left = [0, 1].map(|side: usize| played.iter().filter(|took| took[side].2).count());
        silent.line(&format!("{}: longest silence", death.name), "ms", "-");
        double.line(&format!("{}: two nodes hold the address, of {} s", death.name, LOOK.as_secs()), "ms", "0");
        println!(
            "| {}: rounds that left the address with nobody alive | {} | {} | 0 | |",
            death.name, left[0], left[1]
        );
    }
}

fn prepare(pair: &mut Pair, death: &Death, ours: bool) {
    if death.leased && ours {
        pair.reload_first_with("global_defs {\n vrrp_vip_lease 2\n}\n");
        pair.rest();
    }
}

fn strike(pair: &Pair, death: Death) {
    let mut pids = processes::numbers(&pair.a);
    pids.sort_unstable();
    let victims: Vec<u32> = match death.victims {
        Victims::All => pids,
        Victims::Supervisor => pids.into_iter().take(1).collect(),
        Victims::Worker => processes::vrrp_worker(&pair.a).into_iter().collect(),
    };
    // One call, so that nobody sees another one die first.
    let line = victims.iter().map(u32::to_string).collect::<Vec<_>>().join(" ");
    pair.lab.journal.deed(format!("kill -{} {line}", death.signal));
    let killed = std::process::Command::new("kill").args(["-s", death.signal]).args(line.split(' ')).status();
    assert!(killed.is_ok_and(|status| status.success()), "kill -s {} {line}", death.signal);
}

/// Whether a daemon on the first node goes on being there, awake.
fn answers_for_it(pair: &Pair) -> bool {
    processes::awake(&pair.a) > 1
}

fn recover(pair: &mut Pair) {
    pair.a.crash();
    pair.first = None;
    // What they left behind is the figure; the next round begins without it.
    if pair.a.has(VIP) {
        pair.a.run(&format!("ip addr del {VIP}/24 dev eth0"));
    }
    // A dead process that nobody has waited for still counts as running to whoever reads its number in these.
    for file in ["keepalived.pid", "vrrp.pid", "keepalived/keepalived.pid", "keepalived/vrrp.pid"] {
        let _ = std::fs::remove_file(pair.a.namespace().path(&format!("root/run/{file}")));
    }
    pair.start();
}

/// The nodes are watched by two monitors: what one says so soon after the other may have happened before it.
const GRAIN: Duration = Duration::from_millis(1);

/// How long both nodes held the address between two moments.
fn held_by_both(changes: &[(Duration, BTreeSet<String>)], from: Duration, to: Duration) -> Duration {
    let mut sum = Duration::ZERO;
    for (number, (at, holders)) in changes.iter().enumerate() {
        let until = changes.get(number + 1).map_or(to, |(next, _)| *next);
        if holders.len() > 1 {
            let both = until.min(to).saturating_sub((*at).max(from));
            sum += if both < GRAIN { Duration::ZERO } else { both };
        }
    }
    sum
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! A failing world of load balancing made small: fewer steps, as long as the same promise is broken.

use super::layout::Layout;
use super::{Outcome, World};

/// How many runs one reduction may take.
pub const RUNS_MAX: usize = 300;

/// Reduces a layout whose run breaks a promise. Gives the smallest found, and its run with a timeline.
pub fn shrink(layout: &Layout) -> (Layout, Outcome) {
    let mut best = layout.clone();
    let outcome = World::run(&best, false);
    let Some(promise) = outcome.violation.as_ref().map(|violation| violation.promise) else {
        return (best, outcome);
    };
    // What brings the world to rest stays.
    let busy = |layout: &Layout| layout.steps.iter().filter(|step| step.at < layout.rests_at).count();
    let mut runs = 0;
    let mut size = busy(&best).div_ceil(2);
    while size > 0 && runs < RUNS_MAX {
        let mut at = 0;
        while at < busy(&best) && runs < RUNS_MAX {
            let mut candidate = best.clone();
            candidate.steps.drain(at..(at + size).min(busy(&best)));
            runs += 1;
            let found = World::run(&candidate, false);
            if found.violation.is_some_and(|violation| violation.promise == promise) {
                best = candidate;
            } else {
                at += size;
            }
        }
        size /= 2;
    }
    let outcome = World::run(&best, true);
    (best, outcome)
}

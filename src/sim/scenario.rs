// SPDX-License-Identifier: MIT OR Apache-2.0
//! `steadfast simulate`: configurations, an operator's script, and what comes of them.
//!
//! The same script runs with many seeds, each with other delays and another moment at which each node starts. One run
//! is shown as a timeline; of all runs the distribution of what users notice is shown, and what was expected is
//! compared with it.

use std::fmt::Write;
use std::time::Duration;

use super::layout::{Layout, Router};
use super::oracle::score::RouterScore;
use super::script::{Expectation, Script, ScriptError, parse, write};
use super::{Outcome, World, cluster};
use crate::plan::vrrp::VrrpPlan;

/// More runs than this are not made.
pub const SEEDS_MAX: u64 = 100_000;

/// What came of a scenario.
#[derive(Clone, Debug)]
pub struct Report {
    pub text: String,
    /// The expectations that do not hold in every run; the command fails when there are any.
    pub failed: Vec<String>,
}

/// One run, as far as the summary needs it.
struct Run {
    seed: u64,
    routers: Vec<RouterScore>,
    masters: Vec<Vec<Vec<usize>>>,
    broken: Option<String>,
}

/// Runs a script over the configurations of several nodes.
pub fn run(nodes: &[(String, VrrpPlan)], script: &str) -> Result<Report, ScriptError> {
    if nodes.len() > cluster::NODES_MAX {
        let text = format!("{} nodes are given: {} are simulated together at most", nodes.len(), cluster::NODES_MAX);
        return Err(ScriptError { line: 0, text });
    }
    run_layout(cluster::layout(nodes), script)
}

/// Runs a script in a layout.
pub fn run_layout(layout: Layout, text: &str) -> Result<Report, ScriptError> {
    let script = parse(text, &layout.cast())?;
    let samples = script.expectations.iter().filter_map(|expected| match expected {
        Expectation::Master { at, .. } => Some(*at),
        Expectation::Gap(_) | Expectation::Overlap(_) | Expectation::Outage(_) | Expectation::Transitions(_) => None,
    });
    let layout = Layout {
        steps: script.steps.clone(),
        lasts: script.lasts,
        delay: script.delay,
        samples: samples.collect(),
        lenient: true,
        ..layout
    };
    let seeds = script.seeds.min(SEEDS_MAX);
    let last = script.first_seed.saturating_add(seeds - 1);
    let mut runs = Vec::new();
    let mut shown: Option<(u64, bool)> = None;
    for seed in script.first_seed..=last {
        let layout = Layout { seed, ..layout.clone() };
        let run = summed_up(&layout, &World::run(&layout, false));
        let fails = script.expectations.iter().any(|expected| excess(expected, &layout, &script, &run).is_some());
        // The run that is shown is the first one that is not as expected, or else the first one.
        if shown.is_none_or(|(_, failed)| fails && !failed) {
            shown = Some((seed, fails));
        }
        runs.push(run);
    }
    let shown = shown.map_or(script.first_seed, |(seed, _)| seed);
    let layout = Layout { seed: shown, ..layout };
    let mut text = String::new();
    let mut failed = Vec::new();
    // Writing into a string cannot fail.
    let _ = head(&mut text, &layout, &script, seeds);
    let _ = timeline(&mut text, &layout, &World::run(&layout, true));
    let _ = summary(&mut text, &layout, &runs);
    let _ = verdicts(&mut text, &layout, &script, &runs, &mut failed);
    Ok(Report { text, failed })
}

fn summed_up(layout: &Layout, outcome: &Outcome) -> Run {
    let masters = outcome
        .samples
        .iter()
        .map(|all| all.iter().map(|router| router.iter().map(|at| usize::from(at.0)).collect()).collect());
    Run {
        seed: layout.seed,
        routers: outcome.score.routers.clone(),
        masters: masters.collect(),
        broken: outcome.violation.as_ref().map(|violation| {
            format!("at {}: {}", seconds(violation.at.since(crate::proto::Instant::ZERO)), violation.text)
        }),
    }
}

fn head(out: &mut String, layout: &Layout, script: &Script, seeds: u64) -> std::fmt::Result {
    let names: Vec<&str> = layout.nodes.iter().map(|node| node.name.as_str()).collect();
    let lasts = write::time(script.lasts);
    let last = script.first_seed.saturating_add(seeds - 1);
    match seeds {
        1 => writeln!(out, "nodes {}; one run of {lasts}, seed {}", names.join(", "), script.first_seed)?,
        _ => {
            writeln!(out, "nodes {}; {seeds} runs of {lasts}, seeds {} to {last}", names.join(", "), script.first_seed)?
        }
    }
    for (at, segment) in layout.segments.iter().enumerate() {
        let here = layout.nodes.iter().filter(|node| node.ports.iter().any(|port| usize::from(port.segment.0) == at));
        let here: Vec<&str> = here.map(|node| node.name.as_str()).collect();
        writeln!(out, "segment {segment}: {}", here.join(", "))?;
    }
    writeln!(out)
}

/// The timeline under a head that names the columns: virtual routers above, nodes below.
fn timeline(out: &mut String, layout: &Layout, outcome: &Outcome) -> std::fmt::Result {
    let routers = layout.routers();
    let width = layout.nodes.iter().map(|node| node.name.chars().count()).max().unwrap_or(1);
    writeln!(
        out,
        "run of seed {} (M master, B backup, F fault, I not started, . no daemon, z asleep, small letters: stalled)",
        layout.seed
    )?;
    let columns = 2 * layout.nodes.len() + 1;
    let titles: Vec<String> =
        routers.iter().map(|router| format!("{:<columns$}", short(&router.name, columns))).collect();
    writeln!(out, "{:>12} |{}|", "", titles.join("|"))?;
    for line in 0..width {
        let letters: String =
            layout.nodes.iter().map(|node| format!(" {}", node.name.chars().nth(line).unwrap_or(' '))).collect();
        let all: Vec<String> = routers.iter().map(|_| format!("{letters} ")).collect();
        writeln!(out, "{:>12} |{}|", "", all.join("|"))?;
    }
    writeln!(out, "{}", outcome.timeline)
}

fn short(name: &str, width: usize) -> String {
    name.chars().take(width).collect()
}

/// What is measured of a virtual router, by name.
type Row = (&'static str, fn(&RouterScore) -> Duration);

const MEASURES: [Row; 3] = [
    ("no master", |score| score.gap.longest),
    ("two masters", |score| score.overlap.longest),
    ("client unserved", |score| score.outage.longest),
];

/// A line per measure and virtual router, over all runs.
fn summary(out: &mut String, layout: &Layout, runs: &[Run]) -> std::fmt::Result {
    let routers = layout.routers();
    let widest = routers.iter().map(|router| router.name.len()).max().unwrap_or(0).max(4);
    writeln!(
        out,
        "{:widest$}  {:<16} {:>10} {:>10} {:>10} {:>10}",
        "", "longest time", "least", "median", "99 of 100", "most"
    )?;
    for (at, router) in routers.iter().enumerate() {
        let scores: Vec<&RouterScore> = runs.iter().filter_map(|run| run.routers.get(at)).collect();
        for (row, (name, of)) in MEASURES.into_iter().enumerate() {
            let title = if row == 0 { router.name.as_str() } else { "" };
            let mut times: Vec<Duration> = scores.iter().map(|score| of(score)).collect();
            times.sort();
            let cells: Vec<String> = spread(&times).into_iter().map(|time| format!("{:>10}", seconds(time))).collect();
            writeln!(out, "{title:widest$}  {name:<16} {}", cells.join(" "))?;
        }
        let mut changes: Vec<u64> = scores.iter().map(|score| score.changes).collect();
        changes.sort_unstable();
        let cells: Vec<String> = spread(&changes).into_iter().map(|count| format!("{count:>10}")).collect();
        writeln!(out, "{:widest$}  {:<16} {}", "", "changes (count)", cells.join(" "))?;
    }
    writeln!(out)
}

/// Least, median, 99th of 100, most of sorted values.
fn spread<T: Copy + Default>(sorted: &[T]) -> [T; 4] {
    let last = sorted.len().saturating_sub(1);
    [0, last / 2, last * 99 / 100, last].map(|at| sorted.get(at).copied().unwrap_or_default())
}

fn verdicts(
    out: &mut String,
    layout: &Layout,
    script: &Script,
    runs: &[Run],
    failed: &mut Vec<String>,
) -> std::fmt::Result {
    for expected in &script.expectations {
        let words = words(expected, layout);
        let bad: Vec<(u64, String)> =
            runs.iter().filter_map(|run| Some((run.seed, excess(expected, layout, script, run)?))).collect();
        match bad.first() {
            None => writeln!(out, "expected {words}: holds in every run")?,
            Some((seed, found)) => {
                let text = format!(
                    "expected {words}: fails in {} of {} runs, first with seed {seed}: {found}",
                    bad.len(),
                    runs.len()
                );
                writeln!(out, "{text}")?;
                failed.push(text);
            }
        }
    }
    let broken: Vec<&Run> = runs.iter().filter(|run| run.broken.is_some()).collect();
    if let Some(first) = broken.first() {
        let text = first.broken.as_deref().unwrap_or_default();
        writeln!(
            out,
            "remark: in {} of {} runs something is not as it should be, first with seed {} {text}",
            broken.len(),
            runs.len(),
            first.seed
        )?;
    }
    Ok(())
}

fn words(expected: &Expectation, layout: &Layout) -> String {
    match expected {
        Expectation::Gap(most) => format!("gap < {}", write::time(*most)),
        Expectation::Overlap(most) => format!("overlap < {}", write::time(*most)),
        Expectation::Outage(most) => format!("outage < {}", write::time(*most)),
        Expectation::Transitions(most) => format!("transitions < {most}"),
        Expectation::Master { node, instance, at } => {
            let node = layout.nodes.get(usize::from(node.0)).map_or("?", |node| node.name.as_str());
            let of = instance.as_ref().map(|name| format!(" of {name}")).unwrap_or_default();
            format!("master {node}{of} at {}", write::time(*at))
        }
    }
}

/// What a run has instead of what is expected; `None` when it is as expected.
fn excess(expected: &Expectation, layout: &Layout, script: &Script, run: &Run) -> Option<String> {
    let worst = |of: fn(&RouterScore) -> Duration| run.routers.iter().map(of).max().unwrap_or_default();
    let over = |found: Duration, most: Duration| (found >= most).then(|| seconds(found));
    match expected {
        Expectation::Gap(most) => over(worst(|score| score.gap.longest), *most),
        Expectation::Overlap(most) => over(worst(|score| score.overlap.longest), *most),
        Expectation::Outage(most) => over(worst(|score| score.outage.longest), *most),
        Expectation::Transitions(most) => {
            let found: u64 = run.routers.iter().map(|score| score.changes).sum();
            (found >= *most).then(|| found.to_string())
        }
        Expectation::Master { node, instance, .. } => {
            let place = script.expectations.iter().filter(|other| matches!(other, Expectation::Master { .. }));
            let place = place.take_while(|other| !std::ptr::eq(*other, expected)).count();
            let masters = run.masters.get(place)?;
            let routers = layout.routers();
            let member = |router: &Router| router.members.iter().any(|(at, _)| at == node);
            let meant = |router: &Router| instance.as_ref().is_none_or(|name| *name == router.name) && member(router);
            let wrong = routers.iter().enumerate().filter(|(_, router)| meant(router)).find_map(|(at, router)| {
                let found = masters.get(at).cloned().unwrap_or_default();
                (found != [usize::from(node.0)]).then_some((router.name.as_str(), found))
            });
            wrong.map(|(router, found)| {
                let names: Vec<&str> =
                    found.iter().filter_map(|at| layout.nodes.get(*at)).map(|node| node.name.as_str()).collect();
                if names.is_empty() {
                    format!("{router} has none")
                } else {
                    format!("{router} has {}", names.join(" and "))
                }
            })
        }
    }
}

/// A time as seconds, to the millisecond.
fn seconds(time: Duration) -> String {
    format!("{}.{:03}s", time.as_secs(), time.subsec_millis())
}

#[cfg(test)]
mod tests;

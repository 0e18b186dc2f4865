// SPDX-License-Identifier: MIT OR Apache-2.0
//! A failing world made small: fewer nodes, fewer steps, a shorter run, as long as the same promise is broken.

use std::time::Duration;

use super::layout::Layout;
use super::net::Stations;
use super::script::{Action, Step};
use super::{Outcome, World, station};
use crate::proto::vrrp::Reach;

/// How many runs one reduction may take.
pub const RUNS_MAX: usize = 600;

/// Reduces a layout whose run breaks a promise. Gives the smallest found, and its run with a timeline.
pub fn shrink(layout: &Layout) -> (Layout, Outcome) {
    let mut best = layout.clone();
    let mut outcome = World::run(&best, true);
    let Some(promise) = outcome.violation.as_ref().map(|violation| violation.promise) else {
        return (best, outcome);
    };
    let mut runs = 0;
    loop {
        let mut smaller = None;
        for candidate in candidates(&best, &outcome) {
            runs += 1;
            let found = World::run(&candidate, true);
            let same = found.violation.as_ref().is_some_and(|violation| violation.promise == promise);
            if same {
                smaller = Some((candidate, found));
                break;
            }
            if runs >= RUNS_MAX {
                break;
            }
        }
        match smaller {
            Some((layout, found)) if runs < RUNS_MAX => (best, outcome) = (layout, found),
            Some((layout, found)) => return (layout, found),
            None => return (best, outcome),
        }
    }
}

/// Smaller layouts, the boldest first.
fn candidates(layout: &Layout, outcome: &Outcome) -> Vec<Layout> {
    let mut found = Vec::new();
    // A promise that is broken while running needs no more than a moment after it.
    if let Some(violation) = &outcome.violation {
        let end = Duration::from_nanos(violation.at.as_nanos()) + Duration::from_millis(1);
        let rests = layout.rests && end >= layout.lasts;
        if !rests && (end < layout.lasts || layout.rests) {
            let steps = layout.steps.iter().filter(|step| step.at <= end).copied().collect();
            found.push(Layout { lasts: end.min(layout.lasts), rests: false, steps, ..layout.clone() });
        }
    }
    if layout.nodes.len() > 2 {
        found.extend((0..layout.nodes.len()).map(|at| without_node(layout, at)));
    }
    let count = layout.steps.len();
    let mut size = count.div_ceil(2);
    while size > 0 {
        for first in (0..count).step_by(size) {
            let kept = |(at, _): &(usize, &Step)| !(first..first + size).contains(at);
            let steps = layout.steps.iter().enumerate().filter(kept).map(|(_, step)| *step).collect();
            found.push(Layout { steps, ..layout.clone() });
        }
        size = if size == 1 { 0 } else { size.div_ceil(2) };
    }
    found.extend(plainer(layout));
    found
}

/// Without one of the virtual routers, tracked objects or groups, and with clocks that are right.
fn plainer(layout: &Layout) -> Vec<Layout> {
    let mut found = Vec::new();
    if layout.nodes.iter().any(|node| node.drift != 0) {
        let mut same = layout.clone();
        same.nodes.iter_mut().for_each(|node| node.drift = 0);
        found.push(same);
    }
    if layout.nodes.iter().any(|node| !node.groups.is_empty()) {
        let mut apart = layout.clone();
        for node in &mut apart.nodes {
            node.groups.clear();
            node.setup.groups.clear();
        }
        found.push(apart);
    }
    let tracks = layout.steps.iter().any(|step| matches!(step.action, Action::Track(..)));
    if !tracks && layout.nodes.iter().any(|node| !node.tracks.is_empty()) {
        let mut blind = layout.clone();
        for node in &mut blind.nodes {
            node.tracks.clear();
            node.setup.tracks.clear();
            node.setup.instances.values_mut().for_each(|params| params.tracks.clear());
        }
        found.push(blind);
    }
    let last = layout.nodes.iter().map(|node| node.instances.len()).min().unwrap_or(0).checked_sub(1);
    let named = |step: &Step| {
        matches!(
            step.action,
            Action::Priority(..) | Action::Snatch(..) | Action::Interval(..) | Action::Address(..) | Action::Member(..)
        )
    };
    if let Some(last) = last.filter(|last| *last > 0 && !layout.steps.iter().any(named)) {
        let mut fewer = layout.clone();
        for node in &mut fewer.nodes {
            let Some(id) = node.instance_at(last) else { continue };
            node.instances.remove(&id);
            node.setup.instances.remove(&id);
            node.setup.groups.values_mut().for_each(|group| group.members.retain(|member| *member != id));
        }
        found.push(fewer);
    }
    found
}

/// The layout without one node: later stations move up by one.
fn without_node(layout: &Layout, gone: usize) -> Layout {
    let mut fewer = layout.clone();
    let plan = fewer.nodes.remove(gone);
    let own: Vec<_> = plan.ports.iter().flat_map(|port| port.addresses.clone()).collect();
    for params in fewer.nodes.iter_mut().flat_map(|node| node.setup.instances.values_mut()) {
        if let Reach::Unicast { peers, .. } = &mut params.reach {
            peers.retain(|peer| !own.contains(&peer.ip));
        }
    }
    let stations = layout.nodes.len() + layout.clients.len();
    fewer.steps = layout.steps.iter().filter_map(|step| moved(step, gone, stations)).collect();
    fewer
}

fn moved(step: &Step, gone: usize, stations: usize) -> Option<Step> {
    let place = |at: super::net::Station| match usize::from(at.0) {
        at if at == gone => None,
        at if at > gone => Some(station(at - 1)),
        at => Some(station(at)),
    };
    let set = |old: Stations| -> Stations {
        (0..stations).map(station).filter(|at| old.holds(*at)).filter_map(place).collect()
    };
    let links = |from: Stations, to: Stations| {
        let pair = (set(from), set(to));
        (pair.0 != Stations::NONE && pair.1 != Stations::NONE).then_some(pair)
    };
    let action = match step.action {
        Action::Fault(mut rule) => {
            (rule.from, rule.to) = links(rule.from, rule.to)?;
            Action::Fault(rule)
        }
        Action::Heal { from, to, segment } => {
            let (from, to) = links(from, to)?;
            Action::Heal { from, to, segment }
        }
        Action::Crash(at) => Action::Crash(place(at)?),
        Action::Kill(at) => Action::Kill(place(at)?),
        Action::Start(at) => Action::Start(place(at)?),
        Action::Stop(at) => Action::Stop(place(at)?),
        Action::Stall(at, lasts) => Action::Stall(place(at)?, lasts),
        Action::Sleep(at, lasts) => Action::Sleep(place(at)?, lasts),
        Action::Leap(at, by) => Action::Leap(place(at)?, by),
        Action::Track(at, track, observed) => Action::Track(place(at)?, track, observed),
        Action::Port(at, port, up) => Action::Port(place(at)?, port, up),
        Action::Source(at, port, there) => Action::Source(place(at)?, port, there),
        Action::Priority(at, instance, priority) => Action::Priority(place(at)?, instance, priority),
        Action::Interval(at, instance, interval) => Action::Interval(place(at)?, instance, interval),
        Action::Address(at, instance, more) => Action::Address(place(at)?, instance, more),
        Action::Member(at, instance, back) => Action::Member(place(at)?, instance, back),
        Action::Reload(at) => Action::Reload(place(at)?),
        Action::Kernel(at, manner) => Action::Kernel(place(at)?, manner),
        Action::Snatch(at, instance) => Action::Snatch(place(at)?, instance),
        same @ (Action::Junk { .. } | Action::Replay { .. }) => same,
    };
    Some(Step { at: step.at, action })
}

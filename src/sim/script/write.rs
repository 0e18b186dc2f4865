// SPDX-License-Identifier: MIT OR Apache-2.0
//! Steps written back as the language they are read from, so that a drawn world can be saved, shrunk and edited.

use std::time::Duration;

use super::{Action, Cast, Manner, Observed, Step};
use crate::sim::net::{Fault, Rule, Segment, Station, Stations};

/// One step as one line.
pub fn step(step: &Step, cast: &Cast) -> String {
    format!("at {} {}", time(step.at), action(&step.action, cast))
}

/// A time in the largest unit that gives a whole number.
pub fn time(time: Duration) -> String {
    let nanos = time.as_nanos();
    let units = [(1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "us")];
    match units.into_iter().find(|(size, _)| nanos.is_multiple_of(*size)) {
        Some((size, unit)) => format!("{}{unit}", nanos / size),
        None => format!("{}.{:03}us", nanos / 1_000, nanos % 1_000),
    }
}

pub fn action(action: &Action, cast: &Cast) -> String {
    let node = |node: &Station| cast.stations().nth(usize::from(node.0)).unwrap_or("?").to_owned();
    let within = |of: &Station, at: &usize, names: fn(&super::CastNode) -> &Vec<String>| {
        cast.nodes.get(usize::from(of.0)).and_then(|node| names(node).get(*at)).map_or("?", String::as_str)
    };
    let state = |up: &bool| if *up { "up" } else { "down" };
    match action {
        Action::Fault(rule) => fault(rule, cast),
        Action::Heal { from, to, segment } => {
            format!("heal {} -> {}{}", stations(*from, cast), stations(*to, cast), on(*segment, cast))
        }
        Action::Crash(at) => format!("crash {}", node(at)),
        Action::Kill(at) => format!("kill {}", node(at)),
        Action::Start(at) => format!("start {}", node(at)),
        Action::Stop(at) => format!("stop {}", node(at)),
        Action::Reload(at) => format!("reload {}", node(at)),
        Action::Stall(at, lasts) => format!("stall {} {}", node(at), time(*lasts)),
        Action::Sleep(at, lasts) => format!("sleep {} {}", node(at), time(*lasts)),
        Action::Leap(at, by) => format!("leap {} {}", node(at), time(*by)),
        Action::Track(at, track, observed) => {
            let name = within(at, track, |node| &node.tracks);
            match observed {
                Observed::Up => format!("track {} {name} up", node(at)),
                Observed::Down => format!("track {} {name} down", node(at)),
                Observed::Value(value) => format!("track {} {name} {value}", node(at)),
            }
        }
        Action::Port(at, port, up) => {
            format!("link {} {} {}", node(at), within(at, port, |node| &node.ports), state(up))
        }
        Action::Source(at, port, up) => {
            format!("source {} {} {}", node(at), within(at, port, |node| &node.ports), state(up))
        }
        Action::Priority(at, instance, priority) => {
            format!("priority {} {} {priority}", node(at), within(at, instance, |node| &node.instances))
        }
        Action::Interval(at, instance, interval) => {
            format!("interval {} {} {}", node(at), within(at, instance, |node| &node.instances), time(*interval))
        }
        Action::Address(at, instance, more) => {
            let word = if *more { "more" } else { "less" };
            format!("address {} {} {word}", node(at), within(at, instance, |node| &node.instances))
        }
        Action::Member(at, instance, back) => {
            let word = if *back { "back" } else { "gone" };
            format!("instance {} {} {word}", node(at), within(at, instance, |node| &node.instances))
        }
        Action::Kernel(at, Manner::Well) => format!("kernel {} well", node(at)),
        Action::Kernel(at, Manner::Refuses) => format!("kernel {} refuses", node(at)),
        Action::Kernel(at, Manner::Slow(by)) => format!("kernel {} slow {}", node(at), time(*by)),
        Action::Snatch(at, instance) => {
            format!("snatch {} {}", node(at), within(at, instance, |node| &node.instances))
        }
        Action::Replay { segment } => format!("replay{}", on(Some(*segment), cast)),
        Action::Junk { segment, every, lasts } => {
            format!("junk every {} for {}{}", time(*every), time(*lasts), on(Some(*segment), cast))
        }
    }
}

fn fault(rule: &Rule, cast: &Cast) -> String {
    let path = format!("{} -> {}{}", stations(rule.from, cast), stations(rule.to, cast), on(rule.segment, cast));
    match rule.fault {
        Fault::Cut => format!("cut {path}"),
        Fault::Clog => format!("clog {path}"),
        Fault::Pass => format!("pass {path}"),
        Fault::Loss(chance) => format!("loss {path} {chance}"),
        Fault::Copy(chance) => format!("copy {path} {chance}"),
        Fault::Corrupt(chance) => format!("corrupt {path} {chance}"),
        Fault::Late(chance, by) => format!("late {path} {chance} {}", time(by)),
        Fault::Delay(least, most) => format!("delay {path} {} to {}", time(least), time(most)),
    }
}

fn stations(set: Stations, cast: &Cast) -> String {
    let named: Vec<&str> =
        cast.stations().enumerate().filter(|(at, _)| set.holds(super::station(*at))).map(|(_, name)| name).collect();
    if named.len() == cast.stations().count() { "all".to_owned() } else { named.join(",") }
}

fn on(segment: Option<Segment>, cast: &Cast) -> String {
    match segment.and_then(|segment| cast.segments.get(usize::from(segment.0))) {
        Some(name) => format!(" on {name}"),
        None => String::new(),
    }
}

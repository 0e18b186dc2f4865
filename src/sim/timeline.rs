// SPDX-License-Identifier: MIT OR Apache-2.0
//! What happened, to be read like a score: a column per node, a character per state, a line per event.
//!
//! `M` master, `B` backup, `F` fault, `I` not started yet, `.` no daemon, `z` asleep; a small letter is a daemon that
//! gets no processor time. Virtual routers stand side by side between bars.

use std::collections::BTreeMap;
use std::fmt;

use super::layout::Router;
use super::net::Station;
use super::node::{Node, Power};
use crate::proto::Instant;
use crate::proto::vrrp::{AnnounceWhy, Cause, Event, Fault, GroupId, InstanceId, Item, Phase, TrackId};

/// How many lines a timeline keeps; later ones are counted.
pub const LINES_MAX: usize = 4_000;

/// How many deeds a timeline keeps.
pub const ACTS_MAX: usize = 200_000;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Timeline {
    on: bool,
    lines: Vec<Line>,
    left_out: usize,
    acts: Vec<Act>,
}

/// Something a node did, as a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Act {
    pub at: Instant,
    pub by: Station,
    pub what: Deed,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    Told(Event),
    Sent(InstanceId, u8),
    Announced(InstanceId, AnnounceWhy),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub at: Instant,
    pub states: String,
    pub text: String,
}

impl Timeline {
    pub fn new(on: bool) -> Timeline {
        Timeline { on, ..Timeline::default() }
    }

    pub fn is_on(&self) -> bool {
        self.on
    }

    pub fn note(&mut self, at: Instant, states: String, text: String) {
        if !self.on {
            return;
        }
        if self.lines.len() >= LINES_MAX {
            self.left_out += 1;
            return;
        }
        self.lines.push(Line { at, states, text });
    }

    /// Keeps what a node did.
    pub fn keep(&mut self, at: Instant, by: Station, what: Deed) {
        if self.on && self.acts.len() < ACTS_MAX {
            self.acts.push(Act { at, by, what });
        }
    }

    pub fn acts(&self) -> &[Act] {
        &self.acts
    }

    pub fn lines(&self) -> &[Line] {
        &self.lines
    }
}

impl fmt::Display for Timeline {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.lines {
            writeln!(out, "{:>12} {} {}", seconds(line.at), line.states, line.text)?;
        }
        if self.left_out > 0 {
            writeln!(out, "             {} more events are left out", self.left_out)?;
        }
        Ok(())
    }
}

/// Seconds since the start, to the tenth of a millisecond.
fn seconds(at: Instant) -> String {
    let tenths = at.as_nanos() / 100_000;
    format!("t={}.{:04}", tenths / 10_000, tenths % 10_000)
}

/// The states of all nodes, a group of columns per virtual router.
pub fn states(routers: &[Router], nodes: &[Node]) -> String {
    let mut text = String::from("|");
    for router in routers {
        for (at, node) in nodes.iter().enumerate() {
            let instance = router.members.iter().find(|(member, _)| usize::from(member.0) == at).map(|(_, id)| *id);
            text.push(' ');
            text.push(instance.map_or(' ', |instance| state(node, instance)));
        }
        text.push_str(" |");
    }
    text
}

fn state(node: &Node, instance: InstanceId) -> char {
    let phase = node.engine.as_ref().and_then(|engine| engine.phase(instance));
    let letter = match phase {
        None => '.',
        Some(Phase::Init) => 'I',
        Some(Phase::Backup) => 'B',
        Some(Phase::Master) => 'M',
        Some(Phase::Fault) => 'F',
    };
    match node.power {
        Power::Off => '.',
        Power::Running => letter,
        Power::Stalled(_) => letter.to_ascii_lowercase(),
        Power::Asleep(_) => 'z',
    }
}

/// What the operator calls things.
#[derive(Clone, Copy)]
pub struct Names<'a> {
    pub instances: &'a BTreeMap<InstanceId, String>,
    pub groups: &'a BTreeMap<GroupId, String>,
    pub track: &'a dyn Fn(&TrackId) -> Option<String>,
}

impl fmt::Debug for Names<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Names").field("instances", self.instances).finish_non_exhaustive()
    }
}

impl Names<'_> {
    pub fn instance(&self, id: InstanceId) -> String {
        self.instances.get(&id).cloned().unwrap_or_else(|| format!("#{}", id.0))
    }

    fn group(&self, id: &GroupId) -> String {
        self.groups.get(id).cloned().unwrap_or_else(|| format!("group #{}", id.0))
    }

    fn track(&self, id: &TrackId) -> String {
        (self.track)(id).unwrap_or_else(|| format!("track #{}", id.0))
    }
}

/// What an engine tells, in words; `None` for what would only fill the page.
pub fn words(names: &Names<'_>, told: &Event) -> Option<String> {
    let of = |instance: &InstanceId| names.instance(*instance);
    let group = |group: &GroupId| names.group(group);
    let track = |track: &TrackId| names.track(track);
    let text = match told {
        Event::Entered { instance, to, cause, priority, .. } => {
            format!("{} {} ({priority}): {}", of(instance), phase(*to), because(cause, track))
        }
        Event::GroupEntered { group: id, to } => format!("{} {}", group(id), phase(*to)),
        Event::PriorityChanged { instance, from, to, .. } => format!("{} priority {from} -> {to}", of(instance)),
        Event::Tracked { track: id, up } => format!("{} {}", track(id), if *up { "up" } else { "down" }),
        Event::FaultRaised { instance, fault } => {
            format!("{} has a fault: {}", of(instance), fault_words(fault, track))
        }
        Event::FaultCleared { instance, fault } => {
            format!("{} is rid of a fault: {}", of(instance), fault_words(fault, track))
        }
        Event::Preempting { instance, priority, .. } => {
            format!("{} will not wait for a master of {priority}", of(instance))
        }
        Event::PreemptDelayStarted { instance, until } => {
            format!("{} waits {until:?} before it preempts", of(instance))
        }
        Event::OtherMaster { instance, priority, .. } => {
            format!("{} hears another master of {priority} and stays", of(instance))
        }
        Event::OtherMasterGone { instance, .. } => format!("{} is the only master again", of(instance)),
        Event::AddressClaimed { instance, address, mac: _ } => {
            format!("{}: somebody else has {address} too", of(instance))
        }
        Event::AddressClash { instance, source } => format!("{}: somebody else sends from {source}", of(instance)),
        Event::TwoOwners { instance, yielding, .. } => {
            format!("{}: two owners, {}", of(instance), if *yielding { "this one yields" } else { "this one stays" })
        }
        Event::HandingOver { instance, limit } => {
            format!("{} hands over, keeping the addresses up to {limit:?}", of(instance))
        }
        Event::HandedOver { instance, successor } => match successor {
            Some(_) => format!("{} has handed over", of(instance)),
            None => format!("{} lets go, nobody took over in time", of(instance)),
        },
        Event::HoldingsRefused { instance, items } => {
            format!("{}: the kernel refused {} holdings", of(instance), items.len())
        }
        Event::HoldingLost { instance, item, restored } => {
            let what = match item {
                Item::Address(address) => address.to_string(),
                Item::Route(_) => "a route".to_owned(),
                Item::Rule(_) => "a rule".to_owned(),
                Item::Filter => "its filter".to_owned(),
            };
            format!("{} lost {what}{}", of(instance), if *restored { " and puts it back" } else { "" })
        }
        Event::Slept { late_by } => format!("slept for {:.3}s", late_by.as_secs_f64()),
        Event::Removed { instance, .. } => format!("{} removed", of(instance)),
        Event::Stopped { instance, .. } => format!("{} stopped", of(instance)),
        Event::Finished => "has ended".to_owned(),
        Event::Refused { instance, refusal, source } => {
            format!("{} refuses an advert from {source}: {refusal:?}", of(instance))
        }
        Event::IntervalDiffers { .. }
        | Event::AddressesDiffer { .. }
        | Event::ClockSkew { .. }
        | Event::MasterChanged { .. }
        | Event::Retuned { .. }
        | Event::Stands { .. }
        | Event::GroupRemoved { .. }
        | Event::GroupStopped { .. } => return None,
    };
    Some(text)
}

fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Init => "init",
        Phase::Backup => "backup",
        Phase::Master => "MASTER",
        Phase::Fault => "fault",
    }
}

fn because(cause: &Cause, track: impl Fn(&TrackId) -> String) -> String {
    match cause {
        Cause::Start => "starts".to_owned(),
        Cause::Owner => "owns the addresses".to_owned(),
        Cause::MasterDown => "no advert for the master-down time".to_owned(),
        Cause::PriorityZero => "the master left".to_owned(),
        Cause::Preempt => "the master ranks below".to_owned(),
        Cause::HigherPriority(source) => format!("{source} ranks above"),
        Cause::Group => "with its sync group".to_owned(),
        Cause::TimerExpired => "was asleep too long".to_owned(),
        Cause::Fault(fault) => fault_words(fault, track),
        Cause::Recovered => "no fault any more".to_owned(),
        Cause::HoldingLost => "a holding was taken away".to_owned(),
        Cause::Operator => "the operator wants it".to_owned(),
    }
}

fn fault_words(fault: &Fault, track: impl Fn(&TrackId) -> String) -> String {
    match fault {
        Fault::Configuration => "it is configured so that it cannot work".to_owned(),
        Fault::LinkDown => "its link is down".to_owned(),
        Fault::LinkGone => "its interface is gone".to_owned(),
        Fault::NoSource => "it has no source address".to_owned(),
        Fault::Track(id) => format!("{} failed", track(id)),
        Fault::Unheld => "the kernel refused every address".to_owned(),
    }
}

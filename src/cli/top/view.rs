// SPDX-License-Identifier: MIT OR Apache-2.0
//! The picture of a model: lines of styled words, as many as there is room for.

use std::time::Duration;

use super::model::{Model, Pane, Target, answers, question};
use crate::cli::ask::Look;
use crate::cli::status::up;
use crate::kernel::clock;
use crate::observe::page::{lasting, sum, wished};
use crate::observe::snapshot::lvs::{Lvs, Server, Service};
use crate::observe::snapshot::{Instance, State, Track};

/// Smaller than this nothing can be read.
pub(super) const WIDTH_MIN: usize = 40;
pub(super) const HEIGHT_MIN: usize = 8;
/// Older than this is said to be old.
const FRESH_SECONDS: u64 = 3;
const KEYS: &str = "arrows choose   w why   e events   d drain   n normal   ? keys   q quit";
const TEXT_KEYS: &str = "arrows scroll   escape back";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    Soft,
    Strong,
    Good,
    Calm,
    Bad,
    Warn,
}

impl Style {
    fn code(self) -> &'static str {
        match self {
            Style::Plain => "",
            Style::Soft => "2",
            Style::Strong => "1",
            Style::Good => "32",
            Style::Calm => "36",
            Style::Bad => "31",
            Style::Warn => "33",
        }
    }
}

/// A line of the screen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Line {
    words: Vec<(String, Style)>,
    /// It is the one that is chosen.
    chosen: bool,
}

impl Line {
    fn of(text: impl Into<String>, style: Style) -> Line {
        Line { words: vec![(text.into(), style)], chosen: false }
    }

    /// More words, in a column of this width and a blank.
    fn column(mut self, text: &str, style: Style, width: usize) -> Line {
        let blanks = width.saturating_sub(text.chars().count());
        self.words.push((format!("{} {}", clipped(text, width), " ".repeat(blanks)), style));
        self
    }

    fn rest(mut self, text: impl Into<String>, style: Style) -> Line {
        self.words.push((text.into(), style));
        self
    }

    #[cfg(test)]
    pub(super) fn text(&self) -> String {
        self.words.iter().map(|(text, _)| text.as_str()).collect::<String>().trim_end().to_owned()
    }
}

/// Not longer than this; what is left out is hinted at.
fn clipped(text: &str, width: usize) -> String {
    // What came from a configuration must not move the cursor.
    let clean = |c: char| if c.is_control() { ' ' } else { c };
    if text.chars().count() <= width {
        return text.chars().map(clean).collect();
    }
    let Some(kept) = width.checked_sub(1) else { return String::new() };
    text.chars().take(kept).map(clean).chain(['~']).collect()
}

/// The screen from its first line to its last. The model learns how much room there is.
pub(super) fn screen(model: &mut Model, width: usize, height: usize) -> Vec<Line> {
    if width < WIDTH_MIN || height < HEIGHT_MIN {
        return vec![Line::of(format!("too small: {WIDTH_MIN}x{HEIGHT_MIN} at least"), Style::Plain)];
    }
    let mut lines = head(model);
    // The foot has two lines.
    let room = height.saturating_sub(lines.len() + 2);
    model.room = room;
    let (body, foot, keys) = match &model.pane {
        Pane::Text { title, lines, from } => {
            let last = (from + room).min(lines.len());
            let shown = lines.get(*from..last).unwrap_or_default().iter();
            let place = format!("{title}: {} to {last} of {}", from + 1, lines.len());
            (shown.map(|line| Line::of(line.clone(), Style::Plain)).collect(), Line::of(place, Style::Soft), TEXT_KEYS)
        }
        Pane::Sure(wish) => (overview(model, room), Line::of(question(wish), Style::Warn), answers(wish)),
        Pane::Overview => {
            let said = model.said.as_deref().map(|said| Line::of(said.replace('\n', " "), Style::Warn));
            (overview(model, room), said.unwrap_or_default(), KEYS)
        }
    };
    lines.extend(body);
    lines.resize(height - 2, Line::default());
    lines.push(foot);
    lines.push(Line::of(keys, Style::Soft));
    lines
}

/// How it all stands in two lines, and how old that is.
fn head(model: &Model) -> Vec<Line> {
    let Some(look) = &model.look else {
        let why = model.trouble.as_deref().unwrap_or("waiting for the daemon");
        return vec![Line::of("steadfast", Style::Strong), Line::of(why, Style::Bad), Line::default()];
    };
    let count = |state| look.vrrp.instances.iter().filter(|one| one.state == state).count();
    let mut sums = Vec::new();
    if !look.vrrp.instances.is_empty() {
        sums.push(format!("{} master, {} backup", count(State::Master), count(State::Backup)));
    }
    let servers = || look.lvs.services.iter().flat_map(|service| &service.servers);
    if servers().next().is_some() {
        sums.push(format!("{} of {} real servers up", servers().filter(|one| one.up).count(), servers().count()));
    }
    let mut first = Line::of(format!("steadfast {}  ", look.daemon.version), Style::Strong);
    first = first.rest(sums.join("; "), Style::Plain);
    if count(State::Fault) > 0 {
        first = first.rest(format!("; {} fault", count(State::Fault)), Style::Bad);
    }
    let taken = Duration::try_from_secs_f64(look.vrrp.taken.max(look.lvs.taken)).unwrap_or_default();
    let age = match &model.trouble {
        Some(why) if model.age > 0 => Line::of(format!("old: no answer for {} s ({why})", model.age), Style::Bad),
        _ if model.age > FRESH_SECONDS => Line::of(format!("old: no answer for {} s", model.age), Style::Bad),
        _ => Line::of(format!("as of {}", clock::local_stamp(taken)), Style::Soft),
    };
    let mut lines = vec![first, age];
    lines.extend(look.unknown.iter().map(|why| Line::of(format!("not known: {why}"), Style::Bad)));
    lines.push(Line::default());
    lines
}

/// Everything, as far as there is room around what is chosen.
fn overview(model: &Model, room: usize) -> Vec<Line> {
    let Some(look) = &model.look else { return Vec::new() };
    let chosen = model.chosen();
    let mut lines = everything(look, chosen.as_ref());
    let at = lines.iter().position(|line| line.chosen).unwrap_or(0);
    // Half of the room above it, where there is so much.
    let from = (at.saturating_sub(room / 2)).min(lines.len().saturating_sub(room));
    lines.drain(..from);
    lines.truncate(room);
    lines
}

fn everything(look: &Look, chosen: Option<&Target>) -> Vec<Line> {
    let mut lines = Vec::new();
    let mark = |line: Line, target: Target| Line { chosen: chosen == Some(&target), ..line };
    if !look.vrrp.instances.is_empty() {
        lines.push(heading(&[("VIRTUAL ROUTER", 22), ("STATE", 6), ("FOR", 7), ("PRIORITY", 8)], "ADDRESSES"));
        for instance in &look.vrrp.instances {
            lines.push(mark(router(instance, look.vrrp.taken), Target::Instance(instance.name.clone())));
            lines.extend(troubles(instance).into_iter().map(|why| Line::of(format!("  {why}"), Style::Bad)));
            let stand = instance.stand.as_ref().map(|stand| wished(&stand.course, stand.ends_in));
            lines.extend(stand.map(|stand| Line::of(format!("  {stand}"), Style::Warn)));
        }
        lines.push(Line::default());
    }
    if !look.lvs.services.is_empty() {
        lines.push(heading(&[("VIRTUAL SERVER", 30), ("STATE", 6), ("FOR", 7), ("WEIGHT", 6), ("CONN", 6)], "CHECKS"));
        for service in &look.lvs.services {
            lines.push(mark(virtual_server(service, look.lvs.taken), Target::Service(service.name.clone())));
            for one in &service.servers {
                let target = Target::Server { name: one.name.clone(), of: service.name.clone() };
                lines.push(mark(real_server(one, service, &look.lvs), target));
            }
        }
        lines.push(Line::default());
    }
    if !look.vrrp.tracks.is_empty() {
        lines.push(heading(&[("TRACKED", 30), ("STATE", 13), ("KIND", 12)], "USED BY"));
        lines.extend(look.vrrp.tracks.iter().map(tracked));
    }
    if lines.is_empty() {
        lines.push(Line::of("the configuration has nothing to run", Style::Plain));
    }
    lines
}

fn heading(columns: &[(&str, usize)], last: &str) -> Line {
    let line = columns.iter().fold(Line::default(), |line, (name, width)| line.column(name, Style::Soft, *width));
    line.rest(last, Style::Soft)
}

fn style(state: State) -> Style {
    match state {
        State::Init => Style::Warn,
        State::Backup => Style::Calm,
        State::Master => Style::Good,
        State::Fault => Style::Bad,
    }
}

fn router(instance: &Instance, taken: f64) -> Line {
    let addresses: Vec<&str> = instance.addresses.iter().map(|one| one.address.as_str()).collect();
    let place = match (instance.state, &instance.master) {
        (State::Master, _) if instance.in_place => " (here)".to_owned(),
        (State::Master, _) => " (being added)".to_owned(),
        (State::Backup, Some(master)) => format!(" (at {})", master.address),
        _ => String::new(),
    };
    // Where it is comes first when there are many.
    let shown = match addresses.as_slice() {
        [first, _, ..] => format!("{first}{place} and {} more", addresses.len() - 1),
        _ => addresses.concat() + &place,
    };
    Line::default()
        .column(&instance.name, Style::Plain, 22)
        .column(instance.state.word(), style(instance.state), 6)
        .column(&lasting(taken - instance.since), Style::Plain, 7)
        .column(&instance.priority.to_string(), Style::Plain, 8)
        .rest(shown, Style::Plain)
}

fn troubles(instance: &Instance) -> Vec<String> {
    let faults = instance.faults.iter().map(|fault| format!("fault: {fault}"));
    let waits = instance.waits_for.iter().map(|what| format!("waits for {what}"));
    let other = instance.other_master.iter().map(|other| format!("another master speaks: {other}"));
    let rivals = instance.rivals.iter().map(|rival| format!("{} has {} too", rival.who, rival.address));
    let terms = instance.terms.iter().any(|term| term.adds.is_some_and(|adds| adds < 0));
    let sum = terms.then(|| format!("priority {}", sum(instance)));
    faults.chain(waits).chain(other).chain(rivals).chain(sum).collect()
}

fn virtual_server(service: &Service, taken: f64) -> Line {
    let (word, style) = if service.up { ("UP", Style::Good) } else { ("DOWN", Style::Bad) };
    let rest = match (&service.sorry, service.suspended) {
        (_, true) => "not checked: its address is elsewhere".to_owned(),
        (Some(sorry), false) if service.sorry_serves => format!("sorry server {sorry} serves"),
        _ => format!("quorum {}", service.quorum),
    };
    Line::default()
        .column(&service.name, Style::Strong, 30)
        .column(word, style, 6)
        .column(&lasting(taken - service.record.since), Style::Plain, 7)
        .column(&service.weight.to_string(), Style::Plain, 6)
        .column("", Style::Plain, 6)
        .rest(rest, Style::Soft)
}

fn real_server(server: &Server, service: &Service, lvs: &Lvs) -> Line {
    let drained = server.wish.as_ref().is_some_and(|wish| wish.what == "drain");
    let (word, style) = match (server.up, drained) {
        (true, true) => ("DRAIN", Style::Warn),
        (true, false) => ("UP", Style::Good),
        (false, _) => ("DOWN", Style::Bad),
    };
    let connections = lvs.counted(&service.name, &server.name).map(|counted| counted.active.to_string());
    let checks = server.checkers.iter().map(|check| match (&check.why, check.up, check.took) {
        (Some(why), _, _) => why.clone(),
        (None, Some(true), Some(took)) => format!("ok {:.1} ms", took * 1000.0),
        (None, Some(true), None) => "ok".to_owned(),
        (None, Some(false), _) => "failed".to_owned(),
        (None, None, _) => "not made yet".to_owned(),
    });
    let wish = server.wish.as_ref().map(|wish| wished(&wish.what, wish.ends_in));
    let checks: Vec<String> = wish.into_iter().chain(checks).collect();
    Line::default()
        .column(&format!("  {}", server.name), Style::Plain, 30)
        .column(word, style, 6)
        .column(&lasting(lvs.taken - server.record.since), Style::Plain, 7)
        .column(&server.weight.to_string(), Style::Plain, 6)
        .column(&connections.unwrap_or_default(), Style::Plain, 6)
        .rest(checks.join(", "), Style::Plain)
}

fn tracked(track: &Track) -> Line {
    let style = match track.up {
        Some(true) => Style::Good,
        Some(false) => Style::Bad,
        None => Style::Warn,
    };
    let uses: Vec<String> = track.used_by.iter().map(|one| format!("{} {:+}", one.instance, one.weight)).collect();
    Line::default()
        .column(&track.name, Style::Plain, 30)
        .column(up(track.up), style, 13)
        .column(&track.kind, Style::Plain, 12)
        .rest(uses.join(", "), Style::Plain)
}

/// What a terminal is sent to show these lines. Without colour what is chosen is still told from the rest.
pub(super) fn painted(lines: &[Line], width: usize, colour: bool) -> String {
    let mut text = "\x1b[H".to_owned();
    for (number, line) in lines.iter().enumerate() {
        if number > 0 {
            text.push_str("\r\n");
        }
        let mut left = width;
        for (words, style) in &line.words {
            let shown = clipped(words, left);
            left = left.saturating_sub(shown.chars().count());
            let code = if colour { style.code() } else { "" };
            match (line.chosen, code.is_empty()) {
                (true, _) => text.push_str(&format!("\x1b[7m{shown}\x1b[0m")),
                (false, true) => text.push_str(&shown),
                (false, false) => text.push_str(&format!("\x1b[{code}m{shown}\x1b[0m")),
            }
        }
        if line.chosen {
            text.push_str(&format!("\x1b[7m{}\x1b[0m", " ".repeat(left)));
        }
        text.push_str("\x1b[K");
    }
    text + "\x1b[J"
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The operator's language: what happens when, how long to run, and what to expect.
//!
//! ```text
//! at 10s cut a -> b        at 12s track a chk_haproxy down        at 20s heal
//! run 60s seeds 500        expect gap < 1s overlap < 300ms
//! ```
//!
//! Statements follow one another with or without a line between them; `#` starts a remark. Every name is looked up in
//! the [`Cast`] while reading, so a script that reads without an error refers to things that exist.

use std::fmt;
use std::time::Duration;

use super::net::{Rule, Segment, Station, Stations};
use super::random::Chance;

/// How many statements one script may hold.
pub const STATEMENTS_MAX: usize = 10_000;

/// The names a script may use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cast {
    pub nodes: Vec<CastNode>,
    pub segments: Vec<String>,
    /// Stations that only listen to claims of addresses.
    pub clients: Vec<String>,
}

/// The names within one node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CastNode {
    pub name: String,
    pub ports: Vec<String>,
    pub instances: Vec<String>,
    pub tracks: Vec<String>,
}

/// Something done to the world at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// A fault on links, until healed.
    Fault(Rule),
    /// Removes the faults on the links from some stations to others.
    Heal { from: Stations, to: Stations, segment: Option<Segment> },
    /// The host loses power: the daemon, the addresses and everything queued are gone.
    Crash(Station),
    /// The daemon alone is killed, its supervisor too: addresses stay where they are.
    Kill(Station),
    /// Starts a daemon after a crash, a kill or a stop.
    Start(Station),
    /// Ends the daemon in good order.
    Stop(Station),
    /// The daemon gets no processor time; frames queue in its sockets.
    Stall(Station, Duration),
    /// The whole host is suspended; frames pass it by, its clock goes on.
    Sleep(Station, Duration),
    /// The host's clock jumps ahead.
    Leap(Station, Duration),
    /// A tracked object gives a reading.
    Track(Station, usize, Observed),
    /// A network port loses or regains its link.
    Port(Station, usize, bool),
    /// A port loses or regains the address adverts are sent from.
    Source(Station, usize, bool),
    /// A reload changes the priority of an instance.
    Priority(Station, usize, u8),
    /// A reload changes the interval of an instance.
    Interval(Station, usize, Duration),
    /// A reload adds an address to an instance, or takes it away again.
    Address(Station, usize, bool),
    /// A reload takes an instance away, or brings it back.
    Member(Station, usize, bool),
    /// A reload of the same configuration.
    Reload(Station),
    /// How the kernel answers from now on.
    Kernel(Station, Manner),
    /// Somebody deletes the first virtual address of an instance.
    Snatch(Station, usize),
    /// Somebody sends the last advert of a segment once more, to everybody there.
    Replay { segment: Segment },
    /// Adverts that are none are sent on a segment at this pace for this long, with an instance's router number.
    Junk { segment: Segment, every: Duration, lasts: Duration },
}

/// A reading of a tracked object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Observed {
    Up,
    Down,
    Value(i64),
}

/// How a kernel answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Manner {
    Well,
    Slow(Duration),
    Refuses,
}

/// An action and when it happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Step {
    pub at: Duration,
    pub action: Action,
}

/// What must hold of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expectation {
    /// The longest time without a master.
    Gap(Duration),
    /// The longest time with two masters.
    Overlap(Duration),
    /// The longest time a client gets no answer.
    Outage(Duration),
    /// How many changes of state there are.
    Transitions(u64),
    /// Who is master at a moment, of one instance or of all.
    Master { node: Station, instance: Option<String>, at: Duration },
}

/// A script as read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    pub steps: Vec<Step>,
    pub lasts: Duration,
    /// How many runs, each with another seed, and the first seed.
    pub seeds: u64,
    pub first_seed: u64,
    /// The delay of a link without faults.
    pub delay: (Duration, Duration),
    pub expectations: Vec<Expectation>,
}

impl Default for Script {
    fn default() -> Script {
        Script {
            steps: Vec::new(),
            lasts: Duration::from_secs(60),
            seeds: 1,
            first_seed: 1,
            delay: (Duration::from_micros(100), Duration::from_millis(1)),
            expectations: Vec::new(),
        }
    }
}

/// Why a script cannot be read: the line, the word it stopped at, and what would have been understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptError {
    pub line: usize,
    pub text: String,
}

impl fmt::Display for ScriptError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "line {}: {}", self.line, self.text)
    }
}

impl std::error::Error for ScriptError {}

/// Reads a script.
pub fn parse(text: &str, cast: &Cast) -> Result<Script, ScriptError> {
    let mut reader = Reader::new(text, cast);
    let mut script = Script::default();
    let mut statements = 0;
    while let Some(word) = reader.next() {
        statements += 1;
        if statements > STATEMENTS_MAX {
            return Err(reader.error(format!("more than {STATEMENTS_MAX} statements")));
        }
        match word {
            "at" => {
                let at = reader.time()?;
                script.steps.extend(reader.actions()?.into_iter().map(|action| Step { at, action }));
            }
            "run" => reader.run(&mut script)?,
            "delay" => script.delay = reader.delay()?,
            "expect" => reader.expect(&mut script)?,
            other => return Err(reader.unknown("statement", other, &["at", "run", "delay", "expect"])),
        }
    }
    script.steps.sort_by_key(|step| step.at);
    if let Some(late) = script.steps.iter().find(|step| step.at > script.lasts) {
        let text = format!(
            "a step at {:?} comes after the end of the run at {:?}: say `run {:?}` or more",
            late.at, script.lasts, late.at
        );
        return Err(ScriptError { line: reader.line(), text });
    }
    Ok(script)
}

const ACTIONS: &[&str] = &[
    "cut", "clog", "loss", "copy", "late", "corrupt", "delay", "pass", "split", "heal", "crash", "kill", "start",
    "restart", "stop", "stall", "sleep", "leap", "track", "link", "source", "priority", "reload", "kernel", "snatch",
    "junk",
];

/// The directions of a path, and the segment it is on.
type Path = (Vec<(Stations, Stations)>, Option<Segment>);

struct Reader<'a> {
    words: Vec<(usize, &'a str)>,
    at: usize,
    cast: &'a Cast,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str, cast: &'a Cast) -> Reader<'a> {
        let mut words = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let said = line.split('#').next().unwrap_or("");
            words.extend(said.split_whitespace().map(|word| (index + 1, word)));
        }
        Reader { words, at: 0, cast }
    }

    fn next(&mut self) -> Option<&'a str> {
        let word = self.peek()?;
        self.at += 1;
        Some(word)
    }

    fn peek(&self) -> Option<&'a str> {
        self.words.get(self.at).map(|(_, word)| *word)
    }

    /// Takes the next word if it is this one.
    fn take(&mut self, wanted: &str) -> bool {
        let same = self.peek() == Some(wanted);
        if same {
            self.at += 1;
        }
        same
    }

    /// The line of the word read last.
    fn line(&self) -> usize {
        self.words.get(self.at.saturating_sub(1)).map_or(1, |(line, _)| *line)
    }

    fn error(&self, text: impl Into<String>) -> ScriptError {
        ScriptError { line: self.line(), text: text.into() }
    }

    fn unknown(&self, what: &str, word: &str, known: &[&str]) -> ScriptError {
        let hint = match nearest(word, known) {
            Some(near) => format!("did you mean `{near}`"),
            None if known.is_empty() => format!("there is no {what} to name"),
            None => format!("known are {}", known.join(", ")),
        };
        self.error(format!("unknown {what} `{word}`: {hint}"))
    }

    fn word(&mut self, what: &str) -> Result<&'a str, ScriptError> {
        self.next().ok_or_else(|| self.error(format!("the script ends where {what} is expected")))
    }

    fn time(&mut self) -> Result<Duration, ScriptError> {
        let word = self.word("a time")?;
        parse_time(word).ok_or_else(|| {
            self.error(format!("`{word}` is no time: write a number and a unit, as in 300ms, 1.5s or 2m"))
        })
    }

    fn number(&mut self, what: &str) -> Result<u64, ScriptError> {
        let word = self.word(what)?;
        word.parse().map_err(|_| self.error(format!("`{word}` is no number: {what} is expected")))
    }

    fn chance(&mut self) -> Result<Chance, ScriptError> {
        let word = self.word("a percentage")?;
        parse_chance(word).ok_or_else(|| self.error(format!("`{word}` is no percentage: write 0% to 100%, as in 2.5%")))
    }

    fn name(&mut self, what: &str, known: &[&str]) -> Result<usize, ScriptError> {
        let word = self.word(&format!("the name of a {what}"))?;
        known.iter().position(|name| *name == word).ok_or_else(|| self.unknown(what, word, known))
    }

    fn node(&mut self) -> Result<Station, ScriptError> {
        let cast = self.cast;
        let known: Vec<&str> = cast.nodes.iter().map(|node| node.name.as_str()).collect();
        self.name("node", &known).map(station)
    }

    fn within(
        &mut self,
        what: &str,
        node: Station,
        names: fn(&CastNode) -> &Vec<String>,
    ) -> Result<usize, ScriptError> {
        let cast = self.cast;
        let known: Vec<&str> = cast
            .nodes
            .get(usize::from(node.0))
            .map(|node| names(node).iter().map(String::as_str).collect())
            .unwrap_or_default();
        self.name(what, &known)
    }

    fn segment(&mut self) -> Result<Segment, ScriptError> {
        let cast = self.cast;
        let known: Vec<&str> = cast.segments.iter().map(String::as_str).collect();
        self.name("segment", &known).map(|at| Segment(u8::try_from(at).unwrap_or(0)))
    }

    /// `all`, or the names of nodes and clients with commas between them.
    fn stations(&mut self) -> Result<Stations, ScriptError> {
        let word = self.word("the name of a node, or `all`")?;
        if word == "all" {
            return Ok(Stations::ALL);
        }
        let cast = self.cast;
        let known: Vec<&str> = cast.stations().collect();
        let place = |name: &str| known.iter().position(|other| *other == name).map(station);
        word.split(',').map(|name| place(name).ok_or_else(|| self.unknown("node", name, &known))).collect()
    }

    /// `a` (everything from and to a), `a -> b` or `a <-> b`, then perhaps `on SEGMENT`. Gives a pair of sets for
    /// every direction.
    fn path(&mut self) -> Result<Path, ScriptError> {
        let from = self.stations()?;
        let pairs = if self.take("->") {
            vec![(from, self.stations()?)]
        } else if self.take("<->") {
            let to = self.stations()?;
            vec![(from, to), (to, from)]
        } else if from == Stations::ALL {
            vec![(from, from)]
        } else {
            vec![(from, Stations::ALL), (Stations::ALL, from)]
        };
        Ok((pairs, self.on_segment()?))
    }

    fn on_segment(&mut self) -> Result<Option<Segment>, ScriptError> {
        if self.take("on") { self.segment().map(Some) } else { Ok(None) }
    }
}

impl Cast {
    /// The names of all stations: nodes, then clients.
    pub fn stations(&self) -> impl Iterator<Item = &str> {
        self.nodes.iter().map(|node| node.name.as_str()).chain(self.clients.iter().map(String::as_str))
    }
}

fn station(at: usize) -> Station {
    Station(u8::try_from(at).unwrap_or(u8::MAX))
}

/// A number with a unit.
pub fn parse_time(word: &str) -> Option<Duration> {
    let unit_at = word.find(|letter: char| letter.is_ascii_alphabetic())?;
    let (number, unit) = word.split_at(unit_at);
    let nanos_per_unit: u64 = match unit {
        "us" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    };
    decimal(number, nanos_per_unit).map(Duration::from_nanos)
}

/// A decimal number times a factor, in integers throughout so that equal texts give equal times everywhere.
fn decimal(number: &str, factor: u64) -> Option<u64> {
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() || !number.chars().all(|c| c.is_ascii_digit() || c == '.') || part.len() > 9 {
        return None;
    }
    let whole = whole.parse::<u64>().ok()?.checked_mul(factor)?;
    let scale = 10_u64.pow(u32::try_from(part.len()).ok()?);
    let part = if part.is_empty() { 0 } else { part.parse::<u64>().ok()? };
    whole.checked_add(u64::try_from(u128::from(part) * u128::from(factor) / u128::from(scale)).ok()?)
}

fn parse_chance(word: &str) -> Option<Chance> {
    let parts = decimal(word.strip_suffix('%')?, 100)?;
    u16::try_from(parts).ok().map(Chance).filter(|chance| *chance <= Chance::CERTAIN)
}

/// The known word closest to what was written, if it is close enough to be meant.
fn nearest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    let limit = (word.len() / 3).max(1);
    known
        .iter()
        .map(|other| (distance(word, other), *other))
        .filter(|(far, _)| *far <= limit)
        .min()
        .map(|(_, near)| near)
}

/// How many letters must be added, dropped or replaced to turn one word into the other.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, letter) in one.chars().enumerate() {
        let mut corner = line;
        let mut left = line + 1;
        for (column, facing) in other.iter().enumerate() {
            let above = row.get(column + 1).copied().unwrap_or(usize::MAX - 1);
            let cell = (corner + usize::from(letter != *facing)).min(above + 1).min(left + 1);
            corner = above;
            if let Some(slot) = row.get_mut(column) {
                *slot = left;
            }
            left = cell;
        }
        if let Some(slot) = row.last_mut() {
            *slot = left;
        }
    }
    row.last().copied().unwrap_or(0)
}

mod statements;
#[cfg(test)]
mod tests;
pub mod write;

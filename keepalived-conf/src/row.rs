// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a keyword row says: names, argument shapes, ranges, defaults, documentation, origin and status.

use std::fmt::{self, Write as _};

use crate::diagnostic::Class;
use crate::seen::Key;

/// Who understands a keyword.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// keepalived has it.
    #[default]
    Upstream,
    /// Only Steadfast has it.
    Steadfast,
}

/// A release of keepalived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(pub u16, pub u16, pub u16);

impl Version {
    /// The newest release whose keywords are known here.
    pub const NEWEST_UPSTREAM: Version = Version(2, 4, 3);

    /// `2.4.3` or `2.4`.
    pub fn parse(text: &str) -> Option<Version> {
        let mut parts = text.split('.').map(|part| part.parse::<u16>().ok());
        let version = Version(parts.next()??, parts.next()??, parts.next().unwrap_or(Some(0))?);
        if parts.next().is_some() { None } else { Some(version) }
    }

    /// The first version that has what a row's `since` says.
    pub fn of_since(since: &str) -> Version {
        if let Some(last) = since.strip_prefix("after ").and_then(Version::parse) {
            return Version(last.0, last.1, last.2 + 1);
        }
        Version::parse(since).unwrap_or(Version(0, 0, 0))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

/// Whether what a keyword promises is done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Status {
    #[default]
    Done,
    /// Read and kept, but without its effect; the text says what is missing.
    NotYet(&'static str),
    /// Read without effect, as keepalived does; the text says why.
    NoEffect(&'static str),
    /// Works, but another spelling is the current one.
    Deprecated(&'static str),
}

/// What happens when a keyword is written a second time in one block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Again {
    /// The last one counts.
    #[default]
    Last,
    /// The first one counts; later ones are an error.
    First,
    /// Each one adds to the list.
    Adds,
}

/// How much a word is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Need {
    /// Without it keepalived ends at once.
    Must,
    /// Without it the line is an error and ignored.
    Wanted,
    Optional,
}

/// The shape of one argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `on true yes off false no`, or nothing for true.
    Bool,
    Int {
        min: i64,
        max: i64,
        strict: bool,
    },
    /// A decimal number in a unit, kept with `digits` places: seconds or milliseconds.
    Time {
        unit: Unit,
        digits: u8,
        min_micros: u64,
        max_micros: u64,
        strict: bool,
    },
    Choice(&'static [&'static str]),
    Address,
    Interface,
    Script,
    /// A free word, named for the reader.
    Word(&'static str),
    /// Something its own parser reads; the text is its syntax.
    Syntax(&'static str),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Seconds,
    Milliseconds,
}

/// Whole number, read leniently as keepalived does: `12abc` is 12 with a remark.
pub const fn int(min: i64, max: i64) -> Shape {
    Shape::Int { min, max, strict: false }
}

/// Whole number and nothing else.
pub const fn strict_int(min: i64, max: i64) -> Shape {
    Shape::Int { min, max, strict: true }
}

/// Seconds with up to `digits` places.
pub const fn seconds(digits: u8, min: f64, max: f64) -> Shape {
    Shape::Time {
        unit: Unit::Seconds,
        digits,
        min_micros: (min * 1_000_000.0 + 0.5) as u64,
        max_micros: (max * 1_000_000.0 + 0.5) as u64,
        strict: false,
    }
}

/// Seconds from `min` up to what a counter of microseconds holds.
pub const fn long_seconds(min: f64) -> Shape {
    Shape::Time {
        unit: Unit::Seconds,
        digits: 6,
        min_micros: (min * 1_000_000.0 + 0.5) as u64,
        max_micros: u64::MAX / 1_000_000 * 1_000_000,
        strict: false,
    }
}

/// Milliseconds with up to three places, and nothing else.
pub const fn milliseconds(min: u64, max: u64) -> Shape {
    Shape::Time { unit: Unit::Milliseconds, digits: 3, min_micros: min * 1000, max_micros: max * 1000, strict: true }
}

#[derive(Clone, Copy, Debug)]
pub struct Arg {
    pub shape: Shape,
    pub need: Need,
}

/// What is known about a keyword beside its effect.
#[derive(Clone, Debug)]
pub struct Row {
    pub name: &'static str,
    pub args: Vec<Arg>,
    /// For a list: the syntax of an entry.
    pub entry: &'static str,
    pub default: &'static str,
    /// What happens outside the range, or to what cannot be read.
    pub otherwise: &'static str,
    pub doc: &'static str,
    /// Further remarks, such as where it differs from keepalived.
    pub note: &'static str,
    pub example: &'static str,
    /// First release of keepalived (or Steadfast) with this keyword in this block.
    pub since: &'static str,
    pub again: Again,
    pub origin: Origin,
    pub status: Status,
    /// How keepalived grades that the keyword is used at all.
    pub class: Class,
    pub(crate) key: Key,
}

impl Row {
    /// The argument syntax as the reference prints it.
    pub fn usage(&self) -> String {
        let mut text = String::new();
        for arg in &self.args {
            if !text.is_empty() {
                text.push(' ');
            }
            // Writing to a String cannot fail.
            let _ = match arg.need {
                Need::Must | Need::Wanted => write!(text, "{}", arg.shape),
                Need::Optional => write!(text, "[{}]", arg.shape),
            };
        }
        text
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Shape::Bool => f.write_str("on|off"),
            Shape::Int { min, max, .. } => write!(f, "{min}..{max}"),
            Shape::Time { unit, min_micros, max_micros, .. } => {
                let (name, scale) = match unit {
                    Unit::Seconds => ("SECONDS", 1_000_000.0),
                    Unit::Milliseconds => ("MILLISECONDS", 1000.0),
                };
                write!(f, "{name} {}..", *min_micros as f64 / scale)?;
                if *max_micros < u64::MAX / 2 { write!(f, "{}", *max_micros as f64 / scale) } else { Ok(()) }
            }
            Shape::Choice(words) => f.write_str(&words.join("|")),
            Shape::Address => f.write_str("ADDRESS"),
            Shape::Interface => f.write_str("INTERFACE"),
            Shape::Script => f.write_str("SCRIPT [USER [[:]GROUP]]"),
            Shape::Word(name) | Shape::Syntax(name) => f.write_str(name),
        }
    }
}

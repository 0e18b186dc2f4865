// SPDX-License-Identifier: MIT OR Apache-2.0
//! One question to a name server, and whether what comes back answers it (RFC 1035 section 4).
//!
//! An answer is good when the server says that it worked: code 0, whatever it found. It must be well formed as far as it
//! goes, since nobody could use it otherwise. Names are walked with a bound, so that one which refers to itself ends.

use std::fmt;

const HEADER: usize = 12;
/// A response (RFC 1035 section 4.1.1).
const RESPONSE: u8 = 0x80;
/// It did not fit, so it may end anywhere.
const TRUNCATED: u8 = 0x02;
const RECURSION_DESIRED: u8 = 0x01;
const CLASS_IN: u16 = 1;

/// Longest label, and longest name as it stands in a message (RFC 1035 section 2.3.4).
const LABEL_MAX: usize = 63;
const NAME_MAX: usize = 255;
/// A name has at most this many labels, and following more pointers than that leads nowhere new.
const HOPS_MAX: usize = 128;
/// Type, class, time to live and length of a record.
const RECORD_FIXED: usize = 10;

/// A question as it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    bytes: Vec<u8>,
}

/// A name that cannot be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameFault {
    EmptyLabel,
    LongLabel,
    LongName,
}

/// What a datagram is to a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Not an answer to it; the real one may still come.
    Foreign(Foreign),
    Good,
    /// The server answers that it cannot: the code.
    Refused(u8),
    /// An answer nobody could use.
    Malformed(Flaw),
}

/// Why a datagram is no answer to the question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Foreign {
    Short,
    Id,
    NoResponse,
    /// It answers another question.
    Question,
}

/// What is wrong with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// It ends within a record although it does not say that it was truncated.
    CutOff,
    /// A name that refers to itself, or to what comes later.
    Loop,
    LongName,
    /// A label of a kind that does not exist.
    Label,
}

impl Query {
    /// A recursive query of class IN. `id` should be hard to guess.
    pub fn new(id: u16, name: &str, kind: u16) -> Result<Query, NameFault> {
        let mut bytes = Vec::with_capacity(HEADER + name.len() + 6);
        bytes.extend_from_slice(&id.to_be_bytes());
        bytes.extend_from_slice(&[RECURSION_DESIRED, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
        let name = name.strip_suffix('.').unwrap_or(name);
        if !name.is_empty() {
            for label in name.split('.') {
                let length = u8::try_from(label.len()).map_err(|_| NameFault::LongLabel)?;
                match label.len() {
                    0 => return Err(NameFault::EmptyLabel),
                    1..=LABEL_MAX => bytes.push(length),
                    _ => return Err(NameFault::LongLabel),
                }
                bytes.extend_from_slice(label.as_bytes());
            }
        }
        bytes.push(0);
        if bytes.len() - HEADER > NAME_MAX {
            return Err(NameFault::LongName);
        }
        bytes.extend_from_slice(&kind.to_be_bytes());
        bytes.extend_from_slice(&CLASS_IN.to_be_bytes());
        Ok(Query { bytes })
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Judges a datagram that came from where the query went.
    pub fn judge(&self, datagram: &[u8]) -> Answer {
        let message = Message(datagram);
        let Some(&[id_high, id_low, flags, code, ..]) = datagram.get(..HEADER) else {
            return Answer::Foreign(Foreign::Short);
        };
        if Some(&[id_high, id_low][..]) != self.bytes.get(..2) {
            return Answer::Foreign(Foreign::Id);
        }
        if flags & RESPONSE == 0 {
            return Answer::Foreign(Foreign::NoResponse);
        }
        let code = code & 0x0f;
        // Some servers do not repeat the question when they refuse it.
        let mut at = HEADER;
        for number in 0..message.count(4) {
            match message.question(at) {
                Ok(end) => {
                    if number == 0 && !self.asks(datagram.get(at..end).unwrap_or_default()) {
                        return Answer::Foreign(Foreign::Question);
                    }
                    at = end;
                }
                Err(flaw) => return Answer::Malformed(flaw),
            }
        }
        if code != 0 {
            return Answer::Refused(code);
        }
        let records = message.count(6) + message.count(8) + message.count(10);
        for _ in 0..records {
            match message.record(at) {
                Ok(end) => at = end,
                Err(Flaw::CutOff) if flags & TRUNCATED != 0 => break,
                Err(flaw) => return Answer::Malformed(flaw),
            }
        }
        Answer::Good
    }

    /// Whether it is our question. Servers may write names in other letters.
    fn asks(&self, question: &[u8]) -> bool {
        self.bytes.get(HEADER..).is_some_and(|own| own.eq_ignore_ascii_case(question))
    }
}

/// A message somebody else wrote.
#[derive(Clone, Copy)]
struct Message<'m>(&'m [u8]);

impl Message<'_> {
    fn short(self, at: usize) -> Option<usize> {
        let bytes = self.0.get(at..at.checked_add(2)?)?;
        Some(bytes.iter().fold(0, |number, byte| number << 8 | usize::from(*byte)))
    }

    /// One of the counts in the header.
    fn count(self, at: usize) -> usize {
        self.short(at).unwrap_or(0)
    }

    /// Where the question at `at` ends.
    fn question(self, at: usize) -> Result<usize, Flaw> {
        self.within(self.name(at)? + 4)
    }

    /// Where the record at `at` ends.
    fn record(self, at: usize) -> Result<usize, Flaw> {
        let fixed = self.name(at)?;
        let length = self.short(fixed + RECORD_FIXED - 2).ok_or(Flaw::CutOff)?;
        self.within(fixed + RECORD_FIXED + length)
    }

    fn within(self, end: usize) -> Result<usize, Flaw> {
        if end <= self.0.len() { Ok(end) } else { Err(Flaw::CutOff) }
    }

    /// Where the name at `at` ends. Pointers lead backwards only (RFC 1035 section 4.1.4), each further than the one
    /// before.
    fn name(self, at: usize) -> Result<usize, Flaw> {
        let mut here = at;
        let mut end = None;
        let mut lowest = at;
        let mut length = 1_usize;
        for _ in 0..HOPS_MAX {
            let head = usize::from(*self.0.get(here).ok_or(Flaw::CutOff)?);
            match head >> 6 {
                0 if head == 0 => return Ok(end.unwrap_or(here + 1)),
                0 => {
                    length += head + 1;
                    if length > NAME_MAX {
                        return Err(Flaw::LongName);
                    }
                    here = self.within(here + 1 + head)?;
                }
                3 => {
                    let target = self.short(here).ok_or(Flaw::CutOff)? & 0x3fff;
                    end = end.or(Some(here + 2));
                    if target >= lowest {
                        return Err(Flaw::Loop);
                    }
                    lowest = target;
                    here = target;
                }
                _ => return Err(Flaw::Label),
            }
        }
        Err(Flaw::Loop)
    }
}

/// The name of a response code (RFC 6895 section 2.3).
pub fn code_name(code: u8) -> &'static str {
    match code {
        0 => "NOERROR",
        1 => "FORMERR",
        2 => "SERVFAIL",
        3 => "NXDOMAIN",
        4 => "NOTIMP",
        5 => "REFUSED",
        6 => "YXDOMAIN",
        7 => "YXRRSET",
        8 => "NXRRSET",
        9 => "NOTAUTH",
        10 => "NOTZONE",
        11 => "DSOTYPENI",
        _ => "an unknown code",
    }
}

impl fmt::Display for NameFault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            NameFault::EmptyLabel => "a part of the name is empty",
            NameFault::LongLabel => "a part of the name has more than 63 characters",
            NameFault::LongName => "the name has more than 253 characters",
        })
    }
}

impl fmt::Display for Foreign {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Foreign::Short => "shorter than a header",
            Foreign::Id => "with another id",
            Foreign::NoResponse => "that was a query",
            Foreign::Question => "to another question",
        })
    }
}

impl fmt::Display for Flaw {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Flaw::CutOff => "it ends within a record and is not marked as truncated",
            Flaw::Loop => "a name in it refers to itself",
            Flaw::LongName => "a name in it has more than 255 bytes",
            Flaw::Label => "a name in it has a label of an unknown kind",
        })
    }
}

#[cfg(test)]
mod tests;

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Talking to a mail server (RFC 5321): its replies, the greeting of a check, and handing in mail.
//!
//! Replies are read as one stream, so nothing depends on how they were cut into packets. Replies of several lines are
//! replies like any other.

pub mod mail;

use std::fmt;

use super::excerpt;

/// The longest line of a reply that is read; RFC 5321 section 4.5.3.1.5 allows 512.
pub const LINE_MAX: usize = 2048;
/// Lines of one reply that are read. Real greetings have a handful.
pub const LINES_MAX: usize = 100;

/// What a server said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub code: u16,
    /// Its last line, fit for a message.
    pub text: String,
}

/// Why a server's words are no conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    LongLine,
    ManyLines,
    /// Not three digits and then a blank, a hyphen or the end.
    NoReply(String),
    /// Lines of one reply carry different codes.
    Codes(u16, u16),
    /// A reply, but not the one that lets us go on.
    Unexpected {
        to: &'static str,
        wanted: u16,
        reply: Reply,
    },
}

/// What to do after the server's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// The reply is not complete.
    Listen,
    Say(Vec<u8>),
    Done,
}

/// Cuts a stream into replies.
#[derive(Clone, Debug, Default)]
struct Ear {
    line: Vec<u8>,
    lines: usize,
    code: Option<u16>,
}

impl Ear {
    /// Takes from `bytes` what belongs to this line; whole lines come out without their end.
    fn line(&mut self, bytes: &mut &[u8]) -> Result<Option<Vec<u8>>, Fault> {
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let (taken, rest) = bytes.split_at(end.map_or(bytes.len(), |end| end + 1));
        *bytes = rest;
        if self.line.len() + taken.len() > LINE_MAX {
            return Err(Fault::LongLine);
        }
        self.line.extend_from_slice(taken);
        if end.is_none() {
            return Ok(None);
        }
        let mut line = std::mem::take(&mut self.line);
        line.pop();
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        Ok(Some(line))
    }

    /// The next whole reply in `bytes`, if it ends there.
    fn reply(&mut self, bytes: &mut &[u8]) -> Result<Option<Reply>, Fault> {
        while !bytes.is_empty() {
            let Some(line) = self.line(bytes)? else { break };
            let (code, last) = code_of(&line).ok_or_else(|| Fault::NoReply(excerpt(&line)))?;
            if let Some(first) = self.code.filter(|first| *first != code) {
                return Err(Fault::Codes(first, code));
            }
            if last {
                *self = Ear::default();
                return Ok(Some(Reply { code, text: excerpt(&line) }));
            }
            self.code = Some(code);
            self.lines += 1;
            if self.lines >= LINES_MAX {
                return Err(Fault::ManyLines);
            }
        }
        Ok(None)
    }
}

/// The code a line starts with, and whether it is the last of its reply.
fn code_of(line: &[u8]) -> Option<(u16, bool)> {
    let (digits, rest) = line.split_at_checked(3)?;
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let code = digits.iter().fold(0, |code, digit| code * 10 + u16::from(digit - b'0'));
    match rest.first() {
        None | Some(b' ') => Some((code, true)),
        Some(b'-') => Some((code, false)),
        Some(_) => None,
    }
}

/// Text that goes into a command or a header: nothing in it may end the line.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// The conversation of a check: greeting 220, HELO, 250, QUIT, and anything that is one line.
#[derive(Clone, Debug)]
pub struct Greeting {
    helo: Vec<u8>,
    stage: Stage,
    ear: Ear,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Greeting,
    Helo,
    Quit,
    Over,
}

impl Greeting {
    pub fn new(helo: &str) -> Greeting {
        let helo = format!("HELO {}\r\n", one_line(helo)).into_bytes();
        Greeting { helo, stage: Stage::Greeting, ear: Ear::default() }
    }

    /// What is waited for, in words.
    pub fn awaited(&self) -> &'static str {
        match self.stage {
            Stage::Greeting => "greeting",
            Stage::Helo => "answer to HELO",
            Stage::Quit => "answer to QUIT",
            Stage::Over => "end",
        }
    }

    /// Takes what the server said.
    pub fn hear(&mut self, mut bytes: &[u8]) -> Result<Turn, Fault> {
        let mut said = Vec::new();
        while !bytes.is_empty() {
            let wanted = match self.stage {
                Stage::Greeting => 220,
                Stage::Helo => 250,
                Stage::Quit => match self.ear.line(&mut bytes)? {
                    None => break,
                    Some(_) => {
                        self.stage = Stage::Over;
                        return Ok(Turn::Done);
                    }
                },
                Stage::Over => return Ok(Turn::Done),
            };
            let Some(reply) = self.ear.reply(&mut bytes)? else { break };
            if reply.code != wanted {
                let to = if self.stage == Stage::Greeting { "the connection" } else { "HELO" };
                return Err(Fault::Unexpected { to, wanted, reply });
            }
            if self.stage == Stage::Greeting {
                self.stage = Stage::Helo;
                said.extend_from_slice(&self.helo);
            } else {
                self.stage = Stage::Quit;
                said.extend_from_slice(b"QUIT\r\n");
            }
        }
        Ok(if said.is_empty() { Turn::Listen } else { Turn::Say(said) })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::LongLine => write!(out, "the server's line is longer than {LINE_MAX} bytes"),
            Fault::ManyLines => write!(out, "the server's reply has more than {LINES_MAX} lines"),
            Fault::NoReply(line) => write!(out, "the server's line is no SMTP reply: \"{line}\""),
            Fault::Codes(first, then) => write!(out, "one reply of the server has the codes {first} and {then}"),
            Fault::Unexpected { to, wanted, reply } => {
                write!(out, "the server answers {to} with \"{}\" instead of {wanted}", reply.text)
            }
        }
    }
}

#[cfg(test)]
mod tests;

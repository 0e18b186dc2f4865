// SPDX-License-Identifier: MIT OR Apache-2.0
//! `UDP_CHECK`: a datagram, and perhaps an answer.

use std::sync::LazyLock;

use super::check::{self, Checker, Common, Connection, Connects, Timed, Timing};
use super::codes::{HEX, REPLY_LENGTH};
use super::real_server::{self, RealServer};
use super::shared::Shared;
use crate::diagnostic::{Class, Diagnostic};
use crate::schema::{Block, Node, Seen, Shape, kw, strict_int};
use crate::value::Args;

const REPLY_LENGTH_DEFAULT: u16 = 255;

#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct UdpCheck {
    pub timing: Shared<Timing>,
    pub connection: Connection,
    /// What is sent; the checker has a text of its own when this is absent.
    pub payload: Option<Box<[u8]>>,
    pub require_reply: bool,
    /// What an answer must look like.
    pub reply: Option<Box<Reply>>,
    pub min_reply_length: u16,
    /// Unwritten it counts only for an answer that must look like something.
    pub max_reply_length: Option<u16>,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub seen: Seen,
}

/// Bytes to compare an answer with, over the shorter of both lengths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Reply {
    pub bytes: Vec<u8>,
    /// Which bits of each byte count.
    pub mask: Vec<u8>,
}

impl Reply {
    pub fn matches(&self, answer: &[u8]) -> bool {
        let expected = self.bytes.iter().zip(&self.mask);
        expected.zip(answer).all(|((byte, mask), got)| (byte ^ got) & mask == 0)
    }
}

impl UdpCheck {
    /// The most bytes a required answer may have.
    pub fn longest_reply(&self) -> Option<u16> {
        self.max_reply_length.or(self.reply.as_ref().map(|_| REPLY_LENGTH_DEFAULT))
    }
}

impl Node for UdpCheck {
    fn seen(&mut self) -> &mut Seen {
        &mut self.seen
    }
}

impl Timed for UdpCheck {
    fn timing(&mut self) -> &mut Timing {
        self.timing.to_mut()
    }
}

impl Connects for UdpCheck {
    fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }
}

pub static BLOCK: LazyLock<Block<UdpCheck>> = LazyLock::new(|| {
    let mut rows = check::rows(&Common::NEWER);
    rows.extend([
        kw("payload")
            .arg(Shape::Syntax("HEX..."))
            .default("32 bytes of text")
            .otherwise("the line is ignored")
            .doc("Bytes to send. Digits pair up within a word; a single digit is a byte too.")
            .since("2.2.0")
            .set(|check: &mut UdpCheck, args| {
                if !args.given() {
                    args.word();
                } else if let Some(Reply { bytes, .. }) = hex(args, false) {
                    check.payload = Some(bytes.into());
                }
            }),
        kw("require_reply")
            .opt(Shape::Syntax("HEX..."))
            .default("no answer is needed")
            .otherwise("any answer is required")
            .doc("Requires an answer, and perhaps one with these bytes; `x` stands for any digit.")
            .note("Compared over the shorter of both lengths.")
            .since("2.1.0")
            .set(|check: &mut UdpCheck, args| {
                check.require_reply = true;
                if args.given() {
                    check.reply = hex(args, true).map(Box::new);
                }
            }),
        kw("min_reply_length")
            .must(strict_int(0, 65535))
            .default("0")
            .otherwise("the line is ignored")
            .doc("Shortest answer that counts.")
            .since("2.2.0")
            .set(|check: &mut UdpCheck, args| {
                if let Some(length) = args.num() {
                    check.min_reply_length = length;
                }
            }),
        kw("max_reply_length")
            .must(strict_int(0, 65535))
            .default("255")
            .otherwise("the line is ignored")
            .doc("Longest answer that counts.")
            .note("255 is only for an answer that must have certain bytes; without those, any length will do.")
            .since("2.2.0")
            .set(|check: &mut UdpCheck, args| {
                if let Some(length) = args.num() {
                    check.max_reply_length = Some(length);
                }
            }),
    ]);
    Block::new("UDP_CHECK", rows)
});

/// Bytes in hexadecimal, from all words that are left.
fn hex(args: &mut Args<'_, '_>, wildcards: bool) -> Option<Reply> {
    let mut reply = Reply::default();
    for word in args.rest() {
        for pair in word.text.as_bytes().chunks(2) {
            let mut byte = 0;
            let mut mask = 0;
            for digit in pair {
                let (value, bits) = match char::from(*digit) {
                    'x' | 'X' if wildcards => (0, 0),
                    digit => match digit.to_digit(16) {
                        Some(value) => (value as u8, 0x0f),
                        None => {
                            args.reject(HEX, Class::General, word.span, "expected hexadecimal digits");
                            return None;
                        }
                    },
                };
                byte = byte << 4 | value;
                mask = mask << 4 | bits;
            }
            // A single digit is a whole byte.
            if pair.len() == 1 && mask != 0 {
                mask = 0xff;
            }
            reply.bytes.push(byte);
            reply.mask.push(mask);
        }
    }
    Some(reply)
}

pub(crate) fn open(server: &mut RealServer, _: &mut Args<'_, '_>) -> Option<UdpCheck> {
    Some(UdpCheck {
        timing: Timing::built_in(),
        connection: Connection::to(real_server::target(server)),
        payload: None,
        require_reply: false,
        reply: None,
        min_reply_length: 0,
        max_reply_length: None,
        seen: Seen::default(),
    })
}

pub(crate) fn close(server: &mut RealServer, check: UdpCheck, args: &mut Args<'_, '_>) {
    let (min, max) = (check.min_reply_length, check.max_reply_length.unwrap_or(REPLY_LENGTH_DEFAULT));
    if min > max {
        // keepalived holds the default against every answer, and says so at its test.
        let then = if check.max_reply_length.is_some() || check.reply.is_some() {
            "then: the check always fails"
        } else {
            "then: an answer of any greater length counts; with keepalived the check always fails"
        };
        let finding = Diagnostic::error(REPLY_LENGTH, format!("no reply has at least {min} and at most {max} bytes"))
            .at(check.seen.span_or_head("min_reply_length"), "")
            .note(then)
            .hint("raise `max_reply_length`");
        args.push(finding);
    }
    real_server::keep(server, check, args, Checker::Udp);
}

#[cfg(test)]
mod tests;

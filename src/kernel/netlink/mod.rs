// SPDX-License-Identifier: MIT OR Apache-2.0
//! Netlink as bytes: requests are built, answers are read. `socket` sends them, `writer` does so on a thread of its own.
//!
//! The reader takes any bytes: what does not parse ends the iteration, nothing panics. Numbers are in the machine's own
//! order, except where a getter says otherwise.

pub mod socket;
pub mod writer;

#[cfg(test)]
mod tests;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use nix::errno::Errno;

pub use socket::{Room, Socket};
pub use writer::{Done, Job, Writer};

const HEADER: usize = 16;
const ATTRIBUTE_HEADER: usize = 4;
/// Attribute lengths have sixteen bits; the two upper bits of the type are flags.
const ATTRIBUTE_MAX: usize = u16::MAX as usize - ATTRIBUTE_HEADER;
const ATTRIBUTE_TYPE: u16 = 0x3fff;

pub const REQUEST: u16 = 0x1;
const MULTI: u16 = 0x2;
const ACK: u16 = 0x4;
const DUMP_INTERRUPTED: u16 = 0x10;
pub const DUMP: u16 = 0x300;
pub const REPLACE: u16 = 0x100;
pub const EXCLUSIVE: u16 = 0x200;
pub const CREATE: u16 = 0x400;
pub const APPEND: u16 = 0x800;
const CAPPED: u16 = 0x100;
const ACK_ATTRIBUTES: u16 = 0x200;

const TYPE_ERROR: u16 = 2;
const TYPE_DONE: u16 = 3;
const ERROR_TEXT: u16 = 1;

fn aligned(length: usize) -> usize {
    length.saturating_add(3) & !3
}

/// One request, complete but for its sequence number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    kind: u16,
    flags: u16,
    body: Vec<u8>,
    harmless: &'static [i32],
    overlong: bool,
}

impl Request {
    /// `header` is the family's fixed part.
    pub fn new(kind: u16, flags: u16, header: &[u8]) -> Request {
        let mut body = Vec::with_capacity(128);
        body.extend_from_slice(header);
        body.resize(aligned(body.len()), 0);
        Request { kind, flags: flags | REQUEST, body, harmless: &[], overlong: false }
    }

    /// Error numbers that mean the kernel is already as wanted; they count as success.
    pub fn harmless(mut self, errors: &'static [i32]) -> Request {
        self.harmless = errors;
        self
    }

    pub fn attribute(&mut self, kind: u16, value: &[u8]) -> &mut Request {
        match u16::try_from(value.len() + ATTRIBUTE_HEADER) {
            Ok(length) => {
                self.body.extend_from_slice(&length.to_ne_bytes());
                self.body.extend_from_slice(&kind.to_ne_bytes());
                self.body.extend_from_slice(value);
                self.body.resize(aligned(self.body.len()), 0);
            }
            Err(_) => self.overlong = true,
        }
        self
    }

    pub fn u8(&mut self, kind: u16, value: u8) -> &mut Request {
        self.attribute(kind, &[value])
    }

    pub fn u16(&mut self, kind: u16, value: u16) -> &mut Request {
        self.attribute(kind, &value.to_ne_bytes())
    }

    pub fn u32(&mut self, kind: u16, value: u32) -> &mut Request {
        self.attribute(kind, &value.to_ne_bytes())
    }

    /// Network order, whatever the machine's.
    pub fn u64_be(&mut self, kind: u16, value: u64) -> &mut Request {
        self.attribute(kind, &value.to_be_bytes())
    }

    /// Text with its closing zero.
    pub fn text(&mut self, kind: u16, value: &str) -> &mut Request {
        let mut bytes = Vec::with_capacity(value.len() + 1);
        bytes.extend_from_slice(value.as_bytes());
        bytes.push(0);
        self.attribute(kind, &bytes)
    }

    pub fn address(&mut self, kind: u16, value: IpAddr) -> &mut Request {
        match value {
            IpAddr::V4(address) => self.attribute(kind, &address.octets()),
            IpAddr::V6(address) => self.attribute(kind, &address.octets()),
        }
    }

    /// An attribute that holds the attributes `fill` adds.
    pub fn nested(&mut self, kind: u16, fill: impl FnOnce(&mut Request)) -> &mut Request {
        let start = self.body.len();
        self.body.extend_from_slice(&[0; ATTRIBUTE_HEADER]);
        fill(self);
        let length = self.body.len() - start;
        if length > ATTRIBUTE_MAX + ATTRIBUTE_HEADER {
            self.overlong = true;
        }
        let [low, high] = (length as u16).to_ne_bytes();
        let [kind_low, kind_high] = kind.to_ne_bytes();
        if let Some(header) = self.body.get_mut(start..start + ATTRIBUTE_HEADER) {
            header.copy_from_slice(&[low, high, kind_low, kind_high]);
        }
        self
    }

    /// Bytes between attributes, for the few structures that are laid out by hand.
    pub fn raw(&mut self, bytes: &[u8]) -> &mut Request {
        self.body.extend_from_slice(bytes);
        self.body.resize(aligned(self.body.len()), 0);
        self
    }

    /// What the request asks for, by the kernel's number.
    pub fn kind(&self) -> u16 {
        self.kind
    }

    /// The bytes after the netlink header.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Type, flags and body, for another process to send it.
    pub fn parts(&self) -> (u16, u16, &[u8]) {
        (self.kind, self.flags, &self.body)
    }

    /// The request of these parts.
    pub fn from_parts(kind: u16, flags: u16, body: &[u8]) -> Request {
        Request::new(kind, flags, body)
    }

    /// Whether some attribute had more bytes than an attribute can have. Such a request is refused before it is sent.
    pub fn is_overlong(&self) -> bool {
        self.overlong
    }

    pub fn encode(&self, sequence: u32, acknowledge: bool, out: &mut Vec<u8>) {
        let flags = if acknowledge { self.flags | ACK } else { self.flags };
        out.extend_from_slice(&((HEADER + self.body.len()) as u32).to_ne_bytes());
        out.extend_from_slice(&self.kind.to_ne_bytes());
        out.extend_from_slice(&flags.to_ne_bytes());
        out.extend_from_slice(&sequence.to_ne_bytes());
        // The kernel fills in who sent it.
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&self.body);
    }

    fn tolerates(&self, errno: i32) -> bool {
        self.harmless.contains(&errno)
    }
}

/// Why the kernel refused a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub errno: i32,
    /// The kernel's own sentence, when it has one.
    pub text: Option<String>,
}

impl Refusal {
    pub fn new(errno: i32) -> Refusal {
        Refusal { errno, text: None }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", Errno::from_raw(self.errno).desc().to_lowercase())?;
        match &self.text {
            Some(text) => write!(out, " ({text})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Refusal {}

/// One message from the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    pub kind: u16,
    pub flags: u16,
    pub sequence: u32,
    /// Whose request caused it: a socket's own number, 0 for the kernel itself.
    pub port: u32,
    pub body: &'a [u8],
}

impl<'a> Message<'a> {
    /// The verdict on a request, when this message is one. A dump's end is a verdict on the dump.
    pub fn verdict(&self) -> Option<Result<(), Refusal>> {
        if self.kind != TYPE_ERROR && self.kind != TYPE_DONE {
            return None;
        }
        let errno = i32_at(self.body, 0).unwrap_or(0);
        if errno == 0 {
            return Some(Ok(()));
        }
        Some(Err(Refusal { errno: errno.saturating_neg(), text: self.verdict_text() }))
    }

    fn verdict_text(&self) -> Option<String> {
        if self.flags & ACK_ATTRIBUTES == 0 {
            return None;
        }
        let skip = match self.kind {
            TYPE_DONE => 4,
            _ if self.flags & CAPPED != 0 => 4 + HEADER,
            _ => 4 + aligned(usize::try_from(u32_at(self.body, 4)?).ok()?),
        };
        let text = Attributes::new(self.body.get(skip..)?).find(|attribute| attribute.kind == ERROR_TEXT)?;
        text.text().map(str::to_owned)
    }

    /// The attributes behind a fixed part of `header` bytes.
    pub fn attributes(&self, header: usize) -> Attributes<'a> {
        Attributes::new(self.body.get(aligned(header)..).unwrap_or_default())
    }

    fn ends_dump(&self) -> bool {
        self.kind == TYPE_DONE
    }

    fn was_interrupted(&self) -> bool {
        self.flags & DUMP_INTERRUPTED != 0
    }

    fn is_part(&self) -> bool {
        self.flags & MULTI != 0
    }
}

/// The messages in one datagram; ends at the first that does not parse.
#[derive(Clone, Debug)]
pub struct Messages<'a>(&'a [u8]);

impl<'a> Messages<'a> {
    pub fn new(datagram: &'a [u8]) -> Messages<'a> {
        Messages(datagram)
    }
}

impl<'a> Iterator for Messages<'a> {
    type Item = Message<'a>;

    fn next(&mut self) -> Option<Message<'a>> {
        let length = usize::try_from(u32_at(self.0, 0)?).ok()?;
        let body = self.0.get(HEADER..length)?;
        let message = Message {
            kind: u16_at(self.0, 4)?,
            flags: u16_at(self.0, 6)?,
            sequence: u32_at(self.0, 8)?,
            port: u32_at(self.0, 12)?,
            body,
        };
        self.0 = self.0.get(aligned(length)..).unwrap_or_default();
        Some(message)
    }
}

/// Attributes one after another; ends at the first that does not parse.
#[derive(Clone, Debug)]
pub struct Attributes<'a>(&'a [u8]);

impl<'a> Attributes<'a> {
    pub fn new(bytes: &'a [u8]) -> Attributes<'a> {
        Attributes(bytes)
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Attribute<'a>;

    fn next(&mut self) -> Option<Attribute<'a>> {
        let length = usize::from(u16_at(self.0, 0)?);
        let kind = u16_at(self.0, 2)? & ATTRIBUTE_TYPE;
        let value = self.0.get(ATTRIBUTE_HEADER..length)?;
        self.0 = self.0.get(aligned(length)..).unwrap_or_default();
        Some(Attribute { kind, value })
    }
}

/// One attribute. Getters answer `None` when the value has not the size they need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attribute<'a> {
    pub kind: u16,
    pub value: &'a [u8],
}

impl<'a> Attribute<'a> {
    pub fn u8(&self) -> Option<u8> {
        self.value.first().copied()
    }

    pub fn u16(&self) -> Option<u16> {
        u16_at(self.value, 0)
    }

    pub fn u32(&self) -> Option<u32> {
        u32_at(self.value, 0)
    }

    pub fn bytes<const N: usize>(&self) -> Option<[u8; N]> {
        self.value.try_into().ok()
    }

    /// Text up to its closing zero.
    pub fn text(&self) -> Option<&'a str> {
        let bytes = self.value.split(|byte| *byte == 0).next()?;
        std::str::from_utf8(bytes).ok()
    }

    pub fn address(&self) -> Option<IpAddr> {
        match self.value.len() {
            4 => self.bytes::<4>().map(|bytes| Ipv4Addr::from(bytes).into()),
            16 => self.bytes::<16>().map(|bytes| Ipv6Addr::from(bytes).into()),
            _ => None,
        }
    }

    pub fn attributes(&self) -> Attributes<'a> {
        Attributes::new(self.value)
    }
}

/// Numbers inside fixed headers.
pub(super) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.get(at..at.checked_add(2)?)?.try_into().ok()?))
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

fn i32_at(bytes: &[u8], at: usize) -> Option<i32> {
    Some(i32::from_ne_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

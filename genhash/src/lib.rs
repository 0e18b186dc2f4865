// SPDX-License-Identifier: MIT OR Apache-2.0
//! The HTTP exchange of HTTP_GET and genhash: which bytes are asked with, and what of the answer is hashed. Pure: bytes
//! in, bytes out.
//!
//! The digest is over the body as it was transferred: chunks are not put together, and nothing is followed or decoded.
//! When the header says `Content-Length:` in just this spelling, wherever that stands, so many bytes count at most, and
//! bytes beyond it do not: the digests that configurations hold were made like this.

pub mod usage;

use std::net::SocketAddr;

use md5::Md5;
use sha2::{Digest, Sha256};

/// A header that is longer is not one.
pub const HEADER_MAX: usize = 64 * 1024;

/// A body that is longer is not read to its end.
pub const BODY_MAX: u64 = 64 << 20;

/// The version of HTTP that is spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    #[default]
    V1_0,
    /// 1.0, and the server is asked to close.
    V1_0Close,
    V1_1,
}

impl Protocol {
    /// `1.0`, `1.0c`, `1.0C` or `1.1`.
    pub fn parse(text: &str) -> Option<Protocol> {
        match text {
            "1.0" => Some(Protocol::V1_0),
            "1.0c" | "1.0C" => Some(Protocol::V1_0Close),
            "1.1" => Some(Protocol::V1_1),
            _ => None,
        }
    }
}

/// The bytes that ask for `path`. Without a virtual host the address stands for it.
pub fn request(path: &str, virtual_host: Option<&str>, address: SocketAddr, protocol: Protocol) -> Vec<u8> {
    let minor = u8::from(protocol == Protocol::V1_1);
    let close = if protocol == Protocol::V1_0 { "" } else { "Connection: close\r\n" };
    let host = virtual_host.map_or_else(|| address.to_string(), str::to_owned);
    format!("GET {path} HTTP/1.{minor}\r\nUser-Agent: KeepAliveClient\r\n{close}Host: {host}\r\n\r\n").into_bytes()
}

/// The name in what a Host header says: without the port.
pub fn host_name(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') && port.bytes().all(|digit| digit.is_ascii_digit()) => name,
        _ => host,
    }
}

/// Which digest is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    #[default]
    Md5,
    Sha256,
}

#[derive(Clone)]
enum Sum {
    Nothing,
    Md5(Md5),
    Sha256(Sha256),
}

/// An answer that is being read.
#[derive(Clone)]
pub struct Answer {
    head: Vec<u8>,
    /// Where the body begins in `head`, once the header is complete.
    body_at: Option<usize>,
    /// Bytes that may still be hashed.
    left: Option<u64>,
    sum: Sum,
    /// How long the header says that the body is.
    length: Option<u64>,
    /// Bytes of the body that came.
    received: u64,
    body: Vec<u8>,
    /// How much of the body is kept.
    keep: usize,
    /// Something could not be kept.
    lacks_memory: bool,
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Answer { head, body_at, left, sum: _, length, received, body: _, keep, lacks_memory } = self;
        f.debug_struct("Answer")
            .field("head", &head.len())
            .field("body_at", body_at)
            .field("left", left)
            .field("length", length)
            .field("received", received)
            .field("keep", keep)
            .field("lacks_memory", lacks_memory)
            .finish()
    }
}

/// What came of an answer that has a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// With the blank line that ends it.
    pub header: Vec<u8>,
    /// Empty when none was wanted.
    pub digest: Vec<u8>,
    /// How long the header says that the body is.
    pub length: Option<u64>,
    /// Bytes of the body that came.
    pub received: u64,
    /// As much of them as was to be kept.
    pub body: Vec<u8>,
}

impl Answer {
    /// `keep` bytes of the body are kept beside its digest.
    pub fn new(kind: Option<Kind>, keep: usize) -> Answer {
        let sum = match kind {
            None => Sum::Nothing,
            Some(Kind::Md5) => Sum::Md5(Md5::new()),
            Some(Kind::Sha256) => Sum::Sha256(Sha256::new()),
        };
        let (head, body) = (Vec::new(), Vec::new());
        Answer { head, body_at: None, left: None, sum, length: None, received: 0, body, keep, lacks_memory: false }
    }

    /// Takes the next bytes of the answer; gives those of them that were hashed.
    pub fn take<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        let body = if self.body_at.is_some() { bytes } else { self.take_head(bytes) };
        let body = first(body, self.length.map(|length| length.saturating_sub(self.received)));
        self.received += body.len() as u64;
        let room = self.keep.saturating_sub(self.body.len());
        self.lacks_memory |= !keep(&mut self.body, first(body, Some(room as u64)));
        let hashed = first(body, self.left);
        if let Some(left) = &mut self.left {
            *left -= hashed.len() as u64;
        }
        match &mut self.sum {
            Sum::Nothing => {}
            Sum::Md5(sum) => sum.update(hashed),
            Sum::Sha256(sum) => sum.update(hashed),
        }
        hashed
    }

    /// Looks for the end of the header; gives what follows it.
    fn take_head<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        let before = self.head.len();
        let room = HEADER_MAX.saturating_sub(before);
        self.lacks_memory |= !keep(&mut self.head, first(bytes, Some(room as u64)));
        let Some(body_at) = end_of_header(&self.head, before.saturating_sub(3)) else { return &[] };
        self.head.truncate(body_at);
        self.body_at = Some(body_at);
        self.left = hashed_length(&self.head);
        self.length = field(&self.head, b"Content-Length").and_then(number);
        bytes.get(body_at.saturating_sub(before)..).unwrap_or_default()
    }

    /// Bytes that came so far, header and body.
    pub fn total(&self) -> u64 {
        self.head.len() as u64 + self.received
    }

    /// The header with the blank line that ends it, once it is complete.
    pub fn header(&self) -> Option<&[u8]> {
        self.body_at.and_then(|end| self.head.get(..end))
    }

    /// The beginning of the answer, be it a header or not.
    pub fn beginning(&self) -> &[u8] {
        &self.head
    }

    /// Whether what came so far can no longer become a header.
    pub fn is_hopeless(&self) -> bool {
        self.body_at.is_none() && self.head.len() >= HEADER_MAX
    }

    /// Whether all came that the header says will come.
    pub fn is_complete(&self) -> bool {
        self.length.is_some_and(|length| self.received >= length)
    }

    /// Whether more came than is read.
    pub fn is_too_long(&self) -> bool {
        self.received > BODY_MAX
    }

    /// Whether this machine had no memory for what came: then nothing can be said about the answer.
    pub fn lacks_memory(&self) -> bool {
        self.lacks_memory
    }

    /// How long the header says that the body is.
    pub fn length(&self) -> Option<u64> {
        self.length
    }

    /// Bytes of the body that came.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// What came, `None` when there was no header.
    pub fn finish(self) -> Option<Fetched> {
        self.body_at?;
        let digest = match self.sum {
            Sum::Nothing => Vec::new(),
            Sum::Md5(sum) => sum.finalize().to_vec(),
            Sum::Sha256(sum) => sum.finalize().to_vec(),
        };
        let Answer { head: header, length, received, body, .. } = self;
        Some(Fetched { header, digest, length, received, body })
    }
}

impl Fetched {
    /// The first line, without its end.
    pub fn status_line(&self) -> &[u8] {
        let line = self.header.split(|byte| *byte == b'\n').next().unwrap_or_default();
        line.strip_suffix(b"\r").unwrap_or(line)
    }

    /// The three digits after the first blank of the first line, when they are a word of their own. The word before is
    /// not looked at, and nothing needs to follow.
    pub fn status(&self) -> Option<u16> {
        let mut words = self.status_line().splitn(3, |byte| *byte == b' ').skip(1);
        let digits = words.next().filter(|word| word.len() == 3 && word.iter().all(u8::is_ascii_digit))?;
        number(digits).and_then(|status| u16::try_from(status).ok())
    }

    /// Whether less of the body came than the header promised.
    pub fn is_short(&self) -> bool {
        self.length.is_some_and(|length| self.received < length)
    }

    /// What was kept of the body, chunks put together. One that is cut inside is given as far as it goes. `None` when this
    /// machine has no memory for it.
    pub fn text(&self) -> Option<std::borrow::Cow<'_, [u8]>> {
        let coding = field(&self.header, b"Transfer-Encoding").unwrap_or_default();
        if !coding.to_ascii_lowercase().ends_with(b"chunked") {
            return Some(self.body.as_slice().into());
        }
        let mut together = Vec::new();
        // Chunks are never longer than what carries them.
        together.try_reserve_exact(self.body.len()).ok()?;
        Some(if join(&self.body, &mut together).is_some() { together.into() } else { self.body.as_slice().into() })
    }
}

/// The first of the bytes, all of them when there is no limit.
fn first(bytes: &[u8], limit: Option<u64>) -> &[u8] {
    let most = limit.map_or(bytes.len(), |limit| usize::try_from(limit).unwrap_or(usize::MAX).min(bytes.len()));
    bytes.get(..most).unwrap_or_default()
}

/// Where the blank line ends that ends the header. Lines may end without a carriage return (RFC 9112 section 2.2).
fn end_of_header(head: &[u8], from: usize) -> Option<usize> {
    let searched = head.get(from..)?;
    searched.iter().enumerate().filter(|(_, byte)| **byte == b'\n').find_map(|(at, _)| {
        let rest = searched.get(at + 1..).unwrap_or_default();
        let blank = if rest.starts_with(b"\n") { 1 } else { 2 };
        (blank == 1 || rest.starts_with(b"\r\n")).then_some(from + at + 1 + blank)
    })
}

/// The value of a field of the header.
fn field<'h>(header: &'h [u8], name: &[u8]) -> Option<&'h [u8]> {
    header.split(|byte| *byte == b'\n').skip(1).find_map(|line| {
        let value = line.strip_prefix(name)?.strip_prefix(b":")?;
        Some(value.trim_ascii())
    })
}

/// How much of the body counts for its digest. Found as keepalived finds it: anywhere, and in this spelling only.
fn hashed_length(header: &[u8]) -> Option<u64> {
    const NAME: &[u8] = b"Content-Length:";
    let at = header.windows(NAME.len()).position(|window| window == NAME)?;
    let value = header.get(at + NAME.len()..)?;
    let digits = value.iter().skip_while(|byte| **byte == b' ').take_while(|byte| byte.is_ascii_digit());
    number(&digits.copied().collect::<Vec<u8>>())
}

/// Decimal digits and nothing else.
fn number(digits: &[u8]) -> Option<u64> {
    let digits = std::str::from_utf8(digits).ok()?;
    digits.parse().ok().filter(|_| digits.bytes().all(|digit| digit.is_ascii_digit()))
}

/// Puts chunks together (RFC 9112 section 7.1); `None` when they are none.
fn join(mut rest: &[u8], body: &mut Vec<u8>) -> Option<()> {
    loop {
        let end = rest.iter().position(|byte| *byte == b'\n')?;
        let line = rest.get(..end)?.split(|byte| matches!(byte, b';' | b'\r')).next()?;
        let size = usize::from_str_radix(std::str::from_utf8(line.trim_ascii()).ok()?, 16).ok()?;
        rest = rest.get(end + 1..)?;
        if size == 0 {
            return Some(());
        }
        body.extend_from_slice(rest.get(..size.min(rest.len()))?);
        rest = rest.get(size.min(rest.len())..)?;
        rest = rest.strip_prefix(b"\r\n").or(rest.strip_prefix(b"\n")).unwrap_or(rest);
        if rest.is_empty() {
            return Some(());
        }
    }
}

/// Appends, if there is memory for it; says whether there was.
fn keep(to: &mut Vec<u8>, bytes: &[u8]) -> bool {
    let fits = to.try_reserve(bytes.len()).is_ok();
    if fits {
        to.extend_from_slice(bytes);
    }
    fits
}

/// The digest of bytes.
pub fn digest(kind: Kind, bytes: &[u8]) -> Vec<u8> {
    match kind {
        Kind::Md5 => Md5::digest(bytes).to_vec(),
        Kind::Sha256 => Sha256::digest(bytes).to_vec(),
    }
}

/// In hexadecimal, as configurations write it.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Bytes as people look at them: offset, two columns of eight, and the printable characters.
pub fn dump(bytes: &[u8]) -> String {
    let mut text = String::new();
    for (number, line) in bytes.chunks(16).enumerate() {
        let column = |part: &[u8]| -> String {
            (0..8).map(|at| part.get(at).map_or_else(|| "   ".to_owned(), |byte| format!("{byte:02x} "))).collect()
        };
        let (left, right) = line.split_at(line.len().min(8));
        let printable: String =
            line.iter().map(|byte| if (0x20..0x7f).contains(byte) { char::from(*byte) } else { '.' }).collect();
        text.push_str(&format!("{:04}  {}- {}  {printable:<16}\n", number * 16, column(left), column(right)));
    }
    text
}

#[cfg(test)]
mod tests;

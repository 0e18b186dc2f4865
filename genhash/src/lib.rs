//! The HTTP exchange of HTTP_GET and genhash: which bytes are asked with, and what of the answer is hashed. Pure: bytes
//! in, bytes out.
//!
//! The digest is over the body as it was transferred: chunks are not put together, and nothing is followed or decoded.
//! When the answer says `Content-Length:` in just this spelling, so many bytes count at most; bytes beyond it do not.

use std::net::SocketAddr;

use md5::Md5;
use sha2::{Digest, Sha256};

/// A request longer than this is cut, as keepalived does.
pub const REQUEST_MAX: usize = 2047;

/// A header that is longer is not one.
pub const HEADER_MAX: usize = 4095;

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
    let text = format!("GET {path} HTTP/1.{minor}\r\nUser-Agent: KeepAliveClient\r\n{close}Host: {host}\r\n\r\n");
    let mut bytes = text.into_bytes();
    bytes.truncate(REQUEST_MAX);
    bytes
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
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Answer { head, body_at, left, sum: _ } = self;
        f.debug_struct("Answer").field("head", &head.len()).field("body_at", body_at).field("left", left).finish()
    }
}

impl Answer {
    pub fn new(kind: Kind) -> Answer {
        let sum = match kind {
            Kind::Md5 => Sum::Md5(Md5::new()),
            Kind::Sha256 => Sum::Sha256(Sha256::new()),
        };
        Answer { head: Vec::new(), body_at: None, left: None, sum }
    }

    /// Takes the next bytes of the answer; gives those of them that were hashed.
    pub fn take<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        let body = if self.body_at.is_some() { bytes } else { self.take_head(bytes) };
        let most = self.left.map_or(body.len(), |left| usize::try_from(left).unwrap_or(usize::MAX).min(body.len()));
        let hashed = body.get(..most).unwrap_or_default();
        if let Some(left) = &mut self.left {
            *left -= hashed.len() as u64;
        }
        match &mut self.sum {
            Sum::Md5(sum) => sum.update(hashed),
            Sum::Sha256(sum) => sum.update(hashed),
        }
        hashed
    }

    /// Looks for the end of the header; gives what follows it.
    fn take_head<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        let before = self.head.len();
        let room = HEADER_MAX.saturating_sub(before);
        self.head.extend_from_slice(bytes.get(..room.min(bytes.len())).unwrap_or_default());
        let Some(end) = self.head.windows(4).position(|window| window == b"\r\n\r\n") else { return &[] };
        let body_at = end + 4;
        self.body_at = Some(body_at);
        self.left = content_length(self.head.get(..body_at).unwrap_or_default());
        self.head.truncate(body_at);
        bytes.get(body_at.saturating_sub(before)..).unwrap_or_default()
    }

    /// The header with the blank line that ends it, once it is complete.
    pub fn header(&self) -> Option<&[u8]> {
        self.body_at.and_then(|end| self.head.get(..end))
    }

    /// Whether what came so far can still become a header.
    pub fn is_hopeless(&self) -> bool {
        self.body_at.is_none() && self.head.len() >= HEADER_MAX
    }

    /// The three digits after the first blank, when a blank follows them. The word before is not looked at.
    pub fn status(&self) -> Option<u16> {
        let header = self.header()?;
        let blank = header.iter().position(|byte| *byte == b' ')?;
        let digits = header.get(blank + 1..blank + 4)?;
        let ends = header.get(blank + 4) == Some(&b' ');
        let number = std::str::from_utf8(digits).ok()?;
        (ends && number.bytes().all(|byte| byte.is_ascii_digit())).then(|| number.parse().ok())?
    }

    /// The digest; `None` when there was no header.
    pub fn digest(self) -> Option<Vec<u8>> {
        self.body_at?;
        Some(match self.sum {
            Sum::Md5(sum) => sum.finalize().to_vec(),
            Sum::Sha256(sum) => sum.finalize().to_vec(),
        })
    }
}

/// What `Content-Length:` says. Other spellings are not looked for: hashes made with keepalived would change.
fn content_length(header: &[u8]) -> Option<u64> {
    const NAME: &[u8] = b"Content-Length:";
    let at = header.windows(NAME.len()).position(|window| window == NAME)?;
    let value = header.get(at + NAME.len()..)?;
    let digits: Vec<u8> =
        value.iter().copied().skip_while(|byte| *byte == b' ').take_while(u8::is_ascii_digit).collect();
    std::str::from_utf8(&digits).ok()?.parse().ok()
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

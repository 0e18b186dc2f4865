// SPDX-License-Identifier: MIT OR Apache-2.0
//! ICMP echo requests and whether what comes back is their reply (RFC 792, RFC 4443 section 4).

use std::net::IpAddr;

/// The text all our packets carry, as keepalived's do.
const PHRASE: &[u8] = b"keepalived check - ";
/// Bytes after the header.
pub const PAYLOAD: usize = 128;
const HEADER: usize = 8;
/// The longest packet that can be a reply, with an IPv4 header before it.
pub const PACKET_MAX: usize = 60 + HEADER + PAYLOAD;

/// A request as it is sent. The checksum of IPv6, which covers the addresses, is the kernel's affair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Echo {
    bytes: Vec<u8>,
    v6: bool,
    /// The kernel of a datagram socket puts its own identifier in, and gives us only what carries it.
    any_identifier: bool,
}

/// What a packet is to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Reply,
    /// Somebody else's, or an older one's; ours may still come.
    Foreign,
    /// A reply to this request whose text is not what was sent.
    Changed,
}

impl Echo {
    /// `identifier` is `None` where the kernel chooses it.
    pub fn new(target: IpAddr, identifier: Option<u16>, sequence: u16) -> Echo {
        let v6 = target.is_ipv6();
        let mut bytes = Vec::with_capacity(HEADER + PAYLOAD);
        bytes.extend_from_slice(&[if v6 { 128 } else { 8 }, 0, 0, 0]);
        bytes.extend_from_slice(&identifier.unwrap_or(0).to_be_bytes());
        bytes.extend_from_slice(&sequence.to_be_bytes());
        bytes.extend(PHRASE.iter().cycle().take(PAYLOAD));
        if !v6 {
            let sum = checksum(&bytes).to_be_bytes();
            bytes[2..4].copy_from_slice(&sum);
        }
        Echo { bytes, v6, any_identifier: identifier.is_none() }
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Judges a packet that came from the target. `with_header`: an IPv4 header stands before it.
    pub fn judge(&self, packet: &[u8], with_header: bool) -> Answer {
        let message = if with_header && !self.v6 { after_header(packet) } else { Some(packet) };
        let Some((head, text)) = message.and_then(|message| message.split_at_checked(HEADER)) else {
            return Answer::Foreign;
        };
        let (own_head, own_text) = self.bytes.split_at(HEADER);
        let reply = if self.v6 { 129 } else { 0 };
        let ours = head[..2] == [reply, 0]
            && (self.any_identifier || head[4..6] == own_head[4..6])
            && head[6..8] == own_head[6..8];
        match ours {
            false => Answer::Foreign,
            true if text == own_text => Answer::Reply,
            true => Answer::Changed,
        }
    }
}

fn after_header(packet: &[u8]) -> Option<&[u8]> {
    let first = *packet.first()?;
    let length = usize::from(first & 0x0f) * 4;
    if first >> 4 != 4 || length < 20 { None } else { packet.get(length..) }
}

/// RFC 1071.
fn checksum(bytes: &[u8]) -> u16 {
    let mut sum: u32 = 0;
    for pair in bytes.chunks(2) {
        let low = pair.get(1).copied().unwrap_or(0);
        sum += u32::from(u16::from_be_bytes([pair[0], low]));
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

#[cfg(test)]
mod tests;

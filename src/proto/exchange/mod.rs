// SPDX-License-Identifier: MIT OR Apache-2.0
//! What checks and mail say over the network, and how they read the answers: bytes in, bytes out. Whoever owns the
//! socket and the clock feeds them.

pub mod dns;
pub mod echo;
pub mod smtp;

/// Foreign text as one line of a log: printable ASCII, and no more than this many characters of it.
const EXCERPT_MAX: usize = 60;

/// The start of foreign bytes, fit for a message.
pub fn excerpt(bytes: &[u8]) -> String {
    let mut text: String = bytes
        .iter()
        .take(EXCERPT_MAX)
        .map(|byte| if byte.is_ascii_graphic() || *byte == b' ' { char::from(*byte) } else { '.' })
        .collect();
    if bytes.len() > EXCERPT_MAX {
        text.push_str("...");
    }
    text
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the checker and steadfast-web say to each other. A packet is a line of JSON; bytes of an answer follow it, or
//! stand in a sealed text beside it when they are many.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use genhash::{Fetched, Kind};
use serde::{Deserialize, Serialize};

use crate::kernel::bundle::Bundle;
use crate::kernel::seqpacket::{End, PACKET_MAX, Packet};

/// Bytes of an answer that still go into the packet itself.
const INLINE_MAX: usize = 32 * 1024;

/// To steadfast-web.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ask {
    /// What to present to servers; said once, first.
    Present(Credentials),
    /// The connection beside this is to be spoken TLS over.
    Fetch(Task),
}

/// The `SSL` block.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credentials {
    pub password: Option<Vec<u8>>,
    pub ca: Option<String>,
    pub certificate: Option<String>,
    pub key: Option<String>,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Credentials { password, ca, certificate, key } = self;
        f.debug_struct("Credentials")
            .field("password", &password.as_ref().map(|_| "********"))
            .field("ca", ca)
            .field("certificate", certificate)
            .field("key", key)
            .finish()
    }
}

/// One exchange.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    pub id: u64,
    /// The server that is asked for while TLS is set up.
    pub name: Option<String>,
    pub request: String,
    /// For the handshake, in milliseconds.
    pub handshake_ms: u64,
    /// For the whole answer.
    pub answer_ms: u64,
    pub digest: Option<Sum>,
    /// How much of the body is wanted.
    pub keep: usize,
    /// TLS is ended properly.
    pub compliant: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sum {
    Md5,
    Sha256,
}

impl From<Sum> for Kind {
    fn from(sum: Sum) -> Kind {
        match sum {
            Sum::Md5 => Kind::Md5,
            Sum::Sha256 => Kind::Sha256,
        }
    }
}

/// From steadfast-web.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// What is to be presented cannot be. Every check has to wait for a better configuration.
    Unpresentable { why: String },
    /// An answer came; the header and the body follow.
    Fetched { id: u64, digest: Vec<u8>, length: Option<u64>, received: u64, header: usize },
    /// None did, and it is the server's fault.
    Bad { id: u64, why: String },
    /// None did, and it is ours.
    Ours { id: u64, why: String },
}

/// The packet for a question.
pub fn asked(ask: &Ask) -> io::Result<Vec<u8>> {
    let bytes = serde_json::to_vec(ask)?;
    if bytes.len() > PACKET_MAX {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the request is too long"));
    }
    Ok(bytes)
}

/// Sends a reply. `WouldBlock` when the line is full.
pub fn reply(end: &End, id: u64, outcome: &Result<Fetched, Fault>) -> io::Result<()> {
    let fetched = match outcome {
        Ok(fetched) => fetched,
        Err(Fault::Server(why)) => return end.send(&serde_json::to_vec(&Reply::Bad { id, why: why.clone() })?, None),
        Err(Fault::Ours(why)) => return end.send(&serde_json::to_vec(&Reply::Ours { id, why: why.clone() })?, None),
    };
    let Fetched { header, digest, length, received, body } = fetched;
    let told =
        Reply::Fetched { id, digest: digest.clone(), length: *length, received: *received, header: header.len() };
    let mut packet = serde_json::to_vec(&told)?;
    packet.push(b'\n');
    if header.len() + body.len() <= INLINE_MAX {
        packet.extend_from_slice(header);
        packet.extend_from_slice(body);
        return end.send(&packet, None);
    }
    let beside = Bundle::seal(&[header.as_slice(), body].concat())?;
    end.send(&packet, Some(beside.as_fd()))
}

/// What a reply means: whose it is, and the answer, or whose fault it is that there is none.
#[derive(Debug, PartialEq, Eq)]
pub enum Meaning {
    Unpresentable(String),
    Done(u64, Result<Fetched, Fault>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    Server(String),
    Ours(String),
}

pub fn understand(packet: Packet) -> io::Result<Meaning> {
    let Packet { bytes, beside } = packet;
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let line = bytes.get(..end).unwrap_or_default();
    Ok(match serde_json::from_slice(line)? {
        Reply::Unpresentable { why } => Meaning::Unpresentable(why),
        Reply::Bad { id, why } => Meaning::Done(id, Err(Fault::Server(why))),
        Reply::Ours { id, why } => Meaning::Done(id, Err(Fault::Ours(why))),
        Reply::Fetched { id, digest, length, received, header } => {
            let mut header = follows(bytes.get(end + 1..).unwrap_or_default(), beside, header)?;
            let body = header.1.split_off(header.0);
            Meaning::Done(id, Ok(Fetched { header: header.1, digest, length, received, body }))
        }
    })
}

/// Header and body, and where the one ends and the other begins.
fn follows(inline: &[u8], beside: Option<OwnedFd>, header: usize) -> io::Result<(usize, Vec<u8>)> {
    let bytes = match beside {
        Some(descriptor) => Bundle::read(descriptor)?,
        None => inline.to_vec(),
    };
    Ok((header.min(bytes.len()), bytes))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn there_and_back(fetched: &Fetched) -> Meaning {
        let (one, other) = End::pair().unwrap();
        reply(&one, 7, &Ok(fetched.clone())).unwrap();
        understand(other.receive().unwrap().unwrap()).unwrap()
    }

    #[test]
    fn an_answer_arrives_whole_however_long_it_is() {
        for length in [0, 10, INLINE_MAX, 1 << 20] {
            let fetched = Fetched {
                header: b"HTTP/1.0 200 OK\r\n\r\n".to_vec(),
                digest: vec![1, 2, 3],
                length: Some(9),
                received: length as u64,
                body: vec![b'\n'; length],
            };
            assert_eq!(there_and_back(&fetched), Meaning::Done(7, Ok(fetched)));
        }
    }

    #[test]
    fn a_fault_arrives_as_whose_it_is() {
        let (one, other) = End::pair().unwrap();
        for fault in [Fault::Server("no".to_owned()), Fault::Ours("no".to_owned())] {
            reply(&one, 7, &Err(fault.clone())).unwrap();
            let meaning = understand(other.receive().unwrap().unwrap()).unwrap();
            assert_eq!(meaning, Meaning::Done(7, Err(fault)));
        }
        assert!(understand(Packet { bytes: b"{}".to_vec(), beside: None }).is_err());
    }

    #[test]
    fn an_answer_that_lies_about_its_header_is_no_longer_than_what_came() {
        let line = br#"{"Fetched":{"id":1,"digest":[],"length":null,"received":0,"header":18446744073709551615}}"#;
        let bytes = [line.as_slice(), b"\nHTTP/1.0 200 OK"].concat();
        let meaning = understand(Packet { bytes, beside: None }).unwrap();
        let Meaning::Done(1, Ok(fetched)) = meaning else { panic!("{meaning:?}") };
        assert_eq!(
            (fetched.header.as_slice(), fetched.body.as_slice()),
            (b"HTTP/1.0 200 OK".as_slice(), b"".as_slice())
        );
    }

    #[test]
    fn a_text_beside_that_could_still_change_is_refused() {
        let line = br#"{"Fetched":{"id":1,"digest":[],"length":null,"received":0,"header":0}}"#;
        let (_keep, other) = std::io::pipe().unwrap();
        let refused = understand(Packet { bytes: line.to_vec(), beside: Some(other.into()) });
        assert!(refused.is_err(), "{refused:?}");
    }

    proptest! {
        #[test]
        fn any_octets_are_understood_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = understand(Packet { bytes, beside: None });
        }

        /// A line that is right lets the rest be anything.
        #[test]
        fn any_answer_arrives_as_it_was(
            header in proptest::collection::vec(any::<u8>(), 0..100),
            body in proptest::collection::vec(any::<u8>(), 0..100),
            digest in proptest::collection::vec(any::<u8>(), 0..32),
            (length, received) in any::<(Option<u64>, u64)>(),
        ) {
            let fetched = Fetched { header, digest, length, received, body };
            prop_assert_eq!(there_and_back(&fetched), Meaning::Done(7, Ok(fetched)));
        }
    }

    #[test]
    fn a_password_is_never_shown() {
        let credentials = Credentials { password: Some(b"s3cret".to_vec()), ..Credentials::default() };
        assert!(!format!("{credentials:?}").contains("s3cret"));
    }
}

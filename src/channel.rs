// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the processes of the daemon say to each other: one JSON message a packet, a descriptor beside it where a text is
//! handed over. Low in rate and easy to read in a trace.
//!
//! A worker never waits for its supervisor: what cannot be sent at once waits in an [`Outbox`], where a newer message
//! takes the place of an older one on the same matter.

mod outbox;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::os::fd::{BorrowedFd, OwnedFd};

use serde::{Deserialize, Serialize};

use crate::kernel::bundle::Bundle;
use crate::kernel::seqpacket::{End, Line, PACKET_MAX, Packet};

pub use outbox::Outbox;

/// Everything that is said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Message {
    /// To a worker: the configuration beside this message counts from now on.
    Reload { epoch: u64 },
    /// To a worker: leave everything in good order, and end.
    Stop,
    /// To a worker: log so much from now on.
    LogLevel(LogLevel),
    /// To a worker: write a file about yourself.
    Dump(Dump),
    /// On its way from the status worker to whoever knows. The answer carries the number back.
    Ask { id: u64, ask: Ask },
    /// The answer: a JSON object.
    Answer { id: u64, body: String },
    /// From a worker to the supervisor, and from there to the status worker: in this order. Thousands of servers that come or
    /// go at once are a few messages.
    Happened(Vec<Happened>),
    /// To the status worker: what happened before it started, and how much of it was posted.
    Past { events: Vec<Happened>, posted: Posted },
    /// From the status worker: a webhook is done with the events up to this number.
    Posted { hook: u64, number: u64 },
    /// From a worker: it lives by the configuration of this epoch, or says why it does not.
    Reloaded { epoch: u64, refused: Option<String> },
    /// From a worker: what must be done should it die.
    Will(Deposit),
    /// From the VRRP worker, and on to those whose work follows an instance: whether it is master.
    Instance { name: String, is_master: bool },
    /// From whoever runs BFD sessions, and on to those whose work follows one: whether it is up; `None` while that is not
    /// known.
    Session { name: String, is_up: Option<bool> },
    /// From a worker: it goes round its loop. Silence longer than this means that it does not.
    Alive { patience_ms: u64 },
    /// The message is too long for a packet and stands in the sealed text beside this one.
    Beside,
}

/// A question or a wish of an operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub enum Ask {
    /// To the VRRP worker: how everything stands.
    Status,
    /// To the VRRP worker: announce the addresses of an instance once more.
    Announce { name: String },
    /// To the VRRP worker: stand in the election as the operator says, or as the configuration does.
    Stand { name: String, stand: Option<Stand> },
    /// To the VRRP worker: what the flight recorder kept.
    Record,
    /// To the supervisor: read the configuration again.
    Reload,
    /// To the checker worker: how everything stands.
    Balance,
    /// To the supervisor: how the daemon itself does.
    Daemon,
    /// To the supervisor: log so much from now on, or only say how much is logged.
    LogLevel {
        #[serde(default)]
        level: Option<LogLevel>,
        /// After which the command line counts again.
        #[serde(default)]
        seconds: Option<u32>,
    },
    /// To the supervisor: what a reload would change if the configuration were this file.
    Plan { file: String },
    /// To the checker worker: do this with a real server, in every virtual server it is in, or in one.
    Server {
        name: String,
        #[serde(default)]
        of: Option<String>,
        verb: ServerVerb,
        /// After which the configuration counts again.
        #[serde(default)]
        seconds: Option<u32>,
        /// Also where nobody would serve any more.
        #[serde(default)]
        force: bool,
    },
}

/// What can be done with a real server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ServerVerb {
    /// No new connections; those it has go on.
    Drain,
    /// This weight instead of the configured one.
    Weight(u32),
    /// As the configuration says again.
    Normal,
    /// Make its checks now.
    Check,
}

/// How much is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogLevel {
    /// As the command line says.
    Default,
    /// Changes of state of virtual routers, warnings and errors.
    Quiet,
    /// What happens, servers included.
    Normal,
    /// Everything, as with `--log-detail`.
    Detail,
}

/// How an instance stands in the election while the operator wants it so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stand {
    pub course: Course,
    /// Seconds after which the configuration counts again.
    pub seconds: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Course {
    /// Become Master now.
    Take,
    /// Give the addresses to whoever can have them; serve only while nobody else does.
    Release,
    /// This base priority instead of the configured one.
    Priority(u8),
}

/// Something that happened.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Happened {
    /// Counts all events of the daemon; the supervisor gives it.
    pub number: u64,
    /// Milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// The process that says so.
    pub from: String,
    /// The instance or sync group it is about.
    pub about: Option<String>,
    pub level: String,
    /// As it stands in the log.
    pub text: String,
    /// The state it entered.
    pub state: Option<String>,
    pub why: Option<String>,
    pub priority: Option<u8>,
}

/// How far webhooks are with the events.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Posted {
    /// The last event each of them is done with.
    pub hooks: BTreeMap<u64, u64>,
    /// One that is not among them begins after this number.
    pub others: u64,
}

/// The files a worker writes when it is asked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Dump {
    /// The state in full.
    Data,
    Stats,
    /// Statistics, which then begin at zero.
    StatsAnew,
    Json,
}

/// A part of a last will. It takes the place of what the same instance deposited before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Deposit {
    /// What the kernel holds for an instance.
    Undo { instance: u32, things: Vec<Thing> },
    /// The adverts that tell the segment that the instance is gone.
    Farewell { instance: u32, adverts: Vec<Farewell> },
}

/// What is removed first comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Kind {
    Rule,
    Route,
    Address,
}

/// One thing in the kernel: the netlink request that removes it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Thing {
    pub kind: Kind,
    pub request: u16,
    pub flags: u16,
    #[serde(with = "hex")]
    pub body: Vec<u8>,
}

/// An advert of priority 0, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Farewell {
    /// Index and name of the interface it leaves by; without one, the routing table decides.
    pub interface: Option<(u32, String)>,
    /// IP protocol 51 instead of 112.
    pub authenticated: bool,
    pub source: IpAddr,
    pub destination: IpAddr,
    pub hop_limit: u8,
    /// As the raw socket takes it.
    #[serde(with = "hex")]
    pub bytes: Vec<u8>,
}

/// One end of a channel. Needs a tokio runtime with I/O enabled.
#[derive(Debug)]
pub struct Channel {
    line: Line,
}

impl Channel {
    pub fn new(end: End) -> io::Result<Channel> {
        Ok(Channel { line: end.watched()? })
    }

    /// Never waits: `WouldBlock` when the other side is not reading.
    pub fn try_send(&self, message: &Message, beside: Option<BorrowedFd<'_>>) -> io::Result<()> {
        let bytes = encode(message)?;
        if bytes.len() <= PACKET_MAX {
            return self.line.end().send(&bytes, beside);
        }
        let text = Bundle::seal(&bytes)?;
        self.line.end().send(&encode(&Message::Beside)?, Some(std::os::fd::AsFd::as_fd(&text)))
    }

    /// Waits for the next message; `None` when nobody is at the other end. Dropping the future loses nothing.
    pub async fn receive(&self) -> io::Result<Option<(Message, Option<OwnedFd>)>> {
        self.line.receive().await?.map(decode).transpose()
    }

    /// The next message, if it is there.
    pub fn try_receive(&self) -> io::Result<Option<(Message, Option<OwnedFd>)>> {
        match self.line.end().receive() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            other => other?.map(decode).transpose(),
        }
    }

    /// Waits until there may be room to send. Dropping the future loses nothing.
    pub async fn writable(&self) -> io::Result<()> {
        self.line.writable().await
    }
}

fn encode(message: &Message) -> io::Result<Vec<u8>> {
    Ok(serde_json::to_vec(message)?)
}

fn decode(packet: Packet) -> io::Result<(Message, Option<OwnedFd>)> {
    match (serde_json::from_slice(&packet.bytes)?, packet.beside) {
        (Message::Beside, Some(text)) => Ok((serde_json::from_slice(&Bundle::read(text)?)?, None)),
        (message, beside) => Ok((message, beside)),
    }
}

/// Octets as hexadecimal text: short, and readable beside a packet capture.
mod hex {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(octets: &[u8], to: S) -> Result<S::Ok, S::Error> {
        let mut text = String::with_capacity(octets.len() * 2);
        for octet in octets {
            text.extend([octet >> 4, octet & 15].map(|digit| char::from_digit(digit.into(), 16).unwrap_or('0')));
        }
        to.serialize_str(&text)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(from)?;
        let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
        let octets: Option<Vec<u8>> = text.as_bytes().chunks(2).map(pair).collect();
        octets.filter(|octets| octets.len() * 2 == text.len()).ok_or_else(|| D::Error::custom("not hexadecimal"))
    }
}

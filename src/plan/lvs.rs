// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the checker worker is to do: the engine's setup, and what stands behind the numbers in it.
//!
//! Numbers mean the same over a reload: a virtual server, real server or check that is in the old plan and in the new one
//! keeps its number, and one that was gone in between gets another. A check of which something else is looked at keeps
//! its number and gets another revision. The engine and the worker compare numbers only.

mod compile;
mod fronts;
mod names;
mod numbers;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use keepalived_conf::blocks::global::lvs::{SyncDaemon, Timeouts};
use keepalived_conf::blocks::lvs::check::Checker;
use keepalived_conf::blocks::lvs::ssl::Ssl;
use keepalived_conf::script::Script;

use super::notify::Pipe;
use crate::proto::health::{CheckerId, Protocol, ServerId, ServiceId, Setup};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LvsPlan {
    pub setup: Setup,
    /// The virtual servers in the order of the configuration.
    pub order: Vec<ServiceId>,
    pub services: BTreeMap<ServiceId, Service>,
    pub servers: BTreeMap<ServerId, Server>,
    pub checkers: BTreeMap<CheckerId, Check>,
    /// `lvs_timeouts`, in seconds; 0 leaves the kernel's value.
    pub timeouts: Timeouts,
    pub sync: Option<Sync>,
    /// `nftables_ipvs`: addresses of groups are turned into marks by a packet filter.
    pub marks: Option<Marks>,
    /// What checks over TLS present.
    pub tls: Option<Box<Ssl>>,
    /// Lines go to every one of them.
    pub pipes: Vec<Pipe>,
    /// `no_checker_emails`: mail is sent when a server comes or goes, not for each check.
    pub no_checker_mail: bool,
    numbers: numbers::Numbers,
}

/// A virtual server: its names and whom it tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// As keepalived prints it: `[ADDRESS]:PROTOCOL:PORT`, `FWM N` or `[GROUP]:N`.
    pub name: String,
    pub snmp_name: Option<Box<str>>,
    /// How its sorry server is printed.
    pub sorry: Option<String>,
    pub quorum_up: Option<Arc<Script>>,
    pub quorum_down: Option<Arc<Script>>,
    /// `smtp_alert`.
    pub mail: bool,
}

/// A real server: its names and whom it tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// As keepalived prints it: `[ADDRESS]:PROTOCOL:PORT`.
    pub name: String,
    pub snmp_name: Option<Box<str>>,
    pub notify_up: Option<Arc<Script>>,
    pub notify_down: Option<Arc<Script>>,
    /// `smtp_alert`.
    pub mail: bool,
}

/// A check: what is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    pub check: Arc<Checker>,
    pub server: ServerId,
    /// What is connected to; none for checks that do not connect.
    pub target: Option<(IpAddr, u16)>,
    /// What a check follows that is told.
    pub told: Option<Told>,
}

/// A source of readings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// The number in a file; see [`Told::verdict_of`].
    File { path: String, weight: i32, reverse: bool },
    /// A BFD session.
    Session(String),
}

/// The synchronisation of connections between directors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sync {
    pub daemon: SyncDaemon,
    /// In force: the configured one, that of the instance, or 0.
    pub id: u8,
}

/// The packet filter that marks packets for groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marks {
    pub table: String,
    pub priority: i32,
    pub counters: bool,
    pub elements: Vec<Mark>,
}

/// Packets to these addresses and this port get this mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    pub protocol: Protocol,
    pub first: IpAddr,
    pub last: IpAddr,
    pub port: u16,
    pub mark: u32,
}

#[cfg(test)]
mod tests;

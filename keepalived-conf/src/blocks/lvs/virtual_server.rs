// SPDX-License-Identifier: MIT OR Apache-2.0
//! `virtual_server`: one balanced service with its real servers.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::LazyLock;
use std::time::Duration;

use super::codes::ONE_WORD;
use super::defaults::{Defaults, HandsDown};
use super::method::Method;
use super::real_server;
use super::scheduler::{Flags, Protocol, Scheduler};
use super::server_address::{VirtualAddress, virtual_address};
use super::shared::Shared;
use crate::blocks::Config;
use crate::diagnostic::Class;
use crate::family::Family;
use crate::schema::{Block, Node, Seen, Setting};
use crate::script::Script;
use crate::span::Place;
use crate::value::Args;

mod granularity;
mod rows;

/// Persistence in force where a keyword asks for it without a time.
pub(crate) const PERSISTENCE_DEFAULT: Duration = Duration::from_secs(360);
const PERSISTENCE_MAX: i64 = 31 * 24 * 3600;
/// The kernel's limit for the name of a persistence engine.
const ENGINE_NAME_MAX: usize = 16;

#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct VirtualServer {
    pub address: VirtualAddress,
    /// After resolving, `None` only for a group with both families.
    pub family: Setting<Option<Family>>,
    pub defaults: Defaults,
    pub scheduler: Setting<Scheduler>,
    pub flags: Flags,
    pub method: Setting<Method>,
    pub persistence_engine: Option<Box<str>>,
    pub persistence_timeout: Option<Duration>,
    pub persistence_granularity: Option<Granularity>,
    /// After resolving, `None` only where nothing but marks is balanced.
    pub protocol: Setting<Option<Protocol>>,
    pub ha_suspend: bool,
    pub smtp_alert: Setting<bool>,
    pub virtualhost: Option<Shared<str>>,
    pub snmp_name: Option<Box<str>>,
    pub omega: bool,
    pub quorum_up: Option<Box<Script>>,
    pub quorum_down: Option<Box<Script>>,
    pub quorum: Setting<u32>,
    pub hysteresis: Setting<u32>,
    pub weight: Setting<u32>,
    pub sorry_server: Option<Box<SorryServer>>,
    pub real_servers: Vec<real_server::RealServer>,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub seen: Seen,
}

/// The server used while quorum is lost.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct SorryServer {
    pub address: IpAddr,
    pub port: Setting<u16>,
    pub method: Setting<Method>,
    pub inhibit: bool,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub place: Place,
}

/// Which part of a client's address persistence looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "lowercase"))]
pub enum Granularity {
    Mask(Ipv4Addr),
    Prefix(u8),
}

impl VirtualServer {
    pub(crate) fn new(address: VirtualAddress) -> VirtualServer {
        let family = match &address {
            VirtualAddress::Address { ip, .. } => Some(Family::of(ip)),
            VirtualAddress::Fwmark(_) | VirtualAddress::Group(_) => None,
        };
        VirtualServer {
            address,
            family: Setting::new(family),
            defaults: Defaults::default(),
            scheduler: Setting::new(Scheduler::default()),
            flags: Flags::default(),
            method: Setting::new(Method::default()),
            persistence_engine: None,
            persistence_timeout: None,
            persistence_granularity: None,
            protocol: Setting::new(None),
            ha_suspend: false,
            smtp_alert: Setting::new(false),
            virtualhost: None,
            snmp_name: None,
            omega: false,
            quorum_up: None,
            quorum_down: None,
            quorum: Setting::new(1),
            hysteresis: Setting::new(0),
            weight: Setting::new(1),
            sorry_server: None,
            real_servers: Vec::new(),
            seen: Seen::default(),
        }
    }
}

impl Node for VirtualServer {
    fn seen(&mut self) -> &mut Seen {
        &mut self.seen
    }
}

impl HandsDown for VirtualServer {
    fn defaults(&mut self) -> &mut Defaults {
        &mut self.defaults
    }
}

pub static BLOCK: LazyLock<Block<VirtualServer>> = LazyLock::new(|| Block::new("virtual_server", rows::rows()));

/// The only word of a line.
pub(crate) fn one_word(args: &mut Args<'_, '_>) -> Option<Box<str>> {
    let word = args.word()?;
    if let Some(second) = args.next_word() {
        args.rest();
        args.reject(ONE_WORD, Class::General, second.span, "one word too many");
        return None;
    }
    Some(word.text.into())
}

pub(crate) fn open(_: &mut Config, args: &mut Args<'_, '_>) -> Option<VirtualServer> {
    virtual_address(args).map(VirtualServer::new)
}

pub(crate) fn close(config: &mut Config, mut server: VirtualServer, _: &mut Args<'_, '_>) {
    server.real_servers.shrink_to_fit();
    config.lvs.servers.push(server);
}

#[cfg(test)]
mod tests;

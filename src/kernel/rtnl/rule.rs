// SPDX-License-Identifier: MIT OR Apache-2.0
//! Policy routing rules.

use super::route::Prefix;
use crate::kernel::Family;
use crate::kernel::netlink::{CREATE, EXCLUSIVE, Message, Request, u16_at, u32_at};

const HEADER: usize = 12;

const FRA_DST: u16 = 1;
const FRA_SRC: u16 = 2;
const FRA_IIFNAME: u16 = 3;
const FRA_GOTO: u16 = 4;
const FRA_PRIORITY: u16 = 6;
const FRA_FWMARK: u16 = 10;
const FRA_FLOW: u16 = 11;
const FRA_TUN_ID: u16 = 12;
const FRA_SUPPRESS_IFGROUP: u16 = 13;
const FRA_SUPPRESS_PREFIXLEN: u16 = 14;
const FRA_TABLE: u16 = 15;
const FRA_FWMASK: u16 = 16;
const FRA_OIFNAME: u16 = 17;
const FRA_L3MDEV: u16 = 19;
const FRA_UID_RANGE: u16 = 20;
const FRA_PROTOCOL: u16 = 21;
const FRA_IP_PROTO: u16 = 22;
const FRA_SPORT_RANGE: u16 = 23;
const FRA_DPORT_RANGE: u16 = 24;

const INVERT: u32 = 2;
/// What the kernel reports for a suppressor that is not set.
const NO_SUPPRESSOR: u32 = u32::MAX;

/// What a rule does, by the kernel's number.
pub mod action {
    pub const TABLE: u8 = 1;
    pub const GOTO: u8 = 2;
    pub const NOP: u8 = 3;
    pub const BLACKHOLE: u8 = 6;
    pub const UNREACHABLE: u8 = 7;
    pub const PROHIBIT: u8 = 8;
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    pub family: Family,
    pub action: u8,
    pub table: u32,
    pub invert: bool,
    pub from: Option<Prefix>,
    pub to: Option<Prefix>,
    pub tos: u8,
    pub priority: Option<u32>,
    pub mark: Option<u32>,
    pub mask: Option<u32>,
    pub input: Option<String>,
    pub output: Option<String>,
    pub goto: Option<u32>,
    pub realms: Option<u32>,
    pub tunnel: Option<u64>,
    pub suppress_group: Option<u32>,
    pub suppress_prefix: Option<u32>,
    pub l3mdev: bool,
    pub users: Option<(u32, u32)>,
    pub protocol: u8,
    pub ip_protocol: Option<u8>,
    pub source_ports: Option<(u16, u16)>,
    pub destination_ports: Option<(u16, u16)>,
}

impl Rule {
    /// A rule that looks up `table`.
    pub fn new(family: Family, table: u32) -> Rule {
        Rule {
            family,
            action: action::TABLE,
            table,
            invert: false,
            from: None,
            to: None,
            tos: 0,
            priority: None,
            mark: None,
            mask: None,
            input: None,
            output: None,
            goto: None,
            realms: None,
            tunnel: None,
            suppress_group: None,
            suppress_prefix: None,
            l3mdev: false,
            users: None,
            protocol: super::PROTOCOL,
            ip_protocol: None,
            source_ports: None,
            destination_ports: None,
        }
    }

    pub fn add(&self) -> Request {
        self.request(libc::RTM_NEWRULE, CREATE | EXCLUSIVE).harmless(&[libc::EEXIST])
    }

    pub fn remove(&self) -> Request {
        self.request(libc::RTM_DELRULE, 0).harmless(&[libc::ENOENT])
    }

    /// Whether `seen`, read from the kernel, is this rule. What was left to the kernel may have any value there.
    pub fn is_seen_as(&self, seen: &Rule) -> bool {
        let filled = Rule {
            priority: self.priority.or(seen.priority),
            // A mark without a mask means all its bits.
            mask: self.mask.or(seen.mask.filter(|mask| *mask == u32::MAX)),
            ..self.clone()
        };
        filled == *seen
    }

    pub fn dump() -> Request {
        Request::new(libc::RTM_GETRULE, 0, &[0; HEADER])
    }

    fn request(&self, kind: u16, flags: u16) -> Request {
        let length = |prefix: Option<Prefix>| prefix.map_or(0, |prefix| prefix.length);
        let mut header = [0; HEADER];
        header[..8].copy_from_slice(&[
            self.family.number(),
            length(self.to),
            length(self.from),
            self.tos,
            u8::try_from(self.table).unwrap_or(0),
            0,
            0,
            self.action,
        ]);
        if self.invert {
            header[8..].copy_from_slice(&INVERT.to_ne_bytes());
        }
        let mut request = Request::new(kind, flags, &header);
        if let Some(prefix) = self.to {
            request.address(FRA_DST, prefix.address);
        }
        if let Some(prefix) = self.from {
            request.address(FRA_SRC, prefix.address);
        }
        if let Some(name) = &self.input {
            request.text(FRA_IIFNAME, name);
        }
        if let Some(name) = &self.output {
            request.text(FRA_OIFNAME, name);
        }
        let numbers = [
            (FRA_GOTO, self.goto),
            (FRA_PRIORITY, self.priority),
            (FRA_FWMARK, self.mark),
            (FRA_FWMASK, self.mask),
            (FRA_FLOW, self.realms),
            (FRA_SUPPRESS_IFGROUP, self.suppress_group),
            (FRA_SUPPRESS_PREFIXLEN, self.suppress_prefix),
            (FRA_TABLE, Some(self.table).filter(|table| *table > u8::MAX.into())),
        ];
        for (attribute, value) in numbers {
            if let Some(value) = value {
                request.u32(attribute, value);
            }
        }
        if let Some(tunnel) = self.tunnel {
            request.u64_be(FRA_TUN_ID, tunnel);
        }
        if self.l3mdev {
            request.u8(FRA_L3MDEV, 1);
        }
        if let Some((first, last)) = self.users {
            request.attribute(FRA_UID_RANGE, &pair(first.to_ne_bytes(), last.to_ne_bytes()));
        }
        request.u8(FRA_PROTOCOL, self.protocol);
        if let Some(protocol) = self.ip_protocol {
            request.u8(FRA_IP_PROTO, protocol);
        }
        for (attribute, ports) in [(FRA_SPORT_RANGE, self.source_ports), (FRA_DPORT_RANGE, self.destination_ports)] {
            if let Some((first, last)) = ports {
                request.attribute(attribute, &pair(first.to_ne_bytes(), last.to_ne_bytes()));
            }
        }
        request
    }

    /// The rule in a message about one.
    pub fn parse(message: &Message<'_>) -> Option<Rule> {
        let [family, to, from, tos, table, _, _, action] = *message.body.get(..8)?.first_chunk()?;
        let flags = u32_at(message.body, 8)?;
        let family = Family::from_number(family)?;
        let mut rule =
            Rule { action, tos, invert: flags & INVERT != 0, protocol: 0, ..Rule::new(family, table.into()) };
        for attribute in message.attributes(HEADER) {
            let prefix = |length| attribute.address().map(|address| Prefix { address, length });
            let name = || attribute.text().map(str::to_owned);
            let ports = || Some((u16_at(attribute.value, 0)?, u16_at(attribute.value, 2)?));
            let number = || attribute.u32().filter(|value| *value != NO_SUPPRESSOR);
            match attribute.kind {
                FRA_DST => rule.to = prefix(to),
                FRA_SRC => rule.from = prefix(from),
                FRA_IIFNAME => rule.input = name(),
                FRA_OIFNAME => rule.output = name(),
                FRA_GOTO => rule.goto = attribute.u32(),
                FRA_PRIORITY => rule.priority = attribute.u32(),
                FRA_FWMARK => rule.mark = attribute.u32(),
                FRA_FWMASK => rule.mask = attribute.u32(),
                FRA_FLOW => rule.realms = attribute.u32(),
                FRA_TUN_ID => rule.tunnel = attribute.bytes().map(u64::from_be_bytes),
                FRA_SUPPRESS_IFGROUP => rule.suppress_group = number(),
                FRA_SUPPRESS_PREFIXLEN => rule.suppress_prefix = number(),
                FRA_TABLE => rule.table = attribute.u32().unwrap_or(rule.table),
                FRA_L3MDEV => rule.l3mdev = attribute.u8() == Some(1),
                FRA_UID_RANGE => rule.users = u32_at(attribute.value, 0).zip(u32_at(attribute.value, 4)),
                FRA_PROTOCOL => rule.protocol = attribute.u8().unwrap_or(0),
                FRA_IP_PROTO => rule.ip_protocol = attribute.u8(),
                FRA_SPORT_RANGE => rule.source_ports = ports(),
                FRA_DPORT_RANGE => rule.destination_ports = ports(),
                _ => {}
            }
        }
        Some(rule)
    }
}

fn pair<const N: usize>(first: [u8; N], last: [u8; N]) -> Vec<u8> {
    [first, last].concat()
}

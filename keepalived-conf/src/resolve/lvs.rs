// SPDX-License-Identifier: MIT OR Apache-2.0
//! Load balancing across blocks: defaults handed down, ports, families, quorum, and what a virtual server refers to.
//!
//! Every server and checker holds the values in force when this is done. Servers that cannot be used are taken out, as
//! keepalived does, and each finding has the grade keepalived gives it.

mod checkers;
mod families;
mod ports;
mod servers;

use std::collections::BTreeMap;

use crate::blocks::Config;
use crate::blocks::lvs::codes::{HUGE_RANGE, SAME_SERVICE, SECOND_GROUP};
use crate::blocks::lvs::group::{Group, Member};
use crate::blocks::lvs::scheduler::Protocol;
use crate::blocks::lvs::server_address::VirtualAddress;
use crate::blocks::lvs::virtual_server::VirtualServer;
use crate::diagnostic::{Class, Diagnostic, Severity};
use crate::family::Family;
use crate::span::Span;
use crate::value::Cx;

/// The most addresses one line of a group may stand for; each is a service of the kernel's.
pub const RANGE_MAX: u128 = 65_536;

/// What is needed from other parts of the configuration.
struct Outside {
    /// Mail for virtual servers, and for real servers, that say nothing.
    smtp_alert: (bool, bool),
    log_all_failures: bool,
    files: BTreeMap<String, TrackedFile>,
    sessions: BTreeMap<String, Session>,
}

#[derive(Clone, Copy)]
struct TrackedFile {
    defined: Span,
    weight: i32,
    reverse: bool,
}

#[derive(Clone, Copy)]
struct Session {
    defined: Span,
    /// It is not limited to VRRP.
    for_checkers: bool,
}

impl Outside {
    fn of(config: &Config) -> Outside {
        let files = config.tracking.files.iter().rev().map(|file| {
            let weight = i32::from(*file.weight);
            (file.name.clone(), TrackedFile { defined: file.seen.head, weight, reverse: file.reverse })
        });
        let sessions = config.tracking.bfd.iter().rev().map(|session| {
            (session.name.clone(), Session { defined: session.seen.head, for_checkers: session.checker })
        });
        let mail = &config.global.mail;
        Outside {
            smtp_alert: (mail.alerts_for_virtual_servers(), mail.alerts_for_real_servers()),
            log_all_failures: config.global.lvs.log_all_failures,
            files: files.collect(),
            sessions: sessions.collect(),
        }
    }
}

/// The groups by name; the first of one name counts.
type Groups<'g> = BTreeMap<&'g str, &'g Group>;

pub(super) fn resolve(config: &mut Config, cx: &mut Cx<'_>) {
    let outside = Outside::of(config);
    let lvs = &mut config.lvs;
    // Where a range is one element of the packet filter its length does not matter.
    if config.global.lvs.marks.is_none() {
        for group in &mut lvs.groups {
            drop_huge_ranges(group, cx);
        }
    }
    let groups = groups(&lvs.groups, cx);
    lvs.servers.retain_mut(|server| servers::settle(server, &groups, &outside, cx));
    same_service(&lvs.servers, cx);
}

fn drop_huge_ranges(group: &mut Group, cx: &mut Cx<'_>) {
    group.members.retain(|member| {
        let fits = member.count() <= RANGE_MAX;
        if !fits {
            let finding = Diagnostic::lint(HUGE_RANGE, format!("a range of {} addresses", member.count()))
                .severity(Severity::Error)
                .at(member.span(), "left out")
                .note(format!("each address is a service of the kernel's; at most {RANGE_MAX} can be in one range"))
                .hint("mark the packets and balance the mark with `fwmark N`");
            cx.diagnostics.push(finding);
        }
        fits
    });
}

fn groups<'g>(list: &'g [Group], cx: &mut Cx<'_>) -> Groups<'g> {
    let mut groups = Groups::new();
    for group in list {
        if let Some(first) = groups.get(group.name.as_str()) {
            let finding = Diagnostic::lint(SECOND_GROUP, format!("there are two groups `{}`", group.name))
                .at(group.seen.head, "never used")
                .at(first.seen.head, "this one counts");
            cx.diagnostics.push(finding);
        } else {
            groups.insert(&group.name, group);
        }
    }
    groups
}

/// What a virtual server balances, seen from its real servers.
#[derive(Clone, Copy, Debug, Default)]
struct Contents {
    addresses: bool,
    marks: bool,
    /// An address without a port.
    any_port: bool,
    /// The port of all addresses, if they have the same.
    port: Option<u16>,
}

impl Contents {
    fn of(server: &VirtualServer, group: Option<&Group>) -> Contents {
        let mut contents = Contents::default();
        match &server.address {
            VirtualAddress::Address { port, .. } => contents.add(*port),
            VirtualAddress::Fwmark(_) => contents.marks = true,
            VirtualAddress::Group(_) => {
                for member in group.into_iter().flat_map(|group| &group.members) {
                    match member {
                        Member::Addresses { port, .. } => contents.add(*port),
                        Member::Fwmark { .. } => contents.marks = true,
                    }
                }
            }
        }
        contents
    }

    fn add(&mut self, port: u16) {
        self.port = if self.addresses { self.port.filter(|known| *known == port) } else { Some(port) };
        self.addresses = true;
        self.any_port |= port == 0;
    }
}

/// What makes two virtual servers the same service of the kernel's.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Service<'s> {
    Address(std::net::IpAddr, u16, Option<Protocol>),
    Fwmark(u32, Option<Family>),
    Group(&'s str, Option<Protocol>),
}

fn same_service(servers: &[VirtualServer], cx: &mut Cx<'_>) {
    let mut known: BTreeMap<Service<'_>, Span> = BTreeMap::new();
    for server in servers {
        let service = match &server.address {
            VirtualAddress::Address { ip, port } => Service::Address(*ip, *port, *server.protocol),
            VirtualAddress::Fwmark(mark) => Service::Fwmark(*mark, *server.family),
            VirtualAddress::Group(name) => Service::Group(&name.text, *server.protocol),
        };
        match known.get(&service) {
            Some(first) => {
                let message = format!("virtual server `{}` is defined twice", server.address);
                let finding = Diagnostic::lint(SAME_SERVICE, message)
                    .at(server.seen.head, "the same service of the kernel's")
                    .at(*first, "defined here")
                    .note("real servers of both are used, with the scheduler of the first")
                    .hint("put all real servers into one of them");
                cx.diagnostics.push(finding);
            }
            None => {
                known.insert(service, server.seen.head);
            }
        }
    }
}

/// keepalived looks this name up while it reads; it is used here all the same.
fn defined_later(what: &str, name: &str, used: Span, defined: Span, cx: &mut Cx<'_>) {
    if defined.start > used.start {
        let code = crate::blocks::lvs::codes::DEFINED_LATER;
        let finding = Diagnostic::warning(code, format!("{what} `{name}` is used before it is defined"))
            .class(Class::General)
            .at(used, "keepalived does not know it here")
            .at(defined, "defined here")
            .hint("keepalived needs the definition first");
        cx.diagnostics.push(finding);
    }
}

#[cfg(test)]
mod tests;

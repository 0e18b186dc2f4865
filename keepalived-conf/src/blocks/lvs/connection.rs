// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a checker connects to, and from where: the settings and rows of all checkers that use the network.

use std::net::IpAddr;

use super::codes::{BIND_FAMILY, INTERFACE_NAME, LINK_LOCAL};
use super::defaults::CONNECT_TIMEOUT_MAX;
use super::timing::{Common, Timed, timing_rows};
use crate::diagnostic::{Class, Diagnostic};
use crate::schema::{Keyword, Setting, Shape, int, kw, seconds};
use crate::value::Args;

/// The longest name an interface can have.
const INTERFACE_NAME_MAX: usize = 15;

/// What a checker connects to, and from where.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Connection {
    pub connect_ip: Setting<IpAddr>,
    pub connect_port: Setting<u16>,
    /// Absent for the many that leave it all to the kernel.
    pub source: Option<Box<Source>>,
}

/// Where a checker's packets come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Source {
    pub bindto: Option<IpAddr>,
    /// Used only together with `bindto`.
    pub bind_port: Option<u16>,
    pub bind_if: Option<Box<str>>,
    /// 0 is no mark.
    pub fwmark: u32,
}

impl Connection {
    pub(crate) fn to((ip, port): (IpAddr, u16)) -> Connection {
        Connection { connect_ip: Setting::new(ip), connect_port: Setting::new(port), source: None }
    }

    fn source(&mut self) -> &mut Source {
        self.source.get_or_insert_default()
    }

    /// Whether the operator wrote any of it.
    pub(crate) fn given(&self) -> bool {
        self.connect_ip.given() || self.connect_port.given() || self.source.is_some()
    }
}

/// A block with the keywords of [`Connection`] too.
pub(crate) trait Connects: Timed {
    fn connection(&mut self) -> &mut Connection;
}

/// The rows of [`Connection`], and `connect_timeout`.
pub(crate) fn connection_rows<T: Connects>(common: &Common) -> Vec<Keyword<T>> {
    let mut rows = target_rows(common);
    rows.extend(path_rows(common));
    rows
}

fn target_rows<T: Connects>(common: &Common) -> Vec<Keyword<T>> {
    let row = |name| kw(name).since(common.since);
    vec![
        row("connect_ip")
            .must(Shape::Address)
            .default("the real server's address")
            .otherwise("the line is ignored")
            .doc("Address to check. The port stays what it is.")
            .note("Must be of the same family as `bindto`.")
            .set(|check: &mut T, args| connect_ip(check.connection(), args)),
        row("connect_port")
            .must(int(1, 65535))
            .default("the real server's port, else the virtual server's")
            .otherwise("the line is ignored")
            .doc("Port to check.")
            .note("keepalived checks port 0, and fails, when the real server is written without a port.")
            .set(|check: &mut T, args| {
                if let Some(port) = args.num() {
                    check.connection().connect_port.set(port);
                }
            }),
    ]
}

fn path_rows<T: Connects>(common: &Common) -> Vec<Keyword<T>> {
    let row = |name| kw(name).since(common.since);
    vec![
        row("bindto")
            .must(Shape::Address)
            .default("the kernel's choice")
            .otherwise("the line is ignored")
            .doc("Source address.")
            .note("Must be of the same family as the target.")
            .set(|check: &mut T, args| bindto(check.connection(), args)),
        row("bind_port")
            .must(int(1, 65535))
            .default("the kernel's choice")
            .otherwise("the line is ignored")
            .doc("Source port; only together with `bindto`.")
            .set(|check: &mut T, args| {
                if let Some(port) = args.num() {
                    check.connection().source().bind_port = Some(port);
                }
            }),
        row("bind_if")
            .must(Shape::Interface)
            .otherwise("the line is ignored")
            .doc("Interface to check through.")
            .note("Needed where source or target is a link-local IPv6 address.")
            .set(|check: &mut T, args| {
                if let Some(name) = interface(args) {
                    check.connection().source().bind_if = Some(name);
                }
            }),
        row("connect_timeout")
            .must(seconds(6, 0.000_001, CONNECT_TIMEOUT_MAX))
            .default("the real server's")
            .otherwise("the line is ignored")
            .doc("Time allowed for a connection, and for each answer.")
            .set(|check: &mut T, args| {
                if let Some(timeout) = args.time() {
                    check.timing().connect_timeout.set(timeout);
                }
            }),
        row("fwmark")
            .must(int(0, u32::MAX as i64))
            .default("0")
            .otherwise("the line is ignored")
            .doc("Firewall mark of the packets of this check; 0 for none.")
            .set(|check: &mut T, args| {
                if let Some(mark) = args.num() {
                    check.connection().source().fwmark = mark;
                }
            }),
    ]
}

/// The rows of both, as most checkers have them.
pub(crate) fn rows<T: Connects>(common: &Common) -> Vec<Keyword<T>> {
    let mut rows = connection_rows(common);
    rows.extend(timing_rows(common));
    rows
}

fn connect_ip(connection: &mut Connection, args: &mut Args<'_, '_>) {
    let Some(word) = args.word() else { return };
    let Some(ip) = args.address_of(word) else { return };
    let bound = connection.source.as_ref().and_then(|source| source.bindto);
    if bound.is_some_and(|source| source.is_ipv4() != ip.is_ipv4()) {
        args.reject(BIND_FAMILY, Class::General, word.span, "of another family than `bindto`");
        return;
    }
    connection.connect_ip.set(ip);
}

fn bindto(connection: &mut Connection, args: &mut Args<'_, '_>) {
    let Some(word) = args.word() else { return };
    let Some(ip) = args.address_of(word) else { return };
    if connection.connect_ip.is_ipv4() != ip.is_ipv4() {
        let label = format!("of another family than {}, which is checked", *connection.connect_ip);
        let finding = args.rejection(BIND_FAMILY, Class::General).at(word.span, label);
        let finding = if connection.connect_ip.given() {
            finding
        } else {
            finding.hint("write `connect_ip` first if another address is to be checked")
        };
        args.push(finding);
        return;
    }
    connection.source().bindto = Some(ip);
}

fn interface(args: &mut Args<'_, '_>) -> Option<Box<str>> {
    let word = args.word()?;
    if word.text.len() > INTERFACE_NAME_MAX {
        let label = format!("longer than {INTERFACE_NAME_MAX} characters");
        args.reject(INTERFACE_NAME, Class::General, word.span, label);
        return None;
    }
    Some(word.text.into())
}

/// A link-local target can only be reached through a named interface.
pub(crate) fn reaches<T: Connects>(check: &mut T, args: &mut Args<'_, '_>) -> bool {
    let connection = check.connection();
    let ip = *connection.connect_ip;
    let link_local = match ip {
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
        IpAddr::V4(_) => false,
    };
    let bound = connection.source.as_ref().is_some_and(|source| source.bind_if.is_some());
    if !link_local || bound {
        return true;
    }
    let seen = check.seen();
    let finding = Diagnostic::error(LINK_LOCAL, format!("the link-local address {ip} needs `bind_if`"))
        .at(seen.span_or_head("connect_ip"), "")
        .note("then: the check is left out, and the server counts as up")
        .hint("add `bind_if INTERFACE`");
    args.push(finding);
    false
}

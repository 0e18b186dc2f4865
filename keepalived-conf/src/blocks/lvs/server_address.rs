// SPDX-License-Identifier: MIT OR Apache-2.0
//! `ADDRESS [PORT]`: where a virtual server listens, where a real server is.

use std::fmt;
use std::net::IpAddr;

use super::codes::SERVER_HEAD;
use crate::diagnostic::Class;
use crate::span::Name;
use crate::value::Args;

/// What a virtual server balances.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "lowercase"))]
pub enum VirtualAddress {
    /// Port 0 is every port.
    Address {
        ip: IpAddr,
        port: u16,
    },
    Fwmark(u32),
    Group(Name),
}

impl fmt::Display for VirtualAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            VirtualAddress::Address { ip, port: 0 } => write!(f, "{ip}"),
            VirtualAddress::Address { ip, port } => write!(f, "{ip} {port}"),
            VirtualAddress::Fwmark(mark) => write!(f, "fwmark {mark}"),
            VirtualAddress::Group(name) => write!(f, "group {}", &**name),
        }
    }
}

/// The words after `virtual_server`.
pub(crate) fn virtual_address(args: &mut Args<'_, '_>) -> Option<VirtualAddress> {
    let word = args.word()?;
    match word.text {
        "fwmark" => {
            let Some(mark) = args.next_word() else {
                args.reject(SERVER_HEAD, Class::General, word.span, "expected a mark after this");
                return None;
            };
            // A mark of 0 is what packets without a mark have; no service can be made of it.
            let mark = args.number_of(mark, 1, i64::from(u32::MAX), false)?;
            u32::try_from(mark).ok().map(VirtualAddress::Fwmark)
        }
        "group" => {
            let Some(name) = args.next_word() else {
                args.reject(SERVER_HEAD, Class::General, word.span, "expected the name of a group after this");
                return None;
            };
            Some(VirtualAddress::Group(Name::new(name.text, name.span)))
        }
        _ => {
            let ip = args.address_of(word)?;
            let port = port(args)?;
            Some(VirtualAddress::Address { ip, port: port.unwrap_or(0) })
        }
    }
}

/// `ADDRESS [PORT]` of a real server.
pub(crate) fn address_and_port(args: &mut Args<'_, '_>) -> Option<(IpAddr, Option<u16>)> {
    let ip = args.address()?;
    let port = port(args)?;
    Some((ip, port))
}

/// An optional port; nothing or only zeros is no port. The outer `None` means that it cannot be read.
#[expect(clippy::option_option, reason = "unreadable and absent are different")]
pub(crate) fn port(args: &mut Args<'_, '_>) -> Option<Option<u16>> {
    let Some(word) = args.next_word() else { return Some(None) };
    if !word.text.is_empty() && word.text.bytes().all(|digit| digit == b'0') {
        return Some(None);
    }
    let port = args.number_of(word, 1, 65535, false)?;
    Some(u16::try_from(port).ok())
}

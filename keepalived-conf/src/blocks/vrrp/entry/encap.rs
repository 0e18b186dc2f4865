// SPDX-License-Identifier: MIT OR Apache-2.0
//! Light-weight tunnels of routes: `encap ip|ip6|mpls|ila ...`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{BAD_VALUE, NO_VALUE, left_out, value_of};
use crate::diagnostic::{Class, Diagnostic};
use crate::family::Family;
use crate::names::Table;
use crate::number::c_number;
use crate::syntax::Word;
use crate::value::{Args, parse_address};

/// The most labels a stack may have.
pub const LABELS_MAX: usize = 2;
/// The largest MPLS label.
pub const LABEL_VALUE_MAX: u32 = (1 << 20) - 1;

#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub enum Encap {
    Ip(Tunnel<Ipv4Addr>),
    Ip6(Tunnel<Ipv6Addr>),
    Mpls(Vec<u32>),
    /// The locator, four groups of 16 bits.
    Ila(u64),
}

/// A tunnel in IPv4 or IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Tunnel<A> {
    pub id: Option<u64>,
    pub dst: Option<A>,
    pub src: Option<A>,
    /// `tos`, or `tc` in IPv6.
    pub tos: Option<u8>,
    /// `ttl`, or `hoplimit` in IPv6.
    pub ttl: Option<u8>,
    pub flags: Option<u16>,
}

/// The entry is left out; why has been said.
#[derive(Debug)]
pub(super) struct LeftOut;

/// Reads what follows `encap`. `Ok(None)` when nothing follows: the route is used without.
pub(super) fn read<'s>(args: &mut Args<'s, '_>, option: Word<'s>) -> Result<Option<Encap>, LeftOut> {
    let Some(kind) = args.next_word() else {
        let finding = Diagnostic::error(NO_VALUE, "`encap` wants ip, ip6, mpls or ila")
            .at(option.span, "nothing follows")
            .note("then: the route is used without encapsulation");
        args.push(finding);
        return Ok(None);
    };
    let read =
        match kind.text {
            "ip" => tunnel(args, kind, Family::V4, |ip| if let IpAddr::V4(ip) = ip { Some(ip) } else { None })
                .map(Encap::Ip),
            "ip6" => tunnel(args, kind, Family::V6, |ip| if let IpAddr::V6(ip) = ip { Some(ip) } else { None })
                .map(Encap::Ip6),
            "mpls" => mpls(args, kind).map(Encap::Mpls),
            "ila" => ila(args, kind).map(Encap::Ila),
            _ => {
                left_out(args, BAD_VALUE, kind, "expected ip, ip6, mpls or ila");
                None
            }
        };
    read.map(Some).ok_or(LeftOut)
}

/// Options of a tunnel, up to the first word that is none.
fn tunnel<'s, A>(
    args: &mut Args<'s, '_>,
    kind: Word<'s>,
    family: Family,
    only: fn(IpAddr) -> Option<A>,
) -> Option<Tunnel<A>> {
    let mut tunnel = Tunnel { id: None, dst: None, src: None, tos: None, ttl: None, flags: None };
    let (tos, ttl) = match family {
        Family::V4 => ("tos", "ttl"),
        Family::V6 => ("tc", "hoplimit"),
    };
    while let Some(option) = args.peek() {
        let name = option.text;
        if !["id", "dst", "src", "flags", tos, ttl].contains(&name) {
            break;
        }
        args.next_word();
        let value = value_of(args, option, Class::MissingRequired)?;
        let expected = match name {
            "id" => {
                tunnel.id = c_number(value.text);
                tunnel.id.map_or(Some("a number of 64 bits"), |_| None)
            }
            "dst" | "src" => {
                let address = parse_address(value.text).and_then(only);
                let missing = address.is_none();
                if name == "dst" {
                    tunnel.dst = address
                } else {
                    tunnel.src = address
                }
                missing.then_some(match family {
                    Family::V4 => "an IPv4 address",
                    Family::V6 => "an IPv6 address",
                })
            }
            "flags" => {
                tunnel.flags = value.text.parse().ok();
                tunnel.flags.map_or(Some("a number from 0 to 65535"), |_| None)
            }
            _ if name == tos => {
                let host = args.cx.host;
                tunnel.tos = args.cx.names.find(host, Table::Tos, value.text).and_then(|tos| u8::try_from(tos).ok());
                tunnel.tos.map_or(Some("a number from 0 to 255 or a name of rt_dsfield"), |_| None)
            }
            _ => {
                tunnel.ttl = value.text.parse().ok();
                tunnel.ttl.map_or(Some("a number from 0 to 255"), |_| None)
            }
        };
        if let Some(expected) = expected {
            left_out(args, BAD_VALUE, value, &format!("expected {expected}"));
            return None;
        }
    }
    if tunnel.id.is_none() && tunnel.dst.is_none() {
        left_out(args, BAD_VALUE, kind, "wants `dst` or `id`");
        return None;
    }
    Some(tunnel)
}

fn mpls<'s>(args: &mut Args<'s, '_>, kind: Word<'s>) -> Option<Vec<u32>> {
    let value = value_of(args, kind, Class::MissingRequired)?;
    let labels: Option<Vec<u32>> = value
        .text
        .split('/')
        .map(|label| c_number(label).and_then(|label| u32::try_from(label).ok()))
        .map(|label| label.filter(|label| *label <= LABEL_VALUE_MAX))
        .collect();
    let labels = labels.filter(|labels| labels.len() <= LABELS_MAX);
    if labels.is_none() {
        left_out(args, BAD_VALUE, value, &format!("expected LABEL or LABEL/LABEL, each from 0 to {LABEL_VALUE_MAX}"));
    }
    labels
}

fn ila<'s>(args: &mut Args<'s, '_>, kind: Word<'s>) -> Option<u64> {
    let value = value_of(args, kind, Class::MissingRequired)?;
    let groups: Option<Vec<u16>> = value
        .text
        .split(':')
        .map(|group| if group.starts_with('+') { None } else { u16::from_str_radix(group, 16).ok() })
        .collect();
    let locator = groups
        .filter(|groups| groups.len() == 4)
        .map(|groups| groups.iter().fold(0, |locator, group| locator << 16 | u64::from(*group)));
    if locator.is_none() {
        left_out(
            args,
            BAD_VALUE,
            value,
            "expected four groups of up to four hexadecimal digits, with colons between them",
        );
    }
    locator
}

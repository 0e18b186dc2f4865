// SPDX-License-Identifier: MIT OR Apache-2.0
//! The groups `nexthop OPTION...` at the end of a route.

use std::net::IpAddr;

use super::encap::{self, Encap};
use super::route::Draft;
use super::shared::realms;
use super::{BAD_VALUE, MIXED_FAMILIES, WRONG_FAMILY, interface_name, plain_address, unknown_option, value_of};
use crate::diagnostic::Class;
use crate::family::Family;
use crate::span::Name;
use crate::syntax::Word;
use crate::value::Args;

/// One of several ways a route can go.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Nexthop {
    pub via: Option<IpAddr>,
    pub dev: Option<Name>,
    /// 1..=256.
    pub weight: u16,
    pub onlink: bool,
    pub encap: Option<Encap>,
    pub realms: Option<u32>,
}

impl Nexthop {
    pub(super) fn to(via: Option<IpAddr>, dev: Option<Name>) -> Nexthop {
        Nexthop { via, dev, weight: 1, onlink: false, encap: None, realms: None }
    }
}

const OPTIONS: &[&str] = &["via", "dev", "oif", "weight", "onlink", "encap", "realms", "nexthop"];

/// Reads all groups; the first word `nexthop` has been read. What is wrong ends the list: groups before it stay.
pub(super) fn read_all(args: &mut Args<'_, '_>, draft: &mut Draft) -> Vec<Nexthop> {
    let mut list = Vec::new();
    loop {
        let mut hop = Nexthop::to(None, None);
        while args.peek().is_some_and(|word| word.text != "nexthop") {
            let Some(option) = args.next_word() else { break };
            if read_option(args, option, &mut hop, draft).is_none() {
                args.rest();
                return list;
            }
        }
        list.push(hop);
        if args.next_word().is_none() {
            return list;
        }
    }
}

fn read_option<'s>(args: &mut Args<'s, '_>, option: Word<'s>, hop: &mut Nexthop, draft: &mut Draft) -> Option<()> {
    match option.text {
        "via" => hop.via = Some(read_via(args, option, draft)?),
        "dev" | "oif" => {
            let value = value_of(args, option, Class::MissingRequired)?;
            hop.dev = Some(interface_name(args, value)?);
        }
        "weight" => {
            let value = value_of(args, option, Class::MissingRequired)?;
            hop.weight = args.number_of(value, 1, 256, true).and_then(|weight| u16::try_from(weight).ok())?;
        }
        "onlink" => hop.onlink = true,
        "encap" => hop.encap = encap::read(args, option).ok()?,
        "realms" => {
            let value = value_of(args, option, Class::MissingRequired)?;
            if draft.family == Some(Family::V6) {
                args.reject(WRONG_FAMILY, Class::General, value.span, "realms exist in IPv4 only");
                return None;
            }
            let realms = realms(args, value);
            if realms.is_none() {
                args.reject(BAD_VALUE, Class::General, value.span, "expected REALM or FROM/TO");
            }
            hop.realms = Some(realms?);
        }
        _ => {
            unknown_option(args, option, OPTIONS, "the rest of the line is not read");
            return None;
        }
    }
    Some(())
}

/// `[inet|inet6] ADDRESS`, of the route's family.
pub(super) fn read_via<'s>(args: &mut Args<'s, '_>, option: Word<'s>, draft: &mut Draft) -> Option<IpAddr> {
    let mut value = value_of(args, option, Class::MissingRequired)?;
    let forced = match value.text {
        "inet" => Some(Family::V4),
        "inet6" => Some(Family::V6),
        _ => None,
    };
    if forced.is_some() {
        value = value_of(args, value, Class::MissingRequired)?;
    }
    let via = plain_address(args, value)?;
    let family = Family::of(&via);
    if forced.is_some_and(|forced| forced != family) || !draft.agrees(family) {
        args.reject(MIXED_FAMILIES, Class::General, value.span, "not of the route's family");
        return None;
    }
    Some(via)
}

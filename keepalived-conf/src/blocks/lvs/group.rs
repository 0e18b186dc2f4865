// SPDX-License-Identifier: MIT OR Apache-2.0
//! `virtual_server_group`: addresses, ranges and marks that share one virtual server.

use std::net::IpAddr;
use std::sync::LazyLock;

use super::codes::{EMPTY_GROUP, GROUP_ENTRY, MIXED_GROUP};
use super::server_address::port;
use crate::blocks::Config;
use crate::diagnostic::{Class, Diagnostic};
use crate::family::Family;
use crate::schema::{Block, Node, Seen};
use crate::span::{Place, Span};
use crate::value::{Args, parse_address};

#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Group {
    pub name: String,
    pub members: Vec<Member>,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub seen: Seen,
}

impl Node for Group {
    fn seen(&mut self) -> &mut Seen {
        &mut self.seen
    }
}

/// One line of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "lowercase"))]
pub enum Member {
    /// Every address from the first to the last, both included. Port 0 is every port.
    Addresses {
        first: IpAddr,
        last: IpAddr,
        port: u16,
        #[cfg_attr(feature = "serde", serde(skip))]
        place: Place,
    },
    Fwmark {
        mark: u32,
        family: Option<Family>,
        #[cfg_attr(feature = "serde", serde(skip))]
        place: Place,
    },
}

impl Member {
    /// The addresses of a range, in order; none for a mark.
    pub fn addresses(&self) -> Addresses {
        match self {
            Member::Addresses { first, last, .. } => {
                Addresses { family: Family::of(first), next: Some(number(*first)), last: number(*last) }
            }
            Member::Fwmark { .. } => Addresses { family: Family::V4, next: None, last: 0 },
        }
    }

    /// How many kernel services this line stands for.
    pub fn count(&self) -> u128 {
        match self {
            Member::Addresses { first, last, .. } => number(*last).saturating_sub(number(*first)).saturating_add(1),
            Member::Fwmark { .. } => 1,
        }
    }

    pub fn span(&self) -> Span {
        match self {
            Member::Addresses { place, .. } | Member::Fwmark { place, .. } => place.0,
        }
    }

    /// The family, unless it is a mark without one.
    pub fn family(&self) -> Option<Family> {
        match self {
            Member::Addresses { first, .. } => Some(Family::of(first)),
            Member::Fwmark { family, .. } => *family,
        }
    }
}

/// The addresses of a range.
#[derive(Clone, Debug)]
pub struct Addresses {
    family: Family,
    next: Option<u128>,
    last: u128,
}

impl Iterator for Addresses {
    type Item = IpAddr;

    fn next(&mut self) -> Option<IpAddr> {
        let current = self.next.filter(|current| *current <= self.last)?;
        self.next = current.checked_add(1);
        Some(match self.family {
            // The number came from an IPv4 address, so nothing is cut off.
            Family::V4 => IpAddr::V4((current as u32).into()),
            Family::V6 => IpAddr::V6(current.into()),
        })
    }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(u32::from(address)),
        IpAddr::V6(address) => u128::from(address),
    }
}

pub static BLOCK: LazyLock<Block<Group>> = LazyLock::new(|| Block::of_lines("virtual_server_group", entry));

pub(crate) fn open(_: &mut Config, args: &mut Args<'_, '_>) -> Option<Group> {
    let name = args.text()?;
    Some(Group { name, members: Vec::new(), seen: Seen::default() })
}

pub(crate) fn close(config: &mut Config, group: Group, args: &mut Args<'_, '_>) {
    if group.members.is_empty() {
        let finding = Diagnostic::error(EMPTY_GROUP, format!("virtual server group `{}` has no entries", group.name))
            .at(group.seen.head, "left out");
        args.push(finding);
        return;
    }
    let has = |family| group.members.iter().any(|member| member.family() == family);
    if has(Some(Family::V4)) && has(Some(Family::V6)) && has(None) {
        let message =
            format!("virtual server group `{}` has IPv4 and IPv6 addresses and a mark without a family", group.name);
        let mut finding = Diagnostic::error(MIXED_GROUP, message).at(group.seen.head, "left out");
        if let Some(mark) = group.members.iter().find(|member| member.family().is_none()) {
            finding = finding.at(mark.span(), "write `inet` or `inet6` after this");
        }
        args.push(finding);
        return;
    }
    config.lvs.groups.push(group);
}

/// One line: `ADDRESS`, a range, a prefix, or `fwmark N [inet|inet6]`.
fn entry(group: &mut Group, args: &mut Args<'_, '_>) {
    let place = Place(args.span());
    let Some(word) = args.next_word() else { return };
    if word.text == "fwmark" {
        if let Some((mark, family)) = fwmark(word.span, args) {
            group.members.push(Member::Fwmark { mark, family, place });
        }
        return;
    }
    let (first, last) = match range(word.text) {
        Ok(range) => range,
        Err(why) => {
            refuse(args, word.span, why);
            args.rest();
            return;
        }
    };
    if let Some(port) = port(args) {
        group.members.push(Member::Addresses { first, last, port: port.unwrap_or(0), place });
    }
}

fn fwmark(keyword: Span, args: &mut Args<'_, '_>) -> Option<(u32, Option<Family>)> {
    let Some(word) = args.next_word() else {
        let finding = Diagnostic::error(GROUP_ENTRY, "`fwmark` wants a whole number from 1 to 4294967295")
            .class(Class::MissingRequired)
            .at(keyword, "nothing follows");
        args.push(finding);
        return None;
    };
    // 0 is what packets without a mark have, and nothing the kernel could tell a service by.
    let mark = args.number_of(word, 1, i64::from(u32::MAX), false)?;
    let family = match args.next_word() {
        None => None,
        Some(word) if word.text == "inet" => Some(Family::V4),
        Some(word) if word.text == "inet6" => Some(Family::V6),
        Some(word) => {
            refuse(args, word.span, "expected inet or inet6");
            return None;
        }
    };
    u32::try_from(mark).ok().map(|mark| (mark, family))
}

fn refuse(args: &mut Args<'_, '_>, span: Span, why: &str) {
    let finding = Diagnostic::error(GROUP_ENTRY, "this entry of a virtual server group cannot be used")
        .at(span, why)
        .note("then: the entry is left out");
    args.push(finding);
}

/// First and last address of `ADDRESS`, `ADDRESS-LAST` or `ADDRESS/LENGTH`.
fn range(text: &str) -> Result<(IpAddr, IpAddr), &'static str> {
    const NO_ADDRESS: &str = "expected an IPv4 or IPv6 address, a range or a prefix";
    if let Some((first, last)) = text.split_once('-') {
        let first = parse_address(first).ok_or(NO_ADDRESS)?;
        if last.contains(['.', ':']) {
            let last = parse_address(last).ok_or("the end of the range is not an address")?;
            return match (first.is_ipv4() == last.is_ipv4(), number(last) >= number(first)) {
                (false, _) => Err("the range begins and ends in different families"),
                (true, false) => Err("the range ends before it begins"),
                (true, true) => Ok((first, last)),
            };
        }
        return last_part(first, last).map(|last| (first, last));
    }
    if let Some((address, length)) = text.split_once('/') {
        let first = parse_address(address).ok_or(NO_ADDRESS)?;
        return prefix(first, length).map(|last| (first, last));
    }
    let address = parse_address(text).ok_or(NO_ADDRESS)?;
    Ok((address, address))
}

/// The last address of a range written as its last part: decimal for IPv4, hexadecimal for IPv6.
fn last_part(first: IpAddr, text: &str) -> Result<IpAddr, &'static str> {
    let (radix, max) = if first.is_ipv4() { (10, 0xff) } else { (16, 0xffff) };
    if text.is_empty() || !text.chars().all(|digit| digit.is_digit(radix)) {
        return Err("the end of the range is not a number");
    }
    // Digits only, so that what cannot be read is too large.
    let part = u128::from_str_radix(text, radix).unwrap_or(u128::MAX);
    if part > max {
        return Err("the end of the range is too large");
    }
    if part <= number(first) & max {
        return Err("the range does not end after it begins");
    }
    let last = (number(first) & !max) | part;
    Ok(match first {
        IpAddr::V4(_) => IpAddr::V4((last as u32).into()),
        IpAddr::V6(_) => IpAddr::V6(last.into()),
    })
}

/// The last address of a prefix.
fn prefix(first: IpAddr, text: &str) -> Result<IpAddr, &'static str> {
    let bits = u32::from(Family::of(&first).bits());
    let digits = !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit());
    let length = text.parse::<u32>().ok().filter(|length| digits && (1..=bits).contains(length));
    let length = length.ok_or("the prefix length must be from 1 to 32, for IPv6 from 1 to 128")?;
    // 128 free bits cannot be: the length is at least 1.
    let host = (1_u128 << (bits - length)) - 1;
    if number(first) & host != 0 {
        return Err("the prefix has bits set behind its length");
    }
    let last = number(first) | host;
    Ok(match first {
        IpAddr::V4(_) => IpAddr::V4((last as u32).into()),
        IpAddr::V6(_) => IpAddr::V6(last.into()),
    })
}

#[cfg(test)]
mod tests;

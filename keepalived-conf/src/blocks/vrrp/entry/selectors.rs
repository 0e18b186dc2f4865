// SPDX-License-Identifier: MIT OR Apache-2.0
//! Selectors of rules that have a notation of their own: marks, ranges, protocols.

use std::path::Path;

use super::{BAD_VALUE, left_out};
use crate::diagnostic::{Class, Diagnostic};
use crate::number::c_number;
use crate::syntax::Word;
use crate::value::Args;

/// A firewall mark; bits outside the mask do not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Mark {
    pub value: u32,
    pub mask: u32,
}

pub(super) fn mark(args: &mut Args<'_, '_>, value: Word<'_>) -> Option<Mark> {
    let number = |text: &str| c_number(text).and_then(|number| u32::try_from(number).ok());
    let (text, mask) = value.text.split_once('/').unwrap_or((value.text, ""));
    let mask = if mask.is_empty() { Some(u32::MAX) } else { number(mask) };
    let mark = number(text).zip(mask).map(|(value, mask)| Mark { value, mask });
    if mark.is_none() {
        left_out(args, BAD_VALUE, value, "expected MARK or MARK/MASK, each a number of 32 bits");
    }
    mark
}

pub(super) fn uid_range(args: &mut Args<'_, '_>, value: Word<'_>) -> Option<(u32, u32)> {
    let range =
        value.text.split_once('-').and_then(|(first, last)| first.parse::<u32>().ok().zip(last.parse::<u32>().ok()));
    match range {
        None => left_out(args, BAD_VALUE, value, "expected FIRST-LAST"),
        Some((first, last)) if first > last => empty_range(args, value),
        Some(_) => {}
    }
    range.filter(|(first, last)| first <= last)
}

/// The kernel would refuse such a rule; keepalived only notices then.
fn empty_range(args: &mut Args<'_, '_>, value: Word<'_>) {
    let finding = args
        .rejection(BAD_VALUE, Class::Ours)
        .at(value.span, "the last number is below the first")
        .note("then: the entry is left out; the kernel refuses it");
    args.push(finding);
}

/// A range of ports. keepalived ignores a single one.
pub(super) fn ports(args: &mut Args<'_, '_>, value: Word<'_>) -> Option<(u16, u16)> {
    let (first, last) = value.text.split_once('-').unwrap_or((value.text, value.text));
    let range = first.parse::<u16>().ok().zip(last.parse::<u16>().ok()).filter(|(first, last)| first <= last);
    let Some(range) = range else {
        args.reject(BAD_VALUE, Class::General, value.span, "ignored: expected FIRST-LAST, each from 0 to 65535");
        return None;
    };
    if !value.text.contains('-') {
        let finding = Diagnostic::warning(BAD_VALUE, format!("keepalived ignores the single port {first}"))
            .class(Class::General)
            .at(value.span, "used here")
            .hint(format!("write `{first}-{first}`"));
        args.push(finding);
    }
    Some(range)
}

/// Protocols whose names need no file.
const PROTOCOLS: &[(&str, u8)] = &[
    ("icmp", 1),
    ("igmp", 2),
    ("tcp", 6),
    ("udp", 17),
    ("dccp", 33),
    ("gre", 47),
    ("esp", 50),
    ("ah", 51),
    ("ipv6-icmp", 58),
    ("ospf", 89),
    ("vrrp", 112),
    ("sctp", 132),
    ("udplite", 136),
];

pub(super) fn ip_protocol(args: &mut Args<'_, '_>, value: Word<'_>) -> Option<u8> {
    if let Some(number) = c_number(value.text) {
        let protocol = u8::try_from(number).ok();
        if protocol.is_none_or(|protocol| protocol > 127) {
            args.reject(BAD_VALUE, Class::General, value.span, "ignored: expected a name or a number from 0 to 127");
            return None;
        }
        return protocol;
    }
    let name = value.text.to_ascii_lowercase();
    let listed = crate::names::text(args.cx.host, Path::new("/etc/protocols")).unwrap_or_default();
    let from_file = listed.lines().find_map(|line| {
        let mut words = line.split('#').next().unwrap_or_default().split_ascii_whitespace();
        let (first, number) = (words.next()?, words.next()?.parse::<u8>().ok()?);
        let matches = first == name || words.any(|alias| alias == name || alias == value.text);
        matches.then_some(number)
    });
    let built_in = || PROTOCOLS.iter().find(|(known, _)| *known == name).map(|(_, number)| *number);
    let protocol = from_file.or_else(built_in);
    if protocol.is_none() {
        args.reject(BAD_VALUE, Class::General, value.span, "ignored: no such protocol");
    }
    protocol
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! `persistence_granularity`: a mask or a length.

use std::net::Ipv4Addr;

use super::{Granularity, PERSISTENCE_DEFAULT, VirtualServer};
use crate::blocks::lvs::codes::GRANULARITY;
use crate::diagnostic::{Class, Diagnostic};
use crate::family::Family;
use crate::span::Span;
use crate::value::Args;

pub(super) fn granularity(server: &mut VirtualServer, args: &mut Args<'_, '_>) {
    let Some(word) = args.word() else { return };
    let family = server.family.unwrap_or(if word.text.contains('.') { Family::V4 } else { Family::V6 });
    let granularity = match family {
        Family::V4 => {
            let Some(mask) = dotted(word.text) else {
                args.reject(GRANULARITY, Class::General, word.span, "expected a mask such as 255.255.255.0");
                return;
            };
            odd_mask(word.span, mask, args);
            Granularity::Mask(mask)
        }
        Family::V6 => {
            let Some(length) = args.number_of(word, 1, 128, false) else { return };
            Granularity::Prefix(u8::try_from(length).unwrap_or(128))
        }
    };
    if server.family.is_none() {
        server.family.set(Some(family));
    }
    server.persistence_granularity = Some(granularity);
    server.persistence_timeout.get_or_insert(PERSISTENCE_DEFAULT);
}

/// A mask in the notations of the C library: one to four numbers, the last of which fills what is left.
fn dotted(text: &str) -> Option<Ipv4Addr> {
    let parts: Vec<u32> = text.split('.').map(c_number).collect::<Option<_>>()?;
    let (last, first) = parts.split_last()?;
    let room = 4_usize.checked_sub(first.len()).filter(|room| *room > 0)?;
    if room < 4 && *last >= 1 << (8 * room) || first.iter().any(|part| *part > 255) {
        return None;
    }
    let high = first.iter().fold(0_u32, |bits, part| bits << 8 | part);
    Some(Ipv4Addr::from(if first.is_empty() { *last } else { high << (8 * room) | last }))
}

fn c_number(text: &str) -> Option<u32> {
    let (digits, radix) = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => (digits, 16),
        None if text.len() > 1 && text.starts_with('0') => (text, 8),
        None => (text, 10),
    };
    digits.chars().all(|digit| digit.is_digit(radix)).then(|| u32::from_str_radix(digits, radix).ok())?
}

/// A mask that is legal, but can hardly be what was meant.
fn odd_mask(span: Span, mask: Ipv4Addr, args: &mut Args<'_, '_>) {
    let bits = mask.to_bits();
    if bits.leading_ones() + bits.trailing_zeros() >= 32 {
        return;
    }
    let mut finding = Diagnostic::lint(GRANULARITY, format!("`{}` is not a contiguous mask", args.keyword))
        .at(span, format!("read as {mask}"));
    if bits <= 32 {
        let meant = Ipv4Addr::from(u32::MAX.checked_shl(32 - bits).unwrap_or(0));
        finding = finding.hint(format!("a prefix length of {bits} is written {meant}"));
    }
    args.push(finding);
}

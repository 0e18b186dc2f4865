// SPDX-License-Identifier: MIT OR Apache-2.0
//! The syntaxes of entries in VRRP's list blocks: addresses, routes, rules, tracked objects, unicast peers.

pub mod address;
pub mod encap;
pub mod nexthop;
pub mod route;
pub mod route_metrics;
pub mod rule;
pub mod selectors;
pub mod shared;
pub mod track;
pub mod unicast;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::diagnostic::{Class, Code, Diagnostic};
use crate::family::Family;
use crate::syntax::Word;
use crate::value::{Args, parse_address};

pub const NO_VALUE: Code = Code::new("KC150", "an option without its value");
pub const BAD_VALUE: Code = Code::new("KC151", "a value that cannot be used");
pub const BAD_PREFIX: Code = Code::new("KC152", "not a prefix length");
pub const UNKNOWN_OPTION: Code = Code::new("KC153", "unknown option");
pub const MIXED_FAMILIES: Code = Code::new("KC154", "IPv4 and IPv6 mixed");
pub const TWICE: Code = Code::new("KC155", "given twice");
pub const WRONG_FAMILY: Code = Code::new("KC156", "not possible in this family");
pub const CONFLICT: Code = Code::new("KC157", "two options that exclude each other");
pub const SKIPPED_WORD: Code = Code::new("KC158", "a word that keepalived would not read");
pub const UNTRACKABLE: Code = Code::new("KC159", "cannot be tracked as written");

/// The longest name an interface can have.
pub const INTERFACE_NAME_MAX: usize = 15;

/// An address and how many of its bits count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix {
    pub ip: IpAddr,
    pub bits: u8,
}

impl Prefix {
    /// What `default` means.
    pub fn any(family: Family) -> Prefix {
        let ip = match family {
            Family::V4 => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            Family::V6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        };
        Prefix { ip, bits: 0 }
    }

    pub fn family(&self) -> Family {
        Family::of(&self.ip)
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.ip, self.bits)
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Prefix {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The word after an option. When there is none, says so: keepalived ends over it in routes and rules
/// ([`Class::MissingRequired`]) and drops an address ([`Class::General`]).
pub(super) fn value_of<'s>(args: &mut Args<'s, '_>, option: Word<'s>, class: Class) -> Option<Word<'s>> {
    let value = args.next_word();
    if value.is_none() {
        let finding = Diagnostic::error(NO_VALUE, format!("`{}` wants a value", option.text))
            .class(class)
            .at(option.span, "nothing follows")
            .note("then: the entry is left out");
        args.push(finding);
    }
    value
}

/// An address, perhaps with a prefix length.
pub(super) struct WithLength {
    pub(super) ip: IpAddr,
    pub(super) bits: u8,
    /// A length was written.
    pub(super) explicit: bool,
}

/// Reads `ADDRESS[/LENGTH]`. A length out of range becomes the full length, as in keepalived; one that is no number
/// leaves the entry out, because there is no telling which width was meant.
pub(super) fn with_length<'s>(args: &mut Args<'s, '_>, word: Word<'s>) -> Option<WithLength> {
    let (text, length) = match word.text.split_once('/') {
        Some((text, length)) => (text, Some(length)),
        None => (word.text, None),
    };
    let Some(ip) = parse_address(text) else {
        args.not_an_address(word, "expected an IPv4 or IPv6 address");
        return None;
    };
    let full = Family::of(&ip).bits();
    let Some(length) = length.filter(|length| !length.is_empty()) else {
        return Some(WithLength { ip, bits: full, explicit: false });
    };
    Some(WithLength { ip, bits: length_of(args, word, length, full)?, explicit: true })
}

fn length_of<'s>(args: &mut Args<'s, '_>, word: Word<'s>, text: &str, full: u8) -> Option<u8> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    let (number, rest) = digits.split_at(end);
    let bad = |what: String| {
        Diagnostic::error(BAD_PREFIX, format!("`{}`: `{text}` is not a prefix length", word.text)).at(word.span, what)
    };
    if number.is_empty() {
        args.push(bad(format!("expected a number from 0 to {full}")).note("then: the entry is left out"));
        return None;
    }
    let bits = number.parse::<u8>().ok().filter(|bits| *bits <= full && !text.starts_with('-'));
    match bits {
        Some(bits) if rest.is_empty() => Some(bits),
        Some(bits) => {
            args.push(bad(format!("read as {bits}")).class(Class::InvalidNumber));
            Some(bits)
        }
        None => {
            args.push(bad(format!("expected a number from 0 to {full}")).note(format!("then: {full} is used")));
            Some(full)
        }
    }
}

/// An address without a prefix length.
pub(super) fn plain_address<'s>(args: &mut Args<'s, '_>, word: Word<'s>) -> Option<IpAddr> {
    let address = parse_address(word.text);
    if address.is_none() {
        args.not_an_address(word, "expected an address without a length");
    }
    address
}

/// A value or an option because of which the whole entry is left out.
pub(super) fn left_out(args: &mut Args<'_, '_>, code: Code, word: Word<'_>, label: &str) {
    let finding = args.rejection(code, Class::General).at(word.span, label).note("then: the entry is left out");
    args.push(finding);
}

/// Says that an option is unknown, with the nearest one there is.
pub(super) fn unknown_option(args: &mut Args<'_, '_>, word: Word<'_>, known: &[&'static str], then: &str) {
    let mut finding = Diagnostic::error(UNKNOWN_OPTION, format!("`{}`: unknown option `{}`", args.keyword, word.text))
        .at(word.span, then);
    if let Some(near) = crate::schema::nearest(word.text, known.iter().copied()) {
        finding = finding.hint(format!("did you mean `{near}`?"));
    }
    args.push(finding);
}

/// The name of an interface; longer than the kernel allows is an error.
pub(crate) fn interface_name(args: &mut Args<'_, '_>, word: Word<'_>) -> Option<crate::span::Name> {
    if word.text.is_empty() || word.text.len() > INTERFACE_NAME_MAX {
        let label = format!("the name of an interface has at most {INTERFACE_NAME_MAX} characters");
        args.reject(BAD_VALUE, Class::General, word.span, label);
        return None;
    }
    Some(crate::span::Name::new(word.text, word.span))
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! An address to put on an interface: `ADDRESS[/LENGTH] [OPTION]...`.

use std::net::{IpAddr, Ipv4Addr};

use super::{
    BAD_VALUE, CONFLICT, MIXED_FAMILIES, TWICE, WRONG_FAMILY, interface_name, left_out, unknown_option, value_of,
    with_length,
};
use crate::diagnostic::{Class, Diagnostic};
use crate::family::Family;
use crate::names::Table;
use crate::schema::Setting;
use crate::span::{Name, Place};
use crate::syntax::Word;
use crate::value::{Args, parse_address};

/// The syntax of an entry of `virtual_ipaddress` and its like.
pub const VIRTUAL: &str = "ADDRESS[/LENGTH] [dev IFACE] [scope SCOPE] [broadcast|brd ADDRESS|+|-] [label TEXT] \
    [peer ADDRESS] [home] [-nodad] [mngtmpaddr] [noprefixroute] [autojoin] [preferred_lft SECONDS|forever] \
    [no_track] [use_vmac]";
/// The syntax of an entry of `static_ipaddress`.
pub const STATIC: &str = "ADDRESS[/LENGTH] [dev IFACE] [scope SCOPE] [broadcast|brd ADDRESS|+|-] [label TEXT] \
    [peer ADDRESS] [home] [-nodad] [mngtmpaddr] [noprefixroute] [autojoin] [preferred_lft SECONDS|forever] \
    [no_track] [track_group NAME]";

/// The longest label the kernel takes.
pub const LABEL_MAX: usize = 15;

/// One address and how it is installed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Address {
    pub ip: IpAddr,
    /// Prefix length; of the peer when there is one.
    pub bits: u8,
    /// `None` for a virtual address on the interface of its instance.
    pub dev: Option<Name>,
    pub scope: Option<u8>,
    pub broadcast: Option<Ipv4Addr>,
    pub label: Option<String>,
    pub peer: Option<IpAddr>,
    pub home: bool,
    /// `-nodad`: duplicate address detection stays on. Without it IPv6 addresses are usable at once.
    pub detect_duplicates: bool,
    pub mngtmpaddr: bool,
    pub noprefixroute: bool,
    pub autojoin: bool,
    /// How long the address is preferred as a source; counts for IPv6 only.
    pub preferred: Setting<Lifetime>,
    pub tracked: bool,
    pub track_group: Option<Name>,
    /// On a VMAC of its own when it is not on the instance's interface or not of its family.
    pub use_vmac: bool,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub place: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub enum Lifetime {
    Forever,
    Seconds(u32),
}

/// Which list an address stands in: their options differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Context {
    Virtual,
    Static,
}

const OPTIONS: &[&str] = &[
    "dev",
    "scope",
    "broadcast",
    "brd",
    "label",
    "peer",
    "home",
    "-nodad",
    "mngtmpaddr",
    "noprefixroute",
    "autojoin",
    "preferred_lft",
    "no_track",
    "track_group",
    "use_vmac",
];

impl Address {
    /// A single address without options.
    pub fn new(ip: IpAddr, bits: u8) -> Address {
        let deprecated = ip.is_ipv6() && bits == 128;
        Address {
            ip,
            bits,
            dev: None,
            scope: None,
            broadcast: None,
            label: None,
            peer: None,
            home: false,
            detect_duplicates: false,
            mngtmpaddr: false,
            noprefixroute: false,
            autojoin: false,
            // A source address that moves away breaks connections: keep single addresses from being chosen.
            preferred: Setting::new(if deprecated { Lifetime::Seconds(0) } else { Lifetime::Forever }),
            tracked: true,
            track_group: None,
            use_vmac: false,
            place: Place::default(),
        }
    }

    pub fn family(&self) -> Family {
        Family::of(&self.ip)
    }

    /// Reads an entry; `None` when it is left out.
    pub fn read(args: &mut Args<'_, '_>, context: Context) -> Option<Address> {
        let word = args.next_word()?;
        let first = with_length(args, word)?;
        let mut address = Address::new(first.ip, first.bits);
        address.place = Place(args.span());
        while let Some(option) = args.next_word() {
            if !address.option(args, option, context) {
                return None;
            }
        }
        address.finish(args, word, first.explicit);
        Some(address)
    }

    /// Applies one option. False when the entry is to be left out.
    fn option<'s>(&mut self, args: &mut Args<'s, '_>, option: Word<'s>, context: Context) -> bool {
        match option.text {
            "home" => self.home = true,
            "-nodad" => self.detect_duplicates = true,
            "mngtmpaddr" => self.mngtmpaddr = true,
            "noprefixroute" => self.noprefixroute = true,
            "autojoin" => self.autojoin = true,
            "no_track" => self.tracked = false,
            "use_vmac" if context == Context::Virtual => self.use_vmac = true,
            "dev" | "scope" | "broadcast" | "brd" | "label" | "peer" | "preferred_lft" => {
                return self.valued(args, option);
            }
            "track_group" if context == Context::Static => return self.valued(args, option),
            _ => unknown_option(args, option, OPTIONS, "ignored"),
        }
        true
    }

    /// An option with a value.
    fn valued<'s>(&mut self, args: &mut Args<'s, '_>, option: Word<'s>) -> bool {
        let Some(value) = value_of(args, option, Class::General) else { return false };
        match option.text {
            "dev" => return self.set_dev(args, option, value),
            "scope" => self.set_scope(args, value),
            "broadcast" | "brd" => return self.set_broadcast(args, value),
            "label" => return self.set_label(args, value),
            "peer" => self.set_peer(args, value),
            "preferred_lft" => self.set_preferred(args, value),
            _ => self.track_group = Some(Name::new(value.text, value.span)),
        }
        true
    }

    fn set_dev<'s>(&mut self, args: &mut Args<'s, '_>, option: Word<'s>, value: Word<'s>) -> bool {
        if self.dev.is_some() {
            left_out(args, TWICE, option, "the address is on one interface only");
            return false;
        }
        self.dev = interface_name(args, value);
        self.dev.is_some()
    }

    fn set_scope<'s>(&mut self, args: &mut Args<'s, '_>, value: Word<'s>) {
        if self.family() == Family::V6 {
            args.reject(WRONG_FAMILY, Class::General, value.span, "IPv6 addresses have the scope of their prefix");
            return;
        }
        let host = args.cx.host;
        match args.cx.names.find(host, Table::Scope, value.text) {
            Some(scope) => self.scope = u8::try_from(scope).ok(),
            None => args.reject(BAD_VALUE, Class::General, value.span, "no such scope; ignored"),
        }
    }

    fn set_broadcast<'s>(&mut self, args: &mut Args<'s, '_>, value: Word<'s>) -> bool {
        let IpAddr::V4(ip) = self.ip else {
            left_out(args, WRONG_FAMILY, value, "IPv6 has no broadcast addresses");
            return false;
        };
        match value.text {
            "+" | "-" if self.bits > 30 => {
                let label = format!("a /{} has no broadcast address; ignored", self.bits);
                args.reject(BAD_VALUE, Class::General, value.span, label);
            }
            "+" => self.broadcast = Some(Ipv4Addr::from_bits(ip.to_bits() | host_bits(self.bits))),
            "-" => self.broadcast = Some(Ipv4Addr::from_bits(ip.to_bits() & !host_bits(self.bits))),
            text => match parse_address(text) {
                Some(IpAddr::V4(broadcast)) => self.broadcast = Some(broadcast),
                Some(IpAddr::V6(_)) | None => {
                    left_out(args, BAD_VALUE, value, "expected an IPv4 address, `+` or `-`");
                    return false;
                }
            },
        }
        true
    }

    fn set_label<'s>(&mut self, args: &mut Args<'s, '_>, value: Word<'s>) -> bool {
        if self.family() == Family::V6 {
            args.reject(WRONG_FAMILY, Class::General, value.span, "IPv6 addresses have no labels; ignored");
            return true;
        }
        if value.text.len() > LABEL_MAX {
            left_out(args, BAD_VALUE, value, &format!("a label has at most {LABEL_MAX} characters"));
            return false;
        }
        self.label = Some(value.text.to_owned());
        true
    }

    fn set_peer<'s>(&mut self, args: &mut Args<'s, '_>, value: Word<'s>) {
        if self.peer.is_some() {
            args.reject(TWICE, Class::General, value.span, "ignored: there is a peer already");
            return;
        }
        match parse_address(value.text) {
            Some(peer) if Family::of(&peer) == self.family() => self.peer = Some(peer),
            Some(_) => args.reject(MIXED_FAMILIES, Class::General, value.span, "ignored: not the address's family"),
            None => args.reject(BAD_VALUE, Class::General, value.span, "ignored: expected an address without a length"),
        }
    }

    fn set_preferred<'s>(&mut self, args: &mut Args<'s, '_>, value: Word<'s>) {
        if value.text == "forever" {
            self.preferred.set(Lifetime::Forever);
        } else if let Some(seconds) = args.number_of(value, 0, i64::from(u32::MAX), false)
            && let Ok(seconds) = u32::try_from(seconds)
        {
            // The largest number is how the kernel writes forever.
            let lifetime = if seconds == u32::MAX { Lifetime::Forever } else { Lifetime::Seconds(seconds) };
            self.preferred.set(lifetime);
        }
    }

    /// What depends on several options.
    fn finish(&mut self, args: &mut Args<'_, '_>, word: Word<'_>, explicit_length: bool) {
        if self.peer.is_some() {
            if explicit_length {
                let label = "the length is ignored: an address with a peer stands for itself alone";
                args.reject(CONFLICT, Class::General, word.span, label);
            }
            self.bits = self.family().bits();
            if self.broadcast.take().is_some() {
                let finding = Diagnostic::error(CONFLICT, "`broadcast` and `peer` exclude each other")
                    .at(self.place.0, "the broadcast address is ignored");
                args.push(finding);
            }
        }
        if self.track_group.is_some() && !self.tracked {
            let finding = Diagnostic::error(CONFLICT, "`no_track` and `track_group` exclude each other")
                .class(Class::Logged)
                .at(self.place.0, "not tracked");
            args.push(finding);
            self.track_group = None;
        }
    }
}

fn host_bits(bits: u8) -> u32 {
    u32::MAX.checked_shr(u32::from(bits)).unwrap_or(0)
}

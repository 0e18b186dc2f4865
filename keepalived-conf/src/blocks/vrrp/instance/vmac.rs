// SPDX-License-Identifier: MIT OR Apache-2.0
//! Interfaces of the instance's own: macvlan with the virtual MAC, ipvlan.

use std::net::IpAddr;

use super::VrrpInstance;
use crate::blocks::vrrp::entry::{BAD_VALUE, NO_VALUE, TWICE, interface_name};
use crate::diagnostic::{Class, Diagnostic};
use crate::names::Table;
use crate::schema::{Again, Keyword, Shape, kw};
use crate::span::Name;
use crate::syntax::Word;
use crate::value::{Args, parse_address};

/// `use_vmac`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Vmac {
    /// `None` makes one from `vmac_prefix` and the virtual router id.
    pub name: Option<Name>,
    /// `None` is the virtual MAC of the standard.
    pub mac: Option<Mac>,
    pub netlink_notify_msg: bool,
    /// Group of interfaces; `None` is that of the interface below.
    pub group: Option<u32>,
}

/// A MAC of the operator's choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Mac {
    /// The last octet is the virtual router id when `ends_in_vrid`, filled in when resolving.
    pub octets: [u8; 6],
    pub ends_in_vrid: bool,
}

/// `use_ipvlan`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Ipvlan {
    pub name: Option<Name>,
    /// Address of the ipvlan with its prefix length; adverts come from it when no source is configured.
    pub address: Option<(IpAddr, u8)>,
    pub mode: IpvlanMode,
    pub group: Option<u32>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub enum IpvlanMode {
    #[default]
    Bridge,
    Private,
    Vepa,
}

pub(super) fn rows() -> Vec<Keyword<VrrpInstance>> {
    vec![
        kw("use_vmac")
            .opt(Shape::Syntax("[[name] IFACE] [MAC] [netlink_notify_msg] [group GROUP]"))
            .default("off; the name is made from `vmac_prefix` and the virtual router id")
            .otherwise("that part is ignored")
            .doc("Run on a macvlan of its own with the virtual MAC, so that the MAC moves along with the addresses.")
            .note(
                "A MAC of five octets is completed with the virtual router id. `name` allows a name that is a keyword.",
            )
            .since("<2.0")
            .set(use_vmac),
        kw("use_vmac_addr")
            .default("off")
            .doc("Put addresses on other interfaces, or of the other family, on macvlans too.")
            .since("2.2.0")
            .set(|instance, args| {
                args.rest();
                instance.use_vmac_addr = true;
            }),
        kw("vmac_xmit_base")
            .default("off; on with unicast")
            .doc("Send and receive adverts on the interface below the macvlan.")
            .since("<2.0")
            .set(|instance, args| {
                args.rest();
                instance.vmac_xmit_base = true;
            }),
        kw("use_ipvlan")
            .opt(Shape::Syntax("[[name] IFACE] [ADDRESS[/LENGTH]] [bridge|private|vepa] [group GROUP]"))
            .default("off; bridge")
            .otherwise("that part is ignored")
            .doc("Run on an ipvlan of its own, which shares the MAC of its interface.")
            .note("An IPv4 instance needs the address.")
            .since("2.0.17")
            .again(Again::Adds)
            .set(use_ipvlan),
    ]
}

fn use_vmac(instance: &mut VrrpInstance, args: &mut Args<'_, '_>) {
    let mut vmac = instance.vmac.take().unwrap_or_default();
    while let Some(word) = args.next_word() {
        match word.text {
            "name" => set_name(&mut vmac.name, named(args, word), args),
            "group" => vmac.group = group(args, word).or(vmac.group),
            "netlink_notify_msg" => vmac.netlink_notify_msg = true,
            text if text.contains(':') => match mac(text) {
                Some(mac) => vmac.mac = Some(mac),
                None => args.reject(
                    BAD_VALUE,
                    Class::General,
                    word.span,
                    "ignored: expected 5 or 6 octets, neither multicast nor in 00:00:5e:00:01 or 00:00:5e:00:02",
                ),
            },
            _ => set_name(&mut vmac.name, interface_name(args, word), args),
        }
    }
    instance.vmac = Some(vmac);
}

fn use_ipvlan(instance: &mut VrrpInstance, args: &mut Args<'_, '_>) {
    if instance.ipvlan.is_some() {
        args.rest();
        let finding = Diagnostic::error(TWICE, "`use_ipvlan` is set already").at(args.span(), "ignored");
        args.push(finding);
        return;
    }
    let mut ipvlan = Ipvlan::default();
    while let Some(word) = args.next_word() {
        match word.text {
            "name" => set_name(&mut ipvlan.name, named(args, word), args),
            "group" => ipvlan.group = group(args, word).or(ipvlan.group),
            "bridge" => ipvlan.mode = IpvlanMode::Bridge,
            "private" => ipvlan.mode = IpvlanMode::Private,
            "vepa" => ipvlan.mode = IpvlanMode::Vepa,
            text => match address(text) {
                Some(address) => ipvlan.address = Some(address),
                None => set_name(&mut ipvlan.name, interface_name(args, word), args),
            },
        }
    }
    instance.ipvlan = Some(ipvlan);
}

/// The first name counts.
fn set_name(place: &mut Option<Name>, name: Option<Name>, args: &mut Args<'_, '_>) {
    match (&place, name) {
        (Some(first), Some(name)) => {
            let finding = Diagnostic::error(TWICE, "an interface has one name")
                .at(name.span(), "ignored")
                .at(first.span(), "the first one");
            args.push(finding);
        }
        (None, Some(name)) => *place = Some(name),
        (_, None) => {}
    }
}

/// The word after `name`.
fn named(args: &mut Args<'_, '_>, option: Word<'_>) -> Option<Name> {
    let value = value(args, option)?;
    interface_name(args, value)
}

/// The number or name after `group`.
fn group(args: &mut Args<'_, '_>, option: Word<'_>) -> Option<u32> {
    let value = value(args, option)?;
    let host = args.cx.host;
    let group = args.cx.names.find(host, Table::Group, value.text);
    if group.is_none() {
        args.reject(BAD_VALUE, Class::General, value.span, "ignored: no such group of interfaces");
    }
    group
}

fn value<'s>(args: &mut Args<'s, '_>, option: Word<'_>) -> Option<Word<'s>> {
    let value = args.next_word();
    if value.is_none() {
        let finding =
            Diagnostic::error(NO_VALUE, format!("`{}` wants a value", option.text)).at(option.span, "ignored");
        args.push(finding);
    }
    value
}

/// Six octets, or five to which the virtual router id is added.
fn mac(text: &str) -> Option<Mac> {
    let text = text.strip_suffix(':').unwrap_or(text);
    let mut octets = [0; 6];
    let mut count = 0;
    for part in text.split(':') {
        let octet = octets.get_mut(count)?;
        if part.is_empty() || part.len() > 2 || !part.chars().all(|c| c.is_ascii_hexdigit()) {
            return None;
        }
        *octet = u8::from_str_radix(part, 16).ok()?;
        count += 1;
    }
    let standard = matches!(octets, [0, 0, 0x5e, 0, 1 | 2, _]);
    let multicast = octets[0] & 1 == 1;
    if !(5..=6).contains(&count) || standard || multicast {
        return None;
    }
    Some(Mac { octets, ends_in_vrid: count == 5 })
}

/// `ADDRESS[/LENGTH]`.
fn address(text: &str) -> Option<(IpAddr, u8)> {
    let (ip, length) = match text.split_once('/') {
        Some((ip, length)) => (ip, Some(length)),
        None => (text, None),
    };
    let ip = parse_address(ip)?;
    let full = if ip.is_ipv4() { 32 } else { 128 };
    let bits = match length {
        Some(length) => length.parse().ok().filter(|bits| *bits <= full)?,
        None => full,
    };
    Some((ip, bits))
}

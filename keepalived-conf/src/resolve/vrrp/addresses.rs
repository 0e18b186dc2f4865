// SPDX-License-Identifier: MIT OR Apache-2.0
//! The addresses of one instance: whether there are any, whether one is there twice, how many an advert holds.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::{at_keyword, broken};
use crate::blocks::vrrp::Address;
use crate::blocks::vrrp::auth_hmac::Mode;
use crate::blocks::vrrp::authentication::AuthType;
use crate::blocks::vrrp::instance::{Fault, Version, VrrpInstance};
use crate::diagnostic::{Class, Code, Diagnostic, Severity};
use crate::family::Family;
use crate::lint::vrrp::OFF_THE_SUBNET;
use crate::span::Span;
use crate::value::Cx;

pub const NO_ADDRESSES: Code = Code::new("KC183", "no virtual address");
pub const DUPLICATE_ADDRESS: Code = Code::new("KC184", "a virtual address twice");
pub const TOO_MANY_ADDRESSES: Code = Code::new("KC185", "more addresses than an advert holds");
pub const NOT_LINK_LOCAL: Code = Code::new("KC186", "the first IPv6 address is not link-local");

/// The most addresses an advert can count.
const ADDRESSES_MAX: usize = 255;
/// keepalived takes it off the MTU, which does not contain it.
const ETHERNET_HEADER: u32 = 14;
/// The size of packets where the interface is not known.
const MTU: u32 = 1500;

pub(super) fn resolve(instance: &mut VrrpInstance, cx: &mut Cx<'_>) {
    duplicates(instance, cx);
    count(instance, cx);
    first_link_local(instance, cx);
    fit(instance, cx);
    off_the_subnet(instance, cx);
}

fn duplicates(instance: &mut VrrpInstance, cx: &mut Cx<'_>) {
    let own = instance.interface.as_ref().map(|name| name.text.clone());
    let mut first: BTreeMap<(IpAddr, Option<String>), Span> = BTreeMap::new();
    let findings = &mut cx.diagnostics;
    let mut keep = |address: &Address| {
        let dev = address.dev.as_ref().map(|dev| dev.text.clone()).or_else(|| own.clone());
        let Some(first) = first.insert((address.ip, dev), address.place.0) else { return true };
        let finding = Diagnostic::error(DUPLICATE_ADDRESS, format!("{} is there twice", address.ip))
            .at(address.place.0, "left out")
            .at(first, "the first one");
        findings.push(finding);
        false
    };
    instance.virtual_ipaddress.retain(&mut keep);
    instance.virtual_ipaddress_excluded.retain(&mut keep);
}

fn count(instance: &mut VrrpInstance, cx: &mut Cx<'_>) {
    if instance.no_virtual_ipaddress && *instance.strict_mode {
        let message = "strict mode wants a virtual address";
        let finding = at_keyword(instance, NO_ADDRESSES, "no_virtual_ipaddress", message, "ignored");
        cx.diagnostics.push(finding.class(Class::Warning).severity(Severity::Warning));
        instance.no_virtual_ipaddress = false;
    }
    if !instance.virtual_ipaddress.is_empty() || instance.no_virtual_ipaddress {
        return;
    }
    let finding = at_keyword(instance, NO_ADDRESSES, "virtual_ipaddress", "there is no virtual address", "")
        .hint("add `virtual_ipaddress { ADDRESS/LENGTH }`, or `no_virtual_ipaddress` when none is wanted");
    if *instance.version == Version::V3 || *instance.strict_mode {
        broken(instance, Fault::NoAddresses, finding, cx);
    } else {
        cx.diagnostics.push(finding.class(Class::Warning).severity(Severity::Warning));
    }
}

/// RFC 9568 §5.2.9: the first address of an IPv6 virtual router is the link-local one.
fn first_link_local(instance: &mut VrrpInstance, cx: &mut Cx<'_>) {
    let Some(first) = instance.virtual_ipaddress.first() else { return };
    let IpAddr::V6(ip) = first.ip else { return };
    if ip.is_unicast_link_local() || instance.unicast.in_use() {
        return;
    }
    let finding = Diagnostic::error(NOT_LINK_LOCAL, format!("{}: the first IPv6 address is link-local", instance.name))
        .at(first.place.0, "a global one comes first here")
        .hint("put a link-local address such as fe80::1/64 first: hosts use it as their gateway");
    let finding = if *instance.strict_mode { finding } else { finding.class(Class::Logged).severity(Severity::Note) };
    cx.diagnostics.push(finding);
}

/// What does not fit in a packet is treated as excluded.
fn fit(instance: &mut VrrpInstance, cx: &mut Cx<'_>) {
    let link = instance.interface.as_ref().and_then(|name| cx.host.link(name).found());
    let mtu = link.map_or(MTU, |link| link.mtu);
    let (max, of_keepalived) = (most(instance, mtu), most(instance, mtu.saturating_sub(ETHERNET_HEADER)));
    let written = instance.virtual_ipaddress.len();
    if written <= of_keepalived {
        return;
    }
    let surplus = instance.virtual_ipaddress.split_off(max.min(written));
    let (message, then) = if surplus.is_empty() {
        (format!("{written} addresses, a keepalived advert holds {of_keepalived}"), "all of them are advertised here")
    } else {
        (format!("{written} addresses, an advert holds {max}"), "the last ones are treated as excluded")
    };
    let finding = at_keyword(instance, TOO_MANY_ADDRESSES, "virtual_ipaddress", &message, then)
        .hint("move addresses to `virtual_ipaddress_excluded`, the same ones on all routers");
    cx.diagnostics.push(finding);
    instance.virtual_ipaddress_excluded.extend(surplus);
}

/// Hosts reach an address of another network through routers only, and those must know where it is.
fn off_the_subnet(instance: &VrrpInstance, cx: &mut Cx<'_>) {
    let Some(link) = instance.interface.as_ref().and_then(|name| cx.host.link(name).found()) else { return };
    let on_subnet = |ip: IpAddr| link.addresses.iter().any(|(own, bits)| same_network(ip, *own, *bits));
    let family_known = link.addresses.iter().any(|(own, _)| Family::of(own) == *instance.family);
    let stranger = instance.virtual_ipaddress.iter().find(|address| {
        let link_local = matches!(address.ip, IpAddr::V6(ip) if ip.is_unicast_link_local());
        address.dev.is_none() && !link_local && !on_subnet(address.ip)
    });
    let Some(address) = stranger.filter(|_| family_known) else { return };
    let message = format!("{}: {} is in no network of the interface", instance.name, address.ip);
    let finding = Diagnostic::lint(OFF_THE_SUBNET, message)
        .severity(Severity::Note)
        .at(address.place.0, "")
        .hint("check the address and the interface; where it is meant, routers need a route to it");
    cx.diagnostics.push(finding);
}

fn same_network(one: IpAddr, other: IpAddr, bits: u8) -> bool {
    match (one, other) {
        (IpAddr::V4(one), IpAddr::V4(other)) => {
            let differ = one.to_bits() ^ other.to_bits();
            differ.checked_shr(32_u32.saturating_sub(bits.into())).unwrap_or(0) == 0
        }
        (IpAddr::V6(one), IpAddr::V6(other)) => {
            let differ = one.to_bits() ^ other.to_bits();
            differ.checked_shr(128_u32.saturating_sub(bits.into())).unwrap_or(0) == 0
        }
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
    }
}

/// How many addresses an advert of the instance holds.
fn most(instance: &VrrpInstance, mtu: u32) -> usize {
    let (headers, each) = match *instance.family {
        Family::V4 => (20 + 8, 4),
        Family::V6 => (40 + 8, 16),
    };
    let password = match (*instance.family, *instance.version) {
        (Family::V4, Version::V2) => 8,
        (Family::V4, Version::V3) | (Family::V6, Version::V2 | Version::V3) => 0,
    };
    let ah = match instance.authentication.as_ref().and_then(|authentication| authentication.auth_type) {
        Some(AuthType::Ah) => 24,
        Some(AuthType::Pass) | None => 0,
    };
    let trailer = match instance.auth_hmac.as_ref().map(|hmac| *hmac.mode) {
        Some(Mode::Enforce | Mode::Permissive) => 28,
        Some(Mode::ReceiveOnly) | None => 0,
    };
    let room = mtu.saturating_sub(headers + password + ah + trailer) / each;
    usize::try_from(room).unwrap_or(usize::MAX).min(ADDRESSES_MAX)
}

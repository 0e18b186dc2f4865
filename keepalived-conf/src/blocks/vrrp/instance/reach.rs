// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where adverts come from and go to: source, multicast group, unicast peers.

use std::net::IpAddr;

use super::{FAMILY_CLASH, VrrpInstance};
use crate::blocks::vrrp::entry::unicast::{self, Peer};
use crate::blocks::vrrp::entry::{BAD_VALUE, TWICE};
use crate::diagnostic::{Class, Diagnostic};
use crate::family::Family;
use crate::schema::{Again, Keyword, Setting, Shape, kw, strict_int};
use crate::value::Args;

/// Everything about unicast.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Unicast {
    /// A keyword of unicast was written. Without peers keepalived then uses multicast, or nothing with
    /// `unicast_fault_no_peer`.
    pub wanted: bool,
    pub peers: Vec<Peer>,
    /// `unicast_fault_no_peer`.
    pub fault_no_peer: bool,
    /// `check_unicast_src`: adverts from anybody but the peers are dropped.
    pub check_source: Setting<bool>,
    /// `unicast_ttl`: `None` is 255.
    pub ttl: Option<u8>,
    /// `old_unicast_checksum`.
    pub old_checksum: OldChecksum,
}

impl Unicast {
    /// Adverts go to peers, or nowhere.
    pub fn in_use(&self) -> bool {
        !self.peers.is_empty() || self.fault_no_peer
    }
}

/// The checksum of version 3 that keepalived before 1.3.7 sent by unicast.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub enum OldChecksum {
    /// Takes either from a peer.
    #[default]
    Detect,
    Always,
    Never,
}

pub(super) fn rows() -> Vec<Keyword<VrrpInstance>> {
    let mut rows = unicast_rows();
    rows.extend([
        kw("mcast_src_ip")
            .must(Shape::Address)
            .default("the first address of the interface")
            .otherwise("ignored")
            .doc("Source address of adverts.")
            .note("The same setting as `unicast_src_ip`; the last one counts.")
            .since("<2.0")
            .set(source),
        kw("mcast_dst_ip")
            .must(Shape::Address)
            .default("`vrrp_mcast_group4` or `vrrp_mcast_group6`")
            .otherwise("ignored")
            .doc("Multicast group adverts go to and are heard from; in IPv6 a link-local one.")
            .since("2.2.5")
            .set(multicast_group),
        kw("track_src_ip")
            .default("off")
            .doc("Go to FAULT while the configured source address is not on the interface.")
            .since("2.0.0")
            .set(|instance, args| {
                args.rest();
                instance.track_src_ip = true;
            }),
    ]);
    rows
}

fn unicast_rows() -> Vec<Keyword<VrrpInstance>> {
    vec![
        kw("unicast_peer")
            .doc("Routers that get adverts instead of the multicast group.")
            .note("`min_ttl` or `max_ttl` switch `check_unicast_src` on.")
            .since("<2.0")
            .again(Again::Adds)
            .lines(unicast::SYNTAX, peer),
        kw("unicast_src_ip")
            .must(Shape::Address)
            .default("the first address of the interface")
            .otherwise("ignored")
            .doc("Source address of unicast adverts; needed without an interface.")
            .since("<2.0")
            .set(|instance, args| {
                instance.unicast.wanted = true;
                source(instance, args);
            }),
        kw("unicast_ttl")
            .must(strict_int(0, 255))
            .default("255 in IPv4, the kernel's own in IPv6")
            .otherwise("ignored")
            .doc("TTL or hop limit of unicast adverts.")
            .note("Ignored without peers.")
            .since("2.1.0")
            .set(|instance, args| {
                instance.unicast.wanted = true;
                instance.unicast.ttl = args.num().or(instance.unicast.ttl);
            }),
        kw("unicast_fault_no_peer")
            .default("off")
            .doc("Go to FAULT when there is no peer, instead of using multicast.")
            .since("2.2.5")
            .set(|instance, args| {
                args.rest();
                instance.unicast.wanted = true;
                instance.unicast.fault_no_peer = true;
            }),
        kw("check_unicast_src")
            .default("`vrrp_check_unicast_src`")
            .doc("Drop unicast adverts that do not come from a configured peer.")
            .since("2.1.0")
            .set(|instance, args| {
                args.rest();
                instance.unicast.wanted = true;
                instance.unicast.check_source.set(true);
            }),
        kw("old_unicast_checksum")
            .opt(Shape::Choice(&["never"]))
            .default("found out from what the peer sends")
            .otherwise("ignored")
            .doc("Send the checksum of keepalived before 1.3.7 by unicast; with `never`, do not look for it either.")
            .since("<2.0")
            .set(|instance, args| {
                instance.unicast.wanted = true;
                if !args.given() {
                    instance.unicast.old_checksum = OldChecksum::Always;
                } else if args.choice().is_some() {
                    instance.unicast.old_checksum = OldChecksum::Never;
                }
            }),
    ]
}

fn peer(instance: &mut VrrpInstance, args: &mut Args<'_, '_>) {
    instance.unicast.wanted = true;
    let Some(peer) = Peer::read(args) else { return };
    let family = Family::of(&peer.ip);
    if !instance.agrees(family) {
        wrong_family(args, family, instance);
        return;
    }
    if let Some(first) = instance.unicast.peers.iter().find(|known| known.ip == peer.ip) {
        let finding = Diagnostic::error(TWICE, format!("{} is a peer already", peer.ip))
            .at(peer.place.0, "ignored")
            .at(first.place.0, "listed here");
        args.push(finding);
        return;
    }
    if peer.ttl_range().is_some() {
        instance.unicast.check_source.set(true);
    }
    instance.unicast.peers.push(peer);
}

fn source(instance: &mut VrrpInstance, args: &mut Args<'_, '_>) {
    let Some(address) = args.address() else { return };
    let family = Family::of(&address);
    if instance.agrees(family) {
        instance.source = Some(address);
    } else {
        wrong_family(args, family, instance);
    }
}

fn multicast_group(instance: &mut VrrpInstance, args: &mut Args<'_, '_>) {
    let span = args.peek().map_or(args.span(), |word| word.span);
    let Some(address) = args.address() else { return };
    let family = Family::of(&address);
    let fits = match address {
        IpAddr::V4(address) => address.is_multicast(),
        IpAddr::V6(address) => matches!(address.segments(), [first, ..] if first & 0xff0f == 0xff02),
    };
    if !fits {
        let label = match family {
            Family::V4 => "expected a multicast address",
            Family::V6 => "expected a link-local multicast address, such as ff02::12",
        };
        args.reject(BAD_VALUE, Class::General, span, label);
    } else if instance.agrees(family) {
        instance.mcast_dst_ip.set(Some(address));
    } else {
        wrong_family(args, family, instance);
    }
}

fn wrong_family(args: &mut Args<'_, '_>, family: Family, instance: &VrrpInstance) {
    let finding = Diagnostic::error(FAMILY_CLASH, format!("this is {family}, the instance is {}", *instance.family))
        .at(args.span(), "ignored");
    args.push(finding);
}

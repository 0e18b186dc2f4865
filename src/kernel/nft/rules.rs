// SPDX-License-Identifier: MIT OR Apache-2.0
//! The tables as data: sets, chains and rules of each family, in the order in which `nft list ruleset` shows them.
//!
//! Two parts, each made when it is first needed: what drops packets to and from virtual addresses (`no_accept`), and what
//! keeps the group reports of VMACs off the segment, so that switches learn groups by the MAC of the base interface.

use super::wire::{Base, Expression, Hook, Key, Meta, Register, Set, Verdict};
use crate::kernel::Family;

pub(super) const VIPS: &str = "vips";
pub(super) const VIPS_LINK_LOCAL: &str = "vips_link_local";
pub(super) const VIPS_LINK_LOCAL_NAME: &str = "vips_link_local_name";
pub(super) const VMAC_MAP: &str = "vmac_map";
pub(super) const VMAC_SET: &str = "vmac_set";
pub(super) const PARENT_LINK_LOCAL: &str = "parent_link_local";
const NEIGHBOR_DISCOVERY: &str = "neighbor-discovery";
const MLD_REPORT: &str = "mld-report";

const IN: &str = "in";
const OUT: &str = "out";
const IN_LINK_LOCAL: &str = "in_link_local";
const OUT_LINK_LOCAL: &str = "out_link_local";

const IGMP: u8 = 2;
const ICMPV6: u8 = 58;
const MLD_REPORT_V1: u8 = 131;
const MLD_DONE: u8 = 132;
const ROUTER_SOLICIT: u8 = 133;
const NEIGHBOR_SOLICIT: u8 = 135;
const NEIGHBOR_ADVERT: u8 = 136;
const MLD_REPORT_V2: u8 = 143;

/// Which parts of a table are there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Parts {
    pub(super) vips: bool,
    pub(super) vmacs: bool,
}

impl Parts {
    pub(super) fn is_none(self) -> bool {
        !self.vips && !self.vmacs
    }

    /// Whether everything of `other` is there.
    pub(super) fn cover(self, other: Parts) -> bool {
        (self.vips || !other.vips) && (self.vmacs || !other.vmacs)
    }
}

/// A chain, and the hook it hangs on, if any.
pub(super) type Chain = (&'static str, Option<Hook>);
/// A rule: its chain, and what it does.
pub(super) type Rule = (&'static str, Vec<Expression>);

/// The sets of a table, each with the elements it is made with.
pub(super) fn sets(family: Family, parts: Parts) -> Vec<(Set, &'static [u8])> {
    let mut sets = Vec::new();
    if parts.vmacs {
        let index = Key::InterfaceIndex;
        sets.push((Set { name: VMAC_MAP, key: index, to: Some(index), constant: false, ranges: false }, &[][..]));
    }
    match family {
        Family::V4 => {
            if parts.vips {
                sets.push(changing(VIPS, Key::Ipv4));
            }
        }
        Family::V6 => {
            if parts.vmacs {
                sets.push(changing(VMAC_SET, Key::InterfaceIndex));
                sets.push(changing(PARENT_LINK_LOCAL, Key::Ipv6AndName));
                sets.push(constant(MLD_REPORT, &[MLD_REPORT_V1, MLD_DONE, MLD_REPORT_V2]));
            }
            if parts.vips {
                sets.push(changing(VIPS, Key::Ipv6));
                sets.push(constant(NEIGHBOR_DISCOVERY, &[NEIGHBOR_SOLICIT, NEIGHBOR_ADVERT]));
                sets.push(changing(VIPS_LINK_LOCAL, Key::Ipv6AndIndex));
                sets.push(changing(VIPS_LINK_LOCAL_NAME, Key::Ipv6AndName));
            }
        }
    }
    sets
}

fn changing(name: &'static str, key: Key) -> (Set, &'static [u8]) {
    (Set { name, key, to: None, constant: false, ranges: false }, &[])
}

/// A set of ICMPv6 types.
fn constant(name: &'static str, types: &'static [u8]) -> (Set, &'static [u8]) {
    (Set { name, key: Key::Icmpv6Type, to: None, constant: true, ranges: false }, types)
}

pub(super) fn chains(family: Family, parts: Parts) -> Vec<Chain> {
    let mut chains = vec![(OUT, Some(Hook::Output))];
    if parts.vips {
        chains.push((IN, Some(Hook::Input)));
        match family {
            Family::V4 => {}
            Family::V6 => chains.extend([(IN_LINK_LOCAL, None), (OUT_LINK_LOCAL, None)]),
        }
    }
    chains
}

/// The rules of all chains; with `counters` each counts what it acts on.
pub(super) fn rules(family: Family, parts: Parts, counters: bool) -> Vec<Rule> {
    let mut rules = Vec::new();
    if parts.vmacs {
        rules.extend(match family {
            Family::V4 => vmac_rules_v4(),
            Family::V6 => vmac_rules_v6(),
        });
    }
    if parts.vips {
        rules.extend(match family {
            Family::V4 => vip_rules_v4(),
            Family::V6 => vip_rules_v6(),
        });
    }
    if counters {
        for (_, expressions) in &mut rules {
            let acts = |one: &Expression| matches!(one, Expression::Duplicate { .. } | Expression::Verdict(_));
            let place = expressions.iter().position(acts).unwrap_or(expressions.len());
            expressions.insert(place, Expression::Count);
        }
    }
    rules
}

fn vmac_rules_v4() -> Vec<Rule> {
    let protocol = payload(Base::Network, 9, 1, Register::First);
    let destination = payload(Base::Network, 16, 4, Register::First);
    let igmp = vec![protocol, equals(&[IGMP])];
    vec![(OUT, [igmp, through_macvlan(), vec![destination], copy_to_base()].concat())]
}

fn vmac_rules_v6() -> Vec<Rule> {
    let destination = payload(Base::Network, 24, 16, Register::First);
    let is_report = [icmpv6(), vec![is_in(MLD_REPORT)]].concat();
    let is = |kind: u8| [icmpv6(), vec![equals(&[kind])]].concat();
    let index = meta(Meta::OutputIndex, Register::First);
    let name = meta(Meta::OutputName, Register::Second);
    vec![
        // The link-local address of the base interface is on its VMACs too, and answers come from the base alone.
        (
            OUT,
            [
                is(NEIGHBOR_ADVERT),
                through_macvlan(),
                vec![source_v6(), name, is_in(PARENT_LINK_LOCAL), Expression::Verdict(Verdict::Drop)],
            ]
            .concat(),
        ),
        (OUT, [is_report, through_macvlan(), vec![destination], copy_to_base()].concat()),
        (
            OUT,
            [is(ROUTER_SOLICIT), through_macvlan(), vec![index, is_in(VMAC_SET), Expression::Verdict(Verdict::Drop)]]
                .concat(),
        ),
    ]
}

fn vip_rules_v4() -> Vec<Rule> {
    let source = payload(Base::Network, 12, 4, Register::First);
    let destination = payload(Base::Network, 16, 4, Register::First);
    vec![(OUT, drop_if_in(vec![source], VIPS)), (IN, drop_if_in(vec![destination], VIPS))]
}

fn vip_rules_v6() -> Vec<Rule> {
    let source = source_v6;
    let destination = || payload(Base::Network, 24, 16, Register::First);
    let discovery = || [icmpv6(), vec![is_in(NEIGHBOR_DISCOVERY), Expression::Verdict(Verdict::Accept)]].concat();
    let link_local = |address: Expression, chain| {
        let mut mask = vec![0; 16];
        mask.splice(..2, [0xff, 0xc0]);
        let mut prefix = vec![0; 16];
        prefix.splice(..2, [0xfe, 0x80]);
        vec![
            address,
            Expression::Mask { register: Register::First, mask },
            equals(&prefix),
            Expression::Verdict(Verdict::Goto(chain)),
        ]
    };
    let with = |address: Expression, what: Meta| vec![address, meta(what, Register::Second)];
    vec![
        (OUT, discovery()),
        (OUT, link_local(source(), OUT_LINK_LOCAL)),
        (OUT, drop_if_in(vec![source()], VIPS)),
        (IN, discovery()),
        (IN, link_local(destination(), IN_LINK_LOCAL)),
        (IN, drop_if_in(vec![destination()], VIPS)),
        (IN_LINK_LOCAL, drop_if_in(with(destination(), Meta::InputIndex), VIPS_LINK_LOCAL)),
        (IN_LINK_LOCAL, drop_if_in(with(destination(), Meta::InputName), VIPS_LINK_LOCAL_NAME)),
        (OUT_LINK_LOCAL, drop_if_in(with(source(), Meta::OutputIndex), VIPS_LINK_LOCAL)),
        (OUT_LINK_LOCAL, drop_if_in(with(source(), Meta::OutputName), VIPS_LINK_LOCAL_NAME)),
    ]
}

fn payload(base: Base, offset: u32, length: u32, to: Register) -> Expression {
    Expression::Payload { base, offset, length, to }
}

fn source_v6() -> Expression {
    payload(Base::Network, 8, 16, Register::First)
}

fn meta(what: Meta, to: Register) -> Expression {
    Expression::Meta { what, to }
}

fn equals(value: &[u8]) -> Expression {
    Expression::Equals { from: Register::First, value: value.to_vec() }
}

fn is_in(set: &'static str) -> Expression {
    Expression::In { from: Register::First, set }
}

fn drop_if_in(mut load: Vec<Expression>, set: &'static str) -> Vec<Expression> {
    load.extend([is_in(set), Expression::Verdict(Verdict::Drop)]);
    load
}

/// Leaves the type of an ICMPv6 message in the first register. Group reports have a header before it, so the protocol is
/// what the kernel found and not what the IP header says.
fn icmpv6() -> Vec<Expression> {
    vec![meta(Meta::Protocol, Register::First), equals(&[ICMPV6]), payload(Base::Transport, 0, 1, Register::First)]
}

fn through_macvlan() -> Vec<Expression> {
    let mut kind = b"macvlan".to_vec();
    kind.resize(super::wire::NAME_LEN, 0);
    vec![meta(Meta::OutputKind, Register::Second), Expression::Equals { from: Register::Second, value: kind }]
}

/// Sends the packet, whose destination is in the first register, by the base interface instead.
fn copy_to_base() -> Vec<Expression> {
    vec![
        meta(Meta::OutputIndex, Register::Second),
        Expression::Map { from: Register::Second, map: VMAC_MAP, to: Register::Second },
        Expression::Duplicate { address: Register::First, interface: Register::Second },
        Expression::Verdict(Verdict::Drop),
    ]
}

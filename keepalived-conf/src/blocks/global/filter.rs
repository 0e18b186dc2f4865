// SPDX-License-Identifier: MIT OR Apache-2.0
//! The packet filter that keeps a virtual router from answering where it must not.

use super::{CONFLICT, Global, NAME_TOO_LONG, ORDER};
use crate::diagnostic::{Class, Code, Diagnostic};
use crate::schema::{Again, Keyword, Setting, Shape, kw, strict_int};
use crate::value::Args;

pub const NO_IPTABLES: Code = Code::new("KC129", "nftables are used instead of iptables");

/// Longer names of tables are refused by the kernel.
const TABLE_NAME_MAX: usize = 254;

/// Longer names of chains are refused by iptables.
const CHAIN_NAME_MAX: usize = 27;

/// Longer names of ipsets are refused by the kernel.
const SET_NAME_MAX: usize = 30;

/// What the base chains hook in at.
pub const CHAIN_PRIORITY: i32 = -1;

#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Filter {
    pub table: Setting<String>,
    pub chain_priority: Setting<i32>,
    /// Link-local addresses are told apart by the number of the interface in any case.
    pub by_ifindex: bool,
    /// Rules count what they match; balancing rules too.
    pub counters: bool,
    /// The chains a configuration for iptables names, for input and output.
    pub iptables: Option<Vec<String>>,
    /// The names a configuration for ipsets gives.
    pub ipsets: Option<Vec<String>>,
}

impl Default for Filter {
    fn default() -> Filter {
        Filter {
            table: Setting::new("keepalived".to_owned()),
            chain_priority: Setting::new(CHAIN_PRIORITY),
            by_ifindex: false,
            counters: false,
            iptables: None,
            ipsets: None,
        }
    }
}

pub(super) fn rows() -> Vec<Keyword<Global>> {
    vec![
        kw("vrrp_iptables")
            .opt(Shape::Word("INCHAIN"))
            .opt(Shape::Word("OUTCHAIN"))
            .default("not used")
            .otherwise("the line is ignored")
            .doc("Filter with iptables, in these chains.")
            .note("nftables do the same here, as in a keepalived built without iptables.")
            .since("<2.0")
            .again(Again::First)
            .set(iptables),
        kw("vrrp_ipsets")
            .opt(Shape::Syntax("ADDR [ADDR6 [ADDRIF6 [IGMP [MLD [ND]]]]]"))
            .default("keepalived, keepalived6, keepalived_if6, keepalived_igmp, keepalived_mld, keepalived_nd")
            .otherwise("all names are dropped")
            .doc("Names of the ipsets that go with iptables; without names no ipsets are used.")
            .note("The sets are those of the nftables table here.")
            .since("<2.0")
            .set(ipsets),
        kw("nftables")
            .opt(Shape::Word("TABLE"))
            .default("keepalived")
            .otherwise("the line is ignored")
            .doc("Name of the nftables table used for filtering; it is made when it is needed.")
            .note("Sets `nftables_priority` back to -1. A reload cannot change it.")
            .since("2.0.11")
            .again(Again::First)
            .set(|global, args| {
                let given = global.seen.span("nftables_priority");
                let Some(name) = table_name(args, "keepalived") else { return };
                global.filter.table.set(name);
                if let Some(before) = given {
                    reset_by(args, "nftables", "nftables_priority", before);
                    global.filter.chain_priority.correct(CHAIN_PRIORITY);
                }
            }),
        kw("nftables_priority")
            .must(strict_int(-2_147_483_648, 2_147_483_647))
            .default("-1")
            .otherwise("the value before stays")
            .doc("Priority of the base chains of that table.")
            .since("2.0.11")
            .set(|global, args| {
                if let Some(priority) = args.num() {
                    global.filter.chain_priority.set(priority);
                }
            }),
        kw("nftables_ifindex")
            .default("off")
            .doc("Tell IPv6 link-local addresses apart by interface even with `dont_track_primary`.")
            .since("2.0.11")
            .set(|global, _| global.filter.by_ifindex = true),
        kw("nftables_counters")
            .default("off")
            .doc("Let the rules count what they match.")
            .since("2.0.11")
            .set(|global, _| global.filter.counters = true),
    ]
}

/// The name of a table, or the one that stands for the bare keyword.
pub(super) fn table_name(args: &mut Args<'_, '_>, default: &str) -> Option<String> {
    let Some(word) = args.next_word() else { return Some(default.to_owned()) };
    if word.text.is_empty() || word.text.len() > TABLE_NAME_MAX {
        let label = format!("expected 1 to {TABLE_NAME_MAX} bytes");
        args.reject(NAME_TOO_LONG, Class::General, word.span, label);
        return None;
    }
    Some(word.text.to_owned())
}

/// Says that a table's keyword undoes another one written before it.
pub(super) fn reset_by(args: &mut Args<'_, '_>, keyword: &str, undone: &str, at: crate::span::Span) {
    let span = args.span();
    let finding = Diagnostic::lint(ORDER, format!("`{keyword}` sets `{undone}` back to its default"))
        .at(span, "from here on")
        .at(at, "lost")
        .hint(format!("write `{undone}` after `{keyword}`"));
    args.push(finding);
}

fn iptables(global: &mut Global, args: &mut Args<'_, '_>) {
    let span = args.span();
    let finding = Diagnostic::error(NO_IPTABLES, "iptables are not used: nftables filter in their place")
        .at(span, "read, but without effect")
        .hint("write `nftables` and remove `vrrp_iptables` and `vrrp_ipsets`");
    args.push(finding);
    let Some(names) = names(args, 2, CHAIN_NAME_MAX) else { return };
    if let [input, output] = names.as_slice()
        && input == output
    {
        args.reject(CONFLICT, Class::Logged, span, "input and output need chains of their own");
        return;
    }
    global.filter.iptables = Some(names);
}

fn ipsets(global: &mut Global, args: &mut Args<'_, '_>) {
    let span = args.span();
    let finding = Diagnostic::error(NO_IPTABLES, "ipsets are not used: the sets are those of nftables")
        .at(span, "read, but without effect")
        .hint("write `nftables` and remove `vrrp_iptables` and `vrrp_ipsets`");
    args.push(finding);
    let Some(names) = names(args, 6, SET_NAME_MAX) else {
        global.filter.ipsets = None;
        return;
    };
    let twice = names.iter().enumerate().any(|(at, name)| names.iter().take(at).any(|other| other == name));
    if twice {
        args.reject(CONFLICT, Class::General, span, "every set needs a name of its own");
        global.filter.ipsets = None;
        return;
    }
    global.filter.ipsets = Some(names);
}

/// Up to `most` names of limited length; nothing when one of them cannot be.
fn names(args: &mut Args<'_, '_>, most: usize, longest: usize) -> Option<Vec<String>> {
    let mut list = Vec::new();
    while list.len() < most {
        let Some(word) = args.next_word() else { break };
        if word.text.is_empty() || word.text.len() > longest {
            args.reject(NAME_TOO_LONG, Class::General, word.span, format!("expected 1 to {longest} bytes"));
            return None;
        }
        list.push(word.text.to_owned());
    }
    Some(list)
}

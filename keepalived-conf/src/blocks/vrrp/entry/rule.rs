// SPDX-License-Identifier: MIT OR Apache-2.0
//! A policy rule: selectors and exactly one action, in any order.

use super::selectors::{Mark, ip_protocol, mark, ports, uid_range};
use super::shared::{PROTOCOL, finish_tracking, named, note_deprecated, realms, skipped_word, table};
use super::{
    BAD_VALUE, CONFLICT, MIXED_FAMILIES, Prefix, UNTRACKABLE, WRONG_FAMILY, interface_name, left_out, unknown_option,
    value_of, with_length,
};
use crate::diagnostic::{Class, Code, Diagnostic};
use crate::family::Family;
use crate::names::Table;
use crate::number::c_number;
use crate::schema::Setting;
use crate::span::{Name, Place, Span};
use crate::syntax::Word;
use crate::value::Args;

pub const NO_ACTION: Code = Code::new("KC161", "a rule without an action");
pub const NO_PREFERENCE: Code = Code::new("KC162", "a rule without a preference");

/// The syntax of an entry.
pub const SYNTAX: &str = "[not] [from PREFIX] [to PREFIX] [tos TOS] [fwmark MARK[/MASK]] [iif|dev IFACE] [oif IFACE] \
    [uidrange A-B] [ipproto PROTOCOL] [sport A-B] [dport A-B] [tunnel-id NUMBER] [preference|order|priority NUMBER] \
    table|lookup TABLE|l3mdev|goto NUMBER|nop|blackhole|unreachable|prohibit [realms FROM/TO] \
    [suppress_prefixlength NUMBER] [suppress_ifgroup GROUP] [protocol NUMBER] [no_track] [inet|inet6]";

/// The preference of the first rule that has none; the next ones count down from it, in each family.
pub const PREFERENCE_START: u32 = 16_384;

#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Rule {
    pub family: Family,
    /// Applies to what does not match.
    pub not: bool,
    pub from: Option<Prefix>,
    pub to: Option<Prefix>,
    pub tos: Option<u8>,
    pub fwmark: Option<Mark>,
    pub iif: Option<Name>,
    pub oif: Option<Name>,
    pub uidrange: Option<(u32, u32)>,
    pub ipproto: Option<u8>,
    pub sport: Option<(u16, u16)>,
    pub dport: Option<(u16, u16)>,
    pub tunnel_id: Option<u64>,
    /// Where not given, assigned when the whole configuration has been read.
    pub preference: Setting<u32>,
    pub action: Action,
    /// Source realm in the upper half, destination realm in the lower.
    pub realms: Option<u32>,
    pub suppress_prefixlength: Option<u32>,
    pub suppress_ifgroup: Option<u32>,
    pub protocol: Setting<u8>,
    pub tracked: bool,
    pub track_group: Option<Name>,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub place: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub enum Action {
    Table(u32),
    /// The table of the device's l3 master.
    L3mdev,
    Goto(u32),
    Nop,
    Blackhole,
    Unreachable,
    Prohibit,
}

struct Draft {
    family: Option<Family>,
    from: Option<Side>,
    to: Option<Side>,
    action: Option<Action>,
    rule: Rule,
}

/// A selector that may still take its family from what follows.
#[derive(Clone, Copy)]
enum Side {
    Any,
    Prefix(Prefix),
}

const OPTIONS: &[&str] = &[
    "inet",
    "inet6",
    "from",
    "to",
    "not",
    "tos",
    "dsfield",
    "fwmark",
    "dev",
    "iif",
    "oif",
    "uidrange",
    "ipproto",
    "sport",
    "dport",
    "tunnel-id",
    "preference",
    "order",
    "priority",
    "table",
    "lookup",
    "l3mdev",
    "goto",
    "nop",
    "blackhole",
    "unreachable",
    "prohibit",
    "type",
    "realms",
    "suppress_prefixlength",
    "sup_pl",
    "suppress_ifgroup",
    "sup_group",
    "protocol",
    "no_track",
    "track_group",
];

impl Rule {
    /// Reads an entry; `None` when it is left out. `is_static` allows `track_group`.
    pub fn read(args: &mut Args<'_, '_>, is_static: bool) -> Option<Rule> {
        let mut draft = Draft::new(args.span());
        while let Some(word) = args.next_word() {
            draft.word(args, word, is_static)?;
        }
        draft.finish(args)
    }
}

impl Draft {
    fn new(span: Span) -> Draft {
        let rule = Rule {
            family: Family::V4,
            not: false,
            from: None,
            to: None,
            tos: None,
            fwmark: None,
            iif: None,
            oif: None,
            uidrange: None,
            ipproto: None,
            sport: None,
            dport: None,
            tunnel_id: None,
            preference: Setting::default(),
            action: Action::Nop,
            realms: None,
            suppress_prefixlength: None,
            suppress_ifgroup: None,
            protocol: Setting::new(PROTOCOL),
            tracked: true,
            track_group: None,
            place: Place(span),
        };
        Draft { family: None, from: None, to: None, action: None, rule }
    }

    fn agrees(&mut self, family: Family) -> bool {
        *self.family.get_or_insert(family) == family
    }

    /// Reads one option. `None` leaves the rule out.
    fn word<'s>(&mut self, args: &mut Args<'s, '_>, word: Word<'s>, is_static: bool) -> Option<()> {
        match word.text {
            "inet" | "inet6" => {
                skipped_word(args, word);
                let family = if word.text == "inet" { Family::V4 } else { Family::V6 };
                if !self.agrees(family) {
                    left_out(args, MIXED_FAMILIES, word, "not the family of what stands before it");
                    return None;
                }
            }
            "not" => self.rule.not = true,
            "no_track" => self.rule.tracked = false,
            "l3mdev" => self.act(args, word, Action::L3mdev)?,
            "nop" => self.act(args, word, Action::Nop)?,
            "blackhole" => self.act(args, word, Action::Blackhole)?,
            "unreachable" => self.act(args, word, Action::Unreachable)?,
            "prohibit" => self.act(args, word, Action::Prohibit)?,
            "type" => {
                let kind = value_of(args, word, Class::MissingRequired)?;
                if !["goto", "nop", "blackhole", "unreachable", "prohibit"].contains(&kind.text) {
                    left_out(args, BAD_VALUE, kind, "expected goto, nop, blackhole, unreachable or prohibit");
                    return None;
                }
                self.word(args, kind, is_static)?;
            }
            "track_group" if !is_static => {
                unknown_option(args, word, OPTIONS, "the rule is left out");
                return None;
            }
            text if OPTIONS.contains(&text) => self.valued(args, word)?,
            _ => {
                unknown_option(args, word, OPTIONS, "the rule is left out");
                return None;
            }
        }
        Some(())
    }

    /// An option with one word after it.
    fn valued<'s>(&mut self, args: &mut Args<'s, '_>, option: Word<'s>) -> Option<()> {
        let value = value_of(args, option, Class::MissingRequired)?;
        let rule = &mut self.rule;
        match option.text {
            "from" => self.from = Some(self.side(args, value)?),
            "to" => self.to = Some(self.side(args, value)?),
            "tos" | "dsfield" => rule.tos = Some(named(args, Table::Tos, value)?),
            "fwmark" => rule.fwmark = Some(mark(args, value)?),
            "dev" | "iif" => rule.iif = Some(interface_name(args, value)?),
            "oif" => rule.oif = Some(interface_name(args, value)?),
            "uidrange" => rule.uidrange = Some(uid_range(args, value)?),
            "ipproto" => rule.ipproto = ip_protocol(args, value).or(rule.ipproto),
            "sport" => rule.sport = ports(args, value).or(rule.sport),
            "dport" => rule.dport = ports(args, value).or(rule.dport),
            "tunnel-id" => {
                rule.tunnel_id = value.text.parse().ok();
                if rule.tunnel_id.is_none() {
                    left_out(args, BAD_VALUE, value, "expected a number of 64 bits");
                    return None;
                }
            }
            "preference" | "order" | "priority" => match c_number(value.text).and_then(|n| u32::try_from(n).ok()) {
                Some(preference) => rule.preference.set(preference),
                None => {
                    left_out(args, BAD_VALUE, value, "expected a number of 32 bits");
                    return None;
                }
            },
            "table" | "lookup" => {
                let table = table(args, value)?;
                if table == 0 {
                    left_out(args, BAD_VALUE, value, "there is no table 0");
                    return None;
                }
                self.act(args, option, Action::Table(table))?;
            }
            "goto" => {
                let target = args.number_of(value, 0, i64::from(u32::MAX), true)?;
                self.act(args, option, Action::Goto(u32::try_from(target).ok()?))?;
            }
            "realms" => {
                rule.realms = realms(args, value);
                if rule.realms.is_none() {
                    left_out(args, BAD_VALUE, value, "expected REALM or FROM/TO");
                    return None;
                }
            }
            _ => return self.rare(args, option, value),
        }
        Some(())
    }

    fn rare<'s>(&mut self, args: &mut Args<'s, '_>, option: Word<'s>, value: Word<'s>) -> Option<()> {
        let rule = &mut self.rule;
        match option.text {
            "suppress_prefixlength" | "sup_pl" => {
                let length = args.number_of(value, 0, i64::from(i32::MAX), true)?;
                rule.suppress_prefixlength = u32::try_from(length).ok();
            }
            "suppress_ifgroup" | "sup_group" => {
                let host = args.cx.host;
                rule.suppress_ifgroup = args.cx.names.find(host, Table::Group, value.text);
                if rule.suppress_ifgroup.is_none() {
                    left_out(args, BAD_VALUE, value, "expected a number or a name of iproute2's group table");
                    return None;
                }
            }
            "protocol" => {
                let protocol = args.number_of(value, 0, 255, true)?;
                rule.protocol.set(u8::try_from(protocol).ok()?);
            }
            _ => rule.track_group = Some(Name::new(value.text, value.span)),
        }
        Some(())
    }

    fn act<'s>(&mut self, args: &mut Args<'s, '_>, word: Word<'s>, action: Action) -> Option<()> {
        if self.action.is_some() {
            left_out(args, CONFLICT, word, "a rule has one action; there is one already");
            return None;
        }
        self.action = Some(action);
        Some(())
    }

    /// A prefix, or a word for any address.
    fn side<'s>(&mut self, args: &mut Args<'s, '_>, word: Word<'s>) -> Option<Side> {
        let side = match word.text {
            "default" | "any" | "all" => Side::Any,
            "default6" => {
                note_deprecated(args, word, "write `all inet6`");
                Side::Prefix(Prefix::any(Family::V6))
            }
            _ => {
                let read = with_length(args, word)?;
                Side::Prefix(Prefix { ip: read.ip, bits: read.bits })
            }
        };
        if let Side::Prefix(prefix) = side
            && !self.agrees(prefix.family())
        {
            left_out(args, MIXED_FAMILIES, word, "not the family of what stands before it");
            return None;
        }
        Some(side)
    }

    /// What depends on several options.
    fn finish(self, args: &mut Args<'_, '_>) -> Option<Rule> {
        let span = args.span();
        let mut rule = self.rule;
        rule.family = self.family.unwrap_or_default();
        let resolved = |side: Side| match side {
            Side::Any => Prefix::any(rule.family),
            Side::Prefix(prefix) => prefix,
        };
        (rule.from, rule.to) = (self.from.map(resolved), self.to.map(resolved));
        let wrong = match self.action {
            None => Some((NO_ACTION, "a rule wants an action, such as `table NAME`")),
            Some(Action::Goto(_)) if !rule.preference.given() => {
                Some((NO_PREFERENCE, "a rule with `goto` wants a preference"))
            }
            Some(Action::Goto(target)) if *rule.preference >= target => {
                Some((BAD_VALUE, "`goto` leads to a rule of a higher preference only"))
            }
            Some(Action::Table(_) | Action::L3mdev) => None,
            Some(Action::Goto(_) | Action::Nop | Action::Blackhole | Action::Unreachable | Action::Prohibit) => {
                let selects =
                    rule.realms.is_some() || rule.suppress_prefixlength.is_some() || rule.suppress_ifgroup.is_some();
                selects.then_some((CONFLICT, "`realms` and `suppress_...` go with `table` only"))
            }
        };
        let wrong = wrong.or_else(|| {
            let realms6 = rule.family == Family::V6 && rule.realms.is_some();
            realms6.then_some((WRONG_FAMILY, "`realms` exist in IPv4 only"))
        });
        if let Some((code, message)) = wrong {
            args.push(Diagnostic::error(code, message).at(span, "the rule is left out"));
            return None;
        }
        rule.action = self.action?;
        if !rule.preference.given() {
            let finding = Diagnostic::error(NO_PREFERENCE, "a rule wants a preference")
                .at(span, "a number below the default tables is used")
                .hint("add `priority NUMBER`: the order of rules decides which one counts");
            args.push(finding);
        }
        finish_tracking(args, &mut rule.protocol, rule.tracked, "rule");
        if rule.iif.is_none() && rule.track_group.take().is_some() {
            let finding = Diagnostic::error(UNTRACKABLE, "a rule with `track_group` wants an `iif`")
                .at(span, "`track_group` is ignored");
            args.push(finding);
        }
        Some(rule)
    }
}

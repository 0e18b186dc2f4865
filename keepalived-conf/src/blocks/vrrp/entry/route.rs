// SPDX-License-Identifier: MIT OR Apache-2.0
//! A route: `[TYPE] DESTINATION [OPTION]... [nexthop OPTION...]...`.

use std::net::IpAddr;

use super::encap::{self, Encap};
use super::nexthop::{self, Nexthop};
use super::route_metrics::{self, Metrics};
use super::shared::{PROTOCOL, deprecated, finish_tracking, named, note_deprecated, realms, skipped_word, table};
use super::{
    BAD_VALUE, CONFLICT, MIXED_FAMILIES, Prefix, TWICE, UNTRACKABLE, WRONG_FAMILY, interface_name, left_out,
    plain_address, unknown_option, value_of, with_length,
};
use crate::diagnostic::{Class, Code, Diagnostic};
use crate::family::Family;
use crate::names::Table;
use crate::number::c_number;
use crate::schema::Setting;
use crate::span::{Name, Place, Span};
use crate::syntax::Word;
use crate::value::Args;

pub const NO_DESTINATION: Code = Code::new("KC160", "a route without a destination");

/// The syntax of an entry.
pub const SYNTAX: &str = "[TYPE] DESTINATION|to DESTINATION [via [inet|inet6] ADDRESS] [dev IFACE] [src ADDRESS] \
    [table TABLE] [vrf IFACE] [metric NUMBER] [tos TOS] [protocol PROTOCOL] [scope SCOPE] [from PREFIX] [onlink] \
    [encap ENCAP] [expires SECONDS] [mtu [lock] NUMBER] [rtt [lock] TIME] [congctl [lock] NAME] [pref PREFERENCE] \
    [add|append|prepend] [no_track] ... [nexthop via ADDRESS [dev IFACE] [weight NUMBER] [onlink]]...";

/// The routing table used without `table`.
pub const MAIN_TABLE: u32 = 254;

#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Route {
    pub family: Family,
    pub kind: RouteType,
    pub to: Prefix,
    /// Source prefix; IPv6 only.
    pub from: Option<Prefix>,
    pub src: Option<IpAddr>,
    pub via: Option<IpAddr>,
    pub dev: Option<Name>,
    pub table: u32,
    /// The route goes to the table of this VRF.
    pub vrf: Option<Name>,
    pub tos: Option<u8>,
    pub protocol: Setting<u8>,
    pub scope: Option<u8>,
    pub metric: Option<u32>,
    pub onlink: bool,
    pub encap: Option<Encap>,
    /// Seconds; IPv6 only.
    pub expires: Option<u32>,
    pub metrics: Metrics,
    /// Source realm in the upper half, destination realm in the lower.
    pub realms: Option<u32>,
    /// Router preference; IPv6 only.
    pub pref: Option<u8>,
    pub ttl_propagate: Option<bool>,
    pub placement: Placement,
    pub tracked: bool,
    pub track_group: Option<Name>,
    pub nexthops: Vec<Nexthop>,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub place: Place,
}

/// The kernel's number of a route type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct RouteType(pub u8);

impl RouteType {
    pub const UNICAST: RouteType = RouteType(1);

    const NAMES: [(&'static str, u8); 12] = [
        ("unicast", 1),
        ("local", 2),
        ("broadcast", 3),
        ("brd", 3),
        ("anycast", 4),
        ("multicast", 5),
        ("blackhole", 6),
        ("unreachable", 7),
        ("prohibit", 8),
        ("throw", 9),
        ("nat", 10),
        ("xresolve", 11),
    ];

    fn of(text: &str) -> Option<RouteType> {
        let named = RouteType::NAMES.iter().find(|(name, _)| *name == text).map(|(_, number)| *number);
        named.or_else(|| c_number(text).and_then(|number| u8::try_from(number).ok())).map(RouteType)
    }
}

/// Where a route goes among those that match the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub enum Placement {
    #[default]
    Prepend,
    Append,
    /// `add`: fails when there is one already.
    Alone,
}

/// A destination that may still take its family from what follows.
#[derive(Clone, Copy, Debug)]
enum To {
    Any,
    Prefix(Prefix),
}

/// A route while its line is read.
pub(super) struct Draft {
    pub(super) family: Option<Family>,
    to: Option<(To, Span)>,
    /// The second gateway of the form `via A or B`.
    or: Option<IpAddr>,
    typed: bool,
    route: Route,
}

const OPTIONS: &[&str] = &[
    "to",
    "inet",
    "inet6",
    "src",
    "from",
    "via",
    "gw",
    "or",
    "dev",
    "oif",
    "table",
    "vrf",
    "tos",
    "dsfield",
    "protocol",
    "scope",
    "metric",
    "priority",
    "preference",
    "onlink",
    "encap",
    "expires",
    "realms",
    "pref",
    "ttl-propagate",
    "as",
    "add",
    "append",
    "prepend",
    "no_track",
    "track_group",
    "nexthop",
    "mtu",
    "advmss",
    "hoplimit",
    "congctl",
];

impl Route {
    /// Reads an entry; `None` when it is left out. `is_static` allows `track_group`.
    pub fn read(args: &mut Args<'_, '_>, is_static: bool) -> Option<Route> {
        let mut draft = Draft::new(args.span());
        while let Some(word) = args.next_word() {
            draft.word(args, word, is_static)?;
        }
        draft.finish(args)
    }
}

impl Draft {
    fn new(span: Span) -> Draft {
        let route = Route {
            family: Family::V4,
            kind: RouteType::UNICAST,
            to: Prefix::any(Family::V4),
            from: None,
            src: None,
            via: None,
            dev: None,
            table: MAIN_TABLE,
            vrf: None,
            tos: None,
            protocol: Setting::new(PROTOCOL),
            scope: None,
            metric: None,
            onlink: false,
            encap: None,
            expires: None,
            metrics: Metrics::default(),
            realms: None,
            pref: None,
            ttl_propagate: None,
            placement: Placement::default(),
            tracked: true,
            track_group: None,
            nexthops: Vec::new(),
            place: Place(span),
        };
        Draft { family: None, to: None, or: None, typed: false, route }
    }

    /// Takes `family` for the route, unless it has another one.
    pub(super) fn agrees(&mut self, family: Family) -> bool {
        *self.family.get_or_insert(family) == family
    }

    /// Reads one option or the destination. `None` leaves the route out.
    fn word<'s>(&mut self, args: &mut Args<'s, '_>, word: Word<'s>, is_static: bool) -> Option<()> {
        match word.text {
            "inet" => self.force(args, word, Family::V4)?,
            "inet6" => self.force(args, word, Family::V6)?,
            "onlink" => self.route.onlink = true,
            "add" => self.route.placement = Placement::Alone,
            "append" => self.route.placement = Placement::Append,
            "prepend" => self.route.placement = Placement::Prepend,
            "no_track" => self.route.tracked = false,
            "nexthop" => self.nexthops(args, word)?,
            "encap" => self.route.encap = encap::read(args, word).ok()?,
            "via" | "gw" => {
                if word.text == "gw" {
                    deprecated(args, word, "write `via`");
                }
                self.route.via = Some(nexthop::read_via(args, word, self)?);
            }
            text if route_metrics::OPTIONS.contains(&text) => self.route.metrics.option(args, word)?,
            "track_group" if !is_static => {
                unknown_option(args, word, OPTIONS, "the route is left out");
                return None;
            }
            text if OPTIONS.contains(&text) => self.valued(args, word)?,
            _ => self.destination_or_type(args, word)?,
        }
        Some(())
    }

    /// An option with one word after it.
    fn valued<'s>(&mut self, args: &mut Args<'s, '_>, option: Word<'s>) -> Option<()> {
        let value = value_of(args, option, Class::MissingRequired)?;
        let max = i64::from(u32::MAX);
        match option.text {
            "to" => self.destination(args, value)?,
            "src" => self.route.src = Some(self.address(args, value)?),
            "from" => self.from(args, value)?,
            "or" => self.or(args, option, value)?,
            "dev" | "oif" => self.route.dev = Some(interface_name(args, value)?),
            "vrf" => self.route.vrf = Some(interface_name(args, value)?),
            "table" => self.route.table = table(args, value)?,
            "tos" | "dsfield" => self.route.tos = Some(named(args, Table::Tos, value)?),
            "protocol" => {
                let protocol = named(args, Table::Protocol, value)?;
                self.route.protocol.set(protocol);
            }
            "scope" => self.route.scope = Some(named(args, Table::Scope, value)?),
            "metric" | "priority" | "preference" => {
                self.route.metric = Some(number(args, value, max)?);
            }
            "expires" => self.route.expires = Some(number(args, value, max)?),
            "realms" => {
                let realms = realms(args, value);
                if realms.is_none() {
                    left_out(args, BAD_VALUE, value, "expected REALM or FROM/TO");
                }
                self.route.realms = Some(realms?);
            }
            "pref" => self.route.pref = Some(preference(args, value)?),
            "ttl-propagate" => match value.text {
                "enabled" => self.route.ttl_propagate = Some(true),
                "disabled" => self.route.ttl_propagate = Some(false),
                _ => args.reject(BAD_VALUE, Class::General, value.span, "ignored: expected enabled or disabled"),
            },
            "as" => {
                if value.text == "to" {
                    args.next_word();
                }
                args.reject(BAD_VALUE, Class::General, option.span, "ignored: works with MPLS routes only");
            }
            _ => self.route.track_group = Some(Name::new(value.text, value.span)),
        }
        Some(())
    }

    /// `inet` or `inet6`. keepalived then skips the next word unread.
    fn force<'s>(&mut self, args: &mut Args<'s, '_>, word: Word<'s>, family: Family) -> Option<()> {
        skipped_word(args, word);
        if self.agrees(family) {
            return Some(());
        }
        left_out(args, MIXED_FAMILIES, word, "not the family of what stands before it");
        None
    }

    fn destination_or_type<'s>(&mut self, args: &mut Args<'s, '_>, word: Word<'s>) -> Option<()> {
        if !self.typed
            && self.to.is_none()
            && let Some(kind) = RouteType::of(word.text)
        {
            self.typed = true;
            self.route.kind = kind;
            let value = value_of(args, word, Class::MissingRequired)?;
            return self.destination(args, value);
        }
        self.destination(args, word)
    }

    fn destination<'s>(&mut self, args: &mut Args<'s, '_>, word: Word<'s>) -> Option<()> {
        let to = match word.text {
            "default" | "any" | "all" => To::Any,
            "default6" => {
                note_deprecated(args, word, "write `default` and give a gateway or `inet6`");
                To::Prefix(Prefix::any(Family::V6))
            }
            text if text.starts_with(|c: char| c.is_ascii_hexdigit() || c == ':') && text.contains(['.', ':', '/']) => {
                let read = with_length(args, word)?;
                To::Prefix(Prefix { ip: read.ip, bits: read.bits })
            }
            _ => {
                unknown_option(args, word, OPTIONS, "neither an option nor a destination; the route is left out");
                return None;
            }
        };
        if let To::Prefix(prefix) = to
            && !self.agrees(prefix.family())
        {
            left_out(args, MIXED_FAMILIES, word, "not the family of what stands before it");
            return None;
        }
        if let Some((_, first)) = self.to.replace((to, word.span)) {
            let finding = Diagnostic::lint(TWICE, "a route has one destination; the last one counts")
                .at(word.span, "this one counts")
                .at(first, "the first one");
            args.push(finding);
        }
        Some(())
    }

    /// A plain address of the route's family.
    fn address<'s>(&mut self, args: &mut Args<'s, '_>, word: Word<'s>) -> Option<IpAddr> {
        let address = plain_address(args, word)?;
        if self.agrees(Family::of(&address)) {
            return Some(address);
        }
        left_out(args, MIXED_FAMILIES, word, "not of the route's family");
        None
    }

    fn from<'s>(&mut self, args: &mut Args<'s, '_>, word: Word<'s>) -> Option<()> {
        let from = match word.text {
            "default6" => Prefix::any(Family::V6),
            // Unlike a destination, a source takes no family from the rest of the line.
            "default" | "any" | "all" => Prefix::any(Family::V4),
            _ => {
                let read = with_length(args, word)?;
                Prefix { ip: read.ip, bits: read.bits }
            }
        };
        if from.family() == Family::V4 || !self.agrees(Family::V6) {
            left_out(args, WRONG_FAMILY, word, "only IPv6 routes have a source prefix");
            return None;
        }
        self.route.from = Some(from);
        Some(())
    }

    fn or<'s>(&mut self, args: &mut Args<'s, '_>, option: Word<'s>, word: Word<'s>) -> Option<()> {
        deprecated(args, option, "write `nexthop via ADDRESS nexthop via ADDRESS`");
        if self.or.is_some() {
            args.reject(TWICE, Class::General, word.span, "ignored: only one `or` is possible");
            return Some(());
        }
        self.or = Some(self.address(args, word)?);
        Some(())
    }

    fn nexthops<'s>(&mut self, args: &mut Args<'s, '_>, word: Word<'s>) -> Option<()> {
        if self.or.is_some() {
            left_out(args, CONFLICT, word, "`or` and `nexthop` exclude each other");
            return None;
        }
        self.route.nexthops = nexthop::read_all(args, self);
        Some(())
    }

    /// What depends on several options.
    fn finish(mut self, args: &mut Args<'_, '_>) -> Option<Route> {
        let span = args.span();
        let Some((to, _)) = self.to else {
            let finding = Diagnostic::error(NO_DESTINATION, "a route wants a destination")
                .at(span, "left out")
                .hint("write an address with its prefix length, or `default`");
            args.push(finding);
            return None;
        };
        let mut route = self.route;
        route.family = self.family.unwrap_or_default();
        route.to = match to {
            To::Any => Prefix::any(route.family),
            To::Prefix(prefix) => prefix,
        };
        let wrong = match route.family {
            Family::V4 if route.expires.is_some() => Some("`expires` exists in IPv6 only"),
            Family::V4 if route.pref.is_some() => Some("`pref` exists in IPv6 only"),
            Family::V6 if route.realms.is_some() => Some("`realms` exist in IPv4 only"),
            Family::V4 | Family::V6 => None,
        };
        if let Some(wrong) = wrong {
            let finding = Diagnostic::error(WRONG_FAMILY, wrong).at(span, "the route is left out");
            args.push(finding);
            return None;
        }
        if let Some(or) = self.or.take() {
            let first = route.via.take().map(|via| Nexthop::to(Some(via), None));
            route.nexthops = first.into_iter().chain([Nexthop::to(Some(or), None)]).collect();
        }
        finish_tracking(args, &mut route.protocol, route.tracked, "route");
        if route.dev.is_none() && route.track_group.take().is_some() {
            let finding = Diagnostic::error(UNTRACKABLE, "a route with `track_group` wants a `dev`")
                .at(span, "`track_group` is ignored");
            args.push(finding);
        }
        Some(route)
    }
}

fn preference<'s>(args: &mut Args<'s, '_>, value: Word<'s>) -> Option<u8> {
    match value.text {
        "low" => Some(3),
        "medium" => Some(0),
        "high" => Some(1),
        _ => number(args, value, 255),
    }
}

fn number<'s, N: TryFrom<i64>>(args: &mut Args<'s, '_>, value: Word<'s>, max: i64) -> Option<N> {
    args.number_of(value, 0, max, true).and_then(|number| N::try_from(number).ok())
}

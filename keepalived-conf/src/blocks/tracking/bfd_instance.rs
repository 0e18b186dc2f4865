// SPDX-License-Identifier: MIT OR Apache-2.0
//! `bfd_instance`: one BFD session.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::LazyLock;
use std::time::Duration;

use super::{MIXED_FAMILIES, NAME_TAKEN, NO_NEIGHBOUR, SAME_SESSION, TOO_MANY_HOPS};
use crate::blocks::Config;
use crate::blocks::global::{NAME_TOO_LONG, UNUSUAL};
use crate::diagnostic::{Class, Diagnostic, Severity};
use crate::schema::{Block, Keyword, Node, Seen, Setting, Shape, int, kw, milliseconds, strict_int};
use crate::value::Args;

/// The longest name of a session.
pub const NAME_MAX: usize = 31;

#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct BfdInstance {
    pub name: String,
    /// Without it the kernel chooses.
    pub source: Option<IpAddr>,
    pub neighbour: IpAddr,
    pub min_rx: Setting<Duration>,
    pub min_tx: Setting<Duration>,
    /// Interval while the session is not up.
    pub idle_tx: Setting<Duration>,
    pub multiplier: u8,
    /// Wait for the neighbour to begin.
    pub passive: bool,
    /// After resolving the value in force.
    pub ttl: Setting<u8>,
    /// How many hops a received packet may have lost; none means any number.
    pub max_hops: Option<u8>,
    pub multihop: bool,
    pub weight: i16,
    pub reverse: bool,
    /// Events go to the VRRP process.
    pub vrrp: bool,
    /// Events go to the checker process.
    pub checker: bool,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub seen: Seen,
}

impl Node for BfdInstance {
    fn seen(&mut self) -> &mut Seen {
        &mut self.seen
    }
}

/// Stands for a neighbour that is not given yet.
const NOBODY: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// Intervals beyond this are worth a remark.
const LONG_INTERVAL: Duration = Duration::from_secs(10);

/// The longest interval in milliseconds: microseconds are counted in 32 bits.
const INTERVAL_MAX: u64 = 4_294_967;

pub static BLOCK: LazyLock<Block<BfdInstance>> = LazyLock::new(|| {
    let mut rows = addresses();
    rows.extend(timing());
    rows.extend(hops());
    rows.extend(use_of());
    Block::new("bfd_instance", rows)
});

fn addresses() -> Vec<Keyword<BfdInstance>> {
    vec![
        kw("source_ip")
            .must(Shape::Address)
            .default("chosen by the kernel")
            .otherwise("the line is ignored")
            .doc("Address packets come from.")
            .since("2.0.0")
            .set(|session, args| session.source = args.address().or(session.source)),
        kw("neighbor_ip")
            .must(Shape::Address)
            .otherwise("the session is left out")
            .doc("Address of the other end.")
            .since("2.0.0")
            .set(set_neighbour),
        kw("neighbour_ip")
            .must(Shape::Address)
            .otherwise("the session is left out")
            .doc("Same as `neighbor_ip`.")
            .since("2.0.0")
            .set(set_neighbour),
    ]
}

fn timing() -> Vec<Keyword<BfdInstance>> {
    vec![
        kw("min_rx")
            .must(milliseconds(1, INTERVAL_MAX))
            .default("10")
            .otherwise("the value before stays")
            .doc("Shortest interval at which packets can be taken, in milliseconds.")
            .since("2.0.0")
            .set(|session, args| set_interval(&mut session.min_rx, args)),
        kw("min_tx")
            .must(milliseconds(1, INTERVAL_MAX))
            .default("10")
            .otherwise("the value before stays")
            .doc("Interval at which packets are to be sent, in milliseconds.")
            .since("2.0.0")
            .set(|session, args| set_interval(&mut session.min_tx, args)),
        kw("idle_tx")
            .must(milliseconds(1000, INTERVAL_MAX))
            .default("1000")
            .otherwise("the value before stays")
            .doc("Interval while the session is not up, in milliseconds.")
            .since("2.0.0")
            .set(|session, args| set_interval(&mut session.idle_tx, args)),
        kw("multiplier")
            .must(strict_int(1, 255))
            .default("5")
            .otherwise("the value before stays")
            .doc("How many packets may be missing before the session is down.")
            .since("2.0.0")
            .set(|session, args| session.multiplier = args.num_or(session.multiplier)),
        kw("passive")
            .default("off")
            .doc("Send nothing before the neighbour is heard.")
            .since("2.0.0")
            .set(|session, _| session.passive = true),
    ]
}

fn hops() -> Vec<Keyword<BfdInstance>> {
    vec![
        kw("ttl")
            .must(strict_int(1, 255))
            .default("255 for IPv4, 64 for IPv6")
            .otherwise("the value before stays")
            .doc("TTL or hop limit of packets sent.")
            .since("2.0.0")
            .set(set_ttl),
        kw("hoplimit")
            .must(strict_int(1, 255))
            .otherwise("the value before stays")
            .doc("Same as `ttl`.")
            .since("2.0.0")
            .set(set_ttl),
        kw("max_hops")
            .must(strict_int(-1, 255))
            .default("0")
            .otherwise("the value before stays; ttl when it is beyond that")
            .doc("How many hops a received packet may have passed; -1 or 255 for any number.")
            .since("2.0.0")
            .set(|session, args| {
                if let Some(hops) = args.num::<i16>() {
                    session.max_hops = u8::try_from(hops).ok().filter(|hops| *hops != 255);
                }
            }),
        kw("multihop")
            .opt(Shape::Bool)
            .default("off")
            .otherwise("the value before stays")
            .doc("Use the port for sessions over several hops, 4784 instead of 3784.")
            .since("2.2.8")
            .set(|session, args| session.multihop = args.bool().unwrap_or(session.multihop)),
    ]
}

fn use_of() -> Vec<Keyword<BfdInstance>> {
    vec![
        kw("weight")
            .must(int(-253, 253))
            .opt(Shape::Choice(&["reverse"]))
            .default("0")
            .otherwise("the value before stays")
            .doc(
                "What instances add to their priority: a positive weight while the session is up, a negative one while \
                 it is down, `reverse` the other way round. With 0 a session that is down means FAULT.",
            )
            .since("2.0.0")
            .set(|session, args| {
                if let Some(weight) = args.num() {
                    session.weight = weight;
                    session.reverse = super::reverse(args);
                }
            }),
        kw("vrrp")
            .default("events go to both")
            .doc("Events go to the VRRP process, and to the checker process only if that is named too.")
            .since("2.0.0")
            .set(|session, _| session.vrrp = true),
        kw("checker")
            .default("events go to both")
            .doc("Events go to the checker process, and to the VRRP process only if that is named too.")
            .since("2.0.0")
            .set(|session, _| session.checker = true),
    ]
}

pub(crate) fn open(config: &mut Config, args: &mut Args<'_, '_>) -> Option<BfdInstance> {
    let word = args.word()?;
    if word.text.len() > NAME_MAX {
        let label = format!("expected at most {NAME_MAX} characters");
        args.reject(NAME_TOO_LONG, Class::General, word.span, label);
        return None;
    }
    if let Some(other) = config.tracking.bfd(word.text) {
        let first = other.seen.head;
        let finding =
            args.rejection(NAME_TAKEN, Class::General).at(word.span, "the block is skipped").at(first, "the first one");
        args.push(finding);
        return None;
    }
    Some(BfdInstance {
        name: word.text.to_owned(),
        source: None,
        neighbour: NOBODY,
        min_rx: Setting::new(Duration::from_millis(10)),
        min_tx: Setting::new(Duration::from_millis(10)),
        idle_tx: Setting::new(Duration::from_millis(1000)),
        multiplier: 5,
        passive: false,
        ttl: Setting::new(255),
        max_hops: Some(0),
        multihop: false,
        weight: 0,
        reverse: false,
        vrrp: false,
        checker: false,
        seen: Seen::default(),
    })
}

pub(crate) fn close(config: &mut Config, mut session: BfdInstance, args: &mut Args<'_, '_>) {
    if let Some(finding) = fault(config, &session) {
        args.push(finding);
        return;
    }
    if !session.vrrp && !session.checker {
        session.vrrp = true;
        session.checker = true;
    }
    if !session.ttl.given() {
        session.ttl.correct(if session.neighbour.is_ipv4() { 255 } else { 64 });
    }
    if let Some(hops) = session.max_hops.filter(|hops| hops > &session.ttl) {
        let ttl = *session.ttl;
        let finding =
            Diagnostic::error(TOO_MANY_HOPS, format!("`bfd_instance {}`: max_hops {hops} is beyond ttl", session.name))
                .at(session.seen.span_or_head("max_hops"), format!("{ttl} is used"));
        args.push(finding);
        session.max_hops = Some(ttl);
    }
    config.tracking.bfd.push(session);
}

/// Why the session is left out.
fn fault(config: &Config, session: &BfdInstance) -> Option<Diagnostic> {
    let name = &session.name;
    let place = session.seen.span("neighbour_ip").unwrap_or_else(|| session.seen.span_or_head("neighbor_ip"));
    if session.neighbour == NOBODY {
        let finding = Diagnostic::error(NO_NEIGHBOUR, format!("`bfd_instance {name}` has no neighbour"));
        return Some(finding.at(place, "left out").hint("give its address with `neighbor_ip`"));
    }
    if let Some(source) = session.source
        && source.is_ipv4() != session.neighbour.is_ipv4()
    {
        let message = format!("`bfd_instance {name}`: {source} cannot reach {}", session.neighbour);
        let finding = Diagnostic::error(MIXED_FAMILIES, message).at(session.seen.span_or_head("source_ip"), "left out");
        return Some(finding.at(place, "the other family"));
    }
    let same = |other: &&BfdInstance| {
        other.neighbour == session.neighbour && other.source == session.source && other.multihop == session.multihop
    };
    let other = config.tracking.bfd.iter().find(same)?;
    let message = format!("`bfd_instance {name}` is the same session as `{}`", other.name);
    Some(Diagnostic::error(SAME_SESSION, message).at(place, "left out").at(other.seen.head, "the first one"))
}

fn set_neighbour(session: &mut BfdInstance, args: &mut Args<'_, '_>) {
    // An address that cannot be read leaves none, whatever was given before.
    session.neighbour = args.address().unwrap_or(NOBODY);
}

fn set_ttl(session: &mut BfdInstance, args: &mut Args<'_, '_>) {
    if let Some(ttl) = args.num() {
        session.ttl.set(ttl);
    }
}

fn set_interval(setting: &mut Setting<Duration>, args: &mut Args<'_, '_>) {
    let word = args.peek();
    let Some(interval) = args.time() else { return };
    if let Some(word) = word
        && interval > LONG_INTERVAL
    {
        let finding = Diagnostic::warning(UNUSUAL, format!("`{} {}` is unusual", args.keyword, word.text))
            .severity(Severity::Note)
            .class(Class::Logged)
            .at(word.span, "milliseconds, not microseconds");
        args.push(finding);
    }
    setting.set(interval);
}

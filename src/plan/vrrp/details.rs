// SPDX-License-Identifier: MIT OR Apache-2.0
//! Addresses, routes and rules as written, in the kernel's numbers.

use keepalived_conf::blocks::vrrp::entry::Prefix;
use keepalived_conf::blocks::vrrp::entry::address::{Address, Lifetime as WrittenLifetime};
use keepalived_conf::blocks::vrrp::entry::nexthop::Nexthop;
use keepalived_conf::blocks::vrrp::entry::route::{Placement, Route as WrittenRoute};
use keepalived_conf::blocks::vrrp::entry::route_metrics::{Metric, Metrics};
use keepalived_conf::blocks::vrrp::entry::rule::{Action, Rule as WrittenRule};

use super::encap::encap;
use super::instance::family_of;
use super::{AddressDetail, Broadcast, Hop, Insert, Lifetime, Route, Rule};

/// Actions of a rule, by the kernel's numbers.
mod action {
    pub(super) const TO_TABLE: u8 = 1;
    pub(super) const GOTO: u8 = 2;
    pub(super) const NOP: u8 = 3;
    pub(super) const BLACKHOLE: u8 = 6;
    pub(super) const UNREACHABLE: u8 = 7;
    pub(super) const PROHIBIT: u8 = 8;
}

/// Numbers of a route about transport, by the kernel's numbers.
mod metric {
    pub(super) const MTU: u16 = 2;
    pub(super) const WINDOW: u16 = 3;
    pub(super) const RTT: u16 = 4;
    pub(super) const RTTVAR: u16 = 5;
    pub(super) const SSTHRESH: u16 = 6;
    pub(super) const CWND: u16 = 7;
    pub(super) const ADVMSS: u16 = 8;
    pub(super) const REORDERING: u16 = 9;
    pub(super) const HOPLIMIT: u16 = 10;
    pub(super) const INITCWND: u16 = 11;
    pub(super) const FEATURES: u16 = 12;
    pub(super) const RTO_MIN: u16 = 13;
    pub(super) const INITRWND: u16 = 14;
    pub(super) const QUICKACK: u16 = 15;
    pub(super) const FASTOPEN_NO_COOKIE: u16 = 17;
    /// The feature bit of explicit congestion notification.
    pub(super) const ECN: u32 = 1;
}

/// How an address differs from a plain one; `None` when it does not.
pub(super) fn address(written: &Address) -> Option<AddressDetail> {
    let detail = AddressDetail {
        scope: written.scope,
        broadcast: written.broadcast.map(Broadcast::Is),
        label: written.label.clone(),
        peer: written.peer.map(|peer| (peer, written.bits)),
        home: written.home,
        dad: written.detect_duplicates,
        mngtmpaddr: written.mngtmpaddr,
        noprefixroute: written.noprefixroute,
        autojoin: written.autojoin,
        preferred: written.preferred.given().then(|| match *written.preferred {
            WrittenLifetime::Forever => Lifetime::Forever,
            WrittenLifetime::Seconds(seconds) => Lifetime::Seconds(seconds),
        }),
    };
    (detail != AddressDetail::default()).then_some(detail)
}

pub(super) fn route(written: &WrittenRoute) -> Route {
    let mut hops: Vec<Hop> = written.nexthops.iter().map(hop).collect();
    if hops.is_empty() && (written.via.is_some() || written.dev.is_some() || written.encap.is_some()) {
        hops.push(Hop {
            via: written.via,
            interface: written.dev.as_ref().map(|dev| dev.text.clone()),
            onlink: written.onlink,
            weight: 1,
            realms: written.realms,
            encap: written.encap.as_ref().map(encap),
        });
    }
    Route {
        family: family_of(written.family),
        insert: match written.placement {
            Placement::Prepend => Insert::Prepend,
            Placement::Append => Insert::Append,
            Placement::Alone => Insert::Exclusive,
        },
        destination: (written.to.bits > 0).then_some((written.to.ip, written.to.bits)),
        source: written.from.as_ref().map(prefix),
        tos: written.tos.unwrap_or(0),
        table: written.table,
        protocol: *written.protocol,
        scope: written.scope.unwrap_or(0),
        kind: written.kind.0,
        hops,
        preferred_source: written.src,
        metric: written.metric,
        metrics: metrics(&written.metrics),
        congestion: written.metrics.congctl.as_ref().map(|one| one.value.clone()),
        preference: written.pref,
        expires: written.expires,
        ttl_propagate: written.ttl_propagate,
    }
}

fn hop(written: &Nexthop) -> Hop {
    Hop {
        via: written.via,
        interface: written.dev.as_ref().map(|dev| dev.text.clone()),
        onlink: written.onlink,
        weight: written.weight,
        realms: written.realms,
        encap: written.encap.as_ref().map(encap),
    }
}

fn prefix(written: &Prefix) -> (std::net::IpAddr, u8) {
    (written.ip, written.bits)
}

fn metrics(written: &Metrics) -> Vec<(u16, u32, bool)> {
    let mut list = Vec::new();
    let mut add = |kind: u16, value: &Option<Metric<u32>>| {
        if let Some(one) = value {
            list.push((kind, one.value, one.locked));
        }
    };
    add(metric::MTU, &written.mtu);
    add(metric::ADVMSS, &written.advmss);
    add(metric::REORDERING, &written.reordering);
    add(metric::CWND, &written.cwnd);
    add(metric::SSTHRESH, &written.ssthresh);
    // The kernel counts these in eighths, quarters and whole milliseconds.
    let times =
        [(metric::RTT, &written.rtt, 8), (metric::RTTVAR, &written.rttvar, 4), (metric::RTO_MIN, &written.rto_min, 1)];
    for (kind, value, per_millisecond) in times {
        if let Some(one) = value {
            let units = one.value.as_micros().saturating_mul(per_millisecond) / 1000;
            list.push((kind, u32::try_from(units).unwrap_or(u32::MAX), one.locked));
        }
    }
    let plain = [
        (metric::WINDOW, written.window),
        (metric::INITCWND, written.initcwnd),
        (metric::INITRWND, written.initrwnd),
        (metric::HOPLIMIT, written.hoplimit.map(u32::from)),
        (metric::FEATURES, written.ecn.then_some(metric::ECN)),
        (metric::QUICKACK, written.quickack.map(u32::from)),
        (metric::FASTOPEN_NO_COOKIE, written.fastopen_no_cookie.map(u32::from)),
    ];
    list.extend(plain.into_iter().filter_map(|(kind, value)| value.map(|value| (kind, value, false))));
    list
}

pub(super) fn rule(written: &WrittenRule) -> Rule {
    let (action, table, goto) = match written.action {
        Action::Table(table) => (action::TO_TABLE, table, None),
        Action::L3mdev => (action::TO_TABLE, 0, None),
        Action::Goto(target) => (action::GOTO, 0, Some(target)),
        Action::Nop => (action::NOP, 0, None),
        Action::Blackhole => (action::BLACKHOLE, 0, None),
        Action::Unreachable => (action::UNREACHABLE, 0, None),
        Action::Prohibit => (action::PROHIBIT, 0, None),
    };
    Rule {
        family: family_of(written.family),
        action,
        table,
        invert: written.not,
        from: written.from.as_ref().map(prefix),
        to: written.to.as_ref().map(prefix),
        tos: written.tos.unwrap_or(0),
        priority: Some(*written.preference),
        mark: written.fwmark.as_ref().map(|mark| mark.value),
        mask: written.fwmark.as_ref().map(|mark| mark.mask),
        input: written.iif.as_ref().map(|name| name.text.clone()),
        output: written.oif.as_ref().map(|name| name.text.clone()),
        goto,
        realms: written.realms,
        tunnel: written.tunnel_id,
        suppress_group: written.suppress_ifgroup,
        suppress_prefix: written.suppress_prefixlength,
        l3mdev: matches!(written.action, Action::L3mdev),
        users: written.uidrange,
        protocol: *written.protocol,
        ip_protocol: written.ipproto,
        source_ports: written.sport,
        destination_ports: written.dport,
    }
}

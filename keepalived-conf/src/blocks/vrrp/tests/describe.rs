// SPDX-License-Identifier: MIT OR Apache-2.0
//! Short texts for values, so that tables stay readable. What has its default is left out.

use std::fmt::{Display, Write as _};

use crate::blocks::vrrp::entry::address::{Address, Lifetime};
use crate::blocks::vrrp::entry::nexthop::Nexthop;
use crate::blocks::vrrp::entry::route::{MAIN_TABLE, Placement, Route, RouteType};
use crate::blocks::vrrp::entry::route_metrics::{Metric, Metrics};
use crate::blocks::vrrp::entry::rule::{Action, Rule};
use crate::blocks::vrrp::entry::shared::PROTOCOL;

fn flag(text: &mut String, set: bool, name: &str) {
    if set {
        let _ = write!(text, " {name}");
    }
}

fn value<T: Display>(text: &mut String, name: &str, value: Option<T>) {
    if let Some(value) = value {
        let _ = write!(text, " {name} {value}");
    }
}

pub(super) fn address(address: &Address) -> String {
    let mut text = format!("{}/{}", address.ip, address.bits);
    value(&mut text, "dev", address.dev.as_deref());
    value(&mut text, "scope", address.scope);
    value(&mut text, "brd", address.broadcast);
    value(&mut text, "label", address.label.as_ref());
    value(&mut text, "peer", address.peer);
    flag(&mut text, address.home, "home");
    flag(&mut text, address.detect_duplicates, "dad");
    flag(&mut text, address.mngtmpaddr, "mngtmpaddr");
    flag(&mut text, address.noprefixroute, "noprefixroute");
    flag(&mut text, address.autojoin, "autojoin");
    match *address.preferred {
        Lifetime::Seconds(seconds) => value(&mut text, "preferred", Some(seconds)),
        Lifetime::Forever => flag(&mut text, address.preferred.given(), "forever"),
    }
    flag(&mut text, !address.tracked, "no_track");
    value(&mut text, "track_group", address.track_group.as_deref());
    flag(&mut text, address.use_vmac, "use_vmac");
    text
}

fn metric<T: Display>(text: &mut String, name: &str, metric: Option<&Metric<T>>) {
    if let Some(metric) = metric {
        let lock = if metric.locked { "lock " } else { "" };
        let _ = write!(text, " {name} {lock}{}", metric.value);
    }
}

fn metrics(text: &mut String, metrics: &Metrics) {
    metric(text, "mtu", metrics.mtu.as_ref());
    metric(text, "advmss", metrics.advmss.as_ref());
    metric(text, "reordering", metrics.reordering.as_ref());
    metric(text, "cwnd", metrics.cwnd.as_ref());
    metric(text, "ssthresh", metrics.ssthresh.as_ref());
    for (name, time) in [("rtt", &metrics.rtt), ("rttvar", &metrics.rttvar), ("rto_min", &metrics.rto_min)] {
        if let Some(time) = time {
            let lock = if time.locked { "lock " } else { "" };
            let _ = write!(text, " {name} {lock}{:?}", time.value);
        }
    }
    value(text, "window", metrics.window);
    value(text, "initcwnd", metrics.initcwnd);
    value(text, "initrwnd", metrics.initrwnd);
    value(text, "hoplimit", metrics.hoplimit);
    flag(text, metrics.ecn, "ecn");
    value(text, "quickack", metrics.quickack);
    value(text, "fastopen_no_cookie", metrics.fastopen_no_cookie);
    metric(text, "congctl", metrics.congctl.as_ref());
}

pub(super) fn route(route: &Route) -> String {
    let mut text = String::new();
    flag(&mut text, route.placement == Placement::Alone, "add");
    flag(&mut text, route.placement == Placement::Append, "append");
    value(&mut text, "type", (route.kind != RouteType::UNICAST).then_some(route.kind.0));
    let _ = write!(text, " {}", route.to);
    value(&mut text, "from", route.from);
    value(&mut text, "src", route.src);
    value(&mut text, "via", route.via);
    value(&mut text, "dev", route.dev.as_deref());
    value(&mut text, "table", (route.table != MAIN_TABLE).then_some(route.table));
    value(&mut text, "tos", route.tos);
    value(&mut text, "protocol", (*route.protocol != PROTOCOL).then_some(*route.protocol));
    value(&mut text, "scope", route.scope);
    value(&mut text, "metric", route.metric);
    flag(&mut text, route.onlink, "onlink");
    if let Some(encap) = &route.encap {
        let _ = write!(text, " encap {encap:?}");
    }
    value(&mut text, "expires", route.expires);
    metrics(&mut text, &route.metrics);
    value(&mut text, "realms", route.realms);
    value(&mut text, "pref", route.pref);
    value(&mut text, "ttl_propagate", route.ttl_propagate);
    flag(&mut text, !route.tracked, "no_track");
    value(&mut text, "track_group", route.track_group.as_deref());
    for hop in &route.nexthops {
        text.push_str(&nexthop(hop));
    }
    text.trim_start().to_owned()
}

fn nexthop(hop: &Nexthop) -> String {
    let mut text = " nexthop".to_owned();
    value(&mut text, "via", hop.via);
    value(&mut text, "dev", hop.dev.as_deref());
    value(&mut text, "weight", (hop.weight != 1).then_some(hop.weight));
    flag(&mut text, hop.onlink, "onlink");
    flag(&mut text, hop.encap.is_some(), "encap");
    value(&mut text, "realms", hop.realms);
    text
}

fn range<T: Display>(text: &mut String, name: &str, range: Option<(T, T)>) {
    if let Some((first, last)) = range {
        let _ = write!(text, " {name} {first}-{last}");
    }
}

pub(super) fn rule(rule: &Rule) -> String {
    let mut text = String::new();
    flag(&mut text, rule.family == crate::family::Family::V6, "v6");
    flag(&mut text, rule.not, "not");
    value(&mut text, "from", rule.from);
    value(&mut text, "to", rule.to);
    value(&mut text, "tos", rule.tos);
    if let Some(mark) = rule.fwmark {
        let _ = write!(text, " fwmark {:x}/{:x}", mark.value, mark.mask);
    }
    value(&mut text, "iif", rule.iif.as_deref());
    value(&mut text, "oif", rule.oif.as_deref());
    range(&mut text, "uid", rule.uidrange);
    value(&mut text, "ipproto", rule.ipproto);
    range(&mut text, "sport", rule.sport);
    range(&mut text, "dport", rule.dport);
    value(&mut text, "tunnel-id", rule.tunnel_id);
    let _ = write!(text, " {}", *rule.preference);
    match rule.action {
        Action::Table(table) => value(&mut text, "table", Some(table)),
        Action::Goto(target) => value(&mut text, "goto", Some(target)),
        Action::L3mdev => flag(&mut text, true, "l3mdev"),
        Action::Nop => flag(&mut text, true, "nop"),
        Action::Blackhole => flag(&mut text, true, "blackhole"),
        Action::Unreachable => flag(&mut text, true, "unreachable"),
        Action::Prohibit => flag(&mut text, true, "prohibit"),
    }
    value(&mut text, "realms", rule.realms);
    value(&mut text, "sup_pl", rule.suppress_prefixlength);
    value(&mut text, "sup_group", rule.suppress_ifgroup);
    value(&mut text, "protocol", (*rule.protocol != PROTOCOL).then_some(*rule.protocol));
    flag(&mut text, !rule.tracked, "no_track");
    value(&mut text, "track_group", rule.track_group.as_deref());
    text.trim_start().to_owned()
}

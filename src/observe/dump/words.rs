// SPDX-License-Identifier: MIT OR Apache-2.0
//! Addresses, routes, rules and scripts in keepalived's words.

use std::net::IpAddr;

use keepalived_conf::blocks::vrrp::entry::Prefix;
use keepalived_conf::blocks::vrrp::entry::address::{Address, Lifetime};
use keepalived_conf::blocks::vrrp::entry::nexthop::Nexthop;
use keepalived_conf::blocks::vrrp::entry::route::{MAIN_TABLE, Placement, Route};
use keepalived_conf::blocks::vrrp::entry::rule::{Action, Rule};
use keepalived_conf::family::Family;
use keepalived_conf::script::Script;
use keepalived_conf::source::Host;

use crate::kernel::host::OsHost;

/// The routing protocol of what is tracked.
const OUR_PROTOCOL: u8 = 18;

/// `here` is the interface of the instance, as shown; `held` whether the kernel has the address.
pub(super) fn address(written: &Address, here: &str, held: bool) -> String {
    let mut text = written.ip.to_string();
    let whole = whole(written.ip);
    if written.bits != whole && written.peer.is_none() {
        text.push_str(&format!("/{}", written.bits));
    }
    if let Some(broadcast) = written.broadcast {
        text.push_str(&format!(" brd {broadcast}"));
    }
    let dev = written.dev.as_ref().map_or(here, |dev| dev.text.as_str());
    text.push_str(&format!(" dev {dev}"));
    if written.use_vmac {
        text.push_str(" use_vmac");
    }
    text.push_str(&format!(" scope {}", scope(written.scope.unwrap_or(0))));
    if let Some(label) = &written.label {
        text.push_str(&format!(" label {label}"));
    }
    if let Some(peer) = written.peer {
        text.push_str(&format!(" peer {peer}/{}", written.bits));
    }
    let flags = [
        (written.home, " home"),
        (written.detect_duplicates, " -nodad"),
        (written.mngtmpaddr, " mngtmpaddr"),
        (written.noprefixroute, " noprefixroute"),
        (written.autojoin, " autojoin"),
        (!written.tracked, " no_track"),
    ];
    flags.iter().filter(|(on, _)| *on).for_each(|(_, word)| text.push_str(word));
    if let Some(group) = &written.track_group {
        text.push_str(&format!(" track_group {}", group.text));
    }
    if written.ip.is_ipv6() {
        match *written.preferred {
            Lifetime::Seconds(0) => text.push_str(" deprecated"),
            Lifetime::Seconds(seconds) => text.push_str(&format!(" preferred_lft {seconds}")),
            Lifetime::Forever => text.push_str(" preferred_lft forever"),
        }
    }
    if held {
        text.push_str(" set");
    }
    text
}

fn whole(ip: IpAddr) -> u8 {
    if ip.is_ipv4() { 32 } else { 128 }
}

fn scope(number: u8) -> String {
    match number {
        0 => "global".to_owned(),
        200 => "site".to_owned(),
        253 => "link".to_owned(),
        254 => "host".to_owned(),
        255 => "nowhere".to_owned(),
        other => other.to_string(),
    }
}

fn prefix(written: &Prefix) -> String {
    if written.bits == whole(written.ip) { written.ip.to_string() } else { format!("{}/{}", written.ip, written.bits) }
}

fn family(ip: IpAddr) -> &'static str {
    if ip.is_ipv4() { "inet" } else { "inet6" }
}

pub(super) fn route(written: &Route) -> String {
    let mut words: Vec<String> = Vec::new();
    let place = match written.placement {
        Placement::Prepend => "prepend",
        Placement::Append => "append",
        Placement::Alone => "add",
    };
    words.push(place.to_owned());
    if let Some(kind) = kind(written.kind.0) {
        words.push(kind);
    }
    let to = if written.to.bits == 0 { "default".to_owned() } else { prefix(&written.to) };
    words.push(to);
    let mut pair = |word: &str, value: Option<String>| {
        if let Some(value) = value {
            words.push(format!("{word} {value}"));
        }
    };
    pair("from", written.from.as_ref().map(prefix));
    pair("src", written.src.map(|src| src.to_string()));
    pair("tos", written.tos.map(|tos| tos.to_string()));
    pair("via", written.via.map(|via| format!("{} {via}", family(via))));
    pair("dev", written.dev.as_ref().map(|dev| dev.text.clone()));
    pair("table", (written.table != MAIN_TABLE).then(|| written.table.to_string()));
    let protocol = if written.tracked { OUR_PROTOCOL } else { *written.protocol };
    pair("proto", Some(protocol.to_string()));
    pair("scope", written.scope.map(|number| number.to_string()));
    pair("metric", written.metric.map(|metric| metric.to_string()));
    pair("expires", written.expires.map(|seconds| format!("{seconds}sec")));
    pair("mtu", written.metrics.mtu.as_ref().map(|one| locked(one.locked, one.value)));
    pair("advmss", written.metrics.advmss.as_ref().map(|one| locked(one.locked, one.value)));
    pair("window", written.metrics.window.map(|window| window.to_string()));
    if written.onlink {
        words.push("onlink".to_owned());
    }
    words.extend(written.nexthops.iter().map(hop));
    if !written.tracked {
        words.push("no_track".to_owned());
    }
    if let Some(group) = &written.track_group {
        words.push(format!("track_group {}", group.text));
    }
    words.join(" ")
}

fn locked(is_locked: bool, value: u32) -> String {
    if is_locked { format!("lock {value}") } else { value.to_string() }
}

fn hop(written: &Nexthop) -> String {
    let mut text = "nexthop".to_owned();
    if let Some(via) = written.via {
        text.push_str(&format!(" via {} {via}", family(via)));
    }
    if let Some(dev) = &written.dev {
        text.push_str(&format!(" dev {}", dev.text));
    }
    text.push_str(&format!(" weight {}", written.weight));
    if written.onlink {
        text.push_str(" onlink");
    }
    text
}

/// Every type but the usual one is named.
fn kind(number: u8) -> Option<String> {
    let word = match number {
        1 => return None,
        2 => "local",
        3 => "broadcast",
        4 => "anycast",
        5 => "multicast",
        6 => "blackhole",
        7 => "unreachable",
        8 => "prohibit",
        9 => "throw",
        10 => "nat",
        11 => "xresolve",
        other => return Some(other.to_string()),
    };
    Some(word.to_owned())
}

pub(super) fn rule(written: &Rule) -> String {
    let mut words: Vec<String> = Vec::new();
    if written.family == Family::V6 && written.from.is_none() && written.to.is_none() {
        words.push("inet6".to_owned());
    }
    if written.not {
        words.push("not".to_owned());
    }
    words.push(format!("from {}", written.from.as_ref().map_or_else(|| "all".to_owned(), prefix)));
    let mut pair = |word: &str, value: Option<String>| {
        if let Some(value) = value {
            words.push(format!("{word} {value}"));
        }
    };
    let range = |range: Option<(u16, u16)>| range.map(|(from, to)| format!("{from}-{to}"));
    pair("to", written.to.as_ref().map(prefix));
    pair("priority", Some(written.preference.get().to_string()));
    pair("tos", Some(format!("{:#x}", written.tos.unwrap_or(0))));
    pair("fwmark", written.fwmark.as_ref().map(|mark| format!("{:#x}/{:#x}", mark.value, mark.mask)));
    pair("iif", written.iif.as_ref().map(|name| name.text.clone()));
    pair("oif", written.oif.as_ref().map(|name| name.text.clone()));
    pair("suppress_prefixlen", written.suppress_prefixlength.map(|length| length.to_string()));
    pair("suppress_ifgroup", written.suppress_ifgroup.map(|group| group.to_string()));
    pair("tunnel-id", written.tunnel_id.map(|id| id.to_string()));
    pair("uidrange", written.uidrange.map(|(from, to)| format!("{from}-{to}")));
    let protocol = if written.tracked { OUR_PROTOCOL } else { *written.protocol };
    pair("protocol", Some(protocol.to_string()));
    pair("ipproto", written.ipproto.map(|protocol| protocol.to_string()));
    pair("sport", range(written.sport));
    pair("dport", range(written.dport));
    pair("realms", written.realms.map(|realms| format!("{}/{}", realms >> 16, realms & 0xffff)));
    words.push(match written.action {
        Action::Table(table) => format!("lookup {table}"),
        Action::L3mdev => "l3mdev".to_owned(),
        Action::Goto(target) => format!("goto {target}"),
        Action::Nop => "nop".to_owned(),
        Action::Blackhole => "type blackhole".to_owned(),
        Action::Unreachable => "type unreachable".to_owned(),
        Action::Prohibit => "type prohibit".to_owned(),
    });
    if !written.tracked {
        words.push("no_track".to_owned());
    }
    words.join(" ")
}

/// Each word in quotes: the file that is executed, then the arguments.
pub(super) fn command(script: &Script) -> String {
    let program = script.argv.first().map(|first| if script.program.is_empty() { first } else { &script.program });
    let words: Vec<String> =
        program.into_iter().chain(script.argv.iter().skip(1)).map(|word| format!("'{word}'")).collect();
    words.join(" ")
}

/// `uid:gid U:G` of the account a script runs under.
pub(super) fn account(script: &Script) -> String {
    let host = OsHost::new();
    let found = script.user.as_ref().and_then(|user| host.account(user).found());
    let group = script.group.as_ref().and_then(|group| host.group(group).found());
    let (uid, gid) = found.map_or((0, 0), |account| (account.uid, account.gid));
    format!("{uid}:{}", group.unwrap_or(gid))
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! One virtual server with its real servers.

use std::net::IpAddr;
use std::time::Duration;

use super::checkers::Timings;
use super::{Contents, Groups, Outside, checkers, families, ports};
use crate::blocks::lvs::codes::{
    ANY_PORT, DUPLICATE, HA_SUSPEND, HYSTERESIS, MARK_PROTOCOL, NO_METHOD, NO_PROTOCOL, NO_REAL_SERVER, NO_SCHEDULER,
    OPS, ORDER, QUORUM, SCHEDULER_FLAG, UNKNOWN_GROUP,
};
use crate::blocks::lvs::defaults::Defaults;
use crate::blocks::lvs::group::Group;
use crate::blocks::lvs::real_server::RealServer;
use crate::blocks::lvs::scheduler::{Protocol, Scheduler};
use crate::blocks::lvs::server_address::VirtualAddress;
use crate::blocks::lvs::shared::Shared;
use crate::blocks::lvs::virtual_server::{PERSISTENCE_DEFAULT, VirtualServer};
use crate::diagnostic::{Class, Diagnostic};
use crate::span::Span;
use crate::value::Cx;

/// Fills in what is in force. False when the virtual server is to be left out.
pub(super) fn settle(server: &mut VirtualServer, groups: &Groups<'_>, outside: &Outside, cx: &mut Cx<'_>) -> bool {
    let group = match &server.address {
        VirtualAddress::Address { .. } | VirtualAddress::Fwmark(_) => None,
        VirtualAddress::Group(name) => match groups.get(name.text.as_str()) {
            // Nothing of it could be used, which has been said.
            Some(group) if group.members.is_empty() => return false,
            Some(group) => Some(*group),
            None => {
                unknown_group(&name.text, name.span(), groups, cx);
                return false;
            }
        },
    };
    method(server, cx);
    if !families::settle(server, group, cx) || !has_real_servers(server, cx) {
        return false;
    }
    let contents = Contents::of(server, group);
    scheduling(server, cx);
    service(server, &contents, cx);
    ports::settle(server, group, &contents, cx);
    drop_duplicates(server, cx);
    hand_down(server, outside);
    quorum(server, cx);
    checks(server, &contents, outside, cx);
    true
}

fn unknown_group(name: &str, span: Span, groups: &Groups<'_>, cx: &mut Cx<'_>) {
    let mut finding = Diagnostic::error(UNKNOWN_GROUP, format!("there is no virtual server group `{name}`"))
        .class(Class::Logged)
        .at(span, "the virtual server is left out");
    if let Some(near) = cx.diagnostics.near(name, groups.keys().copied()) {
        finding = finding.hint(format!("did you mean `{near}`?"));
    }
    cx.diagnostics.push(finding);
}

/// The forwarding methods of real servers and sorry server.
fn method(server: &mut VirtualServer, cx: &mut Cx<'_>) {
    let sorry = server.sorry_server.as_deref().is_some_and(|sorry| !sorry.method.given());
    let needed = sorry || server.real_servers.iter().any(|real| !real.method.given());
    if needed && !server.method.given() {
        let message = format!("virtual server `{}` has no forwarding method", server.address);
        let finding = Diagnostic::error(NO_METHOD, message)
            .at(server.seen.head, "NAT is used")
            .hint("add `lvs_method NAT`, `DR` or `TUN`");
        cx.diagnostics.push(finding);
    }
    for real in &mut server.real_servers {
        real.method.inherit(&server.method);
    }
    if let Some(sorry) = &mut server.sorry_server {
        sorry.method.inherit(&server.method);
    }
}

fn has_real_servers(server: &VirtualServer, cx: &mut Cx<'_>) -> bool {
    if server.real_servers.is_empty() {
        let message = format!("virtual server `{}` has no real servers", server.address);
        let finding = Diagnostic::error(NO_REAL_SERVER, message).at(server.seen.head, "left out");
        cx.diagnostics.push(finding);
    }
    !server.real_servers.is_empty()
}

fn scheduling(server: &mut VirtualServer, cx: &mut Cx<'_>) {
    if !server.scheduler.given() {
        let message = format!("virtual server `{}` has no scheduler", server.address);
        let finding = Diagnostic::error(NO_SCHEDULER, message)
            .at(server.seen.head, "wlc is used")
            .hint("add `lvs_sched wlc`, or another scheduler");
        cx.diagnostics.push(finding);
    }
    let scheduler = *server.scheduler;
    let chosen = ["lvs_sched", "lb_algo"].into_iter().filter_map(|name| server.seen.span(name)).min();
    let flags = &mut server.flags;
    let wanted = [
        ("sh-port", Scheduler::Sh, &mut flags.sh_port),
        ("sh-fallback", Scheduler::Sh, &mut flags.sh_fallback),
        ("mh-port", Scheduler::Mh, &mut flags.mh_port),
        ("mh-fallback", Scheduler::Mh, &mut flags.mh_fallback),
    ];
    for (name, of, flag) in wanted {
        let Some(span) = server.seen.span(name).filter(|_| *flag) else { continue };
        let late = chosen.is_none_or(|chosen| chosen.start > span.start);
        *flag = of == scheduler;
        if !scheduler.hashes_source() {
            let finding = Diagnostic::error(SCHEDULER_FLAG, format!("`{name}` is for the scheduler {of}"))
                .at(span, format!("ignored with {scheduler}"));
            cx.diagnostics.push(finding);
        } else if late {
            let finding = Diagnostic::warning(ORDER, format!("`{name}` stands before the scheduler"))
                .class(Class::General)
                .at(span, "keepalived ignores it here")
                .hint("write it after `lvs_sched`");
            cx.diagnostics.push(finding);
        } else if !*flag {
            let finding = Diagnostic::lint(SCHEDULER_FLAG, format!("`{name}` is for the scheduler {of}"))
                .at(span, format!("ignored with {scheduler}"));
            cx.diagnostics.push(finding);
        }
    }
}

/// Protocol, persistence and what depends on them.
fn service(server: &mut VirtualServer, contents: &Contents, cx: &mut Cx<'_>) {
    let address = &server.address;
    if server.ha_suspend && contents.marks {
        server.ha_suspend = false;
        let finding = Diagnostic::error(HA_SUSPEND, "`ha_suspend` cannot follow a mark")
            .at(server.seen.span_or_head("ha_suspend"), "ignored")
            .note("only an address can be present on this host or not");
        cx.diagnostics.push(finding);
    }
    if !contents.addresses {
        if server.protocol.is_some() {
            server.protocol.correct(None);
            let finding = Diagnostic::warning(MARK_PROTOCOL, format!("virtual server `{address}` has no protocol"))
                .at(server.seen.span_or_head("protocol"), "ignored: the mark alone decides");
            cx.diagnostics.push(finding);
        }
        return;
    }
    if server.protocol.is_none() {
        server.protocol.correct(Some(Protocol::Udp));
        let finding = Diagnostic::error(NO_PROTOCOL, format!("virtual server `{address}` has no protocol"))
            .at(server.seen.head, "UDP is used")
            .hint("add `protocol TCP`, `UDP` or `SCTP`");
        cx.diagnostics.push(finding);
    }
    if server.flags.ops && *server.protocol != Some(Protocol::Udp) {
        server.flags.ops = false;
        let finding = Diagnostic::error(OPS, "one-packet scheduling is for UDP alone")
            .at(server.seen.span_or_head("ops"), "ignored");
        cx.diagnostics.push(finding);
    }
    if contents.any_port && server.persistence_timeout.is_none() {
        server.persistence_timeout = Some(PERSISTENCE_DEFAULT);
        let message = format!("virtual server `{address}` takes any port, and is not persistent");
        let finding = Diagnostic::error(ANY_PORT, message)
            .at(server.seen.head, "persistence of 360 seconds is used")
            .hint("give it a port, or add `persistence_timeout`");
        cx.diagnostics.push(finding);
    }
}

/// Takes out every real server that stands there already.
fn drop_duplicates(server: &mut VirtualServer, cx: &mut Cx<'_>) {
    let mut order: Vec<(IpAddr, u16, usize)> =
        server.real_servers.iter().enumerate().map(|(at, real)| (real.address, *real.port, at)).collect();
    order.sort_unstable();
    let mut again: Vec<(usize, usize)> = order
        .chunk_by(|a, b| (a.0, a.1) == (b.0, b.1))
        .filter_map(<[_]>::split_first)
        .flat_map(|(first, rest)| rest.iter().map(|again| (again.2, first.2)))
        .collect();
    if again.is_empty() {
        return;
    }
    again.sort_unstable();
    for (at, first) in &again {
        if let (Some(real), Some(first)) = (server.real_servers.get(*at), server.real_servers.get(*first)) {
            cx.diagnostics.push(duplicate(server, real, first));
        }
    }
    let mut at = 0;
    let mut again = again.into_iter().map(|(at, _)| at).peekable();
    server.real_servers.retain(|_| {
        let drop = again.next_if_eq(&at).is_some();
        at += 1;
        !drop
    });
}

fn duplicate(server: &VirtualServer, real: &RealServer, first: &RealServer) -> Diagnostic {
    let address = real.address;
    let message = format!("real server {address} port {} stands twice in `{}`", *real.port, server.address);
    let finding =
        Diagnostic::error(DUPLICATE, message).at(real.seen.head, "left out").at(first.seen.head, "stands here");
    // keepalived compares what is written, before it settles the ports.
    let written = |real: &RealServer| real.port.given().then_some(*real.port);
    if written(real) == written(first) { finding } else { finding.class(Class::Ours).note("both get the same port") }
}

/// Weights and defaults of real servers.
fn hand_down(server: &mut VirtualServer, outside: &Outside) {
    let handed = Shared::new(server.defaults.handed_down());
    let (for_virtual, for_real) = outside.smtp_alert;
    if !server.smtp_alert.given() {
        server.smtp_alert.correct(for_virtual);
    }
    for real in &mut server.real_servers {
        real.weight.inherit(&server.weight);
        if !real.smtp_alert.given() {
            real.smtp_alert.correct(for_real);
        }
        if real.virtualhost.is_none() {
            real.virtualhost.clone_from(&server.virtualhost);
        }
        if Defaults::is_built_in(&real.defaults) {
            real.defaults = handed.clone();
        } else {
            real.defaults.to_mut().inherit(&handed);
        }
    }
    if let Some(sorry) = &mut server.sorry_server {
        let same = |real: &&RealServer| (real.address, *real.port) == (sorry.address, *sorry.port);
        if let Some(real) = server.real_servers.iter().find(same) {
            sorry.inhibit = *real.defaults.inhibit_on_failure;
        }
    }
}

fn quorum(server: &mut VirtualServer, cx: &mut Cx<'_>) {
    let total: u64 = server.real_servers.iter().map(|real| u64::from(*real.weight)).sum();
    let address = &server.address;
    if u64::from(*server.quorum) > total {
        let message =
            format!("virtual server `{address}`: quorum {} is more than all weights, {total}", *server.quorum);
        let finding =
            Diagnostic::warning(QUORUM, message).at(server.seen.span_or_head("quorum"), format!("{total} is used"));
        cx.diagnostics.push(finding);
        server.quorum.correct(u32::try_from(total).unwrap_or(u32::MAX));
    }
    let most = server.quorum.saturating_sub(1);
    if *server.hysteresis > most {
        let message = format!("virtual server `{address}`: hysteresis {} is not below the quorum", *server.hysteresis);
        let finding = Diagnostic::error(HYSTERESIS, message)
            .at(server.seen.span_or_head("hysteresis"), format!("{most} is used"));
        cx.diagnostics.push(finding);
        server.hysteresis.correct(most);
    }
}

fn checks(server: &mut VirtualServer, contents: &Contents, outside: &Outside, cx: &mut Cx<'_>) {
    let mut timings = Timings::default();
    let timeout: Duration = *server.defaults.delay_loop;
    for real in &mut server.real_servers {
        checkers::settle(real, timeout, contents, outside, &mut timings, cx);
    }
}

/// The group a virtual server stands for.
pub(super) fn members(group: Option<&Group>) -> &[crate::blocks::lvs::group::Member] {
    group.map_or(&[], |group| &group.members)
}

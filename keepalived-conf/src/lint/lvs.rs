// SPDX-License-Identifier: MIT OR Apache-2.0
//! Lints of load balancing.
//!
//! Servers of one virtual server are mostly written alike, so a lint speaks once for each virtual server and says how
//! many more there are.

mod checks;

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::blocks::lvs::Lvs;
use crate::blocks::lvs::check::Checker;
use crate::blocks::lvs::group::{Group, Member};
use crate::blocks::lvs::real_server::RealServer;
use crate::blocks::lvs::scheduler::Protocol;
use crate::blocks::lvs::server_address::VirtualAddress;
use crate::blocks::lvs::virtual_server::VirtualServer;
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Severity};
use crate::span::Span;

pub const NEVER_GAINED: Code = Code::new("KL101", "a quorum that cannot be gained");
pub const PERSISTENT_PACKETS: Code = Code::new("KL102", "persistence with one-packet scheduling");
pub const ALL_WEIGHTLESS: Code = Code::new("KL103", "every real server has weight 0");
pub const LONG_TIMEOUT: Code = Code::new("KL104", "a timeout longer than the interval of the check");
pub const SLOW: Code = Code::new("KL105", "a failure is noticed after more than a minute");
pub const REAL_IS_VIRTUAL: Code = Code::new("KL106", "a real server with the virtual address");
pub const TCP_FOR_UDP: Code = Code::new("KL107", "a UDP service checked over TCP alone");
pub const ANY_PAGE: Code = Code::new("KL108", "a check that any page passes");
pub const NO_HOST: Code = Code::new("KL109", "a url without a host among others with one");
pub const NO_SNI: Code = Code::new("KL110", "no name to send while TLS is set up");
pub const LONG_PROGRAM: Code = Code::new("KL111", "a program that may outlast the interval of the check");
pub const SORRY_IS_REAL: Code = Code::new("KL112", "the sorry server is also a real server");
pub const ALPHA_UNCHECKED: Code = Code::new("KL113", "alpha without a check");
pub const UNCHECKED: Code = Code::new("KL114", "a real server that is never taken out");
pub const UNUSED_GROUP: Code = Code::new("KL115", "a group no virtual server uses");
pub const BIND_PORT_ALONE: Code = Code::new("KL116", "a source port without a source address");
pub const NO_PORT: Code = Code::new("KL117", "a check without a port");
pub const WEIGHTS_IGNORED: Code = Code::new("KL118", "weights the scheduler does not look at");
pub const THRESHOLDS: Code = Code::new("KL119", "thresholds that do not leave room");

/// Every code, for the list in the documentation.
pub const CODES: [Code; 19] = [
    NEVER_GAINED,
    PERSISTENT_PACKETS,
    ALL_WEIGHTLESS,
    LONG_TIMEOUT,
    SLOW,
    REAL_IS_VIRTUAL,
    TCP_FOR_UDP,
    ANY_PAGE,
    NO_HOST,
    NO_SNI,
    LONG_PROGRAM,
    SORRY_IS_REAL,
    ALPHA_UNCHECKED,
    UNCHECKED,
    UNUSED_GROUP,
    BIND_PORT_ALONE,
    NO_PORT,
    WEIGHTS_IGNORED,
    THRESHOLDS,
];

pub(super) fn lint(lvs: &Lvs, findings: &mut Diagnostics) {
    unused_groups(lvs, findings);
    for server in &lvs.servers {
        quorum(server, findings);
        if server.flags.ops && server.persistence_timeout.is_some() {
            let finding = Diagnostic::lint(PERSISTENT_PACKETS, "`ops` balances every packet for itself")
                .at(server.seen.span_or_head("ops"), "so no client keeps its real server")
                .at(persistence(server), "although this asks for it");
            findings.push(finding);
        }
        weights(server, findings);
        sorry_server(server, findings);
        real_servers(server, &lvs.groups, findings);
        checks::lint(server, findings);
    }
}

/// A lint that may hold for many servers of a virtual server.
#[derive(Default)]
struct Tally {
    first: Option<Diagnostic>,
    more: usize,
}

impl Tally {
    fn hit(&mut self, finding: impl FnOnce() -> Diagnostic) {
        if self.first.is_some() {
            self.more += 1;
        } else {
            self.first = Some(finding());
        }
    }

    fn tell(self, findings: &mut Diagnostics) {
        let Some(finding) = self.first else { return };
        findings.push(match self.more {
            0 => finding,
            1 => finding.note("the same holds once more in this virtual server"),
            more => finding.note(format!("the same holds {more} more times in this virtual server")),
        });
    }
}

fn unused_groups(lvs: &Lvs, findings: &mut Diagnostics) {
    let used: BTreeSet<&str> = lvs
        .servers
        .iter()
        .filter_map(|server| match &server.address {
            VirtualAddress::Group(name) => Some(name.text.as_str()),
            VirtualAddress::Address { .. } | VirtualAddress::Fwmark(_) => None,
        })
        .collect();
    for group in lvs.groups.iter().filter(|group| !used.contains(group.name.as_str())) {
        let message = format!("no virtual server uses group `{}`", group.name);
        findings.push(Diagnostic::lint(UNUSED_GROUP, message).at(group.seen.head, "without effect"));
    }
}

fn persistence(server: &VirtualServer) -> Span {
    let timeout = server.seen.span("persistence_timeout");
    timeout.unwrap_or_else(|| server.seen.span_or_head("persistence_granularity"))
}

fn total_weight(server: &VirtualServer) -> u64 {
    server.real_servers.iter().map(|real| u64::from(*real.weight)).sum()
}

fn quorum(server: &VirtualServer, findings: &mut Diagnostics) {
    let total = total_weight(server);
    let needed = u64::from(*server.quorum) + u64::from(*server.hysteresis);
    if needed <= total {
        return;
    }
    let message = format!("virtual server `{}` can never gain its quorum", server.address);
    let finding = Diagnostic::lint(NEVER_GAINED, message)
        .at(
            server.seen.span_or_head("hysteresis"),
            format!("quorum {} and hysteresis {} make {needed}", *server.quorum, *server.hysteresis),
        )
        .note(format!("all real servers together have weight {total}"))
        .hint("lower `hysteresis` or `quorum`");
    findings.push(finding);
}

fn weights(server: &VirtualServer, findings: &mut Diagnostics) {
    if total_weight(server) == 0 {
        let message = format!("every real server of `{}` has weight 0", server.address);
        let finding = Diagnostic::lint(ALL_WEIGHTLESS, message).at(server.seen.head, "no new connection is served");
        findings.push(finding);
        return;
    }
    // Weight 0 is looked at by all of them: it keeps new connections away.
    let mut weights = server.real_servers.iter().filter(|real| *real.weight > 0);
    let Some(first) = weights.next() else { return };
    let Some(other) = weights.find(|real| real.weight != first.weight) else { return };
    if !server.scheduler.weighs() {
        let place = if other.seen.has("weight") { other } else { first };
        let message = format!("scheduler {} does not look at weights", *server.scheduler);
        let finding = Diagnostic::lint(WEIGHTS_IGNORED, message)
            .at(place.seen.span_or_head("weight"), format!("{} instead of {}", *other.weight, *first.weight))
            .hint(format!("use w{} if weights are to count", *server.scheduler));
        findings.push(finding);
    }
}

fn sorry_server(server: &VirtualServer, findings: &mut Diagnostics) {
    let Some(sorry) = server.sorry_server.as_deref() else { return };
    let same = |real: &&RealServer| (real.address, *real.port) == (sorry.address, *sorry.port);
    if let Some(real) = server.real_servers.iter().find(same) {
        let finding = Diagnostic::lint(SORRY_IS_REAL, "the sorry server is one of the real servers")
            .at(sorry.place.0, "gets everything when the others have failed")
            .at(real.seen.head, "also balanced, and perhaps failed itself");
        findings.push(finding);
    }
}

fn real_servers(server: &VirtualServer, groups: &[Group], findings: &mut Diagnostics) {
    let mut own_address = Tally::default();
    let mut unchecked = Tally::default();
    let mut alpha = Tally::default();
    let mut thresholds = Tally::default();
    let mut only_tcp = Tally::default();
    let ranges = ranges(server, groups);
    for real in &server.real_servers {
        if ranges
            .iter()
            .any(|(first, last)| same_kind(first, &real.address) && (*first..=*last).contains(&real.address))
        {
            own_address.hit(|| {
                let message = format!("real server {} is the virtual address itself", real.address);
                Diagnostic::lint(REAL_IS_VIRTUAL, message).at(real.seen.head, "packets to it would be balanced again")
            });
        }
        if real.checkers.is_empty() {
            unchecked.hit(|| {
                Diagnostic::lint(UNCHECKED, format!("real server {} has no check", real.address))
                    .at(real.seen.head, "it stays in service even when it is dead")
            });
            if *real.defaults.alpha {
                alpha.hit(|| {
                    Diagnostic::lint(ALPHA_UNCHECKED, "`alpha` without a check that could succeed")
                        .at(alpha_place(real, server), "without effect: the server is up at once")
                });
            }
        }
        if real.uthreshold > 0 && real.lthreshold >= real.uthreshold {
            thresholds.hit(|| {
                let message = format!("`lthreshold` {} is not below `uthreshold` {}", real.lthreshold, real.uthreshold);
                Diagnostic::lint(THRESHOLDS, message).at(real.seen.span_or_head("lthreshold"), "")
            });
        }
        if *server.protocol == Some(Protocol::Udp) && checked_over_tcp_alone(real) {
            only_tcp.hit(|| {
                Diagnostic::lint(
                    TCP_FOR_UDP,
                    format!("real server {} serves UDP, and is checked over TCP", real.address),
                )
                .at(real.seen.head, "a dead UDP service goes unnoticed")
                .hint("add a UDP_CHECK, a DNS_CHECK or a MISC_CHECK")
            });
        }
    }
    for tally in [own_address, unchecked, alpha, thresholds, only_tcp] {
        tally.tell(findings);
    }
}

/// First and last address of everything the virtual server listens on.
fn ranges(server: &VirtualServer, groups: &[Group]) -> Vec<(IpAddr, IpAddr)> {
    match &server.address {
        VirtualAddress::Address { ip, .. } => vec![(*ip, *ip)],
        VirtualAddress::Fwmark(_) => Vec::new(),
        VirtualAddress::Group(name) => groups
            .iter()
            .find(|group| group.name == name.text)
            .into_iter()
            .flat_map(|group| &group.members)
            .filter_map(|member| match member {
                Member::Addresses { first, last, .. } => Some((*first, *last)),
                Member::Fwmark { .. } => None,
            })
            .collect(),
    }
}

fn same_kind(a: &IpAddr, b: &IpAddr) -> bool {
    a.is_ipv4() == b.is_ipv4()
}

fn alpha_place(real: &RealServer, server: &VirtualServer) -> Span {
    real.seen.span("alpha").unwrap_or_else(|| server.seen.span_or_head("alpha"))
}

fn checked_over_tcp_alone(real: &RealServer) -> bool {
    let over_tcp = |checker: &Checker| match checker {
        Checker::Tcp(_) | Checker::Http(_) | Checker::Smtp(_) => true,
        Checker::Misc(_)
        | Checker::Ping(_)
        | Checker::Udp(_)
        | Checker::Dns(_)
        | Checker::File(_)
        | Checker::Bfd(_) => false,
    };
    !real.checkers.is_empty() && real.checkers.iter().all(over_tcp)
}

/// A remark on something that is often meant.
fn remark(code: Code, message: impl Into<String>) -> Diagnostic {
    Diagnostic::lint(code, message).severity(Severity::Note)
}

#[cfg(test)]
mod tests;

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The rows of `virtual_server`.

use std::time::Duration;

use super::granularity::granularity;
use super::{ENGINE_NAME_MAX, PERSISTENCE_DEFAULT, PERSISTENCE_MAX, SorryServer, VirtualServer, one_word};
use crate::blocks::lvs::codes::{FAMILY, NO_SORRY_SERVER, PERSISTENCE, SCHEDULER_FLAG};
use crate::blocks::lvs::defaults::{self, BOOL, Level};
use crate::blocks::lvs::method::{self, Method};
use crate::blocks::lvs::real_server;
use crate::blocks::lvs::scheduler;
use crate::blocks::lvs::server_address::address_and_port;
use crate::diagnostic::{Class, Diagnostic};
use crate::family::Family;
use crate::schema::{Again, Keyword, Setting, Shape, Status, int, kw, strict_int};
use crate::span::Place;
use crate::value::Args;

pub(super) fn rows() -> Vec<Keyword<VirtualServer>> {
    let mut rows = vec![
        kw("ip_family")
            .must(Shape::Choice(&["inet", "inet6"]))
            .default("the family of the servers; IPv4 when only tunnels of both lead to them")
            .otherwise("the line is ignored")
            .doc("Address family of a service that is only a mark.")
            .since("<2.0")
            .set(ip_family),
    ];
    rows.extend(defaults::rows(&Level {
        retry: "each checker's own: 1, for DNS_CHECK 3, for MISC_CHECK 0",
        delay_before_retry: "each checker's own: 1, for HTTP_GET and SSL_GET 3, for DNS_CHECK delay_loop",
        warmup: "delay_loop",
        connect_timeout: "5",
        delay_loop: "60",
        whose: "For every checker of this virtual server that does not say otherwise.",
    }));
    rows.extend(scheduling());
    rows.extend(flags());
    rows.extend(methods());
    rows.extend(service());
    rows.extend(naming());
    rows.extend(watching());
    rows.extend(servers());
    rows
}

fn scheduling() -> Vec<Keyword<VirtualServer>> {
    const NAMES: &str = "rr|wrr|lc|wlc|lblc|sh|mh|dh|fo|ovf|lblcr|sed|nq|twos";
    vec![
        kw("inhibit_on_failure")
            .default("off")
            .doc("A failed real server keeps its place with weight 0 instead of being taken out.")
            .note("Words after it are ignored; it cannot be switched off here.")
            .since("<2.0")
            .set(|server: &mut VirtualServer, _| server.defaults.inhibit_on_failure.set(true)),
        kw("lb_algo")
            .must(Shape::Syntax(NAMES))
            .default("wlc")
            .otherwise("the line is ignored")
            .doc("Older spelling of `lvs_sched`.")
            .since("<2.0")
            .set(set_scheduler),
        kw("lvs_sched")
            .must(Shape::Syntax(NAMES))
            .default("wlc")
            .otherwise("the line is ignored")
            .doc("How the real server of a new connection is chosen.")
            .note("Leaving it out is an error, and wlc is used.")
            .since("<2.0")
            .set(set_scheduler),
        kw("hashed")
            .doc("A flag of the past.")
            .since("<2.0")
            .status(Status::NoEffect("keepalived never sets the flag this asks for"))
            .set(|server: &mut VirtualServer, args| {
                if !server.scheduler.hashes_source() {
                    let finding = Diagnostic::error(SCHEDULER_FLAG, "`hashed` is for the schedulers sh and mh")
                        .at(args.span(), "ignored");
                    args.push(finding);
                }
            }),
    ]
}

fn flags() -> Vec<Keyword<VirtualServer>> {
    let flag = |name| kw(name).default("off").since("<2.0");
    vec![
        flag("ops")
            .doc("One-packet scheduling: every datagram is balanced for itself.")
            .otherwise("cleared unless the protocol is UDP")
            .set(|server: &mut VirtualServer, _| server.flags.ops = true),
        flag("flag-1")
            .doc("First flag of the scheduler.")
            .set(|server: &mut VirtualServer, _| server.flags.flag_1 = true),
        flag("flag-2")
            .doc("Second flag of the scheduler.")
            .set(|server: &mut VirtualServer, _| server.flags.flag_2 = true),
        flag("flag-3")
            .doc("Third flag of the scheduler.")
            .set(|server: &mut VirtualServer, _| server.flags.flag_3 = true),
        flag("sh-port")
            .doc("Scheduler sh: the hash includes the port.")
            .otherwise("ignored with another scheduler")
            .set(|server: &mut VirtualServer, _| server.flags.sh_port = true),
        flag("sh-fallback")
            .doc("Scheduler sh: another server is taken when the chosen one is not available.")
            .otherwise("ignored with another scheduler")
            .set(|server: &mut VirtualServer, _| server.flags.sh_fallback = true),
        kw("mh-port")
            .default("off")
            .doc("Scheduler mh: the hash includes the port.")
            .otherwise("ignored with another scheduler")
            .since("2.0.20")
            .set(|server: &mut VirtualServer, _| server.flags.mh_port = true),
        kw("mh-fallback")
            .default("off")
            .doc("Scheduler mh: another server is taken when the chosen one is not available.")
            .otherwise("ignored with another scheduler")
            .since("2.0.20")
            .set(|server: &mut VirtualServer, _| server.flags.mh_fallback = true),
    ]
}

fn methods() -> Vec<Keyword<VirtualServer>> {
    vec![
        kw("lb_kind")
            .must(Shape::Syntax(method::SYNTAX))
            .default("NAT")
            .otherwise("the line is ignored")
            .doc("Older spelling of `lvs_method`.")
            .since("<2.0")
            .set(set_method),
        kw("lvs_method")
            .must(Shape::Syntax(method::SYNTAX))
            .default("NAT")
            .otherwise("the line is ignored")
            .doc("How packets reach the real servers and the sorry server.")
            .note("Leaving it out everywhere is an error, and NAT is used. A gue tunnel needs a port.")
            .since("<2.0")
            .set(set_method),
    ]
}

fn service() -> Vec<Keyword<VirtualServer>> {
    vec![
        kw("persistence_engine")
            .must(Shape::Word("NAME"))
            .doc("Kernel module that says which connections belong together, such as sip.")
            .otherwise("cut to 16 characters")
            .since("<2.0")
            .set(|server: &mut VirtualServer, args| {
                let Some(word) = args.word() else { return };
                let mut name = word.text;
                if name.len() > ENGINE_NAME_MAX {
                    name = name.get(..ENGINE_NAME_MAX).unwrap_or("");
                    let label = format!("longer than {ENGINE_NAME_MAX} characters");
                    args.reject(PERSISTENCE, Class::General, word.span, label);
                }
                server.persistence_engine = Some(name.into());
            }),
        kw("persistence_timeout")
            .opt(strict_int(1, PERSISTENCE_MAX))
            .default("not persistent; 360 when no time follows")
            .otherwise("the line is ignored")
            .doc("Seconds for which a client keeps its real server.")
            .since("<2.0")
            .set(|server: &mut VirtualServer, args| {
                if !args.given() {
                    server.persistence_timeout = Some(PERSISTENCE_DEFAULT);
                } else if let Some(timeout) = args.num::<u32>() {
                    server.persistence_timeout = Some(Duration::from_secs(timeout.into()));
                }
            }),
        kw("persistence_granularity")
            .must(Shape::Syntax("MASK|LENGTH"))
            .default("the whole address")
            .otherwise("the line is ignored")
            .doc("Part of the client's address that persistence looks at: a mask for IPv4, a length for IPv6.")
            .note("Makes the service persistent, for 360 seconds unless told. A mask need not be contiguous.")
            .since("<2.0")
            .set(granularity),
        kw("protocol")
            .must(Shape::Syntax("TCP|UDP|SCTP"))
            .default("UDP")
            .otherwise("the line is ignored")
            .doc("Transport protocol of the service, in any letter case.")
            .note("Leaving it out is an error, and UDP is used. A service that is only a mark has none.")
            .since("<2.0")
            .set(|server: &mut VirtualServer, args| {
                if let Some(protocol) = scheduler::protocol(args) {
                    server.protocol.set(Some(protocol));
                }
            }),
    ]
}

fn naming() -> Vec<Keyword<VirtualServer>> {
    vec![
        kw("ha_suspend")
            .default("off")
            .doc("Real servers are checked only while this host has the virtual address.")
            .otherwise("cleared where marks are balanced")
            .since("<2.0")
            .set(|server: &mut VirtualServer, _| server.ha_suspend = true),
        kw("smtp_alert")
            .opt(BOOL)
            .default("smtp_alert_checker, else smtp_alert, else off")
            .otherwise("the line is ignored")
            .doc("Mail when quorum is gained or lost.")
            .since("2.0.0")
            .set(|server: &mut VirtualServer, args| {
                if let Some(on) = args.bool() {
                    server.smtp_alert.set(on);
                }
            }),
        kw("virtualhost").arg(Shape::Word("NAME")).doc("Name of the host that HTTP checks ask for.").since("<2.0").set(
            |server: &mut VirtualServer, args| {
                if let Some(word) = args.word() {
                    server.virtualhost = Some(word.text.into());
                }
            },
        ),
        kw("snmp_name")
            .arg(Shape::Word("NAME"))
            .otherwise("the line is ignored")
            .doc("Name under which SNMP lists the service; one word.")
            .since("2.2.3")
            .set(|server: &mut VirtualServer, args| {
                if let Some(name) = one_word(args) {
                    server.snmp_name = Some(name);
                }
            }),
    ]
}

fn watching() -> Vec<Keyword<VirtualServer>> {
    vec![
        kw("alpha")
            .default("off")
            .doc("Real servers count as failed until a check succeeds.")
            .note("Words after it are ignored; it cannot be switched off here.")
            .since("<2.0")
            .set(|server: &mut VirtualServer, _| server.defaults.alpha.set(true)),
        kw("omega")
            .default("off")
            .doc("When the daemon stops, the notifications of failure are sent.")
            .note("Words after it are ignored.")
            .since("<2.0")
            .set(|server: &mut VirtualServer, _| server.omega = true),
        kw("quorum_up")
            .must(Shape::Script)
            .doc("Program to run when quorum is gained.")
            .since("<2.0")
            .again(Again::First)
            .set(|server: &mut VirtualServer, args| server.quorum_up = args.script().map(Box::new)),
        kw("quorum_down")
            .must(Shape::Script)
            .doc("Program to run when quorum is lost.")
            .since("<2.0")
            .again(Again::First)
            .set(|server: &mut VirtualServer, args| server.quorum_down = args.script().map(Box::new)),
        kw("quorum")
            .must(int(1, u32::MAX as i64))
            .default("1")
            .otherwise("1 is used")
            .doc("Sum of the weights of live real servers that the service needs.")
            .note("More than the sum of all weights is an error, and the sum is used.")
            .since("<2.0")
            .set(|server: &mut VirtualServer, args| server.quorum.set(args.num_or(1))),
        kw("hysteresis")
            .must(int(0, u32::MAX as i64))
            .default("0")
            .otherwise("the line is ignored")
            .doc("Quorum is gained at `quorum` plus this, and lost below `quorum` minus this.")
            .note("Not less than the quorum is an error, and one less than the quorum is used.")
            .since("<2.0")
            .set(|server: &mut VirtualServer, args| {
                if let Some(hysteresis) = args.num() {
                    server.hysteresis.set(hysteresis);
                }
            }),
    ]
}

fn servers() -> Vec<Keyword<VirtualServer>> {
    vec![
        kw("weight")
            .must(int(1, i32::MAX as i64))
            .default("1")
            .otherwise("the line is ignored")
            .doc("Weight of real servers that have none of their own.")
            .since("<2.0")
            .set(|server: &mut VirtualServer, args| {
                if let Some(weight) = args.num() {
                    server.weight.set(weight);
                }
            }),
        kw("sorry_server")
            .must(Shape::Address)
            .opt(int(1, 65535))
            .otherwise("the line is ignored")
            .doc("Server used while quorum is lost.")
            .note("Left out when its family does not fit and no tunnel leads to it.")
            .since("<2.0")
            .set(sorry_server),
        kw("sorry_server_inhibit")
            .default("off")
            .otherwise("ignored before `sorry_server`")
            .doc("While it is not used the sorry server keeps its place with weight 0.")
            .since("<2.0")
            .set(|server: &mut VirtualServer, args| match &mut server.sorry_server {
                Some(sorry) => sorry.inhibit = true,
                None => no_sorry_server(args),
            }),
        kw("sorry_server_lvs_method")
            .must(Shape::Syntax(method::SYNTAX))
            .default("lvs_method")
            .otherwise("ignored before `sorry_server`")
            .doc("How packets reach the sorry server.")
            .since("<2.0")
            .set(|server: &mut VirtualServer, args| {
                let Some(method) = method::method(args) else { return };
                match &mut server.sorry_server {
                    Some(sorry) => sorry.method.set(method),
                    None => no_sorry_server(args),
                }
            }),
        kw("real_server")
            .must(Shape::Address)
            .opt(int(1, 65535))
            .default("the port of the virtual server")
            .otherwise("the block is skipped")
            .doc("One server the service is balanced over.")
            .note("With DR and TUN the port is always the virtual server's. The same server twice is left out.")
            .example("real_server 10.0.0.2 80 {\n    TCP_CHECK {\n        connect_timeout 3\n    }\n}")
            .since("<2.0")
            .again(Again::Adds)
            .block(&real_server::BLOCK, real_server::open, real_server::close),
    ]
}

fn ip_family(server: &mut VirtualServer, args: &mut Args<'_, '_>) {
    let Some(word) = args.word() else { return };
    let Some(name) = args.choice_of(word, &["inet", "inet6"]) else { return };
    let family = if name == "inet" { Family::V4 } else { Family::V6 };
    match *server.family {
        Some(known) if known != family => {
            let label = format!("the service is {known} already");
            let finding = args.rejection(FAMILY, Class::General).at(word.span, label);
            args.push(finding);
        }
        Some(_) | None => server.family.set(Some(family)),
    }
}

fn set_scheduler(server: &mut VirtualServer, args: &mut Args<'_, '_>) {
    if let Some(scheduler) = scheduler::scheduler(args) {
        server.scheduler.set(scheduler);
    }
}

fn set_method(server: &mut VirtualServer, args: &mut Args<'_, '_>) {
    if let Some(method) = method::method(args) {
        server.method.set(method);
    }
}

fn sorry_server(server: &mut VirtualServer, args: &mut Args<'_, '_>) {
    let Some((address, port)) = address_and_port(args) else { return };
    let mut setting = Setting::new(0);
    if let Some(port) = port {
        setting.set(port);
    }
    server.sorry_server = Some(Box::new(SorryServer {
        address,
        port: setting,
        method: Setting::new(Method::default()),
        inhibit: false,
        place: Place(args.span()),
    }));
}

fn no_sorry_server(args: &mut Args<'_, '_>) {
    let finding = Diagnostic::error(NO_SORRY_SERVER, format!("`{}` without a sorry server before it", args.keyword))
        .at(args.span(), "ignored")
        .hint("write it after `sorry_server`");
    args.push(finding);
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! `real_server`: one server of a virtual server, with its checkers.

use std::net::IpAddr;
use std::sync::LazyLock;

use super::check::{Checker, Connects};
use super::defaults::{self, BOOL, Defaults, HandsDown, Level};
use super::method::{self, Method};
use super::server_address::address_and_port;
use super::shared::Shared;
use super::virtual_server::{VirtualServer, one_word};
use super::{check_bfd, check_dns, check_file, check_http, check_misc, check_ping, check_smtp, check_tcp, check_udp};
use crate::schema::{Again, Block, Keyword, Node, Seen, Setting, Shape, int, kw};
use crate::script::Script;
use crate::value::Args;

#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct RealServer {
    pub address: IpAddr,
    /// After resolving, the port packets are sent to; 0 where each entry of a group brings its own, or for a mark.
    pub port: Setting<u16>,
    pub weight: Setting<u32>,
    pub method: Setting<Method>,
    pub uthreshold: u32,
    pub lthreshold: u32,
    pub defaults: Shared<Defaults>,
    pub smtp_alert: Setting<bool>,
    /// After resolving, the name in force.
    pub virtualhost: Option<Shared<str>>,
    pub snmp_name: Option<Box<str>>,
    pub notify_up: Option<Box<Script>>,
    pub notify_down: Option<Box<Script>>,
    pub checkers: Vec<Checker>,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub seen: Seen,
}

impl Node for RealServer {
    fn seen(&mut self) -> &mut Seen {
        &mut self.seen
    }
}

impl HandsDown for RealServer {
    fn defaults(&mut self) -> &mut Defaults {
        self.defaults.to_mut()
    }
}

pub static BLOCK: LazyLock<Block<RealServer>> = LazyLock::new(|| {
    let mut rows = server();
    rows.extend(failing());
    rows.extend(defaults::rows(&Level {
        retry: "the virtual server's",
        delay_before_retry: "the virtual server's",
        warmup: "the virtual server's",
        connect_timeout: "the virtual server's",
        delay_loop: "the virtual server's",
        whose: "For every checker of this real server that does not say otherwise.",
    }));
    rows.extend(naming());
    rows.extend(checkers());
    Block::new("real_server", rows)
});

fn server() -> Vec<Keyword<RealServer>> {
    vec![
        kw("weight")
            .must(int(0, i32::MAX as i64))
            .default("the virtual server's")
            .otherwise("the line is ignored")
            .doc("Share of the connections, compared with the other real servers.")
            .since("<2.0")
            .set(|server: &mut RealServer, args| {
                if let Some(weight) = args.num() {
                    server.weight.set(weight);
                }
            }),
        kw("lvs_method")
            .must(Shape::Syntax(method::SYNTAX))
            .default("the virtual server's")
            .otherwise("the line is ignored")
            .doc("How packets reach this real server.")
            .since("<2.0")
            .set(|server: &mut RealServer, args| {
                if let Some(method) = method::method(args) {
                    server.method.set(method);
                }
            }),
        kw("uthreshold")
            .must(int(0, u32::MAX as i64))
            .default("0")
            .otherwise("the line is ignored")
            .doc("With this many connections the server gets no new ones; 0 for no limit.")
            .since("<2.0")
            .set(|server: &mut RealServer, args| {
                if let Some(threshold) = args.num() {
                    server.uthreshold = threshold;
                }
            }),
        kw("lthreshold")
            .must(int(0, u32::MAX as i64))
            .default("0")
            .otherwise("the line is ignored")
            .doc("Below this many connections it gets new ones again.")
            .since("<2.0")
            .set(|server: &mut RealServer, args| {
                if let Some(threshold) = args.num() {
                    server.lthreshold = threshold;
                }
            }),
    ]
}

fn failing() -> Vec<Keyword<RealServer>> {
    vec![
        kw("inhibit_on_failure")
            .opt(BOOL)
            .default("the virtual server's")
            .otherwise("the line is ignored")
            .doc("When it fails the server keeps its place with weight 0 instead of being taken out.")
            .since("<2.0")
            .set(|server: &mut RealServer, args| {
                if let Some(on) = args.bool() {
                    server.defaults().inhibit_on_failure.set(on);
                }
            }),
        kw("notify_up")
            .must(Shape::Script)
            .doc("Program to run when the server comes up.")
            .since("<2.0")
            .again(Again::First)
            .set(|server: &mut RealServer, args| server.notify_up = args.script().map(Box::new)),
        kw("notify_down")
            .must(Shape::Script)
            .doc("Program to run when the server goes down.")
            .since("<2.0")
            .again(Again::First)
            .set(|server: &mut RealServer, args| server.notify_down = args.script().map(Box::new)),
        kw("alpha")
            .opt(BOOL)
            .default("the virtual server's")
            .otherwise("the line is ignored")
            .doc("The server counts as failed until its checks succeed.")
            .since("<2.0")
            .set(|server: &mut RealServer, args| {
                if let Some(on) = args.bool() {
                    server.defaults().alpha.set(on);
                }
            }),
    ]
}

fn naming() -> Vec<Keyword<RealServer>> {
    vec![
        kw("smtp_alert")
            .opt(BOOL)
            .default("smtp_alert_checker, else smtp_alert, else on")
            .otherwise("the line is ignored")
            .doc("Mail when the server comes up or goes down.")
            .note("The only `smtp_alert` that is on when nothing is said.")
            .since("2.0.0")
            .set(|server: &mut RealServer, args| {
                if let Some(on) = args.bool() {
                    server.smtp_alert.set(on);
                }
            }),
        kw("virtualhost")
            .arg(Shape::Word("NAME"))
            .default("the virtual server's")
            .doc("Name of the host that HTTP checks ask for.")
            .since("<2.0")
            .set(|server: &mut RealServer, args| {
                if let Some(word) = args.word() {
                    server.virtualhost = Some(word.text.into());
                }
            }),
        kw("snmp_name")
            .arg(Shape::Word("NAME"))
            .otherwise("the line is ignored")
            .doc("Name under which SNMP lists the server; one word.")
            .since("2.2.3")
            .set(|server: &mut RealServer, args| {
                if let Some(name) = one_word(args) {
                    server.snmp_name = Some(name);
                }
            }),
    ]
}

fn checkers() -> Vec<Keyword<RealServer>> {
    let check = |name, since| kw(name).since(since).again(Again::Adds);
    vec![
        check("MISC_CHECK", "<2.0")
            .doc("Runs a program; exit status 0 is success.")
            .note("A server has as many checkers as it needs, of any kind; it is up when none has failed.")
            .block(&check_misc::BLOCK, check_misc::open, check_misc::close),
        check("SMTP_CHECK", "<2.0").doc("Greets a mail server and waits for its answers.").block(
            &check_smtp::BLOCK,
            check_smtp::open,
            check_smtp::close,
        ),
        check("TCP_CHECK", "<2.0")
            .doc("Opens a TCP connection and closes it.")
            .example("TCP_CHECK {\n    connect_timeout 3\n}")
            .block(&check_tcp::BLOCK, check_tcp::open, check_tcp::close),
        check("PING_CHECK", "2.1.0")
            .doc("Sends an ICMP echo request and waits for the reply.")
            .note("Needs the group of the process within the sysctl net.ipv4.ping_group_range.")
            .block(&check_ping::BLOCK, check_ping::open, check_ping::close),
        check("UDP_CHECK", "2.1.0")
            .doc("Sends a UDP datagram; without an answer the server counts as up unless one is required.")
            .block(&check_udp::BLOCK, check_udp::open, check_udp::close),
        check("HTTP_GET", "<2.0")
            .doc("Asks for one or more pages over HTTP.")
            .example("HTTP_GET {\n    url {\n        path /health\n        status_code 200\n    }\n}")
            .block(&check_http::HTTP, check_http::open_plain, check_http::close),
        check("SSL_GET", "<2.0")
            .doc("Asks for one or more pages over HTTPS.")
            .note("Uses the `SSL` block. The server's certificate is not verified, as in keepalived.")
            .block(&check_http::SSL, check_http::open_tls, check_http::close),
        check("DNS_CHECK", "<2.0").doc("Sends a DNS query over UDP; any answer without an error is success.").block(
            &check_dns::BLOCK,
            check_dns::open,
            check_dns::close,
        ),
        check("FILE_CHECK", "2.1.0").doc("Follows the number in a file that a `track_file` block names.").block(
            &check_file::BLOCK,
            check_file::open,
            check_file::close,
        ),
        check("BFD_CHECK", "2.0.0").doc("Follows a BFD session that a `bfd_instance` block names.").block(
            &check_bfd::BLOCK,
            check_bfd::open,
            check_bfd::close,
        ),
    ]
}

pub(crate) fn open(_: &mut VirtualServer, args: &mut Args<'_, '_>) -> Option<RealServer> {
    let (address, port) = address_and_port(args)?;
    let mut setting = Setting::new(0);
    if let Some(port) = port {
        setting.set(port);
    }
    Some(RealServer {
        address,
        port: setting,
        weight: Setting::new(1),
        method: Setting::new(Method::default()),
        uthreshold: 0,
        lthreshold: 0,
        defaults: Defaults::built_in(),
        smtp_alert: Setting::new(true),
        virtualhost: None,
        snmp_name: None,
        notify_up: None,
        notify_down: None,
        checkers: Vec::new(),
        seen: Seen::default(),
    })
}

pub(crate) fn close(parent: &mut VirtualServer, mut server: RealServer, _: &mut Args<'_, '_>) {
    server.checkers.shrink_to_fit();
    // Servers of one service are mostly checked alike.
    if let Some(before) = parent.real_servers.last() {
        for (checker, like) in server.checkers.iter_mut().zip(&before.checkers) {
            checker.share_with(like);
        }
    }
    parent.real_servers.push(server);
}

/// What a checker of this server connects to unless it says otherwise.
pub(crate) fn target(server: &RealServer) -> (IpAddr, u16) {
    (server.address, *server.port)
}

/// Adds a checker that connects somewhere, unless it cannot.
pub(crate) fn keep<T: Connects>(
    server: &mut RealServer,
    mut check: T,
    args: &mut Args<'_, '_>,
    into: fn(Box<T>) -> Checker,
) {
    if super::check::reaches(&mut check, args) {
        server.checkers.push(into(Box::new(check)));
    }
}

#[cfg(test)]
mod tests;

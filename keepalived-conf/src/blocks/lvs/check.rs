//! What checkers have in common: when they check, and what they connect to.

use std::net::IpAddr;
use std::sync::LazyLock;
use std::time::Duration;

use super::check_bfd::BfdCheck;
use super::check_dns::DnsCheck;
use super::check_file::FileCheck;
use super::check_http::HttpCheck;
use super::check_misc::MiscCheck;
use super::check_ping::PingCheck;
use super::check_smtp::SmtpCheck;
use super::check_tcp::TcpCheck;
use super::check_udp::UdpCheck;
use super::codes::{BIND_FAMILY, INTERFACE_NAME, LINK_LOCAL};
use super::defaults::{BOOL, CONNECT_TIMEOUT, CONNECT_TIMEOUT_MAX, DELAY_LOOP};
use super::shared::Shared;
use crate::diagnostic::{Class, Diagnostic};
use crate::schema::{Keyword, Node, Seen, Setting, Shape, int, kw, long_seconds, seconds};
use crate::value::Args;

/// The longest name an interface can have.
const INTERFACE_NAME_MAX: usize = 15;

/// One check of a real server.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "lowercase"))]
pub enum Checker {
    Misc(Box<MiscCheck>),
    Smtp(Box<SmtpCheck>),
    Tcp(Box<TcpCheck>),
    Ping(Box<PingCheck>),
    Udp(Box<UdpCheck>),
    /// `HTTP_GET` and `SSL_GET`.
    Http(Box<HttpCheck>),
    Dns(Box<DnsCheck>),
    File(Box<FileCheck>),
    Bfd(Box<BfdCheck>),
}

impl Checker {
    /// The keyword of its block.
    pub fn keyword(&self) -> &'static str {
        match self {
            Checker::Misc(_) => "MISC_CHECK",
            Checker::Smtp(_) => "SMTP_CHECK",
            Checker::Tcp(_) => "TCP_CHECK",
            Checker::Ping(_) => "PING_CHECK",
            Checker::Udp(_) => "UDP_CHECK",
            Checker::Http(check) => {
                if check.tls {
                    "SSL_GET"
                } else {
                    "HTTP_GET"
                }
            }
            Checker::Dns(_) => "DNS_CHECK",
            Checker::File(_) => "FILE_CHECK",
            Checker::Bfd(_) => "BFD_CHECK",
        }
    }

    pub fn seen(&self) -> &Seen {
        match self {
            Checker::Misc(check) => &check.seen,
            Checker::Smtp(check) => &check.seen,
            Checker::Tcp(check) => &check.seen,
            Checker::Ping(check) => &check.seen,
            Checker::Udp(check) => &check.seen,
            Checker::Http(check) => &check.seen,
            Checker::Dns(check) => &check.seen,
            Checker::File(check) => &check.seen,
            Checker::Bfd(check) => &check.seen,
        }
    }

    /// When it checks; nothing for those that are told.
    pub fn timing(&self) -> Option<&Shared<Timing>> {
        match self {
            Checker::Misc(check) => Some(&check.timing),
            Checker::Smtp(check) => Some(&check.timing),
            Checker::Tcp(check) => Some(&check.timing),
            Checker::Ping(check) => Some(&check.timing),
            Checker::Udp(check) => Some(&check.timing),
            Checker::Http(check) => Some(&check.timing),
            Checker::Dns(check) => Some(&check.timing),
            Checker::File(_) | Checker::Bfd(_) => None,
        }
    }

    pub(crate) fn timing_mut(&mut self) -> Option<&mut Shared<Timing>> {
        match self {
            Checker::Misc(check) => Some(&mut check.timing),
            Checker::Smtp(check) => Some(&mut check.timing),
            Checker::Tcp(check) => Some(&mut check.timing),
            Checker::Ping(check) => Some(&mut check.timing),
            Checker::Udp(check) => Some(&mut check.timing),
            Checker::Http(check) => Some(&mut check.timing),
            Checker::Dns(check) => Some(&mut check.timing),
            Checker::File(_) | Checker::Bfd(_) => None,
        }
    }

    /// What it connects to; nothing for those that do not.
    pub fn connection(&self) -> Option<&Connection> {
        match self {
            Checker::Smtp(check) => Some(&check.connection),
            Checker::Tcp(check) => Some(&check.connection),
            Checker::Ping(check) => Some(&check.connection),
            Checker::Udp(check) => Some(&check.connection),
            Checker::Http(check) => Some(&check.connection),
            Checker::Dns(check) => Some(&check.connection),
            Checker::Misc(_) | Checker::File(_) | Checker::Bfd(_) => None,
        }
    }

    pub(crate) fn connection_mut(&mut self) -> Option<&mut Connection> {
        match self {
            Checker::Smtp(check) => Some(&mut check.connection),
            Checker::Tcp(check) => Some(&mut check.connection),
            Checker::Ping(check) => Some(&mut check.connection),
            Checker::Udp(check) => Some(&mut check.connection),
            Checker::Http(check) => Some(&mut check.connection),
            Checker::Dns(check) => Some(&mut check.connection),
            Checker::Misc(_) | Checker::File(_) | Checker::Bfd(_) => None,
        }
    }

    /// The values of its kind where neither it nor its servers say anything.
    pub fn built_in(&self) -> BuiltIn {
        let one_second = Some(Duration::from_secs(1));
        match self {
            Checker::Misc(_) => BuiltIn { retry: 0, delay_before_retry: one_second },
            Checker::Smtp(_) | Checker::Tcp(_) | Checker::Ping(_) | Checker::Udp(_) => {
                BuiltIn { retry: 1, delay_before_retry: one_second }
            }
            Checker::Http(_) => BuiltIn { retry: 1, delay_before_retry: Some(Duration::from_secs(3)) },
            Checker::Dns(_) => BuiltIn { retry: 3, delay_before_retry: None },
            Checker::File(_) | Checker::Bfd(_) => BuiltIn { retry: 0, delay_before_retry: None },
        }
    }

    /// Takes over what is equal, so that it is kept once.
    pub(crate) fn share_with(&mut self, like: &Checker) {
        if let (Some(own), Some(other)) = (self.timing_mut(), like.timing())
            && !own.is(other)
            && own.same(other)
        {
            *own = other.clone();
        }
        if let (Checker::Http(own), Checker::Http(other)) = (self, like) {
            own.share_with(other);
        }
    }
}

/// Defaults of one kind of checker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BuiltIn {
    pub retry: u32,
    /// `None` is the checker's delay_loop.
    pub delay_before_retry: Option<Duration>,
}

/// When a checker checks, and what counts.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Timing {
    pub delay_loop: Setting<Duration>,
    /// Not used by MISC_CHECK.
    pub connect_timeout: Setting<Duration>,
    pub retry: Setting<u32>,
    pub delay_before_retry: Setting<Duration>,
    pub warmup: Setting<Duration>,
    pub alpha: Setting<bool>,
    pub log_all_failures: Setting<bool>,
}

static BUILT_IN: LazyLock<Shared<Timing>> = LazyLock::new(|| {
    Shared::new(Timing {
        delay_loop: Setting::new(DELAY_LOOP),
        connect_timeout: Setting::new(CONNECT_TIMEOUT),
        retry: Setting::new(1),
        delay_before_retry: Setting::new(Duration::from_secs(1)),
        warmup: Setting::new(DELAY_LOOP),
        alpha: Setting::new(false),
        log_all_failures: Setting::new(false),
    })
});

impl Timing {
    /// Nothing written yet, kept once.
    pub(crate) fn built_in() -> Shared<Timing> {
        BUILT_IN.clone()
    }

    /// Takes over what was written in `other`.
    pub(crate) fn take_given(&mut self, other: &Timing) {
        fn take<T: Copy>(own: &mut Setting<T>, other: &Setting<T>) {
            if other.given() {
                own.set(*other.get());
            }
        }
        take(&mut self.delay_loop, &other.delay_loop);
        take(&mut self.connect_timeout, &other.connect_timeout);
        take(&mut self.retry, &other.retry);
        take(&mut self.delay_before_retry, &other.delay_before_retry);
        take(&mut self.warmup, &other.warmup);
        take(&mut self.alpha, &other.alpha);
        take(&mut self.log_all_failures, &other.log_all_failures);
    }

    /// Equal, and written in the same places too.
    pub(crate) fn same(&self, other: &Timing) -> bool {
        let given = |timing: &Timing| {
            (
                timing.delay_loop.given(),
                timing.connect_timeout.given(),
                timing.retry.given(),
                timing.delay_before_retry.given(),
                timing.warmup.given(),
                timing.alpha.given(),
                timing.log_all_failures.given(),
            )
        };
        given(self) == given(other) && self == other
    }
}

/// What a checker connects to, and from where.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Connection {
    pub connect_ip: Setting<IpAddr>,
    pub connect_port: Setting<u16>,
    /// Absent for the many that leave it all to the kernel.
    pub source: Option<Box<Source>>,
}

/// Where a checker's packets come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Source {
    pub bindto: Option<IpAddr>,
    /// Used only together with `bindto`.
    pub bind_port: Option<u16>,
    pub bind_if: Option<Box<str>>,
    /// 0 is no mark.
    pub fwmark: u32,
}

impl Connection {
    pub(crate) fn to((ip, port): (IpAddr, u16)) -> Connection {
        Connection { connect_ip: Setting::new(ip), connect_port: Setting::new(port), source: None }
    }

    fn source(&mut self) -> &mut Source {
        self.source.get_or_insert_default()
    }

    /// Whether the operator wrote any of it.
    pub(crate) fn given(&self) -> bool {
        self.connect_ip.given() || self.connect_port.given() || self.source.is_some()
    }
}

/// A block with the keywords of [`Timing`].
pub(crate) trait Timed: Node {
    fn timing(&mut self) -> &mut Timing;
}

/// A block with the keywords of [`Connection`] too.
pub(crate) trait Connects: Timed {
    fn connection(&mut self) -> &mut Connection;
}

/// The words that differ between the checkers' rows.
#[derive(Clone, Copy)]
pub(crate) struct Common {
    pub(crate) since: &'static str,
    pub(crate) since_log_all_failures: &'static str,
    pub(crate) retry: &'static str,
    pub(crate) delay_before_retry: &'static str,
}

impl Common {
    pub(crate) const OLD: Common = Common {
        since: "<2.0",
        since_log_all_failures: "2.0.11",
        retry: "the real server's, else 1",
        delay_before_retry: "the real server's, else 1",
    };
    /// Checkers that came with 2.1.0.
    pub(crate) const NEWER: Common = Common { since: "2.1.0", since_log_all_failures: "2.1.0", ..Common::OLD };
}

/// The rows of [`Connection`], and `connect_timeout`.
pub(crate) fn connection_rows<T: Connects>(common: &Common) -> Vec<Keyword<T>> {
    let row = |name| kw(name).since(common.since);
    vec![
        row("connect_ip")
            .must(Shape::Address)
            .default("the real server's address")
            .otherwise("the line is ignored")
            .doc("Address to check. The port stays what it is.")
            .note("Must be of the same family as `bindto`.")
            .set(|check: &mut T, args| connect_ip(check.connection(), args)),
        row("connect_port")
            .must(int(1, 65535))
            .default("the real server's port, else the virtual server's")
            .otherwise("the line is ignored")
            .doc("Port to check.")
            .note("keepalived checks port 0, and fails, when the real server is written without a port.")
            .set(|check: &mut T, args| {
                if let Some(port) = args.num() {
                    check.connection().connect_port.set(port);
                }
            }),
        row("bindto")
            .must(Shape::Address)
            .default("the kernel's choice")
            .otherwise("the line is ignored")
            .doc("Source address.")
            .note("Must be of the same family as the target.")
            .set(|check: &mut T, args| bindto(check.connection(), args)),
        row("bind_port")
            .must(int(1, 65535))
            .default("the kernel's choice")
            .otherwise("the line is ignored")
            .doc("Source port; only together with `bindto`.")
            .set(|check: &mut T, args| {
                if let Some(port) = args.num() {
                    check.connection().source().bind_port = Some(port);
                }
            }),
        row("bind_if")
            .must(Shape::Interface)
            .otherwise("the line is ignored")
            .doc("Interface to check through.")
            .note("Needed where source or target is a link-local IPv6 address.")
            .set(|check: &mut T, args| {
                if let Some(name) = interface(args) {
                    check.connection().source().bind_if = Some(name);
                }
            }),
        row("connect_timeout")
            .must(seconds(6, 0.000_001, CONNECT_TIMEOUT_MAX))
            .default("the real server's")
            .otherwise("the line is ignored")
            .doc("Time allowed for a connection, and for each answer.")
            .set(|check: &mut T, args| {
                if let Some(timeout) = args.time() {
                    check.timing().connect_timeout.set(timeout);
                }
            }),
        row("fwmark")
            .must(int(0, u32::MAX as i64))
            .default("0")
            .otherwise("the line is ignored")
            .doc("Firewall mark of the packets of this check; 0 for none.")
            .set(|check: &mut T, args| {
                if let Some(mark) = args.num() {
                    check.connection().source().fwmark = mark;
                }
            }),
    ]
}

/// The rows of [`Timing`] without `connect_timeout`.
pub(crate) fn timing_rows<T: Timed>(common: &Common) -> Vec<Keyword<T>> {
    let row = |name| kw(name).since(common.since).otherwise("the line is ignored");
    vec![
        row("retry")
            .must(int(0, u32::MAX as i64))
            .default(common.retry)
            .doc("Further attempts before a failure counts; 0 for none.")
            .note("The first check after the start has no further attempt, except for SMTP_CHECK.")
            .set(|check: &mut T, args| {
                if let Some(retry) = args.num() {
                    check.timing().retry.set(retry);
                }
            }),
        row("delay_before_retry")
            .must(long_seconds(0.0))
            .default(common.delay_before_retry)
            .doc("Wait before a further attempt.")
            .set(|check: &mut T, args| {
                if let Some(wait) = args.time() {
                    check.timing().delay_before_retry.set(wait);
                }
            }),
        row("warmup")
            .must(long_seconds(0.0))
            .default("the real server's, else delay_loop")
            .doc("Longest random wait before the first check; 0 for none.")
            .note("The first check is never sooner than one second after the start.")
            .set(|check: &mut T, args| {
                if let Some(wait) = args.time() {
                    check.timing().warmup.set(wait);
                }
            }),
        row("delay_loop")
            .must(long_seconds(0.000_001))
            .default("the real server's")
            .doc("Interval between checks.")
            .set(|check: &mut T, args| {
                if let Some(interval) = args.time() {
                    check.timing().delay_loop.set(interval);
                }
            }),
        row("alpha").opt(BOOL).default("the real server's").doc("The check counts as failed until it succeeds.").set(
            |check: &mut T, args| {
                if let Some(on) = args.bool() {
                    check.timing().alpha.set(on);
                }
            },
        ),
        row("log_all_failures")
            .opt(BOOL)
            .default("off, or on where `checker_log_all_failures` is")
            .doc("Log every failure, even while attempts are left.")
            .since(common.since_log_all_failures)
            .set(|check: &mut T, args| {
                if let Some(on) = args.bool() {
                    check.timing().log_all_failures.set(on);
                }
            }),
    ]
}

/// The rows of both, as most checkers have them.
pub(crate) fn rows<T: Connects>(common: &Common) -> Vec<Keyword<T>> {
    let mut rows = connection_rows(common);
    rows.extend(timing_rows(common));
    rows
}

fn connect_ip(connection: &mut Connection, args: &mut Args<'_, '_>) {
    let Some(word) = args.word() else { return };
    let Some(ip) = args.address_of(word) else { return };
    let bound = connection.source.as_ref().and_then(|source| source.bindto);
    if bound.is_some_and(|source| source.is_ipv4() != ip.is_ipv4()) {
        args.reject(BIND_FAMILY, Class::General, word.span, "of another family than `bindto`");
        return;
    }
    connection.connect_ip.set(ip);
}

fn bindto(connection: &mut Connection, args: &mut Args<'_, '_>) {
    let Some(word) = args.word() else { return };
    let Some(ip) = args.address_of(word) else { return };
    if connection.connect_ip.is_ipv4() != ip.is_ipv4() {
        let label = format!("of another family than {}, which is checked", *connection.connect_ip);
        let finding = args.rejection(BIND_FAMILY, Class::General).at(word.span, label);
        let finding = if connection.connect_ip.given() {
            finding
        } else {
            finding.hint("write `connect_ip` first if another address is to be checked")
        };
        args.push(finding);
        return;
    }
    connection.source().bindto = Some(ip);
}

fn interface(args: &mut Args<'_, '_>) -> Option<Box<str>> {
    let word = args.word()?;
    if word.text.len() > INTERFACE_NAME_MAX {
        let label = format!("longer than {INTERFACE_NAME_MAX} characters");
        args.reject(INTERFACE_NAME, Class::General, word.span, label);
        return None;
    }
    Some(word.text.into())
}

/// A link-local target can only be reached through a named interface.
pub(crate) fn reaches<T: Connects>(check: &mut T, args: &mut Args<'_, '_>) -> bool {
    let connection = check.connection();
    let ip = *connection.connect_ip;
    let link_local = match ip {
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
        IpAddr::V4(_) => false,
    };
    let bound = connection.source.as_ref().is_some_and(|source| source.bind_if.is_some());
    if !link_local || bound {
        return true;
    }
    let seen = check.seen();
    let finding = Diagnostic::error(LINK_LOCAL, format!("the link-local address {ip} needs `bind_if`"))
        .at(seen.span_or_head("connect_ip"), "")
        .note("then: the check is left out, and the server counts as up")
        .hint("add `bind_if INTERFACE`");
    args.push(finding);
    false
}

#[cfg(test)]
mod tests;

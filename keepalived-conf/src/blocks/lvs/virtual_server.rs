//! `virtual_server`: one balanced service with its real servers.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::LazyLock;
use std::time::Duration;

use super::codes::{FAMILY, GRANULARITY, NO_SORRY_SERVER, ONE_WORD, PERSISTENCE, SCHEDULER_FLAG};
use super::defaults::{self, BOOL, Defaults, HandsDown, Level};
use super::method::{self, Method};
use super::real_server;
use super::scheduler::{self, Flags, Protocol, Scheduler};
use super::server_address::{VirtualAddress, address_and_port, virtual_address};
use super::shared::Shared;
use crate::blocks::Config;
use crate::diagnostic::{Class, Diagnostic};
use crate::family::Family;
use crate::schema::{Again, Block, Keyword, Node, Seen, Setting, Shape, Status, int, kw, strict_int};
use crate::script::Script;
use crate::span::{Place, Span};
use crate::value::Args;

/// Persistence in force where a keyword asks for it without a time.
pub(crate) const PERSISTENCE_DEFAULT: Duration = Duration::from_secs(360);
const PERSISTENCE_MAX: i64 = 31 * 24 * 3600;
/// The kernel's limit for the name of a persistence engine.
const ENGINE_NAME_MAX: usize = 16;

#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct VirtualServer {
    pub address: VirtualAddress,
    /// After resolving, `None` only for a group with both families.
    pub family: Setting<Option<Family>>,
    pub defaults: Defaults,
    pub scheduler: Setting<Scheduler>,
    pub flags: Flags,
    pub method: Setting<Method>,
    pub persistence_engine: Option<Box<str>>,
    pub persistence_timeout: Option<Duration>,
    pub persistence_granularity: Option<Granularity>,
    /// After resolving, `None` only where nothing but marks is balanced.
    pub protocol: Setting<Option<Protocol>>,
    pub ha_suspend: bool,
    pub smtp_alert: Setting<bool>,
    pub virtualhost: Option<Shared<str>>,
    pub snmp_name: Option<Box<str>>,
    pub omega: bool,
    pub quorum_up: Option<Box<Script>>,
    pub quorum_down: Option<Box<Script>>,
    pub quorum: Setting<u32>,
    pub hysteresis: Setting<u32>,
    pub weight: Setting<u32>,
    pub sorry_server: Option<Box<SorryServer>>,
    pub real_servers: Vec<real_server::RealServer>,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub seen: Seen,
}

/// The server used while quorum is lost.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct SorryServer {
    pub address: IpAddr,
    pub port: Setting<u16>,
    pub method: Setting<Method>,
    pub inhibit: bool,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub place: Place,
}

/// Which part of a client's address persistence looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "lowercase"))]
pub enum Granularity {
    Mask(Ipv4Addr),
    Prefix(u8),
}

impl VirtualServer {
    pub(crate) fn new(address: VirtualAddress) -> VirtualServer {
        let family = match &address {
            VirtualAddress::Address { ip, .. } => Some(Family::of(ip)),
            VirtualAddress::Fwmark(_) | VirtualAddress::Group(_) => None,
        };
        VirtualServer {
            address,
            family: Setting::new(family),
            defaults: Defaults::default(),
            scheduler: Setting::new(Scheduler::default()),
            flags: Flags::default(),
            method: Setting::new(Method::default()),
            persistence_engine: None,
            persistence_timeout: None,
            persistence_granularity: None,
            protocol: Setting::new(None),
            ha_suspend: false,
            smtp_alert: Setting::new(false),
            virtualhost: None,
            snmp_name: None,
            omega: false,
            quorum_up: None,
            quorum_down: None,
            quorum: Setting::new(1),
            hysteresis: Setting::new(0),
            weight: Setting::new(1),
            sorry_server: None,
            real_servers: Vec::new(),
            seen: Seen::default(),
        }
    }
}

impl Node for VirtualServer {
    fn seen(&mut self) -> &mut Seen {
        &mut self.seen
    }
}

impl HandsDown for VirtualServer {
    fn defaults(&mut self) -> &mut Defaults {
        &mut self.defaults
    }
}

pub static BLOCK: LazyLock<Block<VirtualServer>> = LazyLock::new(|| {
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
    rows.extend(service());
    rows.extend(watching());
    rows.extend(servers());
    Block::new("virtual_server", rows)
});

fn scheduling() -> Vec<Keyword<VirtualServer>> {
    const NAMES: &str = "rr|wrr|lc|wlc|lblc|sh|mh|dh|fo|ovf|lblcr|sed|nq|twos";
    let flag = |name| kw(name).default("off").since("<2.0");
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

fn granularity(server: &mut VirtualServer, args: &mut Args<'_, '_>) {
    let Some(word) = args.word() else { return };
    let family = server.family.unwrap_or(if word.text.contains('.') { Family::V4 } else { Family::V6 });
    let granularity = match family {
        Family::V4 => {
            let Some(mask) = dotted(word.text) else {
                args.reject(GRANULARITY, Class::General, word.span, "expected a mask such as 255.255.255.0");
                return;
            };
            odd_mask(word.span, mask, args);
            Granularity::Mask(mask)
        }
        Family::V6 => {
            let Some(length) = args.number_of(word, 1, 128, false) else { return };
            Granularity::Prefix(u8::try_from(length).unwrap_or(128))
        }
    };
    if server.family.is_none() {
        server.family.set(Some(family));
    }
    server.persistence_granularity = Some(granularity);
    server.persistence_timeout.get_or_insert(PERSISTENCE_DEFAULT);
}

/// A mask in the notations of the C library: one to four numbers, the last of which fills what is left.
fn dotted(text: &str) -> Option<Ipv4Addr> {
    let parts: Vec<u32> = text.split('.').map(c_number).collect::<Option<_>>()?;
    let (last, first) = parts.split_last()?;
    let room = 4_usize.checked_sub(first.len()).filter(|room| *room > 0)?;
    if room < 4 && *last >= 1 << (8 * room) || first.iter().any(|part| *part > 255) {
        return None;
    }
    let high = first.iter().fold(0_u32, |bits, part| bits << 8 | part);
    Some(Ipv4Addr::from(if first.is_empty() { *last } else { high << (8 * room) | last }))
}

fn c_number(text: &str) -> Option<u32> {
    let (digits, radix) = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => (digits, 16),
        None if text.len() > 1 && text.starts_with('0') => (text, 8),
        None => (text, 10),
    };
    digits.chars().all(|digit| digit.is_digit(radix)).then(|| u32::from_str_radix(digits, radix).ok())?
}

/// A mask that is legal, but can hardly be what was meant.
fn odd_mask(span: Span, mask: Ipv4Addr, args: &mut Args<'_, '_>) {
    let bits = mask.to_bits();
    if bits.leading_ones() + bits.trailing_zeros() >= 32 {
        return;
    }
    let mut finding = Diagnostic::lint(GRANULARITY, format!("`{}` is not a contiguous mask", args.keyword))
        .at(span, format!("read as {mask}"));
    if bits <= 32 {
        let meant = Ipv4Addr::from(u32::MAX.checked_shl(32 - bits).unwrap_or(0));
        finding = finding.hint(format!("a prefix length of {bits} is written {meant}"));
    }
    args.push(finding);
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

/// The only word of a line.
pub(crate) fn one_word(args: &mut Args<'_, '_>) -> Option<Box<str>> {
    let word = args.word()?;
    if let Some(second) = args.next_word() {
        args.rest();
        args.reject(ONE_WORD, Class::General, second.span, "one word too many");
        return None;
    }
    Some(word.text.into())
}

pub(crate) fn open(_: &mut Config, args: &mut Args<'_, '_>) -> Option<VirtualServer> {
    virtual_address(args).map(VirtualServer::new)
}

pub(crate) fn close(config: &mut Config, mut server: VirtualServer, _: &mut Args<'_, '_>) {
    server.real_servers.shrink_to_fit();
    config.lvs.servers.push(server);
}

#[cfg(test)]
mod tests;

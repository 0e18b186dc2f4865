// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the checker process does with the IPVS tables as a whole.

use std::net::{IpAddr, Ipv4Addr};

use super::filter::{CHAIN_PRIORITY, reset_by, table_name};
use super::{Global, NAME_TOO_LONG, NOT_MULTICAST};
use crate::diagnostic::{Class, Code, Diagnostic};
use crate::schema::{Again, Keyword, Setting, Shape, Status, kw, strict_int};
use crate::span::Name;
use crate::syntax::Word;
use crate::value::{Args, MISSING, NOT_A_CHOICE};

pub const BARE_ID: Code = Code::new("KC128", "a number without its keyword");

/// The first firewall mark given to a group.
pub const FIRST_MARK: u32 = 1000;

/// The kernel keeps names of interfaces in 16 bytes with a NUL.
const INTERFACE_NAME_MAX: usize = 15;

#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct LvsDefaults {
    pub timeouts: Timeouts,
    /// The tables are emptied at start.
    pub flush: bool,
    pub flush_on_stop: FlushOnStop,
    pub sync_daemon: Option<SyncDaemon>,
    /// Groups of virtual servers become one firewall mark each, by rules in a table.
    pub marks: Option<Marks>,
    pub marks_priority: Setting<i32>,
    pub first_mark: Setting<u32>,
    /// Failures are logged even while retries remain.
    pub log_all_failures: bool,
    /// Notifies run for real servers that come up at start.
    pub notify_at_start: bool,
    /// Mail goes out when a real server enters or leaves service, not for each check.
    pub no_checker_mail: bool,
}

impl Default for LvsDefaults {
    fn default() -> LvsDefaults {
        LvsDefaults {
            timeouts: Timeouts::default(),
            flush: false,
            flush_on_stop: FlushOnStop::OneByOne,
            sync_daemon: None,
            marks: None,
            marks_priority: Setting::new(CHAIN_PRIORITY),
            first_mark: Setting::new(FIRST_MARK),
            log_all_failures: false,
            notify_at_start: false,
            no_checker_mail: false,
        }
    }
}

/// Seconds; 0 leaves the kernel's value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Timeouts {
    pub tcp: u32,
    pub tcp_fin: u32,
    pub udp: u32,
}

/// How the tables are emptied at the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub enum FlushOnStop {
    /// Every real server, then its virtual server.
    #[default]
    OneByOne,
    /// Everything in one step, also what is not ours.
    All,
    /// Every virtual server with its real servers.
    VirtualServers,
}

/// The nftables table that marks packets for groups of virtual servers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Marks {
    pub table: String,
}

/// The kernel's own synchronisation of connections.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct SyncDaemon {
    pub interface: String,
    /// The instance whose state decides who sends; without it this host sends and receives.
    pub instance: Option<Name>,
    /// Without it the instance's virtual router id, or 0.
    pub id: Option<u8>,
    pub max_length: Option<u16>,
    pub port: u16,
    pub ttl: Option<u8>,
    pub group: IpAddr,
}

impl SyncDaemon {
    /// With every default.
    pub fn on(interface: &str) -> SyncDaemon {
        SyncDaemon {
            interface: interface.to_owned(),
            instance: None,
            id: None,
            max_length: None,
            port: 8848,
            ttl: None,
            group: IpAddr::V4(Ipv4Addr::new(224, 0, 0, 81)),
        }
    }
}

pub(super) fn rows() -> Vec<Keyword<Global>> {
    let mut rows = tables();
    rows.extend(marks());
    rows.extend(checkers());
    rows
}

fn tables() -> Vec<Keyword<Global>> {
    vec![
        kw("lvs_timeouts")
            .arg(Shape::Syntax("[tcp SECONDS] [tcpfin SECONDS] [udp SECONDS]"))
            .default("the kernel's")
            .otherwise("the value before stays")
            .doc("How long IPVS keeps connections, 0 to 2678400; 0 leaves the kernel's value.")
            .since("<2.0")
            .set(timeouts),
        kw("lvs_flush")
            .default("off")
            .doc("Empty the IPVS tables at start.")
            .since("<2.0")
            .set(|global, _| global.lvs.flush = true),
        kw("lvs_flush_on_stop")
            .opt(Shape::Choice(&["VS"]))
            .default("every real server and virtual server is removed on its own")
            .otherwise("the value before stays")
            .doc("Empty the IPVS tables in one step at the end; with `VS` remove each virtual server in one step.")
            .since("2.2.0")
            .set(flush_on_stop),
        kw("lvs_flush_onstop")
            .opt(Shape::Choice(&["VS"]))
            .otherwise("the value before stays")
            .doc("Same as `lvs_flush_on_stop`.")
            .since("2.0.15")
            .status(Status::Deprecated("write `lvs_flush_on_stop`"))
            .set(flush_on_stop),
        kw("lvs_sync_daemon")
            .arg(Shape::Syntax(
                "INTERFACE [[inst] INSTANCE] [id 0..255] [maxlen 1..65507] [port 1..65535] [ttl 1..255] [group ADDRESS]",
            ))
            .default("off; port 8848, group 224.0.0.81, id that of the instance or 0")
            .otherwise("the option is ignored")
            .doc(
                "Synchronise IPVS connections over the interface. With an instance this host sends while the instance \
                 is master and receives otherwise; without one it does both.",
            )
            .since("<2.0")
            .again(Again::First)
            .set(|global, args| {
                if let Some(daemon) = sync_daemon(args) {
                    global.lvs.sync_daemon = Some(daemon);
                }
            }),
    ]
}

fn marks() -> Vec<Keyword<Global>> {
    vec![
        kw("nftables_ipvs")
            .opt(Shape::Word("TABLE"))
            .default("not used; without a name keepalived_ipvs")
            .otherwise("the line is ignored")
            .doc("Turn each group of virtual servers into one firewall mark by rules in this nftables table.")
            .note("Sets the two keywords below back to their defaults. A reload cannot change it.")
            .since("2.2.2")
            .again(Again::First)
            .set(|global, args| {
                let Some(table) = table_name(args, "keepalived_ipvs") else { return };
                global.lvs.marks = Some(Marks { table });
                if let Some(before) = global.seen.span("nftables_ipvs_priority") {
                    reset_by(args, "nftables_ipvs", "nftables_ipvs_priority", before);
                    global.lvs.marks_priority.correct(CHAIN_PRIORITY);
                }
                if let Some(before) = global.seen.span("nftables_ipvs_start_fwmark") {
                    reset_by(args, "nftables_ipvs", "nftables_ipvs_start_fwmark", before);
                    global.lvs.first_mark.correct(FIRST_MARK);
                }
            }),
        kw("nftables_ipvs_priority")
            .must(strict_int(-2_147_483_648, 2_147_483_647))
            .default("-1")
            .otherwise("the value before stays")
            .doc("Priority of the base chains of that table.")
            .since("2.2.2")
            .set(|global, args| {
                if let Some(priority) = args.num() {
                    global.lvs.marks_priority.set(priority);
                }
            }),
        kw("nftables_ipvs_start_fwmark")
            .must(strict_int(1, 4_294_967_295))
            .default("1000")
            .otherwise("the value before stays")
            .doc("First firewall mark given out; each group gets the next one.")
            .since("2.2.2")
            .set(|global, args| {
                if let Some(mark) = args.num() {
                    global.lvs.first_mark.set(mark);
                }
            }),
    ]
}

fn checkers() -> Vec<Keyword<Global>> {
    vec![
        kw("checker_log_all_failures")
            .opt(Shape::Bool)
            .default("off")
            .otherwise("the value before stays")
            .doc("Log every failed check, also while retries remain.")
            .since("2.0.11")
            .set(|global, args| {
                if let Some(on) = args.bool() {
                    global.lvs.log_all_failures = on;
                }
            }),
        kw("rs_init_notifies")
            .opt(Shape::Bool)
            .default("off")
            .otherwise("the value before stays")
            .doc("Run notifies also for real servers that come up at start.")
            .since("2.0.0")
            .set(|global, args| {
                if let Some(on) = args.bool() {
                    global.lvs.notify_at_start = on;
                }
            }),
        kw("no_checker_emails")
            .opt(Shape::Bool)
            .default("off")
            .otherwise("the value before stays")
            .doc("Mail only when a real server enters or leaves service, not for each check.")
            .since("2.0.0")
            .set(|global, args| {
                if let Some(on) = args.bool() {
                    global.lvs.no_checker_mail = on;
                }
            }),
    ]
}

fn timeouts(global: &mut Global, args: &mut Args<'_, '_>) {
    let Some(mut name) = args.word() else { return };
    if !args.given() {
        args.reject(MISSING, Class::General, name.span, "expected a name and seconds");
        return;
    }
    loop {
        let timeouts = &mut global.lvs.timeouts;
        let slot = match name.text {
            "tcp" => Some(&mut timeouts.tcp),
            "tcpfin" => Some(&mut timeouts.tcp_fin),
            "udp" => Some(&mut timeouts.udp),
            _ => None,
        };
        if let Some(slot) = slot {
            let Some(value) = args.next_word() else {
                args.reject(MISSING, Class::General, name.span, "expected seconds after this");
                return;
            };
            let seconds = args.number_of(value, 0, 2_678_400, true).and_then(|seconds| u32::try_from(seconds).ok());
            *slot = seconds.unwrap_or(*slot);
        } else {
            args.reject(NOT_A_CHOICE, Class::General, name.span, "expected tcp, tcpfin or udp");
        }
        match args.next_word() {
            Some(next) => name = next,
            None => return,
        }
    }
}

fn flush_on_stop(global: &mut Global, args: &mut Args<'_, '_>) {
    if !args.given() {
        global.lvs.flush_on_stop = FlushOnStop::All;
    } else if args.choice().is_some() {
        global.lvs.flush_on_stop = FlushOnStop::VirtualServers;
    }
}

fn sync_daemon(args: &mut Args<'_, '_>) -> Option<SyncDaemon> {
    let interface = args.word()?;
    if interface.text.len() > INTERFACE_NAME_MAX {
        let label = format!("names of interfaces have at most {INTERFACE_NAME_MAX} bytes");
        args.reject(NAME_TOO_LONG, Class::General, interface.span, label);
        let _ = args.rest();
        return None;
    }
    let mut daemon = SyncDaemon::on(interface.text);
    let mut position = 0;
    while let Some(word) = args.next_word() {
        position += 1;
        sync_option(&mut daemon, word, position, args);
    }
    Some(daemon)
}

fn sync_option<'s>(daemon: &mut SyncDaemon, word: Word<'s>, position: usize, args: &mut Args<'s, '_>) {
    match word.text {
        "inst" => {
            if let Some(name) = sync_value(word, args) {
                daemon.instance = Some(Name::new(name.text, name.span));
            }
        }
        "id" => {
            if let Some(id) = sync_number(word, 0, 255, args) {
                daemon.id = u8::try_from(id).ok();
            }
        }
        "maxlen" => {
            if let Some(length) = sync_number(word, 1, 65507, args) {
                daemon.max_length = u16::try_from(length).ok();
            }
        }
        "port" => {
            if let Some(port) = sync_number(word, 1, 65535, args) {
                daemon.port = u16::try_from(port).unwrap_or(daemon.port);
            }
        }
        "ttl" => {
            if let Some(ttl) = sync_number(word, 1, 255, args) {
                daemon.ttl = u8::try_from(ttl).ok();
            }
        }
        "group" => {
            let Some(value) = sync_value(word, args) else { return };
            match args.address_of(value) {
                Some(group) if group.is_multicast() => daemon.group = group,
                Some(_) => args.reject(NOT_MULTICAST, Class::General, value.span, "the default group is used"),
                None => {}
            }
        }
        _ if position == 1 => daemon.instance = Some(Name::new(word.text, word.span)),
        text if position == 2 && text.starts_with(|c: char| c.is_ascii_digit()) => {
            let finding = Diagnostic::warning(BARE_ID, "`lvs_sync_daemon`: write `id` before the number")
                .class(Class::General)
                .at(word.span, "taken as the id");
            args.push(finding);
            let id = args.number_of(word, 0, 255, true).and_then(|id| u8::try_from(id).ok());
            daemon.id = id.or(daemon.id);
        }
        _ => args.reject(NOT_A_CHOICE, Class::General, word.span, "expected inst, id, maxlen, port, ttl or group"),
    }
}

fn sync_value<'s>(option: Word<'s>, args: &mut Args<'s, '_>) -> Option<Word<'s>> {
    let value = args.next_word();
    if value.is_none() {
        args.reject(MISSING, Class::General, option.span, "expected a value after this");
    }
    value
}

fn sync_number<'s>(option: Word<'s>, min: i64, max: i64, args: &mut Args<'s, '_>) -> Option<i64> {
    let value = sync_value(option, args)?;
    args.number_of(value, min, max, true)
}

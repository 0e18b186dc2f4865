// SPDX-License-Identifier: MIT OR Apache-2.0
//! keepalived's command line: one row an option; parsing, help and abbreviations come from the rows.

use lexopt::{Arg, Parser, ValueExt};
use std::ffi::OsString;

/// Whether an option takes a word after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    Nothing,
    Word(&'static str),
    /// Only attached: `-tFILE`, `--config-test=FILE`.
    Maybe(&'static str),
}

#[derive(Debug)]
pub struct Opt {
    pub short: Option<char>,
    pub long: &'static str,
    pub takes: Takes,
    pub help: &'static str,
    apply: fn(&mut CommandLine, Option<String>) -> Result<(), String>,
}

/// What the command line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandLine {
    pub file: String,
    pub config_test: Option<Option<String>>,
    pub config_id: Option<String>,
    pub all_config: bool,
    pub vrrp: bool,
    pub checkers: bool,
    pub bfd: bool,
    pub everything: bool,
    pub dont_fork: bool,
    pub dont_respawn: bool,
    pub dump_conf: bool,
    pub release_vips: bool,
    pub keep_vrrp: bool,
    pub keep_ipvs: bool,
    pub ignore_sigint: bool,
    pub address_monitoring: bool,
    pub log: Log,
    pub umask: Option<u32>,
    pub namespace: Option<String>,
    pub pid_file: Option<String>,
    pub vrrp_pid_file: Option<String>,
    pub checkers_pid_file: Option<String>,
    pub bfd_pid_file: Option<String>,
    pub snmp: bool,
    pub snmp_agent_socket: Option<String>,
    pub core_dump: bool,
    pub core_dump_pattern: Option<String>,
    pub signum: Option<String>,
    pub genhash: Option<Vec<String>>,
    /// Words that are no options.
    pub surplus: Vec<String>,
    pub show: Show,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Log {
    pub console: bool,
    pub detail: u8,
    pub facility: Option<String>,
    pub file: Option<Option<String>>,
    pub flush: bool,
    pub no_syslog: bool,
    /// A JSON object a line, or not; where nothing is said the configuration says it.
    pub json: Option<bool>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Show {
    #[default]
    Nothing,
    Version,
    Help,
}

pub const DEFAULT_FILE: &str = "/etc/keepalived/keepalived.conf";

impl Default for CommandLine {
    fn default() -> CommandLine {
        CommandLine {
            file: DEFAULT_FILE.to_owned(),
            config_test: None,
            config_id: None,
            all_config: false,
            vrrp: true,
            checkers: true,
            bfd: true,
            everything: false,
            dont_fork: false,
            dont_respawn: false,
            dump_conf: false,
            release_vips: false,
            keep_vrrp: false,
            keep_ipvs: false,
            ignore_sigint: false,
            address_monitoring: false,
            log: Log::default(),
            umask: None,
            namespace: None,
            pid_file: None,
            vrrp_pid_file: None,
            checkers_pid_file: None,
            bfd_pid_file: None,
            snmp: false,
            snmp_agent_socket: None,
            core_dump: false,
            core_dump_pattern: None,
            signum: None,
            genhash: None,
            surplus: Vec::new(),
            show: Show::Nothing,
        }
    }
}

const fn opt(
    short: Option<char>,
    long: &'static str,
    takes: Takes,
    help: &'static str,
    apply: fn(&mut CommandLine, Option<String>) -> Result<(), String>,
) -> Opt {
    Opt { short, long, takes, help, apply }
}

macro_rules! flag {
    ($short:expr, $long:literal, $help:literal, $field:ident $(. $sub:ident)? = $value:expr) => {
        opt($short, $long, Takes::Nothing, $help, |line, _| {
            line.$field $(. $sub)? = $value;
            Ok(())
        })
    };
}

macro_rules! word {
    ($short:expr, $long:literal, $name:literal, $help:literal, $field:ident) => {
        opt($short, $long, Takes::Word($name), $help, |line, value| {
            line.$field = value;
            Ok(())
        })
    };
}

/// Every option of keepalived, in the order of its help, and `log-format`, which is ours.
pub const OPTIONS: &[Opt] = &[
    opt(Some('f'), "use-file", Takes::Word("FILE"), "configuration file", |line, value| {
        line.file = value.unwrap_or_default();
        Ok(())
    }),
    flag!(Some('P'), "vrrp", "run without the checkers", checkers = false),
    flag!(Some('C'), "check", "run without VRRP", vrrp = false),
    flag!(Some('B'), "no_bfd", "run without BFD", bfd = false),
    opt(None, "all", Takes::Nothing, "run everything, whatever the configuration holds", |line, _| {
        (line.vrrp, line.checkers, line.bfd, line.everything) = (true, true, true, true);
        Ok(())
    }),
    flag!(Some('l'), "log-console", "log to standard error too", log.console = true),
    opt(Some('D'), "log-detail", Takes::Nothing, "log in detail; twice for more", |line, _| {
        line.log.detail = line.log.detail.saturating_add(1);
        Ok(())
    }),
    opt(Some('S'), "log-facility", Takes::Word("0-7|local0-7|user|daemon"), "syslog facility", |line, value| {
        line.log.facility = value;
        Ok(())
    }),
    opt(Some('g'), "log-file", Takes::Maybe("FILE"), "log to a file", |line, value| {
        line.log.file = Some(value);
        Ok(())
    }),
    flag!(None, "flush-log-file", "flush the log file after each line", log.flush = true),
    flag!(Some('G'), "no-syslog", "do not log to syslog", log.no_syslog = true),
    opt(
        None,
        "log-format",
        Takes::Word("lines|json"),
        "how standard error and log files look, whatever the configuration says: keepalived's lines, or a JSON object each",
        |line, value| match value.as_deref() {
            Some("json") => {
                line.log.json = Some(true);
                Ok(())
            }
            Some("lines") => {
                line.log.json = Some(false);
                Ok(())
            }
            other => Err(format!("`{}` is no log format: lines or json", other.unwrap_or_default())),
        },
    ),
    opt(Some('u'), "umask", Takes::Word("MASK"), "file creation mask, 0 to 0777", |line, value| {
        line.umask = Some(umask(&value.unwrap_or_default())?);
        Ok(())
    }),
    flag!(Some('X'), "release-vips", "remove VIPs on leaving MASTER even when not believed set", release_vips = true),
    flag!(Some('V'), "dont-release-vrrp", "leave VIPs, routes and rules in place at stop", keep_vrrp = true),
    flag!(Some('I'), "dont-release-ipvs", "leave the IPVS table in place at stop", keep_ipvs = true),
    flag!(Some('R'), "dont-respawn", "stop when a worker dies instead of restarting it", dont_respawn = true),
    flag!(Some('n'), "dont-fork", "stay in the foreground", dont_fork = true),
    flag!(Some('d'), "dump-conf", "log the configuration at start", dump_conf = true),
    word!(Some('p'), "pid", "FILE", "PID file of the supervisor", pid_file),
    word!(Some('r'), "vrrp_pid", "FILE", "PID file of the VRRP worker", vrrp_pid_file),
    word!(Some('c'), "checkers_pid", "FILE", "PID file of the checker worker", checkers_pid_file),
    word!(Some('b'), "bfd_pid", "FILE", "PID file of the BFD worker", bfd_pid_file),
    // The rest of the line belongs to genhash; `parse` takes it before this row can apply.
    opt(Some('T'), "genhash", Takes::Nothing, "act as genhash with the rest of the line", |_, _| Ok(())),
    flag!(Some('a'), "address-monitoring", "log every address added or removed", address_monitoring = true),
    flag!(Some('x'), "snmp", "enable SNMP", snmp = true),
    word!(Some('A'), "snmp-agent-socket", "ADDRESS", "AgentX master", snmp_agent_socket),
    word!(Some('s'), "namespace", "NAME", "network namespace to run in", namespace),
    flag!(Some('m'), "core-dump", "allow core files of any size", core_dump = true),
    opt(
        Some('M'),
        "core-dump-pattern",
        Takes::Maybe("PATTERN"),
        "set the kernel's core pattern; implies -m",
        |line, value| {
            line.core_dump = true;
            line.core_dump_pattern = Some(value.unwrap_or_else(|| "core".to_owned()));
            Ok(())
        },
    ),
    flag!(Some('e'), "all-config", "every include must be readable and match", all_config = true),
    word!(Some('i'), "config-id", "ID", "the name that `@ID` lines are compared with", config_id),
    flag!(None, "ignore-sigint", "do not stop on SIGINT", ignore_sigint = true),
    word!(None, "signum", "NAME", "print a signal's number and exit: STOP RELOAD DATA STATS STATS_CLEAR JSON", signum),
    opt(
        Some('t'),
        "config-test",
        Takes::Maybe("FILE"),
        "test the configuration; messages to stderr or FILE",
        |line, value| {
            line.config_test = Some(value);
            Ok(())
        },
    ),
    flag!(Some('v'), "version", "print the version", show = Show::Version),
    flag!(Some('h'), "help", "print this", show = Show::Help),
];

/// Reads keepalived's command line. Errors are collected: keepalived too reads the whole line before it gives up.
pub fn parse(words: impl IntoIterator<Item = OsString>) -> Result<CommandLine, Vec<String>> {
    let mut line = CommandLine::default();
    let mut errors = Vec::new();
    let mut parser = Parser::from_args(words);
    loop {
        let found = match parser.next() {
            Ok(None) => break,
            Ok(Some(Arg::Short(c))) => OPTIONS.iter().find(|opt| opt.short == Some(c)).ok_or(format!("-{c}")),
            Ok(Some(Arg::Long(name))) => find_long(name),
            Ok(Some(Arg::Value(word))) => {
                line.surplus.push(word.to_string_lossy().into_owned());
                continue;
            }
            Err(error) => {
                errors.push(error.to_string());
                continue;
            }
        };
        let opt = match found {
            Ok(opt) => opt,
            Err(name) => {
                errors.push(format!("unknown option `{name}`"));
                // An attached word belongs to the option nobody knows.
                let _ = parser.optional_value();
                continue;
            }
        };
        if opt.long == "genhash" {
            let rest = parser.raw_args().map(|rest| rest.map(|word| word.to_string_lossy().into_owned()).collect());
            line.genhash = Some(rest.unwrap_or_default());
            break;
        }
        if let Err(error) = take(opt, &mut parser, &mut line) {
            errors.push(error);
        }
    }
    if errors.is_empty() { Ok(line) } else { Err(errors) }
}

fn take(opt: &Opt, parser: &mut Parser, line: &mut CommandLine) -> Result<(), String> {
    let value = match opt.takes {
        Takes::Nothing => None,
        Takes::Maybe(_) => parser.optional_value(),
        Takes::Word(_) => Some(parser.value().map_err(|error| error.to_string())?),
    };
    let value = value.map(|value| value.string()).transpose().map_err(|error| error.to_string())?;
    if value.as_deref() == Some("") {
        return Err(format!("--{} wants a word that is not empty", opt.long));
    }
    (opt.apply)(line, value)
}

/// A long option by its name or by the beginning of it that fits only one.
fn find_long(name: &str) -> Result<&'static Opt, String> {
    if let Some(exact) = OPTIONS.iter().find(|opt| opt.long == name) {
        return Ok(exact);
    }
    let mut fitting = OPTIONS.iter().filter(|opt| opt.long.starts_with(name));
    match (fitting.next(), fitting.next()) {
        (Some(only), None) => Ok(only),
        _ => Err(format!("--{name}")),
    }
}

/// A number in C notation, 0 to 0777.
fn umask(text: &str) -> Result<u32, String> {
    let number = if let Some(hex) = text.strip_prefix("0x") {
        u32::from_str_radix(hex, 16)
    } else if text.len() > 1 && text.starts_with('0') {
        u32::from_str_radix(&text[1..], 8)
    } else {
        text.parse()
    };
    number.ok().filter(|mask| *mask <= 0o777).ok_or_else(|| format!("`{text}` is not a mask from 0 to 0777"))
}

/// The help of the upstream form, from the rows.
pub fn help() -> String {
    let mut text = String::new();
    for opt in OPTIONS {
        let short = opt.short.map_or_else(|| "    ".to_owned(), |c| format!("-{c}, "));
        let (attached, word) = match opt.takes {
            Takes::Nothing => ("", ""),
            Takes::Word(word) => (" ", word),
            Takes::Maybe(word) => ("[=", word),
        };
        let close = if matches!(opt.takes, Takes::Maybe(_)) { "]" } else { "" };
        let left = format!("{short}--{}{attached}{word}{close}", opt.long);
        text.push_str(&format!("  {left:<38} {}\n", opt.help));
    }
    text
}

/// The number of the signal that keepalived's `--signum` names.
pub fn signal_number(name: &str) -> Option<i32> {
    // SIGRTMIN and SIGRTMAX as glibc counts them; other programs rely on these numbers whatever we are linked to.
    match name {
        "STOP" => Some(15),
        "RELOAD" => Some(1),
        "DATA" => Some(10),
        "STATS" => Some(12),
        "STATS_CLEAR" => Some(63),
        "JSON" => Some(36),
        "TDUMP" => Some(64),
        _ => None,
    }
}

#[cfg(test)]
mod tests;

// SPDX-License-Identifier: MIT OR Apache-2.0
//! keepalived's own command line, for everything that starts or asks keepalived today.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::Output;
use super::options::{self, CommandLine, Show};
use crate::kernel::host::OsHost;
use crate::kernel::journal::Journal;
use crate::kernel::logfile::LogFile;
use crate::kernel::offspring;
use crate::kernel::syslog::Syslog;
use crate::observe::log::{Format, Level, Log, Sinks};
use crate::render;
use crate::supervisor::daemon::{self, Settings};
use crate::supervisor::role::Role;
use crate::worker::process::Inherited;
use crate::worker::standing::Habits;
use crate::worker::{check, status, vrrp};
use keepalived_conf::Options;

/// `steadfast run`.
pub(super) fn start(words: Vec<OsString>, output: &mut Output<'_>) -> u8 {
    run(&std::env::args_os().next().unwrap_or_default(), words, output)
}

pub(super) fn run(program: &OsStr, words: Vec<OsString>, output: &mut Output<'_>) -> u8 {
    let line = match options::parse(words.clone()) {
        Ok(line) => line,
        Err(problems) => {
            for problem in problems {
                output.complain(problem);
            }
            return 1;
        }
    };
    match line.show {
        Show::Version => {
            version(output);
            return 0;
        }
        Show::Help => {
            let _ = writeln!(output.err, "usage: keepalived [OPTION...]\n{}", options::help());
            return 0;
        }
        Show::Nothing => {}
    }
    if let Some(name) = &line.signum {
        return match options::signal_number(name) {
            Some(number) => {
                output.print(number);
                0
            }
            None => {
                output.complain(format_args!("no signal is called `{name}`"));
                1
            }
        };
    }
    if let Some(rest) = &line.genhash {
        let error = offspring::become_program("genhash", rest);
        output.complain(format_args!("genhash, which is installed beside this program, cannot be run: {error}"));
        return 1;
    }
    for word in &line.surplus {
        output.print(format_args!("`{word}` is not an option and is ignored"));
    }
    if let Some(log) = &line.config_test {
        return config_test(&line, log.as_deref(), output);
    }
    daemon::run(&settings(&line, program, words), &log_of(&line, "Keepalived"))
}

/// A worker, as the supervisor starts it: its role, the numbers of the descriptors it inherits, and then the supervisor's
/// own words.
pub(super) fn role(program: &OsStr, mut words: Vec<OsString>, output: &mut Output<'_>) -> u8 {
    let own: Vec<OsString> = words.drain(..words.len().min(ROLE_WORDS)).collect();
    let own: Vec<&str> = own.iter().filter_map(|word| word.to_str()).collect();
    let understood = match own.as_slice() {
        ["--role", role, numbers @ ..] => {
            let numbers: Vec<i32> = numbers.iter().filter_map(|number| number.parse().ok()).collect();
            match *numbers {
                [channel, bundle, pulse, silence] => {
                    Role::of_word(role).zip(Some(Inherited { channel, bundle, pulse, silence }))
                }
                _ => None,
            }
        }
        _ => None,
    };
    let (Some((role, inherited)), Ok(line)) = (understood, options::parse(words)) else {
        output.complain("--role is for the supervisor's own use");
        return 1;
    };
    let log = log_of(&line, role.identity());
    match role {
        Role::Vrrp => vrrp::role::run(program, inherited, habits(&line), &log),
        Role::Checker => check::role::run(program, inherited, habits(&line), &log),
        Role::Status => {
            let settings = settings(&line, program, Vec::new());
            status::role::run(program, inherited, |config| daemon::socket(&settings, config), &log)
        }
    }
}

/// `--role`, its name, and four descriptors.
const ROLE_WORDS: usize = 6;

fn settings(line: &CommandLine, program: &OsStr, words: Vec<OsString>) -> Settings {
    let path = |given: &Option<String>| given.as_ref().map(PathBuf::from);
    let workers = [
        (line.vrrp, Role::Vrrp, path(&line.vrrp_pid_file)),
        (line.checkers, Role::Checker, path(&line.checkers_pid_file)),
    ];
    Settings {
        program: program.to_owned(),
        arguments: words,
        file: line.file.clone().into(),
        options: Options {
            config_id: line.config_id.clone(),
            all_includes_checked: line.all_config,
            tell_not_yet: true,
            ..Options::default()
        },
        foreground: line.dont_fork,
        pid_file: path(&line.pid_file),
        workers: workers.into_iter().filter_map(|(wanted, role, path)| wanted.then_some((role, path))).collect(),
        everything: line.everything,
        namespace: line.namespace.clone(),
        umask: line.umask,
        core_files: line.core_dump,
        core_pattern: line.core_dump_pattern.clone(),
        ignore_interrupt: line.ignore_sigint,
        dont_respawn: line.dont_respawn,
    }
}

fn habits(line: &CommandLine) -> Habits {
    Habits {
        leaves_everything: line.keep_vrrp,
        leaves_table: line.keep_ipvs,
        beside_checkers: line.checkers,
        tells_configuration: line.dump_conf,
        tells_addresses: line.address_monitoring,
        namespace: line.namespace.clone(),
    }
}

fn log_of(line: &CommandLine, identity: &str) -> Log {
    let least = if line.log.detail > 0 { Level::Debug } else { Level::Info };
    let stream: Option<Box<dyn std::io::Write>> =
        if line.log.console { Some(Box::new(std::io::stderr())) } else { None };
    let facility = line.log.facility.as_deref().and_then(facility_number).unwrap_or(DAEMON_FACILITY);
    let syslog = (!line.log.no_syslog).then(|| Syslog::new(facility));
    let file = line.log.file.as_ref().map(|path| {
        let mut file = LogFile::new(Path::new(path.as_deref().unwrap_or(LOG_FILE)));
        // Each process writes a file of its own.
        file.mark(identity.trim_start_matches(|c| c != '_'));
        file
    });
    let format = if line.log.json == Some(true) { Format::Json } else { Format::Lines };
    let is_settled = line.log.json.is_some();
    // Where systemd keeps what we write, its journal gets the facts of a line beside its text.
    let journal = if syslog.is_some() || stream.is_some() { Journal::behind_stderr() } else { None };
    let log = Log::new(identity, least, Sinks { format, is_settled, journal, syslog, stream, file });
    if line.log.facility.as_deref().is_some_and(|name| facility_number(name).is_none()) {
        log.warning("the syslog facility is none of 0 to 7, local0 to local7, user and daemon: daemon is used");
    }
    log
}

/// Where `-g` without a name logs to, among temporary files.
const LOG_FILE: &str = "keepalived.log";

/// The facility syslog calls daemon.
const DAEMON_FACILITY: u8 = 3;

/// `0` to `7`, `local0` to `local7`, `user` or `daemon`; anything else is ignored, as keepalived does.
fn facility_number(name: &str) -> Option<u8> {
    match name {
        "user" => Some(1),
        "daemon" => Some(DAEMON_FACILITY),
        _ => name.strip_prefix("local").unwrap_or(name).parse::<u8>().ok().filter(|n| *n < 8).map(|n| n + 16),
    }
}

/// Tests the configuration as keepalived's `-t` does, with its exit statuses: 0 fine, 4 cannot run, 5 errors but runs,
/// 6 script security or a mandatory include.
fn config_test(line: &CommandLine, log: Option<&str>, output: &mut Output<'_>) -> u8 {
    let options = Options {
        config_id: line.config_id.clone(),
        all_includes_checked: line.all_config,
        config_test: true,
        ..Options::default()
    };
    let loaded = keepalived_conf::load(&OsHost::new(), Path::new(&line.file), &options);
    let mut text = String::new();
    for finding in &loaded.diagnostics {
        text.push_str(&render::config_test_line(finding, &loaded.map));
        text.push('\n');
    }
    match log {
        None => {
            let _ = write!(output.err, "{text}");
        }
        Some(path) => {
            if let Err(error) = crate::kernel::files::append(Path::new(path), &text) {
                output.complain(format_args!("cannot write to {path}: {error}"));
                return 1;
            }
        }
    }
    loaded.diagnostics.exit_status()
}

/// The first line and the line of options are read by other programs: exporters look for `--enable-json`.
fn version(output: &mut Output<'_>) {
    let _ = writeln!(
        output.err,
        "Keepalived v2.4.3 (Steadfast {})\n\nconfigure options: --enable-json --enable-bfd --enable-regex --enable-sha1",
        env!("CARGO_PKG_VERSION")
    );
}

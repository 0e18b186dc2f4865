// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a configuration says about the daemon itself, as far as the supervisor does it.

use std::path::PathBuf;
use std::time::Duration;

use keepalived_conf::Config;
use keepalived_conf::blocks::global::reload::Marker;
use keepalived_conf::script::Script;

use super::daemon::Settings;
use super::premises::Premises;
use crate::kernel::child::{Command, Exit};
use crate::kernel::host::OsHost;
use crate::notify::command;
use crate::observe::log::{Format, Log};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct House {
    pub(super) premises: Premises,
    pub(super) format: Format,
    pub(super) umask: u32,
    /// How long workers may take to leave.
    pub(super) stop_wait: Duration,
    /// The name of the supervisor's process, when it is to have one of its own.
    pub(super) process_name: Option<String>,
    pub(super) startup: Option<Chore>,
    pub(super) shutdown: Option<Chore>,
    pub(super) reload: Reloading,
    /// The BFD sessions, and with whom.
    pub(super) sessions: Vec<(String, String)>,
}

/// A script of the daemon's own, and how long it may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chore {
    command: Command,
    limit: Duration,
}

/// How the configuration is read again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Reloading {
    /// Findings of a reload are kept here.
    pub(super) findings: Option<PathBuf>,
    /// Says when to reload.
    pub(super) time_file: Option<PathBuf>,
    pub(super) repeat: bool,
    /// Exists while the configuration is read.
    pub(super) marker: Option<PathBuf>,
    /// Keeps a copy of the configuration before and after.
    pub(super) copies: Option<PathBuf>,
}

impl House {
    pub(super) fn of(settings: &Settings, config: &Config, log: &Log) -> House {
        let premises = Premises::of(settings, config);
        let process = &config.global.process;
        let scripts = &config.global.scripts;
        let chore = |script: &Option<Script>, limit: Duration| {
            let command = command::of(script.as_ref()?, &OsHost::new());
            Some(Chore { command: command.map_err(|problem| log.error(problem)).ok()?, limit })
        };
        let sessions = config.tracking.bfd.iter();
        let reload = &config.global.reload;
        let marker = reload.marker.as_ref().map(|marker| match marker {
            Marker::Standard => premises.folder().join("keepalived.reload"),
            Marker::Path(path) => PathBuf::from(path),
        });
        House {
            format: Format::of(config),
            umask: settings.umask.unwrap_or(*process.umask),
            stop_wait: *config.global.top.child_wait_time,
            process_name: process.supervisor_name.given().then(|| process.supervisor_name.to_string()),
            startup: chore(&scripts.startup, *scripts.startup_timeout),
            shutdown: chore(&scripts.shutdown, *scripts.shutdown_timeout),
            reload: Reloading {
                findings: reload.check_log.as_ref().map(PathBuf::from),
                time_file: reload.time_file.as_ref().map(PathBuf::from),
                repeat: reload.repeat,
                marker,
                copies: reload.save_directory.as_ref().map(PathBuf::from),
            },
            sessions: sessions.map(|session| (session.name.clone(), session.neighbour.to_string())).collect(),
            premises,
        }
    }
}

impl Chore {
    /// Runs it to its end, or to its limit. What comes of it is told and changes nothing.
    pub(super) async fn run(&self, what: &str, log: &Log) {
        let program = self.command.program.display();
        log.info(format_args!("Running {what} script {program}"));
        match self.command.run(Some(self.limit)).await {
            Exit::Status(0) => {}
            Exit::Status(status) => log.warning(format_args!("the {what} script {program} ended with status {status}")),
            Exit::Signal(signal) => {
                log.warning(format_args!("the {what} script {program} was ended by signal {signal}"))
            }
            Exit::TimedOut => log.error(format_args!(
                "the {what} script {program} took longer than {} s and was ended",
                self.limit.as_secs()
            )),
            Exit::NotStarted(error) => log.error(format_args!("the {what} script {program} cannot be run: {error}")),
        }
    }
}

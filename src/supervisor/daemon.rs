//! From the command line to the end of the daemon: configuration, terminal, PID files, and then the life with the workers.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use keepalived_conf::Options;
use tokio::task::LocalSet;

use super::role::Role;
use super::signals::{self, Signal};
use super::source::Source;
use super::workers::Workers;
use crate::kernel::pidfile::{PidFile, PidFileError};
use crate::observe::log::Log;

/// Exit statuses; those of keepalived, which init systems know.
pub mod exit {
    pub const FINE: u8 = 0;
    pub const FATAL: u8 = 1;
    pub const CONFIGURATION: u8 = 2;
    pub const PERMISSION: u8 = 4;
    pub const NO_CONFIGURATION: u8 = 6;
}

/// What the command line settles before there is a configuration.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The name we were called by, and the words after it: workers are started with the same ones.
    pub program: OsString,
    pub arguments: Vec<OsString>,
    pub file: PathBuf,
    pub options: Options,
    pub foreground: bool,
    pub pid_file: PathBuf,
    /// The workers that may run, and their PID files. Other programs want these files to be there, and to name a process
    /// that runs.
    pub workers: BTreeMap<Role, PathBuf>,
    /// All of them run, whether the configuration has something for them or not.
    pub everything: bool,
    pub ignore_interrupt: bool,
    /// A worker that dies ends everything.
    pub dont_respawn: bool,
}

/// Runs until told to stop; the answer is the exit status.
pub fn run(settings: &Settings, log: &Log) -> u8 {
    let first = match Source::read(settings, false, log) {
        Ok(source) => source,
        Err(refusal) => {
            log.error(refusal);
            return exit::NO_CONFIGURATION;
        }
    };
    // Whoever started us still listens, and the directory is still the one they meant. The locks outlive the fork.
    let Ok(held) = PidFiles::take(settings, log) else { return exit::FINE };
    if !settings.foreground
        && let Err(error) = crate::kernel::daemonize::daemonize()
    {
        log.error(format_args!("cannot leave the terminal: {error}"));
        return exit::FATAL;
    }
    held.write(log);
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            log.error(format_args!("cannot start: {error}"));
            return exit::FATAL;
        }
    };
    let status = LocalSet::new().block_on(&runtime, live(first, settings, &held, log));
    log.info("stopped");
    status
}

async fn live(first: Source, settings: &Settings, held: &PidFiles, log: &Log) -> u8 {
    let mut signals = match signals::listen(settings.ignore_interrupt) {
        Ok(signals) => signals,
        Err(error) => {
            log.error(format_args!("no signals can be received: {error}"));
            return exit::FATAL;
        }
    };
    let mut workers = Workers::new(first, settings, &held.workers, log);
    workers.begin();
    loop {
        let ended = tokio::select! {
            Some(signal) = signals.recv() => match signal {
                Signal::Stop => workers.stop(),
                Signal::Reload => {
                    workers.reload();
                    None
                }
                Signal::Dump(dump) => {
                    workers.dump(dump);
                    None
                }
            },
            ended = workers.turn() => ended,
        };
        if let Some(status) = ended {
            return status;
        }
    }
}

/// The PID files of all processes. The locks are ours even where a worker's number stands in the file.
#[derive(Debug)]
struct PidFiles {
    ours: Option<PidFile>,
    workers: BTreeMap<Role, PidFile>,
}

/// Another copy of the daemon runs with the same files.
struct AlreadyRunning;

impl PidFiles {
    fn take(settings: &Settings, log: &Log) -> Result<PidFiles, AlreadyRunning> {
        let take = |path: &PathBuf| match PidFile::take(path) {
            Ok(file) => Ok(Some(file)),
            Err(PidFileError::Held) => {
                log.error(format_args!("already running: another process holds {}", path.display()));
                Err(AlreadyRunning)
            }
            Err(PidFileError::Io(error)) => {
                log.warning(format_args!("no PID file {}: {error}", path.display()));
                Ok(None)
            }
        };
        let mut held = PidFiles { ours: take(&settings.pid_file)?, workers: BTreeMap::new() };
        for (role, path) in &settings.workers {
            held.workers.extend(take(path)?.map(|file| (*role, file)));
        }
        Ok(held)
    }

    /// All of them name us, until a worker of their own runs.
    fn write(&self, log: &Log) {
        for file in self.ours.iter().chain(self.workers.values()) {
            if let Err(error) = file.write() {
                log.warning(format_args!("a PID file cannot be written: {error}"));
            }
        }
    }
}

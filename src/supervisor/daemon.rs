// SPDX-License-Identifier: MIT OR Apache-2.0
//! From the command line to the end of the daemon: configuration, namespace, terminal, PID files, and then the life with
//! the workers.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use keepalived_conf::{Config, Options};
use tokio::sync::mpsc::Receiver;
use tokio::task::LocalSet;

use super::appointment::Appointment;
use super::house::House;
use super::premises::{Home, Premises};
use super::role::Role;
use super::signals::{self, Signal};
use super::source::Source;
use super::workers::Workers;
use crate::kernel::clock::{Setting, Step};
use crate::kernel::files;
use crate::kernel::memory;
use crate::kernel::offspring::call_this_process;
use crate::kernel::orphans::Orphans;
use crate::kernel::pidfile::{PidFile, PidFileError};
use crate::kernel::sandbox::{self, CorePattern};
use crate::kernel::service::Service;
use crate::observe::log::Log;

/// Exit statuses; those of keepalived, which init systems know.
pub mod exit {
    pub const FINE: u8 = 0;
    pub const FATAL: u8 = 1;
    pub const CONFIGURATION: u8 = 2;
    pub const PERMISSION: u8 = 4;
    pub const NO_CONFIGURATION: u8 = 6;
}

/// What new files do not get, before a configuration says so.
const FIRST_UMASK: u32 = 0o177;

/// What the command line settles before there is a configuration.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The name we were called by, and the words after it: workers are started with the same ones.
    pub program: OsString,
    pub arguments: Vec<OsString>,
    pub file: PathBuf,
    pub options: Options,
    pub foreground: bool,
    /// `None` here and below: where the configuration leads to.
    pub pid_file: Option<PathBuf>,
    /// The workers that may run, and their PID files. Other programs want these files to be there, and to name a process
    /// that runs.
    pub workers: BTreeMap<Role, Option<PathBuf>>,
    /// All of them run, whether the configuration has something for them or not.
    pub everything: bool,
    pub namespace: Option<String>,
    pub umask: Option<u32>,
    pub core_files: bool,
    /// What the kernel is to call core files.
    pub core_pattern: Option<String>,
    pub ignore_interrupt: bool,
    /// A worker that dies ends everything.
    pub dont_respawn: bool,
}

/// Runs until told to stop; the answer is the exit status.
pub fn run(settings: &Settings, log: &Log) -> u8 {
    memory::be_frugal();
    files::set_umask(settings.umask.unwrap_or(FIRST_UMASK));
    let _pattern = allow_core_files(settings, log);
    let first = match Source::read(settings, None, log) {
        Ok(source) => source,
        Err(refusal) => {
            log.error(refusal);
            return exit::NO_CONFIGURATION;
        }
    };
    let premises = first.house.premises.clone();
    log.mark(&premises.mark());
    live_by(&first.house, log);
    let _home: Home = match premises.move_in(log) {
        Ok(home) => home,
        Err(problem) => {
            log.error(problem);
            return exit::FATAL;
        }
    };
    // Whoever started us still listens, and the directory is still the one they meant. The locks outlive the fork.
    let Ok(held) = PidFiles::take(settings, &premises, log) else { return exit::FINE };
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
    // The worker that listened there has no right to.
    let pid_file = premises.pid_file(settings.pid_file.as_deref(), "keepalived");
    let _ = files::remove_socket(&pid_file.with_extension("sock"));
    log.info("stopped");
    status
}

/// What the configuration says about this very process.
pub(super) fn live_by(house: &House, log: &Log) {
    log.form(house.format);
    files::set_umask(house.umask);
    if let Some(name) = &house.process_name {
        call_this_process(name.as_ref());
    }
}

/// The pattern is as it was before once the answer is dropped.
fn allow_core_files(settings: &Settings, log: &Log) -> Option<CorePattern> {
    if !settings.core_files {
        return None;
    }
    if let Err(error) = sandbox::allow_core_files() {
        log.warning(format_args!("core files stay limited: {error}"));
    }
    let pattern = CorePattern::set(settings.core_pattern.as_deref()?);
    pattern.map_err(|error| log.warning(format_args!("the kernel's pattern for core files stays: {error}"))).ok()
}

/// Where operators ask: beside the PID file of the daemon.
pub fn socket(settings: &Settings, config: &Config) -> PathBuf {
    Premises::of(settings, config).pid_file(settings.pid_file.as_deref(), "keepalived").with_extension("sock")
}

/// Where operators outside may find that, the likeliest place first.
pub fn sockets_outside(settings: &Settings, config: &Config) -> Vec<PathBuf> {
    let socket = socket(settings, config);
    let name = socket.file_name().unwrap_or_default();
    Premises::of(settings, config).folders_outside().into_iter().map(|folder| folder.join(name)).collect()
}

async fn live(first: Source, settings: &Settings, held: &PidFiles, log: &Log) -> u8 {
    let service = Service::of_environment();
    let mut signals = match signals::listen(settings.ignore_interrupt) {
        Ok(signals) => signals,
        Err(error) => {
            log.error(format_args!("no signals can be received: {error}"));
            return exit::FATAL;
        }
    };
    let mut appointment = Appointment::of(&first.house.reload, log);
    let startup = first.house.startup.clone();
    let mut workers = Workers::new(first, settings, &held.workers, log);
    let mut asked_to_reload = false;
    if let Some(chore) = startup {
        service.status("running the start-up script");
        tokio::select! {
            () = chore.run("startup", log) => {}
            () = asked_to_stop(&mut signals, &mut asked_to_reload) => return exit::FINE,
        }
    }
    workers.begin();
    memory::give_back();
    if asked_to_reload {
        // What was refused was told.
        let _ = workers.reload();
    }
    let mut setting = Setting::watch().ok();
    let mut told = Told::Nothing;
    let mut orphans = Orphans::of_this_process().unwrap_or_default();
    let status = loop {
        orphans.bury(|pid| workers.wait_for(pid));
        told = tell(&service, told, &workers);
        let ended = tokio::select! {
            Some(signal) = signals.recv() => match signal {
                Signal::Stop => {
                    service.stopping();
                    workers.stop()
                }
                Signal::Reload => {
                    told = reload(&service, told, &mut workers, &mut appointment);
                    None
                }
                Signal::Dump(dump) => {
                    workers.dump(dump);
                    None
                }
            },
            ended = workers.turn() => ended,
            () = appointment.kept() => {
                log.notice("the time file says that it is time to reload");
                told = reload(&service, told, &mut workers, &mut appointment);
                None
            }
            step = stepped(&mut setting) => {
                workers.clock_was_set(step);
                None
            }
            () = keep_alive(&service) => None,
            () = orphans.wait() => None,
        };
        if let Some(status) = ended {
            break status;
        }
    };
    if let Some(errno) = errno_of(status) {
        service.failed(errno);
    }
    if let Some(chore) = workers.house().shutdown.clone() {
        service.status("running the shutdown script");
        chore.run("shutdown", log).await;
    }
    status
}

/// Waits for the order to stop, and notes one to reload meanwhile.
async fn asked_to_stop(signals: &mut Receiver<Signal>, reload: &mut bool) {
    while let Some(signal) = signals.recv().await {
        match signal {
            Signal::Stop => return,
            Signal::Reload => *reload = true,
            // There is nobody yet to ask.
            Signal::Dump(_) => {}
        }
    }
    std::future::pending().await
}

fn reload(service: &Service, told: Told, workers: &mut Workers<'_>, appointment: &mut Appointment) -> Told {
    service.reloading();
    // What was refused was told.
    let _ = workers.reload();
    memory::give_back();
    appointment.follow(&workers.house().reload);
    if told == Told::Nothing { told } else { Told::Reloading }
}

/// What the service manager was told last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Nothing,
    Ready,
    Reloading,
}

/// Ready is told once all workers live by the configuration, and after each reload, whatever came of it.
fn tell(service: &Service, told: Told, workers: &Workers<'_>) -> Told {
    let due = match told {
        Told::Nothing => workers.are_settled(),
        Told::Ready => false,
        Told::Reloading => !workers.are_reloading(),
    };
    if due {
        service.ready();
        service.status(&workers.status());
        return Told::Ready;
    }
    told
}

/// Waits until somebody sets the clock; for ever where the kernel would not say.
async fn stepped(setting: &mut Option<Setting>) -> Step {
    if let Some(watch) = setting {
        if let Ok(step) = watch.stepped().await {
            return step;
        }
        *setting = None;
    }
    std::future::pending().await
}

/// Says that we live whenever half of the time has passed in which the service manager wants to hear it.
async fn keep_alive(service: &Service) {
    match service.watchdog() {
        Some(limit) => {
            service.alive();
            tokio::time::sleep(limit / 2).await;
        }
        None => std::future::pending().await,
    }
}

/// What systemd is told of a fatal end.
fn errno_of(status: u8) -> Option<i32> {
    const EPERM: i32 = 1;
    const EINVAL: i32 = 22;
    match status {
        exit::FINE => None,
        exit::PERMISSION => Some(EPERM),
        _ => Some(EINVAL),
    }
}

/// How long workers may take to leave: the rest of the time goes to what follows, for there is somebody who waits for us
/// as long as workers may take.
pub(super) fn stop_wait(house: &House) -> Duration {
    house.stop_wait.saturating_sub(Duration::from_millis(500))
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
    fn take(settings: &Settings, premises: &Premises, log: &Log) -> Result<PidFiles, AlreadyRunning> {
        let take = |path: &Path| match PidFile::take(path) {
            Ok(file) => Ok(Some(file)),
            Err(PidFileError::Held(pid)) => {
                let who = pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"));
                log.error(format_args!(
                    "already running: {who} holds {}; stop it, or give this daemon PID files of its own (--pid, \
                     --vrrp_pid, --checkers_pid)",
                    path.display()
                ));
                Err(AlreadyRunning)
            }
            Err(PidFileError::Io(error)) => {
                log.warning(format_args!("no PID file {}: {error}", path.display()));
                Ok(None)
            }
        };
        let ours = take(&premises.pid_file(settings.pid_file.as_deref(), "keepalived"))?;
        let mut held = PidFiles { ours, workers: BTreeMap::new() };
        for (role, given) in &settings.workers {
            let path = premises.pid_file(given.as_deref(), role.pid_name());
            held.workers.extend(take(&path)?.map(|file| (*role, file)));
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

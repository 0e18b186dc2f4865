//! From a file to everything the daemon does with it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use keepalived_conf::diagnostic::Severity;
use keepalived_conf::environment::Answer;
use keepalived_conf::script::Script;
use keepalived_conf::source::Host;

use super::daemon::Settings;
use super::watches::Watch;
use crate::kernel::child::{Account, Command};
use crate::kernel::host::OsHost;
use crate::notify::Pipe;
use crate::notify::vrrp::{Book, Hooks};
use crate::observe::log::{Level, Log};
use crate::plan::notify::{self, NotifyPlan};
use crate::plan::vrrp::{Told, VrrpPlan};
use crate::proto::vrrp::TrackId;
use crate::render;
use crate::watch::{Probe, Script as TrackScript};

/// What a configuration means on this machine.
#[derive(Clone, Debug)]
pub(super) struct Meaning {
    pub(super) plan: VrrpPlan,
    pub(super) book: Book,
    pub(super) pipes: Vec<Pipe>,
    pub(super) watches: BTreeMap<TrackId, Watch>,
}

impl Meaning {
    /// Reads the configuration. At the start every finding is logged and what can run runs, as with keepalived; a
    /// reload with an error in it is refused.
    pub(super) fn read(settings: &Settings, before: Option<&Meaning>, log: &Log) -> Result<Meaning, String> {
        let host = OsHost::new();
        let loaded = keepalived_conf::load(&host, &settings.file, &settings.options);
        for finding in &loaded.diagnostics {
            let level = match finding.severity {
                Severity::Note => Level::Debug,
                Severity::Warning => Level::Warning,
                Severity::Error => Level::Error,
            };
            log.write(level, render::line(finding, &loaded.map));
        }
        if before.is_some() && loaded.diagnostics.has_errors() {
            return Err(format!("{} has errors; `steadfast check` shows them", settings.file.display()));
        }
        if loaded.diagnostics.exit_status() == 6 && !loaded.config.vrrp.is_used() {
            return Err(format!("{} cannot be read", settings.file.display()));
        }
        let plan = VrrpPlan::compile(&loaded.config, before.map(|before| &before.plan));
        for trouble in &plan.troubles {
            log.error(trouble);
        }
        let notify = NotifyPlan::compile(&loaded.config, &plan);
        let book = Book {
            instances: notify.instances.iter().map(|(id, hooks)| (*id, hooks_of(hooks, &host, log))).collect(),
            groups: notify.groups.iter().map(|(id, hooks)| (*id, hooks_of(hooks, &host, log))).collect(),
        };
        let pipes = notify.pipes.iter().map(|pipe| pipe_of(pipe, &host, log)).collect();
        let watches = plan.told.iter().filter_map(|(id, told)| Some((*id, watch_of(&plan, *id, told, &host, log)?)));
        let watches = watches.collect();
        Ok(Meaning { book, pipes, watches, plan })
    }
}

fn hooks_of(written: &notify::Hooks, host: &OsHost, log: &Log) -> Hooks {
    let command = |script: &Option<Script>| script.as_ref().and_then(|script| command_of(script, host, log));
    Hooks {
        name: written.name.clone(),
        master: command(&written.master),
        backup: command(&written.backup),
        fault: command(&written.fault),
        stop: command(&written.stop),
        deleted: command(&written.deleted),
        says_deleted: written.says_deleted,
        any: command(&written.any),
        master_rx_lower_pri: command(&written.master_rx_lower_pri),
        priority_changes: written.priority_changes,
    }
}

/// A script as a command of this machine. One whose account does not exist is not run as anybody else.
fn command_of(script: &Script, host: &OsHost, log: &Log) -> Option<Command> {
    let program = if script.program.is_empty() { script.argv.first()?.clone() } else { script.program.clone() };
    let account = match &script.user {
        None => None,
        Some(user) => {
            let Answer::Found(found) = host.account(user) else {
                log.error(format_args!("{program} is not run: there is no user `{user}`"));
                return None;
            };
            let gid = match &script.group {
                None => found.gid,
                Some(group) => host.group(group).found().unwrap_or(found.gid),
            };
            let groups = if script.supplementary { found.groups } else { vec![gid] };
            Some(Account { uid: found.uid, gid, groups })
        }
    };
    Some(Command { program: PathBuf::from(program), argv: script.argv.clone(), account })
}

fn pipe_of(written: &notify::Pipe, host: &OsHost, log: &Log) -> Pipe {
    let owner = written.owner.as_ref().and_then(|owner| {
        let account = host.account(&owner.user).found()?;
        let gid = owner.group.as_ref().and_then(|group| host.group(group).found()).unwrap_or(account.gid);
        Some((account.uid, gid))
    });
    let script = written.script.as_ref().and_then(|script| command_of(script, host, log));
    Pipe { path: PathBuf::from(&written.path), owner, script }
}

fn watch_of(plan: &VrrpPlan, id: TrackId, told: &Told, host: &OsHost, log: &Log) -> Option<Watch> {
    let name = plan.tracks.get(&id).map(|track| track.name.clone()).unwrap_or_default();
    match told {
        Told::Script { command, interval, timeout } => {
            let what = match command.opens() {
                Some(path) => Probe::Open(PathBuf::from(path)),
                None => Probe::Run(command_of(command, host, log)?),
            };
            Some(Watch::Script(TrackScript { name, what, interval: *interval, timeout: *timeout }))
        }
        Told::File { path } => Some(Watch::File(PathBuf::from(path))),
        Told::Process(_) => {
            log.warning(format_args!("process `{name}` is not tracked: tracking processes is not implemented yet"));
            None
        }
        Told::Bfd => {
            log.warning(format_args!("session `{name}` is not tracked: BFD is not implemented yet"));
            None
        }
    }
}

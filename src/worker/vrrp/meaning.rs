// SPDX-License-Identifier: MIT OR Apache-2.0
//! From a configuration to everything the worker does with it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use keepalived_conf::Options;
use keepalived_conf::blocks::tracking::vrrp_track_process::Matching as Written;
use keepalived_conf::script::Script;

use super::watches::Watch;
use crate::kernel::child::Command;
use crate::kernel::clock;
use crate::kernel::host::OsHost;
use crate::notify::smtp::Post;
use crate::notify::vrrp::{Book, Hooks};
use crate::notify::{Pipe, command};
use crate::observe::dump;
use crate::observe::log::Level;
use crate::plan::notify::{self, NotifyPlan};
use crate::plan::vrrp::{Told, VrrpPlan};
use crate::proto::vrrp::TrackId;
use crate::watch::process::{Matching, Process};
use crate::watch::{Probe, Script as TrackScript};
use crate::worker::standing::{Habits, Kind, Standing};

/// What a configuration means on this machine.
#[derive(Clone, Debug)]
pub(super) struct Meaning {
    pub(super) plan: VrrpPlan,
    pub(super) book: Book,
    pub(super) pipes: Vec<Pipe>,
    pub(super) mail: Option<Post>,
    pub(super) watches: BTreeMap<TrackId, Watch>,
    /// What dumps repeat of the configuration.
    pub(super) written: Arc<dump::Written>,
    pub(super) standing: Standing,
}

/// What there is to say about a configuration, for the log.
pub(super) type Remarks = Vec<(Level, String)>;

impl Meaning {
    /// Reads a text in which everything is written out. Its findings were told, with their places, by whoever wrote it.
    pub(super) fn of(text: String, before: Option<&VrrpPlan>, habits: &Habits) -> (Meaning, Remarks) {
        let host = OsHost::new();
        let loaded = keepalived_conf::load_ready(&host, text, &Options::default());
        let mut plan = VrrpPlan::compile(&loaded.config, before);
        // Whoever was started together with the machine waits until that has run for long enough.
        let up = Duration::from_nanos(clock::now());
        let delay = &mut plan.setup.globals.startup_delay;
        if !plan.around.after_boot.is_zero() {
            *delay = match before {
                // It was waited for then.
                Some(before) => before.setup.globals.startup_delay,
                None => plan.around.after_boot.saturating_sub(up).max(*delay),
            };
        }
        let mut remarks: Remarks = plan.troubles.iter().map(|trouble| (Level::Error, trouble.clone())).collect();
        let notify = NotifyPlan::compile(&loaded.config, &plan);
        let mut hooks = |hooks: &notify::Hooks| hooks_of(hooks, &host, &mut remarks);
        let instances = notify.instances.iter().map(|(id, written)| (*id, hooks(written))).collect();
        let groups = notify.groups.iter().map(|(id, written)| (*id, hooks(written))).collect();
        let mut pipes: Vec<Pipe> = notify.pipes.iter().map(|pipe| pipe_of(pipe, &host, &mut remarks)).collect();
        // The reader of the pipe for everything is started once, by the checkers where they run.
        let shared = loaded.config.global.fifo.all.path.as_ref();
        if habits.beside_checkers && loaded.config.lvs.is_used() {
            let shared =
                pipes.iter_mut().filter(|pipe| shared.is_some_and(|path| pipe.path.as_os_str() == path.as_str()));
            shared.for_each(|pipe| pipe.script = None);
        }
        let watches = plan.told.iter();
        let watches = watches.filter_map(|(id, told)| Some((*id, watch_of(&plan, *id, told, &host, &mut remarks)?)));
        let watches: BTreeMap<TrackId, Watch> = watches.collect();
        let NotifyPlan { no_fault_mails, states_on_reload, .. } = notify;
        let book = Book { instances, groups, no_fault_mails, states_on_reload };
        let runs_programs = book.runs_anything() || !pipes.is_empty() || !watches.is_empty();
        let standing = Standing::of(&loaded.config, Kind::Vrrp, habits, runs_programs);
        let keepalived_conf::Config { global, tracking, vrrp, .. } = loaded.config;
        let written = Arc::new(dump::Written { global, tracking, vrrp });
        (Meaning { book, pipes, mail: notify.mail, watches, standing, written, plan }, remarks)
    }
}

fn hooks_of(written: &notify::Hooks, host: &OsHost, remarks: &mut Remarks) -> Hooks {
    let mut command = |script: &Option<Script>| script.as_ref().and_then(|script| command_of(script, host, remarks));
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
        mails: written.mails,
    }
}

/// A script as a command of this machine.
fn command_of(script: &Script, host: &OsHost, remarks: &mut Remarks) -> Option<Command> {
    command::of(script, host).map_err(|problem| remarks.push((Level::Error, problem))).ok()
}

fn pipe_of(written: &notify::Pipe, host: &OsHost, remarks: &mut Remarks) -> Pipe {
    let script = written.script.as_ref().and_then(|script| command_of(script, host, remarks));
    Pipe { path: PathBuf::from(&written.path), owner: command::owner(written, host), script }
}

fn watch_of(plan: &VrrpPlan, id: TrackId, told: &Told, host: &OsHost, remarks: &mut Remarks) -> Option<Watch> {
    let name = plan.tracks.get(&id).map(|track| track.name.clone()).unwrap_or_default();
    match told {
        Told::Script { command, interval, timeout } => {
            let what = match command.opens() {
                Some(path) => Probe::Open(PathBuf::from(path)),
                None => Probe::Run(command_of(command, host, remarks)?),
            };
            Some(Watch::Script(TrackScript { name, what, interval: *interval, timeout: *timeout }))
        }
        Told::File { path } => Some(Watch::File(PathBuf::from(path))),
        Told::Process(written) => Some(Watch::Process(Process {
            name,
            process: written.process.clone(),
            parameters: written.parameters.clone(),
            matching: match written.matching {
                Written::Name => Matching::Name,
                Written::Command => Matching::Command,
                Written::Exact => Matching::Exact,
                Written::Partial => Matching::Partial,
                Written::Initial => Matching::Initial,
            },
        })),
        Told::Bfd => {
            remarks.push((Level::Warning, format!("session `{name}` is not tracked: BFD is not implemented yet")));
            None
        }
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! From a configuration to everything the worker does with it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use keepalived_conf::blocks::global::top::IpvsNamespace;
use keepalived_conf::blocks::lvs::check::Checker;
use keepalived_conf::script::Script;
use keepalived_conf::source::Answers;
use keepalived_conf::{Config, Loaded, Options};

use super::told::{Files, Sessions};
use crate::kernel::child::Command;
use crate::kernel::host::OsHost;
use crate::kernel::ipvs::{Daemon, Role};
use crate::kernel::netlink::Room;
use crate::notify::balance::{Book, Hooks};
use crate::notify::smtp::Post;
use crate::notify::{Pipe, command};
use crate::observe::log::Level;
use crate::plan::lvs::{Check, LvsPlan, Told};
use crate::proto::health::{AtStop, CheckerId};
use crate::worker::standing::{Habits, Kind, Standing};

/// Where the system keeps named network namespaces.
const NAMESPACES: &str = "/run/netns";

/// What a configuration means on this machine.
#[derive(Clone, Debug, Default)]
pub(super) struct Meaning {
    pub(super) plan: Arc<LvsPlan>,
    pub(super) book: Book,
    pub(super) pipes: Vec<Pipe>,
    pub(super) mail: Option<Post>,
    pub(super) files: Files,
    pub(super) sessions: Sessions,
    /// `None` before there is a configuration.
    pub(super) standing: Option<Standing>,
    /// Where the load balancer is, if not in our own network namespace.
    pub(super) namespace: Option<PathBuf>,
    /// For news about addresses of this host.
    pub(super) room: Option<Room>,
    /// What of this machine counted for it.
    answers: Arc<Answers>,
}

/// What there is to say about a configuration, for the log.
type Remarks = Vec<(Level, String)>;

impl Meaning {
    /// Reads a text in which everything is written out. Its findings were told, with their places, by whoever wrote it.
    pub(super) fn of(text: String, before: Option<&LvsPlan>, habits: &Habits) -> (Meaning, Remarks) {
        let host = OsHost::new();
        let Loaded { config, answers, .. } = keepalived_conf::load_ready(&host, text, &Options::default());
        let mut plan = LvsPlan::compile(&config, before);
        if habits.leaves_table {
            plan.setup.globals.at_stop = AtStop::Keep;
        }
        let mut remarks = Remarks::new();
        let book = book_of(&plan, &host, &mut remarks);
        let pipes = pipes_of(&plan, &host, &mut remarks);
        let sessions = sessions_of(&plan);
        remarks.extend(unheard(&plan, &sessions));
        let runs = |check: &Check| matches!(check.check.as_ref(), Checker::Misc(_));
        let runs_programs = !book.is_empty() || !pipes.is_empty() || plan.checkers.values().any(runs);
        let meaning = Meaning {
            standing: Some(Standing::of(&config, Kind::Checker, habits, runs_programs)),
            book,
            pipes,
            mail: Post::compile(&config),
            files: files_of(&plan),
            sessions,
            namespace: namespace_of(&config),
            room: room_of(&config),
            plan: Arc::new(plan),
            answers: Arc::new(answers),
        };
        (meaning, remarks)
    }

    /// What the same text means on this machine as it is now; nothing where it has to be read again to know.
    pub(super) fn again(&self) -> Option<(Meaning, Remarks)> {
        let host = OsHost::new();
        let mut remarks = Remarks::new();
        let book = book_of(&self.plan, &host, &mut remarks);
        let pipes = pipes_of(&self.plan, &host, &mut remarks);
        // What this process may do goes by whether it starts programs.
        let starts_other = (book.is_empty(), pipes.is_empty()) != (self.book.is_empty(), self.pipes.is_empty());
        if starts_other || !self.answers.are_those_of(&host) {
            return None;
        }
        remarks.extend(unheard(&self.plan, &self.sessions));
        Some((Meaning { book, pipes, ..self.clone() }, remarks))
    }

    /// The sync daemon without the half it is, and the VRRP instance that decides which; without one, both run.
    pub(super) fn sync(&self) -> Option<(Daemon, Option<&str>)> {
        let sync = self.plan.sync.as_ref()?;
        let daemon = Daemon {
            role: Role::Backup,
            interface: sync.daemon.interface.clone(),
            id: sync.id,
            max_length: sync.daemon.max_length,
            group: Some(sync.daemon.group),
            port: Some(sync.daemon.port),
            ttl: sync.daemon.ttl,
        };
        Some((daemon, sync.daemon.instance.as_ref().map(|name| name.text.as_str())))
    }
}

fn book_of(plan: &LvsPlan, host: &OsHost, remarks: &mut Remarks) -> Book {
    let mut hooks = |up: &Option<Arc<Script>>, down: &Option<Arc<Script>>| {
        if up.is_none() && down.is_none() {
            return None;
        }
        let mut command = |script: &Option<Arc<Script>>| command_of(script.as_deref()?, host, remarks);
        Some(Hooks { up: command(up), down: command(down) })
    };
    let services = plan.services.iter();
    let services: BTreeMap<_, _> =
        services.filter_map(|(id, told)| Some((*id, hooks(&told.quorum_up, &told.quorum_down)?))).collect();
    let servers = plan.servers.iter();
    let servers = servers.filter_map(|(id, told)| Some((*id, hooks(&told.notify_up, &told.notify_down)?))).collect();
    Book { services, servers }
}

fn command_of(script: &Script, host: &OsHost, remarks: &mut Remarks) -> Option<Command> {
    command::of(script, host).map_err(|problem| remarks.push((Level::Error, problem))).ok()
}

fn pipes_of(plan: &LvsPlan, host: &OsHost, remarks: &mut Remarks) -> Vec<Pipe> {
    plan.pipes.iter().map(|pipe| pipe_of(pipe, host, remarks)).collect()
}

fn pipe_of(written: &crate::plan::notify::Pipe, host: &OsHost, remarks: &mut Remarks) -> Pipe {
    let script = written.script.as_ref().and_then(|script| command_of(script, host, remarks));
    Pipe { path: PathBuf::from(&written.path), owner: command::owner(written, host), script }
}

fn files_of(plan: &LvsPlan) -> Files {
    let mut files = Files::new();
    for (id, check) in &plan.checkers {
        if let Some(Told::File { path, .. }) = &check.told {
            files.entry(PathBuf::from(path)).or_default().push((*id, check.check.clone()));
        }
    }
    files
}

fn sessions_of(plan: &LvsPlan) -> Sessions {
    let mut sessions = Sessions::new();
    for (id, check) in &plan.checkers {
        if let Some(Told::Session(name)) = &check.told {
            sessions.entry(name.clone()).or_default().push(*id);
        }
    }
    sessions
}

/// What BFD_CHECK comes to while nobody runs BFD sessions. The server is not called dead, for nothing was heard of it; and
/// with `alpha`, which wants proof before a server gets in, it is not called alive.
fn unheard(plan: &LvsPlan, sessions: &Sessions) -> Remarks {
    let alpha = |id: &&CheckerId| plan.setup.checkers.get(id).is_some_and(|checker| checker.alpha);
    let line = |(name, checkers): (&String, &Vec<CheckerId>)| {
        let out = checkers.iter().filter(alpha).count();
        format!(
            "BFD is not implemented yet: BFD_CHECK of session `{name}` is not made; servers judged by their other checks \
             alone: {}, kept out by alpha: {out}",
            checkers.len() - out
        )
    };
    sessions.iter().map(line).map(|line| (Level::Warning, line)).collect()
}

fn room_of(config: &Config) -> Option<Room> {
    let buffer = &config.global.buffers.lvs_monitor;
    let octets = (*buffer.bytes).filter(|_| buffer.bytes.given())?;
    Some(Room { octets: usize::try_from(octets).unwrap_or(usize::MAX), force: buffer.force })
}

fn namespace_of(config: &Config) -> Option<PathBuf> {
    match config.global.top.net_namespace_ipvs.as_ref()? {
        IpvsNamespace::Named(name) => Some(PathBuf::from(NAMESPACES).join(name)),
        // Where the daemon was started is where it still is.
        IpvsNamespace::Original => None,
    }
}

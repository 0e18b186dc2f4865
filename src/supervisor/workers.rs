// SPDX-License-Identifier: MIT OR Apache-2.0
//! All workers together: who is started, who hears of a reload, what the death of one means for the daemon, and that
//! all leave when it stops.

use std::collections::{BTreeMap, BTreeSet};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use serde_json::{Value, json};

use super::chatter::{self, Chatter};
use super::daemon::{Settings, exit, live_by, stop_wait};
use super::house::House;
use super::keeper::{Happening, Keeper, Outcome};
use super::past::Past;
use super::role::Role;
use super::source::Source;
use crate::channel::{Ask, Dump, Happened, LogLevel, Message};
use crate::kernel::clock::{self, Step};
use crate::kernel::offspring::End;
use crate::kernel::pidfile::PidFile;
use crate::observe::log::{Level, Log};
use crate::observe::snapshot::{Daemon, Session};
use crate::worker::process;

#[derive(Debug)]
pub(super) struct Workers<'a> {
    settings: &'a Settings,
    log: &'a Log,
    source: Source,
    /// The one all workers live by, or will when they have answered.
    epoch: u64,
    /// Who has not answered yet.
    reloading: BTreeSet<Role>,
    keepers: BTreeMap<Role, Keeper<'a>>,
    /// The VRRP instances, and whether each is master: the checkers follow them.
    instances: BTreeMap<String, bool>,
    /// How BFD sessions are, and since when: BFD_CHECK follows them.
    sessions: BTreeMap<String, (Option<bool>, f64)>,
    /// The daemon ends with this status when the last worker is gone.
    ending: Option<u8>,
    past: Past,
    chatter: Chatter,
}

/// The matter of what a worker is told about its log; no instance is called so.
const LOG_LEVEL: &str = "\0log-level";

/// The matter of what a worker is told about a BFD session, which may be called like an instance.
fn matter_of_session(name: &str) -> String {
    format!("\0session {name}")
}

impl<'a> Workers<'a> {
    pub(super) fn new(
        source: Source,
        settings: &'a Settings,
        pid_files: &'a BTreeMap<Role, PidFile>,
        log: &'a Log,
    ) -> Self {
        let keeper = |role: Role| (role, Keeper::new(role, settings, pid_files.get(&role), log));
        let keepers = settings.workers.keys().copied().chain([Role::Status]).map(keeper).collect();
        Workers {
            settings,
            log,
            source,
            epoch: 1,
            reloading: BTreeSet::new(),
            keepers,
            instances: BTreeMap::new(),
            sessions: BTreeMap::new(),
            ending: None,
            past: Past::default(),
            chatter: Chatter::default(),
        }
    }

    /// What the configuration in force says about the daemon itself.
    pub(super) fn house(&self) -> &House {
        &self.source.house
    }

    /// Every worker lives by the configuration in force.
    pub(super) fn are_settled(&self) -> bool {
        !self.are_reloading() && self.keepers.values().all(Keeper::is_at_work)
    }

    /// Some worker has not answered yet.
    pub(super) fn are_reloading(&self) -> bool {
        !self.reloading.is_empty()
    }

    /// Whether this process is a worker, whose end is waited for here.
    pub(super) fn wait_for(&self, pid: u32) -> bool {
        self.keepers.values().any(|keeper| keeper.waits_for(pid))
    }

    /// A line on what runs.
    pub(super) fn status(&self) -> String {
        let running = self.keepers.values().filter(|keeper| keeper.is_running());
        let running: Vec<String> = running.map(|keeper| keeper.role.to_string()).collect();
        match running.as_slice() {
            [] => "the configuration has nothing to run".to_owned(),
            _ => format!("{} by configuration {}", running.join(", "), self.epoch),
        }
    }

    /// Starts the workers for which there is something to do.
    pub(super) fn begin(&mut self) {
        let wanted = |role: &Role| self.settings.everything || self.source.wants.contains(role);
        let idle = self.keepers.values().filter(|keeper| keeper.is_idle()).map(|keeper| keeper.role);
        let starting: Vec<Role> = idle.filter(wanted).collect();
        for role in starting {
            self.start(role);
        }
        if self.keepers.values().all(Keeper::is_idle) {
            self.log.warning("the configuration has nothing to run; a reload may bring it");
        }
    }

    /// Waits for the next thing to happen to a worker and deals with it; a status ends the daemon. Dropping the future
    /// loses nothing.
    pub(super) async fn turn(&mut self) -> Option<u8> {
        let (role, happening) = tokio::select! {
            next = next(&mut self.keepers) => next,
            () = Self::log_as_usual(self.chatter.until()) => {
                if self.chatter.is_over(clock::now()) {
                    self.keep_log_level();
                    self.note(Level::Notice, "operator: log-level is over, the command line counts again");
                }
                return None;
            }
        };
        let keeper = self.keepers.get_mut(&role)?;
        let outcome = keeper.handle(happening);
        // What one that is gone said last comes before its end.
        let rest = keeper.take_rest();
        rest.into_iter().for_each(|message| self.relay(role, message));
        match outcome {
            Outcome::Nothing => {}
            Outcome::Due => self.start(role),
            Outcome::Relay(message) => self.relay(role, message),
            Outcome::Reloaded(epoch) => {
                if epoch == self.epoch {
                    self.answered(role);
                }
            }
            Outcome::Instance { name, is_master } => self.tell_of(name, is_master),
            Outcome::Session { name, is_up } => self.tell_of_session(name, is_up),
            Outcome::MadeRoom => {
                self.answered(role);
                if self.ending.is_none() {
                    self.note(
                        Level::Notice,
                        format_args!("the {role} makes room for one that lives by the new configuration"),
                    );
                } else {
                    self.leave(exit::FINE);
                }
            }
            Outcome::Gone(end) => {
                if role == Role::Vrrp {
                    // Whatever it was master of, nobody is any more.
                    for name in self.instances.keys().cloned().collect::<Vec<_>>() {
                        self.tell_of(name, false);
                    }
                }
                self.mourn(role, end);
            }
        }
        self.ending.filter(|_| !self.keepers.values().any(Keeper::is_running))
    }

    fn start(&mut self, role: Role) {
        let Some(keeper) = self.keepers.get_mut(&role) else { return };
        keeper.start(&self.source);
        self.past.tell(keeper);
        if self.chatter.level() != LogLevel::Default {
            keeper.say(LOG_LEVEL, Message::LogLevel(self.chatter.level()));
        }
        if role == Role::Checker {
            for (name, is_master) in &self.instances {
                keeper.say(name, Message::Instance { name: name.clone(), is_master: *is_master });
            }
            for (name, (is_up, _)) in &self.sessions {
                keeper.say(&matter_of_session(name), Message::Session { name: name.clone(), is_up: *is_up });
            }
        }
    }

    /// Tells those who follow VRRP instances.
    fn tell_of(&mut self, name: String, is_master: bool) {
        if let Some(keeper) = self.keepers.get_mut(&Role::Checker) {
            keeper.say(&name, Message::Instance { name: name.clone(), is_master });
        }
        self.instances.insert(name, is_master);
    }

    /// Tells those who follow BFD sessions.
    fn tell_of_session(&mut self, name: String, is_up: Option<bool>) {
        if let Some(keeper) = self.keepers.get_mut(&Role::Checker) {
            keeper.say(&matter_of_session(&name), Message::Session { name: name.clone(), is_up });
        }
        if self.sessions.get(&name).is_none_or(|(before, _)| *before != is_up) {
            self.sessions.insert(name, (is_up, clock::wall().as_secs_f64()));
        }
    }

    /// Every session of the configuration, whether anybody says how it is or not.
    fn sessions_seen(&self) -> Vec<Session> {
        let shown = |(name, neighbour): &(String, String)| {
            let said = self.sessions.get(name);
            Session {
                name: name.clone(),
                neighbour: neighbour.clone(),
                up: said.and_then(|(up, _)| *up),
                since: said.map(|(_, since)| *since),
            }
        };
        self.house().sessions.iter().map(shown).collect()
    }

    /// Asks all workers to leave; the status when there is nobody to wait for.
    pub(super) fn stop(&mut self) -> Option<u8> {
        self.leave(exit::FINE);
        self.ending.filter(|_| !self.keepers.values().any(Keeper::is_running))
    }

    /// The first reason to leave is the one that counts.
    fn leave(&mut self, status: u8) {
        if self.ending.is_none() {
            self.ending = Some(status);
            self.log.notice("Stopping");
        }
        let wait = stop_wait(&self.source.house);
        self.keepers.values_mut().for_each(|keeper| keeper.stop(wait));
    }

    /// Questions go to whoever knows, answers to whoever asked, and what happened to whoever shows it.
    fn relay(&mut self, from: Role, message: Message) {
        match message {
            Message::Ask { id, ask } if from == Role::Status => {
                let body = match self.know(ask) {
                    Ok(body) => body,
                    Err(elsewhere) => {
                        let role = Self::who_knows(&elsewhere);
                        // Where there is nothing to do, nobody is missing.
                        let idle = self.keepers.get(&role).is_none_or(Keeper::is_idle);
                        if tell(&self.keepers, role, &Message::Ask { id, ask: elsewhere }) {
                            return;
                        }
                        if idle {
                            json!({"idle": true, "error": format!("there is no {role} here")})
                        } else {
                            json!({"error": format!("the {role} does not run, or is too busy to be asked")})
                        }
                    }
                };
                self.answer(id, body.to_string());
            }
            Message::Answer { .. } => {
                // Whoever asked does not wait for ever.
                let _ = tell(&self.keepers, Role::Status, &message);
            }
            Message::Happened(events) => {
                let from = from.word().to_owned();
                self.happened(events.into_iter().map(|happened| Happened { from: from.clone(), ..happened }).collect());
            }
            Message::Posted { hook, number } if from == Role::Status => self.past.posted(hook, number),
            _ => self.log.warning(format_args!("the {from} said what only another worker says")),
        }
    }

    /// The answer to what the supervisor itself is asked, or the question back.
    fn know(&mut self, ask: Ask) -> Result<Value, Ask> {
        let told = match ask {
            Ask::Reload => self.reload().map(|epoch| json!({"epoch": epoch})),
            Ask::Daemon => {
                let log = self.chatter.shown(self.log.usual(), clock::now());
                Ok(json!(Daemon { log, sessions: self.sessions_seen(), ..self.past.daemon(self.epoch) }))
            }
            Ask::Plan { file } => {
                let changes = self.source.forecast(self.settings, std::path::Path::new(&file));
                changes.map(|changes| json!({"changes": changes}))
            }
            Ask::LogLevel { level, seconds } => {
                if let Some(level) = level {
                    self.log_so_much(level, seconds);
                }
                Ok(json!({"log": self.chatter.shown(self.log.usual(), clock::now())}))
            }
            other => return Err(other),
        };
        Ok(told.unwrap_or_else(|refusal| json!({"error": refusal})))
    }

    /// Of all others.
    fn who_knows(ask: &Ask) -> Role {
        match ask {
            Ask::Status
            | Ask::Announce { .. }
            | Ask::Stand { .. }
            | Ask::Record
            | Ask::Reload
            | Ask::Daemon
            | Ask::LogLevel { .. }
            | Ask::Plan { .. } => Role::Vrrp,
            Ask::Balance | Ask::Server { .. } => Role::Checker,
        }
    }

    /// The operator wants so much to be logged by every process, now and after reloads and deaths.
    fn log_so_much(&mut self, level: LogLevel, seconds: Option<u32>) {
        self.chatter.want(level, seconds, clock::now());
        self.keep_log_level();
        let lasting = seconds.filter(|_| level != LogLevel::Default).map(|seconds| format!(" for {seconds} s"));
        let word = chatter::word(level);
        self.note(Level::Notice, format_args!("operator: log-level {word}{}", lasting.unwrap_or_default()));
    }

    fn keep_log_level(&mut self) {
        let level = self.chatter.level();
        self.log.limit(process::least(level));
        self.keepers.values_mut().for_each(|keeper| keeper.say(LOG_LEVEL, Message::LogLevel(level)));
    }

    /// Waits until nobody wants another log level any more.
    async fn log_as_usual(until: Option<u64>) {
        match until {
            Some(until) => tokio::time::sleep(Duration::from_nanos(until.saturating_sub(clock::now()))).await,
            None => std::future::pending().await,
        }
    }

    fn answer(&self, id: u64, body: String) {
        if let Some(status) = self.keepers.get(&Role::Status) {
            status.tell(&Message::Answer { id, body });
        }
    }

    fn happened(&mut self, events: Vec<Happened>) {
        let numbered = events.into_iter().map(|happened| self.past.add(happened)).collect();
        if let Some(status) = self.keepers.get(&Role::Status) {
            status.tell(&Message::Happened(numbered));
        }
    }

    fn note(&mut self, level: Level, text: impl std::fmt::Display) {
        self.log.write(level, &text);
        let at_ms = u64::try_from(clock::wall().as_millis()).unwrap_or(u64::MAX);
        let (text, level) = (text.to_string(), level.word().to_owned());
        self.happened(vec![Happened { at_ms, from: "supervisor".to_owned(), level, text, ..Happened::default() }]);
    }

    /// Somebody set the clock, which moves nothing here: who looks for a cause later should find it.
    pub(super) fn clock_was_set(&mut self, step: Step) {
        let (by, whither) = match step {
            Step::Forward(by) => (by, "forward"),
            Step::Back(by) => (by, "back"),
        };
        let by = by.as_secs_f64();
        let what = format_args!(
            "the clock of this machine was set {whither} by {by:.1} s: timers of routers, checks and scripts do not go by it"
        );
        self.note(Level::Notice, what);
    }

    /// Reads the configuration again; one that has errors changes nothing. The number of the reload, or why there is none.
    pub(super) fn reload(&mut self) -> Result<u64, String> {
        if self.ending.is_some() {
            return Err("the daemon is stopping".to_owned());
        }
        let next = match Source::read(self.settings, Some(&self.source), self.log) {
            Ok(next) => next,
            Err(refusal) => {
                self.past.reloaded(true);
                self.note(Level::Error, format_args!("reload refused, nothing changed: {refusal}"));
                return Err(refusal);
            }
        };
        self.past.reloaded(false);
        self.note(Level::Notice, "Reloading");
        self.source.keep_copy(&format!("keepalived.{}.{}.pre", std::process::id(), self.epoch), self.log);
        next.keep_copy(&format!("keepalived.{}.{}.post", std::process::id(), self.epoch), self.log);
        self.source = next;
        live_by(&self.source.house, self.log);
        self.epoch += 1;
        let (epoch, source) = (self.epoch, &self.source);
        // Whoever waits for a start will start with what counts then.
        let told = self.keepers.values_mut().filter_map(|keeper| keeper.reload(epoch, source).then_some(keeper.role));
        self.reloading = told.collect();
        self.begin();
        Ok(epoch)
    }

    /// Every process writes about itself; this one, what it read.
    pub(super) fn dump(&self, dump: Dump) {
        if dump == Dump::Data {
            self.source.dump(self.log);
        }
        self.keepers.values().for_each(|keeper| keeper.dump(dump));
    }

    fn answered(&mut self, role: Role) {
        if self.reloading.remove(&role) && self.reloading.is_empty() {
            let epoch = self.epoch;
            self.note(Level::Notice, format_args!("Reload {epoch} complete"));
        }
    }

    /// A worker is gone: another one follows, unless the daemon ends.
    fn mourn(&mut self, role: Role, end: End) {
        if self.ending.is_some() {
            return self.leave(exit::FINE);
        }
        self.answered(role);
        self.past.died(role);
        let vrrp_is_kept = self.keepers.get(&Role::Vrrp).is_some_and(|keeper| !keeper.is_idle());
        match end {
            End::Status(status @ (exit::FATAL | exit::CONFIGURATION | exit::PERMISSION))
                if role.ends_daemon(vrrp_is_kept) =>
            {
                self.log.error(format_args!("the {role} cannot go on (status {status}); stopping"));
                return self.leave(status);
            }
            End::Status(status) => self.note(Level::Error, format_args!("the {role} ended with status {status}")),
            End::Signal(signal) => self.note(Level::Error, format_args!("the {role} was ended by signal {signal}")),
        }
        if self.settings.dont_respawn && role != Role::Status {
            self.log.error("a worker that died is not started again (--dont-respawn); stopping");
            return self.leave(exit::FINE);
        }
        if let Some(keeper) = self.keepers.get(&role) {
            self.log.notice(format_args!("starting the {role} again in {} s", keeper.wait().as_secs_f64().round()));
        }
    }
}

fn tell(keepers: &BTreeMap<Role, Keeper<'_>>, role: Role, message: &Message) -> bool {
    keepers.get(&role).is_some_and(|keeper| keeper.tell(message))
}

/// The first thing to happen to any of them; of several at once, what concerns the first role.
async fn next(keepers: &mut BTreeMap<Role, Keeper<'_>>) -> (Role, Happening) {
    type Waiting<'b> = (Role, Pin<Box<dyn Future<Output = Happening> + 'b>>);
    let mut all: Vec<Waiting<'_>> =
        keepers.iter_mut().map(|(role, keeper)| (*role, Box::pin(keeper.next()) as Pin<Box<_>>)).collect();
    poll_fn(|context| {
        for (role, waiting) in &mut all {
            if let Poll::Ready(happening) = waiting.as_mut().poll(context) {
                return Poll::Ready((*role, happening));
            }
        }
        Poll::Pending
    })
    .await
}

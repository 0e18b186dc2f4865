// SPDX-License-Identifier: MIT OR Apache-2.0
//! Checkers that are told instead of asked: the numbers in tracked files and the states of BFD sessions, and what they mean
//! for a server.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use keepalived_conf::blocks::lvs::check::Checker;
use tokio::sync::mpsc::{Receiver, channel};
use tokio::task::JoinHandle;

use super::probe::Finding;
use crate::observe::log::Log;
use crate::plan::lvs as plan;
use crate::proto::health::{CheckerId, Verdict};
use crate::proto::track::Reading;
use crate::proto::vrrp::TrackId;
use crate::watch::{self, Readings};

/// Readings that may wait for the loop; a task whose reading finds no room waits with it.
const READINGS_MAX: usize = 256;

/// The files to follow, and the checkers they concern.
pub(super) type Files = BTreeMap<PathBuf, Vec<(CheckerId, Arc<Checker>)>>;

/// The BFD sessions to follow, and the checkers they concern.
pub(super) type Sessions = BTreeMap<String, Vec<CheckerId>>;

#[derive(Debug)]
pub(super) struct Told {
    files: Files,
    /// One task each, under a number that is never given twice.
    running: BTreeMap<PathBuf, (TrackId, JoinHandle<()>)>,
    next: u32,
    readings: Readings,
    read: Receiver<(TrackId, Reading)>,
    found: Option<(TrackId, Reading)>,
    sessions: Sessions,
    /// What was last said of each, also of those that nobody follows yet.
    said: BTreeMap<String, Option<bool>>,
    log: Log,
}

impl Told {
    pub(super) fn new(log: Log) -> Told {
        let (readings, read) = channel(READINGS_MAX);
        Told {
            files: Files::new(),
            running: BTreeMap::new(),
            next: 0,
            readings,
            read,
            found: None,
            sessions: Sessions::new(),
            said: BTreeMap::new(),
            log,
        }
    }

    /// Follows these files from now on. What did not change goes on undisturbed. Needs a tokio local set.
    pub(super) fn turn_to(&mut self, files: &Files) {
        self.files.clone_from(files);
        self.running.retain(|path, (_, task)| {
            let stays = files.contains_key(path);
            if !stays {
                task.abort();
            }
            stays
        });
        for path in files.keys() {
            if !self.running.contains_key(path) {
                self.next += 1;
                let id = TrackId(self.next);
                let task = watch::file(id, path.clone(), self.readings.clone(), self.log.clone());
                self.running.insert(path.clone(), (id, task));
            }
        }
    }

    /// Follows these sessions from now on; what is known of them.
    pub(super) fn follow(&mut self, sessions: &Sessions) -> Vec<(CheckerId, Finding)> {
        self.sessions.clone_from(sessions);
        self.said.iter().flat_map(|(name, is_up)| self.about(name, *is_up)).collect()
    }

    /// What it means that a session is up, down, or that nobody knows.
    pub(super) fn session(&mut self, name: String, is_up: Option<bool>) -> Vec<(CheckerId, Finding)> {
        let findings = self.about(&name, is_up);
        self.said.insert(name, is_up);
        findings
    }

    fn about(&self, name: &str, is_up: Option<bool>) -> Vec<(CheckerId, Finding)> {
        let concerned = self.sessions.get(name).into_iter().flatten();
        let finding = match is_up {
            Some(true) => Finding::good(),
            Some(false) => Finding::bad(format!("BFD session {name} is down")),
            // Whoever runs it is gone: that says nothing about the server.
            None => Finding::not_checked(format!("nobody says how BFD session {name} is")),
        };
        concerned.map(|checker| (*checker, finding.clone())).collect()
    }

    /// Waits until a reading is there. Dropping the future loses nothing.
    pub(super) async fn wait(&mut self) {
        if self.found.is_none() {
            self.found = self.read.recv().await;
        }
    }

    /// What was read since the last call.
    pub(super) fn take(&mut self) -> Vec<(CheckerId, Finding)> {
        let mut findings = Vec::new();
        while let Some((id, reading)) = self.found.take().or_else(|| self.read.try_recv().ok()) {
            let Reading::Value(value) = reading else { continue };
            let path = self.running.iter().find(|(_, (running, _))| *running == id).map(|(path, _)| path);
            let concerned = path.and_then(|path| self.files.get(path)).into_iter().flatten();
            findings.extend(concerned.filter_map(|(id, checker)| Some((*id, meaning(checker, value)?))));
        }
        findings
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        for (_, task) in self.running.values() {
            task.abort();
        }
    }
}

/// What the files say now.
pub(super) fn read_now(files: &Files) -> Vec<(CheckerId, Finding)> {
    let mut findings = Vec::new();
    for (path, concerned) in files {
        let Ok(value) = watch::value(path) else { continue };
        let value = value.unwrap_or(0);
        findings.extend(concerned.iter().filter_map(|(id, checker)| Some((*id, meaning(checker, value)?))));
    }
    findings
}

/// What a number means for a checker that follows a file.
fn meaning(checker: &Checker, value: i64) -> Option<Finding> {
    match checker {
        Checker::File(check) => {
            let value = i32::try_from(value).ok()?;
            let verdict = plan::Told::verdict_of(*check.weight, *check.reverse, value);
            let why = match verdict {
                Verdict::Bad => format!("the number in track file {} is {value}", check.track_file.text),
                Verdict::Good(_) | Verdict::NotChecked => String::new(),
            };
            Some(Finding { verdict, why })
        }
        Checker::Misc(_)
        | Checker::Smtp(_)
        | Checker::Tcp(_)
        | Checker::Ping(_)
        | Checker::Udp(_)
        | Checker::Http(_)
        | Checker::Dns(_)
        | Checker::Bfd(_) => None,
    }
}

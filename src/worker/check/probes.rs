// SPDX-License-Identifier: MIT OR Apache-2.0
//! Checks that are under way: a task each, whose finding comes back through a bounded channel.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use keepalived_conf::blocks::lvs::check::Checker;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinSet;

use super::probe::{self, Finding, Tools};
use crate::kernel::clock;
use crate::plan::lvs::{Check, LvsPlan};
use crate::proto::health::CheckerId;

/// Findings that may wait for the loop; a task whose finding finds no room waits with it.
const FINDINGS_MAX: usize = 1024;

/// What a check found, and how long that took.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) checker: CheckerId,
    pub(super) kind: &'static str,
    pub(super) finding: Finding,
    pub(super) took: Duration,
}

#[derive(Debug)]
pub(super) struct Probes {
    tools: Rc<Tools>,
    /// They end with us.
    tasks: JoinSet<()>,
    sender: Sender<Found>,
    findings: Receiver<Found>,
    found: Option<Found>,
}

impl Probes {
    pub(super) fn new(tools: Tools) -> Probes {
        let (sender, findings) = channel(FINDINGS_MAX);
        Probes { tools: Rc::new(tools), tasks: JoinSet::new(), sender, findings, found: None }
    }

    /// Checks by another configuration from now on.
    pub(super) fn turn_to(&self, plan: &LvsPlan) {
        let tls = |check: &Check| matches!(check.check.as_ref(), Checker::Http(check) if check.tls);
        self.tools.programs.forget();
        self.tools.web.configure(plan.tls.as_deref(), plan.checkers.values().any(tls));
    }

    /// Begins a check. Needs a tokio local set.
    pub(super) fn start(&mut self, id: CheckerId, step: u16, checker: Arc<Checker>) {
        // Those that ended make room.
        while self.tasks.try_join_next().is_some() {}
        let (tools, sender) = (Rc::clone(&self.tools), self.sender.clone());
        self.tasks.spawn_local(async move {
            let begun = clock::now();
            let finding = probe::probe(&checker, step, &tools).await;
            let took = Duration::from_nanos(clock::now().saturating_sub(begun));
            // Nobody listens any more only when the worker ends, and this task with it.
            let _ = sender.send(Found { checker: id, kind: checker.keyword(), finding, took }).await;
        });
    }

    /// Waits until a finding is there. Dropping the future loses nothing.
    pub(super) async fn wait(&mut self) {
        if self.found.is_none() {
            self.found = self.findings.recv().await;
        }
    }

    pub(super) fn take(&mut self) -> Option<Found> {
        self.found.take().or_else(|| self.findings.try_recv().ok())
    }
}

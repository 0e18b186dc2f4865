// SPDX-License-Identifier: MIT OR Apache-2.0
//! Processes of a container whose parents are gone. They become children of its first process, and when that takes no note
//! of their end, they stay in the table of processes for as long as the container lives.

use std::io;

use nix::sys::wait::{Id, WaitPidFlag, waitid, waitpid};
use nix::unistd::{Pid, getpid};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// So many are buried at once; more of them wait for the next occasion.
const BURIED_MAX: usize = 1024;

#[derive(Debug, Default)]
pub struct Orphans {
    /// `None` where somebody else gets them.
    died: Option<Signal>,
}

impl Orphans {
    /// Needs a tokio runtime.
    pub fn of_this_process() -> io::Result<Orphans> {
        let is_first = getpid() == Pid::from_raw(1);
        Ok(Orphans { died: is_first.then(|| signal(SignalKind::child())).transpose()? })
    }

    /// Waits until a child has ended, whoever started it.
    pub async fn wait(&mut self) {
        let died = match &mut self.died {
            Some(died) => died.recv().await,
            None => None,
        };
        if died.is_none() {
            std::future::pending().await
        }
    }

    /// Takes note of the end of those nobody waits for. One that is waited for may hide others: to be called again after
    /// that was heard of.
    pub fn bury(&self, is_waited_for: impl Fn(u32) -> bool) {
        if self.died.is_none() {
            return;
        }
        for _ in 0..BURIED_MAX {
            let looking = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
            let Some(ended) = waitid(Id::All, looking).ok().and_then(|status| status.pid()) else { return };
            if u32::try_from(ended.as_raw()).is_ok_and(&is_waited_for) {
                return;
            }
            let _ = waitpid(ended, Some(WaitPidFlag::WNOHANG));
        }
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Programs that checks run: as whom, looked up once, and how many at once.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use keepalived_conf::script::Script;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::dial::{DialError, TURN_WAIT_MAX};
use crate::kernel::beside;
use crate::kernel::child::{Account, Command};
use crate::kernel::host::OsHost;
use crate::notify::command;

/// Programs of checks that run at once.
pub const PROGRAMS_MAX: usize = 256;

/// Accounts that are remembered; further ones are looked up at every run.
const ACCOUNTS_MAX: usize = 1024;

#[derive(Debug)]
pub struct Programs {
    accounts: RefCell<BTreeMap<Who, Option<Account>>>,
    turns: Arc<Semaphore>,
    crowded: AtomicU64,
}

/// User, group, and whether the supplementary groups too.
type Who = (Option<String>, Option<String>, bool);

/// The right to run one more program. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Turn(#[allow(dead_code)] OwnedSemaphorePermit);

impl Default for Programs {
    fn default() -> Programs {
        Programs {
            accounts: RefCell::default(),
            turns: Arc::new(Semaphore::new(PROGRAMS_MAX)),
            crowded: AtomicU64::new(0),
        }
    }
}

impl Programs {
    /// Runs that did not get their turn in time.
    pub fn crowded(&self) -> u64 {
        self.crowded.load(Ordering::Relaxed)
    }

    /// Looks accounts up again from now on, as after a reload.
    pub fn forget(&self) {
        self.accounts.borrow_mut().clear();
    }

    /// What to run for a script. The lookup of its account goes on beside us, since it may take a while.
    pub(super) async fn command(&self, script: &Script) -> Result<Command, String> {
        let who: Who = (script.user.clone(), script.group.clone(), script.supplementary);
        let known = if script.user.is_none() { Some(None) } else { self.accounts.borrow().get(&who).cloned() };
        if let Some(account) = known {
            let nobody = Script { user: None, ..script.clone() };
            return Ok(Command { account, ..command::of(&nobody, &OsHost::new())? });
        }
        let asked = script.clone();
        let found = beside::run(move || command::of(&asked, &OsHost::new())).await;
        let found = found.map_err(|error| format!("the lookup of an account failed: {error}"))??;
        let mut accounts = self.accounts.borrow_mut();
        if accounts.len() < ACCOUNTS_MAX {
            accounts.insert(who, found.account.clone());
        }
        Ok(found)
    }

    pub(super) async fn turn(&self) -> Result<Turn, DialError> {
        match timeout(TURN_WAIT_MAX, Arc::clone(&self.turns).acquire_owned()).await {
            Ok(Ok(permit)) => Ok(Turn(permit)),
            // The semaphore is never closed.
            Ok(Err(_)) | Err(_) => {
                self.crowded.fetch_add(1, Ordering::Relaxed);
                Err(DialError::Crowded(TURN_WAIT_MAX))
            }
        }
    }
}

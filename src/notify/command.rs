// SPDX-License-Identifier: MIT OR Apache-2.0
//! From a script of the configuration to a program of this machine.

use std::path::PathBuf;

use keepalived_conf::environment::Answer;
use keepalived_conf::script::Script;
use keepalived_conf::source::Host;

use crate::kernel::child::{Account, Command};
use crate::plan::notify::Pipe;

/// The command of a script; the error is a line for the log. One whose account does not exist is not run as anybody else.
pub fn of(script: &Script, host: &dyn Host) -> Result<Command, String> {
    let program = if script.program.is_empty() { script.argv.first() } else { Some(&script.program) };
    let program = program.ok_or("a script names no program")?.clone();
    let account = match &script.user {
        None => None,
        Some(user) => {
            let Answer::Found(found) = host.account(user) else {
                return Err(format!("{program} is not run: there is no user `{user}`"));
            };
            let gid = match &script.group {
                None => found.gid,
                Some(group) => host.group(group).found().unwrap_or(found.gid),
            };
            let groups = if script.supplementary { found.groups } else { vec![gid] };
            Some(Account { uid: found.uid, gid, groups })
        }
    };
    Ok(Command { program: PathBuf::from(program), argv: script.argv.clone(), account })
}

/// Whom a pipe that is made belongs to: user and group.
pub fn owner(pipe: &Pipe, host: &dyn Host) -> Option<(u32, u32)> {
    let owner = pipe.owner.as_ref()?;
    let account = host.account(&owner.user).found()?;
    let gid = owner.group.as_ref().and_then(|group| host.group(group).found()).unwrap_or(account.gid);
    Some((account.uid, gid))
}

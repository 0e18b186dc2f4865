// SPDX-License-Identifier: MIT OR Apache-2.0
//! Processes of this machine: what the kernel tells of them as it happens, and what /proc says.
//!
//! Both are read on a thread of their own, the `observer`: a look into /proc waits for locks of the process that is looked
//! at, and no advert may wait for a stranger's process. A thread that hangs there delays readings and nothing else.
//!
//! Every read is bounded. Threads are never told of: a process is its thread group.

pub mod connector;
pub mod observer;

#[cfg(test)]
mod tests;

use std::fs;
use std::io;
use std::path::Path;

use super::files;

pub use connector::{Connector, Event, OpenError};
pub use observer::{Follow, Notice, Observer};

/// The kernel keeps so many octets of a process's name.
pub const NAME_MAX: usize = 15;
/// /proc shows the name and the state of a process well before this.
const STAT_MAX: usize = 256;
/// Processes one scan looks at; no kernel allows more (PID_MAX_LIMIT).
const PROCESSES_MAX: usize = 4 * 1024 * 1024;

/// One process, as it was when it was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    pub pid: u32,
    /// The name the kernel shows, at most [`NAME_MAX`] octets.
    pub name: Vec<u8>,
    /// Its command line up to the limit asked for: every word with a zero after it. Kernel threads have none.
    pub command: Vec<u8>,
}

/// Everything that runs, zombies left out, with at most `command_max` octets of each command line.
pub fn scan(command_max: usize) -> io::Result<Vec<Process>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")?.take(PROCESSES_MAX) {
        // The rest of the list is as good as the whole: what appears or goes meanwhile is told by events.
        let Ok(entry) = entry else { continue };
        let pid = entry.file_name().to_str().and_then(|name| name.parse().ok());
        found.extend(pid.and_then(|pid| look(pid, command_max)));
    }
    Ok(found)
}

/// One process; `None` when it is gone, or a zombie.
pub fn look(pid: u32, command_max: usize) -> Option<Process> {
    let folder = format!("/proc/{pid}");
    let folder = Path::new(&folder);
    let stat = files::read_start(&folder.join("stat"), STAT_MAX).ok()?;
    let (name, state) = name_and_state(&stat)?;
    if matches!(state, b'Z' | b'X' | b'x') {
        return None;
    }
    let command = match command_max {
        0 => Vec::new(),
        _ => files::read_start(&folder.join("cmdline"), command_max).ok()?,
    };
    let name = name.get(..NAME_MAX).unwrap_or(name).to_vec();
    Some(Process { pid, name, command })
}

/// From `PID (NAME) STATE ...`; a name may hold brackets and spaces itself, nothing behind it does.
fn name_and_state(stat: &[u8]) -> Option<(&[u8], u8)> {
    let open = stat.iter().position(|octet| *octet == b'(')?;
    let close = stat.iter().rposition(|octet| *octet == b')')?;
    let name = stat.get(open.checked_add(1)?..close)?;
    match stat.get(close.checked_add(1)?..)? {
        [b' ', state, ..] => Some((name, *state)),
        _ => None,
    }
}

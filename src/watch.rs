// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tracked objects outside the network: scripts that are run, files that are read, processes that are counted. What is
//! seen becomes a reading for the machine; what a reading means is decided there.
//!
//! One task for each object. A task may be dropped at any moment; a script it had started is then ended with its group.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::mpsc::Sender;
use tokio::task::{JoinHandle, spawn_local};

use crate::kernel::child::{Command, Exit};
use crate::kernel::files;
use crate::kernel::inotify::Folder;
use crate::observe::log::Log;
use crate::proto::track::Reading;
use crate::proto::vrrp::TrackId;

pub mod process;

/// How much of a tracked file is read: a number stands at its start.
const FILE_READ_MAX: usize = 127;

/// When the folder of a tracked file cannot be watched, it is tried again after this long.
const FOLDER_RETRY: Duration = Duration::from_secs(5);

/// A `vrrp_script`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    pub name: String,
    pub what: Probe,
    pub interval: Duration,
    pub timeout: Duration,
}

/// What a tracked script does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probe {
    Run(Command),
    /// `</path`: a file that can be opened.
    Open(PathBuf),
}

/// The names of scripts that are running.
pub type Busy = Rc<RefCell<BTreeSet<String>>>;

/// Where readings go. The receiver lives as long as the worker.
pub type Readings = Sender<(TrackId, Reading)>;

/// Runs a script at its interval. A run that is still going when the next one is due is not overtaken: the next one
/// waits for the end, or for the timeout.
pub fn script(id: TrackId, script: Script, readings: Readings, busy: Busy, log: Log) -> JoinHandle<()> {
    spawn_local(async move {
        let mut beat = tokio::time::interval(script.interval);
        beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut last: Option<String> = None;
        loop {
            beat.tick().await;
            busy.borrow_mut().insert(script.name.clone());
            let exit = match &script.what {
                Probe::Run(command) => command.run(Some(script.timeout)).await,
                Probe::Open(path) => match files::can_open(path) {
                    Ok(()) => Exit::Status(0),
                    Err(error) => Exit::NotStarted(error),
                },
            };
            busy.borrow_mut().remove(&script.name);
            let words = in_words(&exit);
            if last.as_ref() != Some(&words) {
                log.info(format_args!("script `{}` {words}", script.name));
                last = Some(words);
            }
            if readings.send((id, Reading::Up(exit.is_success()))).await.is_err() {
                return;
            }
        }
    })
}

fn in_words(exit: &Exit) -> String {
    match exit {
        Exit::Status(0) => "succeeded".to_owned(),
        Exit::Status(status) => format!("failed with status {status}"),
        Exit::Signal(signal) => format!("was ended by signal {signal}"),
        Exit::TimedOut => "took too long and was ended".to_owned(),
        Exit::NotStarted(error) => format!("could not be run: {error}"),
    }
}

/// Reads a file whenever it changes, and once at the start.
pub fn file(id: TrackId, path: PathBuf, readings: Readings, log: Log) -> JoinHandle<()> {
    spawn_local(async move {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut last = None;
        loop {
            let mut watched = match Folder::watch(folder) {
                Ok(watched) => watched,
                Err(error) => {
                    log.warning(format_args!("cannot watch {} for the file tracked there: {error}", folder.display()));
                    tokio::time::sleep(FOLDER_RETRY).await;
                    continue;
                }
            };
            loop {
                // Read after the watch stands, so that no change falls between.
                let Ok(value) = read_number(&path) else {
                    // For want of something of ours: the number stays what it was until it can be read.
                    tokio::time::sleep(FOLDER_RETRY).await;
                    continue;
                };
                if value.is_some() && value != last {
                    last = value;
                    let reading = Reading::Value(value.unwrap_or(0));
                    if readings.send((id, reading)).await.is_err() {
                        return;
                    }
                }
                if !next_change(&mut watched, &path).await {
                    break;
                }
            }
        }
    })
}

/// Waits until the file at `path` may have changed; false when the folder can no longer be watched.
async fn next_change(watched: &mut Folder, path: &Path) -> bool {
    loop {
        let Ok(names) = watched.changed().await else { return false };
        if names.iter().any(|name| name.as_deref().is_none_or(|name| path.file_name() == Some(name))) {
            return true;
        }
    }
}

/// The number at the start of a file. Absent, unreadable or empty counts as 0; a number beyond 32 bits is ignored. An error
/// is a lack on our side, which says nothing about the file.
pub fn value(path: &Path) -> io::Result<Option<i64>> {
    read_number(path)
}

fn read_number(path: &Path) -> io::Result<Option<i64>> {
    let bytes = match files::read_start(path, FILE_READ_MAX) {
        Err(error) if files::is_lack(&error) => return Err(error),
        read => read.unwrap_or_default(),
    };
    Ok(parse_number(&String::from_utf8_lossy(&bytes)))
}

/// In C notation: decimal, `0x` hexadecimal, leading `0` octal. Text without a number is 0.
fn parse_number(text: &str) -> Option<i64> {
    let text = text.trim_start();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let hexadecimal = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X"));
    let (radix, digits) = match hexadecimal {
        Some(rest) if rest.starts_with(|c: char| c.is_ascii_hexdigit()) => (16, rest),
        _ if digits.starts_with('0') => (8, digits),
        _ => (10, digits),
    };
    let mut value: i64 = 0;
    for digit in digits.chars().map_while(|c| c.to_digit(radix)) {
        value = value.saturating_mul(i64::from(radix)).saturating_add(i64::from(digit));
    }
    let value = if negative { -value } else { value };
    i32::try_from(value).ok().map(i64::from)
}

#[cfg(test)]
mod tests;

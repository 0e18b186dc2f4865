// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tracked processes: how many run of those that an operator described.
//!
//! All of a worker are counted together on one thread (`kernel::process`), which looks at each process once however many
//! descriptions there are. What leaves it are readings, one for every change of a count.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;

use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn_local};

use super::Readings;
use crate::kernel::process::{self, Connector, Follow, NAME_MAX, Notice, Observer, OpenError};
use crate::observe::log::Log;
use crate::proto::track::Reading;
use crate::proto::vrrp::TrackId;

/// Readings on their way to the worker. The thread waits when there is no room, and the kernel keeps events for it.
const WAITING_MAX: usize = 256;

/// A `vrrp_track_process`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    pub name: String,
    /// The kernel's name of the process, or the first word of its command line.
    pub process: String,
    pub parameters: Vec<String>,
    pub matching: Matching,
}

/// What of a process is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Matching {
    /// The name the kernel shows, of which it keeps 15 octets.
    Name,
    /// The first word of its command line.
    Command,
    /// That, and exactly these parameters.
    Exact,
    /// That, and these parameters first.
    Partial,
    /// As partial, but the last one given may go on.
    Initial,
}

/// All tracked processes of a worker. They are forgotten with it.
#[derive(Debug)]
pub struct Processes {
    observer: Observer<BTreeMap<TrackId, Process>>,
    teller: JoinHandle<()>,
}

impl Processes {
    /// Counts at once, and from then on. Where the kernel tells nothing of processes, they are counted each second.
    pub fn start(
        tracked: BTreeMap<TrackId, Process>,
        connector: Result<Connector, OpenError>,
        readings: Readings,
        log: Log,
    ) -> io::Result<Processes> {
        let connector = connector
            .inspect_err(|error| {
                log.warning(format_args!("{error}: tracked processes are looked for in /proc each second instead"));
            })
            .ok();
        let (told, news) = mpsc::channel(WAITING_MAX);
        let observer = Observer::start(connector, Counting { census: Census::new(tracked), told })?;
        Ok(Processes { observer, teller: spawn_local(tell(news, readings, log)) })
    }

    /// What is to be counted from now on. A count that stays as it was is not told again.
    pub fn track(&self, tracked: BTreeMap<TrackId, Process>) {
        self.observer.command(tracked);
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        self.teller.abort();
    }
}

/// What the thread has to say.
#[derive(Debug)]
enum News {
    Reading(TrackId, Reading),
    Warning(String),
}

/// Brings what the thread says to the worker and its log.
async fn tell(mut news: mpsc::Receiver<News>, readings: Readings, log: Log) {
    while let Some(news) = news.recv().await {
        match news {
            News::Reading(id, reading) => {
                if readings.send((id, reading)).await.is_err() {
                    return;
                }
            }
            News::Warning(line) => log.warning(line),
        }
    }
}

/// The thread's part: from notices to news.
struct Counting {
    census: Census,
    told: mpsc::Sender<News>,
}

impl Counting {
    fn tell(&self, news: News) -> bool {
        self.told.blocking_send(news).is_ok()
    }

    fn warn(&self, line: fmt::Arguments<'_>) -> bool {
        self.tell(News::Warning(line.to_string()))
    }
}

impl Follow for Counting {
    type Command = BTreeMap<TrackId, Process>;

    fn command(&mut self, tracked: Self::Command) {
        self.census.track(tracked);
    }

    fn command_max(&self) -> usize {
        self.census.command_max()
    }

    fn notice(&mut self, notice: Notice) -> bool {
        let mut changed = Vec::new();
        match notice {
            Notice::Scanned(found) => self.census.scanned(&found, &mut changed),
            Notice::Forked { parent, child } => self.census.forked(parent, child, &mut changed),
            Notice::Executed(process) => self.census.executed(&process, &mut changed),
            Notice::Renamed { pid, name } => self.census.renamed(pid, &name, &mut changed),
            Notice::Exited(pid) => self.census.exited(pid, &mut changed),
            Notice::Lost { room } => {
                return self.warn(format_args!(
                    "so many processes came and went that some were missed: all are counted again, with room for \
                     {room} octets of events from now on"
                ));
            }
            Notice::Unreadable(error) => {
                return self.warn(format_args!("cannot count tracked processes, /proc cannot be read: {error}"));
            }
            Notice::Broken(error) => {
                return self.warn(format_args!(
                    "the kernel tells no more of processes ({error}): they are looked for in /proc each second instead"
                ));
            }
        }
        changed.into_iter().all(|(id, reading)| self.tell(News::Reading(id, reading)))
    }
}

/// Who runs, of those that are tracked.
#[derive(Debug)]
struct Census {
    tracked: Vec<Tracked>,
}

#[derive(Debug)]
struct Tracked {
    id: TrackId,
    pattern: Pattern,
    running: BTreeSet<u32>,
    /// The count that was told last.
    told: Option<u32>,
}

impl Tracked {
    fn is(&mut self, pid: u32, running: bool) {
        if running {
            self.running.insert(pid);
        } else {
            self.running.remove(&pid);
        }
    }
}

impl Census {
    fn new(tracked: BTreeMap<TrackId, Process>) -> Census {
        let mut census = Census { tracked: Vec::new() };
        census.track(tracked);
        census
    }

    /// What stays as it is keeps its count.
    fn track(&mut self, tracked: BTreeMap<TrackId, Process>) {
        let mut before = std::mem::take(&mut self.tracked);
        self.tracked = tracked
            .into_iter()
            .map(|(id, process)| {
                let pattern = Pattern::new(&process);
                let kept = before.iter().position(|one| one.id == id && one.pattern == pattern);
                match kept {
                    Some(place) => before.swap_remove(place),
                    None => Tracked { id, pattern, running: BTreeSet::new(), told: None },
                }
            })
            .collect();
    }

    fn command_max(&self) -> usize {
        self.tracked.iter().map(|tracked| tracked.pattern.command_max()).max().unwrap_or(0)
    }

    fn scanned(&mut self, found: &[process::Process], changed: &mut Vec<(TrackId, Reading)>) {
        for tracked in &mut self.tracked {
            let matching = found.iter().filter(|process| tracked.pattern.matches(process));
            tracked.running = matching.map(|process| process.pid).collect();
        }
        // Delays are for changes; what is seen first is no change.
        self.count(|tracked| tracked.told.is_none(), changed);
    }

    /// A child is what its parent is, until it runs another program.
    fn forked(&mut self, parent: u32, child: u32, changed: &mut Vec<(TrackId, Reading)>) {
        for tracked in &mut self.tracked {
            if tracked.running.contains(&parent) {
                tracked.is(child, true);
            }
        }
        self.count(|_| false, changed);
    }

    fn executed(&mut self, process: &process::Process, changed: &mut Vec<(TrackId, Reading)>) {
        for tracked in &mut self.tracked {
            tracked.is(process.pid, tracked.pattern.matches(process));
        }
        self.count(|_| true, changed);
    }

    fn renamed(&mut self, pid: u32, name: &[u8], changed: &mut Vec<(TrackId, Reading)>) {
        for tracked in &mut self.tracked {
            if let Pattern::Name(wanted) = &tracked.pattern {
                tracked.is(pid, wanted == name);
            }
        }
        self.count(|_| true, changed);
    }

    fn exited(&mut self, pid: u32, changed: &mut Vec<(TrackId, Reading)>) {
        for tracked in &mut self.tracked {
            tracked.is(pid, false);
        }
        self.count(|_| false, changed);
    }

    /// Every count that is not the one told last.
    fn count(&mut self, at_once: impl Fn(&Tracked) -> bool, changed: &mut Vec<(TrackId, Reading)>) {
        for tracked in &mut self.tracked {
            let running = u32::try_from(tracked.running.len()).unwrap_or(u32::MAX);
            if tracked.told != Some(running) {
                changed.push((tracked.id, Reading::Count { running, at_once: at_once(tracked) }));
                tracked.told = Some(running);
            }
        }
    }
}

/// A description as octets to compare.
#[derive(Debug, PartialEq, Eq)]
enum Pattern {
    Name(Vec<u8>),
    /// The first word.
    Command(Vec<u8>),
    /// The whole command line, every word with a zero after it.
    Whole(Vec<u8>),
    /// How the command line begins.
    Beginning(Vec<u8>),
}

impl Pattern {
    fn new(process: &Process) -> Pattern {
        let name = process.process.as_bytes();
        let words = std::iter::once(&process.process).chain(&process.parameters);
        let mut line: Vec<u8> = words.flat_map(|word| word.bytes().chain([0])).collect();
        match process.matching {
            // Longer names exist in configurations and never in the kernel.
            Matching::Name => Pattern::Name(name.get(..NAME_MAX).unwrap_or(name).to_vec()),
            Matching::Command => Pattern::Command(name.to_vec()),
            Matching::Exact => Pattern::Whole(line),
            Matching::Partial => Pattern::Beginning(line),
            Matching::Initial => {
                // The command itself is always compared whole.
                if !process.parameters.is_empty() {
                    line.pop();
                }
                Pattern::Beginning(line)
            }
        }
    }

    /// How much of a command line decides, and one octet more that tells whether it goes on.
    fn command_max(&self) -> usize {
        match self {
            Pattern::Name(_) => 0,
            Pattern::Command(wanted) | Pattern::Whole(wanted) | Pattern::Beginning(wanted) => wanted.len() + 1,
        }
    }

    fn matches(&self, seen: &process::Process) -> bool {
        match self {
            Pattern::Name(wanted) => *wanted == seen.name,
            Pattern::Command(wanted) => {
                !seen.command.is_empty() && seen.command.split(|octet| *octet == 0).next() == Some(wanted)
            }
            Pattern::Whole(wanted) => *wanted == seen.command,
            Pattern::Beginning(wanted) => seen.command.starts_with(wanted),
        }
    }
}

#[cfg(test)]
mod tests;

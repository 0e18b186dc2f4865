// SPDX-License-Identifier: MIT OR Apache-2.0
//! What happened in a lab, in order: frames on segments, addresses on nodes, lines of daemons, the test's own deeds.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::capture::Frame;

/// The longest a test waits for what must come. Far beyond every timer of the tests, so a busy machine does not matter.
pub const PATIENCE: Duration = Duration::from_secs(120);

#[derive(Clone, Debug)]
pub struct Entry {
    pub at: Duration,
    pub what: What,
}

#[derive(Clone, Debug)]
pub enum What {
    /// The kernel of a node has an address, or has it no longer.
    Address { node: String, interface: String, address: IpAddr, held: bool },
    /// A frame passed a segment.
    Frame { segment: String, frame: Frame },
    /// A daemon said something.
    Log { node: String, line: String },
    /// The test did something.
    Deed(String),
}

/// Shared by everything that observes; cheap to clone.
#[derive(Clone, Debug)]
pub struct Journal(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    start: Instant,
    entries: Mutex<Vec<Entry>>,
    grew: Condvar,
    ended: AtomicBool,
}

impl Journal {
    pub fn new() -> Journal {
        let (entries, grew, ended) = (Mutex::default(), Condvar::new(), AtomicBool::new(false));
        Journal(Arc::new(Shared { start: Instant::now(), entries, grew, ended }))
    }

    /// The lab is gone; who listens may stop.
    pub fn end(&self) {
        self.0.ended.store(true, Ordering::Relaxed);
    }

    pub fn has_ended(&self) -> bool {
        self.0.ended.load(Ordering::Relaxed)
    }

    pub fn note(&self, what: What) {
        let mut entries = self.entries();
        // Under the lock, so that times never run backwards from one entry to the next.
        let at = self.0.start.elapsed();
        entries.push(Entry { at, what });
        self.0.grew.notify_all();
    }

    /// The time that entries made now would bear; the benchmark asks.
    #[allow(dead_code)]
    pub fn now(&self) -> Duration {
        self.0.start.elapsed()
    }

    pub fn deed(&self, text: impl Into<String>) {
        self.note(What::Deed(text.into()));
    }

    fn entries(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.0.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything so far.
    pub fn read(&self) -> Reading {
        Reading(self.entries().clone())
    }

    /// Waits until `holds` of everything so far, and returns that; `promise` says what was waited for.
    #[track_caller]
    pub fn until(&self, promise: &str, holds: impl Fn(&Reading) -> bool) -> Reading {
        let deadline = Instant::now() + PATIENCE;
        let mut entries = self.entries();
        loop {
            let reading = Reading(entries.clone());
            if holds(&reading) {
                return reading;
            }
            let Some(left) = deadline.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) else {
                drop(entries);
                panic!("never came: {promise}\n{reading}");
            };
            entries = self.0.grew.wait_timeout(entries, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Lets time pass until `count` more frames that satisfy `is` were seen: a pause measured in the protocol's own beat.
    #[track_caller]
    pub fn beats(&self, count: usize, is: impl Fn(&Frame) -> bool) -> Reading {
        let before = self.read().frames().filter(|frame| is(frame)).count();
        self.until("the next adverts", |reading| reading.frames().filter(|frame| is(frame)).count() >= before + count)
    }
}

/// A journal as it stood at one moment.
#[derive(Clone, Debug)]
pub struct Reading(Vec<Entry>);

impl Reading {
    /// All of them; the benchmark looks for moments.
    #[allow(dead_code)]
    pub fn entries(&self) -> &[Entry] {
        &self.0
    }

    /// What came after the last deed whose text contains `deed`.
    pub fn since(&self, deed: &str) -> Reading {
        let is = |entry: &Entry| matches!(&entry.what, What::Deed(text) if text.contains(deed));
        let from = self.0.iter().rposition(is).map_or(0, |at| at + 1);
        Reading(self.0.get(from..).unwrap_or_default().to_vec())
    }

    pub fn frames(&self) -> impl Iterator<Item = &Frame> {
        self.0.iter().filter_map(|entry| match &entry.what {
            What::Frame { frame, .. } => Some(frame),
            What::Address { .. } | What::Log { .. } | What::Deed(_) => None,
        })
    }

    pub fn logs(&self, of: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(move |entry| match &entry.what {
            What::Log { node, line } if node == of => Some(line.as_str()),
            What::Log { .. } | What::Address { .. } | What::Frame { .. } | What::Deed(_) => None,
        })
    }

    /// Whether a daemon of the node said something that contains `part`.
    pub fn said(&self, node: &str, part: &str) -> bool {
        self.logs(node).any(|line| line.contains(part))
    }

    /// The nodes that have the address, in order of name.
    pub fn holders(&self, wanted: &str) -> Vec<String> {
        self.holders_over_time(wanted).last().map(|(_, holders)| holders.iter().cloned().collect()).unwrap_or_default()
    }

    /// Whether exactly `node` has the address.
    pub fn holds_alone(&self, node: &str, address: &str) -> bool {
        self.holders(address) == [node]
    }

    /// The most nodes that ever had the address at once.
    pub fn most_holders(&self, wanted: &str) -> usize {
        self.holders_over_time(wanted).iter().map(|(_, holders)| holders.len()).max().unwrap_or(0)
    }

    /// Who has the address after each change of that.
    pub fn holders_over_time(&self, wanted: &str) -> Vec<(Duration, BTreeSet<String>)> {
        let wanted: IpAddr = wanted.parse().expect("an address");
        let mut holders = BTreeSet::new();
        let mut over_time = Vec::new();
        for entry in &self.0 {
            let What::Address { node, address, held, .. } = &entry.what else { continue };
            if *address == wanted {
                if *held {
                    holders.insert(node.clone())
                } else {
                    holders.remove(node)
                };
                over_time.push((entry.at, holders.clone()));
            }
        }
        over_time
    }
}

impl fmt::Display for Reading {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Entry { at, what } in &self.0 {
            write!(out, "{:>9.3}  ", at.as_secs_f64())?;
            match what {
                What::Address { node, interface, address, held } => {
                    writeln!(out, "{node}  {} {address} on {interface}", if *held { "has" } else { "lost" })?;
                }
                What::Frame { segment, frame } => writeln!(out, "{segment}  {frame}")?,
                What::Log { node, line } => writeln!(out, "{node}  | {line}")?,
                What::Deed(text) => writeln!(out, "---- {text}")?,
            }
        }
        Ok(())
    }
}

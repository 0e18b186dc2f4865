// SPDX-License-Identifier: MIT OR Apache-2.0
//! The log: levels, sinks, and a limit that never holds the protocol up.
//!
//! Lines go to syslog, the journal, standard error or a file. A sink that cannot take a line at once loses it, and the loss
//! is counted and told with the next line that goes through. A line that says that something changed its state is not lost:
//! it waits, and is written before that next line.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::io::{self, Write};
use std::rc::Rc;
use std::time::Duration;

use keepalived_conf::Config;
use keepalived_conf::blocks::global::ours::LogFormat;
use serde::Serialize;

use crate::kernel::clock;
use crate::kernel::journal::Journal;
use crate::kernel::logfile::LogFile;
use crate::kernel::syslog::Syslog;

/// How much a line matters: at `Warning` and above somebody may have to get up at night.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    Debug,
    Info,
    Notice,
    Warning,
    Error,
}

impl Level {
    pub fn word(self) -> &'static str {
        match self {
            Level::Debug => "debug",
            Level::Info => "info",
            Level::Notice => "notice",
            Level::Warning => "warning",
            Level::Error => "error",
        }
    }

    /// The number of the level in syslog.
    pub fn severity(self) -> u8 {
        match self {
            Level::Debug => 7,
            Level::Info => 6,
            Level::Notice => 5,
            Level::Warning => 4,
            Level::Error => 3,
        }
    }
}

/// Changes of state that wait for a sink that takes them.
const OWED_MAX: usize = 256;
/// What syslog calls daemon.
const DAEMON_FACILITY: u8 = 3;
/// The version of lines in JSON.
const VERSION: u32 = 1;

/// What a line is about, for readers that want more than its text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Facts<'a> {
    /// The instance, sync group, virtual server or real server.
    pub about: Option<&'a str>,
    /// The state it entered, and why.
    pub state: Option<&'a str>,
    pub why: Option<&'a str>,
    pub priority: Option<u8>,
}

/// How lines look on standard error and in files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// As keepalived's.
    #[default]
    Lines,
    /// A JSON object each.
    Json,
}

impl Format {
    /// What the configuration wants.
    pub fn of(config: &Config) -> Format {
        match config.global.ours.log_format {
            LogFormat::Lines => Format::Lines,
            LogFormat::Json => Format::Json,
        }
    }
}

/// Where lines go.
#[derive(Default)]
pub struct Sinks {
    pub format: Format,
    /// The command line said so, and the configuration does not count.
    pub is_settled: bool,
    /// Takes the place of syslog and of plain lines on standard error as long as it takes entries.
    pub journal: Option<Journal>,
    pub syslog: Option<Syslog>,
    pub stream: Option<Box<dyn Write>>,
    pub file: Option<LogFile>,
}

impl fmt::Debug for Sinks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Sinks { format, is_settled, journal, syslog, stream, file } = self;
        let mut sinks = f.debug_struct("Sinks");
        sinks
            .field("format", format)
            .field("is_settled", is_settled)
            .field("journal", journal)
            .field("syslog", syslog)
            .field("stream", &stream.is_some())
            .field("file", file)
            .finish()
    }
}

/// A handle on the log of this process; clones write to the same sinks.
#[derive(Clone, Debug)]
pub struct Log(Rc<Inner>);

#[derive(Debug)]
struct Inner {
    name: RefCell<String>,
    /// What the command line wants, and what counts now.
    usual: Level,
    least: Cell<Level>,
    sinks: RefCell<Sinks>,
    lost: Cell<u64>,
    owed: RefCell<VecDeque<Line>>,
}

/// A line as it is written.
#[derive(Debug, Serialize)]
struct Line {
    v: u32,
    #[serde(serialize_with = "stamp")]
    time: Duration,
    process: String,
    pid: Own,
    #[serde(serialize_with = "word")]
    level: Level,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    about: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    priority: Option<u8>,
}

/// The number of this process. Asked for only where it is written: it takes a call of the kernel.
#[derive(Debug)]
struct Own;

impl Serialize for Own {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u32(std::process::id())
    }
}

impl Log {
    /// A log whose lines carry `name`; lines below `least` are not written.
    pub fn new(name: &str, least: Level, sinks: Sinks) -> Log {
        Log(Rc::new(Inner {
            name: RefCell::new(name.to_owned()),
            usual: least,
            least: Cell::new(least),
            sinks: RefCell::new(sinks),
            lost: Cell::new(0),
            owed: RefCell::default(),
        }))
    }

    /// A log to standard error, for tools and tests.
    pub fn to_stderr(name: &str) -> Log {
        Log::new(name, Level::Info, Sinks { stream: Some(Box::new(io::stderr())), ..Sinks::default() })
    }

    /// Tells this daemon's lines from those of its like on the same host: the mark is added to the name, and a file's.
    pub fn mark(&self, mark: &str) {
        self.0.name.borrow_mut().push_str(mark);
        if let Some(file) = &mut self.0.sinks.borrow_mut().file {
            file.mark(mark);
        }
    }

    /// Lines below this are not written from now on; without one, what was given at the start counts again.
    pub fn limit(&self, least: Option<Level>) {
        self.0.least.set(least.unwrap_or(self.0.usual));
    }

    /// Lines look like this from now on, unless the command line says how.
    pub fn form(&self, format: Format) {
        let Ok(mut sinks) = self.0.sinks.try_borrow_mut() else { return };
        if !sinks.is_settled {
            sinks.format = format;
        }
    }

    /// The level that was given at the start.
    pub fn usual(&self) -> Level {
        self.0.usual
    }

    pub fn debug(&self, line: impl fmt::Display) {
        self.write(Level::Debug, line);
    }

    pub fn info(&self, line: impl fmt::Display) {
        self.write(Level::Info, line);
    }

    pub fn notice(&self, line: impl fmt::Display) {
        self.write(Level::Notice, line);
    }

    pub fn warning(&self, line: impl fmt::Display) {
        self.write(Level::Warning, line);
    }

    pub fn error(&self, line: impl fmt::Display) {
        self.write(Level::Error, line);
    }

    /// Lines that no sink took since the last one that went through.
    pub fn lost(&self) -> u64 {
        self.0.lost.get()
    }

    pub fn write(&self, level: Level, line: impl fmt::Display) {
        self.write_about(level, line, Facts::default());
    }

    /// A line with what it is about.
    pub fn write_about(&self, level: Level, line: impl fmt::Display, facts: Facts<'_>) {
        if level < self.0.least.get() {
            return;
        }
        let Ok(mut sinks) = self.0.sinks.try_borrow_mut() else { return };
        let own = |text: Option<&str>| text.map(str::to_owned);
        let mut line = Line {
            v: VERSION,
            time: clock::wall(),
            process: self.0.name.borrow().clone(),
            pid: Own,
            level,
            // A line is a line: what came from a network or a file must not begin another one.
            text: line.to_string().chars().map(|c| if c.is_control() { ' ' } else { c }).collect(),
            about: own(facts.about),
            state: own(facts.state),
            why: own(facts.why),
            priority: facts.priority,
        };
        let mut owed = self.0.owed.borrow_mut();
        while owed.front().is_some_and(|waits| sinks.put(waits)) {
            owed.pop_front();
        }
        let lost = self.0.lost.get();
        let confesses = lost > 0 && line.state.is_none();
        if confesses {
            line.text.push_str(&format!(" ({lost} lines before this one were lost)"));
        }
        // Nothing overtakes what waits.
        if owed.is_empty() && sinks.put(&line) {
            self.0.lost.set(if confesses { 0 } else { lost });
        } else if line.state.is_some() && owed.len() < OWED_MAX {
            owed.push_back(line);
        } else {
            self.0.lost.set(lost.saturating_add(1));
        }
    }
}

impl Sinks {
    /// Whether one sink took the line: a container has no syslog, and its console has everything.
    fn put(&mut self, line: &Line) -> bool {
        let Sinks { format, is_settled: _, journal, syslog, stream, file } = self;
        let mut went_through = syslog.is_none() && stream.is_none() && file.is_none();
        let in_journal = journal.as_mut().is_some_and(|journal| {
            let facility = syslog.as_ref().map_or(DAEMON_FACILITY, Syslog::facility);
            enter(journal, line, facility).is_ok()
        });
        went_through |= in_journal;
        if let Some(syslog) = syslog
            && !in_journal
        {
            went_through |= syslog.send(line.level.severity(), &line.process, &line.text).is_ok();
        }
        if stream.is_none() && file.is_none() {
            return went_through;
        }
        let text = match format {
            Format::Lines => format!("{}: {}\n", clock::local_stamp(line.time), line.text),
            Format::Json => serde_json::to_string(line).map(|text| text + "\n").unwrap_or_default(),
        };
        if let Some(stream) = stream
            && !(in_journal && *format == Format::Lines)
        {
            went_through |= stream.write_all(text.as_bytes()).and_then(|()| stream.flush()).is_ok();
        }
        if let Some(file) = file {
            went_through |= file.write(&text).is_ok();
        }
        went_through
    }
}

/// An entry of the journal has the same facts under names of its own.
fn enter(journal: &mut Journal, line: &Line, facility: u8) -> io::Result<()> {
    let (severity, priority) = (line.level.severity().to_string(), line.priority.map(|priority| priority.to_string()));
    let facility = facility.to_string();
    let facts = [
        ("STEADFAST_ABOUT", line.about.as_deref()),
        ("STEADFAST_STATE", line.state.as_deref()),
        ("STEADFAST_WHY", line.why.as_deref()),
        ("STEADFAST_PRIORITY", priority.as_deref()),
    ];
    let mut fields = vec![
        ("MESSAGE", line.text.as_str()),
        ("PRIORITY", severity.as_str()),
        ("SYSLOG_FACILITY", facility.as_str()),
        ("SYSLOG_IDENTIFIER", line.process.as_str()),
    ];
    fields.extend(facts.into_iter().filter_map(|(name, fact)| Some((name, fact?))));
    journal.send(&fields)
}

fn word<S: serde::Serializer>(level: &Level, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(level.word())
}

/// RFC 3339, in UTC, to the millisecond.
fn stamp<S: serde::Serializer>(wall: &Duration, to: S) -> Result<S::Ok, S::Error> {
    let clock::Civil { year, month, day, hour, minute, second } = clock::civil(*wall, true);
    let millis = wall.subsec_millis();
    to.collect_str(&format_args!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z"))
}

#[cfg(test)]
mod tests;

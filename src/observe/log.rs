//! The log: levels, sinks, and a limit that never holds the protocol up.
//!
//! Lines go to syslog, standard error or a file. A sink that cannot take a line at once loses it, and the loss is
//! counted and told with the next line that goes through.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io::{self, Write};
use std::rc::Rc;

use crate::kernel::clock;
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

/// Where lines go.
#[derive(Default)]
pub struct Sinks {
    pub syslog: Option<Syslog>,
    pub stream: Option<Box<dyn Write>>,
    pub file: Option<LogFile>,
}

impl fmt::Debug for Sinks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Sinks { syslog, stream, file } = self;
        f.debug_struct("Sinks").field("syslog", syslog).field("stream", &stream.is_some()).field("file", file).finish()
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
        if level < self.0.least.get() {
            return;
        }
        let Ok(mut sinks) = self.0.sinks.try_borrow_mut() else { return };
        // A line is a line: what came from a network or a file must not begin another one.
        let mut text: String = line.to_string().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let lost = self.0.lost.get();
        if lost > 0 {
            text.push_str(&format!(" ({lost} lines before this one were lost)"));
        }
        // One sink that takes the line is enough: a container has no syslog, and its console has everything.
        let mut went_through = sinks.syslog.is_none() && sinks.stream.is_none() && sinks.file.is_none();
        if let Some(syslog) = &mut sinks.syslog {
            went_through |= syslog.send(level.severity(), &self.0.name.borrow(), &text).is_ok();
        }
        if sinks.stream.is_some() || sinks.file.is_some() {
            let line = format!("{}: {text}\n", clock::local_stamp(clock::wall()));
            if let Some(stream) = &mut sinks.stream {
                went_through |= stream.write_all(line.as_bytes()).and_then(|()| stream.flush()).is_ok();
            }
            if let Some(file) = &mut sinks.file {
                went_through |= file.write(&line).is_ok();
            }
        }
        self.0.lost.set(if went_through { 0 } else { lost.saturating_add(1) });
    }
}

#[cfg(test)]
mod tests;

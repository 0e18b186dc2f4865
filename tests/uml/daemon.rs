// SPDX-License-Identifier: MIT OR Apache-2.0
//! A daemon in a guest: ours or the one it is compared with, started alike.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::case::Program;
use crate::world::{PATIENCE, command};

/// Where a scenario's files are; configurations name it.
pub const FOLDER: &str = "/run/case";
const CONFIGURATION: &str = "/run/case/keepalived.conf";
const LOG: &str = "/run/case/log";
/// Of the daemon's lines, so many are shown with a failure.
const LINES_SHOWN: usize = 40;
const PAUSE: Duration = Duration::from_millis(100);

/// It is killed with this handle.
#[derive(Debug)]
pub struct Daemon {
    child: Child,
}

/// Writes the configuration that a daemon reads at its start and at a reload.
pub fn configure(text: &str) {
    fs::create_dir_all(FOLDER).expect("a folder in memory");
    fs::write(CONFIGURATION, text).expect("a configuration");
}

/// The last of what the daemon said.
pub fn log() -> String {
    let log = fs::read_to_string(LOG).unwrap_or_default();
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(LINES_SHOWN)..].join("\n  ")
}

impl Daemon {
    pub fn start(program: Program, options: &str) -> Daemon {
        let path = match program {
            Program::Keepalived => "keepalived",
            Program::Steadfast => env!("CARGO_BIN_EXE_steadfast"),
        };
        let log = File::options().create(true).append(true).open(Path::new(LOG)).expect("a log");
        let child = command(path)
            .args(["--dont-fork", "--log-console", "--log-detail", "-f", CONFIGURATION])
            .args(options.split_whitespace())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("one more descriptor"))
            .stderr(log)
            .spawn()
            .expect("the daemon runs");
        let daemon = Daemon { child };
        // Before it has started its checker it may not even take signals.
        let start = Instant::now();
        while daemon.children().is_empty() {
            assert!(start.elapsed() < PATIENCE, "the daemon never started a checker; it said\n  {}", self::log());
            thread::sleep(PAUSE);
        }
        daemon
    }

    fn id(&self) -> i32 {
        self.child.id().try_into().expect("a process number")
    }

    fn children(&self) -> Vec<i32> {
        let children = fs::read_to_string(format!("/proc/{0}/task/{0}/children", self.id()));
        let children = children.unwrap_or_else(|error| panic!("the daemon is gone: {error}; it said\n  {}", log()));
        children.split_whitespace().map(|id| id.parse().expect("a process number")).collect()
    }

    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.id()), signal).expect("a daemon that takes signals");
    }

    pub fn stop(mut self) {
        self.signal(Signal::SIGTERM);
        let status = self.child.wait().expect("a child to wait for");
        assert!(status.success(), "the daemon ended with {status}; it said\n  {}", log());
    }

    /// The daemon's one child is the checker, besides the one that only shows what there is.
    pub fn kill_checker(&self) {
        let shows = |child: &i32| {
            let called = fs::read(format!("/proc/{child}/cmdline")).unwrap_or_default();
            called.split(|byte| *byte == 0).any(|word| word == b"status")
        };
        let start = Instant::now();
        loop {
            let children: Vec<i32> = self.children().into_iter().filter(|child| !shows(child)).collect();
            match children[..] {
                [checker] => return kill(Pid::from_raw(checker), Signal::SIGKILL).expect("a checker to kill"),
                ref children => assert!(start.elapsed() < PATIENCE, "one child, not {children:?}"),
            }
            thread::sleep(PAUSE);
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

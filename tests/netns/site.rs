// SPDX-License-Identifier: MIT OR Apache-2.0
//! What tests of one daemon share: a site of one node, a shell in it, and a wait for what a shell shows.

use std::thread;
use std::time::{Duration, Instant};

use crate::journal::{PATIENCE, Reading};
use crate::node::{Daemon, Node, Program};
use crate::topology::{Lab, Segment};

/// What lets scripts run at all: all of them belong to root.
pub const SECURE: &str = "global_defs {\n enable_script_security\n script_user root\n}\n";

impl Node {
    /// What a shell inside the node prints, without white space around it.
    pub fn inside(&self, line: &str) -> String {
        let output = self.namespace().command("sh").args(["-c", line]).output().expect("nsenter runs");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Waits until a shell inside the node prints exactly this.
    #[track_caller]
    pub fn shows(&self, line: &str, wanted: &str) {
        shows(self, line, wanted, String::new);
    }

    /// A shell script below the node's /run.
    pub fn script(&self, name: &str, text: &str) {
        use std::os::unix::fs::PermissionsExt;
        let path = self.namespace().path(&format!("root/run/{name}"));
        std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).expect("a script");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("a script that can be run");
    }
}

#[track_caller]
fn shows(node: &Node, line: &str, wanted: &str, meanwhile: impl Fn() -> String) {
    let start = Instant::now();
    loop {
        let printed = node.inside(line);
        if printed == wanted {
            return;
        }
        assert!(start.elapsed() < PATIENCE, "`{line}` never showed {wanted:?} but {printed:?}{}", meanwhile());
        thread::sleep(Duration::from_millis(20));
    }
}

/// Waits for what can only be asked, again and again.
#[track_caller]
pub fn eventually(promise: &str, holds: impl Fn() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "never came: {promise}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// One node, 10.0.0.1, on one segment.
pub struct Site {
    pub lab: Lab,
    pub a: Node,
}

impl Site {
    pub fn new(test: &str) -> Option<Site> {
        let mut lab = Lab::new(test)?;
        let lan = lab.segment("lan");
        let a = lab.node_on(&lan, "a", &["10.0.0.1/24"]);
        Some(Site { lab, a })
    }

    /// Starts our daemon with a configuration that makes it master of 10.0.0.100, and waits until it is.
    #[track_caller]
    pub fn lead(&self, options: &str, configuration: &str) -> Daemon {
        let daemon = self.a.start_with(Program::Steadfast, options, configuration);
        self.lab.journal.until("a is master", |seen| seen.holds_alone("a", "10.0.0.100"));
        daemon
    }

    /// Waits until a shell inside the node prints exactly this.
    #[track_caller]
    pub fn shows(&self, line: &str, wanted: &str) {
        shows(&self.a, line, wanted, || format!("\n{}", self.lab.journal.read()));
    }
}

/// Two nodes on one segment.
pub struct Pair {
    pub lab: Lab,
    pub lan: Segment,
    pub a: Node,
    pub b: Node,
}

impl Pair {
    pub fn with(test: &str, addresses_of_a: &[&str], addresses_of_b: &[&str]) -> Option<Pair> {
        let mut lab = Lab::new(test)?;
        let lan = lab.segment("lan");
        let a = lab.node_on(&lan, "a", addresses_of_a);
        let b = lab.node_on(&lan, "b", addresses_of_b);
        Some(Pair { lab, lan, a, b })
    }

    #[track_caller]
    pub fn until(&self, promise: &str, holds: impl Fn(&Reading) -> bool) -> Reading {
        self.lab.journal.until(promise, holds)
    }
}

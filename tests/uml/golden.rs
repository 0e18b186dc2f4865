// SPDX-License-Identifier: MIT OR Apache-2.0
//! Golden cases: the same configuration and the same sequence of failures under both daemons, the same tables from both.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::case::{Case, Program, Step};
use crate::daemon::{self, Daemon, FOLDER};
use crate::world::{Says, Servers, Watch, enter, run, settle};
use crate::{Guest, Scenario};

pub fn scenarios() -> Vec<Scenario> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/uml/cases");
    let entries = fs::read_dir(&folder).expect("the folder of cases");
    let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    let mut scenarios = Vec::new();
    for file in files {
        let name = file.file_stem().expect("a name").to_string_lossy().into_owned();
        let case = Case::read(&name, &fs::read_to_string(&file).expect("a case"));
        for (program, guest) in [(Program::Keepalived, Guest::Theirs), (Program::Steadfast, Guest::Ours)] {
            if case.plays(program) {
                let case = case.clone();
                let name = format!("golden::{name}::{program:?}").to_lowercase();
                scenarios.push(Scenario::new(guest, &name, move || Play::new(program).play(&case)));
            }
        }
    }
    scenarios
}

struct Play {
    program: Program,
    daemon: Option<Daemon>,
    servers: Servers,
}

impl Play {
    fn new(program: Program) -> Play {
        Play { program, daemon: None, servers: Servers::default() }
    }

    fn play(mut self, case: &Case) {
        enter();
        daemon::configure(&case.configurations[0].1);
        for step in &case.steps {
            match step {
                Step::Do(deed) => self.act(case, deed),
                Step::Expect { what, command, lines, instead } => {
                    let own = instead.iter().find(|(program, _)| *program == self.program);
                    self.check(what, command, own.map_or(lines, |(_, lines)| lines));
                }
            }
        }
    }

    fn check(&self, what: &str, command: &str, wanted: &Vec<String>) {
        let mut watch = Watch::new(command);
        if let Err(found) = settle(wanted, || watch.look()) {
            panic!(
                "{what}: wanted\n  {}\nand found\n  {}\nafter the daemon said\n  {}",
                wanted.join("\n  "),
                found.join("\n  "),
                daemon::log()
            );
        }
    }

    fn act(&mut self, case: &Case, deed: &str) {
        let (verb, rest) = deed.split_once(' ').unwrap_or((deed, ""));
        let file = || Path::new(FOLDER).join(rest.split(' ').next().unwrap_or_default());
        let value = || rest.split_once(' ').unwrap_or_default().1;
        match verb {
            // Duplicates are not looked for: the address works at once.
            "address" => rest.split(' ').for_each(|address| {
                let nodad = if address.contains(':') { " nodad" } else { "" };
                run(&format!("ip addr add {address} dev lo{nodad}"));
            }),
            "no-address" => rest.split(' ').for_each(|address| drop(run(&format!("ip addr del {address} dev lo")))),
            "listen" => rest.split(' ').for_each(|address| self.servers.listen(address, Says::Nothing)),
            "close" => rest.split(' ').for_each(|address| self.servers.close(address)),
            "web" => {
                let [address, status, body] = rest.splitn(3, ' ').collect::<Vec<_>>()[..] else {
                    panic!("`web` wants an address, a status and a body: {deed}")
                };
                let status = status.parse().expect("a status");
                self.servers.listen(address, Says::Web { status, body: body.to_owned() });
            }
            "write" => replace(&file(), value(), 0o644),
            "exits" => replace(&file(), &format!("#!/bin/sh\nexit {}", value()), 0o755),
            "remove" => fs::remove_file(file()).expect("a file to remove"),
            "start" => self.daemon = Some(Daemon::start(self.program, rest)),
            "reload" => {
                daemon::configure(case.configuration(rest));
                self.daemon().signal(Signal::SIGHUP);
            }
            "stop" => self.daemon.take().expect("the daemon was started").stop(),
            "kill-checker" => self.daemon().kill_checker(),
            "run" => drop(run(rest)),
            "wait" => thread::sleep(Duration::from_secs_f32(rest.parse().expect("seconds"))),
            _ => panic!("{}: what is `{deed}`?", case.name),
        }
    }

    fn daemon(&self) -> &Daemon {
        self.daemon.as_ref().expect("the daemon was started")
    }
}

/// Whoever reads sees the old file or the new one.
fn replace(file: &Path, text: &str, mode: u32) {
    let beside = file.with_extension("new");
    fs::write(&beside, format!("{text}\n")).expect("a file in memory");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(mode);
    fs::set_permissions(&beside, mode).expect("a file of ours");
    fs::rename(&beside, file).expect("a file in memory");
}

//! Golden cases: the same configuration and the same sequence of failures under both daemons, the same tables from both.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::case::{Case, Program, Step};
use crate::world::{PATIENCE, Says, Servers, command, enter, run, settle};
use crate::{Guest, Scenario};

/// Where a case's files are; the configuration names it.
const FOLDER: &str = "/run/case";
const CONFIGURATION: &str = "/run/case/keepalived.conf";
const LOG: &str = "/run/case/log";
const PAUSE: Duration = Duration::from_millis(100);
/// Of the daemon's lines, so many are shown with a failure.
const LINES_SHOWN: usize = 40;

pub fn scenarios() -> Vec<Scenario> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/uml/cases");
    let entries = fs::read_dir(&folder).expect("the folder of cases");
    let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    let mut scenarios = Vec::new();
    for file in files {
        let name = file.file_stem().expect("a name").to_string_lossy().into_owned();
        let case = Case::read(&name, &fs::read_to_string(&file).expect("a case"));
        for (program, guest) in [(Program::Keepalived, Guest::Theirs)] {
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
    daemon: Option<Child>,
    servers: Servers,
}

impl Play {
    fn new(program: Program) -> Play {
        Play { program, daemon: None, servers: Servers::default() }
    }

    fn play(mut self, case: &Case) {
        enter();
        fs::create_dir(FOLDER).expect("a folder in memory");
        self.configure(case, &case.configurations[0].0);
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
        let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        if let Err(found) = settle(wanted, || run(command).lines().map(words).collect()) {
            let log = fs::read_to_string(LOG).unwrap_or_default();
            let lines: Vec<&str> = log.lines().collect();
            let skip = lines.len().saturating_sub(LINES_SHOWN);
            panic!(
                "{what}: wanted\n  {}\nand found\n  {}\nafter the daemon said\n  {}",
                wanted.join("\n  "),
                found.join("\n  "),
                lines[skip..].join("\n  ")
            );
        }
    }

    fn configure(&self, case: &Case, name: &str) {
        fs::write(CONFIGURATION, case.configuration(name)).expect("a configuration");
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
            "start" => self.start(rest),
            "reload" => {
                self.configure(case, rest);
                self.signal(Signal::SIGHUP);
            }
            "stop" => self.stop(),
            "kill-checker" => self.kill_checker(),
            "run" => drop(run(rest)),
            "wait" => thread::sleep(Duration::from_secs_f32(rest.parse().expect("seconds"))),
            _ => panic!("{}: what is `{deed}`?", case.name),
        }
    }

    fn start(&mut self, options: &str) {
        let program = match self.program {
            Program::Keepalived => "keepalived",
            Program::Steadfast => env!("CARGO_BIN_EXE_steadfast"),
        };
        let log = File::options().create(true).append(true).open(LOG).expect("a log");
        let daemon = command(program)
            .args(["--dont-fork", "--log-console", "--log-detail", "-f", CONFIGURATION])
            .args(options.split_whitespace())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("one more descriptor"))
            .stderr(log)
            .spawn()
            .expect("the daemon runs");
        self.daemon = Some(daemon);
        // Before it has started its checker it may not even take signals.
        let start = Instant::now();
        while self.children().is_empty() {
            assert!(start.elapsed() < PATIENCE, "the daemon never started a checker");
            thread::sleep(PAUSE);
        }
    }

    fn children(&self) -> Vec<i32> {
        let children =
            fs::read_to_string(format!("/proc/{0}/task/{0}/children", self.id())).expect("a daemon that runs");
        children.split_whitespace().map(|id| id.parse().expect("a process number")).collect()
    }

    fn id(&self) -> i32 {
        let daemon = self.daemon.as_ref().expect("the daemon was started");
        daemon.id().try_into().expect("a process number")
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.id()), signal).expect("a daemon that takes signals");
    }

    fn stop(&mut self) {
        self.signal(Signal::SIGTERM);
        let status = self.daemon.take().expect("a daemon").wait().expect("a child to wait for");
        assert!(status.success(), "the daemon ended with {status}");
    }

    /// The daemon's one child is the checker.
    fn kill_checker(&self) {
        let start = Instant::now();
        loop {
            match self.children()[..] {
                [checker] => return kill(Pid::from_raw(checker), Signal::SIGKILL).expect("a checker to kill"),
                ref children => assert!(start.elapsed() < PATIENCE, "one child, not {children:?}"),
            }
            thread::sleep(PAUSE);
        }
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

impl Drop for Play {
    fn drop(&mut self) {
        if let Some(daemon) = &mut self.daemon {
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
    }
}

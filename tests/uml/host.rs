// SPDX-License-Identifier: MIT OR Apache-2.0
//! The host's side: boots guests, relays what they say, and ends one that hangs.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use nix::unistd::Uid;

use crate::arguments::Arguments;
use crate::guest::Said;
use crate::{Guest, Scenario};

const KERNEL: &str = "linux.uml";
pub const MODULES: &str = "/usr/lib/uml/modules";
const MEMORY: &str = "mem=768M";
/// How long a guest may say nothing. The longest scenario takes a fraction of it on a busy machine.
const SILENCE_MAX: Duration = Duration::from_secs(300);
/// How long a guest may live.
const LIFE_MAX: Duration = Duration::from_secs(1800);
/// What is kept of what a guest's kernel says.
const CONSOLE_MAX: usize = 200;

/// Runs the selected scenarios and says what each came to.
pub fn run(scenarios: Vec<Scenario>, arguments: &Arguments) -> ExitCode {
    let selected: Vec<Scenario> = scenarios.into_iter().filter(|scenario| arguments.select(&scenario.name)).collect();
    if arguments.list {
        selected.iter().for_each(|scenario| println!("{}: test", scenario.name));
        return ExitCode::SUCCESS;
    }
    println!("\nrunning {} tests in guests", selected.len());
    if selected.is_empty() {
        return ExitCode::SUCCESS;
    }
    if let Err(why) = possible() {
        eprintln!("SKIPPED: {} tests of load balancing in a guest kernel, because {why}", selected.len());
        return match std::env::var("STEADFAST_UML").as_deref() {
            Ok("require") => ExitCode::FAILURE,
            _ => ExitCode::SUCCESS,
        };
    }
    let start = Instant::now();
    let (sender, told) = channel();
    let mut guests = Vec::new();
    for kind in [Guest::Ours, Guest::Theirs, Guest::Labs] {
        let names: Vec<String> = selected.iter().filter(|one| one.guest == kind).map(|one| one.name.clone()).collect();
        if !names.is_empty() {
            let sender = sender.clone();
            guests.push(thread::spawn(move || Booted::boot(kind, &names).relay(names, &sender)));
        }
    }
    drop(sender);
    let failures = report(&told);
    guests.into_iter().for_each(|guest| guest.join().expect("a guest's keeper ends"));
    let (passed, failed) = (selected.len() - failures.len(), failures.len());
    let word = if failures.is_empty() { "ok" } else { "FAILED" };
    if !failures.is_empty() {
        println!("\nfailures:\n    {}", failures.join("\n    "));
    }
    println!(
        "\ntest result: {word}. {passed} passed; {failed} failed; finished in {:.1}s\n",
        start.elapsed().as_secs_f32()
    );
    ExitCode::from(if failures.is_empty() { 0 } else { 101 })
}

/// Prints what comes as it comes; returns those that failed.
fn report(told: &Receiver<(String, Result<(), String>)>) -> Vec<String> {
    let mut failures = Vec::new();
    while let Ok((name, came_to)) = told.recv() {
        match came_to {
            Ok(()) => println!("test {name} ... ok"),
            Err(why) => {
                println!("test {name} ... FAILED\n{why}\n");
                failures.push(name);
            }
        }
    }
    failures
}

/// Whether guests can be booted here.
fn possible() -> Result<(), String> {
    for (program, package) in [
        (KERNEL, "user-mode-linux"),
        ("ipvsadm", "ipvsadm"),
        ("modprobe", "kmod"),
        ("ip", "iproute2"),
        ("keepalived", "keepalived"),
    ] {
        let path = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/sbin";
        if !path.split(':').any(|folder| Path::new(folder).join(program).is_file()) {
            return Err(format!("{program} is missing (Debian package {package})"));
        }
    }
    if !Path::new(MODULES).is_dir() {
        return Err(format!("{MODULES} is missing (Debian package user-mode-linux)"));
    }
    Ok(())
}

struct Booted {
    child: Child,
    folder: PathBuf,
}

impl Booted {
    fn boot(kind: Guest, names: &[String]) -> Booted {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("guest-{kind:?}-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder below target/");
        let (init, list) = (folder.join("init"), folder.join("scenarios"));
        fs::write(&list, names.join("\n")).expect("the list of scenarios");
        fs::write(&init, crate::guest::init(&list)).expect("the guest's first program");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(&init, mode).expect("a program that may run");
        // A guest is many processes of the host. In a process namespace of their own they all end with the first, and that
        // ends with this program.
        let user: &[&str] = if Uid::effective().is_root() { &[] } else { &["--user", "--map-root-user"] };
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "unshare", "--pid", "--fork", "--kill-child=KILL", "--mount-proc"])
            .args(user)
            .args(["sh", "-c", "\"$@\"; exit", "sh", KERNEL, MEMORY, "rootfstype=hostfs", "rootflags=/", "rw", "quiet"])
            .args(["con=null", "con0=fd:0,fd:1"])
            .arg(format!("uml_dir={}", folder.display()))
            .arg(format!("init={}", init.display()))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("setpriv runs");
        Booted { child, folder }
    }

    /// Passes on what the guest says until all is said, or it has been silent for too long.
    fn relay(mut self, names: Vec<String>, sender: &Sender<(String, Result<(), String>)>) {
        let mut waiting: BTreeSet<String> = names.into_iter().collect();
        let mut running = BTreeSet::new();
        let mut console = Vec::new();
        let lines = self.lines();
        let start = Instant::now();
        let mut end = "the guest ended";
        while !waiting.is_empty() {
            let line = match lines.recv_timeout(SILENCE_MAX) {
                Ok(line) => line,
                Err(RecvTimeoutError::Timeout) => {
                    end = "the guest said nothing for too long";
                    break;
                }
                Err(RecvTimeoutError::Disconnected) => break,
            };
            if start.elapsed() > LIFE_MAX {
                end = "the guest took too long";
                break;
            }
            match Said::read(&line) {
                Some(Said::Begin(name)) => drop(running.insert(name)),
                Some(Said::End(name, came_to)) => {
                    running.remove(&name);
                    if waiting.remove(&name) {
                        let _ = sender.send((name, came_to));
                    }
                }
                None => console.push(line),
            }
        }
        let skip = console.len().saturating_sub(CONSOLE_MAX);
        let said = console.get(skip..).unwrap_or_default().join("\n");
        for name in waiting {
            let state = if running.contains(&name) { "while it ran" } else { "before it ran" };
            let _ = sender.send((name, Err(format!("{end} {state}; its console:\n{said}"))));
        }
    }

    fn lines(&mut self) -> Receiver<String> {
        let (sender, lines) = channel();
        let output = BufReader::new(self.child.stdout.take().expect("its output"));
        thread::spawn(move || {
            for line in output.split(b'\n').map_while(Result::ok) {
                if sender.send(String::from_utf8_lossy(&line).trim_end().to_owned()).is_err() {
                    break;
                }
            }
        });
        lines
    }
}

impl Drop for Booted {
    /// There is nothing in a guest that wants a proper end.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
#![allow(clippy::disallowed_methods)]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use proptest::prelude::*;
use tokio::task::LocalSet;

use super::*;
use crate::kernel::process::connector::ROOM;

const ID: TrackId = TrackId(7);
const OTHER: TrackId = TrackId(8);

fn tracked(matching: Matching, words: &[&str]) -> Process {
    let parameters = words[1..].iter().map(|word| (*word).to_owned()).collect();
    Process { name: "chk".to_owned(), process: words[0].to_owned(), parameters, matching }
}

fn running(pid: u32, name: &str, command: &str) -> process::Process {
    process::Process { pid, name: name.into(), command: command.into() }
}

fn count(running: u32, at_once: bool) -> Reading {
    Reading::Count { running, at_once }
}

#[test]
fn the_kernels_name_is_compared_whole_and_to_fifteen_octets() {
    let table = [
        ("haproxy", "haproxy", true),
        ("haproxy", "haproxy2", false),
        ("haprox", "haproxy", false),
        ("/usr/sbin/haproxy", "haproxy", false),
        ("systemd-network", "systemd-network", true),
        ("systemd-networkd", "systemd-network", true),
        ("systemd-networ", "systemd-network", false),
    ];
    for (wanted, name, expected) in table {
        let pattern = Pattern::new(&tracked(Matching::Name, &[wanted]));
        assert_eq!(pattern.matches(&running(1, name, "whatever\0")), expected, "{wanted} {name}");
    }
}

#[test]
fn command_lines_are_compared_as_the_operator_chose() {
    use Matching::{Command, Exact, Initial, Partial};
    let table: &[(Matching, &[&str], &str, bool)] = &[
        (Command, &["/usr/sbin/web"], "/usr/sbin/web\0", true),
        (Command, &["/usr/sbin/web"], "/usr/sbin/web\0-f\0", true),
        (Command, &["/usr/sbin/web"], "/usr/sbin/web2\0", false),
        (Command, &["web"], "/usr/sbin/web\0", false),
        (Command, &["web"], "", false),
        // Programs that write their own title may leave the last zero out.
        (Command, &["web"], "web", true),
        (Exact, &["web", "300"], "web\x00300\0", true),
        (Exact, &["web", "300"], "web\x00300\x001\0", false),
        (Exact, &["web", "300"], "web\x00301\0", false),
        (Exact, &["web", "300"], "web\0", false),
        (Exact, &["web"], "web\0", true),
        (Exact, &["web"], "web\x00300\0", false),
        (Exact, &["web", ""], "web\0\0", true),
        (Exact, &["web 300"], "web\x00300\0", false),
        (Partial, &["web", "300"], "web\x00300\0", true),
        (Partial, &["web", "300"], "web\x00300\x001\0", true),
        (Partial, &["web", "30"], "web\x00300\0", false),
        (Partial, &["web", "300", "1"], "web\x00300\0", false),
        (Partial, &["web"], "web\x00300\0", true),
        (Partial, &["we"], "web\x00300\0", false),
        (Initial, &["web", "30"], "web\x00300\0", true),
        (Initial, &["web", "300", "1"], "web\x00300\x0010\x002\0", true),
        (Initial, &["web", "3", "1"], "web\x00300\x001\0", false),
        (Initial, &["web", "300"], "web\x0030\0", false),
        (Initial, &["web"], "web\x00300\0", true),
        (Initial, &["we"], "web\x00300\0", false),
    ];
    for (matching, words, command, expected) in table {
        let pattern = Pattern::new(&tracked(*matching, words));
        let seen = running(1, "web", command);
        assert_eq!(pattern.matches(&seen), *expected, "{matching:?} {words:?} {command:?}");
    }
}

proptest! {
    /// Reading no more of a command line than a description needs never changes whether it matches.
    #[test]
    fn what_is_read_of_a_command_line_is_enough(
        matching in prop::sample::select(vec![Matching::Command, Matching::Exact, Matching::Partial, Matching::Initial]),
        words in proptest::collection::vec("[ab]{0,3}", 1..4),
        command in "[ab\0]{0,16}",
    ) {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let pattern = Pattern::new(&tracked(matching, &words));
        let whole = running(1, "a", &command);
        let cut = running(1, "a", &command[..command.len().min(pattern.command_max())]);
        prop_assert_eq!(pattern.matches(&whole), pattern.matches(&cut));
    }
}

/// What one step changes.
fn changes(step: impl FnOnce(&mut Vec<(TrackId, Reading)>)) -> Vec<(TrackId, Reading)> {
    let mut changed = Vec::new();
    step(&mut changed);
    changed
}

#[test]
fn a_life_is_counted_with_delays_only_for_forks_and_ends() {
    let mut census = Census::new(BTreeMap::from([(ID, tracked(Matching::Name, &["web"]))]));
    let found = [running(10, "web", ""), running(11, "web", ""), running(12, "sh", "")];
    assert_eq!(changes(|out| census.scanned(&found, out)), [(ID, count(2, true))]);
    assert_eq!(changes(|out| census.forked(10, 13, out)), [(ID, count(3, false))]);
    // A child of somebody else, and its end.
    assert_eq!(changes(|out| census.forked(12, 14, out)), []);
    assert_eq!(changes(|out| census.exited(14, out)), []);
    assert_eq!(changes(|out| census.executed(&running(13, "logger", ""), out)), [(ID, count(2, true))]);
    assert_eq!(changes(|out| census.executed(&running(12, "web", ""), out)), [(ID, count(3, true))]);
    assert_eq!(changes(|out| census.renamed(11, b"spare", out)), [(ID, count(2, true))]);
    assert_eq!(changes(|out| census.renamed(11, b"web", out)), [(ID, count(3, true))]);
    assert_eq!(changes(|out| census.renamed(11, b"web", out)), []);
    assert_eq!(changes(|out| census.exited(10, out)), [(ID, count(2, false))]);
    assert_eq!(changes(|out| census.exited(10, out)), []);
}

#[test]
fn a_renaming_means_nothing_to_what_is_known_by_its_command_line() {
    let mut census = Census::new(BTreeMap::from([(ID, tracked(Matching::Command, &["/bin/web"]))]));
    let found = [running(10, "web", "/bin/web\0")];
    assert_eq!(changes(|out| census.scanned(&found, out)), [(ID, count(1, true))]);
    assert_eq!(changes(|out| census.renamed(10, b"other", out)), []);
}

#[test]
fn nothing_running_is_told_too_and_later_scans_leave_delays_in_force() {
    let mut census = Census::new(BTreeMap::from([(ID, tracked(Matching::Name, &["web"]))]));
    assert_eq!(changes(|out| census.scanned(&[], out)), [(ID, count(0, true))]);
    assert_eq!(changes(|out| census.scanned(&[], out)), []);
    assert_eq!(changes(|out| census.scanned(&[running(1, "web", "")], out)), [(ID, count(1, false))]);
}

#[test]
fn after_a_reload_only_what_is_new_is_told() {
    let (web, mail) = (tracked(Matching::Name, &["web"]), tracked(Matching::Name, &["mail"]));
    let mut census = Census::new(BTreeMap::from([(ID, web.clone())]));
    let found = [running(1, "web", ""), running(2, "mail", "")];
    assert_eq!(changes(|out| census.scanned(&found, out)), [(ID, count(1, true))]);
    census.track(BTreeMap::from([(ID, Process { name: "renamed".to_owned(), ..web }), (OTHER, mail.clone())]));
    assert_eq!(changes(|out| census.scanned(&found, out)), [(OTHER, count(1, true))]);
    census.track(BTreeMap::from([(ID, mail)]));
    assert_eq!(changes(|out| census.scanned(&found, out)), [(ID, count(1, true))]);
}

/// A folder with programs that nobody else runs.
struct Programs {
    folder: PathBuf,
    name: String,
}

impl Programs {
    fn new(test: &str) -> Programs {
        let name = format!("sf{}{test}", std::process::id());
        let folder = std::env::temp_dir().join(format!("steadfast-process-{name}"));
        fs::create_dir_all(&folder).unwrap();
        Programs { folder, name }
    }

    /// A program under our name. The kernel names a process by the link it was started through.
    fn link(&self, to: &str) -> PathBuf {
        let path = self.folder.join(&self.name);
        std::os::unix::fs::symlink(Path::new("/bin").join(to), &path).unwrap();
        path
    }
}

impl Drop for Programs {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn end(mut child: Child) {
    // A shell that waits for its input ends by itself.
    drop(child.stdin.take());
    let _ = child.kill();
    child.wait().unwrap();
}

fn run<F: Future>(test: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, test)
}

/// `None`, with a line on the terminal, where the kernel does not tell of processes.
fn opened(test: &str) -> Option<Connector> {
    match Connector::open(ROOM) {
        Ok(connector) => Some(connector),
        Err(error) => {
            let _ = writeln!(io::stderr(), "SKIPPED {test}: needs root and the process connector: {error}");
            None
        }
    }
}

#[test]
fn processes_are_followed_through_exec_fork_renaming_and_end() {
    let Some(connector) = opened("processes_are_followed_through_exec_fork_renaming_and_end") else { return };
    let programs = Programs::new("a");
    let shell = programs.link("sh");
    run(async {
        let (sender, mut readings) = mpsc::channel(16);
        let wanted = BTreeMap::from([(ID, tracked(Matching::Name, &[&programs.name]))]);
        let processes = Processes::start(wanted.clone(), Ok(connector), sender, Log::to_stderr("test")).unwrap();
        assert_eq!(readings.recv().await, Some((ID, count(0, true))));
        // A shell of our name makes a child, which is of that name until it runs another program.
        let script = "sleep 600 & read line; kill $!; wait";
        let mut child = Command::new(&shell).args(["-c", script]).stdin(Stdio::piped()).spawn().unwrap();
        assert_eq!(readings.recv().await, Some((ID, count(1, true))));
        assert_eq!(readings.recv().await, Some((ID, count(2, false))));
        assert_eq!(readings.recv().await, Some((ID, count(1, true))));
        processes.track(wanted.into_iter().chain([(OTHER, tracked(Matching::Exact, &["no such program"]))]).collect());
        assert_eq!(readings.recv().await, Some((OTHER, count(0, true))));
        drop(child.stdin.take());
        child.wait().unwrap();
        assert_eq!(readings.recv().await, Some((ID, count(0, false))));
        let script = format!("printf {} > /proc/$$/comm; read line", programs.name);
        let child = Command::new("/bin/sh").args(["-c", &script]).stdin(Stdio::piped()).spawn().unwrap();
        assert_eq!(readings.recv().await, Some((ID, count(1, true))));
        end(child);
        assert_eq!(readings.recv().await, Some((ID, count(0, false))));
    });
}

#[test]
fn without_the_kernels_word_processes_are_counted_all_the_same() {
    let programs = Programs::new("b");
    let sleep = programs.link("sleep");
    run(async {
        let (sender, mut readings) = mpsc::channel(16);
        let wanted = BTreeMap::from([(ID, tracked(Matching::Exact, &[sleep.to_str().unwrap(), "600"]))]);
        let _processes = Processes::start(wanted, Err(OpenError::Silent), sender, Log::to_stderr("test")).unwrap();
        assert_eq!(readings.recv().await, Some((ID, count(0, true))));
        let child = Command::new(&sleep).arg("600").spawn().unwrap();
        assert_eq!(readings.recv().await, Some((ID, count(1, false))));
        end(child);
        assert_eq!(readings.recv().await, Some((ID, count(0, false))));
    });
}

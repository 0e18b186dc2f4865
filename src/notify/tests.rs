// SPDX-License-Identifier: MIT OR Apache-2.0
#![allow(clippy::disallowed_methods)]

use std::fs;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;

use tokio::task::LocalSet;

use super::*;

fn folder(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("steadfast-notify-{}-{name}", std::process::id()));
    fs::create_dir_all(&path).unwrap();
    path
}

/// A shell that runs `text`; the arguments are `$0`, `$1` and so on.
fn shell(text: &str, arguments: &[&str]) -> Command {
    let argv = ["sh", "-c", text].iter().chain(arguments).map(|word| (*word).to_owned()).collect();
    Command { program: PathBuf::from("/bin/sh"), argv, account: None }
}

fn run<F: Future>(test: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, test)
}

#[test]
fn scripts_of_one_name_run_in_order_even_when_an_early_one_is_slow() {
    let folder = folder("order");
    let out = folder.join("out");
    let text = format!("sleep $1; echo $0 >> {}", out.display());
    run(async {
        let mut notifier = Notifier::new(Log::to_stderr("test"));
        for (word, delay) in [("MASTER", "0.3"), ("BACKUP", "0"), ("FAULT", "0.1")] {
            notifier.script("web", shell(&text, &[word, delay]));
        }
        notifier.finish(Duration::from_secs(30)).await;
    });
    assert_eq!(fs::read_to_string(&out).unwrap(), "MASTER\nBACKUP\nFAULT\n");
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_flood_of_scripts_is_bounded_and_counted() {
    let slow = shell("sleep 5", &[]);
    run(async {
        let mut notifier = Notifier::new(Log::to_stderr("test"));
        for _ in 0..SCRIPTS_WAITING_MAX + 10 {
            notifier.script("web", slow.clone());
        }
        assert_eq!(notifier.counts().scripts_dropped.get(), 10);
    });
}

#[test]
fn a_script_that_cannot_run_is_counted_and_the_next_one_runs() {
    let folder = folder("broken");
    let out = folder.join("out");
    let missing = Command { program: folder.join("missing"), argv: Vec::new(), account: None };
    let next = shell(&format!("echo ran > {}", out.display()), &[]);
    run(async {
        let mut notifier = Notifier::new(Log::to_stderr("test"));
        notifier.script("web", missing);
        notifier.script("web", next);
        notifier.finish(Duration::from_secs(30)).await;
        assert_eq!(notifier.counts().scripts_failed.get(), 1);
    });
    assert_eq!(fs::read_to_string(&out).unwrap(), "ran\n");
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn lines_arrive_whole_and_in_order_after_a_reader_was_away() {
    let folder = folder("pipe");
    let path = folder.join("fifo");
    let lines: Vec<String> = (0..3000).map(|number| format!("INSTANCE \"web{number}\" MASTER 100\n")).collect();
    let got = run(async {
        let mut notifier = Notifier::new(Log::to_stderr("test"));
        notifier.open(&Pipe { path: path.clone(), owner: None, script: None }).unwrap();
        for line in &lines {
            notifier.line(line);
        }
        assert_eq!(notifier.counts().lines_dropped.get(), 0);
        tokio::task::yield_now().await;
        let mut reader = fs::OpenOptions::new().read(true).custom_flags(nix::libc::O_NONBLOCK).open(&path).unwrap();
        let (mut got, wanted) = (Vec::new(), lines.concat().len());
        for _ in 0..3000 {
            let mut bytes = [0; 65536];
            match reader.read(&mut bytes) {
                Ok(length) => got.extend_from_slice(&bytes[..length]),
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
            if got.len() == wanted {
                break;
            }
        }
        got
    });
    assert_eq!(String::from_utf8(got).unwrap(), lines.concat());
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn another_reader_takes_the_pipe_over_and_nothing_of_it_is_lost() {
    let folder = folder("reader");
    let path = folder.join("fifo");
    let out = folder.join("out");
    // Each says who it is, then what it reads.
    let reader = |name: &str| {
        let text = format!("echo {name} >> {0}; exec cat \"$0\" >> {0}", out.display());
        Pipe { path: path.clone(), owner: None, script: Some(shell(&text, &[])) }
    };
    run(async {
        let shows = async |wanted: &str| {
            while fs::read_to_string(&out).unwrap_or_default() != wanted {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let mut notifier = Notifier::new(Log::to_stderr("test"));
        notifier.turn_to(&[reader("one")]);
        shows("one\n").await;
        notifier.line("first\n");
        shows("one\nfirst\n").await;
        notifier.turn_to(&[reader("two")]);
        shows("one\nfirst\ntwo\n").await;
        notifier.line("second\n");
        shows("one\nfirst\ntwo\nsecond\n").await;
        notifier.turn_to(&[Pipe { script: None, ..reader("") }]);
        notifier.line("third\n");
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(path.exists(), "whoever comes next finds it");
        notifier.turn_to(&[reader("three")]);
        shows("one\nfirst\ntwo\nsecond\nthree\nthird\n").await;
        notifier.finish(Duration::from_secs(30)).await;
    });
    assert!(!path.exists());
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_reader_that_never_comes_costs_lines_not_memory() {
    let folder = folder("nobody");
    run(async {
        let mut notifier = Notifier::new(Log::to_stderr("test"));
        notifier.open(&Pipe { path: folder.join("fifo"), owner: None, script: None }).unwrap();
        for _ in 0..LINES_WAITING_MAX + 100 {
            notifier.line("INSTANCE \"web\" MASTER 100\n");
        }
        assert_eq!(notifier.counts().lines_dropped.get(), 100);
    });
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_pipe_that_is_full_at_the_end_is_removed_and_what_it_did_not_take_is_counted() {
    let folder = folder("full-end");
    let path = folder.join("fifo");
    // As long as a pipe is, and some lines more.
    let line = format!("{}\n", "x".repeat(1023));
    run(async {
        let mut notifier = Notifier::new(Log::to_stderr("test"));
        notifier.open(&Pipe { path: path.clone(), owner: None, script: None }).unwrap();
        let mut reader = fs::OpenOptions::new().read(true).custom_flags(nix::libc::O_NONBLOCK).open(&path).unwrap();
        for _ in 0..100 {
            notifier.line(&line);
        }
        notifier.finish(Duration::from_secs(30)).await;
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        let written = text.lines().count() as u64;
        assert!(written > 0 && written < 100, "{written} lines");
        assert_eq!(notifier.counts().lines_dropped.get(), 100 - written);
    });
    assert!(!path.exists());
    fs::remove_dir_all(folder).unwrap();
}

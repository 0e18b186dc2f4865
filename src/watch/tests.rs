// SPDX-License-Identifier: MIT OR Apache-2.0
#![allow(clippy::disallowed_methods)]

use std::fs;

use tokio::sync::mpsc;
use tokio::task::LocalSet;

use super::*;

const ID: TrackId = TrackId(7);

fn folder(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("steadfast-watch-{}-{name}", std::process::id()));
    fs::create_dir_all(&path).unwrap();
    path
}

fn run<F: Future>(test: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, test)
}

fn shell(text: String) -> Probe {
    let argv = vec!["sh".to_owned(), "-c".to_owned(), text];
    Probe::Run(Command { program: PathBuf::from("/bin/sh"), argv, account: None })
}

fn tracked(what: Probe) -> Script {
    Script { name: "chk".to_owned(), what, interval: Duration::from_millis(20), timeout: Duration::from_secs(20) }
}

#[test]
fn a_file_gives_the_number_at_its_start() {
    let table = [
        ("", Some(0)),
        ("12\n", Some(12)),
        (" -3 rest", Some(-3)),
        ("0x1f", Some(31)),
        ("0xzz", Some(0)),
        ("017", Some(15)),
        ("089", Some(0)),
        ("text", Some(0)),
        ("+5", Some(5)),
        ("2147483647", Some(2_147_483_647)),
        ("2147483648", None),
        ("99999999999999999999999", None),
        ("-2147483648", Some(-2_147_483_648)),
    ];
    for (text, value) in table {
        assert_eq!(parse_number(text), value, "{text:?}");
    }
}

#[test]
fn every_run_of_a_script_is_a_reading() {
    let folder = folder("runs");
    let switch = folder.join("switch");
    run(async {
        let (sender, mut readings) = mpsc::channel(16);
        let task = script(
            ID,
            tracked(shell(format!("test -e {}", switch.display()))),
            sender,
            Busy::default(),
            Log::to_stderr("test"),
        );
        assert_eq!(readings.recv().await, Some((ID, Reading::Up(false))));
        fs::write(&switch, "").unwrap();
        while readings.recv().await != Some((ID, Reading::Up(true))) {}
        task.abort();
    });
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn runs_of_a_slow_script_do_not_overlap() {
    let folder = folder("overlap");
    let mark = folder.join("mark");
    // `mkdir` fails when another run is inside.
    let text = format!("mkdir {0} || exit 9; sleep 0.1; rmdir {0}", mark.display());
    run(async {
        let (sender, mut readings) = mpsc::channel(16);
        let task = script(ID, tracked(shell(text)), sender, Busy::default(), Log::to_stderr("test"));
        for _ in 0..4 {
            assert_eq!(readings.recv().await, Some((ID, Reading::Up(true))));
        }
        task.abort();
    });
    let _ = fs::remove_dir_all(folder);
}

#[test]
fn a_script_that_hangs_is_a_failure() {
    run(async {
        let (sender, mut readings) = mpsc::channel(16);
        let hangs = Script { timeout: Duration::from_millis(100), ..tracked(shell("sleep 600".to_owned())) };
        let task = script(ID, hangs, sender, Busy::default(), Log::to_stderr("test"));
        assert_eq!(readings.recv().await, Some((ID, Reading::Up(false))));
        task.abort();
    });
}

#[test]
fn a_file_that_must_open_is_opened() {
    let folder = folder("open");
    let path = folder.join("file");
    run(async {
        let (sender, mut readings) = mpsc::channel(16);
        let task = script(ID, tracked(Probe::Open(path.clone())), sender, Busy::default(), Log::to_stderr("test"));
        assert_eq!(readings.recv().await, Some((ID, Reading::Up(false))));
        fs::write(&path, "").unwrap();
        while readings.recv().await != Some((ID, Reading::Up(true))) {}
        task.abort();
    });
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_file_is_followed_through_writing_replacing_and_removing() {
    let folder = folder("file");
    let path = folder.join("value");
    run(async {
        let (sender, mut readings) = mpsc::channel(16);
        let task = file(ID, path.clone(), sender, Log::to_stderr("test"));
        assert_eq!(readings.recv().await, Some((ID, Reading::Value(0))));
        fs::write(folder.join("other"), "9").unwrap();
        fs::write(&path, "5\n").unwrap();
        assert_eq!(readings.recv().await, Some((ID, Reading::Value(5))));
        fs::write(folder.join("next"), "-20").unwrap();
        fs::rename(folder.join("next"), &path).unwrap();
        assert_eq!(readings.recv().await, Some((ID, Reading::Value(-20))));
        fs::remove_file(&path).unwrap();
        assert_eq!(readings.recv().await, Some((ID, Reading::Value(0))));
        task.abort();
    });
    fs::remove_dir_all(folder).unwrap();
}

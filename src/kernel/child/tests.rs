// SPDX-License-Identifier: MIT OR Apache-2.0
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use super::*;

/// A script of its own name in the test's temporary folder.
fn script(name: &str, text: &str) -> PathBuf {
    // Below the build folder: what tests leave there goes with it.
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("target/tmp/child-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

fn command(path: PathBuf, arguments: &[&str]) -> Command {
    let argv = std::iter::once(path.display().to_string()).chain(arguments.iter().map(|a| (*a).to_owned())).collect();
    Command { program: path, argv, account: None }
}

/// Runs a file written a moment ago. While another thread forks, it holds our descriptor of the file open for writing
/// until it executes something, and until then the kernel refuses to execute the file.
async fn run(command: Command, limit: Option<Duration>) -> Exit {
    loop {
        match command.run(limit).await {
            Exit::NotStarted(error) if error.kind() == io::ErrorKind::ExecutableFileBusy => {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            exit => return exit,
        }
    }
}

#[tokio::test(flavor = "current_thread")]
async fn the_exit_status_comes_back() {
    let path = script("status", "#!/bin/sh\nexit $1\n");
    assert!(run(command(path.clone(), &["0"]), None).await.is_success());
    assert!(matches!(run(command(path, &["7"]), None).await, Exit::Status(7)));
}

#[tokio::test(flavor = "current_thread")]
async fn a_signal_is_told_from_a_status() {
    let path = script("signal", "#!/bin/sh\nkill -9 $$\n");
    assert!(matches!(run(command(path, &[]), None).await, Exit::Signal(9)));
}

#[tokio::test(flavor = "current_thread")]
async fn a_script_without_an_interpreter_line_runs_in_a_shell_with_its_arguments_unchanged() {
    let path = script("bare", "[ \"$1\" = \"it's; two words\" ] && [ $# = 1 ]\n");
    assert!(run(command(path, &["it's; two words"]), None).await.is_success());
}

#[tokio::test(flavor = "current_thread")]
async fn what_does_not_exist_is_not_started() {
    let found = run(command(PathBuf::from("/nonexistent/steadfast"), &[]), None).await;
    assert!(matches!(found, Exit::NotStarted(_)));
}

#[tokio::test(flavor = "current_thread")]
async fn a_program_that_takes_too_long_is_ended_with_everything_it_started() {
    let mark = script("left-behind", "");
    let path = script("slow", &format!("#!/bin/sh\nsleep 600 &\necho $! > {}\nwait\n", mark.display()));
    let found = run(command(path, &[]), Some(Duration::from_millis(300))).await;
    assert!(matches!(found, Exit::TimedOut));
    let pid: i32 = std::fs::read_to_string(&mark).unwrap().trim().parse().unwrap();
    // It is gone, or a zombie waiting for the reaper of orphans; dying takes a moment.
    let mut state = String::new();
    for _ in 0..500 {
        state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        if state.is_empty() || state.contains(") Z ") {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("still there: {state}");
}

#[tokio::test(flavor = "current_thread")]
async fn dangerous_variables_are_not_inherited_and_the_group_is_its_own() {
    let path = script(
        "inherits",
        "#!/bin/sh\n[ -z \"$LD_PRELOAD\" ] && [ \"$(cut -d' ' -f5 /proc/self/stat)\" = \"$$\" ] && [ ! -t 0 ]\n",
    );
    assert!(run(command(path, &[]), None).await.is_success());
}

#[test]
fn arguments_are_quoted_for_a_shell() {
    assert_eq!(quote("it's"), "'it'\\''s'");
    assert_eq!(quote("a b;$c"), "'a b;$c'");
}

#[tokio::test(flavor = "current_thread")]
async fn a_run_nobody_waits_for_any_more_is_ended() {
    let mark = script("nobody-waits", "");
    let path = script("endless", &format!("#!/bin/sh\necho $$ > {}\nexec sleep 600\n", mark.display()));
    let mut pid = String::new();
    while pid.is_empty() {
        // The first tries may find the file busy; each is dropped in the middle of its run.
        let _ = tokio::time::timeout(Duration::from_millis(200), command(path.clone(), &[]).run(None)).await;
        pid = std::fs::read_to_string(&mark).unwrap().trim().to_owned();
    }
    for _ in 0..500 {
        let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        if state.is_empty() || state.contains(") Z ") {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{pid} still runs");
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The demonstrations: they come to their end, and whatever ends them, nothing is left of them.
//!
//! Without IPVS in the kernel or User Mode Linux it cannot run here: these tests say so and pass.

// What a harness finds wrong is the test's failure, so it panics; clocks, threads and processes are its trade.
#![allow(clippy::disallowed_methods, clippy::expect_used, clippy::panic, clippy::print_stderr)]

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Everything that is waited for comes; on a busy machine late.
const PATIENCE: &str = "240";
const LIFE_MAX: Duration = Duration::from_secs(1200);
/// After the end, for the kernel to take away what is left.
const LEFT_MAX: Duration = Duration::from_secs(60);

/// One at a time: each is a machine with two routers whose adverts come five times a second, and side by side on two cores
/// their masters would change for want of time.
static STAGE: Mutex<()> = Mutex::new(());

struct Demo {
    child: Child,
    folder: PathBuf,
    _stage: MutexGuard<'static, ()>,
}

/// Waits for the stage. A test that failed on it has left it.
fn stage() -> MutexGuard<'static, ()> {
    STAGE.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Demo {
    /// Of a network with two balancers; `None` where it cannot run.
    fn start(name: &str) -> Option<Demo> {
        Demo::start_script("dist/demo/run", name, Path::new("/proc/net/ip_vs").exists(), &[])
    }

    /// `possible`: also without User Mode Linux. `by`: words before it.
    fn start_script(script: &str, name: &str, possible: bool, by: &[&str]) -> Option<Demo> {
        let possible = possible || Path::new("/usr/bin/linux.uml").exists();
        if !possible {
            eprintln!("SKIPPED: the demonstration, because there is neither IPVS nor User Mode Linux here");
            return None;
        }
        let stage = stage();
        // Its temporary files are told from those of others, and so are its processes, which name the program.
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("demo-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder below target/");
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_steadfast"), folder.join("steadfast")).expect("a link");
        fs::create_dir(folder.join("tmp")).expect("a folder");
        // For others to write in.
        fs::set_permissions(folder.join("tmp"), fs::Permissions::from_mode(0o1777)).expect("it is ours");
        // Whoever runs the tests in the background ignores INT, and what is ignored is inherited.
        let child = Command::new("env")
            .args(["--default-signal=INT", "setpriv", "--pdeathsig", "KILL"])
            .args(by)
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join(script))
            .arg(env!("CARGO_BIN_EXE_steadfast"))
            .env("TMPDIR", folder.join("tmp"))
            .env("DEMO_PATIENCE", PATIENCE)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the demonstration starts");
        Some(Demo { child, folder, _stage: stage })
    }

    /// Reads what it says until a line holds these words; all that was read.
    fn until(&mut self, words: &str) -> String {
        let mut output = BufReader::new(self.child.stdout.take().expect("its output"));
        let mut said = String::new();
        let start = Instant::now();
        while !said.contains(words) {
            assert!(start.elapsed() < LIFE_MAX, "it never said `{words}`:\n{said}");
            assert!(output.read_line(&mut said).expect("text") > 0, "it ended before it said `{words}`:\n{said}");
        }
        // Nobody reads on, but it must not be stopped by that.
        thread::spawn(move || output.read_to_string(&mut String::new()));
        said
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().expect("kill runs").success());
    }

    /// Waits for its end; nothing of it may be there a moment later. What a killed one leaves is a folder of a few files.
    fn end(mut self, files_too: bool) -> Option<i32> {
        let status = self.child.wait().expect("a child to wait for");
        let start = Instant::now();
        loop {
            let left = self.left(files_too);
            if left.is_empty() {
                return status.code();
            }
            assert!(start.elapsed() < LEFT_MAX, "left behind: {left:?}");
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// Processes that name its folder, and its temporary files.
    fn left(&self, files_too: bool) -> Vec<String> {
        let folder = self.folder.to_string_lossy().into_owned();
        let mut left = Vec::new();
        for entry in fs::read_dir("/proc").expect("/proc").flatten() {
            for file in ["cmdline", "environ"] {
                let text = fs::read(entry.path().join(file)).unwrap_or_default();
                let text = String::from_utf8_lossy(&text).replace('\0', " ");
                if text.contains(&folder) {
                    left.push(format!("{}: {text}", entry.path().display()));
                }
            }
        }
        if files_too {
            let files = fs::read_dir(self.folder.join("tmp")).expect("its folder").flatten();
            left.extend(files.map(|entry| entry.path().display().to_string()));
        }
        left
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

#[test]
fn the_demonstration_comes_to_its_end_and_leaves_nothing() {
    let Some(mut demo) = Demo::start("whole") else { return };
    let said = demo.until("make demo-shell");
    let felt = said.matches("the client felt: longest gap").count();
    assert_eq!((felt, demo.end(true)), (7, Some(0)), "{said}");
    for words in ["web server 1 is killed", "the other two are killed", "loses its power", "all cables of b are cut"] {
        assert!(said.contains(words), "`{words}` is missing:\n{said}");
    }
}

#[test]
fn interrupted_at_any_moment_it_leaves_nothing() {
    // Before anything is there, while the lab is laid, while requests fail, and while there is no master.
    for (number, words) in
        ["kernel", "run one file", "web server 1 is killed", "loses its power"].into_iter().enumerate()
    {
        let Some(mut demo) = Demo::start(&format!("interrupted-{number}")) else { return };
        demo.until(words);
        demo.signal("INT");
        // Before there is anything to take away, the signal itself may end it.
        let status = demo.end(true);
        assert!(matches!(status, Some(130) | None), "after `{words}` it ended with {status:?}");
    }
}

#[test]
fn where_the_kernel_balances_it_needs_no_guest_and_an_interrupt_leaves_nothing() {
    // A guest is such a machine.
    if !Path::new("/usr/bin/linux.uml").exists() {
        eprintln!("SKIPPED: the demonstration under a kernel that balances, because User Mode Linux is not installed");
        return;
    }
    let _stage = stage();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = Command::new("setpriv")
        .args(["--pdeathsig", "KILL"])
        .arg(root.join("dist/guest/boot"))
        .arg(root.join("tests/demo-guest.sh"))
        .args([format!("ROOT={}", root.display()), format!("PROGRAM={}", env!("CARGO_BIN_EXE_steadfast"))])
        .args([format!("PATIENCE={PATIENCE}"), format!("DEMO_PATIENCE={PATIENCE}")])
        .env("TMPDIR", env!("CARGO_TARGET_TMPDIR"))
        .stdin(Stdio::null())
        .output()
        .expect("a guest starts");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let wanted = "after 'of their own' it ended with 130\nleft: 0 1 0\nit was laid\n\
                  after 'web server 1 is killed' it ended with 130\nleft: 0 1 0\n\
                  The requests are balanced by this machine's kernel, in namespaces of their own.\n\
                  no packet filter was loaded\n";
    assert!(said.contains(wanted), "{said}");
}

/// Starts what follows where nobody can make a process namespace.
const NO_NAMESPACES: &str = "echo 0 >/proc/sys/user/max_pid_namespaces && exec \"$@\"";

/// What the demonstration says, with its status, when it is started by these words and cannot run.
fn refused(words: &[&str], path: &str) -> (Option<i32>, String) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("dist/demo/run");
    let output = Command::new(words[0])
        .args(&words[1..])
        .arg(script)
        .arg(env!("CARGO_BIN_EXE_steadfast"))
        .env("PATH", path)
        .stdin(Stdio::null())
        .output()
        .expect("it starts");
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&said).into_owned())
}

#[test]
fn where_it_cannot_run_it_says_why_in_one_sentence() {
    if Command::new("id").arg("-u").output().is_ok_and(|said| said.stdout != *b"0\n") {
        eprintln!("SKIPPED: where the demonstration cannot run, because only root can take rights away");
        return;
    }
    let path = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/usr/bin";
    let (status, said) = refused(&["unshare", "--user", "--map-root-user", "sh", "-c", NO_NAMESPACES, "sh"], &path);
    let last = said.lines().last().unwrap_or_default();
    assert!(status == Some(1) && last.starts_with("this machine gives no "), "{status:?}: {said}");
    if Path::new("/proc/net/ip_vs").exists() {
        return;
    }
    // Without load balancing in the kernel and without the means to run another one.
    let tools = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("demo-tools-{}", std::process::id()));
    fs::create_dir_all(&tools).expect("a folder");
    for tool in ["bash", "realpath", "dirname", "id"] {
        let _ = std::os::unix::fs::symlink(Path::new("/usr/bin").join(tool), tools.join(tool));
    }
    let (status, said) = refused(&["/usr/bin/env"], &tools.to_string_lossy());
    fs::remove_dir_all(&tools).expect("it is there");
    assert_eq!((status, said.lines().count()), (Some(1), 1), "{said}");
    assert!(said.starts_with("the demonstration needs root and the kernel's IPVS, or User Mode Linux"), "{said}");
}

#[test]
fn without_root_it_lives_in_a_guest() {
    const NOBODY: &[&str] = &["--reuid", "65534", "--regid", "65534", "--clear-groups"];
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("dist/demo/run");
    let reads = |file: &Path| {
        let test = Command::new("setpriv").args(NOBODY).arg("test").arg("-x").arg(file).stderr(Stdio::null()).status();
        test.is_ok_and(|status| status.success())
    };
    if !reads(&script) || !reads(Path::new(env!("CARGO_BIN_EXE_steadfast"))) {
        eprintln!(
            "SKIPPED: the demonstration without root, because only root can become nobody, who must reach this folder"
        );
        return;
    }
    let by = [&["setpriv"], NOBODY].concat();
    let Some(mut demo) = Demo::start_script("dist/demo/run", "nobody", false, &by) else { return };
    demo.until("a is master");
    demo.signal("INT");
    assert_eq!(demo.end(true), Some(130));
}

#[test]
fn killed_it_leaves_no_process() {
    let Some(mut demo) = Demo::start("killed") else { return };
    demo.until("a is master");
    demo.signal("KILL");
    demo.end(false);
}

#[test]
fn the_demonstration_of_load_balancing_comes_to_its_end_and_leaves_nothing() {
    let Some(mut demo) = Demo::start_script("dist/ipvs-demo/run", "ipvs", false, &[]) else { return };
    let said = demo.until("What the daemon said:");
    assert_eq!(demo.end(true), Some(0), "{said}");
    let steps = [
        ("Six requests", "3 times: server 2"),
        ("Server 1 is killed.", "4 times: server 2"),
        ("Server 2 is killed too", "2 times: sorry"),
        ("Server 1 returns.", "10.0.0.1:80"),
        ("Server 2 returns.", "3 times: server 1"),
        ("Somebody empties the table", "10.0.0.2:80"),
    ];
    for (step, shown) in steps {
        let after = said.split_once(step).unwrap_or_else(|| panic!("`{step}` is missing:\n{said}")).1;
        assert!(after.contains(shown), "`{shown}` is missing after `{step}`:\n{said}");
    }
    assert_eq!(said.matches("IP Virtual Server version").count(), 7, "the table at each step:\n{said}");
}

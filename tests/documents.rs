// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every command of the documents is run, or named with what plays it instead.
//!
//! The commands stand in blocks marked `sh`. A new one wants a row here.

#![allow(clippy::disallowed_methods, clippy::expect_used, clippy::panic)]

#[path = "documents/live.rs"]
mod live;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

/// What is done about a command.
enum How {
    /// It is run by bash in a directory with the files it names; this is its exit status.
    Run(i32),
    /// It is run beside a daemon, in the order of the documents, and succeeds.
    Asked,
    /// It changes the machine, or is the test itself: this file plays it, and must hold these words.
    Played(&'static str, &'static str),
}
use How::{Asked, Played, Run};
const PLAYED_FROM_THE_DOCUMENT: How = Played("tests/netns/migrate/manual.rs", "docs/migrate.md");

/// The beginning of a command, without what follows `#`, and what is done about it. The first that fits counts.
const COMMANDS: &[(&str, How)] = &[
    ("make demo", Played("tests/demo.rs", "the_demonstration_comes_to_its_end_and_leaves_nothing")),
    ("make test", Played(".ci/run", "make test")),
    ("make build", Played(".ci/run", "make test")),
    ("make install", Played("tests/documents.rs", "installing_lays_programs_manual_completions_and_the_unit")),
    ("make deb-test", Played("Makefile", "dist/deb/test")),
    ("make deb", Played("dist/deb/test", "/build\"")),
    ("make static-test", Played("Makefile", "@dist/static-test")),
    ("make static", Played("dist/static-test", "target/static")),
    ("podman build", Played("dist/static-test", "build -q -t steadfast -f")),
    ("podman run", Played("dist/static-test", "run -d --name steadfast")),
    ("apt-get install ./target/deb/", Played("dist/deb/test", "dpkg -i")),
    ("steadfast simulate", Run(0)),
    ("steadfast check-now", Asked),
    ("steadfast check", Run(0)),
    ("steadfast explain", Run(0)),
    ("steadfast config", Run(0)),
    ("steadfast manual", Run(0)),
    ("steadfast completions", Run(0)),
    // What it finds depends on the machine.
    ("steadfast doctor", Played("src/cli/doctor/tests.rs", "a_sound_machine_gets_nothing_but_fine")),
    ("/usr/local/sbin/steadfast check", Run(0)),
    ("keepalived -t", Run(0)),
    ("target/release/steadfast check", Run(0)),
    ("target/release/steadfast -n", Played("tests/netns/node.rs", "--dont-fork")),
    ("steadfast events | grep 'answered for'", Played("tests/netns/scenarios.rs", "is answered for by {mac} too")),
    ("steadfast status", Asked),
    ("steadfast why", Asked),
    ("steadfast events", Asked),
    ("steadfast record", Asked),
    ("steadfast replay", Asked),
    ("steadfast drain", Asked),
    ("steadfast take", Asked),
    ("steadfast priority", Asked),
    ("steadfast announce", Asked),
    ("steadfast plan", Asked),
    ("steadfast reload", Asked),
    ("steadfast log-level", Asked),
    ("steadfast weight", Asked),
    ("steadfast normal", Asked),
    ("ip address add 192.0.2.100/32 dev lo", Played("tests/uml/traffic.rs", "addr add {VIP}/32 dev {device}")),
    (
        "sysctl -w net.ipv4.conf.all.arp_ignore=1",
        Played("tests/uml/traffic.rs", "(\"arp_ignore\", \"1\"), (\"arp_announce\", \"2\")"),
    ),
    // The steps of a migration: it reads them from the document.
    ("systemctl ", PLAYED_FROM_THE_DOCUMENT),
    ("journalctl ", PLAYED_FROM_THE_DOCUMENT),
    ("readlink /proc/", PLAYED_FROM_THE_DOCUMENT),
    ("ip -o addr show", PLAYED_FROM_THE_DOCUMENT),
    ("cat /etc/default/keepalived", PLAYED_FROM_THE_DOCUMENT),
    ("install -d /etc/systemd/", PLAYED_FROM_THE_DOCUMENT),
    ("cat > /root/steadfast.conf", PLAYED_FROM_THE_DOCUMENT),
    ("cp /root/steadfast.conf", PLAYED_FROM_THE_DOCUMENT),
    ("rm /etc/systemd/system/keepalived.service.d/steadfast.conf", PLAYED_FROM_THE_DOCUMENT),
    ("cp /usr/share/doc/steadfast/examples/keepalived.conf", Played("Makefile", "examples/keepalived.conf")),
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn documents() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root(), root().join("docs")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() && folder != root() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The commands of a document with their lines. What follows `<<'END'` up to `END` is no command.
fn commands(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let (mut inside, mut here) = (false, false);
    for (line, number) in text.lines().zip(1..) {
        match line {
            "```sh" => inside = true,
            _ if line.starts_with("```") => inside = false,
            _ if !inside => {}
            "END" => here = false,
            _ if here => {}
            _ => {
                here = line.contains("<<'END'");
                let command = line.split("  #").next().unwrap_or_default().trim();
                if !command.is_empty() && !command.starts_with('#') {
                    found.push((number, command.to_owned()));
                }
            }
        }
    }
    found
}

/// A directory that holds everything the documents name, and the programs under their names.
struct Desk(PathBuf);

impl Desk {
    fn new() -> Desk {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let own = format!("steadfast-documents-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let desk = Desk(std::env::temp_dir().join(own));
        fs::create_dir_all(desk.0.join("bin")).expect("a directory");
        let program = env!("CARGO_BIN_EXE_steadfast");
        for name in ["steadfast", "keepalived"] {
            std::os::unix::fs::symlink(program, desk.0.join("bin").join(name)).expect("a link");
        }
        std::os::unix::fs::symlink(root().join("docs/examples"), desk.0.join("examples")).expect("a link");
        let examples = root().join("docs/examples/simulate");
        for entry in fs::read_dir(&examples).expect("examples") {
            let path = entry.expect("an entry").path();
            fs::copy(&path, desk.0.join(path.file_name().expect("a name"))).expect("a copy");
        }
        fs::copy(examples.join("crash.sim"), desk.0.join("outage.sim")).expect("a copy");
        // No interface of an instance's own, so that the same file is sound on every machine.
        let node = |priority: u8, own: &str, peer: &str| {
            format!(
                "vrrp_instance web {{\n    virtual_router_id 51\n    priority {priority}\n    unicast_src_ip {own}\n    \
                 unicast_peer {{\n        {peer}\n    }}\n    check_unicast_src\n    virtual_ipaddress {{\n        \
                 192.0.2.100/24 dev lo\n    }}\n}}\n"
            )
        };
        let nodes = [node(150, "192.0.2.1", "192.0.2.2"), node(100, "192.0.2.2", "192.0.2.1")];
        fs::write(desk.0.join("node1.conf"), &nodes[0]).expect("a file");
        fs::write(desk.0.join("node2.conf"), &nodes[1]).expect("a file");
        fs::write(desk.0.join("keepalived.conf"), &nodes[0]).expect("a file");
        desk
    }

    /// Where programs are looked for: ours first.
    fn path(&self) -> String {
        format!("{}/bin:{}", self.0.display(), std::env::var("PATH").unwrap_or_default())
    }

    /// Runs a command; its exit status and what it said.
    fn run(&self, command: &str) -> (i32, String) {
        let here = self.0.display();
        let command = command
            .replace("/usr/local/sbin/", &format!("{here}/bin/"))
            .replace("target/release/", &format!("{here}/bin/"))
            .replace("/etc/keepalived/keepalived.conf", &format!("{here}/keepalived.conf"));
        let mut bash = Command::new("bash");
        let output = bash.args(["-c", &command]).current_dir(&self.0).env("PATH", self.path()).output().expect("bash");
        let told = [output.stdout, output.stderr].concat();
        (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&told).into_owned())
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn every_command_in_the_documents_does_what_they_say() {
    let desk = Desk::new();
    let mut wrong = Vec::new();
    let mut ran = 0;
    for document in documents() {
        for (line, command) in commands(&read(&document)) {
            let place = format!("{}:{line}: {command}", document.display());
            match COMMANDS.iter().find(|(start, _)| command.starts_with(start)) {
                None => wrong.push(format!("{place}\nhas no row in tests/documents.rs")),
                Some((_, Asked)) => {}
                Some((_, Played(file, words))) => {
                    if !read(&root().join(file)).contains(words) {
                        wrong.push(format!("{place}\nis not played by {file}, which does not hold `{words}`"));
                    }
                }
                Some((_, Run(expected))) => {
                    let (status, told) = desk.run(&command);
                    ran += 1;
                    if status != *expected || (told.is_empty() && !command.contains(" -t ")) {
                        wrong.push(format!("{place}\nends with {status} and says\n{told}"));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert!(ran >= 8, "only {ran} commands were run");
}

#[test]
fn every_command_that_asks_a_daemon_is_answered() {
    let mut asked = Vec::new();
    for document in documents() {
        for (line, command) in commands(&read(&document)) {
            if let Some((_, Asked)) = COMMANDS.iter().find(|(start, _)| command.starts_with(start)) {
                let run = command.replace("NAME", "web").replace("/etc/keepalived/keepalived.conf", "live.conf");
                asked.push((format!("{}:{line}: {command}", document.display()), run));
            }
        }
    }
    let desk = Desk::new();
    let commands: Vec<String> = asked.iter().map(|(_, run)| run.clone()).collect();
    let Some(answers) = live::ask(&desk.0, &desk.path(), &commands) else {
        eprintln!("SKIPPED: commands that ask a daemon, because this machine gives no network of its own");
        return;
    };
    assert_eq!(answers.len(), asked.len());
    let wrong: Vec<String> = asked
        .iter()
        .zip(answers)
        .filter(|(_, (status, _))| *status != 0)
        .map(|((place, _), (status, said))| format!("{place}\nends with {status} and says\n{said}"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert!(asked.len() >= 18, "only {} commands", asked.len());
}

#[test]
fn every_block_says_what_it_holds() {
    let mut wrong = Vec::new();
    for document in documents() {
        let text = read(&document);
        let mut lines = text.lines().zip(1..);
        while let Some((line, number)) = lines.next() {
            let Some(kind) = line.strip_prefix("```") else { continue };
            // Examples of genhash are run by its own test.
            if !["sh", "conf", "json", "text", "console"].contains(&kind) {
                wrong.push(format!("{}:{number}: what is in this block?", document.display()));
            }
            for (line, number) in lines.by_ref().take_while(|(line, _)| !line.starts_with("```")) {
                let first = line.split(' ').next().unwrap_or_default();
                let command = ["steadfast", "keepalived", "make", "cargo", "systemctl", "podman", "sudo", "apt-get"]
                    .contains(&first);
                if kind != "sh" && command {
                    wrong.push(format!("{}:{number}: a command, outside of a block of commands", document.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Sections of docs/differences.md in which every decision names what holds it.
const HELD: [&str; 5] = [
    "Configuration of load balancing",
    "Health checks and load balancing",
    "The load balancer's table",
    "Health checks other than HTTP",
    "Health checks over TCP and HTTP",
];

/// The text of every Rust source below these folders.
fn sources(folders: &[&str]) -> String {
    let mut text = String::new();
    let mut folders: Vec<PathBuf> = folders.iter().map(|folder| root().join(folder)).collect();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                text += &read(&path);
            }
        }
    }
    text
}

#[test]
fn every_decision_on_load_balancing_is_held_by_tests_that_there_are() {
    let sources = sources(&["src", "tests", "keepalived-conf/src", "genhash"]);
    let text = read(&root().join("docs/differences.md"));
    let (mut wrong, mut names) = (Vec::new(), 0);
    for section in text.split("\n## ").filter(|section| HELD.iter().any(|title| section.starts_with(title))) {
        for decision in section.split("\n\n").filter(|paragraph| paragraph.starts_with("**")) {
            let Some((_, held)) = decision.split_once("Held\nby ").or_else(|| decision.split_once("Held by")) else {
                wrong.push(format!("what holds this?\n{decision}"));
                continue;
            };
            for name in held.split('`').skip(1).step_by(2) {
                names += 1;
                let there = match name.contains('-') || !name.contains('_') {
                    true => root().join(format!("tests/uml/cases/{name}.case")).is_file(),
                    false => sources.contains(&format!("fn {name}()")) || sources.contains(&format!("::{name}\"")),
                };
                if !there {
                    wrong.push(format!("there is no `{name}`, which is to hold this:\n{decision}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert!(names >= 100, "{names} names");
}

#[test]
fn the_readme_names_tests_that_there_are_and_counts_lints_right() {
    let text = read(&root().join("README.md"));
    let (_, rest) = text.split_once("| | keepalived | Steadfast | evidence |\n").expect("the table of differences");
    let sources = sources(&["src", "tests"]);
    let mut names = 0;
    for row in rest.lines().take_while(|line| line.starts_with('|')).skip(1) {
        let evidence = row.rsplit('|').nth(1).expect("the last cell");
        let named = evidence.split('`').skip(1).step_by(2).filter(|name| !name.contains(' '));
        for name in named {
            names += 1;
            assert!(sources.contains(&format!("fn {name}()")), "there is no test `{name}`:\n{row}");
        }
        assert!(evidence.contains("](docs/") || evidence.contains('`'), "without evidence: {row}");
    }
    assert!(names >= 6, "{names} tests");
    let lints = read(&root().join("docs/lints.md")).matches("\n### KL").count();
    assert!(text.contains(&format!("{lints} lints")), "there are {lints} lints");
}

#[test]
fn the_configuration_in_the_readme_is_sound() {
    let text = read(&root().join("README.md"));
    let (_, rest) = text.split_once("```conf\n").expect("a configuration");
    let desk = Desk::new();
    fs::write(desk.0.join("readme.conf"), rest.split_once("```").expect("its end").0).expect("a file");
    let (status, told) = desk.run("steadfast check --strict --elsewhere readme.conf");
    assert_eq!(status, 0, "{told}");
}

/// But the platform's own, which is what the platform writes.
#[test]
fn the_recipes_are_sound_and_fit_their_peers() {
    let desk = Desk::new();
    for entry in fs::read_dir(root().join("docs/examples/recipes")).expect("recipes") {
        let folder = entry.expect("an entry").path();
        if !folder.ends_with("neutron") {
            let files = format!("{0}/a.conf {0}/b.conf", folder.display());
            let (status, told) = desk.run(&format!("steadfast check --fail-on warning --elsewhere {files}"));
            assert_eq!(status, 0, "{told}");
        }
    }
}

#[test]
fn the_pictures_are_those_their_text_draws() {
    let desk = Desk::new();
    if desk.run("python3 --version").0 != 0 {
        eprintln!("SKIPPED: python3 is not installed, so the pictures were not drawn again");
        return;
    }
    let pictures = root().join("docs/pictures");
    let (status, told) = desk.run(&format!("{} .", pictures.join("draw").display()));
    assert_eq!(status, 0, "{told}");
    let mut drawn = 0;
    for entry in fs::read_dir(&pictures).expect("pictures") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "svg") {
            let again = read(&desk.0.join(path.file_name().expect("a name")));
            assert!(again == read(&path), "{} is not what `make docs` draws", path.display());
            drawn += 1;
        }
    }
    assert!(drawn >= 8, "{drawn} pictures");
}

#[test]
fn no_row_is_without_a_command() {
    let all: Vec<String> =
        documents().iter().flat_map(|document| commands(&read(document))).map(|(_, command)| command).collect();
    let idle: Vec<&str> = COMMANDS
        .iter()
        .map(|(start, _)| *start)
        .filter(|start| !all.iter().any(|command| command.starts_with(start)))
        .collect();
    assert!(idle.is_empty(), "no document has a command that starts with {idle:?}");
}

/// What `make install` lays: kind and permissions, path, where a link leads.
const INSTALLED: &str = "\
-rwxr-xr-x ./usr/bin/genhash
-rw-r--r-- ./usr/lib/systemd/system/steadfast.service
-rw-r--r-- ./usr/lib/sysusers.d/steadfast.conf
lrwxrwxrwx ./usr/sbin/keepalived steadfast
-rwxr-xr-x ./usr/sbin/steadfast
-rwxr-xr-x ./usr/sbin/steadfast-web
lrwxrwxrwx ./usr/share/bash-completion/completions/keepalived steadfast
-rw-r--r-- ./usr/share/bash-completion/completions/steadfast
-rw-r--r-- ./usr/share/doc/steadfast/examples/keepalived.conf
-rw-r--r-- ./usr/share/fish/vendor_completions.d/steadfast.fish
-rw-r--r-- ./usr/share/man/man1/genhash.1
-rw-r--r-- ./usr/share/man/man5/keepalived.conf.5
lrwxrwxrwx ./usr/share/man/man8/keepalived.8 steadfast.8
-rw-r--r-- ./usr/share/man/man8/steadfast.8
-rw-r--r-- ./usr/share/zsh/vendor-completions/_steadfast
";

#[test]
fn installing_lays_programs_manual_completions_and_the_unit() {
    let desk = Desk::new();
    // `make install` builds first; here stands something for what it builds.
    fs::create_dir(desk.0.join("built")).expect("a folder");
    for program in ["steadfast", "steadfast-web", "genhash"] {
        fs::write(desk.0.join("built").join(program), format!("#!/bin/sh\nexec {program} \"$@\"\n")).expect("a file");
    }
    let install = |settings: &str| {
        let here = desk.0.display();
        let folder = root().display().to_string();
        let (status, told) = desk.run(&format!(
            "umask 077; env -u MAKEFLAGS make -s -C {folder} -o build install BUILT={here}/built DESTDIR={here}/stage {settings}"
        ));
        assert_eq!(status, 0, "{told}");
    };
    install("");
    let (status, laid) =
        desk.run("cd stage && find . ! -type d -printf '%M %p %l\\n' | sed 's/ $//' | LC_ALL=C sort -k 2");
    assert_eq!((status, laid.as_str()), (0, INSTALLED));
    let (_, closed) = desk.run("find stage/usr -type d ! -perm 755");
    assert_eq!(closed, "", "others cannot look into these");
    let (status, told) = desk.run("stage/usr/sbin/keepalived --version && stage/usr/sbin/steadfast --version");
    assert_eq!(status, 0, "{told}");
    let (status, told) =
        desk.run("steadfast check --fail-on error --elsewhere stage/usr/share/doc/steadfast/examples/keepalived.conf");
    assert_eq!(status, 0, "{told}");
    // Elsewhere the unit follows, and a second time changes nothing.
    install("PREFIX=/usr/local");
    install("PREFIX=/usr/local");
    let (_, unit) = desk.run("grep ^ExecStart= stage/usr/local/lib/systemd/system/steadfast.service");
    assert_eq!(unit, "ExecStart=/usr/local/sbin/keepalived --dont-fork $DAEMON_ARGS\n");
}

#[test]
fn manual_pages_are_sound() {
    let desk = Desk::new();
    if desk.run("command -v groff").0 != 0 {
        eprintln!("SKIPPED: groff is not installed, so the manual pages were not formatted");
        return;
    }
    for page in ["steadfast.8", "keepalived.conf.5", "genhash.1"] {
        let path = root().join("docs/man").join(page);
        let (status, told) = desk.run(&format!("groff -man -Tascii -ww -z {}", path.display()));
        assert_eq!((status, told.as_str()), (0, ""), "{page}");
    }
}

#[test]
fn bash_completes_commands_options_and_keywords() {
    let desk = Desk::new();
    let script = root().join("dist/completions/steadfast.bash");
    let complete = |words: &str, at: usize| {
        let (status, told) = desk.run(&format!(
            "source {}; COMP_WORDS=({words}); COMP_CWORD={at}; _steadfast; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
            script.display()
        ));
        assert_eq!(status, 0, "{told}");
        told.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(complete("steadfast expl", 1), ["explain"]);
    assert_eq!(complete("steadfast check --str", 2), ["--strict"]);
    assert_eq!(complete("steadfast explain virtual_router", 2), ["virtual_router_id"]);
    assert_eq!(complete("keepalived --dont-f", 1), ["--dont-fork"]);
    assert!(complete("steadfast check node1", 2).contains(&"node1.conf".to_owned()));
}

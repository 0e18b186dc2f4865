// SPDX-License-Identifier: MIT OR Apache-2.0
use crate::Loaded;
use crate::diagnostic::Class;
use crate::environment::{Facts, Inode, STICKY};
use crate::script::Script;
use crate::testing::{Bench, graded};

fn facts() -> Facts {
    Facts::default()
        .account("root", 0)
        .account("nobody", 65534)
        .group("adm", 4)
        .program("/usr/bin/check")
        .program_starting("/usr/bin/shell", *b"echo")
        .inode("/bin", Inode::link("usr/bin"))
        .inode("/etc/plain", Inode::file(0, 0, 0o644))
        .inode("/srv/app/run", Inode::file(1000, 1000, 0o755))
        .inode("/shared", Inode::directory(0, 100, 0o775))
        .program("/shared/run")
        .inode("/tmp", Inode::directory(0, 0, 0o777 | STICKY))
        .program("/tmp/run")
        .inode("/secret", Inode::directory(0, 0, 0o700))
        .program("/secret/run")
        .inode("/opt/loop", Inode::link("/opt/loop"))
        .inode("/opt/set", Inode::file(0, 0, 0o4777))
}

fn bench() -> Bench {
    Bench::with(facts()).env("PATH", "/nowhere:/usr/bin")
}

const SECURE: &str = "enable_script_security\nscript_user root";

/// A configuration with one tracked script.
fn tracked(global: &str, script: &str) -> (String, Loaded) {
    let text = format!("global_defs {{\n{global}\n}}\nvrrp_script chk {{\nscript {script}\n}}\n");
    let loaded = bench().load(&text);
    (text, loaded)
}

fn command(loaded: &Loaded) -> Option<&Script> {
    loaded.config.tracking.scripts.first().and_then(|track| track.command.as_ref())
}

/// Findings about scripts that keepalived has too.
fn found(loaded: &Loaded) -> Vec<(&'static str, Class)> {
    graded(loaded).into_iter().filter(|(code, _)| ("KC110".."KC125").contains(code)).collect()
}

/// `global_defs`, the script as written, which program runs, what is found.
type Case = (&'static str, &'static str, Option<&'static str>, &'static [(&'static str, Class)]);

#[test]
fn programs_are_found_and_judged() {
    let table: &[Case] = &[
        (SECURE, "/usr/bin/check", Some("/usr/bin/check"), &[]),
        (SECURE, "/bin/check", Some("/usr/bin/check"), &[]),
        (SECURE, "/usr//bin/../bin/./check", Some("/usr/bin/check"), &[]),
        (SECURE, "check", Some("/usr/bin/check"), &[]),
        (SECURE, "absent", None, &[("KC120", Class::General)]),
        (SECURE, "/usr/bin/absent", None, &[("KC120", Class::General)]),
        (SECURE, "/opt/loop", None, &[("KC120", Class::General)]),
        (SECURE, "/usr/bin", None, &[("KC121", Class::General)]),
        (SECURE, "/etc/plain", None, &[("KC121", Class::Logged)]),
        (SECURE, "/srv/app/run", None, &[("KC122", Class::General)]),
        (SECURE, "/shared/run", None, &[("KC122", Class::General)]),
        (SECURE, "/tmp/run", Some("/tmp/run"), &[]),
        ("script_user root", "/shared/run", Some("/shared/run"), &[("KC123", Class::Security)]),
        ("script_user root", "/usr/bin/check", Some("/usr/bin/check"), &[("KC123", Class::Security)]),
        ("script_user root", "/etc/plain", None, &[("KC121", Class::Logged), ("KC123", Class::Security)]),
        ("script_user root", "/usr/bin/absent", None, &[("KC120", Class::General)]),
        ("enable_script_security\nscript_user nobody", "/shared/run", Some("/shared/run"), &[]),
        ("enable_script_security\nscript_user nobody", "/secret/run", None, &[("KC120", Class::General)]),
        ("enable_script_security\nscript_user nobody", "/opt/set", None, &[("KC122", Class::General)]),
        ("use_symlink_paths\nscript_user root\nenable_script_security", "/bin/./check", Some("/bin/check"), &[]),
    ];
    for (global, script, program, findings) in table {
        let (_, loaded) = tracked(global, script);
        assert_eq!(command(&loaded).map(|script| script.program.as_str()), *program, "{global} / {script}");
        assert_eq!(&found(&loaded), findings, "{global} / {script}");
    }
}

#[test]
fn the_loss_of_a_notify_is_only_logged() {
    for (script, code) in [("/usr/bin/absent", "KC120"), ("/shared/run", "KC122"), ("/usr/bin", "KC121")] {
        let text = format!("global_defs {{\n{SECURE}\nnotify_fifo /run/f\nnotify_fifo_script {script}\n}}\n");
        let loaded = bench().load(&text);
        assert_eq!(loaded.config.global.fifo.all.script, None);
        assert_eq!(found(&loaded), [(code, Class::Logged)], "{script}");
        assert_eq!(loaded.diagnostics.exit_status(), 0);
    }
}

#[test]
fn opening_a_file_needs_no_program_and_no_security() {
    let (_, loaded) = tracked("", "\"</dev/tcp/127.0.0.1/80\"");
    let script = command(&loaded).unwrap();
    assert_eq!(script.opens(), Some("/dev/tcp/127.0.0.1/80"));
    assert_eq!(script.program, "/dev/tcp/127.0.0.1/80");
    assert_eq!(found(&loaded), []);
    let (_, spaced) = tracked("script_user root", "\"< /etc/plain\"");
    assert_eq!(command(&spaced), None);
}

#[test]
fn accounts_come_from_the_script_or_from_the_default() {
    let no_default = bench();
    let with_default = Bench::with(facts().account("keepalived_script", 200));
    let user = |bench: &Bench, global: &str, body: &str| {
        let text = format!("global_defs {{\n{global}\n}}\nvrrp_script chk {{\nscript /usr/bin/check\n{body}\n}}\n");
        let loaded = bench.load(&text);
        let command = command(&loaded).map(|script| {
            (script.user.clone().unwrap_or_default(), script.group.clone().unwrap_or_default(), script.supplementary)
        });
        (command, found(&loaded).into_iter().filter(|(_, class)| *class != Class::Security).collect::<Vec<_>>())
    };
    let given = |user: &str, group: &str, supplementary| Some((user.to_owned(), group.to_owned(), supplementary));

    assert_eq!(user(&no_default, "", ""), (given("", "", false), vec![]));
    assert_eq!(user(&with_default, "", ""), (given("keepalived_script", "", false), vec![]));
    assert_eq!(user(&with_default, "script_user nobody adm", ""), (given("nobody", "adm", false), vec![]));
    assert_eq!(user(&with_default, "script_user nobody :adm", ""), (given("nobody", "adm", true), vec![]));
    assert_eq!(user(&no_default, "script_user nobody", "user root :"), (given("root", "", true), vec![]));
    assert_eq!(user(&no_default, "set_supplementary_groups", "user root"), (given("root", "", true), vec![]));
    assert_eq!(user(&no_default, "enable_script_security", ""), (None, vec![("KC119", Class::General)]));
    assert_eq!(
        user(&no_default, "script_user ghost", ""),
        (None, vec![("KC117", Class::General), ("KC119", Class::Logged)])
    );
    assert_eq!(
        user(&no_default, "script_user root ghosts", ""),
        (None, vec![("KC118", Class::General), ("KC119", Class::Logged)])
    );
    assert_eq!(user(&no_default, "script_user ghost\nscript_user root", "").0, given("root", "", false));
    assert_eq!(user(&no_default, "", "user ghost"), (None, vec![("KC117", Class::General)]));
    assert_eq!(
        user(&no_default, "", "user ghost\nuser root"),
        (given("root", "", false), vec![("KC117", Class::General)])
    );
}

#[test]
fn an_unknown_account_of_a_notify_is_only_logged() {
    let text = "global_defs {\nstartup_script /usr/bin/check ghost\nshutdown_script /usr/bin/check root ghosts\n}\n";
    let loaded = bench().load(text);
    assert_eq!(loaded.config.global.scripts.startup, None);
    assert_eq!(loaded.config.global.scripts.shutdown, None);
    assert_eq!(found(&loaded), [("KC117", Class::Logged), ("KC118", Class::Logged)]);
    assert_eq!(loaded.diagnostics.exit_status(), 0);
}

#[test]
fn files_without_an_interpreter_line_go_to_the_shell() {
    for (script, shell) in [("/usr/bin/check", false), ("/usr/bin/shell", true)] {
        let (_, loaded) = tracked(SECURE, script);
        assert_eq!(command(&loaded).map(|script| script.shell), Some(shell), "{script}");
    }
}

#[test]
fn a_program_found_along_path_goes_by_its_path() {
    let (_, loaded) = tracked(SECURE, "\"check -v\"");
    let script = command(&loaded).unwrap();
    assert_eq!(script.argv, ["/usr/bin/check", "-v"]);
    assert!(loaded.diagnostics.iter().any(|finding| finding.code.id == "KC124"));
}

#[test]
fn nothing_is_held_against_a_machine_that_cannot_be_asked() {
    let text = "global_defs {\nscript_user anyone\n}\nvrrp_script chk {\nscript anything\nuser somebody\n}\n";
    let loaded = crate::testing::load(text);
    assert_eq!(command(&loaded).map(|script| script.program.as_str()), Some("anything"));
    assert_eq!(found(&loaded), []);
}

#[test]
fn keepalived_does_not_count_scripts_it_does_not_come_to() {
    let facts = facts().link("eth0", crate::environment::Link::default());
    let instance = |interface: &str, extra: &str| {
        format!(
            "vrrp_script chk {{\nscript /usr/bin/absent\n}}\nvrrp_instance v {{\ninterface {interface}\n\
             virtual_router_id 1\nvirtual_ipaddress {{\n192.0.2.1\n}}\nnotify /usr/bin/check\n}}\n{extra}"
        )
    };
    let exit = |text: String| Bench::with(facts.clone()).load(&text).diagnostics.exit_status();
    let startup = "global_defs {\nstartup_script /usr/bin/check\n}\n";
    assert_eq!(exit(instance("eth0", "")), 6);
    assert_eq!(exit(instance("eth9", "")), 5);
    assert_eq!(exit(instance("eth9", startup)), 6);
}

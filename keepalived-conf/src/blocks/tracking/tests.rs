// SPDX-License-Identifier: MIT OR Apache-2.0
//! Blocks of tracked things: every keyword, every range, and what the end of a block asks for.

use std::fmt::Debug;

use super::Tracking;
use super::vrrp_track_process::Matching;
use crate::environment::{Facts, FileSystem, Inode};
use crate::testing::{Bench, graded};

/// Checks a table of bodies: what they leave, and the codes of what keepalived too would find.
fn check<V: Debug>(head: &str, read: fn(&Tracking) -> V, table: &[(&str, &str, &[&str])]) {
    for (body, expected, codes) in table {
        let text = format!("{head} {{\n{body}\n}}\n");
        let loaded = Bench::default().test(&text);
        assert_eq!(format!("{:?}", read(&loaded.config.tracking)), *expected, "{text}");
        let found: Vec<&str> = graded(&loaded).into_iter().map(|(code, _)| code).collect();
        assert_eq!(&found, codes, "{text}{:#?}", loaded.diagnostics);
    }
}

#[test]
fn scripts_are_timed() {
    check(
        "vrrp_script s",
        |tracking| tracking.scripts.first().map(|track| (*track.interval.get(), *track.timeout.get())),
        &[
            ("script x", "Some((1s, 1s))", &[]),
            ("script x\ninterval 0.001", "Some((1ms, 1ms))", &[]),
            ("script x\ntimeout 4294\ninterval 2.5", "Some((2.5s, 4294s))", &[]),
            ("script x\ninterval 0\ntimeout 0", "Some((1s, 1s))", &["KC052", "KC052"]),
            ("script x\ninterval 4295", "Some((1s, 1s))", &["KC052"]),
            ("script x\ninterval 1.2345", "Some((1.235s, 1.235s))", &["KC056"]),
            ("script x\ninterval x", "Some((1s, 1s))", &["KC051"]),
        ],
    );
}

#[test]
fn scripts_count_and_weigh() {
    check(
        "vrrp_script s",
        |tracking| {
            let track = tracking.scripts.first()?;
            Some((track.weight, track.reverse, track.rise, track.fall, track.init_fail))
        },
        &[
            ("script x", "Some((0, false, 1, 1, false))", &[]),
            ("script x\nweight -253 reverse\nrise 2147483647\nfall 3", "Some((-253, true, 2147483647, 3, false))", &[]),
            ("script x\nweight 254", "Some((254, false, 1, 1, false))", &["KC052"]),
            ("script x\nweight 9999999", "Some((32767, false, 1, 1, false))", &["KC052"]),
            ("script x\nweight 3 revers", "Some((3, false, 1, 1, false))", &["KC130"]),
            ("script x\nweight 3 reverse\nweight 4", "Some((4, false, 1, 1, false))", &[]),
            ("script x\nweight heavy", "Some((0, false, 1, 1, false))", &["KC051"]),
            ("script x\nrise 0\nfall -1", "Some((0, false, 1, 1, false))", &["KC052", "KC052"]),
            ("script x\ninit_fail", "Some((0, false, 1, 1, true))", &[]),
        ],
    );
}

#[test]
fn scripts_name_a_command() {
    check(
        "vrrp_script s",
        |tracking| {
            tracking.scripts.first().and_then(|track| track.command.as_ref()).map(|command| command.argv.clone())
        },
        &[
            ("", "None", &["KC131"]),
            ("script \"/bin/x -a 'b c'\"", "Some([\"/bin/x\", \"-a\", \"b c\"])", &[]),
            ("script /bin/x -a", "Some([\"/bin/x\"])", &[]),
            ("script /bin/x\nscript /bin/y", "Some([\"/bin/y\"])", &[]),
            ("script '/bin/x", "None", &["KC110", "KC131"]),
            ("script \"/bin/x 'a\"", "None", &["KC110", "KC131"]),
            ("script \"/bin/x \\x00\"", "None", &["KC112", "KC131"]),
            ("script \"\"", "None", &["KC113", "KC131"]),
        ],
    );
    for (body, exit) in [("script", 5), ("script x\nuser", 2), ("script x\ninterval", 2), ("script x\nweight", 2)] {
        let loaded = Bench::default().test(&format!("vrrp_script s {{\n{body}\n}}\n"));
        assert_eq!(loaded.diagnostics.exit_status(), exit, "{body}");
    }
}

#[test]
fn processes_are_compared_in_five_ways() {
    check(
        "vrrp_track_process p",
        |tracking| {
            let track = tracking.processes.first()?;
            Some((track.process.clone(), track.parameters.clone(), track.matching))
        },
        &[
            ("", "None", &["KC132"]),
            ("process nginx", "Some((\"nginx\", [], Name))", &[]),
            ("process nginx\nfull_command", "Some((\"nginx\", [], Command))", &[]),
            ("process nginx -g \"a b\"", "Some((\"nginx\", [\"-g\", \"a b\"], Exact))", &[]),
            ("process nginx -g\nparam_match partial", "Some((\"nginx\", [\"-g\"], Partial))", &[]),
            ("param_match initial\nprocess nginx -g\nfull_command", "Some((\"nginx\", [\"-g\"], Initial))", &[]),
            ("process nginx\nparam_match", "Some((\"nginx\", [], Exact))", &[]),
            ("process nginx\nparam_match some", "Some((\"nginx\", [], Name))", &["KC054"]),
            ("process a\nprocess b", "Some((\"a\", [], Name))", &["KC063"]),
        ],
    );
    assert_eq!(Matching::default(), Matching::Name);
}

#[test]
fn processes_are_counted() {
    check(
        "vrrp_track_process p",
        |tracking| {
            let track = tracking.processes.first()?;
            Some((track.quorum, track.quorum_max, track.weight, track.reverse))
        },
        &[
            ("process x", "Some((1, None, 0, false))", &[]),
            ("process x\nquorum 65535\nweight -254 reverse", "Some((65535, None, -254, true))", &[]),
            ("process x\nquorum 0", "Some((1, None, 0, false))", &["KC052"]),
            ("process x\nquorum 65536", "Some((1, None, 0, false))", &["KC052"]),
            ("process x\nquorum 2\nquorum_max 3", "Some((2, Some(3), 0, false))", &[]),
            ("process x\nquorum 2\nquorum_max 1", "Some((2, None, 0, false))", &["KC133"]),
            ("process x\nquorum_max 1\nquorum 2", "Some((1, Some(1), 0, false))", &["KC133"]),
            ("process x\nquorum_max 0", "Some((0, Some(0), 0, false))", &[]),
            ("process x\nquorum 2\nquorum_max 0", "Some((2, None, 0, false))", &["KC133"]),
            ("process x\nweight 255", "Some((1, None, 0, false))", &["KC052"]),
            ("process x\nweight 5\nweight 6 reverse", "Some((1, None, 5, false))", &["KC063"]),
        ],
    );
    check(
        "vrrp_track_process p",
        |tracking| tracking.processes.first().map(|track| (track.terminate_delay, track.fork_delay)),
        &[
            ("process x", "Some((0ns, 0ns))", &[]),
            ("process x\ndelay 0.000001", "Some((1µs, 1µs))", &[]),
            ("process x\ndelay 2\nfork_delay 3600", "Some((2s, 3600s))", &[]),
            ("process x\nterminate_delay 3601\nfork_delay 0", "Some((0ns, 0ns))", &["KC052", "KC052"]),
        ],
    );
}

#[test]
fn files_under_both_names() {
    for head in ["track_file f", "vrrp_track_file f"] {
        let deprecated: &[&str] = if head.starts_with("vrrp") { &["KC066"] } else { &[] };
        let with = |codes: &[&'static str]| [deprecated, codes].concat();
        let none = with(&[]);
        check(
            head,
            |tracking| {
                let file = tracking.files.first()?;
                Some((
                    file.path.clone(),
                    *file.weight.get(),
                    file.reverse,
                    file.init.map(|init| (init.value, init.overwrite)),
                ))
            },
            &[
                ("file /f", "Some((\"/f\", 1, false, None))", &none),
                ("file /f\nweight -254 reverse", "Some((\"/f\", -254, true, None))", &none),
                ("file /f\nweight 255", "Some((\"/f\", 1, false, None))", &with(&["KC052"])),
                ("file /f\nweight 2 back", "Some((\"/f\", 2, false, None))", &with(&["KC130"])),
                ("file /f\nweight 2\nweight 3", "Some((\"/f\", 2, false, None))", &with(&["KC063"])),
                ("file /f\nfile /g", "Some((\"/f\", 1, false, None))", &with(&["KC063"])),
                ("file /f\ninit_file", "Some((\"/f\", 1, false, Some((0, false))))", &none),
                ("file /f\ninit_file overwrite -254", "Some((\"/f\", 1, false, Some((-254, true))))", &none),
                ("file /f\ninit_file 300", "Some((\"/f\", 1, false, Some((300, false))))", &with(&["KC052"])),
                ("file /f\ninit_file 2147483648", "Some((\"/f\", 1, false, Some((0, false))))", &with(&["KC052"])),
                ("file /f\ninit_file once", "Some((\"/f\", 1, false, Some((0, false))))", &with(&["KC130"])),
                ("weight 2", "None", &with(&["KC100"])),
            ],
        );
    }
}

#[test]
fn a_file_s_directory_must_be_watchable() {
    let here = FileSystem { read_only: false, unwatchable: None };
    let facts = Facts::default()
        .file_system("/run", here)
        .file_system("/", FileSystem { read_only: true, ..here })
        .file_system("/mnt", FileSystem { unwatchable: Some("nfs"), ..here })
        .inode("/run/fifo", Inode { kind: crate::environment::InodeKind::Other, uid: 0, gid: 0, mode: 0o644 });
    let bench = Bench::with(facts);
    let cases = [
        ("/run/f", true),
        ("/f", false),
        ("/mnt/f", false),
        ("/absent/f", false),
        ("/run/fifo", true),
        ("/run/fifo\ninit_file overwrite", false),
        ("relative", true),
    ];
    for (path, kept) in cases {
        let loaded = bench.load(&format!("track_file f {{\nfile {path}\n}}\n"));
        assert_eq!(loaded.config.tracking.file("f").is_some(), kept, "{path}");
        assert_eq!(loaded.diagnostics.exit_status(), if kept { 0 } else { 5 }, "{path}");
    }
}

#[test]
fn sessions_are_timed() {
    check(
        "bfd_instance b",
        |tracking| {
            let session = tracking.bfd.first()?;
            Some((*session.min_rx.get(), *session.min_tx.get(), *session.idle_tx.get(), session.multiplier))
        },
        &[
            ("neighbor_ip 192.0.2.1", "Some((10ms, 10ms, 1s, 5))", &[]),
            (
                "neighbor_ip 192.0.2.1\nmin_rx 1\nmin_tx 4294967\nmultiplier 255",
                "Some((1ms, 4294.967s, 1s, 255))",
                &["KC108"],
            ),
            ("neighbour_ip 192.0.2.1\nmin_rx 2.5\nidle_tx 1000.001", "Some((2.5ms, 10ms, 1.000001s, 5))", &[]),
            ("neighbor_ip 192.0.2.1\nmin_rx 0.999\nidle_tx 999", "Some((10ms, 10ms, 1s, 5))", &["KC052", "KC052"]),
            ("neighbor_ip 192.0.2.1\nmin_tx 10ms\nmultiplier 0", "Some((10ms, 10ms, 1s, 5))", &["KC053", "KC052"]),
            ("neighbor_ip 192.0.2.1\nmultiplier 256", "Some((10ms, 10ms, 1s, 5))", &["KC052"]),
        ],
    );
}

#[test]
fn sessions_lie_between_two_addresses() {
    check(
        "bfd_instance b",
        |tracking| tracking.bfd.first().map(|session| (session.source, session.neighbour)),
        &[
            ("", "None", &["KC135"]),
            ("neighbor_ip 192.0.2.1", "Some((None, 192.0.2.1))", &[]),
            ("source_ip 2001:db8::2\nneighbor_ip 2001:db8::1", "Some((Some(2001:db8::2), 2001:db8::1))", &[]),
            ("source_ip 2001:db8::2\nneighbor_ip 192.0.2.1", "None", &["KC136"]),
            ("source_ip here\nneighbor_ip 192.0.2.1", "Some((None, 192.0.2.1))", &["KC055"]),
            ("neighbor_ip there", "None", &["KC055", "KC135"]),
        ],
    );
    let two = "bfd_instance a {\nneighbor_ip 192.0.2.1\n}\nbfd_instance b {\nneighbor_ip 192.0.2.1\n}\n";
    let loaded = Bench::default().load(two);
    assert_eq!(loaded.config.tracking.bfd.len(), 1);
    assert_eq!(graded(&loaded).len(), 1);
    let apart = two.replacen("192.0.2.1\n}", "192.0.2.1\nmultihop\n}", 1);
    assert_eq!(Bench::default().load(&apart).config.tracking.bfd.len(), 2);
}

#[test]
fn sessions_have_names_of_their_own() {
    let name = "b".repeat(31);
    let body = "{\nneighbor_ip 192.0.2.1\n}\n";
    let other = "{\nneighbor_ip 192.0.2.2\n}\n";
    for (text, sessions, exit) in [
        (format!("bfd_instance {name} {body}"), 1, 0),
        (format!("bfd_instance {name}b {body}"), 0, 5),
        (format!("bfd_instance b {body}bfd_instance b {other}"), 1, 5),
    ] {
        let loaded = Bench::default().load(&text);
        assert_eq!(loaded.config.tracking.bfd.len(), sessions, "{text}");
        assert_eq!(loaded.diagnostics.exit_status(), exit, "{text}");
    }
}

#[test]
fn hops_weights_and_receivers_of_sessions() {
    let v4 = "neighbor_ip 192.0.2.1";
    let v6 = "neighbor_ip 2001:db8::1";
    let line = |rest: &str| format!("{v4}\n{rest}");
    check(
        "bfd_instance b",
        |tracking| tracking.bfd.first().map(|session| (*session.ttl.get(), session.max_hops, session.multihop)),
        &[
            (v4, "Some((255, Some(0), false))", &[]),
            (v6, "Some((64, Some(0), false))", &[]),
            (&line("ttl 1\nmax_hops 1\nmultihop"), "Some((1, Some(1), true))", &[]),
            (&line("hoplimit 7\nmax_hops 8"), "Some((7, Some(7), false))", &["KC138"]),
            (&line("max_hops -1"), "Some((255, None, false))", &[]),
            (&line("ttl 5\nmax_hops 255"), "Some((5, None, false))", &[]),
            (&line("ttl 0\nmax_hops -2"), "Some((255, Some(0), false))", &["KC052", "KC052"]),
            (&line("multihop maybe"), "Some((255, Some(0), false))", &["KC054"]),
        ],
    );
    check(
        "bfd_instance b",
        |tracking| {
            let session = tracking.bfd.first()?;
            Some((session.weight, session.reverse, session.vrrp, session.checker, session.passive))
        },
        &[
            (v4, "Some((0, false, true, true, false))", &[]),
            (&line("weight -253 reverse\npassive"), "Some((-253, true, true, true, true))", &[]),
            (&line("weight 254"), "Some((0, false, true, true, false))", &["KC052"]),
            (&line("weight 4 up"), "Some((4, false, true, true, false))", &["KC130"]),
            (&line("vrrp"), "Some((0, false, true, false, false))", &[]),
            (&line("checker"), "Some((0, false, false, true, false))", &[]),
            (&line("checker\nvrrp"), "Some((0, false, true, true, false))", &[]),
        ],
    );
}

#[test]
fn of_two_with_one_name_the_first_counts() {
    for (head, body) in [("vrrp_script", "script x"), ("vrrp_track_process", "process x"), ("track_file", "file /f")] {
        let loaded = Bench::default().load(&format!("{head} a {{\n{body}\n}}\n{head} a {{\n{body}\n}}\n"));
        let remarks = loaded.diagnostics.iter().filter(|finding| finding.code.id == "KC139");
        assert_eq!(remarks.count(), 1, "{head}");
        assert_eq!(loaded.diagnostics.exit_status(), 0, "{head}");
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Includes, and the file that is named on the command line.

use super::*;

fn load_from(host: &MemoryHost, path: &str, checks: Checks) -> (Expanded, Diagnostics) {
    load(host, Path::new(path), &Options { config_id: None, checks })
}

fn tree() -> MemoryHost {
    host()
        .file("a.conf", "in a\n")
        .file("b.conf", "in b\n")
        .file("with space.conf", "in space\n")
        .file("h#x.conf", "in hash\n")
        .file("conf.d/one.conf", "in one ${_PWD}\ninclude two.conf\n")
        .file("conf.d/two.conf", "in two")
        .executable("run.conf")
        .directory("dir")
        .fifo("fifo.conf")
        .device("device.conf")
        .unreadable("secret.conf")
}

/// Loads a main file of these lines.
fn include(lines: &str) -> (Expanded, Diagnostics) {
    load_from(&tree().file("main.conf", lines), "main.conf", Checks::NONE)
}

#[test]
fn patterns_are_as_the_c_library_reads_them() {
    let rows: &[(&str, &[&str])] = &[
        ("include a.conf", &["in a"]),
        ("include /etc/keepalived/a.conf", &["in a"]),
        ("include ./a.conf", &["in a"]),
        ("include conf.d/../a.conf", &["in a"]),
        ("include\ta.conf   # remark", &["in a"]),
        ("include [ab].conf", &["in a", "in b"]),
        ("include [ba].conf", &["in a", "in b"]),
        (r"include [\!b].conf", &["in a"]),
        ("include [^b].conf", &["in a"]),
        ("include ?.conf", &["in a", "in b"]),
        ("include {b,a}.conf", &["in b", "in a"]),
        ("include {a.conf}", &["in a"]),
        ("include {a,{b,a}}.conf", &["in a", "in b", "in a"]),
        ("include with space.conf", &["in space"]),
        (r"include h\#x.conf", &["in hash"]),
        (r"include \a.conf", &["in a"]),
        ("include nothing*.conf", &[]),
        ("include .*conf", &[]),
        ("include */two.conf", &["in two"]),
        (
            "include conf.d/one.conf\nafter ${_PWD}",
            &["in one /etc/keepalived/conf.d", "in two", "after /etc/keepalived"],
        ),
        ("$D=a\ninclude ${D}.conf", &["in a"]),
        ("@node-a include a.conf\n@node-b include b.conf", &["in a"]),
        ("$I=include a.conf\n$I", &["in a"]),
        ("$M= \\\n x \\\n include a.conf\n$M", &["x", "in a"]),
        ("~LST(n, a, b) include ${n}.conf", &["in a", "in b"]),
        ("foo { include a.conf\n}", &["foo {", "in a", "}"]),
        ("foo \"{ include a.conf\"", &["foo \"{ include a.conf\""]),
        ("include", &["include"]),
        ("includex a.conf", &["includex a.conf"]),
        ("includer a.conf\nincludem a.conf\nincludew a.conf\nincludeb a.conf\nincludea a.conf", &["in a"; 5]),
    ];
    for (lines, expected) in rows {
        let (expanded, findings) = include(lines);
        assert_eq!(written(&expanded), *expected, "for {lines:?}: {findings:?}");
        assert!(findings.is_empty(), "for {lines:?}: {findings:?}");
    }
}

/// One failure a row, and under which single checks it becomes serious: read, match, wildcard_match, brace_match.
/// Asking for any of them asks for read too.
#[test]
fn failures_are_serious_when_they_are_checked_for() {
    let rows: &[(&str, [bool; 4], bool)] = &[
        ("none.conf", [false, true, false, false], true),
        ("non*.conf", [false, false, true, false], false),
        ("{none,none2}.conf", [false, false, false, true], true),
        ("{a,none}.conf", [false, false, false, true], true),
        ("{a,none*}.conf", [false; 4], false),
        ("{none*,none2}.conf", [false, false, false, true], true),
        ("{none*,nope*}", [false, false, true, false], false),
        ("{nodir/x,a.conf}", [false, false, false, true], true),
        ("dir", [true; 4], true),
        ("run.conf", [true; 4], true),
        ("run*.conf", [true; 4], true),
        ("fifo.conf", [true; 4], true),
        ("device.conf", [true; 4], true),
        ("secret.conf", [true; 4], true),
        ("nodir/a", [false, true, false, false], true),
        ("nodir/*", [false, true, false, false], true),
        ("[z]", [false, false, true, false], false),
        (r"no\ne", [false, false, true, false], false),
        ("\"a.conf\"", [false, true, false, false], true),
        ("~/a.conf", [false, true, false, false], true),
    ];
    let words = ["read", "match", "wildcard_match", "brace_match"];
    for (pattern, serious, logged) in rows {
        let (_, findings) = include(&format!("include {pattern}"));
        assert_eq!(!findings.is_empty(), *logged, "for {pattern}: {findings:?}");
        assert_eq!(findings.exit_status(), 0, "for {pattern}: {findings:?}");
        for (word, serious) in words.iter().zip(serious) {
            let (_, findings) = include(&format!("global_defs {{\n include_check {word}\n}}\ninclude {pattern}"));
            assert_eq!(
                findings.exit_status(),
                if *serious { 6 } else { 0 },
                "for {pattern} under {word}: {findings:?}"
            );
        }
    }
}

#[test]
fn directives_check_by_themselves() {
    let rows = [
        ("includer none.conf", 0),
        ("includer run.conf", 6),
        ("includem none.conf", 6),
        ("includem non*.conf", 0),
        ("includew non*.conf", 6),
        ("includew {a,none}.conf", 0),
        ("includeb {a,none}.conf", 6),
        ("includeb none.conf", 0),
        ("includea none.conf", 6),
        ("includea non*.conf", 6),
        ("includea {a,none}.conf", 6),
    ];
    for (line, status) in rows {
        let (_, findings) = include(line);
        assert_eq!(findings.exit_status(), status, "for {line}: {findings:?}");
    }
    let (expanded, _) = include("includeb {a,none}.conf");
    assert!(written(&expanded).is_empty(), "a failed brace check skips the whole include");
    let (expanded, _) = include("include {a,none}.conf");
    assert_eq!(written(&expanded), ["in a"]);
}

#[test]
fn include_check_counts_in_global_defs_only_and_from_there_on() {
    let rows = [
        ("include_check\ninclude none.conf", 0),
        ("vrrp_instance x {\n include_check\n}\ninclude none.conf", 0),
        ("include none.conf\nglobal_defs {\n include_check\n}", 0),
        ("global_defs {\n include_check\n}\ninclude none.conf", 6),
        ("global_defs { include_check match\n}\ninclude none.conf", 6),
        ("global_defs { include_check match }\ninclude none.conf", 6),
        ("global_defs\n{\n include_check match\n include none.conf\n}", 6),
        ("global_defs {\n include_check +match\n}\ninclude none.conf", 6),
        ("global_defs {\n include_check\n include_check -match\n}\ninclude none.conf", 0),
        ("global_defs {\n include_check all\n}\ninclude none.conf", 0),
        ("global_defs {\n include_check match\n include_check bogus\n}\ninclude none.conf", 0),
        ("global_defs {\n include_check match wildcard_match\n}\ninclude non*.conf", 0),
        ("global_defs {\n script_user \"a { b\"\n}\nglobal_defs {\n include_check\n}\ninclude none.conf", 6),
        ("global_defs {\n a {\n include_check\n}\n}\ninclude none.conf", 0),
        ("$C=include_check\nglobal_defs {\n $C\n}\ninclude none.conf", 6),
    ];
    for (lines, status) in rows {
        let (_, findings) = include(lines);
        assert_eq!(findings.exit_status(), status, "for {lines:?}: {findings:?}");
    }
    let host = tree()
        .file("sub.conf", "global_defs {\n include_check\n}\n")
        .file("main.conf", "include sub.conf\ninclude none.conf\n");
    let (_, findings) = load_from(&host, "main.conf", Checks::NONE);
    assert_eq!(findings.exit_status(), 0, "checks made in a file end with it");
    let (_, findings) = load_from(&host, "main.conf", Checks::ALL);
    assert_eq!(findings.exit_status(), 6);
}

#[test]
fn the_main_file_may_be_missing_unreadable_or_several() {
    let rows = [
        ("none.conf", 0, 4),
        ("dir", 0, 4),
        ("run.conf", 0, 4),
        ("fifo.conf", 0, 4),
        ("secret.conf", 4, 4),
        ("[ab].conf", 5, 5),
        ("a.conf", 0, 0),
        ("/etc/keepalived/a.conf", 0, 0),
    ];
    for (path, plain, checked) in rows {
        assert_eq!(load_from(&tree(), path, Checks::NONE).1.exit_status(), plain, "for {path}");
        assert_eq!(load_from(&tree(), path, Checks::ALL).1.exit_status(), checked, "for {path}");
    }
    let (expanded, findings) = load_from(&tree(), "[ab].conf", Checks::NONE);
    assert_eq!(written(&expanded), ["in a", "in b"]);
    assert_eq!(found(&findings), [codes::SEVERAL_FILES]);
    assert!(load_from(&tree(), "none.conf", Checks::NONE).1.has_errors());
}

#[test]
fn relative_names_are_seen_from_the_file_that_names_them() {
    let host = tree()
        .file("/srv/ka/main.conf", "include part/x.conf\ninclude y.conf\n")
        .file("/srv/ka/part/x.conf", "x ${_PWD}\ninclude ../y.conf\n")
        .file("/srv/ka/y.conf", "y ${_PWD}\n");
    let (expanded, findings) = load_from(&host, "/srv/ka/main.conf", Checks::ALL);
    assert!(findings.is_empty(), "{findings:?}");
    assert_eq!(written(&expanded), ["x /srv/ka/part", "y /srv/ka", "y /srv/ka"]);
    let place = expanded.map.locate(Span::new(0, 1));
    assert_eq!((place.file, place.line), ("/srv/ka/part/x.conf", 1));
    let (expanded, _) = load_from(&tree().file("main.conf", "include conf.d/one.conf"), "main.conf", Checks::NONE);
    let place = expanded.map.locate(Span::new(0, 1));
    let chain: Vec<String> = place.chain.iter().map(ToString::to_string).collect();
    assert_eq!((place.file, chain.join("")), ("conf.d/one.conf", "included from main.conf:1".to_owned()));
}

#[test]
fn files_that_include_themselves_are_one_finding_that_shows_the_chain() {
    let (expanded, findings) = include("a\ninclude main.conf\nb\n");
    assert_eq!(written(&expanded), ["a", "b"]);
    assert_eq!(found(&findings), [codes::INCLUDE_LOOP]);
    assert_eq!(findings.exit_status(), 5);
    let host = tree()
        .file("main.conf", "include one.conf\nlast\n")
        .file("one.conf", "one\ninclude two.conf\n")
        .file("two.conf", "two\n\ninclude ./one.conf\n");
    let (expanded, findings) = load_from(&host, "main.conf", Checks::NONE);
    assert_eq!(written(&expanded), ["one", "two", "last"]);
    let loops: Vec<_> = findings.iter().collect();
    assert_eq!(loops.len(), 1);
    assert_eq!(loops[0].notes, ["included from one.conf:2", "included from main.conf:1"]);
    let place = expanded.map.locate(loops[0].labels[0].span);
    assert_eq!((place.file, place.line, &place.line_text[place.caret.clone()]), ("two.conf", 3, "./one.conf"));
}

#[test]
fn includes_that_nest_or_repeat_without_end_meet_a_limit() {
    let mut host = tree().file("main.conf", "include f0.conf\n");
    for n in 0..60 {
        host = host.file(format!("f{n}.conf"), format!("l{n}\ninclude f{}.conf\n", n + 1));
    }
    let (expanded, findings) = load_from(&host, "main.conf", Checks::NONE);
    assert_eq!(found(&findings), [codes::NESTED_TOO_DEEP]);
    assert_eq!(written(&expanded).len(), NESTING_MAX as usize);
    let host = tree().file("big.conf", "# remark\n".repeat(1000)).file("main.conf", "~SEQ(i, 100) include big.conf\n");
    let mut expander = Expander::new(&host, &Options::default());
    expander.files.read_bytes = SOURCE_BYTES_MAX - 50_000;
    expander.main_files(Path::new("main.conf"));
    let (expanded, findings) = expander.end();
    assert!(written(&expanded).is_empty());
    assert!(found(&findings).iter().all(|code| *code == codes::FILE_NOT_READ));
    assert_eq!(findings.len(), 95);
    let braces = format!("include {}x\n", "{a,b}".repeat(20));
    assert!(found(&include(&braces).1).contains(&codes::TOO_MUCH));
    assert_eq!(include("include b.conf").1.iter().filter(|f| f.class != Class::Ours).count(), 0);
}

#[test]
fn a_definition_that_is_not_finished_ends_with_its_file() {
    let host = tree().file("m.conf", "$M= \\\n m1 \\").file("main.conf", "include m.conf\nafter\n$M\n");
    let (expanded, findings) = load_from(&host, "main.conf", Checks::NONE);
    assert_eq!(written(&expanded), ["after", "m1"]);
    assert!(findings.is_empty());
}

#[test]
fn a_file_included_twice_is_one_file_on_the_map() {
    let host = tree().file("main.conf", "include a.conf\ninclude a.conf\n");
    let (expanded, _) = load_from(&host, "main.conf", Checks::NONE);
    assert_eq!(expanded.map.files().collect::<Vec<_>>(), ["main.conf", "a.conf"]);
    let place = expanded.map.locate(Span::new(5, 7));
    assert_eq!((place.line, place.chain[0].line), (1, 2));
}

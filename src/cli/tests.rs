// SPDX-License-Identifier: MIT OR Apache-2.0
#![allow(clippy::disallowed_methods)]

use super::*;

/// Runs a command line; gives the exit status and what was written to both streams.
fn steadfast(words: &[&str]) -> (u8, String, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let words = std::iter::once("steadfast").chain(words.iter().copied()).map(OsString::from).collect();
    let status = run(words, &mut Output { out: &mut out, err: &mut err, colour: false });
    (status, String::from_utf8(out).expect("text"), String::from_utf8(err).expect("text"))
}

fn data(name: &str) -> String {
    format!("{}/tests/data/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// An instance that is sound on every machine, whatever interfaces it has, with these lines more.
fn sound(lines: &str) -> String {
    format!(
        "vrrp_instance web {{\n virtual_router_id 51\n unicast_src_ip 192.0.2.1\n unicast_peer {{\n 192.0.2.2\n }}\n \
         virtual_ipaddress {{\n 192.0.2.10/24 dev lo\n }}\n{lines}}}\n"
    )
}

/// A file of the test's own with this text.
fn file(name: &str, text: &str) -> String {
    // Below the build folder: what tests leave there goes with it.
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tmp");
    std::fs::create_dir_all(&folder).expect("a build folder");
    let path = folder.join(format!("cli-{}-{name}", std::process::id()));
    std::fs::write(&path, text).expect("a file in the build folder");
    path.display().to_string()
}

#[test]
fn ten_mistakes_give_ten_good_messages() {
    let (status, out, _) = steadfast(&["check", &data("ten-mistakes.conf")]);
    assert_eq!(status, 1);
    assert!(!out.contains("correct-horse"), "a password is never printed");
    let root = format!("{}/", env!("CARGO_MANIFEST_DIR"));
    insta::assert_snapshot!("ten-mistakes", out.replace(&root, ""));
}

#[test]
fn what_a_definition_reads_as_is_shown_where_it_is_wrong() {
    let path =
        file("definitions.conf", &format!("$GW=10.0.0.300\n$NET = 10.0.0.0/8\n{}", sound("unicast_peer {\n $GW\n}\n")));
    let (status, out, _) = steadfast(&["check", &path]);
    assert_eq!(status, 1);
    for part in [
        "expected an IPv4 or IPv6 address, not `10.0.0.300`",
        "note: `$GW` is defined at",
        "a definition has no blank before its `=`: write `$NET=VALUE`",
    ] {
        assert!(out.contains(part), "{part} is missing in {out}");
    }
}

#[test]
fn what_is_no_web_address_is_shown_with_a_caret_and_without_the_secret_in_it() {
    let path = file("hook.conf", &format!("global_defs {{\n notify_webhook hooks.example/s3cr3t\n}}\n{}", sound("")));
    let (status, out, _) = steadfast(&["check", &path]);
    assert_eq!(status, 1);
    for part in ["error[KC143]", "not a web address", "hook.conf:2:17", "^^^^^", "begins with http:// or https://"] {
        assert!(out.contains(part), "{part} is missing in {out}");
    }
    for form in ["--json", "--oneline"] {
        let (_, out, _) = steadfast(&["check", form, &path]);
        assert!(out.contains("KC143") && !out.contains("s3cr3t"), "{out}");
    }
    assert!(!out.contains("s3cr3t"), "{out}");
}

#[test]
fn the_configuration_in_force_is_printed_without_secrets() {
    let lines = " version 2\n authentication {\n auth_type PASS\n auth_pass pw-s3cr3t\n }\n auth_hmac {\n key 1 0123456789abcdef-s3cr3t\n sign 1\n }\n";
    let hooks = "global_defs {\n notify_webhook https://me:s3cr3t@hooks.example:8443/s3cr3t?s3cr3t\n notify_webhook nonsense/s3cr3t\n}\n";
    let path = file("secrets.conf", &(hooks.to_owned() + &sound(lines)));
    let (_, out, err) = steadfast(&["config", "--json", &path]);
    assert!(out.contains("https://hooks.example:8443/…") && out.contains("********"), "{out}");
    assert!(err.contains("KC143"), "{err}");
    assert!(!out.contains("s3cr3t") && !err.contains("s3cr3t"), "{out}{err}");
}

#[test]
fn a_sound_file_is_fine() {
    let path = file("sound.conf", &sound(""));
    let (status, out, err) = steadfast(&["check", &path]);
    assert_eq!((status, err.as_str()), (0, ""), "{out}");
    assert!(out.contains("1 instance"), "{out}");
}

#[test]
fn the_threshold_decides_the_exit_status() {
    // A warning and nothing worse: the first of two settings of the same thing.
    let path = file(
        "warning.conf",
        &sound(
            " priority 90
 priority 80
",
        ),
    );
    assert_eq!(steadfast(&["check", &path]).0, 1);
    assert_eq!(steadfast(&["check", "--fail-on", "error", &path]).0, 0);
    assert_eq!(steadfast(&["check", "--strict", &path]).0, 1);
    assert_eq!(steadfast(&["check", "--fail-on", "nonsense", &path]).0, USAGE);
}

#[test]
fn findings_come_as_json_with_places() {
    let (status, out, _) = steadfast(&["check", "--json", &data("ten-mistakes.conf")]);
    assert_eq!(status, 1);
    let answer: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    let findings = answer["files"][0]["findings"].as_array().expect("a list");
    assert!(findings.len() >= 10);
    for finding in findings {
        assert!(finding["places"][0]["line"].as_u64().is_some_and(|line| line > 0), "{finding}");
        assert!(finding["code"].as_str().is_some_and(|code| code.starts_with('K')), "{finding}");
    }
    assert!(!out.contains("correct-horse"), "a password is never printed");
}

#[test]
fn one_line_forms_name_file_line_and_column() {
    let path = data("ten-mistakes.conf");
    let (_, out, _) = steadfast(&["check", "--oneline", &path]);
    for line in out.lines() {
        assert!(line.starts_with(&format!("{path}:")), "{line}");
    }
    assert!(!out.contains("correct-horse"));
}

#[test]
fn keywords_of_our_own_are_named_for_whoever_must_stay_with_keepalived() {
    let path = file(
        "ours.conf",
        &format!(
            "global_defs {{
 vrrp_handover off
}}
{}",
            sound("")
        ),
    );
    assert_eq!(steadfast(&["check", "--fail-on", "error", &path]).0, 0);
    let (status, out, _) = steadfast(&["check", "--as", "keepalived", &path]);
    assert_eq!(status, 1);
    assert!(out.contains("keepalived 2.4.3 does not know `vrrp_handover`"), "{out}");
    assert_eq!(steadfast(&["check", "--as", "quagga", &path]).0, USAGE);
}

#[test]
fn two_nodes_are_compared_by_the_names_of_their_files() {
    let one = file("one.conf", &sound(" priority 150\n"));
    let other = file("other.conf", &sound(" priority 150\n").replace("192.0.2.10/24", "192.0.2.11/24"));
    let (status, out, _) = steadfast(&["check", &one, &other]);
    assert_eq!(status, 1);
    for code in ["KL022", "KL026"] {
        assert!(out.contains(code), "{code} is missing in {out}");
    }
    assert!(out.contains(&one) && !out.contains("file 1"), "{out}");
    assert_eq!(steadfast(&["explain", "KL022"]).0, 0);
}

#[test]
fn what_is_not_on_this_machine_does_not_matter_elsewhere() {
    let text =
        sound("").replace("dev lo", "").replace("virtual_router_id 51", "virtual_router_id 51\n interface nope0");
    let path = file("elsewhere.conf", &text);
    assert_eq!(steadfast(&["check", &path]).0, 1);
    assert_eq!(steadfast(&["check", "--elsewhere", &path]).0, 0);
}

#[test]
fn an_outage_is_played_and_its_expectations_decide_the_exit_status() {
    let node = |name: &str, address: &str, priority: u8| {
        file(
            name,
            &format!(
                "vrrp_instance web {{\n interface eth0\n mcast_src_ip {address}\n virtual_router_id 51\n \
                 priority {priority}\n virtual_ipaddress {{\n 192.0.2.10/24\n }}\n}}\n"
            ),
        )
    };
    let (a, b) = (node("simulate-a.conf", "192.0.2.1", 150), node("simulate-b.conf", "192.0.2.2", 100));
    let name = |path: &str| std::path::Path::new(path).file_stem().expect("a name").to_string_lossy().into_owned();
    let script = |gap: &str| format!("at 20s crash {}\nrun 40s seeds 3\nexpect gap < {gap}\n", name(&a));
    let (holds, fails) = (file("holds.sim", &script("4s")), file("fails.sim", &script("1s")));
    let (status, out, err) = steadfast(&["simulate", "--conf", &a, "--conf", &b, &holds]);
    assert_eq!((status, err.as_str()), (0, ""), "{out}");
    assert!(out.contains("MASTER") && out.contains("holds in every run"), "{out}");
    assert_eq!(steadfast(&["simulate", "--conf", &a, "--conf", &b, &fails]).0, 1);
    let nonsense = file("nonsense.sim", "at noon tea\n");
    let (status, _, err) = steadfast(&["simulate", "--conf", &a, &nonsense]);
    assert!(status == 1 && err.contains("line 1"), "{err}");
    assert_eq!(steadfast(&["simulate", &holds]).0, USAGE);
}

#[test]
fn the_simulations_in_the_documents_are_what_comes_out() {
    let root = env!("CARGO_MANIFEST_DIR");
    let document = std::fs::read_to_string(format!("{root}/docs/simulate.md")).expect("the document");
    let folder = format!("{root}/docs/examples/simulate");
    let (a, b) = (format!("{folder}/a.conf"), format!("{folder}/b.conf"));
    for name in ["crash", "proxy", "split"] {
        let script = format!("{folder}/{name}.sim");
        let (status, out, _) = steadfast(&["simulate", "--conf", &a, "--conf", &b, &script]);
        assert_eq!(status, 0, "{name}: {out}");
        let text = std::fs::read_to_string(script).expect("the script");
        assert!(document.contains(text.trim_end()), "docs/simulate.md does not show {name}.sim as it is");
        assert!(document.contains(out.trim_end()), "docs/simulate.md does not show what {name}.sim gives:\n{out}");
    }
}

#[test]
fn a_keyword_is_explained_with_its_place_range_and_default() {
    let (status, out, _) = steadfast(&["explain", "advert_int"]);
    assert_eq!(status, 0);
    for part in ["vrrp_instance", "0.01", "255", "default", "since"] {
        assert!(out.contains(part), "{part} is missing in {out}");
    }
    let (status, _, err) = steadfast(&["explain", "advert_itn"]);
    assert_eq!(status, 1);
    assert!(err.contains("did you mean `advert_int`?"), "{err}");
}

#[test]
fn every_keyword_can_be_explained() {
    for entry in keepalived_conf::blocks::entries() {
        let (status, out, err) = steadfast(&["explain", entry.row.name]);
        assert_eq!((status, err.as_str()), (0, ""), "{}", entry.row.name);
        assert!(out.contains("means"), "{} has no meaning", entry.row.name);
    }
}

#[test]
fn the_typed_configuration_is_printed_with_defaults_and_without_secrets() {
    let (_, out, _) = steadfast(&["config", "--json", &data("ten-mistakes.conf")]);
    let config: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(config["vrrp"]["instances"][0]["name"], "web");
    assert_eq!(config["vrrp"]["instances"][0]["down_timer_adverts"], 3);
    assert!(!out.contains("correct-"), "a password is never printed");
}

#[test]
fn the_configuration_test_exits_as_keepalived_does() {
    let table = [
        ("fine", sound(""), 0),
        ("unknown", "nonsense 1\n".to_owned(), 5),
        ("include", "includem /nonexistent/file\n".to_owned(), 6),
        ("number", sound(" priority 300\n"), 5),
    ];
    for (name, text, expected) in table {
        let path = file(name, &text);
        let (status, out, err) = steadfast(&["-t", "-f", &path]);
        assert_eq!((status, out.as_str()), (expected, ""), "{name}: {err}");
        assert_eq!(err.is_empty(), expected == 0, "{name}: {err}");
    }
}

#[test]
fn a_configuration_test_says_each_problem_once() {
    let (status, _, err) = steadfast(&["-t", "-f", &data("ten-mistakes.conf")]);
    assert_eq!(status, 6, "{err}");
    let mut lines: Vec<&str> = err.lines().collect();
    let all = lines.len();
    lines.sort_unstable();
    lines.dedup();
    assert!(all >= 10 && lines.len() == all, "{err}");
}

#[test]
fn a_configuration_test_can_write_its_messages_to_a_file() {
    let (path, log) = (file("logged", "nonsense 1\n"), file("log", "before\n"));
    let (status, _, err) = steadfast(&["-f", &path, &format!("-t{log}")]);
    assert_eq!((status, err.as_str()), (5, ""));
    let text = std::fs::read_to_string(log).expect("the log");
    assert!(text.starts_with("before\n") && text.contains("nonsense"), "{text}");
    assert_eq!(steadfast(&["-f", &path, "-t/nonexistent/log"]).0, 1);
}

#[test]
fn signal_numbers_are_printed_bare() {
    assert_eq!(steadfast(&["--signum=JSON"]), (0, "36\n".to_owned(), String::new()));
    assert_eq!(steadfast(&["--signum=NOPE"]).0, 1);
}

#[test]
fn the_version_goes_to_standard_error_as_exporters_expect() {
    let (status, out, err) = steadfast(&["-v"]);
    assert_eq!((status, out.as_str()), (0, ""));
    assert!(err.starts_with("Keepalived v2."), "{err}");
    assert!(err.lines().any(|line| line.starts_with("configure options:") && line.contains("--enable-json")), "{err}");
}

#[test]
fn odd_input_is_a_finding_and_not_a_crash() {
    let folder = std::env::temp_dir().display().to_string();
    for path in ["/nonexistent/file", folder.as_str(), "/dev/null", "/proc/self/mem"] {
        let (status, out, _) = steadfast(&["check", path]);
        assert!(status <= 1 && !out.is_empty(), "{path}: {status} {out}");
    }
    for words in [&["nonsense"][..], &["check"], &["check", "--nonsense", "x"], &["explain"], &["config"], &[]] {
        assert_eq!(steadfast(words).0, USAGE, "{words:?}");
    }
}

#[test]
fn manual_pages_and_completions_are_those_that_were_written() {
    let written = [
        (["manual", "steadfast"], include_str!("../../docs/man/steadfast.8")),
        (["manual", "keepalived.conf"], include_str!("../../docs/man/keepalived.conf.5")),
        (["completions", "bash"], include_str!("../../dist/completions/steadfast.bash")),
        (["completions", "zsh"], include_str!("../../dist/completions/_steadfast")),
        (["completions", "fish"], include_str!("../../dist/completions/steadfast.fish")),
    ];
    for ([command, word], text) in written {
        let (status, out, _) = steadfast(&[command, word]);
        assert_eq!(status, 0);
        assert!(out == text, "{command} {word} is stale: run `make docs`");
    }
}

#[test]
fn a_page_or_a_shell_that_is_not_there_is_a_wrong_command_line() {
    for words in [["manual", "nothing"], ["completions", "csh"]] {
        let (status, out, err) = steadfast(&words);
        assert_eq!((status, out.as_str()), (64, ""), "{err}");
        assert!(err.contains("usage:"), "{err}");
    }
}

#[test]
fn the_doctor_looks_at_this_machine_with_a_configuration_in_mind() {
    let path = file("doctor.conf", &sound(""));
    let (_, out, err) = steadfast(&["doctor", &path]);
    assert!(out.contains("in mind") && out.contains("kernel "), "{out}{err}");
    assert_eq!(steadfast(&["doctor", "--nothing"]).0, 64);
}

#[test]
fn run_takes_what_keepalived_takes() {
    let sound = file("run.conf", &sound(""));
    let test = |words: &[&str]| steadfast(&[words, &["-t", "-f", &sound]].concat());
    assert_eq!(test(&["run"]), test(&[]));
    assert_eq!(test(&["run"]).0, 0);
    assert_eq!(steadfast(&["run", "--no-such-option"]).0, 1);
}

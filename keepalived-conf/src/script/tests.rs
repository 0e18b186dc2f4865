// SPDX-License-Identifier: MIT OR Apache-2.0
use crate::diagnostic::Class;
use crate::testing::{Bench, load};

/// The start-up script of a configuration, and how what was found is graded.
fn startup(line: &str) -> (Option<super::Script>, Vec<(&'static str, Class)>) {
    let loaded = Bench::default().test(&format!("global_defs {{\nstartup_script {line}\n}}\n"));
    let found = crate::testing::graded(&loaded);
    (loaded.config.global.scripts.startup, found)
}

#[test]
fn a_command_is_one_word_and_an_account_may_follow() {
    let table: &[(&str, &[&str], &str, &str, bool)] = &[
        ("/bin/x", &["/bin/x"], "", "", false),
        ("\"/bin/x a 'b c'\" nobody", &["/bin/x", "a", "b c"], "nobody", "", false),
        ("'/bin/x a' nobody adm", &["/bin/x", "a"], "nobody", "adm", false),
        ("/bin/x nobody :adm", &["/bin/x"], "nobody", "adm", true),
        ("/bin/x nobody :", &["/bin/x"], "nobody", "", true),
        ("/bin/x nobody \"a dm\"", &["/bin/x"], "nobody", "a dm", false),
        ("\"'/opt/my app/x' -r\"", &["/opt/my app/x", "-r"], "", "", false),
        ("/bin/x\\ y", &["/bin/x y"], "", "", false),
        ("\"/bin/x a#b\"", &["/bin/x", "a#b"], "", "", false),
    ];
    for (line, argv, user, group, supplementary) in table {
        let (script, found) = startup(line);
        let script = script.expect(line);
        assert_eq!(script.argv, *argv, "{line}");
        assert_eq!(script.user.as_deref().unwrap_or_default(), *user, "{line}");
        assert_eq!(script.group.as_deref().unwrap_or_default(), *group, "{line}");
        assert_eq!(script.supplementary, *supplementary, "{line}");
        assert_eq!(found, [], "{line}");
    }
}

#[test]
fn a_line_that_cannot_be_taken_apart_is_reported_once() {
    let table: &[(&str, &[(&str, Class)])] = &[
        ("\"/bin/x", &[("KC023", Class::UnmatchedQuote)]),
        ("'/bin/x", &[("KC110", Class::UnmatchedQuote)]),
        ("\"/bin/x 'a\"", &[("KC110", Class::UnmatchedQuote)]),
        ("\"/bin/x \\\"", &[("KC110", Class::UnmatchedQuote)]),
        ("/bin/x \"nobody", &[("KC023", Class::UnmatchedQuote)]),
        ("/bin/x\\", &[("KC111", Class::Logged)]),
        ("\"/bin/x \\\\x00\"", &[]),
        ("\"/bin/x \\x00\"", &[("KC112", Class::Logged)]),
        ("\"\"", &[("KC113", Class::Logged)]),
        ("", &[("KC050", Class::MissingParameter)]),
    ];
    for (line, expected) in table {
        let (script, found) = startup(line);
        assert_eq!(&found, expected, "{line}");
        assert_eq!(script.is_some(), expected.is_empty(), "{line}");
    }
}

#[test]
fn findings_point_at_the_words_they_mean() {
    let text = "global_defs {\nstartup_script \"/bin/x \\\"a b\\\"\" nobody adm more words\n}\n";
    let loaded = load(text);
    let pointed = |code: &str| {
        let finding = loaded.diagnostics.iter().find(|finding| finding.code.id == code).expect(code);
        let span = finding.labels.first().expect(code).span;
        text[span.start as usize..span.end as usize].to_owned()
    };
    assert_eq!(pointed("KC114"), "\"/bin/x \\\"a b\\\"\"");
    assert_eq!(pointed("KC115"), "more words");
    assert_eq!(loaded.config.global.scripts.startup.expect("a script").argv, ["/bin/x", "\"a", "b\""]);
}

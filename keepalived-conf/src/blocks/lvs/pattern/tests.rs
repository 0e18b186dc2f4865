// SPDX-License-Identifier: MIT OR Apache-2.0
use super::fault;

#[test]
fn patterns_that_no_library_takes_are_found() {
    for (pattern, why) in [
        ("bad(", "a parenthesis is not closed"),
        ("a)b", "a closing parenthesis belongs to nothing"),
        ("[a-z", "a bracket is not closed"),
        ("[]", "a bracket is not closed"),
        ("[^]", "a bracket is not closed"),
        ("[a\\]", "a bracket is not closed"),
        ("a\\", "nothing follows the last backslash"),
        ("*a", "there is nothing to repeat"),
        ("(+a)", "there is nothing to repeat"),
        ("a|?", "there is nothing to repeat"),
        ("(?#never closed", "a parenthesis is not closed"),
        ("(?:a(b)", "a parenthesis is not closed"),
    ] {
        assert_eq!(fault(pattern, &[]).as_deref(), Some(why), "{pattern}");
    }
}

#[test]
fn patterns_that_may_be_right_are_left_alone() {
    for pattern in [
        "",
        "abc",
        "a(b|c)*d",
        "\\(\\[",
        "[](]",
        "[^]]x",
        "[[:alpha:]]+",
        "[[.",
        "a{2,3}",
        "a*?b++",
        "(?:x)(?<name>y)(?=z)(?!z)",
        "(?(1)a|b)",
        "(?i)a",
        "(*UTF)a",
        "(*pla:a(b)c)d",
        "(?#remark)a",
        "\\Q(*[\\E",
        "\\Q(((",
        "[\\Q]\\E]",
        "(?x) a # ( unbalanced",
        "^$|x",
    ] {
        let fault = fault(pattern, &[]);
        if pattern == "[[." {
            assert!(fault.is_some(), "an open bracket within an open one");
        } else {
            assert_eq!(fault, None, "{pattern}");
        }
    }
}

#[test]
fn options_change_what_is_right() {
    assert_eq!(fault("a # (\nb", &["extended"]), None);
    assert!(fault("a # (\nb", &[]).is_some());
    assert_eq!(fault("[]a", &["allow_empty_class"]), None);
    assert!(fault("[]a", &[]).is_some());
}

// SPDX-License-Identifier: MIT OR Apache-2.0
use super::*;

fn find(pattern: &str, options: &[&str], subject: &[u8], from: usize, to: usize) -> Result<Option<usize>, String> {
    let pattern = Pattern::compile(pattern, options)?;
    let words = |trouble: Trouble| trouble.to_string();
    let mut search = pattern.search(subject, from, to).map_err(words)?;
    loop {
        match search.step().map_err(words)? {
            Step::Found(at) => return Ok(Some(at)),
            Step::Absent => return Ok(None),
            Step::More => {}
        }
    }
}

#[test]
fn the_first_match_within_its_bounds_is_found() {
    let text = b"one two one two";
    let table: [(&str, usize, usize, Option<usize>); 8] = [
        ("two", 0, usize::MAX, Some(4)),
        ("two", 5, usize::MAX, Some(12)),
        ("two", 0, 3, None),
        ("two", 4, 4, Some(4)),
        ("two$", 0, usize::MAX, Some(12)),
        ("two.*", 5, usize::MAX, Some(12)),
        ("^one", 1, usize::MAX, None),
        ("three", 0, usize::MAX, None),
    ];
    for (pattern, from, to, expected) in table {
        assert_eq!(find(pattern, &[], text, from, to), Ok(expected), "{pattern} {from} {to}");
    }
    assert_eq!(find("^$", &[], b"", 0, usize::MAX), Ok(Some(0)));
    assert_eq!(find("x", &[], b"", 5, 3), Ok(None));
}

#[test]
fn what_perl_knows_is_known() {
    for (pattern, text) in [
        (r"(?<=a)b(?!c)", "abc abd"),
        (r"(\w)\1", "abccd"),
        (r"\((?:[^()]++|(?R))*\)", "x(a(b)c)"),
        (r"\Q.*\E", "a.*b"),
        (r"(?(?=a)ab|cd)", "cd"),
        (r"a++b", "aaab"),
    ] {
        assert!(matches!(find(pattern, &[], text.as_bytes(), 0, usize::MAX), Ok(Some(_))), "{pattern}");
    }
}

#[test]
fn every_option_that_can_be_written_is_known_and_takes_effect() {
    use keepalived_conf::blocks::lvs::pattern::OPTIONS as WRITTEN;
    let known: Vec<&str> = OPTIONS.iter().map(|(name, _)| *name).collect();
    assert!(WRITTEN.iter().all(|name| known.contains(name)) && WRITTEN.len() == known.len());
    let table: [(&str, &str, &[u8]); 8] = [
        ("caseless", "ABC", b"abc"),
        ("dotall", "a.b", b"a\nb"),
        ("multiline", "^b", b"a\nb"),
        ("extended", "a b", b"ab"),
        ("allow_empty_class", "[]|b", b"b"),
        ("alt_bsux", r"\u0061", b"a"),
        ("alt_circumflex", "(?m)a\n^$", b"a\n"),
        ("match_unset_backref", r"(a)?b\1c", b"bc"),
    ];
    for (option, pattern, text) in table {
        assert!(matches!(find(pattern, &[option], text, 0, usize::MAX), Ok(Some(_))), "{option}");
    }
    // Those that take something away.
    let fewer: [(&str, &str, &[u8]); 3] =
        [("dollar_endonly", "a$", b"a\n"), ("firstline", "b", b"a\nb"), ("never_utf", "(*UTF)a", b"a")];
    for (option, pattern, text) in fewer {
        assert!(matches!(find(pattern, &[], text, 0, usize::MAX), Ok(Some(_))), "{option}");
        assert!(!matches!(find(pattern, &[option], text, 0, usize::MAX), Ok(Some(_))), "{option}");
    }
}

#[test]
fn a_pattern_that_cannot_be_compiled_says_where_and_why() {
    let error = Pattern::compile("a(b", &[]).unwrap_err();
    assert_eq!(error, "missing closing parenthesis at offset 3");
}

#[test]
fn a_pattern_that_would_blow_up_ends_with_an_error() {
    let text = vec![b'a'; 64];
    let error = find("(a+)+$(?<=b)", &[], &text, 0, usize::MAX).unwrap_err();
    assert_eq!(error, "match limit exceeded");
}

#[test]
fn a_search_that_goes_on_for_long_is_made_of_steps() {
    let text = vec![b'a'; 100_000];
    let pattern = Pattern::compile("[^x]*y", &["no_start_optimize"]).unwrap();
    let mut search = pattern.search(&text, 0, usize::MAX).unwrap();
    assert_eq!(search.step(), Ok(Step::More), "the caller is asked before it goes on");
}

#[test]
fn steps_do_not_begin_inside_a_character() {
    let text = "äöü€".repeat(5000);
    assert_eq!(find("z", &["utf"], text.as_bytes(), 1, usize::MAX), Ok(None));
    let text = format!("{text}z");
    assert_eq!(find(".z", &["utf"], text.as_bytes(), 1, usize::MAX), Ok(Some(text.len() - 4)));
    assert_eq!(find("z", &["utf"], b"\xff", 0, 9).unwrap_err(), "it is not UTF-8, which the pattern wants");
    assert_eq!(find("z", &["utf"], b"\xff", 0, 9).is_err(), find("(*UTF)z", &[], b"\xff", 0, 9).is_err());
}

proptest::proptest! {
    /// Whatever a server sends, a search ends, and what it finds is within the text.
    #[test]
    fn any_octets_are_searched(
        text in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300),
        from in 0_usize..400,
        to in 0_usize..400,
    ) {
        for (pattern, options) in [("a+(?=b)", &[][..]), ("(?:.|\\s)*?z", &["utf"]), ("^$|[^a]$", &["multiline", "dotall"])] {
            if let Ok(Some(at)) = find(pattern, options, &text, from, to) {
                proptest::prop_assert!(at >= from && at <= to && at <= text.len());
            }
        }
    }
}

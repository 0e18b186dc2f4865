// SPDX-License-Identifier: MIT OR Apache-2.0
use super::{Fault, arguments, line};

#[test]
fn the_first_pass_joins_quoted_and_bare_pieces_and_keeps_backslashes() {
    let table: &[(&str, &[&str])] = &[
        ("", &[]),
        ("  a\tb \n", &["a", "b"]),
        (r#"script "/bin/x 'a b'" user"#, &["script", "/bin/x 'a b'", "user"]),
        (r#"script '/bin/x "a b"'"#, &["script", r#"/bin/x "a b""#]),
        (r#"a"b c"'d e'f"#, &["ab cd ef"]),
        (r#""""#, &[""]),
        (r#"a\ b "c\"d" \\"#, &[r"a\ b", r#"c\"d"#, r"\\"]),
        ("größe 'ä ö'", &["größe", "ä ö"]),
    ];
    for (text, expected) in table {
        let words: Vec<String> = line(text).unwrap().into_iter().map(|piece| piece.text).collect();
        assert_eq!(&words, expected, "{text}");
    }
}

#[test]
fn the_first_pass_knows_where_words_stand() {
    let text = r#"notify "/bin/x a" nobody"#;
    let places: Vec<&str> = line(text).unwrap().iter().map(|piece| &text[piece.start..piece.end]).collect();
    assert_eq!(places, ["notify", r#""/bin/x a""#, "nobody"]);
}

#[test]
fn the_second_pass_resolves_every_escape() {
    let table: &[(&str, &[&str])] = &[
        ("/bin/x 'a b' \"c d\"", &["/bin/x", "a b", "c d"]),
        ("'/bin/x' a", &["/bin/x", "a"]),
        ("x ''", &["x", ""]),
        (r"a\ b", &["a b"]),
        (r#"\"a b\""#, &["\"a", "b\""]),
        (r"'\a\b\E\f\n\r\t\v'", &["\u{7}\u{8}\u{1b}\u{c}\n\r\t\u{b}"]),
        (r"\x41 \x4142 \xg \x4", &["A", "A42", "xg", "\u{4}"]),
        (r"\101 \1018 \7 \8", &["A", "A8", "\u{7}", "8"]),
        (r"\cA\ca \c?", &["\u{1}\u{1}", "\u{1f}"]),
        (r"\q\\\'\$", &["q\\'$"]),
        (r"'a\'b'", &["a'b"]),
        (r"\xc3\xa4", &["ä"]),
    ];
    for (text, expected) in table {
        assert_eq!(arguments(text).unwrap(), *expected, "{text}");
    }
}

#[test]
fn what_cannot_be_cut_is_a_fault_with_its_place() {
    assert_eq!(line("a 'b"), Err(Fault::Unmatched('\'', 2)));
    assert_eq!(line("a \"b 'c'"), Err(Fault::Unmatched('"', 2)));
    assert_eq!(line("a b\\"), Err(Fault::LoneBackslash(3)));
    assert_eq!(arguments("a 'b"), Err(Fault::Unmatched('\'', 2)));
    assert_eq!(arguments("ab\\"), Err(Fault::LoneBackslash(2)));
    assert_eq!(arguments("\\x00"), Err(Fault::NotText));
    assert_eq!(arguments("\\400"), Err(Fault::NotText));
    assert_eq!(arguments("\\xff"), Err(Fault::NotText));
}

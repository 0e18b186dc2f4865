// SPDX-License-Identifier: MIT OR Apache-2.0
use super::*;
use crate::expand::Expanded;

mod random;

/// The words of a body, as `a b { c }`.
fn shape(body: Body<'_>) -> String {
    let mut out = Vec::new();
    for statement in body.statements() {
        let words: Vec<String> = statement
            .words()
            .map(|word| if word.quoted { format!("<{}>", word.text) } else { word.text.to_owned() })
            .collect();
        let words = words.join(" ");
        out.push(match statement.body() {
            None => words,
            Some(inner) if inner.is_empty() => format!("{words} {{}}"),
            Some(inner) => format!("{words} {{{}}}", shape(inner)),
        });
    }
    out.join("; ")
}

fn read(text: &str, way: Way) -> (Tree, Diagnostics) {
    let expanded = Expanded::ready("test", text.to_owned());
    let mut findings = Diagnostics::new();
    let tree = Reader::new(&expanded, &mut findings, None).read(way);
    (tree, findings)
}

/// Every row: the text, its shape, and what is said about it. Both ways of reading must agree.
fn check(rows: &[(&str, &str, &[Code])]) {
    for (text, expected, codes) in rows {
        for way in [Way::Fast, Way::Grammar] {
            let (tree, findings) = read(text, way);
            let found: Vec<Code> = findings.iter().map(|finding| finding.code).collect();
            assert_eq!(shape(tree.root()), *expected, "for {text:?} read {way:?}");
            assert_eq!(found, *codes, "for {text:?} read {way:?}");
        }
    }
}

#[test]
fn words_are_cut_at_blanks_quotes_and_braces() {
    check(&[
        ("a b\tc\u{b}d\u{c}e\rf\r\n", "a b c d e f", &[]),
        ("", "", &[]),
        ("\n \n\t\r\n", "", &[]),
        ("a", "a", &[]),
        ("a\nb\n", "a; b", &[]),
        ("a \"b c\" d", "a <b c> d", &[]),
        ("a \"\" b", "a <> b", &[]),
        ("a\"b\"c\"d\"\"e\"", "a <b> c <d> <e>", &[]),
        ("\"a\"b", "<a> b", &[]),
        ("a 'b c' 'd'", "a 'b c' 'd'", &[]),
        (r"a\ b \n \", r"a\ b \n \", &[]),
        ("a#b !c @d ~e $f", "a#b !c @d ~e $f", &[]),
        ("a \"b # { } c\" d", "a <b # { } c> d", &[]),
        ("grüße ﷽ \"ß ß\"", "grüße ﷽ <ß ß>", &[]),
        ("a\0b \u{7f}", "a\0b \u{7f}", &[]),
        ("a\u{a0}b", "a\u{a0}b", &[]),
    ]);
}

#[test]
fn braces_stand_anywhere() {
    check(&[
        ("a {\n b 1\n}\n", "a {b 1}", &[]),
        ("a\n{\nb\n}", "a {b}", &[]),
        ("a\n\n\n{ b\n}", "a {b}", &[]),
        ("a{b{c}d}e", "a {b {c}; d}; e", &[]),
        ("a { b 1 } c { d }", "a {b 1}; c {d}", &[]),
        ("a { b 1 } c\n{ d } e", "a {b 1}; c {d}; e", &[]),
        ("a { }", "a {}", &[]),
        ("a {}", "a {}", &[]),
        ("a\n{\n}\nb", "a {}; b", &[]),
        ("real_server 10.0.0.2 80 { TCP_CHECK { } }", "real_server 10.0.0.2 80 {TCP_CHECK {}}", &[]),
        ("a \"{\" {\n b \"}\"\n}", "a <{> {b <}>}", &[]),
        ("a '{' b\n} c", "a ' {' b}; c", &[]),
        ("a { b\n} c {\nd }", "a {b}; c {d}", &[]),
    ]);
}

#[test]
fn a_reference_that_was_left_stays_one_word() {
    check(&[
        ("a ${X} b", "a ${X} b", &[]),
        ("a { b ${X}/32 }", "a {b ${X}/32}", &[]),
        ("a x${X}y${_ENV A}z", "a x${X}y${_ENV A}z", &[]),
        ("a ${\nb\n}", "a $ {b}", &[]),
        ("a ${ X }", "a $ {X}", &[]),
        ("a ${1}", "a $ {1}", &[]),
        ("a ${}", "a $ {}", &[]),
        ("a $X{ b }", "a $X {b}", &[]),
        ("a ${X }", "a $ {X}", &[]),
    ]);
}

#[test]
fn braces_that_fit_nowhere_are_reported_and_ignored() {
    check(&[
        ("}\na\n", "a", &[UNEXPECTED_CLOSE]),
        ("a {\n}\n}\nb", "a {}; b", &[UNEXPECTED_CLOSE]),
        ("a { b } } c", "a {b}; c", &[UNEXPECTED_CLOSE]),
        ("a\n}\n{\nb\n}", "a; b", &[UNEXPECTED_CLOSE, UNEXPECTED_OPEN]),
        ("{\na\n}\nb", "a; b", &[UNEXPECTED_OPEN]),
        ("a {\n b\n} {\n c\n}\nd", "a {b}; c; d", &[UNEXPECTED_OPEN]),
        ("a { {\n b\n}\n c\n}\nd", "a {b; c}; d", &[UNEXPECTED_OPEN]),
        ("a {\n b\n", "a {b}", &[MISSING_CLOSE]),
        ("a {\n b {\n c\n", "a {b {c}}", &[MISSING_CLOSE]),
        ("a {\n b {\n c\n }\nd", "a {b {c}; d}", &[MISSING_CLOSE]),
        ("{", "", &[UNEXPECTED_OPEN, MISSING_CLOSE]),
    ]);
    let (_, findings) = read("a x {\n  b {\n c {\n d {\n", Way::Fast);
    let finding = findings.iter().next().unwrap();
    assert_eq!(finding.message, "4 blocks are not closed by the end of the configuration");
    assert_eq!(finding.labels.len(), UNCLOSED_SHOWN_MAX);
    let classes: Vec<Class> = read("}\n{ {\n", Way::Fast).1.iter().map(|finding| finding.class).collect();
    assert_eq!(classes, [Class::UnexpectedClose, Class::UnexpectedOpen, Class::UnexpectedOpen, Class::MissingClose]);
}

#[test]
fn a_missing_brace_is_put_where_a_keyword_wants_a_block() {
    let opens = |path: &[&str]| match path {
        ["vs"] | ["vs", "rs"] | ["vs", "rs", "check"] => Some(Class::MissingOpen),
        ["vs", "list"] => Some(Class::Logged),
        _ => None,
    };
    let rows: &[(&str, &str, &[Code])] = &[
        ("vs a\n b 1\n}\nc\n", "vs a {b 1}; c", &[MISSING_OPEN]),
        ("vs a {\n rs x\n w 1\n }\n}\n", "vs a {rs x {w 1}}", &[MISSING_OPEN]),
        ("vs a\n rs x\n check\n w 1 }}} c\n", "vs a {rs x {check {w 1}}}; c", &[MISSING_OPEN; 3]),
        ("vs a {\n list\n 1\n 2\n }\n}\n", "vs a {list {1; 2}}", &[MISSING_OPEN]),
        ("vs a {\n rs x\n w 1\n}\n", "vs a {rs x; w 1}", &[]),
        ("vs a {\n w 1\n}\n}\nvs b\n", "vs a {w 1}; vs b", &[UNEXPECTED_CLOSE]),
        ("rs a\n b\n}\n", "rs a; b", &[UNEXPECTED_CLOSE]),
        ("vs\n}\n", "vs", &[UNEXPECTED_CLOSE]),
    ];
    for (text, expected, codes) in rows {
        let expanded = Expanded::ready("test", (*text).to_owned());
        let mut findings = Diagnostics::new();
        let tree = parse_knowing(&expanded, &opens, &mut findings);
        let found: Vec<Code> = findings.iter().map(|finding| finding.code).collect();
        assert_eq!((shape(tree.root()).as_str(), found.as_slice()), (*expected, *codes), "for {text:?}");
    }
}

#[test]
fn a_quote_that_is_not_closed_drops_the_rest_of_its_line() {
    check(&[
        ("a \"b c {\nd\n", "a; d", &[UNCLOSED_QUOTE]),
        ("a b\"c\nd", "a b; d", &[UNCLOSED_QUOTE]),
        ("\"a\nb", "b", &[UNCLOSED_QUOTE]),
        ("a \"b\" \"c", "a <b>", &[UNCLOSED_QUOTE]),
        ("a \"b \\\" c", "a <b \\> c", &[]),
    ]);
    let (tree, _) = read("a \"b\" \"c  \nd\n", Way::Fast);
    let statements: Vec<Statement<'_>> = tree.root().statements().collect();
    assert_eq!((statements[0].unclosed(), statements[0].raw()), (true, "a \"b\" \"c"));
    assert!(!statements[1].unclosed());
}

/// Script keywords read quotes in their own way; what only they can judge is marked and not reported here.
#[test]
fn a_quote_behind_a_backslash_is_left_to_whoever_reads_the_line() {
    let (tree, findings) = read("script \"a \\\"b\" c\nx\n", Way::Fast);
    assert!(findings.is_empty());
    let statement = tree.root().statements().next().unwrap();
    assert_eq!((statement.raw(), statement.unclosed()), ("script \"a \\\"b\" c", true));
}

#[test]
fn a_statement_keeps_its_raw_text() {
    let text = "  script  '/bin/x \"y\"'   user \t{ a  1 }  b \"c  d\" \n\t\"e\"  f\r\n g  {\n";
    for way in [Way::Fast, Way::Grammar] {
        let (tree, _) = read(text, way);
        let mut raws = Vec::new();
        for statement in tree.root().statements() {
            raws.push(statement.raw());
            raws.extend(statement.body().into_iter().flat_map(|body| body.statements()).map(|inner| inner.raw()));
            let span = statement.span();
            assert_eq!(&tree.text()[span.start as usize..span.end as usize], statement.raw());
        }
        let expected = ["script  '/bin/x \"y\"'   user", "a  1", "b \"c  d\"", "\"e\"  f", "g"];
        assert_eq!(raws, expected, "read {way:?}");
    }
}

#[test]
fn blocks_that_are_too_deep_are_flattened() {
    let depth = 3 * BLOCK_DEPTH_MAX;
    let text = format!("{}x\n{}y\n", "a {\n".repeat(depth), "}\n".repeat(depth));
    let (tree, findings) = read(&text, Way::Fast);
    assert_eq!(findings.iter().filter(|finding| finding.code == TOO_DEEP).count(), depth - BLOCK_DEPTH_MAX);
    assert_eq!(tree.root().statements().count(), 2);
    let (mut body, mut levels) = (tree.root(), 0);
    while let Some(inner) = body.statements().find_map(|statement| statement.body()) {
        (body, levels) = (inner, levels + 1);
    }
    assert_eq!(levels, BLOCK_DEPTH_MAX);
}

#[test]
fn a_word_is_eight_bytes_and_a_statement_twelve() {
    let text = "real_server 10.0.0.1 80 {\n}\n".repeat(1000);
    let (tree, _) = read(&text, Way::Fast);
    assert_eq!(tree.statement_count(), 1000);
    assert_eq!(tree.overhead(), 1000 * (3 * 8 + 12));
}

#[test]
fn printing_is_one_statement_a_line() {
    let rows = [
        ("a { b 1 } c\n{ d\n}", "a {\n    b 1\n}\nc {\n    d\n}\n"),
        ("a  \"b c\"   \"d\"", "a \"b c\" \"d\"\n"),
        ("script  'a   b'  c", "script  'a   b'  c\n"),
        (r"router\#1 b", "router\\#1 b\n"),
        ("a \"# b\" # c", "a \"# b\"\n"),
        ("a \"\"", "a \"\"\n"),
        ("@localhost @a b", "\"@a\" b\n"),
        ("a {\n} }", "a {\n}\n"),
        ("a { b \\ }", "a {\n    b \"\\\"\n}\n"),
    ];
    for (text, printed) in rows {
        assert_eq!(print(&parse_text(text)), printed, "for {text:?}");
    }
}

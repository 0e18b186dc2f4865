// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whatever the text, reading ends, both ways of reading agree, and what is printed reads back.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-z0-9._/:-]{1,8}",
        3 => Just(" ".to_owned()),
        2 => Just("\n".to_owned()),
        1 => "[\t\r\u{b}\u{c}]",
        2 => "\\{|\\}| \\{\n|\n\\}\n",
        1 => "\"",
        1 => "\"[a-z {}#']{0,6}\"",
        1 => "['\\\\#!@~$]|\\$\\{[A-Z]\\}|\\$\\{|\\\\\"",
        1 => "\\PC{0,2}",
    ]
}

fn text() -> impl Strategy<Value = String> {
    vec(piece(), 0..60).prop_map(|pieces| pieces.concat())
}

/// Everything a reader of the tree can see.
fn whole(body: Body<'_>, out: &mut Vec<String>) {
    for statement in body.statements() {
        out.push(format!("{:?} {:?} {}", statement.span(), statement.raw(), statement.unclosed()));
        out.extend(statement.words().map(|word| format!("{word:?}")));
        if let Some(inner) = statement.body() {
            out.push("{".to_owned());
            whole(inner, out);
            out.push("}".to_owned());
        }
    }
}

/// The words alone, with the blocks.
fn words(body: Body<'_>, out: &mut Vec<String>) {
    for statement in body.statements() {
        out.extend(statement.words().map(|word| word.text.to_owned()));
        out.push(";".to_owned());
        if let Some(inner) = statement.body() {
            out.push("{".to_owned());
            words(inner, out);
            out.push("}".to_owned());
        }
    }
}

fn words_of(tree: &Tree) -> Vec<String> {
    let mut out = Vec::new();
    words(tree.root(), &mut out);
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn the_scanner_and_the_grammar_read_the_same(text in text()) {
        let (fast, fast_findings) = read(&text, Way::Fast);
        let (slow, slow_findings) = read(&text, Way::Grammar);
        let (mut left, mut right) = (Vec::new(), Vec::new());
        whole(fast.root(), &mut left);
        whole(slow.root(), &mut right);
        prop_assert_eq!(left, right);
        prop_assert_eq!(fast_findings, slow_findings);
    }

    #[test]
    fn the_grammar_takes_every_line(line in "[^\n]{0,40}") {
        prop_assert!(Shape::parse(Rule::line, &line).is_ok());
    }

    #[test]
    fn what_is_printed_reads_back(text in text()) {
        let first = parse_text(&text);
        let printed = print(&first);
        let second = parse_text(&printed);
        prop_assert_eq!(words_of(&first), words_of(&second), "printed {:?}", printed);
        prop_assert_eq!(print(&second), printed);
    }

    #[test]
    fn every_statement_has_words_and_every_word_its_place(text in text()) {
        let tree = parse_text(&text);
        let mut waiting = vec![tree.root()];
        let mut count = 0;
        while let Some(body) = waiting.pop() {
            for statement in body.statements() {
                count += 1;
                prop_assert!(statement.words().len() > 0);
                let span = statement.span();
                for word in statement.words() {
                    prop_assert_eq!(&tree.text()[word.span.start as usize..word.span.end as usize], word.text);
                    prop_assert!(span.start <= word.span.start && word.span.end <= span.end);
                }
                waiting.extend(statement.body());
            }
        }
        prop_assert_eq!(count, tree.statement_count());
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! `steadfast explain`: what a keyword or a finding means.

use std::ffi::OsString;

use keepalived_conf::blocks;
use keepalived_conf::schema::{Again, Entry, Origin, Status, nearest};

use super::{Output, usage};

/// The paragraphs on lints; `explain KL001` prints one.
const LINTS: &str = include_str!("../../docs/lints.md");

pub(super) fn run(words: Vec<OsString>, output: &mut Output<'_>) -> u8 {
    let words: Vec<String> = words.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let (word, block) = match words.as_slice() {
        [word] => (word.as_str(), None),
        [word, block @ ..] if !block.is_empty() => (word.as_str(), Some(block.join(" "))),
        _ => return usage("explain", "no keyword to explain", output),
    };
    if let Some(paragraph) = lint(word) {
        output.print(paragraph);
        return 0;
    }
    let found: Vec<&Entry> = blocks::entries()
        .iter()
        .filter(|entry| entry.row.name == word)
        .filter(|entry| block.as_ref().is_none_or(|block| entry.block().ends_with(block.as_str())))
        .collect();
    if found.is_empty() {
        output.complain(match &block {
            Some(block) => format!("no keyword `{word}` in a block `{block}`"),
            None => format!("no keyword `{word}`"),
        });
        if let Some(near) = nearest(word, blocks::entries().iter().map(|entry| entry.row.name)) {
            output.complain(format_args!("did you mean `{near}`?"));
        }
        return 1;
    }
    // Common keywords of the checkers say the same in eleven blocks: once is enough.
    let mut told: Vec<(String, Vec<String>)> = Vec::new();
    for entry in found {
        let text = body(entry);
        match told.iter_mut().find(|(other, _)| *other == text) {
            Some((_, places)) => places.push(entry.block()),
            None => told.push((text, vec![entry.block()])),
        }
    }
    for (text, places) in told {
        output.print(format_args!("{word}, in {}\n{text}", places.join(", ")));
    }
    0
}

fn body(entry: &Entry) -> String {
    let row = &entry.row;
    let mut text = String::new();
    let mut say = |title: &str, what: &str| {
        if !what.is_empty() {
            text.push_str(&format!("  {title:<10} {what}\n"));
        }
    };
    let usage = row.usage();
    say("usage", format!("{} {usage}", row.name).trim_end());
    say("entries", row.entry);
    say("means", row.doc);
    say("default", row.default);
    say("otherwise", row.otherwise);
    say(
        "again",
        match row.again {
            Again::Last => "",
            Again::First => "the first one counts, later ones are an error",
            Again::Adds => "each one adds",
        },
    );
    say("note", row.note);
    match row.status {
        Status::Done => {}
        Status::NotYet(why) => say("not yet", why),
        Status::NoEffect(why) => say("no effect", why),
        Status::Deprecated(instead) => say("deprecated", instead),
    }
    match row.origin {
        Origin::Upstream => say("since", &format!("keepalived {}", row.since)),
        Origin::Steadfast => say("origin", "Steadfast; keepalived does not know it"),
    }
    say("example", row.example);
    text
}

/// The paragraph of a lint: from its heading to the next.
fn lint(code: &str) -> Option<&'static str> {
    if !code.starts_with("KL") {
        return None;
    }
    let start = LINTS.find(&format!("### {code}:"))?;
    let rest = LINTS.get(start..)?;
    let end = rest.get(4..).and_then(|rest| rest.find("\n##")).map_or(rest.len(), |end| end + 4);
    rest.get(4..end).map(str::trim_end)
}

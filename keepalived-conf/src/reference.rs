// SPDX-License-Identifier: MIT OR Apache-2.0
//! The keyword reference, made from the rows.

pub mod man;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::blocks;
use crate::schema::{Entry, Origin, Status};

/// What stands above the tables.
const HEAD: &str = "\
# Keywords

Every keyword of the configuration, block by block. Made from the tables the reader itself uses; do not edit, but run
`make docs`.

In the arguments `[...]` may be left out and `a|b` is one of these words; a keyword without arguments switches something
on. `since` is the first release of keepalived that takes the keyword in that block; keywords with *Steadfast* there are
our own, and keepalived reports them as unknown. Times are in seconds unless it says otherwise.
";

/// The whole reference as Markdown.
pub fn markdown() -> String {
    render(blocks::entries())
}

/// The tables of these rows, which stand together block by block.
fn render(entries: &[Entry]) -> String {
    let mut text = HEAD.to_owned();
    let _ = write!(text, "\n{}\n", summary(entries));
    let blocks: BTreeSet<&[&str]> = entries.iter().map(|entry| entry.path.as_slice()).collect();
    let mut block = None;
    for entry in entries {
        let here = entry.block();
        if block.as_ref() != Some(&here) {
            let _ = write!(text, "\n## {here}\n\n");
            text.push_str("| keyword | arguments | default | otherwise | meaning | since |\n");
            text.push_str("| --- | --- | --- | --- | --- | --- |\n");
            block = Some(here);
        }
        let inside = [entry.path.as_slice(), &[entry.row.name]].concat();
        line(&mut text, entry, blocks.contains(inside.as_slice()));
    }
    text
}

/// How many keywords there are.
fn summary(entries: &[Entry]) -> String {
    let ours = entries.iter().filter(|entry| entry.row.origin == Origin::Steadfast).count();
    let missing = entries.iter().filter(|entry| matches!(entry.row.status, Status::NotYet(_))).count();
    format!(
        "{} keywords, counted once for each block they stand in; {ours} of them are our own. {missing} are read but \
         not implemented yet.",
        entries.len()
    )
}

fn line(text: &mut String, entry: &Entry, is_block: bool) {
    let row = &entry.row;
    let mut usage = row.usage();
    if is_block || !row.entry.is_empty() {
        let blank = if usage.is_empty() { "" } else { " " };
        let entry = if row.entry.is_empty() { "" } else { " " };
        let _ = write!(usage, "{blank}{{{entry}{} ... }}", row.entry);
    }
    let usage = if usage.is_empty() { String::new() } else { code(&usage) };
    let mut meaning = row.doc.to_owned();
    if !row.note.is_empty() {
        meaning.push(' ');
        meaning.push_str(row.note);
    }
    if !row.example.is_empty() {
        let _ = write!(meaning, " Example: `{}`.", row.example);
    }
    match row.status {
        Status::Done => {}
        Status::NotYet(missing) => {
            let _ = write!(meaning, " *Not implemented yet: {missing}.*");
        }
        Status::NoEffect(why) => {
            let _ = write!(meaning, " *No effect: {why}.*");
        }
        Status::Deprecated(instead) => {
            let _ = write!(meaning, " *Deprecated: {instead}.*");
        }
    }
    let since = match row.origin {
        Origin::Upstream => row.since.replace('<', "before "),
        Origin::Steadfast => "*Steadfast*".to_owned(),
    };
    let cells = [code(row.name), usage, row.default.to_owned(), row.otherwise.to_owned(), meaning, since];
    text.push('|');
    for cell in cells {
        // A bar would end the cell, even in code.
        let _ = write!(text, " {} |", cell.replace('|', "\\|").replace('\n', " "));
    }
    text.push('\n');
}

fn code(text: &str) -> String {
    format!("`{text}`")
}

#[cfg(test)]
mod tests;

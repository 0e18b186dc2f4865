// SPDX-License-Identifier: MIT OR Apache-2.0
//! A tree as text, one statement a line, that reads back as the same tree.

use super::{Body, Statement, Tree};
use crate::expand::Checks;

const BLANKS: [char; 6] = [' ', '\t', '\r', '\n', '\u{b}', '\u{c}'];

/// The configuration in a form that depends on its words alone: remarks, definitions and blanks are gone.
///
/// A statement with a backslash or a single quote is kept as it was written, because keywords that take commands read
/// those with rules of their own.
pub fn print(tree: &Tree) -> String {
    let mut out = String::with_capacity(tree.text().len());
    body(tree.root(), 0, &mut out);
    out
}

fn body(statements: Body<'_>, depth: usize, out: &mut String) {
    for statement in statements.statements() {
        indent(depth, out);
        line(statement, out);
        let Some(inner) = statement.body() else {
            out.push('\n');
            continue;
        };
        out.push_str(" {\n");
        body(inner, depth + 1, out);
        indent(depth, out);
        out.push_str("}\n");
    }
}

fn indent(depth: usize, out: &mut String) {
    (0..depth).for_each(|_| out.push_str("    "));
}

fn line(statement: Statement<'_>, out: &mut String) {
    let start = out.len();
    let raw = statement.raw();
    // A lone backslash at the end of a line would lose the blank before it.
    let lone = raw.strip_suffix('\\').is_some_and(|before| before.ends_with(BLANKS));
    if raw.contains(['\\', '\'']) && !statement.unclosed() && !lone && !is_directive(raw) {
        out.push_str(raw);
    } else {
        for (index, word) in statement.words().enumerate() {
            if index > 0 {
                out.push(' ');
            }
            let bare = !word.quoted && word.text != "\\" && (index > 0 || !is_directive(word.text));
            if bare && !word.text.is_empty() {
                out.push_str(word.text);
            } else {
                out.push('"');
                out.push_str(word.text);
                out.push('"');
            }
        }
    }
    escape_remarks(out, start);
}

/// Whether the line pass would take a line that starts so for one of its own.
fn is_directive(text: &str) -> bool {
    let word = text.split(BLANKS).next().unwrap_or("");
    text.starts_with(['@', '~', '$']) || Checks::of_directive(word).is_some()
}

/// Puts a backslash before what would start a remark.
fn escape_remarks(out: &mut String, start: usize) {
    let text = out.get(start..).unwrap_or("");
    if !text.contains(['#', '!']) {
        return;
    }
    let mut escaped = String::with_capacity(text.len() + 2);
    let (mut quoted, mut hidden) = (false, false);
    for character in text.chars() {
        if matches!(character, '#' | '!') && !quoted && !hidden {
            escaped.push('\\');
        }
        quoted ^= character == '"' && !hidden;
        hidden = character == '\\' && !hidden;
        escaped.push(character);
    }
    out.truncate(start);
    out.push_str(&escaped);
}

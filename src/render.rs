// SPDX-License-Identifier: MIT OR Apache-2.0
//! Findings as people and programs read them: with carets, in one line, as JSON.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use keepalived_conf::diagnostic::{Diagnostic, Severity};
use keepalived_conf::map::{Location, SourceMap};
use keepalived_conf::schema::nearest;
use serde_json::{Value, json};

/// The form with carets, as `steadfast check` prints it.
#[derive(Debug)]
pub struct Human {
    renderer: Renderer,
}

impl Human {
    pub fn new(colour: bool) -> Human {
        Human { renderer: if colour { Renderer::styled() } else { Renderer::plain() } }
    }

    pub fn render(&self, finding: &Diagnostic, map: &SourceMap) -> String {
        let level = match finding.severity {
            Severity::Note => Level::NOTE,
            Severity::Warning => Level::WARNING,
            Severity::Error => Level::ERROR,
        };
        let mut group = Group::with_title(level.primary_title(&finding.message).id(finding.code.id));
        let mut steps = Vec::new();
        let places: Vec<(Location<'_>, String)> = finding
            .labels
            .iter()
            .map(|label| {
                let at = map.locate(label.span);
                let shown = without_secrets(at.line_text);
                (at, shown)
            })
            .collect();
        for (number, ((at, shown), label)) in places.iter().zip(&finding.labels).enumerate() {
            let kind = if number == 0 { AnnotationKind::Primary } else { AnnotationKind::Context };
            let mut annotation = kind.span(at.caret.clone());
            if !label.text.is_empty() {
                annotation = annotation.label(&label.text);
            }
            let line = usize::try_from(at.line).unwrap_or(1);
            group = group.element(Snippet::source(shown).line_start(line).path(at.file).annotation(annotation));
            steps.extend(at.chain.iter().map(ToString::to_string));
        }
        steps.dedup();
        for text in steps.iter().chain(&finding.notes) {
            group = group.element(Level::NOTE.message(text));
        }
        for hint in &finding.hints {
            group = group.element(Level::HELP.message(hint));
        }
        self.renderer.render(&[group])
    }
}

/// A line as it may be shown: the words of passwords and keys are stars, as long as they were.
fn without_secrets(line: &str) -> String {
    let mut shown = String::with_capacity(line.len());
    let mut before: [&str; 2] = ["", ""];
    // A keyword may be quoted, and a misspelt one does not make the word after it public.
    let is_like = |word: &str, keyword: &'static str| nearest(word.trim_matches('"'), [keyword]).is_some();
    for piece in line.split_inclusive([' ', '\t', '{', '}', ';']) {
        let word = piece.trim_end_matches([' ', '\t', '{', '}', ';']);
        let secret = match before {
            ["key", id] => id.parse::<u8>().is_ok() && !word.starts_with("file:"),
            [_, keyword] => is_like(keyword, "auth_pass") || is_like(keyword, "password"),
        };
        let address = is_like(before[1], "notify_webhook");
        // Every byte becomes a star, so that carets still point at the same place.
        let hidden = match (secret, address) {
            (true, _) => "*".repeat(word.len()),
            (false, true) => host_only(word),
            (false, false) => word.to_owned(),
        };
        shown.push_str(&hidden);
        shown.push_str(piece.get(word.len()..).unwrap_or_default());
        if !word.is_empty() {
            // A quoted secret may hold blanks: what follows it on the line is hidden too.
            before = if secret || address { before } else { [before[1], word] };
        }
    }
    shown
}

/// Of an address that may hold a secret, the host: `https://***@host/***`. Of what is no address, nothing.
fn host_only(word: &str) -> String {
    let stars = |text: &str| "*".repeat(text.len());
    let Some((scheme, rest)) = word.split_once("://") else { return stars(word) };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(end);
    let (user, host) = match authority.rfind('@') {
        Some(at) => authority.split_at(at),
        None => ("", authority),
    };
    let (first, tail) = tail.split_at(tail.len().min(1));
    format!("{scheme}://{}{host}{first}{}", stars(user), stars(tail))
}

/// One line for a log: `file:line:column: error[KC052]: message: label; then: ...`.
pub fn line(finding: &Diagnostic, map: &SourceMap) -> String {
    let mut text = match place(finding, map) {
        Some(at) => format!("{}:{}:{}: ", at.file, at.line, at.column),
        None => String::new(),
    };
    text.push_str(&format!("{}[{}]: {}", finding.severity.name(), finding.code.id, finding.message));
    append_details(&mut text, finding);
    text
}

/// As keepalived's configuration test prefixes its messages: `(FILE: Line N) ...`.
pub fn config_test_line(finding: &Diagnostic, map: &SourceMap) -> String {
    let mut text = match place(finding, map) {
        Some(at) => format!("({}: Line {}) ", at.file, at.line),
        None => String::new(),
    };
    text.push_str(&finding.message);
    append_details(&mut text, finding);
    text
}

fn append_details(text: &mut String, finding: &Diagnostic) {
    let labels = finding.labels.iter().take(1).map(|label| label.text.as_str()).filter(|label| !label.is_empty());
    for detail in labels.chain(finding.notes.iter().map(String::as_str)).chain(finding.hints.iter().map(String::as_str))
    {
        text.push_str("; ");
        text.push_str(detail);
    }
}

/// Where a finding is; `None` for one about no place in particular.
pub fn place<'map>(finding: &Diagnostic, map: &'map SourceMap) -> Option<Location<'map>> {
    finding.labels.first().map(|label| map.locate(label.span))
}

/// The form for programs. Columns count characters from 1.
pub fn to_json(finding: &Diagnostic, map: &SourceMap) -> Value {
    let labels: Vec<Value> = finding
        .labels
        .iter()
        .map(|label| {
            let at = map.locate(label.span);
            let chain: Vec<Value> =
                at.chain.iter().map(|step| json!({"what": step.what, "file": step.file, "line": step.line})).collect();
            json!({
                "file": at.file, "line": at.line, "column": at.column,
                "length": at.line_text.get(at.caret.clone()).map_or(0, |text| text.chars().count()),
                "text": label.text, "chain": chain,
            })
        })
        .collect();
    json!({
        "severity": finding.severity.name(),
        "code": finding.code.id,
        "title": finding.code.title,
        "message": finding.message,
        "places": labels,
        "notes": finding.notes,
        "hints": finding.hints,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_and_keys_are_stars_and_nothing_else_is() {
        let table = [
            ("auth_pass correct-horse", "auth_pass *************"),
            ("  auth_pass \"two words\"", "  auth_pass **** ******"),
            ("authentication { auth_pass x }", "authentication { auth_pass * }"),
            ("key 1 0123456789", "key 1 **********"),
            ("key 1 file:/etc/key", "key 1 file:/etc/key"),
            ("key /etc/ssl/key.pem", "key /etc/ssl/key.pem"),
            ("password secret", "password ******"),
            ("priority 100", "priority 100"),
            ("auth_pass é", "auth_pass **"),
            ("auth_pas secret", "auth_pas ******"),
            ("pasword secret", "pasword ******"),
            ("notify_webhook https://h.example/s3cr3t", "notify_webhook https://h.example/******"),
            ("notify_webhook https://me:pw@h:8443?s3cr3t", "notify_webhook https://*****@h:8443?******"),
            ("notify_webhook \"https://h/a b{c}\"", "notify_webhook \"https://h/* *{*}*"),
            ("notify_webhok https://h/s3cr3t", "notify_webhok https://h/******"),
            ("notify_webhook h/s3cr3t", "notify_webhook ********"),
            ("notify_webhook http://h # why", "notify_webhook http://h * ***"),
        ];
        for (line, shown) in table {
            assert_eq!(without_secrets(line), shown);
        }
    }
}

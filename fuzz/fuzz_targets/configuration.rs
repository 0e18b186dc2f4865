// SPDX-License-Identifier: MIT OR Apache-2.0
//! Any octets as a configuration: files, lines, shape, and the printed form. A line of only `=====` starts the next file:
//! the first is the main one, the others are `1.conf`, `2.conf` and so on, which includes may name.

#![no_main]

use std::path::Path;

use keepalived_conf::diagnostic::Diagnostics;
use keepalived_conf::expand::{self, Checks, Options};
use keepalived_conf::source::MemoryHost;
use keepalived_conf::span::Span;
use keepalived_conf::syntax::{self, Body};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut host = MemoryHost::new().with_hostname("node").with_env("A", "value").directory("dir").fifo("pipe");
    for (number, part) in parts(data).enumerate() {
        host = host.file(format!("{number}.conf"), part);
    }
    let checks = if data.first() == Some(&b'\n') { Checks::ALL } else { Checks::NONE };
    let options = Options { config_id: None, checks };
    let (expanded, mut findings) = expand::load(&host, Path::new("0.conf"), &options);
    let text = expanded.text();
    assert!(text.is_empty() || text.ends_with('\n'));
    let tree = syntax::parse(&expanded, &mut findings);
    for finding in &findings {
        for label in &finding.labels {
            let place = expanded.map.locate(label.span);
            assert!(place.line_text.get(place.caret).is_some());
        }
    }
    let first = words(tree.root(), &expanded);
    let printed = syntax::print(&tree);
    let again = expand::Expanded::ready("printed", printed);
    let same = words(syntax::parse(&again, &mut Diagnostics::new()).root(), &again);
    // Remarks are escaped in the printed form; a shape reader alone does not take that back.
    assert_eq!(first.len(), same.len());
});

fn parts(data: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let mut parts = vec![Vec::new()];
    for line in data.split_inclusive(|byte| *byte == b'\n') {
        if line == b"=====\n" {
            parts.push(Vec::new());
        } else if let Some(last) = parts.last_mut() {
            last.extend_from_slice(line);
        }
    }
    parts.into_iter()
}

/// How many words are looked up on the map: a repetition can write very many.
const PLACES: usize = 2_000;

/// Every word; those looked up must have a place.
fn words(body: Body<'_>, expanded: &expand::Expanded) -> Vec<String> {
    let mut out = Vec::new();
    let mut waiting = vec![body];
    while let Some(body) = waiting.pop() {
        for statement in body.statements() {
            assert!(statement.words().len() > 0);
            for word in statement.words() {
                if out.len() < PLACES {
                    let place = expanded.map.locate(Span::new(word.span.start, word.span.end));
                    assert!(place.line_text.get(place.caret).is_some());
                }
                out.push(word.text.to_owned());
            }
            waiting.extend(statement.body());
        }
    }
    out
}

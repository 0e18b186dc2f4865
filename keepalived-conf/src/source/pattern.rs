// SPDX-License-Identifier: MIT OR Apache-2.0
//! Include patterns: the C library's glob with brace expansion, over the names a [`Host`] lists.

use std::path::{Path, PathBuf};

use glob::{MatchOptions, Pattern};

use super::{Host, Kind};

/// How many patterns the braces of one may stand for.
pub const ALTERNATIVES_MAX: usize = 1024;

/// How many names are compared for one pattern.
pub const COMPARED_MAX: usize = 1 << 20;

/// As in a shell: `*` does not cross `/`, and a leading dot must be written.
const OPTIONS: MatchOptions =
    MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };

/// What a pattern found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matches {
    /// Paths as the pattern spells them (relative ones stay relative), alternative by alternative, each sorted.
    pub paths: Vec<PathBuf>,
    /// Alternatives without wildcards for which nothing exists.
    pub missing: Vec<String>,
    /// A limit stopped the search: more braces than [`ALTERNATIVES_MAX`] or more names than [`COMPARED_MAX`].
    pub cut_short: bool,
}

/// Everything `pattern` matches, seen from `directory`.
pub fn find(host: &dyn Host, directory: &Path, pattern: &str) -> Matches {
    let mut matches = Matches::default();
    let mut budget = COMPARED_MAX;
    let mut alternatives = Vec::new();
    if !alternatives_of(pattern, &mut alternatives) {
        matches.cut_short = true;
    }
    for alternative in alternatives {
        let before = matches.paths.len();
        let wild = has_wildcards(&alternative);
        descend(host, directory, &alternative, &mut matches, &mut budget);
        // A wildcard below a directory that does not exist counts as a plain name that does not exist.
        let literal_parent = alternative.rsplit_once('/').is_some_and(|(parent, _)| {
            !has_wildcards(parent) && host.kind(&directory.join(format!("{parent}/"))) == Kind::Missing
        });
        if matches.paths.len() == before && (!wild || literal_parent) {
            matches.missing.push(alternative);
        }
    }
    matches.cut_short |= budget == 0;
    matches
}

/// Whether the C library would take it for a pattern: `*`, `?`, a backslash, or a bracket that is closed.
pub fn has_wildcards(pattern: &str) -> bool {
    pattern.contains(['*', '?', '\\']) || pattern.find('[').is_some_and(|at| pattern[at..].contains(']'))
}

/// Whether it has an alternative in braces.
pub fn has_braces(pattern: &str) -> bool {
    first_braces(pattern).is_some()
}

/// Writes out `{a,b}`; false when there are too many.
fn alternatives_of(pattern: &str, out: &mut Vec<String>) -> bool {
    let mut waiting = vec![pattern.to_owned()];
    let mut steps = 0;
    while let Some(next) = waiting.pop() {
        steps += 1;
        if out.len() >= ALTERNATIVES_MAX || steps > 4 * ALTERNATIVES_MAX {
            return false;
        }
        let Some((open, commas, close)) = first_braces(&next) else {
            out.push(next);
            continue;
        };
        let mut ends = commas;
        ends.push(close);
        let mut start = open + 1;
        let mut found = Vec::new();
        for end in ends {
            found.push(format!("{}{}{}", &next[..open], &next[start..end], &next[close + 1..]));
            start = end + 1;
        }
        if waiting.len() + found.len() > ALTERNATIVES_MAX {
            return false;
        }
        waiting.extend(found.into_iter().rev());
    }
    true
}

/// The first `{...}` that closes: the offsets of its brace, of its own commas, and of its closing brace.
fn first_braces(pattern: &str) -> Option<(usize, Vec<usize>, usize)> {
    let mut open: Vec<(usize, Vec<usize>)> = Vec::new();
    let mut outermost = None;
    let mut escaped = false;
    for (at, byte) in pattern.bytes().enumerate() {
        if std::mem::take(&mut escaped) {
            continue;
        }
        match byte {
            b'\\' => escaped = true,
            // `{}` stands for itself.
            b'{' if pattern[at + 1..].starts_with('}') => escaped = true,
            b'{' => open.push((at, Vec::new())),
            b',' => {
                if let Some((_, commas)) = open.last_mut() {
                    commas.push(at);
                }
            }
            b'}' => {
                if let Some((start, commas)) = open.pop() {
                    let found = (start, commas, at);
                    if open.is_empty() {
                        return Some(found);
                    }
                    // Kept in case the outer ones never close.
                    outermost = Some(found);
                }
            }
            _ => {}
        }
    }
    outermost
}

/// Adds the paths one alternative matches, part by part.
fn descend(host: &dyn Host, directory: &Path, pattern: &str, out: &mut Matches, budget: &mut usize) {
    if pattern.is_empty() {
        return;
    }
    let (mut found, rest) = match pattern.strip_prefix('/') {
        Some(rest) => (vec![PathBuf::from("/")], rest),
        None => (vec![PathBuf::new()], pattern),
    };
    let mut parts = rest.split('/').filter(|part| !part.is_empty()).peekable();
    while let Some(part) = parts.next() {
        let last = parts.peek().is_none();
        let mut next = Vec::new();
        if has_wildcards(part) {
            let Ok(matcher) = Pattern::new(&translated(part)) else {
                return;
            };
            for parent in &found {
                for name in host.list(&directory.join(parent)).unwrap_or_default() {
                    if *budget == 0 {
                        return;
                    }
                    *budget -= 1;
                    if matcher.matches_with(&name, OPTIONS) {
                        next.push(parent.join(&name));
                    }
                }
            }
        } else {
            next.extend(found.iter().map(|parent| parent.join(part)));
        }
        let wants_directory = !last || pattern.ends_with('/');
        next.retain(|path| match host.kind(&directory.join(path)) {
            Kind::Directory => true,
            Kind::Missing => false,
            Kind::Regular { .. } | Kind::Fifo | Kind::Other | Kind::Denied => !wants_directory,
        });
        found = next;
    }
    out.paths.append(&mut found);
}

/// One part of a pattern in the spelling of the matching library, which has no backslash, takes `**` for more than
/// `*`, and knows only `[!...]`.
fn translated(part: &str) -> String {
    let mut out = String::with_capacity(part.len() + 4);
    let mut characters = part.chars().peekable();
    let mut in_set = false;
    while let Some(character) = characters.next() {
        match character {
            '\\' if !in_set => {
                let literal = characters.next().unwrap_or('\\');
                out.push_str(&Pattern::escape(&literal.to_string()));
            }
            '*' if !in_set && out.ends_with('*') => {}
            '[' if !in_set => {
                in_set = true;
                out.push('[');
                if characters.next_if(|next| matches!(next, '!' | '^')).is_some() {
                    out.push('!');
                }
                if characters.next_if_eq(&']').is_some() {
                    out.push(']');
                }
            }
            ']' => {
                in_set = false;
                out.push(']');
            }
            other => out.push(other),
        }
    }
    out
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which failures of an include are serious: `include_check` in `global_defs`, the letter of the directive, `-e`.

/// A set of checks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checks {
    /// A file that matches can be read: plain, not executable, permitted.
    pub read: bool,
    /// A pattern without wildcards matches something.
    pub matches: bool,
    /// A pattern with wildcards matches something.
    pub wildcard: bool,
    /// Every alternative of a brace expression matches something.
    pub brace: bool,
}

impl Checks {
    pub const NONE: Checks = Checks { read: false, matches: false, wildcard: false, brace: false };
    pub const ALL: Checks = Checks { read: true, matches: true, wildcard: true, brace: true };

    /// The checks an include directive asks for by its name; none when it is no directive.
    pub fn of_directive(word: &str) -> Option<Checks> {
        let read = Checks { read: true, ..Checks::NONE };
        match word {
            "include" => Some(Checks::NONE),
            "includer" => Some(read),
            "includem" => Some(Checks { matches: true, ..read }),
            "includew" => Some(Checks { matches: true, wildcard: true, ..read }),
            "includeb" => Some(Checks { brace: true, ..read }),
            "includea" => Some(Checks::ALL),
            _ => None,
        }
    }

    #[must_use]
    pub fn with(self, other: Checks) -> Checks {
        Checks {
            read: self.read || other.read,
            matches: self.matches || other.matches,
            wildcard: self.wildcard || other.wildcard,
            brace: self.brace || other.brace,
        }
    }

    /// What the words after `include_check` make of these. Words that are wrong change nothing, except that the first
    /// word without a sign clears the set.
    #[must_use]
    pub fn adjusted<'a>(self, words: impl Iterator<Item = &'a str>) -> Checks {
        let mut checks = self;
        let (mut any, mut plain) = (false, false);
        for word in words {
            any = true;
            let (on, name) = match (word.strip_prefix('+'), word.strip_prefix('-')) {
                (Some(name), _) => (true, name),
                (None, Some(name)) => (false, name),
                (None, None) if plain => continue,
                (None, None) => {
                    plain = true;
                    checks = Checks::NONE;
                    (true, word)
                }
            };
            match name {
                "read" => checks.read = on,
                "match" => checks.matches = on,
                "wildcard_match" => checks.wildcard = on,
                "brace_match" => checks.brace = on,
                _ => continue,
            }
            // Whoever asks for a match also asks for a file that can be read.
            checks.read |= on;
        }
        if any { checks } else { Checks::ALL }
    }
}

/// Follows the braces of the expanded text far enough to know whether a line is in `global_defs`.
///
/// It only runs when a line has `include_check` in it, from where it stopped the last time.
#[derive(Debug, Default)]
pub(super) struct Globals {
    seen: usize,
    depth: u32,
    inside: bool,
    /// The first word of the line or piece at the outermost level.
    word: String,
}

impl Globals {
    /// Applies every `include_check` in `text` that was not seen before.
    pub(super) fn follow(&mut self, text: &str, mut checks: Checks) -> Checks {
        let fresh = text.get(self.seen..).unwrap_or("");
        self.seen = text.len();
        for line in fresh.lines() {
            let mut rest = line;
            loop {
                let cut = brace_in(rest);
                let piece = rest.get(..cut.unwrap_or(rest.len())).unwrap_or("");
                checks = self.piece(piece, checks);
                let Some(at) = cut else { break };
                self.brace(rest.as_bytes().get(at) == Some(&b'{'));
                rest = rest.get(at + 1..).unwrap_or("");
            }
        }
        checks
    }

    fn piece(&mut self, piece: &str, checks: Checks) -> Checks {
        let mut words = piece.split_ascii_whitespace().map(|word| word.trim_matches('"'));
        let Some(first) = words.next() else {
            return checks;
        };
        if self.depth == 0 {
            first.clone_into(&mut self.word);
        }
        if self.depth == 1 && self.inside && first == "include_check" { checks.adjusted(words) } else { checks }
    }

    fn brace(&mut self, open: bool) {
        if open {
            if self.depth == 0 {
                self.inside = self.word == "global_defs";
            }
            self.depth += 1;
        } else {
            self.depth = self.depth.saturating_sub(1);
        }
    }
}

/// The first brace outside double quotes.
fn brace_in(text: &str) -> Option<usize> {
    let mut quoted = false;
    text.bytes().position(|byte| {
        quoted ^= byte == b'"';
        !quoted && matches!(byte, b'{' | b'}')
    })
}

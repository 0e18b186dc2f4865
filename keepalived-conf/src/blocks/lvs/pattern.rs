// SPDX-License-Identifier: MIT OR Apache-2.0
//! `regex`: a pattern the body of an answer must match.
//!
//! Whether a pattern compiles is only known to the library that runs it; [`crate::source::Host::regex_error`] asks it.
//! What no library takes is found here already: brackets that do not close, and a backslash before nothing.

use crate::span::Place;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Pattern {
    pub text: String,
    /// The check succeeds when it does not match.
    pub no_match: bool,
    pub options: Vec<&'static str>,
    pub min_offset: u32,
    pub max_offset: Option<u32>,
    /// First and largest size of the stack of the compiled pattern.
    pub stack: Option<(u32, u32)>,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub place: Place,
}

/// The options of PCRE2 that may be named.
pub const OPTIONS: &[&str] = &[
    "allow_empty_class",
    "alt_bsux",
    "auto_callout",
    "caseless",
    "dollar_endonly",
    "dotall",
    "dupnames",
    "extended",
    "firstline",
    "match_unset_backref",
    "multiline",
    "never_ucp",
    "never_utf",
    "no_auto_capture",
    "no_auto_possess",
    "no_dotstar_anchor",
    "no_start_optimize",
    "ucp",
    "ungreedy",
    "utf",
    "never_backslash_c",
    "alt_circumflex",
    "alt_verbnames",
    "use_offset_limit",
];

/// What a backslash of a pattern stands before, and what means something else without it. Letters that are escapes of
/// the line itself are not here.
pub(crate) const ESCAPES: &[u8] = b"dDwWsSBRNAzZGKQEpPuUhHVXC.()[]{}|*+?^$";

/// Why no library would take the pattern. `None` does not mean that one would.
pub(crate) fn fault(pattern: &str, options: &[&str]) -> Option<String> {
    let mut reader = Reader {
        bytes: pattern.as_bytes(),
        at: 0,
        depth: 0,
        repeats: false,
        empty_class: options.contains(&"allow_empty_class"),
        remarks: options.contains(&"extended"),
    };
    reader.read().err().map(str::to_owned)
}

struct Reader<'p> {
    bytes: &'p [u8],
    at: usize,
    depth: u32,
    /// Whether there is something a quantifier could repeat.
    repeats: bool,
    empty_class: bool,
    remarks: bool,
}

impl Reader<'_> {
    fn read(&mut self) -> Result<(), &'static str> {
        while let Some(byte) = self.next() {
            match byte {
                b'\\' => self.escape()?,
                b'[' => self.class()?,
                b'(' => {
                    if !self.group()? {
                        return Ok(());
                    }
                }
                b')' => {
                    self.depth = self.depth.checked_sub(1).ok_or("a closing parenthesis belongs to nothing")?;
                    self.repeats = true;
                }
                b'|' => self.repeats = false,
                b'*' | b'+' | b'?' if !self.repeats => return Err("there is nothing to repeat"),
                b'#' if self.remarks => self.skip_past(b"\n").unwrap_or(()),
                b' ' | b'\t' | b'\n' if self.remarks => {}
                _ => self.repeats = true,
            }
        }
        if self.depth > 0 { Err("a parenthesis is not closed") } else { Ok(()) }
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.bytes.get(self.at).copied()?;
        self.at += 1;
        Some(byte)
    }

    fn rest(&self) -> &[u8] {
        self.bytes.get(self.at..).unwrap_or(&[])
    }

    fn skip_past(&mut self, end: &[u8]) -> Option<()> {
        match self.rest().windows(end.len()).position(|window| window == end) {
            Some(found) => {
                self.at += found + end.len();
                Some(())
            }
            None => {
                self.at = self.bytes.len();
                None
            }
        }
    }

    fn escape(&mut self) -> Result<(), &'static str> {
        match self.next() {
            None => return Err("nothing follows the last backslash"),
            // Everything up to \E is as it stands, and so is all of the rest.
            Some(b'Q') => self.skip_past(b"\\E").unwrap_or(()),
            Some(_) => {}
        }
        self.repeats = true;
        Ok(())
    }

    fn class(&mut self) -> Result<(), &'static str> {
        const OPEN: &str = "a bracket is not closed";
        if self.rest().starts_with(b"^") {
            self.at += 1;
        }
        if self.rest().starts_with(b"]") && !self.empty_class {
            self.at += 1;
        }
        loop {
            match self.next().ok_or(OPEN)? {
                b']' => break,
                b'\\' => {
                    let escaped = self.next().ok_or(OPEN)?;
                    if escaped == b'Q' {
                        self.skip_past(b"\\E").ok_or(OPEN)?;
                    }
                }
                b'[' => {
                    let end: &[u8] = match self.rest().first() {
                        Some(b':') => b":]",
                        Some(b'.') => b".]",
                        Some(b'=') => b"=]",
                        _ => continue,
                    };
                    let from = self.at;
                    // Without its end it is an ordinary bracket.
                    if self.skip_past(end).is_none() {
                        self.at = from;
                    }
                }
                _ => {}
            }
        }
        self.repeats = true;
        Ok(())
    }

    /// False when the group changes the rules in a way that is not followed here.
    fn group(&mut self) -> Result<bool, &'static str> {
        const OPEN: &str = "a parenthesis is not closed";
        if self.rest().starts_with(b"?#") {
            return self.skip_past(b")").map(|()| true).ok_or(OPEN);
        }
        let starred = self.rest().starts_with(b"*");
        let named = self.rest().get(1).is_some_and(u8::is_ascii_lowercase);
        if starred && !named {
            self.skip_past(b")").ok_or(OPEN)?;
            self.repeats = false;
            return Ok(true);
        }
        self.depth += 1;
        // An assertion with a name is a group.
        self.repeats = starred;
        if self.rest().starts_with(b"?") {
            self.at += 1;
            // What follows names the kind of the group; none of it is a quantifier.
            self.repeats = true;
            let flags = self.rest().iter().take_while(|byte| byte.is_ascii_alphabetic() || **byte == b'^');
            if flags.clone().any(|flag| *flag == b'x') {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests;

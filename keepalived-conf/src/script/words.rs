// SPDX-License-Identifier: MIT OR Apache-2.0
//! How command lines and regular expressions are cut into words.
//!
//! A script's line is read twice. The first pass takes the line apart: both kinds of quotes join what they hold to the
//! word they stand in, and a backslash hides the next character, both being kept. The second pass cuts the command
//! word into arguments the same way, but resolves backslashes.

/// Why text cannot be cut into words. The number is an offset in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    Unmatched(char, usize),
    LoneBackslash(usize),
    /// The escapes spell something that is not text, or a NUL.
    NotText,
}

impl Fault {
    /// Where in the text it is, when it is in one place.
    pub fn offset(self) -> Option<usize> {
        match self {
            Fault::Unmatched(_, at) | Fault::LoneBackslash(at) => Some(at),
            Fault::NotText => None,
        }
    }
}

/// A word of the line, with its place in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    pub text: String,
    pub start: usize,
    pub end: usize,
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{b}' | '\u{c}')
}

/// The first pass.
///
/// # Errors
/// An open quote, or a backslash with nothing after it.
pub fn line(text: &str) -> Result<Vec<Piece>, Fault> {
    let mut pieces = Vec::new();
    let mut word: Option<Piece> = None;
    let mut quote: Option<(char, usize)> = None;
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        if quote.is_none() && is_blank(c) {
            pieces.extend(word.take());
            continue;
        }
        let current = word.get_or_insert_with(|| Piece { text: String::new(), start: at, end: at });
        current.end = at + c.len_utf8();
        match (c, quote) {
            ('\\', _) => {
                let Some((at, hidden)) = chars.next() else { return Err(Fault::LoneBackslash(at)) };
                current.text.push('\\');
                current.text.push(hidden);
                current.end = at + hidden.len_utf8();
            }
            (c, Some((open, _))) if c == open => quote = None,
            ('"' | '\'', None) => quote = Some((c, at)),
            _ => current.text.push(c),
        }
    }
    if let Some((open, at)) = quote {
        return Err(Fault::Unmatched(open, at));
    }
    pieces.extend(word);
    Ok(pieces)
}

/// The second pass.
///
/// # Errors
/// An open quote, a backslash with nothing after it, or escapes that do not spell text.
pub fn arguments(text: &str) -> Result<Vec<String>, Fault> {
    let mut list: Vec<Vec<u8>> = Vec::new();
    let mut word: Option<Vec<u8>> = None;
    let mut quote: Option<(char, usize)> = None;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let at = text.len() - rest.len();
        rest = &rest[c.len_utf8()..];
        if quote.is_none() && is_blank(c) {
            list.extend(word.take());
            continue;
        }
        let current = word.get_or_insert_default();
        match (c, quote) {
            ('\\', _) => rest = escape(rest, current).ok_or(Fault::LoneBackslash(at))?,
            (c, Some((open, _))) if c == open => quote = None,
            ('"' | '\'', None) => quote = Some((c, at)),
            _ => current.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    if let Some((open, at)) = quote {
        return Err(Fault::Unmatched(open, at));
    }
    list.extend(word);
    list.into_iter().map(to_text).collect()
}

/// Appends what the escape at the start of `rest` (its backslash is gone) stands for; returns what follows it.
fn escape<'t>(rest: &'t str, word: &mut Vec<u8>) -> Option<&'t str> {
    let mut chars = rest.chars();
    let c = chars.next()?;
    let after = chars.as_str();
    let byte = match c {
        'a' => 0x07,
        'b' => 0x08,
        'E' => 0x1b,
        'f' => 0x0c,
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'v' => 0x0b,
        'x' if digits(after, 16, 2) > 0 => return Some(number(after, 16, 2, word)),
        '0'..='7' => return Some(number(rest, 8, 3, word)),
        'c' => {
            let Some(control) = after.chars().next() else {
                word.push(b'c');
                return Some(after);
            };
            word.push((u32::from(control) & 0x1f) as u8);
            return Some(&after[control.len_utf8()..]);
        }
        other => {
            word.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes());
            return Some(after);
        }
    };
    word.push(byte);
    Some(after)
}

/// How many digits of the base `text` starts with, at most `most`.
fn digits(text: &str, base: u32, most: usize) -> usize {
    text.chars().take(most).take_while(|c| c.is_digit(base)).count()
}

fn number<'t>(text: &'t str, base: u32, most: usize, word: &mut Vec<u8>) -> &'t str {
    let (digits, after) = text.split_at(digits(text, base, most));
    // At most three octal or two hexadecimal digits; the ninth bit of the former is lost, as in C.
    word.push((u32::from_str_radix(digits, base).unwrap_or(0) & 0xff) as u8);
    after
}

fn to_text(bytes: Vec<u8>) -> Result<String, Fault> {
    if bytes.contains(&0) {
        return Err(Fault::NotText);
    }
    String::from_utf8(bytes).map_err(|_| Fault::NotText)
}

#[cfg(test)]
mod tests;

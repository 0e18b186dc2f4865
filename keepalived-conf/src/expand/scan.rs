// SPDX-License-Identifier: MIT OR Apache-2.0
//! Finding the lines that need work among those that do not.

use super::line::BLANKS;
use super::parameter::{definition, reference};
use super::{Checks, UPSTREAM_LINE_MAX};

/// Where a line of its own starts after a brace: a condition, definition, repetition or include. Braces in double
/// quotes and of references do not count.
pub(super) fn line_inside(text: &str) -> Option<usize> {
    let mut quoted = false;
    let mut skip_to = 0;
    for (at, byte) in text.bytes().enumerate() {
        if at < skip_to {
            continue;
        }
        match byte {
            b'"' => quoted = !quoted,
            b'$' if !quoted => skip_to = reference(text, at).map_or(0, |found| found.range.end),
            b'{' | b'}' if !quoted => {
                let rest = text.get(at + 1..)?.trim_start_matches(BLANKS);
                let include = rest.split_once(BLANKS).is_some_and(|(word, _)| Checks::of_directive(word).is_some());
                let sequence = rest.starts_with("~SEQ") || rest.starts_with("~LST");
                if include || sequence || rest.starts_with('@') || definition(rest).is_some() {
                    return Some(text.len() - rest.len());
                }
            }
            _ => {}
        }
    }
    None
}

/// What a byte means to [`plain_lines`].
const TABLE: [u8; 256] = {
    let mut table = [0; 256];
    table[b'\n' as usize] = 1;
    table[b'{' as usize] = 2;
    table[b'}' as usize] = 2;
    table[b'#' as usize] = 3;
    table[b'!' as usize] = 3;
    table[b'$' as usize] = 3;
    table[0] = 3;
    table[b'\\' as usize] = 5;
    table[0xEF] = 4;
    table
};

/// The end of the lines from `start` on that can be copied as they stand.
pub(super) fn plain_lines(bytes: &[u8], start: usize, lossy: bool) -> usize {
    let mut line = start;
    while line < bytes.len() {
        if directive_at(bytes, line) {
            return line;
        }
        let mut at = line;
        loop {
            let Some(byte) = bytes.get(at) else { return line };
            match TABLE[usize::from(*byte)] {
                0 => {}
                1 => break,
                2 if !directive_at(bytes, at + 1) => {}
                4 if !lossy => {}
                5 if !ends_line(bytes, at + 1) => {}
                _ => return line,
            }
            at += 1;
        }
        if at - line > UPSTREAM_LINE_MAX {
            return line;
        }
        line = at + 1;
    }
    line
}

/// Whether only blanks follow on the line.
fn ends_line(bytes: &[u8], from: usize) -> bool {
    let rest = bytes.get(from..).unwrap_or(&[]);
    let next = rest.iter().find(|byte| !matches!(byte, b' ' | b'\t' | b'\r' | 0x0b | 0x0c));
    next.is_none_or(|byte| *byte == b'\n')
}

/// Whether the next thing on the line is, or may be, a condition, repetition or include.
fn directive_at(bytes: &[u8], from: usize) -> bool {
    let mut at = from;
    while let Some(b' ' | b'\t' | b'\r' | 0x0b | 0x0c) = bytes.get(at) {
        at += 1;
    }
    match bytes.get(at) {
        Some(b'@' | b'~') => true,
        Some(b'i') => bytes.get(at..).is_some_and(|rest| rest.starts_with(b"include")),
        _ => false,
    }
}

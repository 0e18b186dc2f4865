// SPDX-License-Identifier: MIT OR Apache-2.0
//! `umask`, in numbers or in the names of its bits.

use super::{BAD_MASK, EXTRA_WORDS, Global};
use crate::diagnostic::{Class, Diagnostic};
use crate::span::Span;
use crate::syntax::Word;
use crate::value::Args;

/// Reads `022`, `0x12`, `18` or `IWGRP | IWOTH`.
pub(super) fn umask(global: &mut Global, args: &mut Args<'_, '_>) {
    let Some(first) = args.word() else { return };
    let mask =
        if first.text.starts_with(|c: char| c.is_ascii_digit()) { number(first, args) } else { names(first, args) };
    if let Some(mask) = mask {
        global.process.umask.set(mask);
    }
}

fn number(word: Word<'_>, args: &mut Args<'_, '_>) -> Option<u32> {
    let rest = args.rest().map(|word| word.span).reduce(Span::to);
    if let Some(span) = rest {
        args.reject(EXTRA_WORDS, Class::General, span, "a number stands alone");
        return None;
    }
    let text = word.text;
    let octal = text.starts_with('0');
    let mask = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) => u32::from_str_radix(hex, 16),
        None if octal => u32::from_str_radix(text, 8),
        None => text.parse(),
    };
    let Some(mask) = mask.ok().filter(|mask| *mask <= 0o777) else {
        args.reject(BAD_MASK, Class::General, word.span, "expected 0 to 0777");
        return None;
    };
    if !octal && mask > 7 {
        let finding = Diagnostic::lint(BAD_MASK, format!("`umask {text}` is a decimal number"))
            .at(word.span, format!("0{mask:o} in octal"))
            .hint("a leading 0 makes it octal");
        args.push(finding);
    }
    Some(mask)
}

fn names(first: Word<'_>, args: &mut Args<'_, '_>) -> Option<u32> {
    let mut whole = first.text.to_owned();
    let mut span = first.span;
    for word in args.rest() {
        if !whole.ends_with('|') && !word.text.starts_with('|') {
            args.reject(BAD_MASK, Class::General, word.span, "expected `|` before this");
            return None;
        }
        whole.push_str(word.text);
        span = span.to(word.span);
    }
    let mut mask = 0;
    for name in whole.split('|') {
        let Some(bits) = bits(name) else {
            let label = if name.is_empty() {
                "a name is missing beside `|`".to_owned()
            } else {
                format!("`{name}` is not one of IRUSR, IWUSR, ... IXOTH, IRWXU, IRWXG and IRWXO")
            };
            args.reject(BAD_MASK, Class::General, span, label);
            return None;
        };
        mask |= bits;
    }
    Some(mask)
}

/// `IRUSR`, `IRWXG` and the like.
fn bits(name: &str) -> Option<u32> {
    if let Some(whose) = name.strip_prefix("IRWX") {
        return match whose {
            "U" => Some(0o700),
            "G" => Some(0o070),
            "O" => Some(0o007),
            _ => None,
        };
    }
    let (right, whose) = name.split_at_checked(2)?;
    let right = match right {
        "IR" => 4,
        "IW" => 2,
        "IX" => 1,
        _ => return None,
    };
    match whose {
        "USR" => Some(right << 6),
        "GRP" => Some(right << 3),
        "OTH" => Some(right),
        _ => None,
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! What routes and rules share: names of iproute2, realms, tracking, spellings of former times.

use super::{BAD_VALUE, SKIPPED_WORD, UNTRACKABLE, left_out};
use crate::diagnostic::{Class, Diagnostic, Severity};
use crate::interpret::DEPRECATED;
use crate::names::Table;
use crate::schema::Setting;
use crate::syntax::Word;
use crate::value::Args;

/// The protocol under which routes and rules of ours are known to the kernel.
pub const PROTOCOL: u8 = 18;

/// Tracked routes and rules carry our own protocol number, so that they can be told from others'.
pub(super) fn finish_tracking(args: &mut Args<'_, '_>, protocol: &mut Setting<u8>, tracked: bool, what: &str) {
    if tracked && **protocol != PROTOCOL {
        let finding = Diagnostic::error(UNTRACKABLE, format!("a tracked {what} has the protocol keepalived"))
            .at(args.span(), "`protocol` is ignored")
            .hint("add `no_track`, or leave `protocol` out");
        args.push(finding);
        protocol.correct(PROTOCOL);
    }
}

/// Says that keepalived skips the word after `inet` or `inet6`, if there is one.
pub(super) fn skipped_word(args: &mut Args<'_, '_>, word: Word<'_>) {
    let Some(next) = args.peek() else { return };
    let finding = Diagnostic::warning(SKIPPED_WORD, format!("keepalived skips the word after `{}`", word.text))
        .class(Class::General)
        .at(next.span, "used here, not read by keepalived")
        .hint(format!("put `{}` last on the line", word.text));
    args.push(finding);
}

pub(super) fn deprecated(args: &mut Args<'_, '_>, word: Word<'_>, instead: &str) {
    let finding = Diagnostic::warning(DEPRECATED, format!("`{}` is a deprecated spelling", word.text))
        .class(Class::General)
        .at(word.span, "used all the same")
        .hint(instead);
    args.push(finding);
}

pub(super) fn note_deprecated(args: &mut Args<'_, '_>, word: Word<'_>, instead: &str) {
    let finding = Diagnostic::warning(DEPRECATED, format!("`{}` is a deprecated spelling", word.text))
        .class(Class::Logged)
        .severity(Severity::Note)
        .at(word.span, "")
        .hint(instead);
    args.push(finding);
}

/// `REALM` or `FROM/TO`.
pub(super) fn realms(args: &mut Args<'_, '_>, value: Word<'_>) -> Option<u32> {
    let host = args.cx.host;
    let mut find = |text: &str| args.cx.names.find(host, Table::Realm, text);
    match value.text.split_once('/') {
        Some((from, to)) => Some(find(from)? << 16 | find(to)?),
        None => find(value.text),
    }
}

/// A routing table; the kernel counts them with 32 bits.
pub(super) fn table(args: &mut Args<'_, '_>, value: Word<'_>) -> Option<u32> {
    let host = args.cx.host;
    let table = args.cx.names.find(host, Table::Routing, value.text);
    if table.is_none() {
        let mut finding = args
            .rejection(BAD_VALUE, Class::General)
            .at(value.span, "expected a number of 32 bits or a name of rt_tables");
        if let Some(near) = crate::schema::nearest(value.text, args.cx.names.known(Table::Routing)) {
            finding = finding.hint(format!("did you mean `{near}`?"));
        }
        args.push(finding.note("then: the entry is left out"));
    }
    table
}

/// A number from 0 to 255, or a name.
pub(super) fn named(args: &mut Args<'_, '_>, kind: Table, value: Word<'_>) -> Option<u8> {
    let host = args.cx.host;
    let found = args.cx.names.find(host, kind, value.text).and_then(|number| u8::try_from(number).ok());
    if found.is_none() {
        left_out(args, BAD_VALUE, value, &format!("expected a number from 0 to 255 or a name of {}", kind.file()));
    }
    found
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! `url`: one request of an HTTP check, and what its answer must be.

use std::sync::LazyLock;

use super::check_http::HttpCheck;
use super::codes::{DIGEST, LOST_ESCAPE, NO_PATH, PATTERN, PATTERN_BOUNDS, PATTERN_OPTION, STATUS};
use super::defaults::BOOL;
use super::pattern::{self, Pattern};
use super::shared::Shared;
use crate::diagnostic::{Class, Diagnostic, Severity};
use crate::interpret::NOT_UPSTREAM;
use crate::schema::{Again, Block, Keyword, Node, Seen, Shape, Status, kw};
use crate::syntax::Word;
use crate::value::Args;

/// The first and the last status code there is.
const STATUS_MIN: u16 = 100;
const STATUS_MAX: u16 = 599;

#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Url {
    pub path: Shared<str>,
    pub digest: Option<Box<Digest>>,
    pub status: StatusCodes,
    /// After resolving, the name in force.
    pub virtualhost: Option<Shared<str>>,
    pub regex: Option<Box<Pattern>>,
    pub tls_compliant: bool,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub seen: Seen,
}

/// What the body must hash to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "lowercase"))]
pub enum Digest {
    Md5([u8; 16]),
    Sha256([u8; 32]),
}

/// The status codes that are success.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "lowercase"))]
pub enum StatusCodes {
    /// 200 to 299.
    #[default]
    Success,
    /// A range, first and last included.
    Range(u16, u16),
    Ranges(Box<[(u16, u16)]>),
}

impl StatusCodes {
    pub fn contains(&self, code: u16) -> bool {
        match self {
            StatusCodes::Success => (200..=299).contains(&code),
            StatusCodes::Range(first, last) => (*first..=*last).contains(&code),
            StatusCodes::Ranges(ranges) => ranges.iter().any(|(first, last)| (*first..=*last).contains(&code)),
        }
    }

    fn add(&mut self, range: (u16, u16)) {
        let (first, last) = range;
        *self = match std::mem::take(self) {
            StatusCodes::Success => StatusCodes::Range(first, last),
            StatusCodes::Range(from, to) => StatusCodes::Ranges([(from, to), range].into()),
            StatusCodes::Ranges(ranges) => {
                let mut ranges = ranges.into_vec();
                ranges.push(range);
                StatusCodes::Ranges(ranges.into())
            }
        };
    }
}

impl Node for Url {
    fn seen(&mut self) -> &mut Seen {
        &mut self.seen
    }
}

pub static HTTP: LazyLock<Block<Url>> = LazyLock::new(|| Block::new("url", rows()));

pub static SSL: LazyLock<Block<Url>> = LazyLock::new(|| {
    let mut rows = rows();
    rows.push(
        kw("tls_compliant")
            .opt(BOOL)
            .default("off")
            .otherwise("the line is ignored")
            .doc("Ends the TLS session of this url properly before the connection is closed.")
            .since("2.2.8")
            .set(|url: &mut Url, args| {
                if let Some(on) = args.bool() {
                    url.tls_compliant = on;
                }
            }),
    );
    Block::new("url", rows)
});

fn rows() -> Vec<Keyword<Url>> {
    let mut rows = vec![
        kw("path")
            .must(Shape::Word("PATH"))
            .default("must be given")
            .otherwise("without it the url is left out")
            .doc("Path to ask for, sent as it is written.")
            .since("<2.0")
            .set(|url: &mut Url, args| {
                if let Some(word) = args.word() {
                    url.path = word.text.into();
                }
            }),
        kw("digest")
            .must(Shape::Syntax("HEX|sha256:HEX"))
            .default("any body")
            .otherwise("the line is ignored")
            .doc("Digest the body must have: MD5, 32 digits, as `genhash` prints it.")
            .note("`sha256:` and 64 digits, a SHA-256, is an extension of Steadfast's.")
            .since("<2.0")
            .again(Again::First)
            .set(digest),
        kw("status_code")
            .opt(Shape::Syntax("N|N-M..."))
            .default("200-299")
            .otherwise("a code that cannot be read is left out")
            .doc("Status codes that are success, from 100 to 599; several lines add up.")
            .since("<2.0")
            .again(Again::Adds)
            .set(status_code),
        kw("virtualhost")
            .arg(Shape::Word("NAME"))
            .default("the check's, else the real server's, else the virtual server's")
            .doc("Name of the host to ask for.")
            .since("<2.0")
            .set(|url: &mut Url, args| {
                if let Some(word) = args.word() {
                    url.virtualhost = Some(word.text.into());
                }
            }),
    ];
    rows.extend(pattern_rows());
    rows
}

fn pattern_rows() -> Vec<Keyword<Url>> {
    let row = |name| kw(name).since("2.0.7");
    vec![
        row("regex")
            .arg(Shape::Word("PATTERN"))
            .default("any body")
            .otherwise("the url is kept without a pattern")
            .doc("Perl-compatible pattern that the body must match.")
            .note("Read with quotes and escapes like a command, so a backslash of the pattern is written twice.")
            .example("regex \"^status: (ok|degraded)\"")
            .set(|url: &mut Url, args| {
                let span = args.span();
                let written = args.statement().raw();
                if let Some(text) = args.regex() {
                    lost_escape(written, &text, args);
                    let regex = url.pattern();
                    regex.text = text;
                    regex.place.0 = span;
                }
            }),
        row("regex_no_match")
            .default("off")
            .doc("The check succeeds when the pattern does not match.")
            .set(|url: &mut Url, _| url.pattern().no_match = true),
        row("regex_options")
            .opt(Shape::Syntax("OPTION..."))
            .otherwise("a word that is no option is ignored")
            .doc("Options of PCRE2 for the pattern, such as caseless, multiline or dotall.")
            .again(Again::Adds)
            .set(|url: &mut Url, args| {
                for word in args.rest() {
                    match pattern::OPTIONS.iter().find(|option| **option == word.text) {
                        Some(option) => url.pattern().options.push(option),
                        None => unknown_option(word, args),
                    }
                }
            }),
        row("regex_min_offset")
            .opt(Shape::Word("N"))
            .default("0")
            .otherwise("0 is used")
            .doc("First place in the body where a match may begin.")
            .set(|url: &mut Url, args| url.pattern().min_offset = offset(args).unwrap_or(0)),
        row("regex_max_offset")
            .opt(Shape::Word("N"))
            .default("no limit")
            .otherwise("no limit is used")
            .doc("Last place in the body where a match may begin.")
            .set(|url: &mut Url, args| url.pattern().max_offset = offset(args)),
        row("regex_stack")
            .opt(Shape::Syntax("START MAX"))
            .default("PCRE2's")
            .otherwise("the line is ignored")
            .doc("Sizes of the stack for compiled patterns, in bytes.")
            .status(Status::NoEffect("patterns are searched for without a stack of their own, within a fixed limit"))
            .set(|url: &mut Url, args| {
                if let Some(sizes) = stack(args) {
                    url.pattern().stack = Some(sizes);
                }
            }),
    ]
}

impl Url {
    fn pattern(&mut self) -> &mut Pattern {
        self.regex.get_or_insert_default()
    }
}

/// Quotes and escapes of the line are taken away before the pattern is read, and so are the pattern's own backslashes
/// unless they are written twice.
fn lost_escape(written: &str, pattern: &str, args: &mut Args<'_, '_>) {
    let mut bytes = written.bytes();
    let mut lost = None;
    while let Some(byte) = bytes.next() {
        if byte == b'\\' {
            lost = bytes.next().filter(|escaped| pattern::ESCAPES.contains(escaped)).or(lost);
        }
    }
    let Some(escaped) = lost.map(char::from) else { return };
    let finding = Diagnostic::lint(LOST_ESCAPE, format!("`\\{escaped}` reaches the pattern as `{escaped}`"))
        .at(args.span(), format!("read as `{pattern}`"))
        .hint(format!("write `\\\\{escaped}` for a backslash of the pattern"));
    args.push(finding);
}

fn digest(url: &mut Url, args: &mut Args<'_, '_>) {
    let Some(word) = args.word() else { return };
    let (digits, bytes) = match word.text.strip_prefix("sha256:") {
        Some(digits) => (digits, 32),
        None => (word.text, 16),
    };
    let read = hex(digits).filter(|read| read.len() == bytes);
    url.digest = match (read, bytes) {
        (Some(read), 16) => read.try_into().ok().map(Digest::Md5).map(Box::new),
        (Some(read), _) => read.try_into().ok().map(Digest::Sha256).map(Box::new),
        (None, _) => None,
    };
    if bytes == 32
        && url.digest.is_some()
        && let Some(version) = args.cx.upstream
    {
        let finding = Diagnostic::lint(NOT_UPSTREAM, format!("keepalived {version} does not know `sha256:`"))
            .severity(Severity::Error)
            .at(word.span, "a digest of Steadfast");
        args.push(finding);
    }
    if url.digest.is_none() {
        let label = format!("expected {} hexadecimal digits", 2 * bytes);
        let mut finding = args.rejection(DIGEST, Class::General).at(word.span, label);
        if digits.len() == 64 && bytes == 16 {
            finding = finding.hint(format!("a SHA-256 is written `sha256:{digits}`"));
        }
        args.push(finding);
    }
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> =
        text.chars().map(|digit| digit.to_digit(16).map(|digit| digit as u8)).collect::<Option<_>>()?;
    Some(digits.chunks_exact(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect())
}

fn status_code(url: &mut Url, args: &mut Args<'_, '_>) {
    for word in args.rest() {
        match status_range(word.text) {
            Some(range) => url.status.add(range),
            None => {
                let label = format!("expected a code or a range from {STATUS_MIN} to {STATUS_MAX}");
                let finding = args.rejection(STATUS, Class::General).at(word.span, label);
                let finding =
                    if word.text.contains(',') { finding.hint("put blanks between the codes") } else { finding };
                args.push(finding);
            }
        }
    }
}

fn status_range(text: &str) -> Option<(u16, u16)> {
    let code = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit());
        text.parse().ok().filter(|code| digits && (STATUS_MIN..=STATUS_MAX).contains(code))
    };
    match text.split_once('-') {
        Some((first, last)) => Some((code(first)?, code(last)?)).filter(|(first, last)| first <= last),
        None => code(text).map(|code| (code, code)),
    }
}

fn unknown_option(word: Word<'_>, args: &mut Args<'_, '_>) {
    let mut finding =
        Diagnostic::lint(PATTERN_OPTION, format!("`{}` is not an option of PCRE2", word.text)).at(word.span, "ignored");
    if let Some(near) = crate::schema::nearest(word.text, pattern::OPTIONS.iter().copied()) {
        finding = finding.hint(format!("did you mean `{near}`?"));
    }
    args.push(finding);
}

/// The only word of the line as a number. keepalived logs what is wrong, but does not count it.
fn offset(args: &mut Args<'_, '_>) -> Option<u32> {
    let word = args.next_word();
    let alone = !args.given();
    let number = word.filter(|_| alone).and_then(|word| digits(word.text));
    if number.is_none() {
        args.rest();
        let span = word.map_or(args.span(), |word| word.span);
        args.reject(PATTERN_BOUNDS, Class::Logged, span, "expected one whole number");
    }
    number
}

fn stack(args: &mut Args<'_, '_>) -> Option<(u32, u32)> {
    let words: Vec<Word<'_>> = args.rest().collect();
    let sizes = match words.as_slice() {
        [start, max] => Some((digits(start.text), digits(max.text))),
        _ => None,
    };
    if let Some((Some(start), Some(max))) = sizes
        && start <= max
    {
        return Some((start, max));
    }
    args.reject(PATTERN_BOUNDS, Class::Logged, args.span(), "expected two sizes, the smaller one first");
    None
}

fn digits(text: &str) -> Option<u32> {
    text.parse().ok().filter(|_| text.bytes().all(|digit| digit.is_ascii_digit()))
}

pub(crate) fn open(_: &mut HttpCheck, _: &mut Args<'_, '_>) -> Option<Url> {
    Some(Url {
        path: "".into(),
        digest: None,
        status: StatusCodes::default(),
        virtualhost: None,
        regex: None,
        tls_compliant: false,
        seen: Seen::default(),
    })
}

pub(crate) fn close(check: &mut HttpCheck, mut url: Url, args: &mut Args<'_, '_>) {
    if url.path.is_empty() {
        let finding = Diagnostic::error(NO_PATH, "`url` without `path`").at(url.seen.head, "left out");
        args.push(finding);
        return;
    }
    if let Some(pattern) = url.regex.take() {
        url.regex = usable(pattern, &url.seen, args);
    }
    check.urls.push(url);
}

/// The pattern, unless it has no text or cannot be compiled.
fn usable(mut pattern: Box<Pattern>, seen: &Seen, args: &mut Args<'_, '_>) -> Option<Box<Pattern>> {
    if pattern.text.is_empty() {
        // One that could not be read has its finding already.
        if !seen.has("regex") {
            let first = seen.iter().find(|(name, _)| name.starts_with("regex_"));
            let finding = Diagnostic::error(PATTERN, "options of a pattern, but no `regex`")
                .class(Class::Logged)
                .at(first.map_or(seen.head, |(_, span)| span), "without effect");
            args.push(finding);
        }
        return None;
    }
    let options = &pattern.options;
    let fault = pattern::fault(&pattern.text, options).or_else(|| args.cx.host.regex_error(&pattern.text, options));
    if let Some(fault) = fault {
        let finding = Diagnostic::error(PATTERN, format!("the pattern `{}` cannot be used: {fault}", pattern.text))
            .class(Class::Logged)
            .at(pattern.place.0, "does not compile")
            .note("then: the url is kept without a pattern");
        args.push(finding);
        return None;
    }
    if pattern.max_offset.is_some_and(|max| pattern.min_offset >= max) {
        let finding = Diagnostic::error(PATTERN_BOUNDS, "`regex_min_offset` is not below `regex_max_offset`")
            .class(Class::Logged)
            .at(seen.span_or_head("regex_max_offset"), "both are ignored");
        args.push(finding);
        pattern.min_offset = 0;
        pattern.max_offset = None;
    }
    Some(pattern)
}

#[cfg(test)]
mod tests;

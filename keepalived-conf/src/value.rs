// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reading the words after a keyword: uniform shapes, uniform messages.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use crate::diagnostic::{Class, Code, Diagnostic, Diagnostics, Severity};
use crate::row::{Arg, Need, Row, Shape, Unit, Version};
use crate::source::Host;
use crate::span::Span;
use crate::syntax::{Statement, Word, Words};

pub const MISSING: Code = Code::new("KC050", "a word is missing");
pub const NOT_A_NUMBER: Code = Code::new("KC051", "not a number");
pub const OUT_OF_RANGE: Code = Code::new("KC052", "out of range");
pub const TRAILING_TEXT: Code = Code::new("KC053", "text after a number");
pub const NOT_A_CHOICE: Code = Code::new("KC054", "not one of the words possible here");
pub const NOT_AN_ADDRESS: Code = Code::new("KC055", "not an address");
pub const TOO_PRECISE: Code = Code::new("KC056", "more decimal places than are used");
pub const SURPLUS: Code = Code::new("KC057", "surplus words");

/// What setters share while a configuration is read.
pub struct Cx<'s> {
    pub host: &'s dyn Host,
    pub diagnostics: Diagnostics,
    /// Numbers followed by text are used with a remark, as the running keepalived does; its configuration test
    /// refuses them.
    pub lenient: bool,
    /// Say which lines this release of keepalived would not take.
    pub upstream: Option<Version>,
    /// Say which keywords are not carried out yet.
    pub(crate) tell_not_yet: bool,
    /// Keywords of which that was said.
    pub(crate) not_yet_told: BTreeSet<(&'static str, &'static str)>,
    /// Names of iproute2's tables.
    pub names: crate::names::Names,
}

impl std::fmt::Debug for Cx<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cx").field("lenient", &self.lenient).finish_non_exhaustive()
    }
}

/// The words after a keyword, with the row that says what they should be.
#[derive(Debug)]
pub struct Args<'s, 'x> {
    pub cx: &'x mut Cx<'s>,
    /// The name used in messages.
    pub keyword: &'s str,
    statement: Statement<'s>,
    words: Words<'s>,
    row: &'x Row,
    next_arg: usize,
}

impl<'s, 'x> Args<'s, 'x> {
    /// The words of `statement` after its keyword.
    pub(crate) fn after_keyword(cx: &'x mut Cx<'s>, row: &'x Row, statement: Statement<'s>) -> Args<'s, 'x> {
        let mut words = statement.words();
        let keyword = words.next().map_or("", |word| word.text);
        Args { cx, keyword, statement, words, row, next_arg: 0 }
    }

    /// All words of an entry in the list `row` stands for.
    pub(crate) fn of_entry(cx: &'x mut Cx<'s>, row: &'x Row, statement: Statement<'s>) -> Args<'s, 'x> {
        let words = statement.words();
        Args { cx, keyword: row.name, statement, words, row, next_arg: 0 }
    }

    /// The whole line.
    pub fn span(&self) -> Span {
        self.statement.span()
    }

    pub fn statement(&self) -> Statement<'s> {
        self.statement
    }

    /// Whether another word is there.
    pub fn given(&self) -> bool {
        self.words.clone().next().is_some()
    }

    pub fn peek(&self) -> Option<Word<'s>> {
        self.words.clone().next()
    }

    /// The next word, whatever it is, without a remark when there is none.
    pub fn next_word(&mut self) -> Option<Word<'s>> {
        let word = self.words.next();
        self.next_arg += 1;
        word
    }

    /// All words that are left.
    pub fn rest(&mut self) -> Words<'s> {
        let mut none = self.words.clone();
        while none.next().is_some() {}
        std::mem::replace(&mut self.words, none)
    }

    /// The next word; when it is missing, says so as the row demands.
    pub fn word(&mut self) -> Option<Word<'s>> {
        let arg = self.row.args.get(self.next_arg).copied();
        if let Some(word) = self.next_word() {
            return Some(word);
        }
        let class = match arg.map(|arg| arg.need) {
            Some(Need::Must) => Class::MissingRequired,
            Some(Need::Wanted) | None => Class::MissingParameter,
            Some(Need::Optional) => return None,
        };
        let wanted = arg.map_or_else(|| "a word".to_owned(), |arg| describe(arg.shape));
        let finding = Diagnostic::error(MISSING, format!("`{}` wants {wanted}", self.keyword))
            .class(class)
            .at(self.statement.span(), "nothing follows");
        self.push(finding);
        None
    }

    pub fn text(&mut self) -> Option<String> {
        self.word().map(|word| word.text.to_owned())
    }

    /// A whole number in the row's range.
    pub fn num<N: TryFrom<i64>>(&mut self) -> Option<N> {
        let shape = self.shape();
        let word = self.word()?;
        let Some(Shape::Int { min, max, strict }) = shape else {
            debug_assert!(false, "`{}` reads a number its row does not declare", self.keyword);
            return None;
        };
        self.number_of(word, min, max, strict).and_then(|number| N::try_from(number).ok())
    }

    /// As [`Args::num`]; `fallback` when it cannot be used.
    pub fn num_or<N: TryFrom<i64>>(&mut self, fallback: N) -> N {
        self.num().unwrap_or(fallback)
    }

    /// A time in the row's range, rounded to its number of places.
    pub fn time(&mut self) -> Option<Duration> {
        let shape = self.shape();
        let word = self.word()?;
        let Some(Shape::Time { unit, digits, min_micros, max_micros, strict }) = shape else {
            debug_assert!(false, "`{}` reads a time its row does not declare", self.keyword);
            return None;
        };
        let places_in_micros = match unit {
            Unit::Seconds => 6,
            Unit::Milliseconds => 3,
        };
        let micros = self.decimal_of(word, digits, places_in_micros, strict)?;
        if (min_micros..=max_micros).contains(&micros) {
            return Some(Duration::from_micros(micros));
        }
        self.out_of_range(word, &describe(Shape::Time { unit, digits, min_micros, max_micros, strict }));
        None
    }

    /// `on` and its synonyms; nothing means true.
    pub fn bool(&mut self) -> Option<bool> {
        let Some(word) = self.next_word() else { return Some(true) };
        match word.text {
            "on" | "true" | "yes" => Some(true),
            "off" | "false" | "no" => Some(false),
            _ => {
                self.reject(NOT_A_CHOICE, Class::General, word.span, "expected on, true, yes, off, false or no");
                None
            }
        }
    }

    /// One of the row's words.
    pub fn choice(&mut self) -> Option<&'static str> {
        let shape = self.shape();
        let word = self.word()?;
        let Some(Shape::Choice(words)) = shape else {
            debug_assert!(false, "`{}` reads a choice its row does not declare", self.keyword);
            return None;
        };
        self.choice_of(word, words)
    }

    /// The word out of `words` that `word` is.
    pub fn choice_of(&mut self, word: Word<'s>, words: &'static [&'static str]) -> Option<&'static str> {
        let found = words.iter().find(|candidate| **candidate == word.text).copied();
        if found.is_none() {
            let mut finding =
                self.rejection(NOT_A_CHOICE, Class::General).at(word.span, format!("expected {}", one_of(words)));
            if let Some(near) = crate::suggest::nearest(word.text, words.iter().copied()) {
                finding = finding.hint(format!("did you mean `{near}`?"));
            }
            self.push(finding);
        }
        found
    }

    /// An address of a server, peer or group. As keepalived does, text from the first `-` (else the first `/`) on is
    /// ignored, with a remark of ours.
    pub fn address(&mut self) -> Option<IpAddr> {
        let word = self.word()?;
        self.address_of(word)
    }

    /// Shows the text as well: behind a definition it does not stand where the caret points.
    pub fn not_an_address(&mut self, word: Word<'s>, expected: &str) {
        self.reject(NOT_AN_ADDRESS, Class::General, word.span, format!("{expected}, not `{}`", word.text));
    }

    pub fn address_of(&mut self, word: Word<'s>) -> Option<IpAddr> {
        let bare = word.text.split_once('-').or_else(|| word.text.split_once('/')).map_or(word.text, |(bare, _)| bare);
        let Some(address) = parse_address(bare) else {
            self.not_an_address(word, "expected an IPv4 or IPv6 address");
            return None;
        };
        if bare.len() != word.text.len() {
            let finding = Diagnostic::lint(TRAILING_TEXT, format!("`{}` takes a plain address", self.keyword))
                .at(word.span, format!("read as {bare}"));
            self.push(finding);
        }
        Some(address)
    }

    /// Reads `word` as a whole number; the range need not be the row's.
    pub fn number_of(&mut self, word: Word<'s>, min: i64, max: i64, strict: bool) -> Option<i64> {
        let text = word.text.trim_start();
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
        let (number, rest) = digits.split_at(end);
        let expected = || describe(Shape::Int { min, max, strict });
        if number.is_empty() {
            self.reject(NOT_A_NUMBER, Class::InvalidNumber, word.span, format!("expected {}", expected()));
            return None;
        }
        if !rest.is_empty() && !self.takes_trailing(word, number, rest, strict, &expected()) {
            return None;
        }
        // Whatever has more than 18 digits is outside every range there is.
        let magnitude = number.parse::<i64>().unwrap_or(i64::MAX);
        let value = if negative { -magnitude } else { magnitude };
        if (min..=max).contains(&value) && !(negative && min >= 0) {
            return Some(value);
        }
        self.out_of_range(word, &expected());
        None
    }

    /// Reads `word` as a decimal number with `digits` places, in units of ten to the minus `scale`.
    pub fn decimal_of(&mut self, word: Word<'s>, digits: u8, scale: u8, strict: bool) -> Option<u64> {
        let text = word.text.trim_start();
        let text = text.strip_prefix('+').unwrap_or(text);
        let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
        let (number, mut rest) = text.split_at(end);
        let (whole, mut fraction) = number.split_once('.').unwrap_or((number, ""));
        if let Some((kept, surplus)) = fraction.split_once('.') {
            rest = &text[text.len() - rest.len() - surplus.len() - 1..];
            fraction = kept;
        }
        let expected = "a number such as 1.5";
        if whole.is_empty() && fraction.is_empty() {
            self.reject(NOT_A_NUMBER, Class::InvalidNumber, word.span, format!("expected {expected}"));
            return None;
        }
        if !rest.is_empty() && !self.takes_trailing(word, number, rest, strict, expected) {
            return None;
        }
        let kept = fraction.len().min(usize::from(digits)).min(usize::from(scale));
        let places = fraction.bytes().take(kept).fold(0, |places, digit| places * 10 + u64::from(digit - b'0'));
        let places = places * 10_u64.pow(u32::from(scale) - kept as u32);
        let round_up = fraction.as_bytes().get(usize::from(digits)).is_some_and(|digit| *digit >= b'5');
        if fraction.len() > usize::from(digits) {
            let finding = Diagnostic::new(
                Severity::Warning,
                TOO_PRECISE,
                Class::InvalidNumber,
                format!("`{}` counts {digits} decimal places", self.keyword),
            )
            .at(word.span, "rounded");
            self.push(finding);
        }
        let whole = if whole.is_empty() { Some(0) } else { whole.parse::<u64>().ok() };
        let value = whole
            .and_then(|whole| whole.checked_mul(10_u64.pow(u32::from(scale))))
            .and_then(|whole| whole.checked_add(places))
            .and_then(|value| {
                value.checked_add(if round_up { 10_u64.pow(u32::from(scale.saturating_sub(digits))) } else { 0 })
            });
        if value.is_none() {
            self.out_of_range(word, "a smaller number");
        }
        value
    }

    /// Text after a number: a remark when lenient, else a refusal.
    fn takes_trailing(&mut self, word: Word<'s>, number: &str, rest: &str, strict: bool, expected: &str) -> bool {
        if strict || !self.cx.lenient {
            let finding = self
                .rejection(TRAILING_TEXT, Class::InvalidNumber)
                .at(word.span, format!("expected {expected}; `{rest}` is not part of a number"));
            self.push(finding);
            return false;
        }
        let finding = Diagnostic::warning(TRAILING_TEXT, format!("`{}`: text after a number is ignored", self.keyword))
            .class(Class::InvalidNumber)
            .at(word.span, format!("read as {number}"));
        self.push(finding);
        true
    }

    fn out_of_range(&mut self, word: Word<'s>, expected: &str) {
        let finding = Diagnostic::error(OUT_OF_RANGE, format!("`{} {}` is out of range", self.keyword, word.text))
            .class(Class::InvalidNumber)
            .at(word.span, format!("expected {expected}"));
        let finding = self.with_consequence(finding);
        self.push(finding);
    }

    /// The finding for a value that cannot be used, with what happens then.
    pub fn rejection(&self, code: Code, class: Class) -> Diagnostic {
        let message = format!("`{}`: {}", self.keyword, code.title);
        self.with_consequence(Diagnostic::error(code, message).class(class))
    }

    fn with_consequence(&self, finding: Diagnostic) -> Diagnostic {
        match self.row.otherwise {
            "" => finding,
            otherwise => finding.note(format!("then: {otherwise}")),
        }
    }

    pub fn reject(&mut self, code: Code, class: Class, span: Span, label: impl Into<String>) {
        let finding = self.rejection(code, class).at(span, label);
        self.push(finding);
    }

    pub fn push(&mut self, finding: Diagnostic) {
        self.cx.diagnostics.push(finding);
    }

    /// Remarks on words that nobody read.
    pub(crate) fn finish(mut self) {
        if let Some(first) = self.words.next() {
            let last = self.words.by_ref().last().unwrap_or(first);
            let finding = Diagnostic::lint(SURPLUS, format!("`{}` does not use these words", self.keyword))
                .at(first.span.to(last.span), "ignored");
            self.push(finding);
        }
    }

    fn shape(&self) -> Option<Shape> {
        self.row.args.get(self.next_arg).map(|Arg { shape, .. }| *shape)
    }
}

/// What a shape asks for, in words.
pub fn describe(shape: Shape) -> String {
    match shape {
        Shape::Bool => "on or off".to_owned(),
        Shape::Int { min, max, .. } => format!("a whole number from {min} to {max}"),
        Shape::Time { unit, min_micros, max_micros, .. } => {
            let (name, scale) = match unit {
                Unit::Seconds => ("seconds", 1_000_000.0),
                Unit::Milliseconds => ("milliseconds", 1000.0),
            };
            let min = min_micros as f64 / scale;
            if max_micros > u64::MAX / 2 {
                format!("{name}, at least {min}")
            } else {
                format!("{name} from {min} to {}", max_micros as f64 / scale)
            }
        }
        Shape::Choice(words) => one_of(words),
        Shape::Address => "an address".to_owned(),
        Shape::Interface => "the name of an interface".to_owned(),
        Shape::Script => "a script".to_owned(),
        Shape::Word(name) | Shape::Syntax(name) => name.to_owned(),
    }
}

/// `a, b or c`.
pub fn one_of(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [most @ .., last] => format!("{} or {last}", most.join(", ")),
    }
}

/// A textual address: IPv6 when it holds a colon.
pub fn parse_address(text: &str) -> Option<IpAddr> {
    if text.contains(':') {
        text.parse::<Ipv6Addr>().ok().map(IpAddr::V6)
    } else {
        text.parse::<Ipv4Addr>().ok().map(IpAddr::V4)
    }
}

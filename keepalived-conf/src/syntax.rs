// SPDX-License-Identifier: MIT OR Apache-2.0
//! The shape pass: the expanded text in, a tree of statements out.
//!
//! The grammar in `syntax.pest` says what a line is made of. Lines of words, with at most one brace at the end or
//! alone, are what nearly all lines are; a small scanner takes those and gives every other line to the grammar. A test
//! holds the two equal.
//!
//! A statement ends with its line or at a brace. A `{` belongs to the statement before it, on whatever line that is.
//! Braces that fit nowhere are reported and then ignored, so that the rest keeps its shape.

use pest::Parser;

use crate::diagnostic::{Class, Code, Diagnostic, Diagnostics};
use crate::expand::Expanded;
use crate::span::Span;

mod print;
mod tree;

pub use print::print;
pub use tree::{Body, Statement, Tree, Word, Words};

use tree::Builder;

pub const UNEXPECTED_OPEN: Code = Code::new("KC020", "a `{` that belongs to nothing");
pub const UNEXPECTED_CLOSE: Code = Code::new("KC021", "a `}` that closes nothing");
pub const MISSING_CLOSE: Code = Code::new("KC022", "a block that is not closed");
pub const UNCLOSED_QUOTE: Code = Code::new("KC023", "a quote that is not closed");
pub const MISSING_OPEN: Code = Code::new("KC025", "a block whose `{` is missing");
pub const TOO_DEEP: Code = Code::new("KC024", "blocks are nested too deeply");

/// How deep blocks may stand in one another. The deepest keyword of the language is in the fourth block.
pub const BLOCK_DEPTH_MAX: usize = 64;

/// How many blocks that are not closed are pointed at.
const UNCLOSED_SHOWN_MAX: usize = 3;

#[derive(pest_derive::Parser)]
#[grammar = "syntax.pest"]
struct Shape;

/// Who reads a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// The scanner where it can, the grammar otherwise.
    Fast,
    /// The grammar alone; for comparison.
    #[cfg_attr(not(test), allow(dead_code))]
    Grammar,
}

/// Whether a keyword wants a block, given the keywords of the blocks around it and its own: how keepalived grades that
/// the `{` is missing, or nothing for a keyword without a block.
pub type Opens<'a> = &'a dyn Fn(&[&str]) -> Option<Class>;

/// Reads the shape of an expanded text.
pub fn parse(expanded: &Expanded, findings: &mut Diagnostics) -> Tree {
    Reader::new(expanded, findings, None).read(Way::Fast)
}

/// Reads the shape of an expanded text, and puts a missing `{` where a keyword wants a block, as keepalived does. It is
/// looked for only when a `}` was left over: a text whose braces are in order has none missing.
pub fn parse_knowing(expanded: &Expanded, opens: Opens<'_>, findings: &mut Diagnostics) -> Tree {
    let mut first = Diagnostics::new();
    let tree = Reader::new(expanded, &mut first, None).read(Way::Fast);
    let left_over = first.iter().filter(|finding| finding.code == UNEXPECTED_CLOSE).count();
    if left_over > 0 {
        let mut second = Diagnostics::new();
        let missing = Some(Missing { opens, left: left_over });
        let repaired = Reader::new(expanded, &mut second, missing).read(Way::Fast);
        findings.append(second);
        return repaired;
    }
    findings.append(first);
    tree
}

/// Reads a text with the same rules, with nothing of the line pass but that remarks go. For tests.
pub fn parse_text(text: &str) -> Tree {
    let (expanded, _) = crate::expand::load_str("text", text);
    parse(&expanded, &mut Diagnostics::new())
}

struct Reader<'a> {
    builder: Builder,
    findings: &'a mut Diagnostics,
    /// The open blocks, outermost first.
    open: Vec<Opened>,
    missing: Option<Missing<'a>>,
}

/// Where a `{` may be put that is not there, and how many.
struct Missing<'a> {
    opens: Opens<'a>,
    left: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Opened {
    /// The body of this statement.
    Body(u32),
    /// A brace that belongs to nothing; what is inside counts as standing outside.
    Ignored(Span),
}

/// What a line is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    Bare(usize, usize),
    /// Without the quotes.
    Quoted(usize, usize),
    Unclosed(usize),
    Open(usize),
    Close(usize),
}

impl<'a> Reader<'a> {
    fn new(expanded: &Expanded, findings: &'a mut Diagnostics, missing: Option<Missing<'a>>) -> Reader<'a> {
        Reader { builder: Builder::new(expanded.shared_text()), findings, open: Vec::new(), missing }
    }

    fn read(mut self, way: Way) -> Tree {
        let text = self.builder.text();
        let bytes = text.as_bytes();
        let mut start = 0;
        while start < bytes.len() {
            let next = match way {
                Way::Fast => self.plain_line(bytes, start),
                Way::Grammar => None,
            };
            start = next.unwrap_or_else(|| {
                let rest = bytes.get(start..).unwrap_or(&[]);
                let end = start + rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
                self.shaped_line(&text, start, end);
                end + 1
            });
        }
        self.finish()
    }

    /// Takes a line of words, `{` only at its end and `}` only alone, and gives the start of the next one; a line
    /// that is anything else is left untouched.
    fn plain_line(&mut self, bytes: &[u8], start: usize) -> Option<usize> {
        let mark = self.builder.mark();
        let mut at = start;
        let mut word = None;
        let mut last_end = start;
        loop {
            let byte = bytes.get(at).copied().unwrap_or(b'\n');
            match CLASS[usize::from(byte)] {
                PLAIN => {
                    word.get_or_insert(at);
                }
                class => {
                    if let Some(from) = word.take() {
                        self.builder.word(from, at, false);
                        last_end = at;
                    }
                    match class {
                        BLANK => {}
                        END => break,
                        QUOTE => {
                            let Some(end) = closing_quote(bytes, at + 1) else {
                                self.builder.rewind(mark);
                                return None;
                            };
                            self.builder.word(at + 1, end, true);
                            at = end;
                            last_end = end + 1;
                        }
                        BRACE if byte == b'{' || last_end == start => {
                            let Some(end) = line_end_after(bytes, at + 1) else {
                                self.builder.rewind(mark);
                                return None;
                            };
                            self.end_statement(last_end);
                            self.brace(byte == b'{', at);
                            return Some(end + 1);
                        }
                        _ => {
                            self.builder.rewind(mark);
                            return None;
                        }
                    }
                }
            }
            at += 1;
        }
        self.end_statement(last_end);
        Some(at + 1)
    }

    /// A line read by the grammar.
    fn shaped_line(&mut self, text: &str, start: usize, end: usize) {
        let line = text.get(start..end).unwrap_or("");
        let mut last_end = start;
        for token in tokens(line) {
            match token {
                Token::Bare(from, to) => {
                    self.builder.word(start + from, start + to, false);
                    last_end = start + to;
                }
                Token::Quoted(from, to) => {
                    self.builder.word(start + from, start + to, true);
                    last_end = start + to + 1;
                }
                Token::Unclosed(from) => {
                    self.unclosed_quote(line, start, from);
                    last_end = start + line.trim_end().len();
                }
                Token::Open(at) | Token::Close(at) => {
                    self.end_statement(last_end);
                    self.brace(matches!(token, Token::Open(_)), start + at);
                    last_end = start + at + 1;
                }
            }
        }
        self.end_statement(last_end);
    }

    /// Makes a statement of the words read since the last one, if there are any.
    fn end_statement(&mut self, end: usize) {
        if self.missing.is_some() && self.builder.has_words() {
            self.open_where_missing();
        }
        self.builder.end_statement(end);
    }

    /// A statement follows one that has no body: if that wants one, this is its first line.
    fn open_where_missing(&mut self) {
        let Some(statement) = self.builder.bodiless() else { return };
        let Some(missing) = &mut self.missing else { return };
        let around = self.open.iter().filter_map(|opened| match opened {
            Opened::Body(statement) => Some(self.builder.keyword(*statement)),
            Opened::Ignored(_) => None,
        });
        let path: Vec<&str> = around.chain([self.builder.keyword(statement)]).collect();
        let Some(class) = (missing.opens)(&path) else { return };
        if missing.left == 0 || self.open.len() >= BLOCK_DEPTH_MAX {
            return;
        }
        missing.left -= 1;
        let finding = Diagnostic::error(MISSING_OPEN, format!("`{}` wants a block", self.builder.keyword(statement)))
            .class(class)
            .at(self.builder.head(statement), "read as if `{` followed");
        self.findings.push(finding);
        self.builder.open(statement);
        self.open.push(Opened::Body(statement));
    }

    /// The rest of the line after a lone quote is dropped. A backslash before a quote hides it from whoever counts
    /// quotes on the whole line, and script keywords read it that way; so that alone is no finding yet.
    fn unclosed_quote(&mut self, line: &str, start: usize, from: usize) {
        self.builder.unclosed();
        let mut hidden = false;
        let quotes = line.bytes().filter(|byte| {
            let counts = *byte == b'"' && !hidden;
            hidden = *byte == b'\\' && !hidden;
            counts
        });
        if quotes.count() % 2 == 1 {
            let span = span(start + from, start + line.trim_end().len());
            let finding = Diagnostic::error(UNCLOSED_QUOTE, "the closing quote is missing")
                .class(Class::UnmatchedQuote)
                .at(span, "dropped up to the end of the line")
                .note("a quoted word cannot go on on the next line");
            self.findings.push(finding);
        }
    }

    fn brace(&mut self, open: bool, at: usize) {
        let place = span(at, at + 1);
        if open {
            match self.builder.bodiless() {
                Some(_) if self.open.len() >= BLOCK_DEPTH_MAX => {
                    let message = format!("blocks stand more than {BLOCK_DEPTH_MAX} deep in one another");
                    let finding = Diagnostic::error(TOO_DEEP, message).at(place, "read as if it were not there");
                    self.findings.push(finding);
                    self.builder.no_body_now();
                    self.open.push(Opened::Ignored(place));
                }
                Some(statement) => {
                    self.builder.open(statement);
                    self.open.push(Opened::Body(statement));
                }
                None => {
                    let finding = Diagnostic::error(UNEXPECTED_OPEN, "there is nothing this `{` could belong to")
                        .class(Class::UnexpectedOpen)
                        .at(place, "ignored, with the `}` that belongs to it");
                    self.findings.push(finding);
                    self.open.push(Opened::Ignored(place));
                }
            }
            return;
        }
        match self.open.pop() {
            Some(Opened::Body(statement)) => self.builder.close(statement),
            Some(Opened::Ignored(_)) => self.builder.no_body_now(),
            None => {
                self.builder.no_body_now();
                let finding = Diagnostic::error(UNEXPECTED_CLOSE, "no block is open that this `}` could close")
                    .class(Class::UnexpectedClose)
                    .at(place, "ignored");
                self.findings.push(finding);
            }
        }
    }

    fn finish(mut self) -> Tree {
        if !self.open.is_empty() {
            let count = self.open.len();
            let message = match count {
                1 => "a block is not closed by the end of the configuration".to_owned(),
                _ => format!("{count} blocks are not closed by the end of the configuration"),
            };
            let mut finding = Diagnostic::error(MISSING_CLOSE, message).class(Class::MissingClose);
            // The innermost one first: it is where the brace is most likely missing.
            for opened in self.open.iter().rev().take(UNCLOSED_SHOWN_MAX) {
                let place = match opened {
                    Opened::Body(statement) => self.builder.head(*statement),
                    Opened::Ignored(place) => *place,
                };
                finding = finding.at(place, "opened here");
            }
            self.findings.push(finding);
        }
        while let Some(opened) = self.open.pop() {
            if let Opened::Body(statement) = opened {
                self.builder.close(statement);
            }
        }
        self.builder.finish()
    }
}

/// The quote that closes the word, if there is one on the line.
fn closing_quote(bytes: &[u8], from: usize) -> Option<usize> {
    let found = bytes.get(from..)?.iter().position(|byte| matches!(byte, b'"' | b'\n'))?;
    (bytes.get(from + found) == Some(&b'"')).then_some(from + found)
}

/// The end of the line, when only blanks stand before it.
fn line_end_after(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        match bytes.get(at) {
            None | Some(b'\n') => return Some(at),
            Some(byte) if CLASS[usize::from(*byte)] == BLANK => at += 1,
            Some(_) => return None,
        }
    }
}

/// What the grammar makes of a line.
fn tokens(line: &str) -> Vec<Token> {
    let Ok(mut pairs) = Shape::parse(Rule::line, line) else {
        // The grammar takes every line; if it ever does not, the line is one word and nothing else suffers.
        return vec![Token::Bare(0, line.len())];
    };
    let Some(whole) = pairs.next() else { return Vec::new() };
    let mut tokens = Vec::new();
    for pair in whole.into_inner() {
        let (from, to) = (pair.as_span().start(), pair.as_span().end());
        match pair.as_rule() {
            Rule::bare => tokens.push(Token::Bare(from, to)),
            Rule::quoted => tokens.push(Token::Quoted(from + 1, to - 1)),
            Rule::unclosed => tokens.push(Token::Unclosed(from)),
            Rule::open => tokens.push(Token::Open(from)),
            Rule::close => tokens.push(Token::Close(from)),
            // The end of input, and the rules that leave no pairs.
            _ => {}
        }
    }
    tokens
}

const PLAIN: u8 = 0;
const BLANK: u8 = 1;
const END: u8 = 2;
const BRACE: u8 = 3;
const QUOTE: u8 = 4;

/// What a byte means to the scanner.
const CLASS: [u8; 256] = {
    let mut class = [PLAIN; 256];
    class[b' ' as usize] = BLANK;
    class[b'\t' as usize] = BLANK;
    class[b'\r' as usize] = BLANK;
    class[0x0b] = BLANK;
    class[0x0c] = BLANK;
    class[b'\n' as usize] = END;
    class[b'{' as usize] = BRACE;
    class[b'}' as usize] = BRACE;
    class[b'"' as usize] = QUOTE;
    class
};

fn span(start: usize, end: usize) -> Span {
    Span::new(narrow(start), narrow(end))
}

fn narrow(offset: usize) -> u32 {
    u32::try_from(offset).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The tree of statements: two flat lists, eight bytes a word and twelve a statement.

use std::fmt;
use std::sync::Arc;

use crate::span::Span;

const QUOTED: u32 = 1 << 31;
const BODY: u32 = 1 << 31;
const UNCLOSED: u32 = 1 << 30;
const INDEX: u32 = UNCLOSED - 1;

#[derive(Clone, Copy)]
struct WordNode {
    start: u32,
    /// The length, and whether it was quoted.
    length: u32,
}

/// Statements stand in the order of the text, each before those of its body.
#[derive(Clone, Copy)]
struct StatementNode {
    /// The first of its words; the next statement's first word ends them.
    words: u32,
    /// Where the statement's own text ends.
    end: u32,
    /// The first statement behind it that is not in its body, and two marks.
    next: u32,
}

/// A configuration as statements, each with words and perhaps a body.
pub struct Tree {
    text: Arc<String>,
    words: Vec<WordNode>,
    statements: Vec<StatementNode>,
}

/// The statements between two braces, or of the whole configuration.
#[derive(Clone, Copy)]
pub struct Body<'t> {
    tree: &'t Tree,
    first: u32,
    end: u32,
}

/// At least one word, and perhaps a body.
#[derive(Clone, Copy)]
pub struct Statement<'t> {
    tree: &'t Tree,
    index: u32,
}

/// A word without its quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word<'t> {
    pub text: &'t str,
    pub span: Span,
    pub quoted: bool,
}

/// The words of a statement, in order.
#[derive(Clone)]
pub struct Words<'t> {
    text: &'t str,
    words: std::slice::Iter<'t, WordNode>,
}

impl Tree {
    pub fn root(&self) -> Body<'_> {
        Body { tree: self, first: 0, end: narrow(self.statements.len()) }
    }

    /// The text the spans are ranges of.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Bytes held besides the text; for tests and figures.
    pub fn overhead(&self) -> usize {
        self.words.capacity() * size_of::<WordNode>() + self.statements.capacity() * size_of::<StatementNode>()
    }

    pub fn statement_count(&self) -> usize {
        self.statements.len()
    }

    fn slice(&self, start: u32, end: u32) -> &str {
        self.text.get(start as usize..end as usize).unwrap_or("")
    }
}

impl<'t> Body<'t> {
    pub fn statements(&self) -> impl Iterator<Item = Statement<'t>> + use<'t> {
        let (tree, end) = (self.tree, self.end);
        let mut index = self.first;
        std::iter::from_fn(move || {
            let node = tree.statements.get(index as usize).filter(|_| index < end)?;
            let statement = Statement { tree, index };
            index = (node.next & INDEX).max(index + 1);
            Some(statement)
        })
    }

    pub fn is_empty(&self) -> bool {
        self.first >= self.end
    }
}

impl<'t> Statement<'t> {
    pub fn words(&self) -> Words<'t> {
        let first = self.node().words as usize;
        let end =
            self.tree.statements.get(self.index as usize + 1).map_or(self.tree.words.len(), |next| next.words as usize);
        Words { text: &self.tree.text, words: self.tree.words.get(first..end).unwrap_or(&[]).iter() }
    }

    pub fn body(&self) -> Option<Body<'t>> {
        let node = self.node();
        (node.next & BODY != 0).then(|| Body { tree: self.tree, first: self.index + 1, end: node.next & INDEX })
    }

    /// Everything from the first word to the end of the line or to the brace, quotes included. Keywords that take
    /// commands read this with quoting rules of their own.
    pub fn raw(&self) -> &'t str {
        let span = self.span();
        self.tree.slice(span.start, span.end)
    }

    /// Where [`Statement::raw`] is.
    pub fn span(&self) -> Span {
        let node = self.node();
        let start =
            self.tree.words.get(node.words as usize).map_or(node.end, |word| {
                if word.length & QUOTED == 0 { word.start } else { word.start.saturating_sub(1) }
            });
        Span::new(start, node.end.max(start))
    }

    /// Whether the line has a quote without its partner. What follows that quote is in [`Statement::raw`] but not
    /// among the words.
    pub fn unclosed(&self) -> bool {
        self.node().next & UNCLOSED != 0
    }

    fn node(&self) -> StatementNode {
        let none = StatementNode { words: 0, end: 0, next: 0 };
        self.tree.statements.get(self.index as usize).copied().unwrap_or(none)
    }
}

impl<'t> Iterator for Words<'t> {
    type Item = Word<'t>;

    fn next(&mut self) -> Option<Word<'t>> {
        let node = self.words.next()?;
        let end = node.start + (node.length & !QUOTED);
        Some(Word {
            text: self.text.get(node.start as usize..end as usize).unwrap_or(""),
            span: Span::new(node.start, end),
            quoted: node.length & QUOTED != 0,
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.words.size_hint()
    }
}

impl ExactSizeIterator for Words<'_> {}

impl fmt::Debug for Tree {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.root().fmt(out)
    }
}

impl fmt::Debug for Body<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_list().entries(self.statements()).finish()
    }
}

impl fmt::Debug for Statement<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.words().fmt(out)?;
        self.body().map_or(Ok(()), |body| body.fmt(out))
    }
}

impl fmt::Debug for Words<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_list().entries(self.clone().map(|word| word.text)).finish()
    }
}

/// A tree that grows with the text.
pub(super) struct Builder {
    tree: Tree,
    /// Words of the statement being read.
    first_word: usize,
    unclosed: bool,
    /// The statement that a `{` would belong to.
    bodiless: Option<u32>,
}

impl Builder {
    pub(super) fn new(text: Arc<String>) -> Builder {
        let tree = Tree { text, words: Vec::new(), statements: Vec::new() };
        Builder { tree, first_word: 0, unclosed: false, bodiless: None }
    }

    pub(super) fn text(&self) -> Arc<String> {
        Arc::clone(&self.tree.text)
    }

    pub(super) fn word(&mut self, start: usize, end: usize, quoted: bool) {
        let length = narrow(end - start) | if quoted { QUOTED } else { 0 };
        self.tree.words.push(WordNode { start: narrow(start), length });
    }

    /// Says that the statement being read ends in a quote without its partner.
    pub(super) fn unclosed(&mut self) {
        self.unclosed = true;
    }

    pub(super) fn mark(&self) -> usize {
        self.tree.words.len()
    }

    /// Forgets the words read since the mark.
    pub(super) fn rewind(&mut self, mark: usize) {
        self.tree.words.truncate(mark);
    }

    /// Makes a statement of the words read since the last one, if there are any.
    pub(super) fn end_statement(&mut self, end: usize) {
        let unclosed = std::mem::take(&mut self.unclosed);
        if !self.has_words() {
            return;
        }
        let index = narrow(self.tree.statements.len());
        let next = (index + 1) | if unclosed { UNCLOSED } else { 0 };
        self.tree.statements.push(StatementNode { words: narrow(self.first_word), end: narrow(end), next });
        self.first_word = self.tree.words.len();
        self.bodiless = Some(index);
    }

    /// Whether words wait to become a statement.
    pub(super) fn has_words(&self) -> bool {
        self.tree.words.len() > self.first_word
    }

    /// The first word of a statement.
    pub(super) fn keyword(&self, index: u32) -> &str {
        Statement { tree: &self.tree, index }.words().next().map_or("", |word| word.text)
    }

    /// The statement that a `{` would belong to now.
    pub(super) fn bodiless(&self) -> Option<u32> {
        self.bodiless
    }

    pub(super) fn no_body_now(&mut self) {
        self.bodiless = None;
    }

    pub(super) fn open(&mut self, statement: u32) {
        if let Some(node) = self.tree.statements.get_mut(statement as usize) {
            node.next |= BODY;
        }
        self.bodiless = None;
    }

    pub(super) fn close(&mut self, statement: u32) {
        let end = narrow(self.tree.statements.len());
        if let Some(node) = self.tree.statements.get_mut(statement as usize) {
            node.next = end | (node.next & !INDEX);
        }
        self.bodiless = None;
    }

    /// Where a statement's own text is.
    pub(super) fn head(&self, index: u32) -> Span {
        Statement { tree: &self.tree, index }.span()
    }

    pub(super) fn finish(mut self) -> Tree {
        self.tree.words.shrink_to_fit();
        self.tree.statements.shrink_to_fit();
        self.tree
    }
}

fn narrow(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

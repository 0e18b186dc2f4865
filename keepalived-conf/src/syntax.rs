//! Provisional: a naive reader of shape until the syntax pass lands.
use crate::span::Span;

#[derive(Debug)]
struct Node {
    words: Vec<(Span, bool)>,
    body: Option<Vec<Node>>,
}

#[derive(Debug)]
pub struct Tree {
    text: String,
    nodes: Vec<Node>,
}

#[derive(Clone, Copy, Debug)]
pub struct Body<'t> {
    text: &'t str,
    nodes: &'t [Node],
}

#[derive(Clone, Copy, Debug)]
pub struct Statement<'t> {
    text: &'t str,
    node: &'t Node,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word<'t> {
    pub text: &'t str,
    pub span: Span,
    pub quoted: bool,
}

#[derive(Clone, Debug)]
pub struct Words<'t> {
    text: &'t str,
    words: std::slice::Iter<'t, (Span, bool)>,
}

impl<'t> Iterator for Words<'t> {
    type Item = Word<'t>;
    fn next(&mut self) -> Option<Word<'t>> {
        let (span, quoted) = *self.words.next()?;
        Some(Word { text: &self.text[span.start as usize..span.end as usize], span, quoted })
    }
}

impl Tree {
    pub fn root(&self) -> Body<'_> {
        Body { text: &self.text, nodes: &self.nodes }
    }
}

impl<'t> Body<'t> {
    pub fn statements(&self) -> impl Iterator<Item = Statement<'t>> + use<'t> {
        let text = self.text;
        self.nodes.iter().map(move |node| Statement { text, node })
    }
}

impl<'t> Statement<'t> {
    pub fn words(&self) -> Words<'t> {
        Words { text: self.text, words: self.node.words.iter() }
    }
    pub fn body(&self) -> Option<Body<'t>> {
        self.node.body.as_ref().map(|nodes| Body { text: self.text, nodes })
    }
    pub fn span(&self) -> Span {
        match (self.node.words.first(), self.node.words.last()) {
            (Some((first, _)), Some((last, _))) => first.to(*last),
            _ => Span::default(),
        }
    }
    /// The raw text of the line from the first word on.
    pub fn raw(&self) -> &'t str {
        let start = self.node.words.first().map_or(0, |(span, quoted)| span.start as usize - usize::from(*quoted));
        let rest = &self.text[start..];
        let end = rest.find(['\n', '{', '}']).unwrap_or(rest.len());
        rest[..end].trim_end()
    }
}

pub fn parse_text(text: &str) -> Tree {
    let mut stack: Vec<Vec<Node>> = vec![Vec::new()];
    let mut words: Vec<(Span, bool)> = Vec::new();
    let bytes = text.as_bytes();
    let mut at = 0;
    let span = |a: usize, b: usize| Span::new(a as u32, b as u32);
    let flush = |stack: &mut Vec<Vec<Node>>, words: &mut Vec<(Span, bool)>| {
        if !words.is_empty() {
            let node = Node { words: std::mem::take(words), body: None };
            if let Some(top) = stack.last_mut() {
                top.push(node);
            }
        }
    };
    while at < bytes.len() {
        match bytes[at] {
            b'\n' => flush(&mut stack, &mut words),
            b'#' | b'!' => {
                while at + 1 < bytes.len() && bytes[at + 1] != b'\n' {
                    at += 1;
                }
            }
            b'{' => {
                flush(&mut stack, &mut words);
                stack.push(Vec::new());
            }
            b'}' => {
                flush(&mut stack, &mut words);
                if stack.len() > 1 {
                    let body = stack.pop();
                    if let Some(node) = stack.last_mut().and_then(|top| top.last_mut()) {
                        node.body = body;
                    }
                }
            }
            b'"' => {
                let start = at + 1;
                at += 1;
                while at < bytes.len() && bytes[at] != b'"' && bytes[at] != b'\n' {
                    at += 1;
                }
                words.push((span(start, at), true));
            }
            b if b.is_ascii_whitespace() => {}
            _ => {
                let start = at;
                while at + 1 < bytes.len()
                    && !bytes[at + 1].is_ascii_whitespace()
                    && !matches!(bytes[at + 1], b'{' | b'}' | b'"')
                {
                    at += 1;
                }
                words.push((span(start, at + 1), false));
            }
        }
        at += 1;
    }
    flush(&mut stack, &mut words);
    while stack.len() > 1 {
        let body = stack.pop();
        if let Some(node) = stack.last_mut().and_then(|top| top.last_mut()) {
            node.body = body;
        }
    }
    Tree { text: text.to_owned(), nodes: stack.pop().unwrap_or_default() }
}

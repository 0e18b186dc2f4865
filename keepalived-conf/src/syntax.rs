//! Provisional: replaced by the syntax pass.
use crate::span::Span;
#[derive(Clone, Copy, Debug)]
pub struct Word<'t> {
    pub text: &'t str,
    pub span: Span,
    pub quoted: bool,
}
#[derive(Clone, Debug)]
pub struct Words<'t>(std::slice::Iter<'t, Word<'t>>);
impl<'t> Iterator for Words<'t> {
    type Item = Word<'t>;
    fn next(&mut self) -> Option<Word<'t>> {
        self.0.next().copied()
    }
}
#[derive(Clone, Copy, Debug)]
pub struct Body<'t>(&'t [St<'t>]);
#[derive(Debug)]
struct St<'t> {
    words: Vec<Word<'t>>,
    body: Option<Vec<St<'t>>>,
}
#[derive(Clone, Copy, Debug)]
pub struct Statement<'t>(&'t St<'t>);
impl<'t> Body<'t> {
    pub fn statements(&self) -> impl Iterator<Item = Statement<'t>> + use<'t> {
        self.0.iter().map(Statement)
    }
}
impl<'t> Statement<'t> {
    pub fn words(&self) -> Words<'t> {
        Words(self.0.words.iter())
    }
    pub fn body(&self) -> Option<Body<'t>> {
        self.0.body.as_ref().map(|b| Body(b))
    }
    pub fn span(&self) -> Span {
        self.0.words.first().map_or(Span::default(), |w| w.span)
    }
    pub fn raw(&self) -> &'t str {
        ""
    }
}

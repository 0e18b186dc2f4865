//! Commands the configuration names: the words to run and as whom.

use crate::span::Span;
use crate::value::Args;

/// A command as written, split into its arguments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Script {
    /// The program and its arguments.
    pub argv: Vec<String>,
    pub user: Option<String>,
    pub group: Option<String>,
    /// The group was written with a leading `:`: the user's supplementary groups are given too.
    pub supplementary: bool,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub span: Span,
}

impl Args<'_, '_> {
    /// `SCRIPT [USER [[:]GROUP]]`.
    pub fn script(&mut self) -> Option<Script> {
        let word = self.word()?;
        let argv = word.text.split_ascii_whitespace().map(str::to_owned).collect();
        let user = self.next_word().map(|word| word.text.to_owned());
        let group = self.next_word().map(|word| word.text.to_owned());
        Some(Script { argv, user, group, supplementary: false, span: word.span })
    }
}

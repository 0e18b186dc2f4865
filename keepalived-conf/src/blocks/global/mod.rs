// SPDX-License-Identifier: MIT OR Apache-2.0
//! Process-wide settings: `global_defs` and the settings that stand at top level. One file a topic.

pub mod buffers;
pub mod dumps;
pub mod fifo;
pub mod filter;
pub mod garp;
pub mod lvs;
pub mod mail;
pub mod ours;
pub mod process;
pub mod reload;
pub mod scripts;
pub mod snmp;
pub mod top;
mod umask;
pub mod vrrp;
pub mod webhook;

use std::sync::LazyLock;

use super::Config;
use crate::diagnostic::{Class, Code, Diagnostic, Severity};
use crate::schema::{Again, Block, Keyword, Node, Seen, kw};
use crate::script::Script;
use crate::script::settle::{Role, Visit, retain};
use crate::span::Span;
use crate::syntax::Word;
use crate::value::Args;

pub const NAME_TOO_LONG: Code = Code::new("KC101", "a name is too long");
pub const EXTRA_WORDS: Code = Code::new("KC102", "more words than the keyword takes");
pub const NOT_MULTICAST: Code = Code::new("KC103", "not a multicast address");
pub const EMPTY_LIST: Code = Code::new("KC104", "an empty list");
pub const CONFLICT: Code = Code::new("KC105", "settings that exclude each other");
pub const ORDER: Code = Code::new("KC106", "the order of two settings matters");
pub const NOT_A_DIRECTORY: Code = Code::new("KC107", "not a directory");
pub const UNUSUAL: Code = Code::new("KC108", "an unusual value");
pub const BAD_MASK: Code = Code::new("KC109", "not a file mode creation mask");

/// Process-wide settings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Global {
    pub top: top::Top,
    pub process: process::Processes,
    pub scripts: scripts::Scripts,
    pub mail: mail::Mail,
    pub vrrp: vrrp::VrrpDefaults,
    pub garp: garp::Garp,
    pub filter: filter::Filter,
    pub lvs: lvs::LvsDefaults,
    pub fifo: fifo::Fifos,
    pub snmp: snmp::Snmp,
    pub dbus: snmp::Dbus,
    pub buffers: buffers::Buffers,
    pub reload: reload::Reload,
    pub dumps: dumps::Dumps,
    pub ours: ours::Ours,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub seen: Seen,
}

impl Node for Global {
    fn seen(&mut self) -> &mut Seen {
        &mut self.seen
    }
}

impl Global {
    /// Every place that holds a script.
    pub fn visit_scripts(&mut self, visit: &mut Visit<'_>) {
        let places: [&mut Option<Script>; 5] = [
            &mut self.scripts.startup,
            &mut self.scripts.shutdown,
            &mut self.fifo.all.script,
            &mut self.fifo.vrrp.script,
            &mut self.fifo.lvs.script,
        ];
        for place in places {
            retain(place, Role::Other, visit);
        }
    }
}

/// `global_defs`.
pub static BLOCK: LazyLock<Block<Global>> = LazyLock::new(|| {
    let topics = [
        process::rows(),
        scripts::rows(),
        mail::rows(),
        vrrp::rows(),
        garp::rows(),
        filter::rows(),
        lvs::rows(),
        fifo::rows(),
        snmp::rows(),
        buffers::rows(),
        reload::rows(),
        dumps::rows(),
        ours::rows(),
    ];
    Block::new("global_defs", topics.into_iter().flatten().collect())
});

/// The rows this part adds to the top level.
pub(super) fn rows() -> Vec<Keyword<Config>> {
    let mut rows = top::rows();
    rows.push(
        kw("global_defs")
            .doc("Settings of the whole daemon. May stand several times; the contents add up.")
            .since("<2.0")
            .again(Again::Adds)
            .block(&BLOCK, open, close),
    );
    rows
}

fn open(config: &mut Config, _: &mut Args<'_, '_>) -> Option<Global> {
    Some(config.global.clone())
}

fn close(config: &mut Config, global: Global, args: &mut Args<'_, '_>) {
    let empty = |keyword: &str, is_empty: bool| is_empty.then(|| global.seen.span(keyword)).flatten();
    if let Some(span) = empty("notification_email", global.mail.recipients.is_empty()) {
        args.push(Diagnostic::error(EMPTY_LIST, "`notification_email` names nobody").at(span, "an empty list"));
    }
    config.global = global;
}

/// The single word of a keyword that takes exactly one; more or fewer are an error.
fn only_word(args: &mut Args<'_, '_>) -> Option<String> {
    let word = args.word()?;
    let rest = args.rest().map(|word| word.span).reduce(Span::to);
    if let Some(span) = rest {
        args.reject(EXTRA_WORDS, Class::General, span, "only one word can stand here");
        return None;
    }
    if word.text.is_empty() {
        args.reject(crate::value::MISSING, Class::General, word.span, "an empty word");
        return None;
    }
    Some(word.text.to_owned())
}

/// A remark on a value that is used although it looks wrong; keepalived only logs these.
fn unusual(args: &mut Args<'_, '_>, word: Word<'_>, label: &str) {
    let finding = Diagnostic::warning(UNUSUAL, format!("`{} {}` is unusual", args.keyword, word.text))
        .severity(Severity::Note)
        .class(Class::Logged)
        .at(word.span, label);
    args.push(finding);
}

#[cfg(test)]
mod tests;

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reads keepalived.conf: text in, a typed configuration and diagnostics out.
//!
//! Reading never fails and always reports. Five passes, each in a file of its own and each testable alone: *source*
//! (bytes), *expand* (lines, with their origins), *syntax* (shape), *interpret* (rows of the keyword tables, typed
//! structs), *resolve* (across blocks). Each returns a value and appends findings; none gives up.

pub mod blocks;
pub mod diagnostic;
pub mod environment;
pub mod expand;
pub mod family;
pub mod interpret;
pub mod lint;
pub mod map;
pub mod names;
mod number;
pub mod reference;
pub mod resolve;
pub mod roll;
pub mod row;
pub mod schema;
pub mod script;
pub mod secret;
pub mod seen;
pub mod setting;
pub mod source;
pub mod span;
mod status;
pub mod suggest;
pub mod syntax;
#[cfg(test)]
mod testing;
pub mod value;

use std::path::Path;
use std::sync::Arc;

pub use blocks::Config;
use diagnostic::Diagnostics;
use expand::Expanded;
use map::SourceMap;
use schema::Version;
use source::{Answers, Asked, Host};

/// How a configuration is read.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// What `@id` lines compare with; the host's name up to its first dot when there is none.
    pub config_id: Option<String>,
    /// Every include must be readable and match something, as with keepalived's `-e`.
    pub all_includes_checked: bool,
    /// Refuse numbers followed by text, as keepalived's configuration test does; its daemon uses them with a remark.
    pub config_test: bool,
    /// Say which lines this release of keepalived would not take.
    pub upstream: Option<Version>,
    /// Say which keywords are read but not carried out yet.
    pub tell_not_yet: bool,
}

/// What reading gives: always a configuration, and what was found.
#[derive(Debug)]
pub struct Loaded {
    pub config: Config,
    pub diagnostics: Diagnostics,
    /// Where the spans in findings are.
    pub map: SourceMap,
    /// The text with everything written out, for [`load_ready`] in another process.
    pub text: Arc<String>,
    /// What of the host counted for the meaning of the text.
    pub answers: Answers,
}

/// A configuration in which everything is written out, before anybody has looked what it means.
#[derive(Debug)]
pub struct WrittenOut {
    expanded: Expanded,
    diagnostics: Diagnostics,
}

impl WrittenOut {
    pub fn text(&self) -> &str {
        self.expanded.text()
    }

    /// What was found until now.
    pub fn diagnostics(&self) -> &Diagnostics {
        &self.diagnostics
    }

    /// Goes on to the end, with the options it was begun with.
    pub fn mean(self, host: &dyn Host, options: &Options) -> Loaded {
        mean(host, self.expanded, self.diagnostics, options)
    }
}

/// Reads a configuration. `path` may be a pattern.
pub fn load(host: &dyn Host, path: &Path, options: &Options) -> Loaded {
    write_out(host, path, options).mean(host, options)
}

/// Reads a configuration as far as its text is written out. `path` may be a pattern.
pub fn write_out(host: &dyn Host, path: &Path, options: &Options) -> WrittenOut {
    let checks = if options.all_includes_checked { expand::Checks::ALL } else { expand::Checks::default() };
    let reading = expand::Options { config_id: options.config_id.clone(), checks };
    let (expanded, diagnostics) = expand::load(host, path, &reading);
    WrittenOut { expanded, diagnostics }
}

/// Reads a configuration in memory. `lenient` as the daemon is, else as the configuration test.
pub fn load_str(host: &dyn Host, text: &str, lenient: bool) -> Loaded {
    let (expanded, diagnostics) = expand::load_text(host, "text", text.as_bytes(), &expand::Options::default());
    mean(host, expanded, diagnostics, &Options { config_test: !lenient, ..Options::default() })
}

/// Reads a text in which everything is written out already, so that several processes see the very same configuration.
/// Findings have no places in files; whoever wrote the text out has told them.
pub fn load_ready(host: &dyn Host, text: String, options: &Options) -> Loaded {
    mean(host, Expanded::ready("configuration", text), Diagnostics::new(), options)
}

/// What a text in which everything is written out says about the whole daemon, for a process that does nothing else: of
/// tens of thousands of servers no more is read than where they end.
pub fn load_global(host: &dyn Host, text: String) -> Config {
    let expanded = Expanded::ready("configuration", text);
    let options = Options::default();
    understand(host, &expanded, Diagnostics::new(), &options, interpret::known, &blocks::GLOBAL).0
}

/// The last three passes, and what of the host counted in them.
fn mean(host: &dyn Host, expanded: Expanded, diagnostics: Diagnostics, options: &Options) -> Loaded {
    let host = Asked::new(host);
    let (config, diagnostics) = understand(&host, &expanded, diagnostics, options, interpret::body, &blocks::ROOT);
    let text = expanded.shared_text();
    Loaded { config, diagnostics, map: expanded.map, text, answers: host.answers() }
}

/// The last three passes: shape, rows, and what needs the whole.
fn understand(
    host: &dyn Host,
    expanded: &Expanded,
    mut diagnostics: Diagnostics,
    options: &Options,
    interpret: Interpret,
    block: &schema::Block<Config>,
) -> (Config, Diagnostics) {
    let tree = syntax::parse_knowing(expanded, &blocks::opens, &mut diagnostics);
    let mut cx = value::Cx {
        host,
        diagnostics,
        lenient: !options.config_test,
        upstream: options.upstream,
        tell_not_yet: options.tell_not_yet,
        names: names::Names::default(),
        not_yet_told: Default::default(),
    };
    let mut config = Config::default();
    interpret(block, &mut config, tree.root(), &mut cx);
    resolve::resolve(&mut config, &mut cx);
    (config, cx.diagnostics)
}

/// [`interpret::body`], or [`interpret::known`] where not everything is of interest.
type Interpret = for<'s> fn(&schema::Block<Config>, &mut Config, syntax::Body<'s>, &mut value::Cx<'s>);

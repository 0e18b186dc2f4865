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
use source::Host;

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
}

/// Reads a configuration. `path` may be a pattern.
pub fn load(host: &dyn Host, path: &Path, options: &Options) -> Loaded {
    let checks = if options.all_includes_checked { expand::Checks::ALL } else { expand::Checks::default() };
    let reading = expand::Options { config_id: options.config_id.clone(), checks };
    let (expanded, diagnostics) = expand::load(host, path, &reading);
    mean(host, expanded, diagnostics, options)
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

/// The last three passes: shape, rows, and what needs the whole.
fn mean(host: &dyn Host, expanded: Expanded, mut diagnostics: Diagnostics, options: &Options) -> Loaded {
    let tree = syntax::parse_knowing(&expanded, &blocks::opens, &mut diagnostics);
    let names = names::Names::default();
    let mut cx = value::Cx {
        host,
        diagnostics,
        lenient: !options.config_test,
        upstream: options.upstream,
        tell_not_yet: options.tell_not_yet,
        names,
        not_yet_told: Default::default(),
    };
    let mut config = Config::default();
    interpret::body(&blocks::ROOT, &mut config, tree.root(), &mut cx);
    resolve::resolve(&mut config, &mut cx);
    let text = expanded.shared_text();
    Loaded { config, diagnostics: cx.diagnostics, map: expanded.map, text }
}

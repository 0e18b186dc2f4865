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
pub mod map;
pub mod names;
pub mod resolve;
pub mod schema;
pub mod script;
pub mod secret;
pub mod source;
pub mod span;
pub mod syntax;
pub mod value;

use diagnostic::Diagnostics;

/// What reading gives: always a configuration, and what was found.
#[derive(Debug)]
pub struct Loaded {
    pub config: blocks::Config,
    pub diagnostics: Diagnostics,
}

/// Reads a text in memory, for tests.
pub fn load_str(host: &dyn source::Host, text: &str, lenient: bool) -> Loaded {
    let (expanded, mut diagnostics) = expand::load_text(host, "text", text.as_bytes(), &expand::Options::default());
    let tree = syntax::parse(&expanded, &mut diagnostics);
    let mut cx = value::Cx { host, diagnostics, lenient, upstream: None, names: names::Names::default() };
    let mut config = blocks::Config::default();
    interpret::body(&blocks::ROOT, &mut config, tree.root(), &mut cx);
    resolve::resolve(&mut config, &mut cx);
    Loaded { config, diagnostics: cx.diagnostics }
}

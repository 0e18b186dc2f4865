//! Reads keepalived.conf: text in, a typed configuration and diagnostics out.
//!
//! Reading never fails and always reports. Five passes, each in a file of its own and each testable alone: *source*
//! (bytes), *expand* (lines, with their origins), *syntax* (shape), *interpret* (rows of the keyword tables, typed
//! structs), *resolve* (across blocks). Each returns a value and appends findings; none gives up.

pub mod blocks;
pub mod diagnostic;
pub mod family;
pub mod interpret;
pub mod resolve;
pub mod schema;
pub mod script;
pub mod secret;
pub mod source;
pub mod span;
pub mod syntax;
pub mod value;

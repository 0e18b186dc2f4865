//! The engine as a whole, driven as the daemon drives it: inputs and time in, effects out.

mod elections;
mod kit;
mod transitions;

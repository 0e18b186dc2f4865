//! The engine as a whole, driven as the daemon drives it: inputs and time in, effects out.

mod elections;
mod groups;
mod kit;
mod packets;
mod transitions;

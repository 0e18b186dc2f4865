//! What the daemon tells: its log.

pub mod log;

//! The parent of everything: configuration, signals, and the life of the workers.

pub mod daemon;
mod meaning;
mod watches;

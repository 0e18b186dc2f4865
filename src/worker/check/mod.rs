//! The checker worker: watches real servers and balances over those that live.

pub mod probe;
pub mod role;
pub mod web;

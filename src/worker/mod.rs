//! The workers: one loop each around one machine. They never import each other.

pub mod drive;
pub mod vrrp;

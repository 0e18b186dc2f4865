// SPDX-License-Identifier: MIT OR Apache-2.0
//! Numbers nobody can guess, for what must not be forged by who cannot see it: ids of queries, identifiers of echoes.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

static GIVEN: AtomicU64 = AtomicU64::new(0);

/// The standard library's own keys come from the kernel.
pub fn number() -> u64 {
    RandomState::new().hash_one(GIVEN.fetch_add(1, Ordering::Relaxed))
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Helpers of the tests in this crate.

use crate::Loaded;
use crate::diagnostic::Class;
use crate::environment::Facts;
use crate::source::MemoryHost;

/// A machine that knows what it is told.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bench(MemoryHost);

impl Bench {
    pub(crate) fn with(facts: Facts) -> Bench {
        Bench(MemoryHost::new().with_facts(facts))
    }

    pub(crate) fn env(self, name: &str, value: &str) -> Bench {
        Bench(self.0.with_env(name, value))
    }

    /// As the daemon reads it.
    pub(crate) fn load(&self, text: &str) -> Loaded {
        crate::load_str(&self.0, text, true)
    }

    /// As the configuration test reads it.
    pub(crate) fn test(&self, text: &str) -> Loaded {
        crate::load_str(&self.0, text, false)
    }
}

/// Reads a text on a machine that knows nothing.
pub(crate) fn load(text: &str) -> Loaded {
    Bench::default().load(text)
}

/// The codes of what is more than a remark of ours, with how keepalived grades them.
pub(crate) fn graded(loaded: &Loaded) -> Vec<(&'static str, Class)> {
    let counted = loaded.diagnostics.iter().filter(|finding| finding.class != Class::Ours);
    counted.map(|finding| (finding.code.id, finding.class)).collect()
}

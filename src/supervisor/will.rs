// SPDX-License-Identifier: MIT OR Apache-2.0
//! The last will of a worker: what is done for it when it dies without having done it itself.
//!
//! Kept up to date by the worker's deposits, read out once. Pure: it says what is to be done, `execute` does it.

use std::collections::{BTreeMap, BTreeSet};

use crate::channel::{Deposit, Farewell, Thing};

/// What one worker deposited.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Will {
    farewells: BTreeMap<u32, Vec<Farewell>>,
    undo: BTreeMap<u32, Vec<Thing>>,
}

/// What is to be done, in this order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Orders {
    /// First the segment is told: a successor needs a moment, and it begins now.
    pub(super) farewells: Vec<Farewell>,
    /// Then the kernel lets go: rules, routes, addresses. What several instances held is removed once.
    pub(super) undo: Vec<Thing>,
}

impl Will {
    /// A newer deposit takes the place of the older one of the same instance.
    pub(super) fn deposit(&mut self, deposit: Deposit) {
        match deposit {
            Deposit::Undo { instance, things } => replace(&mut self.undo, instance, things),
            Deposit::Farewell { instance, adverts } => replace(&mut self.farewells, instance, adverts),
        }
    }

    pub(super) fn orders(&self) -> Orders {
        let undo: BTreeSet<Thing> = self.undo.values().flatten().cloned().collect();
        Orders { farewells: self.farewells.values().flatten().cloned().collect(), undo: undo.into_iter().collect() }
    }
}

fn replace<T>(all: &mut BTreeMap<u32, Vec<T>>, instance: u32, content: Vec<T>) {
    if content.is_empty() {
        all.remove(&instance);
    } else {
        all.insert(instance, content);
    }
}

#[cfg(test)]
mod tests;

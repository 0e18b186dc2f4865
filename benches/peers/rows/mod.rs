// SPDX-License-Identifier: MIT OR Apache-2.0
//! The rows of the benchmark.

mod beat;
mod deaths;
mod failover;
mod idle;
mod many;
mod planned;

pub struct Row {
    /// As it is named on the command line.
    pub name: &'static str,
    pub title: &'static str,
    /// Takes its figures and prints its table; a quick one takes fewer.
    pub run: fn(quick: bool),
}

pub const ALL: &[Row] = &[
    Row {
        name: "failover",
        title: "The master is cut off: what a client feels that asks every millisecond",
        run: failover::run,
    },
    Row { name: "deaths", title: "Processes of the master die or hang", run: deaths::run },
    Row { name: "planned", title: "Planned moves: stop, lower priority, return", run: planned::run },
    Row { name: "many", title: "Many addresses move", run: many::run },
    Row { name: "beat", title: "Regularity of adverts, and what it costs", run: beat::run },
    Row { name: "idle", title: "At rest", run: idle::run },
];

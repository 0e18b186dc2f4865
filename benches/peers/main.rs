// SPDX-License-Identifier: MIT OR Apache-2.0
//! Ours beside the packaged keepalived: the same configurations in the same labs of namespaces, by turns, in one run.
//!
//! ```text
//! cargo bench --bench peers -- [quick] [ROW...]
//! ```
//!
//! Prints one table for each row: ours, theirs, the limit, and the median of the paired ratios with its least and most. A
//! figure never fails the run; a row that is lost is printed as lost.
// A benchmark prints, reads clocks and starts processes; what it finds wrong with its lab ends it.
#![allow(unreachable_pub, dead_code)]
#![allow(clippy::disallowed_methods, clippy::expect_used, clippy::panic, clippy::unwrap_used)]
#![allow(clippy::print_stdout, clippy::print_stderr)]

#[path = "../../tests/netns/capture.rs"]
mod capture;
#[path = "../../tests/netns/journal.rs"]
mod journal;
#[path = "../../tests/netns/node.rs"]
mod node;
#[path = "../../tests/netns/topology.rs"]
mod topology;

mod figures;
mod pair;
mod probe;
mod processes;
mod reading;
mod rows;

use std::process::ExitCode;
use std::time::Instant;

fn main() -> ExitCode {
    // cargo adds `--bench`.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let quick = words.iter().any(|word| word == "quick");
    let wanted: Vec<&String> = words.iter().filter(|word| *word != "quick").collect();
    let rows: Vec<&rows::Row> =
        rows::ALL.iter().filter(|row| wanted.is_empty() || wanted.iter().any(|name| **name == row.name)).collect();
    if rows.is_empty() {
        let names: Vec<&str> = rows::ALL.iter().map(|row| row.name).collect();
        eprintln!("there is no such row; the rows are: {}", names.join(" "));
        return ExitCode::from(64);
    }
    if topology::Lab::new("the benchmark").is_none() {
        eprintln!("the benchmark needs root, network namespaces, and Debian's keepalived, iproute2 and nftables");
        return ExitCode::FAILURE;
    }
    println!("{}\n", figures::machine());
    let mut ended = ExitCode::SUCCESS;
    for row in rows {
        println!("## {}\n", row.title);
        let began = Instant::now();
        // A lab that breaks takes its own row with it and no other; what was measured so far stands.
        if std::panic::catch_unwind(|| (row.run)(quick)).is_err() {
            println!("\nThis row was not finished: its lab ended with the message above.");
            ended = ExitCode::FAILURE;
        }
        println!("\n({} s)\n", began.elapsed().as_secs());
    }
    ended
}

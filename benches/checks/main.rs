// SPDX-License-Identifier: MIT OR Apache-2.0
//! What checks cost.
//!
//! ```text
//! cargo bench --bench checks -- alone           one check, by the code alone
//! cargo bench --bench checks -- peers [quick]   thousands a second, beside the packaged keepalived (`benches/checks.sh`)
//! ```
//!
//! Nothing here fails because of a figure; what is lost is printed as lost.
// A benchmark prints, reads clocks and starts processes; what it finds wrong with its lab ends it.
#![allow(unreachable_pub, dead_code)]
#![allow(clippy::disallowed_methods, clippy::expect_used, clippy::panic, clippy::unwrap_used)]
#![allow(clippy::print_stdout, clippy::print_stderr)]

#[path = "../../tests/netns/capture.rs"]
mod capture;
#[path = "../peers/figures.rs"]
mod figures;
#[path = "../../tests/netns/journal.rs"]
mod journal;
#[path = "../../tests/netns/node.rs"]
mod node;
#[path = "../peers/processes.rs"]
mod processes;
#[path = "../../tests/netns/topology.rs"]
mod topology;

mod alone;
mod peers;
mod server;

use std::process::ExitCode;

fn main() -> ExitCode {
    // cargo adds `--bench`.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let said = |word: &str| words.iter().any(|known| known == word);
    if said("serve") {
        server::serve();
        return ExitCode::SUCCESS;
    }
    if !said("peers") {
        alone::run();
        return ExitCode::SUCCESS;
    }
    if topology::Lab::new("the benchmark").is_none() {
        eprintln!("the benchmark needs root, network namespaces, and Debian's keepalived, iproute2 and nftables");
        return ExitCode::FAILURE;
    }
    println!("{}\n", figures::machine());
    println!("## Checks\n");
    peers::run(said("quick"));
    ExitCode::SUCCESS
}

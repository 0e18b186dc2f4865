// SPDX-License-Identifier: MIT OR Apache-2.0
//! Writes the keyword reference to standard output: `cargo run -p keepalived-conf --example keywords > docs/keywords.md`.

use std::io::Write as _;

fn main() -> std::io::Result<()> {
    std::io::stdout().write_all(keepalived_conf::reference::markdown().as_bytes())
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Writes genhash(1) to standard output: `cargo run -p genhash --example genhash_manual > docs/man/genhash.1`.

use std::io::Write as _;

fn main() -> std::io::Result<()> {
    std::io::stdout().write_all(genhash::usage::page().as_bytes())
}

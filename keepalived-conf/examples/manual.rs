// SPDX-License-Identifier: MIT OR Apache-2.0
//! Writes keepalived.conf(5) to standard output: `cargo run -p keepalived-conf --example manual > docs/man/keepalived.conf.5`.

use std::io::Write as _;

fn main() -> std::io::Result<()> {
    let page = keepalived_conf::reference::man::page();
    std::io::stdout().write_all(page.as_bytes())
}

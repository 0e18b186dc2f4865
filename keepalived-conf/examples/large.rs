// SPDX-License-Identifier: MIT OR Apache-2.0
//! A balancer's configuration of the size people really run: 2,277 virtual servers with 37,205 real servers.
//!
//! `cargo run --release --example large -- http > large.conf` writes it, with `tcp`, `http` or `quoted` checks;
//! `cargo run --release --example large -- time http` reads it and says how long each pass took and what it holds.

#![allow(clippy::print_stdout, clippy::disallowed_methods)]

use std::fmt::Write;
use std::time::Instant;

use keepalived_conf::diagnostic::Diagnostics;
use keepalived_conf::{expand, syntax};

const VIRTUAL_SERVERS: usize = 2_277;
const REAL_SERVERS: usize = 37_205;
/// Readings of which the quickest counts.
const ROUNDS: usize = 15;

#[derive(Clone, Copy)]
enum Check {
    Tcp,
    Http,
    /// HTTP with every value in quotes and a remark on every line.
    Quoted,
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let timed = words.iter().any(|word| word == "time");
    let check = match words.last().map(String::as_str) {
        Some("tcp") => Check::Tcp,
        Some("quoted") => Check::Quoted,
        _ => Check::Http,
    };
    let text = configuration(check);
    if timed { time(&text) } else { print!("{text}") }
}

fn configuration(check: Check) -> String {
    let mut out = String::from("global_defs {\n    router_id LVS_LARGE\n}\n\n");
    let mut real = 0;
    for server in 0..VIRTUAL_SERVERS {
        let last = REAL_SERVERS * (server + 1) / VIRTUAL_SERVERS;
        let (high, low) = (server / 250, server % 250 + 1);
        let _ = writeln!(out, "virtual_server 10.{high}.0.{low} 80 {{");
        out.push_str("    delay_loop 6\n    lvs_sched wlc\n    lvs_method NAT\n    protocol TCP\n");
        for number in real..last {
            let (a, b, c) = (number / 62_500, number / 250 % 250, number % 250 + 1);
            let _ = writeln!(out, "    real_server 172.{}.{b}.{c} 8080 {{\n        weight 1", 16 + a);
            out.push_str(match check {
                Check::Tcp => "        TCP_CHECK {\n            connect_timeout 3\n        }\n",
                Check::Http => HTTP,
                Check::Quoted => QUOTED,
            });
            out.push_str("    }\n");
        }
        real = last;
        out.push_str("}\n\n");
    }
    out
}

const HTTP: &str = "        HTTP_GET {
            url {
                path /healthz
                status_code 200
                virtualhost www.example
            }
            connect_timeout 3
            delay_before_retry 3
            retry 3
        }
";

const QUOTED: &str = "        HTTP_GET { # check
            url { # one
                path \"/healthz\" # page
                status_code \"200\" # good
            } # url
            connect_timeout \"3\" # seconds
            delay_before_retry \"3\" # seconds
            retry \"3\" # times
        } # HTTP_GET
";

fn time(text: &str) {
    let bytes = text.as_bytes();
    let host = keepalived_conf::source::MemoryHost::new();
    let mut best = [f64::MAX; 3];
    for round in 0..ROUNDS {
        let copy = bytes.to_vec();
        let start = Instant::now();
        let (expanded, mut findings) = expand::load_bytes(&host, "large.conf", copy, &expand::Options::default());
        let expand_time = start.elapsed();
        let tree = syntax::parse(&expanded, &mut findings);
        let both = start.elapsed();
        let times = [expand_time, both.saturating_sub(expand_time), both].map(|time| time.as_secs_f64() * 1e3);
        for (least, time) in best.iter_mut().zip(times) {
            *least = least.min(time);
        }
        if round == 0 {
            tell(text, &expanded, &tree, &findings);
        }
    }
    let [expand, syntax, both] = best;
    println!("expand {expand:.1} ms, syntax {syntax:.1} ms, together {both:.1} ms");
}

fn tell(text: &str, expanded: &expand::Expanded, tree: &syntax::Tree, findings: &Diagnostics) {
    let lines = text.lines().count();
    println!("{lines} lines, {} bytes; {} bytes expanded", text.len(), expanded.text().len());
    println!("{} statements, {} findings", tree.statement_count(), findings.len());
    println!("beside the text: {} bytes of tree, {} bytes of map", tree.overhead(), expanded.map.overhead());
}

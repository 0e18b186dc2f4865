// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reads a configuration from disk through all passes and says what it holds, for `benches/conf.sh`.
//!
//! `bench_conf FILE` reads it once, as a command would; `bench_conf FILE ROUNDS` reads it several times and says how long
//! the quickest reading took.

#![allow(clippy::print_stdout, clippy::disallowed_methods)]

use std::path::Path;
use std::time::{Duration, Instant};

use keepalived_conf::source::{Host, Kind, ReadError};
use keepalived_conf::{Loaded, Options, load};

/// How many findings are told; a sound configuration has none.
const FINDINGS_SHOWN: usize = 3;

/// The files of this machine, and nothing else of it.
struct Disk;

impl Host for Disk {
    fn kind(&self, path: &Path) -> Kind {
        match std::fs::metadata(path) {
            Ok(found) if found.is_dir() => Kind::Directory,
            Ok(found) if found.is_file() => Kind::Regular { executable: false },
            Ok(_) => Kind::Other,
            Err(_) => Kind::Missing,
        }
    }

    fn read(&self, path: &Path) -> Result<Vec<u8>, ReadError> {
        std::fs::read(path).map_err(|error| ReadError::Other(error.to_string()))
    }

    fn env(&self, _: &str) -> Option<String> {
        None
    }
}

fn main() {
    let mut words = std::env::args().skip(1);
    let file = words.next().unwrap_or_else(|| "/etc/keepalived/keepalived.conf".to_owned());
    let rounds: u32 = words.next().and_then(|word| word.parse().ok()).unwrap_or(1);
    let mut quickest = Duration::MAX;
    for _ in 1..rounds {
        quickest = quickest.min(read(&file).1);
    }
    let (loaded, last) = read(&file);
    tell(&loaded);
    if rounds > 1 {
        println!("milliseconds {:.1}", quickest.min(last).as_secs_f64() * 1e3);
    }
    // The end of the process frees all of it at once.
    std::mem::forget(loaded);
}

fn read(file: &str) -> (Loaded, Duration) {
    let options = Options { config_test: true, ..Options::default() };
    let start = Instant::now();
    let loaded = load(&Disk, Path::new(file), &options);
    (loaded, start.elapsed())
}

fn tell(loaded: &Loaded) {
    let servers = &loaded.config.lvs.servers;
    let reals: usize = servers.iter().map(|server| server.real_servers.len()).sum();
    println!("virtual_servers {}", servers.len());
    println!("real_servers {reals}");
    println!("findings {}", loaded.diagnostics.len() + loaded.diagnostics.dropped());
    for finding in loaded.diagnostics.iter().take(FINDINGS_SHOWN) {
        println!("finding {}", finding.message);
    }
    println!("status {}", loaded.diagnostics.exit_status());
    println!("peak_kb {}", peak().unwrap_or(0));
}

/// The most memory this process has held, in kilobytes.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

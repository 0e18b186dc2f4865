// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a check costs: `make bench-checks` prints the CPU time of one TCP check and of one HTTP check, made one after the
//! other and many at once, by the thread that checks alone. The servers are another thread, on the loopback address.
//!
//! Nothing here fails because something is slow. A row is the median of several rounds, with the fastest and the slowest
//! beside it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use keepalived_conf::blocks::lvs::check::Checker;
use nix::sys::time::TimeValLike;
use nix::time::{ClockId, clock_gettime};
use steadfast::dial::Dialer;
use steadfast::proto::health::Verdict;
use steadfast::worker::check::probe::{Tools, probe};

/// Rounds before the clock counts, and rounds that count.
const WARM_UP: usize = 2;
const ROUNDS: usize = 9;

/// Checks in one round.
const CHECKS: usize = 4000;

/// Checks at once, in the rows of many.
const AT_ONCE: usize = 64;

pub fn run() {
    let silent = serve(false);
    let talking = serve(true);
    let digest = "digest 5d41402abc4b2a76b9719d911017c592";
    println!(
        "{:<44} {:>10} {:>22} {:>14}",
        "CPU of one check, in microseconds", "median", "fastest .. slowest", "a second"
    );
    for (name, block, address) in [
        ("TCP_CHECK", "TCP_CHECK {\n}".to_owned(), silent),
        ("HTTP_GET, status", "HTTP_GET {\n url {\n path /\n}\n}".to_owned(), talking),
        ("HTTP_GET, digest", format!("HTTP_GET {{\n url {{\n path /\n {digest}\n}}\n}}"), talking),
        ("HTTP_GET, pattern", "HTTP_GET {\n url {\n path /\n regex \"^hel+o$\"\n}\n}".to_owned(), talking),
    ] {
        let checker = Rc::new(checker(&block, address));
        for at_once in [1, AT_ONCE] {
            let mut rounds: Vec<Duration> = (0..WARM_UP + ROUNDS).map(|_| round(&checker, at_once)).collect();
            rounds.drain(..WARM_UP);
            rounds.sort_unstable();
            let micros = |at: usize| rounds[at].as_secs_f64() * 1e6 / CHECKS as f64;
            let (median, fastest, slowest) = (micros(ROUNDS / 2), micros(0), micros(ROUNDS - 1));
            let spread = format!("{fastest:.1} .. {slowest:.1}");
            println!("{:<44} {median:>10.1} {spread:>22} {:>14.0}", format!("{name}, {at_once} at once"), 1e6 / median);
        }
    }
}

/// A server for ever: it answers each connection with a page, or only closes it.
fn serve(talks: bool) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            // Until the request came, or the end.
            let _ = stream.read(&mut [0; 1024]);
            if talks {
                let _ = stream.write_all(b"HTTP/1.0 200 OK\r\nServer: bench\r\n\r\nhello");
            }
        }
    });
    address
}

fn checker(block: &str, address: SocketAddr) -> Checker {
    let text = format!(
        "virtual_server 192.0.2.1 80 {{\n protocol TCP\n real_server 127.0.0.1 {} {{\n {block}\n}}\n}}\n",
        address.port()
    );
    let host = keepalived_conf::source::MemoryHost::new().file("/k.conf", &text);
    let loaded = keepalived_conf::load(&host, Path::new("/k.conf"), &keepalived_conf::Options::default());
    loaded.config.lvs.servers[0].real_servers[0].checkers[0].clone()
}

/// CPU time of this thread for a round.
fn round(checker: &Rc<Checker>, at_once: usize) -> Duration {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let before = used();
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let tools = Rc::new(Tools::new(Dialer::new(at_once)));
        let tasks: Vec<_> = (0..at_once)
            .map(|_| {
                let (checker, tools) = (Rc::clone(checker), Rc::clone(&tools));
                tokio::task::spawn_local(async move {
                    for _ in 0..CHECKS / at_once {
                        let found = probe(&checker, 0, &tools).await;
                        assert_eq!(found.verdict, Verdict::Good(None), "{}", found.why);
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.expect("checks that end");
        }
    });
    used() - before
}

fn used() -> Duration {
    let time = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("a clock");
    Duration::from_nanos(u64::try_from(time.num_nanoseconds()).unwrap_or(0))
}

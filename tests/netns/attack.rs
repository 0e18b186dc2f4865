// SPDX-License-Identifier: MIT OR Apache-2.0
//! The page and the control socket take anything from anybody, within their limits, and the protocol does not notice.
//!
//! Nothing is asserted about how fast anything is: a backup waits for more than three adverts before it takes over, so that
//! it never does says that none of three in a row was late by more than an interval. How late the master was is printed.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::ask::{Pair, configuration, get, inside, pair_with, steadfast, until};
use crate::node::Node;

/// Connections to each door, all there at once.
const CROWD: usize = 10_000;
/// What this process has open besides: other tests run in it.
const BESIDE: usize = 2_000;
/// The limits of the status worker, and what it has open besides: its channel, its listeners, its clocks.
const DOORS_MAX: usize = 64 + 32;
const OTHERS_MAX: usize = 64;
/// A line that never ends.
const FLOOD: usize = 1 << 30;
/// What the kernel may hold of it on the way.
const ON_THE_WAY_MAX: usize = 64 << 20;
/// A worker whose memory grew with what is thrown at it would be beyond this soon.
const RESIDENT_MAX_KB: usize = 64 * 1024;

trait Stream: Read + Write + Send {}
impl Stream for TcpStream {}
impl Stream for UnixStream {}

#[derive(Clone, Copy)]
enum Door {
    Page,
    Socket,
}

impl Door {
    /// A connection, or nothing where the door is shut for the moment.
    fn knock(self, node: &Node) -> Option<Box<dyn Stream>> {
        let wait = Some(Duration::from_secs(20));
        match self {
            Door::Page => {
                let stream = TcpStream::connect(("127.0.0.1", 9165)).ok()?;
                stream.set_write_timeout(wait).ok()?;
                Some(Box::new(stream))
            }
            Door::Socket => {
                let stream = UnixStream::connect(node.namespace().path("root/run/keepalived.sock")).ok()?;
                stream.set_write_timeout(wait).ok()?;
                Some(Box::new(stream))
            }
        }
    }
}

/// Begins a request at every one of many connections and lets all of them wait, as far as this process can hold them.
fn crowd(node: &Node, door: Door) {
    let (mut held, mut came, room) = (VecDeque::new(), 0, room());
    for _ in 0..CROWD {
        if let Some(mut stream) = door.knock(node) {
            let _ = stream.write_all(b"GET / HTTP/1.1\r\nHost: ");
            held.push_back(stream);
            came += 1;
        }
        if held.len() > room {
            held.pop_front();
        }
    }
    assert_eq!(came, CROWD, "all of them came in");
}

/// Sends a line that does not end until nobody takes it; the bytes that were taken.
fn flood(node: &Node, door: Door) -> usize {
    let Some(mut stream) = door.knock(node) else { return 0 };
    let piece = vec![b'A'; 64 * 1024];
    let mut sent = 0;
    while sent < FLOOD {
        match stream.write(&piece) {
            Ok(length) => sent += length,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
    sent
}

/// Asks for much and takes nothing of it.
fn stare(node: &Node, door: Door, request: &[u8]) -> Option<Box<dyn Stream>> {
    let mut stream = door.knock(node)?;
    for _ in 0..200 {
        if stream.write_all(request).is_err() {
            break;
        }
    }
    Some(stream)
}

/// Bytes without sense, the same ones in every run.
fn babble(node: &Node, door: Door, seed: u64) {
    let mut state = seed;
    for length in 0..200_usize {
        let Some(mut stream) = door.knock(node) else { continue };
        let bytes: Vec<u8> = (0..length * 7)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 56) as u8
            })
            .collect();
        let _ = stream.write_all(&bytes).and_then(|()| stream.write_all(b"\n\r\n\r\n"));
    }
}

/// How many connections this process can hold, other tests beside it.
fn room() -> usize {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("a limit");
    let limit = if setrlimit(Resource::RLIMIT_NOFILE, hard, hard).is_ok() { hard } else { soft };
    usize::try_from(limit).unwrap_or(usize::MAX).saturating_sub(BESIDE)
}

/// A number of `/proc/PID/status` of the status worker, or how many descriptors it has.
fn of_status_worker(node: &Node, line: &str) -> usize {
    let found = inside(node, &format!("P=$(pgrep -f -- '[-]-role status'); {line}"));
    found.trim().parse().unwrap_or_else(|_| panic!("no number: {found}"))
}

/// What the status worker counted at a door.
fn counted(numbers: &str, what: &str, door: Door) -> Option<f64> {
    let door = match door {
        Door::Page => "http",
        Door::Socket => "control",
    };
    number(numbers, &format!("steadfast_status_{what}_total{{door=\"{door}\"}}"))
}

fn number(numbers: &str, series: &str) -> Option<f64> {
    numbers.lines().find_map(|line| line.strip_prefix(series)?.trim().parse().ok())
}

type Deed<'a> = Box<dyn FnOnce() + Send + 'a>;

/// Does all of this at once, each from inside; the most descriptors the status worker had meanwhile.
fn attack(node: &Node, deeds: Vec<Deed<'_>>) -> usize {
    thread::scope(|scope| {
        let begun = deeds.into_iter().map(|deed| scope.spawn(move || node.namespace().enter(deed)));
        let attackers: Vec<_> = begun.collect();
        let mut most = 0;
        while attackers.iter().any(|attacker| !attacker.is_finished()) {
            most = most.max(of_status_worker(node, "ls /proc/$P/fd | wc -l"));
            thread::sleep(Duration::from_millis(100));
        }
        for attacker in attackers {
            attacker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        }
        most
    })
}

#[test]
fn the_protocol_does_not_notice_when_the_page_and_the_socket_are_attacked() {
    let test = "the_protocol_does_not_notice_when_the_page_and_the_socket_are_attacked";
    let slow = |priority| configuration(priority).replace("advert_int 0.1", "advert_int 1");
    let Some(pair) = pair_with(test, slow) else { return };
    pair.lab.journal.deed("attack".to_owned());
    let (a, doors) = (&pair.a, [Door::Page, Door::Socket]);
    // All at once at one door, then at the other, then everything else: first there is no room for anybody, then for some.
    let crowds = doors.map(|door| attack(a, vec![Box::new(move || crowd(a, door))])).into_iter().max().unwrap_or(0);
    let mut others: Vec<Deed<'_>> = Vec::new();
    for (door, request) in
        doors.into_iter().zip([&b"GET /metrics HTTP/1.1\r\n\r\n"[..], b"{\"v\":1,\"do\":\"status\"}\n"])
    {
        others.push(Box::new(move || {
            // Whoever finds no room is not cut.
            until("the line without an end is cut", || {
                let taken = flood(a, door);
                assert!(taken < ON_THE_WAY_MAX, "{taken} bytes of one line were taken");
                counted(&get(a, "/metrics"), "too_long", door).is_some_and(|cut| cut >= 1.0)
            });
        }));
        others.push(Box::new(move || babble(a, door, 42)));
        others.push(Box::new(move || drop((0..20).map(|_| stare(a, door, request)).collect::<Vec<_>>())));
    }
    let most = attack(a, others).max(crowds);
    assert!(most <= DOORS_MAX + OTHERS_MAX, "{most} descriptors were open");
    pair.lab.journal.beats(3, |frame| frame.is_advert("10.0.0.1", 200));
    until("the page is there again", || get(a, "/healthz").ends_with("ok\n"));
    until("the socket is there again", || steadfast(a, "status").contains("MASTER"));
    check_protocol(&pair);
    check_counters(a);
}

fn check_protocol(pair: &Pair) {
    let seen = pair.lab.journal.read();
    let attacked = seen.since("attack");
    assert!(!attacked.said("a", "Entering") && !attacked.said("b", "Entering"), "nobody moved\n{attacked}");
    assert!(!attacked.frames().any(|frame| frame.is_advert("10.0.0.2", 100)), "b never spoke\n{attacked}");
    assert!(seen.holds_alone("a", "10.0.0.100"), "{attacked}");
}

fn check_counters(a: &Node) {
    let numbers = get(a, "/metrics");
    for door in [Door::Page, Door::Socket] {
        let of = |what| counted(&numbers, what, door).unwrap_or_else(|| panic!("{what} is missing in {numbers}"));
        let (taken, refused) = (of("connections"), of("connections_refused"));
        assert!(taken + refused >= CROWD as f64 && refused > 0.0, "{taken} taken, {refused} refused");
    }
    let resident = of_status_worker(a, "awk '/VmHWM/ {print $2}' /proc/$P/status");
    assert!(resident < RESIDENT_MAX_KB, "{resident} kB");
    let [times, most] =
        ["steadfast_late_turns_total", "steadfast_late_most_seconds"].map(|series| number(&numbers, series));
    let line = format!(
        "the master came late {times:?} times, by {most:?} s at the most; the status worker had {resident} kB\n"
    );
    let _ = std::io::stderr().write_all(line.as_bytes());
}

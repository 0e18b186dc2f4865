// SPDX-License-Identifier: MIT OR Apache-2.0
#![allow(clippy::disallowed_methods)]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use crate::dial::{Dialer, Target};
use crate::proto::health::Verdict;
use crate::worker::check::probe::Finding;

use super::probe;

/// A check as configured for nothing in particular.
fn check(timeout: Duration) -> keepalived_conf::blocks::lvs::check_tcp::TcpCheck {
    use keepalived_conf::blocks::lvs::check::Checker;
    let text = format!(
        "virtual_server 192.0.2.1 80 {{\n protocol TCP\n real_server 127.0.0.1 80 {{\n TCP_CHECK {{\n connect_timeout {} \
         \n}}\n}}\n}}\n",
        timeout.as_secs_f64()
    );
    let host = keepalived_conf::source::MemoryHost::new().file("/k.conf", &text);
    let loaded = keepalived_conf::load(&host, std::path::Path::new("/k.conf"), &keepalived_conf::Options::default());
    match loaded.config.lvs.servers[0].real_servers[0].checkers[0].clone() {
        Checker::Tcp(check) => *check,
        other => panic!("not a TCP_CHECK: {other:?}"),
    }
}

fn run(future: impl Future<Output = Finding>) -> Finding {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn probe_of(address: SocketAddr) -> Finding {
    let dialer = Dialer::new(8);
    run(async { probe(&check(Duration::from_secs(5)), &Target::new(address), &dialer).await })
}

#[test]
fn who_takes_the_connection_is_well_and_sees_it_end_in_good_order() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        // A greeting that nobody asked for; unread, it would turn the close into a reset.
        stream.write_all(b"220 ready\r\n").unwrap();
        let mut read = Vec::new();
        stream.read_to_end(&mut read).map(|_| read)
    });
    assert_eq!(probe_of(address), Finding::good());
    assert_eq!(server.join().unwrap().unwrap(), b"", "an end, not a reset");
}

#[test]
fn a_greeting_after_our_goodbye_is_read_too() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (checked, wait) = std::sync::mpsc::channel();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let ended = stream.read(&mut [0; 8]).unwrap();
        stream.write_all(b"220 ready\r\n").unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        wait.recv().unwrap();
        (ended, stream.take_error().unwrap())
    });
    assert_eq!(probe_of(address), Finding::good());
    checked.send(()).unwrap();
    let (ended, reset) = server.join().unwrap();
    assert_eq!(ended, 0);
    assert!(reset.is_none(), "{reset:?}");
}

#[test]
fn who_refuses_is_not_and_the_reason_is_said() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    assert_eq!(probe_of(address), Finding::bad("connection refused"));
}

#[test]
fn who_does_not_answer_is_not_after_its_time() {
    // A queue that is full takes no further connection: the kernel drops what asks for one.
    let listener = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    listener.bind(&"127.0.0.1:0".parse::<SocketAddr>().unwrap().into()).unwrap();
    listener.listen(0).unwrap();
    let address = listener.local_addr().unwrap().as_socket().unwrap();
    let waiting = std::net::TcpStream::connect(address).unwrap();
    let dialer = Dialer::new(8);
    let limit = Duration::from_millis(200);
    let found = run(async { probe(&check(limit), &Target::new(address), &dialer).await });
    assert_eq!(found, Finding::bad("no connection within 200ms"));
    drop(waiting);
}

#[test]
fn a_lack_of_our_own_says_nothing_about_the_server() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut target = Target::new(listener.local_addr().unwrap());
    let from = crate::kernel::outgoing::Origin { address: Some("192.0.2.77".parse().unwrap()), ..Default::default() };
    target.origin = Some(Box::new(from));
    let dialer = Dialer::new(8);
    let found = run(async { probe(&check(Duration::from_secs(5)), &target, &dialer).await });
    assert_eq!(found.verdict, Verdict::NotChecked);
    assert_eq!(found.why, "binding to 192.0.2.77: cannot assign requested address");
}

/// While servers are silent tens of thousands of checks wait.
#[test]
fn a_check_under_way_takes_little_room_whatever_its_kind() {
    let check = super::super::Checker::Tcp(Box::new(check(Duration::from_secs(5))));
    let tools = super::super::Tools::new(Dialer::new(8));
    let size = size_of_val(&super::super::probe(&check, 0, &tools));
    assert!(size <= 4096, "{size} bytes");
}

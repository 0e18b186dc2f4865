// SPDX-License-Identifier: MIT OR Apache-2.0
use std::net::{TcpListener, UdpSocket as StdUdp};

use super::*;

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

const LIMIT: Duration = Duration::from_secs(5);

fn from(origin: Origin, address: SocketAddr) -> Target {
    Target { address, origin: Some(Box::new(origin)) }
}

#[test]
fn a_connection_comes_from_the_address_and_port_that_are_named() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let free = TcpListener::bind("127.0.0.9:0").unwrap().local_addr().unwrap().port();
    let address = Some("127.0.0.9".parse().unwrap());
    let to = listener.local_addr().unwrap();
    let dialer = Dialer::new(8);
    run(async {
        let one = dialer.connect(&from(Origin { address, ..Origin::default() }, to), LIMIT).await.unwrap();
        assert_eq!(Some(one.local_addr().unwrap().ip()), address);
        let origin = Origin { address, port: Some(free), ..Origin::default() };
        let two = dialer.connect(&from(origin, to), LIMIT).await.unwrap();
        assert_eq!(two.local_addr().unwrap().to_string(), format!("127.0.0.9:{free}"));
    });
}

#[test]
fn a_port_without_an_address_is_left_to_the_kernel() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = Origin { port: Some(1), ..Origin::default() };
    let target = from(origin, listener.local_addr().unwrap());
    let dialer = Dialer::new(8);
    let port = run(async { dialer.connect(&target, LIMIT).await.unwrap().local_addr().unwrap().port() });
    assert_ne!(port, 1);
}

#[test]
fn a_connection_to_ourselves_is_refused() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let origin = Origin { address: Some(free.ip()), port: Some(free.port()), ..Origin::default() };
    let error = run(Dialer::new(8).connect(&from(origin, free), LIMIT)).unwrap_err();
    assert!(!error.is_ours());
    assert_eq!(error.to_string(), "connection refused");
}

#[test]
fn an_interface_that_does_not_exist_is_our_lack() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = Origin { interface: Some("nowhere0".into()), ..Origin::default() };
    let target = from(origin, listener.local_addr().unwrap());
    let dialer = Dialer::new(8);
    let error = run(dialer.connect(&target, LIMIT)).unwrap_err();
    assert!(error.is_ours());
    assert_eq!(error.to_string(), "binding to interface nowhere0: no such device");
    assert_eq!(dialer.counts().ours.load(Ordering::Relaxed), 1);
    let scoped =
        from(Origin { interface: Some("nowhere0".into()), ..Origin::default() }, "[fe80::1]:80".parse().unwrap());
    let error = run(dialer.connect(&scoped, LIMIT)).unwrap_err();
    assert_eq!(error.to_string(), "looking for interface nowhere0: no such device");
}

#[test]
fn who_comes_when_all_slots_are_taken_waits_for_one() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = Target::new(listener.local_addr().unwrap());
    let dialer = Dialer::new(1);
    run(async {
        let first = dialer.connect(&target, LIMIT).await.unwrap();
        let second = dialer.connect(&target, LIMIT);
        tokio::pin!(second);
        tokio::select! {
            biased;
            _ = &mut second => panic!("there was one slot"),
            () = tokio::task::yield_now() => {}
        }
        drop(first);
        second.await.unwrap();
    });
    assert_eq!(dialer.counts().waited.load(Ordering::Relaxed), 1);
}

#[test]
fn a_turn_that_never_comes_is_our_lack_and_not_the_server_s() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = Target::new(listener.local_addr().unwrap());
    let dialer = Dialer::new(1);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let error = runtime.block_on(async {
        let _held = dialer.slot().await.unwrap();
        dialer.connect(&target, LIMIT).await.unwrap_err()
    });
    assert!(error.is_ours());
    assert_eq!(error.to_string(), "no turn within 30s, because too many checks run at once");
    assert_eq!(dialer.counts().crowded.load(Ordering::Relaxed), 1);
}

#[test]
fn a_refused_datagram_is_told() {
    let socket = StdUdp::bind("127.0.0.1:0").unwrap();
    let target = Target::new(socket.local_addr().unwrap());
    drop(socket);
    let dialer = Dialer::new(8);
    let error = run(async {
        let socket = dialer.datagrams(&target, LIMIT).await.unwrap();
        socket.send(b"anybody there").await.unwrap();
        socket.recv(&mut [0; 16]).await.unwrap_err()
    });
    assert_eq!(words(&error), "connection refused");
    assert!(!is_shortage(&error));
}

#[test]
fn what_the_kernel_says_is_told_apart_by_whose_fault_it_is() {
    let server = [Errno::ECONNREFUSED, Errno::ETIMEDOUT, Errno::EHOSTUNREACH, Errno::ENETUNREACH, Errno::ECONNRESET];
    let ours = [Errno::EMFILE, Errno::ENFILE, Errno::ENOMEM, Errno::ENOBUFS, Errno::EADDRNOTAVAIL, Errno::EPERM];
    assert!(server.iter().all(|errno| !DialError::judge("connecting", (*errno).into()).is_ours()));
    assert!(ours.iter().all(|errno| DialError::judge("connecting", (*errno).into()).is_ours()));
}

#[test]
fn slots_leave_descriptors_to_others() {
    assert_eq!(Dialer::within(1024).slots.available_permits(), 1024 - 128);
    assert_eq!(Dialer::within(10).slots.available_permits(), 1);
    assert_eq!(Dialer::within(u64::MAX).slots.available_permits(), CONNECTIONS_MAX);
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Webhooks through steadfast-web, with servers on the loopback address.

#![allow(clippy::disallowed_methods, clippy::expect_used, clippy::unwrap_used, clippy::panic)]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use keepalived_conf::blocks::global::webhook::Webhook;
use openssl::asn1::Asn1Time;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::rsa::Rsa;
use openssl::ssl::{SslAcceptor, SslMethod};
use openssl::x509::{X509, X509NameBuilder};
use steadfast::channel::Happened;
use steadfast::notify::webhook::{ATTEMPTS_MAX, Times, Webhooks};
use steadfast::observe::log::Log;
use steadfast::observe::snapshot::Hook;
use tokio::task::LocalSet;

/// Only what never comes takes so long.
const PATIENCE: Duration = Duration::from_secs(120);
/// As in the daemon.
const LIMIT: Duration = Duration::from_secs(10);

/// A server that gives these answers, one a connection and the last one ever after; without an answer it stays silent.
fn serve(answers: &'static [Option<&'static str>]) -> (SocketAddr, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (tell, told) = channel();
    std::thread::spawn(move || {
        let mut silent = Vec::new();
        for (number, stream) in listener.incoming().enumerate() {
            let mut stream = stream.unwrap();
            let request = request(&mut stream);
            if tell.send(request).is_err() {
                return;
            }
            match answers.get(number).or(answers.last()).copied().flatten() {
                Some(status) => {
                    let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                    let _ = stream.write_all(answer.as_bytes());
                }
                None => silent.push(stream),
            }
        }
    });
    (address, told)
}

/// A request with its body.
fn request(stream: &mut TcpStream) -> String {
    let (mut request, mut bytes) = (Vec::new(), [0; 4096]);
    loop {
        let text = String::from_utf8_lossy(&request).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length =
                head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return text;
            }
        }
        match stream.read(&mut bytes) {
            Ok(0) | Err(_) => return text,
            Ok(length) => request.extend_from_slice(&bytes[..length]),
        }
    }
}

fn event(number: u64) -> Happened {
    Happened {
        number,
        at_ms: 1_796_006_281_123,
        from: "vrrp".to_owned(),
        about: Some("VI_1".to_owned()),
        level: "notice".to_owned(),
        text: "(VI_1) Entering MASTER STATE".to_owned(),
        state: Some("MASTER".to_owned()),
        why: Some("the master said that it leaves".to_owned()),
        priority: Some(100),
    }
}

/// Tells these events to the address and waits until this holds of the hook.
fn tell(url: &str, events: u64, until: impl Fn(&Hook) -> bool) -> Hook {
    tell_within(LIMIT, url, events, until)
}

fn tell_within(limit: Duration, url: &str, events: u64, until: impl Fn(&Hook) -> bool) -> Hook {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let program = Some(PathBuf::from(env!("CARGO_BIN_EXE_steadfast-web")));
    let times = Times { limit, first: Duration::from_millis(1), most: Duration::from_millis(5) };
    LocalSet::new().block_on(&runtime, async {
        let log = Log::to_stderr("test");
        let hooks = Webhooks::new(&[Webhook::read(url).unwrap()], "a".to_owned(), program, times, &log);
        (1..=events).for_each(|number| hooks.tell(&event(number)));
        let start = Instant::now();
        loop {
            let seen = hooks.seen().remove(0);
            if until(&seen) {
                return seen;
            }
            assert!(start.elapsed() < PATIENCE, "{seen:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
}

#[test]
fn events_are_posted_in_order_as_json_and_the_address_is_shown_without_its_end() {
    let (address, told) = serve(&[Some("204 No Content")]);
    let seen = tell(&format!("http://{address}/hook/s3cr3t"), 3, |hook| hook.posted == 3);
    assert_eq!(seen.place, format!("http://{address}/…"));
    for number in 1..=3 {
        let request = told.recv_timeout(PATIENCE).unwrap();
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("POST /hook/s3cr3t HTTP/1.1\r\n"), "{head}");
        assert!(head.to_lowercase().contains("content-type: application/json"), "{head}");
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!((&body["version"], &body["number"], &body["node"]), (&1.into(), &number.into(), &"a".into()));
        assert_eq!((&body["state"], &body["about"]), (&"MASTER".into(), &"VI_1".into()));
    }
}

#[test]
fn a_server_that_fails_is_asked_again_and_one_that_refuses_is_not() {
    let (address, told) = serve(&[Some("500 Oops"), Some("503 Busy"), Some("200 OK")]);
    let seen = tell(&format!("http://{address}/"), 1, |hook| hook.posted == 1);
    assert_eq!((seen.retried, seen.failed, &seen.failing), (2, 0, &None));
    assert_eq!(told.try_iter().count(), 3);
    let (address, told) = serve(&[Some("404 Not Found"), Some("200 OK")]);
    let seen = tell(&format!("http://{address}/"), 2, |hook| hook.posted == 1);
    assert_eq!((seen.retried, seen.failed), (0, 1));
    assert_eq!(told.try_iter().count(), 2);
}

#[test]
fn a_server_that_stays_silent_holds_nothing_up_for_longer_than_the_limit() {
    let (address, told) = serve(&[None, Some("200 OK")]);
    let limit = Duration::from_secs(1);
    let seen = tell_within(limit, &format!("http://{address}/"), 2, |hook| hook.posted == 2);
    assert!(seen.retried >= 1 && seen.failed == 0, "{seen:?}");
    assert!(told.try_iter().count() >= 3);
}

#[test]
fn where_nobody_listens_an_event_is_given_up_after_all_attempts() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let seen = tell(&format!("http://{address}/"), 1, |hook| hook.failed == 1);
    assert_eq!(seen.retried, u64::from(ATTEMPTS_MAX) - 1);
    assert!(seen.failing.is_some_and(|why| why.to_lowercase().contains("refused")));
}

#[test]
fn a_certificate_that_nobody_vouches_for_is_not_believed() {
    let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
    let mut name = X509NameBuilder::new().unwrap();
    name.append_entry_by_text("CN", "127.0.0.1").unwrap();
    let name = name.build();
    let mut certificate = X509::builder().unwrap();
    certificate.set_subject_name(&name).unwrap();
    certificate.set_issuer_name(&name).unwrap();
    certificate.set_pubkey(&key).unwrap();
    certificate.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    certificate.set_not_after(&Asn1Time::days_from_now(1).unwrap()).unwrap();
    certificate.sign(&key, MessageDigest::sha256()).unwrap();
    let mut acceptor = SslAcceptor::mozilla_intermediate(SslMethod::tls_server()).unwrap();
    acceptor.set_private_key(&key).unwrap();
    acceptor.set_certificate(&certificate.build()).unwrap();
    let acceptor = acceptor.build();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || listener.incoming().for_each(|stream| drop(acceptor.accept(stream.unwrap()))));
    let seen = tell(&format!("https://{address}/"), 1, |hook| hook.failing.is_some());
    let why = seen.failing.unwrap_or_default();
    assert!(why.contains("certificate"), "{why}");
    assert_eq!(seen.posted, 0);
}

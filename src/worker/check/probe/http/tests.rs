// SPDX-License-Identifier: MIT OR Apache-2.0
#![allow(clippy::disallowed_methods)]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread::JoinHandle;
use std::time::Duration;

use keepalived_conf::blocks::lvs::check::Checker;

use crate::dial::Target;
use crate::proto::health::Verdict;
use crate::worker::check::probe::{Finding, Tools};

use super::probe;

/// A server for one request, which `answers` it as it likes.
fn serve(answers: impl FnOnce(&mut TcpStream) + Send + 'static) -> (SocketAddr, JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = Vec::new();
        let mut bytes = [0; 4096];
        while !request.ends_with(b"\r\n\r\n") {
            match stream.read(&mut bytes) {
                Ok(0) | Err(_) => break,
                Ok(length) => request.extend_from_slice(&bytes[..length]),
            }
        }
        answers(&mut stream);
        request
    });
    (address, server)
}

/// The checks of a real server as written in `url`, with `more` before it.
fn checks(more: &str, url: &str) -> keepalived_conf::blocks::lvs::check_http::HttpCheck {
    let more = if more.contains("connect_timeout") { more.to_owned() } else { format!("connect_timeout 5\n {more}") };
    let text = format!(
        "virtual_server 192.0.2.1 80 {{\n protocol TCP\n real_server 127.0.0.1 80 {{\n HTTP_GET {{\n {more}\n url {{\n path /\n {url}\n}}\n}}\n}}\n}}\n"
    );
    let host = keepalived_conf::source::MemoryHost::new().file("/k.conf", &text);
    let loaded = keepalived_conf::load(&host, std::path::Path::new("/k.conf"), &keepalived_conf::Options::default());
    match loaded.config.lvs.servers[0].real_servers[0].checkers[0].clone() {
        Checker::Http(check) => *check,
        other => panic!("not an HTTP_GET: {other:?}"),
    }
}

fn check_at(address: SocketAddr, more: &str, url: &str) -> Finding {
    let tools = Tools::new(crate::dial::Dialer::new(8));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { probe(&checks(more, url), 0, &Target::new(address), &tools).await })
}

fn check_of(answer: impl Into<Vec<u8>>, more: &str, url: &str) -> Finding {
    let answer = answer.into();
    let (address, server) = serve(move |stream| {
        let _ = stream.write_all(&answer);
    });
    let found = check_at(address, more, url);
    server.join().unwrap();
    found
}

const HELLO: &str = "HTTP/1.0 200 OK\r\nServer: x\r\n\r\nhello\n";

#[test]
fn what_is_asked_is_keepalived_s_to_the_byte() {
    let table = [
        ("", "", "GET / HTTP/1.0\r\nUser-Agent: KeepAliveClient\r\nHost: ADDRESS\r\n\r\n"),
        (
            "http_protocol 1.1\n virtualhost www.example",
            "",
            "GET / HTTP/1.1\r\nUser-Agent: KeepAliveClient\r\nConnection: close\r\nHost: www.example\r\n\r\n",
        ),
        (
            "http_protocol 1.0C\n virtualhost www.example",
            "virtualhost url.example",
            "GET / HTTP/1.0\r\nUser-Agent: KeepAliveClient\r\nConnection: close\r\nHost: url.example\r\n\r\n",
        ),
    ];
    for (more, url, expected) in table {
        let (address, server) = serve(|stream| stream.write_all(HELLO.as_bytes()).unwrap());
        assert_eq!(check_at(address, more, url), Finding::good());
        let expected = expected.replace("ADDRESS", &address.to_string());
        assert_eq!(String::from_utf8(server.join().unwrap()).unwrap(), expected);
    }
}

#[test]
fn a_long_request_is_not_cut() {
    let name = "n".repeat(4000);
    let (address, server) = serve(|stream| stream.write_all(HELLO.as_bytes()).unwrap());
    assert_eq!(check_at(address, &format!("virtualhost {name}"), ""), Finding::good());
    let request = String::from_utf8(server.join().unwrap()).unwrap();
    assert!(request.ends_with(&format!("\r\nHost: {name}\r\n\r\n")), "{} bytes came", request.len());
}

#[test]
fn an_answer_is_judged_by_status_digest_and_pattern() {
    let other = "digest 00000000000000000000000000000000";
    let table: [(&str, &str, &str); 19] = [
        ("", HELLO, ""),
        ("digest b1946ac92492d2347c6235b4d2611184", HELLO, ""),
        ("digest sha256:5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03", HELLO, ""),
        (other, HELLO, "/: digest b1946ac92492d2347c6235b4d2611184, wanted 00000000000000000000000000000000"),
        (
            other,
            "HTTP/1.0 200 OK\r\nContent-Length: 600\r\n\r\nhello\n",
            "/: digest b1946ac92492d2347c6235b4d2611184, wanted 00000000000000000000000000000000 (6 of 600 bytes came)",
        ),
        ("", "HTTP/1.0 503 No\r\n\r\n", "/: status 503, wanted 200-299"),
        ("status_code 200 301-302", "HTTP/1.0 404 No\r\n\r\n", "/: status 404, wanted 200 301-302"),
        ("status_code 200 301-302", "HTTP/1.0 302 Found\r\nLocation: /\r\n\r\n", ""),
        ("", "HTTP/1.1 200\r\n\r\n", ""),
        ("", "HTTP/1.1 200 OK\n\nhello\n", ""),
        ("", "HTTP/1.1 fine\r\n\r\n", "/: there is no status code in `HTTP/1.1 fine`"),
        ("regex \"hello$\"", HELLO, ""),
        ("regex \"hel+o.*\"", HELLO, ""),
        ("regex HELLO\n regex_options caseless", HELLO, ""),
        ("regex Server", HELLO, "/: the body does not match `Server`"),
        ("regex hello\n regex_min_offset 1", HELLO, "/: the body does not match `hello`"),
        ("regex ello\n regex_min_offset 1\n regex_max_offset 3", HELLO, ""),
        ("regex hello\n regex_no_match", HELLO, "/: the body matches `hello`, and must not"),
        ("regex bye\n regex_no_match", HELLO, ""),
    ];
    for (url, answer, why) in table {
        let expected = if why.is_empty() { Finding::good() } else { Finding::bad(why) };
        assert_eq!(check_of(answer, "", url), expected, "{url}");
    }
}

#[test]
fn a_pattern_is_found_across_chunks_and_a_digest_is_of_what_came() {
    let answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n3\r\nlo\n\r\n0\r\n\r\n";
    assert_eq!(check_of(answer, "", "regex hello"), Finding::good());
    // md5 of the chunks with their lengths
    let raw = "digest f35f4b32dc1a1d43f35bdb5f3e8ea0ff";
    let why = check_of(answer, "", raw).why;
    assert!(!why.contains("b1946ac92492d2347c6235b4d2611184"), "{why}");
}

#[test]
fn a_pattern_over_a_long_body_has_its_limit() {
    let answer = [HELLO.as_bytes(), &vec![b'x'; 2 << 20]].concat();
    let why = "/: the body is longer than the 1024 KiB that are searched";
    assert_eq!(check_of(answer.clone(), "", "regex absent"), Finding::bad(why));
    assert_eq!(check_of(answer.clone(), "", "regex absent\n regex_no_match"), Finding::bad(why));
    assert_eq!(check_of(answer, "", "regex hello"), Finding::good());
}

#[test]
fn a_pattern_that_would_blow_up_fails_with_a_reason() {
    let answer = format!("HTTP/1.0 200 OK\r\n\r\n{}", "a".repeat(4000));
    let found = check_of(answer, "", "regex \"(a+)+$(?<=b)\"");
    assert_eq!(found, Finding::bad("/: the body cannot be searched for `(a+)+$(?<=b)`: match limit exceeded"));
}

#[test]
fn an_answer_that_says_its_length_ends_there() {
    let (address, server) = serve(|stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello\n").unwrap();
        // Nothing is closed until the other side has.
        assert_eq!(stream.read(&mut [0; 8]).unwrap(), 0);
    });
    assert_eq!(check_at(address, "", "digest b1946ac92492d2347c6235b4d2611184"), Finding::good());
    server.join().unwrap();
}

/// A check with little patience.
const HASTY: &str = "connect_timeout 0.3";

#[test]
fn who_says_nothing_fails_in_time() {
    let (address, server) = serve(|stream| assert_eq!(stream.read(&mut [0; 8]).unwrap_or(0), 0));
    assert_eq!(check_at(address, HASTY, ""), Finding::bad("/: no answer within 300ms"));
    server.join().unwrap();
}

/// Writes a byte at a time until nobody takes it any more.
fn drip(stream: &mut TcpStream, bytes: &[u8]) {
    for byte in bytes.iter().cycle().take(2000) {
        if stream.write_all(&[*byte]).is_err() {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn who_drips_fails_in_time_and_not_later() {
    let (address, server) = serve(|stream| drip(stream, b"HTTP/1.0 200 OK\r\nX: y\r\nZ: "));
    let why = check_at(address, HASTY, "").why;
    assert!(why.starts_with("/: the header did not end within 300ms; "), "{why}");
    server.join().unwrap();
    let (address, server) = serve(|stream| {
        stream.write_all(HELLO.as_bytes()).unwrap();
        drip(stream, b"x");
    });
    let why = check_at(address, HASTY, "").why;
    assert!(why.starts_with("/: the server did not close the connection within 300ms, after "), "{why}");
    server.join().unwrap();
    let (address, server) = serve(|stream| {
        stream.write_all(b"HTTP/1.0 200 OK\r\nContent-Length: 90000\r\n\r\n").unwrap();
        drip(stream, b"x");
    });
    let why = check_at(address, HASTY, "").why;
    assert!(why.ends_with(" of 90000 bytes of the body came within 300ms"), "{why}");
    server.join().unwrap();
}

/// Writes the same bytes until nobody takes them any more.
fn flood(stream: &mut TcpStream, bytes: &[u8]) {
    let many = bytes.repeat(16 * 1024 / bytes.len() + 1);
    while stream.write_all(&many).is_ok() {}
}

#[test]
fn a_header_without_end_and_a_body_without_end_have_limits() {
    let (address, server) = serve(|stream| {
        stream.write_all(b"HTTP/1.0 200 OK\r\n").unwrap();
        flood(stream, b"X-Header: value\r\n");
    });
    let why = check_at(address, "", "").why;
    assert!(why.starts_with("/: the header is longer than 64 KiB; 65536 bytes came and no end of a header"), "{why}");
    server.join().unwrap();
    let (address, server) = serve(|stream| {
        stream.write_all(b"HTTP/1.0 200 OK\r\n\r\n").unwrap();
        flood(stream, b"endless ");
    });
    assert_eq!(check_at(address, "connect_timeout 60", "").why, "/: the body is longer than 64 MiB");
    server.join().unwrap();
}

#[test]
fn what_is_no_answer_is_shown_as_it_came() {
    let table: [(&[u8], &str); 5] = [
        (b"", "/: the connection was closed without an answer"),
        (b"SSH-2.0-x\r\n", r"/: 11 bytes came and no end of a header: `SSH-2.0-x\r\n`"),
        (b"HTTP/1.0 200 OK\r\nA: b", r"/: 21 bytes came and no end of a header: `HTTP/1.0 200 OK\r\nA: b`"),
        (b"\x15\x03\x01\x00\x02\x02\x46", "/: the server speaks TLS: check it with SSL_GET"),
        (b"\x00", r"/: 1 byte came and no end of a header: `\x00`"),
    ];
    for (answer, why) in table {
        assert_eq!(check_of(answer, "", ""), Finding::bad(why));
    }
    let rubbish = vec![0xff; 70_000];
    let why = check_of(rubbish, "", "").why;
    assert!(why.starts_with(r"/: 65536 bytes came and no end of a header: `\xff"), "{why}");
}

#[test]
fn who_resets_says_so() {
    let (address, server) = serve(|stream| {
        stream.write_all(b"HTTP/1.0 200 OK\r\n\r\nhel").unwrap();
        socket2::SockRef::from(&*stream).set_linger(Some(Duration::ZERO)).unwrap();
    });
    let found = check_at(address, "", "");
    server.join().unwrap();
    assert_eq!(found.verdict, Verdict::Bad);
    assert!(found.why.starts_with("/: connection reset by peer after "), "{}", found.why);
}

#[test]
fn a_connection_that_cannot_be_made_is_judged_like_any_other() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    assert_eq!(check_at(address, "", ""), Finding::bad("connection refused"));
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The hash that genhash makes is the hash that HTTP_GET sees, and the one that keepalived's genhash makes.

#![allow(clippy::disallowed_methods, clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::print_stderr)]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Command, Output};

use keepalived_conf::blocks::lvs::check::Checker;
use steadfast::dial::Dialer;
use steadfast::worker::check::probe::{Finding, Tools, probe};

const OURS: &str = env!("CARGO_BIN_EXE_genhash");
const THEIRS: &str = "/usr/bin/genhash";

/// A server that answers every connection with the same pieces, each by itself, and then closes.
fn serve(pieces: &[&[u8]]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let pieces: Vec<Vec<u8>> = pieces.iter().map(|piece| piece.to_vec()).collect();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = Vec::new();
            let mut bytes = [0; 4096];
            while !request.ends_with(b"\r\n\r\n") {
                match stream.read(&mut bytes) {
                    Ok(0) | Err(_) => break,
                    Ok(length) => request.extend_from_slice(&bytes[..length]),
                }
                // Who begins with TLS is answered at once.
                if !request.starts_with(b"GET ") {
                    break;
                }
            }
            for (at, piece) in pieces.iter().enumerate() {
                if at > 0 {
                    std::thread::sleep(std::time::Duration::from_millis(100));
                }
                let _ = stream.write_all(piece);
            }
        }
    });
    address
}

fn genhash(program: &str, address: SocketAddr, more: &[&str]) -> Output {
    let (ip, port) = (address.ip().to_string(), address.port().to_string());
    Command::new(program).args(["-s", &ip, "-p", &port, "-u", "/"]).args(more).output().unwrap()
}

fn line(output: &Output) -> String {
    assert!(output.status.success());
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    String::from_utf8(output.stdout.clone()).unwrap().trim_end().to_owned()
}

/// Checks with these lines in a real server.
fn check_with(lines: &str, address: SocketAddr) -> Finding {
    let text = format!(
        "virtual_server 192.0.2.1 80 {{\n protocol TCP\n real_server {} {} {{\n {lines}\n}}\n}}\n",
        address.ip(),
        address.port()
    );
    let host = keepalived_conf::source::MemoryHost::new().file("/k.conf", &text);
    let loaded = keepalived_conf::load(&host, Path::new("/k.conf"), &keepalived_conf::Options::default());
    let checker: Checker = loaded.config.lvs.servers[0].real_servers[0].checkers[0].clone();
    let tools = Tools::new(Dialer::new(8));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { probe(&checker, 0, &tools).await })
}

fn is_theirs_here() -> bool {
    let here = Path::new(THEIRS).exists();
    if !here {
        eprintln!("SKIPPED: keepalived's genhash is not installed");
    }
    here
}

/// Every kind of answer.
fn answers() -> Vec<(&'static str, Vec<u8>)> {
    let huge = [b"HTTP/1.0 200 OK\r\n\r\n".as_slice(), &b"0123456789abcdef".repeat(200_000)].concat();
    vec![
        ("until the end", b"HTTP/1.0 200 OK\r\nServer: x\r\n\r\nhello\n".to_vec()),
        ("with a length", b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello\n".to_vec()),
        ("with a length that is too small", b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhello\n".to_vec()),
        ("with a length that is too large", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhello\n".to_vec()),
        ("with a length in small letters", b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nhello\n".to_vec()),
        ("in chunks", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nhello\n\r\n0\r\n\r\n".to_vec()),
        ("empty", b"HTTP/1.0 204 No Content\r\n\r\n".to_vec()),
        ("redirecting", b"HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/\r\n\r\nmoved\n".to_vec()),
        ("an error", b"HTTP/1.1 404 Not Found\r\n\r\nnone\n".to_vec()),
        ("huge", huge),
    ]
}

#[test]
fn the_check_sees_the_hash_that_genhash_makes() {
    for (what, answer) in answers() {
        let address = serve(&[&answer]);
        for more in [&[][..], &["--sha256"], &["-P", "1.1"], &["-P", "1.0C", "-V", "www.example"]] {
            let lines = line(&genhash(OURS, address, &[more, &["--lines"]].concat()));
            assert_eq!(check_with(&lines, address), Finding::good(), "{what}, {more:?}:\n{lines}");
            let hash = line(&genhash(OURS, address, more));
            assert!(lines.contains(&format!("digest {hash}\n")), "{what}, {more:?}:\n{lines}");
            let wrong = lines.replace(&hash[hash.len() - 4..], if hash.ends_with("0000") { "ffff" } else { "0000" });
            assert_ne!(check_with(&wrong, address), Finding::good(), "{what}: a check that cannot fail");
        }
    }
}

#[test]
fn keepalived_s_genhash_makes_the_same() {
    if !is_theirs_here() {
        return;
    }
    for (what, answer) in answers() {
        let address = serve(&[&answer]);
        for more in [&[][..], &["-P", "1.1"], &["-P", "1.0c", "-V", "www.example", "-t", "20"]] {
            let (ours, theirs) = (genhash(OURS, address, more), genhash(THEIRS, address, more));
            assert_eq!(line(&ours), line(&theirs), "{what} {more:?}");
            assert_eq!(ours.stdout, theirs.stdout, "{what} {more:?}");
        }
    }
}

/// Output of -v without the time that it took.
fn told(program: &str, address: SocketAddr) -> String {
    let output = genhash(program, address, &["-v"]);
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    let (kept, time) = text.rsplit_once("Global response time for [/] = ").unwrap();
    assert!(time.ends_with(" usecs\n"), "{time}");
    kept.to_owned()
}

#[test]
fn what_v_tells_is_keepalived_s_to_the_byte() {
    if !is_theirs_here() {
        return;
    }
    let table: [&[&[u8]]; 5] = [
        &[b"HTTP/1.0 200 OK\r\nA: b\r\n\r\nhello\n"],
        &[b"HTTP/1.0 200 OK\r\nA: b\r\n\r\n", b"hello\n", b"and the rest of it\n"],
        &[b"HTTP/1.0 200 OK\r\n", b"A: b\r\n\r\nhello\n"],
        &[b"HTTP/1.0 204 No Content\r\n\r\n"],
        &[b"rubbish\n"],
    ];
    for pieces in table {
        let address = serve(pieces);
        // On a busy machine two pieces may arrive as one; a difference that is meant stays.
        let told = || (told(OURS, address), told(THEIRS, address));
        let (ours, theirs) = (0..5).map(|_| told()).find(|(ours, theirs)| ours == theirs).unwrap_or_else(told);
        assert_eq!(ours, theirs, "{pieces:?}");
    }
}

#[test]
fn whatever_the_network_says_the_status_is_0_and_there_is_no_hash() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = listener.local_addr().unwrap();
    drop(listener);
    let (rubbish, nothing) = (serve(&[b"rubbish\n"]), serve(&[]));
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let table: [(&str, SocketAddr, &[&str]); 5] = [
        ("closed", closed, &[]),
        ("rubbish", rubbish, &[]),
        ("nothing", nothing, &[]),
        ("silent", silent.local_addr().unwrap(), &["-t", "1"]),
        ("no TLS", rubbish, &["-S"]),
    ];
    for (what, address, more) in table {
        let mut programs = vec![OURS];
        if is_theirs_here() {
            programs.push(THEIRS);
        }
        for program in programs {
            let output = genhash(program, address, more);
            assert!(output.status.success(), "{what} {program}");
            let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
            // Without a header it is told where errors are told; all else where the hash would stand.
            let without_header = matches!(what, "rubbish" | "nothing");
            assert_eq!(
                (out.lines().count(), err.lines().count()),
                if without_header { (0, 1) } else { (1, 0) },
                "{what}"
            );
        }
    }
}

#[test]
fn a_command_line_that_is_not_understood_is_status_1_and_nothing_on_the_output() {
    let table: [&[&str]; 8] = [
        &[],
        &["-h"],
        &["-s", "127.0.0.1", "-p", "80"],
        &["-s", "localhost", "-p", "80", "-u", "/"],
        &["-s", "127.0.0.1", "-p", "0", "-u", "/"],
        &["-s", "127.0.0.1", "-p", "80", "-u", "/", "-P", "2"],
        &["-s", "127.0.0.1", "-p", "80", "-u", "/", "more"],
        &["--nonsense"],
    ];
    for arguments in table {
        let mut programs = vec![OURS];
        if is_theirs_here() {
            programs.push(THEIRS);
        }
        for program in programs {
            let output = Command::new(program).args(arguments).output().unwrap();
            assert_eq!(output.status.code(), Some(1), "{program} {arguments:?}");
            assert_eq!(output.stdout, b"", "{program} {arguments:?}");
            assert!(!output.stderr.is_empty());
        }
    }
}

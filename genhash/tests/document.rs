// SPDX-License-Identifier: MIT OR Apache-2.0
//! The examples of docs/genhash.md, run as they are written. Only addresses and ports are replaced by those of servers of
//! this test.

#![allow(clippy::disallowed_methods, clippy::expect_used, clippy::unwrap_used, clippy::panic)]

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use openssl::asn1::Asn1Time;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::rsa::Rsa;
use openssl::ssl::{SslAcceptor, SslMethod};
use openssl::x509::X509;

fn answer(mut stream: impl Read + Write) {
    let mut request = Vec::new();
    let mut bytes = [0; 4096];
    while !request.ends_with(b"\r\n\r\n") {
        match stream.read(&mut bytes) {
            Ok(0) | Err(_) => return,
            Ok(length) => request.extend_from_slice(&bytes[..length]),
        }
    }
    let _ = stream.write_all(b"HTTP/1.0 200 OK\r\n\r\nhello\n");
}

fn plain() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || listener.incoming().for_each(|stream| answer(stream.unwrap())));
    port
}

fn tls() -> u16 {
    let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
    let mut certificate = X509::builder().unwrap();
    certificate.set_pubkey(&key).unwrap();
    certificate.set_not_before(&Asn1Time::from_unix(0).unwrap()).unwrap();
    certificate.set_not_after(&Asn1Time::from_unix(1).unwrap()).unwrap();
    certificate.sign(&key, MessageDigest::sha256()).unwrap();
    let mut acceptor = SslAcceptor::mozilla_intermediate(SslMethod::tls_server()).unwrap();
    acceptor.set_private_key(&key).unwrap();
    acceptor.set_certificate(&certificate.build()).unwrap();
    let acceptor = acceptor.build();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            if let Ok(stream) = acceptor.accept(stream.unwrap()) {
                answer(stream);
            }
        }
    });
    port
}

fn nobody() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn every_example_runs_as_it_is_written() {
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/genhash.md");
    let text = std::fs::read_to_string(document).unwrap();
    let ports = [("80", plain()), ("443", tls()), ("81", nobody())];
    let examples: Vec<&str> =
        text.split("```console\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert_eq!(examples.len(), 5, "the examples were found");
    for example in examples {
        let (command, expected) = example.strip_prefix("$ genhash ").unwrap().split_once('\n').unwrap();
        let mut arguments: Vec<String> = command.split(' ').map(str::to_owned).collect();
        let at = arguments.iter().position(|argument| argument == "-p").unwrap() + 1;
        let (written, port) = ports.iter().find(|(written, _)| *written == arguments[at]).unwrap();
        arguments[at] = port.to_string();
        let server = arguments.iter_mut().find(|argument| *argument == "192.0.2.10").unwrap();
        *server = "127.0.0.1".to_owned();
        let output = Command::new(env!("CARGO_BIN_EXE_genhash")).args(&arguments).output().unwrap();
        let shown = String::from_utf8(output.stdout).unwrap();
        let shown = shown.replace(&format!("127.0.0.1 port {port}:"), &format!("192.0.2.10 port {written}:"));
        assert_eq!(shown, expected, "{command}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! SSL_GET through steadfast-web, with servers on the loopback address.

#![allow(clippy::disallowed_methods, clippy::expect_used, clippy::unwrap_used, clippy::panic)]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use keepalived_conf::blocks::lvs::check::Checker;
use openssl::asn1::Asn1Time;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::ssl::{
    NameType, ShutdownState, SslAcceptor, SslAcceptorBuilder, SslMethod, SslStream, SslVerifyMode, SslVersion,
};
use openssl::symm::Cipher;
use openssl::x509::{X509, X509NameBuilder};
use steadfast::dial::Dialer;
use steadfast::proto::health::Verdict;
use steadfast::worker::check::probe::{Finding, Tools, probe};
use steadfast::worker::check::web::Web;

const HELLO: &[u8] = b"HTTP/1.0 200 OK\r\n\r\nhello\n";
const DIGEST: &str = "digest b1946ac92492d2347c6235b4d2611184";

/// A key, and a certificate that nobody vouches for and that ran out long ago.
fn identity() -> (PKey<Private>, X509) {
    let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
    let mut name = X509NameBuilder::new().unwrap();
    name.append_entry_by_nid(Nid::COMMONNAME, "nobody.example").unwrap();
    let name = name.build();
    let mut certificate = X509::builder().unwrap();
    certificate.set_subject_name(&name).unwrap();
    certificate.set_issuer_name(&name).unwrap();
    certificate.set_pubkey(&key).unwrap();
    certificate.set_not_before(&Asn1Time::from_unix(0).unwrap()).unwrap();
    certificate.set_not_after(&Asn1Time::from_unix(86_400).unwrap()).unwrap();
    certificate.sign(&key, MessageDigest::sha256()).unwrap();
    (key, certificate.build())
}

/// What a server saw of a connection.
#[derive(Debug)]
struct Seen {
    name: Option<String>,
    request: String,
    /// The session was ended by a word, not only the connection.
    goodbye: bool,
    certified: bool,
}

fn acceptor(prepare: impl FnOnce(&mut SslAcceptorBuilder)) -> SslAcceptor {
    let (key, certificate) = identity();
    let mut acceptor = SslAcceptor::mozilla_intermediate(SslMethod::tls_server()).unwrap();
    acceptor.set_private_key(&key).unwrap();
    acceptor.set_certificate(&certificate).unwrap();
    prepare(&mut acceptor);
    acceptor.build()
}

/// A server that answers each connection like this.
fn serve(acceptor: SslAcceptor, answers: fn(&mut SslStream<TcpStream>)) -> (SocketAddr, Receiver<Seen>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (tell, told) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = acceptor.accept(stream.unwrap()) else { continue };
            let mut request = Vec::new();
            let mut bytes = [0; 4096];
            while !request.ends_with(b"\r\n\r\n") {
                match stream.read(&mut bytes) {
                    Ok(0) | Err(_) => break,
                    Ok(length) => request.extend_from_slice(&bytes[..length]),
                }
            }
            answers(&mut stream);
            // Our end of the connection alone: what the check does then is what is looked at.
            let _ = stream.get_ref().shutdown(std::net::Shutdown::Write);
            let _ = stream.read(&mut bytes);
            let seen = Seen {
                name: stream.ssl().servername(NameType::HOST_NAME).map(str::to_owned),
                request: String::from_utf8(request).unwrap(),
                goodbye: stream.get_shutdown().contains(ShutdownState::RECEIVED),
                certified: stream.ssl().peer_certificate().is_some(),
            };
            if tell.send(seen).is_err() {
                return;
            }
        }
    });
    (address, told)
}

fn hello(stream: &mut SslStream<TcpStream>) {
    stream.write_all(HELLO).unwrap();
}

fn checker(address: SocketAddr, server: &str, check: &str, url: &str) -> Checker {
    let more = if check.contains("connect_timeout") { "" } else { "connect_timeout 10" };
    check_of(address, &format!("{server}\n SSL_GET {{\n {more}\n {check}\n url {{\n path /\n {url}\n}}\n}}"))
}

/// The check of a real server with these lines.
fn check_of(address: SocketAddr, lines: &str) -> Checker {
    let text = format!(
        "virtual_server 192.0.2.1 443 {{\n protocol TCP\n real_server {} {} {{\n {lines}\n}}\n}}\n",
        address.ip(),
        address.port()
    );
    let host = keepalived_conf::source::MemoryHost::new().file("/k.conf", &text);
    let loaded = keepalived_conf::load(&host, Path::new("/k.conf"), &keepalived_conf::Options::default());
    loaded.config.lvs.servers[0].real_servers[0].checkers[0].clone()
}

fn tools() -> Tools {
    let mut tools = Tools::new(Dialer::new(64));
    tools.web = Web::new(Some(Path::new(env!("CARGO_BIN_EXE_steadfast-web"))));
    tools
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn check_once(address: SocketAddr, server: &str, check: &str, url: &str) -> Finding {
    run(async { probe(&checker(address, server, check, url), 0, &tools()).await })
}

#[test]
fn a_server_with_any_certificate_is_judged_by_its_answer() {
    let (address, _seen) = serve(acceptor(|_| {}), hello);
    assert_eq!(check_once(address, "", "", DIGEST), Finding::good());
    assert_eq!(check_once(address, "", "", "regex \"^hello$\""), Finding::good());
    let sha = "digest sha256:5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";
    assert_eq!(check_once(address, "", "", sha), Finding::good());
    let found = check_once(address, "", "", "status_code 404");
    assert_eq!(found, Finding::bad("/: status 200, wanted 404"));
}

#[test]
fn who_is_asked_for_while_tls_is_set_up() {
    let (address, seen) = serve(acceptor(|_| {}), hello);
    let table = [
        ("", "", "virtualhost url.example", None, "url.example"),
        ("virtualhost server.example", "enable_sni", "", Some("server.example"), "server.example"),
        ("", "virtualhost check.example:8443\n enable_sni", "", Some("check.example"), "check.example:8443"),
        ("", "sni_name sni.example", "virtualhost url.example", Some("sni.example"), "url.example"),
    ];
    for (server, check, url, name, host) in table {
        assert_eq!(check_once(address, server, check, url), Finding::good());
        let seen = seen.recv().unwrap();
        assert_eq!(seen.name.as_deref(), name, "{server} {check} {url}");
        assert!(seen.request.contains(&format!("Host: {host}\r\n")), "{}", seen.request);
    }
}

#[test]
fn tls_is_ended_by_a_word_only_where_that_is_wanted() {
    let (address, seen) = serve(acceptor(|_| {}), hello);
    for (check, url, goodbye) in [("", "", false), ("tls_compliant", "", true), ("", "tls_compliant", true)] {
        assert_eq!(check_once(address, "", check, url), Finding::good());
        assert_eq!(seen.recv().unwrap().goodbye, goodbye, "{check} {url}");
    }
}

#[test]
fn an_old_server_is_talked_to() {
    let old = acceptor(|acceptor| {
        acceptor.set_min_proto_version(None).unwrap();
        acceptor.set_max_proto_version(Some(SslVersion::TLS1)).unwrap();
        acceptor.set_cipher_list("ALL:@SECLEVEL=0").unwrap();
        acceptor.clear_options(openssl::ssl::SslOptions::all());
    });
    let (address, _seen) = serve(old, hello);
    assert_eq!(check_once(address, "", "", DIGEST), Finding::good());
}

#[test]
fn a_long_answer_arrives_whole() {
    let (address, _seen) = serve(acceptor(|_| {}), |stream| {
        let body = [b"HTTP/1.0 200 OK\r\n\r\n".as_slice(), &vec![b'x'; 300_000], b"the end"].concat();
        stream.write_all(&body).unwrap();
    });
    assert_eq!(check_once(address, "", "", "regex \"the end$\""), Finding::good());
}

#[test]
fn what_is_no_tls_and_what_says_nothing_fails_with_a_reason() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(b"HTTP/1.0 400 Bad Request\r\n\r\nno\n").unwrap();
        let _ = stream.read_to_end(&mut Vec::new());
        // The next one is left waiting.
        let waiting = listener.accept().unwrap();
        let _ = (&waiting.0).read_to_end(&mut Vec::new());
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 1]);
    });
    let found = check_once(address, "", "", "");
    assert_eq!(found, Finding::bad("/: setting up TLS: the server does not speak TLS"));
    let found = check_once(address, "", "connect_timeout 0.3", "");
    assert_eq!(found.verdict, Verdict::Bad);
    assert!(found.why.starts_with("/: TLS was not set up within "), "{}", found.why);
    let found = check_once(address, "", "", "");
    assert_eq!(found.verdict, Verdict::Bad, "{}", found.why);
    assert!(found.why.starts_with("/: setting up TLS: "), "{}", found.why);
}

#[test]
fn a_server_that_drips_or_ends_in_the_middle_fails_with_a_reason() {
    let (address, _seen) = serve(acceptor(|_| {}), |stream| {
        stream.write_all(b"HTTP/1.0 200 OK\r\n").unwrap();
        for _ in 0..2000 {
            if stream.write_all(b"X: y\r\n").is_err() {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    });
    let found = check_once(address, "", "connect_timeout 0.4", "");
    assert!(found.why.starts_with("/: the header did not end within 400ms; "), "{}", found.why);
    let (address, _seen) = serve(acceptor(|_| {}), |stream| stream.write_all(b"HTTP/1.0 200").unwrap());
    let found = check_once(address, "", "", "");
    assert_eq!(found, Finding::bad("/: 12 bytes came and no end of a header: `HTTP/1.0 200`"));
}

#[test]
fn a_header_without_end_over_tls_has_a_limit_and_a_short_answer_is_said_to_be_short() {
    let (address, _seen) = serve(acceptor(|_| {}), |stream| {
        let many = b"X-Header: value\r\n".repeat(1000);
        let _ = stream.write_all(b"HTTP/1.0 200 OK\r\n");
        while stream.write_all(&many).is_ok() {}
    });
    let found = check_once(address, "", "", "");
    assert!(found.why.starts_with("/: the header is longer than 64 KiB"), "{}", found.why);
    let (address, _seen) = serve(acceptor(|_| {}), |stream| {
        stream.write_all(b"HTTP/1.0 200 OK\r\nContent-Length: 600\r\n\r\nhello\n").unwrap();
    });
    let found = check_once(address, "", "", "digest 00000000000000000000000000000000");
    assert!(found.why.ends_with("(6 of 600 bytes came)"), "{}", found.why);
}

#[test]
fn a_server_that_wants_a_certificate_gets_ours() {
    let wanting = acceptor(|acceptor| {
        let must = SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT;
        acceptor.set_verify_callback(must, |_, _| true);
    });
    let (address, seen) = serve(wanting, hello);
    let (key, certificate) = identity();
    let folder = std::env::temp_dir().join(format!("steadfast-web-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let at = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    std::fs::write(at("certificate"), certificate.to_pem().unwrap()).unwrap();
    let pem = key.private_key_to_pem_pkcs8_passphrase(Cipher::aes_256_cbc(), b"s3cret").unwrap();
    std::fs::write(at("key"), pem).unwrap();
    let ssl = |password: &str| keepalived_conf::blocks::lvs::ssl::Ssl {
        password: Some(keepalived_conf::secret::Secret::new(password)),
        ca: Some(at("certificate")),
        certificate: Some(at("certificate")),
        key: Some(at("key")),
        ..Default::default()
    };
    let checker = checker(address, "", "", DIGEST);
    let tools = tools();
    let (good, bad) = run(async {
        tools.web.configure(Some(&ssl("s3cret")), true);
        let good = probe(&checker, 0, &tools).await;
        tools.web.configure(Some(&ssl("wrong")), true);
        (good, probe(&checker, 0, &tools).await)
    });
    std::fs::remove_dir_all(&folder).unwrap();
    assert_eq!(good, Finding::good());
    assert!(seen.recv().unwrap().certified);
    assert_eq!(bad.verdict, Verdict::NotChecked);
    assert!(bad.why.starts_with("steadfast-web: the key in "), "{}", bad.why);
}

/// The status of the steadfast-web that this thread started.
fn status_of(parent: u32) -> Option<(u32, String)> {
    let found = std::fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let pid: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let is_ours = status.contains("Name:\tsteadfast-web") && status.contains(&format!("PPid:\t{parent}\n"));
        is_ours.then_some((pid, status))
    });
    found.last()
}

#[test]
fn a_program_that_is_not_there_says_nothing_about_the_server() {
    let (address, _seen) = serve(acceptor(|_| {}), hello);
    let mut tools = Tools::new(Dialer::new(8));
    tools.web = Web::new(Some(Path::new("/nonexistent/steadfast-web")));
    let found = run(async { probe(&checker(address, "", "", ""), 0, &tools).await });
    assert_eq!(found.verdict, Verdict::NotChecked);
    assert!(found.why.starts_with("/nonexistent/steadfast-web cannot be started: "), "{}", found.why);
}

/// Runs alone: it looks for the process among those of this one.
#[test]
fn the_process_may_do_nothing_and_its_death_says_nothing_about_servers() {
    let program = std::env::current_exe().unwrap();
    let name = "the_process_itself";
    let status = std::process::Command::new(program).args(["--exact", name]).env("STEADFAST_WEB_ALONE", "1").status();
    assert!(status.unwrap().success());
}

#[test]
fn the_process_itself() {
    if std::env::var_os("STEADFAST_WEB_ALONE").is_none() {
        return;
    }
    let (address, _seen) = serve(acceptor(|_| {}), |stream| {
        let _ = stream.read(&mut [0; 1]);
    });
    let tools = tools();
    let checker = checker(address, "", "connect_timeout 20", "");
    run(async {
        let checking = probe(&checker, 0, &tools);
        let killing = async {
            let (pid, status) = loop {
                tokio::time::sleep(Duration::from_millis(20)).await;
                if let Some((pid, status)) = status_of(std::process::id())
                    && status.contains("NoNewPrivs:\t1")
                    && (status.contains("Seccomp:\t2") || !status.contains("Seccomp:"))
                {
                    break (pid, status);
                }
            };
            let value = |name: &str| {
                let line = status.lines().find(|line| line.starts_with(name)).unwrap();
                line.split_whitespace().nth(1).unwrap().to_owned()
            };
            for set in ["CapEff:", "CapPrm:", "CapInh:", "CapAmb:"] {
                assert_eq!(value(set), "0000000000000000", "{set}");
            }
            assert_ne!(value("Uid:"), "0");
            if status.contains("Seccomp:") {
                assert_eq!(value("Seccomp:"), "2", "a filter refuses what opens, connects or starts something");
            }
            std::process::Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap();
        };
        let (found, ()) = tokio::join!(checking, killing);
        assert_eq!(found, Finding::not_checked("steadfast-web: it ended"));
        let found = probe(&checker, 0, &tools).await;
        assert_eq!(found.verdict, Verdict::NotChecked);
        assert!(found.why.ends_with("; it is started again in 1 s"), "{}", found.why);
    });
    let (address, _seen) = serve(acceptor(|_| {}), hello);
    let checker = self::checker(address, "", "", DIGEST);
    run(async {
        let found = loop {
            match probe(&checker, 0, &tools).await {
                found if found.verdict == Verdict::NotChecked => tokio::time::sleep(Duration::from_millis(50)).await,
                found => break found,
            }
        };
        assert_eq!(found, Finding::good());
    });
}

#[test]
fn only_steadfast_web_links_a_tls_library() {
    let links = |program: &str| std::fs::read(program).unwrap().windows(9).any(|window| window == b"libssl.so");
    assert!(!links(env!("CARGO_BIN_EXE_steadfast")));
    assert!(links(env!("CARGO_BIN_EXE_steadfast-web")), "and this is how one is seen");
}

#[test]
fn without_descriptors_nothing_is_said_about_the_server() {
    let program = std::env::current_exe().unwrap();
    let name = "the_process_without_descriptors";
    let status = std::process::Command::new(program).args(["--exact", name]).env("STEADFAST_WEB_ALONE", "1").status();
    assert!(status.unwrap().success());
}

#[test]
fn the_process_without_descriptors() {
    use nix::sys::resource::{Resource, setrlimit};
    if std::env::var_os("STEADFAST_WEB_ALONE").is_none() {
        return;
    }
    let (address, _seen) = serve(acceptor(|_| {}), hello);
    let checker = checker(address, "", "", DIGEST);
    let others = [
        ("TCP_CHECK", ""),
        ("HTTP_GET", "url {\n path /\n}"),
        ("SMTP_CHECK", ""),
        ("DNS_CHECK", ""),
        ("UDP_CHECK", ""),
        ("PING_CHECK", ""),
        ("MISC_CHECK", "misc_path /bin/true"),
        ("MISC_CHECK", "misc_path </etc/passwd"),
    ];
    let others = others.map(|(keyword, lines)| (keyword, check_of(address, &format!("{keyword} {{\n{lines}\n}}"))));
    run(async {
        let tools = tools();
        setrlimit(Resource::RLIMIT_NOFILE, 64, 4096).unwrap();
        // Every number below the limit is taken, also those between others.
        let taken: Vec<std::fs::File> = std::iter::from_fn(|| std::fs::File::open("/dev/null").ok()).collect();
        assert!(!taken.is_empty());
        let found = probe(&checker, 0, &tools).await;
        assert_eq!(found, Finding::not_checked("opening a socket: too many open files"));
        for (keyword, checker) in &others {
            let found = probe(checker, 0, &tools).await;
            assert_eq!(found.verdict, Verdict::NotChecked, "{keyword}: {}", found.why);
            assert!(found.why.to_lowercase().contains("too many open files"), "{keyword}: {}", found.why);
        }
        drop(taken);
        setrlimit(Resource::RLIMIT_NOFILE, 4096, 4096).unwrap();
        assert_eq!(probe(&checker, 0, &tools).await, Finding::good());
    });
}

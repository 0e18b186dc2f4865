// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every kind of check in a daemon that runs: a server that is well counts, one that falls ill goes with a line that says
//! what is wrong with it, and comes back when it is well again.

use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use openssl::asn1::Asn1Time;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::ssl::{SslAcceptor, SslMethod, SslVerifyMode};
use openssl::symm::Cipher;
use openssl::x509::X509;

use crate::actor::{Actor, read_until};
use crate::checks::{VS, virtual_server};
use crate::journal::PATIENCE;
use crate::node::Daemon;
use crate::site::Site;

const RS: &str = "[10.0.0.1]:tcp:8001";
const HEADER_END: &[u8] = b"\r\n\r\n";

/// What a daemon says of one check.
struct Words<'a> {
    /// When it succeeds first.
    well: &'a str,
    /// When it fails, with the reason.
    ill: &'a str,
}

/// Starts a daemon with this check of one server, and these lines before it.
#[track_caller]
fn watch(site: &Site, check: &str, before: &str) -> Daemon {
    let [up, down] = ["up", "down"].map(|name| site.script(name));
    let server = format!("real_server 10.0.0.1 8001 {{\nnotify_up {up}\nnotify_down {down}\n{check}\n}}\n");
    let daemon = site.start(&format!("{before}{}", virtual_server(&server)));
    site.until("the quorum", &format!("Gained quorum 1+0=1 <= 1 for VS {VS}"));
    daemon
}

/// The server is well, falls ill and recovers, by `be`.
#[track_caller]
fn follow(site: &Site, daemon: Daemon, words: &Words<'_>, be: &dyn Fn(bool)) {
    site.until("it is well", words.well);
    site.lab.journal.deed("it falls ill");
    be(false);
    site.until_since("falls ill", words.ill);
    site.until_since("falls ill", &format!("Removing service {RS} from VS {VS}"));
    site.until_since("falls ill", &format!("Lost quorum 1-0=1 > 0 for VS {VS}"));
    site.lab.journal.deed("it recovers");
    be(true);
    site.until_since("recovers", words.well);
    site.until_since("recovers", &format!("Adding service {RS} to VS {VS}"));
    site.until_since("recovers", &format!("Gained quorum 1+0=1 <= 1 for VS {VS}"));
    assert!(daemon.stop().success());
    let mut told: Vec<String> = site.inside("cat /run/told").lines().map(str::to_owned).collect();
    told.sort();
    assert_eq!(told, ["down", "up"]);
}

fn say(stream: &mut impl Write, words: &str) {
    let _ = stream.write_all(words.as_bytes());
}

#[test]
fn http_get_follows_the_status_of_the_second_page_and_its_pattern() {
    let Some(site) = Site::new("http_get_follows_the_status_of_the_second_page_and_its_pattern") else { return };
    let server = Actor::of_connections(&site.a, 8001, |mut stream, well| {
        let request = read_until(&mut stream, HEADER_END);
        let is_second = request.starts_with(b"GET /second ");
        let status = if is_second && !well { "503 Busy" } else { "200 OK" };
        say(&mut stream, &format!("HTTP/1.0 {status}\r\n\r\nall is well\n"));
    });
    let check =
        "HTTP_GET {\n connect_timeout 5\n url {\n path /\n regex \"^all .* well$\"\n}\n url {\n path /second\n}\n}";
    let daemon = watch(&site, check, "");
    let words = Words {
        well: "Remote Web server [10.0.0.1]:tcp:8001 succeed on service.",
        ill: "HTTP_CHECK on service [10.0.0.1]:tcp:8001 failed after 1 retries. (/second: status 503, wanted 200-299)",
    };
    follow(&site, daemon, &words, &|well| server.be(well));
}

#[test]
fn http_get_follows_the_digest() {
    let Some(site) = Site::new("http_get_follows_the_digest") else { return };
    let server = Actor::of_connections(&site.a, 8001, |mut stream, well| {
        read_until(&mut stream, HEADER_END);
        say(&mut stream, &format!("HTTP/1.0 200 OK\r\n\r\n{}\n", if well { "hello" } else { "hacked" }));
    });
    let check = "HTTP_GET {\n connect_timeout 5\n url {\n path /\n digest b1946ac92492d2347c6235b4d2611184\n}\n}";
    let daemon = watch(&site, check, "");
    let words = Words {
        well: "Remote Web server [10.0.0.1]:tcp:8001 succeed on service.",
        ill: "HTTP_CHECK on service [10.0.0.1]:tcp:8001 failed after 1 retries. (/: digest \
              bf82dd61fc0c8e07544407164227b76d, wanted b1946ac92492d2347c6235b4d2611184)",
    };
    follow(&site, daemon, &words, &|well| server.be(well));
}

#[test]
fn smtp_check_follows_what_the_server_answers() {
    let Some(site) = Site::new("smtp_check_follows_what_the_server_answers") else { return };
    let server = Actor::of_connections(&site.a, 8001, |mut stream, well| {
        say(&mut stream, "220-mail.example\r\n220 at your service\r\n");
        if !read_until(&mut stream, b"\r\n").starts_with(b"HELO ") {
            return;
        }
        say(&mut stream, if well { "250 hello\r\n" } else { "451 later\r\n" });
        if read_until(&mut stream, b"\r\n") == b"QUIT\r\n" {
            say(&mut stream, "221 bye\r\n");
        }
    });
    let daemon = watch(&site, "SMTP_CHECK {\n connect_timeout 5\n}", "");
    let words = Words {
        well: "Remote SMTP server [10.0.0.1]:tcp:8001 succeed on service.",
        ill: "SMTP_CHECK on service [10.0.0.1]:tcp:8001 failed after 1 retries. (the server answers HELO with \"451 \
              later\" instead of 250)",
    };
    follow(&site, daemon, &words, &|well| server.be(well));
}

/// Where a DNS message says that it is an answer, and what came of the question.
const DNS_FLAGS: usize = 2;
const DNS_ANSWER: u8 = 0x80;
const SERVFAIL: u8 = 2;

#[test]
fn dns_check_follows_the_code_of_the_answer() {
    let Some(site) = Site::new("dns_check_follows_the_code_of_the_answer") else { return };
    let server = Actor::of_datagrams(&site.a, 8001, |query, well| {
        let mut answer = query.to_vec();
        if let [high, low] = &mut answer[DNS_FLAGS..DNS_FLAGS + 2] {
            *high |= DNS_ANSWER;
            *low = if well { 0 } else { SERVFAIL };
        }
        answer
    });
    let daemon = watch(&site, "DNS_CHECK {\n connect_timeout 5\n type A\n name x.example\n}", "");
    let words = Words {
        well: "DNS_CHECK on service [10.0.0.1]:tcp:8001 succeed.",
        ill: "DNS_CHECK on service [10.0.0.1]:tcp:8001 failed after 1 retries. (the server answers SERVFAIL (2))",
    };
    follow(&site, daemon, &words, &|well| server.be(well));
}

#[test]
fn udp_check_follows_the_answer_that_is_required() {
    let Some(site) = Site::new("udp_check_follows_the_answer_that_is_required") else { return };
    let server = Actor::of_datagrams(&site.a, 8001, |asked, well| {
        assert_eq!(asked, b"\x01\x02");
        if well { b"pong".to_vec() } else { b"busy".to_vec() }
    });
    // "po", anything, "g"
    let check = "UDP_CHECK {\n connect_timeout 5\n payload 01 02\n require_reply 70 6f xx 67\n}";
    let daemon = watch(&site, check, "");
    let words = Words {
        well: "UDP connection to [10.0.0.1]:tcp:8001 success.",
        ill: "UDP_CHECK on service [10.0.0.1]:tcp:8001 failed after 1 retries. (the answer is not what is required: \
              \"busy\")",
    };
    follow(&site, daemon, &words, &|well| server.be(well));
}

#[test]
fn ping_check_follows_a_host_that_stops_answering() {
    let Some(site) = Site::new("ping_check_follows_a_host_that_stops_answering") else { return };
    let daemon = watch(&site, "PING_CHECK {\n connect_timeout 0.5\n}", "");
    let words = Words {
        well: "ICMP connection to [10.0.0.1]:tcp:8001 success.",
        ill: "ICMP CHECK on service [10.0.0.1]:tcp:8001 failed after 1 retries. (no reply within 500ms)",
    };
    let ignore = "/proc/sys/net/ipv4/icmp_echo_ignore_all";
    follow(&site, daemon, &words, &|well| {
        let value = if well { "0" } else { "1" };
        site.a.namespace().enter(|| fs::write(ignore, value).expect("a sysctl"));
    });
}

#[test]
fn misc_check_follows_the_status_of_a_program() {
    let Some(site) = Site::new("misc_check_follows_the_status_of_a_program") else { return };
    let be = |well: bool| {
        let status = if well { 0 } else { 3 };
        site.inside(&format!(
            "printf '#!/bin/sh\\nulimit -n >/run/files\\nexit {status}\\n' >/run/new; chmod 755 /run/new; mv /run/new /run/check"
        ));
    };
    be(true);
    let daemon = watch(&site, "MISC_CHECK {\n misc_path /run/check\n misc_timeout 20\n user root\n}", "");
    let words = Words {
        well: &format!("Misc check for [{RS} VS {VS}] by [/run/check] succeeded."),
        ill: &format!(
            "Misc check for [{RS} VS {VS}] by [/run/check] failed after 1 retries. (/run/check ended with status 3)"
        ),
    };
    follow(&site, daemon, &words, &be);
    assert_eq!(
        site.inside("cat /run/files"),
        site.inside("ulimit -n"),
        "it has the limits the daemon was started with"
    );
}

/// A key, and a certificate that nobody vouches for.
fn identity() -> (PKey<Private>, X509) {
    let key = PKey::from_rsa(Rsa::generate(2048).expect("a key")).expect("a key");
    let mut certificate = X509::builder().expect("a certificate");
    certificate.set_pubkey(&key).expect("a certificate");
    certificate.set_not_before(&Asn1Time::days_from_now(0).expect("a day")).expect("a certificate");
    certificate.set_not_after(&Asn1Time::days_from_now(1).expect("a day")).expect("a certificate");
    certificate.sign(&key, MessageDigest::sha256()).expect("a certificate");
    (key, certificate.build())
}

/// A web server over TLS that talks to nobody without a certificate.
fn secure_server(site: &Site) -> Actor {
    let (key, certificate) = identity();
    let mut acceptor = SslAcceptor::mozilla_intermediate(SslMethod::tls_server()).expect("OpenSSL");
    acceptor.set_private_key(&key).expect("a key");
    acceptor.set_certificate(&certificate).expect("a certificate");
    acceptor.set_verify_callback(SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT, |_, _| true);
    let acceptor = acceptor.build();
    Actor::of_connections(&site.a, 8001, move |stream: TcpStream, well| {
        if let Ok(mut stream) = acceptor.accept(stream) {
            read_until(&mut stream, HEADER_END);
            say(&mut stream, &format!("HTTP/1.0 {}\r\n\r\nhello\n", if well { "200 OK" } else { "500 No" }));
        }
    })
}

/// What the daemon presents to servers, behind this password, and the block that says so.
fn credentials(site: &Site, password: &str) -> String {
    let (key, certificate) = identity();
    let at = |name: &str| site.a.namespace().path(&format!("root/run/{name}"));
    fs::write(at("certificate"), certificate.to_pem().expect("PEM")).expect("a file");
    let pem = key.private_key_to_pem_pkcs8_passphrase(Cipher::aes_256_cbc(), password.as_bytes()).expect("PEM");
    fs::write(at("key"), pem).expect("a file");
    // Only root may read it, and the process that presents it gives up being root.
    site.inside("chmod 600 /run/key");
    ssl_block(password)
}

fn ssl_block(password: &str) -> String {
    format!("SSL {{\n password {password}\n ca /run/certificate\n certificate /run/certificate\n key /run/key\n}}\n")
}

const SSL_GET: &str = "SSL_GET {\n connect_timeout 10\n url {\n path /\n status_code 200\n}\n}";
const SSL_WORDS: Words<'_> = Words {
    well: "Remote Web server [10.0.0.1]:tcp:8001 succeed on service.",
    ill: "HTTP_CHECK on service [10.0.0.1]:tcp:8001 failed after 1 retries. (/: status 500, wanted 200)",
};

#[test]
fn ssl_get_presents_the_certificate_of_the_ssl_block() {
    let Some(site) = Site::new("ssl_get_presents_the_certificate_of_the_ssl_block") else { return };
    let server = secure_server(&site);
    let ssl = credentials(&site, "s3cret");
    let daemon = watch(&site, SSL_GET, &ssl);
    follow(&site, daemon, &SSL_WORDS, &|well| server.be(well));
}

#[test]
fn ssl_get_without_the_ssl_block_is_refused_by_who_wants_a_certificate() {
    let Some(site) = Site::new("ssl_get_without_the_ssl_block_is_refused_by_who_wants_a_certificate") else { return };
    let _server = secure_server(&site);
    let daemon = watch(&site, SSL_GET, "");
    site.until("the refusal", "HTTP_CHECK on service [10.0.0.1]:tcp:8001 failed. (/: ");
    assert!(daemon.stop().success());
}

#[test]
fn a_key_that_cannot_be_used_and_a_death_of_steadfast_web_take_no_server_out() {
    let Some(site) = Site::new("a_key_that_cannot_be_used_and_a_death_of_steadfast_web_take_no_server_out") else {
        return;
    };
    let _server = secure_server(&site);
    let ssl = credentials(&site, "s3cret");
    let server = format!("real_server 10.0.0.1 8001 {{\n{SSL_GET}\n}}\n");
    let configuration = |ssl: &str| format!("{ssl}{}", virtual_server(&server));
    let daemon = site.start(&configuration(&ssl));
    site.until("it is well", SSL_WORDS.well);

    site.lab.journal.deed("another password");
    site.a.reconfigure(&configuration(&ssl_block("wrong")));
    daemon.signal("HUP");
    site.until_since(
        "another password",
        "HTTP_CHECK on service [10.0.0.1]:tcp:8001 could not be made (steadfast-web: the key in /run/key: ",
    );
    site.lab.journal.deed("the right password");
    site.a.reconfigure(&configuration(&ssl));
    daemon.signal("HUP");
    site.until_since("the right password", "HTTP_CHECK on service [10.0.0.1]:tcp:8001 is made again after ");

    site.lab.journal.deed("steadfast-web dies");
    let start = Instant::now();
    while !site.lab.journal.read().since("steadfast-web dies").said("a", "could not be made (steadfast-web: ") {
        site.inside("pkill -KILL -x steadfast-web");
        assert!(start.elapsed() < PATIENCE, "it is never missed\n{}", site.lab.journal.read());
        std::thread::sleep(Duration::from_millis(50));
    }
    site.until_since("steadfast-web dies", "HTTP_CHECK on service [10.0.0.1]:tcp:8001 is made again after ");
    let seen = site.lab.journal.read();
    assert!(!seen.said("a", "Removing service"), "the server was well all the time\n{seen}");
    assert!(daemon.stop().success());
    let start = Instant::now();
    // Nobody in the node buries orphans: who is dead is still listed, but does not run.
    while !site.inside("pgrep -x --runstates R,S,D steadfast-web").is_empty() {
        assert!(start.elapsed() < PATIENCE, "it ends with the daemon");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn the_state_of_servers_and_checks_is_written_on_a_signal() {
    let Some(site) = Site::new("the_state_of_servers_and_checks_is_written_on_a_signal") else { return };
    let server = Actor::of_connections(&site.a, 8001, |mut stream, well| {
        read_until(&mut stream, HEADER_END);
        say(&mut stream, if well { "HTTP/1.0 200 OK\r\n\r\n" } else { "HTTP/1.0 404 No\r\n\r\n" });
    });
    let check = "HTTP_GET {\n connect_timeout 5\n url {\n path /page\n status_code 200\n}\n}";
    let ssl = "SSL {\n password s3cret\n}\n";
    let daemon = watch(&site, check, ssl);
    let shows = |wanted: &[&str]| {
        let start = Instant::now();
        loop {
            site.inside("rm -f /run/keepalived_check.data");
            daemon.signal("USR1");
            let text = site.inside(
                "for i in $(seq 100); do cat /run/keepalived_check.data 2>/dev/null && break; sleep 0.05; done",
            );
            let lines: Vec<&str> = text.lines().collect();
            if wanted.iter().all(|line| lines.contains(line)) {
                return text;
            }
            assert!(start.elapsed() < PATIENCE, "{wanted:?} in\n{text}");
        }
    };
    let text = shows(&[
        "------< Global definitions >------",
        "------< SSL definitions >------",
        " Password : ********",
        "------< LVS Topology >------",
        " ------< Virtual server >------",
        " VS VIP = 192.0.2.10, VPORT = 80",
        "   lvs_sched = rr",
        "   quorum_state_up = 1",
        "   ------< Real server >------",
        "   RIP = 10.0.0.1, RPORT = 8001, WEIGHT = 1 EFF WEIGHT = 1",
        "   alive = 1",
        "   num failed checkers = 0",
        "------< Health checkers >------",
        " [192.0.2.10]:tcp:80 -> [10.0.0.1]:tcp:8001",
        "   Up = yes",
        "   Has run = yes",
        "     Dest = [10.0.0.1]:8001",
        "   Keepalive method = HTTP_GET, http protocol 1.0",
        "   Checked url = /page",
    ]);
    assert!(!text.contains("s3cret"), "{text}");
    server.be(false);
    site.until("it is out", "Lost quorum");
    shows(&[
        "   quorum_state_up = 0",
        "   alive = 0",
        "   num failed checkers = 1",
        "   Up = no",
        "   Failed URL = /page",
    ]);
    assert!(daemon.stop().success());
}

#[test]
fn a_full_disk_costs_the_state_of_servers_and_nothing_else() {
    let Some(site) = Site::new("a_full_disk_costs_the_state_of_servers_and_nothing_else") else { return };
    site.inside("mount -t tmpfs -o size=64k tmpfs /mnt && mkdir /mnt/x && head -c 1M /dev/zero > /mnt/filler");
    let server = Actor::of_connections(&site.a, 8001, |mut stream, well| {
        read_until(&mut stream, HEADER_END);
        say(&mut stream, if well { "HTTP/1.0 200 OK\r\n\r\n" } else { "HTTP/1.0 404 No\r\n\r\n" });
    });
    let check = "HTTP_GET {\n connect_timeout 5\n url {\n path /page\n status_code 200\n}\n}";
    let daemon = watch(&site, check, "global_defs {\n state_dump_file /mnt/x/\n}\n");
    daemon.signal("USR1");
    site.until("it says so", "cannot write /mnt/x/keepalived_check.data");
    assert_eq!(site.inside("ls /mnt/x"), "", "no half of it is left");
    server.be(false);
    site.until("checks go on", "Lost quorum");
    site.inside("rm /mnt/filler");
    daemon.signal("USR1");
    site.shows("grep -c quorum_state_up /mnt/x/keepalived_check.data", "1");
    assert!(daemon.stop().success());
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! genhash: fetches a page as HTTP_GET and SSL_GET do and prints the digest of its body.
//!
//! After the command line is understood it ends with status 0, whatever the network says, as keepalived's does.
#![allow(clippy::disallowed_methods, clippy::print_stdout, clippy::print_stderr)]

mod options;

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use genhash::{Answer, Fetched, Kind, dump, hex, request};
use openssl::ssl::SslStream;
use socket2::{Domain, Socket, Type};

use options::{USAGE, Wanted};

/// The longest time that everything may take.
const TIMEOUT: Duration = Duration::from_secs(4294);

/// What is read at once.
const PIECE: usize = 4096;

fn main() -> ExitCode {
    let wanted = match options::read(lexopt::Parser::from_env()) {
        Ok(wanted) => wanted,
        Err(problem) => {
            if !problem.is_empty() {
                eprintln!("genhash: {problem}");
            }
            eprint!("{USAGE}");
            return ExitCode::from(1);
        }
    };
    let begun = Instant::now();
    let fetched = fetch(&wanted, begun);
    let url = &wanted.url;
    match &fetched {
        Ok(Some(fetched)) if wanted.verbose => {
            println!();
            tell_digest(&fetched.digest);
            println!("{}", line(&wanted, &fetched.digest));
        }
        Ok(Some(fetched)) if wanted.lines => print!("{}", lines(&wanted, fetched)),
        Ok(Some(fetched)) => println!("{}", line(&wanted, &fetched.digest)),
        Ok(None) => {
            eprintln!("no data received: the answer has no header");
            if wanted.verbose {
                println!();
                tell_digest(&genhash::digest(wanted.kind, &[]));
            }
        }
        Err(problem) => println!("{} port {}: {problem}", wanted.address.ip(), wanted.address.port()),
    }
    if wanted.verbose {
        println!("\nGlobal response time for [{url}] = {} usecs", begun.elapsed().as_micros());
    }
    ExitCode::SUCCESS
}

fn tell_digest(digest: &[u8]) {
    banner("HTML hash resulting");
    print!("{}", dump(digest));
    banner("HTML hash final resulting");
}

/// The digest as the configuration wants it.
fn line(wanted: &Wanted, digest: &[u8]) -> String {
    let prefix = if wanted.kind == Kind::Sha256 { "sha256:" } else { "" };
    format!("{prefix}{}", hex(digest))
}

/// The check that would see this answer, to be pasted into a real server.
fn lines(wanted: &Wanted, fetched: &Fetched) -> String {
    let Wanted { url, protocol, virtual_host, tls, sni, .. } = wanted;
    let mut text = String::from(if *tls { "SSL_GET {\n" } else { "HTTP_GET {\n" });
    let protocol = match protocol {
        genhash::Protocol::V1_0 => None,
        genhash::Protocol::V1_0Close => Some("1.0C"),
        genhash::Protocol::V1_1 => Some("1.1"),
    };
    if let Some(protocol) = protocol {
        text.push_str(&format!("    http_protocol {protocol}\n"));
    }
    if *tls && *sni && virtual_host.is_some() {
        text.push_str("    enable_sni\n");
    }
    text.push_str(&format!("    url {{\n        path {}\n", quoted(url)));
    if let Some(name) = virtual_host {
        text.push_str(&format!("        virtualhost {}\n", quoted(name)));
    }
    if let Some(status) = fetched.status() {
        text.push_str(&format!("        status_code {status}\n"));
    }
    text.push_str(&format!("        digest {}\n    }}\n}}\n", line(wanted, &fetched.digest)));
    text
}

/// A word as a configuration reads it back: in quotes where it would be more than one, or begin a comment.
fn quoted(word: &str) -> String {
    let plain =
        |c: char| !c.is_whitespace() && !matches!(c, '"' | '\'' | '!' | '#' | '{' | '}' | '\\' | '$' | '@' | '~');
    if word.chars().all(plain) { word.to_owned() } else { format!("\"{word}\"") }
}

/// A connection, with TLS or without.
enum Stream {
    Plain(TcpStream),
    Tls(Box<SslStream<TcpStream>>),
}

impl Stream {
    fn socket(&self) -> &TcpStream {
        match self {
            Stream::Plain(stream) => stream,
            Stream::Tls(stream) => stream.get_ref(),
        }
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Stream::Plain(stream) => stream.write_all(bytes),
            Stream::Tls(stream) => stream.write_all(bytes),
        }
    }

    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Plain(stream) => stream.read(bytes),
            Stream::Tls(stream) => stream.read(bytes),
        }
    }
}

/// What is left of the time. One limit for everything: a server that drips bytes does not hold us for ever.
struct Limit {
    begun: Instant,
    limit: Duration,
}

impl Limit {
    fn set(&self, socket: &TcpStream) -> Result<(), String> {
        let left = self.limit.checked_sub(self.begun.elapsed()).filter(|left| !left.is_zero());
        let left = left.ok_or_else(|| self.over())?;
        let set = socket.set_read_timeout(Some(left)).and_then(|()| socket.set_write_timeout(Some(left)));
        set.map_err(|error| error.to_string())
    }

    fn over(&self) -> String {
        format!("timeout: not finished within {:?}", self.limit)
    }

    fn words(&self, error: &io::Error) -> String {
        match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => self.over(),
            _ => error.to_string(),
        }
    }
}

fn connect(wanted: &Wanted, limit: &Limit) -> Result<Stream, String> {
    let failed = |error: io::Error| format!("connection failed: {}", limit.words(&error));
    let address: SocketAddr = wanted.address;
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None).map_err(failed)?;
    if let Some(mark) = wanted.mark {
        socket.set_mark(mark).map_err(|error| format!("setting mark {mark}: {error}"))?;
    }
    socket.connect_timeout(&address.into(), limit.limit).map_err(failed)?;
    let stream: TcpStream = socket.into();
    limit.set(&stream)?;
    if !wanted.tls {
        return Ok(Stream::Plain(stream));
    }
    // Nothing is named without -V, with -I or not.
    let name = wanted.virtual_host.as_deref().filter(|_| wanted.sni).map(genhash::host_name);
    let context = genhash_tls::context().map_err(|error| error.to_string())?.build();
    let ssl = genhash_tls::session(&context, name).map_err(|error| error.to_string())?;
    let stream =
        ssl.connect(stream).map_err(|error| format!("setting up TLS: {}", genhash_tls::handshake_words(&error)))?;
    Ok(Stream::Tls(Box::new(stream)))
}

/// What came, `None` when it has no header.
fn fetch(wanted: &Wanted, begun: Instant) -> Result<Option<Fetched>, String> {
    let limit = Limit { begun, limit: wanted.timeout.unwrap_or(TIMEOUT) };
    let mut stream = connect(wanted, &limit)?;
    let asked = request(&wanted.url, wanted.virtual_host.as_deref(), wanted.address, wanted.protocol);
    stream.write_all(&asked).map_err(|error| format!("the request could not be sent: {}", limit.words(&error)))?;
    let mut answer = Answer::new(Some(wanted.kind), 0);
    let mut bytes = [0; PIECE];
    let mut in_body = false;
    while !answer.is_complete() && !answer.is_hopeless() {
        limit.set(stream.socket())?;
        let length = match stream.read(&mut bytes) {
            Ok(0) => break,
            Ok(length) => length,
            Err(error) => return Err(limit.words(&error)),
        };
        let hashed = answer.take(bytes.get(..length).unwrap_or_default());
        if wanted.verbose {
            tell(&answer, &mut in_body, hashed);
        }
        if answer.is_too_long() {
            return Err(format!("the body is longer than {} MiB", genhash::BODY_MAX >> 20));
        }
    }
    Ok(answer.finish())
}

/// What came with one read: the header when it is complete, and the bytes that were hashed.
fn tell(answer: &Answer, in_body: &mut bool, hashed: &[u8]) {
    if *in_body {
        print!("{}", dump(hashed));
        return;
    }
    banner("HTTP Header Buffer");
    let Some(header) = answer.header() else { return };
    print!("{}", dump(header));
    banner("HTTP Header Ascii Buffer");
    println!("{}", String::from_utf8_lossy(header));
    // The body has a heading only when it begins in the read that ends the header.
    if !hashed.is_empty() {
        banner("HTML Buffer");
    }
    *in_body = true;
    print!("{}", dump(hashed));
}

fn banner(title: &str) {
    let line = "-".repeat(23);
    let margin = " ".repeat(26_usize.saturating_sub(title.len()).div_ceil(2));
    println!("{line}[{margin}{title}{margin}]{line}");
}

//! genhash: fetches a page as HTTP_GET does and prints the digest of its body.
//!
//! After the command line is understood it ends with status 0, whatever the network says, as keepalived's does.
#![allow(clippy::disallowed_methods, clippy::print_stdout, clippy::print_stderr)]

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use genhash::{Answer, Kind, Protocol, dump, hex, request};
use lexopt::{Arg, Parser, ValueExt};
use socket2::{Domain, Socket, Type};

/// An answer longer than this is not read to its end.
const ANSWER_MAX: u64 = 1 << 32;
const TIMEOUT: Duration = Duration::from_secs(4294);

const USAGE: &str = "\
usage: genhash -s ADDRESS -p PORT -u PATH [OPTION...]
  -s, --server ADDRESS          the server
  -p, --port PORT
  -u, --url PATH
  -V, --use-virtualhost NAME    the Host header
  -P, --protocol 1.0|1.0c|1.1   1.0c is 1.0 with `Connection: close`
  -t, --timeout SECONDS         for everything together
  -m, --fwmark MARK
      --sha256                  SHA-256, as `digest sha256:...` of Steadfast wants it
      --lines                   print the lines for the configuration
  -v, --verbose
  -S, --use-ssl, -I, --use-sni  not in this build
  -h, --help
";

#[derive(Debug, Default)]
struct Wanted {
    server: Option<IpAddr>,
    port: Option<u16>,
    url: Option<String>,
    virtual_host: Option<String>,
    protocol: Protocol,
    timeout: Option<Duration>,
    mark: Option<u32>,
    kind: Kind,
    lines: bool,
    verbose: bool,
}

fn main() -> ExitCode {
    let wanted = match read(Parser::from_env()) {
        Ok(wanted) => wanted,
        Err(problem) => {
            if !problem.is_empty() {
                eprintln!("genhash: {problem}");
            }
            eprint!("{USAGE}");
            return ExitCode::from(1);
        }
    };
    let (Some(server), Some(port), Some(url)) = (wanted.server, wanted.port, &wanted.url) else {
        eprint!("genhash: -s, -p and -u are all needed\n{USAGE}");
        return ExitCode::from(1);
    };
    match fetch(&wanted, SocketAddr::new(server, port), url) {
        Ok(Some(digest)) if !wanted.verbose => print_digest(&wanted, url, &digest),
        Ok(Some(_)) => {}
        Ok(None) => eprintln!("the answer has no header: there is nothing to hash"),
        Err(error) => println!("{server} port {port}: {error}"),
    }
    ExitCode::SUCCESS
}

fn print_digest(wanted: &Wanted, url: &str, digest: &[u8]) {
    let prefix = if wanted.kind == Kind::Sha256 { "sha256:" } else { "" };
    if wanted.lines {
        println!("url {{\n    path {url}\n    digest {prefix}{}\n}}", hex(digest));
    } else {
        println!("{}", hex(digest));
    }
}

fn fetch(wanted: &Wanted, address: SocketAddr, url: &str) -> std::io::Result<Option<Vec<u8>>> {
    let begun = Instant::now();
    let limit = wanted.timeout.unwrap_or(TIMEOUT);
    let left = || limit.checked_sub(begun.elapsed()).filter(|left| !left.is_zero());
    let late = || std::io::Error::new(std::io::ErrorKind::TimedOut, "no answer in time");
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    if let Some(mark) = wanted.mark {
        socket.set_mark(mark)?;
    }
    socket.connect_timeout(&address.into(), limit)?;
    let mut stream: std::net::TcpStream = socket.into();
    stream.set_write_timeout(Some(left().ok_or_else(late)?))?;
    stream.write_all(&request(url, wanted.virtual_host.as_deref(), address, wanted.protocol))?;
    let mut answer = Answer::new(Some(wanted.kind), 0);
    let mut bytes = [0; 4096];
    let mut total = 0_u64;
    let mut in_body = false;
    loop {
        // One limit for everything: a server that drips bytes does not hold us for ever.
        stream.set_read_timeout(Some(left().ok_or_else(late)?))?;
        let length = match stream.read(&mut bytes) {
            Ok(0) => break,
            Ok(length) => length,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return Err(late()),
            Err(error) => return Err(error),
        };
        let hashed = answer.take(bytes.get(..length).unwrap_or_default());
        if wanted.verbose {
            tell(&answer, &mut in_body, hashed);
        }
        total += length as u64;
        if answer.is_hopeless() || answer.is_complete() || total > ANSWER_MAX {
            break;
        }
    }
    let digest = answer.finish().map(|fetched| fetched.digest);
    if let (true, Some(digest)) = (wanted.verbose, &digest) {
        println!();
        banner("HTML hash resulting");
        print!("{}", dump(digest));
        banner("HTML hash final resulting");
        print_digest(wanted, url, digest);
        println!("\nGlobal response time for [{url}] = {} usecs", begun.elapsed().as_micros());
    }
    Ok(digest)
}

/// The header when it is complete, and the bytes that were hashed.
fn tell(answer: &Answer, in_body: &mut bool, hashed: &[u8]) {
    let Some(header) = answer.header() else { return };
    if !*in_body {
        banner("HTTP Header Buffer");
        print!("{}", dump(header));
        banner("HTTP Header Ascii Buffer");
        println!("{}", String::from_utf8_lossy(header));
        // As keepalived's: the body has a heading only when it begins in the packet that ends the header.
        if !hashed.is_empty() {
            banner("HTML Buffer");
        }
        *in_body = true;
    }
    print!("{}", dump(hashed));
}

fn banner(title: &str) {
    let line = "-".repeat(23);
    let margin = " ".repeat(26_usize.saturating_sub(title.len()).div_ceil(2));
    println!("{line}[{margin}{title}{margin}]{line}");
}

fn word(parser: &mut Parser) -> Result<String, String> {
    parser.value().and_then(|value| value.string()).map_err(|error| error.to_string())
}

fn read(mut parser: Parser) -> Result<Wanted, String> {
    let mut wanted = Wanted::default();
    let bad = |error: lexopt::Error| error.to_string();
    while let Some(arg) = parser.next().map_err(bad)? {
        match arg {
            Arg::Short('s') | Arg::Long("server") => {
                let text = word(&mut parser)?;
                wanted.server = Some(text.parse().map_err(|_| format!("`{text}` is not an address"))?);
            }
            Arg::Short('p') | Arg::Long("port") => {
                let text = word(&mut parser)?;
                let port = text.parse().ok().filter(|port| *port > 0);
                wanted.port = Some(port.ok_or_else(|| format!("`{text}` is not a port"))?);
            }
            Arg::Short('u') | Arg::Long("url") => wanted.url = Some(word(&mut parser)?),
            Arg::Short('V') | Arg::Long("use-virtualhost") => wanted.virtual_host = Some(word(&mut parser)?),
            Arg::Short('P') | Arg::Long("protocol") => {
                let text = word(&mut parser)?;
                wanted.protocol = Protocol::parse(&text).ok_or_else(|| format!("`{text}` is not a protocol"))?;
            }
            Arg::Short('t') | Arg::Long("timeout") => {
                let text = word(&mut parser)?;
                let seconds: u32 = text.parse().map_err(|_| format!("`{text}` is not a number of seconds"))?;
                wanted.timeout = Some(Duration::from_secs(seconds.into()));
            }
            Arg::Short('m') | Arg::Long("fwmark") => {
                let text = word(&mut parser)?;
                wanted.mark = Some(text.parse().map_err(|_| format!("`{text}` is not a mark"))?);
            }
            Arg::Long("sha256") => wanted.kind = Kind::Sha256,
            Arg::Long("lines") => wanted.lines = true,
            Arg::Short('v') | Arg::Long("verbose") => wanted.verbose = true,
            Arg::Short('S' | 'I') | Arg::Long("use-ssl" | "use-sni") => {
                return Err("this build speaks no TLS".to_owned());
            }
            Arg::Short('h') | Arg::Long("help") => return Err(String::new()),
            other => return Err(other.unexpected().to_string()),
        }
    }
    Ok(wanted)
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The page, the metrics and the state over HTTP. Read only, one request a connection, everything bounded.

use std::io;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::Semaphore;

use super::control::{self, ACCEPT_PAUSE};
use super::desk::Desk;
use crate::observe::metrics::{self, Format, Names};
use crate::observe::page;

const CONNECTIONS_MAX: usize = 64;
/// Request line and headers.
const REQUEST_MAX: usize = 8 * 1024;
/// From the first byte to the last of the answer.
const REQUEST_LIMIT: Duration = Duration::from_secs(10);
/// Of a Unix socket: everybody may read what there is.
const MODE: u32 = 0o666;
const LOOPBACK: &str = "127.0.0.1";

/// Where whoever asks comes in.
#[derive(Debug)]
pub(super) enum Door {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// Who came in.
trait Stream: AsyncRead + AsyncWrite + Unpin {}

impl<T: AsyncRead + AsyncWrite + Unpin> Stream for T {}

impl Door {
    async fn accept(&self) -> io::Result<Box<dyn Stream>> {
        Ok(match self {
            Door::Tcp(listener) => Box::new(listener.accept().await?.0),
            Door::Unix(listener) => Box::new(listener.accept().await?.0),
        })
    }
}

/// `ADDRESS:PORT`, a port on the loopback, or the path of a Unix socket that takes the place of what was left there.
pub(super) async fn listen(place: &str) -> io::Result<Door> {
    if place.starts_with('/') {
        return control::listen(Path::new(place), MODE).map(Door::Unix);
    }
    let listener = match place.parse::<u16>() {
        Ok(port) => TcpListener::bind((LOOPBACK, port)).await,
        Err(_) => TcpListener::bind(place).await,
    };
    listener.map(Door::Tcp)
}

pub(super) async fn serve(door: Door, desk: Rc<Desk>) {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(stream) = door.accept().await else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let Ok(permit) = room.clone().try_acquire_owned() else {
            desk.http.borrow_mut().refused += 1;
            continue;
        };
        desk.http.borrow_mut().taken += 1;
        let desk = desk.clone();
        tokio::task::spawn_local(async move {
            if tokio::time::timeout(REQUEST_LIMIT, converse(stream, &desk)).await.is_err() {
                desk.http.borrow_mut().silent += 1;
            }
            drop(permit);
        });
    }
}

async fn converse(mut stream: Box<dyn Stream>, desk: &Desk) -> io::Result<()> {
    let mut request = Vec::new();
    let mut buffer = [0; 1024];
    let answer = loop {
        let got = stream.read(&mut buffer).await?;
        if got == 0 {
            return Ok(());
        }
        request.extend_from_slice(buffer.get(..got).unwrap_or_default());
        if request.len() > REQUEST_MAX {
            desk.http.borrow_mut().too_long += 1;
            break Answer::text(431, "the request is too long\n");
        }
        if request.windows(4).any(|window| window == b"\r\n\r\n") {
            break answer(&request, desk).await;
        }
    };
    let is_head = request.starts_with(b"HEAD ");
    stream.write_all(&answer.bytes(is_head)).await?;
    stream.shutdown().await
}

/// What can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    Metrics(Names, Format),
    Status,
    Health,
    /// What is on the page, to take the place of what was.
    Content,
    Page,
}

/// Why a request is not answered: the status, and a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused(pub u16, pub &'static str);

/// Understands a request that has come whole, or says why not.
pub fn understand(request: &[u8]) -> Result<Wanted, Refused> {
    let request = String::from_utf8_lossy(request);
    let mut words = request.lines().next().unwrap_or_default().split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    if !words.next().unwrap_or_default().starts_with("HTTP/1.") {
        return Err(Refused(400, "not a request of HTTP/1\n"));
    }
    if !matches!(method, "GET" | "HEAD") {
        return Err(Refused(405, "only GET and HEAD: nothing can be changed here\n"));
    }
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    match path {
        "/metrics" => {
            let gen2brain = query.split('&').any(|pair| pair == "names=gen2brain");
            let names = if gen2brain { Names::Gen2brain } else { Names::Mehdy };
            Ok(Wanted::Metrics(names, format_for(&request)))
        }
        "/status.json" => Ok(Wanted::Status),
        "/healthz" => Ok(Wanted::Health),
        "/content" => Ok(Wanted::Content),
        "/" => Ok(Wanted::Page),
        _ => Err(Refused(404, "there are /, /metrics, /status.json and /healthz\n")),
    }
}

/// RFC 9110 section 12.5.1: OpenMetrics for whoever names it and likes plain text no better; plain text for all others.
fn format_for(request: &str) -> Format {
    let accepted = request.lines().filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("accept").then_some(value)
    });
    let (mut open, mut plain) = (0.0_f32, 0.0_f32);
    for range in accepted.flat_map(|value| value.split(',')) {
        let mut parts = range.split(';').map(str::trim);
        let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
        let parameters = || parts.clone().filter_map(|part| part.split_once('='));
        let named = |wanted: &'static str| parameters().find(|(name, _)| name.trim().eq_ignore_ascii_case(wanted));
        let liked = named("q").map_or(1.0, |(_, q)| q.trim().parse::<f32>().unwrap_or(0.0));
        let version = named("version").map(|(_, version)| version.trim().trim_matches('"'));
        match kind.as_str() {
            // Both versions of OpenMetrics are the same text.
            "application/openmetrics-text" if matches!(version, None | Some("0.0.1" | "1.0.0")) => {
                open = open.max(liked)
            }
            "text/plain" | "text/*" | "*/*" => plain = plain.max(liked),
            _ => {}
        }
    }
    if open > 0.0 && open >= plain { Format::OpenMetrics } else { Format::Prometheus }
}

async fn answer(request: &[u8], desk: &Desk) -> Answer {
    let wanted = match understand(request) {
        Ok(wanted) => wanted,
        Err(Refused(status, why)) => return Answer::text(status, why),
    };
    let seen = desk.look().await;
    match wanted {
        Wanted::Metrics(names, format) => {
            let kind = match format {
                Format::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
                Format::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            };
            // A worker that does not answer is a number too.
            Answer::new(200, kind, metrics::text(&seen, names, format))
        }
        Wanted::Status => {
            let mut answer = seen.json();
            let status = if answer.get("error").is_some() { 503 } else { 200 };
            if let Some(fields) = answer.as_object_mut() {
                fields.insert("version".to_owned(), 1.into());
            }
            Answer::new(status, "application/json", answer.to_string())
        }
        Wanted::Health => {
            let troubles: Vec<&str> = seen.troubles().collect();
            match troubles.as_slice() {
                [] => Answer::text(200, "ok\n"),
                _ => Answer::text(503, format!("{}\n", troubles.join("; "))),
            }
        }
        Wanted::Content => Answer::html(200, page::content(&seen)),
        Wanted::Page => Answer::html(200, page::page(&page::content(&seen))),
    }
}

struct Answer {
    status: u16,
    kind: &'static str,
    body: String,
}

impl Answer {
    fn new(status: u16, kind: &'static str, body: String) -> Answer {
        Answer { status, kind, body }
    }

    fn text(status: u16, body: impl Into<String>) -> Answer {
        Answer::new(status, "text/plain; charset=utf-8", body.into())
    }

    fn html(status: u16, body: String) -> Answer {
        Answer::new(status, "text/html; charset=utf-8", body)
    }

    fn bytes(&self, head_only: bool) -> Vec<u8> {
        let reason = match self.status {
            200 => "OK",
            400 => "Bad Request",
            404 => "Not Found",
            405 => "Method Not Allowed",
            431 => "Request Header Fields Too Large",
            _ => "Service Unavailable",
        };
        let Answer { status, kind, body } = self;
        let allow = if *status == 405 { "Allow: GET, HEAD\r\n" } else { "" };
        let head = format!(
            "HTTP/1.1 {status} {reason}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\
             Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nX-Frame-Options: DENY\r\n\
             Referrer-Policy: no-referrer\r\nContent-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; \
             script-src 'unsafe-inline'; connect-src 'self'\r\n{allow}\r\n",
            body.len()
        );
        if head_only { head.into_bytes() } else { (head + body).into_bytes() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn ask(request: &str) -> String {
        let (questions, _asked) = tokio::sync::mpsc::channel(1);
        let desk = Desk::new(questions, Default::default());
        String::from_utf8(answer(request.as_bytes(), &desk).await.bytes(false)).unwrap()
    }

    #[tokio::test(flavor = "current_thread")]
    async fn what_is_not_a_plain_reading_is_refused() {
        assert!(ask("POST / HTTP/1.1\r\n\r\n").await.starts_with("HTTP/1.1 405 "));
        assert!(ask("GET /etc/passwd HTTP/1.1\r\n\r\n").await.starts_with("HTTP/1.1 404 "));
        assert!(ask("\u{1}\u{2}\r\n\r\n").await.starts_with("HTTP/1.1 400 "));
    }

    proptest::proptest! {
        #[test]
        fn any_request_is_understood_or_refused(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300)) {
            let _ = understand(&bytes);
            let target = [b"GET ".as_slice(), &bytes, b" HTTP/1.1\r\n\r\n"].concat();
            let _ = understand(&target);
        }
    }

    #[test]
    fn what_is_asked_for_is_told_by_path_query_and_accept() {
        let asked = |request: &str| understand(request.as_bytes());
        assert_eq!(asked("GET / HTTP/1.0\r\n\r\n"), Ok(Wanted::Page));
        assert_eq!(asked("HEAD /healthz?x HTTP/1.1\r\n\r\n"), Ok(Wanted::Health));
        let open = "GET /metrics?names=gen2brain HTTP/1.1\r\nACCEPT: text/plain, application/openmetrics-text\r\n\r\n";
        assert_eq!(asked(open), Ok(Wanted::Metrics(Names::Gen2brain, Format::OpenMetrics)));
        assert_eq!(asked("GET /metrics HTTP/1.1\r\n\r\n"), Ok(Wanted::Metrics(Names::Mehdy, Format::Prometheus)));
    }

    #[test]
    fn whoever_names_openmetrics_gets_it_and_all_others_plain_text() {
        let table = [
            ("", Format::Prometheus),
            ("Accept: */*", Format::Prometheus),
            ("Accept: text/plain", Format::Prometheus),
            ("Accept: application/openmetrics-text", Format::OpenMetrics),
            ("ACCEPT: Application/OpenMetrics-Text; Version=\"1.0.0\"; charset=utf-8", Format::OpenMetrics),
            ("Accept: application/openmetrics-text;q=0", Format::Prometheus),
            ("Accept: application/openmetrics-text;version=2.0.0", Format::Prometheus),
            ("Accept: application/openmetrics-text;q=0.1,text/plain;q=0.9", Format::Prometheus),
            ("Accept: text/plain;q=0.5\r\nAccept: application/openmetrics-text;q=0.8", Format::OpenMetrics),
            // As two generations of Prometheus ask.
            (
                "Accept: application/openmetrics-text;version=1.0.0;q=0.8,application/openmetrics-text;version=0.0.1;\
                 q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                Format::OpenMetrics,
            ),
            (
                "Accept: application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;\
                 version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,\
                 */*;q=0.2",
                Format::OpenMetrics,
            ),
        ];
        for (line, expected) in table {
            assert_eq!(format_for(&format!("GET /metrics HTTP/1.1\r\n{line}\r\n\r\n")), expected, "{line}");
        }
    }

    #[test]
    fn a_head_has_the_length_of_the_body_and_not_the_body() {
        let bytes = String::from_utf8(Answer::text(200, "ok\n").bytes(true)).unwrap();
        assert!(bytes.contains("Content-Length: 3\r\n") && bytes.ends_with("\r\n\r\n"), "{bytes}");
    }
}

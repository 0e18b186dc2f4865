// SPDX-License-Identifier: MIT OR Apache-2.0
//! One exchange over TLS.

use std::net::TcpStream as StdStream;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::time::Duration;

use genhash::{Answer, Fetched};
use openssl::ssl::SslContext;
use steadfast::dial;
use steadfast::worker::check::probe::exchange::exchange;
use steadfast::worker::check::web::talk::{Fault, Task};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_openssl::SslStream;

pub(crate) async fn fetch(context: &SslContext, socket: OwnedFd, task: &Task) -> Result<Fetched, Fault> {
    let ours = |what: &str, error: &dyn std::fmt::Display| Fault::Ours(format!("{what}: {error}"));
    let socket = StdStream::from(socket);
    let stream = TcpStream::from_std(socket).map_err(|error| ours("taking a connection over", &error))?;
    let ssl = genhash_tls::session(context, task.name.as_deref()).map_err(|error| ours("preparing TLS", &error))?;
    let mut stream = SslStream::new(ssl, stream).map_err(|error| ours("preparing TLS", &error))?;
    let limit = Duration::from_millis(task.handshake_ms);
    match timeout(limit, Pin::new(&mut stream).connect()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => return Err(Fault::Server(format!("setting up TLS: {}", genhash_tls::words(&error)))),
        Err(_) => return Err(Fault::Server(format!("TLS was not set up within {limit:?}"))),
    }
    let answer = Answer::new(task.digest.map(Into::into), task.keep);
    let limit = Duration::from_millis(task.answer_ms);
    let outcome = exchange(&mut stream, task.request.as_bytes(), answer, limit).await;
    if outcome.is_ok() {
        if task.compliant {
            goodbye(&mut stream).await;
        }
        // Without a word of TLS's own, but the connection ends as it should.
        dial::part(stream.get_mut()).await;
    }
    outcome
}

/// Says that TLS is over, and waits a little for the same from the server.
async fn goodbye(stream: &mut SslStream<TcpStream>) {
    use tokio::io::AsyncWriteExt;
    let _ = timeout(dial::PARTING_MAX, stream.shutdown()).await;
}

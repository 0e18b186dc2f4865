// SPDX-License-Identifier: MIT OR Apache-2.0
//! One request and its answer over a connection, be it plain or TLS. Whatever the server does, this ends: at the end of
//! the answer, at a limit, or at the deadline.

use std::time::Duration;

use genhash::{Answer, BODY_MAX, Fetched, HEADER_MAX};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};

use crate::dial::{is_shortage, piece, words};
use crate::worker::check::web::talk::Fault;

/// How much of a strange answer is shown.
const SHOWN_MAX: usize = 40;

/// What is read at once.
const PIECE: usize = 8 * 1024;

/// Sends `request` and reads `answer` to its end, within `limit`. An error is a sentence, and says whose fault it is.
pub async fn exchange<S>(stream: &mut S, request: &[u8], answer: Answer, limit: Duration) -> Result<Fetched, Fault>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let deadline = Instant::now() + limit;
    match timeout_at(deadline, stream.write_all(request)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => return Err(blame(&error, format!("the request could not be sent: {}", words(&error)))),
        Err(_) => return Err(Fault::Server(format!("the request was not taken within {limit:?}"))),
    }
    let answer = read(stream, answer, deadline, limit).await?;
    let told = strange(&answer);
    answer.finish().ok_or(Fault::Server(told))
}

async fn read<S>(stream: &mut S, mut answer: Answer, deadline: Instant, limit: Duration) -> Result<Answer, Fault>
where
    S: AsyncRead + Unpin,
{
    while !answer.is_complete() {
        let taken = piece::<PIECE>(stream, |read| {
            answer.take(read);
        });
        match timeout_at(deadline, taken).await {
            Ok(Ok(0)) => break,
            Ok(Ok(_)) => {}
            // Many servers end TLS, and some their connections, without saying so.
            Ok(Err(error)) if error.kind() == std::io::ErrorKind::UnexpectedEof && answer.header().is_some() => break,
            Ok(Err(error)) => return Err(blame(&error, format!("{} after {}", words(&error), bytes(answer.total())))),
            Err(_) => return Err(Fault::Server(late(&answer, limit))),
        }
        if answer.lacks_memory() {
            return Err(Fault::Ours(format!("there is no memory for the answer after {}", bytes(answer.total()))));
        }
        if answer.is_hopeless() {
            return Err(Fault::Server(match strange(&answer) {
                told if answer.beginning().starts_with(b"HTTP/") => {
                    format!("the header is longer than {} KiB; {told}", HEADER_MAX / 1024)
                }
                told => told,
            }));
        }
        if answer.is_too_long() {
            return Err(Fault::Server(format!("the body is longer than {} MiB", BODY_MAX >> 20)));
        }
    }
    Ok(answer)
}

/// Whose fault an error of the connection is.
fn blame(error: &std::io::Error, told: String) -> Fault {
    if is_shortage(error) { Fault::Ours(told) } else { Fault::Server(told) }
}

/// What was missing when time was up.
fn late(answer: &Answer, limit: Duration) -> String {
    if answer.total() == 0 {
        return format!("no answer within {limit:?}");
    }
    if answer.header().is_none() {
        return format!("the header did not end within {limit:?}; {}", strange(answer));
    }
    match (answer.received(), answer.length()) {
        (received, Some(length)) => format!("{received} of {length} bytes of the body came within {limit:?}"),
        (received, None) => {
            format!("the server did not close the connection within {limit:?}, after {} of body", bytes(received))
        }
    }
}

/// An answer without a header.
fn strange(answer: &Answer) -> String {
    match answer.beginning() {
        [] => "the connection was closed without an answer".to_owned(),
        // The record of an alert or of a handshake.
        [0x15 | 0x16, 3, ..] => "the server speaks TLS: check it with SSL_GET".to_owned(),
        beginning => {
            let shown = beginning.get(..SHOWN_MAX.min(beginning.len())).unwrap_or_default();
            format!("{} came and no end of a header: `{}`", bytes(answer.total()), shown.escape_ascii())
        }
    }
}

fn bytes(number: u64) -> String {
    if number == 1 { "1 byte".to_owned() } else { format!("{number} bytes") }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! UDP_CHECK: a datagram, and perhaps an answer.
//!
//! Unless an answer is required a silent server is well, because many services answer only what they understand: it
//! fails when the network says that nobody is there. Each check of it then lasts as long as its `connect_timeout`.

use keepalived_conf::blocks::lvs::check_udp::UdpCheck;
use tokio::time::timeout_at;

use super::{Finding, room};
use crate::dial::{Datagrams, DialError, Dialer, Target};
use crate::proto::exchange::excerpt;

/// What is sent unless the configuration says otherwise; keepalived's text.
const TEXT: &[u8] = b"keepalived check - keepalived ch";

/// The longest answer; UDP allows no more.
const ANSWER_MAX: usize = 65_535;

pub(super) async fn probe(check: &UdpCheck, target: &Target, dialer: &Dialer) -> Finding {
    let limit = *check.timing.connect_timeout;
    let socket = match dialer.datagrams(target, limit).await {
        Ok(socket) => socket,
        Err(error) => return error.into(),
    };
    match timeout_at(socket.deadline(), ask(check, &socket)).await {
        Ok(finding) => finding,
        Err(_) if check.require_reply => Finding::bad(format!("no answer within {limit:?}")),
        Err(_) => Finding::good(),
    }
}

async fn ask(check: &UdpCheck, socket: &Datagrams) -> Finding {
    if let Err(error) = socket.send(check.payload.as_deref().unwrap_or(TEXT)).await {
        return DialError::judge("sending", error).into();
    }
    let mut bytes = match room(ANSWER_MAX) {
        Ok(room) => room,
        Err(lack) => return lack,
    };
    match socket.receive(&mut bytes).await {
        Ok(()) => judge(check, &bytes),
        Err(error) => DialError::judge("waiting for the answer", error).into(),
    }
}

/// Judges an answer. Only a required one has to look like anything.
fn judge(check: &UdpCheck, answer: &[u8]) -> Finding {
    if !check.require_reply {
        return Finding::good();
    }
    let length = answer.len();
    let shortest = usize::from(check.min_reply_length);
    if length < shortest {
        return Finding::bad(format!("an answer of {length} bytes, less than {shortest}"));
    }
    if let Some(longest) = check.longest_reply().map(usize::from)
        && length > longest
    {
        return Finding::bad(format!("an answer of {length} bytes, more than {longest}"));
    }
    match &check.reply {
        // Nothing would be like anything.
        Some(pattern) if !pattern.bytes.is_empty() && answer.is_empty() => Finding::bad("an empty answer"),
        Some(pattern) if !pattern.matches(answer) => {
            Finding::bad(format!("the answer is not what is required: \"{}\"", excerpt(answer)))
        }
        Some(_) | None => Finding::good(),
    }
}

#[cfg(test)]
mod tests;

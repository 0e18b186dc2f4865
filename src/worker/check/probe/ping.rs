// SPDX-License-Identifier: MIT OR Apache-2.0
//! PING_CHECK: an ICMP echo request and its reply.

use std::sync::atomic::Ordering;

use keepalived_conf::blocks::lvs::check_ping::PingCheck;
use tokio::time::timeout_at;

use super::{Finding, STRANGERS_MAX, Tools};
use crate::dial::{DialError, Echoes, Target};
use crate::proto::exchange::echo::{Answer, Echo, PACKET_MAX};

pub(super) async fn probe(check: &PingCheck, target: &Target, tools: &Tools) -> Finding {
    let limit = *check.timing.connect_timeout;
    let socket = match tools.dialer.echoes(target, limit).await {
        Ok(socket) => socket,
        Err(error) => return error.into(),
    };
    let sequence = tools.pings.fetch_add(1, Ordering::Relaxed);
    let echo = Echo::new(target.address.ip(), socket.identifier(), sequence);
    match timeout_at(socket.deadline(), ask(&echo, &socket)).await {
        Ok(finding) => finding,
        Err(_) => Finding::bad(format!("no reply within {limit:?}")),
    }
}

async fn ask(echo: &Echo, socket: &Echoes) -> Finding {
    if let Err(error) = socket.send(echo.bytes()).await {
        return DialError::judge("sending the request", error).into();
    }
    // One byte more than the longest reply, so that a longer one is seen to be longer.
    let mut bytes = [0; PACKET_MAX + 1];
    for _ in 0..STRANGERS_MAX {
        let length = match socket.receive(&mut bytes).await {
            Ok(length) => length,
            Err(error) => return DialError::judge("waiting for the reply", error).into(),
        };
        match echo.judge(bytes.get(..length).unwrap_or_default(), socket.with_header()) {
            Answer::Reply => return Finding::good(),
            Answer::Changed => return Finding::bad("the reply does not carry what was sent"),
            Answer::Foreign => {}
        }
    }
    Finding::bad(format!("{STRANGERS_MAX} packets that do not answer the request"))
}

#[cfg(test)]
mod tests;

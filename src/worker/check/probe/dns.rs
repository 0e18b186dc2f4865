// SPDX-License-Identifier: MIT OR Apache-2.0
//! DNS_CHECK: one question over UDP. A server that answers without an error is well, whatever the answer is.

use keepalived_conf::blocks::lvs::check_dns::DnsCheck;
use tokio::time::timeout_at;

use super::{Finding, STRANGERS_MAX, room};
use crate::dial::{Datagrams, DialError, Dialer, Target};
use crate::kernel::random;
use crate::proto::exchange::dns::{Answer, Query, code_name};

/// The longest answer; UDP allows no more.
const ANSWER_MAX: usize = 65_535;

pub(super) async fn probe(check: &DnsCheck, target: &Target, dialer: &Dialer) -> Finding {
    let query = match Query::new(random::number() as u16, &check.name, check.query.number()) {
        Ok(query) => query,
        // The configuration has refused such names already.
        Err(fault) => return Finding::not_checked(format!("\"{}\" cannot be asked for: {fault}", check.name)),
    };
    let socket = match dialer.datagrams(target, *check.timing.connect_timeout).await {
        Ok(socket) => socket,
        Err(error) => return error.into(),
    };
    match timeout_at(socket.deadline(), ask(&query, &socket)).await {
        Ok(finding) => finding,
        Err(_) => Finding::bad(format!("no answer within {:?}", *check.timing.connect_timeout)),
    }
}

async fn ask(query: &Query, socket: &Datagrams) -> Finding {
    if let Err(error) = socket.send(query.bytes()).await {
        return DialError::judge("sending the query", error).into();
    }
    let mut bytes = match room(ANSWER_MAX) {
        Ok(room) => room,
        Err(lack) => return lack,
    };
    let mut last = None;
    for _ in 0..STRANGERS_MAX {
        if let Err(error) = socket.receive(&mut bytes).await {
            return DialError::judge("waiting for the answer", error).into();
        }
        match query.judge(&bytes) {
            Answer::Good => return Finding::good(),
            Answer::Refused(code) => return Finding::bad(format!("the server answers {} ({code})", code_name(code))),
            Answer::Malformed(flaw) => return Finding::bad(format!("the server's answer is malformed: {flaw}")),
            Answer::Foreign(why) => last = Some(why),
        }
    }
    let kind = last.map_or_else(String::new, |why| format!(", the last one {why}"));
    Finding::bad(format!("{STRANGERS_MAX} datagrams that do not answer the query{kind}"))
}

#[cfg(test)]
mod tests;

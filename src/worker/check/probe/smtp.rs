// SPDX-License-Identifier: MIT OR Apache-2.0
//! SMTP_CHECK: a mail server that greets, and answers HELO and QUIT.
//!
//! The connection has `connect_timeout`, and everything that is said over it together has as long again. So a server
//! that drips fails in time.

use keepalived_conf::blocks::lvs::check_smtp::SmtpCheck;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};

use super::Finding;
use crate::dial::{DialError, Dialer, Stream, Target};
use crate::proto::exchange::smtp::{Greeting, Turn};

pub(super) async fn probe(check: &SmtpCheck, target: &Target, dialer: &Dialer) -> Finding {
    let limit = *check.timing.connect_timeout;
    let mut stream = match dialer.connect(target, limit).await {
        Ok(stream) => stream,
        Err(error) => return error.into(),
    };
    let mut greeting = Greeting::new(check.helo_name());
    let said = timeout_at(Instant::now() + limit, converse(&mut greeting, &mut stream)).await;
    let finding = match said {
        Ok(finding) => finding,
        Err(_) => Finding::bad(format!("connected, but no {} within {limit:?}", greeting.awaited())),
    };
    dialer.part(stream).await;
    finding
}

async fn converse(greeting: &mut Greeting, stream: &mut Stream) -> Finding {
    let mut bytes = [0; 2048];
    loop {
        let heard = match stream.read(&mut bytes).await {
            Ok(0) => return Finding::bad(format!("the server closes instead of its {}", greeting.awaited())),
            Ok(length) => greeting.hear(bytes.get(..length).unwrap_or_default()),
            Err(error) => return DialError::judge("reading", error).into(),
        };
        match heard {
            Ok(Turn::Listen) => {}
            Ok(Turn::Say(words)) => {
                if let Err(error) = stream.write_all(&words).await {
                    return DialError::judge("writing", error).into();
                }
            }
            Ok(Turn::Done) => return Finding::good(),
            Err(fault) => return Finding::bad(fault.to_string()),
        }
    }
}

#[cfg(test)]
mod tests;

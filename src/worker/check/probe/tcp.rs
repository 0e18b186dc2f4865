// SPDX-License-Identifier: MIT OR Apache-2.0
//! TCP_CHECK: a server that takes a connection is well. Nothing is said over it, and it is closed in good order.

use keepalived_conf::blocks::lvs::check_tcp::TcpCheck;

use super::Finding;
use crate::dial::{Dialer, Target};

pub(super) async fn probe(check: &TcpCheck, target: &Target, dialer: &Dialer) -> Finding {
    match dialer.connect(target, *check.timing.connect_timeout).await {
        Ok(stream) => {
            dialer.part(stream).await;
            Finding::good()
        }
        Err(error) => error.into(),
    }
}

#[cfg(test)]
mod tests;

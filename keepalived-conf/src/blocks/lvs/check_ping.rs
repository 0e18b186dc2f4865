// SPDX-License-Identifier: MIT OR Apache-2.0
//! `PING_CHECK`: an ICMP echo request and its reply.

use std::sync::LazyLock;

use super::check::{self, Checker, Common, Connection, Connects, Timed, Timing};
use super::real_server::{self, RealServer};
use super::shared::Shared;
use crate::schema::{Block, Node, Seen};
use crate::value::Args;

#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct PingCheck {
    pub timing: Shared<Timing>,
    pub connection: Connection,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub seen: Seen,
}

impl Node for PingCheck {
    fn seen(&mut self) -> &mut Seen {
        &mut self.seen
    }
}

impl Timed for PingCheck {
    fn timing(&mut self) -> &mut Timing {
        self.timing.to_mut()
    }
}

impl Connects for PingCheck {
    fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }
}

pub static BLOCK: LazyLock<Block<PingCheck>> = LazyLock::new(|| Block::new("PING_CHECK", check::rows(&Common::NEWER)));

pub(crate) fn open(server: &mut RealServer, _: &mut Args<'_, '_>) -> Option<PingCheck> {
    let connection = Connection::to(real_server::target(server));
    Some(PingCheck { timing: Timing::built_in(), connection, seen: Seen::default() })
}

pub(crate) fn close(server: &mut RealServer, check: PingCheck, args: &mut Args<'_, '_>) {
    real_server::keep(server, check, args, Checker::Ping);
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! `TCP_CHECK`: a connection is opened and closed.

use std::sync::LazyLock;

use super::check::{self, Checker, Common, Connection, Connects, Timed, Timing};
use super::real_server::{self, RealServer};
use super::shared::Shared;
use crate::schema::{Block, Node, Seen};
use crate::value::Args;

#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct TcpCheck {
    pub timing: Shared<Timing>,
    pub connection: Connection,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub seen: Seen,
}

impl Node for TcpCheck {
    fn seen(&mut self) -> &mut Seen {
        &mut self.seen
    }
}

impl Timed for TcpCheck {
    fn timing(&mut self) -> &mut Timing {
        self.timing.to_mut()
    }
}

impl Connects for TcpCheck {
    fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }
}

pub static BLOCK: LazyLock<Block<TcpCheck>> = LazyLock::new(|| Block::new("TCP_CHECK", check::rows(&Common::OLD)));

pub(crate) fn open(server: &mut RealServer, _: &mut Args<'_, '_>) -> Option<TcpCheck> {
    let connection = Connection::to(real_server::target(server));
    Some(TcpCheck { timing: Timing::built_in(), connection, seen: Seen::default() })
}

pub(crate) fn close(server: &mut RealServer, check: TcpCheck, args: &mut Args<'_, '_>) {
    real_server::keep(server, check, args, Checker::Tcp);
}

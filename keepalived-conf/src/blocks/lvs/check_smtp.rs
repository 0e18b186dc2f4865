// SPDX-License-Identifier: MIT OR Apache-2.0
//! `SMTP_CHECK`: a mail server is greeted.

use std::net::IpAddr;
use std::sync::LazyLock;

use super::check::{self, Checker, Common, Connection, Connects, Timed, Timing};
use super::real_server::{self, RealServer};
use super::shared::Shared;
use crate::schema::{Again, Block, Node, Seen, Shape, Status, kw};
use crate::value::Args;

const HELO_NAME: &str = "smtpchecker.keepalived.org";

#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct SmtpCheck {
    pub timing: Shared<Timing>,
    pub connection: Connection,
    /// `None` is keepalived's own name.
    pub helo_name: Option<Box<str>>,
    /// What a host connects to unless it says otherwise.
    #[cfg_attr(feature = "serde", serde(skip))]
    target: (IpAddr, u16),
    /// Until the block ends: further targets, each of which becomes a check of its own.
    #[cfg_attr(feature = "serde", serde(skip))]
    hosts: Vec<Connection>,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub seen: Seen,
}

impl SmtpCheck {
    pub fn helo_name(&self) -> &str {
        self.helo_name.as_deref().unwrap_or(HELO_NAME)
    }
}

/// A target of its own in a `host` block.
#[derive(Debug)]
pub struct Host {
    timing: Shared<Timing>,
    connection: Connection,
    seen: Seen,
}

impl Node for SmtpCheck {
    fn seen(&mut self) -> &mut Seen {
        &mut self.seen
    }
}

impl Timed for SmtpCheck {
    fn timing(&mut self) -> &mut Timing {
        self.timing.to_mut()
    }
}

impl Connects for SmtpCheck {
    fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }
}

impl Node for Host {
    fn seen(&mut self) -> &mut Seen {
        &mut self.seen
    }
}

impl Timed for Host {
    fn timing(&mut self) -> &mut Timing {
        self.timing.to_mut()
    }
}

impl Connects for Host {
    fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }
}

pub static BLOCK: LazyLock<Block<SmtpCheck>> = LazyLock::new(|| {
    let mut rows =
        vec![kw("helo_name").arg(Shape::Word("NAME")).default(HELO_NAME).doc("Name given in HELO.").since("<2.0").set(
            |check: &mut SmtpCheck, args| {
                if let Some(word) = args.word() {
                    check.helo_name = Some(word.text.into());
                }
            },
        )];
    rows.extend(check::rows(&Common::OLD));
    rows.push(
        kw("host")
            .doc("Names a further target, which becomes a check of its own.")
            .note(
                "Where the check itself names no target, the first host takes its place. What it connects to belongs \
                 to the host; the other keywords in it count for the whole check.",
            )
            .since("<2.0")
            .again(Again::Adds)
            .status(Status::Deprecated("write one SMTP_CHECK for each target"))
            .block(&HOST, open_host, close_host),
    );
    Block::new("SMTP_CHECK", rows)
});

pub static HOST: LazyLock<Block<Host>> = LazyLock::new(|| Block::new("host", check::rows(&Common::OLD)));

fn open_host(check: &mut SmtpCheck, _: &mut Args<'_, '_>) -> Option<Host> {
    Some(Host { timing: Timing::built_in(), connection: Connection::to(check.target), seen: Seen::default() })
}

fn close_host(check: &mut SmtpCheck, host: Host, _: &mut Args<'_, '_>) {
    check.timing.to_mut().take_given(&host.timing);
    check.hosts.push(host.connection);
}

pub(crate) fn open(server: &mut RealServer, _: &mut Args<'_, '_>) -> Option<SmtpCheck> {
    let target = real_server::target(server);
    Some(SmtpCheck {
        timing: Timing::built_in(),
        connection: Connection::to(target),
        helo_name: None,
        target,
        hosts: Vec::new(),
        seen: Seen::default(),
    })
}

pub(crate) fn close(server: &mut RealServer, mut check: SmtpCheck, args: &mut Args<'_, '_>) {
    let hosts = std::mem::take(&mut check.hosts);
    let replaced = !hosts.is_empty() && !check.connection.given();
    let further: Vec<SmtpCheck> =
        hosts.into_iter().map(|connection| SmtpCheck { connection, ..check.clone() }).collect();
    if !replaced {
        real_server::keep(server, check, args, Checker::Smtp);
    }
    for check in further {
        real_server::keep(server, check, args, Checker::Smtp);
    }
}

#[cfg(test)]
mod tests;

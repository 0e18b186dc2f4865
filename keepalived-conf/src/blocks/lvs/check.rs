// SPDX-License-Identifier: MIT OR Apache-2.0
//! The checkers of a real server, and what they have in common.

use std::time::Duration;

use super::check_bfd::BfdCheck;
use super::check_dns::DnsCheck;
use super::check_file::FileCheck;
use super::check_http::HttpCheck;
use super::check_misc::MiscCheck;
use super::check_ping::PingCheck;
use super::check_smtp::SmtpCheck;
use super::check_tcp::TcpCheck;
use super::check_udp::UdpCheck;
pub use super::connection::{Connection, Source};
pub(crate) use super::connection::{Connects, reaches, rows};
use super::shared::Shared;
pub use super::timing::Timing;
pub(crate) use super::timing::{Common, Timed, timing_rows};
use crate::schema::{Seen, Setting};

/// One check of a real server.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "lowercase"))]
pub enum Checker {
    Misc(Box<MiscCheck>),
    Smtp(Box<SmtpCheck>),
    Tcp(Box<TcpCheck>),
    Ping(Box<PingCheck>),
    Udp(Box<UdpCheck>),
    /// `HTTP_GET` and `SSL_GET`.
    Http(Box<HttpCheck>),
    Dns(Box<DnsCheck>),
    File(Box<FileCheck>),
    Bfd(Box<BfdCheck>),
}

impl Checker {
    /// The keyword of its block.
    pub fn keyword(&self) -> &'static str {
        match self {
            Checker::Misc(_) => "MISC_CHECK",
            Checker::Smtp(_) => "SMTP_CHECK",
            Checker::Tcp(_) => "TCP_CHECK",
            Checker::Ping(_) => "PING_CHECK",
            Checker::Udp(_) => "UDP_CHECK",
            Checker::Http(check) => {
                if check.tls {
                    "SSL_GET"
                } else {
                    "HTTP_GET"
                }
            }
            Checker::Dns(_) => "DNS_CHECK",
            Checker::File(_) => "FILE_CHECK",
            Checker::Bfd(_) => "BFD_CHECK",
        }
    }

    pub fn seen(&self) -> &Seen {
        match self {
            Checker::Misc(check) => &check.seen,
            Checker::Smtp(check) => &check.seen,
            Checker::Tcp(check) => &check.seen,
            Checker::Ping(check) => &check.seen,
            Checker::Udp(check) => &check.seen,
            Checker::Http(check) => &check.seen,
            Checker::Dns(check) => &check.seen,
            Checker::File(check) => &check.seen,
            Checker::Bfd(check) => &check.seen,
        }
    }

    /// When it checks; nothing for those that are told.
    pub fn timing(&self) -> Option<&Shared<Timing>> {
        match self {
            Checker::Misc(check) => Some(&check.timing),
            Checker::Smtp(check) => Some(&check.timing),
            Checker::Tcp(check) => Some(&check.timing),
            Checker::Ping(check) => Some(&check.timing),
            Checker::Udp(check) => Some(&check.timing),
            Checker::Http(check) => Some(&check.timing),
            Checker::Dns(check) => Some(&check.timing),
            Checker::File(_) | Checker::Bfd(_) => None,
        }
    }

    pub(crate) fn timing_mut(&mut self) -> Option<&mut Shared<Timing>> {
        match self {
            Checker::Misc(check) => Some(&mut check.timing),
            Checker::Smtp(check) => Some(&mut check.timing),
            Checker::Tcp(check) => Some(&mut check.timing),
            Checker::Ping(check) => Some(&mut check.timing),
            Checker::Udp(check) => Some(&mut check.timing),
            Checker::Http(check) => Some(&mut check.timing),
            Checker::Dns(check) => Some(&mut check.timing),
            Checker::File(_) | Checker::Bfd(_) => None,
        }
    }

    /// What it connects to; nothing for those that do not.
    pub fn connection(&self) -> Option<&Connection> {
        match self {
            Checker::Smtp(check) => Some(&check.connection),
            Checker::Tcp(check) => Some(&check.connection),
            Checker::Ping(check) => Some(&check.connection),
            Checker::Udp(check) => Some(&check.connection),
            Checker::Http(check) => Some(&check.connection),
            Checker::Dns(check) => Some(&check.connection),
            Checker::Misc(_) | Checker::File(_) | Checker::Bfd(_) => None,
        }
    }

    pub(crate) fn connection_mut(&mut self) -> Option<&mut Connection> {
        match self {
            Checker::Smtp(check) => Some(&mut check.connection),
            Checker::Tcp(check) => Some(&mut check.connection),
            Checker::Ping(check) => Some(&mut check.connection),
            Checker::Udp(check) => Some(&mut check.connection),
            Checker::Http(check) => Some(&mut check.connection),
            Checker::Dns(check) => Some(&mut check.connection),
            Checker::Misc(_) | Checker::File(_) | Checker::Bfd(_) => None,
        }
    }

    /// The values of its kind where neither it nor its servers say anything.
    pub fn built_in(&self) -> BuiltIn {
        let one_second = Some(Duration::from_secs(1));
        match self {
            Checker::Misc(_) => BuiltIn { retry: 0, delay_before_retry: one_second },
            Checker::Smtp(_) | Checker::Tcp(_) | Checker::Ping(_) | Checker::Udp(_) => {
                BuiltIn { retry: 1, delay_before_retry: one_second }
            }
            Checker::Http(_) => BuiltIn { retry: 1, delay_before_retry: Some(Duration::from_secs(3)) },
            Checker::Dns(_) => BuiltIn { retry: 3, delay_before_retry: None },
            Checker::File(_) | Checker::Bfd(_) => BuiltIn { retry: 0, delay_before_retry: None },
        }
    }

    /// Whether both look at the same thing in the same way. When they look, how often a failure is tried again and what
    /// is logged may differ.
    pub fn looks_at_the_same(&self, other: &Checker) -> bool {
        self == other
            || std::mem::discriminant(self) == std::mem::discriminant(other)
                && self.without_times() == other.without_times()
    }

    fn without_times(&self) -> Checker {
        let mut bare = self.clone();
        let waits = !matches!(self, Checker::Misc(_));
        if let Some(timing) = bare.timing_mut() {
            let connect_timeout = timing.connect_timeout;
            *timing = Timing::built_in();
            if waits {
                timing.to_mut().connect_timeout = connect_timeout;
            }
        }
        match &mut bare {
            Checker::Http(check) => check.fast_recovery = false,
            Checker::Bfd(check) => check.alpha = Setting::new(false),
            Checker::Misc(_)
            | Checker::Smtp(_)
            | Checker::Tcp(_)
            | Checker::Ping(_)
            | Checker::Udp(_)
            | Checker::Dns(_)
            | Checker::File(_) => {}
        }
        bare
    }

    /// Takes over what is equal, so that it is kept once.
    pub(crate) fn share_with(&mut self, like: &Checker) {
        if let (Some(own), Some(other)) = (self.timing_mut(), like.timing())
            && !own.is(other)
            && own.same(other)
        {
            *own = other.clone();
        }
        if let (Checker::Http(own), Checker::Http(other)) = (self, like) {
            own.share_with(other);
        }
    }
}

/// Defaults of one kind of checker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BuiltIn {
    pub retry: u32,
    /// `None` is the checker's delay_loop.
    pub delay_before_retry: Option<Duration>,
}

#[cfg(test)]
mod tests;

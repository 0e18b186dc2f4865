// SPDX-License-Identifier: MIT OR Apache-2.0
//! Load balancing: virtual servers, real servers and their checkers.

pub mod check;
pub mod check_bfd;
pub mod check_dns;
pub mod check_file;
pub mod check_http;
pub mod check_misc;
pub mod check_ping;
pub mod check_smtp;
pub mod check_tcp;
pub mod check_udp;
pub mod codes;
pub mod connection;
pub mod defaults;
pub mod group;
pub mod method;
pub mod pattern;
pub mod real_server;
pub mod scheduler;
pub mod server_address;
pub mod shared;
pub mod ssl;
#[cfg(test)]
pub(crate) mod testing;
pub mod timing;
pub mod url;
pub mod virtual_server;

use super::Config;
use crate::schema::{Again, Keyword, Shape, kw};
use crate::script::settle::{Role, Visit, retain};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Lvs {
    /// Certificate, key and authority for checks over TLS.
    pub ssl: Option<Box<ssl::Ssl>>,
    pub groups: Vec<group::Group>,
    pub servers: Vec<virtual_server::VirtualServer>,
}

impl Lvs {
    /// There is something to do for load balancing.
    pub fn is_used(&self) -> bool {
        !self.servers.is_empty()
    }

    /// Every place that holds a script.
    pub fn visit_scripts(&mut self, visit: &mut Visit<'_>) {
        for server in &mut self.servers {
            retain(&mut server.quorum_up, Role::Other, visit);
            retain(&mut server.quorum_down, Role::Other, visit);
            for real in &mut server.real_servers {
                retain(&mut real.notify_up, Role::Other, visit);
                retain(&mut real.notify_down, Role::Other, visit);
                real.checkers.retain_mut(|checker| match checker {
                    check::Checker::Misc(check) => visit(&mut check.script, Role::Checking),
                    _ => true,
                });
            }
        }
    }
}

/// The rows this part adds to the top level.
pub(super) fn rows() -> Vec<Keyword<Config>> {
    vec![
        kw("SSL")
            .doc("Certificate, key and authority a check over TLS presents.")
            .default("TLS without a certificate of ours")
            .note("A second block is an error and replaces the first.")
            .since("<2.0")
            .again(Again::Adds)
            .block(&ssl::BLOCK, ssl::open, ssl::close),
        kw("virtual_server_group")
            .must(Shape::Word("NAME"))
            .doc("Addresses, ranges and marks that share one virtual server.")
            .otherwise("an entry that cannot be read is left out; a group without entries too")
            .note(
                "May stand before or after the virtual server that names it. A range may cross the last part of an \
                 address, which keepalived does not survive.",
            )
            .example("virtual_server_group web {\n    192.0.2.10-20 80\n    fwmark 7\n}")
            .since("<2.0")
            .again(Again::Adds)
            .entry("ADDRESS[-LAST|/LENGTH] [PORT] | fwmark N [inet|inet6]")
            .block(&group::BLOCK, group::open, group::close),
        kw("virtual_server")
            .must(Shape::Syntax("ADDRESS [PORT] | fwmark N | group NAME"))
            .doc("One balanced service: an address, a mark, or every member of a group.")
            .otherwise("the block is skipped")
            .note("Without a real server the whole virtual server is left out.")
            .example("virtual_server 192.0.2.10 80 {\n    lvs_sched rr\n    lvs_method DR\n    protocol TCP\n}")
            .since("<2.0")
            .again(Again::Adds)
            .block(&virtual_server::BLOCK, virtual_server::open, virtual_server::close),
    ]
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! What tests of load balancing share.

use super::Lvs;
use super::check::Checker;
use super::real_server::RealServer;
use super::virtual_server::VirtualServer;
use crate::Loaded;
use crate::source::{Host, MemoryHost};

/// What reading gave, and what was found.
pub(crate) struct Read {
    pub(crate) lvs: Lvs,
    pub(crate) codes: Vec<&'static str>,
    /// The text of every finding, for messages of failing tests.
    pub(crate) told: String,
    pub(crate) status: u8,
}

impl Read {
    pub(crate) fn server(&self) -> &VirtualServer {
        self.lvs.servers.first().unwrap_or_else(|| panic!("no virtual server\n{}", self.told))
    }

    pub(crate) fn real(&self) -> &RealServer {
        self.server().real_servers.first().unwrap_or_else(|| panic!("no real server\n{}", self.told))
    }

    pub(crate) fn checker(&self) -> &Checker {
        self.real().checkers.first().unwrap_or_else(|| panic!("no checker\n{}", self.told))
    }
}

pub(crate) fn read(text: &str) -> Read {
    read_on(&MemoryHost::default(), text)
}

pub(crate) fn read_on(host: &dyn Host, text: &str) -> Read {
    let Loaded { config, diagnostics, .. } = crate::load_str(host, text, false);
    let codes = diagnostics.iter().map(|finding| finding.code.id).collect();
    let told = diagnostics.iter().map(|finding| format!("{finding:?}\n")).collect();
    Read { lvs: config.lvs, codes, told, status: diagnostics.exit_status() }
}

/// A virtual server with nothing amiss, with these lines and these real servers.
pub(crate) fn virtual_server(head: &str, lines: &str, real_servers: &str) -> String {
    format!("virtual_server {head} {{\n{lines}\n{real_servers}\n}}\n")
}

const PLAIN: &str = "lvs_sched rr\nlvs_method NAT\nprotocol TCP\n";

/// One virtual server with further lines and one real server.
pub(crate) fn with_line(line: &str) -> String {
    virtual_server("192.0.2.1 80", &format!("{PLAIN}{line}"), "real_server 10.0.0.2 80 {\n}")
}

/// One real server with these lines.
pub(crate) fn in_real_server(lines: &str) -> String {
    virtual_server("192.0.2.1 80", PLAIN, &format!("real_server 10.0.0.2 80 {{\n{lines}\n}}"))
}

/// One checker with these lines.
pub(crate) fn in_checker(keyword: &str, lines: &str) -> String {
    in_real_server(&format!("{keyword} {{\n{lines}\n}}"))
}

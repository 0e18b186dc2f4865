// SPDX-License-Identifier: MIT OR Apache-2.0
//! Names as keepalived prints them in logs, named pipes and mail.

use std::net::IpAddr;

use keepalived_conf::blocks::lvs::scheduler::Protocol;
use keepalived_conf::blocks::lvs::server_address::VirtualAddress;
use keepalived_conf::blocks::lvs::virtual_server::VirtualServer;

/// `nth`: which of the virtual servers of its group it is.
pub(super) fn of_service(server: &VirtualServer, nth: usize) -> String {
    match &server.address {
        VirtualAddress::Address { ip, port } => endpoint(*ip, *server.protocol, *port),
        VirtualAddress::Fwmark(mark) => format!("FWM {mark}"),
        VirtualAddress::Group(name) => format!("[{}]:{nth}", name.text),
    }
}

pub(super) fn endpoint(ip: IpAddr, protocol: Option<Protocol>, port: u16) -> String {
    let protocol = match protocol {
        Some(Protocol::Tcp) => "tcp",
        Some(Protocol::Udp) => "udp",
        Some(Protocol::Sctp) => "sctp",
        None => "none",
    };
    format!("[{ip}]:{protocol}:{port}")
}

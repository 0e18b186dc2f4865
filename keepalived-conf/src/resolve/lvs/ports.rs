// SPDX-License-Identifier: MIT OR Apache-2.0
//! Ports: only address translation can change one.

use super::Contents;
use super::servers::members;
use crate::blocks::lvs::codes::PORT;
use crate::blocks::lvs::group::{Group, Member};
use crate::blocks::lvs::method::Method;
use crate::blocks::lvs::server_address::VirtualAddress;
use crate::blocks::lvs::virtual_server::VirtualServer;
use crate::diagnostic::Diagnostic;
use crate::schema::Setting;
use crate::span::Span;
use crate::value::Cx;

pub(super) fn settle(server: &mut VirtualServer, group: Option<&Group>, contents: &Contents, cx: &mut Cx<'_>) {
    let rule = Rule { address: &server.address, group, contents };
    for real in &mut server.real_servers {
        rule.apply(&mut real.port, *real.method, real.seen.head, cx);
        if !real.port.given()
            && real.method.translates_port()
            && let VirtualAddress::Address { port, .. } = rule.address
        {
            real.port.correct(*port);
        }
    }
    // A sorry server without a port keeps the one packets come with; address translation needs no port for that.
    if let Some(sorry) = &mut server.sorry_server {
        rule.apply(&mut sorry.port, *sorry.method, sorry.place.0, cx);
    }
}

struct Rule<'r> {
    address: &'r VirtualAddress,
    group: Option<&'r Group>,
    contents: &'r Contents,
}

impl Rule<'_> {
    /// Without address translation packets keep the port they come with.
    fn apply(&self, port: &mut Setting<u16>, method: Method, span: Span, cx: &mut Cx<'_>) {
        if method.translates_port() {
            return;
        }
        let wanted = match self.address {
            VirtualAddress::Address { port, .. } => *port,
            VirtualAddress::Fwmark(_) => 0,
            VirtualAddress::Group(_) => {
                self.check_group(*port.get(), method, span, cx);
                return;
            }
        };
        if port.given() && **port != wanted {
            let label = if wanted == 0 { "no port is used".to_owned() } else { format!("port {wanted} is used") };
            cx.diagnostics.push(self.finding(method, **port, span, label));
        }
        port.correct(wanted);
    }

    fn check_group(&self, port: u16, method: Method, span: Span, cx: &mut Cx<'_>) {
        if port == 0 || (self.contents.port == Some(port) && !self.contents.marks) {
            return;
        }
        let other = members(self.group).iter().find_map(|member| match member {
            Member::Addresses { port: listens, place, .. } => (*listens != port).then_some((*listens, place.0)),
            Member::Fwmark { .. } => None,
        });
        if let Some((listens, place)) = other {
            let label = format!("port {listens} is used for this one");
            cx.diagnostics.push(self.finding(method, port, span, "not used".to_owned()).at(place, label));
        } else if self.contents.marks {
            cx.diagnostics.push(self.finding(method, port, span, "not used for marks".to_owned()));
        }
    }

    fn finding(&self, method: Method, port: u16, span: Span, label: String) -> Diagnostic {
        Diagnostic::warning(
            PORT,
            format!("`{}`: with {method} a server cannot have a port of its own, {port}", self.address),
        )
        .at(span, label)
        .note("packets arrive with the port the client chose; only NAT changes it")
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Address families: of a service, and of the servers that can serve it.

use super::servers::members;
use crate::blocks::lvs::codes::{FAMILY, ORDER};
use crate::blocks::lvs::group::Group;
use crate::blocks::lvs::real_server::RealServer;
use crate::blocks::lvs::virtual_server::VirtualServer;
use crate::diagnostic::{Class, Diagnostic};
use crate::family::Family;
use crate::value::Cx;

/// Decides the family of the service and takes out the servers that do not fit. False when the virtual server is to be
/// left out.
pub(super) fn settle(server: &mut VirtualServer, group: Option<&Group>, cx: &mut Cx<'_>) -> bool {
    let has = |family| members(group).iter().any(|member| member.family() == Some(family));
    let of_group = match (has(Family::V4), has(Family::V6)) {
        (true, true) => OfGroup::Both,
        (true, false) => OfGroup::One(Family::V4),
        (false, true) => OfGroup::One(Family::V6),
        (false, false) => OfGroup::None,
    };
    let family = server.family.or_else(|| untunnelled(server)).or(match of_group {
        OfGroup::One(family) => Some(family),
        OfGroup::Both => None,
        OfGroup::None => Some(common(server)),
    });
    server.family.correct(family);
    if let Some(family) = family {
        drop_others(server, family, cx);
    }
    let fits = match (of_group, family) {
        (OfGroup::Both, Some(_)) => false,
        (OfGroup::One(of_group), Some(family)) => of_group == family,
        (OfGroup::None, _) | (OfGroup::Both | OfGroup::One(_), None) => true,
    };
    if !fits {
        let message = format!("virtual server `{}` and its group are of different families", server.address);
        let finding = Diagnostic::error(FAMILY, message).class(Class::Logged).at(server.seen.head, "left out").hint(
            "a group with addresses of both families needs `lvs_method TUN` for every server, and no `ip_family`",
        );
        cx.diagnostics.push(finding);
    }
    fits
}

/// The families a group brings along.
#[derive(Clone, Copy, PartialEq, Eq)]
enum OfGroup {
    None,
    One(Family),
    Both,
}

/// The family of the first server that packets reach without a tunnel.
fn untunnelled(server: &VirtualServer) -> Option<Family> {
    let real = server.real_servers.iter().find(|real| !real.method.tunnels()).map(|real| Family::of(&real.address));
    real.or_else(|| {
        let sorry = server.sorry_server.as_deref().filter(|sorry| !sorry.method.tunnels())?;
        Some(Family::of(&sorry.address))
    })
}

/// The family of servers that are all reached through tunnels, if it is one; else IPv4.
fn common(server: &VirtualServer) -> Family {
    let mut families = server.real_servers.iter().map(|real| Family::of(&real.address));
    let first = families.next().unwrap_or_default();
    if families.all(|family| family == first) { first } else { Family::V4 }
}

fn drop_others(server: &mut VirtualServer, family: Family, cx: &mut Cx<'_>) {
    let method = server.seen.span("lvs_method").max(server.seen.span("lb_kind"));
    let refused = |address, span| {
        Diagnostic::error(FAMILY, format!("{address} cannot serve an {family} service"))
            .at(span, "left out")
            .hint("only a tunnel (`lvs_method TUN`) leads to a server of the other family")
    };
    server.real_servers.retain(|real| {
        if Family::of(&real.address) == family {
            return true;
        }
        if !real.method.tunnels() {
            cx.diagnostics.push(refused(real.address, real.seen.head));
            return false;
        }
        if !real.method.given() && method.is_some_and(|method| method.start > real.seen.head.start) {
            cx.diagnostics.push(tunnel_too_late(real));
        }
        true
    });
    if let Some(sorry) = &server.sorry_server
        && Family::of(&sorry.address) != family
        && !sorry.method.tunnels()
    {
        cx.diagnostics.push(refused(sorry.address, sorry.place.0));
        server.sorry_server = None;
    }
}

fn tunnel_too_late(real: &RealServer) -> Diagnostic {
    Diagnostic::warning(ORDER, format!("`lvs_method` stands after real server {}", real.address))
        .class(Class::General)
        .at(real.seen.head, "keepalived leaves it out, for it does not know of the tunnel yet")
        .hint("write `lvs_method` before the real servers")
}

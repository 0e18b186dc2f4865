// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who the router is: interface, virtual router id, version, state, priority, authentication.

use super::{FAMILY_CLASH, PRIORITY, State, VERSION_CLASH, Version, VrrpInstance, put};
use crate::blocks::vrrp::entry::interface_name;
use crate::blocks::vrrp::{auth_hmac, authentication};
use crate::diagnostic::{Class, Diagnostic};
use crate::family::Family;
use crate::interpret::WRITTEN_TWICE;
use crate::schema::{Again, Keyword, Shape, Status, int, kw, strict_int};
use crate::value::{Args, NOT_A_CHOICE};

pub(super) fn rows() -> Vec<Keyword<VrrpInstance>> {
    vec![
        kw("state")
            .must(Shape::Choice(&["MASTER", "BACKUP"]))
            .default("MASTER when the priority is 255, else BACKUP")
            .otherwise("BACKUP is used")
            .doc("State the instance would like to start in. It decides nothing in the election.")
            .note("Without `priority`, MASTER makes the priority 255. MASTER excludes `nopreempt` and `preempt_delay`.")
            .since("<2.0")
            .again(Again::Adds)
            .set(state),
        kw("interface")
            .must(Shape::Interface)
            .doc("Interface the instance runs on. May be absent only with unicast and a source address.")
            .since("<2.0")
            .set(|instance, args| {
                if let Some(word) = args.word()
                    && let Some(name) = interface_name(args, word)
                {
                    instance.interface = Some(name);
                }
            }),
        kw("vrf")
            .must(Shape::Interface)
            .doc("VRF in which a unicast instance without an interface works.")
            .since("2.2.5")
            .again(Again::Adds)
            .set(vrf),
        kw("virtual_router_id")
            .must(strict_int(1, 255))
            .otherwise("the instance has no virtual router id and cannot run")
            .doc("Number of the virtual router: equal on all its routers, and its own on the segment.")
            .since("<2.0")
            .set(|instance, args| {
                if let Some(vrid) = args.num() {
                    instance.virtual_router_id = Some(vrid);
                }
            }),
        kw("version")
            .must(int(2, 3))
            .default("`vrrp_version` in IPv4, 3 in IPv6")
            .otherwise("ignored")
            .doc("Version of the protocol; equal on all routers of the virtual router.")
            .since("<2.0")
            .again(Again::Adds)
            .set(version),
        kw("native_ipv6")
            .doc("The instance is IPv6 and version 3.")
            .since("<2.0")
            .status(Status::Deprecated("leave it out: the addresses say which family it is"))
            .set(native_ipv6),
        kw("priority")
            .must(strict_int(1, 255))
            .default("100; 255 with `state MASTER`")
            .otherwise("100 is used")
            .doc("Rank in the election: the highest one becomes master. 255 is for the owner of the addresses.")
            .note("Tracking moves it between 1 and 254; 255 never moves.")
            .since("<2.0")
            .set(|instance, args| {
                let priority = args.num_or(PRIORITY);
                instance.priority.set(priority);
            }),
        kw("authentication")
            .doc("Authentication of version 2: a password in clear text, or a checksum under a key.")
            .since("<2.0")
            .again(Again::Adds)
            .block(&authentication::BLOCK, authentication::open, authentication::close),
        kw("auth_hmac")
            .doc("Signs every advert with a key (an extension of keepalived, not part of the standard).")
            .since("2.4.0")
            .again(Again::Adds)
            .block(&auth_hmac::BLOCK, auth_hmac::open, auth_hmac::close),
    ]
}

fn state(instance: &mut VrrpInstance, args: &mut Args<'_, '_>) {
    let Some(word) = args.word() else { return };
    match word.text {
        "MASTER" => instance.state.set(State::Master),
        "BACKUP" if instance.state.given() && *instance.state == State::Master => {
            let first = instance.seen.span("state").unwrap_or_default();
            let finding = Diagnostic::error(WRITTEN_TWICE, "`state` is MASTER already")
                .at(word.span, "ignored")
                .at(first, "set here");
            args.push(finding);
        }
        "BACKUP" => instance.state.set(State::Backup),
        _ => {
            args.reject(NOT_A_CHOICE, Class::General, word.span, "expected MASTER or BACKUP, in capitals");
            put(&mut instance.state, Some(State::Backup));
        }
    }
}

fn vrf(instance: &mut VrrpInstance, args: &mut Args<'_, '_>) {
    let Some(word) = args.word() else { return };
    if instance.vrf.is_some() || instance.interface.is_some() {
        let finding = Diagnostic::error(WRITTEN_TWICE, "`vrf` is for an instance without an interface, and only once")
            .at(word.span, "ignored");
        args.push(finding);
        return;
    }
    instance.vrf = interface_name(args, word);
}

fn version(instance: &mut VrrpInstance, args: &mut Args<'_, '_>) {
    let Some(word) = args.peek() else {
        args.word();
        return;
    };
    let version = match args.num::<u8>() {
        Some(2) => Version::V2,
        Some(_) => Version::V3,
        None => return,
    };
    let clash = if instance.version.given() && *instance.version != version {
        Some(format!("version {} is set already", instance.version.number()))
    } else if version == Version::V2 && instance.family.given() && *instance.family == Family::V6 {
        Some("IPv6 has no version 2".to_owned())
    } else {
        None
    };
    match clash {
        Some(clash) => {
            let finding = Diagnostic::error(VERSION_CLASH, clash).at(word.span, "ignored");
            args.push(finding);
        }
        None => instance.version.set(version),
    }
}

fn native_ipv6(instance: &mut VrrpInstance, args: &mut Args<'_, '_>) {
    args.rest();
    if instance.agrees(Family::V6) {
        put(&mut instance.version, Some(Version::V3));
        return;
    }
    let finding = Diagnostic::error(FAMILY_CLASH, "the instance has IPv4 addresses").at(args.span(), "ignored");
    args.push(finding);
}

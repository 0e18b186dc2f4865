// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a master holds: addresses, routes, rules.

use super::{FAMILY_CLASH, VrrpInstance};
use crate::blocks::vrrp::entry::address::{self, Address, Context};
use crate::blocks::vrrp::entry::route::{self, Route};
use crate::blocks::vrrp::entry::rule::{self, Rule};
use crate::diagnostic::Diagnostic;
use crate::schema::{Again, Keyword, kw};
use crate::value::Args;

pub(super) fn rows() -> Vec<Keyword<VrrpInstance>> {
    vec![
        kw("virtual_ipaddress")
            .doc("Addresses the master holds and its adverts list. The first one decides the family.")
            .note("What does not fit in an advert is treated as excluded.")
            .since("<2.0")
            .again(Again::Adds)
            .example("virtual_ipaddress {\n    192.0.2.10/24 dev eth0 label eth0:vip\n}")
            .lines(address::VIRTUAL, virtual_address),
        kw("virtual_ipaddress_excluded")
            .doc("Addresses the master holds without listing them in adverts; both families may stand here.")
            .since("<2.0")
            .again(Again::Adds)
            .lines(address::VIRTUAL, |instance, args| {
                let address = Address::read(args, Context::Virtual);
                instance.virtual_ipaddress_excluded.extend(address);
            }),
        kw("no_virtual_ipaddress")
            .default("off")
            .doc("The instance may do without virtual addresses.")
            .since("2.2.8")
            .set(|instance, args| {
                args.rest();
                instance.no_virtual_ipaddress = true;
            }),
        kw("virtual_routes")
            .doc("Routes that exist while the instance is master.")
            .since("<2.0")
            .again(Again::Adds)
            .example("virtual_routes {\n    default via 192.0.2.1 dev eth0 metric 10\n}")
            .lines(route::SYNTAX, |instance, args| {
                let route = Route::read(args, false);
                instance.virtual_routes.extend(route);
            }),
        kw("virtual_rules")
            .doc("Policy rules that exist while the instance is master.")
            .since("<2.0")
            .again(Again::Adds)
            .example("virtual_rules {\n    from 192.0.2.10 table 10 priority 100\n}")
            .lines(rule::SYNTAX, |instance, args| {
                let rule = Rule::read(args, false);
                instance.virtual_rules.extend(rule);
            }),
        kw("promote_secondaries")
            .default("off")
            .doc("Let the kernel keep secondary addresses of the interface when their primary one goes.")
            .since("<2.0")
            .set(|instance, args| {
                args.rest();
                instance.promote_secondaries = true;
            }),
    ]
}

fn virtual_address(instance: &mut VrrpInstance, args: &mut Args<'_, '_>) {
    let Some(address) = Address::read(args, Context::Virtual) else { return };
    if instance.agrees(address.family()) {
        instance.virtual_ipaddress.push(address);
        return;
    }
    let message = format!("{} is {}, the instance is {}", address.ip, address.family(), *instance.family);
    let finding = Diagnostic::error(FAMILY_CLASH, message)
        .at(address.place.0, "left out")
        .hint("put it into `virtual_ipaddress_excluded`, or into an instance of its own");
    args.push(finding);
}

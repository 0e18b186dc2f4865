// SPDX-License-Identifier: MIT OR Apache-2.0
//! Addresses, routes and rules that are kept whoever is master.

use super::entry::address::{self, Address, Context};
use super::entry::route::{self, Route};
use super::entry::rule::{self, Rule};
use crate::blocks::Config;
use crate::schema::{Again, Keyword, kw};

pub(super) fn rows() -> Vec<Keyword<Config>> {
    vec![
        kw("static_ipaddress")
            .doc("Addresses that are put on interfaces at start and kept there.")
            .note("Without `dev` they go on `default_interface`.")
            .since("<2.0")
            .again(Again::Adds)
            .lines(address::STATIC, |config, args| {
                let address = Address::read(args, Context::Static);
                config.vrrp.static_ipaddress.extend(address);
            }),
        kw("static_routes").doc("Routes that are set at start and kept.").since("<2.0").again(Again::Adds).lines(
            route::SYNTAX,
            |config, args| {
                let route = Route::read(args, true);
                config.vrrp.static_routes.extend(route);
            },
        ),
        kw("static_rules").doc("Policy rules that are set at start and kept.").since("<2.0").again(Again::Adds).lines(
            rule::SYNTAX,
            |config, args| {
                let rule = Rule::read(args, true);
                config.vrrp.static_rules.extend(rule);
            },
        ),
    ]
}

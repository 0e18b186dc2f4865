// SPDX-License-Identifier: MIT OR Apache-2.0
//! SNMP and D-Bus.

use std::time::Duration;

use super::{EXTRA_WORDS, Global};
use crate::diagnostic::Class;
use crate::schema::{Again, Keyword, Setting, Shape, Status, kw, seconds};
use crate::span::Span;

/// Why the keywords of this file do nothing.
const NO_SNMP: Status = Status::NotYet("there is no SNMP agent");
const NO_DBUS: Status = Status::NotYet("there is no D-Bus interface");

#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Snmp {
    /// Where the agent's master listens.
    pub socket: Setting<String>,
    pub traps: bool,
    pub vrrp: bool,
    /// RFC 2787.
    pub rfc_v2: bool,
    /// RFC 6527.
    pub rfc_v3: bool,
    pub checker: bool,
    /// How old figures of virtual servers may be.
    pub virtual_server_age: Setting<Duration>,
    /// How old figures of real servers may be.
    pub real_server_age: Setting<Duration>,
}

impl Default for Snmp {
    fn default() -> Snmp {
        Snmp {
            socket: Setting::new("unix:/var/agentx/master".to_owned()),
            traps: false,
            vrrp: false,
            rfc_v2: false,
            rfc_v3: false,
            checker: false,
            virtual_server_age: Setting::new(Duration::from_secs(5)),
            real_server_age: Setting::new(Duration::from_secs(5)),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Dbus {
    pub enabled: bool,
    pub service: Setting<String>,
    /// The part of a path that stands for the interface of an instance without one.
    pub no_interface: Setting<String>,
}

impl Default for Dbus {
    fn default() -> Dbus {
        Dbus {
            enabled: false,
            service: Setting::new("org.keepalived.Vrrp1".to_owned()),
            no_interface: Setting::new("none".to_owned()),
        }
    }
}

pub(super) fn rows() -> Vec<Keyword<Global>> {
    let mut rows = agent();
    rows.extend(ages());
    rows.extend(dbus());
    rows
}

fn agent() -> Vec<Keyword<Global>> {
    vec![
        kw("snmp_socket")
            .arg(Shape::Word("ADDRESS"))
            .default("unix:/var/agentx/master")
            .otherwise("the line is ignored")
            .doc("Where the SNMP agent is reached.")
            .note("Option -A goes before it.")
            .since("<2.0")
            .again(Again::First)
            .status(NO_SNMP)
            .set(|global, args| {
                let Some(word) = args.word() else { return };
                let rest = args.rest().map(|word| word.span).reduce(Span::to);
                match rest {
                    Some(span) => args.reject(EXTRA_WORDS, Class::General, span, "only one word can stand here"),
                    None => global.snmp.socket.set(word.text.to_owned()),
                }
            }),
        kw("enable_traps")
            .default("off")
            .doc("Send SNMP traps.")
            .since("<2.0")
            .status(NO_SNMP)
            .set(|global, _| global.snmp.traps = true),
        kw("enable_snmp_vrrp")
            .default("off; on with option -x")
            .doc("Serve the VRRP part of keepalived's MIB.")
            .since("2.0.0")
            .status(NO_SNMP)
            .set(|global, _| global.snmp.vrrp = true),
        kw("enable_snmp_keepalived")
            .doc("Same as `enable_snmp_vrrp`.")
            .since("<2.0")
            .status(Status::Deprecated("write `enable_snmp_vrrp`"))
            .set(|global, _| global.snmp.vrrp = true),
        kw("enable_snmp_rfc")
            .default("off")
            .doc("Serve the MIBs of RFC 2787 and RFC 6527.")
            .since("<2.0")
            .status(NO_SNMP)
            .set(|global, _| {
                global.snmp.rfc_v2 = true;
                global.snmp.rfc_v3 = true;
            }),
        kw("enable_snmp_rfcv2")
            .default("off; on with option -x")
            .doc("Serve the MIB of RFC 2787.")
            .since("<2.0")
            .status(NO_SNMP)
            .set(|global, _| global.snmp.rfc_v2 = true),
        kw("enable_snmp_rfcv3")
            .default("off; on with option -x")
            .doc("Serve the MIB of RFC 6527.")
            .since("<2.0")
            .status(NO_SNMP)
            .set(|global, _| global.snmp.rfc_v3 = true),
        kw("enable_snmp_checker")
            .default("off; on with option -x")
            .doc("Serve the checker part of keepalived's MIB.")
            .since("<2.0")
            .status(NO_SNMP)
            .set(|global, _| global.snmp.checker = true),
    ]
}

fn ages() -> Vec<Keyword<Global>> {
    vec![
        kw("snmp_vs_stats_update_interval")
            .must(seconds(6, 0.001, 30.0))
            .default("5")
            .otherwise("the value before stays")
            .doc("Seconds for which SNMP answers about virtual servers from what it read last.")
            .since("2.3.0")
            .status(NO_SNMP)
            .set(|global, args| {
                if let Some(age) = args.time() {
                    global.snmp.virtual_server_age.set(age);
                }
            }),
        kw("snmp_rs_stats_update_interval")
            .must(seconds(6, 0.001, 30.0))
            .default("snmp_vs_stats_update_interval")
            .otherwise("the value before stays")
            .doc("Same for real servers.")
            .since("2.3.0")
            .status(NO_SNMP)
            .set(|global, args| {
                if let Some(age) = args.time() {
                    global.snmp.real_server_age.set(age);
                }
            }),
    ]
}

fn dbus() -> Vec<Keyword<Global>> {
    vec![
        kw("enable_dbus")
            .default("off")
            .doc("Offer the D-Bus interface.")
            .since("<2.0")
            .status(NO_DBUS)
            .set(|global, _| global.dbus.enabled = true),
        kw("dbus_service_name")
            .arg(Shape::Word("NAME"))
            .default("org.keepalived.Vrrp1")
            .doc("Name taken on the bus.")
            .since("<2.0")
            .status(NO_DBUS)
            .set(|global, args| {
                if let Some(name) = args.text() {
                    global.dbus.service.set(name);
                }
            }),
        kw("dbus_no_interface_name")
            .arg(Shape::Word("NAME"))
            .default("none")
            .doc("What stands in an object's path for an instance without interface.")
            .since("2.3.0")
            .status(NO_DBUS)
            .set(|global, args| {
                if let Some(name) = args.text() {
                    global.dbus.no_interface.set(name);
                }
            }),
    ]
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Settings of interfaces at top level: `linkbeat_interfaces` and `interface_up_down_delays`.

use std::time::Duration;

use super::entry::{BAD_VALUE, NO_VALUE, TWICE, interface_name};
use crate::blocks::Config;
use crate::diagnostic::{Class, Diagnostic};
use crate::schema::{Again, Keyword, kw};
use crate::span::Name;
use crate::syntax::Word;
use crate::value::{Args, OUT_OF_RANGE};

/// An interface that is asked for its state.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Linkbeat {
    pub interface: Name,
    /// `None` tries MII, then ethtool, then the flags.
    pub method: Option<LinkbeatMethod>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub enum LinkbeatMethod {
    Mii,
    Ethtool,
    Ioctl,
}

/// How long an interface must be down, or up, before it counts.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct UpDownDelay {
    pub interface: Name,
    pub down: Duration,
    pub up: Duration,
}

/// The longest delay, in seconds.
const DELAY_MAX: u64 = 255;

pub(super) fn rows() -> Vec<Keyword<Config>> {
    vec![
        kw("linkbeat_interfaces")
            .doc("Interfaces whose state is asked for every second instead of waiting for the kernel to tell.")
            .note("Without a method MII is tried, then ethtool, then the flags of the interface.")
            .since("2.0.13")
            .again(Again::Adds)
            .lines("IFACE [MII|ETHTOOL|IOCTL]", linkbeat),
        kw("interface_up_down_delays")
            .default("0")
            .doc("Seconds an interface must be down, or up, before VRRP believes it.")
            .note("Without UP an interface that comes up counts at once.")
            .since("2.2.3")
            .again(Again::Adds)
            .lines("IFACE DOWN [UP]", delays),
    ]
}

fn linkbeat(config: &mut Config, args: &mut Args<'_, '_>) {
    let Some(word) = args.next_word() else { return };
    let Some(interface) = interface_name(args, word) else { return };
    let method = args.peek().and_then(|word| match word.text {
        "MII" => Some(LinkbeatMethod::Mii),
        "ETHTOOL" => Some(LinkbeatMethod::Ethtool),
        "IOCTL" => Some(LinkbeatMethod::Ioctl),
        _ => None,
    });
    if method.is_some() {
        args.next_word();
    }
    if let Some(surplus) = args.next_word() {
        args.rest();
        args.reject(BAD_VALUE, Class::General, surplus.span, "ignored: expected one of MII, ETHTOOL, IOCTL");
    }
    config.vrrp.linkbeat_interfaces.push(Linkbeat { interface, method });
}

fn delays(config: &mut Config, args: &mut Args<'_, '_>) {
    let Some(word) = args.next_word() else { return };
    let Some(interface) = interface_name(args, word) else { return };
    let Some(down) = args.next_word() else {
        let finding = Diagnostic::error(NO_VALUE, format!("`{}` has no delays", word.text))
            .class(Class::Logged)
            .at(word.span, "left out")
            .hint("write the seconds for going down and, if wanted, for coming up");
        args.push(finding);
        return;
    };
    let Some(down) = delay(args, down) else { return };
    let up = match args.next_word() {
        Some(word) => match delay(args, word) {
            Some(up) => up,
            None => return,
        },
        None => Duration::ZERO,
    };
    if let Some(surplus) = args.next_word() {
        args.rest();
        args.reject(BAD_VALUE, Class::Logged, surplus.span, "left out: expected two delays at most");
        return;
    }
    if config.vrrp.interface_up_down_delays.iter().any(|known| known.interface == interface) {
        let finding = Diagnostic::lint(TWICE, format!("`{}` has delays already", interface.text))
            .at(args.span(), "the last ones count");
        args.push(finding);
    }
    config.vrrp.interface_up_down_delays.retain(|known| known.interface != interface);
    config.vrrp.interface_up_down_delays.push(UpDownDelay { interface, down, up });
}

fn delay<'s>(args: &mut Args<'s, '_>, word: Word<'s>) -> Option<Duration> {
    let delay = args.decimal_of(word, 6, 6, false).map(Duration::from_micros)?;
    if delay > Duration::from_secs(DELAY_MAX) {
        args.reject(OUT_OF_RANGE, Class::InvalidNumber, word.span, format!("expected seconds from 0 to {DELAY_MAX}"));
        return None;
    }
    Some(delay)
}

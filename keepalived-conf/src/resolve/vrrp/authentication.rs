// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which authentication is in force.

use std::time::Duration;

use super::at_keyword;
use super::election::NOT_STRICT;
use crate::blocks::vrrp::auth_hmac::Mode;
use crate::blocks::vrrp::authentication::AuthType;
use crate::blocks::vrrp::instance::{State, Version, VrrpInstance};
use crate::diagnostic::{Class, Code, Diagnostic, Severity};
use crate::family::Family;
use crate::value::Cx;

pub const NO_AUTHENTICATION: Code = Code::new("KC181", "authentication that is not used");
pub const NO_ACTIVE_KEY: Code = Code::new("KC182", "no key to sign with");

/// The window of signed adverts, in intervals, and its bounds.
const WINDOW_INTERVALS: u64 = 3;
const WINDOW_MIN: u64 = 5;
const WINDOW_MAX: u64 = 300;

pub(super) fn resolve(instance: &mut VrrpInstance, cx: &mut Cx<'_>) {
    hmac(instance, cx);
    legacy(instance, cx);
}

fn hmac(instance: &mut VrrpInstance, cx: &mut Cx<'_>) {
    let (seconds, strict) = (instance.advert_int.as_secs(), *instance.strict_mode);
    let Some(hmac) = &mut instance.auth_hmac else { return };
    let usable = hmac.active_key.is_some_and(|id| hmac.keys.contains_key(&id));
    if !usable {
        let finding = Diagnostic::error(NO_ACTIVE_KEY, format!("{}: `active_key` names no usable key", instance.name))
            .at(hmac.seen.span_or_head("active_key"), "nothing is signed or checked")
            .hint("add `key NUMBER KEY` and `active_key NUMBER`");
        cx.diagnostics.push(finding);
        instance.auth_hmac = None;
        return;
    }
    if !hmac.time_window.given() {
        let window = seconds.saturating_mul(WINDOW_INTERVALS).clamp(WINDOW_MIN, WINDOW_MAX);
        hmac.time_window.correct(Duration::from_secs(window));
    }
    if strict && *hmac.mode != Mode::Enforce {
        let finding = Diagnostic::error(NOT_STRICT, format!("{}: strict mode enforces signatures", instance.name))
            .at(hmac.seen.span_or_head("mode"), "enforce is used");
        cx.diagnostics.push(finding);
        hmac.mode.correct(Mode::Enforce);
    }
}

/// The authentication of version 2.
fn legacy(instance: &mut VrrpInstance, cx: &mut Cx<'_>) {
    let Some(authentication) = &instance.authentication else { return };
    let Some(auth_type) = authentication.auth_type else {
        instance.authentication = None;
        return;
    };
    let first_octet = authentication.auth_pass.expose().first().copied().unwrap_or(0);
    let void = if instance.auth_hmac.is_some() {
        Some("`auth_hmac` goes before `authentication`")
    } else if *instance.strict_mode {
        Some("strict mode knows no authentication")
    } else if *instance.version == Version::V3 {
        Some("version 3 knows no authentication")
    } else if first_octet == 0 {
        Some("`authentication` has no password")
    } else if auth_type == AuthType::Ah && *instance.family == Family::V6 {
        Some("`auth_type AH` works in IPv4 only")
    } else {
        None
    };
    if let Some(void) = void {
        let finding = at_keyword(instance, NO_AUTHENTICATION, "authentication", void, "not used");
        cx.diagnostics.push(finding);
        instance.authentication = None;
    } else if *instance.family == Family::V6 {
        // keepalived sends none, and takes the end of the last address it receives for one.
        let message = "adverts of IPv6 have no place for a password";
        let finding = at_keyword(instance, NO_AUTHENTICATION, "authentication", message, "not used");
        cx.diagnostics.push(finding.class(Class::Ours).severity(Severity::Warning));
        instance.authentication = None;
    } else if auth_type == AuthType::Ah && *instance.state == State::Master && !instance.is_owner() {
        let message = "`auth_type AH` is not possible with `state MASTER`";
        cx.diagnostics.push(at_keyword(instance, NO_AUTHENTICATION, "state", message, "BACKUP is used"));
        instance.state.correct(State::Backup);
    }
}

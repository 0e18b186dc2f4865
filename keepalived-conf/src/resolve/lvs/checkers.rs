// SPDX-License-Identifier: MIT OR Apache-2.0
//! Checkers: timing and names handed down, and what they refer to.

use std::time::Duration;

use super::{Contents, Outside, defined_later};
use crate::blocks::lvs::check::{BuiltIn, Checker, Connection, Timing};
use crate::blocks::lvs::check_bfd::BfdCheck;
use crate::blocks::lvs::check_file::FileCheck;
use crate::blocks::lvs::codes::{UNKNOWN_BFD, UNKNOWN_FILE};
use crate::blocks::lvs::defaults::Defaults;
use crate::blocks::lvs::real_server::RealServer;
use crate::blocks::lvs::shared::Shared;
use crate::diagnostic::Diagnostic;
use crate::value::Cx;

/// How many different timings of one virtual server are remembered; servers are mostly checked alike.
const TIMINGS_MAX: usize = 8;

/// Timings that were filled in already, so that equal ones are kept once.
#[derive(Default)]
pub(super) struct Timings(Vec<Filled>);

struct Filled {
    own: Shared<Timing>,
    from: Shared<Defaults>,
    built_in: BuiltIn,
    result: Shared<Timing>,
}

impl Timings {
    fn fill(&mut self, own: &Shared<Timing>, from: &Shared<Defaults>, built_in: BuiltIn, log: bool) -> Shared<Timing> {
        let same = |filled: &&Filled| filled.own.is(own) && filled.from.is(from) && filled.built_in == built_in;
        if let Some(filled) = self.0.iter().find(same) {
            return filled.result.clone();
        }
        let result = Shared::new(filled(own, from, built_in, log));
        if self.0.len() < TIMINGS_MAX {
            let filled = Filled { own: own.clone(), from: from.clone(), built_in, result: result.clone() };
            self.0.push(filled);
        }
        result
    }
}

fn filled(own: &Timing, from: &Defaults, built_in: BuiltIn, log_all_failures: bool) -> Timing {
    let mut timing = own.clone();
    timing.delay_loop.inherit(&from.delay_loop);
    timing.connect_timeout.inherit(&from.connect_timeout);
    timing.alpha.inherit(&from.alpha);
    let delay_loop = *timing.delay_loop;
    if !timing.retry.given() {
        timing.retry.correct(from.retry.unwrap_or(built_in.retry));
    }
    if !timing.delay_before_retry.given() {
        let wait = from.delay_before_retry.or(built_in.delay_before_retry);
        timing.delay_before_retry.correct(wait.unwrap_or(delay_loop));
    }
    if !timing.warmup.given() {
        timing.warmup.correct(from.warmup.unwrap_or(delay_loop));
    }
    if log_all_failures {
        timing.log_all_failures.correct(true);
    }
    timing
}

pub(super) fn settle(
    real: &mut RealServer,
    misc_timeout: Duration,
    contents: &Contents,
    outside: &Outside,
    timings: &mut Timings,
    cx: &mut Cx<'_>,
) {
    let RealServer { port, defaults, virtualhost, checkers, .. } = real;
    let target = match (**port, contents.port) {
        (0, Some(common)) => common,
        (port, _) => port,
    };
    checkers.retain_mut(|checker| {
        let built_in = checker.built_in();
        if let Some(timing) = checker.timing_mut() {
            *timing = timings.fill(timing, defaults, built_in, outside.log_all_failures);
        }
        if let Some(connection) = checker.connection_mut() {
            settle_port(connection, target);
        }
        match checker {
            Checker::Http(check) => {
                if check.virtualhost.is_none() {
                    check.virtualhost.clone_from(virtualhost);
                }
                for url in check.urls.iter_mut().filter(|url| url.virtualhost.is_none()) {
                    url.virtualhost.clone_from(&check.virtualhost);
                }
            }
            Checker::Misc(check) => {
                if !check.timeout.given() {
                    check.timeout.correct(misc_timeout);
                }
            }
            Checker::File(check) => return settle_file(check, outside, cx),
            Checker::Bfd(check) => {
                check.alpha.inherit(&defaults.alpha);
                return settle_session(check, outside, cx);
            }
            Checker::Smtp(_) | Checker::Tcp(_) | Checker::Ping(_) | Checker::Udp(_) | Checker::Dns(_) => {}
        }
        true
    });
}

/// A server without a port is checked on the port packets are sent to. One with a port is checked there, even where
/// forwarding cannot use it.
fn settle_port(connection: &mut Connection, port: u16) {
    if !connection.connect_port.given() && *connection.connect_port == 0 {
        connection.connect_port.correct(port);
    }
}

fn settle_file(check: &mut FileCheck, outside: &Outside, cx: &mut Cx<'_>) -> bool {
    let name = &check.track_file;
    let Some(file) = outside.files.get(name.text.as_str()) else {
        let mut finding = Diagnostic::error(UNKNOWN_FILE, format!("there is no track file `{}`", name.text))
            .at(name.span(), "the check is left out")
            .note("then: without another check the server always counts as up");
        if let Some(near) = cx.diagnostics.near(&name.text, outside.files.keys().map(String::as_str)) {
            finding = finding.hint(format!("did you mean `{near}`?"));
        }
        cx.diagnostics.push(finding);
        return false;
    };
    defined_later("track file", &name.text, name.span(), file.defined, cx);
    if !check.weight.given() {
        check.weight.correct(file.weight);
    }
    if !check.reverse.given() {
        check.reverse.correct(file.reverse);
    }
    true
}

fn settle_session(check: &BfdCheck, outside: &Outside, cx: &mut Cx<'_>) -> bool {
    let name = &check.name;
    let known = outside.sessions.get(name.text.as_str());
    if let Some(session) = known.filter(|session| session.for_checkers) {
        defined_later("BFD instance", &name.text, name.span(), session.defined, cx);
        return true;
    }
    let message = match known {
        Some(_) => format!("BFD instance `{}` is for VRRP alone", name.text),
        None => format!("there is no BFD instance `{}`", name.text),
    };
    let mut finding = Diagnostic::error(UNKNOWN_BFD, message)
        .at(name.span(), "the check is left out")
        .note("then: without another check the server always counts as up");
    if let Some(session) = known {
        finding = finding.at(session.defined, "limited here").hint("add `checker` to it");
    } else if let Some(near) = cx.diagnostics.near(&name.text, outside.sessions.keys().map(String::as_str)) {
        finding = finding.hint(format!("did you mean `{near}`?"));
    }
    cx.diagnostics.push(finding);
    false
}

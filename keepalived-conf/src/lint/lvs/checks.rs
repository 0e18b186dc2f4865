// SPDX-License-Identifier: MIT OR Apache-2.0
//! Lints of checkers.

use std::time::Duration;

use super::{ANY_PAGE, BIND_PORT_ALONE, LONG_PROGRAM, LONG_TIMEOUT, NO_HOST, NO_PORT, NO_SNI, SLOW, Tally, remark};
use crate::blocks::lvs::check::{Checker, Timing};
use crate::blocks::lvs::check_http::HttpCheck;
use crate::blocks::lvs::check_misc::MiscCheck;
use crate::blocks::lvs::real_server::RealServer;
use crate::blocks::lvs::url::{StatusCodes, Url};
use crate::blocks::lvs::virtual_server::VirtualServer;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::schema::Seen;
use crate::span::Span;

/// A failure should be noticed within a minute; the few seconds are those the defaults add to it.
const SLOW_AFTER: Duration = Duration::from_secs(65);

#[derive(Default)]
struct Tallies {
    timeout: Tally,
    slow: Tally,
    program: Tally,
    port: Tally,
    bind_port: Tally,
    any_page: Tally,
    host: Tally,
    sni: Tally,
}

pub(super) fn lint(server: &VirtualServer, findings: &mut Diagnostics) {
    let mut tallies = Tallies::default();
    for real in &server.real_servers {
        for checker in &real.checkers {
            one(checker, real, server, &mut tallies);
        }
    }
    let Tallies { timeout, slow, program, port, bind_port, any_page, host, sni } = tallies;
    for tally in [timeout, slow, program, port, bind_port, any_page, host, sni] {
        tally.tell(findings);
    }
}

fn one(checker: &Checker, real: &RealServer, server: &VirtualServer, tallies: &mut Tallies) {
    let place = |name: &str| nearest(name, checker.seen(), real, server);
    if let Some(timing) = checker.timing() {
        if checker.connection().is_some() && *timing.connect_timeout > *timing.delay_loop {
            tallies.timeout.hit(|| timeout(checker, timing, place("connect_timeout")));
        }
        if unnoticed(timing) > SLOW_AFTER {
            tallies.slow.hit(|| slow(checker, timing, place("delay_loop")));
        }
    }
    if let Some(connection) = checker.connection() {
        if *connection.connect_port == 0 && uses_port(checker) {
            tallies.port.hit(|| no_port(checker));
        }
        if let Some(source) = connection.source.as_deref()
            && let (Some(port), None) = (source.bind_port, source.bindto)
        {
            tallies.bind_port.hit(|| bind_port(port, checker.seen()));
        }
    }
    match checker {
        Checker::Http(check) => http(check, tallies),
        Checker::Misc(check) => {
            let interval = *check.timing.delay_loop;
            if *check.timeout > interval || (check.timeout.given() && *check.timeout == interval) {
                tallies.program.hit(|| program(check, interval));
            }
        }
        Checker::Smtp(_)
        | Checker::Tcp(_)
        | Checker::Ping(_)
        | Checker::Udp(_)
        | Checker::Dns(_)
        | Checker::File(_)
        | Checker::Bfd(_) => {}
    }
}

/// Where a setting in force was written; else the head of the check.
fn nearest(name: &str, own: &Seen, real: &RealServer, server: &VirtualServer) -> Span {
    own.span(name).or_else(|| real.seen.span(name)).or_else(|| server.seen.span(name)).unwrap_or(own.head)
}

/// The longest time from a failure to the last attempt, timeouts aside.
fn unnoticed(timing: &Timing) -> Duration {
    timing.delay_loop.saturating_add(timing.delay_before_retry.saturating_mul(*timing.retry))
}

fn timeout(checker: &Checker, timing: &Timing, place: Span) -> Diagnostic {
    let message = format!(
        "{} waits {:?} for a connection, and checks every {:?}",
        checker.keyword(),
        *timing.connect_timeout,
        *timing.delay_loop
    );
    Diagnostic::lint(LONG_TIMEOUT, message)
        .at(place, "longer than delay_loop")
        .note("the interval counts from the end of a check, so a dead server is checked more seldom than a live one")
}

fn slow(checker: &Checker, timing: &Timing, place: Span) -> Diagnostic {
    let message = format!("{} notices a failure after up to {:?}", checker.keyword(), unnoticed(timing));
    Diagnostic::lint(SLOW, message)
        .at(place, "")
        .note(format!(
            "delay_loop {:?} and {} times delay_before_retry {:?}",
            *timing.delay_loop, *timing.retry, *timing.delay_before_retry
        ))
        .hint("lower `delay_loop`, `retry` or `delay_before_retry`")
}

fn program(check: &MiscCheck, interval: Duration) -> Diagnostic {
    let message = format!("the program may run {:?}, and is due every {interval:?}", *check.timeout);
    Diagnostic::lint(LONG_PROGRAM, message)
        .at(check.seen.span_or_head("misc_timeout"), "not shorter than delay_loop")
        .hint("set `misc_timeout` below `delay_loop`")
}

fn uses_port(checker: &Checker) -> bool {
    match checker {
        Checker::Smtp(_) | Checker::Tcp(_) | Checker::Udp(_) | Checker::Http(_) | Checker::Dns(_) => true,
        Checker::Misc(_) | Checker::Ping(_) | Checker::File(_) | Checker::Bfd(_) => false,
    }
}

fn no_port(checker: &Checker) -> Diagnostic {
    Diagnostic::lint(NO_PORT, format!("{} has no port to check", checker.keyword()))
        .at(checker.seen().head, "port 0 can never succeed")
        .hint("add `connect_port`, or give the real server a port")
}

fn bind_port(port: u16, seen: &Seen) -> Diagnostic {
    Diagnostic::lint(BIND_PORT_ALONE, format!("`bind_port {port}` counts only together with `bindto`"))
        .at(seen.span_or_head("bind_port"), "without effect")
}

fn http(check: &HttpCheck, tallies: &mut Tallies) {
    let any_page = |url: &&Url| url.digest.is_none() && url.regex.is_none() && url.status == StatusCodes::Success;
    if let Some(url) = check.urls.iter().find(any_page) {
        tallies.any_page.hit(|| {
            remark(ANY_PAGE, format!("any page at {} is good as long as its status is from 200 to 299", &*url.path))
                .at(url.seen.head, "no status_code, digest or regex")
                .hint("say what a healthy answer looks like")
        });
    }
    let named = check.urls.iter().find(|url| url.virtualhost.is_some());
    let nameless = check.urls.iter().find(|url| url.virtualhost.is_none());
    if let (Some(named), Some(nameless)) = (named, nameless) {
        tallies.host.hit(|| {
            Diagnostic::lint(NO_HOST, "some urls of this check name a host, and others do not")
                .at(nameless.seen.head, "asked for by address and port")
                .at(named.seen.span_or_head("virtualhost"), "asked for by name")
        });
    }
    if check.tls && check.enable_sni && check.sni_name.is_none() && named.is_none() {
        tallies.sni.hit(|| {
            Diagnostic::lint(NO_SNI, "`enable_sni` without a name to send")
                .at(check.seen.span_or_head("enable_sni"), "without effect")
                .hint("add `virtualhost` or `sni_name`")
        });
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Mails about servers, in keepalived's words: which event is told, and how.

use keepalived_conf::blocks::lvs::check::Checker;

use super::Names;
use crate::notify::smtp::Alert;
use crate::proto::health::{Cause, CheckerId, Event, ServerId};

/// The mail about an event, if there is one. `is_up`: whether a server is up after it; `why`: what the last check said.
pub(super) fn about(event: &Event, names: Names<'_>, is_up: impl Fn(ServerId) -> bool, why: &str) -> Option<Alert> {
    match event {
        Event::Checker { checker, up, first, failures: _ } if !names.now.no_checker_mail => {
            let server = names.check(*checker)?.server;
            let body = check(*checker, (*up, *first), names, why)?;
            alert(server, is_up(server), body, names)
        }
        Event::Server { server, up, cause, notify: true } => {
            let body = match cause {
                Cause::Check(checker) if names.now.no_checker_mail => check(*checker, (*up, false), names, why)?,
                Cause::Removed => "Removing".to_owned(),
                Cause::Stop => "Shutting down".to_owned(),
                Cause::Check(_) | Cause::Start | Cause::NeverUp(_) | Cause::Reload | Cause::Operator => return None,
            };
            alert(*server, *up, body, names)
        }
        Event::Quorum { service, up, cause, weight, quorum, hysteresis } => {
            let told = names.service(*service).filter(|service| service.mail)?;
            let (quorum, hysteresis) = (u64::from(*quorum), u64::from(*hysteresis));
            let what = match (cause, up) {
                (Cause::Removed, _) => "Removing".to_owned(),
                (Cause::Stop, _) => "Shutting down".to_owned(),
                (cause, up) => {
                    let words = match (cause, up) {
                        (Cause::Start, true) => "Starting with quorum up",
                        (Cause::Start, false) => "Starting with quorum down",
                        (_, true) => "Gained quorum",
                        (_, false) => "Lost quorum",
                    };
                    // keepalived's mail, other than its log, has the same sum whichever way it went.
                    format!("{words} {quorum}+{hysteresis}={} <= {weight}", quorum + hysteresis)
                }
            };
            let subject = format!("Virtualserver {} - {}", told.name, word(*up));
            Some(Alert { subject, body: format!("=> {what} <=") })
        }
        Event::Checker { .. }
        | Event::Server { notify: false, .. }
        | Event::CheckFailed { .. }
        | Event::NotChecked { .. }
        | Event::CheckedAgain { .. }
        | Event::Weight { .. }
        | Event::Sorry { .. }
        | Event::Suspended { .. }
        | Event::Resumed { .. }
        | Event::TableRefused { .. }
        | Event::TableUnavailable
        | Event::TableSettled
        | Event::TableDrifted
        | Event::Answered { .. }
        | Event::WishOver { .. }
        | Event::Finished => None,
    }
}

fn alert(server: ServerId, up: bool, body: String, names: Names<'_>) -> Option<Alert> {
    let told = names.server(server).filter(|server| server.mail)?;
    let subject =
        format!("Realserver {} of virtual server {} - {}", told.name, names.service_name_of(server), word(up));
    Some(Alert { subject, body: format!("=> {body} <=") })
}

/// What a result is called. The first success of a check is no change, except that a program tells it.
fn check(id: CheckerId, (up, first): (bool, bool), names: Names<'_>, why: &str) -> Option<String> {
    let checker = names.check(id)?.check.as_ref();
    let alpha = names.look(|plan| plan.setup.checkers.get(&id)).is_some_and(|params| params.alpha);
    if first && up && !alpha && !matches!(checker, Checker::Misc(_)) {
        return None;
    }
    let came = if up { "succeed" } else { "failed" };
    Some(match checker {
        Checker::Tcp(_) => format!("TCP CHECK {came} on service"),
        Checker::Udp(_) => format!("UDP CHECK {came} on service"),
        Checker::Ping(_) => format!("ICMP CHECK {came} on service"),
        Checker::Dns(_) => format!("DNS_CHECK: {came} on service"),
        Checker::Misc(_) if up => "MISC CHECK succeeded on service".to_owned(),
        Checker::Misc(_) if why.contains("took longer") => "MISC CHECK timed out on service".to_owned(),
        Checker::Misc(_) => "MISC CHECK failed on service".to_owned(),
        Checker::Bfd(check) => {
            format!("BFD CHECK {} {} on service", check.name.text, if up { "succeeded" } else { "failed" })
        }
        // The number in a file is not mailed, only what follows for the virtual server.
        Checker::File(_) => return None,
        Checker::Http(check) if !up => {
            format!("CHECK failed on service : {} request failed", if check.tls { "SSL" } else { "HTTP" })
        }
        Checker::Smtp(_) if !up => format!("CHECK failed on service : {why}"),
        Checker::Http(_) | Checker::Smtp(_) => format!("CHECK {came} on service"),
    })
}

fn word(up: bool) -> &'static str {
    if up { "UP" } else { "DOWN" }
}

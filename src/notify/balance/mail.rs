//! Mails about servers, in keepalived's words: which event is told, and how.

use keepalived_conf::blocks::lvs::check::Checker;

use super::Names;
use crate::notify::smtp::Alert;
use crate::proto::health::{Cause, CheckerId, Event, ServerId};

/// The mail about an event, if there is one. `is_up`: whether a server is up after it.
pub(super) fn about(event: &Event, names: Names<'_>, is_up: impl Fn(ServerId) -> bool) -> Option<Alert> {
    match event {
        Event::Checker { checker, up, first, failures: _ } if !names.now.no_checker_mail => {
            let server = names.check(*checker)?.server;
            let body = check(*checker, *up, *first, names)?;
            alert(server, is_up(server), body, names)
        }
        Event::Server { server, up, cause, notify: true } => {
            let body = match cause {
                Cause::Check(checker) if names.now.no_checker_mail => check(*checker, *up, false, names)?,
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
                (_, true) => {
                    let words = if *cause == Cause::Start { "Starting with quorum up" } else { "Gained quorum" };
                    format!("{words} {quorum}+{hysteresis}={} <= {weight}", quorum + hysteresis)
                }
                (_, false) => {
                    let words = if *cause == Cause::Start { "Starting with quorum down" } else { "Lost quorum" };
                    format!("{words} {quorum}-{hysteresis}={} > {weight}", quorum.saturating_sub(hysteresis))
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
fn check(id: CheckerId, up: bool, first: bool, names: Names<'_>) -> Option<String> {
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
        Checker::Misc(_) => format!("MISC CHECK {} on service", if up { "succeeded" } else { "failed" }),
        Checker::Bfd(check) => format!("BFD CHECK {} {came} on service", check.name.text),
        Checker::File(_) => format!("FILE CHECK {came} on service"),
        Checker::Http(_) if !up => "CHECK failed on service : HTTP/SSL request failed".to_owned(),
        Checker::Http(_) | Checker::Smtp(_) => format!("CHECK {came} on service"),
    })
}

fn word(up: bool) -> &'static str {
    if up { "UP" } else { "DOWN" }
}

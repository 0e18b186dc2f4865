// SPDX-License-Identifier: MIT OR Apache-2.0
use std::path::Path;

use keepalived_conf::source::MemoryHost;

use super::*;
use crate::proto::health::{Cause, CheckerId};

const VS: &str = "[192.0.2.10]:tcp:80";
const RS: &str = "[10.0.0.1]:tcp:80";

fn plan(global: &str, server: &str) -> LvsPlan {
    let text = format!(
        "global_defs {{\n{global}}}\nvirtual_server 192.0.2.10 80 {{\nlvs_sched rr\nlvs_method NAT\nprotocol TCP\n\
         smtp_alert\nreal_server 10.0.0.1 80 {{\n{server}TCP_CHECK {{\n}}\n}}\n}}\n"
    );
    let host = MemoryHost::new().file("/k.conf", &text);
    let loaded = keepalived_conf::load(&host, Path::new("/k.conf"), &keepalived_conf::Options::default());
    LvsPlan::compile(&loaded.config, None)
}

fn command(word: &str) -> Command {
    Command { program: word.into(), argv: vec![word.to_owned()], account: None }
}

fn service(plan: &LvsPlan) -> ServiceId {
    *plan.services.keys().next().expect("a virtual server")
}

fn server(plan: &LvsPlan) -> ServerId {
    *plan.servers.keys().next().expect("a real server")
}

fn herald(plan: &LvsPlan) -> Herald {
    let hooks = Hooks { up: Some(command("/up")), down: None };
    let services = [(service(plan), hooks.clone())].into();
    let mut herald = Herald::default();
    herald.turn_to(Book { services, servers: [(server(plan), hooks)].into() });
    herald
}

fn moved(plan: &LvsPlan, up: bool, notify: bool) -> Event {
    Event::Server { server: server(plan), up, cause: Cause::Reload, notify }
}

fn quorum(plan: &LvsPlan, up: bool) -> Event {
    Event::Quorum { service: service(plan), up, cause: Cause::Reload, weight: 1, quorum: 1, hysteresis: 0 }
}

#[test]
fn scripts_come_before_lines_and_lines_read_as_keepalived_s() {
    let plan = plan("", "smtp_alert off\n");
    let script = |name: &str| Call::Script(name.to_owned(), command("/up"));
    let line = |text: &str| Call::Line(text.to_owned());
    let mail = |word: &str, what: &str| {
        Call::Mail(Alert { subject: format!("Virtualserver {VS} - {word}"), body: format!("=> {what} <=") })
    };
    let expected = [
        (moved(&plan, true, true), vec![script(&format!("{RS} of {VS}")), line(&format!("RS {RS} {VS} UP\n\0"))]),
        (moved(&plan, false, true), vec![line(&format!("RS {RS} {VS} DOWN\n\0"))]),
        (moved(&plan, true, false), vec![]),
        (
            quorum(&plan, true),
            vec![script(VS), line(&format!("VS {VS} UP\n\0")), mail("UP", "Gained quorum 1+0=1 <= 1")],
        ),
        (quorum(&plan, false), vec![line(&format!("VS {VS} DOWN\n\0")), mail("DOWN", "Lost quorum 1+0=1 <= 1")]),
    ];
    let names = Names { now: &plan, before: None };
    for (event, calls) in expected {
        assert_eq!(herald(&plan).calls(&event, names, |_| false, ""), calls, "{event:?}");
    }
}

#[test]
fn what_a_reload_removes_is_told_of_by_its_old_name() {
    let before = plan("", "smtp_alert off\n");
    let mut herald = herald(&before);
    herald.turn_to(Book::default());
    let now = LvsPlan::default();
    let names = Names { now: &now, before: Some(&before) };
    let calls = herald.calls(&moved(&before, false, true), names, |_| false, "");
    assert_eq!(calls, [Call::Line(format!("RS {RS} {VS} DOWN\n\0"))]);
    let calls = herald.calls(&moved(&before, true, true), names, |_| false, "");
    assert_eq!(calls.len(), 2, "its script is known still");
}

#[test]
fn checks_are_mailed_when_they_change_their_mind_or_only_with_their_server() {
    let checked = |plan: &LvsPlan, up, first| {
        let checker = *plan.checkers.keys().next().expect("a check");
        Event::Checker { checker, up, first, failures: u32::from(!up) }
    };
    let mails = |plan: &LvsPlan, event: &Event| -> Vec<(String, String)> {
        let calls = herald(plan).calls(event, Names { now: plan, before: None }, |_| false, "");
        let mail = |call| match call {
            Call::Mail(Alert { subject, body }) => Some((subject, body)),
            Call::Script(..) | Call::Line(_) => None,
        };
        calls.into_iter().filter_map(mail).collect()
    };
    let down = vec![(
        format!("Realserver {RS} of virtual server {VS} - DOWN"),
        "=> TCP CHECK failed on service <=".to_owned(),
    )];
    let each = plan("", "smtp_alert\n");
    assert_eq!(mails(&each, &checked(&each, false, true)), down);
    assert_eq!(mails(&each, &checked(&each, true, true)), [], "the first success is no news");
    let with_server = plan("no_checker_emails\n", "smtp_alert\n");
    assert_eq!(mails(&with_server, &checked(&with_server, false, false)), []);
    let checker = *with_server.checkers.keys().next().expect("a check");
    let server = server(&with_server);
    let moved = Event::Server { server, up: false, cause: Cause::Check(checker), notify: true };
    assert_eq!(mails(&with_server, &moved), down);
}

#[test]
fn checks_are_called_what_keepalived_calls_them() {
    let cases = [
        ("UDP_CHECK {\n}", "refused", "=> UDP CHECK failed on service <="),
        ("PING_CHECK {\n}", "refused", "=> ICMP CHECK failed on service <="),
        ("DNS_CHECK {\n}", "refused", "=> DNS_CHECK: failed on service <="),
        ("SMTP_CHECK {\n}", "connection refused", "=> CHECK failed on service : connection refused <="),
        ("HTTP_GET {\nurl {\npath /\n}\n}", "refused", "=> CHECK failed on service : HTTP request failed <="),
        ("SSL_GET {\nurl {\npath /\n}\n}", "refused", "=> CHECK failed on service : SSL request failed <="),
        ("MISC_CHECK {\nmisc_path /bin/true\n}", "x ended with status 1", "=> MISC CHECK failed on service <="),
        ("MISC_CHECK {\nmisc_path /bin/true\n}", "x took longer than 1s", "=> MISC CHECK timed out on service <="),
    ];
    for (block, why, body) in cases {
        let plan = plan("", &format!("smtp_alert\n{block}\n"));
        let is_it = |check: &&CheckerId| block.starts_with(plan.checkers[*check].check.keyword());
        let checker = *plan.checkers.keys().find(is_it).expect("the check");
        let event = Event::Checker { checker, up: false, first: false, failures: 1 };
        let calls = herald(&plan).calls(&event, Names { now: &plan, before: None }, |_| false, why);
        let [Call::Mail(alert)] = calls.as_slice() else { panic!("{block}: {calls:?}") };
        assert_eq!(alert.body, body);
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The commands that talk to the running daemon: what it is doing, why, and what happened.

use std::ffi::OsString;
use std::time::Duration;

use serde_json::{Value, json};

use super::Output;
use super::ask::{Daemon, Look, granted, with_daemon};
use crate::kernel::clock;
use crate::observe::page::{lasting, sum, wished};
use crate::observe::peers;
use crate::observe::snapshot::lvs::{Lvs, Server, Service, is_called};
use crate::observe::snapshot::{Instance, Session, State};

/// Between two looks of `--watch`.
const WATCH_PAUSE: Duration = Duration::from_secs(1);

/// Names that are listed to whoever asks for one that is not there.
const NAMED_MAX: usize = 20;

pub(super) fn status(arguments: Vec<OsString>, output: &mut Output<'_>) -> u8 {
    with_daemon("status", arguments, output, |words, daemon, output| {
        loop {
            let look = daemon.look()?;
            if words.watch && !words.json {
                output.print("\x1b[2J\x1b[H");
            }
            if words.json {
                output.print(&look.answer);
            } else {
                show(&look, words.plain.first(), output)?;
            }
            if !words.watch {
                return Ok(());
            }
            clock::pause(WATCH_PAUSE);
        }
    })
}

/// Everything, or what goes by this name.
fn show(look: &Look, name: Option<&String>, output: &mut Output<'_>) -> Result<(), String> {
    let Look { daemon, vrrp, lvs, unknown, answer: _ } = look;
    let named = |one: &str| name.is_none_or(|name| is_called(one, name));
    let mut lines: Vec<String> = unknown.iter().map(|why| format!("not known: {why}")).collect();
    let before = lines.len();
    lines.extend(vrrp.instances.iter().filter(|one| named(&one.name)).map(|one| describe(one, vrrp.taken)));
    for service in &lvs.services {
        let whole = named(&service.name);
        let servers: Vec<&Server> = service.servers.iter().filter(|server| whole || named(&server.name)).collect();
        if whole || !servers.is_empty() {
            lines.push(service_line(service, lvs.taken));
            lines.extend(servers.into_iter().map(|server| server_lines(service, server, lvs)));
        }
    }
    if let Some(name) = name.filter(|_| lines.len() == before) {
        // What does not answer may well know it.
        return Err(if unknown.is_empty() { no_such(look, Some(name)) } else { lines.join("; ") });
    }
    if name.is_none() {
        for group in &vrrp.groups {
            lines.push(format!("group {}: {}, {}", group.name, group.state.word(), group.members.join(", ")));
        }
        lines.extend(vrrp.tracks.iter().map(|track| format!("{} {}: {}", track.kind, track.name, up(track.up))));
        lines.extend(daemon.sessions.iter().map(|session| session_line(session, look.taken())));
        lines.extend(daemon.log.wish().map(|wish| wished(&wish, daemon.log.ends_in)));
    }
    if lines.is_empty() {
        lines.push("the configuration has nothing to run".to_owned());
    }
    output.print(lines.join("\n"));
    Ok(())
}

fn session_line(session: &Session, taken: f64) -> String {
    let lasts = session.since.map(|since| format!(" for {}", lasting(taken - since))).unwrap_or_default();
    format!("BFD session {} with {}: {}{lasts}", session.name, session.neighbour, session.word())
}

fn service_line(service: &Service, taken: f64) -> String {
    let state = if service.up { "UP" } else { "DOWN" };
    let mut line = format!(
        "{}: {state} for {}, weight {} of quorum {}",
        service.name,
        lasting(taken - service.record.since),
        service.weight,
        service.quorum
    );
    if service.suspended {
        line.push_str("\n  its servers are not checked while its address is elsewhere");
    }
    if let Some(sorry) = &service.sorry {
        let serves = if service.sorry_serves { "serves" } else { "waits" };
        line.push_str(&format!("\n  sorry server {sorry} {serves}"));
    }
    line
}

fn server_lines(service: &Service, server: &Server, lvs: &Lvs) -> String {
    let state = if server.up { "UP" } else { "DOWN" };
    let mut line = format!(
        "  {}: {state} for {}, weight {}",
        server.name,
        lasting(lvs.taken - server.record.since),
        server.weight
    );
    if let Some(counted) = lvs.counted(&service.name, &server.name) {
        line.push_str(&format!(", {} connections now, {} in all", counted.active, counted.connections));
    }
    if let Some(wish) = &server.wish {
        line.push_str(&format!("\n    {}", wished(&wish.what, wish.ends_in)));
    }
    for check in &server.checkers {
        let result = match (&check.why, check.up) {
            (Some(why), _) => why.clone(),
            (None, Some(true)) => "ok".to_owned(),
            (None, Some(false)) => "failed".to_owned(),
            (None, None) => "not made yet".to_owned(),
        };
        let took = check.took.map(|took| format!(", took {:.1} ms", took * 1000.0)).unwrap_or_default();
        let (good, bad) = (check.good, check.bad);
        line.push_str(&format!("\n    {}: {result}{took} ({good} good, {bad} bad so far)", check.kind));
    }
    line
}

fn no_such(look: &Look, name: Option<&String>) -> String {
    let instances = look.vrrp.instances.iter().map(|instance| instance.name.as_str());
    let services = look.lvs.services.iter().map(|service| service.name.as_str());
    let names: Vec<&str> = instances.chain(services).take(NAMED_MAX).collect();
    match name {
        Some(name) => format!("nothing is called `{name}`; there are {}", names.join(", ")),
        None => format!("which one? there are {}", names.join(", ")),
    }
}

pub(super) fn up(up: Option<bool>) -> &'static str {
    match up {
        Some(true) => "up",
        Some(false) => "down",
        None => "not known yet",
    }
}

/// A few lines on one instance.
pub(super) fn describe(instance: &Instance, taken: f64) -> String {
    let mut lines = vec![format!(
        "{}: {} for {}, priority {}, {} VRID {}",
        instance.name,
        instance.state.word(),
        lasting(taken - instance.since),
        sum(instance),
        instance.interface.as_deref().unwrap_or("no interface"),
        instance.vrid
    )];
    let addresses: Vec<String> =
        instance.addresses.iter().map(|one| format!("{}/{}", one.address, one.prefix)).collect();
    let place = match instance.state {
        State::Master if instance.in_place => "held here",
        State::Master => "being added",
        State::Init | State::Backup | State::Fault if instance.handing_over => "kept until a successor is heard",
        State::Init | State::Backup | State::Fault => "not here",
    };
    lines.push(format!("  {} ({place})", addresses.join(", ")));
    if let Some(master) = peers::followed(instance) {
        lines.push(format!("  master is {} with priority {}", master.address, master.priority));
    }
    let others = peers::others(instance);
    lines.extend(others.map(|peer| format!("  peer {} {}", peer.address, peers::said(peer, instance, taken))));
    if let Some(other) = &instance.other_master {
        lines.push(format!("  another master speaks: {other}"));
    }
    lines.extend(instance.rivals.iter().map(|rival| format!("  {} has {} too", rival.who, rival.address)));
    if let Some(stand) = &instance.stand {
        lines.push(format!("  {}", wished(&stand.course, stand.ends_in)));
    }
    lines.extend(instance.faults.iter().map(|fault| format!("  fault: {fault}")));
    lines.extend(instance.waits_for.iter().map(|what| format!("  waits for {what}")));
    lines.join("\n")
}

pub(super) fn why(arguments: Vec<OsString>, output: &mut Output<'_>) -> u8 {
    with_daemon("why", arguments, output, |words, daemon, output| tell_why(words.plain.first(), daemon, output))
}

/// Why something is in its state, and what led there.
pub(super) fn tell_why(name: Option<&String>, daemon: &mut Daemon, output: &mut Output<'_>) -> Result<(), String> {
    let look = daemon.look()?;
    let Some(instance) = name.and_then(|name| look.instance(name)) else {
        // Of a server everything there is to say stands in its status; what led there, in the events.
        let name = name.ok_or_else(|| no_such(&look, None))?;
        show(&look, Some(name), output)?;
        output.print("  what led here:");
        return past(name, daemon, output);
    };
    output.print(describe(instance, look.vrrp.taken));
    if let Some(next) = &instance.next {
        output.print(format_args!("  next by itself: {} in {:.3} s", next.what, next.in_seconds));
    }
    output.print(format_args!(
        "  adverts every {} s; without one for {:.3} s this router takes over",
        instance.advert_interval, instance.master_down_time
    ));
    let late = look.vrrp.late;
    if late.turns > 0 {
        output.print(format_args!(
            "  this machine kept the protocol waiting {} times since {}, for {:.3} s at the most",
            late.turns,
            clock::local_stamp(Duration::try_from_secs_f64(look.vrrp.started).unwrap_or_default()),
            late.most
        ));
    }
    for term in &instance.terms {
        let comes_to = term.adds.map_or_else(|| "a fault, or not known yet".to_owned(), |adds| format!("{adds:+}"));
        output.print(format_args!(
            "  {} {} is {}: {comes_to} (weight {}{})",
            term.kind,
            term.track,
            up(term.up),
            term.weight,
            if term.reverse { ", reversed" } else { "" }
        ));
    }
    output.print("  what led here:");
    for step in &instance.history {
        let at = clock::local_stamp(Duration::try_from_secs_f64(step.at).unwrap_or_default());
        output.print(format_args!(
            "    {at}  {} -> {} with priority {}: {}",
            step.from.word(),
            step.to.word(),
            step.priority,
            step.why
        ));
    }
    Ok(())
}

/// The events about servers of this name.
fn past(name: &str, daemon: &mut Daemon, output: &mut Output<'_>) -> Result<(), String> {
    each_event(daemon, 0, false, |event| {
        if event.get("about").and_then(Value::as_str).is_some_and(|about| is_called(about, name)) {
            output.print(event_line(event));
        }
    })
}

/// Everything that is kept of what happened, a line each.
pub(super) fn all_events(daemon: &mut Daemon) -> Result<Vec<String>, String> {
    let mut lines = Vec::new();
    each_event(daemon, 0, false, |event| lines.push(event_line(event)))?;
    Ok(lines)
}

pub(super) fn events(arguments: Vec<OsString>, output: &mut Output<'_>) -> u8 {
    with_daemon("events", arguments, output, |words, daemon, output| {
        each_event(daemon, words.from.unwrap_or(0), words.follow, |event| {
            if words.json {
                output.print(event);
            } else {
                output.print(event_line(event));
            }
        })
    })
}

/// What happened from a number on, one after the other; with `follow`, what is to come too.
fn each_event(daemon: &mut Daemon, from: u64, follow: bool, mut tell: impl FnMut(&Value)) -> Result<(), String> {
    daemon.send(&json!({"v": 1, "do": "events", "from": from, "follow": follow}))?;
    if follow {
        // The next event may be far away.
        daemon.wait_for_ever()?;
    }
    loop {
        let event = granted(daemon.receive()?)?;
        if event.get("end").is_some() {
            return Ok(());
        }
        tell(&event);
    }
}

fn event_line(event: &Value) -> String {
    let text = |key: &str| event.get(key).and_then(Value::as_str).unwrap_or_default();
    let number = event.get("number").and_then(Value::as_u64).unwrap_or_default();
    let at = Duration::from_millis(event.get("at_ms").and_then(Value::as_u64).unwrap_or_default());
    let (from, level) = (text("from"), text("level"));
    let why = match text("why") {
        why if why.is_empty() || text("text").contains(why) => String::new(),
        why => format!(" [{why}]"),
    };
    format!("{number:>6}  {}  {from} {level}: {}{why}", clock::local_stamp(at), text("text"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::ask::FAILED;
    use crate::observe::snapshot::lvs::{Checker, Wish};

    #[test]
    fn an_instance_is_told_in_a_few_lines() {
        let instance = Instance {
            name: "VI_1".into(),
            state: State::Fault,
            base_priority: 100,
            priority: 100,
            vrid: 51,
            faults: vec!["its interface is down".into()],
            ..Instance::default()
        };
        let text = describe(&instance, 90.0);
        assert!(text.starts_with("VI_1: FAULT for 90 s, priority 100, no interface VRID 51\n"), "{text}");
        assert!(text.ends_with("\n  fault: its interface is down"), "{text}");
    }

    #[test]
    fn a_server_is_told_with_its_checks_and_the_operator_s_word() {
        let failed = Checker { kind: "TCP_CHECK".into(), bad: 3, why: Some("refused".into()), ..Checker::default() };
        let server = Server {
            name: "[10.0.0.1]:tcp:80".into(),
            wish: Some(Wish { what: "drain".into(), ends_in: Some(30.0) }),
            checkers: vec![failed],
            ..Server::default()
        };
        let service =
            Service { name: "[192.0.2.1]:tcp:80".into(), quorum: 1, servers: vec![server], ..Service::default() };
        let lvs = Lvs { taken: 10.0, services: vec![service], ..Lvs::default() };
        let look = Look {
            answer: Value::Null,
            daemon: Default::default(),
            vrrp: Default::default(),
            lvs,
            unknown: Vec::new(),
        };
        let said = |name: &str| {
            let (mut out, mut err) = (Vec::new(), Vec::new());
            let done = show(&look, Some(&name.to_owned()), &mut Output { out: &mut out, err: &mut err, colour: false });
            done.map(|()| String::from_utf8_lossy(&out).into_owned())
        };
        assert_eq!(
            said("10.0.0.1:80").unwrap(),
            "[192.0.2.1]:tcp:80: DOWN for 10 s, weight 0 of quorum 1\n  [10.0.0.1]:tcp:80: DOWN for 10 s, weight 0\n    \
             operator: drain, 30 s left\n    TCP_CHECK: refused (0 good, 3 bad so far)\n"
        );
        assert_eq!(said("x").unwrap_err(), "nothing is called `x`; there are [192.0.2.1]:tcp:80");
        let look = Look {
            answer: Value::Null,
            daemon: Default::default(),
            vrrp: Default::default(),
            lvs: Lvs::default(),
            unknown: vec!["gone".into()],
        };
        let mut output = Output { out: &mut Vec::<u8>::new(), err: &mut Vec::<u8>::new(), colour: false };
        assert_eq!(show(&look, Some(&"x".to_owned()), &mut output).unwrap_err(), "not known: gone");
    }

    #[test]
    fn without_a_daemon_it_says_where_it_looked() {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut output = Output { out: &mut out, err: &mut err, colour: false };
        assert_eq!(status(vec!["--socket".into(), "/nonexistent/x.sock".into()], &mut output), FAILED);
        let said = String::from_utf8_lossy(&err);
        assert!(said.contains("no daemon answers at /nonexistent/x.sock"), "{said}");
    }
}

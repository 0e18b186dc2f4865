//! The commands that talk to the running daemon: what it is doing, why, what happened, and the operator's word.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use lexopt::{Arg, Parser, ValueExt};
use serde_json::{Value, json};

use super::{Output, usage};
use crate::kernel::clock;
use crate::observe::page::{lasting, sum};
use crate::observe::snapshot::{Instance, State, Vrrp};

/// Where the daemon listens when its PID file stands in the usual place.
const SOCKET: &str = "/run/keepalived.sock";
/// A daemon that has not answered by then does not.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);
/// Between two looks of `--watch`.
const WATCH_PAUSE: Duration = Duration::from_secs(1);

/// The daemon does not run, or refuses.
const FAILED: u8 = 1;

#[derive(Debug, Default)]
struct Words {
    socket: Option<String>,
    json: bool,
    watch: bool,
    follow: bool,
    from: Option<u64>,
    lasts: Option<u32>,
    plain: Vec<String>,
}

fn words(arguments: Vec<OsString>) -> Result<Words, lexopt::Error> {
    let mut words = Words::default();
    let mut parser = Parser::from_args(arguments);
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("socket") => words.socket = Some(parser.value()?.string()?),
            Arg::Long("json") => words.json = true,
            Arg::Long("watch") => words.watch = true,
            Arg::Long("follow") => words.follow = true,
            Arg::Long("from") => words.from = Some(parser.value()?.parse()?),
            Arg::Long("for") => words.lasts = Some(parser.value()?.parse_with(seconds)?),
            Arg::Value(word) => words.plain.push(word.string()?),
            other => return Err(other.unexpected()),
        }
    }
    Ok(words)
}

/// `90`, `90s`, `30m`, `2h`.
fn seconds(text: &str) -> Result<u32, String> {
    let (digits, unit) = match text.char_indices().last() {
        Some((at, 's')) => (text.get(..at), 1),
        Some((at, 'm')) => (text.get(..at), 60),
        Some((at, 'h')) => (text.get(..at), 3600),
        _ => (Some(text), 1),
    };
    let number = digits.unwrap_or_default().parse::<u32>().ok().filter(|number| *number > 0);
    let number = number.and_then(|number| number.checked_mul(unit));
    number.ok_or_else(|| format!("`{text}` is no time: write 90s, 30m or 2h"))
}

/// A conversation with the daemon.
struct Daemon {
    read: BufReader<UnixStream>,
}

impl Daemon {
    fn reach(words: &Words) -> Result<Daemon, String> {
        let path = words.socket.as_deref().unwrap_or(SOCKET);
        let stream = UnixStream::connect(path).map_err(|error| {
            format!("no daemon answers at {path}: {error}; with another PID file, say --socket PIDFILE with .sock at its end")
        })?;
        stream.set_read_timeout(Some(ANSWER_LIMIT)).map_err(|error| error.to_string())?;
        Ok(Daemon { read: BufReader::new(stream) })
    }

    fn send(&mut self, request: &Value) -> Result<(), String> {
        let line = format!("{request}\n");
        self.read.get_mut().write_all(line.as_bytes()).map_err(|error| format!("the daemon hung up: {error}"))
    }

    fn receive(&mut self) -> Result<Value, String> {
        let mut line = String::new();
        match self.read.read_line(&mut line) {
            Ok(0) => Err("the daemon hung up".to_owned()),
            Ok(_) => serde_json::from_str(&line).map_err(|error| format!("an answer that is none: {error}")),
            Err(error) => Err(format!("the daemon does not answer: {error}")),
        }
    }

    fn ask(&mut self, request: Value) -> Result<Value, String> {
        self.send(&request)?;
        let answer = self.receive()?;
        match answer.get("error").and_then(Value::as_str) {
            Some(error) => Err(error.to_owned()),
            None => Ok(answer),
        }
    }

    fn look(&mut self) -> Result<(Value, Vrrp), String> {
        let answer = self.ask(json!({"v": 1, "do": "status"}))?;
        let seen = answer.get("vrrp").cloned().unwrap_or_default();
        let parsed = serde_json::from_value(seen).map_err(|error| format!("a daemon of another version: {error}"))?;
        Ok((answer, parsed))
    }
}

/// Runs one of the commands; what goes wrong is said once.
fn with_daemon(
    name: &str,
    arguments: Vec<OsString>,
    output: &mut Output<'_>,
    act: impl FnOnce(&Words, &mut Daemon, &mut Output<'_>) -> Result<(), String>,
) -> u8 {
    let words = match words(arguments) {
        Ok(words) => words,
        Err(error) => return usage(name, error, output),
    };
    let done = Daemon::reach(&words).and_then(|mut daemon| act(&words, &mut daemon, output));
    match done {
        Ok(()) => 0,
        Err(error) => {
            output.complain(error);
            FAILED
        }
    }
}

pub(super) fn status(arguments: Vec<OsString>, output: &mut Output<'_>) -> u8 {
    with_daemon("status", arguments, output, |words, daemon, output| {
        loop {
            let (answer, seen) = daemon.look()?;
            if words.json {
                output.print(&answer);
            } else {
                let name = words.plain.first();
                let shown = seen.instances.iter().filter(|one| name.is_none_or(|name| one.name == *name));
                let shown: Vec<&Instance> = shown.collect();
                if shown.is_empty() {
                    return Err(no_such(&seen, name));
                }
                if words.watch {
                    output.print("\x1b[2J\x1b[H");
                }
                shown.iter().for_each(|instance| output.print(describe(instance, seen.taken)));
                if name.is_none() {
                    for group in &seen.groups {
                        output.print(format_args!(
                            "group {}: {}, {}",
                            group.name,
                            group.state.word(),
                            group.members.join(", ")
                        ));
                    }
                    for track in &seen.tracks {
                        output.print(format_args!("{} {}: {}", track.kind, track.name, up(track.up)));
                    }
                }
            }
            if !words.watch {
                return Ok(());
            }
            clock::pause(WATCH_PAUSE);
        }
    })
}

fn no_such(seen: &Vrrp, name: Option<&String>) -> String {
    let names: Vec<&str> = seen.instances.iter().map(|instance| instance.name.as_str()).collect();
    match name {
        Some(name) => format!("no instance `{name}`; there are {}", names.join(", ")),
        None => "there are no instances".to_owned(),
    }
}

fn up(up: Option<bool>) -> &'static str {
    match up {
        Some(true) => "up",
        Some(false) => "down",
        None => "not known yet",
    }
}

/// A few lines on one instance.
fn describe(instance: &Instance, taken: f64) -> String {
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
    if let (State::Backup, Some(master)) = (instance.state, &instance.master) {
        lines.push(format!("  master is {} with priority {}", master.address, master.priority));
    }
    if let Some(other) = &instance.other_master {
        lines.push(format!("  another master speaks: {other}"));
    }
    if let Some(stand) = &instance.stand {
        let left = stand.ends_in.map(|left| format!(", {} left", lasting(left))).unwrap_or_default();
        lines.push(format!("  operator: {}{left}", stand.course));
    }
    lines.extend(instance.faults.iter().map(|fault| format!("  fault: {fault}")));
    lines.extend(instance.waits_for.iter().map(|what| format!("  waits for {what}")));
    lines.join("\n")
}

pub(super) fn why(arguments: Vec<OsString>, output: &mut Output<'_>) -> u8 {
    with_daemon("why", arguments, output, |words, daemon, output| {
        let (_, seen) = daemon.look()?;
        let name = words.plain.first();
        let instance = seen.instances.iter().find(|one| Some(&one.name) == name);
        let instance = instance.ok_or_else(|| no_such(&seen, name))?;
        output.print(describe(instance, seen.taken));
        if let Some(next) = &instance.next {
            output.print(format_args!("  next by itself: {} in {:.3} s", next.what, next.in_seconds));
        }
        output.print(format_args!(
            "  adverts every {} s; without one for {:.3} s this router takes over",
            instance.advert_interval, instance.master_down_time
        ));
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
    })
}

pub(super) fn events(arguments: Vec<OsString>, output: &mut Output<'_>) -> u8 {
    with_daemon("events", arguments, output, |words, daemon, output| {
        daemon.send(&json!({"v": 1, "do": "events", "from": words.from.unwrap_or(0), "follow": words.follow}))?;
        if words.follow {
            // The next event may be far away.
            daemon.read.get_ref().set_read_timeout(None).map_err(|error| error.to_string())?;
        }
        loop {
            let event = daemon.receive()?;
            if let Some(error) = event.get("error").and_then(Value::as_str) {
                return Err(error.to_owned());
            }
            if event.get("end").is_some() {
                return Ok(());
            }
            if words.json {
                output.print(&event);
            } else {
                output.print(event_line(&event));
            }
        }
    })
}

fn event_line(event: &Value) -> String {
    let text = |key: &str| event.get(key).and_then(Value::as_str).unwrap_or_default();
    let number = event.get("number").and_then(Value::as_u64).unwrap_or_default();
    let at = Duration::from_millis(event.get("at_ms").and_then(Value::as_u64).unwrap_or_default());
    let (from, level) = (text("from"), text("level"));
    let why = match text("why") {
        "" => String::new(),
        why => format!(" [{why}]"),
    };
    format!("{number:>6}  {}  {from} {level}: {}{why}", clock::local_stamp(at), text("text"))
}

/// The verbs on one instance.
fn verb(name: &'static str, arguments: Vec<OsString>, output: &mut Output<'_>) -> u8 {
    with_daemon(name, arguments, output, |words, daemon, output| {
        let instance = words.plain.first().ok_or_else(|| format!("which instance? `steadfast {name} NAME`"))?;
        let course = match name {
            "take" => json!("take"),
            "release" => json!("release"),
            _ => {
                let priority = words.plain.get(1).and_then(|word| word.parse::<u8>().ok());
                json!({"priority": priority.ok_or("which priority? `steadfast priority NAME 1..254`")?})
            }
        };
        let stand = json!({"course": course, "seconds": words.lasts});
        wish(daemon, &json!({"v": 1, "do": "stand", "name": instance, "stand": stand}), output)
    })
}

/// Says how the instance stands after the wish.
fn wish(daemon: &mut Daemon, request: &Value, output: &mut Output<'_>) -> Result<(), String> {
    daemon.ask(request.clone())?;
    let (_, seen) = daemon.look()?;
    let name = request.get("name").and_then(Value::as_str).unwrap_or_default();
    if let Some(instance) = seen.instances.iter().find(|instance| instance.name == name) {
        output.print(describe(instance, seen.taken));
    }
    Ok(())
}

pub(super) fn take(arguments: Vec<OsString>, output: &mut Output<'_>) -> u8 {
    verb("take", arguments, output)
}

pub(super) fn release(arguments: Vec<OsString>, output: &mut Output<'_>) -> u8 {
    verb("release", arguments, output)
}

pub(super) fn priority(arguments: Vec<OsString>, output: &mut Output<'_>) -> u8 {
    verb("priority", arguments, output)
}

pub(super) fn normal(arguments: Vec<OsString>, output: &mut Output<'_>) -> u8 {
    with_daemon("normal", arguments, output, |words, daemon, output| {
        let name = words.plain.first().ok_or("which instance? `steadfast normal NAME`")?;
        wish(daemon, &json!({"v": 1, "do": "stand", "name": name, "stand": null}), output)
    })
}

/// Every instance gives way, or stands normally again.
pub(super) fn drain(arguments: Vec<OsString>, output: &mut Output<'_>) -> u8 {
    with_daemon("drain", arguments, output, |words, daemon, output| {
        let (_, seen) = daemon.look()?;
        let mut refused = Vec::new();
        for instance in &seen.instances {
            let stand = json!({"course": "release", "seconds": words.lasts});
            let request = json!({"v": 1, "do": "stand", "name": instance.name, "stand": stand});
            if let Err(error) = wish(daemon, &request, output) {
                refused.push(error);
            }
        }
        if refused.is_empty() { Ok(()) } else { Err(refused.join("; ")) }
    })
}

pub(super) fn announce(arguments: Vec<OsString>, output: &mut Output<'_>) -> u8 {
    with_daemon("announce", arguments, output, |words, daemon, output| {
        let name = words.plain.first().ok_or("which instance? `steadfast announce NAME`")?;
        daemon.ask(json!({"v": 1, "do": "announce", "name": name}))?;
        output.print(format_args!("{name} announces its addresses"));
        Ok(())
    })
}

pub(super) fn reload(arguments: Vec<OsString>, output: &mut Output<'_>) -> u8 {
    with_daemon("reload", arguments, output, |_, daemon, output| {
        let answer = daemon.ask(json!({"v": 1, "do": "reload"}))?;
        let epoch = answer.get("epoch").and_then(Value::as_u64).unwrap_or_default();
        output.print(format_args!(
            "the configuration is good: reload {epoch} has begun; `steadfast events` tells when it is complete"
        ));
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        for (text, expected) in [("90", 90), ("90s", 90), ("30m", 1800), ("2h", 7200)] {
            assert_eq!(seconds(text), Ok(expected));
        }
        for text in ["", "0", "m", "-1", "1d", "9999999999", "4000000h"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }

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
    fn without_a_daemon_it_says_where_it_looked() {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut output = Output { out: &mut out, err: &mut err, colour: false };
        assert_eq!(status(vec!["--socket".into(), "/nonexistent/x.sock".into()], &mut output), FAILED);
        let said = String::from_utf8_lossy(&err);
        assert!(said.contains("no daemon answers at /nonexistent/x.sock"), "{said}");
    }
}

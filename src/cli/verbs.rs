// SPDX-License-Identifier: MIT OR Apache-2.0
//! The operator's word to the running daemon.

use std::ffi::OsString;

use serde_json::{Value, json};

use super::Output;
use super::ask::{Daemon, Words, done, server_request, stand_request, with_daemon};
use super::status::describe;
use crate::observe::page::wished;
use crate::observe::snapshot::Logging;

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
        wish(daemon, &stand_request(instance, Some(course), words.lasts), output)
    })
}

/// Says how the instance stands after the wish.
fn wish(daemon: &mut Daemon, request: &Value, output: &mut Output<'_>) -> Result<(), String> {
    daemon.ask(request.clone())?;
    let look = daemon.look()?;
    let name = request.get("name").and_then(Value::as_str).unwrap_or_default();
    if let Some(instance) = look.instance(name) {
        output.print(describe(instance, look.vrrp.taken));
    }
    Ok(())
}

/// A wish on a real server; says what was done.
fn with_server(
    daemon: &mut Daemon,
    words: &Words,
    name: &str,
    verb: Value,
    output: &mut Output<'_>,
) -> Result<(), String> {
    let answer = daemon.ask(server_request(name, words.of.as_deref(), &verb, words.lasts, words.force))?;
    for line in done(&answer).into_iter().flatten() {
        output.print(line);
    }
    Ok(())
}

pub(super) fn weight(arguments: Vec<OsString>, output: &mut Output<'_>) -> u8 {
    with_daemon("weight", arguments, output, |words, daemon, output| {
        let name = words.plain.first().ok_or("which server? `steadfast weight SERVER N`")?;
        let weight = words.plain.get(1).and_then(|word| word.parse::<u32>().ok());
        let weight = weight.ok_or("which weight? `steadfast weight SERVER N`, with N from 0 on")?;
        with_server(daemon, words, name, json!({"weight": weight}), output)
    })
}

pub(super) fn check_now(arguments: Vec<OsString>, output: &mut Output<'_>) -> u8 {
    with_daemon("check-now", arguments, output, |words, daemon, output| {
        let name = words.plain.first().ok_or("which server? `steadfast check-now SERVER`")?;
        with_server(daemon, words, name, json!("check"), output)
    })
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
        let name = words.plain.first().ok_or("which instance or server? `steadfast normal NAME`")?;
        if daemon.look()?.instance(name).is_none() {
            return with_server(daemon, words, name, json!("normal"), output);
        }
        wish(daemon, &stand_request(name, None, None), output)
    })
}

/// Every instance gives way, or one, or a real server gets no new connections.
pub(super) fn drain(arguments: Vec<OsString>, output: &mut Output<'_>) -> u8 {
    with_daemon("drain", arguments, output, |words, daemon, output| {
        let look = daemon.look()?;
        let name = words.plain.first();
        if let Some(name) = name.filter(|name| look.instance(name).is_none()) {
            return with_server(daemon, words, name, json!("drain"), output);
        }
        let instances = look.vrrp.instances.iter().filter(|one| name.is_none_or(|name| one.name == *name));
        let mut refused = Vec::new();
        for instance in instances {
            let request = stand_request(&instance.name, Some(json!("release")), words.lasts);
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

/// Says how much is logged, having changed it where a level is given.
pub(super) fn log_level(arguments: Vec<OsString>, output: &mut Output<'_>) -> u8 {
    with_daemon("log-level", arguments, output, |words, daemon, output| {
        let level = words.plain.first().map(String::as_str);
        match level {
            Some("quiet" | "normal" | "detail" | "default") => {}
            Some(other) => return Err(format!("no log level is called `{other}`: quiet, normal, detail or default")),
            None if words.lasts.is_some() => {
                return Err("which level? `steadfast log-level LEVEL --for TIME`".to_owned());
            }
            None => {}
        }
        let answer = daemon.ask(json!({"v": 1, "do": "log-level", "level": level, "seconds": words.lasts}))?;
        if words.json {
            output.print(&answer);
            return Ok(());
        }
        let log = answer.get("log").cloned().unwrap_or_default();
        let log: Logging =
            serde_json::from_value(log).map_err(|error| format!("a daemon of another version: {error}"))?;
        let wish = log.wish().map(|wish| format!(" ({}; started with {})", wished(&wish, log.ends_in), log.usual));
        output.print(format_args!("{}{}", log.level, wish.unwrap_or_default()));
        Ok(())
    })
}

/// What a reload would do, before it does it.
pub(super) fn plan(arguments: Vec<OsString>, output: &mut Output<'_>) -> u8 {
    with_daemon("plan", arguments, output, |words, daemon, output| {
        let file = words.plain.first().ok_or("which file? `steadfast plan FILE`")?;
        // The daemon may have another working directory.
        let file = std::path::absolute(file).map_err(|error| format!("{file}: {error}"))?;
        let answer = daemon.ask(json!({"v": 1, "do": "plan", "file": file}))?;
        if words.json {
            output.print(&answer);
            return Ok(());
        }
        let changes = answer.get("changes").and_then(Value::as_array).cloned().unwrap_or_default();
        if changes.is_empty() {
            output.print("a reload with this file would change nothing");
        }
        for line in changes.iter().filter_map(Value::as_str) {
            output.print(line);
        }
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

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The conversation of a command with the running daemon.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use lexopt::{Arg, Parser, ValueExt};
use serde_json::{Value, json};

use super::{Output, socket, usage};
use crate::observe::snapshot::lvs::Lvs;
use crate::observe::snapshot::{self, Instance, Vrrp};

/// A daemon that has not answered by then does not.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);
/// The daemon does not run, or refuses.
pub(super) const FAILED: u8 = 1;

#[derive(Debug, Default)]
pub(super) struct Words {
    socket: Option<String>,
    conf: Option<String>,
    pub(super) json: bool,
    pub(super) watch: bool,
    pub(super) follow: bool,
    pub(super) from: Option<u64>,
    pub(super) lasts: Option<u32>,
    pub(super) of: Option<String>,
    pub(super) force: bool,
    pub(super) plain: Vec<String>,
}

pub(super) fn words(arguments: Vec<OsString>) -> Result<Words, lexopt::Error> {
    let mut words = Words::default();
    let mut parser = Parser::from_args(arguments);
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("socket") => words.socket = Some(parser.value()?.string()?),
            Arg::Long("conf") => words.conf = Some(parser.value()?.string()?),
            Arg::Long("json") => words.json = true,
            Arg::Long("watch") => words.watch = true,
            Arg::Long("follow") => words.follow = true,
            Arg::Long("from") => words.from = Some(parser.value()?.parse()?),
            Arg::Long("of") => words.of = Some(parser.value()?.string()?),
            Arg::Long("force") => words.force = true,
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
pub(super) struct Daemon {
    read: BufReader<UnixStream>,
}

impl Daemon {
    pub(super) fn reach(words: &Words) -> Result<Daemon, String> {
        let stream = socket::connect(words.socket.as_deref(), words.conf.as_deref())?;
        stream.set_read_timeout(Some(ANSWER_LIMIT)).map_err(|error| error.to_string())?;
        Ok(Daemon { read: BufReader::new(stream) })
    }

    pub(super) fn send(&mut self, request: &Value) -> Result<(), String> {
        let line = format!("{request}\n");
        self.read.get_mut().write_all(line.as_bytes()).map_err(|error| format!("the daemon hung up: {error}"))
    }

    pub(super) fn receive(&mut self) -> Result<Value, String> {
        let mut line = String::new();
        match self.read.read_line(&mut line) {
            Ok(0) => Err("the daemon hung up".to_owned()),
            Ok(_) => understood(line.as_bytes()),
            Err(error) => Err(format!("the daemon does not answer: {error}")),
        }
    }

    pub(super) fn ask(&mut self, request: Value) -> Result<Value, String> {
        self.send(&request)?;
        granted(self.receive()?)
    }

    pub(super) fn look(&mut self) -> Result<Look, String> {
        Look::of(self.ask(status_request())?)
    }

    /// The connection alone, for who does not wait.
    pub(super) fn stream(self) -> Result<UnixStream, String> {
        let stream = self.read.into_inner();
        stream.set_nonblocking(true).map_err(|error| error.to_string())?;
        Ok(stream)
    }

    /// The next answer may be far away.
    pub(super) fn wait_for_ever(&self) -> Result<(), String> {
        self.read.get_ref().set_read_timeout(None).map_err(|error| error.to_string())
    }
}

/// A line of the daemon.
pub(super) fn understood(line: &[u8]) -> Result<Value, String> {
    serde_json::from_slice(line).map_err(|error| format!("an answer that is none: {error}"))
}

/// The answer, unless the daemon refuses.
pub(super) fn granted(answer: Value) -> Result<Value, String> {
    match answer.get("error").and_then(Value::as_str) {
        Some(error) => Err(error.to_owned()),
        None => Ok(answer),
    }
}

/// What the daemon says it did, line by line.
pub(super) fn done(answer: &Value) -> Option<Vec<&str>> {
    Some(answer.get("done")?.as_array()?.iter().filter_map(Value::as_str).collect())
}

/// The wish how an instance stands in the election, for so many seconds; without a course the configuration counts again.
pub(super) fn stand_request(name: &str, course: Option<Value>, seconds: Option<u32>) -> Value {
    let stand = course.map(|course| json!({"course": course, "seconds": seconds}));
    json!({"v": 1, "do": "stand", "name": name, "stand": stand})
}

/// The wish what to do with a real server, everywhere or of one virtual server.
pub(super) fn server_request(name: &str, of: Option<&str>, verb: &Value, seconds: Option<u32>, force: bool) -> Value {
    json!({"v": 1, "do": "server", "name": name, "of": of, "verb": verb, "seconds": seconds, "force": force})
}

/// The question how everything stands.
pub(super) fn status_request() -> Value {
    json!({"v": 1, "do": "status"})
}

/// How everything stands.
#[derive(Debug, Default)]
pub(super) struct Look {
    pub(super) answer: Value,
    pub(super) daemon: snapshot::Daemon,
    pub(super) vrrp: Vrrp,
    pub(super) lvs: Lvs,
    /// Why something is not known.
    pub(super) unknown: Vec<String>,
}

impl Look {
    /// Takes an answer apart.
    pub(super) fn of(answer: Value) -> Result<Look, String> {
        let other = |error| format!("a daemon of another version: {error}");
        let part = |name: &str| answer.get(name).cloned();
        let daemon = part("daemon").map(serde_json::from_value).transpose().map_err(other)?.unwrap_or_default();
        let vrrp = part("vrrp").map(serde_json::from_value).transpose().map_err(other)?.unwrap_or_default();
        let lvs = part("lvs").map(serde_json::from_value).transpose().map_err(other)?.unwrap_or_default();
        let unknown = part("unknown").map(serde_json::from_value).transpose().map_err(other)?.unwrap_or_default();
        Ok(Look { answer, daemon, vrrp, lvs, unknown })
    }

    /// When it was taken.
    pub(super) fn taken(&self) -> f64 {
        self.vrrp.taken.max(self.lvs.taken)
    }

    pub(super) fn instance(&self, name: &str) -> Option<&Instance> {
        self.vrrp.instances.iter().find(|instance| instance.name == name)
    }
}

/// Runs one of the commands; what goes wrong is said once.
pub(super) fn with_daemon(
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
}

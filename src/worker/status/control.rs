// SPDX-License-Identifier: MIT OR Apache-2.0
//! The control socket: one JSON object a line, in both directions. Only root can open it, and a group that the
//! configuration names.
//!
//! A request is `{"v":1,"do":"status"}`; an answer has `"v":1` and either what was asked for or `"error"`.

use std::io;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;

use super::desk::Desk;
use crate::channel::Ask;
use crate::kernel::files;
use crate::observe::log::Log;

/// The version of requests and answers.
const VERSION: u64 = 1;
/// Only root may come in; or a group too.
const MODE: u32 = 0o600;
const GROUP_MODE: u32 = 0o660;
const CONNECTIONS_MAX: usize = 32;
const LINE_MAX: u64 = 64 * 1024;
/// How long a connection may be silent, or not take what it asked for.
const IDLE_LIMIT: Duration = Duration::from_secs(60);
/// After an accept that failed.
pub(super) const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What only this worker knows.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub enum Own {
    /// Events from a number on; with `follow`, those to come too.
    Events {
        #[serde(default)]
        from: u64,
        #[serde(default)]
        follow: bool,
    },
}

/// What a line asks for.
#[derive(Debug, PartialEq, Eq)]
pub enum Request {
    Own(Own),
    Ask(Ask),
}

/// Takes the place of what an earlier life left there.
pub(super) fn listen(path: &Path, mode: u32) -> io::Result<UnixListener> {
    files::remove_socket(path)?;
    let listener = UnixListener::bind(path)?;
    files::set_mode(path, mode)?;
    Ok(listener)
}

/// Where operators ask. A group that does not exist lets nobody in, and is no reason to keep root out.
pub(super) fn open(path: &Path, group: Option<&str>, log: &Log) -> io::Result<UnixListener> {
    let listener = listen(path, MODE)?;
    if let Some(group) = group {
        let given = files::give_to_group(path, group).and_then(|()| files::set_mode(path, GROUP_MODE));
        if let Err(error) = given {
            log.error(format_args!("control_socket_group {group}: {error}; only root can ask"));
        }
    }
    Ok(listener)
}

pub(super) async fn serve(listener: UnixListener, desk: Rc<Desk>) {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        // Whoever finds no room is hung up on and sees that at once.
        let Ok(permit) = room.clone().try_acquire_owned() else {
            desk.control.borrow_mut().refused += 1;
            continue;
        };
        desk.control.borrow_mut().taken += 1;
        let desk = desk.clone();
        tokio::task::spawn_local(async move {
            let ended = converse(stream, &desk).await;
            if ended.is_err_and(|error| error.kind() == io::ErrorKind::TimedOut) {
                desk.control.borrow_mut().silent += 1;
            }
            drop(permit);
        });
    }
}

async fn converse(stream: UnixStream, desk: &Desk) -> io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read);
    loop {
        let mut line = Vec::new();
        let mut limited = (&mut read).take(LINE_MAX);
        let got = match tokio::time::timeout(IDLE_LIMIT, limited.read_until(b'\n', &mut line)).await {
            Ok(got) => got?,
            Err(_) => return Err(io::ErrorKind::TimedOut.into()),
        };
        if got == 0 {
            return Ok(());
        }
        if line.last() != Some(&b'\n') {
            desk.control.borrow_mut().too_long += 1;
            say(&mut write, &json!({"error": format!("a line has {LINE_MAX} bytes at most and ends")})).await?;
            return Ok(());
        }
        let answer = match request(&line) {
            Ok(Request::Own(Own::Events { from, follow })) => {
                tell(&mut write, desk, from, follow).await?;
                continue;
            }
            Ok(Request::Ask(Ask::Status | Ask::Balance | Ask::Daemon)) => desk.look().await.json(),
            Ok(Request::Ask(ask)) => {
                let answer = desk.ask(ask).await;
                desk.forget();
                answer.unwrap_or_else(|error| json!({"error": error}))
            }
            Err(error) => json!({"error": error}),
        };
        say(&mut write, &answer).await?;
    }
}

/// Understands a line, or says why not.
pub fn request(line: &[u8]) -> Result<Request, String> {
    let value: Value = serde_json::from_slice(line).map_err(|error| format!("not a JSON object: {error}"))?;
    match value.get("v").and_then(Value::as_u64) {
        Some(VERSION) => {}
        Some(other) => return Err(format!("version {other} is not spoken here, version {VERSION} is")),
        None => return Err(format!("`v` is missing; it is {VERSION}")),
    }
    let read = match value.get("do").and_then(Value::as_str) {
        Some("events") => serde_json::from_value(value).map(Request::Own),
        _ => serde_json::from_value(value).map(Request::Ask),
    };
    read.map_err(|error| format!("not understood: {error}"))
}

/// One event a line; without `follow` an empty object ends them.
async fn tell(write: &mut (impl AsyncWriteExt + Unpin), desk: &Desk, from: u64, follow: bool) -> io::Result<()> {
    let mut next = from;
    loop {
        for event in desk.events(next) {
            next = event.number + 1;
            say(write, &serde_json::to_value(&*event)?).await?;
        }
        if !follow {
            return say(write, &json!({"end": true, "next": next})).await;
        }
        desk.wait_for(next).await;
    }
}

async fn say(write: &mut (impl AsyncWriteExt + Unpin), answer: &Value) -> io::Result<()> {
    let mut answer = answer.clone();
    if let Value::Object(fields) = &mut answer {
        fields.insert("v".to_owned(), VERSION.into());
    }
    let line = format!("{answer}\n");
    match tokio::time::timeout(IDLE_LIMIT, write.write_all(line.as_bytes())).await {
        Ok(written) => written,
        Err(_) => Err(io::ErrorKind::TimedOut.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::ServerVerb;

    #[test]
    fn requests_are_understood_or_refused_with_a_reason() {
        assert_eq!(request(br#"{"v":1,"do":"status"}"#), Ok(Request::Ask(Ask::Status)));
        assert_eq!(
            request(br#"{"v":1,"do":"announce","name":"A"}"#),
            Ok(Request::Ask(Ask::Announce { name: "A".into() }))
        );
        let line = br#"{"v":1,"do":"server","name":"10.0.0.1:80","verb":{"weight":5},"seconds":60}"#;
        let verb = ServerVerb::Weight(5);
        let ask = Ask::Server { name: "10.0.0.1:80".into(), of: None, verb, seconds: Some(60), force: false };
        assert_eq!(request(line), Ok(Request::Ask(ask)));
        let cases: [(&[u8], &str); 5] = [
            (b"garbage", "not a JSON object"),
            (br#"{"do":"status"}"#, "`v` is missing"),
            (br#"{"v":2,"do":"status"}"#, "version 2"),
            (br#"{"v":1,"do":"explode"}"#, "not understood"),
            (br#"{"v":1,"do":"announce"}"#, "missing field `name`"),
        ];
        for (line, part) in cases {
            let refused = request(line).unwrap_err();
            assert!(refused.contains(part), "{refused}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_line_is_understood_or_refused(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            let _ = request(&bytes);
        }

        #[test]
        fn any_text_where_a_name_belongs_is_a_name(name in ".{0,40}", seconds in proptest::option::of(0_u32..)) {
            let line = json!({"v": 1, "do": "server", "name": name, "verb": "drain", "seconds": seconds}).to_string();
            let ask = Ask::Server { name, of: None, verb: ServerVerb::Drain, seconds, force: false };
            proptest::prop_assert_eq!(request(line.as_bytes()), Ok(Request::Ask(ask)));
        }
    }

    #[test]
    fn events_are_asked_for_by_number() {
        let wanted = |from, follow| Ok(Request::Own(Own::Events { from, follow }));
        assert_eq!(request(br#"{"v":1,"do":"events"}"#), wanted(0, false));
        assert_eq!(request(br#"{"v":1,"do":"events","from":7,"follow":true}"#), wanted(7, true));
        assert_eq!(request(br#"{"v":1,"do":"status"}"#), Ok(Request::Ask(Ask::Status)));
    }
}

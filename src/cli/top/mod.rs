// SPDX-License-Identifier: MIT OR Apache-2.0
//! `steadfast top`: how everything stands, live, in a terminal.
//!
//! One loop waits for keys, for the daemon's answer and for the next second. What a key means and how it looks is decided by
//! `model` and `view`, which know no terminal.

mod model;
mod view;

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use serde_json::{Value, json};

use self::model::{Deed, Model, Target, keys};
use super::ask::{
    Daemon, FAILED, Look, Words, done, granted, server_request, stand_request, status_request, understood, words,
};
use super::{Output, status, usage};
use crate::kernel::clock;
use crate::kernel::terminal::{Heard, Terminal};

/// Between two looks.
const PAUSE: Duration = Duration::from_secs(1);
/// A connection on which nothing came for so long is given up.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);
/// More than this no daemon says at once.
const ANSWER_MAX: usize = 64 * 1024 * 1024;

pub(super) fn run(arguments: Vec<OsString>, output: &mut Output<'_>) -> u8 {
    let words = match words(arguments) {
        Ok(words) => words,
        Err(error) => return usage("top", error, output),
    };
    // Who is not there at all is told without a screen.
    if let Err(error) = Daemon::reach(&words) {
        output.complain(error);
        return FAILED;
    }
    let ended = Terminal::open().and_then(|terminal| live(&terminal, &words, output.colour));
    match ended {
        Ok(()) => 0,
        Err(error) if error.kind() == io::ErrorKind::Unsupported => {
            output.complain(format_args!("{error}; `steadfast status --watch` does without one"));
            FAILED
        }
        Err(error) => {
            output.complain(error);
            FAILED
        }
    }
}

fn live(terminal: &Terminal, words: &Words, colour: bool) -> io::Result<()> {
    let mut model = Model::new();
    let mut looks = Looks::default();
    let mut seen = clock::now();
    loop {
        match looks.next(words) {
            Ok(Some(look)) => {
                seen = clock::now();
                model.saw(look);
            }
            Ok(None) => {}
            Err(why) => model.missed(why),
        }
        model.age = Duration::from_nanos(clock::now().saturating_sub(seen)).as_secs();
        let (width, height) = terminal.size();
        let (width, height) = (usize::from(width), usize::from(height));
        let lines = view::screen(&mut model, width, height);
        terminal.show(&view::painted(&lines, width, colour))?;
        match terminal.wait(looks.waiting(), looks.pause())? {
            Heard::Leave => return Ok(()),
            Heard::Keys(bytes) => {
                for key in keys(&bytes) {
                    match model.press(key) {
                        Deed::Nothing => {}
                        Deed::Quit => return Ok(()),
                        deed => act(deed, words, &mut model),
                    }
                    looks.at_once();
                }
            }
            Heard::Nothing | Heard::Resized | Heard::Other => {}
        }
    }
}

/// Asks the daemon for what a key wants, in a conversation of its own.
fn act(deed: Deed, words: &Words, model: &mut Model) {
    let told = Daemon::reach(words).and_then(|mut daemon| match deed {
        Deed::Nothing | Deed::Quit => Ok(()),
        Deed::Why(name) => {
            let text = written(|output| status::tell_why(Some(&name), &mut daemon, output));
            model.read(format!("why {name}"), text, false);
            Ok(())
        }
        Deed::Events => {
            model.read("events".to_owned(), status::all_events(&mut daemon), true);
            Ok(())
        }
        Deed::Drain(target, seconds) => {
            let asked = daemon.ask(order(&target, "drain", seconds))?;
            model.said = Some(
                done(&asked).map(|lines| lines.join("; ")).unwrap_or_else(|| format!("{} gives way", target.name())),
            );
            Ok(())
        }
        Deed::Normal(target) => {
            let asked = daemon.ask(order(&target, "normal", None))?;
            let usual = || format!("the configuration counts again for {}", target.name());
            model.said = Some(done(&asked).map(|lines| lines.join("; ")).unwrap_or_else(usual));
            Ok(())
        }
    });
    if let Err(why) = told {
        model.said = Some(why);
    }
}

/// The request that gives an order about an instance or a real server.
fn order(target: &Target, verb: &str, seconds: Option<u32>) -> Value {
    match target {
        Target::Instance(name) | Target::Service(name) => {
            stand_request(name, (verb == "drain").then(|| json!("release")), seconds)
        }
        Target::Server { name, of } => server_request(name, Some(of), &json!(verb), seconds, false),
    }
}

/// The lines a command would print.
fn written(tell: impl FnOnce(&mut Output<'_>) -> Result<(), String>) -> Result<Vec<String>, String> {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    tell(&mut Output { out: &mut out, err: &mut err, colour: false })?;
    Ok(String::from_utf8_lossy(&out).lines().map(str::to_owned).collect())
}

/// One look after the other, without waiting for any: keys are heard all the while.
#[derive(Default)]
struct Looks {
    stream: Option<UnixStream>,
    got: Vec<u8>,
    /// When the last question went out; nothing while none is open.
    asked: Option<u64>,
    /// When the next one is due.
    due: u64,
}

impl Looks {
    /// What came since; asks anew when it is time.
    fn next(&mut self, words: &Words) -> Result<Option<Look>, String> {
        let looked = self.advance(words);
        if looked.is_err() {
            *self = Looks { due: clock::after(clock::now(), PAUSE), ..Looks::default() };
        }
        looked
    }

    fn advance(&mut self, words: &Words) -> Result<Option<Look>, String> {
        let now = clock::now();
        if self.asked.is_none() && now >= self.due {
            let stream = match self.stream.take() {
                Some(stream) => stream,
                None => Daemon::reach(words)?.stream()?,
            };
            let stream = self.stream.insert(stream);
            let line = format!("{}\n", status_request());
            stream.write_all(line.as_bytes()).map_err(|error| format!("the daemon hung up: {error}"))?;
            self.asked = Some(now);
        }
        let (Some(stream), Some(asked)) = (&mut self.stream, self.asked) else { return Ok(None) };
        let mut piece = [0; 16 * 1024];
        loop {
            match stream.read(&mut piece) {
                Ok(0) => return Err("the daemon hung up".to_owned()),
                Ok(length) => self.got.extend_from_slice(piece.get(..length).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(format!("the daemon hung up: {error}")),
            }
            if self.got.len() > ANSWER_MAX {
                return Err("the daemon says more than can be taken".to_owned());
            }
        }
        if self.got.last() != Some(&b'\n') {
            let silent = Duration::from_nanos(now.saturating_sub(asked)) > ANSWER_LIMIT;
            return if silent { Err("the daemon does not answer".to_owned()) } else { Ok(None) };
        }
        let answer = understood(&std::mem::take(&mut self.got))?;
        (self.asked, self.due) = (None, clock::after(clock::now(), PAUSE));
        granted(answer).and_then(Look::of).map(Some)
    }

    /// Something was done: its effect is to be seen.
    fn at_once(&mut self) {
        self.due = 0;
    }

    /// What an answer comes in at.
    fn waiting(&self) -> Option<std::os::fd::BorrowedFd<'_>> {
        self.asked.and(self.stream.as_ref()).map(AsFd::as_fd)
    }

    /// How long there is nothing to do.
    fn pause(&self) -> Duration {
        if self.asked.is_some() { PAUSE } else { Duration::from_nanos(self.due.saturating_sub(clock::now())) }
    }
}

#[cfg(test)]
mod tests;

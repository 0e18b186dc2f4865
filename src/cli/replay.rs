// SPDX-License-Identifier: MIT OR Apache-2.0
//! `steadfast record` and `steadfast replay`: what led to a transition, taken from the running daemon and played again in
//! the very machine it runs.

use std::ffi::OsString;
use std::path::Path;

use lexopt::{Arg, Parser};
use serde_json::json;

use super::ask::with_daemon;
use super::{Output, usage};
use crate::kernel::{clock, files};
use crate::observe::recording::Recording;

/// A file longer than this is no recording.
const RECORDING_MAX: u64 = 256 << 20;

pub(super) fn record(arguments: Vec<OsString>, output: &mut Output<'_>) -> u8 {
    with_daemon("record", arguments, output, |_, daemon, output| {
        let answer = daemon.ask(json!({"v": 1, "do": "record"}))?;
        output.print(answer.get("recording").ok_or("the daemon has no flight recorder: it is of another version")?);
        Ok(())
    })
}

/// Fails when the machine does something else than it did then.
pub(super) fn replay(words: Vec<OsString>, output: &mut Output<'_>) -> u8 {
    let (file, all) = match read(words) {
        Ok(request) => request,
        Err(problem) => return usage("replay", problem, output),
    };
    let path = Path::new(&file);
    let bytes = files::read(path, RECORDING_MAX).map_err(|error| error.to_string());
    let recording = match bytes.and_then(|bytes| Recording::read(&bytes)) {
        Ok(recording) => recording,
        Err(error) => {
            output.complain(format_args!("{}: {error}", path.display()));
            return 1;
        }
    };
    if let Some((from, to)) = recording.span() {
        let (from, to) = (clock::local_stamp(from), clock::local_stamp(to));
        output.print(format_args!("recorded by steadfast {} from {from} to {to}", recording.version));
    }
    let played = recording.play(all, |line| output.print(line));
    match played.first {
        None => {
            output.print(format_args!("{} steps, and each did what it did then", played.steps));
            0
        }
        Some(first) => {
            let (different, steps) = (played.different, played.steps);
            output.complain(format_args!(
                "{different} of {steps} steps did something else than then; the first: {first}"
            ));
            1
        }
    }
}

fn read(words: Vec<OsString>) -> Result<(OsString, bool), String> {
    let (mut file, mut all) = (None, false);
    let mut parser = Parser::from_args(words);
    while let Some(argument) = parser.next().map_err(|error| error.to_string())? {
        match argument {
            Arg::Long("all") => all = true,
            Arg::Value(word) if file.is_none() => file = Some(word),
            other => return Err(other.unexpected().to_string()),
        }
    }
    file.map(|file| (file, all)).ok_or_else(|| "which file? `steadfast record > FILE` writes one".to_owned())
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! `vrrp_track_process`: processes that must run, or must not.

use std::sync::LazyLock;
use std::time::Duration;

use super::{BAD_QUORUM, NO_PROCESS};
use crate::blocks::Config;
use crate::diagnostic::{Class, Diagnostic};
use crate::interpret::WRITTEN_TWICE;
use crate::schema::{Again, Block, Keyword, Node, Seen, Shape, int, kw, seconds};
use crate::value::Args;

#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct TrackProcess {
    pub name: String,
    /// The kernel's name of the process, or its command with `by_command`.
    pub process: String,
    pub parameters: Vec<String>,
    pub matching: Matching,
    pub weight: i16,
    pub reverse: bool,
    pub quorum: u32,
    /// More of them than this are as bad as too few.
    pub quorum_max: Option<u32>,
    /// Wait after too few are left.
    pub terminate_delay: Duration,
    /// Wait after there are enough.
    pub fork_delay: Duration,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub seen: Seen,
}

/// What of a process is compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub enum Matching {
    /// The name the kernel shows.
    #[default]
    Name,
    /// The first word of its command line.
    Command,
    /// That, and exactly these parameters.
    Exact,
    /// That, and these parameters first.
    Partial,
    /// As partial, but the last one given may go on.
    Initial,
}

impl Node for TrackProcess {
    fn seen(&mut self) -> &mut Seen {
        &mut self.seen
    }
}

/// The longest delay.
const DELAY_MAX: f64 = 3600.0;

pub static BLOCK: LazyLock<Block<TrackProcess>> = LazyLock::new(|| {
    let mut rows = what();
    rows.extend(how_many());
    rows.extend(delays());
    Block::new("vrrp_track_process", rows)
});

fn what() -> Vec<Keyword<TrackProcess>> {
    vec![
        kw("process")
            .must(Shape::Word("NAME"))
            .opt(Shape::Syntax("[PARAMETER...]"))
            .doc("Name of the process, or its command and parameters. Parameters must all be there and nothing else.")
            .note("Parameters imply `full_command`; `param_match` says how they are compared.")
            .example("process haproxy")
            .since("2.0.11")
            .again(Again::First)
            .set(|track, args| {
                if let Some(process) = args.text() {
                    track.process = process;
                    track.parameters = args.rest().map(|word| word.text.to_owned()).collect();
                }
            }),
        kw("param_match")
            .opt(Shape::Choice(&["initial", "partial"]))
            .default("exact when parameters are given")
            .otherwise("the line is ignored")
            .doc(
                "How parameters are compared: without a word all of them exactly; `partial` those given come first; \
                 `initial` the same, and the last one may go on.",
            )
            .note("Implies `full_command`.")
            .since("2.0.16")
            .set(|track, args| {
                track.matching = match args.given().then(|| args.choice()) {
                    None => Matching::Exact,
                    Some(Some("partial")) => Matching::Partial,
                    Some(Some(_)) => Matching::Initial,
                    Some(None) => return,
                };
            }),
        kw("full_command")
            .default("off")
            .doc("Compare the command line instead of the name the kernel shows.")
            .since("2.0.11")
            .set(|track, _| {
                if track.matching == Matching::Name {
                    track.matching = Matching::Command;
                }
            }),
    ]
}

fn how_many() -> Vec<Keyword<TrackProcess>> {
    vec![
        kw("weight")
            .arg(int(-254, 254))
            .opt(Shape::Choice(&["reverse"]))
            .default("0")
            .otherwise("the value before stays")
            .doc(
                "What instances add to their priority: a positive weight while there are enough processes, a negative \
                 one while there are not, `reverse` the other way round. With 0 too few mean FAULT.",
            )
            .since("2.0.11")
            .set(|track, args| {
                if track.weight != 0 {
                    let span = args.span();
                    args.reject(WRITTEN_TWICE, Class::General, span, "the first weight counts");
                    let _ = args.rest();
                    return;
                }
                if let Some(weight) = args.num() {
                    track.weight = weight;
                    track.reverse = super::reverse(args);
                }
            }),
        kw("quorum")
            .must(int(1, 65535))
            .default("1")
            .otherwise("the value before stays")
            .doc("How many of them are needed.")
            .since("2.0.11")
            .set(|track, args| {
                let word = args.peek();
                let (Some(quorum), Some(word)) = (args.num::<u32>(), word) else { return };
                if track.quorum_max.is_some_and(|most| quorum > most) {
                    args.reject(BAD_QUORUM, Class::General, word.span, "more than `quorum_max`: ignored");
                } else {
                    track.quorum = quorum;
                }
            }),
        kw("quorum_max")
            .must(int(0, 65535))
            .default("any number")
            .otherwise("the value before stays")
            .doc("How many there may be at most; 0 means that none may run.")
            .since("2.0.16")
            .set(|track, args| {
                let word = args.peek();
                let (Some(most), Some(word)) = (args.num::<u32>(), word) else { return };
                if most == 0 && track.quorum <= 1 {
                    track.quorum = 0;
                    track.quorum_max = Some(0);
                } else if most < track.quorum {
                    args.reject(BAD_QUORUM, Class::General, word.span, "less than `quorum`: ignored");
                } else {
                    track.quorum_max = Some(most);
                }
            }),
    ]
}

fn delays() -> Vec<Keyword<TrackProcess>> {
    vec![
        kw("delay")
            .must(seconds(6, 0.000001, DELAY_MAX))
            .default("0")
            .otherwise("the value before stays")
            .doc("Sets both delays below.")
            .since("2.0.11")
            .set(|track, args| {
                if let Some(delay) = args.time() {
                    track.terminate_delay = delay;
                    track.fork_delay = delay;
                }
            }),
        kw("terminate_delay")
            .must(seconds(6, 0.000001, DELAY_MAX))
            .default("0")
            .otherwise("the value before stays")
            .doc("Seconds too few processes are borne with before it counts.")
            .since("2.0.16")
            .set(|track, args| {
                if let Some(delay) = args.time() {
                    track.terminate_delay = delay;
                }
            }),
        kw("fork_delay")
            .must(seconds(6, 0.000001, DELAY_MAX))
            .default("0")
            .otherwise("the value before stays")
            .doc("Seconds enough processes must be there before it counts.")
            .since("2.0.16")
            .set(|track, args| {
                if let Some(delay) = args.time() {
                    track.fork_delay = delay;
                }
            }),
    ]
}

pub(crate) fn open(_: &mut Config, args: &mut Args<'_, '_>) -> Option<TrackProcess> {
    let name = args.text()?;
    Some(TrackProcess {
        name,
        process: String::new(),
        parameters: Vec::new(),
        matching: Matching::Name,
        weight: 0,
        reverse: false,
        quorum: 1,
        quorum_max: None,
        terminate_delay: Duration::ZERO,
        fork_delay: Duration::ZERO,
        seen: Seen::default(),
    })
}

pub(crate) fn close(config: &mut Config, mut track: TrackProcess, args: &mut Args<'_, '_>) {
    if track.process.is_empty() {
        let finding = Diagnostic::error(NO_PROCESS, format!("`vrrp_track_process {}` names no process", track.name))
            .at(track.seen.span_or_head("process"), "left out")
            .hint("name it with `process`");
        args.push(finding);
        return;
    }
    if !track.parameters.is_empty() && matches!(track.matching, Matching::Name | Matching::Command) {
        track.matching = Matching::Exact;
    }
    config.tracking.processes.push(track);
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the flight recorder kept, as a file, and the timeline that comes of playing it again.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::kernel::clock;
use crate::plan::vrrp::VrrpPlan;
use crate::proto::Instant;
use crate::proto::vrrp::{Cue, Effect, Engine, GroupId, InstanceId, Judgement, Phase, Stretch, TrackId};
use crate::sim::timeline::{self, Names};

/// Recordings of another form cannot be read.
pub const FORMAT: u32 = 1;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recording {
    pub format: u32,
    /// Of the daemon that wrote it.
    pub version: String,
    /// The moment of writing, on the clock of the steps and on the wall.
    pub now: Instant,
    pub wall: f64,
    pub instances: BTreeMap<InstanceId, String>,
    pub groups: BTreeMap<GroupId, String>,
    pub tracks: BTreeMap<TrackId, String>,
    pub stretch: Stretch,
}

/// What came of playing it again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Played {
    pub steps: usize,
    /// Steps that did something else than then.
    pub different: usize,
    pub first: Option<String>,
}

impl Recording {
    pub fn new(stretch: Stretch, plan: &VrrpPlan) -> Recording {
        Recording {
            format: FORMAT,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            now: Instant::from_nanos(clock::now()),
            wall: clock::wall().as_secs_f64(),
            instances: plan.instances.clone(),
            groups: plan.groups.clone(),
            tracks: plan.tracks.iter().map(|(id, track)| (*id, track.name.clone())).collect(),
            stretch,
        }
    }

    /// The file, as it was written.
    pub fn read(bytes: &[u8]) -> Result<Recording, String> {
        #[derive(Deserialize)]
        struct Head {
            format: u32,
            version: String,
        }
        let head: Head = serde_json::from_slice(bytes).map_err(|error| format!("not a recording: {error}"))?;
        if head.format != FORMAT {
            let ours = env!("CARGO_PKG_VERSION");
            return Err(format!(
                "a recording of form {} by version {}; this is version {ours}, which reads form {FORMAT}",
                head.format, head.version
            ));
        }
        serde_json::from_slice(bytes)
            .map_err(|error| format!("a recording by version {} that this version cannot read: {error}", head.version))
    }

    /// When a step was taken, on the wall clock.
    fn wall_at(&self, at: Instant) -> Duration {
        let wall = Duration::try_from_secs_f64(self.wall).unwrap_or_default();
        wall.saturating_sub(self.now.since(at))
    }

    /// From when to when.
    pub fn span(&self) -> Option<(Duration, Duration)> {
        let (first, last) = (self.stretch.beats.first()?, self.stretch.beats.last()?);
        Some((self.wall_at(first.at), self.wall_at(last.at)))
    }

    /// Plays it in the very machine the daemon runs, and says what happened; with `all`, every step.
    pub fn play(&self, all: bool, mut say: impl FnMut(&str)) -> Played {
        let track = |id: &TrackId| self.tracks.get(id).cloned();
        let names = Names { instances: &self.instances, groups: &self.groups, track: &track };
        let mut played = Played::default();
        self.stretch.clone().play(|beat, engine, effects, same| {
            played.steps += 1;
            let head = format!("{} {}", moment(self.wall_at(beat.at)), states(engine));
            if all {
                say(&format!("{head} <- {}", cue(&beat.cue, &names)));
            }
            for effect in effects {
                if let Some(text) = told(effect, &names, all) {
                    say(&format!("{head} {text}"));
                }
            }
            if !same {
                played.different += 1;
                let what = format!("{head} here the machine did something else than then: {}", cue(&beat.cue, &names));
                say(&what);
                played.first.get_or_insert(what);
            }
        });
        played
    }
}

/// Hours to milliseconds.
fn moment(wall: Duration) -> String {
    let civil = clock::civil(wall, false);
    format!("{:02}:{:02}:{:02}.{:03}", civil.hour, civil.minute, civil.second, wall.subsec_millis())
}

/// A letter for each instance.
fn states(engine: &Engine) -> String {
    let letters = engine.instances().map(|id| match engine.phase(id) {
        None => '.',
        Some(Phase::Init) => 'I',
        Some(Phase::Backup) => 'B',
        Some(Phase::Master) => 'M',
        Some(Phase::Fault) => 'F',
    });
    format!("| {} |", letters.collect::<String>())
}

fn cue(cue: &Cue, names: &Names<'_>) -> String {
    match cue {
        Cue::Expired => "time passed".to_owned(),
        Cue::Judged(Judgement::Heard(id, heard)) => {
            format!("{} hears {} with priority {}", names.instance(*id), heard.source(), heard.priority())
        }
        Cue::Judged(Judgement::Refused(id, refusal, source)) => {
            format!("{} refuses an advert from {source}: {refusal:?}", names.instance(*id))
        }
        Cue::Judged(Judgement::Stray(_) | Judgement::Ignored(_)) => "an advert that is not used".to_owned(),
        Cue::Told(input) => format!("{input:?}"),
    }
}

fn told(effect: &Effect, names: &Names<'_>, all: bool) -> Option<String> {
    match effect {
        Effect::Report(event) => timeline::words(names, event),
        Effect::Send(sent) if all || sent.priority == 0 => {
            Some(format!("{} sends an advert with priority {}", names.instance(sent.instance), sent.priority))
        }
        Effect::Announce(id, announced) => {
            Some(format!("{} announces {} addresses", names.instance(*id), announced.addresses.len()))
        }
        Effect::Hold(_, id, wanted) => {
            let addresses = wanted.every_address().count();
            Some(match addresses {
                0 => format!("{} lets go of what it holds", names.instance(*id)),
                _ => format!("{} asks the kernel for {addresses} addresses", names.instance(*id)),
            })
        }
        Effect::Send(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_recording_or_one_of_another_form_is_refused_with_a_reason() {
        let refused = Recording::read(b"{}").unwrap_err();
        assert!(refused.starts_with("not a recording"), "{refused}");
        let refused = Recording::read(br#"{"format":9,"version":"7.1"}"#).unwrap_err();
        assert!(refused.contains("form 9 by version 7.1"), "{refused}");
        let refused = Recording::read(br#"{"format":1,"version":"0.0"}"#).unwrap_err();
        assert!(refused.contains("this version cannot read"), "{refused}");
    }
}

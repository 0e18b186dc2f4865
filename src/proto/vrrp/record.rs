// SPDX-License-Identifier: MIT OR Apache-2.0
//! The flight recorder: what moved the engine lately, kept in bounded memory, and played again.
//!
//! An engine that starts from the same state and takes the same inputs at the same times does the same; so the state at
//! one moment and what followed is all that is needed to see again what led to a transition. Packets are kept as they were
//! judged, never as they came: nothing here has a password, a key or a signature in it. Since adverts that were refused
//! change nothing but counters, only those that were told of are kept, and a flood of them leaves the past alone.

use std::hash::{Hash, Hasher};

use super::accept::Heard;
use super::io::{Effect, Input};
use super::receive::Judgement;
use super::types::InstanceId;
use super::{Engine, Instant, Machine};

/// What one stretch has room for. There are two, so at least so much of the past is there once there was that much.
pub const BEATS_MAX: usize = 4096;

/// The same for each instance, where that is more: a new stretch costs a copy of every instance that goes on to change.
const BEATS_OF_INSTANCE: usize = 16;

/// What moved the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "daemon", derive(serde::Serialize, serde::Deserialize))]
pub enum Cue {
    Judged(Judgement),
    Told(Box<Input>),
    /// Something was due.
    Expired,
}

/// One step of the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "daemon", derive(serde::Serialize, serde::Deserialize))]
pub struct Beat {
    pub at: Instant,
    pub cue: Cue,
    /// The sum of its effects, packets without their contents, and of what it waits for next.
    did: u64,
}

/// The state at one moment, and every step since.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "daemon", derive(serde::Serialize, serde::Deserialize))]
pub struct Stretch {
    pub start: Engine,
    pub beats: Vec<Beat>,
}

/// Runs an engine and remembers.
#[derive(Debug, Default)]
pub struct Recorder {
    older: Option<Stretch>,
    newer: Option<Stretch>,
}

impl Recorder {
    /// As [`Machine::handle`]; where it was an advert that was taken, whose it was and what it said.
    pub fn handle(
        &mut self,
        engine: &mut Engine,
        now: Instant,
        input: Input,
        out: &mut Vec<Effect>,
    ) -> Option<(InstanceId, Heard)> {
        let before = out.len();
        let input = match input {
            Input::Received(datagram) => {
                let judgement = engine.judge(now, &datagram);
                self.make_room(engine);
                engine.act_on(now, &judgement, out);
                let did = out.get(before..).unwrap_or_default();
                let heard = judgement.heard();
                if heard.is_some() || !did.is_empty() {
                    self.keep(now, Cue::Judged(judgement), sum(did, engine));
                }
                return heard;
            }
            input => input,
        };
        self.make_room(engine);
        let kept = Box::new(input.clone());
        engine.handle(now, input, out);
        self.keep(now, Cue::Told(kept), sum(out.get(before..).unwrap_or_default(), engine));
        None
    }

    /// As [`Machine::expire`].
    pub fn expire(&mut self, engine: &mut Engine, now: Instant, out: &mut Vec<Effect>) {
        let before = out.len();
        let due = engine.deadline().is_some_and(|deadline| deadline.at <= now);
        if due {
            self.make_room(engine);
        }
        engine.expire(now, out);
        if due {
            self.keep(now, Cue::Expired, sum(out.get(before..).unwrap_or_default(), engine));
        }
    }

    /// What is remembered, from the oldest state on.
    pub fn kept(&self) -> Option<Stretch> {
        let Some(older) = &self.older else { return self.newer.clone() };
        let mut kept = older.clone();
        kept.beats.extend(self.newer.iter().flat_map(|newer| newer.beats.iter().cloned()));
        Some(kept)
    }

    /// Begins a new stretch where the one that is written to is full.
    fn make_room(&mut self, engine: &Engine) {
        let room = BEATS_MAX.max(engine.instances.len() * BEATS_OF_INSTANCE);
        if self.newer.as_ref().is_none_or(|newer| newer.beats.len() >= room) {
            self.older = self.newer.replace(Stretch { start: engine.clone(), beats: Vec::new() });
        }
    }

    fn keep(&mut self, at: Instant, cue: Cue, did: u64) {
        let Some(newer) = &mut self.newer else { return };
        // Of clocks that follow each other only the last counts, and there is one in each turn of who signs.
        if is_clock(&cue) && newer.beats.last().is_some_and(|last| is_clock(&last.cue)) {
            newer.beats.pop();
        }
        newer.beats.push(Beat { at, cue, did });
    }
}

fn is_clock(cue: &Cue) -> bool {
    matches!(cue, Cue::Told(input) if matches!(**input, Input::Clock(_)))
}

impl Stretch {
    /// Does every step again, and shows each with the engine after it, its effects, and whether they are what they were.
    pub fn play(self, mut show: impl FnMut(&Beat, &Engine, &[Effect], bool)) {
        let mut engine = self.start;
        let mut effects = Vec::new();
        for beat in &self.beats {
            match &beat.cue {
                Cue::Judged(judgement) => engine.act_on(beat.at, judgement, &mut effects),
                Cue::Told(input) => engine.handle(beat.at, (**input).clone(), &mut effects),
                Cue::Expired => engine.expire(beat.at, &mut effects),
            }
            show(beat, &engine, &effects, sum(&effects, &engine) == beat.did);
            effects.clear();
        }
    }
}

/// FNV-1a over what was done. What is inside a packet depends on keys that a recording does not have.
fn sum(effects: &[Effect], engine: &Engine) -> u64 {
    let mut sum = Fnv(0xcbf2_9ce4_8422_2325);
    for effect in effects {
        match effect {
            Effect::Send(sent) => {
                (sent.instance, sent.port, sent.priority, sent.source).hash(&mut sum);
                for packet in sent.packets.iter() {
                    (packet.destination, packet.hop_limit).hash(&mut sum);
                }
            }
            Effect::Hold(..) | Effect::Announce(..) | Effect::Report(_) => effect.hash(&mut sum),
        }
    }
    engine.deadline().map(|deadline| deadline.at).hash(&mut sum);
    sum.finish()
}

struct Fnv(u64);

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the flight recorder keeps plays again as it was, has no secret in it, and does not grow.

use super::kit::{HIGHER, OURS, PORT, Said, VI, ms, params, said, setup};
use crate::proto::vrrp::auth::{AuthState, Password};
use crate::proto::vrrp::{
    Auth, BEATS_MAX, Changes, Cue, Effect, Engine, Family, Input, Judgement, Link, Outcome, Params, Phase, Recorder,
    Setup, Stretch, Version, WallTime,
};
use crate::proto::{Instant, Machine};

/// A node that is run by a recorder, with a kernel that says yes.
struct Flight {
    recorder: Recorder,
    engine: Engine,
    now: Instant,
    wall: WallTime,
}

impl Flight {
    fn start(params: Params) -> Flight {
        let now = Instant::ZERO + ms(10_000);
        let wall = WallTime(super::kit::EPOCH);
        let mut flight = Flight { recorder: Recorder::default(), engine: Engine::new(7), now, wall };
        let changes = Changes::between(&Setup::default(), &setup([(VI, params)]));
        for input in [
            Input::Clock(wall),
            Input::Link(PORT, Link::Up),
            Input::Source(PORT, Family::V4, Some(OURS)),
            Input::Reconfigure(changes),
        ] {
            flight.give(input);
        }
        flight
    }

    fn give(&mut self, input: Input) {
        let mut effects = Vec::new();
        self.recorder.handle(&mut self.engine, self.now, input, &mut effects);
        self.oblige(&effects);
    }

    fn hear(&mut self, said: &Said) {
        let datagram = said.datagram(&mut AuthState::default(), self.wall);
        self.give(Input::Received(datagram));
    }

    /// Until the next deadline, and what is due then.
    fn wait(&mut self) {
        self.now = self.engine.deadline().map_or(self.now, |deadline| deadline.at);
        let mut effects = Vec::new();
        self.recorder.expire(&mut self.engine, self.now, &mut effects);
        self.oblige(&effects);
    }

    fn oblige(&mut self, effects: &[Effect]) {
        for effect in effects {
            if let Effect::Hold(ticket, ..) = effect {
                self.give(Input::Settled(*ticket, Outcome::Ok));
            }
        }
    }

    fn kept(&self) -> Stretch {
        self.recorder.kept().unwrap()
    }
}

fn secret() -> Params {
    let auth = Auth::Password(Password::new(b"s3cr3t!").unwrap());
    Params { version: Version::V2, auth, ..params(100) }
}

/// A backup whose master falls silent.
fn failover() -> Flight {
    let mut flight = Flight::start(secret());
    for _ in 0..3 {
        flight.hear(&said(&secret(), HIGHER, 200));
        flight.now += ms(1000);
    }
    while flight.engine.phase(VI) != Some(Phase::Master) {
        flight.wait();
    }
    flight.wait();
    flight
}

/// How many steps differ, and the phase at the end.
fn played(stretch: Stretch) -> (usize, Option<Phase>) {
    let (mut different, mut phase) = (0, None);
    stretch.play(|_, engine, _, same| {
        different += usize::from(!same);
        phase = engine.phase(VI);
    });
    (different, phase)
}

// The core alone writes nothing.
#[cfg(feature = "daemon")]
#[test]
fn a_failover_plays_again_as_it_was_though_the_password_is_gone() {
    let flight = failover();
    let text = serde_json::to_string(&flight.kept()).unwrap();
    assert!(!text.contains("s3cr3t!"));
    let octets = "115,51,99,114,51,116";
    assert!(!text.contains(octets), "nor as octets");
    let read: Stretch = serde_json::from_str(&text).unwrap();
    assert_eq!(played(read), (0, Some(Phase::Master)));
}

#[test]
fn another_past_is_told_from_the_recorded_one() {
    let mut kept = failover().kept();
    // The master had said with its last advert that it leaves.
    let heard = kept.beats.iter_mut().rev().find_map(|beat| match &mut beat.cue {
        Cue::Judged(Judgement::Heard(_, heard)) => Some(heard),
        _ => None,
    });
    heard.unwrap().priority = 0;
    assert!(played(kept).0 > 0);
}

#[test]
fn the_memory_is_bounded_and_what_is_left_still_plays() {
    let mut flight = failover();
    for _ in 0..3 * BEATS_MAX {
        flight.wait();
    }
    let kept = flight.kept();
    assert!((BEATS_MAX..=2 * BEATS_MAX).contains(&kept.beats.len()), "{}", kept.beats.len());
    assert_eq!(played(kept), (0, Some(Phase::Master)));
}

#[test]
fn a_flood_of_what_is_refused_leaves_the_past_alone() {
    let mut flight = failover();
    let before = flight.kept().beats.len();
    let wrong = Params { auth: Auth::Password(Password::new(b"wrong").unwrap()), ..secret() };
    for _ in 0..2 * BEATS_MAX {
        flight.hear(&said(&wrong, HIGHER, 200));
    }
    // It is told of once.
    assert_eq!(flight.kept().beats.len(), before + 1);
    assert_eq!(played(flight.kept()), (0, Some(Phase::Master)));
}

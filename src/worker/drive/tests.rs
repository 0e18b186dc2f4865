// SPDX-License-Identifier: MIT OR Apache-2.0
use std::io;
use std::time::Duration;

use super::{DEFER_MAX, Effects, Inputs, LATE_LEAST, Turn, World, coarse, drive};
use crate::kernel::clock;
use crate::proto::{Deadline, Instant, Machine};

/// A backup in small: an advert moves its timer away.
#[derive(Default)]
struct Backup {
    down_at: Option<Instant>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Input {
    Advert,
    Late(Duration),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Effect {
    Heard,
    WasLate,
    TookOver,
}

const INTERVAL: Duration = Duration::from_secs(3600);

impl Machine for Backup {
    type Input = Input;
    type Effect = Effect;

    fn handle(&mut self, now: Instant, input: Input, out: &mut Vec<Effect>) {
        match input {
            Input::Advert => {
                self.down_at = Some(now + INTERVAL);
                out.push(Effect::Heard);
            }
            Input::Late(_) => out.push(Effect::WasLate),
        }
    }

    fn expire(&mut self, now: Instant, out: &mut Vec<Effect>) {
        if self.down_at.is_some_and(|at| at <= now) {
            self.down_at = None;
            out.push(Effect::TookOver);
        }
    }

    fn deadline(&self) -> Option<Deadline> {
        self.down_at.map(|at| Deadline { at, why: "master down" })
    }
}

/// Gives what was laid down for each turn, and ends with the list.
#[derive(Default)]
struct Script {
    turns: Vec<(Vec<Input>, bool)>,
    done: Vec<Vec<Effect>>,
    waits_forever: bool,
}

impl World for Script {
    type Machine = Backup;

    async fn wait(&mut self) -> io::Result<()> {
        if self.waits_forever {
            std::future::pending::<()>().await;
        }
        Ok(())
    }

    fn gather(&mut self, _: &Backup, _: usize, inputs: &mut Inputs<Self>) -> io::Result<bool> {
        if self.turns.is_empty() {
            return Ok(false);
        }
        let (given, more) = self.turns.remove(0);
        inputs.extend(given);
        Ok(more)
    }

    fn apply(&mut self, _: &Backup, effects: &mut Effects<Self>) -> io::Result<()> {
        self.done.push(effects.clone());
        Ok(())
    }

    fn late(by: Duration) -> Option<Input> {
        Some(Input::Late(by))
    }

    fn is_over(&self, machine: &Backup) -> bool {
        self.turns.is_empty() && machine.down_at.is_none()
    }
}

fn turns(script: &mut Script, machine: &mut Backup, now: Instant) -> Vec<Vec<Effect>> {
    let mut turn = Turn { inputs: Vec::new(), effects: Vec::new(), deferred: 0 };
    while !script.turns.is_empty() {
        turn.run(machine, script, now).unwrap();
    }
    std::mem::take(&mut script.done)
}

fn at(seconds: u64) -> Instant {
    Instant::ZERO + Duration::from_secs(seconds)
}

#[test]
fn a_queued_advert_beats_a_late_timer() {
    let mut machine = Backup { down_at: Some(at(10)) };
    let mut script = Script { turns: vec![(vec![Input::Advert], false)], ..Script::default() };
    let done = turns(&mut script, &mut machine, at(11));
    assert_eq!(done, [[Effect::WasLate, Effect::Heard]]);
    assert_eq!(machine.down_at, Some(at(11) + INTERVAL));
}

#[test]
fn lateness_is_told_from_a_tenth_of_a_second_on() {
    for (late, told) in [(LATE_LEAST - Duration::from_nanos(1), false), (LATE_LEAST, true)] {
        let mut machine = Backup { down_at: Some(at(10)) };
        let mut script = Script { turns: vec![(vec![], false)], ..Script::default() };
        let done = turns(&mut script, &mut machine, at(10) + late);
        let expected: &[Effect] = if told { &[Effect::WasLate, Effect::TookOver] } else { &[Effect::TookOver] };
        assert_eq!(done, [expected], "{late:?}");
    }
}

#[test]
fn timers_are_put_off_for_waiting_inputs_but_not_for_ever() {
    let mut machine = Backup { down_at: Some(at(10)) };
    let mut script = Script { turns: vec![(vec![], true); DEFER_MAX as usize + 1], ..Script::default() };
    let done = turns(&mut script, &mut machine, at(10));
    let (last, before) = done.split_last().unwrap();
    assert!(before.iter().all(Vec::is_empty), "{before:?}");
    assert_eq!(last, &[Effect::TookOver]);
}

#[tokio::test(flavor = "current_thread")]
async fn the_loop_wakes_at_the_deadline_and_ends_when_the_world_is_over() {
    let soon = Instant::from_nanos(clock::now()) + Duration::from_millis(5);
    let mut machine = Backup { down_at: Some(soon) };
    let mut script = Script { waits_forever: true, ..Script::default() };
    drive(&mut machine, &mut script).await.unwrap();
    assert!(clock::now() >= soon.as_nanos());
    assert_eq!(script.done.concat(), [Effect::TookOver]);
}

#[test]
fn deadlines_are_met_at_multiples_of_the_grain_and_never_early() {
    let grain = Duration::from_nanos(5);
    let met: Vec<u64> = [0, 1, 5, 6, u64::MAX].into_iter().map(|at| coarse(at, grain)).collect();
    assert_eq!(met, [0, 5, 5, 10, u64::MAX]);
    assert_eq!(coarse(7, Duration::ZERO), 7);
}

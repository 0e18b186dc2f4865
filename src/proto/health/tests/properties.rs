// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whatever comes in, in whatever order: no panic, one check of a kind at a time, one batch a turn, tickets that are never
//! given twice, and nothing left undone that the kernel has not refused.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest};

use super::super::*;
use super::kit::*;
use crate::proto::{Instant, Machine};

/// Configurations to go back and forth between, also in ways a plan would not.
fn setups() -> Vec<Setup> {
    let mut shared = setup(3);
    add_service(&mut shared, 1, 3..=4);
    shared.fronts.insert(
        FrontId(9),
        FrontParams {
            keys: [Key::Fwmark { family: Family::V6, mark: 7 }].into(),
            spec: spec(),
            port: 0,
            services: vec![ServiceId(0), ServiceId(1), ServiceId(77)],
        },
    );
    let pages = with(2, |setup| {
        retime(setup, 1, |timing| timing.manner = Manner::Pages { count: 0, fast: true });
        service(setup, 0).sorry = Some(sorry(2));
        service(setup, 0).servers.push(ServerId(66));
        told(setup, 5, 2);
    });
    let odd = with(2, |setup| {
        retime(setup, 1, |timing| {
            timing.delay_loop = Duration::ZERO;
            timing.retry = u32::MAX;
        });
        service(setup, 0).quorum = u32::MAX;
        service(setup, 0).hysteresis = u32::MAX;
        service(setup, 0).follows = Some([(vip(9), vip(1)), (vip(1), vip(1))].into());
        real(setup, 2).weight = u32::MAX;
    });
    vec![Setup::default(), setup(2), shared, pages, odd]
}

#[derive(Clone, Debug)]
enum Step {
    Give(Input),
    Reload(usize),
    Pass(u64),
    /// The answer to the n-th open ticket.
    Settle(usize, u8),
}

fn verdicts() -> impl Strategy<Value = Verdict> {
    prop_oneof![
        Just(Verdict::Good(None)),
        any::<u32>().prop_map(|weight| Verdict::Good(Some(Weight::Exactly(weight)))),
        any::<i32>().prop_map(|more| Verdict::Good(Some(Weight::Plus(more)))),
        Just(Verdict::Bad),
        Just(Verdict::NotChecked),
    ]
}

fn verbs() -> impl Strategy<Value = Verb> {
    (0..4_u8, 0..7_u32, any::<u32>(), any::<bool>()).prop_map(|(kind, server, weight, force)| {
        let (server, lasts) =
            (ServerId(server), (weight % 2 == 0).then(|| Duration::from_secs(u64::from(weight % 100))));
        match kind {
            0 => Verb::Drain { server, lasts, force },
            1 => Verb::Weight { server, weight, lasts, force },
            2 => Verb::Restore { server },
            _ => Verb::Check { server },
        }
    })
}

fn steps() -> impl Strategy<Value = Step> {
    let give = prop_oneof![
        4 => (0..7_u32, verdicts()).prop_map(|(id, verdict)| Input::Probed(CheckerId(id), verdict)),
        1 => (0..7_u32, verdicts()).prop_map(|(id, verdict)| Input::Reading(CheckerId(id), verdict)),
        1 => (0..3_u8, any::<bool>()).prop_map(|(last, there)| Input::Present(vip(last), there)),
        1 => Just(Input::Drifted),
        1 => verbs().prop_map(|verb| Input::Operator(Order(1), verb)),
    ];
    prop_oneof![
        8 => give.prop_map(Step::Give),
        1 => (0..5_usize).prop_map(Step::Reload),
        4 => (0..20_000_u64).prop_map(Step::Pass),
        4 => (0..3_usize, 0..3_u8).prop_map(|(nth, outcome)| Step::Settle(nth, outcome)),
    ]
}

/// Hands in one step and looks at what comes out.
#[derive(Debug)]
struct Watched {
    engine: Engine,
    now: Instant,
    setup: Setup,
    open: Vec<Ticket>,
    tickets: BTreeSet<Ticket>,
    asked: BTreeSet<CheckerId>,
}

impl Watched {
    fn take(&mut self, out: Vec<Effect>) -> Result<(), String> {
        let batches = out.iter().filter(|effect| matches!(effect, Effect::Balance(..))).count();
        if batches > 1 {
            return Err(format!("{batches} batches in one turn"));
        }
        for effect in out {
            match effect {
                Effect::Probe(id, _) if !self.asked.insert(id) => return Err(format!("{id:?} is asked twice")),
                Effect::Probe(..) | Effect::Report(_) => {}
                Effect::Balance(ticket, _) | Effect::Flush(ticket) => {
                    if !self.tickets.insert(ticket) {
                        return Err(format!("{ticket:?} is given twice"));
                    }
                    self.open.push(ticket);
                }
            }
        }
        Ok(())
    }

    fn give(&mut self, input: Input) -> Result<(), String> {
        match &input {
            Input::Probed(id, _) => {
                // An answer that nobody asked for is given too.
                self.asked.remove(id);
            }
            Input::Reconfigure(changes) => {
                let gone = |id: &CheckerId| changes.checkers.get(id) == Some(&Change::Removed);
                self.asked.retain(|id| !gone(id));
            }
            Input::Reading(..)
            | Input::Present(..)
            | Input::Settled(..)
            | Input::Drifted
            | Input::Operator(..)
            | Input::Stop => {}
        }
        let mut out = Vec::new();
        self.engine.handle(self.now, input, &mut out);
        self.take(out)
    }

    fn step(&mut self, step: Step, setups: &[Setup]) -> Result<(), String> {
        match step {
            Step::Give(input) => self.give(input),
            Step::Reload(nth) => {
                let next = setups[nth].clone();
                let changes = Changes::between(&self.setup, &next);
                self.setup = next;
                self.give(Input::Reconfigure(changes))
            }
            Step::Pass(millis) => {
                self.now += Duration::from_millis(millis);
                let mut out = Vec::new();
                self.engine.expire(self.now, &mut out);
                self.take(out)
            }
            Step::Settle(nth, outcome) if nth < self.open.len() => {
                let ticket = self.open.remove(nth);
                let outcome = match outcome {
                    0 => Outcome::Done,
                    1 => Outcome::Refused(vec![FrontId(0), FrontId(88)]),
                    _ => Outcome::Unavailable,
                };
                self.give(Input::Settled(ticket, outcome))
            }
            Step::Settle(..) => Ok(()),
        }
    }
}

proptest! {
    #[test]
    fn anything_in_any_order(steps in vec(steps(), 1..120)) {
        let setups = setups();
        let mut watched = Watched {
            engine: Engine::new(1),
            now: Instant::from_nanos(5),
            setup: Setup::default(),
            open: Vec::new(),
            tickets: BTreeSet::new(),
            asked: BTreeSet::new(),
        };
        for step in steps {
            let done = watched.step(step, &setups);
            prop_assert_eq!(done, Ok(()));
        }
        // A kernel that works in the end leaves nothing undone.
        for _ in 0..50 {
            let done = watched.step(Step::Settle(0, 0), &setups);
            prop_assert_eq!(done, Ok(()));
            let done = watched.step(Step::Pass(61_000), &setups);
            prop_assert_eq!(done, Ok(()));
        }
        prop_assert!(watched.engine.is_settled());
        prop_assert_eq!(watched.give(Input::Stop), Ok(()));
        for _ in 0..10 {
            let done = watched.step(Step::Settle(0, 0), &setups);
            prop_assert_eq!(done, Ok(()));
        }
        prop_assert!(watched.engine.is_finished());
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! What happened to each instance, for whoever asks later why it is where it is. A ring for each: nothing grows.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::kernel::clock;
use crate::observe::snapshot::lvs::Record;
use crate::observe::snapshot::{Late, State, Step};
use crate::plan::vrrp::VrrpPlan;
use crate::proto::vrrp::{Cause, Engine, Event, InstanceId};

use super::report;
use super::show::state;

/// Changes of state that are remembered of each instance.
const STEPS_MAX: usize = 32;

#[derive(Debug)]
pub(super) struct Chronicle {
    /// When the worker began, on the wall clock.
    started: f64,
    steps: BTreeMap<InstanceId, VecDeque<Step>>,
    times: BTreeMap<InstanceId, Times>,
    late: Late,
}

/// How long an instance was in each state, by keepalived's numbers, and how often it came there.
#[derive(Debug)]
struct Times {
    state: State,
    at: u64,
    spent: [f64; 4],
    entered: [u64; 4],
    /// Seconds in which a master that was heard was silent until this router took over.
    gaps: f64,
    failures: u64,
    repairs: u64,
}

impl Times {
    fn spent(&self) -> [f64; 4] {
        let mut spent = self.spent;
        let lasts = Duration::from_nanos(clock::now().saturating_sub(self.at)).as_secs_f64();
        if let Some(now) = spent.get_mut(usize::from(self.state.number())) {
            *now += lasts;
        }
        spent
    }

    /// How available the addresses were, as far as this router can say: they are served where it is master or follows
    /// one. A master that falls silent was gone for the whole master down time, `silent`.
    fn judge(&mut self, from: State, to: State, silent: Option<f64>) {
        if let Some(silent) = silent {
            self.gaps += silent;
            self.failures += 1;
            self.repairs += 1;
        }
        self.failures += u64::from(to == State::Fault && from != State::Fault);
        self.repairs += u64::from(from == State::Fault && to != State::Fault);
    }

    fn record(&self, since: f64) -> Record {
        let [init, backup, master, fault] = self.spent();
        Record {
            since,
            up_seconds: (backup + master - self.gaps).max(0.0),
            down_seconds: init + fault + self.gaps,
            failures: self.failures,
            repairs: self.repairs,
        }
    }

    fn enter(&mut self, state: State) {
        self.spent = self.spent();
        (self.state, self.at) = (state, clock::now());
        if let Some(entered) = self.entered.get_mut(usize::from(state.number())) {
            *entered += 1;
        }
    }
}

impl Chronicle {
    pub(super) fn new() -> Chronicle {
        Chronicle {
            started: clock::wall().as_secs_f64(),
            steps: BTreeMap::new(),
            times: BTreeMap::new(),
            late: Late::default(),
        }
    }

    /// A turn of the loop came so much too late.
    pub(super) fn is_late(&mut self, by: Duration) {
        let by = by.as_secs_f64();
        let Late { turns, seconds, most } = &mut self.late;
        *turns += 1;
        *seconds += by;
        *most = most.max(by);
    }

    pub(super) fn late(&self) -> Late {
        self.late
    }

    /// Seconds in each state, and how often each was entered.
    pub(super) fn times(&self, instance: InstanceId) -> ([f64; 4], [u64; 4]) {
        self.times.get(&instance).map(|times| (times.spent(), times.entered)).unwrap_or_default()
    }

    /// How available the addresses of an instance were.
    pub(super) fn available(&self, instance: InstanceId) -> Record {
        let since = self.since(instance);
        self.times.get(&instance).map_or(Record { since, ..Record::default() }, |times| times.record(since))
    }

    pub(super) fn started(&self) -> f64 {
        self.started
    }

    pub(super) fn note(&mut self, event: &Event, plan: &VrrpPlan, engine: &Engine) {
        match event {
            Event::Entered { instance, from, to, cause, priority, .. } => {
                let steps = self.steps.entry(*instance).or_default();
                if steps.len() >= STEPS_MAX {
                    steps.pop_front();
                }
                let before = Times {
                    state: state(*from),
                    at: clock::now(),
                    spent: [0.0; 4],
                    entered: [0; 4],
                    gaps: 0.0,
                    failures: 0,
                    repairs: 0,
                };
                // Where no master was ever heard, none fell silent.
                let silent = (*cause == Cause::MasterDown)
                    .then(|| engine.show(*instance))
                    .flatten()
                    .filter(|shown| shown.followed.is_some())
                    .map(|shown| shown.master_down_time.as_secs_f64());
                let times = self.times.entry(*instance).or_insert(before);
                times.judge(state(*from), state(*to), silent);
                times.enter(state(*to));
                steps.push_back(Step {
                    at: clock::wall().as_secs_f64(),
                    from: state(*from),
                    to: state(*to),
                    why: report::reason(*cause, plan),
                    priority: *priority,
                });
            }
            Event::Removed { instance, .. } => {
                self.steps.remove(instance);
                self.times.remove(instance);
            }
            _ => {}
        }
    }

    /// When the instance entered its state.
    pub(super) fn since(&self, instance: InstanceId) -> f64 {
        self.steps.get(&instance).and_then(|steps| steps.back()).map_or(self.started, |step| step.at)
    }

    pub(super) fn history(&self, instance: InstanceId) -> Vec<Step> {
        self.steps.get(&instance).into_iter().flatten().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_counted_in_the_state_it_was_spent_in() {
        let mut times = Times {
            state: State::Backup,
            at: clock::now(),
            spent: [0.0; 4],
            entered: [0; 4],
            gaps: 0.0,
            failures: 0,
            repairs: 0,
        };
        for state in [State::Master, State::Fault, State::Master] {
            times.enter(state);
        }
        assert_eq!(times.entered, [0, 0, 2, 1]);
        let [init, backup, master, fault] = times.spent();
        assert!(init == 0.0 && backup > 0.0 && master > 0.0 && fault > 0.0);
    }

    #[test]
    fn addresses_are_down_in_fault_and_while_a_master_is_silent() {
        let mut times = Times {
            state: State::Backup,
            at: clock::now(),
            spent: [5.0, 100.0, 50.0, 10.0],
            entered: [0; 4],
            gaps: 0.0,
            failures: 0,
            repairs: 0,
        };
        times.judge(State::Backup, State::Master, Some(3.0));
        times.judge(State::Master, State::Fault, None);
        let record = times.record(1.0);
        assert_eq!((record.failures, record.repairs), (2, 1));
        assert!((record.down_seconds - 18.0).abs() < 1.0 && (record.up_seconds - 147.0).abs() < 1.0, "{record:?}");
        times.judge(State::Fault, State::Backup, None);
        assert_eq!(times.record(1.0).repairs, 2);
    }

    #[test]
    fn lateness_is_summed_and_the_worst_is_kept() {
        let mut chronicle = Chronicle::new();
        [2, 5, 1].map(Duration::from_secs).into_iter().for_each(|by| chronicle.is_late(by));
        assert_eq!(chronicle.late(), Late { turns: 3, seconds: 8.0, most: 5.0 });
    }
}

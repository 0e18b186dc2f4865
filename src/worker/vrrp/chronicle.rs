//! What happened to each instance, for whoever asks later why it is where it is. A ring for each: nothing grows.

use std::collections::{BTreeMap, VecDeque};

use crate::kernel::clock;
use crate::observe::snapshot::Step;
use crate::plan::vrrp::VrrpPlan;
use crate::proto::vrrp::{Event, InstanceId};

use super::report;
use super::show::state;

/// Changes of state that are remembered of each instance.
const STEPS_MAX: usize = 32;

#[derive(Debug)]
pub(super) struct Chronicle {
    /// When the worker began, on the wall clock.
    started: f64,
    steps: BTreeMap<InstanceId, VecDeque<Step>>,
}

impl Chronicle {
    pub(super) fn new() -> Chronicle {
        Chronicle { started: clock::wall().as_secs_f64(), steps: BTreeMap::new() }
    }

    pub(super) fn started(&self) -> f64 {
        self.started
    }

    pub(super) fn note(&mut self, event: &Event, plan: &VrrpPlan) {
        match event {
            Event::Entered { instance, from, to, cause, priority, .. } => {
                let steps = self.steps.entry(*instance).or_default();
                if steps.len() >= STEPS_MAX {
                    steps.pop_front();
                }
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

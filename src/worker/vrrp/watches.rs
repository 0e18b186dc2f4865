//! The tasks that look at tracked objects, and their coming and going with the configuration.

use std::collections::BTreeMap;
use std::path::PathBuf;

use tokio::task::JoinHandle;

use crate::observe::log::Log;
use crate::proto::vrrp::TrackId;
use crate::watch::{self, Readings, Script};

/// What is to be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Watch {
    Script(Script),
    File(PathBuf),
}

#[derive(Debug)]
pub(super) struct Watches {
    running: BTreeMap<TrackId, (Watch, JoinHandle<()>)>,
    readings: Readings,
    log: Log,
}

impl Watches {
    pub(super) fn new(readings: Readings, log: Log) -> Watches {
        Watches { running: BTreeMap::new(), readings, log }
    }

    /// Looks at these from now on. What did not change goes on undisturbed.
    pub(super) fn turn_to(&mut self, wanted: &BTreeMap<TrackId, Watch>) {
        self.running.retain(|id, (watch, task)| {
            let stays = wanted.get(id) == Some(watch);
            if !stays {
                task.abort();
            }
            stays
        });
        for (id, watch) in wanted {
            if self.running.contains_key(id) {
                continue;
            }
            let (readings, log) = (self.readings.clone(), self.log.clone());
            let task = match watch.clone() {
                Watch::Script(script) => watch::script(*id, script, readings, log),
                Watch::File(path) => watch::file(*id, path, readings, log),
            };
            self.running.insert(*id, (watch.clone(), task));
        }
    }
}

impl Drop for Watches {
    fn drop(&mut self) {
        for (_, task) in self.running.values() {
            task.abort();
        }
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The tasks that look at tracked objects, and their coming and going with the configuration.

use std::collections::BTreeMap;
use std::path::PathBuf;

use tokio::task::JoinHandle;

use crate::kernel::namespace;
use crate::kernel::netlink::Room;
use crate::kernel::process::connector::ROOM;
use crate::kernel::process::{Connector, OpenError};
use crate::observe::log::Log;
use crate::proto::vrrp::TrackId;
use crate::watch::process::{Process, Processes};
use crate::watch::{self, Busy, Readings, Script};

/// What is to be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Watch {
    Script(Script),
    File(PathBuf),
    Process(Process),
}

#[derive(Debug)]
pub(super) struct Watches {
    /// One task each.
    running: BTreeMap<TrackId, (Watch, JoinHandle<()>)>,
    /// Processes are counted together.
    processes: Option<Processes>,
    counted: BTreeMap<TrackId, Process>,
    /// For what the kernel tells of processes.
    room: Room,
    readings: Readings,
    busy: Busy,
    log: Log,
}

impl Watches {
    pub(super) fn new(readings: Readings, log: Log) -> Watches {
        let (running, counted, busy) = (BTreeMap::new(), BTreeMap::new(), Busy::default());
        Watches { running, processes: None, counted, room: ROOM, readings, busy, log }
    }

    /// The scripts that are running, kept up to date.
    pub(super) fn busy(&self) -> Busy {
        self.busy.clone()
    }

    /// Room for what the kernel tells of processes; counts when it is asked the next time.
    pub(super) fn make_room(&mut self, room: Option<Room>) {
        self.room = room.unwrap_or(ROOM);
    }

    /// Looks at these from now on. What did not change goes on undisturbed.
    pub(super) fn turn_to(&mut self, wanted: &BTreeMap<TrackId, Watch>) {
        self.running.retain(|id, (watch, task)| {
            let stays = wanted.get(id) == Some(watch);
            if !stays {
                task.abort();
                if let Watch::Script(script) = watch {
                    self.busy.borrow_mut().remove(&script.name);
                }
            }
            stays
        });
        self.count(wanted);
        for (id, watch) in wanted {
            if self.running.contains_key(id) {
                continue;
            }
            let (readings, log) = (self.readings.clone(), self.log.clone());
            let task = match watch.clone() {
                Watch::Script(script) => watch::script(*id, script, readings, self.busy.clone(), log),
                Watch::File(path) => watch::file(*id, path, readings, log),
                Watch::Process(_) => continue,
            };
            self.running.insert(*id, (watch.clone(), task));
        }
    }

    fn count(&mut self, wanted: &BTreeMap<TrackId, Watch>) {
        let processes = wanted.iter().filter_map(|(id, watch)| match watch {
            Watch::Process(process) => Some((*id, process.clone())),
            Watch::Script(_) | Watch::File(_) => None,
        });
        let processes: BTreeMap<TrackId, Process> = processes.collect();
        if processes == self.counted {
            return;
        }
        self.counted.clone_from(&processes);
        match &self.processes {
            _ if processes.is_empty() => self.processes = None,
            Some(running) => running.track(processes),
            None => {
                let connector = connector(self.room);
                match Processes::start(processes, connector, self.readings.clone(), self.log.clone()) {
                    Ok(running) => self.processes = Some(running),
                    Err(error) => self.log.error(format_args!("processes cannot be tracked: {error}")),
                }
            }
        }
    }
}

/// The kernel tells of processes in its first network namespace only, wherever we are.
fn connector(room: Room) -> Result<Connector, OpenError> {
    let here = Connector::open(room);
    let Err(OpenError::Listen(_) | OpenError::Silent) = &here else { return here };
    match namespace::within(namespace::FIRST.as_ref(), || Connector::open(room)) {
        Ok(Ok(there)) => Ok(there),
        Ok(Err(_)) | Err(_) => here,
    }
}

impl Drop for Watches {
    fn drop(&mut self) {
        for (_, task) in self.running.values() {
            task.abort();
        }
    }
}

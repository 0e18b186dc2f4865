// SPDX-License-Identifier: MIT OR Apache-2.0
//! The file this worker writes about itself when it is asked to, by its supervisor or by a signal.
//!
//! The loop only says how everything stands. What is written in the configuration is read again beside it: it is needed
//! for nothing else, and tens of thousands of servers take room.

use std::cell::RefCell;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use keepalived_conf::Options;
use tokio::sync::mpsc::{Receiver, Sender};
use tokio::sync::oneshot;

use super::Order;
use crate::channel::Dump;
use crate::kernel::beside;
use crate::kernel::host::OsHost;
use crate::observe::dump::check::{self, Seen};
use crate::observe::dump::place::{self, Kind, Teller};
use crate::observe::log::Log;
use crate::plan::lvs::LvsPlan;
use crate::proto::health::Engine;
use crate::worker::process;

/// Wishes that may wait. Who wishes for more gets what those that wait will write.
pub(super) const WAITING_MAX: usize = 8;

/// What tells the processes' files apart.
const SUFFIX: &str = "_check";

/// How everything stands.
#[derive(Debug)]
pub(super) struct State {
    pub(super) engine: Engine,
    pub(super) plan: Arc<LvsPlan>,
    pub(super) ipvs: Option<(u32, u32, u32)>,
}

/// Never waits. Statistics of the checker, and its JSON, there are none.
pub(super) fn wish(wishes: &Sender<()>, dump: Dump) {
    match dump {
        Dump::Data => drop(wishes.try_send(())),
        Dump::Stats | Dump::StatsAnew | Dump::Json => {}
    }
}

#[derive(Debug)]
pub(super) struct Dumper {
    /// The configuration that counts.
    text: RefCell<OwnedFd>,
    teller: Teller,
}

impl Dumper {
    pub(super) fn new(text: OwnedFd, log: Log) -> Dumper {
        Dumper { text: RefCell::new(text), teller: Teller::new(log) }
    }

    /// Repeats this configuration from now on.
    pub(super) fn turn_to(&self, text: OwnedFd) {
        self.text.replace(text);
    }

    /// Never ends but with an error of the runtime.
    pub(super) async fn serve(&self, mut wished: Receiver<()>, orders: Sender<Order>) -> io::Result<()> {
        while wished.recv().await.is_some() {
            let (to, answer) = oneshot::channel();
            // A loop that takes no more orders has ended; the other half of the select sees that.
            let _ = orders.send(Order::Show(to)).await;
            let Ok(state) = answer.await else { continue };
            let text = self.text.borrow().try_clone();
            let write = move || text.map_err(|error| error.to_string()).and_then(|text| write(text, &state));
            let outcome = beside::run(write).await;
            self.teller.tell(outcome.unwrap_or_else(|error| Err(error.to_string())));
        }
        std::future::pending().await
    }
}

fn write(text: OwnedFd, state: &State) -> Result<(), String> {
    let text = process::text_of(text).map_err(|error| format!("the configuration cannot be read again: {error}"))?;
    let config = keepalived_conf::load_ready(&OsHost::new(), text, &Options::default()).config;
    let seen = Seen { config: &config, plan: &state.plan, engine: &state.engine, ipvs: state.ipvs };
    place::write(Kind::Data(SUFFIX), &config.global, &check::text(&seen))
}

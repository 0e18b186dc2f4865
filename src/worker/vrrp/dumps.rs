// SPDX-License-Identifier: MIT OR Apache-2.0
//! The files this worker writes when it is asked to, by its supervisor or by a signal, and what it tells the log of its
//! configuration.
//!
//! The loop only says how everything stands; texts are made and written beside it, one after the other.

use std::cell::RefCell;
use std::io;
use std::sync::Arc;

use tokio::sync::mpsc::{Receiver, Sender};

use super::Order;
use super::show::{self, Wanted};
use crate::channel::Dump;
use crate::kernel::beside;
use crate::observe::dump::place::{self, Kind, Teller};
use crate::observe::dump::{Written, data, json, stats};
use crate::observe::log::Log;
use crate::observe::snapshot::Vrrp;
use crate::watch::Busy;

/// Wishes that may wait. Who wishes for more gets what those that wait will write.
pub(super) const WAITING_MAX: usize = 8;

/// Lines that are written to the log before others on this thread get their turn.
const LINES_AT_ONCE: usize = 32;

/// What somebody wants to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    File(Dump),
    /// What the data file holds, in the log.
    Lines,
}

/// Never waits.
pub(super) fn wish(wishes: &Sender<Wish>, wish: Wish) {
    let _ = wishes.try_send(wish);
}

#[derive(Debug)]
pub(super) struct Dumper {
    written: RefCell<Arc<Written>>,
    busy: Busy,
    teller: Teller,
}

impl Dumper {
    pub(super) fn new(written: Arc<Written>, busy: Busy, log: Log) -> Dumper {
        Dumper { written: RefCell::new(written), busy, teller: Teller::new(log) }
    }

    /// Repeats this configuration from now on.
    pub(super) fn turn_to(&self, written: Arc<Written>) {
        self.written.replace(written);
    }

    /// Never ends but with an error of the runtime.
    pub(super) async fn serve(&self, mut wished: Receiver<Wish>, orders: Sender<Order>) -> io::Result<()> {
        while let Some(wish) = wished.recv().await {
            let wanted = match wish {
                Wish::File(Dump::Data) | Wish::Lines => Wanted::Everything,
                Wish::File(Dump::Stats | Dump::StatsAnew | Dump::Json) => Wanted::State,
            };
            // A loop that takes no more orders has ended; the other half of the select sees that.
            let Some(seen) = show::ask(&orders, &self.busy, wanted).await else { continue };
            if wish == Wish::File(Dump::StatsAnew) {
                let _ = orders.send(Order::CountAnew).await;
            }
            let written = self.written.borrow().clone();
            match wish {
                Wish::File(dump) => {
                    let outcome = beside::run(move || write(dump, &seen, &written)).await;
                    self.teller.tell(outcome.unwrap_or_else(|error| Err(error.to_string())));
                }
                Wish::Lines => self.log_lines(&data::vrrp(&seen, &written)).await,
            }
        }
        std::future::pending().await
    }

    async fn log_lines(&self, text: &str) {
        for (number, line) in text.lines().enumerate() {
            if number % LINES_AT_ONCE == 0 {
                tokio::task::yield_now().await;
            }
            self.teller.log().info(line);
        }
    }
}

fn write(dump: Dump, seen: &Vrrp, written: &Written) -> Result<(), String> {
    match dump {
        Dump::Data => place::write(Kind::Data(""), &written.global, &data::vrrp(seen, written)),
        Dump::Stats | Dump::StatsAnew => place::write(Kind::Stats, &written.global, &stats::stats(seen)),
        Dump::Json => match json::json(seen, written) {
            Some(text) => place::write(Kind::Json, &written.global, &text),
            None => Ok(()),
        },
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The thread that talks to the load balancer for a loop that must not wait: a table of tens of thousands of destinations
//! takes the kernel a while to change and to tell.
//!
//! Orders are carried out one after another; each is answered. When the [`Keeper`] is dropped the thread finishes what was
//! ordered and ends, and with it the channel of answers.

use std::collections::BTreeMap;
use std::io;
use std::sync::mpsc::{self, SyncSender, TrySendError};
use std::thread;

use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::{Change, Daemon, Ipvs, Service, ServiceKey, Stats, Table, Timeouts};
use crate::kernel::netlink::Refusal;

/// Orders that may wait.
const ORDERS_MAX: usize = 1024;
/// Answers that may wait for the loop.
const ANSWERS_MAX: usize = 1024;
/// With all memory locked, every page of a stack is resident.
pub(super) const STACK: usize = 256 * 1024;

/// What is asked of the thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// As [`Ipvs::apply`].
    Apply(Vec<Change>),
    Table,
    Services,
    Stats,
    Timeouts,
    Daemons,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order<T> {
    /// The caller's name for it.
    pub ticket: T,
    pub asked: Asked,
}

/// What became of an order.
#[derive(Debug)]
pub enum Answer {
    /// The changes that were refused, by their place in the order, each with its refusal.
    Applied(Vec<(usize, Change, Refusal)>),
    Table(io::Result<Table>),
    Services(io::Result<BTreeMap<ServiceKey, Service>>),
    Stats(io::Result<Stats>),
    Timeouts(io::Result<Timeouts>),
    Daemons(io::Result<Vec<Daemon>>),
}

#[derive(Debug)]
pub struct Done<T> {
    pub ticket: T,
    pub answer: Answer,
}

#[derive(Debug)]
pub struct Keeper<T> {
    orders: SyncSender<Order<T>>,
}

impl<T: Send + 'static> Keeper<T> {
    pub fn start(ipvs: Ipvs) -> io::Result<(Keeper<T>, Receiver<Done<T>>)> {
        let (orders, queue) = mpsc::sync_channel(ORDERS_MAX);
        let (answers, done) = channel(ANSWERS_MAX);
        thread::Builder::new()
            .name("load balancing".to_owned())
            .stack_size(STACK)
            .spawn(move || keep(ipvs, &queue, &answers))?;
        Ok((Keeper { orders }, done))
    }

    /// Hands an order over without waiting. It comes back when the queue is full or the thread has ended.
    pub fn order(&self, order: Order<T>) -> Result<(), Order<T>> {
        self.orders.try_send(order).map_err(|error| match error {
            TrySendError::Full(order) | TrySendError::Disconnected(order) => order,
        })
    }
}

fn keep<T>(mut ipvs: Ipvs, queue: &mpsc::Receiver<Order<T>>, answers: &Sender<Done<T>>) {
    while let Ok(Order { ticket, asked }) = queue.recv() {
        let answer = match asked {
            Asked::Apply(changes) => Answer::Applied(refused(&mut ipvs, changes)),
            Asked::Table => Answer::Table(ipvs.table()),
            Asked::Services => Answer::Services(ipvs.services()),
            Asked::Stats => Answer::Stats(ipvs.stats()),
            Asked::Timeouts => Answer::Timeouts(ipvs.timeouts()),
            Asked::Daemons => Answer::Daemons(ipvs.daemons()),
        };
        // Nobody listens any more only when the worker is going; the rest of the work still counts.
        let _ = answers.blocking_send(Done { ticket, answer });
    }
}

fn refused(ipvs: &mut Ipvs, changes: Vec<Change>) -> Vec<(usize, Change, Refusal)> {
    let verdicts = ipvs.apply(&changes);
    (changes.into_iter().zip(verdicts).enumerate())
        .filter_map(|(place, (change, verdict))| Some((place, change, verdict.err()?)))
        .collect()
}

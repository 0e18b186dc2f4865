// SPDX-License-Identifier: MIT OR Apache-2.0
//! The thread that keeps the filter: wishes go in, each is answered when the kernel has done it or refused.
//!
//! A transaction that is refused is followed by one that makes everything anew. What then is refused still is answered as
//! such, and the wish is dropped where it would spoil those of others.

use std::io;
use std::sync::mpsc::{self, SyncSender};
use std::thread;
use std::time::Duration;

use std::collections::{BTreeMap, BTreeSet};

use nix::sys::socket::SockProtocol;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::{Filter, Refused, Settings, Transaction, Unaccepted, Vmac};
use crate::kernel::netlink::Socket;

/// Orders that may wait.
const ORDERS_MAX: usize = 1024;
/// Answers that may wait for the loop.
const ANSWERS_MAX: usize = 1024;
/// How long somebody waits who cannot go on before.
const PATIENCE: Duration = Duration::from_secs(1);
/// With all memory locked, every page of a stack is resident.
const STACK: usize = 256 * 1024;

/// What is wanted of the filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// As [`Filter::hold`]; without addresses the holder gives up what it held.
    Hold { holder: u32, addresses: BTreeSet<Unaccepted> },
    /// As [`Filter::keep_vmacs`].
    Vmacs(BTreeMap<u32, Vmac>),
    /// No tables any more.
    Remove,
}

/// A wish, and the caller's name for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order<T> {
    pub ticket: T,
    pub wish: Wish,
}

/// What became of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done<T> {
    pub ticket: T,
    pub outcome: Result<(), Refused>,
}

/// Who hears what became of a wish.
#[derive(Debug)]
enum Answer<T> {
    ToLoop(T),
    AtOnce(SyncSender<Result<(), Refused>>),
}

#[derive(Debug)]
pub struct Keeper<T> {
    orders: SyncSender<(Wish, Answer<T>)>,
}

impl<T: Send + 'static> Keeper<T> {
    /// The socket is opened here, in the caller's network namespace. When the keeper is dropped the thread finishes what
    /// was ordered and ends; the tables stay unless their removal was ordered.
    pub fn start(settings: Settings) -> io::Result<(Keeper<T>, Receiver<Done<T>>)> {
        let socket = Socket::open(SockProtocol::NetlinkNetFilter)?;
        let (orders, queue) = mpsc::sync_channel(ORDERS_MAX);
        let (answers, done) = channel(ANSWERS_MAX);
        let kept = Kept { filter: Filter::new(settings), socket };
        thread::Builder::new()
            .name("packet filter".to_owned())
            .stack_size(STACK)
            .spawn(move || keep(kept, &queue, &answers))?;
        Ok((Keeper { orders }, done))
    }

    /// Hands an order over without waiting; it is not taken when the queue is full or the thread has ended.
    #[must_use]
    pub fn order(&self, order: Order<T>) -> bool {
        self.orders.try_send((order.wish, Answer::ToLoop(order.ticket))).is_ok()
    }

    /// Hands a wish over and waits for the kernel; `None` when there was no answer in time.
    pub fn grant(&self, wish: Wish) -> Option<Result<(), Refused>> {
        let (answer, answered) = mpsc::sync_channel(1);
        self.orders.try_send((wish, Answer::AtOnce(answer))).ok()?;
        answered.recv_timeout(PATIENCE).ok()
    }
}

fn keep<T>(mut kept: Kept, queue: &mpsc::Receiver<(Wish, Answer<T>)>, answers: &Sender<Done<T>>) {
    while let Ok((wish, answer)) = queue.recv() {
        let outcome = kept.grant(wish);
        // Nobody listens any more only when the worker is going; the rest of the work still counts.
        match answer {
            Answer::ToLoop(ticket) => drop(answers.blocking_send(Done { ticket, outcome })),
            Answer::AtOnce(waiting) => drop(waiting.try_send(outcome)),
        }
    }
}

struct Kept {
    filter: Filter,
    socket: Socket,
}

impl Kept {
    fn grant(&mut self, wish: Wish) -> Result<(), Refused> {
        match wish {
            Wish::Hold { holder, addresses } => {
                let transaction = self.filter.hold(holder, addresses.clone());
                // Still wanted when it is refused: the address is held all the same.
                self.carry_out(&transaction, |filter| filter.hold(holder, addresses))
            }
            Wish::Vmacs(vmacs) => {
                let before = self.filter.vmacs.clone();
                let transaction = self.filter.keep_vmacs(vmacs.clone());
                let outcome = self.carry_out(&transaction, |filter| filter.keep_vmacs(vmacs));
                if outcome.is_err() {
                    // A kernel that cannot send copies must still drop what is to be dropped.
                    let back = self.filter.keep_vmacs(before);
                    if back.commit(&mut self.socket).is_err() {
                        self.filter.forget();
                    }
                }
                outcome
            }
            Wish::Remove => {
                let transaction = self.filter.remove();
                transaction.commit(&mut self.socket)
            }
        }
    }

    /// Commits, and if that is refused once more with everything made anew.
    fn carry_out(
        &mut self,
        transaction: &Transaction,
        again: impl FnOnce(&mut Filter) -> Transaction,
    ) -> Result<(), Refused> {
        if transaction.commit(&mut self.socket).is_ok() {
            return Ok(());
        }
        self.filter.forget();
        let anew = again(&mut self.filter);
        let outcome = anew.commit(&mut self.socket);
        if outcome.is_err() {
            self.filter.forget();
        }
        outcome
    }
}

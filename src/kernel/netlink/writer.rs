// SPDX-License-Identifier: MIT OR Apache-2.0
//! The writer thread: carries out jobs of requests one after another, so that nobody who has adverts to send waits for the
//! kernel's route lock.
//!
//! One thread, which owns the socket. Jobs come in through a bounded queue; answers go out through a bounded channel the
//! worker's loop awaits. Jobs waiting together leave in common sends. When the `Writer` is dropped the thread finishes
//! what was submitted and ends, and with it the channel of answers.

use std::collections::VecDeque;
use std::io;
use std::sync::mpsc::{self, SyncSender, TrySendError};
use std::thread;

use nix::sys::socket::SockProtocol;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::socket::{SEND_MAX, Socket, Verdict};
use super::{Refusal, Request};

/// Jobs that may wait. A worker submits one per turn of its loop, so this many turns may pass while the kernel is busy.
pub const JOBS_MAX: usize = 1024;
/// Answers that may wait for the loop.
const ANSWERS_MAX: usize = 1024;
/// With all memory locked, every page of a stack is resident; this is plenty for a loop over one socket.
const STACK: usize = 256 * 1024;

/// Requests that belong together, and the caller's name for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job<T> {
    pub ticket: T,
    pub requests: Vec<Request>,
}

/// What became of a job: the requests the kernel refused, by their place in the job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done<T> {
    pub ticket: T,
    pub refused: Vec<(usize, Refusal)>,
}

#[derive(Debug)]
pub struct Writer<T> {
    jobs: SyncSender<Job<T>>,
    port: u32,
}

impl<T: Send + 'static> Writer<T> {
    /// The socket is opened here, in the caller's network namespace.
    pub fn start(protocol: SockProtocol, name: &str) -> io::Result<(Writer<T>, Receiver<Done<T>>)> {
        let socket = Socket::open(protocol)?;
        let port = socket.port();
        let (jobs, queue) = mpsc::sync_channel(JOBS_MAX);
        let (answers, done) = channel(ANSWERS_MAX);
        thread::Builder::new()
            .name(name.to_owned())
            .stack_size(STACK)
            .spawn(move || write(socket, &queue, &answers))?;
        Ok((Writer { jobs, port }, done))
    }

    /// Hands a job over without waiting. It comes back when the queue is full or the thread has ended.
    pub fn submit(&self, job: Job<T>) -> Result<(), Job<T>> {
        self.jobs.try_send(job).map_err(|error| match error {
            TrySendError::Full(job) | TrySendError::Disconnected(job) => job,
        })
    }

    /// The number that notifications of changes made by this writer carry.
    pub fn port(&self) -> u32 {
        self.port
    }
}

fn write<T>(mut socket: Socket, queue: &mpsc::Receiver<Job<T>>, answers: &Sender<Done<T>>) {
    let mut pending = Pending::default();
    while let Ok(job) = queue.recv() {
        pending.push(job);
        while pending.is_waiting() {
            // What was submitted meanwhile shares the next send.
            while pending.jobs.len() < JOBS_MAX
                && let Ok(job) = queue.try_recv()
            {
                pending.push(job);
            }
            let chunk = pending.next_chunk();
            let verdicts = socket.request_chunk(&chunk);
            for done in pending.settle(verdicts) {
                // Nobody listens any more only when the worker is going; the rest of the work still counts.
                let _ = answers.blocking_send(done);
            }
        }
    }
}

/// Jobs on their way: their requests leave in order, in sends that know no borders between jobs.
#[derive(Debug)]
struct Pending<T> {
    jobs: VecDeque<Progress<T>>,
}

#[derive(Debug)]
struct Progress<T> {
    job: Job<T>,
    sent: usize,
    settled: usize,
    refused: Vec<(usize, Refusal)>,
}

impl<T> Default for Pending<T> {
    fn default() -> Self {
        Pending { jobs: VecDeque::new() }
    }
}

impl<T> Pending<T> {
    fn push(&mut self, job: Job<T>) {
        self.jobs.push_back(Progress { job, sent: 0, settled: 0, refused: Vec::new() });
    }

    fn is_waiting(&self) -> bool {
        !self.jobs.is_empty()
    }

    fn next_chunk(&mut self) -> Vec<Request> {
        let mut chunk = Vec::with_capacity(SEND_MAX);
        for progress in &mut self.jobs {
            let room = SEND_MAX - chunk.len();
            let more = progress.job.requests.iter().skip(progress.sent).take(room);
            let before = chunk.len();
            chunk.extend(more.cloned());
            progress.sent += chunk.len() - before;
            if chunk.len() == SEND_MAX {
                break;
            }
        }
        chunk
    }

    /// Books the verdicts of the last chunk and returns the jobs that are complete, in order.
    fn settle(&mut self, verdicts: Vec<Verdict>) -> Vec<Done<T>> {
        let mut verdicts = verdicts.into_iter();
        let mut done = Vec::new();
        while let Some(progress) = self.jobs.front_mut() {
            while progress.settled < progress.sent
                && let Some(verdict) = verdicts.next()
            {
                if let Err(refusal) = verdict {
                    progress.refused.push((progress.settled, refusal));
                }
                progress.settled += 1;
            }
            if progress.settled < progress.job.requests.len() {
                break;
            }
            if let Some(Progress { job, refused, .. }) = self.jobs.pop_front() {
                done.push(Done { ticket: job.ticket, refused });
            }
        }
        done
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::rtnl::Address;

    fn job(ticket: u8, addresses: u32) -> Job<u8> {
        let removal = |number: u32| Address::new(2, std::net::Ipv4Addr::from_bits(number).into(), 32).remove();
        Job { ticket, requests: (0..addresses).map(removal).collect() }
    }

    /// The sizes of the sends that what waits takes, and the jobs in the order they were done in.
    fn carried_out(jobs: impl IntoIterator<Item = Job<u8>>) -> (Vec<usize>, Vec<u8>) {
        let mut pending = Pending::default();
        jobs.into_iter().for_each(|job| pending.push(job));
        let (mut sends, mut done) = (Vec::new(), Vec::new());
        while pending.is_waiting() {
            let chunk = pending.next_chunk();
            sends.push(chunk.len());
            done.extend(pending.settle(vec![Ok(()); chunk.len()]).into_iter().map(|done| done.ticket));
        }
        (sends, done)
    }

    #[test]
    fn a_thousand_addresses_go_in_sixteen_sends() {
        let (sends, _) = carried_out([job(1, 1000)]);
        assert_eq!(sends, [vec![SEND_MAX; 15], vec![1000 - 15 * SEND_MAX]].concat());
        // Whoever asks: sends know no borders between jobs.
        let (sends, done) = carried_out((0..250).map(|ticket| job(ticket, 4)));
        assert_eq!(sends.len(), 16);
        assert_eq!(done, (0..250).collect::<Vec<u8>>());
    }
}

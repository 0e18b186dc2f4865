// SPDX-License-Identifier: MIT OR Apache-2.0
//! The loop: wait, read the clock once, drain, expire, apply.
//!
//! Draining comes before expiring: after a stall the master's adverts wait in our socket while our master-down timer has
//! run out, and an advert that was heard beats a timer that rang meanwhile. Whether a timer is due is decided by
//! comparing clock and deadline, never by which of the waits ended.
//!
//! One task. It may be dropped at any await; what the world was asked to do is done, what it received meanwhile is kept
//! by the world.

use std::future::Future;
use std::io;
use std::time::Duration;

use crate::kernel::clock::{self, Alarm};
use crate::proto::{Instant, Machine};

/// Inputs one turn takes before it lets timers run.
pub const TURN_INPUTS_MAX: usize = 256;

/// Turns in a row that may put off the timers because inputs are still waiting.
pub const DEFER_MAX: u32 = 4;

/// A turn later than this after its deadline tells the machine so.
pub const LATE_LEAST: Duration = Duration::from_millis(100);

/// What surrounds a machine: where its inputs come from and who carries out its effects.
pub trait World {
    type Machine: Machine;

    /// Deadlines are met at multiples of this, so that what is due soon after one another is done in one turn: a turn costs
    /// more than what is done in it. None where every deadline counts to the microsecond.
    const GRAIN: Duration = Duration::ZERO;

    /// Waits until `gather` may find something. Dropping the future loses nothing.
    fn wait(&mut self) -> impl Future<Output = io::Result<()>>;

    /// When a turn is needed for something the machine knows nothing of.
    fn alarm(&self) -> Option<Instant> {
        None
    }

    /// Appends the inputs that are there now, the most urgent first, about `limit` at most; says whether more may wait.
    fn gather(&mut self, machine: &Self::Machine, limit: usize, inputs: &mut Inputs<Self>) -> io::Result<bool>;

    /// Hands the effects over, in order, and returns. It never waits for the kernel.
    fn apply(&mut self, machine: &Self::Machine, effects: &mut Effects<Self>) -> io::Result<()>;

    /// Hands one input in; who wants to remember them stands here.
    fn handle(
        &mut self,
        machine: &mut Self::Machine,
        now: Instant,
        input: <Self::Machine as Machine>::Input,
        effects: &mut Effects<Self>,
    ) {
        machine.handle(now, input, effects);
    }

    /// Lets what is due happen.
    fn expire(&mut self, machine: &mut Self::Machine, now: Instant, effects: &mut Effects<Self>) {
        machine.expire(now, effects);
    }

    /// What tells the machine that this turn comes so much later than its deadline.
    fn late(by: Duration) -> Option<<Self::Machine as Machine>::Input>;

    /// This turn comes so much later than its deadline.
    fn is_late(&mut self, _by: Duration) {}

    /// Whether there is nothing left to do.
    fn is_over(&self, machine: &Self::Machine) -> bool;
}

pub type Inputs<W> = Vec<<<W as World>::Machine as Machine>::Input>;
pub type Effects<W> = Vec<<<W as World>::Machine as Machine>::Effect>;

/// Runs a machine in its world until that is over. Needs a tokio runtime with I/O enabled.
pub async fn drive<W: World>(machine: &mut W::Machine, world: &mut W) -> io::Result<()> {
    let mut alarm = Alarm::new()?;
    let mut turn = Turn { inputs: Vec::new(), effects: Vec::new(), deferred: 0 };
    loop {
        let more = turn.run(machine, world, now())?;
        if world.is_over(machine) {
            return Ok(());
        }
        if more {
            // Others on this runtime get their turn too.
            tokio::task::yield_now().await;
            continue;
        }
        let next = machine.deadline().map(|deadline| deadline.at).into_iter().chain(world.alarm()).min();
        alarm.set(next.map(|at| coarse(at.as_nanos(), W::GRAIN)))?;
        tokio::select! {
            waited = world.wait() => waited?,
            rung = alarm.rung() => rung?,
        }
    }
}

fn now() -> Instant {
    Instant::from_nanos(clock::now())
}

/// The first multiple of the grain that is not before this moment.
fn coarse(at: u64, grain: Duration) -> u64 {
    let grain = u64::try_from(grain.as_nanos()).unwrap_or(u64::MAX).max(1);
    at.checked_next_multiple_of(grain).unwrap_or(at)
}

/// What is used again from turn to turn.
struct Turn<W: World> {
    inputs: Inputs<W>,
    effects: Effects<W>,
    deferred: u32,
}

impl<W: World> Turn<W> {
    /// One turn at `now`; says whether the next one should follow at once.
    fn run(&mut self, machine: &mut W::Machine, world: &mut W, now: Instant) -> io::Result<bool> {
        let late_by = machine.deadline().map_or(Duration::ZERO, |deadline| now.since(deadline.at));
        if late_by >= LATE_LEAST {
            self.inputs.extend(W::late(late_by));
            world.is_late(late_by);
        }
        let more = world.gather(machine, TURN_INPUTS_MAX, &mut self.inputs)?;
        for input in self.inputs.drain(..) {
            world.handle(machine, now, input, &mut self.effects);
        }
        if more && self.deferred < DEFER_MAX {
            self.deferred += 1;
        } else {
            self.deferred = 0;
            world.expire(machine, now, &mut self.effects);
        }
        world.apply(machine, &mut self.effects)?;
        self.effects.clear();
        Ok(more)
    }
}

#[cfg(test)]
mod tests;

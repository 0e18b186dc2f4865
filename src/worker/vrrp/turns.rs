// SPDX-License-Identifier: MIT OR Apache-2.0
//! One turn of the worker: what it waits for, what it takes in and in which order, and what it does about it.

use std::io;
use std::time::Duration;

use super::Worker;
use crate::kernel::clock;
use crate::proto::Instant;
use crate::proto::vrrp::{Effect, Engine, Input, WallTime};
use crate::worker::drive::{Effects, Inputs, World};

/// How often a port whose sockets could not be opened is tried again, besides whenever something changes underneath.
const OPEN_RETRY: Duration = Duration::from_secs(2);

impl World for Worker<'_> {
    type Machine = Engine;

    async fn wait(&mut self) -> io::Result<()> {
        if self.stale || !self.pending.is_empty() {
            return Ok(());
        }
        let retry = self.ports.have_trouble().then_some(OPEN_RETRY);
        let rest = self.rest().into_iter().chain(retry).min();
        tokio::select! {
            waited = self.ports.wait() => waited,
            waited = self.monitor.wait() => waited,
            waited = self.rivals.wait() => waited,
            Some(done) = self.answers.recv() => {
                self.answered = Some(done);
                Ok(())
            }
            () = self.filtering.wait() => Ok(()),
            Some(order) = self.outside.orders.recv() => {
                self.ordered = Some(order);
                Ok(())
            }
            Some(reading) = self.outside.readings.recv() => {
                self.read = Some(reading);
                Ok(())
            }
            () = sleep(rest) => {
                self.stale |= rest == retry;
                Ok(())
            }
        }
    }

    fn alarm(&self) -> Option<Instant> {
        Some(Instant::from_nanos(self.heart.due()))
    }

    fn gather(&mut self, engine: &Engine, limit: usize, inputs: &mut Inputs<Self>) -> io::Result<bool> {
        self.beat();
        let wall = WallTime(clock::wall());
        if engine.wants_clock() {
            inputs.push(Input::Clock(wall));
        }
        self.hold_statics();
        self.announcing.serve(&self.outside.log);
        self.rivals.ask(&self.interfaces, &self.outside.log);
        for event in self.rivals.hear(&self.interfaces)? {
            self.carry_out(engine, Effect::Report(event));
        }
        self.ask_interfaces()?;
        // What the engine must know before it hears anything: its instances, their ports, their links.
        if self.stale {
            self.refresh();
        }
        inputs.extend(self.pending.drain(..));
        let mut more = self.ports.receive(limit, wall, inputs)?;
        self.strangers.look(inputs, &self.plan, &self.outside.log);
        while let Some(done) = self.answered.take().or_else(|| self.answers.try_recv().ok()) {
            self.settle(done);
        }
        self.pass_filter();
        let mut notices = Vec::new();
        self.monitor.take(&mut notices)?;
        for notice in notices {
            self.notice(notice)?;
        }
        self.look_for_losses()?;
        // After a long sleep leases have run out, and what is lost must not be renewed.
        if let Some(job) = self.holder.burial()
            && self.writer.submit(job).is_err()
        {
            self.holder.not_taken();
        }
        self.renew_leases();
        while let Some((track, reading)) = self.read.take().or_else(|| self.outside.readings.try_recv().ok()) {
            self.last_readings.insert(track, reading);
            self.pending.push_back(Input::Track(track, reading));
        }
        while let Some(order) = self.ordered.take().or_else(|| self.outside.orders.try_recv().ok()) {
            self.obey(order)?;
        }
        if self.stale {
            self.refresh();
        }
        let room = limit.saturating_sub(inputs.len()).min(self.pending.len());
        inputs.extend(self.pending.drain(..room));
        more |= !self.pending.is_empty();
        Ok(more)
    }

    fn apply(&mut self, engine: &Engine, effects: &mut Effects<Self>) -> io::Result<()> {
        for effect in effects.drain(..) {
            if !matches!(effect, Effect::Send(_)) {
                self.say();
            }
            self.carry_out(engine, effect);
            // Hundreds of instances that move at once are work, not a hang.
            self.beat();
        }
        self.say();
        for instance in std::mem::take(&mut self.parting) {
            self.deposit_farewell(engine, instance);
            self.beat();
        }
        if self.left {
            self.tell_that_we_left(engine);
        }
        // The engine may hear of the change with the next turn only.
        if self.pending.is_empty() && std::mem::take(&mut self.retiring) {
            // What left with this turn has said goodbye through its port.
            self.stale |= self.ports.retire(&self.plan);
            self.virtuals.retire(&self.plan);
            self.filtering.keep_vmacs(&self.plan.filter, self.virtuals.vmacs(), &self.outside.log);
        }
        for (wanted, to) in std::mem::take(&mut self.asked) {
            // Whoever asked may have lost patience.
            let _ = to.send(Box::new(self.show(engine, wanted)));
        }
        Ok(())
    }

    fn handle(&mut self, engine: &mut Engine, now: Instant, input: Input, effects: &mut Effects<Self>) {
        let received = if let Input::Received(datagram) = &input { Some(datagram.wall) } else { None };
        let heard = self.recorder.handle(engine, now, input, effects);
        if let (Some(wall), Some((instance, heard))) = (received, heard) {
            self.peers.heard((now, wall), instance, &heard);
        }
    }

    fn expire(&mut self, engine: &mut Engine, now: Instant, effects: &mut Effects<Self>) {
        self.recorder.expire(engine, now, effects);
    }

    fn late(by: Duration) -> Option<Input> {
        Some(Input::Woke { late_by: by })
    }

    fn is_late(&mut self, by: Duration) {
        self.chronicle.is_late(by);
        (self.outside.late)(by);
    }

    fn is_over(&self, engine: &Engine) -> bool {
        engine.is_finished() || self.left
    }
}

/// One timer for all that may be waited for: each costs something in every turn.
async fn sleep(rest: Option<Duration>) {
    match rest {
        Some(rest) => tokio::time::sleep(rest).await,
        None => std::future::pending().await,
    }
}

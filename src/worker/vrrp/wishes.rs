// SPDX-License-Identifier: MIT OR Apache-2.0
//! What instances want to hold: deposited, asked of the kernel, watched, renewed, and its answers handed to the engine.

use super::apply::{self, Part, Place};
use super::statics::{self, Statics};
use super::{RENEWALS_PER_LEASE, Worker, report};
use crate::kernel::clock;
use crate::kernel::netlink::Done;
use crate::proto::vrrp::{Engine, Holdings, Input, InstanceId, Outcome, Ticket, WallTime};

impl Worker<'_> {
    /// Gives addresses their time anew, three times within the time they have.
    pub(super) fn renew_leases(&mut self) {
        let now = clock::now();
        if self.renew_at.is_none_or(|at| now < at) {
            return;
        }
        if let Some(job) = self.holder.renewal()
            && self.writer.submit(job).is_err()
        {
            self.holder.not_taken();
            self.outside.log.warning("leases of addresses could not be renewed: the kernel is too busy");
        }
        let third = |seconds: u32| u64::from(seconds) * 1_000_000_000 / RENEWALS_PER_LEASE;
        self.renew_at = self.plan.lease.map(|seconds| now.saturating_add(third(seconds)));
    }

    pub(super) fn settle(&mut self, done: Done<Part>) {
        let (settled, refused) = self.holder.settle(done);
        for refused in refused {
            let verb = if refused.adding { "add" } else { "remove" };
            if refused.instance == statics::OWNER {
                let what = statics::noun(refused.item);
                self.outside
                    .log
                    .warning(format_args!("the kernel did not {verb} a static {what}: {}", refused.refusal));
                continue;
            }
            self.outside.log.debug(format_args!(
                "the kernel did not {verb} {:?} of instance {}: {}",
                refused.item, refused.instance.0, refused.refusal
            ));
        }
        let settled = settled.filter(|(ticket, _)| !Statics::issued(*ticket));
        if let Some((ticket, outcome)) = settled {
            self.answer(ticket, outcome);
        }
    }

    /// The kernel's answer to a `Hold`.
    pub(super) fn answer(&mut self, ticket: Ticket, outcome: Outcome) {
        match &outcome {
            Outcome::Progress { .. } => {}
            Outcome::Ok | Outcome::Refused(_) => {
                self.bequest.answered(ticket).into_iter().for_each(&mut self.outside.will);
                self.narrow_filter(ticket);
            }
        }
        self.pending.push_back(Input::Settled(ticket, outcome));
    }

    /// Deposits the adverts that would say now that the instance is gone.
    pub(super) fn deposit_farewell(&mut self, engine: &Engine, instance: InstanceId) {
        let farewell = engine.farewell(instance, WallTime(clock::wall()));
        let adverts = farewell.map(|farewell| self.ports.farewell(&farewell)).unwrap_or_default();
        self.bequest.farewell(instance, adverts).into_iter().for_each(&mut self.outside.will);
    }

    /// Asks the writer for what the filter is ready for, or could not be made ready for.
    pub(super) fn hold(&mut self, ticket: Ticket, instance: InstanceId, wanted: &Holdings, is_filtered: bool) {
        let wanted = Holdings { filter: wanted.filter && !is_filtered, ..wanted.clone() };
        let place = Place::of(instance, &self.plan, &self.interfaces, &self.ports);
        let submit = |job| self.writer.submit(job);
        if let Some(first) = apply::first_few(&wanted) {
            let undoing = apply::undoing(&first, place);
            self.bequest.ask(ticket, instance, undoing).into_iter().for_each(&mut self.outside.will);
            self.holder.begin((ticket, instance), &first, place, submit);
        }
        let undoing = apply::undoing(&wanted, place);
        self.bequest.ask(ticket, instance, undoing).into_iter().for_each(&mut self.outside.will);
        if let Some(outcome) = self.holder.hold((ticket, instance), &wanted, place, submit) {
            self.answer(ticket, outcome);
        }
    }

    /// Others that have what an instance holds from now on will be heard.
    pub(super) fn look_out(&mut self, instance: InstanceId, wanted: &Holdings) {
        let place = Place::of(instance, &self.plan, &self.interfaces, &self.ports);
        self.rivals.holds(instance, wanted, place, &report::Names(&self.plan).instance(instance), &self.outside.log);
    }
}

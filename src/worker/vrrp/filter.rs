// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the packet filter is told: addresses that are held and not accepted (`no_accept`), and virtual MACs.
//!
//! Invariant: while an address of `no_accept` is on an interface its packets are dropped. So what an instance wants waits
//! until the filter has its addresses, and the filter forgets an address only after the kernel said that it is gone.
//! Wishes of one instance stay in order: what comes while one waits for the filter waits behind it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::sync::mpsc::Receiver;

use super::Worker;
use super::apply::Place;
use crate::kernel::nft::{self, Done, Keeper, Order, Settings, Unaccepted, Vmac, Wish};
use crate::observe::log::Log;
use crate::plan::vrrp::{FilterPlan, VrrpPlan};
use crate::proto::vrrp::{Holdings, InstanceId, Ticket};

/// A hold that waits for the filter; `None` for a change nobody waits for.
type Note = Option<Ticket>;

/// What becomes of a wish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gate {
    /// The filter has all it needs.
    Open,
    /// The filter is asked first.
    Waits,
    /// The filter cannot be asked.
    Shut,
}

#[derive(Debug, Default)]
pub(super) struct Filtering {
    keeper: Option<Keeper<Note>>,
    answers: Option<Receiver<Done<Note>>>,
    answered: Option<Done<Note>>,
    /// What the filter was told last.
    told: BTreeMap<InstanceId, BTreeSet<Unaccepted>>,
    /// What the last wish of an instance needs once it is fulfilled.
    last: BTreeMap<InstanceId, (Ticket, BTreeSet<Unaccepted>)>,
    waiting: BTreeMap<Ticket, (InstanceId, Arc<Holdings>)>,
    /// Whose last addresses the filter did not take: it is asked again.
    refused: BTreeSet<InstanceId>,
    /// The virtual MACs the filter was told of, by the index of their interface.
    vmacs: BTreeMap<u32, Vmac>,
}

impl Filtering {
    /// A wish of an instance with these addresses that are not to be accepted. `order` asks the filter.
    fn gate(
        &mut self,
        (ticket, instance): (Ticket, InstanceId),
        addresses: BTreeSet<Unaccepted>,
        order: impl FnOnce(&mut Filtering, Order<Note>) -> bool,
    ) -> Gate {
        let is_behind = self.is_waiting(instance);
        let told = self.told.get(&instance).cloned().unwrap_or_default();
        self.last.insert(instance, (ticket, addresses.clone()));
        let is_there = addresses.is_subset(&told) && (addresses.is_empty() || !self.refused.contains(&instance));
        if !is_behind && is_there {
            return Gate::Open;
        }
        let both: BTreeSet<Unaccepted> = told.union(&addresses).cloned().collect();
        let wish = Wish::Hold { holder: instance.0, addresses: both.clone() };
        if !order(self, Order { ticket: Some(ticket), wish }) {
            return Gate::Shut;
        }
        self.told.insert(instance, both);
        Gate::Waits
    }

    fn is_waiting(&self, instance: InstanceId) -> bool {
        self.waiting.values().any(|(waiting, _)| *waiting == instance)
    }

    /// The kernel has fulfilled a wish, as far as it could: what the filter may forget now.
    fn narrowed(&mut self, ticket: Ticket) -> Option<Order<Note>> {
        let (instance, addresses) = self
            .last
            .iter()
            .find_map(|(instance, (last, addresses))| (*last == ticket).then(|| (*instance, addresses.clone())))?;
        self.last.remove(&instance);
        if self.told.get(&instance).is_none_or(|told| *told == addresses) {
            return None;
        }
        if addresses.is_empty() {
            self.told.remove(&instance);
        } else {
            self.told.insert(instance, addresses.clone());
        }
        Some(Order { ticket: None, wish: Wish::Hold { holder: instance.0, addresses } })
    }

    /// The filter's answer: the hold that waited for it, and whether the filter took it.
    fn answer(&mut self, done: Done<Note>, log: &Log) -> Option<(Ticket, InstanceId, Arc<Holdings>, bool)> {
        if let Err(refused) = &done.outcome {
            log.warning(format_args!("no packet filter: {refused}"));
        }
        let ticket = done.ticket?;
        let (instance, wanted) = self.waiting.remove(&ticket)?;
        match &done.outcome {
            Ok(()) => self.refused.remove(&instance),
            Err(_) => self.refused.insert(instance),
        };
        Some((ticket, instance, wanted, done.outcome.is_ok()))
    }

    fn order(&mut self, plan: &FilterPlan, order: Order<Note>, log: &Log) -> bool {
        self.keeper(plan, log).is_some_and(|keeper| keeper.order(order))
    }

    fn keeper(&mut self, plan: &FilterPlan, log: &Log) -> Option<&Keeper<Note>> {
        if self.keeper.is_none() {
            match Keeper::start(settings(plan)) {
                Ok((keeper, answers)) => (self.keeper, self.answers) = (Some(keeper), Some(answers)),
                Err(error) => log.error(format_args!("there can be no packet filter: {error}")),
            }
        }
        self.keeper.as_ref()
    }

    /// These are the virtual MACs from now on. Waits for the kernel: the first report of a group leaves when the
    /// interface is set up.
    pub(super) fn keep_vmacs(&mut self, plan: &FilterPlan, vmacs: BTreeMap<u32, Vmac>, log: &Log) {
        if self.vmacs == vmacs {
            return;
        }
        self.vmacs.clone_from(&vmacs);
        let outcome = self.keeper(plan, log).and_then(|keeper| keeper.grant(Wish::Vmacs(vmacs)));
        match outcome {
            Some(Ok(())) => {}
            Some(Err(refused)) => log.warning(format_args!(
                "group reports of virtual interfaces leave with the virtual MAC, which a switch may learn at the wrong port: {refused}"
            )),
            None => log.warning("the packet filter for virtual interfaces gives no answer"),
        }
    }

    /// Waits for an answer; for ever when nothing was asked. Dropping the future loses nothing.
    pub(super) async fn wait(&mut self) {
        if self.answered.is_some() {
            return;
        }
        if let Some(answers) = &mut self.answers
            && let Some(done) = answers.recv().await
        {
            self.answered = Some(done);
            return;
        }
        std::future::pending().await
    }

    fn take(&mut self) -> Option<Done<Note>> {
        self.answered.take().or_else(|| self.answers.as_mut()?.try_recv().ok())
    }

    /// No filter any more. For when the addresses are gone.
    pub(super) async fn end(&mut self) {
        let Some(keeper) = self.keeper.take() else { return };
        let _ = keeper.order(Order { ticket: None, wish: Wish::Remove });
        drop(keeper);
        if let Some(answers) = &mut self.answers {
            while answers.recv().await.is_some() {}
        }
    }
}

/// Removes what an earlier life left of the filter: who never leads would never replace it.
pub(super) fn clear(plan: &VrrpPlan) {
    let has_vmacs = plan.virtuals().any(|(_, _, over)| over.is_vmac());
    if has_vmacs || plan.setup.instances.values().any(|params| params.holdings.filter) {
        // Whoever needs the filter is told when there can be none.
        let _ = nft::clear(settings(&plan.filter));
    }
}

fn settings(plan: &FilterPlan) -> Settings {
    Settings { table: plan.table.clone(), priority: plan.priority, counters: plan.counters }
}

impl Worker<'_> {
    /// What an instance wants in the kernel from now on; the filter comes before the addresses.
    pub(super) fn want(&mut self, ticket: Ticket, instance: InstanceId, wanted: Arc<Holdings>) {
        let addresses =
            if wanted.filter { unaccepted(&wanted, instance, self.place(instance)) } else { BTreeSet::new() };
        let (plan, log) = (&self.plan.filter, &self.outside.log);
        match self.filtering.gate((ticket, instance), addresses, |to, order| to.order(plan, order, log)) {
            Gate::Open => self.hold(ticket, instance, &wanted, true),
            Gate::Waits => {
                self.filtering.waiting.insert(ticket, (instance, wanted));
            }
            Gate::Shut => self.hold(ticket, instance, &wanted, false),
        }
    }

    /// What waited for the filter goes on.
    pub(super) fn pass_filter(&mut self) {
        while let Some(done) = self.filtering.take() {
            if let Some((ticket, instance, wanted, passed)) = self.filtering.answer(done, &self.outside.log) {
                self.hold(ticket, instance, &wanted, passed);
            }
        }
    }

    /// The kernel answered a wish for the last time.
    pub(super) fn narrow_filter(&mut self, ticket: Ticket) {
        if let Some(order) = self.filtering.narrowed(ticket)
            && !self.filtering.order(&self.plan.filter, order, &self.outside.log)
        {
            self.outside.log.warning("the packet filter keeps addresses that are gone: it is too busy");
        }
    }
}

fn unaccepted(wanted: &Holdings, instance: InstanceId, place: Place<'_>) -> BTreeSet<Unaccepted> {
    let follows = place.plan.setup.instances.get(&instance).is_none_or(|params| params.track_primary);
    let by_index = follows || place.plan.filter.by_index;
    let addresses = wanted.every_address().filter_map(|held| {
        let link = place.interfaces.link(place.interface(held)?)?;
        let on = if by_index { nft::Place::Index(link.index) } else { nft::Place::Name(link.name.clone()) };
        Some(Unaccepted::new(held.ip, on))
    });
    addresses.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: InstanceId = InstanceId(1);

    fn addresses(last: &[u8]) -> BTreeSet<Unaccepted> {
        last.iter().map(|last| Unaccepted::Anywhere(std::net::Ipv4Addr::new(10, 0, 0, *last).into())).collect()
    }

    fn ask(filtering: &mut Filtering, ticket: u64, last: &[u8]) -> (Gate, Option<BTreeSet<Unaccepted>>) {
        let mut asked = None;
        let gate = filtering.gate((Ticket(ticket), ONE), addresses(last), |_, order| {
            if let Wish::Hold { addresses, .. } = order.wish {
                asked = Some(addresses);
            }
            true
        });
        if gate == Gate::Waits {
            filtering.waiting.insert(Ticket(ticket), (ONE, Arc::default()));
        }
        (gate, asked)
    }

    fn granted(filtering: &mut Filtering, ticket: u64) {
        let done = Done { ticket: Some(Ticket(ticket)), outcome: Ok(()) };
        let passed = filtering.answer(done, &Log::to_stderr("test")).expect("somebody waits");
        assert!(passed.3);
    }

    fn narrowed(filtering: &mut Filtering, ticket: u64) -> Option<BTreeSet<Unaccepted>> {
        match filtering.narrowed(Ticket(ticket))?.wish {
            Wish::Hold { addresses, .. } => Some(addresses),
            Wish::Vmacs(_) | Wish::Remove => None,
        }
    }

    #[test]
    fn the_filter_comes_before_the_addresses_and_goes_after_them() {
        let mut filtering = Filtering::default();
        assert_eq!(ask(&mut filtering, 1, &[1, 2]), (Gate::Waits, Some(addresses(&[1, 2]))));
        granted(&mut filtering, 1);
        assert_eq!(narrowed(&mut filtering, 1), None);
        assert_eq!(ask(&mut filtering, 2, &[]), (Gate::Open, None));
        assert_eq!(narrowed(&mut filtering, 2), Some(addresses(&[])));
        assert!(filtering.told.is_empty() && filtering.last.is_empty());
    }

    #[test]
    fn an_exchange_of_addresses_filters_both_until_it_is_done() {
        let mut filtering = Filtering::default();
        ask(&mut filtering, 1, &[1]);
        granted(&mut filtering, 1);
        assert_eq!(ask(&mut filtering, 2, &[2]), (Gate::Waits, Some(addresses(&[1, 2]))));
        // An answer to the wish before must not uncover the addresses of this one.
        assert_eq!(narrowed(&mut filtering, 1), None);
        granted(&mut filtering, 2);
        assert_eq!(narrowed(&mut filtering, 2), Some(addresses(&[2])));
    }

    #[test]
    fn what_comes_while_the_filter_is_asked_waits_behind() {
        let mut filtering = Filtering::default();
        ask(&mut filtering, 1, &[1]);
        assert_eq!(ask(&mut filtering, 2, &[]).0, Gate::Waits);
        granted(&mut filtering, 1);
        granted(&mut filtering, 2);
        assert_eq!(narrowed(&mut filtering, 2), Some(addresses(&[])));
    }

    #[test]
    fn instances_that_accept_ask_for_nothing() {
        let mut filtering = Filtering::default();
        assert_eq!(ask(&mut filtering, 1, &[]), (Gate::Open, None));
        assert_eq!(narrowed(&mut filtering, 1), None);
    }

    #[test]
    fn what_the_filter_cannot_take_is_asked_for_again() {
        let mut filtering = Filtering::default();
        ask(&mut filtering, 1, &[1]);
        let refused = nft::Refused { what: "all of it".to_owned(), refusal: crate::kernel::netlink::Refusal::new(1) };
        let done = Done { ticket: Some(Ticket(1)), outcome: Err(refused) };
        let answer = filtering.answer(done, &Log::to_stderr("test")).expect("somebody waits");
        assert!(!answer.3);
        assert_eq!(ask(&mut filtering, 2, &[1]).0, Gate::Waits);
        // It may have it after all.
        granted(&mut filtering, 2);
        assert_eq!(ask(&mut filtering, 3, &[]).0, Gate::Open);
        assert_eq!(narrowed(&mut filtering, 3), Some(addresses(&[])));
    }
}

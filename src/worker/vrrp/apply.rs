// SPDX-License-Identifier: MIT OR Apache-2.0
//! Holdings: what instances want in the kernel, turned into requests for the writer, and its answers into `Settled`.
//!
//! The engine says what an instance wants as a whole; here it is compared with what is there, and the difference is sent,
//! what is missing before what is no longer wanted. Nothing here waits for the kernel.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::convert;
use super::interfaces::Interfaces;
use super::ports::Ports;
use super::statics;
use crate::channel::{Kind, Thing};
use crate::kernel::Family;
use crate::kernel::netlink::socket::SEND_MAX;
use crate::kernel::netlink::{Done, Job, Refusal, Request};
use crate::kernel::rtnl::address::Lifetimes;
use crate::kernel::rtnl::{self, Address, Event};
use crate::plan::vrrp::{Detail, VrrpPlan};
use crate::proto::vrrp::{DetailId, HeldAddress, Holdings, InstanceId, Item, Outcome, Ticket};

/// So many addresses go ahead of the rest.
const FIRST_FEW: usize = 16;

/// One thing in the kernel. Several instances may want the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Address(u32, IpAddr, u8),
    Route(DetailId),
    Rule(DetailId),
}

/// Something of ours that is in the kernel, or on its way there.
#[derive(Debug)]
struct Present {
    what: What,
    /// Who wants it, and as what.
    wanted_by: BTreeMap<InstanceId, Item>,
}

#[derive(Clone, Debug)]
enum What {
    Address(Address),
    Route(rtnl::Route),
    Rule(rtnl::Rule),
}

impl What {
    fn remove(&self) -> Request {
        match self {
            What::Address(address) => address.remove(),
            What::Route(route) => route.remove(),
            What::Rule(rule) => rule.remove(),
        }
    }
}

/// A part of a ticket: parts leave one after the other, so that the first addresses are announced while the rest is
/// still being added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Part {
    /// None for the renewal of leases, which nobody waits for.
    ticket: Option<Ticket>,
    number: usize,
}

/// What was asked for under one ticket.
#[derive(Debug)]
struct Asked {
    instance: InstanceId,
    /// For each part, for each request: what it was about.
    parts: Vec<Vec<Step>>,
    refused: BTreeSet<Item>,
}

#[derive(Clone, Debug)]
struct Step {
    key: Key,
    item: Item,
    adds: bool,
    /// After this step, so many addresses from the first one on are in place.
    addresses: usize,
    request: Request,
}

/// What a refusal was about, for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) instance: InstanceId,
    pub(super) item: Item,
    pub(super) adding: bool,
    pub(super) refusal: Refusal,
}

/// What was read from the kernel after changes had been missed; of routes and rules, only what is like ours.
#[derive(Debug)]
pub(super) struct Now<'a> {
    pub(super) interfaces: &'a Interfaces,
    pub(super) routes: Option<Vec<rtnl::Route>>,
    pub(super) rules: Option<Vec<rtnl::Rule>>,
}

/// The desk between engine and writer.
#[derive(Debug, Default)]
pub(super) struct Holder {
    present: BTreeMap<Key, Present>,
    asked: BTreeMap<Ticket, Asked>,
    /// Seconds after which the kernel takes an address away that is not renewed.
    lease: Option<u32>,
    /// Renewals, and what undoes them, that may bring back what was lost.
    renewing: usize,
    /// Those of them that the writer has answered. What was lost before they came through may not have been read yet.
    renewed: usize,
    /// What a renewal on its way would bring back although it was lost meanwhile.
    risen: Vec<Request>,
}

/// Where instances and links are: what a held thing is resolved with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    pub(super) plan: &'a VrrpPlan,
    pub(super) interfaces: &'a Interfaces,
    /// The interface of the instance's port.
    pub(super) home: Option<u32>,
}

impl<'a> Place<'a> {
    pub(super) fn of(instance: InstanceId, plan: &'a VrrpPlan, interfaces: &'a Interfaces, ports: &Ports) -> Place<'a> {
        let port = plan.setup.instances.get(&instance).map(|params| params.port);
        let home = port.and_then(|port| ports.home(port, interfaces));
        Place { plan, interfaces, home }
    }

    pub(super) fn interface(&self, held: &HeldAddress) -> Option<u32> {
        match held.link {
            Some(link) => Some(self.interfaces.named(self.plan.links.get(&link)?)?.index),
            None => self.home,
        }
    }

    /// The address as it would stand in the kernel.
    pub(super) fn address(&self, held: &HeldAddress) -> Option<Address> {
        let detail = match held.detail.and_then(|detail| self.plan.details.get(&detail)) {
            Some(Detail::Address(detail)) => Some(detail),
            Some(Detail::Route(_) | Detail::Rule(_)) | None => None,
        };
        Some(convert::address(self.interface(held)?, held, detail))
    }
}

/// One thing that is wanted; without `thing` it cannot be had here.
struct Resolved {
    item: Item,
    /// With it, so many addresses from the first one on are in place.
    addresses: usize,
    thing: Option<(Key, What, Request)>,
}

/// Addresses, then routes, then rules: a route may need an address as its source.
fn resolve(wanted: &Holdings, place: Place<'_>, lease: Option<u32>) -> Vec<Resolved> {
    let addresses = wanted.every_address().enumerate().map(|(before, held)| {
        let thing = place.address(held).map(|address| {
            let request = leased(&address, lease).add();
            (Key::Address(address.interface, address.address, address.prefix), What::Address(address), request)
        });
        Resolved { item: Item::Address(held.ip), addresses: before + 1, thing }
    });
    let every = wanted.every_address().count();
    let routes = wanted.routes.iter().map(|held| {
        let planned = match place.plan.details.get(&held.detail) {
            Some(Detail::Route(route)) => Some(route),
            Some(Detail::Address(_) | Detail::Rule(_)) | None => None,
        };
        let thing = planned.and_then(|planned| {
            let route = convert::route(planned, place.interfaces)?;
            let request = route.add(convert::insert(planned.insert));
            Some((Key::Route(held.detail), What::Route(route), request))
        });
        Resolved { item: Item::Route(held.detail), addresses: every, thing }
    });
    let rules = wanted.rules.iter().map(|held| {
        let thing = match place.plan.details.get(&held.detail) {
            Some(Detail::Rule(rule)) => {
                let rule = convert::rule(rule);
                let request = rule.add();
                Some((Key::Rule(held.detail), What::Rule(rule), request))
            }
            Some(Detail::Address(_) | Detail::Route(_)) | None => None,
        };
        Resolved { item: Item::Rule(held.detail), addresses: every, thing }
    });
    // The filter could not be had, and whoever asks for one should not believe that it could.
    let filter = wanted.filter.then_some(Resolved { item: Item::Filter, addresses: every, thing: None });
    addresses.chain(routes).chain(rules).chain(filter).collect()
}

/// The requests that remove what is wanted, for whoever outlives us.
pub(super) fn undoing(wanted: &Holdings, place: Place<'_>) -> Vec<Thing> {
    let things = resolve(wanted, place, None).into_iter().filter_map(|resolved| resolved.thing);
    let undoing = things.map(|(key, what, _)| {
        let kind = match key {
            Key::Address(..) => Kind::Address,
            Key::Route(_) => Kind::Route,
            Key::Rule(_) => Kind::Rule,
        };
        let removal = what.remove();
        let (request, flags, body) = removal.parts();
        Thing { kind, request, flags, body: body.to_vec() }
    });
    undoing.collect()
}

/// The first addresses of many: asked for while the rest is still made ready, so that the first one is there as soon as
/// if it were alone.
pub(super) fn first_few(wanted: &Holdings) -> Option<Holdings> {
    wanted.every_address().nth(FIRST_FEW)?;
    let addresses: Vec<_> = wanted.addresses.iter().take(FIRST_FEW).cloned().collect();
    let excluded = wanted.excluded.iter().take(FIRST_FEW - addresses.len()).cloned().collect();
    Some(Holdings { addresses, excluded, ..Holdings::default() })
}

impl Holder {
    /// Asks for the first few of what `hold` is given next under the same ticket.
    pub(super) fn begin(
        &mut self,
        (ticket, instance): (Ticket, InstanceId),
        first: &Holdings,
        place: Place<'_>,
        submit: impl FnOnce(Job<Part>) -> Result<(), Job<Part>>,
    ) {
        let steps = self.additions(instance, resolve(first, place, self.lease));
        if steps.is_empty() {
            return;
        }
        if submit(job(ticket, 0, &steps)).is_err() {
            for step in &steps {
                self.present.remove(&step.key);
            }
            return;
        }
        self.asked.insert(ticket, Asked { instance, parts: vec![steps], refused: BTreeSet::new() });
    }

    /// Takes what an instance wants from now on. `submit` hands a job to the writer, or gives it back. The answer, when
    /// it is known at once.
    pub(super) fn hold(
        &mut self,
        (ticket, instance): (Ticket, InstanceId),
        wanted: &Holdings,
        place: Place<'_>,
        mut submit: impl FnMut(Job<Part>) -> Result<(), Job<Part>>,
    ) -> Option<Outcome> {
        let lease = self.lease.filter(|_| instance != statics::OWNER);
        let resolved = resolve(wanted, place, lease);
        let missing = resolved.iter().filter(|wanted| wanted.thing.is_none());
        let mut refused: BTreeSet<Item> = missing.map(|wanted| wanted.item).collect();
        let begun = self.asked.remove(&ticket).map(|asked| asked.parts).unwrap_or_default();
        let mut steps = self.removals(instance, &resolved);
        // What is missing goes before what is no longer wanted.
        steps.splice(..0, self.additions(instance, resolved));
        let sent = begun.len();
        let parts: Vec<Vec<Step>> = begun.into_iter().chain(steps.chunks(SEND_MAX).map(<[Step]>::to_vec)).collect();
        if parts.is_empty() {
            return Some(outcome(refused));
        }
        for (number, part) in parts.iter().enumerate().skip(sent) {
            if submit(job(ticket, number, part)).is_err() {
                // The writer is a thousand jobs behind, or gone. Nothing of this part or a later one was done.
                let undone = parts.get(number..).unwrap_or_default().iter().flatten();
                for step in undone.filter(|step| step.adds) {
                    self.present.remove(&step.key);
                    refused.insert(step.item);
                }
                if number == 0 {
                    return Some(outcome(refused));
                }
                let parts = parts.get(..number).unwrap_or_default().to_vec();
                self.asked.insert(ticket, Asked { instance, parts, refused });
                return None;
            }
        }
        self.asked.insert(ticket, Asked { instance, parts, refused });
        None
    }

    fn additions(&mut self, instance: InstanceId, resolved: Vec<Resolved>) -> Vec<Step> {
        let mut steps = Vec::new();
        for Resolved { item, addresses, thing } in resolved {
            let Some((key, what, request)) = thing else { continue };
            let entry = self.present.entry(key);
            // Of what is static some may have gone with an interface, without a word.
            if matches!(entry, Entry::Vacant(_)) || instance == statics::OWNER {
                steps.push(Step { key, item, adds: true, addresses, request });
            }
            let present = entry.or_insert_with(|| Present { what: what.clone(), wanted_by: BTreeMap::new() });
            // An interface that came back has another number.
            present.what = what;
            present.wanted_by.insert(instance, item);
        }
        steps
    }

    /// What the instance had and no longer wants: rules, then routes, then addresses.
    fn removals(&mut self, instance: InstanceId, resolved: &[Resolved]) -> Vec<Step> {
        let wanted: BTreeSet<Key> = resolved.iter().filter_map(|wanted| Some(wanted.thing.as_ref()?.0)).collect();
        let addresses = resolved.last().map_or(0, |wanted| wanted.addresses);
        let mut steps = Vec::new();
        for (key, present) in &mut self.present {
            if wanted.contains(key) {
                continue;
            }
            let Some(item) = present.wanted_by.remove(&instance) else { continue };
            if present.wanted_by.is_empty() {
                steps.push(Step { key: *key, item, adds: false, addresses, request: present.what.remove() });
            }
        }
        steps.sort_by_key(|step| match step.key {
            Key::Rule(_) => 0,
            Key::Route(_) => 1,
            Key::Address(..) => 2,
        });
        for step in &steps {
            self.present.remove(&step.key);
        }
        steps
    }

    /// The writer's answer to one part: what to tell the engine, and what to tell the log.
    pub(super) fn settle(&mut self, done: Done<Part>) -> (Option<(Ticket, Outcome)>, Vec<Refused>) {
        let Part { ticket, number } = done.ticket;
        // A lease that could not be renewed shows as a lost address when it runs out.
        let Some(ticket) = ticket else {
            self.renewed += 1;
            return (None, Vec::new());
        };
        let Some(asked) = self.asked.get_mut(&ticket) else { return (None, Vec::new()) };
        let Some(steps) = asked.parts.get(number) else { return (None, Vec::new()) };
        let mut told = Vec::new();
        let mut missing = Vec::new();
        for (place, refusal) in done.refused {
            let Some(step) = steps.get(place) else { continue };
            asked.refused.insert(step.item);
            if step.adds {
                missing.push(step.key);
            }
            told.push(Refused { instance: asked.instance, item: step.item, adding: step.adds, refusal });
        }
        let addresses = steps.last().map_or(0, |step| step.addresses);
        let is_last = number + 1 == asked.parts.len();
        let untroubled = asked.refused.is_empty();
        for key in missing {
            self.forget(key);
        }
        if is_last {
            let refused = self.asked.remove(&ticket).map(|asked| asked.refused).unwrap_or_default();
            return (Some((ticket, outcome(refused))), told);
        }
        // While something is refused, "the first so many" would name it too; the final answer names the rest.
        let progress = untroubled.then_some((ticket, Outcome::Progress { addresses }));
        (progress, told)
    }

    /// How long addresses live from now on; takes effect with the next renewal.
    pub(super) fn set_lease(&mut self, lease: Option<u32>) {
        self.lease = lease;
    }

    /// Gives every address its time anew: a job that nobody waits for. The kernel adds what it does not find.
    pub(super) fn renewal(&mut self) -> Option<Job<Part>> {
        let addresses = self.present.values().filter_map(|present| match &present.what {
            What::Address(address) => {
                let lease = self.lease.filter(|_| !present.wanted_by.contains_key(&statics::OWNER));
                Some(leased(address, lease).renew())
            }
            What::Route(_) | What::Rule(_) => None,
        });
        let requests: Vec<Request> = addresses.collect();
        self.unwaited(requests)
    }

    /// Removes what a renewal brings back that was lost while it was on its way: nobody would own it. Asked for when
    /// everything has been read that the kernel tells.
    pub(super) fn burial(&mut self) -> Option<Job<Part>> {
        let requests = std::mem::take(&mut self.risen);
        self.renewing = self.renewing.saturating_sub(std::mem::take(&mut self.renewed));
        self.unwaited(requests)
    }

    fn unwaited(&mut self, requests: Vec<Request>) -> Option<Job<Part>> {
        if requests.is_empty() {
            return None;
        }
        self.renewing += 1;
        Some(Job { ticket: Part { ticket: None, number: 0 }, requests })
    }

    /// The writer did not take what nobody waits for.
    pub(super) fn not_taken(&mut self) {
        self.renewing = self.renewing.saturating_sub(1);
    }

    /// Something is not there after all. Whoever asked for it meanwhile, counting on it, is told with its own answer.
    fn forget(&mut self, key: Key) {
        let Some(present) = self.present.remove(&key) else { return };
        for asked in self.asked.values_mut() {
            if let Some(item) = present.wanted_by.get(&asked.instance) {
                asked.refused.insert(*item);
            }
        }
    }

    /// Somebody else changed the kernel: which instances lost what.
    pub(super) fn note(&mut self, event: &Event) -> Vec<(InstanceId, Item)> {
        let gone: Vec<Key> = match event {
            Event::AddressGone(address) => {
                vec![Key::Address(address.interface, address.address, address.prefix)]
            }
            Event::LinkGone(link) => self.keys(|key, _| matches!(key, Key::Address(index, ..) if *index == link.index)),
            Event::RouteGone(seen) => self.keys(|_, what| matches!(what, What::Route(route) if route.is_seen_as(seen))),
            Event::RuleGone(seen) => self.keys(|_, what| matches!(what, What::Rule(rule) if rule.is_seen_as(seen))),
            Event::Link(_) | Event::Address(_) | Event::Route(_) | Event::Rule(_) | Event::Lost => Vec::new(),
        };
        gone.into_iter().flat_map(|key| self.lose(key)).collect()
    }

    /// Whether the writer has answered everything that was asked for. What is on its way can be compared with nothing.
    pub(super) fn is_settled(&self) -> bool {
        self.asked.is_empty()
    }

    /// The kinds of routes to look for when something may have been lost: family and number of the routing protocol.
    pub(super) fn route_kinds(&self) -> BTreeSet<(Family, u8)> {
        let kinds = self.present.values().filter_map(|present| match &present.what {
            What::Route(route) => Some((route.family, route.protocol)),
            What::Address(_) | What::Rule(_) => None,
        });
        kinds.collect()
    }

    pub(super) fn has_rules(&self) -> bool {
        self.present.keys().any(|key| matches!(key, Key::Rule(_)))
    }

    /// After a resync: what is not there any more was lost meanwhile. Where nothing could be read nothing is known.
    pub(super) fn compare(&mut self, now: &Now<'_>) -> Vec<(InstanceId, Item)> {
        let gone = self.keys(|_, what| match what {
            What::Address(address) => !now.interfaces.has(address.interface, address.address),
            What::Route(route) => {
                now.routes.as_ref().is_some_and(|seen| !seen.iter().any(|seen| route.is_seen_as(seen)))
            }
            What::Rule(rule) => now.rules.as_ref().is_some_and(|seen| !seen.iter().any(|seen| rule.is_seen_as(seen))),
        });
        gone.into_iter().flat_map(|key| self.lose(key)).collect()
    }

    fn keys(&self, wanted: impl Fn(&Key, &What) -> bool) -> Vec<Key> {
        self.present.iter().filter(|(key, present)| wanted(key, &present.what)).map(|(key, _)| *key).collect()
    }

    fn lose(&mut self, key: Key) -> Vec<(InstanceId, Item)> {
        let Some(present) = self.present.remove(&key) else { return Vec::new() };
        if self.renewing > 0 && matches!(present.what, What::Address(_)) {
            self.risen.push(present.what.remove());
        }
        present.wanted_by.into_iter().collect()
    }
}

fn job(ticket: Ticket, number: usize, steps: &[Step]) -> Job<Part> {
    let requests = steps.iter().map(|step| step.request.clone()).collect();
    Job { ticket: Part { ticket: Some(ticket), number }, requests }
}

fn outcome(refused: BTreeSet<Item>) -> Outcome {
    if refused.is_empty() { Outcome::Ok } else { Outcome::Refused(refused.into_iter().collect()) }
}

/// The address with the time that is left to it. The kernel wants the preferred lifetime within the valid one.
fn leased(address: &Address, lease: Option<u32>) -> Address {
    let lifetimes = match lease {
        Some(seconds) => Lifetimes { preferred: address.lifetimes.preferred.min(seconds), valid: seconds },
        None => address.lifetimes,
    };
    Address { lifetimes, ..address.clone() }
}

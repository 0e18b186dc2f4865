// SPDX-License-Identifier: MIT OR Apache-2.0
//! What an operator asks for: draining a server, another weight, a check at once.

use super::io::{Cause, Event, Refusal, Verb};
use super::server::Wish;
use super::types::{CheckerId, Order, ServerId, WEIGHT_MAX};
use super::{Engine, Owner};
use crate::proto::Instant;

impl Engine {
    pub(super) fn operator(&mut self, now: Instant, order: Order, verb: Verb) {
        let answer = if self.stopping { Err(Refusal::Stopping) } else { self.carry_out(now, verb) };
        // The answer stands before what follows from the order.
        self.events.insert(0, Event::Answered { order, answer });
    }

    fn carry_out(&mut self, now: Instant, verb: Verb) -> Result<(), Refusal> {
        match verb {
            Verb::Drain { server, lasts, force } => {
                let wish = Wish { weight: 0, drain: true, until: lasts.map(|lasts| now + lasts) };
                self.wish(server, wish, force)
            }
            Verb::Weight { server, weight, lasts, force } => {
                if weight > WEIGHT_MAX {
                    return Err(Refusal::WeightTooLarge);
                }
                let wish = Wish { weight, drain: false, until: lasts.map(|lasts| now + lasts) };
                self.wish(server, wish, force)
            }
            Verb::Restore { server } => {
                let known = self.servers.get_mut(&server).ok_or(Refusal::NoSuchServer)?;
                known.wish.take().ok_or(Refusal::NothingToRestore)?;
                self.schedule(Owner::Wish(server), None);
                self.follow_wish(server);
                Ok(())
            }
            Verb::Check { server } => self.check_now(now, server),
        }
    }

    fn wish(&mut self, id: ServerId, wish: Wish, force: bool) -> Result<(), Refusal> {
        let last = self.is_last(id);
        let server = self.servers.get_mut(&id).ok_or(Refusal::NoSuchServer)?;
        if wish.weight == 0 && !force && last {
            return Err(Refusal::LastServer);
        }
        server.wish = Some(wish);
        self.schedule(Owner::Wish(id), wish.until);
        self.follow_wish(id);
        Ok(())
    }

    /// Whether nothing would answer any more without this server.
    fn is_last(&self, id: ServerId) -> bool {
        let Some(server) = self.servers.get(&id) else { return false };
        let Some(service) = self.services.get(&server.params.service) else { return false };
        let serves = |id: &ServerId| self.servers.get(id).is_some_and(|server| server.up && server.weight > 0);
        let others = service.params.servers.iter().filter(|other| **other != id);
        service.params.sorry.is_none() && serves(&id) && !others.into_iter().any(serves)
    }

    pub(super) fn wish_over(&mut self, id: ServerId) {
        let Some(server) = self.servers.get_mut(&id) else { return };
        if server.wish.take().is_some() {
            self.events.push(Event::WishOver { server: id });
            self.follow_wish(id);
        }
    }

    /// A wish can move a server in the table without changing its weight: a drained one keeps its place beside the sorry
    /// server.
    fn follow_wish(&mut self, id: ServerId) {
        self.look_at(id, Cause::Operator, true);
        if let Some(service) = self.service_of(id) {
            self.touched.entry(service).or_insert(Cause::Operator);
        }
    }

    /// Asks every checker of a server that is not being asked already.
    fn check_now(&mut self, now: Instant, id: ServerId) -> Result<(), Refusal> {
        let server = self.servers.get(&id).ok_or(Refusal::NoSuchServer)?;
        let asked: Vec<CheckerId> = server
            .checkers
            .iter()
            .filter(|id| self.checkers.get(id).is_some_and(|checker| checker.timing().is_some()))
            .copied()
            .collect();
        if asked.is_empty() {
            return Err(Refusal::NothingToCheck);
        }
        if asked.iter().any(|id| self.is_suspended(*id)) {
            return Err(Refusal::Suspended);
        }
        for id in asked {
            self.schedule(Owner::Checker(id), None);
            self.ask(now, id);
        }
        Ok(())
    }
}

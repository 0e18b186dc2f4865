// SPDX-License-Identifier: MIT OR Apache-2.0
//! What an instance holds in the kernel: asking for it, its answer, giving it up now or at a handover.
//!
//! Holdings are asked for as a whole and the answer comes as an input; only what is in place is announced.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::{Instance, Purpose};
use crate::proto::Instant;
use crate::proto::vrrp::announce::{self, Block};
use crate::proto::vrrp::io::{AnnounceWhy, Announced, Announcements, Effect, Event, Fault, Item, Link, Outcome, Phase};
use crate::proto::vrrp::params::{Holdings, OnLoss};
use crate::proto::vrrp::timing;
use crate::proto::vrrp::turn::Turn;
use crate::proto::vrrp::types::Ticket;

/// How long a Master waits before it asks again for what the kernel refused.
pub const HOLD_RETRY: Duration = Duration::from_secs(10);
/// How long an instance stays in Fault after the kernel refused every address; up to a quarter more, so that two
/// routers with the same trouble do not try in step.
pub const UNHELD_PAUSE: Duration = Duration::from_secs(30);
/// So often within [`RESTORE_WINDOW`] a holding that somebody removes is put back. Who removes it more often means it:
/// then the instance bounces.
pub const RESTORES_MAX: u32 = 3;
pub const RESTORE_WINDOW: Duration = Duration::from_secs(10);

/// What becomes of the holdings of a Master that steps down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keep {
    Nothing,
    /// Kept until the successor's first advert, if handovers are wanted; see `timing::handover_limit`.
    UntilSuccessor,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Farewell {
    Silent,
    PriorityZero,
}

/// What is announced when the kernel has answered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "daemon", derive(serde::Serialize, serde::Deserialize))]
enum Then {
    #[default]
    Nothing,
    /// Everything, and the schedule begins.
    Begin,
    /// These addresses, once.
    Only(BTreeSet<IpAddr>),
}

/// What was asked for, and how far that is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "daemon", derive(serde::Serialize, serde::Deserialize))]
pub(in crate::proto::vrrp) struct Held {
    #[cfg_attr(feature = "daemon", serde(with = "crate::proto::shared"))]
    wanted: Arc<Holdings>,
    ticket: Option<Ticket>,
    then: Then,
    /// How many addresses were announced while the answer was still incomplete.
    announced: usize,
    refused: BTreeSet<Item>,
    restored: u32,
    restored_since: Option<Instant>,
}

impl Held {
    pub(in crate::proto::vrrp) fn wanted(&self) -> &Holdings {
        &self.wanted
    }

    /// Something is held, and the kernel has said so.
    pub(super) fn is_in_place(&self) -> bool {
        !self.wanted.is_empty() && self.ticket.is_none()
    }

    /// Nothing is held and no answer is awaited.
    pub(in crate::proto::vrrp) fn is_free(&self) -> bool {
        self.wanted.is_empty() && self.ticket.is_none()
    }

    pub(super) fn rebase(&mut self, by: Duration) {
        self.restored_since = self.restored_since.map(|at| at.back(by));
    }
}

impl Instance {
    /// Asks for everything; `true` when it is in place already, because it was kept.
    pub(super) fn hold_everything(&mut self, turn: &mut Turn<'_>) -> bool {
        let wanted = Arc::clone(&self.params.holdings);
        if self.held.wanted == wanted && self.held.ticket.is_none() && self.held.refused.is_empty() {
            return true;
        }
        self.ask(turn, wanted, Then::Begin);
        false
    }

    fn ask(&mut self, turn: &mut Turn<'_>, wanted: Arc<Holdings>, then: Then) {
        let ticket = turn.tickets.open(self.id, self.held.ticket);
        let before = if self.held.ticket.is_some() { std::mem::take(&mut self.held.then) } else { Then::Nothing };
        self.held.then = match (before, then) {
            (_, Then::Nothing) => Then::Nothing,
            (Then::Begin, Then::Only(_)) | (_, Then::Begin) => Then::Begin,
            (Then::Only(mut before), Then::Only(more)) => {
                before.extend(more);
                Then::Only(before)
            }
            (Then::Nothing, Then::Only(addresses)) => Then::Only(addresses),
        };
        self.held.ticket = Some(ticket);
        self.held.announced = 0;
        self.held.wanted = Arc::clone(&wanted);
        turn.out.push(Effect::Hold(ticket, self.id, wanted));
    }

    /// Other holdings from now on. A Master, or who still holds for a successor, asks for them at once.
    pub(super) fn change_holdings(&mut self, turn: &mut Turn<'_>, before: &Holdings) {
        if self.phase() != Phase::Master {
            return;
        }
        let new = Arc::clone(&self.params.holdings);
        let added = new.every_address().any(|address| !before.every_address().any(|old| old == address));
        self.ask(turn, new, if added { Then::Begin } else { Then::Only(BTreeSet::new()) });
    }

    pub(super) fn release(&mut self, turn: &mut Turn<'_>) {
        self.timers.clear(Purpose::Handover);
        if !self.held.wanted.is_empty() {
            self.held.refused.clear();
            self.ask(turn, Arc::default(), Then::Nothing);
        }
    }

    /// The end of being Master: the farewell, and the holdings.
    pub(super) fn step_down(&mut self, turn: &mut Turn<'_>, farewell: Farewell, keep: Keep) {
        self.ledger.counters.released_master += 1;
        self.ledger.forget();
        if farewell == Farewell::PriorityZero && self.link != Some(Link::Gone) {
            self.send(turn, 0);
        }
        if keep == Keep::UntilSuccessor && self.params.handover && !self.held.wanted.is_empty() {
            let limit = timing::handover_limit(self.params.version, self.own_interval);
            self.timers.set(Purpose::Handover, turn.now + limit);
            turn.report(Event::HandingOver { instance: self.id, limit });
        } else {
            self.release(turn);
        }
    }

    /// Whether addresses are kept for a successor.
    pub(in crate::proto::vrrp) fn is_handing_over(&self) -> bool {
        self.timers.get(Purpose::Handover).is_some()
    }

    pub(super) fn hand_over_to(&mut self, turn: &mut Turn<'_>, successor: IpAddr) {
        if self.is_handing_over() {
            self.end_handover(turn, Some(successor));
        }
    }

    pub(super) fn end_handover(&mut self, turn: &mut Turn<'_>, successor: Option<IpAddr>) {
        self.release(turn);
        turn.report(Event::HandedOver { instance: self.id, successor });
    }

    /// The kernel answered.
    pub(in crate::proto::vrrp) fn settled(&mut self, turn: &mut Turn<'_>, ticket: Ticket, outcome: Outcome) {
        if self.held.ticket != Some(ticket) {
            return;
        }
        match outcome {
            Outcome::Progress { addresses } => {
                if self.phase() == Phase::Master && self.held.then == Then::Begin {
                    let rounds = self.params.announce.repeat;
                    let most = addresses.min(self.held.wanted.every_address().count());
                    self.announce_range(turn, (AnnounceWhy::Entered, rounds), most);
                }
            }
            Outcome::Ok => self.settled_finally(turn, ticket, Vec::new()),
            Outcome::Refused(items) => self.settled_finally(turn, ticket, items),
        }
    }

    fn settled_finally(&mut self, turn: &mut Turn<'_>, ticket: Ticket, refused: Vec<Item>) {
        turn.tickets.close(ticket);
        self.held.ticket = None;
        self.held.refused = refused.iter().copied().collect();
        if !refused.is_empty() {
            turn.report(Event::HoldingsRefused { instance: self.id, items: refused });
        }
        let then = std::mem::take(&mut self.held.then);
        if self.phase() != Phase::Master {
            return;
        }
        if self.every_address_refused() {
            let quarter = u64::try_from(UNHELD_PAUSE.as_nanos() / 4).unwrap_or(0);
            let pause = UNHELD_PAUSE + Duration::from_nanos(turn.noise.up_to(quarter));
            self.timers.set(Purpose::FaultPause, turn.now + pause);
            self.raise_fault(turn, Fault::Unheld);
            return;
        }
        if !self.held.refused.is_empty() {
            self.timers.set(Purpose::HoldRetry, turn.now + HOLD_RETRY);
        }
        match then {
            Then::Nothing => {}
            Then::Begin => self.announce_all(turn),
            Then::Only(addresses) => {
                let rounds = self.params.announce.repeat;
                self.announce_where(turn, (AnnounceWhy::Entered, rounds), |address| addresses.contains(&address.ip));
            }
        }
    }

    fn every_address_refused(&self) -> bool {
        let mut addresses = self.held.wanted.every_address().peekable();
        addresses.peek().is_some() && addresses.all(|held| self.held.refused.contains(&Item::Address(held.ip)))
    }

    pub(super) fn hold_again(&mut self, turn: &mut Turn<'_>) {
        let missing = self.held.refused.iter().filter_map(|item| match item {
            Item::Address(ip) => Some(*ip),
            Item::Route(_) | Item::Rule(_) | Item::Filter => None,
        });
        let missing = missing.collect();
        self.ask(turn, Arc::clone(&self.held.wanted), Then::Only(missing));
    }

    /// Somebody removed a holding. `true` when the instance must bounce.
    pub(in crate::proto::vrrp) fn lost(&mut self, turn: &mut Turn<'_>, item: Item) -> bool {
        if self.phase() != Phase::Master || !self.is_tracked(item) {
            return false;
        }
        let restored = self.params.on_loss == OnLoss::Restore && self.may_restore(turn.now);
        turn.report(Event::HoldingLost { instance: self.id, item, restored });
        if restored {
            let addresses = match item {
                Item::Address(ip) => BTreeSet::from([ip]),
                Item::Route(_) | Item::Rule(_) | Item::Filter => BTreeSet::new(),
            };
            self.ask(turn, Arc::clone(&self.held.wanted), Then::Only(addresses));
        }
        !restored
    }

    fn is_tracked(&self, item: Item) -> bool {
        let held = &self.held.wanted;
        match item {
            Item::Address(ip) => held.every_address().any(|held| held.ip == ip && held.tracked),
            Item::Route(detail) => held.routes.iter().any(|held| held.detail == detail && held.tracked),
            Item::Rule(detail) => held.rules.iter().any(|held| held.detail == detail && held.tracked),
            Item::Filter => held.filter,
        }
    }

    fn may_restore(&mut self, now: Instant) -> bool {
        let held = &mut self.held;
        if held.restored_since.is_none_or(|since| now.since(since) > RESTORE_WINDOW) {
            held.restored_since = Some(now);
            held.restored = 0;
        }
        held.restored += 1;
        held.restored <= RESTORES_MAX
    }

    /// The addresses are in place: the schedule of announcements begins.
    pub(super) fn announce_all(&mut self, turn: &mut Turn<'_>) {
        let params = Arc::clone(&self.params);
        let block = announce::begin(&params.announce, turn.now, &mut self.timers);
        self.announce_range(turn, block, usize::MAX);
    }

    /// Addresses not announced yet, up to this many from the first one.
    fn announce_range(&mut self, turn: &mut Turn<'_>, block: Block, most: usize) {
        let (first, held) = (self.held.announced, Arc::clone(&self.held.wanted));
        let addresses = held.every_address().take(most).skip(first);
        let addresses = addresses.filter(|held| !self.held.refused.contains(&Item::Address(held.ip)));
        let addresses = addresses.map(|held| Announced { ip: held.ip, link: held.link }).collect();
        self.held.announced = first.max(most.min(held.every_address().count()));
        self.push_announcements(turn, block, addresses);
        if most == usize::MAX {
            self.held.announced = 0;
        }
    }

    pub(super) fn announce_due(&mut self, turn: &mut Turn<'_>, purpose: Purpose) {
        let params = Arc::clone(&self.params);
        let Some(block) = announce::due(&params.announce, purpose, turn.now, &mut self.timers) else {
            return;
        };
        if purpose == Purpose::AnnounceExtra {
            self.push_announcements(turn, block, params.announce.extra.clone());
        } else {
            self.announce(turn, block);
        }
    }

    /// Announces every address that is in place.
    pub(in crate::proto::vrrp) fn announce(&mut self, turn: &mut Turn<'_>, block: Block) {
        self.announce_where(turn, block, |_| true);
    }

    fn announce_where(&mut self, turn: &mut Turn<'_>, block: Block, wanted: impl Fn(&Announced) -> bool) {
        // While everything is still being added there is nothing to announce, and all of it will be.
        if self.held.then == Then::Begin {
            return;
        }
        let in_place = self.held.wanted.every_address().filter(|held| {
            let pending = matches!(&self.held.then, Then::Only(addresses) if addresses.contains(&held.ip));
            !pending && !self.held.refused.contains(&Item::Address(held.ip))
        });
        let addresses = in_place.map(|held| Announced { ip: held.ip, link: held.link }).filter(wanted).collect();
        self.push_announcements(turn, block, addresses);
    }

    pub(super) fn push_announcements(&self, turn: &mut Turn<'_>, (why, rounds): Block, addresses: Vec<Announced>) {
        if rounds > 0 && !addresses.is_empty() {
            turn.out.push(Effect::Announce(self.id, Announcements { why, rounds, addresses }));
        }
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the worker deposits with its supervisor, so that its death undoes what it did.
//!
//! Invariant: at every moment the deposits name at least what the kernel has for an instance. So a thing is deposited
//! before the kernel is asked for it, and leaves the deposit after the kernel said that it is gone.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::channel::{Deposit, Farewell, Thing};
use crate::proto::vrrp::{InstanceId, Packet, Ticket, Transmission};

/// Before it stands in an IPv4 datagram what differs from advert to advert.
const IPV4_HEADER: usize = 20;

#[derive(Debug, Default)]
pub(super) struct Bequest {
    entries: BTreeMap<InstanceId, Entry>,
    /// The advert of each after which its farewell was looked at. It is looked up for every advert.
    said: HashMap<InstanceId, Transmission>,
    /// Asked of the kernel, and not answered.
    open: BTreeMap<Ticket, InstanceId>,
}

#[derive(Debug, Default)]
struct Entry {
    wanted: BTreeSet<Thing>,
    deposited: BTreeSet<Thing>,
    farewell: Vec<Farewell>,
}

impl Entry {
    fn deposit(&self, instance: InstanceId) -> Deposit {
        Deposit::Undo { instance: instance.0, things: self.deposited.iter().cloned().collect() }
    }
}

impl Bequest {
    /// The kernel is about to be asked to hold `wanted` for the instance, and nothing else.
    pub(super) fn ask(&mut self, ticket: Ticket, instance: InstanceId, wanted: Vec<Thing>) -> Option<Deposit> {
        self.open.insert(ticket, instance);
        let entry = self.entries.entry(instance).or_default();
        entry.wanted = wanted.into_iter().collect();
        let before = entry.deposited.len();
        entry.deposited.extend(entry.wanted.iter().cloned());
        (entry.deposited.len() > before).then(|| entry.deposit(instance))
    }

    /// The kernel has answered for the last time.
    pub(super) fn answered(&mut self, ticket: Ticket) -> Option<Deposit> {
        let instance = self.open.remove(&ticket)?;
        if self.open.values().any(|waiting| *waiting == instance) {
            return None;
        }
        let entry = self.entries.get_mut(&instance)?;
        let changed = entry.deposited != entry.wanted;
        entry.deposited.clone_from(&entry.wanted);
        let deposit = changed.then(|| entry.deposit(instance));
        self.tidy(instance);
        deposit
    }

    /// Whether this advert says what the last one of its instance said, so that the farewell stays good. Signed adverts never
    /// do.
    pub(super) fn says_the_same(&mut self, now: &Transmission) -> bool {
        if self.said.get(&now.instance).is_some_and(|before| is_same(before, now)) {
            return true;
        }
        if self.entries.contains_key(&now.instance) {
            self.said.insert(now.instance, now.clone());
        }
        false
    }

    /// Adverts leave by another way from now on.
    pub(super) fn forget_adverts(&mut self) {
        self.said.clear();
    }

    /// What would tell the segment now that the instance is gone.
    pub(super) fn farewell(&mut self, instance: InstanceId, adverts: Vec<Farewell>) -> Option<Deposit> {
        if adverts.is_empty() && !self.entries.contains_key(&instance) {
            return None;
        }
        let entry = self.entries.entry(instance).or_default();
        if entry.farewell == adverts {
            return None;
        }
        entry.farewell.clone_from(&adverts);
        if adverts.is_empty() {
            self.said.remove(&instance);
        }
        self.tidy(instance);
        Some(Deposit::Farewell { instance: instance.0, adverts })
    }

    fn tidy(&mut self, instance: InstanceId) {
        let is_empty =
            |entry: &Entry| entry.wanted.is_empty() && entry.deposited.is_empty() && entry.farewell.is_empty();
        if self.entries.get(&instance).is_some_and(is_empty) {
            self.entries.remove(&instance);
            self.said.remove(&instance);
        }
    }
}

fn is_same(before: &Transmission, now: &Transmission) -> bool {
    let head = |transmission: &Transmission| (transmission.port, transmission.priority, transmission.source);
    let same = |(before, now): (&Packet, &Packet)| {
        before.destination == now.destination
            && before.hop_limit == now.hop_limit
            && message(before).is_some_and(|bytes| Some(bytes) == message(now))
    };
    head(before) == head(now)
        && (Arc::ptr_eq(&before.packets, &now.packets)
            || (before.packets.len() == now.packets.len() && before.packets.iter().zip(&*now.packets).all(same)))
}

fn message(packet: &Packet) -> Option<&[u8]> {
    packet.bytes.get(if packet.destination.is_ipv4() { IPV4_HEADER } else { 0 }..)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::Kind;
    use crate::proto::vrrp::PortId;

    const A: InstanceId = InstanceId(1);

    fn thing(number: u8) -> Thing {
        Thing { kind: Kind::Address, request: 0, flags: 0, body: vec![number] }
    }

    fn undo(things: &[Thing]) -> Option<Deposit> {
        Some(Deposit::Undo { instance: A.0, things: things.to_vec() })
    }

    #[test]
    fn what_is_asked_for_is_deposited_before_it_is_there() {
        let mut bequest = Bequest::default();
        assert_eq!(bequest.ask(Ticket(1), A, vec![thing(1), thing(2)]), undo(&[thing(1), thing(2)]));
        assert_eq!(bequest.answered(Ticket(1)), None);
    }

    #[test]
    fn what_is_given_up_stays_deposited_until_it_is_gone() {
        let mut bequest = Bequest::default();
        bequest.ask(Ticket(1), A, vec![thing(1)]);
        bequest.answered(Ticket(1));
        assert_eq!(bequest.ask(Ticket(2), A, Vec::new()), None);
        assert_eq!(bequest.answered(Ticket(2)), undo(&[]));
    }

    #[test]
    fn an_exchange_names_both_until_it_is_done() {
        let mut bequest = Bequest::default();
        bequest.ask(Ticket(1), A, vec![thing(1)]);
        bequest.answered(Ticket(1));
        assert_eq!(bequest.ask(Ticket(2), A, vec![thing(2)]), undo(&[thing(1), thing(2)]));
        assert_eq!(bequest.answered(Ticket(2)), undo(&[thing(2)]));
    }

    #[test]
    fn an_answer_to_an_earlier_question_settles_nothing() {
        let mut bequest = Bequest::default();
        bequest.ask(Ticket(1), A, vec![thing(1)]);
        bequest.ask(Ticket(2), A, Vec::new());
        assert_eq!(bequest.answered(Ticket(1)), None);
        assert_eq!(bequest.answered(Ticket(2)), undo(&[]));
        assert!(bequest.entries.is_empty() && bequest.open.is_empty());
    }

    #[test]
    fn an_advert_that_says_the_same_leaves_the_farewell_as_it_is() {
        let advert = |identification: u8, priority: u8| Transmission {
            instance: A,
            port: PortId(1),
            priority: 200,
            source: "10.0.0.1".parse().unwrap(),
            packets: Arc::from([Packet {
                destination: "224.0.0.18".parse().unwrap(),
                hop_limit: 255,
                bytes: [vec![identification; IPV4_HEADER], vec![0x31, 1, priority]].concat(),
            }]),
        };
        let mut bequest = Bequest::default();
        assert!(!bequest.says_the_same(&advert(1, 200)), "of an instance that is not known");
        bequest.ask(Ticket(1), A, vec![thing(1)]);
        assert!(!bequest.says_the_same(&advert(1, 200)));
        assert!(bequest.says_the_same(&advert(2, 200)));
        assert!(!bequest.says_the_same(&advert(3, 100)));
        bequest.forget_adverts();
        assert!(!bequest.says_the_same(&advert(4, 100)));
        // Whoever was no longer Master meanwhile has withdrawn its farewell.
        bequest.farewell(A, vec![goodbye(1)]);
        bequest.farewell(A, Vec::new());
        assert!(!bequest.says_the_same(&advert(5, 100)));
    }

    fn goodbye(number: u8) -> Farewell {
        Farewell {
            interface: None,
            authenticated: false,
            source: "10.0.0.1".parse().unwrap(),
            destination: "224.0.0.18".parse().unwrap(),
            hop_limit: 255,
            bytes: vec![number],
        }
    }

    #[test]
    fn a_farewell_is_deposited_when_it_changes() {
        let mut bequest = Bequest::default();
        assert_eq!(bequest.farewell(A, Vec::new()), None);
        assert!(bequest.farewell(A, vec![goodbye(1)]).is_some());
        assert_eq!(bequest.farewell(A, vec![goodbye(1)]), None);
        assert!(bequest.farewell(A, vec![goodbye(2)]).is_some());
        assert_eq!(bequest.farewell(A, Vec::new()), Some(Deposit::Farewell { instance: A.0, adverts: Vec::new() }));
        assert!(bequest.entries.is_empty());
    }
}

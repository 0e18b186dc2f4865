//! What the worker deposits with its supervisor, so that its death undoes what it did.
//!
//! Invariant: at every moment the deposits name at least what the kernel has for an instance. So a thing is deposited
//! before the kernel is asked for it, and leaves the deposit after the kernel said that it is gone.

use std::collections::{BTreeMap, BTreeSet};

use crate::channel::{Deposit, Farewell, Thing};
use crate::proto::vrrp::{InstanceId, Ticket};

#[derive(Debug, Default)]
pub(super) struct Bequest {
    entries: BTreeMap<InstanceId, Entry>,
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
        self.tidy(instance);
        Some(Deposit::Farewell { instance: instance.0, adverts })
    }

    fn tidy(&mut self, instance: InstanceId) {
        self.entries.retain(|id, entry| {
            *id != instance || !(entry.wanted.is_empty() && entry.deposited.is_empty() && entry.farewell.is_empty())
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::Kind;

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
    fn a_farewell_is_deposited_when_it_changes() {
        let farewell = |number| Farewell {
            interface: None,
            authenticated: false,
            source: "10.0.0.1".parse().unwrap(),
            destination: "224.0.0.18".parse().unwrap(),
            hop_limit: 255,
            bytes: vec![number],
        };
        let mut bequest = Bequest::default();
        assert_eq!(bequest.farewell(A, Vec::new()), None);
        assert!(bequest.farewell(A, vec![farewell(1)]).is_some());
        assert_eq!(bequest.farewell(A, vec![farewell(1)]), None);
        assert!(bequest.farewell(A, vec![farewell(2)]).is_some());
        assert_eq!(bequest.farewell(A, Vec::new()), Some(Deposit::Farewell { instance: A.0, adverts: Vec::new() }));
        assert!(bequest.entries.is_empty());
    }
}

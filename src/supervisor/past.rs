//! What happened, numbered: kept here, so that it outlives every worker.

use std::collections::VecDeque;

use super::keeper::Keeper;
use super::role::Role;
use crate::channel::{Happened, Message};

/// Events that are kept; older ones make room.
const PAST_MAX: usize = 1024;

#[derive(Debug, Default)]
pub(super) struct Past {
    last: u64,
    kept: VecDeque<Happened>,
}

impl Past {
    /// Gives an event its number and keeps it.
    pub(super) fn add(&mut self, happened: Happened) -> Happened {
        self.last += 1;
        let numbered = Happened { number: self.last, ..happened };
        if self.kept.len() >= PAST_MAX {
            self.kept.pop_front();
        }
        self.kept.push_back(numbered.clone());
        numbered
    }

    /// Tells a status worker that has just started; the others have no use for it.
    pub(super) fn tell(&self, keeper: &Keeper<'_>) {
        if keeper.role == Role::Status {
            keeper.tell(&Message::Past(self.kept.iter().cloned().collect()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_numbered_and_old_ones_make_room() {
        let mut past = Past::default();
        for _ in 0..PAST_MAX + 3 {
            past.add(Happened::default());
        }
        assert_eq!(past.kept.len(), PAST_MAX);
        assert_eq!(past.kept.front().map(|event| event.number), Some(4));
        assert_eq!(past.add(Happened::default()).number, PAST_MAX as u64 + 4);
    }
}

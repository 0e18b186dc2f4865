// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the benchmark asks of a journal: moments.

use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant};

use crate::capture::{Advert, Frame};
use crate::journal::{Journal, PATIENCE, Reading, What};

/// How often a journal is looked at. A look holds up whoever writes to it, so figures come from its times, never from when
/// somebody looked.
const LOOKS: Duration = Duration::from_millis(100);

impl Journal {
    /// Waits until `holds` of everything so far, looking seldom.
    #[track_caller]
    pub fn rests_when(&self, promise: &str, holds: impl Fn(&Reading) -> bool) -> Reading {
        let deadline = Instant::now() + PATIENCE;
        loop {
            thread::sleep(LOOKS);
            let reading = self.read();
            if holds(&reading) {
                return reading;
            }
            assert!(Instant::now() < deadline, "never came: {promise}\n{reading}");
        }
    }
}

impl Reading {
    pub fn adverts_after(&self, from: Duration) -> impl Iterator<Item = (Duration, &str, &Advert)> {
        self.entries().iter().filter(move |entry| entry.at >= from).filter_map(|entry| match &entry.what {
            What::Frame { segment, frame: Frame::Advert(advert) } => Some((entry.at, segment.as_str(), advert)),
            _ => None,
        })
    }

    /// When the last advert of a sender passed before `until`.
    pub fn last_advert_before(&self, until: Duration, source: &str) -> Duration {
        let adverts =
            self.adverts_after(Duration::ZERO).filter(|(at, _, advert)| *at <= until && is_from(advert, source));
        adverts.last().map_or(Duration::ZERO, |(at, ..)| at)
    }

    pub fn first_advert_after(&self, from: Duration, source: &str) -> Option<Duration> {
        self.adverts_after(from).find(|(.., advert)| is_from(advert, source)).map(|(at, ..)| at)
    }

    /// When a node got each address it got after `from`.
    pub fn gained_after(&self, from: Duration, wanted: &str) -> Vec<Duration> {
        let gained = self.entries().iter().filter(|entry| entry.at >= from).filter(
            |entry| matches!(&entry.what, What::Address { node, held: true, address, .. } if node == wanted && address.is_ipv4()),
        );
        gained.map(|entry| entry.at).collect()
    }

    /// How many IPv4 addresses a node has.
    pub fn held_by(&self, wanted: &str) -> usize {
        let mut holds = BTreeSet::new();
        for entry in self.entries() {
            match &entry.what {
                What::Address { node, address, held, .. } if node == wanted && address.is_ipv4() => {
                    if *held {
                        holds.insert(*address);
                    } else {
                        holds.remove(address);
                    }
                }
                _ => {}
            }
        }
        holds.len()
    }

    pub fn announcements_after(&self, from: Duration) -> Vec<Duration> {
        let frames = self.entries().iter().filter(|entry| entry.at >= from);
        frames
            .filter(|entry| matches!(&entry.what, What::Frame { frame: Frame::Announcement { .. }, .. }))
            .map(|entry| entry.at)
            .collect()
    }

    /// How many addresses were announced after `from`.
    pub fn announced_since(&self, from: Duration) -> usize {
        let frames = self.entries().iter().filter(|entry| entry.at >= from);
        let addresses: BTreeSet<_> = frames
            .filter_map(|entry| match &entry.what {
                What::Frame { frame: Frame::Announcement { address, .. }, .. } => Some(*address),
                _ => None,
            })
            .collect();
        addresses.len()
    }
}

fn is_from(advert: &Advert, source: &str) -> bool {
    advert.source.to_string() == source
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The network of a simulated world: directed links between stations on shared segments, and what goes wrong on them.
//!
//! Faults are an ordered list of rules; the first rule that has a verdict about a frame decides. What no rule decides
//! arrives after the link's own delay, in the order in which it was sent.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use super::random::{Chance, Random};
use crate::proto::Instant;

/// Octets of an IPv4 header without options.
const IPV4_HEADER: usize = 20;

/// How many frames a clogged link holds; the rest are lost.
pub const CLOGGED_FRAMES_MAX: usize = 256;

/// Somebody with network ports: routers first, then clients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Station(pub u8);

/// A broadcast domain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Segment(pub u8);

/// A set of stations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stations(u32);

impl Stations {
    pub const NONE: Stations = Stations(0);
    pub const ALL: Stations = Stations(u32::MAX);

    pub const fn one(station: Station) -> Stations {
        Stations(1 << (station.0 % 32))
    }

    pub const fn with(self, station: Station) -> Stations {
        Stations(self.0 | Stations::one(station).0)
    }

    pub const fn holds(self, station: Station) -> bool {
        self.0 & Stations::one(station).0 != 0
    }

    /// Whether all of the others are in this set.
    pub const fn covers(self, others: Stations) -> bool {
        others.0 & !self.0 == 0
    }

    pub const fn meets(self, others: Stations) -> bool {
        others.0 & self.0 != 0
    }

    pub const fn without(self, others: Stations) -> Stations {
        Stations(self.0 & !others.0)
    }
}

impl FromIterator<Station> for Stations {
    fn from_iter<I: IntoIterator<Item = Station>>(stations: I) -> Stations {
        stations.into_iter().fold(Stations::NONE, Stations::with)
    }
}

/// One direction of one path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Link {
    pub segment: Segment,
    pub from: Station,
    pub to: Station,
}

/// What travels: an advert as bytes, or the claim of an address (gratuitous ARP or neighbour advertisement).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Packet {
    /// As the sender's kernel puts it on the wire: IPv4 from the IP header on, IPv6 the payload alone.
    Advert {
        source: IpAddr,
        destination: IpAddr,
        hop_limit: u8,
        bytes: Vec<u8>,
        said: Option<Said>,
    },
    Claim {
        address: IpAddr,
    },
}

/// What the sender of an advert meant to say. No engine sees this: it is for the judge, who decodes nothing. An advert
/// changed on its way, or made up, says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Said {
    pub by: Station,
    pub router: usize,
    pub priority: u8,
    pub source: IpAddr,
    pub interval: Duration,
}

/// A packet on its way to one station.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Frame {
    pub link: Link,
    pub packet: Packet,
}

/// What a rule does to the frames it applies to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// Nothing passes.
    Cut,
    /// Frames wait until the rule is removed, then arrive in order.
    Clog,
    /// Frames vanish.
    Loss(Chance),
    /// Frames arrive twice.
    Copy(Chance),
    /// Frames are held back by up to this long, so that later ones overtake them.
    Late(Chance, Duration),
    /// One bit or a run of octets is changed.
    Corrupt(Chance),
    /// Every frame takes this long instead of the link's own delay.
    Delay(Duration, Duration),
    /// The link behaves, whatever the rules after this one say.
    Pass,
}

/// A fault on the links from some stations to others, on one segment or on all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rule {
    pub segment: Option<Segment>,
    pub from: Stations,
    pub to: Stations,
    pub fault: Fault,
}

impl Rule {
    pub fn applies(&self, link: Link) -> bool {
        self.segment.is_none_or(|segment| segment == link.segment)
            && self.from.holds(link.from)
            && self.to.holds(link.to)
    }

    /// Whether it applies to any of these links.
    pub fn touches(&self, from: Stations, to: Stations, segment: Option<Segment>) -> bool {
        let same = self.segment.is_none() || segment.is_none() || self.segment == segment;
        same && self.from.meets(from) && self.to.meets(to)
    }
}

/// Names a rule until it is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleId(pub u32);

/// What became of a frame. `Disturbed` tells that something other than the plain way happened to it, which a promise
/// about a quiet network has to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    Arrives {
        at: Instant,
        frame: Frame,
    },
    Copied {
        at: [Instant; 2],
        frame: Frame,
    },
    Disturbed {
        at: Instant,
        frame: Frame,
    },
    Lost,
    /// The link is cut: nothing was expected to arrive.
    Barred,
}

/// All links, and the rules in force.
#[derive(Clone, Debug)]
pub struct Network {
    delay: (Duration, Duration),
    rules: Vec<(RuleId, Rule)>,
    held: BTreeMap<RuleId, Vec<Frame>>,
    last: BTreeMap<Link, Instant>,
    next_rule: u32,
    random: Random,
}

impl Network {
    /// A network without faults whose frames take a time from `least` to `most`.
    pub fn new(least: Duration, most: Duration, random: Random) -> Network {
        Network {
            delay: (least, most.max(least)),
            rules: Vec::new(),
            held: BTreeMap::new(),
            last: BTreeMap::new(),
            next_rule: 0,
            random,
        }
    }

    /// The longest time a frame takes when nothing is wrong.
    pub fn transit(&self) -> Duration {
        self.delay.1
    }

    /// Adds a rule before those already there: what is said later is asked first.
    pub fn add(&mut self, rule: Rule) -> RuleId {
        let id = RuleId(self.next_rule);
        self.next_rule += 1;
        self.rules.insert(0, (id, rule));
        id
    }

    /// Removes a rule; frames it held back go on their way.
    pub fn remove(&mut self, now: Instant, id: RuleId) -> Vec<Fate> {
        self.rules.retain(|(other, _)| *other != id);
        let held = self.held.remove(&id).unwrap_or_default();
        held.into_iter().map(|frame| self.plain(now, frame, self.delay)).collect()
    }

    /// Removes the rules the caller picks; frames they held back go on their way.
    pub fn remove_where(&mut self, now: Instant, pick: impl Fn(&Rule) -> bool) -> Vec<Fate> {
        let picked: Vec<RuleId> = self.rules.iter().filter(|(_, rule)| pick(rule)).map(|(id, _)| *id).collect();
        picked.into_iter().flat_map(|id| self.remove(now, id)).collect()
    }

    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter().map(|(_, rule)| rule)
    }

    /// Whether frames are meant to pass at all, lost ones aside.
    pub fn open(&self, link: Link) -> bool {
        for (_, rule) in &self.rules {
            if !rule.applies(link) {
                continue;
            }
            match rule.fault {
                Fault::Cut | Fault::Clog => return false,
                Fault::Loss(chance) if chance >= Chance::CERTAIN => return false,
                Fault::Pass => return true,
                Fault::Loss(_) | Fault::Copy(_) | Fault::Late(_, _) | Fault::Corrupt(_) | Fault::Delay(_, _) => {}
            }
        }
        true
    }

    /// Whether a rule in force leaves to chance what becomes of frames.
    pub fn is_noisy(&self) -> bool {
        self.rules().any(|rule| match rule.fault {
            Fault::Loss(_) | Fault::Late(_, _) | Fault::Corrupt(_) => true,
            Fault::Cut | Fault::Clog | Fault::Copy(_) | Fault::Delay(_, _) | Fault::Pass => false,
        })
    }

    /// The longest a frame may take on this link by the rules in force, held-back frames included.
    pub fn slowest(&self) -> Duration {
        let longest = |rule: &Rule| match rule.fault {
            Fault::Delay(_, most) => most,
            Fault::Late(_, by) => self.delay.1 + by,
            Fault::Cut | Fault::Clog | Fault::Loss(_) | Fault::Copy(_) | Fault::Corrupt(_) | Fault::Pass => {
                self.delay.1
            }
        };
        self.rules().map(longest).max().unwrap_or(self.delay.1).max(self.delay.1)
    }

    /// Decides what becomes of a frame sent now.
    pub fn send(&mut self, now: Instant, frame: Frame) -> Fate {
        let mut delay = None;
        for at in 0..self.rules.len() {
            let Some(&(id, rule)) = self.rules.get(at) else { break };
            if !rule.applies(frame.link) {
                continue;
            }
            match rule.fault {
                Fault::Pass => break,
                Fault::Cut => return Fate::Barred,
                Fault::Clog => return self.hold(id, frame),
                Fault::Loss(chance) if self.random.happens(chance) => {
                    return if chance >= Chance::CERTAIN { Fate::Barred } else { Fate::Lost };
                }
                Fault::Copy(chance) if self.random.happens(chance) => return self.copy(now, frame),
                Fault::Late(chance, by) if self.random.happens(chance) => return self.late(now, frame, by),
                Fault::Corrupt(chance) if self.random.happens(chance) => {
                    let frame = self.corrupt(frame);
                    let at = now + self.random.time(self.delay.0, self.delay.1);
                    return Fate::Disturbed { at, frame };
                }
                // A slow link may still be cut.
                Fault::Delay(least, most) => {
                    delay.get_or_insert((least, most));
                }
                Fault::Loss(_) | Fault::Copy(_) | Fault::Late(_, _) | Fault::Corrupt(_) => {}
            }
        }
        self.plain(now, frame, delay.unwrap_or(self.delay))
    }

    fn hold(&mut self, rule: RuleId, frame: Frame) -> Fate {
        let held = self.held.entry(rule).or_default();
        if held.len() < CLOGGED_FRAMES_MAX {
            held.push(frame);
        }
        Fate::Barred
    }

    fn plain(&mut self, now: Instant, frame: Frame, delay: (Duration, Duration)) -> Fate {
        let last = self.last.entry(frame.link).or_default();
        let at = (now + self.random.time(delay.0, delay.1)).max(*last);
        *last = at;
        Fate::Arrives { at, frame }
    }

    fn copy(&mut self, now: Instant, frame: Frame) -> Fate {
        let first = now + self.random.time(self.delay.0, self.delay.1);
        let second = first + self.random.time(Duration::ZERO, self.delay.1);
        Fate::Copied { at: [first, second], frame }
    }

    fn late(&mut self, now: Instant, frame: Frame, by: Duration) -> Fate {
        let at = now + self.random.time(self.delay.0, self.delay.1) + self.random.time(Duration::ZERO, by);
        Fate::Disturbed { at, frame }
    }

    /// Changes the part of an advert behind the IP header: a header that is damaged never leaves the receiver's kernel.
    fn corrupt(&mut self, mut frame: Frame) -> Frame {
        if let Packet::Advert { source, bytes, said, .. } = &mut frame.packet {
            *said = None;
            let header = if source.is_ipv4() { IPV4_HEADER.min(bytes.len()) } else { 0 };
            damage(bytes, header, &mut self.random);
        }
        frame
    }
}

/// Cuts an advert short, adds to it, or flips one bit, behind the first `header` octets.
pub fn damage(bytes: &mut Vec<u8>, header: usize, random: &mut Random) {
    let body = bytes.len().saturating_sub(header);
    let at = header + usize::try_from(random.below(body as u64)).unwrap_or(0);
    match random.below(4) {
        0 => bytes.truncate(at),
        // More than a link ever fills a short packet up with, and the IP header says so.
        1 => {
            bytes.extend([0xa5; 48]);
            let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX).to_be_bytes();
            if let Some(said) = bytes.get_mut(2..4).filter(|_| header > 0) {
                said.copy_from_slice(&length);
            }
        }
        _ => {
            let bit = 1_u8 << random.below(8);
            if let Some(octet) = bytes.get_mut(at) {
                *octet ^= bit;
            }
        }
    }
}

#[cfg(test)]
mod tests;

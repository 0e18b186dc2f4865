// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tracked objects: what is read from them, when a reading counts, and what it means for an instance.
//!
//! A track knows nothing of instances: it turns readings into one state, after rise and fall or a delay. What that
//! state is worth to an instance is [`Track::effect`] of a weight; the sum of them is [`effective_priority`].

use std::time::Duration;

use super::Instant;

/// Contributions of one tracked object are cut here from above; at or below the other bound a file means a fault.
pub const CONTRIBUTION_MAX: i64 = 253;
pub const FILE_FAULT: i64 = -254;

/// The range a priority moves in by tracking; 255 is the owner's and 0 means leaving.
pub const PRIORITY_MIN: i64 = 1;
pub const PRIORITY_MAX: i64 = 254;

/// One tracked object.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "daemon", derive(serde::Serialize, serde::Deserialize))]
pub enum TrackParams {
    /// Up after `rise` successes in a row (at start one is enough, unless `init_fail`), down after `fall` failures.
    Script { rise: u32, fall: u32, init_fail: bool },
    /// A number in a file.
    File,
    /// Up while between `quorum` and `quorum_max` such processes run.
    Process {
        quorum: u32,
        quorum_max: Option<u32>,
        /// How long the quorum must be back before it counts (`fork_delay`), or be lost (`terminate_delay`).
        up_delay: Duration,
        down_delay: Duration,
    },
    /// With `interface_up_down_delays`.
    Interface { up_delay: Duration, down_delay: Duration },
    /// Down until the session says otherwise.
    Bfd,
    /// An address that must be on its interface (`track_src_ip`).
    Address,
    /// A route that must exist.
    Route,
}

/// What was seen when the object was looked at. A reading of another kind than the object's is ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "daemon", derive(serde::Serialize, serde::Deserialize))]
pub enum Reading {
    /// Interface, BFD session, address, route: there or not. A script: succeeded or not.
    Up(bool),
    /// The number in a file.
    Value(i64),
    /// How many such processes run. `at_once` where the delays do not apply: a first scan, an exec, a renaming.
    Count { running: u32, at_once: bool },
}

/// What a use comes to at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contribution {
    /// Nothing was read yet, and the instance must not start before.
    Pending,
    Fault,
    Priority(i64),
}

/// A tracked object and what is known of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "daemon", derive(serde::Serialize, serde::Deserialize))]
pub struct Track {
    params: TrackParams,
    state: State,
    /// Whether instances wait for the first reading. Not for objects that came with a reload.
    holds_start: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "daemon", derive(serde::Serialize, serde::Deserialize))]
enum State {
    /// `up` is `None` before the first result; `result` counts from 0 to rise + fall - 1 and is up from rise on.
    Script {
        up: Option<bool>,
        result: u32,
    },
    File(Option<i64>),
    Level(Level),
}

impl Track {
    /// `starting`: the object is there from the start, so instances wait for what it says.
    pub fn new(params: TrackParams, starting: bool) -> Track {
        let state = match params {
            TrackParams::Script { rise, init_fail, .. } => State::Script {
                up: init_fail.then_some(false),
                result: if init_fail { 0 } else { rise.saturating_sub(1) },
            },
            TrackParams::File => State::File(None),
            TrackParams::Bfd => State::Level(Level { up: Some(false), ..Level::default() }),
            TrackParams::Process { .. } | TrackParams::Interface { .. } | TrackParams::Address | TrackParams::Route => {
                State::Level(Level::default())
            }
        };
        Track { params, state, holds_start: starting }
    }

    /// Takes other parameters and keeps what is known. A script keeps its result as far as the new rise and fall go.
    pub fn retune(&mut self, params: TrackParams) {
        if std::mem::discriminant(&params) != std::mem::discriminant(&self.params) {
            *self = Track::new(params, false);
            return;
        }
        if let (TrackParams::Script { rise, fall, .. }, State::Script { up, result }) = (&params, &mut self.state) {
            let (old_rise, _) = self.params.rise_and_fall();
            *result = match up {
                // How many failures it may still have, and how many successes it has collected.
                Some(true) => rise.saturating_add((*result).saturating_sub(old_rise)).min(script_max(*rise, *fall)),
                Some(false) | None => (*result).min(rise.saturating_sub(1)),
            };
        }
        self.params = params;
    }

    pub fn params(&self) -> &TrackParams {
        &self.params
    }

    /// Whether it counts as good; `None` before the first reading. A file is good while its number is not zero.
    pub fn is_up(&self) -> Option<bool> {
        match &self.state {
            State::Script { up, .. } => *up,
            State::File(value) => value.map(|value| value != 0),
            State::Level(level) => level.up,
        }
    }

    /// The number last read from a file.
    pub fn value(&self) -> Option<i64> {
        match self.state {
            State::File(value) => value,
            State::Script { .. } | State::Level(_) => None,
        }
    }

    /// How far a script's results have counted, from 0 to rise + fall - 1: up from rise on.
    pub fn result(&self) -> Option<u32> {
        match self.state {
            State::Script { result, .. } => Some(result),
            State::File(_) | State::Level(_) => None,
        }
    }

    /// Takes a reading; tells whether the state changed. `down_limit` shortens the delay of an interface: nobody may
    /// be down unnoticed for longer than the peers wait.
    pub fn observe(&mut self, now: Instant, reading: Reading, down_limit: Option<Duration>) -> bool {
        match (&mut self.state, &self.params, reading) {
            (State::Script { up, result }, TrackParams::Script { rise, fall, .. }, Reading::Up(success)) => {
                script_result(up, result, (*rise, *fall), success)
            }
            (State::File(value), TrackParams::File, Reading::Value(read)) => {
                let in_range = i32::try_from(read).is_ok();
                let changed = in_range && *value != Some(read);
                if in_range {
                    *value = Some(read);
                }
                changed
            }
            (
                State::Level(level),
                TrackParams::Process { quorum, quorum_max, up_delay, down_delay },
                Reading::Count { running, at_once },
            ) => {
                let up = running >= *quorum && quorum_max.is_none_or(|most| running <= most);
                let delays = if at_once { (Duration::ZERO, Duration::ZERO) } else { (*up_delay, *down_delay) };
                level.observe(now, up, delays)
            }
            (State::Level(level), TrackParams::Interface { up_delay, down_delay }, Reading::Up(up)) => {
                let down_delay = down_limit.map_or(*down_delay, |limit| limit.min(*down_delay));
                level.observe_link(now, up, (*up_delay, down_delay))
            }
            (State::Level(level), TrackParams::Bfd | TrackParams::Address | TrackParams::Route, Reading::Up(up)) => {
                level.observe(now, up, (Duration::ZERO, Duration::ZERO))
            }
            (State::Script { .. } | State::File(_) | State::Level(_), _, _) => false,
        }
    }

    /// When a delayed change takes effect.
    pub fn due(&self) -> Option<Instant> {
        match &self.state {
            State::Level(level) => level.due(),
            State::Script { .. } | State::File(_) => None,
        }
    }

    /// Lets a delayed change take effect; tells whether the state changed.
    pub fn expire(&mut self, now: Instant) -> bool {
        match &mut self.state {
            State::Level(level) => level.expire(now),
            State::Script { .. } | State::File(_) => false,
        }
    }

    /// An interface that is going down does not wait beyond this.
    pub fn shorten(&mut self, until: Instant) {
        if let (TrackParams::Interface { .. }, State::Level(level)) = (&self.params, &mut self.state) {
            level.shorten(until);
        }
    }

    pub fn rebase(&mut self, by: Duration) {
        match &mut self.state {
            State::Level(level) => level.rebase(by),
            State::Script { .. } | State::File(_) => {}
        }
    }

    /// What this object means for an instance that gives it this weight. Weight 0 makes a failure a fault.
    pub fn effect(&self, weight: i32, reverse: bool) -> Contribution {
        let sign = if reverse { -1 } else { 1 };
        let weight = i64::from(weight);
        if let State::File(Some(value)) = self.state {
            return match weight {
                0 if (value != 0) != reverse => Contribution::Fault,
                0 => Contribution::Priority(0),
                _ => match value.saturating_mul(weight).saturating_mul(sign) {
                    sum if sum <= FILE_FAULT => Contribution::Fault,
                    sum => Contribution::Priority(sum.min(CONTRIBUTION_MAX)),
                },
            };
        }
        match (self.is_up(), weight) {
            (None, 0) if self.holds_start => Contribution::Pending,
            (None, _) => Contribution::Priority(0),
            (Some(up), 0) if up == reverse => Contribution::Fault,
            (Some(_), 0) => Contribution::Priority(0),
            (Some(true), 1..) | (Some(false), ..0) => Contribution::Priority(weight * sign),
            (Some(false), 1..) | (Some(true), ..0) => Contribution::Priority(0),
        }
    }
}

impl TrackParams {
    fn rise_and_fall(&self) -> (u32, u32) {
        match self {
            TrackParams::Script { rise, fall, .. } => (*rise, *fall),
            TrackParams::File
            | TrackParams::Process { .. }
            | TrackParams::Interface { .. }
            | TrackParams::Bfd
            | TrackParams::Address
            | TrackParams::Route => (1, 1),
        }
    }
}

/// The priority an instance advertises: an owner's never moves.
pub fn effective_priority(base: u8, contributions: impl IntoIterator<Item = i64>) -> u8 {
    if base == u8::MAX {
        return base;
    }
    let total = contributions.into_iter().fold(i64::from(base), i64::saturating_add);
    u8::try_from(total.clamp(PRIORITY_MIN, PRIORITY_MAX)).unwrap_or(base)
}

fn script_max(rise: u32, fall: u32) -> u32 {
    rise.saturating_add(fall).saturating_sub(1)
}

/// One more result of a script. After success `fall` failures in a row are needed, after failure `rise` successes.
fn script_result(up: &mut Option<bool>, result: &mut u32, (rise, fall): (u32, u32), success: bool) -> bool {
    let before = *up;
    if success {
        if *result < rise.saturating_sub(1) {
            *result += 1;
        } else {
            *result = script_max(rise, fall);
            *up = Some(true);
        }
    } else if *result > rise {
        *result -= 1;
    } else {
        *result = 0;
        *up = Some(false);
    }
    before != *up
}

/// Something that is up or down, where a change may have to last before it counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "daemon", derive(serde::Serialize, serde::Deserialize))]
pub struct Level {
    up: Option<bool>,
    /// The change that waits, and until when.
    waiting: Option<Instant>,
    seen_up: bool,
}

impl Level {
    pub fn is_up(&self) -> Option<bool> {
        self.up
    }

    /// As [`Level::observe`], but without delay until it has been up once: an interface that is down at start is
    /// down at once, and its first coming up does not wait.
    pub fn observe_link(&mut self, now: Instant, up: bool, delays: (Duration, Duration)) -> bool {
        let delays = if self.seen_up { delays } else { (Duration::ZERO, Duration::ZERO) };
        self.seen_up |= up;
        self.observe(now, up, delays)
    }

    /// Takes a reading, with the delays before coming up and going down count.
    pub fn observe(&mut self, now: Instant, up: bool, (up_delay, down_delay): (Duration, Duration)) -> bool {
        let delay = if up { up_delay } else { down_delay };
        match self.up {
            Some(known) if known == up => {
                self.waiting = None;
                false
            }
            Some(_) if !delay.is_zero() => {
                let until = now + delay;
                self.waiting = Some(self.waiting.map_or(until, |waiting| waiting.min(until)));
                false
            }
            Some(_) | None => {
                self.waiting = None;
                self.up = Some(up);
                true
            }
        }
    }

    /// Going down does not wait beyond this.
    pub fn shorten(&mut self, until: Instant) {
        if self.up == Some(true) {
            self.waiting = self.waiting.map(|waiting| waiting.min(until));
        }
    }

    pub fn due(&self) -> Option<Instant> {
        self.waiting
    }

    pub fn rebase(&mut self, by: Duration) {
        self.waiting = self.waiting.map(|at| at.back(by));
    }

    /// Lets the waiting change take effect when its time has come.
    pub fn expire(&mut self, now: Instant) -> bool {
        if self.waiting.is_none_or(|until| until > now) {
            return false;
        }
        self.waiting = None;
        self.up = self.up.map(|up| !up);
        true
    }
}

#[cfg(test)]
mod tests;

// SPDX-License-Identifier: MIT OR Apache-2.0
//! How long to wait: intervals, skew and master-down time, in exact integer arithmetic on nanoseconds.

use std::time::Duration;

use super::types::Version;

/// What a packet may take from one router of a segment to another, and be acted on there. Bounds that wait for an
/// answer of a neighbour add it once.
pub const TRANSIT: Duration = Duration::from_millis(100);

/// A planned handover keeps the addresses no longer than this, however long the intervals are: a stop must end.
pub const HANDOVER_MAX: Duration = Duration::from_secs(2);

/// Priorities are eight bits, so the skew divides an interval into this many steps.
const PRIORITY_STEPS: u32 = 256;

/// How much longer than the plain master-down time a router of this priority waits (RFC 9568 §6.1; RFC 3768 §6.1,
/// where the divided interval is a fixed second).
pub fn skew(version: Version, priority: u8, interval: Duration) -> Duration {
    let divided = match version {
        Version::V2 => Duration::from_secs(1),
        Version::V3 => interval,
    };
    steps(divided, PRIORITY_STEPS - u32::from(priority))
}

/// The skew of the highest priority there is: one step.
pub fn least_skew(version: Version, interval: Duration) -> Duration {
    skew(version, u8::MAX, interval)
}

/// How long a Backup waits for an advert before it takes over: `down_timer_adverts` intervals and the skew
/// (RFC 9568 §6.1).
pub fn master_down(version: Version, adverts: u8, priority: u8, interval: Duration) -> Duration {
    interval.saturating_mul(u32::from(adverts)).saturating_add(skew(version, priority, interval))
}

/// How long a router that hands over keeps the addresses while nobody is heard: the longest skew any successor can
/// have (priority 1), and the way of its advert.
pub fn handover_limit(version: Version, interval: Duration) -> Duration {
    skew(version, 1, interval).saturating_add(TRANSIT).min(HANDOVER_MAX)
}

/// The longest an interface may be down unnoticed: one interval and one step less than what a Backup waits, so that
/// the loss is acted on before the peers do.
pub fn down_delay_limit(adverts: u8, interval: Duration) -> Duration {
    interval.saturating_mul(u32::from(adverts.saturating_sub(1))).saturating_sub(steps(interval, 1))
}

/// `count` 256ths of a time, rounded down to a nanosecond.
fn steps(time: Duration, count: u32) -> Duration {
    let nanos = time.as_nanos() * u128::from(count) / u128::from(PRIORITY_STEPS);
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;

// SPDX-License-Identifier: MIT OR Apache-2.0
//! When the addresses of a Master are announced: at once, after a delay, again and again, and after another master
//! was heard. Gratuitous ARP and unsolicited neighbour adverts follow the same schedule.
//!
//! The schedule begins when the addresses are in place, not when the instance becomes Master: an address that is not
//! there yet is not announced. Leaving Master clears every timer of it.

use super::instance::Purpose;
use super::io::AnnounceWhy;
use super::params::AnnounceParams;
use crate::proto::{Instant, Timers};

/// What is due: why, and how many rounds.
pub(super) type Block = (AnnounceWhy, u32);

/// The addresses are in place: what to announce now; everything later is armed.
pub(super) fn begin(params: &AnnounceParams, now: Instant, timers: &mut Timers<Purpose>) -> Block {
    if !params.delay.is_zero() && params.repeat > 0 {
        timers.set(Purpose::AnnounceAgain, now + params.delay);
    }
    rearm(params, now, timers);
    (AnnounceWhy::Entered, params.repeat)
}

/// Arms the periodic announcements anew, after the beginning or after other parameters.
pub(super) fn rearm(params: &AnnounceParams, now: Instant, timers: &mut Timers<Purpose>) {
    timers.clear(Purpose::AnnounceRefresh);
    timers.clear(Purpose::AnnounceExtra);
    if !params.refresh.is_zero() && params.refresh_repeat > 0 {
        timers.set(Purpose::AnnounceRefresh, now + params.delay + params.refresh);
    }
    if !params.extra_interval.is_zero() && !params.extra.is_empty() {
        timers.set(Purpose::AnnounceExtra, now + params.delay + params.extra_interval);
    }
}

/// Another master was heard, or is gone again: what to announce now.
pub(super) fn other_master(params: &AnnounceParams, now: Instant, timers: &mut Timers<Purpose>) -> Block {
    if !params.lower_prio_delay.is_zero() && params.lower_prio_repeat > 0 {
        timers.set(Purpose::AnnounceOther, now + params.lower_prio_delay);
    }
    (AnnounceWhy::OtherMaster, params.lower_prio_repeat)
}

/// A timer of the schedule fired: what to announce; periodic ones are armed again.
pub(super) fn due(
    params: &AnnounceParams,
    purpose: Purpose,
    now: Instant,
    timers: &mut Timers<Purpose>,
) -> Option<Block> {
    match purpose {
        Purpose::AnnounceAgain => Some((AnnounceWhy::Delayed, params.repeat)),
        Purpose::AnnounceOther => Some((AnnounceWhy::OtherMasterDelayed, params.lower_prio_repeat)),
        Purpose::AnnounceRefresh => {
            timers.set(Purpose::AnnounceRefresh, now + params.refresh);
            Some((AnnounceWhy::Refresh, params.refresh_repeat))
        }
        Purpose::AnnounceExtra => {
            timers.set(Purpose::AnnounceExtra, now + params.extra_interval);
            Some((AnnounceWhy::Extra, 1))
        }
        Purpose::Handover
        | Purpose::OwnerConflict
        | Purpose::OtherMaster
        | Purpose::MasterDown
        | Purpose::Advert
        | Purpose::HoldRetry
        | Purpose::FaultPause => None,
    }
}

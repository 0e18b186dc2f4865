// SPDX-License-Identifier: MIT OR Apache-2.0
//! How often adverts go out, and how long their absence is borne.

use super::{VrrpInstance, put};
use crate::diagnostic::Class;
use crate::schema::{Keyword, Status, int, kw, seconds, strict_int};
use crate::value::Args;
use std::time::Duration;

/// The priority assumed for `timer_expired_backup` without a number.
const EXPIRED_PRIORITY: u8 = 254;

pub(super) fn rows() -> Vec<Keyword<VrrpInstance>> {
    vec![
        kw("advert_int")
            .must(seconds(6, 0.01, 255.0))
            .default("1")
            .otherwise("ignored")
            .doc("Seconds between two adverts; equal on all routers of the virtual router.")
            .note("Version 2 counts whole seconds, version 3 hundredths of a second up to 40.95.")
            .since("<2.0")
            .set(|instance, args| put(&mut instance.advert_int, args.time())),
        kw("down_timer_adverts")
            .must(int(1, 100))
            .default("`vrrp_down_timer_adverts` (3)")
            .otherwise("ignored")
            .doc("Adverts that may be missing before a backup takes over; equal on all routers.")
            .since("2.2.3")
            .set(|instance, args| put(&mut instance.down_timer_adverts, args.num())),
        kw("preempt_delay")
            .must(seconds(6, 0.0, 1000.0))
            .default("0")
            .otherwise("0 is used")
            .doc("Seconds to wait before taking over from a master of lower priority.")
            .note("Excludes `state MASTER`, `nopreempt` and strict mode.")
            .since("<2.0")
            .set(|instance, args| {
                let delay = args.time().unwrap_or(Duration::ZERO);
                instance.preempt_delay.set(delay);
            }),
        kw("timer_expired_backup")
            .opt(strict_int(1, 254))
            .default("off; 254 without a number")
            .otherwise("ignored")
            .doc("Become backup when this process slept so long that a router of this priority may have taken over.")
            .note("Needs `nopreempt`.")
            .since("2.2.8")
            .set(timer_expired),
        kw("thread_timer_expired")
            .opt(strict_int(1, 254))
            .default("off; 254 without a number")
            .otherwise("ignored")
            .doc("Another spelling of `timer_expired_backup`.")
            .note("keepalived counts it as an error.")
            .since("2.3.2")
            .status(Status::Deprecated("write `timer_expired_backup`"))
            .graded(Class::General)
            .set(timer_expired),
    ]
}

fn timer_expired(instance: &mut VrrpInstance, args: &mut Args<'_, '_>) {
    if !args.given() {
        instance.timer_expired_backup = Some(EXPIRED_PRIORITY);
    } else if let Some(priority) = args.num() {
        instance.timer_expired_backup = Some(priority);
    }
}

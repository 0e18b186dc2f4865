// SPDX-License-Identifier: MIT OR Apache-2.0
//! Gratuitous ARP and unsolicited neighbour advertisements: how often and when.

use std::time::Duration;

use super::{VrrpInstance, put};
use crate::blocks::vrrp::entry::NO_VALUE;
use crate::diagnostic::{Class, Diagnostic};
use crate::schema::{Keyword, Setting, Shape, Status, int, kw};
use crate::value::{Args, OUT_OF_RANGE};

#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Garp {
    /// Between the two bursts after becoming master; zero leaves the second one out.
    pub master_delay: Setting<Duration>,
    pub master_repeat: Setting<u32>,
    /// Between two refreshes; zero means none.
    pub master_refresh: Setting<Duration>,
    pub master_refresh_repeat: Setting<u32>,
    pub lower_prio_delay: Setting<Duration>,
    pub lower_prio_repeat: Setting<u32>,
    pub extra_if: Setting<ExtraGarp>,
}

impl Default for Garp {
    fn default() -> Garp {
        Garp {
            master_delay: Setting::new(Duration::from_secs(5)),
            master_repeat: Setting::new(5),
            master_refresh: Setting::new(Duration::ZERO),
            master_refresh_repeat: Setting::new(1),
            lower_prio_delay: Setting::new(Duration::from_secs(5)),
            lower_prio_repeat: Setting::new(5),
            extra_if: Setting::new(ExtraGarp::default()),
        }
    }
}

/// `garp_extra_if`: announcements on interfaces other than the instance's own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct ExtraGarp {
    /// Zero means none.
    pub interval: Duration,
    /// On every interface used, not only on VMACs.
    pub all: bool,
}

pub(super) fn rows() -> Vec<Keyword<VrrpInstance>> {
    let mut rows: Vec<Keyword<VrrpInstance>> = vec![
        kw("garp_master_delay")
            .must(int(0, 4294))
            .default("`vrrp_garp_master_delay` (5)")
            .otherwise("ignored")
            .doc("Seconds from becoming master to the second burst of announcements; 0 leaves it out.")
            .since("<2.0")
            .set(|instance, args| put(&mut instance.garp.master_delay, whole_seconds(args))),
        kw("garp_master_repeat")
            .must(int(0, 4_294_967_295))
            .default("`vrrp_garp_master_repeat` (5)")
            .otherwise("ignored; 1 is used for 0")
            .doc("Announcements of each address in a burst.")
            .since("<2.0")
            .set(|instance, args| put(&mut instance.garp.master_repeat, at_least_one(args))),
        kw("garp_master_refresh")
            .must(int(0, 4_294_967_295))
            .default("`vrrp_garp_master_refresh` (0)")
            .otherwise("0 is used")
            .doc("Seconds between refreshing announcements of a master; 0 means none.")
            .since("<2.0")
            .set(|instance, args| {
                let refresh = whole_seconds(args).unwrap_or(Duration::ZERO);
                instance.garp.master_refresh.set(refresh);
            }),
        kw("garp_master_refresh_repeat")
            .must(int(0, 4_294_967_295))
            .default("`vrrp_garp_master_refresh_repeat` (1)")
            .otherwise("ignored; 1 is used for 0")
            .doc("Announcements of each address in a refresh.")
            .since("<2.0")
            .set(|instance, args| put(&mut instance.garp.master_refresh_repeat, at_least_one(args))),
        kw("garp_lower_prio_delay")
            .must(int(0, 4294))
            .default("`vrrp_garp_lower_prio_delay`; 0 in strict mode")
            .otherwise("ignored")
            .doc("Seconds from an advert of lower priority to the second burst of announcements.")
            .since("<2.0")
            .set(|instance, args| put(&mut instance.garp.lower_prio_delay, whole_seconds(args))),
        kw("garp_lower_prio_repeat")
            .must(int(0, 2_147_483_647))
            .default("`vrrp_garp_lower_prio_repeat`; 0 in strict mode")
            .otherwise("ignored")
            .doc("Announcements of each address after an advert of lower priority; 0 means none.")
            .since("<2.0")
            .set(|instance, args| put(&mut instance.garp.lower_prio_repeat, args.num())),
    ];
    rows.extend(extra_rows());
    rows
}

fn extra_rows() -> Vec<Keyword<VrrpInstance>> {
    vec![
        kw("garp_extra_if")
            .arg(Shape::Syntax("[all] SECONDS 0..86400"))
            .default("`vrrp_garp_extra_if`")
            .otherwise("ignored")
            .doc("Seconds between announcements on VMACs away from the instance's interface; 0 means none.")
            .note("`all` takes every interface with virtual addresses.")
            .since("2.2.3")
            .set(extra),
        kw("vmac_garp_intvl")
            .arg(Shape::Syntax("[all] SECONDS 0..86400"))
            .default("`vrrp_garp_extra_if`")
            .otherwise("ignored")
            .doc("The former spelling of `garp_extra_if`.")
            .since("2.2.0")
            .status(Status::Deprecated("write `garp_extra_if`"))
            .graded(Class::Deprecated)
            .set(extra),
    ]
}

fn whole_seconds(args: &mut Args<'_, '_>) -> Option<Duration> {
    args.num::<u32>().map(|seconds| Duration::from_secs(seconds.into()))
}

fn at_least_one(args: &mut Args<'_, '_>) -> Option<u32> {
    let span = args.peek().map_or(args.span(), |word| word.span);
    let count = args.num::<u32>()?;
    if count == 0 {
        let finding = Diagnostic::error(OUT_OF_RANGE, format!("`{}` is at least 1", args.keyword))
            .class(Class::General)
            .at(span, "1 is used");
        args.push(finding);
    }
    Some(count.max(1))
}

fn extra(instance: &mut VrrpInstance, args: &mut Args<'_, '_>) {
    let all = args.peek().is_some_and(|word| word.text == "all");
    if all {
        args.next_word();
    }
    let Some(word) = args.next_word() else {
        let finding =
            Diagnostic::error(NO_VALUE, format!("`{}` wants seconds", args.keyword)).at(args.span(), "ignored");
        args.push(finding);
        return;
    };
    if let Some(seconds) = args.number_of(word, 0, 86_400, false).and_then(|seconds| u64::try_from(seconds).ok()) {
        instance.garp.extra_if.set(ExtraGarp { interval: Duration::from_secs(seconds), all });
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Gratuitous ARP and unsolicited neighbour advertisements: when, how many, how fast.

use std::time::Duration;

use super::{Global, unusual};
use crate::diagnostic::Class;
use crate::schema::{Keyword, Setting, Shape, Status, int, kw, seconds};
use crate::value::{Args, MISSING, OUT_OF_RANGE};

#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Garp {
    /// Before the second burst after becoming master; 0 means there is none.
    pub master_delay: Setting<Duration>,
    pub master_repeat: Setting<u32>,
    /// Between periodic announcements while master; 0 means there are none.
    pub master_refresh: Setting<Duration>,
    pub master_refresh_repeat: Setting<u32>,
    /// After resolving the value in force, whether given or not.
    pub lower_prio_delay: Setting<Duration>,
    pub lower_prio_repeat: Setting<u32>,
    /// Shortest time between two gratuitous ARPs on an interface.
    pub garp_interval: Setting<Duration>,
    pub gna_interval: Setting<Duration>,
    /// One announcement only, wherever nothing else is said.
    pub minimal: bool,
    /// Announcements on virtual MAC interfaces away from the instance's interface.
    pub extra_interfaces: Option<ExtraInterfaces>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct ExtraInterfaces {
    /// Not only the virtual MAC interfaces.
    pub all: bool,
    pub interval: Duration,
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
            garp_interval: Setting::new(Duration::ZERO),
            gna_interval: Setting::new(Duration::ZERO),
            minimal: false,
            extra_interfaces: None,
        }
    }
}

impl Garp {
    /// Fills in what follows from other settings.
    pub(crate) fn resolve(&mut self) {
        if self.minimal {
            let inform = [(&mut self.master_repeat, 1), (&mut self.master_refresh_repeat, 1)];
            for (setting, value) in inform {
                if !setting.given() {
                    setting.correct(value);
                }
            }
            for setting in [&mut self.master_delay, &mut self.master_refresh] {
                if !setting.given() {
                    setting.correct(Duration::ZERO);
                }
            }
        }
        self.lower_prio_delay.inherit(&self.master_delay);
        self.lower_prio_repeat.inherit(&self.master_repeat);
    }
}

/// Seconds of a counter of microseconds with 32 bits, in whole seconds.
const SECONDS_MAX: i64 = 4294;

/// Intervals from here on are worth a remark.
const LONG_INTERVAL: Duration = Duration::from_secs(1);

pub(super) fn rows() -> Vec<Keyword<Global>> {
    let mut rows = master();
    rows.extend(lower_priority());
    rows.extend(pace());
    rows
}

fn master() -> Vec<Keyword<Global>> {
    vec![
        kw("vrrp_garp_master_delay")
            .must(int(0, SECONDS_MAX))
            .default("5")
            .otherwise("the value before stays")
            .doc(
                "Seconds between becoming master and the second burst of announcements; with 0 there is no second one.",
            )
            .since("<2.0")
            .set(|global, args| set_seconds(&mut global.garp.master_delay, args)),
        kw("vrrp_garp_master_repeat")
            .must(int(0, 4_294_967_295))
            .default("5")
            .otherwise("1 for 0, else the value before stays")
            .doc("Announcements in each burst after becoming master.")
            .since("<2.0")
            .set(|global, args| set_count(&mut global.garp.master_repeat, args)),
        kw("vrrp_garp_master_refresh")
            .must(int(0, 4_294_967_295))
            .default("0, off")
            .otherwise("0 is used")
            .doc("Seconds between periodic announcements while master.")
            .since("<2.0")
            .set(|global, args| {
                let given = args.given();
                let seconds = args.num_or(0);
                if given {
                    global.garp.master_refresh.set(Duration::from_secs(seconds));
                }
            }),
        kw("vrrp_garp_master_refresh_repeat")
            .must(int(0, 4_294_967_295))
            .default("1")
            .otherwise("1 for 0, else the value before stays")
            .doc("Announcements in each periodic refresh.")
            .since("<2.0")
            .set(|global, args| set_count(&mut global.garp.master_refresh_repeat, args)),
    ]
}

fn lower_priority() -> Vec<Keyword<Global>> {
    vec![
        kw("vrrp_garp_lower_prio_delay")
            .must(int(0, SECONDS_MAX))
            .default("vrrp_garp_master_delay")
            .otherwise("the value before stays")
            .doc("Seconds before the second burst when a master has heard a lower priority.")
            .since("<2.0")
            .set(|global, args| set_seconds(&mut global.garp.lower_prio_delay, args)),
        kw("vrrp_garp_lower_prio_repeat")
            .must(int(0, 2_147_483_647))
            .default("vrrp_garp_master_repeat")
            .otherwise("the value before stays")
            .doc("Announcements in each burst when a master has heard a lower priority.")
            .since("<2.0")
            .set(|global, args| {
                if let Some(count) = args.num() {
                    global.garp.lower_prio_repeat.set(count);
                }
            }),
    ]
}

fn pace() -> Vec<Keyword<Global>> {
    vec![
        kw("vrrp_garp_interval")
            .must(seconds(6, 0.000001, 4294.967295))
            .default("0")
            .otherwise("the value before stays")
            .doc("Shortest time in seconds between gratuitous ARPs on an interface that is in no `garp_group`.")
            .since("<2.0")
            .set(|global, args| set_interval(&mut global.garp.garp_interval, args)),
        kw("vrrp_gna_interval")
            .must(seconds(6, 0.000001, 4294.967295))
            .default("0")
            .otherwise("the value before stays")
            .doc("Same for unsolicited neighbour advertisements.")
            .since("<2.0")
            .set(|global, args| set_interval(&mut global.garp.gna_interval, args)),
        kw("vrrp_min_garp")
            .opt(Shape::Bool)
            .default("off")
            .otherwise("the value before stays")
            .doc("Announce once only, and never again, wherever the other settings are not given.")
            .since("2.0.12")
            .set(|global, args| {
                if let Some(on) = args.bool() {
                    global.garp.minimal = on;
                }
            }),
        kw("vrrp_garp_extra_if")
            .opt(Shape::Choice(&["all"]))
            .arg(int(1, 86400))
            .default("off")
            .otherwise("the value before stays")
            .doc(
                "Seconds between announcements on the virtual MAC interfaces of addresses away from the instance's \
                 interface; with `all` on every interface used.",
            )
            .since("2.2.3")
            .set(extra_interfaces),
        kw("vrrp_vmac_garp_intvl")
            .opt(Shape::Choice(&["all"]))
            .arg(int(1, 86400))
            .otherwise("the value before stays")
            .doc("Same as `vrrp_garp_extra_if`.")
            .since("2.2.0")
            .status(Status::Deprecated("write `vrrp_garp_extra_if`"))
            .graded(Class::Deprecated)
            .set(extra_interfaces),
    ]
}

fn set_seconds(setting: &mut Setting<Duration>, args: &mut Args<'_, '_>) {
    if let Some(seconds) = args.num() {
        setting.set(Duration::from_secs(seconds));
    }
}

fn set_interval(setting: &mut Setting<Duration>, args: &mut Args<'_, '_>) {
    let word = args.peek();
    let Some(interval) = args.time() else { return };
    if let Some(word) = word
        && interval >= LONG_INTERVAL
    {
        unusual(args, word, "so long that announcing many addresses takes minutes");
    }
    setting.set(interval);
}

/// A count in which 0 is an error and means 1.
fn set_count(setting: &mut Setting<u32>, args: &mut Args<'_, '_>) {
    let word = args.peek();
    match (args.num::<u32>(), word) {
        (Some(0), Some(word)) => {
            args.reject(OUT_OF_RANGE, Class::General, word.span, "1 is used");
            setting.set(1);
        }
        (Some(count), _) => setting.set(count),
        (None, _) => {}
    }
}

fn extra_interfaces(global: &mut Global, args: &mut Args<'_, '_>) {
    let mut next = args.next_word();
    let all = next.is_some_and(|word| word.text == "all");
    if all {
        next = args.next_word();
    }
    let Some(word) = next else {
        args.reject(MISSING, Class::General, args.span(), "expected a number of seconds");
        return;
    };
    let seconds = args.number_of(word, 1, 86400, false).and_then(|seconds| u64::try_from(seconds).ok());
    if let Some(seconds) = seconds {
        global.garp.extra_interfaces = Some(ExtraInterfaces { all, interval: Duration::from_secs(seconds) });
    }
}

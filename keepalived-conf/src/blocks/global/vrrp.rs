// SPDX-License-Identifier: MIT OR Apache-2.0
//! What VRRP instances fall back to, and how the VRRP process behaves.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use super::{CONFLICT, EXTRA_WORDS, Global, NOT_MULTICAST, unusual};
use crate::diagnostic::{Class, Diagnostic};
use crate::schema::{Again, Keyword, Setting, Shape, int, kw, seconds, strict_int};
use crate::value::{Args, NOT_A_CHOICE};

/// The protocol version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub enum Version {
    #[default]
    V2,
    V3,
}

/// Whether interfaces may come and go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub enum DynamicInterfaces {
    /// Every interface must be there at start.
    #[default]
    Off,
    On,
    /// Even their type or parent may change.
    AllowChanges,
}

/// How receive buffers for adverts are sized.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub enum RxBuffers {
    #[default]
    System,
    /// So many times the interface's MTU.
    Mtu,
    /// So many times the size of an advert.
    Advert,
    Bytes(u32),
}

#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct VrrpDefaults {
    /// Version of IPv4 instances; those of IPv6 start from 3.
    pub version: Setting<Version>,
    pub mcast_group4: Setting<Ipv4Addr>,
    pub mcast_group6: Setting<Ipv6Addr>,
    pub down_timer_adverts: Setting<u8>,
    pub strict: Setting<bool>,
    pub lower_prio_no_advert: Setting<bool>,
    pub higher_prio_send_advert: Setting<bool>,
    pub owner_ignore_adverts: Setting<bool>,
    pub check_unicast_src: bool,
    pub skip_check_adv_addr: Setting<bool>,
    /// The pseudo header stays out of version 3 checksums over IPv4.
    pub v3_checksum_as_v2: bool,
    pub log_unknown_vrids: bool,
    pub startup_delay: Duration,
    pub delay_after_boot: Duration,
    pub dynamic_interfaces: DynamicInterfaces,
    /// Interface of static addresses that name none.
    pub default_interface: Setting<String>,
    pub disable_local_igmp: bool,
    pub vmac_prefix: Setting<String>,
    /// Prefix of virtual MAC interfaces that carry addresses away from the instance's interface.
    pub vmac_addr_prefix: Setting<String>,
    pub rx_buffers: RxBuffers,
    pub rx_multiplier: Setting<u32>,
    pub notify_priority_changes: Setting<bool>,
    /// All states are written to the FIFOs after a reload.
    pub states_on_reload: bool,
}

impl Default for VrrpDefaults {
    fn default() -> VrrpDefaults {
        VrrpDefaults {
            version: Setting::new(Version::V2),
            mcast_group4: Setting::new(Ipv4Addr::new(224, 0, 0, 18)),
            mcast_group6: Setting::new(Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x12)),
            down_timer_adverts: Setting::new(3),
            strict: Setting::new(false),
            lower_prio_no_advert: Setting::new(false),
            higher_prio_send_advert: Setting::new(false),
            owner_ignore_adverts: Setting::new(false),
            check_unicast_src: false,
            skip_check_adv_addr: Setting::new(false),
            v3_checksum_as_v2: false,
            log_unknown_vrids: false,
            startup_delay: Duration::ZERO,
            delay_after_boot: Duration::ZERO,
            dynamic_interfaces: DynamicInterfaces::Off,
            default_interface: Setting::new("eth0".to_owned()),
            disable_local_igmp: false,
            vmac_prefix: Setting::new("vrrp".to_owned()),
            vmac_addr_prefix: Setting::new("vrrp".to_owned()),
            rx_buffers: RxBuffers::System,
            rx_multiplier: Setting::new(3),
            notify_priority_changes: Setting::new(false),
            states_on_reload: false,
        }
    }
}

/// Startup delays from here on are worth a remark.
const LONG_DELAY: Duration = Duration::from_secs(60);

pub(super) fn rows() -> Vec<Keyword<Global>> {
    let mut rows = interfaces();
    rows.extend(protocol());
    rows.extend(checks());
    rows.extend(process());
    rows
}

fn interfaces() -> Vec<Keyword<Global>> {
    vec![
        kw("dynamic_interfaces")
            .opt(Shape::Choice(&["allow_if_changes"]))
            .default("off")
            .otherwise("interfaces may come and go, but not change")
            .doc(
                "Accept interfaces that do not exist yet, or vanish and come back; with `allow_if_changes` even as \
                 another type or on another parent.",
            )
            .note("Without it an interface that does not exist stops the VRRP process.")
            .since("2.0.0")
            .set(|global, args| {
                let changes = args.given() && args.choice().is_some();
                global.vrrp.dynamic_interfaces =
                    if changes { DynamicInterfaces::AllowChanges } else { DynamicInterfaces::On };
            }),
        kw("default_interface")
            .arg(Shape::Interface)
            .default("eth0")
            .doc("Interface of static addresses that name none.")
            .note("Virtual addresses never fall back to it.")
            .since("<2.0")
            .set(|global, args| {
                if let Some(name) = args.text() {
                    global.vrrp.default_interface.set(name);
                }
            }),
        kw("disable_local_igmp")
            .default("off")
            .otherwise("ignored where the kernel has no such setting")
            .doc("Switch off IGMP reports for 224.0.0.0/24 on the whole host while running.")
            .note("A reload cannot change it.")
            .since("2.2.0")
            .set(|global, _| global.vrrp.disable_local_igmp = true),
        kw("vmac_prefix")
            .must(Shape::Word("PREFIX"))
            .default("vrrp")
            .doc("What the names of virtual MAC interfaces start with: PREFIX.VRID, cut to 15 characters.")
            .since("2.2.0")
            .again(Again::First)
            .set(|global, args| {
                if let Some(prefix) = args.text() {
                    global.vrrp.vmac_prefix.set(prefix);
                }
            }),
        kw("vmac_addr_prefix")
            .must(Shape::Word("PREFIX"))
            .default("vmac_prefix")
            .doc("Same for virtual MAC interfaces made for addresses away from the instance's interface.")
            .since("2.2.0")
            .again(Again::First)
            .set(|global, args| {
                if let Some(prefix) = args.text() {
                    global.vrrp.vmac_addr_prefix.set(prefix);
                }
            }),
    ]
}

fn protocol() -> Vec<Keyword<Global>> {
    vec![
        kw("v3_checksum_as_v2")
            .default("off")
            .doc("Instances leave the pseudo header out of version 3 checksums over IPv4, as some routers do.")
            .note("Words after it are ignored, so `off` switches it on.")
            .since("2.2.8")
            .set(|global, _| global.vrrp.v3_checksum_as_v2 = true),
        kw("vrrp_mcast_group4")
            .must(Shape::Address)
            .default("224.0.0.18")
            .otherwise("the value before stays")
            .doc("Destination of IPv4 adverts.")
            .since("<2.0")
            .set(|global, args| {
                let Some(word) = args.peek() else {
                    args.word();
                    return;
                };
                match args.address() {
                    Some(IpAddr::V4(group)) if group.is_multicast() => global.vrrp.mcast_group4.set(group),
                    Some(_) => {
                        args.reject(NOT_MULTICAST, Class::General, word.span, "expected 224.0.0.0 to 239.255.255.255")
                    }
                    None => {}
                }
            }),
        kw("vrrp_mcast_group6")
            .must(Shape::Address)
            .default("ff02::12")
            .otherwise("the value before stays")
            .doc("Destination of IPv6 adverts.")
            .since("<2.0")
            .set(mcast_group6),
        kw("vrrp_down_timer_adverts")
            .must(int(1, 100))
            .default("3")
            .otherwise("the value before stays")
            .doc("After how many missing adverts a backup takes over.")
            .since("2.2.3")
            .set(|global, args| {
                if let Some(count) = args.num() {
                    global.vrrp.down_timer_adverts.set(count);
                }
            }),
        kw("vrrp_lower_prio_no_advert")
            .opt(Shape::Bool)
            .default("off; on in strict mode")
            .otherwise("the value before stays")
            .doc("A master does not answer an advert of lower priority with one of its own.")
            .since("<2.0")
            .set(|global, args| {
                if let Some(on) = args.bool() {
                    global.vrrp.lower_prio_no_advert.set(on);
                }
            }),
        kw("vrrp_higher_prio_send_advert")
            .opt(Shape::Bool)
            .default("off")
            .otherwise("the value before stays")
            .doc("A master that hears a higher priority sends one more advert before it becomes backup.")
            .since("<2.0")
            .set(|global, args| {
                if let Some(on) = args.bool() {
                    global.vrrp.higher_prio_send_advert.set(on);
                }
            }),
        kw("vrrp_version")
            .must(int(2, 3))
            .default("2")
            .otherwise("the value before stays")
            .doc("Protocol version of IPv4 instances that do not say it themselves; those of IPv6 use 3.")
            .since("<2.0")
            .set(|global, args| {
                if let Some(version) = args.num::<u8>() {
                    global.vrrp.version.set(if version == 3 { Version::V3 } else { Version::V2 });
                }
            }),
    ]
}

fn checks() -> Vec<Keyword<Global>> {
    vec![
        kw("vrrp_check_unicast_src")
            .default("off")
            .doc("Drop unicast adverts from sources that are not among the configured peers.")
            .since("<2.0")
            .set(|global, _| global.vrrp.check_unicast_src = true),
        kw("vrrp_skip_check_adv_addr")
            .opt(Shape::Bool)
            .default("off")
            .otherwise("the value before stays")
            .doc("Do not compare the address list again while adverts come from the same master.")
            .since("<2.0")
            .set(|global, args| {
                if let Some(on) = args.bool() {
                    global.vrrp.skip_check_adv_addr.set(on);
                }
            }),
        kw("vrrp_strict")
            .opt(Shape::Bool)
            .default("off")
            .otherwise("the value before stays")
            .doc("Keep to the RFC where keepalived allows more: what `strict_mode` of instances starts from.")
            .since("<2.0")
            .set(|global, args| {
                if let Some(on) = args.bool() {
                    global.vrrp.strict.set(on);
                }
            }),
        kw("log_unknown_vrids")
            .default("off")
            .doc("Log adverts for virtual routers that are not configured on the interface they come in on.")
            .since("2.0.16")
            .set(|global, _| global.vrrp.log_unknown_vrids = true),
        kw("vrrp_owner_ignore_adverts")
            .opt(Shape::Bool)
            .default("off")
            .otherwise("the value before stays")
            .doc("What `owner_ignore_adverts` of instances with priority 255 starts from.")
            .since("2.3.3")
            .set(|global, args| {
                if let Some(on) = args.bool() {
                    global.vrrp.owner_ignore_adverts.set(on);
                }
            }),
    ]
}

fn process() -> Vec<Keyword<Global>> {
    vec![
        kw("vrrp_notify_priority_changes")
            .opt(Shape::Bool)
            .default("off")
            .otherwise("the value before stays")
            .doc("Write changes of the effective priority to the FIFOs.")
            .since("2.0.16")
            .set(|global, args| {
                if let Some(on) = args.bool() {
                    global.vrrp.notify_priority_changes.set(on);
                }
            }),
        kw("fifo_write_vrrp_states_on_reload")
            .default("off")
            .doc("Write the states of all instances and groups to the FIFOs after each reload.")
            .since("2.2.5")
            .set(|global, _| global.vrrp.states_on_reload = true),
        kw("vrrp_rx_bufs_policy")
            .arg(Shape::Syntax("MTU|ADVERT|BYTES"))
            .default("the system's")
            .doc("Size of the receive buffers: a multiple of the MTU or of an advert, or a number of bytes.")
            .since("2.0.3")
            .set(rx_policy),
        kw("vrrp_rx_bufs_multiplier")
            .arg(strict_int(1, 4_294_967_295))
            .default("3")
            .otherwise("the value before stays")
            .doc("How many times the MTU or the size of an advert a receive buffer holds.")
            .since("2.0.3")
            .set(|global, args| {
                let factor = args.num();
                let surplus = args.next_word();
                if let Some(word) = surplus {
                    args.reject(EXTRA_WORDS, Class::General, word.span, "one number is expected");
                } else if let Some(factor) = factor {
                    global.vrrp.rx_multiplier.set(factor);
                }
            }),
        kw("vrrp_startup_delay")
            .must(seconds(6, 0.001, 4294.967295))
            .default("0")
            .otherwise("the value before stays")
            .doc("Seconds after start before instances take part.")
            .note("The longer of this and what is left of `vrrp_delay_after_boot` counts.")
            .since("2.0.14")
            .set(|global, args| {
                if let Some(delay) = delay(args) {
                    global.vrrp.startup_delay = global.vrrp.startup_delay.max(delay);
                }
            }),
        kw("vrrp_delay_after_boot")
            .must(seconds(6, 0.001, 4294.967295))
            .default("0")
            .otherwise("the value before stays")
            .doc("Seconds after the boot of the machine before instances take part.")
            .since("2.4.0")
            .set(|global, args| {
                if let Some(delay) = delay(args) {
                    global.vrrp.delay_after_boot = global.vrrp.delay_after_boot.max(delay);
                }
            }),
    ]
}

fn delay(args: &mut Args<'_, '_>) -> Option<Duration> {
    let word = args.peek();
    let delay = args.time()?;
    if let Some(word) = word
        && delay >= LONG_DELAY
    {
        unusual(args, word, "nothing is master for that long");
    }
    Some(delay)
}

fn mcast_group6(global: &mut Global, args: &mut Args<'_, '_>) {
    let Some(word) = args.peek() else {
        args.word();
        return;
    };
    match args.address() {
        Some(IpAddr::V6(group)) if group.is_multicast() => {
            if group.segments()[0] & 0x000f != 2 {
                let finding = Diagnostic::warning(NOT_MULTICAST, "IPv6 adverts should stay on the link")
                    .at(word.span, "not a link-local group, such as ff02::12");
                args.push(finding);
            }
            global.vrrp.mcast_group6.set(group);
        }
        Some(_) => args.reject(NOT_MULTICAST, Class::General, word.span, "expected an address from ff00::/8"),
        None => {}
    }
}

fn rx_policy(global: &mut Global, args: &mut Args<'_, '_>) {
    let Some(first) = args.word() else { return };
    let mut bytes = None;
    let (mut mtu, mut advert) = (false, false);
    let mut next = Some(first);
    while let Some(word) = next {
        if word.text.eq_ignore_ascii_case("mtu") {
            mtu = true;
        } else if word.text.eq_ignore_ascii_case("advert") {
            advert = true;
        } else if word.text.starts_with(|c: char| c.is_ascii_digit()) {
            let number = args.number_of(word, 0, i64::from(u32::MAX), true);
            bytes = bytes.or(number.and_then(|number| u32::try_from(number).ok()));
        } else {
            args.reject(NOT_A_CHOICE, Class::General, word.span, "expected MTU, ADVERT or a number of bytes");
        }
        next = args.next_word();
    }
    if bytes.is_some() && (mtu || advert) {
        args.reject(CONFLICT, Class::General, first.span, "a size goes before a policy");
    } else if mtu && advert {
        args.reject(CONFLICT, Class::General, first.span, "MTU goes before ADVERT");
    }
    global.vrrp.rx_buffers = match (bytes, mtu, advert) {
        (Some(bytes), ..) => RxBuffers::Bytes(bytes),
        (None, true, _) => RxBuffers::Mtu,
        (None, false, true) => RxBuffers::Advert,
        (None, false, false) => return,
    };
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! `vrrp_instance`: one virtual router.

mod addresses;
mod election;
mod garp;
mod identity;
mod notify;
mod reach;
mod timing;
mod tracking;
mod tuning;
mod vmac;

use std::net::IpAddr;
use std::sync::LazyLock;
use std::time::Duration;

pub use crate::blocks::global::vrrp::Version;
pub use garp::{ExtraGarp, Garp};
pub use notify::Notify;
pub use reach::{OldChecksum, Unicast};
pub use vmac::{Ipvlan, IpvlanMode, Mac, Vmac};

use super::auth_hmac::AuthHmac;
use super::authentication::Authentication;
use super::entry::address::Address;
use super::entry::route::Route;
use super::entry::rule::Rule;
use super::entry::track::Tracks;
use crate::blocks::Config;
use crate::blocks::global::ours::Repair;
use crate::diagnostic::{Code, Diagnostic};
use crate::family::Family;
use crate::schema::{Block, Node, Seen, Setting};
use crate::span::Name;
use crate::value::Args;

pub const BAD_NAME: Code = Code::new("KC163", "a block without a proper name");
pub const DEFINED_TWICE: Code = Code::new("KC164", "defined twice");
pub const VERSION_CLASH: Code = Code::new("KC165", "the version does not fit");
pub const FAMILY_CLASH: Code = Code::new("KC166", "not of the instance's family");

/// One virtual router. After resolving, every setting holds the value in force.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct VrrpInstance {
    pub name: String,

    /// `None` is possible with unicast only.
    pub interface: Option<Name>,
    pub vrf: Option<Name>,
    /// Without one the instance cannot run; see [`VrrpInstance::faults`].
    pub virtual_router_id: Option<u8>,
    pub family: Setting<Family>,
    pub version: Setting<Version>,
    pub state: Setting<State>,
    pub priority: Setting<u8>,

    pub advert_int: Setting<Duration>,
    pub down_timer_adverts: Setting<u8>,
    pub preempt: Setting<bool>,
    pub preempt_delay: Setting<Duration>,
    /// The priority with which somebody else may have taken over while this process slept; needs `nopreempt`.
    pub timer_expired_backup: Option<u8>,
    pub strict_mode: Setting<bool>,
    pub accept: Setting<bool>,
    pub lower_prio_no_advert: Setting<bool>,
    pub higher_prio_send_advert: Setting<bool>,
    pub owner_ignore_adverts: Setting<bool>,
    pub skip_check_adv_addr: Setting<bool>,
    pub v3_checksum_as_v2: Setting<bool>,

    /// `mcast_src_ip` or `unicast_src_ip`: where adverts come from.
    pub source: Option<IpAddr>,
    pub track_src_ip: bool,
    pub mcast_dst_ip: Setting<Option<IpAddr>>,
    pub unicast: Unicast,

    pub virtual_ipaddress: Vec<Address>,
    pub virtual_ipaddress_excluded: Vec<Address>,
    pub virtual_routes: Vec<Route>,
    pub virtual_rules: Vec<Rule>,
    pub no_virtual_ipaddress: bool,
    pub promote_secondaries: bool,
    /// What happens when something else takes an address away.
    pub repair: Setting<Repair>,

    pub vmac: Option<Vmac>,
    pub use_vmac_addr: bool,
    pub vmac_xmit_base: bool,
    pub ipvlan: Option<Ipvlan>,

    /// With those of the sync group after resolving.
    pub tracks: Tracks,
    pub dont_track_primary: bool,
    pub linkbeat_use_polling: bool,

    pub notify: Notify,
    pub smtp_alert: Setting<bool>,
    pub notify_priority_changes: Setting<bool>,
    pub lvs_sync_daemon_interface: Option<Name>,
    pub garp: Garp,

    pub authentication: Option<Authentication>,
    pub auth_hmac: Option<AuthHmac>,

    pub kernel_rx_buf_size: Option<u32>,
    pub debug: u8,

    /// The sync group it is in; known after resolving.
    pub sync_group: Option<String>,
    /// Why it cannot run; known after resolving. Empty in a sound configuration.
    pub faults: Vec<Fault>,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub seen: Seen,
}

impl Version {
    pub fn number(self) -> u8 {
        match self {
            Version::V2 => 2,
            Version::V3 => 3,
        }
    }
}

/// The state an instance wants to start in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub enum State {
    Master,
    Backup,
}

/// The priority that owns the addresses.
pub const OWNER: u8 = 255;
/// The priority without `priority`.
pub const PRIORITY: u8 = 100;

/// Why an instance cannot run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub enum Fault {
    NoVirtualRouterId,
    NoInterface,
    /// Its interface, or one that it names, is not there.
    InterfaceMissing,
    NoSource,
    /// A link-local source without an interface.
    LinkLocalWithoutInterface,
    VmacWithoutInterface,
    NoAddresses,
    StrictUnicast,
    /// Another instance has the same virtual router id in the same place.
    SameVirtualRouter,
    /// `use_ipvlan` of an IPv4 instance without an address of that family. keepalived starts with the instance in
    /// FAULT.
    IpvlanAddress,
}

impl Fault {
    /// keepalived does not start at all because of it.
    pub fn stops_keepalived(self) -> bool {
        match self {
            Fault::NoVirtualRouterId
            | Fault::NoInterface
            | Fault::InterfaceMissing
            | Fault::NoSource
            | Fault::LinkLocalWithoutInterface
            | Fault::VmacWithoutInterface
            | Fault::NoAddresses
            | Fault::StrictUnicast
            | Fault::SameVirtualRouter => true,
            Fault::IpvlanAddress => false,
        }
    }
}

impl VrrpInstance {
    /// An instance of which nothing but the name is known.
    pub fn new(name: impl Into<String>) -> VrrpInstance {
        VrrpInstance {
            name: name.into(),
            interface: None,
            vrf: None,
            virtual_router_id: None,
            family: Setting::new(Family::V4),
            version: Setting::new(Version::V2),
            state: Setting::new(State::Backup),
            priority: Setting::new(PRIORITY),
            advert_int: Setting::new(Duration::from_secs(1)),
            down_timer_adverts: Setting::new(3),
            preempt: Setting::new(true),
            preempt_delay: Setting::new(Duration::ZERO),
            timer_expired_backup: None,
            strict_mode: Setting::new(false),
            accept: Setting::new(true),
            lower_prio_no_advert: Setting::new(false),
            higher_prio_send_advert: Setting::new(false),
            owner_ignore_adverts: Setting::new(false),
            skip_check_adv_addr: Setting::new(false),
            v3_checksum_as_v2: Setting::new(false),
            source: None,
            track_src_ip: false,
            mcast_dst_ip: Setting::new(None),
            unicast: Unicast::default(),
            virtual_ipaddress: Vec::new(),
            virtual_ipaddress_excluded: Vec::new(),
            virtual_routes: Vec::new(),
            virtual_rules: Vec::new(),
            no_virtual_ipaddress: false,
            promote_secondaries: false,
            repair: Setting::new(Repair::Yield),
            vmac: None,
            use_vmac_addr: false,
            vmac_xmit_base: false,
            ipvlan: None,
            tracks: Tracks::default(),
            dont_track_primary: false,
            linkbeat_use_polling: false,
            notify: Notify::default(),
            smtp_alert: Setting::new(false),
            notify_priority_changes: Setting::new(false),
            lvs_sync_daemon_interface: None,
            garp: Garp::default(),
            authentication: None,
            auth_hmac: None,
            kernel_rx_buf_size: None,
            debug: 0,
            sync_group: None,
            faults: Vec::new(),
            seen: Seen::default(),
        }
    }

    /// The owner of the addresses: its priority never changes.
    pub fn is_owner(&self) -> bool {
        *self.priority == OWNER
    }

    /// Every virtual address, excluded ones last.
    pub fn addresses(&self) -> impl Iterator<Item = &Address> {
        self.virtual_ipaddress.iter().chain(&self.virtual_ipaddress_excluded)
    }

    /// Takes `family` for the instance, unless it has another one.
    fn agrees(&mut self, family: Family) -> bool {
        if !self.family.given() {
            self.family.set(family);
        }
        *self.family == family
    }
}

impl Node for VrrpInstance {
    fn seen(&mut self) -> &mut Seen {
        &mut self.seen
    }
}

pub static BLOCK: LazyLock<Block<VrrpInstance>> = LazyLock::new(|| {
    let parts = [
        identity::rows(),
        reach::rows(),
        timing::rows(),
        election::rows(),
        addresses::rows(),
        vmac::rows(),
        tracking::rows(),
        notify::rows(),
        garp::rows(),
        tuning::rows(),
    ];
    Block::new("vrrp_instance", parts.into_iter().flatten().collect())
});

pub(crate) fn open(config: &mut Config, args: &mut Args<'_, '_>) -> Option<VrrpInstance> {
    let name = block_name(args)?;
    let taken = config.vrrp.instance(&name.text);
    if let Some(first) = taken {
        defined_twice(args, &name, first.seen.head);
        return None;
    }
    Some(VrrpInstance::new(name.text))
}

pub(crate) fn close(config: &mut Config, instance: VrrpInstance, _: &mut Args<'_, '_>) {
    config.vrrp.instances.push(instance);
}

/// The one name of a block; keepalived skips a block with none or several.
pub(super) fn block_name(args: &mut Args<'_, '_>) -> Option<Name> {
    let name = args.next_word();
    let span = args.span();
    match (name, args.given()) {
        (Some(name), false) if !name.text.is_empty() => Some(Name::new(name.text, name.span)),
        _ => {
            args.rest();
            let finding = Diagnostic::error(BAD_NAME, format!("`{}` wants one name", args.keyword))
                .at(span, "the block is skipped")
                .hint("a name with blanks stands in double quotes");
            args.push(finding);
            None
        }
    }
}

/// Says that a block of this name exists already and that this one is skipped.
pub(super) fn defined_twice(args: &mut Args<'_, '_>, name: &Name, first: crate::span::Span) {
    let finding = Diagnostic::error(DEFINED_TWICE, format!("`{} {}` is defined twice", args.keyword, name.text))
        .at(name.span(), "this block is skipped")
        .at(first, "defined here");
    args.push(finding);
}

/// Puts a value that could be read into its setting.
pub(super) fn put<T>(setting: &mut Setting<T>, value: Option<T>) {
    if let Some(value) = value {
        setting.set(value);
    }
}

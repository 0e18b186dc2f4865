// SPDX-License-Identifier: MIT OR Apache-2.0
//! The state of a worker at one moment, as values with names: the base of every dump, answer and page.
//!
//! A snapshot owns everything in it, so whoever asked may take its time. Times are seconds, moments seconds since the
//! Unix epoch.

pub mod lvs;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::proto::vrrp::{Counters, InstanceId};

/// Everything that is known; of a worker that has nothing to do here, nothing; of one that does not answer, why.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    pub daemon: Option<Daemon>,
    pub vrrp: Result<Option<Vrrp>, String>,
    pub lvs: Result<Option<lvs::Lvs>, String>,
}

impl Seen {
    pub fn vrrp(&self) -> Option<&Vrrp> {
        self.vrrp.as_ref().ok()?.as_ref()
    }

    pub fn lvs(&self) -> Option<&lvs::Lvs> {
        self.lvs.as_ref().ok()?.as_ref()
    }

    /// Why something is not known.
    pub fn troubles(&self) -> impl Iterator<Item = &str> {
        self.vrrp.as_ref().err().into_iter().chain(self.lvs.as_ref().err()).map(String::as_str)
    }

    /// When it was taken: the older of the two.
    pub fn taken(&self) -> f64 {
        let both = self.vrrp().map(|vrrp| vrrp.taken).into_iter().chain(self.lvs().map(|lvs| lvs.taken));
        both.reduce(f64::min).unwrap_or_default()
    }

    /// One JSON object: what is known, and beside it what is not.
    pub fn json(&self) -> serde_json::Value {
        let mut fields = serde_json::Map::new();
        if let Some(daemon) = &self.daemon {
            fields.insert("daemon".to_owned(), serde_json::json!(daemon));
        }
        if let Some(vrrp) = self.vrrp() {
            fields.insert("vrrp".to_owned(), serde_json::json!(vrrp));
        }
        if let Some(lvs) = self.lvs() {
            fields.insert("lvs".to_owned(), serde_json::json!(lvs));
        }
        let troubles: Vec<&str> = self.troubles().collect();
        let nothing = self.vrrp().is_none() && self.lvs().is_none();
        match (nothing, troubles.is_empty()) {
            (true, false) => {
                fields.insert("error".to_owned(), troubles.join("; ").into());
            }
            (false, false) => {
                fields.insert("unknown".to_owned(), serde_json::json!(troubles));
            }
            (_, true) => {}
        }
        fields.into()
    }
}

/// The daemon itself, as its supervisor counts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Daemon {
    pub version: String,
    pub started: f64,
    /// The number of the configuration in force.
    pub epoch: u64,
    pub reloads: u64,
    /// Reloads that were refused.
    pub refused: u64,
    /// Events so far.
    pub events: u64,
    /// How often each worker died.
    pub deaths: BTreeMap<String, u64>,
    pub log: Logging,
    pub webhooks: Vec<Hook>,
    /// The BFD sessions of the configuration.
    pub sessions: Vec<Session>,
    /// Where the status worker answers, by name.
    pub doors: BTreeMap<String, Door>,
    /// Questions to the other workers for which there was no room.
    pub questions_refused: u64,
}

/// A BFD session, as far as anybody says how it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Session {
    pub name: String,
    pub neighbour: String,
    /// Nothing while nobody says.
    pub up: Option<bool>,
    /// When that was said first.
    pub since: Option<f64>,
}

impl Session {
    pub fn word(&self) -> &'static str {
        match self.up {
            Some(true) => "up",
            Some(false) => "down",
            None => "not run",
        }
    }
}

/// Who came to a door of the status worker, and what was refused there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Door {
    /// Those who were let in.
    pub taken: u64,
    /// Hung up on, because as many as there may be were there already.
    pub refused: u64,
    /// Lines and requests that were longer than they may be.
    pub too_long: u64,
    /// Those who said nothing, or took nothing, for too long.
    pub silent: u64,
}

/// A webhook, and what became of the events for it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Hook {
    /// The beginning of its address: the rest may be a secret.
    pub place: String,
    pub posted: u64,
    /// Attempts after which there was another one.
    pub retried: u64,
    /// Given up, and without an attempt for lack of room.
    pub failed: u64,
    pub dropped: u64,
    pub waiting: u64,
    /// Why the last attempt failed, until one does not.
    pub failing: Option<String>,
}

/// How much is logged: `quiet`, `normal` or `detail`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Logging {
    pub level: String,
    /// What the command line says.
    pub usual: String,
    /// How long an operator's word still counts.
    pub ends_in: Option<f64>,
}

impl Logging {
    /// What an operator wants instead of the command line.
    pub fn wish(&self) -> Option<String> {
        (self.level != self.usual).then(|| format!("log-level {}", self.level))
    }
}

/// The VRRP worker.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Vrrp {
    pub taken: f64,
    pub started: f64,
    pub instances: Vec<Instance>,
    pub groups: Vec<Group>,
    pub tracks: Vec<Track>,
    /// Turns of the loop that came too late.
    #[serde(default)]
    pub late: Late,
    /// Packets the kernel did not take.
    #[serde(default)]
    pub unsent: u64,
    /// Messages to others that found no room.
    #[serde(default)]
    pub lost: u64,
    /// Only where asked for: a router may have thousands.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<Link>,
}

/// What came too late, and by how much.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Late {
    pub turns: u64,
    pub seconds: f64,
    pub most: f64,
}

/// The state of an instance or a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    #[default]
    Init,
    Backup,
    Master,
    Fault,
}

impl State {
    /// keepalived's number.
    pub fn number(self) -> u8 {
        match self {
            State::Init => 0,
            State::Backup => 1,
            State::Master => 2,
            State::Fault => 3,
        }
    }

    pub fn word(self) -> &'static str {
        match self {
            State::Init => "INIT",
            State::Backup => "BACKUP",
            State::Master => "MASTER",
            State::Fault => "FAULT",
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Instance {
    /// The plan's number for it.
    pub number: u32,
    pub name: String,
    pub group: Option<String>,
    /// The one adverts and addresses belong to; a virtual one where there is one.
    pub interface: Option<String>,
    /// The configured interface beneath a virtual one.
    pub base: Option<String>,
    pub vrid: u8,
    pub version: u8,
    /// 4 or 6.
    pub family: u8,
    pub state: State,
    /// The state it would be in but for its sync group.
    pub wants: State,
    pub since: f64,
    pub base_priority: u8,
    pub priority: u8,
    pub terms: Vec<Term>,
    /// How the operator wants it to stand instead of the configuration.
    #[serde(default)]
    pub stand: Option<Standing>,
    /// Why it is in FAULT.
    pub faults: Vec<String>,
    /// What it still waits for before it starts.
    pub waits_for: Vec<String>,
    /// The master it follows, or followed last.
    pub master: Option<Master>,
    pub other_master: Option<String>,
    pub source: Option<String>,
    pub advert_interval: f64,
    pub master_interval: f64,
    pub master_down_time: f64,
    /// What happens next by itself, and in how long.
    pub next: Option<Next>,
    /// All it holds as Master is in the kernel.
    pub in_place: bool,
    pub handing_over: bool,
    pub addresses: Vec<Address>,
    /// Who else has its addresses, as far as it was heard while this one held them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rivals: Vec<Rival>,
    /// How often that was heard.
    #[serde(default)]
    pub claims: u64,
    /// Who else speaks for this virtual router, or is expected to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub peers: Vec<Peer>,
    /// Peers that made room for others.
    #[serde(default)]
    pub peers_forgotten: u64,
    pub counters: Statistics,
    /// Seconds in each state so far, and how often it was entered, by keepalived's numbers.
    #[serde(default)]
    pub spent: [f64; 4],
    /// How available its addresses were: while this router is master or follows one they are served.
    #[serde(default)]
    pub available: lvs::Record,
    /// `garp_master_delay`.
    #[serde(default)]
    pub garp_delay: f64,
    #[serde(default)]
    pub entered: [u64; 4],
    /// The last changes of state, oldest first.
    pub history: Vec<Step>,
}

impl Instance {
    pub fn id(&self) -> InstanceId {
        InstanceId(self.number)
    }
}

/// An operator's word on an instance.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    /// `take`, `release` or `priority`.
    pub course: String,
    /// How long it still counts.
    pub ends_in: Option<f64>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Master {
    pub address: String,
    pub priority: u8,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Next {
    pub what: String,
    pub in_seconds: f64,
}

/// What a tracked object means for an instance.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Term {
    pub track: String,
    pub kind: String,
    pub weight: i32,
    pub reverse: bool,
    /// What it adds to the priority; nothing where it is a fault or was not looked at yet.
    pub adds: Option<i64>,
    pub up: Option<bool>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Address {
    pub address: String,
    pub prefix: u8,
    pub interface: Option<String>,
    /// Not in the adverts.
    pub excluded: bool,
}

/// Another router of the same virtual router. Only masters speak.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Peer {
    pub address: String,
    /// A unicast peer of the configuration.
    pub expected: bool,
    /// When its last advert came; nothing where none did.
    pub heard: Option<f64>,
    /// What it stood with then; 0 said goodbye.
    pub priority: Option<u8>,
    /// The advert interval it names.
    pub interval: f64,
    /// It lists other addresses.
    pub differs: bool,
    /// Adverts of it that were taken.
    pub adverts: u64,
    /// The longest time between two of its adverts while it was master.
    pub gap: f64,
}

/// Somebody else with one of the addresses.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Rival {
    pub address: String,
    /// The link address of a host, or an interface of this node.
    pub who: String,
    /// When it was heard last.
    pub heard: f64,
}

/// A change of state and what led to it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Step {
    pub at: f64,
    pub from: State,
    pub to: State,
    pub why: String,
    pub priority: u8,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Group {
    pub name: String,
    pub state: State,
    pub members: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Track {
    pub name: String,
    /// `script`, `file`, `process`, `interface`, `address` or `BFD session`.
    pub kind: String,
    /// Nothing before the first reading.
    pub up: Option<bool>,
    /// A script's counted results; at or above its rise it is up.
    pub result: Option<u32>,
    /// The number in a file.
    pub value: Option<i64>,
    /// How many such processes run.
    pub running: Option<u32>,
    /// A script is running now.
    #[serde(default)]
    pub busy: bool,
    /// A change waits for its delay.
    pub waiting: bool,
    pub used_by: Vec<Use>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Use {
    pub instance: String,
    pub weight: i32,
    pub reverse: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Link {
    pub index: u32,
    pub name: String,
    pub up: bool,
    pub mac: String,
    pub mtu: u32,
    pub addresses: Vec<String>,
}

macro_rules! statistics {
    ($($(#[$doc:meta])* $name:ident = $field:ident),* $(,)?) => {
        /// An instance's counters, by the names of keepalived's JSON; what it does not count comes last.
        #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default)]
        pub struct Statistics {
            $($(#[$doc])* pub $name: u64,)*
        }

        impl From<&Counters> for Statistics {
            fn from(counted: &Counters) -> Statistics {
                let Counters { $($field: $name),* } = counted.clone();
                Statistics { $($name),* }
            }
        }

        impl Statistics {
            /// Every counter with its name.
            pub fn named(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($name), self.$name)),*]
            }
        }
    };
}

statistics! {
    advert_rcvd = adverts_received,
    advert_sent = adverts_sent,
    become_master = became_master,
    release_master = released_master,
    packet_len_err = packet_length,
    advert_interval_err = interval,
    ip_ttl_err = hop_limit,
    invalid_type_rcvd = invalid_type,
    addr_list_err = address_list,
    invalid_authtype = invalid_auth_type,
    authtype_mismatch = auth_type_mismatch,
    auth_failure = auth_failure,
    auth_ext_missing = hmac_missing,
    auth_ext_malformed = hmac_malformed,
    auth_ext_unknown_key = hmac_unknown_key,
    auth_ext_invalid_hmac = hmac_invalid,
    auth_ext_stale = hmac_stale,
    auth_ext_replay = hmac_replay,
    pri_zero_rcvd = priority_zero_received,
    pri_zero_sent = priority_zero_sent,
    checksum_err = checksum,
    version_err = version,
    /// Multicast for unicast or the other way round.
    destination_err = destination,
    unknown_peer = unknown_peer,
    /// Our own advert came back.
    reflected = reflected,
    /// Heard in INIT or FAULT.
    ignored = ignored,
    /// Adverts that could not be built or sent.
    unsendable = unsendable,
}

/// So many of them are keepalived's.
pub const KEEPALIVED_STATISTICS: usize = 20;

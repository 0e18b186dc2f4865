// SPDX-License-Identifier: MIT OR Apache-2.0
//! Settings keepalived does not have. None of them changes what a configuration written for keepalived does, but for
//! the graceful handover, which only adds to it.

use std::time::Duration;

use super::Global;
use super::webhook::{Webhook, webhook};
use crate::schema::{Again, Keyword, Setting, Shape, int, kw};

/// The release in which these keywords came.
pub(crate) const SINCE: &str = "Steadfast 0.1";

#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Ours {
    /// Addresses are given to the kernel for this long and renewed in time.
    pub vip_lease: Option<Duration>,
    pub repair: Setting<Repair>,
    /// A planned stop keeps the addresses until the successor is heard.
    pub handover: Setting<bool>,
    pub webhooks: Vec<Webhook>,
    /// Where the page and the metrics are: `PORT` on the loopback, `ADDRESS:PORT`, or the path of a Unix socket.
    pub status_listen: Vec<String>,
    /// Its members may use the control socket as root does.
    pub control_group: Option<String>,
    /// How the console and log files look, where the command line does not say.
    pub log_format: LogFormat,
}

impl Default for Ours {
    fn default() -> Ours {
        Ours {
            vip_lease: None,
            repair: Setting::new(Repair::Yield),
            handover: Setting::new(true),
            webhooks: Vec::new(),
            status_listen: Vec::new(),
            control_group: None,
            log_format: LogFormat::Lines,
        }
    }
}

/// How a line of the log looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub enum LogFormat {
    /// As keepalived's.
    #[default]
    Lines,
    /// A JSON object each.
    Json,
}

/// The words of `log_format`.
pub const LOG_FORMAT: &[&str] = &["lines", "json"];

impl LogFormat {
    fn from_word(word: &str) -> Option<LogFormat> {
        match word {
            "lines" => Some(LogFormat::Lines),
            "json" => Some(LogFormat::Json),
            _ => None,
        }
    }
}

/// What a master does when something else takes an address away from it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub enum Repair {
    /// Gives way, as keepalived does.
    #[default]
    Yield,
    /// Puts it back.
    Restore,
}

/// The words of `vrrp_repair`.
pub const REPAIR: &[&str] = &["yield", "restore"];

impl Repair {
    pub fn from_word(word: &str) -> Option<Repair> {
        match word {
            "yield" => Some(Repair::Yield),
            "restore" => Some(Repair::Restore),
            _ => None,
        }
    }
}

pub(super) fn rows() -> Vec<Keyword<Global>> {
    vec![
        kw("vrrp_vip_lease")
            .arg(int(1, 86400))
            .default("off")
            .otherwise("the value before stays")
            .doc(
                "Give addresses to the kernel for so many seconds and renew them in time, so that they vanish by \
                 themselves should the daemon hang or be killed.",
            )
            .example("vrrp_vip_lease 3")
            .since(SINCE)
            .ours()
            .set(|global, args| {
                if let Some(seconds) = args.num() {
                    global.ours.vip_lease = Some(Duration::from_secs(seconds));
                }
            }),
        kw("vrrp_repair")
            .arg(Shape::Choice(REPAIR))
            .default("yield")
            .otherwise("the value before stays")
            .doc(
                "What a master does when an address of its own is taken away by something else: give way to the \
                 backups, or put it back.",
            )
            .since(SINCE)
            .ours()
            .set(|global, args| {
                if let Some(repair) = args.choice().and_then(Repair::from_word) {
                    global.ours.repair.set(repair);
                }
            }),
        kw("vrrp_handover")
            .opt(Shape::Bool)
            .default("on")
            .otherwise("the value before stays")
            .doc("At a planned stop keep the addresses until the successor is heard, for two seconds at most.")
            .since(SINCE)
            .ours()
            .set(|global, args| {
                if let Some(on) = args.bool() {
                    global.ours.handover.set(on);
                }
            }),
        kw("status_listen")
            .arg(Shape::Word("PORT|ADDRESS:PORT|PATH"))
            .default("none")
            .doc(
                "Serve the status page, /metrics for Prometheus, /status.json and /healthz over HTTP here; a port alone \
                 is one of the loopback, and a path is a Unix socket that everybody may connect to. May stand several \
                 times.",
            )
            .note("Reading only. Whoever wants passwords or TLS puts a proxy before it.")
            .example("status_listen 9165")
            .since(SINCE)
            .again(Again::Adds)
            .ours()
            .set(|global, args| {
                let word = args.word();
                if let Some(place) = word.map(|word| word.text.to_owned()) {
                    global.ours.status_listen.push(place);
                }
            }),
        kw("control_socket_group")
            .arg(Shape::Word("GROUP"))
            .default("none: only root")
            .doc(
                "Let the members of this group use the control socket too: ask everything, and give every order that \
                 `steadfast` has, such as `take`, `drain` and `reload`.",
            )
            .example("control_socket_group netadmin")
            .since(SINCE)
            .ours()
            .set(|global, args| {
                if let Some(group) = args.text() {
                    global.ours.control_group = Some(group);
                }
            }),
        kw("notify_webhook")
            .arg(Shape::Word("URL"))
            .default("none")
            .otherwise("nothing is posted there")
            .doc(
                "Post every event, as `steadfast events` numbers them, to this address as a JSON object. What is not taken is \
                 tried again for some minutes. May stand several times.",
            )
            .note(
                "The address begins with http:// or https://, and certificates are verified. steadfast-web must be installed. \
                 What follows the host may be a secret: it is shown nowhere.",
            )
            .example("notify_webhook https://alerts.example/vrrp")
            .since(SINCE)
            .again(Again::Adds)
            .ours()
            .set(|global, args| global.ours.webhooks.extend(webhook(args))),
        kw("log_format")
            .arg(Shape::Choice(LOG_FORMAT))
            .default("lines")
            .otherwise("the value before stays")
            .doc(
                "How lines look on the console and in log files: as keepalived writes them, or a JSON object each that says \
                 what it is about, the state and why.",
            )
            .note("`--log-format` on the command line counts before it. The journal of systemd has the same as fields anyway.")
            .example("log_format json")
            .since(SINCE)
            .ours()
            .set(|global, args| {
                if let Some(format) = args.choice().and_then(LogFormat::from_word) {
                    global.ours.log_format = format;
                }
            }),
    ]
}

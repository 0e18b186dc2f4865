// SPDX-License-Identifier: MIT OR Apache-2.0
//! Alerts by mail.

use std::net::IpAddr;
use std::time::Duration;

use super::{EXTRA_WORDS, Global};
use crate::diagnostic::Class;
use crate::schema::{Again, Keyword, Setting, Shape, int, kw};
use crate::span::Span;
use crate::value::{Args, NOT_AN_ADDRESS, OUT_OF_RANGE};

/// The port of a mail server when none is given.
pub const SMTP_PORT: u16 = 25;

#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Mail {
    /// Name of this machine in mails and SNMP; without it the host's canonical name.
    pub router_id: Option<String>,
    /// Sender; without it USER@HOST.
    pub from: Option<String>,
    /// Without it no mail is sent.
    pub server: Option<SmtpServer>,
    /// Name given to the server; without it the host's name.
    pub helo: Option<String>,
    pub connect_timeout: Setting<Duration>,
    pub recipients: Vec<String>,
    /// Unset leaves the decision to each kind of object.
    pub alert: Option<bool>,
    pub alert_vrrp: Option<bool>,
    pub alert_checker: Option<bool>,
    /// Mail about FAULT is not sent.
    pub no_faults: bool,
}

/// Where mail is handed in.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct SmtpServer {
    pub host: MailHost,
    pub port: u16,
}

#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub enum MailHost {
    Address(IpAddr),
    /// Looked up whenever a mail is sent.
    Name(String),
}

impl Default for Mail {
    fn default() -> Mail {
        Mail {
            router_id: None,
            from: None,
            server: None,
            helo: None,
            connect_timeout: Setting::new(Duration::from_secs(30)),
            recipients: Vec::new(),
            alert: None,
            alert_vrrp: None,
            alert_checker: None,
            no_faults: false,
        }
    }
}

impl Mail {
    /// Whether instances and sync groups mail when they do not say so themselves.
    pub fn alerts_for_vrrp(&self) -> bool {
        self.alert_vrrp.or(self.alert).unwrap_or(false)
    }

    /// Whether virtual servers mail when they do not say so themselves.
    pub fn alerts_for_virtual_servers(&self) -> bool {
        self.alert_checker.or(self.alert).unwrap_or(false)
    }

    /// Whether real servers mail when they do not say so themselves.
    pub fn alerts_for_real_servers(&self) -> bool {
        self.alert_checker.or(self.alert).unwrap_or(true)
    }
}

pub(super) fn rows() -> Vec<Keyword<Global>> {
    let mut rows = addresses();
    rows.extend(alerts());
    rows
}

fn addresses() -> Vec<Keyword<Global>> {
    vec![
        kw("router_id")
            .arg(Shape::Word("NAME"))
            .default("the host's canonical name")
            .doc("Name of this machine in mails and in SNMP.")
            .since("<2.0")
            .set(|global, args| {
                if let Some(name) = args.text() {
                    global.mail.router_id = Some(name);
                }
            }),
        kw("notification_email_from")
            .arg(Shape::Word("ADDRESS"))
            .default("USER@HOST of the daemon")
            .otherwise("the first word is used")
            .doc(
                "Sender of mails, on the envelope and in the header. A name before `<ADDRESS>` goes in quotes with it.",
            )
            .example("notification_email_from \"Router A <root@a.example>\"")
            .since("<2.0")
            .set(|global, args| {
                let Some(from) = args.text() else { return };
                global.mail.from = Some(from);
                let rest = args.rest().map(|word| word.span).reduce(Span::to);
                if let Some(span) = rest {
                    let finding = args.rejection(EXTRA_WORDS, Class::General).at(span, "ignored");
                    args.push(finding.hint("put the address with its name in quotes"));
                }
            }),
        kw("smtp_server")
            .must(Shape::Word("HOST"))
            .opt(int(1, 65535))
            .default("none, port 25")
            .otherwise("no mail is sent")
            .doc("Mail server by name or address, and its port.")
            .note("keepalived looks a name up once while reading; here it is looked up when a mail is sent.")
            .since("<2.0")
            .set(smtp_server),
        kw("smtp_helo_name")
            .opt(Shape::Word("NAME"))
            .default("the host's name")
            .doc("Name this machine introduces itself with to the mail server.")
            .since("<2.0")
            .set(|global, args| {
                if let Some(name) = args.text() {
                    global.mail.helo = Some(name);
                }
            }),
        kw("smtp_connect_timeout")
            .must(int(0, 4294))
            .default("30")
            .otherwise("1 for 0, else the value before stays")
            .doc("Seconds to wait for the mail server, for the connection and for each answer.")
            .since("<2.0")
            .set(|global, args| {
                let Some(word) = args.peek() else {
                    args.word();
                    return;
                };
                match args.num::<u64>() {
                    Some(0) => {
                        args.reject(OUT_OF_RANGE, Class::General, word.span, "1 is used");
                        global.mail.connect_timeout.set(Duration::from_secs(1));
                    }
                    Some(seconds) => global.mail.connect_timeout.set(Duration::from_secs(seconds)),
                    None => {}
                }
            }),
        kw("notification_email")
            .default("none")
            .doc("Who gets the mails. Every word is an address; `Name <address>` goes in quotes.")
            .since("<2.0")
            .again(Again::Adds)
            .words("ADDRESS", |global, args| {
                if let Some(word) = args.next_word() {
                    global.mail.recipients.push(word.text.to_owned());
                }
            }),
    ]
}

fn alerts() -> Vec<Keyword<Global>> {
    vec![
        kw("smtp_alert")
            .opt(Shape::Bool)
            .default("off for instances, groups and virtual servers; on for real servers")
            .otherwise("the value before stays")
            .doc("Whether whatever does not say so itself mails its changes.")
            .since("2.0.0")
            .set(|global, args| global.mail.alert = args.bool().or(global.mail.alert)),
        kw("smtp_alert_vrrp")
            .opt(Shape::Bool)
            .default("smtp_alert")
            .otherwise("the value before stays")
            .doc("Same for instances and sync groups.")
            .since("2.0.0")
            .set(|global, args| global.mail.alert_vrrp = args.bool().or(global.mail.alert_vrrp)),
        kw("smtp_alert_checker")
            .opt(Shape::Bool)
            .default("smtp_alert")
            .otherwise("the value before stays")
            .doc("Same for virtual and real servers.")
            .since("2.0.0")
            .set(|global, args| global.mail.alert_checker = args.bool().or(global.mail.alert_checker)),
        kw("no_email_faults")
            .default("off")
            .doc("No mail about an instance or group in FAULT.")
            .since("2.0.0")
            .set(|global, _| global.mail.no_faults = true),
    ]
}

fn smtp_server(global: &mut Global, args: &mut Args<'_, '_>) {
    global.mail.server = None;
    let Some(host) = args.word() else { return };
    let port = if args.given() {
        let Some(port) = args.num() else { return };
        port
    } else {
        SMTP_PORT
    };
    let host = match crate::value::parse_address(host.text) {
        Some(address) => MailHost::Address(address),
        None if host.text.contains(['/', ':']) || host.text.is_empty() => {
            args.reject(NOT_AN_ADDRESS, Class::General, host.span, "neither an address nor the name of a host");
            return;
        }
        None => MailHost::Name(host.text.to_owned()),
    };
    global.mail.server = Some(SmtpServer { host, port });
}

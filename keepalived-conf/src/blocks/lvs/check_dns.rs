// SPDX-License-Identifier: MIT OR Apache-2.0
//! `DNS_CHECK`: a query over UDP.

use std::fmt;
use std::sync::LazyLock;

use super::check::{self, Checker, Common, Connection, Connects, Timed, Timing};
use super::codes::{DNS_NAME, DNS_TYPE};
use super::real_server::{self, RealServer};
use super::shared::Shared;
use crate::diagnostic::{Class, Diagnostic, Severity};
use crate::schema::{Again, Block, Node, Seen, Shape, kw};
use crate::value::{Args, one_of};

/// The longest label of a name, and the longest name in its wire form.
const LABEL_MAX: usize = 63;
const NAME_MAX: usize = 255;

#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct DnsCheck {
    pub timing: Shared<Timing>,
    pub connection: Connection,
    pub query: QueryType,
    /// Empty for the root.
    pub name: Box<str>,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub seen: Seen,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "UPPERCASE"))]
pub enum QueryType {
    A,
    Ns,
    Cname,
    #[default]
    Soa,
    Mx,
    Txt,
    Aaaa,
    Rrsig,
    Dnskey,
}

const TYPES: [(QueryType, &str, u16); 9] = [
    (QueryType::A, "A", 1),
    (QueryType::Ns, "NS", 2),
    (QueryType::Cname, "CNAME", 5),
    (QueryType::Soa, "SOA", 6),
    (QueryType::Mx, "MX", 15),
    (QueryType::Txt, "TXT", 16),
    (QueryType::Aaaa, "AAAA", 28),
    (QueryType::Rrsig, "RRSIG", 46),
    (QueryType::Dnskey, "DNSKEY", 48),
];

impl QueryType {
    /// RFC 1035 §3.2.2 and its successors.
    pub fn number(self) -> u16 {
        TYPES.iter().find(|(query, ..)| *query == self).map_or(6, |(_, _, number)| *number)
    }
}

impl fmt::Display for QueryType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(TYPES.iter().find(|(query, ..)| query == self).map_or("SOA", |(_, name, _)| name))
    }
}

impl Node for DnsCheck {
    fn seen(&mut self) -> &mut Seen {
        &mut self.seen
    }
}

impl Timed for DnsCheck {
    fn timing(&mut self) -> &mut Timing {
        self.timing.to_mut()
    }
}

impl Connects for DnsCheck {
    fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }
}

pub static BLOCK: LazyLock<Block<DnsCheck>> = LazyLock::new(|| {
    let mut rows = check::rows(&Common {
        retry: "the real server's, else 3",
        delay_before_retry: "the real server's, else delay_loop",
        ..Common::OLD
    });
    rows.extend([
        kw("type")
            .must(Shape::Syntax("A|NS|CNAME|SOA|MX|TXT|AAAA|RRSIG|DNSKEY"))
            .default("SOA")
            .otherwise("the line is ignored")
            .doc("Type of the query, in any letter case.")
            .since("<2.0")
            .set(query_type),
        kw("name")
            .must(Shape::Word("NAME"))
            .default("the root")
            .otherwise("the line is ignored")
            .doc("Name to ask for.")
            .note("keepalived refuses a name whose first part is one character; it is asked for here.")
            .since("<2.0")
            .again(Again::First)
            .set(name),
    ]);
    Block::new("DNS_CHECK", rows)
});

fn query_type(check: &mut DnsCheck, args: &mut Args<'_, '_>) {
    let Some(word) = args.word() else { return };
    match TYPES.iter().find(|(_, name, _)| name.eq_ignore_ascii_case(word.text)) {
        Some((query, ..)) => check.query = *query,
        None => {
            let label = format!("expected {}", one_of(&TYPES.map(|(_, name, _)| name)));
            args.reject(DNS_TYPE, Class::General, word.span, label);
        }
    }
}

fn name(check: &mut DnsCheck, args: &mut Args<'_, '_>) {
    let Some(word) = args.word() else { return };
    let bare = word.text.strip_suffix('.').unwrap_or(word.text);
    if bare.is_empty() {
        check.name = "".into();
        return;
    }
    if bare.split('.').any(str::is_empty) {
        args.reject(DNS_NAME, Class::General, word.span, "a part of the name is empty");
        return;
    }
    // keepalived takes these, and its queries then fail.
    if bare.len() + 2 > NAME_MAX || bare.split('.').any(|label| label.len() > LABEL_MAX) {
        let label = format!("at most {LABEL_MAX} characters a part and {NAME_MAX} in all");
        args.reject(DNS_NAME, Class::Ours, word.span, label);
        return;
    }
    if bare.split_once('.').is_some_and(|(first, _)| first.len() == 1) {
        let message = format!("keepalived does not ask for `{}`, but for the root", word.text);
        let finding = Diagnostic::new(Severity::Note, DNS_NAME, Class::General, message)
            .at(word.span, "asked for here")
            .note("it takes a first part of one character for an empty one");
        args.push(finding);
    }
    check.name = bare.into();
}

pub(crate) fn open(server: &mut RealServer, _: &mut Args<'_, '_>) -> Option<DnsCheck> {
    Some(DnsCheck {
        timing: Timing::built_in(),
        connection: Connection::to(real_server::target(server)),
        query: QueryType::default(),
        name: "".into(),
        seen: Seen::default(),
    })
}

pub(crate) fn close(server: &mut RealServer, check: DnsCheck, args: &mut Args<'_, '_>) {
    real_server::keep(server, check, args, Checker::Dns);
}

#[cfg(test)]
mod tests;

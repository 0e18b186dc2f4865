// SPDX-License-Identifier: MIT OR Apache-2.0
//! Names for numbers that iproute2 keeps in tables: routing tables, scopes, protocols and the like.
//!
//! Some names are known in any case; the files add to them and may override them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::number::c_number;
use crate::source::Host;

/// One kind of name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    Routing,
    Tos,
    Realm,
    Protocol,
    Scope,
    Group,
}

impl Table {
    /// The file in iproute2's directories.
    pub fn file(self) -> &'static str {
        match self {
            Table::Routing => "rt_tables",
            Table::Tos => "rt_dsfield",
            Table::Realm => "rt_realms",
            Table::Protocol => "rt_protos",
            Table::Scope => "rt_scopes",
            Table::Group => "group",
        }
    }

    /// Names known without any file.
    pub fn built_in(self) -> &'static [(&'static str, u32)] {
        match self {
            Table::Routing => &[("default", 253), ("main", 254), ("local", 255)],
            Table::Tos | Table::Realm | Table::Group => &[],
            Table::Protocol => &[
                ("none", 0),
                ("redirect", 1),
                ("kernel", 2),
                ("boot", 3),
                ("static", 4),
                ("gated", 8),
                ("ra", 9),
                ("mrt", 10),
                ("zebra", 11),
                ("bird", 12),
                ("dnrouted", 13),
                ("xorp", 14),
                ("ntk", 15),
                ("dhcp", 16),
                ("keepalived", 18),
                ("babel", 42),
            ],
            Table::Scope => &[("global", 0), ("site", 200), ("link", 253), ("host", 254), ("nowhere", 255)],
        }
    }

    /// The largest number.
    pub fn max(self) -> u32 {
        match self {
            Table::Routing => u32::MAX,
            Table::Tos | Table::Realm | Table::Protocol | Table::Scope => 255,
            Table::Group => 0x7fff_ffff,
        }
    }
}

/// Where the files are, and what has been read from them.
#[derive(Clone, Debug)]
pub struct Names {
    /// `iproute_etc_dir`: overrides the other one file by file.
    pub etc: PathBuf,
    /// `iproute_usr_dir`.
    pub usr: PathBuf,
    read: BTreeMap<Table, BTreeMap<String, u32>>,
}

impl Default for Names {
    fn default() -> Names {
        Names { etc: "/etc/iproute2".into(), usr: "/usr/share/iproute2".into(), read: BTreeMap::new() }
    }
}

impl Names {
    /// The number `text` stands for: a number in C's notation, or a name.
    pub fn find(&mut self, host: &dyn Host, table: Table, text: &str) -> Option<u32> {
        if let Some(number) = c_number(text) {
            return u32::try_from(number).ok().filter(|number| *number <= table.max());
        }
        let (etc, usr) = (&self.etc, &self.usr);
        let names = self.read.entry(table).or_insert_with(|| read(host, table, etc, usr));
        names.get(text).copied()
    }

    /// Names of a table, for suggestions.
    pub fn known(&self, table: Table) -> impl Iterator<Item = &str> {
        self.read.get(&table).into_iter().flat_map(|names| names.keys().map(String::as_str))
    }
}

/// All names of a table: built in, then the file, then what its directories add.
fn read(host: &dyn Host, table: Table, etc: &Path, usr: &Path) -> BTreeMap<String, u32> {
    let mut names: BTreeMap<String, u32> =
        table.built_in().iter().map(|(name, number)| ((*name).to_owned(), *number)).collect();
    let file = table.file();
    let main = text(host, &etc.join(file)).or_else(|| text(host, &usr.join(file)));
    add(&mut names, table, &main.unwrap_or_default());
    let parts = format!("{file}.d");
    let (etc, usr) = (etc.join(&parts), usr.join(&parts));
    let in_etc = host.list(&etc).unwrap_or_default();
    let in_usr = host.list(&usr).unwrap_or_default();
    let from_usr = in_usr.iter().filter(|part| !in_etc.contains(part)).map(|part| usr.join(part));
    for path in from_usr.chain(in_etc.iter().map(|part| etc.join(part))) {
        if path.extension().is_some_and(|extension| extension == "conf") {
            add(&mut names, table, &text(host, &path).unwrap_or_default());
        }
    }
    names
}

/// The text of a small file; bytes that are no UTF-8 are replaced.
pub(crate) fn text(host: &dyn Host, path: &Path) -> Option<String> {
    host.read(path).ok().map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// Lines of `NUMBER NAME`; anything else on a line but a remark makes it void.
fn add(names: &mut BTreeMap<String, u32>, table: Table, text: &str) {
    for line in text.lines() {
        let line = line.split('#').next().unwrap_or_default();
        let mut words = line.split_ascii_whitespace();
        let (Some(number), Some(name), None) = (words.next(), words.next(), words.next()) else { continue };
        let number = c_number(number).and_then(|number| u32::try_from(number).ok());
        if let Some(number) = number.filter(|number| *number <= table.max()) {
            names.insert(name.to_owned(), number);
        }
    }
}

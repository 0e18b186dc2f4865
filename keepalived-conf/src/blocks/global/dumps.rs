// SPDX-License-Identifier: MIT OR Apache-2.0
//! Files in which the daemon tells its state, and tables of names it reads.

use super::{Global, only_word};
use crate::schema::{Keyword, Setting, Shape, int, kw};

#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Dumps {
    /// The names of dumps carry instance and namespace.
    pub name_instance: bool,
    pub json_version: Setting<u8>,
    /// Path of the state dump; without a directory in the one for temporary files, with a `/` at the end only the
    /// directory.
    pub state_file: Option<String>,
    pub stats_file: Option<String>,
    pub json_file: Option<String>,
    /// Where iproute2's tables of names come from.
    pub iproute_usr: Option<String>,
    pub iproute_etc: Option<String>,
}

impl Default for Dumps {
    fn default() -> Dumps {
        Dumps {
            name_instance: false,
            json_version: Setting::new(1),
            state_file: None,
            stats_file: None,
            json_file: None,
            iproute_usr: None,
            iproute_etc: None,
        }
    }
}

pub(super) fn rows() -> Vec<Keyword<Global>> {
    let mut rows = dumps();
    rows.extend(names());
    rows
}

fn dumps() -> Vec<Keyword<Global>> {
    vec![
        kw("data_use_instance")
            .opt(Shape::Bool)
            .default("off")
            .otherwise("the value before stays")
            .doc("Put the names of instance and network namespace into the names of state dumps.")
            .since("2.2.3")
            .set(|global, args| {
                if let Some(on) = args.bool() {
                    global.dumps.name_instance = on;
                }
            }),
        kw("json_version")
            .arg(int(1, 2))
            .default("1")
            .otherwise("the value before stays")
            .doc("Layout of the JSON dump: 1 is a list of instances, 2 has them under a name beside tracked processes.")
            .since("2.2.8")
            .set(|global, args| {
                if let Some(version) = args.num() {
                    global.dumps.json_version.set(version);
                }
            }),
        kw("state_dump_file")
            .arg(Shape::Word("PATH"))
            .default("keepalived.data in the directory for temporary files")
            .otherwise("the line is ignored")
            .doc(
                "Where the state is written on SIGUSR1. A name alone stays in the directory for temporary files; a \
                 `/` at the end names a directory only.",
            )
            .since("2.3.3")
            .set(|global, args| {
                if let Some(path) = only_word(args) {
                    global.dumps.state_file = Some(path);
                }
            }),
        kw("stats_dump_file")
            .arg(Shape::Word("PATH"))
            .otherwise("the line is ignored")
            .doc(
                "Where the statistics are written too. keepalived takes the keyword and does nothing with it, so \
                 keepalived.stats stands in the directory for temporary files in any case.",
            )
            .since("2.3.3")
            .set(|global, args| {
                if let Some(path) = only_word(args) {
                    global.dumps.stats_file = Some(path);
                }
            }),
        kw("json_dump_file")
            .arg(Shape::Word("PATH"))
            .otherwise("the line is ignored")
            .doc(
                "Where the JSON dump is written too. keepalived takes the keyword and does nothing with it, so \
                 keepalived.json stands in the directory for temporary files in any case.",
            )
            .since("2.3.3")
            .set(|global, args| {
                if let Some(path) = only_word(args) {
                    global.dumps.json_file = Some(path);
                }
            }),
    ]
}

fn names() -> Vec<Keyword<Global>> {
    vec![
        kw("iproute_usr_dir")
            .arg(Shape::Word("PATH"))
            .default("/usr/share/iproute2")
            .otherwise("the line is ignored")
            .doc("Directory of iproute2's tables of names, `rt_tables` and the like.")
            .since("2.3.2")
            .set(|global, args| {
                if let Some(path) = only_word(args) {
                    args.cx.names.usr = path.clone().into();
                    global.dumps.iproute_usr = Some(path);
                }
            }),
        kw("iproute_etc_dir")
            .arg(Shape::Word("PATH"))
            .default("/etc/iproute2")
            .otherwise("the line is ignored")
            .doc("Directory whose tables go before those.")
            .since("2.3.2")
            .set(|global, args| {
                if let Some(path) = only_word(args) {
                    args.cx.names.etc = path.clone().into();
                    global.dumps.iproute_etc = Some(path);
                }
            }),
    ]
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The way to a program: what is met following its path, and who could change it.

use crate::environment::{Account, Answer, Inode, InodeKind, SET_GID, SET_UID, STICKY};
use crate::source::Host;

/// How many symbolic links may stand on the way to a program.
const LINKS_MAX: usize = 40;

/// What was met on the way to a file.
pub(super) struct Way {
    /// The path without links.
    pub(super) real: String,
    pub(super) last: Inode,
    met: Vec<(String, Inode)>,
}

impl Way {
    /// What others than root could change, when the program gets root's rights.
    pub(super) fn weak_spot(&self, account: &Account) -> Option<&str> {
        let gains_root = (self.last.mode & SET_UID != 0 && self.last.uid == 0)
            || (self.last.mode & SET_GID != 0 && self.last.gid == 0);
        if account.uid != 0 && account.gid != 0 && !gains_root {
            return None;
        }
        let weak = |inode: &Inode| {
            let sticky = inode.kind == InodeKind::Directory && inode.mode & STICKY != 0;
            let writable = match inode.kind {
                // The permissions of a link mean nothing.
                InodeKind::Link(_) => false,
                InodeKind::File | InodeKind::Directory | InodeKind::Other => {
                    !sticky && (inode.mode & 0o002 != 0 || (inode.mode & 0o020 != 0 && inode.gid != 0))
                }
            };
            inode.uid != 0 || writable
        };
        self.met.iter().find(|(_, inode)| weak(inode)).map(|(path, _)| path.as_str())
    }
}

/// Follows the path link by link, as the account would.
pub(super) fn walk(host: &dyn Host, path: &str, account: &Account) -> Answer<Way> {
    let mut ahead: Vec<String> = path.split('/').rev().map(str::to_owned).collect();
    let mut met: Vec<(String, Inode)> = Vec::new();
    let mut here = String::new();
    let mut links = 0;
    let mut last = match host.inode("/") {
        Answer::Found(inode) => inode,
        Answer::Unknown => return Answer::Unknown,
        Answer::Absent => return Answer::Absent,
    };
    met.push(("/".to_owned(), last.clone()));
    while let Some(name) = ahead.pop() {
        match name.as_str() {
            "" | "." => continue,
            ".." => {
                here.truncate(here.rfind('/').unwrap_or(0));
                continue;
            }
            _ => {}
        }
        if last.kind == InodeKind::Directory && !last.executable_by(account) {
            return Answer::Absent;
        }
        let path = format!("{here}/{name}");
        let inode = match host.inode(&path) {
            Answer::Found(inode) => inode,
            Answer::Unknown => return Answer::Unknown,
            Answer::Absent => return Answer::Absent,
        };
        met.push((path.clone(), inode.clone()));
        if let InodeKind::Link(target) = &inode.kind {
            links += 1;
            if links > LINKS_MAX {
                return Answer::Absent;
            }
            if target.starts_with('/') {
                here.clear();
            }
            ahead.extend(target.split('/').rev().map(str::to_owned));
        } else {
            here = path;
            last = inode;
        }
    }
    Answer::Found(Way { real: if here.is_empty() { "/".to_owned() } else { here }, last, met })
}

/// The path without `.`, `..` and doubled slashes, by its text alone.
pub(super) fn cleaned(path: &str) -> String {
    let mut names: Vec<&str> = Vec::new();
    for name in path.split('/') {
        match name {
            "" | "." => {}
            ".." => {
                names.pop();
            }
            _ => names.push(name),
        }
    }
    format!("/{}", names.join("/"))
}

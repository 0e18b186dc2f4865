// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the machine may be asked about things the configuration names: accounts, files, file systems, processors,
//! network interfaces.

use std::collections::BTreeMap;
use std::net::IpAddr;

/// What the machine says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Answer<T> {
    /// Nobody can be asked: the configuration is read without the machine it is for. Nothing is held against it then.
    #[default]
    Unknown,
    Absent,
    Found(T),
}

impl<T> Answer<T> {
    pub fn found(self) -> Option<T> {
        match self {
            Answer::Found(value) => Some(value),
            Answer::Unknown | Answer::Absent => None,
        }
    }

    pub fn is_absent(&self) -> bool {
        matches!(self, Answer::Absent)
    }

    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Answer<U> {
        match self {
            Answer::Unknown => Answer::Unknown,
            Answer::Absent => Answer::Absent,
            Answer::Found(value) => Answer::Found(change(value)),
        }
    }
}

/// The numbers behind an account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    pub uid: u32,
    /// The primary group.
    pub gid: u32,
    /// Supplementary groups.
    pub groups: Vec<u32>,
}

impl Account {
    pub const ROOT: Account = Account { uid: 0, gid: 0, groups: Vec::new() };
}

/// What stands at a path, without following a link there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inode {
    pub kind: InodeKind,
    pub uid: u32,
    pub gid: u32,
    /// Permission bits with set-user-id, set-group-id and sticky.
    pub mode: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InodeKind {
    File,
    Directory,
    /// A symbolic link, and what it points to.
    Link(String),
    Other,
}

pub const SET_UID: u32 = 0o4000;
pub const SET_GID: u32 = 0o2000;
pub const STICKY: u32 = 0o1000;

impl Inode {
    pub fn file(uid: u32, gid: u32, mode: u32) -> Inode {
        Inode { kind: InodeKind::File, uid, gid, mode }
    }

    pub fn directory(uid: u32, gid: u32, mode: u32) -> Inode {
        Inode { kind: InodeKind::Directory, uid, gid, mode }
    }

    pub fn link(to: &str) -> Inode {
        Inode { kind: InodeKind::Link(to.to_owned()), uid: 0, gid: 0, mode: 0o777 }
    }

    /// Whether the account may execute the file, or pass through the directory.
    pub fn executable_by(&self, account: &Account) -> bool {
        if account.uid == 0 {
            return self.mode & 0o111 != 0 || self.kind == InodeKind::Directory;
        }
        let bit = if account.uid == self.uid {
            0o100
        } else if account.gid == self.gid || account.groups.contains(&self.gid) {
            0o010
        } else {
            0o001
        };
        self.mode & bit != 0
    }
}

/// Where a directory lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileSystem {
    pub read_only: bool,
    /// Changes made elsewhere are not reported here, or the files are not plain files: the kind of file system.
    pub unwatchable: Option<&'static str>,
}

/// A network interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    pub mtu: u32,
    pub loopback: bool,
    pub multicast: bool,
    /// A macvlan or ipvlan.
    pub stacked: bool,
    /// The routing table, when it is a VRF.
    pub vrf_table: Option<u32>,
    /// Addresses on it with their prefix lengths.
    pub addresses: Vec<(IpAddr, u8)>,
}

impl Default for Link {
    fn default() -> Link {
        Link { mtu: 1500, loopback: false, multicast: true, stacked: false, vrf_table: None, addresses: Vec::new() }
    }
}

/// What a machine in memory answers. What was not told is absent once anything of its kind was told, else unknown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    accounts: BTreeMap<String, Account>,
    groups: BTreeMap<String, u32>,
    inodes: BTreeMap<String, Inode>,
    heads: BTreeMap<String, [u8; 4]>,
    file_systems: BTreeMap<String, FileSystem>,
    links: BTreeMap<String, Link>,
    processors: Option<u32>,
}

impl Facts {
    /// An account with a group of the same name and number.
    #[must_use]
    pub fn account(mut self, name: &str, id: u32) -> Facts {
        self.accounts.insert(name.to_owned(), Account { uid: id, gid: id, groups: Vec::new() });
        self.group(name, id)
    }

    #[must_use]
    pub fn group(mut self, name: &str, id: u32) -> Facts {
        self.groups.insert(name.to_owned(), id);
        self
    }

    /// Something at a path; the directories above it belong to root unless they are told otherwise.
    #[must_use]
    pub fn inode(mut self, path: &str, inode: Inode) -> Facts {
        for (at, _) in path.match_indices('/') {
            let above = if at == 0 { "/" } else { &path[..at] };
            self.inodes.entry(above.to_owned()).or_insert_with(|| Inode::directory(0, 0, 0o755));
        }
        self.inodes.insert(path.to_owned(), inode);
        self
    }

    /// An executable binary that belongs to root.
    #[must_use]
    pub fn program(self, path: &str) -> Facts {
        self.program_starting(path, *b"\x7fELF")
    }

    /// An executable file that belongs to root and starts with these bytes.
    #[must_use]
    pub fn program_starting(mut self, path: &str, head: [u8; 4]) -> Facts {
        self.heads.insert(path.to_owned(), head);
        self.inode(path, Inode::file(0, 0, 0o755))
    }

    #[must_use]
    pub fn file_system(mut self, directory: &str, system: FileSystem) -> Facts {
        self.file_systems.insert(directory.to_owned(), system);
        self
    }

    #[must_use]
    pub fn link(mut self, name: &str, link: Link) -> Facts {
        self.links.insert(name.to_owned(), link);
        self
    }

    #[must_use]
    pub fn processors(mut self, count: u32) -> Facts {
        self.processors = Some(count);
        self
    }

    pub fn find_account(&self, name: &str) -> Answer<Account> {
        find(&self.accounts, name)
    }

    pub fn find_group(&self, name: &str) -> Answer<u32> {
        find(&self.groups, name)
    }

    pub fn find_inode(&self, path: &str) -> Answer<Inode> {
        find(&self.inodes, path)
    }

    pub fn find_head(&self, path: &str) -> Answer<[u8; 4]> {
        find(&self.heads, path)
    }

    pub fn find_file_system(&self, directory: &str) -> Answer<FileSystem> {
        find(&self.file_systems, directory)
    }

    pub fn find_link(&self, name: &str) -> Answer<Link> {
        find(&self.links, name)
    }

    pub fn count_processors(&self) -> Answer<u32> {
        self.processors.map_or(Answer::Unknown, Answer::Found)
    }
}

fn find<T: Clone>(map: &BTreeMap<String, T>, key: &str) -> Answer<T> {
    match map.get(key) {
        Some(value) => Answer::Found(value.clone()),
        None if map.is_empty() => Answer::Unknown,
        None => Answer::Absent,
    }
}

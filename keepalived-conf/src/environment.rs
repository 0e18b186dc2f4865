//! What the machine may be asked about things the configuration names: accounts, files, file systems, processors,
//! network interfaces.

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

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The machine a configuration is read on, as the reader of configurations asks for it.
//!
//! Nothing but plain files is ever opened, and no more than a limit is read of them, so neither a FIFO nor a device that
//! somebody names can hold up or fill the process.

use std::collections::BTreeMap;
use std::fs::{self, File, Metadata};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, ErrorKind, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use keepalived_conf::environment::{Account, Answer, FileSystem, Inode, InodeKind, Link};
use keepalived_conf::source::{DIRECTORY_NAMES_MAX, FILE_SIZE_MAX, Host, Kind, ReadError};
use nix::sys::statfs::statfs;
use nix::sys::statvfs::FsFlags;
use nix::unistd::{Group, User};

use super::rtnl::Asker;

/// Supplementary groups that are asked for.
const GROUPS_MAX: usize = 65_536;

/// File systems on which a change made by another machine, or by the kernel, is not reported to whoever watches.
const UNWATCHABLE: [(i64, &str); 10] = [
    (0x6969, "nfs"),
    (0x517b, "smb"),
    (0xff53_4d42, "cifs"),
    (0xfe53_4d42, "smb2"),
    (0x6573_5546, "fuse"),
    (0x0102_1997, "9p"),
    (0x00c3_6400, "ceph"),
    (0x9fa0, "proc"),
    (0x6265_6572, "sysfs"),
    (0x0027_e0eb, "cgroup"),
];

/// This machine. Interfaces are asked for once and remembered.
#[derive(Debug, Default)]
pub struct OsHost {
    links: OnceLock<Option<BTreeMap<String, Link>>>,
}

impl OsHost {
    pub fn new() -> OsHost {
        OsHost::default()
    }
}

/// The files of this machine, for a configuration that is meant for another one: nobody knows what interfaces, accounts
/// and programs are there, so nothing is held against it.
#[derive(Debug, Default)]
pub struct Elsewhere(OsHost);

impl Elsewhere {
    pub fn new() -> Elsewhere {
        Elsewhere::default()
    }
}

impl Host for Elsewhere {
    fn kind(&self, path: &Path) -> Kind {
        self.0.kind(path)
    }

    fn read(&self, path: &Path) -> Result<Vec<u8>, ReadError> {
        self.0.read(path)
    }

    fn list(&self, directory: &Path) -> Result<Vec<String>, ReadError> {
        self.0.list(directory)
    }

    fn real(&self, path: &Path) -> PathBuf {
        self.0.real(path)
    }

    fn env(&self, name: &str) -> Option<String> {
        self.0.env(name)
    }

    fn hostname(&self) -> String {
        self.0.hostname()
    }

    fn current_dir(&self) -> PathBuf {
        self.0.current_dir()
    }

    fn seed(&self) -> u64 {
        self.0.seed()
    }

    fn regex_error(&self, pattern: &str, options: &[&'static str]) -> Option<String> {
        self.0.regex_error(pattern, options)
    }
}

impl Host for OsHost {
    fn regex_error(&self, pattern: &str, options: &[&'static str]) -> Option<String> {
        super::pattern::Pattern::compile(pattern, options).err()
    }

    fn kind(&self, path: &Path) -> Kind {
        match fs::metadata(path) {
            Ok(found) if found.is_file() => Kind::Regular { executable: found.permissions().mode() & 0o111 != 0 },
            Ok(found) if found.is_dir() => Kind::Directory,
            Ok(found) if found.file_type().is_fifo() => Kind::Fifo,
            Ok(_) => Kind::Other,
            Err(error) => match error.kind() {
                ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::InvalidInput => Kind::Missing,
                _ => Kind::Denied,
            },
        }
    }

    fn read(&self, path: &Path) -> Result<Vec<u8>, ReadError> {
        let (file, found) = open_plain(path)?;
        let mut bytes = Vec::with_capacity(usize::try_from(found.len()).unwrap_or(0).min(FILE_SIZE_MAX));
        file.take(FILE_SIZE_MAX as u64 + 1).read_to_end(&mut bytes).map_err(|error| reason(&error))?;
        if bytes.len() > FILE_SIZE_MAX { Err(ReadError::TooLarge) } else { Ok(bytes) }
    }

    fn list(&self, directory: &Path) -> Result<Vec<String>, ReadError> {
        let mut names = Vec::new();
        for entry in fs::read_dir(directory).map_err(|error| reason(&error))? {
            // A name that is not UTF-8 cannot be written in a configuration either.
            if let Ok(name) = entry.map_err(|error| reason(&error))?.file_name().into_string() {
                if names.len() == DIRECTORY_NAMES_MAX {
                    return Err(ReadError::TooLarge);
                }
                names.push(name);
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    fn real(&self, path: &Path) -> PathBuf {
        fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
    }

    fn env(&self, name: &str) -> Option<String> {
        std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
    }

    fn hostname(&self) -> String {
        nix::unistd::gethostname().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }

    fn current_dir(&self) -> PathBuf {
        std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"))
    }

    fn seed(&self) -> u64 {
        // The standard library's own keys come from the kernel and differ for every state.
        RandomState::new().hash_one(std::process::id())
    }

    fn account(&self, name: &str) -> Answer<Account> {
        match User::from_name(name) {
            Ok(Some(user)) => Answer::Found(Account {
                uid: user.uid.as_raw(),
                gid: user.gid.as_raw(),
                groups: groups_of(name, user.gid),
            }),
            Ok(None) => Answer::Absent,
            Err(_) => Answer::Unknown,
        }
    }

    fn group(&self, name: &str) -> Answer<u32> {
        match Group::from_name(name) {
            Ok(Some(group)) => Answer::Found(group.gid.as_raw()),
            Ok(None) => Answer::Absent,
            Err(_) => Answer::Unknown,
        }
    }

    fn own_account(&self) -> Account {
        let groups = nix::unistd::getgroups().unwrap_or_default();
        Account {
            uid: nix::unistd::geteuid().as_raw(),
            gid: nix::unistd::getegid().as_raw(),
            groups: groups.into_iter().map(nix::unistd::Gid::as_raw).collect(),
        }
    }

    fn inode(&self, path: &str) -> Answer<Inode> {
        match fs::symlink_metadata(path) {
            Ok(found) => Answer::Found(Inode {
                kind: inode_kind(Path::new(path), &found),
                uid: found.uid(),
                gid: found.gid(),
                mode: found.permissions().mode() & 0o7777,
            }),
            Err(error) => absent_or_unknown(&error),
        }
    }

    fn head(&self, path: &str) -> Answer<[u8; 4]> {
        let mut head = [0; 4];
        let Ok((file, _)) = open_plain(Path::new(path)) else { return Answer::Unknown };
        let mut bytes = Vec::with_capacity(head.len());
        match file.take(head.len() as u64).read_to_end(&mut bytes) {
            Ok(length) => {
                head.iter_mut().zip(bytes.iter().take(length)).for_each(|(to, from)| *to = *from);
                Answer::Found(head)
            }
            Err(_) => Answer::Unknown,
        }
    }

    // The number of a file system is not as wide everywhere, and has no sign with musl.
    #[allow(clippy::useless_conversion)]
    fn file_system(&self, directory: &str) -> Answer<FileSystem> {
        match statfs(directory) {
            Ok(found) => {
                let kind = found.filesystem_type().0;
                let unwatchable = UNWATCHABLE.iter().find(|(number, _)| i64::try_from(kind) == Ok(*number));
                Answer::Found(FileSystem {
                    read_only: found.flags().contains(FsFlags::ST_RDONLY),
                    unwatchable: unwatchable.map(|(_, name)| *name),
                })
            }
            Err(error) => absent_or_unknown(&error.into()),
        }
    }

    fn processors(&self) -> Answer<u32> {
        // One line such as `0-3`, or `0,2-7`: the last number is the highest there is.
        let highest = fs::read_to_string("/sys/devices/system/cpu/possible")
            .ok()
            .and_then(|text| text.trim().rsplit(['-', ',']).next()?.parse::<u32>().ok());
        highest.map_or(Answer::Unknown, |last| Answer::Found(last.saturating_add(1)))
    }

    fn link(&self, name: &str) -> Answer<Link> {
        match self.links.get_or_init(|| links().ok()) {
            Some(links) => links.get(name).cloned().map_or(Answer::Absent, Answer::Found),
            None => Answer::Unknown,
        }
    }
}

/// Opens a plain file and nothing else: what stands there is looked at again once it is open, and opening never waits.
fn open_plain(path: &Path) -> Result<(File, Metadata), ReadError> {
    if !fs::metadata(path).map_err(|error| reason(&error))?.is_file() {
        return Err(ReadError::WrongKind);
    }
    let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
    let file = File::options().read(true).custom_flags(flags).open(path).map_err(|error| reason(&error))?;
    let found = file.metadata().map_err(|error| reason(&error))?;
    if found.is_file() { Ok((file, found)) } else { Err(ReadError::WrongKind) }
}

fn reason(error: &io::Error) -> ReadError {
    match error.kind() {
        ErrorKind::NotFound => ReadError::NotFound,
        ErrorKind::PermissionDenied => ReadError::Denied,
        ErrorKind::IsADirectory | ErrorKind::NotADirectory => ReadError::WrongKind,
        _ => ReadError::Other(error.to_string()),
    }
}

fn absent_or_unknown<T>(error: &io::Error) -> Answer<T> {
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => Answer::Absent,
        _ => Answer::Unknown,
    }
}

fn inode_kind(path: &Path, found: &Metadata) -> InodeKind {
    if found.is_file() {
        InodeKind::File
    } else if found.is_dir() {
        InodeKind::Directory
    } else if found.is_symlink() {
        let target = fs::read_link(path).unwrap_or_default();
        InodeKind::Link(String::from_utf8_lossy(target.as_os_str().as_bytes()).into_owned())
    } else {
        InodeKind::Other
    }
}

/// The groups an account is in besides its own.
fn groups_of(name: &str, primary: nix::unistd::Gid) -> Vec<u32> {
    let Ok(name) = std::ffi::CString::new(name) else { return Vec::new() };
    let groups = nix::unistd::getgrouplist(&name, primary).unwrap_or_default();
    let others = groups.into_iter().filter(|group| *group != primary).take(GROUPS_MAX);
    others.map(nix::unistd::Gid::as_raw).collect()
}

/// All interfaces of this network namespace with their addresses.
fn links() -> io::Result<BTreeMap<String, Link>> {
    let mut asker = Asker::open()?;
    let mut addresses: BTreeMap<u32, Vec<_>> = BTreeMap::new();
    for address in asker.addresses()? {
        addresses.entry(address.interface).or_default().push((address.address, address.prefix));
    }
    let links = asker.links()?.into_iter().map(|link| {
        let known = Link {
            mtu: link.mtu,
            loopback: link.flags & LOOPBACK != 0,
            multicast: link.has_multicast(),
            stacked: link.kind.as_deref().is_some_and(|kind| kind == "macvlan" || kind == "ipvlan"),
            vrf_table: link.vrf_table,
            addresses: addresses.remove(&link.index).unwrap_or_default(),
        };
        (link.name, known)
    });
    Ok(links.collect())
}

const LOOPBACK: u32 = 0x8;

#[cfg(test)]
mod tests;

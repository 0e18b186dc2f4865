// SPDX-License-Identifier: MIT OR Apache-2.0
//! The world outside, as far as reading a configuration needs it: files, directories, environment, names.
//!
//! Nothing in this crate touches the operating system; it asks a [`Host`]. [`MemoryHost`] is one that lives in memory,
//! for tests and for targets without files.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Component, Path, PathBuf};

use crate::environment::{Account, Answer, Facts, FileSystem, Inode, Link};

mod asked;
mod pattern;

pub use asked::{Answers, Asked};
pub use pattern::{ALTERNATIVES_MAX, COMPARED_MAX, Matches, find, has_braces, has_wildcards};

/// The largest file that is read, in bytes.
pub const FILE_SIZE_MAX: usize = 64 << 20;

/// The largest number of names taken from one directory.
pub const DIRECTORY_NAMES_MAX: usize = 65_536;

/// What stands at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A plain file, and whether any execute permission is set.
    Regular {
        executable: bool,
    },
    Directory,
    Fifo,
    /// A device or socket.
    Other,
    Missing,
    /// The path cannot be looked at.
    Denied,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadError {
    NotFound,
    Denied,
    /// Not a plain file (or, for a listing, not a directory); it was not opened.
    WrongKind,
    /// Larger than [`FILE_SIZE_MAX`] bytes, or more names than [`DIRECTORY_NAMES_MAX`].
    TooLarge,
    Other(String),
}

impl fmt::Display for ReadError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReadError::NotFound => out.write_str("it does not exist"),
            ReadError::Denied => out.write_str("permission denied"),
            ReadError::WrongKind => out.write_str("it is not a plain file"),
            ReadError::TooLarge => write!(out, "it is larger than {FILE_SIZE_MAX} bytes"),
            ReadError::Other(reason) => out.write_str(reason),
        }
    }
}

impl std::error::Error for ReadError {}

/// What the reader may ask. A method that a host leaves out answers as a machine without files does. Relative paths
/// never reach a host: the reader joins them to the directory of the file that names them.
pub trait Host {
    fn kind(&self, _path: &Path) -> Kind {
        Kind::Missing
    }

    /// The bytes of a plain file. Must never open anything else, and never return more than [`FILE_SIZE_MAX`] bytes.
    ///
    /// # Errors
    /// Why there are none.
    fn read(&self, _path: &Path) -> Result<Vec<u8>, ReadError> {
        Err(ReadError::NotFound)
    }

    /// The names in a directory, sorted, without `.` and `..`; at most [`DIRECTORY_NAMES_MAX`].
    ///
    /// # Errors
    /// Why there are none.
    fn list(&self, _directory: &Path) -> Result<Vec<String>, ReadError> {
        Err(ReadError::NotFound)
    }

    /// The path without symbolic links and `..`; the path itself where that cannot be told.
    fn real(&self, path: &Path) -> PathBuf {
        path.to_owned()
    }

    fn env(&self, name: &str) -> Option<String>;

    fn hostname(&self) -> String {
        "localhost".to_owned()
    }

    fn current_dir(&self) -> PathBuf {
        PathBuf::from("/")
    }

    /// What `${_RANDOM}` starts from.
    fn seed(&self) -> u64 {
        0
    }

    /// The account of this name.
    fn account(&self, _name: &str) -> Answer<Account> {
        Answer::Unknown
    }

    /// The number of the group of this name.
    fn group(&self, _name: &str) -> Answer<u32> {
        Answer::Unknown
    }

    /// The account the daemon runs as.
    fn own_account(&self) -> Account {
        Account::ROOT
    }

    /// What stands at an absolute path, without following a link there.
    fn inode(&self, _path: &str) -> Answer<Inode> {
        Answer::Unknown
    }

    /// The first four bytes of a file; zeros where it is shorter.
    fn head(&self, _path: &str) -> Answer<[u8; 4]> {
        Answer::Unknown
    }

    /// The directory relative paths start from.
    fn directory(&self) -> String {
        self.current_dir().to_string_lossy().into_owned()
    }

    /// The file system of a directory.
    fn file_system(&self, _directory: &str) -> Answer<FileSystem> {
        Answer::Unknown
    }

    /// How many processors there are.
    fn processors(&self) -> Answer<u32> {
        Answer::Unknown
    }

    /// The network interface of this name.
    fn link(&self, _name: &str) -> Answer<Link> {
        Answer::Unknown
    }

    /// Why the library that runs patterns does not take this one, if it is there to be asked.
    fn regex_error(&self, _pattern: &str, _options: &[&'static str]) -> Option<String> {
        None
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Node {
    File { bytes: Vec<u8>, executable: bool, readable: bool },
    Directory,
    Fifo,
    Other,
}

/// A host in memory. Directories exist by having something in them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryHost {
    nodes: BTreeMap<PathBuf, Node>,
    environment: BTreeMap<String, String>,
    hostname: String,
    current_dir: PathBuf,
    seed: u64,
    facts: Facts,
}

impl Default for MemoryHost {
    fn default() -> MemoryHost {
        MemoryHost {
            nodes: BTreeMap::from([(PathBuf::from("/"), Node::Directory)]),
            environment: BTreeMap::new(),
            hostname: "localhost".to_owned(),
            current_dir: PathBuf::from("/"),
            seed: 0,
            facts: Facts::default(),
        }
    }
}

impl MemoryHost {
    pub fn new() -> MemoryHost {
        MemoryHost::default()
    }

    #[must_use]
    pub fn file(self, path: impl AsRef<Path>, bytes: impl AsRef<[u8]>) -> MemoryHost {
        self.node(path, Node::File { bytes: bytes.as_ref().to_vec(), executable: false, readable: true })
    }

    #[must_use]
    pub fn executable(self, path: impl AsRef<Path>) -> MemoryHost {
        self.node(path, Node::File { bytes: Vec::new(), executable: true, readable: true })
    }

    /// A file that exists and must not be read.
    #[must_use]
    pub fn unreadable(self, path: impl AsRef<Path>) -> MemoryHost {
        self.node(path, Node::File { bytes: Vec::new(), executable: false, readable: false })
    }

    #[must_use]
    pub fn directory(self, path: impl AsRef<Path>) -> MemoryHost {
        self.node(path, Node::Directory)
    }

    #[must_use]
    pub fn fifo(self, path: impl AsRef<Path>) -> MemoryHost {
        self.node(path, Node::Fifo)
    }

    #[must_use]
    pub fn device(self, path: impl AsRef<Path>) -> MemoryHost {
        self.node(path, Node::Other)
    }

    #[must_use]
    pub fn with_env(mut self, name: &str, value: &str) -> MemoryHost {
        self.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    #[must_use]
    pub fn with_hostname(mut self, name: &str) -> MemoryHost {
        self.hostname = name.to_owned();
        self
    }

    #[must_use]
    pub fn with_current_dir(mut self, path: impl AsRef<Path>) -> MemoryHost {
        self.current_dir = path.as_ref().to_owned();
        self
    }

    #[must_use]
    pub fn with_seed(mut self, seed: u64) -> MemoryHost {
        self.seed = seed;
        self
    }

    /// What it answers about accounts, programs, file systems, processors and interfaces.
    #[must_use]
    pub fn with_facts(mut self, facts: Facts) -> MemoryHost {
        self.facts = facts;
        self
    }

    fn node(mut self, path: impl AsRef<Path>, node: Node) -> MemoryHost {
        let path = normal(&self.current_dir.join(path));
        for parent in path.ancestors().skip(1) {
            self.nodes.entry(parent.to_owned()).or_insert(Node::Directory);
        }
        self.nodes.insert(path, node);
        self
    }
}

impl Host for MemoryHost {
    fn kind(&self, path: &Path) -> Kind {
        match self.nodes.get(&normal(path)) {
            Some(Node::File { executable, .. }) => Kind::Regular { executable: *executable },
            Some(Node::Directory) => Kind::Directory,
            Some(Node::Fifo) => Kind::Fifo,
            Some(Node::Other) => Kind::Other,
            None => Kind::Missing,
        }
    }

    fn read(&self, path: &Path) -> Result<Vec<u8>, ReadError> {
        match self.nodes.get(&normal(path)) {
            Some(Node::File { readable: false, .. }) => Err(ReadError::Denied),
            Some(Node::File { bytes, .. }) if bytes.len() > FILE_SIZE_MAX => Err(ReadError::TooLarge),
            Some(Node::File { bytes, .. }) => Ok(bytes.clone()),
            Some(Node::Directory | Node::Fifo | Node::Other) => Err(ReadError::WrongKind),
            None => Err(ReadError::NotFound),
        }
    }

    fn list(&self, directory: &Path) -> Result<Vec<String>, ReadError> {
        let directory = normal(directory);
        match self.nodes.get(&directory) {
            Some(Node::Directory) => {}
            Some(Node::File { .. } | Node::Fifo | Node::Other) => return Err(ReadError::WrongKind),
            None => return Err(ReadError::NotFound),
        }
        let names: BTreeSet<String> = self
            .nodes
            .keys()
            .filter(|path| path.parent() == Some(&directory))
            .filter_map(|path| path.file_name()?.to_str().map(str::to_owned))
            .collect();
        Ok(names.into_iter().take(DIRECTORY_NAMES_MAX).collect())
    }

    fn real(&self, path: &Path) -> PathBuf {
        normal(path)
    }

    fn env(&self, name: &str) -> Option<String> {
        self.environment.get(name).cloned()
    }

    fn hostname(&self) -> String {
        self.hostname.clone()
    }

    fn current_dir(&self) -> PathBuf {
        self.current_dir.clone()
    }

    fn seed(&self) -> u64 {
        self.seed
    }

    fn account(&self, name: &str) -> Answer<Account> {
        self.facts.find_account(name)
    }

    fn group(&self, name: &str) -> Answer<u32> {
        self.facts.find_group(name)
    }

    fn inode(&self, path: &str) -> Answer<Inode> {
        self.facts.find_inode(path)
    }

    fn head(&self, path: &str) -> Answer<[u8; 4]> {
        self.facts.find_head(path)
    }

    fn file_system(&self, directory: &str) -> Answer<FileSystem> {
        self.facts.find_file_system(directory)
    }

    fn processors(&self) -> Answer<u32> {
        self.facts.count_processors()
    }

    fn link(&self, name: &str) -> Answer<Link> {
        self.facts.find_link(name)
    }
}

/// The path without `.` and `..`, by its text alone.
fn normal(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                out.pop();
            }
            Component::Prefix(_) | Component::RootDir | Component::Normal(_) => out.push(component),
        }
    }
    out
}

#[cfg(test)]
mod tests;

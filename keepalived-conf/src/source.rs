//! Provisional: replaced by the source pass.
use crate::environment::{Account, Answer, FileSystem, Inode, Link};
pub trait Host {
    fn env(&self, name: &str) -> Option<String>;

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
        "/".to_owned()
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

    fn read(&self, _path: &std::path::Path) -> Result<Vec<u8>, ()> {
        Err(())
    }

    fn list(&self, _path: &std::path::Path) -> Result<Vec<String>, ()> {
        Err(())
    }
}

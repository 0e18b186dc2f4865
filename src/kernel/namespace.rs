// SPDX-License-Identifier: MIT OR Apache-2.0
//! Network namespaces by their names, where `ip netns` keeps them, and a view of files of our own beside them.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, setns, unshare};

use super::files;

/// Where namespaces have names.
const NAMED: &str = "/run/netns";

/// The namespace of the first process: the only one in which the kernel tells of processes.
pub const FIRST: &str = "/proc/1/ns/net";

/// The file that stands for a namespace.
pub fn named(name: &str) -> PathBuf {
    Path::new(NAMED).join(name)
}

/// Moves this process into a namespace, for good. Must be called before there is a second thread.
pub fn enter(name: &str) -> io::Result<()> {
    let namespace = File::open(named(name))?;
    Ok(setns(namespace.as_fd(), CloneFlags::CLONE_NEWNET)?)
}

/// Runs something in another namespace, on a thread of its own, and waits for it. A socket that is made there stays there.
pub fn within<T: Send>(namespace: &Path, inside: impl FnOnce() -> T + Send) -> io::Result<T> {
    let namespace = File::open(namespace)?;
    std::thread::scope(|scope| {
        let thread = scope.spawn(move || setns(namespace.as_fd(), CloneFlags::CLONE_NEWNET).map(|()| inside()));
        let ended = thread.join().map_err(|_| io::Error::other("what was to be done in another namespace failed"))?;
        Ok(ended?)
    })
}

/// A folder that shows another one, in this process and those it starts, and nowhere else.
#[derive(Debug)]
pub struct OwnFolder {
    shown_at: PathBuf,
    behind: PathBuf,
}

impl OwnFolder {
    /// Makes `folder/name` and shows it as `folder`. Must be called before there is a second thread.
    pub fn new(folder: &Path, name: &str) -> io::Result<OwnFolder> {
        let own = OwnFolder { shown_at: folder.to_owned(), behind: folder.join(name) };
        files::make_folder(&own.behind)?;
        unshare(CloneFlags::CLONE_NEWNS)?;
        // What is mounted elsewhere is still seen here, and the other way round nothing is.
        let nothing: Option<&str> = None;
        mount(nothing, "/", nothing, MsFlags::MS_SLAVE | MsFlags::MS_REC, nothing)?;
        mount(Some(&own.behind), &own.shown_at, nothing, MsFlags::MS_BIND, nothing)?;
        Ok(own)
    }
}

impl Drop for OwnFolder {
    fn drop(&mut self) {
        // Only then can what is behind be removed, and it is when nobody else left anything there.
        let _ = umount2(&self.shown_at, MntFlags::MNT_DETACH);
        let _ = std::fs::remove_dir(&self.behind);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_that_is_not_there_is_an_error() {
        assert_eq!(enter("no-such-namespace").unwrap_err().kind(), io::ErrorKind::NotFound);
        assert!(within(&named("no-such-namespace"), || ()).is_err());
    }
}

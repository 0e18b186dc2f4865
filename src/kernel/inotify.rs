// SPDX-License-Identifier: MIT OR Apache-2.0
//! Watching a folder for one file in it: written, moved in, removed. The folder is watched and not the file, because a
//! file that is replaced is another file.

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::path::Path;

use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use tokio::io::unix::AsyncFd;

use super::{Owner, watch};

/// Names of files that changed.
#[derive(Debug)]
pub struct Folder {
    inotify: AsyncFd<Handle>,
}

#[derive(Debug)]
struct Handle(Inotify);

impl Owner for Handle {}

impl AsRawFd for Handle {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }
}

impl Folder {
    /// Needs a tokio runtime with I/O enabled.
    pub fn watch(path: &Path) -> io::Result<Folder> {
        let inotify = Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC)?;
        let changes = AddWatchFlags::IN_CLOSE_WRITE
            | AddWatchFlags::IN_MOVED_TO
            | AddWatchFlags::IN_MOVED_FROM
            | AddWatchFlags::IN_DELETE
            | AddWatchFlags::IN_ONLYDIR;
        inotify.add_watch(path, changes)?;
        Ok(Folder { inotify: watch(Handle(inotify))? })
    }

    /// Waits for changes. `None` among the names: so much happened that some names were lost.
    pub async fn changed(&mut self) -> io::Result<Vec<Option<OsString>>> {
        loop {
            let mut guard = self.inotify.readable().await?;
            let read = guard.try_io(|handle| handle.get_ref().0.read_events().map_err(io::Error::from));
            match read {
                Ok(Ok(events)) => return Ok(events.into_iter().map(|event| event.name).collect()),
                Ok(Err(error)) => return Err(error),
                Err(_nothing) => continue,
            }
        }
    }
}

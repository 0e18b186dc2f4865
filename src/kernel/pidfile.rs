// SPDX-License-Identifier: MIT OR Apache-2.0
//! PID files: one number and a newline, and a lock that lasts as long as the process.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};

/// A PID file of ours; removed when it is dropped.
#[derive(Debug)]
pub struct PidFile {
    path: PathBuf,
    file: File,
}

/// Why a PID file could not be had.
#[derive(Debug)]
pub enum PidFileError {
    /// Another process holds it, of which it says this number.
    Held(Option<u32>),
    Io(io::Error),
}

impl PidFile {
    /// Makes the file, or takes over one that nobody holds, and locks it. The number is written by [`PidFile::write`] or
    /// [`PidFile::write_for`].
    pub fn take(path: &Path) -> Result<PidFile, PidFileError> {
        // It is removed at the end, when the working directory is another one.
        let path = &std::path::absolute(path).map_err(PidFileError::Io)?;
        if let Some(folder) = path.parent() {
            super::files::make_folder(folder).map_err(PidFileError::Io)?;
        }
        let flags = libc::O_NOFOLLOW | libc::O_CLOEXEC | libc::O_NONBLOCK;
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o644)
            .custom_flags(flags)
            .open(path)
            .map_err(PidFileError::Io)?;
        let lock = libc::flock {
            l_type: libc::F_WRLCK as libc::c_short,
            l_whence: libc::SEEK_SET as libc::c_short,
            l_start: 0,
            l_len: 0,
            l_pid: 0,
        };
        match fcntl(&file, FcntlArg::F_OFD_SETLK(&lock)) {
            Ok(_) => Ok(PidFile { path: path.to_owned(), file }),
            Err(Errno::EAGAIN | Errno::EACCES) => {
                let mut text = [0; 16];
                let length = file.read_at(&mut text, 0).unwrap_or(0);
                let number = std::str::from_utf8(text.get(..length).unwrap_or_default());
                Err(PidFileError::Held(number.ok().and_then(|number| number.trim().parse().ok())))
            }
            Err(errno) => Err(PidFileError::Io(errno.into())),
        }
    }

    /// Writes the number of this process.
    pub fn write(&self) -> io::Result<()> {
        self.write_for(std::process::id())
    }

    /// Writes the number of a process we look after. Readable by everybody whatever the umask is.
    pub fn write_for(&self, pid: u32) -> io::Result<()> {
        self.file.set_permissions(fs::Permissions::from_mode(0o644))?;
        self.file.set_len(0)?;
        self.file.write_all_at(format!("{pid}\n").as_bytes(), 0)
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        // Gone already is as good.
        let _ = super::files::remove(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_held_by_one_only_and_gone_at_the_end() {
        let path = std::env::temp_dir().join(format!("steadfast-pid-{}/a/b.pid", std::process::id()));
        let ours = PidFile::take(&path).unwrap();
        ours.write().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("{}\n", std::process::id()));
        assert!(matches!(PidFile::take(&path), Err(PidFileError::Held(Some(pid))) if pid == std::process::id()));
        ours.write_for(7).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "7\n");
        drop(ours);
        assert!(!path.exists());
    }

    #[test]
    fn what_a_dead_process_left_behind_is_taken_over() {
        let path = std::env::temp_dir().join(format!("steadfast-pid-{}-stale.pid", std::process::id()));
        fs::write(&path, "99999999\nand more").unwrap();
        let ours = PidFile::take(&path).unwrap();
        ours.write().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("{}\n", std::process::id()));
    }

    #[test]
    fn a_link_is_not_followed() {
        let path = std::env::temp_dir().join(format!("steadfast-pid-{}-link.pid", std::process::id()));
        std::os::unix::fs::symlink("/nonexistent/target", &path).unwrap();
        assert!(matches!(PidFile::take(&path), Err(PidFileError::Io(_))));
        fs::remove_file(&path).unwrap();
    }
}

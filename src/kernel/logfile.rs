// SPDX-License-Identifier: MIT OR Apache-2.0
//! A log in a file: every line is written whole and at once, so a process that is killed loses none.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Opened with the first line, because the name is not settled before the configuration is read.
#[derive(Debug)]
pub struct LogFile {
    path: PathBuf,
    file: Option<File>,
}

impl LogFile {
    /// A name that is not absolute lies in the folder for temporary files.
    pub fn new(path: &Path) -> LogFile {
        LogFile { path: std::env::temp_dir().join(path), file: None }
    }

    /// Adds to the name, before its extension; what was written stays where it is.
    pub fn mark(&mut self, mark: &str) {
        let mut name = self.path.file_stem().unwrap_or_default().to_os_string();
        name.push(mark);
        if let Some(extension) = self.path.extension() {
            name.push(".");
            name.push(extension);
        }
        self.path.set_file_name(name);
        self.file = None;
    }

    /// Makes the next line go to a file of that name again: somebody may have moved the one there was.
    pub fn reopen(&mut self) {
        self.file = None;
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn write(&mut self, line: &str) -> io::Result<()> {
        let mut file = match self.file.take() {
            Some(file) => file,
            None => {
                let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_CLOEXEC;
                OpenOptions::new().append(true).create(true).mode(0o644).custom_flags(flags).open(&self.path)?
            }
        };
        file.write_all(line.as_bytes())?;
        self.file = Some(file);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_go_to_the_marked_file_and_to_a_new_one_after_it_was_moved() {
        let folder = std::env::temp_dir().join(format!("steadfast-log-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let mut log = LogFile::new(&folder.join("k.log"));
        log.write("first\n").unwrap();
        log.mark("_vrrp");
        log.mark("_blue");
        assert_eq!(log.path(), folder.join("k_vrrp_blue.log"));
        log.write("second\n").unwrap();
        std::fs::rename(log.path(), folder.join("old")).unwrap();
        log.reopen();
        log.write("third\n").unwrap();
        for (name, text) in [("k.log", "first\n"), ("old", "second\n"), ("k_vrrp_blue.log", "third\n")] {
            assert_eq!(std::fs::read_to_string(folder.join(name)).unwrap(), text);
        }
        std::fs::remove_dir_all(folder).unwrap();
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Files and kernel settings: bounded reads, writes that never leave half a file.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::sys::stat::Mode;
use nix::unistd::Group;

/// Kernel settings are a line; anything longer is not one.
const SETTING_MAX: u64 = 4096;

/// Reads a whole file of at most `limit` bytes.
pub fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("longer than the {limit} bytes that may be read"),
        ));
    }
    Ok(bytes)
}

/// Reads the first `limit` bytes of a file.
pub fn read_start(path: &Path, limit: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open_without_waiting(path)?.take(limit as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Removes a socket that an earlier life left there, and nothing else.
pub fn remove_socket(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_socket() => fs::remove_file(path),
        Ok(_) => Err(io::Error::new(io::ErrorKind::AlreadyExists, "what stands there is no socket")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Whether a file can be opened for reading.
pub fn can_open(path: &Path) -> io::Result<()> {
    open_without_waiting(path).map(drop)
}

/// Who may do what with a file.
pub fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}

/// Whether a file could not be opened because this process or the system has no room for another one.
pub fn is_lack(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE | libc::ENOMEM))
}

/// A variable of the environment.
pub fn variable(name: &str) -> Option<std::ffi::OsString> {
    std::env::var_os(name)
}

/// Opens without waiting: a named pipe without a writer, or a device, must not hold anybody up.
fn open_without_waiting(path: &Path) -> io::Result<File> {
    fs::OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_CLOEXEC).open(path)
}

/// Replaces a file in one step: readers see the old content or the new, never a part.
pub fn replace(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".new");
    let beside = path.with_file_name(name);
    // A leftover of an earlier crash must neither be followed nor keep its mode.
    remove(&beside)?;
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(&beside)?;
    let replaced = file.write_all(bytes).and_then(|()| fs::rename(&beside, path));
    if replaced.is_err() {
        let _ = remove(&beside);
    }
    // Closed after it has its name: who waits for that name to be written and closed is woken.
    drop(file);
    replaced
}

/// Adds text to a file, making it when it is not there.
pub fn append(path: &Path, text: &str) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().append(true).create(true).mode(0o644).open(path)?;
    file.write_all(text.as_bytes())
}

/// The permissions that new files of this process do not get from now on.
pub fn set_umask(mask: u32) {
    nix::sys::stat::umask(Mode::from_bits_truncate(mask));
}

/// Makes a folder and those above it, which everybody may look into whatever the umask is.
pub fn make_folder(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(above) = path.parent() {
        make_folder(above)?;
    }
    match fs::create_dir(path) {
        Ok(()) => fs::set_permissions(path, fs::Permissions::from_mode(0o755)),
        // Somebody else made it meanwhile.
        Err(_) if path.is_dir() => Ok(()),
        Err(error) => Err(error),
    }
}

/// Names of a folder that are looked at.
const NAMES_MAX: usize = 4096;

/// The names in a folder; none of one that cannot be read.
pub fn names_in(folder: &Path) -> Vec<std::ffi::OsString> {
    let entries = fs::read_dir(folder).into_iter().flatten().take(NAMES_MAX);
    entries.filter_map(|entry| entry.ok().map(|entry| entry.file_name())).collect()
}

/// Lets a group have the file; its owner stays.
pub fn give_to_group(path: &Path, group: &str) -> io::Result<()> {
    let found = Group::from_name(group)?.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no such group"))?;
    std::os::unix::fs::chown(path, None, Some(found.gid.as_raw()))
}

/// Whether something of that name is there, be it a link that leads nowhere.
pub fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

/// Removes a folder that nobody uses any more.
pub fn remove_empty_folder(path: &Path) {
    // One with something in it stays, and one that is gone is as good.
    let _ = fs::remove_dir(path);
}

/// Removes a file; one that is already gone is no error.
pub fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// A setting below /proc/sys. The network ones are those of the namespace the calling process is in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Setting(PathBuf);

impl Setting {
    /// `net/ipv4/conf/{interface}/{name}`.
    pub fn ipv4(interface: &str, name: &str) -> Setting {
        Setting(Path::new("/proc/sys/net/ipv4/conf").join(interface).join(name))
    }

    /// `net/ipv6/conf/{interface}/{name}`.
    pub fn ipv6(interface: &str, name: &str) -> Setting {
        Setting(Path::new("/proc/sys/net/ipv6/conf").join(interface).join(name))
    }

    /// `net/{name}`.
    pub fn net(name: &str) -> Setting {
        Setting(Path::new("/proc/sys/net").join(name))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn read(&self) -> io::Result<i64> {
        let text = read(&self.0, SETTING_MAX)?;
        let text = String::from_utf8_lossy(&text);
        text.trim()
            .parse()
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, format!("`{}` is no number", text.trim())))
    }

    pub fn write(&self, value: i64) -> io::Result<()> {
        File::options().write(true).open(&self.0)?.write_all(value.to_string().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::{Setting, read, remove, remove_socket, replace};
    use std::path::PathBuf;

    fn scratch(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("steadfast-files-{}-{name}", std::process::id()))
    }

    #[test]
    fn a_replaced_file_holds_the_new_bytes_and_nothing_is_left_beside_it() {
        let path = scratch("replace");
        replace(&path, b"old", 0o600).unwrap();
        replace(&path, b"newer", 0o644).unwrap();
        assert_eq!(read(&path, 5).unwrap(), b"newer");
        assert!(!path.with_extension("new").exists());
        remove(&path).unwrap();
        remove(&path).unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn a_socket_that_was_left_is_removed_and_anything_else_stays() {
        let path = scratch("socket");
        remove_socket(&path).unwrap();
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        remove_socket(&path).unwrap();
        replace(&path, b"precious", 0o600).unwrap();
        assert_eq!(remove_socket(&path).unwrap_err().kind(), std::io::ErrorKind::AlreadyExists);
        assert_eq!(read(&path, 8).unwrap(), b"precious");
        remove(&path).unwrap();
    }

    #[test]
    fn a_file_longer_than_the_limit_is_refused() {
        let path = scratch("limit");
        replace(&path, b"123456", 0o600).unwrap();
        assert_eq!(read(&path, 5).unwrap_err().kind(), std::io::ErrorKind::FileTooLarge);
        remove(&path).unwrap();
    }

    #[test]
    fn a_kernel_setting_is_read_as_a_number() {
        assert!(Setting::ipv4("lo", "rp_filter").read().unwrap() >= 0);
        assert!(Setting::ipv4("no-such-interface", "rp_filter").read().is_err());
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
use std::os::unix::ffi::OsStringExt;

use keepalived_conf::expand::{self, Checks, Options};
use nix::sys::stat::Mode;

use super::*;

/// A directory of our own, gone with the value.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Scratch {
        let path = std::env::temp_dir().join(format!("steadfast-host-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Scratch(fs::canonicalize(path).unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), text).unwrap();
        self.path(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn only_plain_files_are_opened() {
    let scratch = Scratch::new("kinds");
    let host = OsHost::new();
    let plain = scratch.file("plain", "text");
    let run = scratch.file("run", "");
    fs::set_permissions(&run, fs::Permissions::from_mode(0o711)).unwrap();
    let fifo = scratch.path("fifo");
    nix::unistd::mkfifo(&fifo, Mode::S_IRWXU).unwrap();
    std::os::unix::fs::symlink(&plain, scratch.path("link")).unwrap();
    std::os::unix::fs::symlink(scratch.path("itself"), scratch.path("itself")).unwrap();
    let rows = [
        (plain.clone(), Kind::Regular { executable: false }, Ok(b"text".to_vec())),
        (scratch.path("link"), Kind::Regular { executable: false }, Ok(b"text".to_vec())),
        (run, Kind::Regular { executable: true }, Ok(Vec::new())),
        (fifo, Kind::Fifo, Err(ReadError::WrongKind)),
        (PathBuf::from("/dev/zero"), Kind::Other, Err(ReadError::WrongKind)),
        (scratch.0.clone(), Kind::Directory, Err(ReadError::WrongKind)),
        (scratch.path("none"), Kind::Missing, Err(ReadError::NotFound)),
        (plain.join("below"), Kind::Missing, Err(ReadError::WrongKind)),
        (PathBuf::from("/\0"), Kind::Missing, Err(ReadError::Other(String::new()))),
    ];
    for (path, kind, read) in rows {
        assert_eq!(host.kind(&path), kind, "for {path:?}");
        let read_now = host.read(&path).map_err(|error| match error {
            ReadError::Other(_) => ReadError::Other(String::new()),
            known => known,
        });
        assert_eq!(read_now, read, "for {path:?}");
    }
    assert_eq!(host.kind(&scratch.path("itself")), Kind::Denied);
}

#[test]
fn a_file_beyond_the_limit_is_not_read() {
    let scratch = Scratch::new("large");
    let path = scratch.path("large");
    File::create(&path).unwrap().set_len(FILE_SIZE_MAX as u64 + 1).unwrap();
    assert_eq!(OsHost::new().read(&path), Err(ReadError::TooLarge));
}

#[test]
fn a_directory_is_listed_in_order_without_names_nobody_could_write() {
    let scratch = Scratch::new("list");
    for name in ["b.conf", "a.conf", ".hidden"] {
        scratch.file(name, "");
    }
    fs::write(scratch.0.join(std::ffi::OsString::from_vec(vec![b'x', 0xff])), "").unwrap();
    assert_eq!(OsHost::new().list(&scratch.0).unwrap(), [".hidden", "a.conf", "b.conf"]);
    assert_eq!(OsHost::new().list(&scratch.path("a.conf")), Err(ReadError::WrongKind));
    assert_eq!(OsHost::new().list(&scratch.path("none")), Err(ReadError::NotFound));
}

#[test]
fn a_configuration_with_includes_is_read_from_disk() {
    let scratch = Scratch::new("load");
    scratch.file("conf.d/b.conf", "in b\n");
    scratch.file("conf.d/a.conf", "in a ${_PWD}\ninclude ../main.conf\n");
    let main = scratch.file("main.conf", "first\ninclude conf.d/*.conf\n");
    let options = Options { config_id: None, checks: Checks::ALL };
    let (expanded, findings) = expand::load(&OsHost::new(), &main, &options);
    assert_eq!(expanded.text(), format!("first\nin a {}\nin b\n", scratch.path("conf.d").display()));
    let codes: Vec<_> = findings.iter().map(|finding| finding.code).collect();
    assert_eq!(codes, [expand::codes::INCLUDE_LOOP]);
}

#[test]
fn the_machine_knows_its_accounts_and_interfaces() {
    let host = OsHost::new();
    assert_eq!(host.account("root").found().map(|root| (root.uid, root.gid)), Some((0, 0)));
    assert!(host.account("no-such-account").is_absent());
    assert_eq!(host.group("root"), Answer::Found(0));
    assert!(host.group("no-such-group").is_absent());
    assert_eq!(host.link("lo").found().map(|link| link.loopback), Some(true));
    assert!(host.link("no-such-link").is_absent());
    assert!(host.processors().found().is_some_and(|count| count > 0));
    assert!(!host.hostname().is_empty());
    assert!(host.current_dir().is_absolute());
    assert_eq!(host.env("NO_SUCH_NAME_ANYWHERE"), None);
    assert_eq!(host.file_system("/proc").found().and_then(|system| system.unwatchable), Some("proc"));
    assert!(host.file_system("/no/such/directory").is_absent());
    assert_eq!(host.head("/proc/self/exe"), Answer::Found(*b"\x7fELF"));
    assert_eq!(host.inode("/").found().map(|inode| inode.kind), Some(InodeKind::Directory));
    assert!(host.inode("/no/such").is_absent());
    assert_ne!(OsHost::new().seed(), OsHost::new().seed());
}

#[test]
fn a_link_to_itself_is_not_taken_for_a_missing_permission() {
    let scratch = Scratch::new("circle");
    let path = scratch.path("circle");
    std::os::unix::fs::symlink(&path, &path).unwrap();
    let loaded = keepalived_conf::load(&OsHost::new(), &path, &keepalived_conf::Options::default());
    let told: Vec<&str> = loaded.diagnostics.iter().map(|finding| finding.message.as_str()).collect();
    assert!(told[0].contains("symbolic links"), "{told:?}");
}

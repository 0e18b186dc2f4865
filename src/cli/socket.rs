// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which daemon is meant, and the connection to it.
//!
//! `--socket` says it outright, `--conf` by the file the daemon reads. Without either it is the only one that runs here,
//! or of several the one that reads the usual file.

use std::io;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use keepalived_conf::Options;

use super::options::DEFAULT_FILE;
use crate::kernel::files;
use crate::kernel::host::OsHost;
use crate::supervisor::daemon::{self, Settings};

/// Where sockets lie beside PID files.
const RUN: &str = "/run";
/// The folder of daemons that have a name, a namespace, or the wish for one; those of namespaces lie in one more.
const OWN: &str = "keepalived";
/// Sockets that are looked at and listed.
const SOCKETS_MAX: usize = 64;

/// A socket that somebody listens at, or that we may not even ask.
struct Found {
    path: PathBuf,
    stream: io::Result<UnixStream>,
}

pub(super) fn connect(socket: Option<&str>, conf: Option<&str>) -> Result<UnixStream, String> {
    if let Some(path) = socket {
        return open(Path::new(path)).stream.map_err(|error| refused(Path::new(path), &error));
    }
    if let Some(file) = conf {
        return first_of(&sockets_of(file)?);
    }
    choose(listening(Path::new(RUN)), || sockets_of(DEFAULT_FILE).unwrap_or_default())
}

/// One of those that answer; of several, one that the usual configuration leads to.
fn choose(found: Vec<Found>, usual: impl FnOnce() -> Vec<PathBuf>) -> Result<UnixStream, String> {
    let names: Vec<String> = found.iter().map(|one| one.path.display().to_string()).collect();
    let mut found = found;
    if found.len() > 1 {
        let usual = usual();
        found.retain(|one| usual.contains(&one.path));
    }
    match (found.pop(), names.is_empty()) {
        (Some(Found { path, stream }), _) => stream.map_err(|error| refused(&path, &error)),
        (None, true) => Err(format!(
            "no daemon answers: there is no socket in {RUN} or {RUN}/{OWN} at which one listens; with a PID file \
             elsewhere its socket lies beside that: say --socket PATH"
        )),
        (None, false) => Err(format!("several daemons run here; say which with --socket: {}", names.join(", "))),
    }
}

fn first_of(paths: &[PathBuf]) -> Result<UnixStream, String> {
    let mut first = None;
    for path in paths {
        match open(path).stream {
            Ok(stream) => return Ok(stream),
            Err(error) => first = first.or_else(|| Some(refused(path, &error))),
        }
    }
    Err(first.unwrap_or_default())
}

fn open(path: &Path) -> Found {
    Found { path: path.to_owned(), stream: UnixStream::connect(path) }
}

fn refused(path: &Path, error: &io::Error) -> String {
    let path = path.display();
    match error.kind() {
        io::ErrorKind::PermissionDenied => format!(
            "{path}: permission denied; root may ask, and the members of the group that `control_socket_group` names"
        ),
        _ => format!(
            "no daemon answers at {path}: {error}; where its PID file has another name, say --socket with that name and \
             .sock at its end"
        ),
    }
}

/// Where a daemon that reads this file listens, seen from here; the likeliest first.
fn sockets_of(file: &str) -> Result<Vec<PathBuf>, String> {
    files::can_open(Path::new(file)).map_err(|error| format!("{file}: {error}"))?;
    let config = keepalived_conf::load(&OsHost::new(), Path::new(file), &Options::default()).config;
    Ok(daemon::sockets_outside(&Settings::default(), &config))
}

/// All sockets of daemons at which somebody listens. What a daemon that was killed left behind is none.
fn listening(run: &Path) -> Vec<Found> {
    let own = run.join(OWN);
    let mut folders = vec![run.to_owned(), own.clone()];
    folders.extend(files::names_in(&own).into_iter().map(|name| own.join(name)));
    let mut paths: Vec<PathBuf> = Vec::new();
    for folder in folders {
        let names = files::names_in(&folder).into_iter().filter(|name| {
            let name = name.to_string_lossy();
            name.starts_with("keepalived") && name.ends_with(".sock")
        });
        paths.extend(names.map(|name| folder.join(name)));
    }
    paths.sort();
    paths.truncate(SOCKETS_MAX);
    let found = paths.iter().map(|path| open(path));
    let denied = |error: &io::Error| error.kind() == io::ErrorKind::PermissionDenied;
    found.filter(|one| one.stream.as_ref().map_or_else(denied, |_| true)).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::net::UnixListener;

    use super::*;

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Folder {
            let path = std::env::temp_dir().join(format!("steadfast-{name}-{}", std::process::id()));
            fs::create_dir_all(path.join("keepalived/red")).expect("a folder");
            Folder(path)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_daemon_that_is_alone_is_found_wherever_it_lives_and_leftovers_are_not() {
        let folder = Folder::new("alone");
        let at = |path: &str| folder.0.join(path);
        drop(UnixListener::bind(at("keepalived.sock")).expect("a socket"));
        let _page = UnixListener::bind(at("page.sock")).expect("a socket");
        assert!(choose(listening(&folder.0), Vec::new).unwrap_err().contains("no daemon answers"));
        let _daemon = UnixListener::bind(at("keepalived/red/keepalived.sock")).expect("a socket");
        let found = listening(&folder.0);
        assert_eq!(
            found.iter().map(|one| one.path.clone()).collect::<Vec<_>>(),
            [at("keepalived/red/keepalived.sock")]
        );
        assert!(choose(found, || panic!("nobody asks for the usual one")).is_ok());
    }

    #[test]
    fn of_several_the_usual_one_is_meant_or_all_are_listed() {
        let folder = Folder::new("several");
        let at = |path: &str| folder.0.join(path);
        let _blue = UnixListener::bind(at("keepalived/keepalived_blue.sock")).expect("a socket");
        let _usual = UnixListener::bind(at("keepalived.sock")).expect("a socket");
        assert!(choose(listening(&folder.0), || vec![at("keepalived.sock")]).is_ok());
        let refused = choose(listening(&folder.0), Vec::new).unwrap_err();
        let both = format!("{}, {}", at("keepalived/keepalived_blue.sock").display(), at("keepalived.sock").display());
        assert!(refused.contains("several daemons run here") && refused.ends_with(&both), "{refused}");
    }

    #[test]
    fn the_configuration_leads_to_the_socket() {
        let folder = Folder::new("conf");
        let file = folder.0.join("k.conf");
        let table = [
            ("", &["/run/keepalived.sock"][..]),
            ("instance red\n", &["/run/keepalived/keepalived_red.sock"]),
            ("net_namespace ns1\n", &["/run/keepalived/ns1/keepalived.sock", "/run/keepalived/keepalived.sock"]),
        ];
        for (text, expected) in table {
            files::replace(&file, text.as_bytes(), 0o600).expect("a file");
            let paths = sockets_of(file.to_str().expect("a path")).expect("paths");
            assert_eq!(paths, expected.iter().map(PathBuf::from).collect::<Vec<_>>(), "{text}");
        }
        assert!(sockets_of("/nonexistent/k.conf").unwrap_err().contains("/nonexistent/k.conf"));
    }
}

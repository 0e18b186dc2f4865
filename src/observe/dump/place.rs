// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where dumps are written.

use std::cell::Cell;
use std::path::{Path, PathBuf};

use keepalived_conf::blocks::global::Global;

use crate::kernel::files;
use crate::observe::log::Log;

/// Which file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The state of a process; the suffix tells processes apart and is empty for VRRP.
    Data(&'static str),
    Stats,
    Json,
}

const USUAL: &str = "/tmp";

/// Writes a dump wherever it belongs; what is wrong comes back in words. Readers see the old file or the new one.
pub fn write(kind: Kind, global: &Global, text: &str) -> Result<(), String> {
    let variable = files::variable("TMPDIR");
    let mode = 0o666 & !*global.process.umask;
    let mut trouble = Ok(());
    for path in paths(kind, global, &temporary(variable.as_deref().map(Path::new))) {
        if let Err(error) = files::replace(&path, text.as_bytes(), mode) {
            trouble = Err(format!("cannot write {}: {error}", path.display()));
        }
    }
    trouble
}

/// Tells when dumps begin to fail, and when they can be written again; not each time.
#[derive(Debug)]
pub struct Teller {
    log: Log,
    in_trouble: Cell<bool>,
}

impl Teller {
    pub fn new(log: Log) -> Teller {
        Teller { log, in_trouble: Cell::new(false) }
    }

    pub fn log(&self) -> &Log {
        &self.log
    }

    pub fn tell(&self, outcome: Result<(), String>) {
        match outcome {
            Ok(()) if self.in_trouble.replace(false) => self.log.notice("dumps can be written again"),
            Ok(()) => {}
            Err(trouble) if !self.in_trouble.replace(true) => {
                self.log.warning(format_args!("{trouble}; said once until dumps can be written again"));
            }
            Err(_) => {}
        }
    }
}

/// `TMPDIR` counts when it is an absolute path of a directory.
pub fn temporary(variable: Option<&Path>) -> PathBuf {
    let usable = |path: &&Path| path.is_absolute() && path.is_dir();
    variable.filter(usable).unwrap_or(Path::new(USUAL)).to_owned()
}

/// The files a dump goes to. Statistics and JSON stand where keepalived has them in any case, because it ignores the
/// keywords that name another place; where such a keyword is given they stand there too.
pub fn paths(kind: Kind, global: &Global, temporary: &Path) -> Vec<PathBuf> {
    let dumps = &global.dumps;
    match kind {
        Kind::Data(suffix) => {
            let (folder, name) = asked(dumps.state_file.as_deref(), "keepalived.data", temporary);
            let instance = dumps.name_instance.then(|| of_instance(global)).flatten().unwrap_or_default();
            vec![folder.join(renamed(&name, suffix, &instance))]
        }
        Kind::Stats => both("keepalived.stats", dumps.stats_file.as_deref(), temporary),
        Kind::Json => both("keepalived.json", dumps.json_file.as_deref(), temporary),
    }
}

fn both(usual: &str, written: Option<&str>, temporary: &Path) -> Vec<PathBuf> {
    let mut paths = vec![temporary.join(usual)];
    if written.is_some() {
        let (folder, name) = asked(written, usual, temporary);
        let path = folder.join(name);
        if !paths.contains(&path) {
            paths.push(path);
        }
    }
    paths
}

/// Of a relative path only the last part counts; of one that ends in `/` only the folder.
fn asked(written: Option<&str>, usual: &str, temporary: &Path) -> (PathBuf, String) {
    let written = written.unwrap_or(usual);
    let (folder, name) = written.rsplit_once('/').unwrap_or(("", written));
    let folder = if written.starts_with('/') { Path::new("/").join(folder) } else { temporary.to_owned() };
    (folder, if name.is_empty() { usual.to_owned() } else { name.to_owned() })
}

/// The suffix goes before the extension, and so does the name of the instance.
fn renamed(name: &str, suffix: &str, instance: &str) -> String {
    match name.rsplit_once('.') {
        Some((stem, extension)) => format!("{stem}{suffix}{instance}.{extension}"),
        None => format!("{name}{suffix}{instance}"),
    }
}

/// `.NAMESPACE_INSTANCE`, as far as there are such.
fn of_instance(global: &Global) -> Option<String> {
    let names: Vec<&str> =
        [&global.top.net_namespace, &global.top.instance].into_iter().flatten().map(|n| &**n).collect();
    (!names.is_empty()).then(|| format!(".{}", names.join("_")))
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Running programs: as whom, in a process group of their own, with a limit on how long.
//!
//! A program starts with nothing of ours but its arguments and the environment: descriptors above 2 are closed on
//! exec, 0 to 2 are /dev/null, it leads its own process group, and it is told to end when we die.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::{Gid, Pid, Uid};

use super::{sandbox, service};

/// How long a program that was told to end may take before it is killed.
pub const GRACE: Duration = Duration::from_secs(2);

/// Variables a program must not inherit: they would change what it runs.
const DANGEROUS_VARIABLES: [&str; 3] = ["IFS", "LD_PRELOAD", "LD_LIBRARY_PATH"];

/// As whom a program runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    pub uid: u32,
    pub gid: u32,
    /// Supplementary groups.
    pub groups: Vec<u32>,
}

/// A program with its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    pub program: PathBuf,
    /// Argument 0, which may differ from the program, and the rest.
    pub argv: Vec<String>,
    /// `None`: as whoever we are.
    pub account: Option<Account>,
}

/// How a program ended.
#[derive(Debug)]
pub enum Exit {
    Status(i32),
    Signal(i32),
    /// It took too long and was ended.
    TimedOut,
    /// It could not be started.
    NotStarted(io::Error),
}

impl Exit {
    pub fn is_success(&self) -> bool {
        matches!(self, Exit::Status(0))
    }
}

/// A program that runs.
#[derive(Debug)]
pub struct Running {
    child: tokio::process::Child,
    group: Option<Pid>,
    /// Nobody who is no longer waiting wants it to go on.
    end_on_drop: bool,
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(group) = self.group.filter(|_| self.end_on_drop && self.child.id().is_some()) {
            end(group.as_raw());
        }
    }
}

/// Tells a program and all it started to end, and sees to it that they do; for one that is still waited for, because
/// its number may be another's afterwards.
pub fn end(group: i32) {
    // Gone already is as good.
    let _ = killpg(Pid::from_raw(group), Signal::SIGTERM);
    LEAVING.lock().unwrap_or_else(PoisonError::into_inner).insert(group);
    // Where there is no runtime any more, `end_leaving` comes instead.
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        runtime.spawn(async move {
            tokio::time::sleep(GRACE).await;
            kill_leaving(group);
        });
    }
}

/// Groups of programs nobody waits for that were told to end.
static LEAVING: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());

fn kill_leaving(group: i32) {
    if LEAVING.lock().unwrap_or_else(PoisonError::into_inner).remove(&group) {
        // Gone already is as good.
        let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
    }
}

/// Waits until all programs are gone that were told to end, and after `limit` kills those that are not.
pub async fn end_leaving(limit: Duration) {
    let step = Duration::from_millis(10);
    let groups = || LEAVING.lock().unwrap_or_else(PoisonError::into_inner).clone();
    // Tasks that were given up drop what they waited for only when the runtime comes round to them.
    tokio::time::sleep(step).await;
    let mut waited = step;
    while waited < limit && groups().iter().any(|group| killpg(Pid::from_raw(*group), None).is_ok()) {
        tokio::time::sleep(step).await;
        waited += step;
    }
    groups().into_iter().for_each(kill_leaving);
}

impl Command {
    /// Starts the program, which goes on even when the answer is dropped. Needs a tokio runtime.
    pub fn start(&self) -> io::Result<Running> {
        let mut command = tokio::process::Command::from(self.prepare()?);
        let child = command.spawn()?;
        let group = child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw);
        Ok(Running { child, group, end_on_drop: false })
    }

    /// Runs the program to its end, or until `limit`. Dropping the future ends it.
    pub async fn run(&self, limit: Option<Duration>) -> Exit {
        match self.start() {
            Ok(mut running) => {
                running.end_on_drop = true;
                running.wait(limit).await
            }
            Err(error) => Exit::NotStarted(error),
        }
    }

    #[allow(unsafe_code)]
    fn prepare(&self) -> io::Result<std::process::Command> {
        use std::os::unix::process::CommandExt;
        let (program, argv0, arguments) = self.invocation()?;
        let mut command = std::process::Command::new(program);
        command.arg0(argv0).args(arguments).process_group(0);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        for variable in DANGEROUS_VARIABLES.into_iter().chain(service::VARIABLES) {
            command.env_remove(variable);
        }
        let (account, original) = (self.account.clone(), sandbox::original());
        let setup = move || {
            original.restore();
            nix::sys::prctl::set_pdeathsig(Some(Signal::SIGTERM))?;
            if let Some(Account { uid, gid, groups }) = &account {
                // SAFETY: `groups` lives for the call, and its length is given with it.
                if unsafe { libc::setgroups(groups.len(), groups.as_ptr()) } != 0 {
                    return Err(io::Error::last_os_error());
                }
                nix::unistd::setgid(Gid::from_raw(*gid))?;
                nix::unistd::setuid(Uid::from_raw(*uid))?;
                // Changing the user clears the parent-death signal.
                nix::sys::prctl::set_pdeathsig(Some(Signal::SIGTERM))?;
            }
            Ok(())
        };
        // SAFETY: between fork and exec only system calls are made: nothing allocates, locks or panics.
        unsafe { command.pre_exec(setup) };
        Ok(command)
    }

    /// What to execute: the file itself when the kernel can, else a shell with every argument quoted, so that a script
    /// without an interpreter line runs as it does from a shell.
    fn invocation(&self) -> io::Result<(PathBuf, OsString, Vec<OsString>)> {
        let argv0 = self.argv.first().cloned().unwrap_or_else(|| self.program.display().to_string());
        if is_executable_format(&self.program)? {
            let arguments = self.argv.iter().skip(1).map(OsString::from).collect();
            return Ok((self.program.clone(), argv0.into(), arguments));
        }
        let mut line = quote(&self.program.display().to_string());
        for argument in self.argv.iter().skip(1) {
            line.push(' ');
            line.push_str(&quote(argument));
        }
        Ok((PathBuf::from("/bin/sh"), "sh".into(), vec!["-c".into(), line.into()]))
    }
}

/// Whether the kernel can execute the file: it is a binary or names its interpreter. What cannot be read is left to
/// the kernel to judge.
fn is_executable_format(path: &Path) -> io::Result<bool> {
    let mut head = Vec::new();
    match File::open(path).and_then(|file| file.take(4).read_to_end(&mut head)) {
        Ok(_) => Ok(head.starts_with(b"\x7fELF") || head.starts_with(b"#!")),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(true),
        Err(error) => Err(error),
    }
}

/// One argument as a shell reads it back unchanged.
fn quote(argument: &str) -> String {
    format!("'{}'", argument.replace('\'', "'\\''"))
}

impl Running {
    /// The program's process group.
    pub fn id(&self) -> Option<i32> {
        self.group.map(Pid::as_raw)
    }

    /// Sends a signal to the program and everything it started in its group.
    pub fn signal(&self, signal: i32) {
        if let (Some(group), Ok(signal)) = (self.group, Signal::try_from(signal)) {
            // It may have ended meanwhile, which is what was wanted.
            let _ = killpg(group, signal);
        }
    }

    /// Waits for the end; after `limit` the whole group is told to end, and after a grace killed.
    pub async fn wait(mut self, limit: Option<Duration>) -> Exit {
        let Some(limit) = limit else { return exit_of(self.child.wait().await) };
        if let Ok(ended) = tokio::time::timeout(limit, self.child.wait()).await {
            return exit_of(ended);
        }
        self.signal(libc::SIGTERM);
        if tokio::time::timeout(GRACE, self.child.wait()).await.is_err() {
            self.signal(libc::SIGKILL);
            // Only a process stuck in the kernel survives this; it is left to be reaped when it can be.
            let _ = tokio::time::timeout(GRACE, self.child.wait()).await;
        }
        // Whatever it left behind in its group goes with it.
        self.signal(libc::SIGKILL);
        Exit::TimedOut
    }
}

fn exit_of(ended: io::Result<std::process::ExitStatus>) -> Exit {
    match ended {
        Ok(status) => match (status.code(), status.signal()) {
            (Some(code), _) => Exit::Status(code),
            (None, signal) => Exit::Signal(signal.unwrap_or(0)),
        },
        Err(error) => Exit::NotStarted(error),
    }
}

#[cfg(test)]
mod tests;

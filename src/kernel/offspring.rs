// SPDX-License-Identifier: MIT OR Apache-2.0
//! Our own program started again, as a process that does one part of the work and dies when we do.

use std::ffi::{CString, OsStr, OsString};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::sys::signal::{SigHandler, Signal, kill, signal};
use nix::unistd::Pid;

use super::service;

/// The program that runs, whatever became of the file it was started from.
const OURSELVES: &str = "/proc/self/exe";

/// Signals that mean something to a supervisor. Sent to all processes of one name, they reach workers that have not yet
/// said what they make of them.
const NOT_FOR_WORKERS: [Signal; 3] = [Signal::SIGHUP, Signal::SIGUSR1, Signal::SIGUSR2];

/// How a worker ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Status(u8),
    Signal(i32),
}

/// A worker that runs.
#[derive(Debug)]
pub struct Offspring {
    child: tokio::process::Child,
    pid: u32,
}

impl Offspring {
    /// Starts this program again under `name` with `arguments`; it inherits our standard streams and `inherited`, under
    /// the same numbers. It is told to end (SIGTERM) when the thread that calls this is gone. Needs a tokio runtime.
    pub fn start(name: &OsStr, arguments: &[OsString], inherited: &[BorrowedFd<'_>]) -> io::Result<Offspring> {
        Offspring::start_other(Path::new(OURSELVES), name, arguments, &[], inherited)
    }

    /// The same for another program, with `variables` in its environment beside ours.
    #[allow(unsafe_code)]
    pub fn start_other(
        program: &Path,
        name: &OsStr,
        arguments: &[OsString],
        variables: &[(&str, &str)],
        inherited: &[BorrowedFd<'_>],
    ) -> io::Result<Offspring> {
        let mut command = std::process::Command::new(program);
        command.arg0(name).args(arguments).envs(variables.iter().copied());
        for variable in service::VARIABLES {
            command.env_remove(variable);
        }
        let numbers: Vec<RawFd> = inherited.iter().map(AsRawFd::as_raw_fd).collect();
        let parent = nix::unistd::getpid();
        let setup = move || {
            nix::sys::prctl::set_pdeathsig(Some(Signal::SIGTERM))?;
            if nix::unistd::getppid() != parent {
                // We died before the line above.
                return Err(Errno::ESRCH.into());
            }
            for number in NOT_FOR_WORKERS {
                // SAFETY: ignoring a signal runs no code of ours.
                unsafe { signal(number, SigHandler::SigIgn) }?;
            }
            for number in &numbers {
                // SAFETY: `inherited` is borrowed until the child has taken its own copies.
                let descriptor = unsafe { BorrowedFd::borrow_raw(*number) };
                fcntl(descriptor, FcntlArg::F_SETFD(FdFlag::empty()))?;
            }
            Ok(())
        };
        // SAFETY: between fork and exec only system calls are made: nothing allocates, locks or panics.
        unsafe { command.pre_exec(setup) };
        let child = tokio::process::Command::from(command).spawn()?;
        let pid = child.id().ok_or_else(|| io::Error::other("it ended at once"))?;
        Ok(Offspring { child, pid })
    }

    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Ends it without a word. It is not gone until `ended` says so.
    pub fn kill(&self) {
        self.signal(Signal::SIGKILL);
    }

    /// Asks it to end.
    pub fn terminate(&self) {
        self.signal(Signal::SIGTERM);
    }

    fn signal(&self, number: Signal) {
        // The number is still its own: it has not been waited for.
        if self.child.id().is_some()
            && let Ok(pid) = i32::try_from(self.pid)
        {
            let _ = kill(Pid::from_raw(pid), number);
        }
    }

    /// Waits until every thread of it is gone. Dropping the future loses nothing.
    pub async fn ended(&mut self) -> io::Result<End> {
        let status = self.child.wait().await?;
        Ok(match (status.code(), status.signal()) {
            (Some(code), _) => End::Status(u8::try_from(code).unwrap_or(u8::MAX)),
            (None, signal) => End::Signal(signal.unwrap_or(0)),
        })
    }
}

/// Goes on as another program: the one that lies beside ours, or else the one PATH leads to. Returns only with an error.
pub fn become_program(name: &str, arguments: &[String]) -> io::Error {
    let beside = std::env::current_exe().map(|ours| ours.with_file_name(name)).ok().filter(|path| path.is_file());
    let program = beside.unwrap_or_else(|| name.into());
    std::process::Command::new(program).args(arguments).exec()
}

/// A program of the same installation: it stands in the same folder as this one.
pub fn beside(name: &str) -> PathBuf {
    std::fs::read_link(OURSELVES).unwrap_or_default().with_file_name(name)
}

/// A descriptor that this process inherited under a number it was told. To be called once for each number.
#[allow(unsafe_code)]
pub fn inherited(number: RawFd) -> io::Result<OwnedFd> {
    if number <= 2 {
        return Err(Errno::EBADF.into());
    }
    // SAFETY: the number is only asked about; one that is not open is an error.
    let borrowed = unsafe { BorrowedFd::borrow_raw(number) };
    fcntl(borrowed, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC))?;
    // SAFETY: it is open, and our starter made it for us; nothing else in this process knows of it.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// What lists of processes call this one. The kernel keeps fifteen bytes.
pub fn call_this_process(name: &OsStr) {
    let name = std::path::Path::new(name).file_name().unwrap_or(name);
    if let Ok(name) = CString::new(name.as_encoded_bytes()) {
        let _ = nix::sys::prctl::set_name(&name);
    }
}

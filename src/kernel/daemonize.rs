// SPDX-License-Identifier: MIT OR Apache-2.0
//! Leaving the terminal: what `keepalived` without `-n` does.

use std::io;

use nix::unistd::{ForkResult, chdir, dup2_stderr, dup2_stdin, dup2_stdout, fork, setsid};

/// Goes on in a process of its own session, below `/`, with nothing on the standard streams. The caller's process ends
/// here with status 0. Must be called before there is a second thread.
#[allow(unsafe_code)]
pub fn daemonize() -> io::Result<()> {
    for step in 0..2 {
        // SAFETY: there is one thread, so the child is whole.
        if let ForkResult::Parent { .. } = unsafe { fork() }? {
            // SAFETY: the child goes on; nothing of ours, such as a PID file, may be cleaned up here.
            unsafe { libc::_exit(0) };
        }
        if step == 0 {
            setsid()?;
        }
    }
    chdir("/")?;
    let null = std::fs::OpenOptions::new().read(true).write(true).open("/dev/null")?;
    dup2_stdin(&null)?;
    dup2_stdout(&null)?;
    Ok(dup2_stderr(&null)?)
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Giving up what a process no longer needs.

use std::io;

use nix::unistd::{Gid, Uid, setgid, setgroups, setuid};

/// The account that owns nothing.
const NOBODY: u32 = 65_534;

/// Becomes nobody, with no capability left and no way back. Does nothing where there is nothing to give up.
pub fn give_up() -> io::Result<()> {
    if !Uid::effective().is_root() {
        return Ok(());
    }
    nix::sys::prctl::set_no_new_privs()?;
    setgroups(&[])?;
    setgid(Gid::from_raw(NOBODY))?;
    setuid(Uid::from_raw(NOBODY))?;
    Ok(())
}

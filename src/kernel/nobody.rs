// SPDX-License-Identifier: MIT OR Apache-2.0
//! Giving up every right.

use std::io;

use caps::CapSet;
use nix::sys::prctl;
use nix::unistd::{Gid, Uid, User, getuid, setgid, setgroups, setuid};

/// The user nobody is, where the system does not say.
const NOBODY: u32 = 65534;

/// From now on this process is nobody, has no capability, gets none from programs it starts, and is not read by others
/// of its user. What it has open stays open. To be called while there is one thread.
pub fn become_nobody() -> io::Result<()> {
    if getuid().is_root() {
        let nobody = User::from_name("nobody").ok().flatten();
        let (uid, gid) =
            nobody.map_or((Uid::from_raw(NOBODY), Gid::from_raw(NOBODY)), |nobody| (nobody.uid, nobody.gid));
        setgroups(&[])?;
        setgid(gid)?;
        // With the last user id 0 every capability goes.
        setuid(uid)?;
    }
    // Who was never root may have been given some.
    for set in [CapSet::Ambient, CapSet::Inheritable, CapSet::Effective, CapSet::Permitted] {
        caps::clear(None, set).map_err(io::Error::other)?;
    }
    prctl::set_no_new_privs()?;
    prctl::set_dumpable(false)?;
    Ok(())
}

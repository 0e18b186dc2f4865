// SPDX-License-Identifier: MIT OR Apache-2.0
//! Walls around a process that reads what strangers sent: whatever it is made to do, it can open nothing, connect to
//! nobody and start nothing. What it has open already it may use.
//!
//! Two walls, because either may be missing. Landlock keeps it from the file system and from new connections; a filter
//! refuses the system calls that would be needed. Both hold for the calling thread and what it starts, for ever.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use super::sandbox::Unmet;

/// Shuts the calling thread in as far as this kernel can; what it cannot do is returned. Wants a thread that can gain no
/// privileges any more.
pub fn shut_in() -> Vec<Unmet> {
    let walls =
        [("keeping it from all files (Landlock)", no_files()), ("refusing it system calls (seccomp)", no_calls())];
    walls.into_iter().filter_map(|(what, built)| Some(Unmet { what, error: built.err()? })).collect()
}

/// What Landlock is asked to rule over; each version of it knows more.
#[repr(C)]
#[derive(Debug)]
struct Ruled {
    files: u64,
    connections: u64,
    signals: u64,
}

const ASK_VERSION: libc::c_long = 1;

/// By version: how many deeds on files there are to rule over, and how much of `Ruled` is read.
fn ruled(version: libc::c_long) -> (Ruled, usize) {
    let deeds = match version {
        ..=1 => 13,
        2 => 14,
        3 | 4 => 15,
        5.. => 16,
    };
    let ruled = Ruled {
        files: (1 << deeds) - 1,
        connections: if version >= 4 { 0b11 } else { 0 },
        signals: if version >= 6 { 0b11 } else { 0 },
    };
    let length = match version {
        ..=3 => 8,
        4 | 5 => 16,
        6.. => 24,
    };
    (ruled, length)
}

/// Everything is ruled over and nothing is allowed.
#[allow(unsafe_code)]
fn no_files() -> io::Result<()> {
    // SAFETY: asked for its version alone, it reads nothing.
    let version =
        unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, std::ptr::null::<Ruled>(), 0_usize, ASK_VERSION) };
    if version < 0 {
        return Err(io::Error::last_os_error());
    }
    let (ruled, length) = ruled(version);
    // SAFETY: no more than `length` octets are read, which the value has.
    let rules = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, &raw const ruled, length, 0_u32) };
    let rules = libc::c_int::try_from(rules).ok().filter(|rules| *rules >= 0).ok_or_else(io::Error::last_os_error)?;
    // SAFETY: the kernel has just opened it for us.
    let rules = unsafe { OwnedFd::from_raw_fd(rules) };
    // SAFETY: numbers only.
    match unsafe { libc::syscall(libc::SYS_landlock_restrict_self, rules.as_raw_fd(), 0_u32) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// What is refused on every machine: whatever opens, makes, removes or renames, whatever speaks to somebody new, whatever
/// starts, traces or signals, and whatever changes the system or the process's own standing.
const REFUSED: &[libc::c_long] = &[
    libc::SYS_openat,
    libc::SYS_openat2,
    libc::SYS_open_by_handle_at,
    libc::SYS_name_to_handle_at,
    libc::SYS_truncate,
    libc::SYS_mkdirat,
    libc::SYS_mknodat,
    libc::SYS_linkat,
    libc::SYS_symlinkat,
    libc::SYS_unlinkat,
    libc::SYS_renameat2,
    libc::SYS_fchmod,
    libc::SYS_fchmodat,
    libc::SYS_fchown,
    libc::SYS_fchownat,
    libc::SYS_utimensat,
    libc::SYS_setxattr,
    libc::SYS_lsetxattr,
    libc::SYS_fsetxattr,
    libc::SYS_socket,
    libc::SYS_socketpair,
    libc::SYS_bind,
    libc::SYS_connect,
    libc::SYS_listen,
    libc::SYS_accept,
    libc::SYS_accept4,
    libc::SYS_clone,
    libc::SYS_clone3,
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_kill,
    libc::SYS_tkill,
    libc::SYS_pidfd_open,
    libc::SYS_pidfd_getfd,
    libc::SYS_pidfd_send_signal,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_chroot,
    libc::SYS_pivot_root,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_open_tree,
    libc::SYS_move_mount,
    libc::SYS_fsopen,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_kexec_load,
    libc::SYS_setuid,
    libc::SYS_setgid,
    libc::SYS_setresuid,
    libc::SYS_setresgid,
    libc::SYS_capset,
    libc::SYS_inotify_init1,
    libc::SYS_fanotify_init,
];

/// Older spellings, which newer machines do not have.
#[cfg(target_arch = "x86_64")]
const REFUSED_TOO: &[libc::c_long] = &[
    libc::SYS_open,
    libc::SYS_creat,
    libc::SYS_mkdir,
    libc::SYS_rmdir,
    libc::SYS_mknod,
    libc::SYS_link,
    libc::SYS_symlink,
    libc::SYS_unlink,
    libc::SYS_rename,
    libc::SYS_renameat,
    libc::SYS_chmod,
    libc::SYS_chown,
    libc::SYS_lchown,
    libc::SYS_utime,
    libc::SYS_utimes,
    libc::SYS_fork,
    libc::SYS_vfork,
    libc::SYS_inotify_init,
];
#[cfg(not(target_arch = "x86_64"))]
const REFUSED_TOO: &[libc::c_long] = &[];

/// The kernel's number for this kind of machine, with which a call says whose numbering it means.
#[cfg(target_arch = "x86_64")]
const MACHINE: Option<u32> = Some(0xc000_003e);
#[cfg(target_arch = "aarch64")]
const MACHINE: Option<u32> = Some(0xc000_00b7);
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const MACHINE: Option<u32> = None;

/// Numbers from here on belong to a third numbering of x86_64; elsewhere there are none.
const ANOTHER_NUMBERING: u32 = 0x4000_0000;

/// Where a call's number and machine stand in what the filter sees.
const AT_NUMBER: u32 = 0;
const AT_MACHINE: u32 = 4;

const LOAD: u16 = 0x20;
const JUMP_IF_EQUAL: u16 = 0x15;
const JUMP_IF_AT_LEAST: u16 = 0x35;
const RETURN: u16 = 0x06;

/// The filter. Every test jumps to the end, which refuses, or goes on.
fn filter(machine: u32, refused: &[libc::c_long]) -> io::Result<Vec<libc::sock_filter>> {
    let step = |code, k, jt, jf| libc::sock_filter { code, jt, jf, k };
    // Jumps are counted from the instruction after them; the last test is followed by the one that allows.
    let length = u8::try_from(refused.len()).map_err(io::Error::other)?;
    let beyond = length.checked_add(3).ok_or_else(|| io::Error::other("too many calls to refuse"))?;
    let mut program = vec![
        step(LOAD, AT_MACHINE, 0, 0),
        step(JUMP_IF_EQUAL, machine, 0, beyond),
        step(LOAD, AT_NUMBER, 0, 0),
        step(JUMP_IF_AT_LEAST, ANOTHER_NUMBERING, length + 1, 0),
    ];
    for (call, left) in refused.iter().zip((0..length).rev()) {
        program.push(step(JUMP_IF_EQUAL, u32::try_from(*call).map_err(io::Error::other)?, left + 1, 0));
    }
    program.push(step(RETURN, libc::SECCOMP_RET_ALLOW, 0, 0));
    program.push(step(RETURN, libc::SECCOMP_RET_ERRNO | libc::EPERM.unsigned_abs(), 0, 0));
    Ok(program)
}

#[allow(unsafe_code)]
fn no_calls() -> io::Result<()> {
    let machine = MACHINE.ok_or_else(|| io::Error::other("the numbers of this machine's calls are not known"))?;
    let mut program = filter(machine, &[REFUSED, REFUSED_TOO].concat())?;
    let length = libc::c_ushort::try_from(program.len()).map_err(io::Error::other)?;
    let program = libc::sock_fprog { len: length, filter: program.as_mut_ptr() };
    // SAFETY: the program lives for the call, which copies it.
    match unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(test)]
mod tests;

// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the allocator keeps for later, and giving it back. A daemon reads its configuration once and then needs little.

/// Allocations of this size and above have pages of their own, which go back to the kernel when they are freed.
#[cfg(target_env = "gnu")]
const OWN_PAGES_FROM: libc::c_int = 32 * 1024;

/// One pool for all threads: ours hardly ever allocate at the same time, and every further pool keeps memory of its own.
/// To be called before the second thread starts.
#[allow(unsafe_code)]
pub fn be_frugal() {
    #[cfg(target_env = "gnu")]
    for (setting, value) in [(libc::M_ARENA_MAX, 1), (libc::M_MMAP_THRESHOLD, OWN_PAGES_FROM)] {
        // SAFETY: two numbers for the allocator. One that it does not take leaves it as it was.
        unsafe { libc::mallopt(setting, value) };
    }
}

/// Gives back what is free, after work that needed much more than what remains of it.
#[allow(unsafe_code)]
pub fn give_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: only pages without any allocation on them go back to the kernel.
    unsafe {
        libc::malloc_trim(0);
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! What this machine and this process's account are called.

use std::ffi::{CStr, CString};
use std::ptr;

use nix::unistd::{Uid, User, gethostname};

/// What this machine is called, as it says itself.
pub fn host() -> String {
    let name = gethostname().ok().and_then(|name| name.into_string().ok());
    name.filter(|name| !name.is_empty()).unwrap_or_else(|| "localhost".to_owned())
}

/// The machine's name with its domain, as far as the resolver knows it; else the name alone, else `localhost`. The
/// answer may have to come from another machine.
pub fn canonical_host() -> String {
    let name = gethostname().ok().and_then(|name| name.into_string().ok()).filter(|name| !name.is_empty());
    match name {
        Some(name) => canonical(&name).unwrap_or(name),
        None => "localhost".to_owned(),
    }
}

#[allow(unsafe_code)]
fn canonical(name: &str) -> Option<String> {
    let name = CString::new(name).ok()?;
    // SAFETY: zeros are a valid value of this plain C struct: no flags, any family, no lists.
    let mut hints: libc::addrinfo = unsafe { std::mem::zeroed() };
    hints.ai_flags = libc::AI_CANONNAME;
    let mut found: *mut libc::addrinfo = ptr::null_mut();
    // SAFETY: the name ends in NUL, hints and the place of the answer live for the call; no service is named.
    let failed = unsafe { libc::getaddrinfo(name.as_ptr(), ptr::null(), &raw const hints, &raw mut found) } != 0;
    if failed || found.is_null() {
        return None;
    }
    // SAFETY: the call succeeded, so `found` is a list whose first element has the canonical name, which ends in NUL
    // and lives until the list is freed; it may be absent.
    let canonical = unsafe {
        let name = (*found).ai_canonname;
        if name.is_null() { None } else { CStr::from_ptr(name).to_str().ok().map(str::to_owned) }
    };
    // SAFETY: the list came from getaddrinfo, and nothing points into it any more.
    unsafe { libc::freeaddrinfo(found) };
    canonical.filter(|name| !name.is_empty())
}

/// The account this process runs as: its name, else its number.
pub fn own_account() -> String {
    let uid = Uid::effective();
    match User::from_uid(uid) {
        Ok(Some(user)) => user.name,
        Ok(None) | Err(_) => uid.to_string(),
    }
}

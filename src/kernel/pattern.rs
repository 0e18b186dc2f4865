// SPDX-License-Identifier: MIT OR Apache-2.0
//! Perl-compatible patterns, searched for in small steps so that none can hold up the worker: each step ends by itself,
//! and the caller decides whether there is another.
//!
//! PCRE2's own calls are used: seven of the options a configuration may name can be given in no other way.

use std::ptr::{self, NonNull};

use pcre2_sys as sys;

use super::clock;

/// Attempts to match that one place of a text may take. A pattern that needs more there fails with an error.
const MATCH_LIMIT: u32 = 200_000;

/// Memory that one attempt may take, in KiB.
const HEAP_LIMIT_KIB: u32 = 4 * 1024;

/// How many places of a text the first step tries.
const FIRST_STEP: usize = 4096;

/// What a step should take. The number of places it tries follows from what the one before took.
const STEP_AIM_NANOS: u64 = 1_000_000;

/// The options by their names in configurations.
const OPTIONS: &[(&str, u32)] = &[
    ("allow_empty_class", sys::PCRE2_ALLOW_EMPTY_CLASS),
    ("alt_bsux", sys::PCRE2_ALT_BSUX),
    ("alt_circumflex", sys::PCRE2_ALT_CIRCUMFLEX),
    ("alt_verbnames", sys::PCRE2_ALT_VERBNAMES),
    // It calls back at every item of a pattern, and nobody listens.
    ("auto_callout", 0),
    ("caseless", sys::PCRE2_CASELESS),
    ("dollar_endonly", sys::PCRE2_DOLLAR_ENDONLY),
    ("dotall", sys::PCRE2_DOTALL),
    ("dupnames", sys::PCRE2_DUPNAMES),
    ("extended", sys::PCRE2_EXTENDED),
    ("firstline", sys::PCRE2_FIRSTLINE),
    ("match_unset_backref", sys::PCRE2_MATCH_UNSET_BACKREF),
    ("multiline", sys::PCRE2_MULTILINE),
    ("never_backslash_c", sys::PCRE2_NEVER_BACKSLASH_C),
    ("never_ucp", sys::PCRE2_NEVER_UCP),
    ("never_utf", sys::PCRE2_NEVER_UTF),
    ("no_auto_capture", sys::PCRE2_NO_AUTO_CAPTURE),
    ("no_auto_possess", sys::PCRE2_NO_AUTO_POSSESS),
    ("no_dotstar_anchor", sys::PCRE2_NO_DOTSTAR_ANCHOR),
    ("no_start_optimize", sys::PCRE2_NO_START_OPTIMIZE),
    ("ucp", sys::PCRE2_UCP),
    ("ungreedy", sys::PCRE2_UNGREEDY),
    ("use_offset_limit", sys::PCRE2_USE_OFFSET_LIMIT),
    ("utf", sys::PCRE2_UTF),
];

/// A pattern that compiled.
#[derive(Debug)]
pub struct Pattern {
    code: NonNull<sys::pcre2_code_8>,
    utf: bool,
}

// SAFETY: a compiled pattern is never changed (pcre2api, "Multithreading"): matching writes to its own data alone.
#[allow(unsafe_code)]
unsafe impl Send for Pattern {}
// SAFETY: as above.
#[allow(unsafe_code)]
unsafe impl Sync for Pattern {}

impl Pattern {
    /// Compiles a pattern, or says where and why it cannot be.
    #[allow(unsafe_code)]
    pub fn compile(text: &str, options: &[&str]) -> Result<Pattern, String> {
        let named = |option: &&str| OPTIONS.iter().find(|(name, _)| name == option).map_or(0, |(_, bit)| *bit);
        let bits = options.iter().map(named).fold(sys::PCRE2_USE_OFFSET_LIMIT, |bits, bit| bits | bit);
        let (mut error, mut at) = (0, 0);
        // SAFETY: pointer and length are of one text, which is not kept; the two numbers live for the call.
        let code = unsafe {
            sys::pcre2_compile_8(text.as_ptr(), text.len(), bits, &raw mut error, &raw mut at, ptr::null_mut())
        };
        let code = NonNull::new(code).ok_or_else(|| format!("{} at offset {at}", message(error)))?;
        let mut in_force = 0_u32;
        // SAFETY: the code is valid, and this question is answered with one 32-bit number.
        unsafe { sys::pcre2_pattern_info_8(code.as_ptr(), sys::PCRE2_INFO_ALLOPTIONS, (&raw mut in_force).cast()) };
        Ok(Pattern { code, utf: in_force & sys::PCRE2_UTF != 0 })
    }

    /// Begins to look for the first match that begins at `from` or later, and at `to` or earlier.
    #[allow(unsafe_code)]
    pub fn search<'s>(&'s self, subject: &'s [u8], from: usize, to: usize) -> Result<Search<'s>, Trouble> {
        if self.utf && std::str::from_utf8(subject).is_err() {
            return Err(Trouble::Subject("it is not UTF-8, which the pattern wants".to_owned()));
        }
        // SAFETY: one pair of offsets is what is read later; a null pointer means that there was no memory.
        let data = unsafe { sys::pcre2_match_data_create_8(1, ptr::null_mut()) };
        let data = Data(NonNull::new(data).ok_or(Trouble::Memory)?);
        // SAFETY: no general context is needed; a null pointer means that there was no memory.
        let context = unsafe { sys::pcre2_match_context_create_8(ptr::null_mut()) };
        let context = Context(NonNull::new(context).ok_or(Trouble::Memory)?);
        // SAFETY: the context was just made, and these calls only store a number in it.
        unsafe {
            sys::pcre2_set_match_limit_8(context.0.as_ptr(), MATCH_LIMIT);
            sys::pcre2_set_heap_limit_8(context.0.as_ptr(), HEAP_LIMIT_KIB);
        }
        Ok(Search { pattern: self, subject, data, context, at: from, to: to.min(subject.len()), places: FIRST_STEP })
    }
}

impl Drop for Pattern {
    #[allow(unsafe_code)]
    fn drop(&mut self) {
        // SAFETY: it came from pcre2_compile and is freed once.
        unsafe { sys::pcre2_code_free_8(self.code.as_ptr()) };
    }
}

/// Why a text cannot be searched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// This machine has no memory for it.
    Memory,
    /// The text is not what the pattern can be looked for in, or only with more effort than is made.
    Subject(String),
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Trouble::Memory => out.write_str("there is no memory to match in"),
            Trouble::Subject(why) => out.write_str(why),
        }
    }
}

/// What a step of a search came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// There is a match, and it begins here.
    Found(usize),
    /// There is none.
    Absent,
    /// Not yet; there is more to look at.
    More,
}

/// A search that is under way.
#[derive(Debug)]
pub struct Search<'s> {
    pattern: &'s Pattern,
    subject: &'s [u8],
    data: Data,
    context: Context,
    /// Where the next step begins, and the last place where a match may begin.
    at: usize,
    to: usize,
    places: usize,
}

// SAFETY: match data and context belong to this value alone and hold nothing of a thread.
#[allow(unsafe_code)]
unsafe impl Send for Search<'_> {}

impl Search<'_> {
    /// Looks at the next places.
    #[allow(unsafe_code)]
    pub fn step(&mut self) -> Result<Step, Trouble> {
        if self.pattern.utf {
            while self.subject.get(self.at).is_some_and(|byte| byte & 0xc0 == 0x80) {
                self.at += 1;
            }
        }
        if self.at > self.to {
            return Ok(Step::Absent);
        }
        let last = self.at.saturating_add(self.places - 1).min(self.to);
        let began = clock::now();
        // SAFETY: the context is valid, and this only stores a number in it.
        unsafe { sys::pcre2_set_offset_limit_8(self.context.0.as_ptr(), last) };
        // A text for a pattern that wants UTF-8 was looked at when the search began.
        let flags = sys::PCRE2_NO_UTF_CHECK;
        // SAFETY: pattern, data and context are valid; pointer and length are of one slice that outlives the call, and
        // the offset is within it.
        let result = unsafe {
            sys::pcre2_match_8(
                self.pattern.code.as_ptr(),
                self.subject.as_ptr(),
                self.subject.len(),
                self.at,
                flags,
                self.data.0.as_ptr(),
                self.context.0.as_ptr(),
            )
        };
        if result >= 0 {
            // SAFETY: after a match the first pair is set, and the data has room for one pair.
            return Ok(Step::Found(unsafe { *sys::pcre2_get_ovector_pointer_8(self.data.0.as_ptr()) }));
        }
        match result {
            sys::PCRE2_ERROR_NOMATCH => {}
            sys::PCRE2_ERROR_NOMEMORY => return Err(Trouble::Memory),
            other => return Err(Trouble::Subject(message(other))),
        }
        self.at = last + 1;
        let took = clock::now().saturating_sub(began);
        self.places = if took > STEP_AIM_NANOS { (self.places / 2).max(1) } else { self.places.saturating_mul(2) };
        Ok(if self.at > self.to { Step::Absent } else { Step::More })
    }
}

#[derive(Debug)]
struct Data(NonNull<sys::pcre2_match_data_8>);

impl Drop for Data {
    #[allow(unsafe_code)]
    fn drop(&mut self) {
        // SAFETY: it came from pcre2_match_data_create and is freed once.
        unsafe { sys::pcre2_match_data_free_8(self.0.as_ptr()) };
    }
}

#[derive(Debug)]
struct Context(NonNull<sys::pcre2_match_context_8>);

impl Drop for Context {
    #[allow(unsafe_code)]
    fn drop(&mut self) {
        // SAFETY: it came from pcre2_match_context_create and is freed once.
        unsafe { sys::pcre2_match_context_free_8(self.0.as_ptr()) };
    }
}

/// PCRE2's sentence for a number.
#[allow(unsafe_code)]
fn message(number: i32) -> String {
    let mut text = [0_u8; 256];
    // SAFETY: pointer and length are of one buffer.
    let length = unsafe { sys::pcre2_get_error_message_8(number, text.as_mut_ptr(), text.len()) };
    let written = usize::try_from(length).ok().and_then(|length| text.get(..length)).unwrap_or_default();
    String::from_utf8_lossy(written).into_owned()
}

#[cfg(test)]
mod tests;

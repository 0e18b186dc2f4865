// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whether an answer is what a url wants.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use genhash::{Answer, Fetched, Kind, hex};
use keepalived_conf::blocks::lvs::pattern::Pattern as Wanted;
use keepalived_conf::blocks::lvs::url::{Digest, StatusCodes, Url};
use tokio::time::{Instant, timeout_at};

use crate::kernel::pattern::{Pattern, Step, Trouble};
use crate::worker::check::web::talk::Fault;

/// How much of a body is searched for a pattern.
pub(super) const SEARCHED_MAX: usize = 1 << 20;

/// Different patterns that are kept compiled.
const PATTERNS_MAX: usize = 1024;

/// Patterns that were compiled, each once for all checks that have it.
#[derive(Debug, Default)]
pub struct Patterns(Mutex<BTreeMap<Key, Arc<Pattern>>>);

/// A pattern and its options.
type Key = (String, Vec<&'static str>);

impl Patterns {
    fn of(&self, wanted: &Wanted) -> Result<Arc<Pattern>, String> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (wanted.text.clone(), wanted.options.clone());
        if let Some(pattern) = known.get(&key) {
            return Ok(Arc::clone(pattern));
        }
        let pattern = Arc::new(Pattern::compile(&wanted.text, &wanted.options)?);
        if known.len() >= PATTERNS_MAX {
            // Those that are still used come back; who changes so many patterns changed the configuration.
            known.clear();
        }
        known.insert(key, Arc::clone(&pattern));
        Ok(pattern)
    }
}

/// An answer to be read, with what its judgement needs.
pub(super) fn answer(url: &Url) -> Answer {
    let kind = url.digest.as_deref().map(|digest| match digest {
        Digest::Md5(_) => Kind::Md5,
        Digest::Sha256(_) => Kind::Sha256,
    });
    Answer::new(kind, keep(url))
}

/// How much of a body is needed. One byte more than is searched tells whether there was more.
pub(super) fn keep(url: &Url) -> usize {
    if url.regex.is_some() { SEARCHED_MAX + 1 } else { 0 }
}

/// Why an answer is not what a url wants. `Ok` when it is.
pub(super) async fn judge(url: &Url, fetched: &Fetched, patterns: &Patterns, deadline: Instant) -> Result<(), Fault> {
    let Some(status) = fetched.status() else {
        let line = fetched.status_line();
        let shown = line.get(..line.len().min(80)).unwrap_or_default();
        return server(format!("there is no status code in `{}`", shown.escape_ascii()));
    };
    if !url.status.contains(status) {
        return server(format!("status {status}, wanted {}", Codes(&url.status)));
    }
    if let Some(wanted) = url.digest.as_deref() {
        let (name, wanted) = match wanted {
            Digest::Md5(digest) => ("", digest.as_slice()),
            Digest::Sha256(digest) => ("sha256:", digest.as_slice()),
        };
        if fetched.digest != wanted {
            let (came, wanted) = (hex(&fetched.digest), hex(wanted));
            return server(format!("digest {name}{came}, wanted {name}{wanted}{}", short(fetched)));
        }
    }
    match url.regex.as_deref() {
        Some(wanted) => search(wanted, fetched, patterns, deadline).await,
        None => Ok(()),
    }
}

/// It is the server that is not as wanted.
fn server(why: String) -> Result<(), Fault> {
    Err(Fault::Server(why))
}

/// What else is strange about a body that is not the right one.
fn short(fetched: &Fetched) -> String {
    match fetched.length {
        Some(length) if fetched.is_short() => format!(" ({} of {length} bytes came)", fetched.received),
        _ => String::new(),
    }
}

async fn search(wanted: &Wanted, fetched: &Fetched, patterns: &Patterns, deadline: Instant) -> Result<(), Fault> {
    let pattern =
        patterns.of(wanted).map_err(|error| Fault::Ours(format!("the pattern `{}`: {error}", wanted.text)))?;
    let text = fetched.text().ok_or_else(|| Fault::Ours("there is no memory to put the chunks together".to_owned()))?;
    let is_cut = fetched.body.len() > SEARCHED_MAX;
    let text = text.get(..text.len().min(SEARCHED_MAX)).unwrap_or_default();
    let offset = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
    let (from, to) = (offset(wanted.min_offset), wanted.max_offset.map_or(usize::MAX, offset));
    let told = |error: &dyn std::fmt::Display| format!("the body cannot be searched for `{}`: {error}", wanted.text);
    let unusable = |trouble: Trouble| match trouble {
        Trouble::Memory => Fault::Ours(told(&trouble)),
        Trouble::Subject(_) => Fault::Server(told(&trouble)),
    };
    let searching = async {
        let mut search = pattern.search(text, from, to).map_err(unusable)?;
        loop {
            match search.step().map_err(unusable)? {
                Step::Found(_) => return Ok::<bool, Fault>(true),
                Step::Absent => return Ok(false),
                // Others on this runtime get their turn, and the deadline too.
                Step::More => tokio::task::yield_now().await,
            }
        }
    };
    // Each step is short, and how many there can be has its limit: where the time is up, others had it.
    let late = |_| Fault::Ours(told(&"it takes too long"));
    let found = timeout_at(deadline, searching).await.map_err(late)??;
    match (found, wanted.no_match) {
        (true, false) => Ok(()),
        (true, true) => server(format!("the body matches `{}`, and must not", wanted.text)),
        // A match further on would not have been seen.
        (false, _) if is_cut && to > SEARCHED_MAX => {
            server(format!("the body is longer than the {} KiB that are searched", SEARCHED_MAX / 1024))
        }
        (false, true) => Ok(()),
        (false, false) => server(format!("the body does not match `{}`{}", wanted.text, short(fetched))),
    }
}

/// Status codes as configurations write them.
struct Codes<'c>(&'c StatusCodes);

impl std::fmt::Display for Codes<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ranges: &[(u16, u16)] = match self.0 {
            StatusCodes::Success => &[(200, 299)],
            StatusCodes::Range(first, last) => &[(*first, *last)],
            StatusCodes::Ranges(ranges) => ranges,
        };
        for (at, (first, last)) in ranges.iter().enumerate() {
            let between = if at == 0 { "" } else { " " };
            if first == last {
                write!(out, "{between}{first}")?;
            } else {
                write!(out, "{between}{first}-{last}")?;
            }
        }
        Ok(())
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The signals of the supervisor, as one stream.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{Receiver, channel};

use crate::channel::Dump;

/// Signals that may wait while something else is done.
const SIGNALS_MAX: usize = 16;

/// keepalived's numbers for a dump as JSON, and for statistics that are written and begin anew. Exporters send the first.
const JSON: i32 = 36;
const CLEAR: i32 = 63;
/// The same as JSON where the C library is musl: OpenWrt sends it to every process of the program.
const JSON_MUSL: i32 = 37;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signal {
    Stop,
    Reload,
    Dump(Dump),
}

/// Needs a tokio runtime and a local set.
pub(super) fn listen(ignore_interrupt: bool) -> io::Result<Receiver<Signal>> {
    let (sender, receiver) = channel(SIGNALS_MAX);
    let wanted = [
        (SignalKind::terminate(), Some(Signal::Stop)),
        (SignalKind::hangup(), Some(Signal::Reload)),
        (SignalKind::interrupt(), (!ignore_interrupt).then_some(Signal::Stop)),
        (SignalKind::user_defined1(), Some(Signal::Dump(Dump::Data))),
        (SignalKind::user_defined2(), Some(Signal::Dump(Dump::Stats))),
        (SignalKind::from_raw(JSON), Some(Signal::Dump(Dump::Json))),
        (SignalKind::from_raw(JSON_MUSL), Some(Signal::Dump(Dump::Json))),
        (SignalKind::from_raw(CLEAR), Some(Signal::Dump(Dump::StatsAnew))),
        (SignalKind::pipe(), None),
    ];
    for (kind, meaning) in wanted {
        let mut stream = signal(kind)?;
        let sender = sender.clone();
        tokio::task::spawn_local(async move {
            while stream.recv().await.is_some() {
                if let Some(meaning) = meaning
                    && sender.send(meaning).await.is_err()
                {
                    return;
                }
            }
        });
    }
    Ok(receiver)
}

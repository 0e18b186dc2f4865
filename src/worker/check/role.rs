//! The process of the checker worker: what it is told by its supervisor. It ends in good order when it is told to, and
//! when its supervisor is gone.

use std::ffi::OsStr;
use std::io;
use std::time::Duration;

use tokio::sync::mpsc::channel;

use crate::channel::Message;
use crate::observe::log::Log;
use crate::worker::process::{self, Lifeline};

/// Orders that may wait for a loop that is busy.
const ORDERS_MAX: usize = 16;
/// How long the loop may seem not to go round before it counts as hung.
const PATIENCE: Duration = Duration::from_secs(10);
/// So many signs of life in this time.
const BEATS: u32 = 5;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Stop,
}

/// Runs the worker until it is told to stop; the answer is the exit status. `inherited` are the numbers of the channel and
/// of the configuration.
pub fn run(name: &OsStr, inherited: (i32, i32), log: &Log) -> u8 {
    process::run(name, inherited, log, async |lifeline, _| live(lifeline, log).await)
}

async fn live(lifeline: &Lifeline, log: &Log) -> io::Result<()> {
    let (orders, mut ordered) = channel(ORDERS_MAX);
    process::obey_signals(&orders, || Order::Stop, |_| {})?;
    loop {
        lifeline.alive(PATIENCE);
        tokio::select! {
            received = lifeline.outbox().channel().receive() => match received {
                Ok(Some((Message::Reload { epoch }, _))) => {
                    lifeline.outbox().post(Message::Reloaded { epoch, refused: None });
                }
                // Its file is not written yet.
                Ok(Some((Message::Dump(_), _))) => {}
                Ok(Some((Message::Stop, _))) => return Ok(()),
                Ok(Some((other, _))) => {
                    log.warning(format_args!("the supervisor said what is not understood: {other:?}"));
                }
                Ok(None) | Err(_) => {
                    log.error("the supervisor is gone: leaving in good order");
                    return Ok(());
                }
            },
            Some(Order::Stop) = ordered.recv() => return Ok(()),
            () = tokio::time::sleep(PATIENCE / BEATS) => {}
        }
    }
}

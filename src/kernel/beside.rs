// SPDX-License-Identifier: MIT OR Apache-2.0
//! Work that may take long, on a thread of its own beside the loop. Where the system has no memory or no room for another
//! thread that is an error like any other; the runtime's own pool would end the process.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::thread;

use tokio::sync::oneshot;

/// Enough for reading a configuration and for looking names up.
const STACK: usize = 2 << 20;

/// The outcome of the work; dropping it leaves the work to itself.
#[derive(Debug)]
pub struct Beside<T> {
    refused: Option<io::Error>,
    outcome: oneshot::Receiver<T>,
}

/// Begins the work.
pub fn run<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Beside<T> {
    let (tell, outcome) = oneshot::channel();
    let begun = thread::Builder::new().name("beside".to_owned()).stack_size(STACK).spawn(move || {
        // Who waited may have given up.
        let _ = tell.send(work());
    });
    Beside { refused: begun.err(), outcome }
}

impl<T> Future for Beside<T> {
    type Output = io::Result<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        if let Some(error) = self.refused.take() {
            return Poll::Ready(Err(error));
        }
        Pin::new(&mut self.outcome).poll(context).map(|outcome| outcome.map_err(io::Error::other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loop_goes_on_until_the_work_is_done() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (go, wait) = std::sync::mpsc::channel();
        let done = runtime.block_on(async {
            let work = run(move || wait.recv().unwrap_or(0) + 1);
            tokio::task::yield_now().await;
            go.send(41).unwrap();
            work.await
        });
        assert_eq!(done.unwrap(), 42);
    }

    #[test]
    fn a_thread_that_cannot_be_had_is_an_error() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let refused = Beside::<()> { refused: Some(io::ErrorKind::OutOfMemory.into()), outcome: oneshot::channel().1 };
        assert_eq!(runtime.block_on(refused).unwrap_err().kind(), io::ErrorKind::OutOfMemory);
    }
}

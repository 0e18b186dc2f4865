//! The parent of everything: signals, and the life of the workers.
//!
//! One task turns signals into orders; the worker is the other one, on the same runtime.

pub mod daemon;
mod meaning;
mod watches;

use std::process::ExitCode;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{Sender, channel};
use tokio::task::LocalSet;

use crate::observe::log::Log;
use crate::plan::vrrp::VrrpPlan;
use crate::worker::vrrp::{self, Order, Outside};

/// Orders that may wait for a worker that is busy.
const ORDERS_MAX: usize = 16;
/// Readings of tracked objects that may wait.
const READINGS_MAX: usize = 256;

/// Exit code: a permission or something else the kernel does not grant is missing.
const EXIT_PERMISSION: u8 = 4;
const EXIT_FATAL: u8 = 1;

/// Runs the VRRP worker in the foreground until SIGTERM or SIGINT. SIGHUP asks `reload` for another plan; nothing changes
/// when there is none.
pub fn run(plan: VrrpPlan, log: &Log, reload: impl FnMut() -> Option<VrrpPlan>) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            log.error(format_args!("cannot start: {error}"));
            return ExitCode::from(EXIT_FATAL);
        }
    };
    let ended = LocalSet::new().block_on(&runtime, supervise(plan, log, reload));
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log.error(format_args!("the VRRP worker ended: {error}"));
            let denied = error.kind() == std::io::ErrorKind::PermissionDenied;
            ExitCode::from(if denied { EXIT_PERMISSION } else { EXIT_FATAL })
        }
    }
}

async fn supervise(plan: VrrpPlan, log: &Log, reload: impl FnMut() -> Option<VrrpPlan>) -> std::io::Result<()> {
    let (orders, ordered) = channel(ORDERS_MAX);
    let (_readings, read) = channel(READINGS_MAX);
    let outside = Outside { log: log.clone(), orders: ordered, readings: read, told: &mut |_, _| {} };
    tokio::select! {
        ended = vrrp::run(plan, outside) => ended,
        failed = obey_signals(orders, reload) => failed,
    }
}

/// Ends only when signals cannot be had.
async fn obey_signals(orders: Sender<Order>, mut reload: impl FnMut() -> Option<VrrpPlan>) -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    loop {
        let order = tokio::select! {
            Some(()) = terminate.recv() => Some(Order::Stop),
            Some(()) = interrupt.recv() => Some(Order::Stop),
            Some(()) = hang_up.recv() => reload().map(|plan| Order::Reload(Box::new(plan))),
        };
        if let Some(order) = order {
            // A worker that takes no more orders has ended; the other half of the select sees that.
            let _ = orders.send(order).await;
        }
    }
}

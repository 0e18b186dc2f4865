// SPDX-License-Identifier: MIT OR Apache-2.0
//! The process of the status worker.

use std::ffi::OsStr;
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use keepalived_conf::Config;
use keepalived_conf::blocks::global::webhook::Webhook;
use tokio::sync::mpsc::channel;

use super::desk::{Desk, QUESTIONS_MAX};
use super::{control, http};
use crate::channel::Message;
use crate::kernel::bundle::Bundle;
use crate::kernel::host::OsHost;
use crate::kernel::sandbox::Schedule;
use crate::kernel::{memory, names, rights};
use crate::notify::webhook::{Times, Webhooks};
use crate::observe::log::{Format, Log};
use crate::worker::process::{self, Inherited, Lifeline};

/// Orders that may wait.
const ORDERS_MAX: usize = 4;
/// How long the loop may seem not to go round before it counts as hung.
const PATIENCE: Duration = Duration::from_secs(30);
/// Nobody depends on this process, and nobody is to wake up because of it when nobody asks.
const REST: Duration = Duration::from_secs(20);

/// Whoever only looks on waits for those who work.
const NICE: i8 = 10;

enum Order {
    Stop,
}

/// Runs the worker until it is told to stop; the answer is the exit status. `socket` says where operators ask.
pub fn run(name: &OsStr, inherited: Inherited, socket: impl Fn(&Config) -> PathBuf, log: &Log) -> u8 {
    process::run(name, inherited, log, async |lifeline, text| live(lifeline, text, &socket, log).await)
}

/// Where whoever asks comes in, besides root, and who is told.
#[derive(PartialEq, Eq)]
struct Doors {
    places: Vec<String>,
    group: Option<String>,
    webhooks: Vec<Webhook>,
}

impl Doors {
    fn of(config: Config) -> Doors {
        let ours = config.global.ours;
        Doors { places: ours.status_listen, group: ours.control_group, webhooks: ours.webhooks }
    }
}

fn read(text: String) -> Config {
    keepalived_conf::load_global(&OsHost::new(), text)
}

async fn live(lifeline: &Lifeline, text: String, socket: impl Fn(&Config) -> PathBuf, log: &Log) -> io::Result<()> {
    let (orders, mut ordered) = channel(ORDERS_MAX);
    process::obey_signals(&orders, || Order::Stop, |_| {})?;
    let (questions, mut questioned) = channel(QUESTIONS_MAX);
    // Of a configuration that may be large no more is kept than is needed.
    let (socket, doors) = {
        let config = read(text);
        log.form(Format::of(&config));
        (socket(&config), Doors::of(config))
    };
    memory::give_back();
    let mut known = lifeline.configuration().ok();
    let webhooks = Webhooks::new(&doors.webhooks, names::host(), None, Times::default(), log);
    let desk = Rc::new(Desk::new(questions, webhooks));
    match control::open(&socket, doors.group.as_deref(), log) {
        Ok(listener) => {
            tokio::task::spawn_local(control::serve(listener, desk.clone()));
        }
        Err(error) => log.error(format_args!("operators cannot ask: {}: {error}", socket.display())),
    }
    // Where the configuration wants the page and the metrics to be.
    for place in &doors.places {
        match http::listen(place).await {
            Ok(listener) => {
                tokio::task::spawn_local(http::serve(listener, desk.clone()));
            }
            Err(error) => log.error(format_args!("no page and no metrics at {place}: {error}")),
        }
    }
    // Not before all is read: until then it hears no order to leave.
    for unmet in (Schedule { nice: NICE, ..Schedule::default() }).apply(None) {
        log.debug(format_args!("the kernel does not grant {}: {}", unmet.what, unmet.error));
    }
    if let Err(error) = rights::give_up() {
        log.warning(format_args!("the status worker keeps its rights: {error}"));
    }
    loop {
        lifeline.alive(PATIENCE);
        tokio::select! {
            // What waits to be read may be much: it comes last, and the order to leave first.
            biased;
            Some(Order::Stop) = ordered.recv() => return Ok(()),
            Some((id, ask)) = questioned.recv() => lifeline.outbox().post(Message::Ask { id, ask }),
            posted = desk.posted() => for (hook, number) in posted {
                lifeline.outbox().post(Message::Posted { hook, number });
            },
            failed = lifeline.outbox().run() => return failed,
            received = process::told(lifeline.outbox(), log) => match received {
                Ok(Some((Message::Answer { id, body }, _))) => desk.answered(id, body),
                Ok(Some((Message::Happened(events), _))) => {
                    for happened in events {
                        desk.tell(&happened);
                        desk.happened(happened);
                    }
                }
                Ok(Some((Message::Past { events, posted }, _))) => desk.past(events, &posted),
                Ok(Some((Message::Reload { epoch }, bundle))) => {
                    lifeline.outbox().post(Message::Reloaded { epoch, refused: None });
                    let is_known = |bundle: &OwnedFd| known.as_ref().is_some_and(|known| Bundle::is_same(known, bundle));
                    let Some(bundle) = bundle.filter(|bundle| !is_known(bundle)) else { continue };
                    known = bundle.try_clone().ok();
                    let now = read(process::text_of(bundle)?);
                    log.form(Format::of(&now));
                    if Doors::of(now) != doors {
                        // Another place may need rights that were given up: whoever comes after us has them.
                        return Ok(());
                    }
                    memory::give_back();
                }
                Ok(Some((Message::Stop, _))) => return Ok(()),
                Ok(Some((Message::Dump(_), _))) => {}
                Ok(Some((other, _))) => {
                    log.warning(format_args!("the supervisor said what is not understood: {other:?}"));
                }
                Ok(None) | Err(_) => return Ok(()),
            },
            () = tokio::time::sleep(REST) => {}
        }
    }
}

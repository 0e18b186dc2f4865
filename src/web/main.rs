// SPDX-License-Identifier: MIT OR Apache-2.0
//! steadfast-web: speaks TLS for the checker. It gets connections that are made already, and answers with what came over
//! them. Hostile certificates are read here, by a process that may do nothing. Started with another word it posts events
//! for webhooks.

mod post;
mod session;

use std::os::fd::OwnedFd;
use std::process::ExitCode;
use std::rc::Rc;
use std::sync::Arc;

use openssl::pkey::PKey;
use openssl::ssl::SslContext;
use steadfast::kernel::seqpacket::{End, Line};
use steadfast::kernel::{confine, files, nobody, offspring, sandbox};
use steadfast::notify::webhook::POSTING;
use steadfast::worker::check::web::talk::{Ask, Credentials, Fault, Reply, Task, reply};
use tokio::sync::Semaphore;
use tokio::task::LocalSet;

/// Exchanges at once. The checker has as many connections at most.
const SESSIONS_MAX: usize = steadfast::dial::CONNECTIONS_MAX;

const FOR_OURS: &str = "it is started by steadfast, and by nobody else";

/// A key file is never longer.
const KEY_MAX: u64 = 1 << 20;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let (posts, number) = match words.as_slice() {
        [number] => (false, number.parse()),
        [word, number] if word == POSTING => (true, number.parse()),
        _ => return ended(FOR_OURS),
    };
    let Ok(number) = number else { return ended(FOR_OURS) };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return ended(&error.to_string()),
    };
    let served = LocalSet::new().block_on(&runtime, async {
        let line = offspring::inherited(number).and_then(|descriptor| End::from_inherited(descriptor).watched());
        let line = Rc::new(line.map_err(|error| error.to_string())?);
        if posts { post::serve(line).await } else { serve(line).await }
    });
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => ended(&why),
    }
}

fn ended(why: &str) -> ExitCode {
    said(why);
    ExitCode::FAILURE
}

#[allow(clippy::print_stderr)]
fn said(what: &str) {
    eprintln!("steadfast-web: {what}");
}

/// Answers until nobody asks any more.
async fn serve(line: Rc<Line>) -> Result<(), String> {
    let context = match receive(&line).await? {
        Some((Ask::Present(credentials), _)) => context(&credentials),
        Some((Ask::Fetch(_), _)) => return Err("it was not told what to present".to_owned()),
        None => return Ok(()),
    };
    let context = match context {
        Ok(context) => Rc::new(context),
        Err(why) => {
            let told = serde_json::to_vec(&Reply::Unpresentable { why }).map_err(|error| error.to_string())?;
            return line.end().send(&told, None).map_err(|error| error.to_string());
        }
    };
    // Whatever needed a right was done.
    nobody::become_nobody().map_err(|error| format!("giving up rights: {error}"))?;
    sandbox::raise_descriptor_limit().map_err(|error| error.to_string())?;
    for missing in confine::shut_in() {
        said(&format!(
            "{}: {}; without it, it is nobody and has no capability all the same",
            missing.what, missing.error
        ));
    }
    let slots = Arc::new(Semaphore::new(SESSIONS_MAX));
    while let Some((ask, socket)) = receive(&line).await? {
        let (Ask::Fetch(task), Some(socket)) = (ask, socket) else {
            return Err("a question without a connection".to_owned());
        };
        let (line, context) = (Rc::clone(&line), Rc::clone(&context));
        let slot = Arc::clone(&slots).try_acquire_owned();
        tokio::task::spawn_local(async move {
            let outcome = match &slot {
                Ok(_) => session::fetch(&context, socket, &task).await,
                Err(_) => Err(Fault::Ours(format!("steadfast-web has {SESSIONS_MAX} connections, and no room"))),
            };
            drop(slot);
            answer(&line, &task, outcome).await;
        });
    }
    Ok(())
}

async fn receive(line: &Line) -> Result<Option<(Ask, Option<OwnedFd>)>, String> {
    let Some(packet) = line.receive().await.map_err(|error| error.to_string())? else { return Ok(None) };
    let ask = serde_json::from_slice(&packet.bytes).map_err(|error| error.to_string())?;
    Ok(Some((ask, packet.beside)))
}

/// Sends what came of a task. Nobody is left to be told when that fails.
async fn answer(line: &Line, task: &Task, outcome: Result<genhash::Fetched, Fault>) {
    loop {
        let sent = reply(line.end(), task.id, &outcome);
        match sent {
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                if line.writable().await.is_err() {
                    return;
                }
            }
            Err(error) => {
                // A descriptor for a long answer was lacking, or the other end is gone.
                let _ = reply(line.end(), task.id, &Err(Fault::Ours(format!("passing the answer on: {error}"))));
                return;
            }
            Ok(()) => return,
        }
    }
}

/// What all connections have in common, with what is presented to servers that ask for it.
fn context(credentials: &Credentials) -> Result<SslContext, String> {
    let Credentials { password, ca, certificate, key } = credentials;
    let mut context = genhash_tls::context().map_err(|error| error.to_string())?;
    if let Some(path) = ca {
        context.set_ca_file(path).map_err(|error| format!("the authorities in {path}: {}", first(&error)))?;
    }
    if let Some(path) = certificate {
        context
            .set_certificate_chain_file(path)
            .map_err(|error| format!("the certificate in {path}: {}", first(&error)))?;
    }
    if let Some(path) = key {
        let pem = files::read(path.as_ref(), KEY_MAX).map_err(|error| format!("the key in {path}: {error}"))?;
        let unusable = |error: openssl::error::ErrorStack| format!("the key in {path}: {}", first(&error));
        // Without a password none is asked for.
        let password = password.as_deref().unwrap_or_default();
        let key = PKey::private_key_from_pem_passphrase(&pem, password).map_err(unusable)?;
        context.set_private_key(&key).map_err(unusable)?;
        if certificate.is_some() {
            context.check_private_key().map_err(unusable)?;
        }
    }
    Ok(context.build())
}

fn first(error: &openssl::error::ErrorStack) -> String {
    let reason = error.errors().iter().find_map(openssl::error::Error::reason);
    reason.map_or_else(|| error.to_string(), str::to_owned)
}

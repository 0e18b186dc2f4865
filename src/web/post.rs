// SPDX-License-Identifier: MIT OR Apache-2.0
//! Posts events for webhooks: names looked up, connections made and TLS spoken and verified by a process that may do
//! nothing.

use std::error::Error;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, redirect};
use steadfast::kernel::nobody;
use steadfast::kernel::seqpacket::Line;
use steadfast::notify::webhook::{Done, Task};
use tokio::sync::Semaphore;

/// Posts at once.
const POSTS_MAX: usize = 64;
/// Addresses that an answer may send us on to, one after the other.
const REDIRECTS_MAX: usize = 3;

/// Posts until nobody asks any more.
pub(crate) async fn serve(line: Rc<Line>) -> Result<(), String> {
    // The authorities of the system are read before the rights go. One client for all: each would read them anew.
    let client = Client::builder()
        .user_agent(concat!("steadfast/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::limited(REDIRECTS_MAX))
        .build();
    let client = client.map_err(|error| told(&error))?;
    nobody::become_nobody().map_err(|error| format!("giving up rights: {error}"))?;
    let slots = Arc::new(Semaphore::new(POSTS_MAX));
    while let Some(packet) = line.receive().await.map_err(|error| error.to_string())? {
        let task: Task = serde_json::from_slice(&packet.bytes).map_err(|error| error.to_string())?;
        let (line, client, slot) = (line.clone(), client.clone(), slots.clone().try_acquire_owned());
        tokio::task::spawn_local(async move {
            let id = task.id;
            let outcome = match &slot {
                Ok(_) => post(&client, task).await,
                Err(_) => Err(format!("steadfast-web has {POSTS_MAX} posts on their way, and no room")),
            };
            drop(slot);
            answer(&line, &Done { id, outcome }).await;
        });
    }
    Ok(())
}

async fn post(client: &Client, task: Task) -> Result<u16, String> {
    let Task { id: _, url, body, limit_ms } = task;
    let request = client.post(url).header(CONTENT_TYPE, "application/json").body(body);
    let answer = request.timeout(Duration::from_millis(limit_ms)).send().await;
    // An address may hold a secret, and what is said here is logged.
    answer.map(|answer| answer.status().as_u16()).map_err(|error| told(&error.without_url()))
}

/// An error with what caused it.
fn told(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let next_text = next.to_string();
        if !text.contains(&next_text) {
            text.push_str(&format!(": {next_text}"));
        }
        cause = next.source();
    }
    text
}

async fn answer(line: &Line, done: &Done) {
    let Ok(packet) = serde_json::to_vec(done) else { return };
    loop {
        match line.end().send(&packet, None) {
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                if line.writable().await.is_err() {
                    return;
                }
            }
            // Sent, or nobody is left to be told.
            Ok(()) | Err(_) => return,
        }
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! HTTP_GET: a page is asked for, and its answer judged. Each url is a step of its own, over its own connection.
//!
//! Connecting may take `connect_timeout`, and so may the whole answer after it, however it trickles in.

use keepalived_conf::blocks::lvs::check_http::{HttpCheck, HttpProtocol};
use keepalived_conf::blocks::lvs::url::Url;
use tokio::time::Instant;

use super::{Finding, Tools, exchange, judge};
use crate::dial::Target;
use crate::worker::check::web::talk::Fault;

pub(super) async fn probe(check: &HttpCheck, step: u16, target: &Target, tools: &Tools) -> Finding {
    let Some(url) = check.urls.get(usize::from(step)) else {
        return Finding::not_checked(format!("there is no url number {step}"));
    };
    let limit = *check.timing.connect_timeout;
    let mut stream = match tools.dialer.connect(target, limit).await {
        Ok(stream) => stream,
        Err(error) => return error.into(),
    };
    let deadline = Instant::now() + limit;
    let fetched = exchange::exchange(&mut *stream, &request(check, url, target), judge::answer(url), limit).await;
    let judged = match &fetched {
        Ok(fetched) => judge::judge(url, fetched, &tools.patterns, deadline).await,
        Err(fault) => Err(fault.clone()),
    };
    if fetched.is_ok() {
        tools.dialer.part(stream).await;
    }
    finding(url, judged)
}

/// The bytes that ask for a url.
pub(super) fn request(check: &HttpCheck, url: &Url, target: &Target) -> Vec<u8> {
    let protocol = match check.protocol {
        HttpProtocol::Http10 => genhash::Protocol::V1_0,
        HttpProtocol::Http10Close => genhash::Protocol::V1_0Close,
        HttpProtocol::Http11 => genhash::Protocol::V1_1,
    };
    genhash::request(&url.path, url.virtualhost.as_deref(), target.address, protocol)
}

pub(super) fn finding(url: &Url, judged: Result<(), Fault>) -> Finding {
    match judged {
        Ok(()) => Finding::good(),
        Err(Fault::Server(why)) => Finding::bad(format!("{}: {why}", &*url.path)),
        Err(Fault::Ours(why)) => Finding::not_checked(format!("{}: {why}", &*url.path)),
    }
}

#[cfg(test)]
mod tests;

// SPDX-License-Identifier: MIT OR Apache-2.0
//! SSL_GET: as HTTP_GET, over TLS that steadfast-web speaks.
//!
//! The connection and TLS together may take `connect_timeout`, and so may the whole answer after them.

use std::time::Duration;

use keepalived_conf::blocks::lvs::check_http::HttpCheck;
use keepalived_conf::blocks::lvs::url::{Digest, Url};
use tokio::time::Instant;

use super::{Finding, Tools, http, judge};
use crate::dial::Target;
use crate::worker::check::web::talk::{Fault, Sum, Task};

pub(super) async fn probe(check: &HttpCheck, step: u16, target: &Target, tools: &Tools) -> Finding {
    let Some(url) = check.urls.get(usize::from(step)) else {
        return Finding::not_checked(format!("there is no url number {step}"));
    };
    let limit = *check.timing.connect_timeout;
    let stream = match tools.dialer.connect(target, limit).await {
        Ok(stream) => stream,
        Err(error) => return error.into(),
    };
    let left = stream.deadline().saturating_duration_since(Instant::now());
    let Ok(request) = String::from_utf8(http::request(check, url, target)) else {
        return Finding::not_checked("the request is not text");
    };
    let task = Task {
        id: 0,
        name: name(check, url),
        request,
        handshake_ms: millis(left),
        answer_ms: millis(limit),
        digest: url.digest.as_deref().map(|digest| match digest {
            Digest::Md5(_) => Sum::Md5,
            Digest::Sha256(_) => Sum::Sha256,
        }),
        keep: judge::keep(url),
        compliant: check.tls_compliant || url.tls_compliant,
    };
    // The slot is held until the exchange is over: the connection is the same one.
    let (connection, _slot) = match stream.into_parts() {
        Ok(parts) => parts,
        Err(error) => return Finding::not_checked(format!("handing the connection over: {error}")),
    };
    let judged = match tools.web.fetch(connection, task).await {
        Ok(fetched) => judge::judge(url, &fetched, &tools.patterns, Instant::now() + limit).await,
        Err(Fault::Server(why)) => Err(Fault::Server(why)),
        // That is about no url.
        Err(Fault::Ours(why)) => return Finding::not_checked(why),
    };
    http::finding(url, judged)
}

/// The server that is asked for while TLS is set up: the one of the Host header, unless another is named.
fn name(check: &HttpCheck, url: &Url) -> Option<String> {
    if !check.enable_sni {
        return None;
    }
    match (&check.sni_name, &url.virtualhost) {
        (Some(name), _) => Some(name.to_string()),
        (None, Some(host)) => Some(genhash::host_name(host).to_owned()),
        (None, None) => None,
    }
}

/// At least one: a limit of less is one that is over.
fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX).max(1)
}

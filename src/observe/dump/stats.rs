// SPDX-License-Identifier: MIT OR Apache-2.0
//! `keepalived.stats`.

use crate::observe::snapshot::{Statistics, Vrrp};

/// The statistics of every instance.
pub fn stats(seen: &Vrrp) -> String {
    let mut text = String::new();
    for instance in &seen.instances {
        text.push_str(&format!("VRRP Instance: {}\n", instance.name));
        push(&mut text, &instance.counters);
    }
    text
}

fn push(text: &mut String, counted: &Statistics) {
    let lines = [
        "  Advertisements:".to_owned(),
        format!("    Received: {}", counted.advert_rcvd),
        format!("    Sent: {}", counted.advert_sent),
        format!("  Became master: {}", counted.become_master),
        format!("  Released master: {}", counted.release_master),
        "  Packet Errors:".to_owned(),
        format!("    Length: {}", counted.packet_len_err),
        format!("    TTL: {}", counted.ip_ttl_err),
        format!("    Invalid Type: {}", counted.invalid_type_rcvd),
        format!("    Advertisement Interval: {}", counted.advert_interval_err),
        format!("    Address List: {}", counted.addr_list_err),
        "  Authentication Errors:".to_owned(),
        format!("    Invalid Type: {}", counted.invalid_authtype),
        format!("    Type Mismatch: {}", counted.authtype_mismatch),
        format!("    Failure: {}", counted.auth_failure),
        "  Authentication Extension Errors:".to_owned(),
        format!("    Missing: {}", counted.auth_ext_missing),
        format!("    Malformed: {}", counted.auth_ext_malformed),
        format!("    Unknown Key: {}", counted.auth_ext_unknown_key),
        format!("    Invalid HMAC: {}", counted.auth_ext_invalid_hmac),
        format!("    Stale: {}", counted.auth_ext_stale),
        format!("    Replay: {}", counted.auth_ext_replay),
        "  Priority Zero:".to_owned(),
        format!("    Received: {}", counted.pri_zero_rcvd),
        format!("    Sent: {}", counted.pri_zero_sent),
    ];
    for line in lines {
        text.push_str(&line);
        text.push('\n');
    }
}

//! What is counted. No decision reads a counter.

/// Per instance, by upstream's names of its statistics.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Counters {
    pub adverts_received: u64,
    /// Adverts, not copies.
    pub adverts_sent: u64,
    pub became_master: u64,
    pub released_master: u64,
    pub packet_length: u64,
    pub hop_limit: u64,
    pub invalid_type: u64,
    pub interval: u64,
    pub address_list: u64,
    pub invalid_auth_type: u64,
    pub auth_type_mismatch: u64,
    pub auth_failure: u64,
    pub hmac_missing: u64,
    pub hmac_malformed: u64,
    pub hmac_unknown_key: u64,
    pub hmac_invalid: u64,
    pub hmac_stale: u64,
    pub hmac_replay: u64,
    pub priority_zero_received: u64,
    pub priority_zero_sent: u64,
    pub checksum: u64,
    pub version: u64,
    /// Multicast for unicast or the other way round.
    pub destination: u64,
    pub unknown_peer: u64,
    pub reflected: u64,
    /// Heard in Init, in Fault, during the start delay, or as an owner that ignores adverts.
    pub ignored: u64,
}

/// Of datagrams that belong to no instance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Strays {
    pub unknown_port: u64,
    pub unknown_vrid: u64,
    pub too_short: u64,
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is known of the other routers of a virtual router, in words that claim no more than was heard.

use super::page::lasting;
use super::snapshot::{Instance, Master, Peer, State};

/// Who is silent for so many of its intervals is master no more: no router waits longer before it takes over.
pub const MISSED_MAX: u32 = 4;

/// The master a backup follows.
pub fn followed(instance: &Instance) -> Option<&Master> {
    instance.master.as_ref().filter(|_| instance.state == State::Backup)
}

/// All peers but that master.
pub fn others(instance: &Instance) -> impl Iterator<Item = &Peer> {
    let followed = followed(instance).map(|master| &master.address);
    instance.peers.iter().filter(move |peer| followed.is_none_or(|master| *master != peer.address))
}

/// A peer and the age of what is known of it.
pub fn said(peer: &Peer, instance: &Instance, taken: f64) -> String {
    let Peer { heard, priority, interval, differs, .. } = peer;
    let (Some(heard), Some(priority)) = (heard, priority) else {
        return "not heard; only masters speak".to_owned();
    };
    let age = (taken - heard).max(0.0);
    let mut text = match priority {
        0 => format!("said goodbye {}", ago(age)),
        _ if age <= interval * f64::from(MISSED_MAX) => format!("master with priority {priority}, heard {}", ago(age)),
        _ => format!("was master with priority {priority}, silent for {}", lasting(age)),
    };
    if *differs {
        text.push_str(", lists other addresses");
    }
    if *interval > 0.0 && (interval - instance.advert_interval).abs() > f64::EPSILON {
        text.push_str(&format!(", adverts every {interval} s"));
    }
    text
}

fn ago(age: f64) -> String {
    if age < 10.0 { format!("{age:.1} s ago") } else { format!("{} ago", lasting(age)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_is_told_by_what_was_heard_of_it_last() {
        let heard = |at: f64, priority: u8| Peer {
            heard: Some(at),
            priority: Some(priority),
            interval: 1.0,
            ..Peer::default()
        };
        let told = |peer: Peer| {
            let instance = Instance { advert_interval: 1.0, ..Instance::default() };
            said(&peer, &instance, 100.0)
        };
        assert_eq!(told(heard(99.5, 200)), "master with priority 200, heard 0.5 s ago");
        assert_eq!(told(heard(40.0, 200)), "was master with priority 200, silent for 60 s");
        assert_eq!(told(heard(99.0, 0)), "said goodbye 1.0 s ago");
        assert_eq!(told(heard(80.0, 0)), "said goodbye 20 s ago");
        assert_eq!(told(Peer { expected: true, ..Peer::default() }), "not heard; only masters speak");
        let odd = Peer { differs: true, interval: 2.0, ..heard(99.0, 7) };
        assert_eq!(told(odd), "master with priority 7, heard 1.0 s ago, lists other addresses, adverts every 2 s");
        // A clock that was set back makes nothing younger than it is.
        assert_eq!(told(heard(101.0, 7)), "master with priority 7, heard 0.0 s ago");
    }
}

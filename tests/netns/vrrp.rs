//! Virtual routers in real networks: our daemon with itself and with Debian's keepalived, in both roles. Each test is named
//! by the promise it keeps.

use crate::journal::Reading;
use crate::node::{Daemon, Node, Program};
use crate::topology::{Lab, Segment};

/// The ways adverts travel, in short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Way {
    version: u8,
    ipv6: bool,
    unicast: bool,
}

const V2: Way = Way { version: 2, ipv6: false, unicast: false };
const V3: Way = Way { version: 3, ipv6: false, unicast: false };
const V3_IPV6: Way = Way { version: 3, ipv6: true, unicast: false };
const V2_UNICAST: Way = Way { version: 2, ipv6: false, unicast: true };
const V3_UNICAST: Way = Way { version: 3, ipv6: false, unicast: true };
const V3_IPV6_UNICAST: Way = Way { version: 3, ipv6: true, unicast: true };

impl Way {
    fn vip(self) -> &'static str {
        if self.ipv6 { "fe80::100" } else { "10.0.0.100" }
    }

    fn second_vip(self) -> &'static str {
        if self.ipv6 { "fd00::100" } else { "10.0.0.101" }
    }

    /// The address that adverts of a node leave with.
    fn source(self, node: u8) -> String {
        match (self.ipv6, self.unicast) {
            (false, _) => format!("10.0.0.{node}"),
            (true, false) => format!("fe80::ff:fe00:10{node}"),
            (true, true) => format!("fd00::{node}"),
        }
    }

    /// One virtual router with two addresses; `more` is further lines of the instance.
    fn configuration(self, node: u8, priority: u8, more: &str) -> String {
        let Way { version, unicast, .. } = self;
        let interval = if version == 2 { "1" } else { "0.1" };
        let unicast = if unicast {
            let peer = self.source(3 - node);
            format!("unicast_src_ip {}\n unicast_peer {{\n {peer}\n }}\n", self.source(node))
        } else {
            String::new()
        };
        format!(
            "vrrp_instance VI_1 {{\n interface eth0\n version {version}\n advert_int {interval}\n virtual_router_id 51\n \
             priority {priority}\n {unicast} {more}\n virtual_ipaddress {{\n {}\n {}\n }}\n}}\n",
            self.vip(),
            self.second_vip()
        )
    }
}

/// Two nodes on one segment.
struct Pair {
    lab: Lab,
    lan: Segment,
    a: Node,
    b: Node,
}

impl Pair {
    fn new(test: &str) -> Option<Pair> {
        let mut lab = Lab::new(test)?;
        let lan = lab.segment("lan");
        let a = lab.node_on(&lan, "a", &["10.0.0.1/24", "fd00::1/64"]);
        let b = lab.node_on(&lan, "b", &["10.0.0.2/24", "fd00::2/64"]);
        Some(Pair { lab, lan, a, b })
    }

    #[track_caller]
    fn until(&self, promise: &str, holds: impl Fn(&Reading) -> bool) -> Reading {
        self.lab.journal.until(promise, holds)
    }

    /// Starts `a` with priority 200 and `b` with 100, and waits until `a` alone has the addresses and was heard.
    #[track_caller]
    fn elect_a(&self, way: Way, on_a: Program, on_b: Program) -> (Daemon, Daemon) {
        let b = self.b.start(on_b, &way.configuration(2, 100, ""));
        let a = self.a.start(on_a, &way.configuration(1, 200, ""));
        self.until("a is master", |seen| {
            seen.holds_alone("a", way.vip())
                && seen.holds_alone("a", way.second_vip())
                && seen.said("a", "Entering MASTER")
        });
        self.lab.journal.beats(2, |frame| frame.is_advert(&way.source(1), 200));
        (a, b)
    }
}

/// Everything the reference and we must do alike, for one way and one pair of programs.
#[track_caller]
fn election_takeover_and_return(test: &str, way: Way, on_a: Program, on_b: Program) {
    let Some(pair) = Pair::new(test) else { return };
    let (a, b) = pair.elect_a(way, on_a, on_b);
    let seen = pair.lab.journal.read();
    assert!(seen.frames().any(|frame| frame.announces(way.vip())), "the address was announced\n{seen}");
    let advert = seen.frames().filter_map(|frame| frame.advert()).find(|advert| advert.priority == 200).expect("heard");
    assert_eq!((advert.version, advert.vrid, advert.hop_limit), (way.version, 51, advert.hop_limit));
    assert_eq!(advert.addresses.iter().map(ToString::to_string).collect::<Vec<_>>(), [way.vip(), way.second_vip()]);

    // A graceful stop says goodbye, and the backup does not wait for a master-down interval.
    assert!(a.stop().success());
    pair.until("b took over", |seen| seen.holds_alone("b", way.vip()) && seen.holds_alone("b", way.second_vip()));
    let seen = pair.lab.journal.read().since("TERM");
    assert!(seen.frames().any(|frame| frame.is_advert(&way.source(1), 0)), "a said goodbye\n{seen}");

    // Who has the higher priority comes back.
    let _a = pair.a.start(on_a, &way.configuration(1, 200, ""));
    pair.until("a is back", |seen| seen.holds_alone("a", way.vip()) && seen.holds_alone("a", way.second_vip()));

    // A crash of the whole node is noticed by silence alone.
    pair.lab.cut(&pair.a, &pair.lan);
    pair.a.crash();
    pair.until("b took over from the dead", |seen| {
        seen.since("crash").frames().any(|frame| frame.is_advert(&way.source(2), 100)) && pair.b.has(way.vip())
    });
    assert!(b.stop().success());
    assert!(!pair.b.has(way.vip()) && !pair.b.has(way.second_vip()), "nothing is left behind");
}

macro_rules! with_itself_and_keepalived {
    ($($module:ident: $way:expr;)*) => {$(
        mod $module {
            use super::*;

            #[test]
            fn two_of_ours_elect_take_over_and_return() {
                let test = concat!(stringify!($module), "::two_of_ours_elect_take_over_and_return");
                election_takeover_and_return(test, $way, Program::Steadfast, Program::Steadfast);
            }

            #[test]
            fn we_lead_and_keepalived_follows() {
                let test = concat!(stringify!($module), "::we_lead_and_keepalived_follows");
                election_takeover_and_return(test, $way, Program::Steadfast, Program::Keepalived);
            }

            #[test]
            fn keepalived_leads_and_we_follow() {
                let test = concat!(stringify!($module), "::keepalived_leads_and_we_follow");
                election_takeover_and_return(test, $way, Program::Keepalived, Program::Steadfast);
            }
        }
    )*};
}

with_itself_and_keepalived! {
    v2: V2;
    v3: V3;
    v3_ipv6: V3_IPV6;
    v2_unicast: V2_UNICAST;
    v3_unicast: V3_UNICAST;
    v3_ipv6_unicast: V3_IPV6_UNICAST;
}

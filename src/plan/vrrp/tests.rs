// SPDX-License-Identifier: MIT OR Apache-2.0
use keepalived_conf::source::MemoryHost;

use super::*;
use crate::plan::notify::NotifyPlan;
use crate::proto::vrrp::{Auth, Changes, OldUnicast, OnLoss, Params, Preempt, Reach, Version};

fn plan_of(text: &str) -> VrrpPlan {
    plan_after(text, None)
}

fn plan_after(text: &str, before: Option<&VrrpPlan>) -> VrrpPlan {
    let loaded = keepalived_conf::load_str(&MemoryHost::new(), text, true);
    VrrpPlan::compile(&loaded.config, before)
}

/// An instance with these lines beside what every instance needs.
fn with(lines: &str) -> VrrpPlan {
    plan_of(&format!(
        "vrrp_instance web {{\n interface eth0\n virtual_router_id 51\n virtual_ipaddress {{\n 192.0.2.1/24\n }}\n {lines}\n}}\n"
    ))
}

fn params(plan: &VrrpPlan) -> &Params {
    plan.setup.instances.values().next().expect("one instance")
}

fn port(plan: &VrrpPlan) -> &Port {
    plan.ports.values().next().expect("one port")
}

#[test]
fn defaults_are_keepalived_s() {
    let plan = with("");
    let found = params(&plan);
    assert_eq!((found.vrid, found.version, found.priority), (51, Version::V2, 100));
    assert_eq!((found.interval, found.down_timer_adverts), (Duration::from_secs(1), 3));
    assert_eq!(found.preempt, Preempt::Yes { delay: Duration::ZERO });
    assert_eq!(found.reach, Reach::Multicast { group: "224.0.0.18".parse().unwrap() });
    assert_eq!((found.announce.repeat, found.announce.delay), (5, Duration::from_secs(5)));
    assert_eq!(found.on_loss, OnLoss::Bounce);
    assert!(found.handover && found.track_primary && !found.broken && !found.holdings.filter);
    assert_eq!(found.checksum.old_unicast, OldUnicast::Adapt);
    let expected = Port {
        family: Family::V4,
        authenticated: false,
        interface: Some("eth0".to_owned()),
        over: None,
        hears: Hears::Group("224.0.0.18".parse().unwrap()),
        vrf: None,
    };
    assert_eq!(*port(&plan), expected);
    assert_eq!(plan.troubles, [""; 0]);
}

#[test]
fn each_setting_reaches_the_engine() {
    type Check = fn(&Params) -> bool;
    let table: [(&str, Check); 12] = [
        ("priority 200", |p| p.priority == 200),
        ("version 3\nadvert_int 0.25", |p| p.interval == Duration::from_millis(250) && p.version == Version::V3),
        ("down_timer_adverts 5", |p| p.down_timer_adverts == 5),
        ("preempt_delay 7", |p| p.preempt == Preempt::Yes { delay: Duration::from_secs(7) }),
        ("nopreempt", |p| p.preempt == Preempt::No { timer_expired_backup: None }),
        ("nopreempt\ntimer_expired_backup 200", |p| p.preempt == Preempt::No { timer_expired_backup: Some(200) }),
        ("garp_master_delay 2", |p| p.announce.delay == Duration::from_secs(2)),
        ("garp_master_refresh 30", |p| p.announce.refresh == Duration::from_secs(30)),
        ("dont_track_primary", |p| !p.track_primary),
        ("higher_prio_send_advert true", |p| p.higher_prio_send_advert),
        ("lower_prio_no_advert true", |p| p.lower_prio_no_advert),
        ("no_accept", |p| p.holdings.filter),
    ];
    for (lines, check) in table {
        let plan = with(lines);
        assert!(check(params(&plan)), "{lines}: {:?}", params(&plan));
    }
}

#[test]
fn unicast_peers_and_their_limits_are_kept() {
    let plan = with(
        "unicast_src_ip 192.0.2.10\nunicast_ttl 64\nunicast_peer {\n 192.0.2.11\n 192.0.2.12 min_ttl 250 max_ttl 255\n}",
    );
    let Reach::Unicast { peers, ttl, .. } = &params(&plan).reach else { panic!("unicast") };
    let limits: Vec<_> = peers.iter().map(|peer| peer.hop_limits).collect();
    assert_eq!(limits, [None, Some((250, 255))]);
    assert_eq!(*ttl, Some(64));
    assert_eq!(port(&plan).hears, Hears::Address(Some("192.0.2.10".parse().unwrap())));
}

#[test]
fn authentication_counts_only_where_the_protocol_has_it() {
    let ah = "authentication {\n auth_type AH\n auth_pass secret\n}";
    assert!(matches!(params(&with(ah)).auth, Auth::Header(_)));
    assert!(port(&with(ah)).authenticated);
    let pass = "authentication {\n auth_type PASS\n auth_pass secret\n}";
    assert!(matches!(params(&with(pass)).auth, Auth::Password(_)));
    assert!(!port(&with(pass)).authenticated);
    assert_eq!(params(&with(&format!("version 3\n{pass}"))).auth, Auth::None);
    let keyed = format!("auth_hmac {{\n key 1 {}\n active_key 1\n}}", "k".repeat(32));
    assert!(matches!(params(&with(&keyed)).auth, Auth::Keyed(_)));
}

#[test]
fn a_virtual_mac_is_named_and_numbered_after_the_router() {
    let plan = with("use_vmac");
    let over = port(&plan).over.clone().expect("an interface of its own");
    assert_eq!((over.name.as_str(), over.kind), ("vrrp.51", OverKind::Vmac([0, 0, 0x5e, 0, 1, 51])));
    let named = with("use_vmac vip0\nvmac_xmit_base");
    let over = port(&named).over.clone().expect("an interface of its own");
    assert!(over.name == "vip0" && over.transmit_base);
}

#[test]
fn a_virtual_interface_gets_a_name_that_is_free() {
    let instance = |name: &str, interface: &str, address: &str| {
        format!(
            "vrrp_instance {name} {{\n interface {interface}\n virtual_router_id 51\n use_vmac\n virtual_ipaddress {{\n {address}\n }}\n}}\n"
        )
    };
    let names = |text: &str| -> Vec<String> {
        plan_of(text).ports.values().filter_map(|port| port.over.as_ref()).map(|over| over.name.clone()).collect()
    };
    assert_eq!(names(&instance("six", "eth0", "fe80::51/64")), ["vrrp.51"]);
    let both = instance("four", "eth0", "192.0.2.1") + &instance("six", "eth0", "fe80::51/64");
    assert_eq!(names(&both), ["vrrp.51", "vrrp6.51"]);
    let two = instance("one", "eth0", "192.0.2.1") + &instance("two", "eth1", "192.0.2.2");
    assert_eq!(names(&two), ["vrrp.51", "vrrp1.51"]);
}

/// Where each address is held, the interfaces made for addresses, and who cannot take part.
fn placed(text: &str) -> (Vec<(String, String)>, Vec<String>, Vec<String>) {
    let plan = plan_of(text);
    let on = |link: Option<LinkId>| link.and_then(|link| plan.links.get(&link)).map_or("-", String::as_str).to_owned();
    let held = plan.setup.instances.values().flat_map(|params| params.holdings.every_address());
    let vmacs = plan.address_vmacs.iter().map(|vmac| {
        let OverKind::Vmac([.., fifth, vrid]) = vmac.over.kind else { panic!("{vmac:?}") };
        format!("{} on {} {fifth}:{vrid}", vmac.over.name, vmac.base)
    });
    let broken = plan.setup.instances.iter().filter(|(_, params)| params.broken);
    (
        held.map(|held| (held.ip.to_string(), on(held.link))).collect(),
        vmacs.collect(),
        broken.map(|(id, _)| plan.instances[id].clone()).collect(),
    )
}

#[test]
fn an_address_stands_where_keepalived_puts_it() {
    let placed = |lines: &str| {
        placed(&format!("vrrp_instance web {{\n interface eth0\n virtual_router_id 51\n version 3\n{lines}\n}}\n"))
    };
    let pairs = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        pairs.iter().map(|(ip, on)| ((*ip).to_owned(), (*on).to_owned())).collect()
    };
    let (held, vmacs, _) = placed(
        "use_vmac\n virtual_ipaddress {\n 192.0.2.1\n 192.0.2.2 dev eth2\n 192.0.2.3 dev eth0\n 192.0.2.4 dev eth2 use_vmac\n \
         192.0.2.5 use_vmac\n }\n virtual_ipaddress_excluded {\n 2001:db8::5\n 2001:db8::6 use_vmac\n }",
    );
    let wanted = [
        ("192.0.2.1", "-"),
        ("192.0.2.2", "eth2"),
        ("192.0.2.3", "-"),
        ("192.0.2.4", "vrrp1.51"),
        ("192.0.2.5", "-"),
        ("2001:db8::5", "eth0"),
        ("2001:db8::6", "vrrp6.51"),
    ];
    assert_eq!(held, pairs(&wanted));
    assert_eq!(vmacs, ["vrrp1.51 on eth2 1:51", "vrrp6.51 on eth0 2:51"]);

    let (held, vmacs, _) = placed(
        "use_vmac_addr\n virtual_ipaddress {\n 192.0.2.1\n 192.0.2.2 dev eth2\n 192.0.2.3 dev eth0\n }\n \
         virtual_ipaddress_excluded {\n 2001:db8::5\n 2001:db8::6 dev eth2\n }",
    );
    let wanted = [
        ("192.0.2.1", "-"),
        ("192.0.2.2", "vrrp.51"),
        ("192.0.2.3", "-"),
        ("2001:db8::5", "vrrp6.51"),
        ("2001:db8::6", "vrrp1.51"),
    ];
    assert_eq!(held, pairs(&wanted));
    assert_eq!(vmacs, ["vrrp.51 on eth2 1:51", "vrrp6.51 on eth0 2:51", "vrrp1.51 on eth2 2:51"]);

    let (held, vmacs, _) = placed("virtual_ipaddress {\n 192.0.2.1\n 192.0.2.2 use_vmac\n }");
    assert_eq!(held, pairs(&[("192.0.2.1", "-"), ("192.0.2.2", "vrrp.51")]));
    assert_eq!(vmacs, ["vrrp.51 on eth0 1:51"]);
}

#[test]
fn instances_with_one_virtual_mac_move_together_or_one_of_them_takes_no_part() {
    let text = "vrrp_instance four {\n interface eth0\n virtual_router_id 51\n version 3\n use_vmac\n virtual_ipaddress {\n \
                192.0.2.1\n }\n virtual_ipaddress_excluded {\n 2001:db8::6 use_vmac\n }\n}\nvrrp_instance six {\n interface \
                eth0\n virtual_router_id 51\n version 3\n use_vmac vip6\n virtual_ipaddress {\n fe80::99\n }\n}\n";
    let (held, vmacs, broken) = placed(text);
    assert_eq!(held[1], ("2001:db8::6".to_owned(), "vip6".to_owned()), "the one that is there anyway");
    assert_eq!((vmacs, broken), (vec![], vec!["six".to_owned()]));
    let (_, _, broken) = placed(&format!("{text}vrrp_sync_group both {{\n group {{\n four\n six\n }}\n}}\n"));
    assert!(broken.is_empty(), "{broken:?}");
}

#[test]
fn addresses_elsewhere_are_followed_without_being_asked() {
    let plan = plan_of(
        "vrrp_instance web {\n interface eth0\n virtual_router_id 51\n virtual_ipaddress {\n 192.0.2.1/24\n \
         198.51.100.1/24 dev eth1\n }\n virtual_ipaddress_excluded {\n 203.0.113.1/32 dev eth2 no_track\n }\n}\n",
    );
    let followed: Vec<_> = plan.tracks.values().map(|track| track.source.clone()).collect();
    assert_eq!(followed, [TrackSource::Interface("eth1".to_owned())]);
    let links: Vec<_> = plan.links.values().map(String::as_str).collect();
    assert_eq!(links, ["eth1", "eth2"]);
    let holdings = &params(&plan).holdings;
    assert!(holdings.addresses[0].link.is_none() && holdings.addresses[0].detail.is_none());
    assert!(!holdings.excluded[0].tracked);
}

#[test]
fn tracked_objects_are_described_with_their_weights() {
    let plan = plan_of(
        "vrrp_script chk {\n script \"/bin/true\"\n interval 3\n rise 2\n fall 4\n weight -20\n}\n\
         track_file load {\n file /tmp/load\n weight 2\n}\n\
         vrrp_instance web {\n interface eth0\n virtual_router_id 51\n virtual_ipaddress {\n 192.0.2.1\n }\n \
         track_interface {\n eth1 weight 10\n }\n track_script {\n chk\n }\n track_file {\n load\n }\n}\n",
    );
    let found = params(&plan);
    let weights: Vec<i32> = found.tracks.iter().map(|track| track.weight).collect();
    assert_eq!(weights, [10, -20, 2]);
    let script = plan.setup.tracks.get(&found.tracks[1].track);
    assert_eq!(script, Some(&crate::proto::track::TrackParams::Script { rise: 2, fall: 4, init_fail: false }));
    assert!(matches!(
        plan.told.get(&found.tracks[1].track),
        Some(Told::Script { interval, .. }) if *interval == Duration::from_secs(3)
    ));
    assert!(matches!(plan.told.get(&found.tracks[2].track), Some(Told::File { path }) if path == "/tmp/load"));
}

#[test]
fn what_did_not_change_keeps_its_number_and_yields_no_change() {
    let instance = |name: &str, vrid: u8, address: &str, more: &str| {
        format!(
            "vrrp_instance {name} {{\n interface eth0\n virtual_router_id {vrid}\n virtual_ipaddress {{\n {address}\n }}\n {more}\n}}\n"
        )
    };
    let (a, b) = (instance("a", 1, "192.0.2.1", ""), instance("b", 2, "192.0.2.2 label eth0:b", ""));
    let before = plan_of(&format!("{a}{b}"));
    // The same lines in another order, with another instance before them.
    let same = plan_after(&format!("{b}{a}"), Some(&before));
    assert!(Changes::between(&before.setup, &same.setup).is_empty());
    let more = plan_after(&format!("{}{b}{a}", instance("new", 3, "192.0.2.3", "")), Some(&before));
    let changes = Changes::between(&before.setup, &more.setup);
    assert_eq!(changes.instances.keys().map(|id| more.instances[id].as_str()).collect::<Vec<_>>(), ["new"]);
    let other = plan_after(&format!("{b}{}", instance("a", 1, "192.0.2.1", "priority 50")), Some(&before));
    let changes = Changes::between(&before.setup, &other.setup);
    assert_eq!(changes.instances.keys().map(|id| other.instances[id].as_str()).collect::<Vec<_>>(), ["a"]);
}

#[test]
fn routes_and_rules_are_in_the_kernel_s_numbers() {
    let plan = with(
        "virtual_routes {\n 198.51.100.0/24 via 192.0.2.254 dev eth0 table 100 metric 5 mtu lock 1400\n \
         blackhole 203.0.113.0/24\n}\nvirtual_rules {\n from 192.0.2.0/24 table 100 priority 50\n}",
    );
    let details: Vec<&Detail> = plan.details.values().collect();
    let [Detail::Route(route), Detail::Route(hole), Detail::Rule(rule)] = details.as_slice() else {
        panic!("two routes and a rule, not {details:?}");
    };
    assert_eq!((route.table, route.metric, route.hops.len()), (100, Some(5), 1));
    assert_eq!(route.metrics, [(2, 1400, true)]);
    assert_eq!((hole.kind, hole.hops.len()), (6, 0));
    assert_eq!((rule.table, rule.priority, rule.action), (100, Some(50), 1));
}

#[test]
fn an_instance_that_cannot_run_is_planned_as_broken() {
    let plan = plan_of("vrrp_instance web {\n interface eth0\n virtual_ipaddress {\n 192.0.2.1\n }\n}\n");
    assert!(params(&plan).broken, "it has no virtual router id");
}

#[test]
fn notifications_go_to_the_instances_and_groups_they_were_written_for() {
    let text = "global_defs {\n vrrp_notify_fifo /run/vrrp.fifo\n}\nvrrp_sync_group g {\n group {\n web\n }\n \
        notify_master \"/bin/true group\"\n}\nvrrp_instance web {\n interface eth0\n virtual_router_id 51\n \
        virtual_ipaddress {\n 192.0.2.1\n }\n notify \"/bin/true any\"\n}\n";
    let config = keepalived_conf::load_str(&MemoryHost::new(), text, true).config;
    let plan = VrrpPlan::compile(&config, None);
    let notify = NotifyPlan::compile(&config, &plan);
    let instance = notify.instances.values().next().expect("one instance");
    assert_eq!(instance.any.as_ref().map(|script| script.argv.len()), Some(2));
    let group = notify.groups.values().next().expect("one group");
    assert!(group.master.is_some() && group.any.is_none());
    assert_eq!(plan.setup.groups.values().next().map(|group| group.members.len()), Some(1));
    assert_eq!(notify.pipes.iter().map(|pipe| pipe.path.as_str()).collect::<Vec<_>>(), ["/run/vrrp.fifo"]);
}

#[test]
fn announcements_are_spaced_everywhere_or_in_groups() {
    let text = "global_defs {\n vrrp_garp_interval 0.5\n vrrp_gna_interval 0.25\n}\n\
        garp_group {\n garp_interval 0.1\n interfaces {\n eth1\n eth2\n }\n}\n";
    let gaps = |arp, advert| Gaps { arp: Duration::from_millis(arp), advert: Duration::from_millis(advert) };
    let interfaces = ["eth1", "eth2"].map(str::to_owned).into();
    let groups = vec![SpacingGroup { gaps: gaps(100, 0), interfaces }];
    assert_eq!(plan_of(text).spacing, Spacing { everywhere: gaps(500, 250), groups });
}

#[test]
fn as_few_announcements_as_possible_are_one_of_each_address() {
    let text = "global_defs {\n vrrp_min_garp\n}\nvrrp_instance web {\n interface eth0\n virtual_router_id 51\n\
        virtual_ipaddress {\n 192.0.2.1/24\n }\n}\n";
    let plan = plan_of(text);
    let announce = &params(&plan).announce;
    assert_eq!((announce.repeat, announce.delay, announce.refresh), (1, Duration::ZERO, Duration::ZERO));
    assert_eq!((announce.lower_prio_repeat, announce.lower_prio_delay), (1, Duration::ZERO));
}

#[test]
fn static_entries_are_planned_and_their_track_group_is_followed() {
    let text = "track_group G {\n group {\n web\n }\n}\n\
        static_ipaddress {\n 10.0.0.1/24 dev eth1 track_group G\n 10.0.1.1/24 dev eth2 no_track\n}\n\
        static_routes {\n 10.1.0.0/16 via 10.0.0.2 dev eth3 track_group G\n}\n\
        vrrp_instance web {\n interface eth0\n virtual_router_id 51\n virtual_ipaddress {\n 192.0.2.1/24\n }\n}\n";
    let plan = plan_of(text);
    assert_eq!((plan.statics.addresses.len(), plan.statics.routes.len(), plan.statics.rules.len()), (2, 1, 0));
    assert_eq!(plan.statics.addresses.iter().map(|held| held.tracked).collect::<Vec<_>>(), [true, false]);
    let followed: Vec<&str> = params(&plan).tracks.iter().map(|used| plan.tracks[&used.track].name.as_str()).collect();
    assert_eq!(followed, ["eth1", "eth3"]);
    let again = plan_after(text, Some(&plan));
    assert_eq!(again.statics, plan.statics);
}

// SPDX-License-Identifier: MIT OR Apache-2.0
use std::time::Duration;

use keepalived_conf::source::MemoryHost;

use super::*;
use crate::proto::health::{
    AtStop, Change, Changes, Checksum, FrontParams, How, Key, Manner, Method, Timing, Tunnel, Verdict, Weight,
};

fn plan_of(text: &str) -> LvsPlan {
    plan_after(text, None)
}

fn plan_after(text: &str, before: Option<&LvsPlan>) -> LvsPlan {
    let loaded = keepalived_conf::load_str(&MemoryHost::new(), text, true);
    LvsPlan::compile(&loaded.config, before)
}

/// A virtual server at 192.0.2.1 port 80 with these lines and real servers, each checked over TCP.
fn serving(lines: &str, servers: &[&str]) -> String {
    headed("192.0.2.1 80", lines, servers)
}

fn headed(head: &str, lines: &str, servers: &[&str]) -> String {
    let servers: String = servers.iter().map(|server| real(server, "TCP_CHECK {\n}")).collect();
    format!("virtual_server {head} {{\nlvs_sched rr\nlvs_method NAT\nprotocol TCP\n{lines}\n{servers}}}\n")
}

fn real(head: &str, body: &str) -> String {
    format!("real_server {head} {{\n{body}\n}}\n")
}

fn only<K, V>(map: &BTreeMap<K, V>) -> &V {
    assert_eq!(map.len(), 1);
    map.values().next().expect("one")
}

fn timing(plan: &LvsPlan) -> &Timing {
    match &only(&plan.setup.checkers).how {
        How::Asked(timing) => timing,
        How::Told => panic!("is told"),
    }
}

fn keys(front: &FrontParams) -> Vec<String> {
    let show = |key: &Key| match key {
        Key::Address { protocol, ip, port } => format!("{protocol:?} {ip} {port}"),
        Key::Fwmark { family, mark } => format!("{family:?} mark {mark}"),
    };
    front.keys.iter().map(show).collect()
}

fn changes(old: &str, new: &str) -> Changes {
    let before = plan_of(old);
    let after = plan_after(new, Some(&before));
    Changes::between(&before.setup, &after.setup)
}

#[test]
fn defaults_are_keepalived_s() {
    let plan = plan_of(&serving("", &["10.0.0.1 8080"]));
    let expected = Timing {
        delay_loop: Duration::from_secs(60),
        retry: 1,
        delay_before_retry: Duration::from_secs(1),
        warmup: Duration::from_secs(60),
        manner: Manner::Plain,
    };
    assert_eq!(*timing(&plan), expected);
    let server = only(&plan.setup.servers);
    assert_eq!((server.port, server.weight, server.method, server.inhibit), (8080, 1, Method::Nat, false));
    let service = only(&plan.setup.services);
    assert_eq!((service.quorum, service.hysteresis, &service.sorry, service.omega), (1, 0, &None, false));
    let front = only(&plan.setup.fronts);
    assert_eq!((keys(front), front.port), (vec!["Tcp 192.0.2.1 80".to_owned()], 80));
    assert_eq!((front.spec.scheduler, front.spec.flags, &front.spec.persistence), ("rr", 0, &None));
    assert_eq!(only(&plan.checkers).target, Some(("10.0.0.1".parse().unwrap(), 8080)));
    let told = only(&plan.servers);
    assert!(told.mail && !only(&plan.services).mail);
}

#[test]
fn each_kind_of_checker_has_its_manner() {
    for (check, manner) in [
        ("TCP_CHECK {\n}", Manner::Plain),
        ("SMTP_CHECK {\n}", Manner::Stubborn),
        ("MISC_CHECK {\nmisc_path /bin/true\n}", Manner::FromStart),
        ("HTTP_GET {\nurl {\npath /\n}\nurl {\npath /b\n}\n}", Manner::Pages { count: 2, fast: false }),
        ("SSL_GET {\nfast_recovery\nurl {\npath /\n}\n}", Manner::Pages { count: 1, fast: true }),
        ("DNS_CHECK {\n}", Manner::Plain),
    ] {
        let plan = plan_of(&serving("", &[]).replace("}\n", &format!("{}}}\n", real("10.0.0.1 80", check))));
        assert_eq!(timing(&plan).manner, manner, "{check}");
    }
}

#[test]
fn names_are_printed_as_keepalived_prints_them() {
    let six = headed("2001:db8::1 80", "", &["2001:db8::2 80"]);
    let mark = "virtual_server fwmark 7 {\nlvs_sched rr\nlvs_method NAT\nreal_server 10.0.0.1 80 {\n}\n}\n";
    let group = "virtual_server_group web {\n192.0.2.9 80\n}\n";
    let udp = headed("group web", "", &["10.0.0.1 53"]).replace("TCP\n", "UDP\n");
    let text = format!("{six}{mark}{group}{}{udp}", headed("group web", "sorry_server 10.9.9.9 81", &["10.0.0.1 80"]));
    let plan = plan_of(&text);
    let names: Vec<&str> = plan.services.values().map(|service| service.name.as_str()).collect();
    assert_eq!(names, ["[2001:db8::1]:tcp:80", "FWM 7", "[web]:0", "[web]:1"]);
    let servers: Vec<&str> = plan.servers.values().map(|server| server.name.as_str()).collect();
    assert_eq!(servers, ["[2001:db8::2]:tcp:80", "[10.0.0.1]:none:80", "[10.0.0.1]:tcp:80", "[10.0.0.1]:udp:53"]);
    let sorry: Vec<&str> = plan.services.values().filter_map(|service| service.sorry.as_deref()).collect();
    assert_eq!(sorry, ["[10.9.9.9]:tcp:81"]);
}

#[test]
fn groups_are_opened_across_octets_and_brought_together_by_port() {
    let group = "virtual_server_group g {\n10.27.3.250-10.27.4.2 443\n192.0.2.1 80\nfwmark 9\n10.9.0.0/31 443\n}\n";
    let plan = plan_of(&format!("{group}{}", headed("group g", "", &["10.0.0.1 80"])));
    assert_eq!(plan.setup.fronts.values().map(|front| front.keys.len()).sum::<usize>(), 13);
    let of_443 = plan.setup.fronts.values().find(|front| front.port == 443).expect("a front");
    assert_eq!(of_443.keys.len(), 11);
    assert!(keys(of_443).contains(&"Tcp 10.27.4.0 443".to_owned()));
    let mark = plan.setup.fronts.values().find(|front| front.port == 0).expect("a front");
    assert_eq!(keys(mark), ["V4 mark 9"]);
}

#[test]
fn virtual_servers_that_share_a_mark_share_its_front() {
    for (address, family, server) in [("192.0.2.1", "inet", "10.0.0.1"), ("2001:db8::1", "inet6", "2001:db8::9")] {
        let group = format!("virtual_server_group g {{\n{address} 53\nfwmark 5 {family}\n}}\n");
        let tcp = headed("group g", "", &[&format!("{server} 53")]);
        let udp = tcp.replace("TCP\n", "UDP\n");
        let plan = plan_of(&format!("{group}{tcp}{udp}"));
        let shared: Vec<usize> = plan.setup.fronts.values().map(|front| front.services.len()).collect();
        assert_eq!((shared.len(), shared.iter().filter(|count| **count == 2).count()), (3, 1), "{family}");
    }
}

#[test]
fn the_addresses_of_a_group_are_waited_for_with_ha_suspend() {
    let group = "virtual_server_group g {\n192.0.2.1 80\n192.0.2.10-12 80\n}\n";
    let plan = plan_of(&format!("{group}{}", headed("group g", "ha_suspend", &["10.0.0.1 80"])));
    let ranges = only(&plan.setup.services).follows.clone().expect("addresses");
    let shown: Vec<String> = ranges.iter().map(|(first, last)| format!("{first}-{last}")).collect();
    assert_eq!(shown, ["192.0.2.1-192.0.2.1", "192.0.2.10-192.0.2.12"]);
}

#[test]
fn a_server_whose_check_was_left_out_has_none_even_with_alpha() {
    let text = format!(
        "virtual_server 192.0.2.1 80 {{\nlvs_sched rr\nlvs_method NAT\nprotocol TCP\nalpha\n{}}}\n",
        real("10.0.0.1 80", "MISC_CHECK {\n}")
    );
    let plan = plan_of(&text);
    assert_eq!((plan.setup.servers.len(), plan.setup.checkers.len()), (1, 0));
}

#[test]
fn methods_thresholds_and_persistence_reach_the_table() {
    let lines = "lvs_method TUN type gue port 6080 csum\npersistence_timeout 90\npersistence_granularity 255.255.255.0\n\
                 persistence_engine sip\nops";
    let text = format!(
        "virtual_server 192.0.2.1 80 {{\nlvs_sched sh\nsh-port\nprotocol TCP\n{lines}\n{}}}\n",
        real("10.0.0.1 80", "weight 7\nuthreshold 20\nlthreshold 10\ninhibit_on_failure")
    );
    let plan = plan_of(&text);
    let server = only(&plan.setup.servers);
    assert_eq!(server.method, Method::Tunnel(Tunnel::Gue { port: 6080, checksum: Checksum::Full }));
    assert_eq!((server.thresholds.upper, server.thresholds.lower, server.weight), (20, 10, 7));
    assert!(server.inhibit);
    let spec = &only(&plan.setup.fronts).spec;
    let persistence = spec.persistence.as_ref().expect("persistent");
    assert_eq!((spec.scheduler, spec.flags), ("sh", 0x10), "one packet is for UDP alone");
    assert_eq!((persistence.timeout.as_secs(), persistence.mask.to_string().as_str()), (90, "255.255.255.0"));
    assert_eq!(persistence.engine.as_deref(), Some("sip"));
}

#[test]
fn global_settings_reach_the_plan() {
    let global = "global_defs {\nlvs_flush\nlvs_flush_on_stop VS\nrs_init_notifies\nno_checker_emails\n\
                  lvs_timeouts tcp 900 udp 30\nlvs_sync_daemon eth0 web id 3\nlvs_notify_fifo /run/f\n}\n\
                  vrrp_instance web {\ninterface eth0\nvirtual_router_id 51\nvirtual_ipaddress {\n192.0.2.1\n}\n}\n";
    let plan = plan_of(&format!("{global}{}", serving("", &["10.0.0.1 80"])));
    assert!(plan.setup.globals.flush_at_start && plan.setup.globals.notify_at_start && plan.no_checker_mail);
    assert_eq!(plan.setup.globals.at_stop, AtStop::RemoveServices);
    assert_eq!((plan.timeouts.tcp, plan.timeouts.tcp_fin, plan.timeouts.udp), (900, 0, 30));
    assert_eq!(plan.sync.as_ref().map(|sync| (sync.id, sync.daemon.interface.as_str())), Some((3, "eth0")));
    assert_eq!(plan.pipes.iter().map(|pipe| pipe.path.as_str()).collect::<Vec<_>>(), ["/run/f"]);
    let text = global.replace(" id 3", "").replace("lvs_flush_on_stop VS", "lvs_flush_on_stop");
    let plan = plan_of(&format!("{text}{}", serving("", &["10.0.0.1 80"])));
    assert_eq!(plan.sync.map(|sync| sync.id), Some(51), "that of the instance");
    assert_eq!(plan.setup.globals.at_stop, AtStop::Flush);
}

#[test]
fn an_instance_may_name_the_interface_of_the_sync_daemon_itself() {
    let instance = "vrrp_instance web {\ninterface eth0\nvirtual_router_id 51\nlvs_sync_daemon_interface eth1\n\
                    virtual_ipaddress {\n192.0.2.1\n}\n}\n";
    let plan = plan_of(&format!("{instance}{}", serving("", &["10.0.0.1 80"])));
    let sync = plan.sync.expect("a sync daemon");
    assert_eq!((sync.id, sync.daemon.interface.as_str(), sync.daemon.port), (51, "eth1", 8848));
    assert_eq!(sync.daemon.instance.map(|name| name.text).as_deref(), Some("web"));
}

#[test]
fn scripts_and_mail_are_those_of_the_servers() {
    let text = serving("quorum_up \"/bin/true q\"\nquorum_down /bin/false\nomega\nsmtp_alert", &[]).replace(
        "}\n",
        &format!("{}}}\n", real("10.0.0.1 80", "notify_up \"/bin/true up\"\nnotify_down /bin/false\nsmtp_alert off")),
    );
    let plan = plan_of(&text);
    let (service, server) = (only(&plan.services), only(&plan.servers));
    let argv = |script: &Option<Arc<Script>>| script.as_ref().map(|script| script.argv.join(" "));
    assert_eq!(argv(&service.quorum_up).as_deref(), Some("/bin/true q"));
    assert_eq!(argv(&service.quorum_down).as_deref(), Some("/bin/false"));
    assert_eq!(argv(&server.notify_up).as_deref(), Some("/bin/true up"));
    assert_eq!(argv(&server.notify_down).as_deref(), Some("/bin/false"));
    assert!(service.mail && !server.mail && only(&plan.setup.services).omega);
}

#[test]
fn checks_that_are_told_name_their_source() {
    let file = "track_file load {\nfile /run/load\nweight 2\n}\n";
    let bfd = "bfd_instance peer {\nneighbor_ip 192.0.2.7\nsource_ip 192.0.2.8\n}\n";
    let server = real("10.0.0.1 80", "FILE_CHECK {\ntrack_file load\nweight 3 reverse\n}\nBFD_CHECK {\nname peer\n}");
    let plan = plan_of(&format!("{file}{bfd}{}", serving("alpha", &[]).replace("}\n", &format!("{server}}}\n"))));
    let told: Vec<&Told> = plan.checkers.values().filter_map(|check| check.told.as_ref()).collect();
    let of_file = Told::File { path: "/run/load".to_owned(), weight: 3, reverse: true };
    assert_eq!(told, [&of_file, &Told::Session("peer".to_owned())]);
    let alpha: Vec<bool> = plan.setup.checkers.values().map(|checker| checker.alpha).collect();
    assert_eq!(alpha, [false, true], "a file says what it has to say from the start");
}

#[test]
fn the_number_in_a_file_is_a_weight_or_a_verdict() {
    let plus = |more| Verdict::Good(Some(Weight::Plus(more)));
    for (weight, reverse, value, verdict) in [
        (0, false, 0, Verdict::Good(None)),
        (0, false, -1, Verdict::Bad),
        (0, true, 0, Verdict::Bad),
        (0, true, 5, Verdict::Good(None)),
        (2, false, 5, plus(10)),
        (2, true, 5, plus(-10)),
        (2, false, i32::MAX, plus(i32::MAX)),
        (2, false, i32::MIN, Verdict::Bad),
        (1, false, i32::MIN, Verdict::Bad),
    ] {
        assert_eq!(Told::verdict_of(weight, reverse, value), verdict, "{weight} {reverse} {value}");
    }
}

#[test]
fn packets_of_a_group_may_be_marked() {
    let group = "global_defs {\nnftables_ipvs\nnftables_ipvs_start_fwmark 2000\nnftables_counters\n}\n\
                 virtual_server_group g {\n192.0.2.1 80\n192.0.2.10-12 81\n}\n";
    let mark = "virtual_server fwmark 2001 {\nlvs_sched rr\nlvs_method NAT\nreal_server 10.0.0.1 80 {\n}\n}\n";
    let tcp = headed("group g", "", &["10.0.0.1 80"]);
    let udp = tcp.replace("TCP\n", "UDP\n");
    let plan = plan_of(&format!("{group}{tcp}{udp}{mark}"));
    let marks = plan.marks.as_ref().expect("marks");
    assert_eq!((marks.table.as_str(), marks.priority, marks.counters), ("keepalived_ipvs", -1, true));
    let elements: Vec<(Protocol, u16, u32)> =
        marks.elements.iter().map(|element| (element.protocol, element.port, element.mark)).collect();
    assert_eq!(
        elements,
        [(Protocol::Tcp, 80, 2000), (Protocol::Tcp, 81, 2000), (Protocol::Udp, 80, 2002), (Protocol::Udp, 81, 2002)],
        "a mark that stands in the configuration is not given away"
    );
    let again = plan_after(&format!("{group}{udp}{mark}"), Some(&plan));
    assert_eq!(again.marks.expect("marks").elements[0].mark, 2002, "it keeps its mark");
    let fronts: Vec<String> = plan.setup.fronts.values().flat_map(keys).collect();
    assert_eq!(fronts, ["V4 mark 2000", "V4 mark 2002", "V4 mark 2001"]);
}

#[test]
fn a_plan_of_the_same_is_the_same() {
    let text =
        format!("{}{}", serving("", &["10.0.0.1 80", "10.0.0.2 80"]), headed("192.0.2.2 80", "", &["10.0.0.1 80"]));
    let moved = format!("# a remark\n\n{text}");
    assert!(changes(&text, &moved).is_empty());
    let before = plan_of(&text);
    assert_eq!(plan_after(&moved, Some(&before)), before);
}

#[test]
fn numbers_stay_with_what_they_stand_for() {
    let before = plan_of(&serving("", &["10.0.0.1 80", "10.0.0.2 80"]));
    let after = plan_after(&serving("", &["10.0.0.3 80", "10.0.0.2 80"]), Some(&before));
    let id = |plan: &LvsPlan, ip: &str| {
        let ip: IpAddr = ip.parse().expect("an address");
        plan.setup.servers.iter().find(|(_, server)| server.address == ip).map(|(id, _)| *id)
    };
    assert_eq!(id(&after, "10.0.0.2"), id(&before, "10.0.0.2"));
    assert!(before.setup.servers.keys().all(|known| Some(*known) != id(&after, "10.0.0.3")), "never given again");
    let back = plan_after(&serving("", &["10.0.0.1 80", "10.0.0.2 80"]), Some(&after));
    assert_ne!(id(&back, "10.0.0.1"), id(&before, "10.0.0.1"), "whatever comes back is new");
    let changed = Changes::between(&before.setup, &after.setup);
    assert_eq!((changed.servers.len(), changed.checkers.len(), changed.fronts.len()), (2, 2, 0));
}

#[test]
fn what_is_looked_at_makes_a_revision_and_when_does_not() {
    let with = |check: &str| serving("", &[]).replace("}\n", &format!("{}}}\n", real("10.0.0.1 80", check)));
    let tcp = |lines: &str| with(&format!("TCP_CHECK {{\n{lines}\n}}"));
    let revisions = |old: &str, new: &str| {
        let before = plan_of(old);
        let after = plan_after(new, Some(&before));
        let mut kept = Vec::new();
        for (id, checker) in &after.setup.checkers {
            kept.push(before.setup.checkers.contains_key(id).then_some(checker.revision));
        }
        kept
    };
    for lines in ["delay_loop 5", "retry 5", "delay_before_retry 5", "warmup 5", "alpha", "log_all_failures"] {
        assert_eq!(revisions(&tcp(""), &tcp(lines)), [Some(0)], "{lines}");
    }
    for lines in ["connect_timeout 2", "connect_port 81", "connect_ip 10.0.0.9", "bindto 10.0.0.8", "fwmark 3"] {
        assert_eq!(revisions(&tcp(""), &tcp(lines)), [Some(1)], "{lines}");
    }
    assert_eq!(revisions(&tcp(""), &with("DNS_CHECK {\n}")), [None], "another kind");
    let two = |first: u16, second: u16| {
        with(&format!("TCP_CHECK {{\nconnect_port {first}\n}}\nTCP_CHECK {{\nconnect_port {second}\n}}"))
    };
    assert_eq!(revisions(&two(1, 2), &two(2, 1)), [Some(0), Some(0)], "in another order");
    assert_eq!(revisions(&two(1, 2), &two(2, 3)), [Some(1), Some(0)]);
    let misc = |timeout: u32, path: &str| with(&format!("MISC_CHECK {{\nmisc_path {path}\nmisc_timeout {timeout}\n}}"));
    assert_eq!(revisions(&misc(3, "/bin/true"), &misc(3, "/bin/false")), [Some(1)]);
}

#[test]
fn one_changed_server_is_one_change() {
    let two = ["10.0.0.1 80", "10.0.0.2 80"];
    let before = serving("", &two);
    let after = before.replacen("real_server 10.0.0.2 80 {", "real_server 10.0.0.2 80 {\nweight 9", 1);
    let changed = changes(&before, &after);
    assert_eq!((changed.services.len(), changed.servers.len(), changed.checkers.len()), (0, 1, 0));
    assert!(matches!(changed.servers.values().next(), Some(Change::Set(server)) if server.weight == 9));
}

#[test]
fn a_thousand_virtual_servers_balanced_alike_share_what_is_equal() {
    let text: String =
        (0..1000_u32).map(|n| headed(&format!("10.{}.{}.1 80", n / 250, n % 250), "", &["10.200.0.1 80"])).collect();
    let plan = plan_of(&text);
    let mut specs: Vec<*const crate::proto::health::Spec> =
        plan.setup.fronts.values().map(|front| Arc::as_ptr(&front.spec)).collect();
    specs.dedup();
    assert_eq!((plan.setup.fronts.len(), specs.len()), (1000, 1));
}

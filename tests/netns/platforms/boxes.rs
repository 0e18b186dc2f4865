// SPDX-License-Identifier: MIT OR Apache-2.0
//! Containers and boxes that bring the daemon with them: what runs it there, who signals it, and which program is called.

use crate::journal::Reading;
use crate::node::Program;
use crate::site::{Pair, SECURE, Site};

#[test]
fn the_first_process_of_a_container_is_told_by_its_number_and_keeps_no_dead() {
    // Deckhouse, kolla: the daemon is what the container runs. Its operator edits a priority and signals process 1, and
    // its checks leave processes behind, whose parent it becomes.
    let test = "the_first_process_of_a_container_is_told_by_its_number_and_keeps_no_dead";
    let Some(Site { lab, a }) = Site::new(test) else { return };
    a.script("check_alive.sh", "(sh -c 'sleep 0.1; ps -o ppid= -p $$ >>/run/parents' &)\nexit 0");
    let text = |priority: u8| {
        format!(
            "global_defs {{\n preempt_delay 300\n advert_int 1\n vrrp_garp_master_refresh 30\n}}\n\
             vrrp_script check_alive {{\n script \"/run/check_alive.sh\"\n interval 1\n fall 2\n rise 2\n}}\n\
             vrrp_instance instance_110 {{\n state BACKUP\n interface eth0\n virtual_router_id 110\n priority {priority}\n \
             nopreempt\n authentication {{\n auth_type PASS\n auth_pass longer-than-eight-octets\n }}\n \
             virtual_ipaddress {{\n 10.0.0.100/24 dev eth0\n }}\n track_script {{\n check_alive\n }}\n}}\n"
        )
    };
    a.reconfigure(&text(2));
    let program = env!("CARGO_BIN_EXE_steadfast");
    let container = "unshare --mount --pid --fork --kill-child --mount-proc";
    let options = "-nld -p /run/keepalived.pid -f /run/test.conf";
    a.inside(&format!("ln -s {program} /run/keepalived; {container} /run/keepalived {options} >/run/log 2>&1 &"));
    lab.journal.until("it leads", |seen| seen.frames().any(|frame| frame.is_advert("10.0.0.1", 2)));
    a.shows("cat /run/keepalived.pid", "1");
    let within = "nsenter --target $(pgrep -o keepalived) --mount --pid";
    a.reconfigure(&text(102));
    a.inside(&format!("{within} kill -s HUP 1"));
    lab.journal.until("its priority is the edited one", |seen| {
        seen.frames().last().is_some_and(|frame| frame.is_advert("10.0.0.1", 102))
    });
    a.shows("[ $(wc -l </run/parents) -ge 5 ] && sort -u /run/parents | tr -d ' '", "1");
    a.shows("ps --ppid $(pgrep -o keepalived) -o stat= | grep -c Z", "0");
    assert!(lab.journal.read().holds_alone("a", "10.0.0.100"));
    a.inside(&format!("{within} kill -s TERM 1"));
    lab.journal.until("it has left", |seen| seen.holders("10.0.0.100").is_empty());
    a.shows("ps -C keepalived -o stat= | grep -vc Z", "0");
    a.shows("ls /run/keepalived.pid 2>/dev/null", "");
}

#[test]
fn a_probe_finds_the_configuration_as_the_platform_wrote_it() {
    // MetalK8s: its probe writes the configuration anew and compares; a difference restarts the pod.
    let Some(Site { lab, a }) = Site::new("a_probe_finds_the_configuration_as_the_platform_wrote_it") else { return };
    let text = "vrrp_instance workload_plane_1 {\n interface eth0\n virtual_router_id 1\n priority 50\n advert_int 1\n \
         nopreempt\n unicast_src_ip 10.0.0.1\n unicast_peer {\n 10.0.0.2\n }\n virtual_ipaddress {\n 10.0.0.100/24\n }\n}\n";
    a.inside("mkdir /run/etc");
    std::fs::write(a.namespace().path("root/run/etc/keepalived.conf"), text).expect("the configuration");
    let looks = "cat /run/etc/keepalived.conf; stat --format '%i %Y %a' /run/etc/keepalived.conf; ls -A /run/etc";
    let before = a.inside(looks);
    let options = "--dont-fork --log-console --log-detail --vrrp -f /run/etc/keepalived.conf";
    let program = env!("CARGO_BIN_EXE_steadfast");
    a.inside(&format!("TMPDIR=/run {program} {options} >/run/log 2>&1 &"));
    lab.journal.until("it leads", |seen| seen.holds_alone("a", "10.0.0.100"));
    a.inside("kill -s HUP $(cat /run/keepalived.pid); kill -s USR1 $(cat /run/keepalived.pid)");
    a.shows("grep -c 'Reload 2 complete' /run/log; [ -s /run/keepalived.data ] && echo written", "1\nwritten");
    assert_eq!(a.inside(looks), before);
    a.inside("kill -s TERM $(cat /run/keepalived.pid)");
    a.shows("ls /run/keepalived.pid 2>/dev/null", "");
    assert_eq!(a.inside(looks), before);
}

#[test]
fn routers_of_a_guest_network_run_their_hooks_and_do_without_the_one_nobody_knows() {
    // CloudStack: an authentication header, no preemption, a heartbeat, and a hook that keepalived has no keyword for.
    let test = "routers_of_a_guest_network_run_their_hooks_and_do_without_the_one_nobody_knows";
    let Some(pair) = Pair::with(test, &["10.0.0.1/24"], &["10.0.0.2/24"]) else { return };
    for node in [&pair.a, &pair.b] {
        node.script("heartbeat.sh", "exit $(cat /run/verdict)");
        node.script("configure_router.py", "echo \"$*\" >>/run/calls");
        node.inside("echo 0 >/run/verdict");
    }
    let hook = |word: &str, option: &str| format!(" notify_{word} \"/run/configure_router.py --{option}\"\n");
    let hooks = [hook("backup", "backup"), hook("primary", "primary"), hook("fault", "fault")].concat();
    let text = format!(
        "! a remark of a licence\n{SECURE}vrrp_script heartbeat {{\n script \"/run/heartbeat.sh\"\n interval 1\n}}\n\
         vrrp_instance inside_network {{\n state BACKUP\n interface eth0\n virtual_router_id 51\n nopreempt\n\n advert_int 1\n \
         #use_vmac\n authentication {{\n auth_type AH\n auth_pass PASS\n }}\n\n \
         virtual_ipaddress {{\n 10.0.0.100/24 brd 10.0.0.255 dev eth0\n }}\n\n track_script {{\n heartbeat\n }}\n\n{hooks}}}\n"
    );
    let a = pair.a.start(Program::Steadfast, &text);
    pair.until("a leads", |seen| seen.holds_alone("a", "10.0.0.100"));
    let b = pair.b.start(Program::Keepalived, &text);
    pair.until("b listens", |seen| seen.said("b", "Entering BACKUP STATE"));
    pair.a.shows("cat /run/calls", "--backup");
    let said = pair.lab.journal.read();
    assert!(said.said("a", "unknown keyword `notify_primary`"), "{said}");
    pair.a.inside("echo 1 >/run/verdict");
    pair.until("b leads", |seen| seen.holds_alone("b", "10.0.0.100"));
    pair.a.shows("cat /run/calls", "--backup\n--fault");
    pair.a.inside("echo 0 >/run/verdict");
    pair.a.shows("cat /run/calls", "--backup\n--fault\n--backup");
    pair.lab.journal.beats(3, |frame| frame.is_advert("10.0.0.2", 100));
    assert!(pair.lab.journal.read().holds_alone("b", "10.0.0.100"));
    assert!(b.stop().success());
    pair.until("a leads again", |seen| seen.holds_alone("a", "10.0.0.100"));
    assert!(a.stop().success());
}

#[test]
fn an_appliance_hears_every_state_again_when_the_daemon_starts_or_reloads() {
    // OpenNebula: one pipe with the name of a socket, one group over all networks; its failover program is written to
    // whenever it has missed something.
    let test = "an_appliance_hears_every_state_again_when_the_daemon_starts_or_reloads";
    let Some(mut site) = Site::new(test) else { return };
    let inner = site.lab.segment("inner");
    site.lab.connect(&mut site.a, &inner, &["172.20.0.2/24"]);
    let Site { lab, a } = site;
    let router = |name: &str, interface: &str, id: u8, address: &str| {
        format!(
            "vrrp_instance {name} {{\n state             BACKUP\n interface         {interface}\n virtual_router_id {id}\n \
             priority          100\n advert_int        1\n virtual_ipaddress {{\n {address}/24 dev {interface}\n }}\n \
             authentication {{\n auth_type PASS\n auth_pass opennbla\n }}\n}}\n"
        )
    };
    let text = format!(
        "global_defs {{\n vrrp_notify_fifo /run/vrrp_notify_fifo.sock\n fifo_write_vrrp_states_on_reload\n}}\n\
         vrrp_sync_group VRouter {{\n group {{\n ETH0\n ETH1\n }}\n}}\n{}{}",
        router("ETH0", "eth0", 21, "10.0.0.69"),
        router("ETH1", "eth1", 22, "172.20.0.69")
    );
    a.inside(
        "mkfifo /run/vrrp_notify_fifo.sock; (exec cat <>/run/vrrp_notify_fifo.sock >>/run/lines) >/dev/null 2>&1 &",
    );
    let told = |what: &str, times: usize| {
        a.shows(&format!("grep -c '^{what}$' /run/lines"), &times.to_string());
    };
    let leads = |times| {
        told("INSTANCE \"ETH0\" MASTER 100", times);
        told("INSTANCE \"ETH1\" MASTER 100", times);
        told("GROUP \"VRouter\" MASTER 0", times);
    };
    let daemon = a.start(Program::Steadfast, &text);
    leads(1);
    daemon.signal("HUP");
    leads(2);
    // A network that is lost takes the other with it.
    lab.unplug(&a, &inner);
    told("INSTANCE \"ETH0\" FAULT 100", 1);
    told("GROUP \"VRouter\" FAULT 0", 1);
    lab.journal.until("neither address is held", |seen| {
        ["10.0.0.69", "172.20.0.69"].iter().all(|address| seen.holders(address).is_empty())
    });
    lab.plug(&a, &inner);
    leads(3);
    assert!(daemon.stop().success());
    let daemon = a.start(Program::Steadfast, &text);
    leads(4);
    assert!(daemon.stop().success());
}

#[test]
fn a_box_is_told_by_its_hotplug_program_with_the_environment_it_names() {
    // OpenWrt: hooks are one command with an environment of its own, and the page asks for the state every few seconds by
    // a signal to every process of the program.
    let test = "a_box_is_told_by_its_hotplug_program_with_the_environment_it_names";
    let Some(Site { lab, a }) = Site::new(test) else { return };
    a.script(
        "hotplug-call",
        "echo \"$(env | grep -v -e ^_= -e ^PWD= -e ^SHLVL= -e ^OLDPWD= | sort | tr '\\n' ' ')$*\" >>/run/calls",
    );
    a.script("check", "exit 0");
    let hook = |kind: &str, name: &str, state: &str| {
        format!(
            " notify_{} \"/usr/bin/env -i ACTION=NOTIFY_{state} TYPE={kind} NAME={name} /run/hotplug-call keepalived\"\n",
            state.to_lowercase()
        )
    };
    let hooks = |kind: &str, name: &str| -> String {
        ["BACKUP", "MASTER", "FAULT", "STOP"].iter().map(|state| hook(kind, name, state)).collect()
    };
    let text = format!(
        "! Configuration file for keepalived (autogenerated via init script)\n! Written on some day\n\nlinkbeat_use_polling\n\n\
         global_defs {{\n script_user root\n enable_script_security\n process_names\n router_id router1\n \
         vrrp_startup_delay 1\n}}\n\nvrrp_script check_wan {{\n script \"/run/check\"\n interval 1\n weight -10\n}}\n\n\
         vrrp_instance lan {{\n state BACKUP\n interface eth0\n virtual_router_id 10\n version 2\n priority 120\n advert_int 1\n \
         preempt_delay 30\n{}virtual_ipaddress {{\n 10.0.0.100/24 dev eth0 label eth0:vip\n }}\n \
         track_script {{\n check_wan weight 10 reverse\n }}\n}}\n\n\
         vrrp_sync_group G1 {{\n group {{\n lan\n }}\n{}}}\n",
        hooks("INSTANCE", "lan"),
        hooks("GROUP", "G1")
    );
    let daemon = a.start(Program::Steadfast, &text);
    lab.journal.until("it leads", |seen| seen.holds_alone("a", "10.0.0.100"));
    let call = |kind: &str, name: &str, state: &str| {
        format!("grep -c '^ACTION=NOTIFY_{state} NAME={name} TYPE={kind} keepalived$' /run/calls")
    };
    for (kind, name) in [("INSTANCE", "lan"), ("GROUP", "G1")] {
        a.shows(&call(kind, name, "MASTER"), "1");
    }
    let lines = |seen: &Reading| seen.logs("a").count();
    let before = lines(&lab.journal.read());
    for _ in 0..5 {
        a.inside("rm -f /run/keepalived.json; kill -s 37 $(pgrep keepalived; pgrep steadfast)");
        a.shows("[ -s /run/keepalived.json ] && grep -c '\"iname\": *\"lan\"' /run/keepalived.json", "1");
    }
    assert_eq!(lines(&lab.journal.read()), before, "nobody is told of each question\n{}", lab.journal.read());
    assert!(daemon.stop().success());
    for (kind, name) in [("INSTANCE", "lan"), ("GROUP", "G1")] {
        a.shows(&call(kind, name, "STOP"), "1");
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is tracked, with which weight, and who may track with weights.

use super::{Vrrp, check_all, join, with};
use crate::blocks::vrrp::entry::track::Tracks;

const DEFINITIONS: &str = "\
vrrp_script s {\nscript /usr/bin/true\nweight 5 reverse\n}
track_file f {\nfile /run/f\n}
vrrp_track_process p {\nprocess sshd\nweight 7\n}
bfd_instance b {\nneighbor_ip 192.0.2.9\nweight 8\n}
";

fn show(tracks: &Tracks) -> String {
    join(tracks.iter().map(|(kind, track)| {
        let reverse = if *track.reverse { " reverse" } else { "" };
        format!("{}:{}={}{reverse}", kind.keyword().trim_start_matches("track_"), track.name.text, *track.weight)
    }))
}

fn tracked(vrrp: &Vrrp) -> String {
    show(&vrrp.instances[0].tracks)
}

/// Checks lists of one instance, with every definition before it.
fn check_lists(table: &[(&str, &str, &[&str])]) {
    for (lines, expected, codes) in table {
        check_all(tracked, &[(&format!("{DEFINITIONS}{}", with(lines)), expected, codes)]);
    }
}

#[test]
fn weights_of_interfaces() {
    check_lists(&[
        ("track_interface {\neth1\n}", "interface:eth1=0", &[]),
        ("track_interface {\neth1 weight 253\n}", "interface:eth1=253", &[]),
        ("track_interface {\neth1 weight -254\n}", "interface:eth1=-253", &["KC157"]),
        ("track_interface {\neth1 weight 254\n}", "interface:eth1=253", &["KC157"]),
        ("track_interface {\neth1 weight 255\n}", "interface:eth1=0", &["KC052"]),
        ("track_interface {\neth1 weight foo\n}", "interface:eth1=0", &["KC051"]),
        ("track_interface {\neth1 weight 5 reverse\n}", "interface:eth1=5 reverse", &[]),
        ("track_interface {\neth1 weight 5 noreverse\n}", "interface:eth1=5", &["KC153"]),
        ("track_interface {\neth1 weight\n}", "", &["KC150"]),
        ("track_interface {\neth1 wait 5\n}", "", &["KC153"]),
        ("track_interface {\neth1\neth1 weight 5\n}", "interface:eth1=0", &["KC155"]),
        ("track_interface {\neth9\n}", "", &["KC199"]),
        ("track_interface {\neth0\n}", "", &["KC192"]),
        ("dont_track_primary\ntrack_interface {\neth0 weight 5\n}", "", &["KC192"]),
        ("track_interface {\neth1\n}\ntrack_interface {\nwan\n}", "interface:eth1=0 interface:wan=0", &[]),
    ]);
}

#[test]
fn weights_come_from_the_definition_unless_given() {
    check_lists(&[
        ("track_script {\ns\n}", "script:s=5 reverse", &[]),
        ("track_script {\ns weight 3\n}", "script:s=3 reverse", &[]),
        ("track_script {\ns weight 3 noreverse\n}", "script:s=3", &[]),
        ("track_script {\ns weight 254\n}", "script:s=253 reverse", &["KC157"]),
        ("track_script {\ns weight 255\n}", "script:s=5 reverse", &["KC052"]),
        ("track_script {\ns weight 3 backwards\n}", "script:s=3 reverse", &["KC153"]),
        ("track_file {\nf\n}", "file:f=1", &[]),
        ("track_file {\nf weight -254 reverse\n}", "file:f=-254 reverse", &[]),
        ("track_file {\nf weight 255\n}", "file:f=1", &["KC052"]),
        ("track_file {\nf weight 3 backwards\n}", "", &["KC153"]),
        ("track_process {\np\n}", "process:p=7", &[]),
        ("track_process {\np weight 254\n}", "process:p=254", &[]),
        ("track_process {\np weight 3 backwards\n}", "process:p=3", &["KC153"]),
        ("track_bfd {\nb\n}", "bfd:b=8", &[]),
        ("track_bfd {\nb weight -253 noreverse\n}", "bfd:b=-253", &[]),
        ("track_bfd {\nb weight 254\n}", "bfd:b=8", &["KC052"]),
        ("track_bfd {\nb weight 3 backwards\n}", "", &["KC153"]),
    ]);
}

#[test]
fn what_is_tracked_must_be_defined() {
    check_lists(&[
        ("track_script {\nx\n}", "", &["KC190"]),
        ("track_file {\nx\n}", "", &["KC190"]),
        ("track_process {\nx\n}", "", &["KC190"]),
        ("track_bfd {\nx\n}", "", &["KC190"]),
    ]);
    // keepalived wants the definition first; the order does not matter here.
    let later = format!("{}{DEFINITIONS}", with("track_script {\ns\n}\ntrack_bfd {\nb\n}"));
    check_all(tracked, &[(&later, "script:s=5 reverse bfd:b=8", &["KC191", "KC191"])]);
}

#[test]
fn an_undefined_name_comes_with_the_nearest_one() {
    let text = format!("vrrp_script check_http {{\nscript /usr/bin/true\n}}\n{}", with("track_script {\ncheck_htp\n}"));
    let loaded = super::read(&text);
    let finding = loaded.diagnostics.iter().find(|finding| finding.code.id == "KC190").unwrap();
    assert_eq!(finding.hints, ["did you mean `check_http`?"]);
}

#[test]
fn an_owner_tracks_without_weights() {
    check_lists(&[
        ("priority 255\ntrack_interface {\neth1 weight 5\nwan\n}", "interface:wan=0", &["KC194"]),
        ("priority 255\ntrack_script {\ns\n}", "", &["KC194"]),
        ("priority 255\ntrack_script {\ns weight 0\n}", "script:s=0 reverse", &[]),
        ("priority 255\ntrack_file {\nf\n}", "file:f=0", &["KC194"]),
        ("priority 255\ntrack_file {\nf weight 2\n}", "", &["KC194"]),
        ("priority 255\ntrack_process {\np\n}", "process:p=7", &[]),
        ("priority 255\ntrack_bfd {\nb\n}", "", &["KC194"]),
    ]);
}

const OTHER: &str = "vrrp_instance VJ {\ninterface eth1\nvirtual_router_id 52\nvirtual_ipaddress {\n192.0.2.2\n}\n}\n";

fn grouped(of_instance: &str, of_group: &str) -> String {
    format!("{DEFINITIONS}{}{OTHER}vrrp_sync_group G {{\ngroup {{\nVI\nVJ\n}}\n{of_group}\n}}\n", with(of_instance))
}

#[test]
fn members_of_a_group_track_without_weights_unless_allowed() {
    let all = "track_interface {\nwan weight 5\n}\ntrack_script {\ns\n}\ntrack_file {\nf\n}\ntrack_process {\np\n}\n\
               track_bfd {\nb\n}";
    check_all(
        tracked,
        &[
            (&grouped(all, ""), "interface:wan=0 file:f=0 process:p=7", &["KC194", "KC194", "KC194", "KC194"]),
            (&grouped("track_file {\nf weight 2\n}", ""), "", &["KC194"]),
            (
                &grouped(all, "sync_group_tracking_weight"),
                "interface:wan=5 script:s=5 reverse file:f=1 process:p=7 bfd:b=8",
                &[],
            ),
            (&grouped("track_script {\ns\n}", "global_tracking"), "script:s=5 reverse", &["KC066"]),
        ],
    );
}

#[test]
fn what_a_group_tracks_counts_for_every_member() {
    let both = "sync_group_tracking_weight\ntrack_script {\ns weight 9\n}";
    let table = [
        (grouped("", "track_script {\ns\n}"), "script:s=5 reverse", "script:s=5 reverse", &[][..]),
        (grouped("", "track_interface {\nwan weight 5\n}"), "interface:wan=5", "interface:wan=5", &[]),
        // The other member's own interface.
        (grouped("", "track_interface {\neth1 weight 5\n}"), "interface:eth1=5", "", &["KC193"]),
        (grouped("track_script {\ns weight 3\n}", both), "script:s=9 reverse", "script:s=9 reverse", &["KC193"]),
        (grouped("track_script {\ns weight 0\n}", both), "script:s=0 reverse", "script:s=9 reverse", &["KC193"]),
        (grouped("", "track_script {\nx\n}"), "", "", &["KC190"]),
        (
            grouped("priority 255", "track_process {\np\n}\ntrack_bfd {\nb\n}"),
            "process:p=0 bfd:b=0",
            "process:p=0 bfd:b=0",
            &["KC194", "KC194"],
        ),
    ];
    for (text, first, second, codes) in &table {
        check_all(tracked, &[(text, first, codes)]);
        check_all(|vrrp| show(&vrrp.instances[1].tracks), &[(text, second, codes)]);
    }
}

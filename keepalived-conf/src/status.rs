// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the daemon does not carry out yet. A keyword in this table is read and typed like any other; `check` warns about
//! it, so that nobody relies on it.

/// Blocks, keywords in them, and what is missing. What stands for a block covers everything in it.
const NOT_YET: &[(&str, &[&str], &str)] = &[
    (
        "real_server",
        &["BFD_CHECK"],
        "BFD sessions are not run; the check says nothing, so with `alpha` its server never gets in",
    ),
    ("", &["bfd_instance"], "BFD sessions are not run; tracking one counts as down"),
    (
        "global_defs",
        &[
            "bfd_process_name",
            "bfd_priority",
            "bfd_no_swap",
            "bfd_rt_priority",
            "bfd_cpu_affinity",
            "bfd_rlimit_rttime",
            "bfd_rlimit_rtime",
        ],
        "name, scheduling class, memory lock and limits of this process are left as they are",
    ),
    (
        "global_defs",
        &[
            "snmp_socket",
            "enable_traps",
            "enable_snmp_vrrp",
            "enable_snmp_keepalived",
            "enable_snmp_rfc",
            "enable_snmp_rfcv2",
            "enable_snmp_rfcv3",
            "enable_snmp_checker",
            "snmp_vs_stats_update_interval",
            "snmp_rs_stats_update_interval",
            "enable_dbus",
            "dbus_service_name",
            "dbus_no_interface_name",
        ],
        "there is neither SNMP nor D-Bus",
    ),
];

/// What is missing of a keyword, if anything is.
pub(crate) fn not_yet(block: &str, keyword: &str) -> Option<&'static str> {
    NOT_YET.iter().find(|(name, keywords, _)| *name == block && keywords.contains(&keyword)).map(|(_, _, why)| *why)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blocks;
    use crate::schema::Status;

    #[test]
    fn every_line_of_the_table_is_a_keyword_and_stands_once() {
        let mut seen = std::collections::BTreeSet::new();
        for (block, keywords, _) in NOT_YET {
            for keyword in *keywords {
                assert!(seen.insert((block, keyword)), "{block} {keyword} stands twice");
                let found = blocks::entries()
                    .iter()
                    .any(|entry| entry.row.name == *keyword && entry.path.last().copied().unwrap_or("") == *block);
                assert!(found, "there is no `{keyword}` in `{block}`");
            }
        }
    }

    #[test]
    fn what_stands_for_a_block_covers_everything_in_it() {
        let checker = blocks::entries().iter().find(|entry| entry.path.ends_with(&["bfd_instance"])).expect("a row");
        assert!(matches!(checker.row.status, Status::NotYet(_)));
        let instance = blocks::entries().iter().find(|entry| entry.row.name == "virtual_router_id").expect("a row");
        assert_eq!(instance.row.status, Status::Done);
    }

    #[test]
    fn a_keyword_that_is_not_carried_out_is_reported_once_a_file() {
        let text = "global_defs {\n dbus_service_name a.b\n enable_dbus\n}\nglobal_defs {\n enable_dbus\n}\n";
        let host = crate::source::MemoryHost::new().file("/k.conf", text);
        let options = crate::Options { tell_not_yet: true, ..crate::Options::default() };
        let findings = crate::load(&host, std::path::Path::new("/k.conf"), &options).diagnostics;
        let told: Vec<&str> = findings
            .iter()
            .filter(|finding| finding.code == crate::interpret::NOT_YET)
            .map(|finding| finding.message.as_str())
            .collect();
        assert_eq!(told.len(), 2, "{told:?}");
    }
}

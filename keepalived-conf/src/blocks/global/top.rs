// SPDX-License-Identifier: MIT OR Apache-2.0
//! Settings that stand at top level only.

use std::time::Duration;

use crate::blocks::Config;
use crate::schema::{Again, Keyword, Setting, Shape, Status, kw, strict_int};

#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Top {
    /// Link state of every VRRP interface is polled.
    pub linkbeat_polling: bool,
    /// The network namespace the daemon runs in.
    pub net_namespace: Option<String>,
    /// Where the IPVS tables are; without it, where the daemon runs.
    pub net_namespace_ipvs: Option<IpvsNamespace>,
    pub namespace_with_ipsets: bool,
    /// PID files live in a directory of their own. `instance` and `net_namespace` imply it.
    pub pid_directory: Setting<bool>,
    /// Tells several daemons on one host apart.
    pub instance: Option<String>,
    pub child_wait_time: Setting<Duration>,
}

impl Default for Top {
    fn default() -> Top {
        Top {
            linkbeat_polling: false,
            net_namespace: None,
            net_namespace_ipvs: None,
            namespace_with_ipsets: false,
            pid_directory: Setting::new(false),
            instance: None,
            child_wait_time: Setting::new(Duration::from_secs(5)),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub enum IpvsNamespace {
    /// The one the daemon was started in.
    Original,
    Named(String),
}

pub(super) fn rows() -> Vec<Keyword<Config>> {
    vec![
        kw("linkbeat_use_polling")
            .default("off")
            .doc("Ask every VRRP interface for its link state instead of waiting for the kernel to report it.")
            .note("Stands at top level, not in `global_defs`. `linkbeat_interfaces` does it for single interfaces.")
            .since("<2.0")
            .set(|config, _| config.global.top.linkbeat_polling = true),
        kw("net_namespace")
            .arg(Shape::Word("NAME"))
            .default("none")
            .doc("Run the whole daemon in this network namespace, with PID files in a directory of their own.")
            .note("Option -s goes before it. A reload cannot change it.")
            .since("<2.0")
            .again(Again::First)
            .set(|config, args| {
                if let Some(name) = args.text() {
                    config.global.top.net_namespace = Some(name);
                    config.global.top.pid_directory.correct(true);
                }
            }),
        kw("net_namespace_ipvs")
            .opt(Shape::Word("NAME"))
            .default("the namespace of the daemon")
            .doc("Network namespace whose IPVS tables are managed; without a name, the one the daemon was started in.")
            .note("A reload cannot change it.")
            .since("2.1.0")
            .again(Again::First)
            .set(|config, args| {
                let name = args.text();
                config.global.top.net_namespace_ipvs = Some(name.map_or(IpvsNamespace::Original, IpvsNamespace::Named));
            }),
        kw("namespace_with_ipsets")
            .default("off")
            .doc("Allow ipsets in a network namespace on kernels older than 3.13.")
            .since("<2.0")
            .status(Status::NoEffect("the sets are those of nftables, which every namespace has"))
            .set(|config, _| config.global.top.namespace_with_ipsets = true),
        kw("use_pid_dir")
            .default("off")
            .doc("Keep PID files in the directory `keepalived` below the run directory.")
            .note("Implied by `instance` and `net_namespace`.")
            .since("<2.0")
            .set(|config, _| config.global.top.pid_directory.set(true)),
        kw("instance")
            .arg(Shape::Word("NAME"))
            .default("none")
            .doc("Name of this daemon among several on the host: part of PID file names and of the name in the log.")
            .note("A reload cannot change it.")
            .since("<2.0")
            .again(Again::First)
            .set(|config, args| {
                if let Some(name) = args.text() {
                    config.global.top.instance = Some(name);
                    config.global.top.pid_directory.correct(true);
                }
            }),
        kw("child_wait_time")
            .must(strict_int(0, 4_294_967_295))
            .default("5")
            .otherwise("the value before stays")
            .doc("Seconds the daemon waits for its processes to end when it is stopped.")
            .since("2.0.0")
            .set(|config, args| {
                if let Some(seconds) = args.num() {
                    config.global.top.child_wait_time.set(Duration::from_secs(seconds));
                }
            }),
    ]
}

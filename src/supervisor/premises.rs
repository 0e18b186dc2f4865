// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where the daemon lives: its network namespace, its folder for PID files, and what it is called there. None of that can
//! change while it lives.

use std::path::{Path, PathBuf};

use keepalived_conf::Config;
use keepalived_conf::blocks::global::top::IpvsNamespace;

use super::daemon::Settings;
use crate::kernel::namespace::{self, OwnFolder};
use crate::observe::log::Log;

/// Where what belongs to running processes lies.
const RUN: &str = "/run";
/// The folder in it of daemons that have a name, a namespace, or the wish for one.
const OWN_FOLDER: &str = "keepalived";

/// What a reload cannot change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Premises {
    /// The network namespace everything runs in; without one, where we were started.
    namespace: Option<String>,
    ipvs_namespace: Option<IpvsNamespace>,
    /// The name among several daemons of one host.
    instance: Option<String>,
    own_folder: bool,
    filter_table: String,
    keeps_reports: bool,
}

impl Premises {
    /// The command line goes before the configuration.
    pub(super) fn of(settings: &Settings, config: &Config) -> Premises {
        let top = &config.global.top;
        Premises {
            namespace: settings.namespace.clone().or_else(|| top.net_namespace.clone()),
            ipvs_namespace: top.net_namespace_ipvs.clone(),
            instance: top.instance.clone(),
            own_folder: *top.pid_directory || settings.namespace.is_some(),
            filter_table: config.global.filter.table.to_string(),
            keeps_reports: config.global.vrrp.disable_local_igmp,
        }
    }

    /// The first thing that differs, by its keyword.
    pub(super) fn differs(&self, other: &Premises) -> Option<&'static str> {
        [
            ("net_namespace", self.namespace != other.namespace),
            ("net_namespace_ipvs", self.ipvs_namespace != other.ipvs_namespace),
            ("instance", self.instance != other.instance),
            ("nftables", self.filter_table != other.filter_table),
            ("disable_local_igmp", self.keeps_reports != other.keeps_reports),
        ]
        .into_iter()
        .find_map(|(keyword, differs)| differs.then_some(keyword))
    }

    /// What is added to every name in a log: `_NAMESPACE_INSTANCE`.
    pub(super) fn mark(&self) -> String {
        let parts = [&self.namespace, &self.instance].into_iter().flatten();
        parts.map(|part| format!("_{part}")).collect()
    }

    /// The folder of PID files.
    pub(super) fn folder(&self) -> PathBuf {
        if self.own_folder { Path::new(RUN).join(OWN_FOLDER) } else { PathBuf::from(RUN) }
    }

    /// Where a PID file of this name lies, unless the command line says.
    pub(super) fn pid_file(&self, given: Option<&Path>, name: &str) -> PathBuf {
        let of_instance = self.instance.as_ref().map(|instance| format!("_{instance}")).unwrap_or_default();
        given.map_or_else(|| self.folder().join(format!("{name}{of_instance}.pid")), Path::to_owned)
    }

    /// The folders in which what lies in `folder` is found from outside, the likeliest first: daemons of namespaces have
    /// one of their own that they see in its place, where the kernel lets them.
    pub(super) fn folders_outside(&self) -> Vec<PathBuf> {
        let own = self.namespace.as_ref().map(|name| self.folder().join(name));
        own.into_iter().chain([self.folder()]).collect()
    }

    /// Moves in, for good. Must be called before there is a second thread.
    pub(super) fn move_in(&self, log: &Log) -> Result<Home, String> {
        let Some(name) = &self.namespace else {
            return Ok(Home { own: None, folder: self.own_folder.then(|| self.folder()) });
        };
        let there = namespace::named(name);
        namespace::enter(name)
            .map_err(|error| format!("the network namespace {} cannot be entered: {error}", there.display()))?;
        // Daemons of other namespaces have PID files of the same names.
        let own = OwnFolder::new(&self.folder(), name)
            .map_err(|error| log.warning(format_args!("PID files are not kept apart by namespace: {error}")))
            .ok();
        Ok(Home { own, folder: Some(self.folder()) })
    }
}

/// What moving in made; removed with this, as far as nobody else uses it.
#[derive(Debug)]
pub(super) struct Home {
    own: Option<OwnFolder>,
    folder: Option<PathBuf>,
}

impl Drop for Home {
    fn drop(&mut self) {
        self.own = None;
        if let Some(folder) = &self.folder {
            crate::kernel::files::remove_empty_folder(folder);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn premises(text: &str) -> Premises {
        let host = keepalived_conf::source::MemoryHost::new();
        let config = keepalived_conf::load_str(&host, text, true).config;
        Premises::of(&Settings::default(), &config)
    }

    #[test]
    fn pid_files_follow_from_name_and_folder() {
        let table = [
            ("", "/run/keepalived.pid", "/run/vrrp.pid", ""),
            ("use_pid_dir\n", "/run/keepalived/keepalived.pid", "/run/keepalived/vrrp.pid", ""),
            ("instance red\n", "/run/keepalived/keepalived_red.pid", "/run/keepalived/vrrp_red.pid", "_red"),
            ("net_namespace ns1\n", "/run/keepalived/keepalived.pid", "/run/keepalived/vrrp.pid", "_ns1"),
            (
                "net_namespace ns1\ninstance red\n",
                "/run/keepalived/keepalived_red.pid",
                "/run/keepalived/vrrp_red.pid",
                "_ns1_red",
            ),
        ];
        for (text, ours, vrrp, mark) in table {
            let premises = premises(text);
            assert_eq!(premises.pid_file(None, "keepalived"), Path::new(ours), "{text}");
            assert_eq!(premises.pid_file(None, "vrrp"), Path::new(vrrp), "{text}");
            assert_eq!(premises.mark(), mark);
        }
    }

    #[test]
    fn the_command_line_goes_before_the_configuration() {
        let settings = Settings { namespace: Some("ns2".to_owned()), ..Settings::default() };
        let config =
            keepalived_conf::load_str(&keepalived_conf::source::MemoryHost::new(), "net_namespace ns1\n", true);
        let premises = Premises::of(&settings, &config.config);
        assert_eq!(premises.mark(), "_ns2");
        let given = Path::new("/elsewhere/v.pid");
        assert_eq!(premises.pid_file(Some(given), "vrrp"), given);
        assert_eq!(premises.pid_file(None, "keepalived"), Path::new("/run/keepalived/keepalived.pid"));
    }

    #[test]
    fn what_a_reload_cannot_change_is_named() {
        assert_eq!(premises("instance a\n").differs(&premises("instance b\n")), Some("instance"));
        assert_eq!(premises("net_namespace a\n").differs(&premises("")), Some("net_namespace"));
        assert_eq!(premises("").differs(&premises("child_wait_time 3\n")), None);
    }
}

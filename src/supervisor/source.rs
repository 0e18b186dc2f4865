//! The configuration as the supervisor sees it: read, told about, written out for the workers.

use std::collections::BTreeSet;

use keepalived_conf::blocks::global::Global;
use keepalived_conf::diagnostic::Severity;

use super::daemon::Settings;
use super::role::Role;
use crate::kernel::bundle::Bundle;
use crate::kernel::host::OsHost;
use crate::observe::dump::{Written, data, place};
use crate::observe::log::{Level, Log};
use crate::render;

#[derive(Debug)]
pub(super) struct Source {
    /// The text in which everything is written out. Every process reads these bytes.
    pub(super) bundle: Bundle,
    /// The workers for which there is something to do.
    pub(super) wants: BTreeSet<Role>,
    global: Global,
}

impl Source {
    /// At the start every finding is logged and what can run runs, as with keepalived; a reload with an error in it is
    /// refused.
    pub(super) fn read(settings: &Settings, is_reload: bool, log: &Log) -> Result<Source, String> {
        let host = OsHost::new();
        let loaded = keepalived_conf::load(&host, &settings.file, &settings.options);
        for finding in &loaded.diagnostics {
            let level = match finding.severity {
                Severity::Note => Level::Debug,
                Severity::Warning => Level::Warning,
                Severity::Error => Level::Error,
            };
            log.write(level, render::line(finding, &loaded.map));
        }
        let file = settings.file.display();
        if is_reload && loaded.diagnostics.has_errors() {
            return Err(format!("{file} has errors; `steadfast check` shows them"));
        }
        let is_wanted = |role: &Role| match role {
            Role::Vrrp => loaded.config.vrrp.is_used(),
            Role::Checker => loaded.config.lvs.is_used(),
        };
        let wants: BTreeSet<Role> = Role::ALL.into_iter().filter(is_wanted).collect();
        if loaded.diagnostics.exit_status() == 6 && wants.is_empty() {
            return Err(format!("{file} cannot be read"));
        }
        let bundle = Bundle::seal(loaded.text.as_bytes());
        let bundle = bundle.map_err(|error| format!("{file} cannot be handed to the workers: {error}"))?;
        Ok(Source { bundle, wants, global: loaded.config.global })
    }

    /// Writes what this process knows, as keepalived's parent does.
    pub(super) fn dump(&self, log: &Log) {
        let written = Written { global: self.global.clone(), ..Written::default() };
        if let Err(trouble) = place::write(place::Kind::Data("_parent"), &written.global, &data::parent(&written)) {
            log.warning(trouble);
        }
    }
}

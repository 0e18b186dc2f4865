// SPDX-License-Identifier: MIT OR Apache-2.0
//! The configuration as the supervisor sees it: read, told about, written out for the workers.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::rc::Rc;

use keepalived_conf::blocks::global::Global;
use keepalived_conf::diagnostic::{Diagnostic, Diagnostics, Severity};
use keepalived_conf::source::Answers;
use keepalived_conf::{Loaded, Options};

use super::daemon::Settings;
use super::forecast;
use super::house::House;
use super::premises::Premises;
use super::role::Role;
use crate::kernel::bundle::Bundle;
use crate::kernel::files;
use crate::kernel::host::OsHost;
use crate::observe::dump::{Written, data, place};
use crate::observe::log::{Format, Level, Log};
use crate::render;

#[derive(Clone, Debug)]
pub(super) struct Source {
    /// The text in which everything is written out. Every process reads these bytes.
    pub(super) bundle: Rc<Bundle>,
    /// The workers for which there is something to do.
    pub(super) wants: BTreeSet<Role>,
    /// What it says about the daemon itself.
    pub(super) house: House,
    /// What was found in it, without the places.
    found: BTreeSet<Found>,
    /// How often, and what of it was found while the text was written out.
    findings: usize,
    found_in_text: BTreeSet<Found>,
    /// What of this machine counted for its meaning.
    answers: Rc<Answers>,
    global: Global,
}

impl Source {
    /// At the start every finding is logged and what can run runs, as with keepalived. A reload, which follows what was
    /// `before`, is refused when there is an error in it that was not there before, or when it changes what cannot be
    /// changed.
    pub(super) fn read(settings: &Settings, before: Option<&Source>, log: &Log) -> Result<Source, String> {
        let host = OsHost::new();
        let mark = before.and_then(|before| before.house.reload.marker.as_deref());
        let marked = mark.map(|path| files::replace(path, b"", MARKER_MODE));
        let written = keepalived_conf::write_out(&host, &settings.file, &settings.options);
        let found_in_text = found_in(written.diagnostics());
        let same = before.filter(|before| before.means_the_same(written.text(), &found_in_text, &host));
        if let Some(same) = same {
            tell_again(same.findings, log);
            unmark(mark, marked);
            return Ok(same.clone());
        }
        let loaded = written.mean(&host, &settings.options);
        unmark(mark, marked);
        if let Some(path) = before.and_then(|before| before.house.reload.findings.as_deref()) {
            keep_findings(path, &loaded, log);
        }
        if before.is_none() {
            log.form(Format::of(&loaded.config));
        }
        let file = settings.file.display();
        // Templates of platforms carry mistakes that were always there; whoever made a new one wants to hear of it.
        let known = before.map(|before| &before.found);
        tell(&loaded, known, log);
        let found = found_in(&loaded.diagnostics);
        if let Some(new) = known.and_then(|known| new_error(&found, known)) {
            return Err(format!("{file} has an error that was not there before ({new}); `steadfast check` shows all"));
        }
        let is_wanted = |role: &Role| match role {
            Role::Vrrp => loaded.config.vrrp.is_used(),
            // Connections are exchanged with other directors even where nothing is balanced here.
            Role::Checker => loaded.config.lvs.is_used() || loaded.config.global.lvs.sync_daemon.is_some(),
            Role::Status => loaded.config.vrrp.is_used() || loaded.config.lvs.is_used(),
        };
        let wants: BTreeSet<Role> = Role::ALL.into_iter().filter(is_wanted).collect();
        if loaded.diagnostics.exit_status() == 6 && wants.is_empty() {
            return Err(format!("{file} cannot be read"));
        }
        let house = House::of(settings, &loaded.config, log);
        if let Some(keyword) = before.and_then(|before| before.house.premises.differs(&house.premises)) {
            return Err(format!("{file} changes `{keyword}`, which takes a restart"));
        }
        // Workers know the very same text by its file.
        let bundle = match before.filter(|before| before.bundle.holds(loaded.text.as_bytes())) {
            Some(before) => before.bundle.clone(),
            None => Rc::new(
                Bundle::seal(loaded.text.as_bytes())
                    .map_err(|error| format!("{file} cannot be handed to the workers: {error}"))?,
            ),
        };
        let (findings, answers) = (loaded.diagnostics.iter().count(), Rc::new(loaded.answers));
        Ok(Source { bundle, wants, house, found, findings, found_in_text, answers, global: loaded.config.global })
    }

    /// Whether a text means what this one did, as far as that can be known without reading it again: it is the same, with
    /// the same findings, on a machine that says the same, and nobody wants the places of the findings.
    fn means_the_same(&self, text: &str, found_in_text: &BTreeSet<Found>, host: &OsHost) -> bool {
        let scripts = &self.global.scripts;
        let runs_scripts = scripts.startup.is_some() || scripts.shutdown.is_some();
        !runs_scripts
            && self.house.reload.findings.is_none()
            && self.found_in_text == *found_in_text
            && self.bundle.holds(text.as_bytes())
            && self.answers.are_those_of(host)
    }

    /// What living by another file would change. Reads it and changes nothing.
    pub(super) fn forecast(&self, settings: &Settings, file: &Path) -> Result<Vec<String>, String> {
        let host = OsHost::new();
        let next = keepalived_conf::load(&host, file, &settings.options);
        let nothing = !next.config.vrrp.is_used() && !next.config.lvs.is_used();
        if next.diagnostics.exit_status() == 6 && nothing {
            return Err(format!("{} cannot be read", file.display()));
        }
        if let Some(new) = new_error(&found_in(&next.diagnostics), &self.found) {
            return Err(format!("a reload would be refused: {new}; `steadfast check` shows all"));
        }
        if let Some(keyword) = self.house.premises.differs(&Premises::of(settings, &next.config)) {
            return Err(format!("a reload would be refused: `{keyword}` changes, which takes a restart"));
        }
        let now = self.bundle.text().and_then(|text| String::from_utf8(text).map_err(std::io::Error::other));
        let now = now.map_err(|error| format!("the configuration in force cannot be read: {error}"))?;
        // As the workers read them.
        let [now, next] = [now, next.text.to_string()]
            .map(|text| keepalived_conf::load_ready(&host, text, &Options::default()).config);
        Ok(forecast::lines(&now, &next))
    }

    /// Writes what this process knows, as keepalived's parent does.
    pub(super) fn dump(&self, log: &Log) {
        let written = Written { global: self.global.clone(), ..Written::default() };
        if let Err(trouble) = place::write(place::Kind::Data("_parent"), &written.global, &data::parent(&written)) {
            log.warning(trouble);
        }
    }

    /// Leaves a copy of the configuration, written out, for who looks for faults later.
    pub(super) fn keep_copy(&self, name: &str, log: &Log) {
        let Some(folder) = &self.house.reload.copies else { return };
        let kept = self.bundle.text().and_then(|text| {
            files::make_folder(folder)?;
            files::replace(&folder.join(name), &text, COPY_MODE)
        });
        if let Err(error) = kept {
            log.warning(format_args!("no copy of the configuration in {}: {error}", folder.display()));
        }
    }
}

/// A finding without its place, which moves with every line above it.
type Found = (Severity, String);

fn found(finding: &Diagnostic) -> Found {
    (finding.severity, format!("{}: {}", finding.code.id, finding.message))
}

fn found_in(diagnostics: &Diagnostics) -> BTreeSet<Found> {
    diagnostics.iter().map(found).collect()
}

fn new_error<'now>(now: &'now BTreeSet<Found>, known: &BTreeSet<Found>) -> Option<&'now str> {
    let new = now.iter().find(|found| found.0 == Severity::Error && !known.contains(found));
    new.map(|(_, message)| message.as_str())
}

/// Logs what was found, but what is known already only by its number: some reload many times a day.
fn tell(loaded: &Loaded, known: Option<&BTreeSet<Found>>, log: &Log) {
    let mut again = 0_usize;
    for finding in &loaded.diagnostics {
        if known.is_some_and(|known| known.contains(&found(finding))) {
            again += 1;
            continue;
        }
        let level = match finding.severity {
            Severity::Note => Level::Debug,
            Severity::Warning => Level::Warning,
            Severity::Error => Level::Error,
        };
        log.write(level, render::line(finding, &loaded.map));
    }
    tell_again(again, log);
}

fn tell_again(findings: usize, log: &Log) {
    if findings > 0 {
        log.info(format_args!(
            "{findings} findings of before are in the configuration still; `steadfast check` shows them"
        ));
    }
}

/// The configuration has been read.
fn unmark(mark: Option<&Path>, marked: Option<io::Result<()>>) {
    if let (Some(path), Some(Ok(()))) = (mark, marked) {
        // Whoever waits for its end only loses time when it stays.
        let _ = files::remove(path);
    }
}

/// Everybody may see that the configuration is being read.
const MARKER_MODE: u32 = 0o644;
/// Passwords stand in a configuration.
const COPY_MODE: u32 = 0o600;

/// `reload_check_config`: what was found stays readable, whatever comes of the reload.
fn keep_findings(path: &Path, loaded: &Loaded, log: &Log) {
    let mut text = String::new();
    for finding in &loaded.diagnostics {
        text.push_str(&render::config_test_line(finding, &loaded.map));
        text.push('\n');
    }
    if path == Path::new("/dev/null") {
        return;
    }
    if let Err(error) = files::replace(path, text.as_bytes(), FINDINGS_MODE) {
        log.warning(format_args!("findings of the reload cannot be kept in {}: {error}", path.display()));
    }
}

/// As the configuration test makes its log.
const FINDINGS_MODE: u32 = 0o644;

#[cfg(test)]
mod tests;

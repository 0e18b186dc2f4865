// SPDX-License-Identifier: MIT OR Apache-2.0
//! What becomes of a script once the whole configuration is known: its account, its program, and whether it may run.
//!
//! A script that runs as root is safe when nobody but root can change what runs: every directory on the way, every
//! link followed and the file itself belong to root and can be written by nobody else. keepalived refuses any link to a
//! directory on the way (its `/bin/x` fails where `/bin` is a link); here the link is judged like everything else.

use std::collections::BTreeMap;

use super::way::{Way, cleaned, walk};
use super::{RunAs, Script};
use crate::diagnostic::{Class, Code, Diagnostic, Diagnostics, Severity};
use crate::environment::{Account, Answer, InodeKind};
use crate::source::Host;
use crate::span::Span;

pub const UNKNOWN_USER: Code = Code::new("KC117", "unknown user");
pub const UNKNOWN_GROUP: Code = Code::new("KC118", "unknown group");
pub const NO_DEFAULT_USER: Code = Code::new("KC119", "no account to run scripts under");
pub const NOT_FOUND: Code = Code::new("KC120", "the program is not there");
pub const NOT_A_PROGRAM: Code = Code::new("KC121", "not a program its account may run");
pub const INSECURE: Code = Code::new("KC122", "others than root can change a program that runs as root");
pub const NO_SECURITY: Code = Code::new("KC123", "scripts run without `enable_script_security`");
pub const FOUND_IN_PATH: Code = Code::new("KC124", "found by a search along PATH");

/// The account scripts get when neither they nor `script_user` name one and it exists.
pub const DEFAULT_USER: &str = "keepalived_script";

/// Where PATH is not set.
const PATH_FALLBACK: &str = "/bin:/usr/bin";

/// What a script is for; decides how much its loss weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A `vrrp_script`: keepalived counts its loss as an error.
    Tracked,
    /// A program of MISC_CHECK: keepalived counts an account that does not exist as an error.
    Checking,
    /// Every other script: keepalived only logs its loss.
    Other,
}

/// Called with every script. It answers whether the script can be used; if not, the caller takes it out.
pub type Visit<'v> = dyn FnMut(&mut Script, Role) -> bool + 'v;

/// Takes the script out of its place when it cannot be used.
pub fn retain<S: AsMut<Script>>(place: &mut Option<S>, role: Role, visit: &mut Visit<'_>) {
    if place.as_mut().is_some_and(|script| !visit(script.as_mut(), role)) {
        *place = None;
    }
}

/// What is true for all scripts.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// `script_user`.
    pub user: Option<RunAs>,
    /// A `script_user` that names nobody: scripts that rely on it are left out.
    pub user_broken: bool,
    /// `enable_script_security`.
    pub security: bool,
    /// `use_symlink_paths`.
    pub keep_links: bool,
    /// `set_supplementary_groups`.
    pub supplementary: bool,
}

/// The account's numbers, as far as they can be known.
///
/// # Errors
/// The code of what does not exist.
pub fn look_up(host: &dyn Host, run_as: &RunAs) -> Result<Option<Account>, Code> {
    let user = match host.account(&run_as.user) {
        Answer::Absent => return Err(UNKNOWN_USER),
        Answer::Unknown => None,
        Answer::Found(account) => Some(account),
    };
    let group = match run_as.group.as_deref().map(|name| host.group(name)) {
        Some(Answer::Absent) => return Err(UNKNOWN_GROUP),
        Some(Answer::Found(gid)) => Some(gid),
        Some(Answer::Unknown) | None => None,
    };
    Ok(user.map(|account| Account { gid: group.unwrap_or(account.gid), ..account }))
}

/// What a wrong account is called in a message.
pub fn wrong_account(code: Code, run_as: &RunAs) -> String {
    if code == UNKNOWN_GROUP {
        format!("there is no group `{}`", run_as.group.as_deref().unwrap_or_default())
    } else {
        format!("there is no user `{}`", run_as.user)
    }
}

/// The account of scripts that name none.
#[derive(Clone, Debug)]
enum Fallback {
    User(RunAs, Option<Account>),
    Own,
    /// There should be one, but there is not.
    Missing,
    /// `script_user` names nobody.
    Broken,
}

/// Settles scripts one after the other and remembers what is to be said about all of them together.
pub struct Settler<'h> {
    host: &'h dyn Host,
    policy: Policy,
    fallback: Fallback,
    accounts: BTreeMap<(String, Option<String>), Result<Option<Account>, Code>>,
    /// The first script that exists, when security is not enabled.
    present: Option<Span>,
    /// keepalived gets to one of them.
    present_upstream: bool,
    insecure: Vec<Span>,
    out_of_reach: bool,
}

impl std::fmt::Debug for Settler<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settler").field("policy", &self.policy).finish_non_exhaustive()
    }
}

impl<'h> Settler<'h> {
    pub fn new(host: &'h dyn Host, policy: Policy) -> Settler<'h> {
        let fallback = match &policy.user {
            _ if policy.user_broken => Fallback::Broken,
            Some(user) => Fallback::User(user.clone(), look_up(host, user).ok().flatten()),
            None => match host.account(DEFAULT_USER) {
                Answer::Found(account) => {
                    Fallback::User(RunAs { user: DEFAULT_USER.to_owned(), ..RunAs::default() }, Some(account))
                }
                Answer::Absent if policy.security => Fallback::Missing,
                Answer::Absent | Answer::Unknown => Fallback::Own,
            },
        };
        Settler {
            host,
            policy,
            fallback,
            accounts: BTreeMap::new(),
            present: None,
            present_upstream: false,
            insecure: Vec::new(),
            out_of_reach: false,
        }
    }

    /// Says whether keepalived ends before it comes to the scripts that follow. What is found then is ours alone.
    pub fn out_of_reach(&mut self, yes: bool) {
        self.out_of_reach = yes;
    }

    /// The account scripts get that name none; none is the daemon's own.
    pub fn default_user(&self) -> Option<&RunAs> {
        match &self.fallback {
            Fallback::User(user, _) => Some(user),
            Fallback::Own | Fallback::Missing | Fallback::Broken => None,
        }
    }

    /// Fills in what is to be known about the script. False, with a finding, when it cannot be used.
    pub fn settle(&mut self, script: &mut Script, role: Role, findings: &mut Diagnostics) -> bool {
        let mut found = Vec::new();
        let kept = match self.account_of(script) {
            Ok(account) => self.locate(script, account, role, &mut found),
            Err(finding) => {
                let unknown = finding.code == UNKNOWN_USER || finding.code == UNKNOWN_GROUP;
                let counted = unknown && role == Role::Checking;
                found.push(if counted { finding.class(Class::General) } else { *finding });
                false
            }
        };
        for finding in found {
            findings.push(if self.out_of_reach { finding.class(Class::Ours) } else { finding });
        }
        kept
    }

    /// What is to be said about all scripts together.
    pub fn finish(self, findings: &mut Diagnostics) {
        let Some(first) = self.present else { return };
        let mut finding = Diagnostic::warning(NO_SECURITY, "scripts run, but `enable_script_security` is not set")
            .class(if self.present_upstream { Class::Security } else { Class::Ours })
            .at(first, "for example this one")
            .hint("write `enable_script_security` and `script_user NAME` in `global_defs`");
        if let Some(worst) = self.insecure.first() {
            finding = finding
                .at(*worst, "others than root can change this program")
                .note(format!("{} of them would then be refused", self.insecure.len()));
        }
        findings.push(finding);
    }

    /// The numbers of the account the script runs under, where they can be known.
    fn account_of(&mut self, script: &mut Script) -> Result<Option<Account>, Box<Diagnostic>> {
        script.supplementary |= self.policy.supplementary;
        if let Some(user) = script.user.clone() {
            let run_as = RunAs { user, group: script.group.clone(), ..RunAs::default() };
            let key = (run_as.user.clone(), run_as.group.clone());
            let host = self.host;
            let known = self.accounts.entry(key).or_insert_with(|| look_up(host, &run_as)).clone();
            return known.map_err(|code| {
                let finding = Diagnostic::error(code, format!("script left out: {}", wrong_account(code, &run_as)));
                Box::new(finding.class(Class::Logged).at(script.span(), "never run"))
            });
        }
        match &self.fallback {
            Fallback::User(user, account) => {
                script.user = Some(user.user.clone());
                script.group = user.group.clone();
                script.supplementary |= user.supplementary;
                Ok(account.clone())
            }
            Fallback::Own => Ok(Some(self.host.own_account())),
            Fallback::Missing => {
                let finding = Diagnostic::error(NO_DEFAULT_USER, "script left out: no account to run it under")
                    .at(script.span(), "never run")
                    .note(format!(
                        "with `enable_script_security` scripts run as `script_user`, else as `{DEFAULT_USER}`, \
                         which does not exist"
                    ))
                    .hint("name an account with `script_user` in `global_defs`");
                Err(Box::new(finding))
            }
            Fallback::Broken => {
                let finding = Diagnostic::error(NO_DEFAULT_USER, "script left out: `script_user` names nobody")
                    .class(Class::Logged)
                    .at(script.span(), "never run");
                Err(Box::new(finding))
            }
        }
    }

    /// Finds the program and judges it. False when the script is to be left out.
    fn locate(
        &mut self,
        script: &mut Script,
        account: Option<Account>,
        role: Role,
        findings: &mut Vec<Diagnostic>,
    ) -> bool {
        if let Some(file) = script.opens() {
            script.program = file.to_owned();
            return true;
        }
        let Some(name) = script.argv.first().cloned() else { return false };
        let Some(account) = account else {
            script.program = name;
            return true;
        };
        let way = if name.contains('/') {
            walk(self.host, &self.absolute(&name), &account)
        } else {
            self.search(&name, &account, script, findings)
        };
        let way = match way {
            Answer::Unknown => {
                script.program = name;
                return true;
            }
            Answer::Absent => {
                let class = if role == Role::Tracked { Class::General } else { Class::Logged };
                let finding = Diagnostic::error(NOT_FOUND, format!("script left out: there is no `{name}`"))
                    .class(class)
                    .at(script.span(), "not found, or not accessible to its account");
                findings.push(if name.contains('/') { finding } else { finding.hint("write the whole path") });
                return false;
            }
            Answer::Found(way) => way,
        };
        self.judge(script, &way, &account, role, findings)
    }

    fn judge(
        &mut self,
        script: &mut Script,
        way: &Way,
        account: &Account,
        role: Role,
        findings: &mut Vec<Diagnostic>,
    ) -> bool {
        let weight = if role == Role::Tracked { Class::General } else { Class::Logged };
        if !self.policy.security {
            self.present = self.present.or(Some(script.span()));
            self.present_upstream |= !self.out_of_reach;
        }
        let name = way.real.clone();
        let refused = |class: Class, label: &str| {
            Diagnostic::error(NOT_A_PROGRAM, format!("script left out: `{name}` cannot be run"))
                .class(class)
                .at(script.span(), label)
        };
        if way.last.kind != InodeKind::File {
            findings.push(refused(weight, "not a file"));
            return false;
        }
        if !way.last.executable_by(account) {
            findings.push(refused(Class::Logged, "its account may not execute it").hint(format!("chmod +x {name}")));
            return false;
        }
        if let Some(culprit) = way.weak_spot(account) {
            if self.policy.security {
                let finding =
                    Diagnostic::error(INSECURE, format!("script left out: `{name}` is not safe to run as root"))
                        .class(weight)
                        .at(script.span(), format!("others than root can change {culprit}"))
                        .hint(format!("give {culprit} to root, writable by nobody else"));
                findings.push(finding);
                return false;
            }
            self.insecure.push(script.span());
        }
        script.program = match script.argv.first() {
            Some(given) if self.policy.keep_links => cleaned(&self.absolute(given)),
            Some(_) | None => name.clone(),
        };
        script.shell = match self.host.head(&way.real) {
            Answer::Found(head) => !(head.starts_with(b"#!") || head.starts_with(b"\x7fELF")),
            Answer::Unknown | Answer::Absent => false,
        };
        true
    }

    /// Looks along PATH for a program the account may run; it then goes by its path.
    fn search(
        &self,
        name: &str,
        account: &Account,
        script: &mut Script,
        findings: &mut Vec<Diagnostic>,
    ) -> Answer<Way> {
        let path = self.host.env("PATH").unwrap_or_else(|| PATH_FALLBACK.to_owned());
        for directory in path.split(':').filter(|directory| directory.starts_with('/')) {
            let candidate = format!("{}/{name}", directory.trim_end_matches('/'));
            match walk(self.host, &candidate, account) {
                Answer::Unknown => return Answer::Unknown,
                Answer::Found(way) if way.last.kind == InodeKind::File && way.last.executable_by(account) => {
                    let finding = Diagnostic::lint(FOUND_IN_PATH, format!("`{name}` was found along PATH"))
                        .severity(Severity::Note)
                        .at(script.span(), format!("runs {candidate}"))
                        .hint("write the whole path: PATH may differ when the daemon starts");
                    findings.push(finding);
                    if let Some(first) = script.argv.first_mut() {
                        *first = candidate;
                    }
                    return Answer::Found(way);
                }
                Answer::Found(_) | Answer::Absent => {}
            }
        }
        Answer::Absent
    }

    fn absolute(&self, path: &str) -> String {
        if path.starts_with('/') {
            return path.to_owned();
        }
        format!("{}/{path}", self.host.directory())
    }
}

#[cfg(test)]
mod tests;

// SPDX-License-Identifier: MIT OR Apache-2.0
//! `steadfast check`: what is wrong, where, and what to do.

use std::ffi::OsString;
use std::path::Path;

use keepalived_conf::diagnostic::{Diagnostic, Severity};
use keepalived_conf::schema::Version;
use keepalived_conf::source::Host;
use keepalived_conf::{Loaded, Options, lint};
use lexopt::{Arg, Parser, ValueExt};
use serde_json::{Value, json};

use super::{Output, usage};
use crate::kernel::host::{Elsewhere, OsHost};
use crate::render::{self, Human};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Human,
    OneLine,
    Json,
}

struct Request {
    form: Form,
    fail_on: Severity,
    options: Options,
    files: Vec<OsString>,
    elsewhere: bool,
}

pub(super) fn run(words: Vec<OsString>, output: &mut Output<'_>) -> u8 {
    let request = match read(words) {
        Ok(request) => request,
        Err(problem) => return usage("check", problem, output),
    };
    // Several files are several nodes, and this machine is one of them at most.
    let elsewhere = request.elsewhere || request.files.len() > 1;
    let host: Box<dyn Host> = if elsewhere { Box::new(Elsewhere::new()) } else { Box::new(OsHost::new()) };
    let mut nodes: Vec<Loaded> = Vec::new();
    for file in &request.files {
        let mut loaded = keepalived_conf::load(&*host, Path::new(file), &request.options);
        for finding in &lint::lint(&loaded.config) {
            loaded.diagnostics.push(finding.clone());
        }
        nodes.push(loaded);
    }
    let across = lint::across(&nodes.iter().map(|node| &node.config).collect::<Vec<_>>());
    for (node, finding) in across {
        if let Some(node) = nodes.get_mut(node) {
            node.diagnostics.push(with_file_names(finding, &request.files));
        }
    }
    for Loaded { diagnostics, map, .. } in &mut nodes {
        diagnostics
            .sort_by_key(|finding| render::place(finding, map).map(|at| (at.file.to_owned(), at.line, at.column)));
    }
    report(&request, &nodes, output);
    let worst = nodes.iter().filter_map(|node| node.diagnostics.worst_severity()).max();
    u8::from(worst.is_some_and(|worst| worst >= request.fail_on))
}

fn read(words: Vec<OsString>) -> Result<Request, String> {
    let options = Options { tell_not_yet: true, ..Options::default() };
    let mut request =
        Request { form: Form::Human, fail_on: Severity::Warning, options, files: Vec::new(), elsewhere: false };
    let mut parser = Parser::from_args(words);
    while let Some(arg) = parser.next().map_err(|error| error.to_string())? {
        match arg {
            Arg::Long("strict") => request.fail_on = Severity::Note,
            Arg::Long("fail-on") => {
                let name = value_of(&mut parser)?;
                request.fail_on = [Severity::Note, Severity::Warning, Severity::Error]
                    .into_iter()
                    .find(|severity| severity.name() == name)
                    .ok_or_else(|| format!("`--fail-on {name}`: expected error, warning or note"))?;
            }
            Arg::Long("elsewhere") => request.elsewhere = true,
            Arg::Long("json") => request.form = Form::Json,
            Arg::Long("oneline") => request.form = Form::OneLine,
            Arg::Long("config-id") | Arg::Short('i') => request.options.config_id = Some(value_of(&mut parser)?),
            Arg::Long("as") => {
                let name = value_of(&mut parser)?;
                request.options.upstream = Some(upstream_version(&name)?);
            }
            Arg::Value(file) => request.files.push(file),
            other => return Err(other.unexpected().to_string()),
        }
    }
    if request.files.is_empty() { Err("no file to check".to_owned()) } else { Ok(request) }
}

/// Lints count files as they were given; here their names are known. Later files first, so that `file 1` is not taken out
/// of `file 12`.
fn with_file_names(mut finding: Diagnostic, files: &[OsString]) -> Diagnostic {
    for (number, file) in files.iter().enumerate().rev() {
        let (count, name) = (format!("file {}", number + 1), file.to_string_lossy());
        let labels = finding.labels.iter_mut().map(|label| &mut label.text);
        for text in labels.chain([&mut finding.message]).chain(&mut finding.notes).chain(&mut finding.hints) {
            *text = text.replace(&count, &name);
        }
    }
    finding
}

/// The word an option wants.
pub(super) fn value_of(parser: &mut Parser) -> Result<String, String> {
    parser.value().and_then(|value| value.string()).map_err(|error| error.to_string())
}

/// `keepalived` or `keepalived-2.2.7`.
fn upstream_version(name: &str) -> Result<Version, String> {
    let known = match name.strip_prefix("keepalived") {
        Some("") => Some(Version::NEWEST_UPSTREAM),
        Some(rest) => rest.strip_prefix('-').and_then(Version::parse),
        None => None,
    };
    known.ok_or_else(|| format!("`--as {name}`: expected keepalived or keepalived-VERSION, such as keepalived-2.2.7"))
}

fn report(request: &Request, nodes: &[Loaded], output: &mut Output<'_>) {
    if request.form == Form::Json {
        let files: Vec<Value> = nodes
            .iter()
            .zip(&request.files)
            .map(|(node, file)| {
                let findings: Vec<Value> =
                    node.diagnostics.iter().map(|finding| render::to_json(finding, &node.map)).collect();
                json!({"file": file.to_string_lossy(), "findings": findings, "not_shown": node.diagnostics.dropped()})
            })
            .collect();
        output.print(json!({"version": 1, "files": files}));
        return;
    }
    let human = Human::new(output.colour);
    for (node, file) in nodes.iter().zip(&request.files) {
        for finding in &node.diagnostics {
            match request.form {
                Form::OneLine => output.print(render::line(finding, &node.map)),
                Form::Human | Form::Json => output.print(format_args!("{}\n", human.render(finding, &node.map))),
            }
        }
        if request.form == Form::Human {
            output.print(format_args!("{}: {}", file.to_string_lossy(), summary(node)));
        }
    }
}

/// What was found, in half a line.
fn summary(node: &Loaded) -> String {
    let count = |severity| node.diagnostics.iter().filter(|finding: &&Diagnostic| finding.severity == severity).count();
    let (errors, warnings, notes) = (count(Severity::Error), count(Severity::Warning), count(Severity::Note));
    let config = &node.config;
    let holds = [plural(config.vrrp.instances.len(), "instance")];
    let mut text = if errors + warnings + notes == 0 {
        "fine".to_owned()
    } else {
        [plural(errors, "error"), plural(warnings, "warning"), plural(notes, "note")].join(", ")
    };
    if node.diagnostics.dropped() > 0 {
        text.push_str(&format!(" and {} more not kept", node.diagnostics.dropped()));
    }
    format!("{text} ({})", holds.join(", "))
}

fn plural(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Walks the tree of statements against the keyword tables and fills the typed structs.

use crate::diagnostic::{Class, Code, Diagnostic, Severity};
use crate::schema::{
    Action, Again, Block, Keyword, Kind, Nested, Node, Open, Origin, Row, Setter, Status, Version, nearest,
};
use crate::syntax::{Body, Statement};
use crate::value::{Args, Cx, SURPLUS};

pub const UNKNOWN_KEYWORD: Code = Code::new("KC060", "unknown keyword");
pub const UNEXPECTED_BLOCK: Code = Code::new("KC061", "a block where none belongs");
pub const MISSING_BLOCK: Code = Code::new("KC062", "a block is missing");
pub const WRITTEN_TWICE: Code = Code::new("KC063", "written twice");
pub const NOT_YET: Code = Code::new("KC064", "not implemented yet");
pub const NO_EFFECT: Code = Code::new("KC065", "has no effect");
pub const DEPRECATED: Code = Code::new("KC066", "deprecated spelling");

pub const NOT_UPSTREAM: Code = Code::new("KC067", "keepalived does not know this");

/// Fills `target` from the statements of `body`.
pub fn body<'s, T: Node>(block: &Block<T>, target: &mut T, body: Body<'s>, cx: &mut Cx<'s>) {
    for statement in body.statements() {
        match &block.kind {
            Kind::Keywords { .. } => line(block, target, statement, cx),
            Kind::Lines(each) => {
                let row = list_row(block.name);
                let mut args = Args::of_entry(cx, &row, statement);
                each(target, &mut args);
                args.finish();
            }
        }
    }
}

/// The same of those statements alone whose keywords the block has.
pub fn known<'s, T: Node>(block: &Block<T>, target: &mut T, body: Body<'s>, cx: &mut Cx<'s>) {
    let is_known =
        |statement: &Statement<'_>| statement.words().next().is_some_and(|word| block.find(word.text).is_some());
    body.statements().filter(is_known).for_each(|statement| line(block, target, statement, cx));
}

/// One statement in a block of keywords.
fn line<'s, T: Node>(block: &Block<T>, target: &mut T, statement: Statement<'s>, cx: &mut Cx<'s>) {
    let Some(first) = statement.words().next() else {
        let finding = Diagnostic::error(UNEXPECTED_BLOCK, "a block without a keyword")
            .class(Class::UnexpectedOpen)
            .at(statement.span(), "skipped whole");
        cx.diagnostics.push(finding);
        return;
    };
    let Some(keyword) = block.find(first.text) else {
        unknown(block, statement, cx);
        return;
    };
    if written_before(target, keyword, statement, cx) {
        return;
    }
    status_of(block.name, &keyword.row, statement, cx);
    not_upstream(&keyword.row, statement, cx);
    // Blocks of which there may be thousands remember their own place.
    if !(keyword.row.again == Again::Adds && matches!(keyword.action, Action::Block(_))) {
        target.seen().record(keyword.row.key, statement.span());
    }
    let nested = statement.body();
    match &keyword.action {
        Action::Set(set) => {
            if nested.is_some() {
                unexpected_block(&keyword.row, statement, cx);
            }
            let mut args = Args::after_keyword(cx, &keyword.row, statement);
            set(target, &mut args);
            args.finish();
        }
        Action::Block(open) => {
            let mut args = Args::after_keyword(cx, &keyword.row, statement);
            open.apply(target, &mut args, nested);
        }
        Action::Lines(each) => list(target, &keyword.row, *each, statement, cx),
        Action::Words(each) => words(target, &keyword.row, *each, statement, cx),
    }
}

/// A list block: one entry a line.
fn list<'s, T>(target: &mut T, row: &Row, each: Setter<T>, statement: Statement<'s>, cx: &mut Cx<'s>) {
    words_before_block(row, statement, cx);
    let Some(entries) = statement.body() else {
        missing_block(row, statement, cx, Class::Logged);
        return;
    };
    for entry in entries.statements() {
        if entry.body().is_some() {
            unexpected_block(row, entry, cx);
        }
        if entry.words().next().is_none() {
            continue;
        }
        let mut args = Args::of_entry(cx, row, entry);
        each(target, &mut args);
        args.finish();
    }
}

/// A list block in which every word is an entry. The setter is called once a line and takes word after word.
fn words<'s, T>(target: &mut T, row: &Row, each: Setter<T>, statement: Statement<'s>, cx: &mut Cx<'s>) {
    words_before_block(row, statement, cx);
    let Some(entries) = statement.body() else {
        missing_block(row, statement, cx, Class::Logged);
        return;
    };
    for entry in entries.statements() {
        let mut args = Args::of_entry(cx, row, entry);
        while args.given() {
            each(target, &mut args);
        }
    }
}

impl<T: 'static, C: Node> Nested<T> for Open<T, C> {
    fn apply<'s>(&self, parent: &mut T, args: &mut Args<'s, '_>, nested: Option<Body<'s>>) {
        let statement = args.statement();
        let opened = (self.open)(parent, args);
        let Some(nested) = nested else {
            let finding = Diagnostic::error(MISSING_BLOCK, format!("`{}` wants a block", args.keyword))
                .class(Class::MissingOpen)
                .at(statement.span(), "expected `{` after this");
            args.push(finding);
            return;
        };
        let Some(mut child) = opened else { return };
        child.seen().head = statement.span();
        body(self.block, &mut child, nested, args.cx);
        (self.close)(parent, child, args);
    }

    fn describe(&self, path: &mut Vec<&'static str>, visit: &mut dyn FnMut(&[&'static str], &Row)) {
        self.block.describe(path, visit);
    }
}

fn unknown<T>(block: &Block<T>, statement: Statement<'_>, cx: &mut Cx<'_>) {
    let Some(word) = statement.words().next() else { return };
    let place = if block.name.is_empty() { "at top level".to_owned() } else { format!("in `{}`", block.name) };
    let skipped = if statement.body().is_some() { "skipped with its whole block" } else { "ignored" };
    let mut finding = Diagnostic::error(UNKNOWN_KEYWORD, format!("unknown keyword `{}` {place}", word.text))
        .class(Class::UnknownKeyword)
        .at(word.span, skipped);
    if !cx.diagnostics.want_hints() {
        return cx.diagnostics.push(finding);
    }
    if word.text.starts_with('$') && statement.words().nth(1).is_some_and(|next| next.text.starts_with('=')) {
        finding = finding.hint(format!("a definition has no blank before its `=`: write `{}=VALUE`", word.text));
    }
    let names = block.rows().iter().map(|keyword| keyword.row.name);
    let elsewhere = crate::blocks::places().get(word.text);
    if let Some(places) = elsewhere {
        let list: Vec<String> = places.iter().map(|place| format!("`{place}`")).collect();
        let list: Vec<&str> = list.iter().map(String::as_str).collect();
        finding = finding.hint(format!("`{}` belongs to {}", word.text, crate::value::one_of(&list)));
    }
    if let Some(near) = nearest(word.text, names) {
        finding = finding.hint(format!("did you mean `{near}`?"));
    } else if elsewhere.is_none()
        && let Some(near) = nearest(word.text, crate::blocks::places().keys().copied())
        && let Some(places) = crate::blocks::places().get(near)
    {
        finding = finding.hint(format!("did you mean `{near}`? It belongs to `{}`", places.join("`, `")));
    }
    cx.diagnostics.push(finding);
}

/// Handles a keyword written a second time. True when this one is to be ignored.
fn written_before<T: Node>(target: &mut T, keyword: &Keyword<T>, statement: Statement<'_>, cx: &mut Cx<'_>) -> bool {
    let row = &keyword.row;
    let (again, first) = match (row.again, target.seen().span_of(row.key)) {
        (_, None) | (Again::Adds, Some(_)) => return false,
        (again, Some(first)) => (again, first),
    };
    let is_setting = matches!(keyword.action, Action::Set(_)) && !row.args.is_empty();
    match again {
        Again::First => {
            let finding =
                Diagnostic::error(WRITTEN_TWICE, format!("`{}` is set twice; the first one counts", row.name))
                    .at(statement.span(), "ignored")
                    .at(first, "set here");
            cx.diagnostics.push(finding);
            true
        }
        Again::Last if is_setting => {
            let finding = Diagnostic::lint(WRITTEN_TWICE, format!("`{}` is set twice; the last one counts", row.name))
                .at(statement.span(), "this one counts")
                .at(first, "set here before");
            cx.diagnostics.push(finding);
            false
        }
        Again::Last | Again::Adds => false,
    }
}

fn status_of(block: &'static str, row: &Row, statement: Statement<'_>, cx: &mut Cx<'_>) {
    let finding = match row.status {
        Status::Done => return,
        Status::NotYet(missing) => {
            // Once is enough: a file may hold thousands of the same.
            if !cx.tell_not_yet || !cx.not_yet_told.insert((block, row.name)) {
                return;
            }
            Diagnostic::lint(NOT_YET, format!("`{}` is read but not implemented yet", row.name)).note(missing)
        }
        Status::NoEffect(why) => {
            Diagnostic::lint(NO_EFFECT, format!("`{}` has no effect", row.name)).severity(Severity::Note).note(why)
        }
        Status::Deprecated(instead) => {
            Diagnostic::lint(DEPRECATED, format!("`{}` is a deprecated spelling", row.name)).hint(instead)
        }
    };
    cx.diagnostics.push(finding.class(row.class).at(statement.span(), ""));
}

/// For whoever must keep a file that keepalived takes too.
fn not_upstream(row: &Row, statement: Statement<'_>, cx: &mut Cx<'_>) {
    let Some(version) = cx.upstream else { return };
    let why = match row.origin {
        Origin::Steadfast => "a keyword of Steadfast".to_owned(),
        Origin::Upstream if Version::of_since(row.since) > version => format!("since keepalived {}", row.since),
        Origin::Upstream => return,
    };
    let finding = Diagnostic::lint(NOT_UPSTREAM, format!("keepalived {version} does not know `{}`", row.name))
        .severity(Severity::Error)
        .at(statement.span(), why);
    cx.diagnostics.push(finding);
}

fn unexpected_block(row: &Row, statement: Statement<'_>, cx: &mut Cx<'_>) {
    let finding = Diagnostic::error(UNEXPECTED_BLOCK, format!("`{}` takes no block", row.name))
        .class(Class::UnexpectedOpen)
        .at(statement.span(), "the block is skipped");
    cx.diagnostics.push(finding);
}

/// A list takes no words of its own.
fn words_before_block(row: &Row, statement: Statement<'_>, cx: &mut Cx<'_>) {
    let mut words = statement.words().skip(1);
    let Some(first) = words.next() else { return };
    let last = words.last().unwrap_or(first);
    let finding = Diagnostic::error(SURPLUS, format!("`{}` takes no words before its block", row.name))
        .at(first.span.to(last.span), "ignored");
    cx.diagnostics.push(finding);
}

fn missing_block(row: &Row, statement: Statement<'_>, cx: &mut Cx<'_>, class: Class) {
    let finding = Diagnostic::error(MISSING_BLOCK, format!("`{}` wants a block", row.name))
        .class(class)
        .at(statement.span(), "expected `{` after this");
    cx.diagnostics.push(finding);
}

/// The row that stands for the entries of a block whose body is a list.
fn list_row(name: &'static str) -> Row {
    crate::schema::kw(name).row()
}

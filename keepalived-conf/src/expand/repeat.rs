// SPDX-License-Identifier: MIT OR Apache-2.0
//! `~SEQ` and `~LST`: one line, written once per value.

use std::sync::Arc;

use super::line::{BLANKS, Line};
use super::parameter::{Parameter, Substituted, Value};
use super::{Expander, codes};
use crate::diagnostic::Diagnostic;
use crate::map::{DefinitionId, FrameId, Why};

/// How many lines all repetitions and multi-line definitions of one configuration may write.
pub const REPETITIONS_MAX: u64 = 1_000_000;

/// A sequence of numbers.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Numbers {
    pub(super) name: String,
    pub(super) start: i64,
    pub(super) step: i64,
    pub(super) count: u64,
}

/// A list: rows of values for the names.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Items {
    pub(super) names: Vec<String>,
    pub(super) rows: Vec<Vec<String>>,
}

impl Expander<'_> {
    /// A line that starts with `~SEQ` or `~LST`.
    pub(super) fn repeat(&mut self, mut line: Line) {
        let keyword = line.from(0).get(..4).unwrap_or("").to_owned();
        let numbers = keyword == "~SEQ";
        let hex = numbers && line.from(4).starts_with('x');
        let head = if hex { 5 } else { 4 };
        let after = line.from(head).trim_start_matches(BLANKS);
        let open = line.text().len() - after.len();
        let Some(close) = after.strip_prefix('(').and_then(|inner| inner.find(')')).map(|at| open + 1 + at) else {
            let what = if after.starts_with('(') { "the `)` is missing" } else { "a `(` must follow the keyword" };
            return self.report_repetition(&line, &keyword, what);
        };
        let mut arguments = line.clone();
        arguments.truncate(close);
        arguments.cut_front(open + 1);
        if numbers && let Substituted::Lines { .. } | Substituted::Directive = self.substitute(&mut arguments, 0) {
            return self.report_repetition(&line, &keyword, "a bound cannot be a definition of several lines");
        }
        let mut text = line.clone();
        text.cut_front(close + 1);
        text.trim();
        if numbers {
            match Numbers::parse(arguments.text()) {
                Ok(found) if hex && found.goes_below_zero() => {
                    self.report_repetition(&line, &keyword, "only numbers from 0 on can be written in hexadecimal");
                }
                Ok(found) => self.repeat_numbers(&mut line, &text, &found, hex),
                Err(why) => self.report_repetition(&line, &keyword, why),
            }
        } else {
            match Items::parse(arguments.text()) {
                Ok(found) => self.repeat_items(&line, &text, &found),
                Err(why) => self.report_repetition(&line, &keyword, why),
            }
        }
    }

    fn repeat_numbers(&mut self, line: &mut Line, text: &Line, numbers: &Numbers, hex: bool) {
        if numbers.count > self.repetitions_left {
            let message = format!(
                "`~SEQ` would write {} lines, and one configuration may repeat at most {REPETITIONS_MAX}",
                numbers.count
            );
            let range = 0..line.text().len();
            return self.report_at(line, range, Diagnostic::error(codes::TOO_MUCH, message), "dropped");
        }
        let id = self.variable(line, &numbers.name);
        let mut value = numbers.start;
        for _ in 0..numbers.count {
            let shown = if hex { format!("{value:x}") } else { value.to_string() };
            self.assign(&numbers.name, id, &shown);
            if !self.once(line, text, Why::Number(id, value)) {
                return;
            }
            value = value.saturating_add(numbers.step);
        }
    }

    fn repeat_items(&mut self, line: &Line, text: &Line, items: &Items) {
        let ids: Vec<DefinitionId> = items.names.iter().map(|name| self.variable(line, name)).collect();
        let Some(first) = ids.first().copied() else { return };
        for (row, number) in items.rows.iter().zip(1..) {
            for (index, (name, id)) in items.names.iter().zip(&ids).enumerate() {
                self.assign(name, *id, row.get(index).map_or("", String::as_str));
            }
            if !self.once(line, text, Why::Item(first, number)) {
                return;
            }
        }
    }

    /// Reads the text once more; false when a limit is reached.
    fn once(&mut self, line: &Line, text: &Line, why: Why) -> bool {
        if text.text().is_empty() {
            return true;
        }
        let Some(left) = self.repetitions_left.checked_sub(1) else {
            self.report_too_many(line);
            return false;
        };
        self.repetitions_left = left;
        if !self.spend(line, 0, text.text().len()) {
            return false;
        }
        let frame = self.repetition_frame(line, why);
        self.nested(line, |expander| expander.line(text.reframed(frame)))
    }

    fn repetition_frame(&mut self, line: &Line, why: Why) -> FrameId {
        let origin = line.origin(0);
        let file = self.out.map.frame_file(origin.frame);
        self.out.map.add_frame(why, file, Some(origin.frame), origin.offset)
    }

    fn variable(&mut self, line: &Line, name: &str) -> DefinitionId {
        let origin = line.origin(0);
        let file = self.out.map.frame_file(origin.frame);
        self.out.map.add_definition(name, file, origin.offset)
    }

    fn assign(&mut self, name: &str, id: DefinitionId, value: &str) {
        let parameter = Parameter { id, value: Value::Text(Arc::from(value)) };
        match self.parameters.get_mut(name) {
            Some(known) => *known = parameter,
            None => {
                self.parameters.insert(name.to_owned(), parameter);
            }
        }
    }

    pub(super) fn report_too_many(&mut self, line: &Line) {
        if !std::mem::replace(&mut self.told_too_many, true) {
            let message =
                format!("repetitions and definitions of several lines write more than {REPETITIONS_MAX} lines");
            let error = Diagnostic::error(codes::TOO_MUCH, message);
            self.report_at(line, 0..line.text().len(), error, "stopped here");
        }
    }

    fn report_repetition(&mut self, line: &Line, keyword: &str, why: &str) {
        let form = if keyword == "~SEQ" {
            "the forms are `~SEQ(VAR, END) TEXT`, `~SEQ(VAR, START, END) TEXT` and `~SEQ(VAR, START, STEP, END) TEXT`"
        } else {
            "the forms are `~LST(VAR, a, b, ...) TEXT` and `~LST({A, B}, {a1, b1}, {a2, b2}, ...) TEXT`"
        };
        let error = Diagnostic::error(codes::BAD_REPETITION, format!("`{keyword}`: {why}")).hint(form);
        self.report_at(line, 0..line.text().len(), error, "dropped");
    }
}

impl Numbers {
    /// What stands between the parentheses.
    pub(super) fn parse(text: &str) -> Result<Numbers, &'static str> {
        const NO_NUMBER: &str = "a bound is not a number of 64 bits";
        let mut parts = text.split(',').map(|part| part.trim_matches(BLANKS));
        let name = parts.next().filter(|name| !name.is_empty()).ok_or("the variable is missing")?;
        let bounds: Vec<i64> = parts.map(number).collect::<Option<_>>().ok_or(NO_NUMBER)?;
        let (start, step, end) = match bounds.as_slice() {
            [end] if *end < 0 => (-1, -1, *end),
            [end] => (1, if *end == 0 { -1 } else { 1 }, *end),
            [start, end] => (*start, if start > end { -1 } else { 1 }, *end),
            [start, step, end] => (*start, *step, *end),
            _ => return Err("one to three numbers must follow the variable"),
        };
        let distance = i128::from(end) - i128::from(start);
        if step == 0 || (distance != 0 && (distance > 0) != (step > 0)) {
            return Err("the step does not lead from the start to the end");
        }
        let count = u64::try_from(distance / i128::from(step) + 1).unwrap_or(u64::MAX);
        Ok(Numbers { name: name.to_owned(), start, step, count })
    }

    fn goes_below_zero(&self) -> bool {
        let steps = i128::from(self.count.saturating_sub(1));
        self.start < 0 || i128::from(self.start) + steps * i128::from(self.step) < 0
    }
}

/// A number as C writes it: decimal, `0x` hexadecimal or octal with a leading zero, with a sign.
fn number(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (radix, digits) = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(hex) => (16, hex),
        None if digits.len() > 1 && digits.starts_with('0') => (8, digits),
        None => (10, digits),
    };
    if !digits.starts_with(|first: char| first.is_ascii_hexdigit()) {
        return None;
    }
    let magnitude = i128::from_str_radix(digits, radix).ok()?;
    i64::try_from(if negative { -magnitude } else { magnitude }).ok()
}

impl Items {
    /// What stands between the parentheses.
    pub(super) fn parse(text: &str) -> Result<Items, &'static str> {
        let mut cells = cells(text)?.into_iter();
        let names = cells.next().filter(|names| names.iter().all(|name| !name.is_empty()));
        let names = names.filter(|names| !names.is_empty()).ok_or("the variable is missing")?;
        let rows: Vec<Vec<String>> = cells.collect();
        if rows.is_empty() {
            return Err("it has no values");
        }
        if rows.iter().any(|row| row.len() > names.len()) {
            return Err("there are more values than variables");
        }
        Ok(Items { names, rows })
    }
}

/// Splits at commas; each part is a value or several values in braces.
fn cells(text: &str) -> Result<Vec<Vec<String>>, &'static str> {
    const MALFORMED: &str = "a value may not contain blanks, quotes or braces";
    let value = |text: &str| {
        let text = text.trim_matches(BLANKS);
        if text.contains(BLANKS) || text.contains(['{', '}', '"', '(']) {
            return Err(MALFORMED);
        }
        Ok(text.to_owned())
    };
    let mut cells = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches(BLANKS);
        if let Some(inner) = rest.strip_prefix('{') {
            let (inside, after) = inner.split_once('}').ok_or("a `}` is missing")?;
            let row = if inside.trim_matches(BLANKS).is_empty() {
                Vec::new()
            } else {
                inside.split(',').map(value).collect::<Result<_, _>>()?
            };
            cells.push(row);
            rest = after.trim_start_matches(BLANKS);
            if rest.is_empty() {
                return Ok(cells);
            }
            rest = rest.strip_prefix(',').ok_or("a comma is missing")?;
        } else if let Some((part, after)) = rest.split_once(',') {
            cells.push(vec![value(part)?]);
            rest = after;
        } else {
            cells.push(vec![value(rest)?]);
            return Ok(cells);
        }
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! keepalived.conf(5), made from the rows.

use std::fmt::Write as _;

use crate::blocks;
use crate::schema::{Again, Entry, Origin, Status};

/// What stands above the keywords.
const HEAD: &str = r#".TH KEEPALIVED.CONF 5 "" "Steadfast" "File formats"
.SH NAME
keepalived.conf \- configuration of steadfast(8) and of keepalived
.SH DESCRIPTION
One keyword a line, its words behind it, separated by blanks. A keyword that holds others opens a block with
.B {
and closes it with
.BR } .
.B #
and
.B !
begin a remark. Words in double quotes may hold blanks. What is wrong is told with its place by
.BR "steadfast check" .
.PP
In the arguments
.I [...]
may be left out and
.I a|b
is one of these words; a keyword without arguments switches something on. Times are in seconds unless it says otherwise.
Keywords marked
.I Steadfast
are not known to keepalived.
.SH LINES
.TP
.B include FILE\fR, includer, includem, includew, includeb, includea
Reads other files at this place; FILE may be a pattern. The letters ask that each file can be read (r), that a pattern
matches (m), both for wildcards (w), for brace lists (b), or all of it (a).
.TP
.B @ID LINE\fR, \fB@^ID LINE
The line counts only where the name given with
.B \-\-config\-id
is ID, or is not ID.
.TP
.B $NAME=VALUE
A definition;
.B $NAME
and
.B ${NAME}
stand for it from there on. A value that ends in a backslash goes on until an empty line.
.TP
.B ~SEQ(VAR, START, STEP, END) TEXT\fR, \fB~LST(VAR, A, B, ...) TEXT
The text once for every number or value, with
.B $VAR
standing for it.
"#;

const TAIL: &str = r#".SH FILES
.TP
.I /etc/keepalived/keepalived.conf
what is read when nothing else is named
.SH SEE ALSO
.BR steadfast (8),
.BR genhash (1)
"#;

/// The whole page.
pub fn page() -> String {
    let mut text = HEAD.to_owned();
    text.push_str(".SH KEYWORDS\n");
    let mut block = None;
    for entry in blocks::entries() {
        let here = entry.block();
        if block.as_ref() != Some(&here) {
            let _ = writeln!(text, ".SS \"{}\"", escape(&here));
            block = Some(here);
        }
        keyword(&mut text, entry);
    }
    text.push_str(TAIL);
    text
}

fn keyword(text: &mut String, entry: &Entry) {
    let row = &entry.row;
    let mut usage = row.usage();
    if !row.entry.is_empty() {
        let _ = write!(usage, " {{ {} ... }}", row.entry);
    }
    let _ = writeln!(text, ".TP\n\\fB{}\\fR {}", escape(row.name), escape(usage.trim_start()));
    say(text, row.doc);
    say(text, row.note);
    if !row.default.is_empty() {
        say(text, &format!("Default: {}.", row.default));
    }
    if !row.otherwise.is_empty() {
        say(text, &format!("Otherwise: {}.", row.otherwise));
    }
    match row.again {
        Again::Last => {}
        Again::First => say(text, "The first one counts, later ones are an error."),
        Again::Adds => say(text, "May stand several times; each one adds."),
    }
    match row.status {
        // What is not carried out yet changes from day to day; `steadfast check` tells it.
        Status::Done | Status::NotYet(_) => {}
        Status::NoEffect(why) => say(text, &format!("No effect: {why}.")),
        Status::Deprecated(instead) => say(text, &format!("Deprecated: {instead}.")),
    }
    if !row.example.is_empty() {
        let _ = writeln!(text, "Example:\n.B \"{}\"", escape(row.example));
    }
    match row.origin {
        Origin::Steadfast => text.push_str(".I (Steadfast)\n"),
        Origin::Upstream if row.since.starts_with('<') => {}
        Origin::Upstream => {
            let _ = writeln!(text, "(since {})", escape(row.since));
        }
    }
}

fn say(text: &mut String, sentence: &str) {
    if !sentence.is_empty() {
        text.push_str(&line(sentence));
    }
}

/// A line of text that troff takes for nothing else.
pub fn line(text: &str) -> String {
    let text = escape(text);
    let guard = if text.starts_with(['.', '\'']) { "\\&" } else { "" };
    format!("{guard}{text}\n")
}

/// Characters that troff would read as something else.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\\' => out.push_str("\\e"),
            '-' => out.push_str("\\-"),
            '"' => out.push_str("\\(dq"),
            '`' => out.push_str("\\(ga"),
            '~' => out.push_str("\\(ti"),
            '^' => out.push_str("\\(ha"),
            '\n' => out.push(' '),
            other => out.push(other),
        }
    }
    out
}

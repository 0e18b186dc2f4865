// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a block is: its rows, how they are looked up, and what reading them does.
//!
//! Every keyword is one row in one block's table. Reading, range messages, hints, the keyword reference, `explain` and
//! the compatibility report all come from the rows.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::LazyLock;

use crate::diagnostic::Class;
use crate::row::Arg;
pub use crate::row::{
    Again, Need, Origin, Row, Shape, Status, Unit, Version, int, long_seconds, milliseconds, seconds, strict_int,
};
use crate::seen::Key;
pub use crate::seen::Seen;
pub use crate::setting::Setting;
pub use crate::suggest::nearest;
use crate::syntax::Body;
use crate::value::Args;

/// Reads a keyword's arguments into the block's struct.
pub type Setter<T> = fn(&mut T, &mut Args<'_, '_>);

/// What a keyword does when it is read.
pub(crate) enum Action<T: 'static> {
    Set(Setter<T>),
    Block(Box<dyn Nested<T>>),
    /// A list with one entry a line.
    Lines(Setter<T>),
    /// A list in which every word is an entry.
    Words(Setter<T>),
}

/// One row: what is known about a keyword, and what it does.
pub struct Keyword<T: 'static> {
    pub row: Row,
    pub(crate) action: Action<T>,
}

impl<T> Keyword<T> {
    /// The same keyword with another status.
    pub(crate) fn with_status(mut self, status: Status) -> Keyword<T> {
        self.row.status = status;
        self
    }
}

impl<T> fmt::Debug for Keyword<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyword").field("row", &self.row).finish_non_exhaustive()
    }
}

/// Starts a row; finish it with [`RowBuilder::set`] or one of its siblings.
pub fn kw(name: &'static str) -> RowBuilder {
    RowBuilder {
        row: Row {
            name,
            args: Vec::new(),
            entry: "",
            default: "",
            otherwise: "",
            doc: "",
            note: "",
            example: "",
            since: "",
            again: Again::default(),
            origin: Origin::default(),
            status: Status::default(),
            class: Class::Ours,
            key: Key::of(name),
        },
    }
}

#[derive(Debug)]
#[must_use]
pub struct RowBuilder {
    row: Row,
}

impl RowBuilder {
    /// An argument without which keepalived ends at once.
    pub fn must(self, shape: Shape) -> RowBuilder {
        self.with(shape, Need::Must)
    }

    /// An argument without which the line is ignored.
    pub fn arg(self, shape: Shape) -> RowBuilder {
        self.with(shape, Need::Wanted)
    }

    pub fn opt(self, shape: Shape) -> RowBuilder {
        self.with(shape, Need::Optional)
    }

    fn with(mut self, shape: Shape, need: Need) -> RowBuilder {
        self.row.args.push(Arg { shape, need });
        self
    }

    /// The syntax of an entry, for a list that is a block with a head of its own.
    pub fn entry(mut self, syntax: &'static str) -> RowBuilder {
        self.row.entry = syntax;
        self
    }

    pub fn default(mut self, text: &'static str) -> RowBuilder {
        self.row.default = text;
        self
    }

    pub fn otherwise(mut self, text: &'static str) -> RowBuilder {
        self.row.otherwise = text;
        self
    }

    pub fn doc(mut self, text: &'static str) -> RowBuilder {
        self.row.doc = text;
        self
    }

    pub fn note(mut self, text: &'static str) -> RowBuilder {
        self.row.note = text;
        self
    }

    pub fn example(mut self, text: &'static str) -> RowBuilder {
        self.row.example = text;
        self
    }

    pub fn since(mut self, text: &'static str) -> RowBuilder {
        self.row.since = text;
        self
    }

    pub fn again(mut self, again: Again) -> RowBuilder {
        self.row.again = again;
        self
    }

    /// Marks a keyword of our own, which keepalived would not take.
    pub fn ours(mut self) -> RowBuilder {
        self.row.origin = Origin::Steadfast;
        self
    }

    pub fn status(mut self, status: Status) -> RowBuilder {
        self.row.status = status;
        self
    }

    /// How keepalived grades that the keyword is used at all; for deprecated spellings it complains about.
    pub fn graded(mut self, class: Class) -> RowBuilder {
        self.row.class = class;
        self
    }

    /// The bare row, for entries of a list.
    pub(crate) fn row(self) -> Row {
        self.row
    }

    pub fn set<T>(self, set: Setter<T>) -> Keyword<T> {
        Keyword { row: self.row, action: Action::Set(set) }
    }

    /// A list block with one entry a line; `syntax` describes an entry.
    pub fn lines<T>(self, syntax: &'static str, each: Setter<T>) -> Keyword<T> {
        Keyword { row: self.entry(syntax).row, action: Action::Lines(each) }
    }

    /// A list block in which every word is an entry.
    pub fn words<T>(self, syntax: &'static str, each: Setter<T>) -> Keyword<T> {
        Keyword { row: self.entry(syntax).row, action: Action::Words(each) }
    }

    /// A block with rows of its own. `open` reads the words before the brace and may refuse the block, which is then
    /// skipped whole; `close` hands the finished struct to its parent.
    pub fn block<T, C: Node>(
        self,
        block: &'static LazyLock<Block<C>>,
        open: fn(&mut T, &mut Args<'_, '_>) -> Option<C>,
        close: fn(&mut T, C, &mut Args<'_, '_>),
    ) -> Keyword<T> {
        Keyword { row: self.row, action: Action::Block(Box::new(Open { block, open, close })) }
    }
}

/// A struct that a block fills.
pub trait Node: 'static {
    /// Where the keywords of this block were written.
    fn seen(&mut self) -> &mut Seen;
}

/// Names are looked up once a line, and nobody chooses them to collide: a hash as short as they are.
#[derive(Default)]
pub(crate) struct NameHasher(u64);

impl Hasher for NameHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    /// FNV-1a.
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}

/// The table of one block.
pub struct Block<T: 'static> {
    pub name: &'static str,
    pub(crate) kind: Kind<T>,
}

pub(crate) enum Kind<T: 'static> {
    Keywords { rows: Vec<Keyword<T>>, index: HashMap<&'static str, usize, BuildHasherDefault<NameHasher>> },
    Lines(Setter<T>),
}

impl<T> fmt::Debug for Block<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Block").field("name", &self.name).finish_non_exhaustive()
    }
}

impl<T> Block<T> {
    pub fn new(name: &'static str, mut rows: Vec<Keyword<T>>) -> Block<T> {
        for Keyword { row, .. } in &mut rows {
            if let (Status::Done, Some(missing)) = (row.status, crate::status::not_yet(name, row.name)) {
                row.status = Status::NotYet(missing);
            }
        }
        let index = rows.iter().enumerate().map(|(at, keyword)| (keyword.row.name, at)).collect();
        Block { name, kind: Kind::Keywords { rows, index } }
    }

    /// A block that has a head of its own but whose body is a list with one entry a line.
    pub fn of_lines(name: &'static str, each: Setter<T>) -> Block<T> {
        Block { name, kind: Kind::Lines(each) }
    }

    pub fn rows(&self) -> &[Keyword<T>] {
        match &self.kind {
            Kind::Keywords { rows, .. } => rows,
            Kind::Lines(..) => &[],
        }
    }

    pub(crate) fn find(&self, name: &str) -> Option<&Keyword<T>> {
        match &self.kind {
            Kind::Keywords { rows, index } => index.get(name).and_then(|at| rows.get(*at)),
            Kind::Lines(..) => None,
        }
    }

    /// Calls `visit` with the path of enclosing blocks and each row, depth first, in the order of the manual.
    pub fn describe(&self, path: &mut Vec<&'static str>, visit: &mut dyn FnMut(&[&'static str], &Row)) {
        for keyword in self.rows() {
            visit(path, &keyword.row);
        }
        for keyword in self.rows() {
            if let Action::Block(nested) = &keyword.action {
                path.push(keyword.row.name);
                nested.describe(path, visit);
                path.pop();
            }
        }
    }
}

/// A nested block with its own struct, seen from the parent's type.
pub(crate) trait Nested<T>: Send + Sync {
    fn apply<'s>(&self, parent: &mut T, args: &mut Args<'s, '_>, body: Option<Body<'s>>);
    fn describe(&self, path: &mut Vec<&'static str>, visit: &mut dyn FnMut(&[&'static str], &Row));
}

pub(crate) struct Open<T, C: 'static> {
    pub(crate) block: &'static LazyLock<Block<C>>,
    pub(crate) open: fn(&mut T, &mut Args<'_, '_>) -> Option<C>,
    pub(crate) close: fn(&mut T, C, &mut Args<'_, '_>),
}

/// One row with the path of its block, for listings.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Blocks from the outside in; empty at top level.
    pub path: Vec<&'static str>,
    pub row: Row,
}

impl Entry {
    /// The block as people write it: `virtual_server > real_server`.
    pub fn block(&self) -> String {
        if self.path.is_empty() { "(top level)".to_owned() } else { self.path.join(" > ") }
    }
}

/// All rows of a tree of blocks. What is missing of a block is missing of everything in it.
pub fn entries<T>(root: &Block<T>) -> Vec<Entry> {
    let mut list: Vec<Entry> = Vec::new();
    let mut missing: BTreeMap<Vec<&'static str>, Status> = BTreeMap::new();
    root.describe(&mut Vec::new(), &mut |path, row| {
        let mut row = row.clone();
        if let (Status::Done, Some(status)) = (row.status, missing.get(path)) {
            row.status = *status;
        }
        if let Status::NotYet(_) = row.status {
            missing.insert([path, &[row.name]].concat(), row.status);
        }
        list.push(Entry { path: path.to_vec(), row });
    });
    list
}

/// In which blocks each keyword stands.
pub fn places(entries: &[Entry]) -> BTreeMap<&'static str, Vec<String>> {
    let mut map: BTreeMap<&'static str, Vec<String>> = BTreeMap::new();
    for entry in entries {
        map.entry(entry.row.name).or_default().push(entry.block());
    }
    map
}

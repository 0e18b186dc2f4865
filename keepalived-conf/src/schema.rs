//! What a keyword row is, what a block is, and how rows are looked up, listed and suggested.
//!
//! Every keyword is one row in one block's table. Reading, range messages, hints, the keyword reference, `explain` and
//! the compatibility report all come from the rows.

use std::collections::{BTreeMap, HashMap};
use std::fmt::{self, Write as _};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::LazyLock;

use crate::diagnostic::Class;
use crate::seen::Key;
pub use crate::seen::Seen;
use crate::syntax::Body;
use crate::value::Args;

/// Who understands a keyword.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// keepalived has it.
    #[default]
    Upstream,
    /// Only Steadfast has it.
    Steadfast,
}

/// A release of keepalived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(pub u16, pub u16, pub u16);

impl Version {
    /// The newest release whose keywords are known here.
    pub const NEWEST_UPSTREAM: Version = Version(2, 4, 3);

    /// `2.4.3` or `2.4`.
    pub fn parse(text: &str) -> Option<Version> {
        let mut parts = text.split('.').map(|part| part.parse::<u16>().ok());
        let version = Version(parts.next()??, parts.next()??, parts.next().unwrap_or(Some(0))?);
        if parts.next().is_some() { None } else { Some(version) }
    }

    /// The first version that has what a row's `since` says.
    pub fn of_since(since: &str) -> Version {
        if let Some(last) = since.strip_prefix("after ").and_then(Version::parse) {
            return Version(last.0, last.1, last.2 + 1);
        }
        Version::parse(since).unwrap_or(Version(0, 0, 0))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

/// Whether what a keyword promises is done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Status {
    #[default]
    Done,
    /// Read and kept, but without its effect; the text says what is missing.
    NotYet(&'static str),
    /// Read without effect, as keepalived does; the text says why.
    NoEffect(&'static str),
    /// Works, but another spelling is the current one.
    Deprecated(&'static str),
}

/// What happens when a keyword is written a second time in one block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Again {
    /// The last one counts.
    #[default]
    Last,
    /// The first one counts; later ones are an error.
    First,
    /// Each one adds to the list.
    Adds,
}

/// How much a word is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Need {
    /// Without it keepalived ends at once.
    Must,
    /// Without it the line is an error and ignored.
    Wanted,
    Optional,
}

/// The shape of one argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `on true yes off false no`, or nothing for true.
    Bool,
    Int {
        min: i64,
        max: i64,
        strict: bool,
    },
    /// A decimal number in a unit, kept with `digits` places: seconds or milliseconds.
    Time {
        unit: Unit,
        digits: u8,
        min_micros: u64,
        max_micros: u64,
        strict: bool,
    },
    Choice(&'static [&'static str]),
    Address,
    Interface,
    Script,
    /// A free word, named for the reader.
    Word(&'static str),
    /// Something its own parser reads; the text is its syntax.
    Syntax(&'static str),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Seconds,
    Milliseconds,
}

/// Whole number, read leniently as keepalived does: `12abc` is 12 with a remark.
pub const fn int(min: i64, max: i64) -> Shape {
    Shape::Int { min, max, strict: false }
}

/// Whole number and nothing else.
pub const fn strict_int(min: i64, max: i64) -> Shape {
    Shape::Int { min, max, strict: true }
}

/// Seconds with up to `digits` places.
pub const fn seconds(digits: u8, min: f64, max: f64) -> Shape {
    Shape::Time {
        unit: Unit::Seconds,
        digits,
        min_micros: (min * 1_000_000.0 + 0.5) as u64,
        max_micros: (max * 1_000_000.0 + 0.5) as u64,
        strict: false,
    }
}

/// Seconds from `min` up to what a counter of microseconds holds.
pub const fn long_seconds(min: f64) -> Shape {
    Shape::Time {
        unit: Unit::Seconds,
        digits: 6,
        min_micros: (min * 1_000_000.0 + 0.5) as u64,
        max_micros: u64::MAX / 1_000_000 * 1_000_000,
        strict: false,
    }
}

/// Milliseconds with up to three places, and nothing else.
pub const fn milliseconds(min: u64, max: u64) -> Shape {
    Shape::Time { unit: Unit::Milliseconds, digits: 3, min_micros: min * 1000, max_micros: max * 1000, strict: true }
}

#[derive(Clone, Copy, Debug)]
pub struct Arg {
    pub shape: Shape,
    pub need: Need,
}

/// What is known about a keyword beside its effect.
#[derive(Clone, Debug)]
pub struct Row {
    pub name: &'static str,
    pub args: Vec<Arg>,
    /// For a list: the syntax of an entry.
    pub entry: &'static str,
    pub default: &'static str,
    /// What happens outside the range, or to what cannot be read.
    pub otherwise: &'static str,
    pub doc: &'static str,
    /// Further remarks, such as where it differs from keepalived.
    pub note: &'static str,
    pub example: &'static str,
    /// First release of keepalived (or Steadfast) with this keyword in this block.
    pub since: &'static str,
    pub again: Again,
    pub origin: Origin,
    pub status: Status,
    /// How keepalived grades that the keyword is used at all.
    pub class: Class,
    pub(crate) key: Key,
}

impl Row {
    /// The argument syntax as the reference prints it.
    pub fn usage(&self) -> String {
        let mut text = String::new();
        for arg in &self.args {
            if !text.is_empty() {
                text.push(' ');
            }
            // Writing to a String cannot fail.
            let _ = match arg.need {
                Need::Must | Need::Wanted => write!(text, "{}", arg.shape),
                Need::Optional => write!(text, "[{}]", arg.shape),
            };
        }
        text
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Shape::Bool => f.write_str("on|off"),
            Shape::Int { min, max, .. } => write!(f, "{min}..{max}"),
            Shape::Time { unit, min_micros, max_micros, .. } => {
                let (name, scale) = match unit {
                    Unit::Seconds => ("SECONDS", 1_000_000.0),
                    Unit::Milliseconds => ("MILLISECONDS", 1000.0),
                };
                write!(f, "{name} {}..", *min_micros as f64 / scale)?;
                if *max_micros < u64::MAX / 2 { write!(f, "{}", *max_micros as f64 / scale) } else { Ok(()) }
            }
            Shape::Choice(words) => f.write_str(&words.join("|")),
            Shape::Address => f.write_str("ADDRESS"),
            Shape::Interface => f.write_str("INTERFACE"),
            Shape::Script => f.write_str("SCRIPT [USER [[:]GROUP]]"),
            Shape::Word(name) | Shape::Syntax(name) => f.write_str(name),
        }
    }
}

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

/// A setting that has a value in any case and knows whether the operator gave it. Equality looks at the value only.
#[derive(Clone, Copy, Debug, Default)]
pub struct Setting<T> {
    value: T,
    given: bool,
}

impl<T> Setting<T> {
    pub const fn new(value: T) -> Setting<T> {
        Setting { value, given: false }
    }

    pub fn set(&mut self, value: T) {
        self.value = value;
        self.given = true;
    }

    /// Corrects the value in force without pretending that the operator wrote it.
    pub fn correct(&mut self, value: T) {
        self.value = value;
    }

    pub fn given(&self) -> bool {
        self.given
    }

    pub fn get(&self) -> &T {
        &self.value
    }

    /// Takes the value of the enclosing block unless one was given here.
    pub fn inherit(&mut self, from: &Setting<T>)
    where
        T: Clone,
    {
        if !self.given {
            self.value = from.value.clone();
        }
    }
}

impl<T> std::ops::Deref for Setting<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: PartialEq> PartialEq for Setting<T> {
    fn eq(&self, other: &Setting<T>) -> bool {
        self.value == other.value
    }
}

impl<T: Eq> Eq for Setting<T> {}

#[cfg(feature = "serde")]
impl<T: serde::Serialize> serde::Serialize for Setting<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(serializer)
    }
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

/// The candidate nearest to `word`, when it is near enough to be meant.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = match word.chars().count() {
        0..=2 => return None,
        3..=5 => 1,
        6..=9 => 2,
        _ => 3,
    };
    candidates
        .into_iter()
        .map(|candidate| (distance(word, candidate, limit), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, candidate)| (*distance, candidate.len().abs_diff(word.len()), *candidate))
        .map(|(_, candidate)| candidate)
}

/// Edit distance with swaps of neighbours counted once; anything beyond `limit` is `limit + 1`.
fn distance(a: &str, b: &str, limit: usize) -> usize {
    let a: Vec<char> = a.chars().take(64).flat_map(char::to_lowercase).collect();
    let b: Vec<char> = b.chars().take(64).flat_map(char::to_lowercase).collect();
    if a.len().abs_diff(b.len()) > limit {
        return limit + 1;
    }
    let mut before_last = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (row, ca) in a.iter().enumerate() {
        let mut current = vec![row + 1; b.len() + 1];
        for (column, cb) in b.iter().enumerate() {
            let substitute = last[column] + usize::from(ca != cb);
            let mut best = substitute.min(last[column + 1] + 1).min(current[column] + 1);
            if row > 0 && column > 0 && *ca == b[column - 1] && a[row - 1] == *cb {
                best = best.min(before_last[column - 1] + 1);
            }
            current[column + 1] = best;
        }
        before_last = std::mem::replace(&mut last, current);
    }
    last.last().copied().unwrap_or(limit + 1).min(limit + 1)
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Lists of tracked objects: `NAME [weight NUMBER [reverse|noreverse]]`.

use super::{CONFLICT, NO_VALUE, TWICE, unknown_option};
use crate::diagnostic::{Class, Diagnostic};
use crate::roll::{Named, Roll};
use crate::schema::Setting;
use crate::span::Name;
use crate::syntax::Word;
use crate::value::Args;

/// The syntax of an entry, for everything but interfaces.
pub const SYNTAX: &str = "NAME [weight NUMBER [reverse|noreverse]]";
/// The syntax of an entry of `track_interface`.
pub const INTERFACE_SYNTAX: &str = "IFACE [weight NUMBER [reverse]]";

/// The largest weight that leaves a difference between lost and dead.
pub const WEIGHT_MAX: i16 = 253;

/// One tracked object and what it means.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Track {
    pub name: Name,
    /// 0 makes a failure a fault; else it moves the priority. Where not given, that of the definition.
    pub weight: Setting<i16>,
    /// Where not given, that of the definition.
    pub reverse: Setting<bool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Interface,
    Script,
    File,
    Process,
    Bfd,
}

impl Kind {
    /// The keyword of the list.
    pub fn keyword(self) -> &'static str {
        match self {
            Kind::Interface => "track_interface",
            Kind::Script => "track_script",
            Kind::File => "track_file",
            Kind::Process => "track_process",
            Kind::Bfd => "track_bfd",
        }
    }

    /// What an entry names, in words.
    pub fn noun(self) -> &'static str {
        match self {
            Kind::Interface => "interface",
            Kind::Script => "script",
            Kind::File => "track file",
            Kind::Process => "track process",
            Kind::Bfd => "BFD instance",
        }
    }

    /// An unknown word after the weight leaves the entry out; otherwise only the word is ignored.
    fn is_strict(self) -> bool {
        match self {
            Kind::File | Kind::Bfd => true,
            Kind::Interface | Kind::Script | Kind::Process => false,
        }
    }
}

impl Named for Track {
    fn name(&self) -> &str {
        &self.name.text
    }
}

/// What an instance or a group tracks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Tracks {
    pub interfaces: Roll<Track>,
    pub scripts: Roll<Track>,
    pub files: Roll<Track>,
    pub processes: Roll<Track>,
    pub bfds: Roll<Track>,
}

impl Tracks {
    pub const KINDS: [Kind; 5] = [Kind::Interface, Kind::Script, Kind::File, Kind::Process, Kind::Bfd];

    pub fn of(&self, kind: Kind) -> &Roll<Track> {
        match kind {
            Kind::Interface => &self.interfaces,
            Kind::Script => &self.scripts,
            Kind::File => &self.files,
            Kind::Process => &self.processes,
            Kind::Bfd => &self.bfds,
        }
    }

    pub fn of_mut(&mut self, kind: Kind) -> &mut Roll<Track> {
        match kind {
            Kind::Interface => &mut self.interfaces,
            Kind::Script => &mut self.scripts,
            Kind::File => &mut self.files,
            Kind::Process => &mut self.processes,
            Kind::Bfd => &mut self.bfds,
        }
    }

    /// Every entry with its kind.
    pub fn iter(&self) -> impl Iterator<Item = (Kind, &Track)> {
        Tracks::KINDS.into_iter().flat_map(|kind| self.of(kind).iter().map(move |track| (kind, track)))
    }

    /// Reads an entry into its list.
    pub(crate) fn read(&mut self, args: &mut Args<'_, '_>, kind: Kind) {
        let Some(name) = args.next_word() else { return };
        let list = self.of_mut(kind);
        if let Some(first) = list.named(name.text) {
            let finding = Diagnostic::error(TWICE, format!("{} `{}` is tracked twice", kind.noun(), name.text))
                .at(name.span, "ignored")
                .at(first.name.span(), "tracked here");
            args.push(finding);
            args.rest();
            return;
        }
        let mut track =
            Track { name: Name::new(name.text, name.span), weight: Setting::new(0), reverse: Setting::new(false) };
        if read_options(args, kind, &mut track).is_some() {
            list.push(track);
        } else {
            args.rest();
        }
    }
}

fn read_options(args: &mut Args<'_, '_>, kind: Kind, track: &mut Track) -> Option<()> {
    let Some(option) = args.next_word() else { return Some(()) };
    if option.text != "weight" {
        unknown_option(args, option, &["weight"], "the entry is left out");
        return None;
    }
    let Some(value) = args.next_word() else {
        let finding = Diagnostic::error(NO_VALUE, "`weight` wants a number")
            .at(option.span, "nothing follows")
            .note("then: the entry is left out");
        args.push(finding);
        return None;
    };
    read_weight(args, kind, value, track);
    let Some(direction) = args.next_word() else { return Some(()) };
    match direction.text {
        "reverse" => track.reverse.set(true),
        "noreverse" if kind != Kind::Interface => track.reverse.set(false),
        _ if kind.is_strict() => {
            unknown_option(args, direction, &["reverse", "noreverse"], "the entry is left out");
            return None;
        }
        _ => unknown_option(args, direction, &["reverse", "noreverse"], "ignored"),
    }
    Some(())
}

fn read_weight<'s>(args: &mut Args<'s, '_>, kind: Kind, value: Word<'s>, track: &mut Track) {
    let max = match kind {
        Kind::Interface | Kind::Script | Kind::File | Kind::Process => i64::from(WEIGHT_MAX) + 1,
        Kind::Bfd => i64::from(WEIGHT_MAX),
    };
    let Some(weight) = args.number_of(value, -max, max, false).and_then(|weight| i16::try_from(weight).ok()) else {
        return;
    };
    let limited = match kind {
        Kind::Interface | Kind::Script => weight.clamp(-WEIGHT_MAX, WEIGHT_MAX),
        Kind::File | Kind::Process | Kind::Bfd => weight,
    };
    if limited != weight {
        let finding = Diagnostic::error(CONFLICT, format!("a weight of {weight} is beyond what an advert can say"))
            .class(Class::General)
            .at(value.span, format!("{limited} is used"));
        args.push(finding);
    }
    track.weight.set(limited);
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! What priorities and weights may follow: scripts, files, processes, BFD sessions.

pub mod bfd_instance;
pub mod track_file;
pub mod vrrp_script;
pub mod vrrp_track_process;

use super::Config;
use crate::diagnostic::{Class, Code};
use crate::roll::{Roll, named};
use crate::schema::{Again, Keyword, Shape, Status, kw};
use crate::script::settle::{Role, Visit, retain};
use crate::value::Args;

pub const BAD_OPTION: Code = Code::new("KC130", "an unknown option");
pub const NO_SCRIPT: Code = Code::new("KC131", "a tracked script without a command");
pub const NO_PROCESS: Code = Code::new("KC132", "a tracked process without a name");
pub const BAD_QUORUM: Code = Code::new("KC133", "quorum and its limit do not fit");
pub const UNWATCHABLE: Code = Code::new("KC134", "a directory that cannot be watched");
pub const NO_NEIGHBOUR: Code = Code::new("KC135", "a BFD session without a neighbour");
pub const MIXED_FAMILIES: Code = Code::new("KC136", "addresses of two families");
pub const SAME_SESSION: Code = Code::new("KC137", "two BFD sessions between the same addresses");
pub const TOO_MANY_HOPS: Code = Code::new("KC138", "more hops than packets live");
pub const NAME_TAKEN: Code = Code::new("KC139", "a name that is taken");
pub const UNUSED: Code = Code::new("KC140", "defined, but nobody uses it");

#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Tracking {
    pub scripts: Roll<vrrp_script::TrackScript>,
    pub processes: Roll<vrrp_track_process::TrackProcess>,
    pub files: Roll<track_file::TrackFile>,
    pub bfd: Roll<bfd_instance::BfdInstance>,
}

named!(vrrp_script::TrackScript, vrrp_track_process::TrackProcess, track_file::TrackFile, bfd_instance::BfdInstance);

impl Tracking {
    /// The first definition of this name counts.
    pub fn script(&self, name: &str) -> Option<&vrrp_script::TrackScript> {
        self.scripts.named(name)
    }

    pub fn process(&self, name: &str) -> Option<&vrrp_track_process::TrackProcess> {
        self.processes.named(name)
    }

    pub fn file(&self, name: &str) -> Option<&track_file::TrackFile> {
        self.files.named(name)
    }

    pub fn bfd(&self, name: &str) -> Option<&bfd_instance::BfdInstance> {
        self.bfd.named(name)
    }

    /// Every place that holds a script.
    pub fn visit_scripts(&mut self, visit: &mut Visit<'_>) {
        for script in &mut self.scripts {
            retain(&mut script.command, Role::Tracked, visit);
        }
    }
}

/// The rows this part adds to the top level.
pub(super) fn rows() -> Vec<Keyword<Config>> {
    vec![
        kw("vrrp_script")
            .must(Shape::Word("NAME"))
            .doc("Command that is run again and again; instances can track its result.")
            .since("<2.0")
            .again(Again::Adds)
            .block(&vrrp_script::BLOCK, vrrp_script::open, vrrp_script::close),
        kw("vrrp_track_process")
            .must(Shape::Word("NAME"))
            .doc("Processes that must run, or must not; instances can track it.")
            .since("2.0.11")
            .again(Again::Adds)
            .block(&vrrp_track_process::BLOCK, vrrp_track_process::open, vrrp_track_process::close),
        kw("bfd_instance")
            .must(Shape::Word("NAME"))
            .otherwise("the block is skipped when the name is taken or longer than 31 characters")
            .doc("One BFD session; instances and real servers can track it.")
            .since("2.0.0")
            .again(Again::Adds)
            .block(&bfd_instance::BLOCK, bfd_instance::open, bfd_instance::close),
        kw("track_file")
            .must(Shape::Word("NAME"))
            .doc("File whose number instances and real servers can track.")
            .since("2.1.0")
            .again(Again::Adds)
            .block(&track_file::BLOCK, track_file::open, track_file::close),
        kw("vrrp_track_file")
            .must(Shape::Word("NAME"))
            .doc("Same as `track_file`.")
            .since("2.0.0")
            .again(Again::Adds)
            .status(Status::Deprecated("write `track_file`"))
            .graded(Class::Logged)
            .block(&track_file::OLD_BLOCK, track_file::open, track_file::close),
    ]
}

/// The word that may follow a weight: `reverse`, or one more in some lists. True when it turns the weight round.
pub(crate) fn reverse(args: &mut Args<'_, '_>) -> bool {
    let Some(word) = args.next_word() else { return false };
    if word.text == "reverse" {
        return true;
    }
    let mut finding = args.rejection(BAD_OPTION, Class::General).at(word.span, "expected reverse");
    if crate::schema::nearest(word.text, ["reverse"]).is_some() {
        finding = finding.hint("did you mean `reverse`?");
    }
    args.push(finding);
    false
}

#[cfg(test)]
mod tests;

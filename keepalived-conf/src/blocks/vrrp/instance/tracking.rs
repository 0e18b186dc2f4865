// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the instance watches beside the adverts of others.

use super::VrrpInstance;
use crate::blocks::vrrp::entry::track::{INTERFACE_SYNTAX, Kind, SYNTAX};
use crate::diagnostic::Class;
use crate::schema::{Again, Keyword, Status, kw};

pub(super) fn rows() -> Vec<Keyword<VrrpInstance>> {
    vec![
        kw("dont_track_primary")
            .default("off")
            .doc("Do not go to FAULT when the instance's own interface is down.")
            .since("<2.0")
            .set(|instance, args| {
                args.rest();
                instance.dont_track_primary = true;
            }),
        kw("track_interface")
            .doc("Further interfaces that must be up, or that move the priority.")
            .since("<2.0")
            .again(Again::Adds)
            .lines(INTERFACE_SYNTAX, |instance, args| instance.tracks.read(args, Kind::Interface)),
        kw("track_script")
            .doc("Scripts that must succeed, or that move the priority.")
            .since("<2.0")
            .again(Again::Adds)
            .lines(SYNTAX, |instance, args| instance.tracks.read(args, Kind::Script)),
        kw("track_file")
            .doc("Files whose number moves the priority.")
            .since("2.0.0")
            .again(Again::Adds)
            .lines(SYNTAX, |instance, args| instance.tracks.read(args, Kind::File)),
        kw("track_process")
            .doc("Processes that must run, or that move the priority.")
            .since("2.0.11")
            .again(Again::Adds)
            .lines(SYNTAX, |instance, args| instance.tracks.read(args, Kind::Process)),
        kw("track_bfd")
            .doc("BFD sessions that must be up, or that move the priority.")
            .since("2.0.0")
            .again(Again::Adds)
            .lines(SYNTAX, |instance, args| instance.tracks.read(args, Kind::Bfd)),
        kw("linkbeat_use_polling")
            .default("off")
            .doc("Ask the instance's interface for its state instead of waiting for the kernel to tell.")
            .note("keepalived counts it as an error.")
            .since("2.0.0")
            .status(Status::Deprecated("list the interface in `linkbeat_interfaces`"))
            .graded(Class::General)
            .set(|instance, args| {
                args.rest();
                instance.linkbeat_use_polling = true;
            }),
    ]
}

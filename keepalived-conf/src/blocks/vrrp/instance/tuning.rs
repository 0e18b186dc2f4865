// SPDX-License-Identifier: MIT OR Apache-2.0
//! Buffers, checksums, and what is left.

use super::{VrrpInstance, put};
use crate::blocks::global::ours::{REPAIR, Repair, SINCE};
use crate::blocks::vrrp::entry::BAD_VALUE;
use crate::diagnostic::Class;
use crate::schema::{Keyword, Shape, Status, int, kw, strict_int};

pub(super) fn rows() -> Vec<Keyword<VrrpInstance>> {
    vec![
        kw("v3_checksum_as_v2")
            .opt(Shape::Bool)
            .default("the global `v3_checksum_as_v2`")
            .otherwise("ignored")
            .doc("Leave the pseudo header out of the checksum of version 3 in IPv4.")
            .since("2.2.8")
            .set(|instance, args| put(&mut instance.v3_checksum_as_v2, args.bool())),
        kw("kernel_rx_buf_size")
            .arg(strict_int(0, 4_294_967_295))
            .default("by `vrrp_rx_bufs_policy`")
            .otherwise("ignored")
            .doc("What this instance adds to the receive buffer of its socket, in bytes.")
            .since("2.0.3")
            .set(|instance, args| {
                let size = args.num();
                if args.given() {
                    args.rest();
                    args.reject(BAD_VALUE, Class::General, args.span(), "ignored: expected one number");
                    return;
                }
                instance.kernel_rx_buf_size = size.or(instance.kernel_rx_buf_size);
            }),
        kw("debug")
            .must(int(0, 4))
            .default("0")
            .otherwise("ignored")
            .doc("Level of debugging.")
            .since("<2.0")
            .status(Status::NoEffect("it is stored and shown, nothing more, in keepalived too"))
            .set(|instance, args| instance.debug = args.num_or(instance.debug)),
        kw("repair")
            .arg(Shape::Choice(REPAIR))
            .default("vrrp_repair")
            .otherwise("ignored")
            .doc("When something else takes an address of this instance away: give way to the backups, or put it back.")
            .since(SINCE)
            .ours()
            .set(|instance, args| put(&mut instance.repair, args.choice().and_then(Repair::from_word))),
    ]
}

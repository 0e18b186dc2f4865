// SPDX-License-Identifier: MIT OR Apache-2.0
//! Receive buffers of the sockets that hear from the kernel.

use super::Global;
use crate::schema::{Keyword, Setting, Shape, Status, kw, strict_int};
use crate::value::Args;

#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Buffers {
    pub vrrp_command: Buffer,
    pub vrrp_monitor: Buffer,
    pub process_events: Buffer,
    pub lvs_command: Buffer,
    pub lvs_monitor: Buffer,
}

#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Buffer {
    /// None is the system's default, doubled whenever it overran.
    pub bytes: Setting<Option<u32>>,
    /// It may exceed the system's maximum.
    pub force: bool,
}

impl Buffer {
    const fn of(bytes: Option<u32>) -> Buffer {
        Buffer { bytes: Setting::new(bytes), force: false }
    }
}

impl Default for Buffers {
    fn default() -> Buffers {
        let usual = || Buffer::of(Some(65_536));
        Buffers {
            vrrp_command: usual(),
            vrrp_monitor: usual(),
            process_events: Buffer::of(None),
            lvs_command: usual(),
            lvs_monitor: usual(),
        }
    }
}

/// The two rows of one socket.
macro_rules! buffer {
    ($field:ident, $size:literal, $force:literal, $what:literal, default $default:literal, since $since:literal) => {
        [
            kw($size)
                .arg(strict_int(0, 4_294_967_295))
                .default($default)
                .otherwise("ignored, like 0")
                .doc(concat!("Bytes of the receive buffer of ", $what, "."))
                .since($since)
                .set(|global: &mut Global, args| size(&mut global.buffers.$field, args)),
            kw($force)
                .opt(Shape::Bool)
                .default("off")
                .otherwise("the value before stays")
                .doc(concat!("Let `", $size, "` go beyond the system's maximum."))
                .since($since)
                .set(|global: &mut Global, args| {
                    if let Some(on) = args.bool() {
                        global.buffers.$field.force = on;
                    }
                }),
        ]
    };
}

pub(super) fn rows() -> Vec<Keyword<Global>> {
    let mut rows = Vec::new();
    let commands = buffer!(
        vrrp_command, "vrrp_netlink_cmd_rcv_bufs", "vrrp_netlink_cmd_rcv_bufs_force",
        "the socket over which the VRRP process changes addresses and routes", default "65536", since "2.0.0"
    );
    let unneeded = Status::NoEffect("every answer is read before the next request is sent");
    rows.extend(commands.map(|keyword| keyword.with_status(unneeded)));
    rows.extend(buffer!(
        vrrp_monitor, "vrrp_netlink_monitor_rcv_bufs", "vrrp_netlink_monitor_rcv_bufs_force",
        "the socket over which the VRRP process hears of changes", default "8388608, even beyond the system's maximum", since "2.0.0"
    ));
    rows.extend(buffer!(
        process_events, "process_monitor_rcv_bufs", "process_monitor_rcv_bufs_force",
        "the socket that reports processes", default "4194304, even beyond the system's maximum; doubled after each overrun", since "2.0.11"
    ));
    let commands = buffer!(
        lvs_command, "lvs_netlink_cmd_rcv_bufs", "lvs_netlink_cmd_rcv_bufs_force",
        "the socket over which the checker process asks the kernel", default "65536", since "2.0.0"
    );
    rows.extend(commands.map(|keyword| keyword.with_status(unneeded)));
    rows.extend(buffer!(
        lvs_monitor, "lvs_netlink_monitor_rcv_bufs", "lvs_netlink_monitor_rcv_bufs_force",
        "the socket over which the checker process hears of changes", default "8388608, even beyond the system's maximum", since "2.0.0"
    ));
    rows
}

fn size(buffer: &mut Buffer, args: &mut Args<'_, '_>) {
    match args.num::<u32>() {
        Some(0) | None => {}
        Some(bytes) => buffer.bytes.set(Some(bytes)),
    }
}

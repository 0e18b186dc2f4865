// SPDX-License-Identifier: MIT OR Apache-2.0
//! What decides who is master, and what a master takes.

use super::{VrrpInstance, put};
use crate::diagnostic::Diagnostic;
use crate::interpret::NO_EFFECT;
use crate::schema::{Keyword, Shape, kw};
use crate::value::Args;

pub(super) fn rows() -> Vec<Keyword<VrrpInstance>> {
    let mut rows: Vec<Keyword<VrrpInstance>> = vec![
        kw("preempt")
            .default("on")
            .doc("Take over from a master of lower priority; undoes `nopreempt`.")
            .since("<2.0")
            .set(|instance, args| {
                args.rest();
                instance.preempt.set(true);
            }),
        kw("nopreempt")
            .default("off")
            .doc("Leave a master of lower priority in place.")
            .note("Excludes priority 255 and `state MASTER`.")
            .since("<2.0")
            .set(|instance, args| {
                args.rest();
                instance.preempt.set(false);
            }),
        kw("accept")
            .default("on; in strict mode only with priority 255")
            .doc("Take packets to the virtual addresses even when they are not our own.")
            .since("<2.0")
            .set(|instance, args| {
                args.rest();
                instance.accept.set(true);
            }),
        kw("no_accept")
            .default("off")
            .doc("Drop packets to the virtual addresses unless the priority is 255.")
            .since("<2.0")
            .set(|instance, args| {
                args.rest();
                instance.accept.set(false);
            }),
        kw("strict_mode")
            .opt(Shape::Bool)
            .default("`vrrp_strict`")
            .otherwise("ignored")
            .doc("Do nothing the standard does not know.")
            .note(
                "No authentication, no preempt_delay, 3 adverts before taking over, no announcements or adverts in \
                 answer to lower priorities, no unicast on interfaces that can multicast, MASTER for 255 and only for \
                 255.",
            )
            .since("<2.0")
            .set(|instance, args| put(&mut instance.strict_mode, args.bool())),
    ];
    rows.extend(answer_rows());
    rows
}

/// How adverts of others are answered.
fn answer_rows() -> Vec<Keyword<VrrpInstance>> {
    vec![
        kw("lower_prio_no_advert")
            .opt(Shape::Bool)
            .default("`vrrp_lower_prio_no_advert`; on in strict mode")
            .otherwise("ignored")
            .doc("As master, do not answer an advert of lower priority with one of our own.")
            .since("<2.0")
            .set(|instance, args| put(&mut instance.lower_prio_no_advert, args.bool())),
        kw("higher_prio_send_advert")
            .opt(Shape::Bool)
            .default("`vrrp_higher_prio_send_advert`; off in strict mode")
            .otherwise("ignored")
            .doc("As master, send one last advert before yielding to a higher priority.")
            .since("<2.0")
            .set(|instance, args| put(&mut instance.higher_prio_send_advert, args.bool())),
        kw("owner_ignore_adverts")
            .opt(Shape::Bool)
            .default("with priority 255 `vrrp_owner_ignore_adverts`, on in strict mode; else off")
            .otherwise("ignored")
            .doc("As owner of the addresses, ignore the adverts of others.")
            .since("2.3.3")
            .set(|instance, args| put(&mut instance.owner_ignore_adverts, args.bool())),
        kw("skip_check_adv_addr")
            .opt(Shape::Bool)
            .default("`vrrp_skip_check_adv_addr`")
            .otherwise("ignored")
            .doc("Compare the list of addresses only in the first advert of a master.")
            .note("keepalived takes `off` for on; here off is off.")
            .since("<2.0")
            .set(skip_check),
    ]
}

fn skip_check(instance: &mut VrrpInstance, args: &mut Args<'_, '_>) {
    let span = args.span();
    let value = args.bool();
    put(&mut instance.skip_check_adv_addr, value);
    if value == Some(false) {
        let finding = Diagnostic::lint(NO_EFFECT, "keepalived takes `skip_check_adv_addr off` for on")
            .at(span, "off here")
            .hint("leave the line out where both read this file");
        args.push(finding);
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
use super::model::{Deed, Key, Model, Pane, Target, Wish, keys};
use super::view::{Line, painted, screen};
use crate::cli::ask::Look;
use crate::observe::snapshot::lvs::{Checker, Lvs, Server, Service};
use crate::observe::snapshot::{Address, Instance, Master, State, Term, Track, Vrrp};

/// A router that is master, one in trouble, two servers of which one is down, and a script.
fn look() -> Look {
    let address = Address { address: "10.0.0.100".into(), prefix: 24, ..Address::default() };
    let master = Instance {
        name: "VI_1".into(),
        state: State::Master,
        in_place: true,
        base_priority: 200,
        priority: 200,
        addresses: vec![address.clone(), Address { address: "10.0.0.101".into(), ..address.clone() }],
        ..Instance::default()
    };
    let term = Term { track: "chk_web".into(), adds: Some(-60), ..Term::default() };
    let backup = Instance {
        name: "VI_2".into(),
        state: State::Backup,
        base_priority: 150,
        priority: 90,
        terms: vec![term],
        master: Some(Master { address: "10.0.0.2".into(), priority: 100 }),
        addresses: vec![address],
        ..Instance::default()
    };
    let check = |why: Option<&str>| Checker {
        kind: "TCP_CHECK".into(),
        up: Some(why.is_none()),
        took: Some(0.0025),
        why: why.map(str::to_owned),
        ..Checker::default()
    };
    let server = |name: &str, why: Option<&str>| Server {
        name: name.into(),
        up: why.is_none(),
        weight: 1,
        checkers: vec![check(why)],
        ..Server::default()
    };
    let service = Service {
        name: "[192.0.2.10]:tcp:80".into(),
        up: true,
        quorum: 1,
        weight: 1,
        servers: vec![server("[10.0.0.1]:tcp:8001", None), server("[10.0.0.1]:tcp:8002", Some("connection refused"))],
        ..Service::default()
    };
    let script = Track { name: "chk_web".into(), kind: "script".into(), up: Some(false), ..Track::default() };
    let vrrp = Vrrp { taken: 12.0, instances: vec![master, backup], tracks: vec![script], ..Vrrp::default() };
    Look { vrrp, lvs: Lvs { taken: 12.0, services: vec![service], ..Lvs::default() }, ..Look::default() }
}

fn model() -> Model {
    let mut model = Model::new();
    model.saw(look());
    model
}

fn shown(model: &mut Model) -> Vec<String> {
    screen(model, 80, 24).iter().map(Line::text).collect()
}

fn press(model: &mut Model, keys: &[Key]) -> Deed {
    let mut last = Deed::Nothing;
    keys.iter().for_each(|key| last = model.press(*key));
    last
}

#[test]
fn everything_is_seen_at_eighty_columns_and_twenty_four_lines() {
    let mut model = model();
    let lines = shown(&mut model);
    assert_eq!(lines.len(), 24);
    let expected = [
        "VIRTUAL ROUTER         STATE  FOR     PRIORITY ADDRESSES",
        "VI_1                   MASTER 12 s    200      10.0.0.100 (here) and 1 more",
        "VI_2                   BACKUP 12 s    90       10.0.0.100 (at 10.0.0.2)",
        "  priority 90 = 150 - 60 (chk_web)",
        "",
        "VIRTUAL SERVER                 STATE  FOR     WEIGHT CONN   CHECKS",
        "[192.0.2.10]:tcp:80            UP     12 s    1             quorum 1",
        "  [10.0.0.1]:tcp:8001          UP     12 s    1             ok 2.5 ms",
        "  [10.0.0.1]:tcp:8002          DOWN   12 s    1             connection refused",
        "",
        "TRACKED                        STATE         KIND         USED BY",
        "chk_web                        down          script",
    ];
    assert_eq!(lines[3..15], expected);
    assert!(lines[0].ends_with("1 master, 1 backup; 1 of 2 real servers up"), "{}", lines[0]);
    assert!(lines[1].starts_with("as of "), "{}", lines[1]);
    assert!(lines[23].ends_with("q quit"), "{}", lines[23]);
    // Nothing is wider than the screen.
    let text = painted(&screen(&mut model, 80, 24), 80, false);
    assert!(text.split("\r\n").all(|line| visible(line) <= 80), "{text}");
}

/// Letters without what steers the terminal.
fn visible(line: &str) -> usize {
    let mut steering = false;
    let shown = line.chars().filter(|c| {
        let was = steering;
        steering = *c == '\x1b' || (steering && !c.is_ascii_alphabetic());
        !was && !steering
    });
    shown.count()
}

#[test]
fn names_from_the_configuration_do_not_steer_the_terminal() {
    let mut model = Model::new();
    let instance = Instance { name: "a\x1b[2Jb".into(), faults: vec!["\x07".into()], ..Instance::default() };
    model.saw(Look { vrrp: Vrrp { instances: vec![instance], ..Vrrp::default() }, ..Look::default() });
    let text = painted(&screen(&mut model, 80, 24), 80, true);
    assert!(!text.contains("\x1b[2J") && !text.contains('\x07'), "{text:?}");
}

#[test]
fn without_colour_only_what_is_chosen_stands_out() {
    let text = painted(&screen(&mut model(), 80, 24), 80, false);
    assert!(text.contains("\x1b[7mVI_1") && !text.contains("\x1b[3"), "{text:?}");
    assert!(painted(&screen(&mut model(), 80, 24), 80, true).contains("\x1b[31mDOWN"));
}

#[test]
fn keys_choose_and_what_is_chosen_stays_chosen_while_others_come_and_go() {
    let mut model = model();
    assert_eq!(model.chosen(), Some(Target::Instance("VI_1".into())));
    press(&mut model, &[Key::Down, Key::Letter('j'), Key::Down]);
    let server = Target::Server { name: "[10.0.0.1]:tcp:8001".into(), of: "[192.0.2.10]:tcp:80".into() };
    assert_eq!(model.chosen(), Some(server.clone()));
    let mut less = look();
    less.vrrp.instances.clear();
    model.saw(less);
    assert_eq!(model.chosen(), Some(server));
    press(&mut model, &[Key::End, Key::Down]);
    assert_eq!(model.chosen().map(|target| target.name().to_owned()).as_deref(), Some("[10.0.0.1]:tcp:8002"));
    assert_eq!(model.press(Key::Letter('w')), Deed::Why("[10.0.0.1]:tcp:8002".into()));
    // What is gone leaves the choice to the first.
    model.saw(Look::default());
    assert_eq!((model.chosen(), model.press(Key::Letter('d'))), (None, Deed::Nothing));
}

#[test]
fn nothing_is_drained_without_a_second_key() {
    let mut model = model();
    shown(&mut model);
    let instance = Target::Instance("VI_1".into());
    assert_eq!(model.press(Key::Letter('d')), Deed::Nothing);
    let lines = shown(&mut model);
    assert_eq!(lines[22], "drain VI_1: another router takes its addresses?");
    assert!(lines[23].starts_with("y yes, until `n`"), "{}", lines[23]);
    assert_eq!((model.press(Key::Letter('d')), &model.pane), (Deed::Nothing, &Pane::Overview));
    for no in [Key::Escape, Key::Enter, Key::Letter('q'), Key::Letter('n')] {
        assert_eq!(press(&mut model, &[Key::Letter('d'), no]), Deed::Nothing);
    }
    let drain = |seconds| Deed::Drain(instance.clone(), seconds);
    assert_eq!(press(&mut model, &[Key::Letter('d'), Key::Letter('y')]), drain(None));
    assert_eq!(press(&mut model, &[Key::Letter('d'), Key::Letter('t')]), drain(Some(1800)));
    assert_eq!(press(&mut model, &[Key::Letter('n'), Key::Letter('y')]), Deed::Normal(instance));
    // A virtual server is no thing to drain.
    press(&mut model, &[Key::Down, Key::Down]);
    assert_eq!((model.press(Key::Letter('d')), &model.pane), (Deed::Nothing, &Pane::Overview));
    assert!(shown(&mut model)[22].contains("choose one of its real servers"));
    press(&mut model, &[Key::Down, Key::Letter('d')]);
    assert!(matches!(model.pane, Pane::Sure(Wish::Drain(Target::Server { .. }))));
}

#[test]
fn a_text_is_scrolled_and_left() {
    let mut model = model();
    shown(&mut model);
    let text: Vec<String> = (1..=100).map(|number| format!("line {number}")).collect();
    model.read("events".into(), Ok(text), true);
    let lines = shown(&mut model);
    assert_eq!((lines[3].as_str(), lines[21].as_str()), ("line 82", "line 100"));
    assert_eq!(lines[22], "events: 82 to 100 of 100");
    press(&mut model, &[Key::PageUp, Key::Up]);
    assert_eq!(shown(&mut model)[3], "line 62");
    press(&mut model, &[Key::Home, Key::Up]);
    assert_eq!(shown(&mut model)[3], "line 1");
    press(&mut model, &[Key::End, Key::PageDown]);
    assert_eq!(shown(&mut model)[3], "line 82");
    assert_eq!((model.press(Key::Letter('q')), &model.pane), (Deed::Nothing, &Pane::Overview));
    model.read("events".into(), Err("the daemon hung up".into()), true);
    assert_eq!(shown(&mut model)[22], "the daemon hung up");
    assert_eq!(model.press(Key::Letter('q')), Deed::Quit);
}

#[test]
fn the_help_fits_on_the_screen() {
    let mut model = model();
    press(&mut model, &[Key::Letter('?')]);
    let lines = shown(&mut model);
    assert!(lines.iter().any(|line| line.contains("The same by command")), "{lines:#?}");
    assert!(super::model::HELP.lines().all(|line| line.chars().count() <= 80));
}

#[test]
fn what_is_old_is_said_to_be_old() {
    let mut model = Model::new();
    assert!(shown(&mut model)[1].contains("waiting for the daemon"));
    model.missed("the daemon hung up".into());
    assert_eq!(shown(&mut model)[1], "the daemon hung up");
    model.saw(look());
    model.age = 4;
    assert_eq!(shown(&mut model)[1], "old: no answer for 4 s");
    model.missed("the daemon hung up".into());
    assert_eq!(shown(&mut model)[1], "old: no answer for 4 s (the daemon hung up)");
    model.saw(Look { unknown: vec!["the VRRP worker does not run".into()], ..look() });
    assert_eq!(shown(&mut model)[2], "not known: the VRRP worker does not run");
}

#[test]
fn much_is_scrolled_around_what_is_chosen_and_little_room_is_told() {
    let mut model = Model::new();
    let instances = (0..100).map(|number| Instance { name: format!("VI_{number}"), ..Instance::default() }).collect();
    model.saw(Look { vrrp: Vrrp { instances, ..Vrrp::default() }, ..Look::default() });
    shown(&mut model);
    press(&mut model, &[Key::PageDown, Key::PageDown, Key::PageDown]);
    let lines = screen(&mut model, 80, 24);
    let chosen = model.chosen().map(|target| target.name().to_owned()).unwrap_or_default();
    assert!(lines.iter().any(|line| line.text().starts_with(&format!("{chosen} "))), "{chosen}");
    model.press(Key::End);
    assert!(shown(&mut model).iter().any(|line| line.starts_with("VI_99 ")));
    assert_eq!(screen(&mut model, 30, 24).len(), 1);
    assert_eq!(screen(&mut model, 80, 7).len(), 1);
    for (width, height) in [(40, 8), (300, 100), (41, 9)] {
        let lines = screen(&mut model, width, height);
        assert_eq!(lines.len(), height);
        let text = painted(&lines, width, true);
        assert!(text.split("\r\n").all(|line| visible(line) <= width), "{text}");
    }
}

#[test]
fn keys_are_read_however_the_terminal_spells_them_and_nonsense_is_none() {
    let table: [(&[u8], &[Key]); 9] = [
        (b"\x1b[A\x1bOB", &[Key::Up, Key::Down]),
        (b"\x1b[5~\x1b[6~", &[Key::PageUp, Key::PageDown]),
        (b"dy", &[Key::Letter('d'), Key::Letter('y')]),
        (b"\x1b", &[Key::Escape]),
        (b"\x03", &[Key::Letter('q')]),
        (b"\x1b[1;5Cq", &[Key::Letter('q')]),
        (b"\x1b[200~", &[]),
        (b"\x1b[", &[]),
        ("ü\u{0}".as_bytes(), &[]),
    ];
    for (bytes, expected) in table {
        assert_eq!(keys(bytes), expected, "{bytes:?}");
    }
}

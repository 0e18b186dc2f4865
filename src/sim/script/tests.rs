// SPDX-License-Identifier: MIT OR Apache-2.0
use super::*;
use crate::sim::net::Fault;

fn cast() -> Cast {
    let node = |name: &str| CastNode {
        name: name.to_owned(),
        ports: vec!["eth0".to_owned(), "eth1".to_owned()],
        instances: vec!["VI_1".to_owned(), "VI_2".to_owned()],
        tracks: vec!["chk_haproxy".to_owned(), "load".to_owned()],
    };
    Cast {
        nodes: vec![node("a"), node("b"), node("c")],
        segments: vec!["lan".to_owned(), "wan".to_owned()],
        clients: vec!["client".to_owned()],
    }
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn statements_may_share_a_line_and_are_put_in_order() {
    let script = parse(
        "at 20s heal # the switch is replaced\nat 10s cut a -> b   at 12s track a chk_haproxy down\n\
         run 60s seeds 500 from 7   expect gap < 1s overlap < 300ms\nexpect master b at 30s",
        &cast(),
    )
    .expect("reads");
    let cut = Rule { segment: None, from: Stations::one(Station(0)), to: Stations::one(Station(1)), fault: Fault::Cut };
    assert_eq!(
        script.steps,
        [
            Step { at: seconds(10), action: Action::Fault(cut) },
            Step { at: seconds(12), action: Action::Track(Station(0), 0, Observed::Down) },
            Step { at: seconds(20), action: Action::Heal { from: Stations::ALL, to: Stations::ALL, segment: None } },
        ]
    );
    assert_eq!((script.lasts, script.seeds, script.first_seed), (seconds(60), 500, 7));
    assert_eq!(
        script.expectations,
        [
            Expectation::Gap(seconds(1)),
            Expectation::Overlap(Duration::from_millis(300)),
            Expectation::Master { node: Station(1), instance: None, at: seconds(30) },
        ]
    );
}

#[test]
fn every_action_reads_back_what_it_was_written_as() {
    let lines = [
        "at 1s cut a -> b",
        "at 1s cut a,b -> c,client on wan",
        "at 1s clog all -> c",
        "at 1s pass a -> all",
        "at 1s loss a -> b 2.50%",
        "at 1s copy a -> b 100%",
        "at 1s corrupt a -> b 1%",
        "at 1s late a -> b 10% 50ms",
        "at 1s delay a -> b 1ms to 5ms",
        "at 1s heal a -> b on lan",
        "at 1s crash a",
        "at 1s kill b",
        "at 1s start b",
        "at 1s stop c",
        "at 1s stall a 1500ms",
        "at 1s sleep a 30s",
        "at 1s leap a 30s",
        "at 1s track a load -7",
        "at 1s track a chk_haproxy up",
        "at 1s link a eth1 down",
        "at 1s source a eth0 up",
        "at 1s priority a VI_2 90",
        "at 1s interval a VI_2 1500ms",
        "at 1s address a VI_2 more",
        "at 1s instance b VI_1 gone",
        "at 1s reload b",
        "at 1s kernel a well",
        "at 1s kernel a refuses",
        "at 1s kernel a slow 300ms",
        "at 1s snatch a VI_1",
        "at 1s replay on wan",
        "at 1s junk every 10ms for 5s on lan",
        "at 1234567.891us heal all -> all",
    ];
    for line in lines {
        let script = parse(line, &cast()).unwrap_or_else(|error| panic!("{line}: {error}"));
        let written: Vec<String> = script.steps.iter().map(|step| write::step(step, &cast())).collect();
        assert_eq!(written, [line]);
    }
}

#[test]
fn short_forms_mean_both_directions() {
    let written = |line: &str| -> Vec<String> {
        let script = parse(line, &cast()).unwrap_or_else(|error| panic!("{line}: {error}"));
        script.steps.iter().map(|step| write::action(&step.action, &cast())).collect()
    };
    assert_eq!(written("at 1s cut a"), ["cut a -> all", "cut all -> a"]);
    assert_eq!(written("at 1s cut a <-> b"), ["cut a -> b", "cut b -> a"]);
    assert_eq!(written("at 1s split a on lan"), ["cut a -> b,c,client on lan", "cut b,c,client -> a on lan"]);
    assert_eq!(written("at 1s heal"), ["heal all -> all"]);
    assert_eq!(written("at 1s heal a"), ["heal a -> all", "heal all -> a"]);
}

#[test]
fn errors_say_the_line_and_what_would_do() {
    for (text, error) in [
        ("at 1s cutt a -> b", "line 1: unknown action `cutt`: did you mean `cut`"),
        ("\n\nat 1s cut a -> d", "line 3: unknown node `d`: did you mean `a`"),
        ("at 1s crash node7", "line 1: unknown node `node7`: known are a, b, c"),
        ("at 10 cut a", "line 1: `10` is no time: write a number and a unit, as in 300ms, 1.5s or 2m"),
        ("at 1s loss a 200%", "line 1: `200%` is no percentage: write 0% to 100%, as in 2.5%"),
        ("at 1s priority a VI_1 300", "line 1: priority 300 is out of range: 1 to 255"),
        ("at 1s priority a VI_3 30", "line 1: unknown instance `VI_3`: did you mean `VI_1`"),
        ("at 1s track a chk_haproxi down", "line 1: unknown tracked object `chk_haproxi`: did you mean `chk_haproxy`"),
        ("expect", "line 1: `expect` wants one of gap, overlap, outage, transitions, master"),
        ("expect gap = 1s", "line 1: `=` where `<` is expected, as in `gap < 1s`"),
        ("expect master a", "line 1: `at TIME` is missing, as in `expect master a at 30s`"),
        ("run", "line 1: the script ends where a time is expected"),
        ("walk 3s", "line 1: unknown statement `walk`: known are at, run, delay, expect"),
        ("run 5s\nat 1s link a eth0 sideways", "line 2: unknown state `sideways`: known are up, down"),
        ("at 9s crash a\nrun 5s", "line 2: a step at 9s comes after the end of the run at 5s: say `run 9s` or more"),
    ] {
        assert_eq!(parse(text, &cast()).map_err(|error| error.to_string()), Err(error.to_owned()), "{text}");
    }
}

#[test]
fn times_are_read_exactly() {
    for (word, nanos) in [
        ("1s", Some(1_000_000_000)),
        ("1.5s", Some(1_500_000_000)),
        ("0.001s", Some(1_000_000)),
        ("300ms", Some(300_000_000)),
        ("2m", Some(120_000_000_000)),
        ("7us", Some(7_000)),
        ("s", None),
        ("-1s", None),
        ("1.2.3s", None),
        ("1d", None),
        ("99999999999999999999s", None),
    ] {
        assert_eq!(parse_time(word), nanos.map(Duration::from_nanos), "{word}");
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
use super::*;

fn line(words: &[&str]) -> Result<CommandLine, Vec<String>> {
    parse(words.iter().map(OsString::from))
}

#[test]
fn short_long_and_abbreviated_forms_agree() {
    let short = line(&["-n", "-l", "-D", "-f", "/etc/k.conf", "-p/run/k.pid"]).unwrap();
    let long = line(&["--dont-fork", "--log-console", "--log-detail", "--use-file=/etc/k.conf", "--pid", "/run/k.pid"])
        .unwrap();
    let brief = line(&["--dont-f", "--log-c", "--log-d", "--use=/etc/k.conf", "--pi=/run/k.pid"]).unwrap();
    assert_eq!(short, long);
    assert_eq!(short, brief);
    assert_eq!(short.file, "/etc/k.conf");
    assert!(short.dont_fork && short.log.console && short.log.detail == 1);
}

#[test]
fn an_abbreviation_that_fits_two_options_is_refused() {
    assert_eq!(line(&["--log=x"]).unwrap_err()[0], "unknown option `--log`");
    assert_eq!(line(&["--dont"]).unwrap_err(), ["unknown option `--dont`"]);
}

#[test]
fn the_argument_of_the_configuration_test_must_be_attached() {
    assert_eq!(line(&["-t"]).unwrap().config_test, Some(None));
    assert_eq!(line(&["-t/tmp/log"]).unwrap().config_test, Some(Some("/tmp/log".to_owned())));
    assert_eq!(line(&["--config-test=/tmp/log"]).unwrap().config_test, Some(Some("/tmp/log".to_owned())));
    let detached = line(&["-t", "/tmp/log"]).unwrap();
    assert_eq!((detached.config_test, detached.surplus), (Some(None), vec!["/tmp/log".to_owned()]));
}

#[test]
fn flags_run_together_as_platforms_write_them() {
    let neutron = line(&["-nld", "-p", "/run/a.pid", "-r", "/run/b.pid", "-D"]).unwrap();
    assert!(neutron.dont_fork && neutron.log.console && neutron.dump_conf);
    let zstack = line(&["-D", "-S", "2", "-f", "/k.conf"]).unwrap();
    assert_eq!(zstack.log.facility.as_deref(), Some("2"));
}

#[test]
fn processes_are_switched_off_and_on_in_order() {
    let only_vrrp = line(&["-P", "-B"]).unwrap();
    assert_eq!((only_vrrp.vrrp, only_vrrp.checkers, only_vrrp.bfd), (true, false, false));
    let all = line(&["-C", "--all"]).unwrap();
    assert_eq!((all.vrrp, all.checkers, all.bfd), (true, true, true));
}

#[test]
fn empty_and_missing_words_are_errors() {
    assert!(line(&["--use-file="]).is_err());
    assert!(line(&["-f"]).is_err());
    assert_eq!(line(&["-Q", "--nope=1", "-u", "1000"]).unwrap_err().len(), 3);
}

#[test]
fn masks_are_read_in_c_notation() {
    assert_eq!(line(&["-u", "077"]).unwrap().umask, Some(0o77));
    assert_eq!(line(&["-u", "0x3f"]).unwrap().umask, Some(0x3f));
    assert_eq!(line(&["-u", "18"]).unwrap().umask, Some(18));
    assert!(line(&["-u", "01000"]).is_err());
}

#[test]
fn genhash_takes_the_rest_of_the_line() {
    let found = line(&["-l", "-T", "-s", "192.0.2.1", "-p", "80", "-u", "/"]).unwrap();
    assert_eq!(found.genhash.unwrap(), ["-s", "192.0.2.1", "-p", "80", "-u", "/"]);
}

#[test]
fn signals_have_the_numbers_other_programs_rely_on() {
    let table =
        [("STOP", 15), ("RELOAD", 1), ("DATA", 10), ("STATS", 12), ("STATS_CLEAR", 63), ("JSON", 36), ("TDUMP", 64)];
    for (name, number) in table {
        assert_eq!(signal_number(name), Some(number), "{name}");
    }
    assert_eq!(signal_number("FOO"), None);
}

#[test]
fn no_two_options_share_a_name() {
    for (at, opt) in OPTIONS.iter().enumerate() {
        for other in &OPTIONS[at + 1..] {
            assert_ne!(opt.long, other.long);
            assert!(opt.short.is_none() || opt.short != other.short, "-{:?}", opt.short);
        }
    }
}

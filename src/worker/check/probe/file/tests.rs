use super::super::testing::checker;
use super::*;
use crate::proto::health::Verdict;
use keepalived_conf::blocks::lvs::check::Checker;

fn verdict(weight: &str, value: i64) -> Verdict {
    let text = format!("FILE_CHECK {{\n track_file load\n {weight}\n}}");
    match checker(&text, ([127, 0, 0, 1], 9).into()) {
        Checker::File(check) => read(&check, value).verdict,
        other => panic!("not a FILE_CHECK: {other:?}"),
    }
}

fn plus(weight: i32) -> Verdict {
    Verdict::Good(Some(Weight::Plus(weight)))
}

#[test]
fn number_times_weight_is_added() {
    assert_eq!(verdict("", 7), plus(7));
    assert_eq!(verdict("weight 2", -3), plus(-6));
    assert_eq!(verdict("weight 2 reverse", 3), plus(-6));
    assert_eq!(verdict("weight -2 reverse", 3), plus(6));
    assert_eq!(verdict("weight 2", 0), plus(0));
}

#[test]
fn sums_beyond_32_bits_stay_at_their_end_and_the_lowest_is_failure() {
    assert_eq!(verdict("weight 2147483647", 2_147_483_647), plus(i32::MAX));
    assert_eq!(verdict("weight 2147483647", -2_147_483_648), Verdict::Bad);
    assert_eq!(verdict("", -2_147_483_648), Verdict::Bad);
    assert_eq!(verdict("", -2_147_483_647), plus(-2_147_483_647));
}

#[test]
fn weight_zero_makes_it_a_switch_and_reverse_turns_it_round() {
    for value in [1, -1, 100] {
        assert_eq!(verdict("weight 0", value), Verdict::Bad);
        assert_eq!(verdict("weight 0 reverse", value), Verdict::Good(None));
    }
    assert_eq!(verdict("weight 0", 0), Verdict::Good(None));
    assert_eq!(verdict("weight 0 reverse", 0), Verdict::Bad);
}

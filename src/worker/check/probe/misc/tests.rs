// SPDX-License-Identifier: MIT OR Apache-2.0
use super::super::testing::verdict;
use crate::proto::health::{Verdict, Weight};

/// The verdict of a shell line, run with these keywords.
async fn told(line: &str, keywords: &str) -> (Verdict, String) {
    let check = format!("MISC_CHECK {{\n misc_path \"/bin/sh -c '{line}'\"\n {keywords}\n}}");
    verdict(&check, ([127, 0, 0, 1], 9).into()).await
}

#[tokio::test]
async fn status_says_whether_the_server_is_well() {
    assert_eq!(told("exit 0", "").await, (Verdict::Good(None), String::new()));
    for status in [1, 2, 255] {
        let (verdict, why) = told(&format!("exit {status}"), "").await;
        assert_eq!(verdict, Verdict::Bad);
        assert!(why.ends_with(&format!("sh ended with status {status}")), "{why}");
    }
}

#[tokio::test]
async fn dynamic_status_is_a_weight() {
    assert_eq!(told("exit 0", "misc_dynamic").await.0, Verdict::Good(None));
    assert_eq!(told("exit 1", "misc_dynamic").await.0, Verdict::Bad);
    for (status, weight) in [(2, 0), (3, 1), (255, 253)] {
        let (verdict, why) = told(&format!("exit {status}"), "misc_dynamic").await;
        assert_eq!((verdict, why.as_str()), (Verdict::Good(Some(Weight::Exactly(weight))), ""));
    }
}

#[tokio::test]
async fn program_that_takes_too_long_fails_with_all_it_started() {
    let folder = std::env::temp_dir().join(format!("steadfast-misc-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let mark = folder.join("survived");
    let line = format!("(sleep 2; touch {}) & sleep 60", mark.display());
    let (verdict, why) = told(&line, "misc_timeout 1").await;
    assert_eq!(verdict, Verdict::Bad);
    assert!(why.ends_with("sh took longer than 1s and was ended"), "{why}");
    tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
    assert!(!mark.exists(), "what the program had started goes on");
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn death_by_a_signal_is_a_failure_also_with_weights() {
    let (verdict, why) = told("kill -9 $$", "misc_dynamic").await;
    assert_eq!(verdict, Verdict::Bad);
    assert!(why.ends_with("sh was ended by signal 9"), "{why}");
}

#[tokio::test]
async fn program_that_cannot_be_run_says_nothing_about_the_server() {
    let missing = "MISC_CHECK {\n misc_path /nowhere/at/all\n}";
    let (verdict_, why) = verdict(missing, ([127, 0, 0, 1], 9).into()).await;
    assert_eq!(verdict_, Verdict::NotChecked);
    assert!(why.starts_with("/nowhere/at/all could not be started:"), "{why}");
    let stranger = "MISC_CHECK {\n misc_path /bin/true\n user nobody-of-that-name\n}";
    let (verdict, why) = verdict(stranger, ([127, 0, 0, 1], 9).into()).await;
    assert_eq!(verdict, Verdict::NotChecked);
    assert!(why.contains("there is no user `nobody-of-that-name`"), "{why}");
}

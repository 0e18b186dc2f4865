// SPDX-License-Identifier: MIT OR Apache-2.0
use super::{Class, Code, Diagnostic, Diagnostics, FINDINGS_MAX, HINTED_MAX};
use crate::testing::load;

#[test]
fn findings_beyond_the_limit_are_counted_and_still_decide_the_exit_status() {
    let code = Code::new("KC000", "a finding");
    let mut findings = Diagnostics::new();
    for _ in 0..FINDINGS_MAX {
        findings.push(Diagnostic::lint(code, "a remark"));
    }
    assert_eq!((findings.len(), findings.dropped(), findings.exit_status()), (FINDINGS_MAX, 0, 0));
    findings.push(Diagnostic::error(code, "an error").class(Class::UnknownKeyword));
    assert_eq!((findings.len(), findings.dropped(), findings.exit_status()), (FINDINGS_MAX, 1, 5));
}

#[test]
fn what_was_meant_is_looked_for_a_limited_number_of_times() {
    let script = "vrrp_script chk_http_9999 {\n    script /bin/true\n}\n";
    let tracked: String = (0..HINTED_MAX + 10).map(|number| format!("        chk_http_9{number:03}\n")).collect();
    let keywords = "globl_defs\n".repeat(HINTED_MAX + 10);
    let instance = "vrrp_instance V {\n    interface lo\n    virtual_router_id 1\n    track_script {\n";
    for text in [keywords, format!("{script}{instance}{tracked}    }}\n}}\n")] {
        let loaded = load(&text);
        let hinted = loaded.diagnostics.iter().filter(|finding| finding.hints.iter().any(|hint| hint.contains("mean")));
        let (hinted, all) = (hinted.count(), loaded.diagnostics.len());
        assert!(hinted > HINTED_MAX - 10 && hinted <= HINTED_MAX, "{hinted} hints in {all} findings");
        assert!(all > HINTED_MAX);
    }
}

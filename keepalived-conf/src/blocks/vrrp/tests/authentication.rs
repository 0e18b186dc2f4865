// SPDX-License-Identifier: MIT OR Apache-2.0
//! Passwords, AH and signatures: what is read, and what is in force.

use std::fmt::Write as _;

use super::{check, codes, host, join, read, with};
use crate::blocks::vrrp::VrrpInstance;
use crate::environment::{Facts, Inode};

fn legacy(instance: &VrrpInstance) -> String {
    let Some(authentication) = &instance.authentication else { return "none".to_owned() };
    let kind = authentication.auth_type.map_or("-".to_owned(), |kind| format!("{kind:?}"));
    format!("{kind} {} {:?}", String::from_utf8_lossy(authentication.auth_pass.expose()), *instance.state)
}

#[test]
fn the_authentication_of_version_2_is_used_where_it_can_be() {
    let pass = "authentication {\nauth_type PASS\nauth_pass secret\n}";
    let ah = "authentication {\nauth_type AH\nauth_pass secret\n}";
    check(
        legacy,
        &[
            (pass, "Pass secret Backup", &[]),
            (ah, "Ah secret Backup", &[]),
            ("authentication {\nauth_type PASS\nauth_pass 123456789\n}", "Pass 12345678 Backup", &["KC167"]),
            ("authentication {\nauth_type PASS\nauth_pass \"a b\"\n}", "Pass a b Backup", &[]),
            ("authentication {\nauth_type PASS\nauth_pass a b\n}", "Pass a Backup", &[]),
            ("authentication {\nauth_type pass\nauth_pass secret\n}", "none", &["KC054"]),
            ("authentication {\nauth_type PASS\n}", "none", &["KC181"]),
            ("authentication {\nauth_pass secret\n}", "none", &[]),
            ("authentication {\nauth_type PASS\nauth_pass\n}", "none", &["KC050", "KC181"]),
            (&format!("{pass}\nversion 3"), "none", &["KC181"]),
            (&format!("{pass}\nstrict_mode"), "none", &["KC181"]),
            (&format!("{ah}\nstate MASTER\npriority 200"), "Ah secret Backup", &["KC181"]),
            (&format!("{ah}\nstate MASTER"), "Ah secret Master", &[]),
            ("authentication {\nauth_type PASS\n}\nauthentication {\nauth_pass secret\n}", "Pass secret Backup", &[]),
        ],
    );
    let six =
        "vrrp_instance VI {\ninterface eth0\nvirtual_router_id 1\nversion 2\nvirtual_ipaddress {\nfe80::1/64\n}\n";
    for (lines, expected, expected_codes) in [(ah, "none", &["KC181"][..]), (pass, "none", &[])] {
        let loaded = read(&format!("{six}{lines}\n}}\n"));
        assert_eq!(legacy(&loaded.config.vrrp.instances[0]), expected, "{lines}");
        assert_eq!(codes(&loaded), expected_codes, "{lines}");
    }
}

fn signed(instance: &VrrpInstance) -> String {
    let Some(hmac) = &instance.auth_hmac else { return "none".to_owned() };
    let mut text = join(hmac.keys.iter().map(|(id, key)| format!("{id}={}", key.len())));
    let _ = write!(
        text,
        " active {} {:?} {:?} {}",
        hmac.active_key.unwrap(),
        *hmac.mode,
        hmac.anti_replay,
        hmac.time_window.as_secs()
    );
    text
}

const KEY: &str = "0123456789abcdef0123456789abcdef";

#[test]
fn keys_have_a_number_and_32_to_64_octets() {
    let hmac = |lines: &str| format!("auth_hmac {{\nkey 255 {KEY}\nactive_key 255\n{lines}\n}}");
    let table = [
        (String::new(), "255=32 active 255 Enforce Time 5", &[][..]),
        (format!("key 1 {KEY}{KEY}"), "1=64 255=32 active 255 Enforce Time 5", &[]),
        (format!("key 1 {KEY}{KEY}x"), "255=32 active 255 Enforce Time 5", &["KC168"]),
        (format!("key 1 {}", &KEY[1..]), "255=32 active 255 Enforce Time 5", &["KC168"]),
        (format!("key 1 hex:{KEY}{KEY}"), "1=32 255=32 active 255 Enforce Time 5", &[]),
        (format!("key 1 hex:{KEY}{KEY}0"), "255=32 active 255 Enforce Time 5", &["KC168"]),
        (format!("key 1 hex:{KEY}{}xx", &KEY[2..]), "255=32 active 255 Enforce Time 5", &["KC168"]),
        (format!("key 0 {KEY}"), "255=32 active 255 Enforce Time 5", &["KC052"]),
        (format!("key 256 {KEY}"), "255=32 active 255 Enforce Time 5", &["KC052"]),
        (format!("key 255 {KEY}"), "255=32 active 255 Enforce Time 5", &["KC168"]),
        ("key 1".to_owned(), "255=32 active 255 Enforce Time 5", &["KC168"]),
        ("key 1 file:/nowhere".to_owned(), "255=32 active 255 Enforce Time 5", &["KC168"]),
        ("active_key 7".to_owned(), "none", &["KC182"]),
        ("active_key 0".to_owned(), "255=32 active 255 Enforce Time 5", &["KC052"]),
        ("time_window 300\nanti_replay monotonic".to_owned(), "255=32 active 255 Enforce Monotonic 300", &[]),
        ("time_window 301".to_owned(), "255=32 active 255 Enforce Time 5", &["KC052"]),
        ("mode permissive".to_owned(), "255=32 active 255 Permissive Time 5", &[]),
        ("mode receive-only".to_owned(), "255=32 active 255 ReceiveOnly Time 5", &[]),
        ("mode never".to_owned(), "255=32 active 255 Enforce Time 5", &["KC054"]),
    ];
    for (lines, expected, expected_codes) in &table {
        check(signed, &[(&hmac(lines), expected, expected_codes)]);
    }
    check(
        signed,
        &[
            (&format!("{}\nadvert_int 4", hmac("")), "255=32 active 255 Enforce Time 12", &[]),
            (&format!("{}\nadvert_int 200", hmac("")), "255=32 active 255 Enforce Time 300", &[]),
            (&format!("{}\nstrict_mode", hmac("mode permissive")), "255=32 active 255 Enforce Time 5", &["KC177"]),
            (
                &format!("auth_hmac {{\nkey 9 {KEY}\n}}\nauth_hmac {{\nactive_key 9\n}}"),
                "9=32 active 9 Enforce Time 5",
                &[],
            ),
            ("auth_hmac {\n}", "none", &["KC182"]),
        ],
    );
}

#[test]
fn signatures_go_before_passwords() {
    let both =
        format!("authentication {{\nauth_type PASS\nauth_pass secret\n}}\nauth_hmac {{\nkey 1 {KEY}\nactive_key 1\n}}");
    check(legacy, &[(&both, "none", &["KC181"])]);
}

#[test]
fn a_key_file_is_read_without_its_line_end_and_should_be_private() {
    let facts = |mode| Facts::default().inode("/keys/a", Inode::file(0, 0, mode)).link("eth0", Default::default());
    let text = with("auth_hmac {\nkey 1 file:/keys/a\nactive_key 1\n}");
    for (content, mode, expected, expected_codes) in [
        (format!("{KEY}\r\n"), 0o600, "1=32 active 1 Enforce Time 5", &[][..]),
        (format!("hex:{KEY}{KEY}\n"), 0o600, "1=32 active 1 Enforce Time 5", &[]),
        (KEY.to_owned(), 0o640, "1=32 active 1 Enforce Time 5", &["KC169"]),
        (format!("{KEY}{KEY}{KEY}{KEY}{KEY}"), 0o600, "none", &["KC168", "KC182"]),
    ] {
        let host = host().with_facts(facts(mode)).file("/keys/a", &content);
        let loaded = crate::load_str(&host, &text, false);
        assert_eq!(signed(&loaded.config.vrrp.instances[0]), expected, "{content}");
        assert_eq!(codes(&loaded), expected_codes, "{content}: {:#?}", loaded.diagnostics);
        let shown = if expected_codes == ["KC169"] {
            6
        } else if expected_codes.is_empty() {
            0
        } else {
            5
        };
        assert_eq!(loaded.diagnostics.exit_status(), shown);
    }
}

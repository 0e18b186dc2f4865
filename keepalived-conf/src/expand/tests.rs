// SPDX-License-Identifier: MIT OR Apache-2.0
use std::path::Path;

use super::*;
use crate::diagnostic::{Class, Code};

mod files;
mod random;

/// The lines of the expanded text, without blanks around them.
fn written(expanded: &Expanded) -> Vec<&str> {
    expanded.text().lines().map(str::trim).filter(|line| !line.is_empty()).collect()
}

fn found(findings: &Diagnostics) -> Vec<Code> {
    findings.iter().map(|finding| finding.code).collect()
}

fn host() -> MemoryHost {
    MemoryHost::new().with_hostname("node-a.example.net").with_env("SITE", "north").with_current_dir("/etc/keepalived")
}

/// Every row: what is written, and what it becomes.
fn check(rows: &[(&str, &[&str])]) {
    for (input, expected) in rows {
        let (expanded, findings) = load_text(&host(), "test", input.as_bytes(), &Options::default());
        assert_eq!(written(&expanded), *expected, "for {input:?}");
        assert!(findings.is_empty(), "for {input:?}: {findings:?}");
    }
}

/// Every row: what is written, what it becomes, and what is said about it.
fn check_found(rows: &[(&str, &[&str], &[Code])]) {
    for (input, expected, codes) in rows {
        let (expanded, findings) = load_text(&host(), "test", input.as_bytes(), &Options::default());
        assert_eq!(written(&expanded), *expected, "for {input:?}: {findings:?}");
        assert_eq!(found(&findings), *codes, "for {input:?}: {findings:?}");
    }
}

#[test]
fn remarks_go_and_quotes_and_backslashes_protect() {
    check(&[
        ("a # b\n! c\n  # d\ne!f\n", &["a", "e"]),
        ("a \"b # c\" d # e\n", &["a \"b # c\" d"]),
        ("a 'b # c'\n", &["a 'b"]),
        (r"router\#1 \! x", &["router#1 ! x"]),
        (r"\!first", &["!first"]),
        (r#"a "b\#c" \" # d"#, &[r#"a "b\#c" \""#]),
        (r#"a "b\" # c" # d"#, &[r#"a "b\" # c""#]),
        (r"a\b \c d\e", &[r"a\b \c d\e"]),
        ("a\r\n\r\n# b\r\nc\r\n", &["a", "c"]),
        ("", &[]),
        ("\n\n", &[]),
        ("a", &["a"]),
    ]);
}

#[test]
fn a_backslash_at_the_end_of_a_line_is_a_part_of_the_last_word() {
    check_found(&[
        ("a b \\\nc\n", &["a b\\", "c"], &[codes::BACKSLASH_AT_END]),
        ("a b\t \\ \r\nc\n", &["a b\\", "c"], &[codes::BACKSLASH_AT_END]),
        ("a b\\\nc\n", &["a b\\", "c"], &[codes::BACKSLASH_AT_END]),
        ("a b \\ # c\n", &["a b\\"], &[codes::BACKSLASH_AT_END]),
        (" \\\n", &["\\"], &[codes::BACKSLASH_AT_END]),
        ("a b \\", &["a b\\"], &[codes::BACKSLASH_AT_END]),
        ("$A=1\na $A \\\n", &["a $A\\"], &[codes::BACKSLASH_AT_END]),
        ("$A=1\na $A \\b \\ c\n", &["a 1 \\b \\ c"], &[]),
        ("@node-a $A=1 \\\n2\n$A\n", &["1", "2"], &[]),
    ]);
}

#[test]
fn conditions_compare_with_the_configuration_id() {
    check(&[
        ("@node-a a\n@node-b b\n@^node-a c\n@^node-b d\n", &["a", "d"]),
        ("@node-a\n@\n@^x\n@^ e\n@ f\n", &["e"]),
        ("@node-a\t a {\n@node-b b {\n  c\n@node-a }\n", &["a {", "c", "}"]),
        ("@node-a @node-a a\n", &["@node-a a"]),
        ("@node-a $X=1\n@node-b $X=2\na ${X}\n", &["a 1"]),
        ("@node-a ~SEQ(i, 2) a${i}\n@node-b ~SEQ(i, 2) b${i}\n", &["a1", "a2"]),
        // A condition may come out of a definition.
        ("$X=@node-b a\n$Y=@node-a b\n$X\n  ${Y} c\nd $Y\n", &["b c", "d @node-a b"]),
        ("mail a@node-b\n", &["mail a@node-b"]),
    ]);
    let options = Options { config_id: Some("node-b".to_owned()), ..Options::default() };
    let (expanded, _) = load_text(&host(), "test", b"@node-a a\n@node-b b ${_INSTANCE}\n", &options);
    assert_eq!(written(&expanded), ["b node-b"]);
}

#[test]
fn definitions_are_written_out_where_they_are_used() {
    check(&[
        ("$A=1\na ${A} $A\n", &["a 1 1"]),
        ("$A=1\na$A\n${A}b\n$A,c\n$A)\n", &["a1", "1b", "1,c", "1)"]),
        ("$A=1\na $Ab $A.5 $ 5$ $1\n", &["a $Ab $A.5 $ 5$ $1"]),
        ("$A=  two  words  # remark\na ${A}.\n", &["a two  words."]),
        ("$A=\na<${A}>\n", &["a<>"]),
        ("$A=1\n$A=2\na $A\n", &["a 2"]),
        ("$A=${B}\n$B=1\na $A\n$B=2\na $A\n", &["a 1", "a 2"]),
        ("$D=\"d\"\nx${D}y\n", &["x\"d\"y"]),
        ("$A=1\na \"b ${A} c\"\n", &["a \"b 1 c\""]),
        // A name that is put together, and one that no longer ends after being written out.
        ("$AB=1\n$X=B\na ${A${X}}\n$S=$\nb ${S}AB ${S}{AB}\n", &["a 1", "b 1 1"]),
        ("$B=1\n$C=$B\nx${C}y x$C y\n", &["x$By x1 y"]),
        ("  $A=1\n $A=${A}\n", &[]),
        ("$A =1\n$1=2\n", &["$A =1", "$1=2"]),
        // An escape in a value holds where the value is used.
        ("$A=a\\#b\nx ${A}\n", &["x a#b"]),
        ("$A=\"a # b\"\nx ${A}\n", &["x \"a # b\""]),
        ("foo { $X=1\n${X} }\n", &["foo {", "1 }"]),
    ]);
}

#[test]
fn predefined_parameters_have_their_values() {
    check(&[
        ("a ${_INSTANCE} $_INSTANCE\n", &["a node-a node-a"]),
        ("a ${_PWD}/b\n", &["a /etc/keepalived/b"]),
        ("a ${_ENV SITE} <${_ENV NOWHERE}>\n", &["a north <>"]),
        ("$OFF=${_HASH}\n${OFF} a\nb ${_BANG} c\n", &["b"]),
        ("a \"${_HASH}1\"\n", &["a \"#1\""]),
        ("a${_RANDOM 5 5}b${_RANDOM 0 0}\n", &["a5b0"]),
        ("$_INSTANCE=mine\na ${_INSTANCE}\n", &["a mine"]),
    ]);
    check_found(&[
        ("a${_RANDOM 7 6}\n", &["a7"], &[codes::BAD_RANDOM]),
        ("a ${_RANDOM x}\n", &["a ${_RANDOM x}"], &[codes::UNDEFINED]),
        ("a ${_ENV}\n", &["a ${_ENV}"], &[codes::UNDEFINED]),
        ("a ${_PWD x}\n", &["a ${_PWD x}"], &[codes::UNDEFINED]),
    ]);
}

#[test]
fn random_numbers_stay_in_their_bounds_and_differ() {
    let text: String = (0..200).map(|_| "${_RANDOM 3 9} ${_RANDOM} ${_RANDOM 32760}\n").collect();
    let (expanded, _) = load_text(&host().with_seed(7), "test", text.as_bytes(), &Options::default());
    let numbers: Vec<Vec<u64>> =
        written(&expanded).iter().map(|line| line.split(' ').map(|n| n.parse().unwrap()).collect()).collect();
    assert!(
        numbers.iter().all(|row| (3..=9).contains(&row[0]) && row[1] <= 32767 && (32760..=32767).contains(&row[2]))
    );
    assert!((3..=9).all(|n| numbers.iter().any(|row| row[0] == n)));
    let (largest, _) = load_text(&host(), "test", b"${_RANDOM 0 18446744073709551615}", &Options::default());
    assert!(written(&largest)[0].parse::<u64>().is_ok());
}

#[test]
fn an_unknown_reference_is_left_and_reported_once_outside_quotes() {
    check_found(&[
        ("a ${X}\n", &["a ${X}"], &[codes::UNDEFINED]),
        ("a \"${X} ${Y}\" b\n", &["a \"${X} ${Y}\" b"], &[]),
        ("a \"b\" ${X} \"c ${Y}\"\n", &["a \"b\" ${X} \"c ${Y}\""], &[codes::UNDEFINED]),
        ("a ${X y}\n", &["a ${X y}"], &[codes::UNDEFINED]),
        ("$X=1\na ${X y}\n", &["a ${X y}"], &[codes::UNDEFINED]),
        ("a $X ${} ${ X} ${1}\n", &["a $X ${} ${ X} ${1}"], &[]),
    ]);
}

#[test]
fn a_definition_of_several_lines_is_several_lines() {
    check(&[
        ("$M= \\\n a \\\n b \\\n c\nd\n$M\n", &["d", "a", "b", "c"]),
        ("$M=a \\\nb\n$M\n", &["a", "b"]),
        ("$M=a\\\nb\n${M}\n", &["a", "b"]),
        ("$M= \\\n a \\\n b\npre ${M}   # remark\n", &["pre a", "b"]),
        // A remark inside goes and ends nothing; an empty line ends the definition.
        ("$M= \\\n priority 3 \\\n# remark\n nopreempt\n$M\n", &["priority 3", "nopreempt"]),
        ("$M= \\\n a \\ # remark\n b\n$M\n", &["a", "b"]),
        ("$M= \\\n a \\\n\nb\n$M\n", &["b", "a"]),
        ("$M= \\\n a \\\n", &[]),
        ("$M= \\\n\nx $M\n", &["x"]),
        ("$Z=1\n$M= \\\n a ${Z} \\\n b\n$Z=2\n$M\n", &["a 2", "b"]),
        (
            "$M= \\\n@node-a a \\\n @node-b b \\\n $X=5 \\\n ~SEQ(i, 2) s${i} \\\n x${X}\n$N= \\\n n \\\n p $M\nq $N\n",
            &["q n", "p @node-a a", "s1", "s2", "x5"],
        ),
        ("$M= \\\n a \\\n b\n~SEQ(i, 2) k${i} $M\n", &["k1 a", "b", "k2 a", "b"]),
        ("$M= \\\n x { \\\n y 1 \\\n }\nz {\n$M\n}\n", &["z {", "x {", "y 1", "}", "}"]),
    ]);
    check_found(&[
        ("$M= \\\n a \\\n b\npre ${M} post\n", &["pre ${M} post"], &[codes::LINES_INSIDE_LINE]),
        ("$M= \\\n a \\\n  \t\nb\n$M\n", &["b", "a"], &[codes::BLANK_ENDS_DEFINITION]),
    ]);
}

#[test]
fn sequences_count_as_keepalived_counts() {
    check(&[
        ("~SEQ(i, 3) a${i}\n", &["a1", "a2", "a3"]),
        ("~SEQ(i, 0) a${i}\n", &["a1", "a0"]),
        ("~SEQ(i, -2) a${i}\n", &["a-1", "a-2"]),
        ("~SEQ(i, 5, 3) a${i}\n", &["a5", "a4", "a3"]),
        ("~SEQ(i, -1, 1) a${i}\n", &["a-1", "a0", "a1"]),
        ("~SEQ(i, 1, 3, 6) a${i}\n", &["a1", "a4"]),
        ("~SEQ(i, 1, -2, -4) a${i}\n", &["a1", "a-1", "a-3"]),
        ("~SEQ(i, 4, 4) a${i}\n", &["a4"]),
        ("~SEQx(i, 9, 0xb) a${i}\n", &["a9", "aa", "ab"]),
        ("~SEQ(i, 010, 011) a${i}\n", &["a8", "a9"]),
        ("~SEQ(i,+1,2)a${i}\n~SEQ (i , 1 , 2 )\tb${i}\n", &["a1", "a2", "b1", "b2"]),
        ("$N=2\n~SEQ(i, 1, $N) a${i}\n~SEQ(i, ${N}) b$i\n", &["a1", "a2", "b1", "b2"]),
        ("~SEQ(i, 2) ~SEQ(j, 1, ${i}) a${i}-${j}\n", &["a1-1", "a2-1", "a2-2"]),
        ("~SEQ(i, 2) a\nlast ${i}\n", &["a", "a", "last 2"]),
        ("~SEQ(i, 2) @node-a a${i}\n~SEQ(i, 2) @node-b b${i}\n", &["a1", "a2"]),
        ("~SEQ(i, 2) $Q${i}=x${i}\n~SEQ(i, 2) $R=r${i}\n$R ${Q1}\n", &["r2 x2"]),
        // A sequence may come out of a definition, and end in one of several lines.
        ("$S=~SEQ(i, 2) s${i}\n$S\nx ${S}\n", &["s1", "s2", "x ~SEQ(i, 2) s2"]),
        (
            "$M= \\\n a${j}${i} \\\n b\n$B= ~SEQ(i, 2) $M\n~SEQ(j, 7, 8) $B\n",
            &["a71", "b", "a72", "b", "a81", "b", "a82", "b"],
        ),
        ("~SEQ(i, 2)\n", &[]),
        ("a { ~SEQ(i, 2) b ${i}\n}\n", &["a {", "b 1", "b 2", "}"]),
        ("~SEQ(i, 2) a ${i} { b ${i} }\n", &["a 1 { b 1 }", "a 2 { b 2 }"]),
        ("~FOO(i, 2) a\n~seq(i, 2) a\n", &["~FOO(i, 2) a", "~seq(i, 2) a"]),
        (
            "~SEQ(i, 9223372036854775806, 9223372036854775807) a${i}\n",
            &["a9223372036854775806", "a9223372036854775807"],
        ),
    ]);
}

#[test]
fn lists_take_one_or_several_variables() {
    check(&[
        ("~LST(v, a, b,c) x${v}\n", &["xa", "xb", "xc"]),
        ("~LST (v, a, , b) x<${v}>\n", &["x<a>", "x<>", "x<b>"]),
        ("~LST(v,) x<${v}>\n", &["x<>"]),
        ("~LST({a, b}, {1, 2}, {3,4}) x${a}-${b}\n", &["x1-2", "x3-4"]),
        ("~LST({a,b}, 1, {}, {2}) x${a}-${b}\n", &["x1-", "x-", "x2-"]),
        ("~LST(v, a) \n", &[]),
        ("~LST(v, a, b) ~SEQ(i, 2) x${v}${i}\n", &["xa1", "xa2", "xb1", "xb2"]),
    ]);
}

#[test]
fn a_malformed_repetition_is_dropped_with_one_finding() {
    for line in [
        "~SEQ(i, 1, -1, 6) a",
        "~SEQ(i, 1, 0, 6) a",
        "~SEQ(i, 1, 2",
        "~SEQ(, 1, 2) a",
        "~SEQ(i) a",
        "~SEQ() a",
        "~SEQ(i, x, 2) a",
        "~SEQ(i, 1, 2, 3, 4) a",
        "~SEQ(i, 08, 8) a",
        "~SEQ(i, -1, 0, 1) a",
        "~SEQ",
        "~SEQ a",
        "~SEQy(i, 1) a",
        "~SEQxx(i, 1) a",
        "~SEQx(i, -1, 1) a",
        "~SEQx(i, 3, -1, -1) a",
        "~SEQ(i, 1, 9223372036854775808) a",
        "~SEQ(i, 1, -9223372036854775809) a",
        "~SEQ(i, 1, 0x) a",
        "~LST",
        "~LST(v) a",
        "~LST() a",
        "~LST(v, a",
        "~LST(v, a b) a",
        "~LST(v, \"a\") a",
        "~LST({a}, {1, 2}) a",
        "~LST({a, b}, {1, 2) a",
        "~LST({a}, {1} {2}) a",
        "~LST({}, 1) a",
        "~LST(v, ${L}) a",
    ] {
        let (expanded, findings) = load_str("test", &format!("before\n{line}\nafter\n"));
        assert_eq!(written(&expanded), ["before", "after"], "for {line:?}");
        assert_eq!(found(&findings), [codes::BAD_REPETITION], "for {line:?}: {findings:?}");
        assert_eq!(findings.exit_status(), 5);
    }
}

#[test]
fn a_definition_that_contains_itself_is_one_finding_with_its_chain() {
    let (expanded, findings) = load_str("test", "$A=1\n$A=${A}0\nfoo ${A} bar\n");
    assert_eq!(written(&expanded), ["foo ${A}0 bar"]);
    assert_eq!(found(&findings), [codes::DEFINITION_LOOP]);
    assert_eq!(findings.exit_status(), 5);
    let (expanded, findings) = load_str("test", "$A=${B}\n$B=x${A}\nfoo ${A}\n");
    assert_eq!(written(&expanded), ["foo x${A}"]);
    let first = findings.iter().next().unwrap();
    assert_eq!(first.code, codes::DEFINITION_LOOP);
    assert_eq!(first.notes, ["`$B` is defined at test:2", "`$A` is defined at test:1"]);
    let place = expanded.map.locate(first.labels[0].span);
    assert_eq!((place.line, place.column, &place.line_text[place.caret.clone()]), (3, 5, "${A}"));
}

#[test]
fn a_definition_of_several_lines_that_ends_in_itself_is_one_finding() {
    let (expanded, findings) = load_str("test", "$M= \\\n a \\\n b $M\nx\n$M\ny\n");
    assert_eq!(written(&expanded), ["x", "a", "b $M", "y"]);
    assert_eq!(found(&findings), [codes::DEFINITION_LOOP]);
    let first = findings.iter().next().unwrap();
    assert_eq!(first.notes, ["expanded from `$M` used at test:5"]);
}

#[test]
fn what_grows_without_end_meets_a_limit() {
    let doubling: String = (1..40).map(|n| format!("$A{n}=${{A{}}}${{A{}}}\n", n - 1, n - 1)).collect();
    let lines: String = (1..40).map(|n| format!("$M{n}= \\\n$M{} \\\n$M{}\n", n - 1, n - 1)).collect();
    let chain: String = (1..2000).map(|n| format!("$A{n}=${{A{}}}\n", n - 1)).collect();
    let nested = format!("{} x\n", "~SEQ(i, 2) ".repeat(40));
    let wide = format!("$W={}\n~SEQ(i, 1000000) ${{W}}${{W}}${{W}}${{W}}${{W}}${{W}}\n", "w".repeat(900));
    let rows = [
        (format!("$A0=xxxx\n{doubling}a ${{A39}}\n"), codes::TOO_MUCH),
        (format!("$A0=\n{doubling}a ${{A39}}\n"), codes::TOO_MUCH),
        (format!("$M0=x \\\n y\n{lines}$M39\n"), codes::NESTED_TOO_DEEP),
        (format!("$M0=x \\\n y\n{lines}$M25\n"), codes::TOO_MUCH),
        (format!("$A0=x\n{chain}a ${{A1999}}\n"), codes::NESTED_TOO_DEEP),
        ("~SEQ(i, 1, 9223372036854775807) a\n".to_owned(), codes::TOO_MUCH),
        ("~SEQ(i, -9223372036854775808, 9223372036854775807) a\n".to_owned(), codes::TOO_MUCH),
        ("~SEQ(i, 200) ~SEQ(j, 200) ~SEQ(k, 200) a\n".to_owned(), codes::TOO_MUCH),
        (nested, codes::NESTED_TOO_DEEP),
        (wide, codes::TOO_MUCH),
    ];
    for (input, code) in rows {
        // Smaller limits than in earnest, to be there sooner.
        let host = host();
        let mut expander = Expander::new(&host, &Options::default());
        (expander.repetitions_left, expander.rewritten_left) = (20_000, 4 << 20);
        expander.main_text("test", input.as_bytes().to_vec());
        let (expanded, findings) = expander.end();
        let shown = &input[..input.len().min(60)];
        assert_eq!(findings.iter().next().map(|finding| finding.code), Some(code), "for {shown:?}");
        assert!(expanded.text().len() <= TEXT_BYTES_MAX, "for {shown:?}");
    }
}

#[test]
fn nul_bytes_and_broken_utf8_are_told_once_a_file() {
    let (expanded, findings) = load_text(&host(), "t", b"a\0b\nc\n\0\0\n\0\nd\n", &Options::default());
    assert_eq!(written(&expanded), ["c", "d"]);
    assert_eq!(found(&findings), [codes::NUL_BYTE]);
    assert_eq!(findings.exit_status(), 5);
    let latin = b"# gr\xfc\xdfe\na\nb \xe9 # \xe9\nc \xff\n";
    let (expanded, findings) = load_text(&host(), "t", latin, &Options::default());
    assert_eq!(written(&expanded), ["a", "b \u{FFFD}", "c \u{FFFD}"]);
    assert_eq!(found(&findings), [codes::NOT_UTF8]);
    assert_eq!(findings.exit_status(), 0);
    let place = expanded.map.locate(findings.iter().next().unwrap().labels[0].span);
    assert_eq!((place.line, place.column), (3, 3));
    let (_, findings) = load_text(&host(), "t", "# grüße \u{FFFD}\na \u{FFFD}\n".as_bytes(), &Options::default());
    assert!(findings.is_empty());
}

#[test]
fn a_byte_order_mark_is_passed_over() {
    let (expanded, findings) = load_text(&host(), "t", "\u{FEFF}global_defs {\n}\n".as_bytes(), &Options::default());
    assert_eq!(written(&expanded), ["global_defs {", "}"]);
    assert_eq!(found(&findings), [codes::BYTE_ORDER_MARK]);
    assert_eq!(findings.exit_status(), 5);
}

#[test]
fn long_lines_are_read_up_to_a_limit_and_reported() {
    let rows =
        [(UPSTREAM_LINE_MAX, 1, 0), (UPSTREAM_LINE_MAX + 1, 1, 1), (LINE_BYTES_MAX, 1, 1), (LINE_BYTES_MAX + 1, 0, 1)];
    for (length, lines, findings_expected) in rows {
        let (expanded, findings) = load_str("t", &format!("{}\nb\n", "a".repeat(length)));
        assert_eq!(written(&expanded).len(), lines + 1, "for {length}");
        assert_eq!(found(&findings), vec![codes::LONG_LINE; findings_expected], "for {length}");
    }
    let (expanded, findings) = load_str("t", &format!("{}\nb\n", "a ".repeat(5 << 20)));
    assert_eq!(written(&expanded), ["b"]);
    assert_eq!(found(&findings), [codes::LONG_LINE]);
    let place = expanded.map.locate(findings.iter().next().unwrap().labels[0].span);
    assert!(place.line_text.len() <= crate::map::LINE_SHOWN_MAX);
    let (expanded, findings) =
        load_str("t", &format!("$A={}\nb $A c\nd\n", "a".repeat(900)).replace("$A c", &"${A}".repeat(80)));
    assert_eq!(found(&findings), [codes::TOO_MUCH]);
    assert_eq!(findings.exit_status(), 0);
    assert_eq!(written(&expanded).len(), 2);
}

#[test]
fn a_line_that_becomes_too_long_for_keepalived_is_reported_and_used() {
    let (expanded, findings) = load_str("t", &format!("$A={}\na ${{A}} b\na ${{A}} ${{A}} b\n", "x".repeat(900)));
    assert_eq!(written(&expanded).iter().map(|line| line.len()).collect::<Vec<_>>(), [904, 1805]);
    assert_eq!(found(&findings), [codes::LONG_LINE]);
    assert_eq!(findings.exit_status(), 0);
}

#[test]
fn a_file_that_needs_no_change_is_not_copied() {
    let text = "vrrp_instance a {\n\tstate MASTER\r\n\n  script \"x y\"\n}\n".repeat(50);
    let (expanded, _) = load_str("t", &text);
    assert_eq!(expanded.text(), text);
    let place = expanded.map.locate(Span::new(20, 25));
    assert_eq!((place.line, place.column), (2, 3));
    assert!(expanded.map.overhead() < 100);
}

use crate::span::Span;

#[test]
fn a_place_is_found_through_remarks_definitions_and_repetitions() {
    let text =
        "a # b\n  prio ${P} x\n$P=12\n\tprio <${P}> yy\n$M= \\\n  m1 \\\n  m2 ${P}\npre $M\n~SEQ(i, 2) s ${i} t\n";
    let (expanded, _) = load_str("main.conf", text);
    let find = |needle: &str| {
        let start = expanded.text().find(needle).unwrap_or_else(|| panic!("no {needle} in {}", expanded.text()));
        let span = Span::new(start as u32, (start + needle.len()) as u32);
        let place = expanded.map.locate(span);
        let chain: Vec<String> = place.chain.iter().map(ToString::to_string).collect();
        (place.line, place.column, place.line_text[place.caret.clone()].to_owned(), chain.join("; "))
    };
    let row = |line, column, caret: &str, chain: &str| (line, column, caret.to_owned(), chain.to_owned());
    assert_eq!(find("a"), row(1, 1, "a", ""));
    assert_eq!(find("prio ${P}"), row(2, 3, "prio ${P}", ""));
    assert_eq!(find("12"), row(4, 8, "${P}", "`$P` is defined at main.conf:3"));
    assert_eq!(find("<12> yy"), row(4, 7, "<${P}> yy", ""));
    assert_eq!(find("2> y"), row(4, 8, "${P}> y", "`$P` is defined at main.conf:3"));
    assert_eq!(find("pre"), row(8, 1, "pre", ""));
    assert_eq!(find("m1"), row(6, 3, "m1", "expanded from `$M` used at main.conf:8"));
    assert_eq!(find("m2"), row(7, 3, "m2", "expanded from `$M` used at main.conf:8"));
    assert_eq!(find("s 2 t"), row(9, 12, "s ${i} t", "repeated with `$i` = 2 by main.conf:9"));
}

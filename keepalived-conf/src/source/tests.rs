// SPDX-License-Identifier: MIT OR Apache-2.0
use super::*;

fn host() -> MemoryHost {
    MemoryHost::new()
        .with_current_dir("/etc/ka")
        .file("b.conf", "b")
        .file("a.conf", "a")
        .file(".hidden.conf", "h")
        .file("sub/c.conf", "c")
        .file("odd[1].conf", "o")
        .fifo("pipe")
        .device("/dev/null")
        .unreadable("secret")
        .executable("run")
}

#[test]
fn a_host_in_memory_tells_what_stands_where() {
    let host = host();
    let rows = [
        ("/etc/ka/a.conf", Kind::Regular { executable: false }, Ok(())),
        ("/etc/ka/run", Kind::Regular { executable: true }, Ok(())),
        ("/etc/ka/./sub/../a.conf", Kind::Regular { executable: false }, Ok(())),
        ("/etc/ka/sub", Kind::Directory, Err(ReadError::WrongKind)),
        ("/etc", Kind::Directory, Err(ReadError::WrongKind)),
        ("/etc/ka/pipe", Kind::Fifo, Err(ReadError::WrongKind)),
        ("/dev/null", Kind::Other, Err(ReadError::WrongKind)),
        ("/etc/ka/none", Kind::Missing, Err(ReadError::NotFound)),
        ("/etc/ka/secret", Kind::Regular { executable: false }, Err(ReadError::Denied)),
    ];
    for (path, kind, read) in rows {
        assert_eq!(host.kind(Path::new(path)), kind, "for {path}");
        assert_eq!(host.read(Path::new(path)).map(|_| ()), read, "for {path}");
    }
    assert_eq!(host.list(Path::new("/etc")).unwrap(), ["ka"]);
    assert_eq!(host.list(Path::new("/etc/ka/a.conf")), Err(ReadError::WrongKind));
    let large = host.file("large", vec![b'x'; FILE_SIZE_MAX + 1]);
    assert_eq!(large.read(Path::new("/etc/ka/large")), Err(ReadError::TooLarge));
}

/// What each pattern finds, and which of its plain alternatives are missing.
#[test]
fn patterns_find_names_in_order() {
    let rows: &[(&str, &[&str], &[&str])] = &[
        ("*.conf", &["a.conf", "b.conf", "odd[1].conf"], &[]),
        (".*.conf", &[".hidden.conf"], &[]),
        ("**.conf", &["a.conf", "b.conf", "odd[1].conf"], &[]),
        ("[a-b].conf", &["a.conf", "b.conf"], &[]),
        ("[^a].conf", &["b.conf"], &[]),
        ("[]a].conf", &["a.conf"], &[]),
        ("odd[[]1[]].conf", &["odd[1].conf"], &[]),
        (r"odd\[1\].conf", &["odd[1].conf"], &[]),
        ("odd[1].conf", &[], &[]),
        ("?.conf", &["a.conf", "b.conf"], &[]),
        ("*/c.conf", &["sub/c.conf"], &[]),
        ("sub/", &["sub"], &[]),
        ("a.conf/", &[], &["a.conf/"]),
        ("s*/", &["sub"], &[]),
        ("/etc/*/a.conf", &["/etc/ka/a.conf"], &[]),
        ("//etc//ka//a.conf", &["/etc/ka/a.conf"], &[]),
        ("{b,a,z}.conf", &["b.conf", "a.conf"], &["z.conf"]),
        ("{a,b}.{conf,txt}", &["a.conf", "b.conf"], &["a.txt", "b.txt"]),
        ("{a,{b,z}}.conf", &["a.conf", "b.conf"], &["z.conf"]),
        ("{a.conf", &[], &["{a.conf"]),
        ("a.conf}", &[], &["a.conf}"]),
        ("{}", &[], &["{}"]),
        ("{a{b,.conf}", &[], &["{ab", "{a.conf"]),
        ("x[", &[], &["x["]),
        ("", &[], &[""]),
    ];
    for (pattern, paths, missing) in rows {
        let found = find(&host(), Path::new("/etc/ka"), pattern);
        let found_paths: Vec<&str> = found.paths.iter().map(|path| path.to_str().unwrap()).collect();
        assert_eq!(found_paths, *paths, "for {pattern:?}");
        assert_eq!(found.missing, *missing, "for {pattern:?}");
        assert!(!found.cut_short, "for {pattern:?}");
    }
}

#[test]
fn patterns_that_stand_for_too_much_are_cut_short() {
    for pattern in ["{a,b}".repeat(30), "{a,b,c,d,e,f,g,h,i,j}".repeat(8), format!("{{{}}}", ",".repeat(5000))] {
        let found = find(&host(), Path::new("/etc/ka"), &pattern);
        assert!(found.cut_short, "for {}", &pattern[..20]);
        assert!(found.missing.len() + found.paths.len() <= ALTERNATIVES_MAX);
    }
    // Nothing here may take more than the names there are.
    for pattern in ["*a*a*a*a*a*a*a*a*a*b".to_owned(), "{".repeat(2000), "[".repeat(2000), "\\".repeat(2001)] {
        assert!(!find(&host(), Path::new("/etc/ka"), &pattern).cut_short);
    }
}

#[test]
fn whether_a_host_would_still_answer_the_same_is_known() {
    let here = host();
    let asked = Asked::new(&here);
    assert_eq!(asked.hostname(), here.hostname());
    asked.kind(Path::new("/new"));
    let answers = asked.answers();
    assert!(answers.are_those_of(&here));
    assert!(!answers.are_those_of(&host().file("/new", "")));
    assert!(!answers.are_those_of(&host().with_hostname("another")));
    let asked = Asked::new(&here);
    (0..1000).for_each(|_| drop(asked.env("ONE")));
    assert!(!asked.answers().are_those_of(&host()), "of so many questions not all are remembered");
}

// SPDX-License-Identifier: MIT OR Apache-2.0

use std::path::PathBuf;

use super::*;

/// A configuration in a file of its own.
struct File(PathBuf);

impl File {
    fn new(name: &str, text: &str) -> File {
        let path = std::env::temp_dir().join(format!("steadfast-source-{}-{name}", std::process::id()));
        let file = File(path);
        file.fill(text);
        file
    }

    fn fill(&self, text: &str) {
        files::replace(&self.0, text.as_bytes(), MARKER_MODE).unwrap();
    }

    fn read(&self, before: Option<&Source>) -> Result<Source, String> {
        let settings = Settings { file: self.0.clone(), ..Settings::default() };
        Source::read(&settings, before, &Log::to_stderr("test"))
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = files::remove(&self.0);
    }
}

fn server(weight: u32, more: &str) -> String {
    format!(
        "virtual_server 192.0.2.9 80 {{\n protocol TCP\n lvs_sched rr\n lvs_method NAT\n real_server 10.0.0.1 80 {{\n weight \
         {weight}\n {more}\n TCP_CHECK {{\n }}\n }}\n}}\n"
    )
}

#[test]
fn the_same_text_keeps_its_file_so_that_workers_know_it_again() {
    let file = File::new("same", &server(1, ""));
    let first = file.read(None).unwrap();
    let second = file.read(Some(&first)).unwrap();
    assert!(Bundle::is_same(&*first.bundle, &*second.bundle));
    assert_eq!(
        (second.wants, second.house, second.found),
        (first.wants.clone(), first.house.clone(), first.found.clone())
    );
    file.fill(&server(2, ""));
    let third = file.read(Some(&first)).unwrap();
    assert!(!Bundle::is_same(&*first.bundle, &*third.bundle));
    assert!(third.bundle.text().unwrap().windows(8).any(|part| part == b"weight 2"));
}

#[test]
fn a_text_whose_meaning_is_in_the_text_alone_is_not_looked_at_twice() {
    let looked = |name: &str, text: &str| {
        let first = File::new(name, text).read(None).unwrap();
        let found = first.found_in_text.clone();
        let text = first.bundle.text().unwrap();
        first.means_the_same(std::str::from_utf8(&text).unwrap(), &found, &OsHost::new())
    };
    assert!(looked("plain", &server(1, "")));
    assert!(looked("finding", &server(1, "no_such_keyword 7")), "what is wrong in the text is as wrong as before");
    assert!(!looked("places", &format!("global_defs {{\n reload_check_config /dev/null\n}}\n{}", server(1, ""))));
    let script = "global_defs {\n startup_script /bin/true\n}\n";
    assert!(
        !looked("script", &format!("{script}{}", server(1, ""))),
        "whether it may be run is seen when it is looked at"
    );
}

#[test]
fn what_was_found_while_the_text_was_written_out_is_told_again() {
    let file = File::new("include", &server(1, ""));
    let first = file.read(None).unwrap();
    file.fill(&format!("include /nowhere/of/this/name\n{}", server(1, "")));
    let second = file.read(Some(&first));
    // The servers are the same; that a file is missing is another matter.
    assert_ne!(second.map(|second| second.found_in_text).unwrap_or_default(), first.found_in_text);
}

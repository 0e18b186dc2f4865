// SPDX-License-Identifier: MIT OR Apache-2.0
use super::*;

/// A sink the test can read, which refuses while told to.
#[derive(Clone, Default)]
struct Paper(Rc<RefCell<(String, bool)>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let (text, full) = &mut *self.0.borrow_mut();
        if *full {
            return Err(io::ErrorKind::StorageFull.into());
        }
        text.push_str(&String::from_utf8_lossy(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn log(paper: &Paper) -> Log {
    Log::new("test", Level::Info, Sinks { stream: Some(Box::new(paper.clone())), ..Sinks::default() })
}

#[test]
fn lines_below_the_level_are_not_written() {
    let paper = Paper::default();
    log(&paper).debug("too small");
    assert_eq!(paper.0.borrow().0, "");
    log(&paper).warning("(web) Entering MASTER STATE");
    assert!(paper.0.borrow().0.ends_with(": (web) Entering MASTER STATE\n"), "{:?}", paper.0.borrow().0);
}

#[test]
fn the_limit_moves_while_the_log_is_in_use_and_goes_back_to_what_it_was() {
    let paper = Paper::default();
    let log = log(&paper);
    let clone = log.clone();
    log.limit(Some(Level::Debug));
    clone.debug("in detail");
    log.limit(Some(Level::Notice));
    clone.info("chatter");
    clone.notice("(web) Entering MASTER STATE");
    log.limit(None);
    clone.debug("in detail again");
    clone.info("as usual");
    let text = paper.0.borrow().0.clone();
    let told: Vec<&str> = text.lines().filter_map(|line| line.split_once(": ").map(|(_, line)| line)).collect();
    assert_eq!(told, ["in detail", "(web) Entering MASTER STATE", "as usual"]);
    assert_eq!(log.usual(), Level::Info);
}

#[test]
fn control_characters_cannot_forge_a_line() {
    let paper = Paper::default();
    log(&paper).info("one\nSat Nov 21 12:00:00 2026: two\x1b[2J");
    assert_eq!(paper.0.borrow().0.lines().count(), 1);
    assert!(!paper.0.borrow().0.contains('\x1b'));
}

#[test]
fn a_full_disk_loses_lines_and_says_how_many() {
    let paper = Paper::default();
    let log = log(&paper);
    paper.0.borrow_mut().1 = true;
    log.info("a");
    log.info("b");
    assert_eq!(log.lost(), 2);
    paper.0.borrow_mut().1 = false;
    log.info("c");
    assert!(paper.0.borrow().0.ends_with(": c (2 lines before this one were lost)\n"), "{:?}", paper.0.borrow().0);
    assert_eq!(log.lost(), 0);
}

fn moved() -> Facts<'static> {
    Facts {
        about: Some("web"),
        state: Some("MASTER"),
        why: Some("the master said that it leaves"),
        priority: Some(100),
    }
}

#[test]
fn with_json_each_line_is_an_object_that_says_what_moved_and_why() {
    let paper = Paper::default();
    let sinks = Sinks { format: Format::Json, stream: Some(Box::new(paper.clone())), ..Sinks::default() };
    let log = Log::new("test", Level::Info, sinks);
    log.write_about(Level::Notice, "(web) Entering \"MASTER\" STATE\n", moved());
    log.info("nothing more");
    let text = paper.0.borrow().0.clone();
    let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let [first, second] = lines.as_slice() else { panic!("{text}") };
    let field = |name: &str| first[name].as_str().unwrap_or_default().to_owned();
    assert_eq!((field("process"), field("level"), field("about")), ("test".into(), "notice".into(), "web".into()));
    assert_eq!((field("state"), field("why")), ("MASTER".into(), "the master said that it leaves".into()));
    assert_eq!(field("text"), "(web) Entering \"MASTER\" STATE ");
    assert!(
        field("time").ends_with('Z') && field("time").len() == "2026-11-30T03:10:01.123Z".len(),
        "{}",
        field("time")
    );
    assert_eq!((&first["v"], &first["priority"]), (&1.into(), &100.into()));
    assert!(second.get("state").is_none() && second.get("about").is_none());
}

#[test]
fn a_change_of_state_is_never_lost_while_other_lines_are() {
    let paper = Paper::default();
    let log = log(&paper);
    paper.0.borrow_mut().1 = true;
    log.info("chatter");
    log.write_about(Level::Notice, "(web) Entering MASTER STATE", moved());
    for _ in 0..2 * OWED_MAX {
        log.info("more chatter");
    }
    log.write_about(Level::Notice, "(web) Entering BACKUP STATE", Facts { state: Some("BACKUP"), ..moved() });
    paper.0.borrow_mut().1 = false;
    log.info("there is room again");
    let text = paper.0.borrow().0.clone();
    let told: Vec<&str> = text.lines().filter_map(|line| line.get("Mon Nov 30 03:10:01 2026: ".len()..)).collect();
    let lost = 2 * OWED_MAX + 1;
    let last = format!("there is room again ({lost} lines before this one were lost)");
    assert_eq!(told, ["(web) Entering MASTER STATE", "(web) Entering BACKUP STATE", last.as_str()]);
}

#[test]
fn the_journal_gets_the_facts_as_fields_and_the_console_nothing_twice() {
    let path = std::env::temp_dir().join(format!("steadfast-log-journal-{}", std::process::id()));
    let journal = std::os::unix::net::UnixDatagram::bind(&path).unwrap();
    let paper = Paper::default();
    let stream: Option<Box<dyn Write>> = Some(Box::new(paper.clone()));
    let sinks = Sinks { journal: Some(Journal::at(&path)), stream, ..Sinks::default() };
    let log = Log::new("test", Level::Info, sinks);
    log.write_about(Level::Notice, "(web) Entering MASTER STATE", moved());
    let mut bytes = [0; 4096];
    let length = journal.recv(&mut bytes).unwrap();
    let entry = String::from_utf8_lossy(&bytes[..length]).into_owned();
    for field in [
        "MESSAGE=(web) Entering MASTER STATE\n",
        "PRIORITY=5\n",
        "SYSLOG_IDENTIFIER=test\n",
        "STEADFAST_ABOUT=web\n",
        "STEADFAST_STATE=MASTER\n",
        "STEADFAST_WHY=the master said that it leaves\n",
        "STEADFAST_PRIORITY=100\n",
    ] {
        assert!(entry.contains(field), "{entry}");
    }
    assert_eq!(paper.0.borrow().0, "");
    // Without the journal the console has it.
    drop(journal);
    std::fs::remove_file(&path).unwrap();
    log.info("still told");
    assert!(paper.0.borrow().0.ends_with(": still told\n"));
}

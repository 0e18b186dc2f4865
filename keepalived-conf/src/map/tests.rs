// SPDX-License-Identifier: MIT OR Apache-2.0
use super::*;

fn map_of(text: &str) -> SourceMap {
    SourceMap::verbatim("a.conf", Arc::new(text.to_owned()))
}

/// Line, column, and what is marked.
fn at(map: &SourceMap, start: u32, end: u32) -> (u32, u32, String) {
    let place = map.locate(Span::new(start, end));
    (place.line, place.column, place.line_text[place.caret].to_owned())
}

#[test]
fn lines_and_columns_count_characters_from_one() {
    let map = map_of("one\n\ngrüße zwei\r\nlast");
    let rows = [
        ((0, 3), (1, 1, "one")),
        ((1, 2), (1, 2, "n")),
        ((3, 4), (1, 4, "")),
        ((4, 5), (2, 1, "")),
        ((5, 12), (3, 1, "grüße")),
        ((13, 17), (3, 7, "zwei")),
        ((13, 30), (3, 7, "zwei")),
        ((19, 23), (4, 1, "last")),
        ((23, 23), (4, 5, "")),
        ((999, 1000), (4, 5, "")),
        // Never in the middle of a character.
        ((8, 9), (3, 3, "ü")),
    ];
    for ((start, end), (line, column, text)) in rows {
        assert_eq!(at(&map, start, end), (line, column, text.to_owned()), "for {start}..{end}");
    }
    assert_eq!(map.locate(Span::new(0, 1)).to_string(), "a.conf:1:1");
}

#[test]
fn an_empty_map_has_a_place_for_everything() {
    let map = SourceMap::default();
    for start in [0, 7, ASIDE, u32::MAX - 1] {
        assert_eq!(at(&map, start, start + 1), (1, 1, String::new()));
    }
    assert_eq!(at(&map_of(""), 0, 0), (1, 1, String::new()));
}

#[test]
fn long_lines_are_shown_around_the_place() {
    let text = format!("{}<here>{}", "ä".repeat(3000), "ß".repeat(3000));
    let map = map_of(&text);
    let place = map.locate(Span::new(6000, 6006));
    assert_eq!(place.column, 3001);
    assert!(place.line_text.len() <= LINE_SHOWN_MAX);
    assert_eq!(&place.line_text[place.caret.clone()], "<here>");
    let whole = map.locate(Span::new(0, 12_006));
    assert_eq!(whole.caret, 0..whole.line_text.len());
}

#[test]
fn text_that_is_not_in_the_expanded_text_has_its_place_and_its_turn() {
    let mut map = map_of("a\nb c\n");
    let frame = FrameId(0);
    let first = map.aside(Origin { offset: 2, replaced: 0, frame }, 3, 40);
    let second = map.aside(Origin { offset: 0, replaced: 0, frame }, 1, 50);
    assert_eq!(at(&map, first.start, first.end), (2, 1, "b c".to_owned()));
    assert_eq!(at(&map, second.start, second.end), (1, 1, "a".to_owned()));
    assert_eq!((map.position(first), map.position(second), map.position(Span::new(3, 4))), (40, 50, 3));
}

#[test]
fn pieces_that_follow_on_from_each_other_are_one() {
    let mut map = map_of("0123456789\n");
    let frame = FrameId(0);
    for offset in 1..10 {
        map.push(offset, Origin { offset, replaced: 0, frame });
    }
    assert_eq!(map.segments.len(), 1);
    map.push(10, Origin { offset: 3, replaced: 0, frame });
    map.push(11, Origin { offset: 3, replaced: 2, frame });
    map.push(11, Origin { offset: 5, replaced: 4, frame });
    assert_eq!(map.segments.len(), 3);
    assert_eq!(at(&map, 10, 11), (1, 4, "3".to_owned()));
    assert_eq!(at(&map, 12, 13), (1, 6, "5678".to_owned()));
    assert_eq!(at(&map, 9, 13), (1, 10, "9".to_owned()));
}

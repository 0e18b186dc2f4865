// SPDX-License-Identifier: MIT OR Apache-2.0
//! The codes of findings about files and lines. Codes are never reused.

use crate::diagnostic::Code;

pub const FILE_NOT_READ: Code = Code::new("KC001", "a file cannot be read");
pub const INCLUDE_MISSING: Code = Code::new("KC002", "an include matches nothing");
pub const INCLUDE_LOOP: Code = Code::new("KC003", "files include one another");
pub const NESTED_TOO_DEEP: Code = Code::new("KC004", "includes, definitions and repetitions are nested too deeply");
pub const TOO_MUCH: Code = Code::new("KC005", "the configuration grows beyond a limit");
pub const NUL_BYTE: Code = Code::new("KC006", "a line holds a NUL byte");
pub const NOT_UTF8: Code = Code::new("KC007", "a line is not UTF-8");
pub const LONG_LINE: Code = Code::new("KC008", "a line is longer than keepalived reads");
pub const BYTE_ORDER_MARK: Code = Code::new("KC009", "a file starts with a byte order mark");
pub const UNDEFINED: Code = Code::new("KC010", "a definition that does not exist is used");
pub const DEFINITION_LOOP: Code = Code::new("KC011", "a definition contains itself");
pub const LINES_INSIDE_LINE: Code = Code::new("KC012", "a definition of several lines is used inside a line");
pub const BLANK_ENDS_DEFINITION: Code = Code::new("KC013", "a line of blanks ends a definition");
pub const BAD_REPETITION: Code = Code::new("KC014", "a repetition is malformed");
pub const BAD_RANDOM: Code = Code::new("KC015", "the bounds of a random number are the wrong way round");
pub const SEVERAL_FILES: Code = Code::new("KC016", "the configuration is several files");
pub const BACKSLASH_AT_END: Code = Code::new("KC017", "a line ends in a backslash");

/// All of them, for the documentation.
pub const ALL: [Code; 17] = [
    FILE_NOT_READ,
    INCLUDE_MISSING,
    INCLUDE_LOOP,
    NESTED_TOO_DEEP,
    TOO_MUCH,
    NUL_BYTE,
    NOT_UTF8,
    LONG_LINE,
    BYTE_ORDER_MARK,
    UNDEFINED,
    DEFINITION_LOOP,
    LINES_INSIDE_LINE,
    BLANK_ENDS_DEFINITION,
    BAD_REPETITION,
    BAD_RANDOM,
    SEVERAL_FILES,
    BACKSLASH_AT_END,
];

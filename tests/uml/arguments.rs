// SPDX-License-Identifier: MIT OR Apache-2.0
//! What `cargo test` passes on: filters, and options of the usual harness as far as they mean something here.

/// Options of the usual harness that have a value.
const WITH_VALUE: [&str; 6] = ["--test-threads", "--format", "--color", "--logfile", "--report-time", "-Z"];

#[derive(Debug, Default)]
pub struct Arguments {
    filters: Vec<String>,
    skips: Vec<String>,
    exact: bool,
    pub list: bool,
}

impl Arguments {
    pub fn read(words: impl Iterator<Item = String>) -> Arguments {
        let mut read = Arguments::default();
        let mut words = words;
        while let Some(word) = words.next() {
            match word.as_str() {
                "--list" => read.list = true,
                "--exact" => read.exact = true,
                "--skip" => read.skips.extend(words.next()),
                option if WITH_VALUE.contains(&option) => drop(words.next()),
                option if option.starts_with('-') => {}
                _ => read.filters.push(word),
            }
        }
        read
    }

    pub fn select(&self, name: &str) -> bool {
        let fits = |pattern: &String| if self.exact { name == pattern } else { name.contains(pattern.as_str()) };
        (self.filters.is_empty() || self.filters.iter().any(fits)) && !self.skips.iter().any(fits)
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whether a text is OpenMetrics 1.0, read strictly and written from its specification alone: this shares nothing with what
//! writes the text.

use std::collections::{BTreeMap, BTreeSet};

/// Names with their values.
type Labels = Vec<(String, String)>;

/// A family, as its metadata and samples tell it.
#[derive(Default)]
struct Family {
    kind: Option<String>,
    unit: Option<String>,
    help: Option<String>,
    samples: Vec<Sample>,
}

struct Sample {
    suffix: String,
    labels: Labels,
    value: f64,
}

/// How many families there are, or the first thing that is wrong.
pub(crate) fn check(text: &str) -> Result<usize, String> {
    let body = text.strip_suffix("# EOF\n").ok_or("it does not end with # EOF and a line feed")?;
    if text.contains('\r') {
        return Err("a carriage return".to_owned());
    }
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    let mut current = String::new();
    for line in body.lines() {
        let told = match line.strip_prefix("# ") {
            Some(metadata) => describe(metadata, &mut families, &mut current),
            None => sample(line, &mut families, &mut current),
        };
        told.map_err(|wrong| format!("{wrong}: {line}"))?;
    }
    for (name, family) in &families {
        family.check(name).map_err(|wrong| format!("{name}: {wrong}"))?;
    }
    no_clash(&families)?;
    Ok(families.len())
}

fn describe(metadata: &str, families: &mut BTreeMap<String, Family>, current: &mut String) -> Result<(), String> {
    let (word, rest) = metadata.split_once(' ').ok_or("a comment, of which there are none")?;
    let (name, value) = rest.split_once(' ').ok_or("metadata without a value")?;
    if !is_name(name, true) {
        return Err(format!("`{name}` cannot be called so"));
    }
    if name != current {
        if families.contains_key(name) {
            return Err("a family in two pieces".to_owned());
        }
        *current = name.to_owned();
    }
    let family = families.entry(name.to_owned()).or_default();
    if !family.samples.is_empty() {
        return Err("metadata after samples".to_owned());
    }
    let place = match word {
        "TYPE" => &mut family.kind,
        "UNIT" => &mut family.unit,
        "HELP" => {
            unescaped(value)?;
            &mut family.help
        }
        _ => return Err("a comment, of which there are none".to_owned()),
    };
    if place.replace(value.to_owned()).is_some() {
        return Err(format!("a second {word}"));
    }
    Ok(())
}

fn sample(line: &str, families: &mut BTreeMap<String, Family>, current: &mut String) -> Result<(), String> {
    let end = line.find(['{', ' ']).ok_or("neither labels nor a value")?;
    let (name, rest) = line.split_at(end);
    let (labels, value) = match rest.strip_prefix('{') {
        Some(rest) => labels(rest)?,
        None => (Vec::new(), rest),
    };
    let value = value.strip_prefix(' ').ok_or("no single blank before the value")?;
    let suffix = name.strip_prefix(current.as_str()).ok_or("a sample outside of its family")?;
    let value = match value {
        "NaN" => f64::NAN,
        "+Inf" => f64::INFINITY,
        "-Inf" => f64::NEG_INFINITY,
        // Neither a timestamp nor an exemplar is ever told.
        _ if value.bytes().all(|c| c.is_ascii_digit() || matches!(c, b'+' | b'-' | b'.' | b'e' | b'E')) => {
            value.parse::<f64>().map_err(|error| error.to_string())?
        }
        _ => return Err("no number".to_owned()),
    };
    if !is_name(name, true) {
        return Err("no name of a sample".to_owned());
    }
    let family = families.get_mut(current).ok_or("a sample before any metadata")?;
    family.samples.push(Sample { suffix: suffix.to_owned(), labels, value });
    Ok(())
}

/// The labels after an opening brace, and what follows the closing one.
fn labels(mut rest: &str) -> Result<(Labels, &str), String> {
    let mut labels: Labels = Vec::new();
    loop {
        if let (Some(rest), true) = (rest.strip_prefix('}'), labels.is_empty()) {
            return Ok((labels, rest));
        }
        let (name, after) = rest.split_once("=\"").ok_or("a label without a value")?;
        if !is_name(name, false) || name.starts_with("__") {
            return Err(format!("`{name}` is no name of a label"));
        }
        if labels.iter().any(|(other, _)| other == name) {
            return Err(format!("the label `{name}` twice"));
        }
        let end = end_of_value(after).ok_or("a value that does not end")?;
        labels.push((name.to_owned(), unescaped(&after[..end])?));
        let after = &after[end + 1..];
        match after.chars().next() {
            Some(',') => rest = &after[1..],
            Some('}') => return Ok((labels, &after[1..])),
            _ => return Err("neither a comma nor a brace after a label".to_owned()),
        }
    }
}

/// Where the quote is that no backslash takes away.
fn end_of_value(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.char_indices().find_map(|(at, c)| {
        let is_end = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        is_end.then_some(at)
    })
}

fn unescaped(text: &str) -> Result<String, String> {
    let mut plain = String::new();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        plain.push(match letter {
            '\\' => match letters.next() {
                Some('n') => '\n',
                Some(c @ ('\\' | '"')) => c,
                _ => return Err("an escape that does not exist".to_owned()),
            },
            '"' => return Err("a quote without a backslash".to_owned()),
            letter => letter,
        });
    }
    Ok(plain)
}

fn is_name(name: &str, colons: bool) -> bool {
    let is_fit = |c: char| c.is_ascii_alphanumeric() || c == '_' || (colons && c == ':');
    name.chars().all(is_fit) && !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit())
}

/// The ends that names of samples may have, by type.
fn suffixes(kind: &str) -> Option<&'static [&'static str]> {
    Some(match kind {
        "counter" => &["_total", "_created"],
        "gauge" | "unknown" | "stateset" => &[""],
        "info" => &["_info"],
        "histogram" => &["_bucket", "_count", "_sum", "_created"],
        "summary" => &["", "_count", "_sum", "_created"],
        "gaugehistogram" => &["_bucket", "_gcount", "_gsum"],
        _ => return None,
    })
}

/// No sample of one family may be called like one of another.
fn no_clash(families: &BTreeMap<String, Family>) -> Result<(), String> {
    let mut names: BTreeMap<String, &str> = BTreeMap::new();
    for (name, family) in families {
        let ends = suffixes(family.kind.as_deref().unwrap_or("unknown")).unwrap_or_default();
        for sample in ends.iter().map(|end| format!("{name}{end}")) {
            if let Some(other) = names.insert(sample.clone(), name) {
                return Err(format!("{name} and {other} may both have a sample {sample}"));
            }
        }
    }
    Ok(())
}

impl Family {
    fn check(&self, name: &str) -> Result<(), String> {
        let kind = self.kind.as_deref().unwrap_or("unknown");
        let ends = suffixes(kind).ok_or_else(|| format!("no type is called {kind}"))?;
        if self.help.as_deref().is_none_or(|help| help.trim().is_empty()) {
            return Err("no help".to_owned());
        }
        if let Some(unit) = &self.unit
            && !name.ends_with(&format!("_{unit}"))
        {
            return Err(format!("its name does not end in its unit {unit}"));
        }
        // What a family of another type would make of its name.
        if ["_total", "_created", "_bucket", "_count", "_sum"].iter().any(|end| name.ends_with(end)) {
            return Err("the name of a family ends like that of a sample".to_owned());
        }
        let mut series = BTreeSet::new();
        for Sample { suffix, labels, value } in &self.samples {
            if !ends.contains(&suffix.as_str()) {
                return Err(format!("a {kind} has no sample that ends in `{suffix}`"));
            }
            if matches!(suffix.as_str(), "_total" | "_bucket" | "_count") && (value.is_nan() || *value < 0.0) {
                return Err(format!("{value} counts nothing"));
            }
            let mut sorted = labels.clone();
            sorted.sort();
            if !series.insert((suffix.clone(), sorted)) {
                return Err(format!("{labels:?} twice"));
            }
        }
        if kind == "histogram" { self.histogram() } else { Ok(()) }
    }

    /// Buckets grow with their bounds, the last one is for all, and it counts what `_count` counts.
    fn histogram(&self) -> Result<(), String> {
        let mut buckets: BTreeMap<Labels, Vec<(f64, f64)>> = BTreeMap::new();
        let (mut counts, mut sums) = (BTreeMap::new(), BTreeSet::new());
        for Sample { suffix, labels, value } in &self.samples {
            let (bounds, others): (Vec<_>, Vec<_>) = labels.iter().cloned().partition(|(name, _)| name == "le");
            match (suffix.as_str(), bounds.as_slice()) {
                ("_bucket", [(_, bound)]) => {
                    let number = if bound == "+Inf" { f64::INFINITY } else { bound.parse().map_err(|_| "a bound")? };
                    if number.is_finite() && format!("{number:?}") != *bound {
                        return Err(format!("{bound} is not how a bound is written"));
                    }
                    buckets.entry(others).or_default().push((number, *value));
                }
                ("_count", []) => drop(counts.insert(others, *value)),
                ("_sum", []) => drop(sums.insert(others)),
                _ => return Err(format!("{labels:?} are not the labels of {suffix}")),
            }
        }
        for (labels, steps) in &buckets {
            let grow = steps.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1);
            let last = steps.last().copied().unwrap_or_default();
            if !grow || last.0 != f64::INFINITY || counts.get(labels) != Some(&last.1) || !sums.contains(labels) {
                return Err(format!("the buckets of {labels:?} do not fit"));
            }
        }
        Ok(())
    }
}

#[test]
fn what_is_wrong_is_found() {
    let table = [
        ("# TYPE a gauge\n# HELP a h\na 1\n", "# EOF"),
        ("# TYPE a gauge\n# HELP a h\n\na 1\n# EOF\n", "neither labels nor a value"),
        ("# TYPE a gauge\na 1\n# EOF\n", "no help"),
        ("# TYPE a gauge\n# HELP a \"h\"\n# EOF\n", "without a backslash"),
        ("# TYPE a counter\n# HELP a h\na 1\n# EOF\n", "no sample that ends in ``"),
        ("# TYPE a_total counter\n# HELP a_total h\na_total_total 1\n# EOF\n", "ends like that of a sample"),
        ("# TYPE a counter\n# HELP a h\na_total -1\n# EOF\n", "counts nothing"),
        ("# TYPE a gauge\n# HELP a h\na{b=\"x\"} 1\na{b=\"x\"} 2\n# EOF\n", "twice"),
        ("# TYPE a gauge\n# HELP a h\na{b=\"x\",b=\"y\"} 1\n# EOF\n", "twice"),
        ("# TYPE a gauge\n# HELP a h\na{b=\"x\"y\"} 1\n# EOF\n", "neither a comma nor a brace"),
        ("# TYPE a gauge\n# HELP a h\na{b=\"\\t\"} 1\n# EOF\n", "an escape that does not exist"),
        ("# TYPE a gauge\n# HELP a h\na{b-c=\"x\"} 1\n# EOF\n", "no name of a label"),
        ("# TYPE a gauge\n# HELP a h\nb 1\n# EOF\n", "outside of its family"),
        ("# TYPE a gauge\n# HELP a h\na one\n# EOF\n", "no number"),
        ("# TYPE a_s gauge\n# UNIT a_s seconds\n# HELP a_s h\na_s 1\n# EOF\n", "its unit"),
        ("# TYPE a gauge\n# HELP a h\n# TYPE b gauge\n# HELP b h\n# TYPE a gauge\n# EOF\n", "two pieces"),
        ("# TYPE a gauge\n# TYPE a gauge\n# EOF\n", "a second TYPE"),
        ("# TYPE a gauge\n# HELP a h\na 1\n# UNIT a x\n# EOF\n", "after samples"),
        ("# TYPE a gouge\n# HELP a h\na 1\n# EOF\n", "no type is called"),
        ("# TYPE a histogram\n# HELP a h\na_bucket{le=\"+Inf\"} 2\na_sum 1\na_count 1\n# EOF\n", "do not fit"),
        ("# TYPE a histogram\n# HELP a h\na_bucket{le=\"1\"} 1\n# EOF\n", "not how a bound is written"),
    ];
    for (text, wrong) in table {
        let found = check(text).expect_err(text);
        assert!(found.contains(wrong), "{found} in {text}");
    }
}

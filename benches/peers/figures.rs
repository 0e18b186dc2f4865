// SPDX-License-Identifier: MIT OR Apache-2.0
//! Medians, ratios and tables.

use std::process::Command;

/// Figures of the two sides, taken by turns: the n-th of one belongs to the n-th of the other.
#[derive(Debug, Default)]
pub struct Figures {
    pub ours: Vec<f64>,
    pub theirs: Vec<f64>,
}

pub fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// The value below which so much of them lie; of an even number the lower middle.
pub fn quantile(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = ((sorted.len() as f64 * part).ceil() as usize).saturating_sub(1);
    sorted.get(at).copied().unwrap_or(f64::NAN)
}

pub fn most(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::NAN, f64::max)
}

fn least(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::NAN, f64::min)
}

impl Figures {
    /// One figure of each round that both sides played.
    pub fn of<T>(played: &[[T; 2]], figure: impl Fn(&T) -> f64) -> Figures {
        let side = |number: usize| played.iter().filter_map(|sides| sides.get(number)).map(&figure).collect();
        Figures { ours: side(0), theirs: side(1) }
    }

    /// What the ratios of the pairs are; more than one where ours is the smaller figure.
    fn ratios(&self) -> Vec<f64> {
        // A figure of nothing is a figure below the clock's grain.
        let grain = 0.001;
        self.theirs.iter().zip(&self.ours).map(|(theirs, ours)| theirs.max(grain) / ours.max(grain)).collect()
    }

    fn spread(values: &[f64]) -> String {
        format!("{} ({} to {})", short(median(values)), short(quantile(values, 0.95)), short(most(values)))
    }

    /// The same without ratio and verdict: which of the two is larger is chance.
    pub fn chance(&self, what: &str, unit: &str, limit: &str) {
        println!("| {what}, {unit} | {} | {} | {limit} | - |", Self::spread(&self.ours), Self::spread(&self.theirs));
    }

    /// A line of a table: ours, theirs, what they are measured by, the ratio and the verdict.
    pub fn line(&self, what: &str, unit: &str, limit: &str) {
        let ratios = self.ratios();
        let ratio = median(&ratios);
        let verdict = if ratio >= 1.0 { "" } else { " **lost**" };
        println!(
            "| {what}, {unit} | {} | {} | {limit} | {:.2} ({:.2} to {:.2}){verdict} |",
            Self::spread(&self.ours),
            Self::spread(&self.theirs),
            ratio,
            least(&ratios),
            most(&ratios),
        );
    }
}

/// The head of a table of such lines.
pub fn head(rounds: usize) {
    println!(
        "| {rounds} rounds; median (95 %, most) | ours | keepalived | limit | theirs : ours, median (least to most) |"
    );
    println!("|---|---|---|---|---|");
}

fn short(value: f64) -> String {
    if value.is_nan() {
        "none".to_owned()
    } else if value.abs() >= 100.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.2}")
    }
}

/// The machine, the kernel and the versions, in one line.
pub fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpuinfo = read("/proc/cpuinfo");
    let model =
        cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ")).map(|(_, name)| name);
    let cores = cpuinfo.lines().filter(|line| line.starts_with("processor")).count();
    let first_line = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).lines().next().unwrap_or_default().to_owned();
    let theirs = Command::new("keepalived").arg("--version").output().map(|output| first_line(output.stderr));
    let date =
        Command::new("date").args(["-u", "+%Y-%m-%d %H:%M UTC"]).output().map(|output| first_line(output.stdout));
    format!(
        "{}: {cores} cores of {}, Linux {}, ours {}, theirs {}",
        date.unwrap_or_default(),
        model.unwrap_or("an unnamed processor"),
        read("/proc/sys/kernel/osrelease").trim(),
        env!("CARGO_PKG_VERSION"),
        theirs.unwrap_or_default(),
    )
}

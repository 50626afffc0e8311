//! What is printed at the end: medians, and targets met or missed.

use crate::rounds::{Series, Turn};

/// Prints the medians of each program, with the range of the rate.
pub fn print(title: &str, all: &[Series]) {
    println!("\n{title}\n");
    println!(
        "| program | pages | pages/s | lowest–highest | wall s | CPU s | CPU ms/page | peak MB | nginx CPU s |"
    );
    println!("|---|--:|--:|--:|--:|--:|--:|--:|--:|");
    for series in all {
        let rates = series.turns.iter().map(|turn| turn.rate);
        println!(
            "| {} | {:.0} | {:.0} | {:.0}–{:.0} | {:.2} | {:.2} | {:.3} | {:.0} | {:.2} |",
            series.name,
            series.median(|turn| turn.pages as f64),
            series.median(|turn| turn.rate),
            rates.clone().fold(f64::INFINITY, f64::min),
            rates.fold(0.0, f64::max),
            series.median(|turn| turn.usage.wall.as_secs_f64()),
            series.median(|turn| turn.usage.cpu.as_secs_f64()),
            series.median(Turn::cpu_ms),
            series.median(Turn::peak_mb),
            series.median(|turn| turn.server.as_secs_f64()),
        );
    }
}

/// What was to be reached and what was.
#[derive(Debug, Default)]
pub struct Targets {
    rows: Vec<(String, String, String, bool)>,
}

impl Targets {
    /// A figure that must not be over its target.
    pub fn at_most(&mut self, what: &str, measured: f64, target: f64) {
        let met = measured <= target;
        self.add(what, format!("{measured:.2}"), format!("≤ {target}"), met);
    }

    /// A figure that must not be under its target.
    pub fn at_least(&mut self, what: &str, measured: f64, target: f64) {
        let met = measured >= target;
        self.add(what, format!("{measured:.2}"), format!("≥ {target}"), met);
    }

    /// A list that must be empty; its first entries are shown if it is not.
    pub fn none(&mut self, what: &str, found: &[String]) {
        let mut measured = found.len().to_string();
        for example in found.iter().take(3) {
            measured.push(' ');
            measured.push_str(example);
        }
        self.add(what, measured, "0".to_owned(), found.is_empty());
    }

    fn add(&mut self, what: &str, measured: String, target: String, met: bool) {
        self.rows.push((what.to_owned(), measured, target, met));
    }

    /// Whether none was missed.
    pub fn all_met(&self) -> bool {
        self.rows.iter().all(|(.., met)| *met)
    }

    /// Prints a row for each.
    pub fn print(&self) {
        if self.rows.is_empty() {
            return;
        }
        println!("\n| | measured | target | |\n|---|--:|--:|---|");
        for (what, measured, target, met) in &self.rows {
            let verdict = if *met { "PASS" } else { "MISS" };
            println!("| {what} | {measured} | {target} | {verdict} |");
        }
    }
}
